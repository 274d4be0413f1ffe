package pebble

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Checkpoint writes the history as it is now, with the finished loads that are staged, into a new directory on the same
// disk. Nothing is appended or ingested until with has returned.
func (s *Store) Checkpoint(dir string, with func() error) (err error) {
	s.write.Lock()
	defer s.write.Unlock()
	defer func() {
		if err != nil {
			err = fmt.Errorf("warehouse: checkpoint %s: %w", dir, errors.Join(err, s.fs.RemoveAll(dir)))
		}
	}()
	// The log that was not yet flushed is copied, all else is linked.
	log := int64(0)
	if s.reading() == nil {
		log = int64(s.db.Metrics().WAL.Size)
	}
	if err := s.writable(log); err != nil {
		return err
	}
	if err := s.fs.MkdirAll(filepath.Join(dir, filepath.Base(s.loadsDir())), 0o700); err != nil {
		return err
	}
	// What was appended and is not yet on the disk is part of it, and goes there first.
	if err := s.guard(func() error {
		return s.db.Checkpoint(filepath.Join(dir, filepath.Base(s.blocksDir())), pdb.WithFlushedWAL())
	}); err != nil {
		return err
	}
	if err := with(); err != nil {
		return err
	}
	return s.linkLoads(filepath.Join(dir, filepath.Base(s.loadsDir())))
}

// linkLoads puts the finished loads into a directory. One that is being staged at the moment has no manifest, and
// whatever names it comes later.
func (s *Store) linkLoads(to string) error {
	ids, err := s.fs.List(s.loadsDir())
	if err != nil {
		return err
	}
	for _, id := range ids {
		from := filepath.Join(s.loadsDir(), id)
		switch _, err := s.fs.Stat(filepath.Join(from, manifestFile)); {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return err
		}
		m, err := s.readManifest(id, from)
		if err != nil {
			return err
		}
		if err := s.fs.MkdirAll(filepath.Join(to, id), 0o700); err != nil {
			return err
		}
		for _, name := range append([]string{manifestFile, profilesFile}, m.Tables...) {
			name = filepath.Base(name)
			if err := vfs.LinkOrCopy(s.fs, filepath.Join(from, name), filepath.Join(to, id, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
