package api

import (
	"context"
	"encoding/json"
	"strconv"

	"tagma/access"
	"tagma/errs"
	"tagma/event"
)

// Account is a user as administrators see it.
type Account struct {
	Name       string `json:"name"`
	Display    string `json:"display"`
	Role       string `json:"role" enum:"viewer,operator,manager,admin"`
	State      string `json:"state" enum:"active,disabled,locked"`
	MustChange bool   `json:"must_change"`
	Created    string `json:"created"`
	LastSignIn string `json:"last_sign_in,omitempty"`
	Password   string `json:"password,omitempty" doc:"The first password, where one was made; told this once"`
}

func (s *Server) account(u access.User, password string) Account {
	out := Account{Name: u.Name, Display: u.DisplayName, Role: string(u.Role), State: string(u.State), MustChange: u.MustChange,
		Created: s.instant(u.Created), LastSignIn: s.instant(u.LastSignIn), Password: password}
	if out.Display == "" {
		out.Display = u.Name
	}
	if u.LockedUntil > s.machineNow() && u.State == access.Active {
		out.State = "locked"
	}
	return out
}

func (s *Server) listUsers(ctx context.Context, in *struct{ Paging }) (*answer[Page[Account]], error) {
	at, err := in.place(1)
	if err != nil {
		return nil, err
	}
	users, err := s.may.ListUsers(ctx, at[0], in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := Page[Account]{Items: []Account{}}
	for i, u := range users {
		if i == in.Limit {
			out.Next = cursor(users[i-1].Name)
			break
		}
		out.Items = append(out.Items, s.account(u, ""))
	}
	return &answer[Page[Account]]{out}, nil
}

type newUserRequest struct {
	Body struct {
		Name     string `json:"name"`
		Display  string `json:"display,omitempty"`
		Role     string `json:"role" enum:"viewer,operator,manager,admin"`
		Password string `json:"password,omitempty" doc:"The first one, which has to be changed; without it one is made"`
	}
}

func (s *Server) addUser(ctx context.Context, in *newUserRequest) (*answer[Account], error) {
	b := in.Body
	u, password, err := s.may.AddUser(ctx, actorOf(ctx), access.NewUser{Name: b.Name, DisplayName: b.Display, Role: access.Role(b.Role), Password: b.Password})
	if err != nil {
		return nil, within(err, "body")
	}
	if b.Password != "" {
		password = ""
	}
	return &answer[Account]{s.account(u, password)}, nil
}

type userRequest struct {
	Name string `path:"name"`
	Body struct {
		Display  *string `json:"display,omitempty"`
		Role     *string `json:"role,omitempty" enum:"viewer,operator,manager,admin"`
		State    *string `json:"state,omitempty" enum:"active,disabled"`
		Password *string `json:"password,omitempty" doc:"A new one, which has to be changed; \"\" makes one"`
		Unlock   bool    `json:"unlock,omitempty" doc:"End a lock-out after wrong passwords"`
	}
}

func (s *Server) changeUser(ctx context.Context, in *userRequest) (*answer[Account], error) {
	by, b := actorOf(ctx), in.Body
	change := access.UserChange{DisplayName: b.Display}
	if b.Role != nil {
		role := access.Role(*b.Role)
		change.Role = &role
	}
	if b.State != nil {
		state := access.State(*b.State)
		change.State = &state
	}
	made := ""
	if change != (access.UserChange{}) {
		if _, err := s.may.ChangeUser(ctx, by, in.Name, change); err != nil {
			return nil, within(err, "body")
		}
	}
	if b.Password != nil {
		password, err := s.may.ResetPassword(ctx, by, in.Name, *b.Password)
		if err != nil {
			return nil, within(err, "body")
		}
		if *b.Password == "" {
			made = password
		}
	}
	if b.Unlock {
		if err := s.may.Unlock(ctx, by, in.Name); err != nil {
			return nil, err
		}
	}
	u, err := s.may.UserNamed(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &answer[Account]{s.account(u, made)}, nil
}

func (s *Server) deleteUser(ctx context.Context, in *struct {
	Name string `path:"name"`
}) (*nothing, error) {
	return &nothing{}, s.may.DeleteUser(ctx, actorOf(ctx), in.Name)
}

// Token is the right of a program, without its secret.
type Token struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Role     string `json:"role" enum:"viewer,operator,manager,admin"`
	Hint     string `json:"hint" doc:"The last characters of the token"`
	MadeBy   string `json:"made_by"`
	Created  string `json:"created"`
	Expires  string `json:"expires,omitempty"`
	LastUsed string `json:"last_used,omitempty"`
	State    string `json:"state" enum:"active,revoked,expired,resting"`
}

func (s *Server) token(t access.Token) Token {
	out := Token{ID: strconv.FormatInt(t.ID, 10), Name: t.Name, Role: string(t.Role), Hint: t.Hint, MadeBy: t.MadeBy, Created: s.instant(t.Created),
		Expires: s.instant(t.Expires), LastUsed: s.instant(t.Used), State: "active"}
	switch {
	case t.Revoked != 0:
		out.State = "revoked"
	case t.Expires != 0 && t.Expires <= s.machineNow():
		out.State = "expired"
	case t.Resting:
		out.State = "resting"
	}
	return out
}

func (s *Server) listTokens(ctx context.Context, in *struct{ Paging }) (*answer[Page[Token]], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	tokens, err := s.may.ListTokens(ctx, int64(before), in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := Page[Token]{Items: []Token{}}
	for i, t := range tokens {
		if i == in.Limit {
			out.Next = cursor(strconv.FormatInt(tokens[i-1].ID, 10))
			break
		}
		out.Items = append(out.Items, s.token(t))
	}
	return &answer[Page[Token]]{out}, nil
}

// number reads a cursor that is a number; 0 when there is none.
func (p Paging) number() (uint64, error) {
	at, err := p.place(1)
	if err != nil || at[0] == "" {
		return 0, err
	}
	n, err := strconv.ParseUint(at[0], 10, 62)
	if err != nil {
		return 0, invalid("query.after", "this is not the next of a page", "give what the page before had as next")
	}
	return n, nil
}

type newTokenRequest struct {
	Body struct {
		Name    string `json:"name"`
		Role    string `json:"role" enum:"viewer,operator,manager,admin"`
		Expires string `json:"expires,omitempty" doc:"An instant, or a date, which means its last instant"`
	}
}

// NewToken is a token that was just made.
type NewToken struct {
	ID    string `json:"id"`
	Token string `json:"token" doc:"Told this once"`
}

func (s *Server) addToken(ctx context.Context, in *newTokenRequest) (*answer[NewToken], error) {
	n := access.NewToken{Name: in.Body.Name, Role: access.Role(in.Body.Role)}
	if in.Body.Expires != "" {
		var err error
		if n.Expires, err = s.asOf("body.expires", in.Body.Expires); err != nil {
			return nil, err
		}
	}
	t, text, err := s.may.AddToken(ctx, actorOf(ctx), n)
	if err != nil {
		return nil, within(err, "body")
	}
	return &answer[NewToken]{NewToken{ID: strconv.FormatInt(t.ID, 10), Token: text}}, nil
}

// IDPath is a number in the path.
type IDPath struct {
	ID string `path:"id"`
}

func (p IDPath) number(what string) (uint64, error) {
	n, err := strconv.ParseUint(p.ID, 10, 62)
	if err != nil {
		return 0, errs.New(errs.NotFound, "there is no %s %s", what, p.ID)
	}
	return n, nil
}

func (s *Server) revokeToken(ctx context.Context, in *struct{ IDPath }) (*nothing, error) {
	id, err := in.number("token")
	if err != nil {
		return nil, err
	}
	return &nothing{}, s.may.RevokeToken(ctx, actorOf(ctx), int64(id))
}

// Source is where events come from.
type Source struct {
	Name    string      `json:"name"`
	Created string      `json:"created"`
	Keys    []SourceKey `json:"keys"`
}

// SourceKey allows to send events of a source.
type SourceKey struct {
	ID       string `json:"id"`
	Masked   string `json:"masked"`
	Created  string `json:"created"`
	LastUsed string `json:"last_used,omitempty"`
	State    string `json:"state" enum:"active,revoked"`
}

func (s *Server) listSources(ctx context.Context, in *struct{ Paging }) (*answer[Page[Source]], error) {
	at, err := in.place(1)
	if err != nil {
		return nil, err
	}
	sources, err := s.may.ListSources(ctx, at[0], in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := Page[Source]{Items: []Source{}}
	for i, x := range sources {
		if i == in.Limit {
			out.Next = cursor(sources[i-1].Name)
			break
		}
		one := Source{Name: x.Name, Created: s.instant(x.Created), Keys: []SourceKey{}}
		for _, k := range x.Keys {
			key := SourceKey{ID: strconv.FormatInt(k.ID, 10), Masked: k.Masked, Created: s.instant(k.Created), LastUsed: s.instant(k.Used), State: "active"}
			if k.Revoked != 0 {
				key.State = "revoked"
			}
			one.Keys = append(one.Keys, key)
		}
		out.Items = append(out.Items, one)
	}
	return &answer[Page[Source]]{out}, nil
}

// NewSource is a source that was just made.
type NewSource struct {
	Name     string `json:"name"`
	WriteKey string `json:"write_key"`
}

func (s *Server) addSource(ctx context.Context, in *struct {
	Body struct {
		Name string `json:"name"`
	}
}) (*answer[NewSource], error) {
	key, err := s.may.AddSource(ctx, actorOf(ctx), in.Body.Name)
	if err != nil {
		return nil, within(err, "body")
	}
	return &answer[NewSource]{NewSource{Name: in.Body.Name, WriteKey: key}}, nil
}

// NewKey is a write key that was just made.
type NewKey struct {
	WriteKey string `json:"write_key"`
}

func (s *Server) addKey(ctx context.Context, in *struct {
	Name string `path:"name"`
}) (*answer[NewKey], error) {
	key, err := s.may.AddKey(ctx, actorOf(ctx), in.Name)
	if err != nil {
		return nil, err
	}
	return &answer[NewKey]{NewKey{key}}, nil
}

func (s *Server) revokeKey(ctx context.Context, in *struct {
	Name string `path:"name"`
	IDPath
}) (*nothing, error) {
	id, err := in.number("write key")
	if err != nil {
		return nil, err
	}
	return &nothing{}, s.may.RevokeKey(ctx, actorOf(ctx), int64(id))
}

// AuditRow is one thing that somebody did.
type AuditRow struct {
	ID      string          `json:"id"`
	At      string          `json:"at"`
	Actor   AuditActor      `json:"actor"`
	From    string          `json:"from" doc:"The address it came from"`
	Agent   string          `json:"agent,omitempty"`
	Action  string          `json:"action"`
	Object  AuditObject     `json:"object"`
	Outcome string          `json:"outcome" enum:"done,refused"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Cleared string          `json:"cleared,omitempty" doc:"When before and after were cleared"`
}

// AuditActor is who did it.
type AuditActor struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// AuditObject is what it was done to.
type AuditObject struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`
}

type auditRequest struct {
	Paging
	Actor  string `query:"actor" doc:"The name of the actor"`
	Action string `query:"action" doc:"Whole, or up to a point: \"user.\""`
	Kind   string `query:"kind" doc:"The kind of the object"`
	Object string `query:"object" doc:"The object's key"`
	From   string `query:"from"`
	Until  string `query:"until"`
}

func (s *Server) listAudit(ctx context.Context, in *auditRequest) (*answer[Page[AuditRow]], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	f := access.AuditFilter{Actor: in.Actor, Action: in.Action, Kind: in.Kind, Object: in.Object}
	for _, x := range []struct {
		field, text string
		to          *event.Time
	}{{"query.from", in.From, &f.From}, {"query.until", in.Until, &f.Until}} {
		if x.text != "" {
			if *x.to, err = s.asOf(x.field, x.text); err != nil {
				return nil, err
			}
		}
	}
	rows, err := s.may.ListAudit(ctx, f, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := Page[AuditRow]{Items: []AuditRow{}}
	for i, r := range rows {
		if i == in.Limit {
			out.Next = cursor(strconv.FormatUint(rows[i-1].ID, 10))
			break
		}
		row := AuditRow{ID: strconv.FormatUint(r.ID, 10), At: s.instant(r.At), Actor: AuditActor{string(r.ActorKind), r.Actor}, From: r.Origin.IP, Agent: r.Origin.UserAgent,
			Action: r.Action, Object: AuditObject{r.Kind, r.Object}, Outcome: string(r.Outcome)}
		if r.HasBodies() {
			_, b, err := s.may.AuditEntry(ctx, r.ID)
			if err != nil {
				return nil, err
			}
			row.Before, row.After, row.Cleared = b.Before, b.After, s.instant(b.Cleared)
		}
		out.Items = append(out.Items, row)
	}
	return &answer[Page[AuditRow]]{out}, nil
}
