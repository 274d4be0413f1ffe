package pebble

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tagma/errs"
	"tagma/event"
	"tagma/warehouse"
	"tagma/warehouse/warehousetest"
)

func TestCrash(t *testing.T) {
	warehousetest.Crash(t, func(t *testing.T, dir string) warehouse.Store { return mustOpen(t, dir) })
}

func oneEvent(offset uint64) *warehouse.Batch {
	return &warehouse.Batch{Offset: offset, Events: []event.Event{{Profile: 3, Name: "a", Time: 1000, Arrival: offset, Props: []event.Property{{Name: "p", Value: event.Text("x")}}}}}
}

// failingDisk reports little room, or fails to write files whose name ends in fail.
type failingDisk struct {
	vfs.FS
	low  atomic.Bool
	fail atomic.Pointer[string]
}

func (d *failingDisk) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	u, err := d.FS.GetDiskUsage(path)
	if d.low.Load() {
		u.AvailBytes = 5 << 20
	}
	return u, err
}

func (d *failingDisk) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &failingFile{f, d, name}, nil
}

func (d *failingDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return d.wrap(name, f, err)
}

func (d *failingDisk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.ReuseForWrite(old, name, c)
	return d.wrap(name, f, err)
}

type failingFile struct {
	vfs.File
	disk *failingDisk
	name string
}

func (f *failingFile) Write(p []byte) (int, error) {
	if suffix := f.disk.fail.Load(); suffix != nil && strings.HasSuffix(f.name, *suffix) {
		return 0, &os.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	return f.File.Write(p)
}

func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	disk := &failingDisk{FS: vfs.Default}
	s, err := Open(t.TempDir(), Options{fs: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Append(ctx, oneEvent(1)); err != nil {
		t.Fatal(err)
	}
	disk.low.Store(true)
	for what, f := range map[string]func() error{
		"append":  func() error { return s.Append(ctx, oneEvent(2)) },
		"sync":    s.Sync,
		"compact": func() error { return s.Compact(ctx) },
		"load": func() error {
			l, err := s.StartLoad("a")
			if err != nil {
				return err
			}
			defer l.Abort()
			return l.Finish(ctx)
		},
	} {
		if err := f(); !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "the disk is full: 5 MB are free") {
			t.Errorf("%s on a full disk: %v", what, err)
		}
	}
	if s.Offset() != 1 {
		t.Errorf("offset %d, want 1", s.Offset())
	}
	disk.low.Store(false)
	if err := s.Append(ctx, oneEvent(2)); err != nil {
		t.Fatalf("after room was made: %v", err)
	}
	// A flush that fails is reported by the next writes, and forgotten when Pebble gets it done.
	sst := ".sst"
	disk.fail.Store(&sst)
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	for offset := uint64(3); failed == nil; offset++ {
		failed = s.Append(ctx, oneEvent(offset))
	}
	if !strings.Contains(failed.Error(), "no space left on device") {
		t.Errorf("after a flush that failed: %v", failed)
	}
	disk.fail.Store(nil)
	<-flushed
	if err := s.Append(ctx, oneEvent(1<<40)); err != nil {
		t.Errorf("after the flush was done: %v", err)
	}
}

// TestLogFails has the write-ahead log fail, which Pebble cannot go on after: every call says so, and what was
// written before is there when the store is opened again.
func TestLogFails(t *testing.T) {
	ctx := context.Background()
	disk := &failingDisk{FS: vfs.NewMem()}
	s, err := Open("history", Options{fs: disk})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Append(ctx, oneEvent(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	log := ".log"
	disk.fail.Store(&log)
	var failed error
	for offset := uint64(2); failed == nil; offset++ {
		if failed = s.Append(ctx, oneEvent(offset)); failed == nil {
			failed = s.Sync()
		}
	}
	if !strings.Contains(failed.Error(), "no space left on device") {
		t.Errorf("when the log fails: %v", failed)
	}
	disk.fail.Store(nil)
	if err := s.Append(ctx, oneEvent(1<<40)); err == nil {
		t.Error("a store whose log failed took a batch")
	}
	if _, err := s.Snapshot(); err == nil {
		t.Error("a store whose log failed gave a snapshot")
	}
	s.Close()
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	defer s.Close()
	if _, err := Open(dir, Options{}); !errs.Is(err, errs.Busy) || !strings.Contains(err.Error(), dir) {
		t.Errorf("opening a history twice: %v", err)
	}
}

func TestNewerVersions(t *testing.T) {
	ctx := context.Background()
	newer := func(what string, err error) {
		t.Helper()
		if !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "newer version of tagma") {
			t.Errorf("%s: %v", what, err)
		}
	}

	dir := t.TempDir()
	s := mustOpen(t, dir)
	if err := s.Append(ctx, oneEvent(1)); err != nil {
		t.Fatal(err)
	}
	key := appendKey(nil, s.registry.findSeries(seriesName{warehouse.Events, "a"}).id, 0, chunkOf(1000))
	if err := s.db.Merge(key, []byte{0x7e, 1, 2}, nil); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	r, err := snap.Reader(warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: warehouse.Events, Name: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	newer("a newer segment", r.Blocks(0, 1, new(warehouse.Block)))
	r.Close()
	snap.Close()
	if err := s.db.Set(formatKey, binary.AppendUvarint(nil, formatVersion+1), pdb.Sync); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	newer("a newer format", err)

	dir = t.TempDir()
	mustOpen(t, dir).Close()
	markers, err := filepath.Glob(filepath.Join(dir, "blocks", "marker.format-version.*"))
	if err != nil || len(markers) != 1 {
		t.Fatalf("format markers %q, %v", markers, err)
	}
	if err := os.Rename(markers[0], filepath.Join(dir, "blocks", "marker.format-version.000999.999")); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	newer("a newer database", err)

	dir = t.TempDir()
	s = mustOpen(t, dir)
	defer s.Close()
	l, err := s.StartLoad("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "loads", "a", manifestFile), []byte(`{"version": 99}`), 0o644); err != nil {
		t.Fatal(err)
	}
	newer("a newer load", s.Ingest(ctx, "a", 1))
}

// TestOpenErrors opens what is no directory.
func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("opening a file: %v", err)
	}
}
