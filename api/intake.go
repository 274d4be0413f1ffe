package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sync/atomic"

	"tagma/errs"
	"tagma/event"
	"tagma/ingest"
	"tagma/stream"
)

// intake commits what many requests send together: while one commit waits for the disk, the requests that come meanwhile
// gather for the next. What it holds is bounded, and so is how far the readers of the event log may be behind: beyond that
// it refuses.
type intake struct {
	s     *Server
	limit intakeLimits
	queue chan *delivery
	done  chan struct{}

	bytes    atomic.Int64 // of bodies in hand
	messages atomic.Int64 // that wait to be committed
}

// intakeLimits are how much may wait, and how far behind readers may be.
type intakeLimits struct {
	requests int   // that wait for a commit
	messages int64 // that wait for a commit
	bytes    int64 // of bodies in hand
	// How far behind the history may be, and others who follow the event log: they may have to stop for a run.
	history, others lagLimit
}

// lagLimit is how far behind somebody who follows the event log may be.
type lagLimit struct {
	records, bytes uint64 // without what was loaded as history
	time           int64  // milliseconds since the oldest entry that was not read was accepted
}

var usualLimits = intakeLimits{requests: 2048, messages: 50_000, bytes: 64 << 20,
	history: lagLimit{500_000, 256 << 20, 10_000}, others: lagLimit{2_000_000, 1 << 30, 60_000}}

// exceeded says whether somebody is too far behind. Who makes his state anew reads nothing meanwhile, so time does not
// count.
func (l *lagLimit) exceeded(f *stream.Freshness, now event.Time) bool {
	return f.Live > l.records || f.Bytes > l.bytes || !f.Building && f.Age(now) > l.time
}

// delivery is what one request sends.
type delivery struct {
	sent    []ingest.Sent
	results []taken
	err     error
	ready   chan struct{}
}

// taken is what became of a message.
type taken struct {
	fresh bool // false: it was taken before
	err   error
}

// together is about how many messages a commit has at most.
const together = 4000

// longestRetry is the most that Retry-After says, in seconds.
const longestRetry = 30

// overload says that nothing is taken at the moment.
type overload struct {
	why     string // for the metrics: queue, or lag
	detail  string
	seconds int // after which to try again
}

// write answers with 429.
func (o *overload) write(w http.ResponseWriter) {
	w.Header().Set("Retry-After", fmt.Sprint(o.seconds))
	writeCollected(w, http.StatusTooManyRequests, collected{Message: o.detail})
}

func newIntake(s *Server) *intake {
	in := &intake{s: s, limit: usualLimits, queue: make(chan *delivery, usualLimits.requests), done: make(chan struct{})}
	go in.work()
	return in
}

// admit lets a request in whose body has so many bytes, -1 when that is not known. The caller calls release when it is
// answered.
func (in *intake) admit(ctx context.Context, size int64) (release func(), refused *overload) {
	if size < 0 || size > batchLimit {
		size = batchLimit
	}
	if in.bytes.Add(size) > in.limit.bytes || in.messages.Load() > in.limit.messages {
		in.bytes.Add(-size)
		return nil, in.full()
	}
	if refused := in.behind(ctx); refused != nil {
		in.bytes.Add(-size)
		return nil, refused
	}
	return func() { in.bytes.Add(-size) }, nil
}

func (in *intake) full() *overload {
	in.s.metrics.refused("queue")
	return &overload{"queue", "more is sent than can be written at this moment: send it again", 1}
}

// behind refuses while a reader of the event log is too far behind, and says when it will not be.
func (in *intake) behind(ctx context.Context) *overload {
	readers, err := in.s.w.Freshness(ctx)
	if err != nil {
		return nil // whoever commits meets the same failure, and tells it
	}
	now := in.s.machineNow()
	for i := range readers {
		f := &readers[i]
		limit := &in.limit.others
		if f.Name == ingest.WarehouseName {
			limit = &in.limit.history
		}
		if f.Log != in.s.w.Events.String() || !limit.exceeded(f, now) {
			continue
		}
		in.s.metrics.refused("lag")
		return &overload{"lag", "what was sent before is still being worked on: send it again", retryAfter(f.Lag, f.Rate)}
	}
	return nil
}

// retryAfter is the seconds in which half of a lag is read.
func retryAfter(lag uint64, rate float64) int {
	if rate <= 0 {
		return longestRetry
	}
	return int(min(max(math.Ceil(float64(lag)/2/rate), 1), longestRetry))
}

// take commits messages and says what became of each. An error means that none is known to be taken.
func (in *intake) take(ctx context.Context, sent []ingest.Sent) ([]taken, *overload, error) {
	n := int64(len(sent))
	if n == 0 {
		return nil, nil, nil
	}
	if in.messages.Add(n) > in.limit.messages {
		in.messages.Add(-n)
		return nil, in.full(), nil
	}
	d := &delivery{sent: sent, ready: make(chan struct{})}
	select {
	case in.queue <- d:
	default:
		in.messages.Add(-n)
		return nil, in.full(), nil
	}
	select {
	case <-d.ready:
		return d.results, nil, d.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// close waits for what is queued. Nothing may be sent any more.
func (in *intake) close() {
	close(in.queue)
	<-in.done
}

func (in *intake) work() {
	defer close(in.done)
	for d := range in.queue {
		group, n := []*delivery{d}, len(d.sent)
	gather:
		for n < together {
			select {
			case more, ok := <-in.queue:
				if !ok {
					break gather
				}
				group, n = append(group, more), n+len(more.sent)
			default:
				break gather
			}
		}
		in.commit(group)
		in.messages.Add(-int64(n))
	}
}

// commit takes deliveries in as one, but for messages that cannot be taken.
func (in *intake) commit(group []*delivery) {
	defer func() {
		for _, d := range group {
			close(d.ready)
		}
	}()
	all := group[0].sent
	if len(group) > 1 {
		all = nil
		for _, d := range group {
			all = append(all, d.sent...)
		}
	}
	results := make([]taken, len(all))
	err := in.settle(all, results)
	for _, d := range group {
		n := len(d.sent)
		d.results, results = results[:n:n], results[n:]
		// After a failure of ours some may be taken: sent again they count once.
		if d.err = err; err == nil {
			continue
		}
		d.results = nil
	}
}

// settle takes messages in, and says what became of each. Where one cannot be taken, halves are tried: so the others are
// taken in few commits.
func (in *intake) settle(list []ingest.Sent, into []taken) error {
	ctx := context.Background() // what was gathered is not given up because one of the clients goes away
	fresh, counts, err := ingest.Collect(ctx, in.s.w.Ingest(), list)
	switch {
	case err == nil:
		in.s.metrics.stored(counts)
		for i := range into {
			into[i].fresh = fresh[i]
		}
		return nil
	case !notTaken(err):
		return err
	case len(list) == 1:
		into[0].err = err
		return nil
	}
	half := len(list) / 2
	if err := in.settle(list[:half], into[:half]); err != nil {
		return err
	}
	return in.settle(list[half:], into[half:])
}

// notTaken says whether it is the message's fault that it was not taken.
func notTaken(err error) bool {
	return errs.Is(err, errs.Invalid) || errs.Is(err, errs.Conflict) || errs.Is(err, errs.NotFound)
}
