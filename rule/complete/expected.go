package complete

import (
	"slices"
	"strings"

	"tagma/rule"
)

// rootPlaces orders the roots by how often rules use them.
var rootPlaces = []string{"events", "traits", "tags", "segments", "measures", "ids", "consent", "customer", "now"}

// usual are the functions that rules use most, in order; the others come after them.
var usual = []string{"days_since", "has", "age", "days_until", "days_to_anniversary", "days_between", "round", "lookup", "changed_at", "previous",
	"mean", "ntile", "quantile", "median", "bucket", "hour", "weekday", "start_of", "add", "duration", "timestamp", "date", "month", "day", "year", "format"}

// expected offers what may stand where a value is expected.
func (o *offer) expected(w want) {
	if o.top().kind == indexFrame {
		o.names(o.top().base, nil, quotedForm)
		return
	}
	if w.param != nil && o.slot(w) {
		return
	}
	if w.left != nil {
		o.valuesOf(w.left)
	}
	if w.inList {
		return
	}
	if v, s := o.variable(); v != "" {
		o.add(candidate{Option: Option{Label: v, Insert: o.with(v, "."), Kind: VariableKind, Type: rule.Event.Word(),
			Doc: rule.Doc{En: "The event that is looked at.", Zh: "当前考察的事件。"}}, place: -1})
		o.direct(&operand{typ: rule.Event, set: s, word: v}, w)
	}
	for _, e := range o.entries {
		switch e.Kind {
		case rule.RootEntry:
			o.rootWord(e, w)
		case rule.FunctionEntry, rule.PopulationEntry:
			place := len(usual)
			if i := slices.Index(usual, e.Name); i >= 0 {
				place = i
			}
			o.function(e, e.Name, FunctionKind, 20+place, fit(e.Result, w.typ, nil))
		case rule.ConstantEntry:
			o.add(candidate{Option: Option{Label: e.Name, Insert: e.Name, Kind: KeywordKind, Type: e.Result.Word(), Doc: e.Doc}, place: 90, fit: fit(e.Result, w.typ, nil)})
		case rule.OperatorEntry:
			if e.Name == "!" && (w.typ == rule.NoType || w.typ == rule.Bool) && o.word == "" {
				o.add(candidate{Option: Option{Label: "!", Insert: "!", Kind: OperatorKind, Type: e.Result.Word(), Doc: e.Doc}, place: 9})
			}
		}
	}
	// What is typed may be the name of something without its root; a list after in is nearly always one.
	if o.word != "" || w.typ == rule.List {
		for _, root := range rootPlaces {
			o.direct(&operand{root: root, word: root}, w)
		}
	}
}

// rootWord offers traits, events … What may give a value of any type always fits.
func (o *offer) rootWord(e rule.Entry, w want) {
	c := candidate{Option: Option{Label: e.Name, Insert: o.with(e.Name, "."), Kind: RootKind, Doc: e.Doc}, place: slices.Index(rootPlaces, e.Name)}
	switch e.Name {
	case "now":
		c.Insert, c.Type, c.fit = e.Name, e.Result.Word(), fit(rule.Time, w.typ, nil)
	case "customer":
		c.fit = fit(rule.Time, w.typ, nil)
	case "segments", "consent":
		c.fit = fit(rule.Bool, w.typ, nil)
	case "ids":
		c.fit = fit(rule.IDs, w.typ, nil)
	}
	o.add(c)
}

// with puts a sign behind a word unless it, or a bracket in its place, is there already.
func (o *offer) with(word, sign string) string {
	rest := strings.TrimLeft(o.after, " \t")
	if strings.HasPrefix(rest, sign) || sign == "." && strings.HasPrefix(rest, "[") {
		return word
	}
	return word + sign
}

// function offers a call; the parentheses come with it as far as nothing must stand between them.
func (o *offer) function(e rule.Entry, label string, kind Kind, place, fit int) {
	insert := label
	if e.Kind != rule.FunctionEntry && e.Kind != rule.PopulationEntry && e.Kind != rule.RelationEntry || kind == methodKind {
		insert = "." + label
	}
	switch open := o.with(insert, "("); {
	case open == insert:
	case len(e.Params) == 0 || kind == methodKind && len(e.Params) == 1:
		insert += "()"
	case e.Params[0].Slot == rule.VariableSlot:
		insert += "(e, "
	default:
		insert = open
	}
	if kind == methodKind {
		kind = FunctionKind
	}
	t := e.Result.Word()
	if e.Result == rule.NoType || e.Result == rule.Any {
		t = ""
	}
	o.add(candidate{Option: Option{Label: label, Insert: insert, Kind: kind, Type: t, Doc: e.Doc}, place: place, fit: fit})
}

// methodKind marks functions that are to be written behind their first argument.
const methodKind Kind = "method"

// slot offers what may stand for a parameter of which the type does not say enough; false: a value like any other.
func (o *offer) slot(w want) bool {
	if quotedSlots[w.param.Slot] {
		o.quoted(w)
		return true
	}
	switch w.param.Slot {
	case rule.VariableSlot:
		o.add(candidate{Option: Option{Label: "e", Insert: o.with("e", ",") + " ", Kind: VariableKind, Type: rule.Event.Word(),
			Doc: rule.Doc{En: "A name for the event in what follows.", Zh: "在后面的表达式中代表事件的名称。"}}})
		return true
	case rule.SelectionSlot:
		for _, e := range o.entries {
			if e.Kind == rule.RootEntry && e.Name == "events" {
				o.rootWord(e, want{})
			}
		}
		o.direct(&operand{root: "events", word: "events"}, want{})
		return true
	case rule.RelationSlot:
		for _, e := range o.entries {
			if e.Kind == rule.RelationEntry {
				o.function(e, e.Name, KeywordKind, 0, 0)
			}
		}
		return true
	case rule.NameSlot:
		o.named(w)
		return true
	case rule.ConstantSlot:
		o.constants(w)
		return true
	}
	return false
}

// named offers the roots of what has, changed_at and previous take.
func (o *offer) named(w want) {
	roots := []string{"traits", "tags", "ids", "consent", "measures", "events"}
	switch w.frame.fun.Name {
	case "changed_at":
		roots = []string{"tags", "traits", "segments", "consent"}
	case "previous":
		roots = []string{"tags"}
	default:
		if v, s := o.variable(); v != "" {
			o.add(candidate{Option: Option{Label: v, Insert: o.with(v, "."), Kind: VariableKind, Type: rule.Event.Word(),
				Doc: rule.Doc{En: "The event that is looked at.", Zh: "当前考察的事件。"}}, place: -1})
			o.direct(&operand{typ: rule.Event, set: s, word: v}, want{})
		}
	}
	for _, e := range o.entries {
		if at := slices.Index(roots, e.Name); e.Kind == rule.RootEntry && at >= 0 {
			o.add(candidate{Option: Option{Label: e.Name, Insert: o.with(e.Name, "."), Kind: RootKind, Doc: e.Doc}, place: at})
		}
	}
	for _, root := range roots {
		if root != "events" {
			o.direct(&operand{root: root, word: root}, want{})
		}
	}
}
