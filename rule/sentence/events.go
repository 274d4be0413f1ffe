package sentence

import (
	"slices"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// selected is a selection of events, to be said.
type selected struct {
	when   []string // periods
	name   string
	conds  []phrase
	events []string // the names, nil for all
}

func (s selected) say(w *writer) string { return w.lang.noun(w, s) }

// source is what a selection begins with.
func (w *writer) source(n rule.Node) selected {
	if c, ok := n.(*rule.Call); ok {
		var s selected
		var names []string
		for _, a := range c.Args {
			key, _ := rule.WrittenText(a)
			s.events = append(s.events, key)
			names = append(names, w.name(w.names.Event, key))
		}
		s.name = strings.Join(names, w.lang.slash)
		return s
	}
	_, key := w.root(n)
	if m, ok := n.(*rule.Member); ok && key == m.Name {
		switch key {
		case "all":
			return selected{name: w.lang.everything}
		case "system":
			return selected{name: w.lang.system}
		}
	}
	return selected{name: w.name(w.names.Event, key), events: []string{key}}
}

// selection says a selection of events.
func (w *writer) selection(n rule.Node) selected {
	var filters []*rule.Call
	for !w.isSource(n) {
		c := n.(*rule.Call)
		filters = append(filters, c)
		n = c.Recv
	}
	s := w.source(n)
	for _, f := range slices.Backward(filters) {
		s = w.filter(s, f)
	}
	return s
}

// about speaks of the event of a selection.
func (w *writer) about(s selected, variable rule.Node, say func()) {
	w.scope = append(w.scope, scope{variable.(*rule.Name).Name, s.events})
	say()
	w.scope = w.scope[:len(w.scope)-1]
}

// with adds a condition.
func (s selected) with(cond phrase) selected {
	s.conds = append(s.conds, cond)
	return s
}

func (w *writer) filter(s selected, c *rule.Call) selected {
	period := func(pattern string, parts ...string) selected {
		s.when = append(s.when, w.fill(pattern, parts...))
		return s
	}
	switch c.Fun {
	case "where":
		var cond phrase
		w.about(s, c.Args[0], func() { cond = w.condition(c.Args[1], false) })
		return s.with(cond)
	case "between":
		from, to := w.bound(c.Args[0]), w.bound(c.Args[1])
		if isInstant(c.Args[0]) || isInstant(c.Args[1]) {
			return period(w.lang.filters["instants"], from, to)
		}
		return period(w.lang.filters["between"], from, to)
	case "last", "before":
		span, _ := spanOf(c.Args[0])
		switch today := (event.Span{N: 1, Unit: event.Day}); {
		case span == today && c.Fun == "last":
			return period(w.lang.today)
		case span == today:
			return period(w.lang.beforeToday)
		}
		return period(w.lang.filters[c.Fun], w.span(span))
	case "since", "until":
		return period(w.lang.filters[c.Fun], w.bound(c.Args[0]))
	case "each":
		list, _ := rule.WrittenText(c.Args[0])
		return selected{name: w.fill(w.lang.element, s.say(w), w.property(s.events, []string{list})), events: s.events}
	}
	return w.sequence(s, c)
}

// bound says the end of a period.
func (w *writer) bound(n rule.Node) string {
	if text, ok := rule.WrittenText(n); ok && text != "" {
		return text
	}
	return w.at(w.value(n), phraseLevel)
}

// isInstant says that the end of a period is an instant, which the period does not include, and no date.
func isInstant(n rule.Node) bool {
	if text, ok := rule.WrittenText(n); ok {
		_, err := event.ParseDate(text)
		return err != nil
	}
	c, ok := n.(*rule.Call)
	return isTime(n) && !(ok && c.Fun == "date")
}

// sequence says then and without.
func (w *writer) sequence(a selected, c *rule.Call) selected {
	scopes := w.scope
	w.scope = nil
	b := w.selection(c.Args[0])
	w.scope = scopes
	within := ""
	var same []string
	for _, arg := range c.Args[1:] {
		relation := arg.(*rule.Call)
		if relation.Fun == "within" {
			s, _ := spanOf(relation.Args[0])
			within = w.span(s)
			continue
		}
		for _, p := range relation.Args {
			key, _ := rule.WrittenText(p)
			same = append(same, w.property(b.events, []string{key}))
		}
	}
	if c.Fun == "without" {
		return a.with(phrase{w.lang.without(w, b.say(w), within, same), relationLevel})
	}
	return b.with(phrase{w.lang.then(w, a.say(w), within, same), relationLevel})
}

// picked says a field of one event: events.a.latest().time.
func (w *writer) picked(c *rule.Call, keys []string) string {
	s := w.pick(c)
	return w.fill(w.lang.field, s.say(w), w.property(s.events, keys))
}

// pick says one event of a selection.
func (w *writer) pick(c *rule.Call) selected {
	s := w.selection(c.Recv)
	if c.Fun != "nth" {
		s.name = w.fill(w.lang.measures[c.Fun], s.name)
		return s
	}
	switch i, whole := wholeOf(c.Args[0]); {
	case whole && i > 0:
		s.name = w.fill("{0} {1}", w.lang.nth(i), s.name)
	case whole && i == -1:
		s.name = w.fill(w.lang.measures["latest"], s.name)
	case whole && i < 0:
		s.name = w.fill("{0} {1}", w.lang.nthLast(-i), s.name)
	default:
		s.name = w.fill(w.lang.nthOf, s.name, w.at(w.value(c.Args[0]), phraseLevel))
	}
	return s
}

// measured says a measure of a selection.
func (w *writer) measured(c *rule.Call) string {
	if isPick(c) {
		return w.pick(c).say(w)
	}
	s := w.selection(c.Recv)
	pattern, parts := w.lang.measures[c.Fun], []string{s.say(w)}
	switch c.Fun {
	case "streak":
		unit, _ := rule.WrittenText(c.Args[0])
		pattern = w.lang.runs[unit]
	case "peak":
		span, _ := spanOf(c.Args[0])
		parts = append(parts, w.span(span))
	case "top":
		if len(c.Args) == 3 {
			pattern = w.lang.measures["top/weight"]
		}
		fallthrough
	case "sum", "avg", "min", "max", "distinct", "values":
		for _, body := range c.Args[1:] {
			w.about(s, c.Args[0], func() { parts = append(parts, w.at(w.value(body), phraseLevel)) })
		}
	}
	return w.fill(pattern, parts...)
}
