package library

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tagma/event"
	"tagma/rule"
)

// MaxTableBytes is how long the text of a lookup table may be. A table is held in memory whole by whatever asks it.
const MaxTableBytes = 16 << 20

const (
	maxTableRows    = 200_000
	maxTableColumns = 200
	maxCell         = 1000 // characters
)

// sheet is the text of a lookup table, taken apart: the names of the columns, and the rows with the lines they begin
// in. Cells have no blanks around them; rows without anything in them are left out.
type sheet struct {
	columns []string
	rows    [][]string
	header  int // the header's line
	lines   []int
}

// column returns the place of a column, -1 when there is none.
func (s *sheet) column(name string) int { return slices.Index(s.columns, name) }

// tableFault is what is wrong with a table: in which line of its text (0: in none) and in which column, if in one.
type tableFault struct {
	line                  int
	column, message, hint string
	// first is the line in which it came before, where it comes twice.
	first int
}

// readSheet takes a text apart. Its faults are those of syntax; the sheet is what comes before.
func readSheet(data []byte, separator rune) (*sheet, []tableFault) {
	s := &sheet{}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	in.Comma, in.FieldsPerRecord, in.LazyQuotes = separator, -1, separator == '\t'
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			f := tableFault{message: "this is not CSV: " + err.Error(), hint: `a cell that holds the separator or a quote stands in quotes, and "" is a quote in it`}
			if bad := (*csv.ParseError)(nil); errors.As(err, &bad) {
				f.line, f.message = bad.StartLine, "this is not CSV: "+bad.Err.Error()
			}
			return s, []tableFault{f}
		}
		empty := true
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			empty = empty && cells[i] == ""
		}
		line, _ := in.FieldPos(0)
		switch {
		case s.columns == nil && !empty:
			s.columns, s.header = cells, line
		case !empty:
			s.rows, s.lines = append(s.rows, cells), append(s.lines, line)
		}
	}
}

// separatorOf guesses what separates the cells: in a file called .tsv or .tab tabs, else what its first line has most of.
func separatorOf(name string, data []byte) rune {
	if lower := strings.ToLower(name); strings.HasSuffix(lower, ".tsv") || strings.HasSuffix(lower, ".tab") {
		return '\t'
	}
	first, _, _ := bytes.Cut(bytes.TrimLeft(data, "\ufeff\r\n"), []byte("\n"))
	best := ','
	for _, r := range "\t;" {
		if bytes.Count(first, []byte(string(r))) > bytes.Count(first, []byte(string(best))) {
			best = r
		}
	}
	return best
}

// fill reads a text into the table, which has its By and Types. It returns all that is wrong with it, in the order of
// the text.
func (t *Table) fill(name string, data []byte) []tableFault {
	switch {
	case len(data) > MaxTableBytes:
		return []tableFault{{message: fmt.Sprintf("the table is larger than %d MB", MaxTableBytes>>20), hint: "look up less, or bring it in as traits"}}
	case !utf8.Valid(data):
		line := 1 + bytes.Count(data[:validPrefix(data)], []byte("\n"))
		return []tableFault{{line: line, message: "there are bytes that are not UTF-8", hint: "save the file as UTF-8"}}
	}
	s, faults := readSheet(data, separatorOf(name, data))
	if s.columns == nil {
		if faults == nil {
			faults = []tableFault{{message: "the table is empty", hint: "begin with a line of column names"}}
		}
		return faults
	}
	faults = append(t.checkColumns(s), faults...)
	if len(s.rows) > maxTableRows {
		faults = append(faults, tableFault{line: s.lines[maxTableRows], message: fmt.Sprintf("the table has %d rows, more than %d", len(s.rows), maxTableRows),
			hint: "look up less, or bring it in as traits"})
	} else {
		faults = append(faults, t.checkRows(s)...)
	}
	if len(faults) > 0 {
		slices.SortStableFunc(faults, func(a, b tableFault) int { return cmp.Compare(a.line, b.line) })
		return faults
	}
	t.CSV = s.canonical(s.column(t.By))
	return nil
}

// validPrefix is the number of bytes before the first that is not UTF-8.
func validPrefix(data []byte) int {
	n := 0
	for n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

func (t *Table) checkColumns(s *sheet) (out []tableFault) {
	add := func(column, hint, format string, args ...any) {
		out = append(out, tableFault{line: s.header, column: column, message: fmt.Sprintf(format, args...), hint: hint})
	}
	if len(s.columns) > maxTableColumns {
		add("", "", "the table has %d columns, more than %d", len(s.columns), maxTableColumns)
	}
	for i, name := range s.columns {
		switch problem := cellProblem(name, maxName); {
		case name == "":
			add("", "the first line holds the names of the columns", "column %d has no name", i+1)
		case problem != "":
			add(name, "", "%s", problem)
		case strings.Contains(name, ";"): // it would be taken for a separator when the table is read again
			add(name, "separate by commas or by semicolons throughout", "a column's name cannot hold a ;")
		case s.column(name) < i:
			add(name, "", "two columns have this name")
		}
	}
	known := func(column string) string {
		if near := rule.Suggest(column, s.columns); near != "" {
			return fmt.Sprintf("did you mean %q?", near)
		}
		return "there are " + strings.Join(s.columns, ", ")
	}
	if t.By != "" && s.column(t.By) < 0 {
		add("", known(t.By), "by: there is no column %s", t.By)
	}
	for _, column := range sortedKeys(t.Types) {
		switch k := t.Types[column]; {
		case s.column(column) < 0:
			add("", known(column), "types: there is no column %s", column)
		case column == t.By && k != event.TextKind:
			add(column, "leave out its type: a number is looked up as it is written, 7 and not 7.0 or 007", "types: the column by which rows are found is a text")
		}
	}
	return out
}

func (t *Table) checkRows(s *sheet) (out []tableFault) {
	by := s.column(t.By)
	first := make(map[string]int, len(s.rows))
	kinds := make([]event.Kind, len(s.columns))
	for i, name := range s.columns {
		kinds[i] = t.kind(name)
	}
	for n, row := range s.rows {
		line := s.lines[n]
		add := func(column, hint, format string, args ...any) {
			out = append(out, tableFault{line: line, column: column, message: fmt.Sprintf(format, args...), hint: hint})
		}
		if len(row) != len(s.columns) {
			add("", "", "there are %d cells, and %d columns", len(row), len(s.columns))
			continue
		}
		for i, cell := range row {
			if problem := cellProblem(cell, maxCell); problem != "" {
				add(s.columns[i], "", "%s", problem)
			} else if _, ok := cellValue(kinds[i], cell); !ok && i != by {
				add(s.columns[i], "write "+cellForms[kinds[i]], "%s is not a %s", cell, kinds[i])
			}
		}
		if by < 0 {
			continue
		}
		key := row[by]
		before, twice := first[key]
		switch {
		case key == "":
			add(t.By, "every row is found by its key", "the key is missing")
		case twice:
			add(t.By, "a key has one row", "%s comes twice", key)
			out[len(out)-1].first = before
		default:
			first[key] = line
		}
	}
	return out
}

// cellProblem says why a text cannot be a cell, "" when it can.
func cellProblem(text string, longest int) string {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Zl, unicode.Zp) || r == '\ufeff' }) {
		return "line breaks, tabs and other control characters are not allowed here"
	}
	return textProblem(text, longest)
}

// canonical writes the sheet in its one form, the rows in the order of their keys.
func (s *sheet) canonical(by int) string {
	slices.SortFunc(s.rows, func(a, b []string) int { return cmp.Compare(a[by], b[by]) })
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(s.columns) // a Builder takes everything; what else could fail does so in Error
	_ = w.WriteAll(s.rows)
	return b.String()
}
