// Package peers puts the benchmark's world and rules to other engines: generated SQL, one statement a rule, over two
// tables of customers and events. Their answers have to be those of the product.
package peers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"tagma/bench/gen"
	"tagma/event"
)

// Engine is an opened engine with its own copy of the world.
type Engine struct {
	Dialect *Dialect
	Version string
	db      *sql.DB
	insert  func(ctx context.Context, t table, rows iter.Seq[[]any]) error
	// size is the bytes that its data takes; end is what is to be done when it is closed.
	size func(ctx context.Context) (int64, error)
	end  func() error
}

// ErrAbsent is why an engine cannot be used here: it is not installed, not built in, or no address is given.
var ErrAbsent = errors.New("not here")

// Names are the engines, in the order in which they take their turns.
func Names() []string { return []string{"duckdb", "clickhouse", "postgres", "sqlite"} }

// Most is the largest number of rules that an engine is asked in one round: as far as it can go in reasonable time. It
// is 0 where a world is too large for it.
func Most(name string, w gen.Size) int {
	switch name {
	case "duckdb", "clickhouse":
		return 100
	}
	if w.Events > 5_000_000 {
		return 0
	}
	return 10
}

// Open opens an engine by its name with its data in a directory.
func Open(ctx context.Context, name, dir string) (*Engine, error) {
	var e *Engine
	var err error
	switch name {
	case "duckdb":
		e, err = openDuckDB(dir)
	case "clickhouse":
		e, err = openClickHouse(ctx)
	case "postgres":
		e, err = openPostgres(ctx, dir)
	case "sqlite":
		e, err = openSQLite(dir)
	default:
		err = fmt.Errorf("no engine is called %q", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	query := "SELECT version()"
	if name == "sqlite" {
		query = "SELECT sqlite_version()"
	}
	if err := e.db.QueryRowContext(ctx, query).Scan(&e.Version); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: version: %w", name, err), e.Close())
	}
	return e, nil
}

// Load makes the tables of a world, in the place of those there were, and what makes them fast to read.
func (e *Engine) Load(ctx context.Context, w *gen.World) error {
	for _, t := range tables() {
		if _, err := e.db.ExecContext(ctx, "DROP TABLE IF EXISTS "+t.name); err != nil {
			return fmt.Errorf("%s: drop %s: %w", e.Dialect.Name, t.name, err)
		}
		if _, err := e.db.ExecContext(ctx, t.create(e.Dialect)); err != nil {
			return fmt.Errorf("%s: make %s: %w", e.Dialect.Name, t.name, err)
		}
		if err := e.insert(ctx, t, t.rows(w)); err != nil {
			return fmt.Errorf("%s: fill %s: %w", e.Dialect.Name, t.name, err)
		}
	}
	for _, s := range e.Dialect.after {
		if _, err := e.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %s: %w", e.Dialect.Name, s, err)
		}
	}
	return nil
}

// Ask runs a statement that Writer wrote.
func (e *Engine) Ask(ctx context.Context, statement string) (count, fold int64, err error) {
	err = e.db.QueryRowContext(ctx, statement).Scan(&count, &fold)
	return
}

// Bytes are those of its tables and indexes.
func (e *Engine) Bytes(ctx context.Context) (int64, error) { return e.size(ctx) }

// Close ends the connection, and the server if it was started for it.
func (e *Engine) Close() error {
	err := e.db.Close()
	if e.end != nil {
		err = errors.Join(err, e.end())
	}
	return err
}

// Remove deletes what an engine has stored for a directory. A server that was not started here keeps its data.
func Remove(name, dir string) error {
	switch name {
	case "duckdb":
		return errors.Join(os.RemoveAll(filepath.Join(dir, "peer.duckdb")), os.RemoveAll(filepath.Join(dir, "peer.duckdb.wal")))
	case "sqlite":
		return os.RemoveAll(filepath.Join(dir, "peer.sqlite"))
	case "postgres":
		return removePostgres(postgresDir(dir))
	}
	return nil
}

// midnight is a date for drivers that want a time.
func midnight(d event.Date) time.Time { return time.Unix(int64(d)*86_400, 0).UTC() }
