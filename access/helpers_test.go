package access

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"
	_ "modernc.org/sqlite"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// cheap makes tests fast; what they test does not depend on the work.
var cheap = Cost{KiB: 64, Passes: 1, Threads: 1}

// begin is when tests begin: 2026-06-30T00:00:00Z.
const begin event.Time = 1782777600000

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at event.Time
}

func (c *clock) now() event.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d event.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at += d
}

// fixture is an access over a database of its own.
type fixture struct {
	*Access
	t     testing.TB
	dir   string
	d     *db.DB
	clock *clock
	admin Actor
}

func open(t testing.TB) *fixture {
	f := &fixture{t: t, dir: t.TempDir(), clock: &clock{at: begin}, admin: System("test")}
	f.reopen(cheap)
	t.Cleanup(func() { _ = f.d.Close() })
	return f
}

// reopen is what a restart of the program does.
func (f *fixture) reopen(cost Cost) {
	f.t.Helper()
	if f.d != nil {
		if err := f.d.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
	d, err := db.Open(context.Background(), f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	f.d, f.Access = d, New(d, f.clock.now, Options{Cost: cost})
}

const password = "乌云背后 is the sun"

var home = Origin{IP: "192.0.2.7", UserAgent: "test/1"}

// user makes a user who has changed the first password to password already, and signs in.
func (f *fixture) user(name string, role Role) SignedIn {
	f.t.Helper()
	_, first, err := f.AddUser(f.t.Context(), f.admin, NewUser{Name: name, Role: role})
	if err != nil {
		f.t.Fatal(err)
	}
	in, err := f.SignIn(f.t.Context(), name, first, home)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.ChangePassword(f.t.Context(), in.Actor, first, password); err != nil {
		f.t.Fatal(err)
	}
	if in.Actor, err = f.BySession(f.t.Context(), in.Session, home); err != nil {
		f.t.Fatal(err)
	}
	return in
}

// signIn signs in with the right password.
func (f *fixture) signIn(name string) SignedIn {
	f.t.Helper()
	in, err := f.SignIn(f.t.Context(), name, password, home)
	if err != nil {
		f.t.Fatal(err)
	}
	return in
}

// tx runs a write transaction.
func (f *fixture) tx(do func(ctx context.Context, tx bun.Tx) error) error {
	return f.d.Tx(f.t.Context(), do)
}

// raw changes the file behind the program's back.
func (f *fixture) raw(query string, args ...any) {
	f.t.Helper()
	handle, err := sql.Open("sqlite", filepath.Join(f.dir, db.FileName))
	if err != nil {
		f.t.Fatal(err)
	}
	defer handle.Close()
	if _, err := handle.ExecContext(f.t.Context(), query, args...); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
}

// count is a number from the database.
func (f *fixture) count(query string) (n int) {
	f.t.Helper()
	if err := f.d.Read().QueryRowContext(f.t.Context(), query).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// wantError holds an error against a kind and words in it.
func wantError(t testing.TB, err error, kind errs.Kind, words ...string) {
	t.Helper()
	if err == nil || errs.KindOf(err) != kind {
		t.Fatalf("the error is %v, of kind %d, want kind %d", err, errs.KindOf(err), kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not say %q", err, w)
		}
	}
}

// lastActions are the last actions in the audit, the latest first.
func (f *fixture) lastActions(n int) string {
	f.t.Helper()
	rows, err := f.ListAudit(f.t.Context(), AuditFilter{}, 0, n)
	if err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		text := string(r.ActorKind) + ":" + r.Actor + " " + r.Action + " " + r.Object
		if r.Outcome != Done {
			text += " " + string(r.Outcome)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func ptr[T any](v T) *T { return &v }
