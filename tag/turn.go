package tag

import (
	"context"
	"fmt"
)

// Turn lets those who decide go one after another: what one finds that changes, it finds by the index, which the next
// must not move meanwhile. A process with one thing to do needs none; a nil Turn lets everybody pass.
type Turn struct{ taken chan struct{} }

// NewTurn returns a turn that nobody has.
func NewTurn() *Turn { return &Turn{make(chan struct{}, 1)} }

// Take waits for the turn, or until ctx ends. Give it back by calling release.
func (t *Turn) Take(ctx context.Context) (release func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("tag: wait for a run or another decision to end: %w", ctx.Err())
	}
}

// Try takes the turn when nobody has it.
func (t *Turn) Try() (release func(), ok bool) {
	if t == nil {
		return func() {}, true
	}
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken }, true
	default:
		return nil, false
	}
}
