package tag_test

import (
	"fmt"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/tag"
)

func (s *shop) counts(text, asOf string) *tag.RuleCounts {
	s.t.Helper()
	c, err := tag.CountLeaves(s.ctx, s.Tags(), text, tag.QueryOptions{Now: s.at(asOf), Recompute: true})
	s.must(err)
	return c
}

func TestCountLeaves(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers)
	for _, c := range []struct{ text, want string }{
		{`events.order.last("30d").count() >= 1 && !(traits.city == "上海")`, "1 of 4, condition; events.order.last(\"30d\").count() >= 1: 2, 4 rows; traits.city == \"上海\": 1, 3 rows"},
		{`traits.vip || traits.city == "广州"`, "2 of 4, condition; traits.vip: 1, 2 rows; traits.city == \"广州\": 1, 3 rows"},
		{`traits.city == "上海" ? events.order.count() : null`, "1 of 4, value; traits.city == \"上海\": 1, 3 rows; events.order.count(): 4, 5 rows"},
		{`segments.buyers`, "3 of 4, condition; segments.buyers: 3, 5 rows"},
		{`measures.total > mean(measures.total)`, "2 of 4, condition; measures.total > mean(measures.total): 2, 5 rows"},
		{`events.order.count() >= 0 && true`, "4 of 4, condition; events.order.count() >= 0: 4, 0 rows"},
	} {
		r := s.counts(c.text, june)
		what := "value"
		if r.Condition {
			what = "condition"
		}
		got := fmt.Sprintf("%d of %d, %s", r.Holds, r.Customers, what)
		share := 0.0
		for _, l := range r.Leaves {
			got += fmt.Sprintf("; %s: %d, %d rows", l.Text, l.Holds, l.Rows)
			share += l.Share
		}
		s.equal(c.text, got, c.want)
		if share > 0 && (share < 0.999 || share > 1.001) {
			t.Errorf("%s: the shares add up to %v", c.text, share)
		}
	}
	_, err := tag.CountLeaves(s.ctx, s.Tags(), `events.ordr.count() > 1`, tag.QueryOptions{Now: s.at(june)})
	s.refused(err, errs.Invalid, "did you mean 'order'?")
}

func near(list []tag.Near) string {
	var out []string
	for _, n := range list {
		out = append(out, fmt.Sprintf("%s %s %s=%s %d of %d and %d", n.Of, n.Kind, n.Key, n.Value, n.Both, n.Mine, n.Theirs))
	}
	return strings.Join(out, "; ")
}

func refs[R fmt.Stringer](list []R) string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.String()
	}
	return strings.Join(out, ", ")
}

func TestFindSimilar(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers)
	s.compute(june)
	for _, c := range []struct {
		text       string
		atLeast    float64
		same, near string
	}{
		{`!(events.order.count() == 0)`, 0, "segment buyers", " segment buyers= 3 of 3 and 3"},
		{`3 <= events.order.last("30d").count()`, 0, "tag frequency=高频", " tag frequency=高频 1 of 1 and 1"},
		{`measures.total > 400`, 0, "", " tag spend=高 2 of 2 and 2"},
		{`traits.city == "上海" || traits.city == "北京"`, 0, "", ""},
		{`has(traits.city)`, 0.4, "", " tag spend=低 2 of 3 and 2;  segment buyers= 2 of 3 and 3"},
		{`traits.vip`, 0, "", " tag frequency=高频 1 of 1 and 1"}, // of whom it is true
		{`events.order.sum(e, e.amount)`, 0, "measure total, tag spend.number", ""},
		{`events.order.last("30d").count() >= 3 ? "a" : has(traits.vip) ? "b" : "c"`, 0, "", "c tag spend=低 2 of 2 and 2; a tag frequency=高频 1 of 1 and 1"},
	} {
		f, err := tag.FindSimilar(s.ctx, s.Tags(), c.text, s.at(june), tag.SimilarOptions{AtLeast: c.atLeast})
		s.must(err)
		s.equal("same as "+c.text, refs(f.Same), c.same)
		s.equal("near "+c.text, near(f.Near), c.near)
	}
}

func TestKinOfEdit(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers)
	s.compute(june)
	edit := s.plan(false, total, frequency, buyers,
		`tag often cases: [{value: 是, when: '!(events.order.last("30d").count() < 3)'}, {value: 否, when: 'true'}]`,
		`segment customers !!(events.order.count() >= 1)`,
		`segment goldies tags.often == "是"`,
		`tag spend value: 'measures.total', bands: [{below: 200, value: 低}, {value: 高}]`)
	kin, err := tag.KinOfEdit(s.ctx, s.Tags(), edit, s.at(june), tag.SimilarOptions{})
	s.must(err)
	var got []string
	for _, k := range kin {
		got = append(got, fmt.Sprintf("%s %s: used by [%s] same [%s] near [%s]", k.Kind, k.Key, refs(k.UsedBy), refs(k.Same), near(k.Near)))
	}
	s.equal("kin", strings.Join(got, "\n"), strings.Join([]string{
		"tag often: used by [] same [] near [是 tag frequency=高频 1 of 1 and 1]",
		"tag spend: used by [] same [] near []",
		"segment customers: used by [] same [segment buyers] near [ segment buyers= 3 of 3 and 3]",
		"segment goldies: used by [] same [] near [ tag frequency=高频 1 of 1 and 1]",
	}, "\n"))
}

// A value is had where its case holds and none before it: a condition that is only the case's own is another one.
func TestValuesThatMeanTheSame(t *testing.T) {
	const level = `tag level cases: [{value: 高, when: "events.order.count() >= 2"}, {value: 低, when: "events.order.count() >= 1"}]`
	s := newShop(t, level,
		`tag chan cases: [{value: 买, when: "events.order.count() >= 7"}, {value: 老, when: "traits.vip"}, {value: 买, when: "traits.city == \"上海\""}]`,
		`tag marks multi: true, cases: [{value: 甲, when: "events.order.count() >= 2"}, {value: 乙, when: "events.order.count() >= 1"}]`,
		`segment everybody true`)
	for text, want := range map[string]string{
		`events.order.count() >= 2`:                             "tag level=高, tag marks=甲",
		`events.order.count() >= 1`:                             "tag marks=乙",
		`events.order.count() >= 1 && events.order.count() < 2`: "tag level=低",
		`events.order.count() >= 7`:                             "", // a later case gives the value as well
		`traits.vip`:                                            "",
		`traits.vip && events.order.count() < 7`:                "tag chan=老",
		`true`:                                                  "segment everybody",
		`false`:                                                 "",
	} {
		f, err := tag.FindSimilar(s.ctx, s.Tags(), text, s.at(june), tag.SimilarOptions{})
		s.must(err)
		s.equal("same as "+text, refs(f.Same), want)
	}
	edit := s.plan(false,
		strings.Replace(level, "tag level", "tag level2", 1),
		strings.Replace(strings.Replace(level, "tag level", "tag reversed", 1), "高", "极高", 1),
		`segment once !(events.order.count() >= 2) && events.order.count() >= 1`,
		`segment ordered events.order.count() >= 1`)
	kin, err := tag.KinOfEdit(s.ctx, s.Tags(), edit, s.at(june), tag.SimilarOptions{})
	s.must(err)
	var got []string
	for _, k := range kin {
		got = append(got, k.Key+": "+refs(k.Same))
	}
	s.equal("kin", strings.Join(got, "; "), "level2: tag level; reversed: ; once: tag level=低, tag level2=低, tag reversed=低; ordered: tag marks=乙")
}

// Sets of nobody and of everybody are like nothing.
func TestSetsThatSayNothing(t *testing.T) {
	s := newShop(t, `segment nobody events.order.count() > 100`, `segment everybody events.order.count() >= 0`, buyers)
	s.compute(june)
	for text, want := range map[string]string{`events.order.count() > 200`: "", `true`: "", `events.order.count() > 0`: " segment buyers= 3 of 3 and 3"} {
		f, err := tag.FindSimilar(s.ctx, s.Tags(), text, s.at(june), tag.SimilarOptions{})
		s.must(err)
		s.equal("near "+text, near(f.Near), want)
	}
}

func TestCompleteRuleWithRealValues(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers)
	s.compute(june)
	for _, c := range []struct{ text, want string }{
		{`traits.city == "`, `"上海" "北京" "广州"`},
		{`traits.city == "北`, `"北京"`},
		{`events.order.where(e, e.item == "`, `"茶" "书"`},
		{`events.order.where(e, e.amount == 5`, `50 500 5000`},
		{`tags.frequency == "`, `"高频" "低频"`},
		{`tags.spend in ["`, `"低" "中" "高"`},
		{`"ann" in ids.user_id || ids.user_id == "c`, `"cat"`},
	} {
		r, err := tag.CompleteRule(s.ctx, s.Tags(), c.text, len(c.text), 0)
		s.must(err)
		var got []string
		for _, o := range r.Options {
			if o.Kind == "value" {
				got = append(got, o.Insert)
			}
		}
		s.equal(c.text, strings.Join(got, " "), c.want)
	}
}

func TestCheckRule(t *testing.T) {
	s := newShop(t, frequency)
	r, faults, err := tag.CheckRule(s.ctx, s.Tags(), `tags.frequency == "中频" && events.order.count() >= 2`)
	s.must(err)
	s.equal("faults and warnings", fmt.Sprint(len(faults), len(r.Warnings)), "0 1")
	r, faults, err = tag.CheckRule(s.ctx, s.Tags(), `tags.frequncy == 1 && events.ordr.count() >= 2`)
	s.must(err)
	if r != nil || len(faults) != 2 {
		t.Errorf("%v, %v, want two faults", r, faults)
	}
}
