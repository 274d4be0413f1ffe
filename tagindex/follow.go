package tagindex

import (
	"context"
	"fmt"

	"tagma/stream"
)

// EntryChanges is the kind of the entries of the change log whose payload Encode wrote. A follower passes over
// entries of other kinds, such as the mark that says up to where events are decided.
const EntryChanges uint8 = 1

// Follower keeps an index up with the change log. Its methods are those of a stream.Reader with a position of
// its own: a follower that starts anew, or from an old snapshot, is given the entries again from there.
type Follower struct {
	index *Index
	path  string
	saved uint64
}

// Follow returns a follower that writes an index, which was just loaded from path or is empty. Sync writes its
// snapshot there when it has moved on.
func Follow(x *Index, path string) *Follower {
	return &Follower{index: x, path: path, saved: x.Position()}
}

// Position is the offset of the change log up to which the index goes. It may be called at any time.
func (f *Follower) Position() uint64 { return f.index.Position() }

// Apply moves the index on by entries, in order. Entries that it already has are skipped. Readers of the index see
// all of them or none.
func (f *Follower) Apply(ctx context.Context, entries []stream.Entry) error {
	position := f.index.Position()
	at := position
	var changes []Change
	for i := range entries {
		e := &entries[i]
		if e.End() <= position {
			continue
		}
		if e.First != at {
			return fmt.Errorf("tagindex: follow the change log: at %d, and the next entry is %d to %d", at, e.First, e.End())
		}
		at = e.End()
		if e.Kind != EntryChanges {
			continue
		}
		list, err := Decode(e.Payload)
		if err != nil {
			return fmt.Errorf("tagindex: follow the change log at %d: %w", e.First, err)
		}
		changes = append(changes, list...)
	}
	if at == position {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("tagindex: follow the change log: %w", err)
	}
	return f.index.Apply(changes, at)
}

// Sync saves a snapshot, unless the last one is of the same position. It must not be called twice at a time.
func (f *Follower) Sync() error {
	v := f.index.View()
	if v.offset == f.saved {
		return nil
	}
	if err := Save(f.path, v, Meta{}); err != nil {
		return err
	}
	f.saved = v.offset
	return nil
}
