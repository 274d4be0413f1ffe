package rule

import (
	"fmt"
	"slices"
	"sort"
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
		return w.fromValues(w.n, false, func(i int) event.Value {
			v := args[0].value(i)
			if v.Kind() != event.NumberKind || cond != nil && !cond.Get(i) {
				return event.Value{}
			}
			bucket := 1
			for k, l := range limits {
				if l.Present() && v.Number().Cmp(l.Number()) >= 0 {
					bucket = k + 2
				}
			}
			return event.Num(event.Int(int64(bucket)))
		})
	}}
)

// population says whether x is a population function, whose parameters must be known before it is evaluated.
func (x *Expr) population() bool {
	return x.op == opMean || x.op == opMedian || x.op == opQuantile || x.op == opNtile
}

// parameter says whether x is a population function whose result is the same for everybody: in the pass that
// decides it is a constant, and its arguments are not evaluated.
func (x *Expr) parameter() bool { return x.population() && x.level == runLevel }

// param computes the parameter of x from everybody's numbers; it sorts them.
func (x *Expr) param(nums []event.Number) Param {
	if len(nums) == 0 {
		return Param{}
	}
	switch x.op {
	case opMean:
		total := event.Int(0)
		for _, n := range nums {
			s, ok := total.Add(n)
			if !ok {
				return Param{}
			}
			total = s
		}
		return one(total.Div(event.Int(int64(len(nums)))))
	case opMedian:
		return quantile(sorted(nums), event.Scaled(5, 1))
	case opQuantile:
		return quantile(sorted(nums), x.val.Number())
	}
	return ntileLimits(sorted(nums), x.aux.(int))
}

func one(n event.Number, ok bool) Param {
	if !ok {
		return Param{}
	}
	return Param{Numbers: []event.Value{event.Num(n)}}
}

func sorted(nums []event.Number) []event.Number {
	slices.SortFunc(nums, event.Number.Cmp)
	return nums
}

// quantile interpolates between the order statistics around (n-1)p, exactly, then rounds as a division does.
func quantile(nums []event.Number, p event.Number) Param {
	h, ok := event.Int(int64(len(nums) - 1)).Mul(p)
	if !ok {
		return Param{}
	}
	lo, _ := h.Floor().Int64()
	frac, _ := h.Sub(h.Floor())
	a := nums[lo]
	if frac.Sign() == 0 {
		return one(a.Div(event.Int(1)))
	}
	step, ok1 := nums[lo+1].Sub(a)
	part, ok2 := step.Mul(frac)
	sum, ok3 := a.Add(part)
	if !ok1 || !ok2 || !ok3 {
		return Param{}
	}
	return one(sum.Div(event.Int(1)))
}

// ntileLimits gives the smallest number of each bucket from 2 on: SQL's NTILE by position, then all equal
// numbers take the lowest bucket that any of them has.
func ntileLimits(nums []event.Number, buckets int) Param {
	limits := make([]event.Value, buckets-1)
	for i := 0; i < len(nums); {
		b := ntileBucket(i, len(nums), buckets)
		for k := 2; k <= b; k++ {
			if !limits[k-2].Present() {
				limits[k-2] = event.Num(nums[i])
			}
		}
		j := i
		for j < len(nums) && nums[j].Equal(nums[i]) {
			j++
		}
		i = j
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
	keys := sortedKeys(p)
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%s = %v\n", k, p[k].Numbers)
	}
	return b.String()
}

// UsesPopulation says whether a population function is anywhere below x.
func UsesPopulation(x *Expr) (found bool) {
	walk(x, map[*Expr]bool{}, func(e *Expr) { found = found || e.population() })
	return
}
