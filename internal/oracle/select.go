package oracle

import (
	"tagma/event"
	"tagma/rule"
)

func (s selection) keep(wanted func(happening) bool) selection {
	kept := selection{}
	for _, e := range s {
		if wanted(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// filter answers the calls that give a selection again; false for all others.
func (c customer) filter(s selection, n *rule.Call) (selection, bool) {
	cal := c.o.calendar
	today := cal.date(c.now)
	switch n.Fun {
	case "last", "before":
		length, unit := span(c.literal(n, 0))
		var inWindow func(e happening) bool
		if ms, ok := clock(length, unit); ok {
			inWindow = func(e happening) bool { return e.Time > c.now-event.Time(ms) }
		} else {
			inWindow = func(e happening) bool { return cal.date(e.Time) > move(today, -length, unit) }
		}
		return s.keep(func(e happening) bool { return inWindow(e) == (n.Fun == "last") }), true
	case "between":
		from, to := c.border(n.Args[0]), c.border(n.Args[1])
		if from.kind == event.Missing || to.kind == event.Missing {
			return selection{}, true
		}
		return s.keep(func(e happening) bool {
			if to.kind == event.DateKind {
				return e.Time >= cal.borderStart(from) && cal.date(e.Time) <= to.d
			}
			return e.Time >= cal.borderStart(from) && e.Time < to.t
		}), true
	case "since", "until":
		b := c.border(n.Args[0])
		if b.kind == event.Missing {
			return selection{}, true
		}
		at := cal.borderStart(b)
		return s.keep(func(e happening) bool { return (e.Time >= at) == (n.Fun == "since") }), true
	case "where":
		v := c.variable(n)
		return s.keep(func(e happening) bool { return holds(c.with(v, e).eval(n.Args[1])) }), true
	case "each":
		return s.each(c.literal(n, 0)), true
	case "then", "without":
		return c.sequence(s, n), true
	}
	return nil, false
}

// border reads the argument of a filter: a text is a date or an instant as written.
func (c customer) border(n rule.Node) border {
	if l, ok := n.(*rule.Literal); ok && l.Value.Kind() == event.TextKind {
		b, ok := c.o.calendar.read(l.Value.Text())
		if !ok {
			fail("%q is no time", l.Value.Text())
		}
		return b
	}
	switch v := plain(c.eval(n)); v.Kind() {
	case event.TimeKind:
		return border{t: v.Time(), kind: event.TimeKind}
	case event.DateKind:
		return border{d: v.Date(), kind: event.DateKind}
	}
	return border{}
}

// literal returns an argument that is written as a text.
func (c customer) literal(n *rule.Call, i int) string {
	if i >= len(n.Args) {
		fail("%s lacks an argument", n.Fun)
	}
	l, ok := n.Args[i].(*rule.Literal)
	if !ok || l.Value.Kind() != event.TextKind {
		fail("%s wants a text", n.Fun)
	}
	return l.Value.Text()
}

// variable returns the variable that a form such as where(e, …) brings.
func (c customer) variable(n *rule.Call) string {
	if len(n.Args) < 2 {
		fail("%s lacks an argument", n.Fun)
	}
	v, ok := n.Args[0].(*rule.Name)
	if !ok {
		fail("%s wants a variable", n.Fun)
	}
	return v.Name
}
