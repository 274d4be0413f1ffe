package library

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"tagma/event"
)

// longRule is the number of characters from which a rule is written as a block of its own.
const longRule = 90

// Export writes the active definitions as a file that ParseFile reads back to the same definitions. They come in
// order of creation, the schema by name; equal sets give equal bytes.
func Export(set *Set) ([]byte, error) { return export(set, set.Schema()) }

// export writes the definitions of a set with a schema that may say more than its own.
func export(set *Set, schema Schema) ([]byte, error) {
	top := mapping(false)
	top.put("schema", schemaNode(set, schema))
	tables := list()
	for t := range set.Tables() {
		tables.add(tableNode(t))
	}
	top.put("tables", tables)
	measures := mapping(false)
	for m := range set.Measures() {
		n := mapping(!long(m.When) && !long(m.Value))
		n.rule("when", m.When)
		n.rule("value", m.Value)
		measures.put(m.Key, n)
	}
	top.put("measures", measures)
	categories := list()
	for c := range set.Categories() {
		categories.add(categoryNode(c))
	}
	top.put("categories", categories)
	tags := list()
	for t := range set.Tags() {
		tags.add(tagNode(t))
	}
	top.put("tags", tags)
	segments := list()
	for s := range set.Segments() {
		n := mapping(false)
		n.text("key", s.Key)
		n.text("name", s.Name)
		n.text("purpose", s.Purpose)
		n.text("owner", s.Owner)
		n.rule("when", s.When)
		segments.add(n)
	}
	top.put("segments", segments)
	if len(top.Content) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&top.Node); err != nil {
		return nil, fmt.Errorf("library: export: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("library: export: %w", err)
	}
	return b.Bytes(), nil
}

// node is a YAML node under construction.
type node struct{ yaml.Node }

func mapping(flow bool) *node {
	n := &node{yaml.Node{Kind: yaml.MappingNode}}
	if flow {
		n.Style = yaml.FlowStyle
	}
	return n
}

func list() *node { return &node{yaml.Node{Kind: yaml.SequenceNode}} }

func scalar(text string, style yaml.Style) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: style}
}

func (n *node) add(child *node) { n.Content = append(n.Content, &child.Node) }

// put adds a key with a node, unless that is empty.
func (n *node) put(key string, value *node) {
	if value.Kind == yaml.ScalarNode || len(value.Content) > 0 {
		n.Content = append(n.Content, scalar(key, 0), &value.Node)
	}
}

// text adds a key with a text, unless that is empty.
func (n *node) text(key, value string) {
	if value != "" {
		n.Content = append(n.Content, scalar(key, 0), scalar(value, 0))
	}
}

// rule adds a key with a rule's text, in quotes or, when it is long, as a block.
func (n *node) rule(key, text string) {
	if text == "" {
		return
	}
	style := yaml.SingleQuotedStyle
	if long(text) {
		style = yaml.LiteralStyle
	}
	n.Content = append(n.Content, scalar(key, 0), scalar(text, style))
}

func long(rule string) bool {
	return utf8.RuneCountInString(rule) > longRule || strings.Contains(rule, "\n")
}

// yes adds a key with true, unless it is false.
func (n *node) yes(key string, is bool) {
	if is {
		n.value(key, event.Bool(true))
	}
}

// value adds a key with a value of a tag.
func (n *node) value(key string, v event.Value) {
	n.Content = append(n.Content, scalar(key, 0), valueNode(v))
}

func valueNode(v event.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
	switch v.Kind() {
	case event.TextKind:
		return scalar(v.Text(), 0)
	case event.NumberKind:
		n.Value = v.Number().Exact()
	}
	return n
}

// inFlow says whether a value can stand between { } or [ ]: an instant's colons would have to be quoted there,
// and then it would be a text.
func inFlow(v event.Value) bool { return v.Kind() != event.TimeKind }

func schemaNode(set *Set, s Schema) *node {
	out, events, traits := mapping(false), mapping(false), mapping(false)
	for _, name := range sortedKeys(s.Events) {
		props := mapping(true)
		for _, prop := range sortedKeys(s.Events[name]) {
			props.put(prop, declaredNode(s.Events[name][prop]))
		}
		events.Content = append(events.Content, scalar(name, 0), &props.Node)
	}
	for _, name := range sortedKeys(s.Traits) {
		traits.put(name, declaredNode(s.Traits[name]))
	}
	out.put("events", events)
	out.put("traits", traits)
	out.put("consents", consentsNode(set, s.Consents))
	return out
}

// declaredNode is a kind, or with more to say of it a mapping.
func declaredNode(d Declared) *node {
	if !d.Coerce {
		return &node{*scalar(d.Word(), 0)}
	}
	n := mapping(true)
	n.text("type", d.Kind.String())
	n.yes("coerce", true)
	return n
}

// consentsNode is a list of names, or with what people call them a mapping.
func consentsNode(set *Set, names []string) *node {
	called := mapping(true)
	plain := list()
	plain.Style = yaml.FlowStyle
	any := false
	for _, name := range names {
		title := ""
		if d := set.active(Ref{KindSchema, consentsPrefix + name}); d != nil {
			title = d.title()
		}
		any = any || title != ""
		called.Content = append(called.Content, scalar(name, 0), scalar(title, 0))
		plain.Content = append(plain.Content, scalar(name, 0))
	}
	if any {
		return called
	}
	return plain
}

func tableNode(t *Table) *node {
	n, types := mapping(false), mapping(true)
	n.text("key", t.Key)
	n.text("name", t.Name)
	n.text("by", t.By)
	for _, column := range sortedKeys(t.Types) {
		types.text(column, t.Types[column].String())
	}
	n.put("types", types)
	n.Content = append(n.Content, scalar("csv", 0), scalar(t.CSV, yaml.LiteralStyle))
	return n
}

func categoryNode(c *Category) *node {
	n := mapping(len(c.Children) == 0)
	n.text("key", lastOfPath(c.Key))
	n.text("name", c.Name)
	n.text("prefix", c.Prefix)
	n.text("class", c.Class)
	children := list()
	for _, child := range c.Children {
		children.add(categoryNode(child))
	}
	n.put("children", children)
	return n
}

func tagNode(t *Tag) *node {
	n := mapping(false)
	n.text("key", t.Key)
	n.text("name", t.Name)
	n.text("category", t.Category)
	n.text("purpose", t.Purpose)
	n.text("owner", t.Owner)
	classes := list()
	classes.Style = yaml.FlowStyle
	for _, c := range t.Classes {
		classes.Content = append(classes.Content, scalar(c, 0))
	}
	n.put("classes", classes)
	n.text("rfm", t.RFM)
	if t.Entity != CustomerEntity {
		n.text("entity", t.Entity)
	}
	if t.Kind == ByHand {
		n.text("kind", t.Kind)
		n.yes("multi", t.Multi)
		values := list()
		if len(t.Values) > 0 && inFlow(t.Values[0]) {
			values.Style = yaml.FlowStyle
		}
		for _, v := range t.Values {
			values.Content = append(values.Content, valueNode(v))
		}
		n.put("values", values)
		return n
	}
	n.text("refresh", string(t.Refresh))
	n.text("keep", t.Keep.String())
	n.yes("multi", t.Multi)
	cases := list()
	for _, c := range t.Cases {
		item := mapping(!long(c.When) && inFlow(c.Value))
		item.value("value", c.Value)
		item.rule("when", c.When)
		cases.add(item)
	}
	n.put("cases", cases)
	n.rule("value", t.Value)
	bands := list()
	for _, b := range t.Bands {
		item := mapping(true)
		if b.Below.Present() {
			item.value("below", b.Below)
		}
		item.text("value", b.Value)
		bands.add(item)
	}
	n.put("bands", bands)
	return n
}
