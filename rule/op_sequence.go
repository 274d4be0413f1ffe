package rule

import (
	"strings"

	"tagma/event"
)

// Sequences. a.then(b) keeps of b's events those that follow one of a's; a.without(b) keeps of a's those that none of
// b's follows. Both are filters like any other: whether an event follows, or is followed, does not depend on what else
// is asked of its own selection.

var sequenceOptions = map[string]string{"within": `within("7d")`, "same": `same("item")`}

// sequence are the conditions between two events.
type sequence struct {
	within event.Span // none when N is 0
	same   []string
}

func (q *sequence) key() string {
	var parts []string
	if q.within.N > 0 {
		parts = append(parts, "within "+q.within.String())
	}
	for _, name := range q.same {
		parts = append(parts, "same "+quote(name))
	}
	return strings.Join(parts, ", ")
}

// sequence checks a.then(b, …) and a.without(b, …). add narrows a.
func (c *checker) sequence(n *Call, a *Expr, add func(...*Expr) *Expr) *Expr {
	if !c.arity(n, n.Fun, n.Args, 1, -1) {
		return nil
	}
	b := c.otherEvents(n)
	q, ok := c.sequenceArgs(n)
	if b == nil || !ok {
		return nil
	}
	x := Expr{Type: Bool, op: opFollows, args: []*Expr{a}, src: b.src, str: q.key(), aux: q}
	own, other := b.src, a.src
	if n.Fun == "without" {
		x.op, x.args, x.src = opFollowed, []*Expr{b}, a.src
		own, other = other, own
	}
	for _, set := range []*eventSet{own, other} {
		for _, name := range q.same {
			f := c.field(n, set, []pathKey{{name, n}})
			if f == nil {
				return nil
			}
			x.args = append(x.args, f)
		}
	}
	f := c.b.make(x)
	if n.Fun == "without" {
		return add(c.b.Not(f))
	}
	return c.selection(b.src, append(append([]*Expr{}, b.args...), f))
}

// otherEvents checks the first argument of then and without.
func (c *checker) otherEvents(n *Call) *Expr {
	b := c.expr(n.Args[0])
	switch {
	case b == nil:
		return nil
	case b.Type != Events:
		return c.faultHint(n.Args[0], "as in "+n.Fun+"(events.order_paid)", "%s takes a selection of events first, this is %s", n.Fun, describe(b))
	}
	return b
}

// sequenceArgs reads within(…) and same(…), each at most once.
func (c *checker) sequenceArgs(n *Call) (q *sequence, ok bool) {
	q, ok = &sequence{}, true
	for _, arg := range n.Args[1:] {
		call, isCall := arg.(*Call)
		switch {
		case isCall && call.Recv == nil && call.Fun == "within":
			if q.within.N > 0 {
				c.fault(arg, "within(…) stands there twice")
				ok = false
			} else if !c.arity(call, "within", call.Args, 1, 1) {
				ok = false
			} else if s, fine := c.span(call.Args[0], "within"); fine {
				q.within = s
			} else {
				ok = false
			}
		case isCall && call.Recv == nil && call.Fun == "same":
			if len(q.same) > 0 {
				c.faultHint(arg, `one same("a", "b") takes several names`, "same(…) stands there twice")
				ok = false
				continue
			}
			if !c.arity(call, "same", call.Args, 1, -1) {
				ok = false
			}
			for _, a := range call.Args {
				name, fine := c.literalText(a, "the name of a property")
				ok = ok && fine
				q.same = append(q.same, name)
			}
		default:
			c.faultHint(arg, sequenceOptions["within"]+" and "+sequenceOptions["same"]+" may follow", "%s takes no such argument", n.Fun)
			ok = false
		}
	}
	return q, ok
}

// opFollows: the rows that follow a kept row of another selection: args the selection, then the properties that must be
// the same, of this set and of the other.
var opFollows = &op{name: "follows", at: &atRow, eval: func(w *worker, x *Expr, args []*vec) *vec { return w.follow(x, args, true) },
	text: sequenceText("follows")}

// opFollowed: the rows that are followed by a kept row of another selection.
var opFollowed = &op{name: "followed", at: &atRow, eval: func(w *worker, x *Expr, args []*vec) *vec { return w.follow(x, args, false) },
	text: sequenceText("followed")}

func sequenceText(word string) func(x *Expr, arg func(int) string) string {
	return func(x *Expr, arg func(int) string) string {
		if x.str == "" {
			return word + "(" + arg(0) + ")"
		}
		return word + "(" + arg(0) + ", " + x.str + ")"
	}
}

// follow walks the rows of both sets of each customer side by side: forward for what follows, where only the last row
// before matters, backward for what is followed, where only the next one does. With properties that must be the same,
// only the last or next one with the same values. It is linear in the rows.
func (w *worker) follow(x *Expr, args []*vec, forward bool) *vec {
	own, other := w.rows(x.src), w.rows(x.args[0].src)
	q, kept := x.aux.(*sequence), args[0]
	v := w.condVec(own.n, false)
	ownKeys, otherKeys := w.sameKeys(args[1:], len(q.same))
	nearest := newNearest(ownKeys != nil)
	step := func(row int) int {
		if forward {
			return row + 1
		}
		return row - 1
	}
	for c := range w.n {
		i, end := int(own.start[c]), int(own.start[c+1])
		j, last := int(other.start[c]), int(other.start[c+1])
		if i == end || j == last {
			continue
		}
		if !forward {
			i, end, j, last = end-1, i-1, last-1, j-1
		}
		nearest.clear()
		for ; i != end; i = step(i) {
			for ; j != last && (forward && other.times[j] < own.times[i] || !forward && other.times[j] > own.times[i]); j = step(j) {
				if kept.all || kept.mask.Get(j) {
					nearest.put(otherKeys, j, other.times[j])
				}
			}
			t, ok := nearest.get(ownKeys, i)
			if !ok {
				continue
			}
			from, to := t, own.times[i]
			if !forward {
				from, to = to, t
			}
			if w.within(q.within, from, to) {
				v.cond.Set(i)
			}
		}
	}
	return v
}

// within says whether to lies at most a span after from: elapsed, or by local dates.
func (w *worker) within(s event.Span, from, to event.Time) bool {
	switch {
	case s.N == 0:
		return true
	case s.Clock():
		return int64(to-from) <= s.Millis()
	}
	return w.zone.Date(to) <= w.zone.Date(from).AddSpan(s)
}

// sameKeys are, of the rows of two sets, what must be the same: nil when nothing must; a row where a property is missing
// has none.
func (w *worker) sameKeys(args []*vec, n int) (own, other *rowKeys) {
	if n == 0 {
		return nil, nil
	}
	if n == 1 {
		a, b := codesOf(args[0]), codesOf(args[1])
		if a != nil && b != nil && a.Dict == b.Dict {
			return &rowKeys{codes: a}, &rowKeys{codes: b}
		}
	}
	return &rowKeys{values: args[:n]}, &rowKeys{values: args[n:]}
}

// codesOf is the column of texts of a dictionary that a property is, nil when it is anything else.
func codesOf(v *vec) *event.Column {
	if len(v.parts) != 1 || v.single || v.parts[0].Codes == nil || v.parts[0].Dict == nil || len(v.parts[0].Inline) > 0 {
		return nil
	}
	return &v.parts[0]
}

// rowKeys are the values by which rows are the same: codes, or texts of values.
type rowKeys struct {
	codes  *event.Column
	values []*vec
}

func (k *rowKeys) text(row int) (string, bool) {
	if len(k.values) == 1 {
		v := k.values[0].value(row)
		return v.Key(), v.Present()
	}
	var b strings.Builder
	for _, col := range k.values {
		v := col.value(row)
		if !v.Present() {
			return "", false
		}
		b.WriteString(quote(v.Key()))
	}
	return b.String(), true
}

// nearest remembers the time of the row met last, for each value of the key.
type nearest struct {
	keyed   bool
	found   bool
	time    event.Time
	byCode  map[uint32]event.Time
	byValue map[string]event.Time
}

func newNearest(keyed bool) *nearest {
	n := &nearest{keyed: keyed}
	if keyed {
		n.byCode, n.byValue = map[uint32]event.Time{}, map[string]event.Time{}
	}
	return n
}

func (n *nearest) clear() {
	n.found = false
	clear(n.byCode)
	clear(n.byValue)
}

func (n *nearest) put(k *rowKeys, row int, t event.Time) {
	switch {
	case !n.keyed:
		n.found, n.time = true, t
	case k.codes != nil:
		if k.codes.Present(row) {
			n.byCode[k.codes.Codes[row]] = t
		}
	default:
		if key, ok := k.text(row); ok {
			n.byValue[key] = t
		}
	}
}

func (n *nearest) get(k *rowKeys, row int) (t event.Time, ok bool) {
	switch {
	case !n.keyed:
		return n.time, n.found
	case k.codes != nil:
		if !k.codes.Present(row) {
			return 0, false
		}
		t, ok = n.byCode[k.codes.Codes[row]]
		return t, ok
	}
	key, present := k.text(row)
	if !present {
		return 0, false
	}
	t, ok = n.byValue[key]
	return t, ok
}
