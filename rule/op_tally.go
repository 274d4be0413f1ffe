package rule

import (
	"math"
	"math/bits"
	"strconv"

	"tagma/event"
)

// Tallies: how much of something each customer has (rows, days, different values), or when its first or last row was.
// Expressions that compare the same measure with different constants share one, and each then costs a walk
// over few numbers.

// tally is a measure of the customers of one block.
type tally struct {
	epoch int // of the block that it is of
	// Units stand for one each: the places of their customers, ascending. Where that order is not to be had cheaply, counts
	// alone is filled; where many ask, counts is made of the units.
	units  []uint16
	counts []int64
	asked  int
	// Of the first or last row: its time, and who has one.
	times []int64
	who   event.Bits
	// Of sums: see worker.sums.
	sum     *event.Column
	summand []int64
}

// tallyKey is equal for expressions that are decided by the same tally; empty for all others.
func (x *Expr) tallyKey() string {
	key := ""
	switch parts, fused := fusedFrom[x.op]; {
	case fused && (parts.measure == opSum || parts.measure == opAvg):
		key = "sum"
	case fused:
		key = parts.measure.name
	case pickTimeFrom[x.op] != nil:
		return "when" + strconv.Itoa(x.aux.(int)) + " " + strconv.Itoa(x.args[0].id)
	default:
		return ""
	}
	for _, a := range x.args {
		key += " " + strconv.Itoa(a.id)
	}
	return key
}

// shareTallies numbers the tallies.
func (p *Plan) shareTallies() {
	byKey := map[string]int32{}
	p.tallies = make([]int32, len(p.order))
	for i, x := range p.order {
		key := x.tallyKey()
		if key == "" {
			continue
		}
		t, ok := byKey[key]
		if !ok {
			t = int32(len(byKey))
			byKey[key] = t
		}
		p.tallies[i] = t
		for len(p.asked) <= int(t) {
			p.asked = append(p.asked, 0)
		}
		p.asked[t]++
	}
	p.ntallies = len(byKey)
}

// tally gives the tally of the expression that is being evaluated, made by fill for the block once.
func (w *worker) tally(fill func(t *tally)) *tally {
	if len(w.counts) < w.plan.ntallies {
		w.counts = make([]tally, w.plan.ntallies)
	}
	t := &w.counts[w.plan.tallies[w.node]]
	if t.epoch != w.epoch {
		*t = tally{epoch: w.epoch}
		fill(t)
	}
	t.asked++
	return t
}

// atLeast sets the bits of the customers with k or more, which is positive.
func (t *tally) atLeast(w *worker, k int64, out event.Bits) {
	const many = 1024 // from here on counts are faster to ask again than units
	if t.counts == nil && t.asked == 2 && len(t.units) >= many {
		t.counts = w.int64s(w.n)
		for _, o := range t.units {
			t.counts[o]++
		}
	}
	if t.counts != nil {
		within(t.counts, k, math.MaxInt64, out)
		return
	}
	if k > int64(len(t.units)) {
		return
	}
	word, acc := 0, uint64(0)
	before := t.units
	for i, o := range t.units[k-1:] {
		if int(o>>6) != word {
			out[word] |= acc
			word, acc = int(o>>6), 0
		}
		same := (uint64(before[i]^o) - 1) >> 63 // 1 where the unit k-1 places before is of the same customer
		acc |= same << (o & 63)
	}
	out[word] |= acc
}

// compareCounts decides a comparison of whole numbers that are not negative by who has at least so much.
func (w *worker) compareCounts(rel relation, k event.Number, out event.Bits, atLeast func(k int64, out event.Bits)) {
	rel, limit := integerLimit(rel, k)
	n := w.n
	some := func(k int64) {
		if k <= 0 {
			out.Fill(n)
		} else {
			atLeast(k, out)
		}
	}
	switch {
	case rel == equal && limit < 0:
		return
	case rel == equal:
		some(limit)
		if limit < math.MaxInt64 {
			more := w.bits(n)
			atLeast(limit+1, more)
			for i := range out {
				out[i] &^= more[i]
			}
		}
		return
	case limit == math.MaxInt64 && (rel == greater || rel == lessOrEqual):
		limit-- // nobody has so much
		fallthrough
	case rel == greater || rel == lessOrEqual:
		some(max(limit, -1) + 1)
	default:
		some(limit)
	}
	if rel == less || rel == lessOrEqual {
		complement(out, n)
	}
}

func fusedCount(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	r, sel := w.rows(x.src), args[0]
	if sel.all && !r.stacked {
		w.compareCounts(rel, x.val.Number(), out, func(k int64, out event.Bits) { reach(r.start[:w.n+1], k, out) })
		return
	}
	if w.plan.asked[w.plan.tallies[w.node]] == 1 && !r.stacked {
		w.compareCounts(rel, x.val.Number(), out, func(k int64, out event.Bits) {
			if k == 1 {
				w.anyKept(r, sel, out)
				return
			}
			t := tally{units: w.keptOwners(r, sel)}
			t.atLeast(w, k, out)
		})
		return
	}
	t := w.tally(func(t *tally) {
		if r.stacked {
			t.counts = opCount.eval(w, x, args).parts[0].Ints
			return
		}
		t.units = w.keptOwners(r, sel)
	})
	w.compareCounts(rel, x.val.Number(), out, func(k int64, out event.Bits) { t.atLeast(w, k, out) })
}

// anyKept sets the customers that have a kept row.
func (w *worker) anyKept(r *eventRows, sel *vec, out event.Bits) {
	at, acc := 0, uint64(0)
	for wi, word := range sel.mask {
		if word == 0 {
			continue
		}
		owner := r.owner[wi*64:]
		for ; word != 0; word &= word - 1 {
			o := owner[trailing(word)]
			if int(o>>6) != at {
				out[at] |= acc
				at, acc = int(o>>6), 0
			}
			acc |= 1 << (o & 63)
		}
	}
	if acc != 0 {
		out[at] |= acc
	}
}

// keptOwners are the customers of the kept rows.
func (w *worker) keptOwners(r *eventRows, sel *vec) []uint16 {
	if sel.all {
		return r.owner[:r.n]
	}
	units := w.rawShorts(sel.mask.Count())
	i := 0
	for wi, word := range sel.mask {
		if word == 0 {
			continue
		}
		owner := r.owner[wi*64:]
		for ; word != 0; word &= word - 1 {
			units[i] = owner[trailing(word)]
			i++
		}
	}
	return units
}

func fusedDays(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	t := w.tally(func(t *tally) { w.tallyDays(t, x, args[0]) })
	w.compareCounts(rel, x.val.Number(), out, func(k int64, out event.Bits) { t.atLeast(w, k, out) })
}

// tallyDays makes a unit of each row whose day is another than that of its customer's row before.
func (w *worker) tallyDays(t *tally, x *Expr, sel *vec) {
	r := w.rows(x.src)
	if !r.inOrder() {
		t.counts = w.int64s(w.n)
		if r.stacked && w.markDays(r, sel, t.counts) {
			return
		}
		w.eachDays(x, sel, func(cust int, n int64) { t.counts[cust] = n })
		return
	}
	dates := w.localDates(x.src)
	kept := r.n
	if !sel.all {
		kept = sel.mask.Count()
	}
	units, n := w.rawShorts(kept+1), 0
	owner, day := uint16(0), int64(noTime)
	for wi, word := range w.keptWords(r, sel) {
		for ; word != 0; word &= word - 1 {
			row := wi*64 + trailing(word)
			o, d := r.owner[row], dates[row]
			other := uint64(o^owner) | uint64(d^day)
			owner, day = o, d
			units[n] = o
			n += int((other | -other) >> 63)
		}
	}
	t.units = units[:n]
}

// markDays counts the different days of rows in any order with a mark for each customer and day; false where the days lie
// too far apart for that.
func (w *worker) markDays(r *eventRows, sel *vec, counts []int64) bool {
	const longest = 512
	kept := w.keptWords(r, sel)
	earliest, latest := maxTime, minTime
	for wi, word := range kept {
		for ; word != 0; word &= word - 1 {
			t := r.times[wi*64+trailing(word)]
			earliest, latest = min(earliest, t), max(latest, t)
		}
	}
	if earliest > latest {
		return true
	}
	first := w.zone.Date(earliest) - 1 // a clock set back at midnight makes an earlier day of a later time
	days := int(w.zone.Date(latest)-first) + 3
	if days > longest {
		return false
	}
	width := (days + 63) / 64
	marks := w.bits(w.n * width * 64)
	var dates [64]int64
	for wi, word := range kept {
		if word == 0 {
			continue
		}
		from := wi * 64
		if bits.OnesCount64(word) > 16 {
			event.Dates(w.zone, r.times[from:min(r.n, from+64)], dates[:])
		} else {
			for word := word; word != 0; word &= word - 1 {
				j := trailing(word)
				dates[j] = int64(w.zone.Date(r.times[from+j]))
			}
		}
		for ; word != 0; word &= word - 1 {
			j := trailing(word)
			day := int(dates[j]) - int(first)
			marks[int(r.owner[from+j])*width+day>>6] |= 1 << (day & 63)
		}
	}
	for c := range counts {
		n := 0
		for _, word := range marks[c*width : (c+1)*width] {
			n += bits.OnesCount64(word)
		}
		counts[c] = int64(n)
	}
	return true
}

// keptWords are the rows that a selection keeps.
func (w *worker) keptWords(r *eventRows, sel *vec) event.Bits {
	if !sel.all {
		return sel.mask
	}
	all := w.bits(r.n)
	all.Fill(r.n)
	return all
}

// tallyTimes notes when the first (place 1) or last (place -1) kept row of each customer was.
func (w *worker) tallyTimes(t *tally, r *eventRows, sel *vec, place int) {
	t.times, t.who = w.rawInt64s(w.n), w.bits(w.n)
	times, who := t.times, t.who
	switch {
	case r.n == 0:
	case sel.all && r.inOrder():
		reach(r.start[:w.n+1], 1, who)
		for c := range times { // of those without rows it is anything
			at := min(r.start[c], int32(r.n-1))
			if place < 0 {
				at = max(r.start[c+1]-1, 0)
			}
			times[c] = int64(r.times[at])
		}
	case r.inOrder() && place < 0: // the last one written stays
		for wi, word := range sel.mask {
			for ; word != 0; word &= word - 1 {
				row := wi*64 + trailing(word)
				o := r.owner[row]
				times[o] = int64(r.times[row])
				who[o>>6] |= 1 << (o & 63)
			}
		}
	case sel.all:
		for i := range times {
			times[i] = math.MaxInt64
			if place < 0 {
				times[i] = math.MinInt64
			}
		}
		owner := r.owner[:r.n]
		for row, at := range r.times[:r.n] {
			o := owner[row]
			who[o>>6] |= 1 << (o & 63)
			if place < 0 {
				times[o] = max(times[o], int64(at))
			} else {
				times[o] = min(times[o], int64(at))
			}
		}
	case place < 0:
		for i := range times {
			times[i] = math.MinInt64
		}
		for wi, word := range sel.mask {
			for ; word != 0; word &= word - 1 {
				row := wi*64 + trailing(word)
				o := r.owner[row]
				times[o] = max(times[o], int64(r.times[row]))
				who[o>>6] |= 1 << (o & 63)
			}
		}
	default:
		for i := range times {
			times[i] = math.MaxInt64
		}
		for wi, word := range sel.mask {
			for ; word != 0; word &= word - 1 {
				row := wi*64 + trailing(word)
				o := r.owner[row]
				times[o] = min(times[o], int64(r.times[row]))
				who[o>>6] |= 1 << (o & 63)
			}
		}
	}
}

// outermostWithin sets the customers whose first (place 1) or last (place -1) kept row lies within lo…hi. Each row overwrites
// what the one before it said of the same customer, so that the outermost one, which comes last, decides.
func (w *worker) outermostWithin(r *eventRows, sel *vec, place int, lo, hi int64, out event.Bits) {
	least, width := uint64(lo), uint64(hi)-uint64(lo)
	put := func(row int) {
		o := r.owner[row]
		_, outside := bits.Sub64(width, uint64(r.times[row])-least, 0)
		bit := uint64(1) << (o & 63)
		out[o>>6] = out[o>>6]&^bit | bit&(outside-1)
	}
	if place < 0 {
		for wi, word := range sel.mask {
			for ; word != 0; word &= word - 1 {
				put(wi*64 + trailing(word))
			}
		}
		return
	}
	for wi := len(sel.mask) - 1; wi >= 0; wi-- {
		for word := sel.mask[wi]; word != 0; {
			at := 63 - bits.LeadingZeros64(word)
			word &^= 1 << at
			put(wi*64 + at)
		}
	}
}

// compareTimes sets the customers whose first or last kept row lies within lo…hi.
func (t *tally) compareTimes(lo, hi int64, out event.Bits) {
	within(t.times, lo, hi, out)
	for i := range out {
		out[i] &= t.who[i]
	}
}
