package tag

import (
	"context"

	"tagma/event"
	"tagma/library"
	"tagma/tagindex"
)

// MembersAt is MembersPage for an instant that is past: of its snapshot, or of a tag assigned by hand by what was decided
// until then. An instant that nothing was computed for is NotFound, with those that there are.
func (d *Desk) MembersAt(ctx context.Context, ref library.Ref, value string, hasValue bool, at event.Time, from uint32, limit int) (*MembersPage, error) {
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	id, order, byHand, err := d.slot(set, ref)
	if err != nil {
		return nil, err
	}
	q := MembersQuery{Key: ref.Key, Segment: ref.Kind == library.KindSegment, AsOf: at, HasAsOf: true}
	if byHand {
		q.byHand, _ = set.Tag(ref.Key)
	}
	view, asOf, err := viewFor(ctx, d.Deps, id, q)
	if err != nil {
		return nil, err
	}
	out := &MembersPage{AsOf: asOf}
	d.fill(out, view, id, order, value, hasValue, from, limit)
	return out, d.sure(set, ref, value, hasValue, out.Total)
}

// fill puts those who hold a slot, or a value of it, into a page.
func (d *Desk) fill(out *MembersPage, view *tagindex.View, id uint32, order *listOrder, value string, hasValue bool, from uint32, limit int) {
	who := view.Present(id)
	if hasValue {
		v, ok := d.valueNamed(view.Content(id), value)
		if !ok {
			return
		}
		who = view.Set(id, v)
	}
	out.Total = who.Count()
	found := tagindex.In(who).First(who, from, limit+1)
	if len(found) > limit {
		out.More, found = true, found[:limit]
	}
	for _, c := range found {
		out.Members = append(out.Members, Member{event.ProfileID(c), order.value(view.Value(id, c))})
	}
}
