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
	// Same are the definitions that mean the same, by their form.
	Same []library.Ref `json:"same"`
	// Near are those that nearly the same customers hold, the most alike first, as the tags were last computed.
	Near []Near `json:"near"`
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
	out := &Similar{Same: append([]library.Ref{}, same(q.Definitions, q.Rule.Expr, x)...), Near: []Near{}}
	s := &subject{value: x, segment: x.Type == rule.Bool}
	mine, err := contentsOf(ctx, &q.run, []*subject{s}, nil, nil)
	if err != nil {
		return nil, err
	}
	out.Near = append(out.Near, nearTo(d.Index.View(), q.Definitions.Set, mine[0].values, s.segment, nil, o.filled())...)
	return out, nil
}

// same lists the definitions that mean the same as any of these expressions.
func same(c *library.Compiled, xs ...*rule.Expr) (out []library.Ref) {
	for _, x := range xs {
		for _, r := range c.Same(x) {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// meanings are the expressions that a definition can be known by: its rule, and the conditions of its cases.
func meanings(c *library.Compiled, r library.Ref) (out []*rule.Expr) {
	if s, ok := c.Segment(r.Key); ok && r.Kind == library.KindSegment {
		out = append(out, s.Cond)
	}
	if t, ok := c.Tag(r.Key); ok && r.Kind == library.KindTag {
		out = append(out, t.Value, t.Rule, t.Number)
		for _, k := range t.Tag.Cases {
			if checked, faults := rule.Check(k.When, c.Env, rule.Condition); len(faults) == 0 {
				out = append(out, checked.Expr)
			}
		}
	}
	return slices.DeleteFunc(out, func(x *rule.Expr) bool { return x == nil })
}

// family is a definition, what it refers to and what refers to it, through others as well: that these are alike says
// nothing new.
func family(c *library.Compiled, r library.Ref) map[library.Ref]bool {
	out := map[library.Ref]bool{r: true}
	add := func(of library.Ref, depends []library.Ref) {
		if of == r {
			for _, d := range depends {
				out[d] = true
			}
		} else if slices.Contains(depends, r) {
			out[of] = true
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

// nearTo compares the members of each value of a content with those of all other tags and segments of the index. Only
// sets of about the same size are compared.
func nearTo(view *tagindex.View, set *library.Set, mine *tagindex.Content, segment bool, except map[library.Ref]bool, o SimilarOptions) (out []Near) {
	own := setsOf(mine, segment)
	found := make([][]Near, len(own))
	compare := func(r library.Ref, id uint32, name string) {
		if except[r] || len(own) == 0 {
			return
		}
		for _, theirs := range setsOf(view.Content(id), r.Kind == library.KindSegment) {
			for i, m := range own {
				a, b := m.who.Count(), theirs.who.Count()
				if float64(min(a, b)) < o.AtLeast*float64(max(a, b)) {
					continue
				}
				both := m.who.Overlap(theirs.who)
				alike := float64(both) / float64(a+b-both)
				if alike < o.AtLeast {
					continue
				}
				n := Near{Kind: r.Kind, Key: r.Key, Name: name, Both: both, Mine: a, Theirs: b, Alike: alike}
				if r.Kind == library.KindTag {
					n.Value = plainText(theirs.value)
				}
				if !segment {
					n.Of = plainText(m.value)
				}
				found[i] = append(found[i], n)
			}
		}
	}
	for t := range set.Tags() {
		compare(library.Ref{Kind: library.KindTag, Key: t.Key}, t.ID, t.Name)
	}
	for s := range set.Segments() {
		compare(library.Ref{Kind: library.KindSegment, Key: s.Key}, s.ID, s.Name)
	}
	for _, list := range found {
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
	Similar
}

// KinOfEdit says, for each tag and segment that an edit adds or changes, what else refers to it, and which definitions
// mean the same or have nearly the same members. A near definition is one of the library as the edit leaves it, with
// its members of now. It takes a reading of the history where a rule changes.
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
	all := subjects(c)
	added := map[library.Ref]bool{}
	for _, ch := range edit.Changes {
		added[library.Ref{Kind: ch.Kind, Key: ch.Key}] = ch.What == library.Add
	}
	for _, ch := range edit.Changes {
		if ch.Kind != library.KindTag && ch.Kind != library.KindSegment || ch.What == library.Same || ch.What == library.Retire {
			continue
		}
		r := library.Ref{Kind: ch.Kind, Key: ch.Key}
		users := slices.DeleteFunc(append([]library.Ref{}, edit.Set.Users(r)...), func(u library.Ref) bool {
			return ch.What == library.Add && added[u]
		})
		k := Kin{Kind: ch.Kind, Key: ch.Key, UsedBy: users,
			Similar: Similar{Same: append([]library.Ref{}, same(c, meanings(c, r)...)...), Near: []Near{}}}
		kin := family(c, r)
		k.Same = slices.DeleteFunc(k.Same, func(f library.Ref) bool { return kin[f] })
		out = append(out, k)
		for _, s := range all {
			if s.key == ch.Key && s.segment == (ch.Kind == library.KindSegment) {
				changed, places = append(changed, s), append(places, len(out)-1)
			}
		}
	}
	if len(changed) == 0 {
		return out, nil
	}
	eval := rule.Run{Snapshot: snap, Now: now, Zone: d.Zone}
	keepers, err := d.prepare(ctx, &eval, changed, beside{set: edit.Set, idb: d.DB.Read()})
	if err != nil {
		return nil, err
	}
	contents, err := contentsOf(ctx, &eval, changed, keepers, nil)
	if err != nil {
		return nil, err
	}
	for i, s := range changed {
		k := &out[places[i]]
		k.Near = append(k.Near, nearTo(d.Index.View(), edit.Set, contents[i].values, s.segment, family(c, library.Ref{Kind: k.Kind, Key: k.Key}), o.filled())...)
	}
	return out, nil
}
