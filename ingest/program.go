package ingest

import (
	"fmt"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// program is a mapping made ready for the columns of one file. It serves one goroutine.
type program struct {
	m     *Mapping
	exprs *expressions
	seen  *occurrences

	skip       *source
	identify   []source
	traits     []source
	traitsTime *source
	events     []eventSource
	scratch    []byte
}

// source is a cell bound to a file: a column of it, or a compiled expression.
type source struct {
	*cell
	reading reading
	place   int // the column's, in text files
	expr    *rule.RowExpr
}

type eventSource struct {
	spec                      *eventSpec
	name, when, time, message *source
	props                     []source
}

// bind makes the mapping ready for a file's columns. The faults are those of the mapping against this file.
func (m *Mapping) bind(columns []string, tables map[string]*table) (*program, []errs.Fault) {
	p := &program{m: m, exprs: newExpressions(columns, tables, m.zone), seen: newOccurrences()}
	var faults []errs.Fault
	bind := func(c *cell) *source {
		if c == nil {
			return nil
		}
		s, found := p.source(c, columns)
		faults = append(faults, found...)
		return s
	}
	p.skip = bind(m.skip)
	for i := range m.identify {
		s := *bind(&m.identify[i].cell)
		if s.reading.as == event.Missing {
			s.reading.as = event.TextKind
		}
		p.identify = append(p.identify, s)
	}
	p.traitsTime = bind(m.traitsTime)
	for i := range m.traits {
		p.traits = append(p.traits, *bind(&m.traits[i].cell))
	}
	for i := range m.events {
		e := &m.events[i]
		s := eventSource{spec: e, name: bind(e.nameFrom), when: bind(e.when), time: bind(&e.time), message: bind(e.messageID)}
		for k := range e.props {
			s.props = append(s.props, *bind(&e.props[k].cell))
		}
		p.events = append(p.events, s)
	}
	return p, faults
}

func (p *program) source(c *cell, columns []string) (*source, []errs.Fault) {
	s := &source{cell: c, reading: c.reading}
	if c.text != "" {
		expr, faults := p.exprs.compile(c)
		s.expr = expr
		return s, faults
	}
	if columns == nil {
		return s, nil
	}
	place, ok := p.exprs.index[c.column]
	switch {
	case !ok:
		return s, []errs.Fault{{Place: c.place, Message: fmt.Sprintf("the file has no column %q", c.column), Hint: columnHint(c.column, columns)}}
	case p.exprs.twice[c.column]:
		return s, []errs.Fault{{Place: c.place, Message: fmt.Sprintf("the file has the column %q twice", c.column), Hint: "rename one of them in the file"}}
	}
	s.place = place
	return s, nil
}

// values is a column of what a cell gave: texts as they stand in the file, "" being missing, or values.
type values struct {
	texts  []string
	values []event.Value
}

func (v *values) at(i int) event.Value {
	if v.values != nil {
		return v.values[i]
	}
	if s := v.texts[i]; s != "" {
		return event.Text(s)
	}
	return event.Value{}
}

func (v *values) present(i int) bool {
	if v.values != nil {
		return v.values[i].Present()
	}
	return v.texts[i] != ""
}

// yield is what rows give, before it is known whose it is and what of it is new.
type yield struct {
	rows    *Rows
	kept    []int32 // the rows that count
	skipped int
	refused []refusal

	hashes     []rowHash // by kept row
	occurrence []uint32
	ids        [][]string // by identifier kind, then row; "" is missing
	traits     []values
	traitTimes []event.Time // by row; nil: all Always
	events     []eventYield
	bytes      int64
}

type eventYield struct {
	on      event.Bits // the rows that have it; nil: all
	names   []string   // nil: the mapping's
	times   []event.Time
	message []string // nil or "": none
	props   []values
}

func (e *eventYield) happened(i int) bool { return e.on == nil || e.on.Get(i) }

// refusal is a row that is refused.
type refusal struct {
	line           int64
	reason, detail string
	cells          []string
}

// evaluation is the work on one batch of rows.
type evaluation struct {
	p    *program
	rows *Rows
	need event.Bits          // rows that are not skipped
	bad  map[int][]badReason // rows to refuse
	y    *yield
}

type badReason struct{ reason, detail string }

func (x *evaluation) refuse(i int, reason, detail string) {
	if x.bad == nil {
		x.bad = map[int][]badReason{}
	}
	for _, b := range x.bad[i] {
		if b.detail == detail {
			return
		}
	}
	x.bad[i] = append(x.bad[i], badReason{reason, detail})
}

// evaluate computes what rows give.
func (p *program) evaluate(rows *Rows) *yield {
	y := &yield{rows: rows, bytes: rows.Bytes}
	x := &evaluation{p: p, rows: rows, need: event.NewBits(rows.N), y: y}
	p.exprs.start(rows)
	x.need.Fill(rows.N)
	if p.skip != nil {
		r := p.exprs.eval(p.skip.expr)
		for i := 0; i < rows.N; i++ {
			if r.True(i) {
				x.need.Unset(i)
				y.skipped++
			}
		}
	}
	x.identify()
	if p.traitsTime != nil {
		y.traitTimes = x.times(p.traitsTime, x.need)
	}
	for i := range p.traits {
		y.traits = append(y.traits, x.values(&p.traits[i], x.need))
	}
	for i := range p.events {
		y.events = append(y.events, x.event(&p.events[i]))
	}
	x.finish()
	return y
}

// values reads a cell in the rows of need; a cell that cannot be read refuses its row.
func (x *evaluation) values(s *source, need event.Bits) values {
	n := x.rows.N
	if s.expr == nil && x.rows.cells != nil && (s.reading.as == event.Missing || s.reading.as == event.TextKind) {
		return values{texts: x.rows.cells[s.place]}
	}
	out := make([]event.Value, n)
	x.y.bytes += int64(n) * 48
	failed := func(i int, t *trouble) {
		reason, detail := t.in(s.label)
		x.refuse(i, reason, detail)
	}
	switch {
	case s.expr != nil:
		r := x.p.exprs.eval(s.expr)
		for i := range out {
			if need.Get(i) {
				v, t := s.reading.value(r.Value(i))
				if out[i] = v; t != nil {
					failed(i, t)
				}
			}
		}
	case x.rows.cells != nil:
		for i, cell := range x.rows.cells[s.place] {
			if cell != "" && need.Get(i) {
				v, t := s.reading.text(cell)
				if out[i] = v; t != nil {
					failed(i, t)
				}
			}
		}
	default:
		for i := range out {
			if need.Get(i) {
				v, t := s.reading.value(x.rows.property(i, s.column))
				if out[i] = v; t != nil {
					failed(i, t)
				}
			}
		}
	}
	return values{values: out}
}

// texts is values for what must be text.
func (x *evaluation) texts(s *source, need event.Bits) []string {
	v := x.values(s, need)
	if v.values == nil {
		return v.texts
	}
	x.y.bytes -= int64(x.rows.N) * 32
	out := make([]string, x.rows.N)
	for i := range out {
		out[i] = v.values[i].Text()
	}
	return out
}

// times is values for instants; Always where there is none.
func (x *evaluation) times(s *source, need event.Bits) []event.Time {
	out := make([]event.Time, x.rows.N)
	if s.expr == nil && x.rows.cells != nil {
		x.y.bytes += int64(x.rows.N) * 8
		for i, cell := range x.rows.cells[s.place] {
			if out[i] = event.Always; cell == "" || !need.Get(i) {
				continue
			}
			m, present, t := s.reading.moment(cell)
			switch {
			case t != nil:
				reason, detail := t.in(s.label)
				x.refuse(i, reason, detail)
			case present:
				out[i] = m.in(s.reading.zone)
			}
		}
		return out
	}
	v := x.values(s, need)
	x.y.bytes -= int64(x.rows.N) * 40
	for i := range out {
		if out[i] = event.Always; v.values[i].Present() {
			out[i] = v.values[i].Time()
		}
	}
	return out
}

func (x *evaluation) identify() {
	for i := range x.p.identify {
		x.y.ids = append(x.y.ids, x.texts(&x.p.identify[i], x.need))
	}
	for i := 0; i < x.rows.N; i++ {
		if !x.need.Get(i) {
			continue
		}
		some := false
		for k := range x.y.ids {
			id := x.y.ids[k][i]
			if id == "" {
				continue
			}
			some = true
			if wrong := (keyOf(x.p.m.identify[k].kind, id)).Check(); wrong != "" {
				x.refuse(i, wrong, "")
			}
		}
		if !some {
			x.refuse(i, "the row says of no one: "+x.p.idLabels()+" is empty", "")
		}
	}
}

// idLabels names the cells that identify a row.
func (p *program) idLabels() string {
	labels := make([]string, len(p.identify))
	for i := range p.identify {
		labels[i] = p.identify[i].label
	}
	return strings.Join(labels, " and ")
}

func (x *evaluation) event(s *eventSource) eventYield {
	e := eventYield{}
	need := x.need
	if s.when != nil {
		need = event.NewBits(x.rows.N)
		r := x.p.exprs.eval(s.when.expr)
		for i := 0; i < x.rows.N; i++ {
			if x.need.Get(i) && r.True(i) {
				need.Set(i)
			}
		}
		e.on = need
	}
	called := s.spec.name
	if s.name != nil {
		called = "the event"
		e.names = x.texts(s.name, need)
		for i := 0; i < x.rows.N; i++ {
			switch {
			case !need.Get(i):
			case e.names[i] == "":
				x.refuse(i, "the event's name is missing", "")
			case len(e.names[i]) > maxName:
				x.refuse(i, fmt.Sprintf("an event's name has at most %d bytes", maxName), "")
			}
		}
	}
	e.times = x.times(s.time, need)
	for i, t := range e.times {
		if t == event.Always && need.Get(i) && x.bad[i] == nil {
			x.refuse(i, s.time.label+" is empty: "+called+" has no time", "")
		}
	}
	if s.message != nil {
		e.message = x.texts(s.message, need)
	}
	for i := range s.props {
		e.props = append(e.props, x.values(&s.props[i], need))
	}
	return e
}

// finish lists the rows that count and those that are refused.
func (x *evaluation) finish() {
	y := x.y
	for i := 0; i < x.rows.N; i++ {
		if !x.need.Get(i) {
			continue
		}
		if bad := x.bad[i]; bad != nil {
			r := refusal{line: x.rows.Line[i], reason: bad[0].reason, cells: x.rows.written(i)}
			details := make([]string, len(bad))
			for k, b := range bad {
				if details[k] = b.detail; b.detail == "" {
					details[k] = b.reason
				}
			}
			r.detail = strings.Join(details, "; ")
			y.refused = append(y.refused, r)
			continue
		}
		var h rowHash
		h, x.p.scratch = x.rows.hash(i, x.p.scratch)
		y.kept = append(y.kept, int32(i))
		y.hashes = append(y.hashes, h)
		y.occurrence = append(y.occurrence, x.p.seen.next(h))
	}
	for _, b := range x.rows.Bad {
		y.refused = append(y.refused, refusal{line: b.Line, reason: b.Reason, detail: b.text(), cells: b.Cells})
	}
	y.bytes += int64(len(y.kept)) * 24
}
