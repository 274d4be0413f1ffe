package tag

import (
	"sync"
	"sync/atomic"

	"tagma/event"
	"tagma/rule"
)

// leafAnswers keeps, for every customer, which leaves of the live rules hold: a bit each, and of roomy ones how much room
// there is: four bits each, as far as their memory goes. A group of customers takes its memory when the first of them is
// known.
type leafAnswers struct {
	leaves int
	width  int        // words for each customer
	rooms  int        // words of rooms for each customer
	left   int64      // bytes that rooms may still take
	today  []uint32   // rule.Today where a room is one of days, for each of the words
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
	rooms []uint32 // eight in a word; nil: nothing is known of any
	// days is of each customer the day that rooms of days call today.
	days []event.Date
}

// newLeafAnswers returns one for so many leaves. days has an element for each roomy leaf, which says whether its room is one
// of days; roomBytes bounds the memory of rooms.
func newLeafAnswers(leaves int, days []bool, roomBytes int64) *leafAnswers {
	a := &leafAnswers{leaves: leaves, width: (leaves + 63) / 64, rooms: (len(days) + 7) / 8, left: roomBytes}
	a.today = make([]uint32, a.rooms)
	for k, is := range days {
		if is {
			a.today[k/8] |= rule.Today << (k % 8 * 4)
		}
	}
	return a
}

// bytes is the memory that they take.
func (a *leafAnswers) bytes() (n int64) {
	for _, g := range a.groups {
		if g != nil {
			n += int64(8*(len(g.words)+leafGroupWords) + 4*len(g.rooms) + 4*len(g.days))
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
		g := &leafGroup{words: make([]uint64, a.width*leafGroupSize)}
		if bytes := int64(4 * a.rooms * leafGroupSize); a.rooms > 0 && bytes <= a.left {
			g.rooms, g.days = make([]uint32, a.rooms*leafGroupSize), make([]event.Date, leafGroupSize)
			a.left -= bytes
		}
		a.groups[n] = g
	}
	return a.groups[n]
}

// newDay makes the rooms of customers ready for a day: what they say of today is of that one.
func (a *leafAnswers) newDay(who []uint32, today event.Date) {
	for _, c := range who {
		g := a.find(c)
		if g == nil || g.rooms == nil || g.days[c%leafGroupSize] == today {
			continue
		}
		g.days[c%leafGroupSize] = today
		for i, w := range a.roomsOf(c) {
			a.roomsOf(c)[i] = w &^ a.today[i]
		}
	}
}

// roomsOf is the rooms of a customer; nil when nothing is known of them.
func (a *leafAnswers) roomsOf(customer uint32) []uint32 {
	g := a.find(customer)
	if g == nil || g.rooms == nil {
		return nil
	}
	place := int(customer%leafGroupSize) * a.rooms
	return g.rooms[place : place+a.rooms]
}

// changeRoom sets one of the rooms of a customer to what is made of it, unless that is false. Several goroutines may change
// those of one customer at once. Without rooms it is false.
func changeRoom(rooms []uint32, roomy int, change func(room uint8) (uint8, bool)) bool {
	if rooms == nil {
		return false
	}
	at, shift := &rooms[roomy/8], roomy%8*4
	for {
		old := atomic.LoadUint32(at)
		room, ok := change(uint8(old >> shift & 15))
		fresh := old&^(15<<shift) | uint32(room)<<shift
		if !ok || fresh == old || atomic.CompareAndSwapUint32(at, old, fresh) {
			return ok
		}
	}
}

// setRoom sets one of the rooms of a customer, as far as anything is known of them.
func setRoom(rooms []uint32, roomy int, room uint8) {
	changeRoom(rooms, roomy, func(uint8) (uint8, bool) { return room, true })
}

// takeRoom takes so much from one of the rooms of a customer, and says whether there was enough.
func takeRoom(rooms []uint32, roomy int, takes uint8) bool {
	return changeRoom(rooms, roomy, func(room uint8) (uint8, bool) {
		if room == rule.Settled {
			return room, takes != rule.TakesAny
		}
		return room - takes, takes <= room
	})
}

// takeDays is takeRoom for a room of days.
func takeDays(rooms []uint32, roomy int, takes uint8) bool {
	return changeRoom(rooms, roomy, func(room uint8) (uint8, bool) {
		left, counts, more := room&^rule.Today, room&rule.Today, takes&^rule.TakesToday
		if takes&rule.TakesToday != 0 {
			if counts != 0 {
				more--
			}
			counts = rule.Today
		}
		if left == rule.DaysSettled {
			return left | counts, true
		}
		return left - more | counts, more <= left
	})
}

// fillRooms sets the rooms of neighbouring customers from first on, whose number is a multiple of 64, leaf by leaf in rooms.
func (a *leafAnswers) fillRooms(first uint32, rooms [][]uint8, today event.Date) {
	if len(rooms) == 0 {
		return
	}
	for from := 0; from < len(rooms[0]); from += 64 { // few at a time, so that what is read and written stays near
		g := a.group(first + uint32(from))
		if g.rooms == nil {
			continue
		}
		place := int(first+uint32(from)) % leafGroupSize * a.rooms
		n := min(64, len(rooms[0])-from)
		for i := range n {
			g.days[int(first+uint32(from))%leafGroupSize+i] = today
		}
		for k := range rooms {
			for i, room := range rooms[k][from : from+n] {
				g.rooms[place+i*a.rooms+k/8] |= uint32(room) << (k % 8 * 4)
			}
		}
	}
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
	width int     // words for each leaf
	place []int32 // by 64 leaves: where they are, in so many; -1 where nobody asked for any
}

// findAll finds the answers of customers to some leaves; nil: to all.
func (a *leafAnswers) findAll(who []uint32, leaves []int) *someAnswers {
	s := &someAnswers{width: (len(who) + 63) / 64, place: make([]int32, a.width)}
	for k := range s.place {
		if s.place[k] = int32(k); leaves != nil {
			s.place[k] = -1
		}
	}
	n := 0
	for _, k := range leaves {
		if s.place[k/64] < 0 {
			s.place[k/64] = int32(n)
			n++
		}
	}
	if leaves == nil {
		n = a.width
	}
	s.words = make([]uint64, n*64*s.width)
	var square [64]uint64
	of := make([]event.Bits, len(who))
	for i, c := range who {
		of[i] = a.of(c)
	}
	for block := range s.width {
		for k := range a.width {
			place := int(s.place[k])
			if place < 0 {
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
				s.words[(place*64+leaf)*s.width+block] = square[leaf]
			}
		}
	}
	return s
}

// of is the answers of a leaf, a bit for each of the customers.
func (s *someAnswers) of(leaf int) event.Bits {
	at := (int(s.place[leaf/64])*64 + leaf%64) * s.width
	return event.Bits(s.words[at : at+s.width])
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
