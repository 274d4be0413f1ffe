package access

import (
	"fmt"
	"strings"

	"tagma/errs"
)

// Role is what somebody is trusted with. Each may all that the one before may.
type Role string

// The roles, the least first.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Manager  Role = "manager" // tag manager
	Admin    Role = "admin"
)

// Roles lists the roles, the least first.
func Roles() []Role { return []Role{Viewer, Operator, Manager, Admin} }

// rank is 1 for the least role, and 0 for what is none.
func (r Role) rank() int {
	for i, role := range Roles() {
		if r == role {
			return i + 1
		}
	}
	return 0
}

// Known says whether it is a role.
func (r Role) Known() bool { return r.rank() > 0 }

// Covers says whether r may all that other may. What is no role covers nothing and is covered by nothing.
func (r Role) Covers(other Role) bool { return other.Known() && r.rank() >= other.rank() }

// ParseRole reads a role. What is none is Invalid.
func ParseRole(text string) (Role, error) {
	if r := Role(text); r.Known() {
		return r, nil
	}
	return "", errs.Faulty("", []errs.Fault{roleFault(Role(text))})
}

func roleFault(r Role) errs.Fault {
	return errs.Fault{Place: "role", Message: fmt.Sprintf("%q is no role", string(r)), Hint: "the roles are viewer, operator, manager and admin"}
}

// Permission is one thing that an actor may or may not do.
type Permission string

// The permissions.
const (
	Read          Permission = "read"
	ReadCustomers Permission = "customers.read"
	Query         Permission = "query"
	Export        Permission = "export"
	Assign        Permission = "assign"
	Consent       Permission = "consent"
	Compute       Permission = "compute"
	Define        Permission = "define"
	Import        Permission = "import"
	Sources       Permission = "sources"
	Tokens        Permission = "tokens"
	Users         Permission = "users"
	Audit         Permission = "audit"
	Maintain      Permission = "maintain"
)

// Grant is a line of the table of permissions: a permission, what it allows, and the least role that has it.
type Grant struct {
	Permission Permission
	From       Role
	Allows     string
}

// Grants is the table of permissions: who may do what is said here and nowhere else.
func Grants() []Grant { return grants[:] }

var grants = [...]Grant{
	{Read, Viewer, "see definitions, figures, runs and the state of the workspace"},
	{ReadCustomers, Viewer, "see customers, their history, and who carries a tag"},
	{Query, Viewer, "ask questions, check rules, preview and plan"},
	{Export, Operator, "take the identifiers or values of a whole answer away"},
	{Assign, Operator, "decide tags of customers by hand"},
	{Consent, Operator, "note what customers agreed to"},
	{Compute, Operator, "start runs"},
	{Define, Manager, "change tags, segments, measures, categories and tables"},
	{Import, Manager, "import files"},
	{Sources, Admin, "make sources and their write keys"},
	{Tokens, Admin, "make and revoke tokens of programs"},
	{Users, Admin, "make and change users"},
	{Audit, Admin, "read the audit, and clear what it keeps of somebody"},
	{Maintain, Admin, "back up, restore, check, and set the time zone and the clock"},
}

// leastRole is the least role that has a permission, "" for what is no permission.
func leastRole(p Permission) Role {
	for _, g := range grants {
		if g.Permission == p {
			return g.From
		}
	}
	return ""
}

// May says whether the role has a permission.
func (r Role) May(p Permission) bool { return r.Covers(leastRole(p)) }

// Permissions lists what a role may do, in the table's order.
func (r Role) Permissions() []Permission {
	var out []Permission
	for _, g := range grants {
		if r.May(g.Permission) {
			out = append(out, g.Permission)
		}
	}
	return out
}

// holders lists the roles that have a permission, in words.
func holders(p Permission) string {
	var out []string
	for _, r := range Roles() {
		if r.May(p) {
			out = append(out, string(r))
		}
	}
	if len(out) == 0 {
		return "no role"
	}
	return strings.Join(out, ", ")
}
