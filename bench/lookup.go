package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"tagma/bench/rules"
	"tagma/event"
	"tagma/tagindex"
)

// lookedUp is what questions to the index cost in process.
type lookedUp struct {
	Customers, Tags int
	Counts          []float64 // seconds of counting a segment, by segment and repetition
	Customer        []float64 // seconds of all tags of one customer, means of a hundred customers each
	RowSeconds      float64   // turning the index round, once
	Columns, Rows   int       // bytes
	Assignments     int
	Values          int
}

// lookUp computes the rules on a copy of the workspace and asks the index there.
func lookUp(ctx context.Context, o options) (l lookedUp, err error) {
	if err := os.RemoveAll(o.copied()); err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.copied())) }()
	if err := cloneWorkspace(o.workspace(), o.copied()); err != nil {
		return l, err
	}
	if err := child(ctx, "apply", o, o.rules, nil); err != nil {
		return l, err
	}
	err = child(ctx, "lookup", o, o.rules, &l)
	return l, err
}

// segments is how many segments are counted.
const segments = 200

func measureLookup(ctx context.Context, o options) (l lookedUp, err error) {
	p, err := open(ctx, o.copied())
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if _, err := p.compute(ctx); err != nil {
		return l, err
	}
	rs := rules.New(o.seed)[:o.rules]
	if _, err := p.answer(ctx, rs[0].Key); err != nil { // makes the tags' numbers known
		return l, err
	}
	start := time.Now()
	if err := p.index.BuildRows(ctx); err != nil {
		return l, err
	}
	l.RowSeconds = time.Since(start).Seconds()
	view := p.index.View()
	everybody := tagindex.Range(0, uint32(o.size.Customers))
	l.Customers, l.Tags = o.size.Customers, len(rs)
	if len(rs) >= 2 {
		for _, c := range rules.SegmentConditions(rs, segments, o.seed) {
			x := p.segment(view, c)
			for range max(o.rounds, 3) {
				start := time.Now()
				x.Count(everybody)
				l.Counts = append(l.Counts, time.Since(start).Seconds())
			}
		}
	}
	const together = 100
	r := rand.New(rand.NewPCG(o.seed, 4))
	var held []tagindex.Held
	for range 2000 {
		var who [together]uint32
		for i := range who {
			who[i] = r.Uint32N(uint32(o.size.Customers))
		}
		start := time.Now()
		for _, c := range who {
			held = view.Customer(c, held[:0])
		}
		l.Customer = append(l.Customer, time.Since(start).Seconds()/together)
	}
	m := view.Memory()
	l.Columns, l.Rows, l.Assignments, l.Values = m.Columns, m.Rows, m.Assignments, m.Values
	return l, nil
}

// segment is a condition of tags in the algebra of the index.
func (p *product) segment(v *tagindex.View, c rules.Condition) *tagindex.Expr {
	all := func(cs []rules.Condition) (out []*tagindex.Expr) {
		for _, x := range cs {
			out = append(out, p.segment(v, x))
		}
		return
	}
	switch c := c.(type) {
	case rules.All:
		return tagindex.And(all(c)...)
	case rules.Any:
		return tagindex.Or(all(c)...)
	case rules.Tag:
		x := tagindex.In(v.Set(p.ids[c.Key], event.Text("是")))
		if c.Not {
			return tagindex.Not(x)
		}
		return x
	}
	return tagindex.Or() // segments are of tags alone
}
