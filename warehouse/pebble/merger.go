package pebble

import (
	"encoding/binary"
	"io"
	"sync"

	pdb "github.com/cockroachdb/pebble/v2"

	"tagma/event"
	"tagma/warehouse"
)

// merger is how values written by Merge become one. Its name is stored: what is in the values has versions of
// its own, so the name never changes.
func (s *Store) merger() *pdb.Merger {
	return &pdb.Merger{
		Name: "tagma.1",
		Merge: func(key, value []byte) (pdb.ValueMerger, error) {
			o := operandPool.Get().(*operands)
			o.store, o.newer = s, false
			o.key = append(o.key[:0], key...)
			o.bytes, o.ends = append(o.bytes[:0], value...), append(o.ends[:0], len(value))
			return o, nil
		},
	}
}

// operands collects the values of one key: every read of a key goes through it, so it is used again and again.
type operands struct {
	store *Store
	key   []byte
	bytes []byte // behind one another
	ends  []int
	newer bool // they come oldest first
	value []byte
}

var operandPool = sync.Pool{New: func() any { return new(operands) }}

func (o *operands) add(value []byte) {
	o.bytes = append(o.bytes, value...)
	o.ends = append(o.ends, len(o.bytes))
}

func (o *operands) MergeNewer(value []byte) error {
	o.newer = true
	o.add(value)
	return nil
}

func (o *operands) MergeOlder(value []byte) error {
	o.add(value)
	return nil
}

// Finish gives the merged value, which is the caller's until it closes o.
func (o *operands) Finish(bool) ([]byte, io.Closer, error) {
	value := o.bytes
	if len(o.ends) > 1 && !o.newer {
		value = o.value[:0]
		for i := len(o.ends) - 1; i >= 0; i-- {
			from := 0
			if i > 0 {
				from = o.ends[i-1]
			}
			value = append(value, o.bytes[from:o.ends[i]]...)
		}
		o.value = value
	}
	merged, err := o.store.mergeValues(o.key, value, len(o.ends))
	if err != nil {
		// Values that cannot be read stay as they are, and whoever reads them is told. If they failed here, Pebble
		// would try to flush or compact them again and again, and nothing else could be written.
		merged = value
	}
	return merged, o, nil
}

// Close lets o be used again.
func (o *operands) Close() error {
	if cap(o.bytes)+cap(o.value) < 1<<20 {
		operandPool.Put(o)
	}
	return nil
}

// mergeValues merges n values of a key that lie behind one another, the oldest first.
func (s *Store) mergeValues(key, value []byte, n int) ([]byte, error) {
	switch {
	case n == 1 && s.compacting.Load() == 0:
		return value, nil
	case key[0] == metaPrefix && key[1] == metaRows:
		return addRows(value)
	case key[0] == metaPrefix:
		return addKinds(value)
	case key[0] == 0 && key[1] == profileSeries:
		return mergeProfiles(value)
	case s.compacting.Load() > 0:
		if n, _, err := warehouse.Segments(value); err != nil || n < 2 {
			return value, err
		}
		return warehouse.Merge(nil, value)
	}
	return warehouse.Tidy(value)
}

func addRows(value []byte) ([]byte, error) {
	var sum uint64
	for len(value) > 0 {
		u, n := binary.Uvarint(value)
		if n <= 0 {
			return nil, event.ErrCorrupt
		}
		sum += u
		value = value[n:]
	}
	return binary.AppendUvarint(nil, sum), nil
}

func addKinds(value []byte) ([]byte, error) {
	var order []uint32
	all := map[uint32]uint8{}
	if err := readKinds(value, func(p uint32, k uint8) {
		if all[p] == 0 {
			order = append(order, p)
		}
		all[p] |= k
	}); err != nil {
		return nil, err
	}
	var out []byte
	for _, p := range order {
		out = appendKinds(out, p, all[p])
	}
	return out, nil
}
