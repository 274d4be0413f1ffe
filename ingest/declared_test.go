package ingest

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/library"
)

// declare puts a schema into the library.
func declare(t testing.TB, d Deps, schema string) {
	t.Helper()
	ctx := context.Background()
	file, err := library.ParseFile([]byte("schema:\n"+schema), "tags.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := library.Load(ctx, d.DB.Read())
	if err != nil {
		t.Fatal(err)
	}
	edit, err := set.Plan(file, false)
	if err != nil {
		t.Fatal(err)
	}
	err = d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return edit.Apply(ctx, tx, "test", "", testClock) })
	if err != nil {
		t.Fatal(err)
	}
}

const declaredSchema = `
  events:
    order:
      amount: number
      qty: {type: number, coerce: true}
      code: {type: text, coerce: true}
      gift: {type: bool, coerce: true}
      due: {type: date, coerce: true}
      paid_at: {type: time, coerce: true}
      "products[].price": number
      "products[].n": {type: number, coerce: true}
      "products[].brand.name": text
    return: {amount: text}
  traits:
    age: number
    level: {type: number, coerce: true}
`

func TestDeclaredTypesOfTextFiles(t *testing.T) {
	d := newDeps(t)
	declare(t, d, declaredSchema)
	m := mapped(t, d, "m.yaml", `
source: s
timezone: Europe/London
rows:
  identify: {user_id: id}
  traits: {age: {from: Age, as: number}, level: Level}
  events:
    - name: order
      when: 'row.what == "order"'
      time: {from: at, layout: date}
      properties: {amount: {from: Amount, as: number}, qty: Qty, code: {from: Code, as: number}, gift: Gift, due: Due, paid_at: Paid, other: Amount}
    - name: return
      when: 'row.what == "return"'
      time: {from: at, layout: date}
      properties: {amount: Amount}
`)
	const head = "id,at,what,Age,Level,Amount,Qty,Code,Gift,Due,Paid\n"
	file := write(t, t.TempDir(), "a.csv", head+`1,2026-01-01,order,30,2,9.90,12.5,007.10,是,2026-03-01,2026-07-01 10:00:00
2,2026-01-01,order,,,,many,,,,
3,2026-01-01,order,,high,,  ,,perhaps,,
4,2026-01-01,return,,,x,,,,,
`)
	var rejects strings.Builder
	r, err := Import(context.Background(), d, m, []string{file}, Options{Rejects: &rejects})
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 2 || r.Refused != 2 {
		t.Errorf("%+v", r)
	}
	lines(t, dump(t, d.Store), []string{
		`1 order of 0 at 2026-01-01T00:00:00Z #4 source="s" amount=9.9 code="7.1" due=2026-03-01 gift=true other="9.90" paid_at=2026-07-01T09:00:00Z qty=12.5`,
		`3 level of 0 at always #3 value=2`, `1 return of 1 at 2026-01-01T00:00:00Z #7 source="s" amount="x"`,
	})
	for _, want := range []string{
		file + `,3,"column Qty (property qty of order): expected number, found text that cannot become one: ""many""",2,`,
		file + `,4,"column Level (trait level): expected number, found text that cannot become one: ""high""; column Gift (property gift of order): expected bool, found text that cannot become one: ""perhaps""",3,`,
	} {
		if !strings.Contains(rejects.String(), want) {
			t.Errorf("not among the refused rows: %s\n%s", want, rejects.String())
		}
	}
	if len(r.Reasons) != 2 || r.Reasons[0].Text != "column Qty (property qty of order): expected number, found text that cannot become one" {
		t.Errorf("reasons %+v", r.Reasons)
	}

	// Without coerce, text is refused where a number is declared, and a number where it is text.
	m = mapped(t, d, "m.yaml", `
source: s2
rows:
  identify: {user_id: id}
  traits: {age: Age}
  events:
    - {name: order, when: 'row.what == "order"', time: {from: at, layout: date}, properties: {amount: '="9" + row.Amount'}}
    - {name: return, when: 'row.what == "return"', time: {from: at, layout: date}, properties: {amount: {from: Qty, as: number}}}
`)
	file = write(t, t.TempDir(), "b.csv", head+"1,2026-01-01,order,30,,,,,,,\n2,2026-01-01,order,,,5,,,,,\n3,2026-01-01,return,,,,5,,,,\n4,2026-01-01,order,,,,,,,,\n")
	r = importFiles(t, d, m, file)
	var got []string
	for _, reason := range r.Reasons {
		got = append(got, reason.Text)
	}
	if want := []string{"column Age (trait age): expected number, found text (read it as: number in the mapping, or declare {type: number, coerce: true} in the schema)", "property amount of order: expected number, found text (declare {type: number, coerce: true} in the schema to have it read)",
		"column Qty (property amount of return): expected text, found number (read it as: text in the mapping, or declare {type: text, coerce: true} in the schema)"}; !reflect.DeepEqual(got, want) || r.Accepted != 1 {
		t.Errorf("%+v\n%q", r, got)
	}
}

func TestDeclaredTypesOfJSONLines(t *testing.T) {
	d := newDeps(t)
	declare(t, d, declaredSchema)
	m := mapped(t, d, "m.yaml", `
source: s
rows:
  identify: {user_id: id}
  traits: {level: level}
  events: [{name: '=row.event', time: at, properties: {amount: amount, code: code, products: products, tags: tags}}]
`)
	file := write(t, t.TempDir(), "a.jsonl", `{"id":1,"at":"2026-01-01","event":"order","amount":5,"code":0.0000000000000012345,"level":null,"products":[{"price":1,"n":"2.50","brand":{"name":"茶"}},{"n":3},"loose"],"tags":["a"]}
{"id":1,"at":"2026-01-02","event":"order","amount":"5"}
{"id":1,"at":"2026-01-03","event":"return","amount":"5","products":[{"price":"1"}]}
{"id":1,"at":"2026-01-04","event":"else","amount":true,"tags":[1]}
{"id":1,"at":"2026-01-05","event":"order","products":[{"price":1},{"price":"1"}]}
{"id":1,"at":"2026-01-06","event":"order","products":[{"brand":{"name":4}}]}
{"id":1,"at":"2026-01-07","event":"order","products":[{"n":"x"}]}
{"id":1,"at":"2026-01-08","event":"order","products":{"price":"x"},"tags":["a",1]}
{"id":1,"at":"2026-01-09","event":"order","tags":"a","code":false}
{"id":1,"at":"2026-01-10","event":"order","products":[{"n":" "}]}
`)
	r := importFiles(t, d, m, file)
	got := map[string]string{}
	for _, reason := range r.Reasons {
		got[reason.First[strings.LastIndex(reason.First, ":")+1:]] = reason.Text
	}
	want := map[string]string{
		"2": "column amount (property amount of order): expected number, found text (read it as: number in the mapping, or declare {type: number, coerce: true} in the schema)",
		"5": "column products (property products[].price of order): expected number, found text (declare {type: number, coerce: true} in the schema to have it read)",
		"6": "column products (property products[].brand.name of order): expected text, found number (declare {type: text, coerce: true} in the schema to have it read)",
		"7": "column products (property products[].n of order): expected number, found text that cannot become one",
		"9": "column code (property code of order): expected text, found bool that cannot become one",
	}
	if !reflect.DeepEqual(got, want) || r.Accepted != 5 {
		t.Errorf("%+v\n%v", r, got)
	}
	lines(t, dump(t, d.Store), []string{
		`#3 source="s" amount=5 code="0.0000000000000012345" products=[{"brand":{"name":"茶"},"n":2.5,"price":1}, {"n":3}, "loose"] tags=["a"]`,
		`return of 0 at 2026-01-02T16:00:00Z #4 source="s" amount="5" products=[{"price":"1"}]`,
		`else of 0 at 2026-01-03T16:00:00Z #5 source="s" amount=true tags=[1]`,
		`order of 0 at 2026-01-09T16:00:00Z #7 source="s" products=[{}]`,
	})
}

// Typed records are held against the schema as well, and the caller's own stay as they are.
func TestDeclaredTypesOfRecords(t *testing.T) {
	d := newDeps(t)
	declare(t, d, declaredSchema)
	ctx := context.Background()
	record := func(event_ string, name string, v event.Value) Record {
		return Record{Identifiers: []identity.Key{{Kind: "user_id", Value: "1"}},
			Events: []Event{{Name: event_, Time: 5, Source: "s", Props: []event.Property{{Name: name, Value: v}}}}}
	}
	l, err := NewLoader(ctx, d, "gen")
	if err != nil {
		t.Fatal(err)
	}
	const refusal = `user_id:1: property amount of order: expected number, found text: "x"`
	if err := l.Add(record("order", "amount", event.Text("x"))); !errs.Is(err, errs.Invalid) || err.Error() != refusal {
		t.Errorf("the loader: %v", err)
	}
	good := record("order", "qty", event.Text("2.50"))
	good.Traits = []Trait{{Name: "level", Value: event.Text(" ")}, {Name: "level", Value: event.Text("4")}, {Name: "level"}, {Name: "free", Value: event.Text("x")}}
	for range 2 {
		if err := l.Add(good); err != nil {
			t.Fatal(err)
		}
	}
	if counts, err := l.Close(); err != nil || counts.Traits != 6 || counts.Events != 2 {
		t.Errorf("%+v, %v", counts, err)
	}
	if _, err := Accept(ctx, d, "", record("order", "amount", event.Text("x"))); !errs.Is(err, errs.Invalid) || err.Error() != refusal {
		t.Errorf("accepted: %v", err)
	}
	if _, err := Accept(ctx, d, "", good); err != nil {
		t.Fatal(err)
	}
	if v := good.Events[0].Props[0].Value; v.Kind() != event.TextKind || len(good.Traits) != 4 {
		t.Errorf("the caller's record became %+v", good)
	}
	got := dump(t, d.Store)
	if n := len(grep(got, ` qty=2.5`)); n != 3 {
		t.Errorf("%d events\n%s", n, got)
	}
	if n := len(grep(got, `3 level of 0 at `)); n != 6 {
		t.Errorf("%d levels\n%s", n, got)
	}
}

// JSON has no dates, so where a date is declared its text is refused, unless coerce is said: the refusal tells that.
func TestTheCureOfADeclaredDate(t *testing.T) {
	d := newDeps(t)
	declare(t, d, "  traits: {birthday: date}\n")
	record := func(text string) Record {
		return Record{Identifiers: []identity.Key{{Kind: "user_id", Value: "1"}}, Traits: []Trait{{Name: "birthday", Value: event.Text(text)}}}
	}
	for text, want := range map[string]string{
		"1990-05-01": `user_id:1: trait birthday: expected date, found text (declare {type: date, coerce: true} in the schema to have it read): "1990-05-01"`,
		"in May":     `user_id:1: trait birthday: expected date, found text: "in May"`,
	} {
		if _, err := Accept(context.Background(), d, "", record(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	declare(t, d, "  traits: {birthday: {type: date, coerce: true}}\n")
	if _, err := Accept(context.Background(), d, "", record("1990-05-01")); err != nil {
		t.Error(err)
	}
}
