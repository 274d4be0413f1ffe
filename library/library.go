// Package library is the tag library: the definitions of tags, segments, measures, categories, lookup tables and of
// the schema. It knows their file (YAML), their checks, their versions in the database, what an edit would change,
// and how to turn them into checked rules. It does not evaluate rules and knows no customers.
package library

import (
	"slices"

	"tagma/event"
	"tagma/rule"
)

// Kind is a kind of definition.
type Kind string

// The kinds of definitions, as they are stored and named in messages.
const (
	KindTag      Kind = "tag"
	KindSegment  Kind = "segment"
	KindMeasure  Kind = "measure"
	KindCategory Kind = "category"
	KindSchema   Kind = "schema"
	KindTable    Kind = "table"
)

// kinds lists them so that what others refer to comes first.
var kinds = [...]Kind{KindSchema, KindTable, KindMeasure, KindCategory, KindTag, KindSegment}

// State says whether a definition is in use.
type State string

// The states. A retired definition keeps its number, versions and changes, and can be restored.
const (
	Active  State = "active"
	Retired State = "retired"
)

// Ref names a definition. In text it is "tag vip".
type Ref struct {
	Kind Kind
	Key  string
}

// String is the ref as messages write it.
func (r Ref) String() string { return string(r.Kind) + " " + r.Key }

// Head is what all definitions have.
type Head struct {
	// ID is given once and never reused; for tags and segments it is the slot in the tag index. All kinds
	// share one numbering, from 0.
	ID uint32
	// Key is what rules call it. Of a category it is the path, "behavior/purchase"; of a declaration of the
	// schema "events.NAME", "traits.NAME" or "consents.NAME".
	Key string
	// Was is the key that the definition had before, in a file that renames it. It is not stored.
	Was     string
	State   State
	Version int // from 1, one more with each edit

	place place
}

// place is where a definition stands in a file.
type place struct {
	file  string // empty: not from a file
	lines map[string]int
}

// of is "tags.yaml:12: ", the line of a field, else of the definition; "" when it is not from a file.
func (p place) of(field string) string {
	if p.file == "" {
		return ""
	}
	return position(p.file, p.line(field)) + ": "
}

// about is the place of a definition, or of a part of it with a label: in a file with its line, in a draft its field.
func (p place) about(d Ref, field, label string) string {
	if p.file == draftName {
		return draftField(field)
	}
	if label != "" {
		label = ": " + label
	}
	return p.of(field) + d.String() + label
}

// line is the line of a field, else of the definition; 0 when it is not from a file.
func (p place) line(field string) int {
	if line, ok := p.lines[field]; ok {
		return line
	}
	return p.lines[""]
}

// definition is any of them.
type definition interface {
	head() *Head
	ref() Ref
	body() any             // what is stored, for encoding/json
	with(Head) definition  // a copy with another head
	rules() []ruleText     // its expressions
	title() (name string)  // the name people read, may be empty
	linked() (path string) // the category it lies in, may be empty
}

// ruleText is an expression inside a definition.
type ruleText struct {
	field string // key into place.lines
	label string // "case 高频购买: when"
	text  string
}

// Refresh says when a tag is decided again.
type Refresh string

// The refresh settings.
const (
	Live         Refresh = "live"
	Hourly       Refresh = "hourly"
	Daily        Refresh = "daily" // the default
	Weekly       Refresh = "weekly"
	OnlyManually Refresh = "manual" // when somebody asks for it; always so for tags assigned by hand
)

// What gives a tag to a customer: Tag.Kind.
const (
	ByRule = "rule"
	ByHand = "manual"
)

// CustomerEntity is the only kind of thing that carries tags so far: Tag.Entity.
const CustomerEntity = "customer"

// Tag is the definition of a tag. It has Cases, or a Value with or without Bands, or is assigned by hand.
type Tag struct {
	Head
	Name     string
	Category string // path: "behavior/purchase"
	Purpose  string
	Owner    string
	Refresh  Refresh
	Kind     string // ByRule or ByHand
	// Multi: a customer can have several of the values, all of those whose cases hold. Only with Cases and ByHand.
	Multi bool
	// Keep says whether a value outlives its rule; not for tags assigned by hand.
	Keep  Keep
	Cases []Case
	Value string // an expression
	Bands []rule.Band
	// Values are what a tag assigned by hand may have; none: anything.
	Values []event.Value
	// Classes are the tag's own classes; when empty they come from its category. See Set.Classes.
	Classes []string
	RFM     string // "R", "F" or "M" when the tag feeds that part of the RFM model
	Entity  string
}

// Case is a value and the condition that gives it. The first case that holds counts, with Multi all that hold.
type Case struct {
	Value event.Value
	When  string
}

// Segment is a named set of customers.
type Segment struct {
	Head
	Name    string
	Purpose string
	Owner   string
	When    string
}

// Measure is a named expression. It is missing where When, if given, does not hold.
type Measure struct {
	Head
	When  string
	Value string
}

// Category is a node of the tree that tags lie in.
type Category struct {
	Head
	Name string
	// Prefix is what the names of tags must begin with; an empty one is inherited.
	Prefix string
	// Class is the class of the tags in it, "" when its name or key tells. See Set.Classes.
	Class    string
	Children []*Category // active ones, in order of creation; filled in by a Set, not in a File
}

// Declared is what the schema says of a property or trait. A value of another kind refuses the row that brings it;
// with Coerce it is turned into the kind where that is possible, and refuses the row only where it is not. The Kind
// Missing is the word "any": rules may speak of the name, and its values may be of all kinds.
type Declared struct {
	Kind   event.Kind
	Coerce bool
}

// anyWord declares a name without a kind.
const anyWord = "any"

// Word is the kind as the schema writes it, "any" where none is declared.
func (d Declared) Word() string {
	if d.Kind == event.Missing {
		return anyWord
	}
	return d.Kind.String()
}

// Declaration is one event, trait or consent of the schema.
type Declaration struct {
	Head
	// Properties are the declared properties of an event; nil for others. Names are dotted where nested, and
	// "products[].sku" is the property sku of the elements of the list products.
	Properties map[string]Declared
	// Trait is what is declared of a trait; the zero Declared for others.
	Trait Declared
	// Name is what people call a consent; it may be empty, and is for others.
	Name string
}

// Schema is what is declared of events, traits and consents.
type Schema struct {
	Events   map[string]map[string]Declared // by event and property
	Traits   map[string]Declared
	Consents []string // sorted
}

func (h *Head) head() *Head { return h }

func (t *Tag) ref() Ref         { return Ref{KindTag, t.Key} }
func (s *Segment) ref() Ref     { return Ref{KindSegment, s.Key} }
func (m *Measure) ref() Ref     { return Ref{KindMeasure, m.Key} }
func (c *Category) ref() Ref    { return Ref{KindCategory, c.Key} }
func (d *Declaration) ref() Ref { return Ref{KindSchema, d.Key} }

func (t Tag) with(h Head) definition         { t.Head = h; return &t }
func (s Segment) with(h Head) definition     { s.Head = h; return &s }
func (m Measure) with(h Head) definition     { m.Head = h; return &m }
func (c Category) with(h Head) definition    { c.Head = h; return &c }
func (d Declaration) with(h Head) definition { d.Head = h; return &d }

func (t *Tag) title() string         { return t.Name }
func (s *Segment) title() string     { return s.Name }
func (*Measure) title() string       { return "" }
func (c *Category) title() string    { return c.Name }
func (d *Declaration) title() string { return d.Name }

func (t *Tag) linked() string       { return t.Category }
func (*Segment) linked() string     { return "" }
func (*Measure) linked() string     { return "" }
func (c *Category) linked() string  { return parentPath(c.Key) }
func (*Declaration) linked() string { return "" }

func (t *Tag) rules() []ruleText {
	var out []ruleText
	for i, c := range t.Cases {
		out = append(out, ruleText{caseField(i), "case " + plain(c.Value) + ": when", c.When})
	}
	if t.Value != "" {
		out = append(out, ruleText{"value", "value", t.Value})
	}
	return out
}

func (s *Segment) rules() []ruleText { return []ruleText{{"when", "when", s.When}} }

func (m *Measure) rules() []ruleText {
	var out []ruleText
	if m.When != "" {
		out = append(out, ruleText{"when", "when", m.When})
	}
	return append(out, ruleText{"value", "value", m.Value})
}

func (*Category) rules() []ruleText    { return nil }
func (*Declaration) rules() []ruleText { return nil }

// event returns the name of the declared event, false for others.
func (d *Declaration) event() (string, bool) { return cutPrefix(d.Key, eventsPrefix) }

// trait returns the name of the declared trait, false for others.
func (d *Declaration) trait() (string, bool) { return cutPrefix(d.Key, traitsPrefix) }

// consent returns the name of the declared consent, false for others.
func (d *Declaration) consent() (string, bool) { return cutPrefix(d.Key, consentsPrefix) }

// fixedValues lists the values that a tag can have, nil when its definition does not fix them. Each comes once.
func (t *Tag) fixedValues() []event.Value {
	var out []event.Value
	add := func(v event.Value) {
		if !slices.ContainsFunc(out, v.Equal) {
			out = append(out, v)
		}
	}
	for _, c := range t.Cases {
		add(c.Value)
	}
	for _, b := range t.Bands {
		add(event.Text(b.Value))
	}
	for _, v := range t.Values {
		add(v)
	}
	return out
}
