package tagindex

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
)

// View is the index as it was at one offset of the change log. It is immutable and safe for concurrent use. What
// it returns must not be changed, bitmaps excepted: they are copies.
type View struct {
	offset uint64
	latest event.Time // the latest instant that any slot was changed for
	slots  []*slot    // by place; nil where a slot was dropped
	ids    []uint32   // the slots there are, ascending
	ords   []int32    // their places
	rows   *rows      // nil until asked for
}

// next returns a view to be changed and published.
func (v *View) next() *View {
	n := *v
	n.slots = slices.Clone(v.slots)
	return &n
}

// own makes the slot of an id one that may be changed, a new one when there is none, and returns its place.
func (v *View) own(id uint32, epoch uint64) int {
	at, found := slices.BinarySearch(v.ids, id)
	if !found {
		v.slots = append(v.slots, &slot{id: id, epoch: epoch})
		v.ids = slices.Insert(slices.Clone(v.ids), at, id)
		v.ords = slices.Insert(slices.Clone(v.ords), at, int32(len(v.slots)-1))
		return len(v.slots) - 1
	}
	ord := int(v.ords[at])
	if s := v.slots[ord]; s.epoch != epoch {
		own := *s
		own.epoch = epoch
		v.slots[ord] = &own
	}
	return ord
}

func (v *View) drop(id uint32, epoch uint64) {
	at, found := slices.BinarySearch(v.ids, id)
	if !found {
		return
	}
	ord := v.ords[at]
	v.slots[ord] = nil
	v.ids, v.ords = slices.Delete(slices.Clone(v.ids), at, at+1), slices.Delete(slices.Clone(v.ords), at, at+1)
	if v.rows != nil {
		v.rows = v.rows.own(epoch)
		v.rows.dead += int(v.rows.fields[ord][0].width + v.rows.fields[ord][1].width)
	}
}

// find returns a slot, nil when there is none.
func (v *View) find(id uint32) *slot {
	if at, found := slices.BinarySearch(v.ids, id); found {
		return v.slots[v.ords[at]]
	}
	return nil
}

// chunks is the number of chunks from the first to the last that has a customer with a value.
func (v *View) chunks() int {
	n := 0
	end := func(s *Set) {
		if s != nil && len(s.keys) > 0 {
			n = max(n, int(s.keys[len(s.keys)-1])+1)
		}
	}
	for _, s := range v.slots {
		if s == nil {
			continue
		}
		end(s.content.values.who())
		end(s.content.bands.who())
		if s.content.column != nil {
			n = max(n, len(s.content.column.groups))
		}
	}
	return n
}

// Offset is the offset of the change log up to which the view goes.
func (v *View) Offset() uint64 { return v.offset }

// Latest is the latest instant that anything in the view was decided for; 0 when nothing ever was.
func (v *View) Latest() event.Time { return v.latest }

// Slots lists the slots that something was ever said of, ascending.
func (v *View) Slots() []uint32 { return slices.Clone(v.ids) }

// Changed returns the instant of the last change of a slot and the run it came from (0 for none); false when the
// index has no such slot.
func (v *View) Changed(id uint32) (at event.Time, run uint64, ok bool) {
	if s := v.find(id); s != nil {
		return s.changed, s.run, true
	}
	return 0, 0, false
}

// Content returns what a slot holds; an empty content when there is no such slot.
func (v *View) Content(id uint32) *Content {
	if s := v.find(id); s != nil {
		return &s.content
	}
	return &Content{}
}

// effective is the table that tags.k reads: bands where there are any.
func (c *Content) effective() *table {
	if c.bands != nil {
		return c.bands
	}
	return c.values
}

// ValueCount says how many customers hold a value.
type ValueCount struct {
	Value event.Value
	Count int
}

// Values returns the values of a slot that somebody holds, those with most customers first, at most limit of them
// (0: all). Of a slot with bands they are the bands. For a column without bands it costs a pass over all values.
func (v *View) Values(id uint32, limit int) []ValueCount {
	return v.Content(id).Values(limit)
}

// Values is View.Values for a content.
func (c *Content) Values(limit int) []ValueCount {
	var out []ValueCount
	if t := c.effective(); t != nil {
		for code, s := range t.sets {
			if s.Count() > 0 {
				out = append(out, ValueCount{t.value(uint32(code)), s.Count()})
			}
		}
	} else if c.column != nil {
		counts := map[string]int{}
		put := func(v event.Value) {
			key := v.Key()
			at, ok := counts[key]
			if !ok {
				at = len(out)
				counts[key] = at
				out = append(out, ValueCount{Value: v})
			}
			out[at].Count++
		}
		c.column.each(func(_ uint32, v event.Value) bool {
			if !c.multi {
				put(v)
				return true
			}
			for _, e := range v.List() {
				put(e)
			}
			return true
		})
	}
	slices.SortFunc(out, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.Value.Compare(b.Value))
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

// Set returns the customers that hold a value of a slot, never nil. In a slot with bands it is a band, or else a
// value of the column. In lists it is a list, or an element. It costs nothing where the slot keeps sets, and a
// pass over the column otherwise.
func (v *View) Set(id uint32, value event.Value) *Set { return v.Content(id).Set(value) }

// Set is View.Set for a content.
func (c *Content) Set(value event.Value) *Set {
	s := c.effective().set(value)
	if s.Count() == 0 && c.column != nil {
		s = c.column.members(value)
	}
	if s == nil {
		return &Set{}
	}
	return s
}

// Present returns the customers that hold any value of a slot, never nil; of a slot with bands, any band.
func (v *View) Present(id uint32) *Set { return v.Content(id).Present() }

// Present is View.Present for a content.
func (c *Content) Present() *Set {
	if t := c.effective(); t != nil {
		if who := t.who(); who != nil {
			return who
		}
		return &Set{}
	}
	return c.column.presence()
}

// Members is Set as a bitmap.
func (v *View) Members(id uint32, value event.Value) *roaring.Bitmap {
	return v.Set(id, value).Roaring()
}

// Value returns what a customer holds in a slot, missing when nothing: the band where the slot has bands, a list
// where there may be several.
func (v *View) Value(id, customer uint32) event.Value {
	at, found := slices.BinarySearch(v.ids, id)
	if !found {
		return event.Value{}
	}
	ord := v.ords[at]
	c := &v.slots[ord].content
	t := c.effective()
	if t == nil {
		if c.column == nil {
			return event.Value{}
		}
		return c.column.value(customer)
	}
	if t.multi {
		return t.valueAt(customer)
	}
	if code, ok := v.code(ord, t, customer); ok {
		return t.value(code)
	}
	return event.Value{}
}

// Of appends what a customer holds in each of some slots, as Value gives it. Where the rows of the customer are made (see
// Index.ViewOf) that takes some 50 ns a slot, however many there are, and otherwise a probe of the sets of each.
func (v *View) Of(customer uint32, slots []uint32, into []event.Value) []event.Value {
	row, full, made := v.rows.row(customer)
	for _, id := range slots {
		at, found := slices.BinarySearch(v.ids, id)
		if !found {
			into = append(into, event.Value{})
			continue
		}
		ord := v.ords[at]
		t := v.slots[ord].content.effective()
		if !made || t == nil || t.multi {
			into = append(into, v.Value(id, customer))
			continue
		}
		value := event.Value{}
		if code := v.rowCode(ord, row, full); code > 0 {
			value = t.value(code - 1)
		}
		into = append(into, value)
	}
	return into
}

// code returns the code of a customer in the effective table of the slot at a place, from the rows where there
// are any. The table must not be multi.
func (v *View) code(ord int32, t *table, customer uint32) (uint32, bool) {
	if len(t.sets) <= fewSets {
		return t.codeOf(customer)
	}
	row, full, made := v.rows.row(customer)
	if !made {
		return t.codeOf(customer)
	}
	code := v.rowCode(ord, row, full)
	return code - 1, code > 0
}

// fewSets is up to how many sets are asked one by one for a customer, which then takes no longer than to read its row.
const fewSets = 4

// rowCode is the code plus one in a stored row, of the effective table of the slot at a place; 0 for none.
func (v *View) rowCode(ord int32, row string, full int) uint32 {
	part := 0
	if v.slots[ord].content.bands != nil {
		part = 1
	}
	return uint32(rowBits(row, full, v.rows.fields[ord][part]))
}

// Measure returns the value behind the band of a customer in a slot that has bands, and Value in another.
func (v *View) Measure(id, customer uint32) event.Value {
	if c := v.Content(id); c.bands != nil {
		return c.own(customer)
	}
	return v.Value(id, customer)
}

// own is what a customer holds beside the bands.
func (c *Content) own(customer uint32) event.Value {
	if c.column != nil {
		return c.column.value(customer)
	}
	return c.values.valueAt(customer)
}

// Held is a value that a customer holds.
type Held struct {
	Slot  uint32
	Value event.Value // the band in a slot with bands; missing when just the measure is there
	// Measure is the value behind the band, nil in a slot without bands.
	Measure *event.Value
}

// Customer appends what a customer holds to held, by slot. A customer who holds several values of a slot has an
// element for each, in the order of the values. It takes microseconds with rows, and a probe of every set without.
func (v *View) Customer(customer uint32, held []Held) []Held {
	stored, full, made := v.rows.row(customer)
	if !made {
		return v.probe(customer, held)
	}
	var space [32]uint64 // rows of up to 2,048 bits
	row := space[:]
	if n := (full + 7) / 8; n <= len(space) {
		row = row[:n]
	} else {
		row = make([]uint64, n)
	}
	unpackRow(stored, full, row)
	first, sorted := len(held), true
	last, code := -1, uint32(0) // the field that is being read: slot*2+part
	flush := func() {
		if last >= 0 {
			n := len(held)
			held = v.slots[last/2].hold(held, first, last&1, code, customer)
			if n > first && len(held) > n {
				sorted = sorted && held[n-1].Slot < held[n].Slot
			}
		}
		last, code = -1, 0
	}
	for w, x := range row {
		for ; x != 0; x &= x - 1 {
			p := &v.rows.planes[w<<6+bits.TrailingZeros64(x)]
			if p.slot < 0 || v.slots[p.slot] == nil {
				continue
			}
			field := int(p.slot)*2 + int(p.part)
			if field != last {
				flush()
				last = field
			}
			switch p.form {
			case codeField:
				code |= 1 << p.bit
			case hotField:
				code = p.bit + 1
				flush()
			}
		}
	}
	flush()
	if !sorted {
		held = append(held[:first], tidyHeld(held[first:])...)
	}
	return held
}

// hold appends what a field of a row says. code is the code plus one, 0 for a mark.
// The customer's elements of held begin at first.
func (s *slot) hold(held []Held, first, part int, code uint32, customer uint32) []Held {
	c := &s.content
	switch {
	case part == 1:
		band := c.bands.value(code - 1)
		if n := len(held); n > first && held[n-1].Slot == s.id {
			held[n-1].Value = band
			return held
		}
		return append(held, Held{Slot: s.id, Value: band})
	case c.bands != nil:
		if value := c.own(customer); value.Present() {
			held = append(held, Held{Slot: s.id, Measure: &value})
		}
		return held
	case code > 0:
		return append(held, Held{Slot: s.id, Value: c.values.value(code - 1)})
	}
	value := c.own(customer)
	switch {
	case !value.Present():
		return held
	case c.multi:
		return appendList(held, s.id, value)
	}
	return append(held, Held{Slot: s.id, Value: value})
}

func appendList(held []Held, id uint32, list event.Value) []Held {
	for _, e := range list.List() {
		held = append(held, Held{Slot: id, Value: e})
	}
	return held
}

// tidyHeld sorts by slot, then value, and brings a band and its measure together.
func tidyHeld(held []Held) []Held {
	slices.SortStableFunc(held, func(a, b Held) int {
		return cmp.Or(cmp.Compare(a.Slot, b.Slot), a.Value.Compare(b.Value))
	})
	out := held[:0]
	for _, h := range held {
		if n := len(out); n > 0 && out[n-1].Slot == h.Slot && out[n-1].Measure != nil && h.Measure == nil {
			out[n-1].Value = h.Value
			continue
		}
		out = append(out, h)
	}
	return out
}

// probe is Customer without rows.
func (v *View) probe(customer uint32, held []Held) []Held {
	for at, id := range v.ids {
		c := &v.slots[v.ords[at]].content
		value := c.own(customer)
		switch {
		case c.bands != nil:
			h := Held{Slot: id, Value: c.bands.valueAt(customer)}
			if value.Present() {
				h.Measure = &value
			}
			if h.Value.Present() || h.Measure != nil {
				held = append(held, h)
			}
		case !value.Present():
		case c.multi:
			held = appendList(held, id, value)
		default:
			held = append(held, Held{Slot: id, Value: value})
		}
	}
	return held
}

// Memory is what a view takes, in bytes, and how much it holds.
type Memory struct {
	Columns     int // the sets and columns of all slots
	Rows        int
	Assignments int // values held by customers
	Values      int // values that somebody holds, over all slots; a column counts as one
}

// Memory adds up what the view takes. It costs a pass over all chunks.
func (v *View) Memory() (m Memory) {
	for _, s := range v.slots {
		if s == nil {
			continue
		}
		c := &s.content
		m.Columns += c.values.bytes() + c.column.bytes() + c.bands.bytes()
		for _, t := range []*table{c.values, c.bands} {
			if t == nil {
				continue
			}
			for _, set := range t.sets {
				m.Assignments += set.Count()
			}
			m.Values += t.live()
		}
		if c.column != nil {
			m.Assignments += c.column.card
			m.Values++
		}
	}
	m.Rows = v.rows.bytes()
	return m
}
