package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"tagma/bench/gen"
	"tagma/bench/rules"
)

// The test's own binary is what the benchmark starts to measure in.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childArgument {
		if err := runChild(context.Background(), os.Args[2:]); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// All thousand rules through the product, on a small world, have the members that the oracle finds.
func TestProductAgreesWithOracle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for _, order := range []gen.Order{gen.ByTime, gen.ByBlock} {
		o := options{size: gen.Size{Customers: 1500, Events: 40_000}, seed: 2, order: order, dir: t.TempDir(), rules: 1000, rounds: 1}
		if _, err := measureLoad(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		c, err := computeOnce(t.Context(), o, o.rules)
		if err != nil {
			t.Fatal(err)
		}
		wrong, err := check(o, rules.New(o.seed), c.Answers)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wrong[:min(len(wrong), 20)] {
			t.Error(w)
		}
		if len(wrong) > 0 {
			t.Fatalf("order %s: %d rules differ", order, len(wrong))
		}
		p, err := measurePreview(t.Context(), o)
		if err != nil || len(p.Counts) != len(rules.Previews()) || p.Counts[0] == 0 {
			t.Errorf("previews: %v, %v", p.Counts, err)
		}
	}
}

func TestReport(t *testing.T) {
	r := newReport(options{size: gen.Size{Customers: 1000, Events: 20_000_000}})
	r.load(loaded{Customers: 1000, Events: 20_000_000, Seconds: 20, Bytes: 400_000_000, DatabaseBytes: 3 << 20, PeakMB: 7})
	r.compute([]runsOf{{100, []computed{{Seconds: 1}, {Seconds: 3}, {Seconds: 2, PeakMB: 9}}}, {1000, []computed{{Seconds: 5, Answers: []answer{{Count: 4321}}}}}})
	r.preview(previewed{Seconds: [][]float64{{.010, .012, .011}, {.1, .1, .1}}})
	r.check(1000, nil)
	r.check(1000, []string{"t0001 is wrong"})
	var b strings.Builder
	r.print(&b)
	for _, want := range []string{"1,000 customers, 20,000,000 events", "| 20.0 | 0.0 | 1,000,000 |", "| 20.0 | 3 | 7 |", "| 100 | 2.00 [1.00–3.00] |", "| 9 | 0 |", "| 4,321 |",
		"cost 2.50 times", "| 2 rules × 3 | 12.0 | 100.0 |", "All 1000 rules", "1 of 1000 rules differ", "- t0001 is wrong"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"-size", "7"}, {"-steps", "load,dance"}, {"-rules", "0"}, {"-rules", "1001"}, {"-rounds", "0"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}
