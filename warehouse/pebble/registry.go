package pebble

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"tagma/errs"
	"tagma/event"
	"tagma/warehouse"
)

// registry numbers series, properties and texts. Numbers are given out in memory and written before, or together
// with, the first value that uses them; after a crash an unused one is simply given out again.
type registry struct {
	properties sync.Map // name → *property
	series     sync.Map // seriesName → *series

	mu         sync.Mutex // adding, and what follows
	byProperty []*property
	bySeries   []*series // from series 1 on
	pending    []setting // not yet in a batch, in the order in which they were given out
}

type setting struct{ key, value []byte }

type property struct {
	id   uint32
	name string
	dict dict
}

type seriesName struct {
	kind warehouse.SeriesKind
	name string
}

type series struct {
	seriesName
	id    uint16
	texts int // added to the dictionary of ValueColumn; under registry.mu
	// inventory is, by property, the kinds that occurred, as bits. It is replaced, never changed.
	inventory atomic.Pointer[map[uint32]uint8]
	rows      uint64 // under Store.state
}

func (r *registry) property(name string) (*property, error) {
	if p, ok := r.properties.Load(name); ok {
		return p.(*property), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.properties.Load(name); ok {
		return p.(*property), nil
	}
	if len(r.byProperty) >= 1<<24 {
		return nil, errs.New(errs.Conflict, "warehouse: no more than %d different property names can be kept", 1<<24)
	}
	p := &property{id: uint32(len(r.byProperty)), name: name}
	r.pending = append(r.pending, setting{propertyKey(p.id), []byte(name)})
	r.addProperty(p)
	return p, nil
}

func (r *registry) addProperty(p *property) {
	r.byProperty = append(r.byProperty, p)
	r.properties.Store(p.name, p)
}

func (r *registry) findProperty(name string) *property {
	if p, ok := r.properties.Load(name); ok {
		return p.(*property)
	}
	return nil
}

func (r *registry) seriesOf(n seriesName) (*series, error) {
	if s, ok := r.series.Load(n); ok {
		return s.(*series), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.series.Load(n); ok {
		return s.(*series), nil
	}
	if len(r.bySeries) >= maxSeries {
		return nil, errs.New(errs.Conflict, "warehouse: no more than %d different event, trait and identifier names can be kept", maxSeries)
	}
	s := &series{seriesName: n, id: uint16(len(r.bySeries) + 1)}
	r.pending = append(r.pending, setting{seriesKey(metaSeries, s.id), append([]byte{byte(n.kind)}, n.name...)})
	r.addSeries(s)
	return s, nil
}

func (r *registry) addSeries(s *series) {
	s.inventory.Store(&map[uint32]uint8{})
	r.bySeries = append(r.bySeries, s)
	r.series.Store(s.seriesName, s)
}

func (r *registry) findSeries(n seriesName) *series {
	if s, ok := r.series.Load(n); ok {
		return s.(*series)
	}
	return nil
}

// code gives a text of a series' property its code, a new one if need be; false when it is stored inline.
func (r *registry) code(s *series, p *property, text string) (uint32, bool) {
	if code, ok := p.dict.Code(text); ok {
		return code, true
	}
	if s.kind == warehouse.Identifiers || len(text) > maxTextLen || p.dict.Len() >= maxTexts {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if code, ok := p.dict.Code(text); ok {
		return code, true
	}
	if p.dict.Len() >= maxTexts || s.kind == warehouse.Traits && s.texts >= maxTraitTexts {
		return 0, false
	}
	s.texts++
	text = string([]byte(text)) // not a part of a whole file's line
	code := p.dict.add(text)
	r.pending = append(r.pending, setting{textKey(p.id, code), append(binary.BigEndian.AppendUint16(nil, s.id), text...)})
	return code, true
}

// taken hands the pending settings to f and forgets them. They are written in order.
func (r *registry) take(f func(key, value []byte) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pending {
		if err := f(p.key, p.value); err != nil {
			return err
		}
	}
	r.pending = nil
	return nil
}

// all gives the series and properties that exist.
func (r *registry) all() ([]*series, []*property) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bySeries[:len(r.bySeries):len(r.bySeries)], r.byProperty[:len(r.byProperty):len(r.byProperty)]
}

// kinds are the inventory operands: property · kinds, repeated.
func appendKinds(b []byte, property uint32, kinds uint8) []byte {
	return append(binary.AppendUvarint(b, uint64(property)), kinds)
}

func readKinds(b []byte, f func(property uint32, kinds uint8)) error {
	for len(b) > 0 {
		p, n := binary.Uvarint(b)
		if n <= 0 || n >= len(b) {
			return event.ErrCorrupt
		}
		f(uint32(p), b[n])
		b = b[n+1:]
	}
	return nil
}

// note adds kinds to a series' inventory.
func (s *series) note(operand []byte) error {
	old := *s.inventory.Load()
	fresh := make(map[uint32]uint8, len(old)+4)
	for p, k := range old {
		fresh[p] = k
	}
	err := readKinds(operand, func(p uint32, k uint8) { fresh[p] |= k })
	s.inventory.Store(&fresh)
	return err
}

// load reads back what was written. scan gives the meta keys of a letter in order, less their first two bytes.
func (r *registry) load(scan func(letter byte, f func(rest, value []byte) error) error) error {
	damaged := func(letter byte, rest []byte) error {
		return fmt.Errorf("the key %c %x: %w", letter, rest, event.ErrCorrupt)
	}
	err := scan(metaSeries, func(rest, value []byte) error {
		if len(rest) != 2 || int(binary.BigEndian.Uint16(rest)) != len(r.bySeries)+1 || len(value) < 1 {
			return damaged(metaSeries, rest)
		}
		r.addSeries(&series{seriesName: seriesName{warehouse.SeriesKind(value[0]), string(value[1:])}, id: uint16(len(r.bySeries) + 1)})
		return nil
	})
	if err != nil {
		return err
	}
	err = scan(metaProperty, func(rest, value []byte) error {
		if len(rest) != 4 || int(binary.BigEndian.Uint32(rest)) != len(r.byProperty) {
			return damaged(metaProperty, rest)
		}
		r.addProperty(&property{id: uint32(len(r.byProperty)), name: string(value)})
		return nil
	})
	if err != nil {
		return err
	}
	err = scan(metaText, func(rest, value []byte) error {
		if len(rest) != 8 || len(value) < 2 {
			return damaged(metaText, rest)
		}
		p, code, s := binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:]), binary.BigEndian.Uint16(value)
		if int(p) >= len(r.byProperty) || int(code) != r.byProperty[p].dict.Len() || s == 0 || int(s) > len(r.bySeries) {
			return damaged(metaText, rest)
		}
		r.byProperty[p].dict.add(string(value[2:]))
		r.bySeries[s-1].texts++
		return nil
	})
	if err != nil {
		return err
	}
	return r.loadCounts(scan)
}

// loadCounts reads the rows and inventories of all series.
func (r *registry) loadCounts(scan func(letter byte, f func(rest, value []byte) error) error) error {
	find := func(rest []byte) *series {
		if len(rest) == 2 {
			if s := int(binary.BigEndian.Uint16(rest)); s > 0 && s <= len(r.bySeries) {
				return r.bySeries[s-1]
			}
		}
		return nil
	}
	err := scan(metaInventory, func(rest, value []byte) error {
		s := find(rest)
		if s == nil {
			return fmt.Errorf("the inventory %x: %w", rest, event.ErrCorrupt)
		}
		return s.note(value)
	})
	if err != nil {
		return err
	}
	return scan(metaRows, func(rest, value []byte) error {
		s := find(rest)
		rows, n := binary.Uvarint(value)
		if s == nil || n != len(value) {
			return fmt.Errorf("the row count %x: %w", rest, event.ErrCorrupt)
		}
		s.rows = rows
		return nil
	})
}
