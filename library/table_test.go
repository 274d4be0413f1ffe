package library

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

const cities = `
tables:
  - key: cities
    by: city
    types: {population: number, coastal: bool, founded: date, seen: time, names: list}
    csv: |
      city,tier,population,coastal,founded,seen,names
      上海,一线,24870000,是,1292-01-01,2026-01-01T00:00:00+08:00,"沪, 申 ,"
      北京,一线,2.5e7,no,,,
      7,三线,,,,,
`

func TestATableIsReadyToBeAsked(t *testing.T) {
	table, _ := planned(t, empty(), cities, false).Set.Table("cities")
	got := table.compiled()
	if got.Key != "cities" || got.By != "city" || len(got.Columns) != 7 {
		t.Fatalf("%+v", got)
	}
	seen, _ := event.ParseDate("2026-01-01")
	for column, want := range map[string]struct {
		kind event.Kind
		of   map[string]event.Value
	}{
		"city":       {event.TextKind, map[string]event.Value{"上海": event.Text("上海"), "北京": event.Text("北京"), "7": event.Text("7")}},
		"tier":       {event.TextKind, map[string]event.Value{"上海": event.Text("一线"), "北京": event.Text("一线"), "7": event.Text("三线")}},
		"population": {event.NumberKind, map[string]event.Value{"上海": event.Num(event.Int(24870000)), "北京": event.Num(event.Int(25000000))}},
		"coastal":    {event.BoolKind, map[string]event.Value{"上海": event.Bool(true), "北京": event.Bool(false)}},
		"seen":       {event.TimeKind, map[string]event.Value{"上海": event.Instant(zone(t).Start(seen))}},
		"names":      {event.ListKind, map[string]event.Value{"上海": event.List(event.Text("沪"), event.Text("申"))}},
	} {
		c := got.Columns[column]
		if c == nil || c.Kind != want.kind || len(c.Values) != len(want.of) {
			t.Errorf("%s: %+v", column, c)
			continue
		}
		for key, v := range want.of {
			if !c.Values[key].Equal(v) {
				t.Errorf("%s of %s is %s, want %s", column, key, c.Values[key], v)
			}
		}
	}
}

func TestTheSameRowsAreTheSameTable(t *testing.T) {
	w := newWorkspace(t)
	first, err := TableFile("t", "", "k", map[string]event.Kind{"n": event.NumberKind, "k": event.TextKind}, []byte("k,n\na,1\nb,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := w.load().Plan(first, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.tryApply(e, "first"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"\ufeffk;n\r\nb; 2\r\na;1\r\n;\r\n", "k\tn\nb\t2\na\t1", "\n\"k\",\"n\"\n\"b\",2\n\"a\",\"1\"\n"} {
		same, err := TableFile("t", "", "k", map[string]event.Kind{"n": event.NumberKind}, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if e, err := w.load().Plan(same, true); err != nil || !e.Empty() {
			t.Errorf("%q: %v %v", text, changed(e), err)
		}
	}
	other, err := TableFile("t", "表", "k", nil, []byte("k,n\na,1\nb,3\n"))
	if err != nil {
		t.Fatal(err)
	}
	e, err = w.load().Plan(other, false)
	if err != nil {
		t.Fatal(err)
	}
	want(t, changed(e), "change table t [csv name types]")
	if err := w.tryApply(e, "second"); err != nil {
		t.Fatal(err)
	}
	versions, err := History(context.Background(), w.db.Read(), Ref{KindTable, "t"})
	if err != nil || len(versions) != 2 || !strings.Contains(string(versions[0].Body), `"csv":"k,n\na,1\nb,2\n"`) {
		t.Errorf("%v %v", versions, err)
	}
	renamed := w.apply("tables: [{key: places, was: t, name: 表, by: k, csv: \"k,n\\na,1\\nb,3\\n\"}]", false)
	want(t, changed(renamed), "rename table places was t")
	if versions, err := History(context.Background(), w.db.Read(), Ref{KindTable, "places"}); err != nil || len(versions) != 3 {
		t.Errorf("%v %v", versions, err)
	}
	if back, _ := w.load().Table("places"); back.ID != 0 || back.Version != 3 || back.Rows() != 2 || !slices.Equal(back.Columns(), []string{"k", "n"}) {
		t.Errorf("%+v", back)
	}
}

func TestTableFilesLieBesideTheDefinitions(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("data/cities.tsv", "city\ttier\n上海\t一,二\n")
	path := write("tags.yaml", "tables: [{key: cities, by: city, file: data/cities.tsv}]")
	f, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Tables[0].CSV; got != "city,tier\n上海,\"一,二\"\n" {
		t.Errorf("%q", got)
	}
	bad := write("data/bad.csv", "city,tier\n上海,a\n上海,b\n")
	latin := write("data/latin.csv", "city,tier\nM\xfcnchen,a\n")
	path = write("tags.yaml", `tables:
  - {key: a, by: city, file: data/bad.csv}
  - {key: b, by: city, file: data/none.csv}
  - {key: c, by: city, file: .}
  - {key: d, by: city, file: `+latin+`}
`)
	_, err = ReadFile(path)
	if !errs.Is(err, errs.Invalid) || len(errs.FaultsOf(err)) != 4 {
		t.Fatalf("%v", err)
	}
	for _, part := range []string{bad + ":3: table a: column city: 上海 comes twice, first in line 2", "tags.yaml:3: table b: there is no file " + filepath.Join(dir, "data/none.csv"),
		"tags.yaml:4: table c: " + dir + " cannot be read", latin + ":2: table d: there are bytes that are not UTF-8"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in\n%v", part, err)
		}
	}
	if _, err := ReadFile(filepath.Join(dir, "nothing.yaml")); !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "there is no file") {
		t.Errorf("%v", err)
	}
}

func TestTheLimitsOfATable(t *testing.T) {
	rows := func(n int) []byte {
		var b strings.Builder
		b.WriteString("k\n")
		for i := range n {
			fmt.Fprintln(&b, i)
		}
		return []byte(b.String())
	}
	if f, err := TableFile("t", "", "k", nil, rows(maxTableRows)); err != nil || f.Tables[0].Rows() != maxTableRows {
		t.Errorf("%v", err)
	}
	for part, data := range map[string][]byte{
		"line 200002: the table has 200001 rows, more than 200000": rows(maxTableRows + 1),
		"the table is larger than 16 MB":                           []byte("k\n" + strings.Repeat("x", MaxTableBytes)),
		"line 2: column k: this is longer than 1000 characters":    []byte("k\n" + strings.Repeat("键", 1001)),
		"line 1: column b;c: a column's name cannot hold a ;":      []byte("k,b;c\n1,2\n"),
		"line 1: the table has 201 columns, more than 200":         []byte("k,c" + strings.Join(strings.Split(strings.Repeat("x", 200), ""), ",c") + "\n"),
	} {
		_, err := TableFile("t", "", "k", nil, data)
		if !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %.300v", part, err)
		}
	}
	_, err := TableFile("1", "a\nb", "", map[string]event.Kind{"x": event.NumberKind}, []byte("k,n\n1,2,3\n"))
	if n := len(errs.FaultsOf(err)); n != 5 {
		t.Errorf("%d faults: %v", n, err)
	}
}

const lookups = cities + `
measures:
  size: {value: 'lookup("cities", traits.city, "population")'}
tags:
  - {key: tier, name: 城市级别, category: fact, purpose: p, owner: o, value: 'lookup("cities", traits.city, "tier")'}
segments:
  - {key: big, name: 大城市, when: 'measures.size > 10000000'}
`

func TestRulesLookUp(t *testing.T) {
	c := compiled(t, lookups, false)
	tier, _ := c.Tag("tier")
	big, _ := c.Segment("big")
	if !slices.Equal(tier.Depends, []Ref{{KindTable, "cities"}}) || !slices.Equal(big.Depends, []Ref{{KindMeasure, "size"}, {KindTable, "cities"}}) {
		t.Errorf("%v, %v", tier.Depends, big.Depends)
	}
	if tier.Value.Type != rule.Text || adHoc(t, c, `lookup("cities", traits.city, "tier")`) != tier.Value {
		t.Errorf("%s", tier.Value)
	}
	s := c.Set
	refused(t, s, strings.Replace(lookups, cities, "", 1), true, "table cities: it cannot be retired: it is used by measure size, tag tier")
	renamed := strings.Replace(cities, "key: cities", "key: places\n    was: cities", 1)
	refused(t, s, renamed, false, `measure size: it refers to table cities, which is renamed to places; write lookup("places", …), and put measure size into the file`,
		"tag tier: it refers to table cities")
	// A column that is gone is told where it is used.
	_, err := Compile(planned(t, s, "tables: [{key: cities, by: city, csv: \"city,tier\\n\"}]", false).Set, CompileOptions{Names: someNames(), Zone: zone(t)})
	if n := len(errs.FaultsOf(err)); n != 1 || !strings.Contains(err.Error(), "has no column 'population'") {
		t.Errorf("%v", err)
	}
	gone := planned(t, planned(t, empty(), cities, false).Set, "", true).Set
	c, err = Compile(gone, CompileOptions{Names: someNames(), Zone: zone(t)})
	if err != nil {
		t.Fatal(err)
	}
	for text, part := range map[string]string{`lookup("cities", traits.city, "tier")`: "the table cities is retired", `lookup("citys", traits.city, "tier")`: "there is no lookup table"} {
		if _, faults := rule.Check(text, c.Env, rule.AnyValue); len(faults) != 1 || !strings.Contains(faults[0].Message, part) {
			t.Errorf("%s: %v", text, faults)
		}
	}
}

func TestRetireOne(t *testing.T) {
	s := planned(t, empty(), lookups, false).Set
	if _, err := s.Retire(Ref{KindTable, "cities"}); !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "table cities: it cannot be retired: it is used by measure size, tag tier; change or retire those first") {
		t.Errorf("%v", err)
	}
	if _, err := s.Retire(Ref{KindTable, "city"}); !errs.Is(err, errs.NotFound) {
		t.Errorf("%v", err)
	}
	e, err := s.Retire(Ref{KindTag, "tier"}, Ref{KindSegment, "big"}, Ref{KindMeasure, "size"}, Ref{KindTable, "cities"}, Ref{KindTag, "tier"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, changed(e), "retire tag tier\nretire segment big\nretire measure size\nretire table cities")
	if again, err := e.Set.Retire(Ref{KindTag, "tier"}); err != nil || !again.Empty() {
		t.Errorf("%v %v", again, err)
	}
}
