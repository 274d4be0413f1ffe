package access

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tagma/db"
	"tagma/errs"
)

func TestSessionsEnd(t *testing.T) {
	f := open(t)
	in := f.user("li", Viewer)
	is := func(secret string, want bool) {
		t.Helper()
		by, err := f.BySession(t.Context(), secret, home)
		if want && (err != nil || by.Name != "li") {
			t.Fatalf("%+v, %v", by, err)
		}
		if !want {
			wantError(t, err, errs.Unauthorized, "session: this session has ended", "sign in again")
		}
	}
	is(in.Session, true)
	is("", false)
	is(in.Session[1:], false)
	is(strings.ToUpper(in.Session), false)
	is("a\x00\xff", false)

	idle := f.signIn("li").Session
	for range 14 { // 7 days but 14 ms, a request every 12 hours but one
		f.clock.add(idleTime - 1)
		is(in.Session, true)
	}
	is(idle, false)
	if in.Ends != begin+sessionTime || in.Actor.SessionEnds != in.Ends {
		t.Errorf("it ends at %s", in.Ends)
	}
	f.clock.add(begin + sessionTime - f.clock.now() - 1)
	is(in.Session, true)
	f.clock.add(1)
	is(in.Session, false)

	last := f.signIn("li")
	f.clock.add(idleTime)
	is(last.Session, false)
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.count("SELECT COUNT(*) FROM sessions"); n != 0 {
		t.Errorf("%d sessions are kept that have ended", n)
	}
}

func TestUseIsWrittenBySweepOnly(t *testing.T) {
	f := open(t)
	in := f.user("li", Viewer)
	used := func() int { return f.count("SELECT used_ms FROM sessions") }
	f.clock.add(10 * hour)
	if _, err := f.BySession(t.Context(), in.Session, home); err != nil || used() != int(begin) {
		t.Fatalf("%v, %d", err, used())
	}
	if err := f.Sweep(t.Context()); err != nil || used() != int(begin+10*hour) || len(f.sessions.at) != 0 {
		t.Fatalf("%v, %d, %v", err, used(), f.sessions.at)
	}
	f.reopen(cheap)
	f.clock.add(minute - 1)
	if _, err := f.BySession(t.Context(), in.Session, home); err != nil || len(f.sessions.at) != 0 {
		t.Errorf("%v: a second use within a minute is remembered: %v", err, f.sessions.at)
	}
	f.clock.add(1)
	if _, err := f.BySession(t.Context(), in.Session, home); err != nil || len(f.sessions.at) != 1 {
		t.Errorf("%v: a use is not remembered", err)
	}
	f.clock.add(idleTime - 1)
	if _, err := f.BySession(t.Context(), in.Session, home); err != nil {
		t.Errorf("what is remembered does not count: %v", err)
	}
	if err := f.Sweep(t.Context()); err != nil || used() != int(f.clock.now()) {
		t.Errorf("%v, %d", err, used())
	}
}

func TestSweepWithoutAnythingWritesNothing(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	before, err := os.Stat(filepath.Join(f.dir, db.FileName+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(filepath.Join(f.dir, db.FileName+"-wal")); err != nil || after.Size() != before.Size() {
		t.Errorf("the log grew from %d to %d, %v", before.Size(), after.Size(), err)
	}
}

func TestSignOut(t *testing.T) {
	f := open(t)
	in, other := f.user("li", Viewer), f.signIn("li")
	for range 2 {
		if err := f.SignOut(t.Context(), in.Actor); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SignOut(t.Context(), Local()); err != nil {
		t.Error(err)
	}
	if _, err := f.BySession(t.Context(), in.Session, home); err == nil {
		t.Error("the session goes on")
	}
	if _, err := f.BySession(t.Context(), other.Session, home); err != nil {
		t.Errorf("the other session ended too: %v", err)
	}
	if got := f.lastActions(2); got != "user:li session.end li; user:li session.begin li" {
		t.Errorf("the audit says %s", got)
	}
}

func TestOneUserHasSoManySessions(t *testing.T) {
	f := open(t)
	f.user("other", Viewer)
	f.user("li", Viewer)
	var secrets []string
	for range maxSessions + 2 {
		secrets = append(secrets, f.signIn("li").Session)
	}
	for i, s := range secrets {
		if _, err := f.BySession(t.Context(), s, home); (err == nil) != (i >= 2) {
			t.Errorf("session %d: %v", i, err)
		}
	}
	if n := f.count("SELECT COUNT(*) FROM sessions"); n != maxSessions+1 {
		t.Errorf("%d sessions, want %d and one of somebody else", n, maxSessions)
	}
}

func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	f := open(t)
	in, other, somebody := f.user("li", Viewer), f.signIn("li"), f.user("wang", Viewer)
	const next = "another long password"
	if err := f.ChangePassword(t.Context(), in.Actor, password, next); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		secret string
		want   bool
	}{"the own": {in.Session, true}, "the other": {other.Session, false}, "somebody else's": {somebody.Session, true}} {
		if _, err := f.BySession(t.Context(), c.secret, home); (err == nil) != c.want {
			t.Errorf("%s session: %v", name, err)
		}
	}
	_, err := f.SignIn(t.Context(), "li", password, home)
	wantError(t, err, errs.Unauthorized)
	if _, err := f.SignIn(t.Context(), "li", next, home); err != nil {
		t.Error(err)
	}
	wantError(t, f.ChangePassword(t.Context(), Local(), next, password), errs.Forbidden, "local has no password")
	for range nameFailures - 1 {
		wantError(t, f.ChangePassword(t.Context(), in.Actor, "guess", password), errs.Invalid)
	}
	wantError(t, f.ChangePassword(t.Context(), in.Actor, "guess", password), errs.Limited)
}

func TestARoleHoldsAtOnce(t *testing.T) {
	f := open(t)
	f.user("boss", Admin)
	in := f.user("li", Viewer)
	role := func() Role {
		by, err := f.BySession(t.Context(), in.Session, home)
		if err != nil {
			t.Fatal(err)
		}
		return by.Role
	}
	for _, r := range []Role{Admin, Operator} {
		if _, err := f.ChangeUser(t.Context(), f.admin, "li", UserChange{Role: &r}); err != nil || role() != r {
			t.Errorf("%v: the role is %s, want %s", err, role(), r)
		}
	}
	for _, s := range []State{Disabled, Active} {
		if _, err := f.ChangeUser(t.Context(), f.admin, "li", UserChange{State: &s}); err != nil {
			t.Fatal(err)
		}
		_, err := f.BySession(t.Context(), in.Session, home)
		wantError(t, err, errs.Unauthorized) // and it does not come back
	}
	in = f.signIn("li")
	f.raw("UPDATE users SET state = 'disabled' WHERE name = 'li'") // whoever does it, the session is of no use
	_, err := f.BySession(t.Context(), in.Session, home)
	wantError(t, err, errs.Unauthorized)
}

// Secrets are told to those whose they are, and are nowhere in the directory.
func TestNoSecretIsStored(t *testing.T) {
	f := open(t)
	in := f.user("li", Admin)
	_, token, err := f.AddToken(t.Context(), in.Actor, NewToken{Name: "x", Role: Viewer})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.StartLocalToken(); err != nil {
		t.Fatal(err)
	}
	local, err := ReadLocalToken(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.d.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(f.dir, db.FileName))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{"password": password, "session": in.Session, "token": token, "local token": local} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the %s is in the database", name)
		}
	}
	if !bytes.Contains(text, []byte("user.password")) {
		t.Error("the test reads the wrong file")
	}
}
