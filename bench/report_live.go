package main

import "fmt"

// live writes what the live path did, as far as it came.
func (r *report) live(l lived) {
	r.line("\n### The live path: %d live rules, events of 100 a request over HTTP, the load generator on the same cores", l.Rules)
	if l.First > 0 {
		r.line("\nStart of the process to the first answer: %.2f s (%.2f s of processor); after the loads %.2f s (%.2f s). Peak memory of the process %d MB under load, %d MB with a run.",
			l.First, l.FirstCPU, l.Again, l.AgainCPU, l.PeakMB, l.PeakRunMB)
		r.goal(l.First <= 5, "start to first answer", "≤ 5 s (10M)", "%.2f s", l.First)
	}
	if len(l.Loads) > 0 {
		r.line("\n| events a second offered | accepted/s | request p50, p99 ms | event→tag p50, p99 ms | seen, not in 10 s | decided after the end s | 429 | failed | cores: product, generator | product µs of processor an event |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	}
	for _, one := range l.Loads {
		offered := "as many as are taken"
		if one.Offered > 0 {
			offered = thousands(one.Offered)
		}
		tags, seen, catchUp := "not live", "", ""
		if l.IsLive {
			tags, seen, catchUp = pair(one.Tags), fmt.Sprintf("%d, %d", len(one.Tags), one.Missing), fmt.Sprintf("%.2f", one.CatchUp)
			if one.CatchUp < 0 {
				catchUp = "not in 60"
			}
		}
		r.line("| %s | %s | %s | %s | %s | %s | %d | %d | %.2f, %.2f | %.0f |", offered, thousands(int(one.Accepted)), pair(one.Sending.requests), tags, seen, catchUp,
			one.Sending.refused, one.Sending.failed, one.CPU, one.OwnCPU, 1e6*one.CPU/max(one.Accepted, 1))
		r.liveGoals(l, one)
	}
	for _, one := range l.Loads {
		if one.Sending.fault != "" {
			r.line("\nThe first request that failed at %d a second: %s", one.Offered, one.Sending.fault)
		}
	}
	r.questions(l)
	r.afterwards(l)
}

func (r *report) liveGoals(l lived, one liveLoad) {
	if one.Offered == 0 {
		r.goal(l.IsLive && one.Accepted >= 30_000 && l.PeakMB <= 4096, "HTTP → durable → live tags, saturated", "≥ 30,000 events/s, ≤ 4 GB", "%s events/s%s, %d MB", thousands(int(one.Accepted)), notLive(l), l.PeakMB)
		return
	}
	measured := "not live"
	if len(one.Tags) > 0 {
		measured = fmt.Sprintf("%.0f ms, %d not in 10 s", 1000*quantile(one.Tags, .99), one.Missing)
	}
	r.goal(len(one.Tags) > 0 && quantile(one.Tags, .99) <= .1 && one.Missing == 0, "event→tag at "+thousands(one.Offered)+"/s", "p99 ≤ 100 ms", "%s", measured)
}

func notLive(l lived) string {
	if l.IsLive {
		return ""
	}
	return " (not live)"
}

// pair is p50 and p99 in milliseconds.
func pair(xs []float64) string {
	if len(xs) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f, %.1f", 1000*quantile(xs, .5), 1000*quantile(xs, .99))
}

// questions are the loads of questions.
func (r *report) questions(l lived) {
	if len(l.Idle.Took)+len(l.Busy.Took)+len(l.Eligible.Took) == 0 {
		return
	}
	r.line("\n| questions over HTTP | number | a second | p50, p99 ms |\n| --- | --- | --- | --- |")
	for _, q := range []struct {
		name string
		a    asking
	}{{"preview of one of 30 rules, alone", l.Idle}, {"the same while events arrive", l.Busy}, {"eligibility: one customer, five segments", l.Eligible}} {
		if len(q.a.Took) > 0 {
			r.line("| %s | %d | %s | %s |", q.name, len(q.a.Took), thousands(int(float64(len(q.a.Took))/q.a.Seconds)), pair(q.a.Took))
		}
		if q.a.Fault != "" {
			r.line("| failed | | | %s |", q.a.Fault)
		}
	}
	if len(l.Busy.Took) > 0 {
		limit, text := r.previewLimit()
		p50 := quantile(l.Busy.Took, .5)
		r.goal(p50 <= limit && l.Busy.Fault == "", "preview while events arrive", text, "%.0f ms", 1000*p50)
	}
	if len(l.Eligible.Took) > 0 {
		rate, p99 := float64(len(l.Eligible.Took))/l.Eligible.Seconds, quantile(l.Eligible.Took, .99)
		r.goal(rate >= 5000 && p99 <= .005, "eligibility over HTTP", "≥ 5,000/s, p99 ≤ 5 ms", "%s/s, %.1f ms", thousands(int(rate)), 1000*p99)
	}
}

// afterwards is whether live equals batch.
func (r *report) afterwards(l lived) {
	if l.RunMS == 0 {
		return
	}
	r.line("\nA run after the loads (%.1f s) changed %s assignments, %s of them in rules with functions across all customers and what reads them: a run makes their parameters anew.",
		float64(l.RunMS)/1000, thousands(l.Changed), thousands(l.Parameters))
	if l.Repairs != "" {
		r.line("It says of repairs: %s.", l.Repairs)
	}
	if l.IsLive {
		r.goal(len(l.Repaired) == 0, "live equals batch", "a run repairs nothing", "%d tags of other rules changed", len(l.Repaired))
		for i, x := range l.Repaired {
			if i == 20 {
				r.line("- and %d more", len(l.Repaired)-i)
				break
			}
			r.line("- %s", x)
		}
	} else {
		r.line("The program does not decide live: the run did all of it.")
	}
	if l.Freshness != "" {
		r.line("\nFreshness, before the run: `%s`", l.Freshness)
	}
	if l.Checked != "" {
		r.line("\n`tagma check`: %s", l.Checked)
	}
}
