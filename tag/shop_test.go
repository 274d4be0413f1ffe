package tag_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/tag"
	"tagma/tagindex"
	"tagma/workspace"
)

// The shop of these tests: what four customers were and did, one line each; and instants to look at them from.
const (
	shopHistory = `
		ann 2026-01-05 is    city=上海 birthday=1990-07-01 vip=true hobbies=书|茶 code=7
		ann 2026-06-01 order amount=120 item=茶
		ann 2026-06-15 order amount=80 item=书
		ann 2026-06-29 order amount=300 item=茶
		bob 2026-02-01 is    city=北京 code=x7
		bob 2026-06-20 order amount=50 item=书
		bob 2026-07-05 order amount=5000 item=茶
		cat 2026-03-01 order amount=500 item=茶
		cat 2026-03-02 is    vip=false code=true
		dan always     is    city=广州`

	june, july, august = "2026-06-30", "2026-07-10", "2026-08-15"

	frequency = `tag frequency cases: [{value: 高频, when: 'events.order.last("30d").count() >= 3'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]`
	spend     = `tag spend value: 'measures.total', bands: [{below: 100, value: 低}, {below: 400, value: 中}, {value: 高}]`
	total     = `measure total events.order.sum(e, e.amount)`
	buyers    = `segment buyers events.order.count() > 0`
	richer    = `tag richer cases: [{value: 是, when: 'measures.total > mean(measures.total)'}]`
)

type shop struct {
	*workspace.Workspace
	t   testing.TB
	ctx context.Context
}

// newShop opens a workspace with the shop's history and these definitions.
func newShop(t testing.TB, definitions ...string) *shop {
	t.Helper()
	s := &shop{t: t, ctx: context.Background()}
	dir := t.TempDir()
	s.must(workspace.Init(s.ctx, dir, workspace.Settings{}))
	s.open(dir)
	t.Cleanup(func() { s.must(s.Close()) })
	s.happens(shopHistory)
	if len(definitions) > 0 {
		s.define(definitions...)
	}
	return s
}

func (s *shop) open(dir string) {
	s.t.Helper()
	w, err := workspace.Open(s.ctx, dir, workspace.Options{})
	s.must(err)
	s.Workspace = w
}

func (s *shop) reopen() {
	s.t.Helper()
	s.must(s.Close())
	s.open(s.Dir)
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// equal compares what the test got with what it expects, as text.
func (s *shop) equal(what string, got, want any) {
	s.t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		s.t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// refused checks an error's kind and that it says these words.
func (s *shop) refused(err error, kind errs.Kind, words ...string) {
	s.t.Helper()
	if err == nil || !errs.Is(err, kind) {
		s.t.Fatalf("got %v, want an error of kind %d", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			s.t.Errorf("%q does not say %q", err, w)
		}
	}
}

func (s *shop) at(text string) event.Time {
	s.t.Helper()
	at, err := s.Instant(text)
	s.must(err)
	return at
}

// value reads a value of a line: true, a date, a number, a list with |, else a text.
func value(text string) event.Value {
	if d, err := event.ParseDate(text); err == nil {
		return event.Civil(d)
	}
	if n, err := event.ParseNumber(text); err == nil {
		return event.Num(n)
	}
	if text == "true" || text == "false" {
		return event.Bool(text == "true")
	}
	if strings.Contains(text, "|") {
		var list []event.Value
		for _, e := range strings.Split(text, "|") {
			list = append(list, event.Text(e))
		}
		return event.List(list...)
	}
	return event.Text(text)
}

// happens takes lines of history in: customer, time, event or "is" for traits, properties.
func (s *shop) happens(lines string) {
	s.t.Helper()
	l, err := ingest.NewLoader(s.ctx, s.Ingest(), "till")
	s.must(err)
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		f := strings.Fields(line)
		r := ingest.Record{Identifiers: []identity.Key{{Kind: "user_id", Value: f[0]}}}
		at := event.Always
		if f[1] != "always" {
			at, _, err = s.Zone.ParseInstant(f[1])
			s.must(err)
		}
		e := ingest.Event{Name: f[2], Time: at}
		for _, p := range f[3:] {
			k, v, _ := strings.Cut(p, "=")
			if f[2] == "is" {
				r.Traits = append(r.Traits, ingest.Trait{Name: k, Time: at, Value: value(v)})
			} else {
				e.Props = append(e.Props, event.Property{Name: k, Value: value(v)})
			}
		}
		if f[2] != "is" {
			r.Events = append(r.Events, e)
		}
		s.must(l.Add(r))
	}
	_, err = l.Close()
	s.must(err)
	s.must(s.Tags().CatchUp(s.ctx))
}

// definitions writes a definitions file: "tag KEY FIELDS", "segment KEY CONDITION", "measure KEY EXPRESSION".
func definitions(lines ...string) string {
	parts := map[string]string{}
	for _, line := range lines {
		f := strings.SplitN(line, " ", 3)
		switch f[0] {
		case "tag":
			parts["tags"] += fmt.Sprintf("  - {key: %s, name: %s, category: fact, purpose: p, owner: o, %s}\n", f[1], f[1], f[2])
		case "segment":
			parts["segments"] += fmt.Sprintf("  - {key: %s, name: %s, when: '%s'}\n", f[1], f[1], f[2])
		case "measure":
			parts["measures"] += fmt.Sprintf("  %s: {value: '%s'}\n", f[1], f[2])
		}
	}
	var out string
	for _, k := range []string{"measures", "tags", "segments"} {
		if parts[k] != "" {
			out += k + ":\n" + parts[k]
		}
	}
	return out
}

func (s *shop) library() *library.Set {
	s.t.Helper()
	set, err := library.Load(s.ctx, s.DB.Read())
	s.must(err)
	return set
}

func (s *shop) plan(prune bool, lines ...string) *library.Edit {
	s.t.Helper()
	file, err := library.ParseFile([]byte(definitions(lines...)), "tags.yaml")
	s.must(err)
	edit, err := s.library().Plan(file, prune)
	s.must(err)
	return edit
}

func (s *shop) apply(edit *library.Edit) {
	s.t.Helper()
	s.must(s.DB.Tx(s.ctx, func(ctx context.Context, tx bun.Tx) error { return edit.Apply(ctx, tx, "li", "", s.Now()) }))
}

func (s *shop) define(lines ...string) { s.t.Helper(); s.apply(s.plan(false, lines...)) }

func (s *shop) compute(asOf string, keys ...string) *tag.Report {
	s.t.Helper()
	r, err := tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.at(asOf), Keys: keys})
	s.must(err)
	return r
}

func (s *shop) snapshot(asOf string, keys ...string) *tag.Report {
	s.t.Helper()
	r, err := tag.Compute(s.ctx, s.Tags(), tag.Options{AsOf: s.at(asOf), Past: true, Keys: keys})
	s.must(err)
	return r
}

var idKinds = []string{"user_id"}

func (s *shop) names(ids ...event.ProfileID) string {
	s.t.Helper()
	names, err := tag.Names(s.ctx, s.Tags(), idKinds, ids)
	s.must(err)
	return strings.Join(names, ",")
}

func (s *shop) id(name string) event.ProfileID {
	s.t.Helper()
	p, ok, err := identity.Lookup(s.ctx, s.DB.Read(), identity.Key{Kind: "user_id", Value: name})
	s.must(err)
	if !ok {
		s.t.Fatalf("there is no %s", name)
	}
	return p
}

// rows writes who has what: "ann=高频 bob=低频".
func (s *shop) rows(rows []tag.Row) string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.ID
		if r.Value.Present() {
			out[i] += "=" + r.Value.Format(s.Zone)
		}
	}
	return strings.Join(out, " ")
}

// members says who holds a tag (or "segment KEY"), as last computed.
func (s *shop) members(key string) string {
	s.t.Helper()
	q := tag.MembersQuery{Key: key, IDKinds: idKinds}
	if k, ok := strings.CutPrefix(key, "segment "); ok {
		q.Key, q.Segment = k, true
	}
	m, err := tag.ReadMembers(s.ctx, s.Tags(), q)
	s.must(err)
	return s.rows(m.Rows)
}

func (s *shop) holds(key, want string) {
	s.t.Helper()
	s.equal("members of "+key, s.members(key), want)
}

func (s *shop) people(b *roaring.Bitmap) string {
	var ids []event.ProfileID
	if b != nil {
		for _, c := range b.ToArray() {
			ids = append(ids, event.ProfileID(c))
		}
	}
	return s.names(ids...)
}

// end is the end of the change log.
func (s *shop) end() uint64 {
	s.t.Helper()
	end, err := s.Changes.End(s.ctx, s.DB.Read())
	s.must(err)
	return end
}

// changes writes the change log from an offset on, a line for each change:
// "frequency by edit in run 1 for 2026-06-30: +高频 ann". Live ones end with "live".
func (s *shop) changes(from uint64) string {
	s.t.Helper()
	keys := map[uint32]string{}
	for _, seq := range []library.Kind{library.KindTag, library.KindSegment} {
		for _, k := range []string{"frequency", "spend", "buyers", "richer", "extra", "city"} {
			if h, ok := s.library().Head(library.Ref{Kind: seq, Key: k}); ok {
				keys[h.ID] = k
			}
		}
	}
	entries, err := s.Changes.Read(s.ctx, from, 1<<20)
	s.must(err)
	var heads []string
	all := map[string][]string{}
	for _, e := range entries {
		if e.Kind != tagindex.EntryChanges {
			continue
		}
		changes, err := tagindex.Decode(e.Payload)
		s.must(err)
		for _, ch := range changes {
			line := fmt.Sprintf("%s by %s in run %d for %s:", keys[ch.Slot], ch.Cause, ch.Run, s.Zone.Date(ch.At))
			moves := all[line]
			if moves == nil {
				heads = append(heads, line) // a large change comes in several entries
			}
			for _, set := range append(slices.Clone(ch.Sets), ch.Bands...) {
				if p := s.people(set.Left); p != "" {
					moves = append(moves, " -"+set.Value.Format(s.Zone)+" "+p)
				}
				if p := s.people(set.Entered); p != "" {
					moves = append(moves, " +"+set.Value.Format(s.Zone)+" "+p)
				}
			}
			if ch.Drop {
				moves = append(moves, " dropped")
			}
			if ch.Live || e.Live {
				moves = append(moves, " live")
			}
			all[line] = append(moves, "")
		}
	}
	for i, h := range heads {
		slices.SortFunc(all[h], func(a, b string) int { return strings.Compare(b, a) }) // who leaves comes first
		heads[i] += strings.Join(all[h], "")
	}
	return strings.Join(heads, "\n")
}

// runs lists the state and error of all runs.
func (s *shop) runs() (out []string) {
	s.t.Helper()
	rows, err := s.DB.Read().QueryContext(s.ctx, "SELECT state, error FROM runs ORDER BY id")
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		var state, why string
		s.must(rows.Scan(&state, &why))
		out = append(out, strings.TrimSpace(state+" "+why))
	}
	s.must(rows.Err())
	return out
}
