package ingest

import (
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"tagma/errs"
	"tagma/event"
)

// Mapping says how the rows of files become customers, traits and events. ReadMapping makes it.
type Mapping struct {
	// Source is whose rows these are. What was taken from a source is not taken from it again.
	Source string

	path  string // for messages, and the folder that tables lie in
	zone  *event.Zone
	form  form
	table []tableSpec

	skip         *cell
	identify     []identify
	dated        []dated // traits, consents and tags, in the order in which they stand
	assign       assignSpec
	traitsTime   *cell
	consentsTime *cell // nil: as traitsTime
	events       []eventSpec
}

// tableSpec is a file to look things up in.
type tableSpec struct {
	name, file, key string
	place           string
}

// cell is where a value comes from and how it is read.
type cell struct {
	column  string // a column's name; used when text is empty
	text    string // an expression
	reading reading
	label   string // for messages to those who mend the file: "column Quantity", "property amount"
	place   string // for messages to those who mend the mapping: "m.yaml:12: rows: traits: age"
}

type identify struct {
	kind string
	cell cell
}

// dated is a value that holds from an instant on: a trait, or a consent; or a tag, from the import on.
type dated struct {
	name    string
	consent bool
	tag     bool
	cell    cell
}

// mark is what tells it from the mapping's other values, for ever.
func (d *dated) mark() string {
	if d.tag {
		return "a\x00" + d.name
	}
	if d.consent {
		return "c\x00" + d.name
	}
	return "t\x00" + d.name
}

type eventSpec struct {
	name      string // fixed, or
	nameFrom  *cell  // an expression
	ident     string // what tells it from the mapping's other events, for ever
	when      *cell
	time      cell
	messageID *cell
	props     []property // sorted by name
}

type property struct {
	name string
	cell cell
}

// ReadMapping reads a mapping file. Times without a zone are read in the mapping's timezone, or else in zone, the
// workspace's. All its faults come at once, with their lines.
func ReadMapping(path string, zone *event.Zone) (*Mapping, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, errs.New(errs.NotFound, "there is no mapping %s", path)
	}
	if err != nil {
		return nil, errs.New(errs.Invalid, "read the mapping: %w", err)
	}
	return ParseMapping(path, text, zone)
}

// ParseMapping is ReadMapping for a text. The path is used in messages, for the default source (its name without
// the extension) and as the place beside which tables are found.
func ParseMapping(path string, text []byte, zone *event.Zone) (*Mapping, error) {
	p := &mappingParser{file: filepath.Base(path)}
	m := &Mapping{path: path, zone: zone}
	base := filepath.Base(path)
	m.Source = strings.TrimSuffix(base, filepath.Ext(base))
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		p.syntax(err)
	} else if len(doc.Content) == 0 {
		p.fault(&yaml.Node{Line: 1}, "", "the mapping is empty", "")
	} else {
		p.mapping(m, doc.Content[0])
	}
	return m, errs.Faulty("the mapping cannot be used", p.faults)
}

// TablePaths are the files that the mapping looks things up in.
func (m *Mapping) TablePaths() []string {
	var paths []string
	for _, t := range m.table {
		paths = append(paths, m.tablePath(t))
	}
	return paths
}

func (m *Mapping) tablePath(t tableSpec) string {
	if filepath.IsAbs(t.file) {
		return t.file
	}
	return filepath.Join(filepath.Dir(m.path), t.file)
}
