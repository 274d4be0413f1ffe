package form

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tagma/rule"
)

func mustParse(t testing.TB, text string) *rule.Source {
	t.Helper()
	src, faults := rule.Parse(text)
	if len(faults) > 0 {
		t.Fatalf("%q: %v", text, faults)
	}
	return src
}

// roundTrip takes a text through the form and back, and the form through the text and back.
func roundTrip(t testing.TB, text string) {
	t.Helper()
	src := mustParse(t, text)
	first := Of(src)
	one, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := first.Text()
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if got := mustParse(t, direct); !same(got.Root, src.Root) || len(got.Comments) < len(src.Comments) {
		t.Fatalf("%q became\n%s", text, direct)
	}
	var read Form
	if err := json.Unmarshal(one, &read); err != nil {
		t.Fatalf("%q\n%s: %v", text, one, err)
	}
	written, err := read.Text()
	if err != nil {
		t.Fatalf("%q\n%s: %v", text, one, err)
	}
	again := mustParse(t, written)
	if got, want := meaning(again.Root), meaning(src.Root); got != want {
		t.Fatalf("%q\n%s\nbecame\n%s\n%s, want\n%s", text, one, written, got, want)
	}
	if len(again.Comments) < len(src.Comments) {
		t.Fatalf("%q\nlost comments:\n%s", text, written)
	}
	two, err := json.Marshal(Of(again))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Fatalf("%q\n%s\nbecame\n%s\n%s", text, one, written, two)
	}
}

// texts are rules of all kinds, also such as the builder cannot show and the checker refuses.
var texts = []string{
	`events.order_paid.last("90d").count() >= 5 && traits.city in ["上海", "北京"]`,
	`events["Order Completed"].last("30d").where(e, e.amount > 100 && e.channel == "抖音").sum(e, e.amount) >= 1000`,
	`days_since(events.order_paid.latest().time) > 180`, `events.all.earliest().context.campaign.term // first touch: the search word`,
	`events.view.last("90d").top(e, e.category)`, `tags.rfm == "重要价值客户" && !segments.staff`,
	`events.cart.then(events.buy, within("10m"), same("item")).count() >= 1`,
	`events.view.since(start_of(now, "mo")).count() > events.view.since(start_of(add(now, "-1mo"), "mo")).until(start_of(now, "mo")).count()`,
	`measures.m > mean(measures.m, measures.f > 0)`, `traits.k`, `traits["键"]`, `traits.address.city`, `traits["a.b"]`, `traits["a b"].c`, `has(ids.wecom)`,
	`events.any("a", "b").count()`, `events.any("a").count()`, `events.a.nth(-2).amount`, `events["all"].count()`, `events["system"].last("1d")`, `events.system`,
	`events.view.then(events.any("cart", "fav"), same("item")).then(events.buy, same("item"), within("7d")).last("3d").count() >= 1`,
	`events.cart.before("24h").without(events.buy, same("item", "a.b")).count() > 0`, `lookup("cities", traits.city, "tier") == "一线"`, `bucket("seed", 100) < 10`,
	`traits.a == null`, `-traits.x > -(5) && -5 < - -5`, `!(traits.x in [1, -2.50, 0x1F, .5, 1e300, 0.1234567890123456789, "a", true, null, [1]])`,
	`!!(a || b)`, `a && (b && c)`, `a || b && c || (d || e)`, `1 + 2 - 3 * 4 / 5 % 6`, `a ? b : c ? d : e`, `(a ? b : c) ? (d ? e : f) : g`, `"x" in traits.list`, `!("x" in tags.k)`,
	`traits.x in traits.y`, `5 < traits.x`, `(traits.a == traits.b) == (traits.c < 1)`, `"a" in ["a"]`, `[1] in ids.phone`, `ids.phone != "1"`, `consent.sms`, `tags.k.number > 1`, `tags["k.number"]`,
	`events.a.each("products").where(x, x.sku == "1" && x["价 格"] > 1 && e.y).sum(x, x.price * x.quantity)`, `events.a.top(e, e.c, e.w)`, `events.a.top(e, e["a.b"], 1)`,
	`events.a.last(5).count(1).foo(e).bar`, `events.a.where(traits, traits.x)`, `events.a.then()`, `events.a.then(1, within("a"), within("b"))`, `events.a.then(x, same())`, `events.a.where(e, e)`,
	`events.a.where(e, events.b.where(f, f.x == e.x && f.y in ["a"]).count() > traits.n).streak("w")`, `f(g(x))[h].i.j()`, `traits`, `events`, `events.a.latest()`, `events.a.latest().time.x`, `traits[""]`, `events[""].count()`, `events.any("", "a")`, `now`, `now - traits.t > duration("12h")`,
	`traits.x.contains(r"\d+\\") || traits.x.matches("\\d\n")`, `row.x + line`, `customer.first_seen > timestamp("2026-06-01")`, `changed_at(tags.k) > now && previous(tags.k) == "a"`,
	`events.a.peak("1h") > events.a.max_gap() && events.a.days() == 1 && events.a.values(e, e.x) == []`, `present(events.a.min(e, e.x)) && events.a.max(e, e.x) > 1 && has(has(traits.x)) == true`,
	`events.a.between("2026-06-01", now).avg(e, -e.x) > 1 && events.a.distinct(e, e.x) == 1`, `events.and.count() + traits.or`, `true`, `null`, `"text"`, `1`, `[]`, `quantile(measures.m, 0.8, has(traits.x))`,
}

func TestRoundTrip(t *testing.T) {
	for _, text := range texts {
		roundTrip(t, text)
		roundTrip(t, "// 一\n!("+text+"\n // two\n) // three\n && ( // four\n x // five\n // six\n || // seven\n "+text+"\n)// eight\n// nine")
	}
}

// The examples in the package's description are forms.
func TestDescription(t *testing.T) {
	data, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, example := range regexp.MustCompile(`(?m)\{"[^…\n]*?\}( |$)`).FindAllString(string(data), -1) {
		example = strings.TrimSpace(example)
		if !json.Valid([]byte(example)) || strings.Contains(example, ": C") || strings.Contains(example, ": N") {
			continue
		}
		var o map[string]any
		if json.Unmarshal([]byte(example), &o) == nil && (o["trait"] != nil || o["text"] != nil || o["number"] != nil || o["now"] != nil) {
			found++
			if _, err := Read([]byte(example)); err != nil {
				t.Errorf("%s: %v", example, err)
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d examples", found)
	}
}

// The files of testdata hold rules and their forms: the text, "----", the form, "====". With TAGMA_UPDATE=1 the forms are
// written anew.
func TestFiles(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for _, c := range strings.Split(strings.TrimSuffix(string(data), "====\n"), "====\n") {
			text, want, _ := strings.Cut(c, "----\n")
			raw, err := json.Marshal(Of(mustParse(t, text)))
			if err != nil {
				t.Fatal(err)
			}
			plain := strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(raw)) + "\n"
			if plain != want && os.Getenv("TAGMA_UPDATE") == "" {
				t.Errorf("%s: %s\ngot\n%swant\n%s", file, text, plain, want)
			}
			out.WriteString(text + "----\n" + plain + "====\n")
		}
		if os.Getenv("TAGMA_UPDATE") != "" {
			if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestUnshown(t *testing.T) {
	f := Of(mustParse(t, `traits.a == 1 && (f(row.x).y > 2 || events.a.where(e, e.x == other.y).count() > 0) && tags[traits.a] == "x"`))
	want := []Part{
		{"all[1].any[0].left", "f(row.x).y", "a field of what a function gives"},
		{"all[1].any[1].filters[0].where[0].value", "other.y", "the name other is not one that the builder knows"},
		{"all[2].left", "tags[traits.a]", "a name that is computed in [ ]"},
	}
	got := f.Unshown()
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	if parts := Of(mustParse(t, texts[0])).Unshown(); len(parts) > 0 {
		t.Errorf("%+v", parts)
	}
}

// A text with faults is shown as it is, and not taken for a rule.
func TestBrokenText(t *testing.T) {
	src, _ := rule.Parse("a &&")
	f := Of(src)
	data, err := json.Marshal(f)
	if err != nil || !strings.HasPrefix(string(data), `{"text":"a \u0026\u0026","why":"it cannot be read: `) {
		t.Errorf("%s %v", data, err)
	}
	if _, err := f.Text(); err == nil || !strings.Contains(err.Error(), "1:5: the rule ends where a value is expected") {
		t.Error(err)
	}
	if err := json.Unmarshal(data, f); err == nil || !strings.Contains(err.Error(), "text:1:5: ") {
		t.Error(err)
	}
	if _, err := new(Form).Text(); err == nil {
		t.Error("the zero form is no rule")
	}
}

// Long and deep rules are forms too; what is too deep to be shown is a text.
func TestLong(t *testing.T) {
	for _, text := range []string{"1" + strings.Repeat("+1-1", 6000), "x" + strings.Repeat(".lower()", 7000), strings.Repeat("!", 190) + "x", "1" + strings.Repeat(" == 1", 9000),
		"true" + strings.Repeat("&&true", 6000), "events.a" + strings.Repeat(`.last("1d")`, 5000) + ".count()", strings.Repeat("[", 190) + strings.Repeat("]", 190),
		strings.Repeat("// a\n", 10000) + "x", "x " + strings.Repeat("&& x // a\n", 4000), strings.Repeat("(x || (y && ", 90) + "z // a\n" + strings.Repeat("))", 90),
		strings.Repeat("events.a.then(", 150) + "events.b" + strings.Repeat(")", 150), strings.Repeat("events.a.where(e, ", 150) + "e.x" + strings.Repeat(").count()", 150)} {
		roundTrip(t, text)
	}
	if parts := Of(mustParse(t, strings.Repeat("!", 190)+"x")).Unshown(); len(parts) != 1 || parts[0].Text != strings.Repeat("!", 90)+"x" {
		t.Errorf("%+v", parts)
	}
}
