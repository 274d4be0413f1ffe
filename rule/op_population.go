package rule

import (
	"fmt"
	"slices"
	"strings"

	"tagma/event"
)

// Population functions look across all customers. Their results are parameters: computed in a pass of their
// own, recorded with the run, and constants in the pass that decides.
//
// mean, median and quantile give one number (quantile is type 7 of Hyndman and Fan 1996, linear interpolation
// between the order statistics around (n-1)p); ntile gives the limits of its buckets.

// Param is a recorded parameter: of mean, median and quantile one number, missing when nobody has a value; of
// ntile the smallest number of bucket 2, 3, … n (a missing limit: the bucket is empty and so are those above).
type Param struct {
	Numbers []event.Value
}

// Params are the parameters of a run by the canonical text of their expression.
type Params map[string]Param

// args of a population op: x, and the condition if given.
func popText(name string) func(x *Expr, arg func(int) string) string {
	return func(x *Expr, arg func(int) string) string {
		parts := []string{arg(0)}
		if x.str != "" {
			parts = append(parts, x.str)
		}
		if len(x.args) > 1 {
			parts = append(parts, arg(1))
		}
		return name + "(" + strings.Join(parts, ", ") + ")"
	}
}

func evalParam(w *worker, x *Expr, _ []*vec) *vec {
	return w.fromValues(1, true, func(int) event.Value {
		if p := w.params[x.String()]; len(p.Numbers) > 0 {
			return p.Numbers[0]
		}
		return event.Value{}
	})
}

var (
	opMean     = &op{name: "mean", eval: evalParam, text: popText("mean"), at: &atRun}
	opMedian   = &op{name: "median", eval: evalParam, text: popText("median"), at: &atRun}
	opQuantile = &op{name: "quantile", eval: evalParam, text: popText("quantile"), at: &atRun}
	opNtile    = &op{name: "ntile", at: &atCustomer, text: popText("ntile"), eval: func(w *worker, x *Expr, args []*vec) *vec {
		limits := w.params[x.String()].Numbers
		var cond event.Bits
		if len(args) > 1 {
			cond = w.truthOf(args[1], w.n)
		}
		c := w.column(event.NumberKind, w.n)
		c.Ints, c.Has = w.int64s(w.n), w.bits(w.n)
		part := args[0].part(event.NumberKind)
		if part == nil {
			return w.oneCol(w.n, false, c)
		}
		for i := 0; i < w.n; i++ {
			j := args[0].idx(i)
			if !part.Present(j) || cond != nil && !cond.Get(i) {
				continue
			}
			c.Has.Set(i)
			c.Ints[i] = 1
			n := numberAt(part, j)
			for k := len(limits) - 1; k >= 0; k-- {
				if limits[k].Present() && n.Cmp(limits[k].Number()) >= 0 {
					c.Ints[i] = int64(k + 2)
					break
				}
			}
		}
		return w.oneCol(w.n, false, c)
	}}
)

// population says whether x is a population function, whose parameters must be known before it is evaluated.
func (x *Expr) population() bool {
	return x.op == opMean || x.op == opMedian || x.op == opQuantile || x.op == opNtile
}

// parameter says whether x is a population function whose result is the same for everybody: in the pass that
// decides it is a constant, and its arguments are not evaluated.
func (x *Expr) parameter() bool { return x.population() && x.level == runLevel }

// population is everybody's numbers: coefficients at one scale while they fit, which is nearly always.
type population struct {
	ints  []int64
	scale int
	nums  []event.Number
}

// add takes in the elements of a number column that are in who.
func (p *population) add(c *event.Column, who event.Bits) {
	plain := c.Nums == nil && len(p.nums) == 0 && (len(p.ints) == 0 || c.Scale == p.scale)
	if !plain {
		p.spell()
	} else {
		p.scale = c.Scale
	}
	for wi, word := range who {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			switch {
			case !c.Present(i):
			case plain:
				p.ints = append(p.ints, c.Ints[i])
			default:
				p.nums = append(p.nums, numberAt(c, i))
			}
		}
	}
}

// spell writes the coefficients as numbers.
func (p *population) spell() {
	for _, c := range p.ints {
		p.nums = append(p.nums, event.Scaled(c, p.scale))
	}
	p.ints = nil
}

// join takes in another part of the population.
func (p *population) join(q *population) {
	if len(p.nums) == 0 && len(q.nums) == 0 && (len(p.ints) == 0 || len(q.ints) == 0 || p.scale == q.scale) {
		if len(q.ints) > 0 {
			p.scale = q.scale
		}
		p.ints = append(p.ints, q.ints...)
		return
	}
	p.spell()
	q.spell()
	p.nums = append(p.nums, q.nums...)
}

func (p *population) len() int { return len(p.ints) + len(p.nums) }

func (p *population) at(i int) event.Number {
	if len(p.nums) > 0 {
		return p.nums[i]
	}
	return event.Scaled(p.ints[i], p.scale)
}

func (p *population) sort() {
	slices.Sort(p.ints)
	slices.SortFunc(p.nums, event.Number.Cmp)
}

// sum adds everybody's numbers up; false on overflow.
func (p *population) sum() (event.Number, bool) {
	total, part := event.Int(0), int64(0)
	ok := true
	flush := func() {
		var fits bool
		total, fits = total.Add(event.Scaled(part, p.scale))
		ok, part = ok && fits, 0
	}
	for _, c := range p.ints {
		s, fits := addInts(part, c)
		if !fits && c != 0 {
			flush()
			s = c
		}
		part = s
	}
	flush()
	for _, n := range p.nums {
		var fits bool
		total, fits = total.Add(n)
		ok = ok && fits
	}
	return total, ok
}

// param computes the parameter of x from everybody's numbers; it sorts them.
func (x *Expr) param(p *population) Param {
	if p.len() == 0 {
		return Param{}
	}
	if x.op == opMean {
		total, ok := p.sum()
		if !ok {
			return Param{}
		}
		return one(total.Div(event.Int(int64(p.len()))))
	}
	p.sort()
	switch x.op {
	case opMedian:
		return p.quantile(event.Scaled(5, 1))
	case opQuantile:
		return p.quantile(x.val.Number())
	}
	return p.ntileLimits(x.aux.(int))
}

func one(n event.Number, ok bool) Param {
	if !ok {
		return Param{}
	}
	return Param{Numbers: []event.Value{event.Num(n)}}
}

// quantile interpolates between the order statistics around (n-1)share, exactly, then rounds as a division does.
func (p *population) quantile(share event.Number) Param {
	h, ok := event.Int(int64(p.len() - 1)).Mul(share)
	if !ok {
		return Param{}
	}
	lo, _ := h.Floor().Int64()
	frac, _ := h.Sub(h.Floor())
	a := p.at(int(lo))
	if frac.Sign() == 0 {
		return one(a.Div(event.Int(1)))
	}
	step, ok1 := p.at(int(lo) + 1).Sub(a)
	part, ok2 := step.Mul(frac)
	sum, ok3 := a.Add(part)
	if !ok1 || !ok2 || !ok3 {
		return Param{}
	}
	return one(sum.Div(event.Int(1)))
}

// ntileLimits gives the smallest number of each bucket from 2 on: SQL's NTILE by position, then all equal
// numbers take the lowest bucket that any of them has.
func (p *population) ntileLimits(buckets int) Param {
	limits := make([]event.Value, buckets-1)
	for i := 0; i < p.len(); {
		b, n := ntileBucket(i, p.len(), buckets), p.at(i)
		for k := 2; k <= b; k++ {
			if !limits[k-2].Present() {
				limits[k-2] = event.Num(n)
			}
		}
		for i < p.len() && p.at(i).Equal(n) {
			i++
		}
	}
	return Param{Numbers: limits}
}

// ntileBucket is the bucket of position i of n: the first n mod k buckets have one more.
func ntileBucket(i, n, k int) int {
	size, extra := n/k, n%k
	if big := extra * (size + 1); i < big {
		return i/(size+1) + 1
	} else if size > 0 {
		return (i-big)/size + extra + 1
	}
	return i + 1
}

// String writes the parameters as "mean(…) = 12.5" lines, for reports.
func (p Params) String() string {
	var b strings.Builder
	for _, k := range sortedKeys(p) {
		fmt.Fprintf(&b, "%s = %v\n", k, p[k].Numbers)
	}
	return b.String()
}

// UsesPopulation says whether a population function is anywhere below x.
func UsesPopulation(x *Expr) (found bool) {
	walk(x, map[*Expr]bool{}, func(e *Expr) { found = found || e.population() })
	return
}
