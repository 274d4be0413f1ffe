package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/errs"
)

func open(t testing.TB, dir string) *DB {
	t.Helper()
	d, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func set(t testing.TB, d *DB, key, value string) {
	t.Helper()
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error { return SetSetting(ctx, tx, key, value) })
	if err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, d *DB, key string) (string, bool) {
	t.Helper()
	value, ok, err := Setting(t.Context(), d.Read(), key)
	if err != nil {
		t.Fatal(err)
	}
	return value, ok
}

func TestWhatWasCommittedIsThereAfterReopening(t *testing.T) {
	// SQLite reads the path as a URI, so the odd characters matter.
	dir := filepath.Join(t.TempDir(), "客户 a?b#c%20&mode=memory")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	set(t, d, "timezone", "UTC")
	set(t, d, "timezone", "Asia/Shanghai")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName+"-wal")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the write-ahead log is still there after Close: %v", err)
	}
	d = open(t, dir)
	if value, ok := get(t, d, "timezone"); !ok || value != "Asia/Shanghai" {
		t.Errorf("timezone = %q, %v", value, ok)
	}
	if _, ok := get(t, d, "clock"); ok {
		t.Error("a setting never set is there")
	}
}

func TestTheHandlesAreSetUpAsTheDesignNeeds(t *testing.T) {
	d := open(t, t.TempDir())
	for _, c := range []struct {
		on           *bun.DB
		pragma, want string
	}{
		{d.write, "journal_mode", "wal"}, {d.write, "synchronous", "2"}, {d.write, "foreign_keys", "1"}, {d.write, "busy_timeout", "10000"},
		{d.read, "query_only", "1"}, {d.read, "busy_timeout", "10000"},
	} {
		var got string
		if err := c.on.QueryRowContext(t.Context(), "PRAGMA "+c.pragma).Scan(&got); err != nil || got != c.want {
			t.Errorf("PRAGMA %s = %q, %v; want %q", c.pragma, got, err, c.want)
		}
	}
	if _, err := d.Read().ExecContext(t.Context(), "INSERT INTO workspace (key, value) VALUES ('a', 'b')"); err == nil {
		t.Error("the reading handle wrote")
	}
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO definition_versions (definition, version, body, at_ms, actor) VALUES (1, 1, '{}', 0, '')")
		return err
	})
	if err == nil {
		t.Error("a version of a definition that does not exist was taken")
	}
}

func TestAFailedTransactionLeavesNothing(t *testing.T) {
	d := open(t, t.TempDir())
	failure := errors.New("no")
	ctx, cancel := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		ctx context.Context
		end func() error
	}{
		"error":  {t.Context(), func() error { return failure }},
		"panic":  {t.Context(), func() error { panic(failure) }},
		"cancel": {ctx, func() error { cancel(); return nil }},
	} {
		var err error
		func() {
			defer func() {
				if r := recover(); r != nil {
					err = r.(error)
				}
			}()
			err = d.Tx(c.ctx, func(ctx context.Context, tx bun.Tx) error {
				if err := SetSetting(ctx, tx, name, "x"); err != nil {
					t.Fatal(err)
				}
				return c.end()
			})
		}()
		if !errors.Is(err, failure) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if _, ok := get(t, d, name); ok {
			t.Errorf("%s: the row stayed", name)
		}
		set(t, d, name+" after", "x") // the handle must still work
	}
}

func TestATransactionInsideATransactionIsAnError(t *testing.T) {
	d, other := open(t, t.TempDir()), open(t, t.TempDir())
	err := d.Tx(t.Context(), func(ctx context.Context, _ bun.Tx) error {
		if err := other.Tx(ctx, func(context.Context, bun.Tx) error { return nil }); err != nil {
			t.Errorf("another database: %v", err)
		}
		return d.Tx(ctx, func(context.Context, bun.Tx) error { return nil })
	})
	if err == nil || !strings.Contains(err.Error(), "inside another") {
		t.Errorf("the error is %v", err)
	}
}

func TestReadersDoNotWaitForAWriter(t *testing.T) {
	d := open(t, t.TempDir())
	set(t, d, "a", "1")
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		if err := SetSetting(ctx, tx, "a", "2"); err != nil {
			return err
		}
		if value, _ := get(t, d, "a"); value != "1" {
			t.Errorf("a reader sees %q before the commit", value)
		}
		if value, _, err := Setting(ctx, tx, "a"); err != nil || value != "2" {
			t.Errorf("the writer sees %q, %v", value, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if value, _ := get(t, d, "a"); value != "2" {
		t.Errorf("a reader sees %q after the commit", value)
	}
}

func TestNumbersAreDenseAndGivenOnce(t *testing.T) {
	d := open(t, t.TempDir())
	take := func(name string, n uint64, end error) (first uint64) {
		err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) (err error) {
			if first, err = NextNumber(ctx, tx, name, n); err != nil {
				t.Fatal(err)
			}
			return end
		})
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
		return first
	}
	undone := errors.New("undone")
	for i, c := range []struct {
		name string
		n    uint64
		end  error
		want uint64
	}{
		{"profile", 0, nil, 0}, {"profile", 3, nil, 0}, {"profile", 5, undone, 3}, {"profile", 1, nil, 3},
		{"run", 1, nil, 0}, {"profile", 1 << 40, nil, 4}, {"profile", 0, nil, 4 + 1<<40},
	} {
		if got := take(c.name, c.n, c.end); got != c.want {
			t.Errorf("%d: %d of %s begin at %d, want %d", i, c.n, c.name, got, c.want)
		}
	}
}

func TestExecTakesBytesAsTheyAre(t *testing.T) {
	d := open(t, t.TempDir())
	payload := bytes.Repeat([]byte{0, '\'', '?', 0xff}, 500_000) // 2 MB; as text it would be 4
	text := "a\x00b\xff'?"
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, err := Exec(ctx, tx, "INSERT INTO event_log (first, count, at_ms, kind, live, payload) VALUES (?, ?, ?, ?, ?, ?)", 0, 1, 0, 1, true, payload)
		if err != nil {
			return err
		}
		return SetSetting(ctx, tx, "text", text)
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	var live bool
	if err := d.Read().QueryRowContext(t.Context(), "SELECT payload, live FROM event_log").Scan(&got, &live); err != nil || !bytes.Equal(got, payload) || !live {
		t.Errorf("%d bytes came back, live %v, %v", len(got), live, err)
	}
	if value, _ := get(t, d, "text"); value != text {
		t.Errorf("%q came back", value)
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	_, err := d.write.ExecContext(t.Context(), "INSERT INTO "+versionTable+" (version_id, is_applied) VALUES (9999, 1)")
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), dir)
	files, wrong := filepath.Glob("migrations/sqlite/*.sql")
	if wrong != nil {
		t.Fatal(wrong)
	}
	want := fmt.Sprintf("this data directory was written by a newer version of Tagma (schema 9999, this program knows %d): upgrade the program", len(files))
	if !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v", err)
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), bytes.Repeat([]byte("no database "), 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), dir)
	if !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "not a database of Tagma") {
		t.Errorf("the error is %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(dir, "missing")); !errs.Is(err, errs.Conflict) {
		t.Errorf("a missing directory: the error is %v", err)
	}
}

func TestAFullDiskSaysWhatToDo(t *testing.T) {
	d := open(t, t.TempDir())
	set(t, d, "kept", "1")
	// SQLite answers a full disk and a full file alike.
	if _, err := d.write.ExecContext(t.Context(), "PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		if err := SetSetting(ctx, tx, "lost", "1"); err != nil {
			return err
		}
		return SetSetting(ctx, tx, "big", strings.Repeat("x", 1<<20))
	})
	if !errs.Is(err, errs.Busy) || !strings.Contains(err.Error(), "the disk is full: free space in "+d.Dir()) {
		t.Errorf("the error is %v", err)
	}
	if _, err := d.write.ExecContext(t.Context(), "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if _, ok := get(t, d, "lost"); ok {
		t.Error("half of the transaction stayed")
	}
	set(t, d, "after", "1")
	if value, _ := get(t, d, "kept"); value != "1" {
		t.Error("what was committed is gone")
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	if err := open(b, dir).Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d, err := Open(b.Context(), dir)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := Setting(b.Context(), d.Read(), "timezone"); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func TestWhatIsRunOftenIsPreparedAndMeansTheSame(t *testing.T) {
	d := open(t, t.TempDir())
	const put, ask = "INSERT INTO workspace (key, value) VALUES (?, ?)", "SELECT value FROM workspace WHERE key = ?"
	failed := errors.New("failed")
	for i := range 4 {
		key, value := fmt.Sprint(i), "a\x00b ?"
		err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			if _, err := ExecOften(ctx, tx, put, key, value); err != nil {
				return err
			}
			var got string
			if err := TxQueryRow(ctx, tx, ask, []any{key}, &got); err != nil || got != value {
				t.Errorf("transaction %d reads %q, %v", i, got, err)
			}
			if err := TxQueryRow(ctx, tx, ask, []any{"nobody"}, &got); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("what is not there: %v", err)
			}
			if i == 2 {
				return failed
			}
			return nil
		})
		if (i == 2) != errors.Is(err, failed) {
			t.Fatal(err)
		}
		if _, ok := get(t, d, key); ok != (i != 2) {
			t.Errorf("of transaction %d is stored: %v", i, ok)
		}
		if i > 0 && (d.often.get(put) == nil || d.often.get(ask) == nil) {
			t.Errorf("in transaction %d nothing is prepared", i)
		}
	}
	// Outside of DB.Tx the same question is asked as it stands.
	err := d.read.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		var got string
		return TxQueryRow(ctx, tx, ask, []any{"3"}, &got)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestANumberIsToldAsItIsCommitted(t *testing.T) {
	d := open(t, t.TempDir())
	told := func(want uint64) {
		t.Helper()
		if n, err := d.Number(t.Context(), "things"); err != nil || n != want {
			t.Errorf("the next number is %d, %v, want %d", n, err, want)
		}
	}
	take := func(n uint64, end error) error {
		return d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			if _, err := NextNumber(ctx, tx, "things", n); err != nil {
				return err
			}
			return end
		})
	}
	told(0)
	if err := take(3, nil); err != nil {
		t.Fatal(err)
	}
	told(3)
	if err := take(3, errors.New("not now")); err == nil {
		t.Fatal("it did not fail")
	}
	told(3)
	// A commit that fails leaves it open whether it happened: the table is asked.
	doubts := 0
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		InDoubt(ctx, func() { doubts++ })
		AfterCommit(ctx, func() { t.Error("it has not committed") })
		if _, err := NextNumber(ctx, tx, "things", 5); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "PRAGMA defer_foreign_keys = 1"); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO computed (definition, run, version, closure, events, as_of_ms) VALUES (99, 1, 1, '', 0, 0)")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "db: commit") || doubts != 1 {
		t.Fatalf("%v, %d doubts", err, doubts)
	}
	if _, known := d.numbers.get("things"); known {
		t.Error("the number is still believed")
	}
	told(3)
}
