package tagindex

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/stream"
)

func entry(t testing.TB, first uint64, changes ...Change) stream.Entry {
	t.Helper()
	b, err := Encode(changes)
	if err != nil {
		t.Fatal(err)
	}
	return stream.Entry{First: first, Count: uint64(len(changes)), Kind: EntryChanges, Payload: b}
}

func enters(slot uint32, value string, customers ...uint32) Change {
	return Change{Slot: slot, Sets: []SetChange{{Value: event.Text(value), Entered: roaring.BitmapOf(customers...)}}}
}

func TestFollower(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	x := New()
	f := Follow(x, path)
	log := []stream.Entry{
		entry(t, 0, enters(1, "a", 5), enters(1, "b", 6)),
		{First: 2, Count: 3, Kind: EntryChanges + 1, Payload: []byte("decided")},
		entry(t, 5, enters(1, "b", 5)),
	}
	if err := f.Apply(t.Context(), log[:1]); err != nil || f.Position() != 2 {
		t.Fatal(err, f.Position())
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(t.Context(), log); err != nil || f.Position() != 6 { // the first again, as after a crash
		t.Fatal(err, f.Position())
	}
	if n := x.View().Set(1, event.Text("b")).Count(); n != 2 {
		t.Errorf("%d hold b", n)
	}
	if err := f.Apply(t.Context(), []stream.Entry{entry(t, 9, enters(1, "c", 5))}); err == nil || f.Position() != 6 {
		t.Error("a hole in the log was stepped over")
	}
	if err := f.Apply(t.Context(), []stream.Entry{{First: 6, Count: 1, Kind: EntryChanges, Payload: []byte{1, 0xff}}}); !errors.Is(err, event.ErrCorrupt) || f.Position() != 6 {
		t.Error(err)
	}
	y, reason, err := Load(path)
	if err != nil || reason != "" || y.Position() != 2 {
		t.Fatal(reason, err)
	}
	if err := Follow(y, path).Apply(t.Context(), log); err != nil {
		t.Fatal(err)
	}
	if id, bad := differ(x.View(), y.View()); bad {
		t.Errorf("from the snapshot on, slot %d is another", id)
	}
}

func TestWait(t *testing.T) {
	x := New()
	done := make(chan error, 1)
	go func() { done <- x.Wait(t.Context(), 2) }()
	for offset := uint64(1); offset <= 2; offset++ {
		if err := x.Apply(nil, offset); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.Wait(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Readers see whole batches while the index moves on: the customers all hold the same.
func TestReadersWhileApplying(t *testing.T) {
	x := New()
	customers := SetOf(notable...).Roaring()
	values := []string{"a", "b", "c", "d", "e"}
	set := func(i int) []Change {
		var nums []event.Value
		for range notable {
			nums = append(nums, event.Num(event.Int(int64(i))))
		}
		ch := enters(2, values[i%len(values)])
		ch.Sets[0].Entered = customers
		return []Change{ch,
			{Slot: 3, Column: &ColumnChange{Customers: customers, Values: ColumnOf(nums...)}},
			{Slot: 4, Column: &ColumnChange{Customers: customers, Values: ColumnOf(nums...)}, Bands: ch.Sets},
		}
	}
	if err := x.Apply(set(0), 1); err != nil {
		t.Fatal(err)
	}
	if err := x.BuildRows(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			var held []Held
			var col event.Column
			for {
				select {
				case <-stop:
					return
				default:
				}
				v := x.View()
				want := event.Text(values[int(v.Offset()-1)%len(values)])
				if n := v.Set(2, want).Count(); n != len(notable) {
					t.Errorf("at %d: %d hold %v", v.Offset(), n, want)
					return
				}
				r := v.Reader()
				for _, c := range notable {
					held = v.Customer(c, held[:0])
					if len(held) != 3 || !held[0].Value.Equal(want) || !held[2].Value.Equal(want) || !held[2].Measure.Equal(held[1].Value) {
						t.Errorf("at %d: customer %d holds %v", v.Offset(), c, held)
						return
					}
					if r.Column(2, c&^255, 256, &col); !col.Value(int(c & 255)).Equal(want) {
						t.Errorf("at %d: customer %d has %v in the column", v.Offset(), c, col.Value(int(c&255)))
						return
					}
				}
			}
		})
	}
	for i := 1; i < 300; i++ {
		if err := x.Apply(set(i), uint64(i+1)); err != nil {
			t.Fatal(err)
		}
		if i%100 == 50 {
			big := enters(9, "all")
			big.Sets[0].Entered = Range(0, 70000).Roaring()
			if err := x.Apply([]Change{big, {Slot: 9, Drop: true}}, uint64(i+1)); err != nil {
				t.Fatal(err)
			}
			if err := x.BuildRows(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	readers.Wait()
}
