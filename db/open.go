// Package db keeps the rows of record (definitions, identities, runs) and the two logs in one SQLite file,
// DIR/tagma.db, reached through bun, so that one query text serves a second database as well.
//
// There is one handle that writes and a pool that only reads. A write transaction has the file for itself
// from its first statement on; readers see what was committed before they began, and never wait for it.
// What belongs to a noun is queried in that noun's package; here are only the small tables that have none.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// FileName is the database's name inside the data directory.
const FileName = "tagma.db"

// DB is an open database. Its methods may be called concurrently.
type DB struct {
	dir    string
	write  *bun.DB // one connection, every transaction takes the write lock when it begins
	read   *bun.DB
	writes atomic.Uint64 // committed
	// prepared are the questions that are asked over and over, by their texts; closing the connections ends them.
	prepared sync.Map
	often    often // the same, of transactions that write
	numbers  numbers
}

// Open opens the database of a data directory, makes it where there is none, and brings an older schema up
// to date. The directory must exist, and the caller must hold its lock (LockDir) until after Close.
//
// A schema newer than this program is a Conflict.
func Open(ctx context.Context, dir string) (*DB, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("db: open %s: %w", dir, err)
	}
	path := filepath.Join(dir, FileName)
	// Full: a commit that returned survives a power cut. In WAL mode that is one fsync a commit.
	write, err := connect(path, url.Values{
		"mode":    {"rwc"},
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			"cache_size(-32768)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)"},
	}, 1)
	if err != nil {
		return nil, fmt.Errorf("db: open %s: %w", path, err)
	}
	read, err := connect(path, readOptions(), max(4, runtime.NumCPU()))
	if err != nil {
		return nil, fmt.Errorf("db: open %s: %w", path, errors.Join(err, write.Close()))
	}
	d := &DB{dir: dir, write: write, read: read}
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(d.explain(ctx, fmt.Errorf("db: open %s: %w", path, err)), read.Close(), write.Close())
	}
	return d, nil
}

// readOptions are those of a connection that only reads.
func readOptions() url.Values {
	return url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)", "cache_size(-8192)"}}
}

func connect(path string, options url.Values, connections int) (*bun.DB, error) {
	// The path is escaped because SQLite reads it as a URI: a directory may be called "a?b".
	dsn := "file://" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return bun.NewDB(pool, sqlitedialect.New()), nil
}

// Dir is the data directory, absolute.
func (d *DB) Dir() string { return d.dir }

// Read returns the handle for reading. Each statement sees what is committed when it begins; for several
// statements of one moment, use its RunInTx. Writing through it fails.
func (d *DB) Read() bun.IDB { return d.read }

// inTx marks the context inside a transaction of a DB.
type inTx struct{}

// writing is a transaction that goes on.
type writing struct {
	db     *DB
	tx     *sql.Tx
	after  []func() // to be done when it has committed
	doubt  []func() // to be done when nobody knows whether it has
	wanted []string // statements that it would have liked to be prepared
}

// AfterCommit has f called when the write transaction of ctx has committed, before DB.Tx returns; not when it was rolled
// back, nor when it is not known whether it committed. f must be quick. Outside of DB.Tx it does nothing.
func AfterCommit(ctx context.Context, f func()) {
	if w, ok := ctx.Value(inTx{}).(*writing); ok {
		w.after = append(w.after, f)
	}
}

// InDoubt has f called when committing the write transaction of ctx fails, before DB.Tx returns: it may have happened all
// the same, so what is remembered of it must be asked for again. Outside of DB.Tx it does nothing.
func InDoubt(ctx context.Context, f func()) {
	if w, ok := ctx.Value(inTx{}).(*writing); ok {
		w.doubt = append(w.doubt, f)
	}
}

// Tx runs do in a write transaction and commits it. When do fails or panics, or ctx ends, nothing of it
// stays. Write transactions run one after another, so do must be short, and must not call Tx again: that is
// an error rather than a deadlock.
//
// When the disk is full the error is Busy and says what to do.
func (d *DB) Tx(ctx context.Context, do func(ctx context.Context, tx bun.Tx) error) error {
	if w, ok := ctx.Value(inTx{}).(*writing); ok && w.db == d {
		return errors.New("db: a write transaction was begun inside another")
	}
	d.often.prepare(ctx, d.write.DB)
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return d.explain(ctx, fmt.Errorf("db: begin: %w", err))
	}
	finished := false
	defer func() {
		if !finished {
			// It can only fail when the transaction is over already, or with the connection, which takes it along.
			_ = tx.Rollback()
		}
	}()
	w := &writing{db: d, tx: tx.Tx}
	if err := do(context.WithValue(ctx, inTx{}, w), tx); err != nil {
		return d.explain(ctx, err)
	}
	finished = true
	if err := tx.Commit(); err != nil {
		for _, f := range w.doubt {
			f()
		}
		return d.explain(ctx, fmt.Errorf("db: commit: %w", err))
	}
	d.writes.Add(1)
	d.often.want(w.wanted)
	for _, f := range w.after {
		f()
	}
	return nil
}

// Writes counts the write transactions that were committed since the database was opened. As nobody else writes, what
// was read after asking for the number is as it was read while the number stays the same.
func (d *DB) Writes() uint64 { return d.writes.Load() }

// Exec runs a statement with bound arguments. bun writes arguments into the query's text instead: blobs
// double in size and meet the limit on the text's length, bytes that are not UTF-8 are replaced, and NUL is
// refused. So blobs, and texts that come from outside, go through here. For a statement that is run many
// times, tx.PrepareContext binds its arguments too.
func Exec(ctx context.Context, tx bun.Tx, query string, args ...any) (sql.Result, error) {
	return tx.Tx.ExecContext(ctx, query, args...)
}

// Close moves the write-ahead log into the database file and closes both handles.
func (d *DB) Close() error {
	// Readers go first: an open one would keep the log from being emptied.
	errRead := d.read.Close()
	_, err := d.write.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	if err = errors.Join(errRead, err, d.write.Close()); err != nil {
		return d.explain(context.Background(), fmt.Errorf("db: close %s: %w", filepath.Join(d.dir, FileName), err))
	}
	return nil
}
