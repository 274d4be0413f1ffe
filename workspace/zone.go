package workspace

import (
	"context"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/tag"
)

// SetZone changes the workspace's time zone, an IANA name. What is stored are instants, and stays as it is; local days,
// windows and dates are those of the new zone from now on, and the next run decides every rule again, with the cause
// edit. Snapshots of past instants keep what was decided. It says whether the zone was another one.
//
// It is for a process that does nothing else at the time; one that serves plans the zone instead: see PlanZone.
func (w *Workspace) SetZone(ctx context.Context, name string) (changed bool, err error) {
	zone, err := event.LoadZone(name)
	if err != nil {
		return false, errs.New(errs.Invalid, "%w", err)
	}
	if zone.String() == w.Zone.String() {
		return false, nil
	}
	err = w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return setZone(ctx, tx, name) })
	if err == nil {
		w.Zone = zone
	}
	return err == nil, err
}

func setZone(ctx context.Context, tx bun.Tx, name string) error {
	if err := db.SetSetting(ctx, tx, settingTimezone, name); err != nil {
		return err
	}
	if err := db.SetSetting(ctx, tx, settingNextZone, ""); err != nil {
		return err
	}
	return tag.Redecide(ctx, tx, "time zone "+name)
}

// PlanZone changes the time zone as SetZone does, but from the next opening on: until then everything reads days in the
// zone of this one. It says whether the zone is another one then than the one planned so far.
func (w *Workspace) PlanZone(ctx context.Context, name string, also ...Also) (changed bool, err error) {
	zone, err := event.LoadZone(name)
	if err != nil {
		return false, errs.New(errs.Invalid, "%w", err)
	}
	next, err := w.NextZone(ctx)
	if err != nil {
		return false, err
	}
	name, is := zone.String(), w.Zone.String()
	if name == next || next == "" && name == is {
		return false, nil
	}
	if name == is { // back to what it is
		name = ""
	}
	err = w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		return withAlso(ctx, tx, also, db.SetSetting(ctx, tx, settingNextZone, name))
	})
	return err == nil, err
}

// NextZone is the zone that is planned, "" when none is.
func (w *Workspace) NextZone(ctx context.Context) (string, error) {
	name, _, err := db.Setting(ctx, w.DB.Read(), settingNextZone)
	return name, err
}

// plannedZone carries out what PlanZone planned.
func (w *Workspace) plannedZone(ctx context.Context) error {
	name, err := w.NextZone(ctx)
	if err != nil || name == "" {
		return err
	}
	return w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return setZone(ctx, tx, name) })
}
