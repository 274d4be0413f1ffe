package oracle

import (
	"slices"

	"tagma/bench/rules"
)

// chosen says whether an event is among those a selection means.
func (r *run) chosen(s rules.Selection) func(*happening) bool {
	var names [256]bool
	for i := range names {
		names[i] = len(s.Names) == 0
	}
	for _, n := range s.Names {
		if number, ok := r.names[n]; ok {
			names[number] = true
		}
	}
	from, before := int32(-1<<31), r.today+1
	if s.Last > 0 {
		from = r.today - int32(s.Last) + 1
	}
	if s.Before > 0 {
		before = r.today - int32(s.Before) + 1
	}
	var filters []func(*happening) bool
	for _, f := range s.Where {
		filters = append(filters, r.filter(f))
	}
	return func(e *happening) bool {
		if !names[e.name] || e.day < from || e.day >= before || e.time > r.now {
			return false
		}
		for _, f := range filters {
			if !f(e) {
				return false
			}
		}
		return true
	}
}

func (r *run) filter(f rules.Filter) func(*happening) bool {
	if i := slices.Index(numberProperties[:], f.Property); i >= 0 {
		return func(e *happening) bool {
			v := e.numbers[i]
			return v != none && ordered(f.Op, sign(v-f.Value.Hundredths))
		}
	}
	i := slices.Index(textProperties[:], f.Property)
	var wanted []uint32
	for _, t := range f.Value.Texts {
		if n := r.texts[t]; n != 0 {
			wanted = append(wanted, n)
		}
	}
	return func(e *happening) bool {
		switch f.Op {
		case "present":
			return e.texts[i] != 0
		case "!=":
			return !slices.Contains(wanted, e.texts[i])
		}
		return slices.Contains(wanted, e.texts[i])
	}
}

// numberOf measures as sum/by in hundredths, exactly; ok is false where the result is missing.
func (r *run) numberOf(m rules.Measure) func(*customer) (sum, by int64, ok bool) {
	in := r.chosen(m.Of)
	number, text := slices.Index(numberProperties[:], m.Property), slices.Index(textProperties[:], m.Property)
	switch m.Kind {
	case rules.Count:
		return func(c *customer) (int64, int64, bool) {
			n := int64(0)
			for i := range c.events {
				if in(&c.events[i]) {
					n++
				}
			}
			return n * 100, 1, true
		}
	case rules.ActiveDays:
		return func(c *customer) (int64, int64, bool) {
			days := map[int32]bool{}
			for i := range c.events {
				if in(&c.events[i]) {
					days[c.events[i].day] = true
				}
			}
			return int64(len(days)) * 100, 1, true
		}
	case rules.Distinct:
		return func(c *customer) (int64, int64, bool) {
			values := map[uint32]bool{}
			for i := range c.events {
				if e := &c.events[i]; in(e) && e.texts[text] != 0 {
					values[e.texts[text]] = true
				}
			}
			return int64(len(values)) * 100, 1, true
		}
	case rules.SinceLatest, rules.SinceFirst:
		return func(c *customer) (int64, int64, bool) {
			var found *happening
			for i := range c.events {
				if in(&c.events[i]) {
					if found = &c.events[i]; m.Kind == rules.SinceFirst {
						break
					}
				}
			}
			if found == nil {
				return 0, 0, false
			}
			return int64(r.today-found.day) * 100, 1, true
		}
	}
	return func(c *customer) (sum, by int64, ok bool) {
		n, smallest, largest := int64(0), int64(0), int64(0)
		for i := range c.events {
			e := &c.events[i]
			if v := e.numbers[number]; v != none && in(e) {
				if n == 0 {
					smallest, largest = v, v
				}
				sum, smallest, largest, n = sum+v, min(smallest, v), max(largest, v), n+1
			}
		}
		switch m.Kind {
		case rules.Avg:
			return sum, n, n > 0
		case rules.Min:
			return smallest, 1, n > 0
		case rules.Max:
			return largest, 1, n > 0
		}
		return sum, 1, true
	}
}

// textOf measures what gives a text; 0 where the result is missing.
func (r *run) textOf(m rules.Measure) func(*customer) uint32 {
	in, text := r.chosen(m.Of), slices.Index(textProperties[:], m.Property)
	if m.Kind == rules.First {
		return func(c *customer) uint32 {
			for i := range c.events {
				if in(&c.events[i]) {
					return c.events[i].texts[text]
				}
			}
			return 0
		}
	}
	// Top: the most frequent; of equally frequent ones the one used last; of those used at one instant the smallest.
	return func(c *customer) uint32 {
		type use struct{ times, last int64 }
		uses := map[uint32]use{}
		for i := range c.events {
			if e := &c.events[i]; in(e) && e.texts[text] != 0 {
				uses[e.texts[text]] = use{uses[e.texts[text]].times + 1, e.time}
			}
		}
		top, most := uint32(0), use{}
		for v, u := range uses {
			switch {
			case top == 0, u.times > most.times, u.times == most.times && u.last > most.last,
				u == most && r.byNumber[v] < r.byNumber[top]:
				top, most = v, u
			}
		}
		return top
	}
}

// ranked compares with the population: all in the universe for whom the condition holds and the measure exists.
func (r *run) ranked(c rules.Ranked) question {
	where, value := r.condition(c.Where), r.numberOf(c.Measure)
	var all []int64
	var total int64
	for n := range r.customers {
		if cu := &r.customers[n]; r.alive.Get(n) && where(cu, n) {
			if v, _, ok := value(cu); ok {
				if c.Negative {
					v = -v
				}
				all, total = append(all, v), total+v
			}
		}
	}
	slices.Sort(all)
	size := int64(len(all))
	decide := func(v int64) bool { return ordered(c.Op, sign(v*size-total)) } // mean
	switch c.Function {
	case "ntile":
		bucket := make(map[int64]int, len(all))
		for i, v := range all {
			if _, known := bucket[v]; !known { // ties take their lowest bucket
				bucket[v] = tile(i, len(all), 5)
			}
		}
		decide = func(v int64) bool { return ordered(c.Op, bucket[v]-c.Bucket) }
	case "median", "quantile":
		share := int64(c.Share)
		if c.Function == "median" {
			share = 50
		}
		// Type 7: between the two values around place (n-1)·p, in proportion. All times a hundred.
		var at int64
		if size > 0 {
			place := (size - 1) * share
			at = all[place/100] * (100 - place%100)
			if place%100 > 0 {
				at += all[place/100+1] * (place % 100)
			}
		}
		decide = func(v int64) bool { return ordered(c.Op, sign(v*100-at)) }
	}
	return func(cu *customer, n int) bool {
		if !where(cu, n) {
			return false
		}
		v, _, ok := value(cu)
		if c.Negative {
			v = -v
		}
		return ok && decide(v)
	}
}

// tile is SQL's NTILE: the bucket, from 1, of the row at place i of n; the first ones hold one more where it does
// not come out even.
func tile(i, n, buckets int) int {
	size, larger := n/buckets, n%buckets
	if i < larger*(size+1) {
		return i/(size+1) + 1
	}
	return larger + (i-larger*(size+1))/size + 1
}
