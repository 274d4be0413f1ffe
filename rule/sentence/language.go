package sentence

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"tagma/event"
	"tagma/rule"
)

// language are the words of a language. In its patterns {0}, {1} … are the parts; a ~ is a blank unless Chinese
// characters stand on both sides.
type language struct {
	and, or, listed, slash string // between parts
	brackets               [2]string
	not                    string // of a condition that has no negative of its own
	always, never          string
	yes, no, nothing       string // true, false, null
	emptyList              string
	isTrue, isFalse        [2]string // and their negatives
	onDay                  [2]string // of the week
	choice                 string

	compare map[string]string // by operator: of numbers
	times   map[string]string // by operator: of times
	words   map[string]string // by operator: a value with a text, or with what is computed
	in, has [2]string         // in a list; a list has
	between string

	anyID, anyIDIn, anyIDPresent [2]string // of identifiers
	present                      [2]string // of has(x)
	segment, consent             [2]string
	conditions                   map[string][2]string // the functions that are conditions
	functions                    map[string]string    // by name, or by name and number of arguments: round/2
	tag, tagNumber               string
	segmentValue, consentValue   string
	measure, identifier          string
	ofCustomer                   string // a trait, where an event's properties stand too
	now, firstSeen, customer     string
	fields                       map[string]string // of events
	weekdays                     [7]string

	units       map[event.Unit]func(n int) string
	unitOf      map[string]string // d, w, mo, q, y: start_of another time than now
	startNow    map[string]string // start_of(now, …)
	startBefore map[string]string // start_of(add(now, "-1…"), …)
	later       [2]string         // add(t, …): after, before
	laterNow    [2]string
	remainder   string
	percent     string
	population  [2]string // of whom: of all customers; of those with a condition
	group       string

	everything, system string
	noun               func(w *writer, s selected) string
	and2               string // between two periods
	today, beforeToday string
	filters            map[string]string
	measures           map[string]string
	field              string // a field of an event
	nth, nthLast       func(n int) string
	nthOf              string
	runs               map[string]string // streak
	then, without      func(w *writer, other, within string, same []string) string
	element            string

	first, otherwise, rest string          // the lines of cases
	quoted                 map[string]bool // words that a bare text must not be
}

// wide says that no blank is needed beside a character: Chinese ones and their punctuation.
func wide(r rune) bool { return r >= 0x2e80 || r == '“' || r == '”' }

// join puts words between parts, the last of them again where there are too few, with no blank beside a Chinese bracket.
func join(parts []string, words ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			word := words[min(i, len(words))-1]
			if strings.HasSuffix(parts[i-1], "）") {
				word = strings.TrimPrefix(word, " ")
			}
			if strings.HasPrefix(p, "（") {
				word = strings.TrimSuffix(word, " ")
			}
			b.WriteString(word)
		}
		b.WriteString(p)
	}
	return b.String()
}

// fill puts parts into a pattern.
func (w *writer) fill(pattern string, parts ...string) string {
	var b strings.Builder
	soft, hard := false, false
	last := rune(0)
	add := func(s string) {
		if s == "" {
			return
		}
		first, _ := utf8.DecodeRuneInString(s)
		switch {
		case last == 0:
		case hard && last != '）' && first != '（' && first != '，':
			b.WriteByte(' ')
		case soft && !(wide(last) && wide(first)) && last != '）' && first != '（':
			b.WriteByte(' ')
		}
		soft, hard = false, false
		b.WriteString(s)
		last, _ = utf8.DecodeLastRuneInString(s)
	}
	for pattern != "" {
		switch {
		case pattern[0] == '~':
			soft = true
			pattern = pattern[1:]
		case pattern[0] == ' ':
			hard = true
			pattern = pattern[1:]
		case pattern[0] == '{':
			end := strings.IndexByte(pattern, '}')
			if i, err := strconv.Atoi(pattern[1:end]); err == nil && i < len(parts) {
				add(parts[i])
			}
			pattern = pattern[end+1:]
		default:
			end := strings.IndexAny(pattern, "~ {")
			if end < 0 {
				end = len(pattern)
			}
			add(pattern[:end])
			pattern = pattern[end:]
		}
	}
	return b.String()
}

func boolOf(n rule.Node) (value, ok bool) {
	l, ok := n.(*rule.Literal)
	if !ok || l.Value.Kind() != event.BoolKind {
		return false, false
	}
	return l.Value.Bool(), true
}

// wholeOf is the content of a literal that is a whole number.
func wholeOf(n rule.Node) (int, bool) {
	l, ok := n.(*rule.Literal)
	if !ok || l.Value.Kind() != event.NumberKind {
		return 0, false
	}
	i, whole := l.Value.Number().Int64()
	return int(i), whole && i > -1<<31 && i < 1<<31
}

// spanOf is the content of a text literal that is a length of time.
func spanOf(n rule.Node) (event.Span, bool) {
	text, ok := rule.WrittenText(n)
	if !ok {
		return event.Span{}, false
	}
	s, err := event.ParseSpan(text)
	return s, err == nil
}
