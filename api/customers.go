package api

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/tag"
)

// Customer is all that is known of one customer, but for what it did.
type Customer struct {
	ID          string            `json:"id" doc:"kind:value"`
	Customer    uint32            `json:"customer"`
	FirstSeen   string            `json:"first_seen,omitempty"`
	Identifiers []Identifier      `json:"identifiers"`
	Traits      []Trait           `json:"traits"`
	Consents    []ConsentState    `json:"consents"`
	Tags        []CustomerTag     `json:"tags"`
	Segments    []CustomerSegment `json:"segments"`
	Events      int               `json:"events"`
}

// Trait is the present value of a trait.
type Trait struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
	Since string `json:"since,omitempty" doc:"Absent when it has no time"`
}

// ConsentState is what a customer agrees to at present, or does not.
type ConsentState struct {
	Name  string `json:"name"`
	Value bool   `json:"value"`
	Since string `json:"since,omitempty"`
}

// CustomerTag is a tag that a customer has, since when and why.
type CustomerTag struct {
	Key      string `json:"key"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Value    Value  `json:"value"`
	Number   string `json:"number,omitempty" doc:"The measure of a tag with bands"`
	Since    string `json:"since,omitempty"`
	Cause    string `json:"cause,omitempty" doc:"event, time, run, threshold, edit, import, merge, undo, repair or manual"`
	Run      string `json:"run,omitempty"`
	By       string `json:"by,omitempty" doc:"Who decided it by hand"`
	Reason   string `json:"reason,omitempty"`
	Until    string `json:"until,omitempty" doc:"The end of what was decided by hand"`
}

// CustomerSegment is a segment that a customer is in.
type CustomerSegment struct {
	Key   string `json:"key"`
	Name  string `json:"name"`
	Since string `json:"since,omitempty"`
	Cause string `json:"cause,omitempty"`
	Run   string `json:"run,omitempty"`
}

// CustomerPath is a customer in the path.
type CustomerPath struct {
	ID string `path:"id" doc:"kind:value, as user_id:17850"`
}

func (s *Server) readCustomer(ctx context.Context, in *struct{ CustomerPath }) (*answer[Customer], error) {
	id, err := s.customer(ctx, "path.id", in.ID)
	if err != nil {
		return nil, err
	}
	p, err := s.desk.Portrait(ctx, id, s.now())
	if err != nil {
		return nil, err
	}
	labels, err := s.labels(ctx, []event.ProfileID{id})
	if err != nil {
		return nil, err
	}
	out := Customer{ID: labels[0], Customer: uint32(id), FirstSeen: s.instant(p.FirstSeen), Identifiers: []Identifier{}, Traits: []Trait{}, Consents: []ConsentState{},
		Tags: []CustomerTag{}, Segments: []CustomerSegment{}, Events: p.Events}
	for _, k := range p.Identifiers {
		out.Identifiers = append(out.Identifiers, Identifier{k.Kind, k.Value})
	}
	for _, t := range p.Traits {
		out.Traits = append(out.Traits, Trait{t.Name, s.value(t.Value), s.instant(t.Since)})
	}
	for _, c := range p.Consents {
		out.Consents = append(out.Consents, ConsentState{c.Name, c.Value.Bool(), s.instant(c.Since)})
	}
	for _, c := range p.Tags {
		t := CustomerTag{Key: c.Tag.Key, Name: c.Tag.Name, Category: c.Tag.Category, Value: s.value(c.Value), Since: s.instant(c.Since), Cause: c.Cause, Run: runID(c.Run)}
		if c.Number.Present() {
			t.Number = c.Number.Format(s.w.Zone)
		}
		if len(c.Hand) > 0 {
			h := c.Hand[0]
			t.By, t.Reason, t.Until = h.By, h.Reason, h.Until
		}
		out.Tags = append(out.Tags, t)
	}
	for _, c := range p.Segments {
		out.Segments = append(out.Segments, CustomerSegment{Key: c.Segment.Key, Name: c.Segment.Name, Since: s.instant(c.Since), Cause: c.Cause, Run: runID(c.Run)})
	}
	return &answer[Customer]{out}, nil
}

func runID(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// Happening is something that a customer did.
type Happening struct {
	At         string     `json:"at"`
	Name       string     `json:"name"`
	Source     string     `json:"source"`
	Properties []Property `json:"properties"`
}

// Property is a property of an event.
type Property struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
}

func (s *Server) properties(list []event.Property) []Property {
	out := []Property{}
	for _, p := range list {
		out = append(out, Property{p.Name, s.value(p.Value)})
	}
	return out
}

type timelineRequest struct {
	CustomerPath
	Before string `query:"before" doc:"The next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Names  string `query:"names" doc:"Names of events, between commas; without it all"`
}

func (s *Server) timeline(ctx context.Context, in *timelineRequest) (*answer[Page[Happening]], error) {
	id, err := s.customer(ctx, "path.id", in.ID)
	if err != nil {
		return nil, err
	}
	at, err := placeIn("query.before", in.Before, 2)
	if err != nil {
		return nil, err
	}
	q := tag.TimelineQuery{Customer: id, Before: s.now() + 1, Limit: in.Limit}
	if at[0] != "" {
		ms, err1 := strconv.ParseInt(at[0], 10, 64)
		arrival, err2 := strconv.ParseUint(at[1], 10, 64)
		if err1 != nil || err2 != nil || ms > int64(q.Before) {
			return nil, invalid("query.before", "this is not the next of a page", "")
		}
		q.Before, q.Arrive = event.Time(ms), arrival
	}
	if in.Names != "" {
		q.Names = strings.Split(in.Names, ",")
	}
	list, more, err := s.desk.Timeline(ctx, q)
	if err != nil {
		return nil, err
	}
	out := Page[Happening]{Items: []Happening{}}
	for _, m := range list {
		out.Items = append(out.Items, Happening{s.instant(m.At), m.Name, m.Source, s.properties(m.Properties)})
	}
	if more {
		last := list[len(list)-1]
		out.Next = cursor(strconv.FormatInt(int64(last.At), 10), strconv.FormatUint(last.Arrival, 10))
	}
	return &answer[Page[Happening]]{out}, nil
}

// Explanation says why something holds for a customer, or what a value rests on.
type Explanation struct {
	AsOf       string    `json:"as_of"`
	Answer     *Value    `json:"answer,omitempty" doc:"What the expression gives; absent when there is no value"`
	InUniverse bool      `json:"in_universe" doc:"The customer exists at that instant, and is a person"`
	Value      *Value    `json:"value,omitempty" doc:"Of a tag: what the customer has of it, as last computed or assigned"`
	Case       string    `json:"case,omitempty" doc:"Of a tag with cases: the value of the one that is explained"`
	Expression string    `json:"expression" doc:"What is explained"`
	Sentence   Words     `json:"sentence"`
	Leaves     []WhyLeaf `json:"leaves"`
	ByHand     *HandMade `json:"by_hand,omitempty" doc:"What was decided by hand about the tag"`
}

// WhyLeaf is an indivisible part of a rule.
type WhyLeaf struct {
	Text     string     `json:"text"`
	Sentence Words      `json:"sentence"`
	Holds    *bool      `json:"holds,omitempty"`
	Value    *Value     `json:"value,omitempty" doc:"What was measured"`
	Events   []WhyEvent `json:"events" doc:"The latest events that it rests on"`
	More     int        `json:"more,omitempty" doc:"Events that it rests on beside these"`
	Notes    []string   `json:"notes,omitempty" doc:"What was decided by hand of the tags that it reads"`
}

// WhyEvent is an event that an answer rests on, with the properties that the rule looks at.
type WhyEvent struct {
	At         string     `json:"at"`
	Name       string     `json:"name"`
	Properties []Property `json:"properties"`
}

// HandMade is what was decided by hand.
type HandMade struct {
	Action string `json:"action" enum:"set,remove,release"`
	By     string `json:"by"`
	At     string `json:"at"`
	Reason string `json:"reason,omitempty"`
	Until  string `json:"until,omitempty"`
}

type explainRequest struct {
	CustomerPath
	Body struct {
		Expression string `json:"expression,omitempty"`
		Tag        string `json:"tag,omitempty"`
		Segment    string `json:"segment,omitempty"`
		AsOf       string `json:"as_of,omitempty"`
	}
}

func (s *Server) explainCustomer(ctx context.Context, in *explainRequest) (*answer[Explanation], error) {
	id, err := s.customer(ctx, "path.id", in.ID)
	if err != nil {
		return nil, err
	}
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	b := in.Body
	given := 0
	for _, x := range []string{b.Expression, b.Tag, b.Segment} {
		if x != "" {
			given++
		}
	}
	if given != 1 {
		return nil, invalid("body", "give one of expression, tag and segment", "")
	}
	o, err := s.askOptions(ctx, b.AsOf)
	if err != nil {
		return nil, err
	}
	text := b.Expression
	out := Explanation{Leaves: []WhyLeaf{}}
	var t *library.Tag
	switch {
	case b.Tag != "":
		found, ok := set.Tag(b.Tag)
		if !ok || found.State != library.Active {
			return nil, notThere(set, library.Ref{Kind: library.KindTag, Key: b.Tag})
		}
		t = found
		out.Value = s.maybe(s.desk.Index.View().Value(t.ID, uint32(id)))
		if out.ByHand, err = s.handMade(ctx, t.Key, id, o.Now); err != nil {
			return nil, err
		}
		text, out.Case = s.explained(t, id)
	case b.Segment != "":
		x, ok := set.Segment(b.Segment)
		if !ok || x.State != library.Active {
			return nil, notThere(set, library.Ref{Kind: library.KindSegment, Key: b.Segment})
		}
		text = x.When
	}
	out.Expression = text
	if text == "" { // assigned by hand: there is no rule
		out.AsOf, out.InUniverse = s.instant(o.Now), true
		out.Answer = out.Value
		return &answer[Explanation]{out}, nil
	}
	why, err := s.desk.Why(ctx, text, id, o)
	if err != nil {
		if b.Expression != "" {
			return nil, s.ruleFault(ctx, text, err)
		}
		return nil, errs.New(errs.Conflict, "the rule has faults and cannot be asked: %w", err)
	}
	out.AsOf, out.InUniverse, out.Answer, out.Sentence = s.instant(why.AsOf), why.InUniverse, s.maybe(why.Answer), said(set, why.Rule, why.Condition)
	for _, l := range why.Leaves {
		out.Leaves = append(out.Leaves, s.whyLeaf(set, l))
	}
	return &answer[Explanation]{out}, nil
}

func (s *Server) whyLeaf(set *library.Set, l tag.WhyLeaf) WhyLeaf {
	out := WhyLeaf{Text: l.Text, Holds: l.Holds, Value: s.maybe(l.Value), Events: []WhyEvent{}, More: l.More, Notes: l.Notes}
	if l.Node != nil {
		out.Sentence = said(set, l.Node, l.Holds != nil)
	}
	for _, e := range l.Events {
		out.Events = append(out.Events, WhyEvent{s.instant(e.Time), e.Name, s.properties(e.Props)})
	}
	return out
}

// explained is the rule that tells why a customer has what it has of a tag: the condition of the case of its value, or of
// the first case where it has none; or the tag's value.
func (s *Server) explained(t *library.Tag, id event.ProfileID) (text, value string) {
	if len(t.Cases) == 0 {
		return t.Value, ""
	}
	has := s.desk.Index.View().Value(t.ID, uint32(id))
	for _, c := range t.Cases {
		if has.Equal(c.Value) || slices.ContainsFunc(has.List(), c.Value.Equal) {
			return c.When, c.Value.Format(s.w.Zone)
		}
	}
	return t.Cases[0].When, t.Cases[0].Value.Format(s.w.Zone)
}

// handMade is what was decided by hand about a customer's tag and holds; nil for nothing.
func (s *Server) handMade(ctx context.Context, key string, id event.ProfileID, at event.Time) (*HandMade, error) {
	lines, err := tag.Assignments(ctx, s.desk.Deps, tag.AssignmentsQuery{Customer: &id, Tag: key, At: at})
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	l := lines[len(lines)-1]
	return &HandMade{Action: string(l.Action), By: l.By, At: l.At, Reason: l.Reason, Until: l.Until}, nil
}
