package rule

import (
	"strconv"

	"tagma/event"
	"tagma/warehouse"
)

// Gather evaluates the same expressions again and again, for customers whose rows somebody else has put together. It is
// what decides a few customers at a time: the operations are those of a run. It is not safe for concurrent use.
type Gather struct {
	plan   *Plan
	worker *worker
	ends   []bool
	needs  map[*Expr]*rootNeeds
	wanted []bool
	tables []bool
}

// rootNeeds is what a root needs: places of the plan, and series of the request.
type rootNeeds struct{ places, tables []int32 }

// NewGather plans the evaluation of roots on a history with the given series.
func NewGather(roots []*Expr, series []warehouse.SeriesInfo) *Gather {
	return &Gather{plan: newPlan(roots, series)}
}

// Request is the series and columns that are read. Its times do not count.
func (g *Gather) Request() warehouse.Request { return g.plan.request }

// Begin takes up a run: its instant, snapshot, parameters and what else expressions ask for. It returns, for each series
// of the request, which rows matter.
func (g *Gather) Begin(r *Run) []warehouse.Rows { return g.begin(r, nil) }

// BeginFor is Begin for some of the roots: the blocks up to the next Begin are asked for these alone, and nothing is
// evaluated that only others need.
func (g *Gather) BeginFor(r *Run, roots []*Expr) []warehouse.Rows {
	if g.needs == nil {
		g.needs = map[*Expr]*rootNeeds{}
		g.wanted, g.tables = make([]bool, len(g.plan.order)), make([]bool, len(g.plan.request.Series))
	}
	clear(g.wanted)
	clear(g.tables)
	for _, x := range roots {
		needs := g.needs[x]
		if needs == nil {
			needs = g.plan.needsOf(x)
			g.needs[x] = needs
		}
		for _, at := range needs.places {
			g.wanted[at] = true
		}
		for _, t := range needs.tables {
			g.tables[t] = true
		}
	}
	out := g.begin(r, g.wanted)
	for i := range out {
		out[i].None = !g.tables[i]
	}
	return out
}

func (g *Gather) begin(r *Run, wanted []bool) []warehouse.Rows {
	if g.worker == nil {
		g.worker = newWorker(g.plan, r)
		g.worker.wanted = wanted
	} else {
		g.worker.again(r, wanted)
	}
	bound := g.plan.bound(g.worker)
	if g.ends == nil {
		g.ends = g.plan.ends()
	}
	out := make([]warehouse.Rows, len(bound.Series))
	for i, s := range bound.Series {
		out[i] = warehouse.Rows{From: event.Always, Now: r.Now}
		if s.Kind != warehouse.Events && s.Kind != warehouse.SystemEvents {
			continue
		}
		out[i].Ends = g.ends[i]
		if s.From > -1<<62 {
			out[i].From = s.From
		}
	}
	return out
}

// ends says of which series only the first and the last row of a customer matter, and rows that are still to come: where
// nothing but the first or last event, without conditions on it, is asked for.
func (p *Plan) ends() []bool {
	out := make([]bool, len(p.request.Series))
	for i := range out {
		out[i] = true
	}
	for slot, set := range p.setList {
		if p.atEnds(set) {
			continue
		}
		for _, t := range p.setTables[slot] {
			out[t] = false
		}
	}
	return out
}

// atEnds says whether only the first and last events of a set are asked for.
func (p *Plan) atEnds(set *eventSet) bool {
	if set.parent != nil {
		return false
	}
	for i, x := range p.order {
		for _, a := range p.args[i] {
			y := p.order[a]
			switch {
			case y.op != opSelect || y.src != set:
			case len(y.args) > 0:
				return false
			case x.op == opPick && (x.aux.(int) == 1 || x.aux.(int) == -1), pickTimeFrom[x.op] != nil:
			default:
				return false
			}
		}
		if x.src != nil && x.src != set && x.src.base() == set {
			return false // lists in events
		}
		if x.src == nil || x.src != set {
			if (x.op == opFollows || x.op == opFollowed) && x.args[0].src == set {
				return false
			}
			continue
		}
		switch x.op {
		case opSelect, opPick, opField, opProperty, opEventSource, opEventTime, opEventName:
		default:
			if pickTimeFrom[x.op] == nil {
				return false
			}
		}
	}
	return true
}

// again makes a worker ready for another run of the same plan. What was prepared for the one before is forgotten, the
// memory is kept.
func (w *worker) again(r *Run, wanted []bool) {
	w.run, w.zone, w.now, w.params, w.snapshot = r, r.Zone, r.Now, r.Params, r.Snapshot
	w.ahead = nil
	clear(w.memos)
	clear(w.lists)
	kept := w.arena
	w.arena, w.wanted = w.once, wanted
	w.reset()
	w.n = 1
	w.epoch++
	w.evalRange(0, w.plan.runCount)
	w.once, w.arena = w.arena, kept
}

func (p *Plan) needsOf(x *Expr) *rootNeeds {
	r := &rootNeeds{}
	set := func(s *eventSet) {
		for _, t := range p.setTables[p.slot(s.base())] {
			r.tables = append(r.tables, int32(t))
		}
	}
	table := func(kind warehouse.SeriesKind, name string) {
		if t, ok := p.tableOf(kind, name); ok {
			r.tables = append(r.tables, int32(t))
		}
	}
	walkEvaluated(x, map[*Expr]bool{}, func(e *Expr) {
		r.places = append(r.places, int32(p.index[e]))
		switch e.op {
		case opTrait:
			table(warehouse.Traits, e.str)
		case opConsent:
			table(warehouse.Consents, e.str)
		case opSinceWhen:
			table(e.aux.(warehouse.SeriesKind), e.str)
		case opIDs:
			table(warehouse.Identifiers, e.str)
		case opFollows, opFollowed:
			set(e.args[0].src)
		}
		if e.src != nil {
			set(e.src)
		}
	})
	return r
}

// Block evaluates the roots for the customers of a block, whose tables are those of the request. given are the answers of
// the conditions that NewLogic took out, a set of the block's customers each; nil where there are none. The result is
// valid until the next call.
func (g *Gather) Block(b *warehouse.Block, given func(leaf int) event.Bits) *Result {
	w := g.worker
	w.block, w.given = *b, given
	w.evalBlock()
	return &Result{First: b.First, N: b.N, Universe: w.universe(), w: w}
}

// Gathered says that the customers are any, and not First, First+1 and so on.
func (r *Result) Gathered() bool { return r.w.block.Profiles != nil }

// Profile is the customer at a place of the block.
func (r *Result) Profile(i int) event.ProfileID { return r.w.block.Profile(i) }

// Logic takes rules apart: into conditions that look at a customer, the leaves, and what joins them. A rule's answer
// follows from those of its leaves, so that whoever keeps them need not read the customer again to know it.
type Logic struct {
	b      *Builder
	Leaves []*Expr // each once
	places map[*Expr]int
	made   map[*Expr]*Expr
}

// NewLogic returns one without leaves, for expressions of a builder.
func NewLogic(b *Builder) *Logic {
	return &Logic{b: b, places: map[*Expr]int{}, made: map[*Expr]*Expr{}}
}

// Over returns x as an expression over leaves, to be evaluated with their answers alone (Gather.Block). false: x is not
// made of conditions only, and nothing is taken out of it.
func (l *Logic) Over(x *Expr) (*Expr, bool) {
	if !divisible(x, true) {
		return nil, false
	}
	return l.over(x), true
}

// divisible says whether x is made of conditions that a leaf may stand for. What people decided by hand, what is kept and
// the past are not: they belong to a tag as a whole.
func divisible(x *Expr, root bool) bool {
	switch x.op {
	case opCases, opAnd, opOr, opNot:
		if x.level == rowLevel {
			return false
		}
		for _, a := range x.args {
			if !divisible(a, false) {
				return false
			}
		}
		return true
	case opConst:
		return x.Type == Bool
	}
	if x.Type != Bool || x.level == rowLevel || root && !x.Condition() {
		return false
	}
	if x.op == opCaseIs && divisible(x.args[0], false) {
		return true
	}
	steady := true
	walk(x, map[*Expr]bool{}, func(e *Expr) {
		steady = steady && e.op != opPinned && e.op != opKept && e.op != opPast
	})
	return steady
}

func (l *Logic) over(x *Expr) *Expr {
	if y := l.made[x]; y != nil {
		return y
	}
	var y *Expr
	switch {
	case x.op == opConst:
		y = x
	case x.op == opCases || x.op == opAnd || x.op == opOr || x.op == opNot || x.op == opCaseIs && divisible(x.args[0], false):
		joined := *x
		joined.args = make([]*Expr, len(x.args))
		for i, a := range x.args {
			joined.args[i] = l.over(a)
		}
		joined.level = runLevel
		y = l.b.make(joined)
	default:
		place := len(l.Leaves)
		l.Leaves, l.places[x] = append(l.Leaves, x), place
		y = l.b.make(Expr{Type: Bool, op: opGiven, str: strconv.Itoa(place), aux: place, level: customerLevel})
	}
	l.made[x] = y
	return y
}

// opGiven: aux the leaf whose answer is given.
var opGiven = &op{name: "given", at: &atCustomer, eval: func(w *worker, x *Expr, _ []*vec) *vec {
	v := w.vec()
	v.n, v.isCond, v.cond = w.n, true, w.given(x.aux.(int))
	return v
}}

// Reads is what an expression reads of the history and beside it: whatever may change its value.
type Reads struct {
	Series map[Series]bool
	// AllEvents and AllSystem: every series of the kind, also those that do not exist yet.
	AllEvents, AllSystem bool
	FirstSeen            bool
	// Tags are the keys of other tags and segments whose published values, values by hand, kept values or past are read,
	// as library gives them to Builder.
	Tags map[string]bool
	// Population: a function across all customers that gives each a value of its own, such as ntile. Of those that give
	// one value for all the arguments are not read at all: the value is a parameter.
	Population bool
}

// Series names a series of the history.
type Series struct {
	Kind warehouse.SeriesKind
	Name string
}

// Reads returns what x reads.
func (x *Expr) Reads() *Reads {
	r := &Reads{Series: map[Series]bool{}, Tags: map[string]bool{}}
	set := func(s *eventSet) {
		s = s.base()
		if s.all {
			if s.kind == warehouse.SystemEvents {
				r.AllSystem = true
			} else {
				r.AllEvents = true
			}
			return
		}
		for _, n := range s.names {
			r.Series[Series{s.kind, n}] = true
		}
	}
	walkEvaluated(x, map[*Expr]bool{}, func(e *Expr) {
		switch e.op {
		case opTrait:
			r.Series[Series{warehouse.Traits, e.str}] = true
		case opConsent:
			r.Series[Series{warehouse.Consents, e.str}] = true
		case opSinceWhen:
			r.Series[Series{e.aux.(warehouse.SeriesKind), e.str}] = true
		case opIDs:
			r.Series[Series{warehouse.Identifiers, e.str}] = true
		case opFirstSeen:
			r.FirstSeen = true
		case opPinned, opKept, opPast, opPublished:
			r.Tags[e.str] = true
		}
		if e.src != nil {
			set(e.src)
		}
		if e.op == opFollows || e.op == opFollowed {
			set(e.args[0].src)
		}
		r.Population = r.Population || e.population() && !e.parameter()
	})
	return r
}

// walkEvaluated visits what is evaluated for x, each once: not the arguments of parameters.
func walkEvaluated(x *Expr, seen map[*Expr]bool, visit func(*Expr)) {
	if seen[x] {
		return
	}
	seen[x] = true
	if !x.parameter() {
		for _, a := range x.args {
			walkEvaluated(a, seen, visit)
		}
	}
	visit(x)
}
