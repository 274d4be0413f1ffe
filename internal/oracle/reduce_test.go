package oracle_test

import (
	"maps"
	"slices"

	"tagma/event"
	"tagma/internal/oracle"
	"tagma/internal/world"
	"tagma/rule"
)

// reduce looks for the smallest scene and rule in which the product and the oracle still differ: it takes away rules,
// parts of the rule, definitions, customers, records and properties one by one, for as long as they do. It returns the
// scene and the difference.
func (s *scene) reduce(text string, now event.Time) (*scene, string) {
	best := s.only([]string{text}, []event.Time{now})
	last := best.compare(newTally())
	if last == "" { // it takes several rules together
		return s, s.compare(newTally())
	}
	try := func(c *scene) bool {
		if d := c.compare(newTally()); d != "" {
			best, last = c, d
			return true
		}
		return false
	}
	for smaller := true; smaller; {
		smaller = false
		for _, part := range parts(best.rules[0]) {
			if try(best.only([]string{part}, best.nows)) {
				smaller = true
				break
			}
		}
	}
	for round := 0; round < 2; round++ {
		for p := 0; p < len(best.history.Known); p++ {
			try(best.without(event.ProfileID(p)))
		}
		if n := len(best.history.Known); n > 250 {
			try(best.moved(250))
		}
		lessen(best.history.Events, func(l []event.Event) bool { return try(best.with(func(w *world.World) { w.Events = l })) })
		lessen(best.history.System, func(l []event.Event) bool { return try(best.with(func(w *world.World) { w.System = l })) })
		lessen(best.history.Traits, func(l []event.Trait) bool { return try(best.with(func(w *world.World) { w.Traits = l })) })
		lessen(best.history.Consents, func(l []event.Trait) bool { return try(best.with(func(w *world.World) { w.Consents = l })) })
		lessen(best.history.Identifiers, func(l []event.Identifier) bool {
			return try(best.with(func(w *world.World) { w.Identifiers = l }))
		})
		for i := range best.history.Events {
			lessen(best.history.Events[i].Props, func(l []event.Property) bool {
				return try(best.withProps(i, l))
			})
			for j := 0; j < len(best.history.Events[i].Props); j++ {
				props := slices.Clone(best.history.Events[i].Props)
				lessen(props[j].Value.List(), func(l []event.Value) bool {
					props := slices.Clone(props)
					props[j].Value = event.List(l...)
					return try(best.withProps(i, props))
				})
			}
		}
		lessen(best.records.Changes, func(l []oracle.Change) bool { return try(best.recorded(func(r *oracle.Records) { r.Changes = l })) })
		lessen(best.records.Pins, func(l []oracle.Pin) bool { return try(best.recorded(func(r *oracle.Records) { r.Pins = l })) })
		lessen(best.records.Kept, func(l []oracle.Kept) bool { return try(best.recorded(func(r *oracle.Records) { r.Kept = l })) })
		for again := true; again; {
			again = slices.ContainsFunc(best.fewerDefinitions(), try)
		}
		for i, k := range best.history.Known {
			if k.Seen == event.Never && k.Person && k.Entity == event.Customer {
				continue
			}
			c := *best.history
			c.Known = slices.Clone(c.Known)
			c.Known[i].Seen, c.Known[i].Person, c.Known[i].Entity = event.Always, true, 0
			try(best.in(&c))
		}
	}
	return best, last
}

// lessen takes one after the other away for as long as what is left is accepted.
func lessen[V any](list []V, accept func([]V) bool) {
	for i := len(list) - 1; i >= 0; i-- {
		if less := slices.Delete(slices.Clone(list), i, i+1); accept(less) {
			list = less
		}
	}
}

// with is the scene in a history that is changed a little.
func (s *scene) with(change func(w *world.World)) *scene {
	w := *s.history
	change(&w)
	return s.in(&w)
}

// withProps is the scene with other properties of an event.
func (s *scene) withProps(i int, props []event.Property) *scene {
	return s.with(func(w *world.World) {
		w.Events = slices.Clone(w.Events)
		w.Events[i].Props = props
	})
}

// recorded is the scene with other records.
func (s *scene) recorded(change func(r *oracle.Records)) *scene {
	c := *s
	change(&c.records)
	return &c
}

// fewerDefinitions are the scenes without one of the definitions, and those in which a tag has fewer cases. Those that
// are still needed make a scene in which the rule is refused, which is no difference.
func (s *scene) fewerDefinitions() (out []*scene) {
	for k := range s.defs.Measures {
		c := *s
		c.defs.Measures = maps.Clone(s.defs.Measures)
		delete(c.defs.Measures, k)
		out = append(out, &c)
	}
	for k, t := range s.defs.Tags {
		c := *s
		c.defs.Tags = maps.Clone(s.defs.Tags)
		delete(c.defs.Tags, k)
		out = append(out, &c)
		for i := range t.Cases {
			if len(t.Cases) > 1 {
				c, t := *s, t
				t.Cases = slices.Delete(slices.Clone(t.Cases), i, i+1)
				c.defs.Tags = maps.Clone(s.defs.Tags)
				c.defs.Tags[k] = t
				out = append(out, &c)
			}
		}
	}
	for k := range s.defs.Segments {
		c := *s
		c.defs.Segments = maps.Clone(s.defs.Segments)
		delete(c.defs.Segments, k)
		out = append(out, &c)
	}
	for k := range s.defs.Tables {
		c := *s
		c.defs.Tables = maps.Clone(s.defs.Tables)
		delete(c.defs.Tables, k)
		out = append(out, &c)
	}
	return out
}

// only is the scene with other rules and instants.
func (s *scene) only(rules []string, nows []event.Time) *scene {
	c := *s
	c.rules, c.nows = rules, nows
	return &c
}

// in is the scene in another history.
func (s *scene) in(w *world.World) *scene {
	c := *s
	c.history = w
	return &c
}

// without is the scene without the records of a customer.
func (s *scene) without(p event.ProfileID) *scene {
	w := *s.history
	w.Events = slices.DeleteFunc(slices.Clone(w.Events), func(e event.Event) bool { return e.Profile == p })
	w.System = slices.DeleteFunc(slices.Clone(w.System), func(e event.Event) bool { return e.Profile == p })
	w.Traits = slices.DeleteFunc(slices.Clone(w.Traits), func(t event.Trait) bool { return t.Profile == p })
	w.Consents = slices.DeleteFunc(slices.Clone(w.Consents), func(t event.Trait) bool { return t.Profile == p })
	w.Identifiers = slices.DeleteFunc(slices.Clone(w.Identifiers), func(id event.Identifier) bool { return id.Profile == p })
	w.Known = slices.Clone(w.Known)
	w.Known[p].Seen = event.Never
	less := s.recorded(func(r *oracle.Records) {
		r.Changes = slices.DeleteFunc(slices.Clone(r.Changes), func(c oracle.Change) bool { return c.Who == p })
		r.Pins = slices.DeleteFunc(slices.Clone(r.Pins), func(h oracle.Pin) bool { return h.Who == p })
		r.Kept = slices.DeleteFunc(slices.Clone(r.Kept), func(h oracle.Kept) bool { return h.Who == p })
	})
	for n := len(w.Known); n > 1 && int(p) == n-1; n = 0 {
		w.Known = w.Known[:n-1]
	}
	return less.in(&w)
}

// moved is the scene with all profiles numbered lower.
func (s *scene) moved(by event.ProfileID) *scene {
	w := *s.history
	w.Known = slices.Clone(w.Known[by:])
	w.Events, w.System, w.Traits, w.Identifiers = slices.Clone(w.Events), slices.Clone(w.System), slices.Clone(w.Traits), slices.Clone(w.Identifiers)
	w.Consents = slices.Clone(w.Consents)
	for i := range w.Known {
		w.Known[i].Profile -= by
	}
	for i := range w.Events {
		w.Events[i].Profile -= by
	}
	for i := range w.System {
		w.System[i].Profile -= by
	}
	for i := range w.Traits {
		w.Traits[i].Profile -= by
	}
	for i := range w.Consents {
		w.Consents[i].Profile -= by
	}
	for i := range w.Identifiers {
		w.Identifiers[i].Profile -= by
	}
	return s.in(&w).recorded(func(r *oracle.Records) {
		r.Changes, r.Pins, r.Kept = slices.Clone(r.Changes), slices.Clone(r.Pins), slices.Clone(r.Kept)
		for i := range r.Changes {
			r.Changes[i].Who -= by
		}
		for i := range r.Pins {
			r.Pins[i].Who -= by
		}
		for i := range r.Kept {
			r.Kept[i].Who -= by
		}
	})
}

// parts are the expressions below a rule's root, and the rule with one operand, filter or branch taken away.
func parts(text string) (out []string) {
	source, faults := rule.Parse(text)
	if len(faults) > 0 {
		return nil
	}
	var walk func(n rule.Node, around func(string) string)
	walk = func(n rule.Node, around func(string) string) {
		add := func(c rule.Node) {
			if n == source.Root {
				out = append(out, rule.OneLine(c))
			}
		}
		// simpler puts a child in the place of its parent, within the whole.
		simpler := func(c rule.Node) { out = append(out, around("("+rule.OneLine(c)+")")) }
		inside := func(c rule.Node) func(string) string {
			return func(s string) string {
				return around("(" + text[n.Start():c.Start()] + s + text[c.End():n.End()] + ")")
			}
		}
		down := func(c rule.Node) {
			add(c)
			simpler(c)
			walk(c, inside(c))
		}
		for _, c := range children(n) {
			down(c)
		}
	}
	walk(source.Root, func(s string) string { return s })
	// The canonical text of each, shortest first, and only what is shorter.
	for i, p := range out {
		if s, faults := rule.Parse(p); len(faults) == 0 {
			out[i] = rule.OneLine(s.Root)
		}
	}
	out = slices.DeleteFunc(out, func(p string) bool { return len(p) >= len(text) })
	slices.SortFunc(out, func(a, b string) int { return len(a) - len(b) })
	return slices.Compact(out)
}
