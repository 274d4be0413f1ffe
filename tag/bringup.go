package tag

import (
	"context"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
	"tagma/library"
	"tagma/tagindex"
)

// What BringUp has done, among the settings of the workspace.
const (
	settingEnded    = "assignments_ended"    // up to which instant the ends of assignments are in the index
	settingRevision = "assignments_revision" // of the library that the tags assigned by hand in the index are of
)

func numberSetting(ctx context.Context, idb bun.IDB, key string) (int64, error) {
	text, ok, err := db.Setting(ctx, idb, key)
	if err != nil || !ok {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("tag: the setting %s is stored as %q", key, text)
	}
	return n, nil
}

// BringUp brings the index to what is decided by hand at an instant: assignments whose time is over leave it, or the
// rule decides again, each as of its own end; and tags assigned by hand are as their definitions are now. It is done
// when a workspace is opened, before a run and before anything is assigned. When nothing is to be done it costs two
// look-ups.
func BringUp(ctx context.Context, d Deps, now event.Time) error {
	release, err := d.Turn.Take(ctx)
	if err != nil {
		return err
	}
	defer release()
	return d.bringUp(ctx, now)
}

// bringUp is BringUp for whoever has the turn.
func (d Deps) bringUp(ctx context.Context, now event.Time) error {
	if err := d.definitionsChanged(ctx, now); err != nil {
		return err
	}
	return d.assignmentsEnd(ctx, now)
}

// definitionsChanged brings tags that are assigned by hand, or were, to their present definitions.
func (d Deps) definitionsChanged(ctx context.Context, now event.Time) error {
	revision, err := library.Revision(ctx, d.DB.Read())
	if err != nil {
		return err
	}
	done, err := numberSetting(ctx, d.DB.Read(), settingRevision)
	if err != nil || uint64(done) == revision {
		return err
	}
	set, err := library.Load(ctx, d.DB.Read())
	if err != nil {
		return err
	}
	at, err := d.assignInstant(ctx, now)
	if err != nil {
		return err
	}
	changed := false
	err = d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		changes, err := d.redefine(ctx, tx, set, at)
		if err != nil {
			return err
		}
		changed = len(changes) > 0
		if err := appendChanges(ctx, d.Changes, tx, at, changes); err != nil {
			return err
		}
		return db.SetSetting(ctx, tx, settingRevision, strconv.FormatUint(revision, 10))
	})
	if err != nil || !changed {
		return err
	}
	return d.CatchUp(ctx)
}

func (d Deps) redefine(ctx context.Context, tx bun.Tx, set *library.Set, at event.Time) (changes []tagindex.Change, err error) {
	view := d.Index.View()
	add := func(ch *tagindex.Change, slot uint32) {
		if ch != nil {
			ch.Slot, ch.Cause, ch.At = slot, tagindex.ByEdit, at
			changes = append(changes, *ch)
		}
	}
	drop := func(slot uint32) {
		if _, _, there := view.Changed(slot); there {
			add(&tagindex.Change{Drop: true}, slot)
		}
	}
	forget := func(id uint32) error {
		if _, err := tx.NewDelete().Model((*computedRow)(nil)).Where("definition = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("tag: forget what is known of definition %d: %w", id, err)
		}
		return nil
	}
	noted := map[uint32]computedRow{}
	var rows []computedRow
	if err := tx.NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, fmt.Errorf("tag: read what was computed: %w", err)
	}
	for _, row := range rows {
		noted[row.Definition] = row
	}
	last, err := lastAssignment(ctx, tx)
	if err != nil {
		return nil, err
	}
	for t := range set.Tags() {
		row, ok := noted[t.ID]
		delete(noted, t.ID)
		switch {
		case t.Kind == library.ByRule && ok && row.Run == 0: // it was by hand until now, and no run has decided it
			if err := forget(t.ID); err != nil {
				return nil, err
			}
		case t.Kind == library.ByHand && !(ok && row.Run == 0 && row.Version == t.Version):
			content, err := manualContent(ctx, tx, t, rowFilter{at: at}, d.Zone)
			if err != nil {
				return nil, err
			}
			add(tagindex.Diff(view.Content(t.ID), content), t.ID)
			drop(lapseSlot(t.ID))
			if err := note(ctx, tx, &computedRow{Definition: t.ID, Version: t.Version, AsOfMS: int64(at), Assigned: last}); err != nil {
				return nil, err
			}
		}
	}
	for id, row := range noted { // retired
		if row.Run > 0 {
			continue // the next run forgets it
		}
		drop(id)
		if err := forget(id); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// manualContent is what a tag assigned by hand holds at an instant.
func manualContent(ctx context.Context, idb bun.IDB, t *library.Tag, w rowFilter, z *event.Zone) (*tagindex.Content, error) {
	p, err := pinsOf(ctx, idb, t, w)
	if err != nil {
		return nil, err
	}
	shape := manualShape(t)
	x := tagindex.New()
	var list []decision
	for _, c := range p.customers() {
		list = append(list, decision{customer: c, value: asKept(p.effective(c, t.Multi), shape, z)})
	}
	if ch := changeOf(x.View(), t.ID, &shape, list); ch != nil {
		if err := x.Apply([]tagindex.Change{*ch}, 1); err != nil {
			return nil, err
		}
	}
	return x.View().Content(t.ID), nil
}

// ended is the assignments of a tag that end at one instant.
type ended struct {
	at        event.Time
	tag       uint32
	customers []uint32
}

// assignmentsEnd brings the ends of assignments up to an instant into the index.
func (d Deps) assignmentsEnd(ctx context.Context, now event.Time) error {
	from, err := numberSetting(ctx, d.DB.Read(), settingEnded)
	if err != nil {
		return err
	}
	var over bool
	if err := d.DB.Read().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM assignments WHERE until_ms > ? AND until_ms <= ?)", from, int64(now)).Scan(&over); err != nil {
		return fmt.Errorf("tag: look for assignments that ended: %w", err)
	}
	if !over {
		return nil
	}
	ends, err := d.ends(ctx, event.Time(from), now)
	if err != nil {
		return err
	}
	known, err := OpenAssignable(ctx, d)
	if err != nil {
		return err
	}
	defer known.Close()
	// What ends together is written together. A customer whose assignments of a tag end one after the other needs
	// the index to be at the first before the second.
	for len(ends) > 0 {
		n, seen := 0, map[[2]uint32]bool{}
		for n < len(ends) && !overlap(seen, &ends[n]) {
			n++
		}
		err := d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
			var changes []tagindex.Change
			for i := range ends[:n] {
				more, err := known.end(ctx, tx, &ends[i])
				if err != nil {
					return err
				}
				changes = append(changes, more...)
			}
			if err := appendSmall(ctx, d.Changes, tx, changes); err != nil {
				return err
			}
			upTo := ends[n-1].at
			if n == len(ends) {
				upTo = now
			} else if ends[n].at == upTo {
				upTo-- // the rest of that instant is still to come
			}
			return db.SetSetting(ctx, tx, settingEnded, strconv.FormatInt(int64(upTo), 10))
		})
		if err != nil {
			return err
		}
		if err := d.CatchUp(ctx); err != nil {
			return err
		}
		ends = ends[n:]
	}
	return nil
}

// overlap notes whose assignments end, and says whether one of them was noted before.
func overlap(seen map[[2]uint32]bool, e *ended) bool {
	for _, c := range e.customers {
		if seen[[2]uint32{e.tag, c}] {
			return true
		}
	}
	for _, c := range e.customers {
		seen[[2]uint32{e.tag, c}] = true
	}
	return false
}

// ends lists the assignments that end after from and not after to, in the order of time.
func (d Deps) ends(ctx context.Context, from, to event.Time) (out []ended, err error) {
	rows, err := d.DB.Read().QueryContext(ctx, "SELECT DISTINCT until_ms, definition, customer FROM assignments WHERE until_ms > ? AND until_ms <= ? ORDER BY until_ms, definition, customer",
		int64(from), int64(to))
	if err != nil {
		return nil, fmt.Errorf("tag: read the assignments that ended: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var at event.Time
		var tag, customer uint32
		if err := rows.Scan(&at, &tag, &customer); err != nil {
			return nil, fmt.Errorf("tag: read the assignments that ended: %w", err)
		}
		if n := len(out); n == 0 || out[n-1].at != at || out[n-1].tag != tag {
			out = append(out, ended{at: at, tag: tag})
		}
		out[len(out)-1].customers = append(out[len(out)-1].customers, customer)
	}
	return out, rows.Err()
}

// end finds what changes when assignments end.
func (a *Assignable) end(ctx context.Context, tx bun.Tx, e *ended) ([]tagindex.Change, error) {
	var t *library.Tag
	for one := range a.set.Tags() {
		if one.ID == e.tag {
			t = one
		}
	}
	if t == nil { // retired: the index has nothing of it
		return nil, nil
	}
	shape, err := a.shape(t)
	if err != nil || shape == nil { // a rule with faults is decided when it is mended
		return nil, err
	}
	w := tagWork{tag: t, customers: e.customers, standing: map[uint32]*standing{}, touched: map[uint32]bool{}}
	if err := eachStanding(ctx, tx, t, rowFilter{customers: e.customers, at: e.at}, func(c uint32, s *standing) {
		w.standing[c] = &standing{multi: s.multi, all: s.all, each: append([]*assignmentRow(nil), s.each...)}
		w.touched[c] = true
	}); err != nil {
		return nil, err
	}
	w.before = w.pins(e.at - 1)
	decisions, err := a.decide(ctx, tx, &w, e.at)
	if err != nil {
		return nil, err
	}
	changes := changesOf(a.d.Index.View(), t, shape, decisions)
	for i := range changes {
		changes[i].At, changes[i].Cause, changes[i].Live = e.at, tagindex.ByTime, true
	}
	return changes, nil
}
