package tag

import (
	"context"
	"maps"
	"slices"

	"tagma/rule"
	"tagma/tagindex"
)

// LiveDifference is a tag or segment of which the index is not what a run gives.
type LiveDifference struct {
	Key     string
	Segment bool
	Entered int // customers that the run would let in
	Left    int // and take out
	// Some are a few of the customers.
	Some []uint32
}

// Check computes what is decided live as a run at the instant that it stands at, with the parameters of the last run,
// and tells where the index has something else. Tags that place customers in a population are left out when time has gone
// on since that run: they hold on to its instant. It changes nothing. Step must not be going on.
func (l *Live) Check(ctx context.Context) ([]LiveDifference, error) {
	release, err := l.d.Turn.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if l.set == nil {
		return nil, nil
	}
	if err := l.d.CatchUp(ctx); err != nil {
		return nil, err
	}
	out, _, err := l.differences(ctx, nil)
	return out, err
}

// differences is Check for whoever has the turn, and returns what it compared. Some customers are left out.
func (l *Live) differences(ctx context.Context, but map[uint32]bool) (out []LiveDifference, compared []*subject, err error) {
	snap, err := l.d.Store.Snapshot()
	if err != nil {
		return nil, nil, err
	}
	defer snap.Close()
	var list []*subject
	for _, one := range l.set.subjects {
		if !readsOf(one.subject.roots()).Population || l.last == l.asOf {
			list = append(list, one.subject)
		}
	}
	eval := rule.Run{Snapshot: snap, Now: l.last, Zone: l.d.Zone, Params: maps.Clone(l.params)}
	keepers, err := l.d.prepare(ctx, &eval, list, beside{set: l.set.set, idb: l.d.DB.Read()})
	if err != nil {
		return nil, nil, err
	}
	contents, err := contentsOf(ctx, &eval, list, keepers, nil)
	if err != nil {
		return nil, nil, err
	}
	for i, diff := range diffAll(l.d.Index.View(), list, contents) {
		for _, ch := range []*tagindex.Change{diff.values, diff.lapses} {
			if ch == nil {
				continue
			}
			one := LiveDifference{Key: list[i].key, Segment: list[i].segment}
			one.Entered, one.Left = ch.Moves()
			one.Some = slices.DeleteFunc(changed(ch), func(c uint32) bool { return but[c] })
			if len(one.Some) == 0 && len(but) > 0 {
				continue
			}
			one.Some = one.Some[:min(len(one.Some), 10)]
			out = append(out, one)
		}
	}
	return out, list, nil
}
