package rule

import (
	"slices"

	"tagma/event"
)

// What the rule of a tag does not decide alone: values assigned by hand, values that are kept, and the past.

// Pinned returns the effective value of a tag: what people decided by hand over what x gives. x is the tag's value by
// its rule; key is handed to Run.Pinned.
func (b *Builder) Pinned(key string, x *Expr) *Expr { return b.held(opPinned, key, x) }

// Kept returns x, and where it is absent what the tag keeps by the answer of Run.Kept; of a tag with several values,
// both together.
func (b *Builder) Kept(key string, x *Expr) *Expr { return b.held(opKept, key, x) }

func (b *Builder) held(o *op, key string, x *Expr) *Expr {
	return b.make(Expr{Type: x.Type, op: o, args: []*Expr{x}, str: key, aux: heldValues(x), hint: x.hint, level: customerLevel})
}

// heldValues are the case values of x as the aux of an expression over it; nil when it has none.
func heldValues(x *Expr) any {
	if c := x.caseValues(); c != nil {
		return c
	}
	return nil
}

// ByHand returns the value of a tag that has no rule: what people assigned. values are those that it can have, none
// when anything is possible; with multi a customer can have several.
func (b *Builder) ByHand(key string, t Type, values []event.Value, multi bool) *Expr {
	never := b.Const(event.Bool(false))
	conds := make([]*Expr, len(values))
	for i := range conds {
		conds[i] = never
	}
	var x *Expr
	switch {
	case multi && len(values) > 0:
		x = b.MultiCases(conds, values)
	case len(values) > 0:
		x = b.Cases(conds, values)
	default:
		if multi {
			t = List
		}
		x = b.make(Expr{Type: t, op: opNothing, level: customerLevel})
	}
	return b.make(Expr{Type: x.Type, op: opPinned, args: []*Expr{x}, str: key, val: event.Text("manual"), aux: heldValues(x), hint: x.hint, level: customerLevel})
}

// Held lists the keys of what x reads of other things than the history: decisions by hand, values that are kept, and
// the past of tags and segments. Each key comes once.
func (x *Expr) Held() (pinned, kept, past []string) {
	add := func(list *[]string, key string) {
		if !slices.Contains(*list, key) {
			*list = append(*list, key)
		}
	}
	walk(x, map[*Expr]bool{}, func(e *Expr) {
		switch e.op {
		case opPinned:
			add(&pinned, e.str)
		case opKept:
			add(&kept, e.str)
		case opPast:
			add(&past, e.str)
		}
	})
	return
}

// ChangedAt returns when the value of a tag or segment last changed, missing when it never did.
func (b *Builder) ChangedAt(key string) *Expr {
	return b.make(Expr{Type: Time, op: opPast, str: key, aux: false, val: event.Text("changed")})
}

// Previous returns what the value of a tag was before it last changed.
func (b *Builder) Previous(key string, t Type) *Expr {
	return b.make(Expr{Type: t, op: opPast, str: key, aux: true, val: event.Text("previous")})
}

// opNothing: no customer has a value.
var opNothing = &op{name: "nothing", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec { return w.valueVec(w.n, false) }}

// opPinned: args what the rule gives; str the tag. A value by hand takes the place of the rule's; of several values it
// joins them. What is out goes.
var opPinned = &op{name: "pinned", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	return w.hold(x, args[0], w.heldBy(w.run.Pinned, x.str), true)
}}

// opKept: args what the rule gives; str the tag. What is kept stands where the rule gives nothing.
var opKept = &op{name: "kept", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	return w.hold(x, args[0], w.heldBy(w.run.Kept, x.str), false)
}}

func (w *worker) heldBy(of func(string, event.ProfileID, int) []Held, key string) []Held {
	if of == nil {
		return nil
	}
	if w.block.Profiles == nil {
		return of(key, w.block.First, w.n)
	}
	var all []Held
	for i, p := range w.block.Profiles {
		for _, h := range of(key, p, 1) {
			h.At = i
			all = append(all, h)
		}
	}
	return all
}

// beside asks for columns of what lies beside the history, for the customers of the block. Those that were gathered are
// asked for one by one.
func (w *worker) beside(of func(first event.ProfileID, n int) []event.Column) []event.Column {
	if w.block.Profiles == nil {
		return of(w.block.First, w.n)
	}
	values := make([]event.Value, w.n)
	for i, p := range w.block.Profiles {
		for _, c := range of(p, 1) {
			if c.Kind != event.Missing && c.Present(0) {
				values[i] = c.Value(0)
			}
		}
	}
	return w.fromValues(w.n, false, func(i int) event.Value { return values[i] }).parts
}

// hold lays values over those of a tag. Without over, only where there are none; values of a tag with several add up.
func (w *worker) hold(x *Expr, v *vec, held []Held, over bool) *vec {
	if len(held) == 0 && !v.single {
		return v
	}
	if v.cases != nil {
		return w.holdCases(x.caseValues(), v, held, over)
	}
	values := make([]event.Value, w.n)
	for i := range values {
		values[i] = v.value(i)
	}
	for _, h := range held {
		was := values[h.At]
		switch {
		case h.Out && !h.Value.Present():
			values[h.At] = event.Value{}
		case x.Type == List && h.Value.Kind() != event.ListKind:
			values[h.At] = joined1(was, h.Value, h.Out)
		case h.Out && was.Equal(h.Value):
			values[h.At] = event.Value{}
		case !h.Out && (over || !was.Present()):
			values[h.At] = h.Value
		}
	}
	return w.fromValues(w.n, false, func(i int) event.Value { return values[i] })
}

// joined1 is a list with a value put in or taken out.
func joined1(list, v event.Value, out bool) event.Value {
	var all []event.Value
	for _, e := range list.List() {
		if !e.Equal(v) {
			all = append(all, e)
		}
	}
	if !out {
		all = append(all, v)
	}
	if len(all) == 0 {
		return event.Value{}
	}
	return event.List(all...)
}

func (w *worker) holdCases(c *CaseValues, v *vec, held []Held, over bool) *vec {
	out := w.vec()
	out.n, out.cases = v.n, make([]event.Bits, len(v.cases))
	for k := range v.cases {
		out.cases[k] = w.bits(w.n)
		copy(out.cases[k], v.cases[k])
	}
	for _, h := range held {
		k, known := c.codes[h.Value.Key()]
		switch {
		case h.Out && !h.Value.Present():
			out.clearCases(h.At)
		case h.Value.Kind() == event.ListKind && c.multi:
			for _, e := range h.Value.List() {
				if k, known := c.codes[e.Key()]; known {
					out.cases[k].Set(h.At)
				}
			}
		case !known: // the tag does not have this value any more
		case h.Out:
			for k := range c.Values {
				if c.Values[k].Equal(h.Value) {
					out.cases[k].Unset(h.At)
				}
			}
		case c.multi:
			out.cases[k].Set(h.At)
		case over || !v.inCase(h.At):
			out.clearCases(h.At)
			out.cases[k].Set(h.At)
		}
	}
	return out
}

// inCase says whether element i falls into any case.
func (v *vec) inCase(i int) bool {
	for _, hit := range v.cases {
		if hit.Get(i) {
			return true
		}
	}
	return false
}

func (v *vec) clearCases(i int) {
	for _, hit := range v.cases {
		hit.Unset(i)
	}
}

// opPast: str a tag or segment; aux whether its value before the last change is wanted, or the instant of it.
var opPast = &op{name: "past", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	if w.run.Past == nil {
		return w.valueVec(w.n, false)
	}
	return w.valueVec(w.n, false, w.beside(func(first event.ProfileID, n int) []event.Column {
		changed, previous := w.run.Past(x.str, first, n)
		if x.aux.(bool) {
			return previous
		}
		return changed
	})...)
}, text: func(x *Expr, _ func(int) string) string {
	if x.aux.(bool) {
		return "previous(" + quote(x.str) + ")"
	}
	return "changed_at(" + quote(x.str) + ")"
}}
