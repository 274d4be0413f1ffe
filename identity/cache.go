package identity

import (
	"hash/maphash"

	"tagma/event"
)

// generation is how many identifiers one half of the cache holds; both together take up to 170 MB.
const generation = 3 << 20

// cacheKey is an identifier with its kind's number.
type cacheKey struct {
	kind  int64
	value string
}

// cache remembers identifiers that are stored, as hashes of 128 bits under secret seeds: two of a billion identifiers
// have the same one with a chance of 10^-21. It has two generations: when the young one is full the old one is dropped,
// and what is used moves back into the young one. That is nearly as good as the least recently used, and costs nothing to
// keep up.
type cache struct {
	seeds      [2]maphash.Seed
	young, old hashTable
	limit      int
	// complete says that every stored identifier is in it, so that a miss needs no look-up.
	complete bool
	// forgot says that something was dropped since it was asked for.
	forgot bool
}

func newCache(limit int) *cache {
	return &cache{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, limit: limit}
}

// hash is an identifier as the cache knows it.
type hash struct{ a, b uint64 }

func (c *cache) hash(k cacheKey) hash {
	// Kinds are few and small numbers: spread them over all bits.
	spread := uint64(k.kind) * 0x9e3779b97f4a7c15
	h := hash{maphash.String(c.seeds[0], k.value) ^ spread, maphash.String(c.seeds[1], k.value) + spread}
	if h == (hash{}) {
		h.b = 1 // an empty slot is all zeroes
	}
	return h
}

func (c *cache) get(k cacheKey) (event.ProfileID, bool) {
	h := c.hash(k)
	if p, ok := c.young.get(h); ok {
		return p, true
	}
	p, ok := c.old.get(h)
	if ok {
		c.add(h, p)
	}
	return p, ok
}

// put remembers an identifier.
func (c *cache) put(k cacheKey, p event.ProfileID) { c.add(c.hash(k), p) }

func (c *cache) add(h hash, p event.ProfileID) {
	if c.young.count >= c.limit {
		if c.old.count > 0 {
			c.complete, c.forgot = false, true
		}
		c.old, c.young = c.young, hashTable{}
	}
	c.young.put(h, p)
}

// count is the number of identifiers; some may be counted twice.
func (c *cache) count() int { return c.young.count + c.old.count }

// hashTable is a set of hashes with their profiles: 20 bytes a slot, in shards that grow one by one, so that no call has
// to wait long.
type hashTable struct {
	shards [64]hashShard
	count  int
}

type hashShard struct {
	keys     []hash
	profiles []event.ProfileID
	count    int
}

// shard takes the upper bits of a hash, slots the lower ones.
func (t *hashTable) shard(h hash) *hashShard { return &t.shards[h.a>>58] }

func (t *hashTable) get(h hash) (event.ProfileID, bool) {
	s := t.shard(h)
	if s.count == 0 {
		return 0, false
	}
	i, ok := s.find(h)
	return s.profiles[i], ok
}

// find returns the slot of a hash, or the empty one where it belongs.
func (s *hashShard) find(h hash) (int, bool) {
	mask := uint64(len(s.keys) - 1)
	for i := h.a & mask; ; i = (i + 1) & mask {
		switch s.keys[i] {
		case h:
			return int(i), true
		case hash{}:
			return int(i), false
		}
	}
}

func (t *hashTable) put(h hash, p event.ProfileID) {
	s := t.shard(h)
	if s.count*8 >= len(s.keys)*7 {
		s.grow()
	}
	i, ok := s.find(h)
	if !ok {
		s.keys[i] = h
		s.count++
		t.count++
	}
	s.profiles[i] = p
}

func (s *hashShard) grow() {
	was := *s
	size := max(16, 2*len(was.keys))
	*s = hashShard{keys: make([]hash, size), profiles: make([]event.ProfileID, size), count: was.count}
	for i, h := range was.keys {
		if h != (hash{}) {
			to, _ := s.find(h)
			s.keys[to], s.profiles[to] = h, was.profiles[i]
		}
	}
}
