package tagindex

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A chunk has the same members whether it is written out or told by differences from another, whatever is done with it,
// and what it came from stays as it was.
func TestChunksThatNameOthers(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 11))
		var c *chunk
		var plain words
		switch seed % 4 {
		case 0: // a bit field
			for range 30_000 {
				plain.setOne(uint16(random.Uint32()))
			}
		case 1: // a list
			for range 300 + random.IntN(3000) {
				plain.setOne(uint16(random.Uint32()))
			}
		case 2: // runs
			for range 200 {
				first := uint16(random.Uint32N(65_000))
				plain.setRange(first, first+uint16(random.Uint32N(200)))
			}
		default: // nearly everybody
			plain.setRange(0, chunkSize-1)
			for range 40 {
				low := uint16(random.Uint32())
				plain.unsetRange(low, low)
			}
		}
		c = fromWords(&plain, 1)
		type past struct {
			c     *chunk
			words words
		}
		var held []past
		named := false
		for epoch := uint64(2); epoch < 50; epoch++ {
			held = append(held, past{c, plain})
			for range 1 + random.IntN(6) {
				low := uint16(random.Uint32())
				if on := random.IntN(2) == 0; on {
					c = c.with(low, epoch)
					plain.setOne(low)
				} else {
					if random.IntN(2) == 0 { // somebody who is there
						low = first(&plain, low)
					}
					c = c.without(low, epoch)
					plain.unsetRange(low, low)
				}
			}
			named = named || c.under != nil
			sameMembers(t, c, &plain)
		}
		if !named && seed%4 != 3 {
			t.Errorf("seed %d: no chunk named another", seed)
		}
		for _, p := range held {
			sameMembers(t, p.c, &p.words)
		}
		for range 20 { // with one another
			a, b := held[random.IntN(len(held))], held[random.IntN(len(held))]
			if random.IntN(3) == 0 {
				b.c = fromWords(&b.words, 0)
			}
			var or, and, not words
			n := 0
			for i := range or {
				or[i], and[i], not[i] = a.words[i]|b.words[i], a.words[i]&b.words[i], a.words[i]&^b.words[i]
			}
			n = and.count()
			sameMembers(t, a.c.or(b.c, 99), &or)
			sameMembers(t, a.c.and(b.c, 99), &and)
			sameMembers(t, a.c.andNot(b.c, 99), &not)
			if a.c.overlap(b.c) != n || a.c.intersects(b.c) != (n > 0) || a.c.equal(b.c) != (a.words == b.words) {
				t.Fatalf("seed %d: overlap %d of %d", seed, a.c.overlap(b.c), n)
			}
			for _, into := range []struct {
				f    func(*chunk, *words)
				want *words
			}{{(*chunk).orInto, &or}, {(*chunk).andInto, &and}} {
				w := a.words
				if into.f(b.c, &w); w != *into.want {
					t.Fatalf("seed %d: into words", seed)
				}
			}
			w := a.words
			if b.c.andNotInto(&w); w != not {
				t.Fatalf("seed %d: out of words", seed)
			}
			s, u := &Set{}, &Set{}
			s.add(3, a.c)
			u.add(3, b.c)
			all := Range(3<<16, 4<<16)
			if got := And(In(s), In(u)).Count(all); got != n {
				t.Fatalf("seed %d: and counts %d, want %d", seed, got, n)
			}
			if got := Or(In(s), Not(In(u))).Count(all); got != chunkSize-u.Count()+n {
				t.Fatalf("seed %d: or not counts %d, want %d", seed, got, chunkSize-u.Count()+n)
			}
			back, rest, ok := parsePortable(s.portable())
			if !ok || len(rest) > 0 || !back.Equal(s) {
				t.Fatalf("seed %d: the portable form is another set", seed)
			}
		}
	}
}

func (w *words) setOne(low uint16) { w[low>>6] |= 1 << (low & 63) }

// first is the first member from low on, or low.
func first(w *words, low uint16) uint16 {
	for x := int(low); x < chunkSize; x++ {
		if w[x>>6]>>(x&63)&1 != 0 {
			return uint16(x)
		}
	}
	return low
}

// sameMembers holds a chunk against its members.
func sameMembers(t *testing.T, c *chunk, want *words) {
	t.Helper()
	if c.count() != want.count() {
		t.Fatalf("it has %d members, want %d", c.count(), want.count())
	}
	if c == nil {
		return
	}
	var filled, each words
	c.fill(&filled)
	last := -1
	c.each(func(low uint16) bool {
		if int(low) <= last {
			t.Fatalf("%d comes after %d", low, last)
		}
		last = int(low)
		each.setOne(low)
		return true
	})
	part := make([]uint64, 16)
	c.wordsAt(512, part)
	if filled != *want || each != *want || !slices.Equal(part, want[512:528]) {
		t.Fatal("its members are others")
	}
	for x := 0; x < chunkSize; x += 7 {
		if c.contains(uint16(x)) != (want[x>>6]>>(x&63)&1 != 0) {
			t.Fatalf("it is wrong of %d", x)
		}
	}
	if s := c.settled(5); s.under != nil || !s.equal(c) || !s.valid() {
		t.Fatal("written out it is another")
	}
}
