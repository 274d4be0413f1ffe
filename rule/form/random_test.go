package form

import (
	"testing"

	"pgregory.net/rapid"

	"tagma/event"
	"tagma/rule"
)

// trees draws syntax trees, of what the builder shows and of what it does not.
type trees struct{ t *rapid.T }

func (g trees) pick(names ...string) string { return rapid.SampledFrom(names).Draw(g.t, "name") }

func (g trees) key() string {
	return g.pick("city", "城市", "a.b", "收货 城市", "x", "in", "order_paid", "all", "system", "number", `q"\`, "时间", "e", "time", "（a）")
}

func (g trees) text() *rule.Literal {
	return textNode(g.pick("上海", "7d", "2026-06-01", "", `\d+`, "it's \"x\"", "a.b", "\n", "90d", "d"))
}

func (g trees) literal() rule.Node {
	switch rapid.IntRange(0, 5).Draw(g.t, "literal") {
	case 0:
		return &rule.Literal{}
	case 1:
		return &rule.Literal{Value: event.Bool(rapid.Bool().Draw(g.t, "bool"))}
	case 2, 3:
		raw := g.pick("0", "-1", "5.50", "0.1234567890123456789", "100000000000000000000", "-0.5", "1e3", "0.000")
		n, _ := event.ParseNumber(raw)
		return &rule.Literal{Value: event.Num(n), Raw: raw}
	}
	return g.text()
}

func (g trees) nodes(depth, least, most int, in string) []rule.Node {
	out := make([]rule.Node, rapid.IntRange(least, most).Draw(g.t, "many"))
	for i := range out {
		out[i] = g.node(depth-1, in)
	}
	return out
}

// node draws a node; in is the name of the event whose filter it stands in.
func (g trees) node(depth int, in string) rule.Node {
	if depth <= 0 {
		if rapid.Bool().Draw(g.t, "leaf") {
			return g.literal()
		}
		return pathNode(&rule.Name{Name: g.pick("traits", "tags", "ids", "segments", "measures", "consent", "customer", "row", in)}, []string{g.key()})
	}
	next := func() rule.Node { return g.node(depth-1, in) }
	switch rapid.IntRange(0, 13).Draw(g.t, "kind") {
	case 0, 1:
		return &rule.Binary{Op: g.pick("&&", "||"), X: next(), Y: next()}
	case 2, 3:
		return &rule.Binary{Op: g.pick("==", "!=", "<", "<=", ">", ">=", "in"), X: next(), Y: next()}
	case 4:
		return &rule.Binary{Op: g.pick("+", "-", "*", "/", "%"), X: next(), Y: next()}
	case 5:
		return &rule.Unary{Op: "!", X: next()}
	case 6:
		x := next()
		if l, ok := x.(*rule.Literal); ok && l.Value.Kind() == event.NumberKind && l.Value.Number().Sign() <= 0 {
			return x // a minus before a number is part of it
		}
		return &rule.Unary{Op: "-", X: x}
	case 7:
		return &rule.Ternary{Cond: next(), X: next(), Y: next()}
	case 8:
		return &rule.ListLit{Items: g.nodes(depth, 0, 3, in)}
	case 9:
		return &rule.Call{Fun: g.pick("has", "present", "age", "lookup", "mean", "f"), Args: g.nodes(depth, 0, 3, in)}
	case 10:
		return &rule.Call{Recv: next(), Fun: g.pick("contains", "lower", "count", "last", "then"), Args: g.nodes(depth, 0, 2, in)}
	}
	return g.measure(depth, in)
}

func (g trees) selection(depth int, in string) rule.Node {
	var x rule.Node = &rule.Name{Name: "events"}
	if rapid.IntRange(0, 3).Draw(g.t, "source") == 0 {
		x = &rule.Call{Recv: x, Fun: "any", Args: []rule.Node{textNode(g.key()), textNode(g.key())}}
	} else {
		x = pathNode(x, []string{g.key()})
	}
	for range rapid.IntRange(0, 3).Draw(g.t, "filters") {
		c := &rule.Call{Recv: x, Fun: g.pick("last", "before", "since", "until", "each", "between", "where", "then", "without")}
		switch c.Fun {
		case "between":
			c.Args = []rule.Node{g.text(), g.node(depth-1, in)}
		case "where":
			v := g.pick("e", "e", "item", "商品")
			c.Args = []rule.Node{&rule.Name{Name: v}, g.node(depth-1, v)}
		case "then", "without":
			if depth <= 0 {
				continue
			}
			c.Args = []rule.Node{g.selection(depth-1, in)}
			if rapid.Bool().Draw(g.t, "within") {
				c.Args = append(c.Args, &rule.Call{Fun: "within", Args: []rule.Node{g.text()}})
			}
			if rapid.Bool().Draw(g.t, "same") {
				c.Args = append(c.Args, &rule.Call{Fun: "same", Args: []rule.Node{g.text(), g.text()}})
			}
		default:
			c.Args = []rule.Node{g.text()}
		}
		x = c
	}
	return x
}

func (g trees) measure(depth int, in string) rule.Node {
	c := &rule.Call{Recv: g.selection(depth, in), Fun: g.pick("count", "days", "sum", "top", "latest", "nth", "streak", "peak", "max_gap", "values")}
	switch c.Fun {
	case "sum", "values", "top":
		v := g.pick("e", "item")
		c.Args = []rule.Node{&rule.Name{Name: v}, g.node(depth-1, v)}
		if c.Fun == "top" && rapid.Bool().Draw(g.t, "weight") {
			c.Args = append(c.Args, g.node(0, v))
		}
	case "nth":
		c.Args = []rule.Node{g.node(0, in)}
	case "streak", "peak":
		c.Args = []rule.Node{g.text()}
	}
	if pickMeasures[c.Fun] && rapid.Bool().Draw(g.t, "field") {
		return pathNode(c, []string{g.key()})
	}
	return c
}

// Whatever the tree: text → form → text is the same tree, and JSON → form → text → form → JSON the same bytes.
func TestRandomTrees(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rule.OneLine(trees{rt}.node(rapid.IntRange(0, 5).Draw(rt, "depth"), "e"))
		if _, faults := rule.Parse(text); len(faults) > 0 {
			rt.Skip("too deep")
		}
		roundTrip(quiet{t, rt}, text)
	})
}

// quiet is a testing.TB whose failures rapid sees.
type quiet struct {
	testing.TB
	rt *rapid.T
}

func (q quiet) Helper()                      {}
func (q quiet) Fatal(args ...any)            { q.rt.Fatal(args...) }
func (q quiet) Fatalf(f string, args ...any) { q.rt.Fatalf(f, args...) }
