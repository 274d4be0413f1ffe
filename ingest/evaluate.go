package ingest

import (
	"fmt"
	"strings"
	"unicode"

	"tagma/event"
)

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
	x.dated()
	x.assigned()
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

// dated reads traits and consents with their times.
func (x *evaluation) dated() {
	var times [2][]event.Time
	for i, s := range x.p.times {
		switch {
		case s == nil:
		case i > 0 && s == x.p.times[i-1]:
			times[i] = times[i-1]
		default:
			times[i] = x.times(s, x.need)
		}
	}
	for i := range x.p.dated {
		s := &x.p.dated[i]
		name := x.p.m.dated[i].name
		d := datedYield{values: x.values(s, x.need), times: times[0]}
		if s.fits != nil {
			x.fit(s, &d.values, x.need, name, func(int) (*declared, string) { return s.fits, "" })
		}
		if x.p.m.dated[i].tag {
			d.times = nil
			if x.p.tags != nil {
				x.p.tags.fit(x, i, &d.values)
			}
		} else if x.p.m.dated[i].consent {
			d.times = times[1]
		} else if s.expr == nil {
			d.removed = x.rows.nulls(s.column)
		}
		x.y.dated = append(x.y.dated, d)
	}
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
			case strings.ContainsFunc(e.names[i], unicode.IsControl):
				x.refuse(i, "the event's name has a control character in it, such as a line break or a tab", "")
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
		v := x.values(&s.props[i], need)
		x.fitProperty(s, i, &v, &e, need)
		e.props = append(e.props, v)
	}
	return e
}

// fitProperty holds an event's property against what is declared of it.
func (x *evaluation) fitProperty(s *eventSource, i int, v *values, e *eventYield, need event.Bits) {
	one, name := &s.props[i], s.spec.props[i].name
	switch {
	case e.names == nil && one.fits != nil:
		x.fit(one, v, need, name, func(int) (*declared, string) { return one.fits, s.spec.name })
	case e.names != nil && x.p.declared.anywhere(name):
		x.fit(one, v, need, name, func(row int) (*declared, string) {
			return x.p.declared.property(e.names[row], name), e.names[row]
		})
	}
}

// fit holds the values of a property or trait against what is declared of it in each row, and coerces them where that
// says so. A value that does not fit refuses its row. of gives the declaration and the event's name, "" for a trait.
func (x *evaluation) fit(s *source, v *values, need event.Bits, name string, of func(row int) (*declared, string)) {
	for i := range x.rows.N {
		if !need.Get(i) || !v.present(i) {
			continue
		}
		d, ofEvent := of(i)
		if d == nil {
			continue
		}
		one := v.at(i)
		fitted, bad := d.fit(one)
		if bad != nil {
			column := ""
			if s.column != "" {
				column = s.label
			}
			reason, detail := bad.in(ofEvent, name, column)
			x.refuse(i, reason, detail)
			continue
		}
		if same(fitted, one) {
			continue
		}
		if v.values == nil { // the texts are the file's
			v.values = make([]event.Value, x.rows.N)
			for k := range v.values {
				if v.texts[k] != "" {
					v.values[k] = event.Text(v.texts[k])
				}
			}
			x.y.bytes += int64(x.rows.N) * 48
		}
		v.values[i] = fitted
	}
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
