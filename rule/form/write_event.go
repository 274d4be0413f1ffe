package form

import (
	"slices"
	"strings"

	"tagma/rule"
)

// The measures by what they take.
var (
	plainMeasures = map[string]bool{"count": true, "days": true, "max_gap": true}
	bodyMeasures  = map[string]bool{"sum": true, "avg": true, "min": true, "max": true, "distinct": true, "values": true, "top": true}
	pickMeasures  = map[string]bool{"earliest": true, "latest": true, "nth": true}
	valueMeasures = map[string]bool{"streak": true, "peak": true}
)

// binds says that the arguments begin with the name of the event.
func binds(args []rule.Node) bool {
	if len(args) == 0 {
		return false
	}
	v, ok := args[0].(*rule.Name)
	return ok && isVariable(v.Name)
}

// isFilter says that a call has the shape of a filter.
func isFilter(c *rule.Call) bool {
	n := len(c.Args)
	switch c.Fun {
	case "last", "before", "since", "until", "each":
		return n == 1
	case "between":
		return n == 2
	case "where":
		return n == 2 && binds(c.Args)
	case "then", "without":
		return n >= 1 && relations(c.Args[1:]) != nil
	}
	return false
}

// relations finds within(…) and same(…), each at most once; nil when there is anything else.
func relations(args []rule.Node) map[string][]rule.Node {
	out := map[string][]rule.Node{}
	for _, a := range args {
		c, ok := a.(*rule.Call)
		if !ok || c.Recv != nil || out[c.Fun] != nil || len(c.Args) == 0 || c.Fun != "same" && (c.Fun != "within" || len(c.Args) != 1) {
			return nil
		}
		out[c.Fun] = c.Args
	}
	return out
}

// isMeasure says that a call has the shape of a measure.
func isMeasure(c *rule.Call) bool {
	n := len(c.Args)
	switch {
	case plainMeasures[c.Fun], c.Fun == "earliest", c.Fun == "latest":
		return n == 0
	case valueMeasures[c.Fun], c.Fun == "nth":
		return n == 1
	case bodyMeasures[c.Fun]:
		return binds(c.Args) && (n == 2 || n == 3 && c.Fun == "top")
	}
	return false
}

// source is what a selection begins with: "all", "system" or the names of events.
func source(n rule.Node) (any, bool) {
	if c, ok := n.(*rule.Call); ok {
		root, ok := c.Recv.(*rule.Name)
		if !ok || root.Name != "events" || c.Fun != "any" || len(c.Args) == 0 {
			return nil, false
		}
		names := make([]any, len(c.Args))
		for i, a := range c.Args {
			name, ok := rule.WrittenText(a)
			if !ok || name == "" {
				return nil, false
			}
			names[i] = name
		}
		return names, true
	}
	base, keys := rule.Path(n)
	root, ok := base.(*rule.Name)
	if !ok || root.Name != "events" || len(keys) == 0 || slices.Contains(keys, "") {
		return nil, false
	}
	if m, ok := n.(*rule.Member); ok && len(keys) == 1 && (m.Name == "all" || m.Name == "system") {
		return m.Name, true
	}
	return []any{strings.Join(keys, ".")}, true
}

// selection takes a selection apart: what it begins with and its filters.
func selection(n rule.Node) (begin any, filters []*rule.Call, ok bool) {
	for x := n; ; {
		if begin, ok = source(x); ok {
			slices.Reverse(filters)
			return begin, filters, true
		}
		c, isCall := x.(*rule.Call)
		if !isCall || c.Recv == nil || !isFilter(c) {
			return nil, nil, false
		}
		filters = append(filters, c)
		x = c.Recv
	}
}

// event writes a selection, a measure of it or a field of one of its events; false when n is none.
func (w *writer) event(n rule.Node) (object, bool) {
	base, field := rule.Path(n)
	c, isCall := base.(*rule.Call)
	if !isCall || c.Recv == nil {
		base, field = n, nil
	}
	sel := base
	measured := isCall && c.Recv != nil && isMeasure(c)
	if measured {
		sel = c.Recv
	}
	if len(field) > 0 && !(measured && pickMeasures[c.Fun]) || slices.Contains(field, "") {
		return nil, false
	}
	begin, filters, ok := selection(sel)
	if !ok {
		return nil, false
	}
	o := object{{"event", begin}}
	if len(filters) > 0 {
		list := make([]any, len(filters))
		for i, f := range filters {
			list[i] = w.filter(f)
		}
		o = append(o, member{"filters", list})
	}
	if measured {
		o = append(o, member{"measure", w.measure(c, field)})
	}
	return o, true
}

func (w *writer) filter(c *rule.Call) object {
	switch c.Fun {
	case "between":
		return object{{"between", w.values(c.Args)}}
	case "where":
		conds := []rule.Node{c.Args[1]}
		if b, ok := c.Args[1].(*rule.Binary); ok && b.Op == "&&" {
			conds = chain(b)
		}
		var list []any
		as := w.about(c.Args[0], func() { list = w.nodes(conds) })
		return append(object{{"where", list}}, as...)
	case "then", "without":
		variables := w.variables
		w.variables = nil
		o := w.node(c.Args[0])
		w.variables = variables
		rel := relations(c.Args[1:])
		if a := rel["within"]; a != nil {
			o = append(o, member{"within", w.value(a[0])})
		}
		if a := rel["same"]; a != nil {
			o = append(o, member{"same", w.values(a)})
		}
		return object{{c.Fun, o}}
	}
	return object{{c.Fun, w.value(c.Args[0])}}
}

// about writes something about the event of a variable, and returns the variable's name where it is not e.
func (w *writer) about(variable rule.Node, write func()) object {
	name := variable.(*rule.Name).Name
	w.variables = append(w.variables, name)
	write()
	w.variables = w.variables[:len(w.variables)-1]
	if name != "e" {
		return object{{"as", name}}
	}
	return nil
}

func (w *writer) measure(c *rule.Call, field []string) object {
	switch {
	case plainMeasures[c.Fun]:
		return object{{c.Fun, object{}}}
	case valueMeasures[c.Fun]:
		return object{{c.Fun, w.value(c.Args[0])}}
	case c.Fun == "nth":
		o := object{{"nth", w.value(c.Args[0])}}
		if len(field) > 0 {
			o = append(o, member{"field", nameValue(field)})
		}
		return o
	case pickMeasures[c.Fun]:
		if len(field) == 0 {
			return object{{c.Fun, object{}}}
		}
		return object{{c.Fun, nameValue(field)}}
	}
	var o object
	as := w.about(c.Args[0], func() {
		o = object{{c.Fun, w.body(c.Args[1])}}
		if len(c.Args) == 3 {
			o = append(o, member{"weight", w.body(c.Args[2])})
		}
	})
	return append(o, as...)
}

// body writes what a measure takes of each event: a property by its name alone.
func (w *writer) body(n rule.Node) any {
	o := w.node(n)
	if len(o) == 1 && o[0].key == "property" {
		return o[0].value
	}
	return o
}
