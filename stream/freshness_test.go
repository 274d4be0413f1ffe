package stream

import (
	"context"
	"errors"
	"testing"

	"tagma/event"
)

// How far readers are behind is told from memory: records, bytes, the time of the oldest, and how quickly they go.
func TestFreshness(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	now := event.Time(1_000_000)
	var at [2]uint64
	var broken error
	own := func(name string, i int) Reader {
		return Reader{Name: name, Log: l, Position: func() uint64 { return at[i] }, Apply: func(_ context.Context, entries []Entry) error {
			if i == 1 && broken != nil {
				return broken
			}
			at[i] = entries[len(entries)-1].End()
			return nil
		}}
	}
	r := runner(t, d, Options{Now: func() event.Time { return now }}, own("quick", 0), own("slow", 1))
	look := func(i int) Freshness {
		t.Helper()
		list, err := r.Freshness(t.Context())
		if err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		return list[i]
	}
	if f := look(0); f.End != 0 || f.Lag != 0 || f.Oldest != event.Always || f.Age(now) != 0 {
		t.Errorf("an empty log: %+v", f)
	}
	add(t, l, Entry{Count: 100, At: now, Kind: 1, Payload: make([]byte, 10)})
	now += 1000
	add(t, l, Entry{Count: 30, At: now, Kind: 1, Payload: make([]byte, 20), Live: true})
	now += 2000
	if f := look(1); f.End != 130 || f.Lag != 130 || f.Live != 30 || f.Bytes != 30 || f.Age(now) != 3000 || f.Rate != 0 {
		t.Errorf("nothing read: %+v", f)
	}
	broken = errors.New("broken")
	if err := r.CatchUp(t.Context()); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	now += 2000
	if f := look(0); f.Lag != 0 || f.Live != 0 || f.Bytes != 0 || f.Oldest != event.Always || f.Rate <= 0 || f.Err != nil {
		t.Errorf("the quick one: %+v", f)
	}
	if f := look(1); f.Lag != 130 || f.Age(now) != 5000 || !errors.Is(f.Err, broken) || f.Since != now-2000 {
		t.Errorf("the failing one: %+v", f)
	}
	broken = nil
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	add(t, l, Entry{Count: 5, At: now, Kind: 1, Payload: make([]byte, 7), Live: true})
	if f := look(1); f.Lag != 5 || f.Live != 5 || f.Bytes != 7 || f.Age(now+10) != 10 || f.Err != nil {
		t.Errorf("one entry more: %+v", f)
	}
	if f := look(1); f.Rate <= 0 || f.Growth <= 0 {
		t.Errorf("rates: %+v", f)
	}
	now += 60_000
	look(1)
	now += 20_000
	if f := look(1); f.Rate != 0 || f.Growth != 0 {
		t.Errorf("long after: %+v", f)
	}
	// Another process finds the end in the table.
	again := runner(t, d, Options{}, Reader{Name: "x", Log: EventLog(d), Position: func() uint64 { return 130 }, Apply: func(context.Context, []Entry) error { return nil }})
	if list, err := again.Freshness(t.Context()); err != nil || list[0].End != 135 || list[0].Lag != 5 || list[0].Live != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// What is remembered of a log is bounded, and never makes a lag less than it is.
func TestTailIsBounded(t *testing.T) {
	var l tail
	for i := range uint64(20_000) {
		l.grow(&Entry{First: 2 * i, Count: 2, At: event.Time(i), Live: true, Payload: []byte("abc")})
	}
	if len(l.marks) >= maxMarks {
		t.Errorf("%d marks", len(l.marks))
	}
	for _, position := range []uint64{0, 1, 3, 1000, 20_001, 39_000, 39_998, 39_999} {
		var f Freshness
		l.behind(position, 0, &f)
		if f.Lag != 40_000-position || f.Live < f.Lag || uint64(f.Oldest) > position/2 || f.Bytes < 3*f.Lag/2 {
			t.Errorf("at %d: %+v", position, f)
		}
	}
	var f Freshness
	if l.behind(39_998, 0, &f); f.Live != 2 || f.Oldest != 19_999 {
		t.Errorf("the last: %+v", f)
	}
	l.forget(39_000)
	if l.behind(39_000, 0, &f); f.Live != 1000 {
		t.Errorf("after what is read was forgotten: %+v", f)
	}
}
