package main

import (
	"context"
	"fmt"

	"tagma/workspace"
)

type timezoneCmd struct {
	Zone string `arg:"" optional:"" help:"The new time zone, an IANA name such as Asia/Shanghai; left out: print the present one."`
}

// Run prints or changes the workspace's time zone. A server begins again with the new one.
func (c *timezoneCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		if c.Zone == "" {
			fmt.Fprintln(p.out, w.Zone)
			return nil
		}
		change := w.SetZone
		if p.host != nil {
			change = func(ctx context.Context, name string) (bool, error) { return w.PlanZone(ctx, name) }
		}
		changed, err := change(p.ctx, c.Zone)
		switch {
		case err != nil:
			return err
		case !changed:
			fmt.Fprintf(p.out, "the time zone is %s already\n", c.Zone)
		case p.host != nil:
			p.host.restart()
			fmt.Fprintf(p.out, "the time zone is %s as soon as the server has begun again, which it does now; the next run decides all rules again\n", c.Zone)
		default:
			fmt.Fprintf(p.out, "the time zone is %s now; the next `tagma compute` decides all rules again\n", w.Zone)
		}
		return nil
	})
}
