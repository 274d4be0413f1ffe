package warehousetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"tagma/errs"
	"tagma/warehouse"
)

// checkpoint: what was appended without waiting for the disk, ingested and staged is in a checkpoint; what comes later,
// or was not finished, is not, and nothing can come in between it and what is looked at with it.
func checkpoint(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	ctx := context.Background()
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "history"))
	defer func() { s.Close() }()
	m := newModel()
	g := &generator{Rand: rand.New(rand.NewPCG(5, 7))}
	mustAppend(t, s, m, withOffset(g.batch(300), 1))
	ingested, staged := g.batch(300), g.batch(300)
	if err := stageLoad(s, "in", ingested); err != nil {
		t.Fatal(err)
	}
	if err := s.Ingest(ctx, "in", 2); err != nil {
		t.Fatal(err)
	}
	m.apply(ingested)
	mustAppend(t, s, m, withOffset(g.batch(100), 3))
	if err := stageLoad(s, "staged", staged); err != nil {
		t.Fatal(err)
	}
	half, err := s.StartLoad("half")
	if err != nil {
		t.Fatal(err)
	}
	defer half.Abort()

	appended := make(chan error)
	later := withOffset(g.batch(100), 4)
	to := filepath.Join(dir, "checkpoint")
	err = s.Checkpoint(to, func() error {
		go func() { appended <- s.Append(ctx, later) }()
		if at := s.Offset(); at != 3 {
			t.Errorf("it is made at %d", at)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	old := m.copied()
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	m.apply(later)
	m.offset = later.Offset
	if err := s.Ingest(ctx, "staged", 5); err != nil { // its files go away here, and stay there
		t.Fatal(err)
	}
	m.apply(staged)
	m.offset = 5
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	mustCheck(t, s, m)

	copied := open(t, to)
	defer func() { copied.Close() }()
	mustCheck(t, copied, old)
	if err := copied.Ingest(ctx, "half", 9); !errs.Is(err, errs.NotFound) {
		t.Errorf("a load that was not finished: %v", err)
	}
	if err := copied.Ingest(ctx, "staged", 9); err != nil {
		t.Fatal(err)
	}
	old.apply(staged)
	old.offset = 9
	mustCheck(t, copied, old)

	failure := errors.New("no")
	again := filepath.Join(dir, "again")
	if err := s.Checkpoint(again, func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(again); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a checkpoint that failed leaves something: %v", err)
	}
	mustCheck(t, s, m)
}
