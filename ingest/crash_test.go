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
	"tagma/warehouse"
)

// mortal is a store that kills its process at a given step.
type mortal struct {
	warehouse.Store
	steps *atomic.Int64
}

// step counts down; at zero the process ends as if the machine had pulled it away.
func (m mortal) step() {
	if m.steps.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (m mortal) StartLoad(id string) (warehouse.Load, error) {
	m.step()
	l, err := m.Store.StartLoad(id)
	m.step()
	return mortalLoad{l, m}, err
}

func (m mortal) Ingest(ctx context.Context, id string, offset uint64) error {
	m.step()
	err := m.Store.Ingest(ctx, id, offset)
	m.step()
	return err
}

func (m mortal) Seen(keys []warehouse.SeenKey) ([][]byte, error) {
	m.step()
	return m.Store.Seen(keys)
}

type mortalLoad struct {
	warehouse.Load
	m mortal
}

func (l mortalLoad) Event(e *event.Event) error {
	if e.Arrival%97 == 0 {
		l.m.step()
	}
	return l.Load.Event(e)
}

func (l mortalLoad) Finish(ctx context.Context) error {
	l.m.step()
	err := l.Load.Finish(ctx)
	l.m.step() // the files are there, the log does not know them
	return err
}

const (
	crashDir   = "TAGMA_TEST_CRASH_DIR"
	crashSteps = "TAGMA_TEST_CRASH_STEPS"
)

const crashMapping = `
source: s
rows:
  identify: {user_id: id, phone: phone}
  traits: {city: city, level: {from: level, as: number}}
  consents: {mail: '=row.what == "buy"'}
  events:
    - {name: buy, when: 'row.what == "buy"', time: date, message_id: mid, properties: {n: {from: level, as: number}}}
    - {name: any, time: date, properties: {what: what}}
`

// TestCrashChild is not a test of its own: TestKill runs it in another process.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("it is run by TestKill")
	}
	steps := &atomic.Int64{}
	n, err := strconv.ParseInt(os.Getenv(crashSteps), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	steps.Store(n)
	if err := crashImport(filepath.Join(dir, "data"), dir, steps); err != nil {
		t.Fatal(err)
	}
}

// crashImport imports the two files of dir in small chunks, and leaves in steps what is left of them.
func crashImport(data, dir string, steps *atomic.Int64) error {
	d, closeAll, err := openDeps(data)
	if err != nil {
		return err
	}
	d.Zone = event.NewUTC()
	m, err := ParseMapping("m.yaml", []byte(crashMapping), d.Zone)
	if err != nil {
		return err
	}
	d.Store = mortal{d.Store, steps}
	_, err = Import(context.Background(), d, m, []string{filepath.Join(dir, "a.csv"), filepath.Join(dir, "b.csv")}, Options{chunkRows: 500})
	if err != nil {
		return err
	}
	return closeAll()
}

func writeCrashFiles(t *testing.T, dir string) {
	random := rand.New(rand.NewPCG(1, 2))
	for k, name := range []string{"a.csv", "b.csv"} {
		var b strings.Builder
		b.WriteString("id,phone,city,level,what,date,mid\n")
		for i := range 8_000 {
			id := random.IntN(2000)
			phone, mid := "", ""
			if i%3 == 0 {
				phone = fmt.Sprint("138-", id)
			}
			if i%5 < 2 {
				mid = fmt.Sprint("m", random.IntN(5_000))
			}
			fmt.Fprintf(&b, "%d,%s,%s,%d,%s,2020-0%d-%02d,%s\n", id, phone, []string{"上海", "北京", ""}[random.IntN(3)], random.IntN(3),
				[]string{"buy", "see"}[random.IntN(2)], k+1, random.IntN(28)+1, mid)
		}
		write(t, dir, name, b.String())
	}
}

// Killed at any point and run again, an import leaves what an undisturbed one leaves.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts many processes")
	}
	dir := t.TempDir()
	writeCrashFiles(t, dir)
	clean := filepath.Join(t.TempDir(), "data")
	for _, d := range []string{clean, filepath.Join(dir, "data")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const many = 1 << 40
	steps := &atomic.Int64{}
	steps.Store(many)
	if err := crashImport(clean, dir, steps); err != nil {
		t.Fatal(err)
	}
	all := int(many - steps.Load())
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("%d steps; seed %d", all, seed)
	kills := 0
	for done := false; !done; {
		after := 1 + random.IntN(all/4)
		if kills >= 15 {
			after = many
		}
		child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
		child.Env = append(os.Environ(), crashDir+"="+dir, crashSteps+"="+strconv.Itoa(after))
		out, err := child.CombinedOutput()
		switch {
		case err == nil:
			done = true
		case child.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
			kills++
		default:
			t.Fatalf("after %d kills: %v\n%s", kills, err, out)
		}
	}
	t.Logf("killed %d times", kills)
	if kills == 0 {
		t.Error("it was never killed")
	}
	d, closeAll := openDir(t, filepath.Join(dir, "data"))
	defer closeAll()
	c, closeClean := openDir(t, clean)
	defer closeClean()
	got, want := dump(t, d.Store), dump(t, c.Store)
	if got != want {
		a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("line %d of %d and %d:\n%s\nwant\n%s", i, len(a), len(b), a[i], b[i])
			}
		}
		t.Fatalf("%d lines, want %d", len(a), len(b))
	}
	if n := len(grep(want, "1 any of ")); n != 16_000 {
		t.Errorf("%d events", n)
	}
	var rows, profiles int
	for _, q := range []struct {
		text string
		into *int
	}{{"SELECT count(*) FROM identifiers", &rows}, {"SELECT next FROM counters WHERE name = 'profiles'", &profiles}} {
		if err := d.DB.Read().QueryRowContext(context.Background(), q.text).Scan(q.into); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(grep(want, "4 user_id of ")) + len(grep(want, "4 phone of ")); rows != n || profiles != 2000 {
		t.Errorf("%d identifiers in the database and %d in the history; %d profiles", rows, n, profiles)
	}
}
