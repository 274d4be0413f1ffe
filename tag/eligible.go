package tag

import (
	"context"
	"fmt"
	"slices"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
	"tagma/warehouse"
)

// Question is what a gate asks of a customer, one of three: is it in a segment; has it a tag, or one value of it; does a
// condition hold? Segments and tags are answered from the tag index. A condition over tags and segments alone is, too;
// one that speaks of events, traits and the like reads the customer's history and is slower, and one that compares with
// all customers reads everybody's.
type Question struct {
	Segment string
	Tag     string
	Value   string // with HasValue: the customer must have this value of the tag
	// HasValue asks for one value of the tag.
	HasValue bool
	When     string
}

// Eligible answers questions for customers, all from one state of the index and of the history.
type Eligible struct {
	// Offset is how far in the change log the index was that answered, and Latest the latest instant that any change in
	// it was decided for; 0 when there was none.
	Offset uint64
	Latest event.Time
	// History says of each question whether the history had to be read.
	History []bool
	// Answer is by customer, then by question. Whoever is not known is nobody, so everything is false.
	Answer [][]bool
	// Reasons are as Answer; nil unless they were asked for, and for customers who are not known.
	Reasons [][][]Reason
	// Uncomputed lists the tags and segments that conditions read and that were never computed, as "tag vip".
	Uncomputed []string
}

// Reason is something that an answer rests on: a part of a condition, or a tag or segment with the customer's value.
type Reason struct {
	Text  string      // of a condition: the part
	Ref   library.Ref // or the tag or segment
	Holds bool
	Value event.Value // of a tag: what the customer has, missing when nothing
	// Since and Cause tell since when and why the customer has the value; Since is 0 when that is not known.
	Since event.Time
	Cause string
}

// gate is a question ready to be asked.
type gate struct {
	ref     library.Ref // of a tag or segment
	slot    uint32
	order   *listOrder
	value   string
	any     bool // any value will do
	rule    *rule.Rule
	leaves  []rule.Leaf
	tags    []library.Ref // that the condition reads
	history bool
	run     rule.Run
}

// Eligible answers questions for customers at an instant; known tells which of them there are. Faults of the questions
// are Invalid, all of them, placed at rules[i].
func (d *Desk) Eligible(ctx context.Context, questions []Question, customers []event.ProfileID, known []bool, now event.Time, reasons bool) (*Eligible, error) {
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	gates := make([]gate, len(questions))
	var faults []errs.Fault
	for i, q := range questions {
		more, err := d.gate(ctx, set, &gates[i], q, i)
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	}
	if err := errs.Faulty("", faults); err != nil {
		return nil, err
	}
	var snap warehouse.Snapshot
	if slices.ContainsFunc(gates, func(g gate) bool { return g.rule != nil }) {
		if snap, err = d.Store.Snapshot(); err != nil {
			return nil, err
		}
		defer snap.Close()
	}
	view := d.Index.View()
	out := &Eligible{Offset: view.Offset(), Latest: view.Latest(), Answer: make([][]bool, len(customers)), History: make([]bool, len(gates))}
	for i := range gates {
		g := &gates[i]
		out.History[i] = g.history
		if g.rule != nil {
			if err := d.ready(ctx, set, g, snap, view, now); err != nil {
				return nil, err
			}
			if err := d.uncomputed(ctx, set, view, g.tags, &out.Uncomputed); err != nil {
				return nil, err
			}
		}
	}
	if reasons {
		out.Reasons = make([][][]Reason, len(customers))
	}
	for k, c := range customers {
		out.Answer[k] = make([]bool, len(gates))
		if !known[k] {
			continue
		}
		if reasons {
			out.Reasons[k] = make([][]Reason, len(gates))
		}
		for i := range gates {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			var because []Reason
			if out.Answer[k][i], because, err = d.ask(&gates[i], view, c, reasons); err != nil {
				return nil, err
			}
			if reasons {
				out.Reasons[k][i] = because
			}
		}
	}
	return out, nil
}

// gate makes a question ready, or says what is wrong with it.
func (d *Desk) gate(ctx context.Context, set *library.Set, g *gate, q Question, i int) ([]errs.Fault, error) {
	if q.When != "" {
		return d.condition(ctx, g, q.When, ruleAt(i, "when"))
	}
	m, place := MembersQuery{Key: q.Tag}, ruleAt(i, "tag")
	g.ref = library.Ref{Kind: library.KindTag, Key: q.Tag}
	if q.Segment != "" {
		m, place = MembersQuery{Key: q.Segment, Segment: true}, ruleAt(i, "segment")
		g.ref = library.Ref{Kind: library.KindSegment, Key: q.Segment}
	}
	var err error
	if g.slot, err = slotOf(set, m); err != nil {
		return placed(err, place), nil
	}
	if g.any = !q.HasValue; q.Tag != "" {
		t, _ := set.Tag(q.Tag)
		if g.order, g.value = orderOf(t), q.Value; q.HasValue {
			if err := neverHas(d.Zone, t, q.Value); err != nil {
				return placed(err, ruleAt(i, "value")), nil
			}
		}
	}
	var never []string
	if err := d.uncomputed(ctx, set, d.Index.View(), []library.Ref{g.ref}, &never); err != nil || len(never) == 0 {
		return nil, err
	}
	return []errs.Fault{{Place: place, Message: fmt.Sprintf("the %s was never computed", never[0]), Hint: "run tagma compute, or start a run in the console"}}, nil
}

// condition makes a condition ready. What a text means is remembered as long as that cannot change.
func (d *Desk) condition(ctx context.Context, g *gate, text, place string) (faults []errs.Fault, err error) {
	set, err := d.Set(ctx)
	if err != nil {
		return nil, err
	}
	if known, ok := d.gates.get(text, set.Revision); ok {
		*g = known
		return nil, nil
	}
	err = d.WithLibrary(ctx, true, func(c *library.Compiled) error {
		r, wrong := rule.Check(text, c.Env, rule.AnyValue)
		switch {
		case len(wrong) > 0:
			faults = placed(Faults(text, "", wrong), place)
			return nil
		case !mayHold(r.Expr):
			faults = []errs.Fault{{Place: place, Message: "the rule is a value, not a condition", Hint: "compare it with something"}}
			return nil
		}
		reads := r.Expr.Reads()
		_, kept, past := r.Expr.Held()
		*g = gate{rule: r, leaves: r.Leaves(), history: len(reads.Series) > 0 || reads.AllEvents || reads.AllSystem || reads.Population || len(kept)+len(past) > 0}
		for _, key := range r.Expr.Published() {
			if ref := publishedRef(key); !slices.Contains(g.tags, ref) {
				g.tags = append(g.tags, ref)
			}
		}
		if !g.history { // what the history has makes no difference
			d.gates.put(text, c.Set.Revision, *g)
		}
		return nil
	})
	return faults, err
}

// ready makes the run of a condition.
func (d *Desk) ready(ctx context.Context, set *library.Set, g *gate, snap warehouse.Snapshot, view *tagindex.View, now event.Time) error {
	g.run = rule.Run{Snapshot: snap, Now: now, Zone: d.Zone}
	roots := []*rule.Expr{g.rule.Expr}
	if pinned, kept, past := g.rule.Expr.Held(); len(pinned)+len(kept)+len(past) > 0 {
		if _, err := d.readBeside(ctx, &g.run, roots, beside{set: set, idb: d.DB.Read(), published: true}); err != nil {
			return err
		}
	}
	g.run.Published = publishedOf(set, view)
	if !g.history {
		return nil
	}
	return g.run.Prepare(ctx, roots)
}

// publishedOf gives the values that a view has of tags for one customer at a time.
func publishedOf(set *library.Set, view *tagindex.View) func(key string, first event.ProfileID, n int) []event.Column {
	var many func(key string, first event.ProfileID, n int) []event.Column
	return func(key string, first event.ProfileID, n int) []event.Column {
		if n != 1 { // for parameters across all customers
			if many == nil {
				many = published(set, view)
			}
			return many(key, first, n)
		}
		var v event.Value
		ref, number := publishedRef(key), isNumberKey(key)
		if ref.Kind == library.KindSegment {
			if s, ok := set.Segment(ref.Key); ok {
				v = view.Value(s.ID, uint32(first))
			}
		} else if t, ok := set.Tag(ref.Key); ok {
			if number {
				v = view.Measure(t.ID, uint32(first))
			} else {
				v = orderOf(t).value(view.Value(t.ID, uint32(first)))
			}
		}
		if !v.Present() {
			return nil
		}
		return []event.Column{tagindex.ColumnOf(v)}
	}
}

// ask answers one question for one customer.
func (d *Desk) ask(g *gate, view *tagindex.View, c event.ProfileID, reasons bool) (holds bool, because []Reason, err error) {
	if g.rule == nil {
		v := view.Value(g.slot, uint32(c))
		holds = v.Present() && (g.any || matches(d.Zone, v, g.value))
		if reasons {
			because = []Reason{d.reason(g.ref, g.slot, g.order.value(v), c, holds)}
		}
		return holds, because, nil
	}
	roots := []*rule.Expr{g.rule.Expr}
	if reasons {
		for _, l := range g.leaves {
			roots = append(roots, l.Expr)
		}
	}
	err = g.run.One(c, roots, func(res *rule.Result) error {
		if g.rule.Expr.Condition() {
			holds = res.Cond(g.rule.Expr).Get(0)
		} else if v := res.Value(g.rule.Expr, 0); v.Kind() == event.BoolKind {
			holds = v.Bool()
		}
		if reasons {
			for _, l := range g.leaves {
				r := Reason{Text: l.Text}
				if l.Expr.Type == rule.Bool {
					r.Holds = res.Holds(l.Expr, 0)
				} else if r.Value = res.Value(l.Expr, 0); r.Value.Kind() == event.BoolKind {
					r.Holds = r.Value.Bool()
				}
				because = append(because, r)
			}
		}
		return nil
	})
	return holds, because, err
}

// reason tells what a customer has of a tag or segment.
func (d *Desk) reason(ref library.Ref, slot uint32, v event.Value, c event.ProfileID, holds bool) Reason {
	r := Reason{Ref: ref, Holds: holds}
	if ref.Kind == library.KindTag {
		r.Value = v
	}
	if v.Present() && d.Since != nil {
		if at, cause, _, ok := d.Since.Of(slot, uint32(c)); ok {
			r.Since, r.Cause = at, cause.String()
		}
	}
	return r
}

// uncomputed adds the definitions that were never computed. Those of which the index has anything were.
func (d *Desk) uncomputed(ctx context.Context, set *library.Set, view *tagindex.View, refs []library.Ref, to *[]string) error {
	for _, ref := range refs {
		id := uint32(0)
		if ref.Kind == library.KindSegment {
			if s, ok := set.Segment(ref.Key); ok {
				id = s.ID
			}
		} else if t, ok := set.Tag(ref.Key); ok {
			if t.Kind == library.ByHand {
				continue
			}
			id = t.ID
		}
		if _, _, ok := view.Changed(id); ok {
			continue
		}
		computed, err := d.Computed(ctx)
		if err != nil {
			return err
		}
		if _, ok := computed[id]; !ok && !slices.Contains(*to, ref.String()) {
			*to = append(*to, ref.String())
		}
	}
	return nil
}
