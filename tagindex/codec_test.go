package tagindex

import (
	"errors"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/errs"
	"tagma/event"
)

func liveChange() Change {
	return Change{
		Slot: 812, Cause: ByEvent, At: 1782777600123, Live: true,
		Sets: []SetChange{
			{Value: event.Text("高频购买"), Entered: roaring.BitmapOf(9_123_456)},
			{Value: event.Text("低频购买"), Left: roaring.BitmapOf(9_123_456)},
		},
	}
}

// The change of one customer takes a few dozen bytes: the log holds one for each.
func TestLiveChangeIsSmall(t *testing.T) {
	b, err := Encode([]Change{liveChange()})
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 60 {
		t.Errorf("%d bytes", len(b))
	}
	b, err = Encode([]Change{{Slot: 812, Cause: ByEvent, At: 1782777600123, Live: true, Column: &ColumnChange{
		Customers: roaring.BitmapOf(9_123_456), Values: ColumnOf(event.Num(event.Scaled(123456, 2)))}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 30 {
		t.Errorf("%d bytes", len(b))
	}
}

func TestChangesThatCannotBe(t *testing.T) {
	one := roaring.BitmapOf(1)
	for name, ch := range map[string]Change{
		"missing value":     {Sets: []SetChange{{Entered: one}}},
		"list in a set":     {Sets: []SetChange{{Value: event.List(), Entered: one}}},
		"two kinds":         {Sets: []SetChange{{Value: event.Text("a"), Entered: one}, {Value: event.Bool(true), Entered: one}}},
		"band of a number":  {Bands: []SetChange{{Value: event.Num(event.Int(1)), Entered: one}}},
		"too few values":    {Column: &ColumnChange{Customers: roaring.BitmapOf(1, 2), Values: ColumnOf(event.Bool(true))}},
		"no values":         {Column: &ColumnChange{Customers: one}},
		"several, no list":  {Multi: true, Column: &ColumnChange{Customers: one, Values: ColumnOf(event.Text("a"))}},
		"several, none":     {Multi: true, Column: &ColumnChange{Customers: one, Values: ColumnOf(event.List())}},
		"several, unsorted": {Multi: true, Column: &ColumnChange{Customers: one, Values: ColumnOf(event.List(event.Text("b"), event.Text("a")))}},
	} {
		x := New()
		if err := x.Apply([]Change{ch}, 1); err == nil || x.Position() != 0 {
			t.Errorf("%s: applied", name)
		}
		if _, err := Encode([]Change{ch}); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

func TestChangesOfANewerVersion(t *testing.T) {
	if _, err := Decode([]byte{changeVersion + 1, 0}); !errs.Is(err, errs.Conflict) {
		t.Errorf("%v", err)
	}
	if _, err := Decode(nil); !errors.Is(err, event.ErrCorrupt) {
		t.Errorf("%v", err)
	}
}

func TestCauses(t *testing.T) {
	for c := ByEvent; c <= ByHand; c++ {
		if back, ok := ParseCause(c.String()); !ok || back != c {
			t.Errorf("%d is %q, which is %d", c, c, back)
		}
	}
	if _, ok := ParseCause("whim"); ok {
		t.Error("whim is a cause")
	}
}

// Any bytes are refused or read; what is read is written and read again, and then does the same to an index.
func FuzzDecode(f *testing.F) {
	seeds := []Change{
		liveChange(),
		{Slot: 1, Drop: true, Clear: true, At: event.Always},
		{Slot: 2, Sets: []SetChange{{Value: event.Bool(true), Entered: Range(5, 70000).Roaring(), Left: SetOf(notable...).Roaring()}}},
		{Slot: 3, Run: 9, Column: &ColumnChange{Customers: roaring.BitmapOf(1, 2, 3), Cleared: roaring.BitmapOf(9),
			Values: ColumnOf(event.Text("a"), event.Text("b"), event.Text("a"))}, Bands: []SetChange{{Value: event.Text("x"), Entered: roaring.BitmapOf(1)}}},
		{Slot: 4, Multi: true, Column: &ColumnChange{Customers: roaring.BitmapOf(1), Values: ColumnOf(event.List(event.Text("a"), event.Text("b")))}},
		{Slot: 5, Column: &ColumnChange{Customers: roaring.BitmapOf(1, 2), Values: ColumnOf(drawnNumber("1e30"), drawnNumber("0.5"))}},
		{Slot: 5, Column: &ColumnChange{Customers: roaring.BitmapOf(1, 2), Values: ColumnOf(event.Instant(event.Always), event.Instant(event.Never))}},
	}
	for i := range seeds {
		b, err := Encode(seeds[i : i+1])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		changes, err := Decode(data)
		if err != nil {
			return
		}
		first, err := Encode(changes)
		if err != nil {
			t.Fatalf("decoded, but not to be encoded: %v", err)
		}
		again, err := Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		for i := range changes { // a set of four billion members is right, and too slow for a test
			if size(&changes[i]) > 1<<20 {
				return
			}
		}
		x, y := New(), New()
		if err := x.Apply(changes, 1); err != nil {
			t.Fatal(err)
		}
		if err := y.Apply(again, 1); err != nil {
			t.Fatal(err)
		}
		if id, bad := differ(x.View(), y.View()); bad {
			t.Fatalf("slot %d: written and read again it is another", id)
		}
	})
}

func size(ch *Change) (n uint64) {
	add := func(list ...*roaring.Bitmap) {
		for _, b := range list {
			if b != nil {
				n += b.GetCardinality()
			}
		}
	}
	for _, s := range append(ch.Sets, ch.Bands...) {
		add(s.Entered, s.Left)
	}
	if ch.Column != nil {
		add(ch.Column.Customers, ch.Column.Cleared)
	}
	return n
}

func drawnNumber(s string) event.Value {
	n, err := event.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return event.Num(n)
}
