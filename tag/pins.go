package tag

import (
	"context"
	"slices"
	"sort"

	"github.com/uptrace/bun"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
)

// pins is what was decided by hand about one tag and holds at an instant: a few bytes for each customer.
type pins struct {
	list   []pin // by customer; what is said of all values first, then by value
	values []event.Value

	places map[string]int32
	fixed  []event.Value // what the tag can have; nil: anything
}

type pin struct {
	customer uint32
	value    int32 // its place in values; -1: all
	out      bool
}

func newPins(t *library.Tag) *pins { return &pins{fixed: fixedValues(t), places: map[string]int32{}} }

// add takes in what holds for a customer, who comes after those before. Values that the tag cannot have any more are
// left out.
func (p *pins) add(customer uint32, inForce []*assignmentRow) {
	for _, r := range inForce {
		if r.value.Present() && p.fixed != nil && !slices.ContainsFunc(p.fixed, r.value.Equal) {
			continue
		}
		one := pin{customer, -1, r.action == Remove}
		if r.value.Present() {
			key := r.value.Key()
			place, ok := p.places[key]
			if !ok {
				place = int32(len(p.values))
				p.places[key] = place
				p.values = append(p.values, r.value)
			}
			one.value = place
		}
		p.list = append(p.list, one)
	}
}

// pinsOf reads what holds about a tag at an instant.
func pinsOf(ctx context.Context, idb bun.IDB, t *library.Tag, w rowFilter) (*pins, error) {
	p := newPins(t)
	err := eachStanding(ctx, idb, t, w, func(customer uint32, s *standing) { p.add(customer, s.inForce(w.at)) })
	return p, err
}

// of returns what is said of one customer.
func (p *pins) of(customer uint32) []pin { return p.between(customer, 1) }

// between returns what is said of the customers first … first+n-1. A nil pins says nothing.
func (p *pins) between(first uint32, n int) []pin {
	if p == nil {
		return nil
	}
	from := sort.Search(len(p.list), func(i int) bool { return p.list[i].customer >= first })
	to := from
	for to < len(p.list) && uint64(p.list[to].customer) < uint64(first)+uint64(n) {
		to++
	}
	return p.list[from:to]
}

// value is the value that a pin is about, missing when it is about all.
func (p *pins) value(one pin) event.Value {
	if one.value < 0 {
		return event.Value{}
	}
	return p.values[one.value]
}

// held answers rule.Run.Pinned.
func (p *pins) held(first event.ProfileID, n int) []rule.Held {
	list := p.between(uint32(first), n)
	if len(list) == 0 {
		return nil
	}
	out := make([]rule.Held, len(list))
	for i, one := range list {
		out[i] = rule.Held{At: int(one.customer - uint32(first)), Value: p.value(one), Out: one.out}
	}
	return out
}

// effective is what a customer has of a tag assigned by hand alone.
func (p *pins) effective(customer uint32, multi bool) event.Value {
	var set []event.Value
	for _, one := range p.of(customer) {
		if !one.out {
			set = append(set, p.value(one))
		}
	}
	switch {
	case len(set) == 0:
		return event.Value{}
	case multi:
		return event.List(set...)
	}
	return set[0]
}

// over lays what is said of a customer over the value that it has besides.
func (p *pins) over(customer uint32, v event.Value, multi bool) event.Value {
	for _, one := range p.of(customer) {
		said := p.value(one)
		switch {
		case !said.Present():
			v = event.Value{}
		case multi:
			v = withElement(v, said, one.out)
		case !one.out:
			v = said
		}
	}
	return v
}

// withElement is a sorted list with a value put in or taken out; missing when nothing is left.
func withElement(list, v event.Value, out bool) event.Value {
	all := slices.Clone(list.List())
	at, found := slices.BinarySearchFunc(all, v, event.Value.Compare)
	switch {
	case out && found:
		all = slices.Delete(all, at, at+1)
	case !out && !found:
		all = slices.Insert(all, at, v)
	}
	if len(all) == 0 {
		return event.Value{}
	}
	return event.List(all...)
}

// customers lists the customers that anything is said of.
func (p *pins) customers() (out []uint32) {
	for _, one := range p.list {
		if n := len(out); n == 0 || out[n-1] != one.customer {
			out = append(out, one.customer)
		}
	}
	return
}
