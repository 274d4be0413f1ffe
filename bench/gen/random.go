package gen

import (
	"math"
	"math/bits"
)

// draw is a stream of random numbers that belongs to one thing: an event, a session, a customer. It starts from
// the seed and the thing's number, so that any of them can be made again without those before it.
type draw struct{ state uint64 }

// The purposes keep the streams of different things apart.
const (
	forEvent uint64 = iota + 1
	forSession
	forCustomer
	forLife
	forTraits
	forCatalogue
)

const golden = 0x9e3779b97f4a7c15

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func newDraw(seed, purpose, number uint64) draw {
	return draw{mix(seed+purpose*golden) ^ mix(number*golden+purpose)}
}

// next returns 64 random bits.
func (d *draw) next() uint64 {
	d.state += golden
	return mix(d.state)
}

// below returns a number in 0…n-1.
func (d *draw) below(n int) int {
	hi, _ := bits.Mul64(d.next(), uint64(n))
	return int(hi)
}

// unit returns a number in [0, 1).
func (d *draw) unit() float64 { return float64(d.next()>>11) / (1 << 53) }

// chance is true in percent of the cases.
func (d *draw) chance(percent int) bool { return d.below(100) < percent }

// alias draws an index by given weights in constant time (Walker and Vose).
type alias struct {
	keep  []uint32 // of 2^32, the share in which a cell gives its own index
	other []uint32
}

func newAlias(weights []float64) alias {
	n := len(weights)
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	a := alias{make([]uint32, n), make([]uint32, n)}
	scaled := make([]float64, n)
	var small, large []int
	for i, w := range weights {
		scaled[i] = w / sum * float64(n)
		if scaled[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.keep[s], a.other[s] = uint32(min(scaled[s]*(1<<32), math.MaxUint32)), uint32(l)
		if scaled[l] -= 1 - scaled[s]; scaled[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) {
		a.keep[i], a.other[i] = math.MaxUint32, uint32(i)
	}
	return a
}

// draw returns an index.
func (a *alias) draw(d *draw) int {
	r := d.next()
	i := uint32((r >> 32) * uint64(len(a.keep)) >> 32)
	if uint32(r) <= a.keep[i] {
		return int(i)
	}
	return int(a.other[i])
}

// zipf are the weights 1/rank^s.
func zipf(n int, s float64) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = math.Pow(float64(i+1), -s)
	}
	return w
}
