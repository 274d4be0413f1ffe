package demo

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"tagma/errs"
	"tagma/event"
)

var today = event.DateOf(2026, 9, 30)

func shanghai(t *testing.T) *event.Zone {
	t.Helper()
	z, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// generate makes a shop and gives each customer to see.
func generate(t *testing.T, o Options, see func(Record)) {
	t.Helper()
	if err := Generate(o, func(r Record) error { see(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

func prop(e event.Event, name string) event.Value {
	for _, p := range e.Props {
		if p.Name == name {
			return p.Value
		}
	}
	return event.Value{}
}

func hash(r Record) [32]byte {
	h := sha256.New()
	fmt.Fprintln(h, r.Identifiers)
	for _, tr := range r.Traits {
		fmt.Fprintln(h, tr.Name, tr.Time, tr.Value)
	}
	for _, e := range r.Events {
		fmt.Fprintln(h, e.Name, int64(e.Time), e.Source, e.Props)
	}
	return [32]byte(h.Sum(nil))
}

func TestTheSameOptionsMakeTheSameShop(t *testing.T) {
	z := shanghai(t)
	shop := func(customers int, seed uint64) (out [][32]byte) {
		generate(t, Options{Customers: customers, End: today, Zone: z, Seed: seed}, func(r Record) { out = append(out, hash(r)) })
		return
	}
	a := shop(200, 7)
	if !slices.Equal(a, shop(200, 7)) {
		t.Error("two runs with one seed differ")
	}
	if !slices.Equal(a[:50], shop(50, 7)) {
		t.Error("a smaller shop of the same seed has other customers")
	}
	if slices.Equal(a, shop(200, 8)) {
		t.Error("another seed makes the same shop")
	}
}

func TestBadOptionsAndErrorsOfEmit(t *testing.T) {
	err := Generate(Options{Customers: 0, Hour: 25}, func(Record) error { return nil })
	if !errs.Is(err, errs.Invalid) || len(errs.FaultsOf(err)) != 3 {
		t.Errorf("bad options: %v", err)
	}
	full, n := errors.New("full"), 0
	err = Generate(Options{Customers: 9, End: today, Zone: shanghai(t)}, func(Record) error {
		if n++; n == 3 {
			return full
		}
		return nil
	})
	if err != full || n != 3 {
		t.Errorf("emit's error: %v after %d", err, n)
	}
}

// TestRecordsHoldTogether checks what must be true of every customer, with a last day that ends at 15:00.
func TestRecordsHoldTogether(t *testing.T) {
	z := shanghai(t)
	cut := z.Instant(today, 15*3_600_000)
	first := z.Start(today.AddMonths(-12) + 1)
	ids, orders := map[Identifier]bool{}, map[string]bool{}
	n := 0
	generate(t, Options{Customers: 2500, End: today, Hour: 15, Zone: z, Seed: 1}, func(r Record) {
		n++
		if want := fmt.Sprintf("u%06d", n); r.Identifiers[0] != (Identifier{"user_id", want}) {
			t.Fatalf("customer %d is %v", n, r.Identifiers[0])
		}
		for _, id := range r.Identifiers {
			if ids[id] {
				t.Fatalf("%v belongs to two customers", id)
			}
			ids[id] = true
		}
		registered := 0
		var at event.Time
		paid, coupons := map[string]event.Event{}, map[string]int{}
		for i, e := range r.Events {
			if e.Time >= cut {
				t.Fatalf("customer %d: %s at %s is after the cut", n, e.Name, z.Format(e.Time))
			}
			if e.Time < first && e.Name != "registered" {
				t.Fatalf("customer %d: %s at %s is before the year", n, e.Name, z.Format(e.Time))
			}
			if e.Time < at || e.Source == "" {
				t.Fatalf("customer %d: event %d out of order, or without a source: %v", n, i, e)
			}
			at = e.Time
			for k, p := range e.Props {
				if !p.Value.Present() || k > 0 && p.Name <= e.Props[k-1].Name {
					t.Fatalf("customer %d: %s has properties out of order: %v", n, e.Name, e.Props)
				}
			}
			id := prop(e, "order_id").Text()
			switch e.Name {
			case "registered":
				registered++
				if !prop(r.Events[0], "context.campaign.source").Equal(prop(e, "context.campaign.source")) && prop(e, "context.campaign.source").Present() {
					t.Fatalf("customer %d: the first event %v has not the campaign of the registration", n, r.Events[0])
				}
			case "order_paid":
				if orders[id] || id == "" {
					t.Fatalf("order id %q comes twice", id)
				}
				orders[id] = true
				paid[id] = e
				if prop(e, "amount").Number().Sign() <= 0 || prop(e, "quantity").Number().Sign() <= 0 {
					t.Fatalf("order of nothing: %v", e)
				}
			case "refund", "review":
				order, ok := paid[id]
				if !ok || e.Time <= order.Time {
					t.Fatalf("customer %d: %s of %q does not follow its order", n, e.Name, id)
				}
				if e.Name == "refund" && prop(e, "amount").Number().Cmp(prop(order, "amount").Number()) > 0 {
					t.Fatalf("order %s: refund %v of %v", id, prop(e, "amount"), prop(order, "amount"))
				}
			case "coupon_received":
				coupons[prop(e, "coupon").Text()]++
			case "coupon_used":
				if coupons[prop(e, "coupon").Text()]--; coupons[prop(e, "coupon").Text()] < 0 {
					t.Fatalf("customer %d uses a coupon it never had: %v", n, e)
				}
			}
		}
		if registered != 1 {
			t.Fatalf("customer %d registered %d times", n, registered)
		}
		var since event.Time = event.Always
		for _, tr := range r.Traits {
			if tr.Time >= cut || tr.Time < since || !tr.Value.Present() {
				t.Fatalf("customer %d: trait %v out of order or after the cut", n, tr)
			}
			since = tr.Time
		}
	})
	if n != 2500 || len(orders) < 5000 {
		t.Errorf("%d customers, %d orders", n, len(orders))
	}
}

// crowd is what the customers of an archetype did, added up.
type crowd struct {
	customers, events, orders, coupons, refunds, signs int
	recent, lastMonth                                  int // customers with an event in the last 30 days; who registered in the last 45
	pieces, amount                                     float64
}

func TestArchetypesShowInTheData(t *testing.T) {
	z := shanghai(t)
	crowds := map[string]*crowd{}
	month, newcomers := z.Start(today-29), z.Start(today-45)
	total := 0
	generate(t, Options{Customers: 4000, End: today, Zone: z, Seed: 1}, func(r Record) {
		c := crowds[r.archetype]
		if c == nil {
			c = &crowd{}
			crowds[r.archetype] = c
		}
		c.customers++
		c.events += len(r.Events)
		total += len(r.Events)
		if r.Events[len(r.Events)-1].Time >= month {
			c.recent++
		}
		for _, e := range r.Events {
			switch e.Name {
			case "registered":
				if e.Time >= newcomers {
					c.lastMonth++
				}
			case "order_paid":
				c.orders++
				c.pieces += prop(e, "quantity").Number().Float64()
				c.amount += prop(e, "amount").Number().Float64()
				if prop(e, "coupon").Present() {
					c.coupons++
				}
			case "refund":
				c.refunds++
			case "sign_in":
				c.signs++
			}
		}
	})
	if each := total / 4000; each < 50 || each > 75 {
		t.Errorf("%d events a customer; a shop of 20,000 should have 1 to 1.5 million", each)
	}
	for _, a := range archetypes {
		c := crowds[a.name]
		if c == nil {
			t.Fatalf("no %s", a.name)
		}
		if share := 100 * float64(c.customers) / 4000; share < a.share*.7 || share > a.share*1.3 {
			t.Errorf("%s: %.1f%% of the customers, want about %.0f%%", a.name, share, a.share)
		}
	}
	per := func(name string, f func(*crowd) float64) float64 {
		return f(crowds[name]) / float64(crowds[name].customers)
	}
	orders := func(c *crowd) float64 { return float64(c.orders) }
	recent := func(c *crowd) float64 { return float64(c.recent) }
	perOrder := func(name string, f func(*crowd) float64) float64 {
		return f(crowds[name]) / float64(crowds[name].orders)
	}
	amount := func(c *crowd) float64 { return c.amount }
	coupons := func(c *crowd) float64 { return float64(c.coupons) }
	for _, is := range []struct {
		what        string
		small, much float64
		times       float64 // much is at least this many times small
	}{
		{"the loyal buy more often than the rare", per("低频", orders), per("高频忠诚", orders), 6},
		{"the great spend more an order", perOrder("高频忠诚", amount), perOrder("大客户", amount), 4},
		{"stockpilers buy many pieces", perOrder("低频", func(c *crowd) float64 { return c.pieces }), perOrder("囤货型", func(c *crowd) float64 { return c.pieces }), 2},
		{"the price-conscious use coupons", perOrder("低频", coupons), perOrder("价格敏感", coupons), 2},
		{"bonus hunters send back", perOrder("高频忠诚", func(c *crowd) float64 { return float64(c.refunds) }), perOrder("羊毛党", func(c *crowd) float64 { return float64(c.refunds) }), 3},
		{"bonus hunters sign in", per("价格敏感", func(c *crowd) float64 { return float64(c.signs) }), per("羊毛党", func(c *crowd) float64 { return float64(c.signs) }), 3},
		{"the lost are not seen any more", per("已流失", recent) + .02, per("高频忠诚", recent), 8},
		{"the leaving are seen less", per("流失中", recent), per("高频忠诚", recent), 1.2},
		{"the silent do little", per("沉默", func(c *crowd) float64 { return float64(c.events) }), per("低频", func(c *crowd) float64 { return float64(c.events) }), 4},
	} {
		if is.much < is.times*is.small {
			t.Errorf("%s: %.3f against %.3f, want %.1f times", is.what, is.much, is.small, is.times)
		}
	}
	if c := crowds["潜在"]; c.orders != 0 {
		t.Errorf("the potential customers made %d orders", c.orders)
	}
	if c := crowds["新客"]; c.lastMonth != c.customers {
		t.Errorf("%d of %d newcomers registered in the last 45 days", c.lastMonth, c.customers)
	}
}

// TestTheYearHasItsShape looks at days, hours, sales, exhibitions, and at today.
func TestTheYearHasItsShape(t *testing.T) {
	z := shanghai(t)
	byDay, byHour, met := map[event.Date]int{}, [24]int{}, map[event.Date]int{}
	registered := map[event.Date]int{}
	cities, sources := map[string]int{}, map[string]int{}
	generate(t, Options{Customers: 3000, End: today, Hour: 20, Zone: z, Seed: 3}, func(r Record) {
		for _, e := range r.Events {
			d := z.Date(e.Time)
			byDay[d]++
			h, _, _, _ := z.Clock(e.Time)
			byHour[h]++
			switch e.Name {
			case "event_attended":
				met[d]++
			case "registered":
				registered[d]++
				sources[prop(e, "context.campaign.source").Text()]++
			}
		}
		for _, tr := range r.Traits {
			if tr.Name == "city" {
				cities[tr.Value.Text()]++
			}
		}
	})
	mean := func(days map[event.Date]int, from, to event.Date) float64 {
		sum := 0
		for d := from; d <= to; d++ {
			sum += days[d]
		}
		return float64(sum) / float64(to-from+1)
	}
	first := today.AddMonths(-12) + 1
	year := mean(byDay, first, today)
	for _, is := range []struct {
		what        string
		got, atMost float64
	}{
		{"双11 is three ordinary days", 3 * year, float64(byDay[event.DateOf(2025, 11, 11)])},
		{"618 is two and a half", 2.5 * year, float64(byDay[event.DateOf(2026, 6, 18)])},
		{"the Chinese new year is calm", mean(byDay, event.DateOf(2026, 2, 16), event.DateOf(2026, 2, 19)), .7 * year},
		{"the new-year market is not", 1.2 * year, mean(byDay, event.DateOf(2026, 1, 24), event.DateOf(2026, 2, 7))},
		{"the pay-day of July", 1.15 * mean(byDay, event.DateOf(2026, 7, 13), event.DateOf(2026, 7, 14)), float64(byDay[event.DateOf(2026, 7, 15)])},
		{"evenings are busier than mornings", 2 * float64(byHour[9]), float64(byHour[21])},
		{"nights are calm", 5 * float64(byHour[4]), float64(byHour[12])},
		{"the last week is alive", .7 * year, mean(byDay, today-7, today-1)},
		{"and so is today", .3 * year, float64(byDay[today])},
		{"the spring exhibition has visitors", 20, 4 * mean(met, event.DateOf(2026, 4, 17), event.DateOf(2026, 4, 20))},
		{"and the autumn one", 20, 4 * mean(met, event.DateOf(2026, 9, 18), event.DateOf(2026, 9, 21))},
		{"newcomers come all year", 1, mean(registered, first, first+60)},
		{"Shanghai is not everything", float64(cities["上海"]), .15 * 3000},
		{"but the largest", float64(cities["兰州"]) * 4, float64(cities["上海"])},
	} {
		if is.got > is.atMost {
			t.Errorf("%s: %.1f > %.1f", is.what, is.got, is.atMost)
		}
	}
	if len(cities) < 40 {
		t.Errorf("%d cities", len(cities))
	}
	for _, s := range []string{"", "百度SEM", "抖音", "小红书", "公众号", "展会二维码", "门店扫码", "朋友推荐"} {
		if sources[s] < 60 {
			t.Errorf("%d customers came by %q", sources[s], s)
		}
	}
}

// TestAnyDayCanBeToday makes small shops that end on awkward days.
func TestAnyDayCanBeToday(t *testing.T) {
	z := shanghai(t)
	for _, end := range []event.Date{event.DateOf(2024, 2, 29), event.DateOf(2027, 1, 1), event.DateOf(2026, 11, 11), event.DateOf(2045, 6, 18)} {
		for _, h := range []int{1, 12, 0} {
			n := 0
			generate(t, Options{Customers: 60, End: end, Hour: h, Zone: z, Seed: 5}, func(r Record) { n += len(r.Events) })
			if n < 60*20 {
				t.Errorf("%s, hour %d: %d events", end, h, n)
			}
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	z, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		if err := Generate(Options{Customers: DefaultCustomers, End: today, Zone: z, Seed: 1}, func(r Record) error { n += len(r.Events); return nil }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n), "events")
	}
}
