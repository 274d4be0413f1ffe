package api

import (
	"context"

	"tagma/errs"
	"tagma/ingest"
)

// intake commits what many requests send together: while one commit waits for the disk, the requests that come meanwhile
// gather for the next.
type intake struct {
	s     *Server
	queue chan *delivery
	done  chan struct{}
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

const (
	// waiting is how many requests may wait for a commit.
	waiting = 1024
	// together is about how many messages a commit has at most.
	together = 2000
)

func newIntake(s *Server) *intake {
	in := &intake{s: s, queue: make(chan *delivery, waiting), done: make(chan struct{})}
	go in.work()
	return in
}

// take commits messages and says what became of each. An error means that none is known to be taken.
func (in *intake) take(ctx context.Context, sent []ingest.Sent) ([]taken, error) {
	if len(sent) == 0 {
		return nil, nil
	}
	d := &delivery{sent: sent, ready: make(chan struct{})}
	select {
	case in.queue <- d:
	default:
		return nil, errs.New(errs.Busy, "more is sent than can be written at this moment: send it again")
	}
	select {
	case <-d.ready:
		return d.results, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
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
	}
}

// commit takes deliveries in as one. Where one of them cannot be taken, each is taken for itself.
func (in *intake) commit(group []*delivery) {
	ctx := context.Background() // what was gathered is not given up because one of the clients goes away
	defer func() {
		for _, d := range group {
			close(d.ready)
		}
	}()
	var all []ingest.Sent
	for _, d := range group {
		all = append(all, d.sent...)
	}
	fresh, counts, err := ingest.Collect(ctx, in.s.w.Ingest(), all)
	if err == nil {
		in.s.metrics.stored(counts)
		for _, d := range group {
			for range d.sent {
				d.results = append(d.results, taken{fresh: fresh[0]})
				fresh = fresh[1:]
			}
		}
		return
	}
	for _, d := range group {
		if !notTaken(err) {
			d.err = err
			continue
		}
		for _, one := range d.sent {
			fresh, counts, err := ingest.Collect(ctx, in.s.w.Ingest(), []ingest.Sent{one})
			switch {
			case err == nil:
				in.s.metrics.stored(counts)
				d.results = append(d.results, taken{fresh: fresh[0]})
			case notTaken(err):
				d.results = append(d.results, taken{err: err})
			default:
				d.err = err
			}
		}
	}
}
