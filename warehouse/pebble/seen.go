package pebble

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"

	"tagma/warehouse"
)

// Seen looks keys up, in the order given: a nil value where one was never seen.
func (s *Store) Seen(keys []warehouse.SeenKey) ([][]byte, error) {
	if err := s.reading(); err != nil {
		return nil, err
	}
	out := make([][]byte, len(keys))
	perhaps := s.seen.perhaps(keys)
	var key []byte
	for i, k := range keys {
		if perhaps != nil && !perhaps[i] {
			continue
		}
		key = seenKey(key[:0], k)
		v, err := s.get(key)
		if err != nil {
			return nil, fmt.Errorf("warehouse: look up what was seen: %w", err)
		}
		out[i] = v
	}
	return out, nil
}

// WarmSeen reads the keys of all that was seen into a filter in memory, so that looking up what is new, which most is,
// touches no file. It takes about 1.5 to 3 bytes a key and gives up beyond 256 MB. It may run while others write, ends
// early with ctx, and does nothing where the filter is there. A bulk load that comes in with keys of its own takes the
// filter away: call WarmSeen again.
func (s *Store) WarmSeen(ctx context.Context) error {
	s.write.Lock() // what is written from here on adds itself
	turn := s.seen.begin()
	s.write.Unlock()
	if turn == 0 {
		return nil
	}
	n := 0
	err := s.scan([]byte{seenPrefix}, []byte{seenPrefix + 1}, func(key, _ []byte) error {
		var k warehouse.SeenKey
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		k.Partition = binary.BigEndian.Uint32(key[1:])
		copy(k.Hash[:], key[5:])
		s.seen.add(k)
		return nil
	})
	s.seen.end(turn, err == nil)
	if err != nil {
		return fmt.Errorf("warehouse: read the keys of what was seen: %w", err)
	}
	return nil
}

// seenFilter says of a key that it was surely never seen, or perhaps was: Bloom filters whose bits of a key lie in one
// line of the processor's cache.
type seenFilter struct {
	mu     sync.RWMutex
	layers []seenLayer // each twice as large as the one before; keys go into the last
	state  seenState
	turns  int // how often it was begun
}

type seenState uint8

const (
	seenOff     seenState = iota
	seenFilling           // what is written adds itself, what was written before is being read
	seenReady
	seenTooLarge
)

type seenLayer struct {
	lines [][8]uint64
	room  int // keys that it still takes
}

const (
	seenBits    = 12 // a key
	seenProbes  = 6
	seenFirst   = 1 << 20 // keys of the first layer
	maxSeenSize = 256 << 20
)

// begin starts to fill the filter, and returns a number for end; 0 when there is nothing to do.
func (f *seenFilter) begin() (turn int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != seenOff {
		return 0
	}
	f.turns++
	f.state = seenFilling
	return f.turns
}

func (f *seenFilter) end(turn int, good bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.state != seenFilling || f.turns != turn:
	case good:
		f.state = seenReady
	default:
		f.state, f.layers = seenOff, nil
	}
}

// drop forgets all: keys came in that were not added.
func (f *seenFilter) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != seenTooLarge {
		f.state, f.layers = seenOff, nil
	}
}

// add takes keys in.
func (f *seenFilter) add(keys ...warehouse.SeenKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != seenFilling && f.state != seenReady {
		return
	}
	for _, k := range keys {
		if !f.room() {
			f.state, f.layers = seenTooLarge, nil
			return
		}
		l := &f.layers[len(f.layers)-1]
		line, probes := l.at(k)
		for range seenProbes {
			line[probes>>6&7] |= 1 << (probes & 63)
			probes >>= 9
		}
		l.room--
	}
}

// room makes another layer where the last is full; false when it would be too large.
func (f *seenFilter) room() bool {
	n := len(f.layers)
	if n > 0 && f.layers[n-1].room > 0 {
		return true
	}
	keys := seenFirst << n
	if 2*keys*seenBits/8 > maxSeenSize { // with those before it
		return false
	}
	f.layers = append(f.layers, seenLayer{lines: make([][8]uint64, keys*seenBits/512), room: keys})
	return true
}

// at returns the line of a key and its places in it. Keys are hashes already.
func (l *seenLayer) at(k warehouse.SeenKey) (line *[8]uint64, probes uint64) {
	high, _ := bits.Mul64(binary.LittleEndian.Uint64(k.Hash[:8])^uint64(k.Partition)*0x9e3779b97f4a7c15, uint64(len(l.lines)))
	return &l.lines[high], binary.LittleEndian.Uint64(k.Hash[8:])
}

// perhaps says of each key whether it was perhaps seen; nil when nothing is known.
func (f *seenFilter) perhaps(keys []warehouse.SeenKey) []bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.state != seenReady {
		return nil
	}
	out := make([]bool, len(keys))
	for i, k := range keys {
		for n := range f.layers {
			if f.layers[n].has(k) {
				out[i] = true
				break
			}
		}
	}
	return out
}

func (l *seenLayer) has(k warehouse.SeenKey) bool {
	line, probes := l.at(k)
	for range seenProbes {
		if line[probes>>6&7]&(1<<(probes&63)) == 0 {
			return false
		}
		probes >>= 9
	}
	return true
}
