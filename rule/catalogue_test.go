package rule

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"tagma/event"
)

// catalogueEnv knows every name that the examples speak of.
func catalogueEnv(t *testing.T) *Env {
	t.Helper()
	zone, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	names := &Names{Traits: map[string]Field{}, Events: map[string]map[string]Field{}, IDs: map[string]bool{"phone": true},
		Consents: map[string]bool{"sms": true}}
	for name, k := range map[string]event.Kind{"city": event.TextKind, "email": event.TextKind, "interests": event.TextKind, "birthday": event.DateKind, "expires": event.DateKind,
		"likes": event.ListKind, "level": event.NumberKind} {
		names.Traits[name] = Field{Seen: []event.Kind{k}}
	}
	names.Traits["level"] = Field{Seen: []event.Kind{event.NumberKind, event.TextKind}}
	for _, name := range []string{"order_paid", "cart", "view"} {
		names.Events[name] = map[string]Field{"amount": {Seen: []event.Kind{event.NumberKind}}, "channel": {Seen: []event.Kind{event.TextKind}},
			"category": {Seen: []event.Kind{event.TextKind}}, "item": {Seen: []event.Kind{event.TextKind}},
			"products": {Seen: []event.Kind{event.ListKind}}, "products[].sku": {Seen: []event.Kind{event.TextKind}}}
	}
	b := NewBuilder()
	env := &Env{Zone: zone, Names: names, Builder: b, TagKeys: func() []string { return nil }, Segments: func() []string { return nil }, Measures: func() []string { return nil },
		Tables: func() []string { return []string{"cities"} }}
	env.Tag = func(key string) (*TagRef, bool, error) {
		return &TagRef{Value: b.Published("tag:"+key, Text), Number: b.Const(event.Num(event.Int(1))), Key: "tag:" + key}, key == "rfm" || key == "order_value", nil
	}
	env.Segment = func(key string) (*Expr, bool, error) { return b.Published("segment:"+key, Bool), key == "staff", nil }
	env.Measure = func(key string) (*Expr, bool, error) {
		r, faults := Check(`events.order_paid.count() + 1`, &Env{Zone: zone, Names: names, Builder: b}, AnyValue)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		return r.Expr, key == "m" || key == "f", nil
	}
	env.Table = func(key string) (*Table, bool, error) {
		return &Table{Key: "cities", By: "city", Columns: map[string]*TableColumn{"tier": {Kind: event.TextKind, Values: map[string]event.Value{"上海": event.Text("一线")}}}}, key == "cities", nil
	}
	return env
}

// Whatever the catalogue tells people to write is read, checked, and uses what it is an example of.
func TestCatalogueExamples(t *testing.T) {
	env := catalogueEnv(t)
	for _, e := range Catalogue() {
		word := e.Name
		switch e.Name {
		case "?:":
			word = "?"
		case "e.name", "e.time", "e.source":
			word = strings.TrimPrefix(e.Name, "e")
		case "tags.k.number":
			word = ".number"
		}
		if !strings.Contains(e.Example, word) {
			t.Errorf("%s: the example does not use it: %s", e.Name, e.Example)
		}
		r, faults := Check(e.Example, env, AnyValue)
		for _, f := range faults {
			t.Errorf("%s: %s: %s", e.Name, e.Example, f.Message)
		}
		if r != nil {
			for _, w := range r.Warnings {
				t.Errorf("%s: %s: warning: %s", e.Name, e.Example, w.Message)
			}
		}
	}
}

// The catalogue and the checker know the same names.
func TestCatalogueIsComplete(t *testing.T) {
	listed := map[EntryKind]map[string]Entry{}
	for _, e := range Catalogue() {
		if listed[e.Kind] == nil {
			listed[e.Kind] = map[string]Entry{}
		}
		if _, twice := listed[e.Kind][e.Name]; twice {
			t.Errorf("%s %s stands twice", e.Kind, e.Name)
		}
		listed[e.Kind][e.Name] = e
	}
	same := func(kind EntryKind, known []string) {
		t.Helper()
		slices.Sort(known)
		if got := sortedKeys(listed[kind]); !slices.Equal(got, known) {
			t.Errorf("%s: the catalogue has\n  %s\nthe checker knows\n  %s", kind, strings.Join(got, " "), strings.Join(known, " "))
		}
	}
	same(RootEntry, slices.Clone(rootNames))
	same(FilterEntry, slices.Collect(maps.Keys(filterNames)))
	same(MeasureEntry, slices.Collect(maps.Keys(measureNames)))
	same(PopulationEntry, slices.Collect(maps.Keys(populationOps)))
	single := slices.DeleteFunc(slices.Clone(specialFunctions), func(name string) bool { return populationOps[name] != nil })
	same(FunctionEntry, append(slices.Collect(maps.Keys(functions)), single...))
	same(RelationEntry, slices.Collect(maps.Keys(sequenceOptions)))
	same(OperatorEntry, append(slices.Collect(maps.Keys(arithOps)), "!", "!=", "&&", "||", "in", "?:", "==", "<", "<=", ">", ">="))

	for name, f := range functions {
		e := listed[FunctionEntry][name]
		if e.Result != f.result && f.result != Any {
			t.Errorf("%s gives %s, the catalogue says %s", name, f.result, e.Result)
		}
		if e.Method != f.method {
			t.Errorf("%s: the catalogue has Method %t", name, e.Method)
		}
		if len(e.Params) != len(f.params) {
			t.Errorf("%s takes %d arguments, the catalogue lists %d", name, len(f.params), len(e.Params))
			continue
		}
		least := 0
		for i, p := range e.Params {
			if p.Type != f.params[i] {
				t.Errorf("%s: argument %d is %s, the catalogue says %s", name, i+1, f.params[i], p.Type)
			}
			if !p.Optional {
				least++
			}
			if p.Repeats != (f.many && i == len(e.Params)-1) {
				t.Errorf("%s: argument %d: Repeats is %t", name, i+1, p.Repeats)
			}
		}
		if want := max(f.least, 0); want > 0 && least != want || want == 0 && least != len(f.params) {
			t.Errorf("%s: %d arguments are needed, the catalogue says %d", name, f.least, least)
		}
	}
}

func TestCatalogueDocs(t *testing.T) {
	for _, e := range Catalogue() {
		if !strings.HasSuffix(e.Doc.En, ".") || strings.ContainsFunc(e.Doc.En, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: the English sentence is %q", e.Name, e.Doc.En)
		}
		if !strings.HasSuffix(e.Doc.Zh, "。") || !strings.ContainsFunc(e.Doc.Zh, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: the Chinese sentence is %q", e.Name, e.Doc.Zh)
		}
		for i, p := range e.Params {
			if p.Slot == BodySlot && (i == 0 || e.Params[0].Slot != VariableSlot) {
				t.Errorf("%s: the body has no variable", e.Name)
			}
		}
	}
	if a, b := Catalogue(), Catalogue(); &a[0] == &b[0] {
		t.Error("the catalogue is not a fresh copy")
	}
}

func TestSignatures(t *testing.T) {
	want := map[string]string{
		"last": ".last(span: text) → events", "where": ".where(e, condition: condition) → events", "top": ".top(e, x: value, weight: number?) → value",
		"round": "round(x: number, digits: number?) → number", "then": ".then(b: events, relation: text…?) → events", "same": "same(property: text…)",
		"==": "x: value == y: value → condition", "!": "!(x: condition) → condition", "?:": "condition: condition ? x: value : y: value → value",
		"events.all": "events.all → events", "events.any": "events.any(name: text…) → events", "now": "now → time", "e.time": "e.time → time",
	}
	for _, e := range Catalogue() {
		if w, ok := want[e.Name]; ok && e.Signature() != w {
			t.Errorf("%s is shown as %s, want %s", e.Name, e.Signature(), w)
		}
		delete(want, e.Name)
	}
	for name := range want {
		t.Errorf("%s is not in the catalogue", name)
	}
}
