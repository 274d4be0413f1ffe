// Command bench runs the product on a generated world and prints what it costs, as a markdown table: loading,
// bytes on disk, 1 to 1,000 rules, previews of one rule, memory, and, for small worlds, whether every rule's
// members are those of the oracle.
//
//	cd bench && go run . -size 1m -dir /tmp/tagma-bench
//
// Everything measured runs in a process of its own, so that its peak memory is its own and every run starts from
// the disk. The page cache is warm: what is read has just been written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tagma/bench/gen"
	"tagma/bench/peers"
	"tagma/bench/rules"
)

// options are what the command line says.
type options struct {
	size   gen.Size
	seed   uint64
	order  gen.Order
	dir    string
	rules  int
	rounds int
	steps  []string
	// profile is a file for a processor profile of what is measured; with several measurements the last one's.
	profile string

	report string // file for the report, beside standard output
	keep   bool   // the temporary directory

	// peer is the engine that a child asks; peerProgram the program that is started for it, "" for this one.
	peer, peerProgram string
	patience          time.Duration // with one engine and one number of rules

	tagma       string        // the product's program
	liveTime    time.Duration // of each load
	connections int
	rate        int // events a second in the loads that offer so many
}

var (
	usualSteps = []string{"load", "compute", "preview", "check"}
	allSteps   = []string{"load", "compute", "preview", "check", "evaluate", "lookup", "peers", "live"}
)

// largestChecked is the number of customers up to which the oracle is asked without being told to.
const largestChecked = 200_000

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == childArgument {
		err = runChild(ctx, os.Args[2:])
	} else {
		err = run(ctx, os.Args[1:])
	}
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	var size, steps, order string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&size, "size", "1m", "100k, 1m, 10m (with 2M, 20M, 100M events), or customers/events")
	f.StringVar(&o.dir, "dir", "", "directory for the workspace; a loaded one is used again when -steps leaves load out (default: a temporary one)")
	f.StringVar(&steps, "steps", "", "what to do, of "+strings.Join(allSteps, ", ")+", or all (default: load,compute,preview, and check up to 200,000 customers; all leaves check out beyond that, and evaluate). "+
		"check compares with the oracle, which takes 200 bytes an event and some minutes for a million customers; evaluate decides the rules over columns in memory; lookup asks the index in process; peers puts the rules to other engines; live sends events to the serving program")
	f.StringVar(&order, "order", string(gen.ByTime), "order of the events in the load: time or block")
	f.StringVar(&o.profile, "cpuprofile", "", "file for a processor profile of the measured part of compute, preview or evaluate")
	f.IntVar(&o.rules, "rules", 1000, "largest number of rules")
	f.IntVar(&o.rounds, "rounds", 3, "repetitions of each measurement")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the world and the rules")
	f.StringVar(&o.report, "report", "", "file for the report, which is printed as well")
	f.BoolVar(&o.keep, "keep", false, "keep the temporary directory, and the other engines' data")
	f.StringVar(&o.peer, "peer", "", "the one engine to ask, of "+strings.Join(peers.Names(), ", ")+" (default: all that are here)")
	f.StringVar(&o.peerProgram, "peer-program", "", "this program built with -tags duckdb, for the other engines (default: this very program)")
	f.DurationVar(&o.patience, "patience", 5*time.Minute, "longest time for an engine and a number of rules; what is left is not asked")
	f.StringVar(&o.tagma, "tagma", "", "the product's program, for live (default: bin/tagma here or in the folder above)")
	f.DurationVar(&o.liveTime, "live-time", 20*time.Second, "length of each load of the live path")
	f.IntVar(&o.connections, "connections", 16, "connections of each load of the live path")
	f.IntVar(&o.rate, "rate", 10_000, "events a second that are offered in the loads that are not saturated")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.size, err = gen.ParseSize(size); err != nil {
		return o, err
	}
	o.order = gen.Order(order)
	switch steps {
	case "":
		o.steps = usualSteps
	case "all":
		o.steps = slices.DeleteFunc(slices.Clone(allSteps), func(s string) bool { return s == "evaluate" })
	default:
		o.steps = strings.Split(steps, ",")
	}
	if (steps == "" || steps == "all") && o.size.Customers > largestChecked {
		o.steps = slices.DeleteFunc(slices.Clone(o.steps), func(s string) bool { return s == "check" })
	}
	for _, s := range o.steps {
		if !slices.Contains(allSteps, s) {
			return o, fmt.Errorf("step %q: there are %s", s, strings.Join(allSteps, ", "))
		}
	}
	if o.rules < 1 || o.rules > 1000 || o.rounds < 1 || o.connections < 1 || o.rate < batchSize {
		return o, fmt.Errorf("-rules is 1 to 1000, -rounds and -connections at least 1, -rate at least %d", batchSize)
	}
	if o.peer != "" && !slices.Contains(peers.Names(), o.peer) {
		return o, fmt.Errorf("-peer %q: there are %s", o.peer, strings.Join(peers.Names(), ", "))
	}
	return o, nil
}

func (o options) has(step string) bool { return slices.Contains(o.steps, step) }

// workspace is the directory that the load fills, copied the one that a run of rules gets.
func (o options) workspace() string { return filepath.Join(o.dir, "workspace") }
func (o options) copied() string    { return filepath.Join(o.dir, "run") }

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "tagma-bench-"); err != nil {
			return err
		}
		if !o.keep {
			defer os.RemoveAll(o.dir)
		}
	} else if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	report := newReport(o)
	err = measure(ctx, o, report)
	report.targets(o)
	report.print(os.Stdout)
	if o.report != "" {
		err = errors.Join(err, os.WriteFile(o.report, []byte(report.b.String()), 0o644))
	}
	return err
}

// measure does the steps one after another. What has been measured is in the report when a step fails.
func measure(ctx context.Context, o options, report *report) error {
	if o.has("load") {
		if err := os.RemoveAll(o.workspace()); err != nil {
			return err
		}
		var l loaded
		if err := child(ctx, "load", o, 0, &l); err != nil {
			return err
		}
		report.load(l)
	}
	var last computed
	if o.has("compute") || o.has("check") {
		runs, err := compute(ctx, o)
		if err != nil {
			return err
		}
		report.compute(runs)
		last = runs[len(runs)-1].runs[0]
	}
	var p previewed
	if o.has("preview") {
		if err := child(ctx, "preview", o, 0, &p); err != nil {
			return err
		}
		report.preview(p)
	}
	if o.has("evaluate") {
		var e evaluated
		if err := child(ctx, "evaluate", o, o.rules, &e); err != nil {
			return err
		}
		report.evaluate(e)
	}
	if o.has("lookup") {
		l, err := lookUp(ctx, o)
		if err != nil {
			return err
		}
		report.lookup(l)
	}
	if o.has("check") {
		wrong, err := check(o, rules.New(o.seed)[:o.rules], last.Answers)
		if err != nil {
			return err
		}
		report.check(o.rules, wrong)
		if len(wrong) > 0 {
			return fmt.Errorf("%d of %d rules differ from the oracle", len(wrong), o.rules)
		}
	}
	if o.has("peers") {
		c, err := compare(ctx, o)
		if err != nil {
			return err
		}
		report.peers(c)
	}
	if o.has("live") {
		l, err := live(ctx, o)
		report.live(l)
		if err != nil {
			return err
		}
	}
	return nil
}

// runsOf are the runs with one number of rules.
type runsOf struct {
	rules int
	runs  []computed
}

// compute runs 1, 10, 100 … rules in turn, round by round, so that a slow moment of the machine meets all of them.
// Where only a check is wanted, the largest number runs once.
func compute(ctx context.Context, o options) ([]runsOf, error) {
	var all []runsOf
	rounds := o.rounds
	if o.has("compute") {
		for _, n := range steps(o.rules) {
			all = append(all, runsOf{rules: n})
		}
	} else {
		rounds = 1
		all = append(all, runsOf{rules: o.rules})
	}
	for range rounds {
		for i := range all {
			c, err := computeOnce(ctx, o, all[i].rules)
			if err != nil {
				return nil, err
			}
			all[i].runs = append(all[i].runs, c)
		}
	}
	return all, nil
}

// steps are 1, 10, 100 … and most itself.
func steps(most int) (out []int) {
	for n := 1; n < most; n *= 10 {
		out = append(out, n)
	}
	return append(out, most)
}

// computeOnce runs rules on a copy of the workspace, which is removed afterwards.
func computeOnce(ctx context.Context, o options, n int) (c computed, err error) {
	if err := os.RemoveAll(o.copied()); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.copied())) }()
	if err := cloneWorkspace(o.workspace(), o.copied()); err != nil {
		return c, err
	}
	if err := child(ctx, "apply", o, n, nil); err != nil {
		return c, err
	}
	err = child(ctx, "compute", o, n, &c)
	return c, err
}
