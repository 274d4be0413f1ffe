// Package access knows who may do what: users and their passwords, sessions, tokens of programs, write keys of sources,
// the one table of permissions, and the audit of every write. It knows no HTTP.
//
// Whoever asks is an Actor. SignIn, BySession and ByToken tell who that is, Actor.May what they may do. Everything that
// writes takes the actor, checks the permission once more, and leaves an audit row in the same transaction.
package access

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// Options of an Access. The zero value is right for production.
type Options struct {
	// Cost is the work of a password's hash; zero for DefaultCost. When it rises, each password is hashed anew at the
	// next sign-in of its user.
	Cost Cost
}

// Access answers for one database. Its methods may be called concurrently. There must be one for each database,
// because it remembers what was used lately, the write keys, and the local token.
type Access struct {
	db     *db.DB
	now    func() event.Time
	hasher *hasher
	turns  turns

	sessions uses[digest]
	tokens   uses[int64]
	keys     uses[int64]

	sources sourceCache
	local   localToken
}

// New returns the access of a database. now is the machine's clock, also where that of the workspace is stopped: it
// ends sessions and lock-outs.
func New(d *db.DB, now func() event.Time, o Options) *Access {
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost()
	}
	return &Access{db: d, now: now, hasher: newHasher(o.Cost)}
}

const (
	second event.Time = 1000
	minute            = 60 * second
	hour              = 60 * minute
	day               = 24 * hour
)

// Sweep writes when sessions, tokens and write keys were used last, and removes sessions and failed sign-ins that count
// no more. A serving process calls it once a minute and when it ends: nothing that only reads waits for a write that way.
// It writes nothing when there is nothing to write.
func (a *Access) Sweep(ctx context.Context) error {
	now := a.now()
	sessions, tokens, keys := a.sessions.all(), a.tokens.all(), a.keys.all()
	ended := false
	const isEnded = "used_ms <= ? OR created_ms <= ?"
	row := a.db.Read().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sessions WHERE "+isEnded+") OR EXISTS (SELECT 1 FROM sign_in_failures WHERE at_ms <= ?)",
		int64(now-idleTime), int64(now-sessionTime), int64(now-addressWindow))
	if err := row.Scan(&ended); err != nil {
		return fmt.Errorf("access: look for what has ended: %w", err)
	}
	if len(sessions)+len(tokens)+len(keys) == 0 && !ended {
		return nil
	}
	err := a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for secret, at := range sessions {
			if _, err := db.Exec(ctx, tx, "UPDATE sessions SET used_ms = MAX(used_ms, ?) WHERE secret = ?", int64(at), secret[:]); err != nil {
				return err
			}
		}
		for id, at := range tokens {
			if _, err := db.Exec(ctx, tx, "UPDATE tokens SET used_ms = MAX(COALESCE(used_ms, 0), ?) WHERE id = ?", int64(at), id); err != nil {
				return err
			}
		}
		for id, at := range keys {
			if _, err := db.Exec(ctx, tx, "UPDATE write_keys SET used_ms = MAX(COALESCE(used_ms, 0), ?) WHERE id = ?", int64(at), id); err != nil {
				return err
			}
		}
		if _, err := db.Exec(ctx, tx, "DELETE FROM sessions WHERE "+isEnded, int64(now-idleTime), int64(now-sessionTime)); err != nil {
			return err
		}
		return forgetFailures(ctx, tx, now)
	})
	if err != nil {
		return fmt.Errorf("access: note what was used: %w", err)
	}
	a.sessions.forget(sessions)
	a.tokens.forget(tokens)
	a.keys.forget(keys)
	return nil
}

// uses remembers when things were used until that is written down.
type uses[K comparable] struct {
	mu sync.Mutex
	at map[K]event.Time
}

// note remembers a use, at most one a minute for each.
func (u *uses[K]) note(k K, written, now event.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now < max(u.at[k], written)+minute {
		return
	}
	if u.at == nil {
		u.at = map[K]event.Time{}
	}
	u.at[k] = now
}

// last is the later of what is remembered and what was written.
func (u *uses[K]) last(k K, written event.Time) event.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return max(u.at[k], written)
}

func (u *uses[K]) all() map[K]event.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make(map[K]event.Time, len(u.at))
	for k, at := range u.at {
		out[k] = at
	}
	return out
}

// forget drops what was written, unless there was a later use.
func (u *uses[K]) forget(written map[K]event.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k, at := range written {
		if u.at[k] == at {
			delete(u.at, k)
		}
	}
}

// failure is an error of a kind with one fault.
func failure(kind errs.Kind, place, message, hint string) error {
	return &errs.Error{Kind: kind, Faults: []errs.Fault{{Place: place, Message: message, Hint: hint}}}
}

// within says what was being done when the machine failed; what people did wrong speaks for itself.
func within(doing string, err error) error {
	var e *errs.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("access: %s: %w", doing, err)
}

// orNull is an instant as it is stored where there may be none: 0 is NULL.
func orNull(t event.Time) any {
	if t == 0 {
		return nil
	}
	return int64(t)
}
