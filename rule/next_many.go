package rule

import (
	"tagma/event"
)

// NextChanges is NextChange of many expressions at once, for all customers of a block: one instant for each customer. It
// asks in two passes over the plan, 64 customers a step. Upwards: whose value may change at all by the passing of time.
// Downwards from the roots: whose value has to be watched, so that no root changes unseen. Of an && that holds all operands
// are watched, of one that does not hold a single one that does not hold either: while that stays, the && stays. What is
// watched in the end are comparisons, and their answers come together in few columns: for each border that moves with the
// clock (the start of the last 30 days) the earliest time of a customer's that it must not pass unseen. Only at the end
// each of these is asked when the border gets there.

// NextChanges puts into into[i], for each customer i of the block, an instant after the run's now up to which none of the
// roots changes without new records, as the earliest NextChange of them would; event.Never where the passing of time
// alone changes none. It is never later than a real change. For a customer that does not exist yet it is when it begins to.
//
// Roots with a function below them that places a customer in a population (ntile) are left out: the passing of time
// re-decides them only in the next run. What NextChange takes as it is (parameters, pins, what is kept, published values,
// the change log) is taken as it is here too, and without Run.Ahead the answer is the next millisecond wherever events are
// looked at.
//
// The instant may be earlier than the earliest NextChange:
//   - where a customer has rows later than now: then the first of them, of any series that counts for a watched comparison;
//   - where of two operands that do not hold (of ||: that hold) both have to change: then when the first one does;
//   - for values that are computed from several measures, at the first change of any of them, and for bands as well;
//   - on the day on which clocks are set back across midnight: then at that instant.
//
// It costs about half of what deciding the rules costs, more where they ask what only NextChange can answer, customer by
// customer: see stepAlone.
func (r *Result) NextChanges(roots []*Expr, into []event.Time) {
	h := r.w.lookahead().horizon()
	for i := range r.N {
		into[i] = event.Never
		if !r.Universe.Get(i) {
			into[i] = r.NextUniverse(i)
		}
	}
	h.begin(r, into)
	for _, x := range roots {
		h.root(r, x)
	}
	order := h.w.plan.order
	for at := len(order) - 1; at >= 0; at-- {
		if need := h.need[at]; need != nil {
			h.watch(at, need)
		}
	}
	h.finish()
}

// horizon answers NextChanges for the blocks of a worker.
type horizon struct {
	arena
	l     *lookahead
	w     *worker
	p     *outlook
	n     int
	into  []event.Time
	ones  event.Bits // the customers that exist
	none  event.Bits
	call  int
	may   []event.Bits // by place: whose value may change; nil nobody's
	known []int        // the call for which may is known
	need  []event.Bits // by place: whose value is watched; nil nobody's

	borders []borderState
	picks   []pickedRows // by place of a selection
	days    []event.Date // the earliest day that must not begin unseen, of each customer; nil when there is none
	reaches map[event.Date]event.Time
	turns   map[turnKey]event.Time
	future  []futureRows // by source
	hidden  bool         // whether any row is later than now
	// Scratch.
	rows, lastRows []int32
	keys           []int64
	dayBuf         []event.Date
	numbers        map[string]int64 // of values met in a block; see number
}

// horizon gives that of the worker, its memory kept from run to run.
func (l *lookahead) horizon() *horizon {
	h := l.w.many
	if h == nil {
		p, n := l.w.plan.outlook(), len(l.w.plan.order)
		h = &horizon{w: l.w, p: p, may: make([]event.Bits, n), known: make([]int, n), need: make([]event.Bits, n),
			borders: make([]borderState, len(p.borders)), picks: make([]pickedRows, n), future: make([]futureRows, p.sources),
			reaches: map[event.Date]event.Time{}, turns: map[turnKey]event.Time{}, numbers: map[string]int64{}}
		l.w.many = h
	}
	if h.l != l { // another instant
		h.l = l
		for k := range h.borders {
			b := &h.borders[k]
			*b = borderState{leaves: b.leaves[:0]}
		}
		clear(h.reaches)
		clear(h.turns)
	}
	return h
}

// begin prepares for a block.
func (h *horizon) begin(r *Result, into []event.Time) {
	h.reset()
	h.call++
	h.n, h.into, h.days = r.N, into, nil
	h.ones, h.none = r.Universe, h.bits(r.N)
	clear(h.need)
	clear(h.numbers)
	for b := range h.borders {
		h.borders[b].begin(h, b)
	}
	h.findFuture()
}

// root begins to watch a root.
func (h *horizon) root(r *Result, x *Expr) {
	at, known := h.w.plan.index[x]
	switch {
	case !known || !h.w.run.Ahead && len(h.w.plan.setList) > 0:
		h.allAt(h.ones, h.l.soon)
	case h.p.steps[at].population:
	case x.level == rowLevel:
		for i := range h.n {
			if h.ones.Get(i) {
				h.at(i, h.l.rowsOf(x, i))
			}
		}
	default:
		h.push(at, h.ones)
	}
}

// at notes that customer i must be looked at again at an instant.
func (h *horizon) at(i int, t event.Time) { h.into[i] = min(h.into[i], t) }

func (h *horizon) allAt(who event.Bits, t event.Time) {
	if t == event.Never {
		return
	}
	for wi, word := range who {
		for ; word != 0; word &= word - 1 {
			h.at(wi*64+trailing(word), t)
		}
	}
}

// push watches the value at a place of the plan for some customers.
func (h *horizon) push(at int, who event.Bits) {
	may := h.mayChange(at)
	if may == nil {
		return
	}
	need := h.need[at]
	if need == nil {
		need = h.bits(h.n)
		h.need[at] = need
	}
	for k := range need {
		need[k] |= who[k] & may[k]
	}
}

// alone asks NextChange of the expression at a place, customer by customer.
func (h *horizon) alone(at int, who event.Bits) {
	x := h.w.plan.order[at]
	for wi, word := range who {
		for ; word != 0; word &= word - 1 {
			if i := wi*64 + trailing(word); h.into[i] > h.l.soon {
				h.at(i, h.l.next(x, i))
			}
		}
	}
}

// truth is who of the block a condition holds for.
func (h *horizon) truth(at int) event.Bits {
	v := h.w.res[at]
	if v.single {
		if h.w.truth(v).Get(0) {
			return h.ones
		}
		return h.none
	}
	return h.w.truth(v)
}

// finish turns what was noted into instants.
func (h *horizon) finish() {
	for b := range h.borders {
		h.borders[b].finish(h)
	}
	for i, d := range h.days {
		if d != farthest && earliest(d) < h.into[i] {
			h.at(i, h.reach(d))
		}
	}
	if h.p.clock {
		h.allAt(h.ones, h.l.back)
	}
	for i := range h.n {
		if h.into[i] <= h.l.now {
			h.into[i] = h.l.soon
		}
	}
}
