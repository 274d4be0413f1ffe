package oracle_test

import (
	"fmt"
	"slices"
	"strings"

	"tagma/event"
	"tagma/internal/oracle"
	"tagma/internal/world"
)

// String writes the scene as lines that one can read: all that is needed to ask the question again by hand.
func (s *scene) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("in the zone %s", s.zone)
	b.WriteString(script(s.history, s.zone))
	for _, k := range keys(s.defs.Measures) {
		line("  measure %s: %s when %q", k, s.defs.Measures[k].Value, s.defs.Measures[k].When)
	}
	for _, k := range keys(s.defs.Tags) {
		t := s.defs.Tags[k]
		line("  tag %s: %s", k, tagKind(t))
		for _, c := range t.Cases {
			line("    %s when %s", c.Value, c.When)
		}
		for _, band := range t.Bands {
			line("    below %s: %s", band.Below, band.Value)
		}
	}
	for _, k := range keys(s.defs.Segments) {
		line("  segment %s: %s", k, s.defs.Segments[k])
	}
	for _, k := range keys(s.defs.Tables) {
		for _, by := range keys(s.defs.Tables[k]) {
			for _, column := range keys(s.defs.Tables[k][by]) {
				line("  table %s, row %q, %s = %s", k, by, column, inZone(s.defs.Tables[k][by][column], s.zone))
			}
		}
	}
	for _, c := range s.records.Changes {
		line("  %s of customer %d changed at %s: %s, then %s", c.Key, c.Who, moment(c.At, s.zone), inZone(c.Before, s.zone), inZone(c.After, s.zone))
	}
	for _, p := range s.records.Pins {
		what := "is " + inZone(p.Value, s.zone)
		if p.Out {
			what = "is not " + inZone(p.Value, s.zone)
			if !p.Value.Present() {
				what = "has no value"
			}
		}
		line("  by hand from %s until %s: %s of customer %d %s", moment(p.From, s.zone), moment(p.Until, s.zone), p.Key, p.Who, what)
	}
	for _, k := range s.records.Kept {
		line("  kept from %s until %s: %s of customer %d holds on to %s", moment(k.From, s.zone), moment(k.Until, s.zone), k.Key, k.Who, inZone(k.Value, s.zone))
	}
	return b.String()
}

func tagKind(t oracle.Tag) string {
	kind := t.Value
	if t.Multi {
		kind += " several values"
	}
	if len(t.Cases) == 0 && t.Value == "" {
		kind += " by hand"
		for _, v := range t.Values {
			kind += ", " + v.String()
		}
	}
	return kind
}

// shown writes a value with its kind, numbers with all their digits.
func shown(v event.Value) string {
	if v.Kind() == event.NumberKind {
		return "number " + v.Number().Exact()
	}
	return v.Kind().String() + " " + v.String()
}

func inZone(v event.Value, zone *event.Zone) string {
	if v.Kind() == event.TimeKind {
		return "time " + v.Format(zone)
	}
	return shown(v)
}

func moment(t event.Time, zone *event.Zone) string {
	switch t {
	case event.Never:
		return "never"
	case event.Always:
		return "always"
	}
	return zone.Format(t)
}

// script writes a history as lines that one can read.
func script(w *world.World, zone *event.Zone) string {
	var b strings.Builder
	blank := 0
	for _, k := range w.Known {
		var lines []string
		line := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
		for _, id := range w.Identifiers {
			if id.Profile == k.Profile {
				line("id %s %q", id.Kind, id.Value)
			}
		}
		for i, t := range append(slices.Clone(w.Traits), w.Consents...) {
			what := "trait"
			if i >= len(w.Traits) {
				what = "consent"
			}
			if t.Profile == k.Profile {
				line("%s %s = %s since %s, arrival %d", what, t.Name, inZone(t.Value, zone), moment(t.Time, zone), t.Arrival)
			}
		}
		for _, e := range append(slices.Clone(w.Events), w.System...) {
			if e.Profile == k.Profile {
				line("event %q at %s, arrival %d, source %s", e.Name, moment(e.Time, zone), e.Arrival, e.Source)
				for _, p := range e.Props {
					line("  %s = %s", p.Name, inZone(p.Value, zone))
				}
			}
		}
		if len(lines) == 0 && k.Seen == event.Never {
			blank++
			continue
		}
		fmt.Fprintf(&b, "  customer %d: person %v, entity %d, seen %s\n", k.Profile, k.Person, k.Entity, moment(k.Seen, zone))
		for _, l := range lines {
			b.WriteString("    " + l + "\n")
		}
	}
	if blank > 0 {
		fmt.Fprintf(&b, "  and %d profiles without records\n", blank)
	}
	return b.String()
}
