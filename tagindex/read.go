package tagindex

import (
	"math/bits"
	"slices"

	"tagma/event"
)

// manyValues is the number of values beyond which a Reader unpacks a whole chunk of a slot at a time instead of
// looking at every value's set for each block.
const manyValues = 32

// Reader gives the values of neighbouring customers as columns, block by block, for rules to compute with. It
// serves one goroutine. Blocks of up to 256 customers that begin at a multiple of 64 and stay within 65,536 are
// fast; any others, single customers too, are right.
type Reader struct {
	view  *View
	codes map[uint32]*unpacked // by slot; of the bands where it has any
}

// unpacked is the codes of a table for the customers of one chunk.
type unpacked struct {
	key   uint16
	ready bool
	codes [chunkSize]uint16 // the code plus one; 0 for none
}

// Reader returns a reader of the view.
func (v *View) Reader() *Reader { return &Reader{view: v, codes: map[uint32]*unpacked{}} }

// View is what the reader reads.
func (r *Reader) View() *View { return r.view }

// Column fills into with what the customers first … first+n-1 hold in a slot, as View.Value gives it: bands where
// the slot has any, lists where a customer may hold several values. What into refers to is valid until it is
// filled again.
func (r *Reader) Column(slot, first uint32, n int, into *event.Column) {
	c := r.view.Content(slot)
	if t := c.effective(); t != nil {
		r.table(slot, t, first, n, into)
		return
	}
	c.column.read(first, n, into)
}

// Measure is Column for the values behind the bands, as View.Measure gives them.
func (r *Reader) Measure(slot, first uint32, n int, into *event.Column) {
	c := r.view.Content(slot)
	switch {
	case c.bands == nil:
		r.Column(slot, first, n, into)
	case c.values != nil:
		c.values.slowly(first, n, into)
	default:
		c.column.read(first, n, into)
	}
}

// Bits fills into with who among the customers first … first+n-1 holds a value of a slot, as View.Set gives it.
// into has room for n.
func (r *Reader) Bits(slot uint32, value event.Value, first uint32, n int, into event.Bits) {
	r.view.Set(slot, value).bits(first, n, into)
}

// bits fills into with the members among first … first+n-1.
func (s *Set) bits(first uint32, n int, into event.Bits) {
	if first%64 == 0 && int(first%chunkSize)+n <= chunkSize {
		into = into[:(n+63)/64]
		s.wordsAt(first, into)
		if rest := n & 63; rest != 0 {
			into[len(into)-1] &= 1<<rest - 1
		}
		return
	}
	clear(into)
	for i := range n {
		if s.Contains(first + uint32(i)) {
			into.Set(i)
		}
	}
}

// blank prepares a column of n elements without values.
func blank(into *event.Column, kind event.Kind, n int) {
	into.Kind, into.Len, into.Scale = kind, n, 0
	into.Nums, into.Inline, into.Dict = nil, nil, nil
	words := (n + 63) / 64
	into.Has = slices.Grow(into.Has[:0], words)[:words]
	clear(into.Has)
}

func grown[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

func (r *Reader) table(id uint32, t *table, first uint32, n int, into *event.Column) {
	switch {
	case t.multi:
		blank(into, event.ListKind, n)
		into.Values = grown(into.Values, n)
		t.who().bits(first, n, into.Has)
		for i := range n {
			if into.Has.Get(i) {
				into.Values[i] = t.valueAt(first + uint32(i))
			}
		}
		return
	case t.kind == event.BoolKind:
		blank(into, event.BoolKind, n)
		into.Ints = grown(into.Ints, n)
	default:
		blank(into, event.TextKind, n)
		into.Codes, into.Dict = grown(into.Codes, n), t.dict
	}
	put := func(i int, code uint32) {
		if t.kind == event.BoolKind {
			into.Ints[i] = 1 - int64(code)
		} else {
			into.Codes[i] = code
		}
	}
	switch {
	case first%64 != 0 || int(first%chunkSize)+n > chunkSize || n <= 8:
		at, _ := slices.BinarySearch(r.view.ids, id)
		ord := r.view.ords[at]
		for i := range n {
			if code, ok := r.view.code(ord, t, first+uint32(i)); ok {
				into.Has.Set(i)
				put(i, code)
			}
		}
	case len(t.sets) > manyValues:
		codes := r.unpack(id, t, uint16(first>>16))[first&(chunkSize-1):]
		for i, code := range codes[:n] {
			if code != 0 {
				into.Has.Set(i)
				put(i, uint32(code-1))
			}
		}
	default:
		key, at := uint16(first>>16), int(first&(chunkSize-1))>>6
		var few [4]uint64
		w := few[:]
		if len(into.Has) > len(few) {
			w = make([]uint64, len(into.Has))
		}
		w = w[:len(into.Has)]
		for code, s := range t.sets {
			k := s.chunk(key)
			if k == nil {
				continue
			}
			k.wordsAt(at, w)
			if rest := n & 63; rest != 0 {
				w[len(w)-1] &= 1<<rest - 1
			}
			for j, x := range w {
				into.Has[j] |= x
				for ; x != 0; x &= x - 1 {
					put(j<<6+bits.TrailingZeros64(x), uint32(code))
				}
			}
		}
	}
}

// slowly fills into customer by customer.
func (t *table) slowly(first uint32, n int, into *event.Column) {
	blank(into, t.kind, n)
	into.Ints, into.Codes, into.Dict = grown(into.Ints, n), grown(into.Codes, n), t.dict
	if t.multi {
		into.Kind, into.Values = event.ListKind, grown(into.Values, n)
	}
	for i := range n {
		customer := first + uint32(i)
		if !t.who().Contains(customer) {
			continue
		}
		into.Has.Set(i)
		if t.multi {
			into.Values[i] = t.valueAt(customer)
		} else if code, _ := t.codeOf(customer); t.kind == event.BoolKind {
			into.Ints[i] = 1 - int64(code)
		} else {
			into.Codes[i] = code
		}
	}
}

// unpack returns the codes of a chunk.
func (r *Reader) unpack(id uint32, t *table, key uint16) *[chunkSize]uint16 {
	u := r.codes[id]
	if u == nil {
		u = &unpacked{}
		r.codes[id] = u
	}
	if !u.ready || u.key != key {
		clear(u.codes[:])
		for code, s := range t.sets {
			s.chunk(key).each(func(low uint16) bool {
				u.codes[low] = uint16(code + 1)
				return true
			})
		}
		u.key, u.ready = key, true
	}
	return &u.codes
}

// read fills into with the values of the customers first … first+n-1. A nil column has none.
func (c *column) read(first uint32, n int, into *event.Column) {
	if c == nil {
		blank(into, event.Missing, n)
		return
	}
	blank(into, c.kind, n)
	scale, wide := 0, false
	for number := first / pageSize; number <= (first+uint32(n)-1)/pageSize && n > 0; number++ {
		if p := c.page(number); p != nil {
			scale, wide = max(scale, int(p.scale)), wide || p.values != nil
		}
	}
	switch {
	case c.kind == event.ListKind:
		into.Values = grown(into.Values, n)
		c.slowly(first, n, into, func(i int, v event.Value) { into.Values[i] = v })
		return
	case wide, first%64 != 0, !c.even(first, n):
		into.Scale = scale
		if c.kind == event.NumberKind {
			into.Nums = grown(into.Nums, n)
			c.slowly(first, n, into, func(i int, v event.Value) { into.Nums[i] = v.Number() })
			return
		}
		into.Ints = grown(into.Ints, n)
		for i := range n {
			customer := first + uint32(i)
			if p, low := c.page(customer/pageSize), int(customer%pageSize); p.present(low) {
				into.Has.Set(i)
				into.Ints[i] = p.nth(p.rank(low))
			}
		}
	default:
		into.Scale = scale
		into.Ints = grown(into.Ints, (n+63)&^63)
		for at := 0; at < n; {
			customer := first + uint32(at)
			word := int(customer%pageSize) >> 6
			words := min(pageWords-word, (n-at+63)>>6)
			if p := c.page(customer / pageSize); p != nil {
				copy(into.Has[at>>6:(at>>6)+words], p.has[word:])
				p.ints(word, word+words, into.Ints[at:])
			}
			at += words << 6
		}
		into.Ints = into.Ints[:n]
		if rest := n & 63; rest != 0 {
			into.Has[len(into.Has)-1] &= 1<<rest - 1
		}
	}
	if c.kind == event.TextKind {
		into.Codes, into.Dict = grown(into.Codes, n), c.dict
		for i, x := range into.Ints[:n] {
			into.Codes[i] = uint32(x)
		}
	}
}

// even says that the pages of these customers have one scale.
func (c *column) even(first uint32, n int) bool {
	scale := -1
	for number := first / pageSize; n > 0 && number <= (first+uint32(n)-1)/pageSize; number++ {
		if p := c.page(number); p != nil {
			if scale >= 0 && scale != int(p.scale) {
				return false
			}
			scale = int(p.scale)
		}
	}
	return true
}

func (c *column) slowly(first uint32, n int, into *event.Column, put func(i int, v event.Value)) {
	for i := range n {
		if v := c.value(first + uint32(i)); v.Present() {
			into.Has.Set(i)
			put(i, v)
		}
	}
}
