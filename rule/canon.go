package rule

import (
	"slices"
	"strings"

	"tagma/event"
)

// Canonical form: rules that mean the same by simple rewriting become one expression of a Builder. A negation stands at
// a comparison or a value, never before && or ||. && and || are flat, without duplicates, constants, complements, or
// parts that another part makes superfluous; what is said of the same value is put together (range.go). None of it
// changes an answer: a condition is never missing, and a bool value that is missing counts as false wherever its truth
// is asked, so !x is then true, before and after.

// operand is x where only its truth is asked.
func operand(x *Expr) *Expr {
	for x.op == opAnd && len(x.args) == 1 {
		x = x.args[0]
	}
	return x
}

// constTruth is the truth of a constant.
func constTruth(x *Expr) (truth, constant bool) {
	v, ok := x.constant()
	return ok && v.Bool(), ok
}

// cond is x as a condition: a bool value that may be missing becomes one.
func (b *Builder) cond(x *Expr) *Expr {
	if truth, constant := constTruth(x); constant {
		return b.Const(event.Bool(truth))
	}
	if x.Condition() {
		return x
	}
	return b.make(Expr{Type: Bool, op: opAnd, args: []*Expr{operand(x)}})
}

// Not returns the complement.
func (b *Builder) Not(x *Expr) *Expr {
	x = operand(x)
	not := b.nots[x]
	if not == nil {
		not = b.negate(x)
		b.nots[x] = not
	}
	return not
}

func (b *Builder) negate(x *Expr) *Expr {
	if truth, constant := constTruth(x); constant {
		return b.Const(event.Bool(!truth))
	}
	switch x.op {
	case opNot:
		return b.cond(x.args[0])
	case opAnd, opOr:
		parts := make([]*Expr, len(x.args))
		for i, a := range x.args {
			parts[i] = b.Not(a)
		}
		return b.join(dual(x.op), parts)
	case opBroadcast:
		return b.broadcast(b.Not(x.args[0]), x.src)
	case opTernary:
		return b.choose(Bool, x.args[0], b.Not(x.args[1]), b.Not(x.args[2]))
	}
	return b.make(Expr{Type: Bool, op: opNot, args: []*Expr{x}})
}

func dual(o *op) *op {
	if o == opAnd {
		return opOr
	}
	return opAnd
}

// And returns the conjunction.
func (b *Builder) And(xs ...*Expr) *Expr { return b.join(opAnd, xs) }

// Or returns the disjunction.
func (b *Builder) Or(xs ...*Expr) *Expr { return b.join(opOr, xs) }

// broadcast gives each row of a set its customer's value.
func (b *Builder) broadcast(x *Expr, set *eventSet) *Expr {
	if x.level != customerLevel {
		return x
	}
	return b.make(Expr{Type: x.Type, op: opBroadcast, args: []*Expr{x}, src: set, hint: x.hint})
}

// mostRounds is how often a chain is simplified anew after it became simpler. Rules that people write need one or two.
const mostRounds = 8

// join makes the canonical && (opAnd) or || (opOr) of xs.
func (b *Builder) join(o *op, xs []*Expr) *Expr { return b.joinIn(mostRounds, o, xs) }

func (b *Builder) joinIn(rounds int, o *op, xs []*Expr) *Expr {
	// What is said here of && holds of || with true and false exchanged.
	neutral := o == opAnd
	parts := b.flatten(o, xs)
	kept := parts[:0]
	for _, x := range parts {
		truth, constant := constTruth(x)
		switch {
		case !constant:
			kept = append(kept, x)
		case truth != neutral:
			return b.Const(event.Bool(!neutral))
		}
	}
	parts = kept
	slices.SortFunc(parts, func(x, y *Expr) int { return x.id - y.id })
	parts = slices.Compact(parts)
	parts, nothing := b.narrow(o, parts)
	if nothing || complementary(parts) {
		return b.Const(event.Bool(!neutral))
	}
	if rounds > 0 {
		if rest, changed := b.absorb(o, parts); changed {
			return b.joinIn(rounds-1, o, rest)
		}
	}
	switch {
	case len(parts) == 0:
		return b.Const(event.Bool(neutral))
	case len(parts) == 1:
		return b.cond(parts[0])
	}
	return b.make(Expr{Type: Bool, op: o, args: parts})
}

// flatten lists the parts of a chain, nested ones included. Among parts about the rows of events, what is said of the
// customer is decided once for the customer, and stands there as one part.
func (b *Builder) flatten(o *op, xs []*Expr) []*Expr {
	var parts, customers []*Expr
	var set *eventSet
	var collect func(x *Expr)
	collect = func(x *Expr) {
		x = operand(x)
		if x.level == rowLevel {
			set = x.src
		}
		switch {
		case x.op == o:
			for _, a := range x.args {
				collect(a)
			}
		case x.op == opBroadcast:
			collect(x.args[0])
		case x.level == customerLevel:
			customers = append(customers, x)
		default:
			parts = append(parts, x)
		}
	}
	for _, x := range xs {
		collect(x)
	}
	if set == nil || len(customers) == 0 {
		return append(parts, customers...)
	}
	return append(parts, operand(b.broadcast(operand(b.join(o, customers)), set)))
}

// complementary says that one part is the negation of another.
func complementary(parts []*Expr) bool {
	for _, x := range parts {
		if x.op == opNot && among(parts, x.args[0]) {
			return true
		}
	}
	return false
}

// among says whether x is one of the parts, which stand in the order of their numbers.
func among(parts []*Expr, x *Expr) bool {
	_, found := slices.BinarySearchFunc(parts, x, func(a, c *Expr) int { return a.id - c.id })
	return found
}

// absorb simplifies parts that are chains of the other kind: a && (a || b) is a, and a && (!a || b) is a && b.
func (b *Builder) absorb(o *op, parts []*Expr) (rest []*Expr, changed bool) {
	other := dual(o)
	if !slices.ContainsFunc(parts, func(x *Expr) bool { return x.op == other }) || len(parts) == 1 {
		return parts, false
	}
	negated := map[*Expr]bool{} // what parts are the negation of
	for _, x := range parts {
		if x.op == opNot {
			negated[x.args[0]] = true
		}
	}
	refuted := func(x *Expr) bool {
		return negated[x] || x.op == opNot && among(parts, x.args[0])
	}
	for _, x := range parts {
		switch {
		case x.op != other:
			rest = append(rest, x)
		case slices.ContainsFunc(x.args, func(a *Expr) bool { return among(parts, a) }):
			changed = true
		case slices.ContainsFunc(x.args, refuted):
			changed = true
			rest = append(rest, b.join(other, slices.DeleteFunc(slices.Clone(x.args), refuted)))
		default:
			rest = append(rest, x)
		}
	}
	return rest, changed
}

// Implies says whether y holds wherever x does, as far as simple rewriting tells: false does not say that there is a
// customer for whom it does not.
func (b *Builder) Implies(x, y *Expr) bool {
	truth, constant := constTruth(b.And(x, b.Not(y)))
	return constant && !truth
}

// Truth returns x as a condition, which is never missing: the form in which Check gives what it checks as one.
func (b *Builder) Truth(x *Expr) *Expr { return b.cond(x) }

// choose returns x where the condition holds and y elsewhere, of type t.
func (b *Builder) choose(t Type, cond, x, y *Expr) *Expr {
	cond = operand(cond)
	if cond.op == opNot {
		cond, x, y = cond.args[0], y, x
	}
	if truth, constant := constTruth(cond); constant {
		picked := y
		if truth {
			picked = x
		}
		if picked.Type == t {
			return picked
		}
	}
	if x == y && x.Type == t {
		return x
	}
	if t == Bool && x.Condition() && y.Condition() && (x.op == opConst || y.op == opConst) {
		return b.Or(b.And(cond, x), b.And(b.Not(cond), y))
	}
	return b.make(Expr{Type: t, op: opTernary, args: []*Expr{cond, x, y}, hint: kindsOf(x, y)})
}

// commute makes an operation whose sides can be exchanged, in canonical order; what is the same for everybody stands at the right.
func (b *Builder) commute(t Type, o *op, x, y *Expr) *Expr {
	left, right := x.level == runLevel, y.level == runLevel
	if left && !right || left == right && x.id > y.id {
		x, y = y, x
	}
	return b.make(Expr{Type: t, op: o, args: []*Expr{x, y}})
}

// selection makes the selection of the rows of a set for which all filters hold: those of several where(…) are one
// conjunction.
func (b *Builder) selection(set *eventSet, filters []*Expr) *Expr {
	all := operand(b.And(filters...))
	truth, constant := constTruth(all)
	switch {
	case constant && truth:
		filters = nil
	case constant: // nothing is kept; the bounds stay, so that little is read
		filters = append(slices.DeleteFunc(slices.Clone(filters), func(f *Expr) bool { return f.op != opSince && f.op != opUntil }), all)
	case all.op == opAnd:
		filters = slices.Clone(all.args)
	default:
		filters = []*Expr{all}
	}
	slices.SortFunc(filters, func(x, y *Expr) int { return x.id - y.id })
	return b.make(Expr{Type: Events, op: opSelect, args: slices.Compact(filters), src: set})
}

// sorted is infix for operations whose sides can be exchanged: the text does not depend on what was built before.
// What is the same for everybody stands last.
func sorted(sign string) func(x *Expr, arg func(int) string) string {
	return func(x *Expr, arg func(int) string) string {
		parts := make([]string, len(x.args))
		free := 0
		for i, a := range x.args {
			if parts[i] = arg(i); a.level != runLevel {
				free++
			}
		}
		if free != 1 || len(parts) != 2 {
			slices.Sort(parts)
		}
		return "(" + strings.Join(parts, " "+sign+" ") + ")"
	}
}

// negatedText writes a negation: of a comparison as the opposite one, where that means the same.
func negatedText(x *Expr, arg func(int) string) string {
	a := x.args[0]
	inner := func(i int) string { return a.args[i].String() }
	if m, ok := fusedFrom[a.op]; ok && m.measure.whole() {
		text := m.measure.text(a, inner)
		switch {
		case m.rel == equal:
			return "(" + text + " != " + a.val.String() + ")"
		case m.rel == greaterOrEqual && a.val.Number().Cmp(event.Int(1)) == 0:
			return "(" + text + " == 0)"
		case m.rel == greaterOrEqual:
			return "(" + text + " < " + a.val.String() + ")"
		}
	}
	switch {
	case a.op == opEq:
		return "(" + inner(0) + " != " + inner(1) + ")"
	case a.op == opGe && a.args[0].op.whole():
		return "(" + inner(0) + " < " + inner(1) + ")"
	}
	return "!" + arg(0)
}
