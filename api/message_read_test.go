package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"tagma/event"
)

// plainMessage reads a message with encoding/json, as a model for the reader that is quick. It knows no names in other
// letters, and of equal names takes the last.
type plainMessage struct {
	Properties map[string]any `json:"properties"`
	Traits     map[string]any `json:"traits"`
	Context    map[string]any `json:"context"`
}

func readPlain(text string) (m plainMessage, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err = dec.Decode(&m); err == nil && dec.More() {
		err = fmt.Errorf("more")
	}
	return m, err
}

func sorted(ps []event.Property) string {
	var b strings.Builder
	for i, p := range ps {
		if i+1 == len(ps) || ps[i+1].Name != p.Name {
			fmt.Fprintf(&b, "%q=%s\n", p.Name, p.Value)
		}
	}
	return b.String()
}

// read reads one message.
func readOne(t testing.TB, text string) (message, *messageReader, error) {
	t.Helper()
	r := messageReaders.New().(*messageReader)
	e, err := r.read([]byte(text), false)
	if err != nil {
		return message{}, r, err
	}
	return e.messages[0], r, nil
}

// hasDuplicates says whether an object in a text has a name twice.
func hasDuplicates(text string) bool {
	dec := json.NewDecoder(strings.NewReader(text))
	var walk func() bool
	walk = func() bool {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		switch token {
		case json.Delim('{'):
			seen := map[string]bool{}
			for dec.More() {
				name, err := dec.Token()
				if err != nil {
					return false
				}
				text, _ := name.(string)
				if lower := strings.ToLower(text); seen[lower] {
					return true
				} else {
					seen[lower] = true
				}
				if walk() {
					return true
				}
			}
			_, _ = dec.Token()
		case json.Delim('['):
			for dec.More() {
				if walk() {
					return true
				}
			}
			_, _ = dec.Token()
		}
		return false
	}
	return walk()
}

var messageSamples = []string{
	`{"type":"track","userId":"u1","event":"buy","properties":{"amount":12.50,"a":{"b":{"c":1},"d":null},"list":[1,"x",null,{"k":true,"n":{"m":-1e3}}]},"context":{"ip":"1.2.3.4","traits":{"x":1}}}`,
	`{"userId":12,"traits":{"city":"广州","gone":null,"deep":{"gone":null,"there":false}}}`,
	`{"properties":{"esc":"a\"b\\\u4e2d\ud83d\ude00\n","lone":"\ud800x","":1,"a.b":2}}`,
	"{\"properties\":{\"bad\":\"a\xffb\",\"b\xffd\":1}}",
	`{"properties":{"big":123456789012345678901234567890.5,"far":1e999999,"neg":-0,"tiny":1e-30}}`,
	`{"properties":null,"traits":[],"context":7}`,
	`{"properties":{"x":[[[[]]],{}]}} `, `[]`, `nul`, `{"a":}`, `{"properties":{"x":01}}`, `{} {}`, ``, `{"properties":{"x":"\x"}}`, "{\"properties\":{\"x\":\"\n\"}}",
}

// What is read is what encoding/json and event.Flatten give, and the same texts are refused.
func checkMessage(t *testing.T, text string) {
	got, r, err := readOne(t, text)
	var whole any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	wrong := dec.Decode(&whole)
	if _, isObject := whole.(map[string]any); wrong == nil && (!isObject || len(bytes.TrimSpace([]byte(text)[dec.InputOffset():])) > 0) {
		wrong = fmt.Errorf("no object alone")
	}
	if (err != nil) != (wrong != nil) {
		t.Fatalf("%q: refused with %v, encoding/json says %v", text, err, wrong)
	}
	if err != nil || hasDuplicates(text) || got.flaw != nil {
		return
	}
	want, err := readPlain(text)
	if err != nil {
		return // a field is of another kind, which is a flaw or passed over
	}
	context := want.Context
	inner, hasInner := context["traits"].(map[string]any)
	delete(context, "traits")
	if len(context) > 0 {
		context = map[string]any{"context": context}
	}
	order := func(ps []event.Property) []event.Property {
		out := append([]event.Property(nil), ps...)
		sortByName(out)
		return out
	}
	for _, c := range []struct {
		what string
		got  []event.Property
		want map[string]any
	}{{"properties", r.given[got.properties.from:got.properties.to], want.Properties}, {"context", r.given[got.context.from:got.context.to], context},
		{"traits", present(r.traced[got.traits.from:got.traits.to]), want.Traits}, {"traits of the context", present(r.traced[got.contextTraits.from:got.contextTraits.to]), inner}} {
		// Dotted names may meet: which of them is last is not the same.
		if a, b := sorted(order(c.got)), sorted(event.Flatten(c.want)); a != b && !meets(c.want) {
			t.Fatalf("%s of %q:\n%s\nwant\n%s", c.what, text, a, b)
		}
	}
	if got.hasTraits != (want.Traits != nil) || got.hasContextTraits != hasInner {
		t.Fatalf("%q: traits %v, of the context %v", text, got.hasTraits, got.hasContextTraits)
	}
}

// meets says whether two ways through an object come to the same dotted name.
func meets(object map[string]any) bool {
	names := event.Flatten(object)
	for i := range names {
		if i > 0 && names[i].Name == names[i-1].Name {
			return true
		}
	}
	return false
}

func present(ps []event.Property) []event.Property {
	var out []event.Property
	for _, p := range ps {
		if p.Value.Present() {
			out = append(out, p)
		}
	}
	return out
}

func sortByName(ps []event.Property) {
	for i := range ps {
		for k := i; k > 0 && ps[k].Name < ps[k-1].Name; k-- {
			ps[k], ps[k-1] = ps[k-1], ps[k]
		}
	}
}

func TestMessagesAreReadAsEncodingJSONDoes(t *testing.T) {
	for _, text := range messageSamples {
		checkMessage(t, text)
	}
}

func FuzzMessage(f *testing.F) {
	for _, text := range messageSamples {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "[")+strings.Count(text, "{") < 1000 {
			checkMessage(t, text)
		}
	})
}

func TestReadMessages(t *testing.T) {
	m, r, err := readOne(t, `{"USERID":"u1","messageId":"m","Type":"identify","traits":{"a":1,"b":null,"c":{"d":null,"e":"x"}},"sentAt":null,"timestamp":5,"other":{"x":[1]},"writeKey":"k"}`)
	if err != nil || m.userID != (scalar{'"', "u1"}) || m.id != "m" || m.kind != "identify" || m.sentAt.there() || m.timestamp != (scalar{'0', "5"}) {
		t.Errorf("%+v, %v", m, err)
	}
	if want := []event.Property{{Name: "a", Value: event.Num(event.Int(1))}, {Name: "b"}, {Name: "c.e", Value: event.Text("x")}}; !reflect.DeepEqual(r.traced, want) {
		t.Errorf("traits %v", r.traced)
	}
	for text, want := range map[string]string{
		`{"messageId":5}`: "messageId: this must be a text", `{"properties":[]}`: "properties: this must be an object", `{"event":true}`: "event: this must be a text",
		`{"properties":{"x":` + strings.Repeat("[", 65) + `1` + strings.Repeat("]", 65) + `}}`: ": lists and objects lie more than 64 deep in one another",
	} {
		m, _, err := readOne(t, text)
		if err != nil || m.flaw == nil || m.flaw.Location+": "+m.flaw.Message != want {
			t.Errorf("%.60s: %+v, %v", text, m.flaw, err)
		}
	}
	// A value at the greatest depth can be stored and read again.
	m, r, err = readOne(t, `{"properties":{"x":`+strings.Repeat("[", 63)+`1`+strings.Repeat("]", 63)+`}}`)
	if err != nil || m.flaw != nil {
		t.Fatal(m.flaw, err)
	}
	if v := event.NewReader(r.given[0].Value.AppendBinary(nil)); v.Value().Kind() != event.ListKind || v.Err != nil {
		t.Error(v.Err)
	}
}

func TestReadBatch(t *testing.T) {
	r := messageReaders.New().(*messageReader)
	e, err := r.read([]byte(`{"writeKey":"k","batch":[ {"type":"track","userId":"a","properties":{"p":1}} , 5, {"event":6} ,{"type":"page"}],"sentAt":"now"}`), true)
	if err != nil || len(e.messages) != 4 || e.writeKey != "k" || e.sentAt.text != "now" {
		t.Fatalf("%+v, %v", e, err)
	}
	if e.messages[0].flaw != nil || e.messages[0].size != len(`{"type":"track","userId":"a","properties":{"p":1}}`) || e.messages[1].flaw == nil || e.messages[2].flaw == nil || e.messages[3].flaw != nil {
		t.Errorf("%+v", e.messages)
	}
	for _, text := range []string{`{"batch":[{"type":"track"}`, `{"batch":[{]}`, `{"batch":[]} x`, `[]`, `{"batch":[1,,2]}`} {
		if _, err := r.read([]byte(text), true); err == nil {
			t.Errorf("%s is read", text)
		}
	}
	if e, err := r.read([]byte(`{"batch":5}`), true); err != nil || e.flaw == nil {
		t.Errorf("%+v, %v", e, err)
	}
}

func BenchmarkReadBatch(b *testing.B) {
	one := `{"type":"track","messageId":"m-123456","userId":"u123456","anonymousId":"a123456","event":"order_paid","timestamp":"2026-11-21T10:03:05.120Z","properties":{"amount":123.45,"category":"shoes","brand":"华为","sku":"SKU-1234","quantity":2,"page":"/p/123"},"context":{"ip":"10.2.3.4","library":{"name":"analytics.js","version":"4.1.2"},"campaign":{"source":"wechat"}}}`
	body := []byte(`{"batch":[` + strings.Repeat(one+",", 99) + one + `]}`)
	r := messageReaders.New().(*messageReader)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := r.read(body, true); err != nil {
			b.Fatal(err)
		}
	}
}

// A reader reads one body after the other: nothing of the one before is in the next, and what is kept of a body does not
// hold it in memory.
func TestAReaderReadsOneBodyAfterTheOther(t *testing.T) {
	r := messageReaders.New().(*messageReader)
	first, err := r.read([]byte(`{"batch":[{"type":"page","name":"n","userId":"a","traits":{"t":"x"},"properties":{"name":"p","long":"`+strings.Repeat("长", 40)+`"}},5]}`), true)
	if err != nil || len(first.messages) != 2 {
		t.Fatalf("%+v, %v", first, err)
	}
	given := r.given
	second, err := r.read([]byte(`{"batch":[{"type":"page","userId":"b","properties":{"name":"p","q":"a\"b\u00e9"}}]}`), true)
	if err != nil || len(second.messages) != 1 {
		t.Fatalf("%+v, %v", second, err)
	}
	m := second.messages[0]
	if m.flaw != nil || m.name != "" || m.hasTraits || m.userID.text != "b" || m.kind != "page" {
		t.Errorf("%+v", m)
	}
	want := []event.Property{{Name: "name", Value: event.Text("p")}, {Name: "long", Value: event.Text(strings.Repeat("长", 40))}}
	if !reflect.DeepEqual(given, want) {
		t.Errorf("of the first body there is now %v", given)
	}
	want = []event.Property{{Name: "name", Value: event.Text("p")}, {Name: "q", Value: event.Text(`a"bé`)}}
	if !reflect.DeepEqual(r.given, want) {
		t.Errorf("the second has %v", r.given)
	}
	if a, b := given[0].Value.Text(), r.given[0].Value.Text(); unsafe.StringData(a) != unsafe.StringData(b) {
		t.Error("the same value takes memory twice")
	}
}
