// Package web serves the console: the browser application that `make console` builds from web/console into web/dist,
// and that is part of the binary from then on.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// The folder holds at least .gitkeep, so that the program builds without the console.
//
//go:embed all:dist
var dist embed.FS

// Handler serves the console. What is below /assets/ has a hash in its name and is kept by browsers for a year; the page
// itself is asked for again each time. Every other path is a place within the application, and gets the page. Without a
// built console it answers 503 and says how to build one. It never writes, and needs no sign-in.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the pattern above has this folder
	}
	return handler{files: files, tags: tagsOf(files)}
}

const page = "index.html"

type handler struct {
	files fs.FS
	tags  map[string]string // the ETag of every file that can be served
}

// tagsOf makes an ETag of each file: embedded files have no time of change.
func tagsOf(files fs.FS) map[string]string {
	tags := map[string]string{}
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") || strings.HasSuffix(name, ".gz") {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err == nil {
			sum := sha256.Sum256(content)
			tags[name] = hex.EncodeToString(sum[:12])
		}
		return err
	})
	return tags
}

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	if h.tags[page] == "" {
		notBuilt(w)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	asset := strings.HasPrefix(name, "assets/")
	switch {
	case asset && h.tags[name] == "":
		// Not the page: a browser that asks for the files of an older console must notice.
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	case asset:
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	case h.tags[name] == "" || name == page:
		name = page
		w.Header().Set("Cache-Control", "no-cache")
	default:
		w.Header().Set("Cache-Control", "public, max-age=3600")
	}
	h.serve(w, r, name)
}

// serve sends a file, packed when the browser takes that and the file lies packed beside it.
func (h handler) serve(w http.ResponseWriter, r *http.Request, name string) {
	file, tag := name, h.tags[name]
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("Content-Type", contentType(name))
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		if _, err := fs.Stat(h.files, name+".gz"); err == nil {
			file, tag = name+".gz", tag+"-gz"
			w.Header().Set("Content-Encoding", "gzip")
		}
	}
	w.Header().Set("ETag", `"`+tag+`"`)
	f, err := h.files.Open(file)
	if err != nil {
		http.Error(w, "the console cannot be read", http.StatusInternalServerError)
		return
	}
	defer f.Close()
	content, ok := f.(io.ReadSeeker)
	if !ok {
		http.Error(w, "the console cannot be read", http.StatusInternalServerError)
		return
	}
	http.ServeContent(w, r, name, time.Time{}, content)
}

// contentTypes are ours and not the system's, whose tables differ from machine to machine.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".ico":   "image/x-icon",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

func contentType(name string) string {
	if t, ok := contentTypes[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

// takesGzip reads an Accept-Encoding header: gzip or * without a weight of zero.
func takesGzip(header string) bool {
	takes := false
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			weight, _ = strconv.ParseFloat(q, 64)
		}
		switch strings.TrimSpace(coding) {
		case "gzip":
			return weight > 0
		case "*":
			takes = weight > 0
		}
	}
	return takes
}

func notBuilt(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, notBuiltPage)
}

const notBuiltPage = `<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>Tagma</title>
<body style="font:16px/1.6 sans-serif;max-width:34em;margin:15vh auto;padding:0 1em">
<h1>Tagma</h1>
<p>服务正在运行，但这个程序没有带上控制台。在源代码目录执行 <code>make console</code>，再重新构建。</p>
<p>The server is running, but this binary was built without the console. Run <code>make console</code> in the source
folder and build again. The API works without it.</p>
</body></html>
`
