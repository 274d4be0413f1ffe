package form

import (
	"slices"

	"tagma/event"
	"tagma/rule"
)

// kidsOf are the nodes right below a node.
func kidsOf(n rule.Node) []rule.Node {
	switch n := n.(type) {
	case *rule.Member:
		return []rule.Node{n.X}
	case *rule.Index:
		return []rule.Node{n.X, n.Key}
	case *rule.Call:
		if n.Recv != nil {
			return append([]rule.Node{n.Recv}, n.Args...)
		}
		return n.Args
	case *rule.Unary:
		return []rule.Node{n.X}
	case *rule.Binary:
		return []rule.Node{n.X, n.Y}
	case *rule.Ternary:
		return []rule.Node{n.Cond, n.X, n.Y}
	case *rule.ListLit:
		return n.Items
	}
	return nil
}

// same says that two trees are equal. Numbers are by value.
func same(a, b rule.Node) bool {
	switch x := a.(type) {
	case *rule.Literal:
		y, ok := b.(*rule.Literal)
		return ok && x.Value.Kind() == y.Value.Kind() && (x.Value.Kind() == event.Missing || x.Value.Equal(y.Value))
	case *rule.Name:
		y, ok := b.(*rule.Name)
		return ok && x.Name == y.Name
	case *rule.Member:
		y, ok := b.(*rule.Member)
		return ok && x.Name == y.Name && same(x.X, y.X)
	case *rule.Call:
		y, ok := b.(*rule.Call)
		if !ok || x.Fun != y.Fun || (x.Recv == nil) != (y.Recv == nil) {
			return false
		}
	case *rule.Unary:
		if y, ok := b.(*rule.Unary); !ok || x.Op != y.Op {
			return false
		}
	case *rule.Binary:
		if y, ok := b.(*rule.Binary); !ok || x.Op != y.Op {
			return false
		}
	case *rule.Index:
		if _, ok := b.(*rule.Index); !ok {
			return false
		}
	case *rule.Ternary:
		if _, ok := b.(*rule.Ternary); !ok {
			return false
		}
	case *rule.ListLit:
		if _, ok := b.(*rule.ListLit); !ok {
			return false
		}
	}
	return slices.EqualFunc(kidsOf(a), kidsOf(b), same)
}

// chain are the operands of operators of one kind that lean to the left: a && b && c.
func chain(n *rule.Binary) []rule.Node {
	var out []rule.Node
	var x rule.Node = n
	for {
		b, ok := x.(*rule.Binary)
		if !ok || b.Op != n.Op {
			break
		}
		out = append(out, b.Y)
		x = b.X
	}
	out = append(out, x)
	slices.Reverse(out)
	return out
}

// linked is the opposite of chain.
func linked(op string, operands []rule.Node) rule.Node {
	x := operands[0]
	for _, y := range operands[1:] {
		x = &rule.Binary{Op: op, X: x, Y: y}
	}
	return x
}

// isGroup says that a node is an all or an any.
func isGroup(n rule.Node) (*rule.Binary, bool) {
	b, ok := n.(*rule.Binary)
	return b, ok && (b.Op == "&&" || b.Op == "||")
}

// notIn says that a node is !(x in y).
func notIn(n rule.Node) (*rule.Binary, bool) {
	u, ok := n.(*rule.Unary)
	if !ok || u.Op != "!" {
		return nil, false
	}
	b, ok := u.X.(*rule.Binary)
	return b, ok && b.Op == "in"
}
