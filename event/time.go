package event

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"
)

// Time is an instant in milliseconds since 1970-01-01 UTC.
type Time int64

const (
	// Always is the effective time of what has none: it holds from the beginning of time.
	Always Time = math.MinInt64
	// Never is later than every instant.
	Never Time = math.MaxInt64
)

const (
	second int64 = 1000
	minute       = 60 * second
	hour         = 60 * minute
	day          = 24 * hour
)

// At returns t as an instant, its fraction of a millisecond cut off.
func At(t time.Time) Time { return Time(t.UnixMilli()) }

// Go returns t in the given zone.
func (t Time) Go(loc *time.Location) time.Time { return time.UnixMilli(int64(t)).In(loc) }

// String writes t in UTC, RFC 3339 with milliseconds where there are any.
func (t Time) String() string {
	if t == Always {
		return "always"
	}
	return formatInstant(t.Go(time.UTC))
}

func formatInstant(g time.Time) string {
	if g.Nanosecond() == 0 {
		return g.Format("2006-01-02T15:04:05Z07:00")
	}
	return g.Format("2006-01-02T15:04:05.000Z07:00")
}

// Date is a calendar day without a zone, in days since 1970-01-01.
type Date int32

// DateOf returns the day of a civil date. Months and days out of range carry over, as in time.Date.
func DateOf(year int, month time.Month, d int) Date {
	return Date(time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Civil returns the year, month and day of d. Days are counted from 1 March of year 0 on, in eras of 400 years, so
// that the leap day comes last in its year.
func (d Date) Civil() (year int, month time.Month, dayOfMonth int) {
	const era, shift = 146097, 719468 // days of 400 years; days from 1 March 0000 to 1970-01-01
	n := int64(d) + shift
	e := floorDiv(n, era)
	inEra := n - e*era
	y := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	inYear := inEra - (365*y + y/4 - y/100)
	m := (5*inYear + 2) / 153
	dayOfMonth = int(inYear-(153*m+2)/5) + 1
	month = time.Month(m + 3)
	if m >= 10 {
		month = time.Month(m - 9)
		y++
	}
	return int(y + e*400), month, dayOfMonth
}

// Weekday is 1 for Monday … 7 for Sunday.
func (d Date) Weekday() int { return int(((int64(d)+3)%7+7)%7) + 1 }

// String is yyyy-MM-dd.
func (d Date) String() string { return time.Unix(int64(d)*86400, 0).UTC().Format("2006-01-02") }

// ParseDate reads yyyy-MM-dd.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date like 2026-06-30", s)
	}
	return Date(t.Unix() / 86400), nil
}

// DaysIn returns the number of days of a month.
func DaysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// AddMonths moves d by n months; a day that the month does not have becomes its last.
func (d Date) AddMonths(n int) Date {
	y, m, dom := d.Civil()
	first := time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	return DateOf(first.Year(), first.Month(), min(dom, DaysIn(first.Year(), first.Month())))
}

// A Unit is a calendar unit of windows and of start_of.
type Unit byte

// The units, as the rule language writes them.
const (
	Second Unit = iota + 1
	Minute
	Hour
	Day
	Week
	Month
	Quarter
	Year
)

var unitNames = map[string]Unit{"s": Second, "m": Minute, "h": Hour, "d": Day, "w": Week, "mo": Month, "q": Quarter, "y": Year}

// ParseUnit reads s, m, h, d, w, mo, q or y.
func ParseUnit(s string) (Unit, bool) { u, ok := unitNames[s]; return u, ok }

// A Span is a length of time as rules write it, "90d" or "2h".
type Span struct {
	N    int
	Unit Unit
}

// Clock says whether the span is elapsed time (s, m, h) and not local days.
func (s Span) Clock() bool { return s.Unit <= Hour }

// Millis is the length of a Clock span in milliseconds.
func (s Span) Millis() int64 {
	switch s.Unit {
	case Second:
		return int64(s.N) * second
	case Minute:
		return int64(s.N) * minute
	}
	return int64(s.N) * hour
}

// String writes the span as rules do.
func (s Span) String() string {
	for name, u := range unitNames {
		if u == s.Unit {
			return strconv.Itoa(s.N) + name
		}
	}
	return strconv.Itoa(s.N) + "?"
}

const maxSpan = 1_000_000 // of its unit

// ParseSpan reads a whole number followed by s, m, h, d, w, mo or y, with an optional minus sign.
func ParseSpan(text string) (Span, error) {
	i := 0
	for i < len(text) && (text[i] >= '0' && text[i] <= '9' || i == 0 && text[i] == '-') {
		i++
	}
	n, err := strconv.Atoi(text[:i])
	u, ok := unitNames[text[i:]]
	ok = ok && u != Quarter
	if ok && (errors.Is(err, strconv.ErrRange) || err == nil && (n > maxSpan || n < -maxSpan)) {
		return Span{}, fmt.Errorf("%q is too long: the number is at most 1,000,000", text)
	}
	if err != nil || !ok {
		return Span{}, fmt.Errorf(`%q is not a length of time like "7d"; units are s, m, h, d, w, mo, y`, text)
	}
	return Span{n, u}, nil
}

// Zone answers questions about local days quickly. It is safe for concurrent use.
type Zone struct {
	Location *time.Location
	starts   []int64 // transitions, ascending, in ms; starts[0] is the beginning of time
	offsets  []int64 // offset east of UTC in ms from that transition on
}

// The years between which transitions are looked up; beyond them the nearest one's offset holds.
const firstYear, lastYear = 1900, 2200

// NewZone prepares a location. It takes about a millisecond.
func NewZone(loc *time.Location) *Zone {
	z := &Zone{Location: loc}
	t := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	_, off := t.In(loc).Zone()
	z.starts, z.offsets = []int64{math.MinInt64}, []int64{int64(off) * second}
	for end := time.Date(lastYear, 1, 1, 0, 0, 0, 0, time.UTC); t.Before(end); {
		_, next := t.In(loc).ZoneBounds()
		if next.IsZero() {
			break
		}
		if !next.After(t) { // at the turn of some years ZoneBounds ends where it was asked
			t = t.Add(24 * time.Hour)
			continue
		}
		_, off := next.Zone()
		if o := int64(off) * second; o != z.offsets[len(z.offsets)-1] {
			z.starts = append(z.starts, next.UnixMilli())
			z.offsets = append(z.offsets, o)
		}
		t = next
	}
	return z
}

// LoadZone returns the zone of an IANA name such as Asia/Shanghai.
func LoadZone(name string) (*Zone, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("time zone %q: give an IANA name such as Asia/Shanghai", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q is not known: give an IANA name such as Asia/Shanghai", name)
	}
	return NewZone(loc), nil
}

// String is the zone's IANA name.
func (z *Zone) String() string { return z.Location.String() }

// offset returns the offset in force at t.
func (z *Zone) offset(t Time) int64 {
	last := len(z.starts) - 1
	if int64(t) >= z.starts[last] {
		return z.offsets[last]
	}
	i := sort.Search(len(z.starts), func(i int) bool { return z.starts[i] > int64(t) })
	return z.offsets[max(i-1, 0)]
}

// Local returns the milliseconds since the local 1970-01-01 00:00 as the wall clock shows them.
func (z *Zone) Local(t Time) int64 { return int64(t) + z.offset(t) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Date returns the local day of t.
func (z *Zone) Date(t Time) Date { return Date(floorDiv(z.Local(t), day)) }

// Dates writes the local days of many instants, as numbers, into days: Date, but with one search for neighbours that
// the same offset holds for.
func Dates[T ~int64](z *Zone, times []T, days []int64) {
	from, to, offset := int64(0), int64(0), int64(0) // the offset holds from … to-1
	for i, t := range times {
		if int64(t) < from || int64(t) >= to {
			k := max(sort.Search(len(z.starts), func(k int) bool { return z.starts[k] > int64(t) })-1, 0)
			from, to, offset = z.starts[k], math.MaxInt64, z.offsets[k]
			if k+1 < len(z.starts) {
				to = z.starts[k+1]
			}
			if from = max(from, -offset); int64(t) < from { // local time before 1970: division rounds the other way
				days[i] = int64(z.Date(Time(t)))
				from, to = 0, 0
				continue
			}
		}
		days[i] = int64(uint64(int64(t)+offset) / uint64(day))
	}
}

// Clock returns the local hour, minute, second and millisecond of t.
func (z *Zone) Clock(t Time) (h, m, s, ms int) {
	l := z.Local(t)
	l -= floorDiv(l, day) * day
	return int(l / hour), int(l / minute % 60), int(l / second % 60), int(l % second)
}

// Start returns the first instant of a local day: midnight, or the end of the gap that swallows it.
func (z *Zone) Start(d Date) Time {
	wall := int64(d) * day
	// The offset before any transition near the day, then the one at the guess: the earliest instant
	// whose local date is d is wanted, also when midnight comes twice or not at all.
	t := Time(wall - z.offset(Time(wall-day)))
	if z.Date(t) == d && z.Date(t-1) < d {
		return t
	}
	lo, hi := Time(wall-2*day), Time(wall+2*day)
	for lo < hi { // the first instant whose local date reaches d
		mid := lo + (hi-lo)/2
		if z.Date(mid) >= d {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// End returns the last instant of a local day, 23:59:59.999 or what stands for it.
func (z *Zone) End(d Date) Time { return z.Start(d+1) - 1 }

// Instant returns the instant of a local wall-clock time: the earlier one when it comes twice; in a gap,
// the wall clock read with the offset before the gap, which lands as far behind the gap as it was in it.
func (z *Zone) Instant(d Date, millis int64) Time {
	wall := int64(d)*day + millis
	for _, near := range [3]int64{-day, 0, day} {
		off := z.offset(Time(wall + near))
		if t := Time(wall - off); z.offset(t) == off {
			return t
		}
	}
	return Time(wall - z.offset(Time(wall-day)))
}

// StartOf returns the start of the unit that d lies in, as a day. Weeks start on Monday.
func StartOf(d Date, u Unit) Date {
	y, m, _ := d.Civil()
	switch u {
	case Week:
		return d - Date(d.Weekday()-1)
	case Month:
		return DateOf(y, m, 1)
	case Quarter:
		return DateOf(y, (m-1)/3*3+1, 1)
	case Year:
		return DateOf(y, 1, 1)
	}
	return d
}

// AddSpan moves a day by a span of days, weeks, months or years.
func (d Date) AddSpan(s Span) Date {
	switch s.Unit {
	case Day:
		return d + Date(s.N)
	case Week:
		return d + Date(7*s.N)
	case Month:
		return d.AddMonths(s.N)
	case Quarter:
		return d.AddMonths(3 * s.N)
	}
	return d.AddMonths(12 * s.N)
}

// Add moves an instant: elapsed time for s, m and h; for the others the same wall-clock time on the moved day.
func (z *Zone) Add(t Time, s Span) Time {
	if s.Clock() {
		return t + Time(s.Millis())
	}
	d := z.Date(t)
	return z.Instant(d.AddSpan(s), z.Local(t)-int64(d)*day)
}

// WindowStart returns the first instant of the window "the last s, ending with now". For days it is the start
// of the local day; "1mo" starts the day after the same day one month earlier. For s, m, h the window is
// half open, (now - s, now], so the first instant is one millisecond after its border.
func (z *Zone) WindowStart(now Time, s Span) Time {
	if s.Clock() {
		return now - Time(s.Millis()) + 1
	}
	back := Span{-s.N, s.Unit}
	return z.Start(z.Date(now).AddSpan(back) + 1)
}

// Format writes t as the wall clock shows it, RFC 3339 with the zone's offset.
func (z *Zone) Format(t Time) string {
	if t == Always {
		return "always"
	}
	return formatInstant(t.Go(z.Location))
}

// ParseInstant reads an RFC 3339 instant, or a local date or date and time in the zone.
// A bare date gives its first instant; dateOnly says that it was one.
func (z *Zone) ParseInstant(s string) (t Time, dateOnly bool, err error) {
	if d, err := ParseDate(s); err == nil {
		return z.Start(d), true, nil
	}
	if g, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return At(g), false, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999", "2006-01-02 15:04:05.999", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if g, err := time.Parse(layout, s); err == nil {
			d := Date(floorDiv(g.UnixMilli(), day))
			return z.Instant(d, g.UnixMilli()-int64(d)*day), false, nil
		}
	}
	return 0, false, fmt.Errorf("%q is not a time: write 2026-06-30 or 2026-06-30T08:00:00+08:00", s)
}
