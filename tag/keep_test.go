package tag_test

import (
	"fmt"
	"testing"

	"tagma/tag"
)

const (
	keepOnce = `tag once keep: once, cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`
	keepTen  = `tag ten keep: 10d, cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`
	keepAll  = `tag all multi: true, keep: 10d, cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`
	keepLast = `tag last keep: 10d, value: 'events.order.last("30d").max(e, e.amount)'`
)

// ann has three orders in the thirty days up to 30 June, and none after 28 July; bob one up to 19 July, one of 5 July
// up to 3 August.
func TestKeptForAWhile(t *testing.T) {
	s := newShopAt(t, "2026-06-30", keepOnce, keepTen, keepAll, keepLast, `tag other cases: [{value: 是, when: 'has(tags.ten)'}]`)
	for _, c := range []struct{ day, once, ten, all, last string }{
		{"2026-06-30", "ann=高频 bob=低频", "ann=高频 bob=低频", "ann=高频,低频 bob=低频", "ann=300 bob=50"},
		{"2026-07-02", "ann=低频 bob=低频", "ann=低频 bob=低频", "ann=高频,低频 bob=低频", "ann=300 bob=50"},
		{"2026-07-11", "ann=低频 bob=低频", "ann=低频 bob=低频", "ann=高频,低频 bob=低频", "ann=300 bob=5000"},
		{"2026-07-12", "ann=低频 bob=低频", "ann=低频 bob=低频", "ann=低频 bob=低频", "ann=300 bob=5000"}, // 高频 was lost on 2 July
		{"2026-07-29", "ann=低频 bob=低频", "ann=低频 bob=低频", "ann=低频 bob=低频", "ann=300 bob=5000"},
		{"2026-08-05", "ann=低频 bob=低频", "ann=低频 bob=低频", "ann=低频 bob=低频", "ann=300 bob=5000"},
		{"2026-08-08", "ann=低频 bob=低频", "bob=低频", "bob=低频", "bob=5000"},
		{"2026-08-15", "ann=低频 bob=低频", "", "", ""},
		{"2026-09-15", "ann=低频 bob=低频", "", "", ""},
	} {
		s.compute(c.day)
		for key, want := range map[string]string{"once": c.once, "ten": c.ten, "all": c.all, "last": c.last} {
			s.equal(c.day+" "+key, s.members(key), want)
			s.equal(c.day+" "+key+" as of then", s.asked(c.day, "tags."+key), want)
		}
		s.sound()
		if t.Failed() {
			return
		}
	}
	// What was then is what was then, also a day after a run and before the next.
	s.equal("as of 2 July", s.asked("2026-07-02", "tags.all"), "ann=高频,低频 bob=低频")
	s.equal("as of 4 August", s.asked("2026-08-04", "tags.ten"), "ann=低频 bob=低频")
	s.equal("as of 7 August", s.asked("2026-08-07", "tags.last"), "ann=300 bob=5000")
	s.equal("as of 9 August", s.asked("2026-08-09", "tags.last"), "bob=5000")
	s.equal("before anything was computed", s.asked("2026-06-29", "tags.ten"), "ann=高频 bob=低频")
	s.equal("what rests on it", s.asked("2026-08-05", "tags.other"), "ann=是 bob=是")
	r := s.snapshot("2026-08-05")
	s.equal("a snapshot", fmt.Sprint(r.Tags[1].Held, r.Tags[3].Held), "2 2")
	s.equal("members of the snapshot", s.membersAsOf("last", "2026-08-05"), "ann=300 bob=5000")
}

func TestHoldingAgainForgetsTheLapse(t *testing.T) {
	s := newShopAt(t, "2026-06-30", keepTen, keepAll)
	s.compute("2026-06-30")
	s.compute("2026-08-05") // lapsed for ann and bob
	s.holds("ten", "ann=高频 bob=低频")
	s.happens("ann 2026-08-06 order amount=1")
	s.compute("2026-08-07") // ann holds again
	s.compute("2026-09-06") // lapsed again: ten days more
	s.holds("ten", "ann=低频")
	s.compute("2026-09-15")
	s.holds("ten", "ann=低频")
	s.compute("2026-09-17")
	s.holds("ten", "")
	s.holds("all", "")
	s.sound()
}

func TestAPinEndsWhatWasKept(t *testing.T) {
	s := newShopAt(t, "2026-06-30", keepOnce, keepTen, keepAll)
	s.compute("2026-06-30")
	s.compute("2026-08-05")
	s.holds("once", "ann=高频 bob=低频")
	s.assign("2026-08-05", "ann once=低频", "ann ten=低频", "ann all=高频", "bob -all=低频", "cat once=低频", "cat ten=低频")
	s.holds("all", "ann=高频,低频")
	s.compute("2026-08-06")
	s.holds("once", "ann=低频 bob=低频 cat=低频")
	s.holds("ten", "ann=低频 bob=低频 cat=低频")
	s.holds("all", "ann=高频,低频")
	s.sound()
	s.assign("2026-08-06", "ann ~once", "ann ~ten", "ann ~all", "bob ~all=低频", "cat ~once", "cat ~ten")
	s.holds("once", "bob=低频")
	s.holds("ten", "bob=低频")
	s.holds("all", "ann=低频")
	s.sound()
	s.compute("2026-08-06")
	s.holds("once", "bob=低频")
	s.holds("ten", "bob=低频")
	s.holds("all", "ann=低频")
	s.equal("as of the day before", s.asked("2026-08-05", "tags.once"), "ann=低频 bob=低频 cat=低频")
	s.compute("2026-08-30")
	s.holds("ten", "")
	s.holds("all", "")
	s.sound()
}

func TestKeepIsChanged(t *testing.T) {
	s := newShopAt(t, "2026-06-30", keepTen, `tag more cases: [{value: 是, when: 'events.order.last("30d").count() >= 1'}]`)
	s.compute("2026-06-30")
	s.compute("2026-08-05")
	s.define(`tag ten cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}]`, `tag more keep: once, cases: [{value: 是, when: 'events.order.last("30d").count() >= 1'}]`)
	s.compute("2026-08-05")
	s.holds("ten", "")
	s.holds("more", "")
	s.equal("slots", s.Index.View().Slots(), []uint32{0, 1})
	s.sound()
	s.happens("dan 2026-08-05 order amount=1")
	s.compute("2026-08-06")
	s.compute("2026-10-06")
	s.holds("more", "dan=是")
	// A value that the definition does not have any more is not kept.
	s.define(`tag more keep: 10d, cases: [{value: 有, when: 'events.order.last("30d").count() >= 1'}]`)
	s.compute("2026-10-06")
	s.holds("more", "")
	s.sound()
	// Retired, nothing of it is left.
	s.define(keepTen)
	s.compute("2026-10-06")
	s.apply(s.plan(true, vip))
	s.compute("2026-10-06")
	s.equal("slots of what is retired", s.Index.View().Slots(), []uint32{})
}

func TestWhenAValueChangedAndWhatItWas(t *testing.T) {
	s := newShopAt(t, "2026-06-30", frequency, vip, interest, buyers, `tag total value: 'events.order.sum(e, e.amount)'`,
		`tag rise cases: [{value: 升, when: 'previous(tags.frequency) == "低频" && tags.frequency == "高频"'}]`)
	s.compute("2026-06-30")
	s.assign("2026-06-30", "ann vip=银卡", "bob vip=银卡", "ann interest=书")
	s.assign("2026-07-01", "ann vip=金卡", "ann interest=茶")
	s.compute("2026-07-02")
	s.assign("2026-07-03", "bob ~vip", "bob frequency=高频")
	s.compute("2026-07-20")
	day := func(asOf, text string) string { return s.asked(asOf, `format(changed_at(`+text+`), "MM-dd")`) }
	s.equal("frequency", day("2026-07-20", "tags.frequency"), "ann=07-02 bob=07-03")
	s.equal("frequency on 2 July", day("2026-07-02", "tags.frequency"), "ann=07-02 bob=06-30")
	s.equal("what it was", s.asked("2026-07-20", "previous(tags.frequency)"), "ann=高频 bob=低频")
	s.equal("vip", day("2026-07-20", "tags.vip"), "ann=07-01 bob=07-03")
	s.equal("what vip was", s.asked("2026-07-20", "previous(tags.vip)"), "ann=银卡 bob=银卡")
	s.equal("on 30 June", s.asked("2026-06-30", "previous(tags.vip)"), "")
	s.equal("several", s.asked("2026-07-20", "previous(tags.interest)"), "ann=书")
	s.equal("segment", day("2026-07-20", "segments.buyers"), "ann=06-30 bob=06-30 cat=06-30")
	s.equal("a number", s.asked("2026-07-20", "previous(tags.total)"), "bob=50")
	s.equal("live", s.now("previous(tags.frequency)"), "ann=高频 bob=低频")
	s.compute("2026-07-21")
	s.holds("rise", "bob=升")
	e, err := tag.Explain(s.ctx, s.Tags(), `previous(tags.frequency) == "低频"`, s.id("bob"), tag.QueryOptions{Now: s.at("2026-07-21"), Recompute: true})
	s.must(err)
	s.equal("explained", fmt.Sprint(e.Answer, " ", e.Leaves[0].Value), `true "低频"`)
	s.sound()
}

// Adding bands gives everybody another value, and the measure behind them is none.
func TestBandsAreAnotherValue(t *testing.T) {
	s := newShopAt(t, "2026-06-30", `tag spend value: 'events.order.sum(e, e.amount)'`)
	s.compute("2026-06-30")
	s.define(`tag spend value: 'events.order.sum(e, e.amount)', bands: [{below: 100, value: 低}, {value: 高}]`)
	r := s.compute("2026-07-01")
	s.equal("report", fmt.Sprint(r.Tags[0].Held, r.Tags[0].Entered, r.Tags[0].Left), "4 4 4")
	s.compute("2026-07-10") // bob buys for 5000
	s.equal("changed", s.asked("2026-07-10", `format(changed_at(tags.spend), "MM-dd")`), "ann=07-01 bob=07-10 cat=07-01 dan=07-01")
	s.equal("previous", s.asked("2026-07-10", `previous(tags.spend)`), "ann=500 bob=低 cat=500 dan=0")
	c, err := tag.ReadCustomer(s.ctx, s.Tags(), s.id("ann"), s.at("2026-07-10"), 0)
	s.must(err)
	s.equal("ann", fmt.Sprint(c.Tags), "[{spend spend false 高 500 2026-07-01T23:59:59.999+08:00 edit 2}]")
}
