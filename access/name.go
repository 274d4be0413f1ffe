package access

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"tagma/errs"
)

// The lengths of names: of users in characters, of tokens, sources and display names in bytes.
const (
	maxName  = 64
	maxLabel = 200
)

// fold makes texts alike that differ only in large and small letters, or in how their accents are put together.
func fold(text string) string { return norm.NFC.String(cases.Fold().String(norm.NFC.String(text))) }

// userName reads the name of a user: letters of any script, digits, and . _ - after the first character, at most 64.
// It returns the name as it is stored, and what is wrong with it, "" when nothing is.
func userName(text string) (name, wrong string) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", "the name is empty"
	case len(text) > 16*maxName || !utf8.ValidString(text):
		return "", fmt.Sprintf("a name is text of at most %d characters", maxName)
	}
	name = fold(text)
	if n := utf8.RuneCountInString(name); n > maxName {
		return "", fmt.Sprintf("the name has %d characters, at most %d are possible", n, maxName)
	}
	for i, r := range name {
		letter := unicode.IsLetter(r) || unicode.Is(unicode.Nd, r)
		switch {
		case letter, i > 0 && (unicode.IsMark(r) || strings.ContainsRune("._-", r)):
		case i == 0:
			return "", fmt.Sprintf("the name begins with %q", r)
		default:
			return "", fmt.Sprintf("the name has a %q in it", r)
		}
	}
	return name, ""
}

const nameHint = "a name is made of letters of any script, digits, and . _ - after the first one"

func nameFault(wrong string) errs.Fault {
	return errs.Fault{Place: "name", Message: wrong, Hint: nameHint}
}

// label reads what a token, a source or a person is called: text of at most 200 bytes.
func label(text string) (name, wrong string) {
	name = strings.TrimSpace(text)
	switch {
	case name == "":
		return "", "the name is empty"
	case !utf8.ValidString(name):
		return "", "the name is not text in UTF-8"
	case len(name) > maxLabel:
		return "", fmt.Sprintf("the name has %d bytes, at most %d are possible", len(name), maxLabel)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", "the name has a control character in it, such as a line break or a tab"
	}
	return name, ""
}
