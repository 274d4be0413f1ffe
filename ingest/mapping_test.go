package ingest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/library"
)

func TestMappingFaults(t *testing.T) {
	const head = "the mapping cannot be used\n  "
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", head + "m.yaml:1: the mapping is empty"},
		{"no yaml", "rows: [", head + "m.yaml:1: not YAML: did not find expected node content"},
		{"not a mapping", "- a", head + "m.yaml:1: expected a mapping with source, rows and so on"},
		{"nothing in it", "source: x", head + "m.yaml:1: there is no rows; rows says what a row gives: identify, traits, consents, events"},
		{"unknown keys", "sorce: x\nrows:\n  identify: {user_id: id}\n  event: []\n  traits: {age: {form: Age}}\n", `the mapping cannot be used
  m.yaml:1: unknown key "sorce"; did you mean "source"?
  m.yaml:4: rows: unknown key "event"; did you mean "events"?
  m.yaml:5: rows: traits: age: unknown key "form"; did you mean "from"?
  m.yaml:5: rows: traits: age: there is no from; from names a column, or is = and an expression`},
		{"all at once", `
timezone: Europe/Lodon
delimiter: "ab"
encoding: klingon
columns: [a, b, a]
tables:
  row: {file: x.csv}
rows:
  identify: {}
  traits:
    age: {from: Age, as: numbr}
    born: {from: Born, as: date, layout: yyyy-QQ}
    size: {from: Size, as: number, layout: unix}
    "": x
    list: [a]
  events:
    - time: at
    - name: order
      properties: {a: b, a: c}
    - text
`, `the mapping cannot be used
  m.yaml:2: timezone: time zone "Europe/Lodon" is not known: give an IANA name such as Asia/Shanghai
  m.yaml:3: delimiter: "ab" cannot separate cells; write one character such as ";" or "\t", or whitespace
  m.yaml:4: encoding: the encoding "klingon" is not known: write utf-8, gb18030, big5, utf-16le, windows-1252 or another name of the WHATWG list
  m.yaml:5: columns: a is given twice
  m.yaml:7: tables: row: a table cannot be called "row"; use letters, digits and _, and neither row nor line
  m.yaml:7: tables: row: expected file and key; write {file: products.csv, key: product_id}
  m.yaml:11: rows: traits: age: as: "numbr" is not a type; possible are number, bool, time, date, list, text
  m.yaml:12: rows: traits: born: layout: the layout "yyyy-QQ": "QQ" is not known; write unix, unix_ms, rfc3339, date, 2006-01-02 15:04:05 or yyyy-MM-dd HH:mm:ss
  m.yaml:13: rows: traits: size: a layout is for times and dates, not for number
  m.yaml:14: rows: traits: : a name is empty
  m.yaml:15: rows: traits: list: expected a column's name, = and an expression, or {from, as, layout}
  m.yaml:17: rows: events[1]: the event has no name
  m.yaml:19: rows: events[2] order: properties: a is given twice
  m.yaml:18: rows: events[2] order: the event has no time; name the column that says when it happened, as in time: {from: date, layout: yyyy-MM-dd}
  m.yaml:20: rows: events[3]: expected an event with name, time and so on`},
		{"no identify", "rows:\n  traits: {a: b}\n", head + "m.yaml:2: rows: there is no identify; identify says who the row is about, as in identify: {user_id: column}"},
		{"a time as a number", "rows:\n  identify: {user_id: id}\n  events:\n    - {name: x, time: {from: at, as: number}}\n",
			head + "m.yaml:4: rows: events[1] x: time: a time cannot be read as number; leave as out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseMapping("dir/m.yaml", []byte(c.text), shanghai(t))
			if err == nil {
				t.Fatal("it is accepted")
			}
			if !errs.Is(err, errs.Invalid) {
				t.Errorf("the kind is %d", errs.KindOf(err))
			}
			if err.Error() != c.want {
				t.Errorf("got\n%s\nwant\n%s", err, c.want)
			}
		})
	}
}

func TestMappingAgainstFile(t *testing.T) {
	d := newDeps(t)
	dir := t.TempDir()
	file := write(t, dir, "orders.csv", "id,Amount,when,when\n1,2,2020-01-01,x\n")
	write(t, dir, "products.csv", "sku,category\nA,tea\nB,\nA,tea\n")
	write(t, dir, "twice.csv", "sku,category\nA,tea\nA,milk\n")
	for _, c := range []struct{ name, text, want string }{
		{"columns", `
rows:
  identify: {user_id: ID}
  skip: 'row.Amunt == "x"'
  traits: {a: Colour}
  events:
    - {name: buy, time: when, properties: {n: '=number(row.Amount) +'}}
    - {name: see, time: '=row.when'}
`, `nothing was imported
  m.yaml:4: rows: skip: |
  m.yaml:3: rows: identify: user_id: the file has no column "ID" (orders.csv); did you mean "id"?
  m.yaml:5: rows: traits: a: the file has no column "Colour" (orders.csv); the columns are id, Amount, when, when
  m.yaml:7: rows: events[1] buy: time: the file has the column "when" twice (orders.csv); rename one of them in the file
  m.yaml:7: rows: events[1] buy: properties: n: |
  m.yaml:8: rows: events[2] see: time: the expression asks for a column that the file has twice: when (orders.csv); rename one of them in the file`},
		{"tables", `
tables:
  p: {file: products.csv, key: SKU}
  q: {file: none.csv, key: x}
  r: {file: twice.csv, key: sku}
rows: {identify: {user_id: id}}
`, `nothing was imported
  m.yaml:3: tables: p: products.csv: there is no column "SKU"; did you mean "sku"?
  m.yaml:4: tables: q: there is no file none.csv
  m.yaml:5: tables: r: twice.csv: the key sku = "A" is on line 2 and on line 3, with different cells`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mapped(t, d, filepath.Join(dir, "m.yaml"), c.text)
			_, err := Import(context.Background(), d, m, []string{file}, Options{})
			if err == nil {
				t.Fatal("it is accepted")
			}
			got := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
			if !matches(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if n := d.Store.Offset(); n != 0 {
				t.Errorf("%d records were taken", n)
			}
		})
	}
	if _, err := ReadMapping(filepath.Join(dir, "none.yaml"), d.Zone); err == nil || !strings.HasPrefix(err.Error(), "there is no mapping") {
		t.Errorf("a missing mapping: %v", err)
	}
}

// matches says whether each line of want that does not end with | is a line of got. The words of the rule
// language's own faults, and their excerpts, are not repeated here.
func matches(got, want string) bool {
	rest := got
	for _, line := range strings.Split(want, "\n") {
		line = strings.TrimSuffix(line, "|")
		if i := strings.Index(rest, strings.TrimRight(line, " ")); i >= 0 {
			rest = rest[i+len(strings.TrimRight(line, " ")):]
		} else {
			return false
		}
	}
	return true
}

func TestDefaultSource(t *testing.T) {
	m, err := ParseMapping("some/shop-till.yaml", []byte("rows: {identify: {user_id: id}}"), shanghai(t))
	if err != nil || m.Source != "shop-till" {
		t.Errorf("%v, %v", m.Source, err)
	}
}

// The mapping of the contract is read as it stands there.
func TestMappingOfTheContract(t *testing.T) {
	const text = `
source: shop-till
timezone: Europe/London
delimiter: ";"
columns: [user, item, category, action, ts]
tables:
  products: {file: products.csv.gz, key: product_id}
traits_time: {from: updated_at, layout: rfc3339}
rows:
  skip: '!has(row.CustomerID)'
  identify:
    user_id: '=row.CustomerID.replace(".0", "")'
  traits:
    country: Country
  events:
    - name: order_line
      when: '!row.InvoiceNo.startsWith("C")'
      time: {from: InvoiceDate, layout: '2006-01-02 15:04:05'}
      message_id: '=row.InvoiceNo + "/" + string(line)'
      properties:
        invoice: InvoiceNo
        sku: StockCode
        quantity: {from: Quantity, as: number}
        amount: {from: '=number(row.Quantity) * number(row.UnitPrice)', as: number}
        category: '=products[row.StockCode].category'
`
	m, err := ParseMapping("m.yaml", []byte(text), shanghai(t))
	if err != nil {
		t.Fatal(err)
	}
	columns := []string{"CustomerID", "Country", "InvoiceNo", "InvoiceDate", "StockCode", "Quantity", "UnitPrice", "updated_at"}
	products := &table{columns: []string{"product_id", "category"}}
	if _, faults := m.bind(columns, map[string]*table{"products": products}, library.Schema{}); len(faults) > 0 {
		t.Error(errs.Faulty("", faults))
	}
	if m.zone.String() != "Europe/London" || m.Source != "shop-till" || m.form.delimiter != ";" || len(m.form.columns) != 5 {
		t.Errorf("%+v", m)
	}
	if got := m.TablePaths(); len(got) != 1 || got[0] != "products.csv.gz" {
		t.Errorf("tables %v", got)
	}
}

// Any text gives a mapping or faults with places, and never a panic.
func FuzzMapping(f *testing.F) {
	f.Add("rows: {identify: {user_id: id}, traits: {a: {from: b, as: time, layout: unix}}, events: [{name: =row.x, time: t}]}")
	f.Add("a: &x {b: *x}\nrows: *x")
	f.Add("rows:\n  skip: [1]\n  events: {}\ncolumns: {}\ntables: [a]\n? {a: b}\n: c")
	zone := shanghai(f)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMapping("m.yaml", []byte(text), zone)
		if err != nil {
			if len(errs.FaultsOf(err)) == 0 {
				t.Fatalf("no faults: %v", err)
			}
			return
		}
		m.bind([]string{"id", "b", "t", "x"}, map[string]*table{}, library.Schema{})
	})
}

func TestExamplesOfOthersAreRead(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "examples", "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "identify:") {
			continue // definitions, not a mapping
		}
		if _, err := ParseMapping(path, text, shanghai(t)); err != nil {
			t.Error(err)
		}
	}
}
