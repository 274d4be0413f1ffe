package oracle_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"tagma/event"
	"tagma/rule"
	"tagma/warehouse"
)

// manyPromises counts how the answers of NextChanges compare with those of NextChange.
type manyPromises struct{ same, earlier, later int }

// together asks Result.NextChanges in blocks, for every rule alone and for all, and takes its answers for the promises of
// the scene. It returns the instants at which NextChange said that something might change, and NextChanges did not.
func (f *foresight) together(n *manyPromises) (doubtful []event.Time, difference string) {
	run := f.run(f.now)
	run.Snapshot = narrow{f.history, map[string]warehouse.Reader{}}
	err := run.Blocks(context.Background(), f.roots, func(res *rule.Result) error {
		into, least := make([]event.Time, res.N), make([]event.Time, res.N)
		for i := range least {
			least[i] = event.Never
		}
		for j, x := range f.roots {
			res.NextChanges([]*rule.Expr{x}, into)
			for i := range f.history.Known {
				least[i] = min(least[i], into[i])
				until := &f.until[event.ProfileID(i)][j]
				switch {
				case into[i] <= f.now:
					difference = fmt.Sprintf("%s\ncustomer %d: among many not after now: %s", f.texts[j], i, f.when(into[i]))
				case rule.UsesPopulation(x) && res.Universe.Get(i):
					if x.Reads().Population && into[i] != event.Never {
						difference = fmt.Sprintf("%s\nlooks across all customers, yet: %s", f.texts[j], f.when(into[i]))
					}
					*until = f.now // nothing is promised here, where each instant has parameters of its own
					continue
				case into[i] > *until:
					n.later++
					doubtful = append(doubtful, *until)
					if into[i] < event.Never {
						doubtful = append(doubtful, into[i]-1)
					}
				case into[i] == *until:
					n.same++
				default:
					n.earlier++
				}
				*until = into[i]
			}
		}
		res.NextChanges(f.roots, into)
		for i := range f.history.Known {
			if into[i] > least[i] || into[i] <= f.now {
				difference = fmt.Sprintf("customer %d: the first of all promises is %s, that for all %s", i, f.when(least[i]), f.when(into[i]))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err.Error()
	}
	return doubtful, difference
}

// TestNextChanges holds the promise of Result.NextChanges on random rules over random histories: no value changes before.
func TestNextChanges(t *testing.T) {
	budget, seed := fromEnv(t, "TAGMA_CASES", 60_000), fromEnv(t, "TAGMA_SEED", 1)
	promises, n := manyPromises{}, 0
	for number := 0; n < budget; number++ {
		s := newScene(seed+23, number)
		if len(s.history.Known) > 200 {
			continue
		}
		r := rand.New(rand.NewPCG(uint64(seed), uint64(number)))
		w := &writer{Rand: r, vocabulary: vocabularyOf(s.history, s.zone, s.nows)}
		rules := append(some(r, 20, 40, func() string { return w.clockRule(w.below(3)) }), s.rules[:min(15, len(s.rules))]...)
		texts, roots := s.checked(rules)
		if len(roots) == 0 {
			continue
		}
		f, err := s.look(texts, roots, s.nows[0])
		if err != nil {
			t.Fatalf("world %d: %s", number, err)
		}
		doubtful, difference := f.together(&promises)
		text := ""
		if difference == "" {
			difference, text = f.check(append(doubtful, f.instants(r)...), &n)
		}
		if difference != "" {
			t.Fatalf("world %d of TAGMA_SEED=%d: %s\n%s", number, seed, difference, s.only([]string{text}, s.nows[:1]))
		}
	}
	t.Logf("%d answers; %d promises as NextChange gives them, %d earlier, %d later", n, promises.same, promises.earlier, promises.later)
	if promises.same < 3*promises.earlier {
		t.Errorf("%d of %d promises are earlier than those of NextChange", promises.earlier, promises.same+promises.earlier+promises.later)
	}
}
