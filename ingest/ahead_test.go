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
	"tagma/stream"
)

// sentBy is a message with an id: a visit of one of nine customers, who come by their device first.
func sentBy(n int) Sent {
	s := Sent{Source: "web", Message: fmt.Sprint("m", n)}
	s.Identifiers = []identity.Key{{Kind: "anonymous_id", Value: fmt.Sprint("a", n%9)}}
	if n >= 9 {
		s.Identifiers = append(s.Identifiers, identity.Key{Kind: "user_id", Value: fmt.Sprint("u", n%9)})
	}
	s.Events = []Event{{Name: "visit", Time: event.Time(n + 1), Props: []event.Property{{Name: "z", Value: event.Num(event.Int(int64(n)))}, {Name: "a", Value: event.Text("x")}}}}
	return s
}

// collectDeps are those of a process that accepts while the history follows. The caller moves the reader.
func collectDeps(t testing.TB, d Deps) (Deps, *stream.Runner) {
	t.Helper()
	d.Ahead = NewAhead()
	r, err := stream.New(d.DB, stream.Options{}, WarehouseReader(d.Log, d.Store))
	if err != nil {
		t.Fatal(err)
	}
	d.Appended = r.Notify
	return d, r
}

// Messages are taken once while the history stands still, whoever sends them again and whatever was loaded in between.
func TestCollectAheadOfTheHistory(t *testing.T) {
	ctx := context.Background()
	d, r := collectDeps(t, newDeps(t))
	send := func(want string, ns ...int) {
		t.Helper()
		var list []Sent
		for _, n := range ns {
			list = append(list, sentBy(n))
		}
		fresh, _, err := Collect(ctx, d, list)
		got := ""
		for _, f := range fresh {
			if f {
				got += "n"
			} else {
				got += "o"
			}
		}
		if err != nil || got != want {
			t.Errorf("%v: got %s, want %s (%v)", ns, got, want, err)
		}
	}
	send("nnn", 0, 1, 2)
	send("oonon", 2, 1, 3, 3, 10)
	if d.Store.Offset() != 0 {
		t.Fatalf("the history is at %d, and nobody moved it", d.Store.Offset())
	}
	// Customer 1 became a person with message 10: another person on the same device is somebody else.
	other := sentBy(11)
	other.Message = "other"
	other.Identifiers[0] = identity.Key{Kind: "anonymous_id", Value: "a1"}
	if _, counts, err := Collect(ctx, d, []Sent{other}); err != nil || counts.Profiles != 1 {
		t.Errorf("%+v, %v", counts, err)
	}
	// A part of it comes into the history; a load comes in between, by somebody who needs the history at the end.
	if err := r.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	send("no", 4, 0)
	l, err := NewLoader(ctx, d, "till")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add(Record{Identifiers: []identity.Key{{Kind: "user_id", Value: "loaded"}}, Events: []Event{{Name: "order", Time: 1}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Close(); err != nil {
		t.Fatal(err)
	}
	send("noon", 5, 4, 0, 6)
	if _, err := Accept(ctx, d, "api", Record{Identifiers: []identity.Key{{Kind: "user_id", Value: "u1"}}, Consents: []Trait{{Name: "sms", Time: 1, Value: event.Bool(true)}}}); err != nil {
		t.Fatal(err)
	}
	if end, err := d.Log.End(ctx, d.DB.Read()); err != nil || d.Store.Offset() != end {
		t.Errorf("behind what was accepted by itself the history is at %d of %d, %v", d.Store.Offset(), end, err)
	}
	send("oooooo", 0, 1, 2, 3, 4, 5)
	if n := len(d.Ahead.entries) + len(d.Ahead.seen) + len(d.Ahead.persons); n != 0 {
		t.Errorf("what the history has is still remembered: %d things", n)
	}
	if n := len(grep(dump(t, d.Store), "1 visit of ")); n != 9 {
		t.Errorf("%d visits, want 9", n)
	}
}

// Blocks that the reader takes together come into the history as one by one.
func TestBlocksTogether(t *testing.T) {
	ctx := context.Background()
	one, together := newDeps(t), newDeps(t)
	for i, d := range []Deps{one, together} {
		d, r := collectDeps(t, d)
		for n := range 60 {
			if _, _, err := Collect(ctx, d, []Sent{sentBy(n), sentBy(n / 2)}); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				if err := r.CatchUp(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := r.CatchUp(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := dump(t, one.Store), dump(t, together.Store); a != b {
		t.Errorf("one by one\n%s\ntogether\n%s", a, b)
	}
}

// collected is how many messages the tests of Collect and kill send.
const collected = 400

// TestCollectChild is not a test of its own: TestKillCollect runs it in another process.
func TestCollectChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("it is run by TestKillCollect")
	}
	d, _, err := openDeps(filepath.Join(dir, "data"))
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
	d, r := collectDeps(t, d)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	for n := 0; n < collected; n += 4 {
		// Each time all from the beginning, as a client that had no answer does.
		fresh, _, err := Collect(ctx, d, []Sent{sentBy(n), sentBy(n + 1), sentBy(n + 2), sentBy(n + 3)})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("accepted %d %v\n", n, fresh[0])
	}
	end, err := d.Log.End(ctx, d.DB.Read())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, WarehouseName, end); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
}

// Killed at any point, also between the commit and the history, what was answered is there, and what is sent again is
// counted once.
func TestKillCollect(t *testing.T) {
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
	kills, said := 0, 0
	for done := false; !done; {
		after := 1 + random.IntN(200)
		if kills >= 15 {
			after = 1 << 40
		}
		child := exec.Command(os.Args[0], "-test.run=^TestCollectChild$")
		child.Env = append(os.Environ(), crashDir+"="+dir, crashSteps+"="+strconv.Itoa(after))
		out, err := child.CombinedOutput()
		switch {
		case err == nil:
			done = true
		case child.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
			kills++
		default:
			t.Fatalf("seed %d, after %d kills: %v\n%s", seed, kills, err, out)
		}
		said = max(said, 4*strings.Count(string(out), "accepted "))
		d, closeAll := openDir(t, data)
		there := len(grep(dump(t, d.Store), "1 visit of "))
		closeAll()
		if there < said || there > said+4 {
			t.Fatalf("seed %d: %d messages were accepted, %d are there", seed, said, there)
		}
	}
	t.Logf("killed %d times; seed %d", kills, seed)
	if kills == 0 || said != collected {
		t.Errorf("killed %d times, %d accepted", kills, said)
	}
}
