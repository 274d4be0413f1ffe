package tag

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/stream"
	"tagma/tagindex"
)

// sinceSlots are the slots of the test: what kinds of values they have.
var sinceSlots = []struct {
	values        []event.Value
	multi, banded bool
}{
	{values: []event.Value{event.Text("a"), event.Text("b"), event.Text("c")}},
	{values: []event.Value{event.Bool(true)}},
	{values: []event.Value{event.Text("x"), event.Text("y")}, multi: true},
	{values: []event.Value{event.Num(event.Int(1)), event.Num(event.Int(2)), event.Num(event.Scaled(5, 1))}},
	{values: []event.Value{event.Num(event.Int(1)), event.Num(event.Int(300))}, banded: true},
}

// someChange is a change of a few customers, or of very many.
func someChange(random *rand.Rand, at event.Time) tagindex.Change {
	slot := random.IntN(len(sinceSlots))
	kind := sinceSlots[slot]
	ch := tagindex.Change{Slot: uint32(slot), At: at, Cause: tagindex.ByEvent, Live: true, Multi: kind.multi, Banded: kind.banded}
	customers := func() *roaring.Bitmap {
		if random.IntN(12) == 0 {
			b := roaring.New()
			b.AddRange(uint64(random.IntN(20)), 60)
			return b
		}
		return roaring.BitmapOf(random.Uint32N(40), random.Uint32N(40))
	}
	value := func() event.Value { return kind.values[random.IntN(len(kind.values))] }
	switch {
	case random.IntN(60) == 0:
		ch.Drop = true
	case kind.banded || value().Kind() == event.NumberKind && random.IntN(2) == 0:
		c := &tagindex.ColumnChange{Customers: customers(), Cleared: customers()}
		c.Cleared.AndNot(c.Customers)
		var list []event.Value
		for range c.Customers.GetCardinality() {
			list = append(list, value())
		}
		c.Values = tagindex.ColumnOf(list...)
		ch.Column = c
		if kind.banded {
			ch.Bands = []tagindex.SetChange{{Value: event.Text([]string{"low", "high"}[random.IntN(2)]), Entered: customers(), Left: customers()}}
		}
	default:
		for range 1 + random.IntN(2) {
			ch.Sets = append(ch.Sets, tagindex.SetChange{Value: value(), Entered: customers(), Left: customers()})
		}
	}
	return ch
}

// Since when everybody has what they have is the last change that made it another value, however many changes come in a
// batch, of whatever size, and after a restart.
func TestSinceOfManySmallChanges(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 5))
		dir := t.TempDir()
		indexPath, path := filepath.Join(dir, "index"), filepath.Join(dir, "since")
		s := NewSince(path, tagindex.New(), indexPath)
		tiny(s)
		naive, since := tagindex.New(), map[[2]uint32]event.Time{}
		offset := uint64(0)
		for batch := range 20 {
			var entries []stream.Entry
			for range 1 + random.IntN(6) {
				if random.IntN(8) == 0 {
					entries = append(entries, stream.Entry{First: offset, Count: 1, Kind: EntryMark})
					offset++
					continue
				}
				var changes []tagindex.Change
				of, once := map[uint32]bool{}, map[uint32]bool{}
				for range 1 + random.IntN(5) {
					ch := someChange(random, event.Time(1_700_000_000_000+int64(offset)*1000))
					if once[ch.Slot] || of[ch.Slot] && !small(&ch, s.limit) {
						continue // what is compared before and after changes once in an entry
					}
					of[ch.Slot], once[ch.Slot] = true, !small(&ch, s.limit)
					changes = append(changes, ch)
					before := naive.View()
					if err := naive.Apply([]tagindex.Change{ch}, before.Offset()+1); err != nil {
						t.Fatal(err)
					}
					for c := range uint32(60) {
						if was, is := before.Value(ch.Slot, c), naive.View().Value(ch.Slot, c); !is.Present() {
							delete(since, [2]uint32{ch.Slot, c})
						} else if was.Compare(is) != 0 {
							since[[2]uint32{ch.Slot, c}] = ch.At
						}
					}
				}
				payload, err := tagindex.Encode(changes)
				if err != nil {
					t.Fatal(err)
				}
				entries = append(entries, stream.Entry{First: offset, Count: 1, Kind: tagindex.EntryChanges, Payload: payload})
				offset++
			}
			if err := s.Apply(context.Background(), entries); err != nil {
				t.Fatal(err)
			}
			if batch == 10 {
				if err := s.Sync(); err != nil {
					t.Fatal(err)
				}
				index, _, err := tagindex.Load(indexPath)
				if err != nil {
					t.Fatal(err)
				}
				var known bool
				if s, known, err = LoadSince(path, index, indexPath); err != nil || !known {
					t.Fatal(known, err)
				}
				tiny(s)
				if err := s.Apply(context.Background(), entries); err != nil { // again, as after a crash
					t.Fatal(err)
				}
			}
		}
		for slot := range sinceSlots {
			for c := range uint32(60) {
				want, held := since[[2]uint32{uint32(slot), c}]
				at, _, _, ok := s.Of(uint32(slot), c)
				if is := naive.View().Value(uint32(slot), c); !same(is, s.index.View().Value(uint32(slot), c)) || ok != held || at != want {
					t.Fatalf("seed %d, slot %d, customer %d has %v: since %v (%v), want %v (%v)", seed, slot, c, is, at, ok, want, held)
				}
			}
		}
	}
}

// tiny makes the limits of it such that a small test comes to them.
func tiny(s *Since) { s.limit, s.late.long, s.late.most = 16, 6, 30 }

func same(a, b event.Value) bool { return a.Present() == b.Present() && (!a.Present() || a.Equal(b)) }

// Whoever asks while changes are applied, and marks are brought over, is told what was so at some time, and time does not
// go back.
func TestSinceIsReadMeanwhile(t *testing.T) {
	s := NewSince(filepath.Join(t.TempDir(), "since"), tagindex.New(), filepath.Join(t.TempDir(), "index"))
	tiny(s)
	const customers = 50
	value := func(n int) event.Value { return event.Num(event.Int(int64(n))) }
	put := func(offset uint64, at event.Time, who ...uint32) {
		slices.Sort(who)
		who = slices.Compact(who)
		values := make([]event.Value, len(who))
		for i := range values {
			values[i] = value(int(offset))
		}
		payload, err := tagindex.Encode([]tagindex.Change{{Slot: 3, At: at, Live: true, Cause: tagindex.ByEvent,
			Column: &tagindex.ColumnChange{Customers: roaring.BitmapOf(who...), Values: tagindex.ColumnOf(values...)}}})
		if err != nil {
			t.Error(err)
		}
		if err := s.Apply(t.Context(), []stream.Entry{{First: offset, Count: 1, Kind: tagindex.EntryChanges, Payload: payload}}); err != nil {
			t.Error(err)
		}
	}
	var all []uint32
	for c := range uint32(customers) {
		all = append(all, c)
	}
	put(0, 1000, all...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		random := rand.New(rand.NewPCG(3, 3))
		for n := range uint64(2000) {
			put(n+1, event.Time(n+2)*1000, random.Uint32N(customers), random.Uint32N(customers))
		}
	}()
	last := map[uint32]event.Time{}
	for going := true; going; {
		select {
		case <-done:
			going = false
		default:
		}
		for _, c := range all {
			at, cause, _, ok := s.Of(3, c)
			if !ok || cause != tagindex.ByEvent || at < max(last[c], 1000) {
				t.Fatalf("customer %d: since %d, %s, %v; it was %d before", c, at, cause, ok, last[c])
			}
			last[c] = at
		}
	}
}

// What events bring about is told to the second, what people do to the millisecond.
func TestSinceToTheSecond(t *testing.T) {
	s := NewSince(filepath.Join(t.TempDir(), "since"), tagindex.New(), filepath.Join(t.TempDir(), "index"))
	var changes []tagindex.Change
	for slot, cause := range []tagindex.Cause{tagindex.ByEvent, tagindex.ByHand} {
		changes = append(changes, tagindex.Change{Slot: uint32(slot), At: 12_345, Live: true, Cause: cause,
			Sets: []tagindex.SetChange{{Value: event.Bool(true), Entered: roaring.BitmapOf(7)}}})
	}
	payload, err := tagindex.Encode(changes)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), []stream.Entry{{First: 0, Count: 2, Kind: tagindex.EntryChanges, Payload: payload}}); err != nil {
		t.Fatal(err)
	}
	for slot, want := range []event.Time{12_000, 12_345} {
		if at, cause, _, ok := s.Of(uint32(slot), 7); !ok || at != want || cause != changes[slot].Cause {
			t.Errorf("slot %d: since %d, %s", slot, at, cause)
		}
	}
}

// Live changes: what the index and the marks together cost for each customer that moved. The index has 200,000 customers
// with 200 tags; the changes are of one customer each, or of one to 4,000.
func BenchmarkSinceLive(b *testing.B) {
	for name, sizes := range map[string][]int{"one": {1}, "mixed": {1, 1, 1, 1, 2, 3, 5, 10, 20, 50, 100, 4000}} {
		b.Run(name, func(b *testing.B) { benchmarkSinceLive(b, sizes) })
	}
}

func benchmarkSinceLive(b *testing.B, sizes []int) {
	s := NewSince(filepath.Join(b.TempDir(), "since"), tagindex.New(), filepath.Join(b.TempDir(), "index"))
	const slots, customers = 200, 200_000
	random := rand.New(rand.NewPCG(1, 1))
	offset := uint64(0)
	feed := func(changes []tagindex.Change) stream.Entry {
		payload, err := tagindex.Encode(changes)
		if err != nil {
			b.Fatal(err)
		}
		e := stream.Entry{First: offset, Count: 1, Kind: tagindex.EntryChanges, Payload: payload}
		offset++
		return e
	}
	for slot := range uint32(slots) {
		who := roaring.New()
		for c := random.Uint32N(20); c < customers; c += 1 + random.Uint32N(20) {
			who.Add(c)
		}
		e := feed([]tagindex.Change{{Slot: slot, At: 5, Run: 1, Cause: tagindex.ByRun, Sets: []tagindex.SetChange{{Value: event.Bool(true), Entered: who}}}})
		if err := s.Apply(b.Context(), []stream.Entry{e}); err != nil {
			b.Fatal(err)
		}
	}
	moved := 0
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		var changes []tagindex.Change
		for i := range 500 {
			size := sizes[i%len(sizes)]
			if size > 1000 && i >= len(sizes) { // one such a step is plenty
				size = 1
			}
			view, slot := s.index.View(), random.Uint32N(slots)
			x := tagindex.SetChange{Value: event.Bool(true), Entered: roaring.New(), Left: roaring.New()}
			for range size {
				if c := random.Uint32N(customers); view.Value(slot, c).Present() {
					x.Left.Add(c)
				} else {
					x.Entered.Add(c)
				}
			}
			moved += int(x.Entered.GetCardinality() + x.Left.GetCardinality())
			changes = append(changes, tagindex.Change{Slot: slot, At: event.Time(1e12 + int64(n)*50), Live: true, Cause: tagindex.ByEvent, Sets: []tagindex.SetChange{x}})
		}
		entries := []stream.Entry{feed(changes)}
		b.StartTimer()
		if err := s.Apply(b.Context(), entries); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(moved), "ns/move")
	b.ReportMetric(float64(s.Bytes())/1e6, "MB-of-marks")
}
