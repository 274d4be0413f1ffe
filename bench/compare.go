package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tagma/bench/gen"
	"tagma/bench/peers"
	"tagma/bench/rules"
)

// peerLoaded is what it cost to give an engine the world.
type peerLoaded struct {
	Absent  string // why it is not here; then nothing else is filled
	Version string
	Seconds float64
	Bytes   int64
	PeakMB  int
}

// peerAsked is what one engine made of some rules, in a process of its own, its data on the disk.
type peerAsked struct {
	Seconds    float64 // of all statements
	CPUSeconds float64 // of this process: of engines that run inside it
	PeakMB     int     // as CPUSeconds
	Asked      []peerAnswer
	// Short is whether patience ended before the rules did.
	Short bool
}

// peerAnswer is what came of one statement.
type peerAnswer struct {
	Key         string
	Count, Fold int64
	Seconds     float64
	// Unwritten is why there is no statement, Failed what the engine said instead of an answer.
	Unwritten, Failed string
}

// compared are the engines beside the product.
type compared struct {
	names   []string
	loaded  map[string]peerLoaded
	numbers []int // of rules
	// ours and theirs are by number of rules, and then by round.
	ours     map[int][]computed
	theirs   map[string]map[int][]peerAsked
	previews map[string]peerAsked
	ours1    previewed
}

func measurePeerLoad(ctx context.Context, o options) (l peerLoaded, err error) {
	w, err := gen.New(o.size, o.seed)
	if err != nil {
		return l, err
	}
	e, err := peers.Open(ctx, o.peer, o.dir)
	if errors.Is(err, peers.ErrAbsent) {
		return peerLoaded{Absent: err.Error()}, nil
	}
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	l.Version = e.Version
	start := time.Now()
	if err := e.Load(ctx, w); err != nil {
		return l, err
	}
	l.Seconds = time.Since(start).Seconds()
	if l.Bytes, err = e.Bytes(ctx); err != nil {
		return l, err
	}
	l.PeakMB, err = peakMB()
	return l, err
}

// measurePeer asks an engine rules, one statement after another.
func measurePeer(ctx context.Context, o options, rs []rules.Rule) (a peerAsked, err error) {
	e, err := peers.Open(ctx, o.peer, o.dir)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	writer := peers.NewWriter(e.Dialect, gen.Last(), rules.New(o.seed))
	patience, cancel := context.WithTimeout(ctx, o.patience)
	defer cancel()
	cpu := cpuSeconds()
	for _, r := range rs {
		one := peerAnswer{Key: r.Key}
		statement, err := writer.Statement(r)
		if err != nil {
			one.Unwritten = err.Error()
			a.Asked = append(a.Asked, one)
			continue
		}
		start := time.Now()
		one.Count, one.Fold, err = e.Ask(patience, statement)
		one.Seconds = time.Since(start).Seconds()
		a.Seconds += one.Seconds
		if patience.Err() != nil {
			a.Short = true
			break
		}
		if err != nil {
			one.Failed = err.Error()
		}
		a.Asked = append(a.Asked, one)
	}
	a.CPUSeconds = cpuSeconds() - cpu
	if ctx.Err() != nil {
		return a, ctx.Err()
	}
	a.PeakMB, err = peakMB()
	return a, err
}

// compare asks the product and every engine that is here the same rules, all in turn in every round, so that a slow
// moment of the machine meets all of them.
func compare(ctx context.Context, o options) (c *compared, err error) {
	c = &compared{loaded: map[string]peerLoaded{}, ours: map[int][]computed{}, theirs: map[string]map[int][]peerAsked{}, previews: map[string]peerAsked{}}
	if o.peer != "" {
		c.names = []string{o.peer}
	} else {
		c.names = peers.Names()
	}
	defer func() {
		for _, name := range c.names {
			if !o.keep {
				err = errors.Join(err, peers.Remove(name, o.dir))
			}
		}
	}()
	most := 0
	for _, name := range c.names {
		o.peer = name
		var l peerLoaded
		switch {
		case peers.Most(name, o.size) == 0:
			l.Absent = fmt.Sprintf("%s: not asked at this size", name)
		default:
			if err := child(ctx, "peer-load", o, 0, &l); err != nil {
				l.Absent = fmt.Sprintf("%s: %v", name, err)
			}
		}
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		c.loaded[name], c.theirs[name] = l, map[int][]peerAsked{}
		if l.Absent == "" {
			most = max(most, min(peers.Most(name, o.size), o.rules))
		}
	}
	if most == 0 {
		return c, nil
	}
	c.numbers = steps(most)
	for range o.rounds {
		for _, n := range c.numbers {
			o.peer = ""
			ours, err := computeOnce(ctx, o, n)
			if err != nil {
				return c, err
			}
			c.ours[n] = append(c.ours[n], ours)
			for _, name := range c.names {
				done := c.theirs[name][n]
				if c.loaded[name].Absent != "" || n > peers.Most(name, o.size) || len(done) > 0 && done[len(done)-1].Short {
					continue
				}
				o.peer = name
				var a peerAsked
				if err := child(ctx, "peer-ask", o, n, &a); err != nil {
					return c, err
				}
				c.theirs[name][n] = append(done, a)
			}
		}
	}
	o.peer = ""
	if err := child(ctx, "preview", o, 0, &c.ours1); err != nil {
		return c, err
	}
	for _, name := range c.names {
		if c.loaded[name].Absent != "" {
			continue
		}
		o.peer = name
		var a peerAsked
		if err := child(ctx, "peer-preview", o, 0, &a); err != nil {
			return c, err
		}
		c.previews[name] = a
	}
	return c, nil
}

// agreement compares the answers of an engine with the product's for the largest number of rules that it was asked.
type agreement struct {
	equal     int
	different []string // what differs, by rule
	unwritten []string
	failed    []string
}

func (c *compared) agreement(name string) (a agreement) {
	ours := c.ours[c.numbers[len(c.numbers)-1]][0].Answers
	said := map[string]peerAnswer{}
	for _, n := range c.numbers {
		for _, asked := range c.theirs[name][n] {
			for _, one := range asked.Asked {
				said[one.Key] = one
			}
		}
	}
	for i, want := range ours {
		key := rules.KeyOf(i)
		one, ok := said[key]
		switch {
		case !ok: // not asked
		case one.Unwritten != "":
			a.unwritten = append(a.unwritten, one.Unwritten)
		case one.Failed != "":
			a.failed = append(a.failed, key+": "+one.Failed)
		case one.Count != int64(want.Count) || one.Fold != want.Fold:
			a.different = append(a.different, fmt.Sprintf("%s: %d members (fold %d), ours %d (%d)", key, one.Count, one.Fold, want.Count, want.Fold))
		default:
			a.equal++
		}
	}
	return a
}
