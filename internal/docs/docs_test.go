// Package docs_test keeps the documents true: examples of rules are checked and evaluated against the demo shop,
// mappings and definitions are read by those who read them, and links lead somewhere.
package docs_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tagma/demo"
	"tagma/event"
	"tagma/ingest"
	"tagma/internal/world"
	"tagma/library"
	"tagma/rule"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// example is a piece of a document, with the line it begins in.
type example struct {
	line int
	text string
}

// fenced returns the contents of the fences of a language.
func fenced(text, language string) (out []example) {
	var lines []string
	inside, wanted, from := false, false, 0
	for i, line := range strings.Split(text, "\n") {
		switch {
		case !strings.HasPrefix(line, "```"):
			lines = append(lines, line)
		case inside:
			if wanted {
				out = append(out, example{from, strings.Join(lines, "\n")})
			}
			inside = false
		default:
			inside, wanted, lines, from = true, line == "```"+language, nil, i+2
		}
	}
	return out
}

// expressions are the lines of the fences of a language: one expression a line, more of it on lines that begin with
// a blank.
func expressions(text, language string) (out []example) {
	for _, fence := range fenced(text, language) {
		for i, line := range strings.Split(fence.text, "\n") {
			switch {
			case strings.TrimSpace(line) == "":
			case strings.HasPrefix(line, " ") && len(out) > 0:
				out[len(out)-1].text += "\n" + line
			default:
				out = append(out, example{fence.line + i, line})
			}
		}
	}
	return out
}

// shop is the demo shop in memory: its history and its compiled definitions.
func shop(t *testing.T) (*world.World, *library.Compiled, *event.Zone, event.Time) {
	t.Helper()
	zone, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	end := event.DateOf(2026, 11, 20)
	w := &world.World{}
	arrival := uint64(0)
	err = demo.Generate(demo.Options{Customers: 200, End: end, Zone: zone, Seed: 1}, func(r demo.Record) error {
		p := event.ProfileID(len(w.Known))
		w.Known = append(w.Known, event.NewProfile{Profile: p, Person: true, Seen: event.Never})
		for _, id := range r.Identifiers {
			w.Identifiers = append(w.Identifiers, event.Identifier{Profile: p, Kind: id.Kind, Value: id.Value})
		}
		for _, tr := range r.Traits {
			arrival++
			tr.Profile, tr.Arrival = p, arrival
			w.Traits = append(w.Traits, tr)
		}
		for _, c := range r.Consents {
			arrival++
			c.Profile, c.Arrival = p, arrival
			w.Consents = append(w.Consents, c)
		}
		for _, e := range r.Events {
			arrival++
			e.Profile, e.Arrival, e.Props = p, arrival, append([]event.Property(nil), e.Props...)
			w.Events = append(w.Events, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, compiled(t, demo.Definitions(), "demo/tags.yaml", rule.NewNames(w.Series()), zone), zone, zone.End(end)
}

// compiled reads, plans and compiles a definitions file for an empty library.
func compiled(t *testing.T, text []byte, name string, names *rule.Names, zone *event.Zone) *library.Compiled {
	t.Helper()
	file, err := library.ParseFile(text, name)
	if err != nil {
		t.Fatal(err)
	}
	edit, err := (&library.Set{}).Plan(file, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := library.Compile(edit.Set, library.CompileOptions{Names: names, Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRulesOfTheReference(t *testing.T) {
	w, c, zone, now := shop(t)
	var checked []*rule.Rule
	var from []example
	for _, e := range slices.Concat(expressions(read(t, "docs/rule-language.md"), "cel"), expressions(read(t, "docs/recipes.md"), "cel"), expressions(read(t, "README.md"), "cel")) {
		r, faults := rule.Check(e.text, c.Env, rule.AnyValue)
		for _, f := range faults {
			t.Errorf("%s", f.At(e.text, "line "+strconv.Itoa(e.line)))
		}
		if r == nil {
			continue
		}
		for _, f := range r.Warnings {
			t.Errorf("a warning: %s", f.At(e.text, "line "+strconv.Itoa(e.line)))
		}
		checked, from = append(checked, r), append(from, e)
	}
	if len(checked) < 60 {
		t.Fatalf("only %d examples were found", len(checked))
	}
	var roots []*rule.Expr
	for _, r := range checked {
		roots = append(roots, r.Expr)
	}
	run := rule.Run{Snapshot: w, Now: now, Zone: zone}
	if err := run.Prepare(context.Background(), roots); err != nil {
		t.Fatal(err)
	}
	answered := make([]bool, len(roots))
	seen := 0
	err := run.Blocks(context.Background(), roots, func(res *rule.Result) error {
		seen += res.Universe.Count()
		for i, x := range roots {
			for k := range res.N {
				answered[i] = answered[i] || res.Value(x, k).Present()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(w.Known) {
		t.Errorf("%d customers were decided, want %d", seen, len(w.Known))
	}
	for i, ok := range answered {
		if !ok {
			t.Errorf("line %d: %s: nobody has a value: an example should show one", from[i].line, from[i].text)
		}
	}
}

func TestWhatTheReferenceCallsRefusedIsRefused(t *testing.T) {
	_, c, _, _ := shop(t)
	list := expressions(read(t, "docs/rule-language.md"), "cel-refused")
	if len(list) < 10 {
		t.Fatalf("only %d examples were found", len(list))
	}
	for _, e := range list {
		if r, faults := rule.Check(e.text, c.Env, rule.AnyValue); r != nil || len(faults) == 0 {
			t.Errorf("line %d: %s is accepted", e.line, e.text)
		}
	}
}

func TestDefinitionsOfTheReference(t *testing.T) {
	zone := event.NewUTC()
	list := fenced(read(t, "docs/rule-language.md"), "yaml")
	if len(list) == 0 {
		t.Fatal("no definitions were found")
	}
	for _, e := range list {
		if c := compiled(t, []byte(e.text), "docs/rule-language.md", rule.NewNames(nil), zone); len(c.Tags) == 0 || len(c.Warnings()) > 0 {
			t.Errorf("line %d: %d tags, warnings %v", e.line, len(c.Tags), c.Warnings())
		}
	}
}

func TestMappingsOfTheDocuments(t *testing.T) {
	list := fenced(read(t, "docs/import-mapping.md"), "yaml")
	if len(list) < 3 {
		t.Fatalf("only %d mappings were found", len(list))
	}
	for _, e := range list {
		if _, err := ingest.ParseMapping("docs/import-mapping.md", []byte(e.text), event.NewUTC()); err != nil {
			t.Errorf("line %d: %v", e.line, err)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	found := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "examples/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range link.FindAllStringSubmatch(string(text), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				found++
				if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
					t.Errorf("%s: the link to %s leads nowhere", strings.TrimPrefix(name, root+"/"), m[1])
				}
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d links were found", found)
	}
}
