package api

import (
	_ "embed"
	"net/http"
	"sync"
)

// document is the OpenAPI document.
func (s *Server) document(w http.ResponseWriter, r *http.Request) {
	text, err := s.spec()
	if err != nil {
		problemOf(err).write(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(text) // the client went away
}

// reader is a page that shows the document; it loads nothing from elsewhere.
//
//go:embed reader.html
var reader []byte

//go:embed reader.js
var readerScript []byte

// docs is a reader of the document.
func (s *Server) docs(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	if r.URL.Query().Has("script") {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(readerScript)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(reader)
}

// spec writes the document, once.
func (s *Server) spec() ([]byte, error) {
	s.specOnce.Do(func() { s.specText, s.specErr = s.huma.OpenAPI().MarshalJSON() })
	return s.specText, s.specErr
}

// written is the document as text.
type written struct {
	specOnce sync.Once
	specText []byte
	specErr  error
}
