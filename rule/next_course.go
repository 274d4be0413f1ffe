package rule

import (
	"tagma/event"
	"tagma/warehouse"
)

// find is how element e of x goes on. Every operation is named here: one that is not, and may look at the clock in a way
// of its own, is taken to change at once.
func (l *lookahead) find(x *Expr, e int) course {
	if f := functions[x.op.name]; f != nil && f.op == x.op {
		return l.function(x, e)
	}
	if m, ok := fusedFrom[x.op]; ok {
		if m.measure == opAvg {
			return course{until: l.measure(x, e)}
		}
		return course{until: l.measureFlip(m.measure, x, e, m.rel, x.val)}
	}
	if like, ok := pickTimeFrom[x.op]; ok {
		return course{until: l.pickTime(x, e, relations[like])}
	}
	switch x.op {
	// What does not know the time: a value as it is stored, recorded, or published.
	case opConst, opIDs, opFirstSeen, opBucket, opPublished, opPast, opNothing, opProperty, opEventSource, opEventTime, opEventName,
		opMean, opMedian, opQuantile, opLine, opCell, opTableCell, opGiven:
		return forever
	// The clock itself.
	case opNow:
		return course{1, event.Never}
	case opWindow:
		if x.aux.(event.Span).Clock() {
			return course{1, event.Never}
		}
		return course{until: l.w.zone.NextDay(l.now)}
	case opDayBound:
		return course{until: l.w.zone.NextDay(l.now)}
	// What is stored with a time.
	case opTrait:
		return course{until: l.latest(warehouse.Traits, x.str, true, e)}
	case opConsent:
		return course{until: l.latest(warehouse.Consents, x.str, true, e)}
	case opSinceWhen:
		return course{until: l.latest(x.aux.(warehouse.SeriesKind), x.str, false, e)}
	case opSelect:
		until := event.Never
		for _, m := range l.members(x, e).rows {
			until = min(until, m.until)
		}
		return course{until: until}
	// Logic.
	case opAnd:
		return course{until: l.and(x, e, false)}
	case opOr:
		return course{until: l.and(x, e, true)}
	case opPresent:
		return course{until: l.course(x.args[0], l.of(x, e, x.args[0])).until}
	case opTernary:
		return l.ternary(x, e)
	case opCases:
		return course{until: l.cases(x, e)}
	case opCaseIs:
		return course{until: l.caseIs(x, e)}
	case opBands:
		return course{until: l.bands(x, e)}
	case opNtile:
		return course{until: l.ntile(x, e)}
	// Comparisons.
	case opEq, opLt, opLe, opGt, opGe:
		return course{until: l.compare(x, e, relations[x.op])}
	case opIn:
		return course{until: l.in(x, e)}
	// Rows.
	case opSince, opUntil: // time ≥ bound, time < bound: both ask whether the bound lies above the time
		return course{until: l.flip(x.args[0], l.of(x, e, x.args[0]), greater, event.Instant(l.w.rows(x.src).times[e]))}
	case opBroadcast:
		return l.course(x.args[0], l.of(x, e, x.args[0]))
	case opOfKept:
		r := l.w.rows(x.src)
		return course{until: l.members(x.args[0], int(r.owner[e])).of(int(r.of[e])).until}
	case opFollows:
		return course{until: l.follows(x, e, true)}
	case opFollowed:
		return course{until: l.follows(x, e, false)}
	// Measures of a selection.
	case opCount, opDays, opSum, opAvg, opMin, opMax, opDistinct, opValues, opTop, opStreak, opMaxGap, opPeak:
		return course{until: l.measure(x, e)}
	case opPick:
		return course{until: l.pick(x, e)}
	case opField:
		until := l.next(x.args[0], e)
		if row := l.w.res[l.w.plan.index[x.args[0]]].pick[e]; row >= 0 {
			until = min(until, l.next(x.args[1], int(row)))
		}
		return course{until: until}
	// Arithmetic.
	case opAdd, opSub, opMul, opDiv, opMod, opNeg:
		return l.arithmetic(x, e)
	case opShift, opElapsed:
		return l.times(x, e)
	case opDayStart:
		return l.course(x.args[0], l.of(x, e, x.args[0]))
	// What is a function of its arguments alone.
	case opNot, opAnyOf, opPlus, opConcat, opCaseValue, opLookup, opPinned, opKept:
		return course{until: l.arguments(x, e)}
	}
	return course{until: l.soon}
}

// relations are the comparisons by their operations.
var relations = map[*op]relation{opEq: equal, opLt: less, opLe: lessOrEqual, opGt: greater, opGe: greaterOrEqual}

// mirror is the relation with its sides changed.
func (r relation) mirror() relation {
	switch r {
	case less:
		return greater
	case lessOrEqual:
		return greaterOrEqual
	case greater:
		return less
	case greaterOrEqual:
		return lessOrEqual
	}
	return equal
}

// latest is when the value with the latest effective time ≤ now is another: the first later row that stands for its
// instant with another value. Without last, the first row with another value at all.
func (l *lookahead) latest(kind warehouse.SeriesKind, name string, last bool, customer int) event.Time {
	ti, ok := l.w.plan.tableOf(kind, name)
	if !ok {
		return event.Never
	}
	t := &l.w.block.Tables[ti]
	value := func(row int32) event.Value {
		for p := range t.Columns[0] {
			if c := &t.Columns[0][p]; c.Present(int(row)) {
				return c.Value(int(row))
			}
		}
		return event.Value{}
	}
	var now event.Value
	for row, end := t.Start[customer], t.Start[customer+1]; row < end; row++ {
		switch {
		case t.Times[row] <= l.now:
			now = value(row)
		case last && row+1 < end && t.Times[row+1] == t.Times[row]:
		case !same(value(row), now):
			return t.Times[row]
		}
	}
	return event.Never
}

func same(a, b event.Value) bool {
	return a.Present() == b.Present() && (!a.Present() || a.Equal(b))
}

func (l *lookahead) ternary(x *Expr, e int) course {
	cond := l.of(x, e, x.args[0])
	chosen := x.args[2]
	if l.holds(x.args[0], cond) {
		chosen = x.args[1]
	}
	p := l.course(chosen, l.of(x, e, chosen))
	p.until = min(p.until, l.next(x.args[0], cond))
	return p
}

// cases is when a customer falls into another case: the one it is in stops to hold, or one before it begins to.
func (l *lookahead) cases(x *Expr, e int) event.Time {
	until := event.Never
	for _, a := range x.args {
		i := l.of(x, e, a)
		until = min(until, l.next(a, i))
		if l.holds(a, i) && !x.Multi() {
			break
		}
	}
	return until
}

// caseIs is when a customer falls into one of some cases, or no longer does. To fall into one, all conditions before it
// must fail and its own must hold.
func (l *lookahead) caseIs(x *Expr, e int) event.Time {
	tag := x.args[0]
	if tag.op != opCases || tag.Multi() || l.holds(x, e) {
		return l.next(tag, e)
	}
	until, before := event.Never, event.Always
	for k, a := range tag.args {
		i := l.of(tag, e, a)
		turn, holds := l.next(a, i), l.holds(a, i)
		for _, place := range x.aux.([]int) {
			switch {
			case place != k:
			case holds:
				until = min(until, before)
			default:
				until = min(until, max(before, turn))
			}
		}
		if holds {
			before = max(before, turn)
		}
	}
	return until
}

func (l *lookahead) bands(x *Expr, e int) event.Time {
	a := x.args[0]
	i := l.of(x, e, a)
	v := l.value(a, i)
	if !isNumber(v) {
		return l.course(a, i).until
	}
	until, limits := event.Never, 0
	for _, b := range x.aux.(*bandValues).list {
		if !b.Below.Present() {
			break
		}
		until, limits = min(until, l.flip(a, i, less, b.Below)), limits+1
		if v.Number().Cmp(b.Below.Number()) < 0 {
			break
		}
	}
	if limits == 0 {
		return l.course(a, i).until
	}
	return until
}

func (l *lookahead) ntile(x *Expr, e int) event.Time {
	until := event.Never
	if len(x.args) > 1 {
		i := l.of(x, e, x.args[1])
		until = l.next(x.args[1], i)
		if !l.holds(x.args[1], i) {
			return until
		}
	}
	return min(until, l.next(x.args[0], l.of(x, e, x.args[0])))
}

// compare is when a comparison of x's two arguments turns. Until one side changes, the other has to cross its present
// value; that is so for either side, and the later of both answers holds.
func (l *lookahead) compare(x *Expr, e int, rel relation) event.Time {
	a, b := x.args[0], x.args[1]
	i, j := l.of(x, e, a), l.of(x, e, b)
	p, q := l.course(a, i), l.course(b, j)
	v, u := l.value(a, i), l.value(b, j)
	if v.Kind() != u.Kind() || !v.Present() {
		// It stays false until both could be of one kind.
		switch {
		case v.Present() == u.Present():
			return min(p.until, q.until)
		case v.Present():
			return q.until
		}
		return p.until
	}
	if p.slope != 0 && q.slope != 0 {
		until := min(p.until, q.until)
		if p.slope == q.slope {
			return until
		}
		d, ok := difference(v, u)
		if !ok {
			return l.soon
		}
		lo, hi := interval(rel, 0)
		return min(until, l.moved(d, p.slope-q.slope, lo, hi))
	}
	still := func(p course) event.Time {
		if p.slope != 0 {
			return l.soon
		}
		return p.until
	}
	return max(min(l.flip(a, i, rel, u), still(q)), min(l.flip(b, j, rel.mirror(), v), still(p)))
}

// difference is a − b of two times, or of two whole numbers.
func difference(a, b event.Value) (int64, bool) {
	p, ok1 := whole(a)
	q, ok2 := whole(b)
	if !ok1 || !ok2 || p > 1<<60 || p < -1<<60 || q > 1<<60 || q < -1<<60 {
		return 0, false
	}
	return p - q, true
}

// whole is a time, a date or a whole number as an integer.
func whole(v event.Value) (int64, bool) {
	switch v.Kind() {
	case event.TimeKind:
		return int64(v.Time()), true
	case event.DateKind:
		return int64(v.Date()), true
	case event.NumberKind:
		return v.Number().Int64()
	}
	return 0, false
}

// in is when a value enters or leaves a list of constants: it comes to equal one of them, or ceases to.
func (l *lookahead) in(x *Expr, e int) event.Time {
	a := x.args[0]
	i := l.of(x, e, a)
	set, constant := x.aux.(*constSet)
	if len(x.args) > 1 || !constant || len(set.values) > 16 || a.Type == Bool {
		return l.arguments(x, e)
	}
	if l.next(a, i) == event.Never {
		return event.Never
	}
	until, kind, other := event.Never, l.value(a, i).Kind(), false
	for _, k := range set.values {
		if k.Kind() == kind {
			until = min(until, l.flip(a, i, equal, k))
		} else {
			other = true
		}
	}
	if other || kind == event.Missing {
		until = min(until, l.course(a, i).until)
	}
	return until
}

// arithmetic is how the result of numbers goes on. Durations are numbers of milliseconds that may move.
func (l *lookahead) arithmetic(x *Expr, e int) course {
	if until, missing := l.missing(x, e, isNumber); missing {
		return course{until: until}
	}
	out, signs := forever, [2]int{1, 1}
	switch x.op {
	case opSub:
		signs[1] = -1
	case opNeg:
		signs[0] = -1
	}
	for k, a := range x.args {
		p := l.course(a, l.of(x, e, a))
		if p.slope != 0 && x.op != opAdd && x.op != opSub && x.op != opNeg {
			return course{until: l.soon}
		}
		out.slope += p.slope * signs[k]
		out.until = min(out.until, p.until)
	}
	if out.slope != 0 && !l.value(x, e).Present() {
		return course{until: l.soon}
	}
	return out
}

// times is how a time moved by a duration, or the duration between two times, goes on.
func (l *lookahead) times(x *Expr, e int) course {
	a, b := x.args[0], x.args[1]
	i, j := l.of(x, e, a), l.of(x, e, b)
	fits := isTime
	if x.op == opShift {
		fits = func(v event.Value) bool { return v.Kind() == event.TimeKind || v.Kind() == event.NumberKind }
	}
	if until, missing := l.missing(x, e, fits); missing {
		return course{until: until}
	}
	p, q := l.course(a, i), l.course(b, j)
	if x.op == opElapsed || x.str == "-" {
		q.slope = -q.slope
	}
	if p.slope+q.slope != 0 && !l.value(x, e).Present() {
		return course{until: l.soon}
	}
	return course{p.slope + q.slope, min(p.until, q.until)}
}

// follows is when a row comes to follow a kept row of the other selection, or to be followed by one, or no longer does.
// One row that fits is enough: while there are some, all must go; else one must come.
func (l *lookahead) follows(x *Expr, e int, forward bool) event.Time {
	sel, q := x.args[0], x.aux.(*sequence)
	own, other := l.w.rows(x.src), l.w.rows(sel.src)
	customer := int(own.owner[e])
	m := l.members(sel, customer)
	if len(m.rows)*int(own.start[customer+1]-own.start[customer]) > manyPairs {
		return l.next(sel, customer)
	}
	gone, come := event.Always, event.Never
	t, n := own.times[e], len(q.same)
	for i, was := range m.rows {
		row := m.first + i
		from, to := other.times[row], t
		if !forward {
			from, to = to, from
		}
		switch {
		case from >= to || !l.w.within(q.within, from, to) || !l.alike(x.args[1:1+n], e, x.args[1+n:], row):
		case was.kept:
			gone = max(gone, was.until)
		default:
			come = min(come, was.until)
		}
	}
	if gone != event.Always {
		return gone
	}
	return come
}

// manyPairs is how many pairs of rows of a customer are looked at one by one. Beyond, any change of the other selection
// counts.
const manyPairs = 1 << 18

// alike says whether two rows have the same present properties.
func (l *lookahead) alike(own []*Expr, e int, other []*Expr, row int) bool {
	for k := range own {
		a, b := l.value(own[k], e), l.value(other[k], row)
		if !a.Present() || !a.Equal(b) {
			return false
		}
	}
	return true
}
