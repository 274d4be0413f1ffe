package access

import (
	"sync"
	"testing"

	"tagma/errs"
)

func TestUsers(t *testing.T) {
	f := open(t)
	boss := f.user("boss", Admin).Actor
	u, first, err := f.AddUser(t.Context(), boss, NewUser{Name: "李雷", DisplayName: " Li Lei ", Role: Operator})
	if err != nil || u.Name != "李雷" || u.DisplayName != "Li Lei" || u.Role != Operator || u.State != Active || !u.MustChange || len(first) != 23 {
		t.Fatalf("%+v, %q, %v", u, first, err)
	}
	for name, c := range map[string]struct {
		n     NewUser
		kind  errs.Kind
		words []string
	}{
		"taken":     {NewUser{Name: "BOSS", Role: Viewer}, errs.Conflict, []string{"there is a user boss already"}},
		"all wrong": {NewUser{Name: "a b", DisplayName: "x\ny", Role: "root", Password: "short"}, errs.Invalid, []string{"name: the name has a ' '", "display_name: ", "role: \"root\" is no role", "password: the password has 5"}},
		"its name":  {NewUser{Name: "wang.mei.mei", Role: Viewer, Password: "Wang.Mei.Mei"}, errs.Invalid, []string{"is the name of the user"}},
	} {
		_, _, err := f.AddUser(t.Context(), boss, c.n)
		t.Log(name)
		wantError(t, err, c.kind, c.words...)
	}
	after, err := f.ChangeUser(t.Context(), boss, "李雷", UserChange{DisplayName: ptr("雷"), Role: ptr(Manager)})
	if err != nil || after.DisplayName != "雷" || after.Role != Manager || after.State != Active {
		t.Errorf("%+v, %v", after, err)
	}
	rows := f.count("SELECT COUNT(*) FROM audit")
	if _, err := f.ChangeUser(t.Context(), boss, "李雷", UserChange{Role: ptr(Manager)}); err != nil || f.count("SELECT COUNT(*) FROM audit") != rows {
		t.Errorf("what changes nothing is recorded: %v", err)
	}
	_, err = f.ChangeUser(t.Context(), boss, "李雷", UserChange{DisplayName: ptr("\x00"), Role: ptr(Role("x")), State: ptr(State("gone"))})
	wantError(t, err, errs.Invalid, "display_name", "role", `state: "gone" is no state`)
	_, err = f.ChangeUser(t.Context(), boss, "nobody", UserChange{})
	wantError(t, err, errs.NotFound, `there is no user "nobody"`)

	all, err := f.ListUsers(t.Context(), "", 0)
	if err != nil || len(all) != 2 || all[0].Name != "boss" || all[1].Name != "李雷" {
		t.Errorf("%+v, %v", all, err)
	}
	if page, err := f.ListUsers(t.Context(), "boss", 1); err != nil || len(page) != 1 || page[0] != all[1] {
		t.Errorf("%+v, %v", page, err)
	}
	if err := f.DeleteUser(t.Context(), boss, "李雷"); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.DeleteUser(t.Context(), boss, "李雷"), errs.NotFound)
	_, err = f.ResetPassword(t.Context(), boss, "李雷", "")
	wantError(t, err, errs.NotFound)
	if got, want := f.lastActions(3), "user:boss user.delete 李雷; user:boss user.change 李雷; user:boss user.add 李雷"; got != want {
		t.Errorf("the audit says %s, want %s", got, want)
	}
	r, b, err := f.AuditEntry(t.Context(), uint64(f.count("SELECT MAX(id) - 1 FROM audit")))
	if err != nil || r.Action != "user.change" || string(b.Before) != `{"name":"李雷","display_name":"Li Lei","role":"operator","state":"active","must_change":true}` ||
		string(b.After) != `{"name":"李雷","display_name":"雷","role":"manager","state":"active","must_change":true}` {
		t.Errorf("%+v %s %s %v", r, b.Before, b.After, err)
	}
}

func TestAResetPasswordHasToBeChanged(t *testing.T) {
	f := open(t)
	in := f.user("li", Viewer)
	_, err := f.ResetPassword(t.Context(), f.admin, "li", "1234567890")
	wantError(t, err, errs.Invalid, "commonest")
	const given = "given over the phone"
	if p, err := f.ResetPassword(t.Context(), f.admin, "LI", given); p != given || err != nil {
		t.Fatal(p, err)
	}
	_, err = f.BySession(t.Context(), in.Session, home)
	wantError(t, err, errs.Unauthorized)
	if in, err = f.SignIn(t.Context(), "li", given, home); err != nil || !in.Actor.MustChange || in.Actor.May(Read) {
		t.Errorf("%+v, %v", in, err)
	}
	if got := f.lastActions(2); got != "user:li session.begin li; system:test user.password li" {
		t.Errorf("the audit says %s", got)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	f := open(t)
	boss := f.user("boss", Admin).Actor
	f.user("li", Manager)
	ways := map[string]func(name string) error{
		"disable": func(name string) error {
			_, err := f.ChangeUser(t.Context(), boss, name, UserChange{State: ptr(Disabled)})
			return err
		},
		"demote": func(name string) error {
			_, err := f.ChangeUser(t.Context(), boss, name, UserChange{Role: ptr(Manager)})
			return err
		},
		"delete": func(name string) error { return f.DeleteUser(t.Context(), boss, name) },
	}
	refused := func() {
		t.Helper()
		for _, way := range ways {
			wantError(t, way("boss"), errs.Conflict, "boss is the last active administrator", "make another administrator first")
		}
	}
	refused()
	for name, way := range ways {
		second := "second-" + name
		f.user(second, Admin)
		if err := way(second); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		refused() // an administrator who is disabled does not count
	}
	if in := f.signIn("boss"); in.Actor.Role != Admin {
		t.Error("what was refused was done")
	}
}

// Two administrators who demote each other at once do not both succeed.
func TestTwoAdministratorsDemoteEachOther(t *testing.T) {
	f := open(t)
	a, b := f.user("a", Admin).Actor, f.user("b", Admin).Actor
	var wg sync.WaitGroup
	var failed [2]error
	wg.Go(func() { _, failed[0] = f.ChangeUser(t.Context(), a, "b", UserChange{Role: ptr(Viewer)}) })
	wg.Go(func() { failed[1] = f.DeleteUser(t.Context(), b, "a") })
	wg.Wait()
	if n := f.count("SELECT COUNT(*) FROM users WHERE role = 'admin' AND state = 'active'"); n != 1 || (failed[0] == nil) == (failed[1] == nil) {
		t.Errorf("%d administrators are left, %v", n, failed)
	}
}

func TestOnlyAdministratorsManage(t *testing.T) {
	f := open(t)
	boss := f.user("boss", Admin).Actor
	key, err := f.AddSource(t.Context(), boss, "web")
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := f.AddToken(t.Context(), boss, NewToken{Name: "t", Role: Viewer})
	if err != nil {
		t.Fatal(err)
	}
	rows := f.count("SELECT COUNT(*) FROM audit")
	must := boss
	must.MustChange = true
	for _, by := range []Actor{{}, must, {Kind: UserActor, Name: "v", Role: Viewer}, {Kind: TokenActor, Name: "m", Role: Manager}} {
		for i, err := range []error{
			last2(f.ChangeUser(t.Context(), by, "boss", UserChange{Role: ptr(Viewer)})), f.DeleteUser(t.Context(), by, "boss"), last2(f.ResetPassword(t.Context(), by, "boss", "")),
			last3(f.AddUser(t.Context(), by, NewUser{Name: "x", Role: Viewer})), f.Unlock(t.Context(), by, "boss"), f.UnlockAddress(t.Context(), by, "192.0.2.7"),
			last3(f.AddToken(t.Context(), by, NewToken{Name: "x", Role: Viewer})), f.RevokeToken(t.Context(), by, token.ID),
			last2(f.AddSource(t.Context(), by, "x")), last2(f.AddKey(t.Context(), by, "web")), f.RevokeKey(t.Context(), by, 1), last2(f.RevokeKeys(t.Context(), by, "web")), last2(f.ShowKey(t.Context(), by, 1)),
		} {
			if k := errs.KindOf(err); err == nil || k != errs.Forbidden && k != errs.Unauthorized {
				t.Errorf("%s did write %d: %v", by, i, err)
			}
		}
	}
	if s, err := f.SourceByKey(t.Context(), key); s != "web" || err != nil || f.count("SELECT COUNT(*) FROM audit") != rows {
		t.Errorf("something was done: %s, %v", s, err)
	}
}

func last2[A any](_ A, err error) error         { return err }
func last3[A, B any](_ A, _ B, err error) error { return err }
