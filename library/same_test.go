package library

import (
	"strings"
	"testing"
)

const alike = `
measures:
  m: {value: 'events.view.count()'}
  one: {value: '1'}
tags:
  - {key: a, name: 甲, category: fact, purpose: p, owner: o, cases: [{value: x, when: 'has(traits.city) && events.view.count() > 3'}, {value: y, when: 'true'}]}
  - {key: b, name: 乙, category: fact, purpose: p, owner: o, keep: once, value: 'traits.city'}
  - {key: c, name: 丙, category: fact, purpose: p, owner: o, cases: [{value: y, when: 'true'}]}
segments:
  - {key: s, name: 群, when: 'events.view.count() > 3 && has(traits.city)'}
  - {key: all, name: 都, when: 'true'}
  - {key: not, name: 非, when: '!(has(traits.city) || events.view.count() > 3)'}
`

func TestSame(t *testing.T) {
	c := compiled(t, alike, false)
	for text, want := range map[string]string{
		`has(traits.city) && events.view.count() > 3`:                       "tag a=x, segment s",
		`events.view.count() > 3 && (has(traits.city) && has(traits.city))`: "tag a=x, segment s",
		`events.view.count()`: "measure m",
		`traits.city`:         "tag b",
		`has(traits.city) || events.view.count() > 3`:        "",
		`has(traits.city) && events.view.count() > 4`:        "",
		`!(events.view.count() > 3 || has(traits.city))`:     "segment not",
		`!(!has(traits.city) || !(events.view.count() > 3))`: "tag a=x, segment s",
		`!has(traits.city) && !(events.view.count() > 3)`:    "segment not",
		`true`: "segment all", `1`: "", `"y"`: "", `false`: "",
	} {
		var got []string
		for _, r := range c.Same(adHoc(t, c, text)) {
			got = append(got, r.String())
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s is the same as %v, want %s", text, got, want)
		}
	}
	if got := c.Same(nil); got != nil {
		t.Errorf("nil is the same as %v", got)
	}
}

func TestWarningsOfWhatAnEditChanges(t *testing.T) {
	text := `
measures:
  m: {value: 'traits.city == "上海" ? 1 : 0'}
tags:
  - {key: a, name: 甲, category: fact, purpose: p, owner: o, cases: [{value: x, when: true}, {value: y, when: 'measures.m > 0'}]}
  - {key: b, name: 乙, category: fact, purpose: p, owner: o, cases: [{value: x, when: true}, {value: y, when: 'has(traits.city)'}]}
`
	count := func(e *Edit) int {
		c, err := Compile(e.Set, CompileOptions{Names: someNames(), Zone: zone(t)})
		if err != nil {
			t.Fatal(err)
		}
		e.Warn(c)
		n := len(e.Warnings)
		if e.Warn(c); len(e.Warnings) != n {
			t.Errorf("warned twice: %v", e.Warnings)
		}
		return n
	}
	first := planned(t, empty(), text, false)
	if n := count(first); n != 2 {
		t.Errorf("%v", first.Warnings)
	}
	if again := planned(t, first.Set, text, false); count(again) != 0 {
		t.Errorf("%v", again.Warnings)
	}
	below := planned(t, first.Set, strings.Replace(text, "? 1 : 0", "? 2 : 0", 1), false)
	if count(below) != 1 || !strings.Contains(below.Warnings[0].String(), "tag a: case y") {
		t.Errorf("%v", below.Warnings)
	}
}
