package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sort"

	"tagma/event"
	"tagma/warehouse"
)

// What was taken in from a file is remembered for ever, under keys of partition 0: a message id of its own, or a
// row by its hash and number among equal rows. A row's key says in its value what was taken from the row, as
// the hash of a set of names, so that a mapping that asks for more later takes only that; the names of the set
// are kept once, under a key of their own.
const forEver uint32 = 0

// keyMaker makes the keys of one source.
type keyMaker struct {
	source  string
	scratch []byte
}

func (k *keyMaker) key(what byte, parts func(b []byte) []byte) warehouse.SeenKey {
	k.scratch = parts(event.AppendText(append(k.scratch[:0], what), k.source))
	sum := sha256.Sum256(k.scratch)
	return warehouse.SeenKey{Partition: forEver, Hash: [16]byte(sum[:16])}
}

// message is the key of a message id.
func (k *keyMaker) message(id string) warehouse.SeenKey {
	return k.key('m', func(b []byte) []byte { return append(b, id...) })
}

// row is the key of a row: the occurrence-th of those with this hash.
func (k *keyMaker) row(h rowHash, occurrence uint32) warehouse.SeenKey {
	return k.key('r', func(b []byte) []byte {
		return binary.LittleEndian.AppendUint32(append(b, h[:]...), occurrence)
	})
}

// setID is the hash of a set of names.
type setID [8]byte

// takenSet is what was taken from a row.
type takenSet struct {
	id    setID
	names map[string]bool
	// stored says that the store has the set's names, or will have with the load in hand.
	stored bool
	// Against the mapping of this import:
	dated   []int  // traits, consents and tags whose value is not in it
	removes []int  // traits whose removal is not in it
	events  uint64 // events that are in it, as bits
}

// maxEvents is how many events a mapping can have.
const maxEvents = 64

// taken keeps the sets met in an import.
type taken struct {
	m      *Mapping
	store  seenStore
	byID   map[setID]*takenSet
	joined map[joinKey]*takenSet
}

// seenStore is what sets need of the warehouse.
type seenStore interface {
	Seen(keys []warehouse.SeenKey) ([][]byte, error)
}

type joinKey struct {
	before  *takenSet
	events  uint64
	removes string // a byte for each trait that can be removed; "" for none
}

func newTaken(m *Mapping, store seenStore) *taken {
	return &taken{m: m, store: store, byID: map[setID]*takenSet{}, joined: map[joinKey]*takenSet{}}
}

func eventMark(ident string) string { return "e\x00" + ident }

// removalMark stands for the removal of a trait. It is a mark of its own, taken only with a row that removes, because
// a row where the name is absent is the same row.
func removalMark(name string) string { return "n\x00" + name }

func setKey(id setID) warehouse.SeenKey {
	sum := sha256.Sum256(append([]byte{'s'}, id[:]...))
	return warehouse.SeenKey{Partition: forEver, Hash: [16]byte(sum[:16])}
}

// get returns the set that a row's key has as its value; an empty value stands for a row never taken.
func (t *taken) get(value []byte) (*takenSet, error) {
	id := setID{}
	if len(value) != 0 {
		if len(value) != len(id) {
			return nil, fmt.Errorf("import: what was taken of a row is noted in %d bytes: %w", len(value), event.ErrCorrupt)
		}
		copy(id[:], value)
	}
	if s := t.byID[id]; s != nil {
		return s, nil
	}
	names := map[string]bool{}
	if len(value) != 0 {
		stored, err := t.store.Seen([]warehouse.SeenKey{setKey(id)})
		if err != nil {
			return nil, fmt.Errorf("import: find out what was taken before: %w", err)
		}
		r := event.NewReader(stored[0])
		if r.Text() != setVersion {
			r.Err = event.ErrCorrupt
		}
		for r.Len() > 0 && r.Err == nil {
			names[r.Text()] = true
		}
		if stored[0] == nil || r.Err != nil {
			return nil, fmt.Errorf("import: what was taken of a row is not known any more: %w", event.ErrCorrupt)
		}
	}
	s := t.make(id, names)
	s.stored = true
	return s, nil
}

// make keeps a set and holds it against the mapping.
func (t *taken) make(id setID, names map[string]bool) *takenSet {
	s := &takenSet{id: id, names: names}
	for i := range t.m.dated {
		d := &t.m.dated[i]
		if !names[d.mark()] {
			s.dated = append(s.dated, i)
		}
		if !d.consent && !d.tag && !names[removalMark(d.name)] {
			s.removes = append(s.removes, i)
		}
	}
	for i := range t.m.events {
		if names[eventMark(t.m.events[i].ident)] {
			s.events |= 1 << i
		}
	}
	t.byID[id] = s
	return s
}

// join returns before with all the mapping's traits and consents, the given events and the removals of the given
// traits.
func (t *taken) join(before *takenSet, events uint64, removes []int) (*takenSet, error) {
	k := joinKey{before: before, events: events}
	if len(removes) > 0 {
		bits := make([]byte, len(t.m.dated))
		for _, i := range removes {
			bits[i] = 1
		}
		k.removes = string(bits)
	}
	if s := t.joined[k]; s != nil {
		return s, nil
	}
	names := map[string]bool{}
	for n := range before.names {
		names[n] = true
	}
	for i := range t.m.dated {
		names[t.m.dated[i].mark()] = true
	}
	for _, i := range removes {
		names[removalMark(t.m.dated[i].name)] = true
	}
	for i := range t.m.events {
		if events&(1<<i) != 0 {
			names[eventMark(t.m.events[i].ident)] = true
		}
	}
	sum := sha256.Sum256(encodeNames(names))
	id := setID(sum[:8])
	s := t.byID[id]
	if s == nil {
		s = t.make(id, names)
		stored, err := t.store.Seen([]warehouse.SeenKey{setKey(id)})
		if err != nil {
			return nil, fmt.Errorf("import: find out what was taken before: %w", err)
		}
		s.stored = stored[0] != nil
	}
	t.joined[k] = s
	return s, nil
}

// setVersion stands before a set's names.
const setVersion = "1"

// encodeNames writes a set's names in order.
func encodeNames(names map[string]bool) []byte {
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	sort.Strings(list)
	b := event.AppendText(nil, setVersion)
	for _, n := range list {
		b = event.AppendText(b, n)
	}
	return b
}
