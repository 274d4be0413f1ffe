package rule

import (
	"math"

	"tagma/event"
)

// Arithmetic on exact decimals. Missing spreads; division by zero and overflow are missing.

var (
	opAdd = arith("+", event.Number.Add, addInts)
	opSub = arith("-", event.Number.Sub, subInts)
	opMul = arith("*", event.Number.Mul, nil)
	opDiv = arith("/", event.Number.Div, nil)
	opMod = arith("%", event.Number.Mod, nil)
)

func addInts(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0) && c != math.MinInt64
}

func subInts(a, b int64) (int64, bool) {
	c := a - b
	return c, (c < a) == (b > 0) && c != math.MinInt64
}

// arith makes a binary operation; fast, when given, works on coefficients of equal scale.
func arith(sign string, exact func(a, b event.Number) (event.Number, bool), fast func(a, b int64) (int64, bool)) *op {
	text := infix(sign)
	if sign == "+" || sign == "*" {
		text = sorted(sign)
	}
	return &op{name: sign, text: text, eval: func(w *worker, x *Expr, args []*vec) *vec {
		n, single := w.frame(x)
		a, b := args[0].part(event.NumberKind), args[1].part(event.NumberKind)
		if a == nil || b == nil {
			return w.valueVec(n, single)
		}
		if fast != nil && a.Nums == nil && b.Nums == nil {
			if v := fastArith(w, n, single, args[0], a, args[1], b, fast); v != nil {
				return v
			}
		}
		nums := make([]event.Number, n)
		has := event.NewBits(n)
		for i := 0; i < n; i++ {
			ia, ib := args[0].idx(i), args[1].idx(i)
			if !a.Present(ia) || !b.Present(ib) {
				continue
			}
			if r, ok := exact(numberAt(a, ia), numberAt(b, ib)); ok {
				nums[i] = r
				has.Set(i)
			}
		}
		return w.numbers(n, single, nums, has)
	}}
}

// opPlus: + of values whose kinds show themselves: numbers are added, texts joined.
var opPlus = &op{name: "plus", text: infix("+"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	if args[0].part(event.TextKind) == nil || args[1].part(event.TextKind) == nil {
		return opAdd.eval(w, x, args)
	}
	n, single := w.frame(x)
	return w.fromValues(n, single, func(i int) event.Value {
		a, b := args[0].value(i), args[1].value(i)
		switch {
		case a.Kind() == event.TextKind && b.Kind() == event.TextKind:
			return event.Text(a.Text() + b.Text())
		case a.Kind() == event.NumberKind && b.Kind() == event.NumberKind:
			return num(a.Number().Add(b.Number()))
		}
		return event.Value{}
	})
}}

// numbers makes a value of numbers, as coefficients where they fit.
func (w *worker) numbers(n int, single bool, nums []event.Number, has event.Bits) *vec {
	c := w.column(event.NumberKind, n)
	c.Has = has
	if c.Ints, c.Scale = coefficients(nums, has); c.Ints == nil {
		c.Nums = nums
	}
	return w.oneCol(n, single, c)
}

func fastArith(w *worker, n int, single bool, va *vec, a *event.Column, vb *vec, b *event.Column, f func(a, b int64) (int64, bool)) *vec {
	scale := max(a.Scale, b.Scale)
	fa, ok1 := event.Int(1).Coefficient(0)
	fb := fa
	if a.Scale < scale {
		fa, ok1 = powerOf10(scale - a.Scale).Int64()
	}
	ok2 := true
	if b.Scale < scale {
		fb, ok2 = powerOf10(scale - b.Scale).Int64()
	}
	if !ok1 || !ok2 {
		return nil
	}
	c := w.column(event.NumberKind, n)
	c.Scale, c.Ints = scale, w.int64s(n)
	if a.Has != nil || b.Has != nil {
		c.Has = w.bits(n)
	}
	for i := 0; i < n; i++ {
		ia, ib := va.idx(i), vb.idx(i)
		if !a.Present(ia) || !b.Present(ib) {
			continue
		}
		p, q := a.Ints[ia], b.Ints[ib]
		if fa != 1 {
			if p > math.MaxInt64/fa || p < -math.MaxInt64/fa {
				return nil
			}
			p *= fa
		}
		if fb != 1 {
			if q > math.MaxInt64/fb || q < -math.MaxInt64/fb {
				return nil
			}
			q *= fb
		}
		r, ok := f(p, q)
		if !ok {
			return nil
		}
		c.Ints[i] = r
		if c.Has != nil {
			c.Has.Set(i)
		}
	}
	return w.oneCol(n, single, c)
}

var opNeg = &op{name: "neg", eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	if p := args[0].part(event.NumberKind); p != nil && p.Nums == nil && args[0].single == single {
		c := w.column(event.NumberKind, n)
		c.Ints, c.Scale, c.Has = w.rawInt64s(n), p.Scale, p.Has
		least := int64(0)
		for i, k := range p.Ints[:n] {
			least = min(least, k)
			c.Ints[i] = -k
		}
		if least > math.MinInt64 {
			return w.oneCol(n, single, c)
		}
	}
	return w.fromValues(n, single, func(i int) event.Value {
		if v := args[0].value(i); v.Kind() == event.NumberKind {
			return event.Num(v.Number().Neg())
		}
		return event.Value{}
	})
}, text: func(x *Expr, arg func(int) string) string { return "-" + arg(0) }}

// opShift: a time plus (str "+") or minus (str "-") a duration in milliseconds.
var opShift = &op{name: "shift", eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	return w.fromValues(n, single, func(i int) event.Value {
		t, d := args[0].value(i), args[1].value(i)
		ms, ok := d.Number().Int64()
		if t.Kind() != event.TimeKind || d.Kind() != event.NumberKind || !ok {
			return event.Value{}
		}
		if x.str == "-" {
			ms = -ms
		}
		return event.Instant(t.Time() + event.Time(ms))
	})
}, text: func(x *Expr, arg func(int) string) string { return "(" + arg(0) + " " + x.str + " " + arg(1) + ")" }}

// opElapsed: the duration between two times in milliseconds.
var opElapsed = &op{name: "elapsed", eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	return w.fromValues(n, single, func(i int) event.Value {
		a, b := args[0].value(i), args[1].value(i)
		if a.Kind() != event.TimeKind || b.Kind() != event.TimeKind || a.Time() == event.Always || b.Time() == event.Always {
			return event.Value{}
		}
		return event.Num(event.Int(int64(a.Time()) - int64(b.Time())))
	})
}, text: infix("-")}
