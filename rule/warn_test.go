package rule_test

import (
	"strings"
	"testing"

	"tagma/rule"
)

func warnBench(t testing.TB) *bench {
	b := canonBench(t)
	p := b.customer("")
	b.trait(p, "code", "7")
	b.trait(b.customer(""), "code", "'A7'")
	b.event(p, "pay", "2026-06-01T10:00:00+08:00", "amount=5", "item='a'", "list=[a b]")
	b.event(p, "pay", "2026-06-02T10:00:00+08:00", "amount='5'", "item='a'")
	return b
}

func TestWarnings(t *testing.T) {
	b := warnBench(t)
	for _, c := range []struct{ text, at, message, hint string }{
		// contradictions
		{`events.buy.count() >= 5 && events.buy.count() < 3`, `events.buy.count() < 3`, "never holds together with events.buy.count() >= 5", "||"},
		{`traits.vip && events.buy.count() == 2 && events.buy.count() == 3`, `events.buy.count() == 3`, "never holds together with events.buy.count() == 2", ""},
		{`traits.age > 20 && (traits.vip && traits.age < 10)`, `traits.vip && traits.age < 10`, "never holds together with traits.age > 20", ""},
		{`tags.level == "gold" && tags.level == "silver"`, `tags.level == "silver"`, "never holds together", ""},
		{`traits.city in ["上海", "北京"] && traits.city in ["南京"]`, `traits.city in ["南京"]`, "never holds together", ""},
		{`days_since(events.buy.latest().time) > 180 && days_since(events.buy.latest().time) < 100`, `days_since(events.buy.latest().time) < 100`, "never holds together", ""},
		{`traits.vip && !traits.vip`, `!traits.vip`, "never holds together with traits.vip", ""},
		{`events.buy.where(e, e.item == "a" && e.item == "b").count() >= 1`, `e.item == "b"`, `never holds together with e.item == "a"`, ""},
		{`events.buy.where(e, e.item == "a").where(e, e.item == "b").count() >= 1`, `e.item == "b"`, "keeps none of the events", "||"},
		{`traits.city != "上海" || traits.city != "北京"`, `traits.city != "北京"`, `one of this and traits.city != "上海" always holds`, "&&"},
		{`events.buy.count() >= 3 || events.buy.count() < 5`, `events.buy.count() < 5`, "always holds", ""},
		{`events.buy.count() >= 0`, `events.buy.count() >= 0`, "always holds", ""},
		{`events.buy.count() == 2.5`, `events.buy.count() == 2.5`, "never holds", ""},
		// who has no event
		{`events.buy.where(e, e.amount > 50).count() >= events.buy.count() * 0.4`, `events.buy.where(e, e.amount > 50).count() >= events.buy.count() * 0.4`,
			"a customer with no event at all is let in by this: 0 >= 0 holds", `write events.buy.where(e, e.amount > 50).count() / events.buy.count() >= 0.4`},
		{`0.4 * events.buy.count() <= events.buy.where(e, e.amount > 50).count()`, ``, "is let in by this", `write events.buy.where(e, e.amount > 50).count() / events.buy.count() >= 0.4`},
		{`events.buy.last("30d").count() >= events.buy.last("60d").count()`, ``, "is let in by this", `write events.buy.last("30d").count() / events.buy.last("60d").count() >= 1`},
		{`traits.city != "上海" && events.buy.count() >= events.view.count()`, `events.buy.count() >= events.view.count()`, "is let in by this", `add && events.buy.count() > 0`},
		{`!(events.buy.count() > events.view.count())`, `events.buy.count() > events.view.count()`, "0 > 0 does not hold", `add && events.buy.count() > 0`},
		{`events.buy.count() == events.view.count() ? "same" : "other"`, `events.buy.count() == events.view.count()`, "is let in by this", ""},
		// values
		{`tags.level in ["gold", "golden"]`, `"golden"`, `the tag never has the value "golden"`, "gold"},
		{`"silvr" == tags.level`, `"silvr"`, `the tag never has the value "silvr"`, "did you mean"},
		// types
		{`traits.code > 5`, `traits.code`, "only a number counts, and what came as a text is left out", "schema"},
		{`events.pay.sum(e, e.amount) > 5`, `e.amount`, "only a number counts", "schema"},
		{`events.pay.where(e, e.amount * 2 > 5).count() > 0`, `e.amount`, "only a number counts", ""},
		{`traits.code in [5, 6]`, `traits.code`, "only a number counts", ""},
		{`days_since(traits.city) > 3`, `traits.city`, "so far only", ""},
	} {
		r, faults := rule.Check(c.text, b.env(), rule.AnyValue)
		if len(faults) > 0 {
			t.Errorf("%s: %s", c.text, faults[0].Message)
			continue
		}
		if len(r.Warnings) != 1 {
			t.Errorf("%s: %d warnings, want one: %v", c.text, len(r.Warnings), r.Warnings)
			continue
		}
		w := r.Warnings[0]
		if c.at == "" {
			c.at = c.text
		}
		if got := c.text[w.Start:w.End]; got != c.at || !w.Warning {
			t.Errorf("%s: warns at %s, want %s", c.text, got, c.at)
		}
		if !strings.Contains(w.Message, c.message) || !strings.Contains(w.Hint, c.hint) {
			t.Errorf("%s:\n  %s (%s)\n  want %s (%s)", c.text, w.Message, w.Hint, c.message, c.hint)
		}
	}
}

func TestNoWarning(t *testing.T) {
	b := warnBench(t)
	for _, text := range []string{
		`events.buy.count() == 0`, `events.buy.count() < 3`, `!has(traits.age)`, `traits.city != "上海"`, `!traits.vip`,
		`events.buy.count() >= 3 && events.buy.count() < 5`, `traits.age >= 20 || traits.age < 30`,
		`events.buy.where(e, e.amount > 50).count() / events.buy.count() >= 0.4`,
		`events.buy.count() > events.view.count()`, `events.buy.count() >= 1 && events.buy.count() >= events.view.count()`,
		`events.buy.count() == 0 || events.buy.count() >= events.view.count()`,
		`events.buy.sum(e, e.amount) > mean(events.buy.sum(e, e.amount))`,
		`days_since(events.buy.latest().time) > 30 && days_since(events.buy.latest().time) < 100`,
		`events.buy.latest().time > events.view.latest().time`,
		`true`, `false || traits.vip`, `traits.code in [5, "A7"]`, `has(traits.code)`, `"a" in events.pay.latest().list`,
		`tags.level != "gold" && tags.level != "silver"`,
		`events.buy.where(e, e.item == "a").count() >= 1 && events.buy.where(e, e.item == "b").count() >= 1`,
		`events.buy.last("30d").where(e, e.item == "a" || e.item == "b").count() >= 1`,
	} {
		r, faults := rule.Check(text, b.env(), rule.AnyValue)
		if len(faults) > 0 {
			t.Errorf("%s: %s", text, faults[0].Message)
			continue
		}
		for _, w := range r.Warnings {
			t.Errorf("%s: %s", text, w.Message)
		}
	}
}
