package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// Outcome is how what was tried ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
)

// Entry is one thing that was done, or tried, to be recorded in the audit.
type Entry struct {
	By     Actor
	Action string // what was done, such as "tag.change": a noun, a point, a verb
	// Kind and Object say what it was done to: "tag" and its key. Identifiers of customers stand in an object only when
	// it is the profile's number, since rows are never changed; they may stand in Before and After.
	Kind, Object string
	Outcome      Outcome // "" is Done
	// Before and After are the object as it was and as it is now, or what there is to know of the act; nil for none.
	// They are stored as JSON and can be cleared. Passwords, tokens and other secrets must not be in them.
	Before, After any
}

// The longest texts of a row, in bytes.
const (
	maxWord   = 100
	maxObject = 600
)

// Record writes an entry in the transaction of what it is about, so that one is there exactly when the other is.
func (a *Access) Record(ctx context.Context, tx bun.Tx, e Entry) error {
	if e.Outcome == "" {
		e.Outcome = Done
	}
	from := e.By.Origin.tidy()
	kind := e.By.Kind
	if kind == "" {
		kind = NobodyActor
	}
	r := AuditRow{At: a.now(), ActorKind: kind, Actor: plain(e.By.Name, maxLabel), Origin: from,
		Action: plain(e.Action, maxWord), Kind: plain(e.Kind, maxWord), Object: plain(e.Object, maxObject), Outcome: e.Outcome}
	before, err := bodyText(e.Before)
	if err != nil {
		return fmt.Errorf("access: audit of %s: %w", e.Action, err)
	}
	after, err := bodyText(e.After)
	if err != nil {
		return fmt.Errorf("access: audit of %s: %w", e.Action, err)
	}
	var salt []byte
	if before.Valid || after.Valid {
		salt = make([]byte, 32)
		_, _ = rand.Read(salt) // see newSecret
		r.digest = bodyDigest(salt, before, after)
	}
	if err := insertAudit(ctx, tx, r, salt, before, after); err != nil {
		return fmt.Errorf("access: audit of %s: %w", e.Action, err)
	}
	return nil
}

// note records something that this package did.
func (a *Access) note(ctx context.Context, tx bun.Tx, by Actor, action, kind, object string, before, after any) error {
	return a.Record(ctx, tx, Entry{By: by, Action: action, Kind: kind, Object: object, Before: before, After: after})
}

func insertAudit(ctx context.Context, tx bun.Tx, r AuditRow, salt []byte, before, after sql.NullString) error {
	n, err := db.NextNumber(ctx, tx, auditCounter, 1)
	if err != nil {
		return err
	}
	r.ID = n + 1
	var previous []byte
	err = tx.QueryRowContext(ctx, "SELECT hash FROM audit WHERE id = ?", n).Scan(&previous)
	// Where the row before was taken out, VerifyAudit finds it missing; to refuse all writes for it would help nobody.
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	hash := r.hash(previous)
	var digest any // NULL for none
	if r.HasBodies() {
		digest = r.digest
	}
	_, err = db.Exec(ctx, tx, "INSERT INTO audit (id, at_ms, actor_kind, actor, ip, user_agent, action, object_kind, object, outcome, digest, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		int64(r.ID), int64(r.At), string(r.ActorKind), r.Actor, r.Origin.IP, r.Origin.UserAgent, r.Action, r.Kind, r.Object, string(r.Outcome), digest, hash)
	if err != nil || salt == nil {
		return err
	}
	_, err = db.Exec(ctx, tx, "INSERT INTO audit_bodies (audit, salt, before_json, after_json) VALUES (?, ?, ?, ?)", int64(r.ID), salt, before, after)
	return err
}

// auditCounter numbers the rows. It also tells when the last ones are missing.
const auditCounter = "audit"

// bodyText is a before or an after as it is stored.
func bodyText(v any) (sql.NullString, error) {
	if v == nil {
		return sql.NullString{}, nil
	}
	text, err := json.Marshal(v)
	return sql.NullString{String: string(text), Valid: err == nil}, err
}

// bodyDigest covers before and after. The salt is stored beside them and goes with them: without it nobody can try out
// what they were.
func bodyDigest(salt []byte, before, after sql.NullString) []byte {
	h := sha256.New()
	h.Write(salt)
	for _, s := range []sql.NullString{before, after} {
		if !s.Valid {
			h.Write([]byte{0})
			continue
		}
		h.Write([]byte{1})
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s.String))))
		h.Write([]byte(s.String))
	}
	return h.Sum(nil)
}

// AuditRow is a row of the audit, without what lies beside it.
type AuditRow struct {
	ID           uint64 // 1, 2, 3 …
	At           event.Time
	ActorKind    ActorKind
	Actor        string // its name
	Origin       Origin
	Action       string
	Kind, Object string
	Outcome      Outcome

	digest []byte
}

// HasBodies says whether there was a before or an after. They may have been cleared since.
func (r AuditRow) HasBodies() bool { return len(r.digest) > 0 }

// hash covers everything in the row, and the hash of the row before. The words in front are a version: another way of
// counting gets other ones.
func (r AuditRow) hash(previous []byte) []byte {
	b := []byte("tagma audit 1\x00")
	add := func(text string) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	add(string(previous))
	b = binary.BigEndian.AppendUint64(b, r.ID)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At))
	for _, text := range []string{string(r.ActorKind), r.Actor, r.Origin.IP, r.Origin.UserAgent, r.Action, r.Kind, r.Object, string(r.Outcome), string(r.digest)} {
		add(text)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

const auditColumns = "a.id, a.at_ms, a.actor_kind, a.actor, a.ip, a.user_agent, a.action, a.object_kind, a.object, a.outcome, a.digest"

func (r *AuditRow) columns() []any {
	return []any{&r.ID, &r.At, &r.ActorKind, &r.Actor, &r.Origin.IP, &r.Origin.UserAgent, &r.Action, &r.Kind, &r.Object, &r.Outcome, &r.digest}
}

// AuditFilter says which rows are wanted. What is "" or 0 does not matter.
type AuditFilter struct {
	Actor     string // the name
	ActorKind ActorKind
	Action    string // whole, or up to a point: "user." is all that was done to users
	Kind      string
	Object    string
	Outcome   Outcome
	From      event.Time // this instant and later
	Until     event.Time // before this instant
}

// MaxAudit is the most rows that one question returns.
const MaxAudit = 1000

// ListAudit returns rows of the audit, the latest first: at most limit of those before an id, 0 for the latest. A limit
// of 0 or above MaxAudit is MaxAudit.
func (a *Access) ListAudit(ctx context.Context, f AuditFilter, before uint64, limit int) (_ []AuditRow, err error) {
	if limit <= 0 || limit > MaxAudit {
		limit = MaxAudit
	}
	where, args := []string{"1 = 1"}, []any{}
	add := func(condition string, arg any) {
		where, args = append(where, condition), append(args, arg)
	}
	for _, c := range []struct{ column, value string }{
		{"actor", f.Actor}, {"actor_kind", string(f.ActorKind)}, {"object_kind", f.Kind}, {"object", f.Object}, {"outcome", string(f.Outcome)},
	} {
		if c.value != "" {
			add("a."+c.column+" = ?", plain(c.value, maxObject))
		}
	}
	switch action := plain(f.Action, maxWord); {
	case strings.HasSuffix(action, "."):
		add("substr(a.action, 1, ?) = ?", len([]rune(action)))
		args = append(args, action)
	case action != "":
		add("a.action = ?", action)
	}
	if f.From != 0 {
		add("a.at_ms >= ?", int64(f.From))
	}
	if f.Until != 0 {
		add("a.at_ms < ?", int64(f.Until))
	}
	if before != 0 {
		add("a.id < ?", before)
	}
	rows, err := a.db.Read().QueryContext(ctx, "SELECT "+auditColumns+" FROM audit AS a WHERE "+strings.Join(where, " AND ")+" ORDER BY a.id DESC LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("access: list the audit: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []AuditRow
	for rows.Next() {
		var r AuditRow
		if err := rows.Scan(r.columns()...); err != nil {
			return nil, fmt.Errorf("access: list the audit: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// AuditBodies are what an object was before and after.
type AuditBodies struct {
	Before, After json.RawMessage // nil: there is none, or it was cleared
	Cleared       event.Time      // 0: they were not
}

// AuditEntry returns a row of the audit with what the object was before and after. It is NotFound when there is none.
func (a *Access) AuditEntry(ctx context.Context, id uint64) (r AuditRow, b AuditBodies, err error) {
	var before, after sql.NullString
	row := a.db.Read().QueryRowContext(ctx, "SELECT "+auditColumns+", b.before_json, b.after_json, COALESCE(b.cleared_ms, 0) FROM audit AS a LEFT JOIN audit_bodies AS b ON b.audit = a.id WHERE a.id = ?", id)
	switch err := row.Scan(append(r.columns(), &before, &after, &b.Cleared)...); {
	case errors.Is(err, sql.ErrNoRows):
		return r, b, failure(errs.NotFound, "id", fmt.Sprintf("there is no row %d in the audit", id), "")
	case err != nil:
		return r, b, fmt.Errorf("access: read the audit: %w", err)
	}
	if before.Valid {
		b.Before = json.RawMessage(before.String)
	}
	if after.Valid {
		b.After = json.RawMessage(after.String)
	}
	return r, b, nil
}

// ClearAudit clears what objects were before and after, in the rows of these ids, and records that it did. The rows
// stay as they are. It returns how many there were to clear. It takes the permission Audit, and is for erasing somebody.
func (a *Access) ClearAudit(ctx context.Context, tx bun.Tx, by Actor, ids ...uint64) (cleared int, err error) {
	if err := by.Require(Audit); err != nil {
		return 0, err
	}
	var done []uint64
	for _, id := range ids {
		result, err := db.Exec(ctx, tx, "UPDATE audit_bodies SET salt = NULL, before_json = NULL, after_json = NULL, cleared_ms = ? WHERE audit = ? AND cleared_ms IS NULL", int64(a.now()), int64(id))
		if err != nil {
			return 0, fmt.Errorf("access: clear row %d of the audit: %w", id, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return 0, fmt.Errorf("access: clear row %d of the audit: %w", id, err)
		}
		if n > 0 {
			done = append(done, id)
		}
	}
	if len(done) == 0 {
		return 0, nil
	}
	return len(done), a.note(ctx, tx, by, "audit.clear", "audit", "", nil, map[string]any{"rows": done})
}
