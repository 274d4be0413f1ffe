package api

import (
	"context"

	"tagma/event"
	"tagma/library"
	"tagma/stream"
	"tagma/workspace"
)

// Freshness is how far what is shown is behind what happened.
type Freshness struct {
	Now     string         `json:"now" doc:"The workspace's clock"`
	Stopped bool           `json:"stopped" doc:"The workspace's clock is stopped"`
	Readers []ReaderState  `json:"readers" doc:"Those who follow the logs, in the order in which they do"`
	Intake  IntakeState    `json:"intake"`
	Live    *LiveState     `json:"live,omitempty" doc:"What is decided as records arrive; absent where nothing is"`
	Refresh []RefreshState `json:"refresh" doc:"Tags by how they are refreshed; segments count as live"`
	Tags    []TagFreshness `json:"tags,omitempty" doc:"Each tag and segment, when it is asked for"`
	Failed  []FailedRun    `json:"failed" doc:"Runs that were due and failed; they are tried again"`
}

// ReaderState is how a reader of a log is doing.
type ReaderState struct {
	Name     string  `json:"name"`
	Log      string  `json:"log" doc:"event_log or change_log"`
	Position uint64  `json:"position" doc:"Records below it are read"`
	End      uint64  `json:"end" doc:"Of its log"`
	Lag      uint64  `json:"lag" doc:"Records that it has before it"`
	LagMS    int64   `json:"lag_ms" doc:"Since the oldest of them was accepted"`
	Rate     float64 `json:"rate" doc:"Records that it read a second, over the last ten"`
	Building bool    `json:"building,omitempty" doc:"It makes its state anew"`
	Error    string  `json:"error,omitempty" doc:"Why it stands still"`
	Since    string  `json:"since,omitempty" doc:"The first of the failures in a row"`
}

// IntakeState is what comes in.
type IntakeState struct {
	Rate     float64 `json:"rate" doc:"Events that were accepted a second, over the last ten"`
	Recent   []int   `json:"recent" doc:"Events that were accepted in each of the last 60 seconds, the earliest first"`
	Refused  float64 `json:"refused" doc:"Requests that were answered with 429 a second, over the last ten"`
	Refusals []int   `json:"refusals" doc:"The same in each of the last 60 seconds"`
	Waiting  int64   `json:"waiting" doc:"Messages that wait to be committed"`
}

// LiveState is how what is decided live is doing.
type LiveState struct {
	Ready    bool   `json:"ready" doc:"Everything was decided once"`
	AsOf     string `json:"as_of,omitempty" doc:"Tags that are live are right at this instant"`
	LagMS    int64  `json:"lag_ms" doc:"The time between that and now"`
	Subjects int    `json:"subjects" doc:"Tags and segments that are decided live"`
	Leaves   int    `json:"leaves" doc:"Conditions that are kept for each customer"`
	Bytes    int64  `json:"bytes" doc:"Memory of these and of rows"`
	Decided  uint64 `json:"decided" doc:"Records since the server started"`
	Changes  uint64 `json:"changes" doc:"Customers that entered or left a value since"`
	Woken    uint64 `json:"woken" doc:"Customers that were looked at because of the time"`
	Builds   uint64 `json:"builds" doc:"How often everything was decided anew"`
	Repaired uint64 `json:"repaired" doc:"Customers whose values a run found wrong and repaired, since the server started"`
	Error    string `json:"error,omitempty" doc:"Why it stands still"`
	Since    string `json:"since,omitempty"`
}

// RefreshState is the tags that are refreshed in one way.
type RefreshState struct {
	Refresh string `json:"refresh" enum:"live,hourly,daily,weekly,manual"`
	Tags    int    `json:"tags" doc:"Tags and segments"`
	Never   int    `json:"never" doc:"Those of them that were never computed"`
	AsOf    string `json:"as_of,omitempty" doc:"All others are right at this instant"`
	LagMS   int64  `json:"lag_ms,omitempty"`
	NextRun string `json:"next_run,omitempty"`
}

// TagFreshness is how fresh a tag or segment is.
type TagFreshness struct {
	Kind    string `json:"kind" enum:"tag,segment"`
	Key     string `json:"key"`
	Refresh string `json:"refresh" enum:"live,hourly,daily,weekly,manual"`
	Fresh
}

// Fresh is at which instant a tag or segment is right.
type Fresh struct {
	AsOf    string `json:"as_of,omitempty" doc:"The index has it as it is at this instant; absent when it was never computed"`
	LagMS   int64  `json:"lag_ms,omitempty" doc:"The time between that and now"`
	NextRun string `json:"next_run,omitempty" doc:"When it is computed next; absent for what is live or computed when somebody asks"`
}

// FailedRun is a run that was due and failed.
type FailedRun struct {
	Kind  string `json:"kind" enum:"hourly,nightly"`
	Error string `json:"error"`
	Since string `json:"since"`
	Again string `json:"again" doc:"When it is tried again"`
}

type freshnessRequest struct {
	Tags bool `query:"tags" doc:"With each tag and segment"`
}

func (s *Server) freshness(ctx context.Context, in *freshnessRequest) (*answer[Freshness], error) {
	readers, err := s.w.Freshness(ctx)
	if err != nil {
		return nil, err
	}
	machine := s.machineNow()
	out := Freshness{Now: s.instant(s.now()), Stopped: s.w.Stopped(), Readers: []ReaderState{}, Intake: s.intakeState(), Live: s.liveState(readers),
		Refresh: []RefreshState{}, Failed: []FailedRun{}}
	for i := range readers {
		out.Readers = append(out.Readers, s.readerState(&readers[i], machine))
	}
	if schedule := s.w.Schedule(); schedule != nil {
		for _, f := range schedule.Failed() {
			out.Failed = append(out.Failed, FailedRun{f.Kind, problemOf(f.Err).Detail, s.instant(f.Since), s.instant(f.Again)})
		}
	}
	if err := s.tagFreshness(ctx, &out, in.Tags); err != nil {
		return nil, err
	}
	return &answer[Freshness]{out}, nil
}

func (s *Server) readerState(f *stream.Freshness, machine event.Time) ReaderState {
	out := ReaderState{Name: f.Name, Log: f.Log, Position: f.Position, End: f.End, Lag: f.Lag, LagMS: f.Age(machine), Rate: f.Rate, Building: f.Building}
	if f.Err != nil {
		out.Error, out.Since = problemOf(f.Err).Detail, s.instant(f.Since)
	}
	return out
}

func (s *Server) intakeState() IntakeState {
	now := s.machineNow()
	out := IntakeState{Recent: s.metrics.events.recent(now), Refusals: s.metrics.refusals.recent(now)}
	out.Rate, out.Refused = rate(out.Recent), rate(out.Refusals)
	if s.intake != nil {
		out.Waiting = s.intake.messages.Load()
	}
	return out
}

func (s *Server) liveState(readers []stream.Freshness) *LiveState {
	l := s.w.Live()
	if l == nil {
		return nil
	}
	at := l.Status()
	out := &LiveState{Ready: at.Ready, AsOf: s.instant(at.AsOf), Subjects: at.Subjects, Leaves: at.Leaves, Bytes: at.Bytes, Decided: at.Decided, Changes: at.Changes,
		Woken: at.Woken, Builds: at.Builds, Repaired: s.desk.Going.Repaired()}
	asOf, known := s.liveAsOf(readers)
	if known {
		out.LagMS = int64(max(0, s.now()-asOf))
	}
	if at.Err != nil {
		out.Error, out.Since = problemOf(at.Err).Detail, s.instant(at.Since)
	}
	return out
}

// liveAsOf is the instant at which live tags are right: with records that are not decided, the instant at which the oldest
// of these was accepted. It is false when nothing was decided live yet.
func (s *Server) liveAsOf(readers []stream.Freshness) (event.Time, bool) {
	l := s.w.Live()
	if l == nil {
		return 0, false
	}
	at := l.Status()
	if at.AsOf == 0 {
		return 0, false
	}
	asOf := at.AsOf
	for i := range readers {
		if f := &readers[i]; f.Name == workspace.LiveName && f.Oldest != event.Always && !s.w.Stopped() {
			asOf = min(asOf, f.Oldest)
		}
	}
	return asOf, true
}

// liveNow is liveAsOf of this moment.
func (s *Server) liveNow() (event.Time, bool) {
	readers, err := s.w.Freshness(s.ending)
	if err != nil {
		return 0, false
	}
	return s.liveAsOf(readers)
}

// rightAt is the instant at which the index is right about a definition; 0 when it was never computed.
func rightAt(how library.Refresh, computed, live event.Time, hasLive bool) event.Time {
	if how == library.Live && hasLive && computed != 0 {
		return max(computed, live)
	}
	return computed
}

// fresh tells how fresh a definition is.
func (s *Server) fresh(how library.Refresh, computed, live event.Time, hasLive bool) Fresh {
	var out Fresh
	if at := rightAt(how, computed, live, hasLive); at != 0 {
		out.AsOf, out.LagMS = s.instant(at), int64(max(0, s.now()-at))
	}
	if schedule := s.w.Schedule(); schedule != nil {
		out.NextRun = s.instant(schedule.Next(how))
	}
	return out
}

// tagFreshness adds how fresh tags and segments are, by how they are refreshed, and one by one.
func (s *Server) tagFreshness(ctx context.Context, out *Freshness, each bool) error {
	set, err := s.desk.Set(ctx)
	if err != nil {
		return err
	}
	computed, err := s.desk.Computed(ctx)
	if err != nil {
		return err
	}
	readers, err := s.w.Freshness(ctx)
	if err != nil {
		return err
	}
	live, hasLive := s.liveAsOf(readers)
	type group struct {
		RefreshState
		oldest event.Time
	}
	groups := map[library.Refresh]*group{}
	add := func(kind library.Kind, id uint32, key string, how library.Refresh) {
		f := s.fresh(how, computed[id], live, hasLive)
		g := groups[how]
		if g == nil {
			g = &group{RefreshState: RefreshState{Refresh: string(how), NextRun: f.NextRun}, oldest: event.Never}
			groups[how] = g
		}
		g.Tags++
		if at := rightAt(how, computed[id], live, hasLive); at == 0 {
			g.Never++
		} else {
			g.oldest = min(g.oldest, at)
		}
		if each {
			out.Tags = append(out.Tags, TagFreshness{string(kind), key, string(how), f})
		}
	}
	for t := range set.Tags() {
		if t.Kind == library.ByRule {
			add(library.KindTag, t.ID, t.Key, t.Refresh)
		}
	}
	for x := range set.Segments() {
		add(library.KindSegment, x.ID, x.Key, library.Live)
	}
	for _, how := range []library.Refresh{library.Live, library.Hourly, library.Daily, library.Weekly, library.OnlyManually} {
		if g := groups[how]; g != nil {
			if g.oldest != event.Never {
				g.AsOf, g.LagMS = s.instant(g.oldest), int64(max(0, s.now()-g.oldest))
			}
			out.Refresh = append(out.Refresh, g.RefreshState)
		}
	}
	return nil
}

// readiness tells in few words how fresh the whole is.
func (s *Server) readiness(ctx context.Context) (out Readiness, err error) {
	readers, err := s.w.Freshness(ctx)
	if err != nil {
		return out, err
	}
	for i := range readers {
		out.Failing = out.Failing || readers[i].Err != nil
	}
	if live := s.liveState(readers); live != nil {
		out.Live, out.LagMS = live.Ready, live.LagMS
	}
	out.Rate = s.intakeState().Rate
	if schedule := s.w.Schedule(); schedule != nil {
		out.Failing = out.Failing || len(schedule.Failed()) > 0
		out.NextRun = s.instant(schedule.Next(library.Daily))
	}
	return out, nil
}
