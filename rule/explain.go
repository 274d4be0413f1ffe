package rule

import (
	"slices"

	"tagma/event"
	"tagma/warehouse"
)

// Leaf is an indivisible part of a rule: a condition under its and, or, not; or, of a rule that is a value, the
// value itself.
type Leaf struct {
	Text     string // as written
	Expr     *Expr
	Measured *Expr // what a comparison measures; nil when there is nothing to show
	Against  *Expr // what it is compared with, when that is measured, too
}

// Measures are what the leaf measures: to be evaluated with it, so that it can be shown.
func (l Leaf) Measures() (out []*Expr) {
	for _, x := range []*Expr{l.Measured, l.Against} {
		if x != nil {
			out = append(out, x)
		}
	}
	return out
}

// Proven is what the events of Result.Proof prove: the first of the leaf's measures that looks at events, or the leaf.
func (l Leaf) Proven() *Expr {
	for _, x := range l.Measures() {
		if x.selects() {
			return x
		}
	}
	return l.Expr
}

func (x *Expr) selects() bool {
	return x.op == opSelect || !x.parameter() && slices.ContainsFunc(x.args, (*Expr).selects)
}

// Leaves lists the leaves of a rule in the order in which they are written.
func (r *Rule) Leaves() []Leaf {
	var out []Leaf
	var visit func(n Node)
	visit = func(n Node) {
		switch n := n.(type) {
		case *Binary:
			if n.Op == "&&" || n.Op == "||" {
				visit(n.X)
				visit(n.Y)
				return
			}
		case *Unary:
			if n.Op == "!" {
				visit(n.X)
				return
			}
		case *Ternary:
			visit(n.Cond)
			visit(n.X)
			visit(n.Y)
			return
		}
		x := r.Nodes[n]
		if _, written := n.(*Literal); x == nil || written {
			return
		}
		leaf := Leaf{Text: OneLine(n), Expr: x}
		if b, ok := n.(*Binary); ok {
			for _, side := range []Node{b.X, b.Y} {
				m := r.Nodes[side]
				switch {
				case m == nil || m.op == opConst || !m.Type.value() && m.Type != IDs:
				case leaf.Measured == nil:
					leaf.Measured = m
				default:
					leaf.Against = m
				}
			}
		}
		if x.Type != Bool && x.Type.value() {
			leaf.Measured = x
		}
		out = append(out, leaf)
	}
	visit(r.Source.Root)
	return out
}

// Holds says whether a condition below one of the roots holds for customer i, whether or not it is in the universe.
func (r *Result) Holds(x *Expr, i int) bool {
	return r.w.truthOf(r.w.res[r.w.plan.index[x]], r.w.n).Get(i)
}

// Measured returns the value of an expression below one of the roots for customer i, missing where there is none.
func (r *Result) Measured(x *Expr, i int) event.Value {
	if x.level == rowLevel {
		return event.Value{}
	}
	v := r.w.res[r.w.plan.index[x]]
	if v.cases != nil {
		return x.caseValues().of(v.cases, i)
	}
	return v.value(i)
}

// ProofEvent is an event that an answer rests on, with the properties that the rule looks at.
type ProofEvent struct {
	Name  string
	Time  event.Time
	Props []event.Property
}

// selection is the outermost selection of x, the first as x is built: what is measured, not what its filters look at.
func (p *Plan) selection(x *Expr) *Expr {
	if _, ok := p.index[x]; !ok {
		return nil
	}
	if x.op == opSelect {
		return x
	}
	for _, a := range x.args {
		if s := p.selection(a); s != nil {
			return s
		}
	}
	return nil
}

// Proof returns the events that the outermost selection of x keeps for customer i, the latest first, up to limit;
// total is how many there are. A rule without a selection has none.
func (r *Result) Proof(x *Expr, i, limit int) (events []ProofEvent, total int) {
	w := r.w
	sel := w.plan.selection(x)
	if sel == nil {
		return nil, 0
	}
	rows := w.rows(sel.src)
	kept := w.res[w.plan.index[sel]]
	var order []int32
	for row := range int32(rows.n) {
		if int(rows.owner[row]) == i && (kept.all || kept.mask.Get(int(row))) {
			order = append(order, row)
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		if w.later(rows, a, b) {
			return -1
		}
		return 1
	})
	for _, row := range order[:min(limit, len(order))] {
		events = append(events, w.proofEvent(sel.src, rows, int(row)))
	}
	return events, len(order)
}

func (w *worker) proofEvent(set *eventSet, rows *eventRows, row int) ProofEvent {
	if set.parent != nil {
		e := w.proofEvent(set.parent, w.rows(set.parent), int(rows.of[row]))
		if v := rows.elements[row]; v.Kind() == event.MapKind {
			e.Props = append(slices.Clone(v.Map()), e.Props...)
		} else {
			e.Props = append([]event.Property{{Name: set.list, Value: v}}, e.Props...)
		}
		e.Props = slices.DeleteFunc(e.Props, func(p event.Property) bool { return p.Name == set.list && p.Value.Kind() == event.ListKind })
		return e
	}
	table := rows.series(int32(row))
	e := ProofEvent{Name: w.plan.request.Series[table].Name, Time: rows.times[row]}
	for _, name := range w.plan.request.Series[table].Columns {
		if name == warehouse.SourceColumn {
			continue
		}
		for _, c := range w.rowColumns(set, name) {
			if c.Present(row) {
				e.Props = append(e.Props, event.Property{Name: name, Value: c.Value(row)})
			}
		}
	}
	return e
}
