// Package form is the JSON form of a rule, for a visual builder. It is another spelling of the syntax tree: Of makes it of
// a text, Text writes the text again, and what the builder cannot show stands in it as a piece of text that says why.
//
// # Conditions
//
//	{"all": [C, …]}   {"any": [C, …]}   {"not": C}      groups
//	{"if": C, "then": V, "else": V}                     a choice
//	{"trait": "city", "op": "in", "value": ["上海", "北京"]}
//	{"left": V, "op": "<", "value": V}                  a comparison of anything else
//	{"has": V}   {"present": V}                         whether there is a value
//	{"value": true}                                     a constant
//	{"text": "row.x", "why": "…"}                       a part that is written, not shown
//
// The operators are == != < <= > >= in, "not in", includes, "not includes". {"trait": "likes", "op": "includes",
// "value": "茶"} is "茶" in traits.likes.
//
// # Values
//
// V is a JSON text, number, true, false, null or array of values, or one of the objects:
//
//	{"trait": N}  {"tag": N}  {"segment": N}  {"measure": N}  {"consent": N}  {"identifier": N}  {"customer": N}  {"now": true}
//	{"property": N}                                     of the event, inside an event's filters and measures
//	{"call": "days_since", "args": [V, …]}              {"call": "contains", "on": V, "args": [V]} is V.contains(V)
//	{"calc": "+", "of": [V, V, …]}                      + - * / %; - of one value is its negative
//	{"number": "0.1234567890123456789"}                 a number with more digits than a browser's numbers hold
//	{"event": E, "filters": [F, …], "measure": M}
//
// Each of them but calc and number takes "op" and "value" beside it and is a comparison then; without, it is a value or, if
// it is one, a condition. A name N is a text, "city" or "address.city"; where that is ambiguous it is the array of its parts.
//
// # Events
//
// E is "all", "system", or an array of one or more names. Filters, in their order:
//
//	{"last": "90d"} {"before": "7d"} {"between": [V, V]} {"since": V} {"until": V} {"each": "products"}
//	{"where": [C, …]}                                   all of them hold
//	{"then": {"event": …, "filters": …, "within": "7d", "same": ["item"]}}   and "without"
//
// Measures; B is a property's name N, or an object that computes:
//
//	{"count": {}} {"days": {}} {"max_gap": {}} {"streak": "d"} {"peak": "1h"}
//	{"sum": B} {"avg": B} {"min": B} {"max": B} {"distinct": B} {"values": B} {"top": B, "weight": B}
//	{"earliest": N} {"latest": N} {"nth": 2, "field": N}                    {"latest": {}} is the event itself
//
// where and the measures with B name the event e; "as" gives it another name.
//
// # Comments
//
// A condition may have "comments", the lines written before it, and a "note", written at the end of its line. They belong
// to the members of groups and to the whole: a comment on something smaller is that of the member it stands in, a
// comment on the first member of a group is the group's, and a note on a group is its last member's.
//
// # What is the same
//
// A form is a tree of the language and nothing else: a group of one is its member, an all that begins an all is part of it,
// x["name"] is x.name, events.any("a") is events.a, and same before within is within before same. Read gives such a
// normal form; of a normal form, JSON → text → JSON gives the same bytes.
package form
