package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
)

// FirstUser is the name of the user that Bootstrap makes.
const FirstUser = "admin"

// Bootstrap makes the first user, an administrator with a random password that has to be changed, when there is no user
// yet. made says whether it did; the password is told this once.
func (a *Access) Bootstrap(ctx context.Context) (password string, made bool, err error) {
	some := false
	if err := a.db.Read().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM users)").Scan(&some); err != nil {
		return "", false, fmt.Errorf("access: look for users: %w", err)
	}
	if some {
		return "", false, nil
	}
	password = newPassword()
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return "", false, err
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM users)").Scan(&some); err != nil || some {
			return err
		}
		_, err := a.insertUser(ctx, tx, System("bootstrap"), User{Name: FirstUser, Role: Admin}, hash)
		return err
	})
	if err != nil || some {
		return "", false, within("make the first user", err)
	}
	return password, true, nil
}

// NewUser is a user to be made.
type NewUser struct {
	// Name is what the user signs in with: 1 to 64 letters of any script, digits, and . _ - after the first character.
	// Large and small letters are not told apart.
	Name        string
	DisplayName string // may be empty
	Role        Role
	Password    string // the first one, which the user has to change; "" for a random one
}

// AddUser makes a user, and returns the first password, which the user has to change. It takes the permission Users,
// and a role not above the actor's. Faults of the input are Invalid, all of them; a name that is taken is a Conflict.
func (a *Access) AddUser(ctx context.Context, by Actor, n NewUser) (User, string, error) {
	if err := by.Require(Users); err != nil {
		return User{}, "", err
	}
	var faults []errs.Fault
	name, wrong := userName(n.Name)
	if wrong != "" {
		faults = append(faults, nameFault(wrong))
	}
	display, wrong := displayName(n.DisplayName)
	if wrong != "" {
		faults = append(faults, errs.Fault{Place: "display_name", Message: wrong})
	}
	if !n.Role.Known() {
		faults = append(faults, roleFault(n.Role))
	}
	password := n.Password
	if password == "" {
		password = newPassword()
	}
	faults = append(faults, passwordFaults("password", password, name, display)...)
	if len(faults) > 0 {
		return User{}, "", errs.Faulty("", faults)
	}
	if err := by.above(n.Role); err != nil {
		return User{}, "", err
	}
	hash, err := a.hasher.hash(ctx, normalPassword(password))
	if err != nil {
		return User{}, "", err
	}
	var made User
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if there, err := findAccount(ctx, tx, name); err != nil {
			return err
		} else if there != nil {
			return failure(errs.Conflict, "name", fmt.Sprintf("there is a user %s already", name), "take another name, or change that user")
		}
		made, err = a.insertUser(ctx, tx, by, User{Name: name, DisplayName: display, Role: n.Role}, hash)
		return err
	})
	if err != nil {
		return User{}, "", within("add a user", err)
	}
	return made, password, nil
}

// above refuses to give a role that the actor has not.
func (a Actor) above(r Role) error {
	if a.Role.Covers(r) {
		return nil
	}
	return failure(errs.Forbidden, "role", fmt.Sprintf("%s, whose role is %s, cannot give the role %s", a, a.Role, r), "give a role that is not above your own")
}

func displayName(text string) (name, wrong string) {
	if text == "" {
		return "", ""
	}
	return label(text)
}

func (a *Access) insertUser(ctx context.Context, tx bun.Tx, by Actor, u User, hash string) (User, error) {
	n, err := db.NextNumber(ctx, tx, "users", 1)
	if err != nil {
		return User{}, err
	}
	u.State, u.MustChange, u.Created = Active, true, a.now()
	_, err = db.Exec(ctx, tx, "INSERT INTO users (id, name, display_name, role, state, password, must_change, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		int64(n+1), u.Name, u.DisplayName, string(u.Role), string(u.State), hash, u.MustChange, int64(u.Created))
	if err != nil {
		return User{}, err
	}
	return u, a.note(ctx, tx, by, "user.add", "user", u.Name, nil, u.body())
}

// UserChange says what is to be changed of a user; nil leaves it as it is.
type UserChange struct {
	DisplayName *string
	Role        *Role
	State       *State
}

// ChangeUser changes a user. A new role holds from the user's next request on; disabling ends the user's sessions, and
// the tokens the user made rest until the user is active again. It takes the permission Users. To disable or demote
// the last active administrator is a Conflict.
func (a *Access) ChangeUser(ctx context.Context, by Actor, name string, change UserChange) (User, error) {
	if err := by.Require(Users); err != nil {
		return User{}, err
	}
	var faults []errs.Fault
	var display, wrong string
	if change.DisplayName != nil {
		if display, wrong = displayName(*change.DisplayName); wrong != "" {
			faults = append(faults, errs.Fault{Place: "display_name", Message: wrong})
		}
	}
	if r := change.Role; r != nil && !r.Known() {
		faults = append(faults, roleFault(*r))
	}
	if s := change.State; s != nil && *s != Active && *s != Disabled {
		faults = append(faults, errs.Fault{Place: "state", Message: fmt.Sprintf("%q is no state of a user", string(*s)), Hint: "the states are active and disabled"})
	}
	if len(faults) > 0 {
		return User{}, errs.Faulty("", faults)
	}
	var after User
	err := a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		c, err := accountNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		after = c.User
		if change.DisplayName != nil {
			after.DisplayName = display
		}
		if change.Role != nil {
			after.Role = *change.Role
		}
		if change.State != nil {
			after.State = *change.State
		}
		if after == c.User {
			return nil
		}
		for _, r := range []Role{c.Role, after.Role} {
			if err := by.above(r); err != nil {
				return err
			}
		}
		if _, err := db.Exec(ctx, tx, "UPDATE users SET display_name = ?, role = ?, state = ? WHERE id = ?", after.DisplayName, string(after.Role), string(after.State), c.id); err != nil {
			return err
		}
		if after.State == Disabled {
			if _, err := db.Exec(ctx, tx, "DELETE FROM sessions WHERE user = ?", c.id); err != nil {
				return err
			}
		}
		if err := adminStays(ctx, tx, c); err != nil {
			return err
		}
		return a.note(ctx, tx, by, "user.change", "user", c.Name, c.body(), after.body())
	})
	if err != nil {
		return User{}, within("change a user", err)
	}
	return after, nil
}

// adminStays refuses what was just done to a user when that was an active administrator and none is left. was is the
// user before.
func adminStays(ctx context.Context, tx bun.Tx, was *account) error {
	if was.Role != Admin || was.State != Active {
		return nil
	}
	left := false
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM users WHERE role = ? AND state = ?)", string(Admin), string(Active)).Scan(&left); err != nil || left {
		return err
	}
	return failure(errs.Conflict, "name", fmt.Sprintf("%s is the last active administrator", was.Name), "make another administrator first")
}

// DeleteUser removes a user with all sessions, and revokes the tokens the user made. The audit keeps the name. It takes
// the permission Users. To delete the last active administrator is a Conflict.
func (a *Access) DeleteUser(ctx context.Context, by Actor, name string) error {
	if err := by.Require(Users); err != nil {
		return err
	}
	return within("delete a user", a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		c, err := accountNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := by.above(c.Role); err != nil {
			return err
		}
		tokens, err := selectTokens(ctx, tx, "WHERE t.owner = ? AND t.revoked_ms IS NULL ORDER BY t.id", c.id)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			if err := a.revoke(ctx, tx, by, t); err != nil {
				return err
			}
		}
		if _, err := db.Exec(ctx, tx, "DELETE FROM users WHERE id = ?", c.id); err != nil {
			return err
		}
		if err := adminStays(ctx, tx, c); err != nil {
			return err
		}
		return a.note(ctx, tx, by, "user.delete", "user", c.Name, c.body(), nil)
	}))
}

// ResetPassword gives a user a new password, a random one for "", which it returns and which the user has to change. It
// ends the user's sessions and lock-outs. It takes the permission Users.
func (a *Access) ResetPassword(ctx context.Context, by Actor, name, password string) (string, error) {
	if err := by.Require(Users); err != nil {
		return "", err
	}
	c, err := accountNamed(ctx, a.db.Read(), name)
	if err != nil {
		return "", err
	}
	if err := by.above(c.Role); err != nil {
		return "", err
	}
	if password == "" {
		password = newPassword()
	}
	if faults := passwordFaults("password", password, c.Name, c.DisplayName); len(faults) > 0 {
		return "", errs.Faulty("", faults)
	}
	hash, err := a.hasher.hash(ctx, normalPassword(password))
	if err != nil {
		return "", err
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		done, err := db.Exec(ctx, tx, "UPDATE users SET password = ?, must_change = 1 WHERE id = ?", hash, c.id)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return failure(errs.NotFound, "name", fmt.Sprintf("there is no user %q any more", c.Name), "")
		}
		for _, table := range []string{"sessions", "sign_in_failures"} {
			if _, err := db.Exec(ctx, tx, "DELETE FROM "+table+" WHERE user = ?", c.id); err != nil {
				return err
			}
		}
		return a.note(ctx, tx, by, "user.password", "user", c.Name, nil, nil)
	})
	if err != nil {
		return "", within("reset a password", err)
	}
	return password, nil
}

// UserNamed returns a user. It is NotFound when there is none.
func (a *Access) UserNamed(ctx context.Context, name string) (User, error) {
	c, err := accountNamed(ctx, a.db.Read(), name)
	if err != nil {
		return User{}, err
	}
	locked, err := lockedUsers(ctx, a.db.Read(), a.now())
	if err != nil {
		return User{}, err
	}
	c.LockedUntil = locked[c.id]
	return c.User, nil
}

// ListUsers returns users by name: at most limit of those after a name, "" for the first; a limit of 0 is all.
func (a *Access) ListUsers(ctx context.Context, after string, limit int) (_ []User, err error) {
	locked, err := lockedUsers(ctx, a.db.Read(), a.now())
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = -1
	}
	rows, err := a.db.Read().QueryContext(ctx, "SELECT "+accountColumns+" FROM users WHERE name > ? ORDER BY name LIMIT ?", plain(after, 16*maxName), limit)
	if err != nil {
		return nil, fmt.Errorf("access: list users: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []User
	for rows.Next() {
		var c account
		if err := c.scan(rows); err != nil {
			return nil, fmt.Errorf("access: list users: %w", err)
		}
		c.LockedUntil = locked[c.id]
		out = append(out, c.User)
	}
	return out, rows.Err()
}
