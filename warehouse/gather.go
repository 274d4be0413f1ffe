package warehouse

import (
	"fmt"
	"slices"

	"tagma/event"
)

// Rows says which rows of a profile are wanted.
type Rows struct {
	From event.Time // and later
	// Ends wants only the first of them, the last that is not later than Now, and those later than Now. Others may be given
	// as well.
	Ends bool
	Now  event.Time
	// None wants no rows of the series at all.
	None bool
}

// Gatherer puts the rows of some profiles together as a request wants them.
type Gatherer struct {
	of      *Resident
	places  []int // of each series of the request
	request Request
	writers []tableWriter
	uses    uint64 // the Resident.Use that the writers' dictionaries are of
	byName  map[string]int
}

// Gatherer prepares to gather what a request wants, of the series and columns that the resident has.
func (r *Resident) Gatherer(request Request) (*Gatherer, error) {
	g := &Gatherer{of: r, request: request, byName: map[string]int{}}
	for i := range request.Series {
		s := &request.Series[i]
		place, ok := r.places[residentKey{s.Kind, s.Name}]
		if !ok {
			return nil, fmt.Errorf("warehouse: gather: the series %q is not resident", s.Name)
		}
		columns, err := s.within(&r.series[place])
		if err != nil {
			return nil, fmt.Errorf("warehouse: gather: %w", err)
		}
		g.places, g.writers = append(g.places, place), append(g.writers, newTableWriter(s.Columns, columns))
		if s.Kind == Events {
			g.byName[s.Name] = i
		}
	}
	return g, nil
}

// Gather fills in the rows of profiles, at most 65,535 of them, as a block of its own: profile i of it is profiles[i]. Of
// each series the rows wanted are given. What it fills in is valid until its next call.
func (g *Gatherer) Gather(profiles []event.ProfileID, want []Rows, into *Block) error {
	g.begin(profiles, into)
	for i := range g.places {
		if err := g.find(i, profiles, &want[i]); err != nil {
			g.writers[i].forget()
			return err
		}
		g.writers[i].write(&into.Tables[i], g.request.Series[i].Arrivals)
	}
	r := g.of
	r.mu.RLock()
	full := r.bytes > r.limit
	r.mu.RUnlock()
	if full {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.shrink()
	}
	return nil
}

// find finds the rows of profiles in a series of the request.
func (g *Gatherer) find(i int, profiles []event.ProfileID, want *Rows) error {
	r, w := g.of, &g.writers[i]
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range profiles {
		if want.None {
			w.find(nil, 0, nil)
			continue
		}
		b, err := r.get(g.places[i], uint32(p)/BlockSize)
		if err != nil {
			return err
		}
		w.find(b, uint8(p), want)
	}
	return nil
}

// Only fills in the rows of these events and no others, as a block: profile i of it is profiles[i], and of it are the
// events i. What it fills in is valid until its next call.
func (g *Gatherer) Only(profiles []event.ProfileID, events [][]*event.Event, into *Block) {
	g.begin(profiles, into)
	for i, list := range events {
		for _, e := range list {
			if k, ok := g.byName[e.Name]; ok {
				g.writers[k].take(i, e)
			}
		}
	}
	for k := range g.writers {
		g.writers[k].writeTaken(&into.Tables[k], len(profiles), g.request.Series[k].Arrivals)
	}
}

// begin makes a block and the writers ready.
func (g *Gatherer) begin(profiles []event.ProfileID, into *Block) {
	into.First, into.N, into.Profiles = 0, len(profiles), profiles
	if len(profiles) > 0 {
		into.First = profiles[0]
	}
	into.Tables = slices.Grow(into.Tables[:0], len(g.places))[:len(g.places)]
	if g.uses == g.of.uses {
		return
	}
	g.uses = g.of.uses
	for k := range g.writers {
		w := &g.writers[k]
		w.dicts = w.dicts[:0]
		for _, name := range w.names {
			w.dicts = append(w.dicts, g.of.snap.Dict(name))
		}
	}
}
