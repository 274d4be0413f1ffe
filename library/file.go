package library

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"tagma/errs"
)

// File is what a definitions file says. Definitions have no numbers and versions in it.
type File struct {
	Name       string
	Schema     []*Declaration
	Tables     []*Table
	Measures   []*Measure
	Categories []*Category // every node of the trees, parents before children; Key is the path
	Tags       []*Tag
	Segments   []*Segment
}

// definitions returns the file's definitions of a kind, in its order.
func (f *File) definitions(k Kind) []definition {
	switch k {
	case KindTag:
		return asDefinitions(f.Tags)
	case KindSegment:
		return asDefinitions(f.Segments)
	case KindMeasure:
		return asDefinitions(f.Measures)
	case KindTable:
		return asDefinitions(f.Tables)
	case KindCategory:
		return asDefinitions(f.Categories)
	}
	return asDefinitions(f.Schema)
}

func asDefinitions[D definition](list []D) []definition {
	out := make([]definition, len(list))
	for i, d := range list {
		out[i] = d
	}
	return out
}

// ParseFile reads a definitions file; name stands in the places of faults. It checks the form only: every
// fault at once, in an errs.Error of kind Invalid. Whether the definitions fit the library and each other is
// Set.Plan's to say, whether their rules are right is Compile's.
//
// It opens no other files: lookup tables must hold their rows. See ReadFile.
func ParseFile(data []byte, name string) (*File, error) { return parseFile(data, &reader{name: name}) }

func parseFile(data []byte, r *reader) (*File, error) {
	f := &File{Name: r.name}
	if root := r.document(data); root != nil {
		r.file(f, root)
	}
	if err := errs.Faulty("the definitions file cannot be read", r.faults.sorted()); err != nil {
		return nil, err
	}
	return f, nil
}

// document returns the root node of the only document, nil when there is nothing to read.
func (r *reader) document(data []byte) *yaml.Node {
	if !utf8.Valid(data) {
		line := 1
		for rest := data; ; line++ {
			text, tail, more := bytes.Cut(rest, []byte("\n"))
			if !utf8.Valid(text) || !more {
				break
			}
			rest = tail
		}
		r.faultAt(line, "", "save the file as UTF-8", "there are bytes that are not UTF-8")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			r.syntax(err)
		}
		return nil
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		r.faultAt(second.Line, "", "put everything into one", "a second document begins here; a definitions file is one document")
		return nil
	case !errors.Is(err, io.EOF):
		r.syntax(err)
		return nil
	}
	root := doc.Content[0]
	if r.aliases(root); len(r.faults.lines) > 0 {
		return nil
	}
	if isNull(root) {
		return nil
	}
	return root
}

// yamlError is how the YAML library words a fault of syntax.
var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (r *reader) syntax(err error) {
	line, message := 1, err.Error()
	if m := yamlError.FindStringSubmatch(message); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
	}
	hint := "texts that hold a colon, a # or begin with [ { * & ! need quotes"
	if strings.Contains(message, "tab") || strings.Contains(message, "cannot start any token") {
		hint = "indent with blanks, not tabs, and put rules into single quotes"
	}
	r.faultAt(line, "", hint, "this is not YAML: %s", message)
}

// aliases refuses anchors: what is shared has a name of its own, a measure.
func (r *reader) aliases(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		r.fault(n, "", "write it out, or share an expression as a measure", "aliases (*%s) are not read", n.Value)
		return
	}
	for _, c := range n.Content {
		r.aliases(c)
	}
}

// located are faults with the lines they are in.
type located struct {
	lines  []int
	faults []errs.Fault
}

func (l *located) add(line int, f errs.Fault) {
	l.lines, l.faults = append(l.lines, line), append(l.faults, f)
}

// sorted returns the faults in the order of the file; those of no file come first.
func (l *located) sorted() []errs.Fault {
	order := make([]int, len(l.lines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return l.lines[a] - l.lines[b] })
	out := make([]errs.Fault, 0, len(order))
	for _, i := range order {
		out = append(out, l.faults[i])
	}
	return out
}

// reader turns YAML nodes into definitions and collects faults.
type reader struct {
	name   string
	faults located
	// open opens a file that the definitions name, and returns its path for messages. nil: no files are opened.
	open func(name string) (path string, f io.ReadCloser, err error)
}

func (r *reader) faultAt(line int, what, hint, format string, args ...any) {
	place := position(r.name, line)
	if what != "" {
		place += ": " + what
	}
	r.faults.add(line, errs.Fault{Place: place, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (r *reader) fault(n *yaml.Node, what, hint, format string, args ...any) {
	r.faultAt(n.Line, what, hint, format, args...)
}

// file reads the top of the file.
func (r *reader) file(f *File, root *yaml.Node) {
	m := r.mapping(root, "", "schema", "tables", "measures", "categories", "tags", "segments")
	if m == nil {
		return
	}
	if n := m.get("schema"); n != nil {
		f.Schema = r.schema(n)
	}
	for _, n := range r.items(m.get("tables"), "tables") {
		if t := r.table(n); t != nil {
			f.Tables = append(f.Tables, t)
		}
	}
	if n := m.get("measures"); n != nil {
		f.Measures = r.measures(n)
	}
	for _, n := range r.items(m.get("categories"), "categories") {
		f.Categories = r.category(f.Categories, n, "", 1)
	}
	for _, n := range r.items(m.get("tags"), "tags") {
		if t := r.tag(n); t != nil {
			f.Tags = append(f.Tags, t)
		}
	}
	for _, n := range r.items(m.get("segments"), "segments") {
		if s := r.segment(n); s != nil {
			f.Segments = append(f.Segments, s)
		}
	}
	for _, k := range kinds {
		r.twice(f.definitions(k))
	}
}

// twice refuses keys that come twice, and two definitions that were the same one.
func (r *reader) twice(list []definition) {
	first := map[string]int{}
	was := map[string]int{}
	for _, d := range list {
		h := d.head()
		if h.Key == "" {
			continue
		}
		line := h.place.lines["key"]
		if before, ok := first[h.Key]; ok {
			r.faultAt(line, "", "a key is given once", "%s comes twice, first in line %d", d.ref(), before)
		} else {
			first[h.Key] = line
		}
		if h.Was == "" {
			continue
		}
		if before, ok := was[h.Was]; ok {
			r.faultAt(h.place.lines["was"], d.ref().String(), "", "was: %s is said twice, first in line %d", h.Was, before)
		} else {
			was[h.Was] = h.place.lines["was"]
		}
		if h.Was == h.Key {
			r.faultAt(h.place.lines["was"], d.ref().String(), "leave it out", "was: %s is the key itself", h.Was)
		}
	}
}
