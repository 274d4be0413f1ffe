package ingest

import (
	"context"
	"fmt"
	"hash/maphash"

	"tagma/event"
	"tagma/identity"
	"tagma/warehouse"
)

func keyOf(kind, value string) identity.Key { return identity.Key{Kind: kind, Value: value} }

// taker turns what rows give into records: it finds out whose they are and what of it is new.
type taker struct {
	m     *Mapping
	keys  keyMaker
	taken *taken
	last  lastTraits

	// Of the chunk in hand.
	messages map[warehouse.SeenKey]bool // taken in this chunk, and not yet in the history
	tags     *assigning                 // nil where no tags are assigned
	report   Report
	refused  []refusal

	// Scratch.
	seenKeys []warehouse.SeenKey
	rows     []rowWork
	props    []event.Property
	list     []int
	ids      []identity.Key
	idEnds   []int
}

// rowWork is one row on its way.
type rowWork struct {
	key     warehouse.SeenKey
	before  *takenSet
	known   bool   // the row was met before
	own     bool   // events of it have message ids
	dated   bool   // it gives or removes a trait, or gives a consent, that was not taken so far
	events  uint64 // the events it gives
	left    uint64 // those of them not taken so far, as far as the history knows
	message int    // where its message ids begin in seenKeys
}

// nothing says that nothing is left of the row to take when these events are left.
func (w *rowWork) nothing(left uint64) bool { return left == 0 && !w.dated && (w.known || w.own) }

func newTaker(m *Mapping, store seenStore) *taker {
	return &taker{m: m, keys: keyMaker{source: m.Source}, taken: newTaken(m, store), last: newLastTraits(),
		messages: map[warehouse.SeenKey]bool{}}
}

// chunk begins a chunk of rows: one that is committed as a whole.
func (t *taker) chunk() {
	clear(t.messages)
	clear(t.last.values)
	t.report, t.refused = Report{}, nil
	if t.tags != nil {
		t.tags.wanted = t.tags.wanted[:0]
	}
}

// take stages what is new in the rows of y.
func (t *taker) take(ctx context.Context, l *load, y *yield) error {
	if err := t.lookUp(l, y); err != nil {
		return err
	}
	answers, err := t.resolve(ctx, l, y)
	if err != nil {
		return err
	}
	t.report.Skipped += int64(y.skipped)
	t.report.Rows += int64(y.skipped + len(y.refused) + len(y.kept))
	t.refused = append(t.refused, y.refused...)
	for k, row := range y.kept {
		if err := t.row(ctx, l, y, int(row), &t.rows[k], &answers[k]); err != nil {
			return err
		}
	}
	return nil
}

// lookUp finds out what was taken of each row before.
func (t *taker) lookUp(l *load, y *yield) error {
	t.seenKeys, t.rows = t.seenKeys[:0], t.rows[:0]
	for k := range y.kept {
		t.seenKeys = append(t.seenKeys, t.keys.row(y.hashes[k], y.occurrence[k]))
	}
	for k, row := range y.kept {
		w := rowWork{key: t.seenKeys[k], message: len(t.seenKeys)}
		for e := range y.events {
			if ev := &y.events[e]; ev.happened(int(row)) {
				w.events |= 1 << e
				if ev.message != nil && ev.message[row] != "" {
					t.seenKeys = append(t.seenKeys, t.keys.message(ev.message[row]))
				}
			}
		}
		t.rows = append(t.rows, w)
	}
	stored, err := l.taken(t.seenKeys)
	if err != nil {
		return fmt.Errorf("import: find out what was taken before: %w", err)
	}
	for k, row := range y.kept {
		w := &t.rows[k]
		w.known = stored[k] != nil
		if w.before, err = t.taken.get(stored[k]); err != nil {
			return err
		}
		w.left = w.events
		place := w.message
		for e := range y.events {
			if w.events&(1<<e) == 0 {
				continue
			}
			if ev := &y.events[e]; ev.message != nil && ev.message[row] != "" {
				if w.own = true; stored[place] != nil {
					w.left &^= 1 << e
				}
				place++
			} else if w.before.events&(1<<e) != 0 {
				w.left &^= 1 << e
			}
		}
		w.dated = t.gives(y, int(row), w)
	}
	return nil
}

// gives says whether a row gives or removes a trait, or gives a consent, that was not taken so far.
func (t *taker) gives(y *yield, i int, w *rowWork) bool {
	for _, n := range w.before.dated {
		if y.dated[n].present(i) {
			return true
		}
	}
	for _, n := range w.before.removes {
		if y.dated[n].removes(i) {
			return true
		}
	}
	return false
}

// resolve finds the customers of the rows.
func (t *taker) resolve(ctx context.Context, l *load, y *yield) ([]identity.Resolution, error) {
	t.ids, t.idEnds = t.ids[:0], t.idEnds[:0]
	for _, row := range y.kept {
		for k := range y.ids {
			if id := y.ids[k][row]; id != "" {
				t.ids = append(t.ids, keyOf(t.m.identify[k].kind, id))
			}
		}
		t.idEnds = append(t.idEnds, len(t.ids))
	}
	l.requests = l.requests[:0]
	from := 0
	for k, to := range t.idEnds {
		// A row that gives nothing new creates nobody: its customer may have been erased since.
		l.requests = append(l.requests, identity.Request{Keys: t.ids[from:to:to], Known: t.rows[k].nothing(t.rows[k].left)})
		from = to
	}
	return l.resolve(ctx)
}

// row takes one row.
func (t *taker) row(ctx context.Context, l *load, y *yield, i int, w *rowWork, a *identity.Resolution) error {
	if a.Conflicting() {
		t.report.Conflicts++
		t.refused = append(t.refused, refusal{line: y.rows.Line[i], reason: "the row identifies two customers",
			detail: fmt.Sprintf("the row identifies two customers (%s, %s)", a.Conflict[0], a.Conflict[1]), cells: y.rows.written(i)})
		return nil
	}
	if !a.Found { // nothing new, of somebody who is gone
		t.report.Duplicate++
		return nil
	}
	left := t.fresh(y, i, w)
	if w.nothing(left) && len(a.Added) == 0 {
		t.report.Duplicate++
		return nil
	}
	if err := l.customer(ctx, a, t.firstSeen(y, i, w, left)); err != nil {
		return err
	}
	if a.New {
		t.report.NewCustomers++
	}
	t.report.Identifiers += int64(len(a.Added))
	if err := t.takeDated(ctx, l, y, i, w, a.Profile); err != nil {
		return err
	}
	if err := t.takeEvents(ctx, l, y, i, w, left, a.Profile); err != nil {
		return err
	}
	t.report.Accepted++
	return t.mark(ctx, l, y, i, w, left)
}

// fresh returns the events to take: those left that have no message id taken in this chunk.
func (t *taker) fresh(y *yield, i int, w *rowWork) uint64 {
	left, place := w.left, w.message
	for e := range y.events {
		ev := &y.events[e]
		if w.events&(1<<e) == 0 || ev.message == nil || ev.message[i] == "" {
			continue
		}
		key := t.seenKeys[place]
		place++
		if left&(1<<e) == 0 {
			continue
		}
		if t.messages[key] {
			left &^= 1 << e
			continue
		}
		t.messages[key] = true
	}
	return left
}

// firstSeen is the earliest effective time of what the row gives, Always when something of it has no time.
func (t *taker) firstSeen(y *yield, i int, w *rowWork, left uint64) event.Time {
	first := event.Never
	for e := range y.events {
		if left&(1<<e) != 0 {
			first = min(first, y.events[e].times[i])
		}
	}
	for _, k := range t.dated(y, i, w) {
		if !t.m.dated[k].tag {
			first = min(first, y.dated[k].time(i))
		}
	}
	if first == event.Never {
		return event.Always
	}
	return first
}

// dated lists the traits and consents that a row gives or removes and that were not taken so far.
func (t *taker) dated(y *yield, i int, w *rowWork) []int {
	t.list = t.list[:0]
	for _, k := range w.before.dated {
		if y.dated[k].present(i) {
			t.list = append(t.list, k)
		}
	}
	for _, k := range w.before.removes {
		if d := &y.dated[k]; d.removes(i) && !d.present(i) {
			t.list = append(t.list, k)
		}
	}
	return t.list
}

func (t *taker) takeDated(ctx context.Context, l *load, y *yield, i int, w *rowWork, p event.ProfileID) error {
	for _, k := range t.dated(y, i, w) {
		d := &y.dated[k]
		if t.m.dated[k].tag {
			t.assign(y, i, k, p)
			continue
		}
		one := event.Trait{Profile: p, Name: t.m.dated[k].name, Time: d.time(i), Value: d.at(i)}
		// The country on each line of an order is one trait, not as many as there are lines.
		if one.Time == event.Always && t.last.same(p, k, one.Value) {
			continue
		}
		if t.m.dated[k].consent {
			if err := l.consent(ctx, one); err != nil {
				return err
			}
			t.report.Consents++
			continue
		}
		if err := l.trait(ctx, one); err != nil {
			return err
		}
		t.report.Traits++
	}
	return nil
}

func (t *taker) takeEvents(ctx context.Context, l *load, y *yield, i int, w *rowWork, left uint64, p event.ProfileID) error {
	for e := range y.events {
		if left&(1<<e) == 0 {
			continue
		}
		ev, spec := &y.events[e], &t.m.events[e]
		out := event.Event{Profile: p, Name: spec.name, Time: ev.times[i], Source: t.m.Source}
		if ev.names != nil {
			out.Name = ev.names[i]
		}
		t.props = t.props[:0]
		for k := range ev.props {
			if v := ev.props[k].at(i); v.Present() {
				t.props = append(t.props, event.Property{Name: spec.props[k].name, Value: v})
			}
		}
		out.Props = t.props
		if err := l.event(ctx, &out); err != nil {
			return err
		}
		t.report.Events++
	}
	return nil
}

// mark notes what was taken of a row.
func (t *taker) mark(ctx context.Context, l *load, y *yield, i int, w *rowWork, left uint64) error {
	place := w.message
	var byRow, byMessage uint64
	for e := range y.events {
		if w.events&(1<<e) == 0 {
			continue
		}
		if ev := &y.events[e]; ev.message != nil && ev.message[i] != "" {
			byMessage |= 1 << e
			if left&(1<<e) != 0 {
				if err := l.seen(ctx, warehouse.Seen{Key: t.seenKeys[place], Value: []byte{}}); err != nil {
					return err
				}
			}
			place++
		} else {
			byRow |= 1 << e
		}
	}
	if byRow == 0 && byMessage != 0 && len(t.m.dated) == 0 {
		return nil
	}
	var removes []int
	for _, k := range w.before.removes {
		if y.dated[k].removes(i) {
			removes = append(removes, k)
		}
	}
	after, err := t.taken.join(w.before, byRow, removes)
	if err != nil {
		return err
	}
	if w.known && after == w.before {
		return nil
	}
	if !after.stored {
		if err := l.seen(ctx, warehouse.Seen{Key: setKey(after.id), Value: encodeNames(after.names)}); err != nil {
			return err
		}
		after.stored = true
	}
	return l.seen(ctx, warehouse.Seen{Key: w.key, Value: after.id[:]})
}

// lastTraits remembers, within a chunk, the value that each customer's untimed traits were given last, as hashes.
// Not beyond the chunk: what is written must not depend on whether an import was interrupted before it.
type lastTraits struct {
	seed    maphash.Seed
	values  map[uint64]uint64
	scratch []byte
}

func newLastTraits() lastTraits {
	return lastTraits{seed: maphash.MakeSeed(), values: map[uint64]uint64{}}
}

// same says whether v is the value given last, and notes it.
func (t *lastTraits) same(p event.ProfileID, trait int, v event.Value) bool {
	var h uint64
	if v.Kind() == event.TextKind {
		h = maphash.String(t.seed, v.Text())
	} else {
		t.scratch = v.AppendBinary(t.scratch[:0])
		h = maphash.Bytes(t.seed, t.scratch) ^ uint64(v.Kind())
	}
	k := uint64(p)<<16 | uint64(trait)
	last, ok := t.values[k]
	t.values[k] = h
	return ok && last == h
}
