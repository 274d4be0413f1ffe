package rules

import (
	"testing"

	"tagma/bench/gen"
	"tagma/event"
	"tagma/rule"
)

// env knows what a generated world has, and the tags of rules.
func env(t *testing.T, rs []Rule) *rule.Env {
	zone, err := event.LoadZone(gen.Zone)
	if err != nil {
		t.Fatal(err)
	}
	names := rule.NewNames(nil)
	for _, ty := range gen.Types() {
		for _, p := range append(ty.Properties, ty.Sparse...) {
			kind := event.TextKind
			if gen.Numeric(p) {
				kind = event.NumberKind
			}
			names.DeclareProperty(ty.Name, p, kind)
		}
	}
	for name, kind := range gen.Traits() {
		names.DeclareTrait(name, kind)
	}
	e := &rule.Env{Zone: zone, Names: names, Builder: rule.NewBuilder()}
	keys := map[string]bool{}
	for _, r := range rs {
		keys[r.Key] = true
	}
	e.Tag = func(key string) (*rule.TagRef, bool, error) {
		return &rule.TagRef{Value: e.Builder.Const(event.Text("是")), Values: []string{"是"}}, keys[key], nil
	}
	return e
}

func TestRulesAreOfTheLanguage(t *testing.T) {
	rs := New(1)
	e := env(t, rs)
	check := func(what, text string) {
		r, faults := rule.Check(text, e, rule.Condition)
		for _, f := range faults {
			t.Errorf("%s: %s\n%s", what, f.Message, text)
		}
		if r != nil && len(r.Warnings) > 0 {
			t.Errorf("%s: warning: %s\n%s", what, r.Warnings[0].Message, text)
		}
	}
	for _, r := range rs {
		check(string(r.Family), r.Expression)
	}
	for _, p := range Previews() {
		check("preview", p.Expression)
	}
	for _, s := range Segments(rs, 200, 1) {
		check("segment", s)
	}
}
