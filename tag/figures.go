package tag

import (
	"cmp"
	"context"
	"slices"

	"tagma/event"
	"tagma/library"
	"tagma/tagindex"
	"tagma/warehouse"
)

// Counts are figures of the history.
type Counts struct {
	Customers int // profiles of persons
	Profiles  int
	Events    uint64
}

// figures remembers what is counted over all customers.
type figures struct {
	offset   uint64
	counts   Counts
	view     uint64 // the index's offset
	revision uint64
	assigned int
	ready    [2]bool
}

// Counts counts customers and events. It is a pass over the profiles after the history moved on, and costs nothing
// otherwise.
func (d *Desk) Counts() (Counts, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return Counts{}, err
	}
	defer snap.Close()
	d.counting.Lock()
	defer d.counting.Unlock()
	if f := &d.figures; f.ready[0] && f.offset == snap.Offset() {
		return f.counts, nil
	}
	c := countsOf(snap)
	d.figures.counts, d.figures.offset, d.figures.ready[0] = c, snap.Offset(), true
	return c, nil
}

// Assigned is the number of customers that have a tag.
func (d *Desk) Assigned(set *library.Set) (int, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return 0, err
	}
	profiles := snap.Profiles()
	snap.Close()
	view := d.Index.View()
	d.counting.Lock()
	defer d.counting.Unlock()
	f := &d.figures
	if f.ready[1] && f.view == view.Offset() && f.revision == set.Revision {
		return f.assigned, nil
	}
	var any []*tagindex.Expr
	for t := range set.Tags() {
		any = append(any, tagindex.In(view.Present(t.ID)))
	}
	n := 0
	if len(any) > 0 {
		n = tagindex.Or(any...).Count(tagindex.Range(0, profiles))
	}
	f.assigned, f.view, f.revision, f.ready[1] = n, view.Offset(), set.Revision, true
	return n, nil
}

// TagHeld is a tag, and how many customers have it.
type TagHeld struct {
	Tag  *library.Tag
	Held int
}

// Of tags that hardly anybody has, or nearly everybody, it says little how many have them: Top leaves out those of less
// than 1 % and more than 95 % of the customers.
const (
	leastShare = 0.01
	mostShare  = 0.95
)

// Top returns the tags that most customers have without nearly all having them, at most limit. customers is how many
// there are.
func (d *Desk) Top(set *library.Set, customers, limit int) []TagHeld {
	view := d.Index.View()
	var out []TagHeld
	for t := range set.Tags() {
		n := view.Present(t.ID).Count()
		if share := float64(n) / float64(max(customers, 1)); n > 0 && share >= leastShare && share <= mostShare {
			out = append(out, TagHeld{t, n})
		}
	}
	slices.SortStableFunc(out, func(a, b TagHeld) int { return cmp.Compare(b.Held, a.Held) })
	return out[:min(len(out), limit)]
}

func countsOf(snap warehouse.Snapshot) Counts {
	c := Counts{Profiles: int(snap.Profiles())}
	for _, s := range snap.Series() {
		if s.Kind == warehouse.Events {
			c.Events += s.Rows
		}
	}
	c.Customers = personsIn(snap)
	return c
}

// personsIn counts the profiles that are customers.
func personsIn(snap warehouse.Snapshot) (n int) {
	for p := range snap.Profiles() {
		if profile := snap.Profile(event.ProfileID(p)); profile.Known && profile.Person && profile.Entity == event.Customer {
			n++
		}
	}
	return n
}

// ConsentNames lists the consents that are declared, or that some customer has given or refused.
func (d *Desk) ConsentNames(ctx context.Context) ([]string, error) {
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	names := set.Schema().Consents
	for _, s := range snap.Series() {
		if s.Kind == warehouse.Consents {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
