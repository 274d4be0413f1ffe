package rule

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode/utf8"

	"tagma/event"
	"tagma/warehouse"
)

// function is a function of the language over single values. Missing arguments make a missing result.
type function struct {
	name   string
	params []Type
	least  int  // how many arguments are needed; the rest may be left out
	many   bool // the last parameter repeats
	result Type
	method bool // may be written x.f(…) as well
	doc    string
	// call computes one element; it may look at now and the zone.
	call func(w *worker, x *Expr, args []event.Value) event.Value
	// vector, when given, computes all elements at once.
	vector func(w *worker, x *Expr, args []*vec) *vec
	// prepare checks and prepares constant arguments at check time: aux for the op.
	prepare func(zone *event.Zone, args []*Expr) (aux any, err error)
	op      *op
}

// functions is the table that checker, completion and documentation read.
var functions = func() map[string]*function {
	m := map[string]*function{}
	for _, f := range functionTable() {
		f.op = &op{name: f.name, eval: f.eval}
		m[f.name] = f
	}
	return m
}()

func (f *function) eval(w *worker, x *Expr, args []*vec) *vec {
	if f.vector != nil {
		return f.vector(w, x, args)
	}
	n, single := w.frame(x)
	vals := make([]event.Value, len(args))
	var memo map[string]event.Value // texts repeat: compute each once a block
	v := w.fromValues(n, single, func(i int) event.Value {
		for k, a := range args {
			vals[k] = a.value(i)
			if !vals[k].Present() {
				return event.Value{}
			}
		}
		if len(vals) > 0 && vals[0].Kind() == event.TextKind && allSingle(args[1:]) && f.name != "number" {
			if memo == nil {
				memo = map[string]event.Value{}
			}
			key := vals[0].Text()
			r, ok := memo[key]
			if !ok {
				r = f.call(w, x, vals)
				memo[key] = r
			}
			return r
		}
		return f.call(w, x, vals)
	})
	if f.result == Bool { // a condition: never missing
		v.cond, v.isCond, v.parts = w.truth(v), true, nil
	}
	return v
}

func allSingle(args []*vec) bool {
	for _, a := range args {
		if !a.single {
			return false
		}
	}
	return true
}

func num(n event.Number, ok bool) event.Value {
	if !ok {
		return event.Value{}
	}
	return event.Num(n)
}

func intValue(n int) event.Value { return event.Num(event.Int(int64(n))) }

// dateOf is the local day of a time, or a date itself.
func dateOf(w *worker, v event.Value) (event.Date, bool) {
	switch v.Kind() {
	case event.TimeKind:
		return w.zone.Date(v.Time()), v.Time() != event.Always
	case event.DateKind:
		return v.Date(), true
	}
	return 0, false
}

// dateInts computes an integer of the local day of each time or date, on whole columns.
func dateInts(f func(w *worker, d event.Date) int) func(w *worker, x *Expr, args []*vec) *vec {
	return func(w *worker, x *Expr, args []*vec) *vec {
		return w.timeInts(x, w.localDays(args[0]), func(v int64, _ bool) int64 { return int64(f(w, event.Date(v))) })
	}
}

// The days of a hundred years before and after 1970 are remembered: birthdays repeat.
const (
	dayReach   = 36525
	unknownDay = math.MinInt32
)

// remembered is f, which takes long for a day, asked once for each day at an instant.
func remembered(f func(w *worker, d event.Date) int) func(w *worker, d event.Date) int {
	return func(w *worker, d event.Date) int {
		if d < -dayReach || d >= dayReach || w.n < warehouse.BlockSize { // few customers are not worth the memory
			return f(w, d)
		}
		m := &w.memos[w.node]
		if m.days == nil || m.now != w.now {
			m.days, m.now = make([]int32, 2*dayReach), w.now
			for i := range m.days {
				m.days[i] = unknownDay
			}
		}
		at := &m.days[d+dayReach]
		if *at == unknownDay {
			*at = int32(f(w, d))
		}
		return int(*at)
	}
}

// localDays turns the times of a value into their local days. Times without an instant have none.
func (w *worker) localDays(v *vec) *vec {
	times := v.part(event.TimeKind)
	if times == nil {
		return v
	}
	out := w.vec()
	*out = *v
	out.parts = w.columns(len(v.parts))
	for p := range v.parts {
		out.parts[p] = v.parts[p]
		if c := &out.parts[p]; c.Kind == event.TimeKind {
			c.Kind, c.Ints, c.Has = event.DateKind, w.rawInt64s(c.Len), w.bits(c.Len)
			within(times.Ints[:c.Len], int64(event.Always)+1, math.MaxInt64, c.Has)
			for i := range c.Has {
				if times.Has != nil {
					c.Has[i] &= times.Has[i]
				}
			}
			event.Dates(w.zone, times.Ints[:c.Len], c.Ints)
		}
	}
	return out
}

// timeInts computes an integer of each time or date of a value; other kinds, and times without an instant, are
// missing.
func (w *worker) timeInts(x *Expr, arg *vec, f func(v int64, isDate bool) int64) *vec {
	n, single := w.frame(x)
	c := w.column(event.NumberKind, n)
	c.Ints, c.Has = w.int64s(n), w.bits(n)
	for p := range arg.parts {
		part := &arg.parts[p]
		isDate := part.Kind == event.DateKind
		if !isDate && part.Kind != event.TimeKind {
			continue
		}
		for i := 0; i < n; i++ {
			j := arg.idx(i)
			if !part.Present(j) || !isDate && part.Ints[j] == int64(event.Always) {
				continue
			}
			c.Ints[i] = f(part.Ints[j], isDate)
			c.Has.Set(i)
		}
	}
	return w.oneCol(n, single, c)
}

func onNumber(f func(n event.Number) (event.Number, bool)) func(*worker, *Expr, []event.Value) event.Value {
	return func(_ *worker, _ *Expr, a []event.Value) event.Value {
		if a[0].Kind() != event.NumberKind {
			return event.Value{}
		}
		return num(f(a[0].Number()))
	}
}

func onFloat(f func(x float64) float64) func(*worker, *Expr, []event.Value) event.Value {
	return onNumber(func(n event.Number) (event.Number, bool) { return event.FromFloat(f(n.Float64())) })
}

func onTexts(f func(a []string) event.Value) func(*worker, *Expr, []event.Value) event.Value {
	return func(_ *worker, _ *Expr, a []event.Value) event.Value {
		texts := make([]string, len(a))
		for i, v := range a {
			if v.Kind() != event.TextKind {
				return event.Value{}
			}
			texts[i] = v.Text()
		}
		return f(texts)
	}
}

// daysSince is today minus the day of each time, on whole columns.
func daysSince(sign int) func(w *worker, x *Expr, args []*vec) *vec {
	return func(w *worker, x *Expr, args []*vec) *vec {
		today := w.zone.Date(w.now)
		return dateInts(func(_ *worker, d event.Date) int { return int(today-d) * sign })(w, x, args)
	}
}

// anniversary is the day in a year on which d is kept: 29 February is kept on the 28th in common years.
func anniversary(d event.Date, year int) event.Date {
	_, m, dom := d.Civil()
	return event.DateOf(year, m, min(dom, event.DaysIn(year, m)))
}

func functionTable() []*function {
	when := []Type{Time} // a time or a date; see acceptsTime
	text := func(n int) []Type {
		ts := make([]Type, n)
		for i := range ts {
			ts[i] = Text
		}
		return ts
	}
	return []*function{
		{name: "days_since", params: when, result: Number, vector: daysSince(1), doc: "whole local days from t's date to today; negative for the future"},
		{name: "days_until", params: when, result: Number, vector: daysSince(-1), doc: "whole local days from today to t's date"},
		{name: "days_between", params: []Type{Time, Time}, result: Number, doc: "whole local days from a's date to b's",
			call: func(w *worker, _ *Expr, a []event.Value) event.Value {
				p, ok1 := dateOf(w, a[0])
				q, ok2 := dateOf(w, a[1])
				if !ok1 || !ok2 {
					return event.Value{}
				}
				return intValue(int(q - p))
			}},
		{name: "days_to_anniversary", params: when, result: Number, doc: "days from today to the next anniversary of t's date, 0 on the day",
			vector: dateInts(remembered(func(w *worker, d event.Date) int {
				today := w.zone.Date(w.now)
				y, _, _ := today.Civil()
				next := anniversary(d, y)
				if next < today {
					next = anniversary(d, y+1)
				}
				return int(next - today)
			}))},
		{name: "age", params: when, result: Number, doc: "full years from t's date to today",
			vector: dateInts(remembered(func(w *worker, d event.Date) int {
				today := w.zone.Date(w.now)
				y, _, _ := today.Civil()
				by, _, _ := d.Civil()
				years := y - by
				if anniversary(d, y) > today {
					years--
				}
				return years
			}))},
		{name: "hour", params: when, result: Number, doc: "the local hour, 0–23; of a date that of its first instant", vector: func(w *worker, x *Expr, args []*vec) *vec {
			return w.timeInts(x, args[0], func(v int64, isDate bool) int64 {
				if isDate { // its first instant, which is not everywhere midnight
					v = int64(w.zone.Start(event.Date(v)))
				}
				h, _, _, _ := w.zone.Clock(event.Time(v))
				return int64(h)
			})
		}},
		{name: "weekday", params: when, result: Number, doc: "1 for Monday … 7 for Sunday", vector: dateInts(func(_ *worker, d event.Date) int { return d.Weekday() })},
		{name: "day", params: when, result: Number, doc: "the day of the month", vector: dateInts(func(_ *worker, d event.Date) int {
			_, _, dom := d.Civil()
			return dom
		})},
		{name: "month", params: when, result: Number, doc: "the month, 1–12", vector: dateInts(func(_ *worker, d event.Date) int {
			_, m, _ := d.Civil()
			return int(m)
		})},
		{name: "year", params: when, result: Number, doc: "the year", vector: dateInts(func(_ *worker, d event.Date) int {
			y, _, _ := d.Civil()
			return y
		})},
		{name: "date", params: when, result: Date, doc: "the local day", call: func(w *worker, _ *Expr, a []event.Value) event.Value {
			if d, ok := dateOf(w, a[0]); ok {
				return event.Civil(d)
			}
			return event.Value{}
		}},
		{name: "format", params: []Type{Time, Text}, result: Text, doc: `the local time written as a pattern says: "yyyy-MM-dd HH:mm"`,
			prepare: func(_ *event.Zone, a []*Expr) (any, error) { return constText(a[1], "the pattern", parsePattern) },
			call: func(w *worker, x *Expr, a []event.Value) event.Value {
				t := a[0].Time()
				if a[0].Kind() == event.DateKind {
					t = w.zone.Start(a[0].Date())
				} else if a[0].Kind() != event.TimeKind || t == event.Always {
					return event.Value{}
				}
				return event.Text(x.aux.(pattern).format(w.zone, t))
			}},
		{name: "start_of", params: []Type{Time, Text}, result: Time, doc: `the first instant of the local "d", "w" (Monday), "mo", "q" or "y" that t lies in`,
			prepare: func(_ *event.Zone, a []*Expr) (any, error) { return constText(a[1], "the unit", parseCalendarUnit) },
			call: func(w *worker, x *Expr, a []event.Value) event.Value {
				if d, ok := dateOf(w, a[0]); ok {
					return event.Instant(w.zone.Start(event.StartOf(d, x.aux.(event.Unit))))
				}
				return event.Value{}
			}},
		{name: "add", params: []Type{Time, Text}, result: Any, doc: `t moved by a span, "31d" or "-1mo": for days and longer the same wall-clock time`,
			prepare: func(_ *event.Zone, a []*Expr) (any, error) { return constText(a[1], "the span", event.ParseSpan) },
			call: func(w *worker, x *Expr, a []event.Value) event.Value {
				s := x.aux.(event.Span)
				switch {
				case a[0].Kind() == event.TimeKind && a[0].Time() != event.Always:
					return event.Instant(w.zone.Add(a[0].Time(), s))
				case a[0].Kind() == event.DateKind && !s.Clock():
					return event.Civil(a[0].Date().AddSpan(s))
				case a[0].Kind() == event.DateKind:
					return event.Instant(w.zone.Add(w.zone.Start(a[0].Date()), s))
				}
				return event.Value{}
			}},
		{name: "timestamp", params: text(1), result: Time, doc: "the instant that a text says: RFC 3339, or a local date or time",
			prepare: func(z *event.Zone, a []*Expr) (any, error) {
				if v, ok := a[0].constant(); ok {
					_, _, err := z.ParseInstant(v.Text())
					return nil, err
				}
				return nil, nil
			},
			call: func(w *worker, _ *Expr, a []event.Value) event.Value {
				if t, _, err := w.zone.ParseInstant(a[0].Text()); err == nil && a[0].Kind() == event.TextKind {
					return event.Instant(t)
				}
				return event.Value{}
			}},
		{name: "duration", params: text(1), result: Duration, doc: `a length of elapsed time: "2h"`,
			prepare: func(_ *event.Zone, a []*Expr) (any, error) {
				return constText(a[0], "the length", func(s string) (event.Span, error) {
					span, err := event.ParseSpan(s)
					if err == nil && !span.Clock() {
						if span.Unit != event.Day && span.Unit != event.Week {
							return span, fmt.Errorf("a duration is elapsed time: write s, m or h (%q has no fixed length)", s)
						}
						hours := 24
						if span.Unit == event.Week {
							hours *= 7
						}
						span = event.Span{N: span.N * hours, Unit: event.Hour}
					}
					return span, err
				})
			},
			call: func(_ *worker, x *Expr, _ []event.Value) event.Value {
				return event.Num(event.Int(x.aux.(event.Span).Millis()))
			}},

		{name: "round", params: []Type{Number, Number}, least: 1, result: Number, method: false, doc: "x to n fractional digits, half away from zero",
			call: func(_ *worker, _ *Expr, a []event.Value) event.Value {
				if a[0].Kind() != event.NumberKind {
					return event.Value{}
				}
				digits := int64(0)
				if len(a) > 1 {
					if a[1].Kind() != event.NumberKind {
						return event.Value{}
					}
					d, ok := a[1].Number().Int64()
					if !ok || d > 100 || d < -100 {
						return event.Value{}
					}
					digits = d
				}
				return event.Num(a[0].Number().Round(int(digits)))
			}},
		{name: "abs", params: []Type{Number}, result: Number, doc: "x without its sign", call: onNumber(func(n event.Number) (event.Number, bool) { return n.Abs(), true })},
		{name: "floor", params: []Type{Number}, result: Number, doc: "the largest integer not above x", call: onNumber(func(n event.Number) (event.Number, bool) { return n.Floor(), true })},
		{name: "min", params: []Type{Number, Number}, many: true, result: Number, doc: "the smallest number", call: pickNumber(-1)},
		{name: "max", params: []Type{Number, Number}, many: true, result: Number, doc: "the largest number", call: pickNumber(1)},
		{name: "pow", params: []Type{Number, Number}, result: Number, doc: "x to the power y, 15 significant digits",
			call: func(_ *worker, _ *Expr, a []event.Value) event.Value {
				if a[0].Kind() != event.NumberKind || a[1].Kind() != event.NumberKind {
					return event.Value{}
				}
				return num(event.FromFloat(math.Pow(a[0].Number().Float64(), a[1].Number().Float64())))
			}},
		{name: "log", params: []Type{Number}, result: Number, doc: "the natural logarithm, 15 significant digits", call: onFloat(math.Log)},
		{name: "exp", params: []Type{Number}, result: Number, doc: "e to the power x, 15 significant digits", call: onFloat(math.Exp)},

		{name: "contains", params: text(2), result: Bool, method: true, doc: "whether the text has the other in it", call: onTexts(func(a []string) event.Value { return event.Bool(strings.Contains(a[0], a[1])) })},
		{name: "startsWith", params: text(2), result: Bool, method: true, doc: "whether the text begins with the other", call: onTexts(func(a []string) event.Value { return event.Bool(strings.HasPrefix(a[0], a[1])) })},
		{name: "endsWith", params: text(2), result: Bool, method: true, doc: "whether the text ends with the other", call: onTexts(func(a []string) event.Value { return event.Bool(strings.HasSuffix(a[0], a[1])) })},
		{name: "matches", params: text(2), result: Bool, method: true, doc: "whether a part of the text matches the RE2 pattern",
			prepare: func(_ *event.Zone, a []*Expr) (any, error) {
				return constText(a[1], "the pattern", func(s string) (*regexp.Regexp, error) {
					re, err := regexp.Compile(s)
					if err != nil {
						return nil, fmt.Errorf("not an RE2 pattern: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
					}
					return re, nil
				})
			},
			call: func(_ *worker, x *Expr, a []event.Value) event.Value {
				if a[0].Kind() != event.TextKind {
					return event.Value{}
				}
				return event.Bool(x.aux.(*regexp.Regexp).MatchString(a[0].Text()))
			}},
		{name: "lower", params: text(1), result: Text, method: true, doc: "the text in lower case", call: onTexts(func(a []string) event.Value { return event.Text(strings.ToLower(a[0])) })},
		{name: "upper", params: text(1), result: Text, method: true, doc: "the text in upper case", call: onTexts(func(a []string) event.Value { return event.Text(strings.ToUpper(a[0])) })},
		{name: "trim", params: text(1), result: Text, method: true, doc: "the text without blanks at its ends", call: onTexts(func(a []string) event.Value { return event.Text(strings.TrimSpace(a[0])) })},
		{name: "replace", params: text(3), result: Text, method: true, doc: "the text with every a replaced by b", call: onTexts(func(a []string) event.Value { return event.Text(strings.ReplaceAll(a[0], a[1], a[2])) })},
		{name: "split", params: text(2), result: List, method: true, doc: "the parts of the text between the separators", call: onTexts(func(a []string) event.Value {
			parts := strings.Split(a[0], a[1])
			vs := make([]event.Value, len(parts))
			for i, p := range parts {
				vs[i] = event.Text(p)
			}
			return event.List(vs...)
		})},
		{name: "size", params: []Type{Any}, result: Number, method: true, doc: "the characters of a text, the elements of a list",
			call: func(_ *worker, _ *Expr, a []event.Value) event.Value {
				switch a[0].Kind() {
				case event.TextKind:
					return intValue(utf8.RuneCountInString(a[0].Text()))
				case event.ListKind:
					return intValue(len(a[0].List()))
				}
				return event.Value{}
			}},
		{name: "string", params: []Type{Any}, result: Text, method: true, doc: "the value written as a text",
			call: func(w *worker, _ *Expr, a []event.Value) event.Value { return event.Text(a[0].Format(w.zone)) }},
		{name: "number", params: []Type{Any}, result: Number, method: true, doc: "the number that a text says, missing when it says none",
			call: func(_ *worker, _ *Expr, a []event.Value) event.Value {
				switch a[0].Kind() {
				case event.NumberKind:
					return a[0]
				case event.TextKind:
					if n, err := event.ParseNumber(a[0].Text()); err == nil {
						return event.Num(n)
					}
				case event.BoolKind:
					if a[0].Bool() {
						return intValue(1)
					}
					return intValue(0)
				}
				return event.Value{}
			}},
	}
}

func pickNumber(sign int) func(*worker, *Expr, []event.Value) event.Value {
	return func(_ *worker, _ *Expr, a []event.Value) event.Value {
		best := a[0]
		for _, v := range a {
			if v.Kind() != event.NumberKind {
				return event.Value{}
			}
			if v.Number().Cmp(best.Number())*sign > 0 {
				best = v
			}
		}
		return best
	}
}

// constText prepares an argument that must be a constant text.
func constText[T any](x *Expr, what string, parse func(string) (T, error)) (any, error) {
	v, ok := x.constant()
	if !ok || v.Kind() != event.TextKind {
		return nil, fmt.Errorf("%s must be a text written here, not computed", what)
	}
	return parse(v.Text())
}

func parseCalendarUnit(s string) (event.Unit, error) {
	u, ok := event.ParseUnit(s)
	if !ok || u <= event.Hour {
		return 0, fmt.Errorf(`%q is not a unit: "d", "w", "mo", "q" or "y"`, s)
	}
	return u, nil
}

// pattern is a prepared format pattern: literal texts and fields.
type pattern []patternPart

type patternPart struct {
	literal string
	field   string
}

var patternFields = map[string]bool{"yyyy": true, "yy": true, "MM": true, "M": true, "dd": true, "d": true, "HH": true, "H": true,
	"mm": true, "m": true, "ss": true, "s": true, "SSS": true, "Q": true}

// parsePattern reads y M d H m s S Q fields; text in single quotes and other signs stand for themselves.
func parsePattern(s string) (pattern, error) {
	var out pattern
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				return nil, fmt.Errorf("the quote in %q is not closed", s)
			}
			out = append(out, patternPart{literal: s[i+1 : i+1+end]})
			i += end + 2
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			j := i
			for j < len(s) && s[j] == c {
				j++
			}
			if !patternFields[s[i:j]] {
				return nil, fmt.Errorf("%q in the pattern %q is not known: use yyyy MM dd HH mm ss SSS Q, other letters in single quotes", s[i:j], s)
			}
			out = append(out, patternPart{field: s[i:j]})
			i = j
		default:
			_, size := utf8.DecodeRuneInString(s[i:])
			out = append(out, patternPart{literal: s[i : i+size]})
			i += size
		}
	}
	return out, nil
}

func (p pattern) format(z *event.Zone, t event.Time) string {
	y, mo, d := z.Date(t).Civil()
	h, mi, s, ms := z.Clock(t)
	var b strings.Builder
	for _, part := range p {
		switch part.field {
		case "":
			b.WriteString(part.literal)
		case "yyyy":
			fmt.Fprintf(&b, "%04d", y)
		case "yy":
			fmt.Fprintf(&b, "%02d", y%100)
		case "MM", "M":
			fmt.Fprintf(&b, "%0*d", len(part.field), int(mo))
		case "dd", "d":
			fmt.Fprintf(&b, "%0*d", len(part.field), d)
		case "HH", "H":
			fmt.Fprintf(&b, "%0*d", len(part.field), h)
		case "mm", "m":
			fmt.Fprintf(&b, "%0*d", len(part.field), mi)
		case "ss", "s":
			fmt.Fprintf(&b, "%0*d", len(part.field), s)
		case "SSS":
			fmt.Fprintf(&b, "%03d", ms)
		case "Q":
			fmt.Fprintf(&b, "%d", (int(mo)+2)/3)
		}
	}
	return b.String()
}
