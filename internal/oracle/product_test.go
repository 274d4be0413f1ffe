package oracle_test

import (
	"cmp"
	"fmt"
	"slices"

	"tagma/event"
	"tagma/internal/oracle"
	"tagma/rule"
)

// product is the definitions of a scene as the product's checker reads them.
type product struct {
	*scene
	env  *rule.Env
	defs map[string]*rule.Expr
}

func (s *scene) product() *product {
	p := &product{scene: s, defs: map[string]*rule.Expr{}}
	p.env = &rule.Env{Zone: s.zone, Names: rule.NewNames(s.history.Series()), Builder: rule.NewBuilder()}
	p.env.TagKeys = func() []string { return keys(s.defs.Tags) }
	p.env.Segments = func() []string { return keys(s.defs.Segments) }
	p.env.Measures = func() []string { return keys(s.defs.Measures) }
	p.env.Tables = func() []string { return keys(s.defs.Tables) }
	p.env.Table = func(key string) (*rule.Table, bool, error) {
		t, ok := s.defs.Tables[key]
		return tableOf(key, t), ok, nil
	}
	p.env.Measure = func(key string) (*rule.Expr, bool, error) {
		m, ok := s.defs.Measures[key]
		if !ok {
			return nil, false, nil
		}
		x, err := p.expr(m.Value, rule.AnyValue)
		if err == nil && m.When != "" {
			var when *rule.Expr
			if when, err = p.expr(m.When, rule.Condition); err == nil {
				x = p.env.Builder.If(when, x)
			}
		}
		return x, true, err
	}
	p.env.Segment = func(key string) (*rule.Expr, bool, error) {
		text, ok := s.defs.Segments[key]
		if !ok {
			return nil, false, nil
		}
		x, err := p.expr(text, rule.Condition)
		return x, true, err
	}
	p.env.Tag = func(key string) (*rule.TagRef, bool, error) {
		t, ok := s.defs.Tags[key]
		if !ok {
			return nil, false, nil
		}
		ref, err := p.tag(key, t)
		return ref, true, err
	}
	return p
}

// expr checks a definition's text once.
func (p *product) expr(text string, want rule.Want) (*rule.Expr, error) {
	if x := p.defs[text]; x != nil {
		return x, nil
	}
	r, faults := rule.Check(text, p.env, want)
	if len(faults) > 0 {
		return nil, fmt.Errorf("definition: %s", faults[0].Message)
	}
	p.defs[text] = r.Expr
	return r.Expr, nil
}

// tag is what others see of a tag: what was decided by hand over what it keeps over its rule.
func (p *product) tag(key string, t oracle.Tag) (ref *rule.TagRef, err error) {
	b, ref := p.env.Builder, &rule.TagRef{Key: "tag:" + key}
	switch {
	case len(t.Cases) > 0:
		var conds []*rule.Expr
		var values []event.Value
		for _, c := range t.Cases {
			x, err := p.expr(c.When, rule.Condition)
			if err != nil {
				return nil, err
			}
			conds, values = append(conds, x), append(values, c.Value)
		}
		ref.Value = b.Cases(conds, values)
		if t.Multi {
			ref.Value = b.MultiCases(conds, values)
		}
	case t.Value == "":
		ref.Value = b.ByHand(ref.Key, rule.Text, t.Values, t.Multi)
		return ref, nil
	default:
		x, err := p.expr(t.Value, rule.AnyValue)
		if err != nil {
			return nil, err
		}
		ref.Value = x
		if len(t.Bands) > 0 {
			var bands []rule.Band
			for _, b := range t.Bands {
				bands = append(bands, rule.Band{Below: b.Below, Value: b.Value})
			}
			ref.Value, ref.Number = b.Bands(x, bands), x
		}
	}
	ref.Value = b.Pinned(ref.Key, b.Kept(ref.Key, ref.Value))
	return ref, nil
}

func tableOf(key string, rows oracle.Table) *rule.Table {
	t := &rule.Table{Key: key, By: "key", Columns: map[string]*rule.TableColumn{}}
	for name, sort := range tableColumns {
		c := &rule.TableColumn{Kind: columnKinds[sort], Values: map[string]event.Value{}}
		for by, cells := range rows {
			if v := cells[name]; v.Present() {
				c.Values[by] = v
			}
		}
		t.Columns[name] = c
	}
	return t
}

// held is what Run.Pinned and Run.Kept answer: of those that hold at an instant, by customer; that all values are taken
// away comes before the others.
func held(pins []oracle.Pin, now event.Time) func(string, event.ProfileID, int) []rule.Held {
	return func(key string, first event.ProfileID, n int) (out []rule.Held) {
		for _, p := range pins {
			if p.Key == key && p.Who >= first && p.Who < first+event.ProfileID(n) && p.From <= now && p.Until > now {
				out = append(out, rule.Held{At: int(p.Who - first), Value: p.Value, Out: p.Out})
			}
		}
		slices.SortStableFunc(out, func(a, b rule.Held) int {
			last := func(h rule.Held) int {
				if h.Value.Present() {
					return 1
				}
				return 0
			}
			return cmp.Or(a.At-b.At, last(a)-last(b))
		})
		return out
	}
}

func (s *scene) pinned(now event.Time) func(string, event.ProfileID, int) []rule.Held {
	return held(s.records.Pins, now)
}

func (s *scene) kept(now event.Time) func(string, event.ProfileID, int) []rule.Held {
	var pins []oracle.Pin
	for _, k := range s.records.Kept {
		pins = append(pins, oracle.Pin{Key: k.Key, Who: k.Who, Value: k.Value, From: k.From, Until: k.Until})
	}
	return held(pins, now)
}

// past is what Run.Past answers.
func (s *scene) past(now event.Time) func(string, event.ProfileID, int) (changed, previous []event.Column) {
	return func(key string, first event.ProfileID, n int) (changed, previous []event.Column) {
		at, before := make([]event.Value, n), make([]event.Value, n)
		for _, c := range s.records.Changes {
			if i := int(c.Who) - int(first); c.Key == key && i >= 0 && i < n && c.At <= now {
				at[i], before[i] = event.Instant(c.At), c.Before
			}
		}
		return columnsOf(at), columnsOf(before)
	}
}

// columnsOf makes columns of values, one for each kind.
func columnsOf(values []event.Value) (out []event.Column) {
	for k := event.BoolKind; k <= event.MapKind; k++ {
		c := event.Column{Kind: k, Len: len(values), Has: event.NewBits(len(values))}
		for i, v := range values {
			if v.Kind() == k {
				c.Has.Set(i)
			}
		}
		if c.Has.Count() == 0 {
			continue
		}
		switch k {
		case event.ListKind, event.MapKind:
			c.Values = values
		case event.TextKind:
			c.Codes = make([]uint32, len(values))
		case event.NumberKind:
			c.Nums = make([]event.Number, len(values))
		default:
			c.Ints = make([]int64, len(values))
		}
		for i, v := range values {
			switch {
			case !c.Has.Get(i):
			case k == event.TextKind:
				c.Codes[i] = event.Inline | uint32(len(c.Inline))
				c.Inline = append(c.Inline, v.Text())
			case k == event.NumberKind:
				c.Nums[i] = v.Number()
			case k == event.TimeKind:
				c.Ints[i] = int64(v.Time())
			case k == event.DateKind:
				c.Ints[i] = int64(v.Date())
			case k == event.BoolKind && v.Bool():
				c.Ints[i] = 1
			}
		}
		out = append(out, c)
	}
	return out
}
