package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// The states of the import of a file.
const (
	Running     = "running"
	Finished    = "finished"
	Incomplete  = "incomplete"  // the file broke off; the rows before were taken
	Failed      = "failed"      // what was committed is kept
	Interrupted = "interrupted" // cancelled, or the process ended; what was committed is kept
)

// Noted is the import of one file, as it is noted. Dry runs are not.
type Noted struct {
	Number   uint64
	Source   string
	File     string
	By       string // who imported; "" where nobody was noted
	Upload   string // what files of one upload have in common; "" for those of a command
	State    string
	Problem  string // why it was not taken in to its end
	Started  event.Time
	Finished event.Time // 0 while it goes on, and where it was interrupted by the end of the process
	Report   Report     // of this file, without reasons; empty until it ended
}

// Imports lists the imports of files, the latest first: at most limit, with numbers below before, or from the latest on
// where that is 0.
func Imports(ctx context.Context, idb bun.IDB, before uint64, limit int) ([]Noted, error) {
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	rows, err := idb.QueryContext(ctx, "SELECT id, source, file, actor, upload, state, problem, started_ms, COALESCE(finished_ms, 0), report FROM imports WHERE id < ? ORDER BY id DESC LIMIT ?", int64(before), limit)
	if err != nil {
		return nil, fmt.Errorf("import: list imports: %w", err)
	}
	defer rows.Close()
	var out []Noted
	for rows.Next() {
		var n Noted
		var report string
		if err := rows.Scan(&n.Number, &n.Source, &n.File, &n.By, &n.Upload, &n.State, &n.Problem, &n.Started, &n.Finished, &report); err != nil {
			return nil, fmt.Errorf("import: list imports: %w", err)
		}
		if err := json.Unmarshal([]byte(report), &n.Report); err != nil {
			return nil, fmt.Errorf("import: read what became of import %d: %w", n.Number, err)
		}
		if n.Finished != 0 {
			n.Report.ElapsedMS = int64(n.Finished - n.Started)
		}
		out = append(out, n)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("import: list imports: %w", err)
	}
	return out, nil
}

// begin notes that a file's import starts, and the source when it is a new one.
func (im *importer) begin(ctx context.Context, file string) (id uint64, err error) {
	now := int64(im.d.Now())
	err = im.d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := addSource(ctx, tx, im.m.Source, event.Time(now)); err != nil {
			return err
		}
		n, err := db.NextNumber(ctx, tx, "imports", 1)
		if err != nil {
			return err
		}
		id = n + 1
		_, err = db.Exec(ctx, tx, "INSERT INTO imports (id, source, file, started_ms, state, actor, upload) VALUES (?, ?, ?, ?, 'running', ?, ?)",
			int64(id), im.m.Source, strings.ToValidUTF8(file, "\uFFFD"), now, im.o.By, im.o.Upload)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("import: note the start: %w", err)
	}
	return id, nil
}

// end notes how the import of a file ended: broken says where the file broke off.
func (im *importer) end(ctx context.Context, id uint64, before Report, broken []errs.Fault, failed error) error {
	r := im.report
	for _, n := range []struct{ now, then *int64 }{{&r.Rows, &before.Rows}, {&r.Accepted, &before.Accepted}, {&r.Duplicate, &before.Duplicate},
		{&r.Refused, &before.Refused}, {&r.Skipped, &before.Skipped}, {&r.Events, &before.Events}, {&r.Traits, &before.Traits},
		{&r.Consents, &before.Consents}, {&r.Assigned, &before.Assigned}, {&r.NewCustomers, &before.NewCustomers}, {&r.Identifiers, &before.Identifiers}, {&r.Conflicts, &before.Conflicts}} {
		*n.now -= *n.then
	}
	r.Reasons = nil
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("import: note the end: %w", err)
	}
	state, problem := Finished, ""
	switch {
	case errors.Is(failed, context.Canceled):
		state = Interrupted
	case failed != nil && errs.Is(failed, errs.Internal): // what that says is for the log
		state, problem = Failed, "it failed on our side; why was told or logged then"
	case failed != nil:
		state, problem = Failed, failed.Error()
	case len(broken) > 0:
		state, problem = Incomplete, broken[0].String()
	}
	// An import that was cancelled is noted as well.
	err = im.d.DB.Tx(context.WithoutCancel(ctx), func(ctx context.Context, tx bun.Tx) error {
		_, err := db.Exec(ctx, tx, "UPDATE imports SET finished_ms = ?, state = ?, report = ?, problem = ? WHERE id = ?", int64(im.d.Now()), state, string(text), problem, int64(id))
		return err
	})
	if err != nil {
		return fmt.Errorf("import: note the end: %w", err)
	}
	return nil
}

// interrupted notes that imports which never ended were interrupted.
func interrupted(ctx context.Context, d Deps) error {
	var running bool
	if err := d.DB.Read().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM imports WHERE state = 'running')").Scan(&running); err != nil {
		return fmt.Errorf("import: look for interrupted imports: %w", err)
	}
	if !running {
		return nil
	}
	return d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE imports SET state = 'interrupted' WHERE state = 'running'"); err != nil {
			return fmt.Errorf("import: note interrupted imports: %w", err)
		}
		return nil
	})
}
