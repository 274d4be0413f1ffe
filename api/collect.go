package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
)

// The limits of the intake, in bytes: those of the services that it is compatible with.
const (
	batchLimit = 500 << 10
	eventLimit = 32 << 10
)

// message is what a tracking client sends: one thing that somebody did, or who somebody is.
type message struct {
	kind, id, event, name, category string
	userID, anonymousID             scalar
	timestamp, original, sentAt     scalar
	properties, context             span
	named, categorized              bool // there is a property of that name
	traits, contextTraits           span
	hasTraits, hasContextTraits     bool
	size                            int   // in bytes
	flaw                            *Flaw // it is no message
}

// collected is the answer to a client.
type collected struct {
	Success  bool   `json:"success"`
	Accepted int    `json:"accepted"`
	Repeated int    `json:"repeated,omitempty"` // taken before
	Passed   int    `json:"passed_over,omitempty"`
	Message  string `json:"message,omitempty"`
	Errors   []Flaw `json:"errors,omitempty"`
	// Warnings are of messages that were taken.
	Warnings []remark `json:"warnings,omitempty"`
}

// collect takes in what tracking clients send: POST /v1/track, identify, page, screen and batch. It answers when what it
// took is safe on the disk. What is wrong in a batch is refused by itself, and told with a 400; the rest of the batch is
// taken. Sending it again does no harm, since a message is taken once.
//
// Browsers of any site may send, so this is not behind the protection against other sites; it has no cookies.
func (s *Server) collect(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	switch r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPost:
	default:
		h.Set("Allow", "POST, OPTIONS")
		writeCollected(w, http.StatusMethodNotAllowed, collected{Message: "send with POST"})
		return
	}
	size := r.ContentLength
	if r.Header.Get("Content-Encoding") != "" {
		size = -1
	}
	release, refused := s.intake.admit(r.Context(), size)
	if refused != nil {
		refused.write(w)
		return
	}
	defer release()
	received := s.now()
	_ = http.NewResponseController(w).SetReadDeadline(s.c.Now().Add(shortTime)) // where that cannot be set, the server's holds
	reader := messageReaders.Get().(*messageReader)
	defer messageReaders.Put(reader)
	body, err := readBatch(w, r, reader.unread)
	if err != nil {
		p := problemOf(err)
		writeCollected(w, p.Status, collected{Message: p.Detail})
		return
	}
	kind := strings.TrimPrefix(r.URL.Path, "/v1/")
	reader.unread = body[:0]
	e, err := reader.read(body, kind == "batch")
	given := givenProperties{reader.given, reader.traced}
	if err == nil && e.flaw != nil {
		err = errors.New(e.flaw.Location + ": " + e.flaw.Message)
	}
	if err != nil {
		writeCollected(w, 400, collected{Message: "the body is not a JSON object as it is expected: " + err.Error()})
		return
	}
	key, _, _ := r.BasicAuth()
	if key == "" {
		key = e.writeKey
	}
	source, err := s.may.SourceByKey(r.Context(), key)
	if err != nil {
		p := s.fault(r, err)
		if key == "" {
			p.Detail = "the write key is missing: send it as the user of Basic authorization, or as writeKey in the body"
		}
		writeCollected(w, p.Status, collected{Message: p.Detail})
		return
	}
	if len(e.messages) == 0 {
		writeCollected(w, 400, collected{Message: "batch is missing or empty"})
		return
	}
	place := func(i int) string {
		if kind != "batch" {
			return ""
		}
		return fmt.Sprintf("batch[%d]", i)
	}
	var out collected
	var notes remarks
	sent, places := make([]ingest.Sent, 0, len(e.messages)), make([]int, 0, len(e.messages))
	keys, events := make([]identity.Key, 0, 2*len(e.messages)), make([]ingest.Event, 0, len(e.messages))
	for i := range e.messages {
		m := &e.messages[i]
		if m.size > eventLimit {
			out.Errors = append(out.Errors, Flaw{Location: place(i), Message: fmt.Sprintf("%d bytes are more than the %d that one message may have", m.size, eventLimit)})
			continue
		}
		if kind != "batch" {
			m.kind = kind
		}
		if !m.sentAt.there() {
			m.sentAt = e.sentAt
		}
		flaw := m.flaw
		var one ingest.Sent
		var ahead event.Time
		if flaw == nil {
			if m.kind == "group" || m.kind == "alias" {
				out.Passed++
				continue
			}
			one, ahead, flaw = m.record(received, given, &keys, &events)
		}
		if flaw != nil {
			flaw.Location = strings.Trim(place(i)+"."+flaw.Location, ".")
			out.Errors = append(out.Errors, *flaw)
			continue
		}
		one.Source = source
		notes.note(m, place(i), one.Identifiers, ahead)
		sent, places = append(sent, one), append(places, i)
	}
	results, refused, err := s.intake.take(r.Context(), sent)
	if refused != nil {
		refused.write(w)
		return
	}
	if err != nil {
		p := s.fault(r, err)
		if p.retryAfter > 0 {
			h.Set("Retry-After", "1")
		}
		writeCollected(w, p.Status, collected{Message: p.Detail})
		return
	}
	for k, res := range results {
		switch {
		case res.err != nil:
			p := problemOf(res.err)
			out.Errors = append(out.Errors, Flaw{Location: place(places[k]), Message: p.Detail})
		case res.fresh:
			out.Accepted++
		default:
			out.Repeated++
		}
	}
	if err := notes.link(r.Context(), s); err != nil {
		s.log.Error("look whether customers are linked", "error", err) // what was sent is taken all the same
	}
	out.Warnings = notes.list()
	s.metrics.accepted(source, out.Accepted, out.Repeated, len(out.Errors))
	if len(out.Errors) > 0 {
		out.Message = fmt.Sprintf("%d of %d messages cannot be taken", len(out.Errors), len(e.messages))
		writeCollected(w, 400, out)
		return
	}
	out.Success = true
	writeCollected(w, 200, out)
}

func writeCollected(w http.ResponseWriter, status int, out collected) {
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="write key"`)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // the client went away
}

// readBatch reads the body, unpacked when it is packed: some clients send gzip with the content type of a form. It is read
// into room where that is large enough.
func readBatch(w http.ResponseWriter, r *http.Request, room []byte) ([]byte, error) {
	var in io.Reader = http.MaxBytesReader(w, r.Body, batchLimit)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, newProblem(400, "the body is said to be gzip and is not: "+err.Error())
		}
		in = io.LimitReader(unpacked, batchLimit+1)
	default:
		return nil, newProblem(415, "the content encoding "+encoding+" is not known: send gzip, or none")
	}
	buf := bytes.NewBuffer(room[:0])
	buf.Grow(int(min(max(r.ContentLength, 0), batchLimit)) + bytes.MinRead) // with what it takes to see the end
	_, err := buf.ReadFrom(in)
	body := buf.Bytes()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || err == nil && len(body) > batchLimit:
		return nil, newProblem(413, "a request may have "+bytesText(batchLimit)+": send several")
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader):
		return nil, newProblem(400, "the body ends early")
	case err != nil:
		return nil, newProblem(400, "the body cannot be read: "+err.Error())
	}
	return body, nil
}
