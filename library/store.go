package library

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// The counters of package db that the library uses.
const (
	idCounter       = "definitions"
	revisionCounter = "library"
)

// Load reads the library as it is.
func Load(ctx context.Context, idb bun.IDB) (*Set, error) {
	var set *Set
	// One transaction: the rows and the counters must be of one moment.
	err := idb.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) (err error) {
		set, err = load(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("library: load the definitions: %w", err)
	}
	return set, nil
}

func load(ctx context.Context, tx bun.Tx) (_ *Set, err error) {
	next, err := counter(ctx, tx, idCounter)
	if err != nil {
		return nil, err
	}
	revision, err := counter(ctx, tx, revisionCounter)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT id, kind, key, version, state, body FROM definitions ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var list []definition
	for rows.Next() {
		var h Head
		var k Kind
		var body string
		if err := rows.Scan(&h.ID, &k, &h.Key, &h.Version, &h.State, &body); err != nil {
			return nil, err
		}
		d, err := decode(k, h, []byte(body))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", Ref{k, h.Key}, err)
		}
		list = append(list, d)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return newSet(revision, uint32(next), list), nil
}

// counter reads the next number of a sequence without taking it: db.NextNumber writes, and Load must not.
func counter(ctx context.Context, tx bun.Tx, name string) (next uint64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT next FROM counters WHERE name = ?", name).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return next, err
}

// Version is one state that a definition was given.
type Version struct {
	Version int
	At      event.Time
	Actor   string
	Reason  string
	Body    json.RawMessage // the definition, with its key and state at that time
}

// History returns the versions of a definition, the first first, whatever its key was then. It is NotFound
// when there is no such definition.
func History(ctx context.Context, idb bun.IDB, of Ref) (_ []Version, err error) {
	rows, err := idb.QueryContext(ctx, `SELECT v.version, v.at_ms, v.actor, v.reason, v.body FROM definition_versions v
		JOIN definitions d ON d.id = v.definition WHERE d.kind = ? AND d.key = ? ORDER BY v.version`, string(of.Kind), of.Key)
	if err != nil {
		return nil, fmt.Errorf("library: history of %s: %w", of, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []Version
	for rows.Next() {
		var v Version
		var body string
		if err := rows.Scan(&v.Version, &v.At, &v.Actor, &v.Reason, &body); err != nil {
			return nil, fmt.Errorf("library: history of %s: %w", of, err)
		}
		v.Body = json.RawMessage(body)
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("library: history of %s: %w", of, err)
	}
	if len(out) == 0 {
		return nil, errs.New(errs.NotFound, "there is no %s", of)
	}
	return out, nil
}

// Apply writes what the edit changes as new versions, with who, when and why. The edit must have been planned on
// the library as it is: when somebody was faster, the error is a Conflict and nothing is written. An edit that
// changes nothing writes nothing.
func (e *Edit) Apply(ctx context.Context, tx bun.Tx, actor, reason string, now event.Time) error {
	if e.Empty() {
		return nil
	}
	revision, err := db.NextNumber(ctx, tx, revisionCounter, 1)
	if err != nil {
		return fmt.Errorf("library: apply: %w", err)
	}
	if revision != e.base.Revision {
		return errs.New(errs.Conflict, "the definitions have changed in the meantime: plan again, and apply then")
	}
	added := uint64(e.Set.next - e.base.next)
	if first, err := db.NextNumber(ctx, tx, idCounter, added); err != nil {
		return fmt.Errorf("library: apply: %w", err)
	} else if first != uint64(e.base.next) {
		return fmt.Errorf("library: apply: the next definition should have the number %d, the database says %d", e.base.next, first)
	}
	for _, c := range e.Changes {
		if c.What != Rename {
			continue
		}
		// Out of the way first, so that two definitions can take each other's key.
		if _, err := db.Exec(ctx, tx, "UPDATE definitions SET key = ? WHERE id = ?", "~"+strconv.Itoa(int(c.after.head().ID)), c.after.head().ID); err != nil {
			return fmt.Errorf("library: rename %s: %w", c.after.ref(), err)
		}
	}
	for _, c := range e.Changes {
		if c.What == Same {
			continue
		}
		if err := write(ctx, tx, c, actor, reason, now); err != nil {
			return fmt.Errorf("library: write %s: %w", c.after.ref(), err)
		}
	}
	return nil
}

func write(ctx context.Context, tx bun.Tx, c Change, actor, reason string, now event.Time) error {
	h := c.after.head()
	body, err := marshal(c.after.body())
	if err != nil {
		return err
	}
	if c.What == Add {
		_, err = db.Exec(ctx, tx, "INSERT INTO definitions (id, kind, key, version, state, body, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			h.ID, string(c.Kind), h.Key, h.Version, string(h.State), string(body), int64(now), int64(now))
	} else {
		_, err = db.Exec(ctx, tx, "UPDATE definitions SET key = ?, version = ?, state = ?, body = ?, updated_ms = ? WHERE id = ?",
			h.Key, h.Version, string(h.State), string(body), int64(now), h.ID)
	}
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, tx, "INSERT INTO definition_versions (definition, version, body, at_ms, actor, reason) VALUES (?, ?, ?, ?, ?, ?)",
		h.ID, h.Version, string(body), int64(now), actor, reason)
	return err
}
