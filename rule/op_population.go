package rule

import (
	"fmt"
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
		edges := w.params[x.String()].Numbers
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
		if part.Nums == nil && !args[0].single { // a bucket more for each limit that is reached
			c.Has.Fill(w.n)
			for i := range c.Has {
				if part.Has != nil {
					c.Has[i] &= part.Has[i]
				}
				if cond != nil {
					c.Has[i] &= cond[i]
				}
			}
			for i := range c.Ints {
				c.Ints[i] = 1
			}
			for k, edge := range edges {
				if !edge.Present() {
					continue
				}
				if lo, hi := limits(greaterOrEqual, part, edge); lo <= hi {
					for i, n := range part.Ints[:w.n] {
						if n >= lo {
							c.Ints[i] = int64(k + 2)
						}
					}
				}
			}
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
			for k := len(edges) - 1; k >= 0; k-- {
				if edges[k].Present() && n.Cmp(edges[k].Number()) >= 0 {
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

// param computes the parameter of x from everybody's numbers.
func (x *Expr) param(p *population) (Param, error) {
	if p.count == 0 {
		return Param{}, nil
	}
	if x.op == opMean {
		total, ok := p.total()
		if !ok {
			return Param{}, nil
		}
		return one(total.Div(event.Int(int64(p.count)))), nil
	}
	n, err := p.ascending()
	if err != nil {
		return Param{}, err
	}
	var out Param
	switch x.op {
	case opMedian:
		out = quantile(n, p.count, event.Scaled(5, 1))
	case opQuantile:
		out = quantile(n, p.count, x.val.Number())
	default:
		out = ntileLimits(n, p.count, x.aux.(int))
	}
	return out, n.failed()
}

func one(n event.Number, ok bool) Param {
	if !ok {
		return Param{}
	}
	return Param{Numbers: []event.Value{event.Num(n)}}
}

// quantile interpolates between the order statistics around (n-1)share, exactly, then rounds as a division does.
func quantile(p ordered, count int, share event.Number) Param {
	h, ok := event.Int(int64(count - 1)).Mul(share)
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
func ntileLimits(p ordered, count, buckets int) Param {
	limits := make([]event.Value, buckets-1)
	for i := 0; i < count; {
		b, n := ntileBucket(i, count, buckets), p.at(i)
		for k := 2; k <= b; k++ {
			if !limits[k-2].Present() {
				limits[k-2] = event.Num(n)
			}
		}
		for i < count && p.at(i).Equal(n) {
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
