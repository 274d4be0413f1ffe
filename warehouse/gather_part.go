package warehouse

import (
	"tagma/event"
)

// writtenPart is the values of one kind while a column is written.
type writtenPart struct {
	column event.Column
	used   bool
	count  int // elements with a value
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

// run copies the rows from … from+n-1 of a part of a block to at. recode gives texts the codes that they were given since.
func (p *writtenPart) run(b *residentBlock, src *packedPart, from, n, at, rows int, dict event.Dict, recode bool) {
	fresh := !p.used
	p.begin(src.kind, rows, dict)
	c := &p.column
	p.count += src.copySet(b.data, from, n, c.Has, at)
	switch src.kind {
	case event.TextKind:
		codes := c.Codes[at : at+n]
		unpack(&src.numbers, b.data, codes, from)
		if src.form != turnedForm {
			return
		}
		for i, code := range codes {
			codes[i] = code >> 1
			if code&1 != 0 && src.present(b.data, from+i) {
				p.inline(b.inline(src, int(code>>1)), at+i, recode)
			}
		}
	case event.ListKind, event.MapKind:
		for i := range n {
			if src.present(b.data, from+i) {
				c.Values[at+i] = b.value(src, from+i)
			}
		}
	case event.NumberKind:
		scale, exact := int(src.scale), src.form == rareForm
		if fresh && !exact {
			c.Scale = scale
		}
		if c.Nums == nil && !exact && (c.Scale == scale || p.scale(scale, at)) {
			ints := c.Ints[at : at+n]
			unpack(&src.numbers, b.data, ints, from)
			if c.Scale == scale || upscaled(ints, c.Scale-scale) {
				return
			}
		}
		p.exact(at)
		for i := range n {
			if src.present(b.data, from+i) {
				c.Nums[at+i] = b.number(src, from+i)
			}
		}
	default:
		unpack(&src.numbers, b.data, c.Ints[at:at+n], from)
	}
}

// code writes a text by its code.
func (p *writtenPart) code(code uint32, at, rows int, dict event.Dict) {
	p.begin(event.TextKind, rows, dict)
	p.mark(at)
	p.column.Codes[at] = code
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
				c.Scale = min(n.Scale(), len(powers)-1)
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

// upscaled brings coefficients to a scale that is larger by so much; false where one does not fit.
func upscaled(ints []int64, by int) bool {
	for i, n := range ints {
		v, ok := upscale(n, uint8(by))
		if !ok {
			return false
		}
		ints[i] = v
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
