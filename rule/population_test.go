package rule_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"tagma/rule"
)

// crowd is many customers with numbers of all sorts, many of them equal.
func crowd(t testing.TB, n int) *bench {
	b := newBench(t, "Asia/Shanghai", "2026-06-30")
	random := rand.New(rand.NewPCG(7, 1))
	for range n {
		p := b.customer("2025-01-01")
		b.trait(p, "points", fmt.Sprint(random.IntN(50)-10))
		switch random.IntN(4) {
		case 0:
			b.trait(p, "balance", fmt.Sprintf("%d.%02d", random.IntN(900), random.IntN(100)))
		case 1:
			b.trait(p, "balance", fmt.Sprint(random.IntN(30)))
		case 2:
			b.trait(p, "balance", fmt.Sprintf("-0.%018d", random.Uint64N(1e18)))
		}
		if random.IntN(100) == 0 { // beyond what a column has coefficients for
			b.trait(p, "wealth", fmt.Sprintf("%d000000000000000000000.5", random.IntN(900)+1))
		} else {
			b.trait(p, "wealth", fmt.Sprint(random.IntN(100)))
		}
	}
	return b
}

var acrossAll = []string{`mean(traits.points)`, `median(traits.points)`, `quantile(traits.points, 0.9)`, `ntile(traits.points, 7)`,
	`mean(traits.balance)`, `median(traits.balance)`, `quantile(traits.balance, 0.333, traits.points > 3)`, `ntile(traits.balance, 100)`,
	`mean(traits.wealth)`, `median(traits.wealth)`, `quantile(traits.wealth, 1)`, `quantile(traits.wealth, 0)`, `ntile(traits.wealth, 3, traits.points > 20)`,
	`median(traits.nothing)`, `ntile(traits.points - mean(traits.points, traits.balance < quantile(traits.balance, 0.5)), 5)`}

// params are the parameters of acrossAll.
func (b *bench) params(ctx context.Context, with func(*rule.Run)) (rule.Params, error) {
	b.t.Helper()
	env := b.env()
	var roots []*rule.Expr
	for _, text := range acrossAll {
		r, faults := rule.Check(text, env, rule.AnyValue)
		if text == `median(traits.nothing)` {
			continue
		}
		if len(faults) > 0 {
			b.t.Fatal(text, faults[0].Message)
		}
		roots = append(roots, r.Expr)
	}
	run := &rule.Run{Snapshot: b.World, Now: b.now, Zone: b.zone}
	with(run)
	err := run.Prepare(ctx, roots)
	return run.Params, err
}

func TestNumbersOnDiskGiveTheSameParameters(t *testing.T) {
	b := crowd(t, 1500)
	want, err := b.params(t.Context(), func(*rule.Run) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(want) < 12 {
		t.Fatalf("%d parameters", len(want))
	}
	for _, memory := range []int{1, 3000, 100_000, 1 << 30} {
		dir := filepath.Join(t.TempDir(), "scratch")
		got, err := b.params(t.Context(), func(r *rule.Run) { r.Scratch, r.Memory = dir, memory })
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("with %d bytes:\n%swithout a limit:\n%s", memory, got, want)
		}
		left, err := os.ReadDir(dir)
		if made := err == nil; made != (memory < 1<<30) || len(left) > 0 {
			t.Errorf("with %d bytes: folder made %v, left in it: %v", memory, made, left)
		}
	}
}

func TestNumbersThatCannotBeWritten(t *testing.T) {
	b := crowd(t, 600)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.params(t.Context(), func(r *rule.Run) { r.Scratch, r.Memory = filepath.Join(file, "in it"), 1 }); err == nil {
		t.Error("a folder that cannot be made was not missed")
	}
}

func TestPassesAreCounted(t *testing.T) {
	b := crowd(t, 300)
	var mu sync.Mutex
	seen := ""
	_, err := b.params(t.Context(), func(r *rule.Run) {
		r.Progress = func(p rule.Progress) {
			mu.Lock()
			defer mu.Unlock()
			seen += fmt.Sprintf("%d/%d of %d/%d; ", p.Done, p.All, p.Pass, p.Passes)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "300/300 of 1/4; 300/300 of 2/4; 300/300 of 3/4; "; seen != want {
		t.Errorf("seen %q, want %q: the last pass is the one that decides", seen, want)
	}
	ctx, stop := context.WithCancel(t.Context())
	if _, err = b.params(ctx, func(r *rule.Run) { r.Progress = func(rule.Progress) { stop() } }); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped in the first pass: %v", err)
	}
}
