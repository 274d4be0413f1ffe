package workspace_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/event"
	"tagma/tag"
	"tagma/workspace"
)

func TestInit(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) { d.equal("zone", w.Zone, workspace.DefaultTimezone) })
	d.refused(workspace.Init(d.ctx, d.dir, workspace.Settings{}), errs.Conflict, d.dir, "already holds a workspace")
	d.with(func(*workspace.Workspace) {}) // and it is none the worse

	other := newDesk(t, workspace.Settings{Timezone: "Europe/London"})
	other.with(func(w *workspace.Workspace) { d.equal("zone", w.Zone, "Europe/London") })
}

func TestInitRefusesAZoneThatDoesNotExist(t *testing.T) {
	d := &desk{t, context.Background(), filepath.Join(t.TempDir(), "data")}
	d.refused(workspace.Init(d.ctx, d.dir, workspace.Settings{Timezone: "Asia/Shangri-La"}), errs.Invalid, "Asia/Shangri-La")
	if _, err := os.Stat(d.dir); !os.IsNotExist(err) {
		t.Errorf("the directory was made all the same: %v", err)
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	set := func(key, value string) func(d *desk) {
		return func(d *desk) {
			d.with(func(w *workspace.Workspace) {
				d.must(w.DB.Tx(d.ctx, func(ctx context.Context, tx bun.Tx) error { return db.SetSetting(ctx, tx, key, value) }))
			})
		}
	}
	for name, c := range map[string]struct {
		spoil func(d *desk)
		kind  errs.Kind
		words []string
	}{
		"nothing there": {func(d *desk) { d.dir = filepath.Join(d.dir, "elsewhere") }, errs.NotFound, []string{"holds no workspace", "tagma init --data"}},
		"a file":        {func(d *desk) { d.dir = d.file(db.FileName) }, errs.Conflict, []string{"is a file, not a directory"}},
		"a newer schema": {func(d *desk) {
			d.with(func(w *workspace.Workspace) {
				d.must(w.DB.Tx(d.ctx, func(ctx context.Context, tx bun.Tx) error {
					_, err := db.Exec(ctx, tx, "INSERT INTO schema_version (version_id, is_applied) VALUES (9999, 1)")
					return err
				}))
			})
		}, errs.Conflict, []string{"newer version", "9999"}},
		"no database": {func(d *desk) {
			d.write(db.FileName, []byte("this is a shopping list, and a long one at that: tea, books, tea"))
		}, errs.Internal, nil},
		"a bad clock": {set("clock", "noon"), errs.Internal, []string{`"noon"`}},
		"a bad zone":  {set("timezone", "Nowhere/Land"), errs.Internal, []string{"Nowhere/Land"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, workspace.Settings{})
			d.t = t
			c.spoil(d)
			for range 2 { // the second time too: the first left no lock behind
				w, err := workspace.Open(d.ctx, d.dir, workspace.Options{})
				if w != nil {
					t.Error("a workspace came with the error")
				}
				if errs.Is(err, errs.Busy) {
					t.Fatal("the lock was left behind")
				}
				if c.kind == errs.Internal {
					if err == nil {
						t.Fatal("it was opened")
					}
					continue
				}
				d.refused(err, c.kind, c.words...)
			}
		})
	}
}

func TestOneProcessAtATime(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(func(*workspace.Workspace) {
		_, err := workspace.Open(d.ctx, d.dir, workspace.Options{})
		d.refused(err, errs.Busy)
	})
	d.with(func(*workspace.Workspace) {})
}

// The index is a view: whatever happens to its file, it says the same.
func TestTheIndexIsRebuilt(t *testing.T) {
	index := "index.tags"
	for name, spoil := range map[string]func(d *desk){
		"as it is":  func(*desk) {},
		"deleted":   func(d *desk) { d.must(os.Remove(d.file(index))) },
		"empty":     func(d *desk) { d.write(index, nil) },
		"cut":       func(d *desk) { data := d.read(index); d.write(index, data[:len(data)/2]) },
		"flipped":   func(d *desk) { data := d.read(index); data[len(data)/2] ^= 0x55; d.write(index, data) },
		"no index":  func(d *desk) { d.write(index, []byte("tea, books, tea")) },
		"half done": func(d *desk) { d.write(index+".new", []byte("half")) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, workspace.Settings{})
			d.t = t
			d.with(func(w *workspace.Workspace) {
				d.stock(w)
				d.compute(w, "2026-06-30")
				d.compute(w, "2026-07-15")
				d.equal("carried", d.carried(w), inJuly)
			})
			spoil(d)
			for range 2 { // and again from the file that closing wrote
				d.with(func(w *workspace.Workspace) {
					d.equal("carried", d.carried(w), inJuly)
					findings, err := tag.Verify(d.ctx, w.Tags())
					d.must(err)
					d.equal("findings", findings, "[]")
				})
			}
		})
	}
}

func TestAnIndexBehindTheLogCatchesUp(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) { d.stock(w); d.compute(w, "2026-06-30") })
	old := d.read("index.tags")
	d.with(func(w *workspace.Workspace) { d.compute(w, "2026-07-15") })
	d.write("index.tags", old) // what a crash before closing leaves
	d.with(func(w *workspace.Workspace) { d.equal("carried", d.carried(w), inJuly) })
}

func TestAnIndexAheadOfTheLogIsRebuilt(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) { d.stock(w); d.compute(w, "2026-06-30") })
	old := d.read(db.FileName)
	d.with(func(w *workspace.Workspace) { d.compute(w, "2026-07-15"); d.equal("carried", d.carried(w), inJuly) })
	d.write(db.FileName, old) // an older copy of the database
	d.with(func(w *workspace.Workspace) {
		d.equal("carried", d.carried(w), inJune)
		d.compute(w, "2026-07-15")
		d.equal("carried", d.carried(w), inJuly)
	})
}

func TestTheClock(t *testing.T) {
	const stopped = event.Time(1_782_835_199_999) // 2026-06-30T23:59:59.999+08:00
	d := newDesk(t, workspace.Settings{Clock: stopped})
	for range 2 {
		d.with(func(w *workspace.Workspace) {
			d.equal("now", w.Zone.Format(w.Now()), "2026-06-30T23:59:59.999+08:00")
		})
	}
	newDesk(t, workspace.Settings{}).with(func(w *workspace.Workspace) {
		before := event.At(time.Now())
		now := w.Now()
		if after := event.At(time.Now()); now < before || now > after {
			t.Errorf("now is %s, the machine says %s to %s", now, before, after)
		}
	})
}

// A zone that is planned is there when the workspace is opened again, and not before.
func TestAPlannedZone(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) {
		for _, step := range []struct {
			zone    string
			changed bool
			next    string
		}{{"Europe/Berlin", true, "Europe/Berlin"}, {"Europe/Berlin", false, "Europe/Berlin"}, {"Asia/Shanghai", true, ""}, {"Asia/Shanghai", false, ""}, {"Europe/London", true, "Europe/London"}} {
			changed, err := w.PlanZone(ctx, step.zone)
			next, failed := w.NextZone(ctx)
			if err != nil || failed != nil || changed != step.changed || next != step.next {
				t.Errorf("%s: changed %v, next %q, %v %v", step.zone, changed, next, err, failed)
			}
		}
		if _, err := w.PlanZone(ctx, "Europe/Nowhere"); !errs.Is(err, errs.Invalid) {
			t.Errorf("a zone that does not exist: %v", err)
		}
		d.equal("zone", w.Zone.String(), "Asia/Shanghai")
	})
	for range 2 {
		d.with(func(w *workspace.Workspace) {
			next, err := w.NextZone(ctx)
			d.equal("zone", w.Zone.String(), "Europe/London")
			if next != "" || err != nil {
				t.Errorf("next is %q, %v", next, err)
			}
		})
	}
}

func TestInstant(t *testing.T) {
	d := newDesk(t, workspace.Settings{Timezone: "Europe/London"})
	d.with(func(w *workspace.Workspace) {
		for text, want := range map[string]string{
			"2026-06-30":                "2026-06-30T23:59:59.999+01:00",
			"2026-03-29":                "2026-03-29T23:59:59.999+01:00", // of 23 hours
			"2026-10-25":                "2026-10-25T23:59:59.999Z",      // of 25
			"2026-06-30T12:00:00+08:00": "2026-06-30T05:00:00+01:00",
		} {
			at, err := w.Instant(text)
			d.must(err)
			d.equal(text, w.Zone.Format(at), w.Zone.Format(parse(t, want)))
			d.equal(text, at, parse(t, want))
		}
		for _, text := range []string{"", "yesterday", "2026-02-30", "2026-13-01"} {
			_, err := w.Instant(text)
			d.refused(err, errs.Invalid)
		}
	})
}

func parse(t *testing.T, text string) event.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return event.At(at)
}

func TestIDKinds(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) {
		kinds, err := w.IDKinds(d.ctx) // of an empty workspace
		d.must(err)
		d.equal("kinds", kinds[:3], "[user_id phone email]")
		d.stock(w)
		d.must(w.DB.Tx(d.ctx, func(ctx context.Context, tx bun.Tx) error {
			for i, name := range []string{"zz_first", "aa_second"} {
				if _, err := db.Exec(ctx, tx, "INSERT INTO identifier_kinds (id, name, person, entity, priority) VALUES (?, ?, 1, 0, ?)", 900+i, name, i-1000); err != nil {
					return err
				}
			}
			return nil
		}))
		kinds, err = w.IDKinds(d.ctx)
		d.must(err)
		d.equal("kinds", kinds[:4], "[user_id zz_first aa_second phone]")
	})
}
