package tag

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"tagma/rule"
)

// What news asks for is done plan by plan, or part by part, on all cores: the parts of plans have rows and results of their
// own, and what comes of each is put together afterwards.

// work is evaluating a plan or a part of one. No two works that are done at once have a part in common.
type work struct {
	size int // customers
	do   func(d *deciding) error
}

// worksOf is evaluating a plan, nil or not, for customers with all rows.
func worksOf(p *livePlan, run *rule.Run, who []uint32) (out []work) {
	if p == nil || len(who) == 0 {
		return nil
	}
	for _, part := range p.parts {
		out = append(out, work{len(who), func(d *deciding) error {
			return d.rows(part, run, who, part.gather.Begin(run), part.leaves, part.timed)
		}})
	}
	return out
}

// someOf is evaluating what is in doubt of a home.
func (d *deciding) someOf(at int) []work {
	x := &d.doubts[at]
	if len(x.who) == 0 {
		return nil
	}
	who := unique(x.who)
	slices.Sort(x.leaves)
	leaves := slices.Compact(x.leaves)
	return []work{{len(who), func(d *deciding) error { return d.some(d.homes[at], &d.run, who, leaves) }}}
}

// each does works, the largest first.
func (d *deciding) each(works []work) error {
	slices.SortStableFunc(works, func(a, b work) int { return cmp.Compare(b.size, a.size) })
	return d.share(len(works), func(d *deciding, at int) error { return works[at].do(d) })
}

// share calls f for each number below n, in order, on as many goroutines as there are cores, each with a deciding of its
// own, and takes in what they noted.
func (d *deciding) share(n int, f func(d *deciding, at int) error) error {
	var next atomic.Int64
	take := func(d *deciding) error {
		for {
			at := int(next.Add(1)) - 1
			if at >= n {
				return nil
			}
			if err := f(d, at); err != nil {
				return err
			}
		}
	}
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		return take(d)
	}
	each := make([]*deciding, workers)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for k := range each {
		own := *d
		own.into, own.out, own.fits, own.doubts = nil, newOutcome(), map[*liveSubject][]decision{}, make([]doubts, len(d.doubts))
		each[k] = &own
		wg.Go(func() { errs[k] = take(&own) })
	}
	wg.Wait()
	for _, own := range each {
		d.out.flips = append(d.out.flips, own.out.flips...)
		d.out.sooner = append(d.out.sooner, own.out.sooner...)
		for at := range own.doubts {
			d.doubts[at].leaves = append(d.doubts[at].leaves, own.doubts[at].leaves...)
			d.doubts[at].who = append(d.doubts[at].who, own.doubts[at].who...)
		}
		for one, list := range own.fits {
			d.fits[one] = append(d.fits[one], list...)
		}
	}
	return errors.Join(errs...)
}
