// Package workspace opens a data directory: lock, database, history, index, and the readers between them. It is
// the wiring: everything is built here, once, and handed down. One directory and one process are one workspace.
//
// The directory holds tagma.db (rows of record and both logs), warehouse/ (the history), index.tags (a snapshot of
// the tag index, which may be thrown away) and snapshots/ (the tags of past instants).
package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/stream"
	"tagma/tag"
	"tagma/tagindex"
	"tagma/warehouse/pebble"
)

// DefaultTimezone is the zone of a workspace that names no other.
const DefaultTimezone = "Asia/Shanghai"

const (
	settingTimezone = "timezone"
	settingNextZone = "timezone_next" // from the next opening on; "" for none
	settingClock    = "clock"
)

// Workspace is an open data directory.
type Workspace struct {
	Dir     string
	Zone    *event.Zone
	DB      *db.DB
	Store   *pebble.Store
	Index   *tagindex.Index
	Events  *stream.Log
	Changes *stream.Log

	lock       *db.Lock
	identities *identity.Resolver
	ahead      *ingest.Ahead
	readers    *stream.Runner
	follower   follower
	since      *tag.Since
	turn       *tag.Turn
	live       *tag.Live
	schedule   *tag.Schedule
	going      *tag.Going
	backup     sync.Mutex   // one at a time
	clock      atomic.Int64 // where it was stopped, an event.Time; 0: the machine's
}

// follower keeps the tag index up with the change log.
type follower interface {
	Position() uint64
	Apply(context.Context, []stream.Entry) error
	Sync() error
}

// Options of opening.
type Options struct {
	CacheBytes int64 // of the history; 0 for the default
	// Since keeps in memory since when and why customers have their values, for a process that stays: see Workspace.Since.
	// When the last process did not, it is made from the whole change log.
	Since bool
	// Live decides tags as records arrive and as time passes, while Run goes on: for a process that stays.
	Live bool
	// Failed hears of failed attempts of the readers of the logs; see Run. It may be nil.
	Failed func(reader string, err error, retryIn time.Duration)
	// LiveFailed hears of failed attempts of what Live decides. It may be nil.
	LiveFailed func(err error, retryIn time.Duration)
	// Schedule starts runs when it is time for them, while Run goes on: for a process that stays.
	Schedule bool
	// Ran hears of each run that Schedule started: see tag.ScheduleOptions. It may be nil.
	Ran func(kind string, r *tag.Report, err error, retryIn time.Duration)
}

// Settings are what a new workspace is made with.
type Settings struct {
	Timezone string     // an IANA name; "" is DefaultTimezone
	Clock    event.Time // stops the workspace's clock; 0 lets it run
}

// Exists says whether a directory holds a workspace. That it cannot be looked at is an error.
func Exists(dir string) (bool, error) {
	switch _, err := os.Stat(filepath.Join(dir, db.FileName)); {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist) && unfinished(dir):
		return false, errs.New(errs.Conflict, "a restore into %s did not come to its end: run `tagma --data %s restore FILE` again", dir, dir)
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, syscall.ENOTDIR):
		return false, errs.New(errs.Conflict, "%s is a file, not a directory: take another --data", dir)
	case errors.Is(err, fs.ErrPermission):
		return false, errs.New(errs.Forbidden, "%s: permission denied: look at who owns it and what they may do there", dir)
	default:
		return false, fmt.Errorf("workspace: look at %s: %w", dir, err)
	}
}

// now is the machine's clock: the one place that reads it for a workspace.
func now() event.Time { return event.At(time.Now()) }

// Init makes an empty workspace. A directory that already holds one is a Conflict.
func Init(ctx context.Context, dir string, s Settings) error {
	switch exists, err := Exists(dir); {
	case err != nil:
		return err
	case exists:
		return errs.New(errs.Conflict, "%s already holds a workspace: take another --data, or remove it first", dir)
	}
	if s.Timezone == "" {
		s.Timezone = DefaultTimezone
	}
	if _, err := event.LoadZone(s.Timezone); err != nil {
		return errs.New(errs.Invalid, "%w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errs.New(errs.Invalid, "make the data directory: %w", err)
	}
	lock, err := db.LockDir(dir, now())
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, dir)
	if err != nil {
		return errors.Join(err, lock.Unlock())
	}
	err = d.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := db.SetSetting(ctx, tx, settingTimezone, s.Timezone); err != nil {
			return err
		}
		if s.Clock == 0 {
			return nil
		}
		return db.SetSetting(ctx, tx, settingClock, strconv.FormatInt(int64(s.Clock), 10))
	})
	return errors.Join(err, d.Close(), lock.Unlock())
}

// Open opens a workspace and brings its views up to the logs, and to the workspace's instant where assignments by hand
// have an end: what a crash left half done is finished. It is a
// NotFound when there is none, Busy when another process has it open.
func Open(ctx context.Context, dir string, o Options) (w *Workspace, err error) {
	switch exists, err := Exists(dir); {
	case err != nil:
		return nil, err
	case !exists:
		return nil, errs.New(errs.NotFound, "%s holds no workspace: run `tagma init --data %s` first", dir, dir)
	}
	w = &Workspace{Dir: dir, turn: tag.NewTurn(), going: tag.NewGoing(now)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
			w = nil
		}
	}()
	if w.lock, err = db.LockDir(dir, now()); err != nil {
		return
	}
	if err = sweep(dir); err != nil {
		return
	}
	if w.DB, err = db.Open(ctx, dir); err != nil {
		return
	}
	if err = w.plannedZone(ctx); err != nil {
		return
	}
	if err = w.settings(ctx); err != nil {
		return
	}
	if w.Store, err = pebble.Open(filepath.Join(dir, "warehouse"), pebble.Options{CacheBytes: o.CacheBytes}); err != nil {
		return
	}
	if w.Index, _, err = tagindex.Load(w.indexPath()); err != nil {
		return
	}
	w.Events, w.Changes = stream.EventLog(w.DB), stream.ChangeLog(w.DB)
	w.identities, w.ahead = identity.NewResolver(), ingest.NewAhead()
	if err = ingest.Recover(ctx, w.Ingest()); err != nil {
		return
	}
	if err = w.follow(ctx, o); err != nil {
		return
	}
	if o.Live {
		w.live = w.newLive(o)
	}
	if o.Schedule {
		w.schedule = tag.NewSchedule(w.Tags(), tag.ScheduleOptions{Clock: w.Now, Ran: o.Ran})
	}
	err = tag.BringUp(ctx, w.Tags(), w.Now())
	return
}

// follow starts the readers and brings them to the end of their logs. An index that is ahead of the change log (a
// database restored from an older copy) is thrown away and rebuilt.
func (w *Workspace) follow(ctx context.Context, o Options) error {
	end, err := w.Changes.End(ctx, w.DB.Read())
	if err != nil {
		return err
	}
	if w.Index.Position() > end {
		w.Index = tagindex.New()
	}
	w.follower = tagindex.Follow(w.Index, w.indexPath())
	if o.Since {
		var known bool
		if w.since, known, err = tag.LoadSince(w.sincePath(), w.Index, w.indexPath()); err != nil {
			return err
		}
		if !known {
			w.Index = tagindex.New()
			w.since = tag.NewSince(w.sincePath(), w.Index, w.indexPath())
		}
		w.follower = w.since
	}
	w.readers, err = stream.New(w.DB, stream.Options{Now: now, Failed: o.Failed},
		ingest.WarehouseReader(w.Events, w.Store),
		stream.Reader{Name: "index", Log: w.Changes, Position: w.follower.Position, Apply: w.follower.Apply, Sync: w.follower.Sync})
	if err != nil {
		return err
	}
	return w.readers.CatchUp(ctx)
}

func (w *Workspace) indexPath() string { return filepath.Join(w.Dir, "index.tags") }

func (w *Workspace) sincePath() string { return filepath.Join(w.Dir, "since.tags") }

// Since tells since when and why customers have their values; nil when the workspace was opened without it.
func (w *Workspace) Since() *tag.Since { return w.since }

// Run moves the readers of the logs until ctx ends, tries again where one fails, decides what is decided live, and starts runs
// when it is time for them.
func (w *Workspace) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	if w.live != nil {
		running.Go(func() { w.live.Run(ctx) })
	}
	if w.schedule != nil {
		running.Go(func() { w.schedule.Run(ctx) })
	}
	w.readers.Run(ctx)
}

// Schedule starts runs when it is time for them; nil when the workspace was opened without it.
func (w *Workspace) Schedule() *tag.Schedule { return w.schedule }

// Live is what decides tags as records arrive; nil when the workspace was opened without it.
func (w *Workspace) Live() *tag.Live { return w.live }

// Readers tells how each reader of the logs is doing.
func (w *Workspace) Readers(ctx context.Context) ([]stream.ReaderStatus, error) {
	return w.readers.Status(ctx)
}

// Serving notes where this process can be reached, for commands on the same directory; "" that it cannot any more.
func (w *Workspace) Serving(address string) error { return w.lock.SetAddress(address) }

func (w *Workspace) settings(ctx context.Context) error {
	zone, ok, err := db.Setting(ctx, w.DB.Read(), settingTimezone)
	if err != nil {
		return err
	}
	if !ok {
		zone = DefaultTimezone
	}
	if w.Zone, err = event.LoadZone(zone); err != nil {
		return err
	}
	clock, ok, err := db.Setting(ctx, w.DB.Read(), settingClock)
	if err != nil || !ok {
		return err
	}
	ms, err := strconv.ParseInt(clock, 10, 64)
	if err != nil {
		return fmt.Errorf("workspace: the clock is stored as %q", clock)
	}
	w.clock.Store(ms)
	return nil
}

// Now is the workspace's clock: the machine's, or the instant at which it was stopped.
func (w *Workspace) Now() event.Time {
	if at := w.clock.Load(); at != 0 {
		return event.Time(at)
	}
	return now()
}

// Stopped says that the clock was stopped when the workspace was made.
func (w *Workspace) Stopped() bool { return w.clock.Load() != 0 }

// Ingest is what taking records in works with.
func (w *Workspace) Ingest() ingest.Deps {
	return ingest.Deps{DB: w.DB, Log: w.Events, Store: w.Store, Identities: w.identities, Ahead: w.ahead, Appended: w.notify, Zone: w.Zone, Now: now, Tags: &ingest.Tags{Deps: w.Tags(), Instant: w.Now}}
}

// Tags is what computing and asking works with.
func (w *Workspace) Tags() tag.Deps {
	return tag.Deps{DB: w.DB, Store: w.Store, Index: w.Index, Events: w.Events, Changes: w.Changes, Zone: w.Zone,
		Dir: filepath.Join(w.Dir, "snapshots"), Now: now, CatchUp: w.readers.CatchUp, CatchUpIndex: func(ctx context.Context) error { return w.readers.CatchUpLog(ctx, w.Changes) }, Turn: w.turn, Going: w.going, Live: w.live}
}

// Instant reads an instant as the command line takes it: RFC 3339, or a local date, which means its last instant.
func (w *Workspace) Instant(text string) (event.Time, error) { return Instant(w.Zone, text) }

// Instant reads an instant in a zone; a local date means its last instant.
func Instant(z *event.Zone, text string) (event.Time, error) {
	t, dateOnly, err := z.ParseInstant(text)
	if err != nil {
		return 0, errs.New(errs.Invalid, "%w", err)
	}
	if dateOnly {
		return z.End(z.Date(t)), nil
	}
	return t, nil
}

// IDKinds lists the identifier kinds in the order in which a customer is shown by them: user_id, then by the
// workspace's priority.
func (w *Workspace) IDKinds(ctx context.Context) ([]string, error) {
	kinds, err := identity.Kinds(ctx, w.DB.Read())
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(kinds, func(a, b identity.Kind) int {
		if (a.Name == "user_id") != (b.Name == "user_id") {
			if a.Name == "user_id" {
				return -1
			}
			return 1
		}
		return a.Priority - b.Priority
	})
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.Name
	}
	return out, nil
}

// Close saves the index and closes everything.
func (w *Workspace) Close() error {
	var all []error
	if w.live != nil {
		w.live.Close()
	}
	if w.follower != nil {
		all = append(all, w.follower.Sync())
	}
	if w.Store != nil {
		all = append(all, w.Store.Close())
	}
	if w.DB != nil {
		all = append(all, w.DB.Close())
	}
	if w.lock != nil {
		all = append(all, w.lock.Unlock())
	}
	return errors.Join(all...)
}
