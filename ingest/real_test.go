package ingest

import (
	"context"
	"strings"
	"testing"
)

// The real files are read and understood. The counts were taken with other tools.
func TestRealFiles(t *testing.T) {
	for _, c := range []struct {
		name, file, mapping      string
		rows, refused, customers int64
		skipped, events          int64
		line                     string // of the dump
	}{
		{name: "Complete Journey", file: "completejourney/transactions_sample.csv.gz", mapping: `
timezone: America/New_York
tables: {products: {file: products.csv.gz, key: product_id}}
rows:
  identify: {user_id: household_id}
  events:
    - name: buy
      time: {from: transaction_timestamp, layout: 'yyyy-MM-dd HH:mm:ss'}
      properties: {basket: basket_id, value: {from: sales_value, as: number}, department: '=products[row.product_id].department'}
`, rows: 75_000, customers: 2377, events: 75_000, line: `1 buy of 0 at 2017-01-28T19:06:53Z`},
		{name: "CDNOW", file: "cdnow/CDNOW_master.txt", mapping: `
delimiter: whitespace
rows:
  identify: {user_id: customer_id}
  events:
    - {name: buy, time: {from: date, layout: yyyyMMdd}, properties: {value: {from: dollar_value, as: number}}}
`, rows: 69_659, customers: 23_570, events: 69_659, line: `value="00001"`},
		{name: "Telco", file: "telco-churn/Telco-Customer-Churn.csv", mapping: `
rows:
  identify: {user_id: customerID}
  traits: {total: {from: TotalCharges, as: number}, partner: {from: Partner, as: bool}, senior: {from: SeniorCitizen, as: bool}}
`, rows: 7043, customers: 7043, line: `3 partner of 0 at always`},
		{name: "Bank", file: "bank-marketing/bank-full.csv.gz", mapping: `
rows:
  identify: {user_id: '=string(line)'}
  traits: {age: {from: age, as: number}, job: job}
`, rows: 45_211, customers: 45_211, line: `3 age of 0 at always #2 value=58`},
		{name: "Taobao", file: "taobao-userbehavior/UserBehavior_first84475.csv.gz", mapping: `
columns: [user, item, category, action, ts]
rows:
  identify: {user_id: user}
  events:
    - {name: '=row.action', time: {from: ts, layout: unix}, properties: {item: item}}
`, rows: 84_475, customers: 815, events: 84_475, line: `1 pv of 0 at 2017-11-24T17:21:10Z `},
		{name: "RFM orders", file: "rfm-rsquared/rfm_data_orders.csv", mapping: `
rows:
  identify: {user_id: customer_id}
  events:
    - {name: order, time: order_date, properties: {value: {from: revenue, as: number}}}
`, rows: 4906, customers: 995, events: 4906, line: `value="`},
		{name: "hotel reviews", file: "chinese-nlp/ChnSentiCorp_htl_all.csv.gz", mapping: `
rows:
  identify: {user_id: '=string(line)'}
  traits: {good: {from: label, as: bool}, text: review}
`, rows: 7766, customers: 7766, line: `3 good of 0 at always #2 value=true`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := sharedData(t, c.file)
			d := newDeps(t)
			m := mapped(t, d, path[:strings.LastIndexByte(path, '/')+1]+"m.yaml", "source: real"+c.mapping)
			r, err := Import(context.Background(), d, m, []string{path}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Rows != c.rows || r.Refused != c.refused || r.Accepted != c.rows-c.refused || r.NewCustomers != c.customers || r.Events != c.events {
				t.Errorf("%+v", r)
			}
			if got := dumpTo(t, d.Store, 1); len(grep(got, c.line)) == 0 {
				t.Errorf("not there: %s\n%.2000s", c.line, got)
			}
		})
	}
}

const onlineRetail = `
source: shop
timezone: Europe/London
rows:
  skip: '!has(row.CustomerID)'
  identify: {user_id: '=row.CustomerID.replace(".0", "")'}
  traits: {country: Country}
  events:
    - name: order_line
      when: '!row.InvoiceNo.startsWith("C")'
      time: {from: InvoiceDate, layout: '2006-01-02 15:04:05'}
      properties: {invoice: InvoiceNo, sku: StockCode, description: Description, quantity: {from: Quantity, as: number}, price: {from: UnitPrice, as: number},
        amount: {from: '=number(row.Quantity) * number(row.UnitPrice)', as: number}}
    - name: cancel_line
      when: row.InvoiceNo.startsWith("C")
      time: {from: InvoiceDate, layout: '2006-01-02 15:04:05'}
      properties: {invoice: InvoiceNo, sku: StockCode, quantity: {from: Quantity, as: number}}
`

// The figure of the issue: at least 25,000 lines a second, with a schema as well. Coerced are columns that the mapping
// leaves as they are and the schema turns into numbers.
func BenchmarkOnlineRetail(b *testing.B) {
	path := sharedData(b, "online-retail/online-retail.csv.gz")
	for _, c := range []struct{ name, schema, mapping string }{
		{"free", "", onlineRetail},
		{"declared", "  events: {order_line: {invoice: text, sku: text, quantity: number, price: number, amount: number}, cancel_line: {quantity: number}}\n  traits: {country: text}\n", onlineRetail},
		{"coerced", "  events: {order_line: {quantity: {type: number, coerce: true}, price: {type: number, coerce: true}, amount: {type: number, coerce: true}}}\n",
			strings.NewReplacer("quantity: {from: Quantity, as: number}", "quantity: Quantity", "price: {from: UnitPrice, as: number}", "price: UnitPrice").Replace(onlineRetail)},
	} {
		b.Run(c.name, func(b *testing.B) {
			rows := int64(0)
			for b.Loop() {
				b.StopTimer()
				d, closeAll := openDir(b, b.TempDir())
				if c.schema != "" {
					declare(b, d, c.schema)
				}
				m := mapped(b, d, "m.yaml", c.mapping)
				b.StartTimer()
				r, err := Import(context.Background(), d, m, []string{path}, Options{})
				if err != nil || r.Refused != 0 {
					b.Fatalf("%+v, %v", r, err)
				}
				rows += r.Rows
				b.StopTimer()
				closeAll()
				b.StartTimer()
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
