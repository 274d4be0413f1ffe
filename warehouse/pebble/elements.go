package pebble

import (
	"errors"
	"strings"

	pdb "github.com/cockroachdb/pebble/v2"

	"tagma/event"
	"tagma/warehouse"
)

// elements remembers the names of what a series' list property holds (warehouse.Elements), so that a value costs one
// look-up for each of its fields and makes no text.
type elements struct {
	scalar *property // "list[]", once met
	fields fields
}

// fields are those of maps at one depth, by their own names.
type fields map[string]*field

type field struct {
	property *property // once met with a value that is no map
	fields   fields    // once met with a map
}

// elements takes the kinds of a list's elements into the inventory of its series.
func (st *stage) elements(s *staged, list *property, v event.Value) error {
	e := s.lists[list.id]
	if e == nil {
		if s.lists == nil {
			s.lists = map[uint32]*elements{}
		}
		e = &elements{fields: fields{}}
		s.lists[list.id] = e
	}
	for _, x := range v.List() {
		switch x.Kind() {
		case event.Missing:
		case event.MapKind:
			if err := st.fields(s, e.fields, list.name+"[].", x); err != nil {
				return err
			}
		default:
			if e.scalar == nil {
				p, err := st.property(list.name + "[]")
				if err != nil {
					return err
				}
				e.scalar = p
			}
			s.occurs(e.scalar, x.Kind())
		}
	}
	return nil
}

// fields takes the kinds of a map's fields in. The prefix is a property's name up to the map; it is put together only
// where a map lies in a map.
func (st *stage) fields(s *staged, known fields, prefix string, m event.Value) error {
	for _, p := range m.Map() {
		kind := p.Value.Kind()
		if kind == event.Missing {
			continue
		}
		f := known[p.Name]
		if f == nil {
			f = &field{}
			known[strings.Clone(p.Name)] = f
		}
		if kind == event.MapKind {
			if f.fields == nil {
				f.fields = fields{}
			}
			if err := st.fields(s, f.fields, prefix+p.Name+".", p.Value); err != nil {
				return err
			}
			continue
		}
		if f.property == nil {
			made, err := st.property(prefix + p.Name)
			if err != nil {
				return err
			}
			f.property = made
		}
		s.occurs(f.property, kind)
	}
	return nil
}

// eventful says whether lists of a series are looked into.
func eventful(k warehouse.SeriesKind) bool {
	return k == warehouse.Events || k == warehouse.SystemEvents
}

// listElements brings a store whose rows were written before inventories knew the elements of lists up to date: it
// reads the lists of events, once. A store without lists, or a new one, costs a note.
func (s *Store) listElements() error {
	if v, err := s.get(elementsKey); err != nil || v != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	all, _ := s.registry.all()
	whole := true
	for _, one := range all {
		kinds, err := s.elementsOf(one)
		switch {
		case errors.Is(err, event.ErrCorrupt): // opening goes on: whoever reads these rows is told
			whole = false
			continue
		case err != nil:
			return err
		case kinds == nil:
			continue
		}
		if err := batch.Merge(seriesKey(metaInventory, one.id), kinds, nil); err != nil {
			return err
		}
		if err := one.note(kinds); err != nil {
			return err
		}
	}
	if err := s.registry.take(func(key, value []byte) error { return batch.Set(key, value, nil) }); err != nil {
		return err
	}
	if whole {
		if err := batch.Set(elementsKey, nil, nil); err != nil {
			return err
		}
	}
	return s.commit(batch, pdb.Sync)
}

// elementsOf reads the lists of a series and gives what its inventory lacks, nil when nothing.
func (s *Store) elementsOf(one *series) ([]byte, error) {
	if !eventful(one.kind) {
		return nil, nil
	}
	_, properties := s.registry.all()
	var lists []*property
	request := warehouse.SeriesRequest{Kind: one.kind, Name: one.name}
	for p, kinds := range *one.inventory.Load() {
		if kinds&(1<<event.ListKind) != 0 {
			lists = append(lists, properties[p])
			request.Columns = append(request.Columns, properties[p].name)
		}
	}
	if len(lists) == 0 {
		return nil, nil
	}
	snap, err := s.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	r, err := snap.Reader(warehouse.Request{Series: []warehouse.SeriesRequest{request}})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	st := newStage(&s.registry)
	found := &staged{series: one}
	var block warehouse.Block
	for n := uint32(0); n*warehouse.BlockSize < snap.Profiles(); {
		if err := r.Blocks(n, warehouse.MaxBlocks, &block); err != nil {
			return nil, err
		}
		for i, columns := range block.Tables[0].Columns {
			for k := range columns {
				c := &columns[k]
				for row := 0; c.Kind == event.ListKind && row < c.Len; row++ {
					if !c.Present(row) {
						continue
					}
					if err := st.elements(found, lists[i], c.Values[row]); err != nil {
						return nil, err
					}
				}
			}
		}
		n += uint32(block.N / warehouse.BlockSize)
	}
	var kinds []byte
	for p, k := range found.kinds {
		if k != 0 {
			kinds = appendKinds(kinds, uint32(p), k)
		}
	}
	return kinds, nil
}
