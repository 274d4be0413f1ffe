package api

import (
	"fmt"
	"strings"
	"testing"

	"tagma/access"
	"tagma/identity"
	"tagma/ingest"
)

// All pages of an answer are of the instant of the first, whatever comes meanwhile, and name everybody once.
func TestAnAnswerIsPagedForOneInstant(t *testing.T) {
	x := newShop(t)
	body := object{"expression": "events.order.count() == 0", "want": "ids", "limit": 3}
	first := x.ok(200, "POST", v1+"/query", body)
	seen := map[string]bool{}
	for r := first; ; r = x.ok(200, "POST", v1+"/query", body) {
		r.want(t, "as_of", first.get(t, "as_of"))
		r.want(t, "count", 10)
		for _, item := range r.get(t, "items").([]any) {
			id := item.(map[string]any)["id"].(string)
			if seen[id] {
				t.Errorf("%s comes twice", id)
			}
			seen[id] = true
		}
		if body["after"] = r.get(t, "next"); body["after"] == nil {
			break
		}
		// Those without an order order now: that is later than the instant of the answer.
		for i := 0; i < 40; i += 4 {
			_, err := ingest.Accept(t.Context(), x.w.Ingest(), "till", ingest.Record{Identifiers: []identity.Key{{Kind: "user_id", Value: fmt.Sprintf("u%02d", i)}},
				Events: []ingest.Event{{Name: "order", Time: x.w.Now() + 1000}}})
			x.must(err)
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d customers, want 10", len(seen))
	}
	next := first.get(t, "next")
	x.ok(422, "POST", v1+"/query", object{"expression": "events.order.count() == 1", "want": "ids", "after": next}).want(t, "errors.0.location", "body.after")
	x.ok(422, "POST", v1+"/query", object{"expression": "events.order.count() == 0", "want": "ids", "after": next, "as_of": "2020-01-01"}).want(t, "errors.0.location", "body.as_of")
	x.ok(422, "POST", v1+"/query", object{"expression": "events.order.count() == 0", "want": "ids", "after": "nonsense"}).want(t, "errors.0.location", "body.after")
	// Nobody is an empty list.
	for _, want := range []string{"ids", "sample", "values"} {
		if r := x.ok(200, "POST", v1+"/query", object{"expression": "events.order.count() > 1000", "want": want}); want != "values" && len(r.get(t, "items").([]any)) != 0 {
			t.Errorf("%s: %s", want, r.body)
		}
	}
}

// Assignments come page by page, each once, in both lists.
func TestAssignmentsComeInPages(t *testing.T) {
	x := newShop(t)
	var items []object
	for i := range 25 {
		items = append(items, object{"customer": fmt.Sprintf("user_id:u%02d", i), "tag": "vip", "value": "金", "action": "set"})
		items = append(items, object{"customer": fmt.Sprintf("user_id:u%02d", i), "tag": "channels", "value": "网", "action": "set"}, object{"customer": fmt.Sprintf("user_id:u%02d", i), "tag": "channels", "value": "店", "action": "remove"})
	}
	for i := range 5 { // these hold no more
		items = append(items, object{"customer": fmt.Sprintf("user_id:u%02d", i), "tag": "vip", "action": "release"})
	}
	x.ok(200, "POST", v1+"/assignments", object{"items": items})
	for query, want := range map[string]int{"": 70, "all=true": 80, "tag=vip": 20, "tag=vip&all=true": 30, "customer=user_id:u03": 2, "customer=user_id:u13&all=true": 3} {
		seen := map[string]bool{}
		after := ""
		for range 100 {
			r := x.ok(200, "GET", v1+"/assignments?limit=7&"+query+after, nil)
			page := r.get(t, "items").([]any)
			if len(page) > 7 {
				t.Errorf("%s: a page of %d", query, len(page))
			}
			for _, item := range page {
				id := item.(map[string]any)["id"].(string)
				if seen[id] {
					t.Errorf("%s: %s comes twice", query, id)
				}
				seen[id] = true
			}
			next := r.get(t, "next")
			if next == nil {
				break
			}
			after = "&after=" + next.(string)
		}
		if len(seen) != want {
			t.Errorf("%s: %d assignments, want %d", query, len(seen), want)
		}
	}
	x.ok(422, "GET", v1+"/assignments?after=nonsense", nil)
}

// An audit row of assignments is written with them, and none when nothing was recorded.
func TestAssignmentsAndTheirAuditAreOne(t *testing.T) {
	x := newShop(t)
	rows := func() int {
		return len(x.ok(200, "GET", v1+"/audit?action=assignments.write", nil).get(t, "items").([]any))
	}
	body := object{"items": []object{{"customer": "user_id:u07", "tag": "vip", "value": "金", "action": "set"}, {"customer": "user_id:u08", "tag": "vip", "value": "铜", "action": "set"}}}
	x.ok(200, "POST", v1+"/assignments", body)
	x.ok(200, "POST", v1+"/assignments", body)
	if n := rows(); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	x.ok(200, "GET", v1+"/audit?action=assignments.write", nil).want(t, "items.0.object.key", "1")
}

// Warnings of a preview have the field, line and column of what they are about.
func TestAPreviewTellsWhereItsWarningsAre(t *testing.T) {
	x := newShop(t)
	body := tagBody("both", "都", "events.order.count() >= 1")
	body["purpose"] = ""
	body["cases"] = []object{{"value": "a", "when": "events.order.count() >= 1"}, {"value": "b", "when": "true &&\n events.order.count() >= 0"}}
	r := x.ok(200, "POST", v1+"/tags/preview", body)
	at := map[string]map[string]any{}
	for _, w := range r.get(t, "warnings").([]any) {
		o := w.(map[string]any)
		at[fmt.Sprint(o["location"])] = o
		if strings.Contains(fmt.Sprint(o["message"], o["location"]), "draft") {
			t.Errorf("an inner place: %v", o)
		}
	}
	if w := at["body.purpose"]; w == nil || w["hint"] == nil {
		t.Errorf("nothing about the purpose: %v", at)
	}
	found := false
	for place, w := range at {
		found = found || strings.HasPrefix(place, "body.cases[1].when:") && w["line"] != nil && w["column"] != nil
	}
	if !found {
		t.Errorf("no place in the second case: %v", at)
	}
}

// A category in use is not retired, and says who uses it.
func TestCategoriesOneByOne(t *testing.T) {
	x := newShop(t)
	r := x.ok(200, "GET", v1+"/categories/behavior%2Fpurchase", nil)
	r.want(t, "users.0.key", "frequency")
	r.want(t, "tags", 1)
	etag := r.header.Get("ETag")
	x.ok(409, "DELETE", v1+"/categories/behavior%2Fpurchase", nil, "If-Match", etag).want(t, "users.0.key", "frequency")
	x.ok(409, "DELETE", v1+"/categories/behavior", nil, "If-Match", etag).want(t, "users.0.key", "behavior/purchase")
	x.ok(200, "PUT", v1+"/categories/behavior%2Fpurchase", object{"key": "behavior/purchase", "name": "买", "prefix": "买_"}, "If-Match", etag).want(t, "version", "2")
	x.ok(422, "POST", v1+"/categories", object{"key": "fact/x", "name": ""}).want(t, "errors.0.location", "body.name")
	x.ok(422, "POST", v1+"/categories", object{"key": "fact/a b", "name": "n"}).want(t, "errors.0.location", "body.key")
	x.ok(422, "POST", v1+"/categories", object{"key": "fact/x", "name": "n", "class": "nonsense"}).want(t, "errors.0.location", "body.class")
	x.ok(201, "POST", v1+"/categories", object{"key": "fact/x", "name": "n"})
	x.ok(204, "DELETE", v1+"/categories/fact%2Fx", nil, "If-Match", `"1"`)
	x.ok(201, "POST", v1+"/categories", object{"key": "fact/x", "name": "again"}).want(t, "version", "3")
	if r := x.ok(404, "GET", v1+"/categories/fact%2Fy", nil); !strings.Contains(string(r.body), "fact/x") {
		t.Errorf("nothing is suggested: %s", r.body)
	}
	x.ok(200, "GET", v1+"/audit?action=category.", nil).want(t, "items.0.object.key", "fact/x")
}

// The members of a past instant are those that a run for it found.
func TestMembersOfAPastInstant(t *testing.T) {
	x := newShop(t)
	at := x.w.Zone.Date(x.w.Now() - 30*24*3600*1000).String()
	x.ok(202, "POST", v1+"/runs", object{"as_of": at})
	x.s.running.Wait()
	now := x.ok(200, "GET", v1+"/tags/frequency/members?value=高频", nil).get(t, "total").(float64)
	then := x.ok(200, "GET", v1+"/tags/frequency/members?value=高频&as_of="+at, nil)
	if n := then.get(t, "total").(float64); n >= now || !strings.HasPrefix(then.get(t, "as_of").(string), at) {
		t.Errorf("then %v, now %v: %s", n, now, then.body)
	}
	x.ok(200, "GET", v1+"/segments/buyers/members?as_of="+at, nil)
	x.ok(200, "GET", v1+"/tags/vip/members?as_of="+at, nil).want(t, "total", 0)
	x.ok(422, "GET", v1+"/segments/buyers/members?as_of=then", nil).want(t, "errors.0.location", "query.as_of")
	// A value that the tag can never have is told; that nobody has one that it can have, or that is not fixed, is an answer.
	none := x.ok(422, "GET", v1+"/tags/frequency/members?value=高品", nil)
	none.want(t, "errors.0.location", "query.value")
	none.want(t, "errors.0.message", `the tag frequency never has the value "高品"`)
	none.want(t, "errors.0.hint", `did you mean "高频"?`)
	x.ok(422, "GET", v1+"/tags/frequency/members?value=高品&as_of="+at, nil).want(t, "errors.0.location", "query.value")
	x.ok(200, "GET", v1+"/tags/vip/members?value=银", nil).want(t, "total", 0)
	x.ok(200, "GET", v1+"/tags/tier/members?value=五线", nil).want(t, "total", 0)
	x.ok(404, "GET", v1+"/tags/frequenzy/members?value=高频", nil)
}

// The check looks at everything while records come in, and finds nothing wrong.
func TestCheckWhileRecordsCome(t *testing.T) {
	x := newShop(t)
	done := make(chan error, 1)
	go func() {
		for i := range 30 {
			_, err := ingest.Accept(t.Context(), x.w.Ingest(), "till", ingest.Record{Identifiers: []identity.Key{{Kind: "user_id", Value: fmt.Sprintf("new%02d", i)}}, Events: []ingest.Event{{Name: "visit", Time: x.w.Now()}}})
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 3 {
		x.ok(200, "POST", v1+"/check", nil).want(t, "wrong", 0)
	}
	x.must(<-done)
	r := x.ok(200, "POST", v1+"/check", nil)
	r.want(t, "wrong", 0)
	x.do(request{method: "POST", path: v1 + "/check", as: access.Manager})
}

// A time zone is planned, and is there when the workspace is opened again; the server is told to begin again.
func TestTheTimeZoneIsChanged(t *testing.T) {
	x := newShop(t)
	began := 0
	x.s.c.Restart = func() { began++ }
	r := x.ok(200, "PUT", v1+"/timezone", object{"zone": "Europe/Berlin"})
	r.want(t, "zone", "Asia/Shanghai")
	r.want(t, "next", "Europe/Berlin")
	x.ok(200, "PUT", v1+"/timezone", object{"zone": "Europe/Berlin"})
	if began != 1 {
		t.Errorf("it began again %d times", began)
	}
	x.ok(422, "PUT", v1+"/timezone", object{"zone": "Europe/Berln"}).want(t, "errors.0.location", "body.zone")
	x.ok(200, "GET", v1+"/audit?action=timezone.", nil).want(t, "items.0.after.zone", "Europe/Berlin")
	x.ok(409, "PUT", v1+"/clock", object{"to": "2099-01-01"})
}
