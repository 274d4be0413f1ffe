package tag

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/stream"
	"tagma/tagindex"
)

// AssignReport says what became of assignments.
type AssignReport struct {
	At       string `json:"at"`       // from when on they hold
	Given    int    `json:"given"`    // assignments asked for
	Recorded int    `json:"recorded"` // those that said something new
	Same     int    `json:"same"`     // those that were so already
	Changed  int    `json:"changed"`  // how often a customer has another value of a tag now
	// Faults are the assignments that were refused, each with its place in the list.
	Faults []AssignFault `json:"refused,omitempty"`
	// Outcomes says of each assignment of the list what became of it.
	Outcomes []Outcome `json:"-"`
}

// Outcome is what became of an assignment.
type Outcome string

// The outcomes.
const (
	Recorded Outcome = "recorded"
	Same     Outcome = "same"
	Refused  Outcome = "refused"
)

// AssignFault is an assignment that was refused.
type AssignFault struct {
	Index int `json:"index"`
	errs.Fault
}

// Assign records decisions by hand, in their order, and brings the index up to them, in one transaction. now is the
// workspace's instant: they hold from then on, or from the instant that the index is of if that is later.
//
// Each is judged for itself: those that cannot be are in the report, and all others are taken. What is so already, for
// the same reason and as long, is not recorded again.
//
// What is set or removed on a tag by rule is pinned. To release it lets the rule decide the customer at once, with the
// parameters of the tag's last run; the tags that refer to it follow in the next run.
//
// also is called in the transaction, with the report, when something was recorded: what it writes is there exactly when
// the assignments are.
func Assign(ctx context.Context, d Deps, now event.Time, list []Assignment, also ...func(context.Context, bun.Tx, *AssignReport) error) (*AssignReport, error) {
	release, err := d.Turn.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := d.CatchUp(ctx); err != nil {
		return nil, err
	}
	if err := d.bringUp(ctx, now); err != nil {
		return nil, err
	}
	known, err := OpenAssignable(ctx, d)
	if err != nil {
		return nil, err
	}
	defer known.Close()
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	at, err := d.assignInstant(ctx, now)
	if err != nil {
		return nil, err
	}
	report := &AssignReport{At: d.Zone.Format(at), Given: len(list), Outcomes: make([]Outcome, len(list))}
	var wanted []wantedRow
	for i := range list {
		a := &list[i]
		rows, fault, err := known.rows(a, at)
		if err != nil {
			return nil, err
		}
		if uint32(a.Customer) >= snap.Profiles() || !snap.Profile(a.Customer).Known {
			fault = &errs.Fault{Message: "there is no such customer"}
		}
		if fault != nil {
			report.Faults, report.Outcomes[i] = append(report.Faults, AssignFault{i, *fault}), Refused
			continue
		}
		for k := range rows {
			rows[k].row.cause, rows[k].of = tagindex.ByHand, &report.Outcomes[i]
			wanted = append(wanted, rows[k])
		}
	}
	if len(wanted) == 0 {
		return report, nil
	}
	err = d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		done, err := known.write(ctx, tx, at, tagindex.ByHand, wanted)
		report.Recorded, report.Same, report.Changed = done.recorded, done.same, done.changed
		for _, f := range also {
			if err == nil && done.recorded > 0 {
				err = f(ctx, tx, report)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return report, d.CatchUp(ctx)
}

// assignInstant is the instant from which on what is decided now holds: the index only moves forward.
func (d Deps) assignInstant(ctx context.Context, now event.Time) (event.Time, error) {
	last, err := d.lastInstant(ctx, d.DB.Read())
	if err != nil {
		return 0, err
	}
	ended, err := numberSetting(ctx, d.DB.Read(), settingEnded)
	return max(now, last, event.Time(ended)), err
}

// Latest is the instant that the index is of at an instant of the workspace: that one, or a later one that something
// was decided for, as can be where the clock is stopped.
func Latest(ctx context.Context, d Deps, now event.Time) (event.Time, error) {
	return d.assignInstant(ctx, now)
}

// wantedRow is a row that somebody asks for.
type wantedRow struct {
	tag *library.Tag
	row assignmentRow
	of  *Outcome // of the assignment that it is part of; nil when nobody asks
}

// rows checks an assignment and makes its rows.
func (a *Assignable) rows(in *Assignment, at event.Time) ([]wantedRow, *errs.Fault, error) {
	t, fault, err := a.Tag(in.Tag)
	if fault != nil || err != nil {
		return nil, fault, err
	}
	wrong := func(hint, format string, args ...any) ([]wantedRow, *errs.Fault, error) {
		return nil, &errs.Fault{Message: fmt.Sprintf(format, args...), Hint: hint}, nil
	}
	row := assignmentRow{definition: t.ID, customer: uint32(in.Customer), action: in.Action, at: at, until: event.Never, reason: in.Reason, by: in.By}
	switch {
	case in.Action != Set && in.Action != Remove && in.Action != Release:
		return wrong("possible are set, remove, release", "%q is not what can be done", in.Action)
	case in.Action == Set && !in.Value.Present():
		return wrong("write "+in.Tag+"=VALUE", "which value of the tag %s?", in.Tag)
	case in.Action != Set && in.Value.Present() && !t.Multi:
		return wrong("leave the value out", "a customer has one value of the tag %s: it is %sd whatever it is", in.Tag, in.Action)
	case in.Until != 0 && in.Action == Release:
		return wrong("", "what is released has no end")
	case in.Until != 0 && in.Action == Remove && t.Kind == library.ByHand:
		return wrong("leave the end out", "the tag %s is assigned by hand: nothing comes back when a removal ends", in.Tag)
	case in.Until != 0 && in.Until <= at:
		return wrong("", "the end %s is not in the future: it is %s", a.d.Zone.Format(in.Until), a.d.Zone.Format(at))
	case in.Until != 0:
		row.until = in.Until
	}
	if !in.Value.Present() {
		return []wantedRow{{tag: t, row: row}}, nil, nil
	}
	values, fault := a.Fit(t, in.Value)
	if fault != nil {
		return nil, fault, nil
	}
	var out []wantedRow
	for _, v := range values {
		row.value = v
		out = append(out, wantedRow{tag: t, row: row})
	}
	return out, nil, nil
}

// written says what writing rows did.
type written struct{ recorded, same, changed int }

// tagWork is the work on one tag.
type tagWork struct {
	tag       *library.Tag
	customers []uint32
	standing  map[uint32]*standing
	before    *pins
	touched   map[uint32]bool // whether the rule must be asked again
}

// write records rows, in their order, and the changes that come of them.
func (a *Assignable) write(ctx context.Context, tx bun.Tx, at event.Time, cause tagindex.Cause, list []wantedRow) (written, error) {
	works := map[uint32]*tagWork{}
	var order []*tagWork
	for i := range list {
		w := works[list[i].tag.ID]
		if w == nil {
			w = &tagWork{tag: list[i].tag, standing: map[uint32]*standing{}, touched: map[uint32]bool{}}
			works[list[i].tag.ID] = w
			order = append(order, w)
		}
		w.customers = append(w.customers, list[i].row.customer)
	}
	for _, w := range order {
		slices.Sort(w.customers)
		w.customers = slices.Compact(w.customers)
		if err := eachStanding(ctx, tx, w.tag, rowFilter{customers: w.customers, at: at}, func(c uint32, s *standing) {
			w.standing[c] = &standing{multi: s.multi, all: s.all, each: slices.Clone(s.each)}
		}); err != nil {
			return written{}, err
		}
		w.before = w.pins(at)
	}
	var done written
	var rows []*assignmentRow
	for i := range list {
		w, r := works[list[i].tag.ID], &list[i].row
		outcome := Same
		if w.take(r, at) {
			rows, outcome = append(rows, r), Recorded
		}
		if of := list[i].of; of != nil && *of != Recorded {
			*of = outcome
		}
	}
	done.recorded, done.same = len(rows), len(list)-len(rows)
	if len(rows) == 0 {
		return done, nil
	}
	first, err := db.NextNumber(ctx, tx, "assignments", uint64(len(rows)))
	if err != nil {
		return done, err
	}
	if err := insertRows(ctx, tx, first+1, a.d.Now(), rows); err != nil {
		return done, err
	}
	view := a.d.Index.View()
	var changes []tagindex.Change
	for _, w := range order {
		decisions, err := a.decide(ctx, tx, w, at)
		if err != nil {
			return done, err
		}
		shape, err := a.shape(w.tag)
		if err != nil {
			return done, err
		}
		for _, one := range decisions {
			if view.Value(w.tag.ID, one.customer).Compare(one.value) != 0 {
				done.changed++
			}
		}
		for _, ch := range changesOf(view, w.tag, shape, decisions) {
			ch.At, ch.Cause, ch.Live = at, cause, cause == tagindex.ByHand
			changes = append(changes, ch)
		}
	}
	return done, appendSmall(ctx, a.d.Changes, tx, changes)
}

// take adds a row to what counts; false when it says nothing new.
func (w *tagWork) take(r *assignmentRow, at event.Time) bool {
	s := w.standing[r.customer]
	if s == nil {
		s = &standing{multi: w.tag.Multi}
		w.standing[r.customer] = s
	}
	about := s.about(r.value)
	if about != nil && !about.holds(at) {
		about = nil
	}
	byHand := w.tag.Kind == library.ByHand
	switch {
	case r.action == Release || r.action == Remove && byHand:
		// There must be something that it takes away.
		some := about != nil && (r.action == Release || about.action == Set)
		if w.tag.Multi && !r.value.Present() {
			some = slices.ContainsFunc(s.inForce(at), func(h *assignmentRow) bool { return r.action == Release || h.action == Set })
		}
		if !some {
			return false
		}
	case about != nil && about.says(r) && !(w.tag.Multi && !r.value.Present() && len(s.inForce(at)) > 1):
		return false
	}
	s.add(r)
	if r.action == Release && !byHand {
		w.touched[r.customer] = true
	} else if !w.touched[r.customer] {
		w.touched[r.customer] = false
	}
	return true
}

// pins is what holds at an instant by what counts now.
func (w *tagWork) pins(at event.Time) *pins {
	p := newPins(w.tag)
	for _, c := range w.customers {
		if s := w.standing[c]; s != nil {
			p.add(c, s.inForce(at))
		}
	}
	return p
}

// decide finds what the touched customers have of the tag now.
func (a *Assignable) decide(ctx context.Context, tx bun.Tx, w *tagWork, at event.Time) ([]decision, error) {
	after := w.pins(at)
	var out []decision
	if w.tag.Kind == library.ByHand {
		for _, c := range w.customers {
			if _, ok := w.touched[c]; ok {
				out = append(out, decision{customer: c, value: asKept(after.effective(c, w.tag.Multi), a.shapes[w.tag.ID], a.d.Zone)})
			}
		}
		return out, nil
	}
	_, computed, err := computedOf(ctx, tx, w.tag.ID)
	if err != nil {
		return nil, err
	}
	view := a.d.Index.View()
	var ask []uint32
	for _, c := range w.customers {
		released, touched := w.touched[c]
		switch {
		case !touched || !exists(a.decider.snap, event.ProfileID(c), at):
		case released && computed:
			ask = append(ask, c)
		default:
			was, lapse := view.Value(w.tag.ID, c), view.Value(lapseSlot(w.tag.ID), c)
			if released {
				was, lapse = event.Value{}, event.Value{}
			}
			for _, p := range after.of(c) {
				if lapse = withoutLapse(lapse, after.value(p)); p.value < 0 {
					lapse = event.Value{}
				}
			}
			out = append(out, decision{customer: c, value: asKept(after.over(c, was, w.tag.Multi), a.shapes[w.tag.ID], a.d.Zone), lapse: lapse})
		}
	}
	if len(ask) == 0 {
		return out, nil
	}
	x := *a.decider
	x.idb = tx
	decided, err := x.decide(ctx, a.decider.subjects[w.tag.ID], ask, at, w.before, after)
	return append(out, decided...), err
}

// asKept is a value as a slot of a shape has it: one of several kinds as a text.
func asKept(v event.Value, shape tagindex.Shape, z *event.Zone) event.Value {
	if v.Present() && shape.Kind == event.TextKind && !shape.Multi && v.Kind() != event.TextKind {
		return event.Text(v.Format(z))
	}
	return v
}

// appendSmall writes changes of few customers to the change log, many in an entry.
func appendSmall(ctx context.Context, log *stream.Log, tx bun.Tx, changes []tagindex.Change) error {
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && n < 1000 && changes[n].Live == changes[0].Live && changes[n].At == changes[0].At {
			n++
		}
		payload, err := tagindex.Encode(changes[:n])
		if err != nil {
			return err
		}
		if _, err := log.Append(ctx, tx, stream.Entry{At: changes[0].At, Kind: tagindex.EntryChanges, Live: changes[0].Live, Count: 1, Payload: payload}); err != nil {
			return err
		}
		changes = changes[n:]
	}
	return nil
}

// Imported is an assignment that a row of a file makes.
type Imported struct {
	Customer event.ProfileID
	Tag      *library.Tag // from Assignable.Tag
	Value    event.Value  // from Assignable.Fit
	Until    event.Time   // 0 for no end
	Reason   string
	By       string // the file's source
}

// Import records what rows assign, in the transaction that accepts the rows, and returns how many of them said
// something new. The customers may be new as well. When the transaction is committed the caller brings the index up to
// the change log. A tag by rule has the value at once for customers who were there before the import, and for others
// with the next run, which decides all they have.
func (a *Assignable) Import(ctx context.Context, tx bun.Tx, now event.Time, list []Imported) (recorded int, err error) {
	at, err := a.d.assignInstant(ctx, now)
	if err != nil {
		return 0, err
	}
	wanted := make([]wantedRow, len(list))
	for i := range list {
		in := &list[i]
		row := assignmentRow{definition: in.Tag.ID, customer: uint32(in.Customer), action: Set, value: in.Value, at: at, until: event.Never,
			cause: tagindex.ByImport, reason: in.Reason, by: in.By}
		if in.Until != 0 {
			row.until = in.Until
		}
		wanted[i] = wantedRow{tag: in.Tag, row: row}
	}
	done, err := a.write(ctx, tx, at, tagindex.ByImport, wanted)
	return done.recorded, err
}
