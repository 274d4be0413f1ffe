package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/uptrace/bun"
)

// Setting returns a setting of the workspace (its time zone, its clock, …), false when it was never set.
func Setting(ctx context.Context, idb bun.IDB, key string) (value string, ok bool, err error) {
	err = idb.QueryRowContext(ctx, "SELECT value FROM workspace WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("db: read setting %s: %w", key, err)
	}
	return value, true, nil
}

// SetSetting sets a setting of the workspace.
func SetSetting(ctx context.Context, tx bun.Tx, key, value string) error {
	_, err := Exec(ctx, tx, "INSERT INTO workspace (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
	if err != nil {
		return fmt.Errorf("db: set setting %s: %w", key, err)
	}
	return nil
}

// NextNumber takes n numbers of a sequence: first … first+n-1. Each sequence begins at 0 and has no gaps,
// because a transaction that is rolled back gives its numbers back. With n = 0 it only tells the next one.
func NextNumber(ctx context.Context, tx bun.Tx, name string, n uint64) (first uint64, err error) {
	if n == 0 { // a question, which writes no page
		err = TxQueryRow(ctx, tx, "SELECT next FROM counters WHERE name = ?", []any{name}, &first)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, fmt.Errorf("db: tell the next number of %s: %w", name, err)
		}
		return first, nil
	}
	var next uint64
	err = tx.QueryRowContext(ctx, "INSERT INTO counters (name, next) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET next = counters.next + excluded.next RETURNING next", name, n).Scan(&next)
	if err != nil {
		return 0, fmt.Errorf("db: take %d numbers of %s: %w", n, name, err)
	}
	if w, ok := ctx.Value(inTx{}).(*writing); ok {
		turn := w.db.numbers.turn()
		AfterCommit(ctx, func() { w.db.numbers.raise(name, next, turn) })
		InDoubt(ctx, w.db.numbers.forget)
	}
	return next - n, nil
}

// Number is the next number of a sequence, as it is committed. It reads memory only, but for the first time.
func (d *DB) Number(ctx context.Context, name string) (next uint64, err error) {
	if next, ok := d.numbers.get(name); ok {
		return next, nil
	}
	turn := d.numbers.turn()
	err = d.read.QueryRowContext(ctx, "SELECT next FROM counters WHERE name = ?", name).Scan(&next)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("db: tell the next number of %s: %w", name, err)
	}
	return d.numbers.found(name, next, turn), nil
}

// numbers remembers what sequences are at. They only rise, so what is noted in another order than it was committed in does
// no harm.
type numbers struct {
	mu    sync.Mutex
	next  map[string]uint64
	turns int // how often all was forgotten
}

func (n *numbers) get(name string) (uint64, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next, ok := n.next[name]
	return next, ok
}

func (n *numbers) turn() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.turns
}

// raise notes what was committed, unless all was forgotten since a turn.
func (n *numbers) raise(name string, next uint64, turn int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.turns != turn {
		return
	}
	if n.next == nil {
		n.next = map[string]uint64{}
	}
	n.next[name] = max(n.next[name], next)
}

// found notes what was read since a turn, and returns what is known then.
func (n *numbers) found(name string, next uint64, turn int) uint64 {
	n.raise(name, next, turn)
	if known, ok := n.get(name); ok {
		return max(next, known)
	}
	return next
}

func (n *numbers) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = nil
	n.turns++
}
