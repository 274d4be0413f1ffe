package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// TokenPrefix begins every token, so that people and programs that look for lost secrets know one when they see it.
const TokenPrefix = "tgm_"

// Token is the right of a program to ask as a role.
type Token struct {
	ID      int64
	Name    string
	Role    Role
	MadeBy  string // the actor, as it was called then
	Hint    string // the last four characters of the token
	Created event.Time
	Expires event.Time // 0: never
	Used    event.Time // the last time, to a minute; 0: never
	Revoked event.Time // 0: it is not
	// Resting says that it is not taken at present, because the user who made it is disabled.
	Resting bool

	owner     int64
	ownerRole Role
	secret    []byte
}

const tokenColumns = `t.id, t.name, t.role, t.made_by, t.hint, t.created_ms, COALESCE(t.expires_ms, 0), COALESCE(t.used_ms, 0), COALESCE(t.revoked_ms, 0),
	t.secret, COALESCE(t.owner, 0), COALESCE(u.role, ''), COALESCE(u.state = 'disabled', 0)`

// tokenQuestion finds a token by its hash: every request of a program asks it.
const tokenQuestion = "SELECT " + tokenColumns + " FROM tokens AS t LEFT JOIN users AS u ON u.id = t.owner WHERE t.secret = ?"

// fields are where the columns of tokenColumns go.
func (t *Token) fields() []any {
	return []any{&t.ID, &t.Name, &t.Role, &t.MadeBy, &t.Hint, &t.Created, &t.Expires, &t.Used, &t.Revoked, &t.secret, &t.owner, &t.ownerRole, &t.Resting}
}

// selectTokens reads tokens, as a WHERE clause on t wants them.
func selectTokens(ctx context.Context, idb bun.IDB, where string, args ...any) (_ []Token, err error) {
	rows, err := idb.QueryContext(ctx, "SELECT "+tokenColumns+" FROM tokens AS t LEFT JOIN users AS u ON u.id = t.owner "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("access: read tokens: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []Token
	for rows.Next() {
		var t Token
		if err := rows.Scan(t.fields()...); err != nil {
			return nil, fmt.Errorf("access: read tokens: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// tokenBody is a token in the audit.
type tokenBody struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Role    Role   `json:"role"`
	Expires string `json:"expires,omitempty"`
	Revoked bool   `json:"revoked,omitempty"`
}

func (t Token) body() *tokenBody {
	b := &tokenBody{ID: t.ID, Name: t.Name, Role: t.Role, Revoked: t.Revoked != 0}
	if t.Expires != 0 {
		b.Expires = t.Expires.String()
	}
	return b
}

// NewToken is a token to be made.
type NewToken struct {
	Name    string // what it is for, at most 200 bytes; no two that are not revoked have the same
	Role    Role
	Expires event.Time // 0: never
}

// AddToken makes a token, and returns its text, which is told this once. It takes the permission Tokens, and a role not
// above the actor's. Faults of the input are Invalid, all of them; a name that is taken is a Conflict.
//
// A token never may more than the user who made it: it is bounded by that user's role at each use, rests while the user
// is disabled, and is revoked when the user is deleted. One that was made by a command on the machine has no such bound.
func (a *Access) AddToken(ctx context.Context, by Actor, n NewToken) (Token, string, error) {
	if err := by.Require(Tokens); err != nil {
		return Token{}, "", err
	}
	now := a.now()
	var faults []errs.Fault
	name, wrong := label(n.Name)
	if wrong != "" {
		faults = append(faults, errs.Fault{Place: "name", Message: wrong, Hint: "say what the token is for"})
	}
	if !n.Role.Known() {
		faults = append(faults, roleFault(n.Role))
	}
	if n.Expires != 0 && n.Expires <= now {
		faults = append(faults, errs.Fault{Place: "expires", Message: fmt.Sprintf("%s is past", n.Expires), Hint: "leave it out for a token that does not expire"})
	}
	if len(faults) > 0 {
		return Token{}, "", errs.Faulty("", faults)
	}
	if err := by.above(n.Role); err != nil {
		return Token{}, "", err
	}
	text := TokenPrefix + newSecret(secretBytes)
	t := Token{Name: name, Role: n.Role, MadeBy: by.String(), Hint: text[len(text)-4:], Created: now, Expires: n.Expires}
	err := a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		taken, err := selectTokens(ctx, tx, "WHERE t.name = ? AND t.revoked_ms IS NULL", name)
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return failure(errs.Conflict, "name", fmt.Sprintf("there is a token %q already", name), "take another name, or revoke that token first")
		}
		number, err := db.NextNumber(ctx, tx, "tokens", 1)
		if err != nil {
			return err
		}
		t.ID = int64(number + 1)
		var owner any
		if by.user != 0 {
			owner = by.user
		}
		hash := digestOf(text)
		if _, err := db.Exec(ctx, tx, "INSERT INTO tokens (id, name, role, owner, made_by, secret, hint, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			t.ID, t.Name, string(t.Role), owner, t.MadeBy, hash[:], t.Hint, int64(t.Created), orNull(t.Expires)); err != nil {
			return err
		}
		return a.note(ctx, tx, by, "token.add", "token", t.Name, nil, t.body())
	})
	if err != nil {
		return Token{}, "", within("add a token", err)
	}
	return t, text, nil
}

// ByToken returns who a token stands for: a program, or a command on the machine. A token that is unknown, revoked or
// expired is Unauthorized. It reads one row and writes nothing.
func (a *Access) ByToken(ctx context.Context, text string, from Origin) (Actor, error) {
	if a.local.is(text) {
		by := Local()
		by.Origin = from.tidy()
		return by, nil
	}
	refused := func(message, hint string) (Actor, error) {
		return Actor{}, failure(errs.Unauthorized, "token", message, hint)
	}
	if !strings.HasPrefix(text, TokenPrefix) {
		return refused("this is no token", "a token begins with "+TokenPrefix)
	}
	hash := digestOf(text)
	var t Token
	err := a.db.QueryRow(ctx, tokenQuestion, []any{hash[:]}, t.fields()...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Actor{}, fmt.Errorf("access: read tokens: %w", err)
	}
	now := a.now()
	const hint = "ask an administrator for another"
	switch {
	case err != nil || !hash.equal(t.secret):
		return refused("this token is not known", hint)
	case t.Revoked != 0:
		return refused(fmt.Sprintf("the token %s was revoked at %s", t.Name, t.Revoked), hint)
	case t.Expires != 0 && now >= t.Expires:
		return refused(fmt.Sprintf("the token %s expired at %s", t.Name, t.Expires), hint)
	case t.Resting:
		return refused(fmt.Sprintf("the token %s was made by a user who is disabled", t.Name), hint)
	}
	a.tokens.note(t.ID, t.Used, now)
	by := Actor{Kind: TokenActor, Name: t.Name, Role: t.Role, Origin: from.tidy(), user: t.owner}
	if t.owner != 0 && !t.ownerRole.Covers(by.Role) {
		by.Role = t.ownerRole
	}
	return by, nil
}

// RevokeToken ends a token, from the next request on. It takes the permission Tokens. One that is revoked already stays
// so; one that does not exist is NotFound.
func (a *Access) RevokeToken(ctx context.Context, by Actor, id int64) error {
	if err := by.Require(Tokens); err != nil {
		return err
	}
	return within("revoke a token", a.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		found, err := selectTokens(ctx, tx, "WHERE t.id = ?", id)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return failure(errs.NotFound, "id", fmt.Sprintf("there is no token %d", id), "see the list of tokens")
		case found[0].Revoked != 0:
			return nil
		}
		return a.revoke(ctx, tx, by, found[0])
	}))
}

func (a *Access) revoke(ctx context.Context, tx bun.Tx, by Actor, t Token) error {
	before := t.body()
	t.Revoked = a.now()
	if _, err := db.Exec(ctx, tx, "UPDATE tokens SET revoked_ms = ? WHERE id = ?", int64(t.Revoked), t.ID); err != nil {
		return err
	}
	return a.note(ctx, tx, by, "token.revoke", "token", t.Name, before, t.body())
}

// ListTokens returns tokens, the latest first, the revoked among them: at most limit of those before an id, 0 for the
// first; a limit of 0 is all.
func (a *Access) ListTokens(ctx context.Context, before int64, limit int) ([]Token, error) {
	if limit <= 0 {
		limit = -1
	}
	found, err := selectTokens(ctx, a.db.Read(), "WHERE ? = 0 OR t.id < ? ORDER BY t.id DESC LIMIT ?", before, before, limit)
	for i := range found {
		found[i].Used = a.tokens.last(found[i].ID, found[i].Used)
	}
	return found, err
}

// TokenNamed returns the token of a name that is not revoked. It is NotFound when there is none.
func (a *Access) TokenNamed(ctx context.Context, name string) (Token, error) {
	found, err := selectTokens(ctx, a.db.Read(), "WHERE t.name = ? AND t.revoked_ms IS NULL", plain(strings.TrimSpace(name), maxLabel))
	if err != nil {
		return Token{}, err
	}
	if len(found) == 0 {
		return Token{}, failure(errs.NotFound, "name", fmt.Sprintf("there is no token %q", plain(name, maxLabel)), "see the list of tokens")
	}
	found[0].Used = a.tokens.last(found[0].ID, found[0].Used)
	return found[0], nil
}
