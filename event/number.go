package event

import (
	"errors"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Number is an exact decimal: coefficient × 10^-scale. Small coefficients live in an int64, so that
// the common case costs no allocation; larger ones in a big.Int that is never changed after it is made.
// The zero Number is 0. Compare with Cmp or Equal, not with ==: 1 and 1.0 are equal and differ in scale.
type Number struct {
	c     int64
	big   *big.Int // overrides c when not nil
	scale int16    // 0…maxDigits
}

const (
	// maxDigits bounds the digits of a coefficient and the scale. A result beyond it is an overflow,
	// which rules read as a missing value.
	maxDigits = 1000
	// QuotientDigits is the number of fractional digits that division keeps, rounded half to even.
	QuotientDigits = 18
	// PrintDigits is the number of fractional digits that String shows, rounded half to even.
	PrintDigits = 12
)

var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return
}()

func bigPow10(n int) *big.Int {
	if n < len(pow10) {
		return big.NewInt(pow10[n])
	}
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// Int returns the integer n.
func Int(n int64) Number { return Number{c: n} }

// Scaled returns c × 10^-scale. The scale must be between 0 and 18.
func Scaled(c int64, scale int) Number { return Number{c: c, scale: int16(scale)} }

// ErrNumber says that a text is not a decimal number.
var ErrNumber = errors.New("not a number")

// ParseNumber reads a decimal: an optional sign, digits with an optional point, an optional exponent.
// Blanks, thousands separators, "Inf" and "NaN" are refused.
func ParseNumber(s string) (Number, error) {
	if n, ok := parseSmall(s); ok {
		return n, nil
	}
	mant, exp := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(strings.TrimPrefix(s[i+1:], "+"))
		if err != nil || s[i+1:] == "" || e > maxDigits || e < -maxDigits {
			return Number{}, ErrNumber
		}
		mant, exp = s[:i], e
	}
	neg := false
	if mant != "" && (mant[0] == '-' || mant[0] == '+') {
		neg = mant[0] == '-'
		mant = mant[1:]
	}
	whole, frac, _ := strings.Cut(mant, ".")
	if whole == "" && frac == "" || len(whole)+len(frac) > maxDigits {
		return Number{}, ErrNumber
	}
	digits := whole + frac
	for i := 0; i < len(digits); i++ {
		if digits[i] < '0' || digits[i] > '9' {
			return Number{}, ErrNumber
		}
	}
	b, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return Number{}, ErrNumber
	}
	if neg {
		b.Neg(b)
	}
	n, ok := fromBig(b, len(frac)-exp)
	if !ok {
		return Number{}, ErrNumber
	}
	return n, nil
}

// parseSmall reads the plain forms that fit 18 digits, which are nearly all there are.
func parseSmall(s string) (Number, bool) {
	if len(s) == 0 || len(s) > 19 {
		return Number{}, false
	}
	i, neg := 0, false
	if s[0] == '-' || s[0] == '+' {
		neg, i = s[0] == '-', 1
	}
	var c int64
	digits, point := 0, -1
	for ; i < len(s); i++ {
		switch d := s[i]; {
		case d >= '0' && d <= '9':
			if digits++; digits > 18 {
				return Number{}, false
			}
			c = c*10 + int64(d-'0')
		case d == '.' && point < 0:
			point = digits
		default:
			return Number{}, false
		}
	}
	if digits == 0 {
		return Number{}, false
	}
	if neg {
		c = -c
	}
	scale := 0
	if point >= 0 {
		scale = digits - point
	}
	return Number{c: c, scale: int16(scale)}, true
}

// fromBig makes b × 10^-scale, small when it can be; scale may be negative. It takes b over.
func fromBig(b *big.Int, scale int) (Number, bool) {
	if scale < 0 {
		if -scale > maxDigits {
			return Number{}, b.Sign() == 0
		}
		b = new(big.Int).Mul(b, bigPow10(-scale))
		scale = 0
	}
	if b.IsInt64() && b.Int64() != math.MinInt64 {
		if scale > maxDigits {
			return Number{}, b.Sign() == 0
		}
		return Number{c: b.Int64(), scale: int16(scale)}, true
	}
	if b.BitLen() > maxDigits*3321/1000 || scale > maxDigits {
		return Number{}, false
	}
	return Number{big: b, scale: int16(scale)}, true
}

func (n Number) coef() *big.Int {
	if n.big != nil {
		return n.big
	}
	return big.NewInt(n.c)
}

// rescale returns n's coefficient at a larger scale when that fits an int64.
func (n Number) rescale(scale int16) (int64, bool) {
	if n.big != nil {
		return 0, false
	}
	d := int(scale - n.scale)
	if d == 0 || n.c == 0 {
		return n.c, true
	}
	if d >= len(pow10) {
		return 0, false
	}
	return mul64(n.c, pow10[d])
}

func mul64(a, b int64) (int64, bool) {
	ua, ub, neg := abs64(a), abs64(b), (a < 0) != (b < 0)
	hi, lo := bits.Mul64(ua, ub)
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if neg {
		return -int64(lo), true
	}
	return int64(lo), true
}

func abs64(a int64) uint64 {
	if a < 0 {
		return uint64(-a)
	}
	return uint64(a)
}

// Coefficient returns c such that n = c × 10^-scale, and false when that is not exact or does not fit.
// A column of numbers is stored as such coefficients with one scale.
func (n Number) Coefficient(scale int) (int64, bool) {
	if int(n.scale) > scale {
		n = n.Normal()
		if int(n.scale) > scale {
			return 0, false
		}
	}
	return n.rescale(int16(scale))
}

// Scale is the number of fractional digits n is written with.
func (n Number) Scale() int { return int(n.scale) }

// Normal returns the equal number without trailing fractional zeros.
func (n Number) Normal() Number {
	if n.big == nil {
		if n.c == 0 {
			return Number{}
		}
		for n.scale > 0 && n.c%10 == 0 {
			n.c, n.scale = n.c/10, n.scale-1
		}
		return n
	}
	b, ten, q, r := n.big, big.NewInt(10), new(big.Int), new(big.Int)
	for n.scale > 0 {
		if q.QuoRem(b, ten, r); r.Sign() != 0 {
			break
		}
		b, n.scale = new(big.Int).Set(q), n.scale-1
	}
	m, _ := fromBig(b, int(n.scale))
	return m
}

// Cmp orders by value: -1, 0, +1.
func (n Number) Cmp(m Number) int {
	s := max(n.scale, m.scale)
	if a, ok := n.rescale(s); ok {
		if b, ok := m.rescale(s); ok {
			switch {
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		}
	}
	return scaledUp(n, s).Cmp(scaledUp(m, s))
}

func scaledUp(n Number, scale int16) *big.Int {
	if scale == n.scale {
		return n.coef()
	}
	return new(big.Int).Mul(n.coef(), bigPow10(int(scale-n.scale)))
}

// Equal says whether the values are the same; 1 equals 1.0.
func (n Number) Equal(m Number) bool { return n.Cmp(m) == 0 }

// Sign is -1, 0 or +1.
func (n Number) Sign() int {
	if n.big != nil {
		return n.big.Sign()
	}
	switch {
	case n.c < 0:
		return -1
	case n.c > 0:
		return 1
	}
	return 0
}

// Add returns n + m exactly; false on overflow.
func (n Number) Add(m Number) (Number, bool) {
	s := max(n.scale, m.scale)
	if a, ok := n.rescale(s); ok {
		if b, ok := m.rescale(s); ok {
			if c := a + b; (c > a) == (b > 0) && c != math.MinInt64 {
				return Number{c: c, scale: s}, true
			}
		}
	}
	return fromBig(new(big.Int).Add(scaledUp(n, s), scaledUp(m, s)), int(s))
}

// Neg returns -n.
func (n Number) Neg() Number {
	if n.big != nil {
		m, _ := fromBig(new(big.Int).Neg(n.big), int(n.scale))
		return m
	}
	n.c = -n.c
	return n
}

// Abs returns n without its sign.
func (n Number) Abs() Number {
	if n.Sign() < 0 {
		return n.Neg()
	}
	return n
}

// Sub returns n - m exactly; false on overflow.
func (n Number) Sub(m Number) (Number, bool) { return n.Add(m.Neg()) }

// Mul returns n × m exactly; false on overflow.
func (n Number) Mul(m Number) (Number, bool) {
	if n.big == nil && m.big == nil {
		if c, ok := mul64(n.c, m.c); ok && int(n.scale)+int(m.scale) <= maxDigits {
			return Number{c: c, scale: n.scale + m.scale}, true
		}
	}
	r, ok := fromBig(new(big.Int).Mul(n.coef(), m.coef()), int(n.scale)+int(m.scale))
	if !ok {
		a, b := n.Normal(), m.Normal()
		r, ok = fromBig(new(big.Int).Mul(a.coef(), b.coef()), int(a.scale)+int(b.scale))
	}
	return r, ok
}

// Div returns n ÷ m with QuotientDigits fractional digits, half to even; false when m is 0 or on overflow.
func (n Number) Div(m Number) (Number, bool) {
	if m.Sign() == 0 {
		return Number{}, false
	}
	// n.c/10^n.s ÷ m.c/10^m.s = n.c × 10^(18 - n.s + m.s) / m.c × 10^-18
	num, den := n.coef(), m.coef()
	if shift := QuotientDigits - int(n.scale) + int(m.scale); shift >= 0 {
		num = new(big.Int).Mul(num, bigPow10(shift))
	} else {
		den = new(big.Int).Mul(den, bigPow10(-shift))
	}
	r, ok := fromBig(quoHalfEven(num, den), QuotientDigits)
	return r.Normal(), ok
}

// Mod returns the remainder of n ÷ m truncated towards zero, with the sign of n; false when m is 0.
func (n Number) Mod(m Number) (Number, bool) {
	if m.Sign() == 0 {
		return Number{}, false
	}
	s := max(n.scale, m.scale)
	return fromBig(new(big.Int).Rem(scaledUp(n, s), scaledUp(m, s)), int(s))
}

func quoHalfEven(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	twice := new(big.Int).Lsh(new(big.Int).Abs(r), 1)
	c := twice.Cmp(new(big.Int).Abs(b))
	if c > 0 || c == 0 && q.Bit(0) == 1 {
		if (a.Sign() < 0) != (b.Sign() < 0) {
			q.Sub(q, big.NewInt(1))
		} else {
			q.Add(q, big.NewInt(1))
		}
	}
	return q
}

// Round returns n rounded to the given fractional digits, half away from zero. Negative digits round
// to tens, hundreds and so on.
func (n Number) Round(digits int) Number {
	if digits >= int(n.scale) {
		return n
	}
	drop := int(n.scale) - digits
	if drop > maxDigits+1 {
		return Number{}
	}
	unit := bigPow10(drop)
	q, r := new(big.Int).QuoRem(n.coef(), unit, new(big.Int))
	if new(big.Int).Lsh(new(big.Int).Abs(r), 1).Cmp(unit) >= 0 {
		q.Add(q, big.NewInt(int64(n.Sign())))
	}
	m, _ := fromBig(q, digits)
	return m
}

// Floor returns the largest integer not above n.
func (n Number) Floor() Number {
	if n.scale == 0 {
		return n
	}
	unit := bigPow10(int(n.scale))
	m, _ := fromBig(new(big.Int).Div(n.coef(), unit), 0) // Euclidean division by a positive unit is the floor
	return m
}

// Int64 returns n as an integer, and false when it is not one or does not fit.
func (n Number) Int64() (int64, bool) {
	n = n.Normal()
	return n.c, n.big == nil && n.scale == 0
}

// Float64 returns the nearest float64.
func (n Number) Float64() float64 {
	if n.big == nil && n.scale == 0 {
		return float64(n.c)
	}
	f, _ := strconv.ParseFloat(n.Exact(), 64)
	return f
}

// FromFloat returns f at 15 significant digits (what pow, log and exp keep); false for Inf and NaN.
func FromFloat(f float64) (Number, bool) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return Number{}, false
	}
	n, err := ParseNumber(strconv.FormatFloat(f, 'e', 14, 64))
	return n.Normal(), err == nil
}

// Exact writes n in plain decimal with all its digits, without trailing fractional zeros.
// Equal numbers have the same Exact text.
func (n Number) Exact() string {
	n = n.Normal()
	if n.big == nil && n.scale == 0 {
		return strconv.FormatInt(n.c, 10)
	}
	digits := n.coef().String()
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	if s := int(n.scale); s > 0 {
		if len(digits) <= s {
			digits = strings.Repeat("0", s-len(digits)+1) + digits
		}
		digits = digits[:len(digits)-s] + "." + digits[len(digits)-s:]
	}
	return sign + digits
}

// String writes n in plain decimal with at most PrintDigits fractional digits, rounded half to even,
// without exponent and without trailing zeros.
func (n Number) String() string {
	if n.scale > PrintDigits {
		if m := n.Normal(); m.scale > PrintDigits {
			b := quoHalfEven(m.coef(), bigPow10(int(m.scale)-PrintDigits))
			n, _ = fromBig(b, PrintDigits)
		}
	}
	return n.Exact()
}
