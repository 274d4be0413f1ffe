package tagindex

import (
	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
)

// Diff returns the change that leads from one content to another, nil when they are equal. Slot, cause and
// instant are the caller's to fill in. It names everybody who enters and leaves, unless the kind of the values
// is another: then the change begins with Clear.
func Diff(from, to *Content) *Change {
	ch := &Change{Multi: to.multi, Banded: to.Banded()}
	switch {
	case to.kind == event.Missing:
		ch.Multi = from.multi
	case from.kind == event.Missing:
	case from.kind != to.kind || from.multi != to.multi:
		if from.values.who().Count() > 0 || from.column != nil && from.column.card > 0 || from.bands.who().Count() > 0 {
			ch.Clear = true
		}
		from = &Content{}
	}
	if from.column == nil && to.column == nil {
		ch.Sets = diffTables(from.values, to.values)
	} else {
		ch.Column = diffColumns(from.asColumn(), to.asColumn())
	}
	if to.bands != nil {
		ch.Bands = diffTables(from.bands, to.bands)
	}
	if ch.Empty() && from.Banded() == to.Banded() {
		return nil
	}
	return ch
}

// asColumn returns the values as a column, nil when there are none.
func (c *Content) asColumn() *column {
	if c.column == nil && c.values != nil {
		return c.values.column(building)
	}
	return c.column
}

func diffTables(from, to *table) (out []SetChange) {
	add := func(v event.Value, entered, left *Set) {
		if entered.Count() == 0 && left.Count() == 0 {
			return
		}
		s := SetChange{Value: v}
		if entered.Count() > 0 {
			s.Entered = entered.Roaring()
		}
		if left.Count() > 0 {
			s.Left = left.Roaring()
		}
		out = append(out, s)
	}
	for _, code := range to.order() {
		v := to.value(code)
		entered, left := diffSets(from.set(v), to.sets[code])
		add(v, entered, left)
	}
	for _, code := range from.order() {
		if v := from.value(code); to.set(v).Count() == 0 {
			add(v, nil, from.sets[code])
		}
	}
	return out
}

// diffSets returns who is in the second set alone and who is in the first alone.
func diffSets(from, to *Set) (entered, left *Set) {
	entered, left = &Set{}, &Set{}
	put := func(s *Set, key uint16, c *chunk) {
		if c != nil {
			s.add(key, c)
		}
	}
	for i, key := range to.keys {
		a, b := from.chunk(key), to.chunks[i]
		if a.equal(b) {
			continue
		}
		put(entered, key, b.andNot(a, 0))
		put(left, key, a.andNot(b, 0))
	}
	if from.Count() > 0 {
		extra := &Set{}
		for i, key := range from.keys {
			if to.chunk(key) == nil {
				put(extra, key, from.chunks[i])
			}
		}
		left = left.or(extra, 0)
	}
	return entered, left
}

// diffColumns compares page by page; from and to may be nil and are of one kind otherwise.
func diffColumns(from, to *column) *ColumnChange {
	kind := event.Missing
	groups := 0
	for _, c := range []*column{from, to} {
		if c != nil {
			kind, groups = c.kind, max(groups, len(c.groups))
		}
	}
	given := collector{kind: kind}
	customers, cleared := roaring.New(), roaring.New()
	texts := newTexts(from, to)
	var a, b pageBuffer
	var set, gone []uint32
	for number := range uint32(groups * pagesPerGroup) {
		p, q := from.page(number), to.page(number)
		if p == q {
			continue
		}
		p.unpack(&a)
		q.unpack(&b)
		set, gone = set[:0], gone[:0]
		b.each(func(i int) {
			if !a.present(i) || !texts.same(&a, &b, i, kind) {
				set = append(set, number*pageSize+uint32(i))
				given.add(&b, i, to)
			}
		})
		a.each(func(i int) {
			if !b.present(i) {
				gone = append(gone, number*pageSize+uint32(i))
			}
		})
		customers.AddMany(set)
		cleared.AddMany(gone)
	}
	if customers.IsEmpty() && cleared.IsEmpty() {
		return nil
	}
	return &ColumnChange{Customers: customers, Values: given.column(to), Cleared: cleared}
}

// texts compares the codes of two dictionaries, looking each text up once.
type texts struct {
	from, to *dict
	known    []int64 // code of to → code of from, -1 for none; plus 2
}

func newTexts(from, to *column) *texts {
	t := &texts{}
	if from != nil && to != nil && from.dict != nil {
		t.from, t.to = from.dict, to.dict
		t.known = make([]int64, to.dict.len())
	}
	return t
}

// same says whether two present values at i are equal.
func (t *texts) same(a, b *pageBuffer, i int, kind event.Kind) bool {
	switch {
	case kind == event.TextKind:
		code := b.ints[i]
		if t.known[code] == 0 {
			t.known[code] = 1
			if c, ok := t.from.Code(t.to.Text(uint32(code))); ok {
				t.known[code] = int64(c) + 2
			}
		}
		return t.known[code]-2 == a.ints[i]
	case !a.wide && !b.wide && a.scale == b.scale:
		return a.ints[i] == b.ints[i]
	}
	return a.value(i, kind, nil).Compare(b.value(i, kind, nil)) == 0
}

// collector puts the values of many pages into one column.
type collector struct {
	kind   event.Kind
	scale  int
	ints   []int64
	nums   []event.Number
	values []event.Value
}

func (c *collector) add(b *pageBuffer, i int, col *column) {
	switch {
	case c.kind == event.ListKind:
		c.values = append(c.values, b.values[i])
	case c.kind != event.NumberKind:
		c.ints = append(c.ints, b.ints[i])
	case c.nums != nil:
		c.nums = append(c.nums, b.value(i, c.kind, nil).Number())
	case !b.wide && b.scale == c.scale:
		c.ints = append(c.ints, b.ints[i])
	default:
		c.number(b.value(i, c.kind, nil).Number())
	}
}

// number adds a number of another scale; when they no longer fit one, all become exact.
func (c *collector) number(n event.Number) {
	if scale := n.Normal().Scale(); scale > c.scale && !c.rescale(scale) {
		c.exact()
	}
	if c.nums == nil {
		if x, ok := n.Coefficient(c.scale); ok {
			c.ints = append(c.ints, x)
			return
		}
		c.exact()
	}
	c.nums = append(c.nums, n)
}

func (c *collector) rescale(scale int) bool {
	if scale > maxScale {
		return false
	}
	scaled := make([]int64, len(c.ints), cap(c.ints))
	for i, x := range c.ints {
		y, ok := event.Scaled(x, c.scale).Coefficient(scale)
		if !ok {
			return false
		}
		scaled[i] = y
	}
	c.ints, c.scale = scaled, scale
	return true
}

func (c *collector) exact() {
	if c.nums != nil {
		return
	}
	c.nums = make([]event.Number, len(c.ints), cap(c.ints)+1)
	for i, x := range c.ints {
		c.nums[i] = event.Scaled(x, c.scale)
	}
	c.ints = nil
}

func (c *collector) column(from *column) event.Column {
	out := event.Column{Kind: c.kind, Len: max(len(c.ints), len(c.nums), len(c.values))}
	switch {
	case out.Len == 0:
	case c.kind == event.TextKind:
		out.Codes, out.Dict = make([]uint32, len(c.ints)), from.dict
		for i, x := range c.ints {
			out.Codes[i] = uint32(x)
		}
	case c.kind == event.ListKind:
		out.Values = c.values
	case c.nums != nil:
		out.Nums = c.nums
	default:
		out.Ints, out.Scale = c.ints, c.scale
	}
	return out
}
