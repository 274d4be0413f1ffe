package rule

import (
	"cmp"
	"slices"

	"tagma/event"
)

// eventRows is an event set of a block of customers: the rows of its series, customer by customer, or stacked.
type eventRows struct {
	n       int
	start   []int32 // rows of customer i: start[i] … start[i+1]-1; nil when stacked
	owner   []uint16
	times   []event.Time
	hidden  bool       // whether some rows are later than now
	visible event.Bits // rows with time ≤ now; nil when not hidden
	tables  []int      // indexes of the request's series
	// Of several series: where each row comes from, and whether they are in one order of time.
	ordered bool
	from    []uint16
	row     []int32
	// stacked says that the series stand one behind the other, the first row of each at base, and only within a series
	// customer by customer. That costs two copies instead of a merge, and most measures do not mind.
	stacked bool
	base    []int32
	which   []uint16 // of each row: its series
	// Of opened events: the row of the event, and the element.
	of       []int32
	elements []event.Value
	// own is the memory of a merge, used again; the arrays of a single table belong to the reader.
	own struct {
		start, row []int32
		owner      []uint16
		times      []event.Time
		from       []uint16
		base       []int32
		which      []uint16
	}
}

// inOrder says that each customer's rows stand in order of time.
func (r *eventRows) inOrder() bool { return !r.stacked && (r.from == nil || r.ordered) }

// origin is the series that a row of several comes from, and its row there.
func (r *eventRows) origin(row int32) rowRef {
	if !r.stacked {
		return rowRef{r.from[row], r.row[row]}
	}
	from := r.which[row]
	return rowRef{from, row - r.base[from]}
}

// series is the table that a row comes from.
func (r *eventRows) series(row int32) int {
	if r.from == nil && !r.stacked {
		return r.tables[0]
	}
	return r.tables[r.origin(row).from]
}

// rows returns the rows of an event set for the present block.
func (w *worker) rows(s *eventSet) *eventRows {
	slot := w.plan.slot(s)
	r := &w.sets[slot]
	if w.setDone[slot] == w.epoch {
		return r
	}
	w.setDone[slot] = w.epoch
	r.tables, r.stacked = w.plan.setTables[slot], false
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
	case w.stacks && !w.plan.ordered[slot]:
		w.stackTables(r)
	default:
		w.mergeTables(r, w.plan.ordered[slot])
	}
	r.hidden, r.visible = false, nil
	latest := event.Always
	for _, t := range r.times {
		latest = max(latest, t)
	}
	if latest > w.now {
		r.hidden = true
		r.visible = w.bits(r.n)
		within(r.times, minTime, w.now, r.visible)
	}
	return r
}

// stackTables lays the rows of several series one behind the other.
func (w *worker) stackTables(r *eventRows) {
	o := &r.own
	o.owner, o.times, o.base, o.which = o.owner[:0], o.times[:0], o.base[:0], o.which[:0]
	for k, ti := range r.tables {
		t := &w.block.Tables[ti]
		for range t.Times {
			o.which = append(o.which, uint16(k))
		}
		o.base = append(o.base, int32(len(o.times)))
		o.owner, o.times = append(o.owner, t.Owner...), append(o.times, t.Times...)
	}
	r.n, r.start, r.owner, r.times, r.from, r.row = len(o.times), nil, o.owner, o.times, nil, nil
	r.stacked, r.base, r.which, r.ordered = true, o.base, o.which, false
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
	return w.compareRows(r.tables, r.origin(a), r.origin(b)) > 0
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
	if r.from == nil && !r.stacked {
		ti := r.tables[0]
		ci := w.plan.columnOf(ti, name)
		if ci < 0 {
			return nil
		}
		return w.block.Tables[ti].Columns[ci]
	}
	return w.columnsAt(r, name, nil)
}

// columnsAt is a property of some rows of a set of several series, missing where the row is negative; of all rows when
// rows is nil. Each kind that occurs in any of the series gives one column.
func (w *worker) columnsAt(r *eventRows, name string, rows []int32) []event.Column {
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
			out = append(out, w.mergeColumns(k, r, parts, rows))
		}
	}
	return out
}

// mergeColumns gathers one kind of a property from several series for the rows of the set, or for some of them.
func (w *worker) mergeColumns(k event.Kind, r *eventRows, parts []*event.Column, rows []int32) event.Column {
	n := r.n
	if rows != nil {
		n = len(rows)
	}
	out := event.Column{Kind: k, Len: n, Has: w.bits(n)}
	plain := true // coefficients of one scale
	for _, p := range parts {
		if p == nil {
			continue
		}
		if p.Nums != nil || out.Ints != nil && p.Scale != out.Scale {
			plain = false
		}
		if out.Ints == nil && p.Ints != nil {
			out.Ints, out.Scale = w.int64s(n), p.Scale
		}
		if p.Codes != nil && p.Dict != nil {
			out.Dict = p.Dict // a property has one dictionary in all series
		}
	}
	switch {
	case k == event.NumberKind && !plain:
		out.Ints, out.Scale, out.Nums = nil, 0, make([]event.Number, n)
	case k == event.TextKind:
		out.Codes = w.rawCodes(n)
	case k == event.ListKind || k == event.MapKind:
		out.Values = make([]event.Value, n)
	}
	for i := range n {
		row := int32(i)
		if rows != nil {
			if row = rows[i]; row < 0 {
				continue
			}
		}
		at := r.origin(row)
		p, j := parts[at.from], int(at.row)
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
