package demo

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tagma/event"

	"go.yaml.in/yaml/v3"
)

type treeNode struct {
	Key, Name, Prefix string
	Children          []treeNode
}

type definitions struct {
	Schema   struct{ Events map[string]map[string]string }
	Measures map[string]struct{ When, Value string }
	Category []treeNode `yaml:"categories"`
	Tags     []struct {
		Key, Name, Category, Purpose, Owner, Refresh, Value, RFM string
		Cases                                                    []struct{ Value, When string }
		Bands                                                    []struct {
			Below *float64
			Value string
		}
	}
	Segments []struct{ Key, Name, When string }
}

func read(t *testing.T) (d definitions) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(Definitions()))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return
}

// texts returns every expression of the file by where it stands.
func (d definitions) texts() map[string]string {
	out := map[string]string{"report: quiet": QuietRule, "report: since": QuietSinceRule, "report: spend": SpendRule, "report: portrait": PortraitRule}
	for k, m := range d.Measures {
		out["measure "+k] = m.Value + " // " + m.When
	}
	for _, g := range d.Tags {
		out["tag "+g.Key] = g.Value
		for i, c := range g.Cases {
			out[fmt.Sprintf("tag %s case %d", g.Key, i)] = c.When
		}
	}
	for _, s := range d.Segments {
		out["segment "+s.Key] = s.When
	}
	return out
}

func TestDefinitionsAreWellFormed(t *testing.T) {
	d := read(t)
	prefix, depth := map[string]string{}, 0
	var walk func(path, inherited string, level int, nodes []treeNode)
	walk = func(path, inherited string, level int, nodes []treeNode) {
		depth = max(depth, level)
		for _, n := range nodes {
			p := inherited
			if n.Prefix != "" {
				p = n.Prefix
			}
			prefix[path+n.Key] = p
			walk(path+n.Key+"/", p, level+1, n.Children)
		}
	}
	walk("", "", 1, d.Category)
	if len(d.Tags) < 40 || len(d.Segments) < 8 || depth != 4 {
		t.Errorf("%d tags, %d segments, %d levels", len(d.Tags), len(d.Segments), depth-1)
	}
	keys, names, used := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, g := range d.Tags {
		p, ok := prefix[g.Category]
		switch {
		case keys[g.Key] || names[g.Name]:
			t.Errorf("%s %s comes twice", g.Key, g.Name)
		case !ok || strings.Count(g.Category, "/") != 2:
			t.Errorf("%s: category %q is not a leaf of the tree", g.Key, g.Category)
		case !strings.HasPrefix(g.Name, p):
			t.Errorf("%s: %s does not begin with %s", g.Key, g.Name, p)
		case g.Purpose == "" || g.Owner == "" || !slices.Contains([]string{"live", "hourly", "daily", "weekly"}, g.Refresh):
			t.Errorf("%s lacks a purpose, an owner or a refresh", g.Key)
		case (g.Value == "") == (len(g.Cases) == 0) || len(g.Bands) > 0 && g.Value == "":
			t.Errorf("%s must have either a value or cases, and bands only with a value", g.Key)
		}
		for i, b := range g.Bands {
			if last := i == len(g.Bands)-1; (b.Below == nil) != last || i > 0 && !last && *b.Below <= *g.Bands[i-1].Below {
				t.Errorf("%s: band %d out of order", g.Key, i)
			}
		}
		keys[g.Key], names[g.Name], used[g.Category] = true, true, true
	}
	for path := range prefix {
		if strings.Count(path, "/") == 2 && !used[path] {
			t.Errorf("category %s has no tag", path)
		}
	}
	for _, s := range d.Segments {
		if keys["segment "+s.Key] || s.Name == "" || s.When == "" {
			t.Errorf("segment %s comes twice, or lacks a name or rule", s.Key)
		}
		keys["segment "+s.Key] = true
	}
	for _, k := range append(append(ChartTags(), PortraitTags()...), ClassTag) {
		if !keys[k] {
			t.Errorf("the report asks for the tag %s", k)
		}
	}
	classes := map[string]bool{}
	for _, g := range d.Tags {
		for _, c := range g.Cases {
			classes[g.Key+c.Value] = true
		}
	}
	for _, c := range care {
		if !classes[ClassTag+c.Name] {
			t.Errorf("no class %s", c.Name)
		}
	}
}

var (
	nameOf     = regexp.MustCompile(`\b(events|traits|ids|tags|measures|segments|e)\.([a-z_0-9]+)`)
	anyOf      = regexp.MustCompile(`events\.any\(([^)]*)\)`)
	quoted     = regexp.MustCompile(`"([^"]*)"`)
	comparison = regexp.MustCompile(`\b(e|traits|tags)\.([a-z_0-9]+) (?:==|!=|in) ("[^"]*"|\[[^\]]*\])`)
	later      = regexp.MustCompile(`\.then\(|\.without\(|\.each\(|\bmulti\b|\bkeep\b|changed_at|previous\(|consent\.|lookup\(`)
)

// TestDefinitionsSpeakOfWhatTheShopHas holds the names and texts of the definitions against what is generated.
func TestDefinitionsSpeakOfWhatTheShopHas(t *testing.T) {
	d := read(t)
	z := shanghai(t)
	events, traits, ids := map[string]map[string]bool{}, map[string]bool{}, map[string]bool{}
	values := map[string]map[string]bool{"e.source": {}}
	note := func(name string, v event.Value) {
		if v.Kind() == event.TextKind {
			if values[name] == nil {
				values[name] = map[string]bool{}
			}
			values[name][v.Text()] = true
		}
	}
	generate(t, Options{Customers: 2500, End: today, Zone: z, Seed: 1}, func(r Record) {
		for _, id := range r.Identifiers {
			ids[id.Kind] = true
		}
		for _, tr := range r.Traits {
			traits[tr.Name] = true
			note("traits."+tr.Name, tr.Value)
		}
		for _, e := range r.Events {
			if events[e.Name] == nil {
				events[e.Name] = map[string]bool{}
			}
			values["e.source"][e.Source] = true
			for _, p := range e.Props {
				events[e.Name][p.Name] = true
				note("e."+p.Name, p.Value)
				declared := d.Schema.Events[e.Name][p.Name]
				if declared != p.Value.Kind().String() && !strings.HasPrefix(p.Name, "context.campaign.") {
					t.Fatalf("%s.%s is declared %q and is %s", e.Name, p.Name, declared, p.Value.Kind())
				}
			}
		}
	})
	if a, b := slices.Sorted(maps.Keys(events)), slices.Sorted(maps.Keys(d.Schema.Events)); !slices.Equal(a, b) {
		t.Errorf("events made:     %v\nevents declared: %v", a, b)
	}
	for name, props := range d.Schema.Events {
		for p := range props {
			if !events[name][p] {
				t.Errorf("%s.%s is declared and never made", name, p)
			}
		}
	}
	tagKeys, properties := map[string]bool{}, map[string]bool{"time": true, "source": true}
	for _, g := range d.Tags {
		tagKeys[g.Key] = true
		for _, c := range g.Cases {
			note("tags."+g.Key, event.Text(c.Value))
		}
	}
	for _, props := range events {
		for p := range props {
			properties[p] = true
		}
	}
	for where, text := range d.texts() {
		if m := later.FindString(text); m != "" {
			t.Errorf("%s uses %s", where, m)
		}
		for _, m := range nameOf.FindAllStringSubmatch(text, -1) {
			known := false
			switch kind, name := m[1], m[2]; kind {
			case "events":
				known = events[name] != nil || name == "all" || name == "any"
			case "traits":
				known = traits[name]
			case "ids":
				known = ids[name]
			case "tags":
				known = tagKeys[name]
			case "measures":
				_, known = d.Measures[name]
			case "e":
				known = properties[name]
			}
			if !known {
				t.Errorf("%s: %s is unknown", where, m[0])
			}
		}
		for _, m := range anyOf.FindAllStringSubmatch(text, -1) {
			for _, q := range quoted.FindAllStringSubmatch(m[1], -1) {
				if events[q[1]] == nil {
					t.Errorf("%s: event %s is unknown", where, q[1])
				}
			}
		}
		for _, m := range comparison.FindAllStringSubmatch(text, -1) {
			name := m[1] + "." + m[2]
			for _, q := range quoted.FindAllStringSubmatch(m[3], -1) {
				if values[name] != nil && !values[name][q[1]] {
					t.Errorf("%s: %s is never %q", where, name, q[1])
				}
			}
		}
	}
}
