package tag

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/stream"
	"tagma/tagindex"
)

// Since knows of every customer since when and why it has the value that it has of each tag and segment. It is a view
// of the change log that moves on together with the tag index, whose follower it takes the place of: what the index
// held before and after a change tells whose value really became another one.
//
// An instant with its cause and run is a moment and has a number; for each slot there is a column with the number of
// the moment for each customer. As few moments concern one slot, that takes one or two bytes for each value held.
type Since struct {
	index  *tagindex.Index // the tags
	follow *tagindex.Follower
	marks  *tagindex.Index
	saver  *tagindex.Follower // of marks

	moments map[moment]uint32     // the numbers of those that were met last
	next    uint32                // the number of the next one
	open    map[uint32]sinceGroup // what a run that goes on changed so far
}

// moment is when and why values changed.
type moment struct {
	at    event.Time
	run   uint64
	cause tagindex.Cause
}

// The slots of marks: two tell what the moments are, by their number, and the others are those of the tags, moved on.
const (
	momentAt    = 0
	momentCause = 1 // run<<8 | cause
	firstMark   = 2
)

// sinceGroup is records that belong together: those of a run about a slot.
type sinceGroup struct {
	moment  moment
	before  *tagindex.Content
	marks   *tagindex.Content // of before
	touched *roaring.Bitmap
	all     bool // everybody may be touched
	exact   bool // whoever is touched has another value
}

// LoadSince loads what is known of an index from a file. When that is not of the same position as the index, both have
// to be made anew from the change log: false.
func LoadSince(path string, index *tagindex.Index, indexPath string) (*Since, bool, error) {
	marks, _, err := tagindex.Load(path)
	if err != nil {
		return nil, false, err
	}
	if marks.Position() != index.Position() {
		return nil, false, nil
	}
	return newSince(path, marks, index, indexPath), true, nil
}

// NewSince returns an empty one for an empty index.
func NewSince(path string, index *tagindex.Index, indexPath string) *Since {
	return newSince(path, tagindex.New(), index, indexPath)
}

func newSince(path string, marks, index *tagindex.Index, indexPath string) *Since {
	s := &Since{index: index, follow: tagindex.Follow(index, indexPath), marks: marks, saver: tagindex.Follow(marks, path),
		moments: map[moment]uint32{}, open: map[uint32]sinceGroup{}}
	view := marks.View()
	s.next = uint32(view.Present(momentAt).Count()) // they are numbered from 0 on, without holes
	for n := s.next - min(s.next, remembers); n < s.next; n++ {
		s.moments[momentOf(view, n)] = n
	}
	return s
}

func momentOf(view *tagindex.View, n uint32) moment {
	packed := uint64(view.Value(momentCause, n).Time())
	return moment{view.Value(momentAt, n).Time(), packed >> 8, tagindex.Cause(packed)}
}

// Position is the offset of the change log up to which the index goes. It may be called at any time.
func (s *Since) Position() uint64 { return s.follow.Position() }

// Sync saves both.
func (s *Since) Sync() error {
	if err := s.saver.Sync(); err != nil {
		return err
	}
	return s.follow.Sync()
}

// Apply moves both on by entries, in order: small changes one by one (see few), and others by comparing what the slots
// held before and after. Where a batch of the latter changes a slot twice it is taken in parts, so that no change hides
// another.
func (s *Since) Apply(ctx context.Context, entries []stream.Entry) error {
	for len(entries) > 0 {
		n, err := s.few(ctx, entries)
		if err == nil && n == 0 {
			n, err = s.part(ctx, entries)
		}
		if err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// part moves both on by the first entries, as many as change no slot twice.
func (s *Since) part(ctx context.Context, entries []stream.Entry) (n int, err error) {
	position, before, marks := s.Position(), s.index.View(), s.marks.View()
	groups := map[uint32]sinceGroup{}
	ended := false
	for ; n < len(entries) && !ended; n++ {
		e := &entries[n]
		if e.End() <= position {
			continue
		}
		if ended = e.Kind == EntryMark; e.Kind != tagindex.EntryChanges {
			continue
		}
		changes, err := tagindex.Decode(e.Payload)
		if err != nil {
			return 0, err
		}
		// Small ones are taken by themselves, whatever comes in one batch with them.
		if n > 0 && (small(changes) || slices.ContainsFunc(changes, func(ch tagindex.Change) bool {
			g, seen := groups[ch.Slot]
			return seen && (g.moment.run == 0 || g.moment != momentFor(&ch))
		})) {
			break
		}
		for i := range changes {
			s.add(groups, &changes[i], before, marks)
		}
	}
	if err := s.follow.Apply(ctx, entries[:n]); err != nil {
		return 0, err
	}
	after, position := s.index.View(), s.Position()
	var edits []tagindex.Change
	for slot, g := range groups {
		edits = append(edits, s.mark(slot, &g, after)...)
		s.open[slot] = g
	}
	if ended {
		clear(s.open)
	}
	slices.SortStableFunc(edits, func(a, b tagindex.Change) int { return int(a.Slot) - int(b.Slot) })
	return n, s.marks.Apply(edits, position)
}

func momentFor(ch *tagindex.Change) moment { return moment{ch.At, ch.Run, ch.Cause} }

// add notes whom a change touches.
func (s *Since) add(groups map[uint32]sinceGroup, ch *tagindex.Change, before, marks *tagindex.View) {
	if ch.Slot&lapseBit != 0 {
		return
	}
	g, ok := groups[ch.Slot]
	if !ok {
		if open, going := s.open[ch.Slot]; going && open.moment.run != 0 && open.moment == momentFor(ch) {
			g = open
		} else {
			g = sinceGroup{moment: momentFor(ch), before: before.Content(ch.Slot), marks: marks.Content(ch.Slot + firstMark), touched: roaring.New(), exact: true}
		}
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
	groups[ch.Slot] = g
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

// number gives a moment its number, and the changes that write it down when it is new.
func (s *Since) number(m moment) (n uint32, made []tagindex.Change) {
	if n, ok := s.moments[m]; ok {
		return n, nil
	}
	if len(s.moments) >= 2*remembers { // a moment that comes back gets another number, that is all
		clear(s.moments)
	}
	n = s.next
	s.next++
	s.moments[m] = n
	for slot, x := range [...]int64{momentAt: int64(m.at), momentCause: int64(m.run<<8 | uint64(m.cause))} {
		made = append(made, tagindex.Change{Slot: uint32(slot), At: m.at, Column: &tagindex.ColumnChange{Customers: roaring.BitmapOf(n),
			Values: event.Column{Kind: event.TimeKind, Len: 1, Ints: []int64{x}}}})
	}
	return n, made
}

// Of returns since when a customer has its value of a slot, by what cause, and by which run, 0 for none. It is false
// when there is no value, or nothing is known.
func (s *Since) Of(slot, customer uint32) (at event.Time, cause tagindex.Cause, run uint64, ok bool) {
	view := s.marks.View()
	v := view.Value(slot+firstMark, customer)
	if !v.Present() {
		return 0, 0, 0, false
	}
	m := momentOf(view, uint32(v.Time()))
	return m.at, m.cause, m.run, true
}

// Bytes is about the memory that it takes.
func (s *Since) Bytes() int {
	m := s.marks.View().Memory()
	return m.Columns + m.Rows
}
