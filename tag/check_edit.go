package tag

import (
	"context"

	"tagma/library"
)

// CheckEdit checks the rules of a planned library, all their faults at once, and adds their warnings to those of the
// edit. Nothing is computed.
func CheckEdit(ctx context.Context, d Deps, edit *library.Edit) error {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	c, err := d.compile(ctx, edit.Set, library.CompileOptions{Names: namesOf(snap)})
	if err != nil {
		return err
	}
	edit.Warn(c)
	return nil
}
