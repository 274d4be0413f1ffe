package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tagma/db"
	"tagma/errs"
)

// restoreStage is the folder in the new data directory where files are put before they are named. As long as it is there
// without a database beside it, the restore did not come to its end.
const restoreStage = "restore.part"

// CheckBackup reads a backup and holds every sum in it. What is none, is damaged or not whole is Invalid, with the place
// and the mend; what a newer program wrote is a Conflict. Progress may be nil and hears of the file's bytes.
func CheckBackup(ctx context.Context, file string, progress func(done, all int64)) (*Manifest, error) {
	return readBackup(ctx, file, 1, 0, progress, func(BackupFile, io.Reader) error { return nil })
}

// Restore makes a data directory of a backup. The directory must be empty or not exist; another is a Conflict. The whole
// backup is read and checked before anything is written, and the directory becomes a workspace in the last step: until then
// opening it is refused, and another restore begins anew. A restore that fails leaves nothing.
func Restore(ctx context.Context, file, dir string, progress func(done, all int64)) (*Manifest, error) {
	if err := vacantDir(dir); err != nil {
		return nil, err
	}
	m, err := readBackup(ctx, file, 2, 0, progress, func(BackupFile, io.Reader) error { return nil })
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(dir)
	made := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.New(errs.Invalid, "make the data directory: %w", err)
	}
	lock, err := db.LockDir(dir, now())
	if err != nil {
		return nil, err
	}
	if err = vacantDir(dir); err == nil { // now that nobody else can change it
		if err = restore(ctx, file, dir, m, progress); err != nil {
			err = errors.Join(fullDisk(err, dir), clear(dir))
		}
	}
	if err = errors.Join(err, lock.Unlock()); err != nil {
		if made {
			// Whatever else is there by now keeps the directory from going.
			_ = os.Remove(filepath.Join(dir, db.LockName))
			_ = os.Remove(dir)
		}
		return nil, err
	}
	return m, nil
}

// vacantDir says why a directory cannot take a workspace, nil when it can.
func vacantDir(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil && isFile(dir):
		return errs.New(errs.Conflict, "%s is a file, not a directory: take another --data", dir)
	case err != nil:
		return errs.New(errs.Invalid, "look at %s: %w", dir, err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	if names[db.FileName] {
		return errs.New(errs.Conflict, "%s holds a workspace already: restore into an empty directory (--data), look at it, and then put it in the other's place", dir)
	}
	// What a restore that was killed left is given up.
	known := []string{db.LockName, "lost+found"}
	if names[restoreStage] {
		known = append(append(known, restoreStage), inBackup...)
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			return errs.New(errs.Conflict, "%s is not empty, it has %s: restore into an empty directory (--data)", dir, e.Name())
		}
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// unfinished says that a restore into a directory did not come to its end.
func unfinished(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, restoreStage))
	return err == nil
}

// clear removes what a restore wrote into a directory that has no database.
func clear(dir string) error {
	var all []error
	for _, name := range append(slices.Clone(inBackup), restoreStage) { // the stage last: with it the others are known to be ours
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// restore writes the files into the stage, each safe on the disk, and names them, the database last.
func restore(ctx context.Context, file, dir string, m *Manifest, progress func(done, all int64)) error {
	if unfinished(dir) {
		if err := clear(dir); err != nil {
			return fmt.Errorf("workspace: restore: %w", err)
		}
	}
	if err := room(dir, uint64(m.Bytes)+uint64(m.Bytes)/20+1<<20); err != nil {
		return err
	}
	stage := filepath.Join(dir, restoreStage)
	if err := os.Mkdir(stage, 0o700); err != nil {
		return fmt.Errorf("workspace: restore: %w", err)
	}
	folders := map[string]bool{stage: true}
	again, err := readBackup(ctx, file, 2, 1, progress, func(f BackupFile, from io.Reader) error {
		to := filepath.Join(stage, filepath.FromSlash(f.Name))
		for folder := filepath.Dir(to); !folders[folder]; folder = filepath.Dir(folder) {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return &ownError{err}
			}
			folders[folder] = true
		}
		return writeSafely(to, from)
	})
	if err != nil {
		return err
	}
	if !slices.Equal(again.Files, m.Files) {
		return errs.New(errs.Conflict, "%s was changed while it was read: run the command again", file)
	}
	// Each folder's names are safe before the database says that all is there.
	for folder := range folders {
		if err := syncFolder(folder); err != nil {
			return fmt.Errorf("workspace: restore: %w", err)
		}
	}
	return settle(dir, stage)
}

// settle puts the files into their places, the database last: with it the directory is a workspace.
func settle(dir, stage string) error {
	names := slices.Clone(inBackup)
	slices.SortFunc(names, func(a, b string) int { // the database to the end
		switch {
		case a == db.FileName:
			return 1
		case b == db.FileName:
			return -1
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if name == db.FileName {
			if err := syncFolder(dir); err != nil {
				return fmt.Errorf("workspace: restore: %w", err)
			}
		}
		err := os.Rename(filepath.Join(stage, name), filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // there may be no snapshots
			return fmt.Errorf("workspace: restore: %w", err)
		}
	}
	if err := syncFolder(dir); err != nil {
		return fmt.Errorf("workspace: restore: %w", err)
	}
	if err := os.Remove(stage); err != nil {
		return fmt.Errorf("workspace: restore: %w", err)
	}
	return nil
}

// writeSafely writes a new file and waits for the disk.
func writeSafely(path string, from io.Reader) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &ownError{err}
	}
	_, err = io.Copy(taking{out}, from)
	if err == nil {
		if err = out.Sync(); err != nil {
			err = &ownError{err}
		}
	}
	return errors.Join(err, out.Close())
}

// taking marks failures of writing, which are not the backup's.
type taking struct{ io.Writer }

func (t taking) Write(b []byte) (int, error) {
	n, err := t.Writer.Write(b)
	if err != nil {
		err = &ownError{err}
	}
	return n, err
}

// readBackup reads a backup's file, in one of several readings.
func readBackup(ctx context.Context, file string, readings, before int64, progress func(done, all int64), take func(BackupFile, io.Reader) error) (*Manifest, error) {
	in, err := os.Open(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errs.New(errs.NotFound, "there is no backup %s", file)
	case err != nil:
		return nil, errs.New(errs.Invalid, "%s cannot be read: %w", file, err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, errs.New(errs.Invalid, "%s cannot be read: %w", file, err)
	}
	if !info.Mode().IsRegular() {
		return nil, errs.New(errs.Invalid, "%s is not a file: name the file that `tagma backup` wrote", file)
	}
	r := reading{file: file, take: take}
	done := before * info.Size()
	return r.run(ctx, io.TeeReader(in, counter(func(n int) {
		if done += int64(n); progress != nil {
			progress(done, readings*info.Size())
		}
	})))
}
