package rule

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTokens(t *testing.T) {
	kinds := [...]string{NameToken: "name", WordToken: "word", NumberToken: "number", TextToken: "text", OperatorToken: "op", CommentToken: "comment", BadToken: "bad"}
	for text, want := range map[string]string{
		`traits.city == "上`:         `name traits 0-6, op . 6-7, name city 7-11, op == 12-14, text 上 15-19 open`,
		`"a" in x // b`:             `text a 0-3, op in 4-6, name x 7-8, comment // b 9-13 open`,
		"// b \n1.5":                `comment // b 0-5, number 1.5 6-9`,
		"a > = 1":                   `name a 0-1, op >= 2-5, number 1 6-7`,
		"true（\xff ”x":              `word true 0-4, op ( 4-7, bad  9-12, name x 12-13`,
		"\"a\n\"b\n'c'":             `text a 0-2 open, text b 3-5 open, text c 6-9`,
		`'''a`:                      `text a 0-4 open`,
		"":                          ``,
		strings.Repeat("a", 70<<10): ``,
	} {
		var got []string
		for _, tok := range Tokens(text) {
			s := fmt.Sprintf("%s %s %d-%d", kinds[tok.Kind], tok.Text, tok.Start, tok.End)
			if tok.Open {
				s += " open"
			}
			got = append(got, s)
		}
		if g := strings.Join(got, ", "); g != want {
			t.Errorf("%.40q:\n  %s\nwant\n  %s", text, g, want)
		}
	}
}

// A hundred slips do not keep the rest from being read, as they do in Parse.
func TestTokensAfterManySlips(t *testing.T) {
	tokens := Tokens(strings.Repeat("， ", 100) + "end")
	if last := tokens[len(tokens)-1]; len(tokens) != 101 || last.Text != "end" {
		t.Errorf("%d tokens, the last is %q", len(tokens), last.Text)
	}
}

func TestIsName(t *testing.T) {
	for s, want := range map[string]bool{"city": true, "城市": true, "_a1": true, "": false, "1a": false, "a b": false, "a.b": false, "in": false, "null": false, "\xff": false, "é": true, "购买 频次": false} {
		if IsName(s) != want {
			t.Errorf("%q: %t", s, !want)
		}
	}
	for _, s := range []string{`a"b\`, "上海", "a\nb"} {
		if src, faults := Parse(Quote(s)); len(faults) > 0 || src.Root.(*Literal).Value.Text() != s {
			t.Errorf("%q is quoted as %s", s, Quote(s))
		}
	}
}

// Tokens are in order, in their places, and do not lie over each other, whatever the text.
func FuzzTokens(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, tok := range Tokens(text) {
			if tok.Start < at || tok.End <= tok.Start || tok.End > len(text) {
				t.Fatalf("%q: %+v after %d", text, tok, at)
			}
			if utf8.ValidString(text) && !utf8.ValidString(tok.Text) {
				t.Fatalf("%q: %+v is not UTF-8", text, tok)
			}
			at = tok.End
		}
	})
}
