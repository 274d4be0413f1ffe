package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// killsEach is how often each command is killed before it is let through.
const killsEach = 9

// start starts the program as a process of its own, the way a shell would.
func start(t *testing.T, dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command("tagma", append([]string{"--data", dir}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// finish runs the program to its end.
func finish(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd, out := start(t, dir, args...)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("tagma %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// reached is how far a command has come, by three measures.
type reached struct {
	time  time.Duration
	bytes int64 // that the data directory has grown by
	moves int   // how often a file appeared or went away: the steps between which a crash matters most
}

// watch follows a process and kills it when it has come to a point; a nil point lets it run. It returns how far the
// process came, and whether it was killed.
func watch(cmd *exec.Cmd, dir string, point func(reached) bool) (p reached, killed bool) {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	begun := time.Now()
	base, names := look(dir)
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			p.time = time.Since(begun)
			return p, false
		case <-tick.C:
			size, now := look(dir)
			if now != names {
				p.moves, names = p.moves+1, now
			}
			p.time, p.bytes = time.Since(begun), max(p.bytes, size-base)
			if point != nil && point(p) {
				_ = cmd.Process.Kill()
				<-done
				return p, true
			}
		}
	}
}

// look returns the bytes under a directory, and the names of its files.
func look(dir string) (bytes int64, names string) {
	var b strings.Builder
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			bytes += info.Size()
			b.WriteString(path + "\n")
		}
		return nil // what is just being removed is not counted
	})
	return bytes, b.String()
}

// killShop writes two order files, a mapping and definitions into a directory.
func killShop(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	r := rand.New(rand.NewPCG(7, 7))
	var b strings.Builder
	const header = "customer,city,order,amount,paid_at\n"
	b.WriteString(header)
	for i := range 40_000 {
		fmt.Fprintf(&b, "%d,%s,A-%d,%d.%02d,2026-%02d-%02d %02d:00:00\n", r.IntN(3000), []string{"上海", "北京", "", "成都"}[r.IntN(4)], i,
			r.IntN(900), r.IntN(100), 1+r.IntN(6), 1+r.IntN(28), r.IntN(24))
	}
	first, second := b.String()[:b.Len()/2], b.String()[b.Len()/2:]
	rest, _, _ := strings.Cut(second, "\n") // the line that the middle falls into
	first, second = first+rest+"\n", header+second[len(rest)+1:]
	for name, text := range map[string]string{"orders.csv": first, "more.csv": second, "mapping.yaml": killMapping, "one.yaml": killTags, "two.yaml": strings.ReplaceAll(killTags, "> 3", "> 5")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const killMapping = `
source: shop
traits_time: {from: paid_at, layout: 'yyyy-MM-dd HH:mm:ss'}
rows:
  identify: {user_id: customer}
  traits: {city: city}
  events:
    - name: order_paid
      time: {from: paid_at, layout: 'yyyy-MM-dd HH:mm:ss'}
      properties: {order: order, amount: {from: amount, as: number}}
`

const killTags = `
measures:
  spent: {value: 'events.order_paid.sum(e, e.amount)'}
categories: [{key: c, name: 类}]
tags:
  - {key: often, name: 常, category: c, purpose: p, owner: o, cases: [{value: 高, when: 'events.order_paid.last("90d").count() > 3'}, {value: 低, when: 'true'}]}
  - {key: spent, name: 额, category: c, purpose: p, owner: o, value: 'measures.spent', bands: [{below: 5000, value: 小}, {value: 大}]}
  - {key: rank, name: 级, category: c, purpose: p, owner: o, value: 'ntile(measures.spent, 5)'}
  - {key: home, name: 城, category: c, purpose: p, owner: o, value: 'traits.city'}
segments:
  - {key: top, name: 群, when: 'tags.rank == 5 && tags.often == "高"'}
`

// state is all that the questions below answer: two workspaces with the same state went the same way.
func state(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, args := range [][]string{
		{"query", "--count", "true"},
		{"query", "--values", "events.order_paid.count()"},
		{"query", "--values", "events.order_paid.sum(e, e.amount)"},
		{"query", "--values", "events.order_paid.latest().order"},
		{"query", "--values", "traits.city"},
		{"query", "--values", "customer.first_seen"},
		{"query", "--as-of", "2026-03-31", "--ids", `traits.city == "上海"`},
		{"members", "--values", "often"},
		{"members", "--values", "spent"},
		{"members", "--values", "rank"},
		{"members", "--values", "home"},
		{"members", "--segment", "top"},
		{"export"},
	} {
		fmt.Fprintf(&b, "%q\n%s\n", args, mustRun(t, append([]string{"--data", dir}, args...)...))
	}
	return b.String()
}

// TestKilledAnywhere kills -9 the program while it imports, applies and computes, at many points of each, starts it
// again, and ends in the state of a run that nobody disturbed.
func TestKilledAnywhere(t *testing.T) {
	shop := killShop(t)
	file := func(name string) string { return filepath.Join(shop, name) }
	steps := []struct {
		args  []string
		kills int
	}{
		{[]string{"import", "--mapping", file("mapping.yaml"), file("orders.csv"), file("more.csv")}, 2 * killsEach},
		{[]string{"apply", "-f", file("one.yaml")}, killsEach / 2},
		{[]string{"compute"}, killsEach},
		{[]string{"apply", "-f", file("two.yaml")}, killsEach / 2},
		{[]string{"compute"}, killsEach},
	}
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	mustRun(t, "--data", whole, "init", "--clock", "2026-07-01")
	mustRun(t, "--data", broken, "init", "--clock", "2026-07-01")

	seed := uint64(os.Getpid()) // other points every time
	r := rand.New(rand.NewPCG(11, seed))
	kills := 0
	for _, s := range steps {
		cmd, out := start(t, whole, s.args...)
		all, _ := watch(cmd, whole, nil)
		if !cmd.ProcessState.Success() {
			t.Fatalf("tagma %s: %s", strings.Join(s.args, " "), out)
		}
		for i := range s.kills {
			share := (float64(i) + r.Float64()) / float64(s.kills)
			measures := []func(reached) bool{
				func(p reached) bool { return p.time >= time.Duration(share*float64(all.time)) },
				func(p reached) bool { return p.bytes > int64(share*float64(all.bytes)) },
				func(p reached) bool { return p.moves > int(share*float64(all.moves)) },
			}
			cmd, _ := start(t, broken, s.args...)
			if _, killed := watch(cmd, broken, measures[i%len(measures)]); killed {
				kills++
			}
			if i%4 == 3 { // what was left half done is whole after any opening
				if out := mustRun(t, "--data", broken, "check"); strings.Contains(out, "WRONG") {
					t.Fatalf("after kill %d, in %s: %s", kills, s.args[0], out)
				}
			}
		}
		finish(t, broken, s.args...)
	}
	t.Logf("%d kills, seed %d", kills, seed)
	if kills < 20 {
		t.Errorf("only %d kills came in time, want 20", kills)
	}
	if out := mustRun(t, "--data", broken, "check"); !strings.Contains(out, "all right") || strings.Contains(out, "note") {
		t.Error(out)
	}
	want, got := strings.Split(state(t, whole), "\n"), strings.Split(state(t, broken), "\n")
	for i := range want {
		if i >= len(got) || want[i] != got[i] {
			t.Fatalf("line %d of the answers: %q, undisturbed %q", i, got[min(i, len(got)-1)], want[i])
		}
	}
	if len(got) > len(want) {
		t.Errorf("%d lines of answers, undisturbed %d", len(got), len(want))
	}
}

// TestInterruptedWhileItWaits interrupts an import that waits for standard input: it ends at once, says so, and what
// it had read before is a question of the next import.
func TestInterruptedWhileItWaits(t *testing.T) {
	shop := killShop(t)
	dir := filepath.Join(shop, "data")
	mustRun(t, "--data", dir, "init", "--clock", "2026-07-01")
	cmd := exec.Command("tagma", "--data", dir, "import", "--mapping", filepath.Join(shop, "mapping.yaml"), "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds: when it is written, the program reads.
	if _, err := in.Write([]byte("customer,city,order,amount,paid_at\n" + strings.Repeat("1,上海,A,1,2026-06-01 10:00:00\n", 20_000))); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	timeout := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer timeout.Stop()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	if out := mustRun(t, "--data", dir, "check"); !strings.Contains(out, "all right") {
		t.Error(out)
	}
}
