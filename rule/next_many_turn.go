package rule

import (
	"math"
	"math/bits"
	"slices"

	"tagma/event"
)

// Measures compared with a constant: not each row that leaves or joins matters, but the one with which the measure gets to
// the constant.

// watchTurn watches a comparison of a measure with a constant.
func (h *horizon) watchTurn(at int, need event.Bits) {
	s, x := &h.p.steps[at], h.w.plan.order[at]
	p := h.picked(s.sel)
	if !h.usable(p) {
		h.alone(at, need)
		return
	}
	turn, since := h.turnOf(at, x, p), p.onlySince(h)
	for wi, word := range need {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			if since < 0 || p.nextCounts(h, since, i) {
				turn(i)
			}
		}
	}
}

// onlySince is the border that alone moves a selection, rows leaving it; -1 when there are others, or rows join.
func (p *pickedRows) onlySince(h *horizon) int {
	if len(p.step.since) == 1 && p.joins(h) == nil {
		return p.step.since[0]
	}
	return -1
}

// nextCounts says whether the first kept row of customer i, and so any, would be noted.
func (p *pickedRows) nextCounts(h *horizon, since, i int) bool {
	b := &h.borders[since]
	if b.first == nil {
		return true
	}
	row := p.endOf(h, i, true)
	return row >= 0 && int64(p.rows.times[row]) < b.first[i]
}

// turnOf gives what notes, for a customer, the rows with which the comparison turns.
func (h *horizon) turnOf(at int, x *Expr, p *pickedRows) func(i int) {
	val := h.measuredValue(at)
	rel, limit := h.p.steps[at].rel, int64(0)
	switch measure := fusedFrom[x.op].measure; measure {
	case opCount:
		rel, limit = integerLimit(rel, x.val.Number())
		return func(i int) { h.countTurns(p, i, rel, limit) }
	case opDays:
		rel, limit = integerLimit(rel, x.val.Number())
		dates := h.w.localDates(h.w.plan.order[h.p.steps[at].sel].src)
		return func(i int) { h.groupsTurn(p, i, rel, limit, func(row int32) (int64, bool) { return dates[row], true }) }
	case opDistinct:
		rel, limit = integerLimit(rel, x.val.Number())
		if len(val.parts) == 1 && !val.single && !val.isCond {
			c := &val.parts[0]
			if key, ok := distinctInts(c); ok {
				return func(i int) {
					h.groupsTurn(p, i, rel, limit, func(row int32) (int64, bool) { return key(int(row)), c.Present(int(row)) })
				}
			}
		}
		return func(i int) {
			h.groupsTurn(p, i, rel, limit, func(row int32) (int64, bool) { return h.number(val.value(int(row))) })
		}
	case opSum:
		c := val.part(event.NumberKind)
		if c == nil {
			return func(int) {}
		}
		if c.Nums == nil && !val.single {
			lo, hi := limits(rel, c, x.val)
			return func(i int) { h.sumTurns(p, i, c, lo, hi) }
		}
	}
	if val != nil && (fusedFrom[x.op].measure == opSum || fusedFrom[x.op].measure == opAvg) {
		if c := val.part(event.NumberKind); c == nil {
			return func(int) {}
		}
	}
	return func(i int) { h.anyMove(p, i, val) }
}

// number gives equal values an equal number; false for none.
func (h *horizon) number(v event.Value) (int64, bool) {
	if !v.Present() {
		return 0, false
	}
	n, known := h.numbers[v.Key()]
	if !known {
		n = int64(len(h.numbers))
		h.numbers[v.Key()] = n
	}
	return n, true
}

// moves is how many units have to go, or to come, until a comparison of a count of n with a constant can turn: none where
// it is -1.
func moves(rel relation, n, limit int64) (go_, come int64) {
	switch rel {
	case greater, lessOrEqual: // turn between limit and limit + 1
		if limit == math.MaxInt64 {
			return -1, -1
		}
		limit++
	case equal:
		switch {
		case n == limit:
			return 1, 1
		case n > limit:
			return n - limit, -1
		}
		return -1, limit - n
	}
	if n >= limit {
		if limit <= 0 {
			return -1, -1
		}
		return n - limit + 1, -1
	}
	return -1, limit - n
}

// nth is row number n, from 1 on, of the rows from … to-1 of a mask, which has so many.
func nth(mask event.Bits, from, to, n int) int {
	for ; ; from += 64 {
		word := few(mask, from, min(to, from+64))
		if here := bits.OnesCount64(word); here < n {
			n -= here
			continue
		}
		for ; n > 1; n-- {
			word &= word - 1
		}
		return from + trailing(word)
	}
}

func (h *horizon) countTurns(p *pickedRows, i int, rel relation, limit int64) {
	n, mask := 0, p.mask(h)
	start, to := int(p.rows.start[i]), int(p.rows.start[i+1])
	for from := start; from < to; from += 64 {
		n += bits.OnesCount64(few(mask, from, min(to, from+64)))
	}
	out, in := moves(rel, int64(n), limit)
	switch {
	case out <= 0 || out > int64(n):
	case out == 1 || out == int64(n):
		p.leaves(h, i, p.endOf(h, i, out == 1))
	case p.rows.inOrder():
		p.leaves(h, i, nth(mask, start, to, int(out)))
	default:
		h.keys = h.keys[:0]
		for _, row := range p.unsorted(h, mask, i) {
			h.keys = append(h.keys, int64(p.rows.times[row]))
		}
		slices.Sort(h.keys)
		p.leavesAt(h, i, event.Time(h.keys[out-1]))
	}
	if in > 0 && p.joins(h) != nil && p.who.Get(i) {
		if rows := p.of(h, p.joining, i); in <= int64(len(rows)) {
			p.joinsAt(h, i, rows[in-1])
		}
	}
}

// groupsTurn is for different days or values: one is gone when the last of its rows has left.
func (h *horizon) groupsTurn(p *pickedRows, i int, rel relation, limit int64, key func(row int32) (int64, bool)) {
	rows := p.keptOf(h, i)
	// From the last row back: a row whose value was not met yet takes the value along when it leaves.
	last, lastRow := h.keys[:0], h.lastRows[:0]
next:
	for k := len(rows) - 1; k >= 0; k-- {
		v, ok := key(rows[k])
		if !ok {
			continue
		}
		for _, met := range last {
			if met == v {
				continue next
			}
		}
		last, lastRow = append(last, v), append(lastRow, rows[k])
	}
	h.keys, h.lastRows = last, lastRow
	n := int64(len(lastRow))
	out, in := moves(rel, n, limit)
	if out > 0 && out <= n {
		p.leaves(h, i, int(lastRow[n-out]))
	}
	if in > 0 && p.joins(h) != nil && p.who.Get(i) {
		// At most one more with each row.
		if rows := p.of(h, p.joining, i); in <= int64(len(rows)) {
			p.joinsAt(h, i, rows[in-1])
		}
	}
}

// sumTurns is for a sum that holds while it lies in lo … hi. What has left and what has joined may be any part of what can.
func (h *horizon) sumTurns(p *pickedRows, i int, c *event.Column, lo, hi int64) {
	if p.joins(h) != nil && p.who.Get(i) {
		for _, row := range p.of(h, p.joining, i) {
			if c.Present(int(row)) && c.Ints[row] != 0 {
				p.joinsAt(h, i, row)
				break
			}
		}
	}
	if len(p.step.since) == 0 {
		return
	}
	rows := p.keptOf(h, i)
	sum, fits := int64(0), true
	for _, row := range rows {
		if c.Present(int(row)) {
			s, ok := addInts(sum, c.Ints[row])
			fits = fits && (ok || c.Ints[row] == 0)
			sum = s
		}
	}
	if !fits {
		p.leaves(h, i, int(rows[0]))
		return
	}
	inside := sum >= lo && sum <= hi
	least, most := sum, sum
	for _, row := range rows {
		if !c.Present(int(row)) || c.Ints[row] == 0 {
			continue
		}
		ok := true
		if c.Ints[row] > 0 {
			least, ok = subInts(least, c.Ints[row])
		} else {
			most, ok = subInts(most, c.Ints[row])
		}
		if !ok || inside && (least < lo || most > hi) || !inside && least <= hi && most >= lo {
			p.leaves(h, i, int(row))
			return
		}
	}
}
