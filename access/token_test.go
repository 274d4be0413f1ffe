package access

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tagma/errs"
)

func TestTokens(t *testing.T) {
	f := open(t)
	boss := f.user("boss", Admin).Actor
	made, text, err := f.AddToken(t.Context(), boss, NewToken{Name: " 夜间同步 ", Role: Operator, Expires: begin + day})
	if err != nil || !strings.HasPrefix(text, TokenPrefix) || len(text) != len(TokenPrefix)+52 || made.Name != "夜间同步" || made.MadeBy != "boss" || made.Hint != text[len(text)-4:] {
		t.Fatalf("%+v, %q, %v", made, text, err)
	}
	by, err := f.ByToken(t.Context(), text, home)
	if err != nil || by.Kind != TokenActor || by.Name != "夜间同步" || by.Role != Operator || by.Origin != home || !by.May(Assign) || by.May(Define) || by.String() != "token:夜间同步" {
		t.Errorf("%+v, %v", by, err)
	}
	_, _, err = f.AddToken(t.Context(), boss, NewToken{Name: "夜间同步", Role: Viewer})
	wantError(t, err, errs.Conflict, "there is a token", "revoke that token first")
	_, _, err = f.AddToken(t.Context(), boss, NewToken{Name: "", Role: "x", Expires: begin})
	wantError(t, err, errs.Invalid, "name: the name is empty", "role: ", "expires: 2026-06-30T00:00:00Z is past")

	for _, forged := range []string{"", "tgm_", text[:len(text)-1], text + "a", strings.ToUpper(text), TokenPrefix + newSecret(secretBytes), "tgl_" + newSecret(secretBytes), "a\x00\xff"} {
		if by, err := f.ByToken(t.Context(), forged, home); !errs.Is(err, errs.Unauthorized) || by.known() {
			t.Errorf("%q: %+v, %v", forged, by, err)
		}
	}
	f.clock.add(day - 1)
	if _, err := f.ByToken(t.Context(), text, home); err != nil {
		t.Error(err)
	}
	if list, err := f.ListTokens(t.Context(), 0, 0); err != nil || len(list) != 1 || list[0].Used != begin+day-1 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.reopen(cheap)
	if found, err := f.TokenNamed(t.Context(), "夜间同步"); err != nil || found.Used != begin+day-1 || found.ID != made.ID {
		t.Errorf("%+v, %v", found, err)
	}
	f.clock.add(1)
	_, err = f.ByToken(t.Context(), text, home)
	wantError(t, err, errs.Unauthorized, "expired at 2026-07-01T00:00:00Z")

	for range 2 {
		if err := f.RevokeToken(t.Context(), boss, made.ID); err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.ByToken(t.Context(), text, home)
	wantError(t, err, errs.Unauthorized, "was revoked at 2026-07-01T00:00:00Z")
	wantError(t, f.RevokeToken(t.Context(), boss, 99), errs.NotFound, "there is no token 99")
	_, err = f.TokenNamed(t.Context(), "夜间同步")
	wantError(t, err, errs.NotFound)
	again, _, err := f.AddToken(t.Context(), boss, NewToken{Name: "夜间同步", Role: Viewer})
	if err != nil || again.ID == made.ID {
		t.Fatalf("the name of a revoked token cannot be used: %v", err)
	}
	list, err := f.ListTokens(t.Context(), 0, 1)
	if err != nil || len(list) != 1 || list[0].ID != again.ID || list[0].Revoked != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	if list, err = f.ListTokens(t.Context(), list[0].ID, 5); err != nil || len(list) != 1 || list[0].Revoked != begin+day {
		t.Errorf("%+v, %v", list, err)
	}
	if got, want := f.lastActions(3), "user:boss token.add 夜间同步; user:boss token.revoke 夜间同步; user:boss token.add 夜间同步"; got != want {
		t.Errorf("the audit says %s, want %s", got, want)
	}
}

func TestATokenMayNotMoreThanItsMaker(t *testing.T) {
	f := open(t)
	f.user("boss", Admin)
	li := f.user("li", Admin).Actor
	_, text, err := f.AddToken(t.Context(), li, NewToken{Name: "of li", Role: Admin})
	if err != nil {
		t.Fatal(err)
	}
	by, err := f.ByToken(t.Context(), text, home)
	if err != nil {
		t.Fatal(err)
	}
	// A token that a token made is its owner's too.
	_, child, err := f.AddToken(t.Context(), by, NewToken{Name: "of the token", Role: Manager})
	if err != nil {
		t.Fatal(err)
	}
	_, local, err := f.AddToken(t.Context(), Local(), NewToken{Name: "of the machine", Role: Admin})
	if err != nil {
		t.Fatal(err)
	}
	roles := func(want ...Role) {
		t.Helper()
		for i, secret := range []string{text, child, local} {
			by, err := f.ByToken(t.Context(), secret, home)
			if want[i] == "" {
				wantError(t, err, errs.Unauthorized)
			} else if err != nil || by.Role != want[i] {
				t.Errorf("token %d: %s, %v; want %s", i, by.Role, err, want[i])
			}
		}
	}
	change := func(c UserChange) {
		t.Helper()
		if _, err := f.ChangeUser(t.Context(), f.admin, "li", c); err != nil {
			t.Fatal(err)
		}
	}
	roles(Admin, Manager, Admin)
	change(UserChange{Role: ptr(Operator)})
	roles(Operator, Operator, Admin)
	change(UserChange{State: ptr(Disabled)})
	roles("", "", Admin)
	_, err = f.ByToken(t.Context(), text, home)
	wantError(t, err, errs.Unauthorized, "made by a user who is disabled")
	change(UserChange{State: ptr(Active), Role: ptr(Manager)})
	roles(Manager, Manager, Admin)
	if err := f.DeleteUser(t.Context(), f.admin, "li"); err != nil {
		t.Fatal(err)
	}
	roles("", "", Admin)
	// Nobody's token comes to life by another user of the name.
	f.user("li", Admin)
	roles("", "", Admin)

	limited := Actor{Kind: TokenActor, Name: "x", Role: Operator}
	wantError(t, limited.above(Manager), errs.Forbidden, "cannot give the role manager")
}

func TestTheLocalToken(t *testing.T) {
	f := open(t)
	_, err := ReadLocalToken(f.dir)
	wantError(t, err, errs.NotFound, "nothing serves it")
	if by, err := f.ByToken(t.Context(), "", home); err == nil {
		t.Errorf("%+v", by)
	}
	var old string
	for range 2 {
		if err := f.StartLocalToken(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(f.dir, LocalTokenName)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info, err)
		}
		text, err := ReadLocalToken(f.dir)
		if err != nil || text == old || len(text) < 52 {
			t.Fatalf("%q, %v", text, err)
		}
		by, err := f.ByToken(t.Context(), text, home)
		if err != nil || by.Kind != LocalActor || by.Role != Admin || !by.May(Users) || by.Origin != home {
			t.Errorf("%+v, %v", by, err)
		}
		if old != "" {
			_, err = f.ByToken(t.Context(), old, home)
			wantError(t, err, errs.Unauthorized)
		}
		old = text
		f.reopen(cheap)
		_, err = f.ByToken(t.Context(), text, home)
		wantError(t, err, errs.Unauthorized) // it was in memory only
	}
	if err := f.StartLocalToken(); err != nil {
		t.Fatal(err)
	}
	text, err := ReadLocalToken(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.EndLocalToken(); err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.ByToken(t.Context(), text, home)
	wantError(t, err, errs.Unauthorized)
	left, err := filepath.Glob(filepath.Join(f.dir, LocalTokenName+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
