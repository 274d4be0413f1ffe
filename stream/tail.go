package stream

import (
	"context"
	"sync"

	"tagma/event"
)

// maxMarks bounds what is remembered of a log's last entries.
const maxMarks = 2048

// tail is what is known in memory of the end of a log, so that asking how far a reader is behind costs no query.
type tail struct {
	mu    sync.Mutex
	known bool
	end   uint64
	// The last entries, ascending. When there are too many, neighbours are joined, the oldest first: those are then
	// known less exactly, and never for younger or fewer than they are.
	marks []mark
	pace  pace
}

// mark is an entry, or neighbours that were joined.
type mark struct {
	end uint64
	at  event.Time // of the oldest
	// Sums over all marks so far: records that were live, and bytes of payload.
	live, bytes uint64
}

// grow notes an entry that was committed. Entries may be noted in another order than they were committed in.
func (t *tail) grow(e *Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := mark{end: e.End(), at: e.At, bytes: uint64(len(e.Payload))}
	if e.Live {
		m.live = e.Count
	}
	t.known = true
	if t.pace.note(e.At, t.end); m.end > t.end {
		t.end = m.end
	}
	if n := len(t.marks); n > 0 {
		last := &t.marks[n-1]
		m.live, m.bytes = m.live+last.live, m.bytes+last.bytes
		if last.end >= m.end {
			last.live, last.bytes = m.live, m.bytes
			return
		}
	}
	if t.marks = append(t.marks, m); len(t.marks) < maxMarks {
		return
	}
	out := t.marks[:0]
	for i := 0; i < maxMarks; i++ {
		if m := t.marks[i]; i < maxMarks/2 {
			i++
			m.end, m.live, m.bytes = t.marks[i].end, t.marks[i].live, t.marks[i].bytes
			out = append(out, m)
		} else {
			out = append(out, m)
		}
	}
	t.marks = out
}

// look reads the end from the table when nothing is known yet.
func (t *tail) look(ctx context.Context, l *Log) error {
	t.mu.Lock()
	known := t.known
	t.mu.Unlock()
	if known {
		return nil
	}
	end, at, err := l.end(ctx, l.db.Read())
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known {
		return nil
	}
	m := mark{end: end, at: at}
	n := len(t.marks)
	if n > 0 {
		m.live, m.bytes = t.marks[n-1].live, t.marks[n-1].bytes
	}
	if n == 0 || t.marks[n-1].end < end {
		t.marks = append(t.marks, m)
	}
	t.known, t.end = true, max(t.end, end)
	return nil
}

// doubt says that an entry was perhaps committed, perhaps not: the table knows.
func (t *tail) doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = false
}

// last is the end, as far as it is known.
func (t *tail) last() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end
}

// behind fills in how far a position is behind the end.
func (t *tail) behind(position uint64, now event.Time, f *Freshness) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now != 0 {
		f.Growth = t.pace.rate(now, t.end)
	}
	f.Position, f.End = position, max(t.end, position)
	f.Lag = f.End - f.Position
	n := len(t.marks)
	if f.Lag == 0 || n == 0 {
		return
	}
	i := n // the first mark that reaches beyond the position
	for i > 0 && t.marks[i-1].end > position {
		i--
	}
	if i == n {
		return
	}
	var before mark
	if i > 0 {
		before = t.marks[i-1]
	}
	f.Oldest = t.marks[i].at
	f.Live, f.Bytes = t.marks[n-1].live-before.live, t.marks[n-1].bytes-before.bytes
}

// forget drops what lies below a position, but for the last of it.
func (t *tail) forget(position uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	drop := 0
	for drop+1 < len(t.marks) && t.marks[drop+1].end <= position {
		drop++
	}
	if drop > 0 {
		t.marks = append(t.marks[:0], t.marks[drop:]...)
	}
}
