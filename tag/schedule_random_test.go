package tag_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/tag"
)

// Whatever happens, and however tags are refreshed, the night finds nothing to repair, and what is live is what a run
// would give.
func TestTheNightFindsNothingToRepair(t *testing.T) {
	rules := []string{
		`cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`,
		`cases: [{value: 刚买, when: 'events.order.last("90m").count() >= 1'}]`,
		`value: 'events.order.sum(e, e.amount)', bands: [{below: 400, value: 低}, {value: 高}]`,
		`cases: [{value: 是, when: 'events.order.sum(e, e.amount) > mean(events.order.sum(e, e.amount))'}]`,
		`cases: [{value: 前, when: 'ntile(events.order.sum(e, e.amount), 2) == 2'}]`,
		`keep: 2d, cases: [{value: 今天, when: 'events.order.last("24h").count() >= 1'}]`,
		`cases: [{value: 静, when: 'days_since(events.order.latest().time) > 20'}]`,
		`cases: [{value: 是, when: 'tags.t2 == "高" && tags.t0 == "低频"'}]`,
		`cases: [{value: 新, when: 'days_since(changed_at(tags.t2)) < 3'}]`,
	}
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 5))
			refresh := make([]string, len(rules))
			var lines []string
			line := func(k int) string {
				refresh[k] = []string{"live", "live", "live", "hourly", "daily", "weekly", "manual"}[r.IntN(7)]
				return fmt.Sprintf("tag t%d refresh: %s, %s", k, refresh[k], rules[k])
			}
			for k := range rules {
				lines = append(lines, line(k))
			}
			s := newServed(t, "2026-07-05T20:00:00+08:00", append(lines, `segment buyers tags.t0 == "高频" || tags.t4 == "前"`)...)
			people := []string{"ann", "bob", "cat", "dan", "eve"}
			var sent []ingest.Sent
			for step := range 60 {
				switch r.IntN(10) {
				case 0, 1, 2, 3:
					at := s.Now() - event.Time(r.Int64N(3))*event.Time(r.Int64N(40*24*3600*1000))
					sent = append(sent, ingest.Sent{Source: "web", Record: ingest.Record{Identifiers: []identity.Key{{Kind: "user_id", Value: people[r.IntN(len(people))]}},
						Events: []ingest.Event{{Name: "order", Time: at, Props: []event.Property{{Name: "amount", Value: event.Num(event.Int(r.Int64N(900)))}}}}}})
				case 4:
					_, _, err := ingest.Collect(s.ctx, s.Ingest(), sent)
					s.must(err)
					sent = nil
				case 5:
					s.settle()
				case 6:
					s.define(line(r.IntN(len(rules))))
				case 7:
					_, err := tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.Now()})
					s.must(err)
				default:
					_, err := s.MoveClock(s.ctx, s.Now()+event.Time(r.Int64N([]int64{500, 3 * 3600 * 1000, 40 * 3600 * 1000}[r.IntN(3)])))
					s.must(err)
				}
				if step%15 == 14 {
					s.settle()
					differences, err := s.Live().Check(s.ctx)
					s.must(err)
					s.equal("differences", len(differences), 0)
				}
			}
			s.settle()
			s.equal("at the end", strings.HasPrefix(s.clock("2027-06-01T01:00:00+08:00"), "nightly"), true)
			list, err := tag.Runs(s.ctx, s.Tags(), 0, 1000)
			s.must(err)
			for _, run := range list {
				if run.State != "done" || run.Repaired != 0 {
					t.Errorf("run %d (%s): %s %s, repaired %d: %+v", run.Number, run.Kind, run.State, run.Error, run.Repaired, run.Tags)
				}
			}
		})
	}
}
