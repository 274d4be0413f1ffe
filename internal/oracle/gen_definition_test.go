package oracle_test

import (
	"fmt"
	"slices"
	"sort"

	"tagma/event"
	"tagma/internal/oracle"
	"tagma/internal/world"
)

// caseValues are the values of tags with cases.
var caseValues = []event.Value{event.Text("高"), event.Text("中"), event.Text("低")}

// define draws a few measures, tags and segments, each speaking of those before it, and what is recorded of them.
func (w *writer) define(history *world.World) {
	w.defs = oracle.Definitions{Measures: map[string]oracle.Measure{}, Tags: map[string]oracle.Tag{}, Segments: map[string]string{}, Tables: map[string]oracle.Table{}}
	if !rarely(w.Rand, 4) {
		w.defineTable("cities")
	}
	for i := range w.below(6) {
		key := fmt.Sprintf("d%d", i)
		switch w.below(9) {
		case 0:
			sort := w.pick("number", "text", "number")
			m := oracle.Measure{Value: w.value(sort, 2)}
			if rarely(w.Rand, 2) {
				m.When = w.cond(1)
			}
			w.defs.Measures[key], w.measures[key] = m, sort
			continue
		case 1, 8:
			w.defs.Segments[key] = w.cond(2)
			w.segments = append(w.segments, key)
			w.recordChanges("segment:"+key, []event.Value{event.Bool(true)}, history)
			continue
		case 2, 3:
			w.defineCases(key, rarely(w.Rand, 2))
		case 4, 5:
			sort := w.pick("number", "text", "time")
			w.defs.Tags[key], w.tags[key] = oracle.Tag{Value: w.value(sort, 2)}, sort
		case 6:
			w.defs.Tags[key] = oracle.Tag{Value: w.number(2), Bands: []oracle.Band{{Below: num("1"), Value: "低"}, {Below: num("2.5"), Value: "中"}, {Value: "高"}}}
			w.tags[key] = "banded"
		case 7:
			w.defineManual(key)
		}
		w.record(key, history)
	}
}

func (w *writer) defineCases(key string, multi bool) {
	t := oracle.Tag{Multi: multi}
	values := []event.Value{caseValues[0], caseValues[1], caseValues[2], caseValues[0]} // two cases may give the same
	for _, v := range values[:1+w.below(4)] {
		t.Cases = append(t.Cases, oracle.Case{Value: v, When: w.cond(2)})
	}
	w.defs.Tags[key], w.tags[key] = t, "text"
	if multi {
		w.tags[key] = "list"
	}
}

// defineManual draws a tag that is assigned by hand.
func (w *writer) defineManual(key string) {
	t := oracle.Tag{Multi: rarely(w.Rand, 2)}
	if rarely(w.Rand, 2) {
		t.Values = caseValues[:1+w.below(3)]
	}
	w.defs.Tags[key], w.tags[key] = t, "text"
	if t.Multi {
		w.tags[key] = "list"
	}
}

// values are those that a tag can have, as far as what is recorded needs them.
func (w *writer) valuesOf(key string) []event.Value {
	t := w.defs.Tags[key]
	var values []event.Value
	for _, c := range t.Cases {
		values = append(values, c.Value)
	}
	for _, b := range t.Bands {
		values = append(values, event.Text(b.Value))
	}
	values = append(values, t.Values...)
	if len(values) == 0 {
		sort := w.tags[key]
		if sort == "list" {
			sort = "few"
		}
		values = some(w.Rand, 3, 3, func() event.Value { return valueOf(w.Rand, sort, w.at) })
	}
	return values
}

// record draws what the change log, people and keep say of a tag.
func (w *writer) record(key string, history *world.World) {
	t, values := w.defs.Tags[key], w.valuesOf(key)
	manual := len(t.Cases) == 0 && t.Value == ""
	past := values
	if t.Multi {
		past = []event.Value{event.List(values[0]), event.List(values...)}
	}
	w.recordChanges("tag:"+key, past, history)
	pins, keeps := manual || rarely(w.Rand, 2), !manual && rarely(w.Rand, 2)
	slots := []event.Value{{}} // for each, one decision at a time
	if t.Multi {
		for _, v := range values {
			if !slices.ContainsFunc(slots, v.Equal) {
				slots = append(slots, v)
			}
		}
	}
	for _, k := range history.Known {
		if k.Profile < 250 && len(history.Known) > 250 {
			continue
		}
		for _, slot := range slots {
			for _, span := range w.spans(pins) {
				p := oracle.Pin{Key: "tag:" + key, Who: k.Profile, Value: slot, Out: rarely(w.Rand, 4), From: span[0], Until: span[1]}
				switch {
				case !slot.Present() && t.Multi: // all are taken away
					p.Out = true
				case !slot.Present() && !p.Out:
					p.Value = pick(w.Rand, values...)
				case !slot.Present() && rarely(w.Rand, 2):
					p.Value = pick(w.Rand, values...) // only this one
				}
				w.records.Pins = append(w.records.Pins, p)
			}
			if t.Multi == slot.Present() {
				for _, span := range w.spans(keeps) {
					v := slot
					if !t.Multi {
						v = pick(w.Rand, values...)
					}
					w.records.Kept = append(w.records.Kept, oracle.Kept{Key: "tag:" + key, Who: k.Profile, Value: v, From: span[0], Until: span[1]})
				}
			}
		}
	}
}

// spans draws stretches of time, one after the other.
func (w *writer) spans(any bool) (spans [][2]event.Time) {
	if !any {
		return nil
	}
	at := some(w.Rand, 0, 4, func() event.Time { return near(w.Rand, w.at) })
	slices.Sort(at)
	for i := 0; i < len(at); i += 2 {
		until := event.Never
		if i+1 < len(at) {
			until = at[i+1]
		}
		spans = append(spans, [2]event.Time{at[i], until})
	}
	return spans
}

// recordChanges draws the records of the change log of a tag or segment.
func (w *writer) recordChanges(key string, values []event.Value, history *world.World) {
	for _, k := range history.Known {
		if rarely(w.Rand, 3) || k.Profile < 250 && len(history.Known) > 250 {
			continue
		}
		var now event.Value
		at := some(w.Rand, 0, 5, func() event.Time { return near(w.Rand, w.at) })
		slices.Sort(at)
		for _, t := range at {
			next := pick(w.Rand, append([]event.Value{{}}, values...)...)
			if next.Equal(now) || !next.Present() && !now.Present() {
				continue
			}
			w.records.Changes = append(w.records.Changes, oracle.Change{Key: key, Who: k.Profile, At: t, Before: now, After: next})
			now = next
		}
	}
	sort.SliceStable(w.records.Changes, func(i, j int) bool { return w.records.Changes[i].At < w.records.Changes[j].At })
}

// tableColumns are the columns of lookup tables, with the sorts of their cells.
var tableColumns = map[string]string{"tier": "few", "人口": "number", "open": "bool", "since": "date", "tags": "list", "at": "time"}

// columnKinds are the declared types of the columns of a table.
var columnKinds = map[string]event.Kind{"few": event.TextKind, "number": event.NumberKind, "bool": event.BoolKind, "date": event.DateKind,
	"list": event.ListKind, "time": event.TimeKind}

func (w *writer) defineTable(key string) {
	t, columns := oracle.Table{}, map[string]string{}
	for _, by := range different(w.Rand, 0, 14, append([]string{"0.5", "1", "8", "100.5", "2"}, texts...)) {
		t[by] = map[string]event.Value{}
		for _, column := range keys(tableColumns) {
			if !rarely(w.Rand, 4) {
				t[by][column] = valueOf(w.Rand, tableColumns[column], w.at)
			}
		}
	}
	for column, sort := range tableColumns {
		if sort == "few" {
			sort = "text"
		}
		columns[column] = sort
	}
	w.defs.Tables[key], w.tables[key] = t, columns
}
