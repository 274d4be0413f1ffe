package tag

import (
	"context"
	"slices"
	"sort"

	"tagma/event"
	"tagma/library"
	"tagma/tagindex"
	"tagma/warehouse"
)

// Customer is all that is known of one customer.
type Customer struct {
	Number      event.ProfileID     `json:"number"`
	FirstSeen   string              `json:"first_seen"`
	Identifiers map[string][]string `json:"identifiers"`
	Traits      []TraitLine         `json:"traits"`
	Consents    []TraitLine         `json:"consents,omitempty"`
	Tags        []TagLine           `json:"tags"`
	// Assignments are what was decided by hand and holds.
	Assignments []AssignmentLine `json:"assignments,omitempty"`
	Events      int              `json:"events"`
	Last        []EventLine      `json:"last_events"`
}

// TraitLine is the present value of a trait or consent.
type TraitLine struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Since string `json:"since"`
}

// TagLine is a tag that the customer carries: its value, since when and by what cause.
type TagLine struct {
	Key     string `json:"key"`
	Name    string `json:"name"`
	Segment bool   `json:"segment,omitempty"`
	Value   string `json:"value"`
	Number  string `json:"number,omitempty"` // the measure of a tag with bands
	Since   string `json:"since,omitempty"`
	Cause   string `json:"cause,omitempty"`
	Run     uint64 `json:"run,omitempty"`
}

// EventLine is an event of the customer.
type EventLine struct {
	Time  string     `json:"time"`
	Name  string     `json:"name"`
	Props [][]string `json:"properties"`
}

// ReadCustomer returns what is known of a customer at an instant; its tags as last computed. last is how many of
// the latest events are shown.
func ReadCustomer(ctx context.Context, d Deps, id event.ProfileID, now event.Time, last int) (*Customer, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	c := &Customer{Number: id, Identifiers: map[string][]string{}, Traits: []TraitLine{}, Tags: []TagLine{}, Last: []EventLine{}}
	switch p := snap.Profile(id); {
	case p.FirstSeen != event.Never:
		c.FirstSeen = d.Zone.Format(p.FirstSeen)
	case p.Untimed:
		c.FirstSeen = "always"
	default:
		c.FirstSeen = "never"
	}
	if err := c.history(snap, d.Zone, id, now, last); err != nil {
		return nil, err
	}
	return c, c.tags(ctx, d, uint32(id), now)
}

// history reads identifiers, traits and the last events.
func (c *Customer) history(snap warehouse.Snapshot, z *event.Zone, id event.ProfileID, now event.Time, last int) error {
	var req warehouse.Request
	for _, s := range snap.Series() {
		r := warehouse.SeriesRequest{Kind: s.Kind, Name: s.Name, Arrivals: s.Kind == warehouse.Events}
		switch s.Kind {
		case warehouse.Traits, warehouse.Consents, warehouse.Identifiers:
			r.Columns = []string{warehouse.ValueColumn}
		default:
			for _, p := range s.Properties {
				r.Columns = append(r.Columns, p.Name)
			}
		}
		req.Series = append(req.Series, r)
	}
	reader, err := snap.Reader(req)
	if err != nil {
		return err
	}
	defer reader.Close()
	var b warehouse.Block
	if err := reader.Profile(id, &b); err != nil {
		return err
	}
	type row struct {
		table, row int
		time       event.Time
		arrival    uint64
	}
	var events []row
	for t := range b.Tables {
		table, s := &b.Tables[t], req.Series[t]
		for i := range table.Times {
			switch {
			case s.Kind == warehouse.Identifiers:
				v := valueOf(table, 0, i).Text()
				if !slices.Contains(c.Identifiers[s.Name], v) {
					c.Identifiers[s.Name] = append(c.Identifiers[s.Name], v)
				}
			case table.Times[i] > now:
			case s.Kind == warehouse.Events:
				events = append(events, row{t, i, table.Times[i], table.Arrivals[i]})
			}
		}
		switch s.Kind {
		case warehouse.Traits:
			c.Traits = addTrait(c.Traits, z, s.Name, table, now)
		case warehouse.Consents:
			c.Consents = addTrait(c.Consents, z, s.Name, table, now)
		}
	}
	sort.Slice(events, func(i, j int) bool {
		if events[i].time != events[j].time {
			return events[i].time > events[j].time
		}
		return events[i].arrival > events[j].arrival
	})
	c.Events = len(events)
	for _, e := range events[:min(last, len(events))] {
		s := req.Series[e.table]
		line := EventLine{Time: z.Format(e.time), Name: s.Name, Props: [][]string{}}
		for k, name := range s.Columns {
			if v := valueOf(&b.Tables[e.table], k, e.row); v.Present() && name != warehouse.SourceColumn {
				line.Props = append(line.Props, []string{name, v.Format(z)})
			}
		}
		c.Last = append(c.Last, line)
	}
	return nil
}

// addTrait adds the value of a trait or consent at now, if there is one.
func addTrait(to []TraitLine, z *event.Zone, name string, table *warehouse.Table, now event.Time) []TraitLine {
	for i := len(table.Times) - 1; i >= 0; i-- {
		if table.Times[i] > now {
			continue
		}
		if v := valueOf(table, 0, i); v.Present() {
			to = append(to, TraitLine{name, v.Format(z), z.Format(table.Times[i])})
		}
		break
	}
	return to
}

// valueOf is the value of a column of a table in a row.
func valueOf(t *warehouse.Table, column, row int) event.Value {
	if column >= len(t.Columns) {
		return event.Value{}
	}
	for k := range t.Columns[column] {
		if c := &t.Columns[column][k]; c.Present(row) {
			return c.Value(row)
		}
	}
	return event.Value{}
}

// tags reads what the customer carries, and from the change log since when and why.
func (c *Customer) tags(ctx context.Context, d Deps, id uint32, now event.Time) error {
	set, err := library.Load(ctx, d.DB.Read())
	if err != nil {
		return err
	}
	view := d.Index.View()
	slots := map[uint32]int{}
	add := func(slot uint32, line TagLine, order *listOrder) {
		v := order.value(view.Value(slot, id))
		if !v.Present() {
			return
		}
		line.Value = v.Format(d.Zone)
		if m := view.Measure(slot, id); m.Present() && !m.Equal(v) && v.Kind() != event.ListKind { // only bands have a measure, and no list is one
			line.Number = m.Format(d.Zone)
		}
		slots[slot] = len(c.Tags)
		c.Tags = append(c.Tags, line)
	}
	for t := range set.Tags() {
		add(t.ID, TagLine{Key: t.Key, Name: t.Name}, orderOf(t))
	}
	for s := range set.Segments() {
		add(s.ID, TagLine{Key: s.Key, Name: s.Name, Segment: true}, nil)
	}
	if now, err = d.assignInstant(ctx, now); err != nil {
		return err
	}
	if c.Assignments, err = assignmentsOf(ctx, d, set, AssignmentsQuery{Customer: &c.Number, At: now}); err != nil {
		return err
	}
	if len(slots) == 0 {
		return nil
	}
	customer := event.ProfileID(id)
	asked := make([]uint32, 0, len(slots))
	for slot := range slots {
		asked = append(asked, slot)
	}
	_, err = d.readPast(ctx, pastOptions{at: event.Never, slots: asked, customer: &customer, each: func(ch *tagindex.Change, _, _ event.Value) {
		line := &c.Tags[slots[ch.Slot]]
		line.Since, line.Cause, line.Run = d.Zone.Format(ch.At), ch.Cause.String(), ch.Run
	}})
	return err
}

// eachChange reads the whole change log. An on-disk index by customer comes with the server; until then this is
// linear in the log.
func (d Deps) eachChange(ctx context.Context, f func(*tagindex.Change) error) error {
	for at := uint64(0); ; {
		entries, err := d.Changes.Read(ctx, at, 16<<20)
		if err != nil || len(entries) == 0 {
			return err
		}
		for i := range entries {
			at = entries[i].End()
			if entries[i].Kind != tagindex.EntryChanges {
				continue
			}
			changes, err := tagindex.Decode(entries[i].Payload)
			if err != nil {
				return err
			}
			for k := range changes {
				if err := f(&changes[k]); err != nil {
					return err
				}
			}
		}
	}
}
