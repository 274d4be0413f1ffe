package tagindex

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"tagma/event"
)

// drawIndex returns an index after some changes, and what it naively is.
func drawIndex(t *rapid.T) (*Index, naive) {
	x, n := New(), naive{}
	for range rapid.IntRange(0, 8).Draw(t, "changes") {
		ch := drawChange(t)
		n.apply(&ch)
		if err := x.Apply([]Change{ch}, x.Position()+1); err != nil {
			t.Fatal(err)
		}
	}
	return x, n
}

// What Diff says leads from one content to the other, and then there is no difference.
func TestDiffThenApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, n := drawIndex(t)
		to, want := drawIndex(t)
		if err := from.BuildRows(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, id := range append(from.View().Slots(), to.View().Slots()...) {
			ch := Diff(from.View().Content(id), to.View().Content(id))
			if ch == nil {
				continue
			}
			ch.Slot = id
			n.apply(ch)
			changes := []Change{*ch}
			if rapid.Bool().Draw(t, "split") {
				changes = ch.Split(rapid.IntRange(1, 5000).Draw(t, "bytes"))
			}
			if err := from.Apply(changes, from.Position()+1); err != nil {
				t.Fatal(err)
			}
			if again := Diff(from.View().Content(id), to.View().Content(id)); again != nil {
				t.Fatalf("slot %d: after the difference there is still %+v", id, again)
			}
		}
		at := watched(t)
		for _, id := range from.View().Slots() {
			if want[id] == nil {
				want[id] = &naiveSlot{} // Diff empties a slot; it does not drop it
			}
			want[id].kind = n[id].kind
		}
		for id := range want {
			if n[id] == nil {
				delete(want, id)
			}
		}
		want.check(t, from.View(), at)
		n.check(t, from.View(), at)
	})
}

// Beyond MaxValues a slot of texts becomes a column, a value at a time or at once, and says the same.
func TestManyTexts(t *testing.T) {
	for _, multi := range []bool{false, true} {
		for _, live := range []bool{false, true} {
			x, n := New(), naive{}
			if err := x.BuildRows(t.Context()); err != nil {
				t.Fatal(err)
			}
			var batch []Change
			const values = MaxValues + 300
			for i := range uint32(values) {
				s := SetChange{Value: event.Text(fmt.Sprintf("v%05d", i*7919%values))}
				s.Entered = SetOf(i, i+1, 70000+i).Roaring()
				if live || i == 0 {
					batch = append(batch, Change{Slot: 3, Multi: multi})
				}
				last := &batch[len(batch)-1]
				last.Sets = append(last.Sets, s)
			}
			for i := range batch {
				n.apply(&batch[i])
			}
			for part := range slices.Chunk(batch, 500) {
				if err := x.Apply(part, x.Position()+1); err != nil {
					t.Fatal(err)
				}
			}
			if x.View().Content(3).column == nil {
				t.Errorf("multi %v: %d values are still in sets", multi, values)
			}
			check := func() {
				v := x.View()
				for _, c := range []uint32{0, 1, 2, 500, 4095, 4096, 4395, 4396, 4397, 70000, 74395, 80000} {
					n.checkHeld(t, v, c)
				}
				n[3].checkColumns(t, v.Reader(), 3, []uint32{0, 4000, 70000, 74300})
				if got := len(v.Values(3, 0)); got > values || got < values/2 {
					t.Errorf("multi %v: %d values", multi, got)
				}
			}
			check()
			left := Change{Slot: 3, Multi: multi, Sets: []SetChange{{event.Text("v00000"), SetOf(9).Roaring(), SetOf(0, 1, 70000).Roaring()}}}
			n.apply(&left)
			if err := x.Apply([]Change{left}, x.Position()+1); err != nil {
				t.Fatal(err)
			}
			check()
			if err := x.BuildRows(t.Context()); err != nil {
				t.Fatal(err)
			}
			check()
		}
	}
}

// A live tag whose values come and go, such as the last order's number, does not collect them for ever.
func TestTextsAreForgotten(t *testing.T) {
	for _, customers := range []uint32{1, MaxValues + 1} { // a table, a column
		x := New()
		all := Range(0, customers).Roaring()
		for round := range 40 {
			values := make([]event.Value, customers)
			for i := range values {
				values[i] = event.Text(fmt.Sprint(round, "/", i))
			}
			rounds := 1
			if customers == 1 {
				rounds = 300
			}
			for k := range rounds {
				if customers == 1 {
					values[0] = event.Text(fmt.Sprint(round, "/", k))
				}
				ch := Change{Slot: 1, Live: true, Column: &ColumnChange{Customers: all, Values: ColumnOf(values...)}}
				if err := x.Apply([]Change{ch}, x.Position()+1); err != nil {
					t.Fatal(err)
				}
			}
		}
		c := x.View().Content(1)
		texts := 0
		if c.column != nil {
			texts = c.column.dict.len()
		} else {
			texts = c.values.dict.len()
		}
		if limit := 3 * (int(customers) + MaxValues); texts > limit {
			t.Errorf("%d customers: %d texts remembered, more than %d", customers, texts, limit)
		}
		if v := x.View().Value(1, 0); v.Text() != "39/0" && v.Text() != "39/299" {
			t.Errorf("value %v", v)
		}
	}
}

// Several goroutines give blocks; the builder's contents are those of the changes that say the same.
func TestBuilder(t *testing.T) {
	const customers = 200000
	number := func(x uint32) event.Value { return event.Num(event.Scaled(int64(x%1000)-500, 2)) }
	text := func(x uint32, of uint32) event.Value { return event.Text(fmt.Sprint("city ", x%of)) }
	in := func(x uint32, value int) bool { return x*2654435761>>16%uint32(value+2) == 0 }
	var values, bands []event.Value
	for i := range 40 {
		values = append(values, event.Text(fmt.Sprint(i)))
	}
	bands = append(bands, event.Text("low"), event.Text("high"))
	shapes := []Shape{
		{Kind: event.TextKind, Multi: true, Values: values},
		{Kind: event.BoolKind, Values: []event.Value{event.Bool(true)}},
		{Kind: event.NumberKind, Bands: bands},
		{Kind: event.TextKind},
		{Kind: event.TextKind},
		{Kind: event.DateKind},
		{Kind: event.BoolKind},
	}
	b := NewBuilder(shapes)
	var wg sync.WaitGroup
	// Two of the goroutines share a chunk, at a border of pages.
	for _, r := range [][2]uint32{{0, 65536}, {65536, 70656}, {70656, 131072}, {131072, customers}} {
		w := b.Writer()
		wg.Go(func() {
			defer w.Close()
			for first := r[0]; first < r[1]; first += 256 {
				n := int(min(256, r[1]-first))
				words := event.NewBits(n)
				column := func(shape int, of func(x uint32) event.Value) {
					list := make([]event.Value, n)
					has := event.NewBits(n)
					for i := range list {
						list[i] = of(first + uint32(i))
						if i%3 != 0 {
							has.Set(i)
						}
					}
					col := ColumnOf(list...)
					col.Has = has
					if err := w.SetColumn(shape, first, &col); err != nil {
						t.Error(err)
					}
				}
				set := func(put func(shape, value int, first uint32, words []uint64), shape, value int, holds func(x uint32) bool) {
					clear(words)
					for i := range n {
						if holds(first + uint32(i)) {
							words.Set(i)
						}
					}
					put(shape, value, first, words)
				}
				for v := range values {
					set(w.SetWords, 0, v, func(x uint32) bool { return in(x, v) })
				}
				set(w.SetWords, 1, 0, func(x uint32) bool { return x%1000 != 7 })
				set(w.SetBand, 2, 0, func(x uint32) bool { return x%1000 < 500 })
				set(w.SetBand, 2, 1, func(x uint32) bool { return x%1000 >= 600 })
				column(2, number)
				column(3, func(x uint32) event.Value { return text(x, 100) })
				column(4, func(x uint32) event.Value { return text(x, 9000) })
				column(5, func(x uint32) event.Value { return event.Civil(event.Date(x)) })
				column(6, func(x uint32) event.Value { return event.Bool(x%5 == 0) })
			}
		})
	}
	wg.Wait()
	got := b.Finish()
	v, err := NewView(7, []uint32{0, 1, 2, 3, 4, 5, 6}, got, 5, 6)
	if err != nil {
		t.Fatal(err)
	}
	for x := uint32(0); x < customers; x++ {
		present := func(of event.Value) event.Value {
			if x%256%3 == 0 {
				return event.Value{}
			}
			return of
		}
		want := map[uint32]event.Value{
			1: {}, 2: {}, 3: present(text(x, 100)), 4: present(text(x, 9000)), 5: present(event.Civil(event.Date(x))), 6: present(event.Bool(x%5 == 0)),
		}
		if x%1000 != 7 {
			want[1] = event.Bool(true)
		}
		if x%1000 < 500 {
			want[2] = bands[0]
		} else if x%1000 >= 600 {
			want[2] = bands[1]
		}
		for id, w := range want {
			if g := v.Value(id, x); !same(g, w) {
				t.Fatalf("slot %d, customer %d: %v, want %v", id, x, g, w)
			}
		}
		if g := v.Measure(2, x); !same(g, present(number(x))) {
			t.Fatalf("customer %d: measure %v, want %v", x, g, present(number(x)))
		}
	}
	for i, value := range values {
		var want []uint32
		for x := uint32(0); x < customers; x++ {
			if in(x, i) {
				want = append(want, x)
			}
		}
		if g := slices.Collect(v.Set(0, value).All()); !slices.Equal(g, want) {
			t.Fatalf("value %v: %d members, want %d", value, len(g), len(want))
		}
	}
	if got[3].column != nil || got[4].column == nil || got[6].column != nil {
		t.Error("100 texts and bools belong in sets, 9,000 texts in a column")
	}
	if n := v.Present(1).Count(); n != customers-200 {
		t.Errorf("%d hold slot 1", n)
	}

	// The run's result becomes changes, the changes an index, the index the result.
	x := New()
	for id, c := range got {
		ch := Diff(x.View().Content(uint32(id)), c)
		ch.Slot = uint32(id)
		if err := x.Apply(ch.Split(1<<16), x.Position()+1); err != nil {
			t.Fatal(err)
		}
		if again := Diff(x.View().Content(uint32(id)), c); again != nil {
			t.Errorf("slot %d: still %+v", id, again)
		}
	}
	if err := b.Writer().SetColumn(2, 0, &event.Column{Kind: event.DateKind, Len: 1, Ints: []int64{1}}); err == nil {
		t.Error("a date was taken for a number")
	}
}
