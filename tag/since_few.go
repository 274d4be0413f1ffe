package tag

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/tagindex"
)

// What happens as time goes on, an event here and there, touches few customers of a slot, and many slots at once. There
// it is followed change by change, customer by customer, what each of them has, so that a slot may change many times in
// a batch, and nothing is done that takes longer the more customers there are.
const (
	fewMoves  = 1 << 14 // customers that a change touches
	fewAtOnce = 1 << 16 // customers' values of a batch
	remembers = 1 << 16 // moments whose numbers are remembered
)

// fewState is what the small changes of a batch have come to.
type fewState struct {
	slots   map[uint32]slotForm
	places  map[uint64]int32 // in held, by slot<<32 | customer
	held    []fewHeld
	touched []int32 // by the change that is being followed
	change  int32   // the number of that change
	scratch []uint32
}

// slotForm is of what kind the values of a slot are.
type slotForm struct {
	kind          event.Kind
	multi, banded bool
}

// fewHeld is what a customer has of a slot.
type fewHeld struct {
	slot, customer uint32
	value, was     event.Value // now, and before the change that is being followed
	change         int32       // the number of that change
	moved          bool
	moment         moment // when it moved
	mark           uint32 // what is to be told of it
}

// noneYet is the state of a batch that begins.
func (s *Since) noneYet() *fewState {
	b := &s.few
	if b.places == nil || cap(b.held) > 2*fewAtOnce {
		*b = fewState{slots: map[uint32]slotForm{}, places: map[uint64]int32{}}
	}
	clear(b.slots)
	clear(b.places)
	clear(b.held) // whose texts are no longer needed
	b.held, b.change = b.held[:0], 0
	return b
}

// split finds the slots of an entry that are compared before and after: of a run, touching very many, or taking another
// form. Of the others it tells the form.
func (b *sinceBatch) split(changes []tagindex.Change, limit int) (large map[uint32]bool, forms map[uint32]slotForm) {
	large, forms = map[uint32]bool{}, make(map[uint32]slotForm, len(changes))
	for i := range changes {
		ch := &changes[i]
		if ch.Slot&lapseBit != 0 || large[ch.Slot] {
			continue
		}
		f, ok := forms[ch.Slot]
		if !ok {
			f, ok = b.few.slots[ch.Slot]
		}
		if !ok {
			c := b.before.Content(ch.Slot)
			f = slotForm{c.Kind(), c.Multi(), c.Banded()}
			ok = f.kind != event.Missing || f.banded
		}
		kind, banded := ch.Kind(), ch.Banded || len(ch.Bands) > 0
		if !ok {
			f = slotForm{kind, ch.Multi, banded}
		}
		if f.kind == event.Missing && kind != event.Missing {
			f.kind, f.multi = kind, ch.Multi
		}
		if forms[ch.Slot] = f; !small(ch, limit) || f.banded != banded || kind != event.Missing && (kind != f.kind || ch.Multi != f.multi) {
			large[ch.Slot] = true
			delete(forms, ch.Slot)
		}
	}
	return large, forms
}

// small says whether a change is of few customers, and no run's.
func small(ch *tagindex.Change, limit int) bool {
	n := 0
	add := func(x *roaring.Bitmap) {
		if x != nil {
			n += int(x.GetCardinality())
		}
	}
	for _, sets := range [][]tagindex.SetChange{ch.Sets, ch.Bands} {
		for i := range sets {
			add(sets[i].Entered)
			add(sets[i].Left)
		}
	}
	if ch.Column != nil {
		add(ch.Column.Customers)
		add(ch.Column.Cleared)
	}
	return n <= limit && ch.Run == 0 && !ch.Drop && !ch.Clear
}

// follow notes whose value becomes another one by a change that is small and fits the form of its slot.
func (b *fewState) follow(before *tagindex.View, ch *tagindex.Change) {
	b.touched = b.touched[:0]
	b.change++
	form, sets := b.slots[ch.Slot], ch.Sets
	if form.banded {
		sets = ch.Bands
		form.multi = false
	} else if c := ch.Column; c != nil {
		b.each(before, ch.Slot, c.Cleared, func(_ int, h *fewHeld) { h.value = event.Value{} })
		b.each(before, ch.Slot, c.Customers, func(i int, h *fewHeld) { h.value = c.Values.Value(i) })
	}
	for i := range sets {
		x := &sets[i]
		b.each(before, ch.Slot, x.Left, func(_ int, h *fewHeld) {
			switch {
			case form.multi:
				h.value = withElement(h.value, x.Value, true)
			case h.value.Equal(x.Value):
				h.value = event.Value{}
			}
		})
	}
	for i := range sets {
		x := &sets[i]
		b.each(before, ch.Slot, x.Entered, func(_ int, h *fewHeld) {
			if form.multi {
				h.value = withElement(h.value, x.Value, false)
			} else {
				h.value = x.Value
			}
		})
	}
	at := liveMoment(ch)
	for _, i := range b.touched {
		h := &b.held[i]
		if h.was.Present() != h.value.Present() || h.was.Present() && h.was.Compare(h.value) != 0 {
			h.moved, h.moment = true, at
		}
	}
}

// each calls f with what customers have of a slot.
func (b *fewState) each(before *tagindex.View, slot uint32, who *roaring.Bitmap, f func(i int, h *fewHeld)) {
	if who == nil {
		return
	}
	n := int(who.GetCardinality())
	b.scratch = slices.Grow(b.scratch[:0], n)[:n]
	who.ManyIterator().NextMany(b.scratch)
	for i, c := range b.scratch {
		key := uint64(slot)<<32 | uint64(c)
		at, known := b.places[key]
		if !known {
			at = int32(len(b.held))
			b.places[key] = at
			b.held = append(b.held, fewHeld{slot: slot, customer: c, value: before.Value(slot, c)})
		}
		h := &b.held[at]
		if h.change != b.change {
			h.was, h.change = h.value, b.change
			b.touched = append(b.touched, at)
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

// numbers finds what is to be told of those who moved, and makes the changes of marks that write down new moments.
func (s *Since) numbers(b *fewState) (made []tagindex.Change) {
	var last moment
	mark := uint32(0)
	for i := range b.held {
		h := &b.held[i]
		if !h.moved || !h.value.Present() {
			continue
		}
		if mark == 0 || h.moment != last {
			n, changes := s.number(h.moment)
			made = append(made, changes...)
			last, mark = h.moment, n+1
		}
		h.mark = mark
	}
	return made
}

// putLate notes the marks of those who moved.
func (s *Since) putLate(b *fewState) {
	s.late.mu.Lock()
	defer s.late.mu.Unlock()
	var slot *lateSlot
	for i := range b.held {
		h := &b.held[i]
		if !h.moved {
			continue
		}
		if slot == nil || slot.id != h.slot {
			slot = s.late.slot(h.slot)
		}
		s.late.put(slot, h.customer, h.mark)
	}
}
