package rule

import (
	"slices"

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
	// AppendRoom: it stays while there is room for what is new (Result.Room, Result.Takes); else it must be evaluated anew.
	// Of AppendRising and AppendFalling, too, what they leave open stays while there is room, where the condition is Roomy.
	AppendRoom
	// AppendAlike: it stays where the answer is the same of the new events alone; else it must be evaluated anew.
	AppendAlike
	// AppendTop: it stays where one new event is kept and the answer is the same of it alone; else it must be evaluated anew.
	AppendTop
)

// Append tells how the condition x follows. The rows that were there before must not have come or gone by time since
// its answer was found; whoever keeps answers is woken for that (Result.NextChanges), and has to ask for that of the new
// events, too.
func (x *Expr) Append() Append {
	steady, joins := steadySelections(x)
	switch {
	case x.Type != Bool || !steady:
		return AppendAnew
	case joins:
		return AppendKept
	case asksFirst(x):
		return AppendFirst
	}
	how := x.append()
	if how == AppendKept && x.Roomy() {
		return AppendRoom
	}
	return how
}

func (x *Expr) append() Append {
	if m, ok := fusedFrom[x.op]; ok {
		return appendOf(m.measure, m.rel, x.args)
	}
	if x.op == opEq && mostFrequent(x.args[0]) && constantInRun(x.args[1]) {
		return AppendTop // one more of what is most frequent leaves it so, and one of anything else makes nothing but that more frequent
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
	case opAvg:
		return AppendAlike
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

// mostFrequent says whether x is the value that most rows of a selection have.
func mostFrequent(x *Expr) bool {
	return x.op == opTop && len(x.args) == 2 && x.args[0].op == opSelect && plainRow(x.args[1])
}

// asksFirst says whether x looks at nothing of events but the first of all.
func asksFirst(x *Expr) bool {
	firsts, only := firstsOf(x)
	return only && !slices.ContainsFunc(firsts, func(s *Expr) bool { return !s.src.all || len(s.args) > 0 })
}

// firstsOf lists the selections below x, if it looks at the first of their events only.
func firstsOf(x *Expr) (firsts []*Expr, only bool) {
	only = true
	walkEvaluated(x, map[*Expr]bool{}, func(e *Expr) {
		for _, a := range e.args {
			if a.op != opSelect {
				continue
			}
			place, picks := e.aux.(int)
			only = only && picks && place == 1 && (e.op == opPick || pickTimeFrom[e.op] != nil)
			firsts = append(firsts, a)
		}
	})
	return firsts, only && len(firsts) > 0
}

// Joining returns, of a condition whose selections an event may join when time has passed, the numbers of rows of these
// selections: they tell when that is (Result.NextChanges), where only new events are looked at.
func (l *Logic) Joining(x *Expr) (out []*Expr) {
	if steady, joins := steadySelections(x); !steady || !joins {
		return nil
	}
	walkEvaluated(x, map[*Expr]bool{}, func(e *Expr) {
		if e.op == opSelect {
			out = append(out, l.b.make(Expr{Type: Number, op: opCount, args: []*Expr{e}, src: e.src}))
		}
	})
	return out
}

// constantInRun says whether x is the same for everybody, and does not depend on what others have.
func constantInRun(x *Expr) bool { return x.level == runLevel }

// steadySelections says whether x looks at events only through selections whose rows come with their arrival and go with
// the start of a window: a row that is not kept now is never kept. With joins a row may also be kept later, when the end of
// a window has come up to it.
func steadySelections(x *Expr) (steady, joins bool) {
	steady = true
	walkEvaluated(x, map[*Expr]bool{}, func(e *Expr) {
		switch {
		case e.op == opFollows || e.op == opFollowed || e.op == opOfKept || e.op == opFirstSeen || e.population():
			steady = false
		case e.src != nil && (e.src.parent != nil || e.src.kind != warehouse.Events):
			steady = false
		case e.op == opSelect:
			for _, a := range e.args {
				switch bound := (a.op == opSince || a.op == opUntil) && a.args[0].level == runLevel; {
				case bound && a.op == opUntil:
					joins = true
				case !bound && !plainRow(a):
					steady = false
				}
			}
		}
	})
	return
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

// Kept is the customers of whom a selection below x, an expression of the roots, keeps a row, and those of whom more than
// one is kept; any is whether there are such.
func (r *Result) Kept(x *Expr) (some, several event.Bits, any bool) {
	w := r.w
	some, several = w.bits(w.n), w.bits(w.n)
	for _, s := range w.plan.selectionsOf(x) {
		sel, rows := w.res[w.plan.index[s]], w.rows(s.src)
		rows.each(sel, func(row int) {
			at, bit := rows.owner[row]>>6, uint64(1)<<(rows.owner[row]&63)
			several[at] |= some[at] & bit
			some[at] |= bit
			any = true
		})
	}
	return
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
