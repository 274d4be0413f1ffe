package workspace

import (
	"tagma/ingest"
	"tagma/stream"
	"tagma/tag"
	"tagma/warehouse"
)

// newLive makes what decides tags as records arrive.
func (w *Workspace) newLive(o Options) *tag.Live {
	l := tag.NewLive(w.Tags(), tag.LiveOptions{Clock: w.Now, Records: records, Moved: w.readers.Moved, Failed: o.LiveFailed})
	w.watch(l)
	return l
}

// records reads an entry of the event log; nil when it names a bulk load.
func records(e *stream.Entry) (*warehouse.Batch, error) {
	if e.Kind == ingest.EntryLoad {
		return nil, nil
	}
	b, err := ingest.BlockOf(e)
	if err != nil {
		return nil, err
	}
	return &warehouse.Batch{Profiles: b.Profiles, Identifiers: b.Identifiers, Events: b.Events, System: b.System, Traits: b.Traits, Consents: b.Consents}, nil
}
