package ingest

import (
	"fmt"
	"io"

	"tagma/errs"
	"tagma/event"
)

// table is a file to look things up in, in memory.
type table struct {
	columns []string
	index   map[string]int
	rows    map[string]int // key → row
	data    []event.Column // texts, by column
}

// Row finds a row by its key.
func (t *table) Row(key string) (int, bool) {
	r, ok := t.rows[key]
	return r, ok
}

// Column returns a column, whose empty cells are missing.
func (t *table) Column(name string) *event.Column { return &t.data[t.index[name]] }

// loadTables reads the mapping's tables, which lie in a folder unless it is "". All their faults come at once.
func (m *Mapping) loadTables(root string) (map[string]*table, []errs.Fault) {
	tables := map[string]*table{}
	var faults []errs.Fault
	for _, spec := range m.table {
		t, err := loadTable(root, m.tablePath(spec), spec.key)
		if err != nil {
			if known := errs.FaultsOf(err); len(known) > 0 {
				for _, f := range known {
					faults = append(faults, errs.Fault{Place: spec.place, Message: f.Place + ": " + f.Message, Hint: f.Hint})
				}
			} else {
				faults = append(faults, errs.Fault{Place: spec.place, Message: err.Error()})
			}
			continue
		}
		tables[spec.name] = t
	}
	return tables, faults
}

func loadTable(root, path, key string) (*table, error) {
	if path == Stdin {
		return nil, errs.New(errs.Invalid, "a table cannot be the standard input")
	}
	file, err := openIn(root, path, nil, form{})
	if err != nil {
		return nil, err
	}
	t, err := readTable(file, key)
	if e := file.close(); err == nil && e != nil {
		err = e
	}
	if err != nil {
		return nil, placed(path, err)
	}
	return t, nil
}

func readTable(file *openFile, key string) (*table, error) {
	t := &table{columns: file.columns(), index: map[string]int{}, rows: map[string]int{}}
	if t.columns == nil {
		return nil, fmt.Errorf("a table must have columns: write it as CSV")
	}
	for i, c := range t.columns {
		if _, ok := t.index[c]; !ok {
			t.index[c] = i
		}
	}
	place, ok := t.index[key]
	if !ok {
		return nil, &errs.Error{Kind: errs.Invalid, Faults: []errs.Fault{{Place: file.name, Message: fmt.Sprintf("there is no column %q", key), Hint: columnHint(key, t.columns)}}}
	}
	texts := make([][]string, len(t.columns))
	lines := []int64{}
	for {
		r, err := file.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(r.Bad) > 0 {
			return nil, fmt.Errorf("line %d: %s", r.Bad[0].Line, r.Bad[0].text())
		}
		for i := 0; i < r.N; i++ {
			k := r.cells[place][i]
			if k == "" {
				continue
			}
			if before, ok := t.rows[k]; ok {
				for c := range texts {
					if texts[c][before] != r.cells[c][i] {
						return nil, fmt.Errorf("the key %s = %q is on line %d and on line %d, with different cells", key, clip(k), lines[before], r.Line[i])
					}
				}
				continue
			}
			t.rows[k] = len(lines)
			lines = append(lines, r.Line[i])
			for c := range texts {
				texts[c] = append(texts[c], r.cells[c][i])
			}
		}
	}
	codes := make([]uint32, len(lines))
	for i := range codes {
		codes[i] = event.Inline | uint32(i)
	}
	for _, cells := range texts {
		has := event.NewBits(len(cells))
		for i, s := range cells {
			if s != "" {
				has.Set(i)
			}
		}
		t.data = append(t.data, event.Column{Kind: event.TextKind, Len: len(cells), Has: has, Codes: codes, Inline: cells})
	}
	return t, nil
}

func columnHint(name string, columns []string) string {
	if hint := didYouMean(name, columns); hint != "" {
		return hint
	}
	if len(columns) == 0 {
		return ""
	}
	return "the columns are " + quoteList(columns)
}
