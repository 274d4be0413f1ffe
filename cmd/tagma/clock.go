package main

import (
	"fmt"

	"tagma/workspace"
)

type clockCmd struct {
	To *string `arg:"" optional:"" name:"t" help:"The instant to move a stopped clock to (a date means its last one), never back; left out: print the present one."`
}

// Run prints the workspace's clock, or moves a stopped one forward.
func (c *clockCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		if c.To == nil {
			how := "running"
			if w.Stopped() {
				how = "stopped"
			}
			fmt.Fprintf(p.out, "%s %s\n", w.Zone.Format(w.Now()), how)
			return nil
		}
		to, err := w.Instant(*c.To)
		if err != nil {
			return err
		}
		moved, err := w.MoveClock(p.ctx, to)
		switch {
		case err != nil:
			return err
		case !moved:
			fmt.Fprintf(p.out, "the clock is stopped at %s already\n", w.Zone.Format(to))
		default:
			fmt.Fprintf(p.out, "the clock is stopped at %s now; run `tagma compute` to decide the tags for it\n", w.Zone.Format(to))
		}
		return nil
	})
}
