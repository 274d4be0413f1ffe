package rule

import (
	"math"

	"tagma/event"
)

// When can an answer next change without new data? Every expression is asked for a course: how long its present value
// stands, or moves evenly with the clock, for one customer or row. A course may end too early, never too late: whoever
// is woken by it asks again. Comparisons and filters ask further, for the instant at which a value crosses a border, so
// that a window of 90 days names the midnight at which enough has left it and not every midnight before.
//
// Rows that are stored with a time later than now count from their time on. Parameters of population functions,
// published values, what people decided by hand, what is kept, and the change log are held as they are.

// NextChange returns the earliest instant after the run's now at which the value that x, a root or an expression below
// one, has for customer i may differ from its value now, when no record comes in meanwhile; event.Never when the passing
// of time alone does not change it. It is never later than a real change, and may be earlier.
//
// Records with a time after now are taken into account as far as the run has read them: set Run.Ahead. Without it the
// answer is the next millisecond wherever events are looked at. Not taken into account, because it is decided outside:
// the end of a value that was pinned or is kept for a while, and whatever else changes a published value.
//
// It costs about as much as evaluating the customer alone.
func (r *Result) NextChange(x *Expr, i int) event.Time {
	if !r.Universe.Get(i) {
		return r.NextUniverse(i)
	}
	l := r.w.lookahead()
	if _, known := r.w.plan.index[x]; !known || !r.w.run.Ahead && len(r.w.plan.setList) > 0 {
		return l.soon
	}
	if x.level == rowLevel {
		return l.rowsOf(x, i)
	}
	if x.level == runLevel {
		i = 0
	}
	return l.next(x, i)
}

// NextUniverse returns the instant after now at which customer i begins to exist by the records that are stored already;
// event.Never when it exists, or no record makes it.
func (r *Result) NextUniverse(i int) event.Time {
	w := r.w
	m := w.snapshot.Profile(w.block.Profile(i))
	if !m.Known || !m.Person || m.Entity != w.run.Entity || m.Untimed || m.FirstSeen <= w.now {
		return event.Never
	}
	return m.FirstSeen
}

// course says how the value of an expression goes on: until an instant it stays as it is (slope 0), or it is a time, or a
// number of milliseconds, that moves by slope with every millisecond.
type course struct {
	slope int
	until event.Time
}

var forever = course{until: event.Never}

// lookahead answers for the block that a worker has evaluated.
type lookahead struct {
	w     *worker
	now   event.Time
	soon  event.Time // the next millisecond: what is said when nothing better is known
	back  event.Time // when clocks are set back across midnight, if that is soon
	known []knownCourse
	sets  []members
	// What holds for all customers of the run.
	lines  map[*Expr]*timeline
	leaves map[leave]event.Time
	moves  []move // scratch
	// flat is set inside a timeline: values are followed no further than their present course.
	flat bool
}

// knownCourse remembers the course asked for last at a place of the plan.
type knownCourse struct {
	epoch, element int
	course         course
}

func (w *worker) lookahead() *lookahead {
	if w.ahead == nil {
		w.ahead = &lookahead{w: w, now: w.now, soon: w.now + 1, back: w.zone.FallBack(w.now), lines: map[*Expr]*timeline{}, leaves: map[leave]event.Time{}}
		if old := w.aheadBefore; old != nil {
			w.ahead.known, w.ahead.sets = old.known, old.sets
			clear(w.ahead.known)
			clear(w.ahead.sets)
		} else {
			w.ahead.known, w.ahead.sets = make([]knownCourse, len(w.plan.order)), make([]members, len(w.plan.order))
		}
		w.aheadBefore = w.ahead
	}
	return w.ahead
}

// course is how element e of x goes on: a customer's place in the block, a row, or 0 at run level.
func (l *lookahead) course(x *Expr, e int) course {
	k, epoch := &l.known[l.w.plan.index[x]], l.w.epoch
	if x.level == runLevel {
		epoch = -1 // the same in every block
	}
	if k.epoch == epoch && k.element == e {
		return k.course
	}
	p := l.find(x, e)
	if p.until <= l.now {
		p.until = l.soon
	}
	if x.level == runLevel && x.Type == Bool && p.slope == 0 && p.until != event.Never && !l.flat && !compares(x.op) {
		p.until = l.timeline(x).changes()
	}
	*k = knownCourse{epoch, e, p}
	return p
}

// compares says that an operation has been followed to where it turns already.
func compares(o *op) bool {
	_, ok := relations[o]
	return ok || o == opIn || o == opNot
}

// next is the earliest instant at which element e of x may have another value.
func (l *lookahead) next(x *Expr, e int) event.Time {
	p := l.course(x, e)
	if p.slope != 0 {
		return l.soon
	}
	return p.until
}

// value is the present value of an element.
func (l *lookahead) value(x *Expr, e int) event.Value {
	v := l.w.res[l.w.plan.index[x]]
	if v.cases != nil {
		return x.caseValues().of(v.cases, e)
	}
	return v.value(e)
}

// holds says whether an element, as a condition, holds now.
func (l *lookahead) holds(x *Expr, e int) bool { return l.value(x, e).Bool() }

// of is the element of a that belongs to element e of x, whose argument it is.
func (l *lookahead) of(x *Expr, e int, a *Expr) int {
	switch {
	case a.level == runLevel:
		return 0
	case a.level == customerLevel && x.level == rowLevel:
		return l.owner(x, e)
	}
	return e
}

// owner is the customer that element e of x, at row level or not, is about.
func (l *lookahead) owner(x *Expr, e int) int {
	if x.level == rowLevel {
		return int(l.w.rows(x.src).owner[e])
	}
	return e
}

// below is when argument a of x may have another value for element e: for a value that is there for many rows, the first
// of them to change.
func (l *lookahead) below(x *Expr, e int, a *Expr) event.Time {
	if a.level == rowLevel && (x.level != rowLevel || a.src != x.src) {
		return l.rowsOf(a, l.owner(x, e))
	}
	return l.next(a, l.of(x, e, a))
}

// rowsOf is when any of a customer's rows may have another value of x.
func (l *lookahead) rowsOf(x *Expr, customer int) event.Time {
	until, r := event.Never, l.w.rows(x.src)
	for row := r.start[customer]; row < r.start[customer+1] && until > l.soon; row++ {
		until = min(until, l.next(x, int(row)))
	}
	return until
}

// arguments is when the first of the arguments of x may change.
func (l *lookahead) arguments(x *Expr, e int) event.Time {
	until := event.Never
	if x.parameter() {
		return until
	}
	for _, a := range x.args {
		until = min(until, l.below(x, e, a))
	}
	return until
}

// missing is how long an operation that needs all its arguments to be of a kind stays without a value because of those
// that are not: all of them have to change. false: nothing is missing.
func (l *lookahead) missing(x *Expr, e int, fits func(event.Value) bool) (until event.Time, missing bool) {
	until = l.now
	for _, a := range x.args {
		if i := l.of(x, e, a); !fits(l.value(a, i)) {
			until, missing = max(until, l.course(a, i).until), true
		}
	}
	return
}

func isNumber(v event.Value) bool { return v.Kind() == event.NumberKind }
func isTime(v event.Value) bool   { return v.Kind() == event.TimeKind && v.Time() != event.Always }

// and is when a conjunction changes: as long as it holds, its first operand to change decides; else all that do not hold
// have to change. With an or, holding and not holding change places.
func (l *lookahead) and(x *Expr, e int, or bool) event.Time {
	all, last := event.Never, event.Always
	for _, a := range x.args {
		i := l.of(x, e, a)
		until := l.next(a, i)
		if l.holds(a, i) == or {
			last = max(last, until)
		} else {
			all = min(all, until)
		}
	}
	if last != event.Always {
		return last
	}
	return all
}

// membership says whether a selection keeps a row now, and until when it does, or does not.
type membership struct {
	kept  bool
	until event.Time
}

// members are the memberships of a customer's rows, from row number first on.
type members struct {
	epoch, customer, first int
	rows                   []membership
}

// of is the membership of a row.
func (m *members) of(row int) membership { return m.rows[row-m.first] }

// members looks at each row once, however many ask.
func (l *lookahead) members(sel *Expr, customer int) *members {
	m := &l.sets[l.w.plan.index[sel]]
	if m.epoch == l.w.epoch && m.customer == customer {
		return m
	}
	r := l.w.rows(sel.src)
	m.first, m.rows = int(r.start[customer]), m.rows[:0]
	for row := r.start[customer]; row < r.start[customer+1]; row++ {
		m.rows = append(m.rows, l.member(sel, r, int(row)))
	}
	m.epoch, m.customer = l.w.epoch, customer
	return m
}

// member is a conjunction: of the filters, and of that the row's time has come.
func (l *lookahead) member(sel *Expr, r *eventRows, row int) membership {
	v := l.w.res[l.w.plan.index[sel]]
	kept := v.all || v.mask.Get(row)
	stays, stay := event.Never, event.Always
	if t := r.times[row]; t > l.now {
		stay = t
	}
	for _, a := range sel.args {
		i := row
		switch a.level {
		case runLevel:
			i = 0
		case customerLevel:
			i = int(r.owner[row])
		}
		switch {
		case kept:
			stays = min(stays, l.next(a, i))
		case stay == event.Never:
		case !l.holds(a, i):
			stay = max(stay, l.next(a, i))
		}
	}
	if kept {
		return membership{true, stays}
	}
	return membership{false, stay}
}

// later moves an instant by some milliseconds, no further than time goes.
func later(t event.Time, by int64) event.Time {
	switch {
	case t == event.Never, by > 0 && int64(t) > math.MaxInt64-by:
		return event.Never
	case by < 0 && int64(t) < math.MinInt64-by:
		return event.Always
	}
	return t + event.Time(by)
}

// lasting says that a run-level time never falls below its present value. As a lower bound of selections, earlier rows
// need not be read to look ahead.
func (w *worker) lasting(x *Expr) bool { return lasting(x, w.zone.FallBack(w.now) == event.Never) }

// lasting is that where clocks are not set back across midnight soon: even.
func lasting(x *Expr, even bool) bool {
	switch {
	case x.op == opConst, x.op == opNow:
		return true
	case x.op == functions["timestamp"].op, x.op == opDayStart:
		return x.args[0].op == opConst
	case x.op == functions["start_of"].op:
		return even && x.args[0].op == opNow
	case x.op == opWindow, x.op == opDayBound:
		return even
	case x.op == opShift:
		return x.args[1].op == functions["duration"].op && lasting(x.args[0], even)
	}
	return false
}
