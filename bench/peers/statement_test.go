package peers

import (
	"errors"
	"strings"
	"testing"

	"tagma/bench/gen"
	"tagma/bench/oracle"
	"tagma/bench/rules"
	"tagma/event"
)

// Every rule as SQL has the members that the oracle finds, in every engine that is here.
func TestEnginesAgreeWithOracle(t *testing.T) {
	w, err := gen.New(gen.Size{Customers: 400, Events: 12_000}, 3)
	if err != nil {
		t.Fatal(err)
	}
	rs := rules.New(3)
	h := oracle.New(w.Customers)
	if err := w.EachCustomer(func(c *gen.Customer) error { h.Customer(c); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.EachEvent(gen.ByTime, func(e *event.Event) error { h.Event(e); return nil }); err != nil {
		t.Fatal(err)
	}
	want := h.Decide(rs, w.Now())
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			if name != "sqlite" && testing.Short() {
				t.Skip("starts a server")
			}
			dir := t.TempDir()
			t.Cleanup(func() {
				if err := Remove(name, dir); err != nil {
					t.Error(err)
				}
			})
			e, err := Open(t.Context(), name, dir)
			if errors.Is(err, ErrAbsent) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}()
			if err := e.Load(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			writer := NewWriter(e.Dialect, gen.Last(), rs)
			wrong := 0
			for i, r := range rs {
				s, err := writer.Statement(r)
				if err != nil {
					t.Errorf("%v", err)
					continue
				}
				count, fold, err := e.Ask(t.Context(), s)
				if err != nil {
					t.Fatalf("%s: %v\n%s\n%s", r.Key, err, r.Expression, s)
				}
				var f int64
				for id := range w.Customers {
					if want[i].Bits.Get(id) {
						f += Fold(uint32(id))
					}
				}
				if count != int64(want[i].Count) || fold != f {
					if wrong++; wrong < 10 {
						t.Errorf("%s: %d members, fold %d, want %d, %d\n%s\n%s", r.Key, count, fold, want[i].Count, f, r.Expression, s)
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%d of %d rules differ", wrong, len(rs))
			}
		})
	}
}

// The families in ClickHouse's words, which no server here checks.
func TestClickHouseStatements(t *testing.T) {
	rs := []rules.Rule{
		{Key: "count", Condition: rules.Measured{Measure: rules.Measure{Kind: rules.Count, Of: rules.Selection{Names: []string{"order_paid"}, Last: 30,
			Where: []rules.Filter{{Property: "channel", Op: "!=", Value: rules.Value{Kind: rules.TextValue, Texts: []string{`it's \ here`}}}}}}, Op: "<", Value: rules.Value{Kind: rules.NumberValue, Hundredths: 300}}},
		{Key: "first", Condition: rules.Measured{Measure: rules.Measure{Kind: rules.First, Property: "context.campaign.source"}, Op: "==", Value: rules.Value{Kind: rules.TextValue, Texts: []string{"搜索"}}}},
		{Key: "share", Condition: rules.Ranked{Function: "quantile", Share: 80, Op: ">=", Measure: rules.Measure{Kind: rules.Sum, Property: "amount", Of: rules.Selection{Names: []string{"order_paid"}}},
			Where: rules.Measured{Measure: rules.Measure{Kind: rules.Count, Of: rules.Selection{Names: []string{"order_paid"}}}, Op: ">=", Value: rules.Value{Kind: rules.NumberValue, Hundredths: 100}}}},
		{Key: "list", Condition: rules.All{rules.Attribute{Trait: "interests", Function: "has"}, rules.Not{X: rules.Tag{Key: "first", Not: true}}}},
	}
	w := NewWriter(ClickHouse(), gen.Last(), rs)
	const head = "SELECT CAST(count(*) AS BIGINT), CAST(COALESCE(sum(CAST(c.id AS BIGINT) * (c.id % 9973 + 1)), 0) AS BIGINT) FROM customers AS c WHERE "
	first := "c.id IN (SELECT customer FROM (SELECT customer, argMin(ifNull(campaign_source, ''), (ts, arrival)) AS v FROM events GROUP BY customer) AS t WHERE v = '搜索')"
	want := []string{
		`c.id NOT IN (SELECT customer FROM events WHERE name = 'order_paid' AND day > 20604 AND (channel IS NULL OR channel <> 'it\'s \\ here') GROUP BY customer HAVING NOT (count(*) < 3))`,
		first,
		"c.id IN (WITH f AS (SELECT customer AS id, COALESCE(sum(amount), 0) AS x FROM events WHERE name = 'order_paid' GROUP BY customer) SELECT id FROM f WHERE x >= (SELECT quantileExactInclusive(0.80)(x) FROM f))",
		"(NOT (empty(c.interests)) AND NOT (NOT (" + first + ")))",
	}
	for i, r := range rs {
		if got, err := w.Statement(r); err != nil || got != head+want[i] {
			t.Errorf("%s: %v\n%s\nwant\n%s", r.Key, err, got, head+want[i])
		}
	}
	create := tables()[0].create(ClickHouse())
	for _, part := range []string{"id Int32,", "birthday Nullable(Date32)", "city LowCardinality(Nullable(String))", "interests Array(LowCardinality(String))", ") ENGINE = MergeTree ORDER BY id"} {
		if !strings.Contains(create, part) {
			t.Errorf("%s lacks %q", create, part)
		}
	}
	row := clickHouseRow(tables()[0], []any{int64(7), int64(3), nil, event.Date(1), nil, nil, nil, true})
	if row[0] != int32(7) || row[1] != int64(3) || row[3] != midnight(1) || len(row[6].([]string)) != 0 {
		t.Errorf("row %v", row)
	}
}

// What has no counterpart is refused, not written wrongly.
func TestWhatCannotBeWritten(t *testing.T) {
	w := NewWriter(SQLite(), gen.Last(), nil)
	for _, c := range []rules.Condition{
		rules.Tag{Key: "t0001"},
		rules.Measured{Measure: rules.Measure{Kind: rules.Count}, Op: ">", Value: rules.Value{Kind: rules.NumberValue, Hundredths: 150}},
		rules.Measured{Measure: rules.Measure{Kind: rules.Max, Property: "amount"}, Op: "!=", Value: rules.Value{Kind: rules.NumberValue, Hundredths: 100}},
		rules.Attribute{Trait: "birthday", Function: "days_to_anniversary", Op: ">"},
		rules.Ranked{Function: "ntile", Measure: rules.Measure{Kind: rules.Count}, Where: rules.Attribute{Trait: "age", Function: "has"}},
	} {
		if s, err := w.Statement(rules.Rule{Key: "x", Condition: c}); err == nil {
			t.Errorf("%#v becomes %s", c, s)
		}
	}
}
