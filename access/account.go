package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
)

// State says whether a user may sign in.
type State string

// The states of users.
const (
	Active   State = "active"
	Disabled State = "disabled"
)

// User is somebody who may sign in.
type User struct {
	Name        string // as it is stored: see AddUser
	DisplayName string // may be empty
	Role        Role
	State       State
	MustChange  bool // the password has to be changed at the next sign-in
	Created     event.Time
	LastSignIn  event.Time // 0: never
	LockedUntil event.Time // the end of a lock-out from some address; 0: none
}

// account is a user with what only this package sees.
type account struct {
	User
	id   int64
	hash string
}

const accountColumns = "id, name, display_name, role, state, password, must_change, created_ms, COALESCE(signed_in_ms, 0)"

func (c *account) scan(row interface{ Scan(...any) error }) error {
	return row.Scan(&c.id, &c.Name, &c.DisplayName, &c.Role, &c.State, &c.hash, &c.MustChange, &c.Created, &c.LastSignIn)
}

// findAccount returns the user of a name as it is stored, nil when there is none.
func findAccount(ctx context.Context, idb bun.IDB, name string) (*account, error) {
	return readAccount(idb.QueryRowContext(ctx, "SELECT "+accountColumns+" FROM users WHERE name = ?", name))
}

func accountByID(ctx context.Context, idb bun.IDB, id int64) (*account, error) {
	return readAccount(idb.QueryRowContext(ctx, "SELECT "+accountColumns+" FROM users WHERE id = ?", id))
}

func readAccount(row *sql.Row) (*account, error) {
	var c account
	switch err := c.scan(row); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("access: read a user: %w", err)
	}
	return &c, nil
}

// accountNamed returns the user of a name as somebody wrote it. It is NotFound when there is none.
func accountNamed(ctx context.Context, idb bun.IDB, text string) (*account, error) {
	if name, wrong := userName(text); wrong == "" {
		if c, err := findAccount(ctx, idb, name); c != nil || err != nil {
			return c, err
		}
	}
	return nil, failure(errs.NotFound, "name", fmt.Sprintf("there is no user %q", plain(text, maxLabel)), "see the list of users")
}

// actor is the user as one who asks.
func (c *account) actor(from Origin) Actor {
	return Actor{Kind: UserActor, Name: c.Name, DisplayName: c.DisplayName, Role: c.Role, MustChange: c.MustChange, Origin: from.tidy(), user: c.id}
}

// userBody is a user in the audit.
type userBody struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name,omitempty"`
	Role        Role   `json:"role"`
	State       State  `json:"state"`
	MustChange  bool   `json:"must_change,omitempty"`
}

func (u User) body() *userBody {
	return &userBody{u.Name, u.DisplayName, u.Role, u.State, u.MustChange}
}
