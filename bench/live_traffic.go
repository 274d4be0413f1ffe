package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tagma/bench/gen"
	"tagma/event"
)

// batchSize is how many events a request has.
const batchSize = 100

// traffic sends what the customers of a world do now: events like those of their history, with the same customers more
// and less often, happening as they are sent.
type traffic struct {
	w       *gen.World
	s       *server
	seed    uint64
	session string        // makes message ids unique
	sent    atomic.Uint64 // messages
	marked  atomic.Uint64 // customers who have been to the marker's page
}

// sending is what a load saw of its requests.
type sending struct {
	seconds  float64   // of the measured part
	accepted int       // events, in the measured part
	requests []float64 // seconds from when a request was due, in the measured part
	repeated int
	refused  int // requests answered 429
	failed   int
	fault    string // the first of what failed
}

// warmUp is the share of a load that is not measured.
const warmUp = 5 // a fifth

// run sends for a time: rate events a second, or with rate 0 as many as are taken. It calls mark, if given, for every
// so many batches to put a customer on the marker's page; what mark gets is the customer and the instant that the batch
// was due.
func (t *traffic) run(ctx context.Context, length time.Duration, connections, rate int, mark func(customer string, due time.Time)) sending {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	start := time.Now()
	counted := start.Add(length / warmUp)
	due := make(chan time.Time, 1<<20/connections)
	go t.clock(ctx, due, start, rate)
	var lock sync.Mutex
	var all sending
	var wait sync.WaitGroup
	for worker := range connections {
		wait.Go(func() {
			one := t.worker(ctx, worker, due, counted, mark)
			lock.Lock()
			defer lock.Unlock()
			all.accepted, all.repeated, all.refused, all.failed = all.accepted+one.accepted, all.repeated+one.repeated, all.refused+one.refused, all.failed+one.failed
			all.requests = append(all.requests, one.requests...)
			if all.fault == "" {
				all.fault = one.fault
			}
		})
	}
	wait.Wait()
	all.seconds = time.Since(counted).Seconds()
	return all
}

// clock says when batches are due; without a rate always. A batch that cannot be sent in time is due all the same, and
// its time counts from then.
func (t *traffic) clock(ctx context.Context, due chan<- time.Time, start time.Time, rate int) {
	defer close(due)
	for n := 0; ctx.Err() == nil; n++ {
		var at time.Time // zero: when it is sent
		if rate > 0 {
			at = start.Add(time.Duration(float64(n) * batchSize / float64(rate) * float64(time.Second)))
			if d := time.Until(at); d > 0 {
				select {
				case <-time.After(d):
				case <-ctx.Done():
					return
				}
			}
		}
		select {
		case due <- at:
		case <-ctx.Done():
			return
		}
	}
}

func (t *traffic) worker(ctx context.Context, number int, due <-chan time.Time, counted time.Time, mark func(string, time.Time)) (out sending) {
	r := rand.New(rand.NewPCG(t.seed+t.sent.Load(), uint64(number)))
	sampler := t.w.Sampler()
	var body []byte
	for batch := range due {
		if ctx.Err() != nil {
			return
		}
		if batch.IsZero() {
			batch = time.Now()
		}
		customer := ""
		if mark != nil && r.IntN(5) == 0 {
			customer = t.unmarked()
		}
		body = t.body(body[:0], r, sampler, customer)
		accepted, repeated, status, err := t.post(body)
		end := time.Now()
		switch {
		case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
			out.refused++
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		case err != nil:
			if out.failed++; out.fault == "" {
				out.fault = err.Error()
			}
		default:
			if customer != "" {
				mark(customer, batch)
			}
			out.repeated += repeated
			if end.After(counted) {
				out.accepted += accepted
				out.requests = append(out.requests, end.Sub(batch).Seconds())
			}
		}
	}
	return
}

// unmarked is a customer who has not been to the marker's page.
func (t *traffic) unmarked() string {
	n := t.marked.Add(1) - 1
	return t.w.UserID(event.ProfileID(n * 7919 % uint64(t.w.Customers)))
}

// post sends a batch in the form of Segment.
func (t *traffic) post(body []byte) (accepted, repeated, status int, err error) {
	r, err := http.NewRequest("POST", t.s.url+"/v1/batch", bytes.NewReader(body))
	if err != nil {
		return 0, 0, 0, err
	}
	r.SetBasicAuth(t.s.key, "")
	r.Header.Set("Content-Type", "application/json")
	a, err := t.s.client.Do(r)
	if err != nil {
		return 0, 0, 0, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		return 0, 0, a.StatusCode, err
	}
	if a.StatusCode != http.StatusOK {
		return 0, 0, a.StatusCode, fmt.Errorf("POST /v1/batch: %d: %s", a.StatusCode, clip(string(b)))
	}
	var said struct{ Accepted, Repeated int }
	err = json.Unmarshal(b, &said)
	return said.Accepted, said.Repeated, a.StatusCode, err
}

// body writes a batch. With a customer, its first event is that the customer sees the marker's page.
func (t *traffic) body(b []byte, r *rand.Rand, sampler *gen.Sampler, customer string) []byte {
	now := time.Now().UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, `{"batch":[`...)
	first := t.sent.Add(batchSize) - batchSize
	for i := range batchSize {
		if i > 0 {
			b = append(b, ',')
		}
		e := sampler.Event(r.IntN(t.w.Events))
		who, name, props := t.w.UserID(e.Profile), e.Name, e.Props
		if i == 0 && customer != "" {
			who, name, props = customer, "page_view", []event.Property{{Name: "page", Value: event.Text(markerPage)}}
		}
		b = append(b, `{"type":"track","messageId":"`...)
		b = append(append(append(b, t.session...), '-'), strconv.FormatUint(first+uint64(i), 10)...)
		b = append(append(append(b, `","userId":"`...), who...), `","timestamp":"`...)
		b = append(append(append(b, now...), `","event":`...), strconv.Quote(name)...)
		b = appendProperties(b, props)
		b = append(b, '}')
	}
	b = append(append(append(b, `],"sentAt":"`...), now...), `"}`...)
	return b
}

// appendProperties writes the properties of an event; those of the campaign belong into the context.
func appendProperties(b []byte, props []event.Property) []byte {
	b = append(b, `,"properties":{`...)
	comma, campaign := false, 0
	put := func(name string, v event.Value) {
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = append(strconv.AppendQuote(b, name), ':')
		if v.Kind() == event.NumberKind {
			b = append(b, v.Number().String()...)
			return
		}
		b = strconv.AppendQuote(b, v.Text())
	}
	for _, p := range props {
		if strings.HasPrefix(p.Name, "context.") {
			campaign++
			continue
		}
		put(p.Name, p.Value)
	}
	b = append(b, '}')
	if campaign > 0 {
		b = append(b, `,"context":{"campaign":{`...)
		comma = false
		for _, p := range props {
			if name, ok := strings.CutPrefix(p.Name, "context.campaign."); ok {
				put(name, p.Value)
			}
		}
		b = append(b, `}}`...)
	}
	return b
}

// one is a batch of the marker's event alone.
func (t *traffic) one(customer string) []byte {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00")
	return fmt.Appendf(nil, `{"batch":[{"type":"track","messageId":"%s-%d","userId":"%s","timestamp":"%s","event":"page_view","properties":{"page":"%s"}}],"sentAt":"%s"}`,
		t.session, t.sent.Add(1)-1, customer, now, markerPage, now)
}
