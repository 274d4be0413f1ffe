package api

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/library"
	"tagma/rule"
	"tagma/rule/sentence"
	"tagma/tag"
)

// Value is a value of a tag, trait or property. Text is exact: a plain decimal, an ISO date or instant, a list joined
// by commas.
type Value struct {
	Kind  string   `json:"kind" enum:"text,number,bool,time,date,list"`
	Text  string   `json:"text"`
	Items []string `json:"items,omitempty" doc:"Of a list: its elements"`
}

func (s *Server) value(v event.Value) Value {
	out := Value{Kind: v.Kind().String(), Text: v.Format(s.w.Zone)}
	if v.Kind() == event.ListKind {
		out.Items = make([]string, 0, len(v.List()))
		for _, e := range v.List() {
			out.Items = append(out.Items, e.Format(s.w.Zone))
		}
	}
	if v.Kind() == event.MapKind || v.Kind() == event.Missing {
		out.Kind = event.TextKind.String()
	}
	return out
}

// maybe is the value, nil when it is missing.
func (s *Server) maybe(v event.Value) *Value {
	if !v.Present() {
		return nil
	}
	out := s.value(v)
	return &out
}

// instant writes an instant, "" for none and for those that mean always or never.
func (s *Server) instant(t event.Time) string {
	if t == 0 || t == event.Always || t == event.Never {
		return ""
	}
	return s.w.Zone.Format(t)
}

// asOf reads an instant of a request; the workspace's clock for "".
func (s *Server) asOf(location, text string) (event.Time, error) {
	if text == "" {
		return s.now(), nil
	}
	t, err := s.w.Instant(text)
	if err != nil {
		return 0, invalid(location, problemOf(err).Detail, "write an instant as 2026-11-21T18:00:00+08:00, or a date, which means its last instant")
	}
	return t, nil
}

// Words is a text in two languages.
type Words struct {
	Zh string `json:"zh"`
	En string `json:"en"`
}

// Ref names a definition.
type Ref struct {
	Kind  string `json:"kind"`
	Key   string `json:"key"`
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// refs names definitions as people call them.
func refs(set *library.Set, list []library.Ref) []Ref {
	out := []Ref{}
	for _, r := range list {
		out = append(out, Ref{Kind: string(r.Kind), Key: r.Key, Name: nameOf(set, r)})
	}
	return out
}

func nameOf(set *library.Set, r library.Ref) string {
	switch r.Kind {
	case library.KindTag:
		if t, ok := set.Tag(r.Key); ok {
			return t.Name
		}
	case library.KindSegment:
		if x, ok := set.Segment(r.Key); ok {
			return x.Name
		}
	case library.KindCategory:
		if c, ok := set.Category(r.Key); ok {
			return c.Name
		}
	case library.KindTable:
		if t, ok := set.Table(r.Key); ok {
			return t.Name
		}
	}
	return ""
}

// names are what sentences call things.
func names(set *library.Set) sentence.Names {
	of := func(kind library.Kind) func(string) string {
		return func(key string) string { return nameOf(set, library.Ref{Kind: kind, Key: key}) }
	}
	return sentence.Names{Tag: of(library.KindTag), Segment: of(library.KindSegment), Table: of(library.KindTable)}
}

// said is what a rule says, in both languages.
func said(set *library.Set, n rule.Node, condition bool) Words {
	say := sentence.Of
	if condition {
		say = sentence.Condition
	}
	return Words{Zh: say(n, sentence.Chinese, names(set)), En: say(n, sentence.English, names(set))}
}

// saidText is said for a text, nil when it cannot be read.
func saidText(set *library.Set, text string, condition bool) *Words {
	src, faults := rule.Parse(text)
	if len(faults) > 0 || text == "" {
		return nil
	}
	w := said(set, src.Root, condition)
	return &w
}

// customer finds a customer by kind:value.
func (s *Server) customer(ctx context.Context, location, text string) (event.ProfileID, error) {
	kind, value, ok := strings.Cut(text, ":")
	if !ok || kind == "" || value == "" {
		return 0, invalid(location, strconv.Quote(text)+" names no customer", "write kind:value, as in user_id:17850")
	}
	id, ok, err := identity.LookupOften(ctx, s.w.DB, identity.Key{Kind: kind, Value: value})
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, tag.ErrNobody(text)
	}
	return id, nil
}

// labels names customers as kind:value.
func (s *Server) labels(ctx context.Context, who []event.ProfileID) ([]string, error) {
	if len(who) == 0 {
		return []string{}, nil
	}
	kinds, err := s.idKinds(ctx)
	if err != nil {
		return nil, err
	}
	return s.desk.Labels(kinds, who)
}

// idKinds remembers the kinds of identifiers until the next write.
type idKinds struct {
	mu     sync.Mutex
	list   []string
	writes uint64
}

// idKinds are the kinds of identifiers in the order in which customers are shown by them.
func (s *Server) idKinds(ctx context.Context) ([]string, error) {
	writes := s.w.DB.Writes()
	s.kinds.mu.Lock()
	defer s.kinds.mu.Unlock()
	if s.kinds.list != nil && s.kinds.writes == writes {
		return s.kinds.list, nil
	}
	list, err := s.w.IDKinds(ctx)
	if err == nil {
		s.kinds.list, s.kinds.writes = list, writes
	}
	return list, err
}

// flaws are faults of a rule's text, placed below a location.
func flaws(text, location string, faults []rule.Fault) []Flaw {
	out := []Flaw{}
	for _, f := range faults {
		flaw := flawOf(f.At(text, location))
		flaw.Start, flaw.End = &f.Start, &f.End
		out = append(out, flaw)
	}
	return out
}

// Warning is something about a definition that should be looked at.
type Warning struct {
	Location string `json:"location,omitempty" doc:"The field of the body, or the definition and its part; with line and column where it is about a rule"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
}

func warnings(list []errs.Fault) []Warning {
	out := []Warning{}
	for _, f := range list {
		at := flawOf(f)
		out = append(out, Warning{Location: at.Location, Message: at.Message, Hint: at.Hint, Line: at.Line, Column: at.Column})
	}
	return out
}

// draftWarnings are warnings about a definition in a body: what they say of its fields has its place there.
func draftWarnings(list []errs.Fault) []Warning {
	out := warnings(list)
	for i := range out {
		if at := &out[i].Location; *at == "" {
			*at = "body"
		} else if !strings.Contains(*at, " ") { // a field, and not another definition
			*at = "body." + *at
		}
	}
	return out
}
