package oracle_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"tagma/event"
	"tagma/internal/oracle"
	"tagma/internal/world"
	"tagma/warehouse"
)

// vocabulary is what the rules of one world can speak of.
type vocabulary struct {
	zone   *event.Zone
	at     []event.Time
	events map[string]map[string]bool // name → its properties
	traits []string
	ids    []string
	system bool
	defs   oracle.Definitions
	// The sorts of what the definitions give.
	measures, tags map[string]string
	segments       []string
}

func vocabularyOf(w *world.World, zone *event.Zone, at []event.Time) *vocabulary {
	v := &vocabulary{zone: zone, at: at, events: map[string]map[string]bool{}, measures: map[string]string{}, tags: map[string]string{}}
	for _, s := range w.Series() {
		switch s.Kind {
		case warehouse.Events:
			v.events[s.Name] = map[string]bool{}
			for _, p := range s.Properties {
				v.events[s.Name][p.Name] = p.Name != warehouse.SourceColumn
			}
		case warehouse.Traits:
			v.traits = append(v.traits, s.Name)
		case warehouse.Identifiers:
			v.ids = append(v.ids, s.Name)
		case warehouse.SystemEvents:
			v.system = true
		}
	}
	return v
}

// row is the variable that stands for an event, and the names of the events it can be.
type row struct {
	name   string
	events []string
}

// writer writes one random rule, well typed by the definition of the language.
type writer struct {
	*rand.Rand
	*vocabulary
	row  *row // nil outside where, sum …
	vars int
}

// outside is the writer for parts that must not speak of the row.
func (w *writer) outside() *writer {
	o := *w
	o.row = nil
	return &o
}

func (w *writer) inside(r *row) *writer {
	o := *w
	o.row = r
	return &o
}

func (w *writer) pick(of ...string) string { return pick(w.Rand, of...) }
func (w *writer) below(n int) int          { return w.IntN(n) }

func quoted(s string) string { return strconv.Quote(s) }

// dotted writes base.name, or base["name"] where the name asks for it, or at times without need.
func (w *writer) dotted(base, name string) string {
	if strings.ContainsAny(name, " ") || rarely(w.Rand, 10) {
		return base + "[" + quoted(name) + "]"
	}
	return base + "." + name
}

// value writes an expression of a sort.
func (w *writer) value(sort string, depth int) string {
	switch sort {
	case "cond":
		return w.cond(depth)
	case "number":
		return w.number(depth)
	case "text":
		return w.text(depth)
	case "time":
		return w.time(depth)
	case "date":
		return w.date(depth)
	case "list":
		return w.list(depth)
	}
	return w.anyOr(depth, sort, "1")
}

// any writes something whose kind shows itself in the data: a trait, a property, what is selected of an event.
// The sort, when there is one, says what it mostly is.
func (w *writer) any(depth int, sort string) string {
	var fields []string
	wanted := func(of string) bool {
		switch {
		case sort == "" || rarely(w.Rand, 40):
			return true
		case sort == "number":
			return of == "number" || of == "small" || of == "huge" || of == "mixed"
		case sort == "text":
			return of == "text" || of == "few" || of == "mixed"
		}
		return of == sort
	}
	if w.row != nil {
		for _, e := range w.row.events {
			for p := range w.events[e] {
				if p != warehouse.SourceColumn && wanted(properties[p]) {
					fields = append(fields, p)
				}
			}
		}
		slices.Sort(fields)
		if fields = slices.Compact(fields); len(fields) > 0 && !rarely(w.Rand, 5) {
			return w.dotted(w.row.name, w.pick(fields...))
		}
	}
	if depth > 0 && rarely(w.Rand, 3) {
		base, names, ok := w.event(depth - 1)
		fields = nil
		for _, n := range names {
			for p := range w.events[n] {
				if ok && p != warehouse.SourceColumn && wanted(properties[p]) {
					fields = append(fields, p)
				}
			}
		}
		slices.Sort(fields)
		if fields = slices.Compact(fields); ok && len(fields) > 0 {
			return w.dotted(base, w.pick(fields...))
		}
	}
	fields = nil
	for _, k := range w.traits {
		if wanted(traitNames[k]) {
			fields = append(fields, k)
		}
	}
	if len(fields) > 0 {
		return w.dotted("traits", w.pick(fields...))
	}
	return ""
}

// anyOr writes something of a sort whose kind shows itself, or else a literal.
func (w *writer) anyOr(depth int, sort, otherwise string) string {
	if s := w.any(depth, sort); s != "" {
		return s
	}
	return otherwise
}

func (w *writer) numberLiteral() string {
	if rarely(w.Rand, 12) {
		return num(w.pick(huge...)).Number().Exact()
	}
	return w.pick(numbers...)
}

func (w *writer) span(clock bool) string {
	if clock {
		return w.pick(`"1h"`, `"2h"`, `"24h"`, `"90m"`, `"1s"`, `"60m"`, `"48h"`, `"720h"`)
	}
	return w.pick(`"7d"`, `"1d"`, `"2d"`, `"30d"`, `"1w"`, `"4w"`, `"1mo"`, `"2mo"`, `"12mo"`, `"1y"`, `"31d"`, `"365d"`, `"8d"`, `"3d"`)
}

// of returns a definition's key of a sort, with its family.
func (w *writer) defined(sort string) string {
	var found []string
	for k, s := range w.measures {
		if s == sort {
			found = append(found, "measures."+k)
		}
	}
	for k, s := range w.tags {
		if s == sort {
			found = append(found, "tags."+k)
		}
		if s == "banded" && sort == "text" {
			found = append(found, "tags."+k)
		}
		if s == "banded" && sort == "number" {
			found = append(found, "tags."+k+".number")
		}
	}
	slices.Sort(found)
	if len(found) == 0 {
		return ""
	}
	return w.pick(found...)
}

// event writes one event of a selection; false when there are none to speak of.
func (w *writer) event(depth int) (text string, names []string, ok bool) {
	s, r, _ := w.selection(depth)
	return s + w.pick(".latest()", ".earliest()", ".nth(2)", ".nth(-2)", ".nth(1)"), r.events, len(r.events) > 0
}

// rowMeasure writes a measure over a value of each event.
func (w *writer) rowMeasure(depth int, fun, sort string) string {
	s, r, _ := w.selection(depth)
	in := w.inside(r)
	x := ""
	if rarely(w.Rand, 4) || len(r.events) == 0 {
		x = in.value(sort, depth-1)
	} else if x = in.any(depth-1, sort); x == "" {
		x = in.value(sort, 0)
	}
	if fun == "distinct" && rarely(w.Rand, 2) {
		if y := in.any(depth-1, ""); y != "" {
			x = y
		}
	}
	args := r.name + ", " + x
	if fun == "top" && rarely(w.Rand, 2) {
		args += ", " + in.number(min(depth-1, 1))
	}
	return s + "." + fun + "(" + args + ")"
}

// selection writes events of the customer, filtered; and the variable that may stand for one of them.
func (w *writer) selection(depth int) (string, *row, bool) {
	o := w.outside()
	names := keys(w.events)
	r := &row{name: []string{"e", "v", "x", "行"}[min(w.vars, 3)]}
	o.vars++
	text := ""
	switch k := w.below(8); {
	case k == 5 && len(names) > 1:
		n := different(w.Rand, 1, 3, names)
		r.events = n
		q := make([]string, len(n))
		for i := range n {
			q[i] = quoted(n[i])
		}
		text = "events.any(" + strings.Join(q, ", ") + ")"
	case k == 6 || len(names) == 0:
		r.events = names
		text = "events.all"
	case k == 7 && w.system && rarely(w.Rand, 2):
		text = "events.system"
	default:
		r.events = []string{w.pick(names...)}
		text = w.dotted("events", r.events[0])
	}
	for range w.below(3) {
		switch o.below(8) {
		case 0, 1:
			text += ".last(" + w.span(rarely(w.Rand, 3)) + ")"
		case 2:
			text += ".before(" + w.span(rarely(w.Rand, 3)) + ")"
		case 3:
			a, b := near(w.Rand, w.at), near(w.Rand, w.at)
			if a > b {
				a, b = b, a
			}
			if rarely(w.Rand, 2) {
				text += fmt.Sprintf(".between(%q, %q)", w.zone.Date(a), w.zone.Date(b))
			} else {
				text += fmt.Sprintf(".between(timestamp(%q), timestamp(%q))", w.zone.Format(a), w.zone.Format(b))
			}
		case 4, 5:
			text += w.pick(".since(", ".until(")
			switch o.below(3) {
			case 0:
				text += quoted(w.zone.Date(near(w.Rand, w.at)).String())
			case 1:
				text += o.time(depth - 1)
			case 2:
				text += o.date(min(depth-1, 0))
			}
			text += ")"
		default:
			if depth > 0 {
				in := o.inside(r)
				text += ".where(" + r.name + ", " + in.cond(depth-1) + ")"
			}
		}
	}
	return text, r, true
}

func (w *writer) cond(depth int) string {
	op := func() string { return w.pick("==", "!=", "<", "<=", ">", ">=") }
	if depth <= 0 {
		switch w.below(8) {
		case 0:
			return "true"
		case 1:
			return w.anyOr(0, "bool", "false")
		case 2:
			return w.number(0) + " " + op() + " " + w.number(0)
		case 3:
			return w.text(0) + " " + w.pick("==", "!=") + " " + w.text(0)
		case 4:
			return w.anyOr(0, w.pick("text", "number"), `"a"`) + " in " + w.pick(`["a", "茶", "上海"]`, `[1, 8, 10.0]`, `[1, "a"]`)
		case 5:
			if x := w.any(0, ""); x != "" {
				return w.pick("has", "present") + "(" + x + ")"
			}
		case 6:
			if len(w.ids) > 0 {
				id := w.dotted("ids", w.pick(w.ids...))
				return w.pick(id+` == "a"`, id+` != "b8"`, `"a" in `+id, "has("+id+")", id+` in ["a", "b8"]`)
			}
		case 7:
			if len(w.segments) > 0 {
				return "segments." + w.pick(w.segments...)
			}
		}
		return w.number(0) + " > 0"
	}
	d := depth - 1
	switch w.below(16) {
	case 0, 1:
		return w.number(d) + " " + op() + " " + w.number(d)
	case 2:
		return w.text(d) + " " + op() + " " + w.text(d)
	case 3:
		return w.time(d) + " " + op() + " " + w.time(d)
	case 4:
		return w.date(d) + " " + op() + " " + w.date(d)
	case 5, 6:
		return "(" + w.cond(d) + w.pick(" && ", " || ") + w.cond(d) + ")"
	case 7:
		return "!(" + w.cond(d) + ")"
	case 8:
		return w.text(d) + " in " + w.pick(`["a", "茶", "上海", ""]`, w.list(d))
	case 9:
		return w.number(d) + " in " + w.pick(`[1, 2, 3, 100.5]`, w.list(d))
	case 10:
		return w.method(w.text(d), w.pick("contains", "startsWith", "endsWith"), quoted(w.pick("a", "上", "10", "", "海")))
	case 11:
		return w.method(w.text(d), "matches", quoted(w.pick("^a", "[0-9]+", "上.", "^$", "海$")))
	case 12:
		return "(" + w.time(d) + " - " + w.time(d) + " " + op() + " duration(" + w.span(true) + "))"
	case 13:
		if a, b := w.any(d, ""), w.any(d, ""); a != "" {
			return a + " " + op() + " " + w.pick(b, b, w.numberLiteral(), quoted(w.pick(texts...)))
		}
	case 14:
		x := w.value(w.pick("number", "text", "time", "date"), d)
		return "present(" + x + ")"
	case 15:
		return "(" + w.cond(d) + " ? " + w.cond(d) + " : " + w.cond(d) + ")"
	}
	return w.cond(0)
}

// define draws a few measures, tags and segments, each speaking of those before it.
func (w *writer) define() {
	w.defs = oracle.Definitions{Measures: map[string]oracle.Measure{}, Tags: map[string]oracle.Tag{}, Segments: map[string]string{}}
	for i := range w.below(4) {
		key := fmt.Sprintf("d%d", i)
		switch w.below(5) {
		case 0:
			sort := w.pick("number", "text", "number")
			m := oracle.Measure{Value: w.value(sort, 2)}
			if rarely(w.Rand, 2) {
				m.When = w.cond(1)
			}
			w.defs.Measures[key], w.measures[key] = m, sort
		case 1:
			t := oracle.Tag{}
			for _, v := range []string{"高", "中", "低"}[:1+w.below(3)] {
				t.Cases = append(t.Cases, oracle.Case{Value: event.Text(v), When: w.cond(2)})
			}
			w.defs.Tags[key], w.tags[key] = t, "text"
		case 2:
			sort := w.pick("number", "text", "time")
			w.defs.Tags[key], w.tags[key] = oracle.Tag{Value: w.value(sort, 2)}, sort
		case 3:
			w.defs.Tags[key] = oracle.Tag{Value: w.number(2), Bands: []oracle.Band{{Below: num("1"), Value: "低"}, {Below: num("2.5"), Value: "中"}, {Value: "高"}}}
			w.tags[key] = "banded"
		case 4:
			w.defs.Segments[key] = w.cond(2)
			w.segments = append(w.segments, key)
		}
	}
}

// rule draws a rule.
func (w *writer) rule() string {
	return w.value(w.pick("cond", "number", "text", "time", "list", "date", "cond", "number"), 1+w.below(3))
}
