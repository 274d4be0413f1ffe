package pebble

import (
	"context"
	"fmt"
	"testing"

	pdb "github.com/cockroachdb/pebble/v2"

	"tagma/event"
	"tagma/warehouse"
)

// A history that was written before inventories knew the elements of lists gets to know them when it is opened.
func TestElementsOfAnOldHistory(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	b := &warehouse.Batch{Offset: 9}
	for i := range 3000 {
		e := event.Event{Profile: event.ProfileID(i), Name: "order", Time: event.Time(i), Arrival: uint64(i)}
		switch i {
		case 10:
			e.Props = []event.Property{{Name: "products", Value: event.List(event.Map([]event.Property{{Name: "sku", Value: event.Text("a")}}))}}
		case 2999:
			e.Props = []event.Property{{Name: "products", Value: event.List(event.Map([]event.Property{{Name: "sku", Value: event.Num(event.Int(1))}}), event.Text("x"))}}
		}
		b.Events = append(b.Events, e)
	}
	b.Traits = []event.Trait{{Profile: 1, Name: "hobbies", Value: event.List(event.Text("a"))}}
	if err := s.Append(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	// As it was then: a list, and nothing of what it holds.
	series, list := s.registry.findSeries(seriesName{warehouse.Events, "order"}), s.registry.findProperty("products")
	if err := s.db.Set(seriesKey(metaInventory, series.id), appendKinds(nil, list.id, 1<<event.ListKind), pdb.NoSync); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Delete(elementsKey, pdb.Sync); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = mustOpen(t, dir)
		snap, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		const want = "[{1 order 3000 [{products [list]} {products[] [text]} {products[].sku [number text]}]} {3 hobbies 1 [{\x00value [list]}]}]"
		if got := fmt.Sprint(snap.Series()); got != want {
			t.Errorf("series %q\nwant   %q", got, want)
		}
		snap.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
