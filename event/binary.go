package event

import (
	"encoding/binary"
	"errors"
	"time"
)

// ErrCorrupt says that stored bytes do not decode.
var ErrCorrupt = errors.New("stored bytes are damaged")

var utc = NewZone(time.UTC)

// NewUTC returns the zone UTC.
func NewUTC() *Zone { return utc }

func appendUvarint(b []byte, u uint64) []byte { return binary.AppendUvarint(b, u) }
func appendVarint(b []byte, i int64) []byte   { return binary.AppendVarint(b, i) }
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Reader decodes what the Append functions wrote. After the first failure it returns zero values and Err is set.
type Reader struct {
	b   []byte
	Err error
}

// NewReader reads b. Texts are copied, Bytes are not.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Len is the number of bytes not yet read.
func (r *Reader) Len() int { return len(r.b) }

func (r *Reader) fail() { r.b, r.Err = nil, ErrCorrupt }

// Uvarint reads an unsigned number.
func (r *Reader) Uvarint() uint64 {
	u, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return u
}

// Varint reads a signed number.
func (r *Reader) Varint() int64 {
	i, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return i
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// Bytes reads a length and that many bytes; the result points into the input.
func (r *Reader) Bytes() []byte {
	n := r.Uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Bytes()) }

// MaxNesting bounds the lists and maps inside one another that Value reads: what is deeper must not be written.
const MaxNesting = 64

// Value reads a value.
func (r *Reader) Value() Value { return r.value(0) }

func (r *Reader) value(depth int) Value {
	if depth > MaxNesting {
		r.fail()
		return Value{}
	}
	switch k := Kind(r.Byte()); k {
	case Missing:
		return Value{}
	case BoolKind, TimeKind, DateKind:
		return Value{kind: k, i: r.Varint()}
	case NumberKind:
		if r.Byte() == 1 {
			n, err := ParseNumber(r.Text())
			if err != nil {
				r.fail()
			}
			return Num(n)
		}
		s := r.Uvarint()
		if s > maxDigits {
			r.fail()
			return Value{}
		}
		return Num(Number{scale: int16(s), c: r.Varint()})
	case TextKind:
		return Text(r.Text())
	case ListKind:
		n := r.Uvarint()
		if n > uint64(len(r.b)) {
			r.fail()
			return Value{}
		}
		vs := make([]Value, n)
		for i := range vs {
			vs[i] = r.value(depth + 1)
		}
		return List(vs...)
	case MapKind:
		n := r.Uvarint()
		if n > uint64(len(r.b)) {
			r.fail()
			return Value{}
		}
		ps := make([]Property, n)
		for i := range ps {
			ps[i] = Property{r.Text(), r.value(depth + 1)}
		}
		return Map(ps)
	}
	r.fail()
	return Value{}
}

// The Append functions write what Reader reads.

// AppendUvarint appends an unsigned number.
func AppendUvarint(b []byte, u uint64) []byte { return appendUvarint(b, u) }

// AppendVarint appends a signed number.
func AppendVarint(b []byte, i int64) []byte { return appendVarint(b, i) }

// AppendText appends a text with its length.
func AppendText(b []byte, s string) []byte { return appendText(b, s) }
