package rule

import (
	"math"

	"tagma/event"
)

// flip is the earliest instant at which the comparison of element e of x with a constant may turn, or x may come to be
// missing or of another kind. It looks beyond the present course of x where it is known how x goes on from there.
func (l *lookahead) flip(x *Expr, e int, rel relation, k event.Value) event.Time {
	p := l.course(x, e)
	if p == forever {
		return event.Never
	}
	v := l.value(x, e)
	if v.Kind() != k.Kind() {
		return p.until
	}
	if f := functions[x.op.name]; f != nil && f.op == x.op && x.level != runLevel {
		return max(p.until, l.functionFlip(x, e, rel, k))
	}
	switch x.op {
	case opBroadcast:
		return l.flip(x.args[0], l.of(x, e, x.args[0]), rel, k)
	case opTernary:
		cond, chosen := l.of(x, e, x.args[0]), x.args[2]
		if l.holds(x.args[0], cond) {
			chosen = x.args[1]
		}
		return min(l.next(x.args[0], cond), l.flip(chosen, l.of(x, e, chosen), rel, k))
	case opNeg:
		return l.flip(x.args[0], l.of(x, e, x.args[0]), rel.mirror(), event.Num(k.Number().Neg()))
	case opAdd, opSub:
		return max(l.crossed(p, v, rel, k), l.sumFlip(x, e, rel, k))
	case opCount, opDays, opSum, opDistinct:
		return l.measureFlip(x.op, x, e, rel, k)
	case opWindow:
		if !x.aux.(event.Span).Clock() {
			return l.windowFlip(x, x.aux.(event.Span), rel, k.Time())
		}
	case opDayBound:
		return l.windowFlip(x, event.Span{N: x.aux.(int) + 1, Unit: event.Day}, rel, k.Time())
	}
	if x.level == runLevel && x.Type == Time && l.passed(x, v.Time(), k.Time()) {
		return event.Never
	}
	if x.level == runLevel && x.op != opNow && !l.flat {
		return l.timeline(x).flip(rel, k)
	}
	return l.crossed(p, v, rel, k)
}

// passed says that a run-level time is past t for good.
func (l *lookahead) passed(x *Expr, now, t event.Time) bool {
	const margin = 7 * dayMillis // more than clocks set back, here and at the moved time, can make of it
	switch {
	case now <= t:
		return false
	case x.op == functions["add"].op && x.args[0].op == opNow:
		return t < later(now, -margin)
	}
	return l.w.lasting(x)
}

// crossed is when a value that goes on evenly makes a comparison with a constant turn, or its course ends.
func (l *lookahead) crossed(p course, v event.Value, rel relation, k event.Value) event.Time {
	if p.slope == 0 {
		return p.until
	}
	n, ok := whole(v)
	if !ok {
		return l.soon
	}
	lo, hi := integers(rel, k)
	return min(p.until, l.moved(n, p.slope, lo, hi))
}

// moved is when a number that moves by slope with every millisecond enters or leaves lo … hi.
func (l *lookahead) moved(n int64, slope int, lo, hi int64) event.Time {
	to, ok := int64(0), false
	if slope > 0 {
		to, ok = above(n, lo, hi)
	} else {
		to, ok = below(n, lo, hi)
	}
	switch {
	case !ok:
		return event.Never
	case slope != 1 && slope != -1:
		return l.soon
	case slope > 0 && n < 0 && to > math.MaxInt64+n, slope < 0 && n > 0 && to < math.MinInt64+n: // beyond all times
		return event.Never
	case slope > 0:
		return later(l.now, to-n)
	}
	return later(l.now, n-to)
}

// above is the first number greater than n that lies in lo … hi when n does not, or outside when n does; below the first
// one less than n.
func above(n, lo, hi int64) (int64, bool) {
	switch {
	case lo > hi || n > hi:
		return 0, false
	case n < lo:
		return lo, true
	}
	return hi + 1, hi != math.MaxInt64
}

func below(n, lo, hi int64) (int64, bool) {
	switch {
	case lo > hi || n < lo:
		return 0, false
	case n > hi:
		return hi, true
	}
	return lo - 1, lo != math.MinInt64
}

// integers turns a comparison with a constant into lo ≤ x ≤ hi for whole numbers, times, dates or truth values.
func integers(rel relation, k event.Value) (lo, hi int64) {
	c := event.Column{Kind: k.Kind()}
	return limits(rel, &c, k)
}

// sumFlip asks an addition or subtraction one of whose sides is constant for when the other one crosses.
func (l *lookahead) sumFlip(x *Expr, e int, rel relation, k event.Value) event.Time {
	a, b := x.args[0], x.args[1]
	i, j := l.of(x, e, a), l.of(x, e, b)
	switch {
	case l.course(b, j) == forever:
		c := l.value(b, j).Number()
		if x.op == opAdd {
			c = c.Neg()
		}
		if k, ok := k.Number().Add(c); ok {
			return l.flip(a, i, rel, event.Num(k))
		}
	case l.course(a, i) == forever && x.op == opAdd:
		if k, ok := k.Number().Sub(l.value(a, i).Number()); ok {
			return l.flip(b, j, rel, event.Num(k))
		}
	case l.course(a, i) == forever: // a − b rel k: b rel a − k, the other way round
		if k, ok := l.value(a, i).Number().Sub(k.Number()); ok {
			return l.flip(b, j, rel.mirror(), event.Num(k))
		}
	}
	return l.soon
}

// leave is the question when the window of a span begins after a local day.
type leave struct {
	span event.Span
	day  event.Date
}

// windowFlip is when the first instant of a window of local days ending today crosses t.
func (l *lookahead) windowFlip(x *Expr, s event.Span, rel relation, t event.Time) event.Time {
	start := l.value(x, 0).Time()
	switch rel {
	case equal:
		return min(l.windowFlip(x, s, greater, t), l.windowFlip(x, s, greaterOrEqual, t))
	case less, greaterOrEqual: // start ≥ t is start > t − 1
		t = later(t, -1)
	}
	if start > t {
		return l.back // it only goes back when the date does
	}
	if t > sane || t < -sane {
		return l.w.zone.NextDay(l.now)
	}
	// The first local day that begins after t, and the first today whose window begins with it.
	z := l.w.zone
	day := z.Date(t) + 1
	for z.Start(day) <= t {
		day++
	}
	key := leave{s, day}
	at, found := l.leaves[key]
	if !found {
		back := event.Span{N: -s.N, Unit: s.Unit}
		today := (day - 1).AddSpan(s)
		for (today - 1).AddSpan(back) >= day-1 {
			today--
		}
		for today.AddSpan(back) < day-1 {
			today++
		}
		at = z.Reach(l.now, today)
		l.leaves[key] = at
	}
	return at
}

// sane bounds instants whose local day can be told, some ten thousand years from now.
const sane = event.Time(400_000_000_000_000)
