package warehouse

import (
	"encoding/binary"
	"math/bits"

	"tagma/errs"
	"tagma/event"
)

// A block's stored value is a sequence of segments, the oldest first. A segment is
//
//	kind byte (segmentRows) · length · body
//	body: rows n
//	      distinct profiles d · their low bytes (d ≤ 32: a byte each, else a bitmap of 256) · their rows less one
//	      which rows have a time · the times      · the arrivals
//	      columns · for each: property · type and presence form · length · presence · payload
//
// where every row of numbers is packed (appendPacked) and rows stand by profile, time and arrival. Lengths are
// in bytes, numbers are varints. An engine appends segments and merges them now and then; see Merge.
const segmentRows = 0x01

// minDensity is the least number of bytes a body has for 64 rows, so that damaged bytes cannot ask for
// unlimited memory. Bodies are padded up to it.
const minDensity = 64

// ColumnType says how a column of a segment is stored. Columns of several types may belong to one property.
type ColumnType uint8

// The column types. They are stored; never change a number.
const (
	BoolColumn   ColumnType = 1 // 0 or 1
	NumberColumn ColumnType = 2 // coefficients at the column's scale
	ExactColumn  ColumnType = 3 // numbers that do not fit so; event.Value.AppendBinary
	CodeColumn   ColumnType = 4 // texts as codes of the property's dictionary
	InlineColumn ColumnType = 5 // texts as they are
	TimeColumn   ColumnType = 6 // milliseconds
	DateColumn   ColumnType = 7 // days
	ListColumn   ColumnType = 8 // event.Value.AppendBinary
	MapColumn    ColumnType = 9
)

// Kind is the kind of the values that a column of the type holds.
func (t ColumnType) Kind() event.Kind {
	switch t {
	case BoolColumn:
		return event.BoolKind
	case NumberColumn, ExactColumn:
		return event.NumberKind
	case CodeColumn, InlineColumn:
		return event.TextKind
	case TimeColumn:
		return event.TimeKind
	case DateColumn:
		return event.DateKind
	case ListColumn:
		return event.ListKind
	case MapColumn:
		return event.MapKind
	}
	return event.Missing
}

// bytes says that values are stored as bytes and not as numbers.
func (t ColumnType) bytes() bool {
	return t == ExactColumn || t == InlineColumn || t == ListColumn || t == MapColumn
}

// segment is a parsed segment. It points into the stored bytes.
type segment struct {
	n         int
	group     int // segments of one group may overlap in time; a later group is later in time
	lo, hi    int // the rows that are read
	pos       int // where the places of these rows begin in layout.pos
	run, runs int // its profiles in layout.lows, layout.lens
	timed     presence
	times     packed
	arrivals  packed
	columns   cursor
	ncolumns  int
}

// next cuts the next segment's body off a value.
func nextSegment(c *cursor) (cursor, error) {
	switch kind := c.byte(); {
	case c.bad:
		return cursor{}, event.ErrCorrupt
	case kind != segmentRows:
		return cursor{}, errs.New(errs.Conflict, "a block of the history was written by a newer version of tagma (segment kind %d): use that version", kind)
	}
	body := c.sub(c.length(c.left()))
	return body, c.err()
}

// rowCount reads the number of rows at the start of a body.
func rowCount(body *cursor) int {
	limit := body.left() * minDensity
	n := body.length(limit)
	if n == 0 {
		body.fail()
	}
	return n
}

// presence says which of n rows have a value.
type presence struct {
	form  presenceForm
	m     int // how many do
	width uint8
	data  []byte
}

type presenceForm uint8

const (
	allRows    presenceForm = iota
	noRows                  // nothing has a value (times only)
	bitmapRows              // a bit for each row
	listedRows              // the row numbers, packed
	sameRows                // those of the column before
)

func (c *cursor) presence(form presenceForm, n int, before presence) presence {
	p := presence{form: form}
	switch form {
	case allRows:
		p.m = n
	case noRows:
	case bitmapRows:
		size := (n + 7) / 8
		if p.data = c.take(size); c.bad {
			break
		}
		for _, b := range p.data[:size] {
			p.m += bits.OnesCount8(b)
		}
		if n&7 != 0 && p.data[size-1]>>(n&7) != 0 || p.m == 0 {
			c.fail()
		}
	case listedRows:
		p.m = c.length(n)
		p.width = widthOf(uint64(n - 1))
		p.data = c.take(packedLen(p.m, p.width))
	case sameRows:
		return before
	default:
		c.fail()
	}
	return p
}

// within lists the rows lo ≤ r < hi that have a value, less lo, and the number of such rows before lo.
// For allRows it is not asked. nil means damaged.
func (p *presence) within(lo, hi int, rows []int32, scratch *[]uint64) (out []int32, rank int, ok bool) {
	rows = rows[:0]
	switch p.form {
	case noRows:
	case bitmapRows:
		for _, b := range p.data[:lo>>3] {
			rank += bits.OnesCount8(b)
		}
		for at := lo >> 3; at<<3 < hi; at++ {
			b := p.data[at]
			if at == lo>>3 {
				rank += bits.OnesCount8(b & (1<<(lo&7) - 1))
				b &^= 1<<(lo&7) - 1
			}
			if hi-at<<3 < 8 {
				b &= 1<<(hi-at<<3) - 1
			}
			for ; b != 0; b &= b - 1 {
				rows = append(rows, int32(at<<3+bits.TrailingZeros8(b)-lo))
			}
		}
	case listedRows:
		us := grow(scratch, p.m)
		unpackBits(us, p.data, p.width, 0)
		last := -1
		for _, u := range us {
			r := int(u)
			if r <= last {
				return nil, 0, false
			}
			last = r
			switch {
			case r < lo:
				rank++
			case r < hi:
				rows = append(rows, int32(r-lo))
			}
		}
	}
	return rows, rank, true
}

// appendPresence writes which of n rows are in rows, which is ascending, not empty and not all of them.
func appendPresence(dst []byte, rows []int32, n int, scratch *[]uint64) ([]byte, presenceForm) {
	w := widthOf(uint64(n - 1))
	if len(rows) < 1<<16 && packedLen(len(rows), w)+2 < (n+7)/8 {
		dst = binary.AppendUvarint(dst, uint64(len(rows)))
		us := grow(scratch, len(rows))
		for i, r := range rows {
			us[i] = uint64(r)
		}
		return appendBits(dst, us, w), listedRows
	}
	at := len(dst)
	for range (n + 7) / 8 {
		dst = append(dst, 0)
	}
	for _, r := range rows {
		dst[at+int(r>>3)] |= 1 << (r & 7)
	}
	return dst, bitmapRows
}

// column is a column of a segment, its payload not yet read.
type column struct {
	property uint32
	typ      ColumnType
	rows     presence
	payload  cursor
}

// next reads the head of the next column. before is the one before it in the segment.
func (c *cursor) column(n int, before presence) column {
	property := c.uvarint()
	head := c.byte()
	body := c.sub(c.length(c.left()))
	col := column{property: uint32(property), typ: ColumnType(head & 15)}
	if c.bad || property > 1<<31 || col.typ < BoolColumn || col.typ > MapColumn {
		c.fail()
		return column{}
	}
	col.rows = body.presence(presenceForm(head>>4), n, before)
	col.payload = body
	if body.bad || col.rows.m == 0 {
		c.fail()
	}
	return col
}

// texts is a payload of byte strings that share their beginning.
type texts struct {
	prefix  []byte
	lengths packed
	data    []byte // exactly
}

func (c *cursor) texts(m int) texts {
	var t texts
	n := c.length(c.left())
	t.prefix = c.take(n)
	if c.bad {
		return texts{}
	}
	t.prefix = t.prefix[:n:n]
	t.lengths = c.packed(m)
	n = c.left()
	t.data = c.take(n)[:n:n]
	return t
}

// each calls f with the strings from … from+count-1, less the prefix. false means damaged.
func (t *texts) each(from, count int, scratch *[]uint64, f func(i int, rest []byte)) bool {
	us := grow(scratch, from+count)
	t.lengths.read(us, 0)
	at := 0
	for i, u := range us {
		n := t.lengths.value(u)
		if n < 0 || n > int64(len(t.data)-at) {
			return false
		}
		if i >= from {
			f(i-from, t.data[at:at+int(n)])
		}
		at += int(n)
	}
	return true
}

// grow returns a slice of n elements in *s, whose contents are undefined.
func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n, n+n/4+16)
	}
	*s = (*s)[:n]
	return *s
}
