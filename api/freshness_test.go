package api

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"tagma/access"
	"tagma/tag"
)

// A run that goes on is shown with how far it is, and an operator cancels it: it changes nothing.
func TestARunIsCancelled(t *testing.T) {
	x := newShop(t)
	before := x.ok(200, "GET", v1+"/tags/frequency", nil).get(t, "computed_at")
	replies := make(chan replied, 1)
	_, err := tag.Compute(context.Background(), x.s.desk.Deps, tag.Options{AsOf: x.w.Now(), By: "li", Begun: func(number uint64) {
		path := fmt.Sprintf("%s/runs/%d", v1, number)
		r := x.ok(200, "GET", path, nil)
		r.want(t, "state", "running")
		r.want(t, "by", "li")
		if r := x.do(request{method: "POST", path: v1 + "/runs", body: object{}, as: access.Operator}); r.status != 409 {
			t.Errorf("a second run: %d %s", r.status, r.body)
		}
		if r := x.do(request{method: "POST", path: path + "/cancel", as: access.Viewer}); r.status != 403 {
			t.Errorf("a viewer cancels: %d %s", r.status, r.body)
		}
		go func() { replies <- x.do(request{method: "POST", path: path + "/cancel", as: access.Operator}) }()
		for run := (tag.GoingRun{}); !run.Cancelled; run, _ = x.s.desk.Going.Run() {
			runtime.Gosched()
		}
		x.ok(200, "GET", path, nil).want(t, "cancelling", true)
	}})
	if err == nil {
		t.Fatal("the run came to its end")
	}
	r := <-replies
	if r.status != 200 {
		t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	r.want(t, "state", "cancelled")
	if after := x.ok(200, "GET", v1+"/tags/frequency", nil).get(t, "computed_at"); after != before {
		t.Errorf("computed at %v, before %v", after, before)
	}
	x.ok(200, "GET", v1+"/audit?action=run.cancel", nil).want(t, "items.0.action", "run.cancel")
	x.ok(409, "POST", v1+"/runs/2/cancel", nil)
}

func TestFreshness(t *testing.T) {
	x := newShop(t)
	at := time.UnixMilli(int64(x.w.Now())).UTC().Format(time.RFC3339Nano)
	x.send("/v1/track", x.key, object{"userId": "u01", "event": "order", "messageId": "f1", "timestamp": at, "properties": object{"amount": 5}})
	x.must(x.w.Settle(context.Background()))
	r := x.do(request{method: "GET", path: v1 + "/freshness?tags=true", as: access.Viewer})
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	r.want(t, "readers.0.name", "warehouse")
	r.want(t, "readers.0.lag", 0)
	r.want(t, "readers.1.name", "index")
	r.want(t, "readers.1.log", "change_log")
	r.want(t, "stopped", false)
	r.want(t, "refresh.0.refresh", "live") // the segments
	r.want(t, "refresh.0.tags", 2)
	r.want(t, "refresh.1.refresh", "daily")
	r.want(t, "refresh.1.tags", 4)
	r.want(t, "refresh.1.never", 0)
	r.want(t, "tags.0.key", "frequency")
	asOf := x.ok(200, "GET", v1+"/tags/frequency", nil).get(t, "as_of")
	if r.get(t, "tags.0.as_of") != asOf || asOf == "" {
		t.Errorf("frequency is right as of %v, and %v", r.get(t, "tags.0.as_of"), asOf)
	}
	if n := len(r.get(t, "intake.recent").([]any)); n != paceSeconds {
		t.Errorf("%d seconds of the intake are told", n)
	}
	body := string(x.ok(200, "GET", "/metrics", nil).body)
	for _, line := range []string{`tagma_reader_lag_records{reader="index"} 0`, `tagma_reader_lag_seconds{reader="warehouse"} 0`, "tagma_repairs_total 0"} {
		if !strings.Contains(body, line) {
			t.Errorf("/metrics has no %s", line)
		}
	}
}

func TestPace(t *testing.T) {
	var p pace
	p.add(3, 100_000)
	p.add(4, 100_999)
	p.add(5, 101_000)
	recent := p.recent(102_500)
	if got := fmt.Sprint(recent[paceSeconds-3:]); got != "[0 7 5]" {
		t.Errorf("the last seconds: %s", got)
	}
	if r := rate(recent); r != 1.2 {
		t.Errorf("%v a second", r)
	}
	p.add(1, 101_500) // the machine's clock went back
	if got := p.recent(102_500); got[paceSeconds-1] != 5 {
		t.Errorf("after a step back: %v", got)
	}
	if got := p.recent(1_000_000); rate(got) != 0 || got[0] != 0 {
		t.Errorf("much later: %v", got)
	}
}
