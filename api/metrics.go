package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tagma/ingest"
)

// metrics counts what the server does. It has a registry of its own.
type metrics struct {
	requests *prometheus.HistogramVec
	messages *prometheus.CounterVec
	records  *prometheus.CounterVec
	handler  http.Handler
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tagma_http_request_seconds", Help: "How long requests took, by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 10, 60}}, []string{"method", "route", "status"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tagma_messages_total", Help: "Messages that sources sent, by what became of them."}, []string{"source", "outcome"}),
		records:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tagma_accepted_records_total", Help: "Records that the intake wrote to the event log."}, []string{"kind"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.requests, m.messages, m.records, &state{s: s})
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) accepted(source string, accepted, repeated, refused int) {
	for outcome, n := range map[string]int{"accepted": accepted, "repeated": repeated, "refused": refused} {
		if n > 0 {
			m.messages.WithLabelValues(source, outcome).Add(float64(n))
		}
	}
}

func (m *metrics) stored(c ingest.Counts) {
	for kind, n := range map[string]uint64{"profile": c.Profiles, "identifier": c.Identifiers, "trait": c.Traits, "event": c.Events, "consent": c.Consents} {
		if n > 0 {
			m.records.WithLabelValues(kind).Add(float64(n))
		}
	}
}

func (m *metrics) serve(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// state tells the state of the workspace when it is asked.
type state struct{ s *Server }

var (
	logEnd     = prometheus.NewDesc("tagma_log_end", "The offset at the end of a log.", []string{"log"}, nil)
	readerAt   = prometheus.NewDesc("tagma_reader_position", "The offset that a reader is at.", []string{"reader"}, nil)
	readerLag  = prometheus.NewDesc("tagma_reader_lag", "Records that a reader is behind its log.", []string{"reader"}, nil)
	readerFail = prometheus.NewDesc("tagma_reader_failing", "1 when a reader stands still because it fails.", []string{"reader"}, nil)
	indexBytes = prometheus.NewDesc("tagma_index_bytes", "Memory of the tag index.", []string{"part"}, nil)
	indexHeld  = prometheus.NewDesc("tagma_index_held", "Values that customers hold, over all tags.", nil, nil)
	profiles   = prometheus.NewDesc("tagma_profiles", "Profiles in the history.", nil, nil)
	storeBytes = prometheus.NewDesc("tagma_history_bytes", "Size of the history's files.", nil, nil)
	running    = prometheus.NewDesc("tagma_run_going", "1 while a run goes on.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logEnd, readerAt, readerLag, readerFail, indexBytes, indexHeld, profiles, storeBytes, running} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *state) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	w := c.s.w
	readers, err := w.Readers(c.s.ending)
	if err != nil {
		c.s.log.Error("metrics", "error", err)
	}
	logs := map[string]bool{}
	for _, r := range readers {
		if !logs[r.Log] {
			logs[r.Log] = true
			gauge(logEnd, float64(r.End), r.Log)
		}
		gauge(readerAt, float64(r.Position), r.Name)
		gauge(readerLag, float64(r.End-min(r.End, r.Position)), r.Name)
		failing := 0.0
		if r.Err != nil {
			failing = 1
		}
		gauge(readerFail, failing, r.Name)
	}
	m := w.Index.View().Memory()
	gauge(indexBytes, float64(m.Columns), "columns")
	gauge(indexBytes, float64(m.Rows), "rows")
	if since := w.Since(); since != nil {
		gauge(indexBytes, float64(since.Bytes()), "since")
	}
	gauge(indexHeld, float64(m.Assignments))
	if snap, err := w.Store.Snapshot(); err == nil {
		gauge(profiles, float64(snap.Profiles()))
		snap.Close()
	}
	if size, err := w.Store.Size(); err == nil {
		gauge(storeBytes, float64(size))
	}
	c.s.run.mu.Lock()
	going := c.s.run.going
	c.s.run.mu.Unlock()
	if going {
		gauge(running, 1)
	} else {
		gauge(running, 0)
	}
}
