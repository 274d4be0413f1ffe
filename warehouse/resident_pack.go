package warehouse

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"tagma/event"
)

// packer packs rows. It keeps its buffers.
type packer struct {
	us    []uint64
	codes []uint64
	ints  []int64
	bits  event.Bits
	text  []byte
	lists []byte
	data  []byte
	parts []packedPart
	rare  rareRows
	odd   bool // there is something for rare
}

// pack makes a block of the rows of a table that are of the profiles first … first+BlockSize-1. columns are the places of
// the wanted ones in the table.
func (k *packer) pack(t *Table, first int, columns []int, arrivals bool, upTo uint64) *residentBlock {
	b := &residentBlock{upTo: upTo}
	start := t.Start[first : first+BlockSize+1]
	from, to := int(start[0]), int(start[BlockSize])
	b.rows = int32(to - from)
	if b.rows == 0 {
		b.size = blockBytes
		return b
	}
	k.data, k.text, k.rare, k.odd = k.data[:0], k.text[:0], rareRows{}, false
	k.us = k.us[:0]
	for _, at := range start {
		k.us = append(k.us, uint64(int(at)-from))
	}
	b.starts = k.packed(0, uint64(b.rows), 1)
	b.times = packNumbers(k, t.Times[from:to], nil, true)
	if arrivals {
		b.arrivals = packNumbers(k, t.Arrivals[from:to], nil, false)
	}
	k.parts = append(k.parts[:0], make([]packedPart, len(columns))...)
	for place, at := range columns {
		parts := t.Columns[at]
		last := place
		for i := range parts {
			part, ok := k.part(&parts[i], from, to)
			if !ok {
				continue
			}
			if k.parts[last].kind == event.Missing {
				k.parts[last] = part
				continue
			}
			k.parts[last].next = uint16(len(k.parts))
			last = len(k.parts)
			k.parts = append(k.parts, part)
		}
	}
	k.data = append(k.data, 0, 0, 0, 0, 0, 0, 0, 0)
	b.data, b.parts = append([]byte(nil), k.data...), append([]packedPart(nil), k.parts...)
	b.size = blockBytes + int64(cap(b.data)) + partBytes*int64(cap(b.parts))
	if k.odd {
		k.rare.text = string(k.text)
		rare := k.rare
		b.rare = &rare
		b.size += rare.bytes()
	}
	return b
}

// packed adds k.us to the data, each divided by step; none is above span.
func (k *packer) packed(least int64, span, step uint64) numbers {
	n := numbers{min: least, step: step, at: uint32(len(k.data))}
	if n.width = widthOf(span / step); n.width > 0 {
		if step > 1 {
			for i := range k.us {
				k.us[i] /= step
			}
		}
		k.data = appendBits(k.data, k.us, n.width)
	}
	return n
}

// packNumbers adds numbers to the data. has says which count; nil: all do. steps looks for a greatest common step.
func packNumbers[T ~int64 | ~uint64](k *packer, all []T, has event.Bits, steps bool) numbers {
	var lo, hi T
	some := false
	for i, v := range all {
		switch {
		case has != nil && !has.Get(i):
		case !some:
			lo, hi, some = v, v, true
		default:
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	us := grow(&k.us, len(all))
	if has == nil {
		for i, v := range all {
			us[i] = uint64(v) - uint64(lo)
		}
	} else {
		for i, v := range all {
			us[i] = 0
			if has.Get(i) {
				us[i] = uint64(v) - uint64(lo)
			}
		}
	}
	step := uint64(1)
	if steps {
		step = 0
		for _, u := range us {
			if step = gcd(u, step); step == 1 {
				break
			}
		}
		step = max(step, 1)
	}
	return k.packed(int64(lo), uint64(hi)-uint64(lo), step)
}

// part packs the rows from … to-1 of a column; false when none has a value.
func (k *packer) part(c *event.Column, from, to int) (packedPart, bool) {
	n := to - from
	p := packedPart{kind: c.Kind}
	var has event.Bits // of these rows; nil: all
	if c.Has != nil {
		has = event.Bits(grow((*[]uint64)(&k.bits), (n+63)/64))
		switch k.presence(c.Has, from, n) {
		case 0:
			return p, false
		case n:
			has = nil
		default:
			p.has = uint32(len(k.data)) // never 0: the starts are before it
			for i, word := range has {
				k.data = binary.LittleEndian.AppendUint64(k.data, word)[:len(k.data)+min(8, (n-64*i+7)/8)]
			}
		}
	}
	switch {
	case c.Kind == event.TextKind:
		k.texts(&p, c, from, to, has)
	case c.Kind == event.ListKind || c.Kind == event.MapKind:
		k.written(&p, c.Values[from:to], has)
	case c.Nums != nil:
		k.exact(&p, c.Nums[from:to], has)
	default:
		p.scale = uint8(c.Scale)
		p.numbers = packNumbers(k, c.Ints[from:to], has, true)
	}
	return p, true
}

// presence brings the bits from … from+n-1 of a set into k.bits and counts them.
func (k *packer) presence(has event.Bits, from, n int) (count int) {
	shift := from & 63
	for i := range k.bits {
		at := from>>6 + i
		word := has[at] >> shift
		if shift > 0 && at+1 < len(has) {
			word |= has[at+1] << (64 - shift)
		}
		if rest := n - 64*i; rest < 64 {
			word &= 1<<rest - 1
		}
		k.bits[i] = word
		count += bits.OnesCount64(word)
	}
	return count
}

// texts packs codes, and texts without them.
func (k *packer) texts(p *packedPart, c *event.Column, from, to int, has event.Bits) {
	codes := grow(&k.codes, to-from)
	bounds := k.ints[:0]
	for i, code := range c.Codes[from:to] {
		codes[i] = uint64(code)
		if code&event.Inline == 0 || has != nil && !has.Get(i) {
			continue
		}
		if len(bounds) == 0 {
			bounds = append(bounds, int64(len(k.text)))
		}
		codes[i] = uint64(event.Inline) | uint64(len(bounds)-1)
		k.text = append(k.text, c.Inline[code&^event.Inline]...)
		bounds = append(bounds, int64(len(k.text)))
	}
	k.ints = bounds
	if len(bounds) > 0 {
		for i, code := range codes {
			codes[i] = uint64(bits.RotateLeft32(uint32(code), 1))
		}
		p.form, p.more, k.odd = turnedForm, uint16(len(k.parts)), true
		k.parts = append(k.parts, packedPart{numbers: packNumbers(k, bounds, nil, false)})
	}
	p.numbers = packNumbers(k, codes, has, false)
}

// written packs lists and maps.
func (k *packer) written(p *packedPart, values []event.Value, has event.Bits) {
	k.lists, k.ints = k.lists[:0], k.ints[:0]
	for i := range values {
		k.ints = append(k.ints, int64(len(k.lists)))
		if has == nil || has.Get(i) {
			k.lists = values[i].AppendBinary(k.lists)
		}
	}
	p.form, p.more = writtenForm, uint16(len(k.parts))
	bounds := packNumbers(k, append(k.ints, int64(len(k.lists))), nil, false)
	k.parts = append(k.parts, packedPart{numbers: bounds})
	p.at = uint32(len(k.data))
	k.data = append(k.data, k.lists...)
}

// exact packs exact numbers as coefficients where they can be, else they stay what they are: those of many blocks were
// read together, and one of them is enough.
func (k *packer) exact(p *packedPart, nums []event.Number, has event.Bits) {
	scale, fits := 0, true
	for i := range nums {
		if has == nil || has.Get(i) {
			scale = max(scale, nums[i].Scale())
		}
	}
	scale = min(scale, len(powers)-1)
	ints := grow(&k.ints, len(nums))
	for i := range nums {
		ints[i] = 0
		if has == nil || has.Get(i) {
			if ints[i], fits = nums[i].Coefficient(scale); !fits {
				break
			}
		}
	}
	if fits {
		p.scale = uint8(scale)
		p.numbers = packNumbers(k, ints, has, true)
		return
	}
	kept := slices.Clone(nums)
	for i := range kept {
		if has != nil && !has.Get(i) {
			kept[i] = event.Number{}
		}
	}
	p.form, p.more, k.odd = rareForm, uint16(len(k.rare.nums)), true
	k.rare.nums = append(k.rare.nums, kept)
}
