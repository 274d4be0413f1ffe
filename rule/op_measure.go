package rule

import (
	"math"
	"math/bits"
	"slices"
	"strings"

	"tagma/event"
)

func trailing(word uint64) int { return bits.TrailingZeros64(word) }

func method(name string) func(x *Expr, arg func(int) string) string {
	return func(x *Expr, arg func(int) string) string {
		parts := []string{}
		for i := 1; i < len(x.args); i++ {
			parts = append(parts, arg(i))
		}
		if x.str != "" {
			parts = append(parts, quote(x.str))
		}
		return arg(0) + "." + name + "(" + strings.Join(parts, ", ") + ")"
	}
}

// count returns a number column of zeros for the block's customers.
func (w *worker) countColumn() *event.Column {
	c := w.column(event.NumberKind, w.n)
	c.Ints = w.int64s(w.n)
	return c
}

var opCount = &op{name: "count", at: &atCustomer, text: method("count"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	r, sel, c := w.rows(x.src), args[0], w.countColumn()
	if sel.all && r.stacked {
		for _, o := range r.owner {
			c.Ints[o]++
		}
		return w.oneCol(w.n, false, c)
	}
	if sel.all {
		for i := range c.Ints {
			c.Ints[i] = int64(r.start[i+1] - r.start[i])
		}
		return w.oneCol(w.n, false, c)
	}
	counts, owner := c.Ints, r.owner
	for wi, word := range sel.mask {
		base := wi * 64
		for word != 0 {
			counts[owner[base+trailing(word)]]++
			word &= word - 1
		}
	}
	return w.oneCol(w.n, false, c)
}}

// localDates returns the local day of each row, computed once per block and event set.
func (w *worker) localDates(s *eventSet) []int64 {
	slot := w.plan.slot(s)
	if w.dateDone[slot] != w.epoch {
		w.dateDone[slot] = w.epoch
		r := w.rows(s)
		d := w.rawInt64s(r.n)
		event.Dates(w.zone, r.times, d)
		w.dates[slot] = d
	}
	return w.dates[slot]
}

var opDays = &op{name: "days", at: &atCustomer, text: method("days"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	c := w.countColumn()
	w.eachDays(x, args[0], func(cust int, n int64) { c.Ints[cust] = n })
	return w.oneCol(w.n, false, c)
}}

// eachDays calls f with the number of different local days of each customer's kept rows.
func (w *worker) eachDays(x *Expr, sel *vec, f func(cust int, n int64)) {
	r, dates := w.rows(x.src), w.localDates(x.src)
	w.owners(r, sel, func(cust int, rows []int32) {
		if len(rows) == 1 {
			f(cust, 1)
			return
		}
		if !r.inOrder() {
			w.keyBuf = w.keyBuf[:0]
			for _, row := range rows {
				w.keyBuf = append(w.keyBuf, dates[row])
			}
			f(cust, int64(countDistinct(w.keyBuf)))
			return
		}
		n, last := int64(0), int64(noTime)
		for _, row := range rows {
			if dates[row] != last {
				last = dates[row]
				n++
			}
		}
		f(cust, n)
	})
}

// sums adds a row-level value up per customer. counts is the number of rows that had one.
func (w *worker) sums(x *Expr, sel, val *vec) (nums *event.Column, counts []int64) {
	r := w.rows(x.src)
	c := w.countColumn()
	counts = w.int64s(w.n)
	p := val.part(event.NumberKind)
	if p == nil {
		return c, counts
	}
	if p.Nums == nil {
		c.Scale = p.Scale
		overflow := false
		one := val.single
		for wi, word := range w.keptWords(r, sel) {
			if p.Has != nil && !one {
				word &= p.Has[wi]
			}
			for ; word != 0; word &= word - 1 {
				row := wi*64 + trailing(word)
				i := row
				if one {
					if i = 0; !p.Present(0) {
						continue
					}
				}
				o := r.owner[row]
				s, ok := addInts(c.Ints[o], p.Ints[i])
				if !ok && p.Ints[i] != 0 {
					overflow = true
				}
				c.Ints[o] = s
				counts[o]++
			}
		}
		if !overflow {
			return c, counts
		}
	}
	clear(counts)
	total := make([]event.Number, w.n)
	has := event.NewBits(w.n)
	has.Fill(w.n)
	r.each(sel, func(row int) {
		i := val.idx(row)
		if !p.Present(i) {
			return
		}
		o := int(r.owner[row])
		s, ok := total[o].Add(numberAt(p, i))
		if !ok {
			has.Unset(o)
		}
		total[o] = s
		counts[o]++
	})
	c = w.column(event.NumberKind, w.n)
	c.Nums, c.Has = total, has
	return c, counts
}

var opSum = &op{name: "sum", at: &atCustomer, text: method("sum"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	c, _ := w.sums(x, args[0], args[1])
	return w.oneCol(w.n, false, c)
}}

var opAvg = &op{name: "avg", at: &atCustomer, text: method("avg"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	c, counts := w.sums(x, args[0], args[1])
	nums, has := make([]event.Number, w.n), event.NewBits(w.n)
	for i, k := range counts {
		if k > 0 && c.Present(i) {
			if q, ok := numberAt(c, i).Div(event.Int(k)); ok {
				nums[i] = q
				has.Set(i)
			}
		}
	}
	return w.numbers(w.n, false, nums, has)
}}

var (
	opMin = &op{name: "min", at: &atCustomer, text: method("min"), eval: func(w *worker, x *Expr, args []*vec) *vec { return w.extreme(x, args, -1) }}
	opMax = &op{name: "max", at: &atCustomer, text: method("max"), eval: func(w *worker, x *Expr, args []*vec) *vec { return w.extreme(x, args, 1) }}
)

// extreme picks the smallest (sign -1) or largest (sign 1) value; of different kinds, by the order of kinds.
func (w *worker) extreme(x *Expr, args []*vec, sign int) *vec {
	r, sel, val := w.rows(x.src), args[0], args[1]
	if len(val.parts) == 1 && val.parts[0].Ints != nil && !val.single {
		p := &val.parts[0]
		c := w.column(p.Kind, w.n)
		c.Scale, c.Ints, c.Has = p.Scale, w.rawInt64s(w.n), w.bits(w.n)
		none := int64(math.MaxInt64)
		if sign > 0 {
			none = math.MinInt64
		}
		for i := range c.Ints {
			c.Ints[i] = none
		}
		best, has := c.Ints, c.Has
		for wi, word := range w.keptWords(r, sel) {
			if p.Has != nil {
				word &= p.Has[wi]
			}
			for ; word != 0; word &= word - 1 {
				row := wi*64 + trailing(word)
				o := r.owner[row]
				has[o>>6] |= 1 << (o & 63)
				if sign < 0 {
					best[o] = min(best[o], p.Ints[row])
				} else {
					best[o] = max(best[o], p.Ints[row])
				}
			}
		}
		return w.oneCol(w.n, false, c)
	}
	best := make([]event.Value, w.n)
	r.each(sel, func(row int) {
		v := val.value(row)
		o := r.owner[row]
		if v.Present() && (!best[o].Present() || v.Compare(best[o])*sign > 0) {
			best[o] = v
		}
	})
	return w.fromValues(w.n, false, func(i int) event.Value { return best[i] })
}

// perCustomer calls f with the kept rows of each customer that has any, in order of time.
func (w *worker) perCustomer(x *Expr, sel *vec, f func(c int, rows []int32)) {
	w.owners(w.rows(x.src), sel, f)
}

var opValues = &op{name: "values", at: &atCustomer, text: method("values"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	lists := make([]event.Value, w.n)
	for i := range lists {
		lists[i] = event.List()
	}
	w.perCustomer(x, args[0], func(cust int, rows []int32) {
		seen := map[string]bool{}
		var vs []event.Value
		for _, row := range rows {
			if v := args[1].value(int(row)); v.Present() && !seen[v.Key()] {
				seen[v.Key()] = true
				vs = append(vs, v)
			}
		}
		slices.SortFunc(vs, event.Value.Compare)
		lists[cust] = event.List(vs...)
	})
	return w.fromValues(w.n, false, func(i int) event.Value { return lists[i] })
}}

// opTop: args selection, value, and a weight if any. The value with most events or most weight; ties: the one
// used last, then the smallest.
var opTop = &op{name: "top", at: &atCustomer, text: method("top"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	r := w.rows(x.src)
	val := args[1]
	var weight *vec
	if len(args) == 3 {
		weight = args[2]
	}
	if weight == nil && len(val.parts) == 1 && !val.single {
		if key, ok := distinctInts(&val.parts[0]); ok {
			return w.topFast(x, args[0], &val.parts[0], key)
		}
	}
	type entry struct {
		value  event.Value
		weight event.Number
		last   int32
	}
	best := make([]event.Value, w.n)
	w.perCustomer(x, args[0], func(cust int, rows []int32) {
		byKey := map[string]*entry{}
		for _, row := range rows {
			v := val.value(int(row))
			if !v.Present() {
				continue
			}
			e := byKey[v.Key()]
			if e == nil {
				e = &entry{value: v, last: row}
				byKey[v.Key()] = e
			}
			if r.times[row] >= r.times[e.last] {
				e.last = row
			}
			k := event.Int(1)
			if weight != nil {
				k = weight.value(int(row)).Number()
			}
			if s, ok := e.weight.Add(k); ok {
				e.weight = s
			}
		}
		var top *entry
		for _, e := range byKey {
			if top == nil || better(e.weight.Cmp(top.weight), r.times[e.last]-r.times[top.last], func() int { return e.value.Compare(top.value) }) {
				top = e
			}
		}
		if top != nil {
			best[cust] = top.value
		}
	})
	return w.fromValues(w.n, false, func(i int) event.Value { return best[i] })
}}

// better orders two candidates of top: by weight, then the one used last, then the smaller value. Used last is a
// question of time alone: the lines of one basket are used at once, in whatever order they arrived.
func better(weight int, later event.Time, value func() int) bool {
	switch {
	case weight != 0:
		return weight > 0
	case later != 0:
		return later > 0
	}
	return value() < 0
}

// topFast is top without a weight over a column whose values compare as integers.
func (w *worker) topFast(x *Expr, sel *vec, c *event.Column, key func(int) int64) *vec {
	times := w.rows(x.src).times
	pick := w.rawInt32s(w.n)
	for i := range pick {
		pick[i] = -1
	}
	type entry struct {
		key   int64
		count int32
		last  int32
	}
	var list []entry
	w.perCustomer(x, sel, func(cust int, rows []int32) {
		list = list[:0]
		if len(rows) > 64 {
			m := map[int64]int{}
			for _, row := range rows {
				if !c.Present(int(row)) {
					continue
				}
				k := key(int(row))
				j, ok := m[k]
				if !ok {
					j = len(list)
					m[k] = j
					list = append(list, entry{key: k, last: row})
				}
				list[j].count++
				if times[row] >= times[list[j].last] {
					list[j].last = row
				}
			}
		} else {
		next:
			for _, row := range rows {
				if !c.Present(int(row)) {
					continue
				}
				k := key(int(row))
				for j := range list {
					if list[j].key == k {
						list[j].count++
						if times[row] >= times[list[j].last] {
							list[j].last = row
						}
						continue next
					}
				}
				list = append(list, entry{k, 1, row})
			}
		}
		var top *entry
		for j := range list {
			if e := &list[j]; top == nil || better(int(e.count-top.count), times[e.last]-times[top.last], func() int {
				return c.Value(int(e.last)).Compare(c.Value(int(top.last)))
			}) {
				top = e
			}
		}
		if top != nil {
			pick[cust] = top.last
		}
	})
	out := w.columns(1)
	out[0] = w.gather(c, pick)
	return w.valueVec(w.n, false, out...)
}

// opStreak: the longest run of consecutive local days, Monday weeks or months (aux) with an event.
var opStreak = &op{name: "streak", at: &atCustomer, text: method("streak"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	out, dates, unit := w.countColumn(), w.localDates(x.src), x.aux.(event.Unit)
	w.perCustomer(x, args[0], func(cust int, rows []int32) {
		var run, best int64
		last := int64(math.MinInt64)
		for _, row := range rows {
			p := period(event.Date(dates[row]), unit)
			switch {
			case p == last:
				continue
			case p == last+1:
				run++
			default:
				run = 1
			}
			last = p
			best = max(best, run)
		}
		out.Ints[cust] = best
	})
	return w.oneCol(w.n, false, out)
}}

// period numbers the day, week or month that d lies in.
func period(d event.Date, unit event.Unit) int64 {
	switch unit {
	case event.Week:
		return (int64(event.StartOf(d, event.Week)) + 3) / 7
	case event.Month:
		y, m, _ := d.Civil()
		return int64(y)*12 + int64(m)
	}
	return int64(d)
}

var opMaxGap = &op{name: "max_gap", at: &atCustomer, text: method("max_gap"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	out, dates := w.countColumn(), w.localDates(x.src)
	out.Has = w.bits(w.n)
	w.perCustomer(x, args[0], func(cust int, rows []int32) {
		for k := 1; k < len(rows); k++ {
			if gap := dates[rows[k]] - dates[rows[k-1]]; gap > 0 {
				out.Has.Set(cust)
				out.Ints[cust] = max(out.Ints[cust], gap)
			}
		}
	})
	return w.oneCol(w.n, false, out)
}}

// opPeak: the most events in any half-open [t, t + length).
var opPeak = &op{name: "peak", at: &atCustomer, text: method("peak"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	r, out, length := w.rows(x.src), w.countColumn(), event.Time(x.aux.(event.Span).Millis())
	w.perCustomer(x, args[0], func(cust int, rows []int32) {
		from, best := 0, 0
		for k := range rows {
			for r.times[rows[k]]-r.times[rows[from]] >= length {
				from++
			}
			best = max(best, k-from+1)
		}
		out.Ints[cust] = int64(best)
	})
	return w.oneCol(w.n, false, out)
}}
