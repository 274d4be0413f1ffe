package oracle

import (
	"hash/fnv"

	"tagma/event"
	"tagma/rule"
)

// Records are what rules read besides the history of events: the change log, and what was decided by hand or is kept.
// Keys are "tag:" or "segment:" and the key of the definition.
type Records struct {
	Changes []Change // in the order of the log
	Pins    []Pin    // what is in force at one instant does not contradict itself, but for Nothing
	Kept    []Kept
}

// Change is a record of the change log: a value became another one. Either may be missing.
type Change struct {
	Key           string
	Who           event.ProfileID
	At            event.Time
	Before, After event.Value
}

// Pin is a decision by hand: from From on, until Until (not included), the customer has the value. With Out it has not;
// without a Value it then has none at all, but for those that other pins give.
type Pin struct {
	Key         string
	Who         event.ProfileID
	Value       event.Value
	Out         bool
	From, Until event.Time
}

// Kept is a value that a tag keeps, from From on until Until (not included).
type Kept struct {
	Key         string
	Who         event.ProfileID
	Value       event.Value
	From, Until event.Time
}

// pins returns what is decided by hand about a tag, now.
func (c customer) pins(key string) (found []Pin) {
	for _, p := range c.o.records.Pins {
		if p.Key == "tag:"+key && p.Who == c.who && p.From <= c.now && c.now < p.Until {
			found = append(found, p)
		}
	}
	return found
}

// holding returns the values that a tag keeps, now.
func (c customer) holding(key string) (found []event.Value) {
	for _, k := range c.o.records.Kept {
		if k.Key == "tag:"+key && k.Who == c.who && k.From <= c.now && c.now < k.Until {
			found = append(found, k.Value)
		}
	}
	return found
}

// kept is the value that a tag with one value keeps.
func (c customer) kept(key string) event.Value {
	for _, v := range c.holding(key) {
		return v
	}
	return event.Value{}
}

// pinned is the value of a tag with one value after what was decided by hand.
func (c customer) pinned(key string, v event.Value) event.Value {
	for _, p := range c.pins(key) {
		switch {
		case !p.Out:
			return p.Value
		case !p.Value.Present() || p.Value.Equal(v):
			v = event.Value{}
		}
	}
	return v
}

// several is the list of all values of a multi tag, each once: in the order of the cases that hold; what is kept or
// assigned stands in the place of the first case with that value. Without cases the order is that of the values, or of
// the assignments.
func (c customer) several(key string, t Tag) event.Value {
	places := t.Cases
	for _, v := range t.Values {
		places = append(places, Case{Value: v})
	}
	if len(places) == 0 {
		for _, p := range c.pins(key) {
			if p.Value.Present() {
				places = append(places, Case{Value: p.Value})
			}
		}
	}
	var list []event.Value
	among := func(v event.Value, of []event.Value) bool {
		for _, w := range of {
			if w.Equal(v) {
				return true
			}
		}
		return false
	}
	var before []event.Value
	for _, place := range places {
		first := !among(place.Value, before)
		before = append(before, place.Value)
		has := place.When != "" && holds(c.text(place.When)) || first && among(place.Value, c.holding(key))
		for _, p := range c.pins(key) {
			if p.Out && (!p.Value.Present() || p.Value.Equal(place.Value)) {
				has = false
			}
		}
		for _, p := range c.pins(key) {
			if !p.Out && first && p.Value.Equal(place.Value) {
				has = true
			}
		}
		if has && !among(place.Value, list) {
			list = append(list, place.Value)
		}
	}
	if len(list) == 0 {
		return event.Value{}
	}
	return event.List(list...)
}

// change returns the last change of a tag or segment up to now.
func (c customer) change(key string) (last Change, ok bool) {
	for _, r := range c.o.records.Changes {
		if r.Key == key && r.Who == c.who && r.At <= c.now {
			last, ok = r, true
		}
	}
	return last, ok
}

// changedAt answers changed_at(x): since when the value of x is what it is.
func (c customer) changedAt(n rule.Node) event.Value {
	base, key := c.split(n)
	family, ok := base.(*rule.Name)
	if !ok {
		fail("changed_at wants a name")
	}
	switch family.Name {
	case "tags", "segments":
		if last, ok := c.change(family.Name[:len(family.Name)-1] + ":" + key); ok {
			return event.Instant(last.At)
		}
		return event.Value{}
	case "traits":
		return since(c.past(c.traits, key))
	case "consent":
		return since(c.past(c.consents, key))
	}
	fail("changed_at(%s)?", family.Name)
	return event.Value{}
}

// since is the effective time of the first row of the last run of equal values. A removal of what was not there changes
// nothing.
func since(past []event.Trait) event.Value {
	at, old := event.Always, event.Value{}
	for _, row := range past {
		if !old.Equal(row.Value) && (old.Present() || row.Value.Present()) {
			at = row.Time
		}
		old = row.Value
	}
	if at == event.Always { // from the beginning of time, or never
		return event.Value{}
	}
	return event.Instant(at)
}

// previous answers previous(tags.k): the value before its last change.
func (c customer) previous(n rule.Node) event.Value {
	_, key := c.split(n)
	last, _ := c.change("tag:" + key)
	return last.Before
}

// lookup finds a cell of a table by the text of its row's key; a number is its plain decimal.
func (c customer) lookup(table string, key event.Value, column string) event.Value {
	t, ok := c.o.defs.Tables[table]
	if !ok {
		fail("there is no table %s", table)
	}
	switch key.Kind() {
	case event.TextKind:
		return t[key.Text()][column]
	case event.NumberKind:
		return t[key.Number().Exact()][column]
	}
	return event.Value{}
}

// bucket is a stable group of a customer: SplitMix64 of its number and the seed's FNV-1a hash, modulo the groups.
func (c customer) bucket(seed string, groups event.Number) event.Value {
	h := fnv.New64a()
	h.Write([]byte(seed))
	z := h.Sum64() + uint64(c.who) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	n, ok := groups.Int64()
	if !ok {
		fail("bucket wants a whole number")
	}
	return integer(int(z % uint64(n)))
}
