package peers

import (
	"fmt"
	"strings"

	"tagma/bench/rules"
	"tagma/event"
)

// Writer writes rules as SQL: one statement a rule, as somebody would write it who has the two tables.
type Writer struct {
	d     *Dialect
	today event.Date
	rules map[string]rules.Rule
}

// NewWriter writes in a dialect, for the end of a local day. Rules may speak of the tags of those given.
func NewWriter(d *Dialect, today event.Date, rs []rules.Rule) *Writer {
	w := &Writer{d: d, today: today, rules: map[string]rules.Rule{}}
	for _, r := range rs {
		w.rules[r.Key] = r
	}
	return w
}

// Fold is what the statements give beside the count: the sum over the members of Fold(id).
func Fold(id uint32) int64 { return int64(id) * (int64(id)%9973 + 1) }

// Statement is a SELECT of one row: the number of members, and their fold. An error says what cannot be written.
func (w *Writer) Statement(r rules.Rule) (string, error) {
	c, err := w.condition(r.Condition)
	if err != nil {
		return "", fmt.Errorf("%s: %w", r.Key, err)
	}
	return "SELECT CAST(count(*) AS BIGINT), CAST(COALESCE(sum(CAST(c.id AS BIGINT) * (c.id % 9973 + 1)), 0) AS BIGINT) FROM customers AS c WHERE " + c, nil
}

// condition is true or false of every customer c, never unknown, so that and, or, not mean what they mean in a rule.
func (w *Writer) condition(c rules.Condition) (string, error) {
	switch c := c.(type) {
	case rules.All:
		return w.join(c, " AND ")
	case rules.Any:
		return w.join(c, " OR ")
	case rules.Not:
		x, err := w.condition(c.X)
		return "NOT (" + x + ")", err
	case rules.Tag: // another rule's condition in its place
		r, ok := w.rules[c.Key]
		if !ok {
			return "", fmt.Errorf("there is no rule %s", c.Key)
		}
		x, err := w.condition(r.Condition)
		if c.Not {
			return "NOT (" + x + ")", err
		}
		return "(" + x + ")", err
	case rules.Attribute:
		return w.attribute(c)
	case rules.Measured:
		return w.measured(c)
	case rules.Ranked:
		return w.ranked(c)
	}
	return "", fmt.Errorf("%T is not known", c)
}

func (w *Writer) join(parts []rules.Condition, op string) (string, error) {
	out := make([]string, len(parts))
	for i, p := range parts {
		x, err := w.condition(p)
		if err != nil {
			return "", err
		}
		out[i] = x
	}
	return "(" + strings.Join(out, op) + ")", nil
}

// attribute compares a column of customers. What is missing is false, but != is the complement of ==.
func (w *Writer) attribute(c rules.Attribute) (string, error) {
	x := "c." + c.Trait
	missing, there := x+" IS NULL", x+" IS NOT NULL"
	if c.Trait == "interests" {
		missing = w.d.noList(x)
		there = "NOT (" + missing + ")"
	}
	if c.Function == "has" {
		return there, nil
	}
	test := ""
	switch {
	case c.Function == "contains":
		test = w.d.contains(x, w.d.literal(c.Value.Texts[0]))
	case c.Function == "days_since":
		test = fmt.Sprintf("%d - %s %s %d", w.today, x, sqlOp(c.Op), c.Value.Hundredths/100)
	case c.Function == "month":
		test = fmt.Sprintf("%s %s %d", w.d.part("MONTH", x), sqlOp(c.Op), c.Value.Hundredths/100)
	case c.Function == "age":
		year, month, day := w.today.Civil()
		test = fmt.Sprintf("%d - %s - CASE WHEN %s > %d THEN 1 ELSE 0 END %s %d", year, w.d.part("YEAR", x), w.kept(x), int(month)*100+day, sqlOp(c.Op), c.Value.Hundredths/100)
	case c.Function == "days_to_anniversary" && c.Op == "<=":
		var days []string
		for d := w.today; d <= w.today+event.Date(c.Value.Hundredths/100); d++ {
			year, month, day := d.Civil()
			days = append(days, fmt.Sprint(int(month)*100+day))
			if month == 2 && day == 28 && !leap(year) {
				days = append(days, "229")
			}
		}
		test = fmt.Sprintf("%s * 100 + %s IN (%s)", w.d.part("MONTH", x), w.d.part("DAY", x), strings.Join(days, ", "))
	case c.Function != "":
		return "", fmt.Errorf("%s with %s", c.Function, c.Op)
	case c.Value.Kind == rules.BoolValue:
		test = x + " " + sqlOp(c.Op) + " " + strings.ToUpper(fmt.Sprint(c.Value.Bool))
	case c.Value.Kind == rules.NumberValue:
		test = fmt.Sprintf("%s %s %d", x, sqlOp(c.Op), c.Value.Hundredths)
	case c.Op == "in":
		test = x + " IN (" + w.literals(c.Value) + ")"
	default:
		test = x + " " + sqlOp(c.Op) + " " + w.d.literal(c.Value.Texts[0])
	}
	if c.Op == "!=" {
		return "(" + missing + " OR " + test + ")", nil
	}
	return "(" + there + " AND " + test + ")", nil
}

// kept is the month and day, as 100·month+day, on which an anniversary is kept in this year.
func (w *Writer) kept(x string) string {
	md := w.d.part("MONTH", x) + " * 100 + " + w.d.part("DAY", x)
	if year, _, _ := w.today.Civil(); leap(year) {
		return md
	}
	return "CASE WHEN " + md + " = 229 THEN 228 ELSE " + md + " END"
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func sqlOp(op string) string {
	switch op {
	case "==":
		return "="
	case "!=":
		return "<>"
	}
	return op
}

func (w *Writer) literals(v rules.Value) string {
	out := make([]string, len(v.Texts))
	for i, t := range v.Texts {
		out[i] = w.d.literal(t)
	}
	return strings.Join(out, ", ")
}

// where says which events are meant, as WHERE with a space before it, or nothing. All events have happened.
func (w *Writer) where(s rules.Selection, more ...string) string {
	var parts []string
	switch len(s.Names) {
	case 0:
	case 1:
		parts = append(parts, "name = "+w.d.literal(s.Names[0]))
	default:
		parts = append(parts, "name IN ("+w.literals(rules.Value{Texts: s.Names})+")")
	}
	if s.Last > 0 {
		parts = append(parts, fmt.Sprintf("day > %d", int(w.today)-s.Last))
	}
	if s.Before > 0 {
		parts = append(parts, fmt.Sprintf("day <= %d", int(w.today)-s.Before))
	}
	for _, f := range s.Where {
		parts = append(parts, w.filter(f))
	}
	if parts = append(parts, more...); len(parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(parts, " AND ")
}

func (w *Writer) filter(f rules.Filter) string {
	x := columnOf(f.Property)
	switch {
	case f.Op == "present":
		return x + " IS NOT NULL"
	case f.Op == "in":
		return x + " IN (" + w.literals(f.Value) + ")"
	case f.Value.Kind == rules.NumberValue:
		return fmt.Sprintf("%s %s %d", x, sqlOp(f.Op), f.Value.Hundredths)
	case f.Op == "!=":
		return "(" + x + " IS NULL OR " + x + " <> " + w.d.literal(f.Value.Texts[0]) + ")"
	}
	return x + " = " + w.d.literal(f.Value.Texts[0])
}
