package tag

import (
	"context"
	"slices"
	"sort"
	"strings"

	"tagma/event"
	"tagma/identity"
	"tagma/library"
	"tagma/warehouse"
)

// Portrait is what a page about one customer shows.
type Portrait struct {
	Number      event.ProfileID
	FirstSeen   event.Time // event.Never: no record has a time
	Identifiers []identity.Key
	Traits      []Known
	Consents    []Known
	Tags        []Carried
	Segments    []Carried
	Events      int
}

// Known is the present value of a trait or consent, and since when; event.Always when it has no time.
type Known struct {
	Name  string
	Value event.Value
	Since event.Time
}

// Carried is a tag that a customer has, or a segment that it is in.
type Carried struct {
	Tag     *library.Tag     // or
	Segment *library.Segment //
	Value   event.Value
	Number  event.Value // the measure of a tag with bands
	// Since, Cause and Run tell since when and why; Since is 0 when that is not known.
	Since event.Time
	Cause string
	Run   uint64
	// Hand is what was decided by hand about it, the latest first.
	Hand []AssignmentLine
}

// Portrait returns what is known of a customer at an instant, its tags as last computed. Events are only counted: see
// Timeline.
func (d *Desk) Portrait(ctx context.Context, id event.ProfileID, now event.Time) (*Portrait, error) {
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	p := &Portrait{Number: id, FirstSeen: snap.Profile(id).FirstSeen}
	if err := p.history(snap, id, now); err != nil {
		return nil, err
	}
	byHand, err := assignmentsOf(ctx, d.Deps, set, AssignmentsQuery{Customer: &id, At: now})
	if err != nil {
		return nil, err
	}
	view := d.Index.ViewOf(uint32(id)) // all it carries, from its row
	var one [1]event.Value
	carried := func(slot uint32, order *listOrder) (Carried, bool) {
		c := Carried{Value: order.value(view.Of(uint32(id), []uint32{slot}, one[:0])[0])}
		if !c.Value.Present() {
			return c, false
		}
		if m := view.Measure(slot, uint32(id)); m.Present() && !m.Equal(c.Value) && c.Value.Kind() != event.ListKind { // only bands have a measure
			c.Number = m
		}
		if d.Since != nil {
			if at, cause, run, ok := d.Since.Of(slot, uint32(id)); ok {
				c.Since, c.Cause, c.Run = at, cause.String(), run
			}
		}
		return c, true
	}
	for t := range set.Tags() {
		if c, ok := carried(t.ID, orderOf(t)); ok {
			c.Tag = t
			for _, line := range byHand {
				if line.Tag == t.Key {
					c.Hand = append(c.Hand, line)
				}
			}
			slices.Reverse(c.Hand)
			p.Tags = append(p.Tags, c)
		}
	}
	for s := range set.Segments() {
		if c, ok := carried(s.ID, nil); ok {
			c.Segment = s
			p.Segments = append(p.Segments, c)
		}
	}
	return p, nil
}

// history reads identifiers, traits and consents, and counts events.
func (p *Portrait) history(snap warehouse.Snapshot, id event.ProfileID, now event.Time) error {
	var req warehouse.Request
	for _, s := range snap.Series() {
		r := warehouse.SeriesRequest{Kind: s.Kind, Name: s.Name}
		switch s.Kind {
		case warehouse.Traits, warehouse.Consents, warehouse.Identifiers:
			r.Columns = []string{warehouse.ValueColumn}
		}
		req.Series = append(req.Series, r)
	}
	return p.read(snap, req, id, now)
}

func (p *Portrait) read(snap warehouse.Snapshot, req warehouse.Request, id event.ProfileID, now event.Time) error {
	reader, err := snap.Reader(req)
	if err != nil {
		return err
	}
	defer reader.Close()
	var b warehouse.Block
	if err := reader.Profile(id, &b); err != nil {
		return err
	}
	for t := range b.Tables {
		table, s := &b.Tables[t], req.Series[t]
		switch s.Kind {
		case warehouse.Identifiers:
			for i := range table.Times {
				key := identity.Key{Kind: s.Name, Value: valueOf(table, 0, i).Text()}
				if !slices.Contains(p.Identifiers, key) {
					p.Identifiers = append(p.Identifiers, key)
				}
			}
		case warehouse.Traits:
			p.Traits = addKnown(p.Traits, s.Name, table, now)
		case warehouse.Consents:
			p.Consents = addKnown(p.Consents, s.Name, table, now)
		case warehouse.Events:
			for _, at := range table.Times {
				if at <= now {
					p.Events++
				}
			}
		}
	}
	return nil
}

// addKnown adds the value of a trait or consent at now, if there is one.
func addKnown(to []Known, name string, table *warehouse.Table, now event.Time) []Known {
	for i := len(table.Times) - 1; i >= 0; i-- {
		if table.Times[i] > now {
			continue
		}
		if v := valueOf(table, 0, i); v.Present() {
			to = append(to, Known{name, v, table.Times[i]})
		}
		break
	}
	return to
}

// Moment is an event of a customer's timeline. At and Arrival order them.
type Moment struct {
	At         event.Time
	Arrival    uint64
	Name       string
	Source     string
	Properties []event.Property
}

// TimelineQuery says which events are wanted: those before an instant and arrival, the latest first.
type TimelineQuery struct {
	Customer event.ProfileID
	// Before is the last event of the page before; its At is an instant after all wanted ones for the first page.
	Before event.Time
	Arrive uint64
	Names  []string // nil: all
	Limit  int
}

// firstStretch is how far back is looked at first for events, in milliseconds: about three quarters.
const firstStretch event.Time = 270 * 24 * 3600 * 1000

// Timeline returns events of a customer, the latest first. more says that there are earlier ones.
func (d *Desk) Timeline(ctx context.Context, q TimelineQuery) (out []Moment, more bool, err error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, false, err
	}
	defer snap.Close()
	var req warehouse.Request
	for _, s := range snap.Series() {
		if s.Kind != warehouse.Events || q.Names != nil && !slices.Contains(q.Names, s.Name) {
			continue
		}
		r := warehouse.SeriesRequest{Kind: s.Kind, Name: s.Name, Arrivals: true, Columns: []string{warehouse.SourceColumn}}
		for _, p := range s.Properties {
			if !strings.Contains(p.Name, "[]") { // the elements of lists come with the lists
				r.Columns = append(r.Columns, p.Name)
			}
		}
		req.Series = append(req.Series, r)
	}
	// Most people look at the latest events alone, so that is what is read first.
	for stretch := firstStretch; ; stretch *= 8 {
		from := q.Before - stretch
		if from < 0 || stretch > 1<<45 {
			from = event.Always
		}
		if out, err = timelineFrom(snap, req, q, from); err != nil || len(out) > q.Limit || from == event.Always {
			break
		}
	}
	if len(out) > q.Limit {
		return out[:q.Limit], true, err
	}
	return out, false, err
}

func timelineFrom(snap warehouse.Snapshot, req warehouse.Request, q TimelineQuery, from event.Time) ([]Moment, error) {
	for i := range req.Series {
		req.Series[i].From, req.Series[i].To = from, q.Before+1
	}
	reader, err := snap.Reader(req)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var b warehouse.Block
	if err := reader.Profile(q.Customer, &b); err != nil {
		return nil, err
	}
	type row struct{ table, row int }
	var rows []row
	for t := range b.Tables {
		table := &b.Tables[t]
		for i, at := range table.Times {
			if at >= from && (at < q.Before || at == q.Before && table.Arrivals[i] < q.Arrive) {
				rows = append(rows, row{t, i})
			}
		}
	}
	sort.Slice(rows, func(i, j int) bool {
		a, z := &b.Tables[rows[i].table], &b.Tables[rows[j].table]
		if x, y := a.Times[rows[i].row], z.Times[rows[j].row]; x != y {
			return x > y
		}
		return a.Arrivals[rows[i].row] > z.Arrivals[rows[j].row]
	})
	var out []Moment
	for _, r := range rows[:min(len(rows), q.Limit+1)] {
		s, table := req.Series[r.table], &b.Tables[r.table]
		m := Moment{At: table.Times[r.row], Arrival: table.Arrivals[r.row], Name: s.Name, Source: valueOf(table, 0, r.row).Text()}
		for k, name := range s.Columns[1:] {
			if v := valueOf(table, k+1, r.row); v.Present() && name != warehouse.SourceColumn {
				m.Properties = append(m.Properties, event.Property{Name: name, Value: v})
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// Called is what a customer is called.
type Called struct {
	Identifiers []identity.Key
	Name        string // the trait name
}

// Called returns what a customer is called at an instant.
func (d *Desk) Called(id event.ProfileID, now event.Time) (Called, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return Called{}, err
	}
	defer snap.Close()
	req := warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: warehouse.Traits, Name: "name", Columns: []string{warehouse.ValueColumn}}}}
	for _, s := range snap.Series() {
		if s.Kind == warehouse.Identifiers {
			req.Series = append(req.Series, warehouse.SeriesRequest{Kind: s.Kind, Name: s.Name, Columns: []string{warehouse.ValueColumn}})
		}
	}
	p := Portrait{}
	if err := p.read(snap, req, id, now); err != nil {
		return Called{}, err
	}
	out := Called{Identifiers: p.Identifiers}
	for _, t := range p.Traits {
		out.Name = t.Value.Format(d.Zone)
	}
	return out, nil
}
