package library

import (
	"regexp"
	"slices"
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

// schema reads the declared events, traits and consents.
func (r *reader) schema(n *yaml.Node) []*Declaration {
	f := r.mapping(n, "schema", "events", "traits", "consents")
	if f == nil {
		return nil
	}
	var out []*Declaration
	add := func(d *Declaration, prefix string, key *yaml.Node) {
		if problem := textProblem(key.Value, maxProperty); problem != "" || strings.TrimSpace(key.Value) == "" {
			r.fault(key, "schema", "", "%q cannot be a name", key.Value)
			return
		}
		d.Head = Head{Key: prefix + key.Value, State: Active, place: place{r.name, map[string]int{"": key.Line, "key": key.Line}}}
		out = append(out, d)
	}
	if events := f.get("events"); events != nil {
		r.pairs(events, "schema: events", func(key, value *yaml.Node) {
			d := &Declaration{Properties: map[string]Declared{}}
			if !isNull(value) {
				r.pairs(value, "schema: event "+key.Value, func(prop, kind *yaml.Node) {
					r.property(prop, "schema: event "+key.Value)
					if p, ok := r.declared(kind, "schema: event "+key.Value+": "+prop.Value, prop.Value); ok {
						d.Properties[prop.Value] = p
					}
				})
			}
			add(d, eventsPrefix, key)
		})
	}
	if traits := f.get("traits"); traits != nil {
		r.pairs(traits, "schema: traits", func(key, value *yaml.Node) {
			if d, ok := r.declared(value, "schema: trait "+key.Value, key.Value); ok {
				add(&Declaration{Trait: d}, traitsPrefix, key)
			}
		})
	}
	if consents := f.get("consents"); consents != nil {
		r.consents(consents, func(d *Declaration, key *yaml.Node) { add(d, consentsPrefix, key) })
	}
	return out
}

// consents reads a list of names, or a mapping from names to what people call them.
func (r *reader) consents(n *yaml.Node, add func(*Declaration, *yaml.Node)) {
	const what = "schema: consents"
	if n.Kind == yaml.SequenceNode {
		lines := map[string]int{}
		for _, item := range n.Content {
			before, twice := lines[item.Value]
			switch {
			case item.Kind != yaml.ScalarNode || isNull(item):
				r.fault(item, what, "write [sms, email], or {sms: 短信}", "a name is expected, this is %s", nodeNames[item.Kind])
			case twice:
				r.fault(item, what, "", "%s comes twice, first in line %d", item.Value, before)
			default:
				lines[item.Value] = item.Line
				add(&Declaration{}, item)
			}
		}
		return
	}
	r.pairs(n, what, func(key, value *yaml.Node) {
		d := &Declaration{}
		if value.Kind != yaml.ScalarNode {
			r.fault(value, what+": "+key.Value, "write what people call it, as in sms: 短信", "a text is expected, this is %s", nodeNames[value.Kind])
		} else if !isNull(value) {
			d.Name = strings.TrimSpace(value.Value)
			if problem := textProblem(d.Name, maxName); problem != "" {
				r.fault(value, what+": "+key.Value, "", "%s", problem)
			}
		}
		add(d, key)
	})
}

// numbered is a list's element by its number, in the name of a property.
var numbered = regexp.MustCompile(`\[\d+\]\.`)

// property checks the name of a property: a path with dots, [] after the lists on it.
func (r *reader) property(n *yaml.Node, what string) {
	name := n.Value
	if problem := textProblem(name, maxProperty); problem != "" || strings.TrimSpace(name) == "" {
		r.fault(n, what, "", "%q cannot be a name", name)
		return
	}
	const listHint = `write "products[].sku": the property sku of the elements of the list products`
	if numbered.MatchString(name) {
		r.fault(n, what, listHint, "%q: elements have no numbers", name)
		return
	}
	parts := strings.Split(name, ".")
	for i, part := range parts {
		list, isList := strings.CutSuffix(part, "[]")
		switch {
		case list == "" && (isList || strings.Contains(name, "[]")), isList && strings.ContainsAny(list, "[]"):
			r.fault(n, what, listHint, "%q cannot be a name", name)
			return
		case isList && i == len(parts)-1:
			r.fault(n, what, "write "+strings.TrimSuffix(name, "[]")+": list", "%q: what the elements are is not declared", name)
			return
		}
	}
}

// declared reads a kind, or {type: …, coerce: true}.
func (r *reader) declared(n *yaml.Node, what, name string) (d Declared, ok bool) {
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 && slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Value == "type" || c.Value == "coerce" }) {
		f := r.mapping(n, what, "type", "coerce")
		d.Coerce = f.yes("coerce")
		kind := f.of["type"]
		if kind == nil {
			f.missing(n, "type", "write {type: number, coerce: true}", "the type is missing")
			return d, false
		}
		n = kind
	}
	if n.Kind == yaml.ScalarNode && n.Value == anyWord {
		if d.Coerce {
			r.fault(n, what, "name the kind, or leave out coerce", "any kind is what a value has already: there is nothing to coerce it to")
			return d, false
		}
		return d, true
	}
	d.Kind, ok = r.kind(n, what, name, anyWord)
	return d, ok
}

// kind reads a kind of values. more are other words that could have stood there.
func (r *reader) kind(n *yaml.Node, what, name string, more ...string) (event.Kind, bool) {
	var words []string
	for k := event.BoolKind; k <= event.ListKind; k++ {
		words = append(words, k.String())
	}
	words = append(words, more...)
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
