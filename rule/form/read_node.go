package form

import (
	"fmt"

	"tagma/rule"
)

// conditions reads an array of at least one condition.
func (r *reader) conditions(op string, v any, place string) rule.Node {
	list, ok := v.([]any)
	switch {
	case !ok:
		return r.fault(place, "write [ … ] around the conditions", "an array of conditions is expected")
	case len(list) == 0:
		return r.fault(place, "write a condition or delete the group", "there is no condition in it")
	}
	nodes := make([]rule.Node, len(list))
	for i, x := range list {
		nodes[i] = r.node(x, fmt.Sprintf("%s[%d]", place, i))
		ok = ok && nodes[i] != nil
	}
	if !ok {
		return nil
	}
	return linked(op, nodes)
}

func (r *reader) not(v any, place string) rule.Node {
	x := r.node(v, place)
	if x == nil {
		return nil
	}
	return &rule.Unary{Op: "!", X: x}
}

func (r *reader) choice(o object, v any, place string) rule.Node {
	cond := r.node(v, join(place, "if"))
	x, y := r.needed(o, "then", place), r.needed(o, "else", place)
	if cond == nil || x == nil || y == nil {
		return nil
	}
	return &rule.Ternary{Cond: cond, X: x, Y: y}
}

// needed reads a member that an object must have.
func (r *reader) needed(o object, key, place string) rule.Node {
	v, ok := o.get(key)
	if !ok {
		return r.fault(join(place, key), "write a value", "it is missing")
	}
	return r.value(v, join(place, key))
}

// text reads a part that is written in the language. Comments in it are those of the part.
func (r *reader) text(v any, place string) rule.Node {
	s, ok := v.(string)
	if !ok {
		return r.fault(place, "write a text", "a part of a rule in quotes is expected")
	}
	src, faults := rule.Parse(s)
	for _, f := range faults {
		r.faults = append(r.faults, f.At(s, place))
	}
	if src.Root == nil {
		return nil
	}
	for _, c := range src.Comments {
		re := r.form.remark(src.Root)
		re.before = append(re.before, commentText(c.Text))
	}
	return src.Root
}

func (r *reader) number(v any, place string) rule.Node {
	s, ok := v.(string)
	if !ok || !isJSONNumber(s) {
		return r.fault(place, `write a decimal in quotes: "0.1234567890123456789"`, "%s is not a number", shown(v))
	}
	return r.numeral(s, place)
}

// array reads an array of values.
func (r *reader) array(v any, place string) ([]rule.Node, bool) {
	list, ok := v.([]any)
	if !ok {
		r.fault(place, "write [ … ]", "an array is expected")
		return nil, false
	}
	return r.values(list, place)
}

func (r *reader) call(o object, v any, place string) rule.Node {
	n := &rule.Call{}
	ok := true
	if on, has := o.get("on"); has {
		n.Recv = r.value(on, join(place, "on"))
		ok = n.Recv != nil
	}
	n.Fun, _ = v.(string)
	if !callable(n.Fun, o.has("on")) {
		ok = false
		r.fault(join(place, "call"), `write its name: "age"`, "%s is not the name of a function", shown(v))
	}
	if args, has := o.get("args"); !has {
		ok = false
		r.fault(join(place, "args"), "write [ ] where there are none", "they are missing")
	} else {
		var good bool
		n.Args, good = r.array(args, join(place, "args"))
		ok = ok && good
	}
	if !ok {
		return nil
	}
	return n
}

// callable says that a function, or what follows a value and a dot, may have a name.
func callable(name string, method bool) bool {
	if !rule.IsName(name) {
		return false
	}
	if method {
		return true
	}
	src, _ := rule.Parse(name + "(1)")
	c, ok := src.Root.(*rule.Call)
	return ok && c.Recv == nil && c.Fun == name
}

func (r *reader) calc(o object, v any, place string) rule.Node {
	op, _ := v.(string)
	switch op {
	case "+", "-", "*", "/", "%":
	default:
		op = ""
		r.fault(join(place, "calc"), "write one of + - * / %", "%s is not an operation", shown(v))
	}
	of, has := o.get("of")
	place = join(place, "of")
	if !has {
		return r.fault(place, "write the values: [1, 2]", "it is missing")
	}
	nodes, ok := r.array(of, place)
	switch {
	case !ok || op == "":
		return nil
	case len(nodes) == 1 && op == "-":
		return &rule.Unary{Op: "-", X: nodes[0]}
	case len(nodes) < 2:
		return r.fault(place, "write two values or more", "%s needs two values", op)
	}
	return linked(op, nodes)
}

// presence reads has or present.
func (r *reader) presence(fun string, v any, place string) rule.Node {
	x := r.value(v, place)
	if x == nil {
		return nil
	}
	return &rule.Call{Fun: fun, Args: []rule.Node{x}}
}

func (r *reader) now(v any, place string) rule.Node {
	if v != true {
		return r.fault(place, `write {"now": true}`, "%s is not expected here", shown(v))
	}
	return &rule.Name{Name: "now"}
}

// name reads a name: a text, or an array of its parts.
func (r *reader) name(v any, place string) ([]string, bool) {
	keys := []string{}
	switch v := v.(type) {
	case string:
		keys = parts(v)
	case []any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				keys = append(keys, s)
			}
		}
		if len(keys) < len(v) {
			keys = nil
		}
	}
	if len(keys) == 0 || keys[0] == "" {
		r.fault(place, `write a text: "city"`, "a name is expected")
		return nil, false
	}
	return keys, true
}

func (r *reader) named(root string, v any, place string) rule.Node {
	keys, ok := r.name(v, place)
	if !ok {
		return nil
	}
	return pathNode(&rule.Name{Name: root}, keys)
}

func (r *reader) property(v any, place string) rule.Node {
	keys, ok := r.name(v, place)
	switch {
	case !ok:
		return nil
	case len(r.variables) == 0:
		return r.fault(place, "write it in the where or the measure of an event", "a property belongs to an event, and there is none here")
	}
	return pathNode(&rule.Name{Name: r.variables[len(r.variables)-1]}, keys)
}
