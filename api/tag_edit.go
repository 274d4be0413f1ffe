package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tag"
)

// TagBody is what a tag is saved with.
type TagBody struct {
	Key      string `json:"key"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Purpose  string `json:"purpose,omitempty"`
	Owner    string `json:"owner,omitempty"`
	Refresh  string `json:"refresh,omitempty" enum:"live,hourly,daily,weekly,manual"`
	Kind     string `json:"kind,omitempty" enum:"rule,manual"`
	// ValueKind says what the values of cases and the values are; without it they are what they were, else texts.
	ValueKind string     `json:"value_kind,omitempty" enum:"text,number,bool,time,date,list" doc:"What the values in cases and values are; without it what they were, else texts"`
	Multi     bool       `json:"multi,omitempty"`
	Keep      string     `json:"keep,omitempty" doc:"once, or a length of time as 30d"`
	Cases     []CaseBody `json:"cases,omitempty" maxItems:"4096"`
	Value     string     `json:"value,omitempty" doc:"An expression"`
	Bands     []Band     `json:"bands,omitempty" maxItems:"1000"`
	Values    []string   `json:"values,omitempty" maxItems:"10000"`
	RFM       string     `json:"rfm,omitempty" enum:"R,F,M"`
	Classes   []string   `json:"classes,omitempty" maxItems:"100"`
	Reason    string     `json:"reason,omitempty" doc:"Why; kept with the version"`
}

// CaseBody is a value and the condition that gives it.
type CaseBody struct {
	Value string `json:"value"`
	When  string `json:"when"`
}

// draft turns the body into a definition to be planned. old is the tag as it is, nil for a new one.
func (s *Server) draft(ctx context.Context, b *TagBody, old *library.Tag) (*library.File, error) {
	d := library.TagDraft{Key: b.Key, Name: b.Name, Category: b.Category, Purpose: b.Purpose, Owner: b.Owner, Refresh: b.Refresh, Kind: b.Kind, Keep: b.Keep,
		RFM: b.RFM, Multi: b.Multi, Value: b.Value, Classes: b.Classes}
	if old != nil && old.Key != b.Key {
		d.Was = old.Key
	}
	var texts []string
	for _, c := range b.Cases {
		texts = append(texts, c.Value)
	}
	texts = append(texts, b.Values...)
	kind, given := event.ParseKind(b.ValueKind)
	if !given || len(texts) == 0 {
		kind = s.kindOf(old, texts)
	}
	var rules []ruleAt
	var bad []Flaw
	read := func(location, text string) event.Value {
		v, ok := s.readValue(kind, text)
		if !ok {
			bad = append(bad, Flaw{Location: location, Message: fmt.Sprintf("%q is not a %s", text, kind), Hint: "the values of a tag are of one kind"})
		}
		return v
	}
	for i, c := range b.Cases {
		at := fmt.Sprintf("body.cases[%d].", i)
		d.Cases = append(d.Cases, library.Case{Value: read(at+"value", c.Value), When: c.When})
		rules = append(rules, ruleAt{at + "when", c.When, rule.Condition})
	}
	for i, text := range b.Values {
		d.Values = append(d.Values, read(fmt.Sprintf("body.values[%d]", i), text))
	}
	for _, band := range b.Bands {
		d.Bands = append(d.Bands, library.BandDraft{Below: band.Below, Value: band.Value})
	}
	if b.Value != "" {
		rules = append(rules, ruleAt{"body.value", b.Value, rule.AnyValue})
	}
	if len(bad) > 0 {
		p := newProblem(422, bad[0].Message)
		p.Errors = bad
		return nil, p
	}
	file, err := d.File()
	if err != nil {
		return nil, within(err, "body")
	}
	return file, s.checkRules(ctx, rules)
}

// kindOf is the kind of a tag's fixed values, if all these texts can be read so; else they are texts.
func (s *Server) kindOf(old *library.Tag, texts []string) event.Kind {
	if old == nil {
		return event.TextKind
	}
	kind := event.TextKind
	for _, c := range old.Cases {
		kind = c.Value.Kind()
	}
	for _, v := range old.Values {
		kind = v.Kind()
	}
	for _, text := range texts {
		if _, ok := s.readValue(kind, text); !ok {
			return event.TextKind
		}
	}
	return kind
}

// readValue reads a value as Value.Text writes it.
func (s *Server) readValue(kind event.Kind, text string) (event.Value, bool) {
	switch kind {
	case event.NumberKind:
		n, err := event.ParseNumber(text)
		return event.Num(n), err == nil
	case event.BoolKind:
		return event.Bool(text == "true"), text == "true" || text == "false"
	case event.DateKind:
		d, err := event.ParseDate(text)
		return event.Civil(d), err == nil
	case event.TimeKind:
		t, err := time.Parse(time.RFC3339Nano, text)
		return event.Instant(event.At(t)), err == nil
	}
	return event.Text(text), true
}

// planTag plans a tag's body against the library.
func (s *Server) planTag(ctx context.Context, set *library.Set, b *TagBody, old *library.Tag) (*library.Edit, error) {
	file, err := s.draft(ctx, b, old)
	if err != nil {
		return nil, err
	}
	edit, err := set.Plan(file, false)
	if err != nil {
		return nil, within(library.DraftFaults(err), "body")
	}
	return edit, nil
}

// TagRequest is a tag to be saved.
type TagRequest struct{ Body TagBody }

func (s *Server) addTag(ctx context.Context, in *TagRequest) (*tagAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	if err := fresh(set, library.Ref{Kind: library.KindTag, Key: in.Body.Key}); err != nil {
		return nil, err
	}
	edit, err := s.planTag(ctx, set, &in.Body, nil)
	if err != nil {
		return nil, err
	}
	return s.saveTag(ctx, edit, &in.Body)
}

func (s *Server) saveTag(ctx context.Context, edit *library.Edit, b *TagBody) (*tagAnswer, error) {
	if err := s.lost(s.apply(ctx, edit, b.Reason)); err != nil {
		return nil, within(library.DraftFaults(err), "body")
	}
	t, err := s.tag(ctx, strings.TrimSpace(b.Key))
	if err != nil {
		return nil, err
	}
	return &tagAnswer{ETag: quoted(t.Version), Body: *t}, nil
}

func (s *Server) putTag(ctx context.Context, in *struct {
	KeyPath
	Matching
	TagRequest
}) (*tagAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.current(set, library.Ref{Kind: library.KindTag, Key: in.Key}, in.Matching); err != nil {
		return nil, err
	}
	old, _ := set.Tag(in.Key)
	edit, err := s.planTag(ctx, set, &in.Body, old)
	if err != nil {
		return nil, err
	}
	return s.saveTag(ctx, edit, &in.Body)
}

func (s *Server) retireTag(ctx context.Context, in *struct {
	KeyPath
	Matching
}) (*nothing, error) {
	return s.retire(ctx, library.Ref{Kind: library.KindTag, Key: in.Key}, in.Matching)
}

// TagPreview is what a tag would hold.
type TagPreview struct {
	Held     int            `json:"held"`
	Entered  int            `json:"entered"`
	Left     int            `json:"left"`
	Enter    []string       `json:"enter" doc:"A few of those who would enter"`
	Leave    []string       `json:"leave" doc:"A few of those who would leave"`
	ByValue  []ValuePreview `json:"by_value"`
	Warnings []Warning      `json:"warnings"`
	Same     []Ref          `json:"same" doc:"Definitions that mean the same"`
	Similar  []Similar      `json:"similar" doc:"What holds for nearly the same customers, the most alike first: the first twenty"`
	More     int            `json:"similar_more,omitempty" doc:"How many others there are like those"`
	Users    []Ref          `json:"users" doc:"Definitions that use it, directly and through others"`
}

// ValuePreview is how many would hold a value, and how many hold it now.
type ValuePreview struct {
	Value  string `json:"value"`
	Held   int    `json:"held"`
	Before int    `json:"before"`
}

// Similar is something that holds for nearly the same customers.
type Similar struct {
	Ref
	Of      string  `json:"of,omitempty" doc:"The value, of what was asked about, whose members these nearly are"`
	Both    int     `json:"both" doc:"Customers that both hold for"`
	Jaccard float64 `json:"jaccard" doc:"Customers that both hold for, of those that either does"`
}

const sampleSize = 5

// shownSimilar is how many relatives of a tag a preview names.
const shownSimilar = 20

func (s *Server) previewTag(ctx context.Context, in *TagRequest) (*answer[TagPreview], error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	ref := library.Ref{Kind: library.KindTag, Key: strings.TrimSpace(in.Body.Key)}
	old, ok := set.Tag(ref.Key)
	if !ok || old.State != library.Active {
		old = nil
	}
	edit, err := s.planTag(ctx, set, &in.Body, old)
	if err != nil {
		return nil, err
	}
	p, err := tag.PreviewKey(ctx, s.desk.Deps, edit, ref, s.now(), sampleSize)
	if err != nil {
		return nil, within(library.DraftFaults(err), "body")
	}
	out := TagPreview{Held: p.Held, Entered: p.Entered, Left: p.Left, ByValue: []ValuePreview{}, Warnings: draftWarnings(edit.Warnings), Same: []Ref{}, Similar: []Similar{},
		Users: refs(set, library.Users(set, ref))}
	for _, v := range p.Values {
		out.ByValue = append(out.ByValue, ValuePreview{v.Value.Format(s.w.Zone), v.Held, v.Before})
	}
	if out.Enter, err = s.labels(ctx, p.Enter); err != nil {
		return nil, err
	}
	if out.Leave, err = s.labels(ctx, p.Leave); err != nil {
		return nil, err
	}
	kin, err := tag.KinOfEdit(ctx, s.desk.Deps, edit, s.now(), tag.SimilarOptions{})
	if err != nil {
		return nil, err
	}
	for _, k := range kin {
		if k.Key == ref.Key && k.Kind == ref.Kind {
			near, more := k.Closest(shownSimilar)
			out.Same, out.Similar, out.More = sameRefs(set, k.Same), similarOf(near), more
		}
	}
	return &answer[TagPreview]{out}, nil
}

// similar finds what means the same as a rule, or nearly.
func (s *Server) similar(ctx context.Context, text string, o tag.SimilarOptions) ([]Ref, []Similar, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := tag.FindSimilar(ctx, s.desk.Deps, text, s.now(), o)
	if err != nil {
		return nil, nil, err
	}
	return sameRefs(set, found.Same), similarOf(found.Near), nil
}

// sameRefs names definitions, and values of tags, that mean the same.
func sameRefs(set *library.Set, list []library.Match) []Ref {
	out := []Ref{}
	for _, m := range list {
		out = append(out, Ref{Kind: string(m.Kind), Key: m.Key, Name: nameOf(set, m.Ref), Value: m.Value})
	}
	return out
}

func similarOf(near []tag.Near) []Similar {
	out := []Similar{}
	for _, n := range near {
		out = append(out, Similar{Ref: Ref{Kind: string(n.Kind), Key: n.Key, Name: n.Name, Value: n.Value}, Of: n.Of, Both: n.Both, Jaccard: n.Alike})
	}
	return out
}
