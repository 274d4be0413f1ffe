package tagindex

import "math/bits"

// InSets says that the content keeps a set for each value or band, so that Values and Set cost next to nothing.
func (c *Content) InSets() bool { return c.effective() != nil }

// Overlap is the number of customers in both sets. It copies nothing.
func (s *Set) Overlap(t *Set) (n int) {
	if s.Count() > t.Count() {
		s, t = t, s
	}
	if s == nil {
		return 0
	}
	for i, key := range s.keys {
		n += s.chunks[i].overlap(t.chunk(key))
	}
	return n
}

func (c *chunk) overlap(d *chunk) (n int) {
	switch {
	case d == nil:
		return 0
	case c.full():
		return int(d.card)
	case d.full():
		return int(c.card)
	case c.words != nil && d.words != nil:
		for i := 0; i < chunkWords; i += 4 {
			n += bits.OnesCount64(c.words[i]&d.words[i]) + bits.OnesCount64(c.words[i+1]&d.words[i+1]) +
				bits.OnesCount64(c.words[i+2]&d.words[i+2]) + bits.OnesCount64(c.words[i+3]&d.words[i+3])
		}
		return n
	case c.isList():
		for _, low := range c.list {
			if d.contains(low) {
				n++
			}
		}
		return n
	case d.isList():
		return d.overlap(c)
	}
	var w words
	c.fill(&w)
	d.andInto(&w)
	return w.count()
}
