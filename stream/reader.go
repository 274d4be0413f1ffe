package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/uptrace/bun"

	"tagma/event"
)

// Reader is somebody who follows a log. There are two forms.
//
// One whose work is in the database has Handle: its cursor commits in one transaction with what Handle did,
// so every entry is handled exactly once.
//
// One whose state is elsewhere (the warehouse, the tag index) has Position and Apply, and keeps its position
// with that state; after a crash it may go back, and is given the entries again from there.
type Reader struct {
	// Name is the reader's for ever: its cursor is stored under it.
	Name string
	Log  *Log
	// After names readers of the same log that must be done with an entry before this one gets it.
	After []string

	// Handle works on entries in tx, in order. It may append to a log. On an error nothing of it stays.
	Handle func(ctx context.Context, tx bun.Tx, entries []Entry) error

	// Position is the offset up to which the reader's own state goes. It must be cheap and safe to call at any time.
	Position func() uint64
	// Apply takes entries into the reader's own state, in order; afterwards Position is at their end.
	Apply func(ctx context.Context, entries []Entry) error
	// Sync makes the state survive a crash, up to the position it has when Sync is called. Only a reader with
	// Position has it, and it needs it for its log to be trimmed.
	Sync func() error
}

// ReaderStatus is how a reader is doing.
type ReaderStatus struct {
	Name     string
	Log      string
	Position uint64 // records below it are behind the reader
	Begin    uint64 // of its log: records below it were trimmed
	End      uint64 // of its log
	// Err is why it stands still, nil when it does not; Since is the first of the failures in a row.
	Err   error
	Since event.Time
}

// reader is a Reader at work.
type reader struct {
	Reader
	after []*reader

	step sync.Mutex // one step at a time

	mu       sync.Mutex // guards what is below
	loaded   bool       // position is that of table cursors
	position uint64
	err      error
	since    event.Time
	pace     pace
}

// arrange checks the readers and puts each behind those it comes after.
func arrange(readers []Reader) ([]*reader, error) {
	byName := map[string]*reader{}
	for _, r := range readers {
		own := r.Position != nil || r.Apply != nil || r.Sync != nil
		switch {
		case r.Name == "" || byName[r.Name] != nil:
			return nil, fmt.Errorf("stream: a reader's name %q is empty or given twice", r.Name)
		case r.Log == nil:
			return nil, fmt.Errorf("stream: reader %s has no log", r.Name)
		case (r.Handle != nil) == own, own && (r.Position == nil || r.Apply == nil):
			return nil, fmt.Errorf("stream: reader %s must have either Handle, or Position and Apply", r.Name)
		}
		byName[r.Name] = &reader{Reader: r}
	}
	var ordered []*reader
	placed := map[string]bool{}
	var place func(r *reader, path []string) error
	place = func(r *reader, path []string) error {
		path = append(path, r.Name)
		for _, name := range path[:len(path)-1] {
			if name == r.Name {
				return fmt.Errorf("stream: readers wait for each other: %s", strings.Join(path, " after "))
			}
		}
		if placed[r.Name] {
			return nil
		}
		for _, name := range r.After {
			before := byName[name]
			switch {
			case before == nil:
				return fmt.Errorf("stream: reader %s comes after %s, which does not exist", r.Name, name)
			case before.Log.table != r.Log.table:
				return fmt.Errorf("stream: reader %s comes after %s, which reads another log", r.Name, name)
			}
			if err := place(before, path); err != nil {
				return err
			}
			r.after = append(r.after, before)
		}
		placed[r.Name] = true
		ordered = append(ordered, r)
		return nil
	}
	for _, r := range readers {
		if err := place(byName[r.Name], nil); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}

// at returns the reader's position.
func (r *reader) at(ctx context.Context) (uint64, error) {
	if r.Position != nil {
		return r.Position(), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loaded {
		return r.position, nil
	}
	position, err := loadCursor(ctx, r.Log.db.Read(), r.Name)
	if err == nil {
		r.loaded, r.position = true, position
	}
	return position, err
}

// limit is the offset up to which the readers before this one have come.
func (r *reader) limit(ctx context.Context) (uint64, error) {
	limit := ^uint64(0)
	for _, before := range r.after {
		position, err := before.at(ctx)
		if err != nil {
			return 0, err
		}
		limit = min(limit, position)
	}
	return limit, nil
}

// advance does the next batch of entries, and says whether there was one.
func (r *reader) advance(ctx context.Context, maxBytes int) (moved bool, err error) {
	r.step.Lock()
	defer r.step.Unlock()
	from, err := r.at(ctx)
	if err != nil {
		return false, err
	}
	to, err := r.limit(ctx)
	if err != nil || to <= from {
		return false, err
	}
	entries, err := r.Log.read(ctx, from, to, maxBytes)
	if err != nil {
		return false, err
	}
	if len(entries) == 0 {
		end, err := r.Log.End(ctx, r.Log.db.Read())
		if err == nil && from > end {
			err = fmt.Errorf("the reader is at %d and %s ends at %d: they are not of the same data directory, or one was restored without the other", from, r.Log, end)
		}
		return false, err
	}
	next := entries[len(entries)-1].End()
	if err := r.take(ctx, entries, from, next); err != nil {
		return false, fmt.Errorf("records %d to %d of %s: %w", entries[0].First, next-1, r.Log, err)
	}
	return true, nil
}

// take gives entries to the reader.
func (r *reader) take(ctx context.Context, entries []Entry, from, next uint64) error {
	if r.Apply != nil {
		if err := r.Apply(ctx, entries); err != nil {
			return err
		}
		if position := r.Position(); position < next {
			return fmt.Errorf("the reader is at %d after it applied them", position)
		}
		return nil
	}
	err := r.Log.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// The cursor goes first: it fails when somebody else moved it, before any work is done.
		if err := moveCursor(ctx, tx, &r.Reader, from, next); err != nil {
			return err
		}
		return r.Handle(ctx, tx, entries)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.loaded = false // the table knows; a commit that reports an error may still have happened
		return err
	}
	r.position = next
	return nil
}

// idle says, from memory, that nothing was appended that the reader has not. Who appends notifies, so it may be asked where
// a notification is waited for.
func (r *reader) idle(ctx context.Context) bool {
	from, err := r.at(ctx)
	if err != nil {
		return false
	}
	end, err := r.Log.committed(ctx)
	return err == nil && from == end
}

// failing notes an error, or with nil that there is none any more.
func (r *reader) failing(err error, now event.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.err, r.since = nil, 0
	case r.err == nil:
		r.err, r.since = err, now
	default:
		r.err = err
	}
}

func (r *reader) failure() (error, event.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err, r.since
}

// errMoved says that a cursor was not where the reader had left it.
var errMoved = errors.New("the reader's cursor was moved by somebody else")
