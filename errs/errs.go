// Package errs gives errors a kind, which the faces turn into an exit code or an HTTP status, and lists of
// faults with their places, so that bad input is answered at once and whole.
package errs

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of failure it is.
type Kind uint8

// The kinds. Internal is what has no other: a fault of ours or of the machine.
const (
	Internal     Kind = iota
	Invalid           // the input is wrong; the message says where and how to mend it
	NotFound          // the thing named does not exist
	Conflict          // it cannot be done in the present state
	Forbidden         // the actor may not
	Busy              // another process or too much work is in the way; trying again may help
	Unauthorized      // who asks is not known: no password, token or session, or a wrong one
	Limited           // too many attempts; the message says from when on another is taken
)

// Fault is one thing that is wrong with an input.
type Fault struct {
	Place   string // where: "tags.yaml:12: tag vip: when", "line 7, column amount"; may be empty
	Message string // what is wrong, and what was expected
	Excerpt string // the line with a caret under it, where there is one; may be empty
	Hint    string // the mend: "did you mean …"; may be empty
}

// String is the fault on one line, with the excerpt below it.
func (f Fault) String() string {
	var b strings.Builder
	if f.Place != "" {
		b.WriteString(f.Place + ": ")
	}
	b.WriteString(f.Message)
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	if f.Excerpt != "" {
		b.WriteString("\n" + f.Excerpt)
	}
	return b.String()
}

// Error is an error of a kind, with the faults it consists of when there are several.
type Error struct {
	Kind    Kind
	Message string
	Faults  []Fault
	Cause   error
}

// maxShown is how many faults a message shows; Faults has all.
const maxShown = 100

// Error is the message, the cause and the faults, one a line.
func (e *Error) Error() string {
	parts := []string{}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Cause != nil {
		if text := e.Cause.Error(); text != "" {
			parts = append(parts, text)
		}
	}
	text := strings.Join(parts, ": ")
	switch {
	case len(e.Faults) == 0:
		return text
	case len(e.Faults) == 1 && text == "":
		return e.Faults[0].String()
	}
	lines := []string{text}
	if text == "" {
		lines = nil
	}
	for i, f := range e.Faults {
		if i == maxShown {
			lines = append(lines, fmt.Sprintf("… and %d more", len(e.Faults)-i))
			break
		}
		lines = append(lines, strings.ReplaceAll(f.String(), "\n", "\n  "))
	}
	return strings.Join(lines, "\n  ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New returns an error of a kind.
func New(k Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Message: err.Error(), Cause: silent(errors.Unwrap(err))}
}

// quiet keeps a cause reachable by errors.Is without printing it a second time.
type quiet struct{ error }

func (q quiet) Error() string { return "" }
func (q quiet) Unwrap() error { return q.error }

func silent(err error) error {
	if err == nil {
		return nil
	}
	return quiet{err}
}

// Faulty returns an Invalid error of these faults, nil when there are none.
func Faulty(message string, faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: message, Faults: faults}
}

// Is says whether err is of a kind.
func Is(err error, k Kind) bool { return KindOf(err) == k }

// KindOf returns the kind of err: that of the outermost Error in it, or Internal.
func KindOf(err error) Kind {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// FaultsOf returns the faults of err, nil when it has none.
func FaultsOf(err error) []Fault {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Faults
	}
	return nil
}
