package tag

import (
	"context"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// Why says why a rule holds for a customer, or what its value rests on.
type Why struct {
	AsOf       event.Time
	Condition  bool
	Answer     event.Value // missing: no value
	InUniverse bool
	Rule       rule.Node
	Leaves     []WhyLeaf
}

// WhyLeaf is one indivisible part of the rule.
type WhyLeaf struct {
	Text   string
	Node   rule.Node   // of Text
	Holds  *bool       // nil for a value
	Value  event.Value // what was measured; missing where there is nothing
	Events []rule.ProofEvent
	More   int      // events that prove it beside these
	Notes  []string // what was decided by hand of the tags that it reads
}

// Why answers a rule for one customer, leaf by leaf, with the events that prove it.
func (d *Desk) Why(ctx context.Context, text string, customer event.ProfileID, o QueryOptions) (*Why, error) {
	q, err := ask(ctx, d.Deps, text, o, &customer)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	out := &Why{AsOf: o.Now, Condition: q.IsCondition(), Rule: q.Rule.Source.Root}
	leaves := q.Rule.Leaves()
	roots := []*rule.Expr{q.Rule.Expr}
	for _, l := range leaves {
		roots = append(roots, l.Expr)
		roots = append(roots, l.Measures()...)
	}
	notes, err := handNotes(ctx, d.Deps, q, leaves, customer, o.Now)
	if err != nil {
		return nil, err
	}
	err = q.run.One(customer, roots, func(res *rule.Result) error {
		out.InUniverse = res.Universe.Get(0)
		if out.Condition {
			out.Answer = event.Bool(res.Cond(q.Rule.Expr).Get(0))
		} else {
			out.Answer = res.Value(q.Rule.Expr, 0)
		}
		for i, l := range leaves {
			leaf := WhyLeaf{Text: l.Text, Node: leafNode(l), Notes: notes[i]}
			if l.Expr.Type == rule.Bool {
				holds := res.Holds(l.Expr, 0)
				leaf.Holds = &holds
			}
			if l.Measured != nil {
				leaf.Value = res.Measured(l.Measured, 0)
			}
			events, total := res.Proof(l.Proven(), 0, proofs)
			leaf.Events, leaf.More = events, total-len(events)
			out.Leaves = append(out.Leaves, leaf)
		}
		return nil
	})
	return out, err
}

// Eligible says for each of some customers and each condition whether it holds. Segments are asked as last computed,
// conditions at an instant, reading other tags from the index.
type Eligible struct {
	Known  []bool
	Answer [][]bool // by customer, then by question
}

// Question is a segment, or a condition.
type Question struct {
	Segment string
	When    string
}

// Eligible answers questions for customers. Faults of the questions are Invalid, all of them, placed at rules[i].
func (d *Desk) Eligible(ctx context.Context, questions []Question, customers []event.ProfileID, known []bool, now event.Time) (*Eligible, error) {
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	var faults []errs.Fault
	queries := make([]*Query, len(questions))
	defer func() {
		for _, q := range queries {
			if q != nil {
				q.Close()
			}
		}
	}()
	slots := make([]uint32, len(questions))
	for i, x := range questions {
		if x.Segment != "" {
			var err error
			if slots[i], err = slotOf(set, MembersQuery{Key: x.Segment, Segment: true}); err != nil {
				faults = append(faults, placed(err, ruleAt(i, "segment"))...)
			}
			continue
		}
		q, err := Ask(ctx, d.Deps, x.When, QueryOptions{Now: now})
		if err != nil {
			if len(errs.FaultsOf(err)) == 0 {
				return nil, err
			}
			faults = append(faults, placed(err, ruleAt(i, "when"))...)
			continue
		}
		if queries[i] = q; !q.CanBeCondition() {
			faults = append(faults, errs.Fault{Place: ruleAt(i, "when"), Message: "the rule is a value, not a condition", Hint: "compare it with something"})
		}
	}
	if err := errs.Faulty("", faults); err != nil {
		return nil, err
	}
	view := d.Index.View()
	out := &Eligible{Known: known, Answer: make([][]bool, len(customers))}
	for k, c := range customers {
		out.Answer[k] = make([]bool, len(questions))
		if !known[k] {
			continue
		}
		for i, q := range queries {
			if q == nil {
				out.Answer[k][i] = view.Present(slots[i]).Contains(uint32(c))
				continue
			}
			if err := q.run.One(c, []*rule.Expr{q.Rule.Expr}, func(res *rule.Result) error {
				if q.IsCondition() {
					out.Answer[k][i] = res.Cond(q.Rule.Expr).Get(0)
				} else if v := res.Value(q.Rule.Expr, 0); v.Kind() == event.BoolKind {
					out.Answer[k][i] = v.Bool()
				}
				return nil
			}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
