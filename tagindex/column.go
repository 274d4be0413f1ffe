package tagindex

import (
	"slices"

	"tagma/event"
)

// column holds a value for each customer that has one: numbers, times, dates, lists, and texts when they are too
// many for a set each. A published column is immutable; the writer of an epoch changes its own copies.
type column struct {
	epoch  uint64
	kind   event.Kind
	dict   *dict    // of texts
	groups []*group // by the upper half of the customer's number; nil where there are none
	card   int
}

// group is the pages of one chunk's customers.
type group struct {
	epoch uint64
	card  int
	pages [pagesPerGroup]*page
}

func newColumn(kind event.Kind, epoch uint64) *column {
	c := &column{epoch: epoch, kind: kind}
	if kind == event.TextKind {
		c.dict = newDict(nil)
	}
	return c
}

func (c *column) group(key uint16) *group {
	if c == nil || int(key) >= len(c.groups) {
		return nil
	}
	return c.groups[key]
}

// page returns the page of a number: customer / pageSize.
func (c *column) page(number uint32) *page {
	if g := c.group(uint16(number / pagesPerGroup)); g != nil {
		return g.pages[number%pagesPerGroup]
	}
	return nil
}

func (c *column) value(customer uint32) event.Value {
	return c.page(customer/pageSize).at(int(customer%pageSize), c.kind, c.dict)
}

func (c *column) has(customer uint32) bool {
	return c.page(customer / pageSize).present(int(customer % pageSize))
}

func (c *column) own(epoch uint64) *column {
	if c.epoch == epoch && epoch != 0 {
		return c
	}
	d := *c
	d.epoch, d.groups = epoch, slices.Clone(c.groups)
	return &d
}

// put replaces a page; nil takes it away. c must be owned by the epoch.
func (c *column) put(number uint32, p *page, epoch uint64) {
	key := int(number / pagesPerGroup)
	if key >= len(c.groups) {
		if p == nil {
			return
		}
		c.groups = append(c.groups, make([]*group, key+1-len(c.groups))...)
	}
	g := c.groups[key]
	switch {
	case g == nil:
		if p == nil {
			return
		}
		g = &group{epoch: epoch}
	case g.epoch != epoch || epoch == 0:
		own := *g
		own.epoch = epoch
		g = &own
	}
	old := g.pages[number%pagesPerGroup]
	delta := -old.count() + p.count()
	g.pages[number%pagesPerGroup] = p
	g.card += delta
	c.card += delta
	if c.groups[key] = g; g.card == 0 {
		c.groups[key] = nil
	}
}

func (p *page) count() int {
	if p == nil {
		return 0
	}
	return int(p.card)
}

// presence returns the customers that have a value. It costs a pass over the presence bits.
func (c *column) presence() *Set {
	out := &Set{}
	if c == nil {
		return out
	}
	var w words
	for key, g := range c.groups {
		if g == nil {
			continue
		}
		g.presence(&w)
		if k := fromWords(&w, 0); k != nil {
			out.add(uint16(key), k)
		}
	}
	return out
}

func (g *group) presence(w *words) {
	for i, p := range g.pages {
		if part := w[i*pageWords : (i+1)*pageWords]; p != nil {
			copy(part, p.has[:])
		} else {
			clear(part)
		}
	}
}

// pages calls yield for the pages that there are, ascending.
func (c *column) pages(yield func(number uint32, p *page)) {
	if c == nil {
		return
	}
	for key, g := range c.groups {
		if g == nil {
			continue
		}
		for i, p := range g.pages {
			if p != nil {
				yield(uint32(key*pagesPerGroup+i), p)
			}
		}
	}
}

// each calls yield for every customer with a value, ascending, until it returns false.
func (c *column) each(yield func(customer uint32, v event.Value) bool) {
	if c == nil {
		return
	}
	more := true
	c.pages(func(number uint32, p *page) {
		if !more {
			return
		}
		rank := 0
		for w, x := range p.has {
			for i := w << 6; x != 0 && more; i, x = i+1, x>>1 {
				if x&1 == 0 {
					continue
				}
				var v event.Value
				if p.values != nil {
					v = p.values[rank]
				} else {
					v = valueOf(p.nth(rank), int(p.scale), c.kind, c.dict)
				}
				rank++
				more = yield(number*pageSize+uint32(i), v)
			}
		}
	})
}

// members returns the customers whose value equals v or, being a list, contains it.
func (c *column) members(v event.Value) *Set {
	out := &Set{}
	if c == nil || !v.Present() {
		return out
	}
	code := int64(-1)
	if c.kind == event.TextKind {
		k, ok := c.dict.Code(v.Text())
		if !ok || v.Kind() != event.TextKind {
			return out
		}
		code = int64(k)
	}
	var w words
	var buf pageBuffer
	for key, g := range c.groups {
		if g == nil {
			continue
		}
		clear(w[:])
		for i, p := range g.pages {
			if p == nil {
				continue
			}
			p.unpack(&buf)
			buf.each(func(j int) {
				hit := false
				switch {
				case code >= 0:
					hit = buf.ints[j] == code
				case c.kind == event.ListKind:
					hit = holds(buf.values[j], v)
				default:
					hit = buf.value(j, c.kind, c.dict).Equal(v)
				}
				if hit {
					w[i*pageWords+j>>6] |= 1 << (j & 63)
				}
			})
		}
		if k := fromWords(&w, 0); k != nil {
			out.add(uint16(key), k)
		}
	}
	return out
}

// holds says whether a list contains v or is equal to it.
func holds(list, v event.Value) bool {
	if list.Equal(v) {
		return true
	}
	for _, e := range list.List() {
		if e.Equal(v) {
			return true
		}
	}
	return false
}

// bytes is about the memory that the column takes.
func (c *column) bytes() int {
	if c == nil {
		return 0
	}
	n := 8*cap(c.groups) + c.dict.bytes()
	for _, g := range c.groups {
		if g == nil {
			continue
		}
		n += 16 + 8*pagesPerGroup
		for _, p := range g.pages {
			n += p.bytes()
		}
	}
	return n
}
