package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
)

// givenProperties are what the spans of messages are parts of.
type givenProperties struct{ properties, traits []event.Property }

// record turns a message into what is kept of it, and says how far in the future it was said to be, in milliseconds. It
// appends to keys and events, whose parts belong to what it returns.
func (m *message) record(received event.Time, given givenProperties, keys *[]identity.Key, events *[]ingest.Event) (ingest.Sent, event.Time, *Flaw) {
	out := ingest.Sent{Message: m.id}
	wrong := func(field, text, hint string) (ingest.Sent, event.Time, *Flaw) {
		return out, 0, &Flaw{Location: field, Message: text, Hint: hint}
	}
	from := len(*keys)
	for i, id := range [...]scalar{m.userID, m.anonymousID} {
		kind, field := "user_id", "userId"
		if i == 1 {
			kind, field = "anonymous_id", "anonymousId"
		}
		switch {
		case !id.there() || id.text == "" && id.kind == '"':
			continue
		case id.kind != '"' && id.kind != '0':
			return wrong(field, "an id is a text", "")
		}
		k := identity.Key{Kind: kind, Value: id.text}
		if problem := k.Check(); problem != "" {
			return wrong(field, problem, "")
		}
		*keys = append(*keys, k)
	}
	out.Identifiers = (*keys)[from:len(*keys):len(*keys)]
	if len(out.Identifiers) == 0 {
		return wrong("userId", "whose message is it?", "send userId or anonymousId")
	}
	at, ahead, flaw := m.time(received)
	if flaw != nil {
		return out, 0, flaw
	}
	e := ingest.Event{Time: at}
	switch m.kind {
	case "identify":
		traits := m.traits
		if !m.hasTraits && m.hasContextTraits {
			traits = m.contextTraits
		}
		for _, p := range given.traits[traits.from:traits.to] {
			out.Traits = append(out.Traits, ingest.Trait{Name: p.Name, Time: at, Value: p.Value})
		}
		return out, ahead, nil
	case "track":
		if e.Name = strings.TrimSpace(m.event); e.Name == "" {
			return wrong("event", "a track needs the name of the event", "")
		}
	case "page", "screen":
		e.Name = m.kind
	default:
		return wrong("type", fmt.Sprintf("%q is no type of message", m.kind), "there are track, identify, page and screen")
	}
	e.Props = m.eventProperties(given.properties)
	at0 := len(*events)
	*events = append(*events, e)
	out.Events = (*events)[at0 : at0+1 : at0+1]
	return out, ahead, nil
}

// eventProperties are those that were given, those of the context, and what a page is called.
func (m *message) eventProperties(given []event.Property) []event.Property {
	a, b := m.properties, m.context
	named := m.kind != "track" && (m.name != "" && !m.named || m.category != "" && !m.categorized)
	if !named && (a.to == b.from || a.from == a.to || b.from == b.to) {
		switch {
		case b.from == b.to:
			return given[a.from:a.to:a.to]
		case a.from == a.to:
			return given[b.from:b.to:b.to]
		}
		return given[a.from:b.to:b.to]
	}
	out := append([]event.Property(nil), given[a.from:a.to]...)
	if m.kind != "track" && m.name != "" && !m.named {
		out = append(out, event.Property{Name: "name", Value: event.Text(m.name)})
	}
	if m.kind != "track" && m.category != "" && !m.categorized {
		out = append(out, event.Property{Name: "category", Value: event.Text(m.category)})
	}
	return append(out, given[b.from:b.to]...)
}

// time is when it happened by the server's clock: as long before the message was received as it happened, by the
// client's clock, before it was sent. A client's clock may be wrong; the time between is right all the same. What is said
// to happen later than it was received, by so many milliseconds ahead, happened when it was received.
func (m *message) time(received event.Time) (at, ahead event.Time, flaw *Flaw) {
	given, field := m.timestamp, "timestamp"
	if m.original.there() {
		given, field = m.original, "originalTimestamp"
	}
	at, ok, flaw := clientTime(field, given)
	if flaw != nil || !ok {
		return received, 0, flaw
	}
	sent, ok, flaw := clientTime("sentAt", m.sentAt)
	if flaw != nil {
		return 0, 0, flaw
	}
	if ok {
		at = received - (sent - at)
	}
	return min(at, received), max(at-received, 0), nil
}

// clientTime reads an instant: ISO 8601, or milliseconds.
func clientTime(field string, x scalar) (event.Time, bool, *Flaw) {
	switch x.kind {
	case 0, 'n':
		return 0, false, nil
	case '"':
		for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999Z0700", "2006-01-02 15:04:05.999Z07:00", "2006-01-02T15:04:05.999", "2006-01-02"} {
			if t, err := time.Parse(layout, x.text); err == nil {
				return event.At(t), true, nil
			}
		}
	case '0':
		if ms, err := strconv.ParseInt(x.text, 10, 64); err == nil && ms > 0 {
			return event.Time(ms), true, nil
		}
	}
	return 0, false, &Flaw{Location: field, Message: "this is no instant", Hint: "write it as 2026-11-21T10:03:05.120Z"}
}
