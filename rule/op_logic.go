package rule

import (
	"slices"
	"strings"

	"tagma/event"
)

// Logic is bitmap algebra: 64 customers a step.

var opConst = &op{name: "const", eval: func(w *worker, x *Expr, _ []*vec) *vec {
	if x.Type == Bool {
		v := w.condVec(1, true)
		if x.val.Bool() {
			v.cond.Set(0)
		}
		return v
	}
	return w.fromValues(1, true, func(int) event.Value { return x.val })
}, text: func(x *Expr, _ func(int) string) string { return x.val.String() }}

var opNow = &op{name: "now", eval: func(w *worker, x *Expr, _ []*vec) *vec {
	return w.fromValues(1, true, func(int) event.Value { return event.Instant(w.now) })
}, text: func(*Expr, func(int) string) string { return "now" }}

func infix(sign string) func(x *Expr, arg func(int) string) string {
	return func(x *Expr, arg func(int) string) string {
		parts := make([]string, len(x.args))
		for i := range parts {
			parts[i] = arg(i)
		}
		return "(" + strings.Join(parts, " "+sign+" ") + ")"
	}
}

var opAnd = &op{name: "and", text: sorted("&&"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	v := w.condVec(n, single)
	begun := false
	for _, a := range args {
		t := w.truth(a)
		switch {
		case a.single && !single:
			if !t.Get(0) {
				clear(v.cond)
				return v
			}
		case !begun:
			begun = true
			copy(v.cond, t)
		default:
			t = t[:len(v.cond)]
			for i := range v.cond {
				v.cond[i] &= t[i]
			}
		}
	}
	if !begun {
		v.cond.Fill(n)
	}
	return v
}}

var opOr = &op{name: "or", text: sorted("||"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	v := w.condVec(n, single)
	for _, a := range args {
		t := w.truth(a)
		if a.single && !single {
			if t.Get(0) {
				v.cond.Fill(n)
				return v
			}
			continue
		}
		t = t[:len(v.cond)]
		for i := range v.cond {
			v.cond[i] |= t[i]
		}
	}
	return v
}}

var opNot = &op{name: "not", eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	v := w.condVec(n, single)
	copy(v.cond, w.truthOf(args[0], n))
	complement(v.cond, n)
	return v
}, text: negatedText}

// opPresent: has(x) and present(x).
var opPresent = &op{name: "present", eval: func(w *worker, x *Expr, args []*vec) *vec {
	v := w.vec()
	v.n, v.single, v.isCond = args[0].n, args[0].single, true
	v.cond = w.presence(args[0])
	return v
}}

// opTernary: args cond, then, else. As a condition, or as a value.
var opTernary = &op{name: "if", eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	c := w.truthOf(args[0], n)
	if args[1].isCond && args[2].isCond {
		v := w.condVec(n, single)
		a, b := w.truthOf(args[1], n), w.truthOf(args[2], n)
		for i := range v.cond {
			v.cond[i] = c[i]&a[i] | b[i]&^c[i]
		}
		return v
	}
	return w.fromValues(n, single, func(i int) event.Value {
		if c.Get(i) {
			return args[1].value(i)
		}
		return args[2].value(i)
	})
}, text: func(x *Expr, arg func(int) string) string {
	return "(" + arg(0) + " ? " + arg(1) + " : " + arg(2) + ")"
}}

// opCases: the first condition that holds gives its value, or with several values all that hold do; aux the values.
// The result is who falls into each case; opCaseValue makes values of it where they are wanted.
var opCases = &op{name: "cases", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	multi := x.Multi()
	v := w.vec()
	v.n, v.cases = w.n, w.bitSets(len(args))
	if len(args) == 1 { // who falls into the case is who it holds for
		v.cases[0] = w.truthOf(args[0], w.n)
		return v
	}
	rest := w.bits(w.n)
	rest.Fill(w.n)
	for k, a := range args {
		hit := w.bits(w.n)
		for i, word := range w.truthOf(a, w.n) {
			hit[i] = word & rest[i]
			if !multi {
				rest[i] &^= word
			}
		}
		v.cases[k] = hit
	}
	return v
}}

// opCaseValue: the value of the case, or the name of the band, that a customer falls into.
var opCaseValue = &op{name: "value", at: &atCustomer, text: func(x *Expr, arg func(int) string) string { return arg(0) },
	eval: func(w *worker, x *Expr, args []*vec) *vec {
		values := x.args[0].caseValues()
		if values.kind != event.TextKind || values.multi {
			return w.fromValues(w.n, false, func(i int) event.Value { return values.of(args[0].cases, i) })
		}
		col := w.column(event.TextKind, w.n)
		col.Has, col.Codes, col.Dict = w.bits(w.n), w.rawCodes(w.n), values
		for k, hit := range args[0].cases {
			for wi, word := range hit {
				col.Has[wi] |= word
				for ; word != 0; word &= word - 1 {
					col.Codes[wi*64+trailing(word)] = uint32(k)
				}
			}
		}
		return w.oneCol(w.n, false, col)
	}}

// of is the value of the case that an element falls into; of a tag with several values, the list of those of all its
// cases, each once.
func (c *CaseValues) of(cases []event.Bits, i int) event.Value {
	var all []event.Value
	for k, hit := range cases {
		switch {
		case !hit.Get(i):
		case !c.multi:
			return c.Values[k]
		case !slices.ContainsFunc(all, c.Values[k].Equal):
			all = append(all, c.Values[k])
		}
	}
	if len(all) == 0 {
		return event.Value{}
	}
	return event.List(all...)
}

// opCaseIs: whether a customer falls into one of some cases (aux their places).
var opCaseIs = &op{name: "case", at: &atCustomer, text: func(x *Expr, arg func(int) string) string {
	if x.val.Kind() == event.ListKind {
		return "(" + arg(0) + " in " + x.val.String() + ")"
	}
	return "(" + arg(0) + " == " + x.val.String() + ")"
}, eval: func(w *worker, x *Expr, args []*vec) *vec {
	v := w.condVec(w.n, false)
	for _, k := range x.aux.([]int) {
		for i, word := range args[0].cases[k] {
			v.cond[i] |= word
		}
	}
	return v
}}

// CaseValues are the values of a tag's cases in order: a dictionary whose codes are the cases.
type CaseValues struct {
	Values []event.Value
	multi  bool // a customer may fall into several
	kind   event.Kind
	codes  map[string]uint32
}

func newCaseValues(values []event.Value) *CaseValues {
	c := &CaseValues{Values: values, kind: event.TextKind, codes: map[string]uint32{}}
	for i, v := range values {
		if v.Kind() != event.TextKind {
			c.kind = event.Missing
		}
		if _, ok := c.codes[v.Key()]; ok {
			c.kind = event.Missing // the same value twice: codes would not be unique
			continue               // what is kept or assigned stands at its first place
		}
		c.codes[v.Key()] = uint32(i)
	}
	return c
}

// Text implements event.Dict.
func (c *CaseValues) Text(code uint32) string { return c.Values[code].Text() }

// Code implements event.Dict.
func (c *CaseValues) Code(text string) (uint32, bool) {
	code, ok := c.codes[event.Text(text).Key()]
	return code, ok
}

// opBands: args a number; aux the bands. The first band whose limit the number is below.
var opBands = &op{name: "bands", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	bands := x.aux.(*bandValues)
	cases := make([]event.Bits, len(bands.list))
	for k := range cases {
		cases[k] = w.bits(w.n)
	}
	for i := 0; i < w.n; i++ {
		v := args[0].value(i)
		if v.Kind() != event.NumberKind {
			continue
		}
		for k, b := range bands.list {
			if !b.Below.Present() || v.Number().Cmp(b.Below.Number()) < 0 {
				cases[k].Set(i)
				break
			}
		}
	}
	v := w.vec()
	v.n, v.cases = w.n, cases
	return v
}}

type bandValues struct {
	list   []Band
	values *CaseValues
}

// Band is a named range of a measured tag: numbers below its limit and not below the one before.
type Band struct {
	Below event.Value // missing: the rest
	Value string
}

// opBroadcast gives each row of an event set its customer's value.
var opBroadcast = &op{name: "each", at: &atRow, eval: func(w *worker, x *Expr, args []*vec) *vec {
	t, a := w.rows(x.src), args[0]
	n := t.n
	if a.isCond {
		v := w.condVec(n, false)
		for r := 0; r < n; r++ {
			if a.cond.Get(int(t.owner[r])) {
				v.cond.Set(r)
			}
		}
		return v
	}
	v := w.vec()
	v.n = n
	v.parts = make([]event.Column, len(a.parts))
	for p := range a.parts {
		v.parts[p] = gather(&a.parts[p], n, func(r int) int { return int(t.owner[r]) })
	}
	return v
}, text: func(x *Expr, arg func(int) string) string { return arg(0) }}

// gather makes the column whose element i is c's element at(i), missing where at(i) is negative.
func gather(c *event.Column, n int, at func(i int) int) event.Column {
	out := event.Column{Kind: c.Kind, Len: n, Scale: c.Scale, Dict: c.Dict, Inline: c.Inline, Has: event.NewBits(n)}
	switch { // by kind: c may have no rows, and nothing in its arrays
	case c.Nums != nil:
		out.Nums = make([]event.Number, n)
	case c.Kind == event.TextKind:
		out.Codes = make([]uint32, n)
	case c.Kind == event.ListKind, c.Kind == event.MapKind:
		out.Values = make([]event.Value, n)
	default:
		out.Ints = make([]int64, n)
	}
	missing := false
	for i := 0; i < n; i++ {
		j := at(i)
		if j < 0 || !c.Present(j) {
			missing = true
			continue
		}
		out.Has.Set(i)
		switch {
		case c.Nums != nil:
			out.Nums[i] = c.Nums[j]
		case c.Ints != nil:
			out.Ints[i] = c.Ints[j]
		case c.Codes != nil:
			out.Codes[i] = c.Codes[j]
		default:
			out.Values[i] = c.Values[j]
		}
	}
	if !missing {
		out.Has = nil
	}
	return out
}
