package tag

import (
	"context"
	"encoding/json"
	"fmt"

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
// same parameters. It changes nothing. It takes a run's time.
func Verify(ctx context.Context, d Deps) ([]Finding, error) {
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

// history: offset, numbers of profiles and identifiers.
func (v *verifier) history(ctx context.Context) error {
	end, err := v.Events.End(ctx, v.DB.Read())
	if err != nil {
		return err
	}
	if at := v.Store.Offset(); at != end {
		v.wrong("the history goes to record %d of the event log, which has %d", at, end)
	}
	snap, err := v.Store.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	var profiles uint64
	if err := v.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		profiles, err = db.NextNumber(ctx, tx, "profiles", 0)
		return err
	}); err != nil {
		return err
	}
	if uint64(snap.Profiles()) != profiles {
		v.wrong("the history knows %d profiles, the database gave out %d numbers", snap.Profiles(), profiles)
	}
	var rows uint64
	if err := v.DB.Read().QueryRowContext(ctx, "SELECT count(*) FROM identifiers").Scan(&rows); err != nil {
		return fmt.Errorf("tag: count identifiers: %w", err)
	}
	var held uint64
	for _, s := range snap.Series() {
		if s.Kind == warehouse.Identifiers {
			held += s.Rows
		}
	}
	if rows != held {
		v.wrong("the database has %d identifiers, the history %d", rows, held)
	}
	return nil
}

// replay builds the index anew from the change log and compares.
func (v *verifier) replay(ctx context.Context) error {
	fresh := tagindex.New()
	follower := tagindex.Follow(fresh, "")
	for {
		entries, err := v.Changes.Read(ctx, fresh.Position(), 64<<20)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		if err := follower.Apply(ctx, entries); err != nil {
			return err
		}
	}
	a, b := v.Index.View(), fresh.View()
	slots := map[uint32]bool{}
	for _, id := range append(a.Slots(), b.Slots()...) {
		slots[id] = true
	}
	for id := range slots {
		if tagindex.Diff(a.Content(id), b.Content(id)) != nil {
			v.wrong("the index differs from the change log in definition %d", id)
		}
	}
	return nil
}

// fresh computes every tag again for the instant and with the parameters of its last run, where the history is
// still the same, and compares.
func (v *verifier) fresh(ctx context.Context) error {
	snap, err := v.Store.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	set, err := library.Load(ctx, v.DB.Read())
	if err != nil {
		return err
	}
	compiled, err := library.Compile(set, library.CompileOptions{Names: namesOf(snap), Zone: v.Zone, Lenient: true})
	if err != nil {
		return err
	}
	for _, b := range compiled.Broken {
		v.note("%s cannot be computed at present: %s", b.Ref, b.Faults[0])
	}
	byRun := map[uint64][]*subject{}
	asOf := map[uint64]event.Time{}
	r := &run{Deps: v.Deps, set: set}
	for _, s := range subjects(compiled) {
		row, ok, err := computedOf(ctx, v.DB.Read(), s.id)
		switch {
		case err != nil:
			return err
		case !ok:
			v.note("%s was never computed", s.key)
		case row.Events != snap.Offset() || row.Version != s.version || row.Closure != r.closure(s):
			v.note("%s has not been computed since history or definitions changed", s.key)
		default:
			byRun[row.Run] = append(byRun[row.Run], s)
			asOf[row.Run] = event.Time(row.AsOfMS)
		}
	}
	for number, list := range byRun {
		if err := v.compare(ctx, snap, set, number, asOf[number], list); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) compare(ctx context.Context, snap warehouse.Snapshot, set *library.Set, number uint64, at event.Time, list []*subject) error {
	var row runRow
	if err := v.DB.Read().NewSelect().Model(&row).Where("id = ?", number).Scan(ctx); err != nil {
		return fmt.Errorf("tag: read run %d: %w", number, err)
	}
	texts := map[string][]string{}
	if err := json.Unmarshal([]byte(row.Parameters), &texts); err != nil {
		return fmt.Errorf("tag: read the parameters of run %d: %w", number, err)
	}
	params, err := paramsOf(texts)
	if err != nil {
		return err
	}
	view := v.Index.View()
	eval := rule.Run{Snapshot: snap, Now: at, Zone: v.Zone, Params: params, Published: published(set, view)}
	contents, err := contentsOf(ctx, &eval, list, nil)
	if err != nil {
		return err
	}
	for i, s := range list {
		if ch := tagindex.Diff(view.Content(s.id), contents[i]); ch != nil {
			entered, left := ch.Moves()
			v.wrong("%s differs from a fresh computation as of %s: %d customers lack a value, %d have one too many", s.key, v.Zone.Format(at), entered, left)
		}
	}
	return nil
}
