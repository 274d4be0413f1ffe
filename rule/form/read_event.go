package form

import (
	"fmt"
	"slices"
	"strings"

	"tagma/rule"
)

// event reads a selection of events and what is measured of it.
func (r *reader) event(o object, v any, place string) rule.Node {
	n := r.source(v, join(place, "event"))
	ok := n != nil
	if n == nil { // read on for further faults
		n = &rule.Name{}
	}
	if v, has := o.get("filters"); has {
		at := join(place, "filters")
		list, isList := v.([]any)
		if !isList {
			ok = false
			r.fault(at, `write [{"last": "90d"}]`, "an array of filters is expected")
		}
		for i, x := range list {
			f := r.filter(n, x, fmt.Sprintf("%s[%d]", at, i))
			if f == nil {
				ok = false
			} else {
				n = f
			}
		}
	}
	if v, has := o.get("measure"); has {
		if n = r.measure(n, v, join(place, "measure")); n == nil {
			ok = false
		}
	}
	if !ok {
		return nil
	}
	return n
}

func (r *reader) source(v any, place string) rule.Node {
	root := &rule.Name{Name: "events"}
	switch v := v.(type) {
	case string:
		if v == "all" || v == "system" {
			return &rule.Member{X: root, Name: v}
		}
		return r.fault(place, fmt.Sprintf(`write [%s], or "all"`, shown(v)), "the names of events stand in an array")
	case []any:
		names := make([]rule.Node, len(v))
		for i, x := range v {
			s, ok := x.(string)
			if !ok || s == "" {
				return r.fault(fmt.Sprintf("%s[%d]", place, i), `write a text: "order_paid"`, "the name of an event is expected")
			}
			names[i] = textNode(s)
			if len(v) > 1 {
				continue
			}
			if rule.IsName(s) && s != "all" && s != "system" {
				return &rule.Member{X: root, Name: s}
			}
			return &rule.Index{X: root, Key: names[0]}
		}
		if len(names) > 0 {
			return &rule.Call{Recv: root, Fun: "any", Args: names}
		}
	}
	return r.fault(place, `write ["order_paid"], or "all"`, "the names of events are expected")
}

var filterKeys = []string{"last", "before", "between", "since", "until", "where", "each", "then", "without"}

// one is the member of an object that is one of these keys; the others must be among more.
func (r *reader) one(v any, keys []string, more map[string]string, what, place string) (o object, key string, x any, ok bool) {
	o, isObject := v.(object)
	i := slices.IndexFunc(o, func(m member) bool { return slices.Contains(keys, m.key) })
	if !isObject || i < 0 {
		hint := "write one of " + strings.Join(keys, " ")
		for _, m := range o {
			if s := rule.Suggest(m.key, keys); s != "" {
				hint = fmt.Sprintf("did you mean %q?", s)
			}
		}
		r.fault(place, hint, "this is not a %s", what)
		return nil, "", nil, false
	}
	r.twice(o, place)
	key, ok = o[i].key, true
	for _, m := range o {
		if m.key != key && (more[m.key] == "" || !slices.Contains(strings.Fields(more[m.key]), key)) {
			ok = false
			hint := "write it in an object of its own"
			if !slices.Contains(keys, m.key) {
				hint = "delete it"
			}
			r.fault(join(place, m.key), hint, "%q has no meaning beside %q", m.key, key)
		}
	}
	return o, key, o[i].value, ok
}

func (r *reader) filter(sel rule.Node, v any, place string) rule.Node {
	o, key, x, ok := r.one(v, filterKeys, map[string]string{"as": "where"}, "filter", place)
	if key == "" {
		return nil
	}
	n := &rule.Call{Recv: sel, Fun: key}
	at := join(place, key)
	switch key {
	case "between":
		args, good := r.array(x, at)
		if good && len(args) != 2 {
			good = false
			r.fault(at, `write ["2026-06-01", "2026-06-30"]`, "two values are expected: from and to")
		}
		n.Args, ok = args, ok && good
	case "where":
		name, good := r.as(o, place)
		r.variables = append(r.variables, name)
		cond := r.conditions("&&", x, at)
		r.variables = r.variables[:len(r.variables)-1]
		n.Args, ok = []rule.Node{&rule.Name{Name: name}, cond}, ok && good && cond != nil
	case "then", "without":
		n.Args = r.sequence(x, at)
		ok = ok && n.Args != nil
	default:
		arg := r.value(x, at)
		n.Args, ok = []rule.Node{arg}, ok && arg != nil
	}
	if !ok {
		return nil
	}
	return n
}

// as reads the name that an event has.
func (r *reader) as(o object, place string) (string, bool) {
	v, has := o.get("as")
	if !has {
		return "e", true
	}
	name, _ := v.(string)
	if !isVariable(name) {
		r.fault(join(place, "as"), "leave it out", "%s is not a name for an event", shown(v))
		return "e", false
	}
	return name, true
}

// sequence reads the later events of then and without, and what is asked of both.
func (r *reader) sequence(v any, place string) []rule.Node {
	o, ok := v.(object)
	if !ok {
		r.fault(place, `write {"event": ["order_paid"], "within": "7d"}`, "an object is expected")
		return nil
	}
	variables := r.variables
	r.variables = nil
	sel := r.node(slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.key == "within" || m.key == "same" }), place)
	r.variables = variables
	args := []rule.Node{sel}
	ok = sel != nil
	if w, has := o.get("within"); has {
		x := r.value(w, join(place, "within"))
		ok = ok && x != nil
		args = append(args, &rule.Call{Fun: "within", Args: []rule.Node{x}})
	}
	if s, has := o.get("same"); has {
		xs, good := r.array(s, join(place, "same"))
		if good && len(xs) == 0 {
			good = false
			r.fault(join(place, "same"), `write ["item"], or leave it out`, "the names of properties are expected")
		}
		ok = ok && good
		args = append(args, &rule.Call{Fun: "same", Args: xs})
	}
	if !ok {
		return nil
	}
	return args
}

var measureKeys = []string{"count", "days", "sum", "avg", "min", "max", "distinct", "values", "top", "earliest", "latest", "nth", "streak", "max_gap", "peak"}

func (r *reader) measure(sel rule.Node, v any, place string) rule.Node {
	o, key, x, ok := r.one(v, measureKeys, map[string]string{"as": "sum avg min max distinct values top", "weight": "top", "field": "nth"}, "measure", place)
	if key == "" {
		return nil
	}
	n := &rule.Call{Recv: sel, Fun: key}
	at := join(place, key)
	empty := func() bool { e, isObject := x.(object); return isObject && len(e) == 0 }
	var field []string
	switch {
	case plainMeasures[key]:
		if !empty() {
			ok = false
			r.fault(at, fmt.Sprintf("write {%q: {}}", key), "it takes nothing")
		}
	case valueMeasures[key], key == "nth":
		arg := r.value(x, at)
		n.Args, ok = []rule.Node{arg}, ok && arg != nil
		if f, has := o.get("field"); has {
			var good bool
			field, good = r.name(f, join(place, "field"))
			ok = ok && good
		}
	case pickMeasures[key]:
		if !empty() {
			var good bool
			field, good = r.name(x, at)
			ok = ok && good
		}
	default:
		name, good := r.as(o, place)
		r.variables = append(r.variables, name)
		body := r.body(x, at)
		n.Args, ok = []rule.Node{&rule.Name{Name: name}, body}, ok && good && body != nil
		if w, has := o.get("weight"); has {
			weight := r.body(w, join(place, "weight"))
			n.Args, ok = append(n.Args, weight), ok && weight != nil
		}
		r.variables = r.variables[:len(r.variables)-1]
	}
	if !ok {
		return nil
	}
	return pathNode(n, field)
}

// body reads what a measure takes of each event: the name of a property, or an object.
func (r *reader) body(v any, place string) rule.Node {
	switch v.(type) {
	case string, []any:
		keys, ok := r.name(v, place)
		if !ok {
			return nil
		}
		return pathNode(&rule.Name{Name: r.variables[len(r.variables)-1]}, keys)
	case object:
		return r.node(v, place)
	}
	return r.fault(place, `write the name of a property, or {"value": …}`, "what is measured of each event is expected")
}
