package stream

import (
	"context"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/uptrace/bun"
)

// What a log remembers reads as what its table has.
func TestReadingFromMemoryIsReadingTheTable(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		add(t, l, Entry{Count: 1 + r.Uint64N(4), Kind: 1, Live: r.IntN(2) == 0, At: 5, Payload: make([]byte, 1+r.IntN(9))})
	}
	end, err := l.End(t.Context(), d.Read())
	if err != nil {
		t.Fatal(err)
	}
	l.recent.forget(end / 3)
	table := EventLog(d)
	fromMemory := 0
	for from := range end + 1 {
		for _, most := range []int{1, 20, 1000} {
			to := from + r.Uint64N(end+5-from)
			got, err := l.read(t.Context(), from, to, most)
			if err != nil {
				t.Fatal(err)
			}
			want, err := table.read(t.Context(), from, to, most)
			if err != nil {
				t.Fatal(err)
			}
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%d to %d, %d bytes: %v, the table has %v", from, to, most, got, want)
			}
			if _, ok := l.recent.read(from, to, most); ok {
				fromMemory++
			}
		}
	}
	if fromMemory < int(end) {
		t.Errorf("only %d of %d questions were answered from memory", fromMemory, 3*end)
	}
}

func TestRecordsAreHandedOnWithoutReadingThem(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	add(t, l, Entry{Count: 2, Records: "two"}, Entry{Count: 1, Records: "one"})
	got := read(t, l, 0, 100)
	if len(got) != 2 || got[0].Records != "two" || got[1].Records != "one" || got[1].First != 2 || len(got[1].Payload) != 1 {
		t.Errorf("%+v", got)
	}
	// What was not committed is nowhere.
	_ = d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		if _, err := l.Append(ctx, tx, Entry{Count: 1, Payload: []byte{1}}); err != nil {
			t.Error(err)
		}
		return context.Canceled
	})
	if got := read(t, l, 3, 100); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsRememberedHasNoGapsAndIsBounded(t *testing.T) {
	has := func(r *recent, from uint64) int {
		entries, _ := r.read(from, 1<<60, 1<<30)
		return len(entries)
	}
	var r recent
	entry := func(first, count uint64, size int) Entry {
		return Entry{First: first, Count: count, Payload: make([]byte, size)}
	}
	r.add(entry(0, 2, 10))
	r.add(entry(4, 2, 10)) // 2 was committed and is noted later
	r.add(entry(2, 2, 10))
	if has(&r, 0) != 0 || has(&r, 2) != 0 || has(&r, 4) != 1 {
		t.Errorf("%+v", r.entries)
	}
	for i := range uint64(10) {
		r.add(entry(6+i, 1, recentBytes/4))
	}
	if r.bytes > recentBytes || has(&r, 15) != 1 || has(&r, 12) != 4 || has(&r, 11) != 0 {
		t.Errorf("%d entries with %d bytes", len(r.entries), r.bytes)
	}
	r.add(entry(16, 1, 2*recentBytes))
	if len(r.entries) != 0 || r.bytes != 0 {
		t.Errorf("one that is too large is remembered: %d bytes", r.bytes)
	}
	for i := range uint64(2 * maxEntries) {
		r.add(entry(17+i, 1, 1))
	}
	if len(r.entries) != maxEntries {
		t.Errorf("%d entries", len(r.entries))
	}
}
