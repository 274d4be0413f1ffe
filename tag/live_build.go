package tag

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"tagma/event"
	"tagma/rule"
	"tagma/warehouse"
)

// build decides everything that is decided live by a run, and keeps what the next decisions need of it.
func (l *Live) build(ctx context.Context, now event.Time) error {
	l.Close()
	if err := l.d.CatchUp(ctx); err != nil {
		return err
	}
	last, err := lastAsOf(ctx, l.d.DB.Read())
	if err != nil {
		return err
	}
	now = max(now, last) // the index only moves forward
	if err := l.d.bringUp(ctx, now); err != nil {
		return err
	}
	snap, err := l.d.Store.Snapshot()
	if err != nil {
		return err
	}
	set, err := l.d.newLiveSet(ctx, snap, now, l.Bytes)
	if err != nil {
		snap.Close()
		return err
	}
	l.set, l.snap = set, snap
	changes := l.d.Index.Position()
	if err := l.decideAll(ctx, now); err != nil {
		l.Close()
		return err
	}
	if err := l.d.Index.BuildRows(ctx); err != nil { // those that the run let go: now, and not beside the first records
		l.Close()
		return err
	}
	if !set.readsTags() { // else what the run changed may change what asks when a tag changed
		changes = l.d.Index.Position()
	}
	l.position, l.changes, l.last, l.asOf, l.queue = snap.Offset(), changes, now, now, nil
	l.mu.Lock()
	l.status.Builds++
	l.mu.Unlock()
	return nil
}

// decideAll is the run.
func (l *Live) decideAll(ctx context.Context, now event.Time) (err error) {
	r := &run{Deps: l.d, opts: Options{AsOf: now}, live: true, set: l.set.set, offset: l.snap.Offset(), last: l.d.Now(),
		report: &Report{AsOf: l.d.Zone.Format(now), Tags: []TagReport{}, Took: map[string]int64{}}}
	if r.assigned, err = lastAssignment(ctx, l.d.DB.Read()); err != nil {
		return err
	}
	l.assigned = r.assigned
	for _, one := range l.set.subjects {
		r.subjects = append(r.subjects, one.subject)
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	ctx, end := l.d.Going.begin(ctx, r.number, RunLive)
	defer end()
	r.eval = rule.Run{Snapshot: l.snap, Now: now, Zone: l.d.Zone, Ahead: true, Progress: l.d.Going.progress}
	defer easeCollector()()
	err = func() error {
		keepers, err := l.d.prepare(ctx, &r.eval, r.subjects, beside{set: r.set, idb: l.d.DB.Read()})
		if err != nil {
			return err
		}
		r.report.Params, l.params = r.eval.Params, r.eval.Params
		l.answers, l.wheel = newLeafAnswers(len(l.set.leaves), l.set.daysOfRoomy(), l.Bytes/2), newWheel(int(l.snap.Profiles()))
		at := l.wheel.at
		leaves := make([]*rule.Expr, len(l.set.leaves))
		for k := range leaves {
			leaves[k] = l.set.leaves[k].x
		}
		other := leaves
		if l.firsts = nil; l.set.first != nil {
			other = append(slices.Clone(leaves), l.set.first)
			l.firsts = make(firsts, l.snap.Profiles())
			for i := range l.firsts {
				l.firsts[i] = event.Never
			}
		}
		rooms := newRoomBuffers(len(l.set.roomy))
		contents, err := watchedContents(ctx, &r.eval, r.subjects, keepers, &r.report.Customers, other, func(res *rule.Result) error {
			first, n := uint32(res.First), min(res.N, len(at)-int(res.First))
			l.answers.fill(first, res.Universe, func(k int) event.Bits { return res.Cond(leaves[k]) })
			rows, request := res.Read()
			l.set.resident.Keep(rows, request, l.snap.Offset())
			l.answers.fillRooms(first, rooms.of(res, l.set), l.d.Zone.Date(now))
			into := make([]event.Time, res.N)
			res.NextChanges(l.set.timed(), into)
			copy(at[first:], into[:n])
			if l.firsts != nil {
				if c := res.Column(l.set.first, event.TimeKind); c != nil {
					for i := range n {
						if c.Present(i) {
							l.firsts[int(first)+i] = event.Time(c.Ints[i])
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for c, t := range at {
			if t != event.Never {
				l.wheel.put(uint32(c), bucketOf(t, now))
			}
		}
		r.lap("rules")
		err = r.publish(ctx, contents)
		r.lap("publish")
		return err
	}()
	if err != nil {
		r.failed(ctx, err)
		return fmt.Errorf("tag: decide what is live: %w", err)
	}
	l.keepEnd(now)
	return nil
}

// keepEnd notes when what tags keep is over.
func (l *Live) keepEnd(now event.Time) {
	view := l.d.Index.View()
	for _, one := range l.set.subjects {
		if one.segment || !lapses(one.tag) {
			continue
		}
		slot := lapseSlot(one.id)
		for c := range view.Present(slot).All() {
			if at := l.keepEnds(one.tag, view.Value(slot, c)); at != event.Never {
				l.wheel.sooner(c, at, now)
			}
		}
	}
}

// roomBuffers are the rooms of the customers of a block, for each goroutine.
type roomBuffers [][][]uint8

func newRoomBuffers(roomy int) roomBuffers {
	out := make(roomBuffers, runtime.GOMAXPROCS(0))
	for i := range out {
		out[i] = make([][]uint8, roomy)
	}
	return out
}

// of is the rooms of the customers of a result, leaf by leaf.
func (b roomBuffers) of(res *rule.Result, set *liveSet) [][]uint8 {
	rooms := b[res.Worker]
	for j, k := range set.roomy {
		if cap(rooms[j]) < res.N {
			rooms[j] = make([]uint8, max(res.N, warehouse.MaxBlocks*warehouse.BlockSize))
		}
		rooms[j] = rooms[j][:res.N]
		res.Room(set.leaves[k].x, rooms[j])
	}
	return rooms
}
