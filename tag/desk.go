package tag

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/uptrace/bun"

	"tagma/event"
	"tagma/identity"
	"tagma/library"
	"tagma/rule"
	"tagma/rule/complete"
	"tagma/tagindex"
	"tagma/warehouse"
)

// Desk answers the questions of a process that stays, many and quickly: it keeps what is expensive to make, such as
// the compiled library, the names of customers, and how often values occur. It is safe for concurrent use.
type Desk struct {
	Deps
	// Since tells since when customers have their values.
	Since *Since

	library  library.Cache
	set      memo[*library.Set]
	computed memo[map[uint32]event.Time]
	labels   labels

	checking sync.Mutex
	rules    map[bool]*compiledAt // by whether other tags are read from the index

	gates gates // conditions of gates

	counting sync.Mutex
	counted  map[uint32]*Distribution
	figures  figures
}

// NewDesk returns a desk. since may be nil: then nobody knows since when values are held.
func NewDesk(d Deps, since *Since) *Desk {
	return &Desk{Deps: d, Since: since, rules: map[bool]*compiledAt{}, counted: map[uint32]*Distribution{}}
}

// Set returns the library as it is. Mostly that costs nothing, or one look-up.
func (d *Desk) Set(ctx context.Context) (*library.Set, error) {
	return d.set.get(d.DB.Writes(), func() (*library.Set, error) { return d.library.Load(ctx, d.DB.Read()) })
}

// memo is something read from the database, as it is until the next write.
type memo[T any] struct {
	mu     sync.Mutex
	value  T
	writes uint64 // when it was read
	known  bool
}

// get returns what is remembered when nothing was written since, and reads it otherwise.
func (m *memo[T]) get(writes uint64, read func() (T, error)) (T, error) {
	m.mu.Lock()
	value, fresh := m.value, m.known && m.writes == writes
	m.mu.Unlock()
	if fresh {
		return value, nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || m.writes <= writes {
		m.value, m.writes, m.known = value, writes, true
	}
	return value, nil
}

// compiledAt is a compiled library, and of what.
type compiledAt struct {
	*library.Compiled
	revision uint64
	names    int // the size of what the history knows
	used     int
}

// maxChecks is after how many texts a compiled library is made anew: it remembers the expressions of all of them.
const maxChecks = 500

// WithLibrary calls f with the compiled library, for one goroutine at a time: f may check texts with its Env. With
// published, such texts read other tags from the index; otherwise they mean their definitions.
func (d *Desk) WithLibrary(ctx context.Context, published bool, f func(*library.Compiled) error) error {
	set, err := d.Set(ctx)
	if err != nil {
		return err
	}
	snap, err := d.Store.Snapshot()
	if err != nil {
		return err
	}
	series := snap.Series()
	names := namesOf(snap)
	snap.Close()
	size := sizeOf(series)
	d.checking.Lock()
	defer d.checking.Unlock()
	c := d.rules[published]
	if c == nil || c.revision != set.Revision || c.names != size || c.used >= maxChecks {
		made, err := d.compile(ctx, set, library.CompileOptions{Names: names, Published: published, Lenient: true})
		if err != nil {
			return err
		}
		c = &compiledAt{Compiled: made, revision: set.Revision, names: size}
		d.rules[published] = c
	}
	c.used++
	return f(c.Compiled)
}

// Complete says what may come at a cursor, a byte offset in the text of a rule, with real values. See CompleteRule.
func (d *Desk) Complete(ctx context.Context, text string, cursor int) (out complete.Result, err error) {
	err = d.WithLibrary(ctx, true, func(c *library.Compiled) error {
		snap, err := d.Store.Snapshot()
		if err != nil {
			return err
		}
		defer snap.Close()
		v := &values{snap: snap, compiled: c, view: d.Index.View()}
		out = complete.At(text, cursor, c.Env, v.of)
		return v.err
	})
	return
}

// sizeOf counts the names and kinds of a history. They only become more.
func sizeOf(series []warehouse.SeriesInfo) (n int) {
	for _, s := range series {
		n += 1 + len(s.Properties)
		for _, p := range s.Properties {
			n += len(p.Kinds)
		}
	}
	return n
}

// labels remembers by which identifiers customers are shown, block by block.
type labels struct {
	mu     sync.Mutex
	rows   uint64 // of identifiers in all, when the blocks were read
	offset uint64
	blocks map[uint32][]string
}

// maxLabels is the number of blocks of 256 customers whose names are remembered, about 8 KB each.
const maxLabels = 1024

// Labels returns the identifiers by which customers are shown, as kind:value, in their order. idKinds are the kinds in
// the order in which they count.
func (d *Desk) Labels(idKinds []string, customers []event.ProfileID) ([]string, error) {
	out := make([]string, len(customers))
	if len(customers) == 0 {
		return out, nil
	}
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	l := &d.labels
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.offset != snap.Offset() || l.blocks == nil {
		rows := uint64(0)
		for _, s := range snap.Series() {
			if s.Kind == warehouse.Identifiers {
				rows += s.Rows
			}
		}
		if rows != l.rows || l.blocks == nil {
			l.blocks = map[uint32][]string{}
		}
		l.rows, l.offset = rows, snap.Offset()
	}
	var reader warehouse.Reader
	var block warehouse.Block
	for i, c := range customers {
		number := uint32(c) / warehouse.BlockSize
		names, ok := l.blocks[number]
		if !ok {
			if reader == nil {
				var req warehouse.Request
				for _, k := range idKinds {
					req.Series = append(req.Series, warehouse.SeriesRequest{Kind: warehouse.Identifiers, Name: k, Columns: []string{warehouse.ValueColumn}})
				}
				if reader, err = snap.Reader(req); err != nil {
					return nil, err
				}
				defer reader.Close()
			}
			if err := reader.Blocks(number, 1, &block); err != nil {
				return nil, err
			}
			names = make([]string, block.N)
			for k := range names {
				names[k] = labelIn(&block, idKinds, k)
			}
			if len(l.blocks) >= maxLabels {
				clear(l.blocks)
			}
			l.blocks[number] = names
		}
		if at := int(uint32(c) % warehouse.BlockSize); at < len(names) {
			out[i] = names[at]
		}
		if out[i] == "" {
			out[i] = fmt.Sprintf("#%d", c)
		}
	}
	return out, nil
}

// labelIn is the smallest identifier of the first kind that the i-th profile of a block has, with its kind.
func labelIn(b *warehouse.Block, kinds []string, i int) string {
	for t := range b.Tables {
		one := warehouse.Block{First: b.First, N: b.N, Tables: b.Tables[t : t+1]}
		if v := nameIn(&one, i); v != "" {
			return identity.Key{Kind: kinds[t], Value: v}.String()
		}
	}
	return ""
}

// Member is a customer with the value that it has of a tag.
type Member struct {
	Customer event.ProfileID
	Value    event.Value
}

// MembersPage is a part of those who hold a tag, by the customers' numbers.
type MembersPage struct {
	Members []Member
	Total   int
	AsOf    event.Time // the instant that it was computed for; 0: never computed
	More    bool
}

// MembersPage returns members of a tag or segment from a customer on, at most limit, as last computed; with a value
// only those who hold it. It costs no more than the page. A value that the tag can never have, and nobody has, is
// Invalid.
func (d *Desk) MembersPage(ctx context.Context, ref library.Ref, value string, hasValue bool, from uint32, limit int) (*MembersPage, error) {
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	id, order, byHand, err := d.slot(set, ref)
	if err != nil {
		return nil, err
	}
	out := &MembersPage{}
	view := d.Index.View()
	computed, err := d.Computed(ctx)
	if err != nil {
		return nil, err
	}
	if out.AsOf = computed[id]; byHand {
		out.AsOf = d.Now()
	}
	d.fill(out, view, id, order, value, hasValue, from, limit)
	return out, d.sure(set, ref, value, hasValue, out.Total)
}

// sure refuses a value that a tag can never have, where nobody has it.
func (d *Desk) sure(set *library.Set, ref library.Ref, value string, hasValue bool, total int) error {
	t, ok := set.Tag(ref.Key)
	if !ok || ref.Kind != library.KindTag || !hasValue || total > 0 {
		return nil
	}
	return neverHas(d.Zone, t, value)
}

// slot finds an active tag or segment.
func (d *Desk) slot(set *library.Set, ref library.Ref) (id uint32, order *listOrder, byHand bool, err error) {
	q := MembersQuery{Key: ref.Key, Segment: ref.Kind == library.KindSegment}
	if id, err = slotOf(set, q); err != nil {
		return 0, nil, false, err
	}
	if t, ok := set.Tag(ref.Key); ok && !q.Segment {
		return id, orderOf(t), t.Kind == library.ByHand, nil
	}
	return id, nil, false, nil
}

// valueNamed finds the value of a content that is written so.
func (d *Desk) valueNamed(c *tagindex.Content, text string) (event.Value, bool) {
	if c.InSets() || c.Banded() {
		for _, v := range c.Values(0) {
			if v.Value.Format(d.Zone) == text {
				return v.Value, true
			}
		}
		return event.Value{}, false
	}
	var v event.Value
	switch c.Kind() {
	case event.NumberKind:
		n, err := event.ParseNumber(text)
		if err != nil {
			return v, false
		}
		v = event.Num(n)
	case event.TextKind:
		v = event.Text(text)
	case event.DateKind:
		day, err := event.ParseDate(text)
		if err != nil {
			return v, false
		}
		v = event.Civil(day)
	default: // times, and lists, whose elements are found by what is written
		values := c.Values(0)
		at := slices.IndexFunc(values, func(v tagindex.ValueCount) bool { return v.Value.Format(d.Zone) == text })
		if at < 0 {
			return v, false
		}
		v = values[at].Value
	}
	return v, true
}

// Distribution is how often the values of a tag are held.
type Distribution struct {
	Held   int // customers that have any
	Values []tagindex.ValueCount
	More   bool // there are other values
	// Of a tag of numbers, also of one with bands: the smallest, largest, mean and median; nil for others.
	Numbers *Numbers

	content *tagindex.Content
}

// Numbers describes many numbers.
type Numbers struct{ Min, Max, Mean, Median event.Number }

// maxValues is how many values of a tag are listed.
const maxValues = 200

// Values returns the distribution of a tag or segment in the index. It is counted once for each change of the tag.
func (d *Desk) Values(ctx context.Context, ref library.Ref) (*Distribution, error) {
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	id, _, _, err := d.slot(set, ref)
	if err != nil {
		return nil, err
	}
	view := d.Index.View()
	content := view.Content(id)
	d.counting.Lock()
	known := d.counted[id]
	d.counting.Unlock()
	if known != nil && known.content == content {
		return known, nil
	}
	out := &Distribution{Held: content.Present().Count(), Values: content.Values(maxValues + 1), content: content}
	if len(out.Values) > maxValues {
		out.Values, out.More = out.Values[:maxValues], true
	}
	out.Numbers = numbersOf(view, id, content)
	d.counting.Lock()
	defer d.counting.Unlock()
	d.counted[id] = out
	return out, nil
}

// numbersOf describes the numbers of a slot, nil when it has none.
func numbersOf(view *tagindex.View, id uint32, c *tagindex.Content) *Numbers {
	r := view.Reader()
	var all []event.Number
	var col event.Column
	sum := event.Int(0)
	last := uint32(1) << 31
	for who := range c.Present().All() {
		block := who / warehouse.BlockSize
		if block != last {
			last = block
			if r.Measure(id, block*warehouse.BlockSize, warehouse.BlockSize, &col); col.Kind != event.NumberKind {
				return nil
			}
		}
		if i := int(who % warehouse.BlockSize); col.Present(i) {
			n := col.Value(i).Number()
			all = append(all, n)
			if s, ok := sum.Add(n); ok {
				sum = s
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, event.Number.Cmp)
	out := &Numbers{Min: all[0], Max: all[len(all)-1], Median: all[len(all)/2]}
	if len(all)%2 == 0 {
		if s, ok := all[len(all)/2-1].Add(all[len(all)/2]); ok {
			if m, ok := s.Div(event.Int(2)); ok {
				out.Median = m
			}
		}
	}
	out.Mean, _ = sum.Div(event.Int(int64(len(all))))
	out.Mean, out.Median = out.Mean.Round(4), out.Median.Round(4)
	return out
}

// Held returns how many customers have a tag or are in a segment.
func (d *Desk) Held(slot uint32) int { return d.Index.View().Present(slot).Count() }

// Computed returns the instants that definitions were last computed for, by their numbers; those of tags assigned by
// hand are left out. What is decided live is of the instant that this has come to.
func (d *Desk) Computed(ctx context.Context) (map[uint32]event.Time, error) {
	runs, err := d.computed.get(d.DB.Writes(), func() (map[uint32]event.Time, error) { return readComputed(ctx, d.DB.Read()) })
	if err != nil || d.Live == nil {
		return runs, err
	}
	status := d.Live.Status()
	if !status.Ready {
		return runs, nil
	}
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	out := maps.Clone(runs)
	now := func(id uint32) {
		if at, known := out[id]; known {
			out[id] = max(at, status.AsOf)
		}
	}
	for t := range set.Tags() {
		if t.Refresh == library.Live && t.Kind == library.ByRule {
			now(t.ID)
		}
	}
	for s := range set.Segments() {
		now(s.ID)
	}
	return out, nil
}

func readComputed(ctx context.Context, idb bun.IDB) (map[uint32]event.Time, error) {
	rows, err := idb.QueryContext(ctx, "SELECT definition, as_of_ms FROM computed WHERE run > 0")
	if err != nil {
		return nil, fmt.Errorf("tag: read what was computed: %w", err)
	}
	defer rows.Close()
	out := map[uint32]event.Time{}
	for rows.Next() {
		var id uint32
		var at event.Time
		if err := rows.Scan(&id, &at); err != nil {
			return nil, fmt.Errorf("tag: read what was computed: %w", err)
		}
		out[id] = at
	}
	return out, rows.Err()
}

// ValueKind is the kind of the values of a tag, as its definition fixes it, or as the index has it.
func (d *Desk) ValueKind(t *library.Tag) event.Kind {
	if fixed := fixedValues(t); len(fixed) > 0 {
		if k := sameKind(fixed); k != event.Missing {
			return k
		}
	}
	if k := d.Index.View().Content(t.ID).Kind(); k != event.Missing {
		return k
	}
	return event.TextKind
}

// leafNode is the syntax tree of a leaf's text.
func leafNode(l rule.Leaf) rule.Node {
	src, faults := rule.Parse(l.Text)
	if len(faults) > 0 {
		return nil
	}
	return src.Root
}
