package oracle_test

import "tagma/rule"

// children are the nodes right below a node.
func children(n rule.Node) []rule.Node {
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
