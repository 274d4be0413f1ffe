package tag

import (
	"context"
	"slices"
	"strings"
	"sync"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/warehouse"
)

// Query is an expression asked on the spot. Close it.
type Query struct {
	Rule *rule.Rule
	// Definitions is the library that it was checked against.
	Definitions *library.Compiled

	snap warehouse.Snapshot
	run  rule.Run
	ids  []*rule.Expr // the identifiers of the kinds, those to show first in front
}

// QueryOptions say what a query is asked against.
type QueryOptions struct {
	Now event.Time
	// Recompute computes other tags at Now by today's definitions; otherwise they are read from the index.
	Recompute bool
	// IDKinds are the identifier kinds in the order in which a customer is shown by them.
	IDKinds  []string
	Progress func(rule.Progress)
}

// Ask checks an expression against the library and the history. Faults of the expression are an error of kind
// Invalid that shows each place.
func Ask(ctx context.Context, d Deps, text string, opts QueryOptions) (*Query, error) {
	return ask(ctx, d, text, opts, nil)
}

// ask is Ask, for one customer alone when it is set.
func ask(ctx context.Context, d Deps, text string, opts QueryOptions, customer *event.ProfileID) (*Query, error) {
	if err := d.CatchUp(ctx); err != nil {
		return nil, err
	}
	return d.query(ctx, opts, customer, func(q *Query) error {
		set, err := library.Load(ctx, d.DB.Read())
		if err != nil {
			return err
		}
		c, err := d.compile(ctx, set, library.CompileOptions{Names: namesOf(q.snap), Published: !opts.Recompute, Lenient: true})
		if err != nil {
			return err
		}
		return q.check(c, text, opts)
	})
}

// Ask is tag.Ask for a process that stays: it asks the history and the index as they are, and where other tags are read
// from the index it does not compile the library again for each question.
func (d *Desk) Ask(ctx context.Context, text string, opts QueryOptions) (*Query, error) {
	if opts.Recompute {
		return Ask(ctx, d.Deps, text, opts)
	}
	return d.query(ctx, opts, nil, func(q *Query) error {
		return d.WithLibrary(ctx, true, func(c *library.Compiled) error { return q.check(c, text, opts) })
	})
}

// query makes a query that check checks.
func (d Deps) query(ctx context.Context, opts QueryOptions, customer *event.ProfileID, check func(*Query) error) (*Query, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	q := &Query{snap: snap}
	if err = check(q); err == nil {
		err = q.prepare(ctx, d, opts, customer)
	}
	if err != nil {
		snap.Close()
		return nil, err
	}
	return q, nil
}

// check checks the text against a library.
func (q *Query) check(c *library.Compiled, text string, opts QueryOptions) error {
	r, faults := rule.Check(text, c.Env, rule.AnyValue)
	if len(faults) > 0 {
		return Faults(text, "", faults)
	}
	q.Rule, q.Definitions = r, c
	for _, k := range opts.IDKinds {
		if c.Names.IDs[k] {
			q.ids = append(q.ids, c.Builder.Identifiers(k))
		}
	}
	return nil
}

// prepare makes a checked query ready to be evaluated.
func (q *Query) prepare(ctx context.Context, d Deps, opts QueryOptions, customer *event.ProfileID) error {
	r := q.Rule
	q.run = rule.Run{Snapshot: q.snap, Now: opts.Now, Zone: d.Zone, Progress: opts.Progress, Scratch: d.scratch()}
	if customer != nil && rule.UsesPopulation(r.Expr) {
		customer = nil // everybody is evaluated for the parameters
	}
	if _, err := d.readBeside(ctx, &q.run, []*rule.Expr{r.Expr}, beside{set: q.Definitions.Set, idb: d.DB.Read(), customer: customer, published: !opts.Recompute}); err != nil {
		return err
	}
	return q.run.Prepare(ctx, []*rule.Expr{r.Expr})
}

// Faults turns the faults of a rule's text into an error that shows the places. where names the text, if anything.
func Faults(text, where string, faults []rule.Fault) error {
	out := make([]errs.Fault, len(faults))
	for i, f := range faults {
		out[i] = f.At(text, where)
	}
	return errs.Faulty("", out)
}

// Close lets the history go.
func (q *Query) Close() { q.snap.Close() }

// IsCondition says whether the expression holds or not, and is not a value.
func (q *Query) IsCondition() bool { return q.Rule.Expr.Condition() }

// Count returns the number of customers for whom the condition holds, or who have a value; of a value that
// is true or false, those who have true.
func (q *Query) Count(ctx context.Context) (int, error) {
	var mu sync.Mutex
	n := 0
	err := q.run.Blocks(ctx, []*rule.Expr{q.Rule.Expr}, func(res *rule.Result) error {
		k := heldBy(res, q.Rule.Expr)
		mu.Lock()
		n += k
		mu.Unlock()
		return nil
	})
	return n, err
}

// eachAnswer calls f with each customer of a block for whom a condition holds, or whose value is not false; with values,
// with everybody's value, customers without one left out.
func (q *Query) eachAnswer(res *rule.Result, values bool, f func(i int, v event.Value)) {
	x := q.Rule.Expr
	var holds event.Bits
	if q.IsCondition() {
		holds = res.Cond(x)
	}
	for i := range res.N {
		switch {
		case !res.Universe.Get(i):
		case holds == nil:
			if v := res.Value(x, i); v.Present() && (values || v.Kind() != event.BoolKind || v.Bool()) {
				f(i, v)
			}
		case values:
			f(i, event.Bool(holds.Get(i)))
		case holds.Get(i):
			f(i, event.Bool(true))
		}
	}
}

// Row is a customer's answer.
type Row struct {
	Customer event.ProfileID
	ID       string // the identifier it is shown by
	Value    event.Value
}

// Rows returns the customers for whom a condition holds; or, with values, everybody's value, customers without one
// left out (a condition is never missing). Sorted by identifier, as bytes.
func (q *Query) Rows(ctx context.Context, values bool) ([]Row, error) {
	var mu sync.Mutex
	var rows []Row
	x := q.Rule.Expr
	err := q.run.Blocks(ctx, append([]*rule.Expr{x}, q.ids...), func(res *rule.Result) error {
		var mine []Row
		q.eachAnswer(res, values, func(i int, v event.Value) {
			mine = append(mine, Row{res.First + event.ProfileID(i), shownBy(res, q.ids, i), v})
		})
		mu.Lock()
		rows = append(rows, mine...)
		mu.Unlock()
		return nil
	})
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.ID, b.ID) })
	return rows, err
}

// shownBy is the first identifier of customer i by the order of kinds.
func shownBy(res *rule.Result, ids []*rule.Expr, i int) string {
	for _, x := range ids {
		if l := res.Value(x, i).List(); len(l) > 0 {
			return l[0].Text()
		}
	}
	return ""
}

// Names returns the identifiers by which customers are shown, in their order.
func Names(ctx context.Context, d Deps, idKinds []string, customers []event.ProfileID) ([]string, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	known := namesOf(snap).IDs
	var req warehouse.Request
	for _, k := range idKinds {
		if known[k] {
			req.Series = append(req.Series, warehouse.SeriesRequest{Kind: warehouse.Identifiers, Name: k, Columns: []string{warehouse.ValueColumn}})
		}
	}
	reader, err := snap.Reader(req)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	order := make([]int, len(customers))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(int64(customers[a]) - int64(customers[b])) })
	out := make([]string, len(customers))
	var block warehouse.Block
	read := int64(-1)
	for _, i := range order {
		if n := int64(customers[i]) / warehouse.BlockSize; n != read {
			if err := reader.Blocks(uint32(n), 1, &block); err != nil {
				return nil, err
			}
			read = n
		}
		out[i] = nameIn(&block, int(customers[i]-block.First))
	}
	return out, nil
}

// nameIn is the smallest identifier of the first kind that the i-th profile of a block has.
func nameIn(b *warehouse.Block, i int) string {
	for t := range b.Tables {
		table := &b.Tables[t]
		best, found := "", false
		for row := table.Start[i]; row < table.Start[i+1]; row++ {
			for c := range table.Columns[0] {
				if col := &table.Columns[0][c]; col.Present(int(row)) {
					if v := col.Value(int(row)).Text(); !found || v < best {
						best, found = v, true
					}
				}
			}
		}
		if found {
			return best
		}
	}
	return ""
}
