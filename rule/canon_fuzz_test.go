package rule_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tagma/rule"
)

// Whatever is checked: no panic, no hang, faults within the text; what passes has one canonical form, whoever builds
// it, and can be evaluated.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`events.buy.count() >= 5 && traits.city in ["上海"]`, `!(traits.vip || !(events.buy.sum(e, e.amount) > 3))`, `tags.level == "gold" ? events.buy.latest().time : now`,
		`events.buy.where(e, e.amount > 1 && traits.vip).then(events.view, within("7d"), same("item")).count() > 0`, `events.view.without(events.buy).count() == 0 || traits.age != 3`,
		`traits.age > mean(traits.age) && ntile(events.buy.count(), 4) == 1`, `days_since(events.buy.latest().time) == 3`, `"a" in events.pay.latest().list`, `a &&`, `((((`, `null == null`, `traits.x.y.z`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := warnBench(t)
		for _, want := range []rule.Want{rule.Condition, rule.AnyValue} {
			r, faults := rule.Check(text, b.env(), want)
			if (r == nil) == (len(faults) == 0) {
				t.Fatalf("%q: %v, %v", text, r, faults)
			}
			if r == nil {
				for _, fault := range faults {
					if fault.Start < 0 || fault.End < fault.Start || fault.End > len(text) {
						t.Fatalf("%q: a fault at %d…%d", text, fault.Start, fault.End)
					}
				}
				continue
			}
			again, _ := rule.Check(text, b.env(), want)
			if r.Expr.String() != again.Expr.String() {
				t.Fatalf("%q: %s and %s", text, r.Expr, again.Expr)
			}
			run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone}
			roots := []*rule.Expr{r.Expr}
			if err := run.Prepare(context.Background(), roots); err != nil {
				t.Fatal(err)
			}
			if err := run.One(0, roots, func(res *rule.Result) error {
				res.Value(r.Expr, 0)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Long rules are checked in reasonable time, also those in which each part makes the next one simpler.
func TestLongRulesAreCheckedFast(t *testing.T) {
	b := canonBench(t)
	chain := func(n int, first, part, join string) string {
		parts := []string{}
		if first != "" {
			parts = append(parts, first)
		}
		for i := range n {
			parts = append(parts, strings.NewReplacer("I", fmt.Sprint(i), "J", fmt.Sprint(i+1)).Replace(part))
		}
		return strings.Join(parts, join)
	}
	for _, text := range []string{
		chain(2000, "", `traits.city == "I"`, " || "),
		chain(2000, "", `traits.age != I`, " && "),
		chain(2000, "", `traits.age > I`, " && "),
		chain(1000, `traits.city == "0"`, `(traits.city != "I" || traits.age == J)`, " && "),
		chain(900, `events.buy.count() == 0`, `(events.buy.count() != I || events.buy.last("Jd").count() == 0)`, " && "),
		strings.Repeat("!(traits.vip && (traits.age > 3 || ", 20) + "traits.vip" + strings.Repeat("))", 20),
	} {
		if len(text) > rule.MaxText {
			t.Fatalf("%d bytes", len(text))
		}
		done := make(chan int, 1)
		go func() {
			_, faults := rule.Check(text, b.env(), rule.Condition)
			done <- len(faults)
		}()
		select {
		case n := <-done:
			if n > 0 {
				t.Errorf("%.60s…: %d faults", text, n)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%.60s… takes too long", text)
		}
	}
}
