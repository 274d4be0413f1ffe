// Command tagma is the customer tag platform: one program, one data directory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"tagma/errs"
	"tagma/tag"
	"tagma/workspace"
)

// version is set when a release is built.
var version = "dev"

// cli is the command line: docs and parsing both come from it.
type cli struct {
	Data    string           `help:"The data directory." default:"./tagma-data" env:"TAGMA_DATA" placeholder:"DIR"`
	JSON    bool             `help:"Print JSON, where a machine may read."`
	Version kong.VersionFlag `help:"Print the version."`

	Demo        demoCmd        `cmd:"" help:"Make a seeded shop in Chinese, compute its tags and print a report: the two-minute tour."`
	Init        initCmd        `cmd:"" help:"Make an empty workspace."`
	Timezone    timezoneCmd    `cmd:"" help:"Print or change the workspace's time zone."`
	Clock       clockCmd       `cmd:"" help:"Print the workspace's clock, or move a stopped one forward."`
	Import      importCmd      `cmd:"" help:"Take in rows of CSV, TSV, JSON lines or XLSX files (.gz too, - is standard input). Running it again adds nothing."`
	Imports     importsCmd     `cmd:"" help:"List the files that were imported, the latest first: when, by whom, and what became of their rows."`
	Plan        planCmd        `cmd:"" help:"Show what a definitions file would change, and who would enter and leave."`
	Apply       applyCmd       `cmd:"" help:"Apply a definitions file."`
	Export      exportCmd      `cmd:"" help:"Print the definitions as a file that apply takes."`
	Table       tableCmd       `cmd:"" help:"Take in, list, show and retire lookup tables."`
	Compute     computeCmd     `cmd:"" help:"Decide tags and segments for all customers."`
	Query       queryCmd       `cmd:"" help:"Ask any rule on the spot; nothing is saved."`
	Rule        ruleCmd        `cmd:"" help:"Check, explain, complete, lay out a rule; find what is like it."`
	Members     membersCmd     `cmd:"" help:"List who holds a tag or is in a segment, as last computed."`
	Customer    customerCmd    `cmd:"" help:"Show one customer: identifiers, traits, tags with their causes, last events."`
	Consent     consentCmd     `cmd:"" help:"Record what a customer agrees to, or no longer does."`
	Assign      assignCmd      `cmd:"" help:"Assign tags by hand: set a value, or take one away. On a tag by rule it is pinned."`
	Unassign    unassignCmd    `cmd:"" help:"End what was assigned by hand: the rule decides again, if there is one."`
	Assignments assignmentsCmd `cmd:"" help:"List what is assigned by hand: who, when, why, until."`
	Serve       serveCmd       `cmd:"" help:"Serve the console, the API and the intake on one port; makes the data directory at the first start."`
	Source      sourceCmd      `cmd:"" help:"Make, list and revoke sources: whoever sends events needs a source's write key."`
	Token       tokenCmd       `cmd:"" help:"Make, list and revoke tokens, by which programs use the API."`
	User        userCmd        `cmd:"" help:"Make, list and change the users of the console."`
	Backup      backupCmd      `cmd:"" help:"Make a backup, as one file, while work goes on."`
	Restore     restoreCmd     `cmd:"" help:"Make a data directory of a backup."`
	Check       checkCmd       `cmd:"" help:"Hold the index against a fresh computation, and the logs against the history."`
}

// program is what commands run with.
type program struct {
	ctx    context.Context
	dir    string
	json   bool
	in     io.Reader
	out    io.Writer
	err    io.Writer
	steady bool // standard error is a terminal

	// Of a command that goes through a running server: where it was given, and what it works with.
	from string
	host *host
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program with its standard streams: 0 done, 1 failed, 2 wrong usage.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	return command(&program{ctx: ctx, in: in, out: out, err: errOut, steady: isTerminal(errOut)}, args)
}

// command parses and runs a command line.
func command(p *program, args []string) int {
	ctx, out, errOut := p.ctx, p.out, p.err
	var c cli
	code := -1
	parser, err := kong.New(&c, kong.Name("tagma"),
		kong.Description("Customer tags from what customers are and do: right, fresh, explained."),
		kong.Writers(out, errOut), kong.Exit(func(n int) { code = n }), kong.Vars{"version": version},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(errOut, "tagma:", err)
		return 1
	}
	parsed, err := parser.Parse(shielded(args))
	if code >= 0 { // --help or --version was answered
		return code
	}
	if err != nil {
		fmt.Fprintf(errOut, "tagma: %v\nrun `tagma --help` for the commands\n", err)
		return 2
	}
	p.dir, p.json = c.Data, c.JSON
	verb, _, _ := strings.Cut(parsed.Command(), " ")
	if code, through := p.through(verb, args); through {
		return code
	}
	err = parsed.Run(p)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errWrong):
		return 1
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, tag.ErrCancelled)):
		fmt.Fprintln(errOut, "tagma: interrupted; what was committed is kept")
		return 1
	case errors.Is(err, syscall.EPIPE): // the reader of our output has enough
		return 0
	case errors.Is(err, syscall.ENOSPC) && !errs.Is(err, errs.Busy):
		fmt.Fprintf(errOut, "tagma: the disk is full: free space and run the command again; what was committed is kept (%v)\n", err)
		return 1
	}
	fmt.Fprintln(errOut, "tagma:", err)
	return 1
}

// shielded puts a -- before an expression that begins with a minus, such as -traits.debt, so that it is not taken
// for a flag.
func shielded(args []string) []string {
	last := len(args) - 1
	if last < 1 || !slices.Contains(args, "query") && !slices.Contains(args, "rule") || slices.Contains(args, "--") {
		return args
	}
	if x := args[last]; len(x) > 1 && x[0] == '-' && x[1] != '-' && (x[1] >= '0' && x[1] <= '9' || strings.ContainsAny(x, ".([ ")) {
		return append(slices.Clone(args[:last]), "--", x)
	}
	return args
}

// errWrong fails a command that has already said why.
var errWrong = errors.New("")

// path is a file that an argument names, as this process finds it.
func (p *program) path(name string) string {
	if p.from == "" || name == "" || name == "-" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.from, name)
}

// paths is path for several.
func (p *program) paths(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = p.path(name)
	}
	return out
}

// open opens the workspace, or that of the server which the command goes through, and hands it to f.
func (p *program) open(f func(w *workspace.Workspace) error) error {
	if p.host != nil {
		return p.host.lend(p.ctx, f)
	}
	w, err := workspace.Open(p.ctx, p.dir, workspace.Options{})
	if err != nil {
		return err
	}
	err = f(w)
	return errors.Join(err, w.Close())
}
