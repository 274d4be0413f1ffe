package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"tagma/bench/gen"
	"tagma/bench/rules"
	"tagma/event"
)

// lived is what the live path did.
type lived struct {
	Rules     int
	First     float64 // seconds from the start of the process to the first answer
	FirstCPU  float64 // seconds of processor until then
	Again     float64 // as First, after the loads and the run
	AgainCPU  float64
	IsLive    bool // whether an event changes a tag without a run
	Loads     []liveLoad
	Idle      asking // previews without a load
	Busy      asking // previews while events arrive
	Eligible  asking
	PeakMB    int // of the process, after the loads
	PeakRunMB int // and after the run
	RunMS     int64
	Changed   int // assignments that a run changed after the loads
	// Parameters are those among them that rules with functions across all customers made, and what reads their tags:
	// a run makes the parameters anew, between runs they stay.
	Parameters int
	Repaired   []string // the other tags that the run changed, by how much
	Repairs    string   // what the run says of repairs, if anything
	Freshness  string   // what the API says, if anything
	Checked    string   // what tagma check says
}

// liveLoad is one load of the intake.
type liveLoad struct {
	Offered  int // events a second; 0: as many as are taken
	Accepted float64
	Sending  sending
	Tags     []float64 // seconds from an event to its tag
	Missing  int       // events whose tag did not come in time
	CatchUp  float64   // seconds from the end of the load until all of it was decided; negative: not within the time
	CPU      float64   // seconds of processor of the product, for a second
	OwnCPU   float64   // and of the load generator
}

// asking is a load of questions.
type asking struct {
	Seconds float64
	Took    []float64
	Fault   string
}

// live runs the product on a copy of the live workspace and loads it.
func live(ctx context.Context, o options) (l lived, err error) {
	program, err := productProgram(o)
	if err != nil {
		return l, err
	}
	w, err := gen.New(o.size, o.seed)
	if err != nil {
		return l, err
	}
	if _, err := os.Stat(o.liveBase()); err != nil || o.has("load") {
		if err := child(ctx, "live-load", o, o.rules, nil); err != nil {
			return l, err
		}
	}
	if !o.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(o.liveBase())) }()
	}
	if err := os.RemoveAll(o.liveRun()); err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.liveRun())) }()
	if err := cloneWorkspace(o.liveBase(), o.liveRun()); err != nil {
		return l, err
	}
	s, err := newServer(ctx, program, o.liveRun(), o.connections)
	if err != nil {
		return l, err
	}
	l.Rules = o.rules
	if err := s.start(ctx, w.UserID(0)); err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	l.First, l.FirstCPU = s.firstAnswer.Seconds(), s.firstCPU
	t := &traffic{w: w, s: s, seed: o.seed, session: fmt.Sprintf("bench-%d", time.Now().UnixNano())}
	if err := l.loads(ctx, o, t); err != nil {
		return l, err
	}
	return l, l.afterwards(ctx, o, t)
}

// announce says on standard error what goes on.
func announce(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s bench: %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// loads are the loads in turn: questions alone, events as many as are taken, events as offered, questions beside them.
func (l *lived) loads(ctx context.Context, o options, t *traffic) (err error) {
	announce("live: is an event's tag there at once?")
	if _, l.IsLive, err = t.settle(ctx, 90*time.Second); err != nil { // with many customers everything is decided first
		return err
	}
	announce("live: eligibility, previews")
	l.Eligible = eligibility(ctx, o, t)
	l.Idle = previews(ctx, t.s)
	for _, rate := range []int{0, o.rate} {
		announce("live: events, %d a second offered (0: as many as are taken)", rate)
		one, err := l.load(ctx, o, t, rate, nil)
		if err != nil {
			return err
		}
		l.Loads = append(l.Loads, one)
	}
	announce("live: previews while events arrive")
	_, err = l.load(ctx, o, t, o.rate, func(ctx context.Context) { l.Busy = previews(ctx, t.s) })
	if err != nil {
		return err
	}
	l.PeakMB, err = t.s.peakMB()
	return err
}

// load sends events for a time, and with beside as long as that takes.
func (l *lived) load(ctx context.Context, o options, t *traffic, rate int, beside func(context.Context)) (one liveLoad, err error) {
	one.Offered = rate
	watching, end := context.WithCancel(ctx)
	defer end()
	var waiting sync.WaitGroup
	var mark func(string, time.Time)
	seen := newWatch(t.s)
	if l.IsLive && beside == nil {
		mark = seen.mark
		waiting.Go(func() { seen.run(watching) })
	}
	length := o.liveTime
	loading := ctx
	if beside != nil {
		length = 5 * time.Minute // until beside is done, at the longest
		var stop context.CancelFunc
		loading, stop = context.WithCancel(ctx)
		waiting.Go(func() {
			defer stop()
			select {
			case <-time.After(2 * time.Second):
				beside(ctx)
			case <-ctx.Done():
			}
		})
	}
	cpu, own := t.s.cpuSeconds(), cpuSeconds()
	start := time.Now()
	one.Sending = t.run(loading, length, o.connections, rate, mark)
	took := time.Since(start).Seconds()
	one.CPU, one.OwnCPU = (t.s.cpuSeconds()-cpu)/took, (cpuSeconds()-own)/took
	one.Accepted = float64(one.Sending.accepted) / one.Sending.seconds
	one.CatchUp = -1
	if l.IsLive {
		d, ok, err := t.settle(ctx, time.Minute)
		if err != nil {
			return one, err
		}
		if ok {
			one.CatchUp = d.Seconds()
		}
	}
	end()
	waiting.Wait()
	one.Tags, one.Missing = seen.seen, seen.missing
	return one, errors.Join(seen.fault, ctx.Err())
}

// previewed30 are thirty conditions as somebody would try them out: twenty simple ones, ten of other families.
func previewed30() (out []string) {
	for _, r := range rules.Previews() {
		out = append(out, r.Expression)
	}
	for _, r := range rules.New(1) {
		if r.Family != rules.OfTags && len(out) < 30 {
			out = append(out, r.Expression)
		}
	}
	return out
}

func previews(ctx context.Context, s *server) (a asking) {
	start := time.Now()
	for _, expression := range previewed30() {
		begun := time.Now()
		if _, err := s.call(ctx, "POST", "/api/v1/query", map[string]string{"expression": expression, "want": "count"}, nil); err != nil {
			if a.Fault == "" {
				a.Fault = err.Error()
			}
			continue
		}
		a.Took = append(a.Took, time.Since(begun).Seconds())
	}
	a.Seconds = time.Since(start).Seconds()
	return a
}

// eligibility asks about one customer and five segments in every request, on half of the connections of a load and for
// half as long.
func eligibility(ctx context.Context, o options, t *traffic) (all asking) {
	ctx, cancel := context.WithTimeout(ctx, o.liveTime/2)
	defer cancel()
	var lock sync.Mutex
	var wait sync.WaitGroup
	start := time.Now()
	for worker := range (o.connections + 1) / 2 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(o.seed, uint64(worker)))
			var one asking
			for ctx.Err() == nil {
				begun := time.Now()
				_, err := t.s.eligible(ctx, []string{t.w.UserID(event.ProfileID(r.IntN(t.w.Customers)))}, eligibilitySegments)
				switch {
				case err == nil:
					one.Took = append(one.Took, time.Since(begun).Seconds())
				case ctx.Err() == nil && one.Fault == "":
					one.Fault = err.Error()
				}
			}
			lock.Lock()
			defer lock.Unlock()
			all.Took = append(all.Took, one.Took...)
			if all.Fault == "" {
				all.Fault = one.Fault
			}
		})
	}
	wait.Wait()
	all.Seconds = time.Since(start).Seconds()
	return all
}

// afterwards compares what live deciding left with a run, and starts the product again.
func (l *lived) afterwards(ctx context.Context, o options, t *traffic) (err error) {
	announce("live: a run afterwards")
	var said json.RawMessage
	if status, err := t.s.call(ctx, "GET", "/api/v1/freshness", nil, &said); err == nil {
		l.Freshness = clip(string(said))
	} else if status != http.StatusNotFound {
		return err
	}
	var run struct {
		ID     string
		State  string
		TookMS int64 `json:"took_ms"`
		Error  string
		Tags   []struct {
			Key           string
			Entered, Left int
		}
	}
	if _, err := t.s.call(ctx, "POST", "/api/v1/runs", map[string]any{}, &run); err != nil {
		return err
	}
	for start := time.Now(); run.State == "running"; {
		if time.Since(start) > 10*time.Minute {
			return errors.New("the run after the load takes more than ten minutes")
		}
		time.Sleep(100 * time.Millisecond)
		if _, err := t.s.call(ctx, "GET", "/api/v1/runs/"+run.ID, nil, &said); err != nil {
			return err
		}
		if err := json.Unmarshal(said, &run); err != nil {
			return err
		}
	}
	if run.State != "done" {
		return fmt.Errorf("the run after the load: %s: %s", run.State, run.Error)
	}
	l.RunMS, l.Repairs = run.TookMS, repairsOf(said)
	rs := rules.New(o.seed)[:o.rules]
	across := rules.AcrossCustomers(rs)
	for i, key := range eligibilitySegments[1:] {
		of := segmentTags(rs, i)
		across[key] = across[of[0]] || across[of[1]]
	}
	for _, x := range run.Tags {
		n := x.Entered + x.Left
		l.Changed += n
		switch {
		case n == 0:
		case across[x.Key]:
			l.Parameters += n
		default:
			l.Repaired = append(l.Repaired, fmt.Sprintf("%s: %d", x.Key, n))
		}
	}
	if l.PeakRunMB, err = t.s.peakMB(); err != nil {
		return err
	}
	if err := t.s.stop(); err != nil {
		return err
	}
	announce("live: starting again")
	if err := t.s.start(ctx, t.w.UserID(0)); err != nil {
		return err
	}
	l.Again, l.AgainCPU = t.s.firstAnswer.Seconds(), t.s.firstCPU
	if err := t.s.stop(); err != nil {
		return err
	}
	if o.has("check") {
		announce("live: tagma check")
		if l.Checked, err = t.s.command(ctx, "check"); err != nil {
			l.Checked, err = err.Error(), nil
		}
		l.Checked = clip(lastLine(l.Checked))
	}
	return err
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// repairsOf are the fields of a run that speak of repairs.
func repairsOf(run json.RawMessage) string {
	var fields map[string]any
	if json.Unmarshal(run, &fields) != nil {
		return ""
	}
	var out []string
	for k, v := range fields {
		if strings.Contains(k, "repair") {
			out = append(out, fmt.Sprintf("%s: %v", k, v))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
