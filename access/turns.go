package access

import (
	"context"
	"fmt"
	"sync"

	"tagma/errs"
)

// turns lets those with the same key pass one after another. Sign-ins of one address do: so each sees the failures of
// those before it, and many guesses at once are no more than many guesses.
type turns struct {
	mu    sync.Mutex
	byKey map[string]*turn
}

type turn struct {
	free  chan struct{} // holds one element while nobody's turn it is
	users int           // who waits, and whose turn it is
}

// maxTurns is how many of one key may wait.
const maxTurns = 32

// take waits for the turn. The caller ends it by calling leave.
func (t *turns) take(ctx context.Context, key string) (leave func(), err error) {
	t.mu.Lock()
	if t.byKey == nil {
		t.byKey = map[string]*turn{}
	}
	mine := t.byKey[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.byKey[key] = mine
	}
	if mine.users >= maxTurns {
		t.mu.Unlock()
		return nil, errs.New(errs.Busy, "too many sign-ins at once from this address: try again in a few seconds")
	}
	mine.users++
	t.mu.Unlock()
	gone := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.byKey, key)
		}
	}
	select {
	case <-mine.free:
		return func() {
			mine.free <- struct{}{}
			gone()
		}, nil
	case <-ctx.Done():
		gone()
		return nil, fmt.Errorf("access: wait to sign in: %w", ctx.Err())
	}
}
