package library

import (
	"slices"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// Same returns the definitions that mean what an expression means: a tag by its rule or by the condition of one of its
// cases, a segment by its condition, a measure by its value. x must have been checked with Env, of a library that was
// compiled without Published. What comes out equal is what has the same form but for the order of && and ||, repetition
// and !; nothing is the same as a constant.
func (c *Compiled) Same(x *rule.Expr) []Ref {
	if c.trivial(x) {
		return nil
	}
	var out []Ref
	for _, m := range c.Measures {
		if m.Value == x {
			out = append(out, m.Measure.ref())
		}
	}
	for _, t := range c.Tags {
		if t.Value == x || t.Rule == x || t.Number == x || slices.Contains(t.conds, x) {
			out = append(out, t.Tag.ref())
		}
	}
	for _, s := range c.Segments {
		if s.Cond == x {
			out = append(out, s.Segment.ref())
		}
	}
	return out
}

// trivial says whether x is a constant.
func (c *Compiled) trivial(x *rule.Expr) bool {
	if x == nil || x == c.Builder.Const(event.Bool(true)) || x == c.Builder.Const(event.Bool(false)) {
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
