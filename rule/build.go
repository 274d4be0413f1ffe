package rule

import (
	"slices"
	"strings"

	"tagma/event"
)

// Condition says whether x holds or does not, and is never missing; a trait that is true or false may be missing.
func (x *Expr) Condition() bool {
	if x.Type != Bool {
		return false
	}
	switch x.op {
	case opTrait, opConsent, opProperty, opField, opTernary, opMin, opMax, opTop, opCases, opCaseValue, opPinned, opKept, opPast, opLookup:
		return x.op == opTernary && x.args[1].Condition() && x.args[2].Condition()
	case opBroadcast:
		return x.args[0].Condition()
	case opPublished:
		return strings.HasPrefix(x.str, "segment:")
	}
	return true
}

// Compare returns a comparison, in canonical form: constants to the right, what is the same for everybody to the right,
// and of two other values the smaller first.
func (b *Builder) Compare(o *op, x, y *Expr) *Expr {
	k, constant := y.constant()
	if v, ok := x.constant(); ok {
		if constant {
			return b.Const(event.Bool(k.Kind() == v.Kind() && relations[o].holds(v.Compare(k))))
		}
		return b.Compare(mirrored[o], y, x)
	}
	switch {
	case constant && x.op.whole() && k.Kind() == event.NumberKind:
		return b.compareWhole(o, x, k.Number())
	case constant && o == opEq && k.Kind() == event.BoolKind && k.Bool():
		return b.cond(x)
	case constant && o == opEq && k.Kind() == event.BoolKind && x.Condition():
		return b.Not(x)
	case constant:
	case x.level == runLevel && y.level != runLevel,
		(x.level == runLevel) == (y.level == runLevel) && (o == opGt || o == opGe || o == opEq && x.id > y.id):
		x, y, o = y, x, mirrored[o]
	}
	return b.comparison(o, x, y)
}

// comparison makes a comparison as it stands, by a faster operation where there is one.
func (b *Builder) comparison(o *op, x, y *Expr) *Expr {
	if f := b.fuse(o, x, y); f != nil {
		return f
	}
	return b.make(Expr{Type: Bool, op: o, args: []*Expr{x, y}})
}

// In says whether x is one of the values.
func (b *Builder) In(x *Expr, values []event.Value) *Expr {
	set := slices.Clone(values)
	slices.SortFunc(set, event.Value.Compare)
	set = slices.CompactFunc(slices.DeleteFunc(set, func(v event.Value) bool { return !v.Present() }), event.Value.Equal)
	switch v, constant := x.constant(); {
	case constant || len(set) == 0:
		return b.Const(event.Bool(slices.ContainsFunc(set, v.Equal)))
	case len(set) == 1:
		return b.Compare(opEq, x, b.Const(set[0]))
	case x.op == opCaseValue:
		return b.caseIs(x.args[0], event.List(set...), set)
	}
	return b.make(Expr{Type: Bool, op: opIn, args: []*Expr{x}, val: event.List(set...), aux: newConstSet(set)})
}

// caseIs says whether a customer falls into a case with one of the values, which are said by is.
func (b *Builder) caseIs(tag *Expr, is event.Value, values []event.Value) *Expr {
	places := []int{}
	for i, v := range tag.caseValues().Values {
		if slices.ContainsFunc(values, v.Equal) {
			places = append(places, i)
		}
	}
	return b.make(Expr{Type: Bool, op: opCaseIs, args: []*Expr{tag}, val: is, aux: places})
}

// If returns x where the condition holds and nothing elsewhere: a measure with its when.
func (b *Builder) If(cond, x *Expr) *Expr {
	return b.choose(x.Type, cond, x, b.Const(event.Value{}))
}

// Cases returns the value of the first condition that holds.
func (b *Builder) Cases(conds []*Expr, values []event.Value) *Expr {
	t := TypeOf(values[0].Kind())
	for _, v := range values {
		if TypeOf(v.Kind()) != t {
			t = Any
		}
	}
	return b.make(Expr{Type: t, op: opCases, args: conds, val: event.List(values...), aux: newCaseValues(values), level: customerLevel})
}

// MultiCases returns the list of the values of all conditions that hold.
func (b *Builder) MultiCases(conds []*Expr, values []event.Value) *Expr {
	aux := newCaseValues(values)
	aux.multi = true
	return b.make(Expr{Type: List, op: opCases, args: conds, val: event.List(values...), str: "multi", aux: aux, level: customerLevel})
}

// Multi says whether a tag's value is a list of all its cases that hold.
func (x *Expr) Multi() bool {
	c := x.caseValues()
	return c != nil && c.multi
}

// Bands returns the name of the band that a number lies in.
func (b *Builder) Bands(x *Expr, bands []Band) *Expr {
	parts := make([]event.Value, 0, 2*len(bands))
	for _, band := range bands {
		limit := band.Below
		if !limit.Present() {
			limit = event.Text("")
		}
		parts = append(parts, limit, event.Text(band.Value))
	}
	names := make([]event.Value, len(bands))
	for i, band := range bands {
		names[i] = event.Text(band.Value)
	}
	return b.make(Expr{Type: Text, op: opBands, args: []*Expr{x}, val: event.List(parts...), aux: &bandValues{bands, newCaseValues(names)}})
}

// Published returns the value that the tag index has under a key, a condition for a segment.
func (b *Builder) Published(key string, t Type) *Expr {
	return b.make(Expr{Type: t, op: opPublished, str: key})
}

// Identifiers returns the sorted identifiers of a kind, a list.
func (b *Builder) Identifiers(kind string) *Expr {
	return b.make(Expr{Type: IDs, op: opIDs, str: kind})
}

// Published lists the keys of the published values that x reads.
func (x *Expr) Published() (keys []string) {
	walk(x, map[*Expr]bool{}, func(e *Expr) {
		if e.op == opPublished {
			keys = append(keys, e.str)
		}
	})
	return
}
