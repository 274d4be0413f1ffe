package complete

import (
	"slices"
	"strconv"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// mostValues is how many values are offered where nothing is typed, so that names and functions have room as well.
const mostValues = 30

// texts offers what may stand in the quotes that the cursor is in.
func (o *offer) texts(w want) {
	f := o.top()
	switch {
	case f.cur != nil:
	case f.kind == indexFrame:
		o.names(f.base, nil, quotedForm)
	case w.param != nil && quotedSlots[w.param.Slot]:
		o.quoted(w)
	case w.left != nil:
		o.valuesOf(w.left)
	}
}

// valuesOf offers the values that x is known to have.
func (o *offer) valuesOf(x *operand) {
	place := 0
	offer := func(v event.Value) {
		label, insert := o.written(v)
		if label == "" || o.inText && v.Kind() != event.TextKind {
			return
		}
		place++
		o.add(candidate{Option: Option{Label: label, Insert: insert, Kind: ValueKind, Type: rule.TypeOf(v.Kind()).Word(),
			Doc: rule.Doc{En: "A value that occurs.", Zh: "出现过的取值。"}}, place: place - 1<<20})
	}
	for _, s := range x.fixed {
		offer(event.Text(s))
	}
	if x.typ == rule.Bool && !x.cond || x.typ == rule.Any && slices.Contains(x.kinds, event.BoolKind) {
		offer(event.Bool(true))
		offer(event.Bool(false))
	}
	if x.of == nil || o.values == nil {
		return
	}
	n := o.limit
	if o.word == "" && !o.inText {
		n = min(n, mostValues)
	}
	given := o.values(*x.of, o.word, n)
	for _, v := range given[:min(len(given), max(n, 0))] {
		offer(v)
	}
}

// written is how a value is shown and how a rule says it; empty for what cannot be said.
func (o *offer) written(v event.Value) (label, insert string) {
	switch v.Kind() {
	case event.TextKind:
		return v.Text(), rule.Quote(v.Text())
	case event.NumberKind:
		s := v.Number().Exact()
		return s, s
	case event.BoolKind:
		s := strconv.FormatBool(v.Bool())
		return s, s
	case event.DateKind:
		s := v.Date().String()
		return s, "date(timestamp(" + rule.Quote(s) + "))"
	case event.TimeKind:
		if o.env.Zone != nil && v.Time() != event.Always {
			s := v.Format(o.env.Zone)
			return s, "timestamp(" + rule.Quote(s) + ")"
		}
	}
	return "", ""
}

// quotedSlots are the parameters that are texts in quotes of a certain kind.
var quotedSlots = map[rule.Slot]bool{rule.SpanSlot: true, rule.ClockSpanSlot: true, rule.UnitSlot: true, rule.StreakSlot: true, rule.PatternSlot: true,
	rule.EventSlot: true, rule.PropertySlot: true, rule.ListPropertySlot: true, rule.TableSlot: true, rule.ColumnSlot: true}

// quoted offers the texts that fit such a parameter.
func (o *offer) quoted(w want) {
	f := w.frame
	switch w.param.Slot {
	case rule.SpanSlot, rule.ClockSpanSlot:
		o.spans(f.fun.Name, w.param.Slot)
	case rule.UnitSlot:
		o.units("d", "w", "mo", "q", "y")
	case rule.StreakSlot:
		o.units("d", "w", "mo")
	case rule.PatternSlot:
		for i, s := range []string{"yyyy-MM-dd", "yyyy-MM", "yyyy", "MM-dd", "HH:mm", "yyyy-MM-dd HH:mm", "yyyy-'Q'Q"} {
			o.text(s, ValueKind, rule.Text, rule.Doc{En: "A way to write a time.", Zh: "时间的写法。"}, i)
		}
	case rule.EventSlot:
		o.names(&operand{root: "events"}, nil, quotedForm)
	case rule.ListPropertySlot:
		if f.recv != nil {
			o.fields(o.lists(f.recv.set))
		}
	case rule.PropertySlot:
		o.fields(o.common())
	case rule.TableSlot:
		for i, key := range list(o.env.Tables) {
			o.text(key, TableKind, rule.NoType, rule.Doc{En: "A lookup table.", Zh: "对照表。"}, i)
		}
	case rule.ColumnSlot:
		o.columns(f)
	}
}

func (o *offer) text(s string, kind Kind, t rule.Type, doc rule.Doc, place int) {
	o.add(candidate{Option: Option{Label: s, Insert: rule.Quote(s), Kind: kind, Type: shownType(t, nil), Doc: doc}, place: place})
}

func (o *offer) fields(fields map[string]rule.Field) {
	for name, f := range fields {
		k := field(name, PropertyKind, f, rule.Doc{})
		o.add(candidate{Option: Option{Label: name, Insert: rule.Quote(name), Kind: PropertyKind, Type: shownType(k.typ, k.kinds),
			Doc: rule.Doc{En: "A property of the events.", Zh: "事件的属性。"}}})
	}
}

// common are the properties that both sides of the enclosing then or without have.
func (o *offer) common() map[string]rule.Field {
	out := map[string]rule.Field{}
	for i := len(o.frames) - 1; i >= 0; i-- {
		f := &o.frames[i]
		if f.fun == nil || f.fun.Name != "then" && f.fun.Name != "without" || f.recv == nil {
			continue
		}
		out = o.properties(f.recv.set)
		if len(f.args) == 0 || f.args[0] == nil {
			break
		}
		other := o.properties(f.args[0].set)
		for name := range out {
			if _, both := other[name]; !both {
				delete(out, name)
			}
		}
		break
	}
	return out
}

func (o *offer) columns(f *frame) {
	if len(f.args) == 0 || f.args[0] == nil || o.env.Table == nil {
		return
	}
	t, ok, err := o.env.Table(f.args[0].text)
	if !ok || err != nil || t == nil {
		return
	}
	for name, c := range t.Columns {
		o.text(name, ColumnKind, rule.TypeOf(c.Kind), rule.Doc{En: "A column of the table.", Zh: "对照表的列。"}, 0)
	}
}

// unitNames are the units of spans in the two languages, as they stand after a number.
var unitNames = []struct{ unit, one, many, zh string }{
	{"d", "day", "days", "天"}, {"w", "week", "weeks", "周"}, {"mo", "month", "months", "个月"}, {"y", "year", "years", "年"},
	{"h", "hour", "hours", "小时"}, {"m", "minute", "minutes", "分钟"}, {"s", "second", "seconds", "秒"}, {"q", "quarter", "quarters", "季"},
}

func (o *offer) units(units ...string) {
	for i, u := range units {
		for _, n := range unitNames {
			if n.unit == u {
				o.text(u, SpanKind, rule.Text, rule.Doc{En: "A " + n.one + ".", Zh: strings.TrimPrefix(n.zh, "个") + "。"}, i)
			}
		}
	}
}

// spans offers lengths of time: the usual ones, and the number that is typed with each unit.
func (o *offer) spans(fun string, slot rule.Slot) {
	usual := []string{"7d", "30d", "90d", "1d", "14d", "60d", "180d", "1mo", "3mo", "6mo", "1y", "1w", "1h", "24h", "30m"}
	units := []string{"d", "mo", "w", "y", "h", "m", "s"}
	switch {
	case slot == rule.ClockSpanSlot:
		usual = []string{"1h", "2h", "12h", "24h", "30m", "10m", "5m", "1m"}
		units = []string{"h", "m", "s"}
	case fun == "add":
		usual = []string{"1d", "7d", "31d", "1mo", "1y", "-1d", "-7d", "-31d", "-1mo", "-1y", "1h", "-1h"}
	case fun == "within":
		usual = []string{"10m", "30m", "1h", "24h", "1d", "7d", "30d", "1mo"}
	}
	sign, digits := "", o.word
	if fun == "add" && strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if n := len(digits); n > 0 && n < 6 && digits[0] != '0' && strings.Trim(digits, "0123456789") == "" {
		usual = slices.DeleteFunc(usual, func(s string) bool { return slices.Contains(units, strings.TrimPrefix(s, o.word)) })
		var typed []string
		for _, u := range units {
			typed = append(typed, sign+digits+u)
		}
		usual = append(typed, usual...)
	}
	for i, s := range usual {
		at := strings.IndexAny(s, "dwmyhs")
		for _, n := range unitNames {
			if n.unit != s[at:] {
				continue
			}
			number, unit := strings.TrimPrefix(s[:at], "-"), n.many
			if number == "1" {
				unit = n.one
			}
			doc := rule.Doc{En: number + " " + unit + ".", Zh: number + " " + n.zh + "。"}
			if strings.HasPrefix(s, "-") {
				doc = rule.Doc{En: number + " " + unit + " back.", Zh: "往前 " + number + " " + n.zh + "。"}
			}
			o.text(s, SpanKind, rule.Text, doc, i)
		}
	}
}

// usualConstants are numbers that often stand where only a number written in the rule may.
var usualConstants = map[string][]string{"quantile": {"0.5", "0.8", "0.9", "0.95", "0.2"}, "ntile": {"5", "10", "4", "3", "100"},
	"bucket": {"100", "10", "2", "1000"}, "nth": {"2", "3", "1", "-1", "-2"}}

func (o *offer) constants(w want) {
	if w.param.Type != rule.Number || o.inText {
		return
	}
	for i, s := range usualConstants[w.frame.fun.Name] {
		o.add(candidate{Option: Option{Label: s, Insert: s, Kind: ValueKind, Type: rule.Number.Word(), Doc: rule.Doc{En: "A usual number here.", Zh: "此处常用的数。"}}, place: i})
	}
}
