package stream

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// loadCursor returns a reader's stored position, 0 when it has none yet.
func loadCursor(ctx context.Context, idb bun.IDB, reader string) (position uint64, err error) {
	err = idb.QueryRowContext(ctx, "SELECT position FROM cursors WHERE reader = ?", reader).Scan(&position)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("stream: load the cursor of %s: %w", reader, err)
	}
	return position, nil
}

// moveCursor moves a reader's cursor from where it must be.
func moveCursor(ctx context.Context, tx bun.Tx, r *Reader, from, to uint64) error {
	result, err := tx.ExecContext(ctx, "INSERT INTO cursors (reader, log, position) VALUES (?, ?, ?) ON CONFLICT (reader)"+
		" DO UPDATE SET position = excluded.position WHERE cursors.log = excluded.log AND cursors.position = ?", r.Name, r.Log.table, to, from)
	if err != nil {
		return fmt.Errorf("stream: move the cursor of %s: %w", r.Name, err)
	}
	moved, err := result.RowsAffected()
	if err == nil && moved != 1 {
		err = errMoved
	}
	return err
}

// noteCursor stores where a reader with a position of its own stands.
func noteCursor(ctx context.Context, tx bun.Tx, r *Reader, position uint64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO cursors (reader, log, position) VALUES (?, ?, ?) ON CONFLICT (reader)"+
		" DO UPDATE SET log = excluded.log, position = excluded.position", r.Name, r.Log.table, position)
	if err != nil {
		return fmt.Errorf("stream: note the position of %s: %w", r.Name, err)
	}
	return nil
}

// slowest returns the lowest stored position among the readers of a log, and the names of those who have one.
func slowest(ctx context.Context, idb bun.IDB, l *Log) (lowest uint64, known map[string]bool, err error) {
	rows, err := idb.QueryContext(ctx, "SELECT reader, position FROM cursors WHERE log = ?", l.table)
	if err != nil {
		return 0, nil, fmt.Errorf("stream: read the cursors of %s: %w", l, err)
	}
	defer rows.Close()
	lowest, known = ^uint64(0), map[string]bool{}
	for rows.Next() {
		var name string
		var position uint64
		if err := rows.Scan(&name, &position); err != nil {
			return 0, nil, fmt.Errorf("stream: read the cursors of %s: %w", l, err)
		}
		lowest, known[name] = min(lowest, position), true
	}
	if err := rows.Err(); err != nil {
		return 0, nil, fmt.Errorf("stream: read the cursors of %s: %w", l, err)
	}
	return lowest, known, nil
}
