package tag_test

import (
	"fmt"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/tag"
)

func (s *shop) ask(text, asOf string, recompute bool) *tag.Query {
	s.t.Helper()
	q, err := tag.Ask(s.ctx, s.Tags(), text, tag.QueryOptions{Now: s.at(asOf), Recompute: recompute, IDKinds: idKinds})
	s.must(err)
	s.t.Cleanup(q.Close)
	return q
}

func TestQuery(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers)
	s.compute(june)
	for _, c := range []struct {
		text      string
		count     int
		rows, all string // who it holds for, or has a value; everybody's value
	}{
		{`traits.city == "上海"`, 1, "ann=true", "ann=true bob=false cat=false dan=false"},
		{`traits.city != "上海"`, 3, "bob=true cat=true dan=true", "ann=false bob=true cat=true dan=true"},
		{`events.order.count()`, 4, "ann=3 bob=1 cat=1 dan=0", "ann=3 bob=1 cat=1 dan=0"},
		{`events.order.latest().item`, 3, "ann=茶 bob=书 cat=茶", "ann=茶 bob=书 cat=茶"},
		{`traits.birthday`, 1, "ann=1990-07-01", "ann=1990-07-01"},
		{`traits.vip`, 1, "ann=true", "ann=true cat=false"},
		{`tags.frequency == "高频"`, 1, "ann=true", "ann=true bob=false cat=false dan=false"},
		{`tags.spend`, 4, "ann=高 bob=低 cat=高 dan=低", "ann=高 bob=低 cat=高 dan=低"},
		{`tags.spend.number / 2`, 4, "ann=250 bob=25 cat=250 dan=0", "ann=250 bob=25 cat=250 dan=0"},
		{`segments.buyers && measures.total > 100`, 2, "ann=true cat=true", "ann=true bob=false cat=true dan=false"},
	} {
		t.Run(c.text, func(t *testing.T) {
			s := &shop{s.Workspace, t, s.ctx}
			q := s.ask(c.text, june, false)
			n, err := q.Count(s.ctx)
			s.must(err)
			s.equal("count", n, c.count)
			rows, err := q.Rows(s.ctx, false)
			s.must(err)
			s.equal("rows", s.rows(rows), c.rows)
			rows, err = q.Rows(s.ctx, true)
			s.must(err)
			s.equal("values", s.rows(rows), c.all)
		})
	}
}

func TestAQueryReadsOtherTagsAsPublishedOrComputesThem(t *testing.T) {
	s := newShop(t, total, frequency, spend)
	s.compute(june)
	s.define(buyers)
	for _, c := range []struct {
		text, asOf string
		recompute  bool
		want       string
		uncomputed string
	}{
		{`tags.frequency`, july, false, "ann=高频 bob=低频", "[]"},
		{`tags.frequency`, july, true, "ann=低频 bob=低频", "[]"},
		{`tags.spend.number`, july, false, "ann=500 bob=50 cat=500 dan=0", "[]"},
		{`tags.spend.number`, july, true, "ann=500 bob=5050 cat=500 dan=0", "[]"},
		{`segments.buyers && tags.frequency == "高频"`, july, false, "", "[segment buyers]"},
		{`segments.buyers && tags.frequency == "低频"`, july, true, "ann=true bob=true", "[]"},
	} {
		q := s.ask(c.text, c.asOf, c.recompute)
		rows, err := q.Rows(s.ctx, false)
		s.must(err)
		s.equal(c.text, s.rows(rows), c.want)
		s.equal(c.text+": not computed", q.Uncomputed(s.ctx, s.Tags()), c.uncomputed)
	}
}

func TestWhatCanBeListed(t *testing.T) {
	s := newShop(t)
	for text, want := range map[string][2]bool{ // a condition; one that can list customers
		`events.order.count() > 0`: {true, true}, `traits.vip`: {false, true}, `traits.code`: {false, true}, `events.order.count()`: {false, false}, `traits.city`: {false, false}} {
		q := s.ask(text, june, false)
		if got := [2]bool{q.IsCondition(), q.CanBeCondition()}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestAWrongQuestionIsRefusedWithAllItsFaults(t *testing.T) {
	s := newShop(t, frequency)
	_, err := tag.Ask(s.ctx, s.Tags(), `tags.frequenzy == "高频" && events.ordr.count() > 1`, tag.QueryOptions{Now: s.at(june)})
	s.refused(err, errs.Invalid, "frequenzy", "frequency", "ordr", "^")
	s.equal("faults", len(errs.FaultsOf(err)), 2)
}

// The events that prove a leaf are those of what is measured, not those that its filters look at.
func TestTheRightEventsProve(t *testing.T) {
	s := newShop(t)
	s.happens("zoe 2026-06-01 cart item=茶\nzoe 2026-06-02 buy item=茶\nzoe 2026-06-03 cart item=杯\nzoe 2026-06-04 look\nzoe 2026-06-05 look")
	for _, c := range []struct{ rule, value, against, events string }{
		{`events.cart.without(events.buy, same("item")).count() > 0`, "1", "", "[06-03 cart]"},
		{`events.cart.then(events.buy, same("item")).count() > 0`, "1", "", "[06-02 buy]"},
		{`events.look.count() > events.buy.count()`, "2", "1", "[06-05 look 06-04 look]"},
		{`events.buy.count() < events.look.count()`, "1", "2", "[06-02 buy]"},
		{`events.cart.since(events.buy.earliest().time).count() == 1`, "1", "", "[06-03 cart]"},
		{`events.cart.where(e, e.item != "x" && events.look.count() > 1).count() >= 2`, "2", "", "[06-03 cart 06-01 cart]"},
	} {
		e, err := tag.Explain(s.ctx, s.Tags(), c.rule, s.id("zoe"), tag.QueryOptions{Now: s.at(june)})
		s.must(err)
		leaf := e.Leaves[0]
		var events []string
		for _, line := range leaf.Events {
			events = append(events, line[5:10]+" "+strings.Fields(line)[1])
		}
		s.equal(c.rule, fmt.Sprint(leaf.Holds, " ", leaf.Value, " ", leaf.Against, " ", events), "true "+c.value+" "+c.against+" "+c.events)
	}
}

// A value that is true or false is counted like the condition that it may be used as.
func TestFalseIsNotCounted(t *testing.T) {
	s := newShop(t)
	s.happens("zoe 2026-05-01 is vip=false\nyan 2026-05-01 is vip=true\nzoe 2026-06-01 look\nyan 2026-06-01 look")
	for _, rule := range []string{`traits.vip`, `true ? traits.vip : false`} {
		q, err := tag.Ask(s.ctx, s.Tags(), rule, tag.QueryOptions{Now: s.at(june), IDKinds: []string{"user_id"}})
		s.must(err)
		n, err := q.Count(s.ctx)
		s.must(err)
		rows, err := q.Rows(s.ctx, false)
		s.must(err)
		s.equal(rule+": count and rows", n, len(rows))
		q.Close()
	}
}

func TestExplain(t *testing.T) {
	s := newShop(t, frequency)
	s.happens("ann 2026-06-02 order amount=1\nann 2026-06-03 order amount=2\nann 2026-06-04 order amount=3\nann 2026-07-02 order amount=4")
	e, err := tag.Explain(s.ctx, s.Tags(), `events.order.last("30d").count() >= 3 && traits.city in ["北京", "广州"]`, s.id("ann"), tag.QueryOptions{Now: s.at(june)})
	s.must(err)
	if e.Answer != "false" || !e.InUniverse || len(e.Leaves) != 2 {
		t.Fatalf("%+v", e)
	}
	orders, city := e.Leaves[0], e.Leaves[1]
	if orders.Holds != "true" || orders.Value != "6" || city.Holds != "false" || city.Value != `"上海"` {
		t.Errorf("%+v", e.Leaves)
	}
	var days []string
	for _, line := range orders.Events {
		day, _, _ := strings.Cut(line, "T")
		days = append(days, day)
	}
	s.equal("proving events, the latest first", days, "[2026-06-29 2026-06-15 2026-06-04 2026-06-03 2026-06-02]")
	s.equal("more of them", orders.More, 1)
	s.equal("an event", orders.Events[0], "2026-06-29T00:00:00+08:00 order")

	e, err = tag.Explain(s.ctx, s.Tags(), `events.order.where(e, e.item == "茶").sum(e, e.amount)`, s.id("ann"), tag.QueryOptions{Now: s.at(june)})
	s.must(err)
	s.equal("a value", e.Answer, "420")
	e, err = tag.Explain(s.ctx, s.Tags(), `traits.city`, s.id("cat"), tag.QueryOptions{Now: s.at(june)})
	s.must(err)
	s.equal("no value", e.Answer, "no value")
	e, err = tag.Explain(s.ctx, s.Tags(), `events.order.count() == 0`, s.id("cat"), tag.QueryOptions{Now: s.at("2026-02-01")})
	s.must(err)
	if e.InUniverse {
		t.Errorf("before cat was first seen: %+v", e)
	}
	s.refused(tag.ErrNobody("zoe"), errs.NotFound, "zoe")
}

func TestMembers(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers, `tag hobbies value: 'traits.hobbies'`, `tag plain value: 'measures.total'`)
	_, err := tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "frequency"})
	s.refused(err, errs.NotFound, "frequency was never computed")
	s.compute(june)
	for _, c := range []struct {
		key, value, want string
	}{
		{"frequency", "高频", "ann=高频"},
		{"spend", "高", "ann=高 cat=高"},
		{"hobbies", "茶", "ann=书,茶"},
		{"plain", "501", ""},
		{"plain", "500", "ann=500 cat=500"},
	} {
		m, err := tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: c.key, Value: c.value, HasValue: true, IDKinds: idKinds})
		s.must(err)
		s.equal(c.key+" "+c.value, s.rows(m.Rows), c.want)
		s.equal("as of", m.AsOf, s.at(june))
	}
	_, err = tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "frequency", Value: "高", HasValue: true, IDKinds: idKinds})
	s.refused(err, errs.Invalid, `the tag frequency never has the value "高"`, "it has 高频, 低频")
	_, err = tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "frequency", Value: "高频率", HasValue: true, IDKinds: idKinds})
	s.refused(err, errs.Invalid, `the tag frequency never has the value "高频率"`, `did you mean "高频"?`)
	_, err = tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "frequenzy"})
	s.refused(err, errs.NotFound, `did you mean "frequency"?`)
	_, err = tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "buyer", Segment: true})
	s.refused(err, errs.NotFound, `there is no segment "buyer"`, `did you mean "buyers"?`)
}
