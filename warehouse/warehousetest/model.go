package warehousetest

import (
	"cmp"
	"fmt"
	"slices"

	"tagma/event"
	"tagma/warehouse"
)

// model is the history kept the plain way: every row in a list.
type model struct {
	offset   uint64
	rows     map[name][]row
	profiles map[event.ProfileID]warehouse.Profile
	named    map[event.ProfileID]bool
	count    uint32
	seen     map[warehouse.SeenKey][]byte
	sequence int
}

type name struct {
	kind warehouse.SeriesKind
	name string
}

type row struct {
	profile  event.ProfileID
	time     event.Time
	arrival  uint64
	sequence int
	values   map[string]event.Value
}

func newModel() *model {
	return &model{
		rows:     map[name][]row{},
		profiles: map[event.ProfileID]warehouse.Profile{},
		named:    map[event.ProfileID]bool{},
		seen:     map[warehouse.SeenKey][]byte{},
	}
}

// copied is a model that later changes do not reach. Rows are only ever appended.
func (m *model) copied() *model {
	c := newModel()
	c.offset, c.count, c.sequence = m.offset, m.count, m.sequence
	for n, rows := range m.rows {
		c.rows[n] = slices.Clip(rows)
	}
	for p, x := range m.profiles {
		c.profiles[p] = x
	}
	for p := range m.named {
		c.named[p] = true
	}
	for k, v := range m.seen {
		c.seen[k] = v
	}
	return c
}

func (m *model) touch(p event.ProfileID, t event.Time) warehouse.Profile {
	x, ok := m.profiles[p]
	if !ok {
		x.FirstSeen = event.Never
	}
	x.Known = true
	if t == event.Always {
		x.Untimed = true
	} else {
		x.FirstSeen = min(x.FirstSeen, t)
	}
	m.profiles[p] = x
	m.count = max(m.count, uint32(p)+1)
	return x
}

func (m *model) add(n name, p event.ProfileID, t event.Time, arrival uint64, values map[string]event.Value) {
	m.touch(p, t)
	m.sequence++
	m.rows[n] = append(m.rows[n], row{p, t, arrival, m.sequence, values})
}

// apply adds a batch's records, whatever its offset.
func (m *model) apply(b *warehouse.Batch) {
	for _, n := range b.Profiles {
		x := m.touch(n.Profile, n.Seen)
		if !m.named[n.Profile] {
			m.named[n.Profile] = true
			x.Entity = n.Entity
		}
		x.Person = x.Person || n.Person
		m.profiles[n.Profile] = x
	}
	for _, i := range b.Identifiers {
		m.touch(i.Profile, event.Never)
		m.sequence++
		n := name{warehouse.Identifiers, i.Kind}
		m.rows[n] = append(m.rows[n], row{i.Profile, event.Always, 0, m.sequence, map[string]event.Value{warehouse.ValueColumn: event.Text(i.Value)}})
	}
	events := func(kind warehouse.SeriesKind, list []event.Event) {
		for _, e := range list {
			values := map[string]event.Value{}
			for _, p := range e.Props {
				values[p.Name] = p.Value
			}
			if e.Source != "" {
				values[warehouse.SourceColumn] = event.Text(e.Source)
			}
			m.add(name{kind, e.Name}, e.Profile, e.Time, e.Arrival, values)
		}
	}
	events(warehouse.Events, b.Events)
	events(warehouse.SystemEvents, b.System)
	dated := func(kind warehouse.SeriesKind, list []event.Trait) {
		for _, t := range list {
			values := map[string]event.Value{}
			if t.Value.Present() {
				values[warehouse.ValueColumn] = t.Value
			}
			m.add(name{kind, t.Name}, t.Profile, t.Time, t.Arrival, values)
		}
	}
	dated(warehouse.Traits, b.Traits)
	dated(warehouse.Consents, b.Consents)
	for _, s := range b.Seen {
		m.seen[s.Key] = append([]byte{}, s.Value...)
	}
}

// table is the rows of a series that belong to profiles from … from+n-1, in order.
func (m *model) table(n name, from event.ProfileID, count int) []row {
	var out []row
	for _, r := range m.rows[n] {
		if r.profile >= from && uint64(r.profile) < uint64(from)+uint64(count) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.profile, b.profile), cmp.Compare(a.time, b.time), cmp.Compare(a.arrival, b.arrival), a.sequence-b.sequence)
	})
	return out
}

// blocks are the blocks with rows, and one without.
func (m *model) blocks() []uint32 {
	set := map[uint32]bool{1000: true}
	for _, rows := range m.rows {
		for _, r := range rows {
			set[uint32(r.profile)/warehouse.BlockSize] = true
		}
	}
	var out []uint32
	for b := range set {
		out = append(out, b)
	}
	slices.Sort(out)
	return out
}

func (m *model) series() []name {
	var out []name
	for n := range m.rows {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b name) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name)) })
	return out
}

// columns are the names of the columns that a series' rows have.
func (m *model) columns(n name) []string {
	set := map[string]bool{}
	for _, r := range m.rows[n] {
		for c := range r.values {
			set[c] = true
		}
	}
	var out []string
	for c := range set {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// elements are the names and kinds of what the lists of a series hold.
func (m *model) elements(n name) map[string]map[event.Kind]bool {
	out := map[string]map[event.Kind]bool{}
	if n.kind != warehouse.Events && n.kind != warehouse.SystemEvents {
		return out
	}
	var note func(name string, v event.Value)
	note = func(name string, v event.Value) {
		if v.Kind() != event.MapKind {
			if out[name] == nil {
				out[name] = map[event.Kind]bool{}
			}
			out[name][v.Kind()] = true
			return
		}
		for _, p := range v.Map() {
			note(name+"."+p.Name, p.Value)
		}
	}
	for _, r := range m.rows[n] {
		for property, v := range r.values {
			for _, e := range v.List() {
				note(property+"[]", e)
			}
		}
	}
	return out
}

// info is what Series must say.
func (m *model) info() []warehouse.SeriesInfo {
	var out []warehouse.SeriesInfo
	for _, n := range m.series() {
		info := warehouse.SeriesInfo{Kind: n.kind, Name: n.name, Rows: uint64(len(m.rows[n]))}
		for _, c := range m.columns(n) {
			if c == warehouse.SourceColumn || n.kind == warehouse.Identifiers {
				continue
			}
			p := warehouse.PropertyInfo{Name: c}
			for k := event.BoolKind; k <= event.MapKind; k++ {
				for _, r := range m.rows[n] {
					if r.values[c].Kind() == k {
						p.Kinds = append(p.Kinds, k)
						break
					}
				}
			}
			info.Properties = append(info.Properties, p)
		}
		for name, kinds := range m.elements(n) {
			p := warehouse.PropertyInfo{Name: name}
			for k := range kinds {
				p.Kinds = append(p.Kinds, k)
			}
			slices.Sort(p.Kinds)
			info.Properties = append(info.Properties, p)
		}
		slices.SortFunc(info.Properties, func(a, b warehouse.PropertyInfo) int { return cmp.Compare(a.Name, b.Name) })
		out = append(out, info)
	}
	return out
}

// check compares a snapshot with the model, all of it.
func (m *model) check(snap warehouse.Snapshot) error {
	if got := snap.Offset(); got != m.offset {
		return fmt.Errorf("offset %d, want %d", got, m.offset)
	}
	if got := snap.Profiles(); got != m.count {
		return fmt.Errorf("%d profiles, want %d", got, m.count)
	}
	for p := range event.ProfileID(m.count + 3) {
		want, ok := m.profiles[p]
		if !ok {
			want.FirstSeen = event.Never
		}
		if got := snap.Profile(p); got != want {
			return fmt.Errorf("profile %d is %+v, want %+v", p, got, want)
		}
	}
	if got, want := fmt.Sprintf("%v", snap.Series()), fmt.Sprintf("%v", m.info()); got != want {
		return fmt.Errorf("series %s\nwant   %s", got, want)
	}
	req := warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: warehouse.Events, Name: "never was", Columns: []string{"x"}}}}
	for _, n := range m.series() {
		columns := append(m.columns(n), "absent everywhere")
		for element := range m.elements(n) {
			columns = append(columns, element) // a name without a column
		}
		req.Series = append(req.Series, warehouse.SeriesRequest{Kind: n.kind, Name: n.name, Columns: columns, Arrivals: true})
	}
	reader, err := snap.Reader(req)
	if err != nil {
		return err
	}
	defer reader.Close()
	var block warehouse.Block
	for _, b := range m.blocks() {
		for _, most := range []int{1, 2, warehouse.MaxBlocks} {
			from := b - min(b, uint32(most)-1) // the block as the last of them
			if err := reader.Blocks(from, most, &block); err != nil {
				return err
			}
			if block.N%warehouse.BlockSize != 0 || block.N < warehouse.BlockSize || block.N > most*warehouse.BlockSize {
				return fmt.Errorf("%d blocks from %d are %d profiles", most, from, block.N)
			}
			if err := m.checkBlock(&block, req, event.ProfileID(from*warehouse.BlockSize), block.N); err != nil {
				return fmt.Errorf("%d blocks from %d: %w", most, from, err)
			}
		}
	}
	tried := 0
	for p := range m.profiles {
		if tried++; tried > 20 {
			break // they are tried in another order each time
		}
		if err := reader.Profile(p, &block); err != nil {
			return err
		}
		if err := m.checkBlock(&block, req, p, 1); err != nil {
			return fmt.Errorf("profile %d: %w", p, err)
		}
	}
	return nil
}

func (m *model) checkBlock(block *warehouse.Block, req warehouse.Request, first event.ProfileID, n int) error {
	if block.First != first || block.N != n || len(block.Tables) != len(req.Series) {
		return fmt.Errorf("first %d, %d profiles, %d tables", block.First, block.N, len(block.Tables))
	}
	for i := range block.Tables {
		s := req.Series[i]
		want := m.table(name{s.Kind, s.Name}, first, n)
		if err := checkTable(&block.Tables[i], s, want, first, n); err != nil {
			return fmt.Errorf("series %d %q: %w", s.Kind, s.Name, err)
		}
	}
	return nil
}

func checkTable(t *warehouse.Table, s warehouse.SeriesRequest, want []row, first event.ProfileID, n int) error {
	if t.Rows() != len(want) || len(t.Owner) != len(want) || len(t.Start) != n+1 || s.Arrivals && len(t.Arrivals) != len(want) {
		return fmt.Errorf("%d rows, %d owners, %d starts, %d arrivals, want %d rows", t.Rows(), len(t.Owner), len(t.Start), len(t.Arrivals), len(want))
	}
	if len(t.Columns) != len(s.Columns) {
		return fmt.Errorf("%d columns, want %d", len(t.Columns), len(s.Columns))
	}
	next := 0
	for p := range n {
		if int(t.Start[p]) != next {
			return fmt.Errorf("the rows of profile %d start at %d, want %d", p, t.Start[p], next)
		}
		for next < len(want) && want[next].profile == first+event.ProfileID(p) {
			next++
		}
	}
	if int(t.Start[n]) != len(want) {
		return fmt.Errorf("the rows end at %d, want %d", t.Start[n], len(want))
	}
	for i, w := range want {
		if t.Times[i] != w.time || event.ProfileID(t.Owner[i]) != w.profile-first || s.Arrivals && t.Arrivals[i] != w.arrival {
			return fmt.Errorf("row %d is (%d, %v, %d), want (%d, %v, %d)", i, t.Owner[i], t.Times[i], t.Arrivals[i], w.profile-first, w.time, w.arrival)
		}
		for c, column := range s.Columns {
			got, err := cell(t.Columns[c], i)
			if err != nil {
				return fmt.Errorf("column %q, row %d: %w", column, i, err)
			}
			if v := w.values[column]; v.Present() != got.Present() || v.Present() && !got.Equal(v) {
				return fmt.Errorf("column %q, row %d is %v, want %v", column, i, got, v)
			}
		}
	}
	return nil
}

// cell is the value of a row, of whatever kind.
func cell(columns []event.Column, i int) (v event.Value, err error) {
	for k := range columns {
		c := &columns[k]
		if k > 0 && c.Kind <= columns[k-1].Kind {
			return v, fmt.Errorf("kinds are not ascending")
		}
		if !c.Present(i) {
			continue
		}
		if v.Present() {
			return v, fmt.Errorf("it has values of two kinds, %v and %v", v, c.Value(i))
		}
		v = c.Value(i)
		if v.Kind() != c.Kind {
			return v, fmt.Errorf("a %v stands in a column of kind %v", v.Kind(), c.Kind)
		}
		if c.Kind != event.TextKind {
			continue
		}
		// A text with a code is always given as its code: rules compare codes.
		if code, ok := c.Dict.Code(c.Text(i)); ok != (c.Codes[i]&event.Inline == 0) || ok && code != c.Codes[i] {
			return v, fmt.Errorf("the text %q stands as %x, its code is %x (%v)", c.Text(i), c.Codes[i], code, ok)
		}
	}
	return v, nil
}
