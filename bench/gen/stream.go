package gen

import (
	"fmt"

	"tagma/event"
)

// Order is the order in which a world's events are given.
type Order string

const (
	// ByTime gives the events of all customers as they happened: what a live stream or a log holds.
	ByTime Order = "time"
	// ByBlock gives them for 256 neighbouring customers after another, each block's in order of time: what an
	// export sorted by customer is like. It needs four bytes of memory an event.
	ByBlock Order = "block"
)

const blockSize = 256

// EachCustomer gives all customers by number. do must not keep what it is given; texts and values it may keep.
func (w *World) EachCustomer(do func(*Customer) error) error {
	s := w.customers()
	for c := range w.Customers {
		if err := do(s.make(event.ProfileID(c))); err != nil {
			return err
		}
	}
	return nil
}

// EachEvent gives all events. Profile is the customer's number, Arrival the event's number in order of time,
// which also decides between events of the same instant. do must not keep the event or its Props; texts it may keep.
func (w *World) EachEvent(order Order, do func(*event.Event) error) error {
	m := w.maker()
	switch order {
	case ByTime:
		for i := range w.Events {
			if err := do(m.make(i)); err != nil {
				return err
			}
		}
	case ByBlock:
		for _, i := range w.byBlock() {
			if err := do(m.make(int(i))); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("order %q: write time or block", order)
	}
	return nil
}

// byBlock are the numbers of the events, sorted by the block of their customer (a counting sort).
func (w *World) byBlock() []uint32 {
	next := make([]int, w.Customers/blockSize+2)
	for i := range w.Events {
		next[w.who(w.head(i))/blockSize+1]++
	}
	for b := 1; b < len(next); b++ {
		next[b] += next[b-1]
	}
	out := make([]uint32, w.Events)
	for i := range w.Events {
		b := w.who(w.head(i)) / blockSize
		out[next[b]] = uint32(i)
		next[b]++
	}
	return out
}

// Sampler gives single events of a world. It is not safe for concurrent use.
type Sampler struct{ m *maker }

// Sampler makes one.
func (w *World) Sampler() *Sampler { return &Sampler{w.maker()} }

// Event gives event i of those in order of time. The next call overwrites it, but for its texts.
func (s *Sampler) Event(i int) *event.Event { return s.m.make(i) }
