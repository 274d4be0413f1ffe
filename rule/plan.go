package rule

import (
	"slices"
	"sync"

	"tagma/event"
	"tagma/warehouse"
)

// Plan is what many expressions need, each part once: the expressions in an order in which arguments come
// first, and the rows to read.
type Plan struct {
	order    []*Expr   // arguments before what uses them
	runCount int       // the first so many are at run level
	args     [][]int32 // of each expression in order: the places of its arguments
	picked   []bool    // of each: only fields of picked events ask for it, and spare says that it need not be there
	tallies  []int32   // of each: the place of the tally that it is decided by; see tally
	ntallies int
	asked    []int   // of each tally: how many are decided by it
	listed   []int32 // of each: how many ask whether a constant is in the lists that it is
	index    map[*Expr]int
	roots    []int32 // their places, as they were given
	// selections are those below roots, as far as Result.Kept was asked; a plan of a Gather only.
	selections map[*Expr][]*Expr
	sets       []int32 // the place of an event set by its id, one more; 0 where it is not needed
	setList    []*eventSet
	setTables  [][]int
	ordered    []bool // sets of several series whose rows must be in one order of time
	request    warehouse.Request
	tables     map[tableKey]int
	columns    []map[string]int
	looking    sync.Once
	ahead      *outlook // see Plan.outlook
}

type tableKey struct {
	kind warehouse.SeriesKind
	name string
}

// newPlan plans the evaluation of roots on a history with the given series. Arguments of population functions
// with one result are left out: their results are parameters.
func newPlan(roots []*Expr, series []warehouse.SeriesInfo) *Plan {
	p := &Plan{index: map[*Expr]int{}, tables: map[tableKey]int{}}
	var all []*Expr
	var visit func(x *Expr)
	visit = func(x *Expr) {
		if _, ok := p.index[x]; ok {
			return
		}
		p.index[x] = -1
		if !x.parameter() {
			for _, a := range x.args {
				visit(a)
			}
		}
		all = append(all, x)
	}
	for _, r := range roots {
		visit(r)
	}
	for _, l := range []bool{true, false} {
		for _, x := range all {
			if (x.level == runLevel) == l {
				p.index[x] = len(p.order)
				p.order = append(p.order, x)
			}
		}
		if l {
			p.runCount = len(p.order)
		}
	}
	p.args, p.picked, p.listed = make([][]int32, len(p.order)), make([]bool, len(p.order)), make([]int32, len(p.order))
	asked := make([]bool, len(p.order)) // by something else than a field of a picked event
	for _, r := range roots {
		asked[p.index[r]] = true
		p.roots = append(p.roots, int32(p.index[r]))
	}
	for i, x := range p.order {
		p.need(x, series)
		if !x.parameter() {
			for _, a := range x.args {
				p.args[i] = append(p.args[i], int32(p.index[a]))
			}
		}
		if x.op == opIn && len(x.args) == 2 && x.args[0].op == opConst {
			p.listed[p.args[i][1]]++
		}
		for k, a := range p.args[i] {
			asked[a] = asked[a] || x.op != opField || k != 1
		}
	}
	for i, x := range p.order {
		p.picked[i] = x.level == rowLevel && !asked[i] && p.spare(x)
	}
	p.shareTallies()
	return p
}

// need records the rows and columns that x reads.
func (p *Plan) need(x *Expr, series []warehouse.SeriesInfo) {
	switch x.op {
	case opTrait:
		p.addColumn(p.addTable(warehouse.Traits, x.str), warehouse.ValueColumn)
	case opConsent:
		p.addColumn(p.addTable(warehouse.Consents, x.str), warehouse.ValueColumn)
	case opSinceWhen:
		p.addColumn(p.addTable(x.aux.(warehouse.SeriesKind), x.str), warehouse.ValueColumn)
	case opIDs:
		p.addColumn(p.addTable(warehouse.Identifiers, x.str), warehouse.ValueColumn)
	}
	if x.src == nil {
		return
	}
	slot := p.needSet(x.src, series)
	if x.src.parent != nil { // opened events stand in order
		p.ordered[slot] = true
	}
	p.ordered[slot] = p.ordered[slot] || x.needsOrder()
	if x.op == opFollows || x.op == opFollowed {
		p.ordered[p.needSet(x.args[0].src.base(), series)] = true
	}
	name := ""
	switch x.op {
	case opProperty:
		name = x.str
	case opEventSource:
		name = warehouse.SourceColumn
	default:
		return
	}
	for _, t := range p.setTables[slot] {
		p.addColumn(t, name)
	}
}

// needSet gives the events of a set, or the elements of its events, a slot, and returns the events' one.
func (p *Plan) needSet(set *eventSet, series []warehouse.SeriesInfo) int {
	base := set.base()
	for len(p.sets) <= max(set.id, base.id) {
		p.sets = append(p.sets, 0)
	}
	slot := p.slot(base)
	if slot < 0 {
		var tables []int
		for _, s := range series {
			if s.Kind == base.kind && (base.all || slices.Contains(base.names, s.Name)) {
				tables = append(tables, p.addTable(s.Kind, s.Name))
			}
		}
		if len(tables) > 1 {
			for _, t := range tables {
				p.request.Series[t].Arrivals = true
			}
		}
		slot = p.addSet(base, tables)
	}
	if set != base {
		if p.slot(set) < 0 {
			p.addSet(set, nil)
		}
		for _, t := range p.setTables[slot] {
			p.addColumn(t, set.list)
		}
	}
	return slot
}

func (p *Plan) addSet(set *eventSet, tables []int) (slot int) {
	slot = len(p.setList)
	p.sets[set.id] = int32(slot) + 1
	p.setList = append(p.setList, set)
	p.ordered = append(p.ordered, false)
	p.setTables = append(p.setTables, tables)
	return slot
}

// slot is the place of an event set, -1 when it is not needed.
func (p *Plan) slot(s *eventSet) int { return int(p.sets[s.id]) - 1 }

// needsOrder says whether x goes through the rows of several series in their order of time. The others only ask
// which of two rows is later.
func (x *Expr) needsOrder() bool {
	switch x.op {
	case opStreak, opMaxGap, opPeak, opFollows, opFollowed:
		return true
	case opPick:
		place := x.aux.(int)
		return place != 1 && place != -1
	}
	return false
}

func (p *Plan) addTable(kind warehouse.SeriesKind, name string) int {
	k := tableKey{kind, name}
	i, ok := p.tables[k]
	if !ok {
		i = len(p.request.Series)
		p.tables[k] = i
		p.request.Series = append(p.request.Series, warehouse.SeriesRequest{Kind: kind, Name: name})
		p.columns = append(p.columns, map[string]int{})
	}
	return i
}

func (p *Plan) addColumn(table int, name string) {
	if _, ok := p.columns[table][name]; !ok {
		p.columns[table][name] = len(p.columns[table])
		p.request.Series[table].Columns = append(p.request.Series[table].Columns, name)
	}
}

func (p *Plan) tableOf(kind warehouse.SeriesKind, name string) (int, bool) {
	i, ok := p.tables[tableKey{kind, name}]
	return i, ok
}

// columnOf is the place of a column in a table, -1 when it was not asked for.
func (p *Plan) columnOf(table int, name string) int {
	if i, ok := p.columns[table][name]; ok {
		return i
	}
	return -1
}

// bound narrows the request to the rows that any selection can keep: later than every fixed lower bound, not
// later than now. The results of run-level expressions are in w.
func (p *Plan) bound(w *worker) warehouse.Request {
	from := make([]event.Time, len(p.setList))
	limited := make([]bool, len(p.setList))
	used := make([]bool, len(p.setList))
	for at, x := range p.order {
		if x.op != opSelect || w.wanted != nil && !w.wanted[at] {
			continue
		}
		slot := p.slot(x.src.base())
		lower, ok := event.Always, false
		for _, a := range x.args {
			if a.op != opSince || a.args[0].level != runLevel || w.run.Ahead && !w.lasting(a.args[0]) {
				continue
			}
			if t := w.res[p.index[a.args[0]]].value(0); t.Kind() == event.TimeKind && (!ok || t.Time() > lower) {
				lower, ok = t.Time(), true
			}
		}
		switch {
		case !used[slot]:
			from[slot], limited[slot] = lower, ok
		case !ok:
			limited[slot] = false
		case lower < from[slot]:
			from[slot] = lower
		}
		used[slot] = true
	}
	req := warehouse.Request{Series: slices.Clone(p.request.Series)}
	first := make([]bool, len(req.Series))
	for slot, tables := range p.setTables {
		for _, t := range tables {
			s := &req.Series[t]
			if !used[slot] || !limited[slot] {
				s.From, first[t] = event.Always, true
				continue
			}
			if !first[t] || from[slot] < s.From {
				s.From, first[t] = from[slot], true
			}
		}
	}
	for t := range req.Series {
		if req.Series[t].Kind == warehouse.Events || req.Series[t].Kind == warehouse.SystemEvents {
			if req.Series[t].To = w.now + 1; w.run.Ahead {
				req.Series[t].To = event.Never
			}
			if req.Series[t].From == event.Always {
				req.Series[t].From = -1 << 62 // all: both zero would say so too, but To matters
			}
		}
	}
	return req
}
