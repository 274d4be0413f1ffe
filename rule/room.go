package rule

import (
	"math"

	"tagma/event"
)

// Room: how much may be appended to a customer's events before the answer of a condition can become another one. Whoever
// keeps the answers of count() >= 5 keeps beside them that somebody has two, and so need not count again before three more
// were kept. It is told in units: of a number of rows, days or different values one each, of a sum a fourteenth of what it
// is compared with. Events that leave a window make room; that is not followed, and what is known of the room then is too
// little, which does no harm.

const (
	// Settled is the room of an answer that no event appended can turn.
	Settled = 15
	// MostRoom is the largest other one: there is as much or more.
	MostRoom = 14
	// TakesAny is more than any room: of events that may turn an answer whatever its room.
	TakesAny = math.MaxUint8

	// DaysSettled is Settled of RoomOfDays.
	DaysSettled = 7
	// MostDays is MostRoom of RoomOfDays.
	MostDays = 6
	// Today is added to a room of RoomOfDays where today counts already.
	Today = 8
	// TakesToday is added to what is taken where today is one of the days.
	TakesToday = 128
)

// Roomy says whether Result.Room can tell of the condition x.
func (x *Expr) Roomy() bool {
	_, ok := x.roomOf()
	steady, joins := steadySelections(x)
	return ok && steady && !joins
}

// RoomOfDays says whether the room of the condition x, which is Roomy, is one of days.
func (x *Expr) RoomOfDays() bool { return fusedFrom[x.op].measure == opDays }

// roomRule is a comparison of a measure that events appended can only make larger: with the limit it is another answer than
// below, and with equal also above it. Without a measure it is a condition on first events, which later ones do not touch.
type roomRule struct {
	measure *op
	limit   int64 // of numbers of rows, days or values
	sum     float64
	equal   bool
	firsts  []*Expr // the selections whose first events count
}

func (x *Expr) roomOf() (r roomRule, ok bool) {
	m, fused := fusedFrom[x.op]
	if !fused {
		r.firsts, ok = firstsOf(x)
		return r, ok
	}
	if len(x.args) == 0 || x.args[0].op != opSelect || len(x.args) > 1 && !plainRow(x.args[1]) {
		return r, false
	}
	r.measure = m.measure
	k := x.val.Number()
	switch m.measure {
	case opSum:
		r.sum = k.Float64()
		return r, m.rel != equal && r.sum > 0 && !math.IsInf(r.sum, 0)
	case opCount, opDays, opDistinct:
	default:
		return r, false
	}
	rel, limit := integerLimit(m.rel, k)
	if limit < 0 || limit >= math.MaxInt32 {
		return r, false
	}
	r.limit, r.equal = limit, rel == equal
	if rel == greater || rel == lessOrEqual {
		r.limit++
	}
	return r, true
}

// Room fills in the room of each customer of the block for the condition x, which is Roomy: 0 where nothing is known.
func (r *Result) Room(x *Expr, into []uint8) {
	w := r.w
	how, _ := x.roomOf()
	switch how.measure {
	case nil:
		w.roomOfFirst(how.firsts, into)
		return
	case opSum:
		w.roomOfSum(x, how.sum, into)
	case opDays:
		w.roomOfNumber(x, &how, MostDays, DaysSettled, into)
		w.eachToday(x, func(customer int) { into[customer] |= Today })
	default:
		w.roomOfNumber(x, &how, MostRoom, Settled, into)
	}
	if rows := w.rows(x.src); rows.hidden { // those who have events that are still to come may get there without another
		for row, t := range rows.times[:rows.n] {
			if t > w.now {
				into[rows.owner[row]] = 0
			}
		}
	}
}

// Takes fills in how much of the room the events of the block take, where they are those appended.
func (r *Result) Takes(x *Expr, into []uint8) {
	w := r.w
	how, _ := x.roomOf()
	switch how.measure {
	case nil:
		w.takesOfFirst(how.firsts, into)
		return
	case opDays:
		for i, n := range w.tallied(x, how.measure) {
			into[i] = uint8(min(n, TakesToday-1))
		}
		w.eachToday(x, func(customer int) { into[customer] |= TakesToday })
		return
	case opCount, opDistinct:
		for i, n := range w.tallied(x, how.measure) {
			into[i] = uint8(min(n, TakesAny))
		}
		return
	}
	sums, negative := w.positiveSums(x)
	for i, sum := range sums {
		switch units := math.Floor(sum / (how.sum / MostRoom) * (1 + sumSlack)); {
		case negative.Get(i) || units >= TakesAny-1:
			into[i] = TakesAny
		case sum > 0:
			into[i] = uint8(units) + 1
		default:
			into[i] = 0
		}
	}
}

// roomOfNumber is the room of a number of rows, days or values.
func (w *worker) roomOfNumber(x *Expr, how *roomRule, most int64, settled uint8, into []uint8) {
	for i, n := range w.tallied(x, how.measure) {
		switch {
		case n < how.limit:
			into[i] = uint8(min(how.limit-1-n, most))
		case n == how.limit && how.equal:
			into[i] = 0
		default:
			into[i] = settled
		}
	}
}

// eachToday calls f with the customers of whom a row of today is kept, some of them more than once.
func (w *worker) eachToday(x *Expr, f func(customer int)) {
	rows, days, today := w.rows(x.src), w.localDates(x.src), int64(w.zone.Date(w.now))
	rows.each(w.res[w.plan.args[w.plan.index[x]][0]], func(row int) {
		if days[row] == today {
			f(int(rows.owner[row]))
		}
	})
}

// sumSlack is more than sums in floating point can be wrong by, relatively.
const sumSlack = 1e-9

// roomOfSum goes by what is positive alone: that is never less than the sum, now or when something else has left a window.
func (w *worker) roomOfSum(x *Expr, limit float64, into []uint8) {
	sums, negative := w.positiveSums(x)
	for i, sum := range sums {
		switch room := (limit - sum) / (limit / MostRoom) * (1 - sumSlack); {
		case room > 0:
			into[i] = uint8(min(room, MostRoom))
		case sum > limit*(1+sumSlack) && !negative.Get(i):
			into[i] = Settled
		default:
			into[i] = 0
		}
	}
}

// positiveSums adds up what is positive of what a sum is of, and tells who has TakesAny negative.
func (w *worker) positiveSums(x *Expr) (sums []float64, negative event.Bits) {
	at := w.plan.index[x]
	sel, val := w.res[w.plan.args[at][0]], w.res[w.plan.args[at][1]]
	w.sumBuf, negative = grown(w.sumBuf, w.n), w.bits(w.n)
	sums = w.sumBuf
	clear(sums)
	p := val.part(event.NumberKind)
	if p == nil {
		return
	}
	rows := w.rows(x.src)
	unit := 1.0
	if p.Nums == nil {
		unit = math.Pow10(-p.Scale)
	}
	rows.each(sel, func(row int) {
		i := val.idx(row)
		if !p.Present(i) {
			return
		}
		n := 0.0
		if p.Nums != nil {
			n = p.Nums[i].Float64()
		} else {
			n = float64(p.Ints[i]) * unit
		}
		if o := int(rows.owner[row]); n < 0 {
			negative.Set(o)
		} else {
			sums[o] += n
		}
	})
	return
}

// tallied is how much of a measure each customer of the block has.
func (w *worker) tallied(x *Expr, measure *op) []int64 {
	at := w.plan.index[x]
	w.node = at
	t := w.tally(func(t *tally) {
		sel := w.res[w.plan.args[at][0]]
		switch rows := w.rows(x.src); {
		case measure == opDays:
			w.tallyDays(t, x, sel)
		case measure == opDistinct:
			w.tallyDistinct(t, x, []*vec{sel, w.res[w.plan.args[at][1]]})
		case rows.stacked:
			t.counts = opCount.eval(w, x, []*vec{sel}).parts[0].Ints
		default:
			t.units = w.keptOwners(rows, sel)
		}
	})
	if t.counts == nil {
		t.counts = w.int64s(w.n)
		for _, o := range t.units {
			t.counts[o]++
		}
	}
	return t.counts
}

// settled is how long ago an event must be at least to be the first one for good, as far as events go that are not older
// than that when they come.
const settled = 3600 * 1000

// roomOfFirst is all the room there is where every selection has an event that was there long enough ago.
func (w *worker) roomOfFirst(firsts []*Expr, into []uint8) {
	for i := range into[:w.n] {
		into[i] = Settled
	}
	has := make([]bool, w.n)
	for _, s := range firsts {
		clear(has)
		rows := w.rows(s.src)
		rows.each(w.res[w.plan.index[s]], func(row int) {
			if rows.times[row] <= w.now-settled {
				has[rows.owner[row]] = true
			}
		})
		for i, there := range has {
			if !there {
				into[i] = 0
			}
		}
	}
}

func (w *worker) takesOfFirst(firsts []*Expr, into []uint8) {
	clear(into[:w.n])
	for _, s := range firsts {
		rows := w.rows(s.src)
		rows.each(w.res[w.plan.index[s]], func(row int) {
			takes := uint8(1)
			if rows.times[row] < w.now-settled {
				takes = TakesAny
			}
			o := rows.owner[row]
			into[o] = max(into[o], takes)
		})
	}
}
