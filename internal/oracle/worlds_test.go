package oracle_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/debug"
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
	rules   []string
	nows    []event.Time
}

// newScene draws a scene. Equal seeds draw equal ones.
func newScene(seed, number int) *scene {
	r := rand.New(rand.NewPCG(uint64(seed), uint64(number)))
	zone := pick(r, zones...)
	at := instants(r, zone)
	s := &scene{zone: zoneOf(zone), history: history(r, at)}
	w := &writer{Rand: r, vocabulary: vocabularyOf(s.history, s.zone, at)}
	w.define()
	s.defs = w.defs
	s.rules = some(r, 10, 40, w.rule)
	s.nows = some(r, 1, 3, func() event.Time { return near(r, at) })
	return s
}

// String writes the scene as lines that one can read.
func (s *scene) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "in the zone %s\n%s", s.zone, script(s.history, s.zone))
	for _, k := range keys(s.defs.Measures) {
		fmt.Fprintf(&b, "  measure %s: %s when %q\n", k, s.defs.Measures[k].Value, s.defs.Measures[k].When)
	}
	for _, k := range keys(s.defs.Tags) {
		fmt.Fprintf(&b, "  tag %s: %s\n", k, s.defs.Tags[k].Value)
		for _, c := range s.defs.Tags[k].Cases {
			fmt.Fprintf(&b, "    %s when %s\n", c.Value, c.When)
		}
		for _, band := range s.defs.Tags[k].Bands {
			fmt.Fprintf(&b, "    below %s: %s\n", band.Below, band.Value)
		}
	}
	for _, k := range keys(s.defs.Segments) {
		fmt.Fprintf(&b, "  segment %s: %s\n", k, s.defs.Segments[k])
	}
	return b.String()
}

// product is the definitions of a scene as the product's checker reads them.
type product struct {
	*scene
	env  *rule.Env
	defs map[string]*rule.Expr
}

func (s *scene) product() *product {
	p := &product{scene: s, defs: map[string]*rule.Expr{}}
	p.env = &rule.Env{Zone: s.zone, Names: rule.NewNames(s.history.Series()), Builder: rule.NewBuilder()}
	p.env.TagKeys = func() []string { return keys(s.defs.Tags) }
	p.env.Segments = func() []string { return keys(s.defs.Segments) }
	p.env.Measures = func() []string { return keys(s.defs.Measures) }
	p.env.Measure = func(key string) (*rule.Expr, bool, error) {
		m, ok := s.defs.Measures[key]
		if !ok {
			return nil, false, nil
		}
		x, err := p.expr(m.Value, rule.AnyValue)
		if err == nil && m.When != "" {
			var when *rule.Expr
			if when, err = p.expr(m.When, rule.Condition); err == nil {
				x = p.env.Builder.If(when, x)
			}
		}
		return x, true, err
	}
	p.env.Segment = func(key string) (*rule.Expr, bool, error) {
		text, ok := s.defs.Segments[key]
		if !ok {
			return nil, false, nil
		}
		x, err := p.expr(text, rule.Condition)
		return x, true, err
	}
	p.env.Tag = func(key string) (*rule.TagRef, bool, error) {
		t, ok := s.defs.Tags[key]
		if !ok {
			return nil, false, nil
		}
		if len(t.Cases) > 0 {
			var conds []*rule.Expr
			var values []event.Value
			ref := &rule.TagRef{}
			for _, c := range t.Cases {
				x, err := p.expr(c.When, rule.Condition)
				if err != nil {
					return nil, true, err
				}
				conds, values = append(conds, x), append(values, c.Value)
			}
			ref.Value = p.env.Builder.Cases(conds, values)
			return ref, true, nil
		}
		x, err := p.expr(t.Value, rule.AnyValue)
		if err != nil {
			return nil, true, err
		}
		if len(t.Bands) == 0 {
			return &rule.TagRef{Value: x}, true, nil
		}
		var bands []rule.Band
		for _, b := range t.Bands {
			bands = append(bands, rule.Band{Below: b.Below, Value: b.Value})
		}
		return &rule.TagRef{Value: p.env.Builder.Bands(x, bands), Number: x}, true, nil
	}
	return p
}

// expr checks a definition's text once.
func (p *product) expr(text string, want rule.Want) (*rule.Expr, error) {
	if x := p.defs[text]; x != nil {
		return x, nil
	}
	r, faults := rule.Check(text, p.env, want)
	if len(faults) > 0 {
		return nil, fmt.Errorf("definition: %s", faults[0].Message)
	}
	p.defs[text] = r.Expr
	return r.Expr, nil
}

// remembered is a world that answers a question asked again from memory: customers are asked one by one, and the
// readers of a world keep no state of their own.
type remembered struct {
	*world.World
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
	made, err := r.World.Reader(req)
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
}

func newTally() *tally { return &tally{refusals: map[string]int{}, example: map[string]string{}} }

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
	naive := oracle.New(s.history, s.zone.Location, s.defs)
	for _, now := range s.nows {
		if difference := s.compareAt(now, snapshot, naive.At(now), texts, roots, n); difference != "" {
			return difference
		}
	}
	return ""
}

func (s *scene) compareAt(now event.Time, snapshot warehouse.Snapshot, naive *oracle.Instant, texts []string, roots []*rule.Expr, n *tally) string {
	run := &rule.Run{Snapshot: snapshot, Now: now, Zone: s.zone}
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
	if err := run.Blocks(context.Background(), roots, collect(all)); err != nil {
		return "blocks: " + err.Error()
	}
	blank := 0
	for _, k := range s.history.Known {
		if k.Seen == event.Never && k.Profile < 250 && len(s.history.Known) > 250 {
			if blank++; blank > 2 {
				continue // a profile without records
			}
		}
		single := map[event.ProfileID][]event.Value{}
		if err := run.One(k.Profile, roots, collect(single)); err != nil {
			return "one: " + err.Error()
		}
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
// answers (rule, instant, customer). TAGMA_SEED gives other worlds.
func TestWorlds(t *testing.T) {
	budget, seed := fromEnv(t, "TAGMA_CASES", 100_000), fromEnv(t, "TAGMA_SEED", 1)
	n := newTally()
	t.Cleanup(func() {
		t.Logf("%d cases (%d with a value, %d true), %d rules, %d of them refused", n.cases, n.present, n.held, n.rules, n.refused)
		for _, k := range byCount(n.refusals) {
			t.Logf("refused %d: %s\n    %s", n.refusals[k], k, n.example[k])
		}
	})
	for number := 0; n.cases < budget; number++ {
		s := newScene(seed, number)
		n.text = ""
		difference := s.compare(n)
		if difference == "" {
			continue
		}
		if n.text != "" {
			s, difference = s.reduce(n.text, n.now)
		}
		t.Fatalf("world %d of TAGMA_SEED=%d: %s\n%s", number, seed, difference, s)
	}
	if n.refused*5 > n.rules {
		t.Errorf("%d of %d rules were refused", n.refused, n.rules)
	}
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
