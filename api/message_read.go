package api

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"tagma/event"
)

// messageReader reads what a tracking client sends in one pass over the bytes. Texts without escapes are parts of the
// body, so whoever keeps one for long copies it; but names of events, and names and values of properties, are not. What it
// returns is good until it reads again, but for these and for given and traced.
type messageReader struct {
	in   *jsontext.Decoder
	buf  bytes.Buffer
	body string
	err  error // of the body as a whole: nothing of it is taken

	given   []event.Property // properties of all messages, one behind the other
	traced  []event.Property // traits, in the same way; a missing value takes the trait away
	path    []byte           // the dotted name of where it is
	names   map[string]string
	texts   [1024]string // some of the texts that values were of late, each in its place by its hash
	seed    maphash.Seed
	scratch []byte
	unread  []byte    // room for a body
	list    []message // room for the messages of a body
	flaw    *Flaw     // of the message in hand: the first
}

// usualProperty is about how many bytes of a body there are to a property.
const usualProperty = 48

// maxNames bounds the names that a reader remembers.
const maxNames = 4096

// messageReaders are used again, for their buffers and names.
var messageReaders = sync.Pool{New: func() any {
	return &messageReader{in: new(jsontext.Decoder), names: map[string]string{}, seed: maphash.MakeSeed()}
}}

// envelope is a batch, or a message with what stands around it.
type envelope struct {
	messages []message
	sentAt   scalar
	writeKey string
	flaw     *Flaw
}

// span is a part of messageReader.given, or of traced.
type span struct{ from, to int }

// scalar is a text or number as it is written; Kind is 0 where there is none, and 'n' for null.
type scalar struct {
	kind jsontext.Kind
	text string
}

func (s scalar) there() bool { return s.kind != 0 && s.kind != 'n' }

// read reads a body: a batch, or one message of a kind.
func (r *messageReader) read(body []byte, batch bool) (e envelope, err error) {
	r.body, r.err, r.given, r.traced = string(body), nil, make([]event.Property, 0, len(body)/usualProperty), nil
	r.buf = *bytes.NewBuffer(body)
	r.in.Reset(&r.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if len(r.names) > maxNames {
		clear(r.names)
	}
	if r.peek() != '{' {
		r.skip()
		if r.err == nil {
			r.err = errors.New("it is no object")
		}
		return e, r.err
	}
	if batch {
		r.envelope(&e)
	} else {
		var m message
		r.message(&m, &e)
		m.size = len(body)
		e.messages = append(e.messages, m)
	}
	if _, err := r.in.ReadToken(); r.err == nil && !errors.Is(err, io.EOF) {
		r.err = errors.New("there is more after the end")
	}
	return e, r.err
}

func (r *messageReader) peek() jsontext.Kind {
	if r.err != nil {
		return 0
	}
	return r.in.PeekKind()
}

// next reads a token.
func (r *messageReader) next() {
	if r.err == nil {
		_, r.err = r.in.ReadToken()
	}
}

func (r *messageReader) skip() {
	if r.err == nil {
		r.err = r.in.SkipValue()
	}
}

// object reads an object's members: member is called with the name, and reads the value.
func (r *messageReader) object(member func(name string)) {
	for r.next(); r.peek() == '"'; {
		member(r.text())
	}
	r.next()
}

// text reads a text.
func (r *messageReader) text() string {
	raw := r.rawText()
	if raw == nil {
		return ""
	}
	if plain(raw) {
		end := int(r.in.InputOffset())
		return r.body[end-len(raw)+1 : end-1]
	}
	r.scratch, _ = jsontext.AppendUnquote(r.scratch[:0], raw) // what is no UTF-8 is replaced
	return string(r.scratch)
}

// name reads a text onto the path.
func (r *messageReader) name() {
	raw := r.rawText()
	switch {
	case raw == nil:
	case plain(raw):
		r.path = append(r.path, raw[1:len(raw)-1]...)
	default:
		r.path, _ = jsontext.AppendUnquote(r.path, raw)
	}
}

func (r *messageReader) rawText() jsontext.Value {
	if r.err != nil {
		return nil
	}
	raw, err := r.in.ReadValue()
	if err != nil {
		r.err = err
		return nil
	}
	return raw
}

// plain says that a text is written as it is.
func plain(raw []byte) bool { return bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) }

// kept returns a text that is the same for each time it comes.
func (r *messageReader) kept(b []byte) string {
	if s, ok := r.names[string(b)]; ok {
		return s
	}
	s := string(b)
	r.names[s] = s
	return s
}

// textValue reads a text that is the value of a property. Values come again and again, and are kept for long: they share
// their memory, and hold no body.
func (r *messageReader) textValue() string {
	raw := r.rawText()
	if raw == nil {
		return ""
	}
	text := []byte(raw[1 : len(raw)-1])
	if !plain(raw) {
		r.scratch, _ = jsontext.AppendUnquote(r.scratch[:0], raw) // what is no UTF-8 is replaced
		text = r.scratch
	}
	if len(text) > longestShared {
		return string(text)
	}
	place := &r.texts[maphash.Bytes(r.seed, text)%uint64(len(r.texts))]
	if *place != string(text) {
		*place = string(text)
	}
	return *place
}

// longestShared is the length in bytes of a text that is worth looking for among others.
const longestShared = 48

// wrong notes a fault of the message in hand.
func (r *messageReader) wrong(location, text string) {
	if r.flaw == nil {
		r.flaw = &Flaw{Location: location, Message: text}
	}
}

// textOf reads the value of a member that must be a text; null leaves it as it is.
func (r *messageReader) textOf(field string, into *string) { r.oneText(field, into, r.text) }

// nameOf is textOf for what is kept, as names of events are.
func (r *messageReader) nameOf(field string, into *string) { r.oneText(field, into, r.textValue) }

func (r *messageReader) oneText(field string, into *string, read func() string) {
	switch r.peek() {
	case '"':
		*into = read()
	case 'n':
		r.skip()
	default:
		r.skip()
		r.wrong(field, "this must be a text")
	}
}

// scalarOf reads the value of a member that may be a text or number.
func (r *messageReader) scalarOf(into *scalar) {
	switch k := r.peek(); k {
	case '"':
		*into = scalar{k, r.text()}
	case '0':
		*into = scalar{k, string(r.rawText())}
	default:
		r.skip()
		*into = scalar{kind: k}
	}
}

// envelopeFields and messageFields are the names of members. Letters may be small or large, exact ones go first.
var (
	envelopeFields = []string{"batch", "sentAt", "writeKey"}
	messageFields  = []string{"type", "messageId", "userId", "anonymousId", "event", "name", "category", "properties", "traits", "context",
		"timestamp", "originalTimestamp", "sentAt", "writeKey"}
)

// fieldOf returns the member that a name means; the name itself when it means none.
func fieldOf(fields []string, name string) string {
	for _, f := range fields {
		if f == name {
			return f
		}
	}
	for _, f := range fields {
		if strings.EqualFold(f, name) {
			return f
		}
	}
	return name
}

func (r *messageReader) envelope(e *envelope) {
	r.flaw = nil
	r.object(func(name string) {
		switch fieldOf(envelopeFields, name) {
		case "batch":
			r.batch(e)
		case "sentAt":
			r.scalarOf(&e.sentAt)
		case "writeKey":
			r.textOf("writeKey", &e.writeKey)
		default:
			r.skip()
		}
	})
	e.flaw = r.flaw
}

func (r *messageReader) batch(e *envelope) {
	e.messages, r.list = nil, r.list[:0]
	switch r.peek() {
	case '[':
	case 'n':
		r.skip()
		return
	default:
		r.skip()
		r.wrong("batch", "this must be a list")
		return
	}
	outer := r.flaw
	r.next()
	for k := r.peek(); k != ']' && k != 0; k = r.peek() {
		from := int(r.in.InputOffset())
		r.list = append(r.list, message{})
		m := &r.list[len(r.list)-1]
		if k == '{' {
			r.message(m, nil)
		} else {
			r.skip()
			m.flaw = &Flaw{Message: "not a message: it is no object"}
		}
		for from < len(r.body) && strings.IndexByte(" \t\r\n,", r.body[from]) >= 0 {
			from++
		}
		m.size = int(r.in.InputOffset()) - from
	}
	e.messages = r.list
	r.next()
	r.flaw = outer
}

// message reads a message; with e what stands around one alone as well.
func (r *messageReader) message(m *message, e *envelope) {
	r.flaw = nil
	r.object(func(name string) {
		switch fieldOf(messageFields, name) {
		case "type":
			r.nameOf("type", &m.kind)
		case "messageId":
			r.textOf("messageId", &m.id)
		case "userId":
			r.scalarOf(&m.userID)
		case "anonymousId":
			r.scalarOf(&m.anonymousID)
		case "event":
			r.nameOf("event", &m.event)
		case "name":
			r.nameOf("name", &m.name)
		case "category":
			r.nameOf("category", &m.category)
		case "properties":
			m.properties = r.properties(m)
		case "traits":
			m.traits, m.hasTraits = span{}, false
			if r.isObject("traits") {
				m.traits, m.hasTraits = r.traits(), true
			}
		case "context":
			m.context = r.context(m)
		case "timestamp":
			r.scalarOf(&m.timestamp)
		case "originalTimestamp":
			r.scalarOf(&m.original)
		case "sentAt":
			r.scalarOf(&m.sentAt)
		case "writeKey":
			if e != nil {
				r.textOf("writeKey", &e.writeKey)
			} else {
				r.skip()
			}
		default:
			r.skip()
		}
	})
	m.flaw = r.flaw
}

// isObject says whether the value of a member is an object; null is none, and others are wrong.
func (r *messageReader) isObject(field string) bool {
	switch r.peek() {
	case '{':
		return true
	case 'n':
	default:
		r.wrong(field, "this must be an object")
	}
	r.skip()
	return false
}

func (r *messageReader) properties(m *message) span {
	m.named, m.categorized = false, false
	if !r.isObject("properties") {
		return span{}
	}
	from := len(r.given)
	r.path = r.path[:0]
	r.flatten(&r.given, 1, func(name []byte) bool {
		m.named = m.named || string(name) == "name"
		m.categorized = m.categorized || string(name) == "category"
		return false
	})
	return span{from, len(r.given)}
}

func (r *messageReader) context(m *message) span {
	m.contextTraits, m.hasContextTraits = span{}, false
	if !r.isObject("context") {
		return span{}
	}
	from := len(r.given)
	r.path = append(r.path[:0], "context."...)
	r.flatten(&r.given, 1, func(name []byte) bool {
		if string(name) != "context.traits" {
			return false
		}
		m.contextTraits, m.hasContextTraits = span{}, false
		if r.peek() != '{' {
			r.skip()
			return true
		}
		m.contextTraits, m.hasContextTraits = r.traits(), true
		return true
	})
	return span{from, len(r.given)}
}

// traits reads an object of traits, in which null takes one away.
func (r *messageReader) traits() span {
	from := len(r.traced)
	outer := r.path
	r.path = nil
	r.flatten(&r.traced, 1, func(name []byte) bool {
		if r.peek() != 'n' {
			return false
		}
		r.skip()
		r.traced = append(r.traced, event.Property{Name: r.kept(name)})
		return true
	})
	r.path = outer
	return span{from, len(r.traced)}
}

// flatten reads an object's members as properties with dotted names, as event.Flatten gives them. Of its own members, not
// of objects in it, take may read the value, and says whether it did.
func (r *messageReader) flatten(into *[]event.Property, depth int, take func(name []byte) bool) {
	length := len(r.path)
	for r.next(); r.peek() == '"'; r.path = r.path[:length] {
		r.name()
		if take != nil && take(r.path) {
			continue
		}
		if r.tooDeep(depth) {
			continue
		}
		if r.peek() == '{' {
			r.path = append(r.path, '.')
			r.flatten(into, depth+1, nil)
			continue
		}
		if v := r.value(depth); v.Present() {
			*into = append(*into, event.Property{Name: r.kept(r.path), Value: v})
		}
	}
	r.next()
}

// tooDeep skips a value that lies deeper than what can be stored.
func (r *messageReader) tooDeep(depth int) bool {
	if depth <= event.MaxNesting {
		return false
	}
	r.skip()
	r.wrong("", "lists and objects lie more than "+strconv.Itoa(event.MaxNesting)+" deep in one another")
	return true
}

// value reads a value, as event.FromJSON gives it.
func (r *messageReader) value(depth int) event.Value {
	switch r.peek() {
	case '"':
		return event.Text(r.textValue())
	case '0':
		raw := r.rawText()
		end := int(r.in.InputOffset())
		if n, err := event.ParseNumber(r.body[end-len(raw) : end]); err == nil {
			return event.Num(n)
		}
		return event.Value{}
	case 't':
		r.next()
		return event.Bool(true)
	case 'f':
		r.next()
		return event.Bool(false)
	case '[':
		list := []event.Value{}
		r.next()
		for k := r.peek(); k != ']' && k != 0; k = r.peek() {
			if r.tooDeep(depth + 1) {
				continue
			}
			if v := r.value(depth + 1); v.Present() {
				list = append(list, v)
			}
		}
		r.next()
		return event.List(list...)
	case '{':
		return r.element(depth)
	}
	r.skip()
	return event.Value{}
}

// element reads an object inside a list. Of equal names the last wins.
func (r *messageReader) element(depth int) event.Value {
	var members []event.Property
	length := len(r.path)
	for r.next(); r.peek() == '"'; {
		r.path = r.path[:length]
		r.name()
		name := r.kept(r.path[length:])
		r.path = r.path[:length]
		if r.tooDeep(depth + 1) {
			continue
		}
		v := r.value(depth + 1)
		members = slices.DeleteFunc(members, func(p event.Property) bool { return p.Name == name })
		if v.Present() {
			members = append(members, event.Property{Name: name, Value: v})
		}
	}
	r.next()
	return event.Map(members)
}
