package event

import (
	"iter"
	"math/bits"
)

// Bits is a set of small numbers, 64 to a word. Bits beyond the length that its user means are zero.
type Bits []uint64

// NewBits returns an empty set for n elements.
func NewBits(n int) Bits { return make(Bits, (n+63)/64) }

// Get says whether i is in the set.
func (b Bits) Get(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// Set puts i in.
func (b Bits) Set(i int) { b[i>>6] |= 1 << (i & 63) }

// Unset takes i out.
func (b Bits) Unset(i int) { b[i>>6] &^= 1 << (i & 63) }

// All gives the elements in ascending order.
func (b Bits) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for at, word := range b {
			for ; word != 0; word &= word - 1 {
				if !yield(at*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// Count returns the number of elements.
func (b Bits) Count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return
}

// Fill puts 0…n-1 in and takes the rest out.
func (b Bits) Fill(n int) {
	for i := range b {
		switch rest := n - i*64; {
		case rest >= 64:
			b[i] = ^uint64(0)
		case rest > 0:
			b[i] = 1<<rest - 1
		default:
			b[i] = 0
		}
	}
}

// Dict numbers the texts of one property: code → text. It only grows; a text that is in it is always
// stored as its code.
type Dict interface {
	// Text returns the text of a code.
	Text(code uint32) string
	// Code returns the code of a text, and false when it has none.
	Code(text string) (uint32, bool)
}

// Inline marks a code that is an index into Column.Inline.
const Inline uint32 = 1 << 31

// Column holds values of one kind, one for each element of a frame: the profiles of a block, the rows of a
// table. It is the unit that blocks decode to and that rules compute with.
type Column struct {
	Kind Kind
	Len  int
	Has  Bits // which elements have a value; nil means all. What stands at the others is undefined.

	// Bool: 0 or 1. Number: coefficients at Scale, unless Nums is set. Time: ms. Date: days.
	Ints  []int64
	Scale int
	Nums  []Number

	Codes  []uint32 // Text: codes of Dict, or Inline | index
	Dict   Dict
	Inline []string

	Values []Value // List and Map
}

// Present says whether element i has a value.
func (c *Column) Present(i int) bool { return c.Has == nil || c.Has.Get(i) }

// Text returns the text of element i, which must be present.
func (c *Column) Text(i int) string {
	if code := c.Codes[i]; code&Inline == 0 {
		return c.Dict.Text(code)
	} else {
		return c.Inline[code&^Inline]
	}
}

// Value returns the value of element i, missing where there is none. It is the slow way.
func (c *Column) Value(i int) Value {
	if !c.Present(i) {
		return Value{}
	}
	switch c.Kind {
	case BoolKind:
		return Bool(c.Ints[i] != 0)
	case NumberKind:
		if c.Nums != nil {
			return Num(c.Nums[i])
		}
		return Num(Scaled(c.Ints[i], c.Scale))
	case TextKind:
		return Text(c.Text(i))
	case TimeKind:
		return Instant(Time(c.Ints[i]))
	case DateKind:
		return Civil(Date(c.Ints[i]))
	case ListKind, MapKind:
		return c.Values[i]
	}
	return Value{}
}
