package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"tagma/access"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/tag"
)

// Assignment is a decision by hand about a customer's tag.
type Assignment struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Tag      string `json:"tag"`
	Name     string `json:"name,omitempty"`
	Value    string `json:"value,omitempty"`
	Action   string `json:"action" enum:"set,remove,release"`
	At       string `json:"at"`
	Until    string `json:"until,omitempty"`
	Reason   string `json:"reason,omitempty"`
	By       string `json:"by"`
	Cause    string `json:"cause" doc:"manual or import"`
	Pinned   bool   `json:"pinned,omitempty" doc:"It stands over a rule"`
}

type assignmentsRequest struct {
	Paging
	Tag      string `query:"tag"`
	Customer string `query:"customer" doc:"kind:value"`
	All      bool   `query:"all" doc:"All that were ever made, the latest first; without it those that hold"`
}

func (s *Server) listAssignments(ctx context.Context, in *assignmentsRequest) (*answer[Page[Assignment]], error) {
	q := tag.AssignmentsQuery{Tag: in.Tag, At: s.now(), All: in.All}
	if in.Customer != "" {
		id, err := s.customer(ctx, "query.customer", in.Customer)
		if err != nil {
			return nil, err
		}
		q.Customer = &id
	}
	at, err := in.place(3)
	if err != nil {
		return nil, err
	}
	var after tag.AssignmentsPlace
	if in.After != "" {
		if after, err = assignmentsPlace(at); err != nil {
			return nil, err
		}
	}
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	lines, next, err := tag.AssignmentsPage(ctx, s.desk.Deps, set, q, after, in.Limit)
	if err != nil {
		return nil, err
	}
	who := make([]event.ProfileID, len(lines))
	for i, l := range lines {
		who[i] = l.Customer
	}
	labels, err := s.labels(ctx, who)
	if err != nil {
		return nil, err
	}
	out := Page[Assignment]{Items: []Assignment{}}
	if next != nil {
		out.Next = cursor(strconv.FormatUint(uint64(next.Tag), 10), strconv.FormatUint(uint64(next.Customer), 10), strconv.FormatUint(next.Number, 10))
	}
	for i, l := range lines {
		out.Items = append(out.Items, Assignment{ID: strconv.FormatUint(l.Number, 10), Customer: labels[i], Tag: l.Tag, Name: l.Name, Value: l.Value, Action: string(l.Action),
			At: l.At, Until: l.Until, Reason: l.Reason, By: l.By, Cause: l.Cause, Pinned: l.Pinned})
	}
	return &answer[Page[Assignment]]{out}, nil
}

// assignmentsPlace reads where a page ended.
func assignmentsPlace(parts []string) (at tag.AssignmentsPlace, err error) {
	var n [3]uint64
	for i, bits := range []int{32, 32, 63} {
		if n[i], err = strconv.ParseUint(parts[i], 10, bits); err != nil {
			return at, invalid("query.after", "this is not the next of a page", "give what the page before had as next")
		}
	}
	return tag.AssignmentsPlace{Tag: uint32(n[0]), Customer: event.ProfileID(n[1]), Number: n[2]}, nil
}

// AssignmentItem is a decision to be made.
type AssignmentItem struct {
	Customer string `json:"customer" doc:"kind:value"`
	Tag      string `json:"tag"`
	Value    string `json:"value,omitempty"`
	Action   string `json:"action" enum:"set,remove,release"`
	Reason   string `json:"reason,omitempty" maxLength:"2000"`
	Until    string `json:"until,omitempty" doc:"The instant from which on it holds no more; a date is the last day"`
}

// BulkResult is what became of one item.
type BulkResult struct {
	Index   int      `json:"index"`
	OK      bool     `json:"ok"`
	Outcome string   `json:"outcome,omitempty" enum:"recorded,same" doc:"same: it was so already"`
	Problem *Problem `json:"problem,omitempty"`
}

// BulkResults are what became of all items.
type BulkResults struct {
	Results []BulkResult `json:"results"`
}

type assignRequest struct {
	Body struct {
		Items []AssignmentItem `json:"items" minItems:"1" maxItems:"10000"`
	}
}

// refusedItem is a result for what could not be done.
func refusedItem(i int, err error) BulkResult {
	return BulkResult{Index: i, Problem: problemOf(err)}
}

func (s *Server) assign(ctx context.Context, in *assignRequest) (*answer[BulkResults], error) {
	by := actorOf(ctx)
	results := make([]BulkResult, len(in.Body.Items))
	var list []tag.Assignment
	var places []int
	for i, item := range in.Body.Items {
		results[i].Index = i
		a, err := s.assignment(ctx, fmt.Sprintf("body.items[%d]", i), &item)
		if err != nil {
			if p := problemOf(err); p.Status >= 500 {
				return nil, err
			}
			results[i] = refusedItem(i, err)
			continue
		}
		a.By = by.String()
		list, places = append(list, a), append(places, i)
	}
	if len(list) == 0 {
		return &answer[BulkResults]{BulkResults{results}}, nil
	}
	recorded := func(ctx context.Context, tx bun.Tx, report *tag.AssignReport) error {
		var done []AssignmentItem
		for k, outcome := range report.Outcomes {
			if outcome == tag.Recorded {
				done = append(done, in.Body.Items[places[k]])
			}
		}
		return s.may.Record(ctx, tx, access.Entry{By: by, Action: "assignments.write", Kind: "assignments", Object: strconv.Itoa(len(done)), After: done})
	}
	report, err := tag.Assign(ctx, s.desk.Deps, s.now(), list, recorded)
	if err != nil {
		return nil, err
	}
	faults := map[int]errs.Fault{}
	for _, f := range report.Faults {
		faults[f.Index] = f.Fault
	}
	for k, outcome := range report.Outcomes {
		i := places[k]
		if outcome == tag.Refused {
			f := faults[k]
			f.Place = fmt.Sprintf("body.items[%d]", i)
			results[i] = refusedItem(i, errs.Faulty("", []errs.Fault{f}))
			continue
		}
		results[i].OK, results[i].Outcome = true, string(outcome)
	}
	return &answer[BulkResults]{BulkResults{results}}, nil
}

// assignment reads an item.
func (s *Server) assignment(ctx context.Context, at string, item *AssignmentItem) (a tag.Assignment, err error) {
	if a.Customer, err = s.customer(ctx, at+".customer", item.Customer); err != nil {
		return a, err
	}
	a.Tag, a.Action, a.Reason = item.Tag, tag.Action(item.Action), item.Reason
	if item.Value != "" {
		a.Value = event.Text(item.Value)
	}
	if item.Until != "" {
		t, dateOnly, err := s.w.Zone.ParseInstant(item.Until)
		if err != nil {
			return a, invalid(at+".until", err.Error(), "write an instant, or a date, which is the last day")
		}
		if dateOnly {
			t = s.w.Zone.End(s.w.Zone.Date(t)) + 1
		}
		a.Until = t
	}
	return a, nil
}

// ConsentItem is what a customer agreed to, or did not.
type ConsentItem struct {
	Customer string `json:"customer" doc:"kind:value"`
	Name     string `json:"name" minLength:"1" maxLength:"200"`
	Value    bool   `json:"value"`
	At       string `json:"at,omitempty" doc:"From when on; now without it"`
	New      bool   `json:"new,omitempty" doc:"Take a name that was neither declared nor given before"`
}

type consentRequest struct {
	Body struct {
		Items []ConsentItem `json:"items" minItems:"1" maxItems:"10000"`
	}
}

// consent notes consents, each for itself: one that cannot be noted does not keep the others out. Names must be declared,
// or have been given before: a slip of the pen would make a consent that no rule asks for.
func (s *Server) consent(ctx context.Context, in *consentRequest) (*answer[BulkResults], error) {
	names, err := s.desk.ConsentNames(ctx)
	if err != nil {
		return nil, err
	}
	results := make([]BulkResult, len(in.Body.Items))
	var records []ingest.Record
	var done []ConsentItem
	for i, item := range in.Body.Items {
		results[i].Index = i
		at := fmt.Sprintf("body.items[%d]", i)
		r, err := s.consentRecord(ctx, at, &item, names)
		if err != nil {
			if p := problemOf(err); p.Status >= 500 {
				return nil, err
			}
			results[i] = refusedItem(i, err)
			continue
		}
		results[i].OK, results[i].Outcome = true, string(tag.Recorded)
		records, done = append(records, r), append(done, item)
	}
	if len(records) > 0 {
		if _, err := ingest.Accept(ctx, s.w.Ingest(), "", records...); err != nil {
			return nil, err
		}
		if err := s.record(ctx, access.Entry{By: actorOf(ctx), Action: "consents.write", Kind: "consents", Object: strconv.Itoa(len(done)), After: done}); err != nil {
			return nil, err
		}
	}
	return &answer[BulkResults]{BulkResults{results}}, nil
}

func (s *Server) consentRecord(ctx context.Context, at string, item *ConsentItem, names []string) (ingest.Record, error) {
	if _, err := s.customer(ctx, at+".customer", item.Customer); err != nil {
		return ingest.Record{}, err
	}
	if !item.New && !slices.Contains(names, item.Name) {
		return ingest.Record{}, invalid(at+".name", "no customer has the consent "+strconv.Quote(item.Name)+" and the schema does not declare it", "declare it in the schema, or send new: true when it is meant as a new one")
	}
	since, err := s.asOf(at+".at", item.At)
	if err != nil {
		return ingest.Record{}, err
	}
	kind, value, _ := strings.Cut(item.Customer, ":")
	return ingest.Record{Identifiers: []identity.Key{{Kind: kind, Value: value}}, Known: true,
		Consents: []ingest.Trait{{Name: item.Name, Time: since, Value: event.Bool(item.Value)}}}, nil
}
