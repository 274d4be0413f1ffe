package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// How long sessions last, and how many one user has at a time.
const (
	idleTime    = 12 * hour // without any request
	sessionTime = 7 * day
	maxSessions = 20 // the oldest goes
)

// beginSession stores a session, and removes the oldest when there are too many.
func beginSession(ctx context.Context, tx bun.Tx, user int64, secret string, from Origin, now event.Time) error {
	hash := digestOf(secret)
	if _, err := db.Exec(ctx, tx, "INSERT INTO sessions (secret, user, created_ms, used_ms, ip, user_agent) VALUES (?, ?, ?, ?, ?, ?)",
		hash[:], user, int64(now), int64(now), from.IP, from.UserAgent); err != nil {
		return err
	}
	_, err := db.Exec(ctx, tx, "DELETE FROM sessions WHERE user = ? AND id NOT IN (SELECT id FROM sessions WHERE user = ? ORDER BY id DESC LIMIT ?)", user, user, maxSessions)
	return err
}

func sessionEnded() error {
	return failure(errs.Unauthorized, "session", "this session has ended, or never was", "sign in again")
}

// BySession returns the user whose session it is, with the role that the user has now. A session that is unknown, has
// ended, or was not used for 12 hours is Unauthorized. It reads one row and writes nothing.
func (a *Access) BySession(ctx context.Context, secret string, from Origin) (Actor, error) {
	hash := digestOf(secret)
	var stored []byte
	var created, used event.Time
	var c account
	row := a.db.Read().QueryRowContext(ctx, `SELECT s.secret, s.created_ms, s.used_ms, u.id, u.name, u.display_name, u.role, u.state, u.must_change
		FROM sessions AS s JOIN users AS u ON u.id = s.user WHERE s.secret = ?`, hash[:])
	switch err := row.Scan(&stored, &created, &used, &c.id, &c.Name, &c.DisplayName, &c.Role, &c.State, &c.MustChange); {
	case errors.Is(err, sql.ErrNoRows):
		return Actor{}, sessionEnded()
	case err != nil:
		return Actor{}, fmt.Errorf("access: look up a session: %w", err)
	}
	now := a.now()
	if !hash.equal(stored) || c.State != Active || now >= a.sessions.last(hash, used)+idleTime || now >= created+sessionTime {
		return Actor{}, sessionEnded()
	}
	a.sessions.note(hash, used, now)
	actor := c.actor(from)
	actor.session, actor.SessionEnds = hash, created+sessionTime
	return actor, nil
}

// SignOut ends the session that the actor came by. An actor without one is let be.
func (a *Access) SignOut(ctx context.Context, by Actor) error {
	if by.Kind != UserActor {
		return nil
	}
	return within("sign out", a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		done, err := db.Exec(ctx, tx, "DELETE FROM sessions WHERE secret = ?", by.session[:])
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return a.note(ctx, tx, by, "session.end", "user", by.Name, nil, nil)
	}))
}
