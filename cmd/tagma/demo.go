package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tagma/demo"
	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/tag"
	"tagma/tagindex"
	"tagma/workspace"
)

type demoCmd struct {
	Customers int    `help:"How many customers the shop has." default:"20000"`
	Seed      uint64 `help:"Another seed is another shop." default:"1"`
	Listen    string `help:"Where to serve the shop." default:"127.0.0.1:8080" placeholder:"ADDRESS"`
	NoServe   bool   `help:"Only make the shop and print the report."`
}

func (c *demoCmd) Run(p *program) error {
	if c.Customers < 500 || c.Customers > 5_000_000 {
		return errs.New(errs.Invalid, "--customers must be between 500 and 5,000,000: in a smaller shop not everything happens that its tags speak of")
	}
	begun := time.Now()
	if err := workspace.Init(p.ctx, p.dir, workspace.Settings{}); err != nil {
		return err
	}
	if err := p.open(func(w *workspace.Workspace) error {
		t := &tour{p: p, w: w, last: begun}
		return t.run(c)
	}); err != nil || c.NoServe {
		return err
	}
	fmt.Fprintln(p.out)
	return (&serveCmd{Listen: c.Listen}).Run(p)
}

// tour makes the demo shop and reports on it.
type tour struct {
	p       *program
	w       *workspace.Workspace
	last    time.Time
	timings []demo.Timing
}

func (t *tour) lap(step string) {
	t.timings = append(t.timings, demo.Timing{Step: step, Took: time.Since(t.last)})
	t.last = time.Now()
}

func (t *tour) run(c *demoCmd) error {
	ctx, w := t.p.ctx, t.w
	counts, err := t.load(c)
	if err != nil {
		return err
	}
	t.lap("生成并载入事件")
	edit, err := readDefinitions(ctx, w, demo.Definitions(), "demo/tags.yaml", false)
	if err != nil {
		return err
	}
	if _, err := tag.PreviewEdit(ctx, w.Tags(), &library.Edit{Set: edit.Set}, w.Now(), 0); err != nil {
		return err
	}
	if err := applyEdit(ctx, w, edit, "demo", "the demo shop"); err != nil {
		return err
	}
	t.lap("检查标签定义")
	run, err := tag.Compute(ctx, w.Tags(), tag.Options{AsOf: w.Now()})
	if err != nil {
		return err
	}
	t.lap("计算全部标签")
	data, err := t.report(edit.Set, run, counts)
	if err != nil {
		return err
	}
	t.lap("查询并生成报告")
	data.Timings = t.timings
	return demo.Report(t.p.out, *data)
}

// load generates the shop into the workspace.
func (t *tour) load(c *demoCmd) (ingest.Counts, error) {
	w := t.w
	today := w.Zone.Date(w.Now())
	hour, _, _, _ := w.Zone.Clock(w.Now())
	loader, err := ingest.NewLoader(t.p.ctx, w.Ingest(), "demo")
	if err != nil {
		return ingest.Counts{}, err
	}
	var rec ingest.Record
	g := t.p.progress("demo: customers")
	n := 0
	err = demo.Generate(demo.Options{Customers: c.Customers, End: today, Hour: max(hour, 1), Zone: w.Zone, Seed: c.Seed}, func(r demo.Record) error {
		rec.Identifiers, rec.Traits, rec.Consents, rec.Events = rec.Identifiers[:0], rec.Traits[:0], rec.Consents[:0], rec.Events[:0]
		for _, id := range r.Identifiers {
			rec.Identifiers = append(rec.Identifiers, identity.Key{Kind: id.Kind, Value: id.Value})
		}
		for _, tr := range r.Traits {
			rec.Traits = append(rec.Traits, ingest.Trait{Name: tr.Name, Time: tr.Time, Value: tr.Value})
		}
		for _, c := range r.Consents {
			rec.Consents = append(rec.Consents, ingest.Trait{Name: c.Name, Time: c.Time, Value: c.Value})
		}
		for _, e := range r.Events {
			rec.Events = append(rec.Events, ingest.Event{Name: e.Name, Time: e.Time, Source: e.Source, Props: e.Props})
		}
		if n++; n%256 == 0 {
			g.set(int64(n), int64(c.Customers))
		}
		return loader.Add(rec)
	})
	g.end()
	counts, closeErr := loader.Close()
	if err == nil {
		err = closeErr
	}
	return counts, err
}

// report asks the shop what the report tells.
func (t *tour) report(set *library.Set, run *tag.Report, counts ingest.Counts) (*demo.ReportData, error) {
	w := t.w
	data := &demo.ReportData{Today: w.Zone.Date(w.Now()), Zone: w.Zone.String(), Customers: run.Customers, Events: int(counts.Events)}
	view := w.Index.View()
	for _, r := range run.Tags {
		if !r.Segment {
			data.Tags++
			data.Held += r.Held
		} else {
			data.Segments = append(data.Segments, demo.NamedBar{Name: r.Name, Count: r.Held})
		}
	}
	for _, key := range demo.ChartTags() {
		if def, ok := set.Tag(key); ok {
			data.Charts = append(data.Charts, chart(def, view, w.Zone))
		}
	}
	a := asker{ctx: t.p.ctx, w: w}
	if err := t.people(&a, set, data); err != nil {
		return nil, err
	}
	data.Next = []demo.NamedText{
		{Name: "正在流失的客户", Text: fmt.Sprintf(`bin/tagma --data %s query --ids '%s'`, t.p.dir, demo.QuietRule)},
		{Name: "某个客户的全部标签与来历", Text: fmt.Sprintf(`bin/tagma --data %s customer user_id:u000001`, t.p.dir)},
		{Name: "为什么这个客户符合条件", Text: fmt.Sprintf(`bin/tagma --data %s query --explain user_id:u000001 'events.order_paid.last("90d").count() >= 1'`, t.p.dir)},
	}
	return data, nil
}

// chart is the distribution of a tag in the index.
func chart(def *library.Tag, view *tagindex.View, z *event.Zone) demo.Chart {
	c := demo.Chart{Name: def.Name, InOrder: len(def.Cases) > 0 || len(def.Bands) > 0}
	held := map[string]int{}
	var order []string
	for _, v := range view.Values(def.ID, 100) {
		name := v.Value.Format(z)
		held[name] = v.Count
		order = append(order, name)
	}
	if c.InOrder {
		order = nil
		for _, k := range def.Cases {
			order = append(order, k.Value.Format(z))
		}
		for _, b := range def.Bands {
			order = append(order, b.Value)
		}
	}
	for _, name := range order {
		c.Bars = append(c.Bars, demo.NamedBar{Name: name, Count: held[name]})
	}
	return c
}

// asker asks expressions of the published tags.
type asker struct {
	ctx context.Context
	w   *workspace.Workspace
}

// values returns everybody's value of an expression by identifier.
func (a *asker) values(text string) (map[string]event.Value, error) {
	kinds, err := a.w.IDKinds(a.ctx)
	if err != nil {
		return nil, err
	}
	q, err := tag.Ask(a.ctx, a.w.Tags(), text, tag.QueryOptions{Now: a.w.Now(), IDKinds: kinds})
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", text, err)
	}
	defer q.Close()
	rows, err := q.Rows(a.ctx, !q.IsCondition())
	if err != nil {
		return nil, err
	}
	out := make(map[string]event.Value, len(rows))
	for _, r := range rows {
		out[r.ID] = r.Value
	}
	return out, nil
}

// people fills in what the report says of classes and of single customers.
func (t *tour) people(a *asker, set *library.Set, data *demo.ReportData) error {
	answers := map[string]map[string]event.Value{}
	for _, text := range []string{demo.QuietRule, demo.SpendRule, demo.QuietSinceRule, demo.PortraitRule, "tags." + demo.ClassTag,
		"traits.name", "traits.level", "traits.city", "traits.gender", "tags.bought_category"} {
		v, err := a.values(text)
		if err != nil {
			return err
		}
		answers[text] = v
	}
	spend := answers[demo.SpendRule]
	data.Classes = classes(answers["tags."+demo.ClassTag], spend)

	quiet := answers[demo.QuietRule]
	ids := make([]string, 0, len(quiet))
	for id := range quiet {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(x, y string) int {
		if c := spend[y].Number().Cmp(spend[x].Number()); c != 0 {
			return c
		}
		if x < y {
			return -1
		}
		return 1
	})
	data.QuietAll = len(ids)
	for _, id := range ids[:min(5, len(ids))] {
		days, _ := answers[demo.QuietSinceRule][id].Number().Int64()
		data.Quiet = append(data.Quiet, demo.QuietOne{ID: id, Name: answers["traits.name"][id].Text(), Level: answers["traits.level"][id].Text(),
			Favourite: answers["tags.bought_category"][id].Text(), Spend: spend[id].Number(), QuietDays: int(days)})
	}
	first := ""
	for id := range answers[demo.PortraitRule] {
		if first == "" || id < first {
			first = id
		}
	}
	if first == "" {
		return nil
	}
	data.Portrait = &demo.Portrait{ID: first, Name: answers["traits.name"][first].Text()}
	for _, trait := range []string{"traits.gender", "traits.city", "traits.level"} {
		if v := answers[trait][first]; v.Present() {
			data.Portrait.About = append(data.Portrait.About, v.Text())
		}
	}
	return t.portraitTags(set, first, data.Portrait)
}

func classes(of, spend map[string]event.Value) []demo.Class {
	counts, sums := map[string]int{}, map[string]event.Number{}
	for id, v := range of {
		counts[v.Text()]++
		if s, ok := sums[v.Text()].Add(spend[id].Number()); ok {
			sums[v.Text()] = s
		}
	}
	var out []demo.Class
	for name, n := range counts {
		c := demo.Class{Name: name, Count: n}
		c.AverageSpend, _ = sums[name].Div(event.Int(int64(n)))
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b demo.Class) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// portraitTags gives the customer's tags with the reason for each: what its rule measured.
func (t *tour) portraitTags(set *library.Set, id string, portrait *demo.Portrait) error {
	customer, err := customerID(t.p.ctx, t.w, "user_id:"+id)
	if err != nil {
		return err
	}
	view := t.w.Index.View()
	for _, key := range demo.PortraitTags() {
		def, ok := set.Tag(key)
		if !ok {
			continue
		}
		v := view.Value(def.ID, uint32(customer))
		if !v.Present() {
			continue
		}
		text := def.Value
		for _, c := range def.Cases {
			if c.Value.Equal(v) {
				text = c.When
			}
		}
		reason, err := t.reason(text, customer)
		if err != nil {
			return err
		}
		portrait.Tags = append(portrait.Tags, demo.PortraitTag{Name: def.Name, Value: v.Format(t.w.Zone), Reason: reason})
	}
	return nil
}

// reason says in a line what a rule measured for a customer.
func (t *tour) reason(text string, customer event.ProfileID) (string, error) {
	e, err := tag.Explain(t.p.ctx, t.w.Tags(), text, customer, tag.QueryOptions{Now: t.w.Now()})
	if err != nil {
		return "", err
	}
	for _, l := range e.Leaves {
		if l.Holds == "false" {
			continue
		}
		if l.Holds == "true" && l.Value != "" {
			return l.Text + "  (" + l.Value + ")", nil
		}
		return l.Text, nil
	}
	return "", nil
}
