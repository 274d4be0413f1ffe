package tagindex

import (
	"math/rand/v2"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// Overlap counts what roaring counts, for chunks of every form.
func TestOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	draw := func() *roaring.Bitmap {
		b := roaring.New()
		for key := range uint64(4) {
			first := key << 16
			switch r.IntN(6) {
			case 0: // nothing
			case 1: // a list
				for range r.IntN(3000) {
					b.Add(uint32(first) + uint32(r.IntN(chunkSize)))
				}
			case 2: // runs
				for range 1 + r.IntN(10) {
					at := first + uint64(r.IntN(chunkSize-4000))
					b.AddRange(at, at+uint64(r.IntN(4000)))
				}
			case 3: // everybody
				b.AddRange(first, first+chunkSize)
			default: // a bit field
				for range 20000 + r.IntN(20000) {
					b.Add(uint32(first) + uint32(r.IntN(chunkSize)))
				}
			}
		}
		b.RunOptimize()
		return b
	}
	for range 200 {
		x, y := draw(), draw()
		if got, want := FromRoaring(x).Overlap(FromRoaring(y)), int(x.AndCardinality(y)); got != want {
			t.Fatalf("%d in both, want %d", got, want)
		}
	}
	var none *Set
	if none.Overlap(SetOf(1)) != 0 || SetOf(1).Overlap(none) != 0 {
		t.Error("the empty set overlaps")
	}
}

// Two sets of half of a million customers each.
func BenchmarkOverlap(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	half := func() *Set {
		m := roaring.New()
		for i := range uint32(1_000_000) {
			if r.IntN(2) == 0 {
				m.Add(i)
			}
		}
		return FromRoaring(m)
	}
	x, y := half(), half()
	for b.Loop() {
		x.Overlap(y)
	}
}
