package rule

import (
	"math/rand"
	"strings"
	"testing"
)

func TestFaultAt(t *testing.T) {
	for _, c := range []struct {
		name, text   string
		start, end   int
		place, lines string
	}{
		{"plain", "a = b", 2, 3, "1:3", "a = b\n  ^"},
		{"wide characters before and under", "城市 = 上海", 9, 15, "1:6", "城市 = 上海\n       ^^^^"},
		{"combining mark before", "cafe\u0301 = x", 7, 8, "1:7", "cafe\u0301 = x\n     ^"},
		{"only a combining mark", "e\u0301x", 1, 3, "1:2", "e\u0301x\n^"},
		{"second line", "a &&\nb = c", 7, 8, "2:3", "b = c\n  ^"},
		{"empty span", "ab", 1, 1, "1:2", "ab\n ^"},
		{"end of the text", "ab", 2, 2, "1:3", "ab\n  ^"},
		{"end of the text after a line end", "ab\n", 3, 3, "2:1", "\n^"},
		{"end of a line", "ab\r\nc", 2, 2, "1:3", "ab\n  ^"},
		{"over several lines", "a (b\nc)", 2, 7, "1:3", "a (b\n  ^^"},
		{"tab", "\ta = b", 3, 4, "1:4", " a = b\n   ^"},
		{"control and invisible characters", "a\x1b\u202eb", 5, 6, "1:4", "a��b\n   ^"},
		{"not UTF-8", "a\xffb", 1, 2, "1:2", "a�b\n ^"},
		{"out of range", "ab", 5, 9, "1:3", "ab\n  ^"},
		{"long line", strings.Repeat("x", 300) + "=" + strings.Repeat("y", 300), 300, 301, "1:301",
			"…" + strings.Repeat("x", 32) + "=" + strings.Repeat("y", 65) + "…\n" + strings.Repeat(" ", 33) + "^"},
		{"beginning of a long line", "=" + strings.Repeat("y", 300), 0, 1, "1:1", "=" + strings.Repeat("y", 97) + "…\n^"},
		{"end of a long line", strings.Repeat("y", 300) + "=", 300, 301, "1:301", "…" + strings.Repeat("y", 97) + "=\n" + strings.Repeat(" ", 98) + "^"},
		{"long span", "=" + strings.Repeat("上", 300), 0, 900, "1:1", "=" + strings.Repeat("上", 48) + "…\n" + strings.Repeat("^", 97)},
		{"very long line", strings.Repeat("上", 10000) + "=", 30000, 30001, "1:10001", "…" + strings.Repeat("上", 48) + "=\n" + strings.Repeat(" ", 97) + "^"},
	} {
		f := Fault{Start: c.start, End: c.end, Message: "m", Hint: "h"}.At(c.text, "")
		if f.Place != c.place || f.Excerpt != c.lines || f.Message != "m" || f.Hint != "h" {
			t.Errorf("%s: %q\n%s\nwant %q\n%s", c.name, f.Place, f.Excerpt, c.place, c.lines)
		}
	}
	if f := (Fault{Start: 2, End: 3}).At("a = b", "tags.yaml:12: tag vip: when"); f.Place != "tags.yaml:12: tag vip: when:1:3" {
		t.Error(f.Place)
	}
}

func TestSuggest(t *testing.T) {
	candidates := []string{"order_paid", "order_placed", "page", "购买频次", "购买金额", "会员等级", "City", "city_tier", "x", "last", "latest", "count"}
	for word, want := range map[string]string{
		"order_payd": "order_paid", "oder_paid": "order_paid", "order_paied": "order_paid", "ORDER_PAID": "order_paid", "orderpaid": "order_paid",
		"购买频率": "购买频次", "购频买次": "购买频次", "频次": "购买频次", "购买": "购买金额", "会员": "会员等级", "城市": "",
		"city": "City", "cty": "City", "ctiy": "City", "tier": "city_tier", "pgae": "page", "pages": "page", "ages": "page", "y": "", "x": "", "zzzz": "", "": "",
		"lst": "last", "lasts": "last", "lates": "latest", "cont": "count", "cuont": "count", "number": "",
	} {
		if got := Suggest(word, candidates); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	r := rand.New(rand.NewSource(2))
	for range 20 {
		r.Shuffle(len(candidates), func(i, j int) { candidates[i], candidates[j] = candidates[j], candidates[i] })
		if got := Suggest("order_pla", candidates); got != Suggest("order_pla", []string{"order_placed", "order_paid"}) {
			t.Fatal(got)
		}
	}
}
