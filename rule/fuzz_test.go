package rule

import "testing"

func addSeeds(f *testing.F) {
	for _, lists := range [][]string{samples, celTexts, notCELTexts} {
		for _, text := range lists {
			f.Add(text)
		}
	}
	for _, text := range []string{"（a，b）", "a＝＝“b”", "1u", "90d", "2026-06-01", "a\u3000b", "\xff", "`a`", "{", "b'x'", "a > = b", "x not in y", "/* */", "# a", "5万", "「a", "１．５", "\ufeffa", "'\\", "a[?b]", "'''\\\r\n'''"} {
		f.Add(text)
	}
}

// Any text is read or refused with faults in their places; what is read is written so that it is read again.
func FuzzParse(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		s, faults := Parse(text)
		checkFaults(t, text, s, faults)
		if s.Root == nil {
			return
		}
		want := tree(s.Root)
		if got := tree(mustParse(t, Format(s)).Root); got != want {
			t.Fatalf("%q: formatted to %s, want %s", text, got, want)
		}
		if got := tree(mustParse(t, OneLine(s.Root)).Root); got != want {
			t.Fatalf("%q: on one line %s, want %s", text, got, want)
		}
		visitNodes(s.Root, func(n Node) {
			if n.Start() < 0 || n.Start() >= n.End() || n.End() > len(text) {
				t.Fatalf("%q: %s at %d to %d", text, tree(n), n.Start(), n.End())
			}
		})
	})
}

// Formatting twice is formatting once, and keeps all comments.
func FuzzFormat(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		s, _ := Parse(text)
		if s.Root == nil {
			return
		}
		once := Format(s)
		again := mustParse(t, once)
		if twice := Format(again); twice != once {
			t.Fatalf("%q\nis formatted to\n%s\nand then to\n%s", text, once, twice)
		}
		if len(again.Comments) != len(s.Comments) {
			t.Fatalf("%q\nhas %d comments, formatted\n%s\n%d", text, len(s.Comments), once, len(again.Comments))
		}
	})
}
