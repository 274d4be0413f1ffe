package event

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The zone's own arithmetic is held to Go's time package, at random instants and around every change of offset.
func TestZoneAgreesWithTime(t *testing.T) {
	for _, name := range []string{"UTC", "Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe",
		"America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "Asia/Kathmandu", "Africa/Casablanca"} {
		// A zone whose clocks went back across midnight (St John's until 2011) has days in two pieces: not covered.
		z, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		check := func(at Time) {
			g := at.Go(z.Location)
			y, m, d := z.Date(at).Civil()
			h, mi, s, ms := z.Clock(at)
			if gy, gm, gd := g.Date(); gy != y || gm != m || gd != d || g.Hour() != h || g.Minute() != mi || g.Second() != s || g.Nanosecond()/1e6 != ms {
				t.Fatalf("%s: %v is %d-%d-%d %d:%d:%d.%d", name, g, y, m, d, h, mi, s, ms)
			}
			day := z.Date(at)
			start := z.Start(day)
			if start > at || z.Date(start) != day || z.Date(start-1) >= day {
				t.Fatalf("%s: the day of %v starts at %v", name, g, start.Go(z.Location))
			}
			if end := z.End(day); end < at || z.Date(end) != day && end >= start {
				t.Fatalf("%s: the day of %v ends at %v", name, g, end.Go(z.Location))
			}
		}
		for _, s := range z.starts[1:] {
			for _, d := range []int64{-day - 1, -hour, -1, 0, 1, hour, day} {
				if g := time.UnixMilli(s + d).Year(); g < 2037 {
					check(Time(s + d))
				}
			}
		}
		rapid.Check(t, func(r *rapid.T) {
			check(Time(rapid.Int64Range(-2_000_000_000_000, 2_100_000_000_000).Draw(r, "at")))
		})
	}
}

func TestMonths(t *testing.T) {
	for _, c := range []struct {
		from string
		n    int
		want string
	}{{"2026-03-31", -1, "2026-02-28"}, {"2024-03-31", -1, "2024-02-29"}, {"2026-01-31", 1, "2026-02-28"}, {"2026-12-15", 2, "2027-02-15"}, {"1970-01-01", -1, "1969-12-01"}} {
		d, _ := ParseDate(c.from)
		if got := d.AddMonths(c.n).String(); got != c.want {
			t.Errorf("%s moved by %d months is %s, wants %s", c.from, c.n, got, c.want)
		}
	}
	if d, _ := ParseDate("2026-06-28"); d.Weekday() != 7 || StartOf(d, Week).String() != "2026-06-22" || StartOf(d, Quarter).String() != "2026-04-01" {
		t.Error("weeks start on Monday, quarters with April")
	}
}

func number(t *rapid.T, name string) (Number, *big.Rat) {
	c := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 1000)).Draw(t, name)
	s := rapid.IntRange(0, 18).Draw(t, name+" scale")
	if c == -1<<63 {
		c++
	}
	n := Scaled(c, s)
	if rapid.Bool().Draw(t, name+" large") {
		n, _ = n.Mul(Scaled(1_234_567_890_123_456_789, 3))
	}
	r, _ := new(big.Rat).SetString(n.Exact())
	return n, r
}

// Sums, differences and products are exact; quotients are the nearest at 18 digits, ties to even.
func TestNumbersAgreeWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ra := number(t, "a")
		b, rb := number(t, "b")
		same := func(what string, n Number, ok bool, want *big.Rat) {
			got, _ := new(big.Rat).SetString(n.Exact())
			if !ok || got.Cmp(want) != 0 {
				t.Fatalf("%s %s %s = %s (%v), wants %s", a.Exact(), what, b.Exact(), n.Exact(), ok, want)
			}
		}
		n, ok := a.Add(b)
		same("+", n, ok, new(big.Rat).Add(ra, rb))
		n, ok = a.Sub(b)
		same("-", n, ok, new(big.Rat).Sub(ra, rb))
		n, ok = a.Mul(b)
		same("*", n, ok, new(big.Rat).Mul(ra, rb))
		if a.Cmp(b) != ra.Cmp(rb) {
			t.Fatalf("%s compared with %s is %d", a.Exact(), b.Exact(), a.Cmp(b))
		}
		if back, err := ParseNumber(a.Exact()); err != nil || !back.Equal(a) {
			t.Fatalf("%s reads back as %s", a.Exact(), back.Exact())
		}
		if b.Sign() != 0 {
			q, ok := a.Div(b)
			diff := new(big.Rat).Sub(new(big.Rat).Quo(ra, rb), func() *big.Rat { r, _ := new(big.Rat).SetString(q.Exact()); return r }())
			half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), bigPow10(18)))
			if !ok || diff.Abs(diff).Cmp(half) > 0 {
				t.Fatalf("%s / %s = %s is off by %s", a.Exact(), b.Exact(), q.Exact(), diff)
			}
		}
	})
}

func TestNumbersAsText(t *testing.T) {
	for _, c := range []struct{ in, exact, printed string }{
		{"1.50", "1.5", "1.5"}, {"-0.000", "0", "0"}, {"1e3", "1000", "1000"}, {"12e-1", "1.2", "1.2"}, {".5", "0.5", "0.5"},
		{"0.1234567890125", "0.1234567890125", "0.123456789012"}, {"0.1234567890135", "0.1234567890135", "0.123456789014"},
		{"123456789012345678901234567890.5", "123456789012345678901234567890.5", "123456789012345678901234567890.5"},
		{"-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
	} {
		n, err := ParseNumber(c.in)
		if err != nil || n.Exact() != c.exact || n.String() != c.printed {
			t.Errorf("%s: exact %s, printed %s, %v", c.in, n.Exact(), n.String(), err)
		}
	}
	for _, bad := range []string{"", "-", ".", "1,000", " 1", "1 ", "NaN", "Inf", "0x10", "1e", "1e99999", "--1", "1.2.3"} {
		if n, err := ParseNumber(bad); err == nil {
			t.Errorf("%q reads as %s", bad, n.Exact())
		}
	}
	if r := Scaled(-25, 1).Round(0); r.Exact() != "-3" {
		t.Errorf("-2.5 rounds to %s, wants -3", r.Exact())
	}
	if f := Scaled(-25, 1).Floor(); f.Exact() != "-3" {
		t.Errorf("the floor of -2.5 is %s", f.Exact())
	}
}

func TestValuesReadBack(t *testing.T) {
	n, _ := ParseNumber("123456789012345678901234567890.5")
	for _, v := range []Value{{}, Bool(true), Num(Int(-5)), Num(Scaled(15, 1)), Num(n), Text("茶"), Instant(-1), Civil(-400),
		List(Text("a"), Num(Int(1)), List()), Map([]Property{{"b", Int64(2)}, {"a", Text("x")}})} {
		r := NewReader(v.AppendBinary(nil))
		if back := r.Value(); r.Err != nil || r.Len() != 0 || back.Key() != v.Key() {
			t.Errorf("%s reads back as %s (%v)", v, back, r.Err)
		}
	}
}

// Int64 is a number value, for tests.
func Int64(n int64) Value { return Num(Int(n)) }

func FuzzReader(f *testing.F) {
	f.Add(Text("茶").AppendBinary(nil))
	f.Add(List(Num(Int(1)), Map([]Property{{"a", Bool(true)}})).AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		v := r.Value()
		if r.Err == nil {
			again := NewReader(v.AppendBinary(nil)).Value()
			if again.Key() != v.Key() {
				t.Fatalf("%s reads back as %s", v, again)
			}
		}
	})
}
