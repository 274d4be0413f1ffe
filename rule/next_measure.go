package rule

import (
	"slices"

	"tagma/event"
)

// fusedFrom and pickTimeFrom say which comparison a fused one stands for.
var fusedFrom = func() map[*op]fusedParts {
	out := map[*op]fusedParts{}
	for parts, o := range fusedOps {
		out[o] = fusedParts{parts[0], relations[parts[1]]}
	}
	return out
}()

type fusedParts struct {
	measure *op
	rel     relation
}

var pickTimeFrom = func() map[*op]*op {
	out := map[*op]*op{}
	for like, o := range pickTimeOps {
		out[o] = like
	}
	return out
}()

// measure is when a measure of a selection may change: a row joins or leaves the selection, or what is measured of a kept
// row changes. A row without a value counts for nothing.
func (l *lookahead) measure(x *Expr, customer int) event.Time {
	until := event.Never
	l.eachMember(x.args[0], customer, func(row int, kept bool, turn event.Time) {
		if !l.counts(x, row) {
			return
		}
		until = min(until, turn)
		for _, a := range x.args[1:] {
			if kept {
				until = min(until, l.next(a, l.measured(x, a, row)))
			}
		}
	})
	return until
}

// measured is the element of a, what x measures of each row, that belongs to a row.
func (l *lookahead) measured(x, a *Expr, row int) int {
	switch a.level {
	case runLevel:
		return 0
	case customerLevel:
		return int(l.w.rows(x.args[0].src).owner[row])
	}
	return row
}

// counts says whether a row can matter to a measure: not when what is measured of it is missing for good.
func (l *lookahead) counts(x *Expr, row int) bool {
	if len(x.args) < 2 {
		return true
	}
	a := x.args[1]
	i := l.measured(x, a, row)
	if x.op == opSum || x.op == opAvg || fusedFrom[x.op].measure == opAvg {
		return isNumber(l.value(a, i)) || l.course(a, i) != forever
	}
	return l.value(a, i).Present() || l.course(a, i) != forever
}

// move is a row, or the rows of one value, joining or leaving what is measured.
type move struct {
	at event.Time
	by event.Number
}

// measureFlip is when the comparison of a count, of days, of different values or of a sum with a constant may turn. Rows
// move at known instants at the earliest; what has moved may have moved back. So the measure lies between what it is now
// less all that has left, and what it is now with all that has come: it turns at the earliest when that range allows it.
func (l *lookahead) measureFlip(measure *op, x *Expr, customer int, rel relation, k event.Value) event.Time {
	l.moves = l.moves[:0]
	var now event.Number
	bound := event.Never
	switch measure {
	case opCount:
		now = l.countMoves(x, customer)
	case opSum:
		var ok bool
		if now, bound, ok = l.sumMoves(x, customer); !ok {
			return l.measure(x, customer)
		}
	default:
		now, bound = l.groupMoves(measure, x, customer)
	}
	slices.SortFunc(l.moves, func(a, b move) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	limit := k.Number()
	holds := rel.holds(now.Cmp(limit))
	lo, hi := now, now
	for _, m := range l.moves {
		ok := true
		if m.by.Sign() < 0 {
			lo, ok = lo.Add(m.by)
		} else {
			hi, ok = hi.Add(m.by)
		}
		if !ok || rel.turns(holds, lo, hi, limit) {
			return min(bound, m.at)
		}
	}
	return bound
}

// turns says whether any number in lo … hi has the other outcome.
func (r relation) turns(holds bool, lo, hi, limit event.Number) bool {
	switch r {
	case equal:
		if holds {
			return lo.Cmp(hi) < 0
		}
		return lo.Cmp(limit) <= 0 && limit.Cmp(hi) <= 0
	case less, lessOrEqual:
		if holds {
			return !r.holds(hi.Cmp(limit))
		}
		return r.holds(lo.Cmp(limit))
	}
	if holds {
		return !r.holds(lo.Cmp(limit))
	}
	return r.holds(hi.Cmp(limit))
}

// eachMember calls f with a customer's rows that are kept, or may come to be.
func (l *lookahead) eachMember(sel *Expr, customer int, f func(row int, kept bool, turn event.Time)) {
	m := l.members(sel, customer)
	for i, was := range m.rows {
		if was.kept || was.until != event.Never {
			f(m.first+i, was.kept, was.until)
		}
	}
}

func (l *lookahead) move(at event.Time, by event.Number) {
	if at != event.Never {
		l.moves = append(l.moves, move{at, by})
	}
}

func (l *lookahead) countMoves(x *Expr, customer int) event.Number {
	n := int64(0)
	l.eachMember(x.args[0], customer, func(_ int, kept bool, turn event.Time) {
		if kept {
			n++
			l.move(turn, event.Int(-1))
		} else {
			l.move(turn, event.Int(1))
		}
	})
	return event.Int(n)
}

// sumMoves also returns when a summand itself changes; false when the sum is not known.
func (l *lookahead) sumMoves(x *Expr, customer int) (now event.Number, bound event.Time, ok bool) {
	a := x.args[1]
	bound, ok = event.Never, true
	l.eachMember(x.args[0], customer, func(row int, kept bool, turn event.Time) {
		i := l.measured(x, a, row)
		bound = min(bound, l.next(a, i))
		v := l.value(a, i)
		if !isNumber(v) {
			return
		}
		if !kept {
			l.move(turn, v.Number())
			return
		}
		var fits bool
		now, fits = now.Add(v.Number())
		ok = ok && fits
		l.move(turn, v.Number().Neg())
	})
	return
}

// group is the rows of one day or of one value: there while any row is.
type group struct {
	kept       bool
	gone, come event.Time
}

// groupMoves counts different days or values.
func (l *lookahead) groupMoves(measure *op, x *Expr, customer int) (now event.Number, bound event.Time) {
	bound = event.Never
	groups := map[string]*group{}
	times := l.w.rows(x.args[0].src).times
	l.eachMember(x.args[0], customer, func(row int, kept bool, turn event.Time) {
		v := event.Civil(l.w.zone.Date(times[row]))
		if measure == opDistinct {
			i := l.measured(x, x.args[1], row)
			bound = min(bound, l.next(x.args[1], i))
			if v = l.value(x.args[1], i); !v.Present() {
				return
			}
		}
		key := v.Key()
		g := groups[key]
		if g == nil {
			g = &group{gone: event.Always, come: event.Never}
			groups[key] = g
		}
		if kept {
			g.kept, g.gone = true, max(g.gone, turn)
		} else {
			g.come = min(g.come, turn)
		}
	})
	n := int64(0)
	for _, g := range groups {
		if g.kept {
			n++
			l.move(g.gone, event.Int(-1))
		} else {
			l.move(g.come, event.Int(1))
		}
	}
	return event.Int(n), bound
}

// pick is when another row is picked: one up to the place of the picked one, counted from its end, joins or leaves; while
// none is picked, enough rows have to join.
func (l *lookahead) pick(x *Expr, customer int) event.Time {
	sel, place := x.args[0], x.aux.(int)
	picked := l.w.res[l.w.plan.index[x]].pick[customer]
	r, until := l.w.rows(sel.src), event.Never
	if picked >= 0 {
		l.eachMember(sel, customer, func(row int, _ bool, turn event.Time) {
			if place < 0 && !l.w.later(r, picked, int32(row)) || place > 0 && !l.w.later(r, int32(row), picked) {
				until = min(until, turn)
			}
		})
		return until
	}
	var come []event.Time
	wanted := max(place, -place)
	l.eachMember(sel, customer, func(_ int, kept bool, turn event.Time) {
		if kept {
			wanted--
		} else {
			come = append(come, turn)
		}
	})
	if wanted > len(come) || wanted < 1 {
		return event.Never
	}
	slices.Sort(come)
	return come[wanted-1]
}

// pickTime is when the comparison of the time of the first or last kept row with a bound turns. A row that joins can only
// move that time outwards, one that leaves only inwards, so that often one of them alone matters.
func (l *lookahead) pickTime(x *Expr, customer int, rel relation) event.Time {
	sel, bound, latest, holds := x.args[0], x.args[1], x.aux.(int) < 0, l.holds(x, customer)
	r := l.w.rows(sel.src)
	best, found := event.Time(0), false
	for row := r.start[customer]; row < r.start[customer+1]; row++ {
		if v := l.w.res[l.w.plan.index[sel]]; v.all || v.mask.Get(int(row)) {
			if t := r.times[row]; !found || latest == (t > best) {
				best, found = t, true
			}
		}
	}
	joins, leaves, empty := event.Never, event.Always, event.Always
	l.eachMember(sel, customer, func(row int, kept bool, turn event.Time) {
		t := r.times[row]
		switch {
		case kept && t == best:
			leaves, empty = max(leaves, turn), max(empty, turn)
		case kept:
			empty = max(empty, turn)
		case !found || t != best && latest == (t > best):
			joins = min(joins, turn)
		}
	})
	if !found {
		return max(joins, l.presence(bound))
	}
	until := l.flip(bound, 0, rel.mirror(), event.Instant(best))
	up := rel == greater || rel == greaterOrEqual
	switch {
	case rel == equal:
		return min(until, joins, leaves)
	case holds && (latest == up): // joining keeps it; the last to leave ends it in any case
		return min(until, leaves)
	case holds:
		return min(until, joins, empty)
	case latest == up:
		return min(until, joins)
	}
	return min(until, leaves)
}

// presence is the present instant, or where a bound is missing when it may come to be there.
func (l *lookahead) presence(bound *Expr) event.Time {
	if !l.value(bound, 0).Present() {
		return l.course(bound, 0).until
	}
	return l.now
}
