package warehouse

import (
	"tagma/event"
)

// tableWriter puts pieces of resident blocks together into one table. It keeps its buffers.
type tableWriter struct {
	names []string     // of the columns
	from  []int        // where they are in the resident blocks; nil: at their own places
	dicts []event.Dict // of the columns

	start    []int32
	owner    []uint16
	times    []event.Time
	arrivals []uint64
	columns  []writtenColumn
	out      [][]event.Column
}

// writtenColumn is a wanted column while it is written: a part for each kind.
type writtenColumn struct {
	parts  [event.MapKind + 1]writtenPart
	result []event.Column
}

type writtenPart struct {
	column event.Column
	used   bool
	count  int // elements with a value
}

// write fills in the table of these pieces, one for each profile, with rows rows in all.
func (w *tableWriter) write(into *Table, pieces []piece, rows int, arrivals bool) {
	w.start, w.owner, w.times = grow(&w.start, len(pieces)+1), grow(&w.owner, rows), grow(&w.times, rows)
	if arrivals {
		w.arrivals = grow(&w.arrivals, rows)
	}
	if len(w.columns) != len(w.names) {
		w.columns, w.out = make([]writtenColumn, len(w.names)), make([][]event.Column, len(w.names))
	}
	for k := range w.columns {
		for kind := range w.columns[k].parts {
			w.columns[k].parts[kind].used = false
		}
	}
	at := 0
	for i := range pieces {
		w.start[i] = int32(at)
		p := &pieces[i]
		next := p.from
		for j := range p.tail { // rows of the same instant came before
			row := &p.tail[j]
			upTo := next
			for upTo < p.to && p.block.times[upTo] <= row.time {
				if upTo == next && p.block.times[p.to-1] <= row.time { // nearly always
					upTo = p.to
					break
				}
				upTo++
			}
			at = w.runs(p, next, upTo, at, rows, arrivals)
			next = upTo
			w.row(row, at, rows, arrivals)
			at++
		}
		at = w.runs(p, next, p.to, at, rows, arrivals)
		for k := int(w.start[i]); k < at; k++ {
			w.owner[k] = uint16(i)
		}
	}
	w.start[len(pieces)] = int32(at)
	into.Start, into.Owner, into.Times, into.Arrivals = w.start, w.owner, w.times, nil
	if arrivals {
		into.Arrivals = w.arrivals
	}
	for k := range w.columns {
		c := &w.columns[k]
		c.result = c.result[:0]
		for kind := range c.parts {
			if p := &c.parts[kind]; p.used {
				out := p.column
				if p.count == rows {
					out.Has = nil
				}
				if out.Nums != nil { // a column has one of them; the part keeps the room
					out.Ints = nil
				}
				c.result = append(c.result, out)
			}
		}
		w.out[k] = c.result
	}
	into.Columns = w.out
}

// runs copies the rows from … to-1 of a piece but those that are left out, and returns the place after them.
func (w *tableWriter) runs(p *piece, from, to int32, at, rows int, arrivals bool) int {
	if p.left == 0 {
		w.run(p.block, from, to, at, rows, arrivals)
		return at + int(max(0, to-from))
	}
	for _, part := range [2][2]int32{{from, min(to, p.gap)}, {max(from, p.gap+p.left), to}} {
		if n := part[1] - part[0]; n > 0 {
			w.run(p.block, part[0], part[1], at, rows, arrivals)
			at += int(n)
		}
	}
	return at
}

// run copies rows from … to-1 of a block.
func (w *tableWriter) run(b *residentBlock, from, to int32, at, rows int, arrivals bool) {
	if from >= to {
		return
	}
	copy(w.times[at:], b.times[from:to])
	if arrivals {
		copy(w.arrivals[at:], b.arrivals[from:to])
	}
	for k := range w.columns {
		place := k
		if w.from != nil {
			place = w.from[k]
		}
		parts := b.columns[place]
		for i := range parts {
			w.columns[k].parts[parts[i].Kind].run(&parts[i], int(from), int(to), at, rows, w.dicts[k], w.names[k] == ValueColumn)
		}
	}
}

// row writes a row that was appended.
func (w *tableWriter) row(row *residentRow, at, rows int, arrivals bool) {
	w.times[at] = row.time
	if arrivals {
		w.arrivals[at] = row.arrival
	}
	for k := range w.columns {
		place := k
		if w.from != nil {
			place = w.from[k]
		}
		if v := row.values[place]; v.Present() {
			w.columns[k].parts[v.Kind()].value(v, at, rows, w.dicts[k])
		}
	}
}

// begin makes a part ready for so many rows.
func (p *writtenPart) begin(kind event.Kind, rows int, dict event.Dict) {
	if p.used {
		return
	}
	p.used, p.count = true, 0
	c := &p.column
	c.Kind, c.Len, c.Nums, c.Scale, c.Dict = kind, rows, nil, 0, nil
	has := []uint64(c.Has)
	c.Has = event.Bits(grow(&has, (rows+63)/64))
	clear(c.Has)
	switch kind {
	case event.TextKind:
		c.Codes, c.Inline, c.Dict = grow(&c.Codes, rows), c.Inline[:0], dict
	case event.ListKind, event.MapKind:
		c.Values = grow(&c.Values, rows)
	default:
		c.Ints = grow(&c.Ints, rows)
	}
}

func (p *writtenPart) mark(at int) {
	p.column.Has.Set(at)
	p.count++
}

func (p *writtenPart) run(src *event.Column, from, to, at, rows int, dict event.Dict, recode bool) {
	fresh := !p.used
	p.begin(src.Kind, rows, dict)
	c := &p.column
	if src.Has == nil {
		for i := range to - from {
			c.Has.Set(at + i)
		}
		p.count += to - from
	} else {
		for i := range to - from {
			if src.Has.Get(from + i) {
				p.mark(at + i)
			}
		}
	}
	switch src.Kind {
	case event.TextKind:
		copy(c.Codes[at:], src.Codes[from:to])
		if len(src.Inline) > 0 {
			for i := range to - from {
				code := src.Codes[from+i]
				if code&event.Inline == 0 || src.Has != nil && !src.Has.Get(from+i) {
					continue
				}
				p.inline(src.Inline[code&^event.Inline], at+i, recode)
			}
		}
	case event.ListKind, event.MapKind:
		copy(c.Values[at:], src.Values[from:to])
	case event.NumberKind:
		if fresh && src.Nums == nil {
			c.Scale = src.Scale
		}
		if c.Nums == nil && src.Nums == nil && (c.Scale == src.Scale || p.scale(src.Scale, at)) {
			if c.Scale == src.Scale {
				copy(c.Ints[at:], src.Ints[from:to])
				return
			}
			if upscaled(c.Ints[at:at+to-from], src.Ints[from:to], c.Scale-src.Scale) {
				return
			}
		}
		p.exact(at)
		for i := range to - from {
			if src.Present(from + i) {
				c.Nums[at+i] = src.Value(from + i).Number()
			}
		}
	default:
		copy(c.Ints[at:], src.Ints[from:to])
	}
}

// inline writes a text without a code, or with the one that it was given since.
func (p *writtenPart) inline(text string, at int, recode bool) {
	c := &p.column
	if recode && c.Dict != nil {
		if code, ok := c.Dict.Code(text); ok {
			c.Codes[at] = code
			return
		}
	}
	c.Codes[at] = event.Inline | uint32(len(c.Inline))
	c.Inline = append(c.Inline, text)
}

func (p *writtenPart) value(v event.Value, at, rows int, dict event.Dict) {
	fresh := !p.used
	p.begin(v.Kind(), rows, dict)
	c := &p.column
	p.mark(at)
	switch v.Kind() {
	case event.TextKind:
		p.inline(v.Text(), at, true)
	case event.ListKind, event.MapKind:
		c.Values[at] = v
	case event.NumberKind:
		n := v.Number()
		if c.Nums == nil {
			if fresh {
				c.Scale = n.Scale()
			}
			if n.Scale() <= c.Scale || p.scale(n.Scale(), at) {
				if i, ok := n.Coefficient(c.Scale); ok {
					c.Ints[at] = i
					return
				}
			}
			p.exact(at)
		}
		c.Nums[at] = n
	case event.BoolKind:
		c.Ints[at] = 0
		if v.Bool() {
			c.Ints[at] = 1
		}
	case event.TimeKind:
		c.Ints[at] = int64(v.Time())
	case event.DateKind:
		c.Ints[at] = int64(v.Date())
	}
}

// scale brings the coefficients written so far to a larger scale, if they fit. For a smaller one nothing is to be done.
func (p *writtenPart) scale(to, written int) bool {
	c := &p.column
	if to <= c.Scale {
		return true
	}
	if to >= len(powers) {
		return false
	}
	for i := range written {
		if c.Has.Get(i) {
			if _, ok := upscale(c.Ints[i], uint8(to-c.Scale)); !ok {
				return false
			}
		}
	}
	for i := range written {
		if c.Has.Get(i) {
			c.Ints[i], _ = upscale(c.Ints[i], uint8(to-c.Scale))
		}
	}
	c.Scale = to
	return true
}

func upscaled(into, from []int64, by int) bool {
	for i, n := range from {
		v, ok := upscale(n, uint8(by))
		if !ok {
			return false
		}
		into[i] = v
	}
	return true
}

// exact turns the coefficients written so far into exact numbers.
func (p *writtenPart) exact(written int) {
	c := &p.column
	if c.Nums != nil {
		return
	}
	c.Nums = make([]event.Number, c.Len)
	for i := range written {
		if c.Has.Get(i) {
			c.Nums[i] = event.Scaled(c.Ints[i], c.Scale)
		}
	}
}
