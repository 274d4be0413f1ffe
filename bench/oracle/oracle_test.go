package oracle

import (
	"slices"
	"testing"
	"time"

	"tagma/bench/gen"
	"tagma/bench/rules"
	"tagma/event"
)

var shanghai = time.FixedZone("Shanghai", 8*3600)

func at(text string) event.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, shanghai)
	if err != nil {
		panic(err)
	}
	return event.At(t)
}

func text(name, value string) event.Property {
	return event.Property{Name: name, Value: event.Text(value)}
}
func number(name string, hundredths int64) event.Property {
	return event.Property{Name: name, Value: event.Num(event.Scaled(hundredths, 2))}
}

func value(texts ...string) rules.Value { return rules.Value{Kind: rules.TextValue, Texts: texts} }
func whole(n int64) rules.Value         { return rules.Value{Kind: rules.NumberValue, Hundredths: n * 100} }

// world is four customers. It is Sunday, 2026-03-15, noon.
//
//	0 bought on the 15th at 00:00 for 10.50 and on the 14th for 20, looked at 鞋 twice and at 帽 twice, both last at
//	  one instant, of which 帽 is the smaller; on the 10th and 11th it is 鞋 that was used last
//	1 bought for 30 at the end of the 8th, which is the first day of the last eight; came through 搜索
//	2 bought for 5 on the 1st, and will buy for 99 this afternoon
//	3 has done nothing
func world() *History {
	h := New(4)
	arrival := uint64(0)
	did := func(c event.ProfileID, when, name string, props ...event.Property) {
		h.Event(&event.Event{Profile: c, Name: name, Time: at(when), Arrival: arrival, Props: props})
		arrival++
	}
	did(0, "2026-03-15 00:00", "buy", number("amount", 1050), text("channel", "app"))
	did(0, "2026-03-14 23:59", "buy", number("amount", 2000), text("channel", "web"))
	did(0, "2026-03-10 10:00", "view", text("category", "帽"), text("channel", "app"))
	did(0, "2026-03-11 10:00", "view", text("category", "鞋"))
	did(0, "2026-03-12 10:00", "view", text("category", "鞋"))
	did(0, "2026-03-12 10:00", "view", text("category", "帽"))
	did(0, "2026-03-13 10:00", "view")
	did(1, "2026-03-08 00:00", "buy", number("amount", 3000))
	did(1, "2026-03-01 08:00", "view", text("context.campaign.source", "搜索"), text("category", "鞋"))
	did(1, "2026-03-01 08:00", "view", text("context.campaign.source", "短信"))
	did(2, "2026-03-01 12:00", "buy", number("amount", 500))
	did(2, "2026-03-15 15:00", "buy", number("amount", 9900))
	trait := func(c event.ProfileID, name, since string, v event.Value) event.Trait {
		return event.Trait{Profile: c, Name: name, Time: at(since), Value: v}
	}
	birthday := func(y int, m time.Month, d int) event.Value { return event.Civil(event.DateOf(y, m, d)) }
	h.Customer(&gen.Customer{Number: 0, Traits: []event.Trait{
		trait(0, "city", "2026-01-01 00:00", event.Text("上海")), trait(0, "city", "2026-03-16 00:00", event.Text("北京")),
		trait(0, "birthday", "2026-01-01 00:00", birthday(2000, 3, 15)), trait(0, "score", "2026-01-01 00:00", event.Num(event.Scaled(605, 1)))}})
	h.Customer(&gen.Customer{Number: 1, Traits: []event.Trait{
		trait(1, "city", "2026-01-01 00:00", event.Text("广州")), trait(1, "city", "2026-02-01 00:00", event.Text("北京")),
		trait(1, "birthday", "2026-01-01 00:00", birthday(2004, 2, 29))}})
	h.Customer(&gen.Customer{Number: 2, Traits: []event.Trait{
		trait(2, "interests", "2026-01-01 00:00", event.List(event.Text("茶艺"), event.Text("跑步"))), trait(2, "birthday", "2026-01-01 00:00", birthday(2000, 3, 16)),
		trait(2, "member", "2026-03-14 23:00", event.Bool(true))}})
	h.Customer(&gen.Customer{Number: 3, Traits: []event.Trait{trait(3, "registered_at", "2026-03-14 23:00", event.Instant(at("2026-03-14 23:00")))}})
	return h
}

func members(t *testing.T, h *History, c rules.Condition, before ...rules.Rule) []int {
	t.Helper()
	all := h.Decide(append(before, rules.Rule{Key: "last", Condition: c}), at("2026-03-15 12:00"))
	m, out := all[len(all)-1], []int{}
	var sum Checksum
	for n := range h.customers {
		if m.Bits.Get(n) {
			out = append(out, n)
			sum.Add(uint32(n))
		}
	}
	if len(out) != m.Count || uint64(sum) != m.Checksum {
		t.Errorf("count %d and checksum %x do not belong to %v", m.Count, m.Checksum, out)
	}
	return out
}

func TestFamilies(t *testing.T) {
	buy := rules.Selection{Names: []string{"buy"}}
	last := func(n int) rules.Selection { return rules.Selection{Names: []string{"buy"}, Last: n} }
	view := rules.Selection{Names: []string{"view"}}
	where := func(f rules.Filter) rules.Selection { return rules.Selection{Where: []rules.Filter{f}} }
	is := func(kind rules.MeasureKind, of rules.Selection, property, op string, v rules.Value) rules.Measured {
		return rules.Measured{Measure: rules.Measure{Kind: kind, Of: of, Property: property}, Op: op, Value: v}
	}
	once := is(rules.Count, buy, "", ">=", whole(1))
	rank := func(function string, kind rules.MeasureKind, op string, bucket int) rules.Ranked {
		r := rules.Ranked{Function: function, Measure: rules.Measure{Kind: kind, Of: buy}, Where: once, Op: op, Bucket: bucket, Share: 25}
		if kind == rules.Sum {
			r.Measure.Property = "amount"
		}
		return r
	}
	negative := rank("ntile", rules.SinceLatest, "==", 3)
	negative.Negative = true
	for _, c := range []struct {
		name string
		of   rules.Condition
		want []int
	}{
		{"count", once, []int{0, 1, 2}},
		{"zero counts", is(rules.Count, buy, "", "<", whole(2)), []int{1, 2, 3}},
		{"today", is(rules.Count, last(1), "", ">=", whole(1)), []int{0}},
		{"the first day of a window is in", is(rules.Count, last(8), "", "==", whole(1)), []int{1}},
		{"the day before is not", is(rules.Count, last(7), "", ">=", whole(1)), []int{0}},
		{"before", is(rules.Count, rules.Selection{Names: []string{"buy"}, Before: 7}, "", ">=", whole(1)), []int{1, 2}},
		{"any of two names", is(rules.Count, rules.Selection{Names: []string{"buy", "view"}}, "", ">=", whole(3)), []int{0, 1}},
		{"unknown name", is(rules.Count, rules.Selection{Names: []string{"nothing"}}, "", "==", whole(0)), []int{0, 1, 2, 3}},
		{"days", is(rules.ActiveDays, view, "", "==", whole(4)), []int{0}},
		{"sum of nothing is 0", is(rules.Sum, buy, "amount", "<", whole(30)), []int{2, 3}},
		{"sum is exact", is(rules.Sum, buy, "amount", "==", rules.Value{Kind: rules.NumberValue, Hundredths: 3050}), []int{0}},
		{"avg of nothing is missing", is(rules.Avg, buy, "amount", "<", rules.Value{Kind: rules.NumberValue, Hundredths: 1526}), []int{0, 2}},
		{"avg", is(rules.Avg, buy, "amount", "==", rules.Value{Kind: rules.NumberValue, Hundredths: 1525}), []int{0}},
		{"max", is(rules.Max, buy, "amount", ">=", whole(20)), []int{0, 1}},
		{"min", is(rules.Min, buy, "amount", "<=", rules.Value{Kind: rules.NumberValue, Hundredths: 1050}), []int{0, 2}},
		{"recency", is(rules.SinceLatest, buy, "", ">", whole(6)), []int{1, 2}},
		{"recency of nothing is missing", is(rules.SinceLatest, buy, "", ">=", whole(0)), []int{0, 1, 2}},
		{"since the first", is(rules.SinceFirst, rules.Selection{}, "", ">=", whole(14)), []int{1, 2}},
		{"distinct", is(rules.Distinct, view, "category", "==", whole(2)), []int{0}},
		{"distinct of nothing is 0", is(rules.Distinct, view, "category", "==", whole(0)), []int{2, 3}},
		{"a tie goes to the one used last", is(rules.Top, rules.Selection{Names: []string{"view"}, Before: 4}, "category", "==", value("鞋")), []int{0, 1}},
		{"of one instant to the smallest", is(rules.Top, view, "category", "==", value("帽")), []int{0}},
		{"top of nothing is missing", is(rules.Top, view, "category", "!=", value("帽")), []int{1, 2, 3}},
		{"first touch: of one instant the first to arrive", is(rules.First, rules.Selection{}, "context.campaign.source", "==", value("搜索")), []int{1}},
		{"filter", is(rules.Count, where(rules.Filter{Property: "amount", Op: ">=", Value: whole(20)}), "", "==", whole(1)), []int{0, 1}},
		{"filter present", is(rules.Count, where(rules.Filter{Property: "channel", Op: "present"}), "", "==", whole(3)), []int{0}},
		{"filter != takes what is missing", is(rules.Count, where(rules.Filter{Property: "channel", Op: "!=", Value: value("app")}), "", "==", whole(5)), []int{0}},
		{"filter in", is(rules.Count, where(rules.Filter{Property: "channel", Op: "in", Value: value("app", "web", "none")}), "", "==", whole(3)), []int{0}},
		{"trait at the instant", rules.Attribute{Trait: "city", Op: "==", Value: value("上海")}, []int{0}},
		{"trait != takes what is missing", rules.Attribute{Trait: "city", Op: "!=", Value: value("北京")}, []int{0, 2, 3}},
		{"trait in", rules.Attribute{Trait: "city", Op: "in", Value: value("广州", "北京")}, []int{1}},
		{"has", rules.Attribute{Trait: "city", Function: "has"}, []int{0, 1}},
		{"contains", rules.Attribute{Trait: "interests", Function: "contains", Value: value("跑步")}, []int{2}},
		{"bool", rules.Attribute{Trait: "member", Op: "==", Value: rules.Value{Kind: rules.BoolValue, Bool: true}}, []int{2}},
		{"decimal", rules.Attribute{Trait: "score", Op: ">=", Value: rules.Value{Kind: rules.NumberValue, Hundredths: 6050}}, []int{0}},
		{"age on the birthday", rules.Attribute{Trait: "birthday", Function: "age", Op: ">=", Value: whole(26)}, []int{0}},
		{"age", rules.Attribute{Trait: "birthday", Function: "age", Op: "==", Value: whole(22)}, []int{1}},
		{"month", rules.Attribute{Trait: "birthday", Function: "month", Op: "==", Value: whole(3)}, []int{0, 2}},
		{"anniversary", rules.Attribute{Trait: "birthday", Function: "days_to_anniversary", Op: "<=", Value: whole(1)}, []int{0, 2}},
		{"29 February", rules.Attribute{Trait: "birthday", Function: "days_to_anniversary", Op: "==", Value: whole(350)}, []int{1}},
		{"days since a trait", rules.Attribute{Trait: "registered_at", Function: "days_since", Op: "<=", Value: whole(1)}, []int{3}},
		{"all", rules.All{once, rules.Attribute{Trait: "city", Function: "has"}}, []int{0, 1}},
		{"any", rules.Any{is(rules.Count, last(1), "", ">=", whole(1)), rules.Attribute{Trait: "member", Function: "has"}}, []int{0, 2}},
		{"not is the complement", rules.Not{X: once}, []int{3}},
		{"tag", rules.Tag{Key: "earlier"}, []int{0, 1, 2}},
		{"tag !=", rules.Tag{Key: "earlier", Not: true}, []int{3}},
		// sums 30.50, 30, 5; days 0, 7, 14; counts 2, 1, 1
		{"ntile of three in five", rank("ntile", rules.Sum, "==", 3), []int{0}},
		{"the smallest recency is best", negative, []int{0}},
		{"ties take the lowest bucket", rank("ntile", rules.Count, "==", 1), []int{1, 2}},
		{"and leave a bucket empty", rank("ntile", rules.Count, "==", 2), []int{}},
		{"mean", rank("mean", rules.Sum, ">", 0), []int{0, 1}},
		{"median", rank("median", rules.Sum, "<=", 0), []int{1, 2}},
		{"quantile 0.25 of 5, 30, 30.5 is 17.5", rank("quantile", rules.Sum, "<=", 0), []int{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := members(t, world(), c.of, rules.Rule{Key: "earlier", Condition: once}); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %v, want %v", c.of.Text(), got, c.want)
			}
		})
	}
}

func TestTile(t *testing.T) {
	for n, want := range map[int][]int{3: {1, 2, 3}, 5: {1, 2, 3, 4, 5}, 7: {1, 1, 2, 2, 3, 4, 5}, 11: {1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5}} {
		var got []int
		for i := range n {
			got = append(got, tile(i, n, 5))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d rows: %v, want %v", n, got, want)
		}
	}
}

func TestChecksumDependsOnOrder(t *testing.T) {
	sum := func(ids ...uint32) (c Checksum) {
		for _, id := range ids {
			c.Add(id)
		}
		return
	}
	if sum(1, 2) == sum(2, 1) || sum(1) == sum(1, 0) || sum(3) == sum(1, 2) {
		t.Error("different members have one sum")
	}
}

func TestCustomerWithoutAnythingIsNotThere(t *testing.T) {
	h := New(2)
	h.Event(&event.Event{Profile: 1, Name: "view", Time: at("2026-03-16 00:00")}) // tomorrow
	never := rules.Measured{Measure: rules.Measure{Kind: rules.Count}, Op: "==", Value: whole(0)}
	if got := members(t, h, never); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// All thousand rules on a small world: they should tell customers apart.
func TestRulesTellCustomersApart(t *testing.T) {
	w, err := gen.New(gen.Size{Customers: 2000, Events: 40_000}, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := New(w.Customers)
	if err := w.EachCustomer(func(c *gen.Customer) error { h.Customer(c); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.EachEvent(gen.ByTime, func(e *event.Event) error { h.Event(e); return nil }); err != nil {
		t.Fatal(err)
	}
	nobody, everybody, pairs := 0, 0, 0
	for _, m := range h.Decide(rules.New(1), w.Now()) {
		pairs += m.Count
		switch m.Count {
		case 0:
			nobody++
		case w.Customers:
			everybody++
		}
	}
	t.Logf("%.0f tags a customer; %d rules hold for nobody, %d for everybody", float64(pairs)/float64(w.Customers), nobody, everybody)
	if nobody > 300 || everybody > 60 || pairs < 150*w.Customers || pairs > 400*w.Customers {
		t.Error("the rules are too alike")
	}
}
