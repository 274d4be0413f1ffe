package tag

import (
	"context"

	"tagma/library"
)

// ExportNames writes a set's definitions with the names that they use and that only came, as library.ExportNames does.
func ExportNames(ctx context.Context, d Deps, set *library.Set) ([]byte, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	return library.ExportNames(set, namesOf(snap), d.Zone)
}
