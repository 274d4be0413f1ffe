package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// WriteKeyPrefix begins every write key.
const WriteKeyPrefix = "wk_"

// keyBytes is the length of a write key before it is written in letters: 160 bits.
const keyBytes = 20

// Source is where events come from.
type Source struct {
	Name    string
	Created event.Time
	Keys    []WriteKey // the first made first, the revoked among them
}

// WriteKey allows whoever has it to send events of a source, and nothing else. It is no secret: it stands in the code of
// web pages and apps. So it is stored in clear, and ShowKey tells it again.
type WriteKey struct {
	ID      int64
	Masked  string // what a list shows of it
	Created event.Time
	Used    event.Time // the last time, to a minute; 0: never
	Revoked event.Time // 0: it is not
}

// mask leaves of a key what tells it from others.
func mask(key string) string { return WriteKeyPrefix + "…" + key[max(0, len(key)-4):] }

// sourceCache knows the source of each write key that is not revoked. Intake asks for every request.
type sourceCache struct {
	mu    sync.RWMutex
	byKey map[digest]keyOf // nil: to be read
}

type keyOf struct {
	id     int64
	key    string
	source string
}

// forget makes the next question read the keys again. Call it after the commit of what changed them.
func (c *sourceCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byKey = nil
}

// get returns the keys, and reads them where they were forgotten. It reads under the lock, so that what was read before
// a commit is not kept after it.
func (c *sourceCache) get(ctx context.Context, idb bun.IDB) (_ map[digest]keyOf, err error) {
	c.mu.RLock()
	known := c.byKey
	c.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey != nil {
		return c.byKey, nil
	}
	rows, err := idb.QueryContext(ctx, "SELECT k.id, k.key, s.name FROM write_keys AS k JOIN sources AS s ON s.id = k.source WHERE k.revoked_ms IS NULL")
	if err != nil {
		return nil, fmt.Errorf("access: read write keys: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	read := map[digest]keyOf{}
	for rows.Next() {
		var k keyOf
		if err := rows.Scan(&k.id, &k.key, &k.source); err != nil {
			return nil, fmt.Errorf("access: read write keys: %w", err)
		}
		read[digestOf(k.key)] = k
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("access: read write keys: %w", err)
	}
	c.byKey = read
	return read, nil
}

// SourceByKey returns the source of a write key. One that is unknown or revoked is Unauthorized. It reads memory only,
// but for the first question after a change.
func (a *Access) SourceByKey(ctx context.Context, key string) (source string, err error) {
	known, err := a.sources.get(ctx, a.db.Read())
	if err != nil {
		return "", err
	}
	hash := digestOf(key)
	k, ok := known[hash]
	if stored := digestOf(k.key); !ok || !hash.equal(stored[:]) {
		return "", failure(errs.Unauthorized, "write key", "this write key is not known, or was revoked", "`tagma source list` tells which keys there are")
	}
	a.keys.note(k.id, 0, a.now())
	return k.source, nil
}

// AddSource makes a source with a first write key, which it returns. A source that an import has made, and that has no
// key in force, gets one; any other of that name is a Conflict. It takes the permission Sources.
func (a *Access) AddSource(ctx context.Context, by Actor, name string) (key string, err error) {
	if err := by.Require(Sources); err != nil {
		return "", err
	}
	name, wrong := label(name)
	if wrong != "" {
		return "", failure(errs.Invalid, "name", wrong, "a source is called after the site, app or system that sends")
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		id, err := sourceID(ctx, tx, name)
		if err != nil {
			return err
		}
		if id == 0 {
			n, err := db.NextNumber(ctx, tx, "sources", 1)
			if err != nil {
				return err
			}
			id = int64(n + 1)
			if _, err := db.Exec(ctx, tx, "INSERT INTO sources (id, name, created_ms) VALUES (?, ?, ?)", id, name, int64(a.now())); err != nil {
				return err
			}
		}
		keys, err := keysInForce(ctx, tx, id)
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			return failure(errs.Conflict, "name", fmt.Sprintf("there is a source %q already", name), "add a key to that source, or take another name")
		}
		key, err = a.insertKey(ctx, tx, by, "source.add", id, name)
		return err
	})
	if err != nil {
		return "", within("add a source", err)
	}
	a.sources.forget()
	return key, nil
}

// AddKey gives a source another write key, and returns it: keys are changed by adding one, bringing it to where events
// are sent from, and revoking the old one. It takes the permission Sources.
func (a *Access) AddKey(ctx context.Context, by Actor, source string) (key string, err error) {
	if err := by.Require(Sources); err != nil {
		return "", err
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		id, name, err := sourceNamed(ctx, tx, source)
		if err != nil {
			return err
		}
		key, err = a.insertKey(ctx, tx, by, "source.key.add", id, name)
		return err
	})
	if err != nil {
		return "", within("add a write key", err)
	}
	a.sources.forget()
	return key, nil
}

// keyBody is a write key in the audit.
type keyBody struct {
	ID  int64  `json:"id"`
	Key string `json:"key"` // masked
}

func (a *Access) insertKey(ctx context.Context, tx bun.Tx, by Actor, action string, source int64, name string) (string, error) {
	n, err := db.NextNumber(ctx, tx, "write_keys", 1)
	if err != nil {
		return "", err
	}
	key := WriteKeyPrefix + newSecret(keyBytes)
	if _, err := db.Exec(ctx, tx, "INSERT INTO write_keys (id, source, key, created_ms) VALUES (?, ?, ?, ?)", int64(n+1), source, key, int64(a.now())); err != nil {
		return "", err
	}
	return key, a.note(ctx, tx, by, action, "source", name, nil, &keyBody{int64(n + 1), mask(key)})
}

// RevokeKey ends one write key. It takes the permission Sources. One that is revoked already stays so; one that does not
// exist is NotFound.
func (a *Access) RevokeKey(ctx context.Context, by Actor, id int64) error {
	if err := by.Require(Sources); err != nil {
		return err
	}
	err := a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		key, source, revoked, err := keyNumbered(ctx, tx, id)
		if err != nil || revoked {
			return err
		}
		return a.revokeKey(ctx, tx, by, source, id, key)
	})
	a.sources.forget()
	return within("revoke a write key", err)
}

// RevokeKeys ends all write keys of a source, and returns how many there were. The source and its events stay. It takes
// the permission Sources.
func (a *Access) RevokeKeys(ctx context.Context, by Actor, source string) (n int, err error) {
	if err := by.Require(Sources); err != nil {
		return 0, err
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		id, name, err := sourceNamed(ctx, tx, source)
		if err != nil {
			return err
		}
		keys, err := keysInForce(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if err := a.revokeKey(ctx, tx, by, name, k.id, k.key); err != nil {
				return err
			}
		}
		n = len(keys)
		return nil
	})
	a.sources.forget()
	if err != nil {
		return 0, within("revoke write keys", err)
	}
	return n, nil
}

func (a *Access) revokeKey(ctx context.Context, tx bun.Tx, by Actor, source string, id int64, key string) error {
	if _, err := db.Exec(ctx, tx, "UPDATE write_keys SET revoked_ms = ? WHERE id = ?", int64(a.now()), id); err != nil {
		return err
	}
	return a.note(ctx, tx, by, "source.key.revoke", "source", source, &keyBody{id, mask(key)}, nil)
}

// ShowKey tells a write key in clear. It takes the permission Sources, and leaves an audit row.
func (a *Access) ShowKey(ctx context.Context, by Actor, id int64) (key string, err error) {
	if err := by.Require(Sources); err != nil {
		return "", err
	}
	err = a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var source string
		if key, source, _, err = keyNumbered(ctx, tx, id); err != nil {
			return err
		}
		return a.note(ctx, tx, by, "source.key.show", "source", source, nil, &keyBody{id, mask(key)})
	})
	if err != nil {
		return "", within("show a write key", err)
	}
	return key, nil
}

// ListSources returns sources by name with their keys: at most limit of those after a name, "" for the first; a limit
// of 0 is all.
func (a *Access) ListSources(ctx context.Context, after string, limit int) (_ []Source, err error) {
	if limit <= 0 {
		limit = -1
	}
	rows, err := a.db.Read().QueryContext(ctx, `SELECT s.name, s.created_ms, COALESCE(k.id, 0), COALESCE(k.key, ''), COALESCE(k.created_ms, 0), COALESCE(k.used_ms, 0), COALESCE(k.revoked_ms, 0)
		FROM (SELECT id, name, created_ms FROM sources WHERE name > ? ORDER BY name LIMIT ?) AS s LEFT JOIN write_keys AS k ON k.source = s.id ORDER BY s.name, k.id`, plain(after, maxLabel), limit)
	if err != nil {
		return nil, fmt.Errorf("access: list sources: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []Source
	for rows.Next() {
		var s Source
		var k WriteKey
		var key string
		if err := rows.Scan(&s.Name, &s.Created, &k.ID, &key, &k.Created, &k.Used, &k.Revoked); err != nil {
			return nil, fmt.Errorf("access: list sources: %w", err)
		}
		if len(out) == 0 || out[len(out)-1].Name != s.Name {
			out = append(out, s)
		}
		if k.ID != 0 {
			k.Masked, k.Used = mask(key), a.keys.last(k.ID, k.Used)
			last := &out[len(out)-1]
			last.Keys = append(last.Keys, k)
		}
	}
	return out, rows.Err()
}

// sourceID is the number of a source, 0 when there is none of that name.
func sourceID(ctx context.Context, tx bun.Tx, name string) (id int64, err error) {
	err = tx.Tx.QueryRowContext(ctx, "SELECT id FROM sources WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func sourceNamed(ctx context.Context, tx bun.Tx, text string) (id int64, name string, err error) {
	name = strings.TrimSpace(text)
	if id, err = sourceID(ctx, tx, name); err == nil && id == 0 {
		err = failure(errs.NotFound, "name", fmt.Sprintf("there is no source %q", plain(text, maxLabel)), "see the list of sources")
	}
	return id, name, err
}

func keysInForce(ctx context.Context, tx bun.Tx, source int64) (keys []keyOf, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, key FROM write_keys WHERE source = ? AND revoked_ms IS NULL ORDER BY id", source)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var k keyOf
		if err := rows.Scan(&k.id, &k.key); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// keyNumbered returns a write key and the name of its source.
func keyNumbered(ctx context.Context, tx bun.Tx, id int64) (key, source string, revoked bool, err error) {
	row := tx.QueryRowContext(ctx, "SELECT k.key, s.name, k.revoked_ms IS NOT NULL FROM write_keys AS k JOIN sources AS s ON s.id = k.source WHERE k.id = ?", id)
	if err = row.Scan(&key, &source, &revoked); errors.Is(err, sql.ErrNoRows) {
		err = failure(errs.NotFound, "id", fmt.Sprintf("there is no write key %d", id), "see the list of sources")
	}
	return key, source, revoked, err
}
