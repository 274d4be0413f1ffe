package tag

import (
	"context"
	"errors"
	"maps"
	"slices"

	"tagma/event"
	"tagma/rule"
	"tagma/tagindex"
	"tagma/warehouse"
)

// A run beside which tags are decided live does three things to these. It brings them to the present instant. It computes
// them anew from the history, with the parameters that they are decided with and the published values of the tags that are
// not live: what the index has otherwise is a fault, and is repaired. And those with functions across all customers get new
// parameters, from which they go on being decided live.

// selfCheck is what a run finds about what is decided live.
type selfCheck struct {
	l     *Live
	upTo  uint64         // of the event log: what is before is decided
	right []*subject     // those that the run does not publish itself, since but for repairs they are right
	held  map[uint32]int // how many customers carry these
	wrong map[uint32]int // by ID, how many customers' values were wrong
	out   *outcome       // of the repairs; nil when nothing was wrong

	fresh    []*subject // those that get new parameters
	contents []content  // of these
	params   rule.Params
	leaves   []int        // of l that read parameters
	bits     *leafAnswers // of these, in their order
	wakes    []event.Time // by customer: when the passing of time may change any of them
}

// settle brings what is decided live to the end of the event log and to the present instant, for whoever has the turn.
// Records that come meanwhile are left.
func (l *Live) settle(ctx context.Context) error {
	target := l.d.Store.Offset()
	for {
		worked, err := l.step(ctx)
		if err != nil {
			return err
		}
		if l.set == nil || worked && (l.position < target || len(l.queue) > 0 || l.wheel.next() <= l.last) {
			continue
		}
		switch err := l.rest(ctx); {
		case errors.Is(err, errKinds):
			l.Close()
		case err != nil:
			l.Close()
			return err
		default:
			if _, bulk, err := l.coming(ctx); err != nil || !bulk {
				return err
			}
		}
	}
}

// rest decides all that is to be decided at the instant of the last step, but for records, and takes up a snapshot.
func (l *Live) rest(ctx context.Context) error {
	for {
		if err := l.follow(ctx); err != nil {
			return err
		}
		var n *news
		if due := l.wheel.passed(l.last); len(due) > 0 {
			n = &news{cause: tagindex.ByTime, live: true, whole: due}
		} else if len(l.queue) > 0 {
			n, l.queue = l.queue[0], l.queue[1:]
		} else {
			return l.look(l.last)
		}
		if err := l.take(ctx, n, nil, l.position, l.last); err != nil {
			return err
		}
	}
}

// passed returns the customers whose instant has come but whose bucket has not.
func (w *wheel) passed(now event.Time) (out []uint32) {
	for _, c := range w.buckets[(now+fineBucket-1)/fineBucket*fineBucket] {
		if w.at[c] <= now {
			out = append(out, c)
		}
	}
	return unique(out)
}

// coming is the customers about whom the snapshot has records that are not decided. bulk says that there is a bulk load
// among these.
func (l *Live) coming(ctx context.Context) (who map[uint32]bool, bulk bool, err error) {
	who = map[uint32]bool{}
	for at, end := l.position, l.snap.Offset(); at < end; {
		entries, err := l.d.Events.Read(ctx, at, recordBytes)
		if err != nil || len(entries) == 0 {
			return nil, false, err
		}
		for i := range entries {
			if at = entries[i].End(); at > end {
				break
			}
			b, err := l.Records(&entries[i])
			if err != nil || b == nil {
				return nil, b == nil, err
			}
			b.EachRecord(func(_ warehouse.SeriesKind, _ string, p event.ProfileID, _ event.Time) { who[uint32(p)] = true })
		}
	}
	return who, false, nil
}

// split takes what is decided live from the subjects of the run.
func (r *run) split(l *Live) (live []*liveSubject) {
	byID := map[uint32]*liveSubject{}
	for _, one := range l.set.subjects {
		byID[one.id] = one
	}
	var others []*subject
	for _, s := range r.subjects {
		switch one := byID[s.id]; {
		case !isLive(s):
			others = append(others, s)
		case one != nil:
			live = append(live, one)
		}
	}
	r.subjects = others
	return live
}

func usesPopulation(s *subject) bool { return slices.ContainsFunc(s.roots(), rule.UsesPopulation) }

// holdLive computes what is decided live anew, as far as it is asked for: l has settled. Nothing is written yet.
func (r *run) holdLive(ctx context.Context, l *Live, asked []*liveSubject) error {
	c := &selfCheck{l: l, upTo: l.position, held: map[uint32]int{}, wrong: map[uint32]int{}}
	r.check = c
	coming, _, err := l.coming(ctx)
	if err != nil {
		return err
	}
	var compared []*subject
	renewed := false
	for _, one := range asked {
		uses := usesPopulation(one.subject)
		renewed = renewed || uses
		if !uses {
			c.right = append(c.right, one.subject)
		}
		// What places customers in a population holds on to the instant of the last run.
		if !readsOf(one.subject.roots()).Population || l.last == l.asOf {
			compared = append(compared, one.subject)
		}
	}
	if err := r.compare(ctx, c, compared, coming); err != nil {
		return err
	}
	r.lap("check")
	if !renewed {
		return nil
	}
	// Parameters are of one instant, so all that have some get theirs together.
	return r.renew(ctx, c)
}

// compare computes subjects at the instant that they stand at, with their parameters, and has those customers decided
// anew of whom the index has something else.
func (r *run) compare(ctx context.Context, c *selfCheck, list []*subject, coming map[uint32]bool) error {
	if len(list) == 0 {
		return nil
	}
	l := c.l
	eval := rule.Run{Snapshot: l.snap, Now: l.last, Zone: l.d.Zone, Params: maps.Clone(l.params), Progress: r.progress(), Scratch: r.scratch()}
	keepers, err := r.prepare(ctx, &eval, list, beside{set: r.set, idb: r.DB.Read()})
	if err != nil {
		return err
	}
	contents, err := contentsOf(ctx, &eval, list, keepers, &r.report.Customers)
	if err != nil {
		return err
	}
	view := r.Index.View()
	var who []uint32
	for i, d := range diffAll(view, list, contents) {
		s := list[i]
		c.held[s.id] = contents[i].values.Present().Count()
		var wrong []uint32
		for slot, ch := range map[uint32]*tagindex.Change{s.id: d.values, lapseSlot(s.id): d.lapses} {
			if ch == nil {
				continue
			}
			wrong = append(wrong, changed(ch)...)
			is := contents[i].values
			if slot != s.id {
				is = contents[i].lapses
			}
			if was := view.Content(slot); is != nil && (ch.Clear || was.Banded() != is.Banded()) {
				wrong = append(slices.AppendSeq(wrong, was.Present().All()), slices.Collect(is.Present().All())...)
			}
		}
		wrong = slices.DeleteFunc(unique(wrong), func(c uint32) bool { return coming[c] })
		if len(wrong) > 0 {
			c.wrong[s.id] = len(wrong)
			who = append(who, wrong...)
		}
	}
	if len(who) == 0 {
		return nil
	}
	if err := l.set.plan(&rule.Run{Snapshot: l.snap, Now: l.last, Zone: l.d.Zone, Params: l.params, Ahead: true}, l.Bytes); err != nil { // rows in memory may be wrong, too
		return err
	}
	c.out, err = l.decide(ctx, &news{cause: tagindex.ByRepair, whole: unique(who), anew: true}, l.snap, l.last)
	return err
}

// renew computes all that has functions across all customers, with new parameters, and what is needed to go on from there.
func (r *run) renew(ctx context.Context, c *selfCheck) error {
	l := c.l
	var timed, leaves []*rule.Expr
	for k := range l.set.leaves {
		x, reads := l.set.leaves[k].x, l.set.leaves[k].reads
		if !rule.UsesPopulation(x) {
			continue
		}
		c.leaves, leaves = append(c.leaves, k), append(leaves, x)
		if !reads.Population {
			timed = append(timed, x)
		}
	}
	for _, one := range l.set.subjects {
		if !usesPopulation(one.subject) {
			continue
		}
		c.fresh = append(c.fresh, one.subject)
		if one.over == nil && !one.reads.Population {
			timed = append(timed, one.roots()...)
		}
	}
	eval := rule.Run{Snapshot: l.snap, Now: l.last, Zone: l.d.Zone, Ahead: true, Progress: r.progress(), Scratch: r.scratch()}
	keepers, err := r.prepare(ctx, &eval, c.fresh, beside{set: r.set, idb: r.DB.Read()})
	if err != nil {
		return err
	}
	r.lap("parameters")
	c.params = eval.Params
	c.bits = newLeafAnswers(len(leaves), nil, 0)
	c.wakes = make([]event.Time, l.snap.Profiles())
	for i := range c.wakes {
		c.wakes[i] = event.Never
	}
	c.contents, err = watchedContents(ctx, &eval, c.fresh, keepers, &r.report.Customers, leaves, func(res *rule.Result) error {
		first, n := uint32(res.First), min(res.N, len(c.wakes)-int(res.First))
		c.bits.fill(first, res.Universe, func(k int) event.Bits { return res.Cond(leaves[k]) })
		into := make([]event.Time, res.N)
		res.NextChanges(timed, into)
		copy(c.wakes[first:], into[:n])
		return nil
	})
	r.lap("rules")
	return err
}

// repairs are the changes that mend what was wrong. What gets new parameters is published with these instead.
func (r *run) repairs() (changes []tagindex.Change) {
	if r.check == nil || r.check.out == nil {
		return nil
	}
	reports := map[uint32]*TagReport{}
	for i := range r.report.Tags {
		reports[r.ids[i]] = &r.report.Tags[i]
	}
	for _, ch := range r.check.out.changes {
		id := ch.Slot &^ lapseSlot(0)
		if slices.ContainsFunc(r.check.fresh, func(s *subject) bool { return s.id == id }) {
			continue
		}
		ch.Run = r.number
		changes = append(changes, ch)
		if t := reports[ch.Slot]; t != nil {
			t.Entered, t.Left = ch.Moves()
			t.Cause, t.Why = tagindex.ByRepair, tagindex.ByRepair.String()
		}
	}
	return changes
}

// keep makes what is decided live go on from what the run found, when that is in the index.
func (c *selfCheck) keep() {
	l := c.l
	if c.out != nil {
		l.keep(c.out, l.last)
	}
	if c.params == nil {
		return
	}
	params := maps.Clone(l.params)
	if params == nil {
		params = rule.Params{}
	}
	maps.Copy(params, c.params)
	l.params, l.asOf = params, l.last
	for n, g := range c.bits.groups {
		if g == nil {
			continue
		}
		first := uint32(n) * leafGroupSize
		l.answers.group(first)
		for customer := first; customer < first+leafGroupSize; customer++ {
			from, into := c.bits.of(customer), l.answers.of(customer)
			for i, k := range c.leaves {
				if from.Get(i) {
					into.Set(k)
				} else {
					into.Unset(k)
				}
			}
		}
	}
	for customer, at := range c.wakes {
		if at != event.Never {
			l.wheel.sooner(uint32(customer), at, l.last)
		}
	}
	l.keepEnd(l.last)
}
