package oracle_test

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"tagma/event"
	"tagma/internal/oracle"
	"tagma/rule"
)

// enough is how often each construct of the catalogue must have come to something, and to nothing, in the default run;
// few is that of the finer ones.
const enough, few = 20, 5

// oneOutcome names what comes to only one of the two: what always has a value, and what never has one.
var oneOutcome = map[string]oracle.Outcome{
	"root now": oracle.Yes, "constant true": oracle.Yes, "constant false": oracle.No, "constant null": oracle.No, "function duration": oracle.Yes,
	"field e.name": oracle.Yes,
}

// outcomes counts what a construct came to: indexed by oracle.No and oracle.Yes.
type outcomes [2]int

// constructs are the names by which the catalogue of the language calls things, with their kinds.
func constructs() map[string]bool {
	known := map[string]bool{}
	for _, e := range rule.Catalogue() {
		known[string(e.Kind)+" "+e.Name] = true
	}
	return known
}

var catalogue = constructs()

// watch counts what the nodes of a scene's rules come to.
func (n *tally) watch(s *scene) func(rule.Node, oracle.Outcome) {
	counters := map[rule.Node][]*outcomes{}
	return func(node rule.Node, o oracle.Outcome) {
		of, ok := counters[node]
		if !ok {
			for _, label := range s.labels(node) {
				if n.outcomes[label] == nil {
					n.outcomes[label] = &outcomes{}
				}
				of = append(of, n.outcomes[label])
			}
			counters[node] = of
		}
		if o == oracle.None {
			return
		}
		for _, c := range of {
			c[o]++
		}
	}
}

// labels are the names of the constructs that a node is, those of the catalogue and some finer ones.
func (s *scene) labels(node rule.Node) []string {
	switch n := node.(type) {
	case *rule.Literal:
		switch {
		case !n.Value.Present():
			return []string{"constant null"}
		case n.Value.Kind() == event.BoolKind:
			return []string{"constant " + n.Value.String()}
		}
	case *rule.Name:
		if label := "root " + n.Name; catalogue[label] {
			return []string{label}
		}
	case *rule.Unary:
		if n.Op == "-" {
			return []string{"sign -"}
		}
		return []string{"operator " + n.Op}
	case *rule.Binary:
		return []string{"operator " + n.Op}
	case *rule.Ternary:
		return []string{"operator ?:"}
	case *rule.Call:
		return callLabels(n)
	case *rule.Member, *rule.Index:
		return s.pathLabels(node)
	}
	return nil
}

func callLabels(n *rule.Call) []string {
	for _, kind := range []string{"source", "filter", "measure", "relation", "population", "function"} {
		label := kind + " " + n.Fun
		if kind == "source" {
			label = kind + " events." + n.Fun
		}
		if !catalogue[label] || kind == "measure" && n.Recv == nil {
			continue
		}
		switch {
		case n.Fun == "changed_at":
			root, _, _ := strings.Cut(rule.OneLine(n.Args[0]), ".")
			root, _, _ = strings.Cut(root, "[")
			return []string{label, label + " of " + root}
		case n.Fun == "then" || n.Fun == "without":
			labels := []string{label, fmt.Sprintf("%s with %d relations", label, len(n.Args)-1)}
			if strings.Contains(rule.OneLine(n.Recv), ".each(") {
				labels = append(labels, label+" of elements")
			}
			return labels
		case n.Fun == "within":
			return []string{label, label + " of " + strings.Trim(rule.OneLine(n.Args[0]), `"0123456789`)}
		case n.Fun == "last" || n.Fun == "before":
			return []string{label, label + " of " + strings.Trim(rule.OneLine(n.Args[0]), `"0123456789`)}
		}
		return []string{label}
	}
	return []string{"call of " + n.Fun}
}

func (s *scene) pathLabels(node rule.Node) []string {
	text := strings.NewReplacer(`["`, ".", `"]`, "").Replace(rule.OneLine(node))
	base, key, _ := strings.Cut(text, ".")
	if !catalogue["root "+base] || strings.Contains(base, "(") {
		if i := strings.LastIndex(text, "."); i >= 0 && catalogue["field e."+text[i+1:]] {
			return []string{"field e." + text[i+1:]}
		}
		return []string{"field e.k"}
	}
	if strings.HasSuffix(text, ".time") || strings.HasSuffix(text, ".name") || strings.HasSuffix(text, ".source") {
		if strings.Contains(text, ")") { // of one that was picked
			return []string{"field e." + text[strings.LastIndex(text, ".")+1:]}
		}
	}
	switch {
	case base == "events" && strings.Contains(text, "("):
		return []string{"field of a picked event"}
	case base == "events" && catalogue["source "+text]:
		return []string{"root events", "source " + text}
	case base == "customer":
		return []string{"root customer", "field customer.first_seen"}
	case base == "tags":
		if strings.HasSuffix(key, ".number") {
			return []string{"root tags", "field tags.k.number"}
		}
		t := s.defs.Tags[key]
		sort := map[bool]string{true: "tags with cases", false: "tags with a value"}[len(t.Cases) > 0]
		switch {
		case len(t.Bands) > 0:
			sort = "tags with bands"
		case len(t.Cases) == 0 && t.Value == "":
			sort = "tags by hand"
		}
		if t.Multi {
			sort += ", multi"
		}
		return []string{"root tags", sort}
	}
	return []string{"root " + base}
}

// report writes how often each construct came to something.
func (n *tally) report() string {
	var b strings.Builder
	for _, label := range keys(n.outcomes) {
		fmt.Fprintf(&b, "%-40s %9d yes %9d no\n", label, n.outcomes[label][oracle.Yes], n.outcomes[label][oracle.No])
	}
	return b.String()
}

// covers says which constructs of the language, and finer ones that were met, the run tells too little of.
func (n *tally) covers(t *testing.T) {
	labels := map[string]bool{}
	for label := range catalogue {
		labels[label] = true
	}
	for label := range n.outcomes {
		labels[label] = true
	}
	var poor []string
	for label := range labels {
		o := n.outcomes[label]
		if o == nil {
			poor = append(poor, label+": never asked")
			continue
		}
		least := few
		if catalogue[label] {
			least = enough
		}
		only, one := oneOutcome[label]
		for _, k := range []oracle.Outcome{oracle.No, oracle.Yes} {
			if (!one || only == k) && o[k] < least {
				poor = append(poor, fmt.Sprintf("%s: came to something %d times, to nothing %d times", label, o[oracle.Yes], o[oracle.No]))
				break
			}
		}
	}
	sort.Strings(poor)
	if len(poor) > 0 {
		t.Errorf("too little is known of\n  %s\n(each outcome should come %d times, and %d where the catalogue has no name for it)\n%s", strings.Join(poor, "\n  "), enough, few, n.report())
	}
}
