package workspace_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/tag"
	"tagma/workspace"
)

// desk is a test that works on one data directory.
type desk struct {
	t   testing.TB
	ctx context.Context
	dir string
}

// newDesk makes a workspace.
func newDesk(t testing.TB, s workspace.Settings) *desk {
	t.Helper()
	d := &desk{t, context.Background(), filepath.Join(t.TempDir(), "data")}
	d.must(workspace.Init(d.ctx, d.dir, s))
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// with opens the workspace, does something and closes it.
func (d *desk) with(do func(w *workspace.Workspace)) {
	d.t.Helper()
	w, err := workspace.Open(d.ctx, d.dir, workspace.Options{})
	d.must(err)
	defer func() { d.t.Helper(); d.must(w.Close()) }()
	do(w)
}

func (d *desk) equal(what string, got, want any) {
	d.t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		d.t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

// refused checks an error's kind and that it says these words.
func (d *desk) refused(err error, kind errs.Kind, words ...string) {
	d.t.Helper()
	if err == nil || errs.KindOf(err) != kind {
		d.t.Fatalf("got %v, want an error of kind %d", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			d.t.Errorf("%q does not say %q", err, w)
		}
	}
}

func (d *desk) file(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) read(name string) []byte {
	d.t.Helper()
	data, err := os.ReadFile(d.file(name))
	d.must(err)
	return data
}

func (d *desk) write(name string, data []byte) {
	d.t.Helper()
	d.must(os.WriteFile(d.file(name), data, 0o600))
}

// day is the last instant of a date, "2026-06-30", in the workspace.
func (d *desk) day(w *workspace.Workspace, date string) event.Time {
	d.t.Helper()
	at, err := w.Instant(date)
	d.must(err)
	return at
}

const definitions = `
tags:
  - {key: frequency, name: 购买频次, category: fact, purpose: p, owner: o, cases: [{value: 高频, when: 'events.order.last("30d").count() >= 2'}, {value: 低频, when: 'events.order.last("30d").count() >= 1'}]}
  - {key: spend, name: 消费, category: fact, purpose: p, owner: o, value: 'events.order.sum(e, e.amount)', bands: [{below: 100, value: 低}, {value: 高}]}
segments:
  - {key: buyers, name: 买家, when: 'events.order.count() > 0'}
`

// stock gives the workspace customers, orders, and definitions.
func (d *desk) stock(w *workspace.Workspace) {
	d.t.Helper()
	l, err := ingest.NewLoader(d.ctx, w.Ingest(), "till")
	d.must(err)
	for _, c := range []struct {
		who  string
		days []string
	}{{"ann", []string{"2026-06-02", "2026-06-20"}}, {"bob", []string{"2026-06-25"}}, {"cat", nil}} {
		r := ingest.Record{Identifiers: []identity.Key{{Kind: "user_id", Value: c.who}},
			Traits: []ingest.Trait{{Name: "name", Time: event.Always, Value: event.Text(c.who)}}}
		for _, day := range c.days {
			r.Events = append(r.Events, ingest.Event{Name: "order", Time: d.day(w, day), Props: []event.Property{{Name: "amount", Value: event.Num(event.Int(60))}}})
		}
		d.must(l.Add(r))
	}
	_, err = l.Close()
	d.must(err)
	file, err := library.ParseFile([]byte(definitions), "tags.yaml")
	d.must(err)
	set, err := library.Load(d.ctx, w.DB.Read())
	d.must(err)
	edit, err := set.Plan(file, false)
	d.must(err)
	d.must(w.DB.Tx(d.ctx, func(ctx context.Context, tx bun.Tx) error { return edit.Apply(ctx, tx, "li", "", w.Now()) }))
}

func (d *desk) compute(w *workspace.Workspace, asOf string) {
	d.t.Helper()
	_, err := tag.Compute(d.ctx, w.Tags(), tag.Options{AsOf: d.day(w, asOf)})
	d.must(err)
}

// carried writes who carries what, by tag.
func (d *desk) carried(w *workspace.Workspace) (out string) {
	d.t.Helper()
	for _, q := range []tag.MembersQuery{{Key: "frequency"}, {Key: "spend"}, {Key: "buyers", Segment: true}} {
		q.IDKinds = []string{"user_id"}
		m, err := tag.ReadMembers(d.ctx, w.Tags(), q)
		d.must(err)
		out += q.Key + ":"
		for _, r := range m.Rows {
			out += " " + r.ID + "=" + r.Value.Format(w.Zone)
		}
		out += "\n"
	}
	return out
}

// What the tags say in June and in July.
const (
	inJune = "frequency: ann=高频 bob=低频\nspend: ann=高 bob=低 cat=低\nbuyers: ann=true bob=true\n"
	inJuly = "frequency: ann=低频 bob=低频\nspend: ann=高 bob=低 cat=低\nbuyers: ann=true bob=true\n"
)
