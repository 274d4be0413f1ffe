package tagindex

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
)

// The synthetic index: 1,000 tags of one value each, densities from 0.01 % to 60 %, log-uniform, members uniform,
// which is the worst case for their size. It is made once for each size.
const benchTags = 1000

var benchSizes = []struct {
	name      string
	customers uint32
}{{"1M", 1_000_000}, {"10M", 10_000_000}}

var benchIndexes sync.Map

func density(tag int) float64 {
	return 0.0001 * math.Pow(6000, float64(tag*617%benchTags)/(benchTags-1))
}

func shapesOf(tags int) []Shape {
	shapes := make([]Shape, tags)
	for i := range shapes {
		shapes[i] = Shape{Kind: event.BoolKind, Values: []event.Value{event.Bool(true)}}
	}
	return shapes
}

func slotsOf(n int) []uint32 {
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = uint32(i)
	}
	return ids
}

func benchIndex(b *testing.B, customers uint32) *Index {
	if x, ok := benchIndexes.Load(customers); ok {
		return x.(*Index)
	}
	benchIndexes.Clear()
	runtime.GC()
	builder := NewBuilder(shapesOf(benchTags))
	var wg sync.WaitGroup
	for worker := range uint32(2) {
		w := builder.Writer()
		wg.Go(func() {
			defer w.Close()
			random := rand.New(rand.NewPCG(uint64(worker), 7))
			block := make([]uint64, chunkWords)
			for first := worker << 16; first < customers; first += 2 << 16 {
				n := min(chunkSize, customers-first)
				for tag := range benchTags {
					clear(block)
					// Gaps of a geometric distribution give uniform members.
					l := math.Log1p(-density(tag))
					for at := 0.0; ; at++ {
						at += math.Floor(math.Log(random.Float64()) / l)
						if at >= float64(n) {
							break
						}
						block[int(at)>>6] |= 1 << (int(at) & 63)
					}
					w.SetWords(tag, 0, first, block)
				}
			}
		})
	}
	wg.Wait()
	v, err := NewView(1, slotsOf(benchTags), builder.Finish(), 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	x := New()
	x.replace(v)
	benchIndexes.Store(customers, x)
	return x
}

func bySize(b *testing.B, run func(b *testing.B, x *Index, customers uint32)) {
	for _, s := range benchSizes {
		b.Run(s.name, func(b *testing.B) {
			if testing.Short() && s.customers > 1_000_000 {
				b.Skip("short")
			}
			run(b, benchIndex(b, s.customers), s.customers)
		})
	}
}

// randomExpr is an expression of 2 to 8 tags, as people make segments.
func randomExpr(v *View, random *rand.Rand) *Expr {
	var build func(n int) *Expr
	build = func(n int) *Expr {
		if n == 1 {
			e := In(v.Set(uint32(random.IntN(benchTags)), event.Bool(true)))
			if random.IntN(4) == 0 {
				return Not(e)
			}
			return e
		}
		k := 1 + random.IntN(n-1)
		if random.IntN(2) == 0 {
			return And(build(k), build(n-k))
		}
		return Or(build(k), build(n-k))
	}
	return build(2 + random.IntN(7))
}

func BenchmarkSegmentCount(b *testing.B) {
	bySize(b, func(b *testing.B, x *Index, customers uint32) {
		v, universe, random := x.View(), Range(0, customers), rand.New(rand.NewPCG(3, 4))
		list := make([]*Expr, 200)
		for i := range list {
			list[i] = randomExpr(v, random)
		}
		times := make([]time.Duration, 0, 1<<16)
		best := make([]time.Duration, len(list)) // of each, for what a busy machine does not change
		for i := 0; b.Loop(); i++ {
			start := time.Now()
			list[i%len(list)].Count(universe)
			d := time.Since(start)
			times = append(times, d)
			if at := &best[i%len(list)]; *at == 0 || d < *at {
				*at = d
			}
		}
		slices.Sort(times)
		slices.Sort(best)
		b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
		b.ReportMetric(float64(best[len(best)/2].Microseconds()), "best-p50-µs")
		b.ReportMetric(float64(best[len(best)*99/100].Microseconds()), "best-p99-µs")
	})
}

func BenchmarkSegmentFirst50(b *testing.B) {
	bySize(b, func(b *testing.B, x *Index, customers uint32) {
		v, universe, random := x.View(), Range(0, customers), rand.New(rand.NewPCG(3, 4))
		list := make([]*Expr, 200)
		for i := range list {
			list[i] = randomExpr(v, random)
		}
		for i := 0; b.Loop(); i++ {
			list[i%len(list)].First(universe, 0, 50)
		}
	})
}

func BenchmarkSnapshot(b *testing.B) {
	bySize(b, func(b *testing.B, x *Index, customers uint32) {
		path := filepath.Join(b.TempDir(), "index")
		m := x.View().Memory()
		b.Run("save", func(b *testing.B) {
			b.SetBytes(int64(m.Columns))
			for b.Loop() {
				if err := Save(path, x.View(), Meta{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(8*float64(m.Columns)/float64(m.Assignments), "bits/assignment")
		})
		b.Run("load", func(b *testing.B) {
			b.SetBytes(int64(m.Columns))
			for b.Loop() {
				if _, reason, err := Load(path); err != nil || reason != "" {
					b.Fatal(reason, err)
				}
			}
		})
	})
}

func BenchmarkCustomer(b *testing.B) {
	bySize(b, func(b *testing.B, x *Index, customers uint32) {
		random := rand.New(rand.NewPCG(1, 1))
		lookup := func(b *testing.B) {
			v := x.View()
			var held []Held
			n := 0
			for b.Loop() {
				held = v.Customer(random.Uint32N(customers), held[:0])
				n += len(held)
			}
			b.ReportMetric(float64(n)/float64(b.N), "values")
		}
		if x.View().rows == nil {
			b.Run("probe", lookup)
		}
		start := time.Now()
		if err := x.BuildRows(b.Context()); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		b.Run("rows", func(b *testing.B) {
			lookup(b)
			b.ReportMetric(took.Seconds(), "build-s")
			m := x.View().Memory()
			b.ReportMetric(8*float64(m.Rows)/float64(customers)/float64(m.Values), "row-bits/pair")
		})
	})
}

// Live changes, each of one customer and another tag: groups of them, with and without rows.
func BenchmarkApplyLive(b *testing.B) {
	bySize(b, func(b *testing.B, x *Index, customers uint32) {
		random := rand.New(rand.NewPCG(1, 1))
		// Passes over the pool take turns in letting everybody enter and leave, so that all changes are real.
		enter, leave := make([]Change, 1<<15), make([]Change, 1<<15)
		for i := range enter {
			who := roaring.BitmapOf(random.Uint32N(customers))
			enter[i] = Change{Slot: random.Uint32N(benchTags), Live: true, Sets: []SetChange{{Value: event.Bool(true), Entered: who}}}
			leave[i] = Change{Slot: enter[i].Slot, Live: true, Sets: []SetChange{{Value: event.Bool(true), Left: who}}}
		}
		pool, other := enter, leave
		run := func(name string, group int) {
			b.Run(fmt.Sprint(name, group), func(b *testing.B) {
				b.ReportAllocs()
				at := 0
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for b.Loop() {
					if at+group > len(pool) {
						at = 0
						pool, other = other, pool
					}
					if err := x.Apply(pool[at:at+group], x.Position()+1); err != nil {
						b.Fatal(err)
					}
					at += group
				}
				runtime.ReadMemStats(&after)
				n := float64(b.N * group)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/change")
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/change")
			})
		}
		for _, group := range []int{1, 100, 500} {
			run("sets", group)
		}
		if err := x.BuildRows(b.Context()); err != nil {
			b.Fatal(err)
		}
		for _, group := range []int{1, 100, 500} {
			run("rows", group)
		}
	})
}

// A whole run's result: 1,200 values over a million customers from two goroutines.
func BenchmarkBuilder(b *testing.B) {
	const customers, values = 1_000_000, 1200
	random := rand.New(rand.NewPCG(5, 6))
	pool := make([]uint64, 4096)
	for i := range pool {
		pool[i] = random.Uint64() & random.Uint64() & random.Uint64()
	}
	for b.Loop() {
		builder := NewBuilder(shapesOf(values))
		var wg sync.WaitGroup
		for worker := range uint32(2) {
			w := builder.Writer()
			wg.Go(func() {
				defer w.Close()
				for chunk := worker << 16; chunk < customers; chunk += 2 << 16 {
					for first := chunk; first < min(chunk+chunkSize, customers&^255); first += 256 {
						for v := range values {
							at := (int(first>>6) + 4*v*37) & 4095 &^ 3
							if v%5 != 0 || at < 100 {
								w.SetWords(v, 0, first, pool[at:at+4])
							}
						}
					}
				}
			})
		}
		wg.Wait()
		builder.Finish()
	}
}

func BenchmarkDiff(b *testing.B) {
	x := benchIndex(b, 1_000_000)
	v := x.View()
	b.Run("equal", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "index")
		if err := Save(path, v, Meta{}); err != nil {
			b.Fatal(err)
		}
		other, _, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			for id := range uint32(benchTags) {
				if Diff(v.Content(id), other.Content(id)) != nil {
					b.Fatal("differs")
				}
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		n := 0
		for b.Loop() {
			var list []Change
			for id := range uint32(benchTags) {
				ch := Diff(&Content{}, v.Content(id))
				ch.Slot = id
				list = append(list, *ch)
			}
			data, err := Encode(list)
			if err != nil {
				b.Fatal(err)
			}
			n = len(data)
			if list, err = Decode(data); err != nil {
				b.Fatal(err)
			}
			if err := New().Apply(list, 1); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)/1e6, "log-MB")
	})
}

// Rules read blocks of 256 customers: a tag of five texts, one of 500, and numbers.
func BenchmarkColumn(b *testing.B) {
	const customers = 1_000_000
	builder := NewBuilder([]Shape{{Kind: event.TextKind}, {Kind: event.TextKind}, {Kind: event.NumberKind}})
	w := builder.Writer()
	for first := uint32(0); first < customers; first += 256 {
		var few, more, nums []event.Value
		for i := range uint32(256) {
			few = append(few, event.Text(fmt.Sprint((first+i)*2654435761>>20%5)))
			more = append(more, event.Text(fmt.Sprint((first+i)*2654435761>>20%500)))
			nums = append(nums, event.Num(event.Scaled(int64((first+i)*2654435761>>16), 2)))
		}
		for shape, list := range [][]event.Value{few, more, nums} {
			col := ColumnOf(list...)
			if err := w.SetColumn(shape, first, &col); err != nil {
				b.Fatal(err)
			}
		}
	}
	w.Close()
	v, err := NewView(0, slotsOf(3), builder.Finish(), 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	for id, name := range []string{"5texts", "500texts", "numbers"} {
		b.Run(name, func(b *testing.B) {
			r := v.Reader()
			var col event.Column
			first := uint32(0)
			for b.Loop() {
				r.Column(uint32(id), first, 256, &col)
				if first += 256; first >= customers {
					first = 0
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/customer")
		})
	}
}
