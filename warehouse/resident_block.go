package warehouse

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"tagma/event"
)

// residentBlock is the rows of a series in a block of profiles: packed, and behind them those appended since. What is
// packed is read where it lies. There are very many of them, so they hold few pointers.
type residentBlock struct {
	upTo uint64 // arrivals below it were read
	size int64  // in bytes, the tail included
	rows int32  // those packed
	// data has numbers and sets, and eight bytes more, so that each can be loaded with the seven behind it.
	data   []byte
	starts numbers // of each profile and behind the last, the first row; there are none when there are no rows
	times  numbers
	// arrivals are there when the series was asked for with them.
	arrivals numbers
	parts    []packedPart // the first of column k is at k; there are none when there are no rows
	rare     *rareRows    // nil: none
	tail     *residentTail
}

// numbers are whole numbers in residentBlock.data: min + step × a packed number of width bits.
type numbers struct {
	min   int64
	step  uint64
	at    uint32
	width uint8
}

// packedPart is the values of one kind in a column.
type packedPart struct {
	kind event.Kind // Missing: there are none
	// scale is that of the coefficients of numbers.
	scale uint8
	form  partForm
	next  uint16 // the place of another part of the column; 0: this is the last
	// more is, of texts without codes, lists and maps, the place of the part with their bounds, and of what is not packed
	// its place in rareRows.
	more uint16
	has  uint32 // where the set of those rows is in data that have a value; 0: all have
	numbers
}

type partForm uint8

const (
	// Numbers are coefficients, times, dates, truths, codes.
	packedForm partForm = iota
	// Codes of texts that are turned by one bit to the left: the lowest bit says that it is a place among the texts of the
	// block that have none.
	turnedForm
	// Lists and maps, each as Value.AppendBinary writes it, from numbers.at on.
	writtenForm
	// Exact numbers stand in rareRows.
	rareForm
)

// rareRows is what is not packed.
type rareRows struct {
	nums [][]event.Number
	text string // texts without codes, one after the other
}

const (
	blockBytes = int64(unsafe.Sizeof(residentBlock{}))
	partBytes  = int64(unsafe.Sizeof(packedPart{}))
	valueBytes = int64(unsafe.Sizeof(event.Value{}))
	numBytes   = int64(unsafe.Sizeof(event.Number{}))
)

// get is number i.
func (n *numbers) get(data []byte, i int) int64 {
	at := uint(i) * uint(n.width)
	return n.min + int64(binary.LittleEndian.Uint64(data[uint(n.at)+at>>3:])>>(at&7)&(1<<n.width-1)*n.step)
}

// unpack gives the numbers from … from+len(dst)-1.
func unpack[T ~int64 | ~uint64 | ~uint32](n *numbers, data []byte, dst []T, from int) {
	if n.width == 0 {
		for i := range dst {
			dst[i] = T(n.min)
		}
		return
	}
	data = data[n.at:]
	least, step, width, mask := uint64(n.min), n.step, uint(n.width), uint64(1)<<n.width-1
	at := uint(from) * width
	if width <= 14 { // four of them come with one load
		for ; len(dst) >= 4; dst, at = dst[4:], at+4*width {
			word := binary.LittleEndian.Uint64(data[at>>3:]) >> (at & 7)
			dst[0] = T(least + word&mask*step)
			dst[1] = T(least + word>>(width&63)&mask*step)
			dst[2] = T(least + word>>(2*width&63)&mask*step)
			dst[3] = T(least + word>>(3*width&63)&mask*step)
		}
	}
	for i := range dst {
		dst[i] = T(least + binary.LittleEndian.Uint64(data[at>>3:])>>(at&7)&mask*step)
		at += width
	}
}

// start is the first row of a profile, or, of BlockSize, the end of all.
func (b *residentBlock) start(low int) int {
	if b.rows == 0 {
		return 0
	}
	return int(b.starts.get(b.data, low))
}

// since is the first of the rows from … to-1, which are in order of time, whose time is t or later; to when there is none.
func (b *residentBlock) since(from, to int, t event.Time) int {
	if from >= to || int64(t) <= b.times.min {
		return from
	}
	if b.times.width == 0 {
		return to
	}
	// The least packed number that is not earlier.
	least := (uint64(t)-uint64(b.times.min)-1)/b.times.step + 1
	data, width, mask := b.data[b.times.at:], uint(b.times.width), uint64(1)<<b.times.width-1
	for from < to {
		mid := uint(from+to) >> 1
		at := mid * width
		if binary.LittleEndian.Uint64(data[at>>3:])>>(at&7)&mask < least {
			from = int(mid) + 1
		} else {
			to = int(mid)
		}
	}
	return from
}

// after is the first of the rows from … to-1 whose time is later than t.
func (b *residentBlock) after(from, to int, t event.Time) int {
	if t == event.Never {
		return max(from, to)
	}
	return b.since(from, to, t+1)
}

// present says whether a row has a value of the part.
func (p *packedPart) present(data []byte, row int) bool {
	return p.has == 0 || data[int(p.has)+row>>3]>>(row&7)&1 != 0
}

// copySet puts the rows from … from+n-1 that have a value of the part at at … of a set, and counts them.
func (p *packedPart) copySet(data []byte, from, n int, into event.Bits, at int) (count int) {
	if p.has == 0 {
		count = n
	} else {
		data = data[p.has:]
	}
	for n > 0 {
		m := min(n, 56)
		word := uint64(1)<<m - 1
		if p.has != 0 {
			word &= binary.LittleEndian.Uint64(data[from>>3:]) >> (from & 7)
			count += bits.OnesCount64(word)
		}
		into[at>>6] |= word << (at & 63)
		if at&63+m > 64 {
			into[at>>6+1] |= word >> (64 - at&63)
		}
		from, at, n = from+m, at+m, n-m
	}
	return count
}

// number is the number of a row that has one.
func (b *residentBlock) number(p *packedPart, row int) event.Number {
	if p.form == rareForm {
		return b.rare.nums[p.more][row]
	}
	return event.Scaled(p.get(b.data, row), int(p.scale))
}

// inline is a text without a code: its bytes are cut out of those of the block.
func (b *residentBlock) inline(p *packedPart, i int) string {
	bounds := &b.parts[p.more]
	return b.rare.text[bounds.get(b.data, i):bounds.get(b.data, i+1)]
}

// value is the list or map of a row that has one.
func (b *residentBlock) value(p *packedPart, row int) event.Value {
	bounds := &b.parts[p.more]
	from, to := bounds.get(b.data, row), bounds.get(b.data, row+1)
	return event.NewReader(b.data[int64(p.at)+from : int64(p.at)+to]).Value()
}

func (r *rareRows) bytes() int64 {
	n := 64 + int64(len(r.text)) + 24*int64(len(r.nums))
	for _, nums := range r.nums {
		n += (numBytes + 64) * int64(len(nums)) // most have their digits elsewhere
	}
	return n
}

// bytesBehind is about the memory of a value beside the value itself.
func bytesBehind(v *event.Value) (n int64) {
	switch v.Kind() {
	case event.TextKind:
		return int64(len(v.Text()))
	case event.ListKind:
		list := v.List()
		n = 24 + valueBytes*int64(len(list))
		for i := range list {
			n += bytesBehind(&list[i])
		}
	case event.MapKind:
		props := v.Map()
		n = 24 + (16+valueBytes)*int64(len(props))
		for i := range props {
			n += bytesBehind(&props[i].Value)
		}
	}
	return n
}
