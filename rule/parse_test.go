package rule

import (
	"math/rand"
	"strings"
	"testing"
	"time"
)

// visitNodes calls visit for every node of a tree.
func visitNodes(n Node, visit func(Node)) {
	visit(n)
	var kids []Node
	switch n := n.(type) {
	case *Member:
		kids = []Node{n.X}
	case *Index:
		kids = []Node{n.X, n.Key}
	case *Call:
		if n.Recv != nil {
			kids = append(kids, n.Recv)
		}
		kids = append(kids, n.Args...)
	case *Unary:
		kids = []Node{n.X}
	case *Binary:
		kids = []Node{n.X, n.Y}
	case *Ternary:
		kids = []Node{n.Cond, n.X, n.Y}
	case *ListLit:
		kids = n.Items
	}
	for _, k := range kids {
		visitNodes(k, visit)
	}
}

func TestSpans(t *testing.T) {
	text := ` (a.城市 + -1) * f(x , "y")["k"].g( !z )  in [ 1, ] ? (c) : d // e`
	want := []string{
		`(a.城市 + -1) * f(x , "y")["k"].g( !z )  in [ 1, ] ? (c) : d`,
		`(a.城市 + -1) * f(x , "y")["k"].g( !z )  in [ 1, ]`,
		`(a.城市 + -1) * f(x , "y")["k"].g( !z )`,
		`a.城市 + -1`, `a.城市`, `a`, `-1`, `f(x , "y")["k"].g( !z )`, `f(x , "y")["k"]`, `f(x , "y")`, `x`, `"y"`, `"k"`, `!z`, `z`, `[ 1, ]`, `1`, `c`, `d`,
	}
	i := 0
	visitNodes(mustParse(t, text).Root, func(n Node) {
		if got := text[n.Start():n.End()]; i >= len(want) || got != want[i] {
			t.Errorf("node %d: %q", i, got)
		}
		i++
		at, word := 0, ""
		switch n := n.(type) {
		case *Binary:
			at, word = n.At, n.Op
		case *Member:
			at, word = n.At, n.Name
		case *Call:
			at, word = n.At, n.Fun
		}
		if !strings.HasPrefix(text[at:], word) {
			t.Errorf("%q is not at %d", word, at)
		}
	})
	if i != len(want) {
		t.Errorf("%d nodes, want %d", i, len(want))
	}
}

// checkFaults holds what is true of any text's faults.
func checkFaults(t interface{ Errorf(string, ...any) }, text string, s *Source, faults []Fault) {
	if (s.Root == nil) != (len(faults) > 0) {
		t.Errorf("%q: root %v with %d faults", text, s.Root, len(faults))
	}
	if len(faults) > maxFaults {
		t.Errorf("%q: %d faults", text, len(faults))
	}
	last := 0
	for _, f := range faults {
		if f.Start < last || f.Start > f.End || f.End > len(text) || f.Message == "" {
			t.Errorf("%q: fault %+v after %d", text, f, last)
		}
		last = f.Start
		if shown := f.At(text, "place"); shown.Place == "" || strings.Count(shown.Excerpt, "\n") != 1 && strings.TrimSpace(text) != "" {
			t.Errorf("%q: excerpt %q", text, shown.Excerpt)
		}
	}
}

func TestBounds(t *testing.T) {
	deep := func(before, inner, after string, n int) string {
		return strings.Repeat(before, n) + inner + strings.Repeat(after, n)
	}
	for _, c := range []struct {
		name, text string
		want       string // in the first message; "" when it is read
	}{
		{"199 parentheses", deep("(", "a", ")", 199), ""},
		{"201 parentheses", deep("(", "a", ")", 201), "more than 200 levels deep"},
		{"many open parentheses", strings.Repeat("(", maxText), "more than 200 levels deep"},
		{"many open brackets", strings.Repeat("[", maxText), "more than 200 levels deep"},
		{"many indexes", deep("a[", "0", "]", maxText/3-1), "more than 200 levels deep"},
		{"many calls", deep("f(", "0", ")", maxText/3-1), "more than 200 levels deep"},
		{"many braces", strings.Repeat("{", maxText), "maps are not part"},
		{"199 nots", deep("!", "a", "", 199), ""},
		{"many nots", deep("!", "a", "", maxText-1), "more than 200 levels deep"},
		{"many minus", deep("-", "a", "", maxText-1), "more than 200 levels deep"},
		{"nothing but minus", strings.Repeat("-", 201), "more than 200 levels deep"},
		{"many plus", deep("+", "a", "", maxText-1), "a + before a value"},
		{"many not words", deep("not ", "a", "", maxText/4-1), "'not' is not an operator"},
		{"many dots", strings.Repeat(".", maxText), "cannot begin with a dot"},
		{"many torn dots", `"` + "\n" + strings.Repeat(".", maxText-2), "no closing"},
		{"199 choices", deep("a?b:", "c", "", 199), ""},
		{"many choices", deep("a?b:", "c", "", maxText/4-1), "more than 200 levels deep"},
		{"many nested choices", deep("a?", "b", ":c", maxText/4-1), "more than 200 levels deep"},
		{"many signs and parentheses", deep("!(", "a", ")", 120), "more than 200 levels deep"},
		{"a long chain", "a" + strings.Repeat("&&b", maxText/3-1), ""},
		{"a long path", "a" + strings.Repeat(".b", maxText/2-1), ""},
		{"many calls in a row", "a" + strings.Repeat(".b()", maxText/4-1), ""},
		{"a long list", "[" + strings.Repeat("1,", maxText/2-1) + "]", ""},
		{"many comments", strings.Repeat("//\n", maxText/3-1) + "a", ""},
		{"closing parentheses", strings.Repeat(")", maxText), "a value is expected"},
		{"commas", strings.Repeat(",", maxText), "a value is expected"},
		{"question marks", strings.Repeat("?", maxText), "a value is expected"},
		{"quotes", strings.Repeat("'\n", maxText/2), "no closing '"},
		{"backquotes", strings.Repeat("`", maxText), "names in backquotes"},
		{"curly quotes", strings.Repeat("“", maxText/3), "stands in the quotes"},
		{"the longest text", "a" + strings.Repeat(" ", maxText-1), ""},
		{"a longer text", "a" + strings.Repeat(" ", maxText), "65537 bytes long"},
		{"not even UTF-8", strings.Repeat("\x80", 2*maxText), "131072 bytes long"},
		{"carriage returns", "a" + strings.Repeat("\r", 5000) + "\n=", "does not compare"},
		{"a fault among carriage returns", "a=" + strings.Repeat("\r", 5000), "does not compare"},
		{"a longer text in Chinese", strings.Repeat("上", maxText), "bytes long"},
	} {
		begin := time.Now()
		s, faults := Parse(c.text)
		got := ""
		if len(faults) > 0 {
			got = faults[0].Message
		}
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		checkFaults(t, c.text, s, faults)
		if text := Format(s); s.Root != nil && len(text) < len(s.Comments) {
			t.Errorf("%s: formatted to %d bytes", c.name, len(text))
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %v", c.name, took)
		}
	}
}

func TestNotUTF8(t *testing.T) {
	for text, at := range map[string]int{"\xff": 0, "a == \"\xc9\xcf\"": 6, "上\x80": 3, "a // \xff": 5, "a\xed\xa0\x80": 1} {
		s, faults := Parse(text)
		checkFaults(t, text, s, faults)
		if len(faults) != 1 || faults[0].Start != at {
			t.Errorf("%q: %+v", text, faults)
		}
	}
}

// Torn and shuffled rules give faults, never a panic or an endless loop.
func TestMangled(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var words []string
	for _, s := range samples {
		for _, tok := range lex(s).tokens {
			words = append(words, s[tok.start:tok.end])
		}
	}
	words = append(words, "？", "（", "）", "，", "“", "”", "and", "not", "is", "{", "}", "?.", "'", `"`, "#", "/*", "`", "//", "\n", "=", "&", "1u", "5万")
	for range 3000 {
		var b strings.Builder
		for range 1 + r.Intn(25) {
			b.WriteString(words[r.Intn(len(words))])
			if r.Intn(3) == 0 {
				b.WriteByte(' ')
			}
		}
		s, faults := Parse(b.String())
		checkFaults(t, b.String(), s, faults)
	}
	for _, sample := range samples {
		for i := range len(sample) {
			for _, text := range []string{sample[:i], sample[i:], sample[:i] + sample[i+1:]} {
				s, faults := Parse(text)
				checkFaults(t, text, s, faults)
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	const text = `events.order_paid.last("90d").count() >= 5 && traits.city in ["上海", "北京"] &&
		events["Order Completed"].last("30d").where(e, e.amount > 100 && e.channel == "抖音").sum(e, e.amount) >= 1000 &&
		(days_since(events.order_paid.latest().time) > 180 || tags.rfm == "重要价值客户" || !segments.staff) &&
		measures.m > 12.5 && has(traits.phone) && events.view.last("7d").days() >= 3 && age(traits.birthday) < 40`
	b.ReportAllocs()
	for b.Loop() {
		if _, faults := Parse(text); len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}
