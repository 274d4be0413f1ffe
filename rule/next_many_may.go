package rule

import (
	"tagma/event"
)

// Who may change: the first pass of NextChanges, from below upwards, as far as the roots reach.

// mayChange is the customers whose value at a place may change by the passing of time; nil when there are none. There may
// be more of them than really change.
func (h *horizon) mayChange(at int) event.Bits {
	if h.known[at] == h.call {
		return h.may[at]
	}
	m, any := h.findMay(at), uint64(0)
	for k := range m {
		m[k] &= h.ones[k]
		any |= m[k]
	}
	if any == 0 {
		m = nil
	}
	h.may[at], h.known[at] = m, h.call
	return m
}

// findMay gives new bits, or nil.
func (h *horizon) findMay(at int) event.Bits {
	s, x, p := &h.p.steps[at], h.w.plan.order[at], h.w.plan
	if !s.clock && !h.hidden {
		return nil
	}
	switch s.kind {
	case stepRun:
		if h.l.next(x, 0) == event.Never {
			return nil
		}
		return h.all()
	case stepAnd, stepOr:
		return h.mayOfChain(at, s.kind == stepOr)
	case stepTernary, stepCases, stepOf:
		out := h.bits(h.n)
		for _, a := range p.args[at] {
			if p.order[a].level != rowLevel {
				join(out, h.mayChange(int(a)))
			}
		}
		if x.op == opField {
			h.joinFuture(out, s.sources)
		}
		return out
	case stepCaseIs:
		return h.mayOfCase(at)
	}
	out := h.bits(h.n)
	h.joinFuture(out, s.sources)
	switch s.kind {
	case stepTurn:
		h.mayTurn(out, at)
	case stepMeasure, stepPick:
		join(out, h.picked(s.sel).anybody(h))
	case stepPickTime:
		if s.border >= 0 {
			h.mayCross(out, at, s.rel, h.picked(s.sel).keeps(h))
		}
		if h.p.steps[s.sel].clock {
			join(out, h.picked(s.sel).anybody(h))
		}
	case stepBorder:
		h.mayCross(out, at, s.rel, h.present(s.other))
		join(out, h.mayChange(s.other))
	case stepElapsed:
		join(out, h.present(s.other))
		join(out, h.mayChange(s.other))
	case stepSame:
		if h.mayChange(s.sel) != nil {
			join(out, h.present(s.other))
		}
		join(out, h.mayChange(s.other))
	case stepDays:
		join(out, h.present(s.other))
	case stepAlone:
		join(out, h.mayAlone(at))
	}
	return out
}

func (h *horizon) all() event.Bits {
	out := h.bits(h.n)
	copy(out, h.ones)
	return out
}

// join puts the elements of b, which may be nil, into a.
func join(a, b event.Bits) {
	for k := range b {
		a[k] |= b[k]
	}
}

// mayOfChain is for an && (of ||, holding and not holding change places): while it holds, any operand; else all that do
// not hold have to.
func (h *horizon) mayOfChain(at int, or bool) event.Bits {
	moves := false
	for _, a := range h.w.plan.args[at] {
		moves = h.mayChange(int(a)) != nil || moves
	}
	if !moves {
		return nil
	}
	any, every := h.bits(h.n), h.bits(h.n)
	copy(every, h.ones)
	turn := uint64(0)
	if or {
		turn = ^turn
	}
	every = every[:len(any)]
	for _, a := range h.w.plan.args[at] {
		t, m := h.truth(int(a))[:len(any)], h.mayChange(int(a))
		if m == nil {
			for k, word := range t {
				every[k] &= word ^ turn
			}
			continue
		}
		m = m[:len(any)]
		for k, word := range t {
			any[k] |= m[k]
			every[k] &= m[k] | (word ^ turn)
		}
	}
	t := h.truth(at)[:len(any)]
	for k := range any {
		holds := t[k] ^ turn
		any[k] = any[k]&holds | every[k]&^holds
	}
	return any
}

// mayOfCase is who may come to fall into one of some cases, or no longer.
func (h *horizon) mayOfCase(at int) event.Bits {
	p := h.w.plan
	tag, out := p.argument(at, 0), h.bits(h.n)
	whole := h.mayChange(tag)
	if whole == nil {
		return nil
	}
	if !h.cased(tag) {
		join(out, whole)
		return out
	}
	in := h.truth(at)
	for k := range out {
		out[k] = whole[k] & in[k]
	}
	for _, place := range p.order[at].aux.([]int) {
		cond := p.argument(tag, place)
		t, m := h.truth(cond), h.mayChange(cond)
		for k := range out {
			out[k] |= whole[k] & t[k]
			if m != nil {
				out[k] |= m[k] &^ t[k]
			}
		}
	}
	return out
}

// cased says that a tag is decided by the first of its conditions that holds, at its place in the plan.
func (h *horizon) cased(tag int) bool {
	x := h.w.plan.order[tag]
	return x.op == opCases && !x.Multi()
}

// mayTurn adds who may cross the limit of a measure compared with a constant. Rows that leave make counts fall; only
// where rows can join as well, or summands are negative, may they rise.
func (h *horizon) mayTurn(out event.Bits, at int) {
	s, x := &h.p.steps[at], h.w.plan.order[at]
	rows := h.picked(s.sel)
	switch measure := fusedFrom[x.op].measure; {
	case measure == opAvg, s.rel == equal, measure == opSum && h.summandsFall(at):
		join(out, rows.anybody(h))
		return
	}
	// Who has no rows is not above a limit, with few exceptions.
	t, up := h.truth(at), s.rel == greater || s.rel == greaterOrEqual
	turn := uint64(0)
	if !up {
		turn = ^turn
	}
	if len(rows.step.since) > 0 {
		for k, word := range t[:len(out)] {
			out[k] |= word ^ turn
		}
	}
	if joins := rows.joins(h); joins != nil {
		for k := range out {
			if up {
				out[k] |= joins[k] &^ t[k]
			} else {
				out[k] |= joins[k] & t[k]
			}
		}
	}
}

// summandsFall says whether some rows of the set make a sum rise when they leave it.
func (h *horizon) summandsFall(at int) bool {
	v := h.w.res[h.w.plan.argument(at, 1)]
	c := v.part(event.NumberKind)
	switch {
	case c == nil:
		return false
	case c.Nums != nil:
		return true
	}
	for i, n := range c.Ints[:c.Len] {
		if n < 0 && c.Present(i) {
			return true
		}
	}
	return false
}

// mayCross adds who of some is above a border that rises, in a way that matters to a comparison of the time with it.
func (h *horizon) mayCross(out event.Bits, at int, rel relation, who event.Bits) {
	t := h.truth(at)
	for k := range out {
		switch rel {
		case equal:
			out[k] |= who[k]
		case greater, greaterOrEqual:
			out[k] |= who[k] & t[k]
		default:
			out[k] |= who[k] &^ t[k]
		}
	}
}

// present is who has a value at a place.
func (h *horizon) present(at int) event.Bits {
	v := h.w.res[at]
	if v.cases != nil {
		return h.ones
	}
	p := h.w.presence(v)
	if !v.single {
		return p
	}
	if p.Get(0) {
		return h.ones
	}
	return h.none
}

// strict are the operations that have no value, or do not hold, while an argument is missing.
func strict(x *Expr) bool {
	switch x.op {
	case opAdd, opSub, opMul, opDiv, opMod, opNeg, opShift, opElapsed, opEq, opLt, opLe, opGt, opGe, opIn, opBands, opField, opDayStart, opPresent:
		return true
	}
	f := functions[x.op.name]
	return f != nil && f.op == x.op
}

// mayAlone is for what only NextChange knows: not who has no rows to select from, nor who misses an argument for good.
func (h *horizon) mayAlone(at int) event.Bits {
	p := h.w.plan
	x := p.order[at]
	if len(x.args) > 0 && x.args[0].op == opSelect {
		return h.haveRows(x.args[0])
	}
	out := h.all()
	if !strict(x) {
		return out
	}
	for _, a := range p.args[at] {
		if p.order[a].level != customerLevel {
			continue
		}
		has, m := h.present(int(a)), h.mayChange(int(a))
		for k := range out {
			if m != nil {
				out[k] &= has[k] | m[k]
			} else {
				out[k] &= has[k]
			}
		}
	}
	return out
}

// haveRows is who has any row in the set that a selection is of.
func (h *horizon) haveRows(sel *Expr) event.Bits {
	out, r := h.bits(h.n), h.w.rows(sel.src)
	for i := range h.n {
		if r.start[i] < r.start[i+1] {
			out.Set(i)
		}
	}
	return out
}

// futureRows are the rows of a source (an event set, or a table of traits or consents) that are later than now.
type futureRows struct {
	first []event.Time // of each customer; nil when there are none
	who   event.Bits
}

// findFuture looks for rows that are later than now.
func (h *horizon) findFuture() {
	h.hidden = false
	clear(h.future)
	p := h.w.plan
	note := func(source, owner int, t event.Time) {
		f := &h.future[source]
		if f.first == nil {
			h.hidden = true
			f.first, f.who = make([]event.Time, h.n), h.bits(h.n)
			for i := range f.first {
				f.first[i] = event.Never
			}
		}
		f.first[owner] = min(f.first[owner], t)
		f.who.Set(owner)
	}
	for slot, tables := range p.setTables {
		for _, t := range tables {
			h.eachFuture(t, func(owner int, at event.Time) { note(slot, owner, at) })
		}
	}
	for t := range p.request.Series {
		h.eachFuture(t, func(owner int, at event.Time) { note(len(p.setTables)+t, owner, at) })
	}
}

// eachFuture calls f with the first later row of each customer that has one in a table.
func (h *horizon) eachFuture(table int, f func(owner int, at event.Time)) {
	t := &h.w.block.Tables[table]
	last := event.Always
	for _, at := range t.Times {
		last = max(last, at)
	}
	if last <= h.l.now {
		return
	}
	for i := range h.n {
		for row := t.Start[i]; row < t.Start[i+1]; row++ {
			if t.Times[row] > h.l.now {
				f(i, t.Times[row])
				break
			}
		}
	}
}

// joinFuture adds who has later rows in any of some sources.
func (h *horizon) joinFuture(out, sources event.Bits) {
	if !h.hidden {
		return
	}
	for k := range h.future {
		if sources.Get(k) {
			join(out, h.future[k].who)
		}
	}
}

// atFuture notes the first later row in any of some sources.
func (h *horizon) atFuture(who, sources event.Bits) {
	if !h.hidden {
		return
	}
	for k := range h.future {
		if h.future[k].first == nil || !sources.Get(k) {
			continue
		}
		for wi, word := range who {
			for word &= h.future[k].who[wi]; word != 0; word &= word - 1 {
				i := wi*64 + trailing(word)
				h.at(i, h.future[k].first[i])
			}
		}
	}
}
