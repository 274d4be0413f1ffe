package api

import (
	"sync"

	"tagma/event"
)

// paceSeconds is for how many whole seconds a pace remembers what was counted.
const paceSeconds = 60

// pace counts by the second, by the machine's clock.
type pace struct {
	mu     sync.Mutex
	second int64
	counts [paceSeconds + 1]int // the present second is the last
}

func (p *pace) add(n int, now event.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.move(now)
	p.counts[paceSeconds] += n
}

// move makes the second of now the present one.
func (p *pace) move(now event.Time) {
	second := int64(now) / 1000
	gone := int(min(max(0, second-p.second), paceSeconds+1))
	if gone == 0 {
		return
	}
	copy(p.counts[:], p.counts[gone:])
	clear(p.counts[paceSeconds+1-gone:])
	p.second = second
}

// recent is the counts of the last whole seconds, the earliest first.
func (p *pace) recent(now event.Time) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.move(now)
	return append([]int{}, p.counts[:paceSeconds]...)
}

// rate is the count a second over the last ten whole seconds of recent.
func rate(recent []int) float64 {
	sum := 0
	for _, n := range recent[len(recent)-10:] {
		sum += n
	}
	return float64(sum) / 10
}
