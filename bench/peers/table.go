package peers

import (
	"iter"
	"strings"

	"tagma/bench/gen"
	"tagma/event"
)

// column is a column of a table.
type column struct {
	name     string
	kind     kind
	optional bool
}

// table is a table of the shop: customers with their traits as they are, or events.
type table struct {
	name    string
	columns []column
	rows    func(w *gen.World) iter.Seq[[]any]
}

// tables are what every engine is given: a shop's two tables. Days are local days since 1970. Numbers that may have
// decimals are in hundredths, so that all engines calculate exactly.
func tables() []table {
	return []table{
		{"customers", []column{{"id", number, false}, {"age", wide, true}, {"balance", wide, true}, {"birthday", date, true}, {"city", word, true}, {"gender", word, true},
			{"interests", list, true}, {"is_member", flag, true}, {"level", word, true}, {"points", wide, true}, {"province", word, true},
			{"registered_at", number, true}, {"score", wide, true}}, customerRows},
		{"events", []column{{"customer", number, false}, {"name", word, false}, {"ts", wide, false}, {"day", number, false}, {"arrival", wide, false},
			{"amount", wide, true}, {"brand", word, true}, {"category", word, true}, {"channel", word, true}, {"campaign_source", word, true}, {"campaign_term", word, true},
			{"coupon", word, true}, {"duration", wide, true}, {"order_id", text, true}, {"page", word, true}, {"points", wide, true}, {"quantity", wide, true},
			{"referrer", word, true}, {"sku", word, true}, {"stars", wide, true}}, eventRows},
	}
}

// columnOf is the column of an event's property.
func columnOf(property string) string {
	return strings.ReplaceAll(strings.TrimPrefix(property, "context."), ".", "_")
}

// create is the statement that makes a table.
func (t *table) create(d *Dialect) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + t.name + " (")
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.name + " ")
		if typ := d.types[c.kind]; c.optional {
			b.WriteString(d.nullable(typ))
		} else if d.options != nil {
			b.WriteString(typ)
		} else {
			b.WriteString(typ + " NOT NULL")
		}
	}
	return b.String() + ")" + d.options[t.name]
}

func (t *table) names() []string {
	out := make([]string, len(t.columns))
	for i, c := range t.columns {
		out[i] = c.name
	}
	return out
}

// customerRows are the customers with the traits that they have at the end of the history. A row is overwritten by the
// next one. Values are int64, string, bool, event.Date, []string, or nil.
func customerRows(w *gen.World) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		at := positions("customers")
		row := make([]any, len(at))
		stop := errStop{}
		_ = w.EachCustomer(func(c *gen.Customer) error {
			clear(row)
			row[0] = int64(c.Number)
			for _, t := range c.Traits { // in order of time: the latest stays
				if i, ok := at[t.Name]; ok && t.Time <= w.Now() {
					row[i] = plain(w, t.Value)
				}
			}
			if !yield(row) {
				return stop
			}
			return nil
		})
	}
}

func eventRows(w *gen.World) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		at := positions("events")
		row := make([]any, len(at))
		columns := map[string]int{}
		stop := errStop{}
		_ = w.EachEvent(gen.ByTime, func(e *event.Event) error {
			clear(row)
			row[0], row[1], row[2], row[3], row[4] = int64(e.Profile), e.Name, int64(e.Time), int64(w.Zone().Date(e.Time)), int64(e.Arrival)
			for _, p := range e.Props {
				i, ok := columns[p.Name]
				if !ok {
					i = at[columnOf(p.Name)]
					columns[p.Name] = i
				}
				row[i] = plain(w, p.Value)
			}
			if !yield(row) {
				return stop
			}
			return nil
		})
	}
}

// errStop ends a walk whose rows are not wanted any more.
type errStop struct{}

func (errStop) Error() string { return "stopped" }

func positions(name string) map[string]int {
	out := map[string]int{}
	for _, t := range tables() {
		if t.name == name {
			for i, c := range t.columns {
				out[c.name] = i
			}
		}
	}
	return out
}

// plain is a value as the tables hold it.
func plain(w *gen.World, v event.Value) any {
	switch v.Kind() {
	case event.NumberKind:
		hundredths, _ := v.Number().Coefficient(2)
		return hundredths
	case event.BoolKind:
		return v.Bool()
	case event.DateKind:
		return v.Date()
	case event.TimeKind:
		return int64(w.Zone().Date(v.Time()))
	case event.ListKind:
		var out []string
		for _, x := range v.List() {
			out = append(out, x.Text())
		}
		return out
	}
	return v.Text()
}
