package tag

import (
	"cmp"
	"context"
	"slices"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
)

// NearlySame is how alike two sets of members are for one to be named beside the other, by default: the members of both
// are nine tenths of the members of either.
const NearlySame = 0.9

// SimilarOptions say what is looked for.
type SimilarOptions struct {
	// AtLeast is the least overlap: the number of customers in both, divided by the number in either. 0: NearlySame.
	AtLeast float64
	// Most is how many near definitions are named for each set of members, 0: five.
	Most int
}

func (o SimilarOptions) filled() SimilarOptions {
	if o.AtLeast <= 0 {
		o.AtLeast = NearlySame
	}
	if o.Most <= 0 {
		o.Most = 5
	}
	return o
}

// Near is a tag's value, or a segment, that nearly the same customers hold at present.
type Near struct {
	Kind library.Kind `json:"kind"`
	Key  string       `json:"key"`
	Name string       `json:"name,omitempty"`
	// Value is the value of the tag; empty for a segment.
	Value string `json:"value,omitempty"`
	// Of is the value, of what was asked about, whose members these nearly are; empty for a condition.
	Of     string  `json:"of,omitempty"`
	Both   int     `json:"both"`   // customers in both
	Mine   int     `json:"mine"`   // of what was asked about
	Theirs int     `json:"theirs"` // of the definition
	Alike  float64 `json:"alike"`  // Both, divided by the customers in either
}

// Similar is what there is already like a rule.
type Similar struct {
	// Same are the definitions, and the values of tags, that mean the same, by their form.
	Same []library.Match `json:"same"`
	// Near are those that nearly the same customers hold, the most alike first, as the tags were last computed.
	Near []Near `json:"near"`
}

// Closest are at most so many of Near, the most alike first, and of those that are equally alike the ones of most
// customers; more is how many are left out. A tag of many values may have many relatives.
func (s *Similar) Closest(most int) (near []Near, more int) {
	near = slices.Clone(s.Near)
	slices.SortStableFunc(near, func(a, b Near) int { return cmp.Or(cmp.Compare(b.Alike, a.Alike), cmp.Compare(b.Both, a.Both)) })
	n := min(most, len(near))
	return near[:n], len(near) - n
}

// FindSimilar says which definitions mean what a rule means, or have nearly the same members at present. Other tags in
// the rule are computed by their definitions. It takes one reading of the history.
func FindSimilar(ctx context.Context, d Deps, text string, now event.Time, o SimilarOptions) (*Similar, error) {
	q, err := Ask(ctx, d, text, QueryOptions{Now: now, Recompute: true})
	if err != nil {
		return nil, err
	}
	defer q.Close()
	x := q.Rule.Expr
	if x.Kind() == event.BoolKind {
		x = q.Definitions.Builder.Truth(x)
	}
	out := &Similar{Same: append([]library.Match{}, q.Definitions.Same(q.Rule.Expr)...), Near: []Near{}}
	for _, m := range q.Definitions.Same(x) {
		if !slices.Contains(out.Same, m) {
			out.Same = append(out.Same, m)
		}
	}
	s := &subject{value: x, segment: x.Type == rule.Bool}
	customers := 0
	mine, err := contentsOf(ctx, &q.run, []*subject{s}, nil, &customers)
	if err != nil {
		return nil, err
	}
	rivals := rivalsIn(d.Index.View(), q.Definitions.Set, customers)
	out.Near = append(out.Near, rivals.near(mine[0].values, s.segment, nil, o.filled())...)
	return out, nil
}

// families tells of each definition what it refers to and what refers to it, through others as well: that these are
// alike says nothing new.
type families struct{ below, above map[library.Ref][]library.Ref }

func familiesIn(c *library.Compiled) families {
	f := families{map[library.Ref][]library.Ref{}, map[library.Ref][]library.Ref{}}
	add := func(of library.Ref, depends []library.Ref) {
		f.below[of] = depends
		for _, d := range depends {
			f.above[d] = append(f.above[d], of)
		}
	}
	for _, m := range c.Measures {
		add(library.Ref{Kind: library.KindMeasure, Key: m.Measure.Key}, m.Depends)
	}
	for _, t := range c.Tags {
		add(library.Ref{Kind: library.KindTag, Key: t.Tag.Key}, t.Depends)
	}
	for _, s := range c.Segments {
		add(library.Ref{Kind: library.KindSegment, Key: s.Segment.Key}, s.Depends)
	}
	return f
}

// of is a definition and its family.
func (f families) of(r library.Ref) map[library.Ref]bool {
	out := map[library.Ref]bool{r: true}
	for _, list := range [][]library.Ref{f.below[r], f.above[r]} {
		for _, other := range list {
			out[other] = true
		}
	}
	return out
}

// members is a value and who holds it.
type members struct {
	value event.Value // of a tag; true for a segment
	who   *tagindex.Set
}

// setsOf lists the members of each value or band. Numbers and times, and texts of more kinds than have a set each, give
// nothing to compare.
func setsOf(c *tagindex.Content, segment bool) (out []members) {
	if !c.InSets() {
		return nil
	}
	for _, v := range c.Values(0) {
		if !segment || v.Value.Bool() {
			out = append(out, members{v.Value, c.Set(v.Value)})
		}
	}
	return out
}

// rivals are the sets of members of all tags and segments of the index, the smallest first. Sets of nobody and of
// everybody are left out: they say nothing of what a rule means.
type rivals struct {
	sets      []rival
	customers int
}

type rival struct {
	members
	size int
	ref  library.Ref
	name string
}

// rivalsIn lists the sets of members that the index has; customers is the number of all.
func rivalsIn(view *tagindex.View, set *library.Set, customers int) *rivals {
	out := &rivals{customers: customers}
	add := func(r library.Ref, id uint32, name string) {
		for _, m := range setsOf(view.Content(id), r.Kind == library.KindSegment) {
			if size := m.who.Count(); size > 0 && size < customers {
				out.sets = append(out.sets, rival{m, size, r, name})
			}
		}
	}
	for t := range set.Tags() {
		add(library.Ref{Kind: library.KindTag, Key: t.Key}, t.ID, t.Name)
	}
	for s := range set.Segments() {
		add(library.Ref{Kind: library.KindSegment, Key: s.Key}, s.ID, s.Name)
	}
	slices.SortStableFunc(out.sets, func(a, b rival) int { return cmp.Compare(a.size, b.size) })
	return out
}

// near compares the members of each value of a content with those of others. Two sets are compared only if their sizes
// leave it possible that they are alike.
func (rs *rivals) near(mine *tagindex.Content, segment bool, except map[library.Ref]bool, o SimilarOptions) (out []Near) {
	for _, m := range setsOf(mine, segment) {
		size := m.who.Count()
		if size == 0 || size >= rs.customers {
			continue
		}
		from, _ := slices.BinarySearchFunc(rs.sets, o.AtLeast*float64(size), func(r rival, least float64) int {
			return cmp.Compare(float64(r.size), least)
		})
		var list []Near
		for _, r := range rs.sets[from:] {
			if float64(size) < o.AtLeast*float64(r.size) {
				break
			}
			if except[r.ref] {
				continue
			}
			both := m.who.Overlap(r.who)
			alike := float64(both) / float64(size+r.size-both)
			if alike < o.AtLeast {
				continue
			}
			n := Near{Kind: r.ref.Kind, Key: r.ref.Key, Name: r.name, Both: both, Mine: size, Theirs: r.size, Alike: alike}
			if r.ref.Kind == library.KindTag {
				n.Value = plainText(r.value)
			}
			if !segment {
				n.Of = plainText(m.value)
			}
			list = append(list, n)
		}
		slices.SortFunc(list, func(a, b Near) int {
			return cmp.Or(cmp.Compare(b.Alike, a.Alike), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
		})
		out = append(out, list[:min(o.Most, len(list))]...)
	}
	return out
}

// plainText writes a text without quotes, true and false as they are.
func plainText(v event.Value) string {
	if v.Kind() == event.TextKind {
		return v.Text()
	}
	return v.String()
}

// Kin is what there is beside a definition that an edit adds or changes: who refers to it, and what is like it.
type Kin struct {
	Kind library.Kind `json:"kind"`
	Key  string       `json:"key"`
	// UsedBy are the definitions that refer to it; of a new one, those that were there before.
	UsedBy []library.Ref `json:"used_by"`
	// Unmeasured says that its members were not compared: the edit changes more than MostMeasured.
	Unmeasured bool `json:"unmeasured,omitempty"`
	Similar
}

// MostMeasured is of how many changed definitions KinOfEdit compares the members, the first of the edit.
const MostMeasured = 200

// KinOfEdit says, for each tag and segment that an edit adds or changes, what else refers to it, and which definitions
// mean the same or have nearly the same members. A near definition is one of the library as the edit leaves it, with
// its members of now. Members are compared for the first MostMeasured only. It takes a reading of the history where a
// rule changes.
func KinOfEdit(ctx context.Context, d Deps, edit *library.Edit, now event.Time, o SimilarOptions) ([]Kin, error) {
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	c, err := d.compile(ctx, edit.Set, library.CompileOptions{Names: namesOf(snap)})
	if err != nil {
		return nil, err
	}
	var out []Kin
	var changed []*subject
	var places []int // of the changed subjects in out
	all := map[library.Ref]*subject{}
	for _, s := range subjects(c) {
		kind := library.KindTag
		if s.segment {
			kind = library.KindSegment
		}
		all[library.Ref{Kind: kind, Key: s.key}] = s
	}
	added := map[library.Ref]bool{}
	for _, ch := range edit.Changes {
		added[library.Ref{Kind: ch.Kind, Key: ch.Key}] = ch.What == library.Add
	}
	users, families := edit.Set.DirectUsers(), familiesIn(c)
	for _, ch := range edit.Changes {
		if ch.Kind != library.KindTag && ch.Kind != library.KindSegment || ch.What == library.Same || ch.What == library.Retire {
			continue
		}
		r := library.Ref{Kind: ch.Kind, Key: ch.Key}
		k := Kin{Kind: ch.Kind, Key: ch.Key, UsedBy: append([]library.Ref{}, users[r]...),
			Similar: Similar{Same: append([]library.Match{}, c.SameAs(r)...), Near: []Near{}}}
		k.UsedBy = slices.DeleteFunc(k.UsedBy, func(u library.Ref) bool { return ch.What == library.Add && added[u] })
		family := families.of(r)
		k.Same = slices.DeleteFunc(k.Same, func(m library.Match) bool { return family[m.Ref] })
		if s := all[r]; s != nil {
			if k.Unmeasured = len(changed) >= MostMeasured; !k.Unmeasured {
				changed, places = append(changed, s), append(places, len(out))
			}
		}
		out = append(out, k)
	}
	if len(changed) == 0 {
		return out, nil
	}
	eval := rule.Run{Snapshot: snap, Now: now, Zone: d.Zone}
	keepers, err := d.prepare(ctx, &eval, changed, beside{set: edit.Set, idb: d.DB.Read()})
	if err != nil {
		return nil, err
	}
	customers := 0
	contents, err := contentsOf(ctx, &eval, changed, keepers, &customers)
	if err != nil {
		return nil, err
	}
	rivals := rivalsIn(d.Index.View(), edit.Set, customers)
	for i, s := range changed {
		k := &out[places[i]]
		k.Near = append(k.Near, rivals.near(contents[i].values, s.segment, families.of(library.Ref{Kind: k.Kind, Key: k.Key}), o.filled())...)
	}
	return out, nil
}
