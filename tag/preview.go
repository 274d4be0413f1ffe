package tag

import (
	"context"

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
// and segments, and those that refer to them, would hold at an instant; compared with the index. Nothing is saved.
// It takes a reading of the history. sample is how many customers are named on each side.
func PreviewEdit(ctx context.Context, d Deps, edit *library.Edit, now event.Time, sample int) ([]Preview, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	c, err := library.Compile(edit.Set, library.CompileOptions{Names: namesOf(snap), Zone: d.Zone})
	if err != nil {
		return nil, err
	}
	touched := touchedBy(c, edit)
	if len(touched) == 0 {
		return nil, nil
	}
	view := d.Index.View()
	eval := rule.Run{Snapshot: snap, Now: now, Zone: d.Zone, Published: published(edit.Set, view)}
	var roots []*rule.Expr
	for _, s := range touched {
		roots = append(roots, s.roots()...)
	}
	if err := eval.Prepare(ctx, roots); err != nil {
		return nil, err
	}
	contents, err := contentsOf(ctx, &eval, touched, nil)
	if err != nil {
		return nil, err
	}
	out := make([]Preview, 0, len(touched))
	for i, s := range touched {
		p := Preview{Key: s.key, Segment: s.segment, Held: contents[i].Present().Count()}
		if ch := tagindex.Diff(view.Content(s.id), contents[i]); ch != nil {
			p.Entered, p.Left = moves(view.Content(s.id), ch)
			p.Enter, p.Leave = samples(view.Content(s.id), ch, sample)
		}
		out = append(out, p)
	}
	return out, nil
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

// samples names a few customers of a change on each side.
func samples(was *tagindex.Content, ch *tagindex.Change, n int) (enter, leave []event.ProfileID) {
	take := func(list *[]event.ProfileID, s []tagindex.SetChange, entered bool) {
		for _, c := range s {
			b := c.Left
			if entered {
				b = c.Entered
			}
			if b == nil {
				continue
			}
			for it := b.Iterator(); it.HasNext() && len(*list) < n; {
				*list = append(*list, event.ProfileID(it.Next()))
			}
		}
	}
	for _, sets := range [][]tagindex.SetChange{ch.Sets, ch.Bands} {
		take(&enter, sets, true)
		take(&leave, sets, false)
	}
	if c := ch.Column; c != nil {
		take(&enter, []tagindex.SetChange{{Entered: c.Customers}}, true)
		take(&leave, []tagindex.SetChange{{Left: c.Cleared}}, false)
	}
	if ch.Clear {
		take(&leave, []tagindex.SetChange{{Left: was.Present().Roaring()}}, false)
	}
	return
}
