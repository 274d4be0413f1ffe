package warehouse

import (
	"tagma/event"
)

// tableWriter puts rows of resident blocks together into one table. It keeps its buffers.
type tableWriter struct {
	names  []string // of the columns
	from   []int    // where they are in the resident blocks
	recode []bool   // which have texts that were given a code since
	dicts  []event.Dict

	pieces []piece
	order  []int32 // the rows of tails, piece by piece
	taken  []takenEvent
	rows   int // of all pieces

	start    []int32
	owner    []uint16
	times    []event.Time
	arrivals []uint64
	columns  []writtenColumn
	out      [][]event.Column
}

// piece is the rows of one profile in a block.
type piece struct {
	block    *residentBlock
	from, to int32 // of those packed
	// Those from gap on that are left out are so many.
	gap, left int32
	tail, end int32 // its rows of the tail in tableWriter.order
}

// takenEvent is an event that is to be a row.
type takenEvent struct {
	owner int
	event *event.Event
}

// writtenColumn is a wanted column while it is written: a part for each kind.
type writtenColumn struct {
	parts  [event.MapKind + 1]writtenPart
	result []event.Column
}

func newTableWriter(names []string, from []int) tableWriter {
	w := tableWriter{names: names, from: from, recode: make([]bool, len(names)), columns: make([]writtenColumn, len(names)), out: make([][]event.Column, len(names))}
	for k, name := range names {
		w.recode[k] = name == ValueColumn
	}
	return w
}

// find adds the rows of a profile as the next piece; none where there is no block.
func (w *tableWriter) find(b *residentBlock, low uint8, want *Rows) {
	if b == nil {
		w.pieces = append(w.pieces, piece{})
		return
	}
	p := piece{block: b, tail: int32(len(w.order))}
	from, to := b.start(int(low)), b.start(int(low)+1)
	if want.From != event.Always {
		from = b.since(from, to, want.From)
	}
	p.from, p.to = int32(from), int32(to)
	if want.Ends && to-from > 2 {
		last := max(from, b.after(from, to, want.Now)-1)
		p.gap, p.left = p.from+1, int32(max(0, last-from-1))
	}
	if b.tail != nil {
		w.order = b.tail.of(low, want.From, w.order)
	}
	p.end = int32(len(w.order))
	w.rows += to - from - int(p.left) + int(p.end-p.tail)
	w.pieces = append(w.pieces, p)
}

// take adds an event of profile i, none of a smaller one comes after it.
func (w *tableWriter) take(i int, e *event.Event) {
	at := len(w.taken)
	w.taken = append(w.taken, takenEvent{i, e})
	for ; at > 0 && w.taken[at-1].owner == i && w.taken[at-1].event.Time > e.Time; at-- {
		w.taken[at-1], w.taken[at] = w.taken[at], w.taken[at-1]
	}
}

// forget drops what was found or taken: blocks that are let go are not to be held.
func (w *tableWriter) forget() {
	clear(w.pieces)
	clear(w.taken)
	w.pieces, w.order, w.taken, w.rows = w.pieces[:0], w.order[:0], w.taken[:0], 0
}

// begin makes the buffers ready for w.rows rows of n profiles.
func (w *tableWriter) begin(n int, arrivals bool) {
	grow(&w.start, n+1)
	grow(&w.owner, w.rows)
	grow(&w.times, w.rows)
	w.arrivals = w.arrivals[:0]
	if arrivals {
		grow(&w.arrivals, w.rows)
	}
	for k := range w.columns {
		for kind := range w.columns[k].parts {
			w.columns[k].parts[kind].used = false
		}
	}
}

// write fills in the table of the pieces, one for each profile.
func (w *tableWriter) write(into *Table, arrivals bool) {
	w.begin(len(w.pieces), arrivals)
	at := 0
	for i := range w.pieces {
		w.start[i] = int32(at)
		p := &w.pieces[i]
		next := int(p.from)
		for _, row := range w.order[p.tail:p.end] { // rows of the same instant came before
			upTo := p.block.after(next, int(p.to), p.block.tail.rows[row].time)
			at = w.runs(p, next, upTo, at)
			next = upTo
			w.tailRow(p.block.tail, int(row), at)
			at++
		}
		at = w.runs(p, next, int(p.to), at)
		w.owned(i, at)
	}
	w.end(into, len(w.pieces), arrivals)
}

// writeTaken fills in the table of the events that were taken, of n profiles.
func (w *tableWriter) writeTaken(into *Table, n int, arrivals bool) {
	w.rows = len(w.taken)
	w.begin(n, arrivals)
	at := 0
	for i := range n {
		w.start[i] = int32(at)
		for ; at < len(w.taken) && w.taken[at].owner == i; at++ {
			e := w.taken[at].event
			w.times[at] = e.Time
			if arrivals {
				w.arrivals[at] = e.Arrival
			}
			for k, name := range w.names {
				if v := property(e, name); v.Present() {
					w.columns[k].parts[v.Kind()].value(v, at, w.rows, w.dicts[k])
				}
			}
		}
		w.owned(i, at)
	}
	w.end(into, n, arrivals)
}

// owned says that the rows from the start of profile i up to an end are its.
func (w *tableWriter) owned(i, end int) {
	mine := w.owner[w.start[i]:end]
	for k := range mine {
		mine[k] = uint16(i)
	}
}

func (w *tableWriter) end(into *Table, n int, arrivals bool) {
	w.start[n] = int32(w.rows)
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
				if p.count == w.rows {
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
	w.forget()
}

// runs copies the rows from … to-1 of a piece but those that are left out, and returns the place after them.
func (w *tableWriter) runs(p *piece, from, to, at int) int {
	if p.left == 0 {
		return w.run(p.block, from, to, at)
	}
	at = w.run(p.block, from, min(to, int(p.gap)), at)
	return w.run(p.block, max(from, int(p.gap+p.left)), to, at)
}

// run copies rows from … to-1 of a block, and returns the place after them.
func (w *tableWriter) run(b *residentBlock, from, to, at int) int {
	n := to - from
	if n <= 0 {
		return at
	}
	unpack(&b.times, b.data, w.times[at:at+n], from)
	if len(w.arrivals) > 0 {
		unpack(&b.arrivals, b.data, w.arrivals[at:at+n], from)
	}
	for k := range w.columns {
		for i := w.from[k]; ; {
			p := &b.parts[i]
			if p.kind != event.Missing {
				w.columns[k].parts[p.kind].run(b, p, from, n, at, w.rows, w.dicts[k], w.recode[k])
			}
			if p.next == 0 {
				break
			}
			i = int(p.next)
		}
	}
	return at + n
}

// tailRow writes a row that was appended.
func (w *tableWriter) tailRow(t *residentTail, row, at int) {
	w.times[at] = t.rows[row].time
	if len(w.arrivals) > 0 {
		w.arrivals[at] = t.rows[row].arrival
	}
	width := len(t.cells) / len(t.rows)
	for k := range w.columns {
		switch c := t.cells[row*width+w.from[k]]; {
		case c.kind == event.Missing:
		case c.kind == event.TextKind && !c.odd:
			w.columns[k].parts[event.TextKind].code(uint32(c.n), at, w.rows, w.dicts[k])
		default:
			w.columns[k].parts[c.kind].value(t.value(c), at, w.rows, w.dicts[k])
		}
	}
}
