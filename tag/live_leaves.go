package tag

import (
	"sync"

	"tagma/event"
)

// leafAnswers keeps, for every customer, which leaves of the live rules hold: a bit each. A group of customers takes its
// memory when the first of them is known.
type leafAnswers struct {
	leaves int
	width  int        // words for each customer
	mu     sync.Mutex // guards groups growing, while several goroutines fill them
	groups []*leafGroup
}

const (
	leafGroupSize  = 2048
	leafGroupWords = leafGroupSize / 64
)

// leafGroup is the answers of neighbouring customers, customer by customer, and before them who of them existed when they
// were looked at last.
type leafGroup struct {
	known [leafGroupWords]uint64
	words []uint64
}

func newLeafAnswers(leaves int) *leafAnswers {
	return &leafAnswers{leaves: leaves, width: (leaves + 63) / 64}
}

// bytes is the memory that they take.
func (a *leafAnswers) bytes() (n int64) {
	for _, g := range a.groups {
		if g != nil {
			n += int64(8 * (len(g.words) + leafGroupWords))
		}
	}
	return
}

func (a *leafAnswers) group(customer uint32) *leafGroup {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := int(customer / leafGroupSize)
	for n >= len(a.groups) {
		a.groups = append(a.groups, nil)
	}
	if a.groups[n] == nil {
		a.groups[n] = &leafGroup{words: make([]uint64, a.width*leafGroupSize)}
	}
	return a.groups[n]
}

// find returns the group of a customer, nil when nothing is known of it.
func (a *leafAnswers) find(customer uint32) *leafGroup {
	if n := int(customer / leafGroupSize); n < len(a.groups) {
		return a.groups[n]
	}
	return nil
}

// known says whether a customer existed when it was looked at last.
func (a *leafAnswers) known(customer uint32) bool {
	g := a.find(customer)
	return g != nil && event.Bits(g.known[:]).Get(int(customer%leafGroupSize))
}

// of is the answers of a customer, a bit for each leaf; nil when nothing is known of it.
func (a *leafAnswers) of(customer uint32) event.Bits {
	g := a.find(customer)
	if g == nil {
		return nil
	}
	at := int(customer%leafGroupSize) * a.width
	return event.Bits(g.words[at : at+a.width])
}

// someAnswers are the answers of some customers, turned round: leaf by leaf.
type someAnswers struct {
	words []uint64
	width int // words for each leaf
}

// findAll finds the answers of customers to some leaves; nil: to all.
func (a *leafAnswers) findAll(who []uint32, leaves []int) *someAnswers {
	wanted := make([]bool, a.width)
	for _, k := range leaves {
		wanted[k/64] = true
	}
	s := &someAnswers{width: (len(who) + 63) / 64}
	s.words = make([]uint64, a.width*64*s.width)
	var square [64]uint64
	of := make([]event.Bits, len(who))
	for i, c := range who {
		of[i] = a.of(c)
	}
	for block := range s.width {
		for k := range a.width {
			if leaves != nil && !wanted[k] {
				continue
			}
			square = [64]uint64{}
			for i := range min(64, len(who)-block*64) {
				if words := of[block*64+i]; words != nil {
					square[i] = words[k]
				}
			}
			transpose(&square)
			for leaf := range square {
				s.words[(k*64+leaf)*s.width+block] = square[leaf]
			}
		}
	}
	return s
}

// of is the answers of a leaf, a bit for each of the customers.
func (s *someAnswers) of(leaf int) event.Bits {
	return event.Bits(s.words[leaf*s.width : (leaf+1)*s.width])
}

// fill sets the answers of neighbouring customers from first on, whose number is a multiple of 64.
func (a *leafAnswers) fill(first uint32, known event.Bits, leaf func(k int) event.Bits) {
	answers := make([]event.Bits, a.leaves)
	for k := range answers {
		answers[k] = leaf(k)
	}
	var square [64]uint64
	for i := range known {
		g := a.group(first + uint32(i)*64)
		at := int(first+uint32(i)*64) % leafGroupSize
		g.known[at/64] = known[i]
		for k := range a.width {
			square = [64]uint64{}
			for l := range min(64, a.leaves-k*64) {
				square[l] = answers[k*64+l][i]
			}
			transpose(&square)
			for c := range square {
				g.words[(at+c)*a.width+k] = square[c]
			}
		}
	}
}

// transpose turns a square of bits round: bit j of word i becomes bit i of word j. It halves the square again and again,
// as in H. S. Warren, Hacker's Delight, 7-3.
func transpose(a *[64]uint64) {
	mask := uint64(0x00000000ffffffff)
	for width := 32; width != 0; width >>= 1 {
		for k := 0; k < 64; k = (k + width + 1) &^ width {
			t := (a[k]>>width ^ a[k+width]) & mask
			a[k] ^= t << width
			a[k+width] ^= t
		}
		mask ^= mask << (width >> 1)
	}
}

// flip is an answer that became another one.
type flip struct {
	leaf     int32
	customer uint32
}

// turn takes in flips, and who exists.
func (a *leafAnswers) turn(flips []flip, exist map[uint32]bool) {
	for _, f := range flips {
		a.group(f.customer)
		a.of(f.customer)[f.leaf>>6] ^= 1 << (f.leaf & 63)
	}
	for c, there := range exist {
		known := event.Bits(a.group(c).known[:])
		if there {
			known.Set(int(c % leafGroupSize))
		} else {
			known.Unset(int(c % leafGroupSize))
		}
	}
}
