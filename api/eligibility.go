package api

import (
	"context"
	"fmt"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/tag"
)

// Eligibility is yes or no for customers and rules.
type Eligibility struct {
	AsOf    string     `json:"as_of" doc:"The instant that was asked for: conditions over the history are of it"`
	TagsAt  string     `json:"tags_at,omitempty" doc:"The latest instant that any tag or segment was changed for, of those that answered; absent when none ever was"`
	Version string     `json:"version" doc:"Which state of the tags answered: all answers are of this one, and a later state has a larger number"`
	History []bool     `json:"history" doc:"By rule: the customer's history had to be read, which is slower"`
	Results []Eligible `json:"results"`
	Never   []string   `json:"uncomputed" doc:"Tags and segments that conditions read and that were never computed"`
}

// Eligible is a customer's answers, in the order of the rules.
type Eligible struct {
	Customer string     `json:"customer"`
	Known    bool       `json:"known"`
	Eligible []bool     `json:"eligible" doc:"Of somebody who is not known: false"`
	Reasons  [][]Reason `json:"reasons,omitempty" doc:"By rule; with reasons, and of somebody who is known"`
}

// Reason is something that an answer rests on: a tag or segment, or a part of a condition.
type Reason struct {
	Tag     string `json:"tag,omitempty"`
	Segment string `json:"segment,omitempty"`
	When    string `json:"when,omitempty" doc:"A part of a condition"`
	Holds   bool   `json:"holds"`
	Value   *Value `json:"value,omitempty" doc:"What the customer has of the tag, or the part of a condition gives; absent when nothing"`
	Since   string `json:"since,omitempty" doc:"Since when the customer has it"`
	Cause   string `json:"cause,omitempty" doc:"Why: event, time, run, threshold, edit, import, merge, undo, repair or manual"`
}

// Gate is a rule of a request for eligibility: a segment, a tag or a condition.
type Gate struct {
	Segment string  `json:"segment,omitempty" doc:"In this segment, as last computed"`
	Tag     string  `json:"tag,omitempty" doc:"Has this tag, as last computed or assigned"`
	Value   *string `json:"value,omitempty" doc:"With tag: has this value of it"`
	When    string  `json:"when,omitempty" doc:"A condition, asked now; of tags and segments alone it is answered without the history"`
}

type eligibilityRequest struct {
	Body struct {
		Customers []string `json:"customers" maxItems:"1000" doc:"kind:value, by any identifier"`
		Rules     []Gate   `json:"rules" minItems:"1" maxItems:"100"`
		Reasons   bool     `json:"reasons,omitempty" doc:"Say what each answer rests on"`
	}
}

// question reads a rule of the request.
func (g Gate) question(place string) (tag.Question, error) {
	given := 0
	for _, text := range []string{g.Segment, g.Tag, g.When} {
		if text != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return tag.Question{}, invalid(place, "a rule is a segment, a tag or a condition", `write {"segment": "…"}, {"tag": "…", "value": "…"} or {"when": "…"}`)
	case g.Value != nil && g.Tag == "":
		return tag.Question{}, invalid(place+".value", "only a tag has a value", `write {"tag": "…", "value": "…"}`)
	}
	q := tag.Question{Segment: g.Segment, Tag: g.Tag, When: g.When}
	if g.Value != nil {
		q.Value, q.HasValue = *g.Value, true
	}
	return q, nil
}

func (s *Server) eligibility(ctx context.Context, in *eligibilityRequest) (*answer[Eligibility], error) {
	b := in.Body
	questions := make([]tag.Question, len(b.Rules))
	for i, r := range b.Rules {
		var err error
		if questions[i], err = r.question(fmt.Sprintf("body.rules[%d]", i)); err != nil {
			return nil, err
		}
	}
	who, known := make([]event.ProfileID, len(b.Customers)), make([]bool, len(b.Customers))
	for i, text := range b.Customers {
		id, err := s.customer(ctx, fmt.Sprintf("body.customers[%d]", i), text)
		switch {
		case errs.Is(err, errs.NotFound):
		case err != nil:
			return nil, err
		default:
			who[i], known[i] = id, true
		}
	}
	at := s.now()
	x, err := s.desk.Eligible(ctx, questions, who, known, at, b.Reasons)
	if err != nil {
		return nil, within(err, "body")
	}
	out := Eligibility{AsOf: s.instant(at), TagsAt: s.instant(x.Latest), Version: fmt.Sprint(x.Offset), History: x.History,
		Results: make([]Eligible, len(who)), Never: x.Uncomputed}
	if out.Never == nil {
		out.Never = []string{}
	}
	for i := range who {
		out.Results[i] = Eligible{Customer: b.Customers[i], Known: known[i], Eligible: x.Answer[i]}
		if b.Reasons && known[i] {
			out.Results[i].Reasons = s.reasons(x.Reasons[i])
		}
	}
	return &answer[Eligibility]{out}, nil
}

func (s *Server) reasons(byRule [][]tag.Reason) [][]Reason {
	out := make([][]Reason, len(byRule))
	for i, list := range byRule {
		out[i] = []Reason{}
		for _, r := range list {
			one := Reason{When: r.Text, Holds: r.Holds, Value: s.maybe(r.Value), Since: s.instant(r.Since), Cause: r.Cause}
			if r.Ref.Kind == library.KindSegment {
				one.Segment = r.Ref.Key
			} else {
				one.Tag = r.Ref.Key
			}
			out[i] = append(out[i], one)
		}
	}
	return out
}
