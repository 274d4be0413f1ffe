package ingest

import (
	"sort"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// expressions compiles and evaluates the mapping's expressions over the rows of one file.
type expressions struct {
	env    *rule.RowEnv
	zone   *event.Zone
	twice  map[string]bool // columns that the file has several times
	tables map[string]rule.FileTable

	// The batch being evaluated.
	rows  *Rows
	index map[string]int // text files: column → place
	cells map[string][]event.Column
	batch rule.RowBatch
	codes []uint32 // Inline|0, Inline|1, …
}

func newExpressions(columns []string, tables map[string]*table, zone *event.Zone) *expressions {
	x := &expressions{env: &rule.RowEnv{Columns: columns, Tables: map[string][]string{}}, zone: zone,
		twice: map[string]bool{}, tables: map[string]rule.FileTable{}, index: map[string]int{}, codes: make([]uint32, batchRows)}
	for i, c := range columns {
		if _, ok := x.index[c]; ok {
			x.twice[c] = true
			continue
		}
		x.index[c] = i
	}
	for name, t := range tables {
		x.env.Tables[name] = t.columns
		x.tables[name] = t
	}
	for i := range x.codes {
		x.codes[i] = event.Inline | uint32(i)
	}
	return x
}

// compile checks an expression. Faults have the mapping's place.
func (x *expressions) compile(c *cell) (*rule.RowExpr, []errs.Fault) {
	e, faults := rule.CompileRow(c.text, x.env, x.zone)
	if len(faults) == 0 && len(x.twice) > 0 {
		// A column that is there twice must not be asked for: without it the expression must still be good.
		once := &rule.RowEnv{Tables: x.env.Tables, Columns: []string{}}
		for _, name := range x.env.Columns {
			if !x.twice[name] {
				once.Columns = append(once.Columns, name)
			}
		}
		if _, faults = rule.CompileRow(c.text, once, x.zone); len(faults) > 0 {
			return nil, []errs.Fault{{Place: c.place, Message: "the expression asks for a column that the file has twice: " + quoteList(sorted(x.twice)),
				Hint: "rename one of them in the file"}}
		}
	}
	var out []errs.Fault
	for _, f := range faults {
		fault := f.At(c.text, "")
		fault.Place = c.place
		out = append(out, fault)
	}
	return e, out
}

func sorted(set map[string]bool) []string {
	var names []string
	for n := range set {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// start sets the rows that expressions are evaluated over.
func (x *expressions) start(rows *Rows) {
	x.rows, x.cells = rows, map[string][]event.Column{}
	x.batch = rule.RowBatch{N: rows.N, Line: rows.Row, Cell: x.cell, Tables: x.tables}
}

// eval evaluates an expression; what it gives is valid until the next one.
func (x *expressions) eval(e *rule.RowExpr) rule.RowResult { return e.Eval(&x.batch) }

// cell gives a column of the rows, typed.
func (x *expressions) cell(name string) []event.Column {
	if columns, ok := x.cells[name]; ok {
		return columns
	}
	var columns []event.Column
	if x.rows.cells != nil {
		if place, ok := x.index[name]; ok {
			columns = []event.Column{x.textColumn(x.rows.cells[place])}
		}
	} else {
		columns = x.typedColumns(name)
	}
	x.cells[name] = columns
	return columns
}

func (x *expressions) textColumn(cells []string) event.Column {
	c := event.Column{Kind: event.TextKind, Len: len(cells), Inline: cells, Codes: x.codes[:len(cells)]}
	c.Has = event.NewBits(len(cells))
	for i, s := range cells {
		if s != "" {
			c.Has.Set(i)
		}
	}
	return c
}

// typedColumns gathers a property of typed rows: a column for each kind that occurs.
func (x *expressions) typedColumns(name string) []event.Column {
	n := x.rows.N
	byKind := map[event.Kind]*event.Column{}
	for i := 0; i < n; i++ {
		v := x.rows.property(i, name)
		if !v.Present() {
			continue
		}
		c := byKind[v.Kind()]
		if c == nil {
			c = &event.Column{Kind: v.Kind(), Len: n, Has: event.NewBits(n)}
			switch v.Kind() {
			case event.NumberKind:
				c.Nums = make([]event.Number, n)
			case event.TextKind:
				c.Inline, c.Codes = make([]string, n), x.codes[:n]
			case event.ListKind, event.MapKind:
				c.Values = make([]event.Value, n)
			default:
				c.Ints = make([]int64, n)
			}
			byKind[v.Kind()] = c
		}
		c.Has.Set(i)
		switch v.Kind() {
		case event.NumberKind:
			c.Nums[i] = v.Number()
		case event.TextKind:
			c.Inline[i] = v.Text()
		case event.ListKind, event.MapKind:
			c.Values[i] = v
		case event.BoolKind:
			if v.Bool() {
				c.Ints[i] = 1
			}
		case event.TimeKind:
			c.Ints[i] = int64(v.Time())
		case event.DateKind:
			c.Ints[i] = int64(v.Date())
		}
	}
	var columns []event.Column
	for k := event.BoolKind; k <= event.MapKind; k++ {
		if c := byKind[k]; c != nil {
			columns = append(columns, *c)
		}
	}
	return columns
}
