package main

import (
	"context"
	"sync"
	"time"
)

// watch sees when marked customers get the marker's tag: it asks the API about all who do not have it yet, over and over.
type watch struct {
	s       *server
	mu      sync.Mutex
	waiting map[string]time.Time
	seen    []float64 // seconds from when the event was due to the first answer with the tag
	missing int
	fault   error
}

// How often a watch asks, how many customers at once, and how long it waits for one.
const (
	watchEvery = 3 * time.Millisecond
	watchMost  = 200
	watchLong  = 10 * time.Second
)

func newWatch(s *server) *watch { return &watch{s: s, waiting: map[string]time.Time{}} }

// mark begins to wait for a customer. While many wait already, others are let go: the sample is what counts.
func (w *watch) mark(customer string, due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) < watchMost {
		w.waiting[customer] = due
	}
}

// run asks until ctx ends, and then for those who still wait, as long as one may take.
func (w *watch) run(ctx context.Context) {
	after := context.WithoutCancel(ctx)
	for ctx.Err() == nil || w.left() > 0 {
		w.ask(after)
		time.Sleep(watchEvery)
	}
}

func (w *watch) left() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

func (w *watch) ask(ctx context.Context) {
	w.mu.Lock()
	var who []string
	for c := range w.waiting {
		who = append(who, c)
	}
	w.mu.Unlock()
	if len(who) == 0 {
		return
	}
	got, err := w.s.eligible(ctx, who, []string{markerSegment})
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.fault = err
	}
	for i, c := range who {
		due := w.waiting[c]
		switch {
		case err == nil && got[i][0]:
			w.seen = append(w.seen, now.Sub(due).Seconds())
			delete(w.waiting, c)
		case now.Sub(due) > watchLong:
			w.missing++
			delete(w.waiting, c)
		}
	}
}

// settle sends one marked event and waits until its tag is there: then everything sent before has been decided. ok is
// false when it does not come within the time.
func (t *traffic) settle(ctx context.Context, within time.Duration) (took time.Duration, ok bool, err error) {
	customer := t.unmarked()
	body := t.one(customer)
	start := time.Now()
	if _, _, _, err := t.post(body); err != nil {
		return 0, false, err
	}
	for time.Since(start) < within && ctx.Err() == nil {
		got, err := t.s.eligible(ctx, []string{customer}, []string{markerSegment})
		if err != nil {
			return 0, false, err
		}
		if got[0][0] {
			return time.Since(start), true, nil
		}
		time.Sleep(watchEvery)
	}
	return within, false, ctx.Err()
}
