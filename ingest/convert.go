package ingest

import (
	"fmt"
	"strings"

	"tagma/event"
)

// reading says how a cell becomes a value.
type reading struct {
	as        event.Kind // Missing: as it comes
	layout    *layout    // of times and dates
	separator string     // of lists
	zone      *event.Zone

	// The cell read last and its moment: neighbouring rows often have the same time.
	lastText   string
	lastMoment moment
}

// trouble is why a cell cannot be read: the reason without the cell, and what stands there.
type trouble struct{ reason, found string }

func (t *trouble) in(label string) (reason, detail string) {
	return label + ": " + t.reason, fmt.Sprintf("%s: %q: %s", label, clip(t.found), t.reason)
}

// The reasons. They begin with "not …" so that a cell can be put before them.
const (
	notNumber = "not a number"
	notBool   = "not true or false"
	notTime   = "not a time"
	notDate   = "not a date"
)

func (r *reading) notMoment(what string) string {
	if r.layout == nil || r.layout.name == "" {
		return what + " like 2026-06-30 or 2026-06-30 08:00:00"
	}
	return what + " of the form " + r.layout.name
}

// text reads a text cell, which is not empty.
func (r *reading) text(s string) (event.Value, *trouble) {
	switch r.as {
	case event.Missing, event.TextKind:
		return event.Text(s), nil
	case event.NumberKind:
		n, err := event.ParseNumber(s)
		if err != nil {
			// Blanks around a number say nothing, and a cell of blanks is as good as empty.
			if s = strings.TrimSpace(s); s == "" {
				return event.Value{}, nil
			}
			if n, err = event.ParseNumber(s); err != nil {
				return event.Value{}, &trouble{notNumber, s}
			}
		}
		return event.Num(n), nil
	case event.BoolKind:
		if s = strings.TrimSpace(s); s == "" {
			return event.Value{}, nil
		}
		b, ok := parseBool(s)
		if !ok {
			return event.Value{}, &trouble{notBool, s}
		}
		return event.Bool(b), nil
	case event.ListKind:
		var vs []event.Value
		for _, e := range strings.Split(s, r.separator) {
			if e = strings.TrimSpace(e); e != "" {
				vs = append(vs, event.Text(e))
			}
		}
		if len(vs) == 0 {
			return event.Value{}, nil
		}
		return event.List(vs...), nil
	}
	m, present, t := r.moment(s)
	if t != nil || !present {
		return event.Value{}, t
	}
	if r.as == event.DateKind {
		return event.Civil(m.date(r.zone)), nil
	}
	return event.Instant(m.in(r.zone)), nil
}

// moment reads a text cell as a time or date; present is false for blanks.
func (r *reading) moment(s string) (m moment, present bool, t *trouble) {
	if s == r.lastText {
		return r.lastMoment, true, nil
	}
	m, ok := r.layout.read(s)
	if !ok {
		s = strings.TrimSpace(s)
		if s == "" {
			return moment{}, false, nil
		}
		if m, ok = r.layout.read(s); !ok {
			what := notTime
			if r.as == event.DateKind {
				what = notDate
			}
			return moment{}, false, &trouble{r.notMoment(what), s}
		}
	}
	r.lastText, r.lastMoment = s, m
	return m, true, nil
}

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "1", "y", "t", "on", "是", "真", "同意":
		return true, true
	case "false", "no", "0", "n", "f", "off", "否", "假", "拒绝", "不同意":
		return false, true
	}
	return false, false
}

// value reads a cell that has a type already: of JSON lines, or what an expression gave.
func (r *reading) value(v event.Value) (event.Value, *trouble) {
	if r.as == event.Missing || !v.Present() || v.Kind() == r.as {
		return v, nil
	}
	if v.Kind() == event.TextKind {
		if v.Text() == "" {
			return event.Value{}, nil
		}
		return r.text(v.Text())
	}
	wrong := func(what string) (event.Value, *trouble) {
		return event.Value{}, &trouble{what, v.Format(r.zone)}
	}
	switch r.as {
	case event.TextKind:
		return event.Text(v.Format(r.zone)), nil
	case event.ListKind:
		return event.List(v), nil
	case event.NumberKind:
		return wrong(notNumber)
	case event.BoolKind:
		if n := v.Number(); v.Kind() == event.NumberKind {
			switch {
			case n.Equal(event.Int(1)):
				return event.Bool(true), nil
			case n.Sign() == 0:
				return event.Bool(false), nil
			}
		}
		return wrong(notBool)
	}
	// A time or date.
	m, ok := moment{}, false
	switch v.Kind() {
	case event.TimeKind:
		m, ok = moment{instant: true, at: v.Time()}, true
	case event.DateKind:
		m, ok = moment{dateOnly: true, day: v.Date()}, true
	case event.NumberKind:
		if r.layout != nil {
			m, ok = r.layout.fromNumber(v.Number())
		}
	}
	switch {
	case !ok && r.as == event.DateKind:
		return wrong(r.notMoment(notDate))
	case !ok:
		return wrong(r.notMoment(notTime))
	case r.as == event.DateKind:
		return event.Civil(m.date(r.zone)), nil
	}
	return event.Instant(m.in(r.zone)), nil
}
