package rule

import (
	"strings"
	"testing"
)

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "007": "7", "1.50": "1.5", ".5": "0.5", "1e3": "1000", "1E+3": "1000", "1.5e-3": "0.0015", "0x1F": "31", "0xffffffffffffffff": "18446744073709551615",
		"123456789012345678901234567890.12": "123456789012345678901234567890.12", "- 5": "-5", "-0x10": "-16",
	} {
		lit, ok := mustParse(t, text).Root.(*Literal)
		if !ok || lit.Value.Number().Exact() != want {
			t.Errorf("%s: %v, want %s", text, lit, want)
		}
		if raw := strings.ReplaceAll(text, " ", ""); lit.Raw != raw {
			t.Errorf("%s: raw %q, want %q", text, lit.Raw, raw)
		}
	}
	for _, text := range []string{"1u", "0x1Fu", "0x", "0xg", "0X1F", "1.", "1..2", "1.2.3", "1_000", "12ab", "1e", "1e+", "1e1001", strings.Repeat("9", 1001), "0x" + strings.Repeat("f", 1001), "５", "٣", "1万", "1e5x"} {
		if s, faults := Parse(text); len(faults) == 0 || s.Root != nil {
			t.Errorf("%s was read as %s", text, tree(s.Root))
		}
	}
}

func TestTexts(t *testing.T) {
	for text, want := range map[string]string{
		`""`: "", `''`: "", `"""` + `"""`: "", `"a'b"`: "a'b", `'a"b'`: `a"b`, `"上海"`: "上海",
		`"\a\b\f\n\r\t\v\\\"\'\?` + "\\`" + `"`:  "\a\b\f\n\r\t\v\\\"'?`",
		`"\x41\X41\u4e0a\U0001F600\101\000\377"`: "AA上😀A\x00ÿ",
		`r"\d+\"`:                                `\d+\`, `R'\n'`: `\n`,
		"'''a\n'b''\r\nc\rd'''": "a\n'b''\nc\nd", "\"\"\"\\r\\\"\"\"\"": "\r\"", "r'''\\d\r\n'''": "\\d\n",
		`"//"`: "//", `"` + "\t" + `"`: "\t",
	} {
		lit, ok := mustParse(t, text).Root.(*Literal)
		if !ok || lit.Value.Text() != want {
			t.Errorf("%s: %q, want %q", text, lit.Value.Text(), want)
			continue
		}
		if again, ok := mustParse(t, quoteText(want)).Root.(*Literal); !ok || again.Value.Text() != want {
			t.Errorf("%s is read back as %q", quoteText(want), again.Value.Text())
		}
	}
	for _, text := range []string{`"`, `'`, `"a`, "\"a\nb\"", `"""a"`, `"\d"`, `"\x4"`, `"\u12"`, `"\ud800"`, `"\U00110000"`, `"\08"`, `"\400"`, `"\`, "'''\\\n'''",
		`b"x"`, `B'x'`, `br"x"`, `"a" "b"`, `“a”`, `‘a’`, `「a」`, `"a”`, `‘a`, "`a`"} {
		if s, faults := Parse(text); len(faults) == 0 || s.Root != nil {
			t.Errorf("%s was read as %s", text, tree(s.Root))
		}
	}
}

func TestNames(t *testing.T) {
	for _, text := range []string{"a", "_", "_1", "购买频次", "é", "café", "नमस्ते", "x1２", "二〇", "И", "r", "b"} {
		if n, ok := mustParse(t, text).Root.(*Name); !ok || n.Name != text {
			t.Errorf("%s: %v", text, n)
		}
	}
	for _, text := range []string{"if", "for", "a-b c", "1a", "́", "$a", "a$", "@a", "a\\b", "a\x00b", "a\u200bb"} {
		if s, faults := Parse(text); len(faults) == 0 {
			t.Errorf("%s was read as %s", text, tree(s.Root))
		}
	}
	// Reserved words may follow a dot, as in CEL; the words of values may not.
	mustParse(t, "a.if.for.package()")
	if _, faults := Parse("a.true"); len(faults) != 1 || faults[0].Hint != `write ["true"]` {
		t.Error(faults)
	}
}

func TestComments(t *testing.T) {
	s := mustParse(t, "\uFEFF// one \t\r\na // two // three\r\n&& \"// no\" != b//")
	want := []string{"// one", "// two // three", "//"}
	if len(s.Comments) != len(want) {
		t.Fatal(s.Comments)
	}
	for i, c := range s.Comments {
		if c.Text != want[i] || !strings.HasPrefix(s.Text[c.At:], c.Text) {
			t.Errorf("%q at %d, want %q", c.Text, c.At, want[i])
		}
	}
}
