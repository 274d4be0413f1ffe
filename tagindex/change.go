package tagindex

import (
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
)

// Cause says why an assignment began or ended (rules.md 15).
type Cause uint8

// The causes.
const (
	ByEvent     Cause = iota + 1 // an event, a trait or a new customer
	ByTime                       // time passed: a window moved on, a birthday came
	ByRun                        // a scheduled or ordered run
	ByThreshold                  // a run found new parameters of a population function
	ByEdit                       // the definition changed
	ByImport                     // history was imported
	ByMerge                      // profiles were linked
	ByUndo                       // a link was undone
	ByRepair                     // a check found it wrong
	ByHand                       // somebody assigned or removed it
)

var causeNames = [...]string{"", "event", "time", "run", "threshold", "edit", "import", "merge", "undo", "repair", "manual"}

// String is the word of the rule language.
func (c Cause) String() string {
	if int(c) < len(causeNames) {
		return causeNames[c]
	}
	return fmt.Sprintf("cause %d", uint8(c))
}

// ParseCause reads what String writes.
func ParseCause(s string) (Cause, bool) {
	for c := ByEvent; c <= ByHand; c++ {
		if causeNames[c] == s {
			return c, true
		}
	}
	return 0, false
}

// Change says how the content of one slot moves on: who entered which value and who left it. It is one record of
// the change log, for a whole run as for a single customer.
//
// A slot has values of one kind. A change that gives values of another kind than the slot's, or with another Multi,
// takes away all that the slot held before it begins.
type Change struct {
	Slot  uint32
	Cause Cause
	At    event.Time // the instant that was decided for
	Run   uint64     // the run that found it; 0 for none
	Live  bool       // it is news; otherwise it only restates history

	// Multi says that a customer may hold several values of the slot at once. In a slot that is not multi,
	// entering a value takes the customer out of the others, whether the change says so or not.
	Multi bool
	// Banded says that the slot has bands beside its values, even if nobody is in any; without it (and without
	// Bands) the slot loses the bands it had.
	Banded bool
	// Drop takes the slot out of the index; Clear takes away what it held, before the rest of the change.
	Drop, Clear bool

	// Sets are changes of text and bool values. All Left are taken before any Entered.
	Sets []SetChange
	// Column is a change of values of any kind: numbers, times, dates, lists, texts of any number.
	Column *ColumnChange
	// Bands are changes of the bands beside the column: texts, at most one for each customer.
	Bands []SetChange
}

// SetChange says who began and who ceased to hold a value. A nil bitmap is empty.
type SetChange struct {
	Value         event.Value
	Entered, Left *roaring.Bitmap
}

// ColumnChange gives customers values and takes them away.
type ColumnChange struct {
	Customers *roaring.Bitmap
	Values    event.Column // in the order of Customers, all present
	Cleared   *roaring.Bitmap
}

// ColumnOf returns a column of these values, which are present and of one kind.
func ColumnOf(values ...event.Value) event.Column {
	c := event.Column{Len: len(values)}
	if len(values) == 0 {
		return c
	}
	c.Kind = values[0].Kind()
	switch c.Kind {
	case event.NumberKind:
		for _, v := range values {
			c.Scale = max(c.Scale, v.Number().Normal().Scale())
		}
		for _, v := range values {
			n, ok := v.Number().Coefficient(c.Scale)
			if !ok || c.Scale > maxScale {
				c.Ints, c.Scale = nil, 0
				for _, v := range values {
					c.Nums = append(c.Nums, v.Number())
				}
				return c
			}
			c.Ints = append(c.Ints, n)
		}
	case event.TextKind:
		d := newDict(nil)
		for _, v := range values {
			c.Codes = append(c.Codes, d.put(v.Text()))
		}
		c.Dict = d
	case event.BoolKind:
		for _, v := range values {
			n := int64(0)
			if v.Bool() {
				n = 1
			}
			c.Ints = append(c.Ints, n)
		}
	case event.TimeKind:
		for _, v := range values {
			c.Ints = append(c.Ints, int64(v.Time()))
		}
	case event.DateKind:
		for _, v := range values {
			c.Ints = append(c.Ints, int64(v.Date()))
		}
	default:
		c.Values = values
	}
	return c
}

// Empty says that nobody enters or leaves anything.
func (ch *Change) Empty() bool {
	for _, sets := range [][]SetChange{ch.Sets, ch.Bands} {
		for _, s := range sets {
			if !none(s.Entered) || !none(s.Left) {
				return false
			}
		}
	}
	return !ch.Drop && !ch.Clear && (ch.Column == nil || none(ch.Column.Customers) && none(ch.Column.Cleared))
}

func (ch *Change) banded() bool { return ch.Banded || len(ch.Bands) > 0 }

func none(b *roaring.Bitmap) bool { return b == nil || b.IsEmpty() }

// check finds what would make the change meaningless.
func (ch *Change) check() error {
	kind := event.Missing
	for _, s := range ch.Sets {
		switch {
		case s.Value.Kind() < event.BoolKind || s.Value.Kind() > event.DateKind:
			return fmt.Errorf("tagindex: change of slot %d: a %s cannot be the value of a set", ch.Slot, s.Value.Kind())
		case kind != event.Missing && s.Value.Kind() != kind:
			return fmt.Errorf("tagindex: change of slot %d: values of two kinds, %s and %s", ch.Slot, kind, s.Value.Kind())
		}
		kind = s.Value.Kind()
	}
	for _, s := range ch.Bands {
		if s.Value.Kind() != event.TextKind {
			return fmt.Errorf("tagindex: change of slot %d: a band must be a text, this is a %s", ch.Slot, s.Value.Kind())
		}
	}
	c := ch.Column
	if c == nil {
		return nil
	}
	n := 0
	if c.Customers != nil {
		n = int(c.Customers.GetCardinality())
	}
	v := &c.Values
	stored := 0
	switch {
	case v.Kind == event.TextKind:
		stored = len(v.Codes)
	case v.Kind == event.ListKind:
		stored = len(v.Values)
	case v.Nums != nil:
		stored = len(v.Nums)
	default:
		stored = len(v.Ints)
	}
	switch {
	case n > 0 && (v.Kind < event.BoolKind || v.Kind > event.ListKind):
		return fmt.Errorf("tagindex: change of slot %d: a column of kind %s", ch.Slot, v.Kind)
	case v.Len != n || n > 0 && stored < n:
		return fmt.Errorf("tagindex: change of slot %d: %d customers and %d values", ch.Slot, n, min(v.Len, stored))
	case ch.Multi && n > 0:
		return ch.checkLists(kind)
	case kind != event.Missing && n > 0 && v.Kind != kind:
		return fmt.Errorf("tagindex: change of slot %d: values of two kinds, %s and %s", ch.Slot, kind, v.Kind)
	}
	return nil
}

// checkLists makes sure of lists that stand for several values: none empty, sorted, without doubles, of one kind.
func (ch *Change) checkLists(kind event.Kind) error {
	v := &ch.Column.Values
	if v.Kind != event.ListKind {
		return fmt.Errorf("tagindex: change of slot %d: several values a customer must come as lists, not as %s", ch.Slot, v.Kind)
	}
	for _, list := range v.Values[:v.Len] {
		l := list.List()
		if len(l) == 0 {
			return fmt.Errorf("tagindex: change of slot %d: an empty list of values", ch.Slot)
		}
		for i, e := range l {
			if kind == event.Missing {
				kind = e.Kind()
			}
			if e.Kind() != kind || i > 0 && l[i-1].Compare(e) >= 0 {
				return fmt.Errorf("tagindex: change of slot %d: the values %s are not sorted or not of one kind", ch.Slot, list)
			}
		}
	}
	return nil
}

// Split cuts a change into several, whose records are each about of the given size at most; applied in order they do
// the same. What leaves comes before what enters. A single value's set is not cut.
func (ch *Change) Split(bytes int) []Change {
	head := *ch
	head.Sets, head.Column, head.Bands, head.Banded = nil, nil, nil, ch.banded()
	next := head
	next.Clear = false
	var out []Change
	piece, size := head, 0
	flush := func() {
		if size > 0 || piece.Clear || piece.Drop {
			out = append(out, piece)
		}
		piece, size = next, 0
	}
	add := func(to func(*Change) *[]SetChange, s SetChange) {
		n := 16 + bitmapSize(s.Entered) + bitmapSize(s.Left)
		if size > 0 && size+n > bytes {
			flush()
		}
		list := to(&piece)
		*list = append(*list, s)
		size += n
	}
	sets := func(c *Change) *[]SetChange { return &c.Sets }
	bands := func(c *Change) *[]SetChange { return &c.Bands }
	for _, s := range ch.Sets {
		if !none(s.Left) {
			add(sets, SetChange{Value: s.Value, Left: s.Left})
		}
	}
	for _, s := range ch.Bands {
		if !none(s.Left) {
			add(bands, SetChange{Value: s.Value, Left: s.Left})
		}
	}
	if ch.Column != nil {
		flush()
		for _, c := range ch.Column.split(max(bytes/16, 1024)) {
			piece.Column, size = c, 1
			flush()
		}
	}
	for _, s := range ch.Sets {
		if !none(s.Entered) {
			add(sets, SetChange{Value: s.Value, Entered: s.Entered})
		}
	}
	for _, s := range ch.Bands {
		if !none(s.Entered) {
			add(bands, SetChange{Value: s.Value, Entered: s.Entered})
		}
	}
	flush()
	if len(out) == 0 {
		out = append(out, head)
	}
	return out
}

func bitmapSize(b *roaring.Bitmap) int {
	if b == nil {
		return 0
	}
	return int(b.GetSerializedSizeInBytes())
}

// split cuts a column change into pieces of so many customers.
func (c *ColumnChange) split(customers int) []*ColumnChange {
	var out []*ColumnChange
	if !none(c.Cleared) {
		out = append(out, &ColumnChange{Cleared: c.Cleared, Values: event.Column{Kind: c.Values.Kind}})
	}
	if none(c.Customers) {
		return out
	}
	it := c.Customers.ManyIterator()
	buf := make([]uint32, customers)
	for at := 0; ; {
		n := it.NextMany(buf)
		if n == 0 {
			return out
		}
		b := roaring.New()
		b.AddMany(buf[:n])
		v := c.Values
		v.Len = n
		v.Ints, v.Nums, v.Codes, v.Values = part(v.Ints, at, n), part(v.Nums, at, n), part(v.Codes, at, n), part(v.Values, at, n)
		out = append(out, &ColumnChange{Customers: b, Values: v})
		at += n
	}
}

func part[T any](s []T, at, n int) []T {
	if s == nil {
		return nil
	}
	return s[at : at+n]
}

// Moves counts the customers that entered a value of the slot and those that left one. One that went from one
// value to another counts in both; of a column, everyone whose value is new or other counts as entered.
func (ch *Change) Moves() (entered, left int) {
	size := func(b *roaring.Bitmap) int {
		if b == nil {
			return 0
		}
		return int(b.GetCardinality())
	}
	sets := ch.Sets
	if ch.Bands != nil {
		sets = ch.Bands
	}
	for _, s := range sets {
		entered += size(s.Entered)
		left += size(s.Left)
	}
	if ch.Column != nil && ch.Bands == nil {
		entered += size(ch.Column.Customers)
		left += size(ch.Column.Cleared)
	}
	return
}

// Touches says whether the change gives a customer a value of the slot or takes one away. Of a slot with bands only
// those count: the measure behind them moves all the time.
func (ch *Change) Touches(customer uint32, banded bool) bool {
	has := func(b *roaring.Bitmap) bool { return b != nil && b.Contains(customer) }
	for _, s := range ch.Bands {
		if has(s.Entered) || has(s.Left) {
			return true
		}
	}
	if banded {
		return false
	}
	for _, s := range ch.Sets {
		if has(s.Entered) || has(s.Left) {
			return true
		}
	}
	return ch.Column != nil && (has(ch.Column.Customers) || has(ch.Column.Cleared))
}
