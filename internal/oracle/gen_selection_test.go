package oracle_test

import (
	"fmt"
	"slices"
	"strings"
)

// selection writes events of the customer, filtered; and the variable that may stand for one of them.
func (w *writer) selection(depth int) (string, *row) {
	o := w.outside()
	names := keys(w.events)
	r := &row{name: []string{"e", "v", "x", "行"}[min(w.vars, 3)]}
	o.vars++
	text := ""
	switch k := w.below(8); {
	case k == 5 && len(names) > 1:
		n := different(w.Rand, 1, 3, names)
		r.events = n
		q := make([]string, len(n))
		for i := range n {
			q[i] = quoted(n[i])
		}
		text = "events.any(" + strings.Join(q, ", ") + ")"
	case k == 6 || len(names) == 0:
		r.events = names
		text = "events.all"
	case k == 7 && w.system && rarely(w.Rand, 2):
		text = "events.system"
	default:
		r.events = []string{w.pick(names...)}
		text = w.dotted("events", r.events[0])
	}
	for range w.below(3) {
		f := o.filter(depth, r)
		text += f
	}
	return text, r
}

// filter writes a filter behind a selection, whose row it may change.
func (w *writer) filter(depth int, r *row) string {
	switch w.below(11) {
	case 0, 1:
		return ".last(" + w.span(rarely(w.Rand, 3)) + ")"
	case 2:
		return ".before(" + w.span(rarely(w.Rand, 3)) + ")"
	case 3:
		a, b := near(w.Rand, w.at), near(w.Rand, w.at)
		if a > b {
			a, b = b, a
		}
		if rarely(w.Rand, 2) {
			return fmt.Sprintf(".between(%q, %q)", w.zone.Date(a), w.zone.Date(b))
		}
		return fmt.Sprintf(".between(timestamp(%q), timestamp(%q))", w.zone.Format(a), w.zone.Format(b))
	case 4, 5:
		bound := quoted(w.zone.Date(near(w.Rand, w.at)).String())
		switch w.below(3) {
		case 1:
			bound = w.time(depth - 1)
		case 2:
			bound = w.date(min(depth-1, 0))
		}
		return w.pick(".since(", ".until(") + bound + ")"
	case 6, 7:
		if depth > 0 {
			return ".where(" + r.name + ", " + w.inside(r).cond(depth-1) + ")"
		}
	case 8:
		if r.list == "" {
			return w.each(r)
		}
	default:
		if depth > 0 && len(r.events) > 0 {
			return w.sequence(depth-1, r)
		}
	}
	return ""
}

// each opens a list property that one of the events has.
func (w *writer) each(r *row) string {
	own, _ := w.fields(r, func(sort string) bool { return sort == "elements" || sort == "list" && rarely(w.Rand, 3) })
	if len(own) == 0 {
		return ""
	}
	r.list = w.pick(own...)
	return ".each(" + quoted(r.list) + ")"
}

// sequence writes what then and without ask of a second selection.
func (w *writer) sequence(depth int, r *row) string {
	fun := w.pick("then", "without")
	other, second := w.selection(depth)
	var options []string
	if !rarely(w.Rand, 3) {
		options = append(options, "within("+w.span(rarely(w.Rand, 2))+")")
	}
	if rarely(w.Rand, 2) {
		// Names that both have, and better those with few values.
		few := func(sort string) bool {
			return sort == "few" || sort == "small" || sort == "mixed" || sort == "bool" || rarely(w.Rand, 3)
		}
		own, inside := w.fields(r, few)
		own2, inside2 := w.fields(second, few)
		there := append(own2, inside2...)
		common := slices.DeleteFunc(append(own, inside...), func(f string) bool { return !slices.Contains(there, f) })
		if rarely(w.Rand, 10) {
			common = append(common, w.pick("source", "name"))
		}
		slices.Sort(common)
		if common = different(w.Rand, 1, pick(w.Rand, 1, 1, 2), slices.Compact(common)); len(common) > 0 {
			for i := range common {
				common[i] = quoted(common[i])
			}
			options = append(options, "same("+strings.Join(common, ", ")+")")
		}
	}
	if len(options) > 1 && rarely(w.Rand, 2) {
		slices.Reverse(options)
	}
	if fun == "then" {
		r.events, r.list = second.events, second.list
	}
	return "." + fun + "(" + strings.Join(append([]string{other}, options...), ", ") + ")"
}

// sequenceRule draws a chain of then and without over whole selections, so that some are found.
func (w *writer) sequenceRule() string {
	names := keys(w.events)
	if len(names) == 0 {
		return "true"
	}
	r := &row{name: "e", events: names}
	text := "events.all"
	if rarely(w.Rand, 2) {
		r.events = []string{w.pick(names...)}
		text = w.dotted("events", r.events[0])
	}
	o := w.outside()
	o.vars++
	for range 1 + w.below(2) {
		if r.list == "" && rarely(w.Rand, 3) {
			text += o.each(r)
		}
		text += o.sequence(w.below(2), r)
	}
	return text + w.pick(".count() > 0", ".count()", ".days()", ".earliest().time", ".sum("+r.name+", 1)")
}
