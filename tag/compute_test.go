package tag_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/ingest"
	"tagma/tag"
)

func TestACustomerGoesFromOneValueToAnother(t *testing.T) {
	s := newShop(t, frequency)
	first := s.compute(june)
	s.holds("frequency", "ann=高频 bob=低频")
	s.equal("the first run's changes", s.changes(0), "frequency by edit in run 1 for 2026-06-30: +高频 ann +低频 bob")
	if r := first.Tags[0]; first.Customers != 4 || r.Held != 2 || r.Entered != 2 || r.Left != 0 {
		t.Errorf("%+v", first)
	}

	end := s.end()
	second := s.compute(july)
	s.holds("frequency", "ann=低频 bob=低频")
	s.equal("the second run's changes", s.changes(end), "frequency by run in run 2 for 2026-07-10: -高频 ann +低频 ann")
	if r := second.Tags[0]; r.Held != 2 || r.Entered != 1 || r.Left != 1 {
		t.Errorf("%+v", second)
	}

	end = s.end()
	s.compute(august)
	s.holds("frequency", "")
	s.equal("the third run's changes", s.changes(end), "frequency by run in run 3 for 2026-08-15: -低频 ann,bob")

	end = s.end()
	s.compute(august)
	s.equal("a run that finds nothing new", s.changes(end), "")
}

func TestAChangeSaysWhy(t *testing.T) {
	cases := map[string]struct {
		moves func(s *shop) // between the run for June and the next
		asOf  string
		want  string
	}{
		"the rule was edited": {func(s *shop) { s.define(`segment buyers events.order.count() > 1`) }, june, "buyers by edit in run 2 for 2026-06-30: -true bob,cat"},
		"the measure below was edited": {func(s *shop) { s.define(`measure total events.order.count()`) }, june,
			"spend by edit in run 2 for 2026-06-30: -高 ann,cat +低 ann,cat\nricher by edit in run 2 for 2026-06-30: -是 cat"},
		"history was loaded": {func(s *shop) { s.happens("dan 2026-06-02 order amount=1") }, june,
			"spend by import in run 2 for 2026-06-30:\nbuyers by import in run 2 for 2026-06-30: +true dan"},
		"others moved the limit, or time went on": {func(*shop) {}, july,
			"spend by run in run 2 for 2026-07-10: -低 bob +高 bob\nricher by threshold in run 2 for 2026-07-10: -是 ann,cat +是 bob"},
		"the program was started anew": {func(s *shop) { s.reopen() }, july,
			"spend by run in run 2 for 2026-07-10: -低 bob +高 bob\nricher by threshold in run 2 for 2026-07-10: -是 ann,cat +是 bob"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, total, spend, buyers, richer)
			s.compute(june)
			end := s.end()
			c.moves(s)
			s.compute(c.asOf)
			s.equal("changes", s.changes(end), c.want)
		})
	}
}

func TestAnImportedFileIsNotNews(t *testing.T) {
	s := newShop(t, buyers)
	s.compute(june)
	end := s.end()
	dir := t.TempDir()
	file := filepath.Join(dir, "orders.csv")
	s.must(os.WriteFile(file, []byte("who,day,amount\neve,2026-06-03,9\nann,2026-06-04,8\n"), 0o600))
	m, err := ingest.ParseMapping(filepath.Join(dir, "orders.yaml"), []byte(`
rows:
  identify: {user_id: who}
  events:
    - name: order
      time: {from: day, layout: yyyy-MM-dd}
      properties: {amount: {from: amount, as: number}}
`), s.Zone)
	s.must(err)
	report, err := ingest.Import(s.ctx, s.Ingest(), m, []string{file}, ingest.Options{})
	s.must(err)
	s.equal("rows accepted", report.Accepted, 2)
	s.compute(june)
	s.equal("changes", s.changes(end), "buyers by import in run 2 for 2026-06-30: +true eve")
}

func TestValuesOfEveryKind(t *testing.T) {
	rules := []string{
		total, spend, buyers,
		`tag plain value: 'measures.total'`,
		`tag latest value: 'events.order.latest().time'`,
		`tag birthday value: 'traits.birthday'`,
		`tag city value: 'traits.city'`,
		`tag hobbies value: 'traits.hobbies'`,
		`tag vip value: 'traits.vip'`,
		`tag bought value: 'events.order.count() > 0'`,
		`tag code value: 'traits.code'`,
		`tag twice cases: [{value: 甲, when: 'traits.city == "上海"'}, {value: 乙, when: 'traits.city == "北京"'}, {value: 甲, when: 'has(traits.city)'}]`,
		`tag level cases: [{value: 2, when: 'measures.total >= 500'}, {value: 1, when: 'measures.total > 0'}]`,
		`tag flag cases: [{value: true, when: 'measures.total >= 500'}, {value: false, when: 'has(traits.city)'}]`,
		`tag nobody cases: [{value: 甲, when: 'measures.total > 100000'}]`,
		`tag both cases: [{value: 是, when: 'tags.spend == "高" && tags.spend.number >= 500 && segments.buyers && tags.city != "北京"'}]`,
	}
	s := newShop(t, rules...)
	s.compute(june)
	want := []struct{ key, members string }{
		{"spend", "ann=高 bob=低 cat=高 dan=低"},
		{"segment buyers", "ann=true bob=true cat=true"},
		{"plain", "ann=500 bob=50 cat=500 dan=0"},
		{"latest", "ann=2026-06-29T00:00:00+08:00 bob=2026-06-20T00:00:00+08:00 cat=2026-03-01T00:00:00+08:00"},
		{"birthday", "ann=1990-07-01"},
		{"city", "ann=上海 bob=北京 dan=广州"},
		{"hobbies", "ann=书,茶"},
		{"vip", "ann=true cat=false"},
		{"bought", "ann=true bob=true cat=true dan=false"},
		{"code", "ann=7 bob=x7 cat=true"}, // a trait of several kinds is kept as text
		{"twice", "ann=甲 bob=乙 dan=甲"},
		{"level", "ann=2 bob=1 cat=2"},
		{"flag", "ann=true bob=false cat=true dan=false"},
		{"nobody", ""},
		{"both", "ann=是 cat=是"}, // the city of cat is not known, and != is the complement of ==
	}
	for _, w := range want {
		s.holds(w.key, w.members)
	}
	// And they are the same from the snapshot of the index.
	s.reopen()
	for _, w := range want {
		s.holds(w.key, w.members)
	}
	view := s.Index.View()
	if h, ok := s.library().Tag("code"); !ok || view.Content(h.ID).Kind().String() != "text" {
		t.Errorf("code is kept as %s", view.Content(h.ID).Kind())
	}
	if h, ok := s.library().Tag("spend"); !ok || view.Measure(h.ID, uint32(s.id("ann"))).Format(s.Zone) != "500" {
		t.Errorf("the measure behind spend is %v", view.Measure(h.ID, uint32(s.id("ann"))))
	}
}

func TestTagsByHandAreNotComputed(t *testing.T) {
	s := newShop(t, buyers, `tag card kind: manual, values: [金卡, 银卡]`, `tag gold cases: [{value: 是, when: 'tags.card == "金卡"'}]`)
	r := s.compute(june)
	s.equal("computed", len(r.Tags), 2)
	s.holds("gold", "")
	_, err := tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.at(june), Keys: []string{"card"}})
	s.refused(err, errs.Invalid, "by hand")
}

// What a rule gave does not stay when the tag is assigned by hand from now on.
func TestATagByRuleThatBecomesOneByHand(t *testing.T) {
	s := newShop(t, `tag vip cases: [{value: 金卡, when: 'events.order.count() > 0'}]`)
	s.compute(june)
	s.holds("vip", "ann=金卡 bob=金卡 cat=金卡")
	s.define(`tag vip kind: manual, values: [金卡]`)
	s.compute(july)
	s.holds("vip", "")
}

func TestOnlySomeKeys(t *testing.T) {
	s := newShop(t, total, frequency, buyers, spend)
	s.compute(june)
	end := s.end()
	r := s.compute(july, "frequency", "buyers")
	s.equal("computed", len(r.Tags), 2)
	s.equal("changes", s.changes(end), "frequency by run in run 2 for 2026-07-10: -高频 ann +低频 ann")
	s.holds("spend", "ann=高 bob=低 cat=高 dan=低") // as of June
	s.equal("computed of a key named twice", len(s.compute(july, "buyers", "buyers").Tags), 1)

	end = s.end()
	_, err := tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.at(july), Keys: []string{"frequenzy", "spend", "zzz"}})
	s.refused(err, errs.Invalid, `"frequenzy"`, `did you mean "frequency"?`, `"zzz"`)
	s.equal("the change log", s.end(), end)
	s.equal("runs", len(s.runs()), 3)
}

func TestABrokenDefinitionDoesNotStopTheOthers(t *testing.T) {
	s := newShop(t, buyers, `segment lost events.vanished.count() > 0`)
	r := s.compute(june)
	s.holds("segment buyers", "ann=true bob=true cat=true")
	if len(r.Broken) != 1 || !strings.Contains(r.Broken[0], "vanished") || len(r.Tags) != 1 {
		t.Errorf("%+v", r)
	}
	_, err := tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.at(june), Keys: []string{"lost"}})
	s.refused(err, errs.Invalid, "vanished")
	s.happens("dan 2026-06-05 vanished")
	if r := s.compute(june); len(r.Broken) != 0 {
		t.Errorf("%+v", r)
	}
	s.holds("segment lost", "dan=true")
}

func TestARetiredTagLeavesTheIndex(t *testing.T) {
	s := newShop(t, frequency, buyers)
	s.compute(june)
	h, _ := s.library().Tag("frequency")
	s.apply(s.plan(true, buyers))
	s.compute(july, "buyers")
	if _, _, held := s.Index.View().Changed(h.ID); !held {
		t.Error("a run of another key dropped it")
	}
	end := s.end()
	s.compute(july)
	s.equal("changes", s.changes(end), "frequency by edit in run 3 for 2026-07-10: dropped")
	if _, _, held := s.Index.View().Changed(h.ID); held {
		t.Error("it is still in the index")
	}
	_, err := tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "frequency"})
	s.refused(err, errs.NotFound)

	// Restored, it is not computed before it is computed.
	s.define(frequency)
	_, err = tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "frequency"})
	s.refused(err, errs.NotFound, "never computed")
	s.compute(july)
	s.holds("frequency", "ann=低频 bob=低频")
}
