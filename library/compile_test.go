package library

import (
	"slices"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

func compiled(t testing.TB, text string, published bool) *Compiled {
	t.Helper()
	c, err := Compile(planned(t, empty(), text, false).Set, CompileOptions{Names: someNames(), Zone: zone(t), Published: published})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func adHoc(t testing.TB, c *Compiled, text string) *rule.Expr {
	t.Helper()
	r, faults := rule.Check(text, c.Env, rule.AnyValue)
	if len(faults) > 0 {
		t.Fatalf("%s: %v", text, faults)
	}
	return r.Expr
}

func TestCompile(t *testing.T) {
	c := compiled(t, shop, false)
	if len(c.Tags) != 3 || len(c.Segments) != 1 || len(c.Measures) != 1 || c.Broken != nil {
		t.Fatalf("%+v", c)
	}
	frequency, _ := c.Tag("frequency")
	if values, ok := frequency.Value.CaseValues(); !ok || len(values) != 2 || frequency.Value.Type != rule.Text || frequency.Number != nil {
		t.Errorf("%+v", frequency)
	}
	spend, _ := c.Tag("spend")
	if spend.Value.Type != rule.Text || spend.Number == nil || spend.Number.Type != rule.Number {
		t.Errorf("%+v", spend)
	}
	winback, _ := c.Segment("winback")
	if want := []Ref{{KindMeasure, "f"}, {KindTag, "frequency"}, {KindTag, "spend"}, {KindTag, "vip"}}; !slices.Equal(winback.Depends, want) {
		t.Errorf("winback depends on %v", winback.Depends)
	}
	if m, _ := c.Measure("f"); len(m.Depends) != 0 || m.Value.Type != rule.Number {
		t.Errorf("%+v", m)
	}
	// A definition has the same meaning, and so the same expression, wherever it is spoken of.
	for text, want := range map[string]*rule.Expr{"tags.frequency": frequency.Value, "tags.spend": spend.Value, "tags.spend.number": spend.Number,
		"segments.winback": winback.Cond, "events.order_paid.sum(e, e.amount)": spend.Number} {
		if got := adHoc(t, c, text); got.String() != want.String() {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	// What is assigned by hand has no rule.
	vip, _ := c.Tag("vip")
	if vip.Value != c.Builder.ByHand("tag:vip", rule.Text, vip.Tag.Values, false) || vip.Rule != nil || adHoc(t, c, "tags.vip").String() != vip.Value.String() {
		t.Errorf("%s", vip.Value)
	}
	if strings.Contains(winback.Cond.String(), `"tag:frequency"`) || !strings.Contains(winback.Cond.String(), `"tag:vip"`) {
		t.Errorf("winback is %s", winback.Cond)
	}
}

func TestPublishedValuesAreForExpressionsOfTheMoment(t *testing.T) {
	c := compiled(t, shop, true)
	for text, want := range map[string]*rule.Expr{"tags.frequency": c.Builder.Published("tag:frequency", rule.Text), "tags.spend": c.Builder.Published("tag:spend", rule.Text),
		"tags.spend.number": c.Builder.Published("number:spend", rule.Number), "segments.winback": c.Builder.Published("segment:winback", rule.Bool), "tags.vip": c.Builder.Published("tag:vip", rule.Text)} {
		if got := adHoc(t, c, text); got.String() != want.String() {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if winback, _ := c.Segment("winback"); strings.Contains(winback.Cond.String(), `"tag:frequency"`) {
		t.Errorf("winback is %s", winback.Cond)
	}
}

func TestTheCallersNamesAreNotChanged(t *testing.T) {
	names := someNames()
	text := "schema: {events: {view: {sku: number, new: text}, other: {}}, traits: {level: text}}\n"
	c, err := Compile(planned(t, empty(), text, false).Set, CompileOptions{Names: names, Zone: zone(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(names.Events) != 1 || len(names.Events["view"]) != 1 || names.Events["view"]["sku"].Declared != event.Missing || len(names.Traits) != 1 {
		t.Errorf("%+v", names)
	}
	if f := c.Names.Events["view"]["sku"]; f.Declared != event.NumberKind || len(f.Seen) != 1 || len(c.Names.Events) != 2 {
		t.Errorf("%+v", c.Names)
	}
}

const circle = `
tags:
  - {key: a, name: 甲, category: fact, purpose: p, owner: o, cases: [{value: x, when: 'segments.b && traits.city == "上海"'}]}
  - {key: user, name: 乙, category: fact, purpose: p, owner: o, value: 'tags.a'}
  - {key: good, name: 丙, category: fact, purpose: p, owner: o, value: 'traits.city'}
  - {key: gone, name: 丁, category: fact, purpose: p, owner: o, value: 'events.vanished.count() + traits.nothing'}
segments:
  - {key: b, name: 群, when: 'measures.c > 1'}
measures:
  c: {value: 'tags.a == "x" ? 1 : 0'}
`

func TestCirclesAreNamedOnce(t *testing.T) {
	_, err := Compile(planned(t, empty(), circle, false).Set, CompileOptions{Names: someNames(), Zone: zone(t)})
	faults := errs.FaultsOf(err)
	if len(faults) != 3 {
		t.Fatalf("%v", err)
	}
	if got := faults[2].String(); !strings.HasPrefix(got, "tags.yaml:8: segment b: when:1:1: this goes in a circle: measure c → tag a → segment b → measure c") {
		t.Errorf("%s", got)
	}
}

func TestLenientKeepsTheFaultsPerDefinition(t *testing.T) {
	set := planned(t, empty(), circle, false).Set
	retired := planned(t, set, strings.ReplaceAll(circle, "tags.a == \"x\" ? 1 : 0", "1"), false).Set
	retired = planned(t, retired, "tags: [{key: good, name: 丙, category: fact, purpose: p, owner: o, value: 'traits.city'}]", true).Set
	c, err := Compile(set, CompileOptions{Names: someNames(), Zone: zone(t), Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tags) != 1 || c.Tags[0].Tag.Key != "good" {
		t.Errorf("%+v", c.Tags)
	}
	var broken []string
	for _, b := range c.Broken {
		broken = append(broken, b.Ref.String())
		if len(b.Faults) == 0 {
			t.Errorf("%s has no faults", b.Ref)
		}
	}
	if want := "measure c, tag a, tag user, tag gone, segment b"; strings.Join(broken, ", ") != want {
		t.Errorf("broken: %v", broken)
	}
	for text, part := range map[string]string{"tags.user": "the tag user has faults", "segments.b": "the segment b has faults", "measures.c > 1": "the measure c has faults"} {
		_, faults := rule.Check(text, c.Env, rule.AnyValue)
		if len(faults) != 1 || !strings.Contains(faults[0].Message, part) {
			t.Errorf("%s: %v", text, faults)
		}
	}
	c, err = Compile(retired, CompileOptions{Names: someNames(), Zone: zone(t)})
	if err != nil {
		t.Fatal(err)
	}
	_, faults := rule.Check("tags.user == \"x\"", c.Env, rule.AnyValue)
	if len(faults) != 1 || !strings.Contains(faults[0].Message, "the tag user is retired") {
		t.Errorf("%v", faults)
	}
}

func TestCasesThatNeverHoldAreWarnedOf(t *testing.T) {
	c := compiled(t, `
tags:
  - key: a
    name: 甲
    category: fact
    purpose: p
    owner: o
    cases:
      - {value: one, when: 'has(traits.city) && ids.phone == "1"'}
      - {value: two, when: 'ids.phone == "1" && has(traits.city)'}
      - {value: three, when: true}
      - {value: four, when: 'has(traits.city)'}
`, false)
	var got []string
	for _, w := range c.Warnings() {
		got = append(got, w.Place+": "+w.Message)
	}
	want(t, strings.Join(got, "\n"), `
tags.yaml:10: tag a: case two: when: this case never holds: the case one has the same condition
tags.yaml:12: tag a: case four: when: this case never holds: the case three before it always does`)
}

// TestAThousandTags holds the work of planning and compiling to what a command can afford.
func TestAThousandTags(t *testing.T) {
	var b strings.Builder
	b.WriteString("tags:\n")
	for i := range 1000 {
		key := "t" + strings.Repeat("x", i%7) + string(rune('一'+i))
		b.WriteString("  - {key: " + key + ", name: " + key + ", category: fact, purpose: p, owner: o, value: 'events.view.count() > " + string(rune('0'+i%10)) + "'}\n")
	}
	c := compiled(t, b.String(), false)
	if len(c.Tags) != 1000 || c.Tags[3].Value != c.Tags[13].Value {
		t.Errorf("%d tags", len(c.Tags))
	}
}
