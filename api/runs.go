package api

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"tagma/access"
	"tagma/errs"
	"tagma/rule"
	"tagma/tag"
)

// Run is a run: tags decided for all customers.
type Run struct {
	ID       string `json:"id"`
	Kind     string `json:"kind" doc:"compute, snapshot of a past instant, or live: what is decided live was decided anew as a whole"`
	AsOf     string `json:"as_of"`
	Started  string `json:"started"`
	Finished string `json:"finished,omitempty"`
	State    string `json:"state" enum:"running,done,failed"`
	TookMS   int64  `json:"took_ms"`
	Entered  int    `json:"entered"`
	Left     int    `json:"left"`
	Error    string `json:"error,omitempty"`
	// Done and All tell how far a run is that goes on.
	Done uint32   `json:"done,omitempty" doc:"Customers done, of a run that goes on"`
	All  uint32   `json:"all,omitempty"`
	Keys []string `json:"keys,omitempty" doc:"What it was restricted to"`
}

// RunDetail is a run with what it did.
type RunDetail struct {
	Run
	Tags       []RunTag            `json:"tags"`
	Parameters map[string][]string `json:"parameters" doc:"What functions across all customers gave, exactly"`
}

// RunTag is what a run did to a tag or segment.
type RunTag struct {
	Kind    string `json:"kind" enum:"tag,segment"`
	Key     string `json:"key"`
	Name    string `json:"name"`
	Held    int    `json:"held"`
	Entered int    `json:"entered"`
	Left    int    `json:"left"`
	Cause   string `json:"cause,omitempty" doc:"Absent when nothing changed"`
}

// runState is the run that goes on in this process.
type runState struct {
	mu        sync.Mutex
	going     bool
	number    uint64 // known when the run has begun
	done, all uint32
}

func (s *Server) runOf(r tag.RunInfo) Run {
	out := Run{ID: strconv.FormatUint(r.Number, 10), Kind: r.Kind, AsOf: s.instant(r.AsOf), Started: s.instant(r.Started), Finished: s.instant(r.Finished),
		State: r.State, Entered: r.Entered, Left: r.Left, Error: r.Error, Keys: strings.Fields(r.Scope)}
	if r.Finished != 0 {
		out.TookMS = int64(r.Finished - r.Started)
	} else if r.State == "running" {
		out.TookMS = int64(s.machineNow() - r.Started)
		s.run.mu.Lock()
		out.Done, out.All = s.run.done, s.run.all
		s.run.mu.Unlock()
	}
	return out
}

func (s *Server) listRuns(ctx context.Context, in *struct{ Paging }) (*answer[Page[Run]], error) {
	before, err := in.number()
	if err != nil {
		return nil, err
	}
	runs, err := tag.Runs(ctx, s.desk.Deps, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := Page[Run]{Items: []Run{}}
	for i, r := range runs {
		if i == in.Limit {
			out.Next = cursor(strconv.FormatUint(runs[i-1].Number, 10))
			break
		}
		out.Items = append(out.Items, s.runOf(r))
	}
	return &answer[Page[Run]]{out}, nil
}

func (s *Server) readRun(ctx context.Context, in *struct{ IDPath }) (*answer[RunDetail], error) {
	id, err := in.number("run")
	if err != nil {
		return nil, err
	}
	r, err := tag.RunNumbered(ctx, s.desk.Deps, id)
	if err != nil {
		return nil, err
	}
	out := RunDetail{Run: s.runOf(r), Tags: []RunTag{}, Parameters: r.Parameters}
	if out.Parameters == nil {
		out.Parameters = map[string][]string{}
	}
	for _, t := range r.Tags {
		kind := "tag"
		if t.Segment {
			kind = "segment"
		}
		out.Tags = append(out.Tags, RunTag{Kind: kind, Key: t.Key, Name: t.Name, Held: t.Held, Entered: t.Entered, Left: t.Left, Cause: t.Why})
	}
	return &answer[RunDetail]{out}, nil
}

type runRequest struct {
	Body struct {
		AsOf string   `json:"as_of,omitempty" doc:"An instant, or a date, which means its last instant; one before the workspace's clock makes a snapshot"`
		Keys []string `json:"keys,omitempty" maxItems:"1000" doc:"Only these tags and segments"`
	}
}

// startRun begins a run and answers when it has a number. The run goes on after the answer; one at a time.
func (s *Server) startRun(ctx context.Context, in *runRequest) (*answer[Run], error) {
	o := tag.Options{AsOf: s.now(), Keys: in.Body.Keys}
	if in.Body.AsOf != "" {
		var err error
		if o.AsOf, err = s.asOf("body.as_of", in.Body.AsOf); err != nil {
			return nil, err
		}
		o.Past = o.AsOf < s.now()
		if o.AsOf > s.now() && !s.w.Stopped() {
			return nil, invalid("body.as_of", s.instant(o.AsOf)+" lies in the future", "tags are of the present, or of a past instant as a snapshot")
		}
	}
	if !s.computing.TryLock() {
		p := newProblem(409, "a run goes on already: wait until it is done")
		p.retryAfter = 2
		return nil, p
	}
	last, err := tag.Runs(ctx, s.desk.Deps, 0, 1)
	if err != nil {
		s.computing.Unlock()
		return nil, err
	}
	known := uint64(0)
	if len(last) > 0 {
		known = last[0].Number
	}
	s.run.begin()
	begun, ended := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	o.Progress = func(at rule.Progress) {
		once.Do(func() { close(begun) })
		s.run.set(at.Done, at.All)
	}
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		defer s.computing.Unlock()
		defer s.run.end()
		_, err := tag.Compute(s.ending, s.desk.Deps, o)
		if err != nil {
			s.log.Error("run", "error", err)
		} else if err := s.w.Index.BuildRows(s.ending); err != nil {
			s.log.Error("rows of the index", "error", err)
		}
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		if err != nil && errs.KindOf(err) != errs.Internal {
			return nil, within(err, "body.keys")
		}
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	runs, err := tag.Runs(ctx, s.desk.Deps, 0, 1)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 || runs[0].Number <= known {
		return nil, errs.New(errs.Internal, "api: the run has no number")
	}
	if err := s.record(ctx, access.Entry{By: actorOf(ctx), Action: "run.start", Kind: "run", Object: strconv.FormatUint(runs[0].Number, 10),
		After: map[string]any{"as_of": s.instant(o.AsOf), "keys": o.Keys, "snapshot": o.Past}}); err != nil {
		return nil, err
	}
	return &answer[Run]{s.runOf(runs[0])}, nil
}

func (r *runState) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.going, r.done, r.all = true, 0, 0
}

func (r *runState) set(done, all uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done, r.all = done, all
}

func (r *runState) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.going, r.done, r.all = false, 0, 0
}

// Overview is the workspace in figures.
type Overview struct {
	Zone       string      `json:"zone"`
	Now        string      `json:"now" doc:"The workspace's clock"`
	Stopped    bool        `json:"stopped" doc:"The clock was stopped when the workspace was made"`
	Customers  int         `json:"customers"`
	Events     uint64      `json:"events"`
	Tags       int         `json:"tags"`
	Segments   int         `json:"segments"`
	Assigned   int         `json:"assigned" doc:"Customers with at least one tag"`
	LastRun    *Run        `json:"last_run,omitempty"`
	RecentRuns []Run       `json:"recent_runs"`
	TopTags    []TopTag    `json:"top_tags" doc:"Tags that from 1 % to 95 % of the customers have, those of most customers first"`
	Dimensions []Dimension `json:"dimensions"`
	MaxDepth   int         `json:"max_depth" doc:"Levels of the deepest category"`
	AvgDepth   float64     `json:"avg_depth"`
}

// TopTag is a tag that many customers have.
type TopTag struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	Held int    `json:"held"`
}

// Dimension is a class of tags, and how many there are in it.
type Dimension struct {
	Set  string `json:"set" doc:"The standard that the class belongs to"`
	Key  string `json:"key"`
	Name string `json:"name"`
	Tags int    `json:"tags"`
}

const (
	recentRuns = 10
	topTags    = 10
)

func (s *Server) overview(ctx context.Context, _ *struct{}) (*answer[Overview], error) {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := s.desk.Counts()
	if err != nil {
		return nil, err
	}
	assigned, err := s.desk.Assigned(set)
	if err != nil {
		return nil, err
	}
	shape := set.Shape()
	out := Overview{Zone: s.w.Zone.String(), Now: s.instant(s.now()), Stopped: s.w.Stopped(), Customers: counts.Customers, Events: counts.Events, Tags: shape.Tags,
		Segments: shape.Segments, Assigned: assigned, RecentRuns: []Run{}, TopTags: []TopTag{}, Dimensions: []Dimension{}, MaxDepth: shape.MaxDepth, AvgDepth: shape.AvgDepth}
	runs, err := tag.Runs(ctx, s.desk.Deps, 0, recentRuns)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		out.RecentRuns = append(out.RecentRuns, s.runOf(r))
	}
	if len(out.RecentRuns) > 0 {
		out.LastRun = &out.RecentRuns[0]
	}
	for _, t := range s.desk.Top(set, counts.Customers, topTags) {
		out.TopTags = append(out.TopTags, TopTag{t.Tag.Key, t.Tag.Name, t.Held})
	}
	for _, standard := range shape.Sets {
		for i, c := range standard.Classes {
			out.Dimensions = append(out.Dimensions, Dimension{standard.Key, c.Key, c.Name, standard.Tags[i]})
		}
	}
	return &answer[Overview]{out}, nil
}
