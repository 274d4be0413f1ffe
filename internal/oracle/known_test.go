package oracle_test

import (
	"regexp"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// knownDifferences are the rules on which product and oracle are known to differ until one of them is mended. Each
// is given a rule's text with those of all definitions, one a line, and every node of their trees.
var knownDifferences = map[string]func(s *scene, text string, n rule.Node) bool{
	"first_seen of a customer with an untimed record is missing": func(_ *scene, _ string, n rule.Node) bool {
		m, ok := n.(*rule.Member)
		return ok && m.Name == "first_seen"
	},
	"the time of a missing event, compared, panics": func(_ *scene, text string, _ rule.Node) bool {
		return eventTime.MatchString(text)
	},
	"since and until keep nothing with an undeclared value that is a date": func(_ *scene, text string, n rule.Node) bool {
		c, ok := n.(*rule.Call)
		return ok && (c.Fun == "since" || c.Fun == "until") && undeclared.MatchString(rule.OneLine(c.Args[0]))
	},
	"quantile and median keep more than 18 fractional digits": func(s *scene, text string, n rule.Node) bool {
		c, ok := n.(*rule.Call)
		return ok && (c.Fun == "median" || c.Fun == "quantile") && (tiny.MatchString(text) || s.hasTiny())
	},
	"two undeclared texts are not put together by +": func(_ *scene, _ string, n rule.Node) bool {
		b, ok := n.(*rule.Binary)
		return ok && b.Op == "+" && undeclaredNode(b.X) && undeclaredNode(b.Y)
	},
	"x || x, x && x and !!x of an undeclared x are missing where x is": func(_ *scene, _ string, n rule.Node) bool {
		switch n := n.(type) {
		case *rule.Binary:
			return (n.Op == "||" || n.Op == "&&") && dotted(n.X) == dotted(n.Y)
		case *rule.Unary:
			inner, ok := n.X.(*rule.Unary)
			return ok && n.Op == "!" && inner.Op == "!"
		}
		return false
	},
}

var (
	eventTime  = regexp.MustCompile(`(nth|latest|earliest)\([-0-9]*\)\)*(\.time|\["time"\])`)
	undeclared = regexp.MustCompile(`traits|due|birthday|at|tags|measures|min|max`)
	tiny       = regexp.MustCompile(`[0-9]\.[0-9]{19,}`)
)

// dotted writes an expression with x["name"] as x.name.
func dotted(n rule.Node) string {
	return strings.NewReplacer(`["`, ".", `"]`, "").Replace(rule.OneLine(n))
}

func undeclaredNode(n rule.Node) bool {
	switch n.(type) {
	case *rule.Member, *rule.Index, *rule.Ternary:
		return true
	case *rule.Call:
		c := n.(*rule.Call)
		return c.Fun == "min" || c.Fun == "max" || c.Fun == "top"
	}
	return false
}

// hasTiny says that a number of the history has more than 18 fractional digits.
func (s *scene) hasTiny() bool {
	is := func(v event.Value) bool {
		return v.Kind() == event.NumberKind && v.Number().Scale() > event.QuotientDigits
	}
	for _, t := range s.history.Traits {
		if is(t.Value) {
			return true
		}
	}
	for _, e := range s.history.Events {
		for _, p := range e.Props {
			if is(p.Value) {
				return true
			}
		}
	}
	return false
}

// knownToDiffer says that a known difference may show in a rule, or in one of the definitions it may refer to.
func (s *scene) knownToDiffer(text string) bool {
	texts := append(s.definitions(), text)
	all := strings.Join(texts, "\n")
	for _, one := range texts {
		source, _ := rule.Parse(one)
		if source.Root == nil {
			continue
		}
		for _, n := range nodes(source.Root) {
			for _, is := range knownDifferences {
				if is(s, all, n) {
					return true
				}
			}
		}
	}
	return false
}

// definitions are the texts of all definitions.
func (s *scene) definitions() (texts []string) {
	for _, m := range s.defs.Measures {
		texts = append(texts, m.Value, m.When)
	}
	for _, t := range s.defs.Tags {
		texts = append(texts, t.Value)
		for _, c := range t.Cases {
			texts = append(texts, c.When)
		}
	}
	for _, x := range s.defs.Segments {
		texts = append(texts, x)
	}
	return texts
}

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

// nodes are a node and all below it.
func nodes(n rule.Node) []rule.Node {
	out := []rule.Node{n}
	for _, c := range children(n) {
		out = append(out, nodes(c)...)
	}
	return out
}
