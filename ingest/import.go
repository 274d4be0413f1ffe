// Package ingest takes records in: from files by a mapping, and typed ones in bulk. It finds out what is new,
// whose it is and how it is kept, and commits it to the event log; the history follows the log.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"

	"tagma/errs"
	"tagma/library"
)

// Limits of what is committed as one. Chunks end at the same rows whenever a file is read.
const (
	chunkRows  = 200_000
	chunkBytes = 128 << 20
)

// Options of an import.
type Options struct {
	// Root, when set, is the folder that files and the mapping's tables are named from, and that they cannot lie outside
	// of: for files that somebody sent.
	Root string
	// Stdin is read for the file name "-".
	Stdin io.Reader
	// Rejects, when set, gets the refused rows as CSV: file, line, reason, then the row's cells.
	Rejects io.Writer
	// Progress, when set, is told how far it is, now and then, from another goroutine.
	Progress func(Progress)
	// DryRun reads and checks everything and reports what would be taken. Nothing is changed.
	DryRun bool
	// By is who imports, and Upload what the files of this import have in common, for the list of imports. Both may be "".
	By, Upload string

	chunkRows int // tests make smaller ones
}

// Progress says how far an import is.
type Progress struct {
	File        string
	Files, Done int   // files in all, and files read to their end
	Rows        int64 // rows of this file read so far
	Bytes, Size int64 // of this file as it is stored; Size is 0 when not known
}

// Report says what became of the rows of an import.
type Report struct {
	Rows      int64 `json:"rows"`
	Accepted  int64 `json:"accepted"`  // rows of which anything was new
	Duplicate int64 `json:"duplicate"` // rows taken before
	Refused   int64 `json:"refused"`
	Skipped   int64 `json:"skipped"` // by the mapping's skip

	Events       int64 `json:"events"`
	Traits       int64 `json:"traits"` // values and removals written; a value repeated on neighbouring rows is written once
	Consents     int64 `json:"consents"`
	Assigned     int64 `json:"assigned"` // assignments recorded
	NewCustomers int64 `json:"new_customers"`
	Identifiers  int64 `json:"identifiers"`
	Conflicts    int64 `json:"conflicts"` // refused rows that identify two customers

	DryRun bool `json:"dry_run,omitempty"` // nothing was changed

	ElapsedMS int64 `json:"elapsed_ms"`
	// Reasons are why rows were refused, the most frequent first.
	Reasons []Reason `json:"reasons,omitempty"`
}

// Reason is why rows were refused.
type Reason struct {
	Text  string `json:"reason"`
	Count int64  `json:"count"`
	First string `json:"first"` // file:line of the first such row
}

// maxReasons bounds the reasons that are told apart.
const maxReasons = 100

const otherReasons = "other reasons"

func (r *Report) add(o *Report) {
	r.Rows += o.Rows
	r.Accepted += o.Accepted
	r.Duplicate += o.Duplicate
	r.Refused += o.Refused
	r.Skipped += o.Skipped
	r.Events += o.Events
	r.Traits += o.Traits
	r.Consents += o.Consents
	r.Assigned += o.Assigned
	r.NewCustomers += o.NewCustomers
	r.Identifiers += o.Identifiers
	r.Conflicts += o.Conflicts
}

func (r *Report) reason(text, place string) {
	for i := range r.Reasons {
		if r.Reasons[i].Text == text {
			r.Reasons[i].Count++
			return
		}
	}
	if len(r.Reasons) >= maxReasons && text != otherReasons {
		r.reason(otherReasons, place)
		return
	}
	r.Reasons = append(r.Reasons, Reason{text, 1, place})
}

// Import takes the rows of files in, as the mapping says. Rows that were taken before are left out, so that running
// it again adds nothing, and a run that was interrupted goes on where it stopped.
//
// Before the first row is taken, all files are looked at: a mapping that does not fit one of them is refused, with
// all its faults. A row that cannot be read is refused alone. A file that breaks off gives the rows before the
// break; the error comes at the end, and the report is good all the same. Rows are committed in chunks: when an
// error stops the import, the report says what is kept.
func Import(ctx context.Context, d Deps, m *Mapping, files []string, o Options) (Report, error) {
	started := d.Now()
	if o.chunkRows == 0 {
		o.chunkRows = chunkRows
	}
	im := &importer{d: d, m: m, o: o, taker: newTaker(m, d.Store), rejects: newRejects(o.Rejects), report: Report{DryRun: o.DryRun}}
	err := im.run(ctx, files)
	im.report.ElapsedMS = int64(d.Now() - started)
	sort.SliceStable(im.report.Reasons, func(a, b int) bool { return im.report.Reasons[a].Count > im.report.Reasons[b].Count })
	if e := im.rejects.flush(); e != nil && err == nil {
		err = fmt.Errorf("import: write the refused rows: %w", e)
	}
	return im.report, err
}

type importer struct {
	d       Deps
	m       *Mapping
	o       Options
	tables  map[string]*table
	schema  library.Schema // as it is when the import begins
	tags    *assigning     // nil where no tags are assigned
	taker   *taker
	rejects *rejects
	report  Report
	broken  []errs.Fault // files that broke off
	dry     *dry         // nil where rows are taken
}

func (im *importer) run(ctx context.Context, files []string) error {
	definitions, err := library.Load(ctx, im.d.DB.Read())
	if err != nil {
		return err
	}
	im.schema = definitions.Schema()
	unknown, err := im.openTags(ctx)
	if im.tags != nil {
		defer im.tags.known.Close()
	}
	if err != nil {
		return err
	}
	if im.tags != nil {
		release, err := im.d.Tags.Deps.Turn.Take(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	im.taker.tags = im.tags
	if err := im.check(files, unknown); err != nil {
		return err
	}
	if im.o.DryRun {
		return im.runDry(ctx, files)
	}
	for i, name := range files {
		id, err := im.begin(ctx, name)
		if err != nil {
			return err
		}
		before, whole := im.report, len(im.broken)
		err = im.file(ctx, name, i, len(files))
		if e := im.end(ctx, id, before, im.broken[whole:], err); err == nil {
			err = e
		}
		if err != nil {
			return im.stopped(err)
		}
	}
	return errs.Faulty("", im.broken)
}

// stopped says what an import that could not go on leaves behind.
func (im *importer) stopped(err error) error {
	if im.report.Rows == 0 {
		return err
	}
	return errs.New(errs.KindOf(err), "the import stopped after %s, which are kept; run it again to go on: %w", count(int(im.report.Rows), "row"), err)
}

// check holds the mapping against every file before anything is taken.
func (im *importer) check(files []string, unknown []errs.Fault) error {
	tables, faults := im.m.loadTables(im.o.Root)
	faults = append(unknown, faults...)
	im.tables = tables
	stdin := 0
	for _, name := range files {
		if name == Stdin {
			stdin++
			continue
		}
		file, err := openIn(im.o.Root, name, nil, im.m.form)
		if err != nil {
			if known := errs.FaultsOf(err); len(known) > 0 {
				faults = append(faults, known...)
				continue
			}
			return err
		}
		if len(tables) == len(im.m.table) {
			_, found := im.m.bind(file.columns(), tables, im.schema)
			for _, f := range found {
				f.Message += " (" + name + ")"
				faults = append(faults, f)
			}
		}
		if err := file.close(); err != nil {
			return fmt.Errorf("import: %w", err)
		}
	}
	if stdin > 1 {
		faults = append(faults, errs.Fault{Message: "the standard input is named twice"})
	}
	return errs.Faulty("nothing was imported", faults)
}

// chunk is rows that are committed as one.
type chunk struct {
	yields []*yield
	rows   int
	bytes  int64
	broken error // the file broke off behind these rows
	after  int64 // the last line before that
}

// file takes the rows of one file: a goroutine reads and evaluates a chunk while the one before is committed.
func (im *importer) file(ctx context.Context, name string, number, files int) error {
	file, err := openIn(im.o.Root, name, im.o.Stdin, im.m.form)
	if err != nil {
		return err
	}
	program, faults := im.m.bind(file.columns(), im.tables, im.schema)
	if len(faults) > 0 {
		return errors.Join(errs.Faulty(file.name+" does not fit the mapping", faults), file.close())
	}
	program.tags = im.tags.reading(im.d)
	im.rejects.file(file.name, file.columns())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan *chunk)
	done := make(chan error, 1)
	go func() {
		defer close(chunks)
		r := fileReader{file: file, program: program, o: &im.o, number: number, files: files}
		r.run(ctx, chunks)
		done <- file.close()
	}()
	for c := range chunks {
		if err = im.commit(ctx, file.name, c); err != nil {
			cancel()
			for range chunks { // until the reader has seen it
			}
			break
		}
	}
	if e := <-done; err == nil && e != nil {
		err = fmt.Errorf("import: %s: %w", file.name, e)
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// fileReader reads a file chunk by chunk.
type fileReader struct {
	file          *openFile
	program       *program
	o             *Options
	number, files int
	rows          int64
	line          int64
}

func (r *fileReader) run(ctx context.Context, out chan<- *chunk) {
	for {
		c := &chunk{}
		err := r.fill(ctx, c)
		if err != nil && err != io.EOF {
			c.broken, c.after = err, r.line
		}
		if len(c.yields) > 0 || c.broken != nil {
			select {
			case out <- c:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (r *fileReader) fill(ctx context.Context, c *chunk) error {
	for c.rows < r.o.chunkRows && c.bytes < chunkBytes {
		if err := ctx.Err(); err != nil {
			return io.EOF // the one who stopped it knows why
		}
		rows, err := r.file.next()
		if err != nil {
			return err
		}
		y := r.program.evaluate(rows)
		c.yields = append(c.yields, y)
		c.rows += rows.N + len(rows.Bad)
		c.bytes += y.bytes
		r.rows += int64(rows.N + len(rows.Bad))
		if rows.N > 0 {
			r.line = max(r.line, rows.Line[rows.N-1])
		}
		if n := len(rows.Bad); n > 0 {
			r.line = max(r.line, rows.Bad[n-1].Line)
		}
		if r.o.Progress != nil {
			r.o.Progress(Progress{File: r.file.name, Files: r.files, Done: r.number, Rows: r.rows, Bytes: r.file.read.n.Load(), Size: r.file.size})
		}
	}
	return nil
}

// commit takes a chunk in.
func (im *importer) commit(ctx context.Context, name string, c *chunk) error {
	t := im.taker
	take := func(ctx context.Context, l *load) error {
		t.chunk()
		for _, y := range c.yields {
			if err := t.take(ctx, l, y); err != nil {
				return err
			}
		}
		return t.writeAssigned(ctx, l)
	}
	var err error
	if im.dry != nil {
		err = take(ctx, im.dry.load(im.d))
	} else {
		err = commit(ctx, im.d, im.m.Source, take)
	}
	if err == nil && t.report.Assigned > 0 && im.dry == nil {
		err = im.d.Tags.Deps.CatchUp(ctx)
	}
	if err != nil {
		return err
	}
	t.report.Refused = int64(len(t.refused))
	sort.SliceStable(t.refused, func(a, b int) bool { return t.refused[a].line < t.refused[b].line })
	im.report.add(&t.report)
	for i := range t.refused {
		f := &t.refused[i]
		im.report.reason(f.reason, fmt.Sprintf("%s:%d", name, f.line))
		if err := im.rejects.write(f); err != nil {
			return fmt.Errorf("import: write the refused rows: %w", err)
		}
	}
	if c.broken != nil {
		place := name
		if c.after > 0 {
			place = fmt.Sprintf("%s: after line %d", name, c.after)
		}
		message := c.broken.Error()
		im.broken = append(im.broken, errs.Fault{Place: place, Message: message, Hint: im.before()})
	}
	return nil
}

// before says what became of the rows before a break.
func (im *importer) before() string {
	if im.dry != nil {
		return "the rows before it would be taken"
	}
	return "the rows before it were taken"
}
