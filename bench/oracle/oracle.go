// Package oracle decides the benchmark's rules slowly and plainly: customer by customer over the list of its
// events, from the structure of a rule and not from its text, with code of its own for days, windows, sums and
// ranks. It says what the product's answers must be.
package oracle

import (
	"runtime"
	"slices"
	"sync"

	"tagma/bench/gen"
	"tagma/bench/rules"
	"tagma/event"
)

// History is all that is known of all customers.
type History struct {
	customers []customer
	names     map[string]uint8
	texts     map[string]uint32 // 0 is no text
	byNumber  []string
}

type customer struct {
	events []happening
	traits []event.Trait
}

// happening is an event with what the rules speak of.
type happening struct {
	time    int64 // ms
	arrival uint64
	day     int32 // local days since 1970
	name    uint8
	texts   [len(textProperties)]uint32
	numbers [len(numberProperties)]int64 // in hundredths, or none
}

const none = -1 << 63

var (
	textProperties   = [...]string{"brand", "category", "channel", "context.campaign.source", "context.campaign.term", "coupon", "order_id", "page", "referrer", "sku"}
	numberProperties = [...]string{"amount", "duration", "points", "quantity", "stars"}
)

// New makes a history of so many customers without anything.
func New(customers int) *History {
	return &History{customers: make([]customer, customers), names: map[string]uint8{}, texts: map[string]uint32{"": 0}, byNumber: []string{""}}
}

// Customer adds what is known of a customer.
func (h *History) Customer(c *gen.Customer) {
	h.customers[c.Number].traits = append([]event.Trait(nil), c.Traits...)
}

// Event adds an event. Of several with one instant, those with a smaller Arrival came first.
func (h *History) Event(e *event.Event) {
	x := happening{time: int64(e.Time), arrival: e.Arrival, day: localDay(int64(e.Time)), name: h.name(e.Name)}
	for i := range x.numbers {
		x.numbers[i] = none
	}
	for _, p := range e.Props {
		if i := slices.Index(textProperties[:], p.Name); i >= 0 {
			x.texts[i] = h.text(p.Value.Text())
		} else if i := slices.Index(numberProperties[:], p.Name); i >= 0 {
			x.numbers[i], _ = p.Value.Number().Coefficient(2)
		}
	}
	c := &h.customers[e.Profile]
	c.events = append(c.events, x)
}

func (h *History) name(s string) uint8 {
	n, ok := h.names[s]
	if !ok {
		n = uint8(len(h.names))
		h.names[s] = n
	}
	return n
}

func (h *History) text(s string) uint32 {
	n, ok := h.texts[s]
	if !ok {
		n = uint32(len(h.byNumber))
		h.texts[s] = n
		h.byNumber = append(h.byNumber, s)
	}
	return n
}

// localDay counts local days: in Asia/Shanghai the offset has been eight hours since 1991.
func localDay(ms int64) int32 {
	ms += 8 * 3_600_000
	d := ms / 86_400_000
	if ms%86_400_000 < 0 {
		d--
	}
	return int32(d)
}

// Members are the customers for whom a rule holds.
type Members struct {
	Bits     event.Bits
	Count    int
	Checksum uint64
}

// Checksum is a sum over the ids of members in ascending order that changes with the order, too.
type Checksum uint64

// Add takes the next id in.
func (c *Checksum) Add(id uint32) {
	x := (uint64(*c) ^ uint64(id)) * 0x9e3779b97f4a7c15
	*c = Checksum(x ^ x>>29)
}

// run is one evaluation.
type run struct {
	*History
	now   int64
	today int32
	alive event.Bits // the universe
	tags  map[string]event.Bits
}

// Decide decides rules at an instant, in their order: a rule may refer to the tags of those before it, but the
// condition of a population may not.
func (h *History) Decide(rs []rules.Rule, now event.Time) []Members {
	r := &run{History: h, now: int64(now), today: localDay(int64(now)), tags: map[string]event.Bits{}}
	for i := range h.customers {
		slices.SortFunc(h.customers[i].events, func(a, b happening) int {
			if a.time != b.time {
				return sign(a.time - b.time)
			}
			return sign(int64(a.arrival) - int64(b.arrival))
		})
	}
	r.alive = event.NewBits(len(h.customers))
	for n, c := range h.customers {
		if len(c.events) > 0 && c.events[0].time <= r.now ||
			slices.ContainsFunc(c.traits, func(t event.Trait) bool { return int64(t.Time) <= r.now }) {
			r.alive.Set(n)
		}
	}
	out := make([]Members, len(rs))
	questions := make([]question, len(rs))
	for i, rule := range rs {
		questions[i] = r.condition(rule.Condition)
		out[i].Bits = event.NewBits(len(h.customers))
		r.tags[rule.Key] = out[i].Bits
	}
	// All rules for some customers, then for the next: their events stay in the cache.
	r.share(func(n int) {
		for i, holds := range questions {
			if r.alive.Get(n) && holds(&h.customers[n], n) {
				out[i].Bits.Set(n)
			}
		}
	})
	for i := range out {
		m := &out[i]
		var sum Checksum
		for n := range h.customers {
			if m.Bits.Get(n) {
				m.Count++
				sum.Add(uint32(n))
			}
		}
		m.Checksum = uint64(sum)
	}
	return out
}

func sign(n int64) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// share does something for every customer, on all cores; 64 neighbours are done by one of them.
func (r *run) share(do func(n int)) {
	var wait sync.WaitGroup
	part := (len(r.customers)/64/runtime.GOMAXPROCS(0) + 1) * 64
	for from := 0; from < len(r.customers); from += part {
		wait.Go(func() {
			for n := from; n < min(from+part, len(r.customers)); n++ {
				do(n)
			}
		})
	}
	wait.Wait()
}
