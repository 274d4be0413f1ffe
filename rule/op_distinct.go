package rule

import (
	"hash/maphash"
	"math"
	"math/bits"
	"slices"

	"tagma/event"
)

// How many different values there are.

// distinctKey returns numbers that are equal for equal values of a column's elements, for kinds that allow it.
func distinctInts(c *event.Column) (func(i int) int64, bool) {
	switch {
	case c.Ints != nil && c.Nums == nil:
		return func(i int) int64 { return c.Ints[i] }, true
	case c.Codes != nil && len(c.Inline) == 0:
		return func(i int) int64 { return int64(c.Codes[i]) }, true
	}
	return nil, false
}

var opDistinct = &op{name: "distinct", at: &atCustomer, text: method("distinct"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	_, c := w.distinct(x, args)
	return w.oneCol(w.n, false, c)
}}

// distinct counts the different values of each customer's kept rows. Values of different kinds are different.
func (w *worker) distinct(x *Expr, args []*vec) ([]int64, *event.Column) {
	out, val := w.countColumn(), args[1]
	if val.isCond {
		val = w.fromValues(val.n, val.single, val.value)
	}
	for p := range val.parts {
		w.eachDistinct(x, args[0], &val.parts[p], val.single, func(cust int, n int64) { out.Ints[cust] += n })
	}
	return out.Ints, out
}

// eachDistinct calls f with the number of different values that a column has in each customer's kept rows.
func (w *worker) eachDistinct(x *Expr, sel *vec, c *event.Column, single bool, f func(cust int, n int64)) {
	key, ok := distinctInts(c)
	w.perCustomer(x, sel, func(cust int, rows []int32) {
		if len(rows) == 1 && !single {
			n := int64(0)
			if c.Present(int(rows[0])) {
				n = 1
			}
			f(cust, n)
			return
		}
		if ok && !single {
			w.keyBuf = w.keyBuf[:0]
			for _, row := range rows {
				if c.Present(int(row)) {
					w.keyBuf = append(w.keyBuf, key(int(row)))
				}
			}
			f(cust, int64(countDistinct(w.keyBuf)))
			return
		}
		seen := map[string]struct{}{}
		for _, row := range rows {
			i := int(row)
			if single {
				i = 0
			}
			if c.Present(i) {
				seen[c.Value(i).Key()] = struct{}{}
			}
		}
		f(cust, int64(len(seen)))
	})
}

// countDistinct counts the different numbers; it reorders them.
func countDistinct(keys []int64) int {
	if len(keys) <= 12 {
		n := 0
	next:
		for i, k := range keys {
			for _, j := range keys[:i] {
				if j == k {
					continue next
				}
			}
			n++
		}
		return n
	}
	slices.Sort(keys)
	n := 0
	for i, k := range keys {
		if i == 0 || k != keys[i-1] {
			n++
		}
	}
	return n
}

func fusedDistinct(w *worker, x *Expr, args []*vec, rel relation, out event.Bits) {
	t := w.tally(func(t *tally) { w.tallyDistinct(t, x, args) })
	w.compareCounts(rel, x.val.Number(), out, func(k int64, out event.Bits) { t.atLeast(w, k, out) })
}

// tallyDistinct makes a unit of each row whose value its customer had not before. Of texts of a dictionary it notes for
// each code who had it last.
func (w *worker) tallyDistinct(t *tally, x *Expr, args []*vec) {
	r, sel, val := w.rows(x.src), args[0], args[1]
	if len(val.parts) != 1 || val.single || val.isCond || r.stacked || val.parts[0].Codes == nil {
		t.counts, _ = w.distinct(x, args)
		return
	}
	c := &val.parts[0]
	if !sel.all && len(c.Inline) > 8*sel.mask.Count() { // to number all texts would take longer
		t.counts, _ = w.distinct(x, args)
		return
	}
	codes := w.plainCodes(w.plan.args[w.node][1], c)
	highest := uint32(0)
	for i, code := range codes {
		if code > highest && c.Present(i) {
			highest = code
		}
	}
	if int(highest) >= len(w.stamps) {
		w.stamps, w.stamp = make([]uint32, highest+1024), 0
	}
	if w.stamp > math.MaxUint32-uint32(w.n)-1 {
		clear(w.stamps)
		w.stamp = 0
	}
	first, stamps := w.stamp+1, w.stamps
	w.stamp += uint32(w.n)
	kept := r.n
	if !sel.all {
		kept = sel.mask.Count()
	}
	units, n := w.rawShorts(kept+1), 0
	for wi, word := range w.keptWords(r, sel) {
		if c.Has != nil {
			word &= c.Has[wi]
		}
		for ; word != 0; word &= word - 1 {
			row := wi*64 + trailing(word)
			o, code := r.owner[row], codes[row]
			mine := first + uint32(o)
			other := uint64(stamps[code] ^ mine)
			stamps[code] = mine
			units[n] = o
			n += int((other | -other) >> 63)
		}
	}
	t.units = units[:n]
}

// plainCodes are the codes of a column of texts, which is the value at a place, with numbers behind those of the
// dictionary for texts that stand inline: equal for equal texts of this block.
func (w *worker) plainCodes(place int32, c *event.Column) []uint32 {
	if len(c.Inline) == 0 {
		return c.Codes[:c.Len]
	}
	x := w.inline[place]
	if x == nil {
		x = &inlineCodes{seed: maphash.MakeSeed()}
		if w.inline == nil {
			w.inline = map[int32]*inlineCodes{}
		}
		w.inline[place] = x
	}
	if x.epoch != w.epoch {
		x.epoch = w.epoch
		x.number(c)
	}
	return x.codes
}

// inlineCodes numbers the texts of a column that stand inline.
type inlineCodes struct {
	epoch int
	seed  maphash.Seed
	ids   []uint32 // of each inline text
	table []uint32 // hashed: one more than the place of a text; 0 where there is none
	codes []uint32
}

func (x *inlineCodes) number(c *event.Column) {
	size := 1 << bits.Len(uint(2*len(c.Inline)))
	x.ids, x.table, x.codes = grown(x.ids, len(c.Inline)), grown(x.table, size), grown(x.codes, c.Len)
	clear(x.table)
	next, above := uint32(0), uint32(0)
	for i, text := range c.Inline {
		at := uint32(maphash.String(x.seed, text)) & uint32(size-1)
		for {
			other := x.table[at]
			if other == 0 {
				x.table[at], x.ids[i] = uint32(i)+1, next
				next++
				break
			}
			if c.Inline[other-1] == text {
				x.ids[i] = x.ids[other-1]
				break
			}
			at = (at + 1) & uint32(size-1)
		}
	}
	for i, code := range c.Codes[:c.Len] {
		if code&event.Inline == 0 && c.Present(i) {
			above = max(above, code+1)
		}
	}
	for i, code := range c.Codes[:c.Len] {
		if code&event.Inline != 0 && c.Present(i) {
			code = above + x.ids[code&^event.Inline]
		}
		x.codes[i] = code
	}
}
