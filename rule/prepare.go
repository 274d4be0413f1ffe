package rule

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"tagma/event"
)

// Prepare computes the parameters of all population functions below the roots into r.Params, pass by pass:
// a function whose arguments contain others comes after them. Parameters already present are kept when keep
// is set. It costs a reading of the history for each level of nesting.
func (r *Run) Prepare(ctx context.Context, roots []*Expr) error {
	if r.Params == nil {
		r.Params = Params{}
	}
	byDepth := map[int][]*Expr{}
	depths := map[*Expr]int{}
	deepest := 0
	seen := map[*Expr]bool{}
	for _, root := range roots {
		walk(root, seen, func(x *Expr) {
			d := 0
			for _, a := range x.args {
				d = max(d, depths[a])
			}
			if x.population() {
				d++
				byDepth[d] = append(byDepth[d], x)
				deepest = max(deepest, d)
			}
			depths[x] = d
		})
	}
	r.pass, r.passes = 0, deepest+1
	for d := 1; d <= deepest; d++ {
		if err := r.parameters(ctx, byDepth[d]); err != nil {
			return err
		}
	}
	return nil
}

// parameters computes the parameters of population functions that do not contain one another.
func (r *Run) parameters(ctx context.Context, pops []*Expr) (err error) {
	todo := pops[:0:0]
	var roots []*Expr
	for _, x := range pops {
		if _, ok := r.Params[x.String()]; !ok {
			todo = append(todo, x)
			roots = append(roots, x.args...)
		}
	}
	if len(todo) == 0 {
		r.passes--
		return nil
	}
	parts := make([][]population, runtime.GOMAXPROCS(0)) // of each goroutine
	spill := newSpill(r.Scratch, r.Memory, len(parts)*len(todo))
	defer func() { err = errors.Join(err, spill.close()) }()
	for i := range parts {
		parts[i] = make([]population, len(todo))
		for k, x := range todo {
			parts[i][k] = population{spill: spill, summed: x.op == opMean}
		}
	}
	err = r.Blocks(ctx, roots, func(res *Result) error {
		for k, x := range todo {
			who := res.Universe
			if len(x.args) > 1 {
				who = res.Cond(x.args[1])
			}
			p := &parts[res.Worker][k]
			if c := res.Column(x.args[0], event.NumberKind); c != nil {
				if p.add(c, who); p.err != nil {
					return p.err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	params, failed := make([]Param, len(todo)), make([]error, len(todo))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range parts {
		wg.Go(func() {
			for k := int(next.Add(1)) - 1; k < len(todo); k = int(next.Add(1)) - 1 {
				all := &parts[0][k]
				for _, other := range parts[1:] {
					all.join(&other[k])
				}
				params[k], failed[k] = todo[k].param(all)
				*all = population{}
			}
		})
	}
	wg.Wait()
	for k, x := range todo {
		r.Params[x.String()] = params[k]
	}
	return errors.Join(failed...)
}
