package tag

import (
	"context"
	"errors"
	"sync"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// ErrCancelled is the cause of the end of a run that somebody cancelled: give it to the cancelling of its context. Such a
// run is on record as cancelled; one whose context ends for another reason as failed, interrupted.
var ErrCancelled = errors.New("the run was cancelled")

// Going is the run that goes on in this process, for whoever looks at it or wants to end it. A nil Going knows of none. It
// is safe for concurrent use.
type Going struct {
	now func() event.Time // the machine's clock

	mu       sync.Mutex
	run      *GoingRun
	cancel   context.CancelCauseFunc
	ended    chan struct{}
	began    event.Time // of the pass
	repaired uint64
}

// NewGoing returns one that knows of no run yet. now is the machine's clock.
func NewGoing(now func() event.Time) *Going { return &Going{now: now} }

// GoingRun is a run that goes on, and how far it is.
type GoingRun struct {
	Number uint64
	Kind   string // as in RunInfo
	rule.Progress
	Cancelled bool // somebody cancelled it: it is ending
	// Rate is the customers a second of the present pass, 0 while that is not known; Left is about how many milliseconds the
	// run still takes, -1 while that is not known.
	Rate float64
	Left int64
}

// Run returns the run that goes on; false when none does.
func (g *Going) Run() (GoingRun, bool) {
	if g == nil {
		return GoingRun{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.run == nil {
		return GoingRun{}, false
	}
	out := *g.run
	out.Left = -1
	if took := g.now() - g.began; took > 0 && out.Done > 0 {
		out.Rate = float64(out.Done) * 1000 / float64(took)
		left := float64(out.All-out.Done) + float64(max(0, out.Passes-out.Pass))*float64(out.All)
		out.Left = int64(left * 1000 / out.Rate)
	}
	return out, true
}

// Repaired is how many customers' values the runs of this process found wrong and repaired: see TagReport.
func (g *Going) Repaired() uint64 {
	if g == nil {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.repaired
}

// Cancel ends a run. It returns a channel that is closed when the run has ended. That the run does not go on here is a
// Conflict, and so is one that decides anew what is decided live: it would begin again at once.
func (g *Going) Cancel(number uint64) (ended <-chan struct{}, err error) {
	if g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.run != nil && g.run.Number == number {
			if g.run.Kind == RunLive {
				return nil, errs.New(errs.Conflict, "run %d decides anew what is decided live: it cannot be cancelled, since it would begin again", number)
			}
			g.cancel(ErrCancelled)
			g.run.Cancelled = true
			return g.ended, nil
		}
	}
	return nil, errs.New(errs.Conflict, "run %d does not go on any more", number)
}

// begin notes that a run goes on. The context that it returns ends when the run is cancelled; end must be called.
func (g *Going) begin(ctx context.Context, number uint64, kind string) (context.Context, func()) {
	if g == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.run, g.cancel, g.ended, g.began = &GoingRun{Number: number, Kind: kind}, cancel, ended, g.now()
	return ctx, func() {
		cancel(nil)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.run, g.cancel, g.ended = nil, nil, nil
		close(ended)
	}
}

// progress notes how far it is.
func (g *Going) progress(p rule.Progress) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.run == nil, p.Pass == g.run.Pass && p.Done < g.run.Done: // goroutines tell it in any order
		return
	case p.Pass != g.run.Pass && g.run.Pass != 0:
		g.began = g.now()
	}
	g.run.Progress = p
}

func (g *Going) repairs(n int) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.repaired += uint64(n)
}
