package tag

import (
	"context"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/tagindex"
)

// past is the change log up to an instant, for some slots: what they held then, and when each customer's value last
// changed and from what. It takes the memory of those slots in the index, and for the changes 8 bytes and a value for
// each customer that ever changed.
type past struct {
	values *tagindex.View // what the slots held at the instant
	marks  *tagindex.View // when they changed and what they held before; see changedSlot
	places map[uint32]uint32
}

// kindsOfMarks is how many slots of past.marks a slot has: one for the instants, and one for each kind of values.
const kindsOfMarks = 16

func (p *past) changedSlot(slot uint32) uint32 { return p.places[slot] * kindsOfMarks }

func (p *past) previousSlot(slot uint32, k event.Kind) uint32 {
	return p.changedSlot(slot) + 1 + uint32(k)
}

// pastOptions say what is wanted of the past.
type pastOptions struct {
	at    event.Time
	slots []uint32
	// marks: when values changed, and what they were before; otherwise only what was held at the instant.
	marks bool
	// customer, when set, is the only one that is asked about.
	customer *event.ProfileID
	// each, with customer, is told of every change of its value.
	each func(ch *tagindex.Change, before, after event.Value)
}

// readPast reads the change log once. Records of one run about one slot count as one change.
func (d Deps) readPast(ctx context.Context, o pastOptions) (*past, error) {
	r := pastReader{o: o, values: tagindex.New(), marks: tagindex.New(), open: map[uint32]*pastGroup{}, p: &past{places: map[uint32]uint32{}}}
	for i, slot := range o.slots {
		r.p.places[slot] = uint32(i)
	}
	if err := d.eachChange(ctx, r.add); err != nil {
		return nil, err
	}
	for _, slot := range o.slots {
		if err := r.close(slot); err != nil {
			return nil, err
		}
	}
	r.p.values, r.p.marks = r.values.View(), r.marks.View()
	return r.p, nil
}

type pastReader struct {
	o             pastOptions
	p             *past
	values, marks *tagindex.Index
	applied       uint64
	open          map[uint32]*pastGroup
}

// pastGroup is records that belong together: those of a run about a slot.
type pastGroup struct {
	head    tagindex.Change
	before  *tagindex.View
	touched *roaring.Bitmap
	all     bool // everybody may be touched
}

func (r *pastReader) add(ch *tagindex.Change) error {
	if _, asked := r.p.places[ch.Slot]; !asked || ch.At > r.o.at {
		return nil
	}
	if r.o.customer != nil {
		if ch = onlyFor(ch, uint32(*r.o.customer)); ch == nil {
			return nil
		}
	}
	watched := r.o.marks || r.o.each != nil
	if watched {
		g := r.open[ch.Slot]
		if g != nil && (g.head.Run != ch.Run || ch.Run == 0 || g.head.At != ch.At) {
			if err := r.close(ch.Slot); err != nil {
				return err
			}
			g = nil
		}
		if g == nil {
			g = &pastGroup{head: *ch, before: r.values.View(), touched: roaring.New()}
			r.open[ch.Slot] = g
		}
		was := g.before.Content(ch.Slot)
		g.all = g.all || ch.Drop || ch.Clear || was.Banded() != (ch.Banded || len(ch.Bands) > 0)
		for _, sets := range [][]tagindex.SetChange{ch.Sets, ch.Bands} {
			for _, s := range sets {
				join(g.touched, s.Entered)
				join(g.touched, s.Left)
			}
		}
		if ch.Column != nil {
			join(g.touched, ch.Column.Customers)
			join(g.touched, ch.Column.Cleared)
		}
	}
	r.applied++
	return r.values.Apply([]tagindex.Change{*ch}, r.applied)
}

func join(to, from *roaring.Bitmap) {
	if from != nil {
		to.Or(from)
	}
}

// close finds out what the records of a slot that belong together changed.
func (r *pastReader) close(slot uint32) error {
	g := r.open[slot]
	if g == nil {
		return nil
	}
	delete(r.open, slot)
	after := r.values.View()
	was, is := g.before.Content(slot), after.Content(slot)
	if g.all || was.Kind() != is.Kind() || was.Multi() != is.Multi() || was.Banded() != is.Banded() {
		join(g.touched, was.Present().Roaring())
		join(g.touched, is.Present().Roaring())
	}
	moved := roaring.New()
	before := map[event.Kind][]event.Value{}
	who := map[event.Kind]*roaring.Bitmap{}
	for it := g.touched.Iterator(); it.HasNext(); {
		c := it.Next()
		a, b := g.before.Value(slot, c), after.Value(slot, c)
		if a.Compare(b) == 0 {
			continue
		}
		moved.Add(c)
		if r.o.each != nil {
			r.o.each(&g.head, a, b)
		}
		if a.Present() {
			if who[a.Kind()] == nil {
				who[a.Kind()] = roaring.New()
			}
			who[a.Kind()].Add(c)
			before[a.Kind()] = append(before[a.Kind()], a)
		}
	}
	if !r.o.marks || moved.IsEmpty() {
		return nil
	}
	instants := event.Column{Kind: event.TimeKind, Len: int(moved.GetCardinality())}
	instants.Ints = slices.Repeat([]int64{int64(g.head.At)}, instants.Len)
	changes := []tagindex.Change{{Slot: r.p.changedSlot(slot), Column: &tagindex.ColumnChange{Customers: moved, Values: instants}}}
	for k := event.BoolKind; k <= event.ListKind; k++ {
		ch := tagindex.ColumnChange{Cleared: moved, Values: event.Column{Kind: k}}
		if who[k] != nil {
			ch = tagindex.ColumnChange{Customers: who[k], Values: tagindex.ColumnOf(before[k]...), Cleared: roaring.AndNot(moved, who[k])}
		} else if _, _, ok := r.marks.View().Changed(r.p.previousSlot(slot, k)); !ok {
			continue
		}
		changes = append(changes, tagindex.Change{Slot: r.p.previousSlot(slot, k), Column: &ch})
	}
	r.applied++
	return r.marks.Apply(changes, r.applied)
}

// onlyFor is what a change says of one customer; nil when nothing.
func onlyFor(ch *tagindex.Change, customer uint32) *tagindex.Change {
	out := *ch
	out.Banded = ch.Banded || len(ch.Bands) > 0
	one := roaring.BitmapOf(customer)
	mine := func(b *roaring.Bitmap) *roaring.Bitmap {
		if b != nil && b.Contains(customer) {
			return one
		}
		return nil
	}
	sets := func(list []tagindex.SetChange) (out []tagindex.SetChange) {
		for _, s := range list {
			s.Entered, s.Left = mine(s.Entered), mine(s.Left)
			if s.Entered != nil || s.Left != nil {
				out = append(out, s)
			}
		}
		return
	}
	out.Sets, out.Bands = sets(ch.Sets), sets(ch.Bands)
	if c := ch.Column; c != nil {
		out.Column = &tagindex.ColumnChange{Values: event.Column{Kind: c.Values.Kind}, Cleared: mine(c.Cleared)}
		if b := mine(c.Customers); b != nil {
			out.Column.Customers, out.Column.Values = b, tagindex.ColumnOf(c.Values.Value(int(c.Customers.Rank(customer))-1))
		}
	}
	return &out
}

// columns answers rule.Run.Past for a slot. Lists are given in the order of order, when it is set.
func (p *past) columns(slot uint32, order *listOrder) func(first event.ProfileID, n int) (changed, previous []event.Column) {
	readers := sync.Pool{New: func() any { return p.marks.Reader() }}
	return func(first event.ProfileID, n int) (changed, previous []event.Column) {
		r := readers.Get().(*tagindex.Reader)
		defer readers.Put(r)
		read := func(slot uint32) []event.Column {
			var c event.Column
			if _, _, ok := p.marks.Changed(slot); !ok {
				return nil
			}
			if r.Column(slot, uint32(first), n, &c); c.Kind == event.Missing {
				return nil
			}
			order.apply(&c)
			return []event.Column{c}
		}
		changed = read(p.changedSlot(slot))
		for k := event.BoolKind; k <= event.ListKind; k++ {
			previous = append(previous, read(p.previousSlot(slot, k))...)
		}
		return
	}
}
