package oracle_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/rule"
	"tagma/tag"
	"tagma/workspace"
)

// TestLive lets records of random worlds come in while time goes on, tags being decided live by random rules, with
// restarts in between, and holds what the index has to what a run gives at the same instant. TAGMA_LIVE is the number of
// worlds.
func TestLive(t *testing.T) {
	worlds, seed := 25, 20261122
	for name, n := range map[string]*int{"TAGMA_LIVE": &worlds, "TAGMA_SEED": &seed} {
		if text := os.Getenv(name); text != "" {
			given, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			*n = given
		}
	}
	moved := uint64(0)
	for number := range worlds {
		if many(number) {
			continue
		}
		l := &livingWorld{T: t, scene: newScene(seed, number), Rand: rand.New(rand.NewPCG(uint64(seed), uint64(number)+1<<32)), ctx: context.Background()}
		moved += l.live(fmt.Sprintf("world %d of seed %d", number, seed))
		if t.Failed() {
			return
		}
	}
	if moved < uint64(worlds) {
		t.Errorf("tags changed %d times in %d worlds: too little to learn from", moved, worlds)
	}
}

type livingWorld struct {
	*testing.T
	*scene
	*rand.Rand
	ctx context.Context
	dir string
	w   *workspace.Workspace
}

func (l *livingWorld) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// happened is one record of the history, with the customer that it is about.
type happened struct {
	at     event.Time
	record ingest.Record
}

// live lets the world live, and returns how many values changed live.
func (l *livingWorld) live(name string) (moved uint64) {
	list := l.happenings()
	instants := slices.Clone(l.nows)
	for _, h := range list {
		if h.at != event.Always {
			instants = append(instants, h.at, h.at+event.Time(l.IntN(40*dayMillis)))
		}
	}
	for i, at := range instants { // live tags are right to the second
		instants[i] = (at + 999) / 1000 * 1000
	}
	slices.Sort(instants)
	l.dir = filepath.Join(l.TempDir(), "data")
	l.must(workspace.Init(l.ctx, l.dir, workspace.Settings{Timezone: l.zone.Location.String(), Clock: instants[0]}))
	l.open()
	defer func() { l.must(l.w.Close()) }()
	rules := l.define()
	for len(list) > 0 || len(instants) > 0 {
		if n := min(len(list), l.IntN(1+len(list)/3+1)); n > 0 {
			var records []ingest.Record
			for _, h := range list[:n] {
				records = append(records, h.record)
			}
			_, err := ingest.Accept(l.ctx, l.w.Ingest(), "shop", records...)
			l.must(err)
			list = list[n:]
		}
		if n := min(len(instants), l.IntN(1+len(instants)/4+1)); n > 0 {
			_, err := l.w.MoveClock(l.ctx, instants[n-1])
			l.must(err)
			instants = instants[n:]
		}
		l.settle()
		l.compareLive(name, rules)
		if l.Failed() {
			return
		}
		switch l.IntN(12) {
		case 0:
			moved += l.w.Live().Status().Changes
			l.must(l.w.Close())
			l.open()
		case 1:
			_, err := tag.Compute(l.ctx, l.w.Tags(), tag.Options{AsOf: l.w.Now()})
			l.must(err)
		}
	}
	return moved + l.w.Live().Status().Changes
}

func (l *livingWorld) open() {
	w, err := workspace.Open(l.ctx, l.dir, workspace.Options{Live: true})
	l.must(err)
	l.w = w
}

// settle decides until there is nothing to decide.
func (l *livingWorld) settle() {
	for worked := true; worked; {
		var err error
		worked, err = l.w.Live().Step(l.ctx)
		l.must(err)
	}
}

func (l *livingWorld) compareLive(name string, rules map[string]string) {
	differences, err := l.w.Live().Check(l.ctx)
	l.must(err)
	for _, d := range differences {
		l.Errorf("%s at %s: %s: a run lets %d in and takes %d out, customers %v\n%s\n%s", name, moment(l.w.Now(), l.zone), d.Key, d.Entered, d.Left, d.Some, rules[d.Key], l.scene)
		return
	}
}

// happenings are the records of the history about as they happened, some late, some ahead of their time.
func (l *livingWorld) happenings() (list []happened) {
	known := map[event.ProfileID]identity.Key{}
	for _, k := range l.history.Known {
		switch {
		case k.Entity != 0:
		case k.Person:
			known[k.Profile] = identity.Key{Kind: "user_id", Value: fmt.Sprintf("c%d", k.Profile)}
		default:
			known[k.Profile] = identity.Key{Kind: "anonymous_id", Value: fmt.Sprintf("c%d", k.Profile)}
		}
	}
	add := func(who event.ProfileID, at event.Time, r ingest.Record) {
		if key, ok := known[who]; ok {
			r.Identifiers = append(r.Identifiers, key)
			list = append(list, happened{at, r})
		}
	}
	for _, e := range l.history.Events {
		add(e.Profile, e.Time, ingest.Record{Events: []ingest.Event{{Name: e.Name, Time: e.Time, Source: e.Source, Props: e.Props}}})
	}
	for _, v := range l.history.Traits {
		add(v.Profile, v.Time, ingest.Record{Traits: []ingest.Trait{{Name: v.Name, Time: v.Time, Value: v.Value}}})
	}
	for _, v := range l.history.Consents {
		add(v.Profile, v.Time, ingest.Record{Consents: []ingest.Trait{{Name: v.Name, Time: v.Time, Value: v.Value}}})
	}
	slices.SortStableFunc(list, func(a, b happened) int { return int(int64(a.at>>1) - int64(b.at>>1)) })
	for i := range list { // not quite in order
		if k := i + l.IntN(min(20, len(list)-i)); rarely(l.Rand, 4) {
			list[i], list[k] = list[k], list[i]
		}
	}
	return list
}

// define puts rules into the library, as far as they can be there, and returns their texts by key.
func (l *livingWorld) define() map[string]string {
	p, texts := l.product(), map[string]string{}
	p.env.Tag, p.env.Segment, p.env.Measure, p.env.Table = nil, nil, nil, nil
	var tags, segments strings.Builder
	for i, text := range l.rules {
		if len(texts) == 16 {
			break
		}
		r, faults := rule.Check(text, p.env, rule.AnyValue)
		if len(faults) > 0 || strings.Contains(text, "ids.") || strings.Contains(text, "tags.") || strings.Contains(text, "lookup") {
			continue
		}
		key := fmt.Sprintf("r%d", i)
		texts[key] = text
		switch {
		case r.Expr.Condition() && i%3 > 0:
			fmt.Fprintf(&segments, "  - {key: %s, name: %s, when: %q}\n", key, key, text)
		case r.Expr.Condition():
			fmt.Fprintf(&tags, "  - {key: %s, name: a_%s, category: a, refresh: live, cases: [{value: yes, when: %q}, {value: no, when: '!segments.none'}]}\n", key, key, text)
		default:
			keep := ""
			if rarely(l.Rand, 4) {
				keep = "keep: 3d, "
			}
			fmt.Fprintf(&tags, "  - {key: %s, name: a_%s, category: a, refresh: live, %svalue: %q}\n", key, key, keep, text)
		}
	}
	file := l.schema() + "categories:\n  - {key: a, name: A, prefix: a_}\ntags:\n" + tags.String() + "segments:\n  - {key: none, name: none, when: 'events.order.count() < 0'}\n" + segments.String()
	parsed, err := library.ParseFile([]byte(file), "tags.yaml")
	if err != nil {
		l.Fatalf("%v\n%s", err, file)
	}
	set, err := library.Load(l.ctx, l.w.DB.Read())
	l.must(err)
	edit, err := set.Plan(parsed, false)
	if err != nil {
		l.Fatalf("%v\n%s", err, file)
	}
	l.must(l.w.DB.Tx(l.ctx, func(ctx context.Context, tx bun.Tx) error { return edit.Apply(ctx, tx, "li", "", l.w.Now()) }))
	return texts
}

// schema declares all names, of any kind: rules may speak of what has not come yet.
func (l *livingWorld) schema() string {
	var b strings.Builder
	b.WriteString("schema:\n  events:\n")
	for _, name := range allEvents {
		fmt.Fprintf(&b, "    %q: {", name)
		for i, p := range propertyNames {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%q: any", p)
		}
		for _, list := range listProperties {
			for _, e := range elementKeys {
				fmt.Fprintf(&b, ", %q: any", list+"[]."+e)
			}
		}
		b.WriteString("}\n")
	}
	b.WriteString("  traits: {")
	for i, k := range traitKeys {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q: any", k)
	}
	fmt.Fprintf(&b, "}\n  consents: [%s]\n", strings.Join(consents, ", "))
	return b.String()
}
