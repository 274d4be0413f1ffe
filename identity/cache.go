package identity

import "tagma/event"

// generation is how many identifiers one half of the cache holds; both together take 100 to 200 MB when full.
const generation = 1 << 20

// cacheKey is an identifier with its kind's number.
type cacheKey struct {
	kind  int64
	value string
}

// cache remembers identifiers that are stored. It has two generations: when the young one is full the old one
// is dropped, and what is used moves back into the young one. That is nearly as good as the least recently
// used, and costs nothing to keep up.
type cache struct {
	young, old map[cacheKey]event.ProfileID
	limit      int
	// complete says that every stored identifier is in it, so that a miss needs no look-up.
	complete bool
}

func newCache(limit int) *cache {
	return &cache{young: map[cacheKey]event.ProfileID{}, old: map[cacheKey]event.ProfileID{}, limit: limit}
}

func (c *cache) get(k cacheKey) (event.ProfileID, bool) {
	if p, ok := c.young[k]; ok {
		return p, true
	}
	p, ok := c.old[k]
	if ok {
		c.put(k, p)
	}
	return p, ok
}

// put remembers an identifier. The value must not be part of a larger text, which it would keep alive.
func (c *cache) put(k cacheKey, p event.ProfileID) {
	if len(c.young) >= c.limit {
		if len(c.old) > 0 {
			c.complete = false
		}
		c.old, c.young = c.young, make(map[cacheKey]event.ProfileID, c.limit)
	}
	c.young[k] = p
}
