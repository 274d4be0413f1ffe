package rule

import (
	"math"
	"slices"

	"tagma/event"
)

// What a chain of && or || says of one value, taken together: x == "a" || x == "b" is x in ["a", "b"], and
// x >= 5 && x < 3 is false.

// whole says that a measure is a whole number, not negative, and never missing. Its comparisons have one form: with >=
// or ==, or the negation of that.
func (o *op) whole() bool {
	switch o {
	case opCount, opDays, opDistinct, opStreak, opPeak:
		return true
	}
	return false
}

// compareWhole compares a whole measure with a number.
func (b *Builder) compareWhole(o *op, x *Expr, k event.Number) *Expr {
	rel, limit, always := threshold(relations[o], k, 0)
	if always != 0 {
		return b.Const(event.Bool(always > 0))
	}
	atLeast := func(n int64) *Expr {
		if n <= 0 {
			return b.Const(event.Bool(true))
		}
		return b.comparison(opGe, x, b.Const(event.Num(event.Int(n))))
	}
	if limit == math.MaxInt64 && (rel == greater || rel == lessOrEqual) {
		return b.Const(event.Bool(rel == lessOrEqual))
	}
	switch rel {
	case greater:
		return atLeast(limit + 1)
	case greaterOrEqual:
		return atLeast(limit)
	case less:
		return b.Not(atLeast(limit))
	case lessOrEqual:
		return b.Not(atLeast(limit + 1))
	}
	switch {
	case limit < 0:
		return b.Const(event.Bool(false))
	case limit == 0:
		return b.Not(atLeast(1))
	}
	return b.comparison(opEq, x, b.Const(event.Num(event.Int(limit))))
}

// literal is a condition on one value: that it is one of some values, or lies in a range.
type literal struct {
	of     subjectOf
	values []event.Value // when the value is one of these
	lo, hi limit         // otherwise
	expr   *Expr         // as it stands in the chain
	neg    bool          // it is the negation of that
}

// subjectOf is what a literal is about.
type subjectOf struct {
	x *Expr // the value; of the time of the first or last event the selection
	// place is that of the event; empty for a plain value.
	place string
	// days says that the ranges are of days before today.
	days bool
}

// limit is the end of a range. A missing value: there is none.
type limit struct {
	v    event.Value
	open bool // the value itself is outside
}

// literalOf reads x as a literal.
func (b *Builder) literalOf(x *Expr) (literal, bool) {
	l := literal{expr: x}
	if x.op == opNot {
		l.neg, x = true, x.args[0]
	}
	switch {
	case x.op == opIn && len(x.args) == 1:
		l.of.x, l.values = x.args[0], x.val.List()
		return l, true
	case x.op == opCaseIs:
		tag := x.args[0]
		l.of.x = b.caseValue(tag)
		if l.values = x.val.List(); x.val.Kind() != event.ListKind {
			l.values = []event.Value{x.val}
		}
		return l, true
	}
	if m, ok := fusedFrom[x.op]; ok {
		l.of.x = b.make(Expr{Type: Number, op: m.measure, args: x.args, src: x.src})
		l.set(m.rel, x.val)
		return l, true
	}
	rel, ok := relations[x.op]
	if like, picked := pickTimeFrom[x.op]; picked {
		rel, ok = relations[like], true
		l.of.place = x.str
	}
	if !ok {
		return l, false
	}
	l.of.x = x.args[0]
	switch y := x.args[1]; {
	case y.op == opConst:
		l.set(rel, y.val)
	case y.op == opDayBound:
		l.of.days = true
		l.set(rel, event.Num(event.Int(-int64(y.aux.(int)))))
	default:
		return l, false
	}
	if l.of.place != "" || l.of.days || x.args[0].Type == Duration {
		l.asRange()
	}
	return l, true
}

// caseValue is the value of a tag with cases.
func (b *Builder) caseValue(tag *Expr) *Expr {
	return b.make(Expr{Type: tag.Type, op: opCaseValue, args: []*Expr{tag}, hint: tag.hint})
}

func (l *literal) set(rel relation, k event.Value) {
	switch rel {
	case equal:
		l.values = []event.Value{k}
	case less, lessOrEqual:
		l.hi = limit{k, rel == less}
	default:
		l.lo = limit{k, rel == greater}
	}
}

// asRange makes a range of a single value: such literals are not put together as lists.
func (l *literal) asRange() {
	if len(l.values) == 1 {
		l.lo, l.hi, l.values = limit{v: l.values[0]}, limit{v: l.values[0]}, nil
	}
}

func (l *literal) finite() bool { return l.values != nil }

// contains says whether a value satisfies the literal, its negation left aside.
func (l *literal) contains(v event.Value) bool {
	if l.finite() {
		return slices.ContainsFunc(l.values, v.Equal)
	}
	for i, end := range []limit{l.lo, l.hi} {
		if !end.v.Present() {
			continue
		}
		if end.v.Kind() != v.Kind() {
			return false
		}
		c := v.Compare(end.v)
		if i == 1 {
			c = -c
		}
		if c < 0 || c == 0 && end.open {
			return false
		}
	}
	return true
}

// kind is the kind of values in a range.
func (l *literal) kind() event.Kind {
	if l.lo.v.Present() {
		return l.lo.v.Kind()
	}
	return l.hi.v.Kind()
}

// inside says whether all that satisfies l satisfies m.
func (l *literal) inside(m *literal) bool {
	switch {
	case l.finite():
		return !slices.ContainsFunc(l.values, func(v event.Value) bool { return !m.contains(v) })
	case m.finite() || l.kind() != m.kind():
		return false
	}
	within := func(mine, theirs limit, sign int) bool {
		switch {
		case !theirs.v.Present():
			return true
		case !mine.v.Present():
			return false
		}
		c := mine.v.Compare(theirs.v) * sign
		return c > 0 || c == 0 && (mine.open || !theirs.open)
	}
	return within(l.lo, m.lo, 1) && within(l.hi, m.hi, -1)
}

// apart says whether nothing satisfies both.
func (l *literal) apart(m *literal) bool {
	switch {
	case l.finite():
		return !slices.ContainsFunc(l.values, m.contains)
	case m.finite():
		return m.apart(l)
	case l.kind() != m.kind():
		return true
	}
	after := func(lo, hi limit) bool {
		if !lo.v.Present() || !hi.v.Present() {
			return false
		}
		c := lo.v.Compare(hi.v)
		return c > 0 || c == 0 && (lo.open || hi.open)
	}
	return after(l.lo, m.hi) || after(m.lo, l.hi)
}

// manyRanges is how many ranges of one value are compared with one another.
const manyRanges = 64

// narrow puts together what the parts of a chain say of the same value. nothing says that they cannot hold together; of
// a || that all of them hold of everything.
func (b *Builder) narrow(o *op, parts []*Expr) (rest []*Expr, nothing bool) {
	groups := map[subjectOf][]literal{}
	var order []subjectOf
	for _, x := range parts {
		l, ok := b.literalOf(x)
		if !ok {
			rest = append(rest, x)
			continue
		}
		if groups[l.of] == nil {
			order = append(order, l.of)
		}
		if o == opOr {
			l.neg = !l.neg
		}
		groups[l.of] = append(groups[l.of], l)
	}
	if len(order)+len(rest) == len(parts) {
		return parts, false
	}
	for _, of := range order {
		g := groups[of]
		if len(g) == 1 {
			rest = append(rest, g[0].expr)
			continue
		}
		kept, none := b.narrowGroup(o, of, g)
		if none {
			return nil, true
		}
		rest = append(rest, kept...)
	}
	slices.SortFunc(rest, func(x, y *Expr) int { return x.id - y.id })
	return slices.Compact(rest), false
}

// narrowGroup is narrow for the literals of one value, which must hold together.
func (b *Builder) narrowGroup(o *op, of subjectOf, g []literal) (kept []*Expr, nothing bool) {
	// list is the literal that the value is, or is not, one of some.
	list := func(values []event.Value, neg bool) *Expr {
		x := b.In(of.x, values)
		if neg != (o == opOr) {
			return b.Not(x)
		}
		return x
	}
	var in, out *literal // the lists
	var ranges []*literal
	for i := range g {
		l := &g[i]
		switch {
		case !l.finite():
			ranges = append(ranges, l)
		case l.neg && out == nil:
			out = &literal{values: slices.Clone(l.values)}
		case l.neg:
			out.values = append(out.values, l.values...)
		case in == nil:
			in = l
		default:
			in = &literal{values: slices.DeleteFunc(slices.Clone(in.values), func(v event.Value) bool { return !l.contains(v) })}
		}
	}
	if in != nil {
		values := slices.DeleteFunc(slices.Clone(in.values), func(v event.Value) bool {
			return out != nil && out.contains(v) || slices.ContainsFunc(ranges, func(r *literal) bool { return r.contains(v) == r.neg })
		})
		if len(values) == 0 {
			return nil, true
		}
		return []*Expr{list(values, false)}, false
	}
	if out != nil {
		values := slices.DeleteFunc(out.values, func(v event.Value) bool {
			return slices.ContainsFunc(ranges, func(r *literal) bool { return r.contains(v) == r.neg })
		})
		if len(values) > 0 {
			kept = append(kept, list(values, true))
		}
	}
	if len(ranges) > manyRanges {
		for _, r := range ranges {
			kept = append(kept, r.expr)
		}
		return kept, false
	}
	for i, r := range ranges {
		needed := true
		for k, s := range ranges {
			switch {
			case i == k:
			case !r.neg && !s.neg:
				if r.apart(s) {
					return nil, true
				}
				if s.inside(r) && (k < i || !r.inside(s)) { // the narrower one stays, of equal ones the first
					needed = false
				}
			case r.neg && s.neg:
				if r.inside(s) && (k < i || !s.inside(r)) {
					needed = false
				}
			case r.neg:
				if s.inside(r) {
					return nil, true
				}
				needed = needed && !s.apart(r)
			}
		}
		if needed {
			kept = append(kept, r.expr)
		}
	}
	return kept, false
}
