package tagindex

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"tagma/event"
)

// naive is the index written down as simply as can be: who holds what.
type naive map[uint32]*naiveSlot

type naiveSlot struct {
	kind  event.Kind
	multi bool
	held  map[uint32][]event.Value // sorted; one, unless multi
	bands map[uint32]string        // nil when there never were any
}

func (n naive) clone() naive {
	out := naive{}
	for id, s := range n {
		c := *s
		c.held, c.bands = maps.Clone(s.held), maps.Clone(s.bands)
		out[id] = &c
	}
	return out
}

func (n naive) apply(ch *Change) {
	if ch.Drop {
		delete(n, ch.Slot)
		return
	}
	s := n[ch.Slot]
	if s == nil {
		s = &naiveSlot{held: map[uint32][]event.Value{}}
		n[ch.Slot] = s
	}
	kind := ch.kind()
	if ch.Clear || kind != event.Missing && s.kind != event.Missing && (kind != s.kind || ch.Multi != s.multi) {
		*s = naiveSlot{held: map[uint32][]event.Value{}}
	}
	if s.kind == event.Missing && kind != event.Missing {
		s.kind, s.multi = kind, ch.Multi
	}
	if c := ch.Column; c != nil && s.kind != event.Missing {
		each(c.Cleared, func(_ int, x uint32) { delete(s.held, x) })
		each(c.Customers, func(i int, x uint32) {
			if v := c.Values.Value(i); s.multi {
				s.held[x] = v.List()
			} else {
				s.held[x] = []event.Value{v}
			}
		})
	}
	for _, set := range ch.Sets {
		each(set.Left, func(_ int, x uint32) {
			s.held[x] = slices.DeleteFunc(slices.Clone(s.held[x]), set.Value.Equal)
			if len(s.held[x]) == 0 {
				delete(s.held, x)
			}
		})
	}
	for _, set := range ch.Sets {
		each(set.Entered, func(_ int, x uint32) {
			if !s.multi {
				s.held[x] = []event.Value{set.Value}
				return
			}
			list := append(slices.Clone(s.held[x]), set.Value)
			slices.SortFunc(list, event.Value.Compare)
			s.held[x] = slices.CompactFunc(list, event.Value.Equal)
		})
	}
	switch banded := ch.Banded || len(ch.Bands) > 0; {
	case !banded:
		s.bands = nil
	case s.bands == nil:
		s.bands = map[uint32]string{}
	}
	for _, set := range ch.Bands {
		each(set.Left, func(_ int, x uint32) {
			if s.bands[x] == set.Value.Text() {
				delete(s.bands, x)
			}
		})
	}
	for _, set := range ch.Bands {
		each(set.Entered, func(_ int, x uint32) { s.bands[x] = set.Value.Text() })
	}
}

func each(b *roaring.Bitmap, yield func(i int, customer uint32)) {
	if b == nil {
		return
	}
	i := 0
	for it := b.Iterator(); it.HasNext(); i++ {
		yield(i, it.Next())
	}
}

// value and own are what View.Value and View.Measure must give.
func (s *naiveSlot) value(x uint32) event.Value {
	if s.bands != nil {
		if band, ok := s.bands[x]; ok {
			return event.Text(band)
		}
		return event.Value{}
	}
	return s.own(x)
}

func (s *naiveSlot) own(x uint32) event.Value {
	list, ok := s.held[x]
	switch {
	case !ok:
		return event.Value{}
	case s.multi:
		return event.List(list...)
	}
	return list[0]
}

func same(a, b event.Value) bool { return !a.Present() && !b.Present() || a.Equal(b) }

// check compares a view with what is naively so, at customers that matter.
func (n naive) check(t fataler, v *View, customers []uint32) {
	t.Helper()
	if got, want := v.Slots(), slices.Sorted(maps.Keys(n)); !slices.Equal(got, want) {
		t.Fatalf("slots %v, want %v", got, want)
	}
	reader := v.Reader()
	for id, s := range n {
		for _, x := range customers {
			if got := v.Value(id, x); !same(got, s.value(x)) {
				t.Fatalf("slot %d, customer %d: value %v, want %v", id, x, got, s.value(x))
			}
			if got := v.Measure(id, x); s.bands != nil && !same(got, s.own(x)) {
				t.Fatalf("slot %d, customer %d: measure %v, want %v", id, x, got, s.own(x))
			}
		}
		s.checkSets(t, v, id)
		s.checkColumns(t, reader, id, customers)
	}
	slots := append(slices.Sorted(maps.Keys(n)), 999)
	for _, x := range customers {
		n.checkHeld(t, v, x)
		for i, got := range v.Of(x, slots, nil) {
			if s := n[slots[i]]; s == nil && got.Present() || s != nil && !same(got, s.value(x)) {
				t.Fatalf("slot %d of customer %d: %v", slots[i], x, got)
			}
		}
	}
}

func (s *naiveSlot) checkSets(t fataler, v *View, id uint32) {
	t.Helper()
	members, values := map[string][]uint32{}, map[string]event.Value{}
	var present []uint32
	add := func(x uint32, e event.Value) {
		members[e.Key()] = append(members[e.Key()], x)
		values[e.Key()] = e
	}
	if s.bands != nil {
		for x, band := range s.bands {
			present = append(present, x)
			add(x, event.Text(band))
		}
	} else {
		for x, list := range s.held {
			present = append(present, x)
			for _, e := range list {
				add(x, e)
			}
		}
	}
	slices.Sort(present)
	if got := slices.Collect(v.Present(id).All()); !slices.Equal(got, present) {
		t.Fatalf("slot %d: %d present, want %d", id, len(got), len(present))
	}
	counts := v.Values(id, 0)
	if len(counts) != len(values) {
		t.Fatalf("slot %d: values %v, want %v", id, counts, values)
	}
	for _, c := range counts {
		if c.Count != len(members[c.Value.Key()]) {
			t.Fatalf("slot %d: %v has %d customers, want %d", id, c.Value, c.Count, len(members[c.Value.Key()]))
		}
	}
	for key, list := range members {
		slices.Sort(list)
		set := v.Set(id, values[key])
		if got := slices.Collect(set.All()); !slices.Equal(got, list) || set.Count() != len(list) {
			t.Fatalf("slot %d: members of %v: %d, want %d", id, values[key], len(got), len(list))
		}
		if b := v.Members(id, values[key]); !slices.Equal(b.ToArray(), list) || b.Validate() != nil {
			t.Fatalf("slot %d: bitmap of %v: %d, want %d, %v", id, values[key], b.GetCardinality(), len(list), b.Validate())
		}
	}
}

func (s *naiveSlot) checkColumns(t fataler, r *Reader, id uint32, customers []uint32) {
	t.Helper()
	var col event.Column
	for i, x := range customers {
		first, n := x&^255, 256
		switch i % 4 {
		case 1:
			first, n = x, 1
		case 2:
			first, n = x, 70
		case 3:
			first, n = x&^63, 100
		}
		r.Column(id, first, n, &col)
		for j := range n {
			if got := col.Value(j); !same(got, s.value(first+uint32(j))) {
				t.Fatalf("slot %d, column at %d + %d of %d: %v, want %v", id, first, j, n, got, s.value(first+uint32(j)))
			}
		}
		r.Measure(id, first, n, &col)
		for j := range n {
			if got := col.Value(j); s.bands != nil && !same(got, s.own(first+uint32(j))) {
				t.Fatalf("slot %d, measures at %d + %d of %d: %v, want %v", id, first, j, n, got, s.own(first+uint32(j)))
			}
		}
	}
}

func (n naive) checkHeld(t fataler, v *View, x uint32) {
	t.Helper()
	var want []string
	for _, id := range slices.Sorted(maps.Keys(n)) {
		s := n[id]
		switch {
		case s.bands != nil:
			if a, b := s.value(x), s.own(x); a.Present() || b.Present() {
				want = append(want, fmt.Sprint(id, a, b))
			}
		default:
			for _, e := range s.held[x] {
				want = append(want, fmt.Sprint(id, e))
			}
		}
	}
	var got []string
	before := []Held{{Slot: ^uint32(0)}}
	for _, h := range v.Customer(x, before)[1:] {
		switch {
		case h.Measure != nil:
			got = append(got, fmt.Sprint(h.Slot, h.Value, *h.Measure))
		case n[h.Slot] != nil && n[h.Slot].bands != nil:
			got = append(got, fmt.Sprint(h.Slot, h.Value, event.Value{}))
		default:
			got = append(got, fmt.Sprint(h.Slot, h.Value))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("customer %d holds %v, want %v (rows made: %v)", x, got, want, v.rows != nil)
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// customers that stand at borders of words, pages and chunks, and some in the middle.
var notable = []uint32{0, 1, 63, 64, 65, 255, 256, 1023, 1024, 1025, 5000, 65535, 65536, 65537, 66000, 131071, 131072, 200000, 262143}

func drawBitmap(t *rapid.T, name string) *roaring.Bitmap {
	b := roaring.New()
	switch rapid.IntRange(0, 9).Draw(t, name) {
	case 0:
	case 1: // a run
		first := rapid.SampledFrom(notable).Draw(t, "first")
		b.AddRange(uint64(first), uint64(first)+uint64(rapid.IntRange(1, 3000).Draw(t, "length")))
	case 2: // every second to twentieth of some
		first := rapid.SampledFrom(notable).Draw(t, "first")
		step := rapid.IntRange(2, 20).Draw(t, "step")
		for x := uint32(0); x < 12000; x += uint32(step) {
			b.Add(first + x)
		}
	default:
		b.AddMany(rapid.SliceOfN(rapid.SampledFrom(notable), 1, 4).Draw(t, "customers"))
	}
	return b
}

var (
	cities = []event.Value{event.Text("上海"), event.Text("北京"), event.Text(""), event.Text("广州"), event.Text("深圳")}
	bools  = []event.Value{event.Bool(true), event.Bool(false)}
	tens   = []event.Value{event.Text("低"), event.Text("中"), event.Text("高")}
)

func drawValue(t *rapid.T, kind event.Kind) event.Value {
	switch kind {
	case event.BoolKind:
		return rapid.SampledFrom(bools).Draw(t, "bool")
	case event.NumberKind:
		n := rapid.SampledFrom([]string{"0", "1", "1.0", "-3.25", "99.999", "12345678901234567", "0.000000000000000001", "3.333333333333333333",
			"123456.333333333333333333", "1e30", "9223372036854775807", "-9223372036854775807", "100", "250"}).Draw(t, "number")
		v, _ := event.ParseNumber(n)
		return event.Num(v)
	case event.TimeKind:
		return event.Instant(event.Time(rapid.Int64Range(-1e6, 2e12).Draw(t, "time")))
	case event.DateKind:
		return event.Civil(event.Date(rapid.IntRange(-100, 30000).Draw(t, "date")))
	case event.ListKind:
		return event.List(rapid.SliceOfN(rapid.SampledFrom(cities), 0, 3).Draw(t, "list")...)
	}
	return rapid.SampledFrom(cities).Draw(t, "text")
}

// slotKinds gives each slot a usual kind; now and then a change brings another.
var slotKinds = []event.Kind{event.TextKind, event.BoolKind, event.TextKind, event.NumberKind, event.TimeKind, event.DateKind, event.ListKind, event.NumberKind, event.NumberKind}

func drawChange(t *rapid.T) Change {
	slot := rapid.IntRange(0, len(slotKinds)-1).Draw(t, "slot")
	ch := Change{Slot: uint32(slot * 7), Cause: ByRun, At: event.Time(rapid.Int64Range(0, 1e12).Draw(t, "at")), Multi: slot == 2 || slot == 8}
	kind := slotKinds[slot]
	switch rapid.IntRange(0, 30).Draw(t, "special") {
	case 0:
		ch.Drop = true
		return ch
	case 1:
		ch.Clear = true
	case 2:
		kind = rapid.SampledFrom(slotKinds).Draw(t, "kind")
	}
	if kind != event.ListKind && rapid.Bool().Draw(t, "sets") {
		for range rapid.IntRange(1, 3).Draw(t, "values") {
			ch.Sets = append(ch.Sets, SetChange{drawValue(t, kind), drawBitmap(t, "entered"), drawBitmap(t, "left")})
		}
	} else {
		c := &ColumnChange{Customers: drawBitmap(t, "customers"), Cleared: drawBitmap(t, "cleared")}
		var few []event.Value
		for range 3 {
			v := drawValue(t, kind)
			if ch.Multi {
				v = event.List(v)
			}
			few = append(few, v)
		}
		values := make([]event.Value, c.Customers.GetCardinality())
		for i := range values {
			values[i] = few[i%3]
		}
		c.Values = ColumnOf(values...)
		ch.Column = c
	}
	ch.Banded = slot == 7
	if slot == 7 || slot == 3 && rapid.IntRange(0, 9).Draw(t, "banded") == 0 {
		for range rapid.IntRange(1, 2).Draw(t, "bands") {
			ch.Bands = append(ch.Bands, SetChange{rapid.SampledFrom(tens).Draw(t, "band"), drawBitmap(t, "entered"), drawBitmap(t, "left")})
		}
	}
	return ch
}

func watched(t *rapid.T) []uint32 {
	return append(rapid.SliceOfN(rapid.Uint32Range(0, 300000), 3, 3).Draw(t, "watched"), notable...)
}

// Any changes, in any batches, with and without rows, through the codec or not: the index says what is naively so.
func TestAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, n := New(), naive{}
		type moment struct {
			view *View
			was  naive
		}
		var past []moment
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			switch rapid.IntRange(0, 3).Draw(t, "rows") {
			case 0:
				if err := x.BuildRows(t.Context()); err != nil {
					t.Fatal(err)
				}
			case 1: // of those alone who are asked after
				c := rapid.SampledFrom(notable).Draw(t, "asked")
				if v := x.ViewOf(c); !v.hasRow(c) || x.View() != v {
					t.Fatalf("customer %d has no row after ViewOf", c)
				}
			}
			var batch []Change
			for range rapid.IntRange(1, 6).Draw(t, "changes") {
				batch = append(batch, drawChange(t))
			}
			for i := range batch {
				n.apply(&batch[i])
			}
			if rapid.Bool().Draw(t, "encoded") {
				b, err := Encode(batch)
				if err != nil {
					t.Fatal(err)
				}
				if batch, err = Decode(b); err != nil {
					t.Fatal(err)
				}
			}
			if rapid.IntRange(0, 3).Draw(t, "split") == 0 {
				var pieces []Change
				for i := range batch {
					pieces = append(pieces, batch[i].Split(2000)...)
				}
				batch = pieces
			}
			if err := x.Apply(batch, x.Position()+1); err != nil {
				t.Fatal(err)
			}
			past = append(past, moment{x.View(), n.clone()})
		}
		at := watched(t)
		n.check(t, x.View(), at)
		old := rapid.SampledFrom(past).Draw(t, "past")
		old.was.check(t, old.view, at)
		if err := x.BuildRows(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x.MissingRows() != 0 {
			t.Fatalf("%d chunks have no rows after BuildRows", x.MissingRows())
		}
		n.check(t, x.View(), at)
	})
}
