package api

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"tagma/access"
	"tagma/errs"
	"tagma/tag"
)

// Run is a run: tags decided for all customers.
type Run struct {
	ID       string `json:"id"`
	Kind     string `json:"kind" enum:"compute,snapshot,live,hourly,nightly" doc:"compute: somebody asked for it; snapshot: of a past instant; live: what is decided live was decided anew as a whole; hourly, nightly: it was time for it"`
	By       string `json:"by,omitempty" doc:"Who asked for it; absent where nobody did"`
	AsOf     string `json:"as_of"`
	Started  string `json:"started"`
	Finished string `json:"finished,omitempty"`
	State    string `json:"state" enum:"running,done,failed,cancelled"`
	TookMS   int64  `json:"took_ms"`
	Entered  int    `json:"entered"`
	Left     int    `json:"left"`
	Repaired int    `json:"repaired" doc:"Customers whose values of live tags were wrong, and are right now"`
	Error    string `json:"error,omitempty"`
	// How far a run is that goes on.
	Done   uint32  `json:"done,omitempty" doc:"Customers done in the present pass, of a run that goes on"`
	All    uint32  `json:"all,omitempty"`
	Pass   int     `json:"pass,omitempty" doc:"Functions across all customers take passes of their own, and so does the check of what is live"`
	Passes int     `json:"passes,omitempty"`
	Rate   float64 `json:"rate,omitempty" doc:"Customers a second"`
	LeftMS *int64  `json:"left_ms,omitempty" doc:"About how long it still takes; absent while that is not known"`
	// Cancelling is there where it is true.
	Cancelling bool     `json:"cancelling,omitempty" doc:"Somebody cancelled it, and it is ending"`
	Keys       []string `json:"keys,omitempty" doc:"What it was restricted to"`
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
	// Repaired is there where it is not 0.
	Repaired int `json:"repaired,omitempty" doc:"Customers whose values were wrong, where the tag is decided live"`
}

func (s *Server) runOf(r tag.RunInfo) Run {
	out := Run{ID: strconv.FormatUint(r.Number, 10), Kind: r.Kind, AsOf: s.instant(r.AsOf), Started: s.instant(r.Started), Finished: s.instant(r.Finished),
		By: r.By, State: r.State, Entered: r.Entered, Left: r.Left, Repaired: r.Repaired, Error: r.Error, Keys: strings.Fields(r.Scope)}
	if r.Finished != 0 {
		out.TookMS = int64(r.Finished - r.Started)
	} else if r.State == "running" {
		out.TookMS = int64(s.machineNow() - r.Started)
		if at, going := s.desk.Going.Run(); going && at.Number == r.Number {
			out.Done, out.All, out.Pass, out.Passes, out.Rate = at.Done, at.All, at.Pass, at.Passes, at.Rate
			out.Cancelling = at.Cancelled
			if at.Left >= 0 {
				out.LeftMS = &at.Left
			}
		}
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
		out.Tags = append(out.Tags, RunTag{Kind: kind, Key: t.Key, Name: t.Name, Held: t.Held, Entered: t.Entered, Left: t.Left, Cause: t.Why, Repaired: t.Repaired})
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
	going, is := s.desk.Going.Run()
	if is = is && going.Kind != tag.RunLive; is || !s.computing.TryLock() {
		p := newProblem(409, "a run goes on already: wait until it is done")
		p.retryAfter = 2
		return nil, p
	}
	begun, ended := make(chan uint64, 1), make(chan error, 1)
	o.By = actorOf(ctx).String()
	o.Begun = func(number uint64) { begun <- number }
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		defer s.computing.Unlock()
		report, err := tag.Compute(s.ending, s.desk.Deps, o)
		s.tellRun(report, err)
		ended <- err
	}()
	var number uint64
	select {
	case number = <-begun:
	case err := <-ended:
		select {
		case number = <-begun: // it is over already
		default:
			if errs.KindOf(err) != errs.Internal {
				return nil, within(err, "body.keys")
			}
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.record(ctx, access.Entry{By: actorOf(ctx), Action: "run.start", Kind: "run", Object: strconv.FormatUint(number, 10),
		After: map[string]any{"as_of": s.instant(o.AsOf), "keys": o.Keys, "snapshot": o.Past}}); err != nil {
		return nil, err
	}
	return s.runNumbered(ctx, number)
}

// tellRun writes to the log what became of a run, and makes the index ready to be asked after one.
func (s *Server) tellRun(report *tag.Report, err error) {
	switch {
	case errors.Is(err, tag.ErrCancelled) || errors.Is(err, context.Canceled):
		s.log.Info("run", "ended", "cancelled or interrupted")
		return
	case err != nil:
		s.log.Error("run", "error", err)
		return
	case report.Repaired > 0:
		s.log.Warn("run", "run", report.Run, "repaired", report.Repaired)
	}
	if err := s.w.Index.BuildRows(s.ending); err != nil && s.ending.Err() == nil {
		s.log.Error("rows of the index", "error", err)
	}
}

func (s *Server) runNumbered(ctx context.Context, number uint64) (*answer[Run], error) {
	r, err := tag.RunNumbered(ctx, s.desk.Deps, number)
	if err != nil {
		return nil, err
	}
	return &answer[Run]{s.runOf(r)}, nil
}

// cancelRun ends a run, and answers when it has ended. What it decided is dropped; where it was writing that already, it
// may be done.
func (s *Server) cancelRun(ctx context.Context, in *struct{ IDPath }) (*answer[Run], error) {
	number, err := in.number("run")
	if err != nil {
		return nil, err
	}
	if _, err := tag.RunNumbered(ctx, s.desk.Deps, number); err != nil {
		return nil, err
	}
	ended, err := s.desk.Going.Cancel(number)
	if err != nil {
		return nil, err
	}
	if err := s.record(ctx, access.Entry{By: actorOf(ctx), Action: "run.cancel", Kind: "run", Object: strconv.FormatUint(number, 10)}); err != nil {
		return nil, err
	}
	select {
	case <-ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.runNumbered(ctx, number)
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
	Fresh      Readiness   `json:"fresh" doc:"How far what is shown is behind what happened"`
	RecentRuns []Run       `json:"recent_runs"`
	TopTags    []TopTag    `json:"top_tags" doc:"Tags that from 1 % to 95 % of the customers have, those of most customers first"`
	Dimensions []Dimension `json:"dimensions"`
	MaxDepth   int         `json:"max_depth" doc:"Levels of the deepest category"`
	AvgDepth   float64     `json:"avg_depth"`
}

// Readiness is how fresh the whole is, in one line.
type Readiness struct {
	Live    bool    `json:"live" doc:"Tags are decided as records arrive, and have been once"`
	LagMS   int64   `json:"lag_ms" doc:"The time between now and the instant at which live tags are right"`
	Rate    float64 `json:"rate" doc:"Events that were accepted a second, over the last ten"`
	Failing bool    `json:"failing" doc:"A reader, what is decided live, or a run that was due fails"`
	NextRun string  `json:"next_run,omitempty" doc:"The next nightly run"`
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
	if out.Fresh, err = s.readiness(ctx); err != nil {
		return nil, err
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
