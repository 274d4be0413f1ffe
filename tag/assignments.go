package tag

import (
	"context"
	"fmt"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
)

// AssignmentsQuery says which assignments are wanted.
type AssignmentsQuery struct {
	Customer *event.ProfileID // nil: of all customers
	Tag      string           // "": of all tags
	At       event.Time       // those that hold at this instant
	All      bool             // instead: all that were ever made until then, the latest first
}

// AssignmentLine is an assignment as people read it.
type AssignmentLine struct {
	Number   uint64          `json:"number"` // the order in which they were made
	Customer event.ProfileID `json:"customer"`
	Tag      string          `json:"tag"`
	Name     string          `json:"name,omitempty"`
	Action   Action          `json:"action"`
	Value    string          `json:"value,omitempty"`
	At       string          `json:"at"`
	Until    string          `json:"until,omitempty"`
	Cause    string          `json:"cause"`
	By       string          `json:"by,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	// Pinned says that it stands over a rule.
	Pinned bool `json:"pinned,omitempty"`
}

// Text is the line as a sentence.
func (l *AssignmentLine) Text() string {
	what := l.Tag
	if l.Value != "" {
		what += "=" + l.Value
	}
	verb := map[Action]string{Set: "assigned", Remove: "removed", Release: "released"}[l.Action]
	text := fmt.Sprintf("%s %s by hand", what, verb)
	if l.Cause == "import" {
		text = fmt.Sprintf("%s %s by an import", what, verb)
	}
	if l.By != "" {
		text += " by " + l.By
		if l.Cause == "import" {
			text = fmt.Sprintf("%s %s by an import from %s", what, verb, l.By)
		}
	}
	text += " on " + l.At
	if l.Until != "" {
		text += ", until " + l.Until
	}
	if l.Reason != "" {
		text += ": " + l.Reason
	}
	return text
}

// Assignments lists assignments: those that hold, by tag and customer, or all.
func Assignments(ctx context.Context, d Deps, q AssignmentsQuery) ([]AssignmentLine, error) {
	set, err := library.Load(ctx, d.DB.Read())
	if err != nil {
		return nil, err
	}
	return assignmentsOf(ctx, d, set, q)
}

func assignmentsOf(ctx context.Context, d Deps, set *library.Set, q AssignmentsQuery) ([]AssignmentLine, error) {
	tags := map[uint32]*library.Tag{}
	for t := range set.Tags() {
		tags[t.ID] = t
	}
	for r := range set.Retired() {
		if t, ok := set.Tag(r.Key); ok && r.Kind == library.KindTag && (q.All || q.Tag == r.Key) {
			tags[t.ID] = t
		}
	}
	w := rowFilter{at: q.At, newest: q.All}
	if q.Customer != nil {
		w.customers = []uint32{uint32(*q.Customer)}
	}
	if q.Tag != "" {
		t, ok := set.Tag(q.Tag)
		if !ok {
			var keys []string
			for t := range set.Tags() {
				keys = append(keys, t.Key)
			}
			f := errs.Fault{Message: fmt.Sprintf("there is no tag %q", q.Tag)}
			if s := rule.Suggest(q.Tag, keys); s != "" {
				f.Hint = fmt.Sprintf("did you mean %q?", s)
			}
			return nil, &errs.Error{Kind: errs.NotFound, Faults: []errs.Fault{f}}
		}
		w.tag = &t.ID
	}
	var out []AssignmentLine
	add := func(r *assignmentRow) {
		t := tags[r.definition]
		if t == nil {
			return
		}
		line := AssignmentLine{Number: r.id, Customer: event.ProfileID(r.customer), Tag: t.Key, Name: t.Name, Action: r.action, Value: r.value.Format(d.Zone),
			At: d.Zone.Format(r.at), Cause: r.cause.String(), By: r.by, Reason: r.reason, Pinned: t.Kind == library.ByRule && r.action != Release}
		if r.until != event.Never {
			line.Until = d.Zone.Format(r.until)
		}
		out = append(out, line)
	}
	if q.All {
		err := eachRow(ctx, d.DB.Read(), w, func(r *assignmentRow) error { add(r); return nil })
		return out, err
	}
	// What holds: rows come by tag and customer, and what counts of each pair is known when the next begins.
	var s standing
	var last *assignmentRow
	flush := func() {
		if last == nil {
			return
		}
		for _, r := range s.inForce(q.At) {
			if t := tags[r.definition]; t != nil && (r.action == Set || t.Kind == library.ByRule) {
				add(r)
			}
		}
	}
	err := eachRow(ctx, d.DB.Read(), w, func(r *assignmentRow) error {
		if last == nil || last.definition != r.definition || last.customer != r.customer {
			flush()
			s = standing{multi: tags[r.definition] != nil && tags[r.definition].Multi}
		}
		last = r
		s.add(r)
		return nil
	})
	flush()
	return out, err
}
