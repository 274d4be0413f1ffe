package complete

import (
	"slices"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// form is how a name is offered.
type form uint8

const (
	dotForm    form = iota // after a dot: .city, or ["收货 城市"] in its place
	quotedForm             // inside brackets or a call: "city"
	wholeForm              // with what stands before it: traits.city
)

// known is something that has a name.
type known struct {
	name     string
	kind     Kind
	typ      rule.Type
	kinds    []event.Kind
	doc      rule.Doc
	complete func(*Option)
}

// field is a name with what is known of its values.
func field(name string, kind Kind, f rule.Field, doc rule.Doc) known {
	k := known{name: name, kind: kind, typ: rule.Any, kinds: f.Seen, doc: doc}
	if f.Declared != event.Missing {
		k.typ, k.kinds = rule.TypeOf(f.Declared), nil
	}
	return k
}

// shownType is the type as options show it: of what is not declared, what came so far.
func shownType(t rule.Type, kinds []event.Kind) string {
	switch {
	case t == rule.Any:
		words := make([]string, len(kinds))
		for i, k := range kinds {
			words[i] = rule.TypeOf(k).Word()
			if k == event.BoolKind {
				words[i] = k.String()
			}
		}
		return strings.Join(words, ", ")
	case t == rule.NoType:
		return ""
	}
	return t.Word()
}

// knownAfter visits the names that a path of names can go on with, in no order.
func (o *offer) knownAfter(x *operand, visit func(known)) {
	names := o.env.Names
	if names == nil {
		names = &rule.Names{}
	}
	switch {
	case x.typ == rule.Event || x.root == "event":
		doc := rule.Doc{En: "A property of the event.", Zh: "事件的属性。"}
		for name, f := range o.properties(x.set) {
			if x.typ != rule.Event || name != "time" && name != "name" && name != "source" {
				visit(field(name, PropertyKind, f, doc))
			}
		}
		if x.typ == rule.Event {
			o.fieldsOf("e.", visit)
		}
	case x.root == "traits":
		for name, f := range names.Traits {
			visit(field(name, TraitKind, f, rule.Doc{En: "A trait of the customer.", Zh: "客户的属性。"}))
		}
	case x.root == "ids":
		for name := range names.IDs {
			visit(known{name: name, kind: IdentifierKind, typ: rule.IDs, doc: rule.Doc{En: "A kind of identifiers.", Zh: "一类标识。"}})
		}
	case x.root == "events":
		for name := range names.Events {
			visit(known{name: name, kind: EventKind, typ: rule.Events, doc: rule.Doc{En: "An event that came or is declared.", Zh: "出现过或声明过的事件。"}})
		}
	case x.root == "consent":
		for name := range names.Consents {
			visit(known{name: name, kind: ConsentKind, typ: rule.Bool, doc: rule.Doc{En: "A consent of the customer.", Zh: "客户的授权。"}})
		}
	case x.root == "customer" && len(x.path) == 0:
		o.fieldsOf("customer.", visit)
	case x.root == "segments":
		for _, name := range list(o.env.Segments) {
			visit(known{name: name, kind: SegmentKind, typ: rule.Bool, doc: rule.Doc{En: "A segment.", Zh: "分群。"}})
		}
	case x.root == "tags" || x.root == "measures":
		o.definitions(x, visit)
	}
}

// definitions visits tags or named measures. What type they have is asked only of those that are shown.
func (o *offer) definitions(x *operand, visit func(known)) {
	keys, kind, doc := o.env.TagKeys, TagKind, rule.Doc{En: "A tag.", Zh: "标签。"}
	if x.root == "measures" {
		keys, kind, doc = o.env.Measures, ExpressionKind, rule.Doc{En: "A measure of the definitions.", Zh: "定义中命名的指标。"}
	}
	for _, key := range list(keys) {
		visit(known{name: key, kind: kind, typ: rule.Any, doc: doc, complete: func(opt *Option) {
			v := &operand{root: x.root}
			o.resolve(v, key)
			opt.Type = shownType(v.typ, v.kinds)
		}})
	}
	if x.root == "tags" && len(x.path) > 0 && o.env.Tag != nil {
		key := strings.Join(x.path, ".")
		if ref, ok, err := o.env.Tag(key); ok && err == nil && ref != nil && ref.Number != nil {
			o.fieldsOf("tags.k.", func(k known) {
				k.name = key + "." + k.name
				visit(k)
			})
		}
	}
}

func list(f func() []string) []string {
	if f == nil {
		return nil
	}
	return f()
}

// fieldsOf visits the fields that the catalogue has under a prefix.
func (o *offer) fieldsOf(prefix string, visit func(known)) {
	for _, e := range o.entries {
		if name, ok := strings.CutPrefix(e.Name, prefix); ok && e.Kind == rule.FieldEntry {
			visit(known{name: name, kind: FieldKind, typ: e.Result, doc: e.Doc})
		}
	}
}

// found is a name that matches, with its rank.
type found struct {
	known
	rest              string // what is to be written of the name
	match, fit, place int
}

func (a *found) compare(b *found) int {
	for _, d := range [...]int{a.match - b.match, a.fit - b.fit, a.place - b.place} {
		if d != 0 {
			return d
		}
	}
	return strings.Compare(a.rest, b.rest)
}

// names offers what a path can go on with.
func (o *offer) names(x *operand, w *want, how form) {
	if x == nil {
		return
	}
	before := ""
	if x.typ != rule.Event && len(x.path) > 0 {
		before = strings.Join(x.path, ".") + "."
	}
	wanted, most := rule.NoType, o.limit
	if w != nil {
		wanted = w.typ
	}
	if how == wholeForm && o.word == "" {
		most = min(most, mostWhole)
	}
	// Only the best are kept, in order: of thousands of names, few are written out.
	var best []found
	o.knownAfter(x, func(k known) {
		rest, ok := strings.CutPrefix(k.name, before)
		if !ok || rest == "" || most == 0 {
			return
		}
		f := found{known: k, rest: rest, match: o.typing.match(rest), fit: fit(k.typ, wanted, k.kinds)}
		if f.match == misses || how == wholeForm && f.fit > 1 {
			return
		}
		if k.kind == FieldKind && before == "" { // what is the same of every event comes last
			if f.place = 1 << 20; k.name != "time" {
				f.place++
			}
		}
		if len(best) == most && best[most-1].compare(&f) <= 0 {
			return
		}
		at, _ := slices.BinarySearchFunc(best, f, func(a, b found) int { return a.compare(&b) })
		if len(best) == most {
			best = best[:most-1]
		}
		best = slices.Insert(best, at, f)
	})
	for _, f := range best {
		c := candidate{Option: Option{Label: f.rest, Kind: f.kind, Type: shownType(f.typ, f.kinds), Doc: f.doc}, place: f.place, complete: f.complete, fit: f.fit}
		switch how {
		case dotForm:
			c.Insert = after(x, f.rest)
		case quotedForm:
			c.Insert = rule.Quote(f.rest)
		case wholeForm:
			c.Label, c.Insert, c.by = x.word+"."+f.rest, x.word+after(x, f.rest), f.rest
			if c.place += 10; wanted == rule.List && c.fit == 0 { // rare enough to be what is meant
				c.place -= 1 << 20
			}
			if o.word != "" { // words of the language that begin so come first
				c.match++
			}
		}
		o.add(c)
	}
}

// mostWhole is how many names are offered with their root where nothing is typed; the others are found behind it.
const mostWhole = 15

// after is how a name is written behind x: .city, or ["收货 城市"].
func after(x *operand, name string) string {
	special := x.root == "events" && len(x.path) == 0 && (name == "all" || name == "system" || name == "any")
	if special || slices.ContainsFunc(strings.Split(name, "."), func(part string) bool { return !rule.IsName(part) }) {
		return "[" + rule.Quote(name) + "]"
	}
	return "." + name
}

// direct offers names with the root before them.
func (o *offer) direct(x *operand, w want) { o.names(x, &w, wholeForm) }

// measuresFirst orders what follows a selection of events by use; the others come after them.
var measuresFirst = []string{"count", "last", "where", "sum", "latest", "days", "earliest", "avg", "distinct", "top", "since", "then", "without", "between", "before", "until", "each",
	"max", "min", "values", "streak", "max_gap", "nth", "peak"}

// members offers what follows a dot.
func (o *offer) members(x *operand) {
	if x == nil {
		return
	}
	w := o.wanted(len(o.frames) - 1)
	o.names(x, &w, dotForm)
	if x.root == "events" && len(x.path) == 0 {
		for i, name := range []string{"all", "any", "system"} {
			for _, e := range o.entries {
				if e.Kind == rule.SourceEntry && e.Name == "events."+name {
					insert := "." + name
					if len(e.Params) > 0 {
						insert = o.with(insert, "(")
					}
					o.add(candidate{Option: Option{Label: name, Insert: insert, Kind: KeywordKind, Type: e.Result.Word(), Doc: e.Doc}, place: 1<<20 + i})
				}
			}
		}
		return
	}
	if x.typ == rule.Events {
		o.chain(x)
		return
	}
	for _, e := range o.entries {
		if e.Kind == rule.FunctionEntry && e.Method && takes(e, x) {
			o.function(e, e.Name, methodKind, 1<<21, 0)
		}
	}
}

// takes says whether a function may stand behind a value.
func takes(e rule.Entry, x *operand) bool {
	if x.strange {
		return false
	}
	switch x.typ {
	case rule.NoType, rule.Event, rule.Events, rule.IDs, rule.Null, rule.Duration:
		return false
	}
	switch e.Name {
	case "size":
		return x.may(rule.Text) || x.may(rule.List)
	case "string", "number":
		return !x.cond
	}
	return x.may(rule.Text)
}

// chain offers the filters and measures of a selection.
func (o *offer) chain(x *operand) {
	lists := o.lists(x.set)
	for _, e := range o.entries {
		kind := FilterKind
		switch {
		case e.Kind == rule.MeasureEntry:
			kind = MeasureKind
		case e.Kind != rule.FilterEntry:
			continue
		case e.Name == "each" && (len(lists) == 0 || x.set != nil && x.set.list != ""):
			continue
		}
		place := slices.Index(measuresFirst, e.Name)
		if place < 0 {
			place = len(measuresFirst)
		}
		o.function(e, e.Name, kind, place, 0)
	}
}
