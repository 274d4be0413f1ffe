package ingest

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"go.yaml.in/yaml/v3"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/tag"
)

// Tags is what rows that assign tags need. It may be nil where none do.
type Tags struct {
	Deps tag.Deps
	// Instant tells the workspace's instant: from then on an assignment holds.
	Instant func() event.Time
}

// assignSpec is what a mapping says of assignments beside the tags and their values, which are dated things.
type assignSpec struct {
	reason, until *cell
}

// maxFitted bounds the texts that an import remembers the values of.
const maxFitted = 10_000

// assigning is the tags that the rows of an import assign.
type assigning struct {
	known  *tag.Assignable
	tags   []*library.Tag // as the mapping's dated things; nil for what is no tag
	wanted []tag.Imported // of the chunk in hand
}

// tagReading reads the values of tags, while others are being written.
type tagReading struct {
	*assigning
	fitted []map[string][]event.Value // by dated thing: what texts stand for
	now    event.Time
}

// reading begins the reading of a file; nil where no tags are assigned.
func (a *assigning) reading(d Deps) *tagReading {
	if a == nil {
		return nil
	}
	r := &tagReading{assigning: a, fitted: make([]map[string][]event.Value, len(a.tags)), now: d.Tags.Instant()}
	for i := range r.fitted {
		r.fitted[i] = map[string][]event.Value{}
	}
	return r
}

// tagsOf reads the entries of tags.
func (p *mappingParser) tagsOf(m *Mapping, n *yaml.Node, path string) {
	for _, f := range p.entries(n, path, "tags by key, such as vip: column") {
		if !p.name(f.name, join(path, f.key), f.key) {
			continue
		}
		if c := p.cell(f.node, join(path, f.key), "tag "+f.key); c != nil {
			m.dated = append(m.dated, dated{name: f.key, tag: true, cell: *c})
		}
	}
}

// endCell reads where the ends of assignments come from.
func (p *mappingParser) endCell(n *yaml.Node, path string) *cell {
	c := p.cell(n, path, "tags_until")
	if c == nil {
		return nil
	}
	switch c.reading.as {
	case event.Missing:
		c.reading.layout = &layout{clock: true}
	case event.TimeKind, event.DateKind:
	default:
		p.fault(n, path, fmt.Sprintf("a time cannot be read as %s", c.reading.as), "leave as out")
	}
	return c
}

// assigns says whether the mapping's rows assign tags.
func (m *Mapping) assigns() bool {
	for i := range m.dated {
		if m.dated[i].tag {
			return true
		}
	}
	return false
}

// openTags finds the tags that the mapping assigns; nil when it assigns none. The faults are those of the mapping.
func (im *importer) openTags(ctx context.Context) ([]errs.Fault, error) {
	if !im.m.assigns() {
		return nil, nil
	}
	if im.d.Tags == nil {
		return nil, fmt.Errorf("import: the mapping assigns tags, which cannot be done here")
	}
	if err := tag.BringUp(ctx, im.d.Tags.Deps, im.d.Tags.Instant()); err != nil {
		return nil, err
	}
	known, err := tag.OpenAssignable(ctx, im.d.Tags.Deps)
	if err != nil {
		return nil, err
	}
	im.tags = &assigning{known: known, tags: make([]*library.Tag, len(im.m.dated))}
	var faults []errs.Fault
	for i := range im.m.dated {
		d := &im.m.dated[i]
		if !d.tag {
			continue
		}
		t, fault, err := known.Tag(d.name)
		if err != nil {
			return nil, err
		}
		if fault != nil {
			fault.Place = d.cell.place
			faults = append(faults, *fault)
		}
		im.tags.tags[i] = t
	}
	return faults, nil
}

// fit reads the values of a tag: those that it cannot have refuse their rows.
func (a *tagReading) fit(x *evaluation, place int, v *values) {
	t, fitted := a.tags[place], a.fitted[place]
	if t == nil { // of a mapping with faults
		return
	}
	out := make([]event.Value, x.rows.N)
	for i := range out {
		if !x.need.Get(i) || !v.present(i) {
			continue
		}
		given := v.at(i)
		text, isText := "", given.Kind() == event.TextKind
		if isText {
			text = given.Text()
			if list, ok := fitted[text]; ok {
				out[i] = event.List(list...)
				continue
			}
		}
		list, fault := a.known.Fit(t, given)
		if fault != nil {
			x.refuse(i, x.p.dated[place].label+": no value of the tag "+t.Key, x.p.dated[place].label+": "+fault.String())
			continue
		}
		out[i] = event.List(list...)
		if isText && len(fitted) < maxFitted {
			fitted[text] = list
		}
	}
	x.y.bytes += int64(x.rows.N) * 48
	*v = values{values: out}
}

// assigned reads the reasons and ends of the rows' assignments.
func (x *evaluation) assigned() {
	if s := x.p.reason; s != nil {
		x.y.reasons = x.texts(s, x.need)
	}
	if x.p.until != nil {
		x.ends(x.p.until)
	}
}

// ends reads until when assignments hold: a date is the last day.
func (x *evaluation) ends(s *source) {
	now := event.Always
	if x.p.tags != nil {
		now = x.p.tags.now
	}
	given := x.values(s, x.need)
	x.y.untils = make([]event.Time, x.rows.N)
	for i := range x.y.untils {
		end := event.Always
		switch v := given.at(i); v.Kind() {
		case event.Missing:
		case event.TimeKind:
			end = v.Time()
		case event.DateKind:
			end = s.reading.zone.Start(v.Date() + 1)
		case event.TextKind:
			m, _, trouble := s.reading.moment(v.Text())
			if trouble != nil {
				if x.need.Get(i) {
					x.refuse(i, s.label+": "+notTime, s.label+": "+notTime+": "+v.Text())
				}
				continue
			}
			if end = m.in(s.reading.zone); m.dateOnly {
				end = s.reading.zone.Start(m.day + 1)
			}
		default:
			x.refuse(i, s.label+": "+notTime, "")
		}
		if x.y.untils[i] = end; end != event.Always && end <= now && x.need.Get(i) {
			x.refuse(i, s.label+": the end is not in the future", "")
		}
	}
}

// assign notes what a row assigns.
func (t *taker) assign(y *yield, i, place int, p event.ProfileID) {
	one := tag.Imported{Customer: p, Tag: t.tags.tags[place], By: t.m.Source}
	if y.reasons != nil {
		one.Reason = y.reasons[i]
	}
	if y.untils != nil && y.untils[i] != event.Always {
		one.Until = y.untils[i]
	}
	for _, v := range y.dated[place].at(i).List() {
		one.Value = v
		t.tags.wanted = append(t.tags.wanted, one)
	}
}

// writeAssigned writes what the rows of a chunk assign, in the chunk's transaction. In a dry run it finds out how much of
// it would be new.
func (t *taker) writeAssigned(ctx context.Context, l *load) error {
	if t.tags == nil || len(t.tags.wanted) == 0 {
		return nil
	}
	write := func(ctx context.Context, tx bun.Tx) error {
		n, err := t.tags.known.Import(ctx, tx, l.d.Tags.Instant(), t.tags.wanted)
		t.report.Assigned = int64(n)
		return err
	}
	if l.dry != nil {
		return undone(ctx, l.d.DB, write)
	}
	return write(ctx, l.tx)
}
