package stream

import (
	"context"
	"fmt"
	"sync"

	"tagma/event"
)

// Freshness is how far a reader is behind its log at a moment.
type Freshness struct {
	Name     string
	Log      string
	Position uint64 // records below it are behind the reader
	End      uint64 // of its log
	Lag      uint64 // records that it has before it
	// Of these: how many happened live, and the bytes of their entries. What was there when this process began counts as
	// none.
	Live, Bytes uint64
	// Oldest is when the oldest entry that it has not read was accepted; event.Always when there is none.
	Oldest event.Time
	// Rate is how many records a second it read in the last ten seconds.
	Rate float64
	// Growth is how many records a second were appended to its log in the last ten seconds.
	Growth float64
	// Building says that it makes its state anew, and takes what came meanwhile into account when it has.
	Building bool
	// Err is why it stands still, nil when it does not; Since is the first of the failures in a row.
	Err   error
	Since event.Time
}

// Follower is somebody who follows a log by himself, and whose freshness is told with that of the readers.
type Follower struct {
	Name string
	Log  *Log
	// State tells how it is doing; it must be cheap and safe to call at any time. Where it is building, the position counts
	// as it was before.
	State func() FollowerState
}

// FollowerState is how a follower is doing. The fields mean the same as those of Freshness.
type FollowerState struct {
	Position uint64
	Building bool
	Err      error
	Since    event.Time
}

// watched is a follower with what is known of its pace.
type watched struct {
	Follower
	mu   sync.Mutex
	pace pace
}

// Watch tells the freshness of a follower from now on, behind that of the readers.
func (r *Runner) Watch(f Follower) {
	r.watching.mu.Lock()
	defer r.watching.mu.Unlock()
	r.watching.list = append(r.watching.list, &watched{Follower: f})
}

// watching are the followers that are watched.
type watching struct {
	mu   sync.Mutex
	list []*watched
}

func (w *watching) all() []*watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.list[:len(w.list):len(w.list)]
}

// Age is for how long the oldest entry that was not read has waited, in milliseconds; 0 when there is none.
func (f *Freshness) Age(now event.Time) int64 {
	if f.Oldest == event.Always {
		return 0
	}
	return max(0, int64(now-f.Oldest))
}

// Freshness tells how far each reader is behind, in the order in which they run. It reads memory only, but for the first
// time that it is asked, so it may be asked for every request.
func (r *Runner) Freshness(ctx context.Context) ([]Freshness, error) {
	now := r.now()
	list := make([]Freshness, 0, len(r.readers)+1)
	for _, reader := range r.readers {
		position, err := reader.at(ctx)
		if err != nil {
			return nil, err
		}
		if err := reader.Log.tail.look(ctx, reader.Log); err != nil {
			return nil, fmt.Errorf("stream: freshness: %w", err)
		}
		f := Freshness{Name: reader.Name, Log: reader.Log.table, Oldest: event.Always}
		reader.Log.tail.behind(position, now, &f)
		f.Rate = reader.rate(now, position)
		f.Err, f.Since = reader.failure()
		list = append(list, f)
	}
	for _, w := range r.watching.all() {
		if err := w.Log.tail.look(ctx, w.Log); err != nil {
			return nil, fmt.Errorf("stream: freshness: %w", err)
		}
		state := w.State()
		f := Freshness{Name: w.Name, Log: w.Log.table, Oldest: event.Always, Building: state.Building, Err: state.Err, Since: state.Since}
		w.Log.tail.behind(state.Position, now, &f)
		if now != 0 {
			w.mu.Lock()
			f.Rate = w.pace.rate(now, state.Position)
			w.mu.Unlock()
		}
		list = append(list, f)
	}
	for i, reader := range r.readers {
		lowest := list[i].Position
		for k := range list {
			if list[k].Log == list[i].Log {
				lowest = min(lowest, list[k].Position)
			}
		}
		reader.Log.tail.forget(lowest)
		reader.Log.recent.forget(lowest)
	}
	return list, nil
}

// paceTime is over how many milliseconds a reader's rate is taken, paceStep how far its positions lie apart.
const (
	paceTime = 10_000
	paceStep = 500
)

// pace remembers where a reader was.
type pace struct{ steps []step }

type step struct {
	at       event.Time
	position uint64
}

// note adds where a reader is, and forgets all that is older than paceTime but the last of it.
func (p *pace) note(now event.Time, position uint64) {
	if n := len(p.steps); n > 0 && now < p.steps[n-1].at+paceStep {
		return
	}
	drop := 0
	for drop+1 < len(p.steps) && p.steps[drop+1].at <= now-paceTime {
		drop++
	}
	p.steps = append(append(p.steps[:0], p.steps[drop:]...), step{now, position})
}

// rate is the records a second since the oldest position that is remembered.
func (p *pace) rate(now event.Time, position uint64) float64 {
	p.note(now, position)
	first := p.steps[0]
	took := min(now-first.at, paceTime)
	if took <= 0 || position <= first.position {
		return 0
	}
	return float64(position-first.position) * 1000 / float64(took)
}

// moved notes for the rate that the reader has moved.
func (r *reader) moved(ctx context.Context, now event.Time) {
	if position, err := r.at(ctx); err == nil && now != 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pace.note(now, position)
	}
}

func (r *reader) rate(now event.Time, position uint64) float64 {
	if now == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pace.rate(now, position)
}
