package tag

import (
	"context"
	"strconv"
	"strings"

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
	Text   string   `json:"text"`
	Holds  string   `json:"holds,omitempty"` // true, false; empty for a value
	Value  string   `json:"value,omitempty"` // what was measured
	Events []string `json:"events,omitempty"`
	More   int      `json:"more_events,omitempty"`
}

// proofs is how many events are shown for each leaf.
const proofs = 5

// Explain answers a rule for one customer, leaf by leaf, with the events that prove it.
func Explain(ctx context.Context, d Deps, text string, customer event.ProfileID, o QueryOptions) (*Explanation, error) {
	q, err := Ask(ctx, d, text, o)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	out := &Explanation{AsOf: d.Zone.Format(o.Now)}
	leaves := q.Rule.Leaves()
	roots := []*rule.Expr{q.Rule.Expr}
	for _, l := range leaves {
		roots = append(roots, l.Expr)
		if l.Measured != nil {
			roots = append(roots, l.Measured)
		}
	}
	err = q.run.One(customer, roots, func(res *rule.Result) error {
		out.InUniverse = res.Universe.Get(0)
		out.Answer = answer(d.Zone, q, res)
		for _, l := range leaves {
			out.Leaves = append(out.Leaves, explainLeaf(d.Zone, res, l))
		}
		return nil
	})
	return out, err
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
		if v := res.Measured(l.Measured, 0); v.Present() {
			out.Value = v.Format(z)
		} else {
			out.Value = "missing"
		}
	}
	events, total := res.Proof(l.Expr, 0, proofs)
	for _, e := range events {
		line := z.Format(e.Time) + " " + e.Name
		var props []string
		for _, p := range e.Props {
			props = append(props, p.Name+"="+p.Value.Format(z))
		}
		if len(props) > 0 {
			line += " " + strings.Join(props, " ")
		}
		out.Events = append(out.Events, line)
	}
	out.More = total - len(events)
	return out
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
