package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tagma/bench/gen"
	"tagma/bench/rules"
	"tagma/event"
)

// childArgument is the first argument of a process that measures one thing and prints it as JSON.
const childArgument = "measure"

// loaded is what a load cost.
type loaded struct {
	Customers, Events int
	Seconds           float64 // generation included
	CPUSeconds        float64
	Generating        float64 // the same generation without a product
	CompactSeconds    float64
	Bytes             int64 // of the history on disk, after compaction
	DatabaseBytes     int64 // of all other files: identities, logs, definitions
	PeakMB            int
}

// answer is the outcome of one rule.
type answer struct {
	Count    int
	Checksum uint64
	// Fold is the checksum as SQL can make it, too: see peers.Fold.
	Fold int64
}

// computed is what a run of rules cost, in an opened workspace, up to the tags in the index and the change log.
type computed struct {
	OpenSeconds float64
	Seconds     float64
	CPUSeconds  float64
	PeakMB      int
	Parts       map[string]float64 // seconds of the parts of the run
	Answers     []answer
}

// previewed is what previews cost.
type previewed struct {
	Seconds [][]float64 // by preview
	Counts  []int
	PeakMB  int
}

// child measures in a process of its own and reads the result into out.
func child(ctx context.Context, what string, o options, n int, out any) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if o.peer != "" && o.peerProgram != "" && strings.HasPrefix(what, "peer-") {
		self = o.peerProgram
	}
	cmd := exec.CommandContext(ctx, self, childArgument, what, "-size", fmt.Sprintf("%d/%d", o.size.Customers, o.size.Events),
		"-dir", o.dir, "-order", string(o.order), "-rules", strconv.Itoa(max(n, 1)), "-rounds", strconv.Itoa(o.rounds), "-seed", strconv.FormatUint(o.seed, 10), "-cpuprofile", o.profile,
		"-peer", o.peer, "-patience", o.patience.String())
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends what it has started
	cmd.WaitDelay = 30 * time.Second
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	fmt.Fprintf(os.Stderr, "%s bench: %s", time.Now().Format(time.TimeOnly), what)
	if strings.HasPrefix(what, "peer-") {
		fmt.Fprintf(os.Stderr, " %s", o.peer)
	}
	if n > 0 {
		fmt.Fprintf(os.Stderr, " %d rules", n)
	}
	fmt.Fprintln(os.Stderr)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("measure %s: %w", what, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		return fmt.Errorf("measure %s: %w in %q", what, err, stdout.String())
	}
	return nil
}

func runChild(ctx context.Context, args []string) error {
	o, err := parse(args[1:])
	if err != nil {
		return err
	}
	var out any
	switch args[0] {
	case "load":
		out, err = measureLoad(ctx, o)
	case "apply":
		err = applyRules(ctx, o)
	case "compute":
		out, err = measureCompute(ctx, o)
	case "evaluate":
		out, err = measureEvaluate(ctx, o)
	case "preview":
		out, err = measurePreview(ctx, o)
	case "lookup":
		out, err = measureLookup(ctx, o)
	case "peer-load":
		out, err = measurePeerLoad(ctx, o)
	case "peer-ask":
		out, err = measurePeer(ctx, o, rules.New(o.seed)[:o.rules])
	case "peer-preview":
		out, err = measurePeer(ctx, o, rules.Previews())
	case "live-load":
		err = loadLive(ctx, o)
	default:
		err = fmt.Errorf("nothing to measure by the name %q", args[0])
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func measureLoad(ctx context.Context, o options) (l loaded, err error) {
	w, err := gen.New(o.size, o.seed)
	if err != nil {
		return l, err
	}
	start := time.Now()
	if err := w.EachCustomer(func(*gen.Customer) error { return nil }); err != nil {
		return l, err
	}
	if err := w.EachEvent(o.order, func(*event.Event) error { return nil }); err != nil {
		return l, err
	}
	l.Generating = time.Since(start).Seconds()
	p, err := open(ctx, o.workspace())
	if err != nil {
		return l, err
	}
	start = time.Now()
	cpu := cpuSeconds()
	err = p.load(ctx, w, o.order)
	l.Customers, l.Events = o.size.Customers, o.size.Events
	l.Seconds, l.CPUSeconds = time.Since(start).Seconds(), cpuSeconds()-cpu
	start = time.Now()
	if err == nil {
		err = p.compact(ctx)
	}
	l.CompactSeconds = time.Since(start).Seconds()
	if err := errors.Join(err, p.close()); err != nil {
		return l, err
	}
	// Files that compaction has made useless go when the workspace is opened again at the latest.
	if p, err = open(ctx, o.workspace()); err != nil {
		return l, err
	}
	if err := p.close(); err != nil {
		return l, err
	}
	if l.Bytes, l.DatabaseBytes, err = sizes(o.workspace()); err != nil {
		return l, err
	}
	l.PeakMB, err = peakMB()
	return l, err
}

// applyRules puts the definitions of the first rules into a copy of the workspace.
func applyRules(ctx context.Context, o options) (err error) {
	p, err := open(ctx, o.copied())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	return p.apply(ctx, rules.Definitions(rules.New(o.seed)[:o.rules]))
}

// measureCompute decides rules that have never been decided, so that all their members are written.
func measureCompute(ctx context.Context, o options) (c computed, err error) {
	start := time.Now()
	p, err := open(ctx, o.copied())
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	c.OpenSeconds = time.Since(start).Seconds()
	stop, err := profile(o.profile)
	if err != nil {
		return c, err
	}
	defer stop()
	start = time.Now()
	cpu := cpuSeconds()
	if c.Parts, err = p.compute(ctx); err != nil {
		return c, err
	}
	c.Seconds, c.CPUSeconds = time.Since(start).Seconds(), cpuSeconds()-cpu
	if c.PeakMB, err = peakMB(); err != nil {
		return c, err
	}
	for _, r := range rules.New(o.seed)[:o.rules] {
		a, err := p.answer(ctx, r.Key)
		if err != nil {
			return c, err
		}
		c.Answers = append(c.Answers, a)
	}
	return c, nil
}

func measurePreview(ctx context.Context, o options) (v previewed, err error) {
	p, err := open(ctx, o.workspace())
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	rs := rules.Previews()
	stop, err := profile(o.profile)
	if err != nil {
		return v, err
	}
	defer stop()
	v.Seconds, v.Counts = make([][]float64, len(rs)), make([]int, len(rs))
	for range max(o.rounds, 3) {
		for i, r := range rs {
			start := time.Now()
			if v.Counts[i], err = p.preview(ctx, r.Expression); err != nil {
				return v, err
			}
			v.Seconds[i] = append(v.Seconds[i], time.Since(start).Seconds())
		}
	}
	v.PeakMB, err = peakMB()
	return v, err
}

// cloneWorkspace copies a workspace that nobody has open; sorted tables, which never change, are linked.
func cloneWorkspace(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case strings.HasSuffix(path, ".sst"):
			return os.Link(path, target)
		case !d.Type().IsRegular():
			return nil
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// profile starts a processor profile into a file, if one is named.
func profile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

// cpuSeconds is the processor time of this process so far.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// peakMB is the largest resident memory of this process so far, in MB. It starts again with each process.
func peakMB() (int, error) { return peakOf("self") }

// peakOf is peakMB of another process.
func peakOf(process string) (int, error) {
	b, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0, fmt.Errorf("peak memory: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kB, err := strconv.Atoi(strings.Fields(rest)[0])
			return kB / 1024, err
		}
	}
	return 0, fmt.Errorf("peak memory: /proc/%s/status does not say VmHWM", process)
}
