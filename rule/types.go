package rule

import "tagma/event"

// Type is the static type of an expression.
type Type uint8

// The types. A property or trait has type Any until a schema declares it: what came so far is only a hint.
const (
	NoType   Type = iota
	Any           // a value whose kind shows itself at run time
	Bool          // a condition, or a bool value
	Number        // an exact decimal
	Text          // compared byte by byte
	Time          // an instant
	Date          // a calendar day without zone
	List          // a list of values
	Duration      // an elapsed length of time
	Event         // one event of a customer, or none
	Events        // a selection of a customer's events
	IDs           // the identifiers of a kind: in a comparison, any of them
	Null          // the missing value
)

var typeNames = [...]string{"nothing", "a value", "a condition", "a number", "a text", "a time", "a date", "a list",
	"a duration", "an event", "events", "identifiers", "null"}

// String names the type in messages.
func (t Type) String() string { return typeNames[t] }

// kind is the kind of values of the type, Missing for Any and for what is no value.
func (t Type) kind() event.Kind {
	switch t {
	case Bool:
		return event.BoolKind
	case Number, Duration:
		return event.NumberKind
	case Text:
		return event.TextKind
	case Time:
		return event.TimeKind
	case Date:
		return event.DateKind
	case List:
		return event.ListKind
	}
	return event.Missing
}

// TypeOf is the type of values of a kind.
func TypeOf(k event.Kind) Type {
	switch k {
	case event.BoolKind:
		return Bool
	case event.NumberKind:
		return Number
	case event.TextKind:
		return Text
	case event.TimeKind:
		return Time
	case event.DateKind:
		return Date
	case event.ListKind:
		return List
	}
	return Any
}

// value says whether an expression of the type has a value of its own, one that a tag could hold.
func (t Type) value() bool { return t >= Any && t <= List || t == Null }

// accepts says whether a value of type t may stand where want is expected.
func (t Type) accepts(want Type) bool {
	return t == want || t == Any || want == Any && t.value() || t == Null
}
