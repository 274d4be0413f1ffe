package workspace

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// Also is work in the transaction of a change: what it writes is there exactly when the change is.
type Also = func(ctx context.Context, tx bun.Tx) error

// MoveClock moves a stopped clock forward to an instant. A clock that runs is a Conflict, an instant before the clock's
// is Invalid: what was decided is not undone. It says whether the clock stood elsewhere.
func (w *Workspace) MoveClock(ctx context.Context, to event.Time, also ...Also) (moved bool, err error) {
	was := event.Time(w.clock.Load())
	switch {
	case was == 0:
		return false, errs.New(errs.Conflict, "the workspace's clock runs, only a stopped one can be moved: `tagma init --clock T` stops it in a new workspace")
	case to < was:
		return false, errs.New(errs.Invalid, "the clock is stopped at %s and only moves forward, %s lies before that: ask of the past with --as-of", w.Zone.Format(was), w.Zone.Format(to))
	case to == was:
		return false, nil
	}
	err = w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		return withAlso(ctx, tx, also, db.SetSetting(ctx, tx, settingClock, strconv.FormatInt(int64(to), 10)))
	})
	if err != nil {
		return false, err
	}
	w.clock.Store(int64(to))
	return true, nil
}

// withAlso does what goes with a change, unless that failed.
func withAlso(ctx context.Context, tx bun.Tx, also []Also, err error) error {
	for _, f := range also {
		if err == nil {
			err = f(ctx, tx)
		}
	}
	return err
}
