package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"tagma/errs"
	"tagma/errs/chinese"
)

// Problem is the body of every answer that is a refusal (RFC 9457).
type Problem struct {
	Type   string `json:"type" example:"about:blank"`
	Title  string `json:"title" doc:"What sort of refusal it is"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty" doc:"What is wrong"`
	Code   string `json:"code" enum:"invalid,not_found,conflict,stale,forbidden,unauthenticated,limited,too_large,busy,internal"`
	Errors []Flaw `json:"errors,omitempty" doc:"Every single fault, with its place"`
	// Current is the version as it is now, where the one that was named is old.
	Current string `json:"current,omitempty" doc:"The version as it is now"`
	Users   []Ref  `json:"users,omitempty" doc:"The definitions that use what was to be retired"`

	retryAfter int // seconds
	cause      error
}

// Flaw is one thing that is wrong with a request. Start and End are byte offsets in a rule's text.
type Flaw struct {
	Location string `json:"location,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Start    *int   `json:"start,omitempty"`
	End      *int   `json:"end,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
}

// Error makes it an error.
func (p *Problem) Error() string {
	if p.cause != nil {
		return p.cause.Error()
	}
	return p.Title + ": " + p.Detail
}

// Unwrap returns what it was made of.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus is the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that go with it, for huma.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="tagma"`)
	}
	return h
}

// ContentType is that of problems, for huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// codes are the words for statuses.
var codes = map[int]string{400: "invalid", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "invalid", 406: "invalid", 408: "busy", 409: "conflict",
	412: "stale", 413: "too_large", 415: "invalid", 422: "invalid", 428: "invalid", 429: "limited", 499: "busy", 503: "busy", 504: "busy"}

func newProblem(status int, detail string) *Problem {
	code := codes[status]
	if code == "" {
		code = "internal"
		if status < 500 {
			code = "invalid"
		}
	}
	title := http.StatusText(status)
	if title == "" {
		title = "Refused"
	}
	return &Problem{Type: "about:blank", Title: title, Status: status, Detail: detail, Code: code}
}

var statuses = map[errs.Kind]int{errs.Invalid: 422, errs.NotFound: 404, errs.Conflict: 409, errs.Forbidden: 403, errs.Busy: 503, errs.Unauthorized: 401, errs.Limited: 429}

// problemOf turns an error into what the client is told. Of what has no kind, a fault of ours, nothing is told but that
// there is one: the log has it.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return newProblem(413, "the body is larger than "+bytesText(tooLarge.Limit))
	case errors.Is(err, context.DeadlineExceeded):
		p = newProblem(503, "this took too long and was given up")
		p.retryAfter = 5
	case errors.Is(err, context.Canceled):
		p = newProblem(499, "the request was given up")
	default:
		status, known := statuses[errs.KindOf(err)]
		if !known {
			p = newProblem(500, "something went wrong on our side; the server's log tells what")
			break
		}
		var e *errs.Error
		errors.As(err, &e)
		p = newProblem(status, e.Message)
		for _, f := range errs.FaultsOf(err) {
			p.Errors = append(p.Errors, flawOf(f))
		}
		if p.Detail == "" && len(p.Errors) > 0 {
			p.Detail = p.Errors[0].Message
		}
		if p.Detail == "" {
			p.Detail = err.Error()
		} else if e.Cause != nil && len(p.Errors) == 0 {
			if cause := e.Cause.Error(); cause != "" { // it may stand in the message already
				p.Detail += ": " + cause
			}
		}
		if status == 503 {
			p.retryAfter = 1
		}
	}
	p.cause = err
	return p
}

var linePlace = regexp.MustCompile(`(?:^|:)(\d+):(\d+)$`)

// flawOf turns a fault into one with a place in the request.
func flawOf(f errs.Fault) Flaw {
	out := Flaw{Location: f.Place, Message: f.Message, Hint: f.Hint}
	if m := linePlace.FindStringSubmatch(f.Place); m != nil {
		out.Line, _ = strconv.Atoi(m[1])
		out.Column, _ = strconv.Atoi(m[2])
	}
	return out
}

// within puts the faults of an error at a field of the body.
func within(err error, field string) error {
	if len(errs.FaultsOf(err)) == 0 {
		return err
	}
	p := problemOf(err)
	for i := range p.Errors {
		switch at := &p.Errors[i].Location; {
		case *at == "":
			*at = field
		case strings.HasPrefix(*at, "["):
			*at = field + *at
		case field == "body":
			*at = field + "." + *at
		default:
			*at = field + ":" + *at
		}
	}
	return p
}

// invalid is a refusal of one field.
func invalid(location, message, hint string) error {
	p := newProblem(422, message)
	p.Errors = []Flaw{{Location: location, Message: message, Hint: hint}}
	return p
}

// write sends the problem to who asked.
func (p *Problem) write(w http.ResponseWriter, r *http.Request) {
	zh := readsChinese(r)
	told(w.Header().Set, zh)
	if zh {
		p = p.said(chinese.Text).(*Problem)
	}
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // the client went away
}

// humaSetup gives huma, which has them as variables of its package, our form of problems and of lists.
var humaSetup = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, details ...error) huma.StatusError {
		return fromHuma(status, message, details...)
	}
	huma.NewError = fromHuma
})

func fromHuma(status int, message string, details ...error) huma.StatusError {
	for _, d := range details {
		var p *Problem
		if errors.As(d, &p) {
			return p
		}
	}
	if status == http.StatusRequestEntityTooLarge {
		message = "the body is too large"
	}
	p := newProblem(status, message)
	for _, d := range details {
		if d == nil {
			continue
		}
		var e *huma.ErrorDetail
		if errors.As(d, &e) {
			p.Errors = append(p.Errors, Flaw{Location: e.Location, Message: e.Message})
		} else {
			p.Errors = append(p.Errors, Flaw{Message: d.Error()})
		}
	}
	if len(p.Errors) > 0 && message == "validation failed" {
		p.Detail = p.Errors[0].Message
		if p.Errors[0].Location != "" {
			p.Detail = p.Errors[0].Location + ": " + p.Detail
		}
	}
	return p
}

func bytesText(n int64) string {
	if n >= 1<<20 {
		return strconv.FormatInt(n>>20, 10) + " MB"
	}
	return strconv.FormatInt(n>>10, 10) + " KB"
}
