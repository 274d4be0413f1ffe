package oracle_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tagma/event"
	"tagma/internal/world"
	"tagma/rule"
	"tagma/warehouse"
)

// foresight is what Result.NextChange promised at one instant, for all rules and customers of a scene.
type foresight struct {
	*scene
	texts  []string
	roots  []*rule.Expr
	params rule.Params
	snap   warehouse.Snapshot
	now    event.Time
	values map[event.ProfileID][]event.Value
	until  map[event.ProfileID][]event.Time
}

// run is a run at an instant. What is decided outside, parameters, pins and the past, stays what it was.
func (f *foresight) run(now event.Time) *rule.Run {
	return &rule.Run{Snapshot: f.snap, Now: now, Zone: f.zone, Params: f.params, Ahead: now == f.now,
		Pinned: f.pinned(f.now), Kept: f.kept(f.now), Past: f.past(f.now)}
}

// narrow is a world that gives the rows that are asked for and not one more.
type narrow struct {
	*world.World
	readers map[string]warehouse.Reader
}

func (n narrow) Reader(req warehouse.Request) (warehouse.Reader, error) {
	key := fmt.Sprintf("%#v", req)
	if found := n.readers[key]; found != nil {
		return found, nil
	}
	w := *n.World
	keep := func(kind warehouse.SeriesKind, events []event.Event) (out []event.Event) {
		for _, e := range events {
			for _, s := range req.Series {
				if s.Kind == kind && s.Name == e.Name && (s.From == 0 && s.To == 0 || s.From <= e.Time && e.Time < s.To) {
					out = append(out, e)
				}
			}
		}
		return
	}
	w.Events, w.System = keep(warehouse.Events, w.Events), keep(warehouse.SystemEvents, w.System)
	made, err := w.Reader(req)
	n.readers[key] = made
	return made, err
}

// all is a world that gives all rows, whatever is asked for, so that one reader serves at all instants.
type all struct{ *remembered }

func (a all) Reader(req warehouse.Request) (warehouse.Reader, error) {
	req.Series = slices.Clone(req.Series)
	for i := range req.Series {
		req.Series[i].From, req.Series[i].To = 0, 0
	}
	return a.remembered.Reader(req)
}

func answers(res *rule.Result, roots []*rule.Expr, i int) []event.Value {
	out := make([]event.Value, len(roots))
	for j, x := range roots {
		if out[j] = res.Value(x, i); x.Type == rule.Bool {
			out[j] = event.Bool(res.Cond(x).Get(i))
		}
	}
	return out
}

func equalAnswers(a, b event.Value) bool {
	return a.Present() == b.Present() && (!a.Present() || a.Equal(b))
}

// look asks for everything at now, in blocks and customer by customer.
func (s *scene) look(texts []string, roots []*rule.Expr, now event.Time) (*foresight, error) {
	f := &foresight{scene: s, texts: texts, roots: roots, snap: narrow{s.history, map[string]warehouse.Reader{}}, now: now,
		values: map[event.ProfileID][]event.Value{}, until: map[event.ProfileID][]event.Time{}}
	odd := error(nil)
	run := f.run(now)
	err := run.Prepare(context.Background(), roots)
	if err != nil {
		return nil, err
	}
	f.params = run.Params
	for _, k := range s.history.Known {
		if err := run.One(k.Profile, roots, func(res *rule.Result) error {
			f.values[k.Profile] = answers(res, roots, 0)
			for _, x := range roots {
				f.until[k.Profile] = append(f.until[k.Profile], res.NextChange(x, 0))
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	for j := 0; j < len(roots); j += 1 + len(roots)/4 { // alone, a rule reads fewer rows
		if err := run.Blocks(context.Background(), roots[j:j+1], func(res *rule.Result) error {
			for i := range s.history.Known {
				if want := f.until[event.ProfileID(i)][j]; res.NextChange(roots[j], i) != want && odd == nil {
					odd = fmt.Errorf("%s\ncustomer %d: among other rules next change %s, alone %s", texts[j], i, want, res.NextChange(roots[j], i))
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	err = run.Blocks(context.Background(), roots, func(res *rule.Result) error {
		for i := range res.N {
			p := res.First + event.ProfileID(i)
			for j, x := range roots {
				if want := f.until[p]; res.Universe.Get(i) && res.NextChange(x, i) != want[j] && odd == nil {
					odd = fmt.Errorf("%s\ncustomer %d: alone next change %s, in a block %s", texts[j], p, want[j], res.NextChange(x, i))
				}
			}
		}
		return nil
	})
	if odd != nil {
		err = odd
	}
	f.snap = all{remember(s.history)}
	return f, err
}

// instants are those at which values are likely to change: ends of days, events and what lies a span after them, and the
// last instants before some of the promised ones.
func (f *foresight) instants(r *rand.Rand) []event.Time {
	var out []event.Time
	add := func(t event.Time) {
		if t > f.now {
			out = append(out, t)
		}
	}
	d := f.zone.Date(f.now)
	for _, k := range []int{1, 2, 3, 7, 30, 31, 60, 365, 1 + r.IntN(40), 1 + r.IntN(400)} {
		add(f.zone.Start(d + event.Date(k)))
	}
	spans := []event.Time{0, 0, 1, hourMillis, 2 * hourMillis, 24 * hourMillis, 48 * hourMillis, 90 * 60_000, 720 * hourMillis, 1000}
	for range 12 {
		if len(f.history.Events) > 0 {
			add(pick(r, f.history.Events...).Time + pick(r, spans...) + pick(r, -1, 0, event.Time(1)))
		}
		if len(f.history.Traits) > 0 {
			if t := pick(r, f.history.Traits...).Time; t != event.Always {
				add(t + pick(r, spans...))
			}
		}
	}
	if turn := f.zone.NextOffset(f.now); turn != event.Never {
		add(turn - 1)
		add(turn)
		add(turn + hourMillis)
	}
	for _, k := range []int64{1, 2, 1000, 60_000, hourMillis, 5 * hourMillis} {
		add(f.now + event.Time(1+r.Int64N(k)))
	}
	var promised []event.Time
	for _, k := range f.history.Known {
		for _, t := range f.until[k.Profile] {
			if t != event.Never && t > f.now+1 {
				promised = append(promised, t)
			}
		}
	}
	slices.Sort(promised)
	promised = slices.Compact(promised)
	r.Shuffle(len(promised), func(i, j int) { promised[i], promised[j] = promised[j], promised[i] })
	for _, t := range promised[:min(25, len(promised))] {
		add(t - 1)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// check evaluates everything again at other instants and returns the first value that changed before it was promised.
func (f *foresight) check(at []event.Time, n *int) (difference string, text string) {
	for _, t := range at {
		err := f.run(t).Blocks(context.Background(), f.roots, func(res *rule.Result) error {
			for i := range f.history.Known {
				p := event.ProfileID(i)
				now := answers(res, f.roots, i)
				for j, x := range f.texts {
					if f.until[p][j] <= t {
						continue
					}
					*n++
					if difference == "" && !equalAnswers(now[j], f.values[p][j]) {
						text = x
						difference = fmt.Sprintf("%s\ncustomer %d at %s: %s, next change %s, yet at %s: %s", x, p, f.zone.Format(f.now),
							shown(f.values[p][j]), f.when(f.until[p][j]), f.zone.Format(t), shown(now[j]))
					}
				}
			}
			return nil
		})
		if err != nil {
			return err.Error(), ""
		}
		if difference != "" {
			return difference, text
		}
	}
	return "", ""
}

func (f *foresight) when(t event.Time) string {
	if t == event.Never {
		return "never"
	}
	return f.zone.Format(t)
}

// checked are the rules of a scene that the checker takes.
func (s *scene) checked(rules []string) (texts []string, roots []*rule.Expr) {
	p := s.product()
	for _, text := range rules {
		if r, faults := rule.Check(text, p.env, rule.AnyValue); len(faults) == 0 {
			texts, roots = append(texts, text), append(roots, r.Expr)
		}
	}
	return
}

// clockRule writes a rule of the kind that the passing of time decides.
func (w *writer) clockRule(depth int) string {
	if depth > 0 {
		switch w.below(6) {
		case 0:
			return "(" + w.clockRule(depth-1) + w.pick(" && ", " || ") + w.clockRule(depth-1) + ")"
		case 1:
			return "!(" + w.clockRule(depth-1) + ")"
		case 2:
			return "(" + w.clockRule(depth-1) + " ? " + w.pick("1", "2", w.clockNumber()) + " : " + w.pick("1", "0", w.clockNumber()) + ") " + w.relation() + " " + w.pick("0", "1", "2", "3")
		case 3:
			return "(" + w.clockRule(depth-1) + w.pick(" && ", " || ") + w.cond(1) + ")"
		}
	}
	switch w.below(12) {
	case 0, 1:
		s, r := w.clockEvents()
		x := w.inside(r).anyOr(0, "number", "1")
		return s + w.pick(".count()", ".days()", ".sum("+r.name+", "+x+")", ".distinct("+r.name+", "+x+")", ".avg("+r.name+", "+x+")") +
			" " + w.relation() + " " + w.pick("0", "1", "2", "3", "5", "100.5")
	case 2:
		s, _ := w.clockEvents()
		return s + w.pick(".latest()", ".earliest()", ".nth(2)", ".nth(-2)") + ".time " + w.relation() + " " + w.instant()
	case 3:
		return w.instant() + " " + w.relation() + " " + w.moment()
	case 4:
		return w.pick("now - "+w.moment(), w.moment()+" - now") + " " + w.relation() + " duration(" + w.span(true) + ")"
	case 5:
		return w.pick("hour(now)", "weekday(now)", "day(now)", "month(now)", "hour(add(now, \"1mo\"))") + " " + w.relation() + " " + w.pick("1", "3", "6", "11", "20")
	case 6:
		return w.clockNumber() + " in " + w.pick("[0, 1, 7]", "[30, 365]", "[2, \"a\"]")
	case 7:
		s, r := w.clockEvents()
		o, _ := w.clockEvents()
		same := ""
		if len(r.events) > 0 {
			same = w.pick("", "", ", within("+w.span(rarely(w.Rand, 2))+")")
		}
		return s + w.pick(".then(", ".without(") + o + same + ").count() " + w.relation() + " " + w.pick("0", "1", "2")
	case 8:
		return "format(now, " + w.pick(`"MM-dd"`, `"HH"`, `"yyyy-MM"`) + ") " + w.relation() + " " + w.pick(`"06-30"`, `"12"`, `"2026-07"`)
	}
	return w.clockNumber() + " " + w.relation() + " " + w.pick("0", "1", "7", "30", "60", "365", "3.5", w.clockNumber())
}

func (w *writer) relation() string { return w.pick("==", "!=", "<", "<=", ">", ">=") }

// clockNumber writes a number that changes with the days.
func (w *writer) clockNumber() string {
	t := w.moment()
	return w.pick("days_since("+t+")", "days_until("+t+")", "days_to_anniversary("+t+")", "age("+t+")", "days_between(now, "+t+")", "days_between("+t+", now)",
		"(days_since("+t+") + 2)", "(10 - days_since("+t+"))", "-days_until("+t+")", "days_between(date(now), "+t+")")
}

// moment writes a time or date of the customer's.
func (w *writer) moment() string {
	s, _ := w.clockEvents()
	return w.pick(w.anyOr(1, "time", "now"), w.anyOr(1, "date", "now"), w.time(1), s+w.pick(".latest()", ".earliest()", ".nth(2)")+".time", "customer.first_seen")
}

// instant writes a time that moves with now.
func (w *writer) instant() string {
	unit := w.pick(`"d"`, `"w"`, `"mo"`, `"q"`, `"y"`)
	return w.pick("now", "start_of(now, "+unit+")", "add(now, "+w.pick(`"-1mo"`, `"-30d"`, `"1d"`, `"-1d"`, `"2h"`, `"1y"`, `"-2mo"`)+")", "(now - duration("+w.span(true)+"))",
		"start_of(add(now, \"-1mo\"), "+unit+")",
		"("+w.pick("hour(now) < 12", "weekday(now) > 3")+" ? start_of(now, "+unit+") : add(now, \"-30d\"))", "add(start_of(now, "+unit+"), \"1d\")")
}

// clockEvents writes a selection bounded by the clock.
func (w *writer) clockEvents() (string, *row) {
	s, r := w.selection(0)
	for range w.below(3) {
		switch w.below(5) {
		case 0:
			s += ".last(" + w.span(rarely(w.Rand, 3)) + ")"
		case 1:
			s += ".before(" + w.span(rarely(w.Rand, 3)) + ")"
		case 2:
			s += w.pick(".since(", ".until(") + w.instant() + ")"
		case 3:
			s += ".where(" + r.name + ", " + w.pick("now - "+r.name+".time", r.name+".time - now") + " " + w.relation() + " duration(" + w.span(true) + "))"
		case 4:
			s += ".where(" + r.name + ", " + w.pick("days_since("+r.name+".time)", "hour(now) - hour("+r.name+".time)") + " " + w.relation() + " " + w.pick("0", "1", "7", "30") + ")"
		}
	}
	return s, r
}

// TestNextChange holds the promise of Result.NextChange on random rules over random histories: no value changes before.
// TAGMA_CASES is the number of answers (rule, customer, instant) that are compared.
func TestNextChange(t *testing.T) {
	budget, seed := fromEnv(t, "TAGMA_CASES", 100_000), fromEnv(t, "TAGMA_SEED", 1)
	n, soon, never, all, checked, written := 0, 0, 0, 0, 0, 0
	for number := 0; n < budget; number++ {
		s := newScene(seed+7, number)
		r := rand.New(rand.NewPCG(uint64(seed), uint64(number)))
		w := &writer{Rand: r, vocabulary: vocabularyOf(s.history, s.zone, s.nows)}
		rules := append(some(r, 20, 40, func() string { return w.clockRule(w.below(3)) }), s.rules[:min(15, len(s.rules))]...)
		texts, roots := s.checked(rules)
		checked, written = checked+len(texts), written+len(rules)
		if len(roots) == 0 || len(s.history.Known) > 200 {
			continue
		}
		f, err := s.look(texts, roots, s.nows[0])
		if err != nil {
			t.Fatalf("world %d: %s\n%s", number, err, s)
		}
		for _, us := range f.until {
			for _, u := range us {
				all++
				switch u {
				case event.Never:
					never++
				case f.now + 1:
					soon++
				}
			}
		}
		if difference, text := f.check(f.instants(r), &n); difference != "" {
			t.Fatalf("world %d of TAGMA_SEED=%d: %s\n%s", number, seed, difference, s.only([]string{text}, s.nows[:1]))
		}
	}
	t.Logf("%d answers; of %d promises %d%% never, %d%% the next millisecond; %d of %d rules", n, all, 100*never/all, 100*soon/all, checked, written)
}

// TestNextChangeIsLate counts, for the rules that people write, asked after the last event, how often the answer really
// changes at the promised instant.
func TestNextChangeIsLate(t *testing.T) {
	usual := func(w *writer) string {
		e := "events." + w.pick("order", "view", "cart")
		k := w.pick("1", "2", "3")
		return w.pick(
			e+`.last("`+w.pick("7d", "30d", "90d", "1mo", "24h")+`").count() `+w.pick(">= ", "== ", "< ")+k,
			e+`.last("30d").days() >= `+k,
			e+`.last("90d").distinct(e, e.category) >= `+k,
			e+`.last("365d").sum(e, e.amount) >= `+w.pick("10", "100"),
			`days_since(`+e+`.latest().time) > `+w.pick("7", "30", "60"),
			`days_since(`+e+`.latest().time) <= `+w.pick("7", "30", "60")+` && `+e+`.count() >= `+k,
			e+`.count() == 0 || days_since(`+e+`.latest().time) > 30`,
			`days_to_anniversary(traits.birthday) <= 7`,
			`age(traits.birthday) >= 30 && age(traits.birthday) < 40`,
			`now - `+e+`.latest().time > duration("12h")`,
			e+`.since(start_of(now, "mo")).count() >= `+k,
			`days_since(customer.first_seen) <= 30`,
			`days_until(traits.signup) in [1, 3, 7]`,
			`events.cart.before("24h").without(events.order, within("7d")).count() >= 1`,
			e+`.last("7d").count() > `+e+`.before("7d").last("14d").count()`,
			`traits.city == "上海" && `+e+`.last("30d").count() == 0`,
			`weekday(now) >= 6 && `+e+`.last("7d").count() >= 1`)
	}
	seed := fromEnv(t, "TAGMA_SEED", 1)
	promises, soon, late, exact := 0, 0, 0, 0
	for number := 0; promises < 1500; number++ {
		s := newScene(seed+11, number)
		if len(s.history.Known) > 200 {
			continue
		}
		r := rand.New(rand.NewPCG(uint64(seed), uint64(number)))
		w := &writer{Rand: r, vocabulary: vocabularyOf(s.history, s.zone, s.nows)}
		texts, roots := s.checked(some(r, 10, 10, func() string { return usual(w) }))
		if len(roots) == 0 {
			continue
		}
		now := s.nows[0]
		for _, e := range s.history.Events {
			now = max(now, e.Time+event.Time(r.IntN(2*dayMillis)))
		}
		f, err := s.look(texts, roots, now)
		if err != nil {
			t.Fatal(err)
		}
		at := map[event.Time]bool{}
		for _, us := range f.until {
			for _, u := range us {
				promises++
				if u != event.Never {
					late++
					at[u] = true
				}
				if u == f.now+1 {
					soon++
				}
			}
		}
		for u := range at {
			if err := f.run(u).Blocks(context.Background(), roots, func(res *rule.Result) error {
				for i := range f.history.Known {
					p := event.ProfileID(i)
					now := answers(res, roots, i)
					for j := range roots {
						if f.until[p][j] == u && !equalAnswers(now[j], f.values[p][j]) {
							exact++
						}
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d promises: %d never, %d at a known instant (%d the next millisecond); at %d of these the answer changes", promises,
		promises-late, late, soon, exact)
	if exact*10 < late*9 {
		t.Errorf("only at %d of %d promised instants does the answer change", exact, late)
	}
}
