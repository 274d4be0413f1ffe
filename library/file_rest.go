package library

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"tagma/event"
)

// measures reads the mapping from keys to expressions.
func (r *reader) measures(n *yaml.Node) []*Measure {
	var out []*Measure
	r.pairs(n, "measures", func(key, value *yaml.Node) {
		what := string(KindMeasure) + " " + key.Value
		if value.Kind == yaml.ScalarNode {
			r.fault(value, what, "write "+key.Value+": {value: '…'}", "keys and values are expected here")
			return
		}
		f := r.mapping(value, what, "was", "when", "value")
		if f == nil {
			return
		}
		if problem := keyProblem(key.Value); problem != "" {
			r.fault(key, "", "", "%s", problem)
		}
		if f.of["value"] == nil {
			f.missing(key, "value", "write value: an expression", "the value is missing")
		}
		m := &Measure{Head: Head{Key: key.Value, Was: f.key("was"), State: Active, place: f.place()},
			When: f.expression("when"), Value: f.expression("value")}
		m.place.lines["key"], m.place.lines[""] = key.Line, key.Line
		out = append(out, m)
	})
	return out
}

// maxDepth is how many levels a tree may have; it is far from any use and guards the recursion.
const maxDepth = 32

// category reads a node of the tree and those below it.
func (r *reader) category(out []*Category, n *yaml.Node, parent string, depth int) []*Category {
	f := r.keyed(n, KindCategory, "key", "name", "prefix", "class", "children")
	if f == nil {
		return out
	}
	key := f.text("key")
	if key == "" {
		return out
	}
	path := key
	if parent != "" {
		path = parent + "/" + key
	}
	f.what = string(KindCategory) + " " + path
	f.key("key")
	c := &Category{Head: Head{Key: path, State: Active, place: f.place()},
		Name: f.required("name", "what people call it", maxName), Prefix: f.words("prefix", maxName)}
	if class := f.of["class"]; class != nil {
		if keys := r.classes(class, f.what); len(keys) > 1 {
			r.fault(class, f.what, "give the tags their classes", "a category has one class")
		} else if len(keys) == 1 {
			c.Class = keys[0]
		}
	}
	out = append(out, c)
	children := f.of["children"]
	if children != nil && depth == maxDepth {
		r.fault(children, f.what, "", "the tree has more than %d levels", maxDepth)
		return out
	}
	for _, child := range r.items(children, f.what+": children") {
		out = r.category(out, child, path, depth+1)
	}
	return out
}

// kindWords are what people write for the kinds, beside their names.
var kindWords = map[string]event.Kind{"string": event.TextKind, "str": event.TextKind, "int": event.NumberKind, "integer": event.NumberKind,
	"float": event.NumberKind, "decimal": event.NumberKind, "boolean": event.BoolKind, "timestamp": event.TimeKind, "datetime": event.TimeKind,
	"instant": event.TimeKind, "day": event.DateKind, "array": event.ListKind}

// schema reads the declared events and traits.
func (r *reader) schema(n *yaml.Node) []*Declaration {
	f := r.mapping(n, "schema", "events", "traits")
	if f == nil {
		return nil
	}
	var out []*Declaration
	add := func(d *Declaration, prefix string, key *yaml.Node) {
		if problem := textProblem(key.Value, 200); problem != "" || strings.TrimSpace(key.Value) == "" {
			r.fault(key, "schema", "", "%q cannot be a name", key.Value)
			return
		}
		d.Head = Head{Key: prefix + key.Value, State: Active, place: place{r.name, map[string]int{"": key.Line, "key": key.Line}}}
		out = append(out, d)
	}
	if events := f.get("events"); events != nil {
		r.pairs(events, "schema: events", func(key, value *yaml.Node) {
			d := &Declaration{Properties: map[string]event.Kind{}}
			if !isNull(value) {
				r.pairs(value, "schema: event "+key.Value, func(prop, kind *yaml.Node) {
					if k, ok := r.kind(kind, "schema: event "+key.Value+": "+prop.Value, prop.Value); ok {
						d.Properties[prop.Value] = k
					}
				})
			}
			add(d, eventsPrefix, key)
		})
	}
	if traits := f.get("traits"); traits != nil {
		r.pairs(traits, "schema: traits", func(key, value *yaml.Node) {
			if k, ok := r.kind(value, "schema: trait "+key.Value, key.Value); ok {
				add(&Declaration{Trait: k}, traitsPrefix, key)
			}
		})
	}
	return out
}

// kind reads a kind of values.
func (r *reader) kind(n *yaml.Node, what, name string) (event.Kind, bool) {
	var words []string
	for k := event.BoolKind; k <= event.ListKind; k++ {
		words = append(words, k.String())
	}
	if n.Kind != yaml.ScalarNode {
		hint := ""
		if n.Kind == yaml.MappingNode {
			hint = "write what is nested with dots: " + name + ".city: text"
		}
		r.fault(n, what, hint, "a kind is expected: %s", strings.Join(words, ", "))
		return event.Missing, false
	}
	if k, ok := event.ParseKind(n.Value); ok {
		return k, true
	}
	hint := didYouMean(n.Value, words)
	if k, ok := kindWords[strings.ToLower(n.Value)]; ok {
		hint = "write " + k.String()
	} else if hint == "" {
		hint = "there are " + strings.Join(words, ", ")
	}
	r.fault(n, what, hint, "there is no kind %q", n.Value)
	return event.Missing, false
}
