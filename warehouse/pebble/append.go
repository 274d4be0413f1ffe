package pebble

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	pdb "github.com/cockroachdb/pebble/v2"

	"tagma/event"
	"tagma/warehouse"
)

// Append writes batches, ascending by offset, as one, with the last one's offset. It does not wait for the disk.
func (s *Store) Append(ctx context.Context, batches ...*warehouse.Batch) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for len(batches) > 0 && batches[0].Offset <= s.offset.Load() {
		batches = batches[1:]
	}
	if len(batches) == 0 {
		return nil
	}
	offset := batches[len(batches)-1].Offset
	if err := s.append(batches, offset); err != nil {
		return fmt.Errorf("warehouse: append up to %d: %w", offset, err)
	}
	return nil
}

func (s *Store) append(batches []*warehouse.Batch, offset uint64) error {
	defer s.stage.reset()
	seen := profilesSeen{table: &s.profiles, rows: map[event.ProfileID]profileRow{}}
	var keys []warehouse.Seen
	for _, b := range batches {
		if err := s.gather(b, &seen); err != nil {
			return err
		}
		keys = append(keys, b.Seen...)
	}
	// In order, for the database finds the place of a key quickly from that of the one before. Of equal keys the last wins.
	slices.SortStableFunc(keys, func(a, b warehouse.Seen) int {
		return cmp.Or(cmp.Compare(a.Key.Partition, b.Key.Partition), bytes.Compare(a.Key.Hash[:], b.Key.Hash[:]))
	})
	if err := s.writable(s.stage.bytes); err != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := s.stage.flush(func(key, value []byte) error { return batch.Merge(key, value, nil) }); err != nil {
		return err
	}
	if err := seen.blocks(func(key, value []byte) error { return batch.Merge(key, value, nil) }); err != nil {
		return err
	}
	added := make([]warehouse.SeenKey, len(keys))
	for i := range keys {
		added[i] = keys[i].Key
	}
	s.seen.add(added...) // before they can be found
	var key []byte
	for _, k := range keys {
		key = seenKey(key[:0], k.Key)
		if err := batch.Set(key, k.Value, nil); err != nil {
			return err
		}
	}
	var grown []growth
	err := s.stage.counts(func(s *series, rows uint64, kinds []byte) error {
		grown = append(grown, growth{s, rows, kinds})
		if kinds != nil {
			if err := batch.Merge(seriesKey(metaInventory, s.id), kinds, nil); err != nil {
				return err
			}
		}
		return batch.Merge(seriesKey(metaRows, s.id), binary.AppendUvarint(nil, rows), nil)
	})
	if err != nil {
		return err
	}
	if err := batch.Set(offsetKey, binary.BigEndian.AppendUint64(nil, offset), nil); err != nil {
		return err
	}
	// Whatever numbers this batch uses are in it, or were committed before it.
	if err := s.registry.take(func(key, value []byte) error { return batch.Set(key, value, nil) }); err != nil {
		return err
	}

	s.state.Lock()
	defer s.state.Unlock()
	if err := s.commit(batch, pdb.NoSync); err != nil {
		return err
	}
	for p, row := range seen.rows {
		s.profiles.set(p, row)
	}
	for _, g := range grown {
		if err := g.apply(); err != nil {
			return err
		}
	}
	s.offset.Store(offset)
	return nil
}

// growth is what a batch or load adds to a series.
type growth struct {
	series *series
	rows   uint64
	kinds  []byte
}

func (g growth) apply() error {
	g.series.rows += g.rows
	if g.kinds == nil {
		return nil
	}
	return g.series.note(g.kinds)
}

func (s *Store) gather(b *warehouse.Batch, seen *profilesSeen) error {
	for _, n := range b.Profiles {
		seen.add(n.Profile, named(n))
	}
	for _, i := range b.Identifiers {
		seen.record(i.Profile, event.Never)
		if err := s.stage.identifier(i); err != nil {
			return err
		}
	}
	for i := range b.Events {
		seen.record(b.Events[i].Profile, b.Events[i].Time)
		if err := s.stage.event(warehouse.Events, &b.Events[i]); err != nil {
			return err
		}
	}
	for i := range b.System {
		seen.record(b.System[i].Profile, b.System[i].Time)
		if err := s.stage.event(warehouse.SystemEvents, &b.System[i]); err != nil {
			return err
		}
	}
	for _, t := range b.Traits {
		seen.record(t.Profile, t.Time)
		if err := s.stage.dated(warehouse.Traits, t); err != nil {
			return err
		}
	}
	for _, c := range b.Consents {
		seen.record(c.Profile, c.Time)
		if err := s.stage.dated(warehouse.Consents, c); err != nil {
			return err
		}
	}
	return nil
}

// profilesSeen gathers the profiles whose rows a batch changes, with their rows as they will be.
type profilesSeen struct {
	table *profileTable
	rows  map[event.ProfileID]profileRow
}

func (s *profilesSeen) get(p event.ProfileID) profileRow {
	if row, ok := s.rows[p]; ok {
		return row
	}
	return s.table.get(p)
}

// record notes a record of a profile; most change nothing.
func (s *profilesSeen) record(p event.ProfileID, t event.Time) {
	row := s.table.get(p)
	if t >= row.first && row.flags&profileKnown != 0 {
		return
	}
	row = s.get(p)
	was := row
	if row.seen(t); row != was {
		s.rows[p] = row
	}
}

func (s *profilesSeen) add(p event.ProfileID, q profileRow) {
	row := s.get(p)
	was := row
	if row.join(q); row != was {
		s.rows[p] = row
	}
}

// blocks gives the changed rows as operands, in order of key.
func (s *profilesSeen) blocks(emit func(key, value []byte) error) error {
	ids := make([]event.ProfileID, 0, len(s.rows))
	for p := range s.rows {
		ids = append(ids, p)
	}
	slices.Sort(ids)
	w := profileWriter{emit: emit}
	for _, p := range ids {
		if err := w.add(p, s.rows[p]); err != nil {
			return err
		}
	}
	return w.flush()
}

// profileWriter groups ascending profiles by block.
type profileWriter struct {
	emit  func(key, value []byte) error
	block uint32
	value []byte
}

func (w *profileWriter) add(p event.ProfileID, row profileRow) error {
	if block := uint32(p >> 8); block != w.block {
		if err := w.flush(); err != nil {
			return err
		}
		w.block = block
	}
	w.value = appendProfile(w.value, uint8(p), row)
	return nil
}

func (w *profileWriter) flush() error {
	if len(w.value) == 0 {
		return nil
	}
	err := w.emit(appendKey(nil, profileSeries, w.block, 0), w.value)
	w.value = w.value[:0]
	return err
}
