package tag

import (
	"slices"

	"tagma/event"
	"tagma/library"
	"tagma/tagindex"
)

var truths = []event.Value{event.Bool(true), event.Bool(false)}

// shape says how the subject's values are kept.
func (s *subject) shape() tagindex.Shape {
	if s.segment {
		return tagindex.Shape{Kind: event.BoolKind, Values: truths[:1]}
	}
	values, cases := s.value.CaseValues()
	switch {
	case s.value.Multi():
		return severalOf(distinct(values))
	case s.number != nil:
		return tagindex.Shape{Kind: event.NumberKind, Bands: distinct(values)}
	case cases && sameKind(values) == event.TextKind:
		return tagindex.Shape{Kind: event.TextKind, Values: distinct(values)}
	case s.value.Condition():
		return tagindex.Shape{Kind: event.BoolKind, Values: truths}
	}
	k := s.value.Kind()
	if cases {
		k = sameKind(values)
	}
	if k == event.Missing || k == event.MapKind {
		k = event.TextKind // values of several kinds are kept as texts
	}
	return tagindex.Shape{Kind: k}
}

// severalOf is the shape of a tag with several of these values: a set for each, or else lists.
func severalOf(values []event.Value) tagindex.Shape {
	if k := sameKind(values); k == event.TextKind || k == event.BoolKind {
		return tagindex.Shape{Kind: k, Multi: true, Values: values}
	}
	return tagindex.Shape{Kind: event.ListKind}
}

// manualShape is the shape of a tag assigned by hand.
func manualShape(t *library.Tag) tagindex.Shape {
	k := event.TextKind // what people write, where the definition fixes nothing
	if len(t.Values) > 0 {
		k = sameKind(t.Values)
	}
	switch {
	case t.Multi && (k == event.TextKind || k == event.BoolKind):
		return tagindex.Shape{Kind: k, Multi: true, Values: t.Values}
	case t.Multi:
		return tagindex.Shape{Kind: event.ListKind}
	case k == event.Missing:
		k = event.TextKind
	}
	return tagindex.Shape{Kind: k}
}

// fixedValues lists the values that a tag can have, each once; nil when its definition does not fix them.
func fixedValues(t *library.Tag) []event.Value {
	var all []event.Value
	for _, c := range t.Cases {
		all = append(all, c.Value)
	}
	for _, b := range t.Bands {
		all = append(all, event.Text(b.Value))
	}
	return distinct(append(all, t.Values...))
}

// sameKind is the kind of all these values, Missing when they differ or there are none.
func sameKind(values []event.Value) event.Kind {
	for _, v := range values {
		if v.Kind() != values[0].Kind() {
			return event.Missing
		}
	}
	if len(values) == 0 {
		return event.Missing
	}
	return values[0].Kind()
}

// distinct leaves out values that stand there twice: two cases may give the same one.
func distinct(values []event.Value) (out []event.Value) {
	for _, v := range values {
		if !slices.ContainsFunc(out, v.Equal) {
			out = append(out, v)
		}
	}
	return out
}

// listOrder brings the values of a tag with several into the order of its definition. The index has them sorted. A
// nil order leaves them so.
type listOrder struct{ places map[string]int }

func orderOf(t *library.Tag) *listOrder {
	fixed := fixedValues(t)
	if !t.Multi || fixed == nil {
		return nil
	}
	o := &listOrder{map[string]int{}}
	for i, v := range fixed {
		o.places[v.Key()] = i
	}
	return o
}

// value is the list in order. Values that the definition does not have any more come last.
func (o *listOrder) value(v event.Value) event.Value {
	if o == nil || len(v.List()) < 2 {
		return v
	}
	place := func(v event.Value) int {
		if at, ok := o.places[v.Key()]; ok {
			return at
		}
		return len(o.places)
	}
	list := slices.Clone(v.List())
	slices.SortStableFunc(list, func(a, b event.Value) int { return place(a) - place(b) })
	return event.List(list...)
}

func (o *listOrder) apply(c *event.Column) {
	if o == nil || c.Kind != event.ListKind {
		return
	}
	for i := range c.Len {
		if c.Present(i) {
			c.Values[i] = o.value(c.Values[i])
		}
	}
}
