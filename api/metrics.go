package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tagma/event"
	"tagma/ingest"
	"tagma/stream"
	"tagma/tag"
)

// metrics counts what the server does. It has a registry of its own.
type metrics struct {
	requests *prometheus.HistogramVec
	messages *prometheus.CounterVec
	records  *prometheus.CounterVec
	turned   *prometheus.CounterVec
	handler  http.Handler
	now      func() event.Time
	// By the second: events that were accepted, and requests that were answered with 429.
	events, refusals pace
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		now: s.machineNow,
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tagma_http_request_seconds", Help: "How long requests took, by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 10, 60}}, []string{"method", "route", "status"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tagma_messages_total", Help: "Messages that sources sent, by what became of them."}, []string{"source", "outcome"}),
		records:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tagma_accepted_records_total", Help: "Records that the intake wrote to the event log."}, []string{"kind"}),
		turned:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tagma_intake_refused_total", Help: "Requests that were answered with 429, by what was too much: queue, or lag of a reader."}, []string{"why"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.requests, m.messages, m.records, m.turned, &state{s: s})
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
	m.events.add(int(c.Events), m.now())
	for kind, n := range map[string]uint64{"profile": c.Profiles, "identifier": c.Identifiers, "trait": c.Traits, "event": c.Events, "consent": c.Consents} {
		if n > 0 {
			m.records.WithLabelValues(kind).Add(float64(n))
		}
	}
}

// refused counts a request that was answered with 429.
func (m *metrics) refused(why string) {
	m.turned.WithLabelValues(why).Inc()
	m.refusals.add(1, m.now())
}

func (m *metrics) serve(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// state tells the state of the workspace when it is asked.
type state struct{ s *Server }

var (
	logEnd     = prometheus.NewDesc("tagma_log_end", "The offset at the end of a log.", []string{"log"}, nil)
	logBegin   = prometheus.NewDesc("tagma_log_begin", "The offset at which a log begins: records below it were trimmed.", []string{"log"}, nil)
	logHeld    = prometheus.NewDesc("tagma_log_held", "1 while a backup keeps the event log from being trimmed.", nil, nil)
	readerAt   = prometheus.NewDesc("tagma_reader_position", "The offset that a reader is at.", []string{"reader"}, nil)
	logRate    = prometheus.NewDesc("tagma_log_records_per_second", "Records that were appended to a log, over the last ten seconds.", []string{"log"}, nil)
	readerRate = prometheus.NewDesc("tagma_reader_records_per_second", "Records that a reader read, over the last ten seconds.", []string{"reader"}, nil)
	readerAge  = prometheus.NewDesc("tagma_reader_lag_seconds", "Seconds since the oldest entry was accepted that a reader has not read; 0 when there is none.", []string{"reader"}, nil)
	readerSize = prometheus.NewDesc("tagma_reader_lag_bytes", "Bytes of the entries that a reader has not read.", []string{"reader"}, nil)
	readerBad  = prometheus.NewDesc("tagma_reader_failing_seconds", "Seconds for which a reader has failed; 0 when it does not.", []string{"reader"}, nil)
	waitingN   = prometheus.NewDesc("tagma_intake_waiting_messages", "Messages that wait to be committed.", nil, nil)
	waitingB   = prometheus.NewDesc("tagma_intake_waiting_bytes", "Bytes of requests that are being taken.", nil, nil)
	readerLag  = prometheus.NewDesc("tagma_reader_lag_records", "Records that a reader is behind its log.", []string{"reader"}, nil)
	readerFail = prometheus.NewDesc("tagma_reader_failing", "1 when a reader stands still because it fails.", []string{"reader"}, nil)
	indexBytes = prometheus.NewDesc("tagma_index_bytes", "Memory of the tag index.", []string{"part"}, nil)
	indexHeld  = prometheus.NewDesc("tagma_index_held", "Values that customers hold, over all tags.", nil, nil)
	profiles   = prometheus.NewDesc("tagma_profiles", "Profiles in the history.", nil, nil)
	storeBytes = prometheus.NewDesc("tagma_history_bytes", "Size of the history's files.", nil, nil)
	running    = prometheus.NewDesc("tagma_run_going", "1 while a run goes on.", []string{"kind"}, nil)
	runDone    = prometheus.NewDesc("tagma_run_customers", "Customers of the present pass of the run that goes on, by whether they are done.", []string{"part"}, nil)
	repaired   = prometheus.NewDesc("tagma_repairs_total", "Customers whose values of live tags a run found wrong and repaired.", nil, nil)
	dueFailed  = prometheus.NewDesc("tagma_schedule_failing", "1 while a run that was due fails.", []string{"kind"}, nil)
	liveReady  = prometheus.NewDesc("tagma_live_ready", "1 when what is live was decided once.", nil, nil)
	liveLag    = prometheus.NewDesc("tagma_live_lag_seconds", "Seconds since the instant at which live tags are right.", nil, nil)
	liveN      = prometheus.NewDesc("tagma_live_subjects", "Tags and segments that are decided live.", nil, nil)
	liveLeaves = prometheus.NewDesc("tagma_live_leaves", "Conditions that are kept for each customer.", nil, nil)
	liveBytes  = prometheus.NewDesc("tagma_live_bytes", "Memory of what is kept for deciding live.", nil, nil)
	liveDone   = prometheus.NewDesc("tagma_live_decided_records_total", "Records that were decided live.", nil, nil)
	liveMoves  = prometheus.NewDesc("tagma_live_changes_total", "Customers that entered or left a value of a live tag.", nil, nil)
	liveWoken  = prometheus.NewDesc("tagma_live_woken_total", "Customers that were looked at because of the time.", nil, nil)
	liveBuilds = prometheus.NewDesc("tagma_live_builds_total", "How often all that is live was decided anew.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logEnd, logRate, readerRate, readerAge, readerSize, readerBad, waitingN, waitingB, logBegin, logHeld, readerAt, readerLag, readerFail, indexBytes, indexHeld, profiles, storeBytes, running, runDone, repaired, dueFailed,
		liveReady, liveLag, liveN, liveLeaves, liveBytes, liveDone, liveMoves, liveWoken, liveBuilds} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *state) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	w := c.s.w
	readers, err := w.Freshness(c.s.ending)
	now := c.s.machineNow()
	if err != nil {
		c.s.log.Error("metrics", "error", err)
	}
	logs := map[string]bool{}
	for _, r := range readers {
		if !logs[r.Log] {
			logs[r.Log] = true
			gauge(logEnd, float64(r.End), r.Log)
			gauge(logRate, r.Growth, r.Log)
		}
		gauge(readerAt, float64(r.Position), r.Name)
		gauge(readerLag, float64(r.Lag), r.Name)
		gauge(readerSize, float64(r.Bytes), r.Name)
		gauge(readerRate, r.Rate, r.Name)
		gauge(readerAge, float64(r.Age(now))/1000, r.Name)
		failing, since := 0.0, 0.0
		if r.Err != nil {
			failing, since = 1, max(0, float64(now-r.Since)/1000)
		}
		gauge(readerFail, failing, r.Name)
		gauge(readerBad, since, r.Name)
	}
	for _, l := range []*stream.Log{w.Events, w.Changes} {
		begin, err := l.Begin(c.s.ending, w.DB.Read())
		if err != nil {
			c.s.log.Error("metrics", "error", err)
			continue
		}
		gauge(logBegin, float64(begin), l.String())
	}
	if in := c.s.intake; in != nil {
		gauge(waitingN, float64(in.messages.Load()))
		gauge(waitingB, float64(in.bytes.Load()))
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
	c.collectRuns(gauge, to, readers)
	gauge(logHeld, one(w.LogHeld()))
}

// one is 1 for true.
func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// collectRuns tells of runs, and of what is decided live.
func (c *state) collectRuns(gauge func(d *prometheus.Desc, v float64, labels ...string), to chan<- prometheus.Metric, readers []stream.Freshness) {
	count := func(d *prometheus.Desc, n uint64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n))
	}
	run, going := c.s.desk.Going.Run()
	for _, kind := range []string{tag.RunCompute, tag.RunSnapshot, tag.RunLive, tag.RunHourly, tag.RunNightly} {
		gauge(running, one(going && run.Kind == kind), kind)
	}
	gauge(runDone, float64(run.Done), "done")
	gauge(runDone, float64(run.All-run.Done), "left")
	count(repaired, c.s.desk.Going.Repaired())
	if schedule := c.s.w.Schedule(); schedule != nil {
		failed := map[string]bool{}
		for _, f := range schedule.Failed() {
			failed[f.Kind] = true
		}
		for _, kind := range []string{tag.RunHourly, tag.RunNightly} {
			gauge(dueFailed, one(failed[kind]), kind)
		}
	}
	l := c.s.w.Live()
	if l == nil {
		return
	}
	at := l.Status()
	gauge(liveReady, one(at.Ready))
	if asOf, known := c.s.liveAsOf(readers); known {
		gauge(liveLag, float64(max(0, c.s.now()-asOf))/1000)
	}
	gauge(liveN, float64(at.Subjects))
	gauge(liveLeaves, float64(at.Leaves))
	gauge(liveBytes, float64(at.Bytes))
	count(liveDone, at.Decided)
	count(liveMoves, at.Changes)
	count(liveWoken, at.Woken)
	count(liveBuilds, at.Builds)
}
