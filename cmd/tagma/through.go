package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"

	"tagma/access"
	"tagma/api"
	"tagma/db"
	"tagma/tag"
	"tagma/workspace"
)

// host is a serving process's own workspace, lent to the commands that go through it.
type host struct {
	w   *workspace.Workspace
	may *access.Access
	// restart makes the process begin again with the directory opened anew; it returns at once.
	restart func()
}

// lend hands the workspace to a command, brought up to its instant as opening it would do, unless a run goes on.
func (h *host) lend(ctx context.Context, f func(*workspace.Workspace) error) error {
	d := h.w.Tags()
	if release, free := d.Turn.Try(); free {
		release()
		if err := tag.BringUp(ctx, d, h.w.Now()); err != nil {
			return err
		}
	}
	return f(h.w)
}

// run runs a command line that was sent to this process.
func (h *host) run(ctx context.Context, c api.Command, in io.Reader, out, errOut io.Writer) int {
	return command(&program{ctx: ctx, in: in, out: out, err: errOut, steady: c.Steady, from: c.From, host: h}, c.Args)
}

// alone are the commands that never go through a server: they need the directory for themselves, or none.
var alone = []string{"init", "demo", "serve", "restore"}

// through runs the command inside the process that serves the data directory, if there is one. It says whether it did,
// and the exit code.
func (p *program) through(verb string, args []string) (code int, done bool) {
	if p.host != nil || slices.Contains(alone, verb) {
		return 0, false
	}
	holder, held, err := db.ReadLock(p.dir)
	if err != nil || !held || holder.Address == "" {
		return 0, false // opening the directory says what is wrong, if anything
	}
	code, err = p.send(holder.Address, verb, args)
	switch {
	case err == nil:
		return code, true
	case p.ctx.Err() != nil:
		fmt.Fprintln(p.err, "tagma: interrupted; what was committed is kept")
	default:
		fmt.Fprintf(p.err, "tagma: %s is served at %s: %v\n", p.dir, holder.Address, err)
	}
	return 1, true
}

// send gives the command line to a server, with standard input where it is asked for.
func (p *program) send(address, verb string, args []string) (int, error) {
	token, err := access.ReadLocalToken(p.dir)
	if err != nil {
		return 1, err
	}
	from, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	var in io.Reader = http.NoBody
	if slices.Contains(args, "-") || slices.Contains(args, "-f-") {
		in = p.in
	}
	return api.Send(p.ctx, address, token, api.Command{Verb: verb, Args: args, From: from, Steady: p.steady}, in, p.out, p.err)
}
