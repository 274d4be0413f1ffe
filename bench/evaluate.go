package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"tagma/bench/gen"
	"tagma/bench/memory"
	"tagma/bench/rules"
	"tagma/event"
	"tagma/rule"
	"tagma/warehouse"
)

// evaluated is what deciding rules costs over columns in memory, by number of rules: no reading, no tags, no index.
type evaluated []evaluation

type evaluation struct {
	Rules   int
	Seconds []float64
	CPU     []float64
	Members int
}

// measureEvaluate decides rules over columns in memory.
func measureEvaluate(ctx context.Context, o options) (evaluated, error) {
	w, err := gen.New(o.size, o.seed)
	if err != nil {
		return nil, err
	}
	s, err := memory.New(w)
	if err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	stop, err := profile(o.profile)
	if err != nil {
		return nil, err
	}
	defer stop()
	var out evaluated
	for _, n := range steps(o.rules) {
		out = append(out, evaluation{Rules: n})
	}
	for range o.rounds {
		for i := range out {
			e := &out[i]
			start, cpu := time.Now(), cpuSeconds()
			members := 0
			if err := decide(ctx, s, w.Zone(), rules.New(o.seed)[:e.Rules], w.Now(), &members); err != nil {
				return nil, err
			}
			e.Seconds, e.CPU, e.Members = append(e.Seconds, time.Since(start).Seconds()), append(e.CPU, cpuSeconds()-cpu), members
		}
	}
	return out, nil
}

// decide counts the members of rules into members.
func decide(ctx context.Context, s warehouse.Snapshot, zone *event.Zone, rs []rules.Rule, now event.Time, members *int) error {
	b := rule.NewBuilder()
	tags := map[string]*rule.Expr{}
	env := &rule.Env{Zone: zone, Names: rule.NewNames(s.Series()), Builder: b}
	env.Tag = func(key string) (*rule.TagRef, bool, error) {
		return &rule.TagRef{Value: tags[key], Values: []string{"是"}}, tags[key] != nil, nil
	}
	roots := make([]*rule.Expr, len(rs))
	for i, r := range rs {
		c, faults := rule.Check(r.Expression, env, rule.Condition)
		if len(faults) > 0 {
			return fmt.Errorf("rule %s: %s: %s", r.Key, faults[0].Message, r.Expression)
		}
		roots[i] = c.Expr
		tags[r.Key] = b.Cases([]*rule.Expr{c.Expr}, []event.Value{event.Text("是")})
	}
	run := &rule.Run{Snapshot: s, Now: now, Zone: zone}
	if err := run.Prepare(ctx, roots); err != nil {
		return err
	}
	var sum sync.Mutex
	return run.Blocks(ctx, roots, func(res *rule.Result) error {
		n := 0
		for _, x := range roots {
			n += res.Cond(x).Count()
		}
		sum.Lock()
		defer sum.Unlock()
		*members += n
		return nil
	})
}
