package tag

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
)

// MembersQuery names a tag or segment, and which of its values.
type MembersQuery struct {
	Key     string
	Segment bool
	Value   string // with HasValue: those who hold this value
	// HasValue restricts the members to one value.
	HasValue bool
	// AsOf, with HasAsOf, reads the snapshot of an instant; otherwise the live index.
	AsOf    event.Time
	HasAsOf bool
	IDKinds []string

	byHand *library.Tag // the tag, if it is assigned by hand: nothing has to be computed
}

// Members is who holds a tag, as last computed.
type Members struct {
	Rows []Row
	AsOf event.Time // the instant that it was computed for
}

// ReadMembers returns who holds a tag or is in a segment, as last computed, sorted by identifier. What was never
// computed is a NotFound that says so.
func ReadMembers(ctx context.Context, d Deps, q MembersQuery) (*Members, error) {
	set, err := library.Load(ctx, d.DB.Read())
	if err != nil {
		return nil, err
	}
	id, err := slotOf(set, q)
	if err != nil {
		return nil, err
	}
	var order *listOrder
	if t, ok := set.Tag(q.Key); ok && !q.Segment {
		if order = orderOf(t); t.Kind == library.ByHand {
			q.byHand = t
		}
	}
	view, asOf, err := viewFor(ctx, d, id, q)
	if err != nil {
		return nil, err
	}
	content := view.Content(id)
	var who []event.ProfileID
	var values []event.Value
	for c := range content.Present().All() {
		if v := view.Value(id, c); !q.HasValue || matches(d.Zone, v, q.Value) {
			who = append(who, event.ProfileID(c))
			values = append(values, order.value(v))
		}
	}
	if t, ok := set.Tag(q.Key); ok && !q.Segment && q.HasValue && len(who) == 0 {
		if err := neverHas(d.Zone, t, q.Value); err != nil {
			return nil, err
		}
	}
	names, err := Names(ctx, d, q.IDKinds, who)
	if err != nil {
		return nil, err
	}
	m := &Members{AsOf: asOf, Rows: make([]Row, len(who))}
	for i := range who {
		m.Rows[i] = Row{who[i], names[i], values[i]}
	}
	slices.SortFunc(m.Rows, func(a, b Row) int { return strings.Compare(a.ID, b.ID) })
	return m, nil
}

// neverHas refuses a value that a tag with fixed values cannot have. Somebody may still hold one that its definition
// had before, so this is for values that nobody has.
func neverHas(z *event.Zone, t *library.Tag, value string) error {
	fixed := fixedValues(t)
	if fixed == nil {
		return nil
	}
	texts := make([]string, len(fixed))
	for i, v := range fixed {
		if texts[i] = v.Format(z); texts[i] == value {
			return nil
		}
	}
	f := errs.Fault{Message: fmt.Sprintf("the tag %s never has the value %q", t.Key, value)}
	if s := rule.Suggest(value, texts); s != "" {
		f.Hint = fmt.Sprintf("did you mean %q?", s)
	} else {
		const most = 8
		if len(texts) > most {
			texts = append(texts[:most:most], "…")
		}
		f.Hint = "it has " + strings.Join(texts, ", ")
	}
	return &errs.Error{Kind: errs.Invalid, Faults: []errs.Fault{f}}
}

// matches says whether a value is the one written: a list when one of its elements is.
func matches(z *event.Zone, v event.Value, text string) bool {
	for _, e := range v.List() {
		if e.Format(z) == text {
			return true
		}
	}
	return v.Format(z) == text
}

func slotOf(set *library.Set, q MembersQuery) (uint32, error) {
	var keys []string
	what := "tag"
	if q.Segment {
		what = "segment"
		if s, ok := set.Segment(q.Key); ok && s.State == library.Active {
			return s.ID, nil
		}
		for s := range set.Segments() {
			keys = append(keys, s.Key)
		}
	} else {
		if t, ok := set.Tag(q.Key); ok && t.State == library.Active {
			return t.ID, nil
		}
		for t := range set.Tags() {
			keys = append(keys, t.Key)
		}
	}
	kind := library.KindTag
	if q.Segment {
		kind = library.KindSegment
	}
	if h, ok := set.Head(library.Ref{Kind: kind, Key: q.Key}); ok && h.State == library.Retired {
		return 0, &errs.Error{Kind: errs.NotFound, Faults: []errs.Fault{{Message: fmt.Sprintf("the %s %s is retired", what, q.Key),
			Hint: "apply its definition again to restore it"}}}
	}
	f := errs.Fault{Message: fmt.Sprintf("there is no %s %q", what, q.Key)}
	if s := rule.Suggest(q.Key, keys); s != "" {
		f.Hint = fmt.Sprintf("did you mean %q?", s)
	}
	return 0, &errs.Error{Kind: errs.NotFound, Faults: []errs.Fault{f}}
}

// viewFor returns the live index, or the snapshot of an instant, with the instant that the slot was computed for.
func viewFor(ctx context.Context, d Deps, id uint32, q MembersQuery) (*tagindex.View, event.Time, error) {
	if q.byHand != nil {
		return manualView(ctx, d, q)
	}
	asOf, computed, err := LastRun(ctx, d, id)
	if err != nil {
		return nil, 0, err
	}
	if q.HasAsOf {
		view, _, err := tagindex.Open(snapshotPath(d.Dir, q.AsOf))
		has := false
		if err == nil {
			_, _, has = view.Changed(id)
		}
		switch {
		case has:
			return view, q.AsOf, nil
		case err != nil && !errs.Is(err, errs.NotFound):
			return nil, 0, err
		case computed && asOf == q.AsOf: // the live index is of that very instant
		default:
			return nil, 0, errs.New(errs.NotFound, "%s was not computed as of %s: run `tagma compute --as-of %s`%s", q.Key,
				d.Zone.Format(q.AsOf), d.Zone.Format(q.AsOf), others(d))
		}
	}
	if !computed {
		return nil, 0, errs.New(errs.NotFound, "%s was never computed: run `tagma compute`", q.Key)
	}
	view := d.Index.View()
	return view, asOf, nil
}

// manualView returns the index for a tag assigned by hand, or what it held at an instant by the assignments.
func manualView(ctx context.Context, d Deps, q MembersQuery) (*tagindex.View, event.Time, error) {
	if !q.HasAsOf {
		return d.Index.View(), d.Now(), nil
	}
	content, err := manualContent(ctx, d.DB.Read(), q.byHand, rowFilter{at: q.AsOf}, d.Zone)
	if err != nil {
		return nil, 0, err
	}
	view, err := tagindex.NewView(0, []uint32{q.byHand.ID}, []*tagindex.Content{content}, q.AsOf, 0)
	return view, q.AsOf, err
}

// others lists the instants that there are snapshots of.
func others(d Deps) string {
	files, _ := filepath.Glob(filepath.Join(d.Dir, "*.tags"))
	var at []string
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			continue
		}
		if ms, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(f), ".tags"), 10, 64); err == nil {
			at = append(at, d.Zone.Format(event.Time(ms)))
		}
	}
	if len(at) == 0 {
		return ""
	}
	slices.Sort(at)
	return "; there are snapshots of " + strings.Join(at, ", ")
}
