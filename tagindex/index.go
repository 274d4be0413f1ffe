// Package tagindex holds the current tags of all customers in memory: for each slot (a tag or a segment) who has
// which value. It is a view of the change log. Only the log's follower writes it, it can be thrown away and
// rebuilt, and a snapshot file saves the time of doing so. It knows no rules and no definitions: a slot is a
// number, and its values are values.
//
// A slot keeps a set of customers for each of its values (texts and bools, up to MaxValues of them), or else a
// column: one value for each customer. A column may have bands beside it, a set for each. Rows, made on demand,
// turn the index round: what does one customer carry?
//
// Readers work on a View: the index as it was at one offset of the change log. Views share what did not change
// between them, and reading takes no lock.
package tagindex

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"tagma/event"
)

// Index is the tags of all customers. Reading goes through View and may be done by anyone at any time; Apply is
// for the follower of the change log alone.
type Index struct {
	view atomic.Pointer[View]

	mu    sync.Mutex // guards the writing
	epoch uint64     // the writing that is going on; what carries it may be changed in place

	waiting sync.Mutex
	moved   chan struct{} // closed when the view moves on; nil while nobody waits
}

// slot is one slot of a view.
type slot struct {
	id      uint32
	epoch   uint64
	content Content
	changed event.Time // instant and run of the last change
	run     uint64
}

// New returns an empty index at offset 0.
func New() *Index {
	x := &Index{}
	x.view.Store(&View{})
	return x
}

// View returns the index as it is now. It never changes and may be kept as long as needed.
func (x *Index) View() *View { return x.view.Load() }

// Position is the offset of the change log up to which the index goes.
func (x *Index) Position() uint64 { return x.View().offset }

// Wait returns when the index goes up to an offset of the change log, or ctx ends.
func (x *Index) Wait(ctx context.Context, offset uint64) error {
	for {
		x.waiting.Lock()
		if x.Position() >= offset {
			x.waiting.Unlock()
			return nil
		}
		if x.moved == nil {
			x.moved = make(chan struct{})
		}
		moved := x.moved
		x.waiting.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("tagindex: wait for change %d: %w", offset, ctx.Err())
		}
	}
}

func (x *Index) publish(v *View) {
	x.waiting.Lock()
	defer x.waiting.Unlock()
	x.view.Store(v)
	if x.moved != nil {
		close(x.moved)
		x.moved = nil
	}
}

// Apply moves the index on by changes, in order, to an offset of the change log. Readers see all of them or none.
// On an error, which means a change that no version of Tagma writes, nothing is applied.
func (x *Index) Apply(changes []Change, offset uint64) error {
	for i := range changes {
		if err := changes[i].check(); err != nil {
			return err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.epoch++
	next := x.View().next()
	next.offset = offset
	for i := range changes {
		ch := &changes[i]
		next.latest = max(next.latest, ch.At)
		if ch.Drop {
			next.drop(ch.Slot, x.epoch)
			continue
		}
		ord := next.own(ch.Slot, x.epoch)
		s := next.slots[ord]
		var fx effects
		s.content, fx = s.content.apply(ch, x.epoch)
		s.changed, s.run = ch.At, ch.Run
		if next.rows != nil {
			next.rows = next.rows.own(x.epoch)
			if !next.rows.follow(ord, &s.content, &fx) {
				next.rows = newRows(next, x.epoch)
			}
		}
	}
	x.publish(next)
	return nil
}

// replace makes the index another view, as loading does.
func (x *Index) replace(v *View) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.publish(v)
}

// BuildRows makes the rows of all customers, or those that are missing since a large change, so that Customer takes
// microseconds for everybody. It goes chunk by chunk of 65,536 customers, and changes may be applied in between. Once
// made, rows follow each change. ViewOf makes them as they are asked for.
func (x *Index) BuildRows(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("tagindex: build rows: %w", err)
		}
		if !x.buildNext() {
			return nil
		}
	}
}

func (x *Index) buildNext() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	v := x.View()
	key := 0
	if v.rows != nil {
		key = slices.Index(v.rows.chunks, nil)
	} else if v.chunks() == 0 {
		key = -1
	}
	if key < 0 && v.rows != nil {
		return false
	}
	x.build(v, key)
	return true
}

// build publishes v with the rows of a chunk; with no chunk's when key is negative. mu must be held.
func (x *Index) build(v *View, key int) *View {
	x.epoch++
	next := v.next()
	if next.rows == nil {
		next.rows = newRows(next, x.epoch)
	}
	next.rows = next.rows.own(x.epoch)
	if key >= 0 && key < len(next.rows.chunks) && next.rows.chunks[key] == nil {
		next.rows.chunks[key] = next.rows.build(next, uint16(key), x.epoch)
	}
	x.publish(next)
	return next
}

// ViewOf returns the index as it is now, with the rows of a customer and its neighbours made, so that View.Customer takes
// microseconds for them. The first to ask after any of 65,536 neighbours, and the first after a change of very many of
// them, waits until their rows are made, some 15 ms for a thousand tags; others pay nothing. So the rows of customers
// who are never asked after take no memory.
func (x *Index) ViewOf(customer uint32) *View {
	if v := x.View(); v.hasRow(customer) {
		return v
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	v := x.View()
	if v.hasRow(customer) {
		return v
	}
	return x.build(v, int(customer>>16))
}

func (v *View) hasRow(customer uint32) bool {
	_, _, made := v.rows.row(customer)
	return made
}

// MissingRows is the number of chunks that BuildRows would make.
func (x *Index) MissingRows() int {
	v := x.View()
	if v.rows == nil {
		return v.chunks()
	}
	n := 0
	for _, c := range v.rows.chunks {
		if c == nil {
			n++
		}
	}
	return n
}
