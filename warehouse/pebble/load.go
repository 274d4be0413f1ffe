package pebble

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	pdb "github.com/cockroachdb/pebble/v2"

	"tagma/errs"
	"tagma/event"
	"tagma/warehouse"
)

// A staged load is a directory of sorted tables that Pebble takes in as they are. Beside them lies a manifest,
// which is written last: a load without one was never finished. A file of profile rows repeats what the tables say
// of profiles, so that the table in memory can follow without reading the history.
const (
	manifestFile = "manifest.json"
	profilesFile = "profiles"
	ingestFile   = "ingest.sst"
	loadVersion  = 1
	tableSize    = 64 << 20
)

type manifest struct {
	Version int      `json:"version"`
	Tables  []string `json:"tables"`
	Bytes   int64    `json:"bytes"`
}

// load stages a bulk load.
type load struct {
	store    *Store
	dir      string
	stage    *stage
	profiles profileTable
	seen     []seenRow
	held     int64
	finished bool
}

type seenRow struct {
	key   [1 + 4 + 16]byte
	value []byte
}

var _ warehouse.Load = (*load)(nil)

// StartLoad begins to stage a bulk load.
func (s *Store) StartLoad(id string) (warehouse.Load, error) {
	if err := s.reading(); err != nil {
		return nil, err
	}
	dir, err := s.loadDir(id)
	if err != nil {
		return nil, err
	}
	if err := s.fs.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("warehouse: start load %s: %w", id, err)
	}
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("warehouse: start load %s: %w", id, err)
	}
	return &load{store: s, dir: dir, stage: newStage(&s.registry)}, nil
}

// loadDir is where a load is staged. The id is a file name.
func (s *Store) loadDir(id string) (string, error) {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	if id == "" || len(id) > 100 || id[0] == '.' || strings.ContainsFunc(id, func(r rune) bool { return !plain(r) }) {
		return "", errs.New(errs.Invalid, "warehouse: %q is not a load id: use up to 100 letters, digits, dots, - and _", id)
	}
	return filepath.Join(s.loadsDir(), id), nil
}

func (l *load) open() error {
	if l.finished || l.stage == nil {
		return errs.New(errs.Conflict, "warehouse: the load is finished: nothing can be added to it")
	}
	return nil
}

func (l *load) note(p event.ProfileID, row profileRow) {
	old := l.profiles.get(p)
	was := old
	if old.join(row); old != was {
		l.profiles.set(p, old)
	}
}

// Profile stages that a profile came to be.
func (l *load) Profile(n event.NewProfile) error {
	if err := l.open(); err != nil {
		return err
	}
	l.note(n.Profile, named(n))
	return nil
}

// Identifier stages an identifier.
func (l *load) Identifier(i event.Identifier) error {
	if err := l.open(); err != nil {
		return err
	}
	l.note(i.Profile, seenAt(event.Never))
	return l.stage.identifier(i)
}

// Event stages an event, which the caller may change afterwards.
func (l *load) Event(e *event.Event) error {
	if err := l.open(); err != nil {
		return err
	}
	l.note(e.Profile, seenAt(e.Time))
	return l.stage.event(warehouse.Events, e)
}

// Trait stages a trait's value.
func (l *load) Trait(t event.Trait) error {
	if err := l.open(); err != nil {
		return err
	}
	l.note(t.Profile, seenAt(t.Time))
	return l.stage.dated(warehouse.Traits, t)
}

// Consent stages a consent.
func (l *load) Consent(c event.Trait) error {
	if err := l.open(); err != nil {
		return err
	}
	l.note(c.Profile, seenAt(c.Time))
	return l.stage.dated(warehouse.Consents, c)
}

// Seen stages that something was taken in.
func (l *load) Seen(k warehouse.Seen) error {
	if err := l.open(); err != nil {
		return err
	}
	row := seenRow{value: append([]byte(nil), k.Value...)}
	seenKey(row.key[:0], k.Key)
	l.seen = append(l.seen, row)
	l.held += int64(len(row.key) + len(row.value) + 40)
	return nil
}

// Bytes is the memory that the load holds, without what Finish takes for sorting: about a tenth more.
func (l *load) Bytes() int64 {
	if l.stage == nil {
		return 0
	}
	return l.stage.bytes + l.held + int64(l.profiles.count)*10
}

// Abort throws the load away.
func (l *load) Abort() {
	if l.finished || l.stage == nil {
		return
	}
	l.stage = nil
	l.store.fs.RemoveAll(l.dir) // DropLoads removes what stays
}

// Finish writes the load's tables and makes them survive a crash.
func (l *load) Finish(ctx context.Context) error {
	if err := l.open(); err != nil {
		return err
	}
	if err := l.finish(ctx); err != nil {
		return fmt.Errorf("warehouse: finish load %s: %w", filepath.Base(l.dir), err)
	}
	l.finished = true
	l.stage, l.seen, l.profiles = nil, nil, profileTable{}
	return nil
}

func (l *load) finish(ctx context.Context) error {
	if err := l.store.writable(l.stage.bytes); err != nil {
		return err
	}
	w := tables{store: l.store, dir: l.dir}
	if err := l.write(ctx, &w); err != nil {
		w.abort()
		return err
	}
	// The numbers that the tables use must be as safe as they before anything can take them in.
	if err := l.store.writeSettings(); err != nil {
		return err
	}
	m, err := json.Marshal(manifest{Version: loadVersion, Tables: w.files, Bytes: w.bytes})
	if err != nil {
		return err
	}
	if err := writeFile(l.store.fs, filepath.Join(l.dir, manifestFile), m); err != nil {
		return err
	}
	if err := syncDir(l.store.fs, l.dir); err != nil {
		return err
	}
	return syncDir(l.store.fs, filepath.Dir(l.dir))
}

// write writes the tables: the rows in order of key, then, in a table of their own, what sorts after them.
func (l *load) write(ctx context.Context, w *tables) error {
	emit := func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.merge(key, value)
	}
	l.store.state.Lock()
	known := l.store.profiles.copied()
	l.store.state.Unlock()
	var rows []byte
	pw := profileWriter{emit: func(key, value []byte) error {
		_, block, _ := splitKey(key)
		rows = binary.AppendUvarint(rows, uint64(block))
		rows = binary.AppendUvarint(rows, uint64(len(value)))
		rows = append(rows, value...)
		return emit(key, value)
	}}
	err := l.profiles.each(func(p event.ProfileID, row profileRow) error {
		old := known.get(p)
		was := old
		if old.join(row); old == was {
			return nil
		}
		return pw.add(p, row)
	})
	if err == nil {
		err = pw.flush()
	}
	if err == nil {
		err = writeFile(l.store.fs, filepath.Join(l.dir, profilesFile), rows)
	}
	if err != nil {
		return err
	}
	if err := l.stage.flush(emit); err != nil {
		return err
	}
	if err := w.close(); err != nil {
		return err
	}
	slices.SortStableFunc(l.seen, func(a, b seenRow) int { return slices.Compare(a.key[:], b.key[:]) })
	for i := range l.seen {
		if i+1 < len(l.seen) && l.seen[i].key == l.seen[i+1].key {
			continue // a later one replaces it
		}
		if err := w.set(l.seen[i].key[:], l.seen[i].value); err != nil {
			return err
		}
	}
	var rowCounts, inventories []setting
	if err := l.stage.counts(func(s *series, rows uint64, kinds []byte) error {
		if kinds != nil {
			inventories = append(inventories, setting{seriesKey(metaInventory, s.id), kinds})
		}
		rowCounts = append(rowCounts, setting{seriesKey(metaRows, s.id), binary.AppendUvarint(nil, rows)})
		return nil
	}); err != nil {
		return err
	}
	for _, c := range append(inventories, rowCounts...) {
		if err := w.merge(c.key, c.value); err != nil {
			return err
		}
	}
	return w.close()
}

// writeSettings makes all numbers given out so far survive a crash.
func (s *Store) writeSettings() error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.writable(0); err != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := s.registry.take(func(key, value []byte) error { return batch.Set(key, value, nil) }); err != nil {
		return err
	}
	if err := batch.LogData(nil, nil); err != nil {
		return err
	}
	return s.commit(batch, pdb.Sync)
}

// Ingest puts a finished load into the history.
func (s *Store) Ingest(ctx context.Context, id string, offset uint64) error {
	dir, err := s.loadDir(id)
	if err != nil {
		return err
	}
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.ingest(ctx, id, dir, offset); err != nil {
		return fmt.Errorf("warehouse: ingest load %s: %w", id, err)
	}
	return nil
}

func (s *Store) ingest(ctx context.Context, id, dir string, offset uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if offset <= s.offset.Load() {
		return s.fs.RemoveAll(dir)
	}
	if err := s.writable(0); err != nil {
		return err
	}
	in, err := s.get(loadKey(id))
	if err != nil {
		return err
	}
	if in != nil {
		if err := s.setOffset(offset); err != nil {
			return err
		}
		return s.fs.RemoveAll(dir)
	}
	m, err := s.readManifest(id, dir)
	if err != nil {
		return err
	}
	rows, err := readFile(s.fs, filepath.Join(dir, profilesFile))
	if err != nil {
		return err
	}
	paths := make([]string, 0, len(m.Tables)+1)
	for _, t := range m.Tables {
		paths = append(paths, filepath.Join(dir, filepath.Base(t)))
	}
	w := tables{store: s, dir: dir, name: ingestFile}
	if err := errors.Join(w.set(loadKey(id), nil), w.set(offsetKey, binary.BigEndian.AppendUint64(nil, offset)), w.close()); err != nil {
		w.abort()
		return err
	}
	paths = append(paths, filepath.Join(dir, ingestFile))
	// The load must not survive a crash that what was appended before it does not.
	if err := s.sync(); err != nil {
		return err
	}
	s.seen.drop() // the load's keys are not in it
	if err := s.enter(ctx, paths, rows, offset); err != nil {
		return err
	}
	return s.fs.RemoveAll(dir)
}

// enter takes tables into the database, and what they say into memory.
func (s *Store) enter(ctx context.Context, paths []string, rows []byte, offset uint64) error {
	s.state.Lock()
	defer s.state.Unlock()
	if err := s.guard(func() error { return s.db.Ingest(ctx, paths) }); err != nil {
		return err
	}
	s.offset.Store(offset)
	for len(rows) > 0 {
		block, n := binary.Uvarint(rows)
		size, k := binary.Uvarint(rows[max(n, 0):])
		if n <= 0 || k <= 0 || size > uint64(len(rows)-n-k) {
			return fmt.Errorf("the profiles of the load: %w", event.ErrCorrupt)
		}
		rows = rows[n+k:]
		if err := s.profiles.join(uint32(block), rows[:size]); err != nil {
			return err
		}
		rows = rows[size:]
	}
	return s.registry.loadCounts(s.scanMeta)
}

func (s *Store) readManifest(id, dir string) (m manifest, err error) {
	b, err := readFile(s.fs, filepath.Join(dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return m, errs.New(errs.NotFound, "there is no finished load %s", id)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("its manifest: %w", err)
	}
	if m.Version > loadVersion {
		return m, errs.New(errs.Conflict, "it was staged by a newer version of tagma: use that version")
	}
	return m, nil
}

func (s *Store) setOffset(offset uint64) error {
	s.state.Lock()
	defer s.state.Unlock()
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := batch.Set(offsetKey, binary.BigEndian.AppendUint64(nil, offset), nil); err != nil {
		return err
	}
	if err := s.commit(batch, pdb.NoSync); err != nil {
		return err
	}
	s.offset.Store(offset)
	return nil
}

// DropLoads removes staged loads, except those that keep names.
func (s *Store) DropLoads(keep func(id string) bool) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.reading(); err != nil {
		return err
	}
	ids, err := s.fs.List(s.loadsDir())
	if err != nil {
		return fmt.Errorf("warehouse: drop loads: %w", err)
	}
	for _, id := range ids {
		if keep(id) {
			continue
		}
		if err := s.fs.RemoveAll(filepath.Join(s.loadsDir(), id)); err != nil {
			return fmt.Errorf("warehouse: drop load %s: %w", id, err)
		}
	}
	return nil
}
