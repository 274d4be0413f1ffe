// Package sentence says in Chinese and English what a rule says, for people who do not read rules:
// events.order_paid.last("90d").count() >= 5 && traits.city in ["上海", "北京"] is 近90天 order_paid 次数 ≥ 5 且 城市 属于 上海、北京.
//
// A sentence is for reading. It is made of the syntax tree alone, says all that the rule says, and puts brackets where
// and, or and arithmetic nest, so that it can be understood in one way only. What is no rule of the language is written as it is.
package sentence

import "tagma/rule"

// Language is the language of a sentence.
type Language uint8

// The languages.
const (
	Chinese Language = iota
	English
)

// ParseLanguage reads zh or en.
func ParseLanguage(s string) (Language, bool) {
	switch s {
	case "zh":
		return Chinese, true
	case "en":
		return English, true
	}
	return 0, false
}

// Names gives the names that people have for things. A function that is nil, or that returns "", leaves the key.
type Names struct {
	Trait, Event, Tag, Segment, Measure, Identifier, Consent, Table func(key string) string
	// Property names a property of some events, which are nil for all.
	Property func(events []string, key string) string
	// Column names a column of a lookup table.
	Column func(table, key string) string
}

// Of says what a rule says: a condition or a value.
func Of(n rule.Node, l Language, names Names) string {
	w := newWriter(l, names)
	if isCondition(n) {
		return w.condition(n, false).text
	}
	return w.value(n).text
}

// Condition says what a rule says that is a condition, also where it is the name of something that is true or not.
func Condition(n rule.Node, l Language, names Names) string {
	return newWriter(l, names).condition(n, false).text
}

// Case is a value of a tag, and the condition under which it is given.
type Case struct {
	Value string
	When  rule.Node
}

// Cases says in one line for each case when a tag has its value. Without multi, where the first case that holds gives
// the value, the lines after the first say so.
func Cases(cases []Case, multi bool, l Language, names Names) []string {
	w := newWriter(l, names)
	out := make([]string, len(cases))
	for i, c := range cases {
		pattern := w.lang.first
		text := w.condition(c.When, false).text
		if i > 0 && !multi {
			pattern = w.lang.otherwise
			if b, ok := boolOf(c.When); ok && b {
				pattern = w.lang.rest
			}
		}
		out[i] = w.fill(pattern, w.text(c.Value), text)
	}
	return out
}

// Bands says in one line for each band between which values a measured tag has it.
func Bands(value rule.Node, bands []rule.Band, l Language, names Names) []string {
	w := newWriter(l, names)
	measured := w.at(w.value(value), sumLevel)
	out := make([]string, len(bands))
	from := ""
	for i, b := range bands {
		to := ""
		if b.Below.Present() {
			to = b.Below.Number().Normal().Exact()
		}
		var text string
		switch {
		case from == "" && to == "":
			text = w.fill(w.lang.present[0], measured)
		case from == "":
			text = w.fill(w.lang.compare["<"], measured, to)
		case to == "":
			text = w.fill(w.lang.compare[">="], measured, from)
		default:
			text = w.fill(w.lang.between, measured, from, to)
		}
		out[i] = w.fill(w.lang.first, w.text(b.Value), text)
		from = to
	}
	return out
}
