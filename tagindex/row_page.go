package tagindex

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// rowsPerPage is the rows of neighbouring customers that are stored as one. A change of one customer writes its page
// anew.
const rowsPerPage = 8

// rowPage is the rows of 8 customers; "" when all are empty. It begins with the bytes of a whole row at the time that
// it was made (rows grow wider) and the lengths of the 8 rows as stored; then come these. Whoever carries nothing has
// a row of length 0. Other rows are stored whole, or shorter: a bit for each byte that is not zero, then those bytes.
type rowPage string

// lengthSize is the bytes of a length in a page whose rows have so many bytes. 5 stand before the lengths.
func lengthSize(full int) int {
	switch {
	case full < 1<<8:
		return 1
	case full < 1<<16:
		return 2
	}
	return 4
}

const rowHead = 4

// full is the bytes of a whole row.
func (p rowPage) full() int {
	return int(p[0]) | int(p[1])<<8 | int(p[2])<<16 | int(p[3])<<24
}

func (p rowPage) length(i, size int) int {
	at := rowHead + i*size
	n := int(p[at])
	for k := 1; k < size; k++ {
		n |= int(p[at+k]) << (8 * k)
	}
	return n
}

// place says where in the page the stored row of a customer is, and how many bytes a whole one has.
func (p rowPage) place(low uint16) (first, last, full int) {
	if p == "" {
		return 0, 0, 0
	}
	full = p.full()
	i, size := int(low%rowsPerPage), lengthSize(full)
	first = rowHead + rowsPerPage*size
	if size == 1 {
		for _, n := range []byte(p[rowHead : rowHead+i]) {
			first += int(n)
		}
	} else {
		for k := range i {
			first += p.length(k, size)
		}
	}
	return first, first + p.length(i, size), full
}

// row returns the stored row of a customer and the bytes of a whole one.
func (p rowPage) row(low uint16) (row string, full int) {
	first, last, full := p.place(low)
	return string(p[first:last]), full
}

// unpackRow fills words, which has room for a whole row, with a stored one.
func unpackRow(row string, full int, words []uint64) {
	clear(words)
	switch {
	case row == "":
	case len(row) == full:
		for i := range len(row) {
			words[i>>3] |= uint64(row[i]) << (i & 7 * 8)
		}
	default:
		masks := (full + 7) / 8
		at := masks
		for w := range masks {
			x := uint64(0)
			for m := row[w]; m != 0; m &= m - 1 {
				x |= uint64(row[at]) << (8 * bits.TrailingZeros8(m))
				at++
			}
			words[w] = x
		}
	}
}

// rowWord is one word of a stored row.
func rowWord(row string, full, w int) (x uint64) {
	switch {
	case row == "" || w*8 >= full:
		return 0
	case len(row) == full:
		for i := w * 8; i < min(full, w*8+8); i++ {
			x |= uint64(row[i]) << (i & 7 * 8)
		}
		return x
	}
	at := (full + 7) / 8
	for i := range w {
		at += bits.OnesCount8(row[i])
	}
	for m := row[w]; m != 0; m &= m - 1 {
		x |= uint64(row[at]) << (8 * bits.TrailingZeros8(m))
		at++
	}
	return x
}

// packRow appends the stored form of a row of so many bytes.
func packRow(to []byte, words []uint64, full int) []byte {
	masks, start := (full+7)/8, len(to)
	to = slices.Grow(to, masks+full+8)
	out := to[start : start+masks+full+8]
	n := masks
	for w := range masks {
		x, mask := words[w], byte(0)
		for x != 0 {
			j := bits.TrailingZeros64(x) >> 3
			mask |= 1 << j
			out[n] = byte(x >> (8 * j))
			n++
			x &^= 0xff << (8 * j)
		}
		out[w] = mask
	}
	switch {
	case n == masks:
		return to
	case n < full:
		return to[:start+n]
	}
	for i := range full {
		out[i] = byte(words[i>>3] >> (i & 7 * 8))
	}
	return to[:start+full]
}

// rowScratch is memory for writing rows.
type rowScratch struct {
	planes []words  // of a chunk, while its rows are made
	rows   []uint64 // of the pages that are made at a time
	before []uint64 // the row that is being changed
	row    []uint64
	page   []byte
}

// packPage returns the page of rows that lie one behind the other.
func (s *rowScratch) packPage(rows []uint64, width, full int) rowPage {
	size := lengthSize(full)
	head := rowHead + rowsPerPage*size
	b := s.startPage(full, head)
	for i := range rowsPerPage {
		at := len(b)
		b = packRow(b, rows[i*width:(i+1)*width], full)
		putLength(b, i, size, len(b)-at)
	}
	return s.donePage(b, head)
}

func (s *rowScratch) startPage(full, head int) []byte {
	b := grown(s.page, head)
	clear(b)
	binary.LittleEndian.PutUint32(b, uint32(full))
	return b
}

func (s *rowScratch) donePage(b []byte, head int) rowPage {
	s.page = b
	if len(b) == head {
		return ""
	}
	return rowPage(b)
}

func putLength(page []byte, i, size, n int) {
	for k := range size {
		page[rowHead+i*size+k] = byte(n >> (8 * k))
	}
}

// with returns the page with the row s.row, of so many bytes, no fewer than the page's, for the customer whose row is
// stored from first to last.
func (s *rowScratch) with(p rowPage, low uint16, first, last, full int) rowPage {
	size := lengthSize(full)
	head := rowHead + rowsPerPage*size
	if p != "" && p.full() == full {
		b := packRow(append(s.page[:0], p[:first]...), s.row, full)
		putLength(b, int(low%rowsPerPage), size, len(b)-first)
		return s.donePage(append(b, p[last:]...), head)
	}
	b := s.startPage(full, head)
	for i := range uint16(rowsPerPage) {
		at := len(b)
		if i == low%rowsPerPage {
			b = packRow(b, s.row, full)
		} else if p != "" {
			row, was := p.row(i)
			s.before = grown(s.before, len(s.row))
			unpackRow(row, was, s.before)
			b = packRow(b, s.before, full)
		}
		putLength(b, int(i), size, len(b)-at)
	}
	return s.donePage(b, head)
}
