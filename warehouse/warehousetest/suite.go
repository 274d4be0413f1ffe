// Package warehousetest holds the tests that every engine of the warehouse passes: they compare it with a history
// that is kept the plain way.
package warehousetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"pgregory.net/rapid"

	"tagma/event"
	"tagma/warehouse"
)

// Run tests an engine. open opens the history in a directory that an earlier open of the same engine may have left;
// it fails the test when that goes wrong. The suite closes what it opens.
func Run(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	t.Run("Random", func(t *testing.T) { random(t, open) })
	t.Run("Offsets", func(t *testing.T) { offsets(t, open) })
	t.Run("Seen", func(t *testing.T) { seen(t, open) })
	t.Run("Loads", func(t *testing.T) { loads(t, open) })
	t.Run("Windows", func(t *testing.T) { windows(t, open) })
	t.Run("Hot", func(t *testing.T) { hot(t, open) })
	t.Run("Dictionaries", func(t *testing.T) { dictionaries(t, open) })
	t.Run("Consents", func(t *testing.T) { consents(t, open) })
	t.Run("Elements", func(t *testing.T) { elements(t, open) })
	t.Run("Profiles", func(t *testing.T) { profiles(t, open) })
	t.Run("Checkpoint", func(t *testing.T) { checkpoint(t, open) })
	t.Run("Resident", func(t *testing.T) { resident(t, open) })
}

// random does random things in random order and compares everything.
func random(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	base := t.TempDir()
	ctx := context.Background()
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := open(t, dir)
		m := newModel()
		g := &generator{Rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))}
		type held struct {
			snap  warehouse.Snapshot
			model *model
		}
		var snaps []held
		defer func() {
			for _, h := range snaps {
				h.snap.Close()
			}
			s.Close()
		}()
		must := func(what string, err error) {
			if err != nil {
				r.Fatalf("%s: %v", what, err)
			}
		}
		release := func() {
			for _, h := range snaps {
				must("held snapshot", h.model.check(h.snap))
				h.snap.Close()
			}
			snaps = nil
		}
		for i := range rapid.IntRange(1, 8).Draw(r, "steps") {
			size := rapid.SampledFrom([]int{1, 4, 30, 300}).Draw(r, "size")
			switch op := rapid.SampledFrom([]string{"append", "append", "append", "load", "reopen", "compact", "snapshot", "replay", "aborted load"}).Draw(r, "op"); op {
			case "append":
				b := g.batch(size)
				b.Offset = m.offset + 1 + g.Uint64N(5)
				must(op, s.Append(ctx, b))
				m.apply(b)
				m.offset = b.Offset
			case "replay":
				b := g.batch(size)
				b.Offset = m.offset - min(m.offset, g.Uint64N(3))
				must(op, s.Append(ctx, b))
			case "load", "aborted load":
				id := fmt.Sprintf("load-%d", i)
				b := g.batch(size)
				must(op, stageLoad(s, id, b))
				if op != "load" {
					must(op, s.DropLoads(func(string) bool { return false }))
					break
				}
				m.offset += 1 + g.Uint64N(5)
				must(op, s.Ingest(ctx, id, m.offset))
				m.apply(b)
			case "reopen":
				release()
				must(op, s.Close())
				s = open(t, dir)
			case "compact":
				must(op, s.Compact(ctx))
			case "snapshot":
				snap, err := s.Snapshot()
				must(op, err)
				snaps = append(snaps, held{snap, m.copied()})
			}
		}
		snap, err := s.Snapshot()
		must("snapshot", err)
		snaps = append(snaps, held{snap, m})
		release()
		must("seen", checkSeen(s, m))
	})
}

// stageLoad stages a batch's records as a load.
func stageLoad(s warehouse.Store, id string, b *warehouse.Batch) error {
	l, err := s.StartLoad(id)
	if err != nil {
		return err
	}
	for _, p := range b.Profiles {
		if err := l.Profile(p); err != nil {
			return err
		}
	}
	for _, i := range b.Identifiers {
		if err := l.Identifier(i); err != nil {
			return err
		}
	}
	for _, e := range b.Events {
		own := e
		own.Props = append([]event.Property(nil), e.Props...)
		if err := l.Event(&own); err != nil {
			return err
		}
		clear(own.Props)
	}
	for _, t := range b.Traits {
		if err := l.Trait(t); err != nil {
			return err
		}
	}
	for _, c := range b.Consents {
		if err := l.Consent(c); err != nil {
			return err
		}
	}
	for _, k := range b.Seen {
		if err := l.Seen(k); err != nil {
			return err
		}
	}
	b.System = nil // loads hold none
	return l.Finish(context.Background())
}

func checkSeen(s warehouse.Store, m *model) error {
	var keys []warehouse.SeenKey
	for k := range m.seen {
		keys = append(keys, k)
	}
	keys = append(keys, warehouse.SeenKey{Partition: 99})
	got, err := s.Seen(keys)
	if err != nil {
		return err
	}
	for i, k := range keys {
		want, ok := m.seen[k]
		if (got[i] != nil) != ok || string(got[i]) != string(want) {
			return fmt.Errorf("seen %v is %q, want %q", k, got[i], want)
		}
	}
	return nil
}

func mustCheck(t *testing.T, s warehouse.Store, m *model) {
	t.Helper()
	snap, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if err := m.check(snap); err != nil {
		t.Fatal(err)
	}
}

func mustAppend(t *testing.T, s warehouse.Store, m *model, b *warehouse.Batch) {
	t.Helper()
	if err := s.Append(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	m.apply(b)
	m.offset = b.Offset
}
