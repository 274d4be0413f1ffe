package tag_test

import (
	"fmt"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/tag"
)

func (s *shop) preview(asOf string, sample int, lines ...string) (out string) {
	s.t.Helper()
	list, err := tag.PreviewEdit(s.ctx, s.Tags(), s.plan(false, lines...), s.at(asOf), sample)
	s.must(err)
	return s.previews(list)
}

func (s *shop) previews(list []tag.Preview) (out string) {
	s.t.Helper()
	for _, p := range list {
		out += fmt.Sprintf("%s: %d held, +%d %s -%d %s\n", p.Key, p.Held, p.Entered, s.names(p.Enter...), p.Left, s.names(p.Leave...))
	}
	return out
}

func TestPreview(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers, richer, `tag birthday value: 'traits.birthday'`, `tag plain value: 'measures.total'`)
	s.compute(june)
	end, rows := s.end(), s.computed()
	for _, c := range []struct{ name, edit, want string }{
		{"nothing", buyers, ""},
		{"a narrower segment", `segment buyers events.order.count() > 1`, "buyers: 1 held, +0  -2 bob,cat\n"},
		{"a wider one", `segment buyers true`, "buyers: 4 held, +1 dan -0 \n"},
		{"a new tag", `tag extra value: 'traits.city'`, "extra: 3 held, +3 ann,bob -0 \n"},
		{"moved limits", strings.ReplaceAll(frequency, ">= 3", ">= 1"), "frequency: 2 held, +1 bob -1 bob\n"},
		{"a measure, and what rests on it", `measure total events.order.count() * 100`, "spend: 4 held, +3 ann,bob -3 bob,ann\nricher: 1 held, +0  -1 cat\nplain: 4 held, +3 ann,bob -0 \n"},
		{"another kind of value", `tag plain value: 'traits.city'`, "plain: 3 held, +3 ann,bob -4 ann,bob\n"},
		{"bands", `tag plain value: 'measures.total', bands: [{below: 100, value: 少}, {value: 多}]`, "plain: 4 held, +4 ann,bob -4 ann,bob\n"},
		{"no bands any more", `tag spend value: 'measures.total'`, "spend: 4 held, +4 ann,bob -4 ann,bob\n"},
		{"several values", `tag frequency multi: true, cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`,
			"frequency: 2 held, +2 ann,bob -2 ann,bob\n"},
	} {
		s.equal(c.name, s.preview(june, 2, c.edit), c.want)
	}
	s.equal("the change log", s.end(), end)
	s.equal("what was computed", s.computed(), rows)

	// Retiring is a change as well: who carries it would leave.
	list, err := tag.PreviewEdit(s.ctx, s.Tags(), s.plan(true, total, frequency, spend, richer), s.at(june), 2)
	s.must(err)
	s.equal("previews of what is retired", s.previews(list), "buyers: 0 held, +0  -3 ann,bob\nplain: 0 held, +0  -4 ann,bob\nbirthday: 0 held, +0  -1 ann\n")
}

func TestAPreviewTellsAllFaultsAtOnce(t *testing.T) {
	s := newShop(t, buyers)
	_, err := tag.PreviewEdit(s.ctx, s.Tags(), s.plan(false, `segment one events.ordr.count() > 0`, `tag two value: 'traits.citty'`, `segment three segments.buyers + 1`), s.at(june), 2)
	s.refused(err, errs.Invalid, "segment one", "ordr", "tag two", "citty", "segment three")
	if n := len(errs.FaultsOf(err)); n < 3 {
		t.Errorf("%d faults: %v", n, err)
	}
}
