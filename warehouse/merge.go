package warehouse

import (
	"slices"
	"sync"

	"tagma/event"
)

// Segments is the number of segments of a value, and of their rows.
func Segments(value []byte) (segments, rows int, err error) {
	c := newCursor(value)
	for c.left() > 0 {
		body, err := nextSegment(&c)
		if err != nil {
			return 0, 0, err
		}
		segments++
		rows += rowCount(&body)
		if body.bad {
			return 0, 0, event.ErrCorrupt
		}
	}
	return segments, rows, c.err()
}

// tidyFactor is how many times larger a segment is than all newer ones together, after Tidy.
const tidyFactor = 4

// Tidy merges the newest segments of a value where they are many: afterwards each segment is several times larger
// than all newer ones together, so that there are few, and a row is rewritten only a few times however long it is
// appended to. It is cheap when there is nothing to do; it may return value itself.
func Tidy(value []byte) ([]byte, error) {
	type piece struct{ from, rows int }
	var stack [32]piece
	pieces := stack[:0]
	c := newCursor(value)
	for c.left() > 0 {
		from := c.at
		body, err := nextSegment(&c)
		if err != nil {
			return nil, err
		}
		n := rowCount(&body)
		if body.bad {
			return nil, event.ErrCorrupt
		}
		pieces = append(pieces, piece{from, n})
	}
	if c.bad {
		return nil, event.ErrCorrupt
	}
	if len(pieces) < 2 {
		return value, nil
	}
	tail := len(pieces) - 1
	sum := pieces[tail].rows
	cut := tail
	for i := tail - 1; i >= 0; i-- {
		if pieces[i].rows < sum*tidyFactor {
			cut = i
		}
		sum += pieces[i].rows
	}
	if cut == tail {
		return value, nil
	}
	from := pieces[cut].from
	return Merge(slices.Clone(value[:from]), value[from:])
}

// merger is what merging reuses.
type merger struct {
	layout  layout
	encoder encoder
	found   []located
	lows    []uint8
	times   []int64
	arrive  []int64
	columns []*values
	at      []int32
	ints    []int64
	scales  []uint8
	blobs   []blobText
	arena   []byte
	padded  []byte
}

type located struct {
	segment int
	column  column
}

type blobText struct{ prefix, rest []byte }

var mergers = sync.Pool{New: func() any { return new(merger) }}

// Merge appends to dst one segment that holds all rows of value's segments.
func Merge(dst, value []byte) ([]byte, error) {
	m := mergers.Get().(*merger)
	defer mergers.Put(m)
	m.padded = append(append(m.padded[:0], value...), make([]byte, 8)...)
	l := &m.layout
	l.reset(-1)
	c := newCursor(m.padded)
	c.end = len(value)
	if err := l.add(c, 0); err != nil {
		return nil, err
	}
	if len(l.segments) == 0 {
		return dst, nil
	}
	if err := l.place(true); err != nil {
		return nil, err
	}
	m.found = m.found[:0]
	for i := range l.segments {
		s := &l.segments[i]
		var before presence
		for range s.ncolumns {
			col := s.columns.column(s.n, before)
			if s.columns.bad {
				return nil, event.ErrCorrupt
			}
			before = col.rows
			m.found = append(m.found, located{i, col})
		}
	}
	slices.SortStableFunc(m.found, func(a, b located) int {
		return slotOf(a.column.property, a.column.typ) - slotOf(b.column.property, b.column.typ)
	})
	used := 0
	m.arena = m.arena[:0]
	for from := 0; from < len(m.found); {
		to := from
		for to < len(m.found) && m.found[to].column.property == m.found[from].column.property && m.found[to].column.typ == m.found[from].column.typ {
			to++
		}
		if used == len(m.columns) {
			m.columns = append(m.columns, new(values))
		}
		if err := m.collect(m.columns[used], m.found[from:to]); err != nil {
			return nil, err
		}
		used++
		from = to
	}
	lows := grow(&m.lows, l.rows)
	for low := range BlockSize {
		for i := l.start[low]; i < l.start[low+1]; i++ {
			lows[i] = uint8(low)
		}
	}
	times, arrivals := grow(&m.times, l.rows), grow(&m.arrive, l.rows)
	for i, t := range l.times[:l.rows] {
		times[i], arrivals[i] = int64(t), int64(l.arrivals[i])
	}
	return m.encoder.segment(dst, lows, times, arrivals, m.columns[:used]), nil
}

// collect brings a column's values from all segments into the order of the rows.
func (m *merger) collect(v *values, parts []located) error {
	l := &m.layout
	v.reset(parts[0].column.property, parts[0].column.typ)
	at := grow(&m.at, l.rows) // 1 + place in the values as they are read, 0 where the row has none
	clear(at)
	ints, scales, blobs := m.ints[:0], m.scales[:0], m.blobs[:0]
	count := 0
	for i := range parts {
		s, col := &l.segments[parts[i].segment], &parts[i].column
		pos := l.places(s)
		rows := []int32(nil)
		if col.rows.form != allRows {
			var ok bool
			if rows, _, ok = col.rows.within(0, s.n, l.ints, &l.us); !ok || len(rows) != col.rows.m {
				return event.ErrCorrupt
			}
			l.ints = rows
		}
		for j := range col.rows.m {
			place := j
			if rows != nil {
				place = int(rows[j])
			}
			if pos != nil {
				place = int(pos[place])
			}
			if at[place] != 0 {
				return event.ErrCorrupt
			}
			count++
			at[place] = int32(count)
		}
		c := &col.payload
		if col.typ.bytes() {
			t := c.texts(col.rows.m)
			if c.bad || !t.each(0, col.rows.m, &l.us, func(_ int, rest []byte) {
				blobs = append(blobs, blobText{t.prefix, rest})
			}) {
				return event.ErrCorrupt
			}
			continue
		}
		scale := uint8(0)
		if col.typ == NumberColumn {
			if scale = c.byte(); scale > 18 {
				return event.ErrCorrupt
			}
		}
		p := c.packed(col.rows.m)
		if c.bad {
			return event.ErrCorrupt
		}
		us := grow(&l.us, col.rows.m)
		p.read(us, 0)
		for _, u := range us {
			ints = append(ints, p.value(u))
			if col.typ == NumberColumn {
				scales = append(scales, scale)
			}
		}
	}
	m.ints, m.scales, m.blobs = ints, scales, blobs
	for row, i := range at {
		if i == 0 {
			continue
		}
		v.rows = append(v.rows, int32(row))
		switch {
		case !v.typ.bytes():
			v.ints = append(v.ints, ints[i-1])
			if v.typ == NumberColumn {
				v.scales = append(v.scales, scales[i-1])
			}
		case len(blobs[i-1].prefix) == 0:
			v.blobs = append(v.blobs, blobs[i-1].rest)
		default:
			from := len(m.arena)
			m.arena = append(append(m.arena, blobs[i-1].prefix...), blobs[i-1].rest...)
			v.blobs = append(v.blobs, m.arena[from:len(m.arena):len(m.arena)])
		}
	}
	return nil
}
