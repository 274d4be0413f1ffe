package tagindex

import (
	"encoding/binary"
	"slices"

	"tagma/event"
)

// with gives one customer a value. c must be owned by the epoch.
func (c *column) with(customer uint32, v event.Value, epoch uint64) {
	number, i := customer/pageSize, int(customer%pageSize)
	p := c.page(number)
	if q, ok := c.fitted(p, i, v); ok {
		c.put(number, q, epoch)
		return
	}
	var buf pageBuffer
	p.unpack(&buf)
	buf.set(i, v, c.dict)
	c.put(number, buf.pack(c.kind), epoch)
}

// without takes the value of one customer away. c must be owned by the epoch.
func (c *column) without(customer uint32, epoch uint64) {
	number, i := customer/pageSize, int(customer%pageSize)
	if p := c.page(number); p.present(i) {
		c.put(number, p.less(i), epoch)
	}
}

// fitted returns a page with a value at i, when the value can stand there in the form that the page has.
func (c *column) fitted(p *page, i int, v event.Value) (*page, bool) {
	x := int64(0)
	switch v.Kind() {
	case event.BoolKind:
		if v.Bool() {
			x = 1
		}
	case event.TextKind:
		x = int64(c.dict.put(v.Text()))
	case event.TimeKind:
		x = int64(v.Time())
	case event.DateKind:
		x = int64(v.Date())
	case event.NumberKind:
		n, scale := v.Number().Normal(), 0
		if p != nil {
			scale = int(p.scale)
		}
		var ok bool
		if x, ok = n.Coefficient(scale); !ok || n.Scale() > scale {
			return nil, false
		}
	default:
		if p != nil && p.values == nil {
			return nil, false
		}
		return p.listAt(i, v), true
	}
	switch {
	case p == nil:
		q := &page{card: 1, base: x}
		q.has[i>>6] = 1 << (i & 63)
		return q, true
	case p.values != nil, x < p.base, p.width < 8 && uint64(x)-uint64(p.base) >= 1<<(8*p.width):
		return nil, false
	}
	return p.intAt(i, x), true
}

// intAt returns the page with a number at i that fits its base and width.
func (p *page) intAt(i int, x int64) *page {
	q, rank, there := p.placed(i)
	w := int(p.width)
	if w == 0 {
		return q
	}
	at := rank * w
	var raw [8]byte
	binary.LittleEndian.PutUint64(raw[:], uint64(x)-uint64(p.base))
	if there {
		q.data = slices.Clone(p.data)
		copy(q.data[at:], raw[:w])
		return q
	}
	q.data = make([]byte, len(p.data)+w)
	copy(q.data, p.data[:at])
	copy(q.data[at:], raw[:w])
	copy(q.data[at+w:], p.data[at:])
	return q
}

// listAt returns the page, which must be nil or wide, with a list at i.
func (p *page) listAt(i int, v event.Value) *page {
	if p == nil {
		q := &page{card: 1, values: []event.Value{v}}
		q.has[i>>6] = 1 << (i & 63)
		return q
	}
	q, rank, there := p.placed(i)
	if q.values = slices.Clone(p.values); there {
		q.values[rank] = v
	} else {
		q.values = slices.Insert(q.values, rank, v)
	}
	return q
}

// placed returns a copy of the page with i present and its value still to be written, the rank of i, and whether it was
// present before.
func (p *page) placed(i int) (q *page, rank int, there bool) {
	own := *p
	q, rank, there = &own, p.rank(i), p.present(i)
	if !there {
		q.has[i>>6] |= 1 << (i & 63)
		q.card++
	}
	return
}

// less returns the page without the value at i, which must be present; nil when no other is.
func (p *page) less(i int) *page {
	if p.card == 1 {
		return nil
	}
	q, rank := *p, p.rank(i)
	q.has[i>>6] &^= 1 << (i & 63)
	q.card--
	if p.values != nil {
		q.values = slices.Delete(slices.Clone(p.values), rank, rank+1)
		return &q
	}
	if w := int(p.width); w > 0 {
		q.data = make([]byte, len(p.data)-w)
		copy(q.data, p.data[:rank*w])
		copy(q.data[rank*w:], p.data[(rank+1)*w:])
	}
	return &q
}

// applyFew is applySets for changes of a few customers; false when they are more, and nothing is done.
func (c *column) applyFew(changes []SetChange, multi bool, epoch uint64) (touched []uint32, ok bool) {
	for _, ch := range changes {
		if !isFew(ch.Left) || !isFew(ch.Entered) {
			return nil, false
		}
	}
	for _, ch := range changes {
		if none(ch.Left) {
			continue
		}
		for _, customer := range ch.Left.ToArray() {
			touched = append(touched, customer)
			switch v := c.value(customer); {
			case !v.Present():
			case multi:
				c.setList(customer, withoutElement(v.List(), ch.Value), epoch)
			case v.Equal(ch.Value):
				c.without(customer, epoch)
			}
		}
	}
	for _, ch := range changes {
		if none(ch.Entered) {
			continue
		}
		for _, customer := range ch.Entered.ToArray() {
			touched = append(touched, customer)
			if multi {
				c.setList(customer, withElement(c.value(customer).List(), ch.Value), epoch)
			} else {
				c.with(customer, ch.Value, epoch)
			}
		}
	}
	return touched, true
}

func (c *column) setList(customer uint32, list []event.Value, epoch uint64) {
	if len(list) == 0 {
		c.without(customer, epoch)
		return
	}
	c.with(customer, event.List(list...), epoch)
}

// withElement is a sorted list with v in it.
func withElement(list []event.Value, v event.Value) []event.Value {
	at, found := slices.BinarySearchFunc(list, v, event.Value.Compare)
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), at, v)
}

// withoutElement is a sorted list without v.
func withoutElement(list []event.Value, v event.Value) []event.Value {
	at, found := slices.BinarySearchFunc(list, v, event.Value.Compare)
	if !found {
		return list
	}
	return slices.Delete(slices.Clone(list), at, at+1)
}

// applyColumnFew is applyColumn for a few customers of what is a column already; false when they are more, and nothing
// is done.
func (c *Content) applyColumnFew(ch *ColumnChange, epoch uint64, fx *effects) bool {
	if c.column == nil || !isFew(ch.Customers) || !isFew(ch.Cleared) {
		return false
	}
	c.column = c.column.own(epoch)
	if !none(ch.Cleared) {
		for _, customer := range ch.Cleared.ToArray() {
			c.column.without(customer, epoch)
			fx.few = append(fx.few, customer)
		}
	}
	if !none(ch.Customers) {
		for i, customer := range ch.Customers.ToArray() {
			c.column.with(customer, ch.Values.Value(i), epoch)
			fx.few = append(fx.few, customer)
		}
	}
	c.column.tidy(epoch)
	return true
}
