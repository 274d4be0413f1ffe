package tagindex

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// fewCustomers is up to how many customers a change is made one by one. That copies what each of them stands in and
// makes no sets on the way, so that the change of a single customer costs little.
const fewCustomers = 256

// isFew says that the customers of a bitmap are to be taken one by one.
func isFew(b *roaring.Bitmap) bool { return b == nil || b.GetCardinality() <= fewCustomers }

// oneByOne returns the customers of a bitmap when they are few.
func oneByOne(b *roaring.Bitmap) ([]uint32, bool) {
	if !isFew(b) {
		return nil, false
	}
	return b.ToArray(), true
}

// with returns c and one member more. It may change c in place when the epoch is c's.
func (c *chunk) with(low uint16, epoch uint64) *chunk {
	switch {
	case c == nil:
		return &chunk{epoch: epoch, list: []uint16{low}, card: 1}
	case c.under != nil || c.large(epoch):
		if c.contains(low) {
			return c
		}
		return c.flipped(low, 1, epoch)
	case c.words != nil:
		if c.words[low>>6]>>(low&63)&1 != 0 {
			return c
		}
		c = c.ownWords(epoch)
		c.words[low>>6] |= 1 << (low & 63)
		if c.card++; c.full() {
			return fromWords(c.words, epoch)
		}
		return c
	case c.runs:
		return c.runWith(low, epoch)
	}
	at, there := slices.BinarySearch(c.list, low)
	switch {
	case there:
		return c
	case c.card == maxArray:
		var w words
		c.fill(&w)
		w[low>>6] |= 1 << (low & 63)
		return fromWords(&w, epoch)
	case c.epoch == epoch && epoch != 0:
		c.list = slices.Insert(c.list, at, low)
		c.card++
		return c
	}
	return &chunk{epoch: epoch, list: replaced(c.list, at, at, low), card: c.card + 1}
}

// without returns c less one member, nil when none is left. It may change c in place when the epoch is c's.
func (c *chunk) without(low uint16, epoch uint64) *chunk {
	switch {
	case c == nil:
		return nil
	case c.under != nil || c.large(epoch):
		if !c.contains(low) {
			return c
		}
		return c.flipped(low, -1, epoch)
	case c.words != nil:
		if c.words[low>>6]>>(low&63)&1 == 0 {
			return c
		}
		c = c.ownWords(epoch)
		c.words[low>>6] &^= 1 << (low & 63)
		if c.card--; c.card < minWords {
			return fromWords(c.words, epoch)
		}
		return c
	case c.runs:
		return c.runWithout(low, epoch)
	}
	at, there := slices.BinarySearch(c.list, low)
	switch {
	case !there:
		return c
	case c.card == 1:
		return nil
	case c.epoch == epoch && epoch != 0:
		c.list = slices.Delete(c.list, at, at+1)
		c.card--
		return c
	}
	return &chunk{epoch: epoch, list: replaced(c.list, at, at+1), card: c.card - 1}
}

// runAt is the place in the list of the first run that ends at low or later.
func (c *chunk) runAt(low uint16) int {
	i, j := 0, len(c.list)/2
	for i < j {
		if h := (i + j) / 2; c.list[2*h+1] < low {
			i = h + 1
		} else {
			j = h
		}
	}
	return 2 * i
}

func (c *chunk) runWith(low uint16, epoch uint64) *chunk {
	at := c.runAt(low)
	if at < len(c.list) && c.list[at] <= low {
		return c
	}
	joinsLast := at > 0 && c.list[at-1]+1 == low // no run before this place ends at 65,535
	joinsNext := at < len(c.list) && low+1 == c.list[at]
	var list []uint16
	switch {
	case joinsLast && joinsNext:
		list = replaced(c.list, at-1, at+1)
	case joinsLast:
		list = replaced(c.list, at-1, at, low)
	case joinsNext:
		list = replaced(c.list, at, at+1, low)
	default:
		list = replaced(c.list, at, at, low, low)
	}
	return runChunk(list, c.card+1, epoch)
}

func (c *chunk) runWithout(low uint16, epoch uint64) *chunk {
	at := c.runAt(low)
	if at == len(c.list) || c.list[at] > low {
		return c
	}
	first, last := c.list[at], c.list[at+1]
	var list []uint16
	switch {
	case c.card == 1:
		return nil
	case first == last:
		list = replaced(c.list, at, at+2)
	case first == low:
		list = replaced(c.list, at, at+1, low+1)
	case last == low:
		list = replaced(c.list, at+1, at+2, low-1)
	default:
		list = replaced(c.list, at+1, at+1, low-1, low+1)
	}
	return runChunk(list, c.card-1, epoch)
}

// runChunk is a chunk of runs, in another form when that is much smaller.
func runChunk(list []uint16, card int32, epoch uint64) *chunk {
	c := &chunk{epoch: epoch, list: list, card: card, runs: true}
	if 2*len(list) <= int(card)+16 && len(list) <= 2*maxRuns {
		return c
	}
	var w words
	c.fill(&w)
	return fromWords(&w, epoch)
}

// replaced is a copy of a list with other elements from one place to another.
func replaced(list []uint16, from, to int, by ...uint16) []uint16 {
	out := make([]uint16, 0, len(list)-(to-from)+len(by))
	return append(append(append(out, list[:from]...), by...), list[to:]...)
}

// with returns s and one customer more, as a set of the epoch unless nothing changes.
func (s *Set) with(customer uint32, epoch uint64) *Set {
	key := uint16(customer >> 16)
	old := s.chunk(key)
	was := old.count()
	c := old.with(uint16(customer), epoch)
	return s.edited(key, old, c, c.count()-was, epoch)
}

// without returns s less one customer, as a set of the epoch unless nothing changes.
func (s *Set) without(customer uint32, epoch uint64) *Set {
	key := uint16(customer >> 16)
	old := s.chunk(key)
	was := old.count()
	c := old.without(uint16(customer), epoch)
	return s.edited(key, old, c, c.count()-was, epoch)
}

func (s *Set) edited(key uint16, old, c *chunk, delta int, epoch uint64) *Set {
	if delta == 0 {
		return s
	}
	s = s.own(epoch)
	if c != old {
		s.put(key, c)
	}
	s.card += delta
	return s
}

// enterOne is enter for a single customer; it leaves the other values of a table that is not multi.
func (t *table) enterOne(code, customer uint32, epoch uint64) {
	if !t.multi && t.only != int32(code) && t.who().Contains(customer) && !t.sets[code].Contains(customer) {
		for other, s := range t.sets {
			if other != int(code) {
				t.sets[other] = s.without(customer, epoch)
			}
		}
	}
	t.widen(code, epoch)
	t.sets[code] = t.sets[code].with(customer, epoch)
	if t.only == many {
		t.present = t.present.with(customer, epoch)
	}
}

// forgetOne takes a customer who left a value, and holds no other, out of present.
func (t *table) forgetOne(customer uint32, epoch uint64) {
	if t.only != many {
		return
	}
	if t.multi && slices.ContainsFunc(t.sets, func(s *Set) bool { return s.Contains(customer) }) {
		return
	}
	t.present = t.present.without(customer, epoch)
}
