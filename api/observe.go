package api

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const requestHeader = "X-Request-Id"

// requestNumbers numbers requests: the start of the server, and a number.
type requestNumbers struct{ last atomic.Uint64 }

func (n *requestNumbers) next(start int64) string {
	return strconv.FormatInt(start, 36) + "-" + strconv.FormatUint(n.last.Add(1), 36)
}

// observed numbers, times, counts and logs every request, and answers for handlers that panic.
func (s *Server) observed(next http.Handler) http.Handler {
	start := s.c.Now().Unix()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := s.c.Now()
		id := s.requests.next(start)
		w.Header().Set(requestHeader, id)
		seen := &statusWriter{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(cause) // a handler that wants the connection closed; net/http knows it
				}
				s.log.Error("panic", "request", id, "cause", cause, "stack", string(debug.Stack()))
				if seen.status == 0 {
					newProblem(500, "something went wrong on our side; the server's log tells what").write(seen, r)
				}
			}
			s.finished(r, seen, id, s.c.Now().Sub(begun))
		}()
		next.ServeHTTP(seen, r)
	})
}

// finished counts and logs a request.
func (s *Server) finished(r *http.Request, w *statusWriter, id string, took time.Duration) {
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	pattern := r.Pattern
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	if pattern == "" {
		pattern = "none"
	}
	s.metrics.request(r.Method, pattern, status, took)
	level := slog.LevelDebug
	switch {
	case status >= 500:
		level = slog.LevelError
	case status == http.StatusTooManyRequests && strings.HasPrefix(pattern, "/v1/"): // a log line each would make it worse
	case status >= 400 || w.writes:
		level = slog.LevelInfo
	}
	// Neither the query nor the key of a customer is logged: they name people.
	s.log.Log(r.Context(), level, "request", "request", id, "method", r.Method, "route", pattern, "status", status, "bytes", w.bytes, "ms", took.Milliseconds())
}

// fault logs a failure of ours, and returns what the client is told of an error.
func (s *Server) fault(r *http.Request, err error) *Problem {
	p := problemOf(err)
	if p.Status >= 500 && p.Status != http.StatusServiceUnavailable {
		s.log.Error("failed", "method", r.Method, "route", r.Pattern, "error", err)
	}
	return p
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
	writes bool // the route changes something
}

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
