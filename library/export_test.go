package library

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tagma/event"
	"tagma/rule"
)

// roundTrip exports a set, reads it into an empty library and compares; the export of that must be the same bytes.
func roundTrip(t rapid.TB, s *Set) []byte {
	data, err := Export(s)
	if err != nil {
		t.Fatal(err)
	}
	file, err := ParseFile(data, "export.yaml")
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	back, err := empty().Plan(file, false)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	for _, k := range kinds {
		if len(back.Set.byKind[k]) != len(s.byKind[k]) {
			t.Fatalf("%d definitions of kind %s, had %d\n%s", len(back.Set.byKind[k]), k, len(s.byKind[k]), data)
		}
		for i, d := range back.Set.byKind[k] {
			was := s.active(d.ref())
			if was == nil || was.ref() != s.byKind[k][i].ref() && k != KindCategory && k != KindSchema {
				t.Fatalf("%s is new, or at another place\n%s", d.ref(), data)
			}
			if fields, err := differences(was, d); err != nil || len(fields) > 0 {
				t.Fatalf("%s differs in %v %v:\n%+v\n%+v\n%s", d.ref(), fields, err, was, d, data)
			}
		}
	}
	// On the set itself it changes nothing, even with prune.
	e, err := s.Plan(file, true)
	if err != nil || !e.Empty() {
		t.Fatalf("%v %s", err, said(e.Changes))
	}
	again, err := Export(back.Set)
	if err != nil || string(again) != string(data) {
		t.Fatalf("the export of the export:\n%s\nwas\n%s %v", again, data, err)
	}
	return data
}

func TestExportOfTheSchemaAndTables(t *testing.T) {
	s := planned(t, empty(), `
schema:
  events: {paid: {amount: {type: number, coerce: true}, at: {type: time}, "products[].sku": text}}
  traits: {city: text, age: {coerce: true, type: number}}
  consents: {sms: 短信, email: }
tables:
  - key: cities
    name: 城市表
    by: city
    types: {population: number, note: text}
    csv: |
      tier; population ;city;note
      一线;24870000;上海;"a,b"
      ;;;
      一线;;北京;
tags:
  - {key: likes, name: 喜好, category: interest, purpose: p, owner: o, multi: true, keep: 30d, cases: [{value: a, when: has(traits.city)}]}
  - {key: hand, name: 手, category: interest, purpose: p, owner: o, kind: manual, multi: true, values: [a, b]}
`, false).Set
	want(t, strings.TrimSpace(string(roundTrip(t, s))), `schema:
  events:
    paid: {amount: {type: number, coerce: true}, at: time, 'products[].sku': text}
  traits:
    age: {type: number, coerce: true}
    city: text
  consents: {email: "", sms: 短信}
tables:
  - key: cities
    name: 城市表
    by: city
    types: {population: number}
    csv: |
      tier,population,city,note
      一线,24870000,上海,"a,b"
      一线,,北京,
tags:
  - key: likes
    name: 喜好
    category: interest
    purpose: p
    owner: o
    refresh: daily
    keep: 30d
    multi: true
    cases:
      - {value: a, when: 'has(traits.city)'}
  - key: hand
    name: 手
    category: interest
    purpose: p
    owner: o
    kind: manual
    multi: true
    values: [a, b]`)
	names := planned(t, empty(), "schema: {consents: [sms, email]}", false).Set
	want(t, strings.TrimSpace(string(roundTrip(t, names))), "schema:\n  consents: [email, sms]")
}

func TestExport(t *testing.T) {
	long := `  - key: long
    name: 行为_长
    category: behavior
    purpose: '以 "引号" 与: 冒号'
    owner: o
    value: |
      events.order_paid
        .count() // 注释
        > 1
`
	s := planned(t, empty(), strings.Replace(shop, "segments:", long+"segments:", 1), false).Set
	want(t, strings.TrimSpace(string(roundTrip(t, s))), `schema:
  events:
    order_paid: {amount: number, order_id: text}
  traits:
    city: text
measures:
  f: {when: 'events.order_paid.count() > 0', value: 'events.order_paid.distinct(e, e.order_id)'}
categories:
  - key: behavior
    name: 行为标签
    prefix: 行为_
    children:
      - {key: purchase, name: 购买}
  - {key: attribute, name: 属性标签}
tags:
  - key: frequency
    name: 行为_购买频次
    category: behavior/purchase
    purpose: 区分高频与低频
    owner: wang.li
    rfm: F
    refresh: live
    cases:
      - {value: 高频, when: 'measures.f >= 5'}
      - {value: 低频, when: 'true'}
  - key: spend
    name: 行为_消费金额
    category: behavior/purchase
    purpose: 消费分档
    owner: wang.li
    refresh: daily
    value: 'events.order_paid.sum(e, e.amount)'
    bands:
      - {below: 100, value: 低}
      - {value: 高}
  - key: vip
    name: 会员
    category: attribute
    purpose: 权益
    owner: li.na
    kind: manual
    values: [金卡, 银卡]
  - key: long
    name: 行为_长
    category: behavior
    purpose: '以 "引号" 与: 冒号'
    owner: o
    refresh: daily
    value: |-
      events.order_paid
        .count() // 注释
        > 1
segments:
  - key: winback
    name: 重点召回
    when: 'tags.frequency == "高频" && tags.spend.number > 60 && !(tags.vip == "金卡")'`)
	if data, err := Export(empty()); err != nil || len(data) != 0 {
		t.Errorf("%q %v", data, err)
	}
}

// TestExportOfAnything makes random libraries of texts that YAML could take for something else.
func TestExportOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-z_\p{Han}][a-z0-9_\p{Han}]{0,8}`).Filter(func(s string) bool { return keyProblem(s) == "" })
		words := rapid.OneOf(rapid.StringMatching(`[!-~ \p{Han}]{1,12}`), rapid.SampledFrom([]string{"true", "null", "~", "12", "1e3", "0x1F", "2026-01-01",
			"yes", "- a", "a: b", "a #b", "'", `"`, "<<", "=", "|", "🔥", "𠮷", "\\n", "%", "@x", "[a]", "{a}", "&a", "*a", "!a", "。", "­x"})).
			Filter(func(s string) bool { return strings.TrimSpace(s) == s && s != "" && textProblem(s, maxName) == "" })
		text := rapid.OneOf(words, rapid.StringMatching(`[a-z"'.#:]{60,120}`), rapid.StringMatching(`a[a-z "'\t#:\n]{0,30}b`))
		maybe := func(g *rapid.Generator[string], name string) string {
			if rapid.Bool().Draw(t, name+"?") {
				return g.Draw(t, name)
			}
			return ""
		}
		kind := rapid.Custom(func(t *rapid.T) Declared {
			return Declared{event.Kind(rapid.IntRange(int(event.BoolKind), int(event.ListKind)).Draw(t, "kind")), rapid.Bool().Draw(t, "coerce")}
		})
		value := func(of event.Kind, name string) event.Value {
			switch of {
			case event.NumberKind:
				return event.Num(event.Scaled(rapid.Int64().Draw(t, name), rapid.IntRange(0, 10).Draw(t, "scale")))
			case event.BoolKind:
				return event.Bool(rapid.Bool().Draw(t, name))
			case event.DateKind:
				return event.Civil(event.Date(rapid.IntRange(-20000, 60000).Draw(t, name)))
			case event.TimeKind:
				return event.Instant(event.Time(rapid.Int64Range(0, 4e12).Draw(t, name)))
			}
			return event.Text(words.Draw(t, name))
		}
		file := &File{Name: "random"}
		keys := rapid.SliceOfNDistinct(key, 1, 12, rapid.ID[string]).Draw(t, "keys")
		for i, k := range keys {
			h := Head{Key: k, State: Active}
			name := fmt.Sprint(i) + words.Draw(t, "name")
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 6:
				file.Tables = append(file.Tables, randomTable(t, h, words, maybe))
			case 0:
				if i > 0 && len(file.Categories) > 0 {
					h.Key = rapid.SampledFrom(file.Categories).Draw(t, "parent").Key + "/" + k
				}
				file.Categories = append(file.Categories, &Category{Head: h, Name: name, Class: maybe(rapid.SampledFrom([]string{"fact", "basic"}), "class")})
			case 1:
				file.Measures = append(file.Measures, &Measure{Head: h, When: maybe(text, "when"), Value: text.Draw(t, "value")})
			case 2:
				file.Segments = append(file.Segments, &Segment{Head: h, Name: name, Purpose: maybe(words, "purpose"), Owner: maybe(words, "owner"), When: text.Draw(t, "when")})
			case 3:
				d := &Declaration{Head: h}
				switch rapid.IntRange(0, 2).Draw(t, "declared") {
				case 0:
					d.Key, d.Trait = traitsPrefix+words.Draw(t, "trait"), kind.Draw(t, "kind")
				case 1:
					d.Key, d.Name = consentsPrefix+words.Draw(t, "consent"), maybe(words, "name")
				default:
					d.Key = eventsPrefix + words.Draw(t, "event")
					property := rapid.OneOf(words, rapid.Just("products[].sku"), rapid.Just("a.b[].c[].d")).Filter(func(s string) bool {
						return !strings.Contains(strings.NewReplacer("products[].sku", "", "a.b[].c[].d", "").Replace(s), "[")
					})
					d.Properties = rapid.MapOf(property, kind).Draw(t, "properties")
				}
				if slicesContainsKey(file.Schema, d.Key) {
					continue
				}
				file.Schema = append(file.Schema, d)
			default:
				tag := &Tag{Head: h, Name: name, Category: "fact", Purpose: words.Draw(t, "purpose"), Owner: words.Draw(t, "owner"), Refresh: Weekly, Kind: ByRule,
					Entity: CustomerEntity, RFM: maybe(rapid.SampledFrom([]string{"R", "F", "M"}), "rfm")}
				of := rapid.SampledFrom([]event.Kind{event.TextKind, event.TextKind, event.NumberKind, event.BoolKind, event.DateKind, event.TimeKind}).Draw(t, "of")
				n := rapid.IntRange(1, 3).Draw(t, "n")
				switch rapid.IntRange(0, 2).Draw(t, "way") {
				case 0:
					tag.Multi = rapid.Bool().Draw(t, "multi")
					for range n {
						tag.Cases = append(tag.Cases, Case{value(of, "case"), text.Draw(t, "when")})
					}
				case 1:
					tag.Value = text.Draw(t, "value")
					for b := range n - 1 {
						tag.Bands = append(tag.Bands, rule.Band{Below: event.Num(event.Scaled(int64(b*7-3), 2)), Value: fmt.Sprint(b) + words.Draw(t, "band")})
					}
				default:
					tag.Kind, tag.Refresh = ByHand, OnlyManually
					tag.Values = []event.Value{value(of, "value")}
					tag.Multi = rapid.Bool().Draw(t, "multi")
				}
				if tag.Kind == ByRule {
					tag.Keep = rapid.SampledFrom([]Keep{{}, {}, {Once: true}, {Span: event.Span{N: 3, Unit: event.Month}}, {Span: event.Span{N: 90, Unit: event.Second}}}).Draw(t, "keep")
				}
				if rapid.Bool().Draw(t, "classes?") {
					tag.Classes = []string{"behavior", "state"}
				}
				file.Tags = append(file.Tags, tag)
			}
		}
		e, err := empty().Plan(file, false)
		if err != nil {
			t.Skip(err) // an expression that happens to refer to something, or two names that agree
		}
		roundTrip(t, e.Set)
	})
}

// randomTable makes a table of cells that CSV or YAML could take for something else.
func randomTable(t *rapid.T, h Head, words *rapid.Generator[string], maybe func(*rapid.Generator[string], string) string) *Table {
	cell := rapid.OneOf(words, rapid.SampledFrom([]string{"\"", ",", "\"\"", "a,b", "|", "|-", "#", "---", "...", "\\.", "'", ": ", "　", "\t;"})).
		Filter(func(s string) bool { return strings.TrimSpace(s) == s && cellProblem(s, maxCell) == "" })
	columns := rapid.SliceOfNDistinct(cell, 1, 4, rapid.ID[string]).Draw(t, "columns")
	keys := rapid.SliceOfNDistinct(cell, 0, 5, rapid.ID[string]).Draw(t, "keys")
	var b strings.Builder
	w := csv.NewWriter(&b)
	rows := [][]string{columns}
	for _, key := range keys {
		row := make([]string, len(columns))
		for i := range row {
			row[i] = maybe(cell, "cell")
		}
		row[0] = key
		rows = append(rows, row)
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	f, err := TableFile(h.Key, maybe(words, "name"), columns[0], nil, []byte(b.String()))
	if err != nil {
		t.Skip(err) // the first line looks as if something else separated the cells
	}
	table := f.Tables[0]
	if got := table.Rows(); got != len(keys) {
		t.Fatalf("%d rows of %d:\n%s", got, len(keys), table.CSV)
	}
	if len(columns) > 1 && rapid.Bool().Draw(t, "list") {
		table.Types = map[string]event.Kind{columns[1]: event.ListKind}
	}
	return table
}

func slicesContainsKey(list []*Declaration, key string) bool {
	for _, d := range list {
		if d.Key == key {
			return true
		}
	}
	return false
}
