package tag

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/rule/complete"
	"tagma/tagindex"
	"tagma/warehouse"
)

// CheckRule checks a rule against the library and the history. Its own faults are not an error: a rule that is being
// written has them most of the time.
func CheckRule(ctx context.Context, d Deps, text string) (r *rule.Rule, faults []rule.Fault, err error) {
	err = d.withRules(ctx, func(c *library.Compiled, _ warehouse.Snapshot) error {
		r, faults = rule.Check(text, c.Env, rule.AnyValue)
		return nil
	})
	return
}

// CompleteRule says what may come at a cursor, a byte offset in the text of a rule, with real values. At most most
// options are given, 0: as many as complete.DefaultLimit.
func CompleteRule(ctx context.Context, d Deps, text string, cursor, most int) (out complete.Result, err error) {
	if most <= 0 {
		most = complete.DefaultLimit
	}
	err = d.withRules(ctx, func(c *library.Compiled, snap warehouse.Snapshot) error {
		v := &values{snap: snap, compiled: c, view: d.Index.View()}
		out = complete.AtMost(text, cursor, c.Env, v.of, most)
		return v.err
	})
	return
}

// withRules hands the library, ready to check rules against it, and the history to f.
func (d Deps) withRules(ctx context.Context, f func(*library.Compiled, warehouse.Snapshot) error) error {
	if err := d.CatchUp(ctx); err != nil {
		return err
	}
	snap, err := d.Store.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	set, err := library.Load(ctx, d.DB.Read())
	if err != nil {
		return err
	}
	c, err := d.compile(ctx, set, library.CompileOptions{Names: namesOf(snap), Published: true, Lenient: true})
	if err != nil {
		return err
	}
	return f(c, snap)
}

// values finds values that occur, for complete.Values.
type values struct {
	snap     warehouse.Snapshot
	compiled *library.Compiled
	view     *tagindex.View
	err      error // reading failed: what was found before is given
}

// sampled is how many neighbouring blocks are read at each of sampledPlaces places of the history: enough to see what is
// usual, in some ten milliseconds at any size.
const (
	sampled       = 8
	sampledPlaces = 8
)

// of implements complete.Values: the values that occur most often in a part of the history, then others.
func (v *values) of(of complete.ValueOf, prefix string, limit int) []event.Value {
	t := &valueTally{prefix: strings.ToLower(prefix), at: map[string]int{}}
	switch of.Kind {
	case complete.TraitValues:
		v.sample(t, warehouse.Traits, of.Name, warehouse.ValueColumn, "")
	case complete.IdentifierValues:
		v.sample(t, warehouse.Identifiers, of.Name, warehouse.ValueColumn, "")
	case complete.PropertyValues:
		v.property(t, of, limit)
	case complete.TagValues:
		v.tag(t, of.Name)
	case complete.ColumnValues:
		v.column(t, of.Table, of.Name)
	}
	return t.best(limit)
}

// property looks at the events that are asked for; what is seldom comes from the dictionary of texts.
func (v *values) property(t *valueTally, of complete.ValueOf, limit int) {
	list, path, element := strings.Cut(of.Name, "[]")
	path = strings.TrimPrefix(path, ".")
	for _, s := range v.snap.Series() {
		if s.Kind != warehouse.Events || of.Events != nil && !slices.Contains(of.Events, s.Name) ||
			!slices.ContainsFunc(s.Properties, func(p warehouse.PropertyInfo) bool { return p.Name == list }) {
			continue
		}
		if !element {
			v.sample(t, warehouse.Events, s.Name, list, "")
			continue
		}
		v.sample(t, warehouse.Events, s.Name, list, "."+path)
	}
	if element || len(t.found) >= limit || of.Events != nil && len(t.found) > 0 && t.prefix == "" {
		return
	}
	for _, text := range v.snap.Texts(of.Name, maxTexts) {
		t.add(event.Text(text), 0)
	}
}

// maxTexts is how many texts of a dictionary are looked through for a prefix.
const maxTexts = 1 << 14

// tag gives the values that the definition fixes, and those that somebody holds.
func (v *values) tag(t *valueTally, key string) {
	def, ok := v.compiled.Set.Tag(key)
	if !ok {
		return
	}
	for _, value := range fixedValues(def) {
		t.add(value, 0)
	}
	if c := v.view.Content(def.ID); c.InSets() {
		for _, held := range c.Values(0) {
			t.add(held.Value, held.Count)
		}
	}
}

func (v *values) column(t *valueTally, table, column string) {
	if v.compiled.Env.Table == nil {
		return
	}
	found, ok, err := v.compiled.Env.Table(table)
	if !ok || err != nil || found == nil || found.Columns[column] == nil {
		return
	}
	for _, value := range found.Columns[column].Values {
		t.add(value, 1)
	}
}

// sample counts the values of a column in a part of the history. field, when it begins with a dot, is what is wanted of
// the elements of a list: ".sku"; "." alone the elements themselves.
func (v *values) sample(t *valueTally, kind warehouse.SeriesKind, name, column, field string) {
	reader, err := v.snap.Reader(warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: kind, Name: name, Columns: []string{column}}}})
	if err != nil {
		v.err = err
		return
	}
	defer reader.Close()
	blocks := (int(v.snap.Profiles()) + warehouse.BlockSize - 1) / warehouse.BlockSize
	step := max(sampled, (blocks+sampledPlaces-1)/sampledPlaces)
	var block warehouse.Block
	for at := 0; at < blocks; at += step {
		for b, end := at, min(at+sampled, blocks); b < end; b += max(1, block.N/warehouse.BlockSize) {
			if err := reader.Blocks(uint32(b), end-b, &block); err != nil {
				v.err = err
				return
			}
			for _, c := range block.Tables[0].Columns[0] {
				t.countColumn(&c, field)
			}
		}
	}
}

// valueTally counts values that begin with a prefix.
type valueTally struct {
	prefix string // in small letters
	at     map[string]int
	found  []valueCount
}

type valueCount struct {
	value event.Value
	count int
}

func (t *valueTally) add(v event.Value, n int) {
	if v.Kind() == event.ListKind {
		for _, e := range v.List() {
			t.add(e, n)
		}
		return
	}
	if !v.Present() || v.Kind() == event.MapKind {
		return
	}
	key := v.Key()
	at, known := t.at[key]
	if !known {
		if t.prefix != "" && !strings.HasPrefix(strings.ToLower(plainText(v)), t.prefix) {
			at = -1 // not wanted
		} else {
			at = len(t.found)
			t.found = append(t.found, valueCount{value: v})
		}
		t.at[key] = at
	}
	if at >= 0 {
		t.found[at].count += n
	}
}

// countColumn counts the values of a column; texts of a dictionary by their codes.
func (t *valueTally) countColumn(c *event.Column, field string) {
	if c.Kind == event.TextKind && c.Dict != nil {
		counts := map[uint32]int{}
		for i, code := range c.Codes[:c.Len] {
			if c.Present(i) && code&event.Inline == 0 {
				counts[code]++
			}
		}
		for code, n := range counts {
			t.add(event.Text(c.Dict.Text(code)), n)
		}
		for i, code := range c.Codes[:c.Len] {
			if c.Present(i) && code&event.Inline != 0 {
				t.add(c.Value(i), 1)
			}
		}
		return
	}
	for i := range c.Len {
		if !c.Present(i) {
			continue
		}
		if field == "" {
			t.add(c.Value(i), 1)
			continue
		}
		for _, e := range c.Value(i).List() {
			if e.Kind() == event.MapKind {
				t.add(fieldOf(e, field[1:]), 1)
			} else if field == "." {
				t.add(e, 1)
			}
		}
	}
}

// fieldOf is a field of a map, whose name is dotted where maps lie in one another.
func fieldOf(m event.Value, path string) event.Value {
	for _, p := range m.Map() {
		rest, inside := strings.CutPrefix(path, p.Name+".")
		switch {
		case p.Name == path:
			return p.Value
		case inside && p.Value.Kind() == event.MapKind:
			if v := fieldOf(p.Value, rest); v.Present() {
				return v
			}
		}
	}
	return event.Value{}
}

// best are the values that were counted most often, equal ones in their order.
func (t *valueTally) best(limit int) []event.Value {
	slices.SortFunc(t.found, func(a, b valueCount) int {
		return cmp.Or(cmp.Compare(b.count, a.count), a.value.Compare(b.value))
	})
	out := make([]event.Value, 0, min(max(limit, 0), len(t.found)))
	for _, f := range t.found[:cap(out)] {
		out = append(out, f.value)
	}
	return out
}
