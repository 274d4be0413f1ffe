package docs_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tagma/library"
	"tagma/rule"
)

// recipes joins the definitions of docs/recipes.md to one file: each fence holds a part of it.
func recipes(t *testing.T) []byte {
	whole := map[string][]any{}
	out := map[string]any{}
	for _, e := range fenced(read(t, "docs/recipes.md"), "yaml") {
		var part map[string]any
		if err := yaml.Unmarshal([]byte(e.text), &part); err != nil {
			t.Fatalf("line %d: %v", e.line, err)
		}
		for key, v := range part {
			if list, ok := v.([]any); ok {
				whole[key] = append(whole[key], list...)
				out[key] = whole[key]
			} else {
				out[key] = v
			}
		}
	}
	b, err := yaml.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every recipe is computed in the demo shop, and tells customers apart: they do not all have the same value, nor none.
func TestRecipesTellCustomersApart(t *testing.T) {
	w, _, zone, now := shop(t)
	c := compiled(t, recipes(t), "docs/recipes.md", rule.NewNames(w.Series()), zone)
	for _, f := range c.Warnings() {
		t.Errorf("a warning: %s", f)
	}
	var roots []*rule.Expr
	var names []string
	for _, tag := range c.Tags {
		if tag.Tag.Kind != library.ByHand {
			roots, names = append(roots, tag.Rule), append(names, "tag "+tag.Tag.Key)
		}
	}
	for _, s := range c.Segments {
		roots, names = append(roots, s.Cond), append(names, "segment "+s.Segment.Key)
	}
	if len(roots) < 35 {
		t.Fatalf("there are only %d recipes", len(roots))
	}
	run := rule.Run{Snapshot: w, Now: now, Zone: zone}
	if err := run.Prepare(context.Background(), roots); err != nil {
		t.Fatal(err)
	}
	values := make([]map[string]int, len(roots))
	for i := range values {
		values[i] = map[string]int{}
	}
	err := run.Blocks(context.Background(), roots, func(res *rule.Result) error {
		for i, x := range roots {
			for k := range res.N {
				if res.Universe.Get(k) {
					values[i][res.Value(x, k).Format(zone)]++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if len(v) < 2 {
			var all []string
			for text, n := range v {
				all = append(all, text+": "+strconv.Itoa(n))
			}
			t.Errorf("%s does not tell customers apart: %s", names[i], strings.Join(all, ", "))
		}
	}
}
