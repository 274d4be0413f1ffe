package tag

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/uptrace/bun"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
	"tagma/warehouse"
)

// decision is what a customer has of a tag from now on.
type decision struct {
	customer uint32
	value    event.Value  // the band, where the tag has bands; of a tag with several values a list
	number   *event.Value // the measure of a tag with bands; nil: as it was
	lapse    event.Value  // see lapseSlot
}

// decider decides tags for some customers between runs, with the parameters of each tag's last run.
type decider struct {
	Deps
	idb      bun.IDB
	snap     warehouse.Snapshot
	set      *library.Set
	subjects map[uint32]*subject
}

// newDecider compiles the library. Close its snapshot.
func (d Deps) newDecider(idb bun.IDB, set *library.Set) (*decider, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	c, err := library.Compile(set, library.CompileOptions{Names: namesOf(snap), Zone: d.Zone, Lenient: true,
		Pinned: func(uint32) bool { return true }}) // what is decided by hand may be just being written
	if err != nil {
		snap.Close()
		return nil, err
	}
	out := &decider{Deps: d, idb: idb, snap: snap, set: set, subjects: map[uint32]*subject{}}
	for _, s := range subjects(c) {
		if !s.segment {
			out.subjects[s.id] = s
		}
	}
	return out, nil
}

// fewCustomers is the number of customers up to which each is read for itself, and not the whole history.
const fewCustomers = 200

// decide decides a tag by rule for some customers at an instant. before is what was decided by hand about the tag
// while the index became what it is, after what holds from now on.
func (x *decider) decide(ctx context.Context, s *subject, who []uint32, at event.Time, before, after *pins) ([]decision, error) {
	run := rule.Run{Snapshot: x.snap, Now: at, Zone: x.Zone}
	var err error
	if run.Params, err = x.lastParams(ctx, s.id); err != nil {
		return nil, err
	}
	b := beside{set: x.set, idb: x.idb, rows: true, pinned: map[uint32]*pins{s.id: after}, before: map[uint32]*pins{s.id: before}}
	roots := s.roots()
	shape := s.shape()
	var mu sync.Mutex
	var out []decision
	take := func(res *rule.Result, i int, lapse event.Value) { // one at a time
		one := decision{customer: uint32(res.First) + uint32(i), value: s.valueIn(res, i, &shape, x.Zone), lapse: lapse}
		if s.number != nil {
			n := res.Value(s.number, i)
			one.number = &n
		}
		out = append(out, one)
	}
	if len(who) <= fewCustomers {
		for _, c := range who {
			id := event.ProfileID(c)
			b.customer = nil
			if !rule.UsesPopulation(s.value) {
				b.customer = &id
			}
			keepers, err := x.prepare(ctx, &run, []*subject{s}, b)
			if err != nil {
				return nil, err
			}
			if err := run.One(id, roots, func(res *rule.Result) error {
				lapse := event.Value{}
				s.eachLapse(res, keepers, &shape, func(_ int, v event.Value) { lapse = v })
				take(res, 0, lapse)
				return nil
			}); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	keepers, err := x.prepare(ctx, &run, []*subject{s}, b)
	if err != nil {
		return nil, err
	}
	wanted := roaring.BitmapOf(who...)
	err = run.Blocks(ctx, roots, func(res *rule.Result) error {
		mu.Lock()
		defer mu.Unlock()
		lapsed := map[int]event.Value{}
		s.eachLapse(res, keepers, &shape, func(i int, v event.Value) { lapsed[i] = v })
		for i := range res.N {
			if wanted.Contains(uint32(res.First) + uint32(i)) {
				take(res, i, lapsed[i])
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b decision) int { return int(int64(a.customer) - int64(b.customer)) })
	return out, err
}

// lastParams returns the parameters of a tag's last run; none when it was never computed.
func (x *decider) lastParams(ctx context.Context, id uint32) (rule.Params, error) {
	row, ok, err := computedOf(ctx, x.idb, id)
	if err != nil || !ok || row.Run == 0 {
		return rule.Params{}, err
	}
	return runParams(ctx, x.idb, row.Run)
}

// runParams returns the parameters that a run recorded.
func runParams(ctx context.Context, idb bun.IDB, number uint64) (rule.Params, error) {
	var row runRow
	if err := idb.NewSelect().Model(&row).Where("id = ?", number).Scan(ctx); err != nil {
		return nil, fmt.Errorf("tag: read run %d: %w", number, err)
	}
	texts := map[string][]string{}
	if err := json.Unmarshal([]byte(row.Parameters), &texts); err != nil {
		return nil, fmt.Errorf("tag: read the parameters of run %d: %w", number, err)
	}
	return paramsOf(texts)
}

// exists says whether a customer is there at an instant, for rules.
func exists(snap warehouse.Snapshot, id event.ProfileID, at event.Time) bool {
	if uint32(id) >= snap.Profiles() {
		return false
	}
	p := snap.Profile(id)
	return p.Known && p.Person && (p.Untimed || p.FirstSeen <= at)
}

// manySets is the number of values from which on a change of texts names just the customers and what they have.
const manySets = 512

// changeOf returns the change that brings a slot of this shape to what was decided, nil when there is none. Where the
// index still has the slot in another shape, because the definition was edited and not yet computed, there is none
// either: the next run brings it.
func changeOf(view *tagindex.View, slot uint32, shape *tagindex.Shape, list []decision) *tagindex.Change {
	c := view.Content(slot)
	banded := shape.Bands != nil
	other := c.Kind() != event.Missing && (c.Kind() != shape.Kind || c.Multi() != shape.Multi || c.Banded() != banded)
	if other && c.Present().Count() > 0 {
		return nil
	}
	m := moveMaker{ch: tagindex.Change{Slot: slot, Multi: shape.Multi, Banded: banded}, bySet: map[string]int{}}
	sets := shape.Kind == event.TextKind || shape.Kind == event.BoolKind || banded
	for _, one := range list {
		old := view.Value(slot, one.customer)
		if banded && one.number != nil {
			measured := event.Value{}
			if c.Banded() {
				measured = view.Measure(slot, one.customer)
			}
			m.column(one.customer, measured, *one.number)
		}
		if old.Compare(one.value) == 0 {
			continue
		}
		switch {
		case shape.Multi:
			for _, v := range old.List() {
				if !slices.ContainsFunc(one.value.List(), v.Equal) {
					m.leave(v, one.customer)
				}
			}
			for _, v := range one.value.List() {
				if !slices.ContainsFunc(old.List(), v.Equal) {
					m.enter(v, one.customer)
				}
			}
		case sets:
			m.leave(old, one.customer)
			m.enter(one.value, one.customer)
		default:
			m.column(one.customer, old, one.value)
		}
	}
	ch := m.change(banded, shape)
	if ch != nil {
		ch.Clear = other // nobody holds anything there
	}
	return ch
}

// moveMaker gathers who enters and leaves.
type moveMaker struct {
	ch        tagindex.Change
	sets      []tagindex.SetChange
	bySet     map[string]int
	customers *roaring.Bitmap
	values    []event.Value
	cleared   *roaring.Bitmap
}

func (m *moveMaker) set(v event.Value) *tagindex.SetChange {
	key := v.Key()
	at, ok := m.bySet[key]
	if !ok {
		at = len(m.sets)
		m.bySet[key] = at
		m.sets = append(m.sets, tagindex.SetChange{Value: v})
	}
	return &m.sets[at]
}

func put(b **roaring.Bitmap, customer uint32) {
	if *b == nil {
		*b = roaring.New()
	}
	(*b).Add(customer)
}

func (m *moveMaker) enter(v event.Value, customer uint32) {
	if v.Present() {
		put(&m.set(v).Entered, customer)
	}
}

func (m *moveMaker) leave(v event.Value, customer uint32) {
	if v.Present() {
		put(&m.set(v).Left, customer)
	}
}

// column moves a value of the column. Customers come in ascending order.
func (m *moveMaker) column(customer uint32, old, v event.Value) {
	switch {
	case old.Compare(v) == 0:
	case !v.Present():
		put(&m.cleared, customer)
	default:
		put(&m.customers, customer)
		m.values = append(m.values, v)
	}
}

func (m *moveMaker) change(banded bool, shape *tagindex.Shape) *tagindex.Change {
	switch {
	case banded:
		m.ch.Bands = m.sets
	case len(m.sets) > manySets && !shape.Multi:
		m.asColumn()
	default:
		m.ch.Sets = m.sets
	}
	if m.customers != nil || m.cleared != nil {
		m.ch.Column = &tagindex.ColumnChange{Customers: m.customers, Values: tagindex.ColumnOf(m.values...), Cleared: m.cleared}
		if m.ch.Column.Customers == nil {
			m.ch.Column.Values = event.Column{Kind: shape.Kind}
		}
	}
	if m.ch.Empty() {
		return nil
	}
	return &m.ch
}

// asColumn turns sets, one value a customer, into a column.
func (m *moveMaker) asColumn() {
	type has struct {
		customer uint32
		value    event.Value
	}
	var all []has
	left := roaring.New()
	for _, s := range m.sets {
		if s.Entered != nil {
			for it := s.Entered.Iterator(); it.HasNext(); {
				all = append(all, has{it.Next(), s.Value})
			}
		}
		if s.Left != nil {
			left.Or(s.Left)
		}
	}
	slices.SortFunc(all, func(a, b has) int { return int(int64(a.customer) - int64(b.customer)) })
	m.customers = roaring.New()
	for _, h := range all {
		m.customers.Add(h.customer)
		m.values = append(m.values, h.value)
	}
	left.AndNot(m.customers)
	if !left.IsEmpty() {
		m.cleared = left
	}
	if m.customers.IsEmpty() {
		m.customers = nil
	}
	m.sets = nil
}

// changesOf returns the changes of a tag and of its lapses.
func changesOf(view *tagindex.View, t *library.Tag, shape *tagindex.Shape, list []decision) (out []tagindex.Change) {
	slices.SortFunc(list, func(a, b decision) int { return int(int64(a.customer) - int64(b.customer)) })
	if ch := changeOf(view, t.ID, shape, list); ch != nil {
		out = append(out, *ch)
	}
	if !lapses(t) {
		return out
	}
	since := make([]decision, len(list))
	for i, one := range list {
		since[i] = decision{customer: one.customer, value: one.lapse}
	}
	of := lapseShape(t)
	if ch := changeOf(view, lapseSlot(t.ID), &of, since); ch != nil {
		out = append(out, *ch)
	}
	return out
}
