package api

import (
	"encoding/json"
	"net/http"
)

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the client went away
}

// ready is the answer of readyz.
type ready struct {
	Ready   bool          `json:"ready"`
	Readers []readerState `json:"readers"`
}

type readerState struct {
	Name string `json:"name"`
	Lag  uint64 `json:"lag"`
	Fail bool   `json:"failing,omitempty"`
}

// readyz says that requests can be answered: the database can be read, and no reader stands still. Why one does is in the
// log, since everybody may ask here.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	out := ready{Ready: s.ending.Err() == nil, Readers: []readerState{}}
	readers, err := s.w.Readers(r.Context())
	if err != nil {
		s.log.Error("readyz", "error", err)
		out.Ready = false
	}
	for _, x := range readers {
		out.Readers = append(out.Readers, readerState{x.Name, x.End - min(x.End, x.Position), x.Err != nil})
		out.Ready = out.Ready && x.Err == nil
	}
	w.Header().Set("Content-Type", "application/json")
	if !out.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(out) // the client went away
}
