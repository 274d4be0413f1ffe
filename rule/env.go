package rule

import (
	"sort"

	"tagma/event"
	"tagma/warehouse"
)

// Field is what is known of a trait or property: the kinds of values that came so far, and the declared one.
type Field struct {
	Seen     []event.Kind
	Declared event.Kind // Missing: not declared
}

// Names is what exists or is declared, so that an expression may speak of it.
type Names struct {
	Traits map[string]Field
	Events map[string]map[string]Field // event name → property → field
	IDs    map[string]bool
	// Consents are the kinds of consents.
	Consents map[string]bool
}

// NewNames collects what the history knows.
func NewNames(series []warehouse.SeriesInfo) *Names {
	n := &Names{Traits: map[string]Field{}, Events: map[string]map[string]Field{}, IDs: map[string]bool{}, Consents: map[string]bool{}}
	for _, s := range series {
		switch s.Kind {
		case warehouse.Events:
			props := map[string]Field{}
			for _, p := range s.Properties {
				if p.Name != warehouse.SourceColumn {
					props[p.Name] = Field{Seen: p.Kinds}
				}
			}
			n.Events[s.Name] = props
		case warehouse.Traits:
			f := Field{}
			for _, p := range s.Properties {
				if p.Name == warehouse.ValueColumn {
					f.Seen = p.Kinds
				}
			}
			n.Traits[s.Name] = f
		case warehouse.Identifiers:
			n.IDs[s.Name] = true
		case warehouse.Consents:
			n.Consents[s.Name] = true
		}
	}
	return n
}

// DeclareEvent adds an event name of a schema.
func (n *Names) DeclareEvent(name string) {
	if n.Events[name] == nil {
		n.Events[name] = map[string]Field{}
	}
}

// DeclareProperty adds a declared property of an event.
func (n *Names) DeclareProperty(eventName, property string, k event.Kind) {
	n.DeclareEvent(eventName)
	f := n.Events[eventName][property]
	f.Declared = k
	n.Events[eventName][property] = f
}

// DeclareTrait adds a declared trait.
func (n *Names) DeclareTrait(name string, k event.Kind) {
	f := n.Traits[name]
	f.Declared = k
	n.Traits[name] = f
}

// eventNames lists the known event names in order.
func (n *Names) eventNames() []string { return sortedKeys(n.Events) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Env is what an expression is checked against. The functions give the meaning of other definitions; they return
// false when the key does not exist, and an error (shown at the place of use) when it exists but cannot be used,
// as in a circle.
type Env struct {
	Zone     *event.Zone
	Names    *Names
	Builder  *Builder
	Tag      func(key string) (*TagRef, bool, error)
	Segment  func(key string) (*Expr, bool, error)
	Measure  func(key string) (*Expr, bool, error)
	TagKeys  func() []string // for "did you mean"
	Segments func() []string
	Measures func() []string
	// Table gives a lookup table; nil: there are none.
	Table  func(key string) (*Table, bool, error)
	Tables func() []string
	// Uses notes what is spoken of; nil: nobody asks.
	Uses *Uses

	row *RowEnv // set for expressions over the rows of a file
}

// TagRef is another tag as rules see it: its value, and its measure when it has bands.
type TagRef struct {
	Value  *Expr
	Number *Expr // nil without bands
	// Values lists the values the tag can take, when its definition fixes them: a comparison with another is a slip.
	Values []string
	// Key is the tag's key in the change log, for changed_at and previous, as Builder.Published takes it.
	Key string
}

// Table is a lookup table, ready to be asked.
type Table struct {
	Key     string
	By      string // the column by which rows are found
	Columns map[string]*TableColumn
}

// TableColumn is a column of a lookup table.
type TableColumn struct {
	Kind   event.Kind
	Values map[string]event.Value // by the text of the row's key; a missing cell has none
}
