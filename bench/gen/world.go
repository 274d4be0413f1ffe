// Package gen makes the customers and events that the benchmark runs on: the same world for the same seed and
// size, on every machine and in any order. Customers follow a power law, events have 20 types of Zipf
// frequencies, a year of seasons, weekdays and hours, and the properties that a shop really records: skewed
// texts, decimals, unique order numbers, sparse campaign words.
//
// Every event is a function of its number alone, so that nothing has to be kept to make it again.
package gen

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tagma/event"
)

// Zone is the name of the zone of the local days of every world.
const Zone = "Asia/Shanghai"

// Days is the length of the history in local days.
const Days = 365

// Size is a number of customers and events.
type Size struct{ Customers, Events int }

// ParseSize reads 100k, 1m, 10m (with 2M, 20M and 100M events), or customers/events such as 500/10000.
func ParseSize(s string) (Size, error) {
	switch strings.ToLower(s) {
	case "100k":
		return Size{100_000, 2_000_000}, nil
	case "1m":
		return Size{1_000_000, 20_000_000}, nil
	case "10m":
		return Size{10_000_000, 100_000_000}, nil
	}
	var z Size
	if n, err := fmt.Sscanf(s, "%d/%d", &z.Customers, &z.Events); err != nil || n != 2 || z.Customers < 1 || z.Customers > maxCustomers || z.Events < 0 {
		return Size{}, fmt.Errorf("size %q: write 100k, 1m, 10m or customers/events such as 500/10000 (at most %d customers)", s, maxCustomers)
	}
	return z, nil
}

// maxCustomers is what fits the eight digits of an identifier.
const maxCustomers = 100_000_000

// World is a generated population with its history. It is safe for concurrent use once made.
type World struct {
	Size
	seed uint64
	zone *event.Zone

	first  event.Date            // the first local day
	starts [Days + 1]int64       // the first instant of each day
	upTo   [Days + 1]int         // number of the first event of each day
	clock  [clockSteps + 1]int64 // milliseconds into the day at which that share of the day's events has happened

	stride, shift, back uint64 // the permutation from rank to customer and its inverse

	types     []Type
	kinds     []kind
	pick      alias // of types
	catalogue catalogue
	texts     texts
	ids       string // user_id of every customer, idWidth bytes each
}

const (
	idWidth    = 9
	clockSteps = 1024
)

// Last is the last local day of every world.
func Last() event.Date { return event.DateOf(2026, time.June, 30) }

// New makes a world; the same seed and size give the same one.
func New(size Size, seed uint64) (*World, error) {
	zone, err := event.LoadZone(Zone)
	if err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	w := &World{Size: size, seed: seed, zone: zone, first: Last() - Days + 1, types: Types()}
	w.calendar()
	w.permutation()
	w.catalogue = newCatalogue(seed)
	w.texts = newTexts()
	w.pick = newAlias(zipf(len(w.types), 1))
	for _, t := range w.types {
		w.kinds = append(w.kinds, newKind(t))
	}
	var ids strings.Builder
	ids.Grow(idWidth * size.Customers)
	b := make([]byte, idWidth)
	for c := range size.Customers {
		b[0] = 'u'
		for i, n := idWidth-1, c; i > 0; i, n = i-1, n/10 {
			b[i] = byte('0' + n%10)
		}
		ids.Write(b)
	}
	w.ids = ids.String()
	return w, nil
}

// Zone is the zone of the local days.
func (w *World) Zone() *event.Zone { return w.zone }

// Now is the last instant of the history.
func (w *World) Now() event.Time { return event.Time(w.starts[Days] - 1) }

// UserID is the identifier of the kind user_id of a customer.
func (w *World) UserID(c event.ProfileID) string {
	return w.ids[int(c)*idWidth : (int(c)+1)*idWidth]
}

// calendar spreads the events over the days (seasons, weekdays, shopping festivals) and the hours.
func (w *World) calendar() {
	var weights [Days]float64
	sum := 0.0
	for d := range Days {
		date := w.first + event.Date(d)
		w.starts[d] = int64(w.zone.Start(date))
		_, month, day := date.Civil()
		x := 1 + 0.35*float64(d)/Days // the shop grows
		switch date.Weekday() {
		case 6, 7:
			x *= 1.25
		case 1:
			x *= 0.9
		}
		switch {
		case month == time.November && day == 11, month == time.June && day == 18:
			x *= 4
		case month == time.November && day >= 1 && day <= 12, month == time.June && day >= 10 && day <= 20:
			x *= 1.6
		case month == time.February && day >= 12 && day <= 22: // the new year's quiet days
			x *= 0.5
		case day == 10 || day == 15: // pay-days
			x *= 1.2
		}
		weights[d] = x
		sum += x
	}
	w.starts[Days] = int64(w.zone.Start(w.first + Days))
	part := 0.0
	for d, x := range weights {
		w.upTo[d] = int(part / sum * float64(w.Events))
		part += x
	}
	w.upTo[Days] = w.Events

	hours := [24]float64{8, 4, 2, 1, 1, 2, 6, 14, 22, 28, 32, 34, 38, 32, 28, 28, 30, 32, 38, 46, 56, 60, 44, 22}
	all := 0.0
	for _, h := range hours {
		all += h
	}
	done, h := 0.0, 0
	for i := range w.clock {
		want := float64(i) / clockSteps * all
		for h < 23 && done+hours[h] < want {
			done += hours[h]
			h++
		}
		w.clock[i] = int64((float64(h) + min((want-done)/hours[h], 1)) * 3_600_000)
	}
}

// permutation scatters the ranks of the power law over the customers' numbers, so that neighbours are unlike.
func (w *World) permutation() {
	n := uint64(w.Customers)
	w.stride = max(uint64(float64(n)*(math.Sqrt(5)-1)/2), 1)
	for gcd(w.stride, n) != 1 {
		w.stride++
	}
	w.shift = mix(w.seed) % n
	w.back = inverse(w.stride, n)
}

func (w *World) customerOf(rank uint64) event.ProfileID {
	return event.ProfileID((rank*w.stride + w.shift) % uint64(w.Customers))
}

func (w *World) rankOf(c event.ProfileID) uint64 {
	n := uint64(w.Customers)
	return (uint64(c) + n - w.shift) % n * w.back % n
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// inverse returns x with a·x ≡ 1 modulo n.
func inverse(a, n uint64) uint64 {
	r0, r1, x0, x1 := int64(n), int64(a%n), int64(0), int64(1)
	for r1 > 0 {
		q := r0 / r1
		r0, r1 = r1, r0-q*r1
		x0, x1 = x1, x0-q*x1
	}
	return uint64((x0 + int64(n))) % n
}
