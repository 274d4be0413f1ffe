package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"tagma/access"
)

// A shop's checkout: goods for some customers only. u02 has ordered twice at 52, u00 never; nobody has phone:1.
func TestEligibility(t *testing.T) {
	x := newShop(t)
	x.ok(200, "POST", "/api/v1/assignments", object{"items": []object{{"customer": "user_id:u02", "tag": "vip", "value": "金", "action": "set", "reason": "r"}}})
	r := x.ok(200, "POST", "/api/v1/eligibility", object{
		"customers": []string{"phone:13800000002", "user_id:u00", "phone:1"},
		"rules": []object{{"segment": "buyers"}, {"tag": "vip"}, {"tag": "vip", "value": "银"}, {"tag": "channels", "value": "店"}, {"when": `tags.vip == "金" && tags.frequency == "高频"`},
			{"when": "segments.loyal || !segments.buyers"}, {"when": "events.order.count() > 1"}, {"tag": "spend", "value": "高"}},
		"reasons": true,
	})
	r.want(t, "results.0.eligible", "[true true false true true true true true]")
	r.want(t, "results.1.eligible", "[false false false false false true false false]")
	r.want(t, "results.2.eligible", "[false false false false false false false false]")
	r.want(t, "results.0.known", true)
	r.want(t, "results.2.known", false)
	r.want(t, "results.2.reasons", "<nil>")
	r.want(t, "history", "[false false false false false false true false]")
	r.want(t, "results.0.reasons.1.0.value.text", "金")
	r.want(t, "results.0.reasons.1.0.cause", "manual")
	r.want(t, "results.0.reasons.0.0.segment", "buyers")
	r.want(t, "results.0.reasons.0.0.cause", "edit")
	r.want(t, "results.0.reasons.4.1.when", `tags.frequency == "高频"`)
	r.want(t, "results.1.reasons.4.1.holds", false)
	r.want(t, "results.1.reasons.3.0.holds", false)
	if r.get(t, "as_of") == "" || r.get(t, "tags_at") == "" || r.get(t, "version") == "" {
		t.Errorf("no as-of: %s", r.body)
	}
}

func TestEligibilityRefused(t *testing.T) {
	x := newShop(t)
	ask := func(rules ...object) replied {
		return x.ok(422, "POST", "/api/v1/eligibility", object{"customers": []string{"user_id:u01"}, "rules": rules})
	}
	r := ask(object{"segment": "byers"}, object{"tag": "vipp"}, object{"tag": "vip", "value": "铜"}, object{"when": "tags.spend.number"}, object{"when": "tags.nothing == 1"})
	for i, place := range []string{"body.rules[0].segment", "body.rules[1].tag", "body.rules[2].value", "body.rules[3].when", "body.rules[4].when"} {
		if at := fmt.Sprint(r.get(t, fmt.Sprintf("errors.%d.location", i))); !bytes.HasPrefix([]byte(at), []byte(place)) {
			t.Errorf("fault %d is at %s: %s", i, at, r.body)
		}
	}
	r.want(t, "errors.0.hint", `did you mean "buyers"?`)
	ask(object{"segment": "buyers", "when": "true"}).want(t, "errors.0.location", "body.rules[0]")
	ask(object{"segment": "buyers", "value": "x"}).want(t, "errors.0.location", "body.rules[0].value")
	x.ok(201, "POST", "/api/v1/segments", object{"key": "fresh", "name": "新", "when": "events.visit.count() > 0"})
	ask(object{"segment": "fresh"}).want(t, "errors.0.message", "the segment fresh was never computed")
	r = x.ok(200, "POST", "/api/v1/eligibility", object{"customers": []string{"user_id:u01"}, "rules": []object{{"when": "segments.fresh"}}})
	r.want(t, "uncomputed", "[segment fresh]")
}

// One customer and five rules over a real connection that is kept, with the load generator beside it.
func BenchmarkEligibility(b *testing.B) {
	x := newShop(b)
	server := httptest.NewServer(x.h)
	defer server.Close()
	var bodies [][]byte
	for i := range 40 {
		body, err := json.Marshal(object{"customers": []string{fmt.Sprintf("user_id:u%02d", i)}, "rules": []object{{"segment": "buyers"}, {"segment": "loyal"}, {"tag": "tier"},
			{"tag": "spend", "value": "高"}, {"when": `tags.frequency == "高频" && !has(tags.vip)`}}})
		x.must(err)
		bodies = append(bodies, body)
	}
	const connections = 8
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var times []time.Duration
	var each sync.WaitGroup
	b.ResetTimer()
	begun := time.Now()
	for c := range connections {
		each.Go(func() {
			var mine []time.Duration
			for i := c; i < b.N; i += connections {
				req, err := http.NewRequest("POST", server.URL+"/api/v1/eligibility", bytes.NewReader(bodies[i%len(bodies)]))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Authorization", "Bearer "+x.tokens[access.Admin])
				start := time.Now()
				resp, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
					b.Error(err, resp.Status)
				}
				resp.Body.Close()
				mine = append(mine, time.Since(start))
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
		})
	}
	each.Wait()
	took := time.Since(begun)
	slices.Sort(times)
	b.ReportMetric(float64(len(times))/took.Seconds(), "requests/s")
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
}
