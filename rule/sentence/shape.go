package sentence

import "tagma/rule"

// What has not the shape that the language asks for is said as it is written. The shape is looked at before anything is
// said, so that nothing is said twice.

// isSource says that a selection can begin with a node.
func (w *writer) isSource(n rule.Node) bool {
	c, isCall := n.(*rule.Call)
	if !isCall {
		_, alone := n.(*rule.Name)
		root, _ := w.root(n)
		return root == "events" && !alone
	}
	root, ok := c.Recv.(*rule.Name)
	return ok && root.Name == "events" && c.Fun == "any" && len(c.Args) > 0 && areTexts(c.Args) && !w.isEvent("events")
}

func areTexts(ns []rule.Node) bool {
	for _, n := range ns {
		if _, ok := rule.WrittenText(n); !ok {
			return false
		}
	}
	return true
}

// isSelection says that a node is a selection of events.
func (w *writer) isSelection(n rule.Node) bool {
	for !w.isSource(n) {
		c, ok := n.(*rule.Call)
		if !ok || c.Recv == nil || !w.isFilter(c) {
			return false
		}
		n = c.Recv
	}
	return true
}

func (w *writer) isFilter(c *rule.Call) bool {
	switch n := len(c.Args); c.Fun {
	case "last", "before":
		if n != 1 {
			return false
		}
		_, ok := spanOf(c.Args[0])
		return ok
	case "since", "until":
		return n == 1
	case "each":
		return n == 1 && areTexts(c.Args)
	case "between":
		return n == 2
	case "where":
		return n == 2 && isVariable(c.Args[0])
	case "then", "without":
		inner := *w
		inner.scope = nil
		return n > 0 && areRelations(c.Args[1:]) && inner.isSelection(c.Args[0])
	}
	return false
}

func isVariable(n rule.Node) bool {
	_, ok := n.(*rule.Name)
	return ok
}

// areRelations says that there are within(…) and same(…) and nothing else, each at most once.
func areRelations(args []rule.Node) bool {
	seen := map[string]bool{}
	for _, a := range args {
		c, ok := a.(*rule.Call)
		if !ok || c.Recv != nil || len(c.Args) == 0 || seen[c.Fun] || !areTexts(c.Args) {
			return false
		}
		seen[c.Fun] = true
		if c.Fun == "same" {
			continue
		}
		if _, ok := spanOf(c.Args[0]); !ok || c.Fun != "within" || len(c.Args) != 1 {
			return false
		}
	}
	return true
}

func isPick(c *rule.Call) bool { return c.Fun == "nth" || c.Fun == "earliest" || c.Fun == "latest" }

// isMeasure says that a call is a measure of a selection.
func (w *writer) isMeasure(c *rule.Call) bool {
	ok := false
	switch n := len(c.Args); c.Fun {
	case "count", "days", "max_gap", "earliest", "latest":
		ok = n == 0
	case "nth":
		ok = n == 1
	case "streak":
		if n == 1 {
			unit, _ := rule.WrittenText(c.Args[0])
			ok = w.lang.runs[unit] != ""
		}
	case "peak":
		if n == 1 {
			_, ok = spanOf(c.Args[0])
		}
	case "sum", "avg", "min", "max", "distinct", "values":
		ok = n == 2 && isVariable(c.Args[0])
	case "top":
		ok = (n == 2 || n == 3) && isVariable(c.Args[0])
	}
	return ok && c.Recv != nil && w.isSelection(c.Recv)
}
