package library

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tagma/event"
	"tagma/rule"
)

const (
	maxKey  = 64  // characters of a key
	maxName = 100 // characters of a name or value
	maxText = 500 // characters of a purpose

	maxProperty = 200 // characters of a property's name

	eventsPrefix   = "events."
	traitsPrefix   = "traits."
	consentsPrefix = "consents."
)

// reservedKeys would be read as something else in a rule.
var reservedKeys = map[string]bool{"true": true, "false": true, "null": true, "in": true}

// keyProblem says why a text cannot be a key, "" when it can.
func keyProblem(key string) string {
	switch {
	case key == "":
		return "a key is empty"
	case utf8.RuneCountInString(key) > maxKey:
		return fmt.Sprintf("the key %s is longer than %d characters", key, maxKey)
	case reservedKeys[key]:
		return fmt.Sprintf("%q is a word of the rule language and cannot be a key", key)
	}
	for i, r := range key {
		ok := r == '_' || unicode.IsLetter(r)
		if i > 0 {
			ok = ok || unicode.IsDigit(r) || unicode.IsMark(r)
		}
		if !ok {
			return fmt.Sprintf("%q cannot be a key: a key is made of letters, digits and _, and does not begin with a digit", key)
		}
	}
	return ""
}

// textProblem says why a text cannot be a name or value, "" when it can.
func textProblem(text string, longest int) string {
	switch {
	case !utf8.ValidString(text):
		return "this is not UTF-8"
	case utf8.RuneCountInString(text) > longest:
		return fmt.Sprintf("this is longer than %d characters", longest)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "line breaks, tabs and other control characters are not allowed here"
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// didYouMean is the hint for a word that is not known, "" when nothing like it is.
func didYouMean(word string, known []string) string {
	if near := rule.Suggest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

func parentPath(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}

func lastOfPath(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func cutPrefix(s, prefix string) (string, bool) { return strings.CutPrefix(s, prefix) }

func position(file string, line int) string { return file + ":" + strconv.Itoa(line) }

func caseField(i int) string { return "case" + strconv.Itoa(i) }

// plain writes a value without quotes, for messages.
func plain(v event.Value) string {
	if v.Kind() == event.TextKind {
		return v.Text()
	}
	return v.String()
}
