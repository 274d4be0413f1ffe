package warehouse

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tagma/event"
)

// TestResidentNumbers packs numbers of all sizes and finds them again.
func TestResidentNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, list := range [][]int64{
		{0}, {-5, -5, -5}, {math.MinInt64, math.MaxInt64, 0, -1, 1}, {math.MinInt64, 1_750_000_000_000}, {1000, 3000, 250_000}, {-7, 0, 7, 14},
	} {
		sameNumbers(t, list)
	}
	for range 300 {
		list, width := make([]int64, 1+r.IntN(200)), r.IntN(64)
		for i := range list {
			list[i] = int64(r.Uint64()>>width) * int64([]int{1, 1, 1000}[r.IntN(3)])
		}
		sameNumbers(t, list)
	}
}

func sameNumbers(t *testing.T, list []int64) {
	t.Helper()
	slices.Sort(list)
	k := &packer{data: []byte("before")}
	b := &residentBlock{times: packNumbers(k, list, nil, true)}
	b.data = append(k.data, make([]byte, 8)...)
	got := make([]int64, len(list))
	unpack(&b.times, b.data, got, 0)
	if !slices.Equal(got, list) {
		t.Fatalf("%v became %v", list, got)
	}
	for i, want := range list {
		if got := b.times.get(b.data, i); got != want {
			t.Fatalf("number %d of %v is %d", i, list, got)
		}
		for _, at := range []int64{want - 1, want, want + 1} {
			first, _ := slices.BinarySearch(list, at)
			if got := b.since(0, len(list), event.Time(at)); got != first {
				t.Fatalf("the first of %v from %d on is at %d, want %d", list, at, got, first)
			}
		}
		past := i
		for past < len(list) && list[past] <= want {
			past++
		}
		if got := b.after(0, len(list), event.Time(want)); got != past {
			t.Fatalf("the first of %v after %d is at %d, want %d", list, want, got, past)
		}
	}
}

// made is a history of made-up sales: of each block so many rows, and one customer in it has as many as all others.
type made struct {
	Snapshot
	rows int
	read int
}

func (m *made) Offset() uint64                 { return 1 << 40 }
func (m *made) Dict(string) event.Dict         { return noTexts{} }
func (m *made) Reader(Request) (Reader, error) { return madeReader{made: m}, nil }
func (m *made) sale(p event.ProfileID, at event.Time, n uint64) event.Event {
	return event.Event{Name: "sale", Profile: p, Time: at, Arrival: n, Props: []event.Property{
		{Name: "amount", Value: event.Num(event.Scaled(int64(n%5000), 2))}, {Name: "quantity", Value: event.Num(event.Int(int64(n%4) + 1))}}}
}

// madeReader reads made-up sales.
type madeReader struct {
	Reader
	made *made
}

func (madeReader) Close() {}

func (r madeReader) Blocks(first uint32, most int, into *Block) error {
	return r.made.blocks(first, into)
}

func (m *made) blocks(first uint32, into *Block) error {
	m.read++
	r := rand.New(rand.NewPCG(uint64(first), 7))
	into.First, into.N = event.ProfileID(first)*BlockSize, BlockSize
	t := Table{Start: make([]int32, 1, BlockSize+1), Columns: make([][]event.Column, 4)}
	amount, quantity := event.Column{Kind: event.NumberKind, Scale: 2}, event.Column{Kind: event.NumberKind}
	sku, term := event.Column{Kind: event.TextKind, Dict: noTexts{}}, event.Column{Kind: event.TextKind, Dict: noTexts{}}
	term.Has = event.NewBits(m.rows)
	for p := range BlockSize {
		n := m.rows / 2 / BlockSize
		if p == 0 {
			n = m.rows - (BlockSize-1)*n
		}
		at := int64(1_700_000_000_000)
		for range n {
			at += r.Int64N(60 * 365 * 86_400_000 / int64(n+1) / 30)
			if i := len(t.Times); i%20 == 0 {
				term.Has.Set(i)
			}
			t.Times, t.Arrivals = append(t.Times, event.Time(at)), append(t.Arrivals, r.Uint64N(20_000_000))
			amount.Ints, quantity.Ints = append(amount.Ints, r.Int64N(50_000)), append(quantity.Ints, 1+r.Int64N(5))
			sku.Codes, term.Codes = append(sku.Codes, r.Uint32N(10_000)), append(term.Codes, r.Uint32N(50))
		}
		t.Start = append(t.Start, int32(len(t.Times)))
	}
	t.Owner = make([]uint16, len(t.Times))
	for k, c := range []event.Column{amount, quantity, sku, term} {
		c.Len = len(t.Times)
		t.Columns[k] = []event.Column{c}
	}
	into.Tables = []Table{t}
	return nil
}

type noTexts struct{}

func (noTexts) Text(uint32) string         { return "" }
func (noTexts) Code(string) (uint32, bool) { return 0, false }

var sales = Request{Series: []SeriesRequest{{Kind: Events, Name: "sale", Columns: []string{"amount", "quantity", "sku", "term"}, Arrivals: true}}}

// TestResidentMemory follows what is said of the memory, through reading, appending, packing again and letting go.
func TestResidentMemory(t *testing.T) {
	m := &made{rows: 1024}
	r := NewResident(sales, 300_000)
	r.Use(m)
	g, err := r.Gatherer(sales)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string) {
		t.Helper()
		want, rows := int64(8*cap(r.blocks[0])), 0
		for _, b := range r.blocks[0] {
			if b == nil {
				continue
			}
			size := blockBytes + int64(cap(b.data)) + partBytes*int64(cap(b.parts))
			if b.tail != nil {
				size += b.tail.bytes()
			}
			if b.size != size {
				t.Fatalf("%s: a block says it has %d bytes, it has %d", what, b.size, size)
			}
			want += size
			rows += int(b.rows) + b.tail.len()
		}
		if r.Bytes() != want {
			t.Fatalf("%s: %d bytes, want %d", what, r.Bytes(), want)
		}
		if rows > 0 && want > int64(rows)*24 {
			t.Fatalf("%s: %d rows take %d bytes", what, rows, want)
		}
	}
	var b Block
	want := []Rows{{From: event.Always}}
	for n := range 40 {
		if err := g.Gather([]event.ProfileID{event.ProfileID(n * BlockSize)}, want, &b); err != nil {
			t.Fatal(err)
		}
		check("read")
	}
	if r.Bytes() > 300_000 || r.Bytes() < 200_000 || m.read != 40 {
		t.Fatalf("%d bytes after reading %d blocks", r.Bytes(), m.read)
	}
	longest := 0
	for n := range 2000 {
		p := event.ProfileID(39*BlockSize + n%9)
		r.Append(&Batch{Events: []event.Event{m.sale(p, event.Time(1_800_000_000_000-n), 1<<40+uint64(n))}})
		longest = max(longest, r.blocks[0][39].tail.len())
	}
	check("appended")
	if longest > 400 || r.blocks[0][39].rows < 2500 {
		t.Fatalf("up to %d rows wait to be packed, %d are", longest, r.blocks[0][39].rows)
	}
	if err := g.Gather([]event.ProfileID{39*BlockSize + 1}, want, &b); err != nil || !slices.IsSorted(b.Tables[0].Times) || len(b.Tables[0].Times) < 223 {
		t.Fatalf("rows of %v, %v", b.Tables[0].Times, err)
	}
	r.Forget()
	check("forgotten")
}

func BenchmarkResident(b *testing.B) {
	m := &made{rows: 512}
	r := NewResident(sales, 1<<40)
	r.Use(m)
	g, err := r.Gatherer(sales)
	if err != nil {
		b.Fatal(err)
	}
	const blocks = 1000
	var block Block
	gather := func(b *testing.B, from event.Time, who ...event.ProfileID) {
		if err := g.Gather(who, []Rows{{From: from}}, &block); err != nil {
			b.Fatal(err)
		}
	}
	var few []event.ProfileID
	for n := range blocks {
		few = append(few, event.ProfileID(n*BlockSize+1+n%200))
	}
	gather(b, event.Always, few...)
	bytes := float64(r.Bytes()) / (blocks * 512)
	for _, one := range []struct {
		name string
		from event.Time
		who  []event.ProfileID
	}{
		{"few", event.Always, few}, {"later", 1_702_000_000_000, few}, {"hot", event.Always, []event.ProfileID{5 * BlockSize, 6 * BlockSize, 7 * BlockSize}},
	} {
		b.Run(one.name, func(b *testing.B) {
			rows := 0
			for b.Loop() {
				gather(b, one.from, one.who...)
				rows += block.Tables[0].Rows()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(one.who)), "ns/customer")
			b.ReportMetric(bytes, "bytes/row")
		})
	}
	b.Run("append", func(b *testing.B) { // and see what there is of the customer
		n := uint64(1 << 40)
		batch := Batch{Events: make([]event.Event, 1)}
		for b.Loop() {
			n++
			p := event.ProfileID(n * 7919 % (100 * BlockSize))
			batch.Events[0] = m.sale(p, event.Time(1_760_000_000_000+n), n)
			r.Append(&batch)
			gather(b, event.Always, p)
		}
	})
	b.Run("only", func(b *testing.B) {
		var lists [][]*event.Event
		for i, p := range few {
			e := m.sale(p, event.Time(i), uint64(i))
			lists = append(lists, []*event.Event{&e})
		}
		b.ReportAllocs()
		for b.Loop() {
			g.Only(few, lists, &block)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(few)), "ns/event")
	})
}
