package event

import "sort"

// When local days end and begin, seen from an instant. Where clocks are set back across midnight, the local day goes
// back as well: what these functions return is right there too.

// NextOffset returns the first instant after t from which on the wall clock runs with another offset; Never when it
// does not change any more.
func (z *Zone) NextOffset(t Time) Time {
	i := sort.Search(len(z.starts), func(i int) bool { return z.starts[i] > int64(t) })
	if i == len(z.starts) {
		return Never
	}
	return Time(z.starts[i])
}

// NextDay returns the first instant after t that lies on another local day than t.
func (z *Zone) NextDay(t Time) Time {
	d := z.Date(t)
	for s := t + 1; ; {
		if z.Date(s) != d {
			return s
		}
		midnight, end := Time(int64(d+1)*day-z.offset(s)), z.NextOffset(s)
		if midnight < end {
			return midnight
		}
		s = end
	}
}

// Reach returns the first instant after t whose local day is d or a later one.
func (z *Zone) Reach(t Time, d Date) Time {
	if start := z.Start(d); start > t { // the first instant of all
		return start
	}
	for s := t + 1; ; {
		if z.Date(s) >= d {
			return s
		}
		midnight, end := Time(int64(d)*day-z.offset(s)), z.NextOffset(s)
		if midnight < end {
			return midnight
		}
		s = end
	}
}

// maxTurn is more than any clock was ever set back.
const maxTurn = 26 * hour

// FallBack returns the first instant after t whose local day lies before that of t: clocks are set back across
// midnight soon after t. Never, nearly always.
func (z *Zone) FallBack(t Time) Time {
	d := z.Date(t)
	for s := z.NextOffset(t); s != Never && int64(s-t) <= maxTurn; s = z.NextOffset(s) {
		if z.Date(s) < d {
			return s
		}
	}
	return Never
}
