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
	zone     *event.Zone
	at       []event.Time
	events   map[string]map[string]bool // name → its properties, and those of elements: products[].sku
	traits   []string
	consents []string
	ids      []string
	system   bool
	defs     oracle.Definitions
	records  oracle.Records
	// The sorts of what the definitions give.
	measures, tags map[string]string
	segments       []string
	tables         map[string]map[string]string // by table and column
}

func vocabularyOf(w *world.World, zone *event.Zone, at []event.Time) *vocabulary {
	v := &vocabulary{zone: zone, at: at, events: map[string]map[string]bool{}, measures: map[string]string{}, tags: map[string]string{},
		tables: map[string]map[string]string{}}
	for _, s := range w.Series() {
		switch s.Kind {
		case warehouse.Events:
			v.events[s.Name] = map[string]bool{}
			for _, p := range s.Properties {
				if p.Name != warehouse.SourceColumn {
					v.events[s.Name][p.Name] = true
				}
			}
		case warehouse.Traits:
			v.traits = append(v.traits, s.Name)
		case warehouse.Consents:
			v.consents = append(v.consents, s.Name)
		case warehouse.Identifiers:
			v.ids = append(v.ids, s.Name)
		case warehouse.SystemEvents:
			v.system = true
		}
	}
	return v
}

// row is the variable that stands for an event, the names of the events it can be, and the list whose elements they
// were opened to.
type row struct {
	name   string
	events []string
	list   string
}

// fields returns what a row has by name, with sorts that are wanted.
func (v *vocabulary) fields(r *row, wanted func(sort string) bool) (own, inside []string) {
	for _, e := range r.events {
		for _, p := range keys(v.events[e]) { // in order: wanted may draw
			list, name, element := strings.Cut(p, "[]")
			switch {
			case !element && wanted(properties[p]):
				own = append(own, p)
			case element && list == r.list && name == "" && wanted("mixed"):
				inside = append(inside, list)
			case element && list == r.list && name != "" && wanted(elements[name[1:]]):
				inside = append(inside, name[1:])
			}
		}
	}
	slices.Sort(own)
	slices.Sort(inside)
	return slices.Compact(own), slices.Compact(inside)
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
	// field draws a field of a row, one of the element if there is one.
	field := func(base string, r *row) string {
		own, inside := w.fields(r, wanted)
		if len(inside) > 0 && !rarely(w.Rand, 4) {
			own = inside
		}
		if len(own) == 0 {
			return ""
		}
		return w.dotted(base, w.pick(own...))
	}
	if w.row != nil && !rarely(w.Rand, 5) {
		if f := field(w.row.name, w.row); f != "" {
			return f
		}
	}
	if depth > 0 && rarely(w.Rand, 3) {
		if base, r := w.event(depth - 1); len(r.events) > 0 {
			if f := field(base, r); f != "" {
				return f
			}
		}
	}
	if rarely(w.Rand, 5) {
		if f := w.outsideHistory(depth, sort); f != "" {
			return f
		}
	}
	var fields []string
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
		return w.pick(`"1h"`, `"2h"`, `"24h"`, `"90m"`, `"1s"`, `"60m"`, `"48h"`, `"720h"`, `"60s"`, `"1m"`, `"7200s"`)
	}
	return w.pick(`"7d"`, `"1d"`, `"2d"`, `"30d"`, `"1w"`, `"4w"`, `"1mo"`, `"2mo"`, `"12mo"`, `"1y"`, `"31d"`, `"365d"`, `"8d"`, `"3d"`, `"1y"`, `"2y"`)
}

// defined returns a definition of a sort, with its family.
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

// tagOf returns a tag of a sort, or any.
func (w *writer) tagOf(sort string) string {
	var found []string
	for k, s := range w.tags {
		if s == sort || sort == "" || s == "banded" && sort == "text" {
			found = append(found, "tags."+k)
		}
	}
	slices.Sort(found)
	if len(found) == 0 {
		return ""
	}
	return w.pick(found...)
}

// outsideHistory writes what does not come from the events: the change log, a table, a group drawn by lot.
func (w *writer) outsideHistory(depth int, sort string) string {
	switch w.below(3) {
	case 0:
		if tag := w.tagOf(sort); tag != "" && sort != "" {
			return "previous(" + tag + ")"
		}
	case 1:
		if sort == "time" {
			return w.changedAt()
		}
	}
	if sort == "number" && rarely(w.Rand, 6) {
		return "bucket(" + quoted(w.pick("seed", "试验")) + ", " + w.pick("2", "3", "100") + ")"
	}
	return w.lookup(depth, sort)
}

// changedAt asks since when something is what it is.
func (w *writer) changedAt() string {
	of := []string{"now"}
	for range 2 { // each family as often as the others
		switch {
		case len(w.traits) > 0 && rarely(w.Rand, 3):
			of = append(of, w.dotted("traits", w.pick(w.traits...)))
		case len(w.consents) > 0 && rarely(w.Rand, 3):
			of = append(of, w.dotted("consent", w.pick(w.consents...)))
		case len(w.segments) > 0 && !rarely(w.Rand, 3):
			of = append(of, "segments."+w.pick(w.segments...))
		case w.tagOf("") != "":
			of = append(of, w.tagOf(""))
		}
	}
	if len(of) == 1 {
		return "now"
	}
	return "changed_at(" + w.pick(of[1:]...) + ")"
}

// lookup writes a cell of a sort of a table.
func (w *writer) lookup(depth int, sort string) string {
	var found []string
	for table, columns := range w.tables {
		for column, s := range columns {
			if s == sort || sort == "" {
				found = append(found, quoted(table)+", %s, "+quoted(column))
			}
		}
	}
	slices.Sort(found)
	if len(found) == 0 {
		return ""
	}
	key := w.anyOr(0, w.pick("text", "number"), `"a"`)
	if depth > 0 && rarely(w.Rand, 2) {
		key = w.value(w.pick("text", "number"), depth-1)
	}
	return "lookup(" + fmt.Sprintf(w.pick(found...), key) + ")"
}

// event writes one event of a selection, and what it can be.
func (w *writer) event(depth int) (string, *row) {
	s, r := w.selection(depth)
	return s + w.pick(".latest()", ".earliest()", ".nth(2)", ".nth(-2)", ".nth(1)"), r
}

// rowMeasure writes a measure over a value of each event.
func (w *writer) rowMeasure(depth int, fun, sort string) string {
	s, r := w.selection(depth)
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

func (w *writer) cond(depth int) string {
	op := func() string { return w.pick("==", "!=", "<", "<=", ">", ">=") }
	if len(w.segments) > 0 && rarely(w.Rand, 10) {
		return "segments." + w.pick(w.segments...)
	}
	if depth <= 0 {
		switch w.below(11) {
		case 8:
			if len(w.consents) > 0 {
				k := w.dotted("consent", w.pick(w.consents...))
				return w.pick(k, k, "!"+k, "has("+k+")", k+" == true", k+" != true")
			}
		case 9:
			if list := w.defined("list"); list != "" {
				return w.pick(quoted(w.pick("高", "中", "低"))+" in "+list, "has("+list+")")
			}
		case 10:
			if tag := w.tagOf(""); tag != "" {
				return w.pick("has", "present") + "(" + tag + ")"
			}
		case 0:
			return w.pick("true", "true", "false")
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
	switch w.below(17) {
	case 16:
		return w.method(w.text(d), w.pick("contains", "startsWith", "endsWith"), quoted(w.pick("a", "上", "10", "", "海")))
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
		if a, b := w.any(d, ""), w.any(d, ""); a != "" && b != "" {
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

// rule draws a rule.
func (w *writer) rule() string {
	if rarely(w.Rand, 12) { // what comes after what
		return w.sequenceRule()
	}
	return w.value(w.pick("cond", "number", "text", "time", "list", "date", "cond", "number", "cond"), 1+w.below(3))
}
