package tag

import (
	"container/heap"
	"slices"

	"tagma/event"
)

// wheel tells which customers are to be looked at again, and when: for each the earliest instant at which the passing of
// time may change a tag. Instants of the next two days lie in buckets of a second, later ones in buckets of a day, which
// are spread out when their time comes near. Customers without an instant cost eight bytes. It is not safe for
// concurrent use.
type wheel struct {
	at      []event.Time // by customer; event.Never: not at all
	buckets map[event.Time][]uint32
	order   bucketHeap
	left    []uint32 // due, and not yet given out
}

const (
	fineBucket   = event.Time(1000)
	coarseBucket = event.Time(24 * 3600 * 1000)
	fineAhead    = 2 * coarseBucket
)

func newWheel(customers int) *wheel {
	w := &wheel{buckets: map[event.Time][]uint32{}}
	w.grow(customers)
	return w
}

// grow makes room for customers below a number.
func (w *wheel) grow(customers int) {
	for len(w.at) < customers {
		w.at = append(w.at, event.Never)
	}
}

// set puts a customer at an instant, whatever it was at before.
func (w *wheel) set(customer uint32, at, now event.Time) {
	w.grow(int(customer) + 1)
	w.at[customer] = at
	if at != event.Never {
		w.put(customer, bucketOf(at, now))
	}
}

// sooner puts a customer at an instant unless it is at an earlier one.
func (w *wheel) sooner(customer uint32, at, now event.Time) {
	w.grow(int(customer) + 1)
	if at < w.at[customer] {
		w.set(customer, at, now)
	}
}

// bucketOf is the bucket of an instant: named after the instant at which it is opened, which is not before the one of a
// fine bucket.
func bucketOf(at, now event.Time) event.Time {
	if at-now < fineAhead {
		return (max(at, now) + fineBucket - 1) / fineBucket * fineBucket
	}
	return coarseOf(at)
}

func coarseOf(at event.Time) event.Time { return at/coarseBucket*coarseBucket - coarseBucket }

func (w *wheel) put(customer uint32, bucket event.Time) {
	list, there := w.buckets[bucket]
	if !there {
		heap.Push(&w.order, bucket)
	}
	w.buckets[bucket] = append(list, customer)
}

// next is the earliest instant at which anything is to be done; event.Never when nothing is.
func (w *wheel) next() event.Time {
	switch {
	case len(w.left) > 0:
		return event.Always
	case len(w.order) > 0:
		return w.order[0]
	}
	return event.Never
}

// due returns up to limit customers whose instant has come, each once, in ascending order. They stay at their instants
// until they are set to others; back gives out again those that could not be seen to.
func (w *wheel) due(now event.Time, limit int) []uint32 {
	for len(w.left) < limit && len(w.order) > 0 && w.order[0] <= now {
		bucket := heap.Pop(&w.order).(event.Time)
		list := w.buckets[bucket]
		delete(w.buckets, bucket)
		slices.Sort(list)
		for _, c := range slices.Compact(list) {
			switch at := w.at[c]; {
			case at <= now:
				w.left = append(w.left, c)
			case at != event.Never && coarseOf(at) == bucket:
				w.put(c, bucketOf(at, now))
			} // else it was set to another instant, and lies there
		}
	}
	var out []uint32
	for len(out) < limit && len(w.left) > 0 {
		if c := w.left[0]; w.at[c] <= now {
			out = append(out, c)
		}
		w.left = w.left[1:]
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// back takes customers in again that due gave out.
func (w *wheel) back(customers []uint32) { w.left = append(w.left, customers...) }

// bucketHeap is the buckets there are, the earliest first.
type bucketHeap []event.Time

func (h bucketHeap) Len() int           { return len(h) }
func (h bucketHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h bucketHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *bucketHeap) Push(x any)        { *h = append(*h, x.(event.Time)) }
func (h *bucketHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
