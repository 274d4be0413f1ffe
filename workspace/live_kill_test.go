package workspace_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/uptrace/bun"

	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/tagindex"
	"tagma/warehouse"
	"tagma/workspace"
)

// liveTags are of every form: cases over a window, a number with bands, a text, one over another tag, one that is kept, one
// that looks at the others, and segments.
const liveTags = `
schema: {events: {buy: {n: number, amount: number, item: text}}}
categories: [{key: c, name: 类}]
tags:
  - {key: often, name: 常, category: c, refresh: live, cases: [{value: 高, when: 'events.buy.last("6h").count() >= 3'}, {value: 低, when: 'events.buy.last("1d").count() >= 1'}]}
  - {key: spend, name: 额, category: c, refresh: live, value: 'events.buy.sum(e, e.amount)', bands: [{below: 100, value: 小}, {value: 大}]}
  - {key: item, name: 物, category: c, refresh: live, value: 'events.buy.latest().item'}
  - {key: eager, name: 急, category: c, refresh: live, cases: [{value: 是, when: 'tags.often == "高" && tags.spend > 50'}]}
  - {key: warm, name: 热, category: c, refresh: live, keep: 2d, cases: [{value: 热, when: 'events.buy.last("3h").count() >= 2'}]}
  - {key: richer, name: 富, category: c, refresh: live, cases: [{value: 是, when: 'events.buy.sum(e, e.amount) > mean(events.buy.sum(e, e.amount))'}]}
segments:
  - {key: quiet, name: 静, when: 'events.buy.last("12h").count() == 0'}
  - {key: both, name: 群, when: 'tags.item == "茶" && segments.quiet == false'}
`

// The clock of these tests begins at liveStart and goes on by half an hour with each record.
const (
	liveStart = event.Time(1_767_225_600_000)
	halfHour  = event.Time(30 * 60 * 1000)
)

func liveInstant(n int64) event.Time { return liveStart + event.Time(n)*halfHour }

// sentBuy is the record of a number: always the same. Some come late.
func sentBuy(n int64) ingest.Sent {
	late := event.Time(n*7%5) * 4 * halfHour
	return ingest.Sent{Source: "till", Message: fmt.Sprint("m", n), Record: ingest.Record{
		Identifiers: []identity.Key{{Kind: "user_id", Value: fmt.Sprint("c", n*n%17)}},
		Events: []ingest.Event{{Name: "buy", Time: liveInstant(n) - late, Props: []event.Property{
			{Name: "n", Value: event.Num(event.Int(n))}, {Name: "amount", Value: event.Num(event.Int(1 + n%40))}, {Name: "item", Value: event.Text([]string{"茶", "书", "米"}[n%3])}}}}}}
}

// Where a child that decides live is killed.
const (
	killVar  = "TAGMA_TEST_LIVE"       // its data directory
	killFrom = "TAGMA_TEST_LIVE_FROM"  // the number of the first record that it sends
	killAt   = "TAGMA_TEST_LIVE_POINT" // one of killPoints
	killStep = "TAGMA_TEST_LIVE_AFTER" // after so many of it
)

// killPoints are the places between acknowledgement and the last reader: behind the commit of records and before anybody
// hears of it; behind the acknowledgement; when the history has moved on; when changes of tags are committed; when the index
// has them; when all is decided.
var killPoints = []string{"appended", "acknowledged", "history", "changes", "index", "decided"}

// sentAtOnce is up to how many records the child sends together.
const sentAtOnce = 3

// TestLiveChild is not a test of its own: TestLiveIsKilled runs it in another process.
func TestLiveChild(t *testing.T) {
	dir := os.Getenv(killVar)
	if dir == "" {
		t.Skip("it is run by TestLiveIsKilled")
	}
	if err := sendUntilKilled(dir); err != nil {
		t.Fatal(err)
	}
}

func sendUntilKilled(dir string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, err := strconv.ParseInt(os.Getenv(killFrom), 10, 64)
	if err != nil {
		return err
	}
	after, err := strconv.ParseUint(os.Getenv(killStep), 10, 64)
	if err != nil {
		return err
	}
	point := os.Getenv(killAt)
	w, err := workspace.Open(ctx, dir, workspace.Options{Live: true, Since: true})
	if err != nil {
		return err
	}
	die := func() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	count := func(here string) { // the calls of a place that are waited for
		if here != point {
			return
		}
		if after--; after == 0 {
			die()
		}
	}
	// These move in other goroutines: each is looked at all the while.
	at := map[string]func() uint64{
		"history": w.Store.Offset,
		"index":   w.Index.Position,
		"changes": func() uint64 { end, _ := w.Changes.End(ctx, w.DB.Read()); return end },
		"decided": func() uint64 { return w.Live().Status().Decided },
	}[point]
	go w.Run(ctx)
	for !w.Live().Status().Ready {
		runtime.Gosched()
	}
	if at != nil {
		until := at() + after
		go func() {
			for at() < until {
				runtime.Gosched()
			}
			die()
		}()
	}
	deps := w.Ingest()
	wake := deps.Appended
	deps.Appended = func() { count("appended"); wake() }
	for upTo := n + 3000; n < upTo; {
		var list []ingest.Sent
		for range 1 + n%sentAtOnce {
			list = append(list, sentBuy(n))
			n++
		}
		if to := liveInstant(n); to > w.Now() {
			if _, err := w.MoveClock(ctx, to); err != nil {
				return err
			}
		}
		if _, _, err := ingest.Collect(ctx, deps, list); err != nil {
			return err
		}
		fmt.Println("acknowledged", n)
		count("acknowledged")
		if n%20 < sentAtOnce {
			if err := w.Trim(ctx, 0); err != nil {
				return err
			}
		}
	}
	return errors.New("it was never killed")
}

// Killed -9 anywhere between the acknowledgement of a record and the last that hears of it, a workspace that decides live
// has all records once, says no change twice, and comes to what a run gives.
func TestLiveIsKilled(t *testing.T) {
	d := newDesk(t, workspace.Settings{Clock: liveStart})
	d.with(func(w *workspace.Workspace) {
		file, err := library.ParseFile([]byte(liveTags), "tags.yaml")
		d.must(err)
		set, err := library.Load(d.ctx, w.DB.Read())
		d.must(err)
		edit, err := set.Plan(file, false)
		d.must(err)
		d.must(w.DB.Tx(d.ctx, func(ctx context.Context, tx bun.Tx) error { return edit.Apply(ctx, tx, "li", "", w.Now()) }))
	})
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 23))
	first, acked, moved := r.IntN(len(killPoints)), int64(0), 0
	for round := range 8 {
		point, after := killPoints[(first+round)%len(killPoints)], 1+r.IntN(60)
		name := fmt.Sprintf("seed %d, round %d, killed at %s %d", seed, round, point, after)
		child := exec.Command(os.Args[0], "-test.run=^TestLiveChild$")
		from := max(0, acked-5) // what was acknowledged is sent again: it counts once
		child.Env = append(os.Environ(), killVar+"="+d.dir, killFrom+"="+fmt.Sprint(from), killAt+"="+point, killStep+"="+fmt.Sprint(after))
		out, err := child.CombinedOutput()
		if child.ProcessState == nil || child.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		for line := range strings.Lines(string(out)) {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(line, "acknowledged ")), 10, 64)
			if err != nil {
				t.Fatalf("%s: %s", name, out)
			}
			acked = max(acked, n)
		}
		d.with(func(w *workspace.Workspace) { // as it was left, before anything is decided anew
			if there := d.buysOnce(w, name); there < acked || there > acked+sentAtOnce {
				t.Errorf("%s: %d records were acknowledged, %d are there", name, acked, there)
			}
			moved = d.saidOnce(w, name)
			d.sound(w)
		})
		acked = d.settled(name, acked)
		if t.Failed() {
			t.Fatalf("%s\n%s", name, out)
		}
	}
	t.Logf("seed %d: %d records, %d changes", seed, acked, moved)
	if acked < 20 || moved < 50 {
		t.Errorf("seed %d: %d records and %d changes are too little to learn from", seed, acked, moved)
	}
}

// settled opens the workspace as a process that decides live, lets it decide what there is and some records more from number
// n on, and holds it to a run. It returns the number after them.
func (d *desk) settled(name string, n int64) int64 {
	d.t.Helper()
	w, err := workspace.Open(d.ctx, d.dir, workspace.Options{Live: true, Since: true})
	d.must(err)
	defer func() { d.t.Helper(); d.must(w.Close()) }()
	settle := func(when string) {
		d.t.Helper()
		d.must(w.Tags().CatchUp(d.ctx)) // nobody runs the readers here
		for worked := true; worked; {
			worked, err = w.Live().Step(d.ctx)
			d.must(err)
		}
		differences, err := w.Live().Check(d.ctx)
		d.must(err)
		for _, x := range differences {
			d.t.Errorf("%s, %s: %s: a run lets %d in and takes %d out, customers %v", name, when, x.Key, x.Entered, x.Left, x.Some)
		}
		end, err := w.Events.End(d.ctx, w.DB.Read())
		d.must(err)
		d.equal(name+", "+when+": decided up to", w.Live().Status().Position, end)
	}
	settle("opened")
	d.sound(w)
	for range 4 {
		_, _, err := ingest.Collect(d.ctx, w.Ingest(), []ingest.Sent{sentBuy(n), sentBuy(n + 1)})
		d.must(err)
		n += 2
		if to := liveInstant(n); to > w.Now() {
			_, err := w.MoveClock(d.ctx, to)
			d.must(err)
		}
		settle("going on")
	}
	d.equal(name+": times that everything was decided", w.Live().Status().Builds, 1)
	d.saidOnce(w, name)
	return n
}

// buysOnce counts the records of sentBuy in the history, each of which must be there once.
func (d *desk) buysOnce(w *workspace.Workspace, name string) (n int64) {
	d.t.Helper()
	snap, err := w.Store.Snapshot()
	d.must(err)
	defer snap.Close()
	reader, err := snap.Reader(warehouse.Request{Series: []warehouse.SeriesRequest{{Kind: warehouse.Events, Name: "buy", Columns: []string{"n"}}}})
	d.must(err)
	defer reader.Close()
	times := map[int64]int{}
	var block warehouse.Block
	for p := range snap.Profiles() {
		d.must(reader.Profile(event.ProfileID(p), &block))
		table := &block.Tables[0]
		for row := range table.Rows() {
			k, _ := table.Columns[0][0].Value(row).Number().Coefficient(0)
			times[k]++
		}
	}
	for ; times[n] > 0; n++ {
		if times[n] > 1 {
			d.t.Errorf("%s: record %d is there %d times", name, n, times[n])
		}
	}
	if int(n) != len(times) {
		d.t.Errorf("%s: record %d is missing, others after it are there", name, n)
	}
	return n
}

// saidOnce reads the change log from its beginning: nobody enters a value that they have, or leaves one that they have
// not. It returns how often somebody entered or left.
func (d *desk) saidOnce(w *workspace.Workspace, name string) (moved int) {
	d.t.Helper()
	type place struct {
		slot, customer uint32
		band           bool
	}
	held := map[place]event.Value{}
	left := func(at place, v event.Value) {
		if moved++; !held[at].Present() || v.Present() && !held[at].Equal(v) {
			d.t.Errorf("%s: customer %d leaves %v of slot %d and has %v", name, at.customer, v, at.slot, held[at])
		}
		delete(held, at)
	}
	entered := func(at place, v event.Value) {
		if moved++; held[at].Present() && held[at].Equal(v) {
			d.t.Errorf("%s: customer %d enters %v of slot %d for the second time", name, at.customer, v, at.slot)
		}
		held[at] = v
	}
	each := func(b *roaring.Bitmap, do func(i int, customer uint32)) {
		if b != nil {
			for i, customer := range b.ToArray() {
				do(i, customer)
			}
		}
	}
	for position := uint64(0); ; {
		entries, err := w.Changes.Read(d.ctx, position, 1<<20)
		d.must(err)
		if len(entries) == 0 {
			return moved
		}
		for i := range entries {
			if position = entries[i].End(); entries[i].Kind != tagindex.EntryChanges {
				continue
			}
			changes, err := tagindex.Decode(entries[i].Payload)
			d.must(err)
			for _, ch := range changes {
				if ch.Clear || ch.Drop {
					d.t.Fatalf("%s: slot %d begins anew: no definition changed", name, ch.Slot)
				}
				for k, sets := range [2][]tagindex.SetChange{ch.Sets, ch.Bands} {
					for _, s := range sets {
						each(s.Left, func(_ int, c uint32) { left(place{ch.Slot, c, k == 1}, s.Value) })
					}
					for _, s := range sets {
						each(s.Entered, func(_ int, c uint32) { entered(place{ch.Slot, c, k == 1}, s.Value) })
					}
				}
				if ch.Column != nil {
					each(ch.Column.Cleared, func(_ int, c uint32) { left(place{ch.Slot, c, false}, event.Value{}) })
					each(ch.Column.Customers, func(k int, c uint32) { entered(place{ch.Slot, c, false}, ch.Column.Values.Value(k)) })
				}
			}
		}
	}
}
