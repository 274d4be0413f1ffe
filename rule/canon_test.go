package rule_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tagma/event"
	"tagma/rule"
)

// canonBench is a world in which the rules below can be said, with customers between whom they differ.
func canonBench(t testing.TB) *bench {
	b := newBench(t, "Asia/Shanghai", "2026-06-30")
	cities := []string{"上海", "北京", "南京", "null", ""}
	for i := range 60 {
		p := b.customer("")
		if city := cities[i%5]; city != "" {
			b.trait(p, "city", "'"+city+"'")
		}
		switch i % 3 {
		case 0:
			b.trait(p, "vip", "true")
		case 1:
			b.trait(p, "vip", "false")
		}
		if i%7 > 0 {
			b.trait(p, "age", fmt.Sprint(i%7*10))
		}
		for k := range i % 6 {
			b.event(p, "buy", fmt.Sprintf("2026-06-%02dT10:00:00+08:00", 30-(i*k)%29), fmt.Sprintf("amount=%d", k*50), fmt.Sprintf("item='%c'", 'a'+rune(i%4)))
		}
		if i%4 == 0 {
			b.event(p, "view", "2026-05-01T10:00:00+08:00", "item='a'")
		}
	}
	b.speak = func(env *rule.Env) {
		level := env.Builder.Cases([]*rule.Expr{mustExpr(t, env, `events.buy.count() >= 4`), mustExpr(t, env, `events.buy.count() >= 2`), mustExpr(t, env, `events.buy.count() >= 1`)},
			[]event.Value{event.Text("gold"), event.Text("silver"), event.Text("iron")})
		env.Tag = func(key string) (*rule.TagRef, bool, error) { return &rule.TagRef{Value: level}, key == "level", nil }
		env.TagKeys = func() []string { return []string{"level"} }
	}
	return b
}

func mustExpr(t testing.TB, env *rule.Env, text string) *rule.Expr {
	t.Helper()
	r, faults := rule.Check(text, env, rule.AnyValue)
	if len(faults) > 0 {
		t.Fatalf("%s: %s", text, faults[0].Message)
	}
	return r.Expr
}

// mustCond is the canonical expression of a condition.
func mustCond(t testing.TB, env *rule.Env, text string) *rule.Expr {
	t.Helper()
	r, faults := rule.Check(text, env, rule.Condition)
	if len(faults) > 0 {
		t.Fatalf("%s: %s", text, faults[0].Message)
	}
	return r.Expr
}

func TestSameMeaningIsOneExpression(t *testing.T) {
	b := canonBench(t)
	for _, same := range [][]string{
		// the order, and how a comparison is turned
		{`events.buy.count() >= 5 && traits.city == "上海"`, `"上海" == traits.city && 5 <= events.buy.count()`},
		{`events.buy.count() > events.view.count()`, `events.view.count() < events.buy.count()`},
		{`events.buy.count() + events.view.count() > 3`, `events.view.count() + events.buy.count() > 3`},
		{`events.buy.sum(e, e.amount) * 2 > 3`, `2 * events.buy.sum(e, e.amount) > 3`},
		// De Morgan and double negation
		{`!(traits.vip && traits.age > 20)`, `!traits.vip || !(traits.age > 20)`},
		{`!(traits.vip || !(traits.age > 20 && traits.city == "上海"))`, `!traits.vip && traits.age > 20 && traits.city == "上海"`},
		{`!!(traits.age > 20)`, `traits.age > 20`},
		{`traits.vip`, `!!traits.vip`, `traits.vip == true`, `traits.vip && true`, `traits.vip || traits.vip`, `traits.vip in [true]`},
		{`!(traits.city != "上海")`, `traits.city == "上海"`, `traits.city in ["上海"]`, `traits.city in ["上海", "上海"]`},
		// whole measures
		{`events.buy.count() > 4`, `events.buy.count() >= 5`, `events.buy.count() > 4.5`, `!(events.buy.count() < 5)`, `!(events.buy.count() <= 4)`},
		{`!(events.buy.count() >= 5)`, `events.buy.count() < 5`, `events.buy.count() <= 4`, `events.buy.count() <= 4.9`},
		{`events.buy.count() == 0`, `events.buy.count() < 1`, `!(events.buy.count() > 0)`, `!(events.buy.count() != 0)`},
		{`events.buy.days() > 2`, `events.buy.days() >= 3`},
		{`events.buy.distinct(e, e.item) > 2`, `!(events.buy.distinct(e, e.item) < 3)`},
		{`events.buy.streak("d") > 2`, `!(events.buy.streak("d") <= 2)`},
		// one of some values
		{`traits.city == "上海" || traits.city == "北京"`, `traits.city in ["北京", "上海"]`, `traits.city in ["上海"] || traits.city in ["北京", "上海"]`},
		{`traits.city != "上海" && traits.city != "北京"`, `!(traits.city in ["北京", "上海"])`},
		{`tags.level == "gold" || tags.level == "silver"`, `tags.level in ["silver", "gold"]`},
		{`events.buy.count() == 1 || events.buy.count() == 2`, `events.buy.count() in [2, 1]`},
		{`traits.city in ["上海", "北京"] && traits.city in ["北京", "南京"]`, `traits.city == "北京"`},
		{`traits.city in ["上海", "北京"] && traits.city != "上海"`, `traits.city == "北京"`},
		// absorption, ranges, constants
		{`traits.vip && (traits.vip || traits.age > 20)`, `traits.vip`},
		{`traits.vip && (!traits.vip || traits.age > 20)`, `traits.vip && traits.age > 20`},
		{`traits.vip || !traits.vip && traits.age > 20`, `traits.age > 20 || traits.vip`},
		{`events.buy.count() >= 5 && events.buy.count() >= 3`, `events.buy.count() >= 5`},
		{`events.buy.count() >= 5 || events.buy.count() >= 3`, `events.buy.count() >= 3`},
		{`traits.age > 20 && traits.age >= 30`, `traits.age >= 30`},
		{`true && traits.vip || false`, `traits.vip`},
		{`traits.vip || true`, `true`, `events.buy.count() >= 0`, `traits.vip || !traits.vip`, `events.buy.count() >= 3 || events.buy.count() < 5`, `traits.city != "上海" || traits.city != "北京"`, `1 < 2`, `!false`},
		{`traits.vip && false`, `false`, `events.buy.count() < 0`, `traits.vip && !traits.vip`, `events.buy.count() >= 5 && events.buy.count() < 3`, `traits.city == "上海" && traits.city == "北京"`,
			`events.buy.count() == 2.5`, `traits.city in []`, `tags.level == "gold" && tags.level == "iron"`, `days_since(events.buy.latest().time) > 180 && days_since(events.buy.latest().time) < 100`},
		// outcomes
		{`true ? traits.vip : traits.age > 20`, `traits.vip`},
		{`traits.age > 20 ? true : false`, `traits.age > 20`},
		{`traits.age > 20 ? events.buy.count() > 1 : false`, `traits.age > 20 && events.buy.count() > 1`},
		{`!(traits.age > 20) ? traits.vip : traits.city == "上海"`, `traits.age > 20 ? traits.city == "上海" : traits.vip`},
		{`(events.buy.count() > 1) == true`, `events.buy.count() > 1`},
		{`(events.buy.count() > 1) == false`, `events.buy.count() <= 1`},
		// filters
		{`events.buy.where(e, e.amount > 1 && e.item == "a").count() > 0`, `events.buy.where(e, e.item == "a").where(e, e.amount > 1).count() >= 1`},
		{`events.buy.where(x, x.amount > 1).last("2w").count() > 0`, `events.buy.last("14d").where(e, e.amount > 1).count() > 0`},
		{`events.buy.where(e, e.amount > 1 && traits.vip && traits.age > 20).count() > 0`, `events.buy.where(e, traits.age > 20 && (e.amount > 1 && traits.vip)).count() > 0`,
			`events.buy.where(e, traits.vip).where(e, e.amount > 1).where(e, traits.age > 20).count() > 0`},
		{`events.buy.where(e, !(traits.vip && traits.age > 20)).count() > 0`, `events.buy.where(e, !traits.vip || !(traits.age > 20)).count() > 0`},
		{`events.buy.where(e, true).count() > 0`, `events.buy.count() > 0`},
	} {
		env := b.env()
		first := mustCond(t, env, same[0])
		for _, text := range same[1:] {
			if x := mustCond(t, env, text); x != first {
				t.Errorf("%s\n  is   %s\n  want %s of %s", text, x, first, same[0])
			}
		}
		// In another order, and by another builder, the text is the same.
		env = b.env()
		for i := len(same) - 1; i >= 0; i-- {
			if text := mustCond(t, env, same[i]).String(); text != first.String() {
				t.Errorf("%s: the text is %s and was %s", same[i], text, first)
			}
		}
	}
}

func TestOtherMeaningIsAnotherExpression(t *testing.T) {
	b := canonBench(t)
	for _, pair := range [][2]string{
		{`events.buy.sum(e, e.amount) > 4`, `events.buy.sum(e, e.amount) >= 5`}, // amounts have decimals
		{`!(traits.age >= 20)`, `traits.age < 20`},                              // an unknown age
		{`!(events.buy.avg(e, e.amount) >= 5)`, `events.buy.avg(e, e.amount) < 5`},
		{`traits.vip == false`, `!traits.vip`},
		{`traits.vip && traits.age > 20`, `traits.vip || traits.age > 20`},
		{`traits.city != "上海" || traits.city == "北京"`, `traits.city in ["上海", "北京"]`},
		{`traits.age >= 20 || traits.age < 30`, `true`}, // an unknown age
		{`has(traits.age)`, `true`},
		{`events.buy.last("7d").count() > 1`, `events.buy.last("8d").count() > 1`},
		{`events.buy.last("24h").count() > 1`, `events.buy.last("1d").count() > 1`},
		{`events.buy.where(e, e.item == "a").count() > 1`, `events.buy.where(e, e.item != "a").count() > 1`},
		{`traits.age - 1 > 2`, `1 - traits.age > 2`},
		{`traits.city == "10"`, `traits.city == 10`},
		{`tags.level == "gold"`, `tags.level in ["gold", "iron"]`},
		{`traits.vip ? traits.age > 20 : traits.age > 10`, `!traits.vip ? traits.age > 20 : traits.age > 10`},
	} {
		env := b.env()
		if x, y := mustCond(t, env, pair[0]), mustCond(t, env, pair[1]); x == y {
			t.Errorf("%s and %s are both %s", pair[0], pair[1], x)
		}
	}
}

// Random formulas over a few atoms hold for whom plain logic says.
func TestCanonicalFormKeepsTheAnswer(t *testing.T) {
	b := canonBench(t)
	atoms := []string{`traits.vip`, `traits.vip == false`, `traits.age > 20`, `traits.age >= 30`, `traits.age < 50`, `traits.age == 40`, `traits.age != 40`, `traits.age in [10, 40]`,
		`events.buy.count() >= 2`, `events.buy.count() < 4`, `events.buy.count() == 3`, `events.buy.count() > 0`, `events.buy.count() in [1, 3]`,
		`traits.city == "上海"`, `traits.city != "北京"`, `traits.city in ["上海", "南京"]`, `traits.city > "上海"`, `true`, `false`,
		`tags.level == "gold"`, `tags.level in ["gold", "iron"]`, `tags.level != "silver"`,
		`days_since(events.buy.latest().time) > 3`, `days_since(events.buy.latest().time) <= 10`, `days_since(events.buy.latest().time) == 5`,
		`events.buy.latest().time > timestamp("2026-06-20T00:00:00+08:00")`, `events.buy.latest().time < timestamp("2026-06-25T00:00:00+08:00")`}
	n := len(b.Known)
	env := b.env() // one builder for all, as in a library
	holds := map[string][]bool{}
	for i, who := range b.members(env, atoms) {
		holds[atoms[i]] = who
	}
	r := rand.New(rand.NewPCG(3, 4))
	type formula struct {
		text string
		at   func(i int) bool
	}
	var draw func(depth int) formula
	draw = func(depth int) formula {
		if depth == 0 || r.IntN(5) == 0 {
			a := atoms[r.IntN(len(atoms))]
			return formula{a, func(i int) bool { return holds[a][i] }}
		}
		x, y := draw(depth-1), draw(depth-1)
		switch r.IntN(5) {
		case 0:
			return formula{"!(" + x.text + ")", func(i int) bool { return !x.at(i) }}
		case 1:
			z := draw(depth - 1)
			return formula{"((" + x.text + ") ? (" + y.text + ") == true : (" + z.text + ") == true)", func(i int) bool {
				if x.at(i) {
					return y.at(i)
				}
				return z.at(i)
			}}
		case 2:
			return formula{"(" + x.text + " || " + y.text + ")", func(i int) bool { return x.at(i) || y.at(i) }}
		}
		return formula{"(" + x.text + " && " + y.text + ")", func(i int) bool { return x.at(i) && y.at(i) }}
	}
	var texts []string
	var wants []func(i int) bool
	for range 1500 { // as a condition, and of the customer within a filter
		f := draw(1 + r.IntN(4))
		texts = append(texts, f.text, "events.buy.where(e, "+f.text+").count() >= 1")
		wants = append(wants, f.at, func(i int) bool { return f.at(i) && holds[`events.buy.count() > 0`][i] })
	}
	for k, got := range b.members(env, texts) {
		for i := range n {
			if got[i] != wants[k](i) {
				t.Fatalf("customer %d: %v, want %v\n%s\n%s", i, got[i], wants[k](i), texts[k], mustCond(t, env, texts[k]))
			}
		}
	}
}

// members says, for each condition, for whom it holds.
func (b *bench) members(env *rule.Env, texts []string) [][]bool {
	b.t.Helper()
	roots := make([]*rule.Expr, len(texts))
	out := make([][]bool, len(texts))
	for i, text := range texts {
		roots[i] = mustCond(b.t, env, text)
		out[i] = make([]bool, len(b.Known))
	}
	run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone}
	if err := run.Blocks(context.Background(), roots, func(res *rule.Result) error {
		for k, x := range roots {
			who := res.Cond(x)
			for i := range res.N {
				if who.Get(i) {
					out[k][int(res.First)+i] = true
				}
			}
		}
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return out
}

func TestCanonicalTextIsReadable(t *testing.T) {
	b := canonBench(t)
	env := b.env()
	for text, want := range map[string]string{
		`!(events.buy.count() >= 5 || traits.city == "上海")`: `((events["buy"].count() < 5) && (traits["city"] != "上海"))`,
		`events.buy.count() == 0`:                           `(events["buy"].count() == 0)`,
		`!(traits.age >= 20)`:                               `!(traits["age"] >= 20)`,
		`tags.level == "gold" || tags.level == "iron"`:      `in ["gold", "iron"])`,
	} {
		if got := mustCond(t, env, text).String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestImplies(t *testing.T) {
	b := canonBench(t)
	for _, c := range []struct {
		x, y string
		want bool
	}{
		{`events.buy.count() >= 5`, `events.buy.count() >= 3`, true},
		{`events.buy.count() >= 3`, `events.buy.count() >= 5`, false},
		{`events.buy.count() >= 5 && traits.vip`, `events.buy.count() > 0`, true},
		{`traits.vip`, `traits.vip || traits.age > 20`, true},
		{`traits.city == "上海"`, `traits.city in ["上海", "北京"] || traits.vip`, true},
		{`traits.city == "上海"`, `traits.city != "北京"`, true},
		{`traits.age < 20`, `!(traits.age >= 20)`, true},
		{`!(traits.age >= 20)`, `traits.age < 20`, false},
		{`tags.level == "gold"`, `tags.level in ["gold", "iron"]`, true},
	} {
		env := b.env()
		if got := env.Builder.Implies(mustCond(t, env, c.x), mustCond(t, env, c.y)); got != c.want {
			t.Errorf("%s implies %s: %v", c.x, c.y, got)
		}
	}
}

func TestRowsLookedAt(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30")
	for range 3 {
		p := b.customer("")
		b.trait(p, "city", "'上海'", "2026-01-01")
		b.event(p, "buy", "2026-06-30T10:00:00+08:00", "amount=1")
		b.event(p, "buy", "2026-06-01T10:00:00+08:00", "amount=2")
		b.event(p, "buy", "2025-06-01T10:00:00+08:00", "amount=3")
	}
	env := b.env()
	for text, want := range map[string]int{
		`events.buy.count() >= 2`:                                    9,
		`events.buy.last("7d").count() >= 1`:                         3,
		`events.buy.before("7d").count() >= 1`:                       6,
		`events.buy.last("7d").count() + events.buy.count() >= 1`:    12,
		`traits.city == "上海"`:                                        3,
		`traits.city == "上海" && events.buy.last("60d").count() == 0`: 9,
		`events.buy.count() > mean(events.buy.last("60d").count())`:  9,
		`true`: 0,
	} {
		x := mustCond(t, env, text)
		run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone}
		if err := run.Prepare(context.Background(), []*rule.Expr{x}); err != nil {
			t.Fatal(err)
		}
		got := 0
		if err := run.Blocks(context.Background(), []*rule.Expr{x, mustCond(t, env, `events.buy.count() > 100`)}, func(res *rule.Result) error {
			got += res.Rows(x)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s looks at %d rows, want %d", text, got, want)
		}
	}
}

// A rule of ten leaves, checked among 2,000 known names.
func BenchmarkCheck(b *testing.B) {
	zone, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		b.Fatal(err)
	}
	names := rule.NewNames(nil)
	for i := range 500 {
		names.DeclareTrait(fmt.Sprintf("trait_%d", i), event.TextKind)
		names.DeclareEvent(fmt.Sprintf("event_%d", i))
		for k := range 2 {
			names.DeclareProperty(fmt.Sprintf("event_%d", i), fmt.Sprintf("property_%d_%d", i, k), event.NumberKind)
		}
	}
	const text = `events.event_7.last("90d").count() >= 5 && traits.trait_3 in ["上海", "北京", "南京"] && !(traits.trait_9 == "a" || traits.trait_10 == "b")
		&& (events.event_8.last("30d").where(e, e.property_8_1 > 100).sum(e, e.property_8_0) >= 1000 || days_since(events.event_8.latest().time) <= 7)
		&& events.event_100.count() < 3 && (traits.trait_400 != "x" || has(traits.trait_401))
		&& events.event_7.where(e, e.property_7_0 > 3).count() >= events.event_7.count() * 0.4 && events.all.last("1y").days() > 10`
	b.ReportAllocs()
	for b.Loop() {
		if _, faults := rule.Check(text, &rule.Env{Zone: zone, Names: names, Builder: rule.NewBuilder()}, rule.Condition); len(faults) > 0 {
			b.Fatal(faults[0].Message)
		}
	}
}
