package tag

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
	"tagma/library"
	"tagma/tagindex"
)

// Action is what an assignment does.
type Action string

// The actions. On a tag given by a rule, what is set or removed stays so, whatever the rule says, until it is
// released, replaced or ends: it is pinned.
const (
	Set     Action = "set"     // the customer has the value
	Remove  Action = "remove"  // the customer has not the value; without one, none at all
	Release Action = "release" // what was decided by hand holds no more: the rule decides, if there is one
)

// Assignment is one decision by hand about a customer's tag. The rows of table assignments are these; a row is never
// changed. Of a tag with one value a customer has one assignment at most, the latest: a new one takes the place of
// the one before, which does not come back when the new one ends. Of a tag with several values there is one for each
// value, and one for all of them: to remove or release all ends what was decided for each.
type Assignment struct {
	Customer event.ProfileID
	Tag      string // its key
	Action   Action
	// Value is what is set. To remove or release all values it is missing; of a tag with one value that is the only
	// way. A text is read as the kind of the tag's values.
	Value event.Value
	// Until is the instant from which on it does not hold any more; 0 for no end.
	Until  event.Time
	Reason string
	By     string // who decided
}

// assignmentRow is a row of table assignments.
type assignmentRow struct {
	id         uint64
	definition uint32
	customer   uint32
	action     Action
	value      event.Value
	at         event.Time
	until      event.Time // event.Never for no end
	cause      tagindex.Cause
	reason, by string
}

// holds says whether the row, being the latest, holds at an instant.
func (r *assignmentRow) holds(at event.Time) bool {
	return r.action != Release && r.at <= at && at < r.until
}

// says is whether two rows say the same of a value, for as long and for the same reason. A new one that gives no
// reason agrees with any.
func (r *assignmentRow) says(a *assignmentRow) bool {
	return r.action == a.action && r.value.Equal(a.value) && r.until == a.until && (a.reason == "" || r.reason == a.reason)
}

// standing keeps, of one customer's rows of one tag in their order, those that count: the latest, or of a tag with
// several values the latest for each and for all. Rows that ended are among them.
type standing struct {
	multi bool
	all   *assignmentRow   // about all values
	each  []*assignmentRow // about one value each
}

func (s *standing) reset() { s.all, s.each = nil, s.each[:0] }

// add takes in the next row.
func (s *standing) add(r *assignmentRow) {
	if !s.multi || !r.value.Present() {
		s.all, s.each = r, s.each[:0]
		return
	}
	for i, e := range s.each {
		if e.value.Equal(r.value) {
			s.each[i] = r
			return
		}
	}
	s.each = append(s.each, r)
}

// about is the row that counts for a value, or for all values when it is missing; nil when there is none.
func (s *standing) about(v event.Value) *assignmentRow {
	if s.multi && v.Present() {
		for _, e := range s.each {
			if e.value.Equal(v) {
				return e
			}
		}
		return nil
	}
	return s.all
}

// inForce lists the rows that hold at an instant: that for all values first, then by value.
func (s *standing) inForce(at event.Time) []*assignmentRow {
	var out []*assignmentRow
	if s.all != nil && s.all.holds(at) {
		out = append(out, s.all)
	}
	first := len(out)
	for _, e := range s.each {
		if e.holds(at) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out[first:], func(a, b *assignmentRow) int { return a.value.Compare(b.value) })
	return out
}

// writeValue writes a value as the two columns kind and value hold it, exactly. readValue reads it.
func writeValue(v event.Value) (kind, text string) {
	if !v.Present() {
		return "", ""
	}
	kind = v.Kind().String()
	switch v.Kind() {
	case event.NumberKind:
		return kind, v.Number().Exact()
	case event.TimeKind:
		return kind, strconv.FormatInt(int64(v.Time()), 10)
	case event.BoolKind:
		return kind, strconv.FormatBool(v.Bool())
	case event.DateKind:
		return kind, v.Date().String()
	}
	return kind, v.Text()
}

func readValue(kind, text string) (v event.Value, err error) {
	k, ok := event.ParseKind(kind)
	switch {
	case kind == "":
		return event.Value{}, nil
	case !ok:
		err = event.ErrCorrupt
	case k == event.TextKind:
		v = event.Text(text)
	case k == event.NumberKind:
		var n event.Number
		n, err = event.ParseNumber(text)
		v = event.Num(n)
	case k == event.TimeKind:
		var ms int64
		ms, err = strconv.ParseInt(text, 10, 64)
		v = event.Instant(event.Time(ms))
	case k == event.BoolKind:
		v = event.Bool(text == "true")
	case k == event.DateKind:
		var day event.Date
		day, err = event.ParseDate(text)
		v = event.Civil(day)
	default:
		err = event.ErrCorrupt
	}
	if err != nil {
		return v, fmt.Errorf("tag: an assignment's value is stored as %s %q: %w", kind, text, err)
	}
	return v, nil
}

// rowFilter says which rows of assignments are wanted. Rows made after the instant at are not.
type rowFilter struct {
	tag       *uint32
	customers []uint32 // nil: all
	at        event.Time
	upTo      uint64 // only rows up to this one; 0: all
	newest    bool   // in the order of time, the latest first, instead of by tag, customer and order

	// Where a page goes on: rows behind a tag and customer, or rows made before one; 0 for none.
	behind AssignmentsPlace
	before uint64
}

// manyCustomers is the number of customers from which on all rows of a tag are read instead of theirs one by one.
const manyCustomers = 2000

// eachRow reads rows of assignments, by customer and then in their order (see rowFilter.newest). The row given to f
// is its to keep.
func eachRow(ctx context.Context, idb bun.IDB, w rowFilter, f func(*assignmentRow) error) error {
	where, args := []string{"at_ms <= ?"}, []any{int64(w.at)}
	if w.tag != nil {
		where, args = append(where, "definition = ?"), append(args, int64(*w.tag))
	}
	if w.upTo > 0 {
		where, args = append(where, "id <= ?"), append(args, int64(w.upTo))
	}
	if w.behind != (AssignmentsPlace{}) {
		where, args = append(where, "(definition, customer) > (?, ?)"), append(args, int64(w.behind.Tag), int64(w.behind.Customer))
	}
	if w.before > 0 {
		where, args = append(where, "id < ?"), append(args, int64(w.before))
	}
	order := "definition, customer, id"
	if w.newest {
		order = "id DESC"
	}
	ask := func(where []string, args []any) error {
		rows, err := idb.QueryContext(ctx, "SELECT id, definition, customer, action, kind, value, at_ms, until_ms, cause, reason, actor FROM assignments WHERE "+
			strings.Join(where, " AND ")+" ORDER BY "+order, args...)
		if err != nil {
			return fmt.Errorf("tag: read assignments: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var r assignmentRow
			var kind, text, cause string
			var until sql.NullInt64
			if err := rows.Scan(&r.id, &r.definition, &r.customer, &r.action, &kind, &text, &r.at, &until, &cause, &r.reason, &r.by); err != nil {
				return fmt.Errorf("tag: read assignments: %w", err)
			}
			if r.until = event.Never; until.Valid {
				r.until = event.Time(until.Int64)
			}
			if r.value, err = readValue(kind, text); err != nil {
				return err
			}
			r.cause, _ = tagindex.ParseCause(cause)
			if err := f(&r); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	if w.customers == nil || len(w.customers) > manyCustomers {
		wanted := make(map[uint32]bool, len(w.customers))
		for _, c := range w.customers {
			wanted[c] = true
		}
		inner := f
		f = func(r *assignmentRow) error {
			if w.customers != nil && !wanted[r.customer] {
				return nil
			}
			return inner(r)
		}
		return ask(where, args)
	}
	customers := slices.Clone(w.customers)
	slices.Sort(customers)
	for _, c := range slices.Compact(customers) {
		if err := ask(append(slices.Clone(where), "customer = ?"), append(slices.Clone(args), int64(c))); err != nil {
			return err
		}
	}
	return nil
}

// eachStanding is eachRow for what counts of each customer's rows of a tag. It is called by ascending customer, with
// a standing that is used again.
func eachStanding(ctx context.Context, idb bun.IDB, t *library.Tag, w rowFilter, f func(customer uint32, s *standing)) error {
	s := standing{multi: t.Multi}
	last, some := uint32(0), false
	w.tag = &t.ID
	err := eachRow(ctx, idb, w, func(r *assignmentRow) error {
		if some && r.customer != last {
			f(last, &s)
			s.reset()
		}
		last, some = r.customer, true
		s.add(r)
		return nil
	})
	if err == nil && some {
		f(last, &s)
	}
	return err
}

// assignedTags is the tags, by their numbers, that anybody ever decided something about by hand.
func assignedTags(ctx context.Context, idb bun.IDB) (map[uint32]bool, error) {
	rows, err := idb.QueryContext(ctx, "SELECT id FROM definitions AS d WHERE kind = ? AND EXISTS (SELECT 1 FROM assignments AS a WHERE a.definition = d.id)", string(library.KindTag))
	if err != nil {
		return nil, fmt.Errorf("tag: find the tags with assignments: %w", err)
	}
	defer rows.Close()
	out := map[uint32]bool{}
	for rows.Next() {
		var id uint32
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("tag: find the tags with assignments: %w", err)
		}
		out[id] = true
	}
	return out, rows.Err()
}

// lastAssignment is the number of the last row of assignments; 0 when there is none.
func lastAssignment(ctx context.Context, idb bun.IDB) (id uint64, err error) {
	if err = idb.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM assignments").Scan(&id); err != nil {
		err = fmt.Errorf("tag: find the last assignment: %w", err)
	}
	return
}

// insertRows writes rows, many in a statement, and numbers them from first on.
func insertRows(ctx context.Context, tx bun.Tx, first uint64, made event.Time, rows []*assignmentRow) error {
	const columns = 12
	const some = 64
	tuple := "(" + strings.Repeat("?,", columns-1) + "?)"
	query := func(n int) string {
		return "INSERT INTO assignments (id, definition, customer, action, kind, value, at_ms, until_ms, cause, reason, actor, made_ms) VALUES " +
			strings.Repeat(tuple+",", n-1) + tuple
	}
	var many *sql.Stmt
	args := make([]any, 0, columns*some)
	for len(rows) > 0 {
		n := min(len(rows), some)
		args = args[:0]
		for i, r := range rows[:n] {
			r.id = first + uint64(i)
			kind, text := writeValue(r.value)
			var until any
			if r.until != event.Never {
				until = int64(r.until)
			}
			args = append(args, int64(r.id), int64(r.definition), int64(r.customer), string(r.action), kind, text, int64(r.at), until,
				r.cause.String(), r.reason, r.by, int64(made))
		}
		var err error
		switch {
		case n < some:
			_, err = db.Exec(ctx, tx, query(n), args...)
		default:
			if many == nil {
				stmt, failed := tx.Tx.PrepareContext(ctx, query(some))
				if failed != nil {
					return fmt.Errorf("tag: write assignments: %w", failed)
				}
				defer stmt.Close()
				many = stmt
			}
			_, err = many.ExecContext(ctx, args...)
		}
		if err != nil {
			return fmt.Errorf("tag: write assignments: %w", err)
		}
		first += uint64(n)
		rows = rows[n:]
	}
	return nil
}
