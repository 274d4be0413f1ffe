package tag

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/tagindex"
)

// sinceGroup is records that belong together: those of a run about a slot, or what one entry says of very many
// customers. What it does to the marks is found by comparing what the slot held before and after all of it.
type sinceGroup struct {
	moment  moment
	before  *tagindex.Content
	marks   *tagindex.Content // of before
	touched *roaring.Bitmap
	all     bool // everybody may be touched
	exact   bool // whoever is touched has another value
}

// add notes whom a change touches.
func (s *Since) add(b *sinceBatch, ch *tagindex.Change) error {
	g, ok := b.groups[ch.Slot]
	if !ok {
		if open, going := s.open[ch.Slot]; going && open.moment.run != 0 && open.moment == momentFor(ch) {
			g = open
		} else {
			if late := s.late.slots[ch.Slot]; late != nil {
				if err := s.bring(late.all(), s.marks.Position()); err != nil {
					return err
				}
			}
			g = &sinceGroup{moment: momentFor(ch), before: b.before.Content(ch.Slot), marks: s.marks.View().Content(ch.Slot + firstMark), touched: roaring.New(), exact: true}
		}
		b.groups[ch.Slot] = g
	}
	banded := ch.Banded || len(ch.Bands) > 0
	if ch.Drop || ch.Clear || g.before.Banded() != banded && g.before.Present().Count() > 0 {
		g.all, g.exact = true, false
	}
	sets := ch.Sets
	if banded {
		sets = ch.Bands
	} else if c := ch.Column; c != nil {
		join(g.touched, c.Customers)
		join(g.touched, c.Cleared)
	}
	for _, change := range sets {
		join(g.touched, change.Entered)
		join(g.touched, change.Left)
	}
	return nil
}

// compare makes the changes of marks that come of the groups of a batch, which the index has by now.
func (s *Since) compare(b *sinceBatch) (edits []tagindex.Change) {
	after := s.index.View()
	for slot, g := range b.groups {
		edits = append(edits, s.mark(slot, g, after)...)
		s.open[slot] = g
	}
	slices.SortStableFunc(edits, func(a, b tagindex.Change) int { return int(a.Slot) - int(b.Slot) })
	return edits
}

// fewTouched is up to how many customers are compared one by one: a run's changes name those whose value becomes
// another, but what is written by hand may say what was so already.
const fewTouched = 4096

// mark makes the changes of marks that come of a group. It may be called again when the group grew.
func (s *Since) mark(slot uint32, g *sinceGroup, after *tagindex.View) []tagindex.Change {
	is := after.Content(slot)
	if g.all || (is.Kind() != g.before.Kind() || is.Multi() != g.before.Multi()) && g.before.Present().Count() > 0 {
		g.exact = false
		join(g.touched, g.before.Present().Roaring())
		join(g.touched, is.Present().Roaring())
	}
	if g.touched.IsEmpty() {
		return nil
	}
	moved := g.touched
	if !g.exact || g.touched.GetCardinality() <= fewTouched {
		moved = roaring.New()
		was, now := viewOf(g.before), viewOf(is)
		for it := g.touched.Iterator(); it.HasNext(); {
			if c := it.Next(); was.Value(0, c).Compare(now.Value(0, c)) != 0 {
				moved.Add(c)
			}
		}
	}
	held := is.Present().Roaring()
	entered, left := roaring.And(moved, held), roaring.AndNot(moved, held)
	// Whoever is touched and has the same value after all keeps the mark of before.
	stays := roaring.AndNot(g.touched, moved)
	var restored []event.Value
	kept := roaring.New()
	old := viewOf(g.marks)
	for it := stays.Iterator(); it.HasNext(); {
		c := it.Next()
		if v := old.Value(0, c); v.Present() {
			kept.Add(c)
			restored = append(restored, v)
		} else {
			left.Add(c)
		}
	}
	var out []tagindex.Change
	put := func(who *roaring.Bitmap, values event.Column, cleared *roaring.Bitmap) {
		out = append(out, tagindex.Change{Slot: slot + firstMark, At: g.moment.at, Column: &tagindex.ColumnChange{Customers: who, Values: values, Cleared: cleared}})
	}
	if !entered.IsEmpty() {
		n, made := s.number(g.moment)
		out = append(out, made...)
		numbers := event.Column{Kind: event.TimeKind, Len: int(entered.GetCardinality())}
		numbers.Ints = slices.Repeat([]int64{int64(n)}, numbers.Len)
		put(entered, numbers, left)
	} else if !left.IsEmpty() && g.hasMarks(s.marks.View(), slot) {
		put(roaring.New(), event.Column{Kind: event.TimeKind}, left)
	}
	if len(restored) > 0 {
		put(kept, tagindex.ColumnOf(restored...), nil)
	}
	return out
}

func (g *sinceGroup) hasMarks(view *tagindex.View, slot uint32) bool {
	return view.Present(slot+firstMark).Count() > 0
}

// viewOf is a view whose slot 0 has this content.
func viewOf(c *tagindex.Content) *tagindex.View {
	view, err := tagindex.NewView(0, []uint32{0}, []*tagindex.Content{c}, 0, 0)
	if err != nil { // only when there are not as many slots as contents
		return &tagindex.View{}
	}
	return view
}
