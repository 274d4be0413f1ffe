package oracle_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tagma/event"
	"tagma/internal/oracle"
	"tagma/internal/world"
	"tagma/rule"
	"tagma/warehouse"
)

// scene is a world with its definitions, the rules to be asked and the instants to ask them for.
type scene struct {
	zone    *event.Zone
	history *world.World
	defs    oracle.Definitions
	records oracle.Records
	rules   []string
	nows    []event.Time
	narrow  bool // the history is read through the narrowest windows
}

// many says which worlds are asked about a thousand rules together; the others about some dozens.
func many(number int) bool { return number%50 == 49 }

// newScene draws a scene. Equal seeds draw equal ones.
func newScene(seed, number int) *scene {
	r := rand.New(rand.NewPCG(uint64(seed), uint64(number)))
	zone := pick(r, zones...)
	at := instants(r, zone)
	s := &scene{zone: zoneOf(zone), history: history(r, at), narrow: number%4 == 1 && !many(number)}
	w := &writer{Rand: r, vocabulary: vocabularyOf(s.history, s.zone, at)}
	w.define(s.history)
	s.defs, s.records = w.defs, w.records
	if many(number) {
		s.rules = some(r, 1000, 1000, w.rule)
		s.nows = []event.Time{asked(r, at)}
		return s
	}
	s.rules = some(r, 10, 40, w.rule)
	s.nows = some(r, 1, 3, func() event.Time { return asked(r, at) })
	return s
}

// remembered is a world that answers a question asked again from memory: customers are asked one by one, and the
// readers of a world keep no state of their own.
type remembered struct {
	*world.World
	narrow  bool // it gives the rows that are asked for and not one more
	series  []warehouse.SeriesInfo
	mu      sync.Mutex
	readers map[string]warehouse.Reader
}

func remember(w *world.World) *remembered {
	return &remembered{World: w, series: w.Series(), readers: map[string]warehouse.Reader{}}
}

func (r *remembered) Series() []warehouse.SeriesInfo { return r.series }

func (r *remembered) Reader(req warehouse.Request) (warehouse.Reader, error) {
	key := fmt.Sprintf("%#v", req)
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.readers[key]; found != nil {
		return found, nil
	}
	made, err := warehouse.Reader(nil), error(nil)
	if r.narrow {
		made, err = narrow{r.World, map[string]warehouse.Reader{}}.Reader(req)
	} else {
		made, err = r.World.Reader(req)
	}
	r.readers[key] = made
	return made, err
}

// tally counts what the test has seen.
type tally struct {
	cases, rules, refused int
	text                  string // the rule and instant of the last difference
	now                   event.Time
	refusals              map[string]int
	example               map[string]string
	present, held         int
	worlds                int
	outcomes              map[string]*outcomes
}

func newTally() *tally {
	return &tally{refusals: map[string]int{}, example: map[string]string{}, outcomes: map[string]*outcomes{}}
}

// add takes over what another one has counted.
func (n *tally) add(m *tally) {
	n.worlds++
	n.cases, n.rules, n.refused = n.cases+m.cases, n.rules+m.rules, n.refused+m.refused
	n.present, n.held = n.present+m.present, n.held+m.held
	for k, count := range m.refusals {
		n.refusals[k] += count
		if old := n.example[k]; old == "" || len(m.example[k]) < len(old) {
			n.example[k] = m.example[k]
		}
	}
	for label, o := range m.outcomes {
		if n.outcomes[label] == nil {
			n.outcomes[label] = &outcomes{}
		}
		n.outcomes[label][0] += o[0]
		n.outcomes[label][1] += o[1]
	}
}

var numbersInMessage = regexp.MustCompile(`'[^']*'|"[^"]*"|[0-9]+`)

// compare asks both about all rules at all instants, and says where they first differ, or that one panics.
func (s *scene) compare(n *tally) (difference string) {
	defer func() {
		if r := recover(); r != nil {
			difference = fmt.Sprintf("panic on %s\n%v\n%s", s.rules[0], r, where(debug.Stack()))
			if n.text == "" {
				n.text, n.now = s.guilty()
			}
		}
	}()
	return s.ask(n)
}

// guilty finds the rule that panics alone.
func (s *scene) guilty() (string, event.Time) {
	for _, text := range s.rules {
		for _, now := range s.nows {
			panics := func() (yes bool) {
				defer func() { yes = recover() != nil }()
				s.only([]string{text}, []event.Time{now}).ask(newTally())
				return false
			}
			if panics() {
				return text, now
			}
		}
	}
	return "", 0
}

// where returns the lines of a stack that lie in package rule.
func where(stack []byte) string {
	var lines []string
	for _, l := range strings.Split(string(stack), "\n") {
		if i := strings.Index(l, "/rule/"); i >= 0 && strings.HasPrefix(l, "\t") && len(lines) < 4 {
			lines = append(lines, "  "+l[i+1:])
		}
	}
	return strings.Join(lines, "\n")
}

func (s *scene) ask(n *tally) string {
	p := s.product()
	var texts []string
	var roots []*rule.Expr
	for _, text := range s.rules {
		n.rules++
		r, faults := rule.Check(text, p.env, rule.AnyValue)
		if len(faults) > 0 {
			n.refused++
			kind := numbersInMessage.ReplaceAllString(faults[0].Message, "…")
			n.refusals[kind]++
			if old := n.example[kind]; old == "" || len(text) < len(old) {
				n.example[kind] = text + "   ⟶ " + faults[0].Message
			}
			continue
		}
		texts, roots = append(texts, text), append(roots, r.Expr)
	}
	if len(roots) == 0 {
		return ""
	}
	snapshot := remember(s.history)
	snapshot.narrow = s.narrow
	naive := oracle.New(s.history, s.zone.Location, s.defs, s.records)
	naive.Watch = n.watch(s)
	for _, now := range s.nows {
		at := naive.At(now)
		for few := range s.few(len(texts)) {
			if difference := s.compareAt(now, snapshot, at, texts[few.from:few.to], roots[few.from:few.to], n); difference != "" {
				return difference
			}
		}
	}
	return ""
}

type stretch struct{ from, to int }

// few gives the rules that are asked together: all, or of a scene that is read narrowly a few, so that not one of them
// wants everything.
func (s *scene) few(n int) iter.Seq[stretch] {
	size := n
	if s.narrow {
		size = 3
	}
	return func(yield func(stretch) bool) {
		for from := 0; from < n; from += size {
			if !yield(stretch{from, min(from+size, n)}) {
				return
			}
		}
	}
}

func (s *scene) compareAt(now event.Time, snapshot warehouse.Snapshot, naive *oracle.Instant, texts []string, roots []*rule.Expr, n *tally) string {
	run := &rule.Run{Snapshot: snapshot, Now: now, Zone: s.zone, Pinned: s.pinned(now), Kept: s.kept(now), Past: s.past(now)}
	if err := run.Prepare(context.Background(), roots); err != nil {
		return "prepare: " + err.Error()
	}
	var mu sync.Mutex
	all := map[event.ProfileID][]event.Value{}
	collect := func(into map[event.ProfileID][]event.Value) func(*rule.Result) error {
		return func(res *rule.Result) error {
			mu.Lock()
			defer mu.Unlock()
			for i := range res.N {
				if !res.Universe.Get(i) {
					continue
				}
				values := make([]event.Value, len(roots))
				for j, x := range roots {
					values[j] = res.Value(x, i)
					if x.Type == rule.Bool {
						values[j] = event.Bool(res.Cond(x).Get(i))
					}
				}
				into[res.First+event.ProfileID(i)] = values
			}
			return nil
		}
	}
	// One by one first: a panic there can be made smaller, one in the goroutines of Blocks cannot.
	single := map[event.ProfileID][]event.Value{}
	people := slices.Clone(s.history.Known)
	if len(people) > 250 { // most are profiles without records
		people = people[248:]
	}
	for _, k := range people {
		if err := run.One(k.Profile, roots, collect(single)); err != nil {
			return "one: " + err.Error()
		}
	}
	if err := run.Blocks(context.Background(), roots, collect(all)); err != nil {
		return "blocks: " + err.Error()
	}
	for _, k := range people {
		_, inBlock := all[k.Profile]
		_, alone := single[k.Profile]
		if exists := naive.Exists(k.Profile); exists != inBlock || exists != alone {
			return fmt.Sprintf("at %s, customer %d exists: block %v, alone %v, oracle %v", s.zone.Format(now), k.Profile, inBlock, alone, exists)
		} else if !exists {
			n.cases += len(texts)
			continue
		}
		for j, text := range texts {
			want, err := naive.Value(text, k.Profile)
			if err != nil {
				n.text, n.now = text, now
				return err.Error()
			}
			if roots[j].Type == rule.Bool { // a condition is never missing
				want = event.Bool(want.Bool())
			}
			n.cases++
			if want.Present() {
				n.present++
			}
			if want.Bool() {
				n.held++
			}
			for how, got := range map[string]event.Value{"block by block": all[k.Profile][j], "alone": single[k.Profile][j]} {
				if got.Present() != want.Present() || got.Present() && !got.Equal(want) {
					n.text, n.now = text, now
					return fmt.Sprintf("%s\nat %s\ncustomer %d, asked %s\n  the product: %s\n  the oracle:  %s", text, s.zone.Format(now), k.Profile, how,
						shown(got), shown(want))
				}
			}
		}
	}
	return ""
}

// TestWorlds holds the product to the oracle on random rules over random histories, until there were TAGMA_CASES
// answers (rule, instant, customer). TAGMA_SEED gives other worlds, TAGMA_WORLD the first of them to ask. It fails as well when something in the catalogue of
// the language was not asked, or not with both outcomes.
func TestWorlds(t *testing.T) {
	budget, seed := fromEnv(t, "TAGMA_CASES", 100_000), fromEnv(t, "TAGMA_SEED", 1)
	n := newTally()
	from := fromEnv(t, "TAGMA_WORLD", 0)
	number, difference := n.run(budget, seed, from)
	t.Logf("%d cases (%d with a value, %d true) in %d worlds, %d rules, %d of them refused", n.cases, n.present, n.held, n.worlds, n.rules, n.refused)
	for _, k := range byCount(n.refusals) {
		t.Logf("refused %d: %s\n    %s", n.refusals[k], k, n.example[k])
	}
	if difference != "" {
		t.Fatalf("TAGMA_SEED=%d TAGMA_WORLD=%d: %s", seed, number, difference)
	}
	if n.refused*5 > n.rules {
		t.Errorf("%d of %d rules were refused", n.refused, n.rules)
	}
	if from == 0 && budget >= 100_000 {
		n.covers(t)
	}
}

// run asks about one world after the other, on all cores, and returns the first in which the answers differ, with the
// smallest scene found that shows it.
func (n *tally) run(budget, seed, from int) (number int, difference string) {
	var mu sync.Mutex // guards what follows, and n
	next, found := from, -1
	var scene *scene
	var text string
	var now event.Time
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				mu.Lock()
				if n.cases >= budget || found >= 0 {
					mu.Unlock()
					return
				}
				number := next
				next++
				mu.Unlock()
				s, m := newScene(seed, number), newTally()
				d := s.compare(m)
				mu.Lock()
				n.add(m)
				if d != "" && (found < 0 || number < found) {
					found, difference, scene, text, now = number, d, s, m.text, m.now
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if difference == "" {
		return 0, ""
	}
	if text != "" {
		scene, difference = scene.reduce(text, now)
	}
	return found, difference + "\n" + scene.String()
}

func fromEnv(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func byCount(m map[string]int) []string {
	out := keys(m)
	sort.SliceStable(out, func(i, j int) bool { return m[out[i]] > m[out[j]] })
	return out
}
