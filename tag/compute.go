package tag

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"tagma/stream"
	"tagma/tagindex"
)

// Options of a run.
type Options struct {
	// AsOf is the instant that is decided for.
	AsOf event.Time
	// Past makes a snapshot of the instant, which the live index does not see.
	Past bool
	// Keys restricts the run to these tags and segments; empty means all.
	Keys []string
	// Progress, when set, is told how many of the customers are done, by several goroutines.
	Progress func(done, all uint32)
}

// Report says what a run did.
type Report struct {
	Run       uint64           `json:"run"`
	AsOf      string           `json:"as_of"`
	Customers int              `json:"customers"` // the universe
	Tags      []TagReport      `json:"tags"`
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
	Held    int            `json:"held"` // customers that carry it
	Entered int            `json:"entered"`
	Left    int            `json:"left"`
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
	// committed says that what the run decided is in the change log.
	committed bool
}

// Compute decides tags and segments for all customers at an instant, writes the changes to the change log, and
// brings the index up to them; for a past instant it writes a snapshot instead. A run that fails or is stopped
// changes nothing. Only one may go on at a time.
func Compute(ctx context.Context, d Deps, opts Options) (*Report, error) {
	r := &run{Deps: d, opts: opts, report: &Report{AsOf: d.Zone.Format(opts.AsOf), Tags: []TagReport{}, Took: map[string]int64{}}, last: d.Now()}
	if err := d.CatchUp(ctx); err != nil {
		return nil, err
	}
	snap, err := d.Store.Snapshot()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	r.offset = snap.Offset()
	if err := r.forward(ctx); err != nil {
		return nil, err
	}
	r.set, err = library.Load(ctx, d.DB.Read())
	if err != nil {
		return nil, err
	}
	compiled, err := library.Compile(r.set, library.CompileOptions{Names: namesOf(snap), Zone: d.Zone, Lenient: true})
	if err != nil {
		return nil, err
	}
	if err := r.choose(compiled); err != nil {
		return nil, err
	}
	r.lap("definitions")
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	defer easeCollector()()
	r.eval = rule.Run{Snapshot: snap, Now: opts.AsOf, Zone: d.Zone, Published: published(r.set, d.Index.View()), Progress: opts.Progress}
	if err := r.decide(ctx); err != nil {
		r.failed(err)
		return nil, err
	}
	return r.report, nil
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
	return errs.New(errs.Conflict, "the tags are already of %s, and the live index only moves forward: give an --as-of not before that, or one before the workspace's clock for a snapshot",
		r.Zone.Format(last))
}

// lap notes the time since the last one.
func (r *run) lap(what string) {
	now := r.Now()
	r.report.Took[what] = int64(now - r.last)
	r.last = now
}

// choose takes the subjects that are asked for.
func (r *run) choose(c *library.Compiled) error {
	all := subjects(c)
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
func (r *run) decide(ctx context.Context) error {
	var roots []*rule.Expr
	for _, s := range r.subjects {
		roots = append(roots, s.roots()...)
	}
	if err := r.eval.Prepare(ctx, roots); err != nil {
		return err
	}
	r.report.Params = r.eval.Params
	r.lap("parameters")
	contents, err := contentsOf(ctx, &r.eval, r.subjects, &r.report.Customers)
	if err != nil {
		return err
	}
	r.lap("rules")
	if r.opts.Past {
		err = r.saveSnapshot(ctx, contents)
	} else {
		err = r.publish(ctx, contents)
	}
	r.lap("publish")
	return err
}

// contentsOf evaluates subjects for all customers. customers, when not nil, is set to the number in the universe.
func contentsOf(ctx context.Context, eval *rule.Run, subjects []*subject, customers *int) ([]*tagindex.Content, error) {
	var roots []*rule.Expr
	shapes := make([]tagindex.Shape, len(subjects))
	for i, s := range subjects {
		shapes[i] = s.shape()
		roots = append(roots, s.roots()...)
	}
	b := tagindex.NewBuilder(shapes)
	writers := make([]*tagindex.Writer, runtime.GOMAXPROCS(0))
	counts := make([]int, len(writers))
	for i := range writers {
		writers[i] = b.Writer()
	}
	err := eval.Blocks(ctx, roots, func(res *rule.Result) error {
		counts[res.Worker] += res.Universe.Count()
		for i, s := range subjects {
			if err := s.write(writers[res.Worker], i, &shapes[i], res, eval.Zone); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, w := range writers {
		w.Close()
		if customers != nil {
			*customers += counts[i]
		}
	}
	return b.Finish(), nil
}

var truths = []event.Value{event.Bool(true), event.Bool(false)}

// shape says how the subject's values are kept.
func (s *subject) shape() tagindex.Shape {
	if s.segment {
		return tagindex.Shape{Kind: event.BoolKind, Values: truths[:1]}
	}
	values, cases := s.value.CaseValues()
	switch {
	case s.number != nil:
		return tagindex.Shape{Kind: event.NumberKind, Bands: distinct(values)}
	case cases && sameKind(values) == event.TextKind:
		return tagindex.Shape{Kind: event.TextKind, Values: distinct(values)}
	case s.value.Condition():
		return tagindex.Shape{Kind: event.BoolKind, Values: truths}
	}
	k := s.value.Kind()
	if cases {
		k = sameKind(values)
	}
	if k == event.Missing || k == event.MapKind {
		k = event.TextKind // values of several kinds are kept as texts
	}
	return tagindex.Shape{Kind: k}
}

func sameKind(values []event.Value) event.Kind {
	for _, v := range values {
		if v.Kind() != values[0].Kind() {
			return event.Missing
		}
	}
	return values[0].Kind()
}

// distinct leaves out values that stand there twice: two cases may give the same one.
func distinct(values []event.Value) (out []event.Value) {
	for _, v := range values {
		if !slices.ContainsFunc(out, v.Equal) {
			out = append(out, v)
		}
	}
	return out
}

// write hands the result of a block to the builder, as the subject's shape, number place, says.
func (s *subject) write(w *tagindex.Writer, place int, shape *tagindex.Shape, res *rule.Result, zone *event.Zone) error {
	first, kind := uint32(res.First), shape.Kind
	if s.segment {
		w.SetWords(place, 0, first, res.Cond(s.value))
		return nil
	}
	kept, set := shape.Values, w.SetWords
	if s.number != nil {
		kept, set = shape.Bands, w.SetBand
	}
	if values, cases := s.value.CaseValues(); cases && len(kept) > 0 {
		res.EachCase(s.value, func(k int, who event.Bits) {
			if len(kept) < len(values) { // two cases give the same value
				k = slices.IndexFunc(kept, values[k].Equal)
			}
			set(place, k, first, who)
		})
		if s.number == nil {
			return nil
		}
		return setColumn(w, place, first, res.Column(s.number, kind))
	}
	if s.value.Condition() {
		yes := res.Cond(s.value)
		no := make(event.Bits, len(yes))
		for i := range no {
			no[i] = res.Universe[i] &^ yes[i]
		}
		w.SetWords(place, 0, first, yes)
		w.SetWords(place, 1, first, no)
		return nil
	}
	if kind == event.TextKind && s.value.Kind() != event.TextKind {
		return setColumn(w, place, first, asTexts(res, s.value, zone))
	}
	return setColumn(w, place, first, res.Column(s.value, kind))
}

func setColumn(w *tagindex.Writer, shape int, first uint32, c *event.Column) error {
	if c == nil {
		return nil
	}
	return w.SetColumn(shape, first, c)
}

// asTexts writes values of any kinds as texts.
func asTexts(res *rule.Result, x *rule.Expr, zone *event.Zone) *event.Column {
	c := &event.Column{Kind: event.TextKind, Len: res.N, Has: event.NewBits(res.N), Codes: make([]uint32, res.N)}
	for i := range res.N {
		if v := res.Value(x, i); v.Present() {
			c.Has.Set(i)
			c.Codes[i] = event.Inline | uint32(len(c.Inline))
			c.Inline = append(c.Inline, v.Format(zone))
		}
	}
	return c
}

// publish writes the changes from what the index holds to the contents, and what the run was, in one transaction.
func (r *run) publish(ctx context.Context, contents []*tagindex.Content) error {
	view := r.Index.View()
	var changes []tagindex.Change
	add := func(ch *tagindex.Change, id uint32, cause tagindex.Cause) {
		ch.Slot, ch.Cause, ch.At, ch.Run = id, cause, r.opts.AsOf, r.number
		changes = append(changes, *ch)
	}
	diffs := diffAll(view, r.subjects, contents)
	err := r.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for i, s := range r.subjects {
			cause, err := r.cause(ctx, tx, s)
			if err != nil {
				return err
			}
			ch := diffs[i]
			if ch != nil {
				add(ch, s.id, cause)
			}
			r.account(s, view.Content(s.id), contents[i], ch, cause)
		}
		if len(r.opts.Keys) == 0 {
			gone, err := r.forget(ctx, tx)
			if err != nil {
				return err
			}
			for _, id := range gone {
				add(&tagindex.Change{Drop: true}, id, tagindex.ByEdit)
			}
		}
		if err := appendChanges(ctx, r.Changes, tx, r.opts.AsOf, changes); err != nil {
			return err
		}
		return r.finish(ctx, tx)
	})
	if err != nil {
		return err
	}
	r.committed = true
	return r.CatchUp(ctx)
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

// entryBytes is about the largest size of an entry of the change log.
const entryBytes = 8 << 20

// appendChanges writes changes to the change log, the large ones in pieces.
func appendChanges(ctx context.Context, log *stream.Log, tx bun.Tx, at event.Time, changes []tagindex.Change) error {
	payloads := make([][][]byte, len(changes))
	if err := onAllCores(len(changes), func(i int) error {
		for _, part := range changes[i].Split(entryBytes) {
			payload, err := tagindex.Encode([]tagindex.Change{part})
			if err != nil {
				return err
			}
			payloads[i] = append(payloads[i], payload)
		}
		return nil
	}); err != nil {
		return err
	}
	for i := range changes {
		for _, payload := range payloads[i] {
			if _, err := log.Append(ctx, tx, stream.Entry{At: at, Kind: tagindex.EntryChanges, Live: changes[i].Live, Count: 1, Payload: payload}); err != nil {
				return err
			}
		}
	}
	return nil
}

// diffAll returns what leads from the index to the fresh contents, nil where nothing changes.
func diffAll(view *tagindex.View, subjects []*subject, contents []*tagindex.Content) []*tagindex.Change {
	out := make([]*tagindex.Change, len(subjects))
	_ = onAllCores(len(subjects), func(i int) error {
		out[i] = tagindex.Diff(view.Content(subjects[i].id), contents[i])
		return nil
	})
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

// account notes what changed in one subject.
func (r *run) account(s *subject, was, c *tagindex.Content, ch *tagindex.Change, cause tagindex.Cause) {
	t := TagReport{Key: s.key, Name: s.name, Segment: s.segment, Cause: cause, Held: c.Present().Count()}
	if ch != nil {
		t.Entered, t.Left = moves(was, ch)
	}
	r.report.Tags = append(r.report.Tags, t)
}

// moves counts who enters and who leaves by a change of what was there. A change to values of another kind begins
// with taking all of them away, and does not name them.
func moves(was *tagindex.Content, ch *tagindex.Change) (entered, left int) {
	entered, left = ch.Moves()
	if ch.Clear {
		left += was.Present().Count()
	}
	return
}

// snapshotPath is the file of a past instant's tags.
func snapshotPath(dir string, at event.Time) string {
	return filepath.Join(dir, fmt.Sprintf("%d.tags", at))
}

// saveSnapshot writes the contents as the tags of a past instant, keeping what the file has of other tags.
func (r *run) saveSnapshot(ctx context.Context, contents []*tagindex.Content) error {
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
		byID[s.id] = contents[i]
		r.account(s, nil, contents[i], nil, tagindex.ByRun)
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
