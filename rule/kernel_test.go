package rule

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tagma/event"
)

// Each inner loop against the plain way to say the same, on lengths around the size of a word.
func TestKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	odd := []int64{math.MinInt64, math.MinInt64 + 1, -2, -1, 0, 1, 2, math.MaxInt64 - 1, math.MaxInt64}
	number := func() int64 {
		if random.IntN(3) == 0 {
			return odd[random.IntN(len(odd))]
		}
		return random.Int64N(9) - 4
	}
	check := func(what string, got event.Bits, n int, want func(i int) bool) {
		t.Helper()
		for i := range len(got) * 64 {
			if got.Get(i) != (i < n && want(i)) {
				t.Fatalf("%s: element %d of %d is %v", what, i, n, got.Get(i))
			}
		}
	}
	for _, n := range []int{0, 1, 3, 63, 64, 65, 127, 128, 200, 2048} {
		for range 200 {
			ints, codes, start := make([]int64, n), make([]uint32, n), make([]int32, n+1)
			for i := range n {
				ints[i], codes[i], start[i+1] = number(), uint32(random.IntN(5)), start[i]+int32(random.IntN(4))
				if random.IntN(20) == 0 {
					codes[i] |= event.Inline
				}
			}
			lo, hi := number(), number()
			got := event.NewBits(n)
			within(ints, lo, hi, got)
			check("within", got, n, func(i int) bool { return lo <= ints[i] && ints[i] <= hi })

			got = event.NewBits(n)
			equalCodes(codes, 3, got)
			check("equalCodes", got, n, func(i int) bool { return codes[i] == 3 })

			got = event.NewBits(n)
			amongCodes(codes, []byte{1, 0, 1}, got)
			check("amongCodes", got, n, func(i int) bool { return codes[i] == 0 || codes[i] == 2 })
			complement(got, n)
			check("complement", got, n, func(i int) bool { return codes[i] != 0 && codes[i] != 2 })

			k := int64(random.IntN(4) + 1)
			got = event.NewBits(n)
			reach(start, k, got)
			check("reach", got, n, func(i int) bool { return int64(start[i+1]-start[i]) >= k })
		}
	}
}

func TestTalliesCountUnits(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for _, units := range []int{0, 1, 7, 500, 3000} {
		w := &worker{n: 700}
		u := tally{}
		counts := make([]int, w.n)
		for range units {
			o := uint16(random.IntN(w.n))
			u.units = append(u.units, o)
			counts[o]++
		}
		slices.Sort(u.units)
		for _, rel := range []relation{equal, less, lessOrEqual, greater, greaterOrEqual} {
			for _, limit := range []event.Number{event.Int(-3), event.Int(0), event.Int(1), event.Int(4), event.Scaled(25, 1), event.Int(math.MaxInt64), event.Int(math.MinInt64)} {
				out := event.NewBits(w.n)
				u.asked++
				w.compareCounts(rel, limit, out, func(k int64, out event.Bits) { u.atLeast(w, k, out) })
				for c, n := range counts {
					if want := rel.holds(event.Int(int64(n)).Cmp(limit)); out.Get(c) != want {
						t.Fatalf("%d units, %d of a customer: relation %d with %s is %v", units, n, rel, event.Num(limit), out.Get(c))
					}
				}
				if rest := out[len(out)-1] >> (w.n & 63); rest != 0 {
					t.Fatalf("bits behind the last customer: %x", rest)
				}
			}
		}
	}
}
