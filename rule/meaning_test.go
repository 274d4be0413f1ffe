package rule_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tagma/event"
	"tagma/internal/world"
	"tagma/rule"
)

// bench is a small world with an instant, asked in the rule language.
type bench struct {
	*world.World
	zone *event.Zone
	now  event.Time
	t    testing.TB
	// What a test adds to the environment and to the run.
	speak func(*rule.Env)
	with  func(*rule.Run)
}

func newBench(t testing.TB, zone, now string) *bench {
	z, err := event.LoadZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{World: &world.World{}, zone: z, t: t}
	b.now = b.at(now)
	return b
}

// at reads an instant; a bare date is its last one.
func (b *bench) at(s string) event.Time {
	t, dateOnly, err := b.zone.ParseInstant(s)
	if err != nil {
		b.t.Fatal(err)
	}
	if dateOnly {
		return b.zone.End(b.zone.Date(t))
	}
	return t
}

// customer adds a person known since an instant ("" always).
func (b *bench) customer(since string) event.ProfileID {
	p := event.ProfileID(len(b.Known))
	seen := event.Always
	if since == "never" {
		seen = event.Never
	} else if since != "" {
		seen = b.at(since)
	}
	b.Known = append(b.Known, event.NewProfile{Profile: p, Person: true, Seen: seen})
	b.Identifiers = append(b.Identifiers, event.Identifier{Profile: p, Kind: "user_id", Value: fmt.Sprintf("u%d", p)})
	return p
}

// val reads a value as a test writes it: number, "text", true, date:…, time:…, [a b].
func (b *bench) val(s string) event.Value {
	switch {
	case s == "true" || s == "false":
		return event.Bool(s == "true")
	case strings.HasPrefix(s, "date:"):
		d, err := event.ParseDate(s[5:])
		if err != nil {
			b.t.Fatal(err)
		}
		return event.Civil(d)
	case strings.HasPrefix(s, "time:"):
		return event.Instant(b.at(s[5:]))
	case strings.HasPrefix(s, "["):
		var vs []event.Value
		for _, e := range strings.Fields(strings.Trim(s, "[]")) {
			vs = append(vs, event.Text(e))
		}
		return event.List(vs...)
	}
	if n, err := event.ParseNumber(s); err == nil {
		return event.Num(n)
	}
	return event.Text(strings.Trim(s, `'`))
}

func (b *bench) trait(p event.ProfileID, name, value string, since ...string) {
	t := event.Trait{Profile: p, Name: name, Time: event.Always, Arrival: uint64(len(b.Traits)), Value: b.val(value)}
	if value == "null" {
		t.Value = event.Value{}
	}
	if len(since) > 0 {
		t.Time = b.at(since[0])
	}
	b.Traits = append(b.Traits, t)
}

// event adds an event: props are name=value.
func (b *bench) event(p event.ProfileID, name, at string, props ...string) {
	e := event.Event{Profile: p, Name: name, Time: b.at(at), Arrival: uint64(len(b.Events) + 1000), Source: "shop"}
	for _, kv := range props {
		k, v, _ := strings.Cut(kv, "=")
		e.Props = append(e.Props, event.Property{Name: k, Value: b.val(v)})
	}
	b.Events = append(b.Events, e)
}

func (b *bench) env() *rule.Env {
	env := &rule.Env{Zone: b.zone, Names: rule.NewNames(b.Series()), Builder: rule.NewBuilder()}
	if b.speak != nil {
		b.speak(env)
	}
	return env
}

// ask evaluates an expression for everybody: "0=…, 2=…", missing values left out, conditions as the members.
// It asks block by block and customer by customer, and both must agree.
func (b *bench) ask(text string) string {
	b.t.Helper()
	r, faults := rule.Check(text, b.env(), rule.AnyValue)
	if len(faults) > 0 {
		var all []string
		for _, f := range faults {
			all = append(all, f.Message)
		}
		return "fault: " + strings.Join(all, "; ")
	}
	run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone}
	if b.with != nil {
		b.with(run)
	}
	roots := []*rule.Expr{r.Expr}
	if err := run.Prepare(context.Background(), roots); err != nil {
		b.t.Fatal(err)
	}
	show := func(res *rule.Result) (out []string) {
		for i := 0; i < res.N; i++ {
			v := res.Value(r.Expr, i)
			switch {
			case !v.Present():
			case r.Expr.Type == rule.Bool && v.Kind() == event.BoolKind && v.Bool():
				out = append(out, fmt.Sprint(int(res.First)+i))
			case r.Expr.Type == rule.Bool:
			default:
				out = append(out, fmt.Sprintf("%d=%s", int(res.First)+i, v.Format(b.zone)))
			}
		}
		return
	}
	var all, single []string
	if err := run.Blocks(context.Background(), roots, func(res *rule.Result) error {
		all = append(all, show(res)...)
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	for p := range b.Known {
		if err := run.One(event.ProfileID(p), roots, func(res *rule.Result) error {
			single = append(single, show(res)...)
			return nil
		}); err != nil {
			b.t.Fatal(err)
		}
	}
	got := strings.Join(all, ", ")
	if one := strings.Join(single, ", "); one != got {
		b.t.Errorf("%s:\n  all customers: %s\n  one by one:    %s", text, got, one)
	}
	return got
}

func shop(t testing.TB) *bench {
	b := newBench(t, "Asia/Shanghai", "2026-06-30")
	anna := b.customer("2025-01-01")
	b.trait(anna, "city", "上海")
	b.trait(anna, "age", "30")
	b.trait(anna, "vip", "true")
	b.trait(anna, "birthday", "date:1996-02-29")
	b.trait(anna, "likes", "[茶 书]")
	b.trait(anna, "address.city", "上海")
	b.event(anna, "order", "2026-06-30 10:00", "amount=100.50", "category=茶", "id=a1", "context.campaign.term=新茶")
	b.event(anna, "order", "2026-06-24", "amount=20", "category=酒", "id=a2")
	b.event(anna, "order", "2026-06-23 23:59:59.999", "amount=30", "category=酒", "id=a2")
	b.event(anna, "order", "2026-01-31 08:00", "amount=0.5", "category=茶", "id=a3")
	b.event(anna, "view", "2025-12-31 23:00", "item=7", "context.campaign.term=早茶")
	bob := b.customer("")
	b.trait(bob, "age", "17", "2026-01-01")
	b.trait(bob, "age", "18", "2026-06-01")
	b.trait(bob, "age", "19", "2026-07-01")
	b.trait(bob, "city", "北京", "2026-01-01")
	b.trait(bob, "city", "null", "2026-05-01")
	carl := b.customer("never")
	b.event(carl, "view", "2026-06-30 23:30", "item=8")
	b.event(carl, "view", "2026-06-30 23:30", "item='8'")
	b.event(carl, "view", "2026-07-01 00:30", "item=9")
	b.event(carl, "order", "2026-06-29 12:00", "amount=-5", "category=茶", "id=c1")
	b.trait(carl, "city", "北京", "2026-06-30")
	dora := b.customer("2026-07-02") // not yet
	b.trait(dora, "city", "上海", "2026-07-03")
	return b
}

func TestMeaning(t *testing.T) {
	b := shop(t)
	for _, c := range []struct{ rule, want string }{
		// universe, missing, complement
		{`true`, "0, 1, 2"},
		{`traits.city == "上海"`, "0"},
		{`traits.city != "上海"`, "1, 2"},
		{`!(traits.city == "上海")`, "1, 2"},
		{`has(traits.city) && traits.city != "上海"`, "2"},
		{`traits.city`, "0=上海, 2=北京"},
		{`traits.address.city`, "0=上海"},
		{`traits["address.city"] == "上海"`, "0"},
		{`traits.vip`, "0=true"},
		{`!traits.vip`, "1, 2"},
		{`traits.age`, "0=30, 1=18"},
		{`traits.age + 1 > 18`, "0, 1"},
		{`traits.age / 0`, ""},
		{`traits.age > 18.5 || traits.age < 18.5 && traits.age != 18`, "0"},
		{`"茶" in traits.likes`, "0"},
		{`traits.likes == "茶"`, "fault: a list cannot be compared with =="},
		{`traits.city == null`, "fault: nothing can be compared with null: a comparison with a missing value is false"},
		{`traits.city in ["上海", "北京"]`, "0, 2"},
		{`ids.user_id == "u1"`, "1"},
		{`ids.user_id != "u1"`, "0, 2"},
		{`"u1" in ids.user_id`, "1"},
		{`ids.user_id in ["u1", "u2"]`, "1, 2"},
		{`has(ids.user_id)`, "0, 1, 2"},
		// windows
		{`events.order.count()`, "0=4, 1=0, 2=1"},
		{`events.order.last("7d").count()`, "0=2, 1=0, 2=1"},
		{`events.order.last("8d").count()`, "0=3, 1=0, 2=1"},
		{`events.order.before("7d").count()`, "0=2, 1=0, 2=0"},
		{`events.order.last("1d").count()`, "0=1, 1=0, 2=0"},
		{`events.order.last("6mo").count()`, "0=4, 1=0, 2=1"},
		{`events.order.last("5mo").count()`, "0=4, 1=0, 2=1"}, // from 31 January
		{`events.order.last("151d").count()`, "0=4, 1=0, 2=1"},
		{`events.order.last("150d").count()`, "0=3, 1=0, 2=1"},
		{`events.view.last("30m").count()`, "0=0, 1=0, 2=2"},
		{`events.view.last("29m").count()`, "0=0, 1=0, 2=0"},
		{`events.view.count() < 2`, "0, 1"},
		{`events.order.between("2026-06-23", "2026-06-24").count()`, "0=2, 1=0, 2=0"},
		{`events.order.between(timestamp("2026-06-24"), timestamp("2026-06-30 10:00")).count()`, "0=1, 1=0, 2=1"},
		{`events.order.since("2026-06-24").until("2026-06-30").count()`, "0=1, 1=0, 2=1"},
		{`events.order.since(events.view.earliest().time).count()`, "0=4, 1=0, 2=0"},
		{`events.order.since(start_of(now, "mo")).count() > events.order.until(start_of(now, "mo")).count()`, "0, 2"},
		// measures
		{`events.order.sum(e, e.amount)`, "0=151, 1=0, 2=-5"},
		{`events.order.avg(e, e.amount)`, "0=37.75, 2=-5"},
		{`events.order.min(e, e.amount)`, "0=0.5, 2=-5"},
		{`events.order.max(e, e.amount)`, "0=100.5, 2=-5"},
		{`events.order.distinct(e, e.id)`, "0=3, 1=0, 2=1"},
		{`events.order.values(e, e.category)`, "0=茶,酒, 1=, 2=茶"},
		{`events.order.top(e, e.category)`, "0=茶, 2=茶"}, // two each: tea was used last
		{`events.order.top(e, e.category, -e.amount)`, "0=酒, 2=茶"},
		{`events.order.days()`, "0=4, 1=0, 2=1"},
		{`events.order.streak("d")`, "0=2, 1=0, 2=1"},
		{`events.order.streak("w")`, "0=2, 1=0, 2=1"},
		{`events.order.max_gap()`, "0=143"},
		{`events.order.peak("24h")`, "0=1, 1=0, 2=1"}, // exactly 24 hours apart: half open,
		{`events.order.peak("86401s")`, "0=2, 1=0, 2=1"},
		{`events.order.where(e, e.amount > 25 && e.category == "酒").count()`, "0=1, 1=0, 2=0"},
		{`events.order.where(e, e.amount > traits.age - 10).count()`, "0=2, 1=0, 2=0"},
		{`events.order.latest().time`, "0=2026-06-30T10:00:00+08:00, 2=2026-06-29T12:00:00+08:00"},
		{`events.order.nth(2).amount`, "0=30"},
		{`events.order.nth(-2).amount`, "0=20"},
		{`events.all.earliest().context.campaign.term`, "0=早茶"},
		{`events.all.latest().name`, "0=order, 2=view"},
		{`events.any("order", "view").count()`, "0=5, 1=0, 2=3"},
		{`events.view.distinct(e, e.item)`, "0=1, 1=0, 2=2"}, // 8 and "8"
		{`events.view.latest().item == "8"`, "2"},
		{`events.view.earliest().item == 8`, "2"},
		{`events.view.earliest().item == "8"`, ""},
		{`events.order.where(e, e.source == "shop").count() > 0`, "0, 2"},
		// functions
		{`days_since(events.order.latest().time)`, "0=0, 2=1"},
		{`days_since(events.order.latest().time) > 0`, "2"},
		{`age(traits.birthday)`, "0=30"},
		{`days_to_anniversary(traits.birthday)`, "0=243"},
		{`hour(events.order.latest().time)`, "0=10, 2=12"},
		{`weekday(events.order.latest().time)`, "0=2, 2=1"},
		{`format(events.order.earliest().time, "yyyy-MM")`, "0=2026-01, 2=2026-06"},
		{`now - events.order.latest().time > duration("14h")`, "2"},
		{`events.order.latest().time + duration("14h") < now`, "2"},
		{`add(now, "-1mo")`, "0=2026-05-30T23:59:59.999+08:00, 1=2026-05-30T23:59:59.999+08:00, 2=2026-05-30T23:59:59.999+08:00"},
		{`round(events.order.sum(e, e.amount) / events.order.count(), 1)`, "0=37.8, 2=-5"},
		{`5 / 2`, "0=2.5, 1=2.5, 2=2.5"},
		{`1 == 1.0`, "0, 1, 2"},
		{`1 / 3 * 3`, "0=1, 1=1, 2=1"},
		{`traits.city.startsWith("上")`, "0"},
		{`size(traits.city)`, "0=2, 2=2"},
		{`traits.age > 20 ? "成人" : traits.city`, "0=成人, 2=北京"},
		{`customer.first_seen > timestamp("2025-06-01")`, "1, 2"}, // the earliest record that has a time,
		// population
		{`mean(traits.age)`, "0=24, 1=24, 2=24"},
		{`traits.age > mean(traits.age)`, "0"},
		{`median(events.order.count())`, "0=1, 1=1, 2=1"},
		{`quantile(events.order.count(), 0.75)`, "0=2.5, 1=2.5, 2=2.5"},
		{`ntile(events.order.count(), 3)`, "0=3, 1=1, 2=2"},
		{`ntile(events.order.count(), 2, events.order.count() > 0)`, "0=2, 2=1"},
		{`ntile(-events.order.count(), 3)`, "0=1, 1=3, 2=2"},
		{`mean(events.order.count(), traits.age > mean(traits.age))`, "0=4, 1=4, 2=4"},
	} {
		if got := b.ask(c.rule); got != c.want {
			t.Errorf("%s\n  is    %s\n  wants %s", c.rule, got, c.want)
		}
	}
}

func TestFaults(t *testing.T) {
	b := shop(t)
	for _, c := range []struct{ rule, want string }{
		{`traits.cty == "上海"`, "there is no trait 'cty'"},
		{`events.ordr.count() > 1`, "there is no event 'ordr'"},
		{`events.order.sum(e, e.amont) > 1`, "the event 'order' has no property 'amont'"},
		{`events.order.count()  && true`, "a condition is expected, this is a number"},
		{`events.order`, "a value is expected, this is a selection of events"},
		{`events.order.last("999999999y").count()`, `"999999999y" is too long: the number is at most 1,000,000`},
		{`events.order.last("99999999999999999999d").count()`, `is too long: the number is at most 1,000,000`},
		{`add(now, "9999999999d")`, `"9999999999d" is too long`},
		{`duration("2562047788h") > duration("1h")`, `"2562047788h" is too long`},
		{`bucket("s", 100000000000)`, `the number of groups is at most 1,000,000`},
		{`bucket("s", 0)`, `the number of groups must be a whole number, at least 1`},
		{`events.order.nth(99999999999).time`, `nth counts to 2147483647`},
		{`events.order.nth(0).time`, `nth takes a whole number`},
		{`events.order.last("7 d").count()`, `"7 d" is not a length of time like "7d"`},
		{`traits.city + 1 > 2`, ""},
		{`"a" > 1`, "a text and a number cannot be compared"},
		{`events.order.where(e, events.view.where(v, v.item == e.id).count() > 0).count()`, "e belongs to another selection"},
		{`events.order.count() > "3" || traits.x == 1`, "a number and a text cannot be compared; there is no trait 'x'"},
	} {
		got := b.ask(c.rule)
		if c.want == "" && strings.HasPrefix(got, "fault") || c.want != "" && !strings.Contains(got, c.want) {
			t.Errorf("%s\n  is    %s\n  wants %s", c.rule, got, c.want)
		}
	}
}

// events.all is everything, also where an event is called so; events["all"] is that event.
func TestAnEventCalledAll(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30")
	p := b.customer("")
	b.event(p, "view", "2026-06-01")
	b.event(p, "all", "2026-06-02")
	for rule, want := range map[string]string{`events.all.count()`: "0=2", `events["all"].count()`: "0=1", `events.any("all", "view").count()`: "0=2"} {
		if got := b.ask(rule); got != want {
			t.Errorf("%s is %s, wants %s", rule, got, want)
		}
	}
}

func TestDaysOf23And25Hours(t *testing.T) {
	b := newBench(t, "America/New_York", "2026-03-09 12:00")
	p := b.customer("")
	b.event(p, "a", "2026-03-08 00:00") // a day of 23 hours
	b.event(p, "a", "2026-03-07 23:59:59.999")
	b.event(p, "a", "2026-03-09 00:00")
	for _, c := range []struct{ rule, want string }{
		{`events.a.last("2d").count()`, "0=2"},
		{`events.a.last("36h").count()`, "0=3"}, // an hour was skipped
		{`events.a.days()`, "0=3"},
		{`events.a.streak("d")`, "0=3"},
		{`days_between(events.a.earliest().time, events.a.latest().time)`, "0=2"},
	} {
		if got := b.ask(c.rule); got != c.want {
			t.Errorf("%s is %s, wants %s", c.rule, got, c.want)
		}
	}
	_ = time.UTC
}
