package oracle

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
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
	case "lookup":
		return c.lookup(c.literal(n, 0), plain(c.eval(n.Args[1])), c.literal(n, 2))
	case "changed_at":
		return c.changedAt(n.Args[0])
	case "previous":
		return c.previous(n.Args[0])
	case "bucket":
		return c.bucket(c.literal(n, 0), constant(n.Args[1]))
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
	case "lower", "upper", "trim", "replace", "split":
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
		if len(v) == 1 { // to a whole number
			return event.Num(a.Round(0))
		}
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
	case "upper":
		return event.Text(strings.ToUpper(text))
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
	case event.MapKind: // an element of a list
		text, err := json.Marshal(c.object(v))
		if err != nil {
			fail("%s", err)
		}
		return event.Text(string(text))
	}
	return event.Value{}
}

// object is a value inside a map as JSON has it.
func (c customer) object(v event.Value) any {
	switch v.Kind() {
	case event.NumberKind:
		return json.Number(v.Number().String())
	case event.BoolKind:
		return v.Bool()
	case event.ListKind:
		list := []any{}
		for _, item := range v.List() {
			list = append(list, c.object(item))
		}
		return list
	case event.MapKind:
		fields := map[string]any{}
		for _, p := range v.Map() {
			fields[p.Name] = c.object(p.Value)
		}
		return fields
	}
	return c.written(v).Text()
}

// dated answers the functions of time.
func (c customer) dated(name string, v []event.Value) any {
	cal := c.o.calendar
	switch name {
	case "timestamp":
		if b, ok := cal.read(v[0].Text()); ok && v[0].Kind() == event.TextKind {
			return event.Instant(cal.borderStart(b))
		}
		return event.Value{}
	case "duration": // elapsed time; a day of it has 24 hours
		length, unit := span(v[0].Text())
		switch unit {
		case "d":
			length, unit = 24*length, "h"
		case "w":
			length, unit = 7*24*length, "h"
		}
		ms, ok := clock(length, unit)
		if !ok {
			fail("a duration is elapsed time")
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
	case "year":
		return integer(utc(d).Year())
	case "date":
		return event.Civil(d)
	case "format":
		at := v[0].Time()
		if v[0].Kind() == event.DateKind { // its first instant
			at = cal.start(d)
		}
		return event.Text(formatted(cal.local(at), v[1].Text()))
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

// formatted writes a time as a pattern says: letters in a row are a field, those in single quotes and all other signs
// stand for themselves.
func formatted(g time.Time, pattern string) string {
	var b strings.Builder
	fields := map[byte]int{'y': g.Year(), 'M': int(g.Month()), 'd': g.Day(), 'H': g.Hour(), 'm': g.Minute(), 's': g.Second(),
		'S': g.Nanosecond() / 1e6, 'Q': (int(g.Month()) + 2) / 3}
	quoted := false
	for len(pattern) > 0 {
		letter := pattern[0]
		n := len(pattern) - len(strings.TrimLeft(pattern, string(letter)))
		value, field := fields[letter]
		switch {
		case letter == '\'':
			quoted, n = !quoted, 1
		case quoted || !field:
			b.WriteByte(letter)
			n = 1
		case letter == 'y' && n == 2:
			fmt.Fprintf(&b, "%02d", value%100)
		default:
			fmt.Fprintf(&b, "%0*d", n, value)
		}
		pattern = pattern[n:]
	}
	return b.String()
}
