package tag

import (
	"cmp"
	"slices"

	"tagma/event"
	"tagma/rule"
	"tagma/warehouse"
)

// Most news is an event of somebody who has done much before, and most leaves are not touched by it: their selections do
// not keep it, or they hold already and it can only make them hold more. So the leaves are asked of the new events alone
// first, and the customer's other rows are read for those that are then not known.

// appended sorts new events by their series, and for each by customer.
func (d *deciding) appended(n *news) map[rule.Series][]*event.Event {
	if len(n.events) == 0 {
		return nil
	}
	list := slices.Clone(n.events)
	slices.SortStableFunc(list, func(a, b *event.Event) int { return cmp.Compare(a.Profile, b.Profile) })
	out := map[rule.Series][]*event.Event{anyEvent: list}
	for _, e := range list {
		of := rule.Series{Kind: warehouse.Events, Name: e.Name}
		out[of] = append(out[of], e)
	}
	return out
}

// append decides what events change for customers who were there before. who and events are in order of customer.
func (d *deciding) append(p *livePlan, who []uint32, events []*event.Event) error {
	if err := d.parts(p.anew, &d.run, who); err != nil {
		return err
	}
	var profiles []event.ProfileID
	var theirs [][]*event.Event
	var ahead []uint32 // those with events that are still to come: whoever keeps them must look at them as a whole
	for _, c := range who {
		for len(events) > 0 && uint32(events[0].Profile) < c {
			events = events[1:]
		}
		k, later := 0, false
		for ; k < len(events) && uint32(events[k].Profile) == c; k++ {
			later = later || events[k].Time > d.run.Now
		}
		switch {
		case later:
			ahead = append(ahead, c)
		case k > 0:
			profiles, theirs = append(profiles, event.ProfileID(c)), append(theirs, events[:k:k])
		}
		events = events[k:]
	}
	if err := d.parts(p.parts, &d.run, ahead); err != nil {
		return err
	}
	part := p.appended
	if len(profiles) > 0 {
		part.gather.Begin(&d.run)
	}
	early := event.NewBits(len(profiles)) // who does something before what was the first so far
	for i, list := range theirs {
		if slices.ContainsFunc(list, func(e *event.Event) bool { return e.Time < d.l.firsts.of(uint32(e.Profile)) }) {
			early.Set(i)
		}
	}
	open := make([]doubts, len(p.parts))
	for len(profiles) > 0 {
		n := min(len(profiles), chunkOfCustomers)
		part.rows.Only(profiles[:n], theirs[:n], &part.block)
		d.follow(p, part.gather.Block(&part.block, nil), profiles[:n], early[:(n+63)/64], open)
		profiles, theirs, early = profiles[n:], theirs[n:], early[n/64:] // a chunk is whole words
	}
	for i, one := range p.parts {
		if len(open[i].who) == 0 {
			continue
		}
		slices.Sort(open[i].leaves)
		if err := d.some(one, &d.run, unique(open[i].who), slices.Compact(open[i].leaves)); err != nil {
			return err
		}
	}
	return nil
}

// doubts are leaves of a part of a plan, and customers of whom one of these is not known.
type doubts struct {
	leaves []int
	who    []uint32
}

// follow finds the answers that follow from those of the new events, and notes those that do not by the part of the plan
// that they are in.
func (d *deciding) follow(p *livePlan, res *rule.Result, profiles []event.ProfileID, early event.Bits, open []doubts) {
	part := p.appended
	who := make([]uint32, len(profiles))
	for i, c := range profiles {
		who[i] = uint32(c)
	}
	before := d.l.answers.findAll(who, part.leaves)
	partOf := p.partOf()
	all := make([]event.Bits, len(p.parts)) // of each part, of whom there is any doubt
	full := event.NewBits(len(who))
	for j, k := range part.leaves {
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
		turned, doubt := news.turns(part.turns[j], before.of(k))
		for i := range turned.All() {
			d.out.flips = append(d.out.flips, flip{int32(k), who[i]})
		}
		if doubt.Count() == 0 {
			continue
		}
		at := partOf[k]
		open[at].leaves = append(open[at].leaves, k)
		if all[at] == nil {
			all[at] = event.NewBits(len(who))
		}
		for wi := range doubt {
			all[at][wi] |= doubt[wi]
		}
	}
	for at, set := range all {
		for i := range set.All() {
			open[at].who = append(open[at].who, who[i])
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

// partOf is the part of the plan that each leaf is in.
func (p *livePlan) partOf() map[int]int {
	if p.places == nil {
		p.places = map[int]int{}
		for i, part := range p.parts {
			for _, k := range part.leaves {
				p.places[k] = i
			}
		}
	}
	return p.places
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
