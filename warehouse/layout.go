package warehouse

import (
	"math/bits"
	"slices"

	"tagma/event"
)

// layout brings the rows of several segments into one order: by profile, time and arrival. It works by counting:
// rows are put behind one another profile by profile, and only where the segments of one group turn out to
// overlap in time are that profile's rows sorted.
type layout struct {
	only     int // the low byte of the one profile that is read, or -1
	base     int // of the block that is being added: the place of its first profile
	segments []segment
	lows     []uint16 // places of profiles: the low byte, and the block's base
	lens     []int32

	rows     int
	start    []int32
	owner    []uint16
	pos      []int32 // the place of each row that is read; not filled when straight
	straight bool    // one segment: rows are in place as they stand
	times    []event.Time
	arrivals []uint64

	// Of each profile, while segments are put in place: the place of its next row, and of its first in the present group.
	next, first []int32

	us    []uint64
	ints  []int32
	perm  []int32
	order []rowOrder
}

type rowOrder struct {
	time    event.Time
	arrival uint64
	row     int32
}

func (l *layout) reset(only int) {
	l.only, l.base = only, 0
	l.segments, l.lows, l.lens = l.segments[:0], l.lows[:0], l.lens[:0]
}

// add parses the segments of a value, which must stay as it is while the layout is in use.
func (l *layout) add(value cursor, group int) error {
	group |= l.base << 16 // the values of two blocks are no one group
	for value.left() > 0 {
		body, err := nextSegment(&value)
		if err != nil {
			return err
		}
		s := segment{group: group}
		if !l.parse(&s, &body) {
			return event.ErrCorrupt
		}
		if s.hi > s.lo {
			l.segments = append(l.segments, s)
		}
	}
	return value.err()
}

// parse reads a segment's head up to its columns.
func (l *layout) parse(s *segment, c *cursor) bool {
	s.n = rowCount(c)
	distinct := c.length(min(s.n, BlockSize))
	if distinct == 0 {
		return false
	}
	s.run = len(l.lows)
	if distinct <= 32 {
		lows := c.take(distinct)
		if c.bad {
			return false
		}
		for i, low := range lows[:distinct] {
			if i > 0 && low <= lows[i-1] {
				return false
			}
			l.lows = append(l.lows, uint16(l.base)+uint16(low))
		}
	} else {
		bitmap := c.take(32)
		if c.bad {
			return false
		}
		for i, b := range bitmap[:32] {
			for ; b != 0; b &= b - 1 {
				l.lows = append(l.lows, uint16(l.base+(i<<3)+bits.TrailingZeros8(b)))
			}
		}
		if len(l.lows)-s.run != distinct {
			return false
		}
	}
	counts := c.packed(distinct)
	if c.bad {
		return false
	}
	us := grow(&l.us, distinct)
	counts.read(us, 0)
	total := 0
	s.hi = -1
	for i, u := range us {
		n := counts.value(u)
		if n < 0 || n >= int64(s.n-total) {
			return false
		}
		l.lens = append(l.lens, int32(n+1))
		if int(l.lows[s.run+i]) == l.only {
			s.lo, s.hi = total, total+int(n+1)
		}
		total += int(n + 1)
	}
	if total != s.n {
		return false
	}
	switch {
	case l.only < 0:
		s.lo, s.hi, s.runs = 0, s.n, distinct
	case s.hi < 0:
		l.lows, l.lens = l.lows[:s.run], l.lens[:s.run]
		s.hi = s.lo
		return true
	default:
		l.lows, l.lens = append(l.lows[:s.run], 0), append(l.lens[:s.run], int32(s.hi-s.lo))
		s.runs = 1
	}
	form := presenceForm(c.byte())
	if form == sameRows {
		return false
	}
	if s.timed = c.presence(form, s.n, presence{}); s.timed.form != noRows {
		s.times = c.packed(s.timed.m)
	}
	s.arrivals = c.packed(s.n)
	s.ncolumns = c.length(c.left())
	s.columns = *c
	return !c.bad
}

// place computes start, pos and times, and arrivals where they are asked for or needed.
func (l *layout) place(arrivals bool) error {
	l.straight = len(l.segments) == 1
	n := l.base + BlockSize
	clear(grow(&l.start, n+1))
	for i := range l.lows {
		l.start[int(l.lows[i])+1] += l.lens[i]
	}
	for i := 1; i <= n; i++ {
		l.start[i] += l.start[i-1]
	}
	l.rows = int(l.start[n])
	grow(&l.times, l.rows)
	grow(&l.owner, l.rows)
	overlap := false
	for i := 1; i < len(l.segments); i++ {
		overlap = overlap || l.segments[i].group == l.segments[i-1].group
	}
	if arrivals = arrivals || overlap; arrivals {
		grow(&l.arrivals, l.rows)
	}
	if l.straight {
		s := &l.segments[0]
		at := 0
		for r, low := range l.lows {
			for range l.lens[r] {
				l.owner[at] = low
				at++
			}
		}
		if arrivals {
			us := grow(&l.us, l.rows)
			s.arrivals.read(us, s.lo)
			for i, u := range us {
				l.arrivals[i] = uint64(s.arrivals.value(u))
			}
		}
		return l.readTimes(s, nil)
	}

	next := grow(&l.next, n)
	copy(next, l.start)
	total := 0
	for i := range l.segments {
		l.segments[i].pos = total
		total += l.segments[i].hi - l.segments[i].lo
	}
	grow(&l.pos, total)
	if overlap {
		grow(&l.perm, total)
	}
	for from := 0; from < len(l.segments); {
		to := from + 1
		for to < len(l.segments) && l.segments[to].group == l.segments[from].group {
			to++
		}
		if to-from > 1 {
			copy(grow(&l.first, n), next)
		}
		for i := from; i < to; i++ {
			s := &l.segments[i]
			at := s.pos
			for r := s.run; r < s.run+s.runs; r++ {
				low, n := l.lows[r], l.lens[r]
				place := next[low]
				next[low] += n
				for range n {
					l.pos[at], l.owner[place] = place, low
					at, place = at+1, place+1
				}
			}
			pos := l.pos[s.pos:at]
			if err := l.readTimes(s, pos); err != nil {
				return err
			}
			if arrivals {
				us := grow(&l.us, len(pos))
				s.arrivals.read(us, s.lo)
				for i, u := range us {
					l.arrivals[pos[i]] = uint64(s.arrivals.value(u))
				}
			}
		}
		if to-from > 1 {
			l.mend(from, to, l.first, next)
		}
		from = to
	}
	return nil
}

// readTimes puts a segment's times in their places; pos is nil when they are in place as they stand.
func (l *layout) readTimes(s *segment, pos []int32) error {
	n := s.hi - s.lo
	if s.timed.form == allRows {
		write(&s.times, l.times, pos, s.lo, n, &l.us)
		return nil
	}
	for i := range n {
		if pos == nil {
			l.times[i] = event.Always
		} else {
			l.times[pos[i]] = event.Always
		}
	}
	rows, rank, ok := s.timed.within(s.lo, s.hi, l.ints, &l.us)
	if !ok {
		return event.ErrCorrupt
	}
	l.ints = rows
	us := grow(&l.us, len(rows))
	s.times.read(us, rank)
	for i, u := range us {
		place := rows[i]
		if pos != nil {
			place = pos[place]
		}
		l.times[place] = event.Time(s.times.value(u))
	}
	return nil
}

// mend sorts the rows of those profiles whose rows in the segments from … to-1 are not in order. A profile's rows of these
// segments are first[low] … next[low]-1. Within a segment they are in order, and mostly all of a later segment come after
// those of the ones before: so only the profiles of later segments are looked at, and nothing else is touched.
func (l *layout) mend(from, to int, first, next []int32) {
	mended := false
	for i := from + 1; i < to; i++ {
		s := &l.segments[i]
		for _, low := range l.lows[s.run : s.run+s.runs] {
			a, b := first[low], next[low]
			if l.inOrder(a, b) {
				continue
			}
			if !mended {
				mended = true
				for p := range l.perm {
					l.perm[p] = int32(p)
				}
			}
			order := grow(&l.order, int(b-a))
			for i := range order {
				row := a + int32(i)
				order[i] = rowOrder{l.times[row], l.arrivals[row], row}
			}
			slices.SortFunc(order, compareRows)
			for i, o := range order {
				row := a + int32(i)
				l.perm[o.row], l.times[row], l.arrivals[row] = row, o.time, o.arrival
			}
		}
	}
	if !mended {
		return
	}
	last := &l.segments[to-1]
	pos := l.pos[l.segments[from].pos : last.pos+last.hi-last.lo]
	for i, p := range pos {
		pos[i] = l.perm[p]
	}
}

// inOrder says whether rows from … to-1 stand in order of time, then arrival.
func (l *layout) inOrder(from, to int32) bool {
	for i := from + 1; i < to; i++ {
		if l.times[i] < l.times[i-1] || l.times[i] == l.times[i-1] && l.arrivals[i] < l.arrivals[i-1] {
			return false
		}
	}
	return true
}

func compareRows(a, b rowOrder) int {
	switch {
	case a.time != b.time:
		if a.time < b.time {
			return -1
		}
		return 1
	case a.arrival != b.arrival:
		if a.arrival < b.arrival {
			return -1
		}
		return 1
	}
	return int(a.row - b.row)
}

// places gives where the rows of segment s stand, nil when they are in place as they stand.
func (l *layout) places(s *segment) []int32 {
	if l.straight {
		return nil
	}
	return l.pos[s.pos : s.pos+s.hi-s.lo]
}
