package tagindex

import (
	"encoding/binary"
	"math/bits"

	"tagma/event"
)

// change takes the values of some customers away and then gives some those of a column, in order. c must be owned by the
// epoch.
func (c *column) change(cleared, set *Set, values *event.Column, epoch uint64) {
	ed := columnEdit{column: c, values: values, codes: recoder{to: c.dict}}
	for i, key := range set.keys {
		ed.chunk(key, cleared.chunk(key), set.chunks[i], epoch)
	}
	for i, key := range cleared.keys {
		if set.chunk(key) == nil {
			ed.chunk(key, cleared.chunks[i], nil, epoch)
		}
	}
}

// columnEdit is a change of a column that is going on.
type columnEdit struct {
	column *column
	values *event.Column
	at     int // in values
	codes  recoder
	buf    pageBuffer
	ints   [pageSize]int64
}

// chunk changes the pages of a chunk.
func (ed *columnEdit) chunk(key uint16, cleared, set *chunk, epoch uint64) {
	c := ed.column
	var less, more [pageWords]uint64
	for i := range pagesPerGroup {
		cleared.wordsAt(i*pageWords, less[:])
		if set.wordsAt(i*pageWords, more[:]); less == more && less == ([pageWords]uint64{}) {
			continue
		}
		number := uint32(key)*pagesPerGroup + uint32(i)
		p, n := c.page(number), 0
		for _, x := range more {
			n += bits.OnesCount64(x)
		}
		q, ok := p.edited(&less, &more, ed.plain(p, n))
		if !ok {
			p.unpack(&ed.buf)
			for i := range less {
				ed.buf.has[i] &^= less[i]
			}
			j := ed.at
			eachBit(&more, func(i int) {
				ed.buf.setElement(i, ed.values, j, &ed.codes)
				j++
			})
			q = ed.buf.pack(c.kind)
		}
		ed.at += n
		c.put(number, q, epoch)
	}
}

// plain returns the next n values as a page has them; nil when they cannot be had so, which is when nothing is given, too.
func (ed *columnEdit) plain(p *page, n int) []int64 {
	v := ed.values
	switch {
	case n == 0 || p == nil || p.values != nil || v.Kind == event.ListKind || v.Nums != nil,
		v.Kind == event.NumberKind && v.Scale != int(p.scale):
		return nil
	case v.Kind != event.TextKind:
		return v.Ints[ed.at : ed.at+n]
	}
	out := ed.ints[:n]
	for i := range out {
		out[i] = int64(ed.codes.code(v, ed.at+i))
	}
	return out
}

// edited returns the page without some values and then with others, when these fit its form; nil when none is left. It
// copies what stays as it is and looks at no value.
func (p *page) edited(less, more *[pageWords]uint64, values []int64) (q *page, ok bool) {
	if p == nil || p.values != nil || len(values) == 0 && *more != ([pageWords]uint64{}) {
		return nil, false
	}
	for _, x := range values {
		if x < p.base || p.width < 8 && uint64(x)-uint64(p.base) >= 1<<(8*p.width) {
			return nil, false
		}
	}
	q = &page{width: p.width, scale: p.scale, base: p.base}
	for i, x := range p.has {
		q.has[i] = x&^less[i] | more[i]
		q.card += int32(bits.OnesCount64(q.has[i]))
	}
	w := int(p.width)
	switch {
	case q.card == 0:
		return nil, true
	case w == 0:
		return q, true
	}
	q.data = make([]byte, 0, int(q.card)*w)
	from, rank := 0, 0 // what stays and is not copied yet begins at from
	var raw [8]byte
	for i, was := range p.has {
		end := rank + bits.OnesCount64(was)
		if less[i]|more[i] != 0 {
			q.data = append(q.data, p.data[from*w:rank*w]...)
			for x := was | more[i]; x != 0; x &= x - 1 {
				bit := x & -x
				switch {
				case more[i]&bit != 0:
					binary.LittleEndian.PutUint64(raw[:], uint64(values[0])-uint64(p.base))
					q.data, values = append(q.data, raw[:w]...), values[1:]
				case less[i]&bit == 0:
					q.data = append(q.data, p.data[rank*w:(rank+1)*w]...)
				}
				if was&bit != 0 {
					rank++
				}
			}
			from = end
		}
		rank = end
	}
	q.data = append(q.data, p.data[from*w:]...)
	return q, true
}
