package tag

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
	"tagma/warehouse"
)

// news is what may have changed answers: records, the passing of time, or other tags. It has one cause.
type news struct {
	cause tagindex.Cause
	live  bool
	// series names who got records of which series; late those of them who got one from before the last run.
	series map[rule.Series][]uint32
	late   []uint32
	events []*event.Event // the events among the records
	// whole are customers of whom everything is looked at: those who are new, and those whose time has come.
	whole []uint32
	// anew: of those nothing that is in memory counts.
	anew bool
	// tags names whose values of other tags changed, by key.
	tags map[string][]uint32
}

// outcome is what news came to. Nothing of it counts before its changes are committed.
type outcome struct {
	changes []tagindex.Change
	flips   []flip
	exist   map[uint32]bool // those of whom this is another answer than before
	reset   []uint32        // those for whom it is decided anew when they are to be looked at again
	sooner  []wake          // when they are, if it is earlier than known
	held    map[string][]uint32
}

func newOutcome() *outcome {
	return &outcome{exist: map[uint32]bool{}, held: map[string][]uint32{}}
}

// wake is an instant at which a customer is to be looked at again.
type wake struct {
	customer uint32
	at       event.Time
}

// chunkOfCustomers is how many customers are evaluated together.
const chunkOfCustomers = 2048

// deciding is the decision of one piece of news.
type deciding struct {
	*liveSet
	l    *Live
	snap warehouse.Snapshot
	view *tagindex.View
	run  rule.Run
	keep map[uint32]*keeper
	out  *outcome
	fits map[*liveSubject][]decision
	// doubts are leaves that the new events alone do not tell of, by their homes.
	doubts []doubts
	anew   bool // nothing that is in memory counts
	into   []event.Time
}

// decide finds what news changes at an instant.
func (l *Live) decide(ctx context.Context, n *news, snap warehouse.Snapshot, now event.Time) (*outcome, error) {
	d := &deciding{liveSet: l.set, l: l, snap: snap, view: l.d.Index.View(), fits: map[*liveSubject][]decision{}, anew: n.anew,
		out: newOutcome()}
	d.run = rule.Run{Snapshot: snap, Now: now, Zone: l.d.Zone, Params: l.params, Ahead: true}
	var err error
	if d.keep, err = l.d.readBeside(ctx, &d.run, d.direct(), beside{set: d.set, idb: l.d.DB.Read()}); err != nil {
		return nil, err
	}
	var followed, works []work
	news, whole := d.newsOf(n, now)
	if len(news.customers) > 0 {
		d.doubts = make([]doubts, len(d.homes))
		d.l.answers.newDay(customersOf(news.customers), l.d.Zone.Date(now))
		for _, part := range d.news {
			followed = append(followed, work{1, func(d *deciding) error { return d.append(part, news) }})
		}
	}
	if err := d.each(followed); err != nil {
		return nil, err
	}
	for at := range d.doubts {
		works = append(works, d.someOf(at)...)
	}
	more, fresh, err := d.works(n, now)
	if err != nil {
		return nil, err
	}
	if err := d.each(append(works, more...)); err != nil {
		return nil, err
	}
	whole = unique(append(append(whole, fresh...), n.whole...))
	d.l.answers.newDay(whole, l.d.Zone.Date(now))
	d.existence(whole, now)
	if err := d.each(worksOf(d.all, &d.run, whole)); err != nil {
		return nil, err
	}
	if d.frozen != nil && len(n.late) > 0 {
		run := d.run
		run.Now, run.Ahead = l.asOf, false
		fresh, known := d.divide(n.late, now) // who is new, and was there by then
		if err := d.each(worksOf(d.frozen, &run, unique(append(fresh, known...)))); err != nil {
			return nil, err
		}
	}
	d.join()
	d.finish(n, now)
	return d.out, nil
}

// works is what else is to be done for news, plan by plan, and the customers who are new.
func (d *deciding) works(n *news, now event.Time) (works []work, fresh []uint32, err error) {
	add := func(p *livePlan, err error, who []uint32) ([]uint32, error) {
		some, known := d.divide(who, now)
		if err == nil && p != nil {
			d.l.answers.newDay(known, d.l.d.Zone.Date(now))
			works = append(works, worksOf(p, &d.run, known)...)
		}
		return some, err
	}
	for of, who := range n.series {
		p, err := d.planFor(of, d.snap)
		some, err := add(p, err, who)
		if err != nil {
			return nil, nil, err
		}
		fresh = append(fresh, some...)
	}
	for key, who := range n.tags {
		p, err := d.planBeside(key, d.snap)
		if _, err = add(p, err, who); err != nil {
			return nil, nil, err
		}
	}
	return works, fresh, nil
}

// direct are the expressions that are evaluated themselves. Only they ask for what people decided and what is kept.
func (s *liveSet) direct() (out []*rule.Expr) {
	for _, one := range s.subjects {
		if one.over == nil {
			out = append(out, one.subject.roots()...)
		}
	}
	return
}

func unique(list []uint32) []uint32 {
	slices.Sort(list)
	return slices.Compact(list)
}

// divide tells customers of whom nothing is known yet, or who do not exist as they did, from the others. Who is no person
// is left out.
func (d *deciding) divide(who []uint32, now event.Time) (fresh, known []uint32) {
	for _, c := range unique(who) {
		switch is := exists(d.snap, event.ProfileID(c), now); {
		case is && d.l.answers.known(c):
			known = append(known, c)
		case is || d.snap.Profile(event.ProfileID(c)).Person:
			fresh = append(fresh, c)
		}
	}
	return
}

// some evaluates leaves of a part with all rows.
func (d *deciding) some(part *livePart, run *rule.Run, who []uint32, leaves []int) error {
	roots := make([]*rule.Expr, len(leaves))
	for i, k := range leaves {
		roots[i] = d.leaves[k].x
	}
	return d.rows(part, run, who, part.gather.BeginFor(run, roots), leaves, roots)
}

// rows evaluates a part with the rows that are wanted, and notes what becomes of these leaves, and of its subjects. timed is
// what of it the passing of time may change.
func (d *deciding) rows(part *livePart, run *rule.Run, who []uint32, want []warehouse.Rows, leaves []int, timed []*rule.Expr) error {
	for len(who) > 0 {
		n := min(len(who), chunkOfCustomers)
		chunk := who[:n]
		who = who[n:]
		if err := part.rows.Gather(profilesOf(chunk), want, &part.block); err != nil {
			return err
		}
		res := part.gather.Block(&part.block, nil)
		d.compareLeaves(res, leaves, chunk)
		for _, one := range part.subjects {
			d.note(one, res, chunk)
		}
		if run.Ahead {
			d.wakes(res, timed, chunk)
		}
	}
	return nil
}

// compareLeaves notes which leaves turned for whom, and what room there is.
func (d *deciding) compareLeaves(res *rule.Result, leaves []int, who []uint32) {
	before := d.l.answers.findAll(who, leaves)
	var room [chunkOfCustomers]uint8
	for _, k := range leaves {
		if l := &d.leaves[k]; l.room >= 0 {
			res.Room(l.x, room[:len(who)])
			for i, c := range who {
				setRoom(d.l.answers.roomsOf(c), l.room, room[i])
			}
		}
		now, was := res.Cond(d.leaves[k].x), before.of(k)
		for wi := range was {
			was[wi] ^= now[wi]
		}
		for i := range was.All() { // those for whom it is another answer
			d.out.flips = append(d.out.flips, flip{int32(k), who[i]})
		}
	}
}

// existence notes who exists that did not, and the other way round. When they are to be looked at again is decided anew.
func (d *deciding) existence(who []uint32, now event.Time) {
	for _, c := range who {
		if is := exists(d.snap, event.ProfileID(c), now); is != d.l.answers.known(c) || d.anew {
			d.out.exist[c] = is
		}
		d.out.reset = append(d.out.reset, c)
	}
}

// note notes what a subject that is evaluated itself gives now.
func (d *deciding) note(one *liveSubject, res *rule.Result, who []uint32) {
	list := d.fits[one]
	first := len(list)
	for i, c := range who {
		x := decision{customer: c, value: one.liveValue(res, i, d.l.d.Zone)}
		if one.number != nil {
			n := res.Value(one.number, i)
			x.number = &n
		}
		list = append(list, x)
	}
	one.eachLapse(res, d.keep, &one.shape, func(i int, v event.Value) {
		list[first+i].lapse = v
		if at := d.l.keepEnds(one.tag, v); at != event.Never {
			d.out.sooner = append(d.out.sooner, wake{who[i], at})
		}
	})
	d.fits[one] = list
}

// keepEnds is when the first of the values that a customer keeps is over.
func (l *Live) keepEnds(t *library.Tag, lapse event.Value) event.Time {
	at := event.Never
	since := func(v event.Value) {
		if v.Kind() == event.TimeKind {
			at = min(at, l.d.Zone.Add(v.Time(), t.Keep.Span))
		}
	}
	since(lapse)
	for i, v := range lapse.List() {
		if i%2 == 1 {
			since(v)
		}
	}
	return at
}

// liveValue is what customer i of a result has of the subject, as the index will have it.
func (one *liveSubject) liveValue(res *rule.Result, i int, z *event.Zone) event.Value {
	s := one.subject
	if one.over != nil {
		s = one.over
	}
	v := s.valueIn(res, i, &one.shape, z)
	if s.segment && !v.Bool() { // the index has members only
		return event.Value{}
	}
	return v
}

// wakes notes when customers are to be looked at again.
func (d *deciding) wakes(res *rule.Result, timed []*rule.Expr, who []uint32) {
	d.into = slices.Grow(d.into[:0], len(who))[:len(who)]
	into := d.into
	res.NextChanges(timed, into)
	for i, c := range who {
		if into[i] != event.Never {
			d.out.sooner = append(d.out.sooner, wake{c, into[i]})
		}
	}
}

// join finds what the turned leaves come to.
func (d *deciding) join() {
	slices.SortFunc(d.out.flips, func(a, b flip) int {
		return cmp.Or(cmp.Compare(a.customer, b.customer), cmp.Compare(a.leaf, b.leaf))
	})
	d.out.flips = slices.Compact(d.out.flips)
	var who []uint32
	for _, f := range d.out.flips {
		who = append(who, f.customer)
	}
	for c := range d.out.exist {
		who = append(who, c)
	}
	who = unique(who)
	flips := d.out.flips
	for len(who) > 0 && len(d.joined) > 0 {
		n := min(len(who), chunkOfCustomers)
		upTo := len(flips)
		if n < len(who) {
			upTo, _ = slices.BinarySearchFunc(flips, who[n], func(f flip, c uint32) int { return cmp.Compare(f.customer, c) })
		}
		d.joinChunk(who[:n], flips[:upTo])
		who, flips = who[n:], flips[upTo:]
	}
}

// joinChunk evaluates what joins leaves with the answers from before and those of now, side by side.
func (d *deciding) joinChunk(who []uint32, flips []flip) {
	byLeaf := make([][]int32, len(d.leaves))
	at := 0
	for _, f := range flips {
		for who[at] != f.customer {
			at++
		}
		byLeaf[f.leaf] = append(byLeaf[f.leaf], int32(at))
	}
	fresh := event.NewBits(len(who))
	before := d.l.answers.findAll(who, nil)
	for i, c := range who {
		if d.out.exist[c] {
			fresh.Set(i)
		}
	}
	answers := [2]func(k int) event.Bits{before.of, func(k int) event.Bits {
		if len(byLeaf[k]) == 0 {
			return before.of(k)
		}
		b := slices.Clone(before.of(k))
		for _, i := range byLeaf[k] {
			b[i>>6] ^= 1 << (i & 63)
		}
		return b
	}}
	block := warehouse.Block{First: event.ProfileID(who[0]), N: len(who), Profiles: profilesOf(who)}
	var res [2]*rule.Result
	var wg sync.WaitGroup
	for k := range res {
		wg.Go(func() {
			d.logic[k].Begin(&d.run)
			res[k] = d.logic[k].Block(&block, answers[k])
		})
	}
	wg.Wait()
	for _, one := range d.joined {
		for i := range differing(one, res[0], res[1], fresh).All() {
			d.fits[one] = append(d.fits[one], decision{customer: who[i], value: one.liveValue(res[1], i, d.l.d.Zone)})
		}
	}
}

// differing is the customers for whom a subject gives another value than before, or who are new or gone.
func differing(one *liveSubject, before, after *rule.Result, fresh event.Bits) event.Bits {
	x := one.over.value
	out := slices.Clone(fresh)
	if values, cases := x.CaseValues(); cases {
		turned := make([]event.Bits, len(values)) // who is in a case now and was not, or the other way round
		for _, r := range []*rule.Result{before, after} {
			r.EachCase(x, func(k int, who event.Bits) {
				if turned[k] == nil {
					turned[k] = make(event.Bits, len(out))
				}
				for i := range who {
					turned[k][i] ^= who[i]
				}
			})
		}
		for _, t := range turned {
			for i := range t {
				out[i] |= t[i]
			}
		}
		return out
	}
	a, b := before.Cond(x), after.Cond(x)
	for i := range out {
		out[i] |= a[i] ^ b[i]
	}
	return out
}

// finish makes changes of what was decided, where the index has something else.
func (d *deciding) finish(n *news, now event.Time) {
	for c, is := range d.out.exist {
		if is {
			continue
		}
		for _, one := range d.joined { // whoever is gone carries nothing
			d.fits[one] = append(d.fits[one], decision{customer: c})
		}
	}
	changes := make([][]tagindex.Change, len(d.subjects))
	_ = d.share(len(changes), func(_ *deciding, at int) error {
		one := d.subjects[at]
		changes[at] = d.changes(one, d.fits[one])
		return nil
	})
	for _, list := range changes {
		for _, ch := range list {
			ch.At, ch.Cause, ch.Live = now, n.cause, n.live
			d.out.changes = append(d.out.changes, ch)
			d.tell(&ch)
		}
	}
}

// changes makes changes of what was decided about a subject.
func (d *deciding) changes(one *liveSubject, list []decision) []tagindex.Change {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b decision) int { return cmp.Compare(a.customer, b.customer) })
	list = lastOfEach(list)
	if !one.segment {
		return changesOf(d.view, one.tag, &one.shape, list)
	}
	if ch := changeOf(d.view, one.id, &one.shape, list); ch != nil {
		return []tagindex.Change{*ch}
	}
	return nil
}

// tell notes whose value of a tag changed that others look at.
func (d *deciding) tell(ch *tagindex.Change) {
	key, ok := d.readers[ch.Slot]
	if !ok {
		return
	}
	if p, err := d.planBeside(key, d.snap); err != nil || p == nil {
		return
	}
	d.out.held[key] = unique(append(d.out.held[key], changed(ch)...))
}

// changed lists the customers that a change is about.
func changed(ch *tagindex.Change) (out []uint32) {
	for _, sets := range [][]tagindex.SetChange{ch.Sets, ch.Bands} {
		for _, s := range sets {
			if s.Entered != nil {
				out = append(out, s.Entered.ToArray()...)
			}
			if s.Left != nil {
				out = append(out, s.Left.ToArray()...)
			}
		}
	}
	if c := ch.Column; c != nil {
		if c.Customers != nil {
			out = append(out, c.Customers.ToArray()...)
		}
		if c.Cleared != nil {
			out = append(out, c.Cleared.ToArray()...)
		}
	}
	return unique(out)
}

// lastOfEach keeps the last decision of each customer.
func lastOfEach(list []decision) []decision {
	out := list[:0]
	for i := range list {
		if i+1 < len(list) && list[i+1].customer == list[i].customer {
			continue
		}
		out = append(out, list[i])
	}
	return out
}
