package demo

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"tagma/event"
	"tagma/internal/world"
	"tagma/library"
	"tagma/rule"
)

// shopWorld is the shop in memory.
func shopWorld(t *testing.T, customers int) *world.World {
	w := &world.World{}
	generate(t, Options{Customers: customers, End: today, Zone: shanghai(t), Seed: 1}, func(r Record) {
		p := event.ProfileID(len(w.Known))
		w.Known = append(w.Known, event.NewProfile{Profile: p, Person: true, Seen: event.Never})
		for _, id := range r.Identifiers {
			w.Identifiers = append(w.Identifiers, event.Identifier{Profile: p, Kind: id.Kind, Value: id.Value})
		}
		for _, tr := range r.Traits {
			tr.Profile = p
			w.Traits = append(w.Traits, tr)
		}
		for _, c := range r.Consents {
			c.Profile = p
			w.Consents = append(w.Consents, c)
		}
		for _, e := range r.Events {
			e.Profile, e.Props = p, slices.Clone(e.Props)
			w.Events = append(w.Events, e)
		}
	})
	return w
}

// definitions is the definitions file in an empty library.
func definitions(t *testing.T) *library.Set {
	file, err := library.ParseFile(Definitions(), "demo/tags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	edit, err := (&library.Set{}).Plan(file, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range edit.Warnings {
		t.Errorf("a warning: %s", w)
	}
	return edit.Set
}

func TestDefinitionsAreWellFormed(t *testing.T) {
	set := definitions(t)
	tags, segments, used := 0, 0, map[string]bool{}
	for g := range set.Tags() {
		tags++
		used[g.Category] = true
		if strings.Count(g.Category, "/") != 2 || g.Purpose == "" || g.Owner == "" {
			t.Errorf("%s lacks a purpose or an owner, or does not lie in a leaf of the tree", g.Key)
		}
	}
	for range set.Segments() {
		segments++
	}
	var walk func(c *library.Category)
	walk = func(c *library.Category) {
		if len(c.Children) == 0 && !used[c.Key] {
			t.Errorf("category %s has no tag", c.Key)
		}
		for _, child := range c.Children {
			walk(child)
		}
	}
	for c := range set.Categories() {
		walk(c)
	}
	if tags < 50 || segments < 8 {
		t.Errorf("%d tags, %d segments", tags, segments)
	}
	for _, k := range append(append(ChartTags(), PortraitTags()...), ClassTag) {
		if _, ok := set.Tag(k); !ok {
			t.Errorf("the report asks for the tag %s", k)
		}
	}
	class, _ := set.Tag(ClassTag)
	for _, c := range care {
		if !slices.ContainsFunc(class.Cases, func(k library.Case) bool { return k.Value.Text() == c.Name }) {
			t.Errorf("no class %s", c.Name)
		}
	}
}

// The schema declares just what the shop has, and every rule speaks of it.
func TestDefinitionsSpeakOfWhatTheShopHas(t *testing.T) {
	w, set := shopWorld(t, 600), definitions(t)
	made := rule.NewNames(w.Series())
	for name, props := range set.Schema().Events {
		for p, declared := range props {
			f, ok := made.Events[name][p]
			if !ok || !slices.Equal(f.Seen, []event.Kind{declared.Kind}) {
				t.Errorf("%s.%s is declared %s, and %v came", name, p, declared.Kind, f.Seen)
			}
		}
	}
	for name, props := range made.Events {
		for p := range props {
			if _, ok := set.Schema().Events[name][p]; !ok && !strings.HasPrefix(p, "context.campaign.") {
				t.Errorf("%s.%s is made and not declared", name, p)
			}
		}
	}
	for name, declared := range set.Schema().Traits {
		if f, ok := made.Traits[name]; !ok || !slices.Equal(f.Seen, []event.Kind{declared.Kind}) {
			t.Errorf("traits.%s is declared %s, and %v came", name, declared.Kind, f.Seen)
		}
	}
	for name := range made.Traits {
		if _, ok := set.Schema().Traits[name]; !ok {
			t.Errorf("traits.%s is made and not declared", name)
		}
	}
	for name := range made.Consents {
		if !slices.Contains(set.Schema().Consents, name) {
			t.Errorf("consent.%s is made and not declared", name)
		}
	}
	// Where nothing came yet the definitions are as good.
	ids := rule.NewNames(nil)
	ids.IDs = made.IDs
	if _, err := library.Compile(set, library.CompileOptions{Names: ids, Zone: shanghai(t)}); err != nil {
		t.Error(err)
	}
	c, err := library.Compile(set, library.CompileOptions{Names: made, Zone: shanghai(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Warnings() {
		t.Errorf("a warning: %s", f)
	}
	for _, text := range []string{QuietRule, QuietSinceRule, SpendRule, PortraitRule} {
		if _, faults := rule.Check(text, c.Env, rule.AnyValue); len(faults) > 0 {
			t.Errorf("the report asks %s: %v", text, faults)
		}
	}
}

var (
	quoted     = regexp.MustCompile(`"([^"]*)"`)
	comparison = regexp.MustCompile(`\b(e|traits)\.([a-z_0-9]+) (?:==|!=|in) ("[^"]*"|\[[^\]]*\])`)
)

// Texts that rules compare with are texts that the shop has.
func TestDefinitionsCompareWithWhatOccurs(t *testing.T) {
	w := shopWorld(t, 2500)
	seen := map[string]bool{}
	for _, tr := range w.Traits {
		seen["traits."+tr.Name+tr.Value.Text()] = true
	}
	for _, e := range w.Events {
		seen["e.source"+e.Source] = true
		for _, p := range e.Props {
			seen["e."+p.Name+p.Value.Text()] = true
		}
	}
	found := 0
	for _, m := range comparison.FindAllStringSubmatch(string(Definitions()), -1) {
		for _, q := range quoted.FindAllStringSubmatch(m[3], -1) {
			if found++; !seen[m[1]+"."+m[2]+q[1]] {
				t.Errorf("%s.%s is never %q", m[1], m[2], q[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d comparisons were found", found)
	}
}
