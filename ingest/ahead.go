package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tagma/event"
	"tagma/library"
	"tagma/warehouse"
)

// Ahead is what was accepted and is not yet in the history: the keys of what was taken, so that it is taken once, and who
// became a person. With it records are accepted while the history follows behind; without it each acceptance waits until
// the history has the one before. All who accept into one event log share one.
//
// It need not survive a stop: Recover brings the history to the end of the log before anything is accepted.
type Ahead struct {
	mu      sync.Mutex // one acceptance at a time; it guards what follows
	to      uint64     // the log's end behind the last entry here
	entries []aheadEntry
	seen    map[warehouse.SeenKey]struct{}
	persons map[event.ProfileID]uint64 // to the end of the entry that says so

	declared *declarations
	revision uint64 // of the library that they are of
	asked    bool
}

// aheadEntry is an entry of the event log that the history may not have yet.
type aheadEntry struct {
	end     uint64
	seen    []warehouse.Seen
	persons []event.ProfileID
}

// NewAhead returns one for an event log whose history is at its end.
func NewAhead() *Ahead {
	return &Ahead{seen: map[warehouse.SeenKey]struct{}{}, persons: map[event.ProfileID]uint64{}}
}

// lock begins an acceptance.
func (a *Ahead) lock() (unlock func()) {
	if a == nil {
		return func() {}
	}
	a.mu.Lock()
	return a.mu.Unlock
}

// covers forgets what the history has by now, which goes up to offset, and says whether all between it and the log's end
// is known here.
func (a *Ahead) covers(offset, end uint64) bool {
	if a == nil {
		return offset == end
	}
	done := 0
	for done < len(a.entries) && a.entries[done].end <= offset {
		e := &a.entries[done]
		for _, s := range e.seen {
			delete(a.seen, s.Key)
		}
		for _, p := range e.persons {
			if a.persons[p] == e.end {
				delete(a.persons, p)
			}
		}
		done++
	}
	if done > 0 {
		n := copy(a.entries, a.entries[done:])
		clear(a.entries[n:])
		a.entries = a.entries[:n]
	}
	if len(a.entries) == 0 {
		return offset == end
	}
	return a.to == end && a.entries[0].end > offset
}

// note remembers a block that was committed as the entry that begins at first.
func (a *Ahead) note(first uint64, b *Block) {
	if a == nil {
		return
	}
	e := aheadEntry{end: first + b.Count(), seen: b.Seen}
	for _, s := range b.Seen {
		a.seen[s.Key] = struct{}{}
	}
	for _, p := range b.Profiles {
		if p.Person {
			e.persons = append(e.persons, p.Profile)
			a.persons[p.Profile] = e.end
		}
	}
	a.entries, a.to = append(a.entries, e), e.end
}

// has says whether something was taken and is not yet in the history.
func (a *Ahead) has(k warehouse.SeenKey) bool {
	if a == nil {
		return false
	}
	_, ok := a.seen[k]
	return ok
}

// isPerson tells who is a person by the history and what is ahead of it.
func (d *Deps) isPerson(p event.ProfileID) bool {
	if d.Ahead != nil {
		if _, ok := d.Ahead.persons[p]; ok {
			return true
		}
	}
	return d.Store.Profile(p).Person
}

// declarations are the types that the schema declares now, nil when that is nothing.
func (d *Deps) declarations(ctx context.Context) (*declarations, error) {
	a := d.Ahead
	if a == nil {
		return declaredIn(ctx, *d)
	}
	revision, err := library.RevisionOften(ctx, d.DB)
	if err != nil {
		return nil, err
	}
	if !a.asked || revision != a.revision {
		// An edit in between makes them newer than their revision: they are read once more, that is all.
		if a.declared, err = declaredIn(ctx, *d); err != nil {
			return nil, err
		}
		a.asked, a.revision = true, revision
	}
	return a.declared, nil
}

// accept runs what writes a block to the event log. Where the log has what is neither known in the history nor ahead of
// it, such as a bulk load, the history is brought to the end first.
func accept(ctx context.Context, d Deps, write func() error) error {
	for try := 0; ; try++ {
		err := write()
		switch {
		case errors.Is(err, errBehind) && try < 100: // or someone else was quicker
			if err := catchUp(ctx, d); err != nil {
				return explain(err)
			}
			continue
		case errors.Is(err, errNothing):
			return nil
		case err != nil:
			return explain(err)
		}
		if d.Appended != nil {
			d.Appended()
		}
		return nil
	}
}

// fresh is what was not taken before, in the order of the keys; what is new is also not among the keys before it.
func (d *Deps) fresh(keys []warehouse.SeenKey) ([]bool, error) {
	known, err := d.Store.Seen(keys)
	if err != nil {
		return nil, fmt.Errorf("find out what was taken before: %w", err)
	}
	out := make([]bool, len(keys))
	here := make(map[warehouse.SeenKey]struct{}, len(keys))
	for i, k := range keys {
		if known[i] != nil || d.Ahead.has(k) {
			continue
		}
		if _, twice := here[k]; !twice {
			here[k], out[i] = struct{}{}, true
		}
	}
	return out, nil
}
