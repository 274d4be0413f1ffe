package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"tagma/access"
	"tagma/event"
	"tagma/identity"
	"tagma/tag"
)

// QueryAnswer is what a rule gives for all customers.
type QueryAnswer struct {
	AsOf       string   `json:"as_of"`
	Type       string   `json:"type"`
	Count      int      `json:"count" doc:"Customers for whom it holds, or who have a value"`
	Items      []Member `json:"items" doc:"Empty where only the count was asked for"`
	Next       string   `json:"next,omitempty" doc:"What to give as after for the next page, which is asked for the same instant; absent on the last one"`
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
		After      string `json:"after,omitempty" doc:"The next of the page before, of the same expression"`
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
	o, err := s.askOptions(ctx, b.AsOf)
	if err != nil {
		return nil, err
	}
	var from event.ProfileID
	if b.After != "" {
		if from, err = goOn(&o, b.Expression, b.AsOf != "", b.After); err != nil {
			return nil, err
		}
	}
	begun := s.c.Now()
	q, err := s.desk.Ask(ctx, b.Expression, o)
	if err != nil {
		return nil, s.ruleFault(ctx, b.Expression, err)
	}
	defer q.Close()
	if b.Want == "ids" && !q.CanBeCondition() {
		return nil, invalid("body.want", fmt.Sprintf("ids needs a condition, the expression is %s", q.Rule.Expr.Type), "compare it with something, or ask for values")
	}
	out := QueryAnswer{AsOf: s.instant(o.Now), Items: []Member{}, Type: q.Rule.Expr.Type.Word(), Uncomputed: q.Uncomputed(ctx, s.desk.Deps),
		Warnings: flaws(b.Expression, "body.expression", q.Rule.Warnings)}
	if out.Uncomputed == nil {
		out.Uncomputed = []string{}
	}
	limit := b.Limit
	if b.Want == "count" {
		limit = 0
	}
	found, err := q.Page(ctx, b.Want == "values", from, limit)
	if err != nil {
		return nil, err
	}
	out.Count = found.Count
	if b.Want != "count" {
		if out.Items, err = s.memberItems(ctx, found.Members, b.Want == "values" || !q.IsCondition()); err != nil {
			return nil, err
		}
		if found.More && b.Want != "sample" {
			out.Next = queryCursor(&o, b.Expression, found.Members[len(found.Members)-1].Customer+1)
		}
	}
	out.TookMS = s.c.Now().Sub(begun).Milliseconds()
	return &answer[QueryAnswer]{out}, nil
}

// queryCursor is where a page of an answer ended: the next customer, the instant that all its pages are of, whether other
// tags are computed for it, and what was asked. Customers are numbered for good, so that no page names one twice, and
// leaves none out, whatever comes between the pages.
func queryCursor(o *tag.QueryOptions, expression string, next event.ProfileID) string {
	return cursor(strconv.FormatUint(uint64(next), 10), strconv.FormatInt(int64(o.Now), 10), strconv.FormatBool(o.Recompute), shortHash(expression))
}

// goOn makes options those of the page before, and returns the customer to go on with.
func goOn(o *tag.QueryOptions, expression string, dated bool, after string) (event.ProfileID, error) {
	parts, err := placeIn("body.after", after, 4)
	if err != nil {
		return 0, err
	}
	from, bad := strconv.ParseUint(parts[0], 10, 32)
	now, worse := strconv.ParseInt(parts[1], 10, 64)
	switch {
	case bad != nil || worse != nil:
		return 0, invalid("body.after", "this is not the next of a page", "give what the page before had as next")
	case parts[3] != shortHash(expression):
		return 0, invalid("body.after", "this is the next of another expression's page", "leave it out to begin anew")
	case dated && event.Time(now) != o.Now:
		return 0, invalid("body.as_of", "the page before is of another instant", "leave as_of out: next keeps the instant")
	}
	o.Now, o.Recompute = event.Time(now), parts[2] == "true"
	return event.ProfileID(from), nil
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
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
