package rule_test

import (
	"context"
	"testing"

	"tagma/event"
	"tagma/internal/world"
	"tagma/rule"
	"tagma/warehouse"
)

// nextChange is when the answer to a rule can next change for a customer, as a test writes instants.
func (b *bench) nextChange(text string, p event.ProfileID) string {
	b.t.Helper()
	env := b.env()
	env.Tag = func(key string) (*rule.TagRef, bool, error) { return b.frequency(env, key) }
	r, faults := rule.Check(text, env, rule.AnyValue)
	if len(faults) > 0 {
		return "fault: " + faults[0].Message
	}
	run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone, Ahead: true}
	roots := []*rule.Expr{r.Expr}
	if err := run.Prepare(context.Background(), roots); err != nil {
		b.t.Fatal(err)
	}
	var at event.Time
	if err := run.One(p, roots, func(res *rule.Result) error {
		at = res.NextChange(r.Expr, 0)
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	switch at {
	case event.Never:
		return "never"
	case b.now + 1:
		return "soon"
	}
	return b.zone.Format(at)
}

// frequency is a tag with three cases, "f", or with bands, "b".
func (b *bench) frequency(env *rule.Env, key string) (*rule.TagRef, bool, error) {
	expr := func(text string) *rule.Expr {
		r, faults := rule.Check(text, env, rule.AnyValue)
		if len(faults) > 0 {
			b.t.Fatal(faults)
		}
		return r.Expr
	}
	switch key {
	case "f":
		conds := []*rule.Expr{expr(`events.order.last("90d").count() >= 4`), expr(`events.order.last("90d").count() >= 3`), expr(`days_until(traits.expires) < 5`)}
		return &rule.TagRef{Value: env.Builder.Cases(conds, []event.Value{event.Text("高"), event.Text("中"), event.Text("低")})}, true, nil
	case "b":
		bands := []rule.Band{{Below: b.val("5"), Value: "近"}, {Below: b.val("9"), Value: "中"}, {Value: "远"}}
		return &rule.TagRef{Value: env.Builder.Bands(expr(`days_until(traits.expires)`), bands)}, true, nil
	}
	return nil, false, nil
}

type promise struct{ rule, want string }

func (b *bench) promises(p event.ProfileID, all []promise) {
	b.t.Helper()
	for _, c := range all {
		if got := b.nextChange(c.rule, p); got != c.want {
			b.t.Errorf("%s\n  changes at %s\n  wants      %s", c.rule, got, c.want)
		}
	}
}

func TestNextChange(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30 12:00")
	p := b.customer("2025-01-01")
	b.trait(p, "city", "上海")
	b.trait(p, "level", "1", "2026-01-01")
	b.trait(p, "level", "1", "2026-07-03")
	b.trait(p, "level", "2", "2026-07-05 08:00")
	b.trait(p, "birthday", "date:1996-02-29")
	b.trait(p, "expires", "time:2026-07-10 09:00")
	for _, at := range []string{"2026-04-10 08:00", "2026-04-10 20:00", "2026-05-01 08:00", "2026-06-01 08:00", "2026-06-29 08:00", "2026-06-30 11:30"} {
		b.event(p, "order", at, "amount=100", "item=a")
	}
	b.event(p, "order", "2026-08-01 10:00", "amount=50", "item=b") // stored already, counts later
	b.event(p, "view", "2026-06-30 11:00", "item=a")
	b.event(p, "view", "2026-06-30 11:45", "item=b")
	b.event(p, "cart", "2026-06-30 10:00", "item=a")
	b.promises(p, []promise{
		// never by time alone
		{`true`, "never"},
		{`traits.city == "上海"`, "never"},
		{`has(ids.user_id)`, "never"},
		{`events.view.count()`, "never"},
		{`events.view.count() >= 2`, "never"},
		{`events.nothing.count() > 0`, "fault: there is no event 'nothing': it never came and no schema declares it"},
		{`customer.first_seen`, "never"},
		{`events.view.latest().item`, "never"},
		{`bucket("s", 10)`, "never"},
		// windows of days: the midnight at which enough has left
		{`events.order.last("90d").count()`, "2026-07-09T00:00:00+08:00"},
		{`events.order.last("90d").count() >= 6`, "2026-07-09T00:00:00+08:00"},
		{`events.order.last("90d").count() >= 5`, "2026-07-09T00:00:00+08:00"},
		{`events.order.last("90d").count() >= 4`, "2026-07-30T00:00:00+08:00"},
		{`events.order.last("90d").count() >= 3`, "2026-08-30T00:00:00+08:00"}, // might be later, were the August order told apart
		{`events.order.last("90d").count() >= 7`, "2026-08-01T10:00:00+08:00"},
		{`events.order.last("90d").count() >= 8`, "never"},
		{`events.order.last("90d").count() == 6`, "2026-07-09T00:00:00+08:00"},
		{`events.order.last("90d").count() == 4`, "2026-07-09T00:00:00+08:00"},
		{`events.order.last("90d").count() == 3`, "2026-07-30T00:00:00+08:00"},
		{`events.order.last("90d").sum(e, e.amount) > 350`, "2026-07-30T00:00:00+08:00"},
		{`events.order.last("90d").sum(e, e.amount) > 450`, "2026-07-09T00:00:00+08:00"},
		{`events.order.last("90d").sum(e, e.amount) > 1000`, "never"},
		{`events.order.last("90d").sum(e, e.amount) > 620`, "2026-08-01T10:00:00+08:00"},
		{`events.order.last("90d").days() >= 5`, "2026-07-09T00:00:00+08:00"},
		{`events.order.last("90d").days() >= 4`, "2026-07-30T00:00:00+08:00"},
		{`events.order.last("90d").distinct(e, e.item) >= 1`, "2026-09-28T00:00:00+08:00"},
		{`events.order.last("90d").distinct(e, e.item) >= 2`, "2026-08-01T10:00:00+08:00"},
		{`events.order.last("1mo").count() >= 3`, "2026-07-01T00:00:00+08:00"},
		{`events.order.last("1mo").count() >= 2`, "2026-07-29T00:00:00+08:00"},
		{`events.view.last("1d").count() > 0`, "2026-07-01T00:00:00+08:00"},
		{`events.view.before("7d").count() > 0`, "2026-07-07T00:00:00+08:00"},
		{`events.view.between("2026-06-01", "2026-06-30").count()`, "never"},
		{`events.order.between("2026-06-01", "2026-08-30").count()`, "2026-08-01T10:00:00+08:00"},
		// windows of hours
		{`events.view.last("2h").count() >= 1`, "2026-06-30T13:45:00+08:00"},
		{`events.view.last("2h").count() >= 2`, "2026-06-30T13:00:00+08:00"},
		{`events.view.before("30m").count() >= 2`, "2026-06-30T12:15:00+08:00"},
		// bounds that are computed
		{`events.order.since(start_of(now, "mo")).count() >= 3`, "2026-07-01T00:00:00+08:00"},
		{`events.order.since(start_of(now, "y")).count() >= 3`, "2027-01-01T00:00:00+08:00"},
		{`events.view.since(start_of(now, "mo")).count() > events.view.since(start_of(add(now, "-1mo"), "mo")).until(start_of(now, "mo")).count()`, "2026-07-01T00:00:00+08:00"},
		{`events.view.since(add(now, "-30d")).count() >= 2`, "2026-07-30T11:00:00.001+08:00"},
		{`events.view.since(now - duration("2h")).count() >= 2`, "2026-06-30T13:00:00.001+08:00"},
		{`events.view.where(e, now - e.time < duration("1h")).count() >= 1`, "2026-06-30T12:45:00+08:00"},
		{`events.view.where(e, days_since(e.time) < 7).count() >= 1`, "2026-07-07T00:00:00+08:00"},
		{`events.order.where(e, e.item == "b").count() > 0`, "2026-08-01T10:00:00+08:00"},
		{`events.view.where(e, e.item == "z").last("7d").count() > 0`, "never"},
		// days from and to
		{`days_since(events.view.latest().time) > 60`, "2026-08-30T00:00:00+08:00"},
		{`days_since(events.view.latest().time) >= 60`, "2026-08-29T00:00:00+08:00"},
		{`days_since(events.view.latest().time) == 60`, "2026-08-29T00:00:00+08:00"},
		{`days_since(events.view.latest().time) < 0`, "never"},
		{`days_since(events.order.latest().time) > 60`, "2026-08-30T00:00:00+08:00"}, // the August order can only delay it
		{`days_since(events.order.latest().time) <= 60`, "2026-08-30T00:00:00+08:00"},
		{`days_since(events.order.latest().time) == 0`, "2026-07-01T00:00:00+08:00"},
		{`days_since(events.order.before("7d").latest().time) > 60`, "2026-08-01T00:00:00+08:00"},
		{`days_since(events.order.last("90d").earliest().time) > 80`, "2026-07-09T00:00:00+08:00"},
		{`days_since(events.view.latest().time)`, "2026-07-01T00:00:00+08:00"},
		{`days_since(traits.expires) > 0`, "2026-07-11T00:00:00+08:00"},
		{`days_since(traits.expires) + 1 > 3`, "2026-07-13T00:00:00+08:00"},
		{`10 - days_since(traits.expires) < 3`, "2026-07-18T00:00:00+08:00"},
		{`-days_since(traits.expires) == 7`, "2026-07-03T00:00:00+08:00"},
		{`days_until(traits.expires) <= 7`, "2026-07-03T00:00:00+08:00"},
		{`days_until(traits.expires) > 10`, "never"},
		{`days_until(traits.expires)`, "2026-07-01T00:00:00+08:00"},
		{`days_until(traits.expires) in [1, 3]`, "2026-07-07T00:00:00+08:00"},
		{`days_between(now, traits.expires) < 5`, "2026-07-06T00:00:00+08:00"},
		{`days_between(traits.expires, now) >= 5`, "2026-07-15T00:00:00+08:00"},
		{`days_between(traits.birthday, traits.expires) > 5`, "never"},
		{`age(traits.birthday)`, "2027-02-28T00:00:00+08:00"},
		{`age(traits.birthday) >= 32`, "2028-02-29T00:00:00+08:00"},
		{`age(traits.birthday) >= 30`, "never"},
		{`age(traits.birthday) in [18, 40]`, "2036-02-29T00:00:00+08:00"},
		{`days_to_anniversary(traits.birthday) <= 7`, "2027-02-21T00:00:00+08:00"},
		{`days_to_anniversary(traits.birthday) == 0`, "2027-02-28T00:00:00+08:00"},
		{`days_to_anniversary(traits.birthday) > 0`, "2027-02-28T00:00:00+08:00"},
		{`days_to_anniversary(traits.birthday) > 300`, "2027-03-01T00:00:00+08:00"},
		// times against the clock
		{`now - events.view.latest().time > duration("12h")`, "2026-06-30T23:45:00.001+08:00"},
		{`events.view.latest().time + duration("12h") < now`, "2026-06-30T23:45:00.001+08:00"},
		{`traits.expires < now`, "2026-07-10T09:00:00.001+08:00"},
		{`now >= traits.expires`, "2026-07-10T09:00:00+08:00"},
		{`now > timestamp("2026-09-01")`, "2026-09-01T00:00:00.001+08:00"},
		{`now > timestamp("2026-01-01")`, "never"},
		{`add(traits.expires, "1mo") < now`, "2026-08-10T09:00:00.001+08:00"},
		{`add(now, "1mo") > timestamp("2026-08-15 10:00")`, "2026-07-15T10:00:00.001+08:00"},
		{`now`, "soon"},
		{`now - traits.expires < duration("-1h")`, "2026-07-10T08:00:00+08:00"},
		// the calendar
		{`hour(now) >= 9`, "2026-07-01T00:00:00+08:00"},
		{`hour(now) >= 20`, "2026-06-30T20:00:00+08:00"},
		{`weekday(now) == 5`, "2026-07-03T00:00:00+08:00"},
		{`weekday(now) in [6, 7]`, "2026-07-04T00:00:00+08:00"},
		{`month(now) == 11`, "2026-11-01T00:00:00+08:00"},
		{`month(traits.birthday) == month(now)`, "2027-02-01T00:00:00+08:00"},
		{`format(now, "MM-dd") == "11-11"`, "2026-11-11T00:00:00+08:00"},
		{`format(now, "HH:mm") == "18:30"`, "2026-06-30T18:30:00+08:00"},
		{`start_of(now, "mo")`, "2026-07-01T00:00:00+08:00"},
		{`start_of(now, "w")`, "2026-07-06T00:00:00+08:00"},
		{`date(now)`, "2026-07-01T00:00:00+08:00"},
		// traits in time
		{`traits.level`, "2026-07-05T08:00:00+08:00"},
		{`traits.level >= 2 && traits.city == "上海"`, "2026-07-05T08:00:00+08:00"},
		{`traits.level >= 2 && traits.city == "北京"`, "never"},
		{`changed_at(traits.level)`, "2026-07-05T08:00:00+08:00"},
		// logic: which operands decide
		{`days_until(traits.expires) <= 7 && days_until(traits.expires) <= 3`, "2026-07-07T00:00:00+08:00"},
		{`days_until(traits.expires) <= 7 || days_until(traits.expires) <= 3`, "2026-07-03T00:00:00+08:00"},
		{`!(days_until(traits.expires) <= 7)`, "2026-07-03T00:00:00+08:00"},
		{`traits.city == "北京" ? days_since(traits.expires) : 0`, "never"},
		{`traits.city == "上海" ? days_since(traits.expires) : 0`, "2026-07-01T00:00:00+08:00"},
		{`(days_until(traits.expires) <= 7 ? 1 : 2) == 1`, "2026-07-03T00:00:00+08:00"},
		// tags: the case that decides
		{`tags.f`, "2026-07-30T00:00:00+08:00"},
		{`tags.f == "高"`, "2026-07-30T00:00:00+08:00"},
		{`tags.f == "中"`, "2026-07-30T00:00:00+08:00"},
		{`tags.f == "低"`, "2026-08-30T00:00:00+08:00"}, // both before it have to end
		{`tags.b`, "2026-07-02T00:00:00+08:00"},
		{`tags.b == "远"`, "2026-07-02T00:00:00+08:00"},
		// times of picked events against fixed ones
		{`events.order.latest().time < timestamp("2026-07-15")`, "2026-08-01T10:00:00+08:00"},
		{`events.order.latest().time > timestamp("2026-01-15")`, "never"},
		{`events.view.last("2h").latest().time < timestamp("2026-07-15")`, "2026-06-30T13:45:00+08:00"},
		{`events.view.last("2h").earliest().time > timestamp("2026-01-15")`, "2026-06-30T13:45:00+08:00"},
		{`events.view.last("2h").earliest().time > timestamp("2026-06-30 11:30")`, "2026-06-30T13:00:00+08:00"},
		{`events.order.nth(8).item`, "never"},
		{`events.order.last("90d").nth(2).item`, "2026-07-09T00:00:00+08:00"},
		// picks and shapes
		{`events.order.latest().item`, "2026-08-01T10:00:00+08:00"},
		{`events.order.earliest().item`, "never"},
		{`events.order.last("90d").earliest().item`, "2026-07-09T00:00:00+08:00"},
		{`events.view.nth(3).item`, "never"},
		{`events.order.nth(7).item`, "2026-08-01T10:00:00+08:00"},
		{`events.order.streak("d")`, "2026-08-01T10:00:00+08:00"},
		{`events.view.max_gap()`, "never"},
		{`events.view.last("7d").peak("1h")`, "2026-07-07T00:00:00+08:00"},
		{`events.view.top(e, e.item)`, "never"},
		{`events.view.last("7d").avg(e, e.item) > 3`, "never"}, // no numbers
		// sequences
		{`events.cart.then(events.view, same("item")).count() >= 1`, "never"},
		{`events.view.then(events.order, same("item")).count() >= 2`, "2026-08-01T10:00:00+08:00"},
		{`events.view.then(events.order, same("item"), within("7d")).count() >= 2`, "never"},
		{`events.cart.without(events.order, same("item")).count() >= 1`, "never"},
		{`events.view.without(events.order, same("item")).count() >= 1`, "2026-08-01T10:00:00+08:00"},
		{`events.cart.before("24h").without(events.view).count() >= 1`, "never"},
		{`events.cart.before("3h").without(events.order, same("item"), within("1h")).count() >= 1`, "2026-06-30T13:00:00+08:00"},
		{`events.cart.last("2d").then(events.view).count() >= 2`, "2026-07-02T00:00:00+08:00"},
	})
}

// The promise is about what exists: before that, about coming into being.
func TestNextUniverse(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30 12:00")
	later, never, untimed := b.customer("2026-07-02 08:00"), b.customer("never"), b.customer("")
	b.event(later, "view", "2026-07-01 09:00")
	for p, want := range map[event.ProfileID]string{later: "2026-07-01T09:00:00+08:00", never: "never", untimed: "never"} {
		if got := b.nextChange("true", p); got != want {
			t.Errorf("customer %d: %s, wants %s", p, got, want)
		}
	}
}

// Without Run.Ahead the later rows were not read, and nothing is promised.
func TestNextChangeWithoutReadingAhead(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30 12:00")
	p := b.customer("")
	b.event(p, "view", "2026-06-01")
	env := b.env()
	count, _ := rule.Check(`events.view.count() > 3`, env, rule.Condition)
	run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone}
	if err := run.One(p, []*rule.Expr{count.Expr}, func(res *rule.Result) error {
		if got := res.NextChange(count.Expr, 0); got != b.now+1 {
			t.Errorf("next change %s", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// asked is a world that remembers which rows were wanted.
type asked struct {
	*world.World
	request warehouse.Request
}

func (a *asked) Reader(r warehouse.Request) (warehouse.Reader, error) {
	a.request = r
	return a.World.Reader(r)
}

// Looking ahead reads the later rows, and the earlier ones that a window may come back to, but not those that it has left
// for good.
func TestAheadReadsWhatCanCount(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30 12:00")
	p := b.customer("")
	b.event(p, "view", "2026-06-01")
	for text, from := range map[string]string{
		`events.view.last("7d").count() > 0`:                                                        "2026-06-24",
		`events.view.since(start_of(now, "mo")).count() > 0`:                                        "2026-06-01",
		`events.view.since(now - duration("36h")).count() > 0`:                                      "2026-06-29T00:00:00+08:00",
		`events.view.since(hour(now) < 13 ? start_of(now, "d") : start_of(now, "y")).count() > 0`:   "",
		`events.view.since(add(now, "-1mo")).count() > 0`:                                           "",
		`events.view.last("7d").count() > 0 && events.view.last("30d").count() < 3`:                 "2026-06-01",
		`events.view.last("7d").count() > 0 && events.view.until(start_of(now, "mo")).count() == 0`: "",
	} {
		r, faults := rule.Check(text, b.env(), rule.Condition)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		a := &asked{World: b.World}
		run := &rule.Run{Snapshot: a, Now: b.now, Zone: b.zone, Ahead: true}
		if err := run.One(p, []*rule.Expr{r.Expr}, func(*rule.Result) error { return nil }); err != nil {
			t.Fatal(err)
		}
		want := event.Time(-1 << 62)
		if from != "" {
			want, _, _ = b.zone.ParseInstant(from)
		}
		if got := a.request.Series[0]; got.From != want || got.To != event.Never {
			t.Errorf("%s: rows from %s to %d, wants from %s on", text, b.zone.Format(got.From), got.To, from)
		}
	}
}

func TestNextChangeAcrossSummerTime(t *testing.T) {
	b := newBench(t, "America/New_York", "2026-03-07 12:00") // clocks go forward on the 8th
	p := b.customer("")
	b.event(p, "a", "2026-03-07 03:00")
	b.event(p, "b", "2026-03-06 23:30")
	b.promises(p, []promise{
		{`events.a.last("1d").count() > 0`, "2026-03-08T00:00:00-05:00"},
		{`events.a.last("2d").count() > 0`, "2026-03-09T00:00:00-04:00"},
		{`events.a.last("24h").count() > 0`, "2026-03-08T04:00:00-04:00"}, // an hour is skipped
		{`now - events.a.latest().time > duration("48h")`, "2026-03-09T04:00:00.001-04:00"},
		{`days_since(events.a.latest().time) > 1`, "2026-03-09T00:00:00-04:00"},
		{`events.a.since(add(now, "-1d")).count() > 0`, "2026-03-08T03:00:00.001-04:00"},
		{`hour(now) == 2`, "2026-03-09T02:00:00-04:00"},
	})
	b.now = b.at("2026-03-07 02:30") // a day later 2:30 is skipped, and read as 3:30
	b.promises(p, []promise{
		{`add(now, "1d") > timestamp("2026-03-08 03:45")`, "2026-03-07T02:45:00.001-05:00"},
		{`add(now, "1d") < timestamp("2026-03-08 03:10")`, "2026-03-07T03:00:00-05:00"},
	})
	b.now = b.at("2026-03-08 01:30")
	b.promises(p, []promise{
		{`hour(now)`, "2026-03-08T03:00:00-04:00"},
		{`add(now, "1d") > timestamp("2026-03-09 03:30")`, "2026-03-08T03:30:00.001-04:00"},
	})
	b = newBench(t, "America/New_York", "2026-10-31 12:00") // and back on 1 November
	p = b.customer("")
	b.event(p, "a", "2026-10-31 03:00")
	b.promises(p, []promise{
		{`events.a.last("2d").count() > 0`, "2026-11-02T00:00:00-05:00"},
		{`events.a.last("24h").count() > 0`, "2026-11-01T02:00:00-05:00"},
		{`hour(now) == 1`, "2026-11-01T01:00:00-04:00"},
	})
	b.now = b.at("2026-10-30 12:00")
	b.promises(p, []promise{{`add(now, "1d") > timestamp("2026-11-01 02:30")`, "2026-10-31T02:30:00.001-04:00"}}) // an hour at once
	b.now = b.at("2026-11-01 01:30")                                                                              // the first of the two
	b.promises(p, []promise{{`hour(now) == 1`, "2026-11-01T02:00:00-05:00"}, {`format(now, "HH:mm") == "01:30"`, "2026-11-01T01:31:00-04:00"}})
	b.now = b.at("2026-11-01 01:31")
	b.promises(p, []promise{{`format(now, "HH:mm") == "01:30"`, "2026-11-01T01:30:00-05:00"}})

	// Midnight comes twice: one minute of 1 November, then the last hour of October again.
	b = newBench(t, "America/St_Johns", "2009-11-01 00:00:30")
	p = b.customer("")
	b.event(p, "a", "2009-10-31 12:00")
	b.promises(p, []promise{
		{`events.a.last("1d").count() > 0`, "2009-10-31T23:01:00-03:30"},
		{`day(now) == 1`, "2009-10-31T23:01:00-03:30"},
		{`month(now) == 11`, "2009-10-31T23:01:00-03:30"},
		{`start_of(now, "mo")`, "2009-10-31T23:01:00-03:30"},
		{`days_since(events.a.latest().time) > 0`, "2009-10-31T23:01:00-03:30"},
	})
	b.now = b.at("2009-10-31T23:01:00-03:30")
	b.promises(p, []promise{
		{`events.a.last("1d").count() > 0`, "2009-11-01T00:00:00-03:30"},
		{`day(now) == 1`, "2009-11-01T00:00:00-03:30"},
		{`days_since(events.a.latest().time) > 0`, "2009-11-01T00:00:00-03:30"},
	})
}
