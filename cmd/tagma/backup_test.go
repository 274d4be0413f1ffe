package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// killed starts a command again and again and kills it each time a little later in its work, by time and by the steps
// that can be seen in a directory; after each kill, then is called. It returns how many kills came in time.
func killed(t *testing.T, dir, look string, times int, args func(n int) []string, then func(n int)) (kills int) {
	t.Helper()
	cmd, out := start(t, dir, args(-1)...)
	all, _ := watch(cmd, look, nil)
	if !cmd.ProcessState.Success() {
		t.Fatalf("tagma %s: %s", strings.Join(args(-1), " "), out)
	}
	r := rand.New(rand.NewPCG(3, uint64(os.Getpid())))
	for n := range times {
		share := (float64(n) + r.Float64()) / float64(times)
		point := func(p reached) bool { return p.time >= time.Duration(share*float64(all.time)) }
		if n%2 == 1 {
			point = func(p reached) bool { return p.moves > int(share*float64(all.moves)) }
		}
		cmd, _ := start(t, dir, args(n)...)
		if _, done := watch(cmd, look, point); done {
			kills++
		}
		then(n)
	}
	return kills
}

// A backup that is killed -9 leaves the workspace as it was, and nothing that restoring takes for whole.
func TestABackupIsKilled(t *testing.T) {
	shop := killShop(t)
	dir, to := filepath.Join(shop, "data"), filepath.Join(shop, "backups")
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "--data", dir, "init", "--clock", "2026-07-01")
	mustRun(t, "--data", dir, "import", "--mapping", filepath.Join(shop, "mapping.yaml"), filepath.Join(shop, "orders.csv"))
	mustRun(t, "--data", dir, "apply", "-f", filepath.Join(shop, "one.yaml"))
	mustRun(t, "--data", dir, "compute")
	want := state(t, dir)
	file := func(n int) string { return filepath.Join(to, strconv.Itoa(n)) }
	whole := 0
	kills := killed(t, dir, shop, 14, func(n int) []string { return []string{"backup", file(n)} }, func(n int) {
		for _, name := range []string{file(n), file(n) + ".part"} {
			if _, err := os.Stat(name); err != nil {
				continue
			}
			out, code := tagmaAt(t, shop, dir, "restore", "--check", name)
			if code == 0 {
				whole++ // it was killed in its last steps
			} else if name == file(n) || !strings.Contains(out, "only half a backup") {
				t.Errorf("after kill %d: %s: %s", n, filepath.Base(name), out)
			}
		}
		if n%5 == 0 {
			if out := mustRun(t, "--data", dir, "check"); !strings.Contains(out, "all right") {
				t.Errorf("after kill %d: %s", n, out)
			}
		}
	})
	t.Logf("%d kills, %d of them after it was whole", kills, whole)
	if kills < 5 {
		t.Errorf("only %d kills came in time", kills)
	}
	mustRun(t, "--data", dir, "backup", file(99))
	if _, err := os.Stat(filepath.Join(dir, "backup.part")); !os.IsNotExist(err) {
		t.Errorf("backup.part is left: %v", err)
	}
	restored := filepath.Join(shop, "restored")
	mustRun(t, "--data", restored, "restore", file(99))
	if state(t, restored) != want {
		t.Error("the last backup is not what the workspace was")
	}
}

// A restore that is killed -9 leaves no workspace, and is run again.
func TestARestoreIsKilled(t *testing.T) {
	shop := killShop(t)
	dir, file := filepath.Join(shop, "data"), filepath.Join(shop, "b.tar.zst")
	mustRun(t, "--data", dir, "init", "--clock", "2026-07-01")
	mustRun(t, "--data", dir, "import", "--mapping", filepath.Join(shop, "mapping.yaml"), filepath.Join(shop, "orders.csv"))
	mustRun(t, "--data", dir, "backup", file)
	want := mustRun(t, "--data", dir, "query", "--values", "events.order_paid.sum(e, e.amount)")
	at := filepath.Join(shop, "disk") // the same place each time, as a disk of its own would be
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	answers := func() {
		t.Helper()
		if got := mustRun(t, "--data", at, "query", "--values", "events.order_paid.sum(e, e.amount)"); got != want {
			t.Error("it does not answer as the workspace did")
		}
		entries, err := os.ReadDir(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries { // emptied for the next
			if err := os.RemoveAll(filepath.Join(at, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := true
	kills := killed(t, at, at, 14, func(int) []string {
		if !first && len(mustGlob(t, at+"/tagma.db")) > 0 {
			answers()
		}
		first = false
		return []string{"restore", file}
	}, func(n int) {
		if len(mustGlob(t, at+"/tagma.db")) > 0 {
			answers()
			return
		}
		out, code := tagmaAt(t, shop, at, "query", "--count", "true")
		if code != 1 || !strings.Contains(out, "holds no workspace") && !strings.Contains(out, "a restore into "+at+" did not come to its end") {
			t.Errorf("after kill %d: %d %s", n, code, out)
		}
	})
	t.Logf("%d kills", kills)
	if kills < 5 {
		t.Errorf("only %d kills came in time", kills)
	}
	mustRun(t, "--data", at, "restore", file)
	answers()
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A server takes events, imports and runs while backups are made of it; each holds what was answered before it began.
func TestServeIsBackedUpUnderLoad(t *testing.T) {
	shop := killShop(t)
	dir := filepath.Join(shop, "data")
	s := serve(t, dir)
	run := func(args ...string) string {
		t.Helper()
		out, code := tagmaAt(t, shop, dir, args...)
		if code != 0 {
			t.Errorf("tagma %s: %d %s", strings.Join(args, " "), code, out)
		}
		return out
	}
	key := strings.TrimSpace(run("source", "add", "web"))
	token := strings.TrimSpace(run("token", "add", "nightly", "--role", "admin"))
	run("import", "--mapping", "mapping.yaml", "orders.csv")
	run("apply", "-f", "one.yaml")
	var begun, acked atomic.Int64
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			n := begun.Add(1)
			r, err := http.NewRequest("POST", s.address+"/v1/track", strings.NewReader(fmt.Sprintf(`{"userId":"w","event":"visit","properties":{"n":%d}}`, n)))
			if err != nil {
				t.Error(err)
				return
			}
			r.SetBasicAuth(key, "")
			res, err := http.DefaultClient.Do(r)
			if err != nil || res.StatusCode != 200 {
				t.Errorf("%v, %v", res, err)
				return
			}
			res.Body.Close()
			acked.Add(1)
		}
	})
	work.Go(func() {
		run("import", "--mapping", "mapping.yaml", "more.csv")
		run("compute")
	})
	type made struct {
		file   string
		lo, hi int64
	}
	var backups []made
	for n := range 2 {
		b := made{file: filepath.Join(shop, fmt.Sprint("command", n)), lo: acked.Load()}
		run("backup", b.file)
		b.hi = begun.Load()
		backups = append(backups, b)
	}
	{ // to another program, and by the API
		b := made{file: filepath.Join(shop, "api"), lo: acked.Load()}
		r, err := http.NewRequest("POST", s.address+"/api/v1/backups", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 {
			t.Fatal(res.Status, err)
		}
		res.Body.Close()
		if err := os.WriteFile(b.file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		b.hi = begun.Load()
		backups = append(backups, b)
	}
	close(stop)
	work.Wait()
	for _, name := range []string{"local-token", "lock"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.end(syscall.SIGTERM); err != nil {
		t.Errorf("it ended with %v: %s", err, s.errOut.String())
	}
	for _, b := range backups {
		restored := b.file + " restored"
		mustRun(t, "--data", restored, "restore", b.file)
		if out := mustRun(t, "--data", restored, "check"); strings.Contains(out, "WRONG") {
			t.Error(out)
		}
		text := strings.TrimSpace(mustRun(t, "--data", restored, "query", "--values", "events.visit.max(e, e.n)"))
		_, last, _ := strings.Cut(text, "\t")
		got, _ := strconv.ParseInt(last, 10, 64)
		if got < b.lo || got > b.hi {
			t.Errorf("%s: %d events, %d were answered before it began and %d sent when it ended", filepath.Base(b.file), got, b.lo, b.hi)
		}
		count := strings.TrimSpace(mustRun(t, "--data", restored, "query", "--values", "events.visit.count()"))
		if got > 0 && !strings.Contains(count, "w\t"+last) {
			t.Errorf("%s: the last is %s, the counts are %q", filepath.Base(b.file), last, count)
		}
		for _, name := range []string{"local-token"} {
			if _, err := os.Stat(filepath.Join(restored, name)); !os.IsNotExist(err) {
				t.Errorf("%s is in the backup: %v", name, err)
			}
		}
	}
}
