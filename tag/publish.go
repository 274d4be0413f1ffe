package tag

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"

	"tagma/event"
	"tagma/stream"
	"tagma/tagindex"
)

// publish writes the changes from what the index holds to the contents, and what the run was, in one transaction.
func (r *run) publish(ctx context.Context, contents []content) error {
	view := r.Index.View()
	err := r.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		causes := make([]tagindex.Cause, len(r.subjects))
		for i, s := range r.subjects {
			var err error
			if causes[i], err = r.cause(ctx, tx, s); err != nil {
				return err
			}
			if r.check != nil && r.check.wrong[s.id] > 0 {
				causes[i] = tagindex.ByRepair
			}
		}
		if err := inOrder(len(contents), func(i int) (finding, error) {
			return r.finding(view, r.subjects[i], contents[i], causes[i])
		}, func(i int, f finding) error {
			contents[i] = content{} // the index gets its own from the change log: memory for both is not needed
			r.report.Tags, r.ids = append(r.report.Tags, f.report), append(r.ids, r.subjects[i].id)
			return appendEntries(ctx, r.Changes, tx, f.entries)
		}); err != nil {
			return err
		}
		r.reportRight()
		changes := r.repairs()
		if len(r.opts.Keys) == 0 {
			gone, err := r.forget(ctx, tx)
			if err != nil {
				return err
			}
			for _, id := range gone {
				for _, slot := range []uint32{id, lapseSlot(id)} {
					if _, _, there := view.Changed(slot); there {
						changes = append(changes, tagindex.Change{Slot: slot, Cause: tagindex.ByEdit, At: r.opts.AsOf, Run: r.number, Drop: true})
					}
				}
			}
		}
		if err := appendChanges(ctx, r.Changes, tx, r.opts.AsOf, changes); err != nil {
			return err
		}
		r.sortReport()
		return r.finish(ctx, tx)
	})
	if err != nil {
		return err
	}
	r.committed = true
	err = r.CatchUp(ctx)
	switch {
	case r.check == nil:
	case err != nil:
		r.check.l.Close() // it begins anew
	default:
		r.check.keep()
	}
	return err
}

// reportRight tells of what was held against a fresh computation and is not published by the run.
func (r *run) reportRight() {
	if r.check == nil {
		return
	}
	for _, s := range r.check.right {
		r.report.Tags, r.ids = append(r.report.Tags, TagReport{Key: s.key, Name: s.name, Segment: s.segment, Held: r.check.held[s.id], Repaired: r.check.wrong[s.id]}), append(r.ids, s.id)
	}
}

// sortReport puts what the run tells into the order of the library, and adds up the repairs.
func (r *run) sortReport() {
	place := map[string]int{}
	for t := range r.set.Tags() {
		place["tag "+t.Key] = len(place)
	}
	for s := range r.set.Segments() {
		place["segment "+s.Key] = len(place)
	}
	of := func(t *TagReport) int {
		if t.Segment {
			return place["segment "+t.Key]
		}
		return place["tag "+t.Key]
	}
	slices.SortStableFunc(r.report.Tags, func(a, b TagReport) int { return cmp.Compare(of(&a), of(&b)) })
	r.ids = nil
	for i := range r.report.Tags {
		r.report.Repaired += r.report.Tags[i].Repaired
	}
}

// entryBytes is about the largest size of an entry of the change log.
const entryBytes = 8 << 20

// finding is what a run found out about one subject, ready for the change log.
type finding struct {
	entries []stream.Entry
	report  TagReport
}

// finding compares a subject's fresh content with the index.
func (r *run) finding(view *tagindex.View, s *subject, is content, cause tagindex.Cause) (f finding, err error) {
	d := diffOf(view, s, is)
	add := func(ch *tagindex.Change, slot uint32) error {
		if ch == nil {
			return nil
		}
		ch.Slot, ch.Cause, ch.At, ch.Run = slot, cause, r.opts.AsOf, r.number
		entries, err := encodeChange(ch, r.opts.AsOf)
		f.entries = append(f.entries, entries...)
		return err
	}
	if d.values != nil {
		d.values.Live = r.live && (cause == tagindex.ByEvent || cause == tagindex.ByTime)
	}
	if err := add(d.values, s.id); err != nil {
		return f, err
	}
	if err := add(d.lapses, lapseSlot(s.id)); err != nil {
		return f, err
	}
	f.report = tagReport(s, view.Content(s.id), is.values, d.values, cause)
	if r.check != nil {
		f.report.Repaired = min(r.check.wrong[s.id], f.report.Entered+f.report.Left)
	}
	return f, nil
}

// encodeChange writes a change as entries of the change log, a large one in pieces.
func encodeChange(ch *tagindex.Change, at event.Time) (entries []stream.Entry, err error) {
	for _, part := range ch.Split(entryBytes) {
		payload, err := tagindex.Encode([]tagindex.Change{part})
		if err != nil {
			return nil, err
		}
		entries = append(entries, stream.Entry{At: at, Kind: tagindex.EntryChanges, Live: ch.Live, Count: 1, Payload: payload})
	}
	return entries, nil
}

// appendChanges writes changes to the change log, the large ones in pieces.
func appendChanges(ctx context.Context, log *stream.Log, tx bun.Tx, at event.Time, changes []tagindex.Change) error {
	return inOrder(len(changes), func(i int) ([]stream.Entry, error) { return encodeChange(&changes[i], at) }, func(_ int, entries []stream.Entry) error {
		return appendEntries(ctx, log, tx, entries)
	})
}

func appendEntries(ctx context.Context, log *stream.Log, tx bun.Tx, entries []stream.Entry) error {
	for _, e := range entries {
		if _, err := log.Append(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// inOrder calls prepare with 0 … n-1 on all cores, and take with the results, one after another in order, on the calling
// goroutine. Only a few results wait at a time. The first error ends it.
func inOrder[T any](n int, prepare func(i int) (T, error), take func(i int, made T) error) error {
	type result struct {
		made T
		err  error
	}
	cores := runtime.GOMAXPROCS(0)
	results := make([]chan result, n)
	for i := range results {
		results[i] = make(chan result, 1)
	}
	room, stop := make(chan struct{}, 2*cores), make(chan struct{})
	var next atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	for range min(cores, n) {
		wg.Go(func() {
			for {
				select {
				case room <- struct{}{}:
				case <-stop:
					return
				}
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				made, err := prepare(i)
				results[i] <- result{made, err}
			}
		})
	}
	for i := range results {
		r := <-results[i]
		results[i] = nil
		<-room
		if r.err != nil {
			return r.err
		}
		if err := take(i, r.made); err != nil {
			return err
		}
	}
	return nil
}
