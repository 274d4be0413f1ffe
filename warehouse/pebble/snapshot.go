package pebble

import (
	"slices"
	"strings"
	"sync"

	pdb "github.com/cockroachdb/pebble/v2"

	"tagma/event"
	"tagma/warehouse"
)

// snapshot is the history at one moment.
type snapshot struct {
	store    *Store
	db       *pdb.Snapshot
	offset   uint64
	profiles profileTable
	series   []seriesState
	close    sync.Once
}

type seriesState struct {
	*series
	rows      uint64
	inventory map[uint32]uint8
}

var _ warehouse.Snapshot = (*snapshot)(nil)

// Snapshot returns a view that later writes do not change.
func (s *Store) Snapshot() (warehouse.Snapshot, error) {
	s.state.Lock()
	defer s.state.Unlock()
	if err := s.reading(); err != nil {
		return nil, err
	}
	if err := s.failed.Load(); err != nil {
		return nil, *err
	}
	v := &snapshot{store: s, db: s.db.NewSnapshot(), offset: s.offset.Load(), profiles: s.profiles.copied()}
	all, _ := s.registry.all()
	v.series = make([]seriesState, 0, len(all))
	for _, one := range all {
		if one.rows > 0 {
			v.series = append(v.series, seriesState{one, one.rows, *one.inventory.Load()})
		}
	}
	return v, nil
}

func (v *snapshot) Close() {
	v.close.Do(func() { v.db.Close() })
}

func (v *snapshot) Offset() uint64 { return v.offset }

func (v *snapshot) Profiles() uint32 { return v.profiles.count }

func (v *snapshot) Profile(p event.ProfileID) warehouse.Profile { return v.profiles.get(p).profile() }

// People tells who exists: see warehouse.Crowd.
func (v *snapshot) People(first event.ProfileID, n int, entity event.Entity, now event.Time, into event.Bits) {
	v.profiles.people(first, n, entity, now, into)
}

// Series lists what exists, by kind and name.
func (v *snapshot) Series() []warehouse.SeriesInfo {
	_, properties := v.store.registry.all()
	out := make([]warehouse.SeriesInfo, 0, len(v.series))
	for _, s := range v.series {
		info := warehouse.SeriesInfo{Kind: s.kind, Name: s.name, Rows: s.rows}
		for p, kinds := range s.inventory {
			name := properties[p].name
			if name == warehouse.SourceColumn || s.kind == warehouse.Identifiers {
				continue
			}
			one := warehouse.PropertyInfo{Name: name}
			for k := event.BoolKind; k <= event.MapKind; k++ {
				if kinds&(1<<k) != 0 {
					one.Kinds = append(one.Kinds, k)
				}
			}
			info.Properties = append(info.Properties, one)
		}
		slices.SortFunc(info.Properties, func(a, b warehouse.PropertyInfo) int { return strings.Compare(a.Name, b.Name) })
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b warehouse.SeriesInfo) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// Dict returns the dictionary of a property's texts.
func (v *snapshot) Dict(name string) event.Dict {
	if p := v.store.registry.findProperty(name); p != nil {
		return &p.dict
	}
	return new(dict)
}

// Texts returns up to limit texts of a property's dictionary, the earliest first.
func (v *snapshot) Texts(name string, limit int) []string {
	p := v.store.registry.findProperty(name)
	if p == nil {
		return nil
	}
	n := min(p.dict.Len(), max(limit, 0))
	out := make([]string, n)
	for i := range out {
		out[i] = p.dict.Text(uint32(i))
	}
	return out
}
