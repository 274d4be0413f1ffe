package access

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"tagma/errs"
)

func TestFirstStart(t *testing.T) {
	f := open(t)
	first, made, err := f.Bootstrap(t.Context())
	if err != nil || !made {
		t.Fatal(made, err)
	}
	if again, made, err := f.Bootstrap(t.Context()); again != "" || made || err != nil {
		t.Errorf("a second start: %q, %v, %v", again, made, err)
	}
	in, err := f.SignIn(t.Context(), "Admin", first, home)
	if err != nil {
		t.Fatal(err)
	}
	by, err := f.BySession(t.Context(), in.Session, home)
	if err != nil || by.Name != "admin" || by.Role != Admin || !by.MustChange || by.May(Read) || by.Kind != UserActor || by.Origin != home {
		t.Fatalf("%+v, %v", by, err)
	}
	wantError(t, f.ChangePassword(t.Context(), by, first, first), errs.Invalid, "the new password is the present one")
	wantError(t, f.ChangePassword(t.Context(), by, first, "short"), errs.Invalid, "password: the password has 5 characters")
	wantError(t, f.ChangePassword(t.Context(), by, "wrong", password), errs.Invalid, "present: the present password is wrong")
	if err := f.ChangePassword(t.Context(), by, first, password); err != nil {
		t.Fatal(err)
	}
	if by, err = f.BySession(t.Context(), in.Session, home); err != nil || by.MustChange || !by.May(Users) {
		t.Errorf("%+v, %v", by, err)
	}
	const want = "user:admin user.password admin; nobody: user.password admin refused; user:admin session.begin admin; system:bootstrap user.add admin"
	if got := f.lastActions(9); got != want {
		t.Errorf("the audit says %s, want %s", got, want)
	}
	u, err := f.UserNamed(t.Context(), "ADMIN")
	if err != nil || u.LastSignIn != begin || u.Created != begin || u.MustChange {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestSignInTellsNobodyWhichNamesThereAre(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	var messages []string
	for _, name := range []string{"li", "nobody", "no name at all!", "", strings.Repeat("x", 1<<16), "a\x00\xff"} {
		message := ""
		for i := range nameFailures + 1 {
			_, err := f.SignIn(t.Context(), name, "wrong password", Origin{IP: "198.51.100." + string(rune('1'+len(messages)))})
			kind := errs.Unauthorized
			if i >= nameFailures-1 {
				kind = errs.Limited
			}
			wantError(t, err, kind)
			message += err.Error() + "\n"
		}
		messages = append(messages, message)
	}
	for i := range messages {
		if messages[i] != messages[0] {
			t.Errorf("another answer for another name:\n%s\n%s", messages[i], messages[0])
		}
	}
	rows, err := f.ListAudit(t.Context(), AuditFilter{Outcome: Refused}, 0, 0)
	if err != nil || len(rows) != 6*nameFailures {
		t.Fatalf("%d refusals are in the audit, %v", len(rows), err)
	}
	for _, r := range rows {
		if r.Object != "" && r.Object != "li" {
			t.Errorf("the audit keeps what was typed as a name: %q", r.Object)
		}
	}
}

func TestLockOut(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	try := func(password string, from Origin) error {
		_, err := f.SignIn(t.Context(), "li", password, from)
		return err
	}
	for i := range nameFailures {
		if i > 0 {
			f.clock.add(minute)
		}
		err := try("wrong", home)
		if i < nameFailures-1 {
			wantError(t, err, errs.Unauthorized, "the name or the password is wrong", "after 5 failures")
		} else {
			wantError(t, err, errs.Limited, "2026-06-30T00:19:00Z, in 15 minutes")
		}
	}
	lockedAt := f.clock.now()
	f.clock.add(2*minute + 1)
	err := try(password, home)
	wantError(t, err, errs.Limited, "with this name from this address", "try again after 2026-06-30T00:19:00Z, in 13 minutes")
	if until, ok := LockedUntil(err); !ok || until != lockedAt+nameLock {
		t.Errorf("%v, %v", until, ok)
	}
	if _, ok := LockedUntil(errors.New("x")); ok {
		t.Error("another error is a lock-out")
	}
	if err := try(password, Origin{IP: "192.0.2.8"}); err != nil {
		t.Errorf("from another address: %v", err)
	}
	f.reopen(cheap)
	wantError(t, try(password, home), errs.Limited, "2026-06-30T00:19:00Z")
	if u, err := f.UserNamed(t.Context(), "li"); err != nil || u.LockedUntil != lockedAt+nameLock {
		t.Errorf("%+v, %v", u, err)
	}
	f.clock.add(nameLock - 2*minute - 2)
	wantError(t, try(password, home), errs.Limited, "in 1 minute")
	f.clock.add(1)
	wantError(t, try("wrong", home), errs.Unauthorized) // counts as the first again
	if err := try(password, home); err != nil {
		t.Errorf("after the lock-out: %v", err)
	}
	if n := f.count("SELECT COUNT(*) FROM sign_in_failures"); n != 0 {
		t.Errorf("%d failures are left after a success", n)
	}
}

func TestFailuresFarApartDoNotLock(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	for range 12 {
		_, err := f.SignIn(t.Context(), "li", "wrong", home)
		wantError(t, err, errs.Unauthorized)
		f.clock.add(4 * minute) // four in 15 minutes
	}
	f.signIn("li")
}

func TestAnAdministratorUnlocks(t *testing.T) {
	f := open(t)
	in := f.user("li", Admin)
	fail := func() (err error) {
		for range nameFailures {
			_, err = f.SignIn(t.Context(), "li", "wrong", home)
		}
		return err
	}
	wantError(t, fail(), errs.Limited)
	wantError(t, f.Unlock(t.Context(), Actor{Kind: UserActor, Name: "x", Role: Manager}, "li"), errs.Forbidden)
	wantError(t, f.Unlock(t.Context(), in.Actor, "nobody"), errs.NotFound, `no user "nobody"`)
	if err := f.Unlock(t.Context(), in.Actor, "LI"); err != nil {
		t.Fatal(err)
	}
	f.signIn("li")
	wantError(t, fail(), errs.Limited)
	wantError(t, f.UnlockAddress(t.Context(), in.Actor, "home"), errs.Invalid, "address", `"home" is no address`)
	if err := f.UnlockAddress(t.Context(), in.Actor, home.IP); err != nil {
		t.Fatal(err)
	}
	f.signIn("li")
	wantError(t, fail(), errs.Limited)
	next, err := f.ResetPassword(t.Context(), f.admin, "li", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(t.Context(), "li", next, home); err != nil {
		t.Error(err)
	}
}

func TestAnAddressIsLockedMoreSlowly(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	other := 0
	fail := func(ip string) error {
		other++
		_, err := f.SignIn(t.Context(), "somebody"+string(rune('a'+other%26))+string(rune('a'+other/26)), "wrong", Origin{IP: ip})
		return err
	}
	for range addressFailures - 1 {
		wantError(t, fail("2001:db8:1:2::1"), errs.Unauthorized)
	}
	want := addressLock
	for range 9 {
		// Another address of the same network is the same.
		err := fail("2001:db8:1:2:ffff::9")
		wantError(t, err, errs.Limited, "too many failed sign-ins from this address")
		until, _ := LockedUntil(err)
		if got := until - f.clock.now(); got != want {
			t.Fatalf("locked for %d ms, want %d", got, want)
		}
		_, err = f.SignIn(t.Context(), "li", password, Origin{IP: "2001:db8:1:2::3"})
		wantError(t, err, errs.Limited)
		f.clock.add(want)
		want = min(2*want, maxAddressLock)
	}
	if err := fail("2001:db8:1:3::1"); !errs.Is(err, errs.Unauthorized) {
		t.Errorf("another network: %v", err)
	}
	f.clock.add(addressWindow)
	wantError(t, fail("2001:db8:1:2::1"), errs.Unauthorized)
	if n := f.count("SELECT COUNT(*) FROM sign_in_failures"); n != 1 {
		t.Errorf("%d failures are kept, want the last one", n)
	}
}

func TestASuccessRelievesTheAddressOfItsOwnFailuresOnly(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	f.user("mallory", Viewer)
	for i := range addressFailures {
		// Between guesses, whoever guesses signs in with a name of his own.
		_, err := f.SignIn(t.Context(), "li", "guess", home)
		if i == addressFailures-1 {
			wantError(t, err, errs.Limited, "from this address")
			break
		}
		wantError(t, err, errs.Unauthorized)
		if i < addressFailures-2 { // the last one would lock
			_, err = f.SignIn(t.Context(), "mallory", "mistyped", home)
			wantError(t, err, errs.Unauthorized)
		}
		f.signIn("mallory")
		f.clock.add(4 * minute)
	}
}

func TestAddresses(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "unix\n": "unix ",
		strings.Repeat("9", 100): strings.Repeat("9", 64),
	} {
		if got := (Origin{IP: ip}).address(); got != want {
			t.Errorf("%q counts as %q, want %q", ip, got, want)
		}
	}
}

// Many guesses at once are no more than many guesses: not one more than allowed is checked.
func TestManyGuessesAtOnceAreCounted(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	var wg sync.WaitGroup
	kinds := make([]errs.Kind, maxTurns)
	for i := range kinds {
		wg.Go(func() {
			_, err := f.SignIn(t.Context(), "li", "wrong", home)
			kinds[i] = errs.KindOf(err)
		})
	}
	wg.Wait()
	count := map[errs.Kind]int{}
	for _, k := range kinds {
		count[k]++
	}
	if count[errs.Unauthorized] != nameFailures-1 || count[errs.Limited] != maxTurns-nameFailures+1 {
		t.Errorf("%v by kind", count)
	}
	if n := f.count("SELECT COUNT(*) FROM sign_in_failures"); n != nameFailures {
		t.Errorf("%d failures were counted", n)
	}
}

func TestManySignInsAtOnce(t *testing.T) {
	f := open(t)
	names := []string{"a1", "b2", "c3", "d4"}
	for _, name := range names {
		f.user(name, Viewer)
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			name := names[i%len(names)]
			in, err := f.SignIn(t.Context(), name, password, Origin{IP: "192.0.2." + string(rune('1'+i%3))})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			by, err := f.BySession(t.Context(), in.Session, home)
			if err != nil || by.Name != name {
				t.Errorf("the session of %s is that of %s, %v", name, by.Name, err)
			}
			if i%2 == 0 {
				if err := f.SignOut(t.Context(), by); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	check, err := f.VerifyAudit(t.Context())
	if err != nil || check.Broken != 0 {
		t.Errorf("%+v, %v", check, err)
	}
	if len(f.turns.byKey) != 0 || f.hasher.waiting.Load() != 0 || len(f.hasher.slots) != 0 {
		t.Error("somebody still waits")
	}
}

func TestTooManyAtOnceFromOneAddressAreRefused(t *testing.T) {
	var q turns
	leave, err := q.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range maxTurns - 1 {
		q.mu.Lock()
		q.byKey["a"].users++ // one that waits
		q.mu.Unlock()
	}
	_, err = q.take(t.Context(), "a")
	wantError(t, err, errs.Busy, "too many sign-ins at once from this address")
	q.byKey["a"].users -= maxTurns - 1
	wg.Go(func() {
		if _, err := q.take(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	})
	cancel()
	wg.Wait()
	other, err := q.take(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	other()
	leave()
	if len(q.byKey) != 0 {
		t.Errorf("%d keys are left", len(q.byKey))
	}
}

func TestPasswordsAreHashedAnewWhenTheCostRises(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	stored := func() (hash string) {
		if err := f.d.Read().QueryRowContext(t.Context(), "SELECT password FROM users WHERE name = 'li'").Scan(&hash); err != nil {
			t.Fatal(err)
		}
		return hash
	}
	before := stored()
	f.signIn("li")
	if stored() != before {
		t.Error("the hash was changed though the cost did not rise")
	}
	f.reopen(Cost{KiB: 128, Passes: 2, Threads: 1})
	if _, err := f.SignIn(t.Context(), "li", "wrong", home); err == nil || stored() != before {
		t.Error("a wrong password changed the hash")
	}
	f.signIn("li")
	if after := stored(); !strings.HasPrefix(after, "$argon2id$v=19$m=128,t=2,p=1$") {
		t.Errorf("the hash is %s", after)
	}
	f.reopen(cheap)
	f.signIn("li")
}

func TestADisabledUserIsTold(t *testing.T) {
	f := open(t)
	f.user("li", Viewer)
	if _, err := f.ChangeUser(t.Context(), f.admin, "li", UserChange{State: ptr(Disabled)}); err != nil {
		t.Fatal(err)
	}
	_, err := f.SignIn(t.Context(), "li", "wrong", home)
	wantError(t, err, errs.Unauthorized)
	_, err = f.SignIn(t.Context(), "li", password, home)
	wantError(t, err, errs.Forbidden, "the user li is disabled")
	if got := f.lastActions(1); got != "nobody: session.begin li refused" {
		t.Errorf("the audit says %s", got)
	}
}

// A password of other letters that look the same to people is the same password.
func TestPasswordsAreNormal(t *testing.T) {
	f := open(t)
	_, _, err := f.AddUser(t.Context(), f.admin, NewUser{Name: "li", Role: Viewer, Password: "cafe\u0301 au lait"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(t.Context(), "li", "café au lait", home); err != nil {
		t.Error(err)
	}
	_, err = f.SignIn(t.Context(), "li", "café au lait"+strings.Repeat("x", 1<<20), home)
	wantError(t, err, errs.Unauthorized)
}

// while holds the hashing back until what is signing in has come to it, and does something meanwhile.
func (f *fixture) while(ctx context.Context, name string, do func()) (SignedIn, error) {
	f.t.Helper()
	for range hashers {
		f.hasher.slots <- struct{}{}
	}
	type outcome struct {
		in  SignedIn
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		in, err := f.SignIn(ctx, name, password, home)
		done <- outcome{in, err}
	}()
	for f.hasher.waiting.Load() == 0 {
		select {
		case o := <-done:
			f.t.Fatalf("%s was answered without hashing: %v", name, o.err)
		default:
			runtime.Gosched()
		}
	}
	do()
	for range hashers {
		<-f.hasher.slots
	}
	o := <-done
	return o.in, o.err
}

// Signing in asks as much of the machine for a name that nobody has.
func TestUnknownNamesTakeTheSameWork(t *testing.T) {
	f := open(t)
	if cost, _, hash, err := readHash(f.hasher.nobody); err != nil || cost != cheap || len(hash) != hashBytes {
		t.Errorf("nobody's hash costs %v, %v", cost, err)
	}
	_, err := f.while(t.Context(), "nobody", func() {})
	wantError(t, err, errs.Unauthorized)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = f.while(ctx, "nobody", cancel)
	if !errors.Is(err, context.Canceled) {
		wantError(t, err, errs.Unauthorized) // the slot came first
	}
}

func TestWhatChangesWhileAPasswordIsCheckedCounts(t *testing.T) {
	f := open(t)
	in := f.user("li", Viewer)
	for _, c := range []struct {
		change string
		kind   errs.Kind
	}{
		{"UPDATE users SET state = 'disabled'", errs.Forbidden}, {"UPDATE users SET state = 'active', password = 'x' || password", errs.Unauthorized},
		{"UPDATE users SET password = substr(password, 2)", errs.Unauthorized}, {"DELETE FROM users", errs.Unauthorized},
	} {
		if strings.HasPrefix(c.change, "UPDATE users SET password") {
			f.raw(c.change)
			f.signIn("li")
			continue
		}
		_, err := f.while(t.Context(), "li", func() { f.raw("PRAGMA foreign_keys = 1; " + c.change) })
		wantError(t, err, c.kind)
	}
	if n := f.count("SELECT COUNT(*) FROM sessions"); n != 0 {
		t.Errorf("%d sessions of nobody", n)
	}
	// Another user who has the name by now is not the one who asks.
	f.user("li", Viewer)
	wantError(t, f.ChangePassword(t.Context(), in.Actor, password, "another long password"), errs.Unauthorized)
	f.signIn("li")
}
