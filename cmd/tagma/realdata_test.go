package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answer is how a rule of expected/*.json is asked for.
type answer struct {
	id string
	// ids is the condition of a set; values are the columns of a value rule, one query each.
	ids    string
	values []string
}

// dataset is one of the public data sets: its files, and the rules that came with answers.
type dataset struct {
	expected, zone, clock string
	imports               [][2]string // mapping under examples/, file under the data folder
	answers               []answer
}

var datasets = []dataset{
	{
		expected: "completejourney.json", zone: "America/New_York", clock: "2017-12-31",
		imports: [][2]string{
			{"complete-journey/mapping.yaml", "completejourney/transactions_sample.csv.gz"},
			{"complete-journey/demographics.yaml", "completejourney/demographics.csv.gz"},
			{"complete-journey/campaigns.yaml", "completejourney/campaigns.csv.gz"},
			{"complete-journey/coupon_redemptions.yaml", "completejourney/coupon_redemptions.csv.gz"},
		},
		answers: []answer{
			{id: "CJ01", ids: `events.order_line.last("90d").distinct(e, e.basket) >= 10`},
			{id: "CJ02", ids: `traits.age in ["25-34", "35-44"] && traits.kids in ["1", "2", "3+"]`},
			{id: "CJ05", values: []string{`events.order_line.top(e, present(e.department) ? e.department : "(未知)", e.amount)`}},
			{id: "CJ10", ids: `events.order_line.distinct(e, e.basket) >= 5 &&
				events.order_line.where(e, hour(e.time) >= 20 || hour(e.time) < 6).distinct(e, e.basket) / events.order_line.distinct(e, e.basket) >= 0.4`},
			{id: "CJ13", values: []string{`round(events.order_line.sum(e, e.amount) * 100 / events.order_line.distinct(e, e.basket), 0)`}},
		},
	},
	{
		expected: "cdnow.json", zone: "America/New_York", clock: "1998-06-30",
		imports: [][2]string{{"cdnow/mapping.yaml", "cdnow/CDNOW_master.txt"}},
		answers: []answer{
			{id: "CD01", ids: `events.purchase.last("90d").count() >= 3`},
			{id: "CD02", values: []string{`format(events.purchase.earliest().time, "yyyy-MM")`}},
			{id: "CD04", values: []string{`days_since(events.purchase.latest().time)`, `events.purchase.count()`, `events.purchase.sum(e, e.amount) * 100`}},
			{id: "CD06", ids: `events.purchase.days() == 1`},
		},
	},
}

// sharedData is where the public data lies, beside the repository's root. It is not part of the repository.
func sharedData(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../shared/data")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the public data sets are not here: put them at ../shared/data beside the repository to run this test")
	}
	return dir
}

// mustRun runs the program in this process, fails the test unless it ends well, and returns what it printed.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := run(context.Background(), args, strings.NewReader(""), &out, &errOut); code != 0 {
		t.Fatalf("tagma %s: exit code %d\n%s", strings.Join(args, " "), code, errOut.String())
	}
	return out.String()
}

// expectedRule is a rule of expected/*.json.
type expectedRule struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Count  int    `json:"count"`
	IDs    string `json:"ids_sha256"`
	Values string `json:"values_sha256"`
}

func TestPublicDataSetsComeOutExactly(t *testing.T) {
	data := sharedData(t)
	for _, d := range datasets {
		t.Run(strings.TrimSuffix(d.expected, ".json"), func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(data, "expected", d.expected))
			if err != nil {
				t.Fatal(err)
			}
			var file struct{ Rules []expectedRule }
			if err := json.Unmarshal(b, &file); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "data")
			mustRun(t, "--data", dir, "init", "--timezone", d.zone, "--clock", d.clock)
			for _, in := range d.imports {
				mustRun(t, "--data", dir, "import", "--mapping", filepath.Join("../../examples", in[0]), filepath.Join(data, in[1]))
			}
			byID := map[string]answer{}
			for _, a := range d.answers {
				byID[a.id] = a
			}
			for _, want := range file.Rules {
				a, known := byID[want.ID]
				switch {
				case want.Kind == "table": // summaries, not tags
				case !known:
					t.Errorf("%s has no expression here", want.ID)
				case want.Kind == "set":
					compareLines(t, want.ID, mustRun(t, "--data", dir, "query", "--ids", a.ids), want.Count, want.IDs)
				default:
					compareLines(t, want.ID, columns(t, dir, a.values), want.Count, want.Values)
				}
			}
			if out := mustRun(t, "--data", dir, "check"); !strings.Contains(out, "all right") {
				t.Error(out)
			}
		})
	}
}

// columns asks for several values and puts them side by side, one customer a line.
func columns(t *testing.T, dir string, values []string) string {
	t.Helper()
	var ids []string
	rows := map[string][]string{}
	for i, x := range values {
		for line := range strings.Lines(mustRun(t, "--data", dir, "query", "--values", x)) {
			id, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			if i == 0 {
				ids = append(ids, id)
			}
			rows[id] = append(rows[id], value)
		}
	}
	var out strings.Builder
	for _, id := range ids { // in the program's order: sorted by bytes
		fmt.Fprintf(&out, "%s\t%s\n", id, strings.Join(rows[id], "\t"))
	}
	return out.String()
}

func compareLines(t *testing.T, id, lines string, count int, digest string) {
	t.Helper()
	if n := strings.Count(lines, "\n"); n != count {
		t.Errorf("%s: %d customers, want %d", id, n, count)
	}
	if sum := sha256.Sum256([]byte(lines)); hex.EncodeToString(sum[:]) != digest {
		t.Errorf("%s: the lines differ from the published answer; the first are\n%s", id, lines[:min(len(lines), 200)])
	}
}

// The bank's tags hold the clients that a few lines of another language count in its file.
func TestTheBanksTagsHoldWhatItsFileSays(t *testing.T) {
	file := filepath.Join(sharedData(t), "bank-marketing/bank-full.csv.gz")
	dir := filepath.Join(t.TempDir(), "bank")
	mustRun(t, "--data", dir, "init", "--timezone", "Europe/Lisbon", "--clock", "2012-01-01")
	mustRun(t, "--data", dir, "import", "--mapping", "../../examples/bank/mapping.yaml", file)
	mustRun(t, "--data", dir, "apply", "-f", "../../examples/bank/tags.yaml")
	mustRun(t, "--data", dir, "compute")
	mustRun(t, "--data", dir, "assign", "user_id:1", "gold_card=金卡")
	for member, want := range map[string]int{
		"young": 7030, "family": 15321, "loan=房贷": 25130, "loan=个人贷款": 7244, "loan": 25130 + 7244 - 4367, "high_net_worth": 2261, "investor": 5289,
		"potential_investor": 16753, "asset_level=透支": 3766, "asset_level=普通": 26803, "asset_level=中等": 11795, "asset_level=较高": 2654, "asset_level=高": 193,
		"gold_card=金卡": 1,
	} {
		if got := strings.Count(mustRun(t, "--data", dir, "members", member), "\n"); got != want {
			t.Errorf("%s: %d members, want %d", member, got, want)
		}
	}
	if got := strings.Count(mustRun(t, "--data", dir, "members", "--segment", "private_banking"), "\n"); got != 1921 {
		t.Errorf("private_banking: %d members, want 1921", got)
	}
}
