package warehouse

import (
	"encoding/binary"
	"math/bits"
)

// maxWidth is the widest number that is packed; wider ones take 64 bits. A packed number and the bits before it
// in its first byte then fit one 64-bit load.
const maxWidth = 56

func widthOf(u uint64) uint8 {
	if w := bits.Len64(u); w <= maxWidth {
		return uint8(w)
	}
	return 64
}

// packedLen is the number of bytes of n numbers of w bits.
func packedLen(n int, w uint8) int { return (n*int(w) + 7) / 8 }

// appendBits packs numbers of w bits, lowest bit first.
func appendBits(dst []byte, vals []uint64, w uint8) []byte {
	if w == 0 {
		return dst
	}
	if w == 64 {
		for _, v := range vals {
			dst = binary.LittleEndian.AppendUint64(dst, v)
		}
		return dst
	}
	var acc uint64
	var have uint
	for _, v := range vals {
		acc |= v << have
		for have += uint(w); have >= 8; have -= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
		}
	}
	if have > 0 {
		dst = append(dst, byte(acc))
	}
	return dst
}

// unpackBits reads len(dst) numbers of w bits, beginning with number from. data holds at least
// packedLen(from+len(dst), w) bytes; where it goes on beyond them, reading is fastest.
func unpackBits(dst []uint64, data []byte, w uint8, from int) {
	switch w {
	case 0:
		clear(dst)
		return
	case 64:
		data = data[from*8:]
		for i := range dst {
			dst[i] = binary.LittleEndian.Uint64(data[i*8:])
		}
		return
	}
	mask := uint64(1)<<w - 1
	at := uint(from) * uint(w)
	step := uint(w)
	i := 0
	if len(data) >= 8 {
		last := uint(len(data)-8)*8 + 7 // the last bit position at which a 64-bit load may begin
		for ; i < len(dst) && at <= last; i++ {
			dst[i] = binary.LittleEndian.Uint64(data[at>>3:]) >> (at & 7) & mask
			at += step
		}
	}
	for ; i < len(dst); i++ {
		var v uint64
		first, end := at>>3, (at+step+7)>>3
		for b := first; b < end; b++ {
			v |= uint64(data[b]) << ((b - first) * 8)
		}
		dst[i] = v >> (at & 7) & mask
		at += step
	}
}

// packed is a row of whole numbers: min + div × a packed number.
type packed struct {
	min   int64
	div   uint64
	width uint8
	data  []byte
}

// appendPacked writes numbers as their least, their greatest common step and the packed rest. A constant
// takes the bytes of one number. scratch is reused.
func appendPacked(dst []byte, vals []int64, scratch *[]uint64) []byte {
	if len(vals) == 0 {
		return append(dst, 0, 0)
	}
	lo, hi := vals[0], vals[0]
	for _, v := range vals[1:] {
		lo, hi = min(lo, v), max(hi, v)
	}
	dst = binary.AppendVarint(dst, lo)
	span := uint64(hi) - uint64(lo)
	if span == 0 {
		return append(dst, 0)
	}
	var step uint64
	for _, v := range vals {
		if step = gcd(uint64(v)-uint64(lo), step); step == 1 {
			break
		}
	}
	w := widthOf(span / step)
	dst = append(dst, w)
	dst = binary.AppendUvarint(dst, step)
	us := (*scratch)[:0]
	if step == 1 {
		for _, v := range vals {
			us = append(us, uint64(v)-uint64(lo))
		}
	} else {
		for _, v := range vals {
			us = append(us, (uint64(v)-uint64(lo))/step)
		}
	}
	*scratch = us
	return appendBits(dst, us, w)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// packed reads what appendPacked wrote for n numbers.
func (c *cursor) packed(n int) packed {
	p := packed{min: c.varint(), width: c.byte()}
	if p.width == 0 {
		return p
	}
	p.div = c.uvarint()
	if p.width > maxWidth && p.width != 64 {
		c.bad = true
		return packed{}
	}
	p.data = c.take(packedLen(n, p.width))
	return p
}

// bounds are the least and greatest number that p can hold, and false when that is not an int64.
func (p *packed) bounds() (lo, hi int64, ok bool) {
	if p.width == 0 {
		return p.min, p.min, true
	}
	if p.width == 64 {
		return 0, 0, false
	}
	over, span := bits.Mul64(uint64(1)<<p.width-1, p.div)
	hi = p.min + int64(span)
	return p.min, hi, over == 0 && span < 1<<63 && hi >= p.min
}

// read gives the numbers from … from+len(dst)-1 as they are packed: see value.
func (p *packed) read(dst []uint64, from int) { unpackBits(dst, p.data, p.width, from) }

func (p *packed) value(u uint64) int64 { return p.min + int64(p.div*u) }

// write puts the numbers from … from+m-1 in their places in dst: at pos, or at 0 … m-1 where pos is nil. Where the data
// goes on behind them, a number takes one load.
func write[T ~int64](p *packed, dst []T, pos []int32, from, m int, scratch *[]uint64) {
	switch {
	case p.width == 0 && pos == nil:
		for i := range dst[:m] {
			dst[i] = T(p.min)
		}
		return
	case p.width == 0:
		for _, place := range pos[:m] {
			dst[place] = T(p.min)
		}
		return
	case !p.roomy(from + m):
		us := grow(scratch, m)
		p.read(us, from)
		for i, u := range us {
			place := i
			if pos != nil {
				place = int(pos[i])
			}
			dst[place] = T(p.value(u))
		}
		return
	}
	data, mask, step, at := p.data, uint64(1)<<p.width-1, uint(p.width), uint(from)*uint(p.width)
	least, div := uint64(p.min), p.div
	if pos == nil {
		for i := range dst[:m] {
			dst[i] = T(least + binary.LittleEndian.Uint64(data[at>>3:])>>(at&7)&mask*div)
			at += step
		}
		return
	}
	for _, place := range pos[:m] {
		dst[place] = T(least + binary.LittleEndian.Uint64(data[at>>3:])>>(at&7)&mask*div)
		at += step
	}
}

// writeCodes is write for numbers that must be below a limit; false where one is not.
func writeCodes(p *packed, dst []uint32, pos []int32, from, m int, limit uint64, scratch *[]uint64) bool {
	if !p.roomy(from+m) || p.width == 0 {
		us := grow(scratch, m)
		p.read(us, from)
		for i, u := range us {
			v := uint64(p.value(u))
			if v >= limit {
				return false
			}
			if pos != nil {
				i = int(pos[i])
			}
			dst[i] = uint32(v)
		}
		return true
	}
	data, mask, step, at := p.data, uint64(1)<<p.width-1, uint(p.width), uint(from)*uint(p.width)
	least, div, largest := uint64(p.min), p.div, uint64(0)
	if pos == nil {
		for i := range dst[:m] {
			v := least + binary.LittleEndian.Uint64(data[at>>3:])>>(at&7)&mask*div
			largest = max(largest, v)
			dst[i] = uint32(v)
			at += step
		}
		return largest < limit
	}
	for _, place := range pos[:m] {
		v := least + binary.LittleEndian.Uint64(data[at>>3:])>>(at&7)&mask*div
		largest = max(largest, v)
		dst[place] = uint32(v)
		at += step
	}
	return largest < limit
}

// roomy says that each of the first n numbers can be loaded with the eight bytes that it begins in.
func (p *packed) roomy(n int) bool {
	return p.width <= maxWidth && n > 0 && (n-1)*int(p.width)>>3+8 <= len(p.data)
}
