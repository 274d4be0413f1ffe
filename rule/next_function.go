package rule

import (
	"time"

	"tagma/event"
)

// function is how the value of a function of the language goes on. It is missing as long as an argument is.
func (l *lookahead) function(x *Expr, e int) course {
	if until, missing := l.missing(x, e, event.Value.Present); missing && len(x.args) > 0 {
		return course{until: until}
	}
	z := l.w.zone
	switch x.op.name {
	case "days_since", "days_until", "days_to_anniversary":
		return course{until: min(z.NextDay(l.now), l.turn(x, e, 0, z.NextDay))}
	case "age":
		until := l.turn(x, e, 0, z.NextDay)
		if d, ok := dateOf(l.w, l.value(x.args[0], l.of(x, e, x.args[0]))); ok {
			if years, ok := whole(l.value(x, e)); ok {
				until = min(until, l.reach(birthday(d, years+1)))
			}
		}
		return course{until: until}
	case "days_between":
		return course{until: min(l.turn(x, e, 0, z.NextDay), l.turn(x, e, 1, z.NextDay))}
	case "date", "weekday", "day":
		return course{until: l.turn(x, e, 0, z.NextDay)}
	case "month":
		return course{until: l.turn(x, e, 0, l.nextOf(event.Month))}
	case "year":
		return course{until: l.turn(x, e, 0, l.nextOf(event.Year))}
	case "start_of":
		return course{until: l.turn(x, e, 0, l.nextOf(x.aux.(event.Unit)))}
	case "hour":
		return course{until: l.turn(x, e, 0, l.nextClock(time.Hour))}
	case "format":
		return course{until: l.turn(x, e, 0, l.nextFormat(x.aux.(pattern)))}
	case "add":
		return l.added(x, e)
	case "timestamp", "duration", "round", "abs", "floor", "min", "max", "pow", "log", "exp", "contains", "startsWith", "endsWith", "matches",
		"lower", "upper", "trim", "replace", "split", "size", "string", "number": // of their arguments alone
		return course{until: l.arguments(x, e)}
	}
	return course{until: l.soon}
}

// turn is when what is made of the local time that argument k says may change: next gives the end of a unit after an
// instant. Dates and times that stand still do so until they change.
func (l *lookahead) turn(x *Expr, e, k int, next func(event.Time) event.Time) event.Time {
	a := x.args[k]
	i := l.of(x, e, a)
	p := l.course(a, i)
	if p.slope == 0 {
		return p.until
	}
	v := l.value(a, i)
	if p.slope != 1 || !isTime(v) || v.Time() > sane || v.Time() < -sane {
		return l.soon
	}
	end := next(v.Time())
	if end == event.Never {
		return p.until
	}
	return min(p.until, later(l.now, int64(end-v.Time())))
}

// nextOf gives the instant at which a calendar unit ends.
func (l *lookahead) nextOf(u event.Unit) func(event.Time) event.Time {
	return func(t event.Time) event.Time {
		z := l.w.zone
		d := event.StartOf(z.Date(t), u)
		switch u {
		case event.Day:
			d++
		case event.Week:
			d += 7
		case event.Month:
			d = d.AddMonths(1)
		case event.Quarter:
			d = d.AddMonths(3)
		default:
			d = d.AddMonths(12)
		}
		return min(z.Reach(t, d), z.FallBack(t))
	}
}

// nextClock gives the instant at which the wall clock shows another hour, minute or second.
func (l *lookahead) nextClock(unit time.Duration) func(event.Time) event.Time {
	return func(t event.Time) event.Time {
		ms := unit.Milliseconds()
		in := l.w.zone.Local(t) % ms
		if in < 0 {
			in += ms
		}
		return min(later(t, ms-in), l.w.zone.NextOffset(t))
	}
}

// nextFormat goes by the finest field of a pattern.
func (l *lookahead) nextFormat(p pattern) func(event.Time) event.Time {
	next := func(t event.Time) event.Time { return event.Never }
	finest := 0
	for _, part := range p {
		rank, f := 0, next
		switch part.field {
		case "yyyy", "yy":
			rank, f = 1, l.nextOf(event.Year)
		case "Q":
			rank, f = 2, l.nextOf(event.Quarter)
		case "MM", "M":
			rank, f = 3, l.nextOf(event.Month)
		case "dd", "d":
			rank, f = 4, l.w.zone.NextDay
		case "HH", "H":
			rank, f = 5, l.nextClock(time.Hour)
		case "mm", "m":
			rank, f = 6, l.nextClock(time.Minute)
		case "ss", "s":
			rank, f = 7, l.nextClock(time.Second)
		case "SSS":
			rank, f = 8, func(t event.Time) event.Time { return later(t, 1) }
		}
		if rank > finest {
			finest, next = rank, f
		}
	}
	return next
}

// added is how a time moved by a span goes on. By days and longer the wall clock is moved: that is even as long as the
// clock is not changed here or there, and by months no longer than a day, whose place in its month decides.
func (l *lookahead) added(x *Expr, e int) course {
	a, s := x.args[0], x.aux.(event.Span)
	i := l.of(x, e, a)
	p := l.course(a, i)
	if p.slope == 0 || s.Clock() {
		return p
	}
	from, to := l.value(a, i), l.value(x, e)
	if p.slope != 1 || !isTime(from) || !isTime(to) || from.Time() > sane || from.Time() < -sane || to.Time() > sane || to.Time() < -sane {
		return course{until: l.soon}
	}
	z, t, r := l.w.zone, from.Time(), to.Time()
	end := z.NextOffset(t)
	if s.Unit != event.Day && s.Unit != event.Week {
		end = min(end, z.NextDay(t))
	}
	wall := int64(z.Date(t).AddSpan(s))*dayMillis + z.Local(t) - int64(z.Date(t))*dayMillis
	if gap := z.Local(r) - wall; gap != 0 { // the moved clock shows a time that was skipped: even until that is over
		turn := z.NextOffset(later(r, -gap))
		if gap < 0 || turn > r || z.Local(turn) <= wall {
			return course{until: l.soon}
		}
		end = min(end, later(t, z.Local(turn)-wall))
	}
	if turn := z.NextOffset(r); turn != event.Never {
		end = min(end, later(t, int64(turn-r)))
	}
	if end != event.Never {
		p.until = min(p.until, later(l.now, int64(end-t)))
	}
	return p
}

const dayMillis = 24 * 60 * 60 * 1000

// birthday is the day on which somebody born on d becomes so many years old.
func birthday(d event.Date, years int64) event.Date {
	y, _, _ := d.Civil()
	if years > 100_000 || years < -100_000 {
		return farthest
	}
	return anniversary(d, y+int(years))
}

// farthest is a day that nobody waits for.
const farthest = event.Date(1 << 30)

// reach is the first instant from which on it is a day, or it is so now but clocks go back before.
func (l *lookahead) reach(d event.Date) event.Time {
	if d >= farthest {
		return l.back
	}
	return min(l.back, l.w.zone.Reach(l.now, d))
}

// functionFlip looks beyond the present course of the functions that count days from or to now.
func (l *lookahead) functionFlip(x *Expr, e int, rel relation, k event.Value) event.Time {
	of := 0
	down := false // the value falls from day to day
	switch x.op.name {
	case "days_since", "days_to_anniversary", "age":
	case "days_until":
		down = true
	case "days_between":
		switch {
		case x.args[1].op == opNow:
		case x.args[0].op == opNow:
			of, down = 1, true
		default:
			return event.Always
		}
	default:
		return event.Always
	}
	p := l.course(x.args[of], l.of(x, e, x.args[of]))
	d, ok := dateOf(l.w, l.value(x.args[of], l.of(x, e, x.args[of])))
	n, fits := whole(l.value(x, e))
	if p.slope != 0 || !ok || !fits {
		return event.Always
	}
	lo, hi := integers(rel, k)
	day := farthest
	switch x.op.name {
	case "age":
		if years, ok := above(n, lo, hi); ok {
			day = birthday(d, years)
		}
	case "days_to_anniversary":
		day = l.anniversaryFlip(d, n, lo, hi)
	default:
		today := int64(l.w.zone.Date(l.now))
		to, ok := int64(0), false
		if down {
			to, ok = below(n, lo, hi)
			to = n - to
		} else {
			to, ok = above(n, lo, hi)
			to = to - n
		}
		if ok && to < int64(farthest) {
			day = event.Date(min(today+to, int64(farthest)))
		}
	}
	return min(p.until, l.reach(day))
}

// anniversaryFlip is the day on which the days to the next anniversary of d, n now, enter or leave lo … hi: they fall day
// by day to 0, and begin anew on the day after.
func (l *lookahead) anniversaryFlip(d event.Date, n, lo, hi int64) event.Date {
	day := l.w.zone.Date(l.now)
	inside := lo <= n && n <= hi
	for range 9 { // a leap day may make itself missed for eight years
		if to, ok := below(n, lo, hi); ok && to >= 0 {
			return day + event.Date(n-to)
		}
		day += event.Date(n) + 1
		y, _, _ := day.Civil()
		next := anniversary(d, y)
		if next < day {
			next = anniversary(d, y+1)
		}
		if n = int64(next - day); (lo <= n && n <= hi) != inside {
			return day
		}
	}
	return day
}
