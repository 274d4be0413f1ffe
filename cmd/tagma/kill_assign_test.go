package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const killAssignTags = `
schema: {events: {order_paid: {amount: number}}}
categories: [{key: c, name: 类}]
tags:
  - {key: card, name: 卡, category: c, purpose: p, owner: o, kind: manual, values: [金卡, 银卡]}
  - {key: often, name: 常, category: c, purpose: p, owner: o, keep: 30d, cases: [{value: 高, when: 'events.order_paid.last("90d").count() > 3'}, {value: 低, when: 'true'}]}
segments:
  - {key: top, name: 群, when: 'tags.card == "金卡" && tags.often == "高"'}
`

// TestAssigningKilledAnywhere kills -9 the program while rows assign tags, while people do, and while it computes, and
// ends in the state of a run that nobody disturbed: what was decided is recorded once, and the index agrees.
func TestAssigningKilledAnywhere(t *testing.T) {
	shop := killShop(t)
	file := func(name string) string { return filepath.Join(shop, name) }
	var rows, back strings.Builder
	rows.WriteString("customer,tag,value,action,reason,until\n")
	back.WriteString("customer,tag,action\n")
	for i := range 1500 {
		fmt.Fprintf(&rows, "user_id:%d,card,%s,,展会,\nuser_id:%d,often,高,,,2026-08-01\n", i, []string{"金卡", "银卡"}[i%2], i*2)
		fmt.Fprintf(&back, "user_id:%d,often,release\n", i)
	}
	for name, text := range map[string]string{"assign.csv": rows.String(), "release.csv": back.String(), "tags.yaml": killAssignTags,
		"cards.yaml": strings.Replace(killMapping, "  events:\n", "  tags: {card: '=has(row.city) ? \"银卡\" : null'}\n  events:\n", 1)} {
		if err := os.WriteFile(file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	for _, dir := range []string{whole, broken} {
		mustRun(t, "--data", dir, "init", "--clock", "2026-07-01")
		mustRun(t, "--data", dir, "apply", "-f", file("tags.yaml"))
	}
	r := rand.New(rand.NewPCG(12, uint64(os.Getpid()))) // other points every time
	kills := 0
	for _, args := range [][]string{
		{"import", "--mapping", file("cards.yaml"), file("orders.csv"), file("more.csv")},
		{"compute"},
		{"assign", "--by", "li", "--file", file("assign.csv")},
		{"assign", "--by", "li", "--file", file("release.csv")},
		{"clock", "2026-09-01"},
		{"compute"}, // what ends before that ends in it
	} {
		cmd, out := start(t, whole, args...)
		all, _ := watch(cmd, whole, nil)
		if !cmd.ProcessState.Success() {
			t.Fatalf("tagma %s: %s", strings.Join(args, " "), out)
		}
		for i := range killsEach / 2 {
			share := (float64(i) + r.Float64()) / float64(killsEach/2)
			points := []func(reached) bool{
				func(p reached) bool { return p.time >= time.Duration(share*float64(all.time)) },
				func(p reached) bool { return p.bytes > int64(share*float64(all.bytes)) },
			}
			cmd, _ := start(t, broken, args...)
			if _, killed := watch(cmd, broken, points[i%len(points)]); killed {
				kills++
			}
			if i%2 == 0 {
				continue
			}
			if out := mustRun(t, "--data", broken, "check"); strings.Contains(out, "WRONG") {
				t.Fatalf("after kill %d, in %s: %s", kills, args[0], out)
			}
		}
		finish(t, broken, args...)
	}
	t.Logf("%d kills", kills)
	if kills < 5 {
		t.Errorf("only %d kills came in time, want 5", kills)
	}
	for _, q := range [][]string{{"members", "--values", "card"}, {"members", "--values", "often"}, {"members", "--segment", "top"}, {"assignments", "--all"},
		{"query", "--as-of", "2026-07-01", "--values", "tags.often"}, {"query", "--values", "previous(tags.often)"}, {"check"}} {
		want, got := mustRun(t, append([]string{"--data", whole}, q...)...), mustRun(t, append([]string{"--data", broken}, q...)...)
		if want != got {
			t.Errorf("%q\n%.500s\nundisturbed\n%.500s", q, got, want)
		}
	}
}
