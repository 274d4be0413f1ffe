package library

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// someNames is a small history: what came without being declared.
func someNames() *rule.Names {
	return &rule.Names{
		Traits: map[string]rule.Field{"city": {Seen: []event.Kind{event.TextKind}}},
		Events: map[string]map[string]rule.Field{"view": {"sku": {Seen: []event.Kind{event.TextKind}}}},
		IDs:    map[string]bool{"user_id": true, "phone": true},
	}
}

func zone(t testing.TB) *event.Zone {
	z, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestFaults holds the messages of every faulty file against its golden file. A file is taken as far as it goes:
// read, planned on an empty library, compiled.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file, err := ParseFile(data, filepath.Base(path))
			if err == nil {
				var e *Edit
				if e, err = empty().Plan(file, false); err == nil {
					_, err = Compile(e.Set, CompileOptions{Names: someNames(), Zone: zone(t)})
				}
			}
			if !errs.Is(err, errs.Invalid) {
				t.Fatalf("want an Invalid error, got %v", err)
			}
			golden := strings.TrimSuffix(path, ".yaml") + ".golden"
			got := err.Error() + "\n"
			if *rewrite {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func empty() *Set { return newSet(0, 0, nil) }

// planned reads a text as a file and plans it on a set; the test ends when that fails.
func planned(t testing.TB, s *Set, text string, prune bool) *Edit {
	t.Helper()
	e, err := tryPlan(s, text, prune)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func tryPlan(s *Set, text string, prune bool) (*Edit, error) {
	file, err := ParseFile([]byte(text), "tags.yaml")
	if err != nil {
		return nil, err
	}
	return s.Plan(file, prune)
}

func TestEmptyFiles(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "tags:\nsegments:\n", "{}", "---\n"} {
		if e := planned(t, empty(), text, true); len(e.Changes) != 0 {
			t.Errorf("%q: %v", text, e.Changes)
		}
	}
}

func TestKeys(t *testing.T) {
	for key, ok := range map[string]bool{"vip": true, "购买频次": true, "_x": true, "a1": true, "1a": false, "a-b": false, "a b": false, "": false,
		"a.b": false, "null": false, strings.Repeat("键", 64): true, strings.Repeat("键", 65): false, "हिन्दी": true} {
		if problem := keyProblem(key); (problem == "") != ok {
			t.Errorf("%q: %q", key, problem)
		}
		if !ok || key == "" {
			continue
		}
		// What is a key must also be readable in a rule.
		if _, faults := rule.Parse("tags." + key + " == 1"); len(faults) > 0 {
			t.Errorf("tags.%s cannot be parsed: %v", key, faults)
		}
	}
}

// TestShippedFiles holds the definitions that come with Tagma against the reader, the standards and the checker.
func TestShippedFiles(t *testing.T) {
	for path, want := range map[string]struct{ tags, segments, depth int }{
		"../demo/tags.yaml":                   {45, 9, 3},
		"../examples/online-retail/tags.yaml": {26, 5, 3},
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e := planned(t, empty(), string(data), false)
		for _, w := range e.Warnings {
			t.Logf("%s: %s", path, w)
		}
		shape := e.Set.Shape()
		if shape.Tags < want.tags || shape.Segments != want.segments || shape.MaxDepth != want.depth {
			t.Errorf("%s: %+v", path, shape)
		}
		if shape.Sets[0].Covered < 3 || shape.Sets[1].Covered < 3 {
			t.Errorf("%s: classes covered: %+v", path, shape.Sets)
		}
		names := &rule.Names{Traits: map[string]rule.Field{}, Events: map[string]map[string]rule.Field{}, IDs: map[string]bool{"wecom": true}}
		for _, name := range []string{"gender", "birthday", "occupation", "city", "level", "contact_preference", "industry", "company", "country"} {
			names.Traits[name] = rule.Field{}
		}
		names.DeclareProperty("page", "context.campaign.source", event.TextKind)
		names.DeclareProperty("page", "context.campaign.term", event.TextKind)
		c, err := Compile(e.Set, CompileOptions{Names: names, Zone: zone(t)})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, w := range c.Warnings() {
			t.Logf("%s: %s", path, w)
		}
	}
}
