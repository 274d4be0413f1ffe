package identity

import (
	"context"
	"errors"
	"fmt"

	"tagma/db"
	"tagma/event"
)

// warmStep is how many identifiers are remembered at a time, so that others wait little.
const warmStep = 1024

// Warm reads identifiers into the memory, as many as it holds. Where that is all of them, unknown identifiers are known to
// be new, and nothing is looked up any more. It does so once, may run while others
// resolve, and takes about 2 µs an identifier.
func (r *Resolver) Warm(ctx context.Context, d *db.DB) (err error) {
	r.mu.Lock()
	if r.cache.complete || r.warmed {
		r.mu.Unlock()
		return nil
	}
	// What is committed from here on is put into the memory by those who commit it; what was before, the query finds.
	r.cache.forgot, r.cache.complete = false, false
	r.warming = true
	r.mu.Unlock()
	all := false
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.warming && all && !r.cache.forgot {
			r.cache.complete = true
		}
		r.warming, r.warmed = false, r.warmed || err == nil
	}()
	rows, err := d.Read().QueryContext(ctx, "SELECT kind, value, profile FROM identifiers")
	if err != nil {
		return fmt.Errorf("identity: read identifiers: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	type stored struct {
		h hash
		p event.ProfileID
	}
	some := make([]stored, 0, warmStep)
	room := true
	remember := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, s := range some {
			if r.cache.count() >= 2*r.cache.limit-warmStep {
				room = false
				return
			}
			r.cache.add(s.h, s.p)
		}
		some = some[:0]
	}
	for rows.Next() && room {
		var k cacheKey
		var p event.ProfileID
		if err := rows.Scan(&k.kind, &k.value, &p); err != nil {
			return fmt.Errorf("identity: read identifiers: %w", err)
		}
		if some = append(some, stored{r.cache.hash(k), p}); len(some) == warmStep {
			remember()
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("identity: read identifiers: %w", err)
	}
	if room {
		remember()
	}
	all = room
	return nil
}
