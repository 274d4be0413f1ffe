package tag

import (
	"math/rand/v2"
	"testing"

	"tagma/event"
)

func TestTranspose(t *testing.T) {
	var a, b [64]uint64
	for i := range a {
		a[i] = rand.Uint64()
	}
	b = a
	transpose(&b)
	for i := range a {
		for j := range a {
			if a[i]>>j&1 != b[j]>>i&1 {
				t.Fatalf("bit %d of word %d was not turned", j, i)
			}
		}
	}
}

// Answers that are filled in, turned, and looked up in any order are those of a plain table.
func TestLeafAnswers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const leaves, customers = 150, 5000
	a, plain, known := newLeafAnswers(leaves), map[[2]int]bool{}, map[int]bool{}
	for first := 0; first < customers-512; first += 256 {
		words := make([]event.Bits, leaves)
		for k := range words {
			words[k] = event.NewBits(256)
			for c := range 256 {
				if r.IntN(3) == 0 {
					words[k].Set(c)
					plain[[2]int{k, first + c}] = true
				}
			}
		}
		all := event.NewBits(256)
		for c := range 256 {
			if r.IntN(4) > 0 {
				all.Set(c)
				known[first+c] = true
			}
		}
		a.fill(uint32(first), all, func(k int) event.Bits { return words[k] })
	}
	var flips []flip
	for range 3000 {
		f := flip{int32(r.IntN(leaves)), uint32(r.IntN(customers))}
		flips = append(flips, f)
		key := [2]int{int(f.leaf), int(f.customer)}
		plain[key] = !plain[key]
	}
	a.turn(flips, map[uint32]bool{7: true, customers - 1: true, 256: false})
	known[7], known[customers-1], known[256] = true, true, false
	for _, n := range []int{1, 63, 64, 65, 1000} {
		who := make([]uint32, n)
		for i := range who {
			who[i] = uint32(r.IntN(customers + 3000))
		}
		some := a.findAll(who, nil)
		for k := range leaves {
			for i, c := range who {
				if some.of(k).Get(i) != plain[[2]int{k, int(c)}] {
					t.Fatalf("leaf %d of customer %d is wrong", k, c)
				}
			}
		}
	}
	for c := range customers {
		if a.known(uint32(c)) != known[c] {
			t.Fatalf("whether customer %d is known is wrong", c)
		}
	}
}
