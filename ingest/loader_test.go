package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/warehouse"
)

func seenKeys(b *Block) []warehouse.SeenKey {
	var keys []warehouse.SeenKey
	for _, s := range b.Seen {
		keys = append(keys, s.Key)
	}
	return keys
}

func identifierOf(p event.ProfileID, value string) event.Identifier {
	return event.Identifier{Profile: p, Kind: "user_id", Value: value}
}

func TestLoader(t *testing.T) {
	d := newDeps(t)
	l, err := NewLoader(context.Background(), d, "gen")
	if err != nil {
		t.Fatal(err)
	}
	const customers, each = 3000, 5
	var events []Event
	for round := range 2 {
		for i := range customers {
			events = events[:0]
			for k := range each {
				events = append(events, Event{Name: "view", Time: event.Time(1000*i + k), Props: []event.Property{
					{Name: "n", Value: event.Num(event.Int(int64(k)))}, {Name: "a", Value: event.Text("x")}}})
			}
			r := Record{Identifiers: []identity.Key{{Kind: "user_id", Value: fmt.Sprint(i)}}, Events: events}
			if round == 0 {
				r.Traits = []Trait{{Name: "city", Time: event.Time(1000*i - 1), Value: event.Text("上海")}}
			}
			if err := l.Add(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	counts, err := l.Close()
	if want := (Counts{customers, customers, customers, 2 * customers * each, 0}); err != nil || counts != want {
		t.Fatalf("%+v, %v", counts, err)
	}
	got := dump(t, d.Store)
	if n := len(grep(got, "1 view of ")); n != 2*customers*each {
		t.Errorf("%d events", n)
	}
	if lines := grep(got, "1 view of 2999 at 1970-01-01T00:49:59.004Z "); len(lines) != 2 || !strings.HasSuffix(lines[0], `source="gen" a="x" n=4`) {
		t.Errorf("%q", lines)
	}
	if lines := grep(got, "profile 2999 "); len(lines) != 1 || !strings.Contains(lines[0], "FirstSeen:1970-01-01T00:49:58.999Z") || !strings.Contains(lines[0], "Person:true") {
		t.Errorf("%q", lines)
	}
	end, err := d.Log.End(context.Background(), d.DB.Read())
	if err != nil || end != counts.Records() || d.Store.Offset() != end {
		t.Errorf("the log ends at %d, the history is at %d: %v", end, d.Store.Offset(), err)
	}
}

func TestLoaderRefuses(t *testing.T) {
	d := newDeps(t)
	ctx := context.Background()
	if _, err := NewLoader(ctx, d, ""); !errs.Is(err, errs.Invalid) {
		t.Errorf("no source: %v", err)
	}
	l, err := NewLoader(ctx, d, "gen")
	if err != nil {
		t.Fatal(err)
	}
	key := func(kind, value string) identity.Key { return identity.Key{Kind: kind, Value: value} }
	if err := l.Add(Record{}); !errs.Is(err, errs.Invalid) {
		t.Errorf("no identifier: %v", err)
	}
	if err := l.Add(Record{Identifiers: []identity.Key{key("user_id", strings.Repeat("x", 600))}}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a long identifier: %v", err)
	}
	for _, keys := range [][]identity.Key{{key("user_id", "1")}, {key("phone", "2")}, {key("user_id", "1"), key("phone", "2")}} {
		if err := l.Add(Record{Identifiers: keys}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Close(); !errs.Is(err, errs.Conflict) {
		t.Errorf("two customers in one: %v", err)
	}
	if d.Store.Offset() != 0 {
		t.Error("something was taken")
	}
	l, err = NewLoader(ctx, d, "gen")
	if err != nil {
		t.Fatal(err)
	}
	if counts, err := l.Close(); err != nil || counts != (Counts{}) {
		t.Errorf("nothing at all: %+v, %v", counts, err)
	}
}

// BenchmarkLoader loads a million events of 50,000 customers, each time into an empty directory.
func BenchmarkLoader(b *testing.B) {
	const customers, each = 50_000, 20
	total := 0
	for b.Loop() {
		b.StopTimer()
		d, closeAll := openDir(b, b.TempDir())
		b.StartTimer()
		l, err := NewLoader(context.Background(), d, "gen")
		if err != nil {
			b.Fatal(err)
		}
		names := []string{"view", "cart", "buy", "fav"}
		brands := make([]event.Value, 100)
		for i := range brands {
			brands[i] = event.Text(fmt.Sprint("brand", i))
		}
		events, props := make([]Event, 0, each), make([]event.Property, 0, 3*each)
		keys := make([]identity.Key, 1)
		for i := range customers {
			events, props = events[:0], props[:0]
			for k := range each {
				props = append(props, event.Property{Name: "amount", Value: event.Num(event.Scaled(int64(i*k%99999), 2))},
					event.Property{Name: "brand", Value: brands[(i*7+k)%100]}, event.Property{Name: "qty", Value: event.Num(event.Int(int64(k % 5)))})
				events = append(events, Event{Name: names[(i+k)%4], Time: event.Time(1_600_000_000_000 + int64(i*k)*10_000), Props: props[len(props)-3:]})
			}
			keys[0] = identity.Key{Kind: "user_id", Value: fmt.Sprint(i)}
			if err := l.Add(Record{Identifiers: keys, Events: events}); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := l.Close(); err != nil {
			b.Fatal(err)
		}
		total += customers * each
		b.StopTimer()
		closeAll()
		b.StartTimer()
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "events/s")
}
