package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func built() handler {
	files := fstest.MapFS{
		".gitkeep":              {},
		"index.html":            {Data: []byte("<title>the page</title>")},
		"index.html.gz":         {Data: []byte("packed page")},
		"tagma.svg":             {Data: []byte("<svg/>")},
		"assets/main-a1.js":     {Data: []byte("plain script")},
		"assets/main-a1.js.gz":  {Data: []byte("packed script")},
		"assets/style-b2.css":   {Data: []byte("plain style")},
		"assets/unknown-c3.xyz": {Data: []byte("?")},
	}
	return handler{files: files, tags: tagsOf(files)}
}

func get(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFiles(t *testing.T) {
	const year = "public, max-age=31536000, immutable"
	for _, c := range []struct {
		path, accept        string
		status              int
		body, kind, caching string
		encoding            string
	}{
		{"/", "", 200, "the page", "text/html; charset=utf-8", "no-cache", ""},
		{"/", "gzip, br", 200, "packed page", "text/html; charset=utf-8", "no-cache", "gzip"},
		{"/index.html", "", 200, "the page", "text/html; charset=utf-8", "no-cache", ""},
		{"/tags/rfm?tab=members", "", 200, "the page", "text/html; charset=utf-8", "no-cache", ""},
		{"/customers/mail:a.b@c.js", "", 200, "the page", "text/html; charset=utf-8", "no-cache", ""},
		{"/tagma.svg", "gzip", 200, "<svg/>", "image/svg+xml", "public, max-age=3600", ""},
		{"/assets/main-a1.js", "", 200, "plain script", "text/javascript; charset=utf-8", year, ""},
		{"/assets/main-a1.js", "br;q=1.0, gzip;q=0.8", 200, "packed script", "text/javascript; charset=utf-8", year, "gzip"},
		{"/assets/main-a1.js", "gzip;q=0, *", 200, "plain script", "text/javascript; charset=utf-8", year, ""},
		{"/assets/style-b2.css", "gzip", 200, "plain style", "text/css; charset=utf-8", year, ""},
		{"/assets/unknown-c3.xyz", "", 200, "?", "application/octet-stream", year, ""},
		{"/assets/main-OLD.js", "", 404, "", "text/plain; charset=utf-8", "no-store", ""},
		{"/assets/main-a1.js.gz", "", 404, "", "text/plain; charset=utf-8", "no-store", ""},
		{"/.gitkeep", "", 200, "the page", "text/html; charset=utf-8", "no-cache", ""},
		{"/assets/../../embed.go", "", 200, "the page", "text/html; charset=utf-8", "no-cache", ""},
	} {
		w := get(built(), c.path, "Accept-Encoding", c.accept)
		h := w.Result().Header
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.caching ||
			h.Get("Content-Encoding") != c.encoding {
			t.Errorf("%s with %q: %d %q %v", c.path, c.accept, w.Code, w.Body, h)
		}
	}
}

func TestUnchangedIsNotSentAgain(t *testing.T) {
	tag := get(built(), "/").Header().Get("ETag")
	if w := get(built(), "/", "If-None-Match", tag); w.Code != http.StatusNotModified {
		t.Errorf("the page that the browser has: %d", w.Code)
	}
	if w := get(built(), "/", "If-None-Match", tag, "Accept-Encoding", "gzip"); w.Code != http.StatusOK {
		t.Errorf("the packed page is another one: %d", w.Code)
	}
}

func TestNotBuilt(t *testing.T) {
	files := fstest.MapFS{".gitkeep": {}}
	w := get(handler{files: files, tags: tagsOf(files)}, "/tags")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make console") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOnlyReading(t *testing.T) {
	w := httptest.NewRecorder()
	built().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// What is embedded is either a whole console or none.
func TestEmbedded(t *testing.T) {
	w := get(Handler(), "/")
	switch w.Code {
	case http.StatusServiceUnavailable:
	case http.StatusOK:
		if !strings.Contains(w.Body.String(), "/assets/") {
			t.Errorf("the page names no script: %s", w.Body)
		}
	default:
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
