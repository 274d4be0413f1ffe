package tag

import (
	"context"
	"runtime"

	"tagma/event"
	"tagma/rule"
)

// RuleCounts says of a rule and each of its leaves for how many customers it holds and what it costs.
type RuleCounts struct {
	AsOf      string       `json:"as_of"`
	Customers int          `json:"customers"` // the universe
	Condition bool         `json:"condition"` // it holds or not; otherwise it is a value
	Holds     int          `json:"holds"`     // for whom it holds, or who have a value
	Leaves    []LeafCounts `json:"leaves"`
	// RowsRead is how many rows of the history were read, for all leaves together.
	RowsRead int   `json:"rows_read"`
	TookMS   int64 `json:"took_ms"`
}

// LeafCounts is what RuleCounts says of one indivisible part of a rule.
type LeafCounts struct {
	Text      string `json:"text"`
	Condition bool   `json:"condition"`
	Holds     int    `json:"holds"` // for whom it holds, or who have a value
	// Rows is how many rows it looks at: the events of its selections within their fixed bounds of time, the values of its
	// traits. Several leaves may look at the same rows. What parameters across all customers cost is not in it.
	Rows int `json:"rows"`
	// Share is the leaf's part of all that the leaves look at, 0 to 1.
	Share float64 `json:"share"`
}

// CountLeaves evaluates a rule for all customers and says for how many each of its leaves holds, and what it costs. It
// takes one reading of the history, and one more for each level of population functions. Faults of the rule are an
// error of kind Invalid.
func CountLeaves(ctx context.Context, d Deps, text string, o QueryOptions) (*RuleCounts, error) {
	begun := d.Now()
	q, err := Ask(ctx, d, text, o)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	out, err := q.counts(ctx)
	if err != nil {
		return nil, err
	}
	out.AsOf, out.TookMS = d.Zone.Format(o.Now), int64(d.Now()-begun)
	return out, nil
}

// counts counts for the rule, and then for each leaf.
func (q *Query) counts(ctx context.Context) (*RuleCounts, error) {
	leaves := q.Rule.Leaves()
	roots := []*rule.Expr{q.Rule.Expr}
	for _, l := range leaves {
		roots = append(roots, l.Expr)
	}
	type tally struct {
		customers, read int
		holds, rows     []int
	}
	parts := make([]tally, runtime.GOMAXPROCS(0)) // of each goroutine
	for i := range parts {
		parts[i].holds, parts[i].rows = make([]int, len(roots)), make([]int, len(roots))
	}
	err := q.run.Blocks(ctx, roots, func(res *rule.Result) error {
		t := &parts[res.Worker]
		t.customers += res.Universe.Count()
		t.read += res.RowsRead()
		for i, x := range roots {
			t.holds[i] += heldBy(res, x)
			if i > 0 {
				t.rows[i] += res.Rows(x)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &RuleCounts{Condition: q.CanBeCondition(), Leaves: make([]LeafCounts, len(leaves))}
	all := 0
	for _, t := range parts {
		out.Customers, out.RowsRead, out.Holds = out.Customers+t.customers, out.RowsRead+t.read, out.Holds+t.holds[0]
		for i, l := range leaves {
			c := &out.Leaves[i]
			c.Text, c.Condition = l.Text, l.Expr.Type == rule.Bool
			c.Holds, c.Rows = c.Holds+t.holds[i+1], c.Rows+t.rows[i+1]
			all += t.rows[i+1]
		}
	}
	for i := range out.Leaves {
		if all > 0 {
			out.Leaves[i].Share = float64(out.Leaves[i].Rows) / float64(all)
		}
	}
	return out, nil
}

// heldBy counts the customers of a block for whom an expression holds, or who have a value of it that is not false.
func heldBy(res *rule.Result, x *rule.Expr) (n int) {
	if x.Type == rule.Bool {
		return res.Cond(x).Count()
	}
	for k := event.BoolKind; k <= event.MapKind; k++ {
		c := res.Column(x, k)
		switch {
		case c == nil:
		case k == event.BoolKind:
			for i, yes := range c.Ints {
				if yes != 0 && c.Present(i) {
					n++
				}
			}
		default:
			n += c.Has.Count()
		}
	}
	return n
}
