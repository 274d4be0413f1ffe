package warehousetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"tagma/errs"
	"tagma/event"
	"tagma/warehouse"
)

func offsets(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	ctx := context.Background()
	dir := t.TempDir()
	s := open(t, dir)
	if s.Offset() != 0 {
		t.Fatalf("an empty history is at offset %d", s.Offset())
	}
	b := &warehouse.Batch{Offset: 7, Events: []event.Event{{Profile: 1, Name: "a", Time: 5, Arrival: 1}}}
	for range 2 {
		if err := s.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if err := s.Append(ctx, b); err != nil {
		t.Fatal(err)
	}
	if s.Offset() != 7 {
		t.Fatalf("offset %d, want 7", s.Offset())
	}
	m := newModel()
	m.apply(b)
	m.offset = 7
	mustCheck(t, s, m)
}

func seen(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	s := open(t, t.TempDir())
	defer s.Close()
	m := newModel()
	key := func(i int) warehouse.SeenKey {
		return warehouse.SeenKey{Partition: uint32(i % 2), Hash: [16]byte{byte(i)}}
	}
	mustAppend(t, s, m, &warehouse.Batch{Offset: 1, Seen: []warehouse.Seen{{Key: key(1)}, {Key: key(2), Value: []byte("a")}, {Key: key(2), Value: []byte("b")}}})
	if err := checkSeen(s, m); err != nil {
		t.Fatal(err)
	}
	b := &warehouse.Batch{Seen: []warehouse.Seen{{Key: key(3)}, {Key: key(2), Value: []byte("c")}, {Key: key(4), Value: []byte("d")}, {Key: key(4), Value: []byte("e")}}}
	if err := stageLoad(s, "l", b); err != nil {
		t.Fatal(err)
	}
	if err := checkSeen(s, m); err != nil {
		t.Fatalf("before it is ingested: %v", err)
	}
	if err := s.Ingest(context.Background(), "l", 2); err != nil {
		t.Fatal(err)
	}
	m.apply(b)
	if err := checkSeen(s, m); err != nil {
		t.Fatal(err)
	}
}

func loads(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	ctx := context.Background()
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { s.Close() }()
	m := newModel()
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	if _, err := s.StartLoad("../x"); !errs.Is(err, errs.Invalid) {
		t.Fatalf("a load id with a path in it: %v", err)
	}
	if err := s.Ingest(ctx, "none", 1); !errs.Is(err, errs.NotFound) {
		t.Fatalf("ingesting what was never staged: %v", err)
	}
	// Staged loads survive a restart, and may be staged again.
	first, second := g.batch(500), g.batch(500)
	if err := stageLoad(s, "a", first); err != nil {
		t.Fatal(err)
	}
	if err := stageLoad(s, "a", second); err != nil {
		t.Fatal(err)
	}
	third := g.batch(500)
	mustAppend(t, s, m, withOffset(g.batch(100), 3))
	if err := stageLoad(s, "b", third); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	mustCheck(t, s, m)
	if err := s.DropLoads(func(id string) bool { return id == "a" }); err != nil {
		t.Fatal(err)
	}
	if err := s.Ingest(ctx, "b", 9); !errs.Is(err, errs.NotFound) {
		t.Fatalf("ingesting what was dropped: %v", err)
	}
	for range 2 { // the second is a replay
		if err := s.Ingest(ctx, "a", 10); err != nil {
			t.Fatal(err)
		}
	}
	m.apply(second)
	m.offset = 10
	mustCheck(t, s, m)
	// A load that is in already only moves the offset.
	if err := s.Ingest(ctx, "a", 12); err != nil {
		t.Fatal(err)
	}
	m.offset = 12
	mustCheck(t, s, m)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	mustCheck(t, s, m)

	l, err := s.StartLoad("c")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Event(&event.Event{Profile: 5, Name: "c"}); err != nil {
		t.Fatal(err)
	}
	if l.Bytes() == 0 {
		t.Error("a load with an event holds no memory")
	}
	l.Abort()
	if err := l.Event(&event.Event{Profile: 5, Name: "c"}); err == nil {
		t.Error("an aborted load took an event")
	}
	mustCheck(t, s, m)
}

func withOffset(b *warehouse.Batch, offset uint64) *warehouse.Batch {
	b.Offset = offset
	return b
}

// windows reads with From and To: all rows within must be there, in order, and none that does not exist.
func windows(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	s := open(t, t.TempDir())
	defer s.Close()
	m := newModel()
	g := &generator{Rand: rand.New(rand.NewPCG(3, 4))}
	mustAppend(t, s, m, withOffset(g.batch(2000), 1))
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for range 60 {
		from, to := g.time(), g.time()
		if g.IntN(4) == 0 {
			from = event.Always
		}
		series := m.series()
		n := series[g.IntN(len(series))]
		reader, err := snap.Reader(warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: n.kind, Name: n.name, Arrivals: true, From: from, To: to}}})
		if err != nil {
			t.Fatal(err)
		}
		var block warehouse.Block
		for _, b := range m.blocks() {
			if err := reader.Blocks(b, 1, &block); err != nil {
				t.Fatal(err)
			}
			table := &block.Tables[0]
			got := map[uint64]int{}
			for i := range table.Times {
				got[table.Arrivals[i]]++
			}
			for _, w := range m.table(n, event.ProfileID(b*warehouse.BlockSize), warehouse.BlockSize) {
				if w.time >= from && w.time < to || from == 0 && to == 0 {
					if got[w.arrival] == 0 {
						t.Fatalf("%v: the row at %v (arrival %d) is missing between %v and %v", n, w.time, w.arrival, from, to)
					}
					got[w.arrival]--
				}
			}
		}
		reader.Close()
	}
}

// hot writes many small batches to a few profiles, late and in time, so that segments pile up.
func hot(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	s := open(t, t.TempDir())
	defer s.Close()
	m := newModel()
	g := &generator{Rand: rand.New(rand.NewPCG(5, 6))}
	for i := range 400 {
		b := &warehouse.Batch{Offset: uint64(i + 1), Events: g.events(4)}
		for j := range b.Events {
			e := &b.Events[j]
			e.Profile, e.Name = event.ProfileID(g.IntN(3)), "hot"
			e.Time = event.Time(int64(i)*dayMillis/9 + 19800*dayMillis)
			if g.IntN(10) == 0 {
				e.Time -= event.Time(g.Int64N(40) * dayMillis)
			}
		}
		mustAppend(t, s, m, b)
	}
	mustCheck(t, s, m)
	if err := s.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustCheck(t, s, m)
	size, err := s.Size()
	if err != nil || size == 0 {
		t.Fatalf("size %d, %v", size, err)
	}
}

// dictionaries has more texts than a dictionary takes, spread over batches and loads.
func dictionaries(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	ctx := context.Background()
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { s.Close() }()
	m := newModel()
	arrival := uint64(0)
	batch := func(from, n int) *warehouse.Batch {
		b := &warehouse.Batch{}
		for i := from; i < from+n; i++ {
			arrival++
			text := event.Text(fmt.Sprintf("text %d", i))
			b.Events = append(b.Events, event.Event{Profile: event.ProfileID(i % 300), Name: "e", Time: event.Time(i % 7), Arrival: arrival, Props: []event.Property{{Name: "p", Value: text}}})
			if i%4 == 0 {
				arrival++
				b.Traits = append(b.Traits, event.Trait{Profile: event.ProfileID(i % 300), Name: []string{"a", "b"}[i%8/4], Time: event.Always, Arrival: arrival, Value: text})
				b.Identifiers = append(b.Identifiers, event.Identifier{Profile: event.ProfileID(i % 300), Kind: "k", Value: text.Text()})
			}
		}
		return b
	}
	mustAppend(t, s, m, withOffset(batch(0, 6000), 1))
	load := batch(5000, 14000)
	if err := stageLoad(s, "l", load); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, m, withOffset(batch(18000, 3000), 2))
	if err := s.Ingest(ctx, "l", 3); err != nil {
		t.Fatal(err)
	}
	m.apply(load)
	m.offset = 3
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if got := snap.Texts("p", 2); len(got) != 2 || got[0] != "text 0" {
		t.Errorf("texts %q", got)
	}
	if d := snap.Dict("no such property"); d == nil {
		t.Error("the dictionary of an unknown property is nil")
	} else if _, ok := d.Code("x"); ok {
		t.Error("the dictionary of an unknown property has a text")
	}
	snap.Close()
	checkTexts(t, s, m)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	mustAppend(t, s, m, withOffset(batch(0, 100), 4))
	checkTexts(t, s, m)
}

// checkTexts is mustCheck without its quadratic search for each profile.
func checkTexts(t *testing.T, s warehouse.Store, m *model) {
	t.Helper()
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var req warehouse.Request
	for _, n := range m.series() {
		req.Series = append(req.Series, warehouse.SeriesRequest{Kind: n.kind, Name: n.name, Columns: m.columns(n), Arrivals: true})
	}
	reader, err := snap.Reader(req)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var block warehouse.Block
	for _, b := range m.blocks() {
		if err := reader.Blocks(b, 1, &block); err != nil {
			t.Fatal(err)
		}
		if err := m.checkBlock(&block, req, event.ProfileID(b*warehouse.BlockSize), warehouse.BlockSize); err != nil {
			t.Fatal(err)
		}
	}
}

func profiles(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { s.Close() }()
	m := newModel()
	mustAppend(t, s, m, &warehouse.Batch{Offset: 1, Profiles: []event.NewProfile{
		{Profile: 0, Person: true, Seen: event.Never},
		{Profile: 1, Entity: 3, Seen: event.Always},
		{Profile: 2, Seen: 1000},
	}})
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	want := []warehouse.Profile{
		{Known: true, Person: true, FirstSeen: event.Never},
		{Known: true, Entity: 3, FirstSeen: event.Never, Untimed: true},
		{Known: true, FirstSeen: 1000},
		{FirstSeen: event.Never},
	}
	check := func(snap warehouse.Snapshot) {
		t.Helper()
		for p, w := range want {
			if got := snap.Profile(event.ProfileID(p)); got != w {
				t.Errorf("profile %d is %+v, want %+v", p, got, w)
			}
		}
	}
	check(snap)
	mustAppend(t, s, m, &warehouse.Batch{Offset: 2,
		Profiles: []event.NewProfile{{Profile: 2, Entity: 9, Person: true, Seen: event.Never}},
		Events:   []event.Event{{Profile: 2, Name: "a", Time: 500}, {Profile: 0, Name: "a", Time: 700}},
		Traits:   []event.Trait{{Profile: 0, Name: "t", Time: event.Always}},
	})
	check(snap) // the snapshot does not move
	if snap.Profiles() != 3 {
		t.Errorf("%d profiles, want 3", snap.Profiles())
	}
	want[2] = warehouse.Profile{Known: true, Person: true, FirstSeen: 500}
	want[0].FirstSeen, want[0].Untimed = 700, true
	for range 2 {
		now, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		check(now)
		now.Close()
		snap.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
	}
}

// consents tests what is special about them: they are bools, apart from traits of the same name, and they count for
// when a profile was first seen.
func consents(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { s.Close() }()
	m := newModel()
	mustAppend(t, s, m, &warehouse.Batch{Offset: 3,
		Traits:   []event.Trait{{Profile: 1, Name: "sms", Time: 900, Value: event.Text("no"), Arrival: 1}},
		Consents: []event.Trait{{Profile: 1, Name: "sms", Time: 800, Value: event.Bool(true), Arrival: 2}, {Profile: 2, Name: "sms", Time: event.Always, Value: event.Bool(false), Arrival: 3}}})
	b := &warehouse.Batch{Consents: []event.Trait{{Profile: 1, Name: "sms", Time: 850, Arrival: 4}, {Profile: 7, Name: "邮件", Time: 500, Value: event.Bool(true), Arrival: 5}}}
	if err := stageLoad(s, "l", b); err != nil {
		t.Fatal(err)
	}
	if err := s.Ingest(context.Background(), "l", 6); err != nil {
		t.Fatal(err)
	}
	m.apply(b)
	m.offset = 6
	for range 2 {
		mustCheck(t, s, m)
		snap, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		want := []warehouse.Profile{1: {Known: true, FirstSeen: 800}, 2: {Known: true, FirstSeen: event.Never, Untimed: true}, 7: {Known: true, FirstSeen: 500}}
		for _, p := range []event.ProfileID{1, 2, 7} {
			if got := snap.Profile(p); got != want[p] {
				t.Errorf("profile %d is %+v, want %+v", p, got, want[p])
			}
		}
		snap.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
	}
	wrong := event.Trait{Profile: 1, Name: "sms", Value: event.Text("yes")}
	if err := s.Append(context.Background(), &warehouse.Batch{Offset: 9, Consents: []event.Trait{wrong}}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a consent that is a text: %v", err)
	}
	mustCheck(t, s, m)
}

// elements tests that a reopened history still knows what lists hold, however it came.
func elements(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { s.Close() }()
	m := newModel()
	order := func(at event.Time, list ...event.Value) event.Event {
		return event.Event{Profile: 1, Name: "order", Time: at, Arrival: uint64(at), Props: []event.Property{{Name: "products", Value: event.List(list...)}}}
	}
	field := func(name string, v event.Value) event.Property { return event.Property{Name: name, Value: v} }
	mustAppend(t, s, m, &warehouse.Batch{Offset: 1, Events: []event.Event{order(1)}}) // an empty list says nothing
	mustCheck(t, s, m)
	mustAppend(t, s, m, &warehouse.Batch{Offset: 2, Events: []event.Event{
		order(2, event.Map([]event.Property{field("sku", event.Text("a")), field("brand", event.Map([]event.Property{field("name", event.Text("b"))}))}))}})
	b := &warehouse.Batch{Events: []event.Event{order(3, event.Map([]event.Property{field("sku", event.Num(event.Int(5)))}), event.Text("loose"))}}
	if err := stageLoad(s, "l", b); err != nil {
		t.Fatal(err)
	}
	if err := s.Ingest(context.Background(), "l", 3); err != nil {
		t.Fatal(err)
	}
	m.apply(b)
	m.offset = 3
	for range 2 {
		mustCheck(t, s, m)
		snap, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(snap.Series()[0].Properties)
		snap.Close()
		if want := "[{products [list]} {products[] [text]} {products[].brand.name [text]} {products[].sku [number text]}]"; got != want {
			t.Errorf("the properties are %s, want %s", got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
	}
}
