package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Family is what kind of rule it is.
type Family string

// The families.
const (
	Combination Family = "combination"   // and, or, not of two to five leaves
	Counting    Family = "count"         // how often, on how many days
	OfTrait     Family = "attribute"     // what the customer is
	Amount      Family = "sum, avg, max" // how much
	Recency     Family = "recency"       // how long ago
	Absent      Family = "not done"      // nothing of the kind
	OfTags      Family = "tag of tags"   // from other rules' tags
	Variety     Family = "distinct"      // how many different
	RFM         Family = "RFM"           // against the whole population
	Favourite   Family = "most frequent"
	FirstTouch  Family = "first touch"
)

// Families are all families with their number among a thousand rules.
func Families() []struct {
	Family Family
	Number int
} {
	return []struct {
		Family Family
		Number int
	}{{Combination, 440}, {Counting, 146}, {OfTrait, 114}, {Amount, 89}, {Recency, 61}, {Absent, 49}, {OfTags, 44}, {Variety, 21}, {RFM, 17}, {Favourite, 12}, {FirstTouch, 7}}
}

// Rule is a condition under a name. As a tag it has the one value 是, held by those for whom the condition holds.
type Rule struct {
	Key        string
	Name       string
	Family     Family
	Expression string
	Condition  Condition
}

// KeyOf is the key of the rule at place i, from 0.
func KeyOf(i int) string { return fmt.Sprintf("t%04d", i+1) }

// New makes a thousand rules; the same seed gives the same. Any number of the first of them is again a set in
// nearly the same proportions that refers to none of the others.
func New(seed uint64) []Rule {
	m := &maker{rand: rand.New(rand.NewPCG(seed, 1)), filters: filterPools()}
	families := Families()
	made := make([]int, len(families))
	texts := map[string]bool{}
	for i := range 1000 {
		// The family that lags most behind its share; tags of tags need some tags before them.
		f, lag := 0, -1.0
		for j, family := range families {
			if l := float64(family.Number)*float64(i+1)/1000 - float64(made[j]); l > lag && (family.Family != OfTags || i >= 10) {
				f, lag = j, l
			}
		}
		made[f]++
		r := Rule{Key: KeyOf(i), Name: fmt.Sprintf("基准_%04d", i+1), Family: families[f].Family}
		for r.Expression == "" || texts[r.Expression] {
			r.Condition = m.rule(r.Family)
			r.Expression = r.Condition.Text()
		}
		texts[r.Expression] = true
		m.keys = append(m.keys, r.Key)
		m.rules = append(m.rules, r)
	}
	return m.rules
}

// Definitions writes rules as a definitions file: a tag with the one value 是 for each, decided daily.
func Definitions(rs []Rule) string { return definitions(rs, "daily") }

// LiveDefinitions are Definitions that are decided with each event.
func LiveDefinitions(rs []Rule) string { return definitions(rs, "live") }

func definitions(rs []Rule, refresh string) string {
	var b strings.Builder
	b.WriteString("categories:\n  - key: bench\n    name: 基准\n    children:\n")
	for _, f := range Families() {
		fmt.Fprintf(&b, "      - {key: %s, name: %s}\n", category(f.Family), category(f.Family))
	}
	b.WriteString("tags:\n")
	for _, r := range rs {
		fmt.Fprintf(&b, "  - key: %s\n    name: %s\n    category: bench/%s\n    purpose: 基准测试\n    owner: bench\n    refresh: %s\n    cases:\n      - {value: 是, when: %s}\n",
			r.Key, r.Name, category(r.Family), refresh, quoteYAML(r.Expression))
	}
	return b.String()
}

func category(f Family) string {
	return strings.NewReplacer(", ", "_", " ", "_").Replace(strings.ToLower(string(f)))
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Stats says how much rules share.
type Stats struct {
	Cells    int // names with a filter
	Features int // measures of a cell in a window, and traits with their function
	Leaves   int // features with a comparison
}

// Sharing counts the distinct parts of rules. Of a comparison with the population the measure, the condition
// and the comparison count.
func Sharing(rs []Rule) Stats {
	cells, features, leaves := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var walk func(Condition)
	measure := func(m Measure) { cells[m.Of.Cell()], features[m.Text()] = true, true }
	walk = func(c Condition) {
		switch c := c.(type) {
		case All:
			for _, x := range c {
				walk(x)
			}
		case Any:
			for _, x := range c {
				walk(x)
			}
		case Not:
			walk(c.X)
		case Measured:
			measure(c.Measure)
			leaves[c.Text()] = true
		case Ranked:
			measure(c.Measure)
			walk(c.Where)
			leaves[c.Text()] = true
		case Attribute:
			features[c.Function+" "+c.Trait] = true
			leaves[c.Text()] = true
		}
	}
	for _, r := range rs {
		walk(r.Condition)
	}
	return Stats{len(cells), len(features), len(leaves)}
}

// AcrossCustomers are the keys of the rules that ask across all customers, themselves or through other rules' tags.
func AcrossCustomers(rs []Rule) map[string]bool {
	out := map[string]bool{}
	var asks func(Condition) bool
	asks = func(c Condition) bool {
		switch c := c.(type) {
		case All:
			return slices.ContainsFunc(c, asks)
		case Any:
			return slices.ContainsFunc(c, asks)
		case Not:
			return asks(c.X)
		case Tag:
			return out[c.Key]
		case Ranked:
			return true
		}
		return false
	}
	for _, r := range rs { // a rule refers to earlier ones alone
		if asks(r.Condition) {
			out[r.Key] = true
		}
	}
	return out
}

// Segments makes n expressions over two to eight of the tags of rules; the same seed gives the same.
func Segments(rs []Rule, n int, seed uint64) []string {
	var out []string
	for _, c := range SegmentConditions(rs, n, seed) {
		out = append(out, c.Text())
	}
	return out
}

// SegmentConditions are the structures of Segments.
func SegmentConditions(rs []Rule, n int, seed uint64) []Condition {
	r := rand.New(rand.NewPCG(seed, 2))
	var out []Condition
	for range n {
		keys := r.Perm(len(rs))[:min(2+r.IntN(7), len(rs))]
		var groups Any
		var group All
		for i, k := range keys {
			group = append(group, Tag{Key: rs[k].Key, Not: i > 0 && r.IntN(5) == 0})
			if r.IntN(3) == 0 || i == len(keys)-1 {
				groups = append(groups, flat(group))
				group = nil
			}
		}
		out = append(out, flat(groups))
	}
	return out
}

// flat takes the shell off a single condition.
func flat(c Condition) Condition {
	switch x := c.(type) {
	case All:
		if len(x) == 1 {
			return flat(x[0])
		}
	case Any:
		if len(x) == 1 {
			return flat(x[0])
		}
	}
	return c
}

// Previews are single conditions over frequent, middling and rare events: what somebody tries out while writing a rule.
func Previews() []Rule {
	names := []string{"page_view", "product_view", "search", "add_to_cart", "order_paid", "favorite", "进入直播间", "order_refunded", "客服咨询", "投诉"}
	var out []Rule
	for i, name := range names {
		of := Selection{Names: []string{name}, Last: windows[(i*4+3)%len(windows)]}
		filtered := Selection{Names: []string{name}, Last: 90, Where: []Filter{{Property: "channel", Op: "==", Value: textValue("小程序")}}}
		if !slices.Contains(typeOf(name).Properties, "channel") {
			filtered.Where = nil
		}
		numeric := numericProperties(typeOf(name))
		pair := []Condition{
			Measured{Measure{Kind: Count, Of: of}, ">=", whole(2)},
			Measured{Measure{Kind: SinceLatest, Of: filtered}, "<=", whole(30)},
		}
		if len(numeric) > 0 && i%2 == 0 {
			pair[1] = Measured{Measure{Kind: Sum, Of: filtered, Property: numeric[0]}, ">=", whole(200)}
		}
		for _, c := range pair {
			out = append(out, Rule{Key: fmt.Sprintf("p%02d", len(out)+1), Name: fmt.Sprintf("预览_%02d", len(out)+1), Family: Counting, Expression: c.Text(), Condition: c})
		}
	}
	return out
}
