package pebble

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"tagma/event"
	"tagma/warehouse"
)

func events(offset uint64, n int) *warehouse.Batch {
	b := &warehouse.Batch{Offset: offset}
	for i := range n {
		b.Events = append(b.Events, event.Event{
			Profile: event.ProfileID(i % 50), Name: "a", Time: event.Time(offset*1000 + uint64(i)), Arrival: offset<<20 + uint64(i),
			Props: []event.Property{{Name: "n", Value: event.Num(event.Int(int64(i)))}, {Name: "text", Value: event.Text(fmt.Sprint("t", i%7))}},
		})
	}
	return b
}

// TestCompactJoins: segments that lie side by side in the lowest level, where no compaction would touch them again,
// are joined as well.
func TestCompactJoins(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	segments := func() (most, rows int) {
		err := s.scan(appendKey(nil, profileSeries+1, 0, 0), []byte{seenPrefix}, func(_, value []byte) error {
			n, r, err := warehouse.Segments(value)
			most, rows = max(most, n), rows+r
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for i, n := range []int{1000, 50} {
		if err := s.Append(ctx, events(uint64(i+1), n)); err != nil {
			t.Fatal(err)
		}
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Compact(ctx, []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	if most, rows := segments(); most != 2 || rows != 1050 {
		t.Fatalf("%d segments and %d rows before, want 2 and 1050: the test no longer tests", most, rows)
	}
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if most, rows := segments(); most != 1 || rows != 1050 {
		t.Errorf("%d segments and %d rows after, want 1 and 1050", most, rows)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Append(canceled, events(9, 1)); err == nil {
		t.Error("a canceled append went through")
	}
}

// TestConcurrent appends, loads, compacts and reads at once. Each snapshot must hold whole batches, as many as its
// offset says. It is most useful under the race detector.
func TestConcurrent(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	const size, batches = 40, 60
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	writers.Go(func() {
		for offset := uint64(1); offset <= batches; offset++ {
			b := events(offset, size)
			if offset%20 != 0 {
				if err := s.Append(ctx, b); err != nil {
					t.Error(err)
				}
				continue
			}
			l, err := s.StartLoad("l")
			if err != nil {
				t.Error(err)
				return
			}
			for i := range b.Events {
				if err := l.Event(&b.Events[i]); err != nil {
					t.Error(err)
				}
			}
			if err := l.Finish(ctx); err != nil {
				t.Error(err)
			}
			if err := s.Ingest(ctx, "l", offset); err != nil {
				t.Error(err)
			}
			if err := s.db.Delete(loadKey("l"), nil); err != nil { // so that the id can be used again
				t.Error(err)
			}
		}
	})
	writers.Go(func() {
		for range 3 {
			if err := s.Compact(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 2 {
		rnd := rand.New(rand.NewPCG(uint64(i), 1))
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := countRows(s, size, event.ProfileID(rnd.IntN(50))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	if err := countRows(s, size, 0); err != nil || s.Offset() != batches {
		t.Errorf("at the end: offset %d, %v", s.Offset(), err)
	}
}

func countRows(s *Store, size int, p event.ProfileID) error {
	snap, err := s.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	r, err := snap.Reader(warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: warehouse.Events, Name: "a", Columns: []string{"n", "text"}}}})
	if err != nil {
		return err
	}
	defer r.Close()
	var block warehouse.Block
	if err := r.Blocks(0, 1, &block); err != nil {
		return err
	}
	want := int(snap.Offset()) * size
	if got := block.Tables[0].Rows(); got != want {
		return fmt.Errorf("%d rows at offset %d, want %d", got, snap.Offset(), want)
	}
	if infos := snap.Series(); want > 0 && (len(infos) != 1 || infos[0].Rows != uint64(want)) {
		return fmt.Errorf("series %v, want %d rows", infos, want)
	}
	for i := range block.Tables[0].Rows() {
		for _, columns := range block.Tables[0].Columns {
			if len(columns) != 1 || !columns[0].Present(i) {
				return fmt.Errorf("row %d lacks a value", i)
			}
		}
	}
	return r.Profile(p, &block)
}
