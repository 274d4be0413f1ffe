// Package tag computes tags and segments for all customers, keeps the tag index and the change log in step, and
// answers questions about members. It decides who carries what; what a rule means is decided in package rule.
package tag

import (
	"context"
	"sync"

	"tagma/db"
	"tagma/event"
	"tagma/identity"
	"tagma/library"
	"tagma/rule"
	"tagma/stream"
	"tagma/tagindex"
	"tagma/warehouse"
)

// Deps is what the package works with.
type Deps struct {
	DB      *db.DB
	Store   warehouse.Store
	Index   *tagindex.Index
	Events  *stream.Log // the event log
	Changes *stream.Log // the change log
	Zone    *event.Zone // the workspace's
	// Dir is where the snapshots of past instants lie.
	Dir string
	// Now tells the time of the machine: when something was done.
	Now func() event.Time
	// CatchUp brings the history to the end of the event log, and the index to the end of the change log. CatchUpIndex
	// does only the latter; nil: CatchUp does it.
	CatchUp, CatchUpIndex func(context.Context) error
	// Turn keeps runs and decisions of one process from each other; nil where there is but one at a time.
	Turn *Turn
	// Going is told of runs that go on; it may be nil.
	Going *Going
	// Live is what decides tags live in this process; nil where nothing does. Runs work together with it.
	Live *Live
}

// followed brings the index to the end of the change log.
func (d Deps) followed(ctx context.Context) error {
	if d.CatchUpIndex == nil {
		return d.CatchUp(ctx)
	}
	return d.CatchUpIndex(ctx)
}

// namesOf is what rules may speak of: what the history has, and the identifier kinds that everybody knows.
func namesOf(snap warehouse.Snapshot) *rule.Names {
	n := rule.NewNames(snap.Series())
	for _, k := range identity.DefaultKinds() {
		n.IDs[k.Name] = true
	}
	return n
}

// subject is what is computed: a tag or a segment, which has one value.
type subject struct {
	id      uint32
	key     string
	name    string
	version int
	segment bool
	tag     *library.Tag // nil for a segment
	value   *rule.Expr   // the value or band; of a segment the condition
	number  *rule.Expr   // the measure of a tag with bands
	rule    *rule.Expr   // what the rule alone gives, where lapses have to be told from it
	depends []library.Ref
}

// roots are the expressions that the subject needs.
func (s *subject) roots() []*rule.Expr {
	roots := []*rule.Expr{s.value}
	if s.number != nil {
		roots = append(roots, s.number)
	}
	if s.rule != nil {
		roots = append(roots, s.rule)
	}
	return roots
}

// subjects lists what a compiled library can compute: tags by rule, then segments.
func subjects(c *library.Compiled) (out []*subject) {
	for _, t := range c.Tags {
		if t.Tag.Kind == library.ByHand {
			continue
		}
		s := &subject{id: t.Tag.ID, key: t.Tag.Key, name: t.Tag.Name, version: t.Tag.Version, tag: t.Tag,
			value: t.Value, number: t.Number, depends: t.Depends}
		if lapses(t.Tag) {
			s.rule = t.Rule
		}
		out = append(out, s)
	}
	for _, s := range c.Segments {
		out = append(out, &subject{id: s.Segment.ID, key: s.Segment.Key, name: s.Segment.Name, version: s.Segment.Version,
			segment: true, value: s.Cond, depends: s.Depends})
	}
	return out
}

// published gives rules the values that the index has, by the keys of library: tag:KEY, number:KEY, segment:KEY.
func published(set *library.Set, view *tagindex.View) func(key string, first event.ProfileID, n int) []event.Column {
	type source struct {
		slot   uint32
		number bool
		order  *listOrder
	}
	all := sync.OnceValue(func() map[string]source { // mostly nobody asks
		slots := map[string]source{}
		for t := range set.Tags() {
			slots["tag:"+t.Key] = source{slot: t.ID, order: orderOf(t)}
			slots["number:"+t.Key] = source{slot: t.ID, number: true}
		}
		for s := range set.Segments() {
			slots["segment:"+s.Key] = source{slot: s.ID}
		}
		return slots
	})
	readers := sync.Pool{New: func() any { return view.Reader() }}
	return func(key string, first event.ProfileID, n int) []event.Column {
		s, ok := all()[key]
		if !ok {
			return nil
		}
		if _, _, held := view.Changed(s.slot); !held {
			return nil
		}
		r := readers.Get().(*tagindex.Reader)
		defer readers.Put(r)
		var c event.Column
		if s.number {
			r.Measure(s.slot, uint32(first), n, &c)
		} else {
			r.Column(s.slot, uint32(first), n, &c)
			s.order.apply(&c)
		}
		return []event.Column{c}
	}
}
