package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"tagma/access"
	"tagma/errs"
	"tagma/event"
	"tagma/rule"
	"tagma/tag"
	"tagma/workspace"
)

type computeCmd struct {
	AsOf *string  `help:"Decide for this instant (a date means its last one). One before the workspace's clock makes a snapshot." placeholder:"T"`
	Tag  []string `help:"Only this tag or segment; may be repeated." placeholder:"KEY"`
}

func (c *computeCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		o := tag.Options{AsOf: w.Now(), Keys: c.Tag}
		if c.AsOf != nil {
			var err error
			if o.AsOf, err = w.Instant(*c.AsOf); err != nil {
				return err
			}
			o.Past = o.AsOf < w.Now()
			if o.AsOf > w.Now() {
				return inFuture(w, o.AsOf)
			}
		}
		g := p.progress("compute")
		o.Progress = func(at rule.Progress) { g.set(int64(at.Done), int64(at.All)) }
		o.By = access.Local().String()
		// Ctrl-C is somebody's wish, and not a failure.
		ctx, cancel := context.WithCancelCause(context.WithoutCancel(p.ctx))
		defer cancel(nil)
		defer context.AfterFunc(p.ctx, func() { cancel(tag.ErrCancelled) })()
		r, err := tag.Compute(ctx, w.Tags(), o)
		g.end()
		if err != nil {
			return err
		}
		return p.printRun(r, o.Past)
	})
}

// inFuture refuses a run for an instant after the workspace's clock.
func inFuture(w *workspace.Workspace, at event.Time) error {
	if w.Stopped() {
		return errs.New(errs.Invalid, "--as-of %s lies in the future: the clock is stopped at %s; move it there first with `tagma clock %s`",
			w.Zone.Format(at), w.Zone.Format(w.Now()), w.Zone.Format(at))
	}
	return errs.New(errs.Invalid, "--as-of %s lies in the future: tags are of the present, or of a past instant as a snapshot", w.Zone.Format(at))
}

func (p *program) printRun(r *tag.Report, past bool) error {
	for _, b := range r.Broken {
		fmt.Fprintln(p.err, "not computed:", b)
	}
	if p.json {
		return p.printJSON(r)
	}
	for _, t := range r.Tags {
		fmt.Fprintf(p.out, "%-28s %9s held  %9s  %9s\n", t.Key, thousands(int64(t.Held)), "+"+thousands(int64(t.Entered)), "-"+thousands(int64(t.Left)))
	}
	total := int64(0)
	for _, t := range r.Took {
		total += t
	}
	if r.Repaired > 0 {
		fmt.Fprintf(p.out, "repaired: %s had values of live tags that were wrong\n", count(r.Repaired, "customer"))
	}
	what := "computed"
	if past {
		what = "snapshot of"
	}
	fmt.Fprintf(p.out, "%s %s for %s as of %s in %s (parameters %s, rules %s, publishing %s)\n", what, tagsAndSegments(r),
		count(r.Customers, "customer"), r.AsOf, ms(total), ms(r.Took["parameters"]), ms(r.Took["rules"]), ms(r.Took["publish"]))
	return nil
}

// tagsAndSegments says how many of each a run computed.
func tagsAndSegments(r *tag.Report) string {
	segments := 0
	for _, t := range r.Tags {
		if t.Segment {
			segments++
		}
	}
	text := count(len(r.Tags)-segments, "tag")
	if segments > 0 {
		text += " and " + count(segments, "segment")
	}
	return text
}

type queryCmd struct {
	AsOf    *string `help:"Ask for this instant (a date means its last one): other tags are then computed for it as well." placeholder:"T"`
	Count   bool    `help:"Print the number of customers alone (default)." xor:"want"`
	IDs     bool    `name:"ids" help:"Print the customers for whom it holds, one identifier a line." xor:"want"`
	Values  bool    `help:"Print identifier and value, tab between, a line a customer that has one; in values a tab is written \\t, a line break \\n, other control characters \\u0007, and a backslash twice." xor:"want"`
	Explain string  `help:"Explain the rule for one customer, as user_id:17850." xor:"want" placeholder:"ID"`

	Expression string `arg:"" help:"The rule."`
}

func (c *queryCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		kinds, err := w.IDKinds(p.ctx)
		if err != nil {
			return err
		}
		o := tag.QueryOptions{Now: w.Now(), IDKinds: kinds}
		if c.AsOf != nil {
			if o.Now, err = w.Instant(*c.AsOf); err != nil {
				return err
			}
			o.Recompute = true
		}
		if c.Explain != "" {
			return c.explain(p, w, o)
		}
		q, err := tag.Ask(p.ctx, w.Tags(), c.Expression, o)
		if err != nil {
			return err
		}
		defer q.Close()
		for _, f := range q.Rule.Warnings {
			fmt.Fprintln(p.err, "warning:", f.At(c.Expression, ""))
		}
		for _, key := range q.Uncomputed(p.ctx, w.Tags()) {
			fmt.Fprintf(p.err, "warning: %s was never computed, so nobody has it: run `tagma compute`, or give --as-of\n", key)
		}
		if !c.IDs && !c.Values {
			n, err := q.Count(p.ctx)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(map[string]any{"count": n, "as_of": w.Zone.Format(o.Now)})
			}
			fmt.Fprintln(p.out, n)
			return nil
		}
		if c.IDs && !q.CanBeCondition() {
			return errs.New(errs.Invalid, "--ids needs a condition, the expression is %s: compare it with something, or ask for --values", q.Rule.Expr.Type)
		}
		rows, err := q.Rows(p.ctx, c.Values)
		if err != nil {
			return err
		}
		return p.printRows(w.Zone, rows, c.Values)
	})
}

// printRows prints identifiers, with their values when asked for.
func (p *program) printRows(z *event.Zone, rows []tag.Row, values bool) error {
	if p.json {
		out := make([]map[string]any, len(rows))
		for i, r := range rows {
			out[i] = map[string]any{"id": r.ID}
			if values {
				out[i]["value"] = r.Value.JSON(z)
			}
		}
		return p.printJSON(out)
	}
	b := bufio.NewWriterSize(p.out, 1<<16)
	for _, r := range rows {
		b.WriteString(r.ID)
		if values {
			b.WriteByte('\t')
			b.WriteString(oneLine(r.Value.Format(z)))
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

func (c *queryCmd) explain(p *program, w *workspace.Workspace, o tag.QueryOptions) error {
	id, err := customerID(p.ctx, w, c.Explain)
	if err != nil {
		return err
	}
	e, err := tag.Explain(p.ctx, w.Tags(), c.Expression, id, o)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(e)
	}
	fmt.Fprintf(p.out, "%s as of %s: %s\n", c.Explain, e.AsOf, oneLine(e.Answer))
	if !e.InUniverse {
		fmt.Fprintln(p.out, "the customer did not exist at that instant, or is known by a device alone, so no rule holds for it")
	}
	for _, l := range e.Leaves {
		mark := " "
		switch l.Holds {
		case "true":
			mark = "✓"
		case "false":
			mark = "✗"
		}
		fmt.Fprintf(p.out, "  %s %s", mark, l.Text)
		if l.Value != "" {
			fmt.Fprintf(p.out, "   is %s", l.Value)
			if l.Against != "" {
				fmt.Fprintf(p.out, ", against %s", l.Against)
			}
		}
		fmt.Fprintln(p.out)
		for _, note := range l.Notes {
			fmt.Fprintf(p.out, "      %s\n", oneLine(note))
		}
		for _, ev := range l.Events {
			fmt.Fprintf(p.out, "      %s\n", ev)
		}
		if l.More > 0 {
			fmt.Fprintf(p.out, "      … and %s\n", count(l.More, "earlier event"))
		}
	}
	return nil
}

type membersCmd struct {
	AsOf    *string `help:"As computed for this instant by compute --as-of." placeholder:"T"`
	Segment string  `help:"A segment instead of a tag." placeholder:"KEY" xor:"what"`
	Values  bool    `help:"Print identifier and value, tab between; control characters are written as query --values does." xor:"want"`
	Count   bool    `help:"Print the number of members alone." xor:"want"`
	Tag     string  `arg:"" optional:"" help:"TAG or TAG=VALUE." xor:"what"`
}

// Validate makes naming neither or both wrong usage.
func (c *membersCmd) Validate() error {
	if name, _, _ := strings.Cut(c.Tag, "="); (c.Segment == "") == (name == "") {
		return errors.New("name a tag, as in `tagma members level=金卡`, or a segment with --segment, and not both")
	}
	return nil
}

func (c *membersCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		q := tag.MembersQuery{Key: c.Segment, Segment: c.Segment != ""}
		if !q.Segment {
			q.Key, q.Value, q.HasValue = strings.Cut(c.Tag, "=")
		}
		var err error
		if c.AsOf != nil {
			q.HasAsOf = true
			if q.AsOf, err = w.Instant(*c.AsOf); err != nil {
				return err
			}
		}
		if q.IDKinds, err = w.IDKinds(p.ctx); err != nil {
			return err
		}
		m, err := tag.ReadMembers(p.ctx, w.Tags(), q)
		if err != nil {
			return err
		}
		switch {
		case c.Count && p.json:
			return p.printJSON(map[string]any{"count": len(m.Rows), "as_of": w.Zone.Format(m.AsOf)})
		case c.Count:
			fmt.Fprintln(p.out, len(m.Rows))
			return nil
		}
		return p.printRows(w.Zone, m.Rows, c.Values)
	})
}

type checkCmd struct{}

func (c *checkCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		findings, err := tag.Verify(p.ctx, w.Tags())
		if err != nil {
			return err
		}
		if findings == nil {
			findings = []tag.Finding{}
		}
		wrong := 0
		for _, f := range findings {
			if f.Wrong {
				wrong++
			}
		}
		if p.json {
			if err := p.printJSON(map[string]any{"wrong": wrong, "findings": findings}); err != nil {
				return err
			}
		} else {
			for _, f := range findings {
				mark := "note: "
				if f.Wrong {
					mark = "WRONG: "
				}
				fmt.Fprintln(p.out, mark+f.What)
			}
			if wrong == 0 {
				fmt.Fprintln(p.out, "all right: history, logs and index agree")
			}
		}
		if wrong > 0 {
			return errWrong
		}
		return nil
	})
}
