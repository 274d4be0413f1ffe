package access

import (
	"slices"
	"testing"

	"tagma/errs"
)

func TestWhoMayWhat(t *testing.T) {
	for p, want := range map[Permission]string{
		Read: "voma", ReadCustomers: "voma", Query: "voma", Export: "oma", Assign: "oma", Consent: "oma", Compute: "oma", Define: "ma", Import: "ma",
		Sources: "a", Tokens: "a", Users: "a", Audit: "a", Maintain: "a", "": "", "nothing": "",
	} {
		got := ""
		for i, r := range Roles() {
			by := Actor{Kind: TokenActor, Name: "x", Role: r}
			if by.May(p) {
				got += "voma"[i : i+1]
			}
			if by.May(p) != slices.Contains(by.Permissions(), p) || by.May(p) != (by.Require(p) == nil) {
				t.Errorf("%s, %s: May, Permissions and Require do not agree", r, p)
			}
		}
		if got != want {
			t.Errorf("%s: %q may, want %q", p, got, want)
		}
	}
	if len(Grants()) != 14 || len(Admin.Permissions()) != 14 {
		t.Errorf("%d permissions, of which an administrator has %d: put a new one into this test", len(Grants()), len(Admin.Permissions()))
	}
}

func TestWhoIsNobodyMayNothing(t *testing.T) {
	for name, by := range map[string]Actor{
		"zero": {}, "a role alone": {Role: Admin}, "nobody": {Kind: NobodyActor, Role: Admin}, "no role": {Kind: UserActor, Name: "a"},
		"another role": {Kind: UserActor, Name: "a", Role: "root"}, "must change": {Kind: UserActor, Name: "a", Role: Admin, MustChange: true},
	} {
		for _, g := range Grants() {
			if by.May(g.Permission) || by.Require(g.Permission) == nil {
				t.Errorf("%s may %s", name, g.Permission)
			}
		}
		if len(by.Permissions()) > 0 {
			t.Errorf("%s has permissions", name)
		}
	}
	wantError(t, Actor{}.Require(Read), errs.Unauthorized, "sign in, or send a token")
	wantError(t, Actor{Kind: UserActor, Name: "a", Role: Admin, MustChange: true}.Require(Read), errs.Forbidden, "a has to change the password first")
	wantError(t, Actor{Kind: UserActor, Name: "a", Role: Viewer}.Require(Assign), errs.Forbidden, "permission assign", "a, whose role is viewer, may not decide tags of customers by hand", "one of the roles operator, manager, admin")
	wantError(t, Actor{Kind: TokenActor, Name: "a", Role: Viewer}.Require(Users), errs.Forbidden, "token:a, whose role", "takes the role admin")
}

func TestRolesAreInOrder(t *testing.T) {
	for i, a := range Roles() {
		for j, b := range Roles() {
			if a.Covers(b) != (i >= j) {
				t.Errorf("%s covers %s: %v", a, b, a.Covers(b))
			}
		}
		if a.Covers("") || Role("").Covers(a) || Role("").Covers("") {
			t.Errorf("no role covers or is covered by %s", a)
		}
	}
	if r, err := ParseRole("manager"); r != Manager || err != nil {
		t.Errorf("%s, %v", r, err)
	}
	_, err := ParseRole("Admin")
	wantError(t, err, errs.Invalid, `role: "Admin" is no role`, "viewer, operator, manager and admin")
}
