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
func (w *Workspace) SetZone(ctx context.Context, name string) (changed bool, err error) {
	zone, err := event.LoadZone(name)
	if err != nil {
		return false, errs.New(errs.Invalid, "%w", err)
	}
	if zone.String() == w.Zone.String() {
		return false, nil
	}
	err = w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := db.SetSetting(ctx, tx, settingTimezone, name); err != nil {
			return err
		}
		return tag.Redecide(ctx, tx, "time zone "+name)
	})
	if err == nil {
		w.Zone = zone
	}
	return err == nil, err
}
