package rules

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"tagma/bench/gen"
)

// windows are what people write, in local days.
var windows = []int{1, 3, 7, 14, 30, 60, 90, 180, 365}

// pairs are types that people count together.
var pairs = [][]string{{"order_created", "order_paid"}, {"favorite", "share"}, {"search", "product_view"}, {"客服咨询", "投诉"},
	{"video_watched", "进入直播间"}, {"coupon_received", "coupon_used"}}

// maker makes random rules.
type maker struct {
	rand    *rand.Rand
	filters map[string][][]Filter // by the name of a type; none is common to several names
	keys    []string              // of the rules so far
	rules   []Rule
}

func oneOf[T any](m *maker, list ...T) T { return list[m.rand.IntN(len(list))] }

// early prefers the first elements: what is frequent is what people ask for.
func early[T any](m *maker, list []T) T {
	u := m.rand.Float64()
	return list[int(u*math.Sqrt(u)*float64(len(list)))]
}

func (m *maker) chance(percent int) bool { return m.rand.IntN(100) < percent }

func typeOf(name string) gen.Type {
	for _, t := range gen.Types() {
		if t.Name == name {
			return t
		}
	}
	return gen.Type{}
}

func numericProperties(t gen.Type) (out []string) {
	for _, p := range t.Properties {
		if gen.Numeric(p) {
			out = append(out, p)
		}
	}
	return
}

func (m *maker) rule(f Family) Condition {
	if f == Combination {
		return m.combination()
	}
	if f == OfTags {
		return m.ofTags()
	}
	if f == OfTrait && m.chance(20) { // from one age up to another
		from := oneOf[int64](m, 18, 20, 25, 30, 35, 40)
		return All{Attribute{Trait: "age", Op: ">=", Value: whole(from)}, Attribute{Trait: "age", Op: "<", Value: whole(from + oneOf[int64](m, 5, 10, 20))}}
	}
	return m.leaf(f)
}

// combination joins two to five leaves; four and more in two groups.
func (m *maker) combination() Condition {
	n := oneOf(m, 2, 2, 2, 2, 2, 3, 3, 3, 4, 5)
	leaves := make([]Condition, n)
	for i := range leaves {
		f := Counting
		switch p := m.rand.IntN(100); {
		case p < 46:
		case p < 66:
			f = OfTrait
		case p < 77:
			f = Amount
		case p < 84:
			f = Recency
		case p < 93:
			f = Absent
		case p < 97:
			f = Variety
		case p < 99:
			f = Favourite
		default:
			f = FirstTouch
		}
		leaves[i] = m.leaf(f)
		if m.chance(12) {
			leaves[i] = Not{leaves[i]}
		}
	}
	if n < 4 {
		return m.joined(leaves, m.chance(55))
	}
	and, cut := m.chance(55), 2+m.rand.IntN(n-3)
	return m.joined([]Condition{m.joined(leaves[:cut], !and), m.joined(leaves[cut:], !and)}, and)
}

func (m *maker) joined(parts []Condition, and bool) Condition {
	if and {
		return flat(All(parts))
	}
	return flat(Any(parts))
}

// ofTags joins two to four tags, sometimes with a leaf of its own.
func (m *maker) ofTags() Condition {
	var parts []Condition
	for _, k := range m.rand.Perm(len(m.keys))[:2+m.rand.IntN(3)] {
		parts = append(parts, Tag{Key: m.keys[k], Not: m.chance(25)})
	}
	if m.chance(30) {
		parts = append(parts, m.leaf(Counting))
	}
	return m.joined(parts, m.chance(60))
}

func (m *maker) leaf(f Family) Condition {
	switch f {
	case OfTrait:
		return m.attribute()
	case Amount:
		return m.amount()
	case Recency:
		c := Measured{Measure: Measure{Kind: SinceLatest, Of: m.selection(0, nil)}, Op: ">", Value: whole(oneOf[int64](m, 7, 14, 30, 60, 90, 180))}
		if m.chance(40) {
			c.Op = "<="
		}
		return c
	case Absent:
		return Measured{Measure{Kind: Count, Of: m.selection(95, nil)}, "==", whole(0)}
	case Variety:
		p := oneOf(m, "category", "category", "brand", "sku", "page", "order_id")
		return Measured{Measure{Kind: Distinct, Of: m.selection(94, []string{p}), Property: p}, ">=", whole(oneOf[int64](m, 2, 3, 5, 8))}
	case RFM:
		return m.ranked()
	case Favourite:
		p, values := "category", gen.Categories()[:12]
		if m.chance(30) {
			p, values = "channel", gen.Channels()[:4]
		}
		return Measured{Measure{Kind: Top, Of: m.selection(94, []string{p}), Property: p}, "==", textValue(early(m, values))}
	case FirstTouch:
		return m.firstTouch()
	}
	c := Measured{Measure: Measure{Kind: Count, Of: m.selection(94, nil)}, Op: ">=", Value: whole(oneOf[int64](m, 1, 2, 3, 5, 10, 20))}
	if len(c.Measure.Of.Where) > 0 {
		c.Value = whole(oneOf[int64](m, 1, 1, 2, 3, 5))
	}
	if m.chance(15) {
		c.Measure.Kind = ActiveDays
	}
	switch p := m.rand.IntN(100); {
	case p < 12:
		c.Op = "<"
	case p < 18:
		c.Op = "=="
	}
	return c
}

// selection picks events that have all the needed properties; a share in percent has a window.
func (m *maker) selection(windowed int, needs []string) Selection {
	var s Selection
	types := slices.DeleteFunc(gen.Types(), func(t gen.Type) bool {
		return slices.ContainsFunc(needs, func(p string) bool { return !slices.Contains(t.Properties, p) })
	})
	switch p := m.rand.IntN(100); {
	case p < 3 && len(needs) == 0: // everything
	case p < 9 && len(needs) == 0:
		s.Names = oneOf(m, pairs...)
	default:
		s.Names = []string{types[m.rand.IntN(len(types))].Name}
		if m.chance(88) {
			s.Where = early(m, m.filters[s.Names[0]])
		}
	}
	switch {
	case m.chance(100 - windowed):
	case m.chance(4):
		s.Before = oneOf(m, 30, 90)
	default:
		s.Last = usualWindow(s, m.rand.IntN(100))
	}
	return s
}

// usualWindow returns one of the three windows that are usual for the events and filter of s: a shop looks at
// the same thing over the same few periods. The first is taken in most cases.
func usualWindow(s Selection, percent int) int {
	h := fnv.New32a()
	h.Write([]byte(s.Cell()))
	usual := windows
	if len(s.Where) > 0 {
		usual = windows[2:] // what is rarer is looked at over longer periods
	}
	first := int(h.Sum32() % uint32(len(usual)))
	switch {
	case percent < 92:
		return usual[first]
	case percent < 98:
		return usual[(first+3)%len(usual)]
	}
	return usual[(first+5)%len(usual)]
}

func (m *maker) amount() Condition {
	p := oneOf(m, "amount", "amount", "amount", "duration", "quantity", "points")
	measure := Measure{Kind: oneOf(m, Sum, Sum, Sum, Sum, Sum, Avg, Avg, Max, Max, Min), Of: m.selection(94, []string{p}), Property: p}
	limits := map[string][]int64{"amount": {50_00, 99_90, 100_00, 200_00, 500_00, 1000_00}, "duration": {10_00, 30_00, 60_00, 300_00},
		"quantity": {1_00, 2_00, 3_00}, "points": {2_00, 5_00, 10_00}}[p]
	limit := oneOf(m, limits...)
	if measure.Kind == Sum && m.chance(50) {
		limit *= 5
	}
	return Measured{measure, oneOf(m, ">=", ">=", ">", "<"), Value{Kind: NumberValue, Hundredths: limit}}
}

func (m *maker) attribute() Condition {
	equal := func(trait string, values []string) Attribute {
		if m.chance(45) && len(values) > 3 {
			at := m.rand.IntN(len(values) - 3)
			return Attribute{Trait: trait, Op: "in", Value: textValue(values[at : at+2+m.rand.IntN(2)]...)}
		}
		return Attribute{Trait: trait, Op: oneOf(m, "==", "==", "==", "!="), Value: textValue(early(m, values))}
	}
	over := func(trait, function string, limits ...int64) Attribute {
		return Attribute{Trait: trait, Function: function, Op: oneOf(m, ">=", ">=", "<"), Value: Value{Kind: NumberValue, Hundredths: oneOf(m, limits...)}}
	}
	switch p := m.rand.IntN(100); {
	case p < 20:
		return equal("city", gen.Cities()[:30])
	case p < 28:
		return equal("province", gen.Provinces())
	case p < 40:
		return equal("level", gen.Levels())
	case p < 46:
		return Attribute{Trait: "gender", Op: "==", Value: textValue(oneOf(m, "女", "男"))}
	case p < 56:
		return over("age", "", 18_00, 25_00, 30_00, 35_00, 40_00, 50_00, 60_00)
	case p < 60:
		return over("birthday", "age", 18_00, 25_00, 35_00, 60_00)
	case p < 64:
		return Attribute{Trait: "birthday", Function: "month", Op: "==", Value: whole(int64(1 + m.rand.IntN(12)))}
	case p < 67:
		return Attribute{Trait: "birthday", Function: "days_to_anniversary", Op: "<=", Value: whole(oneOf[int64](m, 3, 7, 30))}
	case p < 75:
		return Attribute{Trait: "registered_at", Function: "days_since", Op: oneOf(m, "<=", ">"), Value: whole(oneOf[int64](m, 7, 30, 90, 180, 365, 730))}
	case p < 84:
		return Attribute{Trait: "interests", Function: "contains", Value: textValue(early(m, gen.Interests()))}
	case p < 88:
		return Attribute{Trait: oneOf(m, "age", "city", "birthday", "balance", "interests"), Function: "has"}
	case p < 91:
		return Attribute{Trait: "is_member", Op: "==", Value: Value{Kind: BoolValue, Bool: true}}
	case p < 95:
		return over("score", "", 20_00, 40_50, 60_00, 80_50)
	case p < 98:
		return over("points", "", 100_00, 500_00, 1000_00, 5000_00)
	}
	return over("balance", "", 100_00, 500_50, 1000_00)
}

// ranked asks where a customer stands among all who did such a thing: how recently, how often, how much.
func (m *maker) ranked() Condition {
	of := Selection{Names: []string{oneOf(m, "order_paid", "order_paid", "order_created", "coupon_used", "subscription_renewed")}, Last: oneOf(m, 90, 180, 365)}
	c := Ranked{Function: "ntile", Where: Measured{Measure{Kind: Count, Of: of}, ">=", whole(1)}}
	c.Measure = Measure{Kind: oneOf(m, SinceLatest, Count, Sum), Of: of}
	if c.Measure.Kind == Sum {
		c.Measure.Property = "amount"
	}
	switch p := m.rand.IntN(10); {
	case p < 5:
		c.Negative = c.Measure.Kind == SinceLatest
		c.Op, c.Bucket = oneOf(m, "==", ">=", "<="), 1+m.rand.IntN(5)
		if c.Op != "==" {
			c.Bucket = 2 + m.rand.IntN(3)
		}
	case p < 8:
		c.Function, c.Share, c.Op = "quantile", oneOf(m, 50, 75, 80, 90, 95), oneOf(m, ">=", ">", "<=")
	case p < 9:
		c.Function, c.Op = "mean", oneOf(m, ">", "<=")
	default:
		c.Function, c.Op = "median", oneOf(m, ">", "<=")
	}
	return c
}

// firstTouch asks what brought a customer.
func (m *maker) firstTouch() Condition {
	first := Measure{Kind: First, Property: "context.campaign.source"}
	switch m.rand.IntN(6) {
	case 0:
		first.Property = "context.campaign.term"
		return Measured{first, "==", textValue(early(m, gen.Terms()[:30]))}
	case 1:
		first.Property = "channel"
		return Measured{first, oneOf(m, "==", "!="), textValue(oneOf(m, gen.Channels()...))}
	case 2:
		first.Property, first.Of = "category", Selection{Names: []string{oneOf(m, "order_paid", "product_view", "add_to_cart")}}
		return Measured{first, "==", textValue(early(m, gen.Categories()[:20]))}
	case 3:
		first.Kind, first.Property = SinceFirst, ""
		return Measured{first, oneOf(m, ">", "<="), whole(oneOf[int64](m, 7, 30, 90, 180))}
	}
	return Measured{first, "==", textValue(oneOf(m, gen.Campaigns()...))}
}
