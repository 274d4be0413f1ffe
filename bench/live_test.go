package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tagma/bench/gen"
	"tagma/bench/rules"
)

// standIn takes batches as the product does, and gives the marker's tag to whoever was on its page.
type standIn struct {
	mu     sync.Mutex
	ids    map[string]bool
	marked map[string]bool
	names  map[string]int
	faults []string
}

func (x *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch r.URL.Path {
	case "/v1/batch":
		var in struct {
			Batch []struct {
				Type, MessageID, UserID, Event, Timestamp string
				Properties                                map[string]any
				Context                                   map[string]map[string]string
			}
		}
		if key, _, _ := r.BasicAuth(); key != "write" {
			x.faults = append(x.faults, "the key is "+key)
		}
		if err := json.Unmarshal(body, &in); err != nil {
			x.faults = append(x.faults, err.Error())
		}
		for _, m := range in.Batch {
			if _, err := time.Parse(time.RFC3339, m.Timestamp); err != nil || m.Type != "track" || m.MessageID == "" || x.ids[m.MessageID] || !strings.HasPrefix(m.UserID, "u") {
				x.faults = append(x.faults, "message "+m.MessageID+" of "+m.UserID)
			}
			if _, there := m.Properties["context.campaign.source"]; there {
				x.faults = append(x.faults, "the campaign is among the properties")
			}
			x.ids[m.MessageID] = true
			x.names[m.Event]++
			if m.Properties["page"] == markerPage {
				x.marked[m.UserID] = true
			}
			if m.Context["campaign"] != nil {
				x.names["campaign"]++
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"success": true, "accepted": len(in.Batch)})
	case "/api/v1/eligibility":
		var in struct{ Customers []string }
		_ = json.Unmarshal(body, &in)
		results := []any{}
		for _, c := range in.Customers {
			results = append(results, map[string]any{"customer": c, "known": true, "eligible": []bool{x.marked[strings.TrimPrefix(c, "user_id:")]}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"results": results})
	default:
		http.NotFound(w, r)
	}
}

// A load at a rate sends well-formed events of known customers, and sees the tags of those who are marked.
func TestLoadOfEvents(t *testing.T) {
	x := &standIn{ids: map[string]bool{}, marked: map[string]bool{}, names: map[string]int{}}
	h := httptest.NewServer(x)
	defer h.Close()
	w, err := gen.New(gen.Size{Customers: 2000, Events: 20_000}, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{url: h.URL, token: "t", key: "write", client: h.Client()}
	tr := &traffic{w: w, s: s, seed: 1, session: "x"}
	l := lived{IsLive: true}
	o := options{liveTime: 500 * time.Millisecond, connections: 3}
	// Watching needs the server's processor time, which a stand-in does not have: the traffic alone.
	seen := newWatch(s)
	sent := tr.run(t.Context(), o.liveTime, o.connections, 10_000, seen.mark)
	for seen.left() > 0 {
		seen.ask(t.Context())
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range x.faults {
		t.Error(f)
	}
	if sent.failed+sent.refused > 0 || sent.accepted < 1000 || sent.accepted > 5000 || len(x.ids) > 5100 {
		t.Errorf("%d accepted of %d, %d failed, %d refused: %s", sent.accepted, len(x.ids), sent.failed, sent.refused, sent.fault)
	}
	if len(seen.seen) == 0 || len(seen.seen) != len(x.marked) || seen.missing > 0 || seen.fault != nil {
		t.Errorf("%d seen of %d, %d missing: %v", len(seen.seen), len(x.marked), seen.missing, seen.fault)
	}
	if x.names["page_view"] < x.names["投诉"] || x.names["campaign"] == 0 {
		t.Errorf("events %v", x.names)
	}
	l.Loads = []liveLoad{{Offered: 10_000, Accepted: float64(sent.accepted) / sent.seconds, Sending: sent, Tags: seen.seen, CatchUp: .1}}
	l.First, l.RunMS = 2, 1000
	r := newReport(options{size: w.Size})
	r.live(l)
	r.targets(options{size: w.Size})
	for _, want := range []string{"| 10,000 | ", "| live equals batch | a run repairs nothing | 0 tags of other rules changed | met |", "| event→tag at 10,000/s | p99 ≤ 100 ms | "} {
		if !strings.Contains(r.b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, r.b.String())
		}
	}
}

// The intake's refusals are counted and waited for; other failures are told.
func TestLoadThatIsRefused(t *testing.T) {
	status := http.StatusTooManyRequests
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", status) }))
	defer h.Close()
	w, err := gen.New(gen.Size{Customers: 100, Events: 1000}, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr := &traffic{w: w, s: &server{url: h.URL, client: h.Client()}, seed: 1, session: "x"}
	if sent := tr.run(t.Context(), 200*time.Millisecond, 2, 0, nil); sent.refused == 0 || sent.refused > 20 || sent.accepted > 0 || sent.failed > 0 {
		t.Errorf("%+v", sent)
	}
	status = http.StatusTeapot
	if sent := tr.run(t.Context(), 100*time.Millisecond, 2, 5000, nil); sent.failed == 0 || !strings.Contains(sent.fault, "418") {
		t.Errorf("%+v", sent)
	}
}

// The workspace of the live path ends yesterday, with every rule decided and the marker's tag known.
func TestLiveWorkspace(t *testing.T) {
	o := options{size: gen.Size{Customers: 300, Events: 6000}, seed: 1, order: gen.ByTime, dir: t.TempDir(), rules: 40, rounds: 1}
	if err := loadLive(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := cloneWorkspace(o.liveBase(), o.liveRun()); err != nil {
		t.Fatal(err)
	}
	p, err := open(t.Context(), o.liveRun())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	}()
	members := 0
	for _, r := range rules.New(o.seed)[:o.rules] {
		a, err := p.answer(t.Context(), r.Key)
		if err != nil {
			t.Fatal(err)
		}
		members += a.Count
	}
	marked, err := p.answer(t.Context(), "bench_marker")
	if err != nil || members == 0 || marked.Count != 0 {
		t.Errorf("%d members, %d marked, %v", members, marked.Count, err)
	}
	recent, err := p.preview(t.Context(), `events.all.last("365d").count() >= 1`)
	if err != nil || recent == 0 {
		t.Errorf("%d customers did something, %v", recent, err)
	}
}
