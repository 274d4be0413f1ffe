package api

import (
	"context"
	"strconv"
	"strings"

	"tagma/library"
	"tagma/rule"
)

// SegmentSummary is a segment in a list.
type SegmentSummary struct {
	Key        string `json:"key"`
	Name       string `json:"name"`
	Purpose    string `json:"purpose"`
	Owner      string `json:"owner"`
	Version    string `json:"version"`
	State      string `json:"state" enum:"active,retired"`
	Held       *int   `json:"held,omitempty" doc:"Customers in it; absent when it was never computed"`
	ComputedAt string `json:"computed_at,omitempty"`
}

// Segment is a named set of customers.
type Segment struct {
	SegmentSummary
	When     string    `json:"when"`
	Sentence *Words    `json:"sentence,omitempty"`
	Users    []Ref     `json:"users"`
	Depends  []Ref     `json:"depends"`
	Warnings []Warning `json:"warnings"`
	Created  string    `json:"created"`
	Updated  string    `json:"updated"`
	Actor    string    `json:"actor"`
}

func (s *Server) listSegments(ctx context.Context, in *struct {
	Paging
	Q string `query:"q" doc:"A part of the key, the name or the purpose"`
}) (*answer[Page[SegmentSummary]], error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	var list []*library.Segment
	q := strings.ToLower(in.Q)
	for x := range set.Segments() {
		if q == "" || strings.Contains(strings.ToLower(x.Key), q) || strings.Contains(strings.ToLower(x.Name), q) || strings.Contains(strings.ToLower(x.Purpose), q) {
			list = append(list, x)
		}
	}
	page, err := pageOf(list, in.Paging, func(x *library.Segment) string { return x.Key })
	if err != nil {
		return nil, err
	}
	out := Page[SegmentSummary]{Items: []SegmentSummary{}, Next: page.Next, Total: page.Total}
	for _, x := range page.Items {
		one, err := s.segmentSummary(ctx, x)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, one)
	}
	return &answer[Page[SegmentSummary]]{out}, nil
}

func (s *Server) segmentSummary(ctx context.Context, x *library.Segment) (SegmentSummary, error) {
	computed, err := s.desk.Computed(ctx)
	if err != nil {
		return SegmentSummary{}, err
	}
	out := SegmentSummary{Key: x.Key, Name: x.Name, Purpose: x.Purpose, Owner: x.Owner, Version: strconv.Itoa(x.Version), State: string(x.State)}
	if at, ok := computed[x.ID]; ok {
		held := s.desk.Held(x.ID)
		out.Held, out.ComputedAt = &held, s.instant(at)
	}
	return out, nil
}

type segmentAnswer struct {
	ETag string `header:"ETag"`
	Body Segment
}

func (s *Server) readSegment(ctx context.Context, in *struct{ KeyPath }) (*segmentAnswer, error) {
	return s.segment(ctx, in.Key)
}

func (s *Server) segment(ctx context.Context, key string) (*segmentAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	ref := library.Ref{Kind: library.KindSegment, Key: key}
	x, ok := set.Segment(key)
	if !ok {
		return nil, notThere(set, ref)
	}
	out := &segmentAnswer{ETag: quoted(strconv.Itoa(x.Version)), Body: Segment{When: x.When, Sentence: saidText(set, x.When, true), Users: refs(set, set.Users(ref)),
		Depends: []Ref{}, Warnings: []Warning{}}}
	b := &out.Body
	if b.SegmentSummary, err = s.segmentSummary(ctx, x); err != nil {
		return nil, err
	}
	if b.Created, b.Updated, b.Actor, err = s.stamps(ctx, ref); err != nil {
		return nil, err
	}
	err = s.desk.WithLibrary(ctx, false, func(c *library.Compiled) error {
		if compiled, ok := c.Segment(key); ok {
			b.Depends, b.Warnings = refs(set, compiled.Depends), warnings(compiled.Warnings)
		}
		return nil
	})
	return out, err
}

// SegmentBody is what a segment is saved with.
type SegmentBody struct {
	Key     string `json:"key"`
	Name    string `json:"name"`
	Purpose string `json:"purpose,omitempty"`
	Owner   string `json:"owner,omitempty"`
	When    string `json:"when"`
	Reason  string `json:"reason,omitempty"`
}

func (s *Server) saveSegment(ctx context.Context, set *library.Set, b *SegmentBody, was string) (*segmentAnswer, error) {
	d := library.SegmentDraft{Key: b.Key, Name: b.Name, Purpose: b.Purpose, Owner: b.Owner, When: b.When}
	if was != b.Key {
		d.Was = was
	}
	file, err := d.File()
	if err != nil {
		return nil, within(err, "body")
	}
	if err := s.checkRules(ctx, []ruleAt{{"body.when", b.When, rule.Condition}}); err != nil {
		return nil, err
	}
	if err := s.save(ctx, set, file, b.Reason); err != nil {
		return nil, err
	}
	return s.segment(ctx, strings.TrimSpace(b.Key))
}

// save plans and applies the definition that a body was read to. Faults are placed in the body.
func (s *Server) save(ctx context.Context, set *library.Set, file *library.File, reason string) error {
	edit, err := set.Plan(file, false)
	if err == nil {
		err = s.lost(s.apply(ctx, edit, reason))
	}
	if err != nil {
		return within(library.DraftFaults(err), "body")
	}
	return nil
}

// SegmentRequest is a segment to be saved.
type SegmentRequest struct{ Body SegmentBody }

func (s *Server) addSegment(ctx context.Context, in *SegmentRequest) (*segmentAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	if err := fresh(set, library.Ref{Kind: library.KindSegment, Key: in.Body.Key}); err != nil {
		return nil, err
	}
	return s.saveSegment(ctx, set, &in.Body, in.Body.Key)
}

func (s *Server) putSegment(ctx context.Context, in *struct {
	KeyPath
	Matching
	SegmentRequest
}) (*segmentAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.current(set, library.Ref{Kind: library.KindSegment, Key: in.Key}, in.Matching); err != nil {
		return nil, err
	}
	return s.saveSegment(ctx, set, &in.Body, in.Key)
}

func (s *Server) retireSegment(ctx context.Context, in *struct {
	KeyPath
	Matching
}) (*nothing, error) {
	return s.retire(ctx, library.Ref{Kind: library.KindSegment, Key: in.Key}, in.Matching)
}

func (s *Server) segmentVersions(ctx context.Context, in *struct {
	KeyPath
	Paging
}) (*answer[Page[Version]], error) {
	return s.versions(ctx, library.Ref{Kind: library.KindSegment, Key: in.Key}, in.Paging)
}

func (s *Server) segmentMembers(ctx context.Context, in *struct {
	KeyPath
	Paging
	PastQuery
}) (*answer[Members], error) {
	return s.members(ctx, library.Ref{Kind: library.KindSegment, Key: in.Key}, "", in.AsOf, in.Paging)
}

// Measure is a named expression.
type Measure struct {
	Key      string `json:"key"`
	When     string `json:"when,omitempty" doc:"Where it does not hold there is no value"`
	Value    string `json:"value"`
	Sentence *Words `json:"sentence,omitempty"`
	Version  string `json:"version"`
	Users    []Ref  `json:"users"`
}

func measureOf(set *library.Set, m *library.Measure) Measure {
	return Measure{Key: m.Key, When: m.When, Value: m.Value, Sentence: saidText(set, m.Value, false), Version: strconv.Itoa(m.Version),
		Users: refs(set, set.Users(library.Ref{Kind: library.KindMeasure, Key: m.Key}))}
}

func (s *Server) listMeasures(ctx context.Context, in *struct{ Paging }) (*answer[Page[Measure]], error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	var list []Measure
	for m := range set.Measures() {
		list = append(list, measureOf(set, m))
	}
	page, err := pageOf(list, in.Paging, func(m Measure) string { return m.Key })
	return &answer[Page[Measure]]{page}, err
}

type measureAnswer struct {
	ETag string `header:"ETag"`
	Body Measure
}

func (s *Server) measure(ctx context.Context, key string) (*measureAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	m, ok := set.Measure(key)
	if !ok || m.State != library.Active {
		return nil, notThere(set, library.Ref{Kind: library.KindMeasure, Key: key})
	}
	return &measureAnswer{ETag: quoted(strconv.Itoa(m.Version)), Body: measureOf(set, m)}, nil
}

func (s *Server) readMeasure(ctx context.Context, in *struct{ KeyPath }) (*measureAnswer, error) {
	return s.measure(ctx, in.Key)
}

// MeasureBody is what a named expression is saved with.
type MeasureBody struct {
	Key    string `json:"key"`
	When   string `json:"when,omitempty"`
	Value  string `json:"value"`
	Reason string `json:"reason,omitempty"`
}

func (s *Server) saveMeasure(ctx context.Context, set *library.Set, b *MeasureBody) (*measureAnswer, error) {
	rules := []ruleAt{{"body.value", b.Value, rule.AnyValue}}
	if b.When != "" {
		rules = append(rules, ruleAt{"body.when", b.When, rule.Condition})
	}
	file, err := library.MeasureDraft{Key: b.Key, When: b.When, Value: b.Value}.File()
	if err != nil {
		return nil, within(err, "body")
	}
	if err := s.checkRules(ctx, rules); err != nil {
		return nil, err
	}
	if err := s.save(ctx, set, file, b.Reason); err != nil {
		return nil, err
	}
	return s.measure(ctx, strings.TrimSpace(b.Key))
}

// MeasureRequest is a named expression to be saved.
type MeasureRequest struct{ Body MeasureBody }

func (s *Server) addMeasure(ctx context.Context, in *MeasureRequest) (*measureAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	if err := fresh(set, library.Ref{Kind: library.KindMeasure, Key: in.Body.Key}); err != nil {
		return nil, err
	}
	return s.saveMeasure(ctx, set, &in.Body)
}

func (s *Server) putMeasure(ctx context.Context, in *struct {
	KeyPath
	Matching
	MeasureRequest
}) (*measureAnswer, error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.current(set, library.Ref{Kind: library.KindMeasure, Key: in.Key}, in.Matching); err != nil {
		return nil, err
	}
	if in.Body.Key != in.Key {
		return nil, invalid("body.key", "a named expression cannot be renamed", "make a new one, and retire this one when nothing uses it")
	}
	return s.saveMeasure(ctx, set, &in.Body)
}

func (s *Server) retireMeasure(ctx context.Context, in *struct {
	KeyPath
	Matching
}) (*nothing, error) {
	return s.retire(ctx, library.Ref{Kind: library.KindMeasure, Key: in.Key}, in.Matching)
}
