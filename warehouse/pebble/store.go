// Package pebble is the embedded engine of the warehouse: a directory with a Pebble database in it. Rows are kept
// under (series, block of 256 profiles, calendar quarter) as columnar segments, which are appended by merge
// operands and joined by Pebble's compactions.
package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tagma/errs"
	"tagma/warehouse"
)

// Options are how a store is opened.
type Options struct {
	// CacheBytes bounds the memory for blocks that were read; 0 means 256 MB. It is taken as it is needed.
	CacheBytes int64

	fs vfs.FS // tests put in a failing disk
}

// Store is an open history.
type Store struct {
	dir  string
	fs   vfs.FS
	db   *pdb.DB
	opts *pdb.Options

	registry registry

	write sync.Mutex // one writer at a time: Append, Ingest, Compact
	stage *stage     // under write

	state    sync.Mutex // what a snapshot must see as one: the database, and the following
	profiles profileTable

	seen seenFilter

	offset     atomic.Uint64
	compacting atomic.Int32
	closed     atomic.Bool
	failed     atomic.Pointer[error] // the database cannot go on
	background atomic.Pointer[error] // the last flush failed; Pebble tries again
}

var _ warehouse.Store = (*Store)(nil)

// Open opens the history in dir; a missing directory is made. It fails with errs.Busy when another process has it
// open, and with errs.Conflict when a newer version wrote it.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{dir: dir, fs: o.fs}
	if s.fs == nil {
		s.fs = vfs.Default
	}
	if err := s.open(o); err != nil {
		if s.db != nil {
			err = errors.Join(err, s.db.Close())
		}
		return nil, fmt.Errorf("warehouse: open %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) blocksDir() string { return filepath.Join(s.dir, "blocks") }
func (s *Store) loadsDir() string  { return filepath.Join(s.dir, "loads") }

func (s *Store) open(o Options) error {
	for _, dir := range []string{s.blocksDir(), s.loadsDir()} {
		if err := s.fs.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := s.room(); err != nil {
		return err
	}
	lock, err := pdb.LockDirectory(s.blocksDir(), s.fs)
	if err != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			return err
		}
		return errs.New(errs.Busy, "another process has it open: stop that one first, or wait until it is done")
	}
	err = s.guard(func() (err error) {
		s.opts = s.options(o, lock)
		s.db, err = pdb.Open(s.blocksDir(), s.opts)
		return err
	})
	if closing := lock.Close(); err == nil {
		err = closing
	}
	if err != nil {
		if strings.Contains(err.Error(), "unknown format major version") {
			return errs.New(errs.Conflict, "it was written by a newer version of tagma: use that version")
		}
		return err
	}
	if err := s.format(); err != nil {
		return err
	}
	if err := s.registry.load(s.scanMeta); err != nil {
		return err
	}
	s.stage = newStage(&s.registry)
	if v, err := s.get(offsetKey); err != nil {
		return err
	} else if v != nil {
		s.offset.Store(binary.BigEndian.Uint64(v))
	}
	err = s.scan(appendKey(nil, profileSeries, 0, 0), appendKey(nil, profileSeries+1, 0, 0), func(key, value []byte) error {
		_, block, _ := splitKey(key)
		return s.profiles.join(block, value)
	})
	if err != nil {
		return err
	}
	return s.listElements()
}

// format checks the version of what is stored, and writes it into an empty store.
func (s *Store) format() error {
	v, err := s.get(formatKey)
	if err != nil {
		return err
	}
	if v == nil {
		return s.guard(func() error { return s.db.Set(formatKey, binary.AppendUvarint(nil, formatVersion), pdb.Sync) })
	}
	if version, n := binary.Uvarint(v); n <= 0 || version > formatVersion {
		return errs.New(errs.Conflict, "it was written by a newer version of tagma (format %d, this one knows %d): use that version", version, formatVersion)
	}
	return nil
}

func (s *Store) options(o Options, lock *pdb.Lock) *pdb.Options {
	if o.CacheBytes == 0 {
		o.CacheBytes = 256 << 20
	}
	opts := &pdb.Options{
		FS:                          s.fs,
		Lock:                        lock,
		CacheSize:                   o.CacheBytes,
		FormatMajorVersion:          pdb.FormatNewest,
		Merger:                      s.merger(),
		MemTableSize:                64 << 20, // it begins small and doubles
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       60,
		LBaseMaxBytes:               128 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		MemTableStopWritesThreshold: 4,
		Logger:                      logger{s},
		EventListener: &pdb.EventListener{
			BackgroundError: func(error) {},                  // FlushEnd has it
			DataCorruption:  func(pdb.DataCorruptionInfo) {}, // the read that meets it fails
			FlushEnd: func(i pdb.FlushInfo) {
				// A flush that finds nothing to write says so by an error that Pebble does not export.
				if i.Err != nil && i.Err.Error() != "pebble: empty table" {
					s.background.Store(&i.Err)
				} else {
					s.background.Store(nil)
				}
			},
		},
	}
	opts.TargetFileSizes[0] = 8 << 20
	for i := range opts.Levels {
		l := &opts.Levels[i]
		l.BlockSize = 32 << 10
		l.IndexBlockSize = 64 << 10
		l.FilterPolicy = bloom.FilterPolicy(10)
		l.Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	}
	opts.EnsureDefaults()
	return opts
}

// logger takes what Pebble wants to tell. Errors come back from the calls that meet them; only what Pebble cannot go
// on after is passed on: see guard.
type logger struct{ s *Store }

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}

// Fatalf must not return. In a call of ours the panic becomes its error; in a goroutine of Pebble's it ends the
// process, with this message, and what was written so far is recovered on the next opening.
func (l logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf("warehouse: %s can no longer be written: %s", l.s.dir, fmt.Sprintf(format, args...))
	l.s.failed.Store(&err)
	panic(err)
}

// guard runs a write. Pebble panics when its log cannot be written, as on a full disk; the store is then useless
// until it is opened anew, which recovers all that was written.
func (s *Store) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			cause, ok := r.(error)
			if !ok {
				cause = fmt.Errorf("%v", r)
			}
			err = fmt.Errorf("the history can no longer be written: %w", cause)
			s.failed.Store(&err)
		}
	}()
	return f()
}

// commit commits a batch. When that fails the store is useless: numbers were given out that it held.
func (s *Store) commit(b *pdb.Batch, how *pdb.WriteOptions) error {
	err := s.guard(func() error { return b.Commit(how) })
	if err != nil {
		s.failed.CompareAndSwap(nil, &err)
	}
	return err
}

// room refuses to open where the disk has no room for what opening writes: the log that was not yet flushed, and
// Pebble's own files. Pebble would try to write them again and again, and never come back.
func (s *Store) room() error {
	usage, err := s.fs.GetDiskUsage(s.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	names, err := s.fs.List(s.blocksDir())
	if err != nil {
		return err
	}
	need := uint64(2 << 20)
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		info, err := s.fs.Stat(filepath.Join(s.blocksDir(), name))
		if err != nil {
			return err
		}
		need += uint64(info.Size()) * 3 / 2
	}
	if usage.AvailBytes < need {
		return errs.New(errs.Busy, "the disk is full: %d KB are free in %s, and opening the history needs %d KB; make room and run the command again, nothing committed is lost",
			usage.AvailBytes>>10, s.dir, need>>10)
	}
	return nil
}

// reserve is the space that is kept for Pebble's own files: what it cannot finish, it cannot survive.
const reserve = 64 << 20

// writable says why a write of about n bytes must not begin, nil when it may.
func (s *Store) writable(n int64) error {
	if s.closed.Load() {
		return errs.New(errs.Conflict, "the history is closed")
	}
	if err := s.failed.Load(); err != nil {
		return *err
	}
	if err := s.background.Load(); err != nil {
		return fmt.Errorf("the history cannot be written: %w", *err)
	}
	usage, err := s.fs.GetDiskUsage(s.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	if need := reserve + 2*uint64(n); usage.AvailBytes < need {
		return errs.New(errs.Conflict, "the disk is full: %d MB are free in %s and %d MB are needed; make room and try again", usage.AvailBytes>>20, s.dir, (need+1<<20-1)>>20)
	}
	return nil
}

// reading says why the store cannot be read.
func (s *Store) reading() error {
	if s.closed.Load() {
		return errs.New(errs.Conflict, "warehouse: the history is closed")
	}
	return nil
}

// get returns a copy of a value, nil when there is none.
func (s *Store) get(key []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pdb.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte{}, v...), nil
}

// scan calls f with the keys from … to, the latter excluded.
func (s *Store) scan(from, to []byte, f func(key, value []byte) error) error {
	it, err := s.db.NewIter(&pdb.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := f(it.Key(), v); err != nil {
			return err
		}
	}
	return it.Error()
}

func (s *Store) scanMeta(letter byte, f func(rest, value []byte) error) error {
	return s.scan([]byte{metaPrefix, letter}, []byte{metaPrefix, letter + 1}, func(key, value []byte) error { return f(key[2:], value) })
}

// Offset is the event log's offset up to which the history goes.
func (s *Store) Offset() uint64 { return s.offset.Load() }

// Sync makes everything appended so far survive a crash of the machine.
func (s *Store) Sync() error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.sync(); err != nil {
		return fmt.Errorf("warehouse: sync: %w", err)
	}
	return nil
}

func (s *Store) sync() error {
	if err := s.writable(0); err != nil {
		return err
	}
	return s.guard(func() error { return s.db.LogData(nil, pdb.Sync) })
}

// Size is the number of bytes of the history's files.
func (s *Store) Size() (int64, error) {
	var size int64
	err := filepath.WalkDir(s.blocksDir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return ignoreGone(err)
	})
	if err != nil {
		return 0, fmt.Errorf("warehouse: size: %w", err)
	}
	return size, nil
}

// ignoreGone ignores that a file went away while it was looked at: compactions remove files.
func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Compact merges what was appended. It costs reading and writing the history about once.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.compact(ctx); err != nil {
		return fmt.Errorf("warehouse: compact: %w", err)
	}
	return nil
}

func (s *Store) compact(ctx context.Context) error {
	size, err := s.Size()
	if err != nil {
		return err
	}
	if err := s.writable(size / 2); err != nil {
		return err
	}
	from, to := []byte{0}, []byte{metaPrefix, 0xff}
	whole := func() error {
		s.compacting.Add(1)
		defer s.compacting.Add(-1)
		return s.guard(func() error { return s.db.Compact(ctx, from, to, true) })
	}
	if err := whole(); err != nil {
		return err
	}
	// What lay in the lowest level already is not rewritten by that; join it here.
	joined := 0
	err = s.scan(appendKey(nil, profileSeries+1, 0, 0), []byte{seenPrefix}, func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n, _, err := warehouse.Segments(value); err != nil || n < 2 {
			return err
		}
		joined++
		return s.join(key)
	})
	if err != nil || joined == 0 {
		return err
	}
	return whole()
}

// join writes a key's segments as one, in place of all that was appended to it.
func (s *Store) join(key []byte) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.writable(0); err != nil {
		return err
	}
	value, err := s.get(key)
	if err != nil || value == nil {
		return err
	}
	if value, err = warehouse.Merge(nil, value); err != nil {
		return err
	}
	return s.guard(func() error { return s.db.Set(key, value, pdb.NoSync) })
}

// Close closes the history. Snapshots must be closed before.
func (s *Store) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.closed.Swap(true) || s.failed.Load() != nil {
		return nil // a failed database cannot be closed: its locks may be held
	}
	if err := s.guard(s.db.Close); err != nil {
		return fmt.Errorf("warehouse: close %s: %w", s.dir, err)
	}
	return nil
}
