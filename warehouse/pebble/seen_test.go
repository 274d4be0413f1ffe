package pebble

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"tagma/warehouse"
)

func seenOf(n int) warehouse.Seen {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	return warehouse.Seen{Key: warehouse.SeenKey{Partition: uint32(n % 3), Hash: [16]byte(sum[:])}, Value: []byte{}}
}

// With the filter, looking up tells the same: for what was there before it, what came while it was filled, what came after
// and what a bulk load brought.
func TestSeenWithFilter(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	offset, next := uint64(0), 0
	add := func(n int) {
		t.Helper()
		b := &warehouse.Batch{}
		for range n {
			b.Seen = append(b.Seen, seenOf(next))
			next++
		}
		offset++
		b.Offset = offset
		if err := s.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		var keys []warehouse.SeenKey
		for n := range next + 2000 {
			keys = append(keys, seenOf(n).Key)
		}
		got, err := s.Seen(keys)
		if err != nil {
			t.Fatal(err)
		}
		for n := range got {
			if (got[n] != nil) != (n < next) {
				t.Fatalf("%s: key %d of %d: %v", when, n, next, got[n])
			}
		}
	}
	add(5000)
	check("without it")
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.WarmSeen(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	check("stopped")
	turn := s.seen.begin()
	add(500) // while it is filled
	s.seen.end(turn, false)
	check("given up")
	if err := s.WarmSeen(ctx); err != nil {
		t.Fatal(err)
	}
	check("filled")
	add(700)
	check("with more")
	if s.seen.state != seenReady || s.seen.layers[0].room != seenFirst-next {
		t.Errorf("it is in state %d", s.seen.state)
	}
	l, err := s.StartLoad("load-1")
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if err := l.Seen(seenOf(next)); err != nil {
			t.Fatal(err)
		}
		next++
	}
	if err := l.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	turn = s.seen.begin() // it is there: nothing to do
	offset++
	if err := s.Ingest(ctx, "load-1", offset); err != nil || turn != 0 {
		t.Fatal(turn, err)
	}
	check("after a load")
	if err := s.WarmSeen(ctx); err != nil {
		t.Fatal(err)
	}
	check("filled again")
}

// The filter says of few keys that they were perhaps seen which were not, also when it has grown, and gives up when it is
// too large.
func TestSeenFilterGrows(t *testing.T) {
	var f seenFilter
	f.begin()
	key := func(n int) warehouse.SeenKey {
		k := warehouse.SeenKey{}
		x := uint64(n) * 0x9e3779b97f4a7c15
		x ^= x >> 29
		binary.LittleEndian.PutUint64(k.Hash[:], x*0xbf58476d1ce4e5b9)
		x ^= x >> 32
		binary.LittleEndian.PutUint64(k.Hash[8:], x*0x94d049bb133111eb)
		return k
	}
	const n = seenFirst + 100_000
	for i := range n {
		f.add(key(i))
	}
	f.end(1, true)
	if len(f.layers) != 2 {
		t.Fatalf("%d layers", len(f.layers))
	}
	var keys []warehouse.SeenKey
	for i := range 100_000 {
		keys = append(keys, key(i*7), key(n+i))
	}
	wrong := 0
	for i, p := range f.perhaps(keys) {
		if i%2 == 0 && i/2*7 < n && !p {
			t.Fatalf("key %d is not there", i/2*7)
		}
		if i%2 == 1 && p {
			wrong++
		}
	}
	if wrong > 1000 {
		t.Errorf("%d of 100,000 keys are taken for seen", wrong)
	}
	f.layers = append(f.layers, make([]seenLayer, 6)...)
	f.add(key(-1))
	if f.state != seenTooLarge || f.layers != nil || f.perhaps(keys) != nil {
		t.Error("it has no bound")
	}
}
