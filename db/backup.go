package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"

	"github.com/uptrace/bun"
	"modernc.org/sqlite"
)

// Moment is the database as it was at one moment, while others go on writing to it. What is committed later is not in
// it. While one is held the write-ahead log cannot be emptied, so hold it no longer than a copy takes.
type Moment struct {
	db     *DB
	pool   *bun.DB // of this connection alone, so that it never waits for those who read
	conn   bun.Conn
	schema int64
	bytes  int64
}

// Moment holds the database as it is now. It does not wait for a write transaction that goes on: that one is not in it.
// Close it.
func (d *DB) Moment(ctx context.Context) (*Moment, error) {
	m := &Moment{db: d}
	if err := m.begin(ctx); err != nil {
		return nil, errors.Join(d.explain(ctx, fmt.Errorf("db: hold %s at one moment: %w", filepath.Join(d.dir, FileName), err)), m.Close())
	}
	return m, nil
}

func (m *Moment) begin(ctx context.Context) (err error) {
	if m.pool, err = connect(filepath.Join(m.db.dir, FileName), readOptions(), 1); err != nil {
		return err
	}
	if m.conn, err = m.pool.Conn(ctx); err != nil {
		return err
	}
	if _, err := m.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	// The first reading is what holds the moment.
	if err := m.conn.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable).Scan(&m.schema); err != nil {
		return err
	}
	return m.conn.QueryRowContext(ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&m.bytes)
}

// Read returns the handle for reading at the moment. It serves one goroutine.
func (m *Moment) Read() bun.IDB { return m.conn }

// Schema is the version of the schema.
func (m *Moment) Schema() int64 { return m.schema }

// Bytes is the size of the database.
func (m *Moment) Bytes() int64 { return m.bytes }

// copyPages is the number of pages copied at a time.
const copyPages = 1024

// Copy writes the database into a new file, which can be opened as a database. It does not wait for the disk. Progress
// may be nil; it hears of bytes. When the disk is full the error is Busy.
func (m *Moment) Copy(ctx context.Context, path string, progress func(done, all int64)) error {
	path, err := filepath.Abs(path)
	if err == nil {
		err = m.conn.Conn.Raw(func(driver any) error { return m.copy(ctx, driver, path, progress) })
	}
	if err != nil {
		return m.db.explain(ctx, fmt.Errorf("db: copy the database to %s: %w", path, err))
	}
	return nil
}

func (m *Moment) copy(ctx context.Context, driver any, path string, progress func(done, all int64)) (err error) {
	source, ok := driver.(interface {
		NewBackup(to string) (*sqlite.Backup, error)
	})
	if !ok {
		return fmt.Errorf("the driver %T cannot copy", driver)
	}
	// Nothing is lost with the copy, so it needs neither a journal nor the disk's word.
	b, err := source.NewBackup("file://" + (&url.URL{Path: path}).EscapedPath() + "?" + url.Values{"_pragma": {"journal_mode(OFF)", "synchronous(OFF)"}}.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Finish()) }()
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = b.Step(copyPages); err != nil {
			return err
		}
		if all := b.PageCount(); progress != nil && all > 0 {
			progress(m.bytes/int64(all)*int64(all-b.Remaining()), m.bytes)
		}
	}
	return nil
}

// Close lets the moment go.
func (m *Moment) Close() error {
	var all []error
	if m.conn.Conn != nil {
		all = append(all, m.conn.Close())
	}
	if m.pool != nil {
		all = append(all, m.pool.Close())
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("db: let a moment go: %w", err)
	}
	return nil
}

// NewestSchema is the version of the schema that this program writes, and the newest that it can read.
func NewestSchema() (int64, error) {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return 0, err
	}
	return newest(files)
}
