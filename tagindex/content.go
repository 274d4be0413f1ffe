package tagindex

import (
	"math/bits"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
)

// Content is what one slot holds: who has which value. It is immutable; the zero Content is empty.
type Content struct {
	kind   event.Kind // Missing until the first value; of the elements, when multi
	multi  bool
	values *table  // a set for each value …
	column *column // … or a value for each customer
	bands  *table  // beside a column
}

// Kind is the kind of the values, event.Missing when there was none yet. Where a customer may hold several, it
// is the kind of each.
func (c *Content) Kind() event.Kind { return c.kind }

// Multi says that a customer may hold several values.
func (c *Content) Multi() bool { return c.multi }

// Banded says that the content has bands beside its values.
func (c *Content) Banded() bool { return c.bands != nil }

// effects is what a change did, for the rows.
type effects struct {
	reset   bool // codes or forms are not what they were
	values  []op // in the table of values
	touched *Set // in the column, and …
	few     []uint32
	bands   []op // in the table of bands
}

// kind is the kind of the values that somebody is given, of the elements when it is multi; Missing when nobody is.
func (ch *Change) kind() event.Kind {
	for _, s := range ch.Sets {
		if !none(s.Entered) {
			return s.Value.Kind()
		}
	}
	switch {
	case ch.Column == nil || none(ch.Column.Customers):
		return event.Missing
	case ch.Multi:
		return ch.Column.Values.Values[0].List()[0].Kind()
	}
	return ch.Column.Values.Kind
}

// Kind is the kind of the values that the change gives to anybody, of the elements where it is Multi; event.Missing when
// it gives none, or bands alone.
func (ch *Change) Kind() event.Kind { return ch.kind() }

// inSets says that values of the kind are kept as a set each.
func inSets(kind event.Kind) bool { return kind == event.TextKind || kind == event.BoolKind }

// apply returns the content after a change that passed check.
func (c Content) apply(ch *Change, epoch uint64) (Content, effects) {
	var fx effects
	kind := ch.kind()
	if ch.Clear || kind != event.Missing && c.kind != event.Missing && (kind != c.kind || ch.Multi != c.multi) {
		c, fx.reset = Content{}, true
	}
	if c.kind == event.Missing && kind != event.Missing {
		c.kind, c.multi = kind, ch.Multi
	}
	if ch.Column != nil {
		c.applyColumn(ch.Column, epoch, &fx)
	}
	if len(ch.Sets) > 0 && c.kind != event.Missing {
		if c.column != nil || !inSets(c.kind) {
			c.toColumn(epoch, &fx)
			if list, ok := c.column.applyFew(ch.Sets, c.multi, epoch); ok {
				fx.few = append(fx.few, list...)
			} else {
				fx.touched = fx.touched.or(c.column.applySets(ch.Sets, c.multi, epoch), 0)
			}
			c.column.tidy(epoch)
		} else {
			c.applySets(ch.Sets, epoch, &fx)
		}
	}
	if ch.banded() != (c.bands != nil) {
		fx.reset, c.bands = true, nil
		if ch.banded() {
			c.bands = newTable(event.TextKind, false, epoch)
		}
	}
	if len(ch.Bands) > 0 {
		c.bands = c.bands.own(epoch)
		fx.bands = append(fx.bands, c.bands.apply(ch.Bands, epoch)...)
	}
	return c, fx
}

// applySets moves the table of values on, and makes it a column when it grew too wide.
func (c *Content) applySets(sets []SetChange, epoch uint64, fx *effects) {
	if c.values == nil {
		c.values = newTable(c.kind, c.multi, epoch)
	}
	c.values = c.values.own(epoch)
	fx.values = append(fx.values, c.values.apply(sets, epoch)...)
	if len(c.values.sets) <= MaxValues {
		return
	}
	switch live := c.values.live(); {
	case live > MaxValues:
		c.toColumn(epoch, fx)
	case len(c.values.sets) > 2*MaxValues: // the names of values that nobody holds any more
		c.values = c.values.renumber(epoch)
		fx.reset = true
	}
}

// toColumn makes the column that the content is from now on, if it is not yet one.
func (c *Content) toColumn(epoch uint64, fx *effects) {
	switch {
	case c.column != nil:
		c.column = c.column.own(epoch)
	case c.values != nil:
		c.column, c.values = c.values.column(epoch), nil
		fx.values, fx.reset = nil, true
	default:
		kind := c.kind
		if c.multi {
			kind = event.ListKind
		}
		c.column = newColumn(kind, epoch)
		fx.reset = true
	}
}

func (c *Content) applyColumn(ch *ColumnChange, epoch uint64, fx *effects) {
	if c.kind == event.Missing { // nothing is there, and nothing is given
		return
	}
	if c.applyColumnFew(ch, epoch, fx) {
		return
	}
	if c.column == nil && inSets(c.kind) && (!c.multi || none(ch.Customers)) {
		if sets, ok := ch.sets(); ok {
			if c.values != nil && !none(ch.Cleared) {
				c.values = c.values.own(epoch)
				fx.values = append(fx.values, c.values.clear(FromRoaring(ch.Cleared), epoch)...)
			}
			if len(sets) > 0 {
				c.applySets(sets, epoch, fx)
			}
			return
		}
	}
	c.toColumn(epoch, fx)
	cleared, set := FromRoaring(ch.Cleared), FromRoaring(ch.Customers)
	c.column.change(cleared, set, &ch.Values, epoch)
	c.column.tidy(epoch)
	fx.touched = fx.touched.or(cleared, 0).or(set, 0)
}

// sets groups a column of texts or bools by value; false when the values are too many for that.
func (ch *ColumnChange) sets() ([]SetChange, bool) {
	if none(ch.Customers) {
		return nil, true
	}
	v := &ch.Values
	byCode := map[int64]int{} // two codes may stand for one text; the table brings them together
	var lists [][]uint32
	var values []event.Value
	i := 0
	for it := ch.Customers.Iterator(); it.HasNext(); i++ {
		customer := it.Next()
		code := int64(0)
		if v.Kind == event.TextKind {
			code = int64(v.Codes[i])
		} else {
			code = v.Ints[i]
		}
		at, ok := byCode[code]
		if !ok {
			if len(values) > MaxValues {
				return nil, false
			}
			at = len(values)
			byCode[code] = at
			values, lists = append(values, v.Value(i)), append(lists, nil)
		}
		lists[at] = append(lists[at], customer)
	}
	sets := make([]SetChange, len(values))
	for at, list := range lists {
		b := roaring.New()
		b.AddMany(list)
		sets[at] = SetChange{Value: values[at], Entered: b}
	}
	return sets, true
}

// applySets is a change of sets in a column: whoever enters gets the value; whoever leaves loses it if it is
// the one he has. With several values a customer, they are the elements of his list.
func (c *column) applySets(changes []SetChange, multi bool, epoch uint64) (touched *Set) {
	type moves struct {
		value         event.Value
		left, entered *Set
	}
	list := make([]moves, len(changes))
	touched = &Set{}
	for i, ch := range changes {
		list[i] = moves{ch.Value, FromRoaring(ch.Left), FromRoaring(ch.Entered)}
		touched = touched.or(list[i].left, 0).or(list[i].entered, 0)
	}
	var part [pageWords]uint64
	var buf pageBuffer
	var w [pageWords]uint64
	for i, key := range touched.keys {
		for p := range pagesPerGroup {
			if touched.chunks[i].wordsAt(p*pageWords, w[:]); w == ([pageWords]uint64{}) {
				continue
			}
			n := uint32(key)*pagesPerGroup + uint32(p)
			c.page(n).unpack(&buf)
			for _, m := range list {
				m.left.chunk(key).wordsAt(p*pageWords, part[:])
				eachBit(&part, func(j int) {
					switch {
					case !buf.present(j):
					case multi:
						buf.take(j, m.value)
					case buf.value(j, c.kind, c.dict).Equal(m.value):
						buf.unset(j)
					}
				})
			}
			for _, m := range list {
				m.entered.chunk(key).wordsAt(p*pageWords, part[:])
				eachBit(&part, func(j int) {
					if multi {
						buf.add(j, m.value)
					} else {
						buf.set(j, m.value, c.dict)
					}
				})
			}
			c.put(n, buf.pack(c.kind), epoch)
		}
	}
	return touched
}

func eachBit(w *[pageWords]uint64, yield func(i int)) {
	for at, x := range w {
		for ; x != 0; x &= x - 1 {
			yield(at<<6 + bits.TrailingZeros64(x))
		}
	}
}

// add puts v into the sorted list at i.
func (b *pageBuffer) add(i int, v event.Value) {
	var list []event.Value
	if b.present(i) {
		list = b.values[i].List()
	}
	b.set(i, event.List(withElement(list, v)...), nil)
}

// take takes v out of the sorted list at i.
func (b *pageBuffer) take(i int, v event.Value) {
	if list := withoutElement(b.values[i].List(), v); len(list) > 0 {
		b.set(i, event.List(list...), nil)
	} else {
		b.unset(i)
	}
}

// tidy gives a column of texts a new dictionary when most of the old one is of texts that nobody has any more.
func (c *column) tidy(epoch uint64) {
	if c.dict == nil || c.dict.len() <= 2*c.card+MaxValues {
		return
	}
	old, fresh := c.dict, newDict(nil)
	known := make([]uint32, old.len())
	var buf pageBuffer
	c.pages(func(number uint32, p *page) {
		p.unpack(&buf)
		buf.each(func(i int) {
			code := buf.ints[i]
			if known[code] == 0 {
				known[code] = fresh.put(old.Text(uint32(code))) + 1
			}
			buf.ints[i] = int64(known[code] - 1)
		})
		c.put(number, buf.pack(c.kind), epoch)
	})
	c.dict = fresh
}
