package ingest

import (
	"context"
	"errors"
	"fmt"

	"tagma/stream"
	"tagma/warehouse"
)

// WarehouseName is the name of the reader that brings the event log into the history.
const WarehouseName = "warehouse"

// WarehouseReader returns the reader of the event log that brings its records into the history. Its position is
// kept in the history itself, so what it does twice counts once.
func WarehouseReader(log *stream.Log, store warehouse.Store) stream.Reader {
	return stream.Reader{
		Name: WarehouseName, Log: log, Position: store.Offset, Sync: store.Sync,
		Apply: func(ctx context.Context, entries []stream.Entry) error { return apply(ctx, store, entries) },
	}
}

// apply brings entries into the history. Blocks that follow one another go in together.
func apply(ctx context.Context, store warehouse.Store, entries []stream.Entry) error {
	var batches []*warehouse.Batch
	flush := func() (err error) {
		if len(batches) > 0 {
			err = store.Append(ctx, batches...)
			batches = nil
		}
		return err
	}
	for i := range entries {
		e := &entries[i]
		switch e.Kind {
		case EntryLoad:
			n, err := DecodeLoadNote(e.Payload)
			if err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
			if err := store.Ingest(ctx, n.ID, e.End()); err != nil {
				return err
			}
		case EntryBlock:
			b, err := BlockOf(e)
			if err != nil {
				return errors.Join(flush(), err) // what lies before it is good
			}
			batches = append(batches, &warehouse.Batch{Offset: e.End(), Profiles: b.Profiles, Identifiers: b.Identifiers,
				Events: b.Events, System: b.System, Traits: b.Traits, Consents: b.Consents, Seen: b.Seen})
		default:
			return errors.Join(flush(), fmt.Errorf("import: the event log has an entry of kind %d, which this program does not know: upgrade the program", e.Kind))
		}
	}
	return flush()
}

// Recover brings the history up to the event log after a stop of whatever kind: loads that the log names are put
// in, and loads staged by an import that never came to its commit are thrown away. Call it before anything else
// stages a load.
func Recover(ctx context.Context, d Deps) error {
	named := map[string]bool{}
	for at := d.Store.Offset(); ; {
		entries, err := d.Log.Read(ctx, at, 1<<20)
		if err != nil {
			return fmt.Errorf("import: recover: %w", err)
		}
		if len(entries) == 0 {
			break
		}
		for i := range entries {
			if entries[i].Kind == EntryLoad {
				n, err := DecodeLoadNote(entries[i].Payload)
				if err != nil {
					return err
				}
				named[n.ID] = true
			}
		}
		at = entries[len(entries)-1].End()
	}
	if err := d.Store.DropLoads(func(id string) bool { return named[id] }); err != nil {
		return fmt.Errorf("import: remove what an interrupted import left: %w", err)
	}
	if err := catchUp(ctx, d); err != nil {
		return err
	}
	return interrupted(ctx, d)
}

// catchUp brings the history to the end of the event log.
func catchUp(ctx context.Context, d Deps) error {
	r, err := stream.New(d.DB, stream.Options{}, WarehouseReader(d.Log, d.Store))
	if err != nil {
		return err
	}
	return r.CatchUp(ctx)
}
