package workspace_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/stream"
	"tagma/tag"
	"tagma/warehouse"
	"tagma/workspace"
)

// backup makes a backup of the workspace beside it, and returns the file.
func (d *desk) backup(w *workspace.Workspace, name string) (string, workspace.Manifest) {
	d.t.Helper()
	path := filepath.Join(filepath.Dir(d.dir), name)
	m, err := w.BackupTo(d.ctx, path, "test", nil)
	d.must(err)
	return path, m
}

// restored makes a workspace of a backup.
func (d *desk) restored(file string) *desk {
	d.t.Helper()
	other := &desk{d.t, d.ctx, filepath.Join(d.t.TempDir(), "restored")}
	_, err := workspace.Restore(d.ctx, file, other.dir, nil)
	d.must(err)
	return other
}

// sound checks the workspace as `tagma check` does.
func (d *desk) sound(w *workspace.Workspace) {
	d.t.Helper()
	findings, err := tag.Verify(d.ctx, w.Tags())
	d.must(err)
	for _, f := range findings {
		if f.Wrong {
			d.t.Errorf("check: %s", f.What)
		}
	}
}

// value asks a question about the one customer there is.
func (d *desk) value(w *workspace.Workspace, text string) string {
	d.t.Helper()
	q, err := tag.Ask(d.ctx, w.Tags(), text, tag.QueryOptions{Now: w.Now()})
	d.must(err)
	defer q.Close()
	rows, err := q.Rows(d.ctx, true)
	d.must(err)
	if len(rows) == 0 {
		return ""
	}
	return rows[0].Value.Format(w.Zone)
}

func TestBackupAndRestore(t *testing.T) {
	d := newDesk(t, workspace.Settings{Timezone: "Europe/London"})
	var file string
	var m workspace.Manifest
	d.with(func(w *workspace.Workspace) {
		d.stock(w)
		d.compute(w, "2026-06-30")
		_, err := tag.Compute(d.ctx, w.Tags(), tag.Options{AsOf: d.day(w, "2026-06-10"), Past: true})
		d.must(err)
		file, m = d.backup(w, "shop.tar.zst")
		d.compute(w, "2026-07-15") // what comes later
		d.equal("after", d.carried(w), inJuly)
	})
	info, err := os.Stat(file)
	d.must(err)
	d.equal("mode", info.Mode(), fs.FileMode(0o600))
	if m.History != m.EventLog || m.EventLog == 0 || m.Timezone != "Europe/London" || m.Tagma != "test" || m.Bytes == 0 {
		t.Errorf("the manifest is %+v", m)
	}
	checked, err := workspace.CheckBackup(d.ctx, file, nil)
	d.must(err)
	d.equal("files", checked.Files, m.Files)

	r := d.restored(file)
	d.must(filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		info, _ := e.Info()
		if mode := info.Mode().Perm(); err != nil || mode&0o077 != 0 && e.Name() != db.LockName {
			t.Errorf("%s has mode %o, %v", path, mode, err)
		}
		return nil
	}))
	r.with(func(w *workspace.Workspace) {
		r.equal("zone", w.Zone, "Europe/London")
		r.equal("restored", r.carried(w), inJune)
		past, err := tag.ReadMembers(r.ctx, w.Tags(), tag.MembersQuery{Key: "buyers", Segment: true, AsOf: r.day(w, "2026-06-10"), HasAsOf: true, IDKinds: []string{"user_id"}})
		r.must(err)
		r.equal("a snapshot of the past", len(past.Rows), 1)
		r.sound(w)
		r.compute(w, "2026-07-15") // and it goes on
		r.equal("goes on", r.carried(w), inJuly)
	})
	d.with(func(w *workspace.Workspace) { d.sound(w) })
}

// Everything in a data directory is either in a backup, or known to be made again or to be of one process.
func TestEveryFileIsKnownToTheBackup(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	var m workspace.Manifest
	d.serving(func(w *workspace.Workspace) {
		d.stock(w)
		_, err := tag.Compute(d.ctx, w.Tags(), tag.Options{AsOf: d.day(w, "2026-06-10"), Past: true})
		d.must(err)
		d.compute(w, "2026-06-30")
		_, m = d.backup(w, "shop.tar.zst")
	})
	known := map[string]bool{"index.tags": true, "since.tags": true, "lock": true, "local-token": true}
	for _, f := range m.Files {
		top, _, _ := strings.Cut(f.Name, "/")
		known[top] = true
	}
	entries, err := os.ReadDir(d.dir)
	d.must(err)
	for _, e := range entries {
		if !known[e.Name()] {
			t.Errorf("%s is not in the backup: is it one that can be made again?", e.Name())
		}
	}
}

// steps appends events of one customer, numbered from 0, and says how many were begun and how many acknowledged.
type steps struct {
	name         string
	begun, acked atomic.Int64
}

func (s *steps) record(n int64) ingest.Record {
	return ingest.Record{Identifiers: []identity.Key{{Kind: "user_id", Value: "w"}},
		Events: []ingest.Event{{Name: s.name, Time: event.Time(1_700_000_000_000 + n), Props: []event.Property{{Name: "n", Value: event.Num(event.Int(n))}}}}}
}

// Backups that are made while records are accepted, loads are taken in and runs go on hold everything that was acknowledged
// before they began, and a beginning of what came after.
func TestBackupUnderLoad(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	single, bulk := &steps{name: "single"}, &steps{name: "bulk"}
	type made struct {
		file                     string
		single0, single1, b0, b1 int64
	}
	var backups []made
	d.serving(func(w *workspace.Workspace) {
		d.stock(w)
		ctx, stop := context.WithCancel(d.ctx)
		var writers sync.WaitGroup
		var failures [4]error
		worked := make(chan struct{}) // the first writer got something done; closed when it ends
		writers.Go(func() {
			defer close(worked)
			for n := int64(0); ctx.Err() == nil && failures[0] == nil; n++ {
				single.begun.Add(1)
				if _, failures[0] = ingest.Accept(d.ctx, w.Ingest(), "till", single.record(n)); failures[0] == nil {
					single.acked.Add(1)
					select {
					case worked <- struct{}{}:
					default:
					}
				}
			}
		})
		writers.Go(func() {
			for n := int64(0); ctx.Err() == nil && failures[1] == nil; {
				l, err := ingest.NewLoader(d.ctx, w.Ingest(), "till")
				for range 200 {
					if err == nil {
						bulk.begun.Add(1)
						err = l.Add(bulk.record(n))
						n++
					}
				}
				if err == nil {
					_, err = l.Close()
				}
				if failures[1] = err; err == nil {
					bulk.acked.Store(n)
				}
			}
		})
		writers.Go(func() {
			for ctx.Err() == nil && failures[2] == nil {
				_, failures[2] = tag.Compute(d.ctx, w.Tags(), tag.Options{AsOf: w.Now()})
			}
		})
		writers.Go(func() {
			for ctx.Err() == nil && failures[3] == nil {
				failures[3] = w.Trim(d.ctx, 0)
			}
		})
		for i := range 4 {
			for range 5 { // let them work
				<-worked
			}
			b := made{single0: single.acked.Load(), b0: bulk.acked.Load()}
			b.file, _ = d.backup(w, string(rune('a'+i)))
			b.single1, b.b1 = single.begun.Load(), bulk.begun.Load()
			backups = append(backups, b)
		}
		stop()
		writers.Wait()
		d.must(errors.Join(failures[:]...))
		d.sound(w)
	})
	for i, b := range backups {
		r := d.restored(b.file)
		r.with(func(w *workspace.Workspace) {
			r.sound(w)
			for _, s := range []struct {
				name   string
				lo, hi int64
			}{{"single", b.single0, b.single1}, {"bulk", b.b0, b.b1}} {
				snap, err := w.Store.Snapshot()
				r.must(err)
				var rows int64
				for _, x := range snap.Series() {
					if x.Kind == warehouse.Events && x.Name == s.name {
						rows = int64(x.Rows)
					}
				}
				snap.Close()
				if rows < s.lo || rows > s.hi {
					t.Errorf("backup %d has %d of %s: %d were acknowledged before it began, %d begun when it ended", i, rows, s.name, s.lo, s.hi)
				}
				if rows > 0 { // nothing is missing in between
					q, err := tag.Ask(r.ctx, w.Tags(), "events."+s.name+".max(e, e.n)", tag.QueryOptions{Now: w.Now()})
					r.must(err)
					found, err := q.Rows(r.ctx, true)
					q.Close()
					r.must(err)
					r.equal("the last of "+s.name, found[0].Value.Format(w.Zone), rows-1)
				}
			}
		})
	}
}

// A load that the event log names, and that the history had not yet taken in, comes with the backup.
func TestAStagedLoadIsInTheBackup(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	var file string
	var m workspace.Manifest
	d.with(func(w *workspace.Workspace) {
		d.stock(w)
		d.must(w.DB.Tx(d.ctx, func(ctx context.Context, tx bun.Tx) error {
			first, err := w.Events.End(ctx, tx)
			d.must(err)
			l, err := w.Store.StartLoad("by-hand")
			d.must(err)
			d.must(l.Event(&event.Event{Profile: 0, Name: "staged", Time: 1_700_000_000_000, Arrival: first}))
			d.must(l.Finish(ctx))
			note := ingest.LoadNote{ID: "by-hand", Source: "till", Counts: ingest.Counts{Events: 1}}
			_, err = w.Events.Append(ctx, tx, stream.Entry{Kind: ingest.EntryLoad, Count: 1, Payload: note.Encode()})
			return err
		}))
		file, m = d.backup(w, "staged")
	})
	if m.History != m.EventLog-1 {
		t.Fatalf("the history of the backup is at %d, its log ends at %d", m.History, m.EventLog)
	}
	r := d.restored(file)
	r.with(func(w *workspace.Workspace) {
		r.equal("events of the load", r.value(w, "events.staged.count()"), "1")
		r.sound(w)
	})
}

func TestWhereABackupIsNotWritten(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) {
		beside := filepath.Dir(d.dir)
		file, _ := d.backup(w, "first")
		for path, c := range map[string]struct {
			kind  errs.Kind
			words string
		}{
			file:                                   {errs.Conflict, "exists already: name another file"},
			beside:                                 {errs.Invalid, "is a folder: name a new file in it"},
			filepath.Join(beside, "none", "x"):     {errs.NotFound, "make it first"},
			d.file("x"):                            {errs.Invalid, "lies in the data directory"},
			filepath.Join(d.dir, "warehouse", "x"): {errs.Invalid, "lies in the data directory"},
		} {
			_, err := w.BackupTo(d.ctx, path, "test", nil)
			d.refused(err, c.kind, c.words)
		}
		// One at a time.
		b, err := w.StartBackup(d.ctx, "test", nil)
		d.must(err)
		_, err = w.BackupTo(d.ctx, filepath.Join(beside, "second"), "test", nil)
		d.refused(err, errs.Busy, "another backup is being made")
		d.must(b.Close())
		d.must(b.Close())
		// One that is given up leaves nothing, neither here nor there.
		ctx, cancel := context.WithCancel(d.ctx)
		_, err = w.BackupTo(ctx, filepath.Join(beside, "third"), "test", func(int64, int64) { cancel() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
		entries, err := os.ReadDir(beside)
		d.must(err)
		for _, e := range entries {
			if e.Name() != "first" && e.Name() != "data" {
				t.Errorf("%s is left", e.Name())
			}
		}
		if _, err := os.Stat(d.file("backup.part")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("backup.part is left: %v", err)
		}
		d.backup(w, "fourth") // and it can be done again
	})
}

// failing fails after some bytes.
type failing struct{ left int }

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errors.New("the pipe broke")
	}
	return len(b), nil
}

func TestAWriterThatFails(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) {
		b, err := w.StartBackup(d.ctx, "test", nil)
		d.must(err)
		if err := b.Write(d.ctx, &failing{left: 5000}); err == nil || !strings.Contains(err.Error(), "the pipe broke") {
			t.Errorf("the error is %v", err)
		}
		d.must(b.Close())
	})
}

// small makes a small backup and returns the file and its bytes.
func small(t *testing.T) (d *desk, file string, text []byte) {
	d = newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) {
		d.stock(w)
		file, _ = d.backup(w, "good")
	})
	text, err := os.ReadFile(file)
	d.must(err)
	return d, file, text
}

// Wherever a byte of what is inside is changed, restoring says that the file is damaged, and wherever it ends, that it is half; nothing is
// written in either case.
func TestADamagedBackup(t *testing.T) {
	d, file, good := small(t)
	plain, err := unpack(good)
	d.must(err)
	to := filepath.Join(t.TempDir(), "restored")
	bad := file + ".bad"
	try := func(text []byte) error {
		d.must(os.WriteFile(bad, text, 0o600))
		_, err := workspace.Restore(d.ctx, bad, to, nil)
		if _, missing := os.Stat(to); !errors.Is(missing, fs.ErrNotExist) {
			t.Fatalf("something was written: %v", missing)
		}
		return err
	}
	found := 0
	for i := range 60 {
		at := 6 + (len(good)-7)*i/60
		text := bytes.Clone(good)
		text[at] ^= 0x10
		if got, err := unpack(text); err == nil && bytes.Equal(got, plain) {
			continue // a few bits of the packing say nothing
		}
		found++
		d.refused(try(text), errs.Invalid, bad, "opy it again from where it is kept, or take another")
	}
	if found < 50 {
		t.Errorf("only %d of 60 changes changed anything", found)
	}
	for i := range 40 {
		d.refused(try(good[:len(good)*i/40]), errs.Invalid, bad+" is only half a backup", "take another")
	}
	d.refused(try(append(bytes.Clone(good), "more"...)), errs.Invalid, "damaged")
	d.refused(try([]byte("a text about something else")), errs.Invalid, "is not a backup of Tagma")

	// What is changed inside, where the packing is sound.
	at := bytes.Index(plain, []byte("SQLite format 3")) + 5000
	plain[at] ^= 1
	d.refused(try(packed(t, plain)), errs.Invalid, "is damaged in tagma.db: its content is not what was written")
	plain[at] ^= 1
	if m, err := workspace.CheckBackup(d.ctx, file, nil); err != nil || len(m.Files) == 0 {
		t.Errorf("the good one: %v", err)
	}
	d.refused(try(packed(t, bytes.Replace(plain, []byte(`"format": 1`), []byte(`"format": 7`), 1))), errs.Conflict, "newer version of Tagma", "format 7", "upgrade the program")
	d.refused(try(packed(t, bytes.Replace(plain, []byte("warehouse/blocks"), []byte("../../../../etc/"), 1))), errs.Invalid, "damaged")
	_, err = workspace.Restore(d.ctx, file+".none", to, nil)
	d.refused(err, errs.NotFound, "there is no backup")
	_, err = workspace.Restore(d.ctx, filepath.Dir(file), to, nil)
	d.refused(err, errs.Invalid, "is not a file")
}

func unpack(text []byte) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func packed(t *testing.T, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(text, nil)
}

func TestWhereABackupIsNotRestored(t *testing.T) {
	d, file, _ := small(t)
	refused := func(dir string, words ...string) {
		t.Helper()
		_, err := workspace.Restore(d.ctx, file, dir, nil)
		d.refused(err, errs.Conflict, words...)
	}
	refused(d.dir, "holds a workspace already", "restore into an empty directory")
	refused(file, "is a file, not a directory")
	dir := t.TempDir()
	d.must(os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600))
	refused(dir, "is not empty, it has notes.txt")
	if text, err := os.ReadFile(filepath.Join(dir, "notes.txt")); string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
	// Into a directory that exists and is empty, such as the root of a disk.
	disk := t.TempDir()
	d.must(os.Mkdir(filepath.Join(disk, "lost+found"), 0o700))
	_, err := workspace.Restore(d.ctx, file, disk, nil)
	d.must(err)
	// One that another process is using.
	busy := t.TempDir()
	lock, err := db.LockDir(busy, 1)
	d.must(err)
	_, err = workspace.Restore(d.ctx, file, busy, nil)
	d.refused(err, errs.Busy, "in use")
	d.must(lock.Unlock())
}

// A restore that was killed leaves no workspace: opening and making one are refused, another restore begins anew.
func TestAnInterruptedRestore(t *testing.T) {
	d, file, _ := small(t)
	dir := filepath.Join(t.TempDir(), "restored")
	ctx, cancel := context.WithCancel(d.ctx)
	_, err := workspace.Restore(ctx, file, dir, func(done, all int64) {
		if done > all/2 {
			cancel() // in the second reading, when files are written
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is left: %v", err)
	}
	// As a kill leaves it: some files in their places, the database not.
	d.must(os.MkdirAll(filepath.Join(dir, "restore.part", "snapshots"), 0o700))
	d.must(os.MkdirAll(filepath.Join(dir, "warehouse", "blocks"), 0o700))
	d.must(os.WriteFile(filepath.Join(dir, "restore.part", "tagma.db"), []byte("half"), 0o600))
	_, err = workspace.Open(d.ctx, dir, workspace.Options{})
	d.refused(err, errs.Conflict, "a restore into", "run `tagma --data", "restore FILE` again")
	d.refused(workspace.Init(d.ctx, dir, workspace.Settings{}), errs.Conflict, "did not come to its end")
	_, err = workspace.Restore(d.ctx, file, dir, nil)
	d.must(err)
	r := &desk{t, d.ctx, dir}
	r.with(func(w *workspace.Workspace) { r.sound(w) })
}
