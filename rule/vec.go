package rule

import (
	"tagma/event"
)

// vec is what an expression evaluates to over a frame: the customers of a block, the rows of an event set,
// or one element that stands for all (single).
type vec struct {
	n      int
	single bool
	isCond bool
	cond   event.Bits     // a condition's truth
	parts  []event.Column // a value: one column per kind that occurs; missing where none has it
	cases  []event.Bits   // a case expression before it is needed as a value: who falls into each
	pick   []int32        // an event per customer: its row, -1 for none
	mask   event.Bits     // a selection: the rows it keeps; nil keeps all
	all    bool           // a selection that keeps all rows (mask is nil)
}

// idx is the element that stands for i.
func (v *vec) idx(i int) int {
	if v.single {
		return 0
	}
	return i
}

// value returns element i the slow way.
func (v *vec) value(i int) event.Value {
	i = v.idx(i)
	if v.isCond {
		return event.Bool(v.cond.Get(i))
	}
	for p := range v.parts {
		if v.parts[p].Present(i) {
			return v.parts[p].Value(i)
		}
	}
	return event.Value{}
}

// part returns the column of a kind, nil when there is none.
func (v *vec) part(k event.Kind) *event.Column {
	for p := range v.parts {
		if v.parts[p].Kind == k {
			return &v.parts[p]
		}
	}
	return nil
}

// arena hands out scratch memory for one block and takes it all back at once.
type arena struct {
	words   []uint64
	ints    []int64
	int32s  []int32
	codes   []uint32
	shorts  []uint16
	lists   []event.Bits
	uw, ui  int
	u32, uc int
	us, ul  int
	vecs    []vec
	uv      int
	cols    []event.Column
	ucol    int
}

func (a *arena) reset() {
	a.uw, a.ui, a.u32, a.uc, a.us, a.ul, a.uv, a.ucol = 0, 0, 0, 0, 0, 0, 0, 0
}

func take[T any](buf *[]T, used *int, n int) []T {
	if *used+n > len(*buf) {
		// What was handed out stays valid in the old array.
		*buf = make([]T, max(2*len(*buf), n, 64))
		*used = 0
	}
	s := (*buf)[*used : *used+n : *used+n]
	*used += n
	return s
}

// bits returns an empty set for n elements.
func (a *arena) bits(n int) event.Bits {
	b := take(&a.words, &a.uw, (n+63)/64)
	clear(b)
	return b
}

// int64s returns n zeros.
func (a *arena) int64s(n int) []int64 { s := take(&a.ints, &a.ui, n); clear(s); return s }

// rawInt64s returns n numbers of any content.
func (a *arena) rawInt64s(n int) []int64 { return take(&a.ints, &a.ui, n) }

func (a *arena) rawInt32s(n int) []int32 { return take(&a.int32s, &a.u32, n) }

func (a *arena) rawCodes(n int) []uint32 { return take(&a.codes, &a.uc, n) }

// rawShorts returns n numbers of any content.
func (a *arena) rawShorts(n int) []uint16 { return take(&a.shorts, &a.us, n) }

// bitSets returns n places for sets.
func (a *arena) bitSets(n int) []event.Bits { return take(&a.lists, &a.ul, n) }

func (a *arena) vec() *vec {
	v := &take(&a.vecs, &a.uv, 1)[0]
	*v = vec{}
	return v
}

func (a *arena) column(k event.Kind, n int) *event.Column {
	c := &take(&a.cols, &a.ucol, 1)[0]
	*c = event.Column{Kind: k, Len: n}
	return c
}

// columns returns n columns to be filled.
func (a *arena) columns(n int) []event.Column { return take(&a.cols, &a.ucol, n) }

// condVec returns a condition that is false everywhere.
func (w *worker) condVec(n int, single bool) *vec {
	v := w.vec()
	v.n, v.single, v.isCond = n, single, true
	v.cond = w.bits(n)
	return v
}

// valueVec returns a value of the given columns.
func (w *worker) valueVec(n int, single bool, parts ...event.Column) *vec {
	v := w.vec()
	v.n, v.single, v.parts = n, single, parts
	return v
}

// oneCol returns a value of one column without allocating.
func (w *worker) oneCol(n int, single bool, c *event.Column) *vec {
	v := w.vec()
	v.n, v.single = n, single
	buf := take(&w.cols, &w.ucol, 1)
	buf[0] = *c
	v.parts = buf
	return v
}

// truth returns where v, used as a condition, holds. A missing bool does not hold.
func (w *worker) truth(v *vec) event.Bits {
	if v.isCond {
		return v.cond
	}
	out := w.bits(v.n)
	if c := v.part(event.BoolKind); c != nil {
		for i := 0; i < v.n; i++ {
			if c.Ints[i] != 0 && c.Present(i) {
				out.Set(i)
			}
		}
	}
	return out
}

// truthOf is truth over a frame of n elements also when v is single.
func (w *worker) truthOf(v *vec, n int) event.Bits {
	t := w.truth(v)
	if !v.single || n == 1 {
		return t
	}
	out := w.bits(n)
	if t.Get(0) {
		out.Fill(n)
	}
	return out
}

// presence returns where v has a value.
func (w *worker) presence(v *vec) event.Bits {
	out := w.bits(v.n)
	switch {
	case v.pick != nil:
		for i, r := range v.pick {
			if r >= 0 {
				out.Set(i)
			}
		}
	case v.isCond:
		out.Fill(v.n)
	default:
		for p := range v.parts {
			if v.parts[p].Has == nil {
				out.Fill(v.n)
				return out
			}
			for i, word := range v.parts[p].Has[:len(out)] {
				out[i] |= word
			}
		}
	}
	return out
}

// fromValues makes a value from elements computed one by one.
func (w *worker) fromValues(n int, single bool, at func(i int) event.Value) *vec {
	v := w.vec()
	v.n, v.single = n, single
	var parts [event.MapKind + 1]*colMaker
	for i := 0; i < n; i++ {
		x := at(i)
		if !x.Present() {
			continue
		}
		m := parts[x.Kind()]
		if m == nil {
			m = newColMaker(x.Kind(), n)
			parts[x.Kind()] = m
		}
		m.set(i, x)
	}
	for _, m := range parts {
		if m != nil {
			v.parts = append(v.parts, m.column())
		}
	}
	return v
}

// colMaker builds one column from single values.
type colMaker struct {
	c     event.Column
	nums  []event.Number
	count int
}

func newColMaker(k event.Kind, n int) *colMaker {
	m := &colMaker{c: event.Column{Kind: k, Len: n, Has: event.NewBits(n)}}
	switch k {
	case event.NumberKind:
		m.nums = make([]event.Number, n)
	case event.TextKind:
		m.c.Codes = make([]uint32, n)
	case event.ListKind, event.MapKind:
		m.c.Values = make([]event.Value, n)
	default:
		m.c.Ints = make([]int64, n)
	}
	return m
}

func (m *colMaker) set(i int, x event.Value) {
	m.c.Has.Set(i)
	m.count++
	switch m.c.Kind {
	case event.NumberKind:
		m.nums[i] = x.Number()
	case event.TextKind:
		m.c.Codes[i] = event.Inline | uint32(len(m.c.Inline))
		m.c.Inline = append(m.c.Inline, x.Text())
	case event.BoolKind:
		if x.Bool() {
			m.c.Ints[i] = 1
		}
	case event.TimeKind:
		m.c.Ints[i] = int64(x.Time())
	case event.DateKind:
		m.c.Ints[i] = int64(x.Date())
	default:
		m.c.Values[i] = x
	}
}

func (m *colMaker) column() event.Column {
	if m.count == m.c.Len {
		m.c.Has = nil
	}
	if m.c.Kind == event.NumberKind {
		m.c.Ints, m.c.Scale = coefficients(m.nums, m.c.Has)
		if m.c.Ints == nil {
			m.c.Nums = m.nums
		}
	}
	return m.c
}

// maxColumnScale is the largest scale at which a column keeps coefficients.
const maxColumnScale = 18

// coefficients brings numbers to one scale, nil when that cannot be done in 64 bits.
func coefficients(nums []event.Number, has event.Bits) ([]int64, int) {
	scale := 0
	for i, n := range nums {
		if has == nil || has.Get(i) {
			if s := n.Normal().Scale(); s > scale {
				scale = s
			}
		}
	}
	if scale > maxColumnScale {
		return nil, 0
	}
	out := make([]int64, len(nums))
	for i, n := range nums {
		if has == nil || has.Get(i) {
			c, ok := n.Coefficient(scale)
			if !ok {
				return nil, 0
			}
			out[i] = c
		}
	}
	return out, scale
}

// numberAt returns the number of element i of a number column.
func numberAt(c *event.Column, i int) event.Number {
	if c.Nums != nil {
		return c.Nums[i]
	}
	return event.Scaled(c.Ints[i], c.Scale)
}
