package tag

import (
	"slices"
	"sync"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
)

// A tag with keep: 30d holds on to what its rule gave last for that long. Since when is part of the tag index: beside
// the tag's slot lies another, whose values are the instants at which it was first found that the rule gives nothing
// any more; of a tag with several values a list of each such value and its instant. Nobody but this file reads it.

// lapseBit turns the slot of a tag into that of its lapses.
const lapseBit = 1 << 30

func lapseSlot(tag uint32) uint32 { return tag | lapseBit }

// lapses says whether a tag has lapses to remember.
func lapses(t *library.Tag) bool { return t.Keep.Set() && !t.Keep.Once }

// lapseShape is how the lapses of a tag are kept.
func lapseShape(t *library.Tag) tagindex.Shape {
	if t.Multi {
		return tagindex.Shape{Kind: event.ListKind}
	}
	return tagindex.Shape{Kind: event.TimeKind}
}

// keeper tells what a tag holds on to at an instant if its rule gives nothing: what the index, or the change log up
// to then, has of it, unless that was decided by hand. It is used by several goroutines.
type keeper struct {
	tag     *library.Tag
	at      event.Time
	zone    *event.Zone
	pins    *pins // that stood while the index became what it is
	known   map[string]event.Value
	readers sync.Pool
}

// kept is a value that a customer keeps.
type kept struct {
	at    int // the customer's place among those asked for
	value event.Value
	since event.Time // when it was first found that the rule does not give it; event.Never: not so far
}

func newKeeper(t *library.Tag, view *tagindex.View, at event.Time, zone *event.Zone, p *pins) *keeper {
	k := &keeper{tag: t, at: at, zone: zone, pins: p}
	if fixed := fixedValues(t); fixed != nil {
		k.known = map[string]event.Value{}
		mixed := sameKind(fixed) == event.Missing // then the index has texts
		for _, v := range fixed {
			if mixed {
				k.known[event.Text(v.Format(zone)).Key()] = v
			} else {
				k.known[v.Key()] = v
			}
		}
	}
	k.readers.New = func() any { return view.Reader() }
	return k
}

// of lists what the customers of a result keep, ascending.
func (k *keeper) of(res *rule.Result) (out []kept) {
	if !res.Gathered() {
		return k.block(res.First, res.N)
	}
	for i := range res.N {
		for _, one := range k.block(res.Profile(i), 1) {
			one.at = i
			out = append(out, one)
		}
	}
	return
}

// block lists what the customers first … first+n-1 keep, ascending.
func (k *keeper) block(first event.ProfileID, n int) []kept {
	r := k.readers.Get().(*tagindex.Reader)
	defer k.readers.Put(r)
	var values, since event.Column
	r.Column(k.tag.ID, uint32(first), n, &values)
	if values.Kind == event.Missing {
		return nil
	}
	if lapses(k.tag) {
		r.Column(lapseSlot(k.tag.ID), uint32(first), n, &since)
	}
	said := k.pins.between(uint32(first), n)
	var out []kept
	for i := range n {
		if !values.Present(i) {
			continue
		}
		mine := said[:0:0]
		for len(said) > 0 && int(said[0].customer-uint32(first)) <= i {
			if int(said[0].customer-uint32(first)) == i {
				mine = append(mine, said[0])
			}
			said = said[1:]
		}
		lapsed := event.Value{}
		if since.Kind != event.Missing && since.Present(i) {
			lapsed = since.Value(i)
		}
		out = k.one(out, i, values.Value(i), lapsed, mine)
	}
	return out
}

func (k *keeper) one(out []kept, at int, has, lapsed event.Value, mine []pin) []kept {
	if !k.tag.Multi {
		if len(mine) > 0 { // a pin ends what was kept
			return out
		}
		return k.stays(out, at, has, lapsed)
	}
	for _, p := range mine {
		if p.value < 0 {
			return out
		}
	}
	for _, v := range has.List() {
		if slices.ContainsFunc(mine, func(p pin) bool { return k.pins.value(p).Equal(v) }) {
			continue
		}
		out = k.stays(out, at, v, lapseOf(lapsed, v))
	}
	return out
}

// stays adds a value unless its time is over.
func (k *keeper) stays(out []kept, at int, v, lapsed event.Value) []kept {
	if k.known != nil {
		known, ok := k.known[v.Key()]
		if !ok { // the tag cannot have it any more
			return out
		}
		v = known
	}
	one := kept{at, v, event.Never}
	if lapsed.Present() {
		one.since = lapsed.Time()
	}
	if !k.tag.Keep.Once && one.since != event.Never && k.at >= k.zone.Add(one.since, k.tag.Keep.Span) {
		return out
	}
	return append(out, one)
}

// held answers rule.Run.Kept.
func (k *keeper) held(first event.ProfileID, n int) []rule.Held {
	list := k.block(first, n)
	if len(list) == 0 {
		return nil
	}
	out := make([]rule.Held, len(list))
	for i, one := range list {
		out[i] = rule.Held{At: one.at, Value: one.value}
	}
	return out
}

// eachLapse tells, for the customers of a result, since when their rule has not given what they keep: an instant, or
// the list of values and instants. The keepers are those of the run; shape is the subject's.
func (s *subject) eachLapse(res *rule.Result, keepers map[uint32]*keeper, shape *tagindex.Shape, each func(i int, v event.Value)) {
	k := keepers[s.id]
	if s.rule == nil || k == nil {
		return
	}
	var list []event.Value
	all := k.of(res)
	for j, one := range all {
		if !res.Universe.Get(one.at) {
			continue
		}
		given := res.Value(s.rule, one.at)
		since := one.since
		if since == event.Never {
			since = k.at
		}
		if !k.tag.Multi {
			// Of another kind than the definition gives now it is not kept.
			if !given.Present() && (k.known != nil || one.value.Kind() == shape.Kind) {
				each(one.at, event.Instant(since))
			}
			continue
		}
		if !slices.ContainsFunc(given.List(), one.value.Equal) {
			list = append(list, one.value, event.Instant(since))
		}
		if last := j == len(all)-1 || all[j+1].at != one.at; last && len(list) > 0 {
			each(one.at, event.List(list...))
			list = nil
		}
	}
}

// lapseOf finds the instant of a value in the list of a tag with several.
func lapseOf(list, v event.Value) event.Value {
	l := list.List()
	for i := 0; i+1 < len(l); i += 2 {
		if l[i].Equal(v) {
			return l[i+1]
		}
	}
	return event.Value{}
}

// withoutLapse is the list of lapses without that of a value; missing when nothing is left.
func withoutLapse(list, v event.Value) event.Value {
	var out []event.Value
	l := list.List()
	for i := 0; i+1 < len(l); i += 2 {
		if !l[i].Equal(v) {
			out = append(out, l[i], l[i+1])
		}
	}
	if len(out) == 0 {
		return event.Value{}
	}
	return event.List(out...)
}
