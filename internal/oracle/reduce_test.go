package oracle_test

import (
	"slices"

	"tagma/event"
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
		w := best.history
		for i := len(w.Events) - 1; i >= 0; i-- {
			c := *best.history
			c.Events = slices.Delete(slices.Clone(c.Events), i, i+1)
			try(best.in(&c))
		}
		for i := len(w.System) - 1; i >= 0; i-- {
			c := *best.history
			c.System = slices.Delete(slices.Clone(c.System), i, i+1)
			try(best.in(&c))
		}
		for i := len(w.Traits) - 1; i >= 0; i-- {
			c := *best.history
			c.Traits = slices.Delete(slices.Clone(c.Traits), i, i+1)
			try(best.in(&c))
		}
		for i := len(w.Identifiers) - 1; i >= 0; i-- {
			c := *best.history
			c.Identifiers = slices.Delete(slices.Clone(c.Identifiers), i, i+1)
			try(best.in(&c))
		}
		for i := range best.history.Events {
			for j := len(best.history.Events[i].Props) - 1; j >= 0; j-- {
				c := *best.history
				c.Events = slices.Clone(c.Events)
				c.Events[i].Props = slices.Delete(slices.Clone(c.Events[i].Props), j, j+1)
				try(best.in(&c))
			}
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
	w.Identifiers = slices.DeleteFunc(slices.Clone(w.Identifiers), func(id event.Identifier) bool { return id.Profile == p })
	w.Known = slices.Clone(w.Known)
	w.Known[p].Seen = event.Never
	for n := len(w.Known); n > 1 && int(p) == n-1; n = 0 {
		w.Known = w.Known[:n-1]
	}
	return s.in(&w)
}

// moved is the scene with all profiles numbered lower.
func (s *scene) moved(by event.ProfileID) *scene {
	w := *s.history
	w.Known = slices.Clone(w.Known[by:])
	w.Events, w.System, w.Traits, w.Identifiers = slices.Clone(w.Events), slices.Clone(w.System), slices.Clone(w.Traits), slices.Clone(w.Identifiers)
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
	for i := range w.Identifiers {
		w.Identifiers[i].Profile -= by
	}
	return s.in(&w)
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
