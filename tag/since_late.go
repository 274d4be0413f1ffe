package tag

import (
	"math/bits"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/tagindex"
)

// The marks that moved last stand by themselves, before they come among the others: there, a single one would cost a
// copy of the thousand that stand around it. They wait in parts, of a slot and 65,536 neighbouring customers each, and a
// part is brought over when it has become long, so that little is done at a time and each page that is written anew
// gets several of them.
const (
	lateLong  = 512     // marks of a part that is brought over; a reader goes through fewer
	lateMost  = 1 << 21 // marks of all parts together: 16 to 32 MB
	lateChunk = 1 << 16 // customers of a part
)

// lateMarks is the marks that are not among the others yet. Reading is for everybody, writing for one at a time.
type lateMarks struct {
	mu    sync.RWMutex // guards what follows, for readers
	slots map[uint32]*lateSlot
	count int

	// The writer's own.
	long int         // see lateLong
	most int         // see lateMost
	list []*lateSlot // in the order in which they came
	hand latePlace   // where the last part was taken while there were too many
	due  []latePlace // parts that have become long
	seen [lateChunk / 64]uint64
	last []uint32 // by the lower half of the customer's number
}

type lateSlot struct {
	id    uint32
	at    int          // in the list
	parts [][]lateMark // by the upper half of the customer's number
}

// lateMark says what became of a customer's mark: the number of a moment plus one, 0 that there is none any more. Of
// several of one customer the last counts.
type lateMark struct {
	low  uint16
	mark uint32
}

// latePlace is where a part is.
type latePlace struct{ slot, part int }

func newLateMarks() *lateMarks {
	return &lateMarks{slots: map[uint32]*lateSlot{}, long: lateLong, most: lateMost}
}

// find returns what became of a mark; false when nothing did.
func (l *lateMarks) find(slot, customer uint32) (mark uint32, ok bool) {
	s, at := l.slots[slot], int(customer>>16)
	if s == nil || at >= len(s.parts) {
		return 0, false
	}
	part, low := s.parts[at], uint16(customer)
	for i := len(part) - 1; i >= 0; i-- {
		if part[i].low == low {
			return part[i].mark, true
		}
	}
	return 0, false
}

// slot returns a slot, a new one when there is none.
func (l *lateMarks) slot(id uint32) *lateSlot {
	s := l.slots[id]
	if s == nil {
		s = &lateSlot{id: id, at: len(l.list)}
		l.slots[id] = s
		l.list = append(l.list, s)
	}
	return s
}

// put adds a mark. The lock must be held.
func (l *lateMarks) put(s *lateSlot, customer, mark uint32) {
	at := int(customer >> 16)
	for at >= len(s.parts) {
		s.parts = append(s.parts, nil)
	}
	s.parts[at] = append(s.parts[at], lateMark{uint16(customer), mark})
	if l.count++; len(s.parts[at]) == l.long {
		l.due = append(l.due, latePlace{s.at, at})
	}
}

// ripe lists the parts that are to be brought over: the long ones, and where there are too many others too, in turn.
func (l *lateMarks) ripe() []latePlace {
	out, left := l.due, l.count
	l.due = nil
	for _, p := range out {
		left -= len(l.list[p.slot].parts[p.part])
	}
	for left > l.most {
		if l.hand.slot >= len(l.list) {
			l.hand = latePlace{}
		}
		s := l.list[l.hand.slot]
		if l.hand.part >= len(s.parts) {
			l.hand = latePlace{slot: l.hand.slot + 1}
			continue
		}
		if n := len(s.parts[l.hand.part]); n > 0 && n < l.long {
			out = append(out, l.hand)
			left -= n
		}
		l.hand.part++
	}
	return out
}

// all lists the parts of a slot in which there is anything.
func (s *lateSlot) all() (out []latePlace) {
	for at, part := range s.parts {
		if len(part) > 0 {
			out = append(out, latePlace{s.at, at})
		}
	}
	return out
}

// change is what a part comes to, as a change of the marks. It leaves the part as it is.
func (l *lateMarks) change(p latePlace) tagindex.Change {
	s := l.list[p.slot]
	part := s.parts[p.part]
	if l.last == nil {
		l.last = make([]uint32, lateChunk)
	}
	for _, m := range part {
		l.seen[m.low>>6] |= 1 << (m.low & 63)
		l.last[m.low] = m.mark
	}
	high := uint32(p.part) << 16
	entered, left := make([]uint32, 0, len(part)), []uint32(nil)
	numbers := make([]int64, 0, len(part))
	for i, x := range l.seen {
		for ; x != 0; x &= x - 1 {
			low := uint32(i<<6 + bits.TrailingZeros64(x))
			if mark := l.last[low]; mark == 0 {
				left = append(left, high|low)
			} else {
				entered, numbers = append(entered, high|low), append(numbers, int64(mark-1))
			}
		}
	}
	clear(l.seen[:])
	c := &tagindex.ColumnChange{Customers: roaring.New(), Cleared: roaring.New(), Values: event.Column{Kind: event.TimeKind, Len: len(numbers), Ints: numbers}}
	c.Customers.AddMany(entered)
	c.Cleared.AddMany(left)
	return tagindex.Change{Slot: s.id + firstMark, Column: c}
}

// drop takes parts away that were brought over.
func (l *lateMarks) drop(list []latePlace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range list {
		s := l.list[p.slot]
		l.count -= len(s.parts[p.part])
		s.parts[p.part] = nil
	}
}

// bytes is about the memory that it takes.
func (l *lateMarks) bytes() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return 12*l.count + 4*lateChunk
}
