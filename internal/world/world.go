// Package world is a small history in memory for tests: events, traits and identifiers of a few customers,
// read through the warehouse's seam.
package world

import (
	"cmp"
	"slices"
	"sort"

	"tagma/event"
	"tagma/warehouse"
)

// World is a history. Fill it in, then use it as a warehouse.Snapshot.
type World struct {
	Events      []event.Event
	System      []event.Event
	Traits      []event.Trait
	Consents    []event.Trait
	Identifiers []event.Identifier
	Known       []event.NewProfile
	// LogOffset is what Offset answers.
	LogOffset uint64
}

var _ warehouse.Snapshot = (*World)(nil)

// Offset implements warehouse.Snapshot.
func (w *World) Offset() uint64 { return w.LogOffset }

// Profiles implements warehouse.Snapshot.
func (w *World) Profiles() uint32 { return uint32(len(w.Known)) }

// Close implements warehouse.Snapshot.
func (w *World) Close() {}

// Profile implements warehouse.Snapshot.
func (w *World) Profile(p event.ProfileID) warehouse.Profile {
	out := warehouse.Profile{FirstSeen: event.Never}
	lower := func(q event.ProfileID, t event.Time) {
		switch {
		case q != p:
		case t == event.Always:
			out.Untimed = true
		case t < out.FirstSeen:
			out.FirstSeen = t
		}
	}
	for _, k := range w.Known {
		if k.Profile == p {
			out.Known, out.Entity, out.Person = true, k.Entity, k.Person
			lower(p, k.Seen)
		}
	}
	for _, e := range w.Events {
		lower(e.Profile, e.Time)
	}
	for _, t := range w.Traits {
		lower(t.Profile, t.Time)
	}
	for _, c := range w.Consents {
		lower(c.Profile, c.Time)
	}
	return out
}

type row struct {
	profile event.ProfileID
	time    event.Time
	arrival uint64
	props   []event.Property
}

func (w *World) rows(kind warehouse.SeriesKind, name string) (out []row) {
	events, dated := w.Events, w.Traits
	switch kind {
	case warehouse.SystemEvents:
		events = w.System
	case warehouse.Traits, warehouse.Consents:
		if kind == warehouse.Consents {
			dated = w.Consents
		}
		for _, t := range dated {
			if t.Name == name {
				out = append(out, row{t.Profile, t.Time, t.Arrival, []event.Property{{Name: warehouse.ValueColumn, Value: t.Value}}})
			}
		}
		return
	case warehouse.Identifiers:
		for i, id := range w.Identifiers {
			if id.Kind == name {
				out = append(out, row{id.Profile, event.Always, uint64(i), []event.Property{{Name: warehouse.ValueColumn, Value: event.Text(id.Value)}}})
			}
		}
		return
	}
	for _, e := range events {
		if e.Name == name {
			props := append(slices.Clone(e.Props), event.Property{Name: warehouse.SourceColumn, Value: event.Text(e.Source)})
			out = append(out, row{e.Profile, e.Time, e.Arrival, props})
		}
	}
	return
}

// Series implements warehouse.Snapshot.
func (w *World) Series() []warehouse.SeriesInfo {
	type key struct {
		kind warehouse.SeriesKind
		name string
	}
	found := map[key]bool{}
	for _, e := range w.Events {
		found[key{warehouse.Events, e.Name}] = true
	}
	for _, e := range w.System {
		found[key{warehouse.SystemEvents, e.Name}] = true
	}
	for _, t := range w.Traits {
		found[key{warehouse.Traits, t.Name}] = true
	}
	for _, c := range w.Consents {
		found[key{warehouse.Consents, c.Name}] = true
	}
	for _, id := range w.Identifiers {
		found[key{warehouse.Identifiers, id.Kind}] = true
	}
	var out []warehouse.SeriesInfo
	for k := range found {
		rows := w.rows(k.kind, k.name)
		kinds := map[string]map[event.Kind]bool{}
		occurs := func(name string, kind event.Kind) {
			if kinds[name] == nil {
				kinds[name] = map[event.Kind]bool{}
			}
			kinds[name][kind] = true
		}
		for _, r := range rows {
			for _, p := range r.props {
				if p.Value.Present() {
					occurs(p.Name, p.Value.Kind())
					if k.kind == warehouse.Events || k.kind == warehouse.SystemEvents {
						warehouse.Elements(p.Name, p.Value, occurs)
					}
				}
			}
		}
		s := warehouse.SeriesInfo{Kind: k.kind, Name: k.name, Rows: uint64(len(rows))}
		for name, ks := range kinds {
			p := warehouse.PropertyInfo{Name: name}
			for kind := range ks {
				p.Kinds = append(p.Kinds, kind)
			}
			slices.Sort(p.Kinds)
			s.Properties = append(s.Properties, p)
		}
		sort.Slice(s.Properties, func(i, j int) bool { return s.Properties[i].Name < s.Properties[j].Name })
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Kind != out[j].Kind {
			return out[i].Kind < out[j].Kind
		}
		return out[i].Name < out[j].Name
	})
	return out
}

// dict numbers the texts of one property in order of first use.
type dict struct {
	texts []string
	codes map[string]uint32
}

func (d *dict) Text(code uint32) string         { return d.texts[code] }
func (d *dict) Code(text string) (uint32, bool) { c, ok := d.codes[text]; return c, ok }

// Dict implements warehouse.Snapshot. Texts of more than three characters whose length is odd are left out, so
// that tests meet inline texts as well.
func (w *World) Dict(property string) event.Dict {
	d := &dict{codes: map[string]uint32{}}
	for _, s := range w.Series() {
		for _, r := range w.rows(s.Kind, s.Name) {
			for _, p := range r.props {
				if t := p.Value.Text(); p.Name == property && p.Value.Kind() == event.TextKind && coded(t) {
					if _, ok := d.codes[t]; !ok {
						d.codes[t] = uint32(len(d.texts))
						d.texts = append(d.texts, t)
					}
				}
			}
		}
	}
	return d
}

func coded(t string) bool { return len(t) <= 3 || len(t)%2 == 0 }

// Texts implements warehouse.Snapshot.
func (w *World) Texts(property string, limit int) []string {
	d := w.Dict(property).(*dict)
	return d.texts[:min(limit, len(d.texts))]
}

// Reader implements warehouse.Snapshot.
func (w *World) Reader(req warehouse.Request) (warehouse.Reader, error) {
	r := &reader{w: w, req: req}
	for _, s := range req.Series {
		rows := w.rows(s.Kind, s.Name)
		slices.SortStableFunc(rows, func(a, b row) int {
			return cmp.Or(cmp.Compare(a.profile, b.profile), cmp.Compare(a.time, b.time), cmp.Compare(a.arrival, b.arrival))
		})
		r.rows = append(r.rows, rows)
		dicts := make([]event.Dict, len(s.Columns))
		for i, c := range s.Columns {
			dicts[i] = w.Dict(c)
		}
		r.dicts = append(r.dicts, dicts)
	}
	return r, nil
}

type reader struct {
	w     *World
	req   warehouse.Request
	rows  [][]row
	dicts [][]event.Dict
}

func (r *reader) Close() {}

func (r *reader) Blocks(first uint32, most int, into *warehouse.Block) error {
	r.fill(event.ProfileID(first*warehouse.BlockSize), warehouse.BlockSize*min(most, 2), into)
	return nil
}

func (r *reader) Profile(p event.ProfileID, into *warehouse.Block) error {
	r.fill(p, 1, into)
	return nil
}

func (r *reader) fill(first event.ProfileID, n int, b *warehouse.Block) {
	b.First, b.N = first, n
	b.Tables = make([]warehouse.Table, len(r.req.Series))
	for i, s := range r.req.Series {
		t := &b.Tables[i]
		var mine []row
		for c := 0; c < n; c++ {
			t.Start = append(t.Start, int32(len(mine)))
			for _, row := range r.rows[i] {
				if row.profile == first+event.ProfileID(c) {
					mine = append(mine, row)
					t.Owner = append(t.Owner, uint16(c))
					t.Times = append(t.Times, row.time)
					t.Arrivals = append(t.Arrivals, row.arrival)
				}
			}
		}
		t.Start = append(t.Start, int32(len(mine)))
		if len(mine) == 0 {
			t.Times = []event.Time{}
		}
		t.Columns = make([][]event.Column, len(s.Columns))
		for j, name := range s.Columns {
			t.Columns[j] = columns(mine, name, r.dicts[i][j])
		}
	}
}

// columns makes the typed columns of a property.
func columns(rows []row, name string, d event.Dict) []event.Column {
	var out []event.Column
	for k := event.BoolKind; k <= event.MapKind; k++ {
		c := event.Column{Kind: k, Len: len(rows), Has: event.NewBits(len(rows))}
		found, all := false, true
		scale := 0
		vals := make([]event.Value, len(rows))
		for i, r := range rows {
			for _, p := range r.props {
				if p.Name == name && p.Value.Kind() == k {
					vals[i] = p.Value
					found = true
					c.Has.Set(i)
					scale = max(scale, p.Value.Number().Scale())
				}
			}
			all = all && vals[i].Present()
		}
		if !found {
			continue
		}
		if all {
			c.Has = nil
		}
		switch k {
		case event.NumberKind:
			c.Scale, c.Ints = scale, make([]int64, len(rows))
			for i, v := range vals {
				n, ok := v.Number().Coefficient(scale)
				if !ok {
					c.Ints, c.Scale, c.Nums = nil, 0, make([]event.Number, len(rows))
					for j, v := range vals {
						c.Nums[j] = v.Number()
					}
					break
				}
				c.Ints[i] = n
			}
		case event.TextKind:
			c.Codes, c.Dict = make([]uint32, len(rows)), d
			for i, v := range vals {
				if code, ok := d.Code(v.Text()); ok {
					c.Codes[i] = code
				} else {
					c.Codes[i] = event.Inline | uint32(len(c.Inline))
					c.Inline = append(c.Inline, v.Text())
				}
			}
		case event.ListKind, event.MapKind:
			c.Values = vals
		default:
			c.Ints = make([]int64, len(rows))
			for i, v := range vals {
				switch {
				case k == event.BoolKind && v.Bool():
					c.Ints[i] = 1
				case k == event.TimeKind:
					c.Ints[i] = int64(v.Time())
				case k == event.DateKind:
					c.Ints[i] = int64(v.Date())
				}
			}
		}
		out = append(out, c)
	}
	return out
}
