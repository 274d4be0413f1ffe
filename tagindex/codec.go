package tagindex

import (
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/errs"
	"tagma/event"
)

// changeVersion is the first byte of encoded changes.
const changeVersion = 1

// smallSet is the most members of a set that are written one by one. The change of a single customer takes a few
// bytes this way.
const smallSet = 32

const (
	flagLive = 1 << iota
	flagMulti
	flagDrop
	flagClear
	flagColumn
	flagBanded
)

// Encode writes changes as the payload of an entry of the change log. Decode reads it.
func Encode(changes []Change) ([]byte, error) {
	b := []byte{changeVersion}
	for i := range changes {
		if err := changes[i].check(); err != nil {
			return nil, err
		}
		b = appendChange(b, &changes[i])
	}
	return b, nil
}

// Decode reads what Encode wrote; the result does not point into it. The error of a version that this program
// does not know is of kind Conflict.
func Decode(payload []byte) ([]Change, error) {
	if len(payload) == 0 {
		return nil, fmt.Errorf("tagindex: read changes: %w", event.ErrCorrupt)
	}
	if payload[0] > changeVersion {
		return nil, errs.New(errs.Conflict, "tagindex: read changes: they are of version %d, this program knows %d; use a newer one", payload[0], changeVersion)
	}
	if payload[0] != changeVersion {
		return nil, fmt.Errorf("tagindex: read changes: %w", event.ErrCorrupt)
	}
	r := event.NewReader(payload[1:])
	var out []Change
	for r.Len() > 0 && r.Err == nil {
		ch := readChange(r)
		if r.Err == nil {
			r.Err = ch.check()
		}
		out = append(out, ch)
	}
	if r.Err != nil {
		return nil, fmt.Errorf("tagindex: read changes: %w", r.Err)
	}
	return out, nil
}

func appendChange(b []byte, ch *Change) []byte {
	b = event.AppendUvarint(b, uint64(ch.Slot))
	flags := flag(ch.Live)*flagLive | flag(ch.Multi)*flagMulti | flag(ch.Drop)*flagDrop | flag(ch.Clear)*flagClear |
		flag(ch.Column != nil)*flagColumn | flag(ch.Banded)*flagBanded
	b = append(b, flags, byte(ch.Cause))
	b = event.AppendVarint(b, int64(ch.At))
	b = event.AppendUvarint(b, ch.Run)
	for _, sets := range [][]SetChange{ch.Sets, ch.Bands} {
		b = event.AppendUvarint(b, uint64(len(sets)))
		for _, s := range sets {
			b = s.Value.AppendBinary(b)
			b = appendBitmap(b, s.Entered)
			b = appendBitmap(b, s.Left)
		}
	}
	if ch.Column != nil {
		b = appendBitmap(b, ch.Column.Customers)
		b = appendValues(b, &ch.Column.Values)
		b = appendBitmap(b, ch.Column.Cleared)
	}
	return b
}

func readChange(r *event.Reader) (ch Change) {
	ch.Slot = uint32(r.Uvarint())
	flags := r.Byte()
	ch.Live, ch.Multi, ch.Banded = flags&flagLive != 0, flags&flagMulti != 0, flags&flagBanded != 0
	ch.Drop, ch.Clear = flags&flagDrop != 0, flags&flagClear != 0
	ch.Cause = Cause(r.Byte())
	ch.At = event.Time(r.Varint())
	ch.Run = r.Uvarint()
	for _, sets := range []*[]SetChange{&ch.Sets, &ch.Bands} {
		n := r.Uvarint()
		if n > uint64(r.Len()) {
			r.Err = event.ErrCorrupt
			return ch
		}
		for range n {
			*sets = append(*sets, SetChange{r.Value(), readBitmap(r), readBitmap(r)})
		}
	}
	if flags&flagColumn != 0 {
		ch.Column = &ColumnChange{Customers: readBitmap(r)}
		n := 0
		if ch.Column.Customers != nil {
			n = int(ch.Column.Customers.GetCardinality())
		}
		ch.Column.Values = readValues(r, n)
		ch.Column.Cleared = readBitmap(r)
	}
	return ch
}

// appendBitmap writes a few members as differences: 2 × their number, then they. More go in the portable roaring
// format: 1, its length, then it.
func appendBitmap(b []byte, s *roaring.Bitmap) []byte {
	if none(s) {
		return event.AppendUvarint(b, 0)
	}
	if n := s.GetCardinality(); n <= smallSet {
		b = event.AppendUvarint(b, 2*n)
		last := uint32(0)
		for it := s.Iterator(); it.HasNext(); {
			x := it.Next()
			b = event.AppendUvarint(b, uint64(x-last))
			last = x
		}
		return b
	}
	data := FromRoaring(s).portable()
	b = event.AppendUvarint(append(b, 1), uint64(len(data)))
	return append(b, data...)
}

// readBitmap returns nil for an empty set.
func readBitmap(r *event.Reader) *roaring.Bitmap {
	head := r.Uvarint()
	if head == 0 || r.Err != nil {
		return nil
	}
	if head&1 == 0 {
		if head/2 > smallSet {
			r.Err = event.ErrCorrupt
			return nil
		}
		out, x := roaring.New(), uint64(0)
		for i := range head / 2 {
			d := r.Uvarint()
			if x += d; x > 1<<32-1 || d > 1<<32-1 || i > 0 && d == 0 {
				r.Err = event.ErrCorrupt
				return nil
			}
			out.Add(uint32(x))
		}
		return out
	}
	data := r.Bytes()
	s, rest, ok := parsePortable(data)
	if r.Err != nil || head != 1 || !ok || len(rest) != 0 {
		r.Err = event.ErrCorrupt
		return nil
	}
	return s.Roaring()
}

const (
	smallNumbers = 0
	exactNumbers = 1
)

// appendValues writes the values of a column, the number of which the reader knows.
func appendValues(b []byte, c *event.Column) []byte {
	b = append(b, byte(c.Kind))
	if c.Len == 0 {
		return b
	}
	switch c.Kind {
	case event.BoolKind:
		for i := 0; i < c.Len; i += 8 {
			x := byte(0)
			for j := i; j < min(i+8, c.Len); j++ {
				if c.Ints[j] != 0 {
					x |= 1 << (j - i)
				}
			}
			b = append(b, x)
		}
	case event.NumberKind:
		if c.Nums != nil {
			b = append(b, exactNumbers)
			for i := range c.Len {
				b = c.Value(i).AppendBinary(b)
			}
			return b
		}
		b = append(b, smallNumbers)
		b = event.AppendUvarint(b, uint64(c.Scale))
		for _, x := range c.Ints[:c.Len] {
			b = event.AppendVarint(b, x)
		}
	case event.TextKind:
		codes := recoder{to: newDict(nil)}
		list := make([]uint32, c.Len)
		for i := range list {
			list[i] = codes.code(c, i)
		}
		texts := *codes.to.texts.Load()
		b = event.AppendUvarint(b, uint64(len(texts)))
		for _, t := range texts {
			b = event.AppendText(b, t)
		}
		for _, code := range list {
			b = event.AppendUvarint(b, uint64(code))
		}
	case event.TimeKind, event.DateKind:
		last := int64(0)
		for _, x := range c.Ints[:c.Len] {
			b = event.AppendVarint(b, x-last) // wraps round where it must, and back when read
			last = x
		}
	default:
		for i := range c.Len {
			b = c.Values[i].AppendBinary(b)
		}
	}
	return b
}

func readValues(r *event.Reader, n int) (c event.Column) {
	c.Kind = event.Kind(r.Byte())
	if n == 0 || r.Err != nil {
		return c
	}
	least := n // bytes
	if c.Kind == event.BoolKind {
		least = (n + 7) / 8
	}
	if c.Kind < event.BoolKind || c.Kind > event.ListKind || least > r.Len() {
		r.Err = event.ErrCorrupt
		return c
	}
	c.Len = n
	switch c.Kind {
	case event.BoolKind:
		c.Ints = make([]int64, n)
		for i := 0; i < n; i += 8 {
			x := r.Byte()
			for j := i; j < min(i+8, n); j++ {
				c.Ints[j] = int64(x >> (j - i) & 1)
			}
		}
	case event.NumberKind:
		switch form := r.Byte(); {
		case form == smallNumbers:
			scale := r.Uvarint()
			if scale > maxScale {
				r.Err = event.ErrCorrupt
				return c
			}
			c.Scale, c.Ints = int(scale), make([]int64, n)
			for i := range c.Ints {
				c.Ints[i] = r.Varint()
			}
		case form == exactNumbers:
			c.Nums = make([]event.Number, n)
			for i := range c.Nums {
				v := r.Value()
				if v.Kind() != event.NumberKind {
					r.Err = event.ErrCorrupt
					return c
				}
				c.Nums[i] = v.Number()
			}
		default:
			r.Err = event.ErrCorrupt
		}
	case event.TextKind:
		count := r.Uvarint()
		if count > uint64(r.Len()) {
			r.Err = event.ErrCorrupt
			return c
		}
		texts := make([]string, count)
		for i := range texts {
			texts[i] = r.Text()
		}
		c.Dict, c.Codes = newDict(texts), make([]uint32, n)
		for i := range c.Codes {
			code := r.Uvarint()
			if code >= count {
				r.Err = event.ErrCorrupt
				return c
			}
			c.Codes[i] = uint32(code)
		}
	case event.TimeKind, event.DateKind:
		c.Ints = make([]int64, n)
		last := int64(0)
		for i := range c.Ints {
			last += r.Varint()
			c.Ints[i] = last
		}
	default:
		c.Values = make([]event.Value, n)
		for i := range c.Values {
			if c.Values[i] = r.Value(); c.Values[i].Kind() != event.ListKind {
				r.Err = event.ErrCorrupt
				return c
			}
		}
	}
	return c
}
