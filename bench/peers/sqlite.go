package peers

import (
	"context"
	"database/sql"
	"iter"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"tagma/event"
)

func openSQLite(dir string) (*Engine, error) {
	path := filepath.Join(dir, "peer.sqlite")
	// What is loaded can be loaded again: no waiting for the disk, and a cache of 256 MB.
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(off)&_pragma=synchronous(off)&_pragma=cache_size(-262144)&_pragma=mmap_size(8000000000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	e := &Engine{Dialect: SQLite(), db: db}
	e.insert = func(ctx context.Context, t table, rows iter.Seq[[]any]) error { return insertSQLite(ctx, db, t, rows) }
	e.size = func(context.Context) (int64, error) {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	return e, nil
}

func insertSQLite(ctx context.Context, db *sql.DB, t table, rows iter.Seq[[]any]) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing when it is committed
	s, err := tx.PrepareContext(ctx, "INSERT INTO "+t.name+" VALUES (?"+strings.Repeat(", ?", len(t.columns)-1)+")")
	if err != nil {
		return err
	}
	defer s.Close()
	for row := range rows {
		for i, x := range row {
			switch v := x.(type) {
			case event.Date:
				row[i] = v.String()
			case []string:
				row[i] = "|" + strings.Join(v, "|") + "|"
			}
		}
		if _, err := s.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return tx.Commit()
}
