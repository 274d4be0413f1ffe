package tag

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/stream"
	"tagma/tagindex"
	"tagma/warehouse"
)

// Live decides tags that are refreshed live, and segments: as records arrive, for the customers that they are about, and
// as time passes, for those whose answers may change. What a run would decide at the same instant, with the parameters of
// the last run and the published values of tags that are not live, it has decided, once it is at the end of the event log.
//
// It keeps in memory which leaves of the rules hold for whom, rows of the history as far as LiveOptions.Bytes goes, and
// when each customer is to be looked at again. All of that is made anew from the history when it begins, when the library
// changed, and after a bulk load; then everything is decided by a run, and what was missed meanwhile is found.
type Live struct {
	LiveOptions
	d Deps

	set     *liveSet // nil: everything is to be made anew
	answers *leafAnswers
	wheel   *wheel
	firsts  firsts
	params  rule.Params
	asOf    event.Time // of the run that params are of
	snap    warehouse.Snapshot

	position uint64  // of the event log: what is before is decided
	changes  uint64  // of the change log: what is before was looked at
	assigned uint64  // the last assignment that was seen
	queue    []*news // about other tags
	last     event.Time
	waited   bool // the step before was about records
	begun    bool // somebody makes it decide

	mu     sync.Mutex
	status LiveStatus
}

// LiveOptions are what a Live works with besides Deps.
type LiveOptions struct {
	// Clock tells the workspace's instant.
	Clock func() event.Time
	// Records reads an entry of the event log; nil: the entry names a bulk load.
	Records func(*stream.Entry) (*warehouse.Batch, error)
	// Moved returns a channel that is closed when the history or the change log has moved on.
	Moved func() <-chan struct{}
	// Bytes is about the memory for rows of the history; 0 means 2 GiB.
	Bytes int64
	// Failed hears of each failed attempt, and when it is tried again. It may be nil.
	Failed func(err error, retryIn time.Duration)
}

// LiveStatus is how a Live is doing.
type LiveStatus struct {
	Ready    bool       // it has begun: everything was decided once
	Position uint64     // of the event log: what is before is decided
	AsOf     event.Time // tags that are live are right at this instant
	Decided  uint64     // records since the process began
	Changes  uint64     // customers that entered or left a value since
	Woken    uint64     // customers looked at because of the time
	Builds   uint64     // how often everything was decided anew
	Leaves   int        // conditions kept for each customer
	Subjects int        // tags and segments decided live
	Bytes    int64      // memory of leaves and rows
	// Err is why it stands still, nil when it does not; Since is the first of the failures in a row.
	Err   error
	Since event.Time
}

// NewLive returns one that decides when it is Run. It takes part in the turns of d.
func NewLive(d Deps, o LiveOptions) *Live {
	if o.Bytes <= 0 {
		o.Bytes = 2 << 30
	}
	return &Live{LiveOptions: o, d: d}
}

// Status tells how it is doing. It may be called at any time.
func (l *Live) Status() LiveStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// How long a failed step waits before it is tried again, and how long an idle one before it looks at the clock.
const (
	firstRetry   = 100 * time.Millisecond
	longestRetry = 30 * time.Second
	idle         = 200 * time.Millisecond
)

// A step costs something whatever it decides. So while records keep coming, steps of few of them begin pace apart: half as
// much processor at 10,000 a second, for some milliseconds later. What comes after a pause is decided at once.
const (
	pace       = 30 * time.Millisecond
	fewRecords = 1000
)

// Run decides until ctx ends.
func (l *Live) Run(ctx context.Context) {
	defer l.Close()
	retryIn := firstRetry
	for ctx.Err() == nil {
		moved := l.Moved() // asked for before looking, so that nothing is missed in between
		paced, before := time.After(pace), l.position
		worked, err := l.Step(ctx)
		wait := idle
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if l.Failed != nil {
				l.Failed(err, retryIn)
			}
			wait, moved = retryIn, nil
			retryIn = min(2*retryIn, longestRetry)
		case worked:
			retryIn = firstRetry
			if n := l.position - before; n > 0 && n < fewRecords {
				select {
				case <-paced:
				case <-ctx.Done():
				}
			}
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-moved:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// Close lets go what it holds. Step begins anew after it.
func (l *Live) Close() {
	if l.set != nil {
		l.set.resident.Use(nil)
		l.set = nil
	}
	if l.snap != nil {
		l.snap.Close()
		l.snap = nil
	}
}

// Step decides what is to be decided next, and says whether there was anything. It must not be called twice at a time.
func (l *Live) Step(ctx context.Context) (worked bool, err error) {
	release, err := l.d.Turn.Take(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	return l.step(ctx)
}

// step is Step for whoever has the turn.
func (l *Live) step(ctx context.Context) (worked bool, err error) {
	defer func() { l.note(err) }()
	l.begun = true
	now := max(l.Clock(), l.last)
	if err := l.stale(ctx); err != nil {
		return false, err
	}
	if l.set == nil {
		return true, l.build(ctx, now)
	}
	if err := l.follow(ctx); err != nil {
		return false, err
	}
	n, batches, upTo, err := l.records(ctx)
	if err != nil {
		return false, err
	}
	var due []uint32
	switch {
	case n == nil && upTo > l.position: // a bulk load
		l.Close()
		return true, l.build(ctx, now)
	case n != nil && !l.waited: // records and what else waits take turns
		l.waited = true
	case len(l.queue) > 0:
		n, batches, upTo = l.queue[0], nil, l.position
		l.queue = l.queue[1:]
	default:
		if n == nil {
			if err := l.d.bringUp(ctx, now); err != nil { // assignments end, too
				return false, err
			}
		}
		if due = l.wheel.due(now, 2*chunkOfCustomers); len(due) > 0 {
			n, batches, upTo = &news{cause: tagindex.ByTime, live: true, whole: due}, nil, l.position
		}
	}
	if batches == nil {
		l.waited = false
	}
	if n == nil {
		l.last = now
		return false, nil
	}
	if err := l.take(ctx, n, batches, upTo, now); err != nil {
		l.Close() // what is in memory may be ahead of what was committed
		if errors.Is(err, errKinds) {
			return true, nil
		}
		return false, err
	}
	l.last = now
	l.mu.Lock()
	l.status.Woken += uint64(len(due))
	l.mu.Unlock()
	return true, nil
}

// note sets the status after a step.
func (l *Live) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.status
	switch {
	case err == nil:
		s.Err, s.Since = nil, 0
	case s.Err == nil:
		s.Err, s.Since = err, l.d.Now()
	default:
		s.Err = err
	}
	s.Ready, s.Position, s.AsOf = l.set != nil, l.position, l.last
	if l.set != nil {
		s.Leaves, s.Subjects, s.Bytes = len(l.set.leaves), len(l.set.subjects), l.answers.bytes()+l.set.resident.Bytes()
	}
}

// stale lets go what was compiled when the library changed, or a tag got its first assignment.
func (l *Live) stale(ctx context.Context) error {
	if l.set == nil {
		return nil
	}
	revision, err := library.Revision(ctx, l.d.DB.Read())
	if err != nil {
		return err
	}
	if revision != l.set.revision {
		l.Close()
		return nil
	}
	last, err := lastAssignment(ctx, l.d.DB.Read())
	if err != nil || last == l.assigned {
		return err
	}
	pinned, err := assignedTags(ctx, l.d.DB.Read())
	if err != nil {
		return err
	}
	for _, one := range l.set.subjects {
		if !one.segment && pinned[one.id] && !l.set.pinned[one.id] {
			l.Close()
			return nil
		}
	}
	l.assigned = last
	return nil
}

// follow looks at what others wrote to the change log.
func (l *Live) follow(ctx context.Context) error {
	if err := l.d.followed(ctx); err != nil {
		return err
	}
	for end := l.d.Index.Position(); l.changes < end; {
		entries, err := l.d.Changes.Read(ctx, l.changes, 1<<20)
		if err != nil {
			return err
		}
		for i := range entries {
			e := &entries[i]
			if l.changes = e.End(); e.Kind != tagindex.EntryChanges {
				continue
			}
			changes, err := tagindex.Decode(e.Payload)
			if err != nil {
				return err
			}
			for k := range changes {
				l.heard(&changes[k])
			}
		}
		if len(entries) == 0 {
			return nil
		}
	}
	return nil
}

// heard queues what a change of a tag may change in others.
func (l *Live) heard(ch *tagindex.Change) {
	key, ok := l.set.readers[ch.Slot]
	if !ok {
		return
	}
	if p, err := l.set.planBeside(key, l.snap); err != nil || p == nil {
		return
	}
	if who := changed(ch); len(who) > 0 {
		l.queue = append(l.queue, &news{cause: ch.Cause, live: ch.Live, tags: map[string][]uint32{key: who}})
	}
}

// recordBytes bounds the entries of the event log that are decided together.
const recordBytes = 1 << 20

// records reads what the history has of the event log and is not decided: entries that are news, or entries that are not.
// n is nil when there is nothing, or when upTo says that a bulk load comes next.
func (l *Live) records(ctx context.Context) (n *news, batches []*warehouse.Batch, upTo uint64, err error) {
	upTo = l.position
	there := l.d.Store.Offset()
	if there <= l.position {
		return nil, nil, upTo, nil
	}
	entries, err := l.d.Events.Read(ctx, l.position, recordBytes)
	switch {
	case errs.Is(err, errs.Conflict): // trimmed meanwhile: all is decided anew, as after a bulk load
		return nil, nil, there, nil
	case err != nil:
		return nil, nil, upTo, err
	}
	for i := range entries {
		e := &entries[i]
		if e.End() > there || n != nil && e.Live != n.live {
			break
		}
		b, err := l.Records(e)
		if err != nil {
			return nil, nil, upTo, err
		}
		if b == nil {
			if n == nil {
				upTo = e.End()
			}
			break
		}
		if n == nil {
			n = &news{cause: tagindex.ByEvent, live: e.Live, series: map[rule.Series][]uint32{}}
			if !e.Live {
				n.cause = tagindex.ByImport
			}
		}
		upTo = e.End()
		b.Offset = upTo
		batches = append(batches, b)
	}
	return n, batches, upTo, nil
}

// sort tells whom records are about.
func (l *Live) sort(n *news, batches []*warehouse.Batch, snap warehouse.Snapshot) {
	frozen := map[rule.Series]bool{}
	add := func(kind warehouse.SeriesKind, name string, p event.ProfileID, at event.Time) {
		of := rule.Series{Kind: kind, Name: name}
		n.series[of] = append(n.series[of], uint32(p))
		switch kind {
		case warehouse.Events:
			n.series[anyEvent] = append(n.series[anyEvent], uint32(p))
		case warehouse.SystemEvents:
			n.series[anySystem] = append(n.series[anySystem], uint32(p))
		}
		if at <= l.asOf && l.set.frozen != nil {
			reads, known := frozen[of]
			if !known {
				reads = l.set.frozenRead(of)
				frozen[of] = reads
			}
			if reads {
				n.late = append(n.late, uint32(p))
			}
		}
		if l.set.firstSeen && at <= snap.Profile(p).FirstSeen {
			n.whole = append(n.whole, uint32(p))
		}
	}
	for _, b := range batches {
		for i := range b.Events {
			n.events = append(n.events, &b.Events[i])
		}
		b.EachRecord(add)
	}
}

// take decides news and publishes what comes of it.
func (l *Live) take(ctx context.Context, n *news, batches []*warehouse.Batch, upTo uint64, now event.Time) error {
	if err := l.look(now); err != nil {
		return err
	}
	records := upTo - l.position
	for _, b := range batches {
		l.set.resident.Append(b)
	}
	if len(batches) > 0 {
		l.sort(n, batches, l.snap)
	}
	out, err := l.decide(ctx, n, l.snap, now)
	if err != nil {
		return err
	}
	moved := uint64(0)
	if len(out.changes) > 0 {
		if err := l.commit(ctx, out, upTo, now); err != nil {
			return err
		}
		for i := range out.changes {
			entered, left := out.changes[i].Moves()
			moved += uint64(entered + left)
		}
	}
	l.position = upTo
	l.keep(out, now)
	if l.set.first != nil {
		l.firsts.add(n.events, now)
	}
	for key, who := range out.held {
		l.queue = append(l.queue, &news{cause: n.cause, live: n.live, tags: map[string][]uint32{key: who}})
	}
	l.mu.Lock()
	l.status.Decided += records
	l.status.Changes += moved
	l.mu.Unlock()
	return nil
}

// keep takes in what was decided at an instant, when it is committed.
func (l *Live) keep(out *outcome, now event.Time) {
	l.answers.turn(out.flips, out.exist)
	for _, c := range out.reset {
		l.wheel.set(c, event.Never, now)
	}
	for _, w := range out.sooner {
		l.wheel.sooner(w.customer, w.at, now)
	}
}

// errKinds says that values of other kinds came than before: rules are compiled anew.
var errKinds = errors.New("values of another kind came")

// look takes up a snapshot of the history as it is now.
func (l *Live) look(now event.Time) error {
	snap, err := l.d.Store.Snapshot()
	if err != nil {
		return err
	}
	old := l.snap
	l.snap = snap
	l.set.resident.Use(snap)
	if old != nil {
		old.Close()
	}
	infos := snap.Series()
	if len(infos) != l.set.series { // rules over all events read the new ones, too
		if err := l.set.plan(&rule.Run{Snapshot: snap, Now: now, Zone: l.d.Zone, Params: l.params, Ahead: true}, l.Bytes); err != nil {
			return err
		}
	}
	if l.set.kindsIn(infos) != l.set.kinds {
		return errKinds
	}
	return nil
}

// commit writes changes to the change log and brings the index up to them.
func (l *Live) commit(ctx context.Context, out *outcome, upTo uint64, now event.Time) error {
	var before, after uint64
	err := l.d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if before, err = l.d.Changes.End(ctx, tx); err != nil {
			return err
		}
		if err := appendSmall(ctx, l.d.Changes, tx, out.changes); err != nil {
			return err
		}
		if upTo > l.position {
			if err := appendMark(ctx, l.d.Changes, tx, upTo, now); err != nil {
				return err
			}
		}
		after, err = l.d.Changes.End(ctx, tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("tag: publish what was decided live: %w", err)
	}
	if before == l.changes { // nothing but our own
		l.changes = after
	}
	return l.d.followed(ctx)
}

// appendMark writes up to where events are decided.
func appendMark(ctx context.Context, log *stream.Log, tx bun.Tx, offset uint64, at event.Time) error {
	mark := event.AppendVarint(event.AppendUvarint([]byte{1}, offset), int64(at))
	_, err := log.Append(ctx, tx, stream.Entry{At: at, Kind: EntryMark, Count: 1, Payload: mark})
	return err
}
