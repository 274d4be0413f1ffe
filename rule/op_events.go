package rule

import (
	"math"
	"slices"
	"strings"

	"tagma/event"
	"tagma/warehouse"
)

// The fields of an event, at row level.
var (
	opProperty = &op{name: "property", at: &atRow, eval: func(w *worker, x *Expr, _ []*vec) *vec {
		return w.valueVec(w.rows(x.src).n, false, w.rowColumns(x.src, x.str)...)
	}, text: func(x *Expr, _ func(int) string) string { return "e." + x.str }}

	opEventSource = &op{name: "source", at: &atRow, eval: func(w *worker, x *Expr, _ []*vec) *vec {
		if x.src.parent != nil {
			return w.ofEvents(x.src, w.rowColumns(x.src.parent, warehouse.SourceColumn))
		}
		return w.valueVec(w.rows(x.src).n, false, w.rowColumns(x.src, warehouse.SourceColumn)...)
	}, text: func(*Expr, func(int) string) string { return "e.source" }}

	opEventTime = &op{name: "time", at: &atRow, eval: func(w *worker, x *Expr, _ []*vec) *vec {
		r := w.rows(x.src)
		c := w.column(event.TimeKind, r.n)
		c.Ints = w.rawInt64s(r.n)
		for i, t := range r.times {
			c.Ints[i] = int64(t)
		}
		return w.oneCol(r.n, false, c)
	}, text: func(*Expr, func(int) string) string { return "e.time" }}

	opEventName = &op{name: "name", at: &atRow, eval: func(w *worker, x *Expr, _ []*vec) *vec {
		if x.src.parent != nil {
			return w.ofEvents(x.src, []event.Column{w.eventNames(x.src.parent)})
		}
		return w.valueVec(w.rows(x.src).n, false, w.eventNames(x.src))
	}, text: func(*Expr, func(int) string) string { return "e.name" }}
)

// ofEvents gives the rows of an opened set what their events have.
func (w *worker) ofEvents(s *eventSet, columns []event.Column) *vec {
	r := w.rows(s)
	v := w.vec()
	v.n, v.parts = r.n, w.columns(len(columns))
	for p := range columns {
		v.parts[p] = w.gather(&columns[p], r.of)
	}
	return v
}

// eventNames are the names of the events of a set.
func (w *worker) eventNames(s *eventSet) event.Column {
	r := w.rows(s)
	c := event.Column{Kind: event.TextKind, Len: r.n, Codes: make([]uint32, r.n)}
	for _, ti := range r.tables {
		c.Inline = append(c.Inline, w.plan.request.Series[ti].Name)
	}
	for i := range c.Codes {
		c.Codes[i] = event.Inline
		if r.from != nil || r.stacked {
			c.Codes[i] |= uint32(r.origin(int32(i)).from)
		}
	}
	return c
}

// Filters, at row level: conditions on the time of a row. The bounds are evaluated at run or customer level.
var (
	// opSince: rows with time ≥ the bound of their customer; a missing bound keeps nothing.
	opSince = &op{name: "since", at: &atRow, eval: func(w *worker, x *Expr, args []*vec) *vec { return w.timeFilter(x, args[0], true) }}
	// opUntil: rows with time < the bound.
	opUntil = &op{name: "until", at: &atRow, eval: func(w *worker, x *Expr, args []*vec) *vec { return w.timeFilter(x, args[0], false) }}
)

func (w *worker) timeFilter(x *Expr, bound *vec, since bool) *vec {
	r := w.rows(x.src)
	v := w.condVec(r.n, false)
	c := bound.part(event.TimeKind)
	if c == nil {
		return v
	}
	if bound.single {
		if !c.Present(0) {
			return v
		}
		switch b := event.Time(c.Ints[0]); {
		case since:
			within(r.times, b, maxTime, v.cond)
		case b > minTime:
			within(r.times, minTime, b-1, v.cond)
		}
		return v
	}
	for i, t := range r.times {
		o := int(r.owner[i])
		if c.Present(o) && (t >= event.Time(c.Ints[o])) == since {
			v.cond.Set(i)
		}
	}
	return v
}

// opWindow: the first instant of the window of x.str (a span) ending with now; a run-level time.
var opWindow = &op{name: "window", eval: func(w *worker, x *Expr, _ []*vec) *vec {
	t := w.zone.WindowStart(w.now, x.aux.(event.Span))
	return w.fromValues(1, true, func(int) event.Value { return event.Instant(t) })
}, text: func(x *Expr, _ func(int) string) string { return "window(" + x.str + ")" }}

// opSelect: the rows of x.src for which all args (row-level conditions) hold.
var opSelect = &op{name: "select", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	r := w.rows(x.src)
	v := w.vec()
	v.n = r.n
	if len(args) == 0 && !r.hidden {
		v.all = true
		return v
	}
	v.mask = w.bits(r.n)
	begun := r.hidden
	if r.hidden {
		copy(v.mask, r.visible)
	}
	for _, a := range args {
		t := w.truth(a)
		switch {
		case a.single:
			if !t.Get(0) {
				clear(v.mask)
				return v
			}
		case !begun:
			begun = true
			copy(v.mask, t)
		default:
			t = t[:len(v.mask)]
			for i := range v.mask {
				v.mask[i] &= t[i]
			}
		}
	}
	if !begun {
		v.mask.Fill(r.n)
	}
	return v
}, text: func(x *Expr, arg func(int) string) string {
	var b strings.Builder
	switch {
	case x.src.all:
		b.WriteString("events.all")
	case len(x.src.names) == 1:
		b.WriteString("events[" + quote(x.src.names[0]) + "]")
	default:
		b.WriteString("events.any(")
		for i, n := range x.src.names {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(n))
		}
		b.WriteByte(')')
	}
	if x.src.parent != nil {
		b.WriteString(".each(" + quote(x.src.list) + ")")
	}
	filters := make([]string, len(x.args))
	for i := range x.args {
		filters[i] = ".where(" + arg(i) + ")"
	}
	slices.Sort(filters)
	return b.String() + strings.Join(filters, "")
}}

func quote(s string) string { return event.Text(s).String() }

// each calls f for the kept rows of a selection, customer by customer in order of time.
func (r *eventRows) each(sel *vec, f func(row int)) {
	if sel.all {
		for i := range r.n {
			f(i)
		}
		return
	}
	for wi, word := range sel.mask {
		for word != 0 {
			f(wi*64 + trailing(word))
			word &= word - 1
		}
	}
}

// opPick: which event of a selection: args selection; aux the place, 1 the first, -1 the last.
var opPick = &op{name: "nth", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	r, sel, place := w.rows(x.src), args[0], x.aux.(int)
	v := w.vec()
	v.n, v.pick = w.n, w.rawInt32s(w.n)
	for i := range v.pick {
		v.pick[i] = -1
	}
	switch {
	case place == 1 || place == -1:
		w.outermost(r, sel, place, v.pick)
		return v
	}
	if place > 0 {
		seen := w.rawInt32s(w.n)
		clear(seen)
		r.each(sel, func(row int) {
			o := r.owner[row]
			if seen[o]++; int(seen[o]) == place {
				v.pick[o] = int32(row)
			}
		})
		return v
	}
	for c := 0; c < w.n; c++ {
		left := -place
		for row := int(r.start[c+1]) - 1; row >= int(r.start[c]); row-- {
			if sel.all || sel.mask.Get(row) {
				if left--; left == 0 {
					v.pick[c] = int32(row)
					break
				}
			}
		}
	}
	return v
}, text: func(x *Expr, arg func(int) string) string {
	switch place := x.aux.(int); place {
	case 1:
		return arg(0) + ".earliest()"
	case -1:
		return arg(0) + ".latest()"
	}
	return arg(0) + ".nth(" + x.str + ")"
}}

// outermost picks the first (place 1) or last (place -1) kept row of each customer; pick is full of -1.
func (w *worker) outermost(r *eventRows, sel *vec, place int, pick []int32) {
	switch {
	case sel.all && r.inOrder():
		for c := range w.n {
			if from, to := r.start[c], r.start[c+1]; from < to {
				pick[c] = from
				if place < 0 {
					pick[c] = to - 1
				}
			}
		}
	case r.inOrder() && place < 0: // the last one written stays
		r.each(sel, func(row int) { pick[r.owner[row]] = int32(row) })
	case r.inOrder():
		r.each(sel, func(row int) {
			if o := r.owner[row]; pick[o] < 0 {
				pick[o] = int32(row)
			}
		})
	default: // when it was, then which row that is
		var t tally
		w.tallyTimes(&t, r, sel, place)
		if sel.all {
			for row, at := range r.times {
				if o := r.owner[row]; int64(at) == t.times[o] && (pick[o] < 0 || w.later(r, int32(row), pick[o]) == (place < 0)) {
					pick[o] = int32(row)
				}
			}
			return
		}
		for wi, word := range sel.mask {
			for ; word != 0; word &= word - 1 {
				row := wi*64 + trailing(word)
				o := r.owner[row]
				if int64(r.times[row]) != t.times[o] {
					continue
				}
				if p := pick[o]; p < 0 || w.later(r, int32(row), p) == (place < 0) {
					pick[o] = int32(row)
				}
			}
		}
	}
}

// opField: a field of a picked event: args pick, row-level expression.
var opField = &op{name: "field", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	pick, field := args[0].pick, args[1]
	if field == nil {
		return w.fieldAt(x.args[1], pick)
	}
	v := w.vec()
	v.n, v.parts = w.n, w.columns(len(field.parts))
	for p := range field.parts {
		v.parts[p] = w.gather(&field.parts[p], pick)
	}
	return v
}, text: func(x *Expr, arg func(int) string) string { return arg(0) + strings.TrimPrefix(arg(1), "e") }}

// spare says whether x, at row level, needs not be there for all rows where nothing but fields of picked events ask for
// it: with a copy to be made of it.
func (p *Plan) spare(x *Expr) bool {
	switch x.op {
	case opProperty, opEventSource:
		return x.src.parent == nil && len(p.setTables[p.slot(x.src)]) > 1
	}
	return x.op == opEventTime
}

// fieldAt is what spare says need not be there for all rows, for the rows that were picked.
func (w *worker) fieldAt(x *Expr, pick []int32) *vec {
	r := w.rows(x.src)
	switch x.op {
	case opProperty:
		return w.valueVec(w.n, false, w.columnsAt(r, x.str, pick)...)
	case opEventSource:
		return w.valueVec(w.n, false, w.columnsAt(r, warehouse.SourceColumn, pick)...)
	}
	c := w.column(event.TimeKind, w.n)
	c.Ints, c.Has = w.int64s(w.n), w.bits(w.n)
	for i, row := range pick {
		if row >= 0 {
			c.Ints[i] = int64(r.times[row])
			c.Has.Set(i)
		}
	}
	return w.oneCol(w.n, false, c)
}

// minTime and maxTime are the borders of what is an instant at all.
const minTime, maxTime = event.Time(math.MinInt64), event.Time(math.MaxInt64)

// noTime is smaller than every instant of an event.
const noTime = math.MinInt64
