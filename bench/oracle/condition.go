package oracle

import (
	"slices"

	"tagma/bench/rules"
	"tagma/event"
)

// question asks something about the n-th customer.
type question func(c *customer, n int) bool

func (r *run) condition(c rules.Condition) question {
	switch c := c.(type) {
	case rules.All:
		parts := r.conditions(c)
		return func(c *customer, n int) bool {
			return !slices.ContainsFunc(parts, func(q question) bool { return !q(c, n) })
		}
	case rules.Any:
		parts := r.conditions(c)
		return func(c *customer, n int) bool {
			return slices.ContainsFunc(parts, func(q question) bool { return q(c, n) })
		}
	case rules.Not:
		x := r.condition(c.X)
		return func(c *customer, n int) bool { return !x(c, n) }
	case rules.Tag:
		tag := r.tags[c.Key]
		return func(_ *customer, n int) bool { return tag.Get(n) != c.Not }
	case rules.Measured:
		return r.measured(c)
	case rules.Attribute:
		return r.attribute(c)
	case rules.Ranked:
		return r.ranked(c)
	}
	return nil
}

func (r *run) conditions(cs []rules.Condition) []question {
	out := make([]question, len(cs))
	for i, c := range cs {
		out[i] = r.condition(c)
	}
	return out
}

// ordered says what an operator makes of an order: negative for less.
func ordered(op string, order int) bool {
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
	return order >= 0 // >=
}

func (r *run) measured(c rules.Measured) question {
	if c.Value.Kind == rules.TextValue {
		value, want := r.textOf(c.Measure), r.texts[c.Value.Texts[0]]
		return func(cu *customer, _ int) bool { return (value(cu) == want && want != 0) == (c.Op == "==") }
	}
	value := r.numberOf(c.Measure)
	return func(cu *customer, _ int) bool {
		sum, by, ok := value(cu)
		if !ok { // a comparison with what is missing is false, but != is the complement of ==
			return c.Op == "!="
		}
		return ordered(c.Op, sign(sum-c.Value.Hundredths*by))
	}
}

// attribute looks at the value with the latest effective time up to now.
func (r *run) attribute(c rules.Attribute) question {
	limit := event.Scaled(c.Value.Hundredths, 2)
	return func(cu *customer, _ int) bool {
		var v event.Value
		at := event.Always
		for _, t := range cu.traits {
			if t.Name == c.Trait && int64(t.Time) <= r.now && t.Time >= at {
				v, at = t.Value, t.Time
			}
		}
		if c.Function == "has" || !v.Present() {
			return v.Present() || c.Op == "!="
		}
		switch c.Function {
		case "contains":
			return slices.ContainsFunc(v.List(), func(e event.Value) bool { return e.Text() == c.Value.Texts[0] })
		case "days_since":
			return ordered(c.Op, int(r.today-localDay(int64(v.Time())))-int(c.Value.Hundredths/100))
		case "month":
			_, m, _ := v.Date().Civil()
			return ordered(c.Op, int(m)-int(c.Value.Hundredths/100))
		case "age":
			return ordered(c.Op, r.age(v.Date())-int(c.Value.Hundredths/100))
		case "days_to_anniversary":
			return ordered(c.Op, r.toAnniversary(v.Date())-int(c.Value.Hundredths/100))
		}
		switch c.Value.Kind {
		case rules.BoolValue:
			return (v.Bool() == c.Value.Bool) == (c.Op == "==")
		case rules.NumberValue:
			return ordered(c.Op, v.Number().Cmp(limit))
		}
		if c.Op == "in" {
			return slices.Contains(c.Value.Texts, v.Text())
		}
		return (v.Text() == c.Value.Texts[0]) == (c.Op == "==")
	}
}

// kept is the day of a year on which an anniversary is kept; 29 February is kept on the 28th in common years.
func kept(d event.Date, year int) event.Date {
	_, m, dom := d.Civil()
	k := event.DateOf(year, m, dom)
	if _, km, _ := k.Civil(); km != m {
		k--
	}
	return k
}

func (r *run) age(birth event.Date) int {
	year, _, _ := event.Date(r.today).Civil()
	from, _, _ := birth.Civil()
	if kept(birth, year) > event.Date(r.today) {
		return year - from - 1
	}
	return year - from
}

func (r *run) toAnniversary(d event.Date) int {
	year, _, _ := event.Date(r.today).Civil()
	next := kept(d, year)
	if next < event.Date(r.today) {
		next = kept(d, year+1)
	}
	return int(next) - int(r.today)
}
