package oracle

import (
	"sort"

	"tagma/event"
	"tagma/rule"
)

// measure answers the calls that make one value, or one event, of a selection.
func (c customer) measure(s selection, n *rule.Call) any {
	switch n.Fun {
	case "count":
		return integer(len(s))
	case "days":
		return integer(len(c.units(s, "d")))
	case "streak":
		return integer(streak(c.units(s, c.literal(n, 0))))
	case "max_gap":
		days, gap := c.units(s, "d"), 0
		if len(days) < 2 {
			return event.Value{}
		}
		for i := 1; i < len(days); i++ {
			gap = max(gap, days[i]-days[i-1])
		}
		return integer(gap)
	case "peak":
		ms, ok := clock(span(c.literal(n, 0)))
		if !ok {
			fail("peak wants s, m or h")
		}
		most := 0
		for _, from := range s { // a fullest stretch can begin with an event
			most = max(most, len(s.keep(func(e happening) bool {
				return e.Time >= from.Time && e.Time < from.Time+event.Time(ms)
			})))
		}
		return integer(most)
	case "earliest":
		return nth(s, 1)
	case "latest":
		return nth(s, -1)
	case "nth":
		k, ok := plain(c.eval(n.Args[0])).Number().Int64()
		if !ok {
			fail("nth wants a whole number")
		}
		return nth(s, int(k))
	}
	v := c.variable(n)
	var of []used
	for _, e := range s {
		if x := plain(c.with(v, e).eval(n.Args[1])); x.Present() {
			of = append(of, used{x, e})
		}
	}
	switch n.Fun {
	case "sum", "avg":
		total, count := event.Int(0), 0
		for _, u := range of {
			if u.x.Kind() == event.NumberKind {
				var ok bool
				if total, ok = total.Add(u.x.Number()); !ok {
					return event.Value{}
				}
				count++
			}
		}
		if n.Fun == "sum" {
			return event.Num(total)
		}
		return number(total.Div(event.Int(int64(count))))
	case "min", "max":
		var best event.Value
		for _, u := range of {
			if !best.Present() || (u.x.Compare(best) < 0) == (n.Fun == "min") {
				best = u.x
			}
		}
		return best
	case "distinct":
		return integer(len(distinct(of)))
	case "values":
		return event.List(distinct(of)...)
	case "top":
		return c.top(v, n, of)
	}
	fail("what does %s measure?", n.Fun)
	return nil
}

// used is a value and the event it is of.
type used struct {
	x event.Value
	e happening
}

// distinct returns the different values, sorted.
func distinct(of []used) []event.Value {
	var found []event.Value
	for _, u := range of {
		known := false
		for _, f := range found {
			known = known || f.Equal(u.x)
		}
		if !known {
			found = append(found, u.x)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Compare(found[j]) < 0 })
	return found
}

// top returns the value with most events or most weight; of equals the one used last, then the smallest.
func (c customer) top(v string, n *rule.Call, of []used) event.Value {
	var best event.Value
	var bestWeight event.Number
	var bestLast event.Time
	for _, x := range distinct(of) {
		weight, last := event.Int(0), event.Always
		for _, u := range of {
			if !u.x.Equal(x) {
				continue
			}
			add := event.Int(1)
			if len(n.Args) > 2 {
				add = plain(c.with(v, u.e).eval(n.Args[2])).Number() // 0 where it is missing
			}
			weight, _ = weight.Add(add)
			last = max(last, u.e.Time)
		}
		if order := weight.Cmp(bestWeight); !best.Present() || order > 0 || order == 0 && last > bestLast {
			best, bestWeight, bestLast = x, weight, last
		}
	}
	return best
}

// nth returns the k-th event from the start, or from the end.
func nth(s selection, k int) one {
	if k < 0 {
		k += len(s) + 1
	}
	if k < 1 || k > len(s) {
		return one{}
	}
	return one{&s[k-1]}
}

// units numbers the local days, weeks or months with an event, each once, ascending; neighbours differ by one.
func (c customer) units(s selection, unit string) []int {
	found := map[int]bool{}
	for _, e := range s {
		d := c.o.calendar.date(e.Time)
		switch unit {
		case "d":
			found[int(d)] = true
		case "w":
			found[(int(first(d, "w"))+3)/7] = true // 1969-12-29 was a Monday
		case "mo":
			y, m, _ := utc(d).Date()
			found[y*12+int(m)] = true
		default:
			fail("streak of what?")
		}
	}
	var units []int
	for u := range found {
		units = append(units, u)
	}
	sort.Ints(units)
	return units
}

// streak is the longest run of neighbours.
func streak(units []int) int {
	longest, run := 0, 0
	for i := range units {
		if i > 0 && units[i] == units[i-1]+1 {
			run++
		} else {
			run = 1
		}
		longest = max(longest, run)
	}
	return longest
}
