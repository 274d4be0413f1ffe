package stream

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/errs"
)

// trimStep is the number of entries removed in one transaction, so that writers never wait long.
const trimStep = 256

// Trim removes the entries of a log that lie wholly below keepFrom and behind every reader, and returns the
// offset at which the log now begins. The last entry always stays. Readers with a position of their own are
// synced first, since after a crash they may need what they have not yet made safe.
//
// All cursors of the log count, those of readers that this runner does not have as well. Only the event log
// can be trimmed: the change log is history.
func (r *Runner) Trim(ctx context.Context, l *Log, keepFrom uint64) (first uint64, err error) {
	if !l.trims {
		return 0, errs.New(errs.Conflict, "stream: trim %s: it is history, and is never trimmed", l)
	}
	keep, err := r.unneeded(ctx, l)
	if err != nil {
		return 0, fmt.Errorf("stream: trim %s: %w", l, err)
	}
	keep = min(keep, keepFrom)
	for again := true; again; {
		err := r.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
			first, again, err = l.remove(ctx, tx, keep)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("stream: trim %s: %w", l, err)
		}
	}
	return first, nil
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

// remove deletes some of the entries below keep, and says whether there are more.
func (l *Log) remove(ctx context.Context, tx bun.Tx, keep uint64) (first uint64, again bool, err error) {
	end, err := l.End(ctx, tx)
	if err != nil || end == 0 {
		return 0, false, err
	}
	// The entry that holds keep stays, and what follows it. Nothing begins at the end, so of keep = end the
	// last entry stays.
	var from, to sql.NullInt64
	keep = min(keep, end)
	row := tx.QueryRowContext(ctx, "SELECT MIN(first), MAX(first) FROM "+l.table+" WHERE first <= ?", keep)
	if err := row.Scan(&from, &to); err != nil {
		return 0, false, err
	}
	if !from.Valid { // it begins above keep already
		row := tx.QueryRowContext(ctx, "SELECT MIN(first) FROM "+l.table)
		return first, false, row.Scan(&first)
	}
	if from.Int64 == to.Int64 {
		return uint64(to.Int64), false, nil
	}
	row = tx.QueryRowContext(ctx, "SELECT MAX(first) FROM (SELECT first FROM "+l.table+" WHERE first < ? ORDER BY first LIMIT ?) AS oldest", to.Int64, trimStep)
	var last int64
	if err := row.Scan(&last); err != nil {
		return 0, false, err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM "+l.table+" WHERE first <= ?", last)
	return uint64(to.Int64), true, err
}
