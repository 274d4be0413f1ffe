package rule

import (
	"slices"
	"strings"

	"tagma/event"
)

// Not returns the complement.
func (b *Builder) Not(x *Expr) *Expr {
	if x.op == opNot {
		return b.And(x.args[0])
	}
	return b.make(Expr{Type: Bool, op: opNot, args: []*Expr{x}})
}

// And returns the conjunction: nested ones are flattened, equal parts stand once, the order does not matter.
func (b *Builder) And(xs ...*Expr) *Expr { return b.nary(opAnd, xs) }

// Or returns the disjunction, in the same canonical form.
func (b *Builder) Or(xs ...*Expr) *Expr { return b.nary(opOr, xs) }

func (b *Builder) nary(o *op, xs []*Expr) *Expr {
	var flat []*Expr
	for _, x := range xs {
		if x.op == o {
			flat = append(flat, x.args...)
		} else {
			flat = append(flat, x)
		}
	}
	slices.SortFunc(flat, func(a, c *Expr) int { return a.id - c.id })
	if flat = slices.Compact(flat); len(flat) == 1 && flat[0].Condition() {
		return flat[0]
	}
	return b.make(Expr{Type: Bool, op: o, args: flat})
}

// Condition says whether x holds or does not, and is never missing; a trait that is true or false may be missing.
func (x *Expr) Condition() bool {
	if x.Type != Bool {
		return false
	}
	switch x.op {
	case opTrait, opProperty, opField, opTernary, opMin, opMax, opTop, opCases, opCaseValue:
		return x.op == opTernary && x.args[1].Condition() && x.args[2].Condition()
	case opBroadcast:
		return x.args[0].Condition()
	case opPublished:
		return strings.HasPrefix(x.str, "segment:")
	}
	return true
}

// Compare returns a comparison; a constant goes to the right.
func (b *Builder) Compare(o *op, x, y *Expr) *Expr {
	if _, ok := x.constant(); ok {
		if _, both := y.constant(); !both {
			x, y, o = y, x, mirrored[o]
		}
	}
	if f := b.fuse(o, x, y); f != nil {
		return f
	}
	return b.make(Expr{Type: Bool, op: o, args: []*Expr{x, y}})
}

// In says whether x is one of the values.
func (b *Builder) In(x *Expr, values []event.Value) *Expr {
	sorted := slices.Clone(values)
	slices.SortFunc(sorted, event.Value.Compare)
	return b.make(Expr{Type: Bool, op: opIn, args: []*Expr{x}, val: event.List(sorted...), aux: newConstSet(sorted)})
}

// If returns x where the condition holds and nothing elsewhere: a measure with its when.
func (b *Builder) If(cond, x *Expr) *Expr {
	return b.make(Expr{Type: x.Type, op: opTernary, args: []*Expr{cond, x, b.Const(event.Value{})}, hint: x.hint})
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
