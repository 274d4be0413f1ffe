package library

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"tagma/errs"
	"tagma/event"
)

// ReadFile reads the definitions file at a path, and the files of lookup tables that it names, which lie relative to
// its folder. See ParseFile; it is Invalid too when a file is missing or cannot be read.
func ReadFile(path string) (*File, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errs.New(errs.Invalid, "there is no file %s", path)
	case err != nil:
		return nil, errs.New(errs.Invalid, "%s cannot be read: %w", path, err)
	}
	return parseFile(data, &reader{name: path, open: func(name string) (string, io.ReadCloser, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		f, err := os.Open(name)
		return name, f, err
	}})
}

// TableFile makes a definitions file of one lookup table, from a text of comma, tab or semicolon separated values with
// the columns' names in the first line. by is the column by which rows are found, types the kinds of the columns that
// are not text. The error is Invalid with all faults at once.
func TableFile(key, name, by string, types map[string]event.Kind, csv []byte) (*File, error) {
	t := &Table{Head: Head{Key: key, State: Active}, Name: name, By: by, Types: cleanTypes(types)}
	var faults []errs.Fault
	add := func(message, hint string) {
		faults = append(faults, errs.Fault{Place: t.ref().String(), Message: message, Hint: hint})
	}
	if problem := keyProblem(key); problem != "" {
		add(problem, "")
	}
	if problem := textProblem(name, maxName); problem != "" {
		add("name: "+problem, "")
	}
	if by == "" {
		add(byMissing, byHint)
	}
	for _, f := range t.fill("", csv) {
		place := t.ref().String()
		if f.line > 0 {
			place += fmt.Sprintf(": line %d", f.line)
		}
		faults = append(faults, f.fault(place, 0))
	}
	if err := errs.Faulty("the lookup table cannot be read", faults); err != nil {
		return nil, err
	}
	return &File{Tables: []*Table{t}}, nil
}

const (
	byMissing = "by is missing"
	byHint    = "write by: the column by which rows are found"
)

// fault is the fault at a place. before is how many lines stand above the text, where messages count those too.
func (f tableFault) fault(place string, before int) errs.Fault {
	if f.column != "" {
		place += ": column " + f.column
	}
	if f.first > 0 {
		f.message += fmt.Sprintf(", first in line %d", before+f.first)
	}
	return errs.Fault{Place: place, Message: f.message, Hint: f.hint}
}

// cleanTypes leaves out what goes without saying.
func cleanTypes(types map[string]event.Kind) map[string]event.Kind {
	var out map[string]event.Kind
	for column, k := range types {
		if k != event.TextKind && k != event.Missing {
			if out == nil {
				out = map[string]event.Kind{}
			}
			out[column] = k
		}
	}
	return out
}

// table reads a lookup table.
func (r *reader) table(n *yaml.Node) *Table {
	f := r.keyed(n, KindTable, "key", "was", "name", "by", "types", "file", "csv")
	if f == nil {
		return nil
	}
	t := &Table{Head: Head{Key: f.key("key"), Was: f.key("was"), State: Active, place: f.place()}, Name: f.words("name", maxName), By: f.words("by", maxName)}
	if by := f.of["by"]; t.By == "" && (by == nil || by.Kind == yaml.ScalarNode) {
		f.missing(n, "by", byHint, byMissing)
	}
	if types := f.of["types"]; types != nil {
		kinds := map[string]event.Kind{}
		r.pairs(types, f.what+": types", func(column, kind *yaml.Node) {
			if k, ok := r.kind(kind, f.what+": types: "+column.Value, column.Value); ok {
				kinds[column.Value] = k
			}
		})
		t.Types = cleanTypes(kinds)
	}
	file, text := f.of["file"], f.of["csv"]
	switch {
	case file != nil && text != nil:
		r.fault(text, f.what, "keep one of them", "a table has a file or its csv here, not both")
	case file != nil:
		r.tableFile(f, t, file)
	case text == nil:
		f.missing(n, "csv", "write file: cities.csv, or csv: | with the lines below it", "the rows are missing")
	case text.Kind != yaml.ScalarNode:
		f.text("csv") // says what is wrong
	default:
		block := text.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
		for _, fault := range t.fill("", []byte(text.Value)) {
			line, before, place := text.Line, 0, position(r.name, text.Line)
			switch {
			case fault.line > 0 && block:
				line, before = text.Line+fault.line, text.Line
				place = position(r.name, line)
			case fault.line > 0:
				place += fmt.Sprintf(": line %d of the csv", fault.line)
			}
			r.faults.add(line, fault.fault(place+": "+f.what, before))
		}
	}
	return t
}

// tableFile reads the file of a table.
func (r *reader) tableFile(f *fields, t *Table, n *yaml.Node) {
	name := f.text("file")
	if n.Kind != yaml.ScalarNode || name == "" {
		return
	}
	if r.open == nil {
		r.fault(n, f.what, "write csv: | and the lines below it", "file: files beside the definitions are read only where the definitions are a file themselves")
		return
	}
	path, in, err := r.open(name)
	if err != nil {
		r.unreadable(n, f.what, path, err)
		return
	}
	defer in.Close()                                             // it was only read
	data, err := io.ReadAll(io.LimitReader(in, MaxTableBytes+1)) // one more, so that too much is seen to be
	if err != nil {
		r.unreadable(n, f.what, path, err)
		return
	}
	for _, fault := range t.fill(name, data) {
		place := path
		if fault.line > 0 {
			place = position(path, fault.line)
		}
		r.faults.add(n.Line, fault.fault(place+": "+f.what, 0))
	}
}

func (r *reader) unreadable(n *yaml.Node, what, path string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		r.fault(n, what, "a file lies beside the definitions, or is named by its path from there", "there is no file %s", path)
		return
	}
	r.fault(n, what, "", "%s cannot be read: %v", path, err)
}
