package rule

import (
	"tagma/event"
)

// A border is a time that is the same for everybody and rises with the clock: now, the start of the last 90 days, the start
// of the month. A customer's times below it stay below. Of all times of a customer that a border must not pass unseen the
// earliest is kept: it gets there first.
type borderState struct {
	at      int // its place in the plan
	x       *Expr
	value   event.Time // now
	known   bool       // it has a value, and no absurd one
	clock   event.Time // of a border that keeps this distance from now: it passes t at t + clock
	even    bool       // clock counts
	daily   bool
	first   []int64    // times by customer; event.Never: none
	base    event.Date // of leaves
	leaves  []dayLeave
	started bool
}

// dayLeave is when a border that is always the start of a day passes the times of a day.
type dayLeave struct {
	known bool
	end   event.Time // of the day
	at    event.Time
}

// begin prepares a border for a block; its value is that of the run.
func (b *borderState) begin(h *horizon, number int) {
	b.first = nil
	if at := h.p.borders[number]; b.started || h.w.wanted != nil && !h.w.wanted[at] {
		return
	}
	b.started, b.at = true, h.p.borders[number]
	b.x = h.w.plan.order[b.at]
	v := h.l.value(b.x, 0)
	b.value = v.Time()
	b.known = v.Kind() == event.TimeKind && b.value < sane && b.value > -sane
	switch {
	case b.x.op == opNow:
		b.even, b.clock = true, 1
	case b.x.op == opWindow && b.x.aux.(event.Span).Clock():
		b.even, b.clock = true, event.Time(b.x.aux.(event.Span).Millis())
	case daily(b.x):
		b.daily = true
		if b.known {
			b.base = h.w.zone.Date(b.value)
		}
	}
}

// note keeps a time that the border must not pass unseen. It does not lie below it now.
func (b *borderState) note(h *horizon, i int, t event.Time) {
	if b.first == nil {
		b.first = b.column(h)
	}
	b.first[i] = min(b.first[i], int64(t))
}

func (b *borderState) column(h *horizon) []int64 {
	out := h.rawInt64s(h.n)
	for i := range out {
		out[i] = int64(event.Never)
	}
	return out
}

// crosses keeps a time if its comparison with the border turns when that passes it.
func (b *borderState) crosses(h *horizon, i int, rel relation, t event.Time) {
	if t == event.Always {
		return
	}
	switch rel {
	case less, greaterOrEqual:
		if t >= b.value {
			b.note(h, i, t)
		}
	case equal:
		if t == b.value {
			b.note(h, i, t)
			return
		}
		fallthrough
	default:
		if t > b.value {
			b.note(h, i, t-1)
		}
	}
}

// passes is the first instant at which the border lies above t, above which it does not lie now.
func (b *borderState) passes(h *horizon, t event.Time) event.Time {
	switch {
	case b.even && t < sane && t > -sane:
		return max(t+b.clock, h.l.soon)
	case b.daily && t < sane:
		const far = 1 << 12
		d := h.w.zone.Date(t)
		k := int(d - b.base)
		if k < 0 || k >= far {
			break
		}
		for len(b.leaves) <= k {
			b.leaves = append(b.leaves, dayLeave{})
		}
		v := &b.leaves[k]
		if !v.known {
			if end := h.w.zone.Start(d + 1); t < end {
				*v = dayLeave{true, end, h.flip(b, t)}
			}
		}
		if v.known && t < v.end { // where midnight comes twice, a day has times behind its end
			return v.at
		}
	}
	return h.flip(b, t)
}

func (h *horizon) flip(b *borderState, t event.Time) event.Time {
	return h.l.flip(b.x, 0, greater, event.Instant(t))
}

// finish asks for each customer when the border gets to the earliest time that it must not pass unseen.
func (b *borderState) finish(h *horizon) {
	// A window of days, months or years is as long as now, or shorter by a few days.
	window := b.daily && b.x.op != functions["start_of"].op
	length := int64(h.l.now-b.value) - 5*dayMillis
	for i, at := range b.first {
		t := event.Time(at)
		if t == event.Never || window && later(t, length) >= h.into[i] {
			continue
		}
		h.at(i, b.passes(h, t))
	}
}

// earliest is an instant before the first of a local day, wherever that may be.
func earliest(d event.Date) event.Time { return event.Time(int64(d)*dayMillis) - dayMillis }

// reach is when a day begins.
func (h *horizon) reach(d event.Date) event.Time {
	t, known := h.reaches[d]
	if !known {
		t = h.l.reach(d)
		h.reaches[d] = t
	}
	return t
}
