package tag

import (
	"sync"

	"tagma/event"
)

// leafAnswers keeps, for every customer, which leaves of the live rules hold: a bit each. A group of customers takes its
// memory when the first of them is known.
type leafAnswers struct {
	leaves int
	mu     sync.Mutex // guards groups growing, while several goroutines fill them
	groups []*leafGroup
}

const (
	leafGroupSize  = 2048
	leafGroupWords = leafGroupSize / 64
)

// leafGroup is the answers of neighbouring customers, leaf by leaf, and before them who of them existed when they were
// looked at last.
type leafGroup struct {
	known [leafGroupWords]uint64
	words []uint64
}

func newLeafAnswers(leaves int) *leafAnswers { return &leafAnswers{leaves: leaves} }

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
		a.groups[n] = &leafGroup{words: make([]uint64, a.leaves*leafGroupWords)}
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

// get says whether a leaf held.
func (a *leafAnswers) get(leaf int, customer uint32) bool {
	g := a.find(customer)
	return g != nil && g.of(leaf).Get(int(customer%leafGroupSize))
}

// of is the answers of a leaf.
func (g *leafGroup) of(leaf int) event.Bits {
	return event.Bits(g.words[leaf*leafGroupWords : (leaf+1)*leafGroupWords])
}

// fill sets the answers of neighbouring customers from first on, whose number is a multiple of 64.
func (a *leafAnswers) fill(first uint32, known event.Bits, leaf func(k int) event.Bits) {
	at := int(first%leafGroupSize) / 64
	for from := 0; from < len(known); {
		n := min(leafGroupWords-at, len(known)-from)
		g := a.group(first + uint32(from)*64)
		copy(g.known[at:at+n], known[from:])
		for k := range a.leaves {
			copy(g.of(k)[at:at+n], leaf(k)[from:])
		}
		from, at = from+n, 0
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
		w := a.group(f.customer).of(int(f.leaf))
		w[f.customer%leafGroupSize>>6] ^= 1 << (f.customer & 63)
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
