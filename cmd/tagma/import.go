package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"tagma/access"
	"tagma/errs"
	"tagma/event"
	"tagma/ingest"
	"tagma/workspace"
)

type initCmd struct {
	Timezone string `help:"The workspace's time zone, an IANA name." default:"Asia/Shanghai" placeholder:"ZONE"`
	Clock    string `help:"Stop the workspace's clock at this instant (a date means its last one): for showing and studying history." placeholder:"T"`
}

func (c *initCmd) Run(p *program) error {
	s := workspace.Settings{Timezone: c.Timezone}
	if c.Clock != "" {
		z, err := event.LoadZone(c.Timezone)
		if err != nil {
			return errs.New(errs.Invalid, "%w", err)
		}
		if s.Clock, err = workspace.Instant(z, c.Clock); err != nil {
			return err
		}
	}
	if err := workspace.Init(p.ctx, p.dir, s); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "made an empty workspace in %s, time zone %s\n", p.dir, c.Timezone)
	return nil
}

type importCmd struct {
	Mapping string   `help:"How rows become customers, traits and events (docs: import mapping)." required:"" placeholder:"M.yaml"`
	DryRun  bool     `help:"Read and check everything, say what would be taken and what refused, and change nothing."`
	Rejects string   `help:"Write refused rows with their reasons to this CSV file." placeholder:"FILE"`
	Files   []string `arg:"" help:"The files; - is standard input."`
}

func (c *importCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		m, err := ingest.ReadMapping(p.path(c.Mapping), w.Zone)
		if err != nil {
			return err
		}
		g := p.progress("import")
		in := p.in
		if slices.Contains(c.Files, ingest.Stdin) {
			in = interruptible(p.ctx, p.in)
		}
		o := ingest.Options{Stdin: in, DryRun: c.DryRun, By: access.Local().String(), Progress: func(s ingest.Progress) {
			if s.Size > 0 {
				g.what = fmt.Sprintf("import %s: %s rows; KiB", s.File, thousands(s.Rows))
				g.set(s.Bytes/1024, s.Size/1024)
			} else {
				g.what = "import " + s.File + ": rows"
				g.set(s.Rows, 0)
			}
		}}
		var rejects *rejectsFile
		if c.Rejects != "" {
			if rejects, err = newRejects(p.path(c.Rejects), append(append([]string{p.path(c.Mapping)}, p.paths(c.Files)...), m.TablePaths()...)); err != nil {
				return err
			}
			o.Rejects = rejects
		}
		report, err := ingest.Import(p.ctx, w.Ingest(), m, p.paths(c.Files), o)
		g.end()
		if rejects != nil {
			err = errors.Join(err, rejects.close(report.Rows > 0))
		}
		if report.Rows > 0 || err == nil {
			if e := c.print(p, &report); e != nil {
				return errors.Join(err, e)
			}
		}
		return err
	})
}

// rejectsFile is the file of refused rows. It is written beside its place and takes it when the import is done, so
// that an import that takes nothing leaves what stood there.
type rejectsFile struct {
	*os.File
	path string
}

// newRejects begins the file of refused rows, which must be none of the files that the import reads.
func newRejects(path string, inputs []string) (*rejectsFile, error) {
	if there, err := os.Stat(path); err == nil {
		for _, input := range inputs {
			if other, err := os.Stat(input); err == nil && os.SameFile(there, other) {
				return nil, errs.New(errs.Invalid, "--rejects: %s is read by this import: name another file", path)
			}
		}
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return nil, errs.New(errs.Invalid, "--rejects: %s cannot be written: %w", path, err)
	}
	return &rejectsFile{f, path}, nil
}

// close puts the file into its place, or removes it when there is nothing to keep.
func (f *rejectsFile) close(keep bool) error {
	err := f.Close()
	if !keep {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return errors.Join(err, os.Rename(f.Name(), f.path))
}

// interruptible reads what r gives, until ctx ends: a read that waits for input does not keep the program from ending.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		_ = in.CloseWithError(err) // it always returns nil
	}()
	context.AfterFunc(ctx, func() { _ = in.CloseWithError(ctx.Err()) })
	return out
}

func (c *importCmd) print(p *program, r *ingest.Report) error {
	if p.json {
		return p.printJSON(r)
	}
	rate := int64(0)
	if r.ElapsedMS > 0 {
		rate = r.Rows * 1000 / r.ElapsedMS
	}
	if r.DryRun {
		fmt.Fprintln(p.out, "a dry run: nothing was changed, an import would give")
	}
	fmt.Fprintf(p.out, "%s in %s (%s a second)\n", count(int(r.Rows), "row"), ms(r.ElapsedMS), thousands(rate))
	fmt.Fprintf(p.out, "  accepted   %12s\n  duplicate  %12s\n  refused    %12s\n  skipped    %12s\n",
		thousands(r.Accepted), thousands(r.Duplicate), thousands(r.Refused), thousands(r.Skipped))
	switch {
	case r.Rows == 0:
		fmt.Fprintln(p.out, "nothing new: there are no rows")
	case r.Accepted == 0:
		fmt.Fprintln(p.out, "nothing new: every row was taken before, refused or skipped")
	default:
		fmt.Fprintf(p.out, "new: %s, %s, %s", count(int(r.NewCustomers), "customer"), count(int(r.Events), "event"), count(int(r.Traits), "trait value"))
		if r.Consents > 0 {
			fmt.Fprintf(p.out, ", %s", count(int(r.Consents), "consent"))
		}
		if r.Assigned > 0 {
			fmt.Fprintf(p.out, ", %s", count(int(r.Assigned), "assignment"))
		}
		fmt.Fprintln(p.out)
	}
	for i, reason := range r.Reasons {
		if i == 10 {
			fmt.Fprintf(p.out, "  … and %d more reasons\n", len(r.Reasons)-i)
			break
		}
		fmt.Fprintf(p.out, "  refused %s: %s (first: %s)\n", thousands(reason.Count), reason.Text, reason.First)
	}
	if r.Refused > 0 && c.Rejects == "" {
		fmt.Fprintln(p.out, "the refused rows themselves: run again with --rejects FILE")
	}
	return nil
}
