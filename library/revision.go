package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/db"
)

// Revision counts the edits of the library, as Set.Revision of a library that is loaded now. It is one look-up.
func Revision(ctx context.Context, idb bun.IDB) (n uint64, err error) {
	err = idb.QueryRowContext(ctx, "SELECT next FROM counters WHERE name = ?", revisionCounter).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("library: read the revision: %w", err)
	}
	return n, nil
}

// RevisionOften is Revision from memory, for who asks again and again: what is committed.
func RevisionOften(ctx context.Context, d *db.DB) (n uint64, err error) {
	if n, err = d.Number(ctx, revisionCounter); err != nil {
		return 0, fmt.Errorf("library: read the revision: %w", err)
	}
	return n, nil
}
