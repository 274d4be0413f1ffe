package pebble

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"tagma/event"
	"tagma/warehouse"
)

// The benchmarks share one shop: 100,000 customers with a power law of 2 million events in a year and a quarter, of 20
// names, with a category of 200 values, an SKU of 20,000, an amount of two decimals, a quantity, an order number on
// orders only, a channel, and campaign words on one event in twenty.
const (
	benchCustomers = 100_000
	benchEvents    = 2_000_000
)

type benchShop struct {
	*rand.Rand
	names      []string
	categories []event.Value
	skus       []event.Value
	channels   []event.Value
	campaigns  []event.Value
	weights    []float64
	order      int
	props      []event.Property
}

func newBenchShop() *benchShop {
	b := &benchShop{Rand: rand.New(rand.NewPCG(1, 1))}
	for i := range 20 {
		b.names = append(b.names, fmt.Sprintf("event_%02d", i))
	}
	texts := func(n int, form string) (out []event.Value) {
		for i := range n {
			out = append(out, event.Text(fmt.Sprintf(form, i)))
		}
		return
	}
	b.categories, b.skus, b.channels, b.campaigns = texts(200, "category %03d"), texts(20000, "SKU-%05d-A"), texts(6, "channel %d"), texts(50, "campaign word %02d")
	sum := 0.0
	for i := range b.names {
		sum += 1 / float64(i+1)
		b.weights = append(b.weights, sum)
	}
	for i := range b.weights {
		b.weights[i] /= sum
	}
	return b
}

// skewed gives small numbers more often.
func (b *benchShop) skewed(n int) int { u := b.Float64(); return int(u * u * u * float64(n)) }

// event fills e with event i of n, in order of time.
func (b *benchShop) event(e *event.Event, i, n int) {
	u, name := b.Float64(), 0
	for b.weights[name] < u {
		name++
	}
	start := time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	year := int64(456 * 24 * 3600 * 1000)
	*e = event.Event{
		Profile: event.ProfileID(math.Pow(b.Float64(), 2) * benchCustomers),
		Name:    b.names[name],
		Time:    event.Time(start + year/int64(n)*int64(i) + b.Int64N(1000)),
		Arrival: uint64(i + 1),
		Source:  "shop",
	}
	p := append(b.props[:0],
		event.Property{Name: "amount", Value: event.Num(event.Scaled(100+int64(b.skewed(50000)), 2))},
		event.Property{Name: "category", Value: b.categories[b.skewed(len(b.categories))]},
		event.Property{Name: "channel", Value: b.channels[b.IntN(len(b.channels))]})
	if b.IntN(20) == 0 {
		c := b.IntN(len(b.campaigns))
		p = append(p, event.Property{Name: "context.campaign.name", Value: b.campaigns[c]},
			event.Property{Name: "context.campaign.term", Value: b.campaigns[b.IntN(len(b.campaigns))]})
	}
	if name == 2 {
		b.order++
		p = append(p, event.Property{Name: "order_id", Value: event.Text(fmt.Sprintf("O2026%09d", b.order))})
	}
	p = append(p, event.Property{Name: "quantity", Value: event.Num(event.Int(int64(1 + b.skewed(9))))},
		event.Property{Name: "sku", Value: b.skus[b.skewed(len(b.skus))]})
	b.props = p
	e.Props = p
}

func (b *benchShop) load(tb testing.TB, s *Store, id string, offset uint64) {
	ctx := context.Background()
	l, err := s.StartLoad(id)
	if err != nil {
		tb.Fatal(err)
	}
	var e event.Event
	for i := range benchEvents {
		b.event(&e, i, benchEvents)
		if err := l.Event(&e); err != nil {
			tb.Fatal(err)
		}
	}
	if err := l.Finish(ctx); err != nil {
		tb.Fatal(err)
	}
	if err := s.Ingest(ctx, id, offset); err != nil {
		tb.Fatal(err)
	}
}

func benchLoaded(b *testing.B) *Store {
	s := mustOpen(b, b.TempDir())
	b.Cleanup(func() { s.Close() })
	newBenchShop().load(b, s, "a", 1)
	runtime.GC()
	b.ResetTimer()
	return s
}

func BenchmarkGenerate(b *testing.B) {
	for range b.N {
		shop := newBenchShop()
		var e event.Event
		for i := range benchEvents {
			shop.event(&e, i, benchEvents)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEvents, "ns/event")
}

func BenchmarkLoad(b *testing.B) {
	for range b.N {
		s := mustOpen(b, b.TempDir())
		newBenchShop().load(b, s, "a", 1)
		b.StopTimer()
		if err := s.Compact(context.Background()); err != nil {
			b.Fatal(err)
		}
		size, err := s.Size()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size)/benchEvents, "bytes/event")
		s.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEvents, "ns/event")
}

func BenchmarkAppend(b *testing.B) {
	const size, events = 1000, benchEvents / 4
	ctx := context.Background()
	for range b.N {
		s := mustOpen(b, b.TempDir())
		shop := newBenchShop()
		batch := &warehouse.Batch{Events: make([]event.Event, size)}
		props := make([][]event.Property, size)
		var spent time.Duration
		for i := 0; i < events; i += size {
			for j := range batch.Events {
				shop.props = props[j]
				shop.event(&batch.Events[j], i+j, events)
				props[j] = shop.props
			}
			batch.Offset++
			start := time.Now()
			if err := s.Append(ctx, batch); err != nil {
				b.Fatal(err)
			}
			spent += time.Since(start)
		}
		start := time.Now()
		if err := s.db.Flush(); err != nil {
			b.Fatal(err)
		}
		spent += time.Since(start)
		b.ReportMetric(float64(spent.Nanoseconds())/events, "ns/event")
		benchScan(b, s, "settled-", events)
		if err := s.Compact(ctx); err != nil {
			b.Fatal(err)
		}
		benchScan(b, s, "compacted-", events)
		s.Close()
	}
}

func allColumns(s *Store) (req warehouse.Request) {
	snap, _ := s.Snapshot()
	defer snap.Close()
	for _, info := range snap.Series() {
		one := warehouse.SeriesRequest{Kind: info.Kind, Name: info.Name, Columns: []string{warehouse.SourceColumn}, Arrivals: true}
		for _, p := range info.Properties {
			one.Columns = append(one.Columns, p.Name)
		}
		req.Series = append(req.Series, one)
	}
	return req
}

func scanAll(tb testing.TB, s *Store, req warehouse.Request) (rows int) {
	snap, err := s.Snapshot()
	if err != nil {
		tb.Fatal(err)
	}
	defer snap.Close()
	r, err := snap.Reader(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	var block warehouse.Block
	for n := range (snap.Profiles() + 255) / 256 {
		if err := r.Blocks(n, 1, &block); err != nil {
			tb.Fatal(err)
		}
		for i := range block.Tables {
			rows += block.Tables[i].Rows()
		}
	}
	return rows
}

func benchScan(b *testing.B, s *Store, what string, events int) {
	req := allColumns(s)
	scanAll(b, s, req)
	start := time.Now()
	rows := scanAll(b, s, req)
	if rows != events {
		b.Fatalf("%d rows, want %d", rows, events)
	}
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(rows), what+"scan-ns/event")
}

func BenchmarkScanAll(b *testing.B) {
	s := benchLoaded(b)
	req := allColumns(s)
	b.ReportAllocs()
	for b.Loop() {
		scanAll(b, s, req)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchEvents, "ns/event")
}

func BenchmarkScanOne(b *testing.B) {
	for _, name := range []string{"event_00", "event_10"} {
		b.Run(name, func(b *testing.B) {
			s := benchLoaded(b)
			req := warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: warehouse.Events, Name: name, Columns: []string{"amount"}}}}
			rows := 0
			for b.Loop() {
				rows = scanAll(b, s, req)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/event")
		})
	}
}

func BenchmarkProfile(b *testing.B) {
	s := benchLoaded(b)
	snap, err := s.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	r, err := snap.Reader(allColumns(s))
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	var block warehouse.Block
	rnd := rand.New(rand.NewPCG(2, 2))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Profile(event.ProfileID(rnd.IntN(benchCustomers)), &block); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSnapshotAppend(b *testing.B) {
	s := benchLoaded(b)
	ctx := context.Background()
	req := allColumns(s)
	var block warehouse.Block
	i := uint64(0)
	for b.Loop() {
		i++
		batch := &warehouse.Batch{Offset: 1 + i, Events: []event.Event{{Profile: event.ProfileID(i % benchCustomers), Name: "event_00", Time: 1_800_000_000_000, Arrival: 1 << 30}}}
		if err := s.Append(ctx, batch); err != nil {
			b.Fatal(err)
		}
		snap, err := s.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		r, err := snap.Reader(req)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Profile(event.ProfileID(i%benchCustomers), &block); err != nil {
			b.Fatal(err)
		}
		r.Close()
		snap.Close()
	}
}

func BenchmarkOpenEmpty(b *testing.B) {
	dir := b.TempDir()
	mustOpen(b, dir).Close()
	for b.Loop() {
		mustOpen(b, dir).Close()
	}
}
