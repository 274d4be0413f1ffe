package ingest

import (
	"testing"
	"time"

	"tagma/event"
)

func TestLayouts(t *testing.T) {
	london, err := event.LoadZone("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ layout, text, want string }{ // want: an instant, or "" when it is refused
		{"2006-01-02 15:04:05", "2010-12-01 08:26:00", "2010-12-01T08:26:00Z"},
		{"2006-01-02 15:04:05", "2010-07-01 08:26:00", "2010-07-01T07:26:00Z"},
		{"2006-01-02 15:04:05", "2010-07-01 08:26:00.250", "2010-07-01T07:26:00.250Z"},
		{"2006-01-02 15:04:05", "2010-07-01 8:26:00", "2010-07-01T07:26:00Z"},
		{"2006-01-02 15:04:05", "2010-02-30 08:26:00", ""},
		{"2006-01-02 15:04:05", "2010-02-28 24:00:00", ""},
		{"2006-01-02 15:04:05", "2010-02-28 08:26:00 ", ""},
		{"2006-01-02 15:04:05.000", "2010-12-01 08:26:00.125", "2010-12-01T08:26:00.125Z"},
		{"2006-01-02T15:04:05Z", "2010-07-01T08:26:00Z", "2010-07-01T08:26:00Z"},
		{"1/2/2006 15:04", "7/4/2011 9:05", "2011-07-04T08:05:00Z"},
		{"02.01.2006", "04.07.2011", "2011-07-03T23:00:00Z"},
		{"20060102", "19970101", "1997-01-01T00:00:00Z"},
		{"20060102", "1997-01-01", ""},
		{"Jan 2, 2006 at 3:04pm", "Dec 31, 2011 at 1:02pm", "2011-12-31T13:02:00Z"},
		{"2006-01-02 15:04:05 -0700", "2011-07-04 09:00:00 +0800", "2011-07-04T01:00:00Z"},
		{"yyyy-MM-dd HH:mm:ss", "2010-07-01 08:26:00", "2010-07-01T07:26:00Z"},
		{"yyyy-MM-dd HH:mm:ss", "2010-7-1 08:26:00", ""},
		{"yyyy-M-d H:m", "2010-7-1 8:6", "2010-07-01T07:06:00Z"},
		{"dd/MM/yyyy", "04/07/2011", "2011-07-03T23:00:00Z"},
		{"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2011-07-04T09:00:00.5+08:00", ""},
		{"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2011-07-04T09:00:00.500+08:00", "2011-07-04T01:00:00.500Z"},
		{"yyyyMMddHHmmssSSS", "20110704090000500", "2011-07-04T08:00:00.500Z"},
		{"yyyy年M月d日", "2011年7月4日", "2011-07-03T23:00:00Z"},
		{"d-MMM-yy", "4-Jul-11", "2011-07-03T23:00:00Z"},
		{"unix", "1511544070", "2017-11-24T17:21:10Z"},
		{"unix", "1511544070.25", "2017-11-24T17:21:10.250Z"},
		{"unix", "1511544070000", ""},
		{"unix_ms", "1511544070123", "2017-11-24T17:21:10.123Z"},
		{"rfc3339", "2017-11-25T01:21:10+08:00", "2017-11-24T17:21:10Z"},
		{"rfc3339", "2017-11-25 01:21:10", ""},
		{"date", "2017-07-25", "2017-07-24T23:00:00Z"},
		{"date", "0000-07-25", ""},
		// Twice in autumn: the earlier one. Never in spring: as far behind the gap as it was in it.
		{"2006-01-02 15:04", "2011-10-30 01:30", "2011-10-30T00:30:00Z"},
		{"2006-01-02 15:04", "2011-03-27 01:30", "2011-03-27T01:30:00Z"},
		{"any", "2017-07-25", "2017-07-24T23:00:00Z"},
		{"any", "2017-07-25 10:00", "2017-07-25T09:00:00Z"},
		{"any", "2017-07-25 10:00:00.5", "2017-07-25T09:00:00.500Z"},
		{"any", "2017-07-25T10:00:00", "2017-07-25T09:00:00Z"},
		{"any", "2017-07-25T10:00:00Z", "2017-07-25T10:00:00Z"},
		{"any", "2017-07-25 10:00:00+02:00", "2017-07-25T08:00:00Z"},
		{"any", "25.07.2017", ""},
	} {
		l := &layout{clock: true}
		if c.layout != "any" {
			if l, err = newLayout(c.layout); err != nil {
				t.Errorf("%s: %v", c.layout, err)
				continue
			}
		}
		got := ""
		if m, ok := l.read(c.text); ok {
			got = m.in(london).String()
		}
		if got != c.want {
			t.Errorf("%s: %q is %q, want %q", c.layout, c.text, got, c.want)
		}
	}
	for _, bad := range []string{"", "HH:mm", "yyyy-MM", "2006", "15:04", "yyyy-mm-dd", "qqqq-MM-dd yyyy"} {
		if _, err := newLayout(bad); err == nil {
			t.Errorf("the layout %q is accepted", bad)
		}
	}
}

func TestDateOf(t *testing.T) {
	for d := event.DateOf(1, 1, 1); d < event.DateOf(2500, 1, 1); d += 13 {
		y, m, day := d.Civil()
		if got := dateOf(y, int(m), day); got != d {
			t.Fatalf("%s is %s", d, got)
		}
	}
}

// Layouts in numbers give what the time package gives.
func FuzzLayout(f *testing.F) {
	f.Add("2006-01-02 15:04:05", "2010-12-01 08:26:00")
	f.Add("02/01/2006 15:04:05.000", "31/12/1999 23:59:59.999")
	f.Add("1/2/2006", "7/4/2011")
	f.Fuzz(func(t *testing.T, text, s string) {
		l, err := newLayout(text)
		if err != nil || l.kind != layoutParts || l.utc {
			return
		}
		m, ok := l.read(s)
		std, err := time.Parse(text, s)
		if l.std != text || !ok || err != nil {
			return // letters, or one of them is stricter
		}
		if got := int64(m.day)*86_400_000 + m.ms; got != std.UnixMilli() {
			t.Fatalf("%q by %q: %d, want %d (%s)", s, text, got, std.UnixMilli(), std)
		}
	})
}
