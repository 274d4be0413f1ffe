package rule

import (
	"math"

	"tagma/event"
)

// What has to be watched: the second pass of NextChanges, from the roots downwards. Whoever is in need of a value has to
// be looked at again before it changes: its arguments are watched, or an instant is noted.

func (h *horizon) watch(at int, need event.Bits) {
	s, x, p := &h.p.steps[at], h.w.plan.order[at], h.w.plan
	switch s.kind {
	case stepRun:
		h.allAt(need, h.l.next(x, 0))
		return
	case stepAnd, stepOr:
		h.watchChain(at, need, s.kind == stepOr)
		return
	case stepTernary:
		h.push(p.argument(at, 0), need)
		t := h.truth(p.argument(at, 0))
		yes, no := h.bits(h.n), h.bits(h.n)
		for k, word := range need {
			yes[k], no[k] = word&t[k], word&^t[k]
		}
		h.push(p.argument(at, 1), yes)
		h.push(p.argument(at, 2), no)
		return
	case stepCases:
		h.watchCases(at, need)
		return
	case stepCaseIs:
		h.watchCase(at, need)
		return
	case stepOf:
		for _, a := range p.args[at] {
			if p.order[a].level != rowLevel {
				h.push(int(a), need)
			}
		}
		if x.op != opField {
			return
		}
	}
	h.atFuture(need, s.sources)
	switch s.kind {
	case stepTurn:
		h.watchTurn(at, need)
	case stepMeasure:
		h.watchMeasure(at, need)
	case stepPick:
		h.watchPick(s.sel, x.aux.(int), need)
	case stepPickTime:
		h.watchPickTime(at, need)
	case stepBorder:
		h.push(s.other, need)
		h.watchBorder(at, need)
	case stepElapsed:
		h.push(s.other, need)
		h.watchElapsed(at, need)
	case stepSame:
		h.push(s.other, need)
		h.watchSame(at, need)
	case stepDays:
		h.watchDays(at, need)
	case stepAlone:
		h.alone(at, need)
	}
}

// watchChain watches all operands of an && that holds, and one that does not hold of one that does not: while that stays,
// so does the &&. All that do not hold may change here, else the && could not.
func (h *horizon) watchChain(at int, need event.Bits, or bool) {
	turn := uint64(0)
	if or {
		turn = ^turn
	}
	t := h.truth(at)
	mine := h.bits(h.n)
	rest, holds := h.bits(h.n)[:len(mine)], h.bits(h.n)[:len(mine)]
	for k, word := range need {
		holds[k] = word & (t[k] ^ turn)
		rest[k] = word &^ holds[k]
	}
	for _, a := range h.w.plan.args[at] {
		if h.mayChange(int(a)) == nil {
			continue
		}
		t := h.truth(int(a))[:len(mine)]
		for k := range mine {
			found := rest[k] &^ (t[k] ^ turn)
			mine[k] = holds[k] | found
			rest[k] &^= found
		}
		h.push(int(a), mine)
	}
}

// watchCases watches the conditions up to the one that holds.
func (h *horizon) watchCases(at int, need event.Bits) {
	rest := h.bits(h.n)
	copy(rest, need)
	multi := h.w.plan.order[at].Multi()
	for _, a := range h.w.plan.args[at] {
		h.push(int(a), rest)
		if multi {
			continue
		}
		for k, word := range h.truth(int(a)) {
			rest[k] &^= word
		}
	}
}

// watchCase watches, for who falls into none of some cases, for each of these either its condition, while it does not
// hold, or the first condition before it that does.
func (h *horizon) watchCase(at int, need event.Bits) {
	p := h.w.plan
	tag, in := p.argument(at, 0), h.truth(at)
	if !h.cased(tag) {
		h.push(tag, need)
		return
	}
	some := h.bits(h.n)
	for k, word := range need {
		some[k] = word & in[k]
	}
	h.push(tag, some)
	for _, place := range p.order[at].aux.([]int) {
		cond := p.argument(tag, place)
		rest := h.bits(h.n)
		for k, word := range h.truth(cond) {
			rest[k] = need[k] &^ in[k] & word
			some[k] = need[k] &^ in[k] &^ word
		}
		h.push(cond, some)
		for k := range place {
			before := p.argument(tag, k)
			t := h.truth(before)
			for k := range rest {
				some[k] = rest[k] & t[k]
				rest[k] &^= t[k]
			}
			h.push(before, some)
		}
	}
}

// watchBorder is for a customer's time compared with a border.
func (h *horizon) watchBorder(at int, need event.Bits) {
	s := &h.p.steps[at]
	b, c := &h.borders[s.border], h.w.res[s.other].part(event.TimeKind)
	if !b.known {
		h.alone(at, need)
		return
	}
	if c == nil {
		return
	}
	one := h.w.res[s.other].single
	for wi, word := range need {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			j := i
			if one {
				j = 0
			}
			if c.Present(j) {
				b.crosses(h, i, s.rel, event.Time(c.Ints[j]))
			}
		}
	}
}

// watchElapsed is for now less a customer's time, compared with a number of milliseconds.
func (h *horizon) watchElapsed(at int, need event.Bits) {
	s := &h.p.steps[at]
	c := h.w.res[s.other].part(event.TimeKind)
	if c == nil {
		return
	}
	ms := s.ranges[0][0]
	for wi, word := range need {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			t := event.Time(0)
			if j := h.w.res[s.other].idx(i); !c.Present(j) {
				continue
			} else if t = event.Time(c.Ints[j]); t == event.Always {
				continue
			}
			if t > sane || t < -sane {
				h.at(i, h.l.next(h.w.plan.order[at], i))
				continue
			}
			full := later(t, ms) // when just so much has gone by
			switch s.rel {
			case less, greaterOrEqual:
			case equal:
				if full > h.l.now {
					h.at(i, full)
				}
				full++
			default:
				full++
			}
			if full > h.l.now {
				h.at(i, full)
			}
		}
	}
}

// turnKey is the question when a value that is the same for everybody comes to compare differently with one of a customer.
type turnKey struct {
	at  int
	rel relation
	key string
	n   int64
}

// watchSame is for a customer's value compared with one that the clock moves for everybody: customers with the same value
// share an answer.
func (h *horizon) watchSame(at int, need event.Bits) {
	s := &h.p.steps[at]
	x, v := h.w.plan.order[s.sel], h.w.res[s.other]
	now := h.l.value(x, 0)
	for wi, word := range need {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			mine := h.valueAt(s.other, v, i)
			if !mine.Present() {
				continue
			}
			if mine.Kind() != now.Kind() {
				h.at(i, max(h.l.course(x, 0).until, h.l.soon))
				continue
			}
			key := turnKey{at: s.sel, rel: s.rel}
			if n, ok := whole(mine); ok {
				key.n = n
			} else {
				key.key = mine.Key()
			}
			t, known := h.turns[key]
			if !known {
				t = h.l.flip(x, 0, s.rel.mirror(), mine)
				if len(h.turns) < 1<<16 {
					h.turns[key] = t
				}
			}
			h.at(i, t)
		}
	}
}

func (h *horizon) valueAt(at int, v *vec, i int) event.Value {
	if v.cases != nil {
		return h.w.plan.order[at].caseValues().of(v.cases, i)
	}
	return v.value(i)
}

// watchDays is for days since and until a date, ages and anniversaries compared with numbers.
func (h *horizon) watchDays(at int, need event.Bits) {
	s, p := &h.p.steps[at], h.w.plan
	numbers, dates := h.w.res[s.other].part(event.NumberKind), h.w.res[p.argument(s.other, 0)]
	if numbers == nil {
		return
	}
	if numbers.Nums != nil || numbers.Scale != 0 {
		h.alone(at, need)
		return
	}
	if h.days == nil {
		h.dayBuf = grown(h.dayBuf, h.n)
		h.days = h.dayBuf
		for i := range h.days {
			h.days[i] = farthest
		}
	}
	name, today, one := p.order[s.other].op.name, h.w.zone.Date(h.l.now), h.w.res[s.other].single
	days, times := dates.part(event.DateKind), dates.part(event.TimeKind)
	for wi, word := range need {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			j := i
			if one {
				j = 0
			}
			if !numbers.Present(j) {
				continue
			}
			d := event.Date(0)
			switch j := dates.idx(i); {
			case days != nil && days.Present(j):
				d = event.Date(days.Ints[j])
			case times != nil && times.Present(j) && event.Time(times.Ints[j]) != event.Always:
				d = h.w.zone.Date(event.Time(times.Ints[j]))
			default:
				continue
			}
			for _, r := range s.ranges {
				h.days[i] = min(h.days[i], h.dayOf(name, d, today, numbers.Ints[j], r[0], r[1], h.days[i]))
			}
		}
	}
}

// dayOf is the day on which a function of d, n today, enters or leaves lo … hi; anything not before best when it is not
// before best.
func (h *horizon) dayOf(name string, d, today event.Date, n, lo, hi int64, best event.Date) event.Date {
	switch name {
	case "age":
		years, ok := above(n, lo, hi)
		if !ok || years > 100_000 || years < -100_000 || int64(d)+365*years >= int64(best) {
			return best
		}
		return birthday(d, years)
	case "days_to_anniversary":
		return h.l.anniversaryFlip(d, n, lo, hi)
	}
	to, ok := int64(0), false
	if name == "days_until" {
		to, ok = below(n, lo, hi)
		to = n - to
	} else {
		to, ok = above(n, lo, hi)
		to -= n
	}
	if !ok || to < 0 || to > math.MaxInt32 || int64(today)+to >= int64(best) {
		return best
	}
	return today + event.Date(to)
}
