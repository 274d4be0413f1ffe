package tag_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tagma/event"
	"tagma/tag"
)

// Whatever people and the clock do, the index is what a fresh computation says, and what was then can be asked for
// ever after: on each day, in any order of assigning, ending, releasing, buying and computing.
func TestWhatWasThenIsWhatIsAskedLater(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { heldAtRandom(t, rand.New(rand.NewPCG(seed, 5))) })
	}
}

func heldAtRandom(t *testing.T, r *rand.Rand) {
	s := newShopAt(t, "2026-06-28", keepOnce, keepTen, keepAll, keepLast, frequency, vip, interest, both,
		`tag amount value: 'events.order.last("10d").sum(e, e.amount)', bands: [{below: 1, value: 无}, {value: 有}]`)
	keys := []string{"once", "ten", "all", "last", "frequency", "vip", "interest", "both", "amount"}
	values := map[string][]string{"once": {"高频", "低频"}, "ten": {"高频", "低频"}, "all": {"高频", "低频"}, "last": {"1", "300"}, "frequency": {"高频", "低频"},
		"vip": {"金卡", "银卡"}, "interest": {"茶", "书", "画"}, "both": {"常客", "买家", "上海"}, "amount": {"无", "有"}}
	several := map[string]bool{"all": true, "interest": true, "both": true}
	type then struct {
		at      event.Time
		members map[string]string
	}
	var days []then
	day := s.at("2026-06-28")
	for range 14 {
		day = s.Zone.Add(day, event.Span{N: 1 + r.IntN(9), Unit: event.Day})
		if r.IntN(3) == 0 { // between the runs
			at := day - event.Time(r.IntN(20))*3_600_000
			s.happens(fmt.Sprintf("%s %s order amount=%d", []string{"ann", "bob", "cat", "dan"}[r.IntN(4)], s.Zone.Format(at), r.IntN(500)))
		}
		asOf := s.Zone.Format(day)
		s.compute(asOf)
		for range r.IntN(6) {
			key := keys[r.IntN(len(keys))]
			who := []string{"ann", "bob", "cat", "dan"}[r.IntN(4)]
			line := who + " " + []string{"", "", "", "-", "~"}[r.IntN(5)] + key
			if a := s.assigning(line); a.Action == tag.Set || several[key] && r.IntN(2) == 0 {
				line += "=" + values[key][r.IntN(len(values[key]))]
			}
			if a := s.assigning(line); r.IntN(2) == 0 && (a.Action == tag.Set || a.Action == tag.Remove && key != "vip" && key != "interest") {
				line += " until=" + s.Zone.Format(s.Zone.Add(day, event.Span{N: 1 + r.IntN(200), Unit: event.Hour}))
			}
			s.assign(asOf, line)
		}
		s.sound()
		if r.IntN(4) == 0 {
			s.reopen()
		}
		now := then{day, map[string]string{}}
		for _, key := range keys {
			now.members[key] = s.members(key)
		}
		days = append(days, now)
		if t.Failed() {
			return
		}
	}
	for _, d := range days {
		for _, key := range keys {
			s.equal(s.Zone.Format(d.at)+" "+key, s.asked(s.Zone.Format(d.at), "tags."+key), d.members[key])
		}
	}
}
