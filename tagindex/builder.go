package tagindex

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"tagma/event"
)

// Shape says what a slot's fresh content will look like.
type Shape struct {
	Kind  event.Kind // of the values
	Multi bool       // a customer may hold several; they are given by SetWords
	// Values are the texts or bools that SetWords counts through.
	Values []event.Value
	// Bands are the texts that SetBand counts through; nil for none.
	Bands []event.Value
}

// Builder assembles the fresh contents of many slots from the results of blocks, computed by several goroutines:
// each has a Writer. When all are closed, Finish gives the contents. A builder takes the memory of its result, and a
// writer that of one bit field of 8 KB for each value that it meets.
type Builder struct {
	shapes []Shape
	base   []int // of a shape: the number of its first value; then come its bands
	total  int
	dicts  []*dict // of the texts that SetColumn meets

	mu      sync.Mutex
	sets    [][]piece // by value number
	columns []*column
}

// piece is a chunk of a set that one writer made.
type piece struct {
	key   uint16
	chunk *chunk
}

// NewBuilder returns a builder for slots of these shapes.
func NewBuilder(shapes []Shape) *Builder {
	b := &Builder{shapes: shapes, base: make([]int, len(shapes)), dicts: make([]*dict, len(shapes)), columns: make([]*column, len(shapes))}
	for i, s := range shapes {
		b.base[i] = b.total
		b.total += len(s.Values) + len(s.Bands)
		if s.Kind == event.TextKind {
			b.dicts[i] = newDict(nil)
		}
	}
	b.sets = make([][]piece, b.total)
	return b
}

// Writer takes the results of one goroutine. The customers of a page of 1,024 must come through one writer, and a
// chunk of 65,536 at a time is cheapest.
type Writer struct {
	b       *Builder
	key     int // the chunk that is being written; -1 for none
	buffers []*words
	touched []bool // which buffers have something in them
	dirty   []int  // their numbers
	sets    [][]piece
	columns []*columnWriter
}

type columnWriter struct {
	column *column
	codes  recoder
	page   int64 // that is being filled; -1 for none
	buf    pageBuffer
}

// Writer returns a new writer; Close it.
func (b *Builder) Writer() *Writer {
	return &Writer{b: b, key: -1, buffers: make([]*words, b.total), touched: make([]bool, b.total), sets: make([][]piece, b.total), columns: make([]*columnWriter, len(b.shapes))}
}

// SetWords says which of the customers from first on, a multiple of 64, hold a value: shape and value number them
// as the shapes given to NewBuilder do. The words must not reach beyond the chunk of 65,536 that first is in.
func (w *Writer) SetWords(shape, value int, first uint32, words []uint64) {
	w.put(w.b.base[shape]+value, first, words)
}

// SetBand is SetWords for a band.
func (w *Writer) SetBand(shape, band int, first uint32, words []uint64) {
	w.put(w.b.base[shape]+len(w.b.shapes[shape].Values)+band, first, words)
}

func (w *Writer) put(value int, first uint32, from []uint64) {
	any := uint64(0)
	for _, x := range from {
		any |= x
	}
	if any == 0 {
		return
	}
	if key := int(first >> 16); key != w.key {
		w.flush()
		w.key = key
	}
	buf := w.buffers[value]
	if buf == nil {
		buf = new(words)
		w.buffers[value] = buf
	}
	if !w.touched[value] {
		w.touched[value] = true
		w.dirty = append(w.dirty, value)
	}
	at := int(first&(chunkSize-1)) >> 6
	for i, x := range from {
		buf[at+i] |= x
	}
}

// flush turns the buffers of a chunk that is done into its sets.
func (w *Writer) flush() {
	for _, value := range w.dirty {
		if c := fromWords(w.buffers[value], 0); c != nil {
			w.sets[value] = append(w.sets[value], piece{uint16(w.key), c})
		}
		clear(w.buffers[value][:])
		w.touched[value] = false
	}
	w.dirty = w.dirty[:0]
}

// SetColumn gives the customers from first on the values of a column. Elements without a value are passed over.
// Those of another kind than the shape's are an error.
func (w *Writer) SetColumn(shape int, first uint32, col *event.Column) error {
	kind := w.b.shapes[shape].Kind
	c := w.columns[shape]
	if c == nil {
		c = &columnWriter{column: &column{kind: kind, dict: w.b.dicts[shape]}, codes: recoder{to: w.b.dicts[shape]}, page: -1}
		w.columns[shape] = c
	}
	for i := range col.Len {
		if !col.Present(i) {
			continue
		}
		if col.Kind != kind {
			return fmt.Errorf("tagindex: build: a %s where the slot's values are of kind %s", col.Kind, kind)
		}
		customer := first + uint32(i)
		if number := int64(customer / pageSize); number != c.page {
			c.flush()
			c.column.page(uint32(number)).unpack(&c.buf) // usually new
			c.page = number
		}
		c.buf.setElement(int(customer%pageSize), col, i, &c.codes)
	}
	return nil
}

func (c *columnWriter) flush() {
	if c.page >= 0 {
		c.column.put(uint32(c.page), c.buf.pack(c.column.kind), building)
		c.page = -1
	}
}

// Close hands over what the writer has. It must not be used afterwards.
func (w *Writer) Close() {
	w.flush()
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	for value, parts := range w.sets {
		w.b.sets[value] = append(w.b.sets[value], parts...)
	}
	for i, c := range w.columns {
		if c == nil {
			continue
		}
		c.flush()
		if w.b.columns[i] == nil {
			w.b.columns[i] = c.column
			continue
		}
		c.column.pages(func(number uint32, p *page) { w.b.columns[i].put(number, p, building) })
	}
	w.buffers, w.sets, w.columns = nil, nil, nil
}

// Finish returns the contents, one for each shape, when all writers are closed.
func (b *Builder) Finish() []*Content {
	out := make([]*Content, len(b.shapes))
	for i, shape := range b.shapes {
		c := &Content{multi: shape.Multi}
		if len(shape.Values) > 0 {
			c.values = b.table(shape.Kind, shape.Multi, shape.Values, b.base[i])
		}
		if shape.Bands != nil {
			c.bands = b.table(event.TextKind, false, shape.Bands, b.base[i]+len(shape.Values))
		}
		if col := b.columns[i]; col != nil {
			c.column = col
			if inSets(col.kind) && c.values == nil && (col.dict == nil || col.dict.len() <= MaxValues) {
				c.column, c.values = nil, col.table()
			}
		}
		if c.values.who().Count() > 0 || c.column != nil && c.column.card > 0 {
			c.kind = shape.Kind
		}
		out[i] = c
	}
	return out
}

// table makes the table of some values, the sets of which begin at base. Equal values share a set.
func (b *Builder) table(kind event.Kind, multi bool, values []event.Value, base int) *table {
	t := newTable(kind, multi, 0)
	for i, v := range values {
		code := t.put(v)
		parts := b.sets[base+i]
		slices.SortStableFunc(parts, func(a, b piece) int { return cmp.Compare(a.key, b.key) })
		s := &Set{}
		for _, p := range parts {
			if n := len(s.keys); n > 0 && s.keys[n-1] == p.key { // two writers met in a chunk
				was := s.chunks[n-1].count()
				s.chunks[n-1] = s.chunks[n-1].or(p.chunk, 0)
				s.card += s.chunks[n-1].count() - was
				continue
			}
			s.add(p.key, p.chunk)
		}
		t.sets[code] = t.sets[code].or(s, 0)
	}
	t.count()
	return t
}

// table returns a column of texts or bools as a table.
func (c *column) table() *table {
	t := newTable(c.kind, false, 0)
	if c.dict != nil {
		t.dict = c.dict
	}
	t.sets = make([]*Set, t.dict.len())
	lists := make([][]uint16, t.dict.len())
	var used []uint32
	var buf pageBuffer
	var w words
	for key, g := range c.groups {
		if g == nil {
			continue
		}
		for i, p := range g.pages {
			if p == nil {
				continue
			}
			p.unpack(&buf)
			buf.each(func(j int) {
				code := uint32(buf.ints[j])
				if c.kind == event.BoolKind {
					code = 1 - code
				}
				if len(lists[code]) == 0 {
					used = append(used, code)
				}
				lists[code] = append(lists[code], uint16(i*pageSize+j))
			})
		}
		for _, code := range used {
			list := lists[code]
			clear(w[:])
			(&chunk{list: list}).orInto(&w)
			if t.sets[code] == nil {
				t.sets[code] = &Set{}
			}
			t.sets[code].add(uint16(key), fromWords(&w, 0))
			lists[code] = list[:0]
		}
		used = used[:0]
	}
	t.count()
	return t
}
