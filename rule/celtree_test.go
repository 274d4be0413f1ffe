package rule

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	celparser "cel.dev/cel-go/parser"
	"pgregory.net/rapid"

	"tagma/event"
)

// neutral is a tree that both parsers' trees are turned into. What they represent differently on purpose is made the
// same: chains of && and || (cel-go balances them) are flat, pairs of signs cancel (cel-go drops them), a minus before
// a number belongs to the number, all numbers are decimals.
type neutral struct {
	head string
	kids []*neutral
}

func (n *neutral) String() string {
	if n.kids == nil {
		return n.head
	}
	parts := []string{n.head}
	for _, k := range n.kids {
		parts = append(parts, k.String())
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func node(head string, kids ...*neutral) *neutral {
	if kids == nil {
		kids = []*neutral{}
	}
	switch head {
	case "&&", "||":
		flat := []*neutral{}
		for _, k := range kids {
			if k.head == head {
				flat = append(flat, k.kids...)
			} else {
				flat = append(flat, k)
			}
		}
		kids = flat
	case "!", "neg":
		x := kids[0]
		if x.head == head && x.kids != nil {
			return x.kids[0]
		}
		if head == "neg" && x.kids == nil && (isDigit(x.head[0]) || x.head[0] == '-') {
			if n, err := event.ParseNumber(x.head); err == nil {
				return &neutral{head: n.Neg().Exact()}
			}
		}
	}
	return &neutral{head, kids}
}

func fromOurs(n Node) *neutral {
	all := func(nodes ...Node) []*neutral {
		var out []*neutral
		for _, x := range nodes {
			out = append(out, fromOurs(x))
		}
		return out
	}
	switch n := n.(type) {
	case *Literal:
		switch n.Value.Kind() {
		case event.TextKind:
			return &neutral{head: strconv.Quote(n.Value.Text())}
		case event.NumberKind:
			return &neutral{head: n.Value.Number().Exact()}
		}
		return &neutral{head: n.Value.String()}
	case *Name:
		return &neutral{head: n.Name}
	case *Member:
		return node("."+n.Name, fromOurs(n.X))
	case *Index:
		return node("[]", all(n.X, n.Key)...)
	case *Call:
		if n.Recv != nil {
			return node("."+n.Fun+"()", all(append([]Node{n.Recv}, n.Args...)...)...)
		}
		return node(n.Fun+"()", all(n.Args...)...)
	case *Unary:
		return node(map[string]string{"!": "!", "-": "neg"}[n.Op], fromOurs(n.X))
	case *Binary:
		return node(n.Op, all(n.X, n.Y)...)
	case *Ternary:
		return node("?:", all(n.Cond, n.X, n.Y)...)
	case *ListLit:
		return node("list", all(n.Items...)...)
	}
	return &neutral{head: "nothing"}
}

var celOperators = map[string]string{operators.LogicalAnd: "&&", operators.LogicalOr: "||", operators.LogicalNot: "!", operators.Equals: "==",
	operators.NotEquals: "!=", operators.Less: "<", operators.LessEquals: "<=", operators.Greater: ">", operators.GreaterEquals: ">=", operators.Add: "+",
	operators.Subtract: "-", operators.Multiply: "*", operators.Divide: "/", operators.Modulo: "%", operators.Negate: "neg", operators.Index: "[]",
	operators.In: "in", operators.Conditional: "?:"}

func fromCEL(e ast.Expr) *neutral {
	all := func(exprs []ast.Expr) []*neutral {
		var out []*neutral
		for _, x := range exprs {
			out = append(out, fromCEL(x))
		}
		return out
	}
	switch e.Kind() {
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.String:
			return &neutral{head: strconv.Quote(string(v))}
		case types.Int:
			return &neutral{head: strconv.FormatInt(int64(v), 10)}
		case types.Double:
			n, err := event.ParseNumber(strconv.FormatFloat(float64(v), 'g', -1, 64))
			if err != nil {
				return &neutral{head: err.Error()}
			}
			return &neutral{head: n.Exact()}
		case types.Bool:
			return &neutral{head: strconv.FormatBool(bool(v))}
		case types.Null:
			return &neutral{head: "null"}
		}
	case ast.IdentKind:
		return &neutral{head: e.AsIdent()}
	case ast.SelectKind:
		return node("."+e.AsSelect().FieldName(), fromCEL(e.AsSelect().Operand()))
	case ast.ListKind:
		return node("list", all(e.AsList().Elements())...)
	case ast.CallKind:
		c := e.AsCall()
		switch op, ok := celOperators[c.FunctionName()]; {
		case ok:
			return node(op, all(c.Args())...)
		case c.IsMemberFunction():
			return node("."+c.FunctionName()+"()", append([]*neutral{fromCEL(c.Target())}, all(c.Args())...)...)
		default:
			return node(c.FunctionName()+"()", all(c.Args())...)
		}
	}
	return &neutral{head: fmt.Sprint("kind ", e.Kind())}
}

// celTree reads a text with cel-go; false when it refuses it.
func celTree(t interface{ Fatal(...any) }, text string, options ...celparser.Option) (string, bool) {
	p, err := celparser.NewParser(options...)
	if err != nil {
		t.Fatal(err)
	}
	parsed, errs := p.Parse(common.NewTextSource(text))
	if len(errs.GetErrors()) > 0 {
		return errs.ToDisplayString(), false
	}
	return fromCEL(parsed.Expr()).String(), true
}

// Texts that both read, to the same tree.
var celTexts = []string{
	`a || b && c || d`, `a && b && c && d || e || f || g && h`, `a == b == c`, `a < b in c`, `a + b * c - d / e % f`, `a - b - c - d`, `a / b / c`,
	`!a`, `!!a`, `!!!a`, `-a`, `--a`, `---a`, `-1`, `--1`, `---1`, `- 1`, `-1.5`, `-(1)`, `-(-1)`, `-(-a)`, `!(!a)`, `!-1 == a`, `-1.foo()`, `-1.foo`, `-a.b.c()`, `!a.b[0]`, `-1[0]`,
	`a - -1`, `a-1`, `a -1`, `a- -b`, `1 - 1`, `1-1`, `1-1-1`, `[1-1, -1]`, `f(-1)`, `-f(1)`,
	`a ? b : c`, `a ? b : c ? d : e`, `(a ? b : c) ? d : e`, `a ? (b ? c : d) : e`, `a || b ? c || d : e || f`, `a == b ? c + d : e - f`, `a ? -1 : .5`, `a?.5:1`, `a?[1]:[2]`, `a ? b : c == d`,
	`a.b.c`, `a.b().c`, `a["b"].c[d]`, `f()`, `f(a, b, c)`, `f(g(h()))`, `a.f(b).g(c, d)`, `a . b ( c ) [ d ]`, `f(a)[0].b`, `[1, 2][0]`, `"a".size()`, `[].f()`, `(a + b).c`, `(a).b`, `((a))`, `1.foo()`, `1.5.foo()`, `.5.foo()`, `1.e5`, `1e5.e5`,
	`[]`, `[a]`, `[a,]`, `[a, b,]`, `[[], [[]]]`, `a in [1, 2]`, `!a in b`, `!(a in b)`, `a in b in c`, `a in b && c in d`,
	`true`, `false`, `null`, `true && false == null`, `a.if.for.while`, `a.package()`, `in_ + int + inn`, `trueish || nullable`,
	`1`, `0`, `007`, `0x1F`, `-0x1f`, `0xABCDEF`, `1.0`, `1.25`, `.25`, `1e3`, `1E3`, `1.5e-3`, `1e+3`, `9223372036854775807`, `-9223372036854775808`,
	`"a"`, `'a'`, `"a'b"`, `'a"b'`, `"""a"b"""`, `'''a'b'''`, "\"\"\"a\nb\r\nc\rd\"\"\"", `""`, `''`, `"""` + `"""`, `r"\n"`, `R'\d+\'`, `r"""a"\"""`, `"\a\b\f\n\r\t\v\\\?\"\'` + "\\`" + `"`,
	`"\x41\X42\u4e0a\U0001F600\101\377"`, `"上海"`, `"//"`, `"""a\"""" + "b"`, `"""""" + """a"""`, `"a" + "b"`, "'\t'",
	"a // b\n&& c", "// a\nb", "a && // x\n\n// y\nb//", "a\n.b\n(\nc\n)", "a\t\f\r\n && b",
	`has(a.b) && a.map(x, x > 1)`, `e.exists(x, x.y == "z")`, `a.b == "c" && d.e.f("90d").g() >= 5 || !h.i`,
	`events.order_paid.last("90d").count() >= 5 && traits.city in ["Shanghai", "Beijing"]`,
	`a && (b && c)`, `(a && b) && c`, `a && ((b && c) && d)`, `a || (b || (c || d))`,
}

// Texts that both refuse.
var notCELTexts = []string{``, `a b`, `a &&`, `&& a`, `a = b`, `a ? b`, `a ? b ? c : d : e`, `a : b`, `(a`, `a)`, `f(a`, `[a`, `f(a,)`, `f(,a)`, `a.`, `a..b`, `a.1`, `a.in`, `a.true`, `a."b"`, `1a`, `1.2.3`, `1.`, `1..2`, `0x`, `1e`,
	`"a`, `'a"`, "\"a\nb\"", `"\d"`, `"\u12"`, `"\ud800"`, `"\400"`, `"""a"`, `if`, `for`, `f(while)`, `if(a)`, `a(b)(c)`, `a[0](b)`, `(a)(b)`, `a[]`, `a[b, c]`, `()`, `a & b`, `a | b`, `a === b`, `a <> b`, `a not in b`, `a and b`, `+a`, `a + + b`, `a ** b`, `a ^ b`, `#a`, `a;`, `a, b`, `"a" "b"`, `@a`, `$a`, `a?.b`, `a[?b]`, `a ?? b`, `in`, `a in`, `!`, `-`}

func TestTreeIsCELs(t *testing.T) {
	pratt := celparser.EnablePrattParser(true)
	for _, text := range celTexts {
		s, faults := Parse(text)
		if len(faults) > 0 {
			t.Errorf("%q: %s", text, faultText(text, faults))
			continue
		}
		ours := fromOurs(s.Root).String()
		if theirs, ok := celTree(t, text); !ok || ours != theirs {
			t.Errorf("%q\nours  %s\ncel's %s", text, ours, theirs)
		}
		if theirs, ok := celTree(t, text, pratt); !ok || ours != theirs {
			t.Errorf("%q\nours          %s\ncel's other's %s", text, ours, theirs)
		}
	}
	for _, text := range notCELTexts {
		if theirs, ok := celTree(t, text); ok {
			t.Errorf("%q: cel-go reads %s", text, theirs)
		}
		if s, faults := Parse(text); len(faults) == 0 {
			t.Errorf("%q: we read %s", text, tree(s.Root))
		}
	}
}

// genCEL draws a text of the language that both read, with needless and without needed parentheses: the parsers are
// to agree on what belongs together. Some texts are refused: by both.
func genCEL(t *rapid.T, depth int) string {
	one := func(choices ...string) string { return rapid.SampledFrom(choices).Draw(t, "choice") }
	blank := one(" ", "", "  ", "\n", " // c\n")
	leaf := func() string {
		switch rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5}).Draw(t, "leaf") {
		case 0:
			return one("a", "b", "c", "order_paid", "_x", "in1")
		case 1:
			return strconv.FormatInt(rapid.Int64Range(0, 1<<62).Draw(t, "int"), 10)
		case 2:
			return fmt.Sprintf("%d.%02d", rapid.IntRange(0, 9999).Draw(t, "whole"), rapid.IntRange(0, 99).Draw(t, "cents"))
		case 3:
			return one(`"x"`, `'y'`, `"""z"z"""`, `r'\d'`, `"\u4e0a\n"`, "true", "false", "null", `""`, ".5", "1e3", "0xFf")
		case 4:
			return quoteText(rapid.String().Draw(t, "text"))
		}
		return "a.b"
	}
	if depth <= 0 {
		return leaf()
	}
	sub := func() string { return genCEL(t, depth-1) }
	args := func() string {
		parts := make([]string, rapid.SampledFrom([]int{1, 2, 0, 3}).Draw(t, "args"))
		for i := range parts {
			parts[i] = sub()
		}
		return strings.Join(parts, ","+blank)
	}
	switch rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}).Draw(t, "kind") {
	case 0, 1:
		// A blank on either side: - - and / / would be something else.
		return sub() + " " + one("&&", "||", "==", "+", "-", "*", "<", "in", "/", "%", "!=", "<=", ">", ">=") + " " + sub()
	case 2:
		return sub() + blank + one("&&", "||") + blank + sub()
	case 3:
		return "(" + blank + sub() + ")"
	case 4:
		return one("!", "-", "!!", "--", "- ") + one("a", "1", "2.5", "(a)", "f(x)", "a.b[0]", "1.f()", "(1)", "(-1)") + blank
	case 5:
		return sub() + " ? " + sub() + " : " + sub()
	case 6:
		return one("f", "g", "has") + "(" + args() + ")"
	case 7:
		return sub() + blank + "." + one("m", "n", "last", "for") + "(" + args() + ")"
	case 8:
		return sub() + "[" + sub() + "]"
	case 9:
		return "[" + args() + "]"
	}
	return leaf()
}

func TestRandomTreesAreCELs(t *testing.T) {
	pratt := celparser.EnablePrattParser(true)
	read := 0
	draw := func(options ...celparser.Option) func(t *rapid.T) {
		return func(t *rapid.T) {
			text := genCEL(t, 4)
			theirs, ok := celTree(t, text, options...)
			s, faults := Parse(text)
			switch {
			case ok != (len(faults) == 0):
				t.Fatalf("%s\nours %s\ncel's %s", text, faultText(text, faults), theirs)
			case ok && fromOurs(s.Root).String() != theirs:
				t.Fatalf("%s\nours  %s\ncel's %s", text, fromOurs(s.Root), theirs)
			case ok:
				read++
			}
		}
	}
	rapid.Check(t, draw())
	for range 5 {
		rapid.Check(t, draw(pratt))
	}
	if read < 100 {
		t.Errorf("only %d texts were read", read)
	}
}
