package tag

import (
	"context"
	"errors"
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
	l, err := listing(set, d.Zone, q)
	if err != nil {
		return nil, err
	}
	var out []AssignmentLine
	if q.All {
		err = eachRow(ctx, d.DB.Read(), l.rows, func(r *assignmentRow) error {
			out = l.add(out, r)
			return nil
		})
	} else {
		err = l.inForce(ctx, d, func(_, _ uint32, lines []AssignmentLine) error {
			out = append(out, lines...)
			return nil
		})
	}
	return out, err
}

// AssignmentsPlace is where a page of assignments ended: the tag's number and the customer, or the number of the last
// assignment. The zero place is before the first.
type AssignmentsPlace struct {
	Tag      uint32
	Customer event.ProfileID
	Number   uint64
}

// errEnough ends a reading when the page is full.
var errEnough = errors.New("the page is full")

// AssignmentsPage is Assignments for one page: what comes after a place, at most limit lines, and the place to go on
// from, nil on the last page. What one customer has of one tag is never divided; it alone may be longer than the limit.
// It costs no more than the page, but for tags and customers that had much decided about them of which nothing holds.
func AssignmentsPage(ctx context.Context, d Deps, set *library.Set, q AssignmentsQuery, after AssignmentsPlace, limit int) (lines []AssignmentLine, next *AssignmentsPlace, err error) {
	l, err := listing(set, d.Zone, q)
	if err != nil {
		return nil, nil, err
	}
	l.rows.behind, l.rows.before = AssignmentsPlace{Tag: after.Tag, Customer: after.Customer}, after.Number
	full := false
	if q.All {
		err = eachRow(ctx, d.DB.Read(), l.rows, func(r *assignmentRow) error {
			if len(lines) == limit {
				full = true
				return errEnough
			}
			lines = l.add(lines, r)
			return nil
		})
		if full {
			next = &AssignmentsPlace{Number: lines[len(lines)-1].Number}
		}
	} else {
		var last AssignmentsPlace
		err = l.inForce(ctx, d, func(tag, customer uint32, some []AssignmentLine) error {
			if len(some) > 0 && len(lines) > 0 && len(lines)+len(some) > limit {
				full = true
				return errEnough
			}
			lines, last = append(lines, some...), AssignmentsPlace{Tag: tag, Customer: event.ProfileID(customer)}
			return nil
		})
		if full {
			next = &last
		}
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return lines, next, err
}

// lister lists assignments as people read them.
type lister struct {
	q    AssignmentsQuery
	zone *event.Zone
	tags map[uint32]*library.Tag
	rows rowFilter
}

// listing finds the tags that a query is about. A tag that is not there is NotFound.
func listing(set *library.Set, zone *event.Zone, q AssignmentsQuery) (*lister, error) {
	l := &lister{q: q, zone: zone, tags: map[uint32]*library.Tag{}, rows: rowFilter{at: q.At, newest: q.All}}
	for t := range set.Tags() {
		l.tags[t.ID] = t
	}
	for r := range set.Retired() {
		if t, ok := set.Tag(r.Key); ok && r.Kind == library.KindTag && (q.All || q.Tag == r.Key) {
			l.tags[t.ID] = t
		}
	}
	if q.Customer != nil {
		l.rows.customers = []uint32{uint32(*q.Customer)}
	}
	if q.Tag != "" {
		t, ok := set.Tag(q.Tag)
		if !ok {
			f := errs.Fault{Message: fmt.Sprintf("there is no tag %q", q.Tag)}
			if s := rule.Suggest(q.Tag, set.Keys(library.KindTag)); s != "" {
				f.Hint = fmt.Sprintf("did you mean %q?", s)
			}
			return nil, &errs.Error{Kind: errs.NotFound, Faults: []errs.Fault{f}}
		}
		l.rows.tag = &t.ID
	}
	return l, nil
}

// add adds a row as a line, unless its tag is left out.
func (l *lister) add(out []AssignmentLine, r *assignmentRow) []AssignmentLine {
	t := l.tags[r.definition]
	if t == nil {
		return out
	}
	line := AssignmentLine{Number: r.id, Customer: event.ProfileID(r.customer), Tag: t.Key, Name: t.Name, Action: r.action, Value: r.value.Format(l.zone),
		At: l.zone.Format(r.at), Cause: r.cause.String(), By: r.by, Reason: r.reason, Pinned: t.Kind == library.ByRule && r.action != Release}
	if r.until != event.Never {
		line.Until = l.zone.Format(r.until)
	}
	return append(out, line)
}

// inForce calls f for each tag and customer about which something was decided, with what holds of it: rows come by tag
// and customer, and what counts of each pair is known when the next begins.
func (l *lister) inForce(ctx context.Context, d Deps, f func(tag, customer uint32, lines []AssignmentLine) error) error {
	var s standing
	var last *assignmentRow
	flush := func() error {
		if last == nil {
			return nil
		}
		var lines []AssignmentLine
		for _, r := range s.inForce(l.q.At) {
			if t := l.tags[r.definition]; t != nil && (r.action == Set || t.Kind == library.ByRule) {
				lines = l.add(lines, r)
			}
		}
		return f(last.definition, last.customer, lines)
	}
	err := eachRow(ctx, d.DB.Read(), l.rows, func(r *assignmentRow) error {
		if last == nil || last.definition != r.definition || last.customer != r.customer {
			if err := flush(); err != nil {
				return err
			}
			s = standing{multi: l.tags[r.definition] != nil && l.tags[r.definition].Multi}
		}
		last = r
		s.add(r)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}
