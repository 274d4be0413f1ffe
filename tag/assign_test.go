package tag_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/event"
	"tagma/tag"
	"tagma/workspace"
)

const (
	vip      = `tag vip kind: manual, values: [金卡, 银卡]`
	interest = `tag interest kind: manual, multi: true, values: [茶, 书, 画]`
	note     = `tag note kind: manual`
	both     = `tag both multi: true, cases: [{value: 常客, when: 'events.order.count() >= 3'}, {value: 买家, when: 'events.order.count() >= 1'}, {value: 上海, when: 'traits.city == "上海"'}]`
	gold     = `segment gold tags.vip == "金卡"`
)

// newShopAt is newShop with a clock that stands still.
func newShopAt(t testing.TB, clock string, definitions ...string) *shop {
	t.Helper()
	s := &shop{t: t, ctx: context.Background()}
	dir := t.TempDir()
	zone, err := event.LoadZone(workspace.DefaultTimezone)
	s.must(err)
	at, err := workspace.Instant(zone, clock)
	s.must(err)
	s.must(workspace.Init(s.ctx, dir, workspace.Settings{Clock: at}))
	s.open(dir)
	t.Cleanup(func() { s.must(s.Close()) })
	s.happens(shopHistory)
	if len(definitions) > 0 {
		s.define(definitions...)
	}
	return s
}

// assigning reads a line: "ann vip=金卡 until=2026-08-01 because=…", "ann -vip" removes, "ann ~vip" releases.
func (s *shop) assigning(line string) tag.Assignment {
	s.t.Helper()
	f := strings.Fields(line)
	a := tag.Assignment{Customer: s.id(f[0]), Action: tag.Set, By: "li"}
	key, v, has := strings.Cut(f[1], "=")
	if rest, ok := strings.CutPrefix(key, "-"); ok {
		a.Action, key = tag.Remove, rest
	} else if rest, ok := strings.CutPrefix(key, "~"); ok {
		a.Action, key = tag.Release, rest
	}
	if a.Tag = key; has {
		a.Value = event.Text(v)
	}
	for _, p := range f[2:] {
		k, v, _ := strings.Cut(p, "=")
		switch k {
		case "until":
			a.Until = s.at(v)
		case "because":
			a.Reason = v
		}
	}
	return a
}

// assign assigns at an instant; it must be possible.
func (s *shop) assign(at string, lines ...string) *tag.AssignReport {
	s.t.Helper()
	var list []tag.Assignment
	for _, line := range lines {
		list = append(list, s.assigning(line))
	}
	r, err := tag.Assign(s.ctx, s.Tags(), s.at(at), list)
	s.must(err)
	for _, f := range r.Faults {
		s.t.Errorf("%s: %s", lines[f.Index], f.Fault)
	}
	return r
}

// asked answers an expression for everybody, at an instant.
func (s *shop) asked(asOf, text string) string {
	s.t.Helper()
	q, err := tag.Ask(s.ctx, s.Tags(), text, tag.QueryOptions{Now: s.at(asOf), Recompute: true, IDKinds: idKinds})
	s.must(err)
	defer q.Close()
	rows, err := q.Rows(s.ctx, !q.IsCondition())
	s.must(err)
	return s.rows(rows)
}

// now answers an expression from the index.
func (s *shop) now(text string) string {
	s.t.Helper()
	q, err := tag.Ask(s.ctx, s.Tags(), text, tag.QueryOptions{Now: s.Workspace.Now(), IDKinds: idKinds})
	s.must(err)
	defer q.Close()
	rows, err := q.Rows(s.ctx, !q.IsCondition())
	s.must(err)
	return s.rows(rows)
}

func (s *shop) sound() {
	s.t.Helper()
	findings, err := tag.Verify(s.ctx, s.Tags())
	s.must(err)
	for _, f := range findings {
		if f.Wrong {
			s.t.Error(f.What)
		}
	}
}

func TestAValueIsAssignedTakenAndEnds(t *testing.T) {
	s := newShopAt(t, june, vip, gold)
	s.equal("reports", fmt.Sprint(*s.assign(june, "ann vip=金卡 because=展会", "bob vip=银卡", "cat vip=金卡")), "{2026-06-30T23:59:59.999+08:00 3 3 0 3 [] [recorded recorded recorded]}")
	s.holds("vip", "ann=金卡 bob=银卡 cat=金卡")
	s.compute(june)
	s.holds("segment gold", "ann=true cat=true")

	// What is so already changes nothing; another value takes the place of the one before.
	end := s.end()
	r := s.assign(june, "ann vip=金卡", "bob vip=银卡", "cat vip=银卡")
	s.equal("same", []int{r.Recorded, r.Same, r.Changed}, []int{1, 2, 1})
	s.equal("one entry", s.end(), end+1)
	s.holds("vip", "ann=金卡 bob=银卡 cat=银卡")

	s.assign(june, "ann -vip", "bob ~vip", "cat vip=银卡 until=2026-07-05")
	s.holds("vip", "cat=银卡")
	s.equal("nothing is left to take", s.assign(june, "ann -vip", "bob ~vip", "dan -vip").Recorded, 0)
	s.sound()

	s.equal("as of a day to come", s.asked(july, "tags.vip"), "")

	// The end comes when a run is of a later instant; before that it is as it was.
	s.compute(july)
	s.holds("vip", "")
	s.holds("segment gold", "")
	s.equal("as of june", s.asked(june, "tags.vip"), "cat=银卡")
	s.equal("the end's last millisecond", s.asked("2026-07-05T23:59:59.998+08:00", "tags.vip"), "cat=银卡")
	s.equal("the end", s.asked("2026-07-05T23:59:59.999+08:00", "tags.vip"), "")
	s.equal("members as of june", s.membersAsOf("vip", june), "cat=银卡")
	s.equal("members as of july", s.membersAsOf("vip", july), "")
	s.sound()
}

func (s *shop) membersAsOf(key, asOf string) string {
	s.t.Helper()
	m, err := tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: key, IDKinds: idKinds, HasAsOf: true, AsOf: s.at(asOf)})
	s.must(err)
	return s.rows(m.Rows)
}

func TestWhatCannotBeAssigned(t *testing.T) {
	s := newShopAt(t, june, vip, interest, note, frequency, gold, `tag born value: 'traits.birthday'`, `tag total value: 'events.order.sum(e, e.amount)'`)
	n := 0
	for line, want := range map[string]string{
		"ann vpi=金卡":                           `there is no tag "vpi"; did you mean "vip"?`,
		"ann gold=true":                        "it is a segment",
		"ann vip=金":                            `"金" is no value of the tag vip; possible are 金卡, 银卡`,
		"ann vip=铜":                            `"铜" is no value of the tag vip; possible are 金卡, 银卡`,
		"ann vip":                              "which value of the tag vip?; write vip=VALUE",
		"ann -vip=金卡":                          "leave the value out",
		"ann -vip until=2026-08-01":            "nothing comes back",
		"ann ~vip until=2026-08-01":            "has no end",
		"ann vip=金卡 until=2026-06-01":          "is not in the future",
		"ann frequency=常来":                     `"常来" is no value of the tag frequency`,
		"ann born=soon":                        "of kind date",
		"ann total=much":                       "of kind number",
		"ann note=" + strings.Repeat("长", 200): "at most 400 bytes",
	} {
		a := s.assigning(line)
		n++
		good := s.assigning(fmt.Sprint("bob note=x", n))
		r, err := tag.Assign(s.ctx, s.Tags(), s.at(june), []tag.Assignment{a, good})
		s.must(err)
		if len(r.Faults) != 1 || r.Faults[0].Index != 0 || !strings.Contains(r.Faults[0].String(), want) {
			t.Errorf("%s: %v, want %s", line, r.Faults, want)
		}
		s.equal("the good one is taken: "+line, r.Recorded, 1)
	}
	r, err := tag.Assign(s.ctx, s.Tags(), s.at(june), []tag.Assignment{{Customer: 99, Tag: "vip", Action: tag.Set, Value: event.Text("金卡")}})
	s.must(err)
	s.equal("nobody", r.Faults[0].String(), "there is no such customer")
	s.holds("vip", "")
}

func TestAPinBeatsTheRule(t *testing.T) {
	s := newShopAt(t, june, total, frequency, spend, richer, `segment often tags.frequency == "高频"`, `tag amount value: 'measures.total'`, `tag buyer value: 'measures.total > 400'`)
	s.compute(june)
	s.holds("frequency", "ann=高频 bob=低频")
	s.assign(june, "bob frequency=高频 because=老客户", "dan frequency=低频", "ann -frequency until=2026-07-20", "bob spend=高", "dan amount=7.5", "ann buyer=false", "cat -buyer")
	want := "bob=高频 dan=低频"
	s.holds("frequency", want)
	s.holds("spend", "ann=高 bob=高 cat=高 dan=低")
	s.holds("amount", "ann=500 bob=50 cat=500 dan=7.5")
	s.holds("buyer", "ann=false bob=false dan=false")
	s.holds("segment often", "ann=true") // follows in the next run
	s.sound()
	s.compute(june)
	s.holds("frequency", want)
	s.holds("spend", "ann=高 bob=高 cat=高 dan=低")
	s.holds("segment often", "bob=true")
	s.holds("amount", "ann=500 bob=50 cat=500 dan=7.5")
	s.holds("buyer", "ann=false bob=false dan=false")
	s.sound()
	s.equal("rules see it", s.asked(june, `tags.frequency == "高频"`), "bob=true")
	s.equal("before anything was pinned", s.asked("2026-06-29", `tags.frequency`), "ann=高频 bob=低频")

	// Another definition keeps them, and a renamed tag.
	s.define(strings.ReplaceAll(frequency, ">= 3", ">= 1"))
	s.compute(june)
	s.holds("frequency", want)
	s.define(`tag often was: frequency, cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`, `segment often tags.often == "高频"`)
	s.compute(june)
	s.holds("often", want)
	s.sound()

	// Released, the rule decides at once; an end does the same at its instant.
	s.assign(june, "bob ~often", "dan ~amount", "cat ~buyer", "bob ~spend")
	s.holds("often", "bob=低频 dan=低频")
	s.holds("amount", "ann=500 bob=50 cat=500 dan=0")
	s.holds("buyer", "ann=false bob=false cat=true dan=false")
	s.holds("spend", "ann=高 bob=低 cat=高 dan=低")
	s.sound()
	s.compute(july)
	s.holds("often", "bob=低频 dan=低频")
	s.compute("2026-07-21")
	s.holds("often", "ann=低频 bob=低频 dan=低频")
	s.sound()
}

func TestAPinEndsWhenNothingRuns(t *testing.T) {
	s := newShopAt(t, "2026-06-28", frequency, vip)
	s.compute("2026-06-28")
	s.assign("2026-06-28", "dan frequency=高频 until=2026-06-29T12:00:00+08:00", "dan vip=金卡 until=2026-06-29T12:00:00+08:00", "bob vip=银卡")
	from := s.end()
	s.must(tag.BringUp(s.ctx, s.Tags(), s.at("2026-06-29T12:00:00+08:00")-1))
	s.equal("not yet", s.end(), from)
	s.must(tag.BringUp(s.ctx, s.Tags(), s.at(june)))
	s.holds("frequency", "ann=低频 bob=低频")
	s.holds("vip", "bob=银卡")
	s.equal("changes", s.changes(from), "frequency by time in run 0 for 2026-06-29: live -高频 dan\n by time in run 0 for 2026-06-29: live -金卡 dan")
	s.must(tag.BringUp(s.ctx, s.Tags(), s.at(july)))
	s.sound()
}

func TestSeveralValues(t *testing.T) {
	s := newShopAt(t, june, interest, both, `segment tea "茶" in tags.interest`)
	s.compute(june)
	s.holds("both", "ann=常客,买家,上海 bob=买家 cat=买家")
	s.assign(june, "ann interest=书", "ann interest=茶", "bob interest=书", "bob both=上海", "ann -both=买家", "cat -both")
	s.holds("interest", "ann=茶,书 bob=书")
	s.holds("both", "ann=常客,上海 bob=买家,上海")
	s.compute(june)
	s.holds("both", "ann=常客,上海 bob=买家,上海")
	s.holds("segment tea", "ann=true")
	s.equal("as of", s.asked(june, "tags.both"), "ann=常客,上海 bob=买家,上海")
	s.equal("live", s.now("tags.both"), "ann=常客,上海 bob=买家,上海")
	s.equal("in", s.now(`"书" in tags.interest`), "ann=true bob=true")
	s.equal("with value", s.rows(s.membersOf("interest", "书")), "ann=茶,书 bob=书")

	// A value set after everything was removed stands alone; releasing all lets the rule decide again.
	s.assign(june, "cat both=上海")
	s.holds("both", "ann=常客,上海 bob=买家,上海 cat=上海")
	s.compute(june)
	s.holds("both", "ann=常客,上海 bob=买家,上海 cat=上海")
	s.assign(june, "cat ~both=上海")
	s.holds("both", "ann=常客,上海 bob=买家,上海")
	s.assign(june, "cat ~both", "ann ~both=买家", "bob ~both")
	s.holds("both", "ann=常客,买家,上海 bob=买家 cat=买家")
	s.assign(june, "ann -interest=书", "bob ~interest")
	s.holds("interest", "ann=茶")
	s.sound()
	s.reopen()
	s.holds("interest", "ann=茶")
	s.sound()
}

func (s *shop) membersOf(key, value string) []tag.Row {
	s.t.Helper()
	m, err := tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: key, Value: value, HasValue: true, IDKinds: idKinds})
	s.must(err)
	return m.Rows
}

func TestRetiredAndRestored(t *testing.T) {
	s := newShopAt(t, june, vip, frequency)
	s.compute(june)
	s.assign(june, "ann vip=金卡", "bob vip=银卡", "dan frequency=高频")
	edit := s.plan(true, `segment all true`)
	s.apply(edit)
	s.compute(june)
	s.equal("the index has nothing of them", s.Index.View().Slots(), []uint32{2})
	s.assignRefused("ann vip=金卡", "is retired")
	s.reopen()
	s.define(vip, frequency)
	s.compute(june)
	s.holds("vip", "ann=金卡 bob=银卡")
	s.holds("frequency", "ann=高频 bob=低频 dan=高频")

	// Values that the definition does not have any more do not hold, and do again when it has them.
	s.define(`tag vip kind: manual, values: [金卡, 铂金]`)
	s.reopen()
	s.holds("vip", "ann=金卡")
	s.equal("as of", s.asked(june, "tags.vip"), "ann=金卡")
	s.define(vip)
	s.reopen()
	s.holds("vip", "ann=金卡 bob=银卡")

	// By a rule from now on, the values are pinned; and by hand again.
	s.define(`tag vip kind: rule, cases: [{value: 金卡, when: 'events.order.count() > 0'}, {value: 银卡, when: 'true'}]`)
	s.compute(june)
	s.holds("vip", "ann=金卡 bob=银卡 cat=金卡 dan=银卡")
	s.define(vip)
	s.compute(june)
	s.holds("vip", "ann=金卡 bob=银卡")
	s.sound()
}

func (s *shop) assignRefused(line, want string) {
	s.t.Helper()
	r, err := tag.Assign(s.ctx, s.Tags(), s.Workspace.Now(), []tag.Assignment{s.assigning(line)})
	s.must(err)
	if len(r.Faults) != 1 || !strings.Contains(r.Faults[0].String(), want) {
		s.t.Errorf("%s: %v, want %s", line, r.Faults, want)
	}
}

func TestWhoAssignedWhatWhenAndWhy(t *testing.T) {
	s := newShopAt(t, june, vip, frequency)
	s.compute(june)
	s.assign(june, "ann vip=金卡 because=展会", "bob frequency=高频 because=老客户 until=2026-08-01", "cat -frequency")
	s.assign(june, "ann vip=银卡")
	c, err := tag.ReadCustomer(s.ctx, s.Tags(), s.id("bob"), s.at(june), 0)
	s.must(err)
	s.equal("bob", fmt.Sprint(c.Tags), "[{frequency frequency false 高频  2026-06-30T23:59:59.999+08:00 manual 0}]")
	s.equal("bob's assignments", c.Assignments[0].Text(), "frequency=高频 assigned by hand by li on 2026-06-30T23:59:59.999+08:00, until 2026-08-01T23:59:59.999+08:00: 老客户")
	list := func(q tag.AssignmentsQuery) (out []string) {
		q.At = s.at(june)
		lines, err := tag.Assignments(s.ctx, s.Tags(), q)
		s.must(err)
		for _, l := range lines {
			out = append(out, fmt.Sprint(l.Number, " ", s.names(l.Customer), " ", l.Action, " ", l.Tag, "=", l.Value, " ", l.Reason))
		}
		return
	}
	s.equal("in force", list(tag.AssignmentsQuery{}), "[4 ann set vip=银卡  2 bob set frequency=高频 老客户 3 cat remove frequency= ]")
	s.equal("all of vip", list(tag.AssignmentsQuery{Tag: "vip", All: true}), "[4 ann set vip=银卡  1 ann set vip=金卡 展会]")
	e, err := tag.Explain(s.ctx, s.Tags(), `tags.frequency == "高频" && tags.vip == "金卡"`, s.id("bob"), tag.QueryOptions{Now: s.at(june), Recompute: true})
	s.must(err)
	s.equal("explained", fmt.Sprint(e.Leaves[0].Holds, e.Leaves[0].Notes, e.Leaves[1].Holds, e.Leaves[1].Notes), "true["+c.Assignments[0].Text()+"]false[]")
	e, err = tag.Explain(s.ctx, s.Tags(), `tags.frequency == "高频"`, s.id("bob"), tag.QueryOptions{Now: s.at(june)})
	s.must(err)
	s.equal("explained from the index", e.Leaves[0].Notes, "["+c.Assignments[0].Text()+"]")
	e, err = tag.Explain(s.ctx, s.Tags(), `tags.frequency == "高频"`, s.id("bob"), tag.QueryOptions{Now: s.at("2026-06-29"), Recompute: true})
	s.must(err)
	s.equal("explained as of the day before", e.Leaves, "[{tags.frequency == \"高频\" false \"低频\"  [2026-06-20T00:00:00+08:00 order] 0 []}]")
	_, err = tag.Assignments(s.ctx, s.Tags(), tag.AssignmentsQuery{Tag: "vpi"})
	s.refused(err, errs.NotFound, `did you mean "vip"?`)
}
