package api

import (
	"context"
	"net/http"
	"time"

	"tagma/access"
	"tagma/errs"
)

// SessionUser is who is signed in.
type SessionUser struct {
	Name       string `json:"name"`
	Display    string `json:"display"`
	Role       string `json:"role" enum:"viewer,operator,manager,admin"`
	MustChange bool   `json:"must_change" doc:"The password has to be changed before anything else"`
}

// Session is who asks, and what that one may do.
type Session struct {
	User        SessionUser `json:"user"`
	Permissions []string    `json:"permissions"`
}

func sessionOf(a access.Actor) Session {
	out := Session{User: SessionUser{Name: a.Name, Display: a.DisplayName, Role: string(a.Role), MustChange: a.MustChange}, Permissions: []string{}}
	if out.User.Display == "" {
		out.User.Display = a.Name
	}
	for _, p := range a.Permissions() {
		out.Permissions = append(out.Permissions, string(p))
	}
	return out
}

type signInRequest struct {
	Body struct {
		Name     string `json:"name" maxLength:"1000"`
		Password string `json:"password" maxLength:"1000"`
	}
}

type sessionAnswer struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   Session
}

func (s *Server) signIn(ctx context.Context, in *signInRequest) (*sessionAnswer, error) {
	in0, err := s.may.SignIn(ctx, in.Body.Name, in.Body.Password, actorOf(ctx).Origin)
	if err != nil {
		return nil, s.lockedOut(err)
	}
	out := &sessionAnswer{Body: sessionOf(in0.Actor)}
	out.Cookie = s.cookie(in0.Session)
	out.Cookie.Expires = in0.Ends.Go(time.UTC)
	return out, nil
}

// lockedOut adds to a refusal when it is worth trying again.
func (s *Server) lockedOut(err error) error {
	p := problemOf(err)
	if until, ok := access.LockedUntil(err); ok {
		p.retryAfter = max(1, int((until-s.machineNow()+999)/1000))
	}
	return p
}

func (s *Server) cookie(secret string) http.Cookie {
	return http.Cookie{Name: cookieName, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.c.Secure}
}

func (s *Server) session(ctx context.Context, _ *struct{}) (*answer[Session], error) {
	return &answer[Session]{sessionOf(actorOf(ctx))}, nil
}

type cookieAnswer struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*cookieAnswer, error) {
	if err := s.may.SignOut(ctx, actorOf(ctx)); err != nil {
		return nil, err
	}
	out := &cookieAnswer{s.cookie("")}
	out.Cookie.MaxAge = -1
	return out, nil
}

type passwordRequest struct {
	Body struct {
		Old string `json:"old" maxLength:"1000"`
		New string `json:"new" maxLength:"1000"`
	}
}

func (s *Server) changePassword(ctx context.Context, in *passwordRequest) (*nothing, error) {
	by := actorOf(ctx)
	if by.Kind != access.UserActor {
		return nil, errs.New(errs.Forbidden, "only people who signed in have a password")
	}
	if err := s.may.ChangePassword(ctx, by, in.Body.Old, in.Body.New); err != nil {
		return nil, s.lockedOut(within(err, "body"))
	}
	return &nothing{}, nil
}
