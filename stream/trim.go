package stream

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// What is removed in one transaction, so that writers never wait long: entries, and bytes of their payloads.
const (
	trimStep  = 256
	trimBytes = 16 << 20
)

// holds says whether a log may be trimmed.
type holds struct {
	mu    sync.Mutex // held while entries are removed
	count int
}

// Hold keeps logs from being trimmed until release is called. It waits for entries that are just being removed. Trim does
// nothing meanwhile.
func (r *Runner) Hold() (release func()) {
	h := &r.holds
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.count--
	})
}

// Held says that logs are kept from being trimmed at the moment.
func (r *Runner) Held() bool {
	r.holds.mu.Lock()
	defer r.holds.mu.Unlock()
	return r.holds.count > 0
}

// step runs remove, unless logs are held.
func (h *holds) step(remove func() error) (done bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count > 0 {
		return false, nil
	}
	return true, remove()
}

// Trim removes the entries of a log that lie wholly below keepFrom and behind every reader, and returns the
// offset at which the log now begins. The last entry always stays. Readers with a position of their own are
// synced first, since after a crash they may need what they have not yet made safe.
//
// All cursors of the log count, those of readers that this runner does not have as well. Only the event log
// can be trimmed: the change log is history. Entries go in small transactions, so others write in between, and what
// was removed stays so when ctx ends.
func (r *Runner) Trim(ctx context.Context, l *Log, keepFrom uint64) (first uint64, err error) {
	if !l.trims {
		return 0, errs.New(errs.Conflict, "stream: trim %s: it is history, and is never trimmed", l)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("stream: trim %s: %w", l, err)
		}
	}()
	// Mostly there is nothing to do, and then nobody is synced.
	first, last, err := l.below(ctx, l.db.Read(), keepFrom)
	if err != nil || first == last {
		return first, err
	}
	keep, err := r.unneeded(ctx, l)
	if err != nil {
		return 0, err
	}
	keep = min(keep, keepFrom)
	for again := true; again; {
		free, err := r.holds.step(func() error {
			return r.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
				first, again, err = l.remove(ctx, tx, keep)
				return err
			})
		})
		if err != nil {
			return 0, err
		}
		again = again && free
	}
	return first, nil
}

// Begin returns the offset of the first record that the log still has; the end when it has none.
func (l *Log) Begin(ctx context.Context, idb bun.IDB) (first uint64, err error) {
	if err := idb.QueryRowContext(ctx, "SELECT COALESCE(MIN(first), 0) FROM "+l.table).Scan(&first); err != nil {
		return 0, fmt.Errorf("stream: find the beginning of %s: %w", l, err)
	}
	return first, nil
}

// Since returns the offset of the first record that was accepted at t or later, the end when there is none. It takes as
// many steps as the number of records has binary digits.
func (l *Log) Since(ctx context.Context, idb bun.IDB, t event.Time) (uint64, error) {
	low, err := l.Begin(ctx, idb)
	if err != nil {
		return 0, err
	}
	high, err := l.End(ctx, idb)
	if err != nil {
		return 0, err
	}
	for low < high { // what is below low is earlier, what is from high on is not; both are where entries begin, or the end
		var e Entry
		middle := low + (high-low)/2
		row := idb.QueryRowContext(ctx, "SELECT first, count, at_ms FROM "+l.table+" WHERE first <= ? ORDER BY first DESC LIMIT 1", middle)
		switch err := row.Scan(&e.First, &e.Count, &e.At); {
		case errors.Is(err, sql.ErrNoRows): // trimmed in between
			return high, nil
		case err != nil:
			return 0, fmt.Errorf("stream: find what %s has since %s: %w", l, t, err)
		case e.At < t:
			low = e.End()
		default:
			high = e.First
		}
	}
	return low, nil
}

// unneeded returns the offset below which no reader needs the log any more, not even after a crash.
func (r *Runner) unneeded(ctx context.Context, l *Log) (uint64, error) {
	safe := map[*reader]uint64{}
	for _, reader := range r.readers {
		if reader.Log.table != l.table || reader.Position == nil {
			continue
		}
		if reader.Sync == nil {
			return 0, fmt.Errorf("reader %s has no Sync, so it is not known what it may forget", reader.Name)
		}
		position := reader.Position() // before the sync: what comes during it may not be safe
		if err := reader.Sync(); err != nil {
			return 0, fmt.Errorf("sync reader %s: %w", reader.Name, err)
		}
		safe[reader] = position
	}
	lowest := uint64(0)
	err := r.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for reader, position := range safe {
			if err := noteCursor(ctx, tx, &reader.Reader, position); err != nil {
				return err
			}
		}
		stored, known, err := slowest(ctx, tx, l)
		if err != nil {
			return err
		}
		for _, reader := range r.readers {
			if reader.Log.table == l.table && !known[reader.Name] {
				return nil // it has not begun, and will want everything
			}
		}
		lowest = stored
		return nil
	})
	return lowest, err
}

// below returns where the log begins, and where the entry begins that holds keep: with keep at or beyond the end that is
// the last entry, which stays. When the two are the same there is nothing to remove.
func (l *Log) below(ctx context.Context, idb bun.IDB, keep uint64) (first, last uint64, err error) {
	end, err := l.End(ctx, idb)
	if err != nil || end == 0 {
		return 0, 0, err
	}
	var from, to sql.NullInt64
	row := idb.QueryRowContext(ctx, "SELECT MIN(first), MAX(first) FROM "+l.table+" WHERE first <= ?", min(keep, end))
	if err := row.Scan(&from, &to); err != nil {
		return 0, 0, err
	}
	if !from.Valid { // it begins above keep already
		first, err := l.Begin(ctx, idb)
		return first, first, err
	}
	return uint64(from.Int64), uint64(to.Int64), nil
}

// remove deletes some of the entries below keep, and says whether there are more.
func (l *Log) remove(ctx context.Context, tx bun.Tx, keep uint64) (first uint64, again bool, err error) {
	first, last, err := l.below(ctx, tx, keep)
	if err != nil || first == last {
		return first, false, err
	}
	upTo, err := l.portion(ctx, tx, last)
	if err != nil {
		return 0, false, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM "+l.table+" WHERE first < ?", upTo); err != nil {
		return 0, false, err
	}
	db.AfterCommit(ctx, func() { l.recent.forget(upTo) })
	return upTo, upTo < last, nil
}

// portion returns the offset below which entries are removed at once, at most last.
func (l *Log) portion(ctx context.Context, tx bun.Tx, last uint64) (upTo uint64, err error) {
	// The length of a payload is known without reading it.
	rows, err := tx.QueryContext(ctx, "SELECT first + count, length(payload) FROM "+l.table+" WHERE first < ? ORDER BY first LIMIT ?", last, trimStep)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for bytes := int64(0); bytes < trimBytes && rows.Next(); {
		var size int64
		if err := rows.Scan(&upTo, &size); err != nil {
			return 0, err
		}
		bytes += size
	}
	return upTo, rows.Err()
}
