package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"tagma/event"
	"tagma/identity"
	"tagma/warehouse"
)

// mortalHistory kills its process also where records are accepted one by one: inside the transaction, between it and
// the history, and behind both.
type mortalHistory struct{ mortal }

func (m mortalHistory) Offset() uint64 {
	m.step()
	return m.mortal.Store.Offset()
}

func (m mortalHistory) Snapshot() (warehouse.Snapshot, error) {
	m.step()
	return m.mortal.Store.Snapshot()
}

func (m mortalHistory) Append(ctx context.Context, batches ...*warehouse.Batch) error {
	m.step()
	err := m.mortal.Store.Append(ctx, batches...)
	m.step()
	return err
}

// accepted is how many records the tests of Accept and kill give.
const accepted = 120

// acceptOne gives the record of a number: always the same.
func acceptOne(d Deps, n int) error {
	id := func(kind string, n int) identity.Key { return identity.Key{Kind: kind, Value: fmt.Sprint(n)} }
	r := Record{Identifiers: []identity.Key{id("user_id", n%9)}, Consents: []Trait{{Name: []string{"sms", "email"}[n%2], Time: event.Time(n + 1), Value: event.Bool(n%3 == 0)}}}
	if n%4 == 0 {
		r.Identifiers = append(r.Identifiers, id("phone", n%9))
		r.Traits = []Trait{{Name: "n", Time: event.Time(n + 1), Value: event.Num(event.Int(int64(n)))}}
	}
	_, err := Accept(context.Background(), d, "", r)
	return err
}

// TestAcceptChild is not a test of its own: TestKillAccept runs it in another process.
func TestAcceptChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("it is run by TestKillAccept")
	}
	d, _, err := openDeps(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(os.Getenv("TAGMA_TEST_CRASH_FROM"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := strconv.ParseInt(os.Getenv(crashSteps), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	steps := &atomic.Int64{}
	steps.Store(after)
	d.Store = mortalHistory{mortal{d.Store, steps}}
	for ; n < accepted; n++ {
		if err := acceptOne(d, n); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("accepted %d\n", n)
	}
}

// Killed at any point, nothing that was accepted is lost, at most one record more is there, and nothing is there twice.
func TestKillAccept(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts many processes")
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	kills, next := 0, 0
	for next < accepted {
		after := 1 + random.IntN(150)
		if kills >= 15 {
			after = 1 << 40
		}
		child := exec.Command(os.Args[0], "-test.run=^TestAcceptChild$")
		child.Env = append(os.Environ(), crashDir+"="+dir, crashSteps+"="+strconv.Itoa(after), "TAGMA_TEST_CRASH_FROM="+strconv.Itoa(next))
		out, err := child.CombinedOutput()
		switch {
		case err == nil:
		case child.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
			kills++
		default:
			t.Fatalf("after %d kills: %v\n%s", kills, err, out)
		}
		said := next + strings.Count(string(out), "accepted ")
		d, closeAll := openDir(t, data)
		got := dump(t, d.Store)
		there := len(grep(got, "5 sms of ")) + len(grep(got, "5 email of "))
		closeAll()
		if there < said || there > said+1 {
			t.Fatalf("seed %d: %d records were accepted, %d are there\n%s", seed, said, there, got)
		}
		next = there
	}
	t.Logf("killed %d times; seed %d", kills, seed)
	if kills == 0 {
		t.Error("it was never killed")
	}
	clean := newDeps(t)
	for n := range accepted {
		if err := acceptOne(clean, n); err != nil {
			t.Fatal(err)
		}
	}
	d, closeAll := openDir(t, data)
	defer closeAll()
	if got, want := dump(t, d.Store), dump(t, clean.Store); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
