package ingest

import (
	"fmt"
	"strings"
	"time"

	"tagma/event"
)

// layout is a form of times or dates in text. It reads what it can in one go over the text; a layout with names
// of months, zones or AM/PM goes through the time package.
type layout struct {
	name  string // as the mapping writes it; empty: any of the common forms
	kind  layoutKind
	parts []part
	std   string // for time.Parse
	clock bool   // it has a time of day
	zoned bool   // it has a zone: what it reads is an instant
	utc   bool   // it ends with a Z, which everyone means as UTC
}

type layoutKind uint8

const (
	layoutAny    layoutKind = iota // 2006-01-02, with 15:04:05 and a zone where there are any
	layoutParts                    // parts
	layoutStd                      // std
	layoutUnix                     // seconds, a fraction allowed
	layoutMillis                   // milliseconds
)

// part is a number or a literal of a layout.
type part struct {
	field    byte // y M d H m s S; 0 for a literal
	min, max int  // digits
	literal  string
}

// moment is what a layout reads: an instant, or a wall clock's day and time.
type moment struct {
	instant  bool
	dateOnly bool
	at       event.Time
	day      event.Date
	ms       int64
}

// in returns the instant of a moment, in the zone where it has none; a bare day gives its first instant.
func (m moment) in(z *event.Zone) event.Time {
	switch {
	case m.instant:
		return m.at
	case m.dateOnly:
		return z.Start(m.day)
	}
	return z.Instant(m.day, m.ms)
}

// date returns the day of a moment, in the zone where it is an instant.
func (m moment) date(z *event.Zone) event.Date {
	if m.instant {
		return z.Date(m.at)
	}
	return m.day
}

// The bounds of instants: the years 1 to 9999.
var (
	earliest = int64(event.At(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)))
	latest   = int64(event.At(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)))
)

// newLayout reads a layout: unix, unix_ms, rfc3339, date, Go's (2006-01-02 15:04:05) or letters (yyyy-MM-dd HH:mm:ss).
func newLayout(text string) (*layout, error) {
	l := &layout{name: text}
	switch text {
	case "":
		return nil, fmt.Errorf("a layout is empty; %s", layoutForms)
	case "unix":
		l.kind, l.clock, l.zoned = layoutUnix, true, true
		return l, nil
	case "unix_ms":
		l.kind, l.clock, l.zoned = layoutMillis, true, true
		return l, nil
	case "rfc3339":
		l.kind, l.std, l.clock, l.zoned = layoutStd, time.RFC3339, true, true
		return l, nil
	case "date":
		text = "2006-01-02"
	}
	if strings.ContainsAny(text, "0123456789") {
		return l, l.fromGo(text)
	}
	return l, l.fromLetters(text)
}

const layoutForms = "write unix, unix_ms, rfc3339, date, 2006-01-02 15:04:05 or yyyy-MM-dd HH:mm:ss"

// goFields are the numbers of Go's layouts that are read here. Longer ones stand before what they begin with.
var goFields = []struct {
	text string
	part part
}{
	{"2006", part{field: 'y', min: 4, max: 4}},
	{"01", part{field: 'M', min: 2, max: 2}}, {"02", part{field: 'd', min: 2, max: 2}},
	{"04", part{field: 'm', min: 2, max: 2}}, {"05", part{field: 's', min: 2, max: 2}},
	{"15", part{field: 'H', min: 1, max: 2}},
	{"1", part{field: 'M', min: 1, max: 2}}, {"2", part{field: 'd', min: 1, max: 2}},
	{"4", part{field: 'm', min: 1, max: 2}}, {"5", part{field: 's', min: 1, max: 2}},
}

func (l *layout) fromGo(text string) error {
	l.kind, l.std = layoutStd, text
	has := map[byte]bool{}
	plain := true
	for i := 0; i < len(text); {
		rest := text[i:]
		switch n := named(rest); {
		case n != "": // what only the time package reads
			plain = false
			switch {
			case strings.HasPrefix(n, "J"):
				has['M'] = true
			case n == "03" || n == "3":
				has['H'] = true
			case n == "06":
				has['y'] = true
			case n == "_2":
				has['d'] = true
			case n == "002":
				has['M'], has['d'] = true, true
			case strings.HasPrefix(n, "Z0") || strings.HasPrefix(n, "-0") || n == "MST":
				l.zoned = true
			}
			i += len(n)
			continue
		}
		if (rest[0] == '.' || rest[0] == ',') && len(rest) > 1 && (rest[1] == '0' || rest[1] == '9') {
			n := 1
			for n < len(rest) && rest[n] == rest[1] {
				n++
			}
			if n == len(rest) || rest[n] < '0' || rest[n] > '9' {
				p := part{field: 'S', min: n - 1, max: n - 1}
				if rest[1] == '9' {
					p.min, p.max = 0, 9
				}
				l.literal(rest[:1])
				l.parts = append(l.parts, p)
				i += n
				continue
			}
		}
		matched := false
		for _, f := range goFields {
			if strings.HasPrefix(rest, f.text) {
				l.parts = append(l.parts, f.part)
				has[f.part.field] = true
				i += len(f.text)
				matched = true
				break
			}
		}
		if !matched {
			l.literal(rest[:1])
			i++
		}
	}
	if plain {
		l.kind = layoutParts
	}
	return l.complete(has)
}

// named returns what text begins with of the elements of Go's layouts that are not plain numbers.
func named(text string) string {
	for _, n := range []string{"January", "Jan", "Monday", "Mon", "MST", "PM", "pm", "Z07:00:00", "Z070000", "Z07:00", "Z0700", "Z07",
		"-07:00:00", "-070000", "-07:00", "-0700", "-07", "002", "03", "3", "06", "_2006", "__2", "_2"} {
		if strings.HasPrefix(text, n) {
			return n
		}
	}
	return ""
}

// letterFields are the fields of layouts in letters: how they are read here, and how Go's layouts write them.
var letterFields = map[string]struct {
	part part
	std  string
}{
	"yyyy": {part{field: 'y', min: 4, max: 4}, "2006"}, "yy": {part{field: 'Y'}, "06"},
	"MM": {part{field: 'M', min: 2, max: 2}, "01"}, "M": {part{field: 'M', min: 1, max: 2}, "1"},
	"MMM": {part{field: 'N'}, "Jan"}, "MMMM": {part{field: 'N'}, "January"},
	"dd": {part{field: 'd', min: 2, max: 2}, "02"}, "d": {part{field: 'd', min: 1, max: 2}, "2"},
	"HH": {part{field: 'H', min: 2, max: 2}, "15"}, "H": {part{field: 'H', min: 1, max: 2}, "15"},
	"hh": {part{field: 'h'}, "03"}, "h": {part{field: 'h'}, "3"}, "a": {part{field: 'a'}, "PM"},
	"mm": {part{field: 'm', min: 2, max: 2}, "04"}, "m": {part{field: 'm', min: 1, max: 2}, "4"},
	"ss": {part{field: 's', min: 2, max: 2}, "05"}, "s": {part{field: 's', min: 1, max: 2}, "5"},
	"S": {part{field: 'S', min: 1, max: 1}, "0"}, "SS": {part{field: 'S', min: 2, max: 2}, "00"}, "SSS": {part{field: 'S', min: 3, max: 3}, "000"},
	"SSSSSS": {part{field: 'S', min: 6, max: 6}, "000000"},
	"Z":      {part{field: 'Z'}, "-0700"}, "XXX": {part{field: 'Z'}, "Z07:00"}, "XX": {part{field: 'Z'}, "Z0700"}, "X": {part{field: 'Z'}, "Z07"},
	"E": {part{field: 'E'}, "Mon"}, "EEE": {part{field: 'E'}, "Mon"}, "EEEE": {part{field: 'E'}, "Monday"},
}

func (l *layout) fromLetters(text string) error {
	l.kind = layoutParts
	has := map[byte]bool{}
	var std strings.Builder
	for i := 0; i < len(text); {
		c := text[i]
		if c == '\'' {
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return fmt.Errorf("the layout %q has an open quote", text)
			}
			word := text[i+1 : i+1+end]
			if end == 0 {
				word = "'"
			}
			l.literal(word)
			std.WriteString(word)
			i += end + 2
			continue
		}
		if c|0x20 < 'a' || c|0x20 > 'z' || c == 'T' { // a T stands for itself, as everyone writes it
			l.literal(text[i : i+1])
			std.WriteByte(c)
			i++
			continue
		}
		n := 1
		for i+n < len(text) && text[i+n] == c {
			n++
		}
		f, ok := letterFields[text[i:i+n]]
		if !ok {
			return fmt.Errorf("the layout %q: %q is not known; %s", text, text[i:i+n], layoutForms)
		}
		switch f.part.field {
		case 'Y':
			has['y'] = true
			l.kind = layoutStd
		case 'N':
			has['M'] = true
			l.kind = layoutStd
		case 'h':
			has['H'] = true
			l.kind = layoutStd
		case 'a', 'E':
			l.kind = layoutStd
		case 'Z':
			l.zoned = true
			l.kind = layoutStd
		default:
			has[f.part.field] = true
			l.parts = append(l.parts, f.part)
		}
		std.WriteString(f.std)
		i += n
	}
	l.std = std.String()
	return l.complete(has)
}

func (l *layout) literal(s string) {
	if n := len(l.parts); n > 0 && l.parts[n-1].field == 0 {
		l.parts[n-1].literal += s
		return
	}
	l.parts = append(l.parts, part{literal: s})
}

func (l *layout) complete(has map[byte]bool) error {
	var missing []string
	for _, f := range []struct {
		field byte
		name  string
	}{{'y', "year"}, {'M', "month"}, {'d', "day"}} {
		if !has[f.field] {
			missing = append(missing, f.name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the layout %q has no %s; %s", l.name, strings.Join(missing, ", no "), layoutForms)
	}
	l.clock = has['H']
	if n := len(l.parts); l.kind == layoutParts && l.clock && l.parts[n-1].field == 0 && strings.TrimSpace(l.parts[n-1].literal) == "Z" {
		l.utc = true
	}
	return nil
}

// read reads a text; ok is false when it is not of this form, or not a time there is.
func (l *layout) read(s string) (m moment, ok bool) {
	switch l.kind {
	case layoutAny:
		return readAny(s)
	case layoutUnix, layoutMillis:
		n, err := event.ParseNumber(s)
		if err != nil {
			return moment{}, false
		}
		return l.fromNumber(n)
	case layoutStd:
		t, err := time.Parse(l.std, s)
		if err != nil {
			return moment{}, false
		}
		if l.zoned {
			at := t.UnixMilli()
			return moment{instant: true, at: event.Time(at)}, at >= earliest && at < latest
		}
		y, mo, d := t.Date()
		ms := int64(t.Hour())*3_600_000 + int64(t.Minute())*60_000 + int64(t.Second())*1000 + int64(t.Nanosecond())/1_000_000
		return moment{day: event.DateOf(y, mo, d), ms: ms, dateOnly: !l.clock}, true
	}
	m, ok = readParts(l.parts, s, l.clock)
	if l.utc {
		m = moment{instant: true, at: event.Time(int64(m.day)*86_400_000 + m.ms)}
	}
	return m, ok
}

// fromNumber reads a number of seconds or milliseconds.
func (l *layout) fromNumber(n event.Number) (moment, bool) {
	if l.kind != layoutUnix && l.kind != layoutMillis {
		return moment{}, false
	}
	if l.kind == layoutUnix {
		var ok bool
		if n, ok = n.Mul(event.Int(1000)); !ok {
			return moment{}, false
		}
	}
	ms, ok := n.Floor().Int64()
	return moment{instant: true, at: event.Time(ms)}, ok && ms >= earliest && ms < latest
}

// readParts reads numbers and literals.
func readParts(parts []part, s string, clock bool) (moment, bool) {
	var y, mo, d, h, mi, sec, ms int
	i := 0
	for k, p := range parts {
		if p.field == 0 {
			if !strings.HasPrefix(s[i:], p.literal) {
				return moment{}, false
			}
			i += len(p.literal)
			continue
		}
		start, v := i, 0
		for i < len(s) && i-start < p.max && s[i] >= '0' && s[i] <= '9' {
			if p.field != 'S' || i-start < 3 {
				v = v*10 + int(s[i]-'0')
			}
			i++
		}
		if i-start < p.min {
			return moment{}, false
		}
		switch p.field {
		case 'y':
			y = v
		case 'M':
			mo = v
		case 'd':
			d = v
		case 'H':
			h = v
		case 'm':
			mi = v
		case 's':
			sec = v
			// A fraction of the second may stand here though the layout does not say so, as in Go.
			if fraction := k+2 < len(parts) && parts[k+2].field == 'S' || k+1 < len(parts) && parts[k+1].field == 'S'; !fraction &&
				i+1 < len(s) && (s[i] == '.' || s[i] == ',') && s[i+1] >= '0' && s[i+1] <= '9' {
				var n int
				ms, n = readFraction(s[i+1:])
				i += n + 1
			}
		case 'S':
			for n := i - start; n < 3; n++ {
				v *= 10
			}
			ms = v
		}
	}
	if i != len(s) || mo < 1 || mo > 12 || d < 1 || y < 1 || h > 23 || mi > 59 || sec > 59 {
		return moment{}, false
	}
	if d > 28 && d > event.DaysIn(y, time.Month(mo)) {
		return moment{}, false
	}
	return moment{day: dateOf(y, mo, d), ms: int64(((h*60+mi)*60+sec)*1000 + ms), dateOnly: !clock}, true
}

// dateOf is event.DateOf for dates known to be good, without the way through time.Time.
func dateOf(y, m, d int) event.Date {
	if m <= 2 {
		y--
		m += 12
	}
	return event.Date(365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 719469)
}

// readFraction reads digits as thousandths; n is how many digits there were.
func readFraction(s string) (ms, n int) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		if n < 3 {
			ms = ms*10 + int(s[n]-'0')
		}
		n++
	}
	for k := n; k < 3; k++ {
		ms *= 10
	}
	return ms, n
}

var (
	partsDate = []part{{field: 'y', min: 4, max: 4}, {literal: "-"}, {field: 'M', min: 2, max: 2}, {literal: "-"}, {field: 'd', min: 2, max: 2}}
	partsFull = append(append([]part(nil), partsDate...), part{literal: " "}, part{field: 'H', min: 2, max: 2}, part{literal: ":"},
		part{field: 'm', min: 2, max: 2}, part{literal: ":"}, part{field: 's', min: 2, max: 2})
	partsFullT = append(append([]part(nil), partsDate...), part{literal: "T"}, part{field: 'H', min: 2, max: 2}, part{literal: ":"},
		part{field: 'm', min: 2, max: 2}, part{literal: ":"}, part{field: 's', min: 2, max: 2})
)

// readAny reads yyyy-MM-dd, yyyy-MM-dd HH:mm[:ss[.SSS]] with a blank or T between, and RFC 3339.
func readAny(s string) (moment, bool) {
	if len(s) == 10 {
		return readParts(partsDate, s, false)
	}
	if len(s) < 16 {
		return moment{}, false
	}
	if len(s) == 16 { // without seconds
		s += ":00"
	}
	if m, ok := readParts(partsFull, s, true); ok {
		return m, true
	}
	if m, ok := readParts(partsFullT, s, true); ok {
		return m, true
	}
	if s[10] == ' ' { // as databases print it
		s = s[:10] + "T" + s[11:]
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return moment{}, false
	}
	return moment{instant: true, at: event.At(t)}, true
}
