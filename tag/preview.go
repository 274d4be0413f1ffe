package tag

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
)

// Preview says what an edit of the library would do to who carries what.
type Preview struct {
	Key           string            `json:"key"`
	Segment       bool              `json:"segment,omitempty"`
	Held          int               `json:"held"`
	Entered, Left int               `json:"-"`
	Enter         []event.ProfileID `json:"-"` // a few of those who would enter
	Leave         []event.ProfileID `json:"-"` // a few of those who would leave
}

// PreviewEdit checks the rules of a planned library, all their faults at once, and computes what the changed tags
// and segments, and those that refer to them, would hold at an instant; compared with the index; and who would leave
// what is retired. Nothing is saved. The warnings of those rules are added to those of the edit. It takes a reading of
// the history. sample is how many customers are named on each side.
func PreviewEdit(ctx context.Context, d Deps, edit *library.Edit, now event.Time, sample int) ([]Preview, error) {
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
	view := d.Index.View()
	out := []Preview{}
	add := func(key string, segment bool, slot uint32, is *tagindex.Content) {
		p, was := Preview{Key: key, Segment: segment, Held: is.Present().Count()}, view.Content(slot)
		if ch := tagindex.Diff(was, is); ch != nil {
			p.Entered, p.Left = moves(was, is, ch)
			p.Enter, p.Leave = samples(was, is, ch, sample)
		}
		out = append(out, p)
	}
	if touched := touchedBy(c, edit); len(touched) > 0 {
		eval := rule.Run{Snapshot: snap, Now: now, Zone: d.Zone}
		keepers, err := d.prepare(ctx, &eval, touched, beside{set: edit.Set, idb: d.DB.Read()})
		if err != nil {
			return nil, err
		}
		contents, err := contentsOf(ctx, &eval, touched, keepers, nil)
		if err != nil {
			return nil, err
		}
		for i, s := range touched {
			add(s.key, s.segment, s.id, contents[i].values)
		}
	}
	return out, d.previewOthers(ctx, edit, now, add)
}

// previewOthers adds who leaves what is retired, and what tags assigned by hand would hold.
func (d Deps) previewOthers(ctx context.Context, edit *library.Edit, now event.Time, add func(key string, segment bool, slot uint32, is *tagindex.Content)) error {
	at, err := d.assignInstant(ctx, now)
	if err != nil {
		return err
	}
	view := d.Index.View()
	for _, ch := range edit.Changes {
		if ch.Kind != library.KindTag && ch.Kind != library.KindSegment || ch.What == library.Same {
			continue
		}
		head, _ := edit.Set.Head(library.Ref{Kind: ch.Kind, Key: ch.Key})
		held := view.Present(head.ID).Count()
		if ch.What == library.Retire {
			if held > 0 {
				add(ch.Key, ch.Kind == library.KindSegment, head.ID, &tagindex.Content{})
			}
			continue
		}
		t, ok := edit.Set.Tag(ch.Key)
		if ch.Kind != library.KindTag || !ok || t.Kind != library.ByHand {
			continue
		}
		is, err := manualContent(ctx, d.DB.Read(), t, rowFilter{at: at}, d.Zone)
		if err != nil {
			return err
		}
		if held > 0 || is.Present().Count() > 0 {
			add(t.Key, false, t.ID, is)
		}
	}
	return nil
}

// touchedBy lists the subjects whose meaning the edit changes: changed themselves, or referring to what is.
func touchedBy(c *library.Compiled, edit *library.Edit) (out []*subject) {
	changed := map[library.Ref]bool{}
	for _, ch := range edit.Changes {
		if ch.What != library.Same {
			changed[library.Ref{Kind: ch.Kind, Key: ch.Key}] = true
		}
	}
	for _, s := range subjects(c) {
		kind := library.KindTag
		if s.segment {
			kind = library.KindSegment
		}
		hit := changed[library.Ref{Kind: kind, Key: s.key}]
		for _, ref := range s.depends {
			hit = hit || changed[ref]
		}
		if hit {
			out = append(out, s)
		}
	}
	return out
}

// samples names a few customers of a change on each side, as moves counts them.
func samples(was, is *tagindex.Content, ch *tagindex.Change, n int) (enter, leave []event.ProfileID) {
	take := func(list *[]event.ProfileID, b *roaring.Bitmap) {
		if b == nil {
			return
		}
		for it := b.Iterator(); it.HasNext() && len(*list) < n; {
			if id := event.ProfileID(it.Next()); !slices.Contains(*list, id) {
				*list = append(*list, id)
			}
		}
	}
	if ch.Clear || was.Banded() != is.Banded() {
		take(&enter, is.Present().Roaring())
		take(&leave, was.Present().Roaring())
		return
	}
	sets := ch.Sets
	if ch.Bands != nil {
		sets = ch.Bands
	}
	for _, s := range sets {
		take(&enter, s.Entered)
		take(&leave, s.Left)
	}
	if c := ch.Column; c != nil && ch.Bands == nil {
		take(&enter, c.Customers)
		take(&leave, c.Cleared)
	}
	return
}
