package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"

	"tagma/bench/gen"
)

// report collects the lines of the markdown report.
type report struct {
	b     strings.Builder
	goals []goal
	size  gen.Size
}

func newReport(o options) *report {
	r := &report{size: o.size}
	r.line("## Tagma: %s customers, %s events, %d cores", thousands(o.size.Customers), thousands(o.size.Events), runtime.GOMAXPROCS(0))
	r.line("\n%s", machine())
	return r
}

func (r *report) line(format string, args ...any) { fmt.Fprintf(&r.b, format+"\n", args...) }

func (r *report) load(l loaded) {
	r.line("\n| load | seconds | CPU s | events/s | of it generating s | compaction s | history B/event | other files MB | peak MB |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	r.line("| %s events, %s customers | %.1f | %.1f | %s | %.1f | %.1f | %.1f | %d | %d |", thousands(l.Events), thousands(l.Customers), l.Seconds, l.CPUSeconds,
		thousands(int(float64(l.Events)/l.Seconds)), l.Generating, l.CompactSeconds, float64(l.Bytes)/float64(max(l.Events, 1)), l.DatabaseBytes>>20, l.PeakMB)
}

func (r *report) compute(all []runsOf) {
	r.line("\n| rules | seconds: median [min–max] | CPU s | parameters, rules, publishing s | opening s | peak MB | members |\n| --- | --- | --- | --- | --- | --- | --- |")
	medians := map[int]float64{}
	for _, of := range all {
		var seconds, cpu, opening []float64
		parts := map[string][]float64{}
		peak, members := 0, 0
		for _, c := range of.runs {
			seconds, cpu, opening = append(seconds, c.Seconds), append(cpu, c.CPUSeconds), append(opening, c.OpenSeconds)
			peak = max(peak, c.PeakMB)
			for _, part := range []string{"parameters", "rules", "publish"} {
				parts[part] = append(parts[part], c.Parts[part])
			}
		}
		for _, a := range of.runs[0].Answers {
			members += a.Count
		}
		medians[of.rules] = quantile(seconds, .5)
		r.line("| %d | %.2f [%.2f–%.2f] | %.2f | %.2f, %.2f, %.2f | %.2f | %d | %s |", of.rules, medians[of.rules], quantile(seconds, 0), quantile(seconds, 1),
			quantile(cpu, .5), quantile(parts["parameters"], .5), quantile(parts["rules"], .5), quantile(parts["publish"], .5), quantile(opening, .5), peak, thousands(members))
		if most := of.rules; most == 1000 {
			seconds, memory, text := 3.5, 2048, "≤ 3.5 s, ≤ 2 GB"
			if r.size.Customers > 1_000_000 {
				seconds, memory, text = 45, 8192, "≤ 45 s, ≤ 8 GB"
			}
			r.goal(medians[most] <= seconds && peak <= memory, "1,000 rules from disk", text, "%.2f s, %d MB", medians[most], peak)
		}
	}
	if medians[100] > 0 && medians[1000] > 0 {
		r.line("\n1,000 rules cost %.2f times 100 rules.", medians[1000]/medians[100])
	}
}

func (r *report) evaluate(all evaluated) {
	r.line("\n| rules over columns in memory | seconds: median [min–max] | CPU s | members |\n| --- | --- | --- | --- |")
	for _, e := range all {
		r.line("| %d | %.2f [%.2f–%.2f] | %.2f | %s |", e.Rules, quantile(e.Seconds, .5), quantile(e.Seconds, 0), quantile(e.Seconds, 1),
			quantile(e.CPU, .5), thousands(e.Members))
	}
}

func (r *report) preview(p previewed) {
	var all, slowest []float64
	for _, s := range p.Seconds {
		all = append(all, s...)
		slowest = append(slowest, quantile(s, .5))
	}
	r.line("\n| preview of one rule | median ms | p90 ms | max ms | slowest rule's median ms | peak MB |\n| --- | --- | --- | --- | --- | --- |")
	r.line("| %d rules × %d | %.1f | %.1f | %.1f | %.1f | %d |", len(p.Seconds), len(p.Seconds[0]), 1000*quantile(all, .5), 1000*quantile(all, .9),
		1000*quantile(all, 1), 1000*quantile(slowest, 1), p.PeakMB)
	limit, text := r.previewLimit()
	r.goal(quantile(all, .5) <= limit, "preview of one rule", text, "%.0f ms", 1000*quantile(all, .5))
}

// previewLimit is the target of a preview in seconds, and as it is written.
func (r *report) previewLimit() (float64, string) {
	if r.size.Customers > 1_000_000 {
		return .5, "median ≤ 500 ms"
	}
	return .08, "median ≤ 80 ms"
}

func (r *report) check(rules int, wrong []string) {
	if len(wrong) == 0 {
		r.line("\nAll %d rules have the members that the oracle finds.", rules)
		return
	}
	r.line("\n%d of %d rules differ from the oracle:\n", len(wrong), rules)
	for _, w := range wrong {
		r.line("- %s", w)
	}
}

func (r *report) print(w io.Writer) { io.WriteString(w, r.b.String()) }

// quantile is the smallest measured value that is not exceeded by the share q of them.
func quantile(xs []float64, q float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	return s[max(int(math.Ceil(q*float64(len(s))))-1, 0)]
}

// thousands writes 1,234,567.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
