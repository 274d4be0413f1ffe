package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tagma/bench/gen"
	"tagma/bench/oracle"
	"tagma/bench/peers"
	"tagma/db"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/rule"
	"tagma/stream"
	"tagma/tag"
	"tagma/tagindex"
	"tagma/warehouse/pebble"
)

// product is an opened workspace. All that the benchmark asks of Tagma goes through it.
type product struct {
	base     *db.DB
	store    *pebble.Store
	index    *tagindex.Index
	follower *tagindex.Follower
	zone     *event.Zone
	deps     ingest.Deps
	tags     tag.Deps
	ids      map[string]uint32 // of the tags, by key
	shift    event.Time        // what is loaded happened so much later
}

// now is the instant that rules are decided for: the end of the history.
func (p *product) now() event.Time { return p.zone.End(gen.Last()) }

// open opens a workspace, or makes one.
func open(ctx context.Context, dir string) (_ *product, err error) {
	p := &product{}
	if p.zone, err = event.LoadZone(gen.Zone); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if p.base, err = db.Open(ctx, dir); err != nil {
		return nil, err
	}
	if p.store, err = pebble.Open(filepath.Join(dir, "warehouse"), pebble.Options{}); err != nil {
		return nil, errors.Join(err, p.base.Close())
	}
	if err := p.assemble(ctx, dir); err != nil {
		return nil, errors.Join(err, p.store.Close(), p.base.Close())
	}
	return p, nil
}

func (p *product) assemble(ctx context.Context, dir string) (err error) {
	snapshot := filepath.Join(dir, "index.tags")
	if p.index, _, err = tagindex.Load(snapshot); err != nil {
		return err
	}
	p.follower = tagindex.Follow(p.index, snapshot)
	clock := func() event.Time { return event.At(time.Now()) }
	events, changes := stream.EventLog(p.base), stream.ChangeLog(p.base)
	p.deps = ingest.Deps{DB: p.base, Log: events, Store: p.store, Identities: identity.NewResolver(), Zone: p.zone, Now: clock}
	readers, err := stream.New(p.base, stream.Options{}, ingest.WarehouseReader(events, p.store),
		stream.Reader{Name: "index", Log: changes, Position: p.follower.Position, Apply: p.follower.Apply, Sync: p.follower.Sync})
	if err != nil {
		return err
	}
	p.tags = tag.Deps{DB: p.base, Store: p.store, Index: p.index, Events: events, Changes: changes, Zone: p.zone,
		Dir: filepath.Join(dir, "snapshots"), Now: clock, CatchUp: readers.CatchUp}
	if err := ingest.Recover(ctx, p.deps); err != nil {
		return err
	}
	return readers.CatchUp(ctx)
}

func (p *product) close() error {
	return errors.Join(p.follower.Sync(), p.store.Close(), p.base.Close())
}

// compact merges what was loaded.
func (p *product) compact(ctx context.Context) error { return p.store.Compact(ctx) }

// sizes are the bytes of the files of the history and of the database, in a workspace that nobody has open.
func sizes(dir string) (history, database int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if rel, _ := filepath.Rel(dir, path); strings.HasPrefix(rel, "warehouse") {
			history += info.Size()
		} else {
			database += info.Size()
		}
		return nil
	})
	return
}

// load takes a world in: first all customers with what is known of them, then all events, one record each.
func (p *product) load(ctx context.Context, w *gen.World, order gen.Order) error {
	l, err := ingest.NewLoader(ctx, p.deps, "bench")
	if err != nil {
		return err
	}
	var r ingest.Record
	err = w.EachCustomer(func(c *gen.Customer) error {
		r.Identifiers, r.Traits = r.Identifiers[:0], r.Traits[:0]
		for _, id := range c.Identifiers {
			r.Identifiers = append(r.Identifiers, identity.Key{Kind: id.Kind, Value: id.Value})
		}
		for _, t := range c.Traits {
			if t.Value.Kind() == event.TimeKind {
				t.Value = event.Instant(t.Value.Time() + p.shift)
			}
			r.Traits = append(r.Traits, ingest.Trait{Name: t.Name, Time: t.Time + p.shift, Value: t.Value})
		}
		return l.Add(r)
	})
	if err == nil {
		r = ingest.Record{Identifiers: make([]identity.Key, 1), Events: make([]ingest.Event, 1)}
		err = w.EachEvent(order, func(e *event.Event) error {
			r.Identifiers[0] = identity.Key{Kind: "user_id", Value: w.UserID(e.Profile)}
			r.Events[0] = ingest.Event{Name: e.Name, Time: e.Time + p.shift, Props: e.Props}
			return l.Add(r)
		})
	}
	counts, closing := l.Close()
	if err := errors.Join(err, closing); err != nil {
		return err
	}
	if counts.Profiles != uint64(w.Customers) || counts.Events != uint64(w.Events) {
		return fmt.Errorf("load: %d customers and %d events came in, of %d and %d", counts.Profiles, counts.Events, w.Customers, w.Events)
	}
	return nil
}

// apply puts definitions in, checked as the command does it.
func (p *product) apply(ctx context.Context, definitions string) error {
	file, err := library.ParseFile([]byte(definitions), "bench.yaml")
	if err != nil {
		return err
	}
	set, err := library.Load(ctx, p.base.Read())
	if err != nil {
		return err
	}
	edit, err := set.Plan(file, false)
	if err != nil {
		return err
	}
	snap, err := p.store.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	if _, err := library.Compile(edit.Set, library.CompileOptions{Names: rule.NewNames(snap.Series()), Zone: p.zone}); err != nil {
		return err
	}
	return p.base.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return edit.Apply(ctx, tx, "bench", "", p.tags.Now()) })
}

// compute decides all tags of the library at the end of the history, and returns how long its parts took.
func (p *product) compute(ctx context.Context) (parts map[string]float64, err error) {
	return p.computeAt(ctx, p.now())
}

func (p *product) computeAt(ctx context.Context, asOf event.Time) (parts map[string]float64, err error) {
	report, err := tag.Compute(ctx, p.tags, tag.Options{AsOf: asOf})
	if err != nil {
		return nil, err
	}
	if len(report.Broken) > 0 {
		return nil, fmt.Errorf("compute: %s", report.Broken[0])
	}
	parts = map[string]float64{}
	for part, ms := range report.Took {
		parts[part] = float64(ms) / 1000
	}
	return parts, nil
}

// answer gives the members that the index has of a rule's tag.
func (p *product) answer(ctx context.Context, key string) (answer, error) {
	if p.ids == nil {
		set, err := library.Load(ctx, p.base.Read())
		if err != nil {
			return answer{}, err
		}
		p.ids = map[string]uint32{}
		for t := range set.Tags() {
			p.ids[t.Key] = t.ID
		}
	}
	id, ok := p.ids[key]
	if !ok {
		return answer{}, fmt.Errorf("the library has no tag %s", key)
	}
	members := p.index.View().Set(id, event.Text("是"))
	var sum oracle.Checksum
	var fold int64
	for customer := range members.All() {
		sum.Add(customer)
		fold += peers.Fold(customer)
	}
	return answer{members.Count(), uint64(sum), fold}, nil
}

// preview counts the customers for whom a condition holds.
func (p *product) preview(ctx context.Context, expression string) (int, error) {
	q, err := tag.Ask(ctx, p.tags, expression, tag.QueryOptions{Now: p.now()})
	if err != nil {
		return 0, err
	}
	defer q.Close()
	return q.Count(ctx)
}
