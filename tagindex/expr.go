package tagindex

import (
	"runtime"
	"slices"
)

// Expr is a set of customers written as and, or and not of others: the algebra of segments. It is evaluated chunk
// by chunk: for 65,536 customers the whole expression, on a few bit fields of 8 KB that stay in the processor's
// cache. It is immutable and safe for concurrent use.
type Expr struct {
	op    exprOp
	set   *Set
	args  []*Expr
	depth int // levels of scratch memory needed beside the first
}

type exprOp uint8

const (
	opIn exprOp = iota
	opAnd
	opOr
	opNot
)

// In is the members of a set.
func In(s *Set) *Expr { return &Expr{op: opIn, set: s} }

// And is who is in all of args; everybody when there are none.
func And(args ...*Expr) *Expr { return combine(opAnd, args) }

// Or is who is in any of args; nobody when there are none.
func Or(args ...*Expr) *Expr { return combine(opOr, args) }

// Not is everybody but e.
func Not(e *Expr) *Expr {
	if e.op == opNot {
		return e.args[0]
	}
	return &Expr{op: opNot, args: []*Expr{e}, depth: e.depth}
}

// combine puts plain sets first: they are cheapest and may settle a chunk alone.
func combine(op exprOp, args []*Expr) *Expr {
	e := &Expr{op: op}
	for _, plain := range []bool{true, false} {
		for _, a := range args {
			if a.plain() != plain {
				continue
			}
			if e.args = append(e.args, a); a.op != opIn {
				e.depth = max(e.depth, a.depth+1)
			}
		}
	}
	return e
}

// plain says that the expression is a set or the complement of one.
func (e *Expr) plain() bool {
	return e.op == opIn || e.op == opNot && e.args[0].op == opIn
}

// found says what an evaluation found in a chunk.
type found struct {
	form foundForm
	list []uint16 // the members, when they are few; not to be changed
}

type foundForm uint8

const (
	nothing    foundForm = iota
	everything           // all 65,536
	few                  // what list has
	some                 // what the level's bit field has
)

// level is the scratch memory of one level of an evaluation.
type level struct {
	words words
	list  [maxArray]uint16
}

type evaluator struct{ levels []level }

// eval evaluates e in a chunk, at a level: it may use the memory of that level and of those above.
func (v *evaluator) eval(e *Expr, key uint16, at int) found {
	switch e.op {
	case opIn:
		return v.levels[at].load(e.set.chunk(key))
	case opNot:
		return v.levels[at].not(v.eval(e.args[0], key, at))
	case opAnd:
		return v.and(e, key, at)
	}
	return v.or(e, key, at)
}

func (l *level) load(c *chunk) found {
	switch {
	case c == nil:
		return found{}
	case c.full():
		return found{form: everything}
	case c.isList():
		return found{few, c.list}
	}
	c.fill(&l.words)
	return found{form: some}
}

// spread makes the bit field of what was found hold it.
func (l *level) spread(f found) {
	if f.form == few {
		(&chunk{list: f.list}).fill(&l.words)
	}
}

func (l *level) not(f found) found {
	switch f.form {
	case nothing:
		return found{form: everything}
	case everything:
		return found{}
	}
	l.spread(f)
	w := &l.words
	for i := 0; i < chunkWords; i += 4 {
		w[i], w[i+1], w[i+2], w[i+3] = ^w[i], ^w[i+1], ^w[i+2], ^w[i+3]
	}
	return found{form: some}
}

// keep returns the members of a list that are in the bit field, or those that are not.
func (l *level) keep(list []uint16, w *words, in bool) found {
	n, flip := 0, uint64(0)
	if !in {
		flip = 1
	}
	for _, x := range list { // without a branch: what comes next cannot be guessed
		l.list[n&(maxArray-1)] = x
		n += int(w[x>>6]>>(x&63)&1 ^ flip)
	}
	return l.short(n)
}

func (l *level) short(n int) found {
	if n == 0 {
		return found{}
	}
	return found{few, l.list[:n]}
}

// keepList is keep for a second list. The bit field is free while what was found is a list.
func (l *level) keepList(list, other []uint16, in bool) found {
	if len(other) < 64*len(list) {
		(&chunk{list: other}).fill(&l.words)
		return l.keep(list, &l.words, in)
	}
	n, i := 0, 0
	for _, x := range list {
		k, ok := slices.BinarySearch(other[i:], x)
		i += k
		l.list[n] = x
		if ok == in {
			n++
		}
	}
	return l.short(n)
}

// keepChunk is keep for a chunk.
func (l *level) keepChunk(list []uint16, c *chunk, in bool) found {
	switch {
	case c != nil && c.words != nil:
		return l.keep(list, c.words, in)
	case c != nil && (c.under != nil || c.runs && len(list) > len(c.list)/8):
		c.fill(&l.words) // it is free while what was found is a list
		return l.keep(list, &l.words, in)
	case c == nil || !c.runs:
		var other []uint16
		if c != nil {
			other = c.list
		}
		return l.keepList(list, other, in)
	}
	n := 0
	for _, x := range list {
		if c.contains(x) == in {
			l.list[n] = x
			n++
		}
	}
	return l.short(n)
}

func (v *evaluator) and(e *Expr, key uint16, at int) found {
	// Nothing in any of them settles it and costs nothing to see; the shortest list leaves least to look at.
	lead, acc := -1, found{form: everything}
	for i, a := range e.args {
		switch {
		case a.op == opIn:
			c := a.set.chunk(key)
			if c == nil {
				return found{}
			}
			if c.isList() && (lead < 0 || len(c.list) < len(acc.list)) {
				lead, acc = i, found{few, c.list}
			}
		case a.plain() && a.args[0].set.chunk(key).full():
			return found{}
		}
	}
	for i, a := range e.args {
		if i == lead {
			continue
		}
		if acc = v.andOne(acc, a, key, at); acc.form == nothing {
			return acc
		}
	}
	return acc
}

// andOne returns who of acc is in a too.
func (v *evaluator) andOne(acc found, a *Expr, key uint16, at int) found {
	l := &v.levels[at]
	if acc.form == everything {
		return v.eval(a, key, at)
	}
	if a.plain() {
		in := a.op == opIn
		var c *chunk
		if in {
			c = a.set.chunk(key)
		} else {
			c = a.args[0].set.chunk(key)
		}
		switch {
		case acc.form == few:
			return l.keepChunk(acc.list, c, in)
		case in:
			c.andInto(&l.words)
		default:
			c.andNotInto(&l.words)
		}
		return acc
	}
	other := v.eval(a, key, at+1)
	switch {
	case other.form == nothing || other.form == everything:
		if other.form == nothing {
			return other
		}
	case acc.form == few && other.form == few:
		return l.keepList(acc.list, other.list, true)
	case acc.form == few:
		return l.keep(acc.list, &v.levels[at+1].words, true)
	case other.form == few:
		return l.keep(other.list, &l.words, true)
	default:
		(&chunk{words: &v.levels[at+1].words}).andInto(&l.words)
	}
	return acc
}

func (v *evaluator) or(e *Expr, key uint16, at int) found {
	l, acc := &v.levels[at], found{}
	for _, a := range e.args {
		if acc.form == nothing {
			if acc = v.eval(a, key, at); acc.form == everything {
				return acc
			}
			continue
		}
		if a.op == opNot && a.plain() {
			k := a.args[0].set.chunk(key)
			if k == nil {
				return found{form: everything}
			}
			if !k.full() {
				l.spread(acc)
				l.orNot(k)
				acc = found{form: some}
			}
			continue
		}
		var c chunk
		if a.op == opIn {
			k := a.set.chunk(key)
			if k == nil {
				continue
			}
			if k.full() {
				return found{form: everything}
			}
			c = *k
		} else {
			switch other := v.eval(a, key, at+1); other.form {
			case nothing:
				continue
			case everything:
				return other
			case few:
				c.list = other.list
			default:
				c.words = &v.levels[at+1].words
			}
		}
		l.spread(acc)
		acc = found{form: some}
		c.orInto(&l.words)
	}
	return acc
}

// orNot adds to the bit field who is not in c.
func (l *level) orNot(c *chunk) {
	w := &l.words
	switch {
	case c.words != nil:
		s := c.words
		for i := 0; i < chunkWords; i += 4 {
			w[i] |= ^s[i]
			w[i+1] |= ^s[i+1]
			w[i+2] |= ^s[i+2]
			w[i+3] |= ^s[i+3]
		}
	case c.under != nil:
		var s words
		c.fill(&s)
		l.orNot(&chunk{words: &s})
	case c.runs:
		next := 0
		for i := 0; i < len(c.list); i += 2 {
			if first := int(c.list[i]); first > next {
				w.setRange(uint16(next), uint16(first-1))
			}
			next = int(c.list[i+1]) + 1
		}
		if next < chunkSize {
			w.setRange(uint16(next), chunkSize-1)
		}
	default: // all but those of c who are not there yet
		rest := l.keep(c.list, w, false)
		for i := range w {
			w[i] = ^uint64(0)
		}
		(&chunk{list: rest.list}).andNotInto(w)
	}
}

// each evaluates the chunks of the universe and calls yield with what was found until it returns false. l is the
// memory that it was found in, which yield may use.
func (e *Expr) each(universe *Set, yield func(key uint16, c *chunk, f found, l *level) bool) {
	if universe == nil {
		return
	}
	v := evaluator{levels: make([]level, e.depth+1)}
	l := &v.levels[0]
	for i, key := range universe.keys {
		c := universe.chunks[i]
		f := v.eval(e, key, 0)
		switch {
		case f.form == some && !c.full():
			c.andInto(&l.words)
		case f.form == few && !c.full():
			f = l.keepChunk(f.list, c, true)
		}
		if f.form != nothing && !yield(key, c, f, l) {
			return
		}
	}
}

// Count is the number of customers of the universe in the expression. Where there are many chunks, two goroutines share
// them: one waits for memory while the other computes.
func (e *Expr) Count(universe *Set) int {
	switch {
	case e.op == opIn:
		return e.set.Overlap(universe) // of all customers: the counts that the chunks have anyway
	case e.op == opNot && e.plain():
		return universe.Count() - e.args[0].set.Overlap(universe)
	}
	if universe == nil || len(universe.keys) < shared || runtime.GOMAXPROCS(0) == 1 {
		return e.count(universe)
	}
	half := len(universe.keys) / 2
	rest := make(chan int, 1)
	go func() { rest <- e.count(&Set{keys: universe.keys[half:], chunks: universe.chunks[half:]}) }()
	return e.count(&Set{keys: universe.keys[:half], chunks: universe.chunks[:half]}) + <-rest
}

// shared is the number of chunks from which on two goroutines count: with fewer, starting one costs more than it saves.
const shared = 32

func (e *Expr) count(universe *Set) int {
	n := 0
	e.each(universe, func(_ uint16, c *chunk, f found, l *level) bool {
		switch f.form {
		case everything:
			n += int(c.card)
		case few:
			n += len(f.list)
		default:
			n += l.words.count()
		}
		return true
	})
	return n
}

// First returns the first n customers of the universe, from a number on, that are in the expression, ascending. It
// stops when it has them.
func (e *Expr) First(universe *Set, from uint32, n int) []uint32 {
	var out []uint32
	if n <= 0 || universe == nil {
		return out
	}
	at, _ := universe.find(uint16(from >> 16))
	rest := &Set{keys: universe.keys[at:], chunks: universe.chunks[at:]}
	e.each(rest, func(key uint16, c *chunk, f found, l *level) bool {
		high := uint32(key) << 16
		switch f.form {
		case few:
			c = &chunk{list: f.list}
		case some:
			c = &chunk{words: &l.words}
		}
		return c.each(func(low uint16) bool {
			if x := high | uint32(low); x >= from {
				out = append(out, x)
			}
			return len(out) < n
		})
	})
	return out
}

// Members returns the customers of the universe in the expression.
func (e *Expr) Members(universe *Set) *Set {
	out := &Set{}
	e.each(universe, func(key uint16, c *chunk, f found, l *level) bool {
		if f.form != everything {
			l.spread(f)
			c = fromWords(&l.words, 0)
		}
		if c != nil {
			out.add(key, c)
		}
		return true
	})
	return out
}

// Contains says whether a customer of the universe is in the expression.
func (e *Expr) Contains(customer uint32) bool {
	switch e.op {
	case opIn:
		return e.set.Contains(customer)
	case opNot:
		return !e.args[0].Contains(customer)
	}
	for _, a := range e.args {
		if a.Contains(customer) == (e.op == opOr) {
			return e.op == opOr
		}
	}
	return e.op == opAnd
}
