package tag_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/db"
	"tagma/errs"
	"tagma/rule"
	"tagma/tag"
)

// computed is what each tag's last run is noted to be made of.
func (s *shop) computed() (out string) {
	s.t.Helper()
	rows, err := s.DB.Read().QueryContext(s.ctx, "SELECT definition, run, as_of_ms FROM computed ORDER BY definition")
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		var definition, run, asOf int64
		s.must(rows.Scan(&definition, &run, &asOf))
		out += fmt.Sprintln(definition, run, asOf)
	}
	return out
}

func TestAStoppedRunChangesNothing(t *testing.T) {
	s := newShop(t, total, frequency, spend, buyers)
	s.compute(june)
	end, rows := s.end(), s.computed()
	for _, past := range []bool{false, true} {
		ctx, stop := context.WithCancel(s.ctx)
		_, err := tag.Compute(ctx, s.Tags(), tag.Options{AsOf: s.at(july), Past: past, Progress: func(rule.Progress) { stop() }})
		stop()
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		s.equal("the change log", s.end(), end)
		s.equal("what was computed", s.computed(), rows)
		s.holds("frequency", "ann=高频 bob=低频")
		_, err = tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "frequency", HasAsOf: true, AsOf: s.at(july)})
		s.refused(err, errs.NotFound)
	}
	s.equal("runs", strings.Join(s.runs(), "; "), "done; failed interrupted; failed interrupted")
	s.compute(july)
	s.holds("frequency", "ann=低频 bob=低频")
}

// What is committed is done, even if the index cannot follow at once.
func TestARunIsDoneWhenItIsCommitted(t *testing.T) {
	s := newShop(t, frequency)
	d, calls, broken := s.Tags(), 0, errors.New("the index stands still")
	catchUp := d.CatchUp
	d.CatchUp = func(ctx context.Context) error {
		if calls++; calls > 1 {
			return broken
		}
		return catchUp(ctx)
	}
	if _, err := tag.Compute(s.ctx, d, tag.Options{AsOf: s.at(june)}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	s.equal("changes", s.changes(0), "frequency by edit in run 1 for 2026-06-30: +高频 ann +低频 bob")
	s.equal("runs", s.runs(), "[done]")
	s.must(catchUp(s.ctx))
	s.holds("frequency", "ann=高频 bob=低频")
}

func TestAnInterruptedRunIsMarkedByTheNext(t *testing.T) {
	s := newShop(t, buyers)
	s.must(s.DB.Tx(s.ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := db.NextNumber(ctx, tx, "runs", 1); err != nil {
			return err
		}
		_, err := db.Exec(ctx, tx, "INSERT INTO runs (id, kind, as_of_ms, started_ms, state) VALUES (1, 'compute', 0, 0, 'running')")
		return err
	}))
	s.equal("the next run", s.compute(june).Run, 2)
	s.equal("runs", s.runs(), "[failed interrupted done]")
}

func TestTheLiveIndexNeverGoesBack(t *testing.T) {
	s := newShop(t, frequency, buyers)
	s.compute(june)
	s.compute(july, "buyers")
	for _, keys := range [][]string{nil, {"frequency"}} {
		_, err := tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.at(june), Keys: keys})
		s.refused(err, errs.Conflict, "2026-07-10", "forward")
	}
	s.holds("frequency", "ann=高频 bob=低频")
	s.equal("runs", s.runs(), "[done done]")
}

func TestASnapshotOfThePast(t *testing.T) {
	s := newShop(t, total, frequency, spend)
	s.compute(august)
	end, rows := s.end(), s.computed()
	past := func(key, asOf string) string {
		m, err := tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: key, HasAsOf: true, AsOf: s.at(asOf), IDKinds: idKinds})
		s.must(err)
		s.equal("as of", m.AsOf, s.at(asOf))
		return s.rows(m.Rows)
	}
	r := s.snapshot(june, "frequency")
	s.equal("held then", r.Tags[0].Held, 2)
	s.equal("frequency in June", past("frequency", june), "ann=高频 bob=低频")
	s.holds("frequency", "")
	s.equal("the change log", s.end(), end)
	s.equal("what was computed", s.computed(), rows)

	_, err := tag.ReadMembers(s.ctx, s.Tags(), tag.MembersQuery{Key: "spend", HasAsOf: true, AsOf: s.at(june)})
	s.refused(err, errs.NotFound, "spend was not computed as of 2026-06-30", "there are snapshots of 2026-06-30")
	s.snapshot(june, "spend") // the second of an instant adds to the first
	s.snapshot(july)
	s.equal("spend in June", past("spend", june), "ann=高 bob=低 cat=高 dan=低")
	s.equal("frequency in June", past("frequency", june), "ann=高频 bob=低频")
	s.equal("frequency in July", past("frequency", july), "ann=低频 bob=低频")
	s.equal("spend in August", past("spend", august), "ann=高 bob=高 cat=高 dan=低") // the live index is of that instant
}
