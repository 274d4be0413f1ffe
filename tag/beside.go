package tag

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/uptrace/bun"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
)

// beside says how a run reads what rules ask for beside the history: the tag index, what people decided by hand, what
// tags keep, and the change log.
type beside struct {
	set *library.Set
	idb bun.IDB // the database, or the transaction that the run is part of
	// published: other tags are read from the index, so the change log is read as far as the index goes.
	published bool
	// customer, when set, is the only one that is evaluated.
	customer *event.ProfileID
	// rows: the index may not have all assignments yet, so they are read from their rows.
	rows bool
	// upTo leaves out assignments made after this row; 0: none. none leaves out all of them.
	upTo uint64
	none bool
	// pinned, when set, takes the place of what is read from the assignments of these tags, and before of what stood
	// while the index became what it is.
	pinned, before map[uint32]*pins
}

// readBeside makes a run ready for these roots, and returns what their tags keep, by tag. What they do not ask for costs
// nothing.
func (d Deps) readBeside(ctx context.Context, run *rule.Run, roots []*rule.Expr, b beside) (map[uint32]*keeper, error) {
	view := d.Index.View()
	run.Published = published(b.set, view)
	var pinnedKeys, keptKeys, pastKeys []string
	seen := map[string]bool{}
	once := func(to *[]string, kind string, keys []string) {
		for _, k := range keys {
			if !seen[kind+k] {
				seen[kind+k] = true
				*to = append(*to, k)
			}
		}
	}
	for _, x := range roots {
		p, k, l := x.Held()
		once(&pinnedKeys, "pinned ", p)
		once(&keptKeys, "kept ", k)
		once(&pastKeys, "past ", l)
	}
	if len(pinnedKeys)+len(keptKeys)+len(pastKeys) == 0 {
		return nil, nil
	}
	tags := map[string]*library.Tag{}
	for t := range b.set.Tags() {
		tags[library.PublishedTag(t.Key)] = t
	}
	last, err := d.lastInstant(ctx, b.idb)
	if err != nil {
		return nil, err
	}
	at := run.Now
	if b.published {
		at = max(at, last)
	}
	r := besideReader{Deps: d, b: b, at: at, live: at >= last, tags: tags, view: view, run: run, pins: map[uint32]*pins{}}
	if err := r.past(ctx, keptKeys, pastKeys); err != nil {
		return nil, err
	}
	keepers, err := r.kept(ctx, keptKeys)
	if err != nil {
		return nil, err
	}
	return keepers, r.pinned(ctx, pinnedKeys)
}

type besideReader struct {
	Deps
	b    beside
	at   event.Time
	live bool // the index is of no later instant than the run
	tags map[string]*library.Tag
	view *tagindex.View // what the tags held before the run
	run  *rule.Run
	log  *past
	pins map[uint32]*pins
}

// tag finds the tag of a key that an expression has.
func (r *besideReader) tag(key string) (*library.Tag, error) {
	if t := r.tags[key]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("tag: a rule asks for %s, which there is not", key)
}

// past reads the change log, where anything asks for it.
func (r *besideReader) past(ctx context.Context, keptKeys, pastKeys []string) error {
	o := pastOptions{at: r.at, marks: len(pastKeys) > 0, customer: r.b.customer}
	slots := map[string]uint32{}
	orders := map[string]*listOrder{}
	for _, key := range pastKeys {
		if t := r.tags[key]; t != nil {
			slots[key], orders[key] = t.ID, orderOf(t)
			o.slots = append(o.slots, t.ID)
		}
	}
	for s := range r.b.set.Segments() {
		if key := library.PublishedSegment(s.Key); slices.Contains(pastKeys, key) {
			slots[key] = s.ID
			o.slots = append(o.slots, s.ID)
		}
	}
	if !r.live {
		for _, key := range keptKeys {
			t, err := r.tag(key)
			if err != nil {
				return err
			}
			if _, asked := slots[key]; !asked {
				o.slots = append(o.slots, t.ID)
			}
			if lapses(t) {
				o.slots = append(o.slots, lapseSlot(t.ID))
			}
		}
	}
	if len(o.slots) > 0 {
		var err error
		if r.log, err = r.readPast(ctx, o); err != nil {
			return err
		}
	}
	answers := map[string]func(event.ProfileID, int) ([]event.Column, []event.Column){}
	for key, slot := range slots {
		answers[key] = r.log.columns(slot, orders[key])
	}
	r.run.Past = func(key string, first event.ProfileID, n int) (changed, previous []event.Column) {
		if f := answers[key]; f != nil {
			return f(first, n)
		}
		return nil, nil
	}
	return nil
}

// kept makes the keepers of tags.
func (r *besideReader) kept(ctx context.Context, keys []string) (map[uint32]*keeper, error) {
	keepers, byTag := map[string]*keeper{}, map[uint32]*keeper{}
	for _, key := range keys {
		t, err := r.tag(key)
		if err != nil {
			return nil, err
		}
		k, err := r.keeper(ctx, t)
		if err != nil {
			return nil, err
		}
		keepers[key], byTag[t.ID] = k, k
	}
	r.run.Kept = func(key string, first event.ProfileID, n int) []rule.Held { return keepers[key].held(first, n) }
	return byTag, nil
}

func (r *besideReader) keeper(ctx context.Context, t *library.Tag) (*keeper, error) {
	p, ok := r.b.before[t.ID]
	if !ok {
		var err error
		if p, err = r.inForce(ctx, t); err != nil {
			return nil, err
		}
	}
	view := r.view
	if !r.live {
		view = r.log.values
	}
	return newKeeper(t, view, r.at, r.Zone, p), nil
}

// inForce returns what holds about a tag at the run's instant.
func (r *besideReader) inForce(ctx context.Context, t *library.Tag) (*pins, error) {
	if p, ok := r.b.pinned[t.ID]; ok {
		return p, nil
	}
	if p, ok := r.pins[t.ID]; ok {
		return p, nil
	}
	if r.b.none {
		return nil, nil
	}
	w := rowFilter{at: r.at, upTo: r.b.upTo}
	if r.b.customer != nil {
		w.customers = []uint32{uint32(*r.b.customer)}
	}
	p, err := pinsOf(ctx, r.b.idb, t, w)
	r.pins[t.ID] = p
	return p, err
}

// pinned makes what people decided ready. Of a tag assigned by hand alone the index has it already, if the run is no
// earlier than that.
func (r *besideReader) pinned(ctx context.Context, keys []string) error {
	answers := map[string]func(event.ProfileID, int) []rule.Held{}
	for _, key := range keys {
		t, err := r.tag(key)
		if err != nil {
			return err
		}
		_, given := r.b.pinned[t.ID]
		if t.Kind == library.ByHand && r.live && !given && !r.b.rows && r.b.customer == nil {
			published, err := r.isPublished(ctx, t)
			if err != nil {
				return err
			}
			if published {
				answers[key] = heldInIndex(r.view, t)
				continue
			}
		}
		p, err := r.inForce(ctx, t)
		if err != nil {
			return err
		}
		answers[key] = p.held
	}
	r.run.Pinned = func(key string, first event.ProfileID, n int) []rule.Held { return answers[key](first, n) }
	return nil
}

// isPublished says whether the index has a tag assigned by hand as it is defined here, and as it will be at the run's
// instant.
func (r *besideReader) isPublished(ctx context.Context, t *library.Tag) (bool, error) {
	row, ok, err := computedOf(ctx, r.b.idb, t.ID)
	if err != nil || !ok || row.Run != 0 || row.Version != t.Version {
		return false, err
	}
	ended, err := numberSetting(ctx, r.b.idb, settingEnded)
	if err != nil {
		return false, err
	}
	var ends bool
	if err := r.b.idb.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM assignments WHERE until_ms > ? AND until_ms <= ? AND definition = ?)",
		ended, int64(r.at), int64(t.ID)).Scan(&ends); err != nil {
		return false, fmt.Errorf("tag: look for assignments that end: %w", err)
	}
	return !ends, nil
}

// heldInIndex answers rule.Run.Pinned for a tag assigned by hand from the index.
func heldInIndex(view *tagindex.View, t *library.Tag) func(first event.ProfileID, n int) []rule.Held {
	readers := sync.Pool{New: func() any { return view.Reader() }}
	order := orderOf(t)
	return func(first event.ProfileID, n int) (out []rule.Held) {
		r := readers.Get().(*tagindex.Reader)
		defer readers.Put(r)
		var c event.Column
		r.Column(t.ID, uint32(first), n, &c)
		if c.Kind == event.Missing {
			return nil
		}
		order.apply(&c)
		for i := range n {
			switch {
			case !c.Present(i):
			case t.Multi:
				for _, v := range c.Value(i).List() {
					out = append(out, rule.Held{At: i, Value: v})
				}
			default:
				out = append(out, rule.Held{At: i, Value: c.Value(i)})
			}
		}
		return
	}
}

// lastInstant is the latest instant that anything was decided for: the index is of that.
func (d Deps) lastInstant(ctx context.Context, idb bun.IDB) (event.Time, error) {
	last, err := lastAsOf(ctx, idb)
	if err != nil {
		return 0, err
	}
	view := d.Index.View()
	for _, slot := range view.Slots() {
		at, _, _ := view.Changed(slot)
		last = max(last, at)
	}
	return last, nil
}
