package rule

import (
	"fmt"
	"slices"

	"tagma/event"
)

// Expressions over the rows of a file: the same language, with row.X, line and lookup tables instead of
// customers. One batch of rows is evaluated at once.

// RowEnv is what an expression over rows may speak of.
type RowEnv struct {
	Columns []string            // nil: any name (JSON lines)
	Tables  map[string][]string // lookup tables and their columns
}

// RowBatch is neighbouring rows of a file.
type RowBatch struct {
	N      int
	Line   []int64                          // the data rows' numbers, from 1
	Cell   func(name string) []event.Column // typed columns; an empty cell is missing
	Tables map[string]FileTable
}

// FileTable is a lookup table: rows found by a key.
type FileTable interface {
	Row(key string) (row int, ok bool)
	Column(name string) *event.Column
}

// RowExpr is a checked expression over rows. It serves one goroutine.
type RowExpr struct {
	expr *Expr
	w    *worker
}

// CompileRow checks an expression over rows.
func CompileRow(text string, env *RowEnv, zone *event.Zone) (*RowExpr, []Fault) {
	r, faults := Check(text, &Env{Zone: zone, Names: NewNames(nil), Builder: NewBuilder(), row: env}, AnyValue)
	if len(faults) > 0 {
		return nil, faults
	}
	p := newPlan([]*Expr{r.Expr}, nil)
	// There is no instant: now is refused over rows, so that an import means the same on every day.
	return &RowExpr{r.Expr, newWorker(p, &Run{Zone: zone})}, nil
}

// RowResult is the values of an expression for the rows of a batch, valid until the next Eval.
type RowResult struct{ v *vec }

// Eval computes the expression for a batch of rows.
func (e *RowExpr) Eval(b *RowBatch) RowResult {
	w := e.w
	w.batch = b
	w.block.N = b.N
	w.evalBlock()
	return RowResult{w.res[w.plan.index[e.expr]]}
}

// Value returns row i's value.
func (r RowResult) Value(i int) event.Value { return r.v.value(i) }

// True says whether the expression, as a condition, holds for row i.
func (r RowResult) True(i int) bool { return r.v.value(i).Bool() }

// rowName resolves the names of expressions over rows.
func (c *checker) rowName(n Node, root *Name, keys []pathKey) *Expr {
	name := root.Name
	switch {
	case name == "line" && len(keys) == 0:
		return c.b.make(Expr{Type: Number, op: opLine})
	case name == "row" && len(keys) > 0:
		col := joined(keys)
		if c.env.row.Columns != nil && !slices.Contains(c.env.row.Columns, col) {
			return c.faultHint(n, didYouMean(col, c.env.row.Columns), "the file has no column %s", quoteName(col))
		}
		t := Text
		if c.env.row.Columns == nil {
			t = Any
		}
		return c.b.make(Expr{Type: t, op: opCell, str: col})
	case name == "row":
		return c.faultHint(n, `as in row.Country or row["收货 城市"]`, "a column is expected after row")
	case c.env.row.Tables[name] != nil:
		return c.faultHint(n, fmt.Sprintf("as in %s[row.key].%s", name, c.env.row.Tables[name][0]), "a key and a column are expected after the table %s", quoteName(name))
	}
	known := append([]string{"row", "line"}, sortedKeys(c.env.row.Tables)...)
	return c.faultHint(n, didYouMean(name, known), "%s is not known here", quoteName(name))
}

// lookupCell: table[key].column.
func (c *checker) lookupCell(n Node, table *Name, key Node, keys []pathKey) *Expr {
	cols, ok := c.env.row.Tables[table.Name]
	if !ok {
		return c.faultHint(table, didYouMean(table.Name, sortedKeys(c.env.row.Tables)), "there is no table %s", quoteName(table.Name))
	}
	col := joined(keys)
	if !slices.Contains(cols, col) {
		return c.faultHint(n, didYouMean(col, cols), "the table %s has no column %s", quoteName(table.Name), quoteName(col))
	}
	k := c.typed(key, Text, "the key")
	if k == nil {
		return nil
	}
	return c.b.make(Expr{Type: Text, op: opTableCell, args: []*Expr{k}, str: table.Name + "\x00" + col, aux: [2]string{table.Name, col}})
}

var opLine = &op{name: "line", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	c := w.column(event.NumberKind, w.n)
	c.Ints = w.batch.Line
	return w.oneCol(w.n, false, c)
}}

var opCell = &op{name: "cell", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	return w.valueVec(w.n, false, w.batch.Cell(x.str)...)
}}

var opTableCell = &op{name: "table", at: &atCustomer, eval: func(w *worker, x *Expr, args []*vec) *vec {
	where := x.aux.([2]string)
	t := w.batch.Tables[where[0]]
	col := t.Column(where[1])
	return w.fromValues(w.n, false, func(i int) event.Value {
		if k := args[0].value(i); k.Kind() == event.TextKind {
			if r, ok := t.Row(k.Text()); ok {
				return col.Value(r)
			}
		}
		return event.Value{}
	})
}}
