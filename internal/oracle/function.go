package oracle

import (
	"math"
	"regexp"
	"strings"
	"unicode/utf8"

	"tagma/event"
	"tagma/rule"
)

// call answers x.f(…) and f(…).
func (c customer) call(n *rule.Call) any {
	switch n.Fun {
	case "mean", "median", "quantile", "ntile":
		if n.Recv == nil {
			return c.across(n)
		}
	case "any":
		if base, ok := n.Recv.(*rule.Name); ok && base.Name == "events" {
			var names []string
			for i := range n.Args {
				names = append(names, c.literal(n, i))
			}
			return c.called(names...)
		}
	}
	args := n.Args
	if n.Recv != nil {
		recv := c.eval(n.Recv)
		if s, ok := recv.(selection); ok {
			if kept, ok := c.filter(s, n); ok {
				return kept
			}
			return c.measure(s, n)
		}
		args = append([]rule.Node{n.Recv}, n.Args...)
	}
	x := make([]any, len(args))
	for i, a := range args {
		x[i] = c.eval(a)
	}
	return c.function(n.Fun, x)
}

// function answers the functions of values. What does not fit gives a missing value, or a condition that fails.
func (c customer) function(name string, x []any) any {
	if len(x) == 0 {
		fail("%s lacks an argument", name)
	}
	switch name {
	case "has", "present":
		return event.Bool(present(x[0]))
	}
	v := make([]event.Value, len(x))
	for i := range x {
		v[i] = plain(x[i])
	}
	switch name {
	case "round", "abs", "floor", "min", "max", "pow", "log", "exp":
		for _, w := range v {
			if w.Kind() != event.NumberKind {
				return event.Value{}
			}
		}
		return numeric(name, v)
	case "contains", "startsWith", "endsWith", "matches":
		return event.Bool(v[0].Kind() == event.TextKind && v[1].Kind() == event.TextKind && tells(name, v[0].Text(), v[1].Text()))
	case "lower", "trim", "replace", "split":
		for _, w := range v {
			if w.Kind() != event.TextKind {
				return event.Value{}
			}
		}
		return textual(name, v)
	case "size":
		switch v[0].Kind() {
		case event.TextKind:
			return integer(utf8.RuneCountInString(v[0].Text()))
		case event.ListKind:
			return integer(len(v[0].List()))
		}
		return event.Value{}
	case "string":
		return c.written(v[0])
	case "number":
		if v[0].Kind() == event.TextKind {
			n, err := event.ParseNumber(v[0].Text())
			return number(n, err == nil)
		}
		switch v[0].Kind() {
		case event.NumberKind:
			return v[0]
		case event.BoolKind: // 1 or 0
			if v[0].Bool() {
				return integer(1)
			}
			return integer(0)
		}
		return event.Value{}
	}
	return c.dated(name, v)
}

func numeric(name string, v []event.Value) event.Value {
	a := v[0].Number()
	switch name {
	case "round":
		digits, ok := v[1].Number().Int64()
		if !ok {
			fail("round wants whole digits")
		}
		return event.Num(a.Round(int(digits)))
	case "abs":
		return event.Num(a.Abs())
	case "floor":
		return event.Num(a.Floor())
	case "pow":
		return number(event.FromFloat(math.Pow(a.Float64(), v[1].Number().Float64())))
	case "log":
		return number(event.FromFloat(math.Log(a.Float64())))
	case "exp":
		return number(event.FromFloat(math.Exp(a.Float64())))
	}
	best := v[0]
	for _, w := range v[1:] {
		if (w.Number().Cmp(best.Number()) < 0) == (name == "min") {
			best = w
		}
	}
	return best
}

func tells(name, text, of string) bool {
	switch name {
	case "contains":
		return strings.Contains(text, of)
	case "startsWith":
		return strings.HasPrefix(text, of)
	case "endsWith":
		return strings.HasSuffix(text, of)
	}
	found, err := regexp.MatchString(of, text)
	if err != nil {
		fail("%s", err)
	}
	return found
}

func textual(name string, v []event.Value) event.Value {
	text := v[0].Text()
	switch name {
	case "lower":
		return event.Text(strings.ToLower(text))
	case "trim":
		return event.Text(strings.TrimSpace(text))
	case "replace":
		return event.Text(strings.ReplaceAll(text, v[1].Text(), v[2].Text()))
	}
	var parts []event.Value
	for _, p := range strings.Split(text, v[1].Text()) {
		parts = append(parts, event.Text(p))
	}
	return event.List(parts...)
}

// written is a value as text.
func (c customer) written(v event.Value) event.Value {
	switch v.Kind() {
	case event.TextKind:
		return v
	case event.NumberKind:
		return event.Text(v.Number().String())
	case event.BoolKind:
		if v.Bool() {
			return event.Text("true")
		}
		return event.Text("false")
	case event.DateKind:
		return event.Text(utc(v.Date()).Format("2006-01-02"))
	case event.TimeKind:
		g := c.o.calendar.local(v.Time())
		if g.Nanosecond() == 0 {
			return event.Text(g.Format("2006-01-02T15:04:05Z07:00"))
		}
		return event.Text(g.Format("2006-01-02T15:04:05.000Z07:00"))
	case event.ListKind: // as the command line prints it
		var parts []string
		for _, item := range v.List() {
			parts = append(parts, c.written(item).Text())
		}
		return event.Text(strings.Join(parts, ","))
	}
	return event.Value{}
}

// dated answers the functions of time.
func (c customer) dated(name string, v []event.Value) any {
	cal := c.o.calendar
	switch name {
	case "timestamp":
		b := cal.read(v[0].Text())
		return event.Instant(cal.borderStart(b))
	case "duration":
		ms, ok := clock(span(v[0].Text()))
		if !ok {
			fail("a duration is in s, m or h")
		}
		return elapsed{ms, true}
	}
	d, ok := cal.day(v[0])
	if !ok {
		return event.Value{}
	}
	today := cal.date(c.now)
	switch name {
	case "days_since":
		return integer(int(today - d))
	case "days_until":
		return integer(int(d - today))
	case "days_between":
		other, ok := cal.day(v[1])
		if !ok {
			return event.Value{}
		}
		return integer(int(other - d))
	case "days_to_anniversary":
		year := utc(today).Year()
		next := anniversary(d, year)
		if next < today {
			next = anniversary(d, year+1)
		}
		return integer(int(next - today))
	case "age":
		years := utc(today).Year() - utc(d).Year()
		if anniversary(d, utc(today).Year()) > today {
			years--
		}
		return integer(years)
	case "hour":
		at := v[0].Time()
		if v[0].Kind() == event.DateKind { // its first instant
			at = cal.start(d)
		}
		return integer(cal.local(at).Hour())
	case "weekday":
		return integer(weekday(d))
	case "day":
		return integer(utc(d).Day())
	case "month":
		return integer(int(utc(d).Month()))
	case "date":
		return event.Civil(d)
	case "format":
		g := utc(d)
		if v[0].Kind() == event.TimeKind {
			g = cal.local(v[0].Time())
		}
		layout := strings.NewReplacer("yyyy", "2006", "MM", "01", "dd", "02", "HH", "15", "mm", "04", "ss", "05").Replace(v[1].Text())
		return event.Text(g.Format(layout))
	case "start_of":
		return event.Instant(cal.start(first(d, v[1].Text())))
	case "add":
		n, unit := span(v[1].Text())
		if v[0].Kind() == event.DateKind {
			if ms, ok := clock(n, unit); ok { // from its first instant
				return event.Instant(cal.start(d) + event.Time(ms))
			}
			return event.Civil(move(d, n, unit))
		}
		return event.Instant(cal.add(v[0].Time(), n, unit))
	}
	fail("what does %s do?", name)
	return nil
}
