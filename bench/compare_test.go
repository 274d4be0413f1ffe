package main

import (
	"strings"
	"testing"

	"tagma/bench/gen"
	"tagma/bench/peers"
	"tagma/bench/rules"
)

// The product's answers and an engine's are compared by what both say, and a difference is told by its rule.
func TestPeerIsComparedWithProduct(t *testing.T) {
	o := options{size: gen.Size{Customers: 600, Events: 12_000}, seed: 1, order: gen.ByTime, dir: t.TempDir(), rules: 30, rounds: 1, peer: "sqlite", patience: 1 << 40}
	if _, err := measureLoad(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	ours, err := computeOnce(t.Context(), o, o.rules)
	if err != nil {
		t.Fatal(err)
	}
	l, err := measurePeerLoad(t.Context(), o)
	if err != nil || l.Absent != "" || l.Bytes == 0 || l.Version == "" {
		t.Fatalf("%+v, %v", l, err)
	}
	asked, err := measurePeer(t.Context(), o, rules.New(o.seed)[:o.rules])
	if err != nil {
		t.Fatal(err)
	}
	p, err := measurePreview(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	preview, err := measurePeer(t.Context(), o, rules.Previews())
	if err != nil {
		t.Fatal(err)
	}
	c := &compared{names: []string{"sqlite", "clickhouse"}, loaded: map[string]peerLoaded{"sqlite": l, "clickhouse": {Absent: "clickhouse: not here"}}, numbers: []int{30},
		ours: map[int][]computed{30: {ours}}, theirs: map[string]map[int][]peerAsked{"sqlite": {30: {asked}}}, previews: map[string]peerAsked{"sqlite": preview}, ours1: p}
	r := newReport(o)
	r.peers(c)
	for _, want := range []string{"| sqlite " + l.Version, "| clickhouse: not here |", "- sqlite: 30 answers equal", "0 different, 0 not to be written in SQL, 0 failed", "| 30 | ", " | 0 |\n"} {
		if !strings.Contains(r.b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, r.b.String())
		}
	}
	asked.Asked[3].Count++
	asked.Asked[5].Failed = "no memory"
	asked.Asked[7].Unwritten = "t0008: no words"
	r = newReport(o)
	r.peers(c)
	for _, want := range []string{"27 answers equal", "1 different", "  - t0004: ", "  - t0006: no memory", "  - t0008: no words"} {
		if !strings.Contains(r.b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, r.b.String())
		}
	}
	if err := peers.Remove("sqlite", o.dir); err != nil {
		t.Error(err)
	}
}

// An engine that takes too long is said to take more than it was given.
func TestPatienceEnds(t *testing.T) {
	o := options{size: gen.Size{Customers: 50, Events: 500}, seed: 1, dir: t.TempDir(), peer: "sqlite", patience: 1}
	if _, err := measurePeerLoad(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	a, err := measurePeer(t.Context(), o, rules.New(1)[:5])
	if err != nil || !a.Short || len(a.Asked) > 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	if got := asked([]peerAsked{a}, []float64{1}, "sqlite"); !strings.Contains(got, "more than") {
		t.Errorf("cells: %s", got)
	}
}

func TestLookup(t *testing.T) {
	o := options{size: gen.Size{Customers: 500, Events: 5_000}, seed: 1, order: gen.ByTime, dir: t.TempDir(), rules: 50, rounds: 1}
	if _, err := measureLoad(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	l, err := lookUp(t.Context(), o)
	if err != nil || len(l.Counts) != 3*segments || l.Assignments == 0 || l.Rows == 0 {
		t.Fatalf("%+v, %v", l, err)
	}
	r := newReport(o)
	r.lookup(l)
	r.targets(o)
	for _, want := range []string{"count of a segment", "bits a customer and value", "| index memory | ≤ 6 bits", "at 500 they say little"} {
		if !strings.Contains(r.b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, r.b.String())
		}
	}
}
