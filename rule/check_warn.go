package rule

import (
	"fmt"
	"slices"

	"tagma/event"
	"tagma/warehouse"
)

// Warnings: what can be computed, and yet is hardly what was meant.

func (c *checker) warnHint(n Node, hint, format string, args ...any) {
	c.warn(n, format, args...)
	c.faults[len(c.faults)-1].Hint = hint
}

// once leaves out warnings that stand there already: a part of a rule may be checked twice.
func once(warnings []Fault) (out []Fault) {
	for _, w := range warnings {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// textOf is a part of the rule as written.
func (c *checker) textOf(n Node) string { return OneLine(n) }

// warnLogic warns when the parts of a chain, none of which is a constant, can never hold together; or, of a ||, when
// one of them always does. parts are as written, xs what they mean, all what the chain means.
func (c *checker) warnLogic(n *Binary, parts []Node, xs []*Expr, all *Expr) {
	if _, constant := all.constant(); !constant || slices.ContainsFunc(xs, isConst) {
		return
	}
	o, message, hint := opAnd, "this never holds together with %s", "nothing satisfies both: write || if either of them is meant"
	if n.Op == "||" {
		o, message, hint = opOr, "one of this and %s always holds", "so the condition says nothing: write && if both are meant"
	}
	whole := func(xs ...*Expr) bool { return isConst(c.b.join(o, xs)) }
	for j := range xs {
		for i := range xs[:j] {
			if whole(xs[i], xs[j]) {
				c.warnHint(parts[j], hint, message, c.textOf(parts[i]))
				return
			}
		}
		if len(xs) > manyRanges { // too many to compare each with each
			break
		}
	}
	if n.Op == "||" {
		c.warn(n, "one of these conditions always holds")
		return
	}
	c.warn(n, "these conditions never hold together")
}

func isConst(x *Expr) bool { return x.op == opConst }

// warnSettled warns of a comparison that comes out the same for everybody, though one of its sides varies.
func (c *checker) warnSettled(n *Binary, x, y, result *Expr) {
	truth, constant := constTruth(result)
	switch {
	case !constant || isConst(x) && isConst(y):
	case truth:
		c.warn(n, "this always holds: a count is a whole number, and never below 0")
	default:
		c.warn(n, "this never holds: a count is a whole number, and never below 0")
	}
}

// warnFilter warns of a filter that keeps nothing of what the filters before it keep.
func (c *checker) warnFilter(n Node, before, filter, after *Expr) {
	if before == nil || filter == nil || after == nil || isConst(filter) {
		return
	}
	never := func(sel *Expr) bool { return slices.ContainsFunc(sel.args, isConst) }
	if never(after) && !never(before) {
		c.warnHint(n, "filters one after another all hold: write || inside one where(…) if either is meant", "this keeps none of the events that the filters before it keep")
	}
}

// warnMixed warns when values of several kinds came and only those of some kinds count here.
func (c *checker) warnMixed(n Node, x *Expr, counted ...event.Kind) {
	if x.Type != Any || len(x.hint) < 2 {
		return
	}
	named := x
	if x.op == opBroadcast {
		named = x.args[0]
	}
	switch named.op {
	case opTrait, opProperty, opField, opMin, opMax, opTop:
	default: // computed: whoever wrote it knows what it gives
		return
	}
	var in, out []event.Kind
	for _, k := range x.hint {
		if slices.Contains(counted, k) {
			in = append(in, k)
		} else {
			out = append(out, k)
		}
	}
	if len(in) == 0 || len(out) == 0 { // none: that has a warning of its own
		return
	}
	c.warnHint(n, "declare its type in the schema: what does not fit is then refused, or coerced if you say so",
		"values of several types came: here only %s counts, and what came as %s is left out", kindList(in), kindList(out))
}

// nobody is the history of one customer of whom nothing is known but that it exists.
type nobody struct{}

func (nobody) Offset() uint64   { return 0 }
func (nobody) Profiles() uint32 { return 1 }
func (nobody) Profile(event.ProfileID) warehouse.Profile {
	return warehouse.Profile{Known: true, Person: true, Untimed: true, FirstSeen: event.Never}
}
func (nobody) Series() []warehouse.SeriesInfo                       { return nil }
func (nobody) Dict(string) event.Dict                               { return emptyDict{} }
func (nobody) Texts(string, int) []string                           { return nil }
func (nobody) Reader(r warehouse.Request) (warehouse.Reader, error) { return nothingReader(r), nil }
func (nobody) Close()                                               {}

type emptyDict struct{}

func (emptyDict) Text(uint32) string         { return "" }
func (emptyDict) Code(string) (uint32, bool) { return 0, false }

// nothingReader reads the rows of nobody: none.
type nothingReader warehouse.Request

func (r nothingReader) Profile(p event.ProfileID, into *warehouse.Block) error {
	into.First, into.N, into.Tables = p, 1, make([]warehouse.Table, len(r.Series))
	for i, s := range r.Series {
		into.Tables[i] = warehouse.Table{Start: []int32{0, 0}, Columns: make([][]event.Column, len(s.Columns))}
	}
	return nil
}
func (r nothingReader) Blocks(first uint32, _ int, into *warehouse.Block) error {
	return r.Profile(event.ProfileID(first)*warehouse.BlockSize, into)
}
func (nothingReader) Close() {}

// someInstant is when nobody is asked about: the warnings of a rule do not change with the day.
const someInstant = event.Time(1_750_000_000_000)

// warnEmpty warns of comparisons between two measures of events that make a rule hold for a customer without any event:
// 0 >= 0 × 0.4. A comparison with a constant says what it means for zero, and there is no warning.
func (c *checker) warnEmpty(root Node) {
	for _, cond := range c.conditions(root, nil) {
		c.warnEmptyIn(cond)
	}
}

// conditions lists the conditions that decide about a rule: itself, or those of the outcomes of a value.
func (c *checker) conditions(n Node, out []Node) []Node {
	x := c.nodes[n]
	t, isTernary := n.(*Ternary)
	switch {
	case x == nil:
	case x.Type == Bool:
		return append(out, n)
	case isTernary:
		return c.conditions(t.Y, c.conditions(t.X, append(out, t.Cond)))
	}
	return out
}

func (c *checker) warnEmptyIn(root Node) {
	var leaves, suspects []Node
	eachLeaf(root, func(n Node) {
		if c.nodes[n] == nil {
			return
		}
		leaves = append(leaves, n)
		if b, ok := n.(*Binary); ok && c.measuresEvents(b.X) && c.measuresEvents(b.Y) {
			suspects = append(suspects, n)
		}
	})
	if len(suspects) == 0 {
		return
	}
	truth, say, ok := c.ofNobody(leaves, suspects)
	if !ok {
		return
	}
	for i, n := range suspects {
		// It is this comparison that lets the customer in: were it the other way round, the rule would not hold.
		if !holdsWith(root, truth, nil) || holdsWith(root, truth, n) {
			continue
		}
		c.warnHint(n, c.notForNobody(n.(*Binary), truth[n]), "a customer with no event at all is let in by this: %s", say[i])
	}
}

// eachLeaf calls f for the indivisible parts of a condition.
func eachLeaf(n Node, f func(Node)) {
	switch n := n.(type) {
	case *Binary:
		if n.Op == "&&" || n.Op == "||" {
			eachLeaf(n.X, f)
			eachLeaf(n.Y, f)
			return
		}
	case *Unary:
		if n.Op == "!" {
			eachLeaf(n.X, f)
			return
		}
	case *Ternary:
		eachLeaf(n.Cond, f)
		eachLeaf(n.X, f)
		eachLeaf(n.Y, f)
		return
	}
	f(n)
}

// holdsWith says whether a condition holds, given whether its leaves do, with one of them turned round.
func holdsWith(n Node, truth map[Node]bool, turned Node) bool {
	switch n := n.(type) {
	case *Binary:
		switch n.Op {
		case "&&":
			return holdsWith(n.X, truth, turned) && holdsWith(n.Y, truth, turned)
		case "||":
			return holdsWith(n.X, truth, turned) || holdsWith(n.Y, truth, turned)
		}
	case *Unary:
		if n.Op == "!" {
			return !holdsWith(n.X, truth, turned)
		}
	case *Ternary:
		if holdsWith(n.Cond, truth, turned) {
			return holdsWith(n.X, truth, turned)
		}
		return holdsWith(n.Y, truth, turned)
	}
	return truth[n] != (n == turned)
}

// measuresEvents says whether a side of a comparison is computed of the customer's own events, and of nothing that
// is not known here: parameters across all customers, and what is recorded elsewhere.
func (c *checker) measuresEvents(n Node) bool {
	x := c.nodes[n]
	if x == nil || x.level != customerLevel {
		return false
	}
	measures, known := false, true
	walk(x, map[*Expr]bool{}, func(e *Expr) {
		switch e.op {
		case opSelect:
			measures = true
		case opPublished, opPinned, opKept, opPast, opMean, opMedian, opQuantile, opNtile, opCell, opTableCell, opLine:
			known = false
		}
	})
	return measures && known
}

// ofNobody evaluates leaves for a customer without events and traits, and writes out the suspects among them.
func (c *checker) ofNobody(leaves, suspects []Node) (truth map[Node]bool, say []string, ok bool) {
	run := &Run{Snapshot: nobody{}, Now: someInstant, Zone: c.env.Zone, Params: Params{},
		Published: func(string, event.ProfileID, int) []event.Column { return nil },
		Pinned:    func(string, event.ProfileID, int) []Held { return nil },
		Kept:      func(string, event.ProfileID, int) []Held { return nil },
		Past:      func(string, event.ProfileID, int) (changed, previous []event.Column) { return nil, nil }}
	var roots []*Expr
	for _, n := range leaves {
		roots = append(roots, c.nodes[n])
	}
	for _, n := range suspects {
		roots = append(roots, c.nodes[n.(*Binary).X], c.nodes[n.(*Binary).Y])
	}
	err := run.One(0, roots, func(r *Result) error {
		truth = map[Node]bool{}
		for _, n := range leaves {
			truth[n] = r.Holds(c.nodes[n], 0)
		}
		shown := func(n Node) string {
			if v := r.Measured(c.nodes[n], 0); v.Present() {
				return v.Format(c.env.Zone)
			}
			return "nothing"
		}
		for _, n := range suspects {
			b := n.(*Binary)
			text := fmt.Sprintf("%s %s %s", shown(b.X), b.Op, shown(b.Y))
			if truth[n] {
				text += " holds"
			} else {
				text += " does not hold"
			}
			say = append(say, text)
		}
		return nil
	})
	return truth, say, err == nil
}

// notForNobody proposes how a comparison of two measures can leave out those without events: as a ratio, where both are
// of the same events, because division by zero is missing.
func (c *checker) notForNobody(n *Binary, holds bool) string {
	left, right, o := n.X, n.Y, n.Op
	if o == "<" || o == "<=" { // the part that cannot be more than the whole stands on the left of >
		left, right, o = right, left, map[string]string{"<": ">", "<=": ">="}[o]
	}
	base, factor := scaled(right)
	if o == ">=" && holds && base != nil && c.sameEvents(left, base) && c.simple(left) {
		return fmt.Sprintf("write %s / %s >= %s", c.textOf(left), c.textOf(base), factor)
	}
	return fmt.Sprintf("add && %s > 0", c.bracketed(left))
}

// scaled takes a side apart: a measure, times a number written there.
func scaled(n Node) (measure Node, factor string) {
	b, ok := n.(*Binary)
	if !ok {
		return n, "1"
	}
	if b.Op != "*" {
		return nil, ""
	}
	for _, sides := range [][2]Node{{b.X, b.Y}, {b.Y, b.X}} {
		if lit, isNumber := sides[1].(*Literal); isNumber {
			if _, plain := sides[0].(*Call); plain {
				return sides[0], OneLine(lit)
			}
		}
	}
	return nil, ""
}

// simple says that a node needs no brackets as part of a quotient.
func (c *checker) simple(n Node) bool { _, call := n.(*Call); return call }

func (c *checker) bracketed(n Node) string {
	if c.simple(n) {
		return c.textOf(n)
	}
	return "(" + c.textOf(n) + ")"
}

// sameEvents says whether two measures are of events of the same names.
func (c *checker) sameEvents(x, y Node) bool {
	a, b := c.nodes[x], c.nodes[y]
	return a != nil && b != nil && a.src != nil && b.src != nil && a.src.base() == b.src.base()
}
