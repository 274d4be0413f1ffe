package demo

import (
	"math"
	"math/rand/v2"
	"sort"
)

// dice is one customer's chance. It depends on the seed and the customer's number alone.
type dice struct{ *rand.Rand }

func newDice(seed uint64, customer int) dice {
	// The multiplier spreads neighbouring numbers over the generator's streams.
	return dice{rand.New(rand.NewPCG(seed, uint64(customer)*0x9E3779B97F4A7C15+1))}
}

// chance is true with probability p.
func (d dice) chance(p float64) bool { return d.Float64() < p }

// between returns a whole number from a to b, both included.
func (d dice) between(a, b int) int { return a + d.IntN(b-a+1) }

// spread returns a factor around 1: usually within 1/e^sigma … e^sigma, never beyond three times that.
func (d dice) spread(sigma float64) float64 {
	return math.Exp(sigma * max(-3, min(3, d.NormFloat64())))
}

// few returns 0, 1, 2 … with the given mean, at most limit; each further one is less likely.
func (d dice) few(mean float64, limit int) int {
	p, n := mean/(1+mean), 0
	for n < limit && d.chance(p) {
		n++
	}
	return n
}

// times returns a whole number whose mean is x.
func (d dice) times(x float64) int {
	n := int(x)
	if d.chance(x - float64(n)) {
		n++
	}
	return n
}

func one[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

// table draws indexes by weight.
type table []float64 // running sums

func newTable(n int, weight func(i int) float64) table {
	t, sum := make(table, n), 0.0
	for i := range t {
		sum += weight(i)
		t[i] = sum
	}
	return t
}

func weights(ws ...float64) table {
	return newTable(len(ws), func(i int) float64 { return ws[i] })
}

func (t table) draw(d dice) int { return t.drawFrom(d, 0) }

// drawFrom draws among the indexes from first on.
func (t table) drawFrom(d dice, first int) int {
	low := 0.0
	if first > 0 {
		low = t[first-1]
	}
	x := low + d.Float64()*(t[len(t)-1]-low)
	return min(sort.Search(len(t), func(i int) bool { return t[i] > x }), len(t)-1)
}
