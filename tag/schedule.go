package tag

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/event"
	"tagma/library"
)

// Schedule starts runs when it is time for them: at each full hour for tags of refresh: hourly, and at 01:00 local time for
// all but those of refresh: manual, where weekly ones take part on Mondays. The nightly run is also the self-check of what is decided
// live.
//
// What was missed because nothing ran is made up for once. A run that fails is tried again; one that was cancelled is not,
// until it is time for the next. It goes by the workspace's clock, so a stopped one has nothing run until it is moved.
type Schedule struct {
	ScheduleOptions
	d Deps

	mu     sync.Mutex
	known  bool                      // slots were read
	slots  map[string]event.Time     // of each kind and of weekly, the last instant that a run was for
	failed map[string]ScheduleFailed // by kind
}

// ScheduleOptions are what a Schedule works with besides Deps.
type ScheduleOptions struct {
	// Clock tells the workspace's instant.
	Clock func() event.Time
	// Ran hears of each run that ended: what it did, or why it failed and when it is tried again. It may be nil.
	Ran func(kind string, r *Report, err error, retryIn time.Duration)
}

// ScheduleFailed is a run that was due and failed.
type ScheduleFailed struct {
	Kind  string
	Err   error
	Since event.Time // of the first failure in a row, by the machine's clock
	Again event.Time // when it is tried again, by the machine's clock
}

// scheduleRetry is after how many milliseconds a run that failed is tried again, schedulePoll how often it is looked whether
// it is time.
const (
	scheduleRetry = event.Time(15 * 60 * 1000)
	schedulePoll  = time.Second
)

const (
	hour        = event.Time(3600 * 1000)
	nightlyHour = 1 // local time

	slotWeekly = "weekly" // the part of nightly runs that is for weekly tags
)

func settingSlot(kind string) string { return "schedule_" + kind }

// NewSchedule returns one that starts runs while it is Run.
func NewSchedule(d Deps, o ScheduleOptions) *Schedule {
	return &Schedule{ScheduleOptions: o, d: d, slots: map[string]event.Time{}, failed: map[string]ScheduleFailed{}}
}

// Run starts runs until ctx ends.
func (s *Schedule) Run(ctx context.Context) {
	ticker := time.NewTicker(schedulePoll)
	defer ticker.Stop()
	for ctx.Err() == nil {
		worked, err := s.Step(ctx)
		if err != nil && ctx.Err() == nil && s.Ran != nil {
			s.Ran("", nil, err, schedulePoll)
		}
		if worked {
			continue
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// Step starts the run that is due, waits for its end, and says whether there was one. What is decided live is waited for
// when a process begins, so that it is held against the run. An error is one of looking what is due; the failure of a run
// is told to Ran.
func (s *Schedule) Step(ctx context.Context) (worked bool, err error) {
	if err := s.read(ctx); err != nil {
		return false, err
	}
	now := s.Clock()
	if l := s.d.Live; l != nil {
		if status := l.Status(); !status.Ready && status.Err == nil {
			return false, nil
		}
	}
	for _, kind := range []string{RunNightly, RunHourly} {
		slot := s.last(kind, now)
		if slot <= s.slot(kind) || s.waits(kind) {
			continue
		}
		refresh, err := s.refresh(ctx, kind, now)
		if err != nil {
			return false, err
		}
		if len(refresh) == 0 {
			if err := s.did(ctx, kind, now, nil); err != nil {
				return false, err
			}
			continue
		}
		report, err := Compute(ctx, s.d, Options{AsOf: now, Refresh: refresh, Kind: kind})
		if ctx.Err() != nil {
			return true, nil
		}
		if err != nil && !errors.Is(err, ErrCancelled) && !errors.Is(err, context.Canceled) {
			s.fails(kind, err)
			if s.Ran != nil {
				s.Ran(kind, nil, err, time.Duration(scheduleRetry)*time.Millisecond)
			}
			continue // the other kind is not held up
		}
		if s.Ran != nil {
			s.Ran(kind, report, err, 0)
		}
		return true, s.did(ctx, kind, now, refresh)
	}
	return false, nil
}

// read reads up to where runs were started. A workspace that never had a schedule has missed nothing.
func (s *Schedule) read(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known {
		return nil
	}
	now := s.Clock()
	missing := map[string]event.Time{}
	for _, kind := range []string{RunNightly, RunHourly, slotWeekly} {
		at, err := numberSetting(ctx, s.d.DB.Read(), settingSlot(kind))
		if err != nil {
			return err
		}
		s.slots[kind] = event.Time(at)
		if at == 0 {
			missing[kind] = s.last(kind, now)
		}
	}
	if err := s.write(ctx, missing); err != nil {
		return err
	}
	s.known = true
	return nil
}

// write notes the instants that runs were for; s.mu must be held.
func (s *Schedule) write(ctx context.Context, slots map[string]event.Time) error {
	if len(slots) == 0 {
		return nil
	}
	err := s.d.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for kind, at := range slots {
			if err := db.SetSetting(ctx, tx, settingSlot(kind), strconv.FormatInt(int64(at), 10)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("tag: note the schedule: %w", err)
	}
	for kind, at := range slots {
		s.slots[kind] = at
	}
	return nil
}

func (s *Schedule) slot(kind string) event.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slots[kind]
}

// waits says whether a run that failed is not tried again yet.
func (s *Schedule) waits(kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, failed := s.failed[kind]
	return failed && s.d.Now() < f.Again
}

func (s *Schedule) fails(kind string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.d.Now()
	f, again := s.failed[kind]
	if !again {
		f = ScheduleFailed{Kind: kind, Since: now}
	}
	f.Err, f.Again = err, now+scheduleRetry
	s.failed[kind] = f
}

// did notes that a run for these tags was made at an instant.
func (s *Schedule) did(ctx context.Context, kind string, now event.Time, refresh []library.Refresh) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, kind)
	slots := map[string]event.Time{kind: s.last(kind, now)}
	if kind == RunNightly {
		slots[RunHourly] = s.last(RunHourly, now)
		delete(s.failed, RunHourly)
	}
	if slices.Contains(refresh, library.Weekly) {
		slots[slotWeekly] = s.last(slotWeekly, now)
	}
	return s.write(ctx, slots)
}

// refresh is which tags a run is for; none when there are no such tags.
func (s *Schedule) refresh(ctx context.Context, kind string, now event.Time) (out []library.Refresh, err error) {
	set, err := library.Load(ctx, s.d.DB.Read())
	if err != nil {
		return nil, err
	}
	wanted := []library.Refresh{library.Hourly}
	if kind == RunNightly {
		wanted = []library.Refresh{library.Live, library.Hourly, library.Daily}
		if s.last(slotWeekly, now) > s.slot(slotWeekly) {
			wanted = append(wanted, library.Weekly)
		}
	}
	for t := range set.Tags() {
		if t.Kind == library.ByRule && slices.Contains(wanted, t.Refresh) {
			return wanted, nil
		}
	}
	for range set.Segments() {
		if kind == RunNightly {
			return wanted, nil
		}
	}
	return nil, nil
}

// last is the last instant not after now that a run of a kind is for, next the first one after it.
func (s *Schedule) last(kind string, now event.Time) event.Time {
	z := s.d.Zone
	today := z.Date(now)
	if kind == RunHourly {
		start := z.Start(today)
		return start + (now-start)/hour*hour
	}
	if z.Instant(today, int64(nightlyHour*hour)) > now {
		today--
	}
	if kind == slotWeekly {
		today = event.StartOf(today, event.Week)
	}
	return z.Instant(today, int64(nightlyHour*hour))
}

func (s *Schedule) next(kind string, now event.Time) event.Time {
	z := s.d.Zone
	at := s.last(kind, now)
	switch kind {
	case RunHourly:
		return min(at+hour, z.Start(z.Date(now)+1))
	case slotWeekly:
		return z.Instant(z.Date(at)+7, int64(nightlyHour*hour))
	}
	return z.Instant(z.Date(at)+1, int64(nightlyHour*hour))
}

// Next is when a tag that is refreshed so is computed next, by the workspace's clock; event.Never for what is decided live
// or only when somebody asks for it. What is due already is due now.
func (s *Schedule) Next(how library.Refresh) event.Time {
	now := s.Clock()
	of := func(kinds ...string) event.Time {
		at := event.Never
		for _, kind := range kinds {
			slot := s.slot(kind)
			if slot != 0 && s.last(kind, now) > slot {
				return now
			}
			at = min(at, s.next(kind, now))
		}
		return at
	}
	switch how {
	case library.Hourly:
		return of(RunHourly)
	case library.Daily:
		return of(RunNightly)
	case library.Weekly:
		return of(slotWeekly)
	}
	return event.Never
}

// Failed lists the runs that were due and failed, and are tried again.
func (s *Schedule) Failed() (out []ScheduleFailed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range []string{RunNightly, RunHourly} {
		if f, ok := s.failed[kind]; ok {
			out = append(out, f)
		}
	}
	return
}
