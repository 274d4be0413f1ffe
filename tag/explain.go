package tag

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
)

// Explanation says why a rule holds for a customer, or what its value rests on.
type Explanation struct {
	AsOf       string        `json:"as_of"`
	Answer     string        `json:"answer"`
	InUniverse bool          `json:"in_universe"`
	Leaves     []ExplainLeaf `json:"leaves"`
}

// ExplainLeaf is one indivisible part of the rule.
type ExplainLeaf struct {
	Text  string `json:"text"`
	Holds string `json:"holds,omitempty"` // true, false; empty for a value
	Value string `json:"value,omitempty"` // what was measured; texts in quotes
	// Against is what it was compared with, when that was measured, too.
	Against string `json:"against,omitempty"`
	// Events are time, name and properties, each name=value, with what would not be one word in quotes; see Word.
	Events []string `json:"events,omitempty"`
	More   int      `json:"more_events,omitempty"`
	// Notes tell which of the tags that it reads were decided by hand, by whom and why.
	Notes []string `json:"notes,omitempty"`
}

// proofs is how many events are shown for each leaf.
const proofs = 5

// Explain answers a rule for one customer, leaf by leaf, with the events that prove it.
func Explain(ctx context.Context, d Deps, text string, customer event.ProfileID, o QueryOptions) (*Explanation, error) {
	q, err := ask(ctx, d, text, o, &customer)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	out := &Explanation{AsOf: d.Zone.Format(o.Now)}
	leaves := q.Rule.Leaves()
	roots := []*rule.Expr{q.Rule.Expr}
	for _, l := range leaves {
		roots = append(roots, l.Expr)
		roots = append(roots, l.Measures()...)
	}
	notes, err := handNotes(ctx, d, q, leaves, customer, o.Now)
	if err != nil {
		return nil, err
	}
	err = q.run.One(customer, roots, func(res *rule.Result) error {
		out.InUniverse = res.Universe.Get(0)
		out.Answer = answer(d.Zone, q, res)
		for i, l := range leaves {
			leaf := explainLeaf(d.Zone, res, l)
			leaf.Notes = notes[i]
			out.Leaves = append(out.Leaves, leaf)
		}
		return nil
	})
	return out, err
}

// handNotes tells, leaf by leaf, what was decided by hand of the tags that it reads.
func handNotes(ctx context.Context, d Deps, q *Query, leaves []rule.Leaf, customer event.ProfileID, at event.Time) ([][]string, error) {
	out := make([][]string, len(leaves))
	byKey := map[string][]AssignmentLine{}
	for i, l := range leaves {
		keys, _, _ := l.Expr.Held()
		keys = append(keys, l.Expr.Published()...)
		if len(keys) > 0 && len(byKey) == 0 {
			lines, err := assignmentsOf(ctx, d, q.Definitions.Set, AssignmentsQuery{Customer: &customer, At: at})
			if err != nil {
				return nil, err
			}
			for _, line := range lines {
				key := library.PublishedTag(line.Tag)
				byKey[key] = append(byKey[key], line)
			}
		}
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			for _, line := range byKey[key] {
				out[i] = append(out[i], line.Text())
			}
		}
	}
	return out, nil
}

// measured writes a value so that a text is not taken for a number, nor an empty one for nothing.
func measured(z *event.Zone, res *rule.Result, x *rule.Expr) string {
	switch v := res.Measured(x, 0); {
	case !v.Present():
		return "missing"
	case v.Kind() == event.TextKind:
		return v.String()
	default:
		return v.Format(z)
	}
}

func answer(z *event.Zone, q *Query, res *rule.Result) string {
	x := q.Rule.Expr
	if q.IsCondition() {
		return strconv.FormatBool(res.Cond(x).Get(0))
	}
	if v := res.Value(x, 0); v.Present() {
		return v.Format(z)
	}
	return "no value"
}

func explainLeaf(z *event.Zone, res *rule.Result, l rule.Leaf) ExplainLeaf {
	out := ExplainLeaf{Text: l.Text}
	if l.Expr.Type == rule.Bool {
		out.Holds = strconv.FormatBool(res.Holds(l.Expr, 0))
	}
	if l.Measured != nil {
		out.Value = measured(z, res, l.Measured)
	}
	if l.Against != nil {
		out.Against = measured(z, res, l.Against)
	}
	events, total := res.Proof(l.Proven(), 0, proofs)
	for _, e := range events {
		line := z.Format(e.Time) + " " + Word(e.Name)
		var props []string
		for _, p := range e.Props {
			props = append(props, Word(p.Name)+"="+Word(p.Value.Format(z)))
		}
		if len(props) > 0 {
			line += " " + strings.Join(props, " ")
		}
		out.Events = append(out.Events, line)
	}
	out.More = total - len(events)
	return out
}

// Word writes a text so that it is one word of a line: as it is, or in quotes, with tabs as \t, line breaks as \n and
// quotes as \", where it is empty or holds blanks, quotes, =, backslashes or what cannot be seen.
func Word(text string) string {
	plain := func(r rune) bool { return unicode.IsPrint(r) && !strings.ContainsRune(" \"=\\", r) }
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return strconv.Quote(text)
}

// CanBeCondition says whether the customers for whom the expression holds can be listed: a condition, or a value
// that may be true.
func (q *Query) CanBeCondition() bool {
	x := q.Rule.Expr
	return x.Type == rule.Bool || x.Type == rule.Any && (x.Kind() == event.BoolKind || x.Kind() == event.Missing)
}

// Uncomputed lists the tags and segments that the expression reads from the index and that were never computed.
func (q *Query) Uncomputed(ctx context.Context, d Deps) (out []string) {
	for _, key := range q.Rule.Expr.Published() {
		kind, name, _ := strings.Cut(key, ":")
		id, ok := uint32(0), false
		if kind == "segment" {
			if s, found := q.Definitions.Set.Segment(name); found {
				id, ok = s.ID, true
			}
		} else if t, found := q.Definitions.Set.Tag(name); found {
			id, ok = t.ID, t.Kind == library.ByRule
		}
		if _, computed, err := LastRun(ctx, d, id); ok && err == nil && !computed {
			out = append(out, kind+" "+name)
		}
	}
	return out
}

// ErrNobody is the error for a customer that is not known.
func ErrNobody(id string) error {
	return errs.New(errs.NotFound, "there is no customer %s: write kind:value, as in user_id:17850", id)
}
