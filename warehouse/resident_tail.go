package warehouse

import (
	"bytes"
	"slices"
	"strings"
	"unsafe"

	"tagma/event"
)

// residentTail is the rows of a block that were appended since it was packed, in order of arrival.
type residentTail struct {
	lows  []uint8 // whose they are
	rows  []tailRow
	cells []cell // row by row, one for each wanted column
	odd   []event.Value
	grown int64 // bytes that odd holds elsewhere
}

type tailRow struct {
	time    event.Time
	arrival uint64
}

// cell is a value of a tail: a truth, a coefficient, a code, an instant, a date.
type cell struct {
	kind  event.Kind // Missing: none
	scale uint8
	odd   bool // it is none of these: n is its place in residentTail.odd
	n     int64
}

const (
	tailBytes    = int64(unsafe.Sizeof(residentTail{}))
	tailRowBytes = int64(unsafe.Sizeof(tailRow{}))
	cellBytes    = int64(unsafe.Sizeof(cell{}))
)

func (t *residentTail) len() int {
	if t == nil {
		return 0
	}
	return len(t.lows)
}

func (t *residentTail) bytes() int64 {
	return tailBytes + int64(cap(t.lows)) + tailRowBytes*int64(cap(t.rows)) + cellBytes*int64(cap(t.cells)) + valueBytes*int64(cap(t.odd)) + t.grown
}

// add begins a row; its cells are put behind it.
func (t *residentTail) add(low uint8, at event.Time, arrival uint64) {
	t.lows, t.rows = append(t.lows, low), append(t.rows, tailRow{at, arrival})
}

// put adds a value to the row that was begun last.
func (t *residentTail) put(v event.Value, dict event.Dict) {
	c := cell{kind: v.Kind()}
	switch c.kind {
	case event.Missing:
	case event.BoolKind:
		if v.Bool() {
			c.n = 1
		}
	case event.TimeKind:
		c.n = int64(v.Time())
	case event.DateKind:
		c.n = int64(v.Date())
	case event.NumberKind:
		n := v.Number()
		if scale := n.Scale(); scale < len(powers) {
			if i, ok := n.Coefficient(scale); ok {
				c.scale, c.n = uint8(scale), i
				break
			}
		}
		c.odd = true
	case event.TextKind:
		if dict != nil {
			if code, ok := dict.Code(v.Text()); ok {
				c.n = int64(code)
				break
			}
		}
		c.odd = true
	default:
		c.odd = true
	}
	if c.odd {
		c.n = int64(len(t.odd))
		t.odd = append(t.odd, v)
		t.grown += bytesBehind(&v)
	}
	t.cells = append(t.cells, c)
}

// value is the value of a cell that is not a code.
func (t *residentTail) value(c cell) event.Value {
	switch {
	case c.odd:
		return t.odd[c.n]
	case c.kind == event.BoolKind:
		return event.Bool(c.n != 0)
	case c.kind == event.TimeKind:
		return event.Instant(event.Time(c.n))
	case c.kind == event.DateKind:
		return event.Civil(event.Date(c.n))
	case c.kind == event.NumberKind:
		return event.Num(event.Scaled(c.n, int(c.scale)))
	}
	return event.Value{}
}

// of adds the places of a profile's rows from a time on to a list, in order of time, then arrival.
func (t *residentTail) of(low uint8, from event.Time, list []int32) []int32 {
	first := len(list)
	for at := 0; ; at++ {
		next := bytes.IndexByte(t.lows[at:], low)
		if next < 0 {
			return list
		}
		if at += next; t.rows[at].time < from {
			continue
		}
		list = append(list, int32(at))
		for i := len(list) - 1; i > first && t.rows[list[i-1]].time > t.rows[list[i]].time; i-- {
			list[i-1], list[i] = list[i], list[i-1]
		}
	}
}

// property is the value of a column of an event.
func property(e *event.Event, column string) event.Value {
	if column == SourceColumn {
		if e.Source == "" {
			return event.Value{}
		}
		return event.Text(e.Source)
	}
	if at, ok := slices.BinarySearchFunc(e.Props, column, func(p event.Property, name string) int { return strings.Compare(p.Name, name) }); ok {
		return e.Props[at].Value
	}
	return event.Value{}
}
