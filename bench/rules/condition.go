// Package rules makes the thousand rules of the benchmark: the families and proportions that a shop's tag tree
// has, thresholds and windows from small sets, so that rules share conditions as they do in real life. Every rule
// is kept twice: as text in the rule language, and as the structure it was written from, which the oracle decides
// without reading the text.
package rules

import (
	"fmt"
	"strconv"
	"strings"
)

// Condition is the structure of a rule. It is one of All, Any, Not, Measured, Attribute, Tag and Ranked.
type Condition interface {
	// Text is the condition in the rule language.
	Text() string
}

// All holds when every one of its conditions does.
type All []Condition

// Any holds when one of its conditions does.
type Any []Condition

// Not holds when its condition does not.
type Not struct{ X Condition }

// Tag compares another rule's tag with 是.
type Tag struct {
	Key string
	Not bool // != instead of ==
}

// Measured compares what is measured of a customer's events.
type Measured struct {
	Measure Measure
	Op      string // == != < <= > >=
	Value   Value
}

// Attribute compares a trait, or what a function makes of it.
type Attribute struct {
	Trait string
	// Function is age, month, days_since, days_to_anniversary, has, contains (the value is in the list) or
	// empty (the trait itself).
	Function string
	Op       string // as of Measured, or in
	Value    Value
}

// Ranked compares a measure with what the whole population has. Only customers for whom Where holds can pass, and
// only they make up the population.
type Ranked struct {
	Function string // ntile, quantile, mean, median
	Measure  Measure
	// Negative turns the order round (ntile only): the smallest come into the highest bucket.
	Negative bool
	Where    Condition
	// Share is of quantile, in hundredths: 80 is 0.8.
	Share int
	// Op and Bucket are compared with ntile's result (of 5); of the others Op stands between measure and result.
	Op     string
	Bucket int
}

// Value is what something is compared with: texts, a bool, or a number in hundredths.
type Value struct {
	Texts      []string // one, or several for in
	Bool       bool
	Hundredths int64
	Kind       ValueKind
}

// ValueKind says which part of a Value counts.
type ValueKind uint8

// The kinds of values.
const (
	NoValue ValueKind = iota
	TextValue
	BoolValue
	NumberValue
)

// textValue makes a Value of one text or several.
func textValue(texts ...string) Value { return Value{Kind: TextValue, Texts: texts} }

// whole makes a Value of an integer.
func whole(n int64) Value { return Value{Kind: NumberValue, Hundredths: n * 100} }

// Text is the value as written in a rule.
func (v Value) Text() string {
	switch v.Kind {
	case BoolValue:
		return strconv.FormatBool(v.Bool)
	case NumberValue:
		return hundredths(v.Hundredths)
	}
	return strconv.Quote(v.Texts[0])
}

func (v Value) list() string {
	parts := make([]string, len(v.Texts))
	for i, t := range v.Texts {
		parts[i] = strconv.Quote(t)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func hundredths(n int64) string {
	if n < 0 {
		return "-" + hundredths(-n)
	}
	s := strconv.FormatInt(n/100, 10)
	if f := n % 100; f > 0 {
		s += strings.TrimRight(fmt.Sprintf(".%02d", f), "0")
	}
	return s
}

// Selection says which events are meant.
type Selection struct {
	Names  []string // none: all events; several: any of them
	Last   int      // local days ending with today; 0: no such filter
	Before int      // earlier than the last so many local days; 0: no such filter
	Where  []Filter // all hold
}

// Filter is a condition on one event.
type Filter struct {
	Property string
	Op       string // as of Attribute, or present
	Value    Value
}

// MeasureKind says what is measured.
type MeasureKind string

// The measures.
const (
	Count       MeasureKind = "count"
	ActiveDays  MeasureKind = "days"
	Sum         MeasureKind = "sum"
	Avg         MeasureKind = "avg"
	Min         MeasureKind = "min"
	Max         MeasureKind = "max"
	Distinct    MeasureKind = "distinct"
	Top         MeasureKind = "top"
	SinceLatest MeasureKind = "since latest" // local days since the latest event
	First       MeasureKind = "first"        // the property of the earliest event
	SinceFirst  MeasureKind = "since first"  // local days since the earliest event
)

// Measure measures a selection.
type Measure struct {
	Kind     MeasureKind
	Of       Selection
	Property string // of sum, avg, min, max, distinct, top, first
}

// Text writes the filter over e.
func (f Filter) Text() string {
	p := "e." + f.Property
	switch f.Op {
	case "present":
		return "present(" + p + ")"
	case "in":
		return p + " in " + f.Value.list()
	}
	return p + " " + f.Op + " " + f.Value.Text()
}

// Cell names the part of the history that the selection looks at, whatever its window: names and filter.
func (s Selection) Cell() string {
	var b strings.Builder
	switch len(s.Names) {
	case 0:
		b.WriteString("events.all")
	case 1:
		b.WriteString("events." + s.Names[0])
	default:
		quoted := make([]string, len(s.Names))
		for i, n := range s.Names {
			quoted[i] = strconv.Quote(n)
		}
		b.WriteString("events.any(" + strings.Join(quoted, ", ") + ")")
	}
	if len(s.Where) > 0 {
		parts := make([]string, len(s.Where))
		for i, f := range s.Where {
			parts[i] = f.Text()
		}
		b.WriteString(".where(e, " + strings.Join(parts, " && ") + ")")
	}
	return b.String()
}

// Text writes the selection.
func (s Selection) Text() string {
	cell := s
	cell.Where = nil
	t := cell.Cell()
	if s.Last > 0 {
		t += fmt.Sprintf(`.last("%dd")`, s.Last)
	}
	if s.Before > 0 {
		t += fmt.Sprintf(`.before("%dd")`, s.Before)
	}
	return t + strings.TrimPrefix(s.Cell(), cell.Cell())
}

// Text writes the measure.
func (m Measure) Text() string {
	t := m.Of.Text()
	switch m.Kind {
	case Count, ActiveDays:
		return t + "." + string(m.Kind) + "()"
	case SinceLatest:
		return "days_since(" + t + ".latest().time)"
	case SinceFirst:
		return "days_since(" + t + ".earliest().time)"
	case First:
		return t + ".earliest()." + m.Property
	}
	return t + "." + string(m.Kind) + "(e, e." + m.Property + ")"
}

// Text writes the comparison.
func (c Measured) Text() string { return c.Measure.Text() + " " + c.Op + " " + c.Value.Text() }

// Text writes the comparison.
func (c Tag) Text() string {
	if c.Not {
		return "tags." + c.Key + ` != "是"`
	}
	return "tags." + c.Key + ` == "是"`
}

// Text writes the comparison.
func (c Attribute) Text() string {
	t := "traits." + c.Trait
	switch {
	case c.Function == "has":
		return "has(" + t + ")"
	case c.Function == "contains":
		return c.Value.Text() + " in " + t
	case c.Function != "":
		t = c.Function + "(" + t + ")"
	}
	if c.Op == "in" {
		return t + " in " + c.Value.list()
	}
	return t + " " + c.Op + " " + c.Value.Text()
}

// Text writes the comparison, and the condition of the population before it.
func (c Ranked) Text() string {
	x, where := c.Measure.Text(), c.Where.Text()
	switch c.Function {
	case "ntile":
		if c.Negative {
			x = "-" + x
		}
		return fmt.Sprintf("%s && ntile(%s, 5, %s) %s %d", where, x, where, c.Op, c.Bucket)
	case "quantile":
		return fmt.Sprintf("%s && %s %s quantile(%s, %s, %s)", where, x, c.Op, x, hundredths(int64(c.Share)), where)
	}
	return fmt.Sprintf("%s && %s %s %s(%s, %s)", where, x, c.Op, c.Function, x, where)
}

// Text joins the conditions with &&.
func (c All) Text() string { return join(c, " && ") }

// Text joins the conditions with ||.
func (c Any) Text() string { return join(c, " || ") }

// Text writes ! before the condition.
func (c Not) Text() string { return "!(" + c.X.Text() + ")" }

func join(parts []Condition, op string) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Text()
		switch p.(type) {
		case All, Any, Ranked:
			texts[i] = "(" + texts[i] + ")"
		}
	}
	return strings.Join(texts, op)
}
