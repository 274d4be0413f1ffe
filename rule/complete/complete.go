// Package complete says what may come next in a rule that is being written: names that exist, what fits the types,
// real values. It reads the text up to the cursor token by token and so works on unfinished and broken texts.
package complete

import (
	"unicode"
	"unicode/utf8"

	"tagma/event"
	"tagma/rule"
)

// Kind says what an option is, for an icon or a colour.
type Kind string

// The kinds of options.
const (
	RootKind       Kind = "root"       // traits, events …: a name follows
	VariableKind   Kind = "variable"   // the event inside where, sum …
	TraitKind      Kind = "trait"      // a trait
	IdentifierKind Kind = "identifier" // a kind of identifiers
	EventKind      Kind = "event"      // an event's name
	PropertyKind   Kind = "property"   // a property of events
	FieldKind      Kind = "field"      // what every event, customer or tag has: e.time
	TagKind        Kind = "tag"        // a tag
	SegmentKind    Kind = "segment"    // a segment
	ExpressionKind Kind = "expression" // a named measure of the definitions: measures.k
	ConsentKind    Kind = "consent"    // a kind of consents
	TableKind      Kind = "table"      // a lookup table
	ColumnKind     Kind = "column"     // a column of one
	ValueKind      Kind = "value"      // a value that occurs, or that fits well
	SpanKind       Kind = "span"       // a length of time, or a unit of it
	FunctionKind   Kind = "function"   // a function
	FilterKind     Kind = "filter"     // narrows a selection of events
	MeasureKind    Kind = "measure"    // what a selection of events amounts to
	KeywordKind    Kind = "keyword"    // true, false, null, within, same
	OperatorKind   Kind = "operator"   // between values
)

// Option is one thing that may come next.
type Option struct {
	Label  string   `json:"label"`          // what it is called
	Insert string   `json:"insert"`         // what to put in the place of the range
	Kind   Kind     `json:"kind"`           // what it is
	Type   string   `json:"type,omitempty"` // text, number …, as the catalogue's signatures show types; empty when unknown
	Doc    rule.Doc `json:"doc"`            // what it means
}

// Result is what may come in the place of the text between Start and End, byte offsets; the best comes first.
// After a dot the range begins at the dot, since what is inserted may stand in brackets: traits["收货 城市"].
type Result struct {
	Start   int      `json:"start"`
	End     int      `json:"end"`
	Options []Option `json:"options"`
}

// ValueOf names something that has values.
type ValueOf struct {
	Kind ValueSource
	// Name is the trait's, property's or column's name, the tag's key or the kind of identifiers. The property
	// "products[].sku" is that of the elements of a list.
	Name   string
	Events []string // of a property: the events it is asked of; nil: all
	Table  string   // of a column
}

// ValueSource says what has values.
type ValueSource uint8

// The sources of values.
const (
	TraitValues ValueSource = iota
	PropertyValues
	TagValues
	IdentifierValues
	ColumnValues
)

// Values gives values that occur, the most useful first, at most limit. Prefix is what is typed of it so far: values
// that begin with it, in any case of letters, should come; others may, and are sorted out. It may be nil: no values
// are offered then but those that a tag's definition fixes.
type Values func(of ValueOf, prefix string, limit int) []event.Value

// DefaultLimit is how many options At gives at most.
const DefaultLimit = 50

// At says what may come at the cursor, a byte offset in the text. A cursor outside is moved to the nearest end, one
// inside a character to its beginning. Env is used as by rule.Check, by one goroutine at a time; what it lacks is not
// offered. Nothing is offered inside comments, and in texts longer than rule.Parse reads.
func At(text string, cursor int, env *rule.Env, values Values) Result {
	return AtMost(text, cursor, env, values, DefaultLimit)
}

// AtMost is At with another limit than DefaultLimit.
func AtMost(text string, cursor int, env *rule.Env, values Values, limit int) Result {
	cursor = max(0, min(cursor, len(text)))
	for cursor > 0 && cursor < len(text) && !utf8.RuneStart(text[cursor]) {
		cursor--
	}
	if env == nil {
		env = &rule.Env{}
	}
	r := newReader(env)
	o := &offer{reader: r, env: env, values: values, limit: max(limit, 0), start: cursor, end: cursor, after: text[cursor:]}
	if cursor > rule.MaxText {
		return o.result()
	}
	tokens := rule.Tokens(text[:cursor])
	last := rule.Token{Start: -1}
	if n := len(tokens); n > 0 && (tokens[n-1].End == cursor || tokens[n-1].Open) {
		last = tokens[n-1]
	}
	switch {
	case last.Start < 0:
	case last.Kind == rule.CommentToken && last.Open:
		return o.result()
	case last.Kind == rule.TextToken && last.Open && last.End == cursor:
		o.word, o.inText = last.Text, true
		o.start, o.end = last.Start, textEnd(text, last.Start, cursor)
	case last.Kind == rule.NameToken || last.Kind == rule.WordToken || last.Kind == rule.OperatorToken && last.Text == "in":
		o.word = text[last.Start:cursor]
		o.start, o.end = last.Start, nameEnd(text, cursor)
	case text[last.Start] >= '0' && text[last.Start] <= '9':
		// A number, or what begins as one, may be the beginning of a value or a span; if not, it is whole.
		whole := *o
		o.word, o.start, o.end = text[last.Start:cursor], last.Start, nameEnd(text, cursor)
		if r.read(tokens[:len(tokens)-1]) && o.numbers() && len(o.options) > 0 {
			return o.result()
		}
		*o = whole
		r = newReader(env)
		o.reader = r
		last.Start = -1
	default:
		last.Start = -1
	}
	if last.Start >= 0 {
		tokens = tokens[:len(tokens)-1]
	}
	o.after = text[o.end:]
	if !r.read(tokens) {
		return o.result()
	}
	if n := len(tokens); n > 0 && r.top().dot && !o.inText {
		o.start = tokens[n-1].Start
	}
	o.options = o.options[:0]
	o.collect()
	return o.result()
}

// nameEnd is where the name that the cursor is in ends.
func nameEnd(text string, cursor int) int {
	for cursor < len(text) {
		r, size := utf8.DecodeRuneInString(text[cursor:])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) || r == utf8.RuneError && size == 1 {
			break
		}
		cursor += size
	}
	return cursor
}

// textEnd is where the quoted text ends that begins at start and that the cursor is in. When a closing quote is
// missing somewhere after it, it is taken to be this text's: what follows the cursor stays.
func textEnd(text string, start, cursor int) int {
	end := cursor
	for _, t := range rule.Tokens(text) {
		switch {
		case t.Start < start || t.Kind != rule.TextToken:
		case t.Open:
			return cursor
		case t.Start == start:
			end = t.End
		}
	}
	return max(end, cursor)
}
