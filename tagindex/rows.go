package tagindex

import (
	"math/bits"
	"slices"
)

const (
	pagesPerBlock = 32
	rowsPerBlock  = rowsPerPage * pagesPerBlock
	// maxHot is the most values that a slot with several values a customer has bits for in the rows.
	maxHot = 256
	// bulk is the most customers of a chunk whose rows are changed one by one; with more of them the rows of the
	// chunk are made anew when they are asked for next.
	bulk = 256
)

// rows is the index turned round: a row of bits for each customer. Each slot has a field in it: a code in as few
// bits as its values need, or a bit for each value where a customer may hold several, or a bit that says that the
// slot's column has a value. So a row takes at most one bit for each value, and mostly far fewer.
type rows struct {
	epoch  uint64
	laid   uint64     // the epoch that may write fields
	fields [][2]field // by slot: values and bands
	planes []plane    // what the bits of a row mean
	dead   int        // planes that mean nothing any more
	// chunks has the rows of 65,536 customers each; nil where they are to be made. Customers beyond carry nothing.
	chunks  []*rowChunk
	scratch *rowScratch // of the writer
}

// field is the place of a slot in the rows.
type field struct {
	form  form
	first uint32 // plane
	width uint32 // planes
}

type form uint8

const (
	noField   form = iota
	codeField      // the code plus one; 0 is none
	hotField       // a bit for each code
	markField      // a bit that says: look there
)

type plane struct {
	slot int32 // -1: not in use any more
	part uint8 // 0 values, 1 bands
	form form
	bit  uint32
}

// rowChunk and rowBlock are two levels of a directory of pages, so that a change copies little of it. Where there is
// none, the customers carry nothing.
type rowChunk struct {
	epoch  uint64
	blocks [chunkSize / rowsPerBlock]*rowBlock
}

type rowBlock struct {
	epoch uint64
	pages [pagesPerBlock]rowPage
}

// newRows lays out the rows of a view; none of them is made yet.
func newRows(v *View, epoch uint64) *rows {
	r := &rows{epoch: epoch, laid: epoch, chunks: make([]*rowChunk, v.chunks()), fields: make([][2]field, len(v.slots)), scratch: &rowScratch{}}
	for _, ord := range v.ords { // by id, so that what is read from a row is in that order
		c := &v.slots[ord].content
		r.lay(int(ord), 0, c)
		r.lay(int(ord), 1, c)
	}
	return r
}

// want is the field that a part of a content needs, without its place.
func want(part int, c *Content) field {
	t := c.table(part)
	switch {
	case t == nil && part == 0 && c.column != nil:
		return field{form: markField, width: 1}
	case t == nil:
		return field{}
	case !t.multi:
		n := len(t.sets)
		return field{form: codeField, width: uint32(bits.Len(uint(n + n/2)))}
	case len(t.sets) > maxHot:
		return field{form: markField, width: 1}
	}
	return field{form: hotField, width: uint32(len(t.sets))}
}

// lay gives a part of a slot new planes.
func (r *rows) lay(ord, part int, c *Content) {
	f := want(part, c)
	f.first = uint32(len(r.planes))
	for bit := range f.width {
		r.planes = append(r.planes, plane{int32(ord), uint8(part), f.form, bit})
	}
	r.ownFields(0)
	r.fields[ord][part] = f
}

// ownFields makes the fields, at least n of them, such as may be written.
func (r *rows) ownFields(n int) {
	if r.laid != r.epoch {
		r.fields, r.laid = slices.Clone(r.fields), r.epoch
	}
	for len(r.fields) < n {
		r.fields = append(r.fields, [2]field{})
	}
}

func (r *rows) own(epoch uint64) *rows {
	if r.epoch == epoch {
		return r
	}
	return &rows{epoch: epoch, laid: r.laid, fields: r.fields, planes: slices.Clip(r.planes), dead: r.dead, chunks: slices.Clone(r.chunks), scratch: r.scratch}
}

// follow brings the rows up to a change of a slot; false when they had better be laid out anew.
func (r *rows) follow(ord int, c *Content, fx *effects) bool {
	if len(r.fields) <= ord {
		r.ownFields(ord + 1)
	}
	for part, ops := range [2][]op{fx.values, fx.bands} {
		t := c.table(part)
		f := r.fields[ord][part]
		if fx.reset || !f.holds(want(part, c), t) {
			r.move(ord, part, c)
			continue
		}
		switch f.form {
		case markField:
			has := func(customer uint32) bool { return c.marks(part, customer) }
			if part == 0 {
				r.mark(f, fx.touched, fx.few, has)
			}
			for _, op := range ops {
				r.mark(f, op.set, op.few, has)
			}
		case codeField, hotField:
			for _, op := range ops {
				r.op(f, op)
			}
		}
	}
	return r.dead <= 256+len(r.planes)/2
}

func (c *Content) table(part int) *table {
	if part == 1 {
		return c.bands
	}
	return c.values
}

// marks says whether the mark of a customer is to be set.
func (c *Content) marks(part int, customer uint32) bool {
	if part == 0 && c.column != nil {
		return c.column.has(customer)
	}
	return c.table(part).who().Contains(customer)
}

// move gives a part of a slot a new field and writes it.
func (r *rows) move(ord, part int, c *Content) {
	if f := r.fields[ord][part]; f.width > 0 {
		r.planes = slices.Clone(r.planes)
		for i := range f.width {
			r.planes[f.first+i].slot = -1
		}
		r.dead += int(f.width)
	}
	r.lay(ord, part, c)
	f, t := r.fields[ord][part], c.table(part)
	switch f.form {
	case markField:
		who := t.who()
		if t == nil {
			who = c.column.presence()
		}
		r.mark(f, who, nil, func(uint32) bool { return true })
	case codeField, hotField:
		for code, s := range t.sets {
			if s.Count() > 0 {
				r.op(f, op{code: uint32(code), enter: true, set: s})
			}
		}
	}
}

// op writes who entered or left a value.
func (r *rows) op(f field, o op) {
	r.each(o.set, o.few, func(row []uint64, _ uint32) {
		switch {
		case f.form == hotField:
			setBit(row, f.first+o.code, o.enter)
		case o.enter:
			for i := range f.width {
				setBit(row, f.first+i, (o.code+1)>>i&1 != 0)
			}
		case rowCode(row, f) == o.code+1:
			for i := range f.width {
				setBit(row, f.first+i, false)
			}
		}
	})
}

// mark writes for each customer whether there is something to look up.
func (r *rows) mark(f field, touched *Set, few []uint32, has func(customer uint32) bool) {
	r.each(touched, few, func(row []uint64, customer uint32) { setBit(row, f.first, has(customer)) })
}

func setBit(row []uint64, at uint32, on bool) {
	if on {
		row[at>>6] |= 1 << (at & 63)
	} else {
		row[at>>6] &^= 1 << (at & 63)
	}
}

func rowCode(row []uint64, f field) (code uint32) {
	for i := range f.width {
		code |= uint32(row[(f.first+i)>>6]>>((f.first+i)&63)&1) << i
	}
	return code
}

// holds says that a field is as good as the wanted one.
func (f field) holds(w field, t *table) bool {
	if f.form != w.form {
		return false
	}
	switch f.form {
	case codeField:
		return bits.Len(uint(len(t.sets))) <= int(f.width)
	case hotField:
		return w.width <= f.width
	}
	return true
}

// each calls edit with the rows of a set of customers and of a few others, and stores what becomes of them. Chunks in
// which they are many lose their rows instead, and chunks without rows are passed over.
func (r *rows) each(customers *Set, few []uint32, edit func(row []uint64, customer uint32)) {
	for _, customer := range few {
		if c := r.chunk(uint16(customer >> 16)); c != nil {
			r.edit(c, customer, edit)
		}
	}
	if customers == nil {
		return
	}
	for i, key := range customers.keys {
		if customers.chunks[i].card > bulk && int(key) < len(r.chunks) {
			r.chunks[key] = nil
			continue
		}
		if c := r.chunk(key); c != nil {
			customers.chunks[i].each(func(low uint16) bool {
				r.edit(c, uint32(key)<<16|uint32(low), edit)
				return true
			})
		}
	}
}

// chunk returns the rows of a chunk, made ready to be written; nil when they are not made.
func (r *rows) chunk(key uint16) *rowChunk {
	for int(key) >= len(r.chunks) {
		r.chunks = append(r.chunks, &rowChunk{epoch: r.epoch})
	}
	c := r.chunks[key]
	if c != nil && c.epoch != r.epoch {
		own := *c
		own.epoch = r.epoch
		c = &own
		r.chunks[key] = c
	}
	return c
}

// edit changes the row of one customer. c must be ready to be written.
func (r *rows) edit(c *rowChunk, customer uint32, edit func(row []uint64, customer uint32)) {
	low := uint16(customer)
	at := low / rowsPerBlock
	b := c.blocks[at]
	page := rowPage("")
	if b != nil {
		page = b.pages[low%rowsPerBlock/rowsPerPage]
	}
	s, full := r.scratch, (len(r.planes)+7)/8
	s.row = grown(s.row, (full+7)/8)
	first, last, was := page.place(low)
	unpackRow(string(page[first:last]), was, s.row)
	s.before = append(s.before[:0], s.row...)
	if edit(s.row, customer); slices.Equal(s.row, s.before) {
		return
	}
	switch {
	case b == nil:
		b = &rowBlock{epoch: r.epoch}
	case b.epoch != r.epoch:
		own := *b
		own.epoch = r.epoch
		b = &own
	}
	c.blocks[at] = b
	b.pages[low%rowsPerBlock/rowsPerPage] = s.with(page, low, first, last, full)
}

// row returns the stored row of a customer and the bytes of a whole one. made says whether there are rows for it; if
// so, "" is an empty row.
func (r *rows) row(customer uint32) (row string, full int, made bool) {
	if r == nil {
		return "", 0, false
	}
	key := int(customer >> 16)
	if key >= len(r.chunks) {
		return "", 0, true
	}
	c := r.chunks[key]
	if c == nil {
		return "", 0, false
	}
	low := uint16(customer)
	if b := c.blocks[low/rowsPerBlock]; b != nil {
		row, full = b.pages[low%rowsPerBlock/rowsPerPage].row(low)
	}
	return row, full, true
}

// rowBits reads a field of a stored row.
func rowBits(row string, full int, f field) uint64 {
	if f.width == 0 || row == "" {
		return 0
	}
	first := int(f.first >> 6)
	x := rowWord(row, full, first) >> (f.first & 63)
	if in := 64 - f.first&63; in < f.width {
		x |= rowWord(row, full, first+1) << in
	}
	return x & (1<<f.width - 1)
}

// build makes the rows of a chunk.
func (r *rows) build(v *View, key uint16, epoch uint64) *rowChunk {
	full := (len(r.planes) + 7) / 8
	width := (full + 7) / 8
	space := r.scratch
	if len(space.planes) < width*64 {
		space.planes = make([]words, width*64)
	} else {
		clear(space.planes)
	}
	for ord, fs := range r.fields {
		if v.slots[ord] == nil {
			continue
		}
		for part, f := range fs {
			v.slots[ord].content.draw(part, f, key, space.planes[f.first:f.first+f.width])
		}
	}
	out := &rowChunk{epoch: epoch}
	const step = 8 // words at a time: a cache line of each plane
	space.rows = grown(space.rows, step*64*width)
	var in [step][64]uint64
	for at := 0; at < chunkWords; at += step {
		anything := uint64(0)
		for w := range width {
			for k := range 64 {
				line := space.planes[w*64+k][at : at+step]
				for i, x := range line {
					in[i][k] = x
					anything |= x
				}
			}
			for i := range step {
				transpose(&in[i])
				for k, x := range in[i] {
					space.rows[(i*64+k)*width+w] = x
				}
			}
		}
		if anything == 0 {
			continue
		}
		for k := 0; k < step*64; k += rowsPerPage {
			p := space.packPage(space.rows[k*width:(k+rowsPerPage)*width], width, full)
			if p == "" {
				continue
			}
			low := at*64 + k
			b := out.blocks[low/rowsPerBlock]
			if b == nil {
				b = &rowBlock{epoch: epoch}
				out.blocks[low/rowsPerBlock] = b
			}
			b.pages[low%rowsPerBlock/rowsPerPage] = p
		}
	}
	return out
}

// draw writes the planes of a part of the content for one chunk.
func (c *Content) draw(part int, f field, key uint16, planes []words) {
	switch f.form {
	case markField:
		if t := c.table(part); t != nil {
			t.who().chunk(key).orInto(&planes[0])
		} else if g := c.column.group(key); g != nil {
			g.presence(&planes[0])
		}
	case hotField:
		for code, s := range c.table(part).sets {
			s.chunk(key).orInto(&planes[code])
		}
	case codeField:
		for code, s := range c.table(part).sets {
			k := s.chunk(key)
			for i := range f.width {
				if (code+1)>>i&1 != 0 {
					k.orInto(&planes[i])
				}
			}
		}
	}
}

// transpose turns 64 words of 64 bits round: bit j of word i becomes bit i of word j.
func transpose(a *[64]uint64) {
	for j, m := 32, uint64(0x00000000ffffffff); j != 0; {
		for k := 0; k < 64; k = (k + j + 1) &^ j {
			t := (a[k]>>j ^ a[k+j]) & m
			a[k] ^= t << j
			a[k+j] ^= t
		}
		j >>= 1
		m ^= m << j
	}
}

// bytes is the memory that the rows take.
func (r *rows) bytes() int {
	if r == nil {
		return 0
	}
	n := 16 * len(r.planes)
	for _, c := range r.chunks {
		if c == nil {
			continue
		}
		n += 16 + 8*len(c.blocks)
		for _, b := range c.blocks {
			if b == nil {
				continue
			}
			n += 16 + 16*len(b.pages)
			for _, p := range b.pages {
				n += len(p)
			}
		}
	}
	return n
}
