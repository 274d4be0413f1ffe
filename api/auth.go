package api

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tagma/access"
	"tagma/errs"
)

// cookieName is the name of the session's cookie.
const cookieName = "tagma_session"

type actorKey struct{}

// actorOf is who asks. Every handler behind the table has one.
func actorOf(ctx context.Context) access.Actor {
	a, _ := ctx.Value(actorKey{}).(access.Actor)
	return a
}

// origin is where a request came from. Headers of proxies are not believed: anybody can write them.
func origin(r *http.Request) access.Origin {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return access.Origin{IP: host, UserAgent: r.UserAgent()}
}

// identify finds out who asks: by a token in the header Authorization, else by the session's cookie. Nobody is the zero
// Actor. A token or cookie that is not good is Unauthorized.
func (s *Server) identify(r *http.Request) (access.Actor, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return access.Actor{}, errs.New(errs.Unauthorized, "the header Authorization must be: Bearer tgm_…")
		}
		return s.may.ByToken(r.Context(), strings.TrimSpace(token), origin(r))
	}
	c, err := r.Cookie(cookieName)
	if err != nil || c.Value == "" {
		return access.Actor{Origin: origin(r)}, nil
	}
	return s.may.BySession(r.Context(), c.Value, origin(r))
}

// Body limits, in bytes.
const (
	bodyLimit = 1 << 20
	bigLimit  = 20 << 20 // of definitions and lookup tables
)

// How long a request may take.
const (
	shortTime = 30 * time.Second
	longTime  = 10 * time.Minute // of questions that read the whole history
)

// guarded puts a route behind what the table says of it: who may, how large, how long, and what a repeated request gets.
func (s *Server) guarded(r *route, next http.Handler) http.Handler {
	checked := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if seen, ok := w.(*statusWriter); ok {
			seen.writes = r.action != ""
		}
		by, err := s.identify(req)
		if err != nil && !(r.open && errs.Is(err, errs.Unauthorized)) {
			problemOf(err).write(w, req)
			return
		}
		if err := r.allows(by); err != nil {
			s.refused(req.Context(), r, by)
			problemOf(err).write(w, req)
			return
		}
		by.Origin = origin(req)
		limit, allowed := int64(bodyLimit), shortTime
		if r.big {
			limit = bigLimit
		}
		if r.long {
			allowed = longTime
			// Reading and writing may take as long as the work.
			_ = http.NewResponseController(w).SetWriteDeadline(s.c.Now().Add(longTime))
		}
		if r.stream {
			allowed = streamTime
		}
		if r.upload {
			limit, allowed = s.c.ImportLimit, importTime
			_ = http.NewResponseController(w).SetWriteDeadline(s.c.Now().Add(importTime))
		}
		ctx := context.WithValue(req.Context(), actorKey{}, by)
		if !r.local {
			req.Body = http.MaxBytesReader(w, req.Body, limit)
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, allowed)
			defer cancel()
		}
		if r.upload {
			ctx = s.withUpload(ctx, w, req)
		}
		req = req.WithContext(ctx)
		if r.retry && req.Header.Get(idempotencyHeader) != "" {
			s.once(w, req, r, by, next)
			return
		}
		next.ServeHTTP(w, req)
	})
	// A browser tells where a request comes from; other programs send no cookie that could be abused.
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newProblem(403, "this request was made by a page of another site").write(w, r)
	}))
	return cross.Handler(checked)
}

// allows is nil when an actor may use a route.
func (r *route) allows(by access.Actor) error {
	switch {
	case r.open:
		return nil
	case r.signedIn:
		if by.Kind == "" {
			return errs.New(errs.Unauthorized, "sign in first")
		}
		return nil
	case r.local:
		if by.Kind != access.LocalActor {
			return errs.New(errs.Forbidden, "only commands on this machine may do that, with the token in the data directory")
		}
		return nil
	}
	return by.Require(r.needs)
}

// refused leaves an audit row of somebody who is known and tried to write what is not theirs to write.
func (s *Server) refused(ctx context.Context, r *route, by access.Actor) {
	if by.Kind == "" || r.action == "" {
		return
	}
	if err := s.record(ctx, access.Entry{By: by, Action: r.action, Kind: "route", Object: r.method + " " + r.path, Outcome: access.Refused}); err != nil {
		s.log.Error("audit", "error", err)
	}
}

// record writes an audit row in a transaction of its own, for what was done in another one.
func (s *Server) record(ctx context.Context, e access.Entry) error {
	return s.w.DB.Tx(context.WithoutCancel(ctx), func(ctx context.Context, tx bun.Tx) error { return s.may.Record(ctx, tx, e) })
}
