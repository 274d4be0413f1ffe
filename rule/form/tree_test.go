package form

import (
	"fmt"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// meaning writes a tree as an S-expression in which what the language means the same is the same: x["name"] and x.name,
// events.any("a") and events.a, the order of within and same. Ands of ands are one.
func meaning(n rule.Node) string {
	var b strings.Builder
	writeMeaning(&b, n)
	return b.String()
}

func writeMeaning(b *strings.Builder, n rule.Node) {
	all := func(head string, nodes ...rule.Node) {
		b.WriteString("(" + head)
		for _, x := range nodes {
			b.WriteByte(' ')
			writeMeaning(b, x)
		}
		b.WriteByte(')')
	}
	switch n := n.(type) {
	case *rule.Literal:
		if n.Value.Kind() == event.NumberKind {
			b.WriteString(n.Value.Number().Normal().Exact())
		} else {
			fmt.Fprintf(b, "%s:%q", n.Value.Kind(), n.Value.String())
		}
	case *rule.Name:
		b.WriteString(n.Name)
	case *rule.Member, *rule.Index:
		base, keys := rule.Path(n)
		root, isName := base.(*rule.Name)
		m, isMember := n.(*rule.Member)
		switch {
		case isName && root.Name == "events" && isMember && len(keys) == 1 && (m.Name == "all" || m.Name == "system"):
			b.WriteString("(events " + m.Name + ")")
		case isName && root.Name == "events" && len(keys) > 0:
			fmt.Fprintf(b, "(events %q)", strings.Join(keys, "."))
		case len(keys) > 0:
			all(fmt.Sprintf(". %q", keys), base)
		default:
			all("[]", n.(*rule.Index).X, n.(*rule.Index).Key)
		}
	case *rule.Call:
		writeCall(b, n, all)
	case *rule.Unary:
		all(n.Op, n.X)
	case *rule.Binary:
		all(n.Op, chain(n)...)
	case *rule.Ternary:
		all("?:", n.Cond, n.X, n.Y)
	case *rule.ListLit:
		all("list", n.Items...)
	}
}

func writeCall(b *strings.Builder, n *rule.Call, all func(string, ...rule.Node)) {
	root, isName := n.Recv.(*rule.Name)
	if isName && root.Name == "events" && n.Fun == "any" && len(n.Args) == 1 {
		if name, ok := rule.WrittenText(n.Args[0]); ok {
			fmt.Fprintf(b, "(events %q)", name)
			return
		}
	}
	switch {
	case n.Recv == nil:
		all(n.Fun+"()", n.Args...)
	case (n.Fun == "then" || n.Fun == "without") && len(n.Args) == 3 && isFilter(n):
		rel := relations(n.Args[1:])
		all(n.Fun+"()", n.Recv, n.Args[0])
		all("within", rel["within"]...)
		all("same", rel["same"]...)
	default:
		all("."+n.Fun+"()", append([]rule.Node{n.Recv}, n.Args...)...)
	}
}
