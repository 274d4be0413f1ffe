package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/stream"
	"tagma/warehouse"
)

// Deps is what taking records in works with.
type Deps struct {
	DB         *db.DB
	Log        *stream.Log // the event log of DB
	Store      warehouse.Store
	Identities *identity.Resolver // of DB
	// Ahead lets records be accepted while the history follows; nil: it must be at the end of the log each time.
	Ahead *Ahead
	// Appended, when set, is called after each commit that appended to the log: it wakes the readers.
	Appended func()
	Zone     *event.Zone // the workspace's: in it callers read mappings that name none
	// Now tells the time: when records were accepted.
	Now func() event.Time
	// Tags is for rows that assign tags; nil where none can.
	Tags *Tags
}

// load is a bulk load inside one write transaction: records are staged in the warehouse, and the event log gets
// one entry for all of them.
type load struct {
	d        Deps
	tx       bun.Tx
	session  *identity.Session
	id       string
	staged   warehouse.Load // nil until there is something
	dry      *dry           // nil where something is taken
	first    uint64         // the offset of its first record
	counts   Counts
	requests []identity.Request
	answers  []identity.Resolution
}

var (
	errBehind  = errors.New("the history is behind the event log")
	errNothing = errors.New("there is nothing to load")
)

// commit runs fill in a write transaction, and commits what it staged together with the log entry; then the
// history takes the load in. When fill stages nothing, nothing is written.
func commit(ctx context.Context, d Deps, source string, fill func(ctx context.Context, l *load) error) error {
	return caughtUp(ctx, d, func() error { return tryCommit(ctx, d, source, fill) })
}

// caughtUp runs what writes to the event log: with the history at the log's end before, for what was taken before and
// who is known is asked of the history, and again behind it.
func caughtUp(ctx context.Context, d Deps, write func() error) error {
	for try := 0; ; try++ {
		if err := catchUp(ctx, d); err != nil {
			return explain(err)
		}
		err := write()
		switch {
		case errors.Is(err, errBehind) && try < 100: // someone else was quicker
			continue
		case errors.Is(err, errNothing):
			return nil
		case err != nil:
			return explain(err)
		}
		err = catchUp(ctx, d)
		if d.Appended != nil {
			d.Appended()
		}
		return explain(err)
	}
}

func tryCommit(ctx context.Context, d Deps, source string, fill func(ctx context.Context, l *load) error) error {
	l := &load{d: d}
	err := d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		l.tx = tx
		if l.first, err = d.Log.End(ctx, tx); err != nil {
			return err
		}
		if l.first != d.Store.Offset() {
			return errBehind
		}
		if l.session, err = d.Identities.Begin(ctx, tx, func(p event.ProfileID) bool { return d.Store.Profile(p).Person }); err != nil {
			return err
		}
		if err := fill(ctx, l); err != nil {
			return err
		}
		if l.staged == nil {
			return errNothing
		}
		if err := l.session.Flush(ctx); err != nil {
			return err
		}
		if err := l.staged.Finish(ctx); err != nil {
			return err
		}
		note := LoadNote{ID: l.id, Source: source, Counts: l.counts}
		_, err = d.Log.Append(ctx, tx, stream.Entry{At: d.Now(), Kind: EntryLoad, Count: max(1, l.counts.Records()), Payload: note.Encode()})
		return err
	})
	if l.session != nil {
		l.session.Close(err == nil)
	}
	if l.staged != nil && err != nil {
		// Whether the transaction was committed is not always known when it fails, so a finished load is left to
		// Recover, which asks the log. Abort removes only one that was not finished.
		l.staged.Abort()
	}
	return err
}

// explain says what to do about a full disk.
func explain(err error) error {
	if err != nil && errors.Is(err, syscall.ENOSPC) && errs.KindOf(err) == errs.Internal {
		return errs.New(errs.Busy, "the disk is full: free space and run the command again, it goes on where it stopped (%w)", err)
	}
	return err
}

// store returns the staged load, begun when it is first needed.
func (l *load) store(ctx context.Context) (warehouse.Load, error) {
	if l.staged == nil {
		n, err := db.NextNumber(ctx, l.tx, "loads", 1)
		if err != nil {
			return nil, err
		}
		l.id = fmt.Sprintf("load-%012d", n)
		if l.staged, err = l.d.Store.StartLoad(l.id); err != nil {
			return nil, err
		}
	}
	return l.staged, nil
}

// taken says what was taken before.
func (l *load) taken(keys []warehouse.SeenKey) ([][]byte, error) {
	if l.dry != nil {
		return l.dry.Seen(keys)
	}
	return l.d.Store.Seen(keys)
}

// bytes is the memory that the load holds.
func (l *load) bytes() int64 {
	if l.staged == nil {
		return 0
	}
	return l.staged.Bytes()
}

// arrival is the next record's place in the order of arrival.
func (l *load) arrival() uint64 { return l.first + l.counts.Records() }

// newProfile is what is to be recorded of the profile itself, false when that is nothing.
func newProfile(a *identity.Resolution, seen event.Time) (event.NewProfile, bool) {
	if len(a.Added) == 0 || !a.New && !a.Becomes {
		return event.NewProfile{}, false
	}
	p := event.NewProfile{Profile: a.Profile, Entity: a.Entity, Person: a.Person, Seen: seen}
	if !a.New {
		p.Seen = event.Never
	}
	return p, true
}

// customer records what resolving a request created or added; seen is the effective time of the record it came with.
func (l *load) customer(ctx context.Context, a *identity.Resolution, seen event.Time) error {
	if len(a.Added) == 0 {
		return nil
	}
	s, err := l.store(ctx)
	if err != nil {
		return err
	}
	if p, ok := newProfile(a, seen); ok {
		p.Arrival = l.arrival()
		if err := s.Profile(p); err != nil {
			return err
		}
		l.counts.Profiles++
	}
	for _, k := range a.Added {
		if err := s.Identifier(event.Identifier{Profile: a.Profile, Kind: k.Kind, Value: k.Value}); err != nil {
			return err
		}
		l.counts.Identifiers++
	}
	return nil
}

func (l *load) trait(ctx context.Context, t event.Trait) error {
	s, err := l.store(ctx)
	if err != nil {
		return err
	}
	t.Arrival = l.arrival()
	l.counts.Traits++
	return s.Trait(t)
}

func (l *load) consent(ctx context.Context, c event.Trait) error {
	s, err := l.store(ctx)
	if err != nil {
		return err
	}
	c.Arrival = l.arrival()
	l.counts.Consents++
	return s.Consent(c)
}

func (l *load) event(ctx context.Context, e *event.Event) error {
	s, err := l.store(ctx)
	if err != nil {
		return err
	}
	e.Arrival = l.arrival()
	l.counts.Events++
	return s.Event(e)
}

func (l *load) seen(ctx context.Context, m warehouse.Seen) error {
	s, err := l.store(ctx)
	if err != nil {
		return err
	}
	return s.Seen(m)
}

// resolve answers the requests gathered in l.requests.
func (l *load) resolve(ctx context.Context) ([]identity.Resolution, error) {
	if cap(l.answers) < len(l.requests) {
		l.answers = make([]identity.Resolution, len(l.requests)+len(l.requests)/4)
	}
	answers := l.answers[:len(l.requests)]
	return answers, l.session.Resolve(ctx, l.requests, answers)
}

// sortProperties puts properties in order of name; of equal names the last stays.
func sortProperties(ps []event.Property) []event.Property {
	slices.SortStableFunc(ps, func(a, b event.Property) int { return strings.Compare(a.Name, b.Name) })
	return ps
}
