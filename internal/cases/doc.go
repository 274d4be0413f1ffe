// Package cases holds the meaning of rules in files that people can read: small worlds with an instant, and for each
// rule what it says in words, its canonical form, and who is in. Its test reads testdata/*.txt; with TAGMA_UPDATE=1 it
// writes the answers anew, to be looked at before they are kept.
//
// A file is a series of cases. A case begins with "# " and its title, and goes on with lines of a keyword and words;
// what belongs to a line stands below it, indented:
//
//	# An order of exactly a week ago
//	zone Asia/Shanghai
//	now 2026-06-30 12:00
//	customer anna                             known since ever; "customer anna since 2026-01-02" from then on
//	trait anna city=上海 at 2026-01-01         "at" may be left out: always; city= removes it
//	consent anna sms=true at 2026-01-01
//	event anna order amount=5 at 2026-06-24   in order of arrival; values as in JSON, or bare texts
//	definitions
//	    tags: …                               a definitions file
//	rule events.order.last("7d").count() > 0
//	    zh …                                  the answers: written by the test
package cases
