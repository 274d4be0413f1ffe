package db

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"tagma/errs"
)

//go:embed migrations/sqlite/*.sql
var migrations embed.FS

// versionTable is where goose notes which migrations ran.
const versionTable = "schema_version"

// migrate brings the schema to the newest version that this program knows. Each migration is a transaction
// of its own, so an interrupted one starts over at the next opening.
func (d *DB) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	known, err := newest(files)
	if err != nil {
		return err
	}
	found, err := d.schema(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read the schema's version: %w", err)
	case found > known:
		return errs.New(errs.Conflict, "this data directory was written by a newer version of Tagma (schema %d, this program knows %d): upgrade the program", found, known)
	case found == known:
		return nil // the usual case, and faster than asking goose
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, d.write.DB, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema from version %d to %d: %w", found, known, err)
	}
	return nil
}

// schema returns the version of the schema in the file, 0 for an empty file.
func (d *DB) schema(ctx context.Context) (version int64, err error) {
	var tables int
	row := d.write.DB.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '"+versionTable+"'")
	if err := row.Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	row = d.write.DB.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable)
	err = row.Scan(&version)
	return version, err
}

// newest returns the highest number that a migration's file name begins with.
func newest(files fs.FS) (version int64, err error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: its name does not begin with a number: %w", name, err)
		}
		version = max(version, n)
	}
	return version, nil
}
