package api

import (
	"context"
	"fmt"
	"strconv"

	"tagma/access"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/tag"
)

// QueryAnswer is what a rule gives for all customers.
type QueryAnswer struct {
	AsOf       string   `json:"as_of"`
	Type       string   `json:"type"`
	Count      int      `json:"count" doc:"Customers for whom it holds, or who have a value"`
	Items      []Member `json:"items,omitempty"`
	Next       string   `json:"next,omitempty"`
	TookMS     int64    `json:"took_ms"`
	Uncomputed []string `json:"uncomputed" doc:"Tags and segments that it reads and that were never computed"`
	Warnings   []Flaw   `json:"warnings"`
}

type queryRequest struct {
	Body struct {
		Expression string `json:"expression"`
		AsOf       string `json:"as_of,omitempty" doc:"An instant, or a date, which means its last instant; other tags are then computed for it"`
		Want       string `json:"want,omitempty" enum:"count,ids,values,sample" default:"count"`
		Limit      int    `json:"limit,omitempty" minimum:"1" maximum:"10000" default:"50"`
		After      string `json:"after,omitempty"`
	}
}

// sampleLimit is how many customers a sample names at most.
const sampleLimit = 100

// query asks a rule. A count or a sample takes the permission of the table; whoever takes away the identifiers or values
// of a whole answer needs Export beside it.
func (s *Server) query(ctx context.Context, in *queryRequest) (*answer[QueryAnswer], error) {
	b := in.Body
	if b.Want == "ids" || b.Want == "values" {
		if err := actorOf(ctx).Require(access.Export); err != nil {
			return nil, err
		}
	}
	if b.Want == "sample" && b.Limit > sampleLimit {
		b.Limit = sampleLimit
	}
	at, err := placeIn("body.after", b.After, 1)
	if err != nil {
		return nil, err
	}
	from := uint64(0)
	if at[0] != "" {
		if from, err = strconv.ParseUint(at[0], 10, 32); err != nil {
			return nil, invalid("body.after", "this is not the next of a page", "")
		}
	}
	o, err := s.askOptions(ctx, b.AsOf)
	if err != nil {
		return nil, err
	}
	begun := s.c.Now()
	q, err := tag.Ask(ctx, s.desk.Deps, b.Expression, o)
	if err != nil {
		return nil, s.ruleFault(ctx, b.Expression, err)
	}
	defer q.Close()
	if b.Want == "ids" && !q.CanBeCondition() {
		return nil, invalid("body.want", fmt.Sprintf("ids needs a condition, the expression is %s", q.Rule.Expr.Type), "compare it with something, or ask for values")
	}
	out := QueryAnswer{AsOf: s.instant(o.Now), Type: q.Rule.Expr.Type.Word(), Uncomputed: q.Uncomputed(ctx, s.desk.Deps),
		Warnings: flaws(b.Expression, "body.expression", q.Rule.Warnings)}
	if out.Uncomputed == nil {
		out.Uncomputed = []string{}
	}
	limit := b.Limit
	if b.Want == "count" {
		limit = 0
	}
	found, err := q.Page(ctx, b.Want == "values", event.ProfileID(from), limit)
	if err != nil {
		return nil, err
	}
	out.Count = found.Count
	if b.Want != "count" {
		if out.Items, err = s.memberItems(ctx, found.Members, b.Want == "values" || !q.IsCondition()); err != nil {
			return nil, err
		}
		if found.More && b.Want != "sample" {
			out.Next = cursor(strconv.FormatUint(uint64(found.Members[len(found.Members)-1].Customer)+1, 10))
		}
	}
	out.TookMS = s.c.Now().Sub(begun).Milliseconds()
	return &answer[QueryAnswer]{out}, nil
}

// Eligibility is yes or no for customers and rules.
type Eligibility struct {
	AsOf    string     `json:"as_of"`
	Results []Eligible `json:"results"`
}

// Eligible is a customer's answers, in the order of the rules.
type Eligible struct {
	Customer string `json:"customer"`
	Known    bool   `json:"known"`
	Eligible []bool `json:"eligible" doc:"Of somebody who is not known: false"`
}

type eligibilityRequest struct {
	Body struct {
		Customers []string `json:"customers" maxItems:"1000" doc:"kind:value"`
		Rules     []struct {
			Segment string `json:"segment,omitempty" doc:"A segment, as last computed"`
			When    string `json:"when,omitempty" doc:"A condition, asked now"`
		} `json:"rules" minItems:"1" maxItems:"100"`
	}
}

func (s *Server) eligibility(ctx context.Context, in *eligibilityRequest) (*answer[Eligibility], error) {
	b := in.Body
	var questions []tag.Question
	for i, r := range b.Rules {
		if (r.Segment == "") == (r.When == "") {
			return nil, invalid(fmt.Sprintf("body.rules[%d]", i), "a rule is a segment or a condition", `write {"segment": "…"} or {"when": "…"}`)
		}
		questions = append(questions, tag.Question{Segment: r.Segment, When: r.When})
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
	x, err := s.desk.Eligible(ctx, questions, who, known, at)
	if err != nil {
		return nil, within(err, "body")
	}
	out := Eligibility{AsOf: s.instant(at), Results: make([]Eligible, len(who))}
	for i := range who {
		out.Results[i] = Eligible{Customer: b.Customers[i], Known: known[i], Eligible: x.Answer[i]}
	}
	return &answer[Eligibility]{out}, nil
}

// Identifier is what a customer is called.
type Identifier struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// Hit is a customer that was found.
type Hit struct {
	ID          string       `json:"id"`
	Customer    uint32       `json:"customer"`
	Identifiers []Identifier `json:"identifiers"`
	Name        string       `json:"name,omitempty" doc:"The trait name"`
}

// Hits are customers that were found.
type Hits struct {
	Items []Hit `json:"items"`
}

type findRequest struct {
	Q     string `query:"q" required:"true" minLength:"1" maxLength:"600" doc:"An identifier, or its beginning; phone:138 for one kind alone"`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

func (s *Server) findCustomers(ctx context.Context, in *findRequest) (*answer[Hits], error) {
	found, err := identity.Search(ctx, s.w.DB.Read(), in.Q, in.Limit)
	if err != nil {
		return nil, err
	}
	out := Hits{Items: []Hit{}}
	who := make([]event.ProfileID, len(found))
	for i, m := range found {
		who[i] = m.Profile
	}
	labels, err := s.labels(ctx, who)
	if err != nil {
		return nil, err
	}
	for i, m := range found {
		known, err := s.desk.Called(m.Profile, s.now())
		if err != nil {
			return nil, err
		}
		hit := Hit{ID: labels[i], Customer: uint32(m.Profile), Identifiers: []Identifier{}, Name: known.Name}
		for _, k := range known.Identifiers {
			hit.Identifiers = append(hit.Identifiers, Identifier{k.Kind, k.Value})
		}
		out.Items = append(out.Items, hit)
	}
	return &answer[Hits]{out}, nil
}
