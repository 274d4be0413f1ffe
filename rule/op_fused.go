package rule

import (
	"cmp"
	"math"
	"math/bits"

	"tagma/event"
)

// Fused comparisons: a measure compared with a constant. Most customers of a block have no row in a selection, and
// what holds for them is known beforehand; only the customers that have rows are looked at, in one walk over
// the kept rows, and no column of 256 measures is written in between.

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

// decide fills out with what holds for a measure of 0, which is what a customer without rows has, and then sets
// the customers that have rows, by their integer measures.
func decide(rel relation, limit int64, n int, out event.Bits, measures func(set func(owner int, measure int64))) {
	empty := rel.holds(cmp.Compare(0, limit))
	if empty {
		out.Fill(n)
	}
	measures(func(owner int, measure int64) {
		if holds := rel.holds(cmp.Compare(measure, limit)); holds != empty {
			out[owner>>6] ^= 1 << (owner & 63)
		}
	})
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

func fusedCount(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	r, sel := w.rows(x.src), args[0]
	rel, limit := integerLimit(rel, x.val.Number())
	if sel.all {
		decide(rel, limit, w.n, out, func(set func(int, int64)) {
			for c := range w.n {
				if n := r.start[c+1] - r.start[c]; n > 0 {
					set(c, int64(n))
				}
			}
		})
		return
	}
	empty := rel.holds(cmp.Compare(0, limit))
	if empty {
		out.Fill(w.n)
	}
	last, n := -1, int64(0)
	flip := func() {
		if rel.holds(cmp.Compare(n, limit)) != empty {
			out[last>>6] ^= 1 << (last & 63)
		}
	}
	owner := r.owner
	for wi, word := range sel.mask {
		for word != 0 {
			o := int(owner[wi*64+trailing(word)])
			word &= word - 1
			if o == last {
				n++
				continue
			}
			if last >= 0 {
				flip()
			}
			last, n = o, 1
		}
	}
	if last >= 0 {
		flip()
	}
}

func fusedDays(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	rel, limit := integerLimit(rel, x.val.Number())
	decide(rel, limit, w.n, out, func(set func(int, int64)) { w.eachDays(x, args[0], set) })
}

func fusedDistinct(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	rel, limit := integerLimit(rel, x.val.Number())
	val := args[1]
	if len(val.parts) != 1 || val.single || val.isCond {
		c, _ := w.distinct(x, args)
		for i, n := range c {
			if rel.holds(cmp.Compare(n, limit)) {
				out.Set(i)
			}
		}
		return
	}
	decide(rel, limit, w.n, out, func(set func(int, int64)) {
		w.eachDistinct(x, args[0], &val.parts[0], false, set)
	})
}

// fusedSum compares sums in integers; where they do not fit, it writes them down.
func fusedSum(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	p := args[1].part(event.NumberKind)
	if p == nil || p.Nums != nil || args[1].single {
		c, _ := w.sums(x, args[0], args[1])
		compareNumbers(rel, c, x.val.Number(), out)
		return
	}
	lo, hi := limits(rel, p, x.val)
	inside := func(n int64) bool { return n >= lo && n <= hi }
	empty := inside(0)
	if empty {
		out.Fill(w.n)
	}
	r := w.rows(x.src)
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
		c, _ := w.sums(x, args[0], args[1])
		compareNumbers(rel, c, x.val.Number(), out)
	}
}

// compareNumbers sets the elements of a number column for which the comparison holds.
func compareNumbers(rel relation, c *event.Column, k event.Number, out event.Bits) {
	for i := range c.Len {
		if c.Present(i) && rel.holds(numberAt(c, i).Cmp(k)) {
			out.Set(i)
		}
	}
}

// fusedAverage compares sum with constant × count instead of dividing. An average that differs from the constant
// differs by at least 1/(count × 10^scale); where that is more than the rounding of the quotient to 18 digits can
// hide, the two comparisons are the same. Elsewhere it divides.
func fusedAverage(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	c, counts := w.sums(x, args[0], args[1])
	k := x.val.Number()
	limit, fits := k.Coefficient(c.Scale)
	for i, n := range counts {
		if n == 0 || !c.Present(i) {
			continue
		}
		if fits && c.Nums == nil && n <= exactCounts[min(c.Scale, maxColumnScale)] {
			if hi, lo := bits.Mul64(magnitude(limit), uint64(n)); hi == 0 && lo <= math.MaxInt64 {
				product := int64(lo)
				if limit < 0 {
					product = -product
				}
				if rel.holds(cmp.Compare(c.Ints[i], product)) {
					out.Set(i)
				}
				continue
			}
		}
		if q, ok := numberAt(c, i).Div(event.Int(n)); ok && rel.holds(q.Cmp(k)) {
			out.Set(i)
		}
	}
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
		r := w.rows(x.src)
		owner, best := -1, int64(0)
		check := func() {
			if owner >= 0 && best >= lo && best <= hi {
				v.cond.Set(owner)
			}
		}
		latest := x.aux.(int) < 0
		if args[0].all && r.inOrder() { // the first or last of each customer's rows
			for c := range w.n {
				from, to := r.start[c], r.start[c+1]
				if from == to {
					continue
				}
				if latest {
					from = to - 1
				}
				if t := int64(r.times[from]); t >= lo && t <= hi {
					v.cond.Set(c)
				}
			}
			return v
		}
		r.each(args[0], func(row int) {
			t := int64(r.times[row])
			switch o := int(r.owner[row]); {
			case o != owner:
				check()
				owner, best = o, t
			case latest && t > best || !latest && t < best:
				best = t
			}
		})
		check()
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
