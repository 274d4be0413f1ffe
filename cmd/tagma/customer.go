package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/tag"
	"tagma/workspace"
)

type customerCmd struct {
	Events int    `help:"How many of the last events to show." default:"10"`
	ID     string `arg:"" help:"The customer, as user_id:17850 or phone:138…."`
}

// customerID finds a customer by kind:value.
func customerID(ctx context.Context, w *workspace.Workspace, text string) (event.ProfileID, error) {
	kind, value, ok := strings.Cut(text, ":")
	if !ok || kind == "" || value == "" {
		return 0, errs.New(errs.Invalid, "%q names no customer: write kind:value, as in user_id:17850", text)
	}
	id, ok, err := identity.Lookup(ctx, w.DB.Read(), identity.Key{Kind: kind, Value: value})
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, tag.ErrNobody(text)
	}
	return id, nil
}

func (c *customerCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		id, err := customerID(p.ctx, w, c.ID)
		if err != nil {
			return err
		}
		x, err := tag.ReadCustomer(p.ctx, w.Tags(), id, w.Now(), c.Events)
		if err != nil {
			return err
		}
		if p.json {
			return p.printJSON(x)
		}
		printCustomer(p, c.ID, x)
		return nil
	})
}

func printCustomer(p *program, id string, x *tag.Customer) {
	fmt.Fprintf(p.out, "%s  customer %d, first seen %s, %s\n", id, x.Number, x.FirstSeen, count(x.Events, "event"))
	kinds := make([]string, 0, len(x.Identifiers))
	for k := range x.Identifiers {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	fmt.Fprintln(p.out, "\nidentifiers")
	for _, k := range kinds {
		fmt.Fprintf(p.out, "  %-20s %s\n", k, strings.Join(x.Identifiers[k], ", "))
	}
	fmt.Fprintln(p.out, "\ntraits")
	printTraits(p, x.Traits)
	if len(x.Consents) > 0 {
		fmt.Fprintln(p.out, "\nconsents")
		printTraits(p, x.Consents)
	}
	fmt.Fprintln(p.out, "\ntags")
	for _, t := range x.Tags {
		value := t.Value
		if t.Segment {
			value = "in segment"
		}
		if t.Number != "" {
			value += " (" + t.Number + ")"
		}
		fmt.Fprintf(p.out, "  %-20s %s %s", t.Key, t.Name, oneLine(value))
		if t.Since != "" {
			fmt.Fprintf(p.out, "   since %s, by %s", t.Since, t.Cause)
			if t.Run > 0 {
				fmt.Fprintf(p.out, " (run %d)", t.Run)
			}
		}
		fmt.Fprintln(p.out)
	}
	if len(x.Assignments) > 0 {
		fmt.Fprintln(p.out, "\nassigned by hand")
		for i := range x.Assignments {
			fmt.Fprintf(p.out, "  %s\n", oneLine(x.Assignments[i].Text()))
		}
	}
	fmt.Fprintln(p.out, "\nlast events")
	for _, e := range x.Last {
		fmt.Fprintf(p.out, "  %s  %-16s", e.Time, oneLine(e.Name))
		for _, kv := range e.Props {
			fmt.Fprintf(p.out, " %s=%s", tag.Word(kv[0]), tag.Word(kv[1]))
		}
		fmt.Fprintln(p.out)
	}
}

func printTraits(p *program, list []tag.TraitLine) {
	for _, t := range list {
		fmt.Fprintf(p.out, "  %-20s %s", oneLine(t.Name), oneLine(t.Value))
		if t.Since != "always" {
			fmt.Fprintf(p.out, "   since %s", t.Since)
		}
		fmt.Fprintln(p.out)
	}
}
