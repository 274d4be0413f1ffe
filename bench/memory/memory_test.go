package memory

import (
	"context"
	"sync"
	"testing"

	"tagma/bench/gen"
	"tagma/bench/oracle"
	"tagma/bench/rules"
	"tagma/event"
	"tagma/rule"
)

// The thousand rules over columns in memory have the members that the oracle finds: the language's evaluation
// alone, without history, tags and index.
func TestEvaluationAgreesWithOracle(t *testing.T) {
	w, err := gen.New(gen.Size{Customers: 3000, Events: 60_000}, 3)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(w)
	if err != nil {
		t.Fatal(err)
	}
	h := oracle.New(w.Customers)
	if err := w.EachCustomer(func(c *gen.Customer) error { h.Customer(c); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.EachEvent(gen.ByTime, func(e *event.Event) error { h.Event(e); return nil }); err != nil {
		t.Fatal(err)
	}
	rs := rules.New(3)
	b := rule.NewBuilder()
	tags := map[string]*rule.Expr{}
	env := &rule.Env{Zone: w.Zone(), Names: rule.NewNames(s.Series()), Builder: b}
	env.Tag = func(key string) (*rule.TagRef, bool, error) {
		return &rule.TagRef{Value: tags[key], Values: []string{"是"}}, tags[key] != nil, nil
	}
	roots := make([]*rule.Expr, len(rs))
	for i, r := range rs {
		checked, faults := rule.Check(r.Expression, env, rule.Condition)
		if len(faults) > 0 {
			t.Fatalf("%s: %v", r.Expression, faults)
		}
		roots[i] = checked.Expr
		tags[r.Key] = b.Cases([]*rule.Expr{checked.Expr}, []event.Value{event.Text("是")})
	}
	// At the end, and at an instant in the middle of a day with much of the history still to come.
	for _, now := range []event.Time{w.Now(), w.Now() - 100*86_400_000 - 12*3_600_000} {
		run := &rule.Run{Snapshot: s, Now: now, Zone: w.Zone()}
		if err := run.Prepare(context.Background(), roots); err != nil {
			t.Fatal(err)
		}
		got := make([]event.Bits, len(rs))
		for i := range got {
			got[i] = event.NewBits(w.Customers)
		}
		var mu sync.Mutex
		if err := run.Blocks(context.Background(), roots, func(res *rule.Result) error {
			mu.Lock()
			defer mu.Unlock()
			for i, x := range roots {
				bits := res.Cond(x)
				for k := range res.N {
					if bits.Get(k) {
						got[i].Set(int(res.First) + k)
					}
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for i, want := range h.Decide(rs, now) {
			for c := range w.Customers {
				if got[i].Get(c) != want.Bits.Get(c) {
					if wrong++; wrong < 10 {
						t.Errorf("at %v: customer %d: got %v: %s", now, c, got[i].Get(c), rs[i].Expression)
					}
					break
				}
			}
		}
		if wrong > 0 {
			t.Errorf("at %v: %d rules differ", now, wrong)
		}
	}
}
