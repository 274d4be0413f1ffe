package library

import "tagma/event"

// Keep says how long a value that a rule once gave stays when the rule gives none any more. The zero Keep is not at
// all.
type Keep struct {
	// Once: for ever.
	Once bool
	// Span is how long, from the instant at which it was first found that the rule gives none; only without Once.
	Span event.Span
}

// Set says whether values are kept at all.
func (k Keep) Set() bool { return k != Keep{} }

// String is how a file writes it: "once", "30d", or "".
func (k Keep) String() string {
	switch {
	case k.Once:
		return keepOnce
	case k.Set():
		return k.Span.String()
	}
	return ""
}

const keepOnce = "once"

// parseKeep reads what String writes; false when it is something else.
func parseKeep(text string) (Keep, bool) {
	if text == keepOnce {
		return Keep{Once: true}, true
	}
	span, err := event.ParseSpan(text)
	if err != nil || span.N <= 0 {
		return Keep{}, false
	}
	return Keep{Span: span}, true
}

// keep reads the keep of a tag.
func (f *fields) keep() Keep {
	text := f.text("keep")
	if text == "" {
		return Keep{}
	}
	k, ok := parseKeep(text)
	if !ok {
		f.r.fault(f.of["keep"], f.what, `write once, or a length of time as in 30d; units are s, m, h, d, w, mo, y`, "keep: %s is not a length of time", text)
	}
	return k
}
