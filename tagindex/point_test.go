package tagindex

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A set that gains and loses customers one by one is the set of those that are left, in whatever form its chunks are;
// sets of before stay as they were.
func TestOneByOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, start := range map[string]*Set{"none": {}, "runs": Range(10, 140_000), "all": Range(0, 1<<17), "few": SetOf(notable...),
		"border": Range(0, 2*maxArray).and(SetOf(everySecond(2*maxArray)...), 0), "field": SetOf(everySecond(60_000)...)} {
		is := map[uint32]bool{}
		for x := range start.All() {
			is[x] = true
		}
		before := slices.Collect(start.All())
		s := start
		for step := range 3000 {
			epoch := uint64(1 + step/100)
			x := random.Uint32N(1 << 17)
			if step%3 == 0 { // beside what is there, where runs join and part
				x = notable[random.IntN(len(notable))] + random.Uint32N(3)
			}
			if random.IntN(2) == 0 {
				s, is[x] = s.with(x, epoch), true
			} else {
				s = s.without(x, epoch)
				delete(is, x)
			}
			if s.Count() != len(is) || s.Contains(x) != is[x] {
				t.Fatalf("%s, step %d: %d customers, want %d", name, step, s.Count(), len(is))
			}
		}
		for x := range s.All() {
			if !is[x] {
				t.Fatalf("%s: %d is in it", name, x)
			}
		}
		for i, c := range s.chunks {
			if !c.valid() {
				t.Errorf("%s: chunk %d is not in order", name, s.keys[i])
			}
		}
		if !slices.Equal(slices.Collect(start.All()), before) {
			t.Errorf("%s: the set of before has changed", name)
		}
	}
}

func everySecond(end uint32) (out []uint32) {
	for x := uint32(0); x < end; x += 2 {
		out = append(out, x)
	}
	return
}
