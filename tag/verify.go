package tag

import (
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
	"tagma/warehouse"
)

// Finding is something that Verify found wrong, or could not look at.
type Finding struct {
	What string `json:"what"`
	// Wrong says that it is a fault, and not merely something that could not be compared.
	Wrong bool `json:"wrong"`
}

// Verify holds the parts against each other: the history against the event log and the numbers of profiles, the
// index against the change log it is made from, and against a fresh computation at the same instant with the
// same parameters. It changes nothing. It takes a run's time, in which nobody else decides; records may come meanwhile.
func Verify(ctx context.Context, d Deps) ([]Finding, error) {
	release, err := d.Turn.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	v := verifier{Deps: d}
	for _, step := range []func(context.Context) error{v.history, v.replay, v.fresh} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return v.findings, nil
}

type verifier struct {
	Deps
	findings []Finding
}

func (v *verifier) wrong(format string, args ...any) {
	v.findings = append(v.findings, Finding{fmt.Sprintf(format, args...), true})
}

func (v *verifier) note(format string, args ...any) {
	v.findings = append(v.findings, Finding{fmt.Sprintf(format, args...), false})
}

// counts is what the database says of the history.
type counts struct{ records, profiles, identifiers uint64 }

func (v *verifier) counts(ctx context.Context) (c counts, err error) {
	err = v.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if c.records, err = v.Events.End(ctx, tx); err != nil {
			return err
		}
		if c.profiles, err = db.NextNumber(ctx, tx, "profiles", 0); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM identifiers").Scan(&c.identifiers); err != nil {
			return fmt.Errorf("tag: count identifiers: %w", err)
		}
		return nil
	})
	return
}

// history: offset, numbers of profiles and identifiers. Records may come while it looks, so the history must have no
// less than the database had before, and no more than it has afterwards.
func (v *verifier) history(ctx context.Context) error {
	before, err := v.counts(ctx)
	if err != nil {
		return err
	}
	if v.Store.Offset() < before.records {
		if err := v.CatchUp(ctx); err != nil {
			return err
		}
	}
	snap, err := v.Store.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	after, err := v.counts(ctx)
	if err != nil {
		return err
	}
	var held uint64
	for _, s := range snap.Series() {
		if s.Kind == warehouse.Identifiers {
			held += s.Rows
		}
	}
	if at := snap.Offset(); at < before.records || at > after.records {
		v.wrong("the history goes to record %d of the event log, which has %d", at, after.records)
	}
	if n := uint64(snap.Profiles()); n < before.profiles || n > after.profiles {
		v.wrong("the history knows %d profiles, the database gave out %d numbers", n, after.profiles)
	}
	if held < before.identifiers || held > after.identifiers {
		v.wrong("the database has %d identifiers, the history %d", after.identifiers, held)
	}
	return nil
}

// replay builds the index anew from the change log, up to where the index goes, and compares. Changes may come
// meanwhile.
func (v *verifier) replay(ctx context.Context) error {
	before, err := v.Changes.End(ctx, v.DB.Read())
	if err != nil {
		return err
	}
	if v.Index.Position() < before {
		if err := v.CatchUp(ctx); err != nil {
			return err
		}
	}
	is := v.Index.View()
	fresh := tagindex.New()
	follower := tagindex.Follow(fresh, "")
	for fresh.Position() < is.Offset() {
		entries, err := v.Changes.Read(ctx, fresh.Position(), 64<<20)
		if err != nil {
			return err
		}
		for len(entries) > 0 && entries[len(entries)-1].End() > is.Offset() { // they came since
			entries = entries[:len(entries)-1]
		}
		if len(entries) == 0 {
			break
		}
		if err := follower.Apply(ctx, entries); err != nil {
			return err
		}
	}
	if is.Offset() < before || is.Offset() != fresh.Position() {
		v.wrong("the index goes to change %d of the change log, which has %d", is.Offset(), max(before, fresh.Position()))
	}
	was := fresh.View()
	slots := map[uint32]bool{}
	for _, id := range append(is.Slots(), was.Slots()...) {
		slots[id] = true
	}
	for id := range slots {
		if tagindex.Diff(is.Content(id), was.Content(id)) != nil {
			v.wrong("the index differs from the change log in definition %d", id)
		}
	}
	return nil
}

// fresh computes every tag again for the instant and with the parameters of its last run, where the history is
// still the same, and compares.
func (v *verifier) fresh(ctx context.Context) error {
	compared, err := v.live(ctx)
	if err != nil {
		return err
	}
	snap, err := v.Store.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	set, err := library.Load(ctx, v.DB.Read())
	if err != nil {
		return err
	}
	compiled, err := v.compile(ctx, set, library.CompileOptions{Names: namesOf(snap), Lenient: true})
	if err != nil {
		return err
	}
	for _, b := range compiled.Broken {
		v.note("%s cannot be computed at present: %s", b.Ref, b.Faults[0])
	}
	live, err := v.movedLive(ctx, set, snap)
	if err != nil {
		return err
	}
	type decided struct {
		run  uint64
		asOf event.Time
	}
	type together struct {
		list     []*subject
		assigned uint64
	}
	byRun := map[decided]*together{}
	r := &run{Deps: v.Deps, set: set}
	for _, s := range subjects(compiled) {
		if compared[s.id] {
			continue
		}
		row, ok, err := computedOf(ctx, v.DB.Read(), s.id)
		switch {
		case err != nil:
			return err
		case !ok || row.Run == 0:
			v.note("%s was never computed", s.key)
		case row.Events != snap.Offset() || row.Version != s.version || row.Closure != r.closure(s):
			v.note("%s has not been computed since history or definitions changed", s.key)
		default:
			at := decided{row.Run, event.Time(row.AsOfMS)}
			if moved, changed := live(s, at.asOf); moved != nil {
				s, at.asOf = moved, changed
			}
			if byRun[at] == nil {
				byRun[at] = &together{assigned: row.Assigned}
			}
			byRun[at].list = append(byRun[at].list, s)
		}
	}
	for at, last := range byRun {
		if err := v.compare(ctx, snap, set, at.run, at.asOf, last.assigned, last.list); err != nil {
			return err
		}
	}
	return v.byHand(ctx, set)
}

// live brings what is decided live in this process to the present, compares it with a run of that instant, and returns
// what was compared. Customers about whom records come meanwhile are left out.
func (v *verifier) live(ctx context.Context) (map[uint32]bool, error) {
	l := v.Live
	if l == nil || !l.begun {
		return nil, nil
	}
	if err := l.settle(ctx); err != nil {
		return nil, err
	}
	coming, bulk, err := l.coming(ctx)
	if err != nil || bulk {
		return nil, err
	}
	found, list, err := l.differences(ctx, coming)
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		v.wrong("%s differs from a fresh computation as of %s: %d customers lack a value, %d have one too many", d.Key, v.Zone.Format(l.last), d.Entered, d.Left)
	}
	compared := map[uint32]bool{}
	for _, s := range list {
		compared[s.id] = true
	}
	return compared, nil
}

// movedLive finds what time has moved since its last run, where it is decided live: such a subject as it is decided then,
// with the published values of tags that are not live, and the instant at which it moved last. The subject is nil where
// the last run still stands.
func (v *verifier) movedLive(ctx context.Context, set *library.Set, snap warehouse.Snapshot) (func(*subject, event.Time) (*subject, event.Time), error) {
	compiled, _, err := v.compileLive(ctx, v.DB.Read(), set, snap)
	if err != nil {
		return nil, err
	}
	byID := map[uint32]*subject{}
	for _, s := range subjects(compiled) {
		if isLive(s) && !readsOf(s.roots()).Population { // else it holds on to the instant of the run
			byID[s.id] = s
		}
	}
	view := v.Index.View()
	return func(s *subject, asOf event.Time) (*subject, event.Time) {
		at := asOf
		for _, slot := range []uint32{s.id, lapseSlot(s.id)} {
			if changed, _, there := view.Changed(slot); there {
				at = max(at, changed)
			}
		}
		if at == asOf {
			return nil, asOf
		}
		return byID[s.id], at
	}, nil
}

// byHand holds the tags assigned by hand in the index against the assignments.
func (v *verifier) byHand(ctx context.Context, set *library.Set) error {
	last, err := v.lastInstant(ctx, v.DB.Read())
	if err != nil {
		return err
	}
	ended, err := numberSetting(ctx, v.DB.Read(), settingEnded)
	if err != nil {
		return err
	}
	view := v.Index.View()
	for t := range set.Tags() {
		if t.Kind != library.ByHand {
			continue
		}
		content, err := manualContent(ctx, v.DB.Read(), t, rowFilter{at: max(last, event.Time(ended))}, v.Zone)
		if err != nil {
			return err
		}
		if ch := tagindex.Diff(view.Content(t.ID), content); ch != nil {
			entered, left := moves(view.Content(t.ID), content, ch)
			v.wrong("%s differs from its assignments: %d customers lack a value, %d have one too many", t.Key, entered, left)
		}
	}
	return nil
}

// compare computes tags again as their last run did. Customers about whom somebody decided by hand since then are
// left out of the tags concerned.
func (v *verifier) compare(ctx context.Context, snap warehouse.Snapshot, set *library.Set, number uint64, at event.Time, assigned uint64, list []*subject) error {
	params, err := runParams(ctx, v.DB.Read(), number)
	if err != nil {
		return err
	}
	view := v.Index.View()
	eval := rule.Run{Snapshot: snap, Now: at, Zone: v.Zone, Params: params}
	b := beside{set: set, idb: v.DB.Read(), rows: true, upTo: assigned, none: assigned == 0}
	keepers, err := v.prepare(ctx, &eval, list, b)
	if err != nil {
		return err
	}
	contents, err := contentsOf(ctx, &eval, list, keepers, nil)
	if err != nil {
		return err
	}
	for i, s := range list {
		since, err := v.decidedSince(ctx, s.id, at, assigned)
		if err != nil {
			return err
		}
		lack, much := differences(view, s.id, contents[i].values, since)
		if lack+much > 0 {
			v.wrong("%s differs from a fresh computation as of %s: %d customers lack a value, %d have one too many", s.key, v.Zone.Format(at), lack, much)
		}
		if contents[i].lapses == nil {
			continue
		}
		if lack, much := differences(view, lapseSlot(s.id), contents[i].lapses, since); lack+much > 0 {
			v.wrong("%s differs from a fresh computation as of %s in since when values are kept, for %d customers", s.key, v.Zone.Format(at), max(lack, much))
		}
	}
	return nil
}

// differences counts the values that a slot lacks and has too many, passing over some customers.
func differences(view *tagindex.View, slot uint32, is *tagindex.Content, except *roaring.Bitmap) (lack, much int) {
	was := view.Content(slot)
	ch := tagindex.Diff(was, is)
	switch {
	case ch == nil:
		return 0, 0
	case ch.Clear || was.Banded() != is.Banded():
		return moves(was, is, ch)
	}
	count := func(b *roaring.Bitmap) int {
		if b == nil {
			return 0
		}
		return int(roaring.AndNot(b, except).GetCardinality())
	}
	for _, sets := range [][]tagindex.SetChange{ch.Sets, ch.Bands} {
		for _, s := range sets {
			lack, much = lack+count(s.Entered), much+count(s.Left)
		}
	}
	if ch.Column != nil {
		lack, much = lack+count(ch.Column.Customers), much+count(ch.Column.Cleared)
	}
	return
}

// decidedSince is the customers about whose tag somebody decided by hand after a run, or for whom such a decision
// ended since then.
func (v *verifier) decidedSince(ctx context.Context, tag uint32, at event.Time, assigned uint64) (*roaring.Bitmap, error) {
	rows, err := v.DB.Read().QueryContext(ctx, "SELECT customer FROM assignments WHERE definition = ? AND (id > ? OR until_ms > ?)", int64(tag), int64(assigned), int64(at))
	if err != nil {
		return nil, fmt.Errorf("tag: read assignments: %w", err)
	}
	defer rows.Close()
	out := roaring.New()
	for rows.Next() {
		var c uint32
		if err := rows.Scan(&c); err != nil {
			return nil, fmt.Errorf("tag: read assignments: %w", err)
		}
		out.Add(c)
	}
	return out, rows.Err()
}
