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
	"time"

	"tagma/errs"
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
	Type        string         `json:"type"`
	MessageID   string         `json:"messageId"`
	UserID      any            `json:"userId"`
	AnonymousID any            `json:"anonymousId"`
	Event       string         `json:"event"`
	Name        string         `json:"name"`
	Category    string         `json:"category"`
	Properties  map[string]any `json:"properties"`
	Traits      map[string]any `json:"traits"`
	Context     map[string]any `json:"context"`
	Timestamp   any            `json:"timestamp"`
	Original    any            `json:"originalTimestamp"`
	SentAt      any            `json:"sentAt"`
}

// envelope is a batch.
type envelope struct {
	Batch    []json.RawMessage `json:"batch"`
	SentAt   any               `json:"sentAt"`
	WriteKey string            `json:"writeKey"`
}

// collected is the answer to a client.
type collected struct {
	Success  bool   `json:"success"`
	Accepted int    `json:"accepted"`
	Repeated int    `json:"repeated,omitempty"` // taken before
	Passed   int    `json:"passed_over,omitempty"`
	Message  string `json:"message,omitempty"`
	Errors   []Flaw `json:"errors,omitempty"`
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
	received := s.now()
	body, err := readBatch(w, r)
	if err != nil {
		p := problemOf(err)
		writeCollected(w, p.Status, collected{Message: p.Detail})
		return
	}
	var e envelope
	if err := decodeJSON(body, &e); err != nil {
		writeCollected(w, 400, collected{Message: "the body is not a JSON object: " + err.Error()})
		return
	}
	key, _, _ := r.BasicAuth()
	if key == "" {
		key = e.WriteKey
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
	kind := strings.TrimPrefix(r.URL.Path, "/v1/")
	items := e.Batch
	if kind != "batch" {
		items = []json.RawMessage{body}
	} else if len(items) == 0 {
		writeCollected(w, 400, collected{Message: "batch is missing or empty"})
		return
	}
	var out collected
	var sent []ingest.Sent
	var places []int
	for i, raw := range items {
		at := fmt.Sprintf("batch[%d]", i)
		if kind != "batch" {
			at = ""
		}
		m := message{Type: kind}
		if len(raw) > eventLimit {
			out.Errors = append(out.Errors, Flaw{Location: at, Message: fmt.Sprintf("%d bytes are more than the %d that one message may have", len(raw), eventLimit)})
			continue
		}
		if err := decodeJSON(raw, &m); err != nil {
			out.Errors = append(out.Errors, Flaw{Location: at, Message: "not a message: " + err.Error()})
			continue
		}
		if kind != "batch" {
			m.Type = kind
		}
		if m.SentAt == nil {
			m.SentAt = e.SentAt
		}
		if m.Type == "group" || m.Type == "alias" {
			out.Passed++
			continue
		}
		one, flaw := m.record(received)
		if flaw != nil {
			flaw.Location = strings.Trim(at+"."+flaw.Location, ".")
			out.Errors = append(out.Errors, *flaw)
			continue
		}
		one.Source = source
		sent, places = append(sent, one), append(places, i)
	}
	results, err := s.intake.take(r.Context(), sent)
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
			out.Errors = append(out.Errors, Flaw{Location: fmt.Sprintf("batch[%d]", places[k]), Message: p.Detail})
		case res.fresh:
			out.Accepted++
		default:
			out.Repeated++
		}
	}
	s.metrics.accepted(source, out.Accepted, out.Repeated, len(out.Errors))
	if len(out.Errors) > 0 {
		out.Message = fmt.Sprintf("%d of %d messages cannot be taken", len(out.Errors), len(items))
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

// readBatch reads the body, unpacked when it is packed: some clients send gzip with the content type of a form.
func readBatch(w http.ResponseWriter, r *http.Request) ([]byte, error) {
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
	body, err := io.ReadAll(in)
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

// decodeJSON reads one JSON value, numbers as they are written.
func decodeJSON(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("there is more after the end")
	}
	return nil
}

// record turns a message into what is kept of it.
func (m *message) record(received event.Time) (ingest.Sent, *Flaw) {
	out := ingest.Sent{Message: m.MessageID}
	wrong := func(field, text, hint string) (ingest.Sent, *Flaw) {
		return out, &Flaw{Location: field, Message: text, Hint: hint}
	}
	for _, id := range []struct {
		kind, field string
		value       any
	}{{"user_id", "userId", m.UserID}, {"anonymous_id", "anonymousId", m.AnonymousID}} {
		text := ""
		switch v := id.value.(type) {
		case nil:
		case string:
			text = v
		case json.Number:
			text = v.String()
		default:
			return wrong(id.field, "an id is a text", "")
		}
		if text == "" {
			continue
		}
		k := identity.Key{Kind: id.kind, Value: text}
		if problem := k.Check(); problem != "" {
			return wrong(id.field, problem, "")
		}
		out.Identifiers = append(out.Identifiers, k)
	}
	if len(out.Identifiers) == 0 {
		return wrong("userId", "whose message is it?", "send userId or anonymousId")
	}
	at, flaw := m.time(received)
	if flaw != nil {
		return out, flaw
	}
	e := ingest.Event{Time: at}
	properties := event.Flatten(m.Properties)
	switch m.Type {
	case "identify":
		traits := m.Traits
		if inner, ok := m.Context["traits"].(map[string]any); ok && traits == nil {
			traits = inner
		}
		for _, p := range event.Flatten(traits) {
			out.Traits = append(out.Traits, ingest.Trait{Name: p.Name, Time: at, Value: p.Value})
		}
		for name, x := range traits {
			if x == nil { // takes the trait away
				out.Traits = append(out.Traits, ingest.Trait{Name: name, Time: at})
			}
		}
		return out, nil
	case "track":
		if e.Name = strings.TrimSpace(m.Event); e.Name == "" {
			return wrong("event", "a track needs the name of the event", "")
		}
	case "page", "screen":
		e.Name = m.Type
		for _, p := range []struct{ name, text string }{{"name", m.Name}, {"category", m.Category}} {
			if _, there := m.Properties[p.name]; p.text != "" && !there {
				properties = append(properties, event.Property{Name: p.name, Value: event.Text(p.text)})
			}
		}
	default:
		return wrong("type", fmt.Sprintf("%q is no type of message", m.Type), "there are track, identify, page and screen")
	}
	delete(m.Context, "traits")
	for _, p := range event.Flatten(m.Context) {
		properties = append(properties, event.Property{Name: "context." + p.Name, Value: p.Value})
	}
	e.Props = properties
	out.Events = []ingest.Event{e}
	return out, nil
}

// time is when it happened by the server's clock: as long before the message was received as it happened, by the
// client's clock, before it was sent. A client's clock may be wrong; the time between is right all the same.
func (m *message) time(received event.Time) (event.Time, *Flaw) {
	given := m.Timestamp
	field := "timestamp"
	if m.Original != nil {
		given, field = m.Original, "originalTimestamp"
	}
	at, ok, flaw := clientTime(field, given)
	if flaw != nil || !ok {
		return received, flaw
	}
	sent, ok, flaw := clientTime("sentAt", m.SentAt)
	if flaw != nil {
		return 0, flaw
	}
	if ok {
		at = received - (sent - at)
	}
	return min(at, received), nil
}

// clientTime reads an instant: ISO 8601, or milliseconds.
func clientTime(field string, x any) (event.Time, bool, *Flaw) {
	switch v := x.(type) {
	case nil:
		return 0, false, nil
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999Z0700", "2006-01-02 15:04:05.999Z07:00", "2006-01-02T15:04:05.999", "2006-01-02"} {
			if t, err := time.Parse(layout, v); err == nil {
				return event.At(t), true, nil
			}
		}
	case json.Number:
		if ms, err := v.Int64(); err == nil && ms > 0 {
			return event.Time(ms), true, nil
		}
	}
	return 0, false, &Flaw{Location: field, Message: "this is no instant", Hint: "write it as 2026-11-21T10:03:05.120Z"}
}

// notTaken says whether it is the message's fault that it was not taken.
func notTaken(err error) bool {
	return errs.Is(err, errs.Invalid) || errs.Is(err, errs.Conflict) || errs.Is(err, errs.NotFound)
}
