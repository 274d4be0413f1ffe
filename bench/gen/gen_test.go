package gen

import (
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"

	"tagma/event"
)

func world(t testing.TB, size Size, seed uint64) *World {
	t.Helper()
	w, err := New(size, seed)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// fingerprint is a fingerprint of all that a world gives, in an order.
func fingerprint(t *testing.T, w *World, order Order) uint64 {
	t.Helper()
	h := fnv.New64a()
	var b []byte
	if err := w.EachCustomer(func(c *Customer) error {
		b = event.AppendUvarint(b[:0], uint64(c.Number))
		for _, id := range c.Identifiers {
			b = event.AppendText(event.AppendText(b, id.Kind), id.Value)
		}
		for _, tr := range c.Traits {
			b = tr.Value.AppendBinary(event.AppendVarint(event.AppendText(b, tr.Name), int64(tr.Time)))
		}
		h.Write(b)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.EachEvent(order, func(e *event.Event) error {
		h.Write(appendEvent(b[:0], e))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return h.Sum64()
}

func appendEvent(b []byte, e *event.Event) []byte {
	b = event.AppendVarint(event.AppendText(event.AppendUvarint(b, uint64(e.Profile)), e.Name), int64(e.Time))
	b = event.AppendUvarint(b, e.Arrival)
	for _, p := range e.Props {
		b = p.Value.AppendBinary(event.AppendText(b, p.Name))
	}
	return b
}

func TestSameSeedSameWorld(t *testing.T) {
	size := Size{3000, 60_000}
	a := fingerprint(t, world(t, size, 1), ByTime)
	if b := fingerprint(t, world(t, size, 1), ByTime); a != b {
		t.Errorf("two worlds of one seed differ: %x, %x", a, b)
	}
	if b := fingerprint(t, world(t, size, 2), ByTime); a == b {
		t.Error("two seeds give one world")
	}
	// A change of the generator makes every measured figure incomparable: it should be meant.
	if want := uint64(0xe2e9ed899196a12e); a != want {
		t.Errorf("the world of seed 1 has become another: %#x, was %#x", a, want)
	}
}

func TestBlockOrderGivesTheSameEvents(t *testing.T) {
	w := world(t, Size{1500, 40_000}, 7)
	sum := func(order Order) (s uint64) {
		if err := w.EachEvent(order, func(e *event.Event) error {
			h := fnv.New64a()
			h.Write(appendEvent(nil, e))
			s += h.Sum64()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return
	}
	if a, b := sum(ByTime), sum(ByBlock); a != b {
		t.Errorf("the orders hold different events: %x, %x", a, b)
	}
	block, last := event.ProfileID(0), event.Time(0)
	if err := w.EachEvent(ByBlock, func(e *event.Event) error {
		if b := e.Profile / blockSize; b < block || b == block && e.Time < last {
			t.Fatalf("event %d of block %d at %v comes after block %d, %v", e.Arrival, b, e.Time, block, last)
		} else {
			block, last = b, e.Time
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.EachEvent("size", func(*event.Event) error { return nil }); err == nil {
		t.Error("an unknown order is taken")
	}
}

func TestEvents(t *testing.T) {
	w := world(t, Size{20_000, 400_000}, 1)
	types := map[string]Type{}
	for _, ty := range Types() {
		types[ty.Name] = ty
	}
	var (
		perCustomer = make([]int, w.Customers)
		perType     = map[string]int{}
		perValue    = map[string]map[string]int{}
		sparse      = map[string]int{}
		orders      = map[string]event.ProfileID{}
		last        event.Event
		ties, lines int
		start       = w.Now() + 1 - Days*day
	)
	if err := w.EachEvent(ByTime, func(e *event.Event) error {
		ty, ok := types[e.Name]
		if !ok {
			t.Fatalf("event of an unknown type %q", e.Name)
		}
		if e.Time < last.Time || e.Time < start || e.Time > w.Now() {
			t.Fatalf("event %d at %v, after %v", e.Arrival, e.Time, last.Time)
		}
		if e.Time == last.Time && e.Profile == last.Profile {
			ties++
		}
		last = *e
		if first, end := w.life(w.rankOf(e.Profile)); w.day(int(e.Arrival)) < first || w.day(int(e.Arrival)) > end {
			t.Fatalf("customer %d is active on day %d, outside %d…%d", e.Profile, w.day(int(e.Arrival)), first, end)
		}
		perCustomer[e.Profile]++
		perType[e.Name]++
		var sure []string
		for i, p := range e.Props {
			if i > 0 && e.Props[i-1].Name >= p.Name {
				t.Fatalf("%s: %s comes before %s", e.Name, e.Props[i-1].Name, p.Name)
			}
			if want := map[bool]event.Kind{true: event.NumberKind, false: event.TextKind}[Numeric(p.Name)]; p.Value.Kind() != want {
				t.Fatalf("%s is a %v, want a %v", p.Name, p.Value.Kind(), want)
			}
			if slices.Contains(ty.Sparse, p.Name) {
				sparse[p.Name]++
			} else {
				sure = append(sure, p.Name)
			}
			if perValue[p.Name] == nil {
				perValue[p.Name] = map[string]int{}
			}
			perValue[p.Name][p.Value.String()]++
			if p.Name == "order_id" {
				if c, again := orders[p.Value.Text()]; !again {
					orders[p.Value.Text()] = e.Profile
				} else if lines++; c != e.Profile {
					t.Fatalf("order %s belongs to customers %d and %d", p.Value, c, e.Profile)
				}
			}
		}
		if !slices.Equal(sure, ty.Properties) {
			t.Fatalf("%s has %v, want %v", e.Name, sure, ty.Properties)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	h := 0.0
	for i := range Types() {
		h += 1 / float64(i+1)
	}
	for i, ty := range Types() {
		got, want := float64(perType[ty.Name])/float64(w.Events), 1/float64(i+1)/h
		if math.Abs(got/want-1) > 0.05 {
			t.Errorf("%s has the share %.4f, want %.4f", ty.Name, got, want)
		}
	}
	for name, want := range map[string][2]int{"category": {200, 200}, "brand": {1900, 2000}, "sku": {18_000, 20_000}, "page": {500, 500},
		"channel": {8, 8}, "coupon": {60, 60}, "context.campaign.term": {120, 120}, "context.campaign.source": {10, 10}, "referrer": {40, 40}} {
		if got := len(perValue[name]); got < want[0] || got > want[1] {
			t.Errorf("%s has %d values, want %v", name, got, want)
		}
	}
	for name, n := range sparse {
		if share := float64(n) / float64(w.Events); share < 0.005 || share > 0.10 {
			t.Errorf("%s is on the share %.4f of all events", name, share)
		}
	}
	if len(sparse) != 4 {
		t.Errorf("sparse properties: %v", sparse)
	}
	if ties == 0 || lines == 0 {
		t.Errorf("%d events share customer and instant, %d orders' further lines: want some of each", ties, lines)
	}
	slices.Sort(perCustomer)
	// rank 0 of n has n^-0.4 of what is not spread evenly; here n = 20,000, so 1.9 %
	if top := float64(perCustomer[w.Customers-1]) / float64(w.Events); top < 0.017 || top > 0.021 {
		t.Errorf("the busiest customer has the share %.4f", top)
	}
	if median := perCustomer[w.Customers/2]; median < 8 || median > 18 {
		t.Errorf("the median customer has %d events", median)
	}
}

func TestCustomers(t *testing.T) {
	w := world(t, Size{20_000, 100}, 1)
	count, seen, newcomers := map[string]int{}, map[string]bool{}, 0
	if err := w.EachCustomer(func(c *Customer) error {
		for _, id := range c.Identifiers {
			if id.Profile != c.Number || seen[id.Kind+id.Value] {
				t.Fatalf("customer %d: identifier %+v", c.Number, id)
			}
			seen[id.Kind+id.Value] = true
			count[id.Kind]++
		}
		for i, tr := range c.Traits {
			if i > 0 && (tr.Time < c.Traits[i-1].Time || tr.Time > w.Now()) {
				t.Fatalf("customer %d: trait %s at %v", c.Number, tr.Name, tr.Time)
			}
			if kind, known := Traits()[tr.Name]; !known || tr.Value.Kind() != kind {
				t.Fatalf("trait %s is %v", tr.Name, tr.Value)
			}
			if i == len(c.Traits)-1 && tr.Time > c.Traits[0].Time {
				count["grown"]++
				continue
			}
			count[tr.Name]++
		}
		if c.Traits[0].Time > w.Now()-(Days-1)*day {
			newcomers++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"user_id": 1, "phone": .7, "age": .85, "balance": .6, "birthday": .8, "city": .92, "gender": .9,
		"interests": .7, "is_member": .97, "level": .95, "points": .75, "province": .9, "registered_at": 1, "score": .95, "grown": .12} {
		if got := float64(count[name]) / float64(w.Customers); math.Abs(got-want) > 0.01 {
			t.Errorf("%s: share %.3f, want %.3f", name, got, want)
		}
	}
	if share := float64(newcomers) / float64(w.Customers); math.Abs(share-.15) > .01 {
		t.Errorf("newcomers: %.3f", share)
	}
}

func TestRankAndCustomerAreInverse(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 999, 1000, 65536} {
		w := world(t, Size{n, 10}, 3)
		seen := make([]bool, n)
		for r := range n {
			c := w.customerOf(uint64(r))
			if seen[c] || w.rankOf(c) != uint64(r) {
				t.Fatalf("of %d: rank %d is customer %d, which is rank %d", n, r, c, w.rankOf(c))
			}
			seen[c] = true
		}
	}
}

func TestVocabularyHasNoDoubles(t *testing.T) {
	for name, list := range map[string][]string{"categories": Categories(), "brands": Brands(), "pages": Pages(), "terms": Terms(), "cities": Cities()} {
		sorted := slices.Sorted(slices.Values(list))
		if n := len(slices.Compact(sorted)); n != len(list) {
			t.Errorf("%s: %d of %d differ", name, n, len(list))
		}
	}
	if len(Types()) != 20 || len(Categories()) != 200 || len(Brands()) != 2000 || len(Pages()) != 500 || len(Channels()) != 8 {
		t.Error("the vocabulary has other sizes than it says")
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]Size{"100k": {100_000, 2_000_000}, "1M": {1_000_000, 20_000_000}, "10m": {10_000_000, 100_000_000}, "5/70": {5, 70}} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2g", "0/5", "5/-1", "200000000/1"} {
		if _, err := ParseSize(text); err == nil || !strings.Contains(err.Error(), "write 100k") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// An event must cost no allocation of its own and well under a microsecond, or the generator would be measured
// instead of the product.
func BenchmarkEvents(b *testing.B) {
	w := world(b, Size{1_000_000, 20_000_000}, 1)
	m := w.maker()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		m.make(i % w.Events)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func TestEventsCostNoAllocation(t *testing.T) {
	w := world(t, Size{10_000, 200_000}, 1)
	m, i := w.maker(), 0
	if n := testing.AllocsPerRun(10, func() {
		for range 10_000 {
			m.make(i)
			i++
		}
	}); n > 5 { // blocks of order numbers
		t.Errorf("%v allocations for 10,000 events", n)
	}
}
