package rule

import (
	"tagma/event"
	"tagma/warehouse"
)

// Rows returns how many rows of the history the evaluation of x, a root or an expression below one, looks at in this
// block: those of each selection below it that lie within its fixed bounds of time, and those of each trait, consent and
// kind of identifiers. Rows that several parts of x look at count for each selection once. What is looked at for
// parameters across all customers, for the index and for the change log does not count. It costs a pass over the times
// of the rows.
func (r *Result) Rows(x *Expr) (n int) {
	w := r.w
	seen := map[*Expr]bool{}
	var visit func(x *Expr)
	visit = func(x *Expr) {
		if seen[x] {
			return
		}
		seen[x] = true
		switch x.op {
		case opSelect:
			n += w.rowsWithin(x)
		case opTrait:
			n += w.rowsOf(warehouse.Traits, x.str)
		case opConsent:
			n += w.rowsOf(warehouse.Consents, x.str)
		case opIDs:
			n += w.rowsOf(warehouse.Identifiers, x.str)
		case opSinceWhen:
			n += w.rowsOf(x.aux.(warehouse.SeriesKind), x.str)
		}
		if x.parameter() {
			return
		}
		for _, a := range x.args {
			visit(a)
		}
	}
	visit(x)
	return n
}

// RowsRead returns how many rows were read for this block, for all roots together.
func (r *Result) RowsRead() (n int) {
	for i := range r.w.block.Tables {
		n += r.w.block.Tables[i].Rows()
	}
	return n
}

func (w *worker) rowsOf(kind warehouse.SeriesKind, name string) int {
	if ti, ok := w.plan.tableOf(kind, name); ok {
		return w.block.Tables[ti].Rows()
	}
	return 0
}

// rowsWithin counts the rows of a selection's set between its bounds that are the same for everybody.
func (w *worker) rowsWithin(sel *Expr) int {
	rows := w.rows(sel.src)
	from, to := event.Always, w.now
	for _, f := range sel.args {
		if f.op != opSince && f.op != opUntil || f.args[0].level != runLevel {
			continue
		}
		switch t := w.res[w.plan.index[f.args[0]]].value(0); {
		case t.Kind() != event.TimeKind:
			return 0
		case f.op == opSince:
			from = max(from, t.Time())
		default:
			to = min(to, t.Time()-1)
		}
	}
	n := 0
	for _, t := range rows.times {
		if t >= from && t <= to {
			n++
		}
	}
	return n
}
