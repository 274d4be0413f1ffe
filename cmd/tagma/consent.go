package main

import (
	"fmt"
	"slices"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/identity"
	"tagma/ingest"
	"tagma/library"
	"tagma/rule"
	"tagma/warehouse"
	"tagma/workspace"
)

type consentCmd struct {
	At       string   `help:"When it takes effect; a date means its last instant. Default: now." placeholder:"T"`
	New      bool     `help:"Take a consent whose name was neither declared nor given before."`
	ID       string   `arg:"" help:"The customer, as user_id:17850 or phone:138…."`
	Consents []string `arg:"" name:"name=value" help:"What the customer agrees to or does not, as in sms=true email=false."`
}

// recordedConsent is a consent as it was written.
type recordedConsent struct {
	Name  string `json:"name"`
	Value bool   `json:"value"`
	Since string `json:"since"`
}

func (c *consentCmd) Run(p *program) error {
	given, err := parseConsents(c.Consents)
	if err != nil {
		return err
	}
	return p.open(func(w *workspace.Workspace) error {
		if _, err := customerID(p.ctx, w, c.ID); err != nil {
			return err
		}
		at := w.Now()
		if c.At != "" {
			if at, err = w.Instant(c.At); err != nil {
				return err
			}
		}
		if !c.New {
			if err := c.known(p, w, given); err != nil {
				return err
			}
		}
		kind, value, _ := strings.Cut(c.ID, ":")
		r := ingest.Record{Identifiers: []identity.Key{{Kind: kind, Value: value}}, Known: true}
		since := w.Zone.Format(at)
		for i := range given {
			given[i].Since = since
			r.Consents = append(r.Consents, ingest.Trait{Name: given[i].Name, Time: at, Value: event.Bool(given[i].Value)})
		}
		if _, err := ingest.Accept(p.ctx, w.Ingest(), "", r); err != nil {
			return err
		}
		if p.json {
			return p.printJSON(struct {
				Customer string            `json:"customer"`
				Consents []recordedConsent `json:"consents"`
			}{c.ID, given})
		}
		for _, g := range given {
			fmt.Fprintf(p.out, "recorded: %s  consent %s = %t from %s\n", c.ID, g.Name, g.Value, g.Since)
		}
		return nil
	})
}

// parseConsents reads NAME=true or NAME=false, all faults at once.
func parseConsents(texts []string) ([]recordedConsent, error) {
	var given []recordedConsent
	var faults []errs.Fault
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		switch {
		case !ok || name == "" || value != "true" && value != "false":
			faults = append(faults, errs.Fault{Place: text, Message: "expected a name and true or false", Hint: "as in sms=true"})
		case slices.ContainsFunc(given, func(g recordedConsent) bool { return g.Name == name }):
			faults = append(faults, errs.Fault{Place: text, Message: name + " is given twice"})
		default:
			given = append(given, recordedConsent{Name: name, Value: value == "true"})
		}
	}
	return given, errs.Faulty("nothing was recorded", faults)
}

// known refuses names that were neither declared nor given before: a slip of the pen would make a consent that no rule
// asks for.
func (c *consentCmd) known(p *program, w *workspace.Workspace, given []recordedConsent) error {
	set, err := library.Load(p.ctx, w.DB.Read())
	if err != nil {
		return err
	}
	names := set.Schema().Consents
	snap, err := w.Store.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	for _, s := range snap.Series() {
		if s.Kind == warehouse.Consents {
			names = append(names, s.Name)
		}
	}
	var faults []errs.Fault
	for _, g := range given {
		if slices.Contains(names, g.Name) {
			continue
		}
		hint := "declare it in the schema, or say --new when it is meant as a new one"
		if near := rule.Suggest(g.Name, names); near != "" {
			hint = fmt.Sprintf("did you mean %q? If it is a new one, declare it in the schema or say --new", near)
		}
		faults = append(faults, errs.Fault{Place: "consent " + g.Name, Message: "no customer has it and the schema does not declare it", Hint: hint})
	}
	return errs.Faulty("nothing was recorded", faults)
}
