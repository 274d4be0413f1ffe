package library

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tagma/event"
	"tagma/rule"
)

// keyed reads the mapping of an entry of a list that must have a key; nil when there is nothing to go on.
func (r *reader) keyed(n *yaml.Node, k Kind, known ...string) *fields {
	what := string(k)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if key := n.Content[i+1]; n.Content[i].Value == "key" && key.Kind == yaml.ScalarNode && !isNull(key) {
			what += " " + strings.TrimSpace(key.Value)
			break
		}
	}
	f := r.mapping(n, what, known...)
	if f == nil {
		return nil
	}
	if key := f.of["key"]; key == nil || key.Kind == yaml.ScalarNode && f.text("key") == "" {
		f.missing(n, "key", "write key: the word by which rules call it", "the key is missing")
	}
	return f
}

func (r *reader) tag(n *yaml.Node) *Tag {
	f := r.keyed(n, KindTag, "key", "was", "name", "category", "purpose", "owner", "refresh", "kind", "multi", "keep", "cases", "value", "bands",
		"values", "classes", "rfm", "entity")
	if f == nil {
		return nil
	}
	t := &Tag{
		Head:     Head{Key: f.key("key"), Was: f.key("was"), State: Active, place: f.place()},
		Name:     f.required("name", "what people call it", maxName),
		Category: f.required("category", "the path in the tree, as in behavior/purchase", 40*maxKey),
		Purpose:  f.words("purpose", maxText),
		Owner:    f.words("owner", maxName),
		Refresh:  Refresh(f.choice("refresh", string(Live), string(Hourly), string(Daily), string(Weekly), string(OnlyManually))),
		Kind:     f.choice("kind", ByRule, ByHand),
		RFM:      f.choice("rfm", "R", "F", "M"),
		Entity:   CustomerEntity,
		Classes:  r.classes(f.of["classes"], f.what),
		Multi:    f.yes("multi"),
		Keep:     f.keep(),
	}
	if entity := f.text("entity"); entity != "" && entity != CustomerEntity {
		r.fault(f.of["entity"], f.what, "leave it out", "entity: only customers carry tags so far")
	}
	if t.Kind == "" {
		t.Kind = ByRule
	}
	if t.Kind == ByHand {
		r.manual(f, t)
	} else {
		r.computed(f, t)
	}
	return t
}

// manual reads what is special of a tag assigned by hand.
func (r *reader) manual(f *fields, t *Tag) {
	for _, key := range []string{"cases", "value", "bands"} {
		if n := f.of[key]; n != nil {
			r.fault(n, f.what, "leave it out, or leave out kind: manual", "%s: a tag assigned by hand has no rule", key)
		}
	}
	if t.Refresh != "" && t.Refresh != OnlyManually {
		r.fault(f.of["refresh"], f.what, "leave it out", "refresh: a tag assigned by hand is never computed")
	}
	t.Refresh = OnlyManually
	if n := f.of["keep"]; n != nil {
		r.fault(n, f.what, "leave it out", "keep: what is assigned by hand stays until it is taken back or expires")
	}
	for _, item := range r.items(f.of["values"], f.what+": values") {
		v, ok := r.literal(item, f.what+": values")
		if ok && slices.ContainsFunc(t.Values, v.Equal) {
			r.fault(item, f.what, "", "values: %s comes twice", plain(v))
		} else if ok {
			t.Values = append(t.Values, v)
		}
	}
	r.oneKind(f, "values", t.Values)
}

// computed reads what is special of a tag given by a rule.
func (r *reader) computed(f *fields, t *Tag) {
	if n := f.of["values"]; n != nil {
		r.fault(n, f.what, "add kind: manual, or leave it out", "values: only a tag assigned by hand lists its values")
	}
	if t.Refresh == "" {
		t.Refresh = Daily
	}
	cases, value := f.of["cases"], f.of["value"]
	switch {
	case cases != nil && value != nil:
		r.fault(value, f.what, "keep one of them", "a tag has cases or a value, not both")
	case cases == nil && value == nil && f.of["values"] == nil:
		r.fault(f.node, f.what, "write cases: or value:, or kind: manual", "there is no rule that gives the tag")
	}
	if t.Multi && cases == nil && value != nil {
		r.fault(f.of["multi"], f.what, "leave it out, or write cases:", "multi: a tag with a value has one value; only a tag with cases, or assigned by hand, can have several")
	}
	t.Value = f.expression("value")
	if n := f.of["bands"]; n != nil {
		if cases != nil {
			r.fault(n, f.what, "leave it out", "bands: only a tag with a value has bands")
		}
		t.Bands = r.bands(n, f.what)
	}
	if cases != nil {
		r.cases(f, t, cases)
	}
}

func (r *reader) cases(f *fields, t *Tag, list *yaml.Node) {
	var values []event.Value
	items := r.items(list, f.what+": cases")
	if list.Kind == yaml.SequenceNode && len(items) == 0 {
		r.fault(list, f.what, "write - {value: …, when: '…'}", "cases: there is none")
	}
	for _, item := range items {
		c := r.mapping(item, f.what+": case", "value", "when")
		if c == nil {
			continue
		}
		if c.of["value"] == nil {
			c.missing(item, "value", "write value: what the customer gets", "the value is missing")
			continue
		}
		v, ok := r.literal(c.of["value"], c.what)
		if !ok {
			continue
		}
		c.what += " " + plain(v)
		when := c.expression("when")
		if c.of["when"] == nil {
			c.missing(item, "when", "write when: 'true' for everybody else", "the condition (when) is missing")
		}
		if n := c.of["when"]; n != nil {
			t.place.lines[caseField(len(t.Cases))] = textLine(n)
		}
		t.Cases = append(t.Cases, Case{v, when})
		values = append(values, v)
	}
	r.oneKind(f, "cases", values)
}

// oneKind refuses values of different kinds in one tag.
func (r *reader) oneKind(f *fields, key string, values []event.Value) {
	for _, v := range values {
		if v.Kind() != values[0].Kind() {
			r.fault(f.of[key], f.what, "put all of them in quotes, or none", "%s: the values of a tag must be of one kind; %s is a %s and %s is a %s",
				key, plain(values[0]), values[0].Kind(), plain(v), v.Kind())
			return
		}
	}
}

func (r *reader) bands(list *yaml.Node, what string) []rule.Band {
	what += ": bands"
	items := r.items(list, what)
	if list.Kind == yaml.SequenceNode && len(items) == 0 {
		r.fault(list, what, "leave it out", "there is none")
	}
	var out []rule.Band
	for i, item := range items {
		b := r.mapping(item, what, "below", "value")
		if b == nil {
			continue
		}
		var band rule.Band
		if n := b.of["value"]; n == nil {
			b.missing(item, "value", "write value: the band's name", "the value is missing")
		} else if v, ok := r.literal(n, what); ok {
			if v.Kind() != event.TextKind {
				r.fault(n, what, "put it in quotes", "a band's value is a text, %s is a %s", plain(v), v.Kind())
			}
			band.Value = v.Text()
			for _, other := range out {
				if other.Value == band.Value && band.Value != "" {
					r.fault(n, what, "", "two bands are called %s", band.Value)
				}
			}
		}
		if n := b.of["below"]; n == nil {
			if i < len(items)-1 {
				r.fault(item, what, "write below: the number at which the next one begins", "only the last band can be without a limit")
			}
		} else if v, ok := r.literal(n, what); ok {
			if v.Kind() != event.NumberKind {
				r.fault(n, what, "", "below: a number is expected, this is a %s", v.Kind())
			} else if last := len(out) - 1; last >= 0 && out[last].Below.Present() && v.Number().Cmp(out[last].Below.Number()) <= 0 {
				r.fault(n, what, "begin with the lowest", "the limit %s is not above the one before, %s", plain(v), plain(out[last].Below))
			} else {
				band.Below = v
			}
		}
		out = append(out, band)
	}
	return out
}

// classes reads a list of classes, or one, by key or name; it returns keys.
func (r *reader) classes(n *yaml.Node, what string) []string {
	if n == nil {
		return nil
	}
	items := []*yaml.Node{n}
	if n.Kind != yaml.ScalarNode {
		items = r.items(n, what+": classes")
	}
	var out []string
	for _, item := range items {
		word := strings.TrimSpace(item.Value)
		key, ok := classKey(word)
		if !ok {
			r.fault(item, what, classHint(word), "there is no class %q", word)
		} else if !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

func (r *reader) segment(n *yaml.Node) *Segment {
	f := r.keyed(n, KindSegment, "key", "was", "name", "purpose", "owner", "when")
	if f == nil {
		return nil
	}
	if f.of["when"] == nil {
		f.missing(n, "when", "write when: the rule of who belongs to it", "the condition (when) is missing")
	}
	return &Segment{
		Head:    Head{Key: f.key("key"), Was: f.key("was"), State: Active, place: f.place()},
		Name:    f.required("name", "what people call it", maxName),
		Purpose: f.words("purpose", maxText),
		Owner:   f.words("owner", maxName),
		When:    f.expression("when"),
	}
}
