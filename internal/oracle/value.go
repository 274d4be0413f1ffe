package oracle

import "tagma/event"

// What an expression is: an event.Value, or one of these.
type (
	// selection is a customer's events, in order of time, then arrival; or elements of theirs.
	selection []happening
	// one is an event, or none.
	one struct{ e *happening }
	// elapsed is a length of time in milliseconds, or none.
	elapsed struct {
		ms int64
		ok bool
	}
	// anyOf is identifiers: in a comparison, any of them.
	anyOf []event.Value
)

// happening is an event, or with a list property's name one element of that list of the event.
type happening struct {
	event.Event
	list    string
	element event.Value
}

// plain returns a value as itself and all else as missing or a fault of the rule.
func plain(x any) event.Value {
	switch x := x.(type) {
	case event.Value:
		return x
	case anyOf: // none of a kind is a missing value, as has() says
		if len(x) == 0 {
			return event.Value{}
		}
		return event.List(x...)
	}
	fail("%T is no value", x)
	return event.Value{}
}

// holds says whether a condition holds; what is missing or no condition does not.
func holds(x any) bool { return plain(x).Bool() }

// present says whether there is something.
func present(x any) bool {
	switch x := x.(type) {
	case event.Value:
		return x.Present()
	case anyOf:
		return len(x) > 0
	case one:
		return x.e != nil
	case elapsed:
		return x.ok
	}
	fail("%T is no value", x)
	return false
}

// compare answers == < <= > >= between two things. Of identifiers, one that fits is enough.
func compare(op string, x, y any) bool {
	if ids, ok := x.(anyOf); ok {
		for _, id := range ids {
			if compare(op, id, y) {
				return true
			}
		}
		return false
	}
	if ids, ok := y.(anyOf); ok {
		for _, id := range ids {
			if compare(op, x, id) {
				return true
			}
		}
		return false
	}
	a, aTime := x.(elapsed)
	b, bTime := y.(elapsed)
	if aTime || bTime { // a difference of times, one of which is missing, is no duration
		return a.ok && b.ok && ordered(op, sign(a.ms-b.ms))
	}
	return compareValues(op, plain(x), plain(y))
}

func compareValues(op string, a, b event.Value) bool {
	if !a.Present() || a.Kind() != b.Kind() {
		return false
	}
	return ordered(op, a.Compare(b))
}

func sign(n int64) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func ordered(op string, order int) bool {
	switch op {
	case "==":
		return order == 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	fail("no comparison: %s", op)
	return false
}

// arithmetic answers + - * / % between two things; what is missing or does not fit makes the result missing.
func arithmetic(op string, x, y any) any {
	a, aTime := x.(elapsed)
	b, bTime := y.(elapsed)
	switch {
	case aTime && bTime:
		if op == "-" {
			b.ms = -b.ms
		}
		return elapsed{a.ms + b.ms, a.ok && b.ok}
	case aTime:
		return moved(plain(y), a.ms, a.ok)
	case bTime:
		if op == "-" {
			b.ms = -b.ms
		}
		return moved(plain(x), b.ms, b.ok)
	}
	v, w := plain(x), plain(y)
	var n event.Number
	var ok bool
	switch {
	case v.Kind() == event.TimeKind && w.Kind() == event.TimeKind && op == "-":
		return elapsed{int64(v.Time()) - int64(w.Time()), true}
	case v.Kind() == event.TextKind && w.Kind() == event.TextKind && op == "+":
		return event.Text(v.Text() + w.Text())
	case v.Kind() != event.NumberKind || w.Kind() != event.NumberKind:
		return event.Value{}
	}
	switch op {
	case "+":
		n, ok = v.Number().Add(w.Number())
	case "-":
		n, ok = v.Number().Sub(w.Number())
	case "*":
		n, ok = v.Number().Mul(w.Number())
	case "/":
		n, ok = v.Number().Div(w.Number())
	case "%":
		n, ok = v.Number().Mod(w.Number())
	}
	return number(n, ok)
}

// moved is an instant, an elapsed time later.
func moved(t event.Value, ms int64, ok bool) event.Value {
	if t.Kind() != event.TimeKind || !ok {
		return event.Value{}
	}
	return event.Instant(t.Time() + event.Time(ms))
}

func number(n event.Number, ok bool) event.Value {
	if !ok {
		return event.Value{}
	}
	return event.Num(n)
}

func integer(n int) event.Value { return event.Num(event.Int(int64(n))) }
