package warehousetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
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
		limit := rapid.SampledFrom([]int64{1, 20_000, 1 << 30}).Draw(r, "limit")
		narrow := warehouse.Request{Series: slices.Clone(request.Series)}
		narrow.Series[0].Columns = []string{"ratio", "mixed"}
		narrow.Series = narrow.Series[:len(narrow.Series)-1]
		held := warehouse.NewResident(request, limit)
		var each []gathering // they gather at once
		for range rapid.IntRange(1, 2).Draw(r, "gatherers") {
			gather, err := held.Gatherer(narrow)
			must(err)
			each = append(each, gathering{gather, &generator{Rand: rand.New(rand.NewPCG(g.Uint64(), 1)), arrival: g.arrival}})
		}
		var snap warehouse.Snapshot
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			b := g.batch(rapid.SampledFrom([]int{1, 4, 30, 300}).Draw(r, "size"))
			if rapid.IntRange(0, 7).Draw(r, "hot") == 0 { // one has very many rows
				for i := range b.Events {
					b.Events[i].Profile, b.Events[i].Name = 7, eventNames[0]
				}
			}
			b.Offset = g.arrival + 1
			must(s.Append(ctx, b))
			next, err := s.Snapshot()
			must(err)
			keep := rapid.Bool().Draw(r, "keep")
			early := rapid.Bool().Draw(r, "early") // blocks are read that have the batch already; others have not
			held.Use(next)
			if keep {
				must(keepAll(held, next, request, g.IntN(16)+1))
			}
			if early {
				_ = each[0].all(next, narrow)
			}
			if snap != nil {
				snap.Close()
			}
			snap = next
			held.Append(b)
			var wg sync.WaitGroup
			errs := make([]error, len(each))
			for k := range each {
				wg.Go(func() {
					for range 3 {
						errs[k] = errors.Join(errs[k], each[k].all(snap, narrow))
					}
					errs[k] = errors.Join(errs[k], each[k].news(b, narrow))
				})
			}
			wg.Wait()
			must(errors.Join(errs...))
			if rapid.IntRange(0, 5).Draw(r, "forget") == 0 {
				held.Forget()
			}
			if bytes := held.Bytes(); bytes < 0 || limit == 1<<30 && bytes > 1<<24 {
				r.Fatalf("%d bytes", bytes)
			}
		}
		held.Use(nil)
		snap.Close()
	})
}

// gathering is somebody who gathers, and what is gathered at random.
type gathering struct {
	gather *warehouse.Gatherer
	*generator
}

// keepAll reads everything, so many blocks at a time, as a run does that wants more, and in another order.
func keepAll(held *warehouse.Resident, snap warehouse.Snapshot, request warehouse.Request, most int) error {
	var wide warehouse.Request
	for _, s := range request.Series {
		s.Columns = append([]string{"elsewhere"}, s.Columns...)
		slices.Reverse(s.Columns)
		s.Arrivals = true
		wide.Series = append(wide.Series, s)
	}
	slices.Reverse(wide.Series)
	blocks := (snap.Profiles() + warehouse.BlockSize - 1) / warehouse.BlockSize
	var wg sync.WaitGroup
	var errs [2]error
	for k := range errs {
		wg.Go(func() {
			reader, err := snap.Reader(wide)
			if err != nil {
				errs[k] = err
				return
			}
			defer reader.Close()
			var b warehouse.Block
			for first := uint32(0); first < blocks; first += uint32(most) {
				if err := reader.Blocks(first, most, &b); err != nil {
					errs[k] = err
					return
				}
				held.Keep(&b, wide, snap.Offset())
			}
		})
	}
	wg.Wait()
	return errors.Join(errs[:]...)
}

// news compares the rows of the events of a batch alone with what they say.
func (g *gathering) news(batch *warehouse.Batch, request warehouse.Request) error {
	theirs := map[event.ProfileID][]*event.Event{}
	var who []event.ProfileID
	for i := range batch.Events {
		e := &batch.Events[i]
		if theirs[e.Profile] == nil {
			who = append(who, e.Profile)
		}
		theirs[e.Profile] = append(theirs[e.Profile], e)
	}
	var lists [][]*event.Event
	for _, p := range who {
		lists = append(lists, theirs[p])
	}
	var got warehouse.Block
	g.gather.Only(who, lists, &got)
	for k, s := range request.Series {
		at, t := 0, &got.Tables[k]
		for i, list := range lists {
			list = slices.DeleteFunc(slices.Clone(list), func(e *event.Event) bool { return s.Kind != warehouse.Events || e.Name != s.Name })
			slices.SortStableFunc(list, func(a, b *event.Event) int { return cmp.Compare(a.Time, b.Time) })
			if int(t.Start[i]) != at || int(t.Start[i+1]) != at+len(list) {
				return fmt.Errorf("news of %d in %q: rows %d to %d, want %d to %d", who[i], s.Name, t.Start[i], t.Start[i+1], at, at+len(list))
			}
			for _, e := range list {
				if t.Times[at] != e.Time || t.Arrivals[at] != e.Arrival || int(t.Owner[at]) != i {
					return fmt.Errorf("news of %d in %q: row %d is of %d", who[i], s.Name, at, t.Arrivals[at])
				}
				for c, name := range s.Columns {
					want := event.Value{}
					for _, prop := range e.Props {
						if prop.Name == name {
							want = prop.Value
						}
					}
					if name == warehouse.SourceColumn && e.Source != "" {
						want = event.Text(e.Source)
					}
					if err := sameValue(valueOf(t.Columns[c], at), want); err != nil {
						return fmt.Errorf("news of %d in %q, column %q: %w", who[i], s.Name, name, err)
					}
				}
				at++
			}
		}
	}
	return nil
}

func sameValue(got, want event.Value) error {
	if got.Kind() != want.Kind() || got.Present() && !got.Equal(want) {
		return fmt.Errorf("%v, want %v", got, want)
	}
	return nil
}

// all gathers some profiles and compares.
func (g *gathering) all(snap warehouse.Snapshot, request warehouse.Request) error {
	var who []event.ProfileID
	for range 1 + g.IntN(12) {
		if p := g.profile(); uint32(p) < snap.Profiles() && !slices.Contains(who, p) {
			who = append(who, p)
		}
	}
	wanted := make([]warehouse.Rows, len(request.Series))
	for i, s := range request.Series {
		wanted[i] = warehouse.Rows{From: event.Always, Now: g.time(), None: g.IntN(20) == 0}
		if s.Kind == warehouse.Events {
			wanted[i].Ends = g.IntN(3) == 0
			if g.IntN(2) == 0 {
				wanted[i].From = g.time()
			}
		}
	}
	var got, want warehouse.Block
	if err := g.gather.Gather(who, wanted, &got); err != nil {
		return err
	}
	reader, err := snap.Reader(request)
	if err != nil {
		return err
	}
	defer reader.Close()
	for i, c := range who {
		if err := reader.Profile(c, &want); err != nil {
			return err
		}
		for k := range request.Series {
			if t := &got.Tables[k]; wanted[k].None {
				if t.Start[i] != t.Start[i+1] {
					return fmt.Errorf("profile %d, series %q: there are rows", c, request.Series[k].Name)
				}
				continue
			}
			if err := sameRows(&got.Tables[k], i, &want.Tables[k], wanted[k]); err != nil {
				return fmt.Errorf("profile %d, series %q: %w", c, request.Series[k].Name, err)
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
			if err := sameValue(valueOf(got.Columns[c], at), valueOf(want.Columns[c], k)); err != nil {
				return fmt.Errorf("row %d, column %d: %w", n, c, err)
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
