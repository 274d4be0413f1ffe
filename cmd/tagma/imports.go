package main

import (
	"fmt"

	"tagma/errs"
	"tagma/ingest"
	"tagma/workspace"
)

// importsCmd lists what was imported.
type importsCmd struct {
	Limit int `help:"How many at most, the latest first." default:"20" placeholder:"N"`
}

func (c *importsCmd) Run(p *program) error {
	if c.Limit < 1 {
		return errs.New(errs.Invalid, "--limit is how many to list: write 1 or more, not %d", c.Limit)
	}
	return p.open(func(w *workspace.Workspace) error {
		list, err := ingest.Imports(p.ctx, w.DB.Read(), 0, c.Limit)
		if err != nil {
			return err
		}
		if p.json {
			out := make([]map[string]any, len(list))
			for i, n := range list {
				out[i] = map[string]any{"number": n.Number, "source": n.Source, "file": n.File, "by": n.By, "state": n.State, "started": w.Zone.Format(n.Started), "report": n.Report}
				if n.Finished != 0 {
					out[i]["finished"] = w.Zone.Format(n.Finished)
				}
				if n.Problem != "" {
					out[i]["problem"] = n.Problem
				}
			}
			return p.printJSON(out)
		}
		if len(list) == 0 {
			fmt.Fprintln(p.out, "nothing was imported yet")
		}
		for _, n := range list {
			by := ""
			if n.By != "" {
				by = ", by " + n.By
			}
			fmt.Fprintf(p.out, "%d  %s  %s  %s of %s%s\n", n.Number, w.Zone.Format(n.Started), n.State, oneLine(n.File), oneLine(n.Source), by)
			if n.State != ingest.Running {
				fmt.Fprintf(p.out, "   %s: %s accepted, %s duplicate, %s refused, %s skipped\n", count(int(n.Report.Rows), "row"), thousands(n.Report.Accepted),
					thousands(n.Report.Duplicate), thousands(n.Report.Refused), thousands(n.Report.Skipped))
			}
			if n.Problem != "" {
				fmt.Fprintf(p.out, "   %s\n", oneLine(n.Problem))
			}
		}
		return nil
	})
}
