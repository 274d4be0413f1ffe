package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/uptrace/bun"

	"tagma/access"
	"tagma/errs"
	"tagma/workspace"
)

type backupCmd struct {
	File string `arg:"" help:"The new file, such as /backups/tagma-2026-07-01.tar.zst; - is standard output."`
}

func (c *backupCmd) Run(p *program) error {
	return p.withAccess(func(w *workspace.Workspace, a *access.Access, by access.Actor) error {
		g := p.progress("backup: KB")
		progress := func(done, all int64) { g.set(done>>10, max(all>>10, 1)) }
		m, err := c.write(p, w, progress)
		g.end()
		outcome := access.Done
		if err != nil {
			outcome = access.Refused
		}
		// A backup that failed may have handed out some of what it holds.
		e := access.Entry{By: by, Action: "backup.make", Kind: "backup", Object: c.File, Outcome: outcome, After: map[string]any{"made_at": m.MadeAt, "bytes": m.Bytes, "event_log": m.EventLog}}
		noted := w.DB.Tx(context.WithoutCancel(p.ctx), func(ctx context.Context, tx bun.Tx) error { return a.Record(ctx, tx, e) })
		switch {
		case err != nil:
			return err
		case noted != nil:
			return noted
		case c.File == "-":
			return nil
		case p.json:
			return p.printManifest(m, p.path(c.File))
		}
		fmt.Fprintf(p.out, "%s holds %s as of %s: %s, %s\n", c.File, p.dir, m.MadeAt, count(len(m.Files), "file"), sizeText(m.Bytes))
		return nil
	})
}

// write writes the backup to where it is wanted.
func (c *backupCmd) write(p *program, w *workspace.Workspace, progress func(done, all int64)) (m workspace.Manifest, err error) {
	if c.File != "-" {
		return w.BackupTo(p.ctx, p.path(c.File), version, progress)
	}
	if isTerminal(p.out) {
		return m, errs.New(errs.Invalid, "a backup is not for a terminal: name a file, or give standard output to another program")
	}
	b, err := w.StartBackup(p.ctx, version, progress)
	if err != nil {
		return m, err
	}
	err = b.Write(p.ctx, p.out)
	if closing := b.Close(); err == nil {
		err = closing
	}
	return b.Manifest(), err
}

type restoreCmd struct {
	File  string `arg:"" help:"The file that tagma backup wrote. It is restored into the data directory (--data), which must be empty or not exist."`
	Check bool   `help:"Only read the file and hold every sum in it; nothing is written."`
}

func (c *restoreCmd) Run(p *program) error {
	if c.File == "-" {
		return errs.New(errs.Invalid, "a backup is read twice, before anything is written and then for writing: name a file")
	}
	what := "restore: KB"
	if c.Check {
		what = "check: KB"
	}
	g := p.progress(what)
	progress := func(done, all int64) { g.set(done>>10, max(all>>10, 1)) }
	var m *workspace.Manifest
	var err error
	if c.Check {
		m, err = workspace.CheckBackup(p.ctx, c.File, progress)
	} else {
		m, err = workspace.Restore(p.ctx, c.File, p.dir, progress)
	}
	g.end()
	switch {
	case err != nil:
		return err
	case p.json:
		return p.printManifest(*m, c.File)
	case c.Check:
		fmt.Fprintf(p.out, "%s is whole: a workspace as of %s, %s, %s\n", c.File, m.MadeAt, count(len(m.Files), "file"), sizeText(m.Bytes))
	default:
		fmt.Fprintf(p.out, "restored %s as of %s: %s, %s\n", p.dir, m.MadeAt, count(len(m.Files), "file"), sizeText(m.Bytes))
		fmt.Fprintf(p.out, "hold its parts against each other: tagma --data %s check\n", p.dir)
	}
	return nil
}

func (p *program) printManifest(m workspace.Manifest, file string) error {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	return p.printJSON(struct {
		File string `json:"file"`
		workspace.Manifest
	}{file, m})
}

// sizeText writes a size as people read it.
func sizeText(n int64) string {
	switch {
	case n >= 10<<30:
		return thousands(n>>30) + " GB"
	case n >= 10<<20:
		return thousands(n>>20) + " MB"
	}
	return thousands((n+1023)>>10) + " KB"
}
