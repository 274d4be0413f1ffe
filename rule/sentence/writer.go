package sentence

import (
	"strings"
	"unicode"

	"tagma/event"
	"tagma/rule"
)

// level says how tightly a phrase holds together.
type level uint8

const (
	choiceLevel level = iota
	orLevel
	andLevel
	relationLevel
	sumLevel
	productLevel
	phraseLevel // several words that are one thing
	atomLevel   // a name or a number
)

// phrase is a part of a sentence.
type phrase struct {
	text  string
	level level
}

// writer writes a sentence.
type writer struct {
	lang  *language
	names Names
	scope []scope // the selections whose events we are speaking of, the innermost last
	depth int
}

// maxDepth is how deep the parts of a sentence lie in each other; nobody understands what is deeper, and it is left as
// it is written.
const maxDepth = 100

// deeper says a part of a part.
func (w *writer) deeper(n rule.Node, say func(rule.Node) phrase) phrase {
	if w.depth >= maxDepth {
		return phrase{rule.OneLine(n), choiceLevel}
	}
	w.depth++
	defer func() { w.depth-- }()
	return say(n)
}

// scope is a selection inside of which a variable names its event.
type scope struct {
	variable string
	events   []string // nil: all
}

func newWriter(l Language, names Names) *writer {
	if l == English {
		return &writer{lang: english, names: names}
	}
	return &writer{lang: chinese, names: names}
}

// at is the text of a phrase, in brackets if it holds together less tightly than least.
func (w *writer) at(p phrase, least level) string {
	if p.level >= least {
		return p.text
	}
	return w.lang.brackets[0] + p.text + w.lang.brackets[1]
}

// all joins conditions that all hold.
func (w *writer) all(ps []phrase) string {
	if len(ps) == 1 {
		return ps[0].text
	}
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = w.at(p, relationLevel)
	}
	return join(texts, w.lang.and)
}

// text is a text value: bare where it cannot be taken for anything else.
func (w *writer) text(s string) string {
	first := true
	for _, r := range s {
		if !(unicode.IsLetter(r) || unicode.IsMark(r) || r == '_' || !first && (unicode.IsDigit(r) || r == '-' || r == '.')) {
			return w.quote(s)
		}
		first = false
	}
	if s == "" || w.lang.quoted[s] {
		return w.quote(s)
	}
	return s
}

// quote puts a text into quotes; where it has quotes or what cannot be seen in it, as rules write it.
func (w *writer) quote(s string) string {
	for _, r := range s {
		if r == '“' || r == '”' || r == '"' || r == '\\' || !unicode.IsGraphic(r) {
			return rule.OneLine(&rule.Literal{Value: event.Text(s)})
		}
	}
	return "“" + s + "”"
}

// name is what people call a thing. A name with blanks or signs stands in quotes.
func (w *writer) name(named func(string) string, key string) string {
	s := ""
	if named != nil {
		s = named(key)
	}
	if s == "" {
		s = key
	}
	for _, r := range s {
		if !(unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == '_' || r == '-' || r == '.') {
			return w.quote(s)
		}
	}
	if s == "" || w.lang.quoted[s] {
		return w.quote(s)
	}
	return s
}

// root is the first name of a path and the rest of it joined; "" when n is none, or begins with an event's variable.
func (w *writer) root(n rule.Node) (root, key string) {
	base, keys := rule.Path(n)
	name, ok := base.(*rule.Name)
	if !ok || w.isEvent(name.Name) {
		return "", ""
	}
	return name.Name, strings.Join(keys, ".")
}

func (w *writer) isEvent(name string) bool {
	return len(w.scope) > 0 && w.scope[len(w.scope)-1].variable == name
}

// path says a name.
func (w *writer) path(n rule.Node) phrase {
	base, keys := rule.Path(n)
	asWritten := phrase{rule.OneLine(n), phraseLevel}
	if call, ok := base.(*rule.Call); ok && len(keys) > 0 {
		if isPick(call) && w.isMeasure(call) {
			return phrase{w.picked(call, keys), phraseLevel}
		}
	}
	name, ok := base.(*rule.Name)
	if !ok {
		return asWritten
	}
	key := strings.Join(keys, ".")
	if w.isEvent(name.Name) && len(keys) > 0 {
		return phrase{w.property(w.scope[len(w.scope)-1].events, keys), atomLevel}
	}
	if name.Name == "now" && len(keys) == 0 {
		return phrase{w.lang.now, atomLevel}
	}
	if len(keys) == 0 {
		return asWritten
	}
	one := func(pattern string, named func(string) string) phrase {
		return phrase{w.fill(pattern, w.name(named, key)), atomLevel}
	}
	switch name.Name {
	case "traits":
		text := w.name(w.names.Trait, key)
		if len(w.scope) > 0 {
			return phrase{w.fill(w.lang.ofCustomer, text), atomLevel}
		}
		return phrase{text, atomLevel}
	case "ids":
		return one(w.lang.identifier, w.names.Identifier)
	case "tags":
		if len(keys) > 1 && keys[len(keys)-1] == "number" {
			key = strings.Join(keys[:len(keys)-1], ".")
			return one(w.lang.tagNumber, w.names.Tag)
		}
		return one(w.lang.tag, w.names.Tag)
	case "segments":
		return one(w.lang.segmentValue, w.names.Segment)
	case "consent":
		return one(w.lang.consentValue, w.names.Consent)
	case "measures":
		return one(w.lang.measure, w.names.Measure)
	case "customer":
		if key == "first_seen" {
			return phrase{w.lang.firstSeen, atomLevel}
		}
		return one(w.lang.customer, nil)
	case "events":
		return phrase{w.selection(n).say(w), phraseLevel}
	}
	return asWritten
}

// property says a property of events: their own fields by the word for them.
func (w *writer) property(events, keys []string) string {
	key := strings.Join(keys, ".")
	if field := w.lang.fields[key]; field != "" && len(keys) == 1 {
		return field
	}
	return w.name(func(key string) string {
		if w.names.Property == nil {
			return ""
		}
		return w.names.Property(events, key)
	}, key)
}
