package rule

import "tagma/event"

// A timeline is how a run-level value goes on, course by course, as far as somebody asked. All customers share it.
type timeline struct {
	l       *lookahead
	x       *Expr
	at      *lookahead // of a worker for the expression alone, which goes from instant to instant
	courses []timeCourse
}

type timeCourse struct {
	course
	from  event.Time
	value event.Value
}

// maxCourses bounds how far a timeline goes: every day for more than a year.
const maxCourses = 400

func (l *lookahead) timeline(x *Expr) *timeline {
	t := l.lines[x]
	if t == nil {
		t = &timeline{l: l, x: x}
		l.lines[x] = t
	}
	return t
}

// course is a course by its number, the present one being 0.
func (t *timeline) course(i int) timeCourse {
	for len(t.courses) <= i {
		from := t.l.now
		if n := len(t.courses); n > 0 {
			from = t.courses[n-1].until
		}
		t.move(from)
		t.courses = append(t.courses, timeCourse{t.at.course(t.x, 0), from, t.at.value(t.x, 0)})
	}
	return t.courses[i]
}

// move evaluates the expression at an instant.
func (t *timeline) move(to event.Time) {
	if t.at == nil {
		t.at = t.worker(to).lookahead()
		t.at.flat = true
		return
	}
	w := t.at.w
	w.run.Now, w.now = to, to
	w.reset()
	w.evalRange(0, w.plan.runCount)
	known := t.at.known
	clear(known)
	*t.at = lookahead{w: w, now: to, soon: to + 1, back: w.zone.FallBack(to), known: known, leaves: map[leave]event.Time{}, flat: true}
}

// worker is one for the expression alone at an instant, with little memory: it lives for a few values.
func (t *timeline) worker(at event.Time) *worker {
	run, p := *t.l.w.run, newPlan([]*Expr{t.x}, nil)
	run.Now = at
	w := &worker{plan: p, run: &run, zone: run.Zone, now: at, params: run.Params, snapshot: run.Snapshot, n: 1, epoch: 1}
	n := 4*len(p.order) + 8
	w.arena = arena{words: make([]uint64, n), ints: make([]int64, n), vecs: make([]vec, n), cols: make([]event.Column, n)}
	w.res, w.memos = make([]*vec, len(p.order)), make([]memo, len(p.order))
	w.evalRange(0, p.runCount)
	return w
}

// changes is when the value is another. A value that moves evenly changes at once.
func (t *timeline) changes() event.Time {
	now := t.course(0)
	for i := 0; ; i++ {
		p := t.course(i)
		switch {
		case i > 0 && !same(p.value, now.value):
			return p.from
		case p.slope != 0:
			return later(p.from, 1)
		case p.until == event.Never || i == maxCourses:
			return p.until
		}
	}
}

// flip is when the comparison with a constant turns, or the kind of the value changes.
func (t *timeline) flip(rel relation, k event.Value) event.Time {
	holds := rel.holds(t.course(0).value.Compare(k))
	for i := 0; ; i++ {
		p := t.course(i)
		if p.value.Kind() != k.Kind() || rel.holds(p.value.Compare(k)) != holds {
			return p.from
		}
		if p.slope != 0 {
			n, ok := whole(p.value)
			if !ok {
				return later(p.from, 1)
			}
			at := *t.l
			at.now, at.soon = p.from, p.from+1
			lo, hi := integers(rel, k)
			if turn := at.moved(n, p.slope, lo, hi); turn < p.until {
				return turn
			}
		}
		if p.until == event.Never || i == maxCourses {
			return p.until
		}
	}
}
