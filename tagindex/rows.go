package tagindex

import (
	"math/bits"
	"slices"
)

const (
	rowsPerPage = 64
	// maxHot is the most values that a slot with several values a customer has bits for in the rows.
	maxHot = 256
	// bulk is the most customers of a chunk whose rows are changed one by one; with more of them the rows of the
	// chunk are made anew, when BuildRows is called next.
	bulk = 256
)

// rows is the index turned round: a row of bits for each customer. Each slot has a field in it: a code in as few
// bits as its values need, or a bit for each value where a customer may hold several, or a bit that says that the
// slot's column has a value. So a row takes at most one bit for each value, and mostly far fewer.
type rows struct {
	epoch  uint64
	fields [][2]field // by slot: values and bands
	planes []plane    // what the bits of a row mean
	dead   int        // planes that mean nothing any more
	// chunks has the rows of 65,536 customers each; nil where they are to be made. Customers beyond carry nothing.
	chunks []*rowChunk
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

type rowChunk struct {
	epoch uint64
	pages [chunkSize / rowsPerPage]*rowPage // nil: these customers carry nothing
}

// rowPage is 64 rows, one behind the other. A page made before the rows grew wider has shorter rows.
type rowPage struct {
	epoch uint64
	bits  []uint64
}

// newRows lays out the rows of a view; none of them is made yet.
func newRows(v *View, epoch uint64) *rows {
	r := &rows{epoch: epoch, chunks: make([]*rowChunk, v.chunks()), fields: make([][2]field, len(v.slots))}
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
	r.fields[ord][part] = f
}

func (r *rows) own(epoch uint64) *rows {
	if r.epoch == epoch {
		return r
	}
	return &rows{epoch: epoch, fields: slices.Clone(r.fields), planes: slices.Clip(r.planes), dead: r.dead, chunks: slices.Clone(r.chunks)}
}

// follow brings the rows up to a change of a slot; false when they had better be laid out anew.
func (r *rows) follow(ord int, c *Content, fx *effects) bool {
	for len(r.fields) <= ord {
		r.fields = append(r.fields, [2]field{})
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
			touched := &Set{}
			if part == 0 {
				touched = touched.or(fx.touched, 0)
			}
			for _, op := range ops {
				touched = touched.or(op.set, 0)
			}
			r.mark(f, touched, func(customer uint32) bool { return c.marks(part, customer) })
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
		r.mark(f, who, func(uint32) bool { return true })
	case codeField, hotField:
		for code, s := range t.sets {
			if s.Count() > 0 {
				r.op(f, op{uint32(code), true, s})
			}
		}
	}
}

// op writes who entered or left a value.
func (r *rows) op(f field, o op) {
	r.each(o.set, func(row []uint64, _ uint32) {
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
func (r *rows) mark(f field, touched *Set, has func(customer uint32) bool) {
	r.each(touched, func(row []uint64, customer uint32) { setBit(row, f.first, has(customer)) })
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

// each calls edit with the rows of customers, made ready to be written. Chunks in which they are many lose their
// rows instead, and chunks without rows are passed over.
func (r *rows) each(customers *Set, edit func(row []uint64, customer uint32)) {
	if customers == nil {
		return
	}
	width := (len(r.planes) + 63) / 64
	for i, key := range customers.keys {
		for int(key) >= len(r.chunks) {
			r.chunks = append(r.chunks, &rowChunk{epoch: r.epoch})
		}
		c := r.chunks[key]
		switch {
		case c == nil:
			continue
		case customers.chunks[i].card > bulk:
			r.chunks[key] = nil
			continue
		case c.epoch != r.epoch:
			own := *c
			own.epoch = r.epoch
			c = &own
			r.chunks[key] = c
		}
		customers.chunks[i].each(func(low uint16) bool {
			p := c.pages[low/rowsPerPage].own(width, r.epoch)
			c.pages[low/rowsPerPage] = p
			edit(p.row(low), uint32(key)<<16|uint32(low))
			return true
		})
	}
}

// row returns the row of a customer.
func (p *rowPage) row(low uint16) []uint64 {
	w := len(p.bits) / rowsPerPage
	i := int(low%rowsPerPage) * w
	return p.bits[i : i+w]
}

// own returns a page with rows of at least width words that the epoch may write.
func (p *rowPage) own(width int, epoch uint64) *rowPage {
	switch {
	case p == nil:
		return &rowPage{epoch, make([]uint64, rowsPerPage*width)}
	case len(p.bits) < rowsPerPage*width:
		wide := &rowPage{epoch, make([]uint64, rowsPerPage*width)}
		for i := range uint16(rowsPerPage) {
			copy(wide.row(i), p.row(i))
		}
		return wide
	case p.epoch != epoch:
		return &rowPage{epoch, slices.Clone(p.bits)}
	}
	return p
}

// row returns the row of a customer. made says whether there are rows for it; if so, a nil row is empty.
func (r *rows) row(customer uint32) (row []uint64, made bool) {
	if r == nil {
		return nil, false
	}
	key := int(customer >> 16)
	if key >= len(r.chunks) {
		return nil, true
	}
	c := r.chunks[key]
	if c == nil {
		return nil, false
	}
	if p := c.pages[uint16(customer)/rowsPerPage]; p != nil {
		return p.row(uint16(customer)), true
	}
	return nil, true
}

// rowSpace is scratch memory for making rows.
type rowSpace struct{ planes []words }

// build makes the rows of a chunk.
func (r *rows) build(v *View, key uint16, epoch uint64, space *rowSpace) *rowChunk {
	width := (len(r.planes) + 63) / 64
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
	const step = 8 // pages at a time: a cache line of each plane
	var in [step][64]uint64
	for at := 0; at < chunkWords; at += step {
		for w := range width {
			any := [step]uint64{}
			for k := range 64 {
				line := space.planes[w*64+k][at : at+step]
				for i, x := range line {
					in[i][k] = x
					any[i] |= x
				}
			}
			for i := range step {
				if any[i] == 0 {
					continue
				}
				p := out.pages[at+i]
				if p == nil {
					p = &rowPage{epoch, make([]uint64, rowsPerPage*width)}
					out.pages[at+i] = p
				}
				transpose(&in[i])
				for k, x := range in[i] {
					p.bits[k*width+w] = x
				}
			}
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
		n += 16 + 8*len(c.pages)
		for _, p := range c.pages {
			if p != nil {
				n += 32 + 8*cap(p.bits)
			}
		}
	}
	return n
}
