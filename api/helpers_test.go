package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tagma/access"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/tag"
	"tagma/workspace"
)

// shop is a small shop behind a server.
type shop struct {
	t      testing.TB
	w      *workspace.Workspace
	may    *access.Access
	s      *Server
	h      http.Handler
	tokens map[access.Role]string
	key    string // of the source web
	admin  string // the first password
}

const definitions = `
categories:
  - {key: behavior, name: 行为标签, children: [{key: purchase, name: 购买}]}
  - {key: fact, name: 事实标签}
tables:
  - {key: cities, name: 城市, by: city, csv: "city,tier\n上海,一线\n苏州,新一线\n"}
schema:
  consents: [sms]
measures:
  spend: {value: 'events.order.sum(e, e.amount)'}
tags:
  - {key: frequency, name: 购买频次, category: behavior/purchase, purpose: 看复购, owner: 李, cases: [{value: 高频, when: 'events.order.count() >= 2'}, {value: 低频, when: 'events.order.count() >= 1'}]}
  - {key: spend, name: 消费, category: fact, purpose: p, owner: o, value: 'measures.spend', bands: [{below: 100, value: 低}, {value: 高}]}
  - {key: tier, name: 城市等级, category: fact, purpose: p, owner: o, value: 'lookup("cities", traits.city, "tier")'}
  - {key: vip, name: 贵宾, category: fact, purpose: p, owner: o, kind: manual, values: [金, 银]}
  - {key: channels, name: 渠道, category: fact, purpose: p, owner: o, multi: true, cases: [{value: 网, when: 'events.visit.count() > 0'}, {value: 店, when: 'events.order.count() > 0'}]}
segments:
  - {key: buyers, name: 买家, when: 'events.order.count() > 0'}
  - {key: loyal, name: 忠诚, when: 'tags.frequency == "高频"'}
`

// newShop makes a shop with 40 customers, computes its tags and opens the server.
func newShop(t testing.TB) *shop {
	t.Helper()
	x := &shop{t: t, tokens: map[access.Role]string{}}
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "data")
	x.must(workspace.Init(ctx, dir, workspace.Settings{}))
	w, err := workspace.Open(ctx, dir, workspace.Options{Since: true})
	x.must(err)
	x.w = w
	x.fill(ctx)
	x.may = access.New(w.DB, func() event.Time { return event.At(time.Now()) }, access.Options{Cost: access.Cost{KiB: 64, Passes: 1, Threads: 1}})
	x.admin, _, err = x.may.Bootstrap(ctx)
	x.must(err)
	for _, role := range access.Roles() {
		_, x.tokens[role], err = x.may.AddToken(ctx, access.Local(), access.NewToken{Name: string(role), Role: role})
		x.must(err)
	}
	x.key, err = x.may.AddSource(ctx, access.Local(), "web")
	x.must(err)
	x.s, err = New(Config{Workspace: w, Access: x.may, Now: time.Now, Version: "test"})
	x.must(err)
	x.h = x.s.Handler()
	background, end := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() { w.Run(background) })
	t.Cleanup(func() {
		x.must(x.s.Close(ctx))
		end()
		following.Wait()
		x.must(w.Close())
	})
	return x
}

func (x *shop) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *shop) fill(ctx context.Context) {
	w := x.w
	l, err := ingest.NewLoader(ctx, w.Ingest(), "till")
	x.must(err)
	day := event.Time(24 * 3600 * 1000)
	for i := range 40 {
		at := w.Now() - 30*day
		r := ingest.Record{Identifiers: []identity.Key{{Kind: "user_id", Value: fmt.Sprintf("u%02d", i)}, {Kind: "phone", Value: fmt.Sprintf("1380000%04d", i)}},
			Traits:   []ingest.Trait{{Name: "name", Time: at, Value: event.Text(fmt.Sprintf("客户%d", i))}, {Name: "city", Time: at, Value: event.Text([]string{"上海", "苏州", "北京"}[i%3])}},
			Consents: []ingest.Trait{{Name: "sms", Time: at, Value: event.Bool(i%2 == 0)}}}
		for n := range i % 4 {
			r.Events = append(r.Events, ingest.Event{Name: "order", Time: at + event.Time(n)*day, Props: []event.Property{{Name: "amount", Value: event.Num(event.Int(int64(50 + i)))}, {Name: "sku", Value: event.Text("s1")}}})
		}
		if i%5 == 0 {
			r.Events = append(r.Events, ingest.Event{Name: "visit", Time: at})
		}
		x.must(l.Add(r))
	}
	_, err = l.Close()
	x.must(err)
	file, err := library.ParseFile([]byte(definitions), "tags.yaml")
	x.must(err)
	set, err := library.Load(ctx, w.DB.Read())
	x.must(err)
	edit, err := set.Plan(file, false)
	x.must(err)
	x.must(w.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return edit.Apply(ctx, tx, "li", "the first", w.Now()) }))
	_, err = tag.Compute(ctx, w.Tags(), tag.Options{AsOf: w.Now()})
	x.must(err)
}

// request is a request in a test.
type request struct {
	method, path string
	body         any // a string is sent as it is
	as           access.Role
	header       map[string]string
	raw          bool // as has no meaning: the headers say who asks
}

// reply is what came back.
type replied struct {
	status int
	header http.Header
	body   []byte
}

func (x *shop) do(r request) replied {
	x.t.Helper()
	var in io.Reader
	switch b := r.body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	case []byte:
		in = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		x.must(err)
		in = bytes.NewReader(text)
	}
	req := httptest.NewRequest(r.method, r.path, in)
	req.RemoteAddr = "192.0.2.7:4711"
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token := x.tokens[r.as]; token != "" && !r.raw {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	x.h.ServeHTTP(rec, req)
	return replied{rec.Code, rec.Header(), rec.Body.Bytes()}
}

// ok does a request as an administrator and expects a status.
func (x *shop) ok(status int, method, path string, body any, header ...string) replied {
	x.t.Helper()
	r := request{method: method, path: path, body: body, as: access.Admin, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		r.header[header[i]] = header[i+1]
	}
	out := x.do(r)
	if out.status != status {
		x.t.Fatalf("%s %s: got %d, want %d: %s", method, path, out.status, status, out.body)
	}
	return out
}

// get is a field of a body, as a.b.0.c.
func (r replied) get(t testing.TB, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			n := 0
			if _, err := fmt.Sscan(part, &n); err != nil || n >= len(x) {
				t.Fatalf("there is no %s in %s", path, r.body)
			}
			v = x[n]
		default:
			t.Fatalf("there is no %s in %s", path, r.body)
		}
	}
	return v
}

// want checks a field of a body.
func (r replied) want(t testing.TB, path string, want any) {
	t.Helper()
	if got := r.get(t, path); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v: %s", path, got, want, r.body)
	}
}

// signIn returns the cookie of a session.
func (x *shop) signIn(name, password string) string {
	x.t.Helper()
	r := x.do(request{method: "POST", path: "/api/v1/session", body: map[string]string{"name": name, "password": password}, raw: true})
	if r.status != 200 {
		x.t.Fatalf("sign in %s: %d %s", name, r.status, r.body)
	}
	cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	return cookie
}
