package rule

import (
	"math/bits"
	"slices"

	"tagma/event"
)

// Selections whose rows leave and join as borders move. Rows of a customer leave a window in order of time, and join what
// is older than a window in that order.

// pickedRows is what is known of a selection in a block.
type pickedRows struct {
	call    int // for which the selection was looked up
	sel     *vec
	rows    *eventRows
	step    *step
	kept    event.Bits // who has kept rows, when known
	all     event.Bits // all rows, when they are all kept
	joining event.Bits // the rows that join when a border passes them; nil: there are none
	who     event.Bits // whose
	looked  bool       // for joining rows
}

// picked looks a selection up.
func (h *horizon) picked(at int) *pickedRows {
	p := &h.picks[at]
	if p.call != h.call {
		*p = pickedRows{call: h.call, sel: h.w.res[at], rows: h.w.rows(h.w.plan.order[at].src), step: &h.p.steps[at]}
	}
	return p
}

// keeps is who has kept rows.
func (p *pickedRows) keeps(h *horizon) event.Bits {
	if p.kept == nil {
		p.kept = h.bits(h.n)
		if p.sel.all {
			for i := range h.n {
				if p.rows.start[i] < p.rows.start[i+1] {
					p.kept.Set(i)
				}
			}
			return p.kept
		}
		p.owners(p.sel.mask, p.kept)
	}
	return p.kept
}

func (p *pickedRows) owners(rows, who event.Bits) {
	for wi, word := range rows {
		if word == 0 {
			continue
		}
		owner := p.rows.owner[wi*64:]
		for ; word != 0; word &= word - 1 {
			o := owner[trailing(word)]
			who[o>>6] |= 1 << (o & 63)
		}
	}
}

// joins is who has rows that join later on; nil: nobody.
func (p *pickedRows) joins(h *horizon) event.Bits {
	if p.looked || len(p.step.until) == 0 {
		return p.who
	}
	p.looked = true
	// All filters but those that ask for what is older hold, the row's time has come, and yet it is not kept.
	rows := h.bits(p.rows.n)
	rows.Fill(p.rows.n)
	if p.rows.hidden {
		copy(rows, p.rows.visible)
	}
	for _, at := range p.step.still {
		v := h.w.res[at]
		t := h.w.truth(v)
		if v.single {
			if !t.Get(0) {
				return nil
			}
			continue
		}
		for k := range rows {
			rows[k] &= t[k]
		}
	}
	any := uint64(0)
	for k := range rows {
		rows[k] &^= p.sel.mask[k]
		any |= rows[k]
	}
	if any != 0 {
		p.joining, p.who = rows, h.bits(h.n)
		p.owners(rows, p.who)
	}
	return p.who
}

// anybody is who has rows that may leave or join; nil: nobody.
func (p *pickedRows) anybody(h *horizon) event.Bits {
	if !p.step.clock {
		return nil
	}
	joins := p.joins(h)
	if len(p.step.since) == 0 {
		return joins
	}
	if joins == nil {
		return p.keeps(h)
	}
	out := h.bits(h.n)
	join(out, joins)
	join(out, p.keeps(h))
	return out
}

// few are the rows from … to-1 of a mask, at most 64, as bits.
func few(mask event.Bits, from, to int) uint64 {
	k, shift, n := from>>6, from&63, to-from
	word := mask[k] >> shift
	if shift+n > 64 {
		word |= mask[k+1] << (64 - shift)
	}
	return word & (1<<n - 1)
}

// unsorted gives those of some rows that are customer i's. They are valid until it is called again.
func (p *pickedRows) unsorted(h *horizon, mask event.Bits, i int) []int32 {
	out := h.rows[:0]
	to := int(p.rows.start[i+1])
	for from := int(p.rows.start[i]); from < to; from += 64 {
		for word := few(mask, from, min(to, from+64)); word != 0; word &= word - 1 {
			out = append(out, int32(from+trailing(word)))
		}
	}
	h.rows = out
	return out
}

// of is unsorted in order of time.
func (p *pickedRows) of(h *horizon, mask event.Bits, i int) []int32 {
	out := p.unsorted(h, mask, i)
	if !p.rows.inOrder() && len(out) > 1 {
		times := p.rows.times
		slices.SortFunc(out, func(a, b int32) int {
			switch {
			case times[a] < times[b]:
				return -1
			case times[a] > times[b]:
				return 1
			}
			return 0
		})
	}
	return out
}

// endOf is a kept row of customer i with the earliest or the latest time; -1 when there is none.
func (p *pickedRows) endOf(h *horizon, i int, first bool) int {
	from, to, end := int(p.rows.start[i]), int(p.rows.start[i+1]), -1
	ordered, times := p.rows.inOrder(), p.rows.times
	switch {
	case from == to:
		return -1
	case p.sel.all && ordered && first:
		return from
	case p.sel.all && ordered:
		return to - 1
	}
	mask := p.mask(h)
	for ; from < to; from += 64 {
		word := few(mask, from, min(to, from+64))
		switch {
		case word == 0:
		case ordered && first:
			return from + trailing(word)
		case ordered:
			end = from + bits.Len64(word) - 1
		default:
			for ; word != 0; word &= word - 1 {
				if row := from + trailing(word); end < 0 || first == (times[row] < times[end]) {
					end = row
				}
			}
		}
	}
	return end
}

// mask is the kept rows.
func (p *pickedRows) mask(h *horizon) event.Bits {
	if !p.sel.all {
		return p.sel.mask
	}
	if p.all == nil {
		p.all = h.bits(p.rows.n)
		p.all.Fill(p.rows.n)
	}
	return p.all
}

// keptOf are a customer's kept rows.
func (p *pickedRows) keptOf(h *horizon, i int) []int32 { return p.of(h, p.mask(h), i) }

// leaves notes that a row, kept now, must not leave unseen.
func (p *pickedRows) leaves(h *horizon, i, row int) {
	p.leavesAt(h, i, p.rows.times[row])
}

func (p *pickedRows) leavesAt(h *horizon, i int, t event.Time) {
	for _, b := range p.step.since {
		h.borders[b].note(h, i, t)
	}
}

// joinsAt notes that a row must not join unseen. A border that has not passed it is enough.
func (p *pickedRows) joinsAt(h *horizon, i int, row int32) {
	t := p.rows.times[row]
	for _, b := range p.step.until {
		if h.borders[b].value <= t {
			h.borders[b].note(h, i, t)
			return
		}
	}
}

// firstJoin notes the first row to join that has a value.
func (p *pickedRows) firstJoin(h *horizon, i int, val *vec) {
	if p.joins(h) == nil || !p.who.Get(i) {
		return
	}
	for _, row := range p.of(h, p.joining, i) {
		if val == nil || present(val, int(row)) {
			p.joinsAt(h, i, row)
			return
		}
	}
}

// present says whether element i of v has a value.
func present(v *vec, i int) bool {
	if v.isCond {
		return true
	}
	i = v.idx(i)
	for k := range v.parts {
		if v.parts[k].Present(i) {
			return true
		}
	}
	return false
}

// usable says whether the borders of a selection are what they seem: all of them have values.
func (h *horizon) usable(p *pickedRows) bool {
	for _, list := range [2][]int{p.step.since, p.step.until} {
		for _, b := range list {
			if !h.borders[b].known {
				return false
			}
		}
	}
	return true
}

// measuredValue is what a measure takes of each row; nil when it takes nothing.
func (h *horizon) measuredValue(at int) *vec {
	if len(h.w.plan.args[at]) < 2 {
		return nil
	}
	return h.w.res[h.w.plan.argument(at, 1)]
}

// watchMeasure watches all rows that have a value, and so matter: the first to leave, the first to join.
func (h *horizon) watchMeasure(at int, need event.Bits) {
	p := h.picked(h.p.steps[at].sel)
	if !h.usable(p) {
		h.alone(at, need)
		return
	}
	val, since := h.measuredValue(at), p.onlySince(h)
	for wi, word := range need {
		for ; word != 0; word &= word - 1 {
			if i := wi*64 + trailing(word); since < 0 || p.nextCounts(h, since, i) {
				h.anyMove(p, i, val)
			}
		}
	}
}

func (h *horizon) anyMove(p *pickedRows, i int, val *vec) {
	if len(p.step.since) > 0 {
		for _, row := range p.keptOf(h, i) {
			if val == nil || present(val, int(row)) {
				p.leaves(h, i, int(row))
				break
			}
		}
	}
	p.firstJoin(h, i, val)
}

// watchPick watches which row is picked.
func (h *horizon) watchPick(sel, place int, need event.Bits) {
	p := h.picked(sel)
	if !h.usable(p) {
		h.allAt(need, h.l.soon)
		return
	}
	for wi, word := range need {
		for ; word != 0; word &= word - 1 {
			h.pickMoves(p, place, wi*64+trailing(word))
		}
	}
}

// pickMoves: a row that is counted from the first one changes with the first to leave, one that is counted from the last
// with any that joins, as joining rows are later than kept ones.
func (h *horizon) pickMoves(p *pickedRows, place, i int) {
	rows := p.keptOf(h, i)
	picked := place - 1
	if place < 0 {
		picked = len(rows) + place
	}
	there := picked >= 0 && picked < len(rows)
	if there && place > 0 {
		p.leaves(h, i, int(rows[0]))
		return
	}
	if there {
		p.leaves(h, i, int(rows[picked]))
	}
	p.firstJoin(h, i, nil)
}

// watchPickTime watches which row is picked, and when the border gets to its time.
func (h *horizon) watchPickTime(at int, need event.Bits) {
	s, place := &h.p.steps[at], h.w.plan.order[at].aux.(int)
	p := h.picked(s.sel)
	if !h.usable(p) || s.border >= 0 && !h.borders[s.border].known {
		h.alone(at, need)
		return
	}
	if p.step.clock {
		h.watchPick(s.sel, place, need)
	}
	if s.border < 0 {
		return
	}
	b := &h.borders[s.border]
	for wi, word := range need {
		for ; word != 0; word &= word - 1 {
			i := wi*64 + trailing(word)
			if row := p.endOf(h, i, place > 0); row >= 0 {
				b.crosses(h, i, s.rel, p.rows.times[row])
			}
		}
	}
}
