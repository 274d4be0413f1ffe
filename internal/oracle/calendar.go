package oracle

import (
	"sort"
	"strconv"
	"strings"
	"time"

	"tagma/event"
)

// calendar answers questions about local days with Go's own time package.
type calendar struct{ zone *time.Location }

const dayMillis = 24 * 60 * 60 * 1000

// local is an instant as the wall clock shows it.
func (c calendar) local(t event.Time) time.Time { return time.UnixMilli(int64(t)).In(c.zone) }

// midnight is a civil day as a time of UTC, in which all days have 24 hours.
func midnight(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func civil(t time.Time) event.Date { return event.Date(t.Unix() / 86400) }

func utc(d event.Date) time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// date is the local day of an instant.
func (c calendar) date(t event.Time) event.Date {
	y, m, d := c.local(t).Date()
	return civil(midnight(y, m, d))
}

// start is the first instant of a local day. Where the clock is put back shortly after midnight the day begins twice,
// and the first time counts; where a whole day is skipped, it is the next one's.
func (c calendar) start(d event.Date) event.Time {
	const minute = 60 * 1000 // clocks change at full minutes
	from := int64(d)*dayMillis - dayMillis
	at := sort.Search(2*dayMillis/minute, func(i int) bool { return c.date(event.Time(from+int64(i)*minute)) >= d })
	for back := at; back >= 0 && back > at-3*60; back-- {
		if c.date(event.Time(from+int64(back)*minute)) >= d {
			at = back
		}
	}
	return event.Time(from + int64(at)*minute)
}

// span reads "90d": a number and a unit.
func span(text string) (int, string) {
	i := strings.IndexFunc(text, func(r rune) bool { return r != '-' && (r < '0' || r > '9') })
	if i < 0 {
		fail("%q is no length of time", text)
	}
	n, err := strconv.Atoi(text[:i])
	if err != nil {
		fail("%q is no length of time", text)
	}
	return n, text[i:]
}

// clock returns the milliseconds of a length in s, m or h.
func clock(n int, unit string) (int64, bool) {
	switch unit {
	case "s":
		return int64(n) * 1000, true
	case "m":
		return int64(n) * 60 * 1000, true
	case "h":
		return int64(n) * 60 * 60 * 1000, true
	}
	return 0, false
}

// move moves a day by days, weeks, months or years; a day that the month lacks becomes its last.
func move(d event.Date, n int, unit string) event.Date {
	switch unit {
	case "d":
		return d + event.Date(n)
	case "w":
		return d + event.Date(7*n)
	case "mo":
	case "y":
		n *= 12
	default:
		fail("%q is no unit of days", unit)
	}
	y, m, day := utc(d).Date()
	moved := midnight(y, m+time.Month(n), day)
	if last := midnight(y, m+time.Month(n)+1, 0); moved.After(last) {
		moved = last
	}
	return civil(moved)
}

// instant is the moment of a wall-clock time, the earlier one when it comes twice; when the clock skips it, as far
// behind the gap as it was in it.
func (c calendar) instant(d event.Date, millis int64) event.Time {
	wall := int64(d)*dayMillis + millis
	first := int64(0)
	for _, near := range []int64{-dayMillis, dayMillis} { // the offset before a change, then the one after it
		_, offset := c.local(event.Time(wall + near)).Zone()
		t := event.Time(wall - int64(offset)*1000)
		if near < 0 {
			first = int64(t)
		}
		if c.wall(t) == wall {
			return t
		}
	}
	return event.Time(first)
}

// wall is the wall clock as milliseconds since its 1970-01-01 00:00.
func (c calendar) wall(t event.Time) int64 {
	g := c.local(t)
	y, m, d := g.Date()
	return time.Date(y, m, d, g.Hour(), g.Minute(), g.Second(), g.Nanosecond(), time.UTC).UnixMilli()
}

// add moves an instant: by elapsed time, or to the same wall-clock time of another day.
func (c calendar) add(t event.Time, n int, unit string) event.Time {
	if ms, ok := clock(n, unit); ok {
		return t + event.Time(ms)
	}
	d := c.date(t)
	return c.instant(move(d, n, unit), c.wall(t)-int64(d)*dayMillis)
}

// first is the first day of the week, month, quarter or year that a day lies in.
func first(d event.Date, unit string) event.Date {
	y, m, _ := utc(d).Date()
	switch unit {
	case "d":
		return d
	case "w":
		return d - event.Date(weekday(d)-1)
	case "mo":
		return civil(midnight(y, m, 1))
	case "q":
		return civil(midnight(y, (m-1)/3*3+1, 1))
	case "y":
		return civil(midnight(y, 1, 1))
	}
	fail("%q is no unit", unit)
	return 0
}

// weekday is 1 on Mondays and 7 on Sundays.
func weekday(d event.Date) int {
	if w := utc(d).Weekday(); w != time.Sunday {
		return int(w)
	}
	return 7
}

// anniversary is the day of a year on which a day is remembered: 29 February on the 28th in common years.
func anniversary(d event.Date, year int) event.Date {
	_, m, day := utc(d).Date()
	if m == time.February && day == 29 && midnight(year, 3, 0).Day() == 28 {
		day = 28
	}
	return civil(midnight(year, m, day))
}

// border is an instant or a local day, or none.
type border struct {
	t    event.Time
	d    event.Date
	kind event.Kind // TimeKind, DateKind or Missing
}

// read reads a time as rules write it: a local date, a local date and time, or an instant with its offset.
func (c calendar) read(text string) (border, bool) {
	if g, err := time.Parse("2006-01-02", text); err == nil {
		return border{d: civil(g), kind: event.DateKind}, true
	}
	if g, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return border{t: event.Time(g.UnixMilli()), kind: event.TimeKind}, true
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05.999", "2006-01-02T15:04", "2006-01-02T15:04:05.999"} {
		if g, err := time.Parse(layout, text); err == nil {
			y, m, d := g.Date()
			day := civil(midnight(y, m, d))
			return border{t: c.instant(day, g.UnixMilli()-int64(day)*dayMillis), kind: event.TimeKind}, true
		}
	}
	return border{}, false
}

// start is the border as an instant: that of a day is its first one.
func (c calendar) borderStart(b border) event.Time {
	if b.kind == event.DateKind {
		return c.start(b.d)
	}
	return b.t
}

// day returns the local day of an instant or the day itself.
func (c calendar) day(v event.Value) (event.Date, bool) {
	switch v.Kind() {
	case event.TimeKind:
		return c.date(v.Time()), true
	case event.DateKind:
		return v.Date(), true
	}
	return 0, false
}
