package pebble

import (
	"encoding/binary"

	"tagma/event"
	"tagma/warehouse"
)

// A profile's row: low byte · flags · entity · first seen, where there is one.
const (
	profileKnown  = 1 << iota // it exists
	profilePerson             // NewProfile said so
	profileNamed              // NewProfile was seen, so the entity is set
	profileTimed              // first seen has a time
	profileAlways             // it has a record without a time
)

type profileRow struct {
	flags  uint8
	entity event.Entity
	first  event.Time // the earliest time of a record that has one; Never when none
}

var noProfile = profileRow{first: event.Never}

// seen takes in that there is a record of a time, or of none.
func (p *profileRow) seen(t event.Time) {
	p.flags |= profileKnown
	if t == event.Always {
		p.flags |= profileAlways
	} else {
		p.first = min(p.first, t)
	}
}

// seenAt is the row of a profile of which one record is known.
func seenAt(t event.Time) profileRow {
	p := noProfile
	p.seen(t)
	return p
}

// join adds a later row of the same profile.
func (p *profileRow) join(q profileRow) {
	if p.flags&profileNamed == 0 && q.flags&profileNamed != 0 {
		p.entity = q.entity
	}
	p.flags |= q.flags
	p.first = min(p.first, q.first)
}

func (p profileRow) profile() warehouse.Profile {
	return warehouse.Profile{
		Known:     p.flags&profileKnown != 0,
		FirstSeen: p.first,
		Untimed:   p.flags&profileAlways != 0,
		Entity:    p.entity,
		Person:    p.flags&profilePerson != 0,
	}
}

func named(n event.NewProfile) profileRow {
	p := seenAt(n.Seen)
	p.flags |= profileNamed
	p.entity = n.Entity
	if n.Person {
		p.flags |= profilePerson
	}
	return p
}

func appendProfile(b []byte, low uint8, p profileRow) []byte {
	flags := p.flags &^ profileTimed
	if p.first != event.Never {
		flags |= profileTimed
	}
	b = append(b, low, flags, byte(p.entity))
	if flags&profileTimed != 0 {
		b = binary.AppendVarint(b, int64(p.first))
	}
	return b
}

func readProfiles(b []byte, f func(low uint8, p profileRow)) error {
	for len(b) > 0 {
		if len(b) < 3 {
			return event.ErrCorrupt
		}
		low, p := b[0], profileRow{flags: b[1], entity: event.Entity(b[2]), first: event.Never}
		b = b[3:]
		if p.flags&profileTimed != 0 {
			t, n := binary.Varint(b)
			if n <= 0 {
				return event.ErrCorrupt
			}
			p.first = event.Time(t)
			b = b[n:]
		}
		p.flags &^= profileTimed
		f(low, p)
	}
	return nil
}

// mergeProfiles gives each profile of a block one row.
func mergeProfiles(value []byte) ([]byte, error) {
	var rows [warehouse.BlockSize]profileRow
	for i := range rows {
		rows[i] = noProfile
	}
	if err := readProfiles(value, func(low uint8, p profileRow) { rows[low].join(p) }); err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(value))
	for low, p := range rows {
		if p != noProfile {
			out = appendProfile(out, uint8(low), p)
		}
	}
	return out, nil
}

const (
	leafSize = 1024
	nodeSize = 256
)

// profileTable holds every profile's row. A copy shares what it does not change: copying costs the root, and the
// first change of a leaf afterwards costs that leaf.
type profileTable struct {
	root  []*profileNode
	count uint32 // profiles have numbers below it
	epoch uint64 // nodes and leaves of earlier epochs may be in a copy
}

type profileNode struct {
	epoch  uint64
	leaves [nodeSize]*profileLeaf
}

type profileLeaf struct {
	epoch  uint64
	first  [leafSize]event.Time
	flags  [leafSize]uint8
	entity [leafSize]event.Entity
}

// copied returns a table that later changes of t do not reach.
func (t *profileTable) copied() profileTable {
	c := *t
	c.root = append([]*profileNode(nil), t.root...)
	t.epoch++
	return c
}

func (t *profileTable) get(p event.ProfileID) profileRow {
	leaf := t.leaf(p)
	if leaf == nil {
		return noProfile
	}
	i := p % leafSize
	return profileRow{flags: leaf.flags[i], entity: leaf.entity[i], first: leaf.first[i]}
}

func (t *profileTable) people(first event.ProfileID, n int, entity event.Entity, now event.Time, into event.Bits) {
	const person = profileKnown | profilePerson
	for i := 0; i < n; {
		p := first + event.ProfileID(i)
		from := int(p % leafSize)
		count := min(n-i, leafSize-from)
		if leaf := t.leaf(p); leaf != nil {
			for k := range count {
				flags := leaf.flags[from+k]
				if flags&person == person && leaf.entity[from+k] == entity && (flags&profileAlways != 0 || leaf.first[from+k] <= now) {
					into.Set(i + k)
				}
			}
		}
		i += count
	}
}

// leaf is where a profile's row is; nil: nowhere.
func (t *profileTable) leaf(p event.ProfileID) *profileLeaf {
	node := int(p / (leafSize * nodeSize))
	if node >= len(t.root) || t.root[node] == nil {
		return nil
	}
	return t.root[node].leaves[p/leafSize%nodeSize]
}

func (t *profileTable) set(p event.ProfileID, row profileRow) {
	t.count = max(t.count, uint32(p)+1)
	n := int(p / (leafSize * nodeSize))
	for n >= len(t.root) {
		t.root = append(t.root, nil)
	}
	node := t.root[n]
	if node == nil {
		node = &profileNode{epoch: t.epoch}
		t.root[n] = node
	} else if node.epoch != t.epoch {
		fresh := *node
		node = &fresh
		node.epoch = t.epoch
		t.root[n] = node
	}
	l := p / leafSize % nodeSize
	leaf := node.leaves[l]
	if leaf == nil {
		leaf = &profileLeaf{epoch: t.epoch}
		for i := range leaf.first {
			leaf.first[i] = event.Never
		}
		node.leaves[l] = leaf
	} else if leaf.epoch != t.epoch {
		fresh := *leaf
		leaf = &fresh
		leaf.epoch = t.epoch
		node.leaves[l] = leaf
	}
	i := p % leafSize
	leaf.first[i], leaf.flags[i], leaf.entity[i] = row.first, row.flags, row.entity
}

// join adds a stored value of a block.
func (t *profileTable) join(block uint32, value []byte) error {
	return readProfiles(value, func(low uint8, p profileRow) {
		id := event.ProfileID(block<<8 | uint32(low))
		row := t.get(id)
		row.join(p)
		t.set(id, row)
	})
}

// Profile returns what is known of one profile now.
func (s *Store) Profile(p event.ProfileID) warehouse.Profile {
	s.state.Lock()
	defer s.state.Unlock()
	return s.profiles.get(p).profile()
}

// each calls f with the rows there are, in order of profile.
func (t *profileTable) each(f func(event.ProfileID, profileRow) error) error {
	for n, node := range t.root {
		if node == nil {
			continue
		}
		for l, leaf := range node.leaves {
			if leaf == nil {
				continue
			}
			for i := range leafSize {
				row := profileRow{flags: leaf.flags[i], entity: leaf.entity[i], first: leaf.first[i]}
				if row == noProfile {
					continue
				}
				if err := f(event.ProfileID((n*nodeSize+l)*leafSize+i), row); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
