package tagindex

import (
	"math/bits"
	"slices"
)

// A chunk that is large is not copied for a member more or less: a new one names the old one, which stays as it was, and
// lists whom it has otherwise. Only when these have become many is it written out. So a change of one customer costs a
// few bytes, where the bits of 65,536 would be eight thousand, and readers still find everything in one or two steps.
const (
	// flipFrom is the length from which on a list is not copied for a single change.
	flipFrom = 128
	// maxFlips is the most members that a chunk has otherwise than the one that it names.
	maxFlips = 64
)

// isList says that the members are in list one by one.
func (c *chunk) isList() bool { return c.words == nil && !c.runs && c.under == nil }

// large says that it is better to name the chunk than to copy it, in an epoch that may not change it in place.
func (c *chunk) large(epoch uint64) bool {
	return (c.epoch != epoch || epoch == 0) && (c.words != nil || len(c.list) >= flipFrom)
}

// flipped returns c with one member more or less, which must be so: delta is 1 or -1, and nobody is in or out of it
// already. c is large, or has flips.
func (c *chunk) flipped(low uint16, delta int32, epoch uint64) *chunk {
	card := c.card + delta
	switch {
	case card == 0:
		return nil
	case c.under == nil:
		return (&chunk{epoch: epoch, under: c, list: []uint16{low}, card: card}).unlessFull()
	}
	at, there := slices.BinarySearch(c.list, low)
	own := c.epoch == epoch && epoch != 0
	switch {
	case there && len(c.list) == 1:
		return c.under
	case !there && len(c.list) == maxFlips:
		c = c.settled(epoch)
		if delta > 0 {
			return c.with(low, epoch)
		}
		return c.without(low, epoch)
	case own && there:
		c.list, c.card = slices.Delete(c.list, at, at+1), card
		return c.unlessFull()
	case own:
		c.list, c.card = slices.Insert(c.list, at, low), card
		return c.unlessFull()
	case there:
		return (&chunk{epoch: epoch, under: c.under, list: replaced(c.list, at, at+1), card: card}).unlessFull()
	}
	return (&chunk{epoch: epoch, under: c.under, list: replaced(c.list, at, at, low), card: card}).unlessFull()
}

// unlessFull is the chunk, in the usual form of one that everybody is in.
func (c *chunk) unlessFull() *chunk {
	if c.full() {
		return &chunk{epoch: c.epoch, list: []uint16{0, chunkSize - 1}, card: chunkSize, runs: true}
	}
	return c
}

// settled returns a chunk with the same members that names no other: c itself when it does not.
func (c *chunk) settled(epoch uint64) *chunk {
	if c == nil || c.under == nil {
		return c
	}
	if c.under.words != nil && c.card >= minWords {
		w := (*words)(append([]uint64(nil), c.under.words[:]...)) // without clearing what is written over
		w.flip(c.list)
		return &chunk{epoch: epoch, words: w, card: c.card}
	}
	var w words
	c.fill(&w)
	return fromWords(&w, epoch)
}

// settled returns a set whose chunks name no others, s itself when it is one.
func (s *Set) settled() *Set {
	if s == nil || !slices.ContainsFunc(s.chunks, func(c *chunk) bool { return c.under != nil }) {
		return s
	}
	out := &Set{keys: s.keys, chunks: slices.Clone(s.chunks), card: s.card}
	for i, c := range out.chunks {
		out.chunks[i] = c.settled(0)
	}
	return out
}

// flip turns the bits of a list round.
func (w *words) flip(list []uint16) {
	for _, x := range list {
		w[x>>6] ^= 1 << (x & 63)
	}
}

// flipsAt turns round those bits of dst, whose first word has that number, that c has otherwise than the one it names.
func (c *chunk) flipsAt(first int, dst []uint64) {
	for _, x := range c.list {
		if at := int(x>>6) - first; at >= 0 && at < len(dst) {
			dst[at] ^= 1 << (x & 63)
		}
	}
}

// each calls yield for the members ascending until it returns false.
func (w *words) each(yield func(low uint16) bool) bool {
	for i, x := range w {
		for ; x != 0; x &= x - 1 {
			if !yield(uint16(i<<6 + bits.TrailingZeros64(x))) {
				return false
			}
		}
	}
	return true
}
