package tagindex

import (
	"math/bits"
	"slices"
)

const (
	chunkSize  = 1 << 16
	chunkWords = chunkSize / 64
	// maxArray is the most members that a chunk lists one by one; the portable roaring format has the same border.
	maxArray = 4096
	// maxRuns is the most runs that a chunk has: reading more takes longer than reading its bit field.
	maxRuns = 512
	// minWords is where a bit field that shrinks becomes a list again. It lies below maxArray so that a chunk at
	// the border does not change its form with every change.
	minWords = 3072
	// building is the epoch of what is assembled outside an index, where it is nobody's once done.
	building = ^uint64(0)
)

// words is a bit field of one chunk.
type words [chunkWords]uint64

// chunk holds the members of a set among 65,536 neighbouring customers: a bit field, a list, or runs, whichever
// is smallest, or few differences from another chunk (flip.go). A nil chunk is empty. Chunks are shared between sets and views and are then never written; only
// the writer whose epoch a chunk carries may change it in place. Epoch 0 belongs to nobody.
type chunk struct {
	epoch uint64
	words *words   // the bit field, or nil
	list  []uint16 // members ascending; with runs: pairs first, last; with under: who is otherwise than there
	under *chunk   // nobody's; never with an under of its own
	card  int32
	runs  bool
}

func (w *words) count() int {
	n := 0
	for i := 0; i < chunkWords; i += 4 {
		n += bits.OnesCount64(w[i]) + bits.OnesCount64(w[i+1]) + bits.OnesCount64(w[i+2]) + bits.OnesCount64(w[i+3])
	}
	return n
}

// fromWords returns the smallest form of w that is quick to read, nil when it is empty. w is copied.
func fromWords(w *words, epoch uint64) *chunk {
	card, runs, carry := 0, 0, uint64(0)
	for _, x := range w {
		card += bits.OnesCount64(x)
		runs += bits.OnesCount64(x &^ (x<<1 | carry))
		carry = x >> 63
	}
	switch {
	case card == 0:
		return nil
	case runs <= maxRuns && runs*4 < min(card*2, chunkWords*8):
		return &chunk{epoch: epoch, list: w.runList(runs), card: int32(card), runs: true}
	case card <= maxArray:
		return &chunk{epoch: epoch, list: w.memberList(card), card: int32(card)}
	}
	c := *w
	return &chunk{epoch: epoch, words: &c, card: int32(card)}
}

func (w *words) memberList(card int) []uint16 {
	list := make([]uint16, 0, card)
	for i, x := range w {
		for ; x != 0; x &= x - 1 {
			list = append(list, uint16(i<<6+bits.TrailingZeros64(x)))
		}
	}
	return list
}

func (w *words) runList(runs int) []uint16 {
	list := make([]uint16, 0, 2*runs)
	carry := uint64(0)
	for i, x := range w {
		starts := x &^ (x<<1 | carry)
		carry = x >> 63
		for ; starts != 0; starts &= starts - 1 {
			first := i<<6 + bits.TrailingZeros64(starts)
			last := w.runEnd(first)
			list = append(list, uint16(first), uint16(last))
		}
	}
	return list
}

// runEnd returns the last member of the run that first is in.
func (w *words) runEnd(first int) int {
	i := first >> 6
	if gap := ^(w[i] >> (first & 63) << (first & 63)) & (^uint64(0) << (first & 63)); gap != 0 {
		return i<<6 + bits.TrailingZeros64(gap) - 1
	}
	for i++; i < chunkWords; i++ {
		if w[i] != ^uint64(0) {
			return i<<6 + bits.TrailingZeros64(^w[i]) - 1
		}
	}
	return chunkSize - 1
}

func (w *words) setRange(first, last uint16) {
	i, j := int(first>>6), int(last>>6)
	head, tail := ^uint64(0)<<(first&63), ^uint64(0)>>(63-last&63)
	if i == j {
		w[i] |= head & tail
		return
	}
	w[i] |= head
	for k := i + 1; k < j; k++ {
		w[k] = ^uint64(0)
	}
	w[j] |= tail
}

func (w *words) unsetRange(first, last uint16) {
	i, j := int(first>>6), int(last>>6)
	head, tail := ^uint64(0)<<(first&63), ^uint64(0)>>(63-last&63)
	if i == j {
		w[i] &^= head & tail
		return
	}
	w[i] &^= head
	clear(w[i+1 : j])
	w[j] &^= tail
}

func (c *chunk) full() bool { return c != nil && c.card == chunkSize }

func (c *chunk) contains(low uint16) bool {
	switch {
	case c == nil:
		return false
	case c.words != nil:
		return c.words[low>>6]>>(low&63)&1 != 0
	case c.under != nil:
		_, otherwise := slices.BinarySearch(c.list, low)
		return c.under.contains(low) != otherwise
	case c.runs:
		i, j := 0, len(c.list)/2
		for i < j {
			if h := (i + j) / 2; c.list[2*h] <= low {
				i = h + 1
			} else {
				j = h
			}
		}
		return i > 0 && low <= c.list[2*i-1]
	}
	_, ok := slices.BinarySearch(c.list, low)
	return ok
}

// fill writes the members to w, whatever stood there.
func (c *chunk) fill(w *words) {
	if c != nil && c.words != nil {
		*w = *c.words
		return
	}
	if c != nil && c.under != nil {
		c.under.fill(w)
		w.flip(c.list)
		return
	}
	clear(w[:])
	c.orInto(w)
}

func (c *chunk) orInto(w *words) {
	switch {
	case c == nil:
	case c.words != nil:
		s := c.words
		for i := 0; i < chunkWords; i += 4 {
			w[i] |= s[i]
			w[i+1] |= s[i+1]
			w[i+2] |= s[i+2]
			w[i+3] |= s[i+3]
		}
	case c.under != nil:
		var s words
		c.fill(&s)
		(&chunk{words: &s}).orInto(w)
	case c.runs:
		for i := 0; i < len(c.list); i += 2 {
			w.setRange(c.list[i], c.list[i+1])
		}
	default:
		for _, x := range c.list {
			w[x>>6] |= 1 << (x & 63)
		}
	}
}

func (c *chunk) andNotInto(w *words) {
	switch {
	case c == nil:
	case c.words != nil:
		s := c.words
		for i := 0; i < chunkWords; i += 4 {
			w[i] &^= s[i]
			w[i+1] &^= s[i+1]
			w[i+2] &^= s[i+2]
			w[i+3] &^= s[i+3]
		}
	case c.under != nil:
		var s words
		c.fill(&s)
		(&chunk{words: &s}).andNotInto(w)
	case c.runs:
		for i := 0; i < len(c.list); i += 2 {
			w.unsetRange(c.list[i], c.list[i+1])
		}
	default:
		for _, x := range c.list {
			w[x>>6] &^= 1 << (x & 63)
		}
	}
}

func (c *chunk) andInto(w *words) {
	switch {
	case c == nil:
		clear(w[:])
	case c.words != nil:
		s := c.words
		for i := 0; i < chunkWords; i += 4 {
			w[i] &= s[i]
			w[i+1] &= s[i+1]
			w[i+2] &= s[i+2]
			w[i+3] &= s[i+3]
		}
	case c.under != nil:
		var s words
		c.fill(&s)
		(&chunk{words: &s}).andInto(w)
	case c.runs:
		next := 0
		for i := 0; i < len(c.list); i += 2 {
			if first := int(c.list[i]); first > next {
				w.unsetRange(uint16(next), uint16(first-1))
			}
			next = int(c.list[i+1]) + 1
		}
		if next < chunkSize {
			w.unsetRange(uint16(next), chunkSize-1)
		}
	default:
		at := 0
		for i := 0; i < len(c.list); {
			word, mask := int(c.list[i]>>6), uint64(0)
			for ; i < len(c.list) && int(c.list[i]>>6) == word; i++ {
				mask |= 1 << (c.list[i] & 63)
			}
			clear(w[at:word])
			w[word] &= mask
			at = word + 1
		}
		clear(w[at:])
	}
}

// wordsAt writes the members from word number first on to dst, whatever stood there.
func (c *chunk) wordsAt(first int, dst []uint64) {
	if c != nil && c.words != nil {
		copy(dst, c.words[first:])
		return
	}
	if c != nil && c.under != nil {
		c.under.wordsAt(first, dst)
		c.flipsAt(first, dst)
		return
	}
	clear(dst)
	if c == nil {
		return
	}
	from, to := first<<6, (first+len(dst))<<6
	if c.runs {
		for i := 0; i < len(c.list); i += 2 {
			a, b := max(int(c.list[i]), from), min(int(c.list[i+1]), to-1)
			for ; a <= b; a++ {
				if a&63 == 0 && a+63 <= b {
					dst[a>>6-first] = ^uint64(0)
					a += 63
				} else {
					dst[a>>6-first] |= 1 << (a & 63)
				}
			}
		}
		return
	}
	i, _ := slices.BinarySearch(c.list, uint16(from))
	for ; i < len(c.list) && int(c.list[i]) < to; i++ {
		x := int(c.list[i])
		dst[x>>6-first] |= 1 << (x & 63)
	}
}

// each calls yield for the members ascending until it returns false.
func (c *chunk) each(yield func(low uint16) bool) bool {
	switch {
	case c == nil:
	case c.words != nil:
		return c.words.each(yield)
	case c.under != nil:
		var w words
		c.fill(&w)
		return w.each(yield)
	case c.runs:
		for i := 0; i < len(c.list); i += 2 {
			for x := int(c.list[i]); x <= int(c.list[i+1]); x++ {
				if !yield(uint16(x)) {
					return false
				}
			}
		}
	default:
		for _, x := range c.list {
			if !yield(x) {
				return false
			}
		}
	}
	return true
}

func (c *chunk) equal(d *chunk) bool {
	switch {
	case c == d:
		return true
	case c == nil || d == nil || c.card != d.card:
		return false
	case c.words != nil && d.words != nil:
		return *c.words == *d.words
	case c.words == nil && d.words == nil && c.under == nil && d.under == nil && c.runs == d.runs:
		return slices.Equal(c.list, d.list)
	}
	var a, b words
	c.fill(&a)
	d.fill(&b)
	return a == b
}

// or returns c ∪ d. It may change c in place when the epoch is c's, and may return c or d themselves.
func (c *chunk) or(d *chunk, epoch uint64) *chunk {
	switch {
	case c == nil || d.full():
		return d
	case d == nil || c.full():
		return c
	case c.under != nil || d.under != nil:
		return c.settled(epoch).or(d.settled(0), epoch)
	case c.isList() && d.isList() && c.card+d.card <= maxArray:
		return c.orList(d, epoch)
	case c.words != nil && d.isList():
		c = c.ownWords(epoch)
		for _, x := range d.list {
			bit := uint64(1) << (x & 63)
			c.card += int32(^c.words[x>>6] >> (x & 63) & 1)
			c.words[x>>6] |= bit
		}
		if c.full() {
			return fromWords(c.words, epoch)
		}
		return c
	}
	var w words
	c.fill(&w)
	d.orInto(&w)
	return fromWords(&w, epoch)
}

func (c *chunk) orList(d *chunk, epoch uint64) *chunk {
	if d.card <= 4 && c.epoch == epoch && epoch != 0 {
		for _, x := range d.list {
			if i, ok := slices.BinarySearch(c.list, x); !ok {
				c.list = slices.Insert(c.list, i, x)
				c.card++
			}
		}
		return c
	}
	out := make([]uint16, 0, c.card+d.card)
	a, b := c.list, d.list
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case a[0] > b[0]:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	out = append(append(out, a...), b...)
	return &chunk{epoch: epoch, list: out, card: int32(len(out))}
}

// andNot returns c without the members of d, nil when none is left. It may change c in place when the epoch is c's.
func (c *chunk) andNot(d *chunk, epoch uint64) *chunk {
	switch {
	case c == nil || d == nil:
		return c
	case d.full():
		return nil
	case c.under != nil || d.under != nil && !c.isList():
		return c.settled(epoch).andNot(d.settled(0), epoch)
	case c.isList():
		if !c.intersects(d) {
			return c
		}
		out := make([]uint16, 0, c.card)
		for _, x := range c.list {
			if !d.contains(x) {
				out = append(out, x)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return &chunk{epoch: epoch, list: out, card: int32(len(out))}
	case c.words != nil && d.isList():
		if !c.intersects(d) {
			return c
		}
		c = c.ownWords(epoch)
		for _, x := range d.list {
			c.card -= int32(c.words[x>>6] >> (x & 63) & 1)
			c.words[x>>6] &^= 1 << (x & 63)
		}
		if c.card < minWords {
			return fromWords(c.words, epoch)
		}
		return c
	}
	var w words
	c.fill(&w)
	d.andNotInto(&w)
	return fromWords(&w, epoch)
}

// and returns c ∩ d, nil when it is empty, never a chunk that the epoch may write.
func (c *chunk) and(d *chunk, epoch uint64) *chunk {
	switch {
	case c == nil || d == nil:
		return nil
	case c.full():
		return d.shared(epoch)
	case d.full():
		return c.shared(epoch)
	}
	if !c.isList() {
		c, d = d, c
	}
	if c.isList() {
		out := make([]uint16, 0, min(int(c.card), 64))
		for _, x := range c.list {
			if d.contains(x) {
				out = append(out, x)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return &chunk{list: out, card: int32(len(out))}
	}
	var w words
	c.fill(&w)
	d.andInto(&w)
	return fromWords(&w, 0)
}

// intersects says whether c and d share a member. Both may be nil.
func (c *chunk) intersects(d *chunk) bool {
	if c == nil || d == nil {
		return false
	}
	if d.isList() && (!c.isList() || d.card < c.card) {
		c, d = d, c
	}
	if c.words != nil && d.words != nil {
		for i := range c.words {
			if c.words[i]&d.words[i] != 0 {
				return true
			}
		}
		return false
	}
	if c.isList() {
		for _, x := range c.list {
			if d.contains(x) {
				return true
			}
		}
		return false
	}
	return c.and(d, 0) != nil
}

// shared returns a chunk of the same members that the epoch does not write, so that two sets can hold it.
func (c *chunk) shared(epoch uint64) *chunk {
	if c == nil || c.epoch != epoch || epoch == 0 {
		return c
	}
	d := *c
	d.epoch = 0
	if c.words != nil {
		w := *c.words
		d.words = &w
	} else {
		d.list = slices.Clone(c.list)
	}
	return &d
}

// ownWords returns a chunk with a bit field that the epoch may write.
func (c *chunk) ownWords(epoch uint64) *chunk {
	if c.epoch == epoch && epoch != 0 {
		return c
	}
	w := (*words)(append([]uint64(nil), c.words[:]...)) // without clearing what is written over
	return &chunk{epoch: epoch, words: w, card: c.card}
}

// bytes is the memory that the chunk takes.
func (c *chunk) bytes() int {
	n := 64 + 2*cap(c.list) // head and the pointer to it
	if c.words != nil {
		n += chunkWords * 8
	}
	if c.under != nil {
		n += c.under.bytes()
	}
	return n
}
