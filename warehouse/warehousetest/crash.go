package warehousetest

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"tagma/errs"
	"tagma/warehouse"
)

// crashDir tells a test process that it is the one to be killed, and where it works.
const crashDir = "TAGMA_WAREHOUSE_CRASH_DIR"

// crashBatch is what is written up to an offset: always the same.
func crashBatch(offset uint64) *warehouse.Batch {
	g := &generator{Rand: rand.New(rand.NewPCG(offset, 7)), arrival: offset * 10000}
	n := 40
	if crashLoad(offset) {
		n = 400
	}
	b := withOffset(g.batch(n), offset)
	if crashLoad(offset) {
		b.System = nil
	}
	return b
}

func crashLoad(offset uint64) bool { return offset%9 == 0 }

// Crash tests an engine with kill -9: a child process appends and loads and is killed at random moments; what its
// history then says and the offset it has must agree, and nothing that was synced may be missing. A test calls it
// directly, under a name of its own, for the child runs that test and nothing else.
func Crash(t *testing.T, open func(t *testing.T, dir string) warehouse.Store) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(t, open, dir)
		return
	}
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 1))
	m := newModel()
	for round := range 12 {
		synced, err := killChild(t.Name(), dir, 1+rnd.IntN(40))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		s := open(t, dir)
		if s.Offset() < synced {
			t.Fatalf("round %d: offset %d after a kill, but %d was synced", round, s.Offset(), synced)
		}
		for m.offset < s.Offset() {
			m.offset++
			m.apply(crashBatch(m.offset))
		}
		mustCheck(t, s, m)
		if err := checkSeen(s, m); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if m.offset == 0 {
		t.Error("no child wrote anything")
	}
	t.Logf("%d batches and loads survived", m.offset)
}

// killChild runs a child, kills it when it has said so many lines, and returns the offset it last synced.
func killChild(test, dir string, lines int) (synced uint64, err error) {
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	scan := bufio.NewScanner(out)
	var said []string
	for scan.Scan() {
		said = append(said, scan.Text())
		if n, ok := strings.CutPrefix(scan.Text(), "synced "); ok {
			if synced, err = strconv.ParseUint(n, 10, 64); err != nil {
				break
			}
		}
		if len(said) == lines {
			err = cmd.Process.Kill()
			break
		}
	}
	for scan.Scan() { // what it said before it died counts
		if n, ok := strings.CutPrefix(scan.Text(), "synced "); ok {
			if more, e := strconv.ParseUint(n, 10, 64); e == nil {
				synced = more
			}
		}
	}
	cmd.Wait() // it was killed
	if err == nil && len(said) < lines {
		err = fmt.Errorf("the child ended by itself after saying %q", said)
	}
	return synced, err
}

// crashChild goes on where the history ends until it is killed.
func crashChild(t *testing.T, open func(t *testing.T, dir string) warehouse.Store, dir string) {
	ctx := context.Background()
	s := open(t, dir)
	step := func(err error) {
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
	}
	for offset := s.Offset() + 1; ; offset++ {
		b := crashBatch(offset)
		if crashLoad(offset) {
			id := fmt.Sprintf("load-%d", offset)
			err := s.Ingest(ctx, id, offset) // an earlier child may have staged it
			if errs.Is(err, errs.NotFound) {
				fmt.Println("staging", offset)
				step(stageLoad(s, id, b))
				fmt.Println("ingesting", offset)
				err = s.Ingest(ctx, id, offset)
			}
			step(err)
			fmt.Println("synced", offset) // loads are
			continue
		}
		step(s.Append(ctx, b))
		fmt.Println("appended", offset)
		if offset%4 == 0 {
			step(s.Sync())
			fmt.Println("synced", offset)
		}
		if offset%31 == 0 {
			step(s.Compact(ctx))
		}
	}
}
