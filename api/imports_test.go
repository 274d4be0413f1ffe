package api

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tagma/access"
)

// part is a part of what is sent with an import.
type part struct{ field, name, text string }

// partsOf writes parts as a body, and its content type.
func partsOf(t testing.TB, parts ...part) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		out, err := w.CreateFormFile(p.field, p.name)
		if err == nil {
			_, err = io.WriteString(out, p.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// imports sends an import as somebody.
func (x *shop) imports(as access.Role, parts ...part) replied {
	x.t.Helper()
	body, kind := partsOf(x.t, parts...)
	return x.do(request{method: "POST", path: v1 + "/imports", as: as, body: body, header: map[string]string{"Content-Type": kind}})
}

const tillMapping = `source: till
tables:
  shops: {file: shops.csv, key: shop}
rows:
  identify: {user_id: id}
  events:
    - {name: sale, time: {from: at, layout: rfc3339}, properties: {amount: {from: amount, as: number}, area: '=shops[row.shop].area'}}
`

const (
	tillRows  = "id,at,amount,shop\nn1,2026-01-02T03:04:05Z,10,s1\nn2,2026-01-02T03:04:05Z,ten,s1\nn1,2026-01-03T03:04:05Z,30,s2\n"
	shopsRows = "shop,area\ns1,north\ns2,south\n"
)

func TestAnImportIsSent(t *testing.T) {
	x := newShop(t)
	parts := []part{{"mapping", "m.yaml", tillMapping}, {"table", "shops.csv", shopsRows}, {"file", "rows.csv", tillRows}, {"file", "more.csv", "id,at,amount,shop\nn3,2026-01-02T03:04:05Z,10,s1\n"}}
	r := x.imports(access.Manager, parts...)
	if r.status != 200 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	r.want(t, "source", "till")
	r.want(t, "complete", true)
	r.want(t, "rows", 4)
	r.want(t, "accepted", 3)
	r.want(t, "events", 3)
	r.want(t, "new_customers", 2)
	r.want(t, "reasons.0.first", "rows.csv:3")
	r.want(t, "rejected.0.file", "rows.csv")
	r.want(t, "rejected.0.line", 3)
	r.want(t, "rejected.0.cells.2", "ten")
	csv := x.ok(200, "GET", v1+"/imports/"+r.get(t, "id").(string)+"/rejects", nil)
	if lines := strings.Split(strings.TrimSpace(string(csv.body)), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "file,line,reason,id,at") || !strings.HasPrefix(lines[1], "rows.csv,3,") {
		t.Errorf("the refused rows: %s", csv.body)
	}
	x.ok(200, "POST", v1+"/query", object{"expression": `events.sale.where(e, e.area == "south").count() == 1`, "want": "sample"}).want(t, "items.0.id", "user_id:n1")
	// Again adds nothing.
	r = x.imports(access.Manager, parts...)
	r.want(t, "accepted", 0)
	r.want(t, "duplicate", 3)
	x.ok(200, "GET", v1+"/audit?action=import.run", nil).want(t, "items.0.after.files.0.name", "rows.csv")
	// Both imports are listed, file by file, the latest first, for everybody who may read; a dry run is not.
	list := x.do(request{method: "GET", path: v1 + "/imports?limit=3", as: access.Viewer})
	list.want(t, "items.0.file", "more.csv")
	list.want(t, "items.1.duplicate", 2)
	list.want(t, "items.2.number", "2")
	list = x.ok(200, "GET", v1+"/imports?limit=3&after="+list.get(t, "next").(string), nil)
	list.want(t, "items.0.file", "rows.csv")
	list.want(t, "items.0.source", "till")
	list.want(t, "items.0.by", "token:manager")
	list.want(t, "items.0.state", "finished")
	list.want(t, "items.0.accepted", 2)
	list.want(t, "items.0.refused", 1)
	list.want(t, "next", nil)
	// Nothing of what was sent stays but the refused rows, and those for a day.
	x.staged(2)
	x.s.c.Now = func() time.Time { return time.Now().Add(rejectsAge + time.Hour) }
	x.must(x.s.Tend(t.Context()))
	x.staged(0)
}

// staged checks how many things lie in the folder of imports.
func (x *shop) staged(want int) {
	x.t.Helper()
	list, err := os.ReadDir(importsDir(x.w.Dir))
	if err != nil && !os.IsNotExist(err) {
		x.t.Fatal(err)
	}
	if len(list) != want {
		x.t.Errorf("%d things stay of imports, want %d: %v", len(list), want, list)
	}
}

// A dry run is the whole report, refused rows too, and takes nothing.
func TestADryRunOfAnImport(t *testing.T) {
	x := newShop(t)
	body, kind := partsOf(t, part{"mapping", "m.yaml", tillMapping}, part{"table", "shops.csv", shopsRows}, part{"file", "rows.csv", tillRows})
	end := x.w.Store.Offset()
	dry := x.do(request{method: "POST", path: v1 + "/imports?dry_run=true", as: access.Manager, body: body, header: map[string]string{"Content-Type": kind}})
	if dry.status != 200 || x.w.Store.Offset() != end {
		t.Fatalf("got %d %s", dry.status, dry.body)
	}
	dry.want(t, "dry_run", true)
	dry.want(t, "accepted", 2)
	dry.want(t, "new_customers", 1)
	dry.want(t, "reasons.0.first", "rows.csv:3")
	dry.want(t, "rejected.0.cells.2", "ten")
	x.ok(200, "GET", v1+"/imports/"+dry.get(t, "id").(string)+"/rejects", nil)
	x.ok(404, "GET", v1+"/customers/user_id:n1", nil)
	if list := x.ok(200, "GET", v1+"/imports", nil); !strings.Contains(string(list.body), `"items":[]`) {
		t.Errorf("it is listed: %s", list.body)
	}
	if audit := x.ok(200, "GET", v1+"/audit?action=import.run", nil); !strings.Contains(string(audit.body), `"items":[]`) {
		t.Errorf("it is in the audit: %s", audit.body)
	}
	real := x.do(request{method: "POST", path: v1 + "/imports", as: access.Manager, body: body, header: map[string]string{"Content-Type": kind}})
	real.want(t, "dry_run", nil)
	real.want(t, "accepted", 2)
	if r := x.do(request{method: "POST", path: v1 + "/imports?dry_run=true", as: access.Operator, body: body, header: map[string]string{"Content-Type": kind}}); r.status != 403 {
		t.Errorf("an operator: %d", r.status)
	}
}

func TestAnImportThatCannotBe(t *testing.T) {
	x := newShop(t)
	mapping, rows, shops := part{"mapping", "m.yaml", tillMapping}, part{"file", "rows.csv", tillRows}, part{"table", "shops.csv", shopsRows}
	for _, c := range []struct {
		name            string
		parts           []part
		status          int
		location, words string
	}{
		{"no mapping", []part{rows}, 422, "body.mapping", "the mapping is missing"},
		{"no file", []part{mapping, shops}, 422, "body.file", "no file"},
		{"another part", []part{mapping, rows, {"data", "x.csv", "x"}}, 422, "body.data", "mapping, file and table"},
		{"a name twice", []part{mapping, rows, rows}, 422, "body.file:rows.csv", "two files"},
		{"standard input", []part{mapping, {"file", "-", "x"}}, 422, "body.file", "no usable name"},
		{"a table that did not come", []part{mapping, rows}, 422, "body.table:shops.csv", "did not come"},
		{"a table of the machine", []part{{"mapping", "m.yaml", strings.Replace(tillMapping, "shops.csv", "/etc/passwd", 1)}, rows}, 422, "body.mapping", "have no folders"},
		{"a table from above", []part{{"mapping", "m.yaml", strings.Replace(tillMapping, "shops.csv", "../tagma.db", 1)}, rows}, 422, "body.mapping", "have no folders"},
		{"a wrong mapping", []part{{"mapping", "m.yaml", "source: x\nrows:\n  identfy: {user_id: id}\n"}, rows}, 422, "body.mapping:3", "identfy"},
		{"a column that is not there", []part{{"mapping", "m.yaml", strings.Replace(tillMapping, "user_id: id", "user_id: idd", 1)}, shops, rows}, 422, "body.mapping:5", "idd"},
		{"another encoding", []part{mapping, shops, {"file", "rows.csv", "id,at\n\xd6\xd0\xce\xc4\xd6\xd0\xce\xc4,x\n"}}, 422, "body.file:rows.csv", "GB18030"},
	} {
		r := x.imports(access.Manager, c.parts...)
		if r.status != c.status || !strings.Contains(string(r.body), `"location":"`+c.location+`"`) || !strings.Contains(string(r.body), c.words) || strings.Contains(string(r.body), x.w.Dir) {
			t.Errorf("%s: got %d %s", c.name, r.status, r.body)
		}
	}
	r := x.do(request{method: "POST", path: v1 + "/imports", as: access.Manager, body: object{}})
	if r.status != 415 {
		t.Errorf("JSON: got %d %s", r.status, r.body)
	}
	x.s.importing.Lock()
	if r := x.imports(access.Manager, mapping, shops, rows); r.status != 409 || r.header.Get("Retry-After") == "" {
		t.Errorf("a second import at once: got %d %s", r.status, r.body)
	}
	x.s.importing.Unlock()
	x.s.c.ImportLimit = 1000
	for _, known := range []int64{0, -1} { // the length said before, or not
		body, kind := partsOf(t, mapping, shops, part{"file", "rows.csv", strings.Repeat(tillRows, 100)})
		req := httptest.NewRequest("POST", v1+"/imports", bytes.NewReader(body))
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Authorization", "Bearer "+x.tokens[access.Manager])
		if known < 0 {
			req.ContentLength = -1
		}
		rec := httptest.NewRecorder()
		x.h.ServeHTTP(rec, req)
		if rec.Code != 413 || !strings.Contains(rec.Body.String(), "nothing was imported") {
			t.Errorf("too much: got %d %s", rec.Code, rec.Body)
		}
	}
	x.staged(0)
	x.ok(404, "GET", v1+"/imports/0123456789abcdef/rejects", nil)
	x.ok(404, "GET", v1+"/imports/..%2F..%2Ftagma.db/rejects", nil)
}

// A file that breaks off gives the rows before, and the answer says so.
func TestAnImportOfABrokenFile(t *testing.T) {
	x := newShop(t)
	r := x.imports(access.Manager, part{"mapping", "m.yaml", "source: logs\nrows:\n  identify: {user_id: id}\n  traits: {plan: plan}\n"},
		part{"file", "rows.jsonl", `{"id":"n1","plan":"a"}` + "\n" + `{"id":"n2","pl`})
	if r.status != 200 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	r.want(t, "accepted", 1)
}

// Who goes away in the middle of an upload leaves nothing, and the next import is taken.
func TestAnUploadBreaksOff(t *testing.T) {
	x := newShop(t)
	done := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { done <- struct{}{} }()
		x.h.ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	x.must(err)
	body, kind := partsOf(t, part{"mapping", "m.yaml", tillMapping}, part{"table", "shops.csv", shopsRows}, part{"file", "rows.csv", strings.Repeat(tillRows, 1000)})
	_, err = fmt.Fprintf(conn, "POST %s/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", v1, x.tokens[access.Manager], kind, len(body), body[:len(body)/2])
	x.must(err)
	x.must(conn.Close())
	<-done
	x.staged(0)
	x.ok(200, "POST", v1+"/query", object{"expression": "events.order.count() >= 0"}).want(t, "count", 40)
	if r := x.imports(access.Manager, part{"mapping", "m.yaml", tillMapping}, part{"table", "shops.csv", shopsRows}, part{"file", "rows.csv", tillRows}); r.status != 200 {
		t.Errorf("the next: %d %s", r.status, r.body)
	}
}

// What a server that was killed left of uploads is removed when one starts.
func TestOldUploadsAreRemoved(t *testing.T) {
	x := newShop(t)
	left := filepath.Join(importsDir(x.w.Dir), "upload-1")
	x.must(os.MkdirAll(left, 0o700))
	x.must(os.WriteFile(filepath.Join(left, "rows.csv"), []byte("half"), 0o600))
	_, err := New(Config{Workspace: x.w, Access: x.may, Now: time.Now})
	x.must(err)
	x.staged(0)
}
