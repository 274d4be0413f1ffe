package sentence

import (
	"os"
	"strings"
	"testing"

	"tagma/event"
	"tagma/rule"
)

func mustParse(t testing.TB, text string) rule.Node {
	t.Helper()
	src, faults := rule.Parse(text)
	if len(faults) > 0 {
		t.Fatalf("%q: %v", text, faults)
	}
	return src.Root
}

const examples = "testdata/rules.txt"

// rules are those of the examples: lines that begin a paragraph.
func rules(t testing.TB) (head string, out [][]string) {
	data, err := os.ReadFile(examples)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			head += line + "\n"
		case strings.HasPrefix(line, "  ") && len(out) > 0:
			out[len(out)-1] = append(out[len(out)-1], strings.TrimPrefix(line, "  "))
		case line != "":
			out = append(out, []string{line})
		}
	}
	return head, out
}

// sameMeaning are rules that mean what another one of the examples means.
const sameMeaning = `!(traits.city == "上海")`

func TestRules(t *testing.T) {
	update := os.Getenv("TAGMA_UPDATE") != ""
	head, all := rules(t)
	var b strings.Builder
	b.WriteString(head)
	seen := map[string]string{}
	for _, want := range all {
		n := mustParse(t, want[0])
		got := []string{want[0], Of(n, Chinese, Names{}), Of(n, English, Names{})}
		if strings.Join(got, "\n") != strings.Join(want, "\n") && !update {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, s := range got[1:] {
			if strings.TrimSpace(s) != s || s == "" {
				t.Errorf("%s: %q", want[0], s)
			}
			if other := seen[s]; other != "" && other != want[0] && !strings.Contains(sameMeaning, want[0]) {
				t.Errorf("%s and %s are both said as %s", want[0], other, s)
			}
			seen[s] = want[0]
		}
		b.WriteString("\n" + got[0] + "\n  " + got[1] + "\n  " + got[2] + "\n")
	}
	if len(all) < 80 {
		t.Errorf("only %d examples", len(all))
	}
	if update {
		if err := os.WriteFile(examples, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNames(t *testing.T) {
	named := func(names map[string]string) func(string) string {
		return func(key string) string { return names[key] }
	}
	names := Names{Trait: named(map[string]string{"city": "城市"}), Event: named(map[string]string{"order_paid": "下单", "cart": "加入 购物车"}),
		Tag: named(map[string]string{"f": "行为_购买频次"}), Segment: named(map[string]string{"staff": "员工"}), Measure: named(map[string]string{"aov": "客单价"}),
		Identifier: named(map[string]string{"phone": "手机号"}), Consent: named(map[string]string{"sms": "短信"}), Table: named(map[string]string{"cities": "城市表"}),
		Property: func(events []string, key string) string {
			if len(events) == 1 && events[0] == "order_paid" && key == "amount" {
				return "金额"
			}
			return ""
		},
		Column: func(table, key string) string { return map[string]string{"cities.tier": "级别"}[table+"."+key] }}
	for text, want := range map[string]string{
		`events.order_paid.last("90d").count() >= 5 && traits.city in ["上海", "北京"]`:              `近90天下单次数 ≥ 5 且 城市 属于 上海、北京`,
		`events.order_paid.where(e, e.amount > 1 && e.city == traits.city).sum(e, e.amount) > 9`: `下单（金额 > 1 且 city = 客户的城市）的金额合计 > 9`,
		`events.cart.sum(e, e.amount) > 0`: `“加入 购物车”的 amount 合计 > 0`,
		`tags.f == "高" && !segments.staff && measures.aov > 1 && has(ids.phone) && consent.sms`: `标签行为_购买频次 是 高 且 不在分群员工中 且 指标客单价 > 1 且 有手机号标识 且 已授权短信`,
		`lookup("cities", traits.city, "tier") == "一线"`:                                         `城市表表中城市的级别 是 一线`,
		`days_since(events.order_paid.latest().time) > 180`:                                     `最近一次下单的时间距今天数 > 180`,
	} {
		if got := Of(mustParse(t, text), Chinese, names); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", text, got, want)
		}
	}
}

func TestCases(t *testing.T) {
	cases := []Case{{"高频购买", mustParse(t, `events.order_paid.last("90d").count() >= 5`)}, {"低频 购买", mustParse(t, `traits.vip`)}, {"潜在客户", mustParse(t, "true")}}
	for _, c := range []struct {
		multi bool
		l     Language
		want  string
	}{
		{false, Chinese, "高频购买：近90天 order_paid 次数 ≥ 5\n“低频 购买”：否则，vip 为真\n潜在客户：其余客户"},
		{true, Chinese, "高频购买：近90天 order_paid 次数 ≥ 5\n“低频 购买”：vip 为真\n潜在客户：始终成立"},
		{false, English, "高频购买: the number of order_paid in the last 90 days is at least 5\n“低频 购买”: otherwise, vip is true\n潜在客户: everyone else"},
	} {
		if got := strings.Join(Cases(cases, c.multi, c.l, Names{}), "\n"); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

func TestBands(t *testing.T) {
	number := func(s string) event.Value { n, _ := event.ParseNumber(s); return event.Num(n) }
	bands := []rule.Band{{Below: number("100"), Value: "低"}, {Below: number("300.50"), Value: "中"}, {Value: "高"}}
	value := mustParse(t, "measures.aov")
	if got, want := strings.Join(Bands(value, bands, Chinese, Names{}), "\n"), "低：指标 aov < 100\n中：指标 aov ≥ 100 且 < 300.5\n高：指标 aov ≥ 300.5"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := Bands(value, bands[1:], English, Names{})[0], "中: measure aov is less than 300.5"; got != want {
		t.Error(got)
	}
	if got, want := Bands(value, bands[2:], English, Names{})[0], "高: measure aov is known"; got != want {
		t.Error(got)
	}
}

// Everything that the language has a name for has words of its own: its name does not stand in the sentence.
func TestEverythingHasWords(t *testing.T) {
	seen := map[string]int{}
	for _, e := range rule.Catalogue() {
		switch e.Kind {
		case rule.FunctionEntry, rule.PopulationEntry, rule.FilterEntry, rule.MeasureEntry, rule.RelationEntry, rule.SourceEntry:
		default:
			continue
		}
		seen[string(e.Kind)]++
		n := mustParse(t, e.Example)
		for l, s := range map[Language]string{Chinese: Of(n, Chinese, Names{}), English: Of(n, English, Names{})} {
			if strings.Contains(s, e.Name+"(") || strings.Contains(s, e.Name+" (") && l == Chinese || strings.Contains(s, "()") || strings.Contains(s, "events.") {
				t.Errorf("%s: %s", e.Example, s)
			}
		}
	}
	if seen["function"] < 40 || seen["population"] != 4 || seen["filter"] < 9 || seen["measure"] < 15 || seen["relation"] != 2 {
		t.Error(seen)
	}
	for name := range chinese.functions {
		if english.functions[name] == "" || strings.Count(english.functions[name], "{") != strings.Count(chinese.functions[name], "{") {
			t.Errorf("%s has other words in English", name)
		}
	}
	if len(english.functions) != len(chinese.functions) || len(english.measures) != len(chinese.measures) || len(english.conditions) != len(chinese.conditions) {
		t.Error("a word is missing in a language")
	}
}

// The names that the description of the language lists.
func TestNamesOfTheLanguage(t *testing.T) {
	for _, l := range []*language{chinese, english} {
		for _, name := range strings.Fields(`days_since days_until days_between days_to_anniversary age hour weekday day month date format start_of add duration timestamp
			changed_at previous abs floor min max pow log exp lower trim replace split size string number lookup bucket mean median quantile ntile`) {
			if l.functions[name] == "" {
				t.Errorf("no words for %s", name)
			}
		}
		for _, name := range strings.Fields("present contains startsWith endsWith matches") {
			if l.conditions[name][0] == "" || l.conditions[name][1] == "" {
				t.Errorf("no words for %s", name)
			}
		}
		for _, name := range strings.Fields("count days sum avg min max distinct values top earliest latest max_gap peak") {
			if l.measures[name] == "" {
				t.Errorf("no words for %s", name)
			}
		}
		for _, name := range strings.Fields("last before between since until") {
			if l.filters[name] == "" {
				t.Errorf("no words for %s", name)
			}
		}
		for name, u := range map[string]event.Unit{"s": event.Second, "m": event.Minute, "h": event.Hour, "d": event.Day, "w": event.Week, "mo": event.Month, "y": event.Year} {
			if l.units[u] == nil || u >= event.Day && (l.unitOf[name] == "" || l.startNow[name] == "") {
				t.Errorf("no words for %s", name)
			}
		}
	}
}

// Long and deep rules are said in a time that does not grow without bounds.
func TestLong(t *testing.T) {
	for _, text := range []string{"1" + strings.Repeat("+1-1", 15000), "x" + strings.Repeat(".lower()", 7000), strings.Repeat("!", 150) + "x", strings.Repeat("contains(", 190) + "1" + strings.Repeat(",1)", 190),
		"1" + strings.Repeat(" == 1", 10000), "events.a" + strings.Repeat(`.last("1d")`, 5000) + ".count()", strings.Repeat("weekday(", 190) + "x" + strings.Repeat(")", 190) + " == 1", "true" + strings.Repeat("&&true", 10000),
		strings.Repeat("events.a.where(e, ", 60) + "x" + strings.Repeat(").sum(1, 2, 3)", 60), strings.Repeat("events.a.then(", 150) + "events.b" + strings.Repeat(")", 150)} {
		n := mustParse(t, text)
		for _, l := range []Language{Chinese, English} {
			if Of(n, l, Names{}) == "" || len(Cases([]Case{{"a", n}}, true, l, Names{})) != 1 {
				t.Errorf("%.20s says nothing", text)
			}
		}
	}
}

// What is too deep is left as it is written, and its negative is not lost.
func TestDeep(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("!", 97) + "x":               "x 不为真",
		strings.Repeat("!", 103) + "x":              "!!!x",
		"true && " + strings.Repeat("!", 102) + "x": "始终成立 且 不满足（!!!x）",
	} {
		if got := Of(mustParse(t, text), Chinese, Names{}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func FuzzOf(f *testing.F) {
	_, all := rules(f)
	for _, r := range all {
		f.Add(r[0])
	}
	for _, text := range []string{`events.a.then().last().any()`, `events.a.top(1, 2)`, `has()`, `f(events.a.where(events, events.x))`, `weekday(1) in [1, 9]`, `events[""].count() == traits[""]`, `min()`, `add(now, "-1d", 1)`, `-(-5) % -x`, `any("a")`, `segments == consent`, `e.time`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src, _ := rule.Parse(text)
		if src.Root == nil {
			return
		}
		for _, l := range []Language{Chinese, English} {
			if Of(src.Root, l, Names{}) == "" || Condition(src.Root, l, Names{}) == "" {
				t.Fatalf("%q says nothing", text)
			}
		}
	})
}
