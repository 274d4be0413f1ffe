package workspace_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"tagma/ingest"
	"tagma/warehouse"
	"tagma/workspace"
)

// childVar names the data directory in which a child process of this test works until it is killed.
const childVar = "TAGMA_TEST_TRIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		fmt.Println("child ended:", acceptAndTrim(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// acceptAndTrim accepts numbered records, says each when it is acknowledged, and trims the log all the while.
func acceptAndTrim(dir string) error {
	ctx := context.Background()
	w, err := workspace.Open(ctx, dir, workspace.Options{})
	if err != nil {
		return err
	}
	s := &steps{name: "step"}
	next, err := rowsOf(w, "step")
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	var failures [2]error
	work.Go(func() {
		for n := next; failures[0] == nil; n++ {
			if _, failures[0] = ingest.Accept(ctx, w.Ingest(), "till", s.record(n)); failures[0] == nil {
				fmt.Println(n)
			}
		}
	})
	work.Go(func() {
		for failures[1] == nil {
			failures[1] = w.Trim(ctx, 0)
		}
	})
	work.Wait()
	return errors.Join(failures[:]...)
}

// rowsOf counts the events of a name in the history.
func rowsOf(w *workspace.Workspace, name string) (int64, error) {
	snap, err := w.Store.Snapshot()
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	for _, s := range snap.Series() {
		if s.Kind == warehouse.Events && s.Name == name {
			return int64(s.Rows), nil
		}
	}
	return 0, nil
}

// Killed -9 while records are accepted and the log is trimmed behind the history, a workspace has all that was
// acknowledged.
func TestTrimmingIsKilled(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	r := rand.New(rand.NewPCG(17, uint64(os.Getpid())))
	trimmed := uint64(0)
	for round := range 6 {
		acked, err := untilKilled(d.dir, 1+r.IntN(120))
		d.must(err)
		d.with(func(w *workspace.Workspace) {
			rows, err := rowsOf(w, "step")
			d.must(err)
			if rows < acked+1 || rows > acked+3 { // the last ones may have been on their way
				t.Errorf("round %d: %d records, the last acknowledged is number %d", round, rows, acked)
			}
			d.equal("the last", d.value(w, "events.step.max(e, e.n)"), rows-1)
			trimmed, err = w.Events.Begin(d.ctx, w.DB.Read())
			d.must(err)
			d.sound(w)
		})
	}
	if trimmed < 10 {
		t.Errorf("the log begins at %d: nothing was trimmed", trimmed)
	}
}

// untilKilled lets a child work until it has said some lines, kills it, and returns the last number that it said.
func untilKilled(dir string, lines int) (last int64, err error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	said := bufio.NewScanner(out)
	for n := 0; said.Scan(); n++ {
		number, err := strconv.ParseInt(said.Text(), 10, 64)
		if err != nil {
			return 0, errors.Join(errors.New(said.Text()), cmd.Process.Kill(), cmd.Wait())
		}
		if last = number; n == lines {
			if err := cmd.Process.Kill(); err != nil {
				return 0, err
			}
		}
	}
	_ = cmd.Wait() // it was killed
	return last, said.Err()
}

// Records stay for a while after every reader has them, and as long as a backup holds them.
func TestWhatTrimmingKeeps(t *testing.T) {
	d := newDesk(t, workspace.Settings{})
	d.with(func(w *workspace.Workspace) {
		s := &steps{name: "step"}
		for n := range int64(5) {
			_, err := ingest.Accept(d.ctx, w.Ingest(), "till", s.record(n))
			d.must(err)
		}
		begin := func() uint64 {
			readers, err := w.Readers(d.ctx)
			d.must(err)
			return readers[0].Begin
		}
		d.must(w.Trim(d.ctx, workspace.KeepLog))
		d.equal("within a day", begin(), 0)
		d.must(w.Trim(d.ctx, time.Hour))
		d.equal("within an hour", begin(), 0)
		end, err := w.Events.End(d.ctx, w.DB.Read())
		d.must(err)
		d.must(w.Trim(d.ctx, -time.Hour))
		if at := begin(); at == 0 || at >= end {
			t.Errorf("the log begins at %d and ends at %d: only the last entry stays", at, end)
		}
	})
	d.with(func(w *workspace.Workspace) { d.sound(w) })
}
