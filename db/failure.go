package db

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tagma/errs"
)

// explain turns what the database reports about the machine into an error that says what to do. Other
// errors pass unchanged.
func (d *DB) explain(ctx context.Context, err error) error {
	var cause *sqlite.Error
	if !errors.As(err, &cause) {
		return err
	}
	code := cause.Code() & 0xff // the low byte is the primary code
	if cause.Code() == sqlite3.SQLITE_IOERR_SHMSIZE {
		code = sqlite3.SQLITE_FULL // there is no room for the index of the log
	}
	switch code {
	case sqlite3.SQLITE_FULL:
		// Busy and not Conflict: a client that sends events must keep them and come again.
		return errs.New(errs.Busy, "the disk is full: free space in %s and run the command again; nothing acknowledged was lost (%w)", d.dir, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return errs.New(errs.Busy, "%s is in use by another program: end that program and run the command again (%w)", filepath.Join(d.dir, FileName), err)
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return errs.New(errs.Conflict, "%s is damaged, or not a database of Tagma: restore it from a backup (%w)", filepath.Join(d.dir, FileName), err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return errs.New(errs.Conflict, "%s cannot be written: look at who owns %s and what they may do there (%w)", FileName, d.dir, err)
	case sqlite3.SQLITE_INTERRUPT:
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
	return err
}
