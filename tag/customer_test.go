package tag_test

import (
	"fmt"
	"testing"

	"tagma/tag"
)

func (s *shop) read(name, now string, last int) *tag.Customer {
	s.t.Helper()
	c, err := tag.ReadCustomer(s.ctx, s.Tags(), s.id(name), s.at(now), last)
	s.must(err)
	return c
}

func (s *shop) tagLines(name string) (out string) {
	s.t.Helper()
	for _, l := range s.read(name, august, 0).Tags {
		out += fmt.Sprintf("%s=%s", l.Key, l.Value)
		if l.Number != "" {
			out += " (" + l.Number + ")"
		}
		out += fmt.Sprintf(" since %.10s by %s in run %d\n", l.Since, l.Cause, l.Run)
	}
	return out
}

func TestWhatACustomerCarriesSinceWhenAndWhy(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers, richer)
	s.compute(june)
	s.equal("ann in June", s.tagLines("ann"), "frequency=高频 since 2026-06-30 by edit in run 1\nspend=高 (500) since 2026-06-30 by edit in run 1\n"+
		"richer=是 since 2026-06-30 by edit in run 1\nbuyers=true since 2026-06-30 by edit in run 1\n")
	s.compute(july)
	s.equal("ann in July", s.tagLines("ann"), "frequency=低频 since 2026-07-10 by run in run 2\nspend=高 (500) since 2026-06-30 by edit in run 1\n"+
		"buyers=true since 2026-06-30 by edit in run 1\n")
	s.happens("ann 2026-07-04 order amount=50000") // the measure moves, the band does not
	s.compute(july)
	s.equal("ann after the import", s.tagLines("ann"), "frequency=高频 since 2026-07-10 by import in run 3\nspend=高 (50500) since 2026-06-30 by edit in run 1\n"+
		"richer=是 since 2026-07-10 by import in run 3\nbuyers=true since 2026-06-30 by edit in run 1\n")
	s.equal("bob in July", s.tagLines("bob"), "frequency=低频 since 2026-06-30 by edit in run 1\nspend=高 (5050) since 2026-07-10 by run in run 2\n"+
		"buyers=true since 2026-06-30 by edit in run 1\n")
	s.equal("dan in July", s.tagLines("dan"), "spend=低 (0) since 2026-06-30 by edit in run 1\n")
}

func TestACustomerInTime(t *testing.T) {
	s := newShop(t)
	s.happens("ann 2026-06-10 is city=杭州\nann 2026-07-01 is city=深圳\nann 2026-06-15 order amount=1 item=笔")
	for _, c := range []struct {
		now, city string
		events    int
		last      string // the items of the last two
	}{
		{"2026-01-04", "", 0, "[]"},
		{"2026-06-09", "上海 2026-01-05", 1, "[茶]"},
		{"2026-06-10", "杭州 2026-06-10", 1, "[茶]"},
		{june, "杭州 2026-06-10", 4, "[茶 笔]"}, // of the same instant, the last to arrive is the latest
		{july, "深圳 2026-07-01", 4, "[茶 笔]"},
	} {
		x := s.read("ann", c.now, 2)
		city := ""
		for _, l := range x.Traits {
			if l.Name == "city" {
				city = l.Value + " " + l.Since[:10]
			}
		}
		s.equal("city on "+c.now, city, c.city)
		s.equal("events until "+c.now, x.Events, c.events)
		items := []string{}
		for _, e := range x.Last {
			for _, p := range e.Props {
				if p[0] == "item" {
					items = append(items, p[1])
				}
			}
		}
		s.equal("last events until "+c.now, items, c.last)
	}
	ann, dan := s.read("ann", june, 0), s.read("dan", june, 5)
	s.equal("ann", fmt.Sprint(ann.FirstSeen, ann.Identifiers), "2026-01-05T00:00:00+08:00map[user_id:[ann]]")
	s.equal("dan", fmt.Sprint(dan.FirstSeen, dan.Traits[0].Value, dan.Events, len(dan.Last), len(dan.Tags)), "always广州0 0 0")
}
