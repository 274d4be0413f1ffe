package api

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"tagma/event"
	"tagma/stream"
)

// Too much is answered with 429 and when to try again, nothing of it is taken, and what comes later is.
func TestOverload(t *testing.T) {
	x := newShop(t)
	batch := object{"batch": []object{{"type": "track", "userId": "late", "event": "visit", "messageId": "l1"}, {"type": "track", "userId": "late", "event": "visit", "messageId": "l2"}}}
	usual := x.s.intake.limit
	for _, c := range []struct {
		why   string
		limit func(*intakeLimits)
	}{
		{"queue", func(l *intakeLimits) { l.messages = 1 }},
		{"queue", func(l *intakeLimits) { l.bytes = 20 }},
		{"lag", func(l *intakeLimits) { l.history.time = -1 }},
	} {
		c.limit(&x.s.intake.limit)
		r := x.send("/v1/batch", x.key, batch)
		after, err := strconv.Atoi(r.header.Get("Retry-After"))
		if r.status != 429 || err != nil || after < 1 || after > longestRetry || !strings.Contains(string(r.body), "send it again") {
			t.Errorf("%s: %d, after %q: %s", c.why, r.status, r.header.Get("Retry-After"), r.body)
		}
		x.s.intake.limit = usual
	}
	x.ok(404, "GET", v1+"/customers/user_id:late", nil)
	if r := x.send("/v1/batch", x.key, batch); r.status != 200 {
		t.Errorf("afterwards: %d %s", r.status, r.body)
	}
	x.ok(200, "GET", v1+"/customers/user_id:late", nil).want(t, "events", 2)
	if n, b := x.s.intake.messages.Load(), x.s.intake.bytes.Load(); n != 0 || b != 0 {
		t.Errorf("%d messages and %d bytes are still counted", n, b)
	}
	metrics := string(x.do(request{method: "GET", path: "/metrics", raw: true}).body)
	for _, line := range []string{`tagma_intake_refused_total{why="queue"} 2`, `tagma_intake_refused_total{why="lag"} 1`, `tagma_reader_lag_seconds{reader="warehouse"} 0`,
		`tagma_reader_lag_bytes{reader="warehouse"} 0`, `tagma_reader_records_per_second{reader="warehouse"}`, `tagma_log_records_per_second{log="event_log"}`, `tagma_reader_failing_seconds{reader="index"} 0`, "tagma_intake_waiting_messages 0"} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics has no %s", line)
		}
	}
}

func TestLagLimit(t *testing.T) {
	limit := lagLimit{records: 100, bytes: 1000, time: 10}
	now := event.Time(1000)
	for _, c := range []struct {
		f    stream.Freshness
		want bool
	}{
		{stream.Freshness{Lag: 5000, Oldest: event.Always}, false}, // a bulk load
		{stream.Freshness{Lag: 101, Live: 101, Oldest: now}, true},
		{stream.Freshness{Lag: 9, Live: 9, Bytes: 1001, Oldest: now}, true},
		{stream.Freshness{Lag: 1, Live: 1, Oldest: now - 10}, false},
		{stream.Freshness{Lag: 1, Live: 1, Oldest: now - 11}, true},
		{stream.Freshness{Lag: 1, Live: 1, Oldest: now - 500, Building: true}, false},
		{stream.Freshness{Lag: 101, Live: 101, Oldest: now - 500, Building: true}, true},
	} {
		if got := limit.exceeded(&c.f, now); got != c.want {
			t.Errorf("%+v: %v", c.f, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		lag  uint64
		rate float64
		want int
	}{{1000, 0, 30}, {1000, 1000, 1}, {100_000, 10_000, 5}, {1_000_000, 10, 30}} {
		if got := retryAfter(c.lag, c.rate); got != c.want {
			t.Errorf("%d at %g: %d, want %d", c.lag, c.rate, got, c.want)
		}
	}
}

// One message that cannot be taken costs the others nothing.
func TestOneOfManyCannotBeTaken(t *testing.T) {
	x := newShop(t)
	x.send("/v1/identify", x.key, object{"userId": "one", "anonymousId": "d1"})
	var list []object
	for i := range 20 {
		list = append(list, object{"type": "track", "userId": fmt.Sprint("many", i), "event": "visit", "messageId": fmt.Sprint("many", i)})
	}
	list[7]["event"] = strings.Repeat("x", 2000) // no name
	list[12]["properties"] = object{"deep": strings.Repeat("[", 3)}
	r := x.send("/v1/batch", x.key, object{"batch": list})
	r.want(t, "accepted", 19)
	if r.status != 400 || !strings.Contains(string(r.body), `"location":"batch[7]"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	x.send("/v1/batch", x.key, object{"batch": list}).want(t, "repeated", 19)
}
