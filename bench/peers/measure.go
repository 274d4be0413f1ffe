package peers

import (
	"fmt"

	"tagma/bench/rules"
)

// measured compares what is measured of a customer's events. Customers without such events are not among the groups of
// the events, so where the comparison holds of nothing, those for whom it does not hold are taken away.
func (w *Writer) measured(c rules.Measured) (string, error) {
	m := c.Measure
	limit := c.Value.Hundredths
	switch m.Kind {
	case rules.Top, rules.First:
		return w.textual(c)
	case rules.Count, rules.ActiveDays, rules.Distinct:
		if limit%100 != 0 {
			return "", fmt.Errorf("a count compared with %s", c.Value.Text())
		}
		limit /= 100
	case rules.Sum:
	case rules.SinceLatest, rules.SinceFirst:
		if limit%100 != 0 || c.Op == "!=" {
			return "", fmt.Errorf("days compared by %s", c.Text())
		}
	default:
		if c.Op == "!=" {
			return "", fmt.Errorf("%s compared by !=", m.Kind)
		}
	}
	if m.Kind == rules.Count && (c.Op == ">=" && limit == 1 || c.Op == "==" && limit == 0) { // there is one, or none
		in := "IN"
		if limit == 0 {
			in = "NOT IN"
		}
		return "c.id " + in + " (SELECT customer FROM events" + w.where(m.Of) + ")", nil
	}
	groups := "SELECT customer FROM events" + w.where(m.Of) + " GROUP BY customer HAVING "
	op := sqlOp(c.Op)
	switch m.Kind {
	case rules.SinceLatest, rules.SinceFirst:
		return fmt.Sprintf("c.id IN (%s%s %s %d)", groups, w.number(m), op, limit/100), nil
	case rules.Avg:
		x := columnOf(m.Property)
		return fmt.Sprintf("c.id IN (%ssum(%s) %s %d * count(%s))", groups, x, op, limit, x), nil
	case rules.Min, rules.Max:
		return fmt.Sprintf("c.id IN (%s%s %s %d)", groups, w.number(m), op, limit), nil
	}
	if holds(c.Op, -limit) {
		return fmt.Sprintf("c.id NOT IN (%sNOT (%s %s %d))", groups, w.number(m), op, limit), nil
	}
	return fmt.Sprintf("c.id IN (%s%s %s %d)", groups, w.number(m), op, limit), nil
}

// number is the aggregate of a measure: counts and days as they are, amounts in hundredths.
func (w *Writer) number(m rules.Measure) string {
	x := columnOf(m.Property)
	switch m.Kind {
	case rules.Count:
		return "count(*)"
	case rules.ActiveDays:
		return "count(DISTINCT day)"
	case rules.Distinct:
		return "count(DISTINCT " + x + ")"
	case rules.Sum:
		return "COALESCE(sum(" + x + "), 0)"
	case rules.SinceLatest:
		return fmt.Sprintf("%d - max(day)", w.today)
	case rules.SinceFirst:
		return fmt.Sprintf("%d - min(day)", w.today)
	}
	return string(m.Kind) + "(" + x + ")"
}

// holds says what an operator makes of an order: negative for less.
func holds(op string, order int64) bool {
	switch op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// textual compares the most frequent text, or that of the first event. Of equally frequent ones the one used last is
// meant, of those used at one instant the smallest.
func (w *Writer) textual(c rules.Measured) (string, error) {
	if c.Op != "==" && c.Op != "!=" {
		return "", fmt.Errorf("a text compared by %s", c.Op)
	}
	x, want := columnOf(c.Measure.Property), w.d.literal(c.Value.Texts[0])
	of := ""
	if c.Measure.Kind == rules.First {
		of = w.d.earliest(x, w.where(c.Measure.Of))
	} else {
		uses := "SELECT customer, " + x + " AS v, count(*) AS n, max(ts) AS latest FROM events" + w.where(c.Measure.Of, x+" IS NOT NULL") + " GROUP BY customer, " + x
		of = "SELECT customer, v FROM (SELECT customer, v, row_number() OVER (PARTITION BY customer ORDER BY n DESC, latest DESC, v) AS place FROM (" + uses + ") AS u) AS p WHERE place = 1"
	}
	in := "IN"
	if c.Op == "!=" {
		in = "NOT IN"
	}
	return "c.id " + in + " (SELECT customer FROM (" + of + ") AS t WHERE v = " + want + ")", nil
}

// ranked compares with all who did such a thing.
func (w *Writer) ranked(c rules.Ranked) (string, error) {
	where, ok := c.Where.(rules.Measured)
	if !ok || where.Measure.Kind != rules.Count || where.Op != ">=" || where.Value.Hundredths != 100 || where.Measure.Of.Text() != c.Measure.Of.Text() {
		return "", fmt.Errorf("a population of %s", c.Where.Text())
	}
	f := "SELECT customer AS id, " + w.number(c.Measure) + " AS x FROM events" + w.where(c.Measure.Of) + " GROUP BY customer"
	op := sqlOp(c.Op)
	switch c.Function {
	case "ntile": // equal values take their lowest bucket
		order := "x"
		if c.Negative {
			order = "x DESC"
		}
		return fmt.Sprintf("c.id IN (SELECT id FROM (SELECT id, min(bucket) OVER (PARTITION BY x) AS b FROM (SELECT id, x, ntile(5) OVER (ORDER BY %s) AS bucket FROM (%s) AS f) AS n) AS m WHERE b %s %d)",
			order, f, op, c.Bucket), nil
	case "mean":
		return fmt.Sprintf("c.id IN (WITH f AS (%s) SELECT id FROM f WHERE x * (SELECT count(*) FROM f) %s (SELECT sum(x) FROM f))", f, op), nil
	case "median", "quantile":
		share := c.Share
		if c.Function == "median" {
			share = 50
		}
		return fmt.Sprintf("c.id IN (WITH f AS (%s) SELECT id FROM f WHERE x %s %s)", f, op, w.d.quantile(share)), nil
	}
	return "", fmt.Errorf("%s across all customers", c.Function)
}
