package complete

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How well a label fits what is typed; less is better.
const (
	exactly   = iota // it is the same
	begins           // it begins so, or nothing is typed
	wordBegin        // one of its words begins so
	holds            // it has that in it
	scattered        // it has the letters in that order
	misses
)

// matcher compares labels with what is typed, in any case of letters.
type matcher struct{ typed string }

func newMatcher(typed string) matcher { return matcher{strings.ToLower(typed)} }

func (m matcher) match(label string) int {
	if m.typed == "" {
		return begins
	}
	label = strings.ToLower(label)
	at := strings.Index(label, m.typed)
	switch {
	case at == 0 && len(label) == len(m.typed):
		return exactly
	case at == 0:
		return begins
	case at < 0:
		return m.scattered(label)
	}
	for from := at; ; {
		before, _ := utf8.DecodeLastRuneInString(label[:from])
		if !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			return wordBegin
		}
		next := strings.Index(label[from+1:], m.typed)
		if next < 0 {
			return holds
		}
		from += 1 + next
	}
}

// scattered finds the letters in their order; one letter alone would find nearly everything.
func (m matcher) scattered(label string) int {
	if utf8.RuneCountInString(m.typed) < 2 {
		return misses
	}
	rest := label
	for _, r := range m.typed {
		i := strings.IndexRune(rest, r)
		if i < 0 {
			return misses
		}
		rest = rest[i+utf8.RuneLen(r):]
	}
	return scattered
}
