package oracle

import (
	"strings"

	"tagma/event"
	"tagma/rule"
)

// each opens a list property: one row for each element of it, in order, in the place of the event.
func (s selection) each(list string) selection {
	opened := selection{}
	for _, e := range s {
		for _, p := range e.Props {
			if p.Name != list {
				continue
			}
			for _, element := range p.Value.List() {
				opened = append(opened, happening{e.Event, list, element})
			}
		}
	}
	return opened
}

// ofElement returns what an element says by itself: a field of a map; a value that is no map goes by the list's name.
func (e happening) ofElement(key string) event.Value {
	switch {
	case e.list == "":
		return event.Value{}
	case e.element.Kind() == event.MapKind:
		return inside(e.element, key)
	case key == e.list:
		return e.element
	}
	return event.Value{}
}

// inside follows a dotted name into maps.
func inside(m event.Value, key string) event.Value {
	for _, p := range m.Map() {
		if p.Name == key {
			return p.Value
		}
		if rest, ok := strings.CutPrefix(key, p.Name+"."); ok && p.Value.Kind() == event.MapKind {
			if v := inside(p.Value, rest); v.Present() {
				return v
			}
		}
	}
	return event.Value{}
}

// sequence answers a.then(b, …): the b events that come after some a; and a.without(b, …): the a events that no b
// comes after.
func (c customer) sequence(a selection, n *rule.Call) selection {
	b, ok := c.eval(n.Args[0]).(selection)
	if !ok {
		fail("%s wants events", n.Fun)
	}
	follows := func(first, second happening) bool {
		if second.Time <= first.Time {
			return false
		}
		for _, option := range n.Args[1:] {
			call, ok := option.(*rule.Call)
			switch {
			case !ok:
				fail("%s wants within and same", n.Fun)
			case !c.related(first, second, call):
				return false
			}
		}
		return true
	}
	if n.Fun == "then" {
		return b.keep(func(second happening) bool {
			return len(a.keep(func(first happening) bool { return follows(first, second) })) > 0
		})
	}
	return a.keep(func(first happening) bool {
		return len(b.keep(func(second happening) bool { return follows(first, second) })) == 0
	})
}

// related says whether two events, one after the other, are as within(…) or same(…) asks.
func (c customer) related(first, second happening, option *rule.Call) bool {
	ok := true
	switch option.Fun {
	case "within":
		ok = c.within(first.Time, second.Time, c.literal(option, 0))
	case "same":
		for i := range option.Args {
			name := c.literal(option, i)
			ok = ok && field(one{&first}, name).Equal(field(one{&second}, name)) // a missing value equals nothing
		}
	default:
		fail("what does %s ask?", option.Fun)
	}
	if c.o.Watch != nil {
		c.o.Watch(option, outcome(event.Bool(ok)))
	}
	return ok
}

// within says whether an instant lies at most a span after another one: by elapsed time, or by local days.
func (c customer) within(from, to event.Time, text string) bool {
	length, unit := span(text)
	if ms, ok := clock(length, unit); ok {
		return int64(to-from) <= ms
	}
	cal := c.o.calendar
	return cal.date(to) <= move(cal.date(from), length, unit)
}
