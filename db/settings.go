package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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
	var next uint64
	err = tx.QueryRowContext(ctx, "INSERT INTO counters (name, next) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET next = counters.next + excluded.next RETURNING next", name, n).Scan(&next)
	if err != nil {
		return 0, fmt.Errorf("db: take %d numbers of %s: %w", n, name, err)
	}
	return next - n, nil
}
