package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tagma/bench/gen"
	"tagma/bench/rules"
	"tagma/event"
)

// The live path runs on a workspace whose history ends yesterday, so that what comes in now follows it. It is loaded
// once and kept; each run gets a copy.
func (o options) liveBase() string { return filepath.Join(o.dir, "live-base") }
func (o options) liveRun() string  { return filepath.Join(o.dir, "live") }

// markerPage is a page that only the load generator sees: who has been there gets the tag bench_marker.
const markerPage = "/bench-mark"

// markerSegment is who has the tag.
const markerSegment = "bench_marked"

// liveDefinitions are the rules, decided live, the marker's tag, and five segments to be asked for.
func liveDefinitions(rs []rules.Rule) string {
	var b strings.Builder
	b.WriteString(rules.LiveDefinitions(rs))
	fmt.Fprintf(&b, "  - key: bench_marker\n    name: 基准标记\n    category: bench/count\n    purpose: 基准测试\n    owner: bench\n    refresh: live\n    cases:\n"+
		"      - {value: 是, when: 'events.page_view.last(\"2d\").where(e, e.page == \"%s\").count() >= 1'}\n", markerPage)
	fmt.Fprintf(&b, "segments:\n  - {key: %s, name: 基准标记人群, purpose: 基准测试, owner: bench, when: 'tags.bench_marker == \"是\"'}\n", markerSegment)
	for i, key := range eligibilitySegments[1:] {
		of := segmentTags(rs, i)
		fmt.Fprintf(&b, "  - {key: %s, name: 基准人群_%d, purpose: 基准测试, owner: bench, when: 'tags.%s == \"是\" || tags.%s == \"是\"'}\n", key, i+1, of[0], of[1])
	}
	return b.String()
}

// segmentTags are the tags that make somebody a member of segment i after the marker's.
func segmentTags(rs []rules.Rule, i int) [2]string {
	return [2]string{rs[i%len(rs)].Key, rs[(i+7)%len(rs)].Key}
}

// eligibilitySegments are asked for together.
var eligibilitySegments = []string{markerSegment, "bench_one", "bench_two", "bench_three", "bench_four"}

// loadLive fills the workspace of the live path: the world, moved by whole days so that it ended yesterday, with all
// rules decided for now.
func loadLive(ctx context.Context, o options) (err error) {
	w, err := gen.New(o.size, o.seed)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(o.liveBase()); err != nil {
		return err
	}
	p, err := open(ctx, o.liveBase())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	now := event.At(time.Now())
	p.shift = p.zone.Start(p.zone.Date(now)) - p.zone.Start(gen.Last()+1) // the zone's offset has not changed for decades
	if err := p.load(ctx, w, o.order); err != nil {
		return err
	}
	if err := p.compact(ctx); err != nil {
		return err
	}
	if err := p.apply(ctx, liveDefinitions(rules.New(o.seed)[:o.rules])); err != nil {
		return err
	}
	_, err = p.computeAt(ctx, event.At(time.Now()))
	return err
}
