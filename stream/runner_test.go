package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
)

// counts is a table of the tests: how many records each reader handled.
func counts(t testing.TB, d *db.DB) {
	t.Helper()
	err := d.Tx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "CREATE TABLE counts (reader TEXT PRIMARY KEY, n INTEGER NOT NULL)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(ctx context.Context, tx bun.Tx, reader string, entries []Entry) error {
	n := uint64(0)
	for _, e := range entries {
		n += e.Count
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO counts (reader, n) VALUES (?, ?) ON CONFLICT (reader) DO UPDATE SET n = counts.n + excluded.n", reader, n)
	return err
}

func counted(ctx context.Context, t testing.TB, idb bun.IDB, reader string) (n uint64) {
	t.Helper()
	err := idb.QueryRowContext(ctx, "SELECT COALESCE(SUM(n), 0) FROM counts WHERE reader = ?", reader).Scan(&n)
	if err != nil {
		t.Error(err)
	}
	return n
}

// counter is a reader that only counts.
func counter(l *Log, name string, after ...string) Reader {
	return Reader{Name: name, Log: l, After: after, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
		return count(ctx, tx, name, entries)
	}}
}

func runner(t testing.TB, d *db.DB, o Options, readers ...Reader) *Runner {
	t.Helper()
	r, err := New(d, o, readers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start runs a runner until the test ends.
func start(t testing.TB, r *Runner) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		r.Run(ctx)
		close(ended)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

func status(t testing.TB, r *Runner, name string) ReaderStatus {
	t.Helper()
	list, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(s ReaderStatus) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no status of %s", name)
	}
	return list[i]
}

func TestCatchUpReadsWhatReadersAppend(t *testing.T) {
	d := open(t)
	counts(t, d)
	events, changes := EventLog(d), ChangeLog(d)
	// The journey reads changes and makes events of them, but not for ever.
	journey := Reader{Name: "journey", Log: changes, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
		for _, e := range entries {
			if e.Payload[1] < 3 {
				if _, err := events.Append(ctx, tx, Entry{Count: 1, Payload: []byte{1, e.Payload[1] + 1}}); err != nil {
					return err
				}
			}
		}
		return count(ctx, tx, "journey", entries)
	}}
	tagger := Reader{Name: "tagger", Log: events, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
		for _, e := range entries {
			if _, err := changes.Append(ctx, tx, Entry{Count: 2, Payload: e.Payload}); err != nil {
				return err
			}
		}
		return count(ctx, tx, "tagger", entries)
	}}
	r := runner(t, d, Options{BatchBytes: 1}, journey, tagger, counter(changes, "index"))
	add(t, events, Entry{Count: 1, Payload: []byte{1, 0}}, Entry{Count: 1, Payload: []byte{1, 2}})
	for range 2 { // the second time there is nothing to do
		if err := r.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]uint64{"tagger": 2 + 3 + 1, "journey": 12, "index": 12} {
			if got := counted(t.Context(), t, d.Read(), name); got != want {
				t.Errorf("%s handled %d records, want %d", name, got, want)
			}
			if s := status(t, r, name); s.Position != want || s.End != want || s.Err != nil {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
	// Another runner goes on where this one stopped.
	add(t, events, Entry{Count: 5, Payload: []byte{1, 9}})
	if err := runner(t, d, Options{}, tagger).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := counted(t.Context(), t, d.Read(), "tagger"); got != 11 {
		t.Errorf("tagger handled %d records, want 11", got)
	}
	// The first does not know of it, notices, and does nothing twice.
	if err := r.CatchUp(t.Context()); !errors.Is(err, errMoved) {
		t.Errorf("the error is %v", err)
	}
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := counted(t.Context(), t, d.Read(), "tagger"); got != 11 {
		t.Errorf("tagger handled %d records, want 11", got)
	}
}

func TestAFailingHandleLeavesNothing(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	failure := errors.New("no room")
	fails := true
	r := runner(t, d, Options{BatchBytes: 1, Now: func() event.Time { return 77 }}, Reader{Name: "a", Log: l, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
		if err := count(ctx, tx, "a", entries); err != nil {
			return err
		}
		if fails && entries[0].First >= 4 {
			return failure
		}
		return nil
	}})
	add(t, l, Entry{Count: 4}, Entry{Count: 2}, Entry{Count: 1})
	err := r.CatchUp(t.Context())
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "reader a: records 4 to 5 of event_log: no room") {
		t.Errorf("the error is %v", err)
	}
	if s := status(t, r, "a"); s.Position != 4 || s.End != 7 || !errors.Is(s.Err, failure) || s.Since != 77 {
		t.Errorf("%+v", s)
	}
	if got := counted(t.Context(), t, d.Read(), "a"); got != 4 {
		t.Errorf("%d records were handled", got)
	}
	fails = false
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := status(t, r, "a"); s.Position != 7 || s.Err != nil || s.Since != 0 {
		t.Errorf("%+v", s)
	}
	if got := counted(t.Context(), t, d.Read(), "a"); got != 7 {
		t.Errorf("%d records were handled", got)
	}
}

func TestAfterHolds(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	var own atomic.Uint64
	// Given in the wrong order on purpose.
	r := runner(t, d, Options{BatchBytes: 3},
		Reader{Name: "third", Log: l, After: []string{"second", "first"}, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
			if behind, end := counted(ctx, t, tx, "second"), entries[len(entries)-1].End(); behind < end {
				t.Errorf("third is given records up to %d, second has handled %d", end, behind)
			}
			return count(ctx, tx, "third", entries)
		}},
		Reader{Name: "second", Log: l, After: []string{"first"}, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
			if behind, end := own.Load(), entries[len(entries)-1].End(); behind < end {
				t.Errorf("second is given records up to %d, first has %d", end, behind)
			}
			return count(ctx, tx, "second", entries)
		}},
		Reader{Name: "first", Log: l, Position: own.Load, Apply: func(_ context.Context, entries []Entry) error {
			own.Store(entries[len(entries)-1].End())
			return nil
		}},
	)
	start(t, r)
	var end uint64
	for i := range 60 {
		end = add(t, l, Entry{Count: uint64(1 + i%4)})
		r.Notify()
	}
	if err := r.Wait(t.Context(), "third", end); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"second", "third"} {
		if got := counted(t.Context(), t, d.Read(), name); got != end {
			t.Errorf("%s handled %d records of %d", name, got, end)
		}
	}
}

func TestAFailingReaderHoldsUpOnlyThoseAfterIt(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	var broken atomic.Bool
	broken.Store(true)
	failure := errors.New("broken")
	again := make(chan struct{}) // lets the failed reader try again
	type failed struct {
		reader  string
		err     error
		retryIn time.Duration
	}
	failures := make(chan failed, 100)
	now := atomic.Int64{}
	r := runner(t, d, Options{
		Now:    func() event.Time { return event.Time(now.Add(1)) },
		Failed: func(reader string, err error, retryIn time.Duration) { failures <- failed{reader, err, retryIn} },
		Delay: func(ctx context.Context, _ time.Duration) {
			select {
			case <-again:
			case <-ctx.Done():
			}
		},
	}, Reader{Name: "bad", Log: l, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
		if broken.Load() {
			return failure
		}
		return count(ctx, tx, "bad", entries)
	}}, counter(l, "good"), counter(l, "after bad", "bad"))
	start(t, r)
	end := add(t, l, Entry{Count: 2}, Entry{Count: 3})
	r.Notify()
	if err := r.Wait(t.Context(), "good", end); err != nil {
		t.Fatal(err)
	}
	want := 100 * time.Millisecond
	for range 11 {
		f := <-failures
		if f.reader != "bad" || !errors.Is(f.err, failure) || f.retryIn != want {
			t.Fatalf("%+v, want to try again in %v", f, want)
		}
		want = min(2*want, 30*time.Second)
		again <- struct{}{}
	}
	<-failures // it waits once more
	s := status(t, r, "bad")
	if s.Position != 0 || s.End != end || !errors.Is(s.Err, failure) || s.Since == 0 || s.Since > event.Time(now.Load())-10 {
		t.Errorf("%+v at %d", s, now.Load())
	}
	if s := status(t, r, "after bad"); s.Position != 0 || s.Err != nil {
		t.Errorf("%+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := r.Wait(ctx, "bad", end)
	if !errs.Is(err, errs.Busy) || !errors.Is(err, failure) || !strings.Contains(err.Error(), fmt.Sprintf("is at 0 of %d", end)) {
		t.Errorf("the error is %v", err)
	}
	broken.Store(false)
	again <- struct{}{}
	if err := r.Wait(t.Context(), "after bad", end); err != nil {
		t.Fatal(err)
	}
	if s := status(t, r, "bad"); s.Position != end || s.Err != nil {
		t.Errorf("%+v", s)
	}
}

func TestWait(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	release := make(chan struct{})
	r := runner(t, d, Options{}, Reader{Name: "slow", Log: l, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
		<-release
		return count(ctx, tx, "slow", entries)
	}})
	start(t, r)
	if err := r.Wait(t.Context(), "slow", 0); err != nil {
		t.Error(err)
	}
	if err := r.Wait(t.Context(), "nobody", 0); !errs.Is(err, errs.NotFound) {
		t.Errorf("the error is %v", err)
	}
	end := add(t, l, Entry{Count: 9})
	r.Notify()
	waited := make(chan error)
	go func() { waited <- r.Wait(t.Context(), "slow", end) }()
	select {
	case err := <-waited:
		t.Fatalf("Wait returned before the reader moved: %v", err)
	default:
	}
	close(release)
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if got := counted(t.Context(), t, d.Read(), "slow"); got != end {
		t.Errorf("after Wait %d records of %d were handled", got, end)
	}
}

func TestStoppingUndoesTheBatchInHand(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	began := make(chan struct{})
	r := runner(t, d, Options{Failed: func(reader string, err error, _ time.Duration) { t.Errorf("%s failed: %v", reader, err) }},
		Reader{Name: "a", Log: l, Handle: func(ctx context.Context, tx bun.Tx, entries []Entry) error {
			if err := count(ctx, tx, "a", entries); err != nil {
				return err
			}
			close(began)
			<-ctx.Done()
			return ctx.Err()
		}})
	stop := start(t, r)
	add(t, l, Entry{Count: 1})
	r.Notify()
	<-began
	stop()
	if s := status(t, r, "a"); s.Position != 0 || s.Err != nil {
		t.Errorf("%+v", s)
	}
	if got := counted(t.Context(), t, d.Read(), "a"); got != 0 {
		t.Errorf("%d records stayed handled", got)
	}
}

func TestManyAtOnceHandleEverythingOnce(t *testing.T) {
	d := open(t)
	counts(t, d)
	l := EventLog(d)
	r := runner(t, d, Options{BatchBytes: 4}, counter(l, "a"), counter(l, "b", "a"))
	start(t, r)
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for range 20 {
				add(t, l, Entry{Count: 2})
				r.Notify()
				if err := r.CatchUp(t.Context()); err != nil { // beside Run
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if err := r.Wait(t.Context(), "b", 120); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if got := counted(t.Context(), t, d.Read(), name); got != 120 {
			t.Errorf("%s handled %d records", name, got)
		}
	}
}

func TestAReaderThatCannotBeRightIsTold(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	add(t, l, Entry{Count: 5})
	for want, position := range map[string]uint64{
		"the reader is at 9 and event_log ends at 5": 9, // of another data directory
		"the reader is at 0 after it applied them":   0, // Apply that does not move
	} {
		r := runner(t, d, Options{}, Reader{Name: "a", Log: l, Position: func() uint64 { return position }, Apply: func(context.Context, []Entry) error { return nil }})
		if err := r.CatchUp(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}

func TestNewRefusesReadersThatCannotRun(t *testing.T) {
	d := open(t)
	l := EventLog(d)
	handle := func(context.Context, bun.Tx, []Entry) error { return nil }
	apply := func(context.Context, []Entry) error { return nil }
	position := func() uint64 { return 0 }
	for want, readers := range map[string][]Reader{
		"is empty or given twice":           {{Name: "a", Log: l, Handle: handle}, {Name: "a", Log: l, Handle: handle}},
		`name "" is empty`:                  {{Log: l, Handle: handle}},
		"a has no log":                      {{Name: "a", Handle: handle}},
		"a must have either Handle":         {{Name: "a", Log: l}},
		"b must have either Handle":         {{Name: "b", Log: l, Handle: handle, Position: position, Apply: apply}},
		"c must have either Handle":         {{Name: "c", Log: l, Position: position}},
		"a comes after b, which does not":   {{Name: "a", Log: l, Handle: handle, After: []string{"b"}}},
		"a comes after b, which reads anot": {{Name: "a", Log: l, Handle: handle, After: []string{"b"}}, {Name: "b", Log: ChangeLog(d), Handle: handle}},
		"each other: a after b after a":     {{Name: "a", Log: l, Handle: handle, After: []string{"b"}}, {Name: "b", Log: EventLog(d), Handle: handle, After: []string{"a"}}},
	} {
		if _, err := New(d, Options{}, readers...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}
