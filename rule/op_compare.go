package rule

import (
	"math"
	"strings"

	"tagma/event"
)

// Comparisons. A condition is never missing: with a missing value, or values of different kinds, every
// comparison is false, except that != is exactly the complement of ==.

var opEq = &op{name: "==", eval: evalCompare, text: infix("==")}
var opLt = &op{name: "<", eval: evalCompare, text: infix("<")}
var opLe = &op{name: "<=", eval: evalCompare, text: infix("<=")}
var opGt = &op{name: ">", eval: evalCompare, text: infix(">")}
var opGe = &op{name: ">=", eval: evalCompare, text: infix(">=")}

// relation is which of the five comparisons is asked.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

var relations = map[string]relation{"==": equal, "<": less, "<=": lessOrEqual, ">": greater, ">=": greaterOrEqual}

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

func evalCompare(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	v := w.condVec(n, single)
	rel := relations[x.op.name]
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
		if cb == nil {
			continue
		}
		if b.single && !a.single {
			if cb.Present(0) {
				compareConst(w, rel, ca, cb.Value(0), v.cond)
			}
			continue
		}
		compareColumns(rel, ca, a.single && !single, cb, b.single && !single, n, v.cond)
	}
	return v
}

// threshold turns "coefficient at scale op k" into "coefficient op limit" on integers.
// always is +1 when it holds for every coefficient, -1 for none, 0 when limit decides.
func threshold(o relation, k event.Number, scale int) (as relation, limit int64, always int) {
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

// within sets the bits of the numbers in lo…hi: the innermost loop of most rules.
func within(ints []int64, lo, hi int64, out event.Bits) {
	if lo > hi {
		return
	}
	width := uint64(hi) - uint64(lo)
	n := len(ints)
	for word := 0; word*64 < n; word++ {
		chunk := ints[word*64 : min(n, word*64+64)]
		var bits uint64
		for j, v := range chunk {
			if uint64(v)-uint64(lo) <= width {
				bits |= 1 << j
			}
		}
		out[word] |= bits
	}
}

func compareConst(w *worker, o relation, c *event.Column, k event.Value, out event.Bits) {
	hit := out
	if c.Has != nil {
		hit = w.bits(c.Len)
	}
	switch {
	case c.Kind == event.NumberKind && c.Nums == nil:
		o2, limit, always := threshold(o, k.Number(), c.Scale)
		switch always {
		case 0:
			lo, hi := interval(o2, limit)
			within(c.Ints[:c.Len], lo, hi, hit)
		case 1:
			hit.Fill(c.Len)
		}
	case c.Kind == event.TimeKind:
		lo, hi := interval(o, int64(k.Time()))
		within(c.Ints[:c.Len], lo, hi, hit)
	case c.Kind == event.DateKind:
		lo, hi := interval(o, int64(k.Date()))
		within(c.Ints[:c.Len], lo, hi, hit)
	case c.Kind == event.BoolKind:
		kb := int64(0)
		if k.Bool() {
			kb = 1
		}
		lo, hi := interval(o, kb)
		within(c.Ints[:c.Len], lo, hi, hit)
	case c.Kind == event.TextKind && o == equal:
		equalText(c, k.Text(), hit)
	default:
		for i := 0; i < c.Len; i++ {
			if c.Present(i) && o.holds(c.Value(i).Compare(k)) {
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

// equalText sets the bits of the elements equal to a text. Elements without a value may be set as well.
func equalText(c *event.Column, text string, out event.Bits) {
	if c.Dict != nil {
		if code, ok := c.Dict.Code(text); ok {
			for word := 0; word*64 < c.Len; word++ {
				chunk := c.Codes[word*64 : min(c.Len, word*64+64)]
				var bits uint64
				for j, v := range chunk {
					if v == code {
						bits |= 1 << j
					}
				}
				out[word] |= bits
			}
			return
		}
	}
	if len(c.Inline) == 0 {
		return
	}
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

// opIn: args an element and a list of constants (aux *constSet), or an element and a list value.
var opIn = &op{name: "in", text: func(x *Expr, arg func(int) string) string {
	if len(x.args) == 2 {
		return "(" + arg(0) + " in " + arg(1) + ")"
	}
	return "(" + arg(0) + " in " + x.val.String() + ")"
}, eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	v := w.condVec(n, single)
	a := args[0]
	if len(args) == 2 {
		for i := 0; i < n; i++ {
			e, l := a.value(i), args[1].value(i)
			for _, y := range l.List() {
				if e.Equal(y) {
					v.cond.Set(i)
					break
				}
			}
		}
		return v
	}
	set := x.aux.(*constSet)
	if a.isCond {
		for i := 0; i < n; i++ {
			if set.keys[a.value(i).Key()] {
				v.cond.Set(i)
			}
		}
		return v
	}
	for p := range a.parts {
		c := &a.parts[p]
		if c.Kind == event.TextKind && !a.single {
			set.inTexts(w, c, v.cond)
			continue
		}
		if len(set.values) <= 4 && !a.single {
			for _, k := range set.values {
				if k.Kind() == c.Kind {
					compareConst(w, equal, c, k, v.cond)
				}
			}
			continue
		}
		for i := 0; i < n; i++ {
			if j := a.idx(i); c.Present(j) && set.keys[c.Value(j).Key()] {
				v.cond.Set(i)
			}
		}
	}
	return v
}}

// constSet is a list of constants to look a value up in.
type constSet struct {
	values []event.Value
	keys   map[string]bool
}

func newConstSet(values []event.Value) *constSet {
	s := &constSet{keys: map[string]bool{}}
	for _, v := range values {
		if k := v.Key(); v.Present() && !s.keys[k] {
			s.keys[k] = true
			s.values = append(s.values, v)
		}
	}
	return s
}

func (s *constSet) inTexts(w *worker, c *event.Column, out event.Bits) {
	var buf [32]uint32
	codes := buf[:0]
	for _, v := range s.values {
		if v.Kind() == event.TextKind && c.Dict != nil {
			if code, ok := c.Dict.Code(v.Text()); ok {
				codes = append(codes, code)
			}
		}
	}
	for i, code := range c.Codes[:c.Len] {
		if !c.Present(i) {
			continue
		}
		if code&event.Inline != 0 {
			if s.keys[event.Text(c.Inline[code&^event.Inline]).Key()] {
				out.Set(i)
			}
			continue
		}
		for _, k := range codes {
			if k == code {
				out.Set(i)
				break
			}
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
