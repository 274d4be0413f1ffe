package ingest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
)

// lines wants each line to be in a dump once, and none that contains a text of absent.
func lines(t *testing.T, dump string, there []string, absent ...string) {
	t.Helper()
	for _, line := range there {
		if n := len(grep(dump, line)); n != 1 {
			t.Errorf("%d times there: %s", n, line)
		}
	}
	for _, line := range absent {
		if len(grep(dump, line)) > 0 {
			t.Errorf("it is there: %s", line)
		}
	}
	if t.Failed() {
		t.Log(dump)
	}
}

func TestConsents(t *testing.T) {
	d := newDeps(t)
	m := mapped(t, d, "m.yaml", `
source: crm
traits_time: {from: changed, layout: date}
rows:
  identify: {user_id: id}
  traits: {city: City}
  consents:
    sms: {from: AllowSms, as: bool}
    email: '=row.Mail == "Y"'
    post: Post
`)
	file := write(t, t.TempDir(), "a.csv", `id,changed,City,AllowSms,Mail,Post
1,2026-01-02,上海,yes,Y,同意
2,2026-01-03,,,N,拒绝
3,,,0,Y,不同意
4,2026-01-03,,maybe,Y,
`)
	r := importFiles(t, d, m, file)
	if len(r.Reasons) != 1 || r.Reasons[0].Text != "column AllowSms: not true or false" {
		t.Errorf("reasons %+v", r.Reasons)
	}
	r.Reasons = nil
	if want := (Report{Rows: 4, Accepted: 3, Refused: 1, Traits: 1, Consents: 8, NewCustomers: 3, Identifiers: 3}); !reflect.DeepEqual(r, want) {
		t.Errorf("report %+v\nwant   %+v", r, want)
	}
	got := dump(t, d.Store)
	lines(t, got, []string{
		`5 sms of 0 at 2026-01-01T16:00:00Z #3 value=true`, `5 email of 0 at 2026-01-01T16:00:00Z #4 value=true`, `5 post of 0 at 2026-01-01T16:00:00Z #5 value=true`,
		`5 email of 1 at 2026-01-02T16:00:00Z #8 value=false`, `5 post of 1 at 2026-01-02T16:00:00Z #9 value=false`,
		`5 sms of 2 at always`, `5 email of 2 at always #13 value=true`, `5 post of 2 at always #14 value=false`,
		`profile 0 {Known:true FirstSeen:2026-01-01T16:00:00Z Untimed:false`, `profile 2 {Known:true FirstSeen:292278994-08-17T07:12:55.807Z Untimed:true`, `offset 15, 3 profiles`,
	}, `5 sms of 1 `) // an empty cell says nothing
	if r = importFiles(t, d, m, file); r.Accepted != 0 || r.Duplicate != 3 || dump(t, d.Store) != got {
		t.Errorf("the second time: %+v", r)
	}

	// A mapping that gets a consent takes only that, at the time of consents.
	more := mapped(t, d, "m.yaml", `
source: crm
traits_time: {from: changed, layout: date}
consents_time: '="2026-05-01"'
rows:
  identify: {user_id: id}
  traits: {city: City}
  consents: {sms: AllowSms, city: {from: Mail, as: bool}}
`)
	if r = importFiles(t, d, more, file); r.Accepted != 3 || r.Consents != 3 || r.Traits != 0 || r.Refused != 1 {
		t.Errorf("a consent more: %+v", r)
	}
	lines(t, dump(t, d.Store), []string{`5 city of 0 at 2026-04-30T16:00:00Z #15 value=true`, `3 city of 0 at 2026-01-01T16:00:00Z #2 value="上海"`})
}

func TestConsentFaults(t *testing.T) {
	_, err := ParseMapping("m.yaml", []byte("consents_time: {from: a, as: number}\nrows:\n  identify: {user_id: id}\n  consents: {sms: {from: S, as: number}, \"\": x}\n"), shanghai(t))
	const want = "the mapping cannot be used\n  m.yaml:1: consents_time: a time cannot be read as number; leave as out\n" +
		"  m.yaml:4: rows: consents: sms: a consent is a bool, it cannot be read as number; leave as out\n  m.yaml:4: rows: consents: : a name is empty"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// null in JSON lines removes a trait, an absent name says nothing; a row counts as taken in either form.
func TestNullRemovesATrait(t *testing.T) {
	d := newDeps(t)
	dir := t.TempDir()
	m := mapped(t, d, "m.yaml", `
source: crm
traits_time: {from: at, layout: date}
rows:
  identify: {user_id: id}
  traits: {city: address.city, level: {from: level, as: number}, loud: '=row.city'}
  consents: {sms: sms}
`)
	file := write(t, dir, "a.jsonl", `{"id":"1","at":"2026-01-01","address":{"city":"上海"},"level":3,"sms":true}
{"id":"1","at":"2026-01-02","address":{},"level":null,"sms":null}
{"id":"1","at":"2026-01-03","address":{"city":null}}
{"id":"1","at":"2026-01-04","address":null}
{"id":"2","at":"2026-01-05","address":{"city":null}}
`)
	r := importFiles(t, d, m, file)
	if r.Accepted != 5 || r.Traits != 5 || r.Consents != 1 || r.NewCustomers != 2 {
		t.Errorf("%+v", r)
	}
	got := dump(t, d.Store)
	lines(t, got, []string{
		`3 city of 0 at 2025-12-31T16:00:00Z #2 value="上海"`, `3 level of 0 at 2025-12-31T16:00:00Z #3 value=3`, `5 sms of 0 at 2025-12-31T16:00:00Z #4 value=true`,
		`3 level of 0 at 2026-01-01T16:00:00Z #5`, `3 city of 0 at 2026-01-02T16:00:00Z #6`, `3 city of 1 at 2026-01-04T16:00:00Z #9`,
		`profile 1 {Known:true FirstSeen:2026-01-04T16:00:00Z`, `offset 10, 2 profiles`,
	}, "loud")
	if r = importFiles(t, d, m, file); r.Accepted != 0 || r.Duplicate != 5 || dump(t, d.Store) != got {
		t.Errorf("the second time: %+v", r)
	}
	// The third row without its null is that row: nothing new. With another null it removes only what it did not so far.
	again := write(t, dir, "b.jsonl", `{"id":"1","at":"2026-01-03","address":{}}`+"\n")
	if r = importFiles(t, d, m, again); r.Duplicate != 1 || r.Traits != 0 {
		t.Errorf("without null: %+v", r)
	}
	again = write(t, dir, "c.jsonl", `{"id":"1","at":"2026-01-03","address":{"city":null},"level":null}`+"\n")
	if r = importFiles(t, d, m, again); r.Accepted != 1 || r.Traits != 1 {
		t.Errorf("with another null: %+v", r)
	}
	lines(t, dump(t, d.Store), []string{`3 level of 0 at 2026-01-02T16:00:00Z #10`})

	// In a text file an empty cell says nothing.
	csv := write(t, dir, "d.csv", "id,at,level\n1,2026-02-01,\n")
	m = mapped(t, d, "m.yaml", "source: csv\nrows: {identify: {user_id: id}, traits: {level: level}}")
	if r = importFiles(t, d, m, csv); r.Traits != 0 || r.Accepted != 1 {
		t.Errorf("an empty cell: %+v", r)
	}
}

// Lists of objects come in as they are and are read back as they were; what lies too deep is refused.
func TestNestedLists(t *testing.T) {
	d := newDeps(t)
	deep := strings.Repeat(`[`, 70) + strings.Repeat(`]`, 70)
	file := write(t, t.TempDir(), "a.jsonl", `{"id":1,"at":"2026-01-01","products":[{"sku":"A","price":12.50,"brand":{"name":"茶","since":1999},"tags":["x",{"y":[1,{"z":true}]}]},{"sku":7,"gone":null},"loose"],"n":[1,2]}
{"id":1,"at":"2026-01-02","products":[[{"sku":"B"}],{},null]}
{"id":1,"at":"2026-01-03","products":[{"deep":`+deep+`}]}
`)
	m := mapped(t, d, "m.yaml", `
source: s
rows:
  identify: {user_id: id}
  events: [{name: order, time: at, properties: {products: products, n: n}}]
`)
	r := importFiles(t, d, m, file)
	if r.Accepted != 2 || r.Refused != 1 || r.Reasons[0].Text != "not a JSON object" {
		t.Errorf("%+v", r)
	}
	lines(t, dump(t, d.Store), []string{
		`n=[1, 2] products=[{"brand":{"name":"茶","since":1999},"price":12.5,"sku":"A","tags":["x",{"y":[1,{"z":true}]}]}, {"sku":7}, "loose"]`,
		`products=[[{"sku":"B"}], {}]`,
	})
	snap, err := d.Store.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	const want = "[{n [list]} {n[] [number]} {products [list]} {products[] [text list]} {products[].brand.name [text]} {products[].brand.since [number]} " +
		"{products[].price [number]} {products[].sku [number text]} {products[].tags [list]}]"
	if got := fmt.Sprint(snap.Series()[0].Properties); got != want {
		t.Errorf("properties %s\nwant       %s", got, want)
	}
}

// What is accepted now is one entry of the log that holds it, and is in the history when Accept returns.
func TestAccept(t *testing.T) {
	d := newDeps(t)
	ctx := context.Background()
	key := func(kind, value string) []identity.Key { return []identity.Key{{Kind: kind, Value: value}} }
	counts, err := Accept(ctx, d, "till",
		Record{Identifiers: key("user_id", "1"), Traits: []Trait{{Name: "city", Time: 50, Value: event.Text("上海")}},
			Events: []Event{{Name: "buy", Time: 60, Props: []event.Property{{Name: "n", Value: event.Num(event.Int(2))}, {Name: "a", Value: event.Bool(true)}}}, {Name: "see", Time: 40, Source: "web"}}},
		Record{Identifiers: key("device_id", "x"), Consents: []Trait{{Name: "sms", Time: event.Always, Value: event.Bool(true)}}})
	if want := (Counts{Profiles: 2, Identifiers: 2, Traits: 1, Events: 2, Consents: 1}); err != nil || counts != want {
		t.Fatalf("%+v, %v", counts, err)
	}
	counts, err = Accept(ctx, d, "", Record{Identifiers: key("user_id", "1"), Known: true, Consents: []Trait{{Name: "sms", Time: 70, Value: event.Bool(false)}, {Name: "sms", Time: 80}}})
	if want := (Counts{Consents: 2}); err != nil || counts != want {
		t.Fatalf("%+v, %v", counts, err)
	}
	got := dump(t, d.Store)
	lines(t, got, []string{
		`offset 10, 2 profiles`, `1 buy of 0 at 1970-01-01T00:00:00.060Z #6 source="till" a=true n=2`, `1 see of 0 at 1970-01-01T00:00:00.040Z #7 source="web"`,
		`3 city of 0 at 1970-01-01T00:00:00.050Z #4`, `5 sms of 1 at always #5 value=true`, `5 sms of 0 at 1970-01-01T00:00:00.070Z #8 value=false`,
		`profile 0 {Known:true FirstSeen:1970-01-01T00:00:00.040Z Untimed:false Entity:0 Person:true}`, `profile 1 {Known:true FirstSeen:292278994-08-17T07:12:55.807Z Untimed:true Entity:0 Person:false}`,
	})
	entries, err := d.Log.Read(ctx, 0, 1<<20)
	if err != nil || len(entries) != 2 || entries[0].Count != 8 || !entries[0].Live || entries[0].Kind != EntryBlock {
		t.Errorf("entries %+v, %v", entries, err)
	}
	// The reader counts on being given entries again after a crash: applied twice, they count once.
	for i := range entries {
		if err := apply(ctx, d.Store, entries[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if dump(t, d.Store) != got {
		t.Error("entries that were applied twice count twice")
	}

	for _, c := range []struct {
		name string
		kind errs.Kind
		want string
		r    Record
	}{
		{"nobody", errs.NotFound, "there is no customer user_id:2", Record{Identifiers: key("user_id", "2"), Known: true}},
		{"two", errs.Conflict, "identifies two customers", Record{Identifiers: append(key("user_id", "1"), key("phone", "9")...)}},
		{"no identifier", errs.Invalid, "no identifier", Record{}},
		{"no source", errs.Invalid, "the event buy of user_id:1 has no source", Record{Identifiers: key("user_id", "1"), Events: []Event{{Name: "buy"}}}},
		{"a text", errs.Invalid, `the consent sms of user_id:1 is "yes"`, Record{Identifiers: key("user_id", "1"), Consents: []Trait{{Name: "sms", Value: event.Text("yes")}}}},
		{"no name", errs.Invalid, "a name is empty", Record{Identifiers: key("user_id", "1"), Consents: []Trait{{Value: event.Bool(true)}}}},
	} {
		if c.name == "two" {
			if _, err := Accept(ctx, d, "", Record{Identifiers: key("phone", "9")}); err != nil {
				t.Fatal(err)
			}
			got = dump(t, d.Store)
		}
		good := Record{Identifiers: key("user_id", "1"), Consents: []Trait{{Name: "email", Value: event.Bool(true)}}}
		if _, err := Accept(ctx, d, "", good, c.r); !errs.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if dump(t, d.Store) != got {
			t.Errorf("%s: a part was taken", c.name)
		}
	}
}
