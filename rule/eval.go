package rule

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"tagma/errs"
	"tagma/event"
	"tagma/warehouse"
)

// Run is one evaluation: a history, an instant, and what else expressions may ask for.
type Run struct {
	Snapshot warehouse.Snapshot
	Now      event.Time
	Zone     *event.Zone
	Entity   event.Entity
	// Params are the parameters of population functions. Compute fills them in.
	Params Params
	// Published gives the value that the tag index has of another tag or segment, by the key given to
	// Builder.Published, for n customers from first on. Nil when nothing refers to published values.
	Published func(key string, first event.ProfileID, n int) []event.Column
	// Pinned gives what people decided by hand about a tag, by the key given to Builder.Pinned, for n customers from
	// first on, in ascending order. Nil when nothing refers to it. Kept gives, in the same way, what a tag that keeps
	// its values holds on to where its rule gives nothing.
	Pinned, Kept func(key string, first event.ProfileID, n int) []Held
	// Past gives, of the change log up to the run's instant, when the value of a tag or segment last changed (a column
	// of times) and what it was before (columns by kind). Nil when nothing refers to it.
	Past func(key string, first event.ProfileID, n int) (changed, previous []event.Column)
	// Ahead also reads the rows that are later than Now: Result.NextChange needs them. The answers stay the same.
	Ahead bool
	// Progress, when set, is told how far the evaluation is, by several goroutines.
	Progress func(Progress)
	// Scratch is a folder for numbers of population functions that are more than fit Memory bytes (0: 128 MB). It is made
	// when it is needed. Without one they all stay in memory, eight bytes for each customer and function.
	Scratch string
	Memory  int

	pass, passes int // of Progress
}

// Progress says how far an evaluation is. Functions across all customers take passes of their own before the one that
// decides.
type Progress struct {
	Done, All    uint32 // customers of this pass
	Pass, Passes int    // from 1 on
}

// Held is a value that a customer has, or has not, whatever the rule of the tag says.
type Held struct {
	At    int         // the customer's place among those asked for
	Value event.Value // missing, with Out: no value at all
	Out   bool        // the customer has not this value
}

// BlockGroup is the number of customers that one goroutine evaluates in a row: results of two groups never
// share a 64K range.
const BlockGroup = 1 << 16

// Result is the outcome for the customers of one block. It is valid until the callback returns.
type Result struct {
	First    event.ProfileID
	N        int
	Universe event.Bits // the customers that exist, at the instant of the run
	Worker   int        // which goroutine: below GOMAXPROCS; each has one call at a time
	w        *worker
	all      bool // everybody of the block is in the universe
}

// worker evaluates plans block by block, for one goroutine.
type worker struct {
	arena
	plan     *Plan
	run      *Run
	zone     *event.Zone
	now      event.Time
	params   Params
	snapshot warehouse.Snapshot
	reader   warehouse.Reader
	request  warehouse.Request // of reader
	block    warehouse.Block
	n        int
	epoch    int
	res      []*vec
	sets     []eventRows
	setDone  []int
	dates    [][]int64
	dateDone []int
	rowBuf   []int32
	refs     []rowRef // the rows of a customer that are brought into one order
	sorted   []rowRef
	keys     []uint64
	keyBuf   []int64
	sumBuf   []float64
	args     []*vec
	batch    *RowBatch
	number   int
	node     int    // the place of the expression that is being evaluated
	memos    []memo // by place: what a comparison with a constant prepared
	ahead    *lookahead
	// aheadBefore is the one of the run before, for its memory, and once the memory of what is at run level.
	aheadBefore *lookahead
	once        arena
	many        *horizon
	given       func(leaf int) event.Bits // see Gather.Block
	wanted      []bool                    // by place: what is evaluated, nil all; see Gather.BeginFor
	// stacks says that answers for the whole block are all that is asked for: see eventRows.stacked.
	stacks bool
	counts []tally                // see Plan.tallies
	stamps []uint32               // by code of a text: whose it was met last; see tallyDistinct
	stamp  uint32                 // none of them is above it
	lists  map[int32]*listIndex   // by the place of a value: its lists, turned round
	inline map[int32]*inlineCodes // by the place of a value: its texts without a code
}

// memo is what a comparison with a constant prepared for the column that it met last: blocks resemble each other.
type memo struct {
	ready  bool
	scale  int
	lo, hi int64
	dict   event.Dict
	codes  []uint32
	table  []byte // 1 for each of the codes
	// Of a function of a day: what it is at an instant, by day; see remembered.
	days []int32
	now  event.Time
}

func newWorker(p *Plan, r *Run) *worker {
	w := &worker{plan: p, run: r, zone: r.Zone, now: r.Now, params: r.Params, snapshot: r.Snapshot}
	w.res, w.memos = make([]*vec, len(p.order)), make([]memo, len(p.order))
	w.sets, w.setDone = make([]eventRows, len(p.setList)), make([]int, len(p.setList))
	w.dates, w.dateDone = make([][]int64, len(p.setList)), make([]int, len(p.setList))
	w.counts, w.lists = make([]tally, p.ntallies), map[int32]*listIndex{}
	w.epoch, w.n = 1, 1
	w.evalRange(0, p.runCount)
	w.once, w.arena = w.arena, arena{} // what stays for the run keeps its memory
	return w
}

// frame is the number of elements that x has, and whether one stands for all.
func (w *worker) frame(x *Expr) (n int, single bool) {
	switch x.level {
	case runLevel:
		return 1, true
	case customerLevel:
		return w.n, false
	}
	return w.rows(x.src).n, false
}

func (w *worker) evalRange(from, to int) {
	for i := from; i < to; i++ {
		if w.stacks && w.plan.picked[i] || w.wanted != nil && !w.wanted[i] {
			w.res[i] = nil
			continue
		}
		w.args = w.args[:0]
		for _, a := range w.plan.args[i] {
			w.args = append(w.args, w.res[a])
		}
		x := w.plan.order[i]
		w.node = i
		w.res[i] = x.op.eval(w, x, w.args)
	}
}

// evalBlock evaluates everything for the block that was read.
func (w *worker) evalBlock() {
	w.epoch++
	w.reset()
	w.n = w.block.N
	w.evalRange(w.plan.runCount, len(w.plan.order))
}

// universe returns the customers of the block that exist at the run's instant.
func (w *worker) universe() event.Bits {
	b := w.bits(w.n)
	if crowd, ok := w.snapshot.(warehouse.Crowd); ok && w.block.Profiles == nil {
		crowd.People(w.block.First, w.n, w.run.Entity, w.now, b)
		return b
	}
	for i := 0; i < w.n; i++ {
		if w.exists(w.block.Profile(i)) {
			b.Set(i)
		}
	}
	return b
}

func (w *worker) exists(p event.ProfileID) bool {
	m := w.snapshot.Profile(p)
	return m.Known && m.Person && m.Entity == w.run.Entity && (m.Untimed || m.FirstSeen <= w.now)
}

// Cond returns the customers of the universe for whom a condition, one of the roots, holds.
func (r *Result) Cond(x *Expr) event.Bits {
	w := r.w
	t := w.truthOf(w.res[w.plan.index[x]], w.n)
	out := w.bits(w.n)
	for i := range out {
		out[i] = t[i] & r.Universe[i]
	}
	return out
}

// Read is what was read for the block, and the request that says of which series and times.
func (r *Result) Read() (*warehouse.Block, warehouse.Request) { return &r.w.block, r.w.request }

// EachCase calls f, for a case expression that is a root, with the place of each case that anybody of the universe
// may fall into, and with who does. The words are valid until f returns, which must not write to them.
func (r *Result) EachCase(x *Expr, f func(k int, who event.Bits)) {
	r.eachCase(r.w.plan.index[x], f)
}

// EachCaseOfRoot is EachCase for the root at a place among those given to Blocks: for whoever has many.
func (r *Result) EachCaseOfRoot(place int, f func(k int, who event.Bits)) {
	r.eachCase(int(r.w.plan.roots[place]), f)
}

func (r *Result) eachCase(at int, f func(k int, who event.Bits)) {
	w := r.w
	cases := w.res[at].cases
	if r.all {
		for k, c := range cases {
			f(k, c)
		}
		return
	}
	who := w.bits(w.n)
	for k, c := range cases {
		any := uint64(0)
		for i, word := range c {
			who[i] = word & r.Universe[i]
			any |= who[i]
		}
		if any != 0 {
			f(k, who)
		}
	}
}

// Value returns customer i's value of a root; missing outside the universe.
func (r *Result) Value(x *Expr, i int) event.Value {
	if !r.Universe.Get(i) {
		return event.Value{}
	}
	v := r.w.res[r.w.plan.index[x]]
	if v.cases != nil {
		return x.caseValues().of(v.cases, i)
	}
	return v.value(i)
}

// Column returns the values of a root that are of a kind, missing outside the universe; nil when there are none.
func (r *Result) Column(x *Expr, k event.Kind) *event.Column {
	w := r.w
	v := w.res[w.plan.index[x]]
	if v.single || v.isCond || v.cases != nil {
		v = w.fromValues(r.N, false, func(i int) event.Value { return r.Value(x, i) })
	}
	c := v.part(k)
	if c == nil {
		return nil
	}
	out := *c
	out.Has = w.bits(r.N)
	copy(out.Has, r.Universe)
	if c.Has != nil {
		for i := range out.Has {
			out.Has[i] &= c.Has[i]
		}
	}
	return &out
}

// CaseValues gives the values of a case expression, or the names of bands: what Result.EachCase counts through.
func (x *Expr) CaseValues() ([]event.Value, bool) {
	if c := x.caseValues(); c != nil {
		return c.Values, true
	}
	return nil, false
}

func (x *Expr) caseValues() *CaseValues {
	switch aux := x.aux.(type) {
	case *CaseValues:
		return aux
	case *bandValues:
		return aux.values
	}
	return nil
}

// Kind is the kind of the values of x: that of its type, or of all that came so far; Missing when they differ.
func (x *Expr) Kind() event.Kind {
	if x.Type != Any {
		return x.Type.kind()
	}
	if len(x.hint) == 1 {
		return x.hint[0]
	}
	return event.Missing
}

// Blocks evaluates the roots for all customers, on all cores, and calls each with every block that has
// customers in the universe. Blocks of one BlockGroup come in ascending order from one goroutine; different
// groups come at the same time. Parameters must have been prepared.
func (r *Run) Blocks(ctx context.Context, roots []*Expr, each func(*Result) error) error {
	plan := newPlan(roots, r.Snapshot.Series())
	total := r.Snapshot.Profiles()
	groups := (total + BlockGroup - 1) / BlockGroup
	if groups == 0 {
		return nil
	}
	r.pass++
	pass := r.pass
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, done atomic.Uint32
	var wg sync.WaitGroup
	for k := range min(runtime.GOMAXPROCS(0), int(groups)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := newWorker(plan, r)
			w.number, w.stacks = k, !r.Ahead
			if err := w.open(); err != nil {
				cancel(err)
				return
			}
			defer w.reader.Close()
			for {
				g := next.Add(1) - 1
				if g >= groups || ctx.Err() != nil {
					return
				}
				if err := w.group(ctx, g, total, each); err != nil {
					cancel(err)
					return
				}
				if r.Progress != nil {
					r.Progress(Progress{min(done.Add(1)*BlockGroup, total), total, pass, max(r.passes, pass)})
				}
			}
		}()
	}
	wg.Wait()
	if r.pass >= r.passes { // what is evaluated next begins anew
		r.pass, r.passes = 0, 0
	}
	return context.Cause(ctx)
}

func (w *worker) open() (err error) {
	w.request = w.plan.bound(w)
	w.reader, err = w.snapshot.Reader(w.request)
	if err != nil {
		return errs.New(errs.KindOf(err), "read the history: %w", err)
	}
	return nil
}

// group evaluates the blocks of one group.
func (w *worker) group(ctx context.Context, g, total uint32, each func(*Result) error) error {
	first := g * (BlockGroup / warehouse.BlockSize)
	last := min(first+BlockGroup/warehouse.BlockSize, (total+warehouse.BlockSize-1)/warehouse.BlockSize)
	for b := first; b < last; b += max(1, uint32(w.block.N)/warehouse.BlockSize) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := w.reader.Blocks(b, int(min(warehouse.MaxBlocks, last-b)), &w.block); err != nil {
			return err
		}
		if err := w.finish(each); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) finish(each func(*Result) error) error {
	w.evalBlock()
	u := w.universe()
	if u.Count() == 0 && !w.run.Ahead {
		return nil
	}
	return each(&Result{First: w.block.First, N: w.block.N, Universe: u, Worker: w.number, w: w})
}

// One evaluates the roots for one customer and calls each once, also when it is not in the universe (whose
// only bit is then not set).
func (r *Run) One(customer event.ProfileID, roots []*Expr, each func(*Result) error) error {
	w := newWorker(newPlan(roots, r.Snapshot.Series()), r)
	if err := w.open(); err != nil {
		return err
	}
	defer w.reader.Close()
	if err := w.reader.Profile(customer, &w.block); err != nil {
		return err
	}
	w.evalBlock()
	return each(&Result{First: w.block.First, N: w.block.N, Universe: w.universe(), w: w})
}
