package workspace

import (
	"context"
	"time"

	"tagma/event"
)

// KeepLog is how long a record stays in the event log when nothing says otherwise, and KeepRecords how many of them stay at
// most. Nobody needs them any more: they are for looking at what went wrong, and for a disk that did not keep its word.
const (
	KeepLog     = 24 * time.Hour
	KeepRecords = 4_000_000
)

// Trim removes from the event log what every reader of it has behind it, safe on the disk, and what was accepted longer
// ago than keep, or before the last KeepRecords records. It works in small steps, and does nothing while a backup holds the
// log. The entry at the end always stays.
func (w *Workspace) Trim(ctx context.Context, keep time.Duration) error {
	from, err := w.Events.Since(ctx, w.DB.Read(), now()-event.Time(keep.Milliseconds()))
	if err != nil {
		return err
	}
	end, err := w.Events.End(ctx, w.DB.Read())
	if err != nil {
		return err
	}
	if end > KeepRecords {
		from = max(from, end-KeepRecords)
	}
	_, err = w.readers.Trim(ctx, w.Events, from)
	return err
}

// LogHeld says that the event log is kept from being trimmed at the moment.
func (w *Workspace) LogHeld() bool { return w.readers.Held() }
