package form

import (
	"encoding/json"
	"slices"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// maxShown is how deep nodes lie in each other in a form; what is deeper is a text. maxDepth is how deep they may lie in
// a form that is read.
const (
	maxShown = 100
	maxDepth = 200
)

// writer writes a tree as JSON values.
type writer struct {
	remarks   map[rule.Node]*remark
	variables []string // the names of the events whose filters we are in, the innermost last
	depth     int
}

// node writes a node as an object.
func (w *writer) node(n rule.Node) object {
	w.depth++
	defer func() { w.depth-- }()
	var o object
	if w.depth > maxShown {
		o = unshown(n, "it lies more than 100 levels deep")
	} else {
		o = w.bare(n)
	}
	if r := w.remarks[n]; r != nil {
		if len(r.before) > 0 {
			lines := make([]any, len(r.before))
			for i, l := range r.before {
				lines[i] = l
			}
			o = append(o, member{"comments", lines})
		}
		if r.note != "" {
			o = append(o, member{"note", r.note})
		}
	}
	return o
}

func (w *writer) bare(n rule.Node) object {
	switch n := n.(type) {
	case *rule.Literal, *rule.ListLit:
		if v := w.value(n); !isNumberObject(v) {
			return object{{"value", v}}
		} else {
			return v.(object)
		}
	case *rule.Unary:
		if b, ok := notIn(n); ok {
			return w.comparison(b, "not ")
		}
		if n.Op == "!" {
			return object{{"not", w.node(n.X)}}
		}
		return object{{"calc", "-"}, {"of", []any{w.value(n.X)}}}
	case *rule.Binary:
		switch n.Op {
		case "&&":
			return object{{"all", w.nodes(chain(n))}}
		case "||":
			return object{{"any", w.nodes(chain(n))}}
		case "+", "-", "*", "/", "%":
			return object{{"calc", n.Op}, {"of", w.values(chain(n))}}
		}
		return w.comparison(n, "")
	case *rule.Ternary:
		return object{{"if", w.node(n.Cond)}, {"then", w.value(n.X)}, {"else", w.value(n.Y)}}
	case *rule.Call:
		return w.call(n)
	}
	return w.named(n)
}

func isNumberObject(v any) bool {
	o, ok := v.(object)
	return ok && o[0].key == "number"
}

func (w *writer) nodes(ns []rule.Node) []any {
	out := make([]any, len(ns))
	for i, n := range ns {
		out[i] = w.node(n)
	}
	return out
}

func (w *writer) values(ns []rule.Node) []any {
	out := make([]any, len(ns))
	for i, n := range ns {
		out[i] = w.value(n)
	}
	return out
}

// value writes a node: a constant as itself, anything else as an object.
func (w *writer) value(n rule.Node) any {
	switch n := n.(type) {
	case *rule.Literal:
		return constant(n)
	case *rule.ListLit:
		w.depth++
		defer func() { w.depth-- }()
		if w.depth > maxShown {
			return unshown(n, "it lies more than 100 levels deep")
		}
		return w.values(n.Items)
	}
	return w.node(n)
}

// constant writes a literal.
func constant(l *rule.Literal) any {
	switch v := l.Value; v.Kind() {
	case event.BoolKind:
		return v.Bool()
	case event.TextKind:
		return v.Text()
	case event.NumberKind:
		text := l.Raw
		if !isJSONNumber(text) {
			text = v.Number().Exact()
		}
		if !browserHolds(text) {
			return object{{"number", text}}
		}
		return json.Number(text)
	}
	return nil
}

func isJSONNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s)) && strings.TrimSpace(s) == s
}

// browserHolds says that a double-precision number, which is all that a browser has, holds the decimal and gives it back:
// at most 15 digits count, and it is neither huge nor tiny.
func browserHolds(s string) bool {
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], strings.TrimLeft(s[i+1:], "+-0")
	}
	digits := strings.Trim(strings.Replace(strings.TrimPrefix(mantissa, "-"), ".", "", 1), "0")
	return len(digits) <= 15 && len(exponent) <= 2 && len(s) <= 100
}

// unshown writes a part that the builder cannot show.
func unshown(n rule.Node, why string) object {
	return object{{"text", rule.OneLine(n)}, {"why", why}}
}

// beside are the heads of objects that take an op and a value beside them.
var beside = map[string]bool{"trait": true, "identifier": true, "tag": true, "segment": true, "measure": true, "consent": true,
	"customer": true, "now": true, "property": true, "event": true, "call": true}

// comparison writes x op y; not is "not " for !(x in y).
func (w *writer) comparison(n *rule.Binary, not string) object {
	x, op, y := n.X, n.Op, n.Y
	if _, literal := x.(*rule.Literal); literal && op == "in" {
		if o := w.node(y); beside[o[0].key] && !o.has("op") {
			return append(o, member{"op", not + "includes"}, member{"value", w.value(x)})
		}
	}
	var o object
	left := w.value(x)
	if lo, ok := left.(object); ok && beside[lo[0].key] && !lo.has("op") {
		o = lo
	} else {
		o = object{{"left", left}}
	}
	return append(o, member{"op", not + op}, member{"value", w.value(y)})
}

// named writes a name or a path.
func (w *writer) named(n rule.Node) object {
	base, keys := rule.Path(n)
	if slices.Contains(keys, "") {
		return unshown(n, "a name is empty")
	}
	switch b := base.(type) {
	case *rule.Name:
		switch {
		case len(w.variables) > 0 && b.Name == w.variables[len(w.variables)-1]:
			if len(keys) == 0 {
				return unshown(n, "the event itself stands where one of its properties is expected")
			}
			return object{{"property", nameValue(keys)}}
		case roots[b.Name] != "" && len(keys) > 0:
			return object{{roots[b.Name], nameValue(keys)}}
		case b.Name == "now" && len(keys) == 0:
			return object{{"now", true}}
		case b.Name == "events" && len(keys) > 0:
			o, _ := w.event(n) // a source is a selection
			return o
		case roots[b.Name] != "" || b.Name == "events":
			return unshown(n, "a name is missing after "+b.Name)
		}
		return unshown(n, "the name "+b.Name+" is not one that the builder knows")
	case *rule.Call:
		if o, ok := w.event(n); ok {
			return o
		}
		return unshown(n, "a field of what a function gives")
	case *rule.Index:
		return unshown(n, "a name that is computed in [ ]")
	}
	return unshown(n, "a field of a computed value")
}

// call writes a measure of events, or the call of a function.
func (w *writer) call(n *rule.Call) object {
	if o, ok := w.event(n); ok {
		return o
	}
	if n.Recv == nil && len(n.Args) == 1 && (n.Fun == "has" || n.Fun == "present") {
		return object{{n.Fun, w.value(n.Args[0])}}
	}
	o := object{{"call", n.Fun}}
	if n.Recv != nil {
		o = append(o, member{"on", w.value(n.Recv)})
	}
	return append(o, member{"args", w.values(n.Args)})
}
