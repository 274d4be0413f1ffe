package cases

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tagma/event"
	"tagma/internal/world"
	"tagma/library"
	"tagma/rule"
	"tagma/rule/sentence"
)

// block is a line of a file with the lines indented below it.
type block struct {
	line int
	text string
	body []string
}

func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no files", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { file(t, path) })
	}
}

// file runs the cases of a file and compares it with what it should be.
func file(t *testing.T, path string) {
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var c *scene
	for _, b := range blocks(string(was)) {
		if strings.HasPrefix(b.text, "# ") {
			c = newScene(t, fmt.Sprintf("%s:%d", path, b.line))
		}
		out.WriteString(b.text + "\n")
		body := b.body
		if strings.HasPrefix(b.text, "rule") {
			text := strings.TrimPrefix(strings.TrimPrefix(b.text, "rule"), " ")
			var more []string
			for len(body) > 0 && strings.HasPrefix(body[0], "    | ") {
				more, body = append(more, body[0]), body[1:]
				text += "\n" + strings.TrimPrefix(more[len(more)-1], "    | ")
			}
			body = append(more, c.answers(b.line, text)...)
		} else if c != nil {
			c.tell(b)
		}
		for _, line := range body {
			out.WriteString(line + "\n")
		}
	}
	now := out.String()
	if now == string(was) {
		return
	}
	if os.Getenv("TAGMA_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	is, wants := strings.Split(now, "\n"), strings.Split(string(was), "\n")
	for i := range wants {
		if i >= len(is) || is[i] != wants[i] {
			t.Fatalf("%s:%d (TAGMA_UPDATE=1 writes the file anew)\n  is    %s\n  wants %s", path, i+1, is[min(i, len(is)-1)], wants[i])
		}
	}
	t.Fatalf("%s: there is more than the file says: %s", path, is[len(wants)])
}

func blocks(text string) (out []block) {
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "    ") && len(out) > 0 {
			b := &out[len(out)-1]
			b.body = append(b.body, line)
			continue
		}
		out = append(out, block{line: i + 1, text: line})
	}
	return
}

// scene is the world of a case.
type scene struct {
	t        *testing.T
	where    string
	history  world.World
	zone     *event.Zone
	now      event.Time
	people   map[string]event.ProfileID
	names    []string
	arrival  uint64
	compiled *library.Compiled
	yaml     string
}

func newScene(t *testing.T, where string) *scene {
	zone, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return &scene{t: t, where: where, zone: zone, people: map[string]event.ProfileID{}}
}

func (s *scene) fail(line int, format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s, line %d: %s", s.where, line, fmt.Sprintf(format, args...))
}

// tell takes in a line that makes the world.
func (s *scene) tell(b block) {
	word, rest, _ := strings.Cut(b.text, " ")
	var err error
	switch word {
	case "", "#":
	case "zone":
		s.zone, err = event.LoadZone(rest)
	case "now":
		s.now, err = s.instant(rest)
	case "customer":
		err = s.customer(rest)
	case "trait", "consent", "event":
		err = s.record(word, rest)
	case "definitions":
		s.yaml = strings.Join(b.body, "\n") + "\n"
	default:
		s.fail(b.line, "%q is not a line of a case", word)
	}
	if err != nil {
		s.fail(b.line, "%s", err)
	}
}

// instant reads an instant; a date is its last one, as everywhere.
func (s *scene) instant(text string) (event.Time, error) {
	t, dateOnly, err := s.zone.ParseInstant(text)
	if dateOnly {
		t = s.zone.End(s.zone.Date(t))
	}
	return t, err
}

func (s *scene) customer(text string) error {
	name, since, timed := strings.Cut(text, " since ")
	seen, err := event.Always, error(nil)
	switch {
	case timed && since == "its records":
		seen = event.Never
	case timed:
		seen, err = s.instant(since)
	}
	p := event.ProfileID(len(s.names))
	s.people[name], s.names = p, append(s.names, name)
	s.history.Known = append(s.history.Known, event.NewProfile{Profile: p, Person: !strings.HasPrefix(name, "visitor"), Seen: seen})
	s.history.Identifiers = append(s.history.Identifiers, event.Identifier{Profile: p, Kind: "user_id", Value: name})
	return err
}

// record takes in a trait, consent or event: who, the name of an event, fields, and when.
func (s *scene) record(kind, text string) error {
	text, at, timed := strings.Cut(text, " at ")
	when, err := event.Always, error(nil)
	if timed {
		if when, err = s.instant(at); err != nil {
			return err
		}
	}
	words := fields(text)
	p, ok := s.people[words[0]]
	if !ok {
		return fmt.Errorf("there is no customer %s", words[0])
	}
	s.arrival++
	words = words[1:]
	if kind == "event" {
		e := event.Event{Profile: p, Name: words[0], Time: when, Arrival: s.arrival, Source: "shop"}
		for _, w := range words[1:] {
			name, v, _ := strings.Cut(w, "=")
			e.Props = append(e.Props, event.Property{Name: name, Value: s.value(v)})
		}
		s.history.Events = append(s.history.Events, e)
		return nil
	}
	for _, w := range words {
		name, v, _ := strings.Cut(w, "=")
		tr := event.Trait{Profile: p, Name: name, Time: when, Arrival: s.arrival, Value: s.value(v)}
		if kind == "trait" {
			s.history.Traits = append(s.history.Traits, tr)
		} else {
			s.history.Consents = append(s.history.Consents, tr)
		}
	}
	return nil
}

// fields splits at blanks outside brackets and quotes.
func fields(text string) (out []string) {
	depth, quoted, word := 0, false, ""
	for _, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case strings.ContainsRune("[{", r):
			depth++
		case strings.ContainsRune("]}", r):
			depth--
		case r == ' ' && depth == 0 && !quoted:
			if word != "" {
				out = append(out, word)
			}
			word = ""
			continue
		}
		word += string(r)
	}
	if word != "" {
		out = append(out, word)
	}
	return
}

// value reads a value: JSON; a date; else a text. Nothing is the missing value.
func (s *scene) value(text string) event.Value {
	if text == "" {
		return event.Value{}
	}
	if d, err := event.ParseDate(text); err == nil {
		return event.Civil(d)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var x any
	if err := dec.Decode(&x); err != nil || dec.More() {
		return event.Text(text)
	}
	return event.FromJSON(x)
}

func (s *scene) env(line int) *rule.Env {
	if s.compiled == nil {
		file, err := library.ParseFile([]byte(s.yaml), "definitions")
		if err != nil {
			s.fail(line, "%s", err)
		}
		edit, err := (&library.Set{}).Plan(file, false)
		if err != nil {
			s.fail(line, "%s", err)
		}
		s.compiled, err = library.Compile(edit.Set, library.CompileOptions{Names: rule.NewNames(s.history.Series()), Zone: s.zone})
		if err != nil {
			s.fail(line, "%s", err)
		}
	}
	return s.compiled.Env
}

// answers are the lines below a rule.
func (s *scene) answers(line int, text string) (out []string) {
	say := func(what, format string, args ...any) {
		for _, l := range strings.Split(fmt.Sprintf(format, args...), "\n") {
			out = append(out, strings.TrimRight("    "+what+" "+l, " "))
		}
	}
	env := s.env(line)
	r, faults := rule.Check(text, env, rule.AnyValue)
	for _, f := range faults {
		say("fault", "%s", f.At(text, ""))
	}
	if r == nil {
		return out
	}
	for _, f := range r.Warnings {
		say("warning", "%s", f.At(text, ""))
	}
	say("tree", "%s", r.Expr)
	say("zh", "%s", sentence.Of(r.Source.Root, sentence.Chinese, sentence.Names{}))
	say("en", "%s", sentence.Of(r.Source.Root, sentence.English, sentence.Names{}))
	say("gives", "%s", s.evaluate(line, r.Expr))
	return out
}

// evaluate answers an expression for all customers, in blocks and one by one, which must agree.
func (s *scene) evaluate(line int, x *rule.Expr) string {
	run := rule.Run{Snapshot: &s.history, Now: s.now, Zone: s.zone}
	roots := []*rule.Expr{x}
	if err := run.Prepare(context.Background(), roots); err != nil {
		s.fail(line, "%s", err)
	}
	answer := func(res *rule.Result) (out []string) {
		for i := range res.N {
			switch v := res.Value(x, i); {
			case !v.Present():
			case x.Type == rule.Bool && v.Bool():
				out = append(out, s.names[int(res.First)+i])
			case x.Type == rule.Bool:
			default:
				out = append(out, s.names[int(res.First)+i]+"="+v.Format(s.zone))
			}
		}
		return
	}
	var all, single []string
	err := run.Blocks(context.Background(), roots, func(res *rule.Result) error { all = append(all, answer(res)...); return nil })
	for p := range s.names {
		if err == nil {
			err = run.One(event.ProfileID(p), roots, func(res *rule.Result) error { single = append(single, answer(res)...); return nil })
		}
	}
	if err != nil {
		s.fail(line, "%s", err)
	}
	in, one := strings.Join(all, ", "), strings.Join(single, ", ")
	if in != one {
		s.fail(line, "in blocks: %s; one by one: %s", in, one)
	}
	if in == "" {
		return "nobody"
	}
	return in
}
