package tagindex

import (
	"encoding/binary"
	"math"
	"math/bits"
	"reflect"

	"tagma/event"
)

const (
	pageSize      = 1024
	pageWords     = pageSize / 64
	pagesPerGroup = chunkSize / pageSize
	// maxScale is the largest scale that a coefficient in an int64 can have.
	maxScale = 18
)

// page holds the values of 1,024 neighbouring customers. It is immutable: a change makes a new one, and the page
// is small so that this is cheap. Only present values are stored, one behind the other, as differences from the
// smallest in as few bytes as they need.
type page struct {
	has   [pageWords]uint64
	card  int32
	width uint8 // bytes of one value: 0 (all are base), 1, 2, 4 or 8
	scale uint8 // numbers are coefficients at it
	base  int64
	data  []byte
	// values, when not nil, stand instead of data: lists, and numbers too large for a coefficient.
	values []event.Value
}

// pageBuffer is a page unpacked, to be read and written at any place.
type pageBuffer struct {
	has    [pageWords]uint64
	scale  int
	wide   bool // values stand for ints
	ints   [pageSize]int64
	values []event.Value // pageSize of them once anything is wide
}

func (b *pageBuffer) reset() {
	b.has = [pageWords]uint64{}
	b.scale, b.wide = 0, false
	clear(b.values)
}

func (b *pageBuffer) present(i int) bool { return b.has[i>>6]>>(i&63)&1 != 0 }

func (b *pageBuffer) unset(i int) { b.has[i>>6] &^= 1 << (i & 63) }

// value returns the value at i, which must be present.
func (b *pageBuffer) value(i int, kind event.Kind, d *dict) event.Value {
	if b.wide {
		return b.values[i]
	}
	return valueOf(b.ints[i], b.scale, kind, d)
}

// valueOf turns what a page stores into a value.
func valueOf(x int64, scale int, kind event.Kind, d *dict) event.Value {
	switch kind {
	case event.BoolKind:
		return event.Bool(x != 0)
	case event.NumberKind:
		return event.Num(event.Scaled(x, scale))
	case event.TextKind:
		return event.Text(d.Text(uint32(x)))
	case event.TimeKind:
		return event.Instant(event.Time(x))
	case event.DateKind:
		return event.Civil(event.Date(x))
	}
	return event.Value{}
}

// set stores a value of the column's kind at i.
func (b *pageBuffer) set(i int, v event.Value, d *dict) {
	switch v.Kind() {
	case event.BoolKind:
		b.ints[i] = 0
		if v.Bool() {
			b.ints[i] = 1
		}
	case event.TextKind:
		b.ints[i] = int64(d.put(v.Text()))
	case event.TimeKind:
		b.ints[i] = int64(v.Time())
	case event.DateKind:
		b.ints[i] = int64(v.Date())
	case event.NumberKind:
		b.setNumber(i, v.Number().Normal())
	default:
		b.widen(event.ListKind)
		b.values[i] = v
	}
	b.has[i>>6] |= 1 << (i & 63)
}

// setElement stores element j of a column at i. Texts go through codes.
func (b *pageBuffer) setElement(i int, c *event.Column, j int, codes *recoder) {
	switch {
	case c.Kind == event.TextKind:
		b.ints[i] = int64(codes.code(c, j))
	case c.Kind == event.NumberKind && c.Nums != nil:
		b.setNumber(i, c.Nums[j].Normal())
	case c.Kind == event.NumberKind && !b.wide && c.Scale <= maxScale && (c.Scale == b.scale || b.has == ([pageWords]uint64{})):
		b.scale, b.ints[i] = c.Scale, c.Ints[j]
	case c.Kind == event.NumberKind:
		b.setNumber(i, event.Scaled(c.Ints[j], c.Scale).Normal())
	case c.Kind == event.ListKind:
		b.widen(event.ListKind)
		b.values[i] = c.Values[j]
	default:
		b.ints[i] = c.Ints[j]
	}
	b.has[i>>6] |= 1 << (i & 63)
}

// recoder turns the codes of other dictionaries into those of one, asking for each text once.
type recoder struct {
	to    *dict
	from  event.Dict
	known []uint32 // code of from → code of to, plus 1
}

func (r *recoder) code(c *event.Column, j int) uint32 {
	code := c.Codes[j]
	if code&event.Inline != 0 {
		return r.to.put(c.Text(j))
	}
	if !sameDict(r.from, c.Dict) {
		r.from, r.known = c.Dict, r.known[:0]
	}
	if int(code) >= len(r.known) {
		r.known = append(r.known, make([]uint32, int(code)+1-len(r.known))...)
	}
	if r.known[code] == 0 {
		r.known[code] = r.to.put(c.Dict.Text(code)) + 1
	}
	return r.known[code] - 1
}

// sameDict says that two dictionaries are surely one.
func sameDict(a, b event.Dict) bool {
	if a == nil || b == nil || !reflect.TypeOf(a).Comparable() || !reflect.TypeOf(b).Comparable() {
		return false
	}
	return a == b
}

func (b *pageBuffer) setNumber(i int, n event.Number) {
	if !b.wide && n.Scale() > b.scale {
		b.rescale(n.Scale())
	}
	if !b.wide {
		if c, ok := n.Coefficient(b.scale); ok {
			b.ints[i] = c
			return
		}
		b.widen(event.NumberKind)
	}
	b.values[i] = event.Num(n)
}

// rescale brings all coefficients to a larger scale, or makes the page wide where they do not fit it.
func (b *pageBuffer) rescale(scale int) {
	if b.has == ([pageWords]uint64{}) {
		b.scale = min(scale, maxScale)
		if scale > maxScale {
			b.widen(event.NumberKind)
		}
		return
	}
	if scale > maxScale {
		b.widen(event.NumberKind)
		return
	}
	var scaled [pageSize]int64
	for w, x := range b.has {
		for ; x != 0; x &= x - 1 {
			i := w<<6 + bits.TrailingZeros64(x)
			c, ok := event.Scaled(b.ints[i], b.scale).Coefficient(scale)
			if !ok {
				b.widen(event.NumberKind)
				return
			}
			scaled[i] = c
		}
	}
	b.ints, b.scale = scaled, scale
}

// widen makes values stand for ints.
func (b *pageBuffer) widen(kind event.Kind) {
	if b.wide {
		return
	}
	b.wide = true
	if b.values == nil {
		b.values = make([]event.Value, pageSize)
	}
	if kind != event.NumberKind {
		return
	}
	for w, x := range b.has {
		for ; x != 0; x &= x - 1 {
			i := w<<6 + bits.TrailingZeros64(x)
			b.values[i] = event.Num(event.Scaled(b.ints[i], b.scale))
		}
	}
}

// unpack fills b from p; a nil page is empty.
func (p *page) unpack(b *pageBuffer) {
	b.reset()
	if p == nil {
		return
	}
	b.has, b.scale = p.has, int(p.scale)
	rank := 0
	if p.values != nil {
		b.widen(event.ListKind)
		for w, x := range p.has {
			for ; x != 0; x &= x - 1 {
				b.values[w<<6+bits.TrailingZeros64(x)] = p.values[rank]
				rank++
			}
		}
		return
	}
	p.ints(0, pageWords, b.ints[:])
}

// ints writes the values of the customers of words [from, to) to dst, which begins with the first of them. What
// stands at those without a value is undefined. The page must not be wide.
func (p *page) ints(from, to int, dst []int64) {
	rank := 0
	for _, x := range p.has[:from] {
		rank += bits.OnesCount64(x)
	}
	base := p.base
	for w, x := range p.has[from:to] {
		out := dst[w<<6:]
		switch p.width {
		case 0:
			for ; x != 0; x &= x - 1 {
				out[bits.TrailingZeros64(x)] = base
			}
		case 1:
			for ; x != 0; x &= x - 1 {
				out[bits.TrailingZeros64(x)] = base + int64(p.data[rank])
				rank++
			}
		case 2:
			for ; x != 0; x &= x - 1 {
				out[bits.TrailingZeros64(x)] = base + int64(binary.LittleEndian.Uint16(p.data[2*rank:]))
				rank++
			}
		case 4:
			for ; x != 0; x &= x - 1 {
				out[bits.TrailingZeros64(x)] = base + int64(binary.LittleEndian.Uint32(p.data[4*rank:]))
				rank++
			}
		default:
			for ; x != 0; x &= x - 1 {
				out[bits.TrailingZeros64(x)] = int64(uint64(base) + binary.LittleEndian.Uint64(p.data[8*rank:]))
				rank++
			}
		}
	}
}

// pack returns b as a page, nil when it is empty.
func (b *pageBuffer) pack(kind event.Kind) *page {
	p := &page{has: b.has}
	for _, x := range b.has {
		p.card += int32(bits.OnesCount64(x))
	}
	if p.card == 0 {
		return nil
	}
	if b.wide {
		p.values = make([]event.Value, 0, p.card)
		b.each(func(i int) { p.values = append(p.values, b.values[i]) })
		return p
	}
	if kind == event.NumberKind {
		b.trimScale()
	}
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	b.each(func(i int) { low, high = min(low, b.ints[i]), max(high, b.ints[i]) })
	p.scale, p.base = uint8(b.scale), low
	switch span := uint64(high) - uint64(low); {
	case span == 0:
		return p
	case span <= math.MaxUint8:
		p.width = 1
	case span <= math.MaxUint16:
		p.width = 2
	case span <= math.MaxUint32:
		p.width = 4
	default:
		p.width = 8
	}
	p.data = make([]byte, 0, int(p.card)*int(p.width))
	b.each(func(i int) {
		x := uint64(b.ints[i]) - uint64(low)
		switch p.width {
		case 1:
			p.data = append(p.data, byte(x))
		case 2:
			p.data = binary.LittleEndian.AppendUint16(p.data, uint16(x))
		case 4:
			p.data = binary.LittleEndian.AppendUint32(p.data, uint32(x))
		default:
			p.data = binary.LittleEndian.AppendUint64(p.data, x)
		}
	})
	return p
}

func (b *pageBuffer) each(yield func(i int)) {
	for w, x := range b.has {
		for ; x != 0; x &= x - 1 {
			yield(w<<6 + bits.TrailingZeros64(x))
		}
	}
}

// trimScale drops fractional digits that are 0 in all values, as they are after a division that came out even.
func (b *pageBuffer) trimScale() {
	for b.scale > 0 {
		for w, x := range b.has {
			for ; x != 0; x &= x - 1 {
				if b.ints[w<<6+bits.TrailingZeros64(x)]%10 != 0 {
					return
				}
			}
		}
		b.each(func(i int) { b.ints[i] /= 10 })
		b.scale--
	}
}

func (p *page) present(i int) bool { return p != nil && p.has[i>>6]>>(i&63)&1 != 0 }

// rank is the number of values before i.
func (p *page) rank(i int) int {
	n := bits.OnesCount64(p.has[i>>6] & (1<<(i&63) - 1))
	for _, x := range p.has[:i>>6] {
		n += bits.OnesCount64(x)
	}
	return n
}

// at returns the value at i, missing where there is none.
func (p *page) at(i int, kind event.Kind, d *dict) event.Value {
	if !p.present(i) {
		return event.Value{}
	}
	rank := p.rank(i)
	if p.values != nil {
		return p.values[rank]
	}
	return valueOf(p.nth(rank), int(p.scale), kind, d)
}

// nth returns the stored number of a rank.
func (p *page) nth(rank int) int64 {
	switch p.width {
	case 0:
		return p.base
	case 1:
		return p.base + int64(p.data[rank])
	case 2:
		return p.base + int64(binary.LittleEndian.Uint16(p.data[2*rank:]))
	case 4:
		return p.base + int64(binary.LittleEndian.Uint32(p.data[4*rank:]))
	}
	return int64(uint64(p.base) + binary.LittleEndian.Uint64(p.data[8*rank:]))
}

// bytes is about the memory that the page takes.
func (p *page) bytes() int {
	if p == nil {
		return 0
	}
	n := 208 + cap(p.data) + 48*cap(p.values)
	for _, v := range p.values {
		n += 48 * len(v.List())
	}
	return n
}
