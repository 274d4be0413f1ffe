package rule_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"tagma/event"
	"tagma/rule"
	"tagma/warehouse"
)

// asRoomy evaluates a condition and calls f with the result; false where it is not roomy.
func (b *bench) asRoomy(text string, f func(x *rule.Expr, res *rule.Result)) (roomy bool) {
	b.t.Helper()
	r, faults := rule.Check(text, b.env(), rule.AnyValue)
	if len(faults) > 0 {
		b.t.Fatalf("%s: %s", text, faults[0].Message)
	}
	if !r.Expr.Roomy() {
		return false
	}
	run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone, Ahead: true}
	if err := run.Blocks(context.Background(), []*rule.Expr{r.Expr}, func(res *rule.Result) error { f(r.Expr, res); return nil }); err != nil {
		b.t.Fatal(err)
	}
	return true
}

// The room of a customer tells the truth: while what is new takes no more than that, the answer is the same with it.
func TestRoomOfCustomers(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30 12:00")
	never, thrice, ahead := b.customer(""), b.customer(""), b.customer("")
	for _, at := range []string{"2026-06-28 09:00", "2026-06-28 10:00", "2026-06-30 11:50"} {
		b.event(thrice, "order", at, "amount=100", "item=a")
	}
	b.event(ahead, "order", "2026-07-01 09:00", "amount=10", "item=a")
	_ = never
	for _, c := range []struct {
		rule string
		room [3]uint8
	}{
		{`events.order.count() >= 5`, [3]uint8{4, 1, 0}},
		{`events.order.count() >= 100`, [3]uint8{rule.MostRoom, rule.MostRoom, 0}},
		{`events.order.count() >= 3`, [3]uint8{2, rule.Settled, 0}},
		{`events.order.last("1d").count() == 1`, [3]uint8{0, 0, 0}},
		{`events.order.count() == 2`, [3]uint8{1, rule.Settled, 0}},
		{`events.order.days() >= 4`, [3]uint8{3, 1 | rule.Today, 0}},
		{`events.order.days() >= 2`, [3]uint8{1, rule.DaysSettled | rule.Today, 0}},
		{`events.order.distinct(e, e.item) > 2`, [3]uint8{2, 1, 0}},
		{`events.order.sum(e, e.amount) >= 1400`, [3]uint8{rule.MostRoom - 1, rule.MostRoom - 4, 0}},
		{`events.order.sum(e, e.amount) > 250`, [3]uint8{rule.MostRoom - 1, rule.Settled, 0}},
		{`events.order.earliest().item == "a"`, [3]uint8{0, rule.Settled, 0}},
	} {
		roomy := b.asRoomy(c.rule, func(x *rule.Expr, res *rule.Result) {
			room := make([]uint8, res.N)
			res.Room(x, room)
			if got := [3]uint8(room[:3]); got != c.room {
				t.Errorf("%s: room %v, want %v", c.rule, got, c.room)
			}
		})
		if !roomy {
			t.Errorf("%s is not roomy", c.rule)
		}
	}
}

// TestRoomIsEnough tries random histories and random news.
func TestRoomIsEnough(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	const customers = 40
	shop := func(now string) *bench {
		b := newBench(t, "Asia/Shanghai", now)
		for range customers {
			b.customer("")
		}
		for _, name := range []string{"order", "view"} { // so that rules may speak of them
			b.event(b.customer(""), name, "2025-01-01 09:00", "amount=1", "item=a")
		}
		return b
	}
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	put := func(b *bench, p event.ProfileID, ago float64) {
		e := event.Event{Profile: p, Name: one("order", "order", "view"), Time: b.now - event.Time(ago*86_400_000), Arrival: uint64(r.IntN(1 << 30)), Source: "shop"}
		if r.IntN(8) > 0 {
			e.Props = append(e.Props, event.Property{Name: "amount", Value: event.Num(event.Scaled(int64(r.IntN(6000)-800), 2))})
		}
		e.Props = append(e.Props, event.Property{Name: "item", Value: event.Text(one("a", "b", "c"))})
		b.Events = append(b.Events, e)
	}
	stayed := 0
	for range 150 {
		before, news := shop("2026-06-30 12:00"), shop("2026-06-30 12:00")
		for range r.IntN(300) {
			put(before, event.ProfileID(r.IntN(customers)), r.ExpFloat64()*9)
		}
		for range 1 + r.IntN(60) {
			ago := r.Float64() / 20
			if r.IntN(4) == 0 {
				ago = r.ExpFloat64() * 9
			}
			put(news, event.ProfileID(r.IntN(customers)), ago)
		}
		of := "events." + one("order", "order", "all") + one("", `.last("1d")`, `.last("7d")`, `.last("2h")`) + one("", "", `.where(e, e.item == "a")`)
		text := of + one(".count()", ".count()", ".days()", ".distinct(e, e.item)") + one(" >= ", " == ", " > ") + fmt.Sprint(r.IntN(6))
		switch r.IntN(3) {
		case 0:
			text = of + ".sum(e, e.amount)" + one(" >= ", " > ") + one("10", "60.5", "140")
		case 1:
			text = of + `.earliest().item == "a"`
		}
		after := shop("2026-06-30 12:00")
		after.Events = append(append(after.Events, before.Events...), news.Events...)
		room, takes := make([]uint8, warehouse.BlockSize), make([]uint8, warehouse.BlockSize)
		var was, is event.Bits
		var days bool
		if !before.asRoomy(text, func(x *rule.Expr, res *rule.Result) {
			res.Room(x, room)
			was, days = append(was, res.Cond(x)...), x.RoomOfDays()
		}) {
			continue // another form is evaluated in its place
		}
		news.asRoomy(text, func(x *rule.Expr, res *rule.Result) { res.Takes(x, takes) })
		after.asRoomy(text, func(x *rule.Expr, res *rule.Result) { is = append(is, res.Cond(x)...) })
		for i := range customers {
			enough := takes[i] <= room[i] || room[i] == rule.Settled && takes[i] != rule.TakesAny
			if days {
				left, more := room[i]&^rule.Today, takes[i]&^rule.TakesToday
				if room[i]&rule.Today != 0 && takes[i]&rule.TakesToday != 0 {
					more--
				}
				enough = more <= left || left == rule.DaysSettled
			}
			if enough && takes[i] > 0 {
				stayed++
			}
			if enough && was.Get(i) != is.Get(i) {
				t.Errorf("%s: customer %d has room %d, the news take %d, and the answer %v became %v", text, i, room[i], takes[i], was.Get(i), is.Get(i))
			}
		}
	}
	if stayed < 500 {
		t.Errorf("only %d answers could stay", stayed)
	}
}
