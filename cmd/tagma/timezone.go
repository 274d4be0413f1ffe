package main

import (
	"fmt"

	"tagma/workspace"
)

type timezoneCmd struct {
	Zone string `arg:"" optional:"" help:"The new time zone, an IANA name such as Asia/Shanghai; left out: print the present one."`
}

// Run prints or changes the workspace's time zone.
func (c *timezoneCmd) Run(p *program) error {
	return p.open(func(w *workspace.Workspace) error {
		if c.Zone == "" {
			fmt.Fprintln(p.out, w.Zone)
			return nil
		}
		changed, err := w.SetZone(p.ctx, c.Zone)
		switch {
		case err != nil:
			return err
		case !changed:
			fmt.Fprintf(p.out, "the time zone is %s already\n", w.Zone)
		default:
			fmt.Fprintf(p.out, "the time zone is %s now; the next `tagma compute` decides all rules again\n", w.Zone)
		}
		return nil
	})
}
