package stream

import "sync"

// recentBytes bounds the payloads of what a log remembers.
const recentBytes = 4 << 20

// recent is the last entries that were appended to a log, as they are in memory: who follows closely reads no table, and
// decodes nothing. It has no gaps, and may have less than what was committed, never more.
type recent struct {
	mu      sync.Mutex
	entries []Entry
	bytes   int
}

// add notes an entry that was committed. Entries may be noted in another order than they were committed in: what then is
// missing is in the table.
func (r *recent) add(e Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.entries); n > 0 {
		switch end := r.entries[n-1].End(); {
		case e.First < end:
			return
		case e.First > end:
			r.drop(n)
		}
	}
	r.entries = append(r.entries, e)
	r.bytes += len(e.Payload)
	old := 0
	for left := r.bytes; left > recentBytes || len(r.entries)-old > maxEntries; old++ {
		left -= len(r.entries[old].Payload)
	}
	r.drop(old)
}

// drop forgets the n oldest.
func (r *recent) drop(n int) {
	for i := range n {
		r.bytes -= len(r.entries[i].Payload)
		r.entries[i] = Entry{}
	}
	r.entries = r.entries[n:]
}

// forget drops what lies below an offset.
func (r *recent) forget(offset uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.entries) && r.entries[n].End() <= offset {
		n++
	}
	r.drop(n)
}

// read gives entries as Log.read does; false when it does not have the first of them.
func (r *recent) read(from, to uint64, maxBytes int) (entries []Entry, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.entries)
	if n == 0 || from < r.entries[0].First || from >= r.entries[n-1].End() {
		return nil, false
	}
	for i := n; i > 0; i-- { // readers are mostly near the end
		if r.entries[i-1].First > from {
			continue
		}
		bytes := 0
		for _, e := range r.entries[i-1:] {
			if e.End() > to || bytes >= maxBytes && len(entries) > 0 {
				break
			}
			entries = append(entries, e)
			bytes += len(e.Payload)
		}
		return entries, true
	}
	return nil, false
}
