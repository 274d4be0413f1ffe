package rule

import (
	"math"
	"strings"

	"tagma/event"
)

// Comparisons. A condition is never missing: with a missing value, or values of different kinds, every
// comparison is false, except that != is exactly the complement of ==.

var (
	opEq = compareOp("==", equal)
	opLt = compareOp("<", less)
	opLe = compareOp("<=", lessOrEqual)
	opGt = compareOp(">", greater)
	opGe = compareOp(">=", greaterOrEqual)
)

func compareOp(sign string, rel relation) *op {
	text := infix(sign)
	if rel == equal {
		text = sorted(sign)
	}
	return &op{name: sign, text: text, eval: func(w *worker, x *Expr, args []*vec) *vec { return w.compare(x, rel, args) }}
}

// relation is which of the five comparisons is asked.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// holds says whether a comparison's outcome c (negative, 0, positive) satisfies the relation.
func (r relation) holds(c int) bool {
	switch r {
	case equal:
		return c == 0
	case less:
		return c < 0
	case lessOrEqual:
		return c <= 0
	case greater:
		return c > 0
	}
	return c >= 0
}

func (w *worker) compare(x *Expr, rel relation, args []*vec) *vec {
	n, single := w.frame(x)
	v := w.condVec(n, single)
	a, b := args[0], args[1]
	if a.isCond || b.isCond {
		for i := 0; i < n; i++ {
			p, q := a.value(i), b.value(i)
			if p.Kind() == event.BoolKind && q.Kind() == event.BoolKind && rel.holds(p.Compare(q)) {
				v.cond.Set(i)
			}
		}
		return v
	}
	for p := range a.parts {
		ca := &a.parts[p]
		cb := b.part(ca.Kind)
		switch {
		case cb == nil:
		case b.single && !a.single:
			if cb.Present(0) {
				w.compareConst(rel, ca, cb, v.cond)
			}
		default:
			compareColumns(rel, ca, a.single && !single, cb, b.single && !single, n, v.cond)
		}
	}
	return v
}

// threshold turns "coefficient at scale op k" into "coefficient op limit" on integers.
// always is +1 when it holds for every coefficient, -1 for none, 0 when limit decides.
func threshold(o relation, k event.Number, scale int) (as relation, limit int64, always int) {
	if c, exact := k.Coefficient(scale); exact {
		return o, c, 0
	}
	scaled, ok := k.Mul(powerOf10(scale))
	floor := scaled.Floor()
	f, fits := floor.Int64()
	if !ok || !fits {
		if o == equal {
			return o, 0, -1
		}
		if (k.Sign() > 0) == (o == less || o == lessOrEqual) {
			return o, 0, 1
		}
		return o, 0, -1
	}
	exact := floor.Equal(scaled)
	switch {
	case exact:
		return o, f, 0
	case o == equal:
		return o, 0, -1
	case o == less:
		return lessOrEqual, f, 0
	case o == greaterOrEqual:
		return greater, f, 0
	}
	return o, f, 0
}

func powerOf10(n int) event.Number {
	k := event.Int(1)
	for range n {
		k, _ = k.Mul(event.Int(10))
	}
	return k
}

// interval turns an operator and a limit into lo ≤ x ≤ hi.
func interval(o relation, limit int64) (lo, hi int64) {
	lo, hi = math.MinInt64, math.MaxInt64
	switch o {
	case equal:
		return limit, limit
	case less:
		if limit == math.MinInt64 {
			return 1, 0
		}
		hi = limit - 1
	case lessOrEqual:
		hi = limit
	case greater:
		if limit == math.MaxInt64 {
			return 1, 0
		}
		lo = limit + 1
	case greaterOrEqual:
		lo = limit
	}
	return
}

// compareConst compares a column with the one element of k, which is present and of the same kind.
func (w *worker) compareConst(o relation, c, k *event.Column, out event.Bits) {
	hit := out
	if c.Has != nil {
		hit = w.bits(c.Len)
	}
	switch {
	case c.Kind == event.TextKind && o == equal:
		w.equalText(c, k, hit)
	case c.Ints != nil:
		m := &w.memos[w.node]
		if !m.ready || m.scale != c.Scale {
			m.lo, m.hi = limits(o, c, k.Value(0))
			m.ready, m.scale = true, c.Scale
		}
		within(c.Ints[:c.Len], m.lo, m.hi, hit)
	default:
		v := k.Value(0)
		for i := 0; i < c.Len; i++ {
			if c.Present(i) && o.holds(c.Value(i).Compare(v)) {
				hit.Set(i)
			}
		}
	}
	if c.Has != nil {
		for i := range hit {
			out[i] |= hit[i] & c.Has[i]
		}
	}
}

// limits turns a comparison with a constant into lo ≤ x ≤ hi on the integers of a column; lo > hi for none.
func limits(o relation, c *event.Column, k event.Value) (lo, hi int64) {
	switch c.Kind {
	case event.NumberKind:
		rel, limit, always := threshold(o, k.Number(), c.Scale)
		switch always {
		case 1:
			return math.MinInt64, math.MaxInt64
		case -1:
			return 1, 0
		}
		return interval(rel, limit)
	case event.TimeKind:
		return interval(o, int64(k.Time()))
	case event.DateKind:
		return interval(o, int64(k.Date()))
	}
	if k.Bool() {
		return interval(o, 1)
	}
	return interval(o, 0)
}

// codeOf returns the code of a text in a dictionary, remembered for the expression that asks.
func (w *worker) codeOf(d event.Dict, k *event.Column) (uint32, bool) {
	m := &w.memos[w.node]
	if m.dict != d {
		m.dict, m.codes = d, m.codes[:0]
		if code, ok := d.Code(k.Text(0)); ok {
			m.codes = append(m.codes, code)
		}
	}
	if len(m.codes) == 0 {
		return 0, false
	}
	return m.codes[0], true
}

// equalText sets the bits of the elements equal to the text of k. Elements without a value may be set as well.
func (w *worker) equalText(c, k *event.Column, out event.Bits) {
	if c.Dict != nil {
		if code, ok := w.codeOf(c.Dict, k); ok {
			equalCodes(c.Codes[:c.Len], code, out)
			return
		}
	}
	if len(c.Inline) == 0 {
		return
	}
	text := k.Text(0)
	for i, code := range c.Codes[:c.Len] {
		if code&event.Inline != 0 && c.Present(i) && c.Inline[code&^event.Inline] == text {
			out.Set(i)
		}
	}
}

func compareColumns(o relation, a *event.Column, aOne bool, b *event.Column, bOne bool, n int, out event.Bits) {
	ints := a.Ints != nil && b.Ints != nil && a.Nums == nil && b.Nums == nil && a.Scale == b.Scale
	sameDict := a.Kind == event.TextKind && o == equal && a.Dict != nil && a.Dict == b.Dict
	for i := 0; i < n; i++ {
		ia, ib := i, i
		if aOne {
			ia = 0
		}
		if bOne {
			ib = 0
		}
		if !a.Present(ia) || !b.Present(ib) {
			continue
		}
		var c int
		switch {
		case ints:
			switch p, q := a.Ints[ia], b.Ints[ib]; {
			case p < q:
				c = -1
			case p > q:
				c = 1
			}
		case a.Kind == event.NumberKind:
			c = numberAt(a, ia).Cmp(numberAt(b, ib))
		case sameDict && (a.Codes[ia]|b.Codes[ib])&event.Inline == 0:
			if a.Codes[ia] != b.Codes[ib] {
				c = 1
			}
		case a.Kind == event.TextKind:
			c = strings.Compare(a.Text(ia), b.Text(ib))
		default:
			c = a.Value(ia).Compare(b.Value(ib))
		}
		if o.holds(c) {
			out.Set(i)
		}
	}
}

// opAnyOf: a comparison of the identifiers of a kind with a value: any of them.
var opAnyOf = &op{name: "any==", eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	v := w.condVec(n, single)
	for i := 0; i < n; i++ {
		want := args[1].value(i)
		for _, y := range args[0].value(i).List() {
			if want.Equal(y) {
				v.cond.Set(i)
				break
			}
		}
	}
	return v
}}
