package rule

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"

	"tagma/event"
	"tagma/warehouse"
)

// eventRows is an event set of a block of customers: the rows of its series in one order of time.
type eventRows struct {
	n       int
	start   []int32 // rows of customer i: start[i] … start[i+1]-1
	owner   []uint16
	times   []event.Time
	hidden  bool       // whether some rows are later than now
	visible event.Bits // rows with time ≤ now; nil when not hidden
	tables  []int      // indexes of the request's series
	// Of several series: where each row comes from, and whether they are in one order of time.
	ordered bool
	from    []uint16
	row     []int32
	// Of opened events: the row of the event, and the element.
	of       []int32
	elements []event.Value
	// own is the memory of a merge, used again; the arrays of a single table belong to the reader.
	own struct {
		start, row []int32
		owner      []uint16
		times      []event.Time
		from       []uint16
	}
}

// inOrder says that each customer's rows stand in order of time.
func (r *eventRows) inOrder() bool { return r.from == nil || r.ordered }

// rows returns the rows of an event set for the present block.
func (w *worker) rows(s *eventSet) *eventRows {
	slot := w.plan.slot(s)
	r := &w.sets[slot]
	if w.setDone[slot] == w.epoch {
		return r
	}
	w.setDone[slot] = w.epoch
	r.tables = w.plan.setTables[slot]
	switch {
	case s.parent != nil:
		w.openLists(r, s)
	case len(r.tables) == 0:
		r.n, r.owner, r.times, r.from, r.row = 0, nil, nil, nil, nil
		r.start = make([]int32, w.n+1)
	case len(r.tables) == 1:
		t := &w.block.Tables[r.tables[0]]
		r.n, r.start, r.owner, r.times = t.Rows(), t.Start, t.Owner, t.Times
		r.from, r.row = nil, nil
	default:
		w.mergeTables(r, w.plan.ordered[slot])
	}
	r.hidden, r.visible = false, nil
	for _, t := range r.times {
		if t > w.now {
			r.hidden = true
			break
		}
	}
	if r.hidden {
		r.visible = w.bits(r.n)
		for i, t := range r.times {
			if t <= w.now {
				r.visible.Set(i)
			}
		}
	}
	return r
}

// mergeTables lays the rows of several series together customer by customer: in order of time, then arrival, when
// they are to be ordered, otherwise series by series.
func (w *worker) mergeTables(r *eventRows, ordered bool) {
	total := 0
	for _, ti := range r.tables {
		total += w.block.Tables[ti].Rows()
	}
	o := &r.own
	o.start, o.owner, o.times = grown(o.start, w.n+1), grown(o.owner, total), grown(o.times, total)
	o.from, o.row = grown(o.from, total), grown(o.row, total)
	r.start, r.owner, r.times, r.from, r.row = o.start, o.owner, o.times, o.from, o.row
	r.start[0] = 0
	r.ordered = ordered
	k := 0
	for c := 0; c < w.n && !ordered; c++ {
		for j, ti := range r.tables {
			t := &w.block.Tables[ti]
			for i := t.Start[c]; i < t.Start[c+1]; i++ {
				r.owner[k], r.times[k], r.from[k], r.row[k] = uint16(c), t.Times[i], uint16(j), i
				k++
			}
		}
		r.start[c+1] = int32(k)
	}
	for c := 0; c < w.n && ordered; c++ {
		w.refs = w.refs[:0]
		first := event.Never
		for j, ti := range r.tables {
			t := &w.block.Tables[ti]
			from, to := t.Start[c], t.Start[c+1]
			if from == to {
				continue
			}
			first = min(first, t.Times[from])
			for i := from; i < to; i++ {
				w.refs = append(w.refs, rowRef{uint16(j), i})
			}
		}
		w.inOrder(r.tables, first)
		for _, e := range w.refs {
			r.owner[k], r.times[k], r.from[k], r.row[k] = uint16(c), w.block.Tables[r.tables[e.from]].Times[e.row], e.from, e.row
			k++
		}
		r.start[c+1] = int32(k)
	}
	r.n = total
}

// rowRef is a row of one of several series.
type rowRef struct {
	from uint16
	row  int32
}

// Keys of rows to be sorted: the time since the first one, and the row's place, in one number.
const (
	placeBits = 20
	maxPlace  = 1 << placeBits
	maxSince  = 1 << (63 - placeBits)
)

// inOrder brings the rows of w.refs, none earlier than first, into the order of time, then arrival.
func (w *worker) inOrder(tables []int, first event.Time) {
	refs := w.refs
	if len(refs) < 2 {
		return
	}
	w.keys = w.keys[:0]
	for i, e := range refs {
		since := uint64(w.block.Tables[tables[e.from]].Times[e.row] - first)
		if since >= maxSince || i >= maxPlace { // thousands of years, or a million rows of one customer
			slices.SortFunc(refs, func(a, b rowRef) int { return w.compareRows(tables, a, b) })
			return
		}
		w.keys = append(w.keys, since<<placeBits|uint64(i))
	}
	slices.Sort(w.keys)
	w.sorted = w.sorted[:0]
	for _, k := range w.keys {
		w.sorted = append(w.sorted, refs[k&(maxPlace-1)])
	}
	copy(refs, w.sorted)
	for from := 0; from < len(refs); { // rows of one instant: by arrival
		to := from + 1
		for to < len(refs) && w.keys[to]>>placeBits == w.keys[from]>>placeBits {
			to++
		}
		if to-from > 1 {
			slices.SortFunc(refs[from:to], func(a, b rowRef) int { return w.compareRows(tables, a, b) })
		}
		from = to
	}
}

// later says whether row a comes after row b of the same customer, in time or, at one instant, by arrival.
func (w *worker) later(r *eventRows, a, b int32) bool {
	if r.times[a] != r.times[b] || r.inOrder() {
		return r.times[a] > r.times[b] || r.times[a] == r.times[b] && a > b
	}
	return w.compareRows(r.tables, rowRef{r.from[a], r.row[a]}, rowRef{r.from[b], r.row[b]}) > 0
}

func (w *worker) compareRows(tables []int, a, b rowRef) int {
	ta, tb := &w.block.Tables[tables[a.from]], &w.block.Tables[tables[b.from]]
	return cmp.Or(cmp.Compare(ta.Times[a.row], tb.Times[b.row]), cmp.Compare(ta.Arrivals[a.row], tb.Arrivals[b.row]))
}

// grown returns s with n elements of any content.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}

// column returns a property of the rows: typed columns.
func (w *worker) rowColumns(s *eventSet, name string) []event.Column {
	if s.parent != nil {
		return w.openedColumns(s, name)
	}
	r := w.rows(s)
	if len(r.tables) == 0 {
		return nil
	}
	if r.from == nil {
		ti := r.tables[0]
		ci := w.plan.columnOf(ti, name)
		if ci < 0 {
			return nil
		}
		return w.block.Tables[ti].Columns[ci]
	}
	// Each kind that occurs in any of the series gives one column over all rows.
	var out []event.Column
	for k := event.BoolKind; k <= event.MapKind; k++ {
		var parts []*event.Column
		found := false
		for _, ti := range r.tables {
			var part *event.Column
			if ci := w.plan.columnOf(ti, name); ci >= 0 {
				cols := w.block.Tables[ti].Columns[ci]
				for p := range cols {
					if cols[p].Kind == k {
						part, found = &cols[p], true
					}
				}
			}
			parts = append(parts, part)
		}
		if found {
			out = append(out, w.mergeColumns(k, r, parts))
		}
	}
	return out
}

// mergeColumns gathers one kind of a property from several series into the merged order.
func (w *worker) mergeColumns(k event.Kind, r *eventRows, parts []*event.Column) event.Column {
	out := event.Column{Kind: k, Len: r.n, Has: w.bits(r.n)}
	plain := true // coefficients of one scale
	for _, p := range parts {
		if p == nil {
			continue
		}
		if p.Nums != nil || out.Ints != nil && p.Scale != out.Scale {
			plain = false
		}
		if out.Ints == nil && p.Ints != nil {
			out.Ints, out.Scale = w.int64s(r.n), p.Scale
		}
		if p.Codes != nil && p.Dict != nil {
			out.Dict = p.Dict // a property has one dictionary in all series
		}
	}
	switch {
	case k == event.NumberKind && !plain:
		out.Ints, out.Scale, out.Nums = nil, 0, make([]event.Number, r.n)
	case k == event.TextKind:
		out.Codes = w.rawCodes(r.n)
	case k == event.ListKind || k == event.MapKind:
		out.Values = make([]event.Value, r.n)
	}
	for i := 0; i < r.n; i++ {
		p := parts[r.from[i]]
		j := int(r.row[i])
		if p == nil || !p.Present(j) {
			continue
		}
		out.Has.Set(i)
		switch {
		case out.Nums != nil:
			out.Nums[i] = numberAt(p, j)
		case out.Ints != nil:
			out.Ints[i] = p.Ints[j]
		case out.Codes != nil:
			out.Codes[i] = p.Codes[j]
			if c := p.Codes[j]; c&event.Inline != 0 {
				out.Codes[i] = event.Inline | uint32(len(out.Inline))
				out.Inline = append(out.Inline, p.Inline[c&^event.Inline])
			}
		default:
			out.Values[i] = p.Values[j]
		}
	}
	return out
}

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
		if r.from != nil {
			c.Codes[i] |= uint32(r.from[i])
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
		b, flip := event.Time(c.Ints[0]), uint64(0)
		if since {
			flip = 1
		}
		for word := 0; word*64 < r.n; word++ {
			var acc uint64
			for j, t := range r.times[word*64 : min(r.n, word*64+64)] {
				// before is 1 where t < b, also across zero: the sign bit is turned to order signed numbers
				_, before := bits.Sub64(uint64(t)^signBit, uint64(b)^signBit, 0)
				acc |= (before ^ flip) << (j & 63)
			}
			v.cond[word] = acc
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
	v.mask.Fill(r.n)
	if r.hidden {
		copy(v.mask, r.visible)
	}
	for _, a := range args {
		t := w.truth(a)
		if a.single {
			if !t.Get(0) {
				clear(v.mask)
			}
			continue
		}
		for i := range v.mask {
			v.mask[i] &= t[i]
		}
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
	case sel.all && r.inOrder() && (place == 1 || place == -1):
		for c := range w.n {
			if from, to := r.start[c], r.start[c+1]; from < to {
				v.pick[c] = from
				if place < 0 {
					v.pick[c] = to - 1
				}
			}
		}
		return v
	case place == -1:
		r.each(sel, func(row int) {
			if o := r.owner[row]; v.pick[o] < 0 || w.later(r, int32(row), v.pick[o]) {
				v.pick[o] = int32(row)
			}
		})
		return v
	case place == 1:
		r.each(sel, func(row int) {
			if o := r.owner[row]; v.pick[o] < 0 || w.later(r, v.pick[o], int32(row)) {
				v.pick[o] = int32(row)
			}
		})
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

// opField: a field of a picked event: args pick, row-level expression.
var opField = &op{name: "field", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	pick, field := args[0].pick, args[1]
	v := w.vec()
	v.n, v.parts = w.n, w.columns(len(field.parts))
	for p := range field.parts {
		v.parts[p] = w.gather(&field.parts[p], pick)
	}
	return v
}, text: func(x *Expr, arg func(int) string) string { return arg(0) + strings.TrimPrefix(arg(1), "e") }}

const signBit = 1 << 63

// noTime is smaller than every instant of an event.
const noTime = math.MinInt64
