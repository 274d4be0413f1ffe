package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/uptrace/bun"

	"tagma/access"
	"tagma/db"
	"tagma/event"
)

const (
	idempotencyHeader = "Idempotency-Key"
	maxIdempotencyKey = 200
	// replyAge is how long an answer is kept, in milliseconds.
	replyAge event.Time = 24 * 3600 * 1000
	// maxReply is the largest answer that is kept, in bytes.
	maxReply = 1 << 20
)

// replies knows which requests with a key go on.
type replies struct {
	mu    sync.Mutex
	going map[[32]byte]bool
	swept event.Time
}

// once carries a request out unless one with its key was: that one's answer is given again. The answer is stored after
// the work, so a server that is killed between the two does it again when asked again; what it writes (a version of a
// definition, an assignment) says nothing new the second time.
func (s *Server) once(w http.ResponseWriter, r *http.Request, route *route, by access.Actor, next http.Handler) {
	key := r.Header.Get(idempotencyHeader)
	if len(key) > maxIdempotencyKey {
		newProblem(422, fmt.Sprintf("the header %s is longer than %d bytes", idempotencyHeader, maxIdempotencyKey)).write(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		problemOf(err).write(w, r)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	id := sha256.Sum256([]byte(by.String() + "\x00" + route.method + " " + route.path + "\x00" + key))
	request := sha256.Sum256(append([]byte(r.URL.RequestURI()+"\x00"+r.Header.Get("If-Match")+"\x00"), body...))
	if !s.replies.begin(id) {
		p := newProblem(409, "a request with this "+idempotencyHeader+" is being worked on: ask again in a moment")
		p.retryAfter = 1
		p.write(w, r)
		return
	}
	defer s.replies.end(id)
	known, err := s.reply(r.Context(), id)
	switch {
	case err != nil:
		s.fault(r, err).write(w, r)
		return
	case known != nil && !bytes.Equal(known.request, request[:]):
		newProblem(422, "this "+idempotencyHeader+" was used for another request: take a new one").write(w, r)
		return
	case known != nil:
		for name, value := range known.headers {
			w.Header().Set(name, value)
		}
		w.Header().Set("Idempotent-Replayed", "true")
		w.WriteHeader(known.status)
		_, _ = w.Write(known.body) // the client went away
		return
	}
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	if rec.status >= 500 || rec.status == http.StatusTooManyRequests || rec.body.Len() > maxReply {
		return
	}
	if err := s.keep(context.WithoutCancel(r.Context()), id, request, rec); err != nil {
		s.log.Error("idempotency", "error", err)
	}
}

func (l *replies) begin(id [32]byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.going[id] {
		return false
	}
	if l.going == nil {
		l.going = map[[32]byte]bool{}
	}
	l.going[id] = true
	return true
}

func (l *replies) end(id [32]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.going, id)
}

// reply is an answer that was given.
type reply struct {
	request []byte
	status  int
	headers map[string]string
	body    []byte
}

// keptHeaders are the headers of an answer that are given again.
var keptHeaders = []string{"Content-Type", "Content-Language", "ETag", "Location"}

func (s *Server) reply(ctx context.Context, id [32]byte) (*reply, error) {
	var r reply
	var headers string
	row := s.w.DB.Read().QueryRowContext(ctx, "SELECT request, status, headers, body FROM idempotency WHERE id = ? AND at_ms > ?", id[:], int64(s.machineNow()-replyAge))
	switch err := row.Scan(&r.request, &r.status, &headers, &r.body); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("api: look up an answer: %w", err)
	}
	if err := json.Unmarshal([]byte(headers), &r.headers); err != nil {
		return nil, fmt.Errorf("api: read the headers of an answer: %w", err)
	}
	return &r, nil
}

// keep stores an answer, and removes old ones once an hour.
func (s *Server) keep(ctx context.Context, id, request [32]byte, rec *recorder) error {
	kept := map[string]string{}
	for _, name := range keptHeaders {
		if v := rec.Header().Get(name); v != "" {
			kept[name] = v
		}
	}
	headers, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	now := s.machineNow()
	s.replies.mu.Lock()
	sweep := now > s.replies.swept+3600*1000
	if sweep {
		s.replies.swept = now
	}
	s.replies.mu.Unlock()
	return s.w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if sweep {
			if _, err := db.Exec(ctx, tx, "DELETE FROM idempotency WHERE at_ms <= ?", int64(now-replyAge)); err != nil {
				return fmt.Errorf("api: forget old answers: %w", err)
			}
		}
		_, err := db.Exec(ctx, tx, "INSERT INTO idempotency (id, request, at_ms, status, headers, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET request = excluded.request, at_ms = excluded.at_ms, status = excluded.status, headers = excluded.headers, body = excluded.body",
			id[:], request[:], int64(now), rec.status, string(headers), append([]byte{}, rec.body.Bytes()...))
		if err != nil {
			return fmt.Errorf("api: keep an answer: %w", err)
		}
		return nil
	})
}

// recorder lets an answer through and remembers it.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader remembers the status.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write remembers the body.
func (r *recorder) Write(b []byte) (int, error) {
	if r.body.Len() <= maxReply {
		r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
