package tag

import (
	"context"

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
