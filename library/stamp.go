package library

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
)

// Stamps tell when a definition was made and changed last, and by whom that was.
type Stamps struct {
	Created, Updated event.Time
	Actor            string
}

// Stamp returns the stamps of a definition, active or retired. It is NotFound when there is none.
func Stamp(ctx context.Context, idb bun.IDB, of Ref) (s Stamps, err error) {
	row := idb.QueryRowContext(ctx, `SELECT d.created_ms, d.updated_ms, v.actor FROM definitions AS d JOIN definition_versions AS v
		ON v.definition = d.id AND v.version = d.version WHERE d.kind = ? AND d.key = ?`, string(of.Kind), of.Key)
	switch err := row.Scan(&s.Created, &s.Updated, &s.Actor); {
	case errors.Is(err, sql.ErrNoRows):
		return s, errs.New(errs.NotFound, "there is no %s", of)
	case err != nil:
		return s, fmt.Errorf("library: when %s was changed: %w", of, err)
	}
	return s, nil
}
