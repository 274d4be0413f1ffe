package api

import (
	"net/http"
	"strings"
	"testing"

	"tagma/access"
)

// Every route is tried as everybody: nobody, each role, and a user who has to change the password first.
func TestEveryRouteAsEveryRole(t *testing.T) {
	x := newShop(t)
	first := map[string]step{}
	for _, s := range tour() {
		method, pattern, _ := s.split()
		if _, ok := first[method+" "+v1+pattern]; !ok {
			first[method+" "+v1+pattern] = s
		}
	}
	mustChange := x.signIn("admin", x.admin)
	tried := 0
	for _, r := range table() {
		s, ok := first[r.method+" "+r.path]
		if !ok {
			s = step{op: r.method + " " + strings.TrimPrefix(r.path, v1), path: strings.TrimPrefix(r.path, v1)}
		}
		path := r.path
		if strings.HasPrefix(r.path, v1) {
			_, _, path = s.split()
		}
		try := func(who string, allowed bool, q request) {
			t.Helper()
			tried++
			q.method, q.path, q.body = r.method, path, s.body
			if q.header == nil {
				q.header = map[string]string{}
			}
			for k, v := range s.header {
				q.header[k] = v
			}
			got := x.do(q)
			refused := got.status == http.StatusUnauthorized || got.status == http.StatusForbidden
			if refused == allowed {
				t.Errorf("%s %s as %s: got %d, allowed should be %v: %s", r.method, path, who, got.status, allowed, got.body)
			}
			if refused && !strings.HasPrefix(got.header.Get("Content-Type"), "application/problem+json") {
				t.Errorf("%s %s as %s: the refusal is no problem: %s", r.method, path, who, got.body)
			}
		}
		if r.open {
			continue // signing in says 401 itself
		}
		try("nobody", false, request{raw: true})
		try("a forged token", false, request{raw: true, header: map[string]string{"Authorization": "Bearer tgm_" + strings.Repeat("a", 52)}})
		try("a forged session", false, request{raw: true, header: map[string]string{"Cookie": cookieName + "=" + strings.Repeat("a", 52)}})
		if r.signedIn {
			continue
		}
		try("somebody who must change the password", false, request{raw: true, header: map[string]string{"Cookie": mustChange}})
		for _, role := range access.Roles() {
			try(string(role), !r.local && role.May(r.needs), request{as: role})
		}
	}
	if tried < 300 {
		t.Errorf("only %d were tried", tried)
	}
}

// A query for a whole answer takes another permission than a count.
func TestAViewerTakesNoIdentifiersAway(t *testing.T) {
	x := newShop(t)
	for want, status := range map[string]int{"count": 200, "sample": 200, "ids": 403, "values": 403} {
		r := x.do(request{method: "POST", path: v1 + "/query", as: access.Viewer, body: object{"expression": "events.order.count() > 0", "want": want}})
		if r.status != status {
			t.Errorf("%s: got %d, want %d", want, r.status, status)
		}
	}
}

func TestSignIn(t *testing.T) {
	x := newShop(t)
	cookie := x.signIn("admin", x.admin)
	as := func(cookie string) map[string]string { return map[string]string{"Cookie": cookie} }
	r := x.do(request{method: "GET", path: v1 + "/session", raw: true, header: as(cookie)})
	r.want(t, "user.must_change", true)
	r = x.do(request{method: "GET", path: v1 + "/tags", raw: true, header: as(cookie)})
	if r.status != 403 {
		t.Errorf("tags before the password was changed: %d", r.status)
	}
	r = x.do(request{method: "POST", path: v1 + "/session/password", raw: true, header: as(cookie), body: object{"old": x.admin, "new": "short"}})
	if r.status != 422 || !strings.Contains(string(r.body), "body.") {
		t.Errorf("a short password: %d %s", r.status, r.body)
	}
	const better = "correct battery horse"
	r = x.do(request{method: "POST", path: v1 + "/session/password", raw: true, header: as(cookie), body: object{"old": x.admin, "new": better}})
	if r.status != 204 {
		t.Fatalf("change the password: %d %s", r.status, r.body)
	}
	other := x.signIn("admin", better)
	if r = x.do(request{method: "DELETE", path: v1 + "/session", raw: true, header: as(cookie)}); r.status != 204 {
		t.Errorf("sign out: %d", r.status)
	}
	if !strings.Contains(r.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("the cookie stays: %s", r.header.Get("Set-Cookie"))
	}
	// The session that was ended is worth nothing, another user's is untouched.
	if r = x.do(request{method: "GET", path: v1 + "/tags", raw: true, header: as(cookie)}); r.status != 401 {
		t.Errorf("after signing out: %d", r.status)
	}
	if r = x.do(request{method: "GET", path: v1 + "/tags", raw: true, header: as(other)}); r.status != 200 {
		t.Errorf("the other session: %d", r.status)
	}
	rec := x.do(request{method: "POST", path: v1 + "/session", raw: true, body: object{"name": "admin", "password": better}})
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(rec.header.Get("Set-Cookie"), part) {
			t.Errorf("the cookie has no %s: %s", part, rec.header.Get("Set-Cookie"))
		}
	}
}

func TestLockOut(t *testing.T) {
	x := newShop(t)
	last := 0
	for range 30 {
		r := x.do(request{method: "POST", path: v1 + "/session", raw: true, body: object{"name": "admin", "password": "wrong password"}})
		if last = r.status; last == http.StatusTooManyRequests {
			if r.header.Get("Retry-After") == "" {
				t.Error("there is no Retry-After")
			}
			r.want(t, "code", "limited")
			break
		}
	}
	if last != http.StatusTooManyRequests {
		t.Fatalf("after 30 wrong passwords: %d", last)
	}
	if r := x.do(request{method: "POST", path: v1 + "/session", raw: true, body: object{"name": "admin", "password": x.admin}}); r.status != http.StatusTooManyRequests {
		t.Errorf("the right password while locked out: %d", r.status)
	}
}

func TestTokensEnd(t *testing.T) {
	x := newShop(t)
	made := x.ok(201, "POST", v1+"/tokens", object{"name": "short", "role": "admin"})
	bearer := map[string]string{"Authorization": "Bearer " + made.get(t, "token").(string)}
	if r := x.do(request{method: "GET", path: v1 + "/tags", raw: true, header: bearer}); r.status != 200 {
		t.Errorf("a token just made: %d", r.status)
	}
	x.ok(204, "DELETE", v1+"/tokens/"+made.get(t, "id").(string), nil)
	if r := x.do(request{method: "GET", path: v1 + "/tags", raw: true, header: bearer}); r.status != 401 {
		t.Errorf("a revoked token: %d", r.status)
	}
	r := x.ok(422, "POST", v1+"/tokens", object{"name": "old", "role": "admin", "expires": "2020-01-01"})
	r.want(t, "errors.0.location", "body.expires")
}

func TestOtherSitesMayNotWrite(t *testing.T) {
	x := newShop(t)
	cookie := x.signIn("admin", x.admin)
	for _, h := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"},
		{"Origin": "https://evil.example"},
	} {
		h["Cookie"] = cookie
		r := x.do(request{method: "POST", path: v1 + "/session/password", raw: true, header: h, body: object{"old": x.admin, "new": "correct battery horse"}})
		if r.status != 403 || !strings.Contains(string(r.body), "another site") {
			t.Errorf("%v: got %d %s", h, r.status, r.body)
		}
	}
	r := x.do(request{method: "POST", path: v1 + "/session/password", raw: true, header: map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}, body: object{"old": x.admin, "new": "correct battery horse"}})
	if r.status != 204 {
		t.Errorf("the console itself: got %d %s", r.status, r.body)
	}
}

func TestSecurityHeaders(t *testing.T) {
	x := newShop(t)
	for _, path := range []string{"/healthz", v1 + "/tags", "/api/docs"} {
		r := x.do(request{method: "GET", path: path, as: access.Viewer})
		for name, part := range map[string]string{"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
			if !strings.Contains(r.header.Get(name), part) {
				t.Errorf("%s: %s is %q", path, name, r.header.Get(name))
			}
		}
	}
}

// What was done, refused ones included, is in the audit, with what was before and after, and without secrets.
func TestAudit(t *testing.T) {
	x := newShop(t)
	x.ok(201, "POST", v1+"/segments", object{"key": "rich", "name": "有钱", "when": "measures.spend > 100"})
	x.ok(200, "PUT", v1+"/segments/rich", object{"key": "rich", "name": "更有钱", "when": "measures.spend > 200"}, "If-Match", `"1"`)
	x.do(request{method: "DELETE", path: v1 + "/segments/rich", as: access.Viewer})
	x.ok(201, "POST", v1+"/users", object{"name": "zhang", "role": "viewer", "password": "a very secret one"})
	r := x.ok(200, "GET", v1+"/audit?limit=10", nil)
	r.want(t, "items.0.action", "user.add")
	r.want(t, "items.1.outcome", "refused")
	r.want(t, "items.1.actor.name", "viewer")
	r.want(t, "items.2.action", "segment.change")
	r.want(t, "items.2.before.name", "有钱")
	r.want(t, "items.2.after.name", "更有钱")
	r.want(t, "items.2.from", "192.0.2.7")
	if strings.Contains(string(r.body), "a very secret one") {
		t.Error("the audit has a password")
	}
}
