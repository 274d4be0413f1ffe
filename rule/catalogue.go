package rule

import (
	"cmp"
	"slices"
	"strings"
)

// EntryKind says what an entry of the catalogue is.
type EntryKind string

// The kinds of entries.
const (
	ConstantEntry   EntryKind = "constant"   // true, false, null
	FieldEntry      EntryKind = "field"      // a field that every event, customer or tag has
	FilterEntry     EntryKind = "filter"     // narrows a selection of events, or makes one of two
	FunctionEntry   EntryKind = "function"   // f(x), and x.f() where Method is set
	MeasureEntry    EntryKind = "measure"    // what a selection of events amounts to
	OperatorEntry   EntryKind = "operator"   // between or before values
	PopulationEntry EntryKind = "population" // a function that looks across all customers
	RelationEntry   EntryKind = "relation"   // what then and without ask of two events
	RootEntry       EntryKind = "root"       // what names begin with
	SourceEntry     EntryKind = "source"     // a selection of events to begin with
)

// Doc is a sentence in two languages.
type Doc struct {
	En string `json:"en"`
	Zh string `json:"zh"`
}

// Slot says what may stand in the place of a parameter, where its type does not say enough.
type Slot string

// The slots. The zero Slot is an expression of the parameter's type.
const (
	VariableSlot     Slot = "variable"      // the name that the event has in the parameters after it
	BodySlot         Slot = "body"          // an expression about the event of the variable
	SelectionSlot    Slot = "selection"     // a selection of events
	RelationSlot     Slot = "relation"      // within(…) or same(…)
	SpanSlot         Slot = "span"          // a length of time in quotes: s m h d w mo y
	ClockSpanSlot    Slot = "clock span"    // one of s m h only
	UnitSlot         Slot = "unit"          // "d", "w", "mo", "q" or "y"
	StreakSlot       Slot = "streak unit"   // "d", "w" or "mo"
	PatternSlot      Slot = "pattern"       // how a time is written, in quotes
	EventSlot        Slot = "event"         // the name of an event, in quotes
	PropertySlot     Slot = "property"      // the name of a property that both sides have, in quotes
	ListPropertySlot Slot = "list property" // the name of a property that is a list, in quotes
	TableSlot        Slot = "table"         // the key of a lookup table, in quotes
	ColumnSlot       Slot = "column"        // the name of a lookup table's column, in quotes
	NameSlot         Slot = "name"          // something of the customer by its name: traits.city, tags.rfm
	ConstantSlot     Slot = "constant"      // a number or text written here, not computed
)

// Parameter is a parameter.
type Parameter struct {
	Name     string
	Type     Type
	Slot     Slot
	Optional bool
	Repeats  bool // it may stand any number of times, at least once unless Optional
}

// Entry describes one thing that the language has a name for.
type Entry struct {
	Name   string
	Kind   EntryKind
	Params []Parameter
	// Result is what it gives; Any where that depends on what it is given.
	Result Type
	// Method says that a function may stand behind its first argument: x.f(y) for f(x, y).
	Method bool
	Doc    Doc
	// Example is an expression that uses it.
	Example string
	// OfBody says that the result is of the type that the body has: max(e, e.amount) is what e.amount is.
	OfBody bool
}

// Catalogue lists everything the language has names for, sorted by kind, then name: what completion, the
// documentation and editors read. The slice is the caller's; the parameters in it must not be changed.
func Catalogue() []Entry { return slices.Clone(catalogue) }

var catalogue = func() []Entry {
	all := slices.Concat(rootEntries(), sourceEntries(), filterEntries(), measureEntries(), fieldEntries(),
		timeEntries(), valueEntries(), customerEntries(), populationEntries(), operatorEntries())
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name))
	})
	return all
}()

// Signature shows how the entry is written: last(span: text) → events.
func (e Entry) Signature() string {
	params := make([]string, len(e.Params))
	for i, p := range e.Params {
		params[i] = p.String()
	}
	result := " → " + e.Result.Word()
	if e.Kind == OperatorEntry {
		switch {
		case len(params) == 1:
			return e.Name + "(" + params[0] + ")" + result
		case e.Name == "?:":
			return params[0] + " ? " + params[1] + " : " + params[2] + result
		}
		return params[0] + " " + e.Name + " " + params[1] + result
	}
	name := e.Name
	switch e.Kind {
	case FilterEntry, MeasureEntry:
		name = "." + name
	case RootEntry, FieldEntry, ConstantEntry:
		return name + result
	case RelationEntry:
		result = ""
	case SourceEntry:
		if len(params) == 0 {
			return name + result
		}
	}
	return name + "(" + strings.Join(params, ", ") + ")" + result
}

// String shows a parameter: name: type, with ? when it may be left out and … when it repeats.
func (p Parameter) String() string {
	s := p.Name
	if p.Slot != VariableSlot {
		s += ": " + p.Type.Word()
	}
	if p.Repeats {
		s += "…"
	}
	if p.Optional {
		s += "?"
	}
	return s
}

var typeWords = [...]string{NoType: "nothing", Any: "value", Bool: "condition", Number: "number", Text: "text", Time: "time", Date: "date",
	List: "list", Duration: "duration", Event: "event", Events: "events", IDs: "identifiers", Null: "null"}

// Word is the type's name as signatures show it.
func (t Type) Word() string { return typeWords[t] }

// eventVariable is the first parameter of what ranges over events.
var eventVariable = Parameter{Name: "e", Type: Event, Slot: VariableSlot}

// bodyParameter is an expression about the event of the variable.
func bodyParameter(name string, t Type) Parameter {
	return Parameter{Name: name, Type: t, Slot: BodySlot}
}

func parameter(name string, t Type) Parameter { return Parameter{Name: name, Type: t} }

func slotParameter(name string, s Slot) Parameter { return Parameter{Name: name, Type: Text, Slot: s} }

func optional(p Parameter) Parameter {
	p.Optional = true
	return p
}

func repeats(p Parameter) Parameter {
	p.Repeats = true
	return p
}
