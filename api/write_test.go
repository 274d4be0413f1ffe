package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tagma/access"
	"tagma/tag"
)

// Of two people who edit the same tag, the second is told that there is a newer version, and loses nothing.
func TestTwoPeopleEditATag(t *testing.T) {
	x := newShop(t)
	first := x.ok(200, "GET", v1+"/tags/frequency", nil)
	etag := first.header.Get("ETag")
	if etag != `"1"` {
		t.Fatalf("the ETag is %s", etag)
	}
	var wg sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		wg.Go(func() {
			r := x.do(request{method: "PUT", path: v1 + "/tags/frequency", as: access.Manager, body: tagBody("frequency", fmt.Sprintf("频次%d", i), "events.order.count() >= 2"),
				header: map[string]string{"If-Match": etag}})
			statuses[i] = r.status
		})
	}
	wg.Wait()
	won, lost := 0, 0
	for _, s := range statuses {
		switch s {
		case 200:
			won++
		case 412:
			lost++
		}
	}
	if won != 1 || lost != len(statuses)-1 {
		t.Errorf("%d won and %d lost: %v", won, lost, statuses)
	}
	r := x.ok(412, "PUT", v1+"/tags/frequency", tagBody("frequency", "x", "true"), "If-Match", etag)
	r.want(t, "current", "2")
	r.want(t, "code", "stale")
	x.ok(200, "GET", v1+"/tags/frequency/versions", nil).want(t, "total", 2)
}

func TestAnEditTellsWhereItIsWrong(t *testing.T) {
	x := newShop(t)
	r := x.ok(422, "POST", v1+"/tags", tagBody("wrong", "错", "events.order.count() >= 1 && trait.city == 1"))
	r.want(t, "errors.0.location", "body.cases[0].when:1:30")
	r.want(t, "errors.0.start", 29)
	r = x.ok(422, "POST", v1+"/tags", object{"key": "Wrong key", "name": "x", "category": "nowhere", "value": "1"})
	if !strings.Contains(string(r.body), `"location":"body`) {
		t.Errorf("no place: %s", r.body)
	}
	r = x.ok(422, "POST", v1+"/tags", object{"key": "n", "name": "n", "category": "fact", "kind": "manual", "value_kind": "number", "values": []string{"1", "two"}})
	r.want(t, "errors.0.location", "body.values[1]")
	x.ok(201, "POST", v1+"/tags", object{"key": "n", "name": "n", "category": "fact", "purpose": "p", "owner": "o", "kind": "manual", "value_kind": "number", "values": []string{"1", "2"}}).want(t, "value_kind", "number")
	// Without value_kind the values keep their kind.
	x.ok(200, "PUT", v1+"/tags/n", object{"key": "n", "name": "n", "category": "fact", "purpose": "p", "owner": "o", "kind": "manual", "values": []string{"1", "2", "3"}}, "If-Match", `"1"`).want(t, "value_kind", "number")
}

func TestIdempotency(t *testing.T) {
	x := newShop(t)
	body := object{"items": []object{{"customer": "user_id:u07", "tag": "vip", "value": "金", "action": "set"}}}
	do := func(key string, body any, as access.Role) replied {
		return x.do(request{method: "POST", path: v1 + "/assignments", body: body, as: as, header: map[string]string{idempotencyHeader: key}})
	}
	first, second := do("k1", body, access.Operator), do("k1", body, access.Operator)
	if first.status != 200 || string(first.body) != string(second.body) || second.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("got %d %s and %d %s", first.status, first.body, second.status, second.body)
	}
	second.want(t, "results.0.outcome", "recorded") // and not "same"
	if r := do("k1", object{"items": []object{{"customer": "user_id:u08", "tag": "vip", "value": "金", "action": "set"}}}, access.Operator); r.status != 422 {
		t.Errorf("the key for another request: %d %s", r.status, r.body)
	}
	if r := do("k1", body, access.Admin); r.header.Get("Idempotent-Replayed") != "" {
		t.Error("somebody else's key was taken")
	}
	if all := x.ok(200, "GET", v1+"/assignments?all=true", nil).get(t, "items").([]any); len(all) != 1 {
		t.Errorf("%d assignments", len(all))
	}
	if r := do(strings.Repeat("k", 300), body, access.Operator); r.status != 422 {
		t.Errorf("a long key: %d", r.status)
	}
}

func TestBadInput(t *testing.T) {
	x := newShop(t)
	for _, c := range []struct {
		path, body string
		status     int
		words      string
	}{
		{"/query", `{"expression": "true", "wnat": "count"}`, 422, "body.wnat"},
		{"/query", `{"expression": 1}`, 422, "body.expression"},
		{"/query", `{"expression": "true"`, 400, ""},
		{"/query", `{"expression": "` + strings.Repeat("x", 2<<20) + `"}`, 413, "too_large"},
		{"/segments", `{"key": "` + strings.Repeat("x", 10<<20) + `"}`, 413, "too_large"},
		{"/definitions/plan", `{"yaml": "` + strings.Repeat("x", 21<<20) + `"}`, 413, "too_large"},
		{"/query", `{"expression": "events.order.cont() > 1"}`, 422, `"start":0`},
		{"/query", `{"expression": "true", "as_of": "yesterday"}`, 422, "body.as_of"},
		{"/nowhere", `{}`, 404, "not_found"},
	} {
		r := x.do(request{method: "POST", path: v1 + c.path, body: c.body, as: access.Admin})
		if r.status != c.status || !strings.Contains(string(r.body), c.words) || !strings.HasPrefix(r.header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s %.60s: got %d %.300s", c.path, c.body, r.status, r.body)
		}
	}
	// 10 MB are fine where they may be.
	if r := x.do(request{method: "PUT", path: v1 + "/tables/long", as: access.Admin, body: object{"by": "k", "csv": "k,v\n" + rows(200_000)}}); r.status != 200 && r.status != 422 {
		t.Errorf("a large table: %d %.300s", r.status, r.body)
	}
}

func rows(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d,some words about it that fill the line %d\n", i, i)
	}
	return b.String()
}

// A handler that panics answers without details, and the next request is served.
func TestAPanicIsAnswered(t *testing.T) {
	x := newShop(t)
	x.s.mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("the secret of the house") })
	r := x.do(request{method: "GET", path: "/panic", as: access.Admin})
	if r.status != 500 || strings.Contains(string(r.body), "secret") {
		t.Errorf("got %d %s", r.status, r.body)
	}
	x.ok(200, "GET", v1+"/tags", nil)
}

func TestPages(t *testing.T) {
	x := newShop(t)
	for path, all := range map[string]int{v1 + "/tags": 5, v1 + "/tags/frequency/members": 30, v1 + "/segments/buyers/members": 30, v1 + "/runs": 1, v1 + "/audit": 5} {
		seen := map[string]bool{}
		after := ""
		for range 100 {
			r := x.ok(200, "GET", path+"?limit=2"+after, nil)
			for _, item := range r.get(t, "items").([]any) {
				o := item.(map[string]any)
				id := fmt.Sprint(o["id"], o["key"])
				if seen[id] {
					t.Errorf("%s: %s comes twice", path, id)
				}
				seen[id] = true
			}
			next := r.get(t, "next")
			if next == nil {
				break
			}
			after = "&after=" + next.(string)
		}
		if len(seen) < all || path != v1+"/audit" && len(seen) != all {
			t.Errorf("%s: %d items, want %d", path, len(seen), all)
		}
	}
}

// A run answers when it has begun, is the only one, and what it decides can be read.
func TestARun(t *testing.T) {
	x := newShop(t)
	x.ok(201, "POST", v1+"/segments", object{"key": "rich", "name": "有钱", "when": "measures.spend > 100"})
	if held := x.ok(200, "GET", v1+"/segments/rich", nil).get(t, "held"); held != nil {
		t.Errorf("held before the first run: %v", held)
	}
	r := x.ok(202, "POST", v1+"/runs", object{})
	x.s.running.Wait()
	done := x.ok(200, "GET", v1+"/runs/"+r.get(t, "id").(string), nil)
	done.want(t, "state", "done")
	if held := x.ok(200, "GET", v1+"/segments/rich", nil).get(t, "held"); held == nil || held.(float64) == 0 {
		t.Errorf("held after the run: %v", held)
	}
	x.s.computing.Lock()
	x.ok(409, "POST", v1+"/runs", object{})
	x.s.computing.Unlock()
	x.ok(422, "POST", v1+"/runs", object{"keys": []string{"frequenzy"}})
	x.ok(202, "POST", v1+"/runs", object{"as_of": "2020-01-01"})
	x.s.running.Wait()
	x.ok(200, "GET", v1+"/runs", nil).want(t, "items.0.kind", "snapshot")
}

// Since when and why a customer has a tag is the same by the page and by the change log.
func TestSinceAgreesWithTheChangeLog(t *testing.T) {
	x := newShop(t)
	assign := func(action, value string) {
		x.ok(200, "POST", v1+"/assignments", object{"items": []object{{"customer": "user_id:u07", "tag": "vip", "action": action, "value": value}}})
	}
	assign("set", "金")
	x.ok(200, "PUT", v1+"/tags/spend", object{"key": "spend", "name": "消费", "category": "fact", "purpose": "p", "owner": "o", "value": "measures.spend",
		"bands": []object{{"below": "60", "value": "低"}, {"below": "120", "value": "中"}, {"value": "高"}}}, "If-Match", `"1"`)
	x.ok(202, "POST", v1+"/runs", object{})
	x.s.running.Wait()
	assign("set", "银")
	for i := range 40 {
		id := fmt.Sprintf("user_id:u%02d", i)
		page := x.ok(200, "GET", v1+"/customers/"+id, nil)
		known := x.since(id)
		tags := page.get(t, "tags").([]any)
		if len(tags) == 0 {
			t.Errorf("%s has no tags", id)
		}
		for _, v := range tags {
			o := v.(map[string]any)
			want := known[o["key"].(string)]
			if got := fmt.Sprint(o["since"], o["cause"], o["run"]); got != want {
				t.Errorf("%s %s: since %s by the page, %s by the log", id, o["key"], got, want)
			}
		}
	}
}

// since asks the change log, tag by tag.
func (x *shop) since(id string) map[string]string {
	x.t.Helper()
	ctx := context.Background()
	customer, err := x.s.customer(ctx, "", id)
	x.must(err)
	c, err := tag.ReadCustomer(ctx, x.w.Tags(), customer, x.w.Now(), 0)
	x.must(err)
	out := map[string]string{}
	for _, line := range c.Tags {
		if !line.Segment {
			out[line.Key] = fmt.Sprint(line.Since, line.Cause, absent(line.Run))
		}
	}
	return out
}

// absent is a number as a body has it, where 0 is left out.
func absent(n uint64) any {
	if n == 0 {
		return nil
	}
	return n
}
