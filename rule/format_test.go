package rule

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tagma/event"
)

var genName = rapid.SampledFrom([]string{"a", "b", "traits", "events", "order_paid", "购买频次", "a_rather_long_name_of_something", "城市", "e", "_", "x1"})

// genKinds are the cases of genTree: the early ones are leaves.
var genKinds = []int{13, 13, 13, 10, 11, 9, 8, 7, 6, 12, 0, 1, 2, 3, 4, 5}

// genTree draws any tree that the parser can give.
func genTree(t *rapid.T, depth int) Node {
	pick := rapid.SampledFrom(genKinds).Draw(t, "kind")
	if depth <= 0 {
		pick %= 6
	}
	sub := func() Node { return genTree(t, depth-1) }
	list := func() []Node {
		items := make([]Node, rapid.SampledFrom([]int{0, 1, 2, 3}).Draw(t, "items"))
		for i := range items {
			items[i] = sub()
		}
		return items
	}
	binary := func(ops ...string) Node {
		return &Binary{Op: rapid.SampledFrom(ops).Draw(t, "op"), X: sub(), Y: sub()}
	}
	switch pick {
	case 0:
		return &Name{Name: genName.Draw(t, "name")}
	case 1:
		return &Literal{Value: event.Text(rapid.String().Draw(t, "text"))}
	case 2:
		c, scale := rapid.Int64Range(-1e12, 1e12).Draw(t, "number"), rapid.IntRange(0, 5).Draw(t, "scale")
		return &Literal{Value: event.Num(event.Scaled(c, scale))}
	case 3:
		return rapid.SampledFrom([]Node{&Literal{Value: event.Bool(true)}, &Literal{Value: event.Bool(false)}, &Literal{}}).Draw(t, "word")
	case 4:
		return &Member{X: &Name{Name: genName.Draw(t, "name")}, Name: genName.Draw(t, "member")}
	case 5:
		return &Literal{Value: event.Num(event.Int(rapid.Int64Range(0, 3).Draw(t, "small")))}
	case 6:
		return &Member{X: sub(), Name: genName.Draw(t, "member")}
	case 7:
		return &Index{X: sub(), Key: sub()}
	case 8:
		return &Call{Fun: genName.Draw(t, "function"), Args: list()}
	case 9:
		return &Call{Recv: sub(), Fun: genName.Draw(t, "method"), Args: list()}
	case 10:
		return &Unary{Op: rapid.SampledFrom([]string{"!", "-"}).Draw(t, "sign"), X: sub()}
	case 11:
		return &Ternary{Cond: sub(), X: sub(), Y: sub()}
	case 12:
		return &ListLit{Items: list()}
	}
	switch rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "family") {
	case 0:
		return binary("&&", "||")
	case 1:
		return binary("==", "!=", "<", "<=", ">", ">=", "in")
	}
	return binary("+", "-", "*", "/", "%")
}

func TestFormatKeepsTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := genTree(t, 6)
		want := tree(root)
		line := OneLine(root)
		if got := tree(mustParse(t, line).Root); got != want {
			t.Fatalf("%s\nis read as %s\nwant       %s", line, got, want)
		}
		if strings.Contains(line, "\n") {
			t.Fatalf("two lines: %q", line)
		}
		text := Format(&Source{Root: root})
		s := mustParse(t, text)
		if got := tree(s.Root); got != want {
			t.Fatalf("%s\nis read as %s\nwant       %s", text, got, want)
		}
		if again := Format(s); again != text {
			t.Fatalf("%s\nis formatted to\n%s", text, again)
		}
		if OneLine(s.Root) != line {
			t.Fatalf("%s\nand\n%s", OneLine(s.Root), line)
		}
		if cellsOf(line) <= formatColumns && text != line {
			t.Fatalf("%s\nfits into a line but is\n%s", line, text)
		}
	})
}

// needless reports a pair of parentheses that could be left out without a change of the tree.
func needless(t *rapid.T, text, want string) {
	var opened []int
	tokens := lex(text).tokens
	for i, tok := range tokens {
		switch {
		case tok.is("(") && (i == 0 || tokens[i-1].kind != tokName):
			opened = append(opened, tok.start)
		case tok.is("("):
			opened = append(opened, -1)
		case tok.is(")"):
			open := opened[len(opened)-1]
			opened = opened[:len(opened)-1]
			if open < 0 {
				continue
			}
			less := text[:open] + " " + text[open+1:tok.start] + " " + text[tok.end:]
			if s, faults := Parse(less); len(faults) == 0 && tree(s.Root) == want {
				t.Fatalf("%s\nneeds not the parentheses left out in\n%s", text, less)
			}
		}
	}
}

func TestFormatParenthesesAreNeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := genTree(t, 4)
		needless(t, OneLine(root), tree(root))
	})
}

// parenthesised writes a tree with parentheses around every part of it.
func parenthesised(n Node) string {
	list := func(nodes []Node) string {
		parts := make([]string, len(nodes))
		for i, x := range nodes {
			parts[i] = parenthesised(x)
		}
		return strings.Join(parts, ", ")
	}
	text := ""
	switch n := n.(type) {
	case *Member:
		text = parenthesised(n.X) + "." + n.Name
	case *Index:
		text = parenthesised(n.X) + "[" + parenthesised(n.Key) + "]"
	case *Call:
		text = n.Fun + "(" + list(n.Args) + ")"
		if n.Recv != nil {
			text = parenthesised(n.Recv) + "." + text
		}
	case *Unary:
		text = n.Op + parenthesised(n.X)
	case *Binary:
		text = parenthesised(n.X) + n.Op + " " + parenthesised(n.Y)
		if n.Op == "in" {
			text = parenthesised(n.X) + " in " + parenthesised(n.Y)
		}
	case *Ternary:
		text = parenthesised(n.Cond) + "?" + parenthesised(n.X) + ":" + parenthesised(n.Y)
	case *ListLit:
		text = "[" + list(n.Items) + "]"
	default:
		text = OneLine(n)
	}
	return "(" + text + ")"
}

// commented writes a text's tokens with comments and line ends strewn among them.
func commented(t *rapid.T, text string) (string, []string) {
	var b strings.Builder
	var comments []string
	comment := func() {
		c := fmt.Sprintf("// %d", len(comments))
		comments = append(comments, c)
		b.WriteString(c + "\n")
	}
	for _, tok := range lex(text).tokens {
		switch rapid.SampledFrom([]int{4, 4, 4, 4, 4, 4, 4, 0, 1, 2, 3}).Draw(t, "before") {
		case 0:
			b.WriteString("\n")
			comment()
		case 1:
			b.WriteString(" ")
			comment()
		case 2:
			b.WriteString("\n")
			comment()
			b.WriteString("  ")
			comment()
		case 3:
			b.WriteString("\n")
		}
		b.WriteString(" " + text[tok.start:tok.end])
	}
	return b.String(), comments
}

func TestFormatKeepsComments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := genTree(t, 5)
		line := OneLine(root)
		if rapid.Bool().Draw(t, "parenthesised") {
			line = parenthesised(root)
		}
		text, want := commented(t, line)
		s := mustParse(t, text)
		once := Format(s)
		f, faults := Parse(once)
		if len(faults) > 0 || tree(f.Root) != tree(root) {
			t.Fatalf("%s\nis formatted to\n%s\n%s", text, once, faultText(once, faults))
		}
		var got []string
		for _, c := range f.Comments {
			got = append(got, c.Text)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%s\nis formatted to\n%s\ncomments %v", text, once, got)
		}
		if twice := Format(f); twice != once {
			t.Fatalf("%s\nis formatted to\n%s\nand then to\n%s", text, once, twice)
		}
	})
}

func TestFormatSamples(t *testing.T) {
	for _, text := range samples {
		s := mustParse(t, text)
		once := Format(s)
		if again := mustParse(t, once); tree(again.Root) != tree(s.Root) || Format(again) != once || len(again.Comments) != len(s.Comments) {
			t.Errorf("%s\nis formatted to\n%s\nand then to\n%s", text, once, Format(again))
		}
	}
	const faulty = "a  ==  (b // c"
	if s, faults := Parse(faulty); len(faults) == 0 || Format(s) != faulty {
		t.Error("a faulty text was changed")
	}
}

// Nothing but what cannot be broken is longer than a line.
func TestFormatWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := genTree(t, 6)
		for _, line := range strings.Split(Format(&Source{Root: root}), "\n") {
			if cellsOf(line) <= formatColumns {
				continue
			}
			if s, faults := Parse(strings.Trim(line, " &|,?:")); len(faults) == 0 {
				if b, ok := s.Root.(*Binary); ok && (b.Op == "&&" || b.Op == "||") {
					t.Fatalf("could be broken: %s", line)
				}
			}
		}
	})
}
