package tag

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/library"
	"tagma/rule"
	"tagma/tagindex"
	"tagma/warehouse"
)

// Options of a run.
type Options struct {
	// AsOf is the instant that is decided for.
	AsOf event.Time
	// Past makes a snapshot of the instant, which the live index does not see.
	Past bool
	// Keys restricts the run to these tags and segments; empty means all.
	Keys []string
	// Refresh restricts the run to tags that are refreshed so; segments count as live. Empty means all.
	Refresh []library.Refresh
	// Kind is RunHourly or RunNightly where it was time for the run; "" where somebody asked for it. By is who.
	Kind, By string
	// Begun, when set, is told the number of the run once it has begun.
	Begun func(number uint64)
	// Progress, when set, is told how far the run is, by several goroutines.
	Progress func(rule.Progress)
}

// Report says what a run did.
type Report struct {
	Run       uint64           `json:"run"`
	AsOf      string           `json:"as_of"`
	Customers int              `json:"customers"` // the universe
	Tags      []TagReport      `json:"tags"`
	Repaired  int              `json:"repaired,omitempty"` // of all tags: see TagReport
	Took      map[string]int64 `json:"took_ms"`
	Params    rule.Params      `json:"-"`
	// Broken are definitions that could not be computed, with the reasons.
	Broken []string `json:"broken,omitempty"`
}

// TagReport says what a run changed in one tag or segment.
type TagReport struct {
	Key     string         `json:"key"`
	Name    string         `json:"name"`
	Segment bool           `json:"segment,omitempty"`
	Cause   tagindex.Cause `json:"-"`
	Why     string         `json:"cause,omitempty"` // the cause; empty when nothing changed
	Held    int            `json:"held"`            // customers that carry it
	Entered int            `json:"entered"`
	Left    int            `json:"left"`
	// Repaired is of how many customers the tag is decided live, and the index had not what a run gives with the same
	// parameters and the published values of the tags that are not live.
	Repaired int `json:"repaired,omitempty"`
}

// EntryMark is the kind of change-log entries that say up to where events are decided.
const EntryMark uint8 = 2

// run is a run under way.
type run struct {
	Deps
	opts     Options
	set      *library.Set
	subjects []*subject
	number   uint64
	offset   uint64 // of the event log
	eval     rule.Run
	report   *Report
	last     event.Time
	assigned uint64          // the last assignment that the run sees
	live     bool            // it decides what is decided live, and what it finds is news
	check    *selfCheck      // of what is decided live beside it; nil when nothing is
	ids      []uint32        // of the definitions that the report tells of, in its order
	passes   int             // of Progress: those of evaluations that are done
	more     int             // evaluations that follow the present one
	loads    map[uint64]bool // see loadedSince
	// committed says that what the run decided is in the change log.
	committed bool
}

// Compute decides tags and segments for all customers at an instant, writes the changes to the change log, and
// brings the index up to them; for a past instant it writes a snapshot instead. A run that fails or is stopped
// changes nothing. Only one may go on at a time.
func Compute(ctx context.Context, d Deps, opts Options) (*Report, error) {
	r := &run{Deps: d, opts: opts, report: &Report{AsOf: d.Zone.Format(opts.AsOf), Tags: []TagReport{}, Took: map[string]int64{}}, last: d.Now()}
	release, err := d.Turn.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := d.CatchUp(ctx); err != nil {
		return nil, err
	}
	live, err := r.beside(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.forward(ctx); err != nil {
		return nil, err
	}
	if !opts.Past && live == nil {
		if err := d.bringUp(ctx, r.opts.AsOf); err != nil {
			return nil, err
		}
	}
	var snap warehouse.Snapshot
	if live != nil {
		snap, r.set = live.snap, live.set.set
	} else {
		if snap, err = d.Store.Snapshot(); err != nil {
			return nil, err
		}
		defer snap.Close()
		if r.set, err = library.Load(ctx, d.DB.Read()); err != nil {
			return nil, err
		}
	}
	r.offset = snap.Offset()
	if r.assigned, err = lastAssignment(ctx, d.DB.Read()); err != nil {
		return nil, err
	}
	compiled, err := d.compile(ctx, r.set, library.CompileOptions{Names: namesOf(snap), Lenient: true})
	if err != nil {
		return nil, err
	}
	if err := r.choose(compiled); err != nil {
		return nil, err
	}
	var asked []*liveSubject
	if live != nil {
		asked = r.split(live)
	}
	r.lap("definitions")
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	ctx, end := d.Going.begin(ctx, r.number, r.kind())
	defer end()
	if opts.Begun != nil {
		opts.Begun(r.number)
	}
	defer easeCollector()()
	r.eval = rule.Run{Snapshot: snap, Now: r.opts.AsOf, Zone: d.Zone, Scratch: d.scratch()}
	if err := r.decide(ctx, live, asked); err != nil {
		r.failed(ctx, err)
		return nil, err
	}
	d.Going.repairs(r.report.Repaired)
	return r.report, nil
}

// beside settles what is decided live in this process, where the run is of the present and is about any of it. It
// returns nil where it is not. The run is of an instant no earlier than what is decided live.
func (r *run) beside(ctx context.Context) (*Live, error) {
	l := r.Deps.Live
	if l == nil || !l.begun || r.opts.Past {
		return nil, nil
	}
	var err error
	about := len(r.opts.Refresh) == 0 || slices.Contains(r.opts.Refresh, library.Live)
	if about {
		err = l.settle(ctx)
	}
	r.opts.AsOf = max(r.opts.AsOf, l.last)
	r.report.AsOf = r.Zone.Format(r.opts.AsOf)
	if !about || err != nil {
		return nil, err
	}
	return l, nil
}

// progress is what an evaluation of the run tells of its progress to. The evaluations come one after another, with at least
// one pass each.
func (r *run) progress() func(rule.Progress) {
	before, more, seen := r.passes, r.more, 0
	var mu sync.Mutex
	return func(p rule.Progress) {
		mu.Lock()
		defer mu.Unlock()
		seen = max(seen, p.Passes)
		r.passes = before + seen
		p.Pass, p.Passes = p.Pass+before, p.Passes+before+more
		r.Going.progress(p)
		if r.opts.Progress != nil {
			r.opts.Progress(p)
		}
	}
}

// ScratchFolder is the folder beside the snapshots' one for what evaluations cannot keep in memory. Nothing in it is needed
// after they end, or when the program ended.
const ScratchFolder = "scratch"

// scratch is the path of that folder; "" where there is no place for it.
func (d Deps) scratch() string {
	if d.Dir == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(d.Dir), ScratchFolder)
}

// easeCollector lets more garbage gather while a run goes on, where memory is small enough for that: a run's garbage
// is short-lived and comes fast, and collecting it often costs a tenth of the run. It returns what undoes it.
func easeCollector() (undo func()) {
	const percent, small = 400, 512 << 20
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > small {
		return func() {}
	}
	old := debug.SetGCPercent(percent)
	if old < 0 || old > percent { // whoever started the program wanted it so
		debug.SetGCPercent(old)
	}
	return func() { debug.SetGCPercent(old) }
}

// forward refuses a run that would take the live index back in time.
func (r *run) forward(ctx context.Context) error {
	if r.opts.Past {
		return nil
	}
	last, err := lastAsOf(ctx, r.DB.Read())
	if err != nil || last <= r.opts.AsOf {
		return err
	}
	return errs.New(errs.Conflict, "the tags are already of %[1]s, and the live index only moves forward: set the machine's clock right, or move a stopped clock there with `tagma clock %[1]s`; an --as-of before the workspace's clock makes a snapshot",
		r.Zone.Format(last))
}

// lap notes the time since the last one.
func (r *run) lap(what string) {
	now := r.Now()
	r.report.Took[what] += int64(now - r.last)
	r.last = now
}

// choose takes the subjects that are asked for.
func (r *run) choose(c *library.Compiled) error {
	all := slices.DeleteFunc(subjects(c), func(s *subject) bool {
		how := library.Live
		if !s.segment {
			how = s.tag.Refresh
		}
		return len(r.opts.Refresh) > 0 && !slices.Contains(r.opts.Refresh, how)
	})
	broken := map[string]string{}
	for _, b := range c.Broken {
		lines := []string{}
		for _, f := range b.Faults {
			lines = append(lines, f.String())
		}
		broken[b.Ref.Key] = strings.Join(lines, "\n")
		if len(r.opts.Keys) == 0 {
			r.report.Broken = append(r.report.Broken, broken[b.Ref.Key])
		}
	}
	if len(r.opts.Keys) == 0 {
		r.subjects = all
		return nil
	}
	var faults []errs.Fault
	for i, key := range r.opts.Keys {
		if slices.Contains(r.opts.Keys[:i], key) {
			continue
		}
		found := false
		for _, s := range all {
			if s.key == key {
				r.subjects = append(r.subjects, s)
				found = true
			}
		}
		if found {
			continue
		}
		f := errs.Fault{Message: fmt.Sprintf("there is no tag or segment %q to compute", key)}
		if why, ok := broken[key]; ok {
			f.Message = why
		} else if t, ok := r.set.Tag(key); ok && t.Kind == library.ByHand {
			f.Message = fmt.Sprintf("the tag %q is assigned by hand: there is nothing to compute", key)
		} else {
			var keys []string
			for _, s := range all {
				keys = append(keys, s.key)
			}
			if s := rule.Suggest(key, keys); s != "" {
				f.Hint = fmt.Sprintf("did you mean %q?", s)
			}
		}
		faults = append(faults, f)
	}
	return errs.Faulty("", faults)
}

// decide computes everything and publishes it.
func (r *run) decide(ctx context.Context, live *Live, asked []*liveSubject) error {
	var contents []content
	if len(asked) > 0 {
		if len(r.subjects) > 0 {
			r.more = 1
		}
		if err := r.holdLive(ctx, live, asked); err != nil {
			return err
		}
		r.more = 0
	}
	if len(r.subjects) > 0 {
		r.eval.Progress = r.progress()
		keepers, err := r.prepare(ctx, &r.eval, r.subjects, beside{set: r.set, idb: r.DB.Read()})
		if err != nil {
			return err
		}
		r.lap("parameters")
		if contents, err = contentsOf(ctx, &r.eval, r.subjects, keepers, &r.report.Customers); err != nil {
			return err
		}
		r.lap("rules")
	}
	if r.check != nil {
		r.subjects, contents = append(r.subjects, r.check.fresh...), append(contents, r.check.contents...)
		if r.eval.Params == nil {
			r.eval.Params = rule.Params{}
		}
		maps.Copy(r.eval.Params, r.check.params)
	}
	r.report.Params = r.eval.Params
	var err error
	if r.opts.Past {
		err = r.saveSnapshot(ctx, contents)
	} else {
		err = r.publish(ctx, contents)
	}
	r.lap("publish")
	return err
}

// decides says whether runs decide a definition: a tag by rule or a segment in use, also one that is broken at the
// moment.
func (r *run) decides(id uint32) bool {
	for t := range r.set.Tags() {
		if t.ID == id {
			return t.Kind == library.ByRule
		}
	}
	for s := range r.set.Segments() {
		if s.ID == id {
			return true
		}
	}
	return false
}

// diff is what changes in a subject's values and lapses; nil where nothing does.
type diff struct{ values, lapses *tagindex.Change }

// diffAll returns what leads from the index to the fresh contents.
func diffAll(view *tagindex.View, subjects []*subject, contents []content) []diff {
	out := make([]diff, len(subjects))
	_ = onAllCores(len(subjects), func(i int) error {
		out[i] = diffOf(view, subjects[i], contents[i])
		return nil
	})
	return out
}

// diffOf returns what leads from the index to the fresh content of a subject.
func diffOf(view *tagindex.View, s *subject, is content) (out diff) {
	out.values = tagindex.Diff(view.Content(s.id), is.values)
	_, _, there := view.Changed(lapseSlot(s.id))
	switch {
	case is.lapses != nil:
		out.lapses = tagindex.Diff(view.Content(lapseSlot(s.id)), is.lapses)
	case there: // it does not keep its values any more
		out.lapses = &tagindex.Change{Drop: true}
	}
	return out
}

// onAllCores calls f with 0 … n-1, and returns an error that any of them returned.
func onAllCores(n int, f func(i int) error) error {
	var next atomic.Int64
	failed := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for k := range failed {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for failed[k] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				failed[k] = f(i)
			}
		}()
	}
	wg.Wait()
	return errors.Join(failed...)
}

// tagReport says what changed in one subject.
func tagReport(s *subject, was, is *tagindex.Content, ch *tagindex.Change, cause tagindex.Cause) TagReport {
	t := TagReport{Key: s.key, Name: s.name, Segment: s.segment, Cause: cause, Held: is.Present().Count()}
	if ch != nil {
		t.Entered, t.Left = moves(was, is, ch)
		t.Why = cause.String()
	}
	return t
}

// moves counts who enters and who leaves by a change from what was there to what is. A change to values of another
// kind, and one that adds or takes away bands, gives everybody another value, and does not name them all.
func moves(was, is *tagindex.Content, ch *tagindex.Change) (entered, left int) {
	if ch.Clear || was.Banded() != is.Banded() {
		return is.Present().Count(), was.Present().Count()
	}
	return ch.Moves()
}

// snapshotPath is the file of a past instant's tags.
func snapshotPath(dir string, at event.Time) string {
	return filepath.Join(dir, fmt.Sprintf("%d.tags", at))
}

// saveSnapshot writes the contents as the tags of a past instant, keeping what the file has of other tags.
func (r *run) saveSnapshot(ctx context.Context, contents []content) error {
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return errs.New(errs.Internal, "make the folder of snapshots: %w", err)
	}
	path := snapshotPath(r.Dir, r.opts.AsOf)
	byID := map[uint32]*tagindex.Content{}
	if old, _, err := tagindex.Open(path); err == nil {
		for _, id := range old.Slots() {
			byID[id] = old.Content(id)
		}
	} else if errs.Is(err, errs.Conflict) {
		return err
	}
	for i, s := range r.subjects {
		byID[s.id] = contents[i].values
		r.report.Tags = append(r.report.Tags, tagReport(s, nil, contents[i].values, nil, tagindex.ByRun))
	}
	ids := make([]uint32, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	all := make([]*tagindex.Content, len(ids))
	for i, id := range ids {
		all[i] = byID[id]
	}
	view, err := tagindex.NewView(0, ids, all, r.opts.AsOf, r.number)
	if err != nil {
		return err
	}
	note, err := json.Marshal(map[string]any{"run": r.number, "parameters": paramsText(r.eval.Params)})
	if err != nil {
		return err
	}
	if err := tagindex.Save(path, view, tagindex.Meta{AsOf: r.opts.AsOf, Note: note}); err != nil {
		return err
	}
	return r.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return r.endRun(ctx, tx, "done", "") })
}
