package sentence

import (
	"fmt"
	"strings"

	"tagma/event"
)

func englishUnit(word string) func(int) string {
	return func(n int) string {
		if n == 1 {
			return "1 " + word
		}
		return fmt.Sprintf("%d %ss", n, word)
	}
}

// ordinal is 1st, 2nd, 3rd, 4th …
func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

var english = &language{
	and: " and ", or: " or ", listed: ", ", slash: "/", brackets: [2]string{"(", ")"}, and2: " and ",
	not: "not ({0})", always: "always", never: "never", yes: "true", no: "false", nothing: "no value", emptyList: "an empty list",
	isTrue: [2]string{"{0} is true", "{0} is not true"}, isFalse: [2]string{"{0} is false", "{0} is not false"}, choice: "if {0} then {1}, otherwise {2}",
	compare: map[string]string{"==": "{0} is {1}", "!=": "{0} is not {1}", "<": "{0} is less than {1}", "<=": "{0} is at most {1}", ">": "{0} is more than {1}", ">=": "{0} is at least {1}"},
	times:   map[string]string{"==": "{0} is {1}", "!=": "{0} is not {1}", "<": "{0} is before {1}", "<=": "{0} is not after {1}", ">": "{0} is after {1}", ">=": "{0} is not before {1}"},
	words:   map[string]string{"==": "{0} is {1}", "!=": "{0} is not {1}"},
	in:      [2]string{"{0} is one of {1}", "{0} is none of {1}"}, has: [2]string{"{0} includes {1}", "{0} does not include {1}"},
	onDay: [2]string{"{0} falls on {1}", "{0} does not fall on {1}"}, between: "{0} is at least {1} and less than {2}",

	anyID: [2]string{"any {0} identifier is {1}", "no {0} identifier is {1}"}, anyIDIn: [2]string{"any {0} identifier is one of {1}", "no {0} identifier is one of {1}"},
	anyIDPresent: [2]string{"has a {0} identifier", "has no {0} identifier"}, present: [2]string{"{0} is known", "{0} is not known"},
	segment: [2]string{"is in segment {0}", "is not in segment {0}"}, consent: [2]string{"has consented to {0}", "has not consented to {0}"},
	conditions: map[string][2]string{
		"present": {"{0} is present", "{0} is not present"}, "contains": {"{0} contains {1}", "{0} does not contain {1}"},
		"startsWith": {"{0} starts with {1}", "{0} does not start with {1}"}, "endsWith": {"{0} ends with {1}", "{0} does not end with {1}"},
		"matches": {"{0} matches the pattern {1}", "{0} does not match the pattern {1}"},
	},
	functions: map[string]string{
		"days_since": "the number of days since {0}", "days_until": "the number of days until {0}", "days_between": "the number of days from {0} to {1}",
		"days_to_anniversary": "the number of days to the next anniversary of {0}", "age": "the age in full years by {0}",
		"hour": "the hour of {0}", "weekday": "the weekday of {0} (Monday is 1)", "day": "the day of the month of {0}", "month": "the month of {0}", "year": "the year of {0}",
		"date": "the date of {0}", "format": "{0} written as {1}", "start_of": "the start of the {1} of {0}", "add": "{0} plus {1}",
		"timestamp": "the instant {0}", "duration": "a length of {0}", "changed_at": "the last change of {0}", "previous": "the value of {0} before its last change",
		"round/1": "{0} rounded to a whole number", "round/2": "{0} rounded to {1} decimals", "abs": "the absolute value of {0}", "floor": "{0} rounded down",
		"min": "the smaller of {0}", "max": "the larger of {0}", "pow": "{0} to the power of {1}", "log": "the natural logarithm of {0}", "exp": "the constant e to the power of {0}",
		"lower": "{0} in lower case", "upper": "{0} in upper case", "trim": "{0} without blanks around it", "replace": "{0} with {1} replaced by {2}", "split": "the parts of {0} between {1}",
		"size": "the length of {0}", "string": "{0} as a text", "number": "{0} as a number", "lookup": "the {2} of {1} in the table {0}",
		"bucket": "the random group {0} (0 to {1})",
		"mean":   "the average of {0} ({1})", "median": "the median of {0} ({1})", "quantile": "the {2} quantile of {0} ({1})", "ntile": "the group of {0} among {2} equal groups ({1}, 1 is the lowest)",
	},
	tag: "tag {0}", tagNumber: "the number behind tag {0}", segmentValue: "the membership of segment {0}", consentValue: "the consent to {0}", measure: "measure {0}", identifier: "{0} identifiers",
	ofCustomer: "the customer's {0}", now: "now", firstSeen: "the time first seen", customer: "the customer's {0}",
	fields:   map[string]string{"time": "time", "name": "event name", "source": "source"},
	weekdays: [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"},
	units: map[event.Unit]func(int) string{event.Second: englishUnit("second"), event.Minute: englishUnit("minute"), event.Hour: englishUnit("hour"),
		event.Day: englishUnit("day"), event.Week: englishUnit("week"), event.Month: englishUnit("month"), event.Year: englishUnit("year")},
	unitOf:      map[string]string{"d": "day", "w": "week", "mo": "month", "q": "quarter", "y": "year"},
	startNow:    map[string]string{"d": "the start of today", "w": "the start of this week", "mo": "the start of this month", "q": "the start of this quarter", "y": "the start of this year"},
	startBefore: map[string]string{"d": "the start of yesterday", "w": "the start of last week", "mo": "the start of last month", "y": "the start of last year"},
	later:       [2]string{"{1} after {0}", "{1} before {0}"}, laterNow: [2]string{"{0} from now", "{0} ago"},
	remainder: "the remainder of {0} divided by {1}", percent: "{0}%", population: [2]string{"all customers", "customers where {0}"}, group: "{0}",

	everything: "activity", system: "system events", today: "today", beforeToday: "before today",
	filters: map[string]string{"last": "in the last {0}", "before": "before the last {0}", "between": "from {0} to {1}", "instants": "from {0} until before {1}", "since": "since {0}", "until": "before {0}"},
	measures: map[string]string{"count": "the number of {0}", "days": "the number of days with {0}", "sum": "the sum of {1} over {0}", "avg": "the average of {1} over {0}", "min": "the lowest {1} over {0}", "max": "the highest {1} over {0}",
		"distinct": "the number of different {1} over {0}", "values": "all {1} over {0}", "top": "the most frequent {1} over {0}", "top/weight": "the {1} with the highest total {2} over {0}",
		"earliest": "first {0}", "latest": "latest {0}", "max_gap": "the longest gap in days between {0}", "peak": "the most {0} within any {1}"},
	field: "the {1} of the {0}",
	nth:   ordinal, nthLast: func(n int) string { return ordinal(n) + " latest" }, nthOf: "{0} number {1}",
	runs:    map[string]string{"d": "the longest run of days with {0}", "w": "the longest run of weeks with {0}", "mo": "the longest run of months with {0}"},
	element: "items of {1} in {0}",
	noun: func(w *writer, s selected) string {
		text := s.name
		if len(s.conds) > 0 {
			text = w.fill("{0} ({1})", text, w.all(s.conds))
		}
		return w.fill("{0} {1}", text, strings.Join(s.when, w.lang.and2))
	},
	then: func(w *writer, other, within string, same []string) string {
		text := w.fill("after some {0}", other)
		if within != "" {
			text = w.fill("within {0} {1}", within, text)
		}
		if len(same) > 0 {
			text = w.fill("{0}, with the same {1}", text, strings.Join(same, ", "))
		}
		return text
	},
	without: func(w *writer, other, within string, same []string) string {
		text := w.fill("not followed by {0}", other)
		if within != "" {
			text = w.fill("not followed within {0} by {1}", within, other)
		}
		if len(same) > 0 {
			text = w.fill("{0} with the same {1}", text, strings.Join(same, ", "))
		}
		return text
	},
	first: "{0}: {1}", otherwise: "{0}: otherwise, {1}", rest: "{0}: everyone else",
	quoted: set("and or not is are one of none if then otherwise true false no value today now with the same any known present in"),
}
