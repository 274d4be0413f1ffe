package stream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/errs"
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
