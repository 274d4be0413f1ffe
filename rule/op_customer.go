package rule

import (
	"slices"
	"strings"

	"tagma/event"
	"tagma/warehouse"
)

// What is known of a customer besides its events.

// opTrait: the value of a trait with the latest effective time ≤ now.
var opTrait = &op{name: "trait", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	return w.latest(warehouse.Traits, x.str)
}, text: func(x *Expr, _ func(int) string) string { return "traits[" + quote(x.str) + "]" }}

// opConsent: the consent with the latest effective time ≤ now.
var opConsent = &op{name: "consent", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	return w.latest(warehouse.Consents, x.str)
}, text: func(x *Expr, _ func(int) string) string { return "consent[" + quote(x.str) + "]" }}

// latest is the value with the latest effective time ≤ now of a series of values in time.
func (w *worker) latest(kind warehouse.SeriesKind, name string) *vec {
	ti, ok := w.plan.tableOf(kind, name)
	if !ok {
		return w.valueVec(w.n, false)
	}
	t := &w.block.Tables[ti]
	if w.oneEach(t) { // one row for everybody: the columns as they are
		return w.valueVec(w.n, false, t.Columns[0]...)
	}
	pick := w.rawInt32s(w.n)
	for c := range pick {
		pick[c] = -1
		for row := t.Start[c+1] - 1; row >= t.Start[c]; row-- {
			if t.Times[row] <= w.now {
				pick[c] = row
				break
			}
		}
	}
	cols := t.Columns[0]
	v := w.vec()
	v.n, v.parts = w.n, w.columns(len(cols))
	for p := range cols {
		v.parts[p] = w.gather(&cols[p], pick)
	}
	return v
}

// opSinceWhen: since when a trait or consent has the value that it has, also since when it has none; missing where that
// is from the beginning of time, or where none ever came. str the name, aux the kind of series.
var opSinceWhen = &op{name: "changed_at", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	ti, ok := w.plan.tableOf(x.aux.(warehouse.SeriesKind), x.str)
	if !ok {
		return w.valueVec(w.n, false)
	}
	t := &w.block.Tables[ti]
	value := func(row int32) event.Value {
		for p := range t.Columns[0] {
			if c := &t.Columns[0][p]; c.Present(int(row)) {
				return c.Value(int(row))
			}
		}
		return event.Value{}
	}
	return w.fromValues(w.n, false, func(c int) event.Value {
		row := t.Start[c+1] - 1
		for row >= t.Start[c] && t.Times[row] > w.now {
			row--
		}
		if row < t.Start[c] {
			return event.Value{}
		}
		now := value(row)
		for row > t.Start[c] && (value(row-1).Equal(now) || !value(row-1).Present() && !now.Present()) { // a removal again changes nothing
			row--
		}
		if row == t.Start[c] && !now.Present() || t.Times[row] == event.Always { // a removal of nothing changes nothing
			return event.Value{}
		}
		return event.Instant(t.Times[row])
	})
}, text: func(x *Expr, _ func(int) string) string {
	if x.aux.(warehouse.SeriesKind) == warehouse.Consents {
		return "changed_at(consent[" + quote(x.str) + "])"
	}
	return "changed_at(traits[" + quote(x.str) + "])"
}}

// opLookup: args a key; aux the column of a lookup table.
var opLookup = &op{name: "lookup", eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	values := x.aux.(*TableColumn).Values
	return w.fromValues(n, single, func(i int) event.Value {
		switch v := args[0].value(i); v.Kind() {
		case event.TextKind:
			return values[v.Text()]
		case event.NumberKind:
			return values[v.Number().Normal().Exact()]
		}
		return event.Value{}
	})
}}

// oneEach says that every customer has one row of a table, which holds at the run's instant.
func (w *worker) oneEach(t *warehouse.Table) bool {
	if t.Rows() != w.n || len(t.Columns[0]) == 0 {
		return false
	}
	latest, other := event.Always, int32(0)
	for _, at := range t.Times {
		latest = max(latest, at)
	}
	for c, from := range t.Start[:w.n] {
		other |= from ^ int32(c)
	}
	return latest <= w.now && other == 0
}

// gather is gather with the worker's scratch memory: element i is c's element pick[i].
func (w *worker) gather(c *event.Column, pick []int32) event.Column {
	n := len(pick)
	if c.Nums != nil || c.Kind == event.ListKind || c.Kind == event.MapKind {
		return gather(c, n, func(i int) int { return int(pick[i]) })
	}
	out := event.Column{Kind: c.Kind, Len: n, Scale: c.Scale, Dict: c.Dict, Inline: c.Inline, Has: w.bits(n)}
	if c.Kind == event.TextKind { // c may have no rows, and no codes
		out.Codes = w.rawCodes(n)
		for i, j := range pick {
			if j >= 0 && c.Present(int(j)) {
				out.Has.Set(i)
				out.Codes[i] = c.Codes[j]
			}
		}
		return out
	}
	out.Ints = w.int64s(n)
	for i, j := range pick {
		if j >= 0 && c.Present(int(j)) {
			out.Has.Set(i)
			out.Ints[i] = c.Ints[j]
		}
	}
	return out
}

// opIDs: the identifiers of a kind, as a sorted list.
var opIDs = &op{name: "ids", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	ti, ok := w.plan.tableOf(warehouse.Identifiers, x.str)
	if !ok {
		return w.valueVec(w.n, false)
	}
	t := &w.block.Tables[ti]
	return w.fromValues(w.n, false, func(c int) event.Value {
		var vs []event.Value
		for row := t.Start[c]; row < t.Start[c+1]; row++ {
			for p := range t.Columns[0] {
				if col := &t.Columns[0][p]; col.Present(int(row)) {
					vs = append(vs, col.Value(int(row)))
				}
			}
		}
		if len(vs) == 0 {
			return event.Value{}
		}
		slices.SortFunc(vs, event.Value.Compare)
		return event.List(slices.CompactFunc(vs, event.Value.Equal)...)
	})
}, text: func(x *Expr, _ func(int) string) string { return "ids[" + quote(x.str) + "]" }}

// opFirstSeen: customer.first_seen, missing where all records are untimed.
var opFirstSeen = &op{name: "first_seen", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	return w.fromValues(w.n, false, func(c int) event.Value {
		p := w.snapshot.Profile(w.block.Profile(c))
		if !p.Known || p.FirstSeen == event.Never {
			return event.Value{}
		}
		return event.Instant(p.FirstSeen)
	})
}, text: func(*Expr, func(int) string) string { return "customer.first_seen" }}

// opBucket: a stable group 0…n-1 of a customer. The group is SplitMix64 (Steele, Lea, Flood 2014) of the
// customer's number and the seed's FNV-1a hash, reduced by the remainder; it does not change with the number of customers.
var opBucket = &op{name: "bucket", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	c := w.countColumn()
	p := x.aux.(bucketParam)
	for i := range c.Ints {
		c.Ints[i] = int64(splitMix(p.seed+uint64(w.block.Profile(i))) % uint64(p.groups))
	}
	return w.oneCol(w.n, false, c)
}}

type bucketParam struct {
	seed   uint64
	groups int64
}

func splitMix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// opPublished: another tag's value as the index has it (str its key), or a segment's membership.
var opPublished = &op{name: "published", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	parts := w.beside(func(first event.ProfileID, n int) []event.Column { return w.run.Published(x.str, first, n) })
	if !strings.HasPrefix(x.str, "segment:") {
		return w.valueVec(w.n, false, parts...)
	}
	v := w.condVec(w.n, false)
	for p := range parts {
		for i := 0; i < w.n; i++ {
			if parts[p].Present(i) {
				v.cond.Set(i)
			}
		}
	}
	return v
}}
