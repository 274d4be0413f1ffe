package rule

import (
	"cmp"
	"math"
	"math/bits"

	"tagma/event"
)

// Fused comparisons: a measure compared with a constant. Most customers of a block have no row in a selection, and
// what holds for them is known beforehand; only the customers that have rows are looked at, in one walk over
// the kept rows, and no column of measures is written in between.

// fused says how a measure is compared without being written down: f gets the customers that have kept rows, one
// after another, and says whether the comparison holds.
type fused func(w *worker, x *Expr, args []*vec, rel relation, out event.Bits)

var fusedMeasures = map[*op]fused{opCount: fusedCount, opDays: fusedDays, opSum: fusedSum, opAvg: fusedAverage, opDistinct: fusedDistinct}

// fusedOps are the comparisons of measures by measure and comparison.
var fusedOps = func() map[[2]*op]*op {
	out := map[[2]*op]*op{}
	for measure, f := range fusedMeasures {
		for like, rel := range map[*op]relation{opEq: equal, opLt: less, opLe: lessOrEqual, opGt: greater, opGe: greaterOrEqual} {
			out[[2]*op{measure, like}] = &op{name: measure.name + like.name, at: &atCustomer,
				text: func(x *Expr, arg func(int) string) string {
					return "(" + measure.text(x, arg) + " " + like.name + " " + x.val.String() + ")"
				},
				eval: func(w *worker, x *Expr, args []*vec) *vec {
					v := w.condVec(w.n, false)
					f(w, x, args, rel, v.cond)
					return v
				}}
		}
	}
	return out
}()

// owners calls f with each customer that has kept rows, and the rows, in order of time.
func (w *worker) owners(r *eventRows, sel *vec, f func(owner int, rows []int32)) {
	if r.stacked {
		w.stackOwners(r, sel, f)
		return
	}
	buf := w.rowBuf[:0]
	if sel.all {
		for c := range w.n {
			if from, to := r.start[c], r.start[c+1]; from < to {
				buf = buf[:0]
				for row := from; row < to; row++ {
					buf = append(buf, row)
				}
				f(c, buf)
			}
		}
		w.rowBuf = buf[:0]
		return
	}
	last := -1
	for wi, word := range sel.mask {
		for word != 0 {
			row := wi*64 + trailing(word)
			word &= word - 1
			if o := int(r.owner[row]); o != last {
				if last >= 0 {
					f(last, buf)
				}
				last, buf = o, buf[:0]
			}
			buf = append(buf, int32(row))
		}
	}
	if last >= 0 {
		f(last, buf)
	}
	w.rowBuf = buf[:0]
}

// stackOwners is owners for series that stand behind one another: the kept rows are brought together by counting. A
// customer's rows come series by series.
func (w *worker) stackOwners(r *eventRows, sel *vec, f func(owner int, rows []int32)) {
	start := w.rawInt32s(w.n + 1)
	clear(start)
	r.each(sel, func(row int) { start[r.owner[row]+1]++ })
	for c := range w.n {
		start[c+1] += start[c]
	}
	rows, next := w.rawInt32s(int(start[w.n])), w.rawInt32s(w.n)
	copy(next, start)
	r.each(sel, func(row int) {
		o := r.owner[row]
		rows[next[o]] = int32(row)
		next[o]++
	})
	for c := range w.n {
		if from, to := start[c], start[c+1]; from < to {
			f(c, rows[from:to])
		}
	}
}

// integerLimit turns a comparison with any number into one with an integer, for integers.
func integerLimit(rel relation, k event.Number) (relation, int64) {
	as, limit, always := threshold(rel, k, 0)
	switch always {
	case 1:
		return greaterOrEqual, math.MinInt64
	case -1:
		return less, math.MinInt64
	}
	return as, limit
}

// fusedSum compares sums in integers; where they do not fit, it writes them down.
func fusedSum(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	p := args[1].part(event.NumberKind)
	r := w.rows(x.src)
	if p == nil || p.Nums != nil || args[1].single || r.stacked {
		c, _ := w.sharedSums(x, args)
		compareNumbers(rel, c, x.val, out)
		return
	}
	lo, hi := limits(rel, p, x.val)
	inside := func(n int64) bool { return n >= lo && n <= hi }
	empty := inside(0)
	if empty {
		out.Fill(w.n)
	}
	last, sum, overflow := -1, int64(0), false
	flip := func() {
		if last >= 0 && inside(sum) != empty {
			out[last>>6] ^= 1 << (last & 63)
		}
	}
	r.each(args[0], func(row int) {
		if !p.Present(row) {
			return
		}
		if o := int(r.owner[row]); o != last {
			flip()
			last, sum = o, 0
		}
		s, ok := addInts(sum, p.Ints[row])
		if !ok && p.Ints[row] != 0 {
			overflow = true
		}
		sum = s
	})
	flip()
	if overflow {
		clear(out)
		c, _ := w.sharedSums(x, args)
		compareNumbers(rel, c, x.val, out)
	}
}

// sharedSums is sums, once for all that ask for the same.
func (w *worker) sharedSums(x *Expr, args []*vec) (*event.Column, []int64) {
	t := w.tally(func(t *tally) { t.sum, t.summand = w.sums(x, args[0], args[1]) })
	return t.sum, t.summand
}

// compareNumbers sets the elements of a number column for which the comparison holds.
func compareNumbers(rel relation, c *event.Column, k event.Value, out event.Bits) {
	if c.Nums == nil && c.Has == nil {
		lo, hi := limits(rel, c, k)
		within(c.Ints[:c.Len], lo, hi, out)
		return
	}
	for i := range c.Len {
		if c.Present(i) && rel.holds(numberAt(c, i).Cmp(k.Number())) {
			out.Set(i)
		}
	}
}

// fusedAverage compares sum with constant × count instead of dividing. An average that differs from the constant
// differs by at least 1/(count × 10^scale); where that is more than the rounding of the quotient to 18 digits can
// hide, the two comparisons are the same. Elsewhere it divides.
func fusedAverage(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	c, counts := w.sharedSums(x, args)
	k := x.val.Number()
	limit, fits := k.Coefficient(c.Scale)
	some := w.bits(w.n)
	within(counts, 1, math.MaxInt64, some)
	for wi, word := range some {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			if c.Present(i) && averageHolds(rel, c, i, counts[i], k, limit, fits) {
				out.Set(i)
			}
		}
	}
}

// averageHolds compares the average of one customer.
func averageHolds(rel relation, c *event.Column, i int, n int64, k event.Number, limit int64, fits bool) bool {
	if fits && c.Nums == nil && n <= exactCounts[min(c.Scale, maxColumnScale)] {
		if hi, lo := bits.Mul64(magnitude(limit), uint64(n)); hi == 0 && lo <= math.MaxInt64 {
			product := int64(lo)
			if limit < 0 {
				product = -product
			}
			return rel.holds(cmp.Compare(c.Ints[i], product))
		}
	}
	q, ok := numberAt(c, i).Div(event.Int(n))
	return ok && rel.holds(q.Cmp(k))
}

// exactCounts is, by scale, the largest count for which 1/(count × 10^scale) ≥ 10^-18.
var exactCounts = func() (out [maxColumnScale + 1]int64) {
	n := int64(1)
	for s := maxColumnScale; s >= 0; s-- {
		out[s] = n
		if s > 0 {
			n *= 10
		}
	}
	return
}()

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

// opDayBound: the first instant of the day that lies aux days before today; a run-level time.
var opDayBound = &op{name: "day_bound", eval: func(w *worker, x *Expr, _ []*vec) *vec {
	t := w.zone.Start(w.zone.Date(w.now) - event.Date(x.aux.(int)))
	return w.fromValues(1, true, func(int) event.Value { return event.Instant(t) })
}, text: func(x *Expr, _ func(int) string) string { return "day(-" + x.str + ")" }}

// opPickTime: the time of the first (aux 1) or last (aux -1) kept row, compared with a bound: args selection, bound.
func pickTimeOp(like *op, rel relation) *op {
	return &op{name: "when" + like.name, at: &atCustomer, text: func(x *Expr, arg func(int) string) string {
		pick := ".earliest()"
		if x.aux.(int) < 0 {
			pick = ".latest()"
		}
		return "(" + arg(0) + pick + ".time " + like.name + " " + arg(1) + ")"
	}, eval: func(w *worker, x *Expr, args []*vec) *vec {
		v := w.condVec(w.n, false)
		bound := args[1].part(event.TimeKind)
		if bound == nil || !bound.Present(0) {
			return v
		}
		lo, hi := interval(rel, bound.Ints[0])
		if r := w.rows(x.src); w.plan.asked[w.plan.tallies[w.node]] == 1 && r.inOrder() && !args[0].all && lo <= hi {
			w.outermostWithin(r, args[0], x.aux.(int), lo, hi, v.cond)
			return v
		}
		t := w.tally(func(t *tally) { w.tallyTimes(t, w.rows(x.src), args[0], x.aux.(int)) })
		t.compareTimes(lo, hi, v.cond)
		return v
	}}
}

var pickTimeOps = map[*op]*op{opEq: pickTimeOp(opEq, equal), opLt: pickTimeOp(opLt, less), opLe: pickTimeOp(opLe, lessOrEqual),
	opGt: pickTimeOp(opGt, greater), opGe: pickTimeOp(opGe, greaterOrEqual)}

// fuse returns a faster expression that means the same as a comparison of x with y, nil when there is none.
func (b *Builder) fuse(o *op, x, y *Expr) *Expr {
	k, constant := y.constant()
	if constant && x.op == opCaseValue && o == opEq {
		return b.caseIs(x.args[0], k, []event.Value{k})
	}
	if constant && k.Kind() == event.NumberKind {
		if f := fusedOps[[2]*op{x.op, o}]; f != nil {
			return b.make(Expr{Type: Bool, op: f, args: x.args, val: k, src: x.src})
		}
		if x.op == functions["days_since"].op && x.args[0].Type == Time {
			return b.daysSince(o, x.args[0], k.Number())
		}
	}
	if y.level == runLevel && y.Type == Time && x.op == opField && x.args[1].op == opEventTime && x.args[0].op == opPick {
		if place := x.args[0].aux.(int); place == 1 || place == -1 {
			return b.make(Expr{Type: Bool, op: pickTimeOps[o], args: []*Expr{x.args[0].args[0], y}, str: x.args[0].str, aux: place, src: x.src})
		}
	}
	return nil
}

// daysSince turns days_since(t) compared with k into a comparison of t with the border of a day.
func (b *Builder) daysSince(o *op, t *Expr, k event.Number) *Expr {
	days, ok := k.Int64()
	if !ok || days > 1_000_000 || days < -1_000_000 {
		return nil
	}
	bound := func(days int64) *Expr {
		return b.make(Expr{Type: Time, op: opDayBound, str: event.Int(days).Exact(), aux: int(days)})
	}
	switch o {
	case opGt:
		return b.Compare(opLt, t, bound(days))
	case opGe:
		return b.Compare(opLt, t, bound(days-1))
	case opLt:
		return b.Compare(opGe, t, bound(days-1))
	case opLe:
		return b.Compare(opGe, t, bound(days))
	}
	return b.And(b.Compare(opGe, t, bound(days)), b.Compare(opLt, t, bound(days-1)))
}
