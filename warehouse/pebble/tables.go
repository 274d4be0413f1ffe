package pebble

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// tables writes sorted tables into a directory, a new one when one is large. Keys come in ascending order.
type tables struct {
	store  *Store
	dir    string
	name   string // of the only table; "" for numbered ones
	files  []string
	bytes  int64
	writer *sstable.Writer
}

func (t *tables) begin() error {
	if t.writer != nil {
		return nil
	}
	name := t.name
	if name == "" {
		name = fmt.Sprintf("%06d.sst", len(t.files)+1)
	}
	path := filepath.Join(t.dir, name)
	if err := t.store.fs.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := t.store.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	t.files = append(t.files, name)
	t.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(f), t.store.opts.MakeWriterOptions(0, t.store.db.TableFormat()))
	return nil
}

func (t *tables) merge(key, value []byte) error {
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.writer.Merge(key, value); err != nil {
		return err
	}
	if t.writer.Raw().EstimatedSize() < tableSize {
		return nil
	}
	return t.close()
}

func (t *tables) set(key, value []byte) error {
	if err := t.begin(); err != nil {
		return err
	}
	return t.writer.Set(key, value)
}

// close finishes and syncs the table that is being written, if there is one.
func (t *tables) close() error {
	if t.writer == nil {
		return nil
	}
	w := t.writer
	t.writer = nil
	if err := w.Close(); err != nil {
		return err
	}
	m, err := w.Metadata()
	if err != nil {
		return err
	}
	t.bytes += int64(m.Size)
	return nil
}

func (t *tables) abort() {
	if t.writer != nil {
		t.writer.Close() // what it wrote is thrown away
		t.writer = nil
	}
}

func writeFile(fs vfs.FS, path string, b []byte) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Size())
	_, err = f.ReadAt(b, 0)
	if len(b) == 0 {
		return b, nil
	}
	return b, err
}

func syncDir(fs vfs.FS, path string) error {
	d, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
