package library

import (
	"strings"
	"time"

	"tagma/event"
	"tagma/rule"
)

// Table is a lookup table: rows that rules find by a key, as in lookup("cities", traits.city, "tier").
type Table struct {
	Head
	Name string // what people call it, may be empty
	By   string // the column by which rows are found; its cells are texts
	// Types are the kinds of the columns whose cells are not texts.
	Types map[string]event.Kind
	// CSV holds the names of the columns and the rows in one canonical form: separated by commas, quoted only where
	// that is needed, no blanks around cells, the rows in the order of their keys. Equal tables have equal texts.
	CSV string
}

func (t *Table) ref() Ref              { return Ref{KindTable, t.Key} }
func (t Table) with(h Head) definition { t.Head = h; return &t }
func (t *Table) title() string         { return t.Name }
func (*Table) linked() string          { return "" }
func (*Table) rules() []ruleText       { return nil }

// Columns returns the names of the columns, in order.
func (t *Table) Columns() []string { return t.sheet().columns }

// Rows returns the number of rows. It reads the whole text.
func (t *Table) Rows() int { return len(t.sheet().rows) }

// sheet reads the stored text, which is sound.
func (t *Table) sheet() *sheet {
	s, _ := readSheet([]byte(t.CSV), ',')
	return s
}

// compiled makes the table ready to be asked: linear in its cells.
func (t *Table) compiled() *rule.Table {
	s := t.sheet()
	out := &rule.Table{Key: t.Key, By: t.By, Columns: make(map[string]*rule.TableColumn, len(s.columns))}
	by := s.column(t.By)
	for i, name := range s.columns {
		c := &rule.TableColumn{Kind: t.kind(name), Values: make(map[string]event.Value, len(s.rows))}
		for _, row := range s.rows {
			if v, ok := cellValue(c.Kind, row[i]); ok && v.Present() {
				c.Values[row[by]] = v
			}
		}
		out.Columns[name] = c
	}
	return out
}

// kind is the kind of a column's cells.
func (t *Table) kind(column string) event.Kind {
	if k, ok := t.Types[column]; ok {
		return k
	}
	return event.TextKind
}

// boolWords are what a cell may hold for true and false.
var boolWords = map[string]bool{"true": true, "yes": true, "1": true, "是": true, "false": false, "no": false, "0": false, "否": false}

// cellForms says, for each kind, how a cell is written.
var cellForms = map[event.Kind]string{event.NumberKind: "a plain decimal number", event.BoolKind: "true or false",
	event.DateKind: "a date as in 2026-06-30", event.TimeKind: "an instant with its zone, as in 2026-06-30T08:00:00+08:00"}

// listSeparator stands between the values of a list in one cell.
const listSeparator = ","

// cellValue reads a cell, which has no blanks around it; an empty one is missing. false: it does not fit the kind.
func cellValue(k event.Kind, cell string) (event.Value, bool) {
	if cell == "" {
		return event.Value{}, true
	}
	switch k {
	case event.NumberKind:
		n, err := event.ParseNumber(cell)
		return event.Num(n), err == nil
	case event.BoolKind:
		b, ok := boolWords[strings.ToLower(cell)]
		return event.Bool(b), ok
	case event.DateKind:
		d, err := event.ParseDate(cell)
		return event.Civil(d), err == nil
	case event.TimeKind:
		t, err := time.Parse(time.RFC3339Nano, cell)
		return event.Instant(event.At(t)), err == nil
	case event.ListKind:
		var all []event.Value
		for _, e := range strings.Split(cell, listSeparator) {
			if e = strings.TrimSpace(e); e != "" {
				all = append(all, event.Text(e))
			}
		}
		if len(all) == 0 {
			return event.Value{}, true
		}
		return event.List(all...), true
	}
	return event.Text(cell), true
}
