package tag

import (
	"context"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/stream"
	"tagma/tagindex"
)

// What happens as time goes on, an event here and there, touches few customers a change, and many changes come at once.
// For these it is followed change by change, customer by customer, what each of them has, so that a slot may change many
// times in a batch, and nothing is done that takes longer the more customers there are.
const (
	fewHere   = 16      // customers of a value, in one change
	fewBytes  = 1 << 20 // of an entry; a larger one is not even looked at
	remembers = 1 << 16 // moments whose numbers are remembered
)

// fewState is what a batch of small changes has come to.
type fewState struct {
	before  *tagindex.View
	slots   map[uint32]slotForm
	held    map[uint64]*fewHeld // by slot<<32 | customer
	touched []*fewHeld          // by the change that is being followed
	changes []tagindex.Change
}

// slotForm is of what kind the values of a slot are.
type slotForm struct {
	kind          event.Kind
	multi, banded bool
}

// fewHeld is what a customer has of a slot.
type fewHeld struct {
	value, was event.Value // now, and before the change that is being followed
	change     int         // the number of that change
	moved      bool
	moment     moment // when it moved
}

// few moves the index and the marks on by the first entries, as many as hold small changes or none; 0 when the first is
// no such entry.
func (s *Since) few(ctx context.Context, entries []stream.Entry) (n int, err error) {
	start := s.Position()
	at := start
	b := &fewState{before: s.index.View(), slots: map[uint32]slotForm{}, held: map[uint64]*fewHeld{}}
	ended := false
	for ; n < len(entries); n++ {
		e := &entries[n]
		if e.End() <= start {
			continue
		}
		if e.First != at { // a hole, which part refuses
			break
		}
		if e.Kind == tagindex.EntryChanges {
			if len(e.Payload) > fewBytes {
				break
			}
			changes, err := tagindex.Decode(e.Payload)
			if err != nil {
				return 0, err
			}
			if !b.fits(changes) {
				break
			}
			for i := range changes {
				b.follow(&changes[i])
			}
		}
		ended = ended || e.Kind == EntryMark
		at = e.End()
	}
	if at == start {
		return n, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := s.index.Apply(b.changes, at); err != nil {
		return 0, err
	}
	for slot := range b.slots {
		delete(s.open, slot)
	}
	if ended {
		clear(s.open)
	}
	return n, s.marks.Apply(s.marksOf(b), at)
}

// fits says whether changes are small and leave the form of their slots as it is, and notes that form.
func (b *fewState) fits(changes []tagindex.Change) bool {
	if !small(changes) {
		return false
	}
	forms := map[uint32]slotForm{}
	for i := range changes {
		ch := &changes[i]
		f, ok := forms[ch.Slot]
		if !ok {
			if f, ok = b.slots[ch.Slot]; !ok {
				c := b.before.Content(ch.Slot)
				f = slotForm{c.Kind(), c.Multi(), c.Banded()}
				ok = f.kind != event.Missing || f.banded
			}
		}
		kind, banded := ch.Kind(), ch.Banded || len(ch.Bands) > 0
		if !ok {
			f = slotForm{kind, ch.Multi, banded}
		}
		if f.kind == event.Missing && kind != event.Missing {
			f.kind, f.multi = kind, ch.Multi
		}
		if f.banded != banded || kind != event.Missing && (kind != f.kind || ch.Multi != f.multi) {
			return false
		}
		forms[ch.Slot] = f
	}
	maps.Copy(b.slots, forms)
	return true
}

// small says whether changes are of few customers each, and no run's.
func small(changes []tagindex.Change) bool {
	return !slices.ContainsFunc(changes, func(ch tagindex.Change) bool { return ch.Run != 0 || ch.Drop || ch.Clear || !isFew(&ch) })
}

func isFew(ch *tagindex.Change) bool {
	few := func(list ...*roaring.Bitmap) bool {
		for _, x := range list {
			if x != nil && x.GetCardinality() > fewHere {
				return false
			}
		}
		return true
	}
	for _, sets := range [][]tagindex.SetChange{ch.Sets, ch.Bands} {
		for _, x := range sets {
			if !few(x.Entered, x.Left) {
				return false
			}
		}
	}
	return ch.Column == nil || few(ch.Column.Customers, ch.Column.Cleared)
}

// follow notes whose value becomes another one by a change that fits.
func (b *fewState) follow(ch *tagindex.Change) {
	b.changes = append(b.changes, *ch)
	if ch.Slot&lapseBit != 0 {
		return
	}
	b.touched = b.touched[:0]
	form, sets := b.slots[ch.Slot], ch.Sets
	if form.banded {
		sets = ch.Bands
		form.multi = false
	} else if c := ch.Column; c != nil {
		b.each(ch, c.Cleared, func(_ int, h *fewHeld) { h.value = event.Value{} })
		b.each(ch, c.Customers, func(i int, h *fewHeld) { h.value = c.Values.Value(i) })
	}
	for _, x := range sets {
		b.each(ch, x.Left, func(_ int, h *fewHeld) {
			switch {
			case form.multi:
				h.value = withElement(h.value, x.Value, true)
			case h.value.Equal(x.Value):
				h.value = event.Value{}
			}
		})
	}
	for _, x := range sets {
		b.each(ch, x.Entered, func(_ int, h *fewHeld) {
			if form.multi {
				h.value = withElement(h.value, x.Value, false)
			} else {
				h.value = x.Value
			}
		})
	}
	for _, h := range b.touched {
		if h.was.Present() != h.value.Present() || h.was.Present() && h.was.Compare(h.value) != 0 {
			h.moved, h.moment = true, liveMoment(ch)
		}
	}
}

// each calls f with what customers have of the slot of a change.
func (b *fewState) each(ch *tagindex.Change, who *roaring.Bitmap, f func(i int, h *fewHeld)) {
	if who == nil {
		return
	}
	number := len(b.changes)
	for i, c := range who.ToArray() {
		key := uint64(ch.Slot)<<32 | uint64(c)
		h := b.held[key]
		if h == nil {
			h = &fewHeld{value: b.before.Value(ch.Slot, c)}
			b.held[key] = h
		}
		if h.change != number {
			h.was, h.change = h.value, number
			b.touched = append(b.touched, h)
		}
		f(i, h)
	}
}

// liveMoment is the moment of a small change. What events and time bring about is told to the second, so that there are
// few moments: tens of thousands of changes may come in a second, each with an instant of its own, and the change log
// has that.
func liveMoment(ch *tagindex.Change) moment {
	m := momentFor(ch)
	if ch.Live && (ch.Cause == tagindex.ByEvent || ch.Cause == tagindex.ByTime) {
		m.at -= (m.at%1000 + 1000) % 1000
	}
	return m
}

// marksOf is how the marks change.
func (s *Since) marksOf(b *fewState) (out []tagindex.Change) {
	keys := make([]uint64, 0, len(b.held))
	for key, h := range b.held {
		if h.moved {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var edits []tagindex.Change
	for len(keys) > 0 {
		slot, n := uint32(keys[0]>>32), 1
		for n < len(keys) && uint32(keys[n]>>32) == slot {
			n++
		}
		c := &tagindex.ColumnChange{Customers: roaring.New(), Cleared: roaring.New(), Values: event.Column{Kind: event.TimeKind}}
		latest := event.Always
		for _, key := range keys[:n] {
			h := b.held[key]
			latest = max(latest, h.moment.at)
			if !h.value.Present() {
				c.Cleared.Add(uint32(key))
				continue
			}
			number, made := s.number(h.moment)
			out = append(out, made...)
			c.Customers.Add(uint32(key))
			c.Values.Ints = append(c.Values.Ints, int64(number))
			c.Values.Len++
		}
		edits = append(edits, tagindex.Change{Slot: slot + firstMark, At: latest, Column: c})
		keys = keys[n:]
	}
	return append(out, edits...)
}
