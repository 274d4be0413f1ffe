package stream

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

func open(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// add appends entries, each in a transaction of its own, and returns the end.
func add(t testing.TB, l *Log, entries ...Entry) (end uint64) {
	t.Helper()
	for _, e := range entries {
		if e.Payload == nil {
			e.Payload = []byte{1}
		}
		err := l.db.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			first, err := l.Append(ctx, tx, e)
			end = first + e.Count
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return end
}

func read(t testing.TB, l *Log, from uint64, maxBytes int) []Entry {
	t.Helper()
	entries, err := l.Read(t.Context(), from, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestEntriesComeBackAsTheyWereAppended(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	if end, err := l.End(t.Context(), d.Read()); end != 0 || err != nil || len(read(t, l, 0, 1)) != 0 {
		t.Fatalf("an empty log ends at %d, %v", end, err)
	}
	big := bytes.Repeat([]byte{1, 0, '\'', 0xff}, 600_000)
	add(t, l, Entry{Count: 3, At: event.Always, Kind: 7, Live: true, Payload: []byte{1, 2}}, Entry{Count: 1, At: 50, Payload: big},
		Entry{Count: 1 << 40, At: 40, Kind: 255, Payload: []byte{9}, First: 4711})
	want := []Entry{
		{First: 0, Count: 3, At: event.Always, Kind: 7, Live: true, Payload: []byte{1, 2}},
		{First: 3, Count: 1, At: 50, Payload: big},
		{First: 4, Count: 1 << 40, At: 50, Kind: 255, Payload: []byte{9}}, // 40 was raised
	}
	same := func(from uint64, maxBytes int, want []Entry) {
		t.Helper()
		got := read(t, l, from, maxBytes)
		if len(got) != len(want) {
			t.Fatalf("from %d: %d entries, want %d", from, len(got), len(want))
		}
		for i := range got {
			g, w := got[i], want[i]
			if !bytes.Equal(g.Payload, w.Payload) {
				t.Errorf("from %d: payload %d differs", from, i)
			}
			g.Payload, w.Payload = nil, nil
			if g.First != w.First || g.Count != w.Count || g.At != w.At || g.Kind != w.Kind || g.Live != w.Live {
				t.Errorf("from %d: %+v, want %+v", from, g, w)
			}
		}
	}
	same(0, 10<<20, want)
	same(0, 0, want[:1]) // at least one
	same(0, 3, want[:2]) // two bytes are not three
	same(2, 2, want[:1]) // the middle of an entry
	same(3, 10<<20, want[1:])
	same(4+1<<40-1, 1, want[2:])
	same(4+1<<40, 1, nil)
	same(^uint64(0), 1, nil)
	if end, err := l.End(t.Context(), d.Read()); end != 4+1<<40 || err != nil {
		t.Errorf("the log ends at %d, %v", end, err)
	}
	if n := len(read(t, ChangeLog(d), 0, 1)); n != 0 {
		t.Errorf("the other log has %d entries", n)
	}
}

func TestBadEntriesAreRefused(t *testing.T) {
	d := open(t)
	for _, e := range []Entry{{Count: 0, Payload: []byte{1}}, {Count: 1 << 63, Payload: []byte{1}}, {Count: 1}, {Count: 1, Payload: make([]byte, MaxPayload+1)}} {
		err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			_, err := EventLog(d).Append(ctx, tx, e)
			return err
		})
		if err == nil {
			t.Errorf("an entry of %d records and %d bytes was taken", e.Count, len(e.Payload))
		}
	}
}

func TestARolledBackEntryLeavesNoHole(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	undone := errors.New("undone")
	add(t, l, Entry{Count: 2})
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		for want := uint64(2); want < 8; want += 3 {
			if end, err := l.End(ctx, tx); end != want || err != nil {
				t.Errorf("inside the transaction the log ends at %d, %v; want %d", end, err, want)
			}
			if _, err := l.Append(ctx, tx, Entry{Count: 3, Payload: []byte{1}}); err != nil {
				return err
			}
		}
		if n := len(read(t, l, 0, 100)); n != 1 {
			t.Errorf("a reader sees %d entries before the commit", n)
		}
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if end := add(t, l, Entry{Count: 1}); end != 3 {
		t.Errorf("the next entry ends at %d", end)
	}
}

func TestManyWritersMakeOneLog(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	const writers, each = 4, 40
	var done sync.WaitGroup
	for w := range writers {
		done.Go(func() {
			for i := range each {
				err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
					_, err := l.Append(ctx, tx, Entry{Count: uint64(1 + (w+i)%3), At: event.Time(i), Payload: []byte{1, byte(w), byte(i)}})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	next, n, last := uint64(0), 0, [writers]int{-1, -1, -1, -1}
	at := event.Always
	for n < writers*each && !t.Failed() {
		for _, e := range read(t, l, next, 10) {
			w, i := e.Payload[1], int(e.Payload[2])
			if e.First != next || i != last[w]+1 || e.At < at {
				t.Fatalf("at %d comes %+v; of this writer %d was the last", next, e, last[w])
			}
			next, last[w], at, n = e.End(), i, e.At, n+1
		}
	}
	done.Wait()
}

func TestAHoleInTheLogIsFound(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	add(t, l, Entry{Count: 2}, Entry{Count: 2}, Entry{Count: 2})
	l = EventLog(d) // one that remembers nothing
	remove := func(first int) {
		t.Helper()
		err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM event_log WHERE first = ?", first)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	remove(2)
	if _, err := l.Read(t.Context(), 0, 100); err == nil || !strings.Contains(err.Error(), "the records 2 to 3 are missing") {
		t.Errorf("the error is %v", err)
	}
	remove(0)
	if _, err := l.Read(t.Context(), 0, 100); !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "the log begins at 4") {
		t.Errorf("the error is %v", err)
	}
	if entries := read(t, l, 4, 100); len(entries) != 1 {
		t.Errorf("from 4: %d entries", len(entries))
	}
}

func BenchmarkAppend(b *testing.B) {
	d := open(b)
	l := EventLog(d)
	payload := bytes.Repeat([]byte("\x01 an event is about 120 bytes "), 4*1000)
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		add(b, l, Entry{Count: 1000, Payload: payload})
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
