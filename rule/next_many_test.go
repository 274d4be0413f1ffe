package rule_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tagma/event"
	"tagma/internal/world"
	"tagma/rule"
	"tagma/warehouse"
)

// wakes is when each customer is to be looked at again for some rules, as a test writes instants.
func (b *bench) wakes(rules ...string) (out []string) {
	b.t.Helper()
	env := b.env()
	env.Tag = func(key string) (*rule.TagRef, bool, error) { return b.frequency(env, key) }
	var roots []*rule.Expr
	for _, text := range rules {
		r, faults := rule.Check(text, env, rule.AnyValue)
		if len(faults) > 0 {
			b.t.Fatalf("%s: %s", text, faults[0].Message)
		}
		roots = append(roots, r.Expr)
	}
	run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone, Ahead: true}
	if err := run.Prepare(context.Background(), roots); err != nil {
		b.t.Fatal(err)
	}
	if err := run.Blocks(context.Background(), roots, func(res *rule.Result) error {
		into := make([]event.Time, res.N)
		res.NextChanges(roots, into)
		for i := range b.Known {
			switch into[i] {
			case event.Never:
				out = append(out, "never")
			case b.now + 1:
				out = append(out, "soon")
			default:
				out = append(out, strings.TrimSuffix(b.zone.Format(into[i]), b.zone.Format(b.now)[19:]))
			}
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return out
}

func TestNextChangesOfCustomers(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30 12:00")
	often, once, nobody, early := b.customer(""), b.customer(""), b.customer(""), b.customer("2026-07-02 08:00")
	for _, at := range []string{"2026-04-10 09:00", "2026-06-01 10:00", "2026-06-25 20:00", "2026-06-30 11:50"} {
		b.event(often, "order", at, "amount=100", "item=a", "city=x")
	}
	b.event(once, "order", "2026-06-20 10:00", "amount=30", "item=b")
	b.event(once, "view", "2026-08-01 10:00", "item=b") // later than now
	b.event(early, "order", "2026-07-02 09:00")
	b.trait(often, "city", "'上海'")
	b.trait(once, "city", "'北京'")
	b.trait(often, "birthday", "date:1996-07-05")
	b.trait(once, "birthday", "date:1990-01-01")
	b.trait(once, "level", "2", "2026-07-05 08:00")
	b.trait(nobody, "expires", "time:2026-07-10 09:00")
	const unborn = "2026-07-02T08:00:00"
	for _, c := range []struct {
		rules string // one a line
		wants [3]string
	}{
		{`true`, [3]string{"never", "never", "never"}},
		// windows: at the day on which a row leaves that matters, not each midnight
		{`events.order.last("30d").count() >= 1`, [3]string{"2026-07-30T00:00:00", "2026-07-20T00:00:00", "never"}},
		{`events.order.last("30d").count() >= 3`, [3]string{"2026-07-01T00:00:00", "never", "never"}},
		{`events.order.last("90d").count() == 3`, [3]string{"2026-07-09T00:00:00", "never", "never"}},
		{`events.order.last("90d").days() >= 4`, [3]string{"2026-07-09T00:00:00", "never", "never"}},
		{`events.order.last("90d").sum(e, e.amount) >= 250`, [3]string{"2026-08-30T00:00:00", "never", "never"}},
		{`events.order.last("90d").distinct(e, e.item) >= 1`, [3]string{"2026-09-28T00:00:00", "2026-09-18T00:00:00", "never"}},
		{`events.order.last("90d").where(e, e.item == "a").max(e, e.amount) > 50`, [3]string{"2026-07-09T00:00:00", "never", "never"}},
		{`events.order.last("90d").top(e, e.item) == "a"`, [3]string{"2026-07-09T00:00:00", "2026-09-18T00:00:00", "never"}},
		{`events.any("order", "view").last("30d").count() >= 2`, [3]string{"2026-07-25T00:00:00", "2026-08-01T10:00:00", "never"}},
		// minutes
		{`events.order.last("30m").count() >= 1`, [3]string{"2026-06-30T12:20:00", "never", "never"}},
		{`now - events.order.latest().time > duration("1h")`, [3]string{"2026-06-30T12:50:00.001", "never", "never"}},
		// what is older than a window joins
		{`events.order.before("7d").count() >= 3`, [3]string{"2026-07-02T00:00:00", "never", "never"}},
		{`events.order.before("7d").count() >= 1`, [3]string{"never", "never", "never"}},
		{`events.order.before("7d").last("14d").count() == 0`, [3]string{"2026-07-02T00:00:00", "2026-07-04T00:00:00", "never"}},
		// months
		{`events.order.since(start_of(now, "mo")).count() >= 2`, [3]string{"2026-07-01T00:00:00", "never", "never"}},
		// since when
		{`days_since(events.order.latest().time) > 30`, [3]string{"2026-07-31T00:00:00", "2026-07-21T00:00:00", "never"}},
		{`days_since(events.order.latest().time) <= 7`, [3]string{"2026-07-08T00:00:00", "never", "never"}},
		{`days_until(traits.expires) <= 3`, [3]string{"never", "never", "2026-07-07T00:00:00"}},
		{`traits.expires < now`, [3]string{"never", "never", "2026-07-10T09:00:00.001"}},
		// the calendar by customers
		{`age(traits.birthday) >= 30`, [3]string{"2026-07-05T00:00:00", "never", "never"}},
		{`age(traits.birthday) in [30, 37]`, [3]string{"2026-07-05T00:00:00", "2027-01-01T00:00:00", "never"}},
		{`days_to_anniversary(traits.birthday) <= 3`, [3]string{"2026-07-02T00:00:00", "2026-12-29T00:00:00", "never"}},
		{`month(traits.birthday) == month(now)`, [3]string{"2026-07-01T00:00:00", "2027-01-01T00:00:00", "never"}},
		// for everybody at once
		{`hour(now) >= 20`, [3]string{"2026-06-30T20:00:00", "2026-06-30T20:00:00", "2026-06-30T20:00:00"}},
		{`date(now) == date(timestamp("2026-11-11"))`, [3]string{"2026-11-11T00:00:00", "2026-11-11T00:00:00", "2026-11-11T00:00:00"}},
		{`weekday(now) == 5 && traits.city == "上海"`, [3]string{"2026-07-03T00:00:00", "never", "never"}},
		// logic: what decides
		{`traits.city == "北京" && events.order.last("30d").count() >= 1`, [3]string{"never", "2026-07-20T00:00:00", "never"}},
		{`traits.city == "上海" || events.order.last("30d").count() >= 1`, [3]string{"never", "2026-07-20T00:00:00", "never"}},
		{`!(events.order.last("30d").count() >= 1)`, [3]string{"2026-07-30T00:00:00", "2026-07-20T00:00:00", "never"}},
		{`traits.city == "上海" ? events.order.last("7d").count() > 0 : events.order.last("30d").count() > 0`, [3]string{"2026-07-07T00:00:00", "2026-07-20T00:00:00", "never"}},
		// tags over tags
		{`tags.f`, [3]string{"2026-07-09T00:00:00", "never", "2026-07-06T00:00:00"}},
		{`tags.f == "高"`, [3]string{"2026-07-09T00:00:00", "never", "never"}},
		// rows later than now
		{`traits.level == 2`, [3]string{"never", "2026-07-05T08:00:00", "never"}},
		{`events.view.count() > 0`, [3]string{"never", "2026-08-01T10:00:00", "never"}},
		{`traits.city == "上海" && events.view.count() > 0`, [3]string{"never", "never", "never"}},
		// sequences and rows that look at the clock, customer by customer
		{`events.order.where(e, now - e.time < duration("1h")).count() >= 1`, [3]string{"2026-06-30T12:50:00", "never", "never"}},
		{`events.order.last("7d").then(events.order).count() >= 1`, [3]string{"2026-07-02T00:00:00", "never", "never"}},
		// a parameter is as the last run left it; what gives each customer a value of its own is for runs
		{`events.order.last("30d").count() > mean(events.order.last("30d").count())`, [3]string{"2026-07-01T00:00:00", "2026-07-20T00:00:00", "never"}},
		{`ntile(events.order.last("30d").count(), 5) == 5 || hour(now) == 20`, [3]string{"never", "never", "never"}},
		// the first of several
		{"events.order.last(\"30d\").count() >= 1\nage(traits.birthday) >= 30\nweekday(now) == 1", [3]string{"2026-07-05T00:00:00", "2026-07-06T00:00:00", "2026-07-06T00:00:00"}},
	} {
		if got, want := b.wakes(strings.Split(c.rules, "\n")...), append(c.wants[:], unborn); !slices.Equal(got, want) {
			t.Errorf("%s\n  wakes %q\n  wants %q", c.rules, got, want)
		}
	}
}

func TestNextChangesAcrossSummerTime(t *testing.T) {
	b := newBench(t, "America/New_York", "2026-03-07 12:00") // clocks go forward on the 8th
	b.event(b.customer(""), "a", "2026-03-07 03:00")
	b.event(b.customer(""), "a", "2026-03-06 23:30")
	for text, want := range map[string][]string{
		`events.a.last("1d").count() > 0`:               {"2026-03-08T00:00:00", "never"},
		`events.a.last("2d").count() > 0`:               {"2026-03-09T00:00:00-04:00", "2026-03-08T00:00:00"},
		`events.a.last("24h").count() > 0`:              {"2026-03-08T04:00:00-04:00", "2026-03-07T23:30:00"}, // an hour is skipped
		`days_since(events.a.latest().time) > 1`:        {"2026-03-09T00:00:00-04:00", "2026-03-08T00:00:00"},
		`events.a.since(add(now, "-1d")).count() > 0`:   {"2026-03-08T03:00:00.001-04:00", "2026-03-07T23:30:00.001"},
		`now - events.a.latest().time > duration("2d")`: {"2026-03-09T04:00:00.001-04:00", "2026-03-09T00:30:00.001-04:00"},
	} {
		if strings.Contains(text, `duration("2d")`) {
			text = strings.Replace(text, "2d", "48h", 1)
		}
		if got := b.wakes(text); !slices.Equal(got, want) {
			t.Errorf("%s: wakes %q, wants %q", text, got, want)
		}
	}
	b = newBench(t, "America/New_York", "2026-10-31 12:00") // and back on 1 November
	b.event(b.customer(""), "a", "2026-10-31 03:00")
	for text, want := range map[string]string{
		`events.a.last("2d").count() > 0`:  "2026-11-02T00:00:00-05:00",
		`events.a.last("24h").count() > 0`: "2026-11-01T02:00:00-05:00",
	} {
		if got := b.wakes(text); got[0] != want {
			t.Errorf("%s: wakes %q, wants %q", text, got, want)
		}
	}
	// Midnight comes twice: one minute of 1 November, then the last hour of October again.
	b = newBench(t, "America/St_Johns", "2009-11-01 00:00:30")
	b.event(b.customer(""), "a", "2009-10-31 12:00")
	if got := b.wakes(`events.a.last("1d").count() > 0`); got[0] != "2009-10-31T23:01:00-03:30" {
		t.Errorf("midnight comes twice: wakes %q", got)
	}
}

// lookups is a world that has the profiles at hand.
type lookups struct {
	*world.World
	profiles []warehouse.Profile
}

func (l *lookups) Profile(p event.ProfileID) warehouse.Profile {
	if int(p) >= len(l.profiles) {
		return warehouse.Profile{}
	}
	return l.profiles[p]
}

// manyCustomers is a shop with as many customers, twenty events each over a year, and rules of the usual families.
func manyCustomers(t testing.TB, customers, rules int) (run *rule.Run, roots []*rule.Expr) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30 12:00")
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"view", "view", "view", "search", "cart", "cart", "order", "favourite", "share", "refund"}
	cities := []string{"上海", "北京", "广州", "成都"}
	now := b.now
	for i := range customers {
		p := event.ProfileID(i)
		b.Known = append(b.Known, event.NewProfile{Profile: p, Person: true, Seen: event.Always})
		add := func(name string, v event.Value) {
			b.Traits = append(b.Traits, event.Trait{Profile: p, Name: name, Time: event.Always, Arrival: uint64(len(b.Traits)), Value: v})
		}
		add("city", event.Text(cities[r.IntN(4)]))
		if r.IntN(2) == 0 {
			add("birthday", event.Civil(event.DateOf(1960+r.IntN(45), time.Month(1+r.IntN(12)), 1+r.IntN(28))))
		}
		for range int(r.ExpFloat64() * 20) {
			u := r.Float64()
			e := event.Event{Profile: p, Name: names[r.IntN(len(names))], Time: now - event.Time(u*u*365*86_400_000), Arrival: uint64(len(b.Events)), Source: "shop"}
			e.Props = []event.Property{{Name: "amount", Value: event.Num(event.Scaled(int64(r.IntN(50_000)), 2))},
				{Name: "category", Value: event.Text(fmt.Sprintf("c%d", r.IntN(8)))}, {Name: "channel", Value: event.Text(fmt.Sprintf("h%d", r.IntN(3)))}}
			b.Events = append(b.Events, e)
		}
	}
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	leaf := func() string {
		s := "events." + one(names...)
		if r.IntN(30) == 0 {
			s = "events.all"
		}
		filtered := r.IntN(8) > 0
		if filtered {
			s += one(fmt.Sprintf(`.where(e, e.category == "c%d")`, r.IntN(8)), fmt.Sprintf(`.where(e, e.channel == "h%d")`, r.IntN(3)), fmt.Sprintf(`.where(e, e.amount > %d)`, 50*r.IntN(9)))
		}
		of := s
		if w := one("7", "14", "30", "60", "90", "180", "365"); r.IntN(25) == 0 {
			s += `.before("30d")`
		} else {
			s += `.last("` + w + `d")`
		}
		switch r.IntN(14) {
		case 0, 1, 2, 3:
			return s + ".count() " + one(">= ", ">= ", ">= ", "< ", "== ") + one("1", "2", "3", "5")
		case 4:
			return s + ".days() >= " + one("1", "2", "3")
		case 5, 6:
			return s + ".sum(e, e.amount) >= " + one("100", "500", "1000")
		case 7:
			return s + one(".avg", ".max") + "(e, e.amount) > " + one("100", "300")
		case 8:
			return "days_since(" + of + ".latest().time) " + one("> ", "> ", "<= ") + one("7", "30", "60", "90")
		case 9:
			return s + ".count() == 0"
		case 10:
			return s + ".distinct(e, e.category) >= " + one("2", "3")
		case 11:
			return s + `.top(e, e.category) == "c1"`
		case 12:
			return "age(traits.birthday) >= " + one("18", "25", "35", "60")
		}
		return `traits.city == "` + one(cities...) + `"`
	}
	env := b.env()
	tags := map[string]*rule.Expr{}
	env.Tag = func(key string) (*rule.TagRef, bool, error) {
		return &rule.TagRef{Value: tags[key], Values: []string{"是"}}, tags[key] != nil, nil
	}
	for k := range rules {
		text := leaf()
		switch {
		case k%20 == 19:
			text = fmt.Sprintf(`tags.t%d == "是" %s tags.t%d != "是"`, r.IntN(k), one("&&", "||"), r.IntN(k))
		case k%2 == 0:
			for range 1 + r.IntN(3) {
				text = "(" + text + one(" && ", " || ") + one("", "", "", "!") + "(" + leaf() + "))"
			}
		}
		x, faults := rule.Check(text, env, rule.Condition)
		if len(faults) > 0 {
			t.Fatalf("%s: %s", text, faults[0].Message)
		}
		roots = append(roots, x.Expr)
		tags[fmt.Sprintf("t%d", k)] = env.Builder.Cases([]*rule.Expr{x.Expr}, []event.Value{event.Text("是")})
	}
	l := &lookups{World: b.World}
	for range customers {
		l.profiles = append(l.profiles, warehouse.Profile{Known: true, Person: true, Untimed: true, FirstSeen: now})
	}
	return &rule.Run{Snapshot: l, Now: now, Zone: b.zone, Ahead: true}, roots
}

// For the rules that people write nearly nobody is woken before something can change: on each day about as many customers
// as the earliest NextChange of all rules names.
func TestNextChangesAreLate(t *testing.T) {
	run, roots := manyCustomers(t, 250, 150)
	const days = 30
	mine, theirs, alike, customers := [days]int{}, [days]int{}, 0, 0
	if err := run.Blocks(context.Background(), roots, func(res *rule.Result) error {
		into := make([]event.Time, res.N)
		res.NextChanges(roots, into)
		for i := range res.N {
			if !res.Universe.Get(i) {
				continue
			}
			least := event.Never
			for _, x := range roots {
				least = min(least, res.NextChange(x, i))
			}
			if into[i] > least || into[i] <= run.Now {
				t.Errorf("customer %d: the earliest change %s, woken %s", i, least, into[i])
			}
			customers++
			if into[i] == least {
				alike++
			}
			for d := range days {
				end := run.Now + event.Time(d+1)*86_400_000
				if into[i] <= end {
					mine[d]++
				}
				if least <= end {
					theirs[d]++
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d customers are woken at the very instant; within 1, 7 and 30 days %d, %d, %d are woken, %d, %d, %d with cause", alike, customers,
		mine[0], mine[6], mine[29], theirs[0], theirs[6], theirs[29])
	for d := range days {
		if mine[d]*10 > theirs[d]*13 {
			t.Errorf("within %d days %d customers are woken, %d with cause", d+1, mine[d], theirs[d])
		}
	}
}

// BenchmarkNextChanges is for a block of 2,048 customers and a thousand rules: what it costs a customer to decide them, and
// to say when that must be done again.
func BenchmarkNextChanges(b *testing.B) {
	const customers = 2048
	run, roots := manyCustomers(b, customers, 1000)
	per := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*customers), "ns/customer")
	}
	gather, block := decided(b, run, roots)
	b.Run("decide", func(b *testing.B) {
		for b.Loop() {
			gather.Block(block, nil)
		}
		per(b)
	})
	b.Run("next", func(b *testing.B) {
		res, into := gather.Block(block, nil), make([]event.Time, customers)
		for b.Loop() {
			res.NextChanges(roots, into)
		}
		per(b)
	})
}

// decided reads the one block of all customers.
func decided(b *testing.B, run *rule.Run, roots []*rule.Expr) (*rule.Gather, *warehouse.Block) {
	gather := rule.NewGather(roots, run.Snapshot.Series())
	gather.Begin(run)
	reader, err := run.Snapshot.Reader(gather.Request())
	if err != nil {
		b.Fatal(err)
	}
	block := &warehouse.Block{}
	if err := reader.Blocks(0, warehouse.MaxBlocks, block); err != nil {
		b.Fatal(err)
	}
	return gather, block
}
