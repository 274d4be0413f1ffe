package tag

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
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
				for range 1 + random.IntN(5) {
					ch := someChange(random, event.Time(1_700_000_000_000+int64(offset)*1000))
					if len(changes) > 0 && !small([]tagindex.Change{ch}) {
						continue // large ones come alone
					}
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
					if !small(changes) {
						break
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

func same(a, b event.Value) bool { return a.Present() == b.Present() && (!a.Present() || a.Equal(b)) }

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

// Live changes, each of one customer: what the index and the marks together cost. The index has 200,000 customers with
// 200 tags.
func BenchmarkSinceLive(b *testing.B) {
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
	const group = 500
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		var entries []stream.Entry
		for range group / 10 {
			var changes []tagindex.Change
			for range 10 {
				x := tagindex.SetChange{Value: event.Bool(true), Entered: roaring.BitmapOf(random.Uint32N(customers))}
				if random.IntN(2) == 0 {
					x.Entered, x.Left = nil, x.Entered
				}
				changes = append(changes, tagindex.Change{Slot: random.Uint32N(slots), At: event.Time(1e12 + int64(n)*17), Live: true, Cause: tagindex.ByEvent, Sets: []tagindex.SetChange{x}})
			}
			entries = append(entries, feed(changes))
		}
		b.StartTimer()
		if err := s.Apply(b.Context(), entries); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*group), "ns/change")
	fmt.Fprintln(b.Output(), s.Bytes(), "bytes of marks")
}
