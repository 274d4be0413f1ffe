package form

import (
	"encoding/json"
	"strings"
	"testing"

	"tagma/errs"
)

// Everything that is wrong with a form is found at once, with its place and the mend.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		form string
		want []string // in order: parts of the faults
	}{
		{`{"all":[{"trait":"a","op":"=","value":1},{"any":[]},{"trait":"b","op":"in"},{"tag":5,"value":1}]}`, []string{
			`all[0].op: "=" is not an operator; write ==`, `all[1].any: there is no condition in it; write a condition or delete the group`,
			`all[2].value: it is missing; write what it is compared with`, `all[3].tag: a name is expected; write a text: "city"`, `all[3].op: it is missing`}},
		{`{}`, []string{`the form: the object does not say what it is; write {"trait"`}},
		{`{"trit":"a"}`, []string{`the form: the object does not say what it is; did you mean "trait"?`}},
		{`{"trait":"a","opp":"==","tag":"x"}`, []string{`opp: "opp" has no meaning beside "trait"; did you mean "op"?`, `tag: "tag" has no meaning beside "trait"; delete it`}},
		{`{"all":{"trait":"a"}}`, []string{`all: an array of conditions is expected; write [ … ] around`}},
		{`{"not":{"has":{"event":"a"}}}`, []string{`not.has.event: the names of events stand in an array; write ["a"], or "all"`}},
		{`{"event":[],"filters":{"last":"1d"},"measure":{"cuont":{}}}`, []string{`event: the names of events are expected`, `filters: an array of filters is expected`, `measure: this is not a measure; did you mean "count"?`}},
		{`{"event":["a",""],"filters":[{"lst":"1d"},{"last":"1d","before":"1d"},{"between":["a"]},{"where":[{"property":"a","op":"in"}],"as":"now"},{"then":"b"},{"last":"1d","as":"x"},3]}`, []string{
			`event[1]: the name of an event is expected`, `filters[0]: this is not a filter; did you mean "last"?`, `filters[1].before: "before" has no meaning beside "last"; write it in an object of its own`,
			`filters[2].between: two values are expected`, `filters[3].as: "now" is not a name for an event; leave it out`, `filters[3].where[0].value: it is missing`, `filters[4].then: an object is expected`,
			`filters[5].as: "as" has no meaning beside "last"; delete it`, `filters[6]: this is not a filter; write one of last`}},
		{`{"event":["a"],"filters":[{"then":{"event":["b"],"same":[],"within":{}}}],"measure":{"count":{},"days":{}}}`, []string{
			`filters[0].then.within: the object does not say what it is`, `filters[0].then.same: the names of properties are expected`, `measure.days: "days" has no meaning beside "count"`}},
		{`{"event":["a"],"measure":{"sum":1},"op":">","value":1}`, []string{`measure.sum: what is measured of each event is expected; write the name of a property`}},
		{`{"event":["a"],"measure":{"count":1}}`, []string{`measure.count: it takes nothing; write {"count": {}}`}},
		{`{"property":"a"}`, []string{`property: a property belongs to an event, and there is none here`}},
		{`{"call":"f) || (true","args":[]}`, []string{`call: "f) || (true" is not the name of a function`}},
		{`{"call":"if","args":[{"call":"not"}]}`, []string{`call: "if" is not the name`, `args[0].call: "not" is not the name`, `args[0].args: they are missing; write [ ]`}},
		{`{"calc":"^","of":[1,2]}`, []string{`calc: "^" is not an operation; write one of + - * / %`}},
		{`{"calc":"+","of":[1]}`, []string{`of: + needs two values`}},
		{`{"if":true,"then":1}`, []string{`else: it is missing`}},
		{`{"text":"a = 1 &&"}`, []string{`text:1:3: '=' does not compare; write ==`, `text:1:9: the rule ends where a value is expected`}},
		{`{"all":[{"text":5},{"number":"1x"},{"number":5},{"now":1},{"value":1e2000}]}`, []string{`all[0].text: a part of a rule`, `all[1].number: "1x" is not a number`, `all[2].number: 5 is not`, `all[3].now: 1 is not expected`, `all[4].value: the number is out of range`}},
		{`{"value":true,"comments":"a","note":5}`, []string{`comments: an array of texts`}},
		{`{"value":true,"comments":[1]}`, []string{`comments[0]: a line`}},
		{`{"trait":"a","trait":"b"}`, []string{`trait: "trait" stands twice in the object; write it once`}},
		{`{"left":5}`, []string{`op: it is missing`, `value: it is missing`}},
		{`[1`, []string{`the form: it ends before it is whole`}},
		{`{"value":tru}`, []string{`the form: it is not JSON, at byte`}},
		{`true false`, []string{`the form: something follows its end`}},
		{``, []string{`the form: it ends before it is whole`}},
		{"\"\xff\"", []string{`the form: it is not UTF-8`}},
		{strings.Repeat(`{"not":`, 201) + "1" + strings.Repeat("}", 201), []string{`.not: the form is more than 200 levels deep here; make a part`}},
		{strings.Repeat(`[`, 5000) + strings.Repeat("]", 5000), []string{`the form: brackets are nested too deeply`}},
		{`"` + strings.Repeat("a", maxBytes) + `"`, []string{`the form: it is 8388610 bytes long; at most 8388608 are read`}},
	} {
		_, err := Read([]byte(c.form))
		shown := c.form[:min(len(c.form), 100)]
		if !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", shown, err)
			continue
		}
		faults := errs.FaultsOf(err)
		if len(faults) != len(c.want) {
			t.Errorf("%s:\n%v", shown, err)
			continue
		}
		for i, f := range faults {
			if !strings.Contains(f.String(), c.want[i]) || f.Hint == "" && !strings.HasPrefix(f.Place, "text") {
				t.Errorf("%s: %s, want %s", shown, f, c.want[i])
			}
		}
	}
}

// What a builder writes in its own way becomes the same rule.
func TestNormal(t *testing.T) {
	for form, want := range map[string]string{
		`{"all":[{"any":[{"value":true}]}]}`: "true",
		`true`:                               "true",
		`{"all":[{"all":[{"tag":"a"},{"tag":"b"}]},{"not":{"trait":"c","op":"in","value":[]}}]}`: "tags.a && tags.b && !(traits.c in [])",
		`{"value":{"trait":"x"}}`:                                 "traits.x",
		`{"left":{"trait":"x"},"op":"not includes","value":1.50}`: "!(1.50 in traits.x)",
		`{"number":"5"}`:                                          "5",
		`{"call":"count","on":{"event":["a"]},"args":[]}`:         "events.a.count()",
		`{"text":"traits.a==1 // why"}`:                           "// why\ntraits.a == 1",
		`{"all":[{"tag":"a","comments":["x","y\nz"]},{"tag":"b","note":"n\nm"}],"note":"o"}`: "// x\n// y\n// z\ntags.a &&\n// m\n// n\ntags.b // o",
		`{"tag":["a","b c"]}`: `tags.a["b c"]`,
		`{"trait":"a-b.c"}`:   `traits["a-b.c"]`,
		`{"event":["a"],"filters":[{"where":[{"property":"x","comments":["in"]}],"as":"商品"}]}`:                             "// in\nevents.a.where(商品, 商品.x)",
		`{"event":["all"],"measure":{"latest":{}}}`:                                                                        `events["all"].latest()`,
		`{"event":["a"],"filters":[{"where":[{"left":{"value":"x\"\\ \u0000"},"op":"==","value":{"property":["a.b"]}}]}]}`: `events.a.where(e, "x\"\\ \x00" == e["a.b"])`,
	} {
		f, err := Read([]byte(form))
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		if got, err := f.Text(); err != nil || got != want {
			t.Errorf("%s:\n%s\n%v, want\n%s", form, got, err, want)
		}
		again(t, f)
	}
}

// again takes a form that was read through JSON and the text: neither changes it.
func again(t testing.TB, f *Form) {
	t.Helper()
	one, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Read(one)
	if err != nil {
		t.Fatalf("%s: %v", one, err)
	}
	if two, _ := json.Marshal(g); string(two) != string(one) {
		t.Fatalf("%s\nbecame\n%s", one, two)
	}
	text, err := g.Text()
	if err != nil {
		if errs.Is(err, errs.Invalid) && len(one) > 5000 { // too long or too deep for a rule
			return
		}
		t.Fatalf("%s: %v", one, err)
	}
	if three, _ := json.Marshal(Of(mustParse(t, text))); string(three) != string(one) {
		t.Fatalf("%s\nbecame\n%s\n%s", one, text, three)
	}
}

// A form that is too large for a rule is refused when it is written.
func TestTooLarge(t *testing.T) {
	f, err := Read([]byte(`{"all":[` + strings.Repeat(`{"trait":"a long name of a trait"},`, 5000) + `true]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Text(); !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "at most 65536 are read") {
		t.Error(err)
	}
	f, err = Read([]byte(strings.Repeat(`{"has":`, 199) + "1" + strings.Repeat("}", 199)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Text(); err != nil {
		t.Error(err)
	}
}
