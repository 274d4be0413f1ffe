package warehouse

import (
	"sync"

	"tagma/event"
)

// Texts is a dictionary whose size is known: its codes are below Len.
type Texts interface {
	event.Dict
	Len() int
}

// Wanted is a column that an Assembler decodes.
type Wanted struct {
	Property uint32
	// Absent says that nothing was ever stored under the column's name.
	Absent bool
	Dict   Texts
	// Recode gives inline texts that have a code by their code. It is for dictionaries that may take a text in
	// after it was stored inline.
	Recode bool
}

// Assembler builds tables from the stored values of a block. It keeps its buffers: what Table fills in is valid
// until the next Reset.
type Assembler struct {
	layout   layout
	arrivals bool
	wanted   []Wanted
	byID     []int16 // 1 + place in wanted, by property
	parts    [][]located
	out      []outColumns
	kinds    []uint16 // of each wanted column: a bit for each kind that it has
	start    []int32
	cells    []byte
	text     []byte
	ends     []int
	shared   [][]event.Column
}

// outColumns are the buffers of one wanted column, by kind.
type outColumns struct {
	columns [event.MapKind + 1]buffers
	result  []event.Column
}

type buffers struct {
	has    event.Bits
	ints   []int64
	codes  []uint32
	nums   []event.Number
	inline []string
	values []event.Value
}

// NewAssembler returns one for these columns, whose order Table keeps.
func NewAssembler(wanted []Wanted, arrivals bool) *Assembler {
	a := &Assembler{wanted: wanted, arrivals: arrivals, parts: make([][]located, len(wanted)), out: make([]outColumns, len(wanted))}
	for i, w := range wanted {
		if w.Absent {
			continue
		}
		if int(w.Property) >= len(a.byID) {
			a.byID = append(a.byID, make([]int16, int(w.Property)+1-len(a.byID))...)
		}
		a.byID[w.Property] = int16(i + 1)
	}
	return a
}

// Reset begins a block: all its profiles when low is negative, else only the one with that low byte.
func (a *Assembler) Reset(low int) {
	a.layout.reset(low)
	a.cells = a.cells[:0]
}

// Next goes on to the block after the one before: its rows stand behind the others. At most MaxBlocks can be read
// together.
func (a *Assembler) Next() { a.layout.base += BlockSize }

// Add gives a stored value of the block; it is copied. Values come in order of time: rows of one chunk never lie
// in the time of another.
func (a *Assembler) Add(value []byte, chunk int) error {
	const pad = 8
	if a.cells == nil {
		a.cells = *cells.Get().(*[]byte)
	}
	if n := len(value) + pad; cap(a.cells)-len(a.cells) < n {
		a.cells = make([]byte, 0, max(2*cap(a.cells), 2*n, 4096)) // what was added stays in the old one
	}
	from := len(a.cells)
	a.cells = append(a.cells, value...)
	end := len(a.cells)
	a.cells = a.cells[:end+pad]
	return a.layout.add(cursor{buf: a.cells[:end+pad], at: from, end: end}, chunk)
}

// cells are copies of stored values, which a reader of one profile needs for a moment only.
var cells = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// Release ends the use of a. Tables that were filled in stay as they are: no column points into stored bytes.
func (a *Assembler) Release() {
	if a.cells != nil && cap(a.cells) <= 1<<20 {
		b := a.cells[:0]
		cells.Put(&b)
	}
	a.cells = nil
	a.layout.reset(-1)
}

// Table decodes what was added.
func (a *Assembler) Table(into *Table) error {
	l := &a.layout
	n := l.base + BlockSize
	if l.only >= 0 {
		n = 1
	}
	into.Columns = grow(&a.shared, len(a.wanted))
	if len(l.segments) == 0 {
		start := grow(&a.start, n+1)
		clear(start)
		into.Start, into.Owner, into.Times, into.Arrivals = start, nil, nil, nil
		for i := range into.Columns {
			into.Columns[i] = nil
		}
		return nil
	}
	if err := l.place(a.arrivals); err != nil {
		return err
	}
	into.Start = l.start[:n+1]
	into.Times = l.times[:l.rows]
	into.Arrivals = nil
	if a.arrivals {
		into.Arrivals = l.arrivals[:l.rows]
	}
	into.Owner = l.owner[:l.rows]
	return a.columns(into)
}

func (a *Assembler) columns(into *Table) error {
	l := &a.layout
	kinds := grow(&a.kinds, len(a.wanted))
	clear(kinds)
	for i := range a.parts {
		a.parts[i] = a.parts[i][:0]
	}
	if len(a.byID) > 0 {
		for i := range l.segments {
			s := &l.segments[i]
			c := s.columns
			var before presence
			for range s.ncolumns {
				col := c.column(s.n, before)
				if c.bad {
					return event.ErrCorrupt
				}
				before = col.rows
				if int(col.property) >= len(a.byID) {
					break // columns stand in order of property
				}
				if w := a.byID[col.property]; w > 0 {
					a.parts[w-1] = append(a.parts[w-1], located{i, col})
					kinds[w-1] |= 1 << col.typ.Kind()
				}
			}
		}
	}
	for i := range a.wanted {
		out := &a.out[i]
		out.result = out.result[:0]
		for kind := event.BoolKind; kind <= event.MapKind; kind++ {
			if kinds[i]>>kind&1 == 0 {
				continue
			}
			// Where each part gives all rows of a segment of its own, no row can be without a value.
			total, found, whole, last := 0, false, true, -1
			for j := range a.parts[i] {
				p := &a.parts[i][j]
				if p.column.typ.Kind() != kind {
					continue
				}
				s := &l.segments[p.segment]
				total += s.hi - s.lo
				whole = whole && p.column.rows.form == allRows && p.segment > last
				last, found = p.segment, true
			}
			if !found {
				continue
			}
			col, present, err := a.decode(&a.wanted[i], kind, a.parts[i], &out.columns[kind], whole && total == l.rows)
			if err != nil {
				return err
			}
			if present {
				out.result = append(out.result, col)
			}
		}
		into.Columns[i] = out.result
	}
	return nil
}

// decode brings the parts of a kind into one column. full says that every row has a value.
func (a *Assembler) decode(w *Wanted, kind event.Kind, parts []located, b *buffers, full bool) (event.Column, bool, error) {
	l := &a.layout
	n := l.rows
	col := event.Column{Kind: kind, Len: n}
	if !full {
		col.Has = event.Bits(grow((*[]uint64)(&b.has), (n+63)/64))
		clear(col.Has)
	}
	switch kind {
	case event.TextKind:
		col.Codes, col.Dict = grow(&b.codes, n), w.Dict
		a.text, a.ends = a.text[:0], a.ends[:0]
	case event.ListKind, event.MapKind:
		clear(b.values)
		col.Values = grow(&b.values, n)
	case event.NumberKind:
		if scale, ok := commonScale(parts); ok {
			col.Scale, col.Ints = scale, grow(&b.ints, n)
		} else {
			col.Nums = grow(&b.nums, n)
		}
	default:
		col.Ints = grow(&b.ints, n)
	}
	count := 0
	for i := range parts {
		p := &parts[i]
		if p.column.typ.Kind() != kind {
			continue
		}
		s := &l.segments[p.segment]
		pos := l.places(s)
		rank, m := s.lo, s.hi-s.lo
		if p.column.rows.form != allRows {
			rows, r, ok := p.column.rows.within(s.lo, s.hi, l.ints, &l.us)
			if !ok {
				return col, false, event.ErrCorrupt
			}
			l.ints = rows
			rank, m = r, len(rows)
			if pos != nil {
				for j, r := range rows {
					rows[j] = pos[r]
				}
			}
			pos = rows
		}
		if m == 0 {
			continue
		}
		count += m
		if col.Has != nil {
			if pos == nil {
				col.Has.Fill(m)
			} else {
				for _, place := range pos {
					col.Has[place>>6] |= 1 << (place & 63)
				}
			}
		}
		if err := a.read(&col, p.column, pos, rank, m); err != nil {
			return col, false, err
		}
	}
	if count >= n && !full && col.Has.Count() == n {
		col.Has = nil
	}
	if kind == event.TextKind && len(a.ends) > 0 {
		a.cut(w, &col, b)
	}
	return col, count > 0, nil
}

// read puts m values of a part, from value rank on, where pos says; nil: at 0 … m-1.
func (a *Assembler) read(col *event.Column, c column, pos []int32, rank, m int) error {
	if c.typ.bytes() {
		return a.readBytes(col, c, pos, rank, m)
	}
	l := &a.layout
	scale := 0
	if c.typ == NumberColumn {
		if scale = int(c.payload.byte()); scale > 18 {
			return event.ErrCorrupt
		}
	}
	p := c.payload.packed(c.rows.m)
	if c.payload.bad {
		return event.ErrCorrupt
	}
	switch {
	case c.typ == CodeColumn:
		if !writeCodes(&p, col.Codes, pos, rank, m, uint64(col.Dict.(Texts).Len()), &l.us) {
			return event.ErrCorrupt
		}
	case col.Nums != nil:
		us := grow(&l.us, m)
		p.read(us, rank)
		for i, u := range us {
			place := int32(i)
			if pos != nil {
				place = pos[i]
			}
			col.Nums[place] = event.Scaled(p.value(u), scale)
		}
	default:
		if c.typ == NumberColumn && scale < col.Scale {
			f := powers[col.Scale-scale] // commonScale has seen that nothing overflows
			p.min *= f
			p.div *= uint64(f)
		}
		write(&p, col.Ints, pos, rank, m, &l.us)
	}
	return nil
}

// readBytes puts lists, maps and exact numbers in their places, and collects inline texts, which cut finishes.
func (a *Assembler) readBytes(col *event.Column, c column, pos []int32, rank, m int) error {
	t := c.payload.texts(c.rows.m)
	if c.payload.bad {
		return event.ErrCorrupt
	}
	bad := false
	ok := t.each(rank, m, &a.layout.us, func(i int, rest []byte) {
		if pos != nil {
			i = int(pos[i])
		}
		if c.typ == InlineColumn {
			col.Codes[i] = event.Inline | uint32(len(a.ends))
			a.text = append(append(a.text, t.prefix...), rest...)
			a.ends = append(a.ends, len(a.text))
			return
		}
		if len(t.prefix) > 0 {
			a.text = append(append(a.text[:0], t.prefix...), rest...)
			rest = a.text
		}
		r := event.NewReader(rest)
		v := r.Value()
		if r.Err != nil || v.Kind() != c.typ.Kind() {
			bad = true
			return
		}
		if c.typ == ExactColumn {
			col.Nums[i] = v.Number()
		} else {
			col.Values[i] = v
		}
	})
	if !ok || bad {
		return event.ErrCorrupt
	}
	return nil
}

// cut makes the inline texts of a column: one string, cut up, so that they may be kept and cost one allocation.
func (a *Assembler) cut(w *Wanted, col *event.Column, b *buffers) {
	all := string(a.text)
	inline := grow(&b.inline, len(a.ends))
	from := 0
	for i, end := range a.ends {
		inline[i] = all[from:end]
		from = end
	}
	col.Inline = inline
	if !w.Recode {
		return
	}
	for i, code := range col.Codes {
		if col.Present(i) && code&event.Inline != 0 {
			if c, ok := col.Dict.Code(inline[code&^event.Inline]); ok {
				col.Codes[i] = c
			}
		}
	}
}

// commonScale is the largest scale of the number columns among parts, and false when they cannot all be brought
// to it as int64.
func commonScale(parts []located) (int, bool) {
	scale, same := -1, true
	for i := range parts {
		switch parts[i].column.typ {
		case ExactColumn:
			return 0, false
		case NumberColumn:
			c := parts[i].column.payload
			s := int(c.byte())
			if c.bad || s > 18 {
				return 0, false // read says so again
			}
			same = same && (scale < 0 || s == scale)
			scale = max(scale, s)
		}
	}
	if same {
		return scale, true
	}
	for i := range parts {
		if parts[i].column.typ != NumberColumn {
			continue
		}
		c := parts[i].column.payload
		by := uint8(scale - int(c.byte()))
		if by == 0 {
			continue
		}
		p := c.packed(parts[i].column.rows.m)
		lo, hi, ok := p.bounds()
		if !ok {
			return 0, false
		}
		if _, ok := upscale(lo, by); !ok {
			return 0, false
		}
		if _, ok := upscale(hi, by); !ok {
			return 0, false
		}
	}
	return scale, true
}
