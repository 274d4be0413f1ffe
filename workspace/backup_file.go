package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"tagma/errs"
	"tagma/tag"
)

// BackupTo makes a backup in a new file, of mode 0600. The file is there only when it is whole and safe on the disk: it is
// written beside its place, as path.part, and a backup that fails leaves nothing. A file that exists is a Conflict, one
// inside the data directory is Invalid.
func (w *Workspace) BackupTo(ctx context.Context, path, version string, progress func(done, all int64)) (m Manifest, err error) {
	if err := w.place(path); err != nil {
		return m, err
	}
	part, err := newPart(path)
	if err != nil {
		return m, err
	}
	defer func() {
		if part != nil {
			err = errors.Join(err, part.drop())
		}
	}()
	b, err := w.StartBackup(ctx, version, progress)
	if err != nil {
		return m, err
	}
	err = b.Write(ctx, &sparing{Writer: part.file, beside: w.Dir, path: path})
	if err = errors.Join(err, b.Close()); err == nil {
		err = part.keep()
		if err == nil {
			part = nil
		}
	}
	return b.Manifest(), fullDisk(err, filepath.Dir(path))
}

// place says why a backup cannot be written to a path, nil when it may.
func (w *Workspace) place(path string) error {
	folder, err := realPath(filepath.Dir(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errs.New(errs.NotFound, "there is no folder %s: make it first, or name the backup's file elsewhere", filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("workspace: backup to %s: %w", path, err)
	}
	data, err := realPath(w.Dir)
	if err != nil {
		return fmt.Errorf("workspace: backup to %s: %w", path, err)
	}
	if rel, err := filepath.Rel(data, folder); err == nil && filepath.IsLocal(rel) {
		return errs.New(errs.Invalid, "%s lies in the data directory and would be lost with it: name a file elsewhere, best on another disk", path)
	}
	return vacant(path)
}

func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// vacant is nil when nothing stands at a path.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("workspace: backup to %s: %w", path, err)
	case info.IsDir():
		return errs.New(errs.Invalid, "%s is a folder: name a new file in it, as in %s", path, filepath.Join(path, "tagma.tar.zst"))
	}
	return errs.New(errs.Conflict, "%s exists already: name another file, or remove that one first", path)
}

// part is a file that is being written beside its place.
type part struct {
	path string
	file *os.File
}

// newPart begins to write a file. What a killed backup left under the same name is written over.
func newPart(path string) (*part, error) {
	file, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s cannot be written: %w", path, err)
	}
	p := &part{path, file}
	// The lock ends with the process, so it says whether somebody is writing there now.
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(errs.New(errs.Busy, "another backup is being written to %s: name another file", path), file.Close())
	}
	if err := file.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("workspace: backup to %s: %w", path, err), p.drop())
	}
	return p, nil
}

// keep makes the file safe and puts it into its place.
func (p *part) keep() error {
	err := p.file.Chmod(0o600)
	if err == nil {
		err = p.file.Sync()
	}
	if err == nil {
		err = vacant(p.path)
	}
	if err == nil {
		err = os.Rename(p.file.Name(), p.path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(p.path))
	}
	if err == nil {
		err = p.file.Close()
	}
	if err != nil {
		return fmt.Errorf("workspace: backup to %s: %w", p.path, err)
	}
	return nil
}

// drop removes what was written.
func (p *part) drop() error {
	err := os.Remove(p.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	_ = p.file.Close() // what it holds is thrown away
	return err
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sparing writes as long as the data directory keeps room to work, where both are on one disk.
type sparing struct {
	io.Writer
	beside, path string
	unseen       int // bytes since the room was looked at
}

// looks is how much is written between two looks at the room that is left.
const looks = 8 << 20

func (s *sparing) Write(b []byte) (int, error) {
	if s.unseen += len(b); s.unseen >= looks {
		s.unseen = 0
		if err := s.look(); err != nil {
			return 0, err
		}
	}
	return s.Writer.Write(b)
}

func (s *sparing) look() error {
	var here, there syscall.Stat_t
	if err := errors.Join(syscall.Stat(s.beside, &here), syscall.Stat(filepath.Dir(s.path), &there)); err != nil {
		return err
	}
	if here.Dev != there.Dev {
		return nil // a disk of its own may be filled
	}
	have, err := free(s.beside)
	if err == nil && have < backupReserve {
		err = errs.New(errs.Busy, "the disk is nearly full: %s is on the disk of the data directory, which has %d MB left to work with; make room, or write the backup to another disk", s.path, have>>20)
	}
	return err
}

// leftovers are folders of a backup or a restore that did not come to its end, and of evaluations.
var leftovers = []string{backupStage, restoreStage, tag.ScratchFolder}

// sweep removes what a killed backup or a restore left behind. The data directory's lock must be held.
func sweep(dir string) error {
	for _, name := range leftovers {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("workspace: remove %s: %w", name, err)
		}
	}
	return nil
}
