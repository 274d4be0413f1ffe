package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"tagma/event"
)

// jsonLines reads one JSON object a line. Nested objects become dotted names; null is a missing value, and noted.
type jsonLines struct {
	textReader
	row  int64
	from io.Closer
}

func newJSONLines(in io.Reader, from io.Closer) *jsonLines {
	return &jsonLines{textReader: textReader{in: in}, from: from}
}

func (j *jsonLines) columns() []string { return nil }
func (j *jsonLines) close() error      { return j.from.Close() }

// Reasons why a line is refused.
const (
	reasonJSON   = "not a JSON object"
	reasonNumber = "a number beyond what can be kept"
)

func (j *jsonLines) next() (*Rows, error) {
	r := &Rows{raw: []string{}}
	for len(r.raw)+len(r.Bad) < batchRows && r.Bytes < maxRow {
		line, ok := j.readLine()
		if !ok {
			if j.last {
				break
			}
			if len(j.text)-j.pos > maxRow {
				return nil, fmt.Errorf("line %d is longer than 16 MB", j.line+1)
			}
			j.fill()
			continue
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		j.row++
		r.Bytes += int64(len(line)) * 5 // the text, and about four times as much for the values
		bad := BadRow{Row: j.row, Line: j.line, Cells: []string{strings.ToValidUTF8(line, "\uFFFD")}}
		if !j.valid && !utf8.ValidString(line) {
			bad.Reason = reasonNotUTF8
			r.Bad = append(r.Bad, bad)
			continue
		}
		props, nulls, err := parseObject(line)
		if err != nil {
			bad.Reason, bad.Detail = reasonJSON, fmt.Sprintf("%s: %v", reasonJSON, err)
			if errors.Is(err, event.ErrNumber) {
				bad.Reason = reasonNumber
			}
			r.Bad = append(r.Bad, bad)
			continue
		}
		r.Row, r.Line = append(r.Row, j.row), append(r.Line, j.line)
		for _, name := range nulls {
			if r.null == nil {
				r.null = map[string][]int32{}
			}
			r.null[name] = append(r.null[name], int32(len(r.raw)))
		}
		r.objects, r.raw = append(r.objects, props), append(r.raw, line)
	}
	if r.N = len(r.raw); r.N == 0 && len(r.Bad) == 0 {
		return nil, j.end()
	}
	return r, nil
}

// parseObject reads a line of JSON as properties, sorted by name, and the dotted names that are null.
func parseObject(line string) (props []event.Property, nulls []string, err error) {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	object := map[string]any(nil)
	if err := d.Decode(&object); err != nil {
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrong):
			return nil, nil, fmt.Errorf("%s where { is expected", wrong.Value)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, nil, errors.New("it ends too early")
		}
		return nil, nil, err
	}
	if object == nil {
		return nil, nil, errors.New("null where { is expected")
	}
	if rest, err := io.ReadAll(d.Buffered()); err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, nil, errors.New("something follows the object")
	}
	if bad, ok := unreadable(object); ok {
		return nil, nil, fmt.Errorf("%w: %s", event.ErrNumber, bad)
	}
	if tooDeep(object, event.MaxNesting) {
		return nil, nil, fmt.Errorf("lists and objects lie more than %d deep in one another", event.MaxNesting)
	}
	nullsOf("", object, &nulls)
	props = event.Flatten(object)
	out := props[:0]
	for i, p := range props { // of equal names the last wins
		if i+1 == len(props) || props[i+1].Name != p.Name {
			out = append(out, p)
		}
	}
	return out, nulls, nil
}

// nullsOf gathers the dotted names that are null.
func nullsOf(prefix string, object map[string]any, into *[]string) {
	for k, x := range object {
		switch x := x.(type) {
		case nil:
			*into = append(*into, prefix+k)
		case map[string]any:
			nullsOf(prefix+k+".", x, into)
		}
	}
}

// tooDeep says whether lists and objects lie more than so many levels in one another: stored values could not be
// read any more.
func tooDeep(x any, levels int) bool {
	switch x := x.(type) {
	case []any:
		for _, e := range x {
			if levels == 0 || tooDeep(e, levels-1) {
				return true
			}
		}
	case map[string]any:
		for _, e := range x {
			if levels == 0 || tooDeep(e, levels-1) {
				return true
			}
		}
	}
	return false
}

// unreadable finds a number that Number cannot hold; it would silently read as missing.
func unreadable(x any) (json.Number, bool) {
	switch x := x.(type) {
	case json.Number:
		if _, err := event.ParseNumber(x.String()); err != nil {
			return x, true
		}
	case []any:
		for _, e := range x {
			if n, ok := unreadable(e); ok {
				return n, true
			}
		}
	case map[string]any:
		for _, e := range x {
			if n, ok := unreadable(e); ok {
				return n, true
			}
		}
	}
	return "", false
}
