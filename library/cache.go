package library

import (
	"context"
	"sync"

	"github.com/uptrace/bun"
)

// Cache remembers the library as it was last read, for a process that asks for it often. It is safe for concurrent
// use; the zero Cache is empty.
type Cache struct {
	mu  sync.Mutex
	set *Set
}

// Load is the function Load, which reads the definitions only when they were edited since the last time: otherwise it
// costs one look-up.
func (c *Cache) Load(ctx context.Context, idb bun.IDB) (*Set, error) {
	revision, err := Revision(ctx, idb)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	set := c.set
	c.mu.Unlock()
	if set != nil && set.Revision == revision {
		return set, nil
	}
	if set, err = Load(ctx, idb); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set == nil || c.set.Revision <= set.Revision {
		c.set = set
	}
	return set, nil
}
