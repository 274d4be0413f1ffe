package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// machine says what the figures were measured on.
func machine() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	model := "processor unknown"
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	memory := ""
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kB int
		if _, err := fmt.Sscanf(string(b), "MemTotal: %d kB", &kB); err == nil {
			memory = fmt.Sprintf(", %d GiB of memory", int(math.Round(float64(kB)/(1<<20))))
		}
	}
	busy := ""
	if b, err := os.ReadFile("/proc/loadavg"); err == nil && len(strings.Fields(string(b))) > 0 {
		busy = "; load average before the start " + strings.Fields(string(b))[0]
	}
	return model + memory + busy
}

// goal is a line of the table of targets.
type goal struct {
	work, target, measured string
	met                    bool
}

func (r *report) goal(met bool, work, target, measured string, args ...any) {
	r.goals = append(r.goals, goal{work, target, fmt.Sprintf(measured, args...), met})
}

// targets are what is wanted, beside what was measured in this run.
func (r *report) targets(o options) {
	if len(r.goals) == 0 {
		return
	}
	r.line("\n| work | target | measured | |\n| --- | --- | --- | --- |")
	for _, g := range r.goals {
		met := "**missed**"
		if g.met {
			met = "met"
		}
		r.line("| %s | %s | %s | %s |", g.work, g.target, g.measured, met)
	}
	if o.size.Customers != 1_000_000 && o.size.Customers != 10_000_000 {
		r.line("\nThe targets are for 1M and 10M customers; at %s they say little.", thousands(o.size.Customers))
	}
}

func (r *report) lookup(l lookedUp) {
	r.line("\n| index, in process | p50 | p99 |\n| --- | --- | --- |")
	if len(l.Counts) > 0 {
		p50, p99 := 1000*quantile(l.Counts, .5), 1000*quantile(l.Counts, .99)
		r.line("| count of a segment of 2–8 tags | %.3f ms | %.3f ms |", p50, p99)
		r.goal(p50 <= 1 && p99 <= 3, "segment of 2–8 tags: count", "p50 ≤ 1 ms, p99 ≤ 3 ms", "%.3f, %.3f ms", p50, p99)
	}
	p50 := 1e6 * quantile(l.Customer, .5)
	r.line("| all tags of one customer (means of 100) | %.2f µs | %.2f µs |", p50, 1e6*quantile(l.Customer, .99))
	r.goal(p50 <= 5, "all tags of one customer in process", "≤ 5 µs", "%.2f µs", p50)
	columns, rows := 8*float64(l.Columns)/float64(max(l.Assignments, 1)), 8*float64(l.Rows)/float64(l.Customers)/float64(max(l.Values, 1))
	r.line("\nIndex: %s assignments of %s values; columns %d MB, %.2f bits each; rows %d MB, %.2f bits a customer and value, made in %.2f s.",
		thousands(l.Assignments), thousands(l.Values), l.Columns>>20, columns, l.Rows>>20, rows, l.RowSeconds)
	r.goal(columns <= 6 && rows <= 1, "index memory", "≤ 6 bits an assignment, ≤ 1 bit in rows", "%.2f, %.2f bits", columns, rows)
}

// peers writes the comparison with other engines.
func (r *report) peers(c *compared) {
	var here []string
	r.line("\n### Other engines on the same data")
	r.line("\n| engine | loading s | MB on disk | peak MB |\n| --- | --- | --- | --- |")
	for _, name := range c.names {
		l := c.loaded[name]
		if l.Absent != "" {
			r.line("| %s | | | |", l.Absent)
			continue
		}
		here = append(here, name)
		r.line("| %s %s | %.1f | %d | %s |", name, shortVersion(l.Version), l.Seconds, l.Bytes>>20, inProcess(name, fmt.Sprint(l.PeakMB)))
	}
	if len(here) == 0 {
		return
	}
	r.line("\nSeconds, median [min–max] of rounds in which all take their turns; × is the median of the rounds' ratios to Tagma, whose time is from the disk to published tags.\n")
	r.line("| rules | Tagma | Tagma CPU s | %s |\n| --- | --- | --- |%s", strings.Join(here, " | × | CPU s | ")+" | × | CPU s", strings.Repeat(" --- | --- | --- |", len(here)))
	for _, n := range c.numbers {
		var ours, cpu []float64
		for _, x := range c.ours[n] {
			ours, cpu = append(ours, x.Seconds), append(cpu, x.CPUSeconds)
		}
		line := fmt.Sprintf("| %d | %s | %.2f |", n, spread(ours), quantile(cpu, .5))
		for _, name := range here {
			line += asked(c.theirs[name][n], ours, name)
		}
		r.line("%s", line)
	}
	r.line("")
	for _, name := range here {
		r.agreement(name, c.agreement(name))
	}
	r.previewsOfPeers(here, c)
}

// asked are the cells of an engine for one number of rules.
func asked(all []peerAsked, ours []float64, name string) string {
	if len(all) == 0 {
		return " | | |"
	}
	var seconds, ratios, cpu []float64
	short := false
	for i, a := range all {
		short = short || a.Short
		seconds, ratios, cpu = append(seconds, a.Seconds), append(ratios, a.Seconds/ours[i]), append(cpu, a.CPUSeconds)
	}
	if short {
		return fmt.Sprintf(" more than %.0f | more than %.0f | |", quantile(seconds, 1), quantile(ratios, .5))
	}
	return fmt.Sprintf(" %s | %.1f | %s |", spread(seconds), quantile(ratios, .5), inProcess(name, fmt.Sprintf("%.2f", quantile(cpu, .5))))
}

// inProcess is a figure of this process that says something only of engines that run inside it.
func inProcess(name, figure string) string {
	if name == "duckdb" || name == "sqlite" {
		return figure
	}
	return ""
}

func spread(xs []float64) string {
	return fmt.Sprintf("%.2f [%.2f–%.2f]", quantile(xs, .5), quantile(xs, 0), quantile(xs, 1))
}

func shortVersion(v string) string {
	if f := strings.Fields(v); len(f) > 1 {
		return strings.TrimSuffix(f[1], ",")
	}
	return v
}

func (r *report) agreement(name string, a agreement) {
	r.line("- %s: %d answers equal (count and checksum of the members), %d different, %d not to be written in SQL, %d failed.", name, a.equal, len(a.different), len(a.unwritten), len(a.failed))
	for _, x := range slices.Concat(a.different, a.unwritten, a.failed) {
		r.line("  - %s", x)
	}
}

func (r *report) previewsOfPeers(here []string, c *compared) {
	var ours []float64
	for _, s := range c.ours1.Seconds {
		ours = append(ours, s...)
	}
	r.line("\n| one of %d rules on the spot, ms | median | max | × of the medians | other counts |\n| --- | --- | --- | --- | --- |", len(c.ours1.Counts))
	r.line("| Tagma (%d times each) | %.1f | %.1f | | |", len(c.ours1.Seconds[0]), 1000*quantile(ours, .5), 1000*quantile(ours, 1))
	for _, name := range here {
		var seconds []float64
		other := 0
		for i, a := range c.previews[name].Asked {
			seconds = append(seconds, a.Seconds)
			if a.Failed != "" || a.Unwritten != "" || a.Count != int64(c.ours1.Counts[i]) {
				other++
			}
		}
		if len(seconds) > 0 {
			r.line("| %s | %.1f | %.1f | %.1f | %d |", name, 1000*quantile(seconds, .5), 1000*quantile(seconds, 1), quantile(seconds, .5)/quantile(ours, .5), other)
		}
	}
}
