package oracle_test

import "strings"

// What follows writes values of each sort.

func (w *writer) number(depth int) string {
	if depth <= 0 {
		switch w.below(4) {
		case 1:
			return w.anyOr(0, "number", "1")
		case 2:
			if w.row == nil {
				s, _ := w.selection(0)
				return s + w.pick(".count()", ".days()")
			}
		case 3:
			if d := w.defined("number"); d != "" {
				return d
			}
		}
		return w.numberLiteral()
	}
	d := depth - 1
	switch w.below(16) {
	case 15:
		return w.numeric(d)
	case 0:
		return w.numberLiteral()
	case 1:
		return w.anyOr(d, "number", "2")
	case 2:
		s, _ := w.selection(d)
		return s + w.pick(".count()", ".days()", `.streak("d")`, `.streak("w")`, `.streak("mo")`, ".max_gap()", ".max_gap()", ".peak("+w.span(true)+")")
	case 3, 4:
		return w.rowMeasure(d, w.pick("sum", "avg", "min", "max", "distinct", "top", "sum", "distinct"), "number")
	case 5, 6:
		return "(" + w.number(d) + " " + w.pick("+", "-", "*", "/", "%") + " " + w.number(d) + ")"
	case 7:
		return w.numeric(d)
	case 8, 14:
		fun := w.pick("days_since", "days_until", "age", "days_to_anniversary", "days_between", "hour", "weekday", "day", "month", "year")
		if fun == "days_between" {
			return "days_between(" + w.day(d) + ", " + w.day(d) + ")"
		}
		return fun + "(" + w.day(d) + ")"
	case 9:
		return "(" + w.cond(d) + " ? " + w.number(d) + " : " + w.pick(w.number(d), "null") + ")"
	case 10:
		if s := w.defined("number"); s != "" {
			return s
		}
	case 11, 12:
		return w.population(d)
	case 13:
		return w.anyOr(d, "number", "3")
	}
	return w.number(0)
}

// numeric writes a function of numbers, or one that makes a number.
func (w *writer) numeric(d int) string {
	switch w.below(10) {
	case 0:
		return "round(" + w.number(d) + w.pick("", ", 0", ", 1", ", 2", ", -1", ", 20") + ")"
	case 1:
		return w.pick("abs", "floor") + "(" + w.number(d) + ")"
	case 2, 3:
		return w.pick("min", "max") + "(" + w.number(d) + ", " + w.number(d) + w.pick("", ", "+w.number(0)) + ")"
	case 4:
		return "pow(" + w.number(d) + ", " + w.pick("2", "0.5", "3", "-1", "0", "100") + ")"
	case 5:
		return w.pick("log", "exp") + "(" + w.pick(w.number(0), w.anyOr(d, "number", "1"), w.number(d)) + ")"
	case 6:
		return "size(" + w.value(w.pick("text", "list"), d) + ")"
	case 7:
		return "number(" + w.text(d) + ")"
	case 8:
		return "-" + w.pick("(", "abs(") + w.number(d) + ")"
	}
	return "number(" + w.anyOr(d, w.pick("", "number", "bool"), "1") + ")"
}

// population writes a function across all customers; it cannot speak of the row.
func (w *writer) population(depth int) string {
	o := w.outside()
	args := o.number(depth)
	fun := w.pick("mean", "median", "quantile", "ntile")
	switch fun {
	case "quantile":
		args += ", " + w.pick("0.5", "0.8", "0", "1", "0.25", "0.333")
	case "ntile":
		args += ", " + w.pick("2", "3", "5", "4", "10")
	}
	if rarely(w.Rand, 3) {
		args += ", " + o.cond(depth)
	}
	return fun + "(" + args + ")"
}

func (w *writer) text(depth int) string {
	if depth <= 0 {
		switch w.below(4) {
		case 1, 2:
			return w.anyOr(0, "text", `"a"`)
		case 3:
			if d := w.defined("text"); d != "" {
				return d
			}
		}
		return quoted(w.pick(texts...))
	}
	d := depth - 1
	switch w.below(11) {
	case 1, 2:
		return w.anyOr(d, "text", `"a"`)
	case 3:
		return "(" + quoted(w.pick(texts...)) + " + " + w.text(d) + ")"
	case 4:
		return w.method(w.text(d), w.pick("lower", "upper", "trim"))
	case 5:
		return w.method(w.text(d), "replace", quoted(w.pick("a", "上", "|", " ")), quoted(w.pick("b", "", "茶茶")))
	case 6:
		switch w.below(5) {
		case 0:
			return "string(" + w.number(d) + ")"
		case 1:
			return "string(" + w.time(d) + ")"
		case 2:
			return "string(" + w.text(d) + ")"
		case 3:
			return "string(" + w.date(d) + ")"
		}
		return "string(" + w.anyOr(d, w.pick("bool", "number", "text", "date"), `"x"`) + ")"
	case 7:
		return "format(" + w.day(d) + ", " + w.pick(`"yyyy-MM"`, `"yyyy-MM-dd HH:mm:ss"`, `"MM月dd日"`, `"HH"`, `"yyyyMMdd"`, `"yy/M/d H:m:s.SSS"`, `"yyyy'Q'Q"`) + ")"
	case 8:
		if w.row != nil && rarely(w.Rand, 2) {
			return w.row.name + w.pick(".name", ".source")
		}
		if e, r := w.event(d); len(r.events) > 0 {
			return e + w.pick(".name", ".source")
		}
	case 9:
		return w.rowMeasure(d, w.pick("top", "min", "max"), "text")
	case 10:
		return "(" + w.cond(d) + " ? " + w.text(d) + " : " + w.pick(w.text(d), "null") + ")"
	}
	return w.text(0)
}

// method writes x.f(args).
func (w *writer) method(x, f string, args ...string) string {
	return x + "." + f + "(" + strings.Join(args, ", ") + ")"
}

func (w *writer) timeLiteral() string {
	t := near(w.Rand, w.at)
	switch w.below(8) {
	case 0: // a text that may be a time
		return "timestamp(" + w.pick("string("+w.date(0)+")", "string("+w.time(0)+")", w.text(0)) + ")"
	case 2, 3, 4:
		return "timestamp(" + quoted(w.zone.Format(t)) + ")"
	case 1:
		return "timestamp(" + quoted(w.zone.Date(t).String()) + ")"
	}
	return "timestamp(" + quoted(t.String()) + ")"
}

func (w *writer) time(depth int) string {
	if depth <= 0 {
		if w.row != nil && rarely(w.Rand, 2) {
			return w.row.name + ".time"
		}
		switch w.below(4) {
		case 1:
			return w.timeLiteral()
		case 2:
			return w.anyOr(0, "time", "now")
		case 3:
			return w.pick("now", "customer.first_seen")
		}
		return "now"
	}
	d := depth - 1
	switch w.below(11) {
	case 9:
		return w.changedAt()
	case 10:
		if s := w.defined("time"); s != "" {
			return s
		}
	case 0:
		return "now"
	case 1:
		return w.timeLiteral()
	case 2, 3:
		if e, r := w.event(d); len(r.events) > 0 {
			return e + ".time"
		}
	case 4:
		return "start_of(" + w.time(d) + ", " + w.pick(`"d"`, `"w"`, `"mo"`, `"q"`, `"y"`) + ")"
	case 5:
		return "add(" + w.time(d) + ", " + w.pick(`"1d"`, `"-1d"`, `"31d"`, `"-1mo"`, `"1mo"`, `"1y"`, `"-1y"`, `"-2w"`, `"2h"`, `"-90m"`, `"6mo"`) + ")"
	case 6:
		return "(" + w.time(d) + w.pick(" + ", " - ") + "duration(" + w.span(true) + "))"
	case 7:
		return w.rowMeasure(d, w.pick("min", "max", "top"), "time")
	case 8:
		return "(" + w.cond(d) + " ? " + w.time(d) + " : " + w.time(d) + ")"
	}
	return w.time(0)
}

func (w *writer) date(depth int) string {
	switch w.below(5) {
	case 4:
		if s := w.lookup(depth, "date"); s != "" {
			return s
		}
	case 0:
		return "date(now)"
	case 1:
		return w.anyOr(0, "date", "date(now)")
	case 2:
		if depth > 0 {
			return "add(" + w.date(depth-1) + ", " + w.pick(`"1d"`, `"-1d"`, `"1mo"`, `"-1y"`) + ")"
		}
	case 3:
		if depth > 0 && rarely(w.Rand, 2) {
			return w.rowMeasure(depth-1, w.pick("min", "max", "top"), "date")
		}
	}
	return "date(" + w.time(depth-1) + ")"
}

// day writes what has a local day: a time or a date.
func (w *writer) day(depth int) string { return w.value(w.pick("time", "date"), depth) }

func (w *writer) list(depth int) string {
	switch w.below(7) {
	case 5:
		if s := w.defined("list"); s != "" {
			return s
		}
	case 6:
		if s := w.outsideHistory(depth, "list"); s != "" {
			return s
		}
	case 1:
		return w.rowMeasure(depth, "values", "text")
	case 2:
		return w.rowMeasure(depth, "values", w.pick("number", "date", "time", ""))
	case 3:
		return w.method(w.text(depth-1), "split", quoted(w.pick("|", "a", "海")))
	case 4:
		if len(w.ids) > 0 && rarely(w.Rand, 3) {
			return w.dotted("ids", w.pick(w.ids...))
		}
	}
	return w.anyOr(depth, "list", `["a"]`)
}
