package rule_test

import (
	"testing"

	"tagma/event"
	"tagma/rule"
)

func texts(words ...string) (out []event.Value) {
	for _, w := range words {
		out = append(out, event.Text(w))
	}
	return
}

// What is not in the history: values by hand, values kept, the past, lookup tables; and consents, which are.
func TestWhatRulesDoNotDecideAlone(t *testing.T) {
	b := newBench(t, "Asia/Shanghai", "2026-06-30")
	for _, city := range []string{"上海", "北京", "3", "null"} {
		p := b.customer("")
		b.trait(p, "city", city)
	}
	b.trait(0, "level", "金", "2026-01-01")
	b.trait(0, "level", "银", "2026-02-01")
	b.trait(0, "level", "银", "2026-03-01")
	b.trait(1, "level", "金", "2026-01-01")
	b.trait(1, "level", "null", "2026-05-01")
	b.trait(2, "level", "null", "2026-05-01")
	b.trait(3, "level", "金")
	held := map[string][]rule.Held{}
	b.with = func(r *rule.Run) {
		at := func(key string, first event.ProfileID, n int) (out []rule.Held) {
			for _, h := range held[key] {
				if h.At >= int(first) && h.At < int(first)+n {
					h.At -= int(first)
					out = append(out, h)
				}
			}
			return
		}
		r.Pinned, r.Kept = at, at
		r.Past = func(key string, first event.ProfileID, n int) (changed, previous []event.Column) {
			c := event.Column{Kind: event.TimeKind, Len: n, Ints: make([]int64, n), Has: event.NewBits(n)}
			p := event.Column{Kind: event.TextKind, Len: n, Codes: make([]uint32, n), Has: event.NewBits(n), Inline: []string{"旧"}}
			for i := range n {
				if int(first)+i == 1 {
					c.Has.Set(i)
					p.Has.Set(i)
					c.Ints[i], p.Codes[i] = int64(b.at("2026-06-01 08:00")), event.Inline
				}
			}
			return []event.Column{c}, []event.Column{p}
		}
	}
	b.speak = func(e *rule.Env) {
		cond := func(text string) *rule.Expr {
			r, faults := rule.Check(text, e, rule.Condition)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			return r.Expr
		}
		south, north := cond(`traits.city == "上海"`), cond(`traits.city == "北京" || traits.city == "上海"`)
		one := e.Builder.Cases([]*rule.Expr{south, north}, texts("南", "北"))
		many := e.Builder.MultiCases([]*rule.Expr{south, north}, texts("南", "北"))
		tags := map[string]*rule.TagRef{
			"one":    {Value: one},
			"pinned": {Value: e.Builder.Pinned("tag:pinned", one), Key: "tag:pinned"},
			"kept":   {Value: e.Builder.Kept("tag:kept", one)},
			"many":   {Value: many},
			"more":   {Value: e.Builder.Pinned("tag:more", many)},
			"added":  {Value: e.Builder.Kept("tag:added", many)},
			"hand":   {Value: e.Builder.ByHand("tag:hand", rule.Number, nil, false)},
			"card":   {Value: e.Builder.ByHand("tag:card", rule.Text, texts("金卡", "银卡"), false)},
		}
		e.Tag = func(key string) (*rule.TagRef, bool, error) { r := tags[key]; return r, r != nil, nil }
		e.TagKeys = func() []string { return nil }
		e.Table = func(key string) (*rule.Table, bool, error) {
			return &rule.Table{Key: key, By: "city", Columns: map[string]*rule.TableColumn{
				"tier": {Kind: event.TextKind, Values: map[string]event.Value{"上海": event.Text("一线"), "3": event.Text("三线")}},
				"size": {Kind: event.NumberKind, Values: map[string]event.Value{"上海": event.Num(event.Int(25))}},
			}}, key == "cities", nil
		}
		e.Tables = func() []string { return []string{"cities"} }
	}
	held["tag:pinned"] = []rule.Held{{At: 0, Value: event.Text("北")}, {At: 1, Out: true}, {At: 2, Value: event.Text("南")}, {At: 3, Value: event.Text("西")}}
	held["tag:kept"] = []rule.Held{{At: 0, Value: event.Text("北")}, {At: 3, Value: event.Text("南")}}
	held["tag:more"] = []rule.Held{{At: 0, Value: event.Text("南"), Out: true}, {At: 1, Value: event.Text("南")}, {At: 2, Value: event.Text("北")}, {At: 3, Out: true}}
	held["tag:added"] = []rule.Held{{At: 1, Value: event.Text("南")}, {At: 3, Value: event.Text("南")}}
	held["tag:hand"] = []rule.Held{{At: 2, Value: event.Num(event.Int(7))}}
	held["tag:card"] = []rule.Held{{At: 1, Value: event.Text("银卡")}}
	for _, c := range []struct{ rule, want string }{
		{`tags.one`, "0=南, 1=北"},
		{`tags.pinned`, "0=北, 2=南"},
		{`tags.pinned == "南"`, "2"},
		{`!has(tags.pinned)`, "1, 3"},
		{`tags.kept`, "0=南, 1=北, 3=南"},
		{`tags.many`, "0=南,北, 1=北"},
		{`"北" in tags.many`, "0, 1"},
		{`has(tags.many)`, "0, 1"},
		{`tags.many == "北"`, "fault: a list cannot be compared with =="},
		{`tags.more`, "0=北, 1=南,北, 2=北"},
		{`tags.added`, "0=南,北, 1=南,北, 3=南"},
		{`tags.hand + 1`, "2=8"},
		{`tags.card`, "1=银卡"},
		{`tags.card != "银卡"`, "0, 2, 3"},
		{`changed_at(tags.pinned)`, "1=2026-06-01T08:00:00+08:00"},
		{`previous(tags.pinned) == "旧"`, "1"},
		{`days_since(changed_at(tags.pinned)) > 20`, "1"},
		{`previous(traits.city) == "x"`, "fault: previous takes a tag"},
		{`changed_at(traits.level)`, "0=2026-02-01T23:59:59.999+08:00, 1=2026-05-01T23:59:59.999+08:00"},
		{`lookup("cities", traits.city, "tier")`, "0=一线, 2=三线"},
		{`lookup("cities", traits.city, "size") > 20`, "0"},
		{`lookup("towns", traits.city, "tier") == "x"`, "fault: there is no lookup table 'towns'"},
		{`lookup("cities", traits.city, "teir") == "x"`, "fault: the table 'cities' has no column 'teir'"},
		{`lookup("cities", traits.city, "size") == "x"`, "fault: a number and a text cannot be compared"},
		{`consent.sms`, "fault: there is no consent 'sms': it never came and no schema declares it"},
	} {
		if got := b.ask(c.rule); got != c.want {
			t.Errorf("%s\n  is    %s\n  wants %s", c.rule, got, c.want)
		}
	}
}
