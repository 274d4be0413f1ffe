package api

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"tagma/access"
)

// step is a request of the tour through all routes.
type step struct {
	op     string // of the table: "GET /tags/{key}"
	path   string // "" for the op's
	body   any
	header map[string]string
	status int // 0: 200
}

type object = map[string]any

func tagBody(key, name, when string) object {
	return object{"key": key, "name": name, "category": "fact", "purpose": "p", "owner": "o", "kind": "rule", "refresh": "daily", "multi": false,
		"cases": []object{{"value": "是", "when": when}}}
}

// sentFiles is a small import.
const sentFiles = "--cut\r\nContent-Disposition: form-data; name=mapping; filename=m.yaml\r\n\r\nsource: till\nrows: {identify: {user_id: id}, traits: {age: {from: age, as: number}}}\r\n" +
	"--cut\r\nContent-Disposition: form-data; name=file; filename=a.csv\r\n\r\nid,age\nu01,30\nu02,old\n\r\n--cut--\r\n"

// tour uses every route of the table at least once, in an order in which it can be.
func tour() []step {
	match := func(v string) map[string]string { return map[string]string{"If-Match": `"` + v + `"`} }
	expression := object{"expression": `events.order.count() >= 2 && traits.city in ["上海", "苏州"]`}
	return []step{
		{op: "POST /session", body: object{"name": "nobody", "password": "wrong password"}, status: 401},
		{op: "GET /session"},
		{op: "DELETE /session", status: 204},
		{op: "POST /session/password", body: object{"old": "x", "new": "y"}, status: 403},

		{op: "GET /users"},
		{op: "POST /users", body: object{"name": "zhang", "display": "张", "role": "viewer"}, status: 201},
		{op: "POST /users", body: object{"name": "!", "role": "viewer"}, status: 422},
		{op: "PATCH /users/{name}", path: "/users/zhang", body: object{"role": "operator", "display": "老张", "password": "", "unlock": true}},
		{op: "PATCH /users/{name}", path: "/users/nobody", body: object{"role": "operator"}, status: 404},
		{op: "DELETE /users/{name}", path: "/users/zhang", status: 204},
		{op: "GET /tokens"},
		{op: "POST /tokens", body: object{"name": "nightly", "role": "viewer", "expires": "2099-01-01"}, status: 201},
		{op: "DELETE /tokens/{id}", path: "/tokens/5", status: 204},
		{op: "DELETE /tokens/{id}", path: "/tokens/x", status: 404},
		{op: "GET /sources"},
		{op: "POST /sources", body: object{"name": "app"}, status: 201},
		{op: "POST /sources/{name}/keys", path: "/sources/app/keys", status: 201},
		{op: "DELETE /sources/{name}/keys/{id}", path: "/sources/app/keys/2", status: 204},
		{op: "GET /audit"},
		{op: "GET /audit", path: "/audit?action=user.&from=2020-01-01&limit=2"},

		{op: "POST /backups"},
		{op: "POST /check"},
		{op: "GET /clock"},
		{op: "PUT /clock", body: object{"to": "2099-01-01"}, status: 409},
		{op: "PUT /clock", body: object{"to": "tomorrow"}, status: 422},
		{op: "GET /timezone"},
		{op: "PUT /timezone", body: object{"zone": "Asia/Shanghai"}},
		{op: "PUT /timezone", body: object{"zone": "Asia/Shanghi"}, status: 422},
		{op: "GET /overview"},
		{op: "GET /runs"},
		{op: "POST /runs", body: object{}, status: 202},
		{op: "GET /runs/{id}", path: "/runs/1"},
		{op: "GET /runs/{id}", path: "/runs/77", status: 404},
		{op: "POST /runs/{id}/cancel", path: "/runs/1/cancel", status: 409},
		{op: "POST /runs/{id}/cancel", path: "/runs/77/cancel", status: 404},
		{op: "GET /freshness"},
		{op: "GET /freshness", path: "/freshness?tags=true"},
		{op: "GET /categories"},
		{op: "POST /categories", body: object{"key": "behavior/visit", "name": "浏览", "prefix": "浏览_"}, status: 201},
		{op: "POST /categories", body: object{"key": "behavior/visit", "name": "浏览"}, status: 409},
		{op: "POST /categories", body: object{"key": "nowhere/visit", "name": "浏览 2"}, status: 422},
		{op: "GET /categories/{key}", path: "/categories/behavior%2Fvisit"},
		{op: "GET /categories/{key}", path: "/categories/interest", status: 404},
		{op: "PUT /categories/{key}", path: "/categories/behavior%2Fvisit", body: object{"key": "behavior/visit", "name": "看"}, header: match("1")},
		{op: "PUT /categories/{key}", path: "/categories/behavior%2Fvisit", body: object{"key": "behavior/visit", "name": "看看"}, header: match("1"), status: 412},
		{op: "PUT /categories/{key}", path: "/categories/behavior%2Fvisit", body: object{"key": "behavior/look", "name": "看看"}, header: match("2"), status: 422},
		{op: "DELETE /categories/{key}", path: "/categories/behavior%2Fpurchase", header: match("1"), status: 409},
		{op: "DELETE /categories/{key}", path: "/categories/behavior%2Fvisit", header: match("2"), status: 204},
		{op: "GET /tags"},
		{op: "GET /tags", path: "/tags?q=" + url.QueryEscape("消费") + "&category=fact&state=all&kind=rule&owner=o&limit=1"},
		{op: "GET /tags", path: "/tags?nonsense=1", status: 422},
		{op: "GET /tags", path: "/tags?after=%21", status: 422},
		{op: "POST /tags/preview", path: "/tags/preview", body: tagBody("frequency", "购买频次", "events.order.count() >= 1")},
		{op: "POST /tags", body: tagBody("weekly", "每周", "events.order.count() >= 3"), status: 201},
		{op: "POST /tags", body: tagBody("weekly", "每周", "events.order.count() >= 3"), status: 409},
		{op: "POST /tags", body: tagBody("wrong", "错", "events.order.cont() >= 3 && traits.citty == 1"), status: 422},
		{op: "GET /tags/{key}", path: "/tags/weekly"},
		{op: "GET /tags/{key}", path: "/tags/weakly", status: 404},
		{op: "PUT /tags/{key}", path: "/tags/weekly", body: tagBody("weekly", "每周一单", "events.order.count() >= 2"), header: match("1")},
		{op: "PUT /tags/{key}", path: "/tags/weekly", body: tagBody("weekly", "x", "true"), header: match("1"), status: 412},
		{op: "PUT /tags/{key}", path: "/tags/weekly", body: tagBody("weekly", "x", "true"), status: 428},
		{op: "PUT /tags/{key}", path: "/tags/weekly", body: tagBody("every_week", "每周一单", "events.order.count() >= 2"), header: match("2")},
		{op: "GET /tags/{key}/versions", path: "/tags/every_week/versions"},
		{op: "GET /tags/{key}/values", path: "/tags/spend/values"},
		{op: "GET /tags/{key}/members", path: "/tags/frequency/members?limit=3&value=" + url.QueryEscape("高频")},
		{op: "GET /tags/{key}/members", path: "/tags/frequency/members?as_of=2019-01-01", status: 404},
		{op: "DELETE /tags/{key}", path: "/tags/frequency", header: match("1"), status: 409},
		{op: "DELETE /tags/{key}", path: "/tags/every_week", header: match("3"), status: 204},
		{op: "GET /segments"},
		{op: "POST /segments", body: object{"key": "rich", "name": "有钱", "when": "measures.spend > 100"}, status: 201},
		{op: "GET /segments/{key}", path: "/segments/rich"},
		{op: "PUT /segments/{key}", path: "/segments/rich", body: object{"key": "rich", "name": "更有钱", "when": "measures.spend > 200"}, header: match("1")},
		{op: "GET /segments/{key}/versions", path: "/segments/rich/versions"},
		{op: "GET /segments/{key}/members", path: "/segments/buyers/members"},
		{op: "DELETE /segments/{key}", path: "/segments/rich", header: match("2"), status: 204},
		{op: "GET /measures"},
		{op: "POST /measures", body: object{"key": "orders", "value": "events.order.count()"}, status: 201},
		{op: "GET /measures/{key}", path: "/measures/orders"},
		{op: "PUT /measures/{key}", path: "/measures/orders", body: object{"key": "orders", "value": `events.order.last("30d").count()`}, header: match("1")},
		{op: "DELETE /measures/{key}", path: "/measures/orders", header: match("2"), status: 204},
		{op: "GET /tables"},
		{op: "GET /tables/{key}", path: "/tables/cities"},
		{op: "PUT /tables/{key}", path: "/tables/shops", body: object{"by": "shop", "csv": "shop,area\na,1\nb,2\n", "types": object{"area": "number"}}},
		{op: "PUT /tables/{key}", path: "/tables/cities", body: object{"by": "city", "csv": "city\n"}, status: 428},
		{op: "DELETE /tables/{key}", path: "/tables/shops", header: match("1"), status: 204},
		{op: "GET /definitions"},
		{op: "GET /definitions", path: "/definitions?names=true"},
		{op: "POST /definitions/plan", body: object{"yaml": definitions + "  - {key: new, name: 新, when: 'events.visit.count() > 0'}\n"}},
		{op: "POST /definitions/plan", body: object{"yaml": "tags: [{key: x}]"}, status: 422},
		{op: "POST /definitions/apply", body: object{"yaml": "segments:\n  - {key: new, name: 新, when: 'events.visit.count() > 0'}\n", "reason": "a try"}},
		{op: "POST /definitions/apply", body: object{"yaml": ""}, header: match("0"), status: 412},

		{op: "POST /rules/check", body: expression},
		{op: "POST /rules/check", body: object{"expression": "events.order.cont() > 2", "want": "condition"}},
		{op: "POST /rules/complete", body: object{"text": "traits.", "cursor": 7}},
		{op: "POST /rules/explain", body: expression},
		{op: "POST /rules/explain", body: object{"expression": "nonsense("}, status: 422},
		{op: "POST /rules/format", body: expression},
		{op: "POST /rules/form", body: expression},
		{op: "POST /rules/text", body: object{"form": object{"trait": "city", "op": "==", "value": "上海"}}},
		{op: "POST /rules/similar", body: object{"expression": "events.order.count() > 0"}},
		{op: "POST /rules/similar", body: object{"expression": "events.order.count() > 0", "at_least": 0.1, "most": 1}},
		{op: "POST /rules/similar", body: object{"expression": "events.order.count() > 0", "at_least": 2}, status: 422},
		{op: "POST /query", body: expression},
		{op: "POST /query", body: object{"expression": "measures.spend", "want": "values", "limit": 2}},
		{op: "POST /query", body: object{"expression": "tags.frequency == '高频'", "want": "sample"}},
		{op: "POST /query", body: object{"expression": "measures.spend", "want": "ids"}, status: 422},
		{op: "POST /eligibility", body: object{"customers": []string{"user_id:u01", "user_id:nobody"}, "rules": []object{{"segment": "buyers"}, {"when": "events.order.count() > 1"}}}},
		{op: "POST /eligibility", body: object{"customers": []string{}, "rules": []object{{"segment": "byers"}, {"when": "nonsense("}}}, status: 422},
		{op: "GET /customers", path: "/customers?q=u0"},
		{op: "GET /customers", path: "/customers", status: 422},
		{op: "GET /customers/{id}", path: "/customers/user_id:u07"},
		{op: "GET /customers/{id}", path: "/customers/user_id:u77", status: 404},
		{op: "GET /customers/{id}", path: "/customers/u77", status: 422},
		{op: "GET /customers/{id}/timeline", path: "/customers/user_id:u07/timeline?limit=1"},
		{op: "POST /customers/{id}/explain", path: "/customers/user_id:u07/explain", body: object{"tag": "frequency"}},
		{op: "POST /customers/{id}/explain", path: "/customers/user_id:u07/explain", body: object{"segment": "buyers"}},
		{op: "POST /customers/{id}/explain", path: "/customers/user_id:u07/explain", body: expression},
		{op: "POST /assignments", body: object{"items": []object{{"customer": "user_id:u07", "tag": "vip", "value": "金", "action": "set", "reason": "r", "until": "2099-01-01"},
			{"customer": "user_id:u08", "tag": "vip", "value": "铜", "action": "set"}, {"customer": "user_id:nobody", "tag": "vip", "action": "release"}}}},
		{op: "GET /assignments"},
		{op: "GET /assignments", path: "/assignments?tag=vip&customer=user_id:u07&all=true"},
		{op: "POST /customers/{id}/explain", path: "/customers/user_id:u07/explain", body: object{"tag": "vip"}},
		{op: "GET /customers/{id}", path: "/customers/phone:13800000007"},
		{op: "POST /consents", body: object{"items": []object{{"customer": "user_id:u07", "name": "sms", "value": true}, {"customer": "user_id:u07", "name": "smms", "value": true},
			{"customer": "user_id:u07", "name": "letters", "value": true, "new": true}}}},
		{op: "POST /imports", body: sentFiles, header: map[string]string{"Content-Type": "multipart/form-data; boundary=cut"}},
		{op: "POST /imports", body: sentFiles[:40], header: map[string]string{"Content-Type": "multipart/form-data; boundary=cut"}, status: 400},
		{op: "POST /imports", path: "/imports?dry_run=true", body: sentFiles, header: map[string]string{"Content-Type": "multipart/form-data; boundary=cut"}},
		{op: "GET /imports"},
		{op: "GET /imports", path: "/imports?limit=1"},
		{op: "GET /imports", path: "/imports?after=x", status: 422},
		{op: "GET /imports/{id}/rejects", path: "/imports/0123456789abcdef/rejects", status: 404},
	}
}

// split takes an op apart and gives its path in full.
func (s step) split() (method, pattern, path string) {
	method, pattern, _ = strings.Cut(s.op, " ")
	path = s.path
	if path == "" {
		path = pattern
	}
	return method, pattern, v1 + path
}

// Every answer of every route is what the document says, and so are the refusals.
func TestEveryAnswerKeepsToTheDocument(t *testing.T) {
	x := newShop(t)
	var c contract
	if err := json.Unmarshal(x.ok(200, "GET", "/api/openapi.json", nil).body, &c); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, s := range tour() {
		method, pattern, path := s.split()
		op, ok := c.Paths[v1+pattern][strings.ToLower(method)]
		if !ok {
			t.Errorf("%s is not in the document", s.op)
			continue
		}
		used[method+" "+v1+pattern] = true
		r := x.do(request{method: method, path: path, body: s.body, as: access.Admin, header: s.header})
		want := s.status
		if want == 0 {
			want = 200
		}
		if r.status != want {
			t.Errorf("%s %s: got %d, want %d: %s", method, path, r.status, want, r.body)
			continue
		}
		contentType := r.header.Get("Content-Type")
		shape, ok := op.response(r.status, contentType)
		if !ok {
			t.Errorf("%s: the answer %d of %q is not in the document", s.op, r.status, contentType)
			continue
		}
		if shape == nil || !strings.Contains(contentType, "json") {
			continue
		}
		var v any
		if err := json.Unmarshal(r.body, &v); err != nil {
			t.Errorf("%s: %v: %s", s.op, err, r.body)
			continue
		}
		for _, f := range c.faults(shape, v, "body") {
			t.Errorf("%s %s %d: %s: %s", method, path, r.status, f, r.body)
		}
	}
	for _, r := range table() {
		if !used[r.method+" "+r.path] && r.raw == nil {
			t.Errorf("the tour leaves %s %s out", r.method, r.path)
		}
	}
}

// The document is sound enough for those who generate code of it.
func TestTheDocument(t *testing.T) {
	x := newShop(t)
	r := x.do(request{method: "GET", path: "/api/openapi.json"})
	r.want(t, "openapi", "3.1.0")
	if strings.Contains(string(r.body), `"$schema"`) || strings.Contains(string(r.body), `["array","null"]`) {
		t.Error("lists may be null, or bodies have a $schema")
	}
	if r := x.do(request{method: "GET", path: "/api/docs"}); r.status != 200 || strings.Contains(string(r.body), "https://") {
		t.Errorf("the reader loads from elsewhere: %d", r.status)
	}
}
