package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tagma/access"
	"tagma/errs"
	"tagma/event"
	"tagma/workspace"
)

// withAccess opens the workspace and who may use it. Whoever holds the data directory may everything.
func (p *program) withAccess(f func(w *workspace.Workspace, a *access.Access, by access.Actor) error) error {
	return p.open(func(w *workspace.Workspace) error {
		if p.host != nil {
			return f(w, p.host.may, access.Local())
		}
		return f(w, access.New(w.DB, func() event.Time { return event.At(time.Now()) }, access.Options{}), access.Local())
	})
}

// shown is an instant, or a dash.
func shown(w *workspace.Workspace, t event.Time) string {
	if t == 0 {
		return "-"
	}
	return w.Zone.Format(t)
}

type sourceCmd struct {
	Add    sourceAddCmd    `cmd:"" help:"Make a source, and print its write key."`
	List   sourceListCmd   `cmd:"" help:"List the sources and their write keys."`
	Key    sourceKeyCmd    `cmd:"" help:"Make another write key, to replace the one before."`
	Revoke sourceRevokeCmd `cmd:"" help:"Revoke the write keys of a source, or one of them."`
}

type sourceAddCmd struct {
	Name string `arg:"" help:"What it is called."`
}

func (c *sourceAddCmd) Run(p *program) error {
	return p.withAccess(func(_ *workspace.Workspace, a *access.Access, by access.Actor) error {
		key, err := a.AddSource(p.ctx, by, c.Name)
		if err != nil {
			return err
		}
		return p.printKey(c.Name, key)
	})
}

func (p *program) printKey(source, key string) error {
	if p.json {
		return p.printJSON(map[string]string{"name": source, "write_key": key})
	}
	fmt.Fprintln(p.out, key)
	return nil
}

type sourceKeyCmd struct {
	Name string `arg:"" help:"The source."`
}

func (c *sourceKeyCmd) Run(p *program) error {
	return p.withAccess(func(_ *workspace.Workspace, a *access.Access, by access.Actor) error {
		key, err := a.AddKey(p.ctx, by, c.Name)
		if err != nil {
			return err
		}
		return p.printKey(c.Name, key)
	})
}

type sourceListCmd struct{}

func (c *sourceListCmd) Run(p *program) error {
	return p.withAccess(func(w *workspace.Workspace, a *access.Access, _ access.Actor) error {
		sources, err := a.ListSources(p.ctx, "", 0)
		if err != nil {
			return err
		}
		type keyJSON struct {
			ID      int64  `json:"id"`
			Key     string `json:"key"`
			Created string `json:"created"`
			Used    string `json:"last_used,omitempty"`
			Revoked bool   `json:"revoked,omitempty"`
		}
		type sourceJSON struct {
			Name string    `json:"name"`
			Keys []keyJSON `json:"keys"`
		}
		list := []sourceJSON{}
		for _, s := range sources {
			one := sourceJSON{s.Name, []keyJSON{}}
			for _, k := range s.Keys {
				j := keyJSON{ID: k.ID, Key: k.Masked, Created: shown(w, k.Created), Revoked: k.Revoked != 0}
				if k.Used != 0 {
					j.Used = shown(w, k.Used)
				}
				one.Keys = append(one.Keys, j)
			}
			list = append(list, one)
		}
		if p.json {
			return p.printJSON(list)
		}
		for _, s := range list {
			fmt.Fprintln(p.out, s.Name)
			for _, k := range s.Keys {
				state := ""
				if k.Revoked {
					state = "  revoked"
				}
				fmt.Fprintf(p.out, "  %-6d %s  made %s  last used %s%s\n", k.ID, k.Key, k.Created, dash(k.Used), state)
			}
		}
		return nil
	})
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

type sourceRevokeCmd struct {
	Name string `arg:"" help:"The source."`
	Key  int64  `help:"Only this key, by its number in the list." placeholder:"ID"`
}

func (c *sourceRevokeCmd) Run(p *program) error {
	return p.withAccess(func(_ *workspace.Workspace, a *access.Access, by access.Actor) error {
		if c.Key != 0 {
			if err := a.RevokeKey(p.ctx, by, c.Key); err != nil {
				return err
			}
			fmt.Fprintf(p.out, "revoked the key %d\n", c.Key)
			return nil
		}
		n, err := a.RevokeKeys(p.ctx, by, c.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "revoked %s of %s\n", count(n, "write key"), c.Name)
		return nil
	})
}

type tokenCmd struct {
	Add    tokenAddCmd    `cmd:"" help:"Make a token, and print it, once."`
	List   tokenListCmd   `cmd:"" help:"List the tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token."`
}

type tokenAddCmd struct {
	Name    string  `arg:"" help:"What it is for."`
	Role    string  `help:"What it may: viewer, operator, manager, admin." required:"" placeholder:"ROLE"`
	Expires *string `help:"The instant from which on it is worth nothing; a date is the last day." placeholder:"T"`
}

func (c *tokenAddCmd) Run(p *program) error {
	return p.withAccess(func(w *workspace.Workspace, a *access.Access, by access.Actor) error {
		n := access.NewToken{Name: c.Name, Role: access.Role(c.Role)}
		if c.Expires != nil {
			t, err := untilInstant(w, *c.Expires)
			if err != nil {
				return errs.New(errs.Invalid, "--expires: %w", err)
			}
			n.Expires = t
		}
		t, text, err := a.AddToken(p.ctx, by, n)
		if err != nil {
			return err
		}
		if p.json {
			return p.printJSON(map[string]any{"id": t.ID, "name": t.Name, "role": t.Role, "token": text})
		}
		fmt.Fprintln(p.out, text)
		return nil
	})
}

type tokenListCmd struct{}

func (c *tokenListCmd) Run(p *program) error {
	return p.withAccess(func(w *workspace.Workspace, a *access.Access, _ access.Actor) error {
		tokens, err := a.ListTokens(p.ctx, 0, 0)
		if err != nil {
			return err
		}
		type tokenJSON struct {
			ID      int64       `json:"id"`
			Name    string      `json:"name"`
			Role    access.Role `json:"role"`
			Hint    string      `json:"hint"`
			MadeBy  string      `json:"made_by"`
			Created string      `json:"created"`
			Expires string      `json:"expires,omitempty"`
			Used    string      `json:"last_used,omitempty"`
			State   string      `json:"state"`
		}
		list := []tokenJSON{}
		for _, t := range tokens {
			j := tokenJSON{ID: t.ID, Name: t.Name, Role: t.Role, Hint: t.Hint, MadeBy: t.MadeBy, Created: shown(w, t.Created), State: "active"}
			if t.Expires != 0 {
				if j.Expires = shown(w, t.Expires); t.Expires <= event.At(time.Now()) {
					j.State = "expired"
				}
			}
			if t.Used != 0 {
				j.Used = shown(w, t.Used)
			}
			if t.Resting {
				j.State = "resting"
			}
			if t.Revoked != 0 {
				j.State = "revoked"
			}
			list = append(list, j)
		}
		if p.json {
			return p.printJSON(list)
		}
		for _, t := range list {
			fmt.Fprintf(p.out, "%-6d %-24s %-9s …%s  %-8s made %s by %s  expires %s  last used %s\n", t.ID, t.Name, t.Role, t.Hint, t.State, t.Created, t.MadeBy, dash(t.Expires), dash(t.Used))
		}
		return nil
	})
}

type tokenRevokeCmd struct {
	Token string `arg:"" help:"Its name, or its number in the list."`
}

func (c *tokenRevokeCmd) Run(p *program) error {
	return p.withAccess(func(_ *workspace.Workspace, a *access.Access, by access.Actor) error {
		id, err := strconv.ParseInt(c.Token, 10, 64)
		if err != nil {
			t, err := a.TokenNamed(p.ctx, c.Token)
			if err != nil {
				return err
			}
			id = t.ID
		}
		if err := a.RevokeToken(p.ctx, by, id); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "revoked the token %s\n", c.Token)
		return nil
	})
}

type userCmd struct {
	Add      userAddCmd      `cmd:"" help:"Make a user, and print the first password, once."`
	List     userListCmd     `cmd:"" help:"List the users."`
	Password userPasswordCmd `cmd:"" help:"Give a user a new password, and print it, once: it ends a lock-out and all sessions."`
	Role     userRoleCmd     `cmd:"" help:"Give a user another role."`
	Disable  userDisableCmd  `cmd:"" help:"Keep a user from signing in."`
	Enable   userEnableCmd   `cmd:"" help:"Let a user sign in again."`
}

type userAddCmd struct {
	Name    string `arg:"" help:"What the user signs in with."`
	Role    string `help:"What the user may: viewer, operator, manager, admin." required:"" placeholder:"ROLE"`
	Display string `help:"What people call the user." placeholder:"TEXT"`
}

func (c *userAddCmd) Run(p *program) error {
	return p.withAccess(func(_ *workspace.Workspace, a *access.Access, by access.Actor) error {
		u, password, err := a.AddUser(p.ctx, by, access.NewUser{Name: c.Name, DisplayName: c.Display, Role: access.Role(c.Role)})
		if err != nil {
			return err
		}
		return p.printPassword(u.Name, password)
	})
}

func (p *program) printPassword(name, password string) error {
	if p.json {
		return p.printJSON(map[string]string{"name": name, "password": password})
	}
	fmt.Fprintln(p.out, password)
	return nil
}

type userListCmd struct{}

func (c *userListCmd) Run(p *program) error {
	return p.withAccess(func(w *workspace.Workspace, a *access.Access, _ access.Actor) error {
		users, err := a.ListUsers(p.ctx, "", 0)
		if err != nil {
			return err
		}
		if p.json {
			list := []map[string]any{}
			for _, u := range users {
				list = append(list, map[string]any{"name": u.Name, "display": u.DisplayName, "role": u.Role, "state": u.State, "last_sign_in": strings.TrimPrefix(shown(w, u.LastSignIn), "-")})
			}
			return p.printJSON(list)
		}
		for _, u := range users {
			state := string(u.State)
			if u.LockedUntil != 0 {
				state += ", locked until " + shown(w, u.LockedUntil)
			}
			fmt.Fprintf(p.out, "%-20s %-9s %-20s %s  last signed in %s\n", u.Name, u.Role, u.DisplayName, state, shown(w, u.LastSignIn))
		}
		return nil
	})
}

type userPasswordCmd struct {
	Name string `arg:"" help:"The user."`
}

func (c *userPasswordCmd) Run(p *program) error {
	return p.withAccess(func(_ *workspace.Workspace, a *access.Access, by access.Actor) error {
		password, err := a.ResetPassword(p.ctx, by, c.Name, "")
		if err != nil {
			return err
		}
		return p.printPassword(c.Name, password)
	})
}

type userRoleCmd struct {
	Name string `arg:"" help:"The user."`
	Role string `arg:"" help:"viewer, operator, manager, admin."`
}

func (c *userRoleCmd) Run(p *program) error {
	role := access.Role(c.Role)
	return p.changeUser(c.Name, access.UserChange{Role: &role})
}

type userDisableCmd struct {
	Name string `arg:"" help:"The user."`
}

func (c *userDisableCmd) Run(p *program) error {
	state := access.Disabled
	return p.changeUser(c.Name, access.UserChange{State: &state})
}

type userEnableCmd struct {
	Name string `arg:"" help:"The user."`
}

func (c *userEnableCmd) Run(p *program) error {
	state := access.Active
	return p.changeUser(c.Name, access.UserChange{State: &state})
}

func (p *program) changeUser(name string, change access.UserChange) error {
	return p.withAccess(func(_ *workspace.Workspace, a *access.Access, by access.Actor) error {
		u, err := a.ChangeUser(p.ctx, by, name, change)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s: %s, %s\n", u.Name, u.Role, u.State)
		return nil
	})
}
