package tag

import (
	"context"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
)

// PreviewOne is what one tag or segment would hold after an edit, value by value.
type PreviewOne struct {
	Preview
	Values []PreviewValue
}

// PreviewValue is how many customers would hold a value, and how many hold it now.
type PreviewValue struct {
	Value        event.Value
	Held, Before int
}

// PreviewKey is PreviewEdit for one definition alone, with its values.
func PreviewKey(ctx context.Context, d Deps, edit *library.Edit, ref library.Ref, now event.Time, sample int) (*PreviewOne, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	c, err := d.compile(ctx, edit.Set, library.CompileOptions{Names: namesOf(snap)})
	if err != nil {
		return nil, err
	}
	edit.Warn(c)
	out := &PreviewOne{Preview: Preview{Key: ref.Key, Segment: ref.Kind == library.KindSegment}}
	is := &tagindex.Content{}
	head, _ := edit.Set.Head(ref)
	if t, ok := edit.Set.Tag(ref.Key); ok && !out.Segment && t.Kind == library.ByHand {
		at, err := d.assignInstant(ctx, now)
		if err != nil {
			return nil, err
		}
		if is, err = manualContent(ctx, d.DB.Read(), t, rowFilter{at: at}, d.Zone); err != nil {
			return nil, err
		}
	}
	for _, s := range subjects(c) {
		if s.key != ref.Key || s.segment != out.Segment {
			continue
		}
		eval := rule.Run{Snapshot: snap, Now: now, Zone: d.Zone}
		list := []*subject{s}
		keepers, err := d.prepare(ctx, &eval, list, beside{set: edit.Set, idb: d.DB.Read()})
		if err != nil {
			return nil, err
		}
		contents, err := contentsOf(ctx, &eval, list, keepers, nil)
		if err != nil {
			return nil, err
		}
		is = contents[0].values
	}
	was := d.Index.View().Content(head.ID)
	out.Held = is.Present().Count()
	if ch := tagindex.Diff(was, is); ch != nil {
		out.Entered, out.Left = moves(was, is, ch)
		out.Enter, out.Leave = samples(was, is, ch, sample)
	}
	before := map[string]int{}
	for _, v := range was.Values(0) {
		before[v.Value.Key()] = v.Count
	}
	for _, v := range is.Values(maxValues) {
		out.Values = append(out.Values, PreviewValue{v.Value, v.Count, before[v.Value.Key()]})
		delete(before, v.Value.Key())
	}
	for _, v := range was.Values(maxValues) {
		if n, left := before[v.Value.Key()]; left {
			out.Values = append(out.Values, PreviewValue{v.Value, 0, n})
		}
	}
	return out, nil
}
