package tag

import (
	"cmp"
	"slices"

	"tagma/event"
	"tagma/rule"
)

// Most news is an event of somebody who has done much before, and most leaves are not touched by it: their selections do
// not keep it, or they hold already and it can only make them hold more. So the leaves are asked of the new events alone
// first, and the customer's other rows are read for those that are then not known.

// newsOf is new events, customer by customer.
type newsOf struct {
	customers []event.ProfileID
	events    [][]*event.Event
	early     event.Bits // who does something before what was the first so far
}

// newsOf sorts new events of customers of whom the answers are known. ahead are those with events that are still to come:
// whoever keeps them must be looked at as a whole.
func (d *deciding) newsOf(n *news, now event.Time) (out newsOf, ahead []uint32) {
	list := slices.Clone(n.events)
	slices.SortStableFunc(list, func(a, b *event.Event) int { return cmp.Compare(a.Profile, b.Profile) })
	var early []bool
	for len(list) > 0 {
		k, later, first := 0, false, false
		c := uint32(list[0].Profile)
		for ; k < len(list) && uint32(list[k].Profile) == c; k++ {
			later = later || list[k].Time > now
			first = first || list[k].Time < d.l.firsts.of(c)
		}
		switch {
		case !d.l.answers.known(c) || !exists(d.snap, event.ProfileID(c), now):
		case later:
			ahead = append(ahead, c)
		default:
			out.customers, out.events, early = append(out.customers, event.ProfileID(c)), append(out.events, list[:k:k]), append(early, first)
		}
		list = list[k:]
	}
	out.early = event.NewBits(len(early))
	for i, first := range early {
		if first {
			out.early.Set(i)
		}
	}
	return out, ahead
}

// append finds what follows from new events for the leaves of a part.
func (d *deciding) append(part *livePart, n newsOf) error {
	part.gather.Begin(&d.run)
	for len(n.customers) > 0 {
		k := min(len(n.customers), chunkOfCustomers)
		part.rows.Only(n.customers[:k], n.events[:k], &part.block)
		d.follow(part, part.gather.Block(&part.block, nil), n.customers[:k], n.early[:(k+63)/64])
		n.customers, n.events, n.early = n.customers[k:], n.events[k:], n.early[k/64:] // a chunk is whole words
	}
	return nil
}

// doubts are leaves of a home, and customers of whom one of these is not known.
type doubts struct {
	leaves []int
	who    []uint32
}

// follow finds the answers that follow from those of the new events, and notes those that do not by the home of the leaf.
func (d *deciding) follow(part *livePart, res *rule.Result, profiles []event.ProfileID, early event.Bits) {
	who := customersOf(profiles)
	before := d.l.answers.findAll(who, part.leaves)
	open := map[int]event.Bits{} // by home, of whom there is any doubt
	full := event.NewBits(len(who))
	for _, k := range part.leaves {
		l := &d.leaves[k]
		kept, several, any := res.Kept(l.x)
		if !any {
			continue
		}
		if clear(full); l.room >= 0 {
			d.fill(res, l, who, kept, full)
		} else {
			full.Fill(len(who))
		}
		news := appendedNews{kept: kept, several: several, holds: res.Cond(l.x), early: early, full: full}
		turned, doubt := news.turns(l.turns, before.of(k))
		for i := range turned.All() {
			d.out.flips = append(d.out.flips, flip{int32(k), who[i]})
		}
		if doubt.Count() == 0 {
			continue
		}
		at := d.home[k]
		d.doubts[at].leaves = append(d.doubts[at].leaves, k)
		if open[at] == nil {
			open[at] = event.NewBits(len(who))
		}
		for wi := range doubt {
			open[at][wi] |= doubt[wi]
		}
	}
	for at, set := range open {
		for i := range set.All() {
			d.doubts[at].who = append(d.doubts[at].who, who[i])
		}
	}
	d.wakes(res, part.timed, who)
}

// fill takes what is new from the room of a leaf, and sets in full for whom there was not enough.
func (d *deciding) fill(res *rule.Result, l *liveLeaf, who []uint32, kept, full event.Bits) {
	var takes [chunkOfCustomers]uint8
	res.Takes(l.x, takes[:len(who)])
	take := takeRoom
	if l.x.RoomOfDays() {
		take = takeDays
	}
	for i := range kept.All() {
		if !take(d.l.answers.roomsOf(who[i]), l.room, takes[i]) {
			full.Set(i)
		}
	}
}

// appendedNews is what the new events alone say of a leaf.
type appendedNews struct {
	kept, several event.Bits // who has a new event, more than one, that a selection keeps
	holds         event.Bits // for whom it holds
	early         event.Bits // who has one that is the first of all
	full          event.Bits // for whom there is no room
}

// turns is whose answer became another one, and of whom it is not known.
func (a *appendedNews) turns(how rule.Append, was event.Bits) (turned, doubt event.Bits) {
	turned, doubt = make(event.Bits, len(was)), make(event.Bits, len(was))
	for i := range was {
		o, k, n, f := was[i], a.kept[i], a.holds[i], a.full[i]
		switch how {
		case rule.AppendAny:
			turned[i] = k & n &^ o
		case rule.AppendRising:
			turned[i], doubt[i] = k&n&^o, k&^n&^o&f
		case rule.AppendFalling:
			turned[i], doubt[i] = k&o&^n, k&o&n&f
		case rule.AppendBoth:
			turned[i], doubt[i] = k&o&^n, k&n&^o
		case rule.AppendFirst:
			doubt[i] = k & a.early[i]
		case rule.AppendRoom:
			doubt[i] = k & f
		case rule.AppendAlike:
			doubt[i] = k & (o ^ n)
		case rule.AppendTop:
			doubt[i] = k & (o ^ n | a.several[i])
		default:
			doubt[i] = k
		}
	}
	return
}

// firsts is when each customer did something for the first time, where a leaf asks for that.
type firsts []event.Time

func (f firsts) of(customer uint32) event.Time {
	if int(customer) < len(f) {
		return f[customer]
	}
	return event.Never
}

// add takes in events.
func (f *firsts) add(events []*event.Event, now event.Time) {
	for _, e := range events {
		if e.Time > now { // whoever looks at it when its time has come looks at everything
			continue
		}
		for int(e.Profile) >= len(*f) {
			*f = append(*f, event.Never)
		}
		(*f)[e.Profile] = min((*f)[e.Profile], e.Time)
	}
}
