package tag

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/rule"
	"tagma/tagindex"
)

// The rows of runs, and of what each tag's last run was made of.

type runRow struct {
	bun.BaseModel `bun:"table:runs"`
	ID            uint64 `bun:",pk"`
	Kind          string
	AsOfMS        int64
	StartedMS     int64
	FinishedMS    *int64
	State         string // running, done, failed, cancelled
	Scope         string
	Actor         string
	Parameters    string
	Stats         string
	Error         string
}

// computedRow notes the last run of a tag or segment. Of a tag assigned by hand the run is 0, and it notes the
// definition that the index has it by.
type computedRow struct {
	bun.BaseModel `bun:"table:computed"`
	Definition    uint32 `bun:",pk"`
	Run           uint64
	Version       int
	Closure       string
	Events        uint64
	AsOfMS        int64
	Assigned      uint64 // the last assignment that was seen
}

// The kinds of runs.
const (
	RunCompute  = "compute"  // somebody asked for it
	RunSnapshot = "snapshot" // of a past instant
	RunLive     = "live"     // what is decided live was decided anew as a whole
	RunHourly   = "hourly"   // it was time for the tags of refresh: hourly
	RunNightly  = "nightly"  // it was time for all tags, but those of refresh: manual
)

func (r *run) kind() string {
	switch {
	case r.opts.Past:
		return RunSnapshot
	case r.live:
		return RunLive
	case r.opts.Kind != "":
		return r.opts.Kind
	}
	return RunCompute
}

// begin writes the row of a run that begins. Runs that a stop of the program cut off are marked as failed.
func (r *run) begin(ctx context.Context) error {
	return r.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if _, err = tx.NewUpdate().Model((*runRow)(nil)).Set("state = ?", "failed").Set("error = ?", "interrupted").
			Where("state = ?", "running").Exec(ctx); err != nil {
			return fmt.Errorf("tag: begin a run: %w", err)
		}
		if r.number, err = db.NextNumber(ctx, tx, "runs", 1); err != nil {
			return err
		}
		r.number++ // run 0 is none
		r.report.Run = r.number
		_, err = tx.NewInsert().Model(&runRow{ID: r.number, Kind: r.kind(), Actor: r.opts.By, AsOfMS: int64(r.opts.AsOf), StartedMS: int64(r.Now()), State: "running",
			Scope: strings.Join(r.opts.Keys, " "), Parameters: "{}", Stats: "{}"}).Exec(ctx)
		return err
	})
}

// endRun completes the row of the run.
func (r *run) endRun(ctx context.Context, tx bun.Tx, state, why string) error {
	params, err := json.Marshal(paramsText(r.eval.Params))
	if err != nil {
		return err
	}
	stats, err := json.Marshal(r.report)
	if err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model((*runRow)(nil)).Set("finished_ms = ?", int64(r.Now())).Set("state = ?", state).
		Set("parameters = ?", string(params)).Set("stats = ?", string(stats)).Set("error = ?", why).Where("id = ?", r.number).Exec(ctx)
	return err
}

// failed notes that the run came to nothing. It must not hide the reason, so its own failure is passed over: the
// next run marks the row. A run that is committed is done, even if the index could not follow.
func (r *run) failed(ctx context.Context, why error) {
	if r.committed {
		return
	}
	state, text := "failed", why.Error()
	switch {
	case errors.Is(context.Cause(ctx), ErrCancelled):
		state, text = "cancelled", ""
	case ctx.Err() != nil:
		text = "interrupted"
	}
	_ = r.DB.Tx(context.WithoutCancel(ctx), func(ctx context.Context, tx bun.Tx) error { return r.endRun(ctx, tx, state, text) })
}

// forget takes away what is noted of definitions that a run does not compute any more, because they were retired or
// are assigned by hand now, and returns them: what the index has of them came from their rules.
func (r *run) forget(ctx context.Context, tx bun.Tx) (gone []uint32, err error) {
	var noted []uint32
	if err := tx.NewSelect().Model((*computedRow)(nil)).Column("definition").Where("run > 0").Order("definition").Scan(ctx, &noted); err != nil {
		return nil, fmt.Errorf("tag: read what was computed: %w", err)
	}
	for _, id := range noted {
		if r.decides(id) {
			continue
		}
		if _, err := tx.NewDelete().Model((*computedRow)(nil)).Where("definition = ?", id).Exec(ctx); err != nil {
			return nil, fmt.Errorf("tag: forget the runs of definition %d: %w", id, err)
		}
		gone = append(gone, id)
	}
	return gone, nil
}

// finish writes the mark up to where events are decided, what each tag's run was made of, and completes the row.
func (r *run) finish(ctx context.Context, tx bun.Tx) error {
	if err := appendMark(ctx, r.Changes, tx, r.offset, r.opts.AsOf); err != nil {
		return err
	}
	of := func(list []*subject, upTo uint64) error {
		for _, s := range list {
			row := &computedRow{Definition: s.id, Run: r.number, Version: s.version, Closure: r.closure(s), Events: upTo, AsOfMS: int64(r.opts.AsOf), Assigned: r.assigned}
			if err := note(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	}
	if err := of(r.subjects, r.offset); err != nil {
		return err
	}
	if r.check != nil {
		if err := of(r.check.right, r.check.upTo); err != nil {
			return err
		}
	}
	return r.endRun(ctx, tx, "done", "")
}

// note writes what a definition was computed from.
func note(ctx context.Context, tx bun.Tx, row *computedRow) error {
	if _, err := tx.NewInsert().Model(row).On("CONFLICT (definition) DO UPDATE").Set("run = EXCLUDED.run").Set("version = EXCLUDED.version").
		Set("closure = EXCLUDED.closure").Set("events = EXCLUDED.events").Set("as_of_ms = EXCLUDED.as_of_ms").Set("assigned = EXCLUDED.assigned").Exec(ctx); err != nil {
		return fmt.Errorf("tag: note what definition %d was computed from: %w", row.Definition, err)
	}
	return nil
}

// closure writes the versions of all definitions below a subject.
func (r *run) closure(s *subject) string {
	parts := make([]string, 0, len(s.depends))
	for _, ref := range s.depends {
		head, _ := r.set.Head(ref) // what is compiled refers to nothing else
		parts = append(parts, fmt.Sprintf("%s:%d", ref, head.Version))
	}
	return strings.Join(parts, ",")
}

// cause says why a run changes a subject: because its definition or one below it was edited, because history was
// loaded since its last run, because the limits of a population moved, because of records, or because time went on.
func (r *run) cause(ctx context.Context, tx bun.Tx, s *subject) (tagindex.Cause, error) {
	last, ok, err := computedOf(ctx, tx, s.id)
	switch {
	case err != nil:
		return 0, err
	case !ok || last.Version != s.version || last.Closure != r.closure(s):
		return tagindex.ByEdit, nil
	}
	loaded, err := r.loadedSince(ctx, tx, last.Events)
	switch {
	case err != nil:
		return 0, err
	case loaded:
		return tagindex.ByImport, nil
	case rule.UsesPopulation(s.value):
		return tagindex.ByThreshold, nil
	case r.live && last.Events != r.offset: // what was missed while nothing was decided live
		return tagindex.ByEvent, nil
	case r.live:
		return tagindex.ByTime, nil
	}
	return tagindex.ByRun, nil
}

// loadedSince says whether history was loaded behind an offset of the event log. What the log does not have any more is
// too long ago to be told, and counts as not loaded.
func (r *run) loadedSince(ctx context.Context, tx bun.Tx, since uint64) (loaded bool, err error) {
	loaded, known := r.loads[since]
	if known || since == r.offset {
		return loaded, nil
	}
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM event_log WHERE NOT live AND first >= ? AND first < ?)", int64(since), int64(r.offset)).Scan(&loaded); err != nil {
		return false, fmt.Errorf("tag: look for loads since the last run: %w", err)
	}
	if r.loads == nil {
		r.loads = map[uint64]bool{}
	}
	r.loads[since] = loaded
	return loaded, nil
}

func computedOf(ctx context.Context, idb bun.IDB, id uint32) (row computedRow, ok bool, err error) {
	err = idb.NewSelect().Model(&row).Where("definition = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return row, false, nil
	}
	if err != nil {
		return row, false, fmt.Errorf("tag: read the last run of definition %d: %w", id, err)
	}
	return row, true, nil
}

// lastAsOf is the latest instant that anything was computed for; event.Always when nothing was.
func lastAsOf(ctx context.Context, idb bun.IDB) (event.Time, error) {
	var last sql.NullInt64
	if err := idb.QueryRowContext(ctx, "SELECT max(as_of_ms) FROM computed WHERE run > 0").Scan(&last); err != nil {
		return 0, fmt.Errorf("tag: read the instant of the last run: %w", err)
	}
	if !last.Valid {
		return event.Always, nil
	}
	return event.Time(last.Int64), nil
}

// LastRun returns the instant that a tag or segment was last computed for; false when it never was.
func LastRun(ctx context.Context, d Deps, id uint32) (asOf event.Time, ok bool, err error) {
	row, ok, err := computedOf(ctx, d.DB.Read(), id)
	return event.Time(row.AsOfMS), ok, err
}

// paramsText writes parameters exactly, for the record of a run.
func paramsText(p rule.Params) map[string][]string {
	out := map[string][]string{}
	for k, param := range p {
		texts := []string{}
		for _, n := range param.Numbers {
			if n.Present() {
				texts = append(texts, n.Number().Exact())
			} else {
				texts = append(texts, "")
			}
		}
		out[k] = texts
	}
	return out
}

// paramsOf reads what paramsText wrote.
func paramsOf(texts map[string][]string) (rule.Params, error) {
	p := rule.Params{}
	for k, list := range texts {
		var param rule.Param
		for _, t := range list {
			v := event.Value{}
			if t != "" {
				n, err := event.ParseNumber(t)
				if err != nil {
					return nil, errs.New(errs.Internal, "the parameter %s is recorded as %q", k, t)
				}
				v = event.Num(n)
			}
			param.Numbers = append(param.Numbers, v)
		}
		p[k] = param
	}
	return p, nil
}
