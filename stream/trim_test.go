package stream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
)

// own is a reader whose state is elsewhere: what is not synced is lost in a crash.
type own struct {
	position, synced uint64
}

func (o *own) reader(l *Log, name string) Reader {
	return Reader{
		Name: name, Log: l,
		Position: func() uint64 { return o.position },
		Apply: func(_ context.Context, entries []Entry) error {
			for _, e := range entries {
				if e.First != o.position {
					return fmt.Errorf("the entry at %d was given at position %d", e.First, o.position)
				}
				o.position = e.End()
			}
			return nil
		},
		Sync: func() error {
			o.synced = o.position
			return nil
		},
	}
}

func TestTrimGoesAsFarAsTheSlowest(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	trim := func(r *Runner, keepFrom, want uint64) {
		t.Helper()
		first, err := r.Trim(t.Context(), l, keepFrom)
		if err != nil {
			t.Fatal(err)
		}
		if entries := read(t, l, first, 1); first != want || len(entries) > 0 && entries[0].First != want {
			t.Errorf("the log begins at %d, want %d; there is %+v", first, want, entries)
		}
	}
	var o own
	r := runner(t, d, Options{}, counter(l, "a"), o.reader(l, "own"))
	trim(r, 100, 0) // an empty log
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		for range 600 { // more than are removed at once
			if _, err := l.Append(ctx, tx, Entry{Count: 2, Payload: []byte{1}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	trim(r, 1200, 0) // nobody has read anything
	if err := runner(t, d, Options{}, o.reader(l, "own")).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	trim(r, 1200, 0) // "a" has not begun
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	trim(r, 7, 6) // the entry 6–7 stays
	trim(r, 7, 6)
	trim(r, 3, 6) // it is gone already
	trim(r, 1101, 1100)
	if o.synced != 1200 {
		t.Errorf("the reader with its own position was synced up to %d", o.synced)
	}
	trim(r, ^uint64(0), 1198) // the last entry stays
	if end := add(t, l, Entry{Count: 1}, Entry{Count: 1}); end != 1202 {
		t.Errorf("the log ends at %d", end)
	}
	o.position = 1200
	trim(r, 1202, 1200)

	// A reader that this runner does not have counts as well.
	other := runner(t, d, Options{}, o.reader(l, "own"))
	if err := other.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	trim(other, 1202, 1200)

	// A new one finds that it is too late, instead of a gap.
	err = runner(t, d, Options{}, counter(l, "new")).CatchUp(t.Context())
	if !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "the log begins at 1200") {
		t.Errorf("the error is %v", err)
	}
}

func TestTrimRefuses(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	add(t, l, Entry{Count: 1}, Entry{Count: 1})
	var o own
	reader := o.reader(l, "own")
	reader.Sync = nil
	r := runner(t, d, Options{}, reader)
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Trim(t.Context(), l, 2); err == nil {
		t.Error("the log was trimmed behind a reader that may go back")
	}
	if _, err := r.Trim(t.Context(), ChangeLog(d), 2); !errs.Is(err, errs.Conflict) {
		t.Errorf("the change log: the error is %v", err)
	}
	if entries := read(t, l, 0, 100); len(entries) != 2 {
		t.Errorf("%d entries are left", len(entries))
	}
}

// Any order of appending, reading, crashing and trimming must leave every record to every reader.
func TestTrimNeverLoses(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 1))
		d := open(t)
		counts(t, d)
		l := EventLog(d)
		var o own
		fresh := func() *Runner {
			return runner(t, d, Options{BatchBytes: 2}, counter(l, "a"), o.reader(l, "own"), counter(l, "b", "own"))
		}
		r := fresh()
		trimmed := false
		for range 150 {
			switch random.IntN(8) {
			case 0, 1, 2:
				add(t, l, Entry{Count: 1 + random.Uint64N(3)})
			case 3, 4, 5:
				if _, err := r.advance(t.Context(), r.readers[random.IntN(3)]); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			case 6:
				first, err := r.Trim(t.Context(), l, random.Uint64N(300))
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				trimmed = trimmed || first > 0
			case 7:
				o.position = o.synced // a crash
				r = fresh()
			}
		}
		if err := r.CatchUp(t.Context()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		end, err := l.End(t.Context(), d.Read())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := counted(t.Context(), t, d.Read(), "a"), counted(t.Context(), t, d.Read(), "b"); a != end || b != end || o.position != end || !trimmed {
			t.Errorf("seed %d: of %d records a handled %d, b %d, own %d; trimmed %v", seed, end, a, b, o.position, trimmed)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Large payloads go a few at a time, and while the logs are held nothing goes.
func TestTrimStepsAndHolds(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	large := append([]byte{1}, make([]byte, 5<<20)...)
	for range 10 {
		add(t, l, Entry{Count: 1, Payload: large})
	}
	r := runner(t, d, Options{}, counter(l, "a"))
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin := func() uint64 {
		t.Helper()
		first, err := l.Begin(t.Context(), d.Read())
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	trim := func() {
		t.Helper()
		if first, err := r.Trim(t.Context(), l, 9); err != nil || first != begin() {
			t.Errorf("it says that the log begins at %d, which does at %d; %v", first, begin(), err)
		}
	}
	first, second := r.Hold(), r.Hold()
	trim()
	first()
	first() // again is as once
	trim()
	if at := begin(); at != 0 || !r.Held() {
		t.Errorf("the log begins at %d while it is held (%v)", at, r.Held())
	}
	second()
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		first, again, err := l.remove(ctx, tx, 9)
		if first != 4 || !again {
			t.Errorf("one step goes to %d, and on: %v; want 4", first, again)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	trim()
	if at := begin(); at != 9 || r.Held() {
		t.Errorf("the log begins at %d, want 9; held: %v", at, r.Held())
	}
	status, err := r.Status(t.Context())
	if err != nil || status[0].Begin != 9 || status[0].End != 10 {
		t.Errorf("the status is %+v, %v", status, err)
	}
}

func TestSince(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	since := func(at event.Time) uint64 {
		t.Helper()
		first, err := l.Since(t.Context(), d.Read(), at)
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if at := since(5); at != 0 {
		t.Errorf("of an empty log it is %d", at)
	}
	times := []event.Time{10, 10, 20, 30, 30, 30, 45}
	var first, end uint64
	for i, at := range times {
		end = add(t, l, Entry{Count: uint64(1 + i%3), At: at})
	}
	check := func() {
		t.Helper()
		entries := read(t, l, first, 1<<20)
		for at := event.Time(0); at < 50; at++ {
			want := end
			for i := len(entries) - 1; i >= 0; i-- {
				if entries[i].At >= at {
					want = entries[i].First
				}
			}
			if got := since(at); got != want {
				t.Errorf("since %d: %d, want %d", int64(at), got, want)
			}
		}
	}
	check()
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, _, err := l.remove(ctx, tx, 4)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if first = read(t, l, 3, 1)[0].First; first != 3 {
		t.Fatalf("the log begins at %d", first)
	}
	check()
}
