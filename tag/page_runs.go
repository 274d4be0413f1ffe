package tag

import (
	"context"
	"encoding/json"
	"fmt"

	"tagma/errs"
	"tagma/event"
)

// RunInfo is what is on record of a run.
type RunInfo struct {
	Number     uint64
	Kind       string // compute, snapshot, live, hourly, nightly
	By         string // who asked for it; "" where nobody did
	AsOf       event.Time
	Started    event.Time
	Finished   event.Time // 0: it goes on, or was cut off
	State      string     // running, done, failed, cancelled
	Scope      string     // the keys that it was restricted to, between blanks; "" for all
	Error      string
	Tags       []TagReport
	Entered    int
	Left       int
	Repaired   int // see TagReport
	Parameters map[string][]string
}

// Runs returns runs, the latest first: at most limit of those before a number; 0 for the latest.
func Runs(ctx context.Context, d Deps, before uint64, limit int) ([]RunInfo, error) {
	if before == 0 {
		before = 1 << 62
	}
	return runsWhere(ctx, d, "id < ? ORDER BY id DESC LIMIT ?", int64(before), limit)
}

// RunNumbered returns a run. It is NotFound when there is none.
func RunNumbered(ctx context.Context, d Deps, number uint64) (RunInfo, error) {
	list, err := runsWhere(ctx, d, "id = ?", int64(number))
	if err != nil {
		return RunInfo{}, err
	}
	if len(list) == 0 {
		return RunInfo{}, errs.New(errs.NotFound, "there is no run %d", number)
	}
	return list[0], nil
}

func runsWhere(ctx context.Context, d Deps, where string, args ...any) (out []RunInfo, err error) {
	rows, err := d.DB.Read().QueryContext(ctx, "SELECT id, kind, as_of_ms, started_ms, COALESCE(finished_ms, 0), state, scope, actor, error, stats, parameters FROM runs WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("tag: read runs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r RunInfo
		var stats, params string
		if err := rows.Scan(&r.Number, &r.Kind, &r.AsOf, &r.Started, &r.Finished, &r.State, &r.Scope, &r.By, &r.Error, &stats, &params); err != nil {
			return nil, fmt.Errorf("tag: read runs: %w", err)
		}
		var report Report
		if err := json.Unmarshal([]byte(stats), &report); err != nil {
			return nil, fmt.Errorf("tag: read what run %d did: %w", r.Number, err)
		}
		if err := json.Unmarshal([]byte(params), &r.Parameters); err != nil {
			return nil, fmt.Errorf("tag: read the parameters of run %d: %w", r.Number, err)
		}
		r.Tags, r.Repaired = report.Tags, report.Repaired
		for _, t := range r.Tags {
			r.Entered += t.Entered
			r.Left += t.Left
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
