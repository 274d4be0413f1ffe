package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

const (
	defaultBatch = 4 << 20
	firstDelay   = 100 * time.Millisecond
	longestDelay = 30 * time.Second
)

// Options are a runner's. The zero value will do for a command that calls only CatchUp.
type Options struct {
	// BatchBytes bounds the payloads that a reader is given at once; one entry is given whatever its size.
	// 0 means 4 MiB.
	BatchBytes int
	// Now tells the time for ReaderStatus.Since. Without it Since is 0.
	Now func() event.Time
	// Failed hears of each failed attempt of a reader in Run, and when it is tried again. It may be called
	// from several goroutines.
	Failed func(reader string, err error, retryIn time.Duration)
	// Delay waits before a failed reader is tried again, or until ctx ends. Without it, that is a timer.
	Delay func(ctx context.Context, d time.Duration)
}

// Runner moves readers along their logs. Its methods may be called concurrently.
type Runner struct {
	db      *db.DB
	options Options
	readers []*reader // each behind those it comes after
	moved   signal    // raised when a log has grown or a reader has moved
	holds   holds

	watching watching
}

// New returns a runner of these readers. Every reader of a log that is ever trimmed must be among them, or
// have run before.
func New(d *db.DB, o Options, readers ...Reader) (*Runner, error) {
	ordered, err := arrange(readers)
	if err != nil {
		return nil, err
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = defaultBatch
	}
	if o.Delay == nil {
		o.Delay = delay
	}
	return &Runner{db: d, options: o, readers: ordered}, nil
}

func delay(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// CatchUp runs the readers until all are where their logs end now, what they append themselves meanwhile included. What
// others append meanwhile is not waited for. It stops at the first error.
func (r *Runner) CatchUp(ctx context.Context) error { return r.catchUp(ctx, nil) }

// CatchUpLog is CatchUp for the readers of one log.
func (r *Runner) CatchUpLog(ctx context.Context, l *Log) error { return r.catchUp(ctx, l) }

func (r *Runner) catchUp(ctx context.Context, only *Log) error {
	for again := true; again; {
		again = false
		ends := map[string]uint64{}
		for _, reader := range r.readers {
			if only != nil && reader.Log.table != only.table {
				continue
			}
			end, known := ends[reader.Log.table]
			if !known {
				var err error
				if end, err = reader.Log.End(ctx, r.db.Read()); err != nil {
					return err
				}
				ends[reader.Log.table] = end
			}
			moved, err := r.upTo(ctx, reader, end)
			if err != nil {
				return fmt.Errorf("reader %s: %w", reader.Name, err)
			}
			again = again || moved && reader.Handle != nil // it may have appended
		}
	}
	return nil
}

// upTo moves a reader to an offset, and says whether it moved.
func (r *Runner) upTo(ctx context.Context, reader *reader, end uint64) (moved bool, err error) {
	for {
		at, err := reader.at(ctx)
		if err != nil || at == end {
			return moved, err
		}
		ok, err := r.advance(ctx, reader) // also where it is beyond the end: that is an error
		if err != nil || !ok {
			return moved, err
		}
		if moved = true; at > end {
			return moved, nil
		}
		if at, err = reader.at(ctx); err != nil || at >= end {
			return moved, err
		}
	}
}

// advance moves a reader by one batch and tells the others.
func (r *Runner) advance(ctx context.Context, reader *reader) (moved bool, err error) {
	moved, err = reader.advance(ctx, r.options.BatchBytes)
	if ctx.Err() == nil { // being stopped is no failure
		reader.failing(err, r.now())
	}
	if moved {
		reader.moved(ctx, r.now())
		r.moved.raise()
	}
	return moved, err
}

func (r *Runner) now() event.Time {
	if r.options.Now == nil {
		return 0
	}
	return r.options.Now()
}

// Run moves the readers, each in a goroutine of its own, until ctx ends; then it waits for the batches in
// hand, which are undone unless they are just committing. A reader that fails is tried again after a while
// that grows from 0.1 s to 30 s, and holds up only those that come after it.
//
// Nothing polls: whoever appends to a log calls Notify after the commit.
func (r *Runner) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, reader := range r.readers {
		running.Go(func() { r.follow(ctx, reader) })
	}
	running.Wait()
}

func (r *Runner) follow(ctx context.Context, reader *reader) {
	retryIn := firstDelay
	for ctx.Err() == nil {
		moved := r.moved.next() // asked for before looking, so that nothing is missed in between
		ok, err := false, error(nil)
		if !reader.idle(ctx) {
			ok, err = r.advance(ctx, reader)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if r.options.Failed != nil {
				r.options.Failed(reader.Name, fmt.Errorf("reader %s: %w", reader.Name, err), retryIn)
			}
			r.options.Delay(ctx, retryIn)
			retryIn = min(2*retryIn, longestDelay)
			continue
		case !ok:
			select {
			case <-moved:
			case <-ctx.Done():
			}
		}
		retryIn = firstDelay
	}
}

// Notify wakes the readers. Call it after committing a transaction that appended to a log, and after moving
// a reader with a position of its own by other means than Apply.
func (r *Runner) Notify() { r.moved.raise() }

// Moved returns a channel that is closed when a reader moves or Notify is called next. Ask for it before looking, so that
// nothing is missed in between.
func (r *Runner) Moved() <-chan struct{} { return r.moved.next() }

// Wait returns when a reader has all records below offset behind it. Someone else must be moving the reader.
// When ctx ends first the error is Busy and says how far the reader is, and why if it fails.
func (r *Runner) Wait(ctx context.Context, reader string, offset uint64) error {
	for _, one := range r.readers {
		if one.Name == reader {
			return r.wait(ctx, one, offset)
		}
	}
	return errs.New(errs.NotFound, "stream: there is no reader %s", reader)
}

func (r *Runner) wait(ctx context.Context, reader *reader, offset uint64) error {
	for {
		moved := r.moved.next()
		position, err := reader.at(ctx)
		if err == nil && position >= offset {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("stream: wait for reader %s: %w", reader.Name, err)
		}
		select {
		case <-moved:
			continue
		case <-ctx.Done():
		}
		why, _ := reader.failure()
		if why == nil {
			why = ctx.Err()
		}
		return errs.New(errs.Busy, "stream: reader %s is at %d of %d: %w", reader.Name, position, offset, why)
	}
}

// Status tells how each reader is doing.
func (r *Runner) Status(ctx context.Context) ([]ReaderStatus, error) {
	list := make([]ReaderStatus, 0, len(r.readers))
	for _, reader := range r.readers {
		s := ReaderStatus{Name: reader.Name, Log: reader.Log.table}
		var err error
		// The position first: a log only grows, so that a reader never seems to be beyond the end.
		if s.Position, err = reader.at(ctx); err != nil {
			return nil, err
		}
		if s.End, err = reader.Log.End(ctx, r.db.Read()); err != nil {
			return nil, err
		}
		if s.Begin, err = reader.Log.Begin(ctx, r.db.Read()); err != nil {
			return nil, err
		}
		s.Err, s.Since = reader.failure()
		list = append(list, s)
	}
	return list, nil
}

// signal wakes all who wait. The zero value is ready.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that the next raise closes.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
