package library

import (
	"slices"
	"strings"
	"testing"

	"tagma/event"
	"tagma/rule"
)

const held = `
tags:
  - {key: plain, name: 甲, category: fact, purpose: p, owner: o, cases: [{value: a, when: 'has(traits.city)'}]}
  - {key: kept, name: 乙, category: fact, purpose: p, owner: o, keep: once, cases: [{value: a, when: 'has(traits.city)'}]}
  - {key: many, name: 丙, category: fact, purpose: p, owner: o, keep: 30d, multi: true, cases: [{value: a, when: 'has(traits.city)'}, {value: b, when: 'true'}]}
  - {key: banded, name: 丁, category: fact, purpose: p, owner: o, keep: 2mo, value: 'events.view.count()', bands: [{below: 3, value: 低}, {value: 高}]}
  - {key: hand, name: 戊, category: fact, purpose: p, owner: o, kind: manual, values: [x, y]}
  - {key: hands, name: 己, category: fact, purpose: p, owner: o, kind: manual, multi: true}
  - {key: user, name: 庚, category: fact, purpose: p, owner: o, cases: [{value: y, when: 'tags.kept == "a" && "b" in tags.many && "z" in tags.hands'}]}
`

func TestWhatTheRuleDoesNotDecideAlone(t *testing.T) {
	set := planned(t, empty(), held, false).Set
	compile := func(opts CompileOptions) *Compiled {
		opts.Names, opts.Zone = someNames(), zone(t)
		c, err := Compile(set, opts)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	tagOf := func(c *Compiled, key string) *CompiledTag {
		out, ok := c.Tag(key)
		if !ok {
			t.Fatal(key)
		}
		return out
	}
	c := compile(CompileOptions{})
	plain, kept, many, banded := tagOf(c, "plain"), tagOf(c, "kept"), tagOf(c, "many"), tagOf(c, "banded")
	if plain.Value != plain.Rule || kept.Rule != plain.Rule || kept.Value != c.Builder.Kept("tag:kept", kept.Rule) {
		t.Errorf("%s, %s of %s", plain.Value, kept.Value, kept.Rule)
	}
	if many.Rule.Type != rule.List || !many.Rule.Multi() || many.Value != c.Builder.Kept("tag:many", many.Rule) || many.Value.Type != rule.List {
		t.Errorf("%s of %s", many.Value, many.Rule)
	}
	if banded.Value != c.Builder.Kept("tag:banded", banded.Rule) || banded.Number == nil || banded.Value.Type != rule.Text {
		t.Errorf("%s of %s", banded.Value, banded.Rule)
	}
	if hands := tagOf(c, "hands"); hands.Value != c.Builder.ByHand("tag:hands", rule.List, nil, true) || hands.Value.Type != rule.List || hands.Rule != nil {
		t.Errorf("%s", hands.Value)
	}
	if many.Tag.Keep != (Keep{Span: event.Span{N: 30, Unit: event.Day}}) || kept.Tag.Keep != (Keep{Once: true}) || plain.Tag.Keep.Set() {
		t.Errorf("%+v %+v %+v", many.Tag.Keep, kept.Tag.Keep, plain.Tag.Keep)
	}

	// Only those of which something was decided by hand ask for it; that is over what is kept.
	c = compile(CompileOptions{Pinned: func(id uint32) bool { return id == kept.Tag.ID || id == plain.Tag.ID }})
	if got := tagOf(c, "kept"); got.Value != c.Builder.Pinned("tag:kept", c.Builder.Kept("tag:kept", got.Rule)) {
		t.Errorf("%s", got.Value)
	}
	if got := tagOf(c, "plain"); got.Value != c.Builder.Pinned("tag:plain", got.Rule) {
		t.Errorf("%s", got.Value)
	}
	if got := tagOf(c, "many"); got.Value != c.Builder.Kept("tag:many", got.Rule) {
		t.Errorf("%s", got.Value)
	}
	// Others see the effective value, and know the key in the change log.
	if got := tagOf(c, "user").Rule.String(); !strings.Contains(got, tagOf(c, "kept").Value.String()) || !strings.Contains(got, `pinned(nothing(), "tag:hands")`) {
		t.Errorf("%s", got)
	}
	if got := adHoc(t, c, "changed_at(tags.kept)"); got != c.Builder.ChangedAt("tag:kept") {
		t.Errorf("%s", got)
	}

	c = compile(CompileOptions{Published: true})
	if got := tagOf(c, "hands").Value; got != c.Builder.Published("tag:hands", rule.List) {
		t.Errorf("%s", got)
	}
	if got := adHoc(t, c, "tags.many"); got != c.Builder.Published("tag:many", rule.List) {
		t.Errorf("%s", got)
	}
	if shape := set.Shape(); shape.Multi != 2 || shape.Kept != 3 || shape.Tags != 7 || shape.Tables != 0 {
		t.Errorf("%+v", shape)
	}
}

func TestKeepAndMultiAreVersioned(t *testing.T) {
	w := newWorkspace(t)
	w.apply(held, false)
	e := w.apply(strings.NewReplacer("keep: once, ", "", "keep: 30d, multi: true", "keep: 4w").Replace(held[:strings.Index(held, "  - {key: user")]), false)
	want(t, changed(e), "change tag kept [keep]\nchange tag many [keep multi]")
	if many, _ := w.load().Tag("many"); many.Keep.String() != "4w" || many.Multi || many.Version != 2 {
		t.Errorf("%+v", many)
	}
}

func TestCasesOfATagWithSeveralValuesDoNotHideEachOther(t *testing.T) {
	c := compiled(t, `
tags:
  - key: a
    name: 甲
    category: fact
    purpose: p
    owner: o
    multi: true
    cases:
      - {value: one, when: true}
      - {value: two, when: 'has(traits.city)'}
      - {value: three, when: 'has(traits.city)'}
      - {value: one, when: 'has(traits.city)'}
      - {value: two, when: 'has(traits.city)'}
`, false)
	warnings := c.Warnings()
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0].String(), "tags.yaml:14: tag a: case two: when: this case adds nothing") {
		t.Errorf("%v", warnings)
	}
}

func TestUsersReachThroughOthers(t *testing.T) {
	s := planned(t, empty(), shop, false).Set
	for of, want := range map[Ref]string{
		{KindMeasure, "f"}:                    "tag frequency, segment winback",
		{KindCategory, "behavior"}:            "category behavior/purchase, tag frequency, tag spend, segment winback",
		{KindSchema, "events.order_paid"}:     "measure f, tag spend, tag frequency, segment winback",
		{KindSegment, "winback"}:              "",
		{KindSchema, "traits.city"}:           "",
		{KindTag, "vip"}:                      "segment winback",
		{KindSchema, "events.never_declared"}: "",
	} {
		var got []string
		for _, r := range Users(s, of) {
			got = append(got, r.String())
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("users of %s: %v, want %s", of, got, want)
		}
	}
}

func TestDeclarationsInUseAreNotRetired(t *testing.T) {
	text := `
schema:
  events: {"Order Completed": {amount: number}, view: {}, buy: {}, cart: {}}
  traits: {address.city: text, age: number, free: text}
  consents: [sms, email]
segments:
  - {key: a, name: 甲, when: 'events["Order Completed"].count() > 1 && traits.address.city == "x" && events.any("view", "buy").count() > 1'}
  - {key: b, name: 乙, when: 'traits["age"] > 1 && consent.sms && events.view.where(traits, traits.free > 1).count() > 0'}
`
	s := planned(t, empty(), text, false).Set
	refused(t, s, text[strings.Index(text, "segments:"):], true,
		"schema events.Order Completed: it cannot be retired: it is used by segment a",
		"schema traits.address.city: it cannot be retired: it is used by segment a",
		"schema events.view: it cannot be retired: it is used by segment a, segment b",
		"schema events.buy: it cannot be retired: it is used by segment a",
		"schema traits.age: it cannot be retired: it is used by segment b",
		"schema consents.sms: it cannot be retired: it is used by segment b")
	e := planned(t, s, strings.NewReplacer(", cart: {}", "", ", free: text", "", ", email", "").Replace(text), true)
	want(t, changed(e), "retire schema consents.email\nretire schema traits.free\nretire schema events.cart")
	if got := s.Schema().Consents; !slices.Equal(got, []string{"email", "sms"}) {
		t.Errorf("%v", got)
	}
}

func TestAKeyTakenOverIsToldToThoseWhoReferToIt(t *testing.T) {
	s := planned(t, empty(), shop, false).Set
	e := planned(t, s, `
tags:
  - {key: spending, was: spend, name: 行为_消费金额, category: behavior/purchase, purpose: 消费分档, owner: wang.li, value: 'events.order_paid.sum(e, e.amount)'}
  - {key: spend, name: 行为_花费, category: behavior/purchase, purpose: 消费分档, owner: wang.li, value: 'events.order_paid.count()', bands: [{value: x}]}`, false)
	if len(e.Warnings) != 1 || !strings.HasPrefix(e.Warnings[0].String(), "segment winback: it refers to tag spend, which is another one now: the one before is called spending; write tags.spending") {
		t.Errorf("%v", e.Warnings)
	}
}

func TestBodiesOfBefore(t *testing.T) {
	for kind, body := range map[Kind]string{
		KindSchema: `{"key":"events.paid","state":"active","properties":{"amount":"number"}}`,
		KindTag: `{"key":"a","state":"active","name":"甲","category":"fact","purpose":"p","owner":"o","refresh":"daily","kind":"rule",` +
			`"cases":[{"value":"x","when":"true"}],"entity":"customer"}`,
	} {
		d, err := decode(kind, Head{Key: map[Kind]string{KindSchema: "events.paid", KindTag: "a"}[kind], State: Active}, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := marshal(d.body()); err != nil || string(back) != body {
			t.Errorf("%s became %s %v", body, back, err)
		}
	}
	d, err := decode(KindSchema, Head{Key: "traits.city"}, []byte(`{"key":"traits.city","state":"active","trait":"text"}`))
	if err != nil || d.(*Declaration).Trait != (Declared{Kind: event.TextKind}) || d.(*Declaration).Properties != nil {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := decode(KindSchema, Head{Key: "traits.city"}, []byte(`{"trait":"tex"}`)); err == nil {
		t.Error("an unknown kind was read")
	}
}

func TestDeclaredNames(t *testing.T) {
	c := compiled(t, "schema: {events: {paid: {amount: {type: number, coerce: true}, \"products[].sku\": text}}, consents: {sms: 短信}}\n", false)
	if f := c.Names.Events["paid"]; f["amount"].Declared != event.NumberKind || f["products[].sku"].Declared != event.TextKind || !c.Names.Consents["sms"] {
		t.Errorf("%+v", c.Names)
	}
	s := c.Set.Schema()
	if s.Events["paid"]["amount"] != (Declared{event.NumberKind, true}) || s.Events["paid"]["products[].sku"] != (Declared{Kind: event.TextKind}) {
		t.Errorf("%+v", s)
	}
	if got := adHoc(t, c, "consent.sms"); got.Type != rule.Bool {
		t.Errorf("%s", got)
	}
}
