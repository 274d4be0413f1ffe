package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"tagma/errs"
	"tagma/identity"
	"tagma/warehouse"
)

const shopMapping = `
source: shop
timezone: Europe/London
rows:
  skip: '!has(row.customer)'
  identify: {user_id: customer, phone: phone}
  traits:
    country: country
    age: {from: age, as: number}
  events:
    - name: order_line
      when: '!row.invoice.startsWith("C")'
      time: {from: date, layout: 'yyyy-MM-dd HH:mm:ss'}
      properties: {sku: sku, quantity: {from: quantity, as: number}, "context.campaign.term": term}
`

const shopHead = "invoice,sku,quantity,date,customer,phone,country,age,term\n"

const shopRows = `1,A,2,2020-07-01 10:00:00,17,138,UK,30,tea
1,B,0.50,2020-07-01 10:00:00,17,138,UK,30,
1,B,0.50,2020-07-01 10:00:00,17,138,UK,30,
2,A,1,2020-07-02 11:00:00,,,UK,,
C3,A,1,2020-07-03 12:00:00,18,,FR,,
4,A,x,2020-07-03 12:00:00,19,,FR,,
5,A,1,yesterday,19,,FR,old,
6,A,1,2020-07-04 12:00:00,18,138,FR,,
7,A,1
8,A,1,2020-07-05 12:00:00,18,,,,
`

func TestImport(t *testing.T) {
	d := newDeps(t)
	dir := t.TempDir()
	m := mapped(t, d, "m.yaml", shopMapping)
	file := write(t, dir, "a.csv", shopHead+shopRows)
	var rejects strings.Builder
	r, err := Import(context.Background(), d, m, []string{file}, Options{Rejects: &rejects})
	if err != nil {
		t.Fatal(err)
	}
	reasons := r.Reasons
	r.Reasons = nil
	if want := (Report{Rows: 10, Accepted: 5, Refused: 4, Skipped: 1, Events: 4, Traits: 3, NewCustomers: 2, Identifiers: 3, Conflicts: 1}); !reflect.DeepEqual(r, want) {
		t.Errorf("report %+v\nwant   %+v", r, want)
	}
	if len(reasons) != 4 || reasons[0].Count != 1 {
		t.Errorf("reasons %+v", reasons)
	}
	const head = "file,line,reason,invoice,sku,quantity,date,customer,phone,country,age,term\n"
	want := head + strings.ReplaceAll(`F,7,"column quantity: ""x"": not a number",4,A,x,2020-07-03 12:00:00,19,,FR,,
F,8,"column age: ""old"": not a number; column date: ""yesterday"": not a time of the form yyyy-MM-dd HH:mm:ss",5,A,1,yesterday,19,,FR,old,
F,9,"the row identifies two customers (user_id:18, phone:138)",6,A,1,2020-07-04 12:00:00,18,138,FR,,
F,10,"the row has 3 cells, but there are 9 columns",7,A,1
`, "F,", file+",")
	if got := rejects.String(); got != want {
		t.Errorf("rejects\n%s\nwant\n%s", got, want)
	}
	got := dump(t, d.Store)
	for _, line := range []string{
		`1 order_line of 0 at 2020-07-01T09:00:00Z #5 source="shop" context.campaign.term="tea" quantity=2 sku="A"`,
		`1 order_line of 0 at 2020-07-01T09:00:00Z #6 source="shop" quantity=0.5 sku="B"`,
		`1 order_line of 0 at 2020-07-01T09:00:00Z #7 source="shop" quantity=0.5 sku="B"`,
		`1 order_line of 1 at 2020-07-05T11:00:00Z #11 source="shop" quantity=1 sku="A"`,
		`3 country of 0 at always #3 value="UK"`,
		`3 age of 0 at always #4 value=30`,
		`3 country of 1 at always #10 value="FR"`,
		`4 user_id of 0 value="17"`,
		`4 phone of 0 value="138"`,
		`4 user_id of 1 value="18"`,
		`offset 12, 2 profiles`,
	} {
		if len(grep(got, line)) != 1 {
			t.Errorf("not there once: %s", line)
		}
	}
	if t.Failed() {
		t.Log(got)
	}

	// Again: nothing new.
	r = importFiles(t, d, m, file)
	if r.Accepted != 0 || r.Duplicate != 5 || r.Refused != 4 || r.Events != 0 || dump(t, d.Store) != got {
		t.Errorf("the second time: %+v", r)
	}
	// Renamed, and with more rows: only those.
	longer := write(t, dir, "b.csv", shopHead+shopRows+"9,A,1,2020-07-06 12:00:00,18,,FR,,\n1,B,0.50,2020-07-01 10:00:00,17,138,UK,30,\n")
	if r = importFiles(t, d, m, longer); r.Accepted != 2 || r.Events != 2 || r.Duplicate != 5 {
		t.Errorf("the longer file: %+v", r)
	}
	// Another source is other rows.
	if r = importFiles(t, d, mapped(t, d, "m.yaml", strings.Replace(shopMapping, "source: shop", "source: web", 1)), file); r.Accepted != 5 || r.NewCustomers != 0 {
		t.Errorf("another source: %+v", r)
	}
	var state, report string
	if err := d.DB.Read().QueryRowContext(context.Background(), "SELECT state, report FROM imports WHERE id = 2").Scan(&state, &report); err != nil || state != "finished" || !strings.Contains(report, `"duplicate":5`) {
		t.Errorf("the table imports: %s %s %v", state, report, err)
	}
}

// A mapping that asks for more gets only that, wherever the new parts stand.
func TestMappingExtended(t *testing.T) {
	d := newDeps(t)
	file := write(t, t.TempDir(), "a.csv", "id,date,city,tier,action,phone\n1,2020-01-01,x,gold,buy,138\n1,2020-01-02,x,gold,see,138\n2,2020-01-01,,,buy,\n")
	steps := []struct {
		name, rows string
		want       Report
	}{
		{"one event", `{identify: {user_id: id}, events: [{name: buy, when: 'row.action == "buy"', time: date}]}`,
			Report{Rows: 3, Accepted: 3, Events: 2, NewCustomers: 2, Identifiers: 2}},
		{"a trait", `{identify: {user_id: id}, traits: {city: city}, events: [{name: buy, when: 'row.action == "buy"', time: date}]}`,
			Report{Rows: 3, Accepted: 2, Duplicate: 1, Traits: 1}},
		{"another trait and an event before", `{identify: {user_id: id}, traits: {tier: tier, city: city}, events: [{name: any, time: date}, {name: buy, when: 'row.action == "buy"', time: date}]}`,
			Report{Rows: 3, Accepted: 3, Events: 3, Traits: 1}},
		{"again", `{identify: {user_id: id}, traits: {tier: tier, city: city}, events: [{name: any, time: date}, {name: buy, when: 'row.action == "buy"', time: date}]}`,
			Report{Rows: 3, Duplicate: 3}},
		{"a second event of a name", `{identify: {user_id: id}, events: [{name: any, time: date}, {name: any, time: date}]}`,
			Report{Rows: 3, Accepted: 3, Events: 3}},
		{"an identifier", `{identify: {user_id: id, phone: phone}, events: [{name: any, time: date}]}`,
			Report{Rows: 3, Accepted: 1, Duplicate: 2, Identifiers: 1}},
		{"a condition that lets more through", `{identify: {user_id: id}, events: [{name: buy, time: date}]}`,
			Report{Rows: 3, Accepted: 1, Duplicate: 2, Events: 1}},
	}
	for _, s := range steps {
		r := importFiles(t, d, mapped(t, d, "m.yaml", "source: s\nrows: "+s.rows), file)
		if !reflect.DeepEqual(r, s.want) {
			t.Errorf("%s: %+v\nwant %+v", s.name, r, s.want)
		}
	}
	all := dump(t, d.Store)
	if got := grep(all, " tier of "); len(got) != 1 {
		t.Error(got)
	}
	if got := grep(all, "1 buy of "); len(got) != 3 {
		t.Error(got)
	}
}

func TestMessageIDs(t *testing.T) {
	d := newDeps(t)
	dir := t.TempDir()
	m := mapped(t, d, "m.yaml", `
source: s
rows:
  identify: {user_id: id}
  events:
    - {name: '=row.what', time: date, message_id: mid, properties: {line: '=line', n: {from: n, as: number}}}
`)
	const head = "id,what,date,mid,n\n"
	a := write(t, dir, "a.csv", head+"1,buy,2020-01-01,m1,1\n1,buy,2020-01-01,m1,2\n1,see,2020-01-01,m2,3\n1,see,2020-01-01,,4\n1,see,2020-01-01,,4\n1,,2020-01-01,m9,5\n")
	r := importFiles(t, d, m, a)
	if r.Accepted != 4 || r.Duplicate != 1 || r.Refused != 1 || r.Events != 4 {
		t.Errorf("%+v", r)
	}
	// The same ids in rows of other text, and in another order.
	b := write(t, dir, "b.csv", head+"2,see,2020-02-02,m2,0\n1,see,2020-01-01,,4\n1,x,2020-02-02,m1,0\n3,x,2020-02-02,m3,0\n")
	r = importFiles(t, d, m, b)
	if r.Accepted != 1 || r.Duplicate != 3 || r.Events != 1 || r.NewCustomers != 1 {
		t.Errorf("%+v", r)
	}
	got := dump(t, d.Store)
	if lines := grep(got, "1 buy of 0"); len(lines) != 1 || !strings.Contains(lines[0], "line=1 n=1") {
		t.Errorf("the first of an id is the one that counts: %q", lines)
	}
}

func TestJSONLines(t *testing.T) {
	d := newDeps(t)
	file := write(t, t.TempDir(), "a.jsonl", `{"user":{"id":7,"name":"王丽"},"at":"2026-06-30T08:00:00+08:00","amount":12.50,"tags":["a","b"],"vip":true,"items":[{"sku":"A","n":1}]}
{"user":{"id":"7"},"at":1782777600,"amount":"13","tags":"c","vip":"no","nothing":null}
{"user":{"id":true},"at":1,"amount":"many"}
{"user":{},"at":1}
`)
	m := mapped(t, d, "m.yaml", `
source: s
rows:
  identify: {user_id: user.id}
  traits: {name: user.name, vip: {from: vip, as: bool}}
  events:
    - name: order
      time: {from: at, layout: rfc3339}
      when: 'row.user.name == "王丽"'
      properties: {amount: amount, tags: tags, items: items, twice: '=row.amount * 2'}
    - name: order
      time: {from: at, layout: unix}
      when: 'row.amount == "13"'
      properties: {amount: {from: amount, as: number}, tags: {from: tags, as: list}}
`)
	r := importFiles(t, d, m, file)
	if r.Accepted != 3 || r.Refused != 1 || r.Events != 2 || r.NewCustomers != 2 {
		t.Errorf("%+v", r)
	}
	got := dump(t, d.Store)
	for _, line := range []string{
		`1 order of 0 at 2026-06-30T00:00:00Z #4 source="s" amount=12.5 items=[{"n":1,"sku":"A"}] tags=["a", "b"] twice=25`,
		`1 order of 0 at 2026-06-30T00:00:00Z #6 source="s" amount=13 tags=["c"]`,
		`3 name of 0 at always #2 value="王丽"`, `3 vip of 0 at always #3 value=true`, `3 vip of 0 at always #5 value=false`,
		`4 user_id of 0 value="7"`, `4 user_id of 1 value="true"`,
	} {
		if len(grep(got, line)) != 1 {
			t.Errorf("not there once: %s", line)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestTablesAndTimedTraits(t *testing.T) {
	d := newDeps(t)
	dir := t.TempDir()
	write(t, dir, "products.csv.gz", gzipped(t, "sku,category\nA,茶\nB,\n"))
	file := write(t, dir, "a.csv", "id,sku,at,level\n1,A,2020-01-02 00:00,gold\n1,B,2020-01-01 00:00,silver\n1,C,,gold\n")
	m := mapped(t, d, filepath.Join(dir, "m.yaml"), `
source: s
tables: {products: {file: products.csv.gz, key: sku}}
traits_time: at
rows:
  identify: {user_id: id}
  traits: {level: level}
  events:
    - {name: buy, when: has(row.at), time: at, properties: {category: '=products[row.sku].category'}}
`)
	if r := importFiles(t, d, m, file); r.Accepted != 3 || r.Traits != 3 {
		t.Errorf("%+v", r)
	}
	got := dump(t, d.Store)
	if lines := grep(got, "3 level of 0"); len(lines) != 3 || !strings.HasPrefix(lines[0], `3 level of 0 at 2019-12-31T16:00:00Z #4 value="silver"`) ||
		!strings.HasPrefix(lines[2], `3 level of 0 at always #6 value="gold"`) {
		t.Errorf("%q", lines)
	}
	if lines := grep(got, `category="茶"`); len(lines) != 1 {
		t.Errorf("%q", lines)
	}
}

// What is not there before the break is taken, and the break is told.
func TestBrokenFiles(t *testing.T) {
	d := newDeps(t)
	dir := t.TempDir()
	m := mapped(t, d, "m.yaml", "source: s\nrows: {identify: {user_id: id}}")
	var rows strings.Builder
	rows.WriteString("id\n")
	for i := range 50_000 {
		fmt.Fprintf(&rows, "customer-%d-%x\n", i, i*7919)
	}
	zipped := gzipped(t, rows.String())
	broken := write(t, dir, "broken.csv.gz", zipped[:len(zipped)*2/3])
	good := write(t, dir, "good.csv", "id\nlast\n")
	r, err := Import(context.Background(), d, m, []string{broken, good}, Options{})
	if err == nil || !errs.Is(err, errs.Invalid) {
		t.Fatalf("no error: %v", err)
	}
	want := fmt.Sprintf("%s: after line %d: the compressed file ends too early: fetch it again, whole; the rows before it were taken", broken, r.Rows)
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if r.Rows < 20_000 || r.Rows > 40_000 || r.Accepted != r.Rows || r.Refused != 0 {
		t.Errorf("%+v", r)
	}
	if _, ok, err := identity.Lookup(context.Background(), d.DB.Read(), identity.Key{Kind: "user_id", Value: "last"}); !ok || err != nil {
		t.Errorf("the next file was not taken: %v", err)
	}
	whole := write(t, dir, "whole.csv.gz", zipped)
	if again := importFiles(t, d, m, whole); again.Duplicate != r.Accepted-1 || again.Accepted != 50_000-again.Duplicate {
		t.Errorf("then whole: %+v", again)
	}
	if _, err := Import(context.Background(), d, m, []string{good, filepath.Join(dir, "none.csv")}, Options{}); !errs.Is(err, errs.NotFound) {
		t.Errorf("a missing file: %v", err)
	}
}

// Chunks change nothing: neither their size nor where the rows come from.
func TestChunks(t *testing.T) {
	dir := t.TempDir()
	var rows strings.Builder
	rows.WriteString("id,date,n\n")
	for i := range 30_000 {
		fmt.Fprintf(&rows, "%d,2020-01-%02d,%d\n", i*i%977, i%28+1, i%7)
	}
	file := write(t, dir, "a.csv", rows.String())
	const mapping = "source: s\nrows: {identify: {user_id: id}, events: [{name: x, time: date, properties: {n: {from: n, as: number}}}]}"
	whole := newDeps(t)
	importFiles(t, whole, mapped(t, whole, "m.yaml", mapping), file)
	pieces := newDeps(t)
	progress := 0
	r, err := Import(context.Background(), pieces, mapped(t, pieces, "m.yaml", mapping), []string{Stdin},
		Options{chunkRows: 5000, Stdin: &drops{rows.String()}, Progress: func(p Progress) { progress++ }})
	if err != nil || r.Accepted != 30_000 || progress == 0 {
		t.Fatalf("%+v, %v, progress told %d times", r, err, progress)
	}
	if dump(t, whole.Store) != dump(t, pieces.Store) {
		t.Error("the history depends on the chunks")
	}
}

func TestCancelled(t *testing.T) {
	d := newDeps(t)
	file := write(t, t.TempDir(), "a.csv", "id\n"+strings.Repeat("1\n", 20_000))
	ctx, cancel := context.WithCancel(context.Background())
	m := mapped(t, d, "m.yaml", "source: s\nrows: {identify: {user_id: id}}")
	_, err := Import(ctx, d, m, []string{file}, Options{Progress: func(Progress) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if r := importFiles(t, d, m, file); r.Accepted != 20_000 {
		t.Errorf("%+v", r)
	}
}

func TestRejectsThatCannotBeWritten(t *testing.T) {
	d := newDeps(t)
	file := write(t, t.TempDir(), "a.csv", "id,n\n1\n")
	closed, err := os.Create(filepath.Join(t.TempDir(), "r.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	m := mapped(t, d, "m.yaml", "source: s\nrows: {identify: {user_id: id}}")
	if _, err := Import(context.Background(), d, m, []string{file}, Options{Rejects: closed}); err == nil || !strings.Contains(err.Error(), "write the refused rows") {
		t.Errorf("got %v", err)
	}
}

// full is a store whose disk is full from the n-th load on.
type full struct {
	warehouse.Store
	loads *int
}

func (f full) StartLoad(id string) (warehouse.Load, error) {
	*f.loads--
	l, err := f.Store.StartLoad(id)
	return fullLoad{l, *f.loads < 0}, err
}

type fullLoad struct {
	warehouse.Load
	full bool
}

func (f fullLoad) Finish(ctx context.Context) error {
	if f.full {
		return fmt.Errorf("warehouse: write the load: %w", syscall.ENOSPC)
	}
	return f.Load.Finish(ctx)
}

func TestFullDisk(t *testing.T) {
	d := newDeps(t)
	var rows strings.Builder
	rows.WriteString("id,date\n")
	for i := range 20_000 {
		fmt.Fprintf(&rows, "%d,2020-01-01\n", i)
	}
	file := write(t, t.TempDir(), "a.csv", rows.String())
	m := mapped(t, d, "m.yaml", "source: s\nrows: {identify: {user_id: id}, events: [{name: x, time: date}]}")
	small, loads := d, 2
	small.Store = full{d.Store, &loads}
	r, err := Import(context.Background(), small, m, []string{file}, Options{chunkRows: 4096})
	const want = "the import stopped after 8192 rows, which are kept; run it again to go on: the disk is full: free space and run the command again, it goes on where it stopped (warehouse: write the load: no space left on device)"
	if err == nil || err.Error() != want || !errs.Is(err, errs.Busy) || r.Accepted != 8192 {
		t.Fatalf("%+v\n%v\nwant\n%s", r, err, want)
	}
	var state string
	if err := d.DB.Read().QueryRowContext(context.Background(), "SELECT state FROM imports").Scan(&state); err != nil || state != "failed" {
		t.Errorf("the import is %q, %v", state, err)
	}
	if r = importFiles(t, d, m, file); r.Duplicate != 8192 || r.Accepted != 20_000-8192 {
		t.Errorf("with space again: %+v", r)
	}
	clean := newDeps(t)
	importFiles(t, clean, m, file)
	if dump(t, clean.Store) != dump(t, d.Store) {
		t.Error("the history shows where it stopped")
	}
}
