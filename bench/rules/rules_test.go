package rules

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tagma/bench/gen"
)

func TestFamilies(t *testing.T) {
	rs := New(1)
	if len(rs) != 1000 {
		t.Fatalf("%d rules", len(rs))
	}
	for _, n := range []int{100, 1000} {
		count := map[Family]int{}
		for _, r := range rs[:n] {
			count[r.Family]++
		}
		for _, f := range Families() {
			if got, want := float64(count[f.Family]), float64(f.Number*n)/1000; got < want-1 || got > want+1 || n == 1000 && got != want {
				t.Errorf("of %d rules %v are %s, want %v", n, got, f.Family, want)
			}
		}
	}
}

func TestSharing(t *testing.T) {
	got := Sharing(New(1))
	t.Logf("%+v", got)
	if got.Cells < 500 || got.Cells > 650 || got.Features < 950 || got.Features > 1150 || got.Leaves < 1450 || got.Leaves > 1700 {
		t.Errorf("%+v, want about 592 cells, 1043 features, 1585 leaves", got)
	}
}

func TestSameSeedSameRules(t *testing.T) {
	same := func(a, b []Rule) bool {
		return slices.EqualFunc(a, b, func(a, b Rule) bool { return a.Key == b.Key && a.Name == b.Name && a.Expression == b.Expression })
	}
	if !same(New(1), New(1)) {
		t.Error("two sets of one seed differ")
	}
	if same(New(1), New(2)) {
		t.Error("two seeds give one set")
	}
}

// Rules may only speak of what the generator makes, of earlier tags, and in the forms of the language.
func TestRulesSpeakOfWhatThereIs(t *testing.T) {
	earlier := map[string]bool{}
	var check func(Condition)
	selection := func(s Selection, needs string) {
		types := gen.Types()
		if len(s.Names) > 0 {
			types = nil
			for _, n := range s.Names {
				if typeOf(n).Name == "" {
					t.Fatalf("no type %q", n)
				}
				types = append(types, typeOf(n))
			}
		}
		for _, f := range append(s.Where, Filter{Property: needs}) {
			if f.Property != "" && !slices.ContainsFunc(types, func(ty gen.Type) bool {
				return slices.Contains(ty.Properties, f.Property) || slices.Contains(ty.Sparse, f.Property)
			}) {
				t.Fatalf("%s: none of the events has %s", s.Text(), f.Property)
			}
		}
	}
	check = func(c Condition) {
		switch c := c.(type) {
		case All:
			for _, x := range c {
				check(x)
			}
		case Any:
			for _, x := range c {
				check(x)
			}
		case Not:
			check(c.X)
		case Tag:
			if !earlier[c.Key] {
				t.Fatalf("%s is no earlier tag", c.Key)
			}
		case Measured:
			selection(c.Measure.Of, c.Measure.Property)
		case Ranked:
			selection(c.Measure.Of, c.Measure.Property)
			check(c.Where)
		}
	}
	texts := map[string]bool{}
	for _, r := range New(1) {
		check(r.Condition)
		earlier[r.Key] = true
		if texts[r.Expression] {
			t.Errorf("%s comes twice: %s", r.Key, r.Expression)
		}
		texts[r.Expression] = true
	}
}

func TestText(t *testing.T) {
	of := Selection{Names: []string{"order_paid"}, Last: 90, Where: []Filter{{"amount", ">=", Value{Kind: NumberValue, Hundredths: 99_90}}, {"coupon", "present", Value{}}}}
	count := Measured{Measure{Kind: Count, Of: of}, ">=", whole(5)}
	for _, c := range []struct {
		condition Condition
		want      string
	}{
		{count, `events.order_paid.last("90d").where(e, e.amount >= 99.9 && present(e.coupon)).count() >= 5`},
		{Measured{Measure{Kind: Sum, Of: Selection{Names: []string{"签到", "search"}}, Property: "points"}, "<", whole(3)}, `events.any("签到", "search").sum(e, e.points) < 3`},
		{Measured{Measure{Kind: First, Property: "context.campaign.term"}, "==", textValue("a")}, `events.all.earliest().context.campaign.term == "a"`},
		{Measured{Measure{Kind: SinceLatest, Of: Selection{Names: []string{"投诉"}, Before: 30}}, ">", whole(60)}, `days_since(events.投诉.before("30d").latest().time) > 60`},
		{All{Tag{Key: "a"}, Any{Tag{Key: "b", Not: true}, Not{Tag{Key: "c"}}}}, `tags.a == "是" && (tags.b != "是" || !(tags.c == "是"))`},
		{Attribute{Trait: "city", Op: "in", Value: textValue("上海", "北京")}, `traits.city in ["上海", "北京"]`},
		{Attribute{Trait: "interests", Function: "contains", Value: textValue("茶艺")}, `"茶艺" in traits.interests`},
		{Attribute{Trait: "birthday", Function: "age", Op: ">=", Value: whole(18)}, `age(traits.birthday) >= 18`},
		{Attribute{Trait: "age", Function: "has"}, `has(traits.age)`},
		{Ranked{Function: "ntile", Measure: Measure{Kind: SinceLatest, Of: of}, Negative: true, Where: Tag{Key: "a"}, Op: "==", Bucket: 5},
			`tags.a == "是" && ntile(-days_since(` + of.Text() + `.latest().time), 5, tags.a == "是") == 5`},
		{Ranked{Function: "quantile", Measure: Measure{Kind: Count, Of: Selection{}}, Where: Tag{Key: "a"}, Op: ">", Share: 80},
			`tags.a == "是" && events.all.count() > quantile(events.all.count(), 0.8, tags.a == "是")`},
	} {
		if got := c.condition.Text(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestDefinitions(t *testing.T) {
	rs := New(1)
	var file struct {
		Categories []struct {
			Key      string
			Children []struct{ Key string }
		}
		Tags []struct {
			Key, Name, Category, Purpose, Owner, Refresh string
			Cases                                        []struct{ Value, When string }
		}
	}
	if err := yaml.Unmarshal([]byte(Definitions(rs)), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Tags) != len(rs) {
		t.Fatalf("%d tags", len(file.Tags))
	}
	for i, tag := range file.Tags {
		child := func(c struct{ Key string }) bool { return "bench/"+c.Key == tag.Category }
		if tag.Key != rs[i].Key || len(tag.Cases) != 1 || tag.Cases[0].Value != "是" || tag.Cases[0].When != rs[i].Expression || !slices.ContainsFunc(file.Categories[0].Children, child) {
			t.Fatalf("tag %d: %+v", i, tag)
		}
	}
}

func TestSegmentsAndPreviews(t *testing.T) {
	rs := New(1)
	segments := Segments(rs, 200, 1)
	if len(segments) != 200 || !slices.Equal(segments, Segments(rs, 200, 1)) {
		t.Errorf("%d segments, or not the same again", len(segments))
	}
	for _, s := range segments {
		if n := strings.Count(s, "tags."); n < 2 || n > 8 {
			t.Errorf("%d tags in %s", n, s)
		}
	}
	previews := Previews()
	if len(previews) != 20 {
		t.Errorf("%d previews", len(previews))
	}
	seen := map[string]bool{}
	for _, p := range previews {
		if _, single := p.Condition.(Measured); !single || seen[p.Expression] {
			t.Errorf("preview %s", p.Expression)
		}
		seen[p.Expression] = true
	}
}

func TestAcrossCustomers(t *testing.T) {
	rs := New(1)
	across := AcrossCustomers(rs)
	direct, through := 0, 0
	for _, r := range rs {
		switch {
		case r.Family == RFM && !across[r.Key]:
			t.Errorf("%s asks across all customers: %s", r.Key, r.Expression)
		case r.Family == RFM:
			direct++
		case across[r.Key] && r.Family != OfTags:
			t.Errorf("%s does not: %s", r.Key, r.Expression)
		case across[r.Key]:
			through++
		}
	}
	if direct != 17 || through == 0 || through == 44 {
		t.Errorf("%d ask themselves, %d through tags", direct, through)
	}
}
