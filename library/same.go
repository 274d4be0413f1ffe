package library

import (
	"slices"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// Match is a definition that means the same as an expression, or the part of one that does.
type Match struct {
	Ref
	// Value is the value of the tag that exactly those have for whom the expression holds. Empty: it is the whole
	// definition.
	Value string `json:"value,omitempty"`
	// Number says that it is the measure of a tag with bands.
	Number bool `json:"number,omitempty"`
}

// String is "segment vip", "tag level=高" or "tag spend.number".
func (m Match) String() string {
	switch {
	case m.Number:
		return m.Ref.String() + ".number"
	case m.Value != "":
		return m.Ref.String() + "=" + m.Value
	}
	return m.Ref.String()
}

// mostCases is how many cases of a tag are compared: each is put together with all before it.
const mostCases = 50

// Same returns the definitions that mean what an expression means: a tag by its rule, a segment by its condition, a
// measure by its value; and the values of tags with cases that exactly those have for whom a condition holds: the value's
// case holds and none before it. x must have been checked with Env, of a library that was compiled without Published.
// What comes out equal is what has the same form but for the order of && and ||, repetition and !. Nothing is the same
// as a constant, but a segment as true or false. Of a tag with very many cases only the first are compared. The first
// call looks at the whole library; it makes expressions, so it must not run together with others.
func (c *Compiled) Same(x *rule.Expr) []Match {
	if x == nil {
		return nil
	}
	if c.same == nil {
		c.same = c.meanings()
	}
	found := c.same[x]
	if len(found) > 0 && c.trivial(x) {
		truth := x == c.Builder.Const(event.Bool(true)) || x == c.Builder.Const(event.Bool(false))
		return slices.DeleteFunc(slices.Clone(found), func(m Match) bool { return !truth || m.Kind != KindSegment })
	}
	return slices.Clone(found)
}

// SameAs returns the other definitions that mean what one means. A tag as a whole is the same as a tag: all its values
// under the same conditions, in the same order. The values of tags are compared with conditions alone, see Same.
func (c *Compiled) SameAs(r Ref) []Match {
	var out []Match
	add := func(x *rule.Expr, whole bool) {
		for _, m := range c.Same(x) {
			if m.Ref != r && (!whole || m.Value == "" && !m.Number) && !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	switch r.Kind {
	case KindTag:
		if t, ok := c.Tag(r.Key); ok {
			add(t.Value, true)
			add(t.Rule, true)
		}
	case KindSegment:
		if s, ok := c.Segment(r.Key); ok {
			add(s.Cond, false)
		}
	case KindMeasure:
		if m, ok := c.Measure(r.Key); ok {
			add(m.Value, false)
		}
	}
	return out
}

// meanings lists, for every expression that says what a definition or a value means, what it is the meaning of.
func (c *Compiled) meanings() map[*rule.Expr][]Match {
	out := map[*rule.Expr][]Match{}
	add := func(x *rule.Expr, m Match) {
		if x != nil && !slices.Contains(out[x], m) {
			out[x] = append(out[x], m)
		}
	}
	for _, m := range c.Measures {
		add(m.Value, Match{Ref: m.Measure.ref()})
	}
	for _, t := range c.Tags {
		add(t.Value, Match{Ref: t.Tag.ref()})
		add(t.Rule, Match{Ref: t.Tag.ref()})
		add(t.Number, Match{Ref: t.Tag.ref(), Number: true})
		c.valueMeanings(t, func(x *rule.Expr, v event.Value) { add(x, Match{Ref: t.Tag.ref(), Value: plain(v)}) })
	}
	for _, s := range c.Segments {
		add(s.Cond, Match{Ref: s.Segment.ref()})
	}
	return out
}

// valueMeanings gives add the condition on which the rule of a tag with cases gives each value.
func (c *Compiled) valueMeanings(t *CompiledTag, add func(*rule.Expr, event.Value)) {
	b := c.Builder
	var values []event.Value
	var whens []*rule.Expr
	none := b.Const(event.Bool(true)) // of the cases before
	for i, when := range t.conds {
		v := t.Tag.Cases[i].Value
		at := slices.IndexFunc(values, v.Equal)
		if i >= mostCases { // its value is given on a condition that is not looked at
			if at >= 0 {
				whens[at] = nil
			}
			continue
		}
		if !t.Tag.Multi {
			when, none = b.And(none, when), b.And(none, b.Not(when))
		}
		if at >= 0 { // several cases give it
			whens[at] = b.Or(whens[at], when)
		} else {
			values, whens = append(values, v), append(whens, when)
		}
	}
	for i, v := range values {
		add(whens[i], v)
	}
}

// trivial says whether x is a constant.
func (c *Compiled) trivial(x *rule.Expr) bool {
	if x == c.Builder.Const(event.Bool(true)) || x == c.Builder.Const(event.Bool(false)) {
		return true
	}
	src, faults := rule.Parse(x.String()) // a literal is written as one
	if len(faults) > 0 {
		return false
	}
	_, literal := src.Root.(*rule.Literal)
	return literal
}

// Warn adds to the warnings of an edit those of the rules that it changes, or whose meaning it changes, each once. c is
// Edit.Set compiled.
func (e *Edit) Warn(c *Compiled) {
	changed := map[Ref]bool{}
	for _, ch := range e.Changes {
		if ch.What != Same {
			changed[Ref{ch.Kind, ch.Key}] = true
		}
	}
	add := func(r Ref, depends []Ref, warnings []errs.Fault) {
		if !changed[r] && !slices.ContainsFunc(depends, func(d Ref) bool { return changed[d] }) {
			return
		}
		for _, w := range warnings {
			if !slices.Contains(e.Warnings, w) {
				e.Warnings = append(e.Warnings, w)
			}
		}
	}
	for _, m := range c.Measures {
		add(m.Measure.ref(), m.Depends, m.Warnings)
	}
	for _, t := range c.Tags {
		add(t.Tag.ref(), t.Depends, t.Warnings)
	}
	for _, s := range c.Segments {
		add(s.Segment.ref(), s.Depends, s.Warnings)
	}
}
