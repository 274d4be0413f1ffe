package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/uptrace/bun"
)

// A copy is the database of the moment it was begun at, whatever is committed meanwhile.
func TestACopyIsOfOneMoment(t *testing.T) {
	d := open(t, t.TempDir())
	for i := range 300 { // several steps of copying
		set(t, d, fmt.Sprintf("key %d", i), strings.Repeat("x", 40_000))
	}
	set(t, d, "now", "before")
	m, err := d.Moment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	set(t, d, "now", "after")
	steps := 0
	// Named as a URI would not take it.
	to := filepath.Join(t.TempDir(), "备份 a?b#c", FileName)
	if err := os.Mkdir(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	err = m.Copy(t.Context(), to, func(done, all int64) {
		steps++
		set(t, d, fmt.Sprintf("written in step %d", steps), strings.Repeat("y", 40_000))
		if done > all || all != m.Bytes() {
			t.Errorf("step %d: %d of %d bytes, the database has %d", steps, done, all, m.Bytes())
		}
	})
	if err != nil || steps < 3 {
		t.Fatalf("%d steps, %v", steps, err)
	}
	copied := open(t, filepath.Dir(to))
	if value, _ := get(t, copied, "now"); value != "before" {
		t.Errorf("the copy says %q", value)
	}
	if _, ok := get(t, copied, "written in step 1"); ok {
		t.Error("what was written meanwhile is in the copy")
	}
	var count int
	if err := copied.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM workspace").Scan(&count); err != nil || count != 301 {
		t.Errorf("%d settings, %v", count, err)
	}
	var sound string
	if err := copied.Read().QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		t.Errorf("%s, %v", sound, err)
	}
	if known, err := NewestSchema(); err != nil || m.Schema() != known {
		t.Errorf("schema %d, known %d, %v", m.Schema(), known, err)
	}
	set(t, copied, "now", "it can be written")
}

// A moment waits for nobody: neither for a transaction that goes on, nor for all the readers there are.
func TestAMomentWaitsForNobody(t *testing.T) {
	d := open(t, t.TempDir())
	set(t, d, "a", "1")
	var held []bun.Conn
	for range d.read.Stats().MaxOpenConnections {
		c, err := d.read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		if err := SetSetting(ctx, tx, "a", "2"); err != nil {
			return err
		}
		m, err := d.Moment(ctx)
		if err != nil {
			return err
		}
		defer m.Close()
		value, _, err := Setting(ctx, m.Read(), "a")
		if value != "1" {
			t.Errorf("it says %q", value)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for _, c := range held {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestACopyThatIsGivenUp(t *testing.T) {
	d := open(t, t.TempDir())
	set(t, d, "a", strings.Repeat("x", 20<<20))
	m, err := d.Moment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	err = m.Copy(ctx, filepath.Join(t.TempDir(), FileName), func(int64, int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
