package rule

import (
	"slices"

	"tagma/event"
	"tagma/warehouse"
)

// stepKind says how the value of an expression of a plan is watched.
type stepKind uint8

const (
	stepStill    stepKind = iota // the clock does not change it; rows later than now may
	stepRun                      // the same for everybody
	stepRow                      // of each row: watched by what measures the rows
	stepAnd                      // logic: what decides is watched
	stepOr                       //
	stepTernary                  //
	stepCases                    //
	stepCaseIs                   //
	stepOf                       // a function of its arguments: these are watched
	stepMeasure                  // any row that joins or leaves a selection
	stepTurn                     // a measure of a selection compared with a constant
	stepPick                     // an event of a selection
	stepPickTime                 // its time, compared with a time that is the same for everybody
	stepBorder                   // a customer's time compared with a border
	stepElapsed                  // the time since or until a customer's time, compared with a length
	stepDays                     // the days since or until a date, and the like, compared with numbers
	stepSame                     // a customer's value compared with one that the clock moves for everybody
	stepAlone                    // what only NextChange knows, customer by customer
)

// step is what is known of an expression of a plan at any instant.
type step struct {
	kind       stepKind
	clock      bool // its value may depend on the clock, rows later than now left aside
	population bool // it, or something below it, looks across all customers
	running    bool // at run level: a value that may move with every millisecond
	sources    event.Bits
	sel        int // the place of the selection that it measures
	border     int // among the borders; -1 none
	other      int // of a comparison: the place of the customer's value
	rel        relation
	ranges     [][2]int64 // of stepDays: the numbers for which it holds
	// Of a selection: the borders after which, and before which, its rows lie; the filters that do not move; and whether
	// there is nothing else.
	since, until, still []int
	plain               bool
}

// outlook is what NextChanges knows of a plan at any instant. It is made when first asked for.
type outlook struct {
	steps   []step
	borders []int // places of run-level times that never fall, but where clocks are set back across midnight
	sources int   // event sets, then tables
	clock   bool
}

func (p *Plan) outlook() *outlook {
	p.looking.Do(func() {
		o := &outlook{steps: make([]step, len(p.order)), sources: len(p.setList) + len(p.request.Series)}
		for at, x := range p.order {
			o.steps[at] = o.step(p, at, x)
			o.clock = o.clock || o.steps[at].clock
		}
		p.ahead = o
	})
	return p.ahead
}

// untouched are the operations that do not know the time.
var untouched = []*op{opConst, opIDs, opFirstSeen, opBucket, opPublished, opPast, opNothing, opProperty, opEventSource, opEventTime, opEventName,
	opMean, opMedian, opQuantile, opLine, opCell, opTableCell, opGiven, opTrait, opConsent, opSinceWhen, opSelect}

// ofArguments are the operations whose value is a function of that of their arguments.
var ofArguments = []*op{opNot, opAnyOf, opPlus, opConcat, opCaseValue, opLookup, opPinned, opKept, opPresent, opBands, opAdd, opSub, opMul, opDiv, opMod,
	opNeg, opShift, opElapsed, opDayStart, opIn, opEq, opLt, opLe, opGt, opGe, opField, opSince, opUntil, opBroadcast, opOfKept, opFollows, opFollowed,
	opAnd, opOr, opTernary, opCases, opCaseIs, opNtile, opPick}

// functionsOfArguments are those functions.
var functionsOfArguments = []string{"days_between", "date", "weekday", "day", "month", "year", "start_of", "hour", "format", "add", "timestamp", "duration",
	"round", "abs", "floor", "min", "max", "pow", "log", "exp", "contains", "startsWith", "endsWith", "matches", "lower", "upper", "trim", "replace", "split",
	"size", "string", "number"}

var measures = []*op{opCount, opDays, opSum, opAvg, opMin, opMax, opDistinct, opValues, opTop, opStreak, opMaxGap, opPeak}

// argument is the place of an argument.
func (p *Plan) argument(at, k int) int { return int(p.args[at][k]) }

func (o *outlook) step(p *Plan, at int, x *Expr) step {
	s := step{border: -1, population: x.population() && !x.parameter(), sources: event.NewBits(o.sources)}
	for _, a := range p.args[at] {
		b := &o.steps[a]
		s.clock, s.population = s.clock || b.clock, s.population || b.population
		for k := range s.sources {
			s.sources[k] |= b.sources[k]
		}
	}
	table := func(kind warehouse.SeriesKind) {
		if t, ok := p.tableOf(kind, x.str); ok {
			s.sources.Set(len(p.setList) + t)
		}
	}
	switch x.op {
	case opTrait:
		table(warehouse.Traits)
	case opConsent:
		table(warehouse.Consents)
	case opSinceWhen:
		table(x.aux.(warehouse.SeriesKind))
	case opSelect:
		s.sources.Set(p.slot(x.src.base()))
	}
	f, fused := functions[x.op.name], fusedFrom[x.op].measure != nil
	of := f != nil && f.op == x.op && slices.Contains(functionsOfArguments, f.name)
	if x.level != runLevel && x.op == opPickTimeOf(x) {
		of = true
	}
	s.clock = s.clock || !of && !fused && !slices.Contains(untouched, x.op) && !slices.Contains(ofArguments, x.op) && !slices.Contains(measures, x.op)
	switch {
	case x.level == runLevel:
		s.running = s.clock && (x.Type == Time || x.Type == Duration || x.Type == Any) && !daily(x)
		if s.kind = stepStill; s.clock {
			s.kind = stepRun
		}
		return s
	case x.op == opSelect:
		o.selection(p, at, x, &s)
		return s
	case x.level == rowLevel:
		s.kind = stepRow
		return s
	case !s.clock && x.op != opNot && x.op != opAnd && x.op != opOr && x.op != opCases && x.op != opCaseIs && x.op != opCaseValue:
		return s
	}
	s.kind = o.customerStep(p, at, x, &s, of, fused)
	return s
}

// opPickTimeOf is the operation of x when that compares the time of a picked event.
func opPickTimeOf(x *Expr) *op {
	if pickTimeFrom[x.op] != nil {
		return x.op
	}
	return nil
}

// daily says that a run-level time is always the first instant of a local day.
func daily(x *Expr) bool {
	return x.op == opDayBound || x.op == opWindow && !x.aux.(event.Span).Clock() || x.op == functions["start_of"].op && x.args[0].op == opNow
}

// border is the number of a run-level time among the borders, -1 when it is none.
func (o *outlook) border(p *Plan, at int) int {
	x := p.order[at]
	if x.level != runLevel || x.Type != Time || !o.steps[at].clock || !lasting(x, true) {
		return -1
	}
	b := slices.Index(o.borders, at)
	if b < 0 {
		b = len(o.borders)
		o.borders = append(o.borders, at)
	}
	return b
}

func (o *outlook) selection(p *Plan, at int, x *Expr, s *step) {
	s.plain = true
	for k, a := range x.args {
		place := p.argument(at, k)
		switch {
		case !o.steps[place].clock:
			s.still = append(s.still, place)
		case a.op == opSince || a.op == opUntil:
			b := o.border(p, p.argument(place, 0))
			switch {
			case b < 0:
				s.plain = false
			case a.op == opSince:
				s.since = append(s.since, b)
				s.still = append(s.still, place) // a row that has left does not come back
			default:
				s.until = append(s.until, b)
			}
		default:
			s.plain = false
		}
	}
}

// watchable says that a value can be watched as an argument: it is no worse than what uses it would be alone.
func (o *outlook) watchable(p *Plan, at int) bool {
	s, x := &o.steps[at], p.order[at]
	switch {
	case !s.clock:
		return true
	case x.level == runLevel:
		return !s.running
	case x.level == rowLevel:
		return false
	}
	return x.Type == Bool || s.kind != stepAlone
}

func (o *outlook) allWatchable(p *Plan, at int) bool {
	return !slices.ContainsFunc(p.args[at], func(a int32) bool { return !o.watchable(p, int(a)) })
}

// customerStep is the kind of an expression at customer level that depends on the clock.
func (o *outlook) customerStep(p *Plan, at int, x *Expr, s *step, of, fused bool) stepKind {
	measured := func() bool { // a selection with plain borders, and what is measured of its rows does not move
		s.sel = p.argument(at, 0)
		return o.steps[s.sel].plain && !slices.ContainsFunc(p.args[at][1:], func(a int32) bool { return o.steps[a].clock })
	}
	switch {
	case x.op == opAnd:
		return stepAnd
	case x.op == opOr:
		return stepOr
	case x.op == opTernary && o.allWatchable(p, at):
		return stepTernary
	case x.op == opCases:
		return stepCases
	case x.op == opCaseIs:
		return stepCaseIs
	case fused && measured():
		s.rel = fusedFrom[x.op].rel
		return stepTurn
	case slices.Contains(measures, x.op) && measured():
		return stepMeasure
	case x.op == opPick && measured():
		return stepPick
	case pickTimeFrom[x.op] != nil:
		s.sel, s.rel = p.argument(at, 0), relations[pickTimeFrom[x.op]]
		bound := p.argument(at, 1)
		s.border = o.border(p, bound)
		if o.steps[s.sel].plain && (s.border >= 0 || !o.steps[bound].clock) {
			return stepPickTime
		}
	case slices.Contains(measures, x.op), fused, x.op == opPick:
	case relations[x.op] == equal && x.op != opEq: // no comparison
		if x.op == opIn && len(x.args) == 1 && o.daysStep(p, p.argument(at, 0), s) {
			if set, ok := x.aux.(*constSet); ok {
				s.other = p.argument(at, 0)
				for _, k := range set.values {
					if k.Kind() == event.NumberKind {
						o.holdsFor(s, equal, k)
					}
				}
				return stepDays
			}
		}
		if x.op == opField && (o.steps[p.args[at][1]].clock || !o.watchable(p, p.argument(at, 0))) {
			break
		}
		if x.op == opField {
			return stepOf
		}
		if (of || slices.Contains(ofArguments, x.op)) && x.op != opNtile && o.allWatchable(p, at) {
			return stepOf
		}
	default:
		return o.comparison(p, at, x, s)
	}
	return stepAlone
}

// comparison is the kind of a comparison of two values of a customer.
func (o *outlook) comparison(p *Plan, at int, x *Expr, s *step) stepKind {
	a, b, rel := p.argument(at, 0), p.argument(at, 1), relations[x.op]
	if o.steps[a].kind == stepRun {
		a, b, rel = b, a, rel.mirror()
	}
	s.other, s.rel = a, rel
	mine, k := p.order[a], p.order[b]
	v, constant := k.constant()
	number := constant && v.Kind() == event.NumberKind
	switch {
	case number && o.daysStep(p, a, s):
		o.holdsFor(s, rel, v)
		return stepDays
	case number && mine.op == opElapsed:
		from, to := p.argument(a, 0), p.argument(a, 1)
		s.other = to // now - to
		if mine.args[1].op == opNow {
			s.other, s.rel = from, rel.mirror() // to - from, negative
		} else if mine.args[0].op != opNow {
			break
		}
		if ms, ok := v.Number().Int64(); ok && p.order[s.other].level == customerLevel && o.watchable(p, s.other) && ms < 1<<50 && ms > -1<<50 {
			if s.other == from {
				ms = -ms
			}
			s.ranges = [][2]int64{{ms}}
			return stepElapsed
		}
		s.other, s.rel = a, rel
	}
	switch {
	case k.level == runLevel && o.steps[b].clock && o.watchable(p, a):
		s.sel = b
		if s.border = o.border(p, b); s.border >= 0 {
			return stepBorder
		}
		return stepSame
	case o.allWatchable(p, at):
		return stepOf
	}
	return stepAlone
}

// daysStep says whether a place has a function of a date that goes on day by day.
func (o *outlook) daysStep(p *Plan, at int, s *step) bool {
	x := p.order[at]
	f := functions[x.op.name]
	if f == nil || f.op != x.op || x.level != customerLevel || o.steps[p.argument(at, 0)].clock {
		return false
	}
	return slices.Contains([]string{"days_since", "days_until", "age", "days_to_anniversary"}, f.name)
}

// holdsFor notes the whole numbers for which a comparison holds.
func (o *outlook) holdsFor(s *step, rel relation, k event.Value) {
	lo, hi := integers(rel, k)
	s.ranges = append(s.ranges, [2]int64{lo, hi})
}
