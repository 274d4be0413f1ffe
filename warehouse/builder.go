package warehouse

import (
	"encoding/binary"
	"math"
	"slices"

	"tagma/event"
)

// Builder encodes rows as a segment. Its zero value is ready; Reset lets it be used again.
type Builder struct {
	lows     []uint8
	times    []int64
	arrivals []int64
	columns  []*values
	slots    []int32 // 1 + place in columns, by property<<4 | type
	encoder  encoder
}

// values is a column as it is collected: for ascending rows, a number each or a byte string each.
type values struct {
	property uint32
	typ      ColumnType
	rows     []int32
	ints     []int64
	scales   []uint8 // NumberColumn only
	blobs    [][]byte
}

// Reset forgets the rows.
func (b *Builder) Reset() {
	b.lows, b.times, b.arrivals = b.lows[:0], b.times[:0], b.arrivals[:0]
	for _, v := range b.columns {
		b.slots[slotOf(v.property, v.typ)] = 0
	}
	b.columns = b.columns[:0]
}

// Rows is the number of rows.
func (b *Builder) Rows() int { return len(b.lows) }

// Row begins a row: the profile's low byte, time and arrival. Rows come in ascending order of these.
func (b *Builder) Row(low uint8, t event.Time, arrival uint64) {
	b.lows = append(b.lows, low)
	b.times = append(b.times, int64(t))
	b.arrivals = append(b.arrivals, int64(arrival))
}

func slotOf(property uint32, typ ColumnType) int { return int(property)<<4 | int(typ) }

// column gives the column for the current row's value; set says that the row has one already.
func (b *Builder) column(property uint32, typ ColumnType) (v *values, set bool) {
	slot := slotOf(property, typ)
	if slot >= len(b.slots) {
		b.slots = append(b.slots, make([]int32, slot+64-len(b.slots))...)
	}
	if b.slots[slot] == 0 {
		n := len(b.columns)
		if n < cap(b.columns) {
			b.columns = b.columns[:n+1]
		} else {
			b.columns = append(b.columns, nil)
		}
		if b.columns[n] == nil {
			b.columns[n] = new(values)
		}
		b.columns[n].reset(property, typ)
		b.slots[slot] = int32(n + 1)
	}
	v = b.columns[b.slots[slot]-1]
	row := int32(len(b.lows) - 1)
	if n := len(v.rows); n > 0 && v.rows[n-1] == row {
		return v, true
	}
	v.rows = append(v.rows, row)
	return v, false
}

func (v *values) reset(property uint32, typ ColumnType) {
	v.property, v.typ = property, typ
	v.rows, v.ints, v.scales, v.blobs = v.rows[:0], v.ints[:0], v.scales[:0], v.blobs[:0]
}

// Int gives the current row a bool, code, time or date. Of two values of one type the later stays.
func (b *Builder) Int(property uint32, typ ColumnType, i int64) {
	v, set := b.column(property, typ)
	if set {
		v.ints[len(v.ints)-1] = i
		return
	}
	v.ints = append(v.ints, i)
}

// Number gives the current row the number c × 10^-scale; scale ≤ 18.
func (b *Builder) Number(property uint32, c int64, scale uint8) {
	v, set := b.column(property, NumberColumn)
	if set {
		v.ints[len(v.ints)-1], v.scales[len(v.scales)-1] = c, scale
		return
	}
	v.ints, v.scales = append(v.ints, c), append(v.scales, scale)
}

// Bytes gives the current row an inline text, or a value's binary form. The bytes must not change until AppendTo.
func (b *Builder) Bytes(property uint32, typ ColumnType, p []byte) {
	v, set := b.column(property, typ)
	if set {
		v.blobs[len(v.blobs)-1] = p
		return
	}
	v.blobs = append(v.blobs, p)
}

// AppendTo appends the rows as one segment; nothing when there are none.
func (b *Builder) AppendTo(dst []byte) []byte {
	if len(b.lows) == 0 {
		return dst
	}
	return b.encoder.segment(dst, b.lows, b.times, b.arrivals, b.columns)
}

// encoder holds what encoding reuses.
type encoder struct {
	body, column []byte
	us           []uint64
	ints         []int64
	rows         []int32
	exact        values
	fitting      values
	arena        []byte
}

func (e *encoder) segment(dst []byte, lows []uint8, times, arrivals []int64, columns []*values) []byte {
	n := len(lows)
	body := binary.AppendUvarint(e.body[:0], uint64(n))
	body = e.profiles(body, lows)
	body = e.times(body, times)
	body = appendPacked(body, arrivals, &e.us)

	slices.SortFunc(columns, func(a, b *values) int { return slotOf(a.property, a.typ) - slotOf(b.property, b.typ) })
	count := len(columns)
	for _, v := range columns {
		if v.typ == NumberColumn && !v.oneScale() {
			if e.split(v); len(e.exact.rows) > 0 && len(e.fitting.rows) > 0 {
				count++
			}
		}
	}
	body = binary.AppendUvarint(body, uint64(count))
	var before []int32
	for _, v := range columns {
		if v.typ != NumberColumn {
			body = e.append(body, v, n, before)
			before = v.rows
			continue
		}
		if v.oneScale() {
			body = e.numbers(body, v.property, v.rows, v.ints, v.scales[0], n, before)
			before = v.rows
			continue
		}
		scale := e.split(v)
		if len(e.exact.rows) == 0 {
			body = e.numbers(body, v.property, v.rows, e.fitting.ints, scale, n, before)
			before = v.rows
			continue
		}
		if len(e.fitting.rows) > 0 {
			body = e.numbers(body, v.property, e.fitting.rows, e.fitting.ints, scale, n, before)
		}
		body = e.append(body, &e.exact, n, nil)
		before = nil
	}
	for len(body)*minDensity < n {
		body = append(body, 0)
	}
	e.body = body
	dst = append(dst, segmentRows)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...)
}

// profiles writes the distinct low bytes and how many rows each has.
func (e *encoder) profiles(dst []byte, lows []uint8) []byte {
	counts := e.ints[:0]
	var bitmap [32]byte
	var distinct [BlockSize]byte
	for i, low := range lows {
		if i == 0 || low != lows[i-1] {
			distinct[len(counts)] = low
			bitmap[low>>3] |= 1 << (low & 7)
			counts = append(counts, -1)
		}
		counts[len(counts)-1]++
	}
	e.ints = counts
	dst = binary.AppendUvarint(dst, uint64(len(counts)))
	if len(counts) <= len(bitmap) {
		dst = append(dst, distinct[:len(counts)]...)
	} else {
		dst = append(dst, bitmap[:]...)
	}
	return appendPacked(dst, counts, &e.us)
}

// times writes which rows have a time, and those times.
func (e *encoder) times(dst []byte, times []int64) []byte {
	timed := 0
	for _, t := range times {
		if event.Time(t) != event.Always {
			timed++
		}
	}
	switch timed {
	case len(times):
		return appendPacked(append(dst, byte(allRows)), times, &e.us)
	case 0:
		return append(dst, byte(noRows))
	}
	rows, ints := e.rows[:0], e.ints[:0]
	for i, t := range times {
		if event.Time(t) != event.Always {
			rows, ints = append(rows, int32(i)), append(ints, t)
		}
	}
	e.rows, e.ints = rows, ints
	at := len(dst)
	dst, form := appendPresence(append(dst, 0), rows, len(times), &e.us)
	dst[at] = byte(form)
	return appendPacked(dst, ints, &e.us)
}

// head begins a column in e.column: the presence. The form is returned.
func (e *encoder) presence(rows []int32, n int, before []int32) presenceForm {
	e.column = e.column[:0]
	switch {
	case len(rows) == n:
		return allRows
	case before != nil && slices.Equal(rows, before):
		return sameRows
	}
	var form presenceForm
	e.column, form = appendPresence(e.column, rows, n, &e.us)
	return form
}

func (e *encoder) finish(dst []byte, property uint32, typ ColumnType, form presenceForm) []byte {
	dst = binary.AppendUvarint(dst, uint64(property))
	dst = append(dst, byte(typ)|byte(form)<<4)
	dst = binary.AppendUvarint(dst, uint64(len(e.column)))
	return append(dst, e.column...)
}

func (e *encoder) numbers(dst []byte, property uint32, rows []int32, ints []int64, scale uint8, n int, before []int32) []byte {
	form := e.presence(rows, n, before)
	e.column = appendPacked(append(e.column, scale), ints, &e.us)
	return e.finish(dst, property, NumberColumn, form)
}

func (e *encoder) append(dst []byte, v *values, n int, before []int32) []byte {
	form := e.presence(v.rows, n, before)
	if !v.typ.bytes() {
		e.column = appendPacked(e.column, v.ints, &e.us)
		return e.finish(dst, v.property, v.typ, form)
	}
	prefix := 0
	if len(v.blobs) > 1 {
		prefix = len(v.blobs[0])
		for _, p := range v.blobs[1:] {
			prefix = min(prefix, len(p))
			for i := range prefix {
				if p[i] != v.blobs[0][i] {
					prefix = i
					break
				}
			}
		}
	}
	e.column = binary.AppendUvarint(e.column, uint64(prefix))
	e.column = append(e.column, v.blobs[0][:prefix]...)
	lengths := e.ints[:0]
	for _, p := range v.blobs {
		lengths = append(lengths, int64(len(p)-prefix))
	}
	e.ints = lengths
	e.column = appendPacked(e.column, lengths, &e.us)
	for _, p := range v.blobs {
		e.column = append(e.column, p[prefix:]...)
	}
	return e.finish(dst, v.property, v.typ, form)
}

var powers = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return
}()

// upscale returns c × 10^by, and false when it is not an int64 or is the least one, which numbers cannot hold.
func upscale(c int64, by uint8) (int64, bool) {
	f := powers[by]
	if c > math.MaxInt64/f || c < -(math.MaxInt64/f) {
		return 0, false
	}
	return c * f, true
}

// split brings a number column to one scale: e.fitting has the numbers at the scale returned, e.exact those that
// do not fit it, in their binary form. The scale is the largest that occurs; when that leaves numbers out, the one
// that serves fifteen in sixteen is tried, for one number with many digits must not drive out the rest.
func (e *encoder) split(v *values) (scale uint8) {
	e.fitting.reset(v.property, NumberColumn)
	e.exact.reset(v.property, ExactColumn)
	var byScale [19]int
	for _, s := range v.scales {
		byScale[s]++
		scale = max(scale, s)
	}
	if misfits := v.misfits(scale); misfits > 0 {
		common, seen := uint8(0), 0
		for s, n := range byScale {
			if seen += n; seen*16 >= len(v.scales)*15 {
				common = uint8(s)
				break
			}
		}
		if v.misfits(common) < misfits {
			scale = common
		}
	}
	e.arena = e.arena[:0]
	for i, c := range v.ints {
		if up, ok := v.at(i, scale); ok {
			e.fitting.rows, e.fitting.ints = append(e.fitting.rows, v.rows[i]), append(e.fitting.ints, up)
			continue
		}
		at := len(e.arena)
		e.arena = event.Num(event.Scaled(c, int(v.scales[i]))).AppendBinary(e.arena)
		e.exact.rows, e.exact.blobs = append(e.exact.rows, v.rows[i]), append(e.exact.blobs, e.arena[at:])
	}
	return scale
}

func (v *values) oneScale() bool {
	for _, s := range v.scales {
		if s != v.scales[0] {
			return false
		}
	}
	return true
}

// at is number i at a scale.
func (v *values) at(i int, scale uint8) (int64, bool) {
	c, s := v.ints[i], v.scales[i]
	for ; s > scale && c%10 == 0; s-- {
		c /= 10
	}
	if s > scale {
		return 0, false
	}
	return upscale(c, scale-s)
}

func (v *values) misfits(scale uint8) (n int) {
	for i := range v.ints {
		if _, ok := v.at(i, scale); !ok {
			n++
		}
	}
	return
}
