package library

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

const shop = `
schema:
  events: {order_paid: {amount: number, order_id: text}}
  traits: {city: text}
measures:
  f: {when: 'events.order_paid.count() > 0', value: 'events.order_paid.distinct(e, e.order_id)'}
categories:
  - {key: behavior, name: 行为标签, prefix: 行为_, children: [{key: purchase, name: 购买}]}
  - {key: attribute, name: 属性标签}
tags:
  - key: frequency
    name: 行为_购买频次
    category: behavior/purchase
    purpose: 区分高频与低频
    owner: wang.li
    refresh: live
    rfm: F
    cases:
      - {value: 高频, when: 'measures.f >= 5'}
      - {value: 低频, when: 'true'}
  - key: spend
    name: 行为_消费金额
    category: behavior/purchase
    purpose: 消费分档
    owner: wang.li
    value: 'events.order_paid.sum(e, e.amount)'
    bands: [{below: 100, value: 低}, {value: 高}]
  - {key: vip, name: 会员, category: attribute, purpose: 权益, owner: li.na, kind: manual, values: [金卡, 银卡]}
segments:
  - {key: winback, name: 重点召回, when: 'tags.frequency == "高频" && tags.spend.number > 60 && !(tags.vip == "金卡")'}
`

// workspace is a database with a library in it.
type workspace struct {
	t   testing.TB
	db  *db.DB
	now event.Time
}

func newWorkspace(t testing.TB) *workspace {
	d, err := db.Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return &workspace{t: t, db: d, now: 1000}
}

func (w *workspace) load() *Set {
	w.t.Helper()
	s, err := Load(context.Background(), w.db.Read())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *workspace) tryApply(e *Edit, reason string) error {
	w.now += 1000
	return w.db.Tx(context.Background(), func(ctx context.Context, tx bun.Tx) error {
		return e.Apply(ctx, tx, "wang.li", reason, w.now)
	})
}

// apply plans a text on what is stored, applies it and checks that what was planned is what is stored then.
func (w *workspace) apply(text string, prune bool) *Edit {
	w.t.Helper()
	e := planned(w.t, w.load(), text, prune)
	if err := w.tryApply(e, "test"); err != nil {
		w.t.Fatal(err)
	}
	if got, want := dump(w.t, w.load()), dump(w.t, e.Set); got != want {
		w.t.Fatalf("stored\n%s\nplanned\n%s", got, want)
	}
	return e
}

// dump writes all of a set.
func dump(t testing.TB, s *Set) string {
	var b strings.Builder
	for _, d := range s.all {
		body, err := marshal(d.body())
		if err != nil {
			t.Fatal(err)
		}
		h, _ := json.Marshal([]any{d.head().ID, d.ref().String(), d.head().State, d.head().Version})
		b.WriteString(string(h) + " " + string(body) + "\n")
	}
	h, _ := json.Marshal([]any{s.Revision, s.next})
	return b.String() + string(h)
}

// said writes changes in one line each.
func said(changes []Change) string {
	var out []string
	for _, c := range changes {
		line := string(c.What) + " " + Ref{c.Kind, c.Key}.String()
		if c.Was != "" {
			line += " was " + c.Was
		}
		if len(c.Fields) > 0 {
			line += " [" + strings.Join(c.Fields, " ") + "]"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// changed is said without what stays.
func changed(e *Edit) string {
	return said(slices.DeleteFunc(slices.Clone(e.Changes), func(c Change) bool { return c.What == Same }))
}

func want(t testing.TB, got, want string) {
	t.Helper()
	if want = strings.TrimSpace(want); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// refused says that planning a text fails with messages that contain all of the parts.
func refused(t testing.TB, s *Set, text string, prune bool, parts ...string) {
	t.Helper()
	_, err := tryPlan(s, text, prune)
	if !errs.Is(err, errs.Invalid) {
		t.Fatalf("want an Invalid error, got %v", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in\n%v", part, err)
		}
	}
	if n := len(errs.FaultsOf(err)); n != len(parts) {
		t.Errorf("%d faults for %d parts:\n%v", n, len(parts), err)
	}
}

func TestApplyAndVersions(t *testing.T) {
	w := newWorkspace(t)
	first := w.apply(shop, false)
	want(t, changed(first), `
add schema events.order_paid
add schema traits.city
add measure f
add category behavior
add category behavior/purchase
add category attribute
add tag frequency
add tag spend
add tag vip
add segment winback`)

	again := w.apply(shop, true)
	if !again.Empty() || len(again.Changes) != 10 || again.Set.Revision != 1 {
		t.Errorf("the same again: %s, revision %d", said(again.Changes), again.Set.Revision)
	}

	e := w.apply(strings.Replace(strings.Replace(shop, "measures.f >= 5", "measures.f >= 6", 1), "{city: text}", "{city: list}", 1), false)
	want(t, changed(e), "change schema traits.city [trait]\nchange tag frequency [cases]")
	tag, _ := w.load().Tag("frequency")
	if tag.Version != 2 || tag.ID != 6 || tag.Cases[0].When != "measures.f >= 6" || tag.Refresh != Live || tag.RFM != "F" {
		t.Errorf("%+v", tag)
	}

	versions, err := History(context.Background(), w.db.Read(), Ref{KindTag, "frequency"})
	if err != nil || len(versions) != 2 {
		t.Fatal(versions, err)
	}
	if v := versions[1]; v.Version != 2 || v.At != w.now || v.Actor != "wang.li" || v.Reason != "test" || !strings.Contains(string(v.Body), "measures.f >= 6") {
		t.Errorf("%+v %s", v, v.Body)
	}
	if _, err := History(context.Background(), w.db.Read(), Ref{KindTag, "nobody"}); !errs.Is(err, errs.NotFound) {
		t.Errorf("history of nothing: %v", err)
	}
}

func TestApplyAfterAnotherIsAConflict(t *testing.T) {
	w := newWorkspace(t)
	w.apply(shop, false)
	base := w.load()
	mine := planned(t, base, strings.Replace(shop, "权益", "会员权益", 1), false)
	w.apply(strings.Replace(shop, "消费分档", "分档", 1), false)
	before := dump(t, w.load())
	if err := w.tryApply(mine, "late"); !errs.Is(err, errs.Conflict) {
		t.Errorf("want a Conflict, got %v", err)
	}
	if after := dump(t, w.load()); after != before {
		t.Errorf("it left something behind:\n%s", after)
	}
}

func TestWhatIsNotMentionedStays(t *testing.T) {
	w := newWorkspace(t)
	w.apply(shop, false)
	e := w.apply("segments: [{key: rich, name: 大客户, when: 'tags.spend == \"高\"'}]", false)
	want(t, changed(e), "add segment rich")
	if n := len(w.load().keys(KindTag)); n != 3 {
		t.Errorf("%d tags", n)
	}
}

func TestPruneRetiresAndApplyingRestores(t *testing.T) {
	w := newWorkspace(t)
	w.apply(shop, false)
	withoutVIP := strings.Replace(shop, ` && !(tags.vip == "金卡")`, "", 1)
	withoutVIP = withoutVIP[:strings.Index(withoutVIP, "  - {key: vip")] + withoutVIP[strings.Index(withoutVIP, "segments:"):]
	withoutVIP = strings.Replace(withoutVIP, "  - {key: attribute, name: 属性标签}\n", "", 1)
	e := w.apply(withoutVIP, true)
	want(t, changed(e), "change segment winback [when]\nretire tag vip\nretire category attribute")
	s := w.load()
	vip, ok := s.Tag("vip")
	if !ok || vip.State != Retired || vip.Version != 2 || vip.Values[1].Text() != "银卡" {
		t.Errorf("%+v", vip)
	}
	if got := slices.Collect(s.Retired()); len(got) != 2 || got[1] != (Ref{KindTag, "vip"}) {
		t.Errorf("retired: %v", got)
	}
	e = w.apply(strings.Replace(shop, "权益", "会员权益", 1), false)
	want(t, changed(e), "restore category attribute\nrestore tag vip [purpose]\nchange segment winback [when]")
	if back, _ := w.load().Tag("vip"); back.ID != vip.ID || back.Version != 3 || back.State != Active {
		t.Errorf("%+v", back)
	}
}

func TestRetiringWhatIsUsedIsRefused(t *testing.T) {
	s := planned(t, empty(), shop, false).Set
	refused(t, s, `
tags:
  - {key: vip, name: 行为_会员, category: behavior/purchase, purpose: 权益, owner: li.na, kind: manual}
segments:
  - {key: winback, name: 重点召回, when: 'tags.frequency == "高频" || measures["f"] > tags.vip'}`, true,
		"tag frequency: it cannot be retired: it is used by segment winback",
		"category behavior/purchase: it cannot be retired: it is used by tag vip",
		"measure f: it cannot be retired: it is used by segment winback")
	// A name of an event inside where is no reference.
	planned(t, s, `schema: {events: {order_paid: {}}}
segments: [{key: winback, name: 重点召回, when: 'events.order_paid.where(tags, tags.spend > 1).count() > 0'}]`, true)
	if got := s.Users(Ref{KindTag, "spend"}); len(got) != 1 || got[0] != (Ref{KindSegment, "winback"}) {
		t.Errorf("users of spend: %v", got)
	}
}

func TestRename(t *testing.T) {
	w := newWorkspace(t)
	w.apply(shop, false)
	renamed := strings.Replace(shop, "key: frequency\n", "key: 频次\n    was: frequency\n", 1)
	refused(t, w.load(), renamed, false, "segment winback: it refers to tag frequency, which is renamed to 频次; write tags.频次")
	only := renamed[:strings.Index(renamed, "segments:")]
	refused(t, w.load(), only, false, "write tags.频次, and put segment winback into the file")

	both := strings.Replace(renamed, "tags.frequency", "tags.频次", 1)
	e := w.apply(both, false)
	want(t, changed(e), "rename tag 频次 was frequency\nchange segment winback [when]")
	s := w.load()
	if tag, ok := s.Tag("频次"); !ok || tag.ID != 6 || tag.Version != 2 {
		t.Errorf("%+v", tag)
	}
	if _, ok := s.Tag("frequency"); ok {
		t.Error("the old key is still there")
	}
	if v, err := History(context.Background(), w.db.Read(), Ref{KindTag, "频次"}); err != nil || len(v) != 2 || !strings.Contains(string(v[0].Body), `"key":"frequency"`) {
		t.Errorf("%+v %v", v, err)
	}
	if e := w.apply(both, true); !e.Empty() || len(e.Warnings) != 0 {
		t.Errorf("the same again: %s %v", changed(e), e.Warnings)
	}
	// The freed key can be taken by a new tag, with a number of its own.
	e = w.apply("tags: [{key: frequency, name: 行为_新频次, category: behavior, purpose: p, owner: o, value: '1'}]", false)
	if tag, _ := e.Set.Tag("frequency"); tag.ID != 10 {
		t.Errorf("%+v", tag)
	}
	refused(t, w.load(), strings.Replace(both, `"高频"`, `"高"`, 1), false, "tag frequency cannot be renamed to 频次: tag 频次 exists already")
	// In an empty library there is nothing to rename.
	if e := planned(t, empty(), both, false); len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0].String(), "no tag frequency") {
		t.Errorf("%v", e.Warnings)
	}
}

func TestTwoTagsExchangeTheirKeys(t *testing.T) {
	w := newWorkspace(t)
	one := "tags:\n  - {key: a, name: 甲, category: fact, purpose: p, owner: o, value: '1'}\n  - {key: b, name: 乙, category: fact, purpose: p, owner: o, value: '2'}\n"
	w.apply(one, false)
	e := w.apply("tags:\n  - {key: b, was: a, name: 甲, category: fact, purpose: p, owner: o, value: '1'}\n  - {key: a, was: b, name: 乙, category: fact, purpose: p, owner: o, value: '2'}\n", false)
	want(t, changed(e), "rename tag b was a\nrename tag a was b")
	if a, _ := w.load().Tag("a"); a.ID != 1 || a.Value != "2" {
		t.Errorf("%+v", a)
	}
}

func TestNames(t *testing.T) {
	s := planned(t, empty(), shop, false).Set
	// A category's new prefix concerns the tags that the file does not mention.
	moved := planned(t, s, "categories: [{key: behavior, name: 行为标签, prefix: 动作_}]", false)
	if len(moved.Warnings) == 0 || !strings.Contains(moved.Warnings[0].String(), "tag frequency: the name 行为_购买频次 should begin with 动作_") {
		t.Errorf("%v", moved.Warnings)
	}
	bare := planned(t, s, "tags: [{key: bare, name: 光秃, category: attribute, value: '1'}]", false)
	if len(bare.Warnings) != 2 || !strings.Contains(bare.Warnings[0].String(), "the purpose is missing") {
		t.Errorf("a tag without purpose and owner is taken with a warning: %v", bare.Warnings)
	}
	refused(t, s, "tags: [{key: frequency2, name: 行为_购买频次, category: behavior, purpose: p, owner: o, value: '1'}]", false,
		"tags.yaml:1: tag frequency2: tag frequency is called 行为_购买频次 already")
	e := planned(t, s, "tags: [{key: member, name: 会员 标签, category: attribute, purpose: p, owner: o, value: '1'}]", false)
	if len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0].String(), "easily confused with 会员, tag vip") {
		t.Errorf("%v", e.Warnings)
	}
	if e := planned(t, e.Set, shop, false); len(e.Warnings) != 0 {
		t.Errorf("warned of again: %v", e.Warnings)
	}
}

func TestShapeAndClasses(t *testing.T) {
	s := planned(t, empty(), shop+"  - {key: x, name: x, when: 'true'}\n", false).Set
	shape := s.Shape()
	if shape.Tags != 3 || shape.Segments != 2 || shape.Measures != 1 || shape.Categories != 3 || shape.MaxDepth != 2 || shape.AvgDepth != 5.0/3 ||
		shape.RFM["F"] != 1 || shape.Unclassed != 0 {
		t.Errorf("%+v", shape)
	}
	if c := shape.Sets[0]; c.Covered != 2 || !slices.Equal(c.Tags, []int{2, 1, 0, 0}) {
		t.Errorf("%+v", c)
	}
	own := planned(t, s, `
categories: [{key: other, name: 其他, children: [{key: place, name: 地理}, {key: money, name: 钱, class: 资产状况}]}]
tags:
  - {key: a, name: 甲, category: other, purpose: p, owner: o, kind: manual, classes: [事实, transaction]}
  - {key: b, name: 乙, category: other/place, purpose: p, owner: o, kind: manual}
  - {key: c, name: 丙, category: other/money, purpose: p, owner: o, kind: manual}
  - {key: d, name: 丁, category: other, purpose: p, owner: o, kind: manual}
  - {key: e, name: 戊, category: lifecycle, purpose: p, owner: o, kind: manual}`, false).Set
	for key, want := range map[string]string{"a": "fact transaction", "b": "geography", "c": "assets", "d": "", "e": "lifecycle"} {
		tag, _ := own.Tag(key)
		if got := strings.Join(own.Classes(tag), " "); got != want {
			t.Errorf("%s: classes %q, want %q", key, got, want)
		}
	}
}

func TestLoadSeesItsOwnTransaction(t *testing.T) {
	w := newWorkspace(t)
	e := planned(t, empty(), shop, false)
	err := w.db.Tx(context.Background(), func(ctx context.Context, tx bun.Tx) error {
		if err := e.Apply(ctx, tx, "a", "r", 1); err != nil {
			return err
		}
		s, err := Load(ctx, tx)
		if err == nil && dump(t, s) != dump(t, e.Set) {
			t.Error("something else was loaded")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
