package tag_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/rule"
	"tagma/stream"
	"tagma/tag"
	"tagma/tagindex"
	"tagma/workspace"
)

// served is a shop as a process that stays has it: what is live is decided, and runs are started when it is time, whenever
// the test lets them.
type served struct {
	*shop
	ran []string // the runs that the schedule started
}

const (
	daily     = `tag spend refresh: daily, value: 'events.order.sum(e, e.amount)', bands: [{below: 400, value: 低}, {value: 高}]`
	live      = `tag frequency refresh: live, cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`
	overDaily = `tag extra refresh: live, cases: [{value: 是, when: 'tags.spend == "高"'}]`
)

// newServed opens a shop whose clock is stopped.
func newServed(t testing.TB, clock string, definitions ...string) *served {
	t.Helper()
	s := &served{shop: &shop{t: t, ctx: context.Background()}}
	z, err := event.LoadZone(workspace.DefaultTimezone)
	s.must(err)
	at, _, err := z.ParseInstant(clock)
	s.must(err)
	dir := t.TempDir()
	s.must(workspace.Init(s.ctx, dir, workspace.Settings{Clock: at}))
	s.serve(dir)
	t.Cleanup(func() { s.must(s.Close()) })
	s.happens(shopHistory)
	s.define(definitions...)
	s.settle()
	return s
}

func (s *served) serve(dir string) {
	s.t.Helper()
	w, err := workspace.Open(s.ctx, dir, workspace.Options{Live: true, Schedule: true, Ran: func(kind string, r *tag.Report, err error, _ time.Duration) {
		s.ran = append(s.ran, strings.TrimSpace(fmt.Sprint(kind, " ", told(r, err))))
	}})
	s.must(err)
	s.Workspace = w
}

func told(r *tag.Report, err error) string {
	if err != nil {
		return "failed: " + err.Error()
	}
	keys := []string{}
	for _, t := range r.Tags {
		keys = append(keys, t.Key)
	}
	return strings.Join(keys, ",")
}

// settle lets what is live be decided, and the runs be made that are due.
func (s *served) settle() {
	s.t.Helper()
	for more := true; more; {
		s.must(s.Tags().CatchUp(s.ctx))
		worked, err := s.Live().Step(s.ctx)
		s.must(err)
		if more = worked; !more {
			more, err = s.Schedule().Step(s.ctx)
			s.must(err)
		}
	}
}

// clock moves the clock forward, and lets happen what then does. It returns the runs that were made.
func (s *served) clock(text string) string {
	s.t.Helper()
	at, _, err := s.Zone.ParseInstant(text)
	s.must(err)
	_, err = s.MoveClock(s.ctx, at)
	s.must(err)
	return s.runsOf(s.settle)
}

func (s *served) runsOf(f func()) string {
	s.ran = nil
	f()
	return strings.Join(s.ran, "; ")
}

// buys lets a customer buy something now, as the intake takes it in.
func (s *served) buys(who string, amount int64) {
	s.t.Helper()
	_, _, err := ingest.Collect(s.ctx, s.Ingest(), []ingest.Sent{{Source: "web", Record: ingest.Record{Identifiers: []identity.Key{{Kind: "user_id", Value: who}},
		Events: []ingest.Event{{Name: "order", Time: s.Now(), Props: []event.Property{{Name: "amount", Value: event.Num(event.Int(amount))}}}}}}})
	s.must(err)
	s.settle()
}

func (s *served) bitmap(who []string) *roaring.Bitmap {
	out := roaring.New()
	for _, name := range who {
		out.Add(uint32(s.id(name)))
	}
	return out
}

// spoil gives customers a value in the index that no rule gives them.
func (s *served) spoil(key, value string, who ...string) {
	s.t.Helper()
	h, _ := s.library().Tag(key)
	ch := tagindex.Change{Slot: h.ID, Cause: tagindex.ByEvent, At: s.Now(), Sets: []tagindex.SetChange{{Value: event.Text(value), Entered: s.bitmap(who)}}}
	payload, err := tagindex.Encode([]tagindex.Change{ch})
	s.must(err)
	s.must(s.DB.Tx(s.ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := s.Changes.Append(ctx, tx, stream.Entry{At: s.Now(), Kind: tagindex.EntryChanges, Count: 1, Payload: payload})
		return err
	}))
	s.must(s.Tags().CatchUp(s.ctx))
}

func (s *served) last() tag.RunInfo {
	s.t.Helper()
	list, err := tag.Runs(s.ctx, s.Tags(), 0, 1)
	s.must(err)
	return list[0]
}

func TestDailyTagsAreDecidedAtNight(t *testing.T) {
	s := newServed(t, "2026-07-05T20:00:00+08:00", daily, live, overDaily)
	s.equal("computed", s.Zone.Format(s.Schedule().Next(library.Daily)), "2026-07-06T01:00:00+08:00") // nobody asked, and it was not time yet
	s.equal("before", s.clock("2026-07-06T00:59:59+08:00"), "")
	s.equal("at night", s.clock("2026-07-06T01:00:00+08:00"), "nightly spend,frequency,extra")
	s.holds("spend", "ann=高 bob=高 cat=高 dan=低")
	s.holds("extra", "ann=是 bob=是 cat=是") // what is live follows
	s.equal("repaired", s.last().Repaired, 0)

	s.buys("dan", 1000)
	s.holds("frequency", "ann=低频 bob=低频 dan=低频")
	s.holds("spend", "ann=高 bob=高 cat=高 dan=低")
	s.equal("the same night", s.clock("2026-07-06T23:00:00+08:00"), "")
	s.equal("the next", s.clock("2026-07-07T01:00:07+08:00"), "nightly spend,frequency,extra")
	s.holds("spend", "ann=高 bob=高 cat=高 dan=高")
	s.holds("extra", "ann=是 bob=是 cat=是 dan=是")
	s.equal("repaired", s.last().Repaired, 0)
	s.equal("kind", s.last().Kind, tag.RunNightly)
}

func TestHourlyAndWeeklyTags(t *testing.T) {
	s := newServed(t, "2026-07-04T20:30:00+08:00", // a Saturday
		`tag frequency refresh: hourly, cases: [{value: 是, when: 'events.order.count() > 3'}]`,
		`tag city refresh: weekly, cases: [{value: 是, when: 'events.order.count() > 3'}]`,
		`tag extra refresh: manual, cases: [{value: 是, when: 'events.order.count() > 3'}]`)
	s.equal("at the hour", s.clock("2026-07-04T21:00:00+08:00"), "hourly frequency")
	s.equal("within it", s.clock("2026-07-04T21:59:00+08:00"), "")
	s.equal("on Sunday", s.clock("2026-07-05T01:00:00+08:00"), "nightly frequency")
	s.equal("after hours", s.clock("2026-07-05T07:10:00+08:00"), "hourly frequency") // once
	s.equal("on Monday", s.clock("2026-07-06T01:00:00+08:00"), "nightly frequency,city")
	s.equal("on Tuesday", s.clock("2026-07-07T01:00:00+08:00"), "nightly frequency")
	next := func(how library.Refresh) string { return s.Zone.Format(s.Schedule().Next(how)) }
	s.equal("next hourly", next(library.Hourly), "2026-07-07T02:00:00+08:00")
	s.equal("next daily", next(library.Daily), "2026-07-08T01:00:00+08:00")
	s.equal("next weekly", next(library.Weekly), "2026-07-13T01:00:00+08:00")
	if s.Schedule().Next(library.OnlyManually) != event.Never {
		t.Error("a tag that is refreshed when somebody asks has a next run")
	}
	report, err := tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.Now(), By: "li"})
	s.must(err)
	s.equal("asked for", told(report, nil), "frequency,city,extra")
	s.equal("by", s.last().By, "li")
}

func TestAMissedNightIsMadeUpForOnce(t *testing.T) {
	s := newServed(t, "2026-07-06T20:00:00+08:00", daily, `tag city refresh: weekly, cases: [{value: 是, when: 'events.order.count() > 3'}]`)
	dir := s.Dir
	at, err := s.Instant("2026-07-14T09:00:00+08:00") // eight nights later, a Tuesday
	s.must(err)
	_, err = s.MoveClock(s.ctx, at)
	s.must(err)
	s.must(s.Close())
	s.serve(dir)
	s.equal("at the start", s.runsOf(s.settle), "nightly spend,city")
	s.holds("spend", "ann=高 bob=高 cat=高 dan=低")
	s.must(s.Close())
	s.serve(dir)
	s.equal("at the next", s.runsOf(s.settle), "")
}

func TestTheNightRepairsWhatIsWrong(t *testing.T) {
	s := newServed(t, "2026-07-05T20:00:00+08:00", live, daily, `tag richer refresh: live, cases: [{value: 是, when: 'events.order.sum(e, e.amount) > mean(events.order.sum(e, e.amount))'}]`)
	s.holds("richer", "bob=是")
	s.spoil("frequency", "高频", "cat", "dan")
	s.holds("frequency", "ann=低频 bob=低频 cat=高频 dan=高频")
	from := s.end()
	s.equal("at night", s.clock("2026-07-06T01:00:00+08:00"), "nightly frequency,spend,richer")
	s.holds("frequency", "ann=低频 bob=低频")
	run := s.last()
	s.equal("repaired", run.Repaired, 2)
	s.equal("of the tag", run.Tags[0].Repaired, 2)
	s.equal("cause", run.Tags[0].Why, "repair")
	s.equal("in this process", s.Tags().Going.Repaired(), 2)
	if got := s.changes(from); !strings.Contains(got, "frequency by repair in run "+fmt.Sprint(run.Number)+" for 2026-07-06: -高频 cat,dan") || strings.Contains(got, "live") {
		t.Errorf("the change log: %s", got)
	}
	s.equal("once more", s.clock("2026-07-07T01:00:00+08:00"), "nightly frequency,spend,richer")
	s.equal("nothing is left", s.last().Repaired, 0)
	s.buys("dan", 5)
	s.holds("frequency", "ann=低频 bob=低频 dan=低频")
}

// Functions across all customers get new parameters at night, and what is live goes on with these.
func TestParametersOfTheNight(t *testing.T) {
	s := newServed(t, "2026-07-05T20:00:00+08:00",
		`tag richer refresh: live, cases: [{value: 是, when: 'events.order.sum(e, e.amount) > mean(events.order.sum(e, e.amount))'}]`,
		`tag extra refresh: live, cases: [{value: 前, when: 'ntile(events.order.sum(e, e.amount), 2) == 2'}, {value: 后, when: 'true'}]`)
	s.holds("richer", "bob=是") // (500 + 5050 + 500) / 3
	was := s.members("extra")
	s.equal("later", s.clock("2026-07-05T21:00:00+08:00"), "")
	s.buys("dan", 60_000)
	s.holds("richer", "bob=是 dan=是")
	s.holds("extra", was) // a place among all is of one instant
	from := s.end()
	s.equal("at night", s.clock("2026-07-06T01:00:00+08:00"), "nightly richer,extra")
	s.holds("richer", "dan=是")
	if s.members("extra") == was {
		t.Errorf("places among all are as before: %s", was)
	}
	s.equal("repaired", s.last().Repaired, 0)
	if got := s.changes(from); !strings.Contains(got, "richer by threshold") {
		t.Errorf("the change log: %s", got)
	}
	s.buys("ann", 4_000) // above the mean of yesterday
	s.holds("richer", "dan=是")
	s.buys("ann", 20_000)
	s.holds("richer", "ann=是 dan=是")
	differences, err := s.Live().Check(s.ctx)
	s.must(err)
	s.equal("differences", len(differences), 0)
	// All the same when it is decided anew, by a run that somebody asked for.
	_, err = tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.Now()})
	s.must(err)
	s.holds("richer", "ann=是 dan=是")
	s.equal("repaired", s.last().Repaired, 0)
}

// Whether a tag is live or scheduled, it comes to the same answers.
func TestRefreshIsSwitched(t *testing.T) {
	const scheduled = `tag frequency refresh: daily, cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`
	s := newServed(t, "2026-07-05T20:00:00+08:00", live)
	s.holds("frequency", "ann=低频 bob=低频")
	s.define(scheduled)
	s.settle()
	s.buys("dan", 5)
	s.holds("frequency", "ann=低频 bob=低频")
	s.equal("at night", s.clock("2026-07-06T01:00:00+08:00"), "nightly frequency")
	s.holds("frequency", "ann=低频 bob=低频 dan=低频")
	s.buys("cat", 5)
	s.define(live)
	s.settle()
	s.holds("frequency", "ann=低频 bob=低频 cat=低频 dan=低频")
	s.buys("dan", 5)
	s.buys("dan", 5)
	s.holds("frequency", "ann=低频 bob=低频 cat=低频 dan=高频")
	s.equal("the next night", s.clock("2026-07-07T01:00:00+08:00"), "nightly frequency")
	s.equal("repaired", s.last().Repaired, 0)
	s.equal("changed", s.last().Entered+s.last().Left, 0)
}

func TestARunThatFailsIsTriedAgain(t *testing.T) {
	s := newServed(t, "2026-07-05T20:30:00+08:00", daily, `tag frequency refresh: hourly, cases: [{value: 是, when: 'events.order.count() > 2'}]`)
	d, full, now := s.Tags(), errors.New("the disk is full"), event.Time(0)
	d.Live, d.Now = nil, func() event.Time { return now }
	nightly := true
	d.CatchUp = func(ctx context.Context) error {
		if nightly {
			nightly = false // the hourly run that comes after it does not fail
			return full
		}
		return s.Tags().CatchUp(ctx)
	}
	schedule := tag.NewSchedule(d, tag.ScheduleOptions{Clock: s.Now, Ran: func(kind string, r *tag.Report, err error, in time.Duration) {
		s.ran = append(s.ran, fmt.Sprint(kind, " ", told(r, err), " ", in))
	}})
	step := func() {
		worked := true
		for worked {
			var err error
			worked, err = schedule.Step(s.ctx)
			s.must(err)
		}
	}
	at, err := s.Instant("2026-07-06T01:00:00+08:00")
	s.must(err)
	_, err = s.MoveClock(s.ctx, at)
	s.must(err)
	s.equal("at night", s.runsOf(step), "nightly failed: the disk is full 15m0s; hourly frequency 0s")
	s.equal("visible", len(schedule.Failed()), 1)
	now += 14 * 60 * 1000
	s.equal("before its time", s.runsOf(step), "")
	now += 60 * 1000
	s.equal("again", s.runsOf(step), "nightly spend,frequency 0s")
	s.equal("over", len(schedule.Failed()), 0)
	s.holds("spend", "ann=高 bob=高 cat=高 dan=低")
}

func TestACancelledRunChangesNothing(t *testing.T) {
	s := newServed(t, "2026-07-05T20:00:00+08:00", daily)
	d := s.Tags()
	end := s.end()
	var ended <-chan struct{}
	_, err := tag.Compute(s.ctx, d, tag.Options{AsOf: s.Now(), Begun: func(number uint64) {
		at, going := d.Going.Run()
		s.equal("going", fmt.Sprint(going, " ", at.Number == number, " ", at.Kind, " ", at.Left), "true true compute -1")
		_, err := d.Going.Cancel(number + 1)
		if err == nil {
			t.Error("a run that there is not was cancelled")
		}
		ended, err = d.Going.Cancel(number)
		s.must(err)
	}, Progress: func(rule.Progress) {}})
	if err == nil {
		t.Fatal("it came to its end")
	}
	<-ended
	if _, going := d.Going.Run(); going {
		t.Error("it goes on")
	}
	s.equal("state", s.last().State, "cancelled")
	s.equal("the change log", s.end(), end)
	_, err = d.Going.Cancel(s.last().Number)
	s.refused(err, errs.Conflict, "does not go on")
}

func TestTheScheduleOfAnEmptyWorkspaceRunsNothing(t *testing.T) {
	s := newServed(t, "2026-07-05T20:00:00+08:00", `measure total events.order.count()`)
	s.equal("at night", s.clock("2026-07-06T01:00:00+08:00"), "")
	text, _, err := db.Setting(s.ctx, s.DB.Read(), "schedule_nightly")
	s.must(err)
	s.equal("noted", text, int64(s.Now()))
}

// What time moved since the last run is no fault.
func TestVerifyKnowsThatTimeMovesLiveTags(t *testing.T) {
	s := newServed(t, "2026-08-03T20:00:00+08:00", live, daily, overDaily)
	s.equal("at night", s.clock("2026-08-04T01:00:00+08:00"), "nightly frequency,spend,extra")
	s.buys("dan", 500)
	s.equal("the next", s.clock("2026-08-05T01:00:00+08:00"), "nightly frequency,spend,extra")
	s.equal("no run", s.clock("2026-08-05T23:00:00+08:00")+s.clock("2026-08-06T00:10:00+08:00"), "")
	s.equal("findings", s.findings(), "[]")
	s.equal("later", s.clock("2026-09-02T01:00:00+08:00"), "nightly frequency,spend,extra")
	s.holds("frequency", "dan=低频")
	s.equal("the day's edge", s.clock("2026-09-02T02:00:00+08:00"), "")
	from := s.end()
	s.equal("no run", s.clock("2026-09-03T00:30:00+08:00"), "")
	if s.end() == from {
		t.Fatal("time has moved nothing")
	}
	s.equal("findings", s.findings(), "[]")
	dir := s.Dir
	s.must(s.Close())
	s.open(dir)
	s.equal("findings without a server", s.findings(), "[]")
	s.spoil("frequency", "高频", "cat")
	if found := strings.Join(s.findings(), ""); !strings.Contains(found, "wrong") {
		t.Errorf("a fault is not found: %s", found)
	}
}
