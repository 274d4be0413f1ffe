package api

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tagma/access"
	"tagma/errs"
	"tagma/ingest"
)

// ImportResult says what became of the rows of an import.
type ImportResult struct {
	ID string `json:"id"`
	// DryRun is there where it is true.
	DryRun bool   `json:"dry_run,omitempty" doc:"Nothing was changed: this is what an import would do"`
	Source string `json:"source" doc:"Whose rows these are: what was taken from a source is not taken from it again"`
	// Complete is false where the import stopped, or a file broke off.
	Complete bool `json:"complete" doc:"All rows of all files were looked at; else problem says why not, and what was taken is kept"`
	ImportCounts

	Reasons  []ImportReason `json:"reasons" doc:"Why rows were refused, the most frequent first"`
	Rejected []RejectedRow  `json:"rejected" doc:"The first refused rows; all of them are at /imports/{id}/rejects for a day, or until the server starts again"`
	Problem  *Problem       `json:"problem,omitempty"`
}

// ImportCounts are what became of rows.
type ImportCounts struct {
	Rows      int64 `json:"rows"`
	Accepted  int64 `json:"accepted" doc:"Rows of which anything was new"`
	Duplicate int64 `json:"duplicate" doc:"Rows taken before"`
	Refused   int64 `json:"refused"`
	Skipped   int64 `json:"skipped" doc:"Rows that the mapping leaves out"`

	Events       int64 `json:"events"`
	Traits       int64 `json:"traits" doc:"Values and removals written"`
	Consents     int64 `json:"consents"`
	Assigned     int64 `json:"assigned" doc:"Assignments recorded"`
	NewCustomers int64 `json:"new_customers"`
	Identifiers  int64 `json:"identifiers"`
	Conflicts    int64 `json:"conflicts" doc:"Refused rows that identify two customers"`
	ElapsedMS    int64 `json:"elapsed_ms"`
}

// ImportReason is why rows were refused.
type ImportReason struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
	First  string `json:"first" doc:"file:line of the first such row"`
}

// RejectedRow is a row that was refused.
type RejectedRow struct {
	File   string   `json:"file"`
	Line   int64    `json:"line"`
	Reason string   `json:"reason"`
	Cells  []string `json:"cells"`
}

// shownRejects is how many refused rows an answer holds.
const shownRejects = 100

// rejectsAge is how long refused rows can be fetched.
const rejectsAge = 24 * time.Hour

// importFiles takes files in, as `tagma import` does. What is sent is on the disk, whole, before the first row is taken:
// an upload that breaks off leaves nothing. From then on the import goes on without the client, to its end or the
// server's. One at a time: a second is a Conflict at once. A dry run does all of it but take anything.
func (s *Server) importFiles(ctx context.Context, q *struct {
	DryRun bool `query:"dry_run" doc:"Read and check everything, say what would be taken and refused, and change nothing"`
}) (_ *answer[ImportResult], err error) {
	up, ok := ctx.Value(uploadKey{}).(*upload)
	if !ok {
		return nil, errors.New("api: the request is not handed on")
	}
	if !s.importing.TryLock() {
		p := newProblem(409, "another import goes on: send this one when it is done")
		p.retryAfter = 10
		return nil, p
	}
	defer s.importing.Unlock()
	if err := os.MkdirAll(importsDir(s.w.Dir), 0o700); err != nil {
		return nil, fmt.Errorf("api: keep what was sent: %w", err)
	}
	dir, err := os.MkdirTemp(importsDir(s.w.Dir), "upload-")
	if err != nil {
		return nil, fmt.Errorf("api: keep what was sent: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	in, err := up.receive(dir)
	if err != nil {
		return nil, err
	}
	m, err := ingest.ParseMapping(in.mappingName, in.mapping, s.w.Zone)
	if err != nil {
		return nil, importFault(err, in.mappingName)
	}
	if err := in.checkTables(m); err != nil {
		return nil, err
	}
	s.running.Add(1)
	defer s.running.Done()
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	return s.takeFiles(work, m, in, dir, q.DryRun)
}

// takeFiles imports what was sent, keeps the refused rows, and says what became of it.
func (s *Server) takeFiles(ctx context.Context, m *ingest.Mapping, in *sent, dir string, dry bool) (*answer[ImportResult], error) {
	name := make([]byte, 8)
	_, _ = rand.Read(name) // it never fails
	id := hex.EncodeToString(name)
	rejects, err := os.OpenFile(filepath.Join(dir, rejectsName(id)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("api: keep the refused rows: %w", err)
	}
	defer rejects.Close() // it is complete, or not wanted
	report, failed := ingest.Import(ctx, s.w.Ingest(), m, in.files, ingest.Options{Root: dir, Rejects: rejects, DryRun: dry, By: actorOf(ctx).String(), Upload: id})
	if failed != nil && ctx.Err() != nil {
		p := newProblem(503, "the server ended in the middle: what was taken is kept, send the files again to go on")
		if dry {
			p = newProblem(503, "the server ended in the middle of a dry run: nothing was changed, send the files again")
		}
		p.cause, failed = failed, p
	}
	if failed != nil && report.Rows == 0 {
		return nil, importFault(failed, in.mappingName)
	}
	out := importResult(&report)
	out.ID, out.Source, out.Complete = id, m.Source, failed == nil
	if failed != nil {
		out.Problem = problemOf(importFault(failed, in.mappingName))
		if out.Problem.Status >= 500 {
			s.log.Error("import", "source", m.Source, "error", failed)
		}
	}
	if out.Rejected, err = firstRejects(rejects); err != nil {
		return nil, err
	}
	if report.Refused > 0 {
		if err := os.Rename(rejects.Name(), filepath.Join(importsDir(s.w.Dir), rejectsName(id))); err != nil {
			return nil, fmt.Errorf("api: keep the refused rows: %w", err)
		}
	}
	if dry {
		return &answer[ImportResult]{out}, nil
	}
	files := make([]map[string]any, len(in.files))
	for i, f := range in.files {
		files[i] = map[string]any{"name": f, "bytes": in.sizes[f]}
	}
	return &answer[ImportResult]{out}, s.record(ctx, access.Entry{By: actorOf(ctx), Action: "import.run", Kind: "source", Object: m.Source,
		After: map[string]any{"files": files, "mapping": in.mappingName, "rows": report.Rows, "accepted": report.Accepted, "refused": report.Refused, "complete": out.Complete}})
}

func importResult(r *ingest.Report) ImportResult {
	out := ImportResult{DryRun: r.DryRun, ImportCounts: countsOf(r), Reasons: []ImportReason{}, Rejected: []RejectedRow{}}
	for _, reason := range r.Reasons {
		out.Reasons = append(out.Reasons, ImportReason{reason.Text, reason.Count, reason.First})
	}
	return out
}

func countsOf(r *ingest.Report) ImportCounts {
	return ImportCounts{Rows: r.Rows, Accepted: r.Accepted, Duplicate: r.Duplicate, Refused: r.Refused, Skipped: r.Skipped, Events: r.Events, Traits: r.Traits,
		Consents: r.Consents, Assigned: r.Assigned, NewCustomers: r.NewCustomers, Identifiers: r.Identifiers, Conflicts: r.Conflicts, ElapsedMS: r.ElapsedMS}
}

// checkTables is nil when the files that the mapping looks things up in came with it.
func (x *sent) checkTables(m *ingest.Mapping) error {
	var bad []Flaw
	for _, path := range m.TablePaths() {
		switch {
		case path != filepath.Base(path):
			bad = append(bad, Flaw{Location: "body.mapping", Message: "the mapping looks things up in " + path + ", and here files have no folders",
				Hint: "write " + filepath.Base(path) + " in the mapping, and send it as a part called table"})
		case !x.tables[path] && !slices.Contains(x.files, path):
			bad = append(bad, Flaw{Location: "body.table:" + path, Message: "the mapping looks things up in " + path + ", which did not come", Hint: "send it as a part called table"})
		}
	}
	if len(bad) == 0 {
		return nil
	}
	p := newProblem(422, bad[0].Message)
	p.Errors = bad
	return p
}

// importFault gives the faults of an import their places in what was sent: of the mapping its line, of a file its name.
func importFault(err error, mapping string) error {
	if len(errs.FaultsOf(err)) == 0 {
		return err
	}
	p := problemOf(err)
	for i := range p.Errors {
		f := &p.Errors[i]
		rest, inMapping := strings.CutPrefix(f.Location, filepath.Base(mapping)+":")
		switch {
		case inMapping:
			line, what, _ := strings.Cut(rest, ":")
			f.Location = "body.mapping:" + line
			f.Line, _ = strconv.Atoi(line)
			if what = strings.TrimSpace(what); what != "" {
				f.Message = what + ": " + f.Message
			}
		case f.Location == "" || f.Location == filepath.Base(mapping):
			f.Location = "body.mapping"
		default:
			f.Location = "body.file:" + f.Location
		}
	}
	return p
}

func rejectsName(id string) string { return "rejects-" + id + ".csv" }

// firstRejects reads the first refused rows of a file of them.
func firstRejects(file io.ReadSeeker) ([]RejectedRow, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("api: read the refused rows: %w", err)
	}
	rows := csv.NewReader(file)
	rows.FieldsPerRecord = -1
	out := []RejectedRow{}
	for n := 0; len(out) < shownRejects; n++ {
		cells, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("api: read the refused rows: %w", err)
		}
		if n == 0 || len(cells) < 3 { // the first are the columns
			continue
		}
		row := RejectedRow{File: cells[0], Reason: cells[2], Cells: cells[3:]}
		row.Line, _ = strconv.ParseInt(cells[1], 10, 64)
		out = append(out, row)
	}
	return out, nil
}

var importID = regexp.MustCompile(`^[0-9a-f]{16}$`)

type streamed struct {
	Body func(huma.Context)
}

// readRejects gives all refused rows of an import, as CSV.
func (s *Server) readRejects(_ context.Context, in *struct {
	ID string `path:"id"`
}) (*streamed, error) {
	var file *os.File
	err := fs.ErrNotExist
	if importID.MatchString(in.ID) {
		file, err = os.Open(filepath.Join(importsDir(s.w.Dir), rejectsName(in.ID)))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errs.New(errs.NotFound, "there are no refused rows of the import %s: they are kept for a day, and not over a start of the server; send the files again to get them", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("api: read the refused rows: %w", err)
	}
	return &streamed{func(ctx huma.Context) {
		defer file.Close()
		ctx.SetHeader("Content-Type", "text/csv; charset=utf-8")
		ctx.SetHeader("Content-Disposition", `attachment; filename="`+rejectsName(in.ID)+`"`)
		_, _ = io.Copy(ctx.BodyWriter(), file) // the client went away
	}}, nil
}

// forgetRejects removes refused rows that were kept long enough.
func (s *Server) forgetRejects() error {
	list, err := filepath.Glob(filepath.Join(importsDir(s.w.Dir), rejectsName("*")))
	if err != nil {
		return err
	}
	var all []error
	for _, path := range list {
		if at, err := os.Stat(path); err == nil && s.c.Now().Sub(at.ModTime()) > rejectsAge {
			all = append(all, os.Remove(path))
		}
	}
	return errors.Join(all...)
}

// describeImport says in the document what the body of an import is.
func describeImport(op *huma.Operation) {
	file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	op.Description = "The parts: mapping, as `tagma import --mapping` takes it; a part file for each file (CSV, TSV, JSON lines, XLSX, .gz too) with its name; a part table for each file that the mapping looks things up in. Nothing is taken before all has come. Sending it again adds nothing."
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
		Type: huma.TypeObject, Required: []string{"mapping", "file"}, Properties: map[string]*huma.Schema{
			"mapping": {Type: huma.TypeString, Format: "binary", Description: "The mapping, YAML"},
			"file":    {Type: huma.TypeArray, Items: file, Description: "The files"},
			"table":   {Type: huma.TypeArray, Items: file, Description: "Files that the mapping looks things up in"},
		}}}}}
}
