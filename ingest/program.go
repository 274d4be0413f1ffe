package ingest

import (
	"fmt"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
)

// program is a mapping made ready for the columns of one file. It serves one goroutine.
type program struct {
	m        *Mapping
	exprs    *expressions
	seen     *occurrences
	declared *declarations // nil: none

	skip     *source
	identify []source
	dated    []source   // as the mapping's
	times    [2]*source // when traits, when consents took effect; nil: always
	events   []eventSource
	reason   *source // of assignments; nil: none
	until    *source
	tags     *tagReading // nil where no tags are assigned
	scratch  []byte
}

// source is a cell bound to a file: a column of it, or a compiled expression.
type source struct {
	*cell
	reading reading
	place   int // the column's, in text files
	expr    *rule.RowExpr
	fits    *declared // what its values must be; nil when they cannot but be so
}

type eventSource struct {
	spec                      *eventSpec
	name, when, time, message *source
	props                     []source
}

// bind makes the mapping ready for a file's columns. The faults are those of the mapping against this file.
func (m *Mapping) bind(columns []string, tables map[string]*table, schema library.Schema) (*program, []errs.Fault) {
	p := &program{m: m, exprs: newExpressions(columns, tables, m.zone), seen: newOccurrences(), declared: newDeclarations(schema, m.zone)}
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
	p.times = [2]*source{bind(m.traitsTime), bind(m.consentsTime)}
	if m.consentsTime == nil {
		p.times[1] = p.times[0]
	}
	for i := range m.dated {
		s := *bind(&m.dated[i].cell)
		if !m.dated[i].consent && !m.dated[i].tag {
			s.must(p.declared.trait(m.dated[i].name), columns)
		}
		p.dated = append(p.dated, s)
	}
	p.reason, p.until = bind(m.assign.reason), bind(m.assign.until)
	for i := range m.events {
		e := &m.events[i]
		s := eventSource{spec: e, name: bind(e.nameFrom), when: bind(e.when), time: bind(&e.time), message: bind(e.messageID)}
		for k := range e.props {
			one := *bind(&e.props[k].cell)
			if e.nameFrom == nil {
				one.must(p.declared.property(e.name, e.props[k].name), columns)
			}
			s.props = append(s.props, one)
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

// must says what the source's values have to be.
func (s *source) must(d *declared, columns []string) {
	kind := s.reading.as
	if kind == event.Missing && s.expr == nil && columns != nil {
		kind = event.TextKind
	}
	if !d.always(kind) {
		s.fits = d
	}
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
	ids        [][]string   // by identifier kind, then row; "" is missing
	dated      []datedYield // as the mapping's
	reasons    []string     // of assignments, by row; nil: none
	untils     []event.Time // their ends, by row; Always is none
	events     []eventYield
	bytes      int64
}

// datedYield is a trait, consent or tag of the rows.
type datedYield struct {
	values
	removed event.Bits   // the rows that remove it; nil: none
	times   []event.Time // by row; nil: all Always
}

func (d *datedYield) removes(i int) bool { return d.removed != nil && d.removed.Get(i) }

// says whether row i gives a value or removes it.
func (d *datedYield) says(i int) bool { return d.present(i) || d.removes(i) }

func (d *datedYield) time(i int) event.Time {
	if d.times == nil {
		return event.Always
	}
	return d.times[i]
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
