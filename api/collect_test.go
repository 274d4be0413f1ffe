package api

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tagma/event"
)

// send posts to the intake with a write key.
func (x *shop) send(path, key string, body any, header ...string) replied {
	x.t.Helper()
	h := map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"))}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	r := x.do(request{method: "POST", path: path, body: body, raw: true, header: h})
	x.must(x.w.Settle(x.t.Context())) // the history follows
	return r
}

// What was sent stands in the customer's timeline as soon as the readers have followed.
func TestIntake(t *testing.T) {
	x := newShop(t)
	at := time.UnixMilli(int64(x.w.Now())).Add(-time.Hour).UTC()
	batch := object{"sentAt": at.Add(10 * time.Minute).Format(time.RFC3339Nano), "batch": []object{
		{"type": "identify", "userId": "new1", "anonymousId": "anon1", "messageId": "m1", "traits": object{"city": "广州", "address": object{"street": "x"}, "age": 31}},
		{"type": "track", "userId": "new1", "event": "order", "messageId": "m2", "timestamp": at.Format(time.RFC3339Nano), "properties": object{"amount": 12.50, "items": []string{"a", "b"}},
			"context": object{"campaign": object{"term": "spring"}}},
		{"type": "page", "anonymousId": "anon1", "messageId": "m3", "name": "首页", "properties": object{"path": "/"}},
		{"type": "alias", "userId": "new1", "previousId": "x"},
	}}
	r := x.send("/v1/batch", x.key, batch)
	if r.status != 200 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	r.want(t, "accepted", 3)
	r.want(t, "passed_over", 1)
	c := x.ok(200, "GET", v1+"/customers/user_id:new1", nil)
	c.want(t, "events", 2)
	if !strings.Contains(string(c.body), `"address.street"`) || !strings.Contains(string(c.body), `{"kind":"anonymous_id","value":"anon1"}`) {
		t.Errorf("the customer: %s", c.body)
	}
	line := x.ok(200, "GET", v1+"/customers/user_id:new1/timeline?names=order", nil)
	line.want(t, "items.0.source", "web")
	if !strings.Contains(string(line.body), `{"name":"context.campaign.term","value":{"kind":"text","text":"spring"}}`) || !strings.Contains(string(line.body), `{"name":"amount","value":{"kind":"number","text":"12.5"}}`) {
		t.Errorf("the event: %s", line.body)
	}
	// By the client's clock it was sent ten minutes after it happened, so it happened ten minutes ago by ours.
	happened, err := time.Parse(time.RFC3339Nano, line.get(t, "items.0.at").(string))
	x.must(err)
	if ago := time.UnixMilli(int64(x.w.Now())).Sub(happened); ago < 10*time.Minute || ago > 11*time.Minute {
		t.Errorf("it happened %s ago", ago)
	}
	// The same messages again add nothing.
	r = x.send("/v1/batch", x.key, batch)
	r.want(t, "accepted", 0)
	r.want(t, "repeated", 3)
	x.ok(200, "GET", v1+"/customers/user_id:new1", nil).want(t, "events", 2)
}

// What is taken otherwise than who sent it may think is told, and taken.
func TestTheIntakeWarns(t *testing.T) {
	x := newShop(t)
	device := func(user, id string) object {
		return object{"type": "identify", "userId": user, "anonymousId": id, "traits": object{"city": "广州"}}
	}
	// A device that nobody had belongs to who shows up with it; nothing is to be said of that.
	r := x.send("/v1/batch", x.key, object{"batch": []object{device("u01", "phone1"), {"type": "page", "anonymousId": "browser"}, device("u01", "phone1")}})
	if r.status != 200 || strings.Contains(string(r.body), "warnings") {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano)
	r = x.send("/v1/batch", x.key, object{"batch": []object{
		device("u02", "phone2"), device("u02", "phone1"), device("u03", "browser"), {"type": "track", "userId": "u02", "anonymousId": "phone1", "event": "visit"},
		{"type": "track", "userId": "u02", "event": "visit", "timestamp": later, "messageId": "later"}, {"type": "page", "userId": "u02", "timestamp": later, "originalTimestamp": later},
	}})
	if r.status != 200 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	r.want(t, "accepted", 6)
	r.want(t, "warnings.0.location", "batch[1].anonymousId")
	r.want(t, "warnings.0.count", 2)
	r.want(t, "warnings.1.location", "batch[4].timestamp")
	r.want(t, "warnings.1.count", 2)
	for _, words := range []string{"the anonymousId phone1 belongs to another customer than the userId u02", "not available yet", "in the future"} {
		if !strings.Contains(string(r.body), words) {
			t.Errorf("no %q in %s", words, r.body)
		}
	}
	r = x.send("/v1/identify", x.key, object{"userId": "u02", "anonymousId": "phone1"})
	r.want(t, "warnings.0.location", "anonymousId")
}

func TestIntakeForms(t *testing.T) {
	x := newShop(t)
	track := object{"userId": "u01", "event": "visit", "properties": object{}}
	text, err := json.Marshal(object{"batch": []object{{"type": "track", "userId": "u02", "event": "visit"}}})
	x.must(err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(text)
	x.must(err)
	x.must(z.Close())
	long := object{"userId": "u01", "event": "visit", "properties": object{"x": strings.Repeat("x", 40<<10)}}
	withKey := object{"userId": "u01", "event": "visit", "writeKey": x.key}
	for _, c := range []struct {
		what   string
		r      replied
		status int
		words  string
	}{
		{"track", x.send("/v1/track", x.key, track), 200, `"success":true`},
		{"gzip with the type of a form", x.send("/v1/batch", x.key, packed.Bytes(), "Content-Encoding", "gzip", "Content-Type", "application/x-www-form-urlencoded"), 200, `"accepted":1`},
		{"the key in the body", x.do(request{method: "POST", path: "/v1/track", raw: true, body: withKey}), 200, `"accepted":1`},
		{"a device alone", x.send("/v1/screen", x.key, object{"anonymousId": "d1", "name": "Home"}), 200, `"accepted":1`},
		{"no key", x.do(request{method: "POST", path: "/v1/track", raw: true, body: track}), 401, "write key is missing"},
		{"a wrong key", x.send("/v1/track", "wk_nonsense", track), 401, "not known"},
		{"nobody", x.send("/v1/track", x.key, object{"event": "visit"}), 400, "userId or anonymousId"},
		{"no event", x.send("/v1/track", x.key, object{"userId": "u01"}), 400, "name of the event"},
		{"a wrong time", x.send("/v1/track", x.key, object{"userId": "u01", "event": "visit", "timestamp": "soon"}), 400, "timestamp"},
		{"not JSON", x.send("/v1/track", x.key, "visit"), 400, "JSON"},
		{"not gzip", x.send("/v1/track", x.key, "visit", "Content-Encoding", "gzip"), 400, "gzip"},
		{"an unknown packing", x.send("/v1/track", x.key, "visit", "Content-Encoding", "br"), 415, "br"},
		{"an empty batch", x.send("/v1/batch", x.key, object{"batch": []object{}}), 400, "batch"},
		{"a long message", x.send("/v1/track", x.key, long), 400, "32768"},
		{"a long batch", x.send("/v1/batch", x.key, strings.Repeat("x", 600<<10)), 413, "500 KB"},
		{"a part of a batch", x.send("/v1/batch", x.key, object{"batch": []object{{"type": "track", "userId": "u03", "event": "visit"}, {"type": "trak", "userId": "u03"}}}), 400, `"accepted":1`},
		{"GET", x.do(request{method: "GET", path: "/v1/track", raw: true}), 405, ""},
	} {
		if c.r.status != c.status || !strings.Contains(string(c.r.body), c.words) {
			t.Errorf("%s: got %d %s", c.what, c.r.status, c.r.body)
		}
	}
	if r := x.do(request{method: "OPTIONS", path: "/v1/batch", raw: true, header: map[string]string{"Origin": "https://shop.example"}}); r.status != 204 || r.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a preflight: %d %v", r.status, r.header)
	}
	// Browsers of other sites may send.
	if r := x.send("/v1/track", x.key, track, "Origin", "https://shop.example", "Sec-Fetch-Site", "cross-site"); r.status != 200 {
		t.Errorf("from another site: %d %s", r.status, r.body)
	}
}

// Many at once are committed together, and each is counted once.
func TestManySendAtOnce(t *testing.T) {
	x := newShop(t)
	before := x.w.Store.Offset()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			for k := range 5 {
				r := x.send("/v1/track", x.key, object{"userId": fmt.Sprintf("u%02d", i), "event": "click", "messageId": fmt.Sprintf("m%d-%d", i, k%4)})
				if r.status != 200 {
					t.Errorf("got %d %s", r.status, r.body)
				}
			}
		})
	}
	wg.Wait()
	if n := x.w.Store.Offset() - before; n != 40*4 {
		t.Errorf("%d records were taken, want %d", n, 40*4)
	}
}

func TestMessagesTime(t *testing.T) {
	now := event.Time(1_000_000_000_000)
	iso := func(t event.Time) scalar { return scalar{'"', t.Go(time.UTC).Format("2006-01-02T15:04:05.000Z07:00")} }
	for _, c := range []struct {
		m           message
		want, ahead event.Time
	}{
		{message{}, now, 0},
		{message{timestamp: iso(now - 5000)}, now - 5000, 0},
		{message{timestamp: iso(now - 5000), sentAt: iso(now)}, now - 5000, 0},
		{message{timestamp: iso(now + 3600_000), sentAt: iso(now + 3601_000)}, now - 1000, 0}, // a clock an hour ahead
		{message{timestamp: iso(now + 3600_000)}, now, 3600_000},
		{message{timestamp: iso(now), original: iso(now - 9000), sentAt: iso(now - 8000)}, now - 1000, 0},
	} {
		if got, ahead, flaw := c.m.time(now); flaw != nil || got != c.want || ahead != c.ahead {
			t.Errorf("%v: got %d, want %d, %d ahead (%v)", c.m, got-now, c.want-now, ahead, flaw)
		}
	}
}

func TestHealthAndMetrics(t *testing.T) {
	x := newShop(t)
	x.send("/v1/track", x.key, object{"userId": "u01", "event": "visit"})
	x.ok(200, "GET", v1+"/tags", nil)
	for path, words := range map[string][]string{
		"/healthz": {"ok"}, "/readyz": {`"ready":true`, `"index"`},
		"/metrics": {`tagma_http_request_seconds_count{method="GET",route="/api/v1/tags",status="200"} 1`, `tagma_messages_total{outcome="accepted",source="web"} 1`,
			`tagma_reader_lag_records{reader="warehouse"} 0`, "tagma_index_bytes", `tagma_log_end{log=`, `tagma_run_going{kind="nightly"} 0`},
	} {
		r := x.do(request{method: "GET", path: path, raw: true})
		for _, w := range words {
			if r.status != 200 || !strings.Contains(string(r.body), w) {
				t.Errorf("%s: %d, and no %s", path, r.status, w)
			}
		}
	}
}
