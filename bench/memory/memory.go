// Package memory keeps a generated world as plain columns in memory and gives it as a warehouse snapshot. Rules
// run on it as on the product's history, but reading costs nothing: the difference between the two is what the
// history's encoding and its disk cost.
package memory

import (
	"errors"
	"slices"
	"sort"

	"tagma/bench/gen"
	"tagma/event"
	"tagma/warehouse"
)

// Snapshot is a whole world; it implements warehouse.Snapshot.
type Snapshot struct {
	customers uint32
	firstSeen []event.Time
	series    map[key]*series
	dicts     map[string]*dict
}

type key struct {
	kind warehouse.SeriesKind
	name string
}

// series holds the tables of a series by block.
type series struct {
	rows   uint64
	kinds  map[string]map[event.Kind]bool
	tables []*table
}

type table struct {
	start    []int32
	owner    []uint16
	times    []event.Time
	arrivals []uint64
	columns  map[string]event.Column
}

// row is a record on its way into a table.
type row struct {
	owner   uint16
	time    event.Time
	arrival uint64
	props   []event.Property
}

type dict struct {
	texts []string
	codes map[string]uint32
}

func (d *dict) Text(code uint32) string { return d.texts[code] }

func (d *dict) Code(text string) (uint32, bool) {
	c, ok := d.codes[text]
	return c, ok
}

func (d *dict) add(text string) uint32 {
	c, ok := d.codes[text]
	if !ok {
		c = uint32(len(d.texts))
		d.texts = append(d.texts, text)
		d.codes[text] = c
	}
	return c
}

// New makes all of a world's columns. Unique texts, as order numbers are, stand in the dictionary, too.
func New(w *gen.World) (*Snapshot, error) {
	s := &Snapshot{customers: uint32(w.Customers), series: map[key]*series{}, dicts: map[string]*dict{}}
	s.firstSeen = make([]event.Time, w.Customers)
	open := map[key][]row{} // the rows of the block that is being filled
	block := 0
	seal := func() {
		for k, rows := range open {
			s.seal(k, block, rows)
			open[k] = rows[:0]
		}
	}
	add := func(kind warehouse.SeriesKind, name string, p event.ProfileID, r row) {
		if b := int(p) / warehouse.BlockSize; b != block {
			seal()
			block = b
		}
		r.owner = uint16(p % warehouse.BlockSize)
		open[key{kind, name}] = append(open[key{kind, name}], r)
		s.firstSeen[p] = min(s.firstSeen[p], r.time)
	}
	for p := range s.firstSeen {
		s.firstSeen[p] = event.Never
	}
	if err := w.EachCustomer(func(c *gen.Customer) error {
		for _, t := range c.Traits {
			add(warehouse.Traits, t.Name, c.Number, row{time: t.Time, props: []event.Property{{Name: warehouse.ValueColumn, Value: t.Value}}})
		}
		return nil
	}); err != nil {
		return nil, err
	}
	seal()
	block = 0
	if err := w.EachEvent(gen.ByBlock, func(e *event.Event) error {
		add(warehouse.Events, e.Name, e.Profile, row{time: e.Time, arrival: e.Arrival, props: slices.Clone(e.Props)})
		return nil
	}); err != nil {
		return nil, err
	}
	seal()
	return s, nil
}

// seal makes a block's table of the rows, which come in order of time and arrival.
func (s *Snapshot) seal(k key, block int, rows []row) {
	se := s.series[k]
	if se == nil {
		se = &series{kinds: map[string]map[event.Kind]bool{}, tables: make([]*table, (int(s.customers)+warehouse.BlockSize-1)/warehouse.BlockSize)}
		s.series[k] = se
	}
	if len(rows) == 0 {
		return
	}
	se.rows += uint64(len(rows))
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].owner < rows[j].owner })
	t := &table{start: make([]int32, warehouse.BlockSize+1), columns: map[string]event.Column{}}
	for i, r := range rows {
		t.start[r.owner+1]++
		t.owner, t.times, t.arrivals = append(t.owner, r.owner), append(t.times, r.time), append(t.arrivals, r.arrival)
		for _, p := range r.props {
			s.put(t, p, i, len(rows))
			if se.kinds[p.Name] == nil {
				se.kinds[p.Name] = map[event.Kind]bool{}
			}
			se.kinds[p.Name][p.Value.Kind()] = true
		}
	}
	for i := 1; i < len(t.start); i++ {
		t.start[i] += t.start[i-1]
	}
	for name, c := range t.columns {
		if c.Has.Count() == c.Len {
			c.Has = nil
			t.columns[name] = c
		}
	}
	se.tables[block] = t
}

// put writes one value; the properties of generated worlds have one kind each.
func (s *Snapshot) put(t *table, p event.Property, i, n int) {
	c, ok := t.columns[p.Name]
	kind := p.Value.Kind()
	if !ok {
		c = event.Column{Kind: kind, Len: n, Has: event.NewBits(n)}
		switch kind {
		case event.TextKind:
			c.Codes, c.Dict = make([]uint32, n), s.dict(p.Name)
		case event.ListKind:
			c.Values = make([]event.Value, n)
		default:
			c.Ints, c.Scale = make([]int64, n), p.Value.Number().Scale()
		}
		t.columns[p.Name] = c
	}
	c.Has.Set(i)
	switch kind {
	case event.BoolKind:
		if p.Value.Bool() {
			c.Ints[i] = 1
		}
	case event.NumberKind:
		c.Ints[i], _ = p.Value.Number().Coefficient(c.Scale)
	case event.TextKind:
		c.Codes[i] = s.dict(p.Name).add(p.Value.Text())
	case event.TimeKind:
		c.Ints[i] = int64(p.Value.Time())
	case event.DateKind:
		c.Ints[i] = int64(p.Value.Date())
	case event.ListKind:
		c.Values[i] = p.Value
	}
}

func (s *Snapshot) dict(name string) *dict {
	d := s.dicts[name]
	if d == nil {
		d = &dict{codes: map[string]uint32{}}
		s.dicts[name] = d
	}
	return d
}

// Offset is 0: there is no log.
func (s *Snapshot) Offset() uint64 { return 0 }

// Profiles is the number of customers.
func (s *Snapshot) Profiles() uint32 { return s.customers }

// Profile says that every customer is a person.
func (s *Snapshot) Profile(p event.ProfileID) warehouse.Profile {
	if uint32(p) >= s.customers {
		return warehouse.Profile{}
	}
	return warehouse.Profile{Known: true, Person: true, FirstSeen: s.firstSeen[p]}
}

// Series lists the types of events and the traits.
func (s *Snapshot) Series() []warehouse.SeriesInfo {
	var out []warehouse.SeriesInfo
	for k, se := range s.series {
		info := warehouse.SeriesInfo{Kind: k.kind, Name: k.name, Rows: se.rows}
		for name, kinds := range se.kinds {
			p := warehouse.PropertyInfo{Name: name}
			for kind := range kinds {
				p.Kinds = append(p.Kinds, kind)
			}
			slices.Sort(p.Kinds)
			info.Properties = append(info.Properties, p)
		}
		sort.Slice(info.Properties, func(i, j int) bool { return info.Properties[i].Name < info.Properties[j].Name })
		out = append(out, info)
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Kind < out[j].Kind || out[i].Kind == out[j].Kind && out[i].Name < out[j].Name
	})
	return out
}

// Dict returns the dictionary of a property.
func (s *Snapshot) Dict(property string) event.Dict {
	if d := s.dicts[property]; d != nil {
		return d
	}
	return &dict{}
}

// Texts returns the first texts of a property.
func (s *Snapshot) Texts(property string, limit int) []string {
	if d := s.dicts[property]; d != nil {
		return d.texts[:min(limit, len(d.texts))]
	}
	return nil
}

// Reader gives whole tables, whatever the request's times are.
func (s *Snapshot) Reader(r warehouse.Request) (warehouse.Reader, error) {
	return &reader{s: s, request: r, columns: make([][][]event.Column, len(r.Series))}, nil
}

// Close does nothing.
func (s *Snapshot) Close() {}

type reader struct {
	s       *Snapshot
	request warehouse.Request
	columns [][][]event.Column
}

var nobody = make([]int32, warehouse.BlockSize+1)

func (r *reader) Blocks(number uint32, _ int, into *warehouse.Block) error {
	first := number * warehouse.BlockSize
	into.First, into.N = event.ProfileID(first), int(min(warehouse.BlockSize, r.s.customers-first))
	into.Tables = into.Tables[:0]
	for i, want := range r.request.Series {
		var t *table
		if se := r.s.series[key{want.Kind, want.Name}]; se != nil {
			t = se.tables[number]
		}
		if r.columns[i] == nil {
			r.columns[i] = make([][]event.Column, len(want.Columns))
		}
		out := warehouse.Table{Start: nobody[:into.N+1], Columns: r.columns[i]}
		for j, name := range want.Columns {
			out.Columns[j] = out.Columns[j][:0]
			if t != nil {
				if c, ok := t.columns[name]; ok {
					out.Columns[j] = append(out.Columns[j], c)
				}
			}
		}
		if t != nil {
			out.Start, out.Owner, out.Times, out.Arrivals = t.start[:into.N+1], t.owner, t.times, t.arrivals
		}
		into.Tables = append(into.Tables, out)
	}
	return nil
}

func (r *reader) Profile(event.ProfileID, *warehouse.Block) error {
	return errors.New("memory: one profile is not read")
}

func (r *reader) Close() {}
