package tag

import (
	"context"
	"fmt"
	"maps"
	"sync"

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
// the moment for each customer. As few moments concern one slot, that takes one or two bytes for each value held. The
// numbers that changed last stand beside the columns, see lateMarks.
type Since struct {
	index  *tagindex.Index // the tags
	follow *tagindex.Follower
	marks  *tagindex.Index
	saver  *tagindex.Follower // of marks
	late   *lateMarks         // what is not in marks yet
	limit  int                // customers that a change may touch to be followed one by one

	writing sync.Mutex             // guards what follows, and makes all of the above one by one
	moments map[moment]uint32      // the numbers of those that were met last
	next    uint32                 // the number of the next one
	open    map[uint32]*sinceGroup // what a run that goes on changed so far
	few     fewState               // of the last batch: its memory serves the next one
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
	s := &Since{index: index, follow: tagindex.Follow(index, indexPath), marks: marks, saver: tagindex.Follow(marks, path), late: newLateMarks(), limit: fewMoves,
		moments: map[moment]uint32{}, open: map[uint32]*sinceGroup{}}
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
	s.writing.Lock()
	defer s.writing.Unlock()
	var rest []latePlace
	for _, slot := range s.late.list {
		rest = append(rest, slot.all()...)
	}
	if err := s.bring(rest, s.Position()); err != nil {
		return err
	}
	if err := s.saver.Sync(); err != nil {
		return err
	}
	return s.follow.Sync()
}

// Apply moves both on by entries, in order. Where few customers of a slot are touched, what each of them has is followed
// (fewState); what a run, or one entry about very many, does to a slot is found by comparing before and after
// (sinceGroup). Both may come in one entry.
func (s *Since) Apply(ctx context.Context, entries []stream.Entry) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for len(entries) > 0 {
		n, err := s.some(ctx, entries)
		if err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// sinceBatch is what some entries come to.
type sinceBatch struct {
	before  *tagindex.View
	few     *fewState
	groups  map[uint32]*sinceGroup // of the slots that are not followed customer by customer
	changes []tagindex.Change
}

// some moves both on by the first entries, at least one.
func (s *Since) some(ctx context.Context, entries []stream.Entry) (n int, err error) {
	start := s.Position()
	at := start
	b := &sinceBatch{before: s.index.View(), few: s.noneYet(), groups: map[uint32]*sinceGroup{}}
	ended := false
	for ; n < len(entries) && !ended && len(b.few.held) < fewAtOnce; n++ {
		e := &entries[n]
		if e.End() <= start {
			continue
		}
		if e.First != at {
			return 0, fmt.Errorf("tag: since when: at %d of the change log, and the next entry is %d to %d", at, e.First, e.End())
		}
		switch e.Kind {
		case tagindex.EntryChanges:
			changes, err := tagindex.Decode(e.Payload)
			if err != nil {
				return 0, fmt.Errorf("tag: since when: the change log at %d: %w", e.First, err)
			}
			fits, err := s.take(b, changes)
			if err != nil {
				return 0, err
			}
			if !fits {
				return n, s.finish(ctx, b, at, false)
			}
		case EntryMark: // a run that goes on does not go on beyond it
			ended = len(b.groups) > 0 || len(s.open) > 0
		}
		at = e.End()
	}
	if at == start {
		return n, nil
	}
	return n, s.finish(ctx, b, at, ended)
}

// take adds the changes of an entry to a batch; false when they have to wait for the next one, because a slot that is
// compared before and after would change twice.
func (s *Since) take(b *sinceBatch, changes []tagindex.Change) (fits bool, err error) {
	large, forms := b.split(changes, s.limit)
	for i := range changes {
		ch := &changes[i]
		g, compared := b.groups[ch.Slot]
		switch _, followed := b.few.slots[ch.Slot]; {
		case compared && (g.moment.run == 0 || g.moment != momentFor(ch)), large[ch.Slot] && followed:
			return false, nil
		case compared:
			large[ch.Slot] = true
		}
	}
	maps.Copy(b.few.slots, forms)
	for i := range changes {
		ch := &changes[i]
		b.changes = append(b.changes, *ch)
		switch {
		case ch.Slot&lapseBit != 0:
		case large[ch.Slot]:
			if err := s.add(b, ch); err != nil {
				return false, err
			}
		default:
			b.few.follow(b.before, ch)
		}
	}
	return true, nil
}

// finish moves the index and the marks on by a batch.
func (s *Since) finish(ctx context.Context, b *sinceBatch, at uint64, ended bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tag: since when: %w", err)
	}
	if err := s.index.Apply(b.changes, at); err != nil {
		return err
	}
	for slot := range b.few.slots {
		delete(s.open, slot)
	}
	edits := s.compare(b)
	if ended {
		clear(s.open)
	}
	edits = append(edits, s.numbers(b.few)...)
	if err := s.marks.Apply(edits, at); err != nil { // the moments before the marks that tell of them
		return err
	}
	s.putLate(b.few)
	return s.bring(s.late.ripe(), at)
}

// bring brings marks over to the others.
func (s *Since) bring(parts []latePlace, at uint64) error {
	if len(parts) == 0 {
		return nil
	}
	edits := make([]tagindex.Change, len(parts))
	for i, p := range parts {
		edits[i] = s.late.change(p)
	}
	if err := s.marks.Apply(edits, at); err != nil {
		return err
	}
	s.late.drop(parts)
	return nil
}

func momentFor(ch *tagindex.Change) moment { return moment{ch.At, ch.Run, ch.Cause} }

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
// when there is no value, or nothing is known. It may be called at any time.
func (s *Since) Of(slot, customer uint32) (at event.Time, cause tagindex.Cause, run uint64, ok bool) {
	s.late.mu.RLock()
	mark, late := s.late.find(slot, customer)
	s.late.mu.RUnlock()
	view := s.marks.View() // after looking there: what was there then has its moment here, and what was not is here
	if !late {
		if v := view.Value(slot+firstMark, customer); v.Present() {
			mark = uint32(v.Time()) + 1
		}
	}
	if mark == 0 {
		return 0, 0, 0, false
	}
	m := momentOf(view, mark-1)
	return m.at, m.cause, m.run, true
}

// Bytes is about the memory that it takes.
func (s *Since) Bytes() int {
	m := s.marks.View().Memory()
	return m.Columns + m.Rows + s.late.bytes()
}
