package rule

import (
	"tagma/event"
	"tagma/warehouse"
)

// Append says how the answer of a condition follows when events are appended that are not later than now: from what it was,
// and from what it would be of the new events alone.
type Append uint8

const (
	// AppendAnew: it must be evaluated with all events.
	AppendAnew Append = iota
	// AppendKept: it stays unless a selection keeps one of the new events; else it must be evaluated anew.
	AppendKept
	// AppendAny: it holds if it did, or holds of the new ones.
	AppendAny
	// AppendRising: as AppendAny where that is true. Where it is not and a new one is kept it must be evaluated anew.
	AppendRising
	// AppendFalling: it stays unless a new one is kept. Then it does not hold if it did not, or does not hold of the new
	// ones; else it must be evaluated anew.
	AppendFalling
	// AppendBoth: it stays unless a new one is kept. Then it holds if it did and holds of the new ones, and does not if it
	// does not hold of these; else it must be evaluated anew.
	AppendBoth
	// AppendFirst: it stays unless one of the new events is the customer's first of all.
	AppendFirst
)

// Append tells how the condition x follows. The rows that were there before must not have come or gone by time since
// its answer was found; whoever keeps answers is woken for that (Result.NextChanges), and has to ask for that of the new
// events, too.
func (x *Expr) Append() Append {
	if x.Type != Bool || !steadySelections(x) {
		return AppendAnew
	}
	if asksFirst(x) {
		return AppendFirst
	}
	if m, ok := fusedFrom[x.op]; ok {
		return appendOf(m.measure, m.rel, x.args)
	}
	if like, ok := pickTimeFrom[x.op]; ok {
		rel, last := relations[like], x.aux.(int) < 0
		switch {
		case rel == equal || !constantInRun(x.args[1]):
			return AppendKept
		case last == (rel == greater || rel == greaterOrEqual):
			return AppendAny
		}
		return AppendBoth
	}
	if rel, ok := relations[x.op]; ok && (x.op != opEq) && constantInRun(x.args[1]) {
		return appendOf(x.args[0].op, rel, x.args[0].args)
	}
	return AppendKept
}

// appendOf is how a measure of a selection compared with a constant follows.
func appendOf(measure *op, rel relation, args []*Expr) Append {
	up := rel == greater || rel == greaterOrEqual
	if rel == equal || len(args) == 0 || args[0].op != opSelect || len(args) > 1 && !plainRow(args[1]) {
		return AppendKept
	}
	switch measure {
	case opCount, opDays, opDistinct:
		if up {
			return AppendRising
		}
		return AppendFalling
	case opMax, opMin:
		switch {
		case len(args) != 2 || args[1].Kind() == event.Missing: // of several kinds the largest may be of another
			return AppendKept
		case up == (measure == opMax):
			return AppendAny
		}
		return AppendBoth
	}
	return AppendKept
}

// asksFirst says whether x looks at nothing of events but the first of all.
func asksFirst(x *Expr) bool {
	asks, only := false, true
	walkEvaluated(x, map[*Expr]bool{}, func(e *Expr) {
		for _, a := range e.args {
			if a.op != opSelect {
				continue
			}
			place, picks := e.aux.(int)
			first := picks && place == 1 && (e.op == opPick || pickTimeFrom[e.op] != nil)
			asks, only = true, only && first && a.src.all && len(a.args) == 0
		}
	})
	return asks && only
}

// constantInRun says whether x is the same for everybody, and does not depend on what others have.
func constantInRun(x *Expr) bool { return x.level == runLevel }

// steadySelections says whether x looks at events only through selections whose rows come with their arrival and go with
// the start of a window: a row that is not kept now is never kept.
func steadySelections(x *Expr) bool {
	ok := true
	walkEvaluated(x, map[*Expr]bool{}, func(e *Expr) {
		switch {
		case e.op == opFollows || e.op == opFollowed || e.op == opOfKept || e.op == opFirstSeen || e.population():
			ok = false
		case e.src != nil && (e.src.parent != nil || e.src.kind != warehouse.Events):
			ok = false
		case e.op == opSelect:
			for _, a := range e.args {
				ok = ok && (a.op == opSince && a.args[0].level == runLevel || plainRow(a))
			}
		}
	})
	return ok
}

// plainRow says whether x, at row level, is a function of what is stored of the row alone, and not of time.
func plainRow(x *Expr) bool {
	switch x.op {
	case opConst, opProperty, opEventSource, opEventName:
		return true
	case opAnd, opOr, opNot, opPresent, opEq, opLt, opLe, opGt, opGe, opIn, opAnyOf:
	default:
		switch {
		case functions[x.op.name] == nil || functions[x.op.name].op != x.op:
			return false
		}
		switch x.op.name {
		case "contains", "startsWith", "endsWith", "matches", "lower", "upper", "trim", "size":
		default:
			return false
		}
	}
	for _, a := range x.args {
		if !plainRow(a) {
			return false
		}
	}
	return true
}

// Kept is the customers of whom a selection below x, an expression of the roots, keeps a row.
func (r *Result) Kept(x *Expr) event.Bits {
	w := r.w
	out := w.bits(w.n)
	for _, s := range w.plan.selectionsOf(x) {
		sel, rows := w.res[w.plan.index[s]], w.rows(s.src)
		rows.each(sel, func(row int) { out.Set(int(rows.owner[row])) })
	}
	return out
}

// selectionsOf lists the selections below an expression.
func (p *Plan) selectionsOf(x *Expr) []*Expr {
	if list, ok := p.selections[x]; ok {
		return list
	}
	var list []*Expr
	walkEvaluated(x, map[*Expr]bool{}, func(e *Expr) {
		if e.op == opSelect {
			list = append(list, e)
		}
	})
	if p.selections == nil {
		p.selections = map[*Expr][]*Expr{}
	}
	p.selections[x] = list
	return list
}
