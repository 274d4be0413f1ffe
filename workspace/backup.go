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
	"syscall"

	"tagma/db"
	"tagma/errs"
)

// backupStage is the folder in the data directory where a backup is held while it is written away.
const backupStage = "backup.part"

// backupReserve is the room that a backup leaves on the disk of the data directory: work goes on there.
const backupReserve = 128 << 20

// Backup is the workspace as it was at one moment, while work on it goes on. It holds everything that was acknowledged
// before StartBackup was called, and nothing that was acknowledged after it returned.
type Backup struct {
	w        *Workspace
	manifest Manifest
	progress func(done, all int64)
	done     int64
	all      int64 // copying the database counts too
	closed   bool
}

// StartBackup holds the workspace at this moment. Others wait only while the history's files are linked; then the database
// is copied beside them, which takes its size on the disk of the data directory until Close. Version is the program's,
// progress may be nil and hears of bytes. A second backup at the same time is Busy, and so is a disk that is too full.
func (w *Workspace) StartBackup(ctx context.Context, version string, progress func(done, all int64)) (*Backup, error) {
	if !w.backup.TryLock() {
		return nil, errs.New(errs.Busy, "another backup is being made: wait until it is done")
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	b := &Backup{w: w, progress: progress}
	if err := b.start(ctx, version); err != nil {
		return nil, errors.Join(fullDisk(err, w.Dir), b.Close())
	}
	return b, nil
}

func (b *Backup) start(ctx context.Context, version string) error {
	if err := os.RemoveAll(b.stage("")); err != nil { // of one that was killed
		return fmt.Errorf("workspace: backup: %w", err)
	}
	if err := os.Mkdir(b.stage(""), 0o700); err != nil {
		return fmt.Errorf("workspace: backup: %w", err)
	}
	moment, err := b.hold(ctx, version)
	if err != nil {
		return err
	}
	err = b.copy(ctx, moment)
	return errors.Join(err, moment.Close())
}

// hold takes the history, and the database of the same moment. The event log has all that follows what is in this
// history: it is not trimmed meanwhile. Loads that it names and the history has not are beside it, as finished loads are.
func (b *Backup) hold(ctx context.Context, version string) (moment *db.Moment, err error) {
	defer b.w.readers.Hold()()
	m := &b.manifest
	err = b.w.Store.Checkpoint(b.stage("warehouse"), func() (err error) {
		at := now()
		if moment, err = b.w.DB.Moment(ctx); err != nil {
			return err
		}
		zone := b.w.Zone
		m.BackupHeader = BackupHeader{Format: backupFormat, Tagma: version, MadeAt: zone.Format(at), MadeAtMS: at, Timezone: zone.String(), Schema: moment.Schema()}
		m.History = b.w.Store.Offset()
		if m.EventLog, err = b.w.Events.End(ctx, moment.Read()); err != nil {
			return err
		}
		if m.ChangeLog, err = b.w.Changes.End(ctx, moment.Read()); err != nil {
			return err
		}
		return link(filepath.Join(b.w.Dir, "snapshots"), b.stage("snapshots"))
	})
	if err != nil && moment != nil {
		err = errors.Join(err, moment.Close())
		moment = nil
	}
	return moment, err
}

// copy copies the database, and lists the files.
func (b *Backup) copy(ctx context.Context, moment *db.Moment) error {
	files, err := list(b.stage(""))
	if err != nil {
		return err
	}
	// The database first, so that the small things that name the rest are at the beginning.
	b.manifest.Files = append([]BackupFile{{Name: db.FileName, Bytes: moment.Bytes()}}, files...)
	for _, f := range b.manifest.Files {
		b.manifest.Bytes += f.Bytes
	}
	b.all = b.manifest.Bytes + moment.Bytes()
	if err := room(b.w.Dir, uint64(moment.Bytes())+backupReserve); err != nil {
		return err
	}
	err = moment.Copy(ctx, b.stage(db.FileName), func(done, _ int64) {
		b.done = done
		b.progress(b.done, b.all)
	})
	if err != nil {
		return err
	}
	info, err := os.Stat(b.stage(db.FileName))
	if err == nil && info.Size() != moment.Bytes() {
		err = fmt.Errorf("workspace: backup: the copy of the database has %d bytes, not %d", info.Size(), moment.Bytes())
	}
	return err
}

func (b *Backup) stage(name string) string { return filepath.Join(b.w.Dir, backupStage, name) }

// Manifest is what the backup holds. The sums of the files are known after Write.
func (b *Backup) Manifest() Manifest { return b.manifest }

// Write writes the backup. It is whole only when Write returned without an error; what was written of another is refused
// by Restore as half a backup.
func (b *Backup) Write(ctx context.Context, out io.Writer) error {
	a, err := newArchive(out)
	if err != nil {
		return fmt.Errorf("workspace: backup: %w", err)
	}
	if err := b.write(ctx, a); err != nil {
		a.zip.Reset(io.Discard) // nothing more goes to out: half a backup has no end
		return errors.Join(fmt.Errorf("workspace: backup: %w", err), a.zip.Close())
	}
	if err := a.close(); err != nil {
		return fmt.Errorf("workspace: backup: %w", err)
	}
	return nil
}

func (b *Backup) write(ctx context.Context, a *archive) error {
	if err := a.json(headerFile, b.manifest.BackupHeader); err != nil {
		return err
	}
	for i := range b.manifest.Files {
		f := &b.manifest.Files[i]
		if err := a.file(ctx, b.stage(filepath.FromSlash(f.Name)), f, func(n int) {
			b.done += int64(n)
			b.progress(b.done, b.all)
		}); err != nil {
			return err
		}
	}
	return a.json(manifestFile, b.manifest)
}

// Close lets the moment go, and removes what was held of it.
func (b *Backup) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	defer b.w.backup.Unlock()
	if err := os.RemoveAll(b.stage("")); err != nil {
		return fmt.Errorf("workspace: backup: %w", err)
	}
	return nil
}

// link makes a folder of links to the files in another one, where that exists.
func link(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		// Such files are written beside their place and never change in it; what is just being written has another ending.
		if !e.Type().IsRegular() || filepath.Ext(e.Name()) != ".tags" {
			continue
		}
		if err := linkOrCopy(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// linkOrCopy copies where the file system has no links.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// list names the files below a folder, in order, without their sums.
func list(dir string) (files []BackupFile, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil {
			files = append(files, BackupFile{Name: filepath.ToSlash(name), Bytes: info.Size()})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("workspace: backup: %w", err)
	}
	slices.SortFunc(files, func(a, b BackupFile) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// free is the room on the disk of a folder, in bytes.
func free(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("workspace: how much room %s has: %w", dir, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

// room refuses what the disk of a folder has no room for.
func room(dir string, need uint64) error {
	have, err := free(dir)
	if err != nil {
		return err
	}
	if have < need {
		return errs.New(errs.Busy, "the disk is full: %d MB are free in %s and %d MB are needed there for a while; make room and run the command again", have>>20, dir, need>>20+1)
	}
	return nil
}

// fullDisk says what to do about a full disk.
func fullDisk(err error, dir string) error {
	if err != nil && errors.Is(err, syscall.ENOSPC) && errs.KindOf(err) == errs.Internal {
		return errs.New(errs.Busy, "the disk of %s is full: make room and run the command again; nothing of what was written is left (%w)", dir, err)
	}
	return err
}
