package warehousetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tagma/event"
	"tagma/warehouse"
)

// resident appends at random and compares what a Resident gathers with what is read of each profile.
func resident(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	base, ctx := t.TempDir(), context.Background()
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := open(t, dir)
		defer s.Close()
		g := &generator{Rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))}
		must := func(err error) {
			if err != nil {
				r.Fatal(err)
			}
		}
		var request warehouse.Request
		for _, name := range eventNames {
			request.Series = append(request.Series, warehouse.SeriesRequest{Kind: warehouse.Events, Name: name, Columns: append([]string{warehouse.SourceColumn}, properties...), Arrivals: true})
		}
		for _, name := range traitNames {
			request.Series = append(request.Series, warehouse.SeriesRequest{Kind: warehouse.Traits, Name: name, Columns: []string{warehouse.ValueColumn}})
		}
		for _, name := range idKinds {
			request.Series = append(request.Series, warehouse.SeriesRequest{Kind: warehouse.Identifiers, Name: name, Columns: []string{warehouse.ValueColumn}})
		}
		held := warehouse.NewResident(request, rapid.SampledFrom([]int64{1, 20_000, 1 << 30}).Draw(r, "limit"))
		narrow := warehouse.Request{Series: slices.Clone(request.Series)}
		narrow.Series[0].Columns = []string{"ratio", "mixed"}
		narrow.Series = narrow.Series[:len(narrow.Series)-1]
		gather, err := held.Gatherer(narrow)
		must(err)
		var snap warehouse.Snapshot
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			b := g.batch(rapid.SampledFrom([]int{1, 4, 30, 300}).Draw(r, "size"))
			b.Offset = g.arrival + 1
			must(s.Append(ctx, b))
			next, err := s.Snapshot()
			must(err)
			held.Use(next)
			if snap != nil {
				snap.Close()
			}
			snap = next
			if rapid.Bool().Draw(r, "early") { // blocks are read that have the batch already; others have not
				_ = gatherAll(g, gather, snap, narrow)
			}
			held.Append(b)
			must(gatherAll(g, gather, snap, narrow))
			if rapid.IntRange(0, 5).Draw(r, "forget") == 0 {
				held.Forget()
			}
		}
		held.Use(nil)
		snap.Close()
	})
}

// gatherAll gathers some profiles and compares.
func gatherAll(g *generator, gather *warehouse.Gatherer, snap warehouse.Snapshot, request warehouse.Request) error {
	var who []event.ProfileID
	for range 1 + g.IntN(12) {
		if p := g.profile(); uint32(p) < snap.Profiles() && !slices.Contains(who, p) {
			who = append(who, p)
		}
	}
	wanted := make([]warehouse.Rows, len(request.Series))
	for i, s := range request.Series {
		wanted[i] = warehouse.Rows{From: event.Always, Now: g.time()}
		if s.Kind == warehouse.Events {
			wanted[i].Ends = g.IntN(3) == 0
			if g.IntN(2) == 0 {
				wanted[i].From = g.time()
			}
		}
	}
	var got, want warehouse.Block
	if err := gather.Gather(who, wanted, &got); err != nil {
		return err
	}
	reader, err := snap.Reader(request)
	if err != nil {
		return err
	}
	defer reader.Close()
	for i, p := range who {
		if err := reader.Profile(p, &want); err != nil {
			return err
		}
		for k := range request.Series {
			if err := sameRows(&got.Tables[k], i, &want.Tables[k], wanted[k]); err != nil {
				return fmt.Errorf("profile %d, series %q: %w", p, request.Series[k].Name, err)
			}
		}
	}
	return nil
}

// sameRows compares the rows of profile i of a table with those of a table of one profile that are wanted.
func sameRows(got *warehouse.Table, i int, want *warehouse.Table, wanted warehouse.Rows) error {
	var rows []int
	last := -1 // the last that is not later than now
	for k := range want.Rows() {
		if want.Times[k] >= wanted.From {
			rows = append(rows, k)
			if want.Times[k] <= wanted.Now {
				last = k
			}
		}
	}
	first, end := int(got.Start[i]), int(got.Start[i+1])
	if wanted.Ends { // those that must be there, and perhaps others
		at, must := first, rows
		rows = nil
		for n, k := range must {
			if n > 0 && k < last {
				continue
			}
			for at < end && got.Arrivals[at] != want.Arrivals[k] {
				at++
			}
			if at == end {
				return fmt.Errorf("row %d of %d is not there", n, len(must))
			}
		}
		for k := range want.Rows() {
			if n := len(rows); first+n < end && got.Arrivals[first+n] == want.Arrivals[k] {
				rows = append(rows, k)
			}
		}
	}
	if end-first != len(rows) {
		return fmt.Errorf("%d rows, want %d", end-first, len(rows))
	}
	for n, k := range rows {
		at := first + n
		if got.Times[at] != want.Times[k] || int(got.Owner[at]) != i {
			return fmt.Errorf("row %d is of %d and profile %d, want %d and %d", n, got.Times[at], got.Owner[at], want.Times[k], i)
		}
		if got.Arrivals != nil && got.Arrivals[at] != want.Arrivals[k] {
			return fmt.Errorf("row %d arrived as %d, want %d", n, got.Arrivals[at], want.Arrivals[k])
		}
		for c := range want.Columns {
			for _, part := range got.Columns[c] {
				if part.Nums != nil && part.Ints != nil {
					return fmt.Errorf("column %d has its numbers twice", c)
				}
			}
			a, b := valueOf(got.Columns[c], at), valueOf(want.Columns[c], k)
			if a.Kind() != b.Kind() || a.Present() && !a.Equal(b) {
				return fmt.Errorf("row %d, column %d: %v, want %v", n, c, a, b)
			}
		}
	}
	return nil
}

// valueOf is the value of a row, whatever kind it has.
func valueOf(parts []event.Column, row int) event.Value {
	for p := range parts {
		if parts[p].Present(row) {
			return parts[p].Value(row)
		}
	}
	return event.Value{}
}
