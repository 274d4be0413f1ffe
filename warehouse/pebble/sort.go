package pebble

import (
	"slices"

	"tagma/event"
)

// sorter brings the rows of a series into the order of keys and segments: block, chunk, low byte, time, arrival.
type sorter struct {
	order  []uint32 // rows by block
	counts []uint32
	rows   []sortRow
	spare  []sortRow
	chunks []uint16
	lows   [257]int
}

type sortRow struct {
	time    event.Time
	arrival uint64
	place   uint32
	chunk   uint16
	low     uint8
}

func byTime(a, b sortRow) int {
	switch {
	case a.time != b.time:
		if a.time < b.time {
			return -1
		}
		return 1
	case a.arrival < b.arrival:
		return -1
	case a.arrival > b.arrival:
		return 1
	}
	return 0
}

func byKey(a, b sortRow) int {
	switch {
	case a.chunk != b.chunk:
		return int(a.chunk) - int(b.chunk)
	case a.low != b.low:
		return int(a.low) - int(b.low)
	}
	return byTime(a, b)
}

// groups calls f for each key with its rows in order. cut says that the series is cut into chunks.
func (o *sorter) groups(s *staged, cut bool, f func(block uint32, chunk uint16, rows []sortRow) error) error {
	lo, hi := uint32(s.profiles[0]>>8), uint32(s.profiles[0]>>8)
	for _, p := range s.profiles {
		lo, hi = min(lo, uint32(p>>8)), max(hi, uint32(p>>8))
	}
	o.order = slices.Grow(o.order[:0], len(s.profiles))[:len(s.profiles)]
	if blocks := int(hi-lo) + 1; blocks <= 4*len(s.profiles)+1024 {
		// Counting by block.
		o.counts = slices.Grow(o.counts[:0], blocks+1)[:blocks+1]
		clear(o.counts)
		for _, p := range s.profiles {
			o.counts[uint32(p>>8)-lo+1]++
		}
		for i := 1; i <= blocks; i++ {
			o.counts[i] += o.counts[i-1]
		}
		for i, p := range s.profiles {
			at := &o.counts[uint32(p>>8)-lo]
			o.order[*at] = uint32(i)
			*at++
		}
	} else {
		for i := range o.order {
			o.order[i] = uint32(i)
		}
		slices.SortStableFunc(o.order, func(a, b uint32) int {
			return int(s.profiles[a]>>8) - int(s.profiles[b]>>8)
		})
	}
	var quarter chunker
	for from := 0; from < len(o.order); {
		block := uint32(s.profiles[o.order[from]] >> 8)
		to := from + 1
		for to < len(o.order) && uint32(s.profiles[o.order[to]]>>8) == block {
			to++
		}
		o.rows = o.rows[:0]
		for _, i := range o.order[from:to] {
			r := sortRow{time: s.times[i], arrival: s.arrivals[i], place: s.places[i], low: uint8(s.profiles[i])}
			if cut {
				r.chunk = quarter.of(r.time)
			}
			o.rows = append(o.rows, r)
		}
		o.sort()
		for a := 0; a < len(o.rows); {
			b := a + 1
			for b < len(o.rows) && o.rows[b].chunk == o.rows[a].chunk {
				b++
			}
			if err := f(block, o.rows[a].chunk, o.rows[a:b]); err != nil {
				return err
			}
			a = b
		}
		from = to
	}
	return nil
}

// sort orders the rows of one block: by counting low bytes, sorting each profile's rows unless they came in order,
// and counting chunks, which a profile's rows then come in by themselves.
func (o *sorter) sort() {
	if len(o.rows) < 64 {
		if len(o.rows) > 1 {
			slices.SortStableFunc(o.rows, byKey)
		}
		return
	}
	clear(o.lows[:])
	for i := range o.rows {
		o.lows[int(o.rows[i].low)+1]++
	}
	for i := 1; i <= 256; i++ {
		o.lows[i] += o.lows[i-1]
	}
	next := o.lows
	o.spare = slices.Grow(o.spare[:0], len(o.rows))[:len(o.rows)]
	for _, r := range o.rows {
		o.spare[next[r.low]] = r
		next[r.low]++
	}
	one := true
	o.chunks = o.chunks[:0]
	for low := range 256 {
		rows := o.spare[o.lows[low]:o.lows[low+1]]
		for i := range rows {
			if i > 0 && byTime(rows[i], rows[i-1]) < 0 {
				slices.SortStableFunc(rows, byTime)
				break
			}
		}
		for i := range rows {
			if c := rows[i].chunk; i == 0 || c != rows[i-1].chunk {
				if !slices.Contains(o.chunks, c) {
					o.chunks = append(o.chunks, c)
				}
			}
		}
		one = len(o.chunks) <= 1
	}
	if one {
		o.rows, o.spare = o.spare, o.rows
		return
	}
	slices.Sort(o.chunks)
	out := o.rows[:0]
	for _, c := range o.chunks {
		for low := range 256 {
			rows := o.spare[o.lows[low]:o.lows[low+1]]
			from := 0
			for from < len(rows) && rows[from].chunk < c {
				from++
			}
			to := from
			for to < len(rows) && rows[to].chunk == c {
				to++
			}
			out = append(out, rows[from:to]...)
		}
	}
	o.rows = out
}
