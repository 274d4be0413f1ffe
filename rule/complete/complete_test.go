package complete

import (
	"os"
	"slices"
	"strings"
	"testing"

	"tagma/event"
	"tagma/rule"
)

func seen(ks ...event.Kind) rule.Field { return rule.Field{Seen: ks} }

// shop is the world of the tests.
func shop(t testing.TB) *rule.Env {
	t.Helper()
	zone, err := event.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	text, number := seen(event.TextKind), seen(event.NumberKind)
	names := &rule.Names{
		Traits: map[string]rule.Field{"city": text, "收货 城市": text, "address.city": text, "address.收货 人": text, "birthday": {Declared: event.DateKind}, "likes": seen(event.ListKind),
			"level": number, "vip": seen(event.BoolKind)},
		IDs:      map[string]bool{"phone": true, "user_id": true},
		Consents: map[string]bool{"sms": true, "email": true},
		Events: map[string]map[string]rule.Field{
			"order": {"amount": number, "channel": text, "item": text, "收货 城市": text, "context.campaign.term": text, "products": seen(event.ListKind),
				"products[].sku": text, "products[].price": number},
			"cart":            {"item": text, "qty": number},
			"buy":             {"item": text, "price": number},
			"app.open":        {},
			"all":             {},
			"Order Completed": {"total": number},
		},
	}
	b := rule.NewBuilder()
	env := &rule.Env{Zone: zone, Names: names, Builder: b,
		TagKeys:  func() []string { return []string{"rfm", "value", "会员"} },
		Segments: func() []string { return []string{"staff"} },
		Measures: func() []string { return []string{"f"} },
		Tables:   func() []string { return []string{"cities"} },
	}
	number1 := b.Const(event.Num(event.Int(1)))
	env.Tag = func(key string) (*rule.TagRef, bool, error) {
		ref := &rule.TagRef{Value: b.Published("tag:"+key, rule.Text), Key: "tag:" + key}
		switch key {
		case "rfm":
			ref.Values = []string{"重要价值客户", "一般客户"}
		case "value":
			ref.Number = number1
		}
		return ref, slices.Contains(env.TagKeys(), key), nil
	}
	env.Segment = func(key string) (*rule.Expr, bool, error) {
		return b.Published("segment:"+key, rule.Bool), key == "staff", nil
	}
	env.Measure = func(key string) (*rule.Expr, bool, error) { return number1, key == "f", nil }
	env.Table = func(key string) (*rule.Table, bool, error) {
		return &rule.Table{Key: "cities", By: "city", Columns: map[string]*rule.TableColumn{"tier": {Kind: event.TextKind}, "population": {Kind: event.NumberKind}}}, key == "cities", nil
	}
	return env
}

// occurring are the values of the shop; a provider that ignores the prefix, which must be seen to.
func occurring(of ValueOf, _ string, limit int) (out []event.Value) {
	texts := func(ss ...string) {
		for _, s := range ss {
			out = append(out, event.Text(s))
		}
	}
	switch {
	case of.Kind == TraitValues && of.Name == "city":
		texts("上海", "北京", `"quoted"`)
	case of.Kind == TraitValues && of.Name == "level":
		out = []event.Value{event.Num(event.Int(3)), event.Num(event.Int(30)), event.Num(event.Int(4))}
	case of.Kind == PropertyValues && of.Name == "channel" && slices.Equal(of.Events, []string{"order"}):
		texts("抖音")
	case of.Kind == PropertyValues && of.Name == "products[].sku" && slices.Equal(of.Events, []string{"order"}):
		texts("A1")
	case of.Kind == TagValues && of.Name == "会员":
		texts("金卡")
	case of.Kind == IdentifierValues && of.Name == "phone":
		texts("13800000000")
	case of.Kind == ColumnValues && of.Table == "cities" && of.Name == "tier":
		texts("一线")
	}
	return out[:min(limit, len(out))]
}

const mark = "‸"

func labels(r Result) (out []string) {
	for _, o := range r.Options {
		out = append(out, o.Label)
	}
	return
}

func TestCases(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	env := shop(t)
	for _, block := range cases(string(data)) {
		before, after, ok := strings.Cut(block.text, mark)
		if !ok {
			t.Fatalf("%q has no cursor", block.text)
		}
		r := At(before+after, len(before), env, occurring)
		got := labels(r)
		for _, check := range block.checks {
			what, list, _ := strings.Cut(check, ":")
			var want []string
			for _, l := range strings.Split(list, "|") {
				if l = strings.TrimSpace(l); l != "" {
					want = append(want, l)
				}
			}
			// A bar alone is an operator.
			if strings.Contains(list, "||") {
				want = strings.Fields(strings.ReplaceAll(strings.ReplaceAll(list, "||", "OR"), "|", " "))
				for i := range want {
					want[i] = strings.ReplaceAll(want[i], "OR", "||")
				}
			}
			bad := false
			switch {
			case what == "first":
				bad = len(got) < len(want) || !slices.Equal(got[:len(want)], want)
			case what == "only":
				bad = !slices.Equal(got, want)
			case what == "has":
				bad = slices.ContainsFunc(want, func(l string) bool { return !slices.Contains(got, l) })
			case what == "not":
				bad = slices.ContainsFunc(want, func(l string) bool { return slices.Contains(got, l) })
			case what == "none":
				bad = len(got) > 0
			case strings.HasPrefix(what, "gives "):
				label, result, _ := strings.Cut(strings.TrimPrefix(check, "gives "), ": ")
				if strings.HasPrefix(check, "gives :") {
					label, result = ":", strings.TrimPrefix(check, "gives :: ")
				}
				text := before + after
				i := slices.Index(got, label)
				if i < 0 {
					bad = true
				} else if taken := text[:r.Start] + r.Options[i].Insert + mark + text[r.End:]; strings.Replace(taken, " "+mark, mark, 1) != strings.Replace(result, " "+mark, mark, 1) {
					t.Errorf("%s\n  %s\n  gives %s", block.text, check, taken)
				}
			default:
				t.Fatalf("%q: what is %q?", block.text, check)
			}
			if bad {
				t.Errorf("%s\n  wants %s\n  is    %s", block.text, check, strings.Join(got, " | "))
			}
		}
	}
}

type testCase struct {
	text   string
	checks []string
}

// cases reads the file of cases: a text, which may run over lines up to the one with the cursor, and indented checks.
func cases(data string) (out []testCase) {
	var text []string
	for _, line := range strings.Split(data, "\n") {
		switch {
		case strings.HasPrefix(line, "  "):
			c := &out[len(out)-1]
			c.checks = append(c.checks, strings.TrimSpace(line))
		case line == "" || strings.HasPrefix(line, "#"):
		default:
			if text = append(text, line); strings.Contains(line, mark) {
				out = append(out, testCase{text: strings.Join(text, "\n")})
				text = nil
			}
		}
	}
	return
}

// One Chinese character stands in nearly every explanation; two find a word by what it means.
func TestChineseExplanations(t *testing.T) {
	has := func(text, label string) bool {
		r := At(text, len(text), &rule.Env{}, nil)
		return slices.ContainsFunc(r.Options, func(o Option) bool { return o.Label == label })
	}
	if r := At("中", len("中"), &rule.Env{}, nil); len(r.Options) > 0 {
		t.Errorf("中 offers %v", r.Options)
	}
	if !has("客户", "traits") && !has("客户", "traits.") {
		t.Errorf("客户 does not offer traits: %v", At("客户", len("客户"), &rule.Env{}, nil).Options)
	}
}
