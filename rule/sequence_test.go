package rule_test

import (
	"testing"

	"tagma/event"
)

// basket is a property of goods, each with a number and perhaps a price.
func basket(goods ...[]event.Property) event.Value {
	var vs []event.Value
	for _, g := range goods {
		vs = append(vs, event.Map(g))
	}
	return event.List(vs...)
}

func field(name string, v event.Value) event.Property { return event.Property{Name: name, Value: v} }

func TestSequences(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30 12:00")
	anna := b.customer("")
	b.event(anna, "view", "2026-06-29 10:00", "item=1", "shop=a")
	b.event(anna, "cart", "2026-06-29 10:05", "item=1", "shop=a")
	b.event(anna, "buy", "2026-06-29 10:20", "item=1.0", "shop=b")
	b.event(anna, "cart", "2026-06-30 11:59", "item=2")
	bob := b.customer("")
	b.event(bob, "buy", "2026-06-01 10:00", "item=1")
	b.event(bob, "cart", "2026-06-01 10:00", "item=1") // of the same instant: neither follows
	b.event(bob, "cart", "2026-06-02 23:59", "item=7")
	b.event(bob, "buy", "2026-06-04 00:00", "item='7'")
	b.event(bob, "buy", "2026-07-04 00:00", "item=7") // not yet
	carl := b.customer("")
	b.event(carl, "cart", "2026-01-31 08:00")
	b.event(carl, "buy", "2026-02-28 20:00")
	b.event(carl, "buy", "2026-03-01 00:00")
	b.customer("")
	for _, c := range []struct{ rule, want string }{
		{`events.cart.then(events.buy).count()`, "0=1, 1=1, 2=2, 3=0"},
		{`events.cart.then(events.buy, same("item")).count()`, "0=1, 1=0, 2=0, 3=0"}, // 1 is 1.0, 7 is not "7"
		{`events.cart.then(events.buy, same("item", "shop")).count()`, "0=0, 1=0, 2=0, 3=0"},
		{`events.cart.then(events.buy, within("15m")).count()`, "0=1, 1=0, 2=0, 3=0"},
		{`events.cart.then(events.buy, within("899s"), same("item")).count()`, "0=0, 1=0, 2=0, 3=0"},
		{`events.cart.then(events.buy, within("1d")).count()`, "0=1, 1=0, 2=0, 3=0"},
		{`events.cart.then(events.buy, within("2d")).count()`, "0=1, 1=1, 2=0, 3=0"},
		{`events.cart.then(events.buy, within("1mo")).count()`, "0=1, 1=1, 2=1, 3=0"}, // until 28 February
		{`events.buy.then(events.cart).count()`, "0=1, 1=1, 2=0, 3=0"},
		{`events.cart.without(events.buy).count()`, "0=1, 1=0, 2=0, 3=0"},
		{`events.cart.before("1d").without(events.buy).count()`, "0=0, 1=0, 2=0, 3=0"},
		{`events.cart.without(events.buy, same("item")).count()`, "0=1, 1=2, 2=1, 3=0"},
		{`events.cart.without(events.buy, within("1d")).count()`, "0=1, 1=2, 2=1, 3=0"},
		{`events.cart.without(events.buy, within("1d")).last("30d").where(e, e.item == 7).count()`, "0=0, 1=1, 2=0, 3=0"},
		{`events.view.then(events.any("cart", "fav"), same("item")).then(events.buy, same("item")).count() >= 1`, "fault: there is no event 'fav': it never came and no schema declares it"},
		{`events.view.then(events.any("cart", "view"), same("item")).then(events.buy, same("item")).count() >= 1`, "0"},
		{`events.all.then(events.all).count()`, "0=3, 1=2, 2=2, 3=0"},
		{`events.cart.last("2d").then(events.buy.where(e, e.shop == "b")).latest().time`, "0=2026-06-29T10:20:00+08:00"},
		{`events.cart.then(events.buy).earliest().time`, "0=2026-06-29T10:20:00+08:00, 1=2026-06-04T00:00:00+08:00, 2=2026-02-28T20:00:00+08:00"},

		{`events.cart.then()`, "fault: then(…) needs one argument, there are 0"},
		{`events.cart.then("buy").count()`, "fault: then takes a selection of events first, this is a text"},
		{`events.cart.then(events.buy, within("0d")).count()`, `fault: the length must be at least 1, this is "0d"`},
		{`events.cart.then(events.buy, within("1d"), within("2d")).count()`, "fault: within(…) stands there twice"},
		{`events.cart.then(events.buy, same("colour")).count()`, "fault: the event 'buy' has no property 'colour': it never came and no schema declares it"},
		{`events.cart.then(events.buy, "1d").count()`, "fault: then takes no such argument"},
		{`events.cart.count() > 0 && within("1d")`, "fault: within(…) stands only inside then(…) and without(…)"},
	} {
		if got := b.ask(c.rule); got != c.want {
			t.Errorf("%s\n  is    %s\n  wants %s", c.rule, got, c.want)
		}
	}
}

func TestElementsOfAList(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30")
	order := func(p event.ProfileID, at string, goods event.Value, props ...string) {
		b.event(p, "order", at, props...)
		e := &b.Events[len(b.Events)-1]
		e.Props = append(e.Props, field("products", goods))
	}
	tea := []event.Property{field("sku", event.Text("茶")), field("price", event.Num(event.Int(30))), field("maker", event.Map([]event.Property{field("city", event.Text("杭州"))}))}
	cup := []event.Property{field("sku", event.Text("杯")), field("price", event.Num(event.Int(12)))}
	gift := []event.Property{field("sku", event.Text("赠品"))}
	anna := b.customer("")
	order(anna, "2026-06-01 10:00", basket(tea, cup), "price=42", "channel=抖音")
	order(anna, "2026-06-20 10:00", basket(cup, gift), "price=12", "channel=小程序")
	order(anna, "2026-07-20 10:00", basket(tea)) // not yet
	bob := b.customer("")
	order(bob, "2026-06-20 10:00", event.List(), "price=1")
	order(bob, "2026-06-21 10:00", event.Text("茶"), "price=1")
	order(bob, "2026-06-22 10:00", event.List(event.Text("茶"), event.Map(tea)), "price=7")
	b.customer("")
	for _, c := range []struct{ rule, want string }{
		{`events.order.each("products").count()`, "0=4, 1=2, 2=0"},
		{`events.order.each("products").where(e, e.sku == "杯").count()`, "0=2, 1=0, 2=0"},
		{`events.order.each("products").where(e, e.sku == "杯").days()`, "0=2, 1=0, 2=0"},
		{`events.order.each("products").sum(e, e.price)`, "0=66, 1=37, 2=0"}, // a gift has its order's
		{`events.order.each("products").where(e, e.maker.city == "杭州").sum(e, e.price)`, "0=30, 1=30, 2=0"},
		{`events.order.each("products").where(e, e.products == "茶").count()`, "0=0, 1=1, 2=0"},
		{`events.order.last("15d").each("products").count()`, "0=2, 1=2, 2=0"},
		{`events.order.each("products").last("15d").count()`, "0=2, 1=2, 2=0"},
		{`events.order.where(e, e.channel == "抖音").each("products").count()`, "0=2, 1=0, 2=0"},
		{`events.order.where(e, e.price > 20).last("90d").each("products").where(e, e.price < 20).count()`, "0=1, 1=0, 2=0"},
		{`events.order.each("products").top(e, e.sku)`, "0=杯, 1=茶"},
		{`events.order.each("products").latest().sku`, "0=赠品, 1=茶"},
		{`events.order.each("products").earliest().sku`, "0=茶"}, // the first element of bob's has none
		{`events.order.each("products").nth(2).channel`, "0=抖音"},
		{`events.order.each("products").where(e, e.name == "order" && e.source == "shop").count()`, "0=4, 1=2, 2=0"},
		{`events.order.each("products").where(e, e.sku == "茶").then(events.order.each("products"), same("sku")).count()`, "0=0, 1=0, 2=0"},
		{`events.order.each("products").where(e, e.sku == "杯").then(events.order.each("products"), same("sku"), within("30d")).count()`, "0=1, 1=0, 2=0"},
		{`events.all.each("products").distinct(e, e.sku)`, "0=3, 1=1, 2=0"},
		{`events.order.each("price").count()`, "fault: each opens a list, 'price' is a number"},
		{`events.order.each("goods").count()`, "fault: the event 'order' has no property 'goods': it never came and no schema declares it"},
		{`events.order.each("products").each("products").count()`, `fault: the events are already opened by each("products"): one list can be opened, not a list inside it`},
		{`events.order.each("products").where(e, e.skuu == "x").count()`, "fault: the event 'order' has no property 'skuu': it never came and no schema declares it"},
	} {
		if got := b.ask(c.rule); got != c.want {
			t.Errorf("%s\n  is    %s\n  wants %s", c.rule, got, c.want)
		}
	}
}
