package access

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// SignedIn is the outcome of a sign-in.
type SignedIn struct {
	// Session is the secret that the browser keeps, in a cookie that scripts cannot read. It is told this once.
	Session string
	Ends    event.Time // the session does not outlast this instant
	Actor   Actor
}

// SignIn begins a session for whoever knows a user's password.
//
// A wrong name and a wrong password are the same Unauthorized error after the same work. Too many of them are Limited
// (see LockedUntil), a disabled user with the right password is Forbidden, and too many sign-ins at once are Busy.
func (a *Access) SignIn(ctx context.Context, name, password string, from Origin) (SignedIn, error) {
	from = from.tidy()
	secret := newSecret(secretBytes)
	out := SignedIn{Session: secret}
	err := a.prove(ctx, attempt{name, password, from, "session.begin", wrongSignIn}, func(ctx context.Context, tx bun.Tx, c *account) error {
		now := a.now()
		if err := beginSession(ctx, tx, c.id, secret, from, now); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, tx, "UPDATE users SET signed_in_ms = ? WHERE id = ?", int64(now), c.id); err != nil {
			return err
		}
		out.Ends = now + sessionTime
		out.Actor = c.actor(from)
		out.Actor.session, out.Actor.SessionEnds = digestOf(secret), out.Ends
		return a.note(ctx, tx, out.Actor, "session.begin", "user", c.Name, nil, nil)
	})
	if err != nil {
		return SignedIn{}, err
	}
	return out, nil
}

// attempt is somebody who says to know a password.
type attempt struct {
	name, password string
	from           Origin
	action         string       // what it is for, in the audit
	wrong          func() error // what is told when the password is wrong
}

// prove checks a password under the limits, and runs then in a transaction when it is right.
func (a *Access) prove(ctx context.Context, t attempt, then func(context.Context, bun.Tx, *account) error) error {
	address := t.from.address()
	leave, err := a.turns.take(ctx, address)
	if err != nil {
		return err
	}
	defer leave()

	stored, wrong := userName(t.name)
	subject := subjectOf(stored, address)
	var c *account
	if wrong != "" {
		subject = subjectOf(t.name, address) // counted like any other
	} else if c, err = findAccount(ctx, a.db.Read(), stored); err != nil {
		return err
	}
	if err := checkLimits(ctx, a.db.Read(), subject, address, a.now()); err != nil {
		return err
	}

	hash := a.hasher.nobody
	if c != nil {
		hash = c.hash
	}
	password := normalPassword(t.password)
	ok, weak, err := a.hasher.check(ctx, hash, password)
	if err != nil {
		return err
	}
	if ok = ok && c != nil; ok && weak {
		if hash, err = a.hasher.hash(ctx, password); err != nil {
			return err
		}
	}

	var refused error // told after the commit, which keeps the count and the audit of it
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if !ok {
			refused, err = a.refuse(ctx, tx, t, c, subject, address)
			return err
		}
		now, err := accountByID(ctx, tx, c.id)
		switch {
		case err != nil:
			return err
		case now == nil || now.hash != c.hash:
			refused = t.wrong() // it changed while it was checked
			return nil
		case now.State != Active:
			refused = failure(errs.Forbidden, "name", fmt.Sprintf("the user %s is disabled", now.Name), "ask an administrator")
			return a.Record(ctx, tx, Entry{By: nobody(t.from), Action: t.action, Kind: "user", Object: now.Name, Outcome: Refused})
		}
		if err := clearFailures(ctx, tx, subject); err != nil {
			return err
		}
		if hash != c.hash {
			if _, err := db.Exec(ctx, tx, "UPDATE users SET password = ? WHERE id = ?", hash, c.id); err != nil {
				return err
			}
		}
		return then(ctx, tx, now)
	})
	if err != nil {
		return within("sign in", err)
	}
	return refused
}

func nobody(from Origin) Actor { return Actor{Kind: NobodyActor, Origin: from} }

func wrongSignIn() error {
	return failure(errs.Unauthorized, "password", "the name or the password is wrong", fmt.Sprintf("after %d failures the name is locked for %d minutes", nameFailures, nameLock/minute))
}

// wrongPresent is Invalid: the session is as good as before, and another kind would send the user to sign in.
func wrongPresent() error {
	return failure(errs.Invalid, "present", "the present password is wrong", fmt.Sprintf("after %d failures the name is locked for %d minutes", nameFailures, nameLock/minute))
}

// refuse counts a wrong password and returns what is told: that it is wrong, or, when it was the last one allowed, that
// the name or the address is locked out from now on.
func (a *Access) refuse(ctx context.Context, tx bun.Tx, t attempt, c *account, subject []byte, address string) (told, err error) {
	now := a.now()
	user, name := int64(0), "" // what nobody is called is not written down: people type passwords there
	if c != nil {
		user, name = c.id, c.Name
		if there, err := accountByID(ctx, tx, user); err != nil {
			return nil, err
		} else if there == nil {
			user = 0
		}
	}
	if err := noteFailure(ctx, tx, subject, user, address, now); err != nil {
		return nil, err
	}
	if err := a.Record(ctx, tx, Entry{By: nobody(t.from), Action: t.action, Kind: "user", Object: name, Outcome: Refused}); err != nil {
		return nil, err
	}
	switch err := checkLimits(ctx, tx, subject, address, now); {
	case err == nil:
		return t.wrong(), nil
	case errs.Is(err, errs.Limited):
		return err, nil
	default:
		return nil, err
	}
}

// ChangePassword changes the password of the user who asks, who has to know the present one, and ends the user's
// other sessions. It takes no permission, and is what somebody who MustChange can do.
//
// Wrong present passwords are Invalid and count like failed sign-ins. What is wrong with the new one is Invalid too.
func (a *Access) ChangePassword(ctx context.Context, by Actor, present, next string) error {
	if by.Kind != UserActor {
		return failure(errs.Forbidden, "password", fmt.Sprintf("%s has no password", by), "sign in as the user whose password it is")
	}
	faults := passwordFaults("password", next, by.Name, by.DisplayName)
	if len(faults) == 0 && normalPassword(present) == normalPassword(next) {
		faults = append(faults, errs.Fault{Place: "password", Message: "the new password is the present one", Hint: "take another"})
	}
	if len(faults) > 0 {
		return errs.Faulty("", faults)
	}
	hash, err := a.hasher.hash(ctx, normalPassword(next))
	if err != nil {
		return err
	}
	return a.prove(ctx, attempt{by.Name, present, by.Origin, "user.password", wrongPresent}, func(ctx context.Context, tx bun.Tx, c *account) error {
		if c.id != by.user {
			return sessionEnded() // another user has the name by now
		}
		if _, err := db.Exec(ctx, tx, "UPDATE users SET password = ?, must_change = 0 WHERE id = ?", hash, c.id); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, tx, "DELETE FROM sessions WHERE user = ? AND secret <> ?", c.id, by.session[:]); err != nil {
			return err
		}
		return a.note(ctx, tx, by, "user.password", "user", c.Name, nil, nil)
	})
}
