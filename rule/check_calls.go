package rule

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tagma/event"
)

func (c *checker) call(n *Call) *Expr {
	if n.Recv == nil {
		return c.function(n, n.Args)
	}
	if name, ok := n.Recv.(*Name); ok && name.Name == "events" && c.env.row == nil {
		return c.anyOf(n)
	}
	if isSelection(n.Recv) && c.env.row == nil {
		sel := c.expr(n.Recv)
		if sel == nil {
			return nil
		}
		switch {
		case filterNames[n.Fun]:
			return c.filter(n, sel)
		case measureNames[n.Fun]:
			return c.measure(n, sel)
		}
		return c.faultHint(n, didYouMean(n.Fun, eventMethods()), "events have no %s(…)", n.Fun)
	}
	if f := functions[n.Fun]; f != nil && f.method {
		return c.function(n, append([]Node{n.Recv}, n.Args...))
	}
	if f := functions[n.Fun]; f != nil {
		return c.faultHint(n, fmt.Sprintf("write %s(…)", n.Fun), "%s is not a method", n.Fun)
	}
	if x := c.expr(n.Recv); x == nil {
		return nil
	}
	if filterNames[n.Fun] || measureNames[n.Fun] {
		return c.fault(n, "%s(…) measures events; what stands before it is no selection of events", n.Fun)
	}
	return c.faultHint(n, didYouMean(n.Fun, methodNames()), "there is no method %s", n.Fun)
}

func methodNames() []string {
	var out []string
	for name, f := range functions {
		if f.method {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (c *checker) arity(n Node, name string, args []Node, least, most int) bool {
	switch {
	case len(args) < least:
		c.fault(n, "%s(…) needs %s, there %s %d", name, plural(least, "argument"), isAre(len(args)), len(args))
		return false
	case most >= 0 && len(args) > most:
		c.fault(args[most], "%s(…) takes %s", name, plural(most, "argument"))
		return false
	}
	return true
}

func plural(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func (c *checker) anyOf(n *Call) *Expr {
	if n.Fun != "any" {
		return c.faultHint(n, didYouMean(n.Fun, []string{"any"}), "events has no %s(…)", n.Fun)
	}
	if !c.arity(n, "events.any", n.Args, 1, -1) {
		return nil
	}
	var names []string
	ok := true
	for _, a := range n.Args {
		lit, isLit := a.(*Literal)
		if !isLit || lit.Value.Kind() != event.TextKind {
			c.fault(a, "the name of an event is expected, in quotes")
			ok = false
			continue
		}
		if c.sourceOf(a, []string{lit.Value.Text()}) == nil {
			ok = false
		}
		names = append(names, lit.Value.Text())
	}
	if !ok {
		return nil
	}
	return c.sourceOf(n, names)
}

// span reads a constant span argument.
func (c *checker) span(n Node, name string) (event.Span, bool) {
	lit, ok := n.(*Literal)
	if !ok || lit.Value.Kind() != event.TextKind {
		c.faultHint(n, fmt.Sprintf(`as in %s("90d")`, name), "a length of time is expected, in quotes")
		return event.Span{}, false
	}
	s, err := event.ParseSpan(lit.Value.Text())
	if err != nil {
		c.fault(n, "%s", err)
		return s, false
	}
	if s.N <= 0 {
		c.fault(n, "the length must be at least 1, this is %q", lit.Value.Text())
		return s, false
	}
	if s.N > 1_000_000 || s.Unit >= event.Day && s.N > 36_500 {
		c.fault(n, "the length %q is beyond a hundred years", lit.Value.Text())
		return s, false
	}
	return canonical(s), true
}

// canonical writes equal spans alike: weeks as days, years as months, minutes and hours as seconds.
func canonical(s event.Span) event.Span {
	switch s.Unit {
	case event.Week:
		return event.Span{N: 7 * s.N, Unit: event.Day}
	case event.Year:
		return event.Span{N: 12 * s.N, Unit: event.Month}
	case event.Minute:
		return event.Span{N: 60 * s.N, Unit: event.Second}
	case event.Hour:
		return event.Span{N: 3600 * s.N, Unit: event.Second}
	}
	return s
}

func (c *checker) filter(n *Call, sel *Expr) *Expr {
	add := func(filters ...*Expr) *Expr {
		for _, f := range filters {
			if f == nil {
				return nil
			}
		}
		return c.selection(sel.src, append(slices.Clone(sel.args), filters...))
	}
	bound := func(o *op, t *Expr) *Expr {
		if t == nil {
			return nil
		}
		return c.b.make(Expr{Type: Bool, op: o, args: []*Expr{t}, src: sel.src})
	}
	switch n.Fun {
	case "last", "before":
		if !c.arity(n, n.Fun, n.Args, 1, 1) {
			return nil
		}
		s, ok := c.span(n.Args[0], n.Fun)
		if !ok {
			return nil
		}
		start := c.b.make(Expr{Type: Time, op: opWindow, str: s.String(), aux: s})
		if n.Fun == "last" {
			return add(bound(opSince, start))
		}
		return add(bound(opUntil, start))
	case "between":
		if !c.arity(n, n.Fun, n.Args, 2, 2) {
			return nil
		}
		return add(c.betweenBounds(n, bound)...)
	case "since", "until":
		if !c.arity(n, n.Fun, n.Args, 1, 1) {
			return nil
		}
		t, _ := c.instant(n.Args[0], false)
		if n.Fun == "since" {
			return add(bound(opSince, t))
		}
		return add(bound(opUntil, t))
	}
	switch n.Fun {
	case "each":
		return c.each(n, sel)
	case "then", "without":
		return c.sequence(n, sel, add)
	}
	if !c.arity(n, "where", n.Args, 2, 2) {
		return nil
	}
	kept := c.lambda(n.Args[0], n.Args[1], sel.src, true)
	out := add(kept)
	c.warnFilter(n.Args[1], sel, kept, out)
	return out
}

// betweenBounds: two local dates, both included; or two instants, the end excluded.
func (c *checker) betweenBounds(n *Call, bound func(*op, *Expr) *Expr) []*Expr {
	from, fromDate := c.instant(n.Args[0], false)
	to, toDate := c.instant(n.Args[1], true)
	if from == nil || to == nil {
		return []*Expr{nil}
	}
	if fromDate != toDate {
		return []*Expr{c.fault(n.Args[1], "both ends must be dates, or both instants")}
	}
	a, ok1 := c.constInstant(from)
	b, ok2 := c.constInstant(to)
	if ok1 && ok2 && a >= b {
		c.warn(n, "the end is not after the beginning: this keeps nothing")
	}
	return []*Expr{bound(opSince, from), bound(opUntil, to)}
}

// constInstant is the instant of a bound that is written as one.
func (c *checker) constInstant(x *Expr) (event.Time, bool) {
	v, ok := x.constant()
	if !ok && x.op == opDayStart {
		v, ok = x.args[0].constant()
	}
	switch {
	case ok && v.Kind() == event.TimeKind:
		return v.Time(), true
	case ok && v.Kind() == event.DateKind:
		return c.env.Zone.Start(v.Date()), true
	}
	return 0, false
}

// instant reads a time argument of a filter: a time, a date (its first instant; with end set, the first instant
// after it), or a text that says one.
func (c *checker) instant(n Node, end bool) (x *Expr, isDate bool) {
	if lit, ok := n.(*Literal); ok && lit.Value.Kind() == event.TextKind {
		t, dateOnly, err := c.env.Zone.ParseInstant(lit.Value.Text())
		if err != nil {
			return c.fault(n, "%s", err), false
		}
		// Written dates follow the workspace's zone when it changes: they stay dates.
		if dateOnly {
			d, _ := event.ParseDate(lit.Value.Text())
			if end {
				d++
			}
			return c.b.make(Expr{Type: Time, op: opDayStart, args: []*Expr{c.b.Const(event.Civil(d))}}), true
		}
		return c.b.Const(event.Instant(t)), false
	}
	x = c.typed(n, Time, "the bound")
	if x == nil {
		return nil, false
	}
	if x.Type == Time {
		return x, false
	}
	start := Expr{Type: Time, op: opDayStart, args: []*Expr{x}}
	if end {
		start.str = "after"
	}
	return c.b.make(start), x.Type == Date
}

// lambda checks the body of a where or measure with its variable bound to the rows of a set.
func (c *checker) lambda(variable, body Node, set *eventSet, condition bool) *Expr {
	name, ok := variable.(*Name)
	if !ok {
		return c.faultHint(variable, "as in where(e, e.amount > 100)", "a name for the event is expected")
	}
	if slices.Contains(rootNames, name.Name) {
		return c.fault(variable, "%s already means something else: take another name, such as e", quoteName(name.Name))
	}
	oldVar, oldSet, oldOuter := c.variable, c.set, c.outer
	if oldVar != "" && oldVar != name.Name {
		c.outer = append(slices.Clone(c.outer), oldVar)
	}
	c.variable, c.set = name.Name, set
	var x *Expr
	if condition {
		x = c.cond(body)
	} else {
		x = c.value(body)
	}
	c.variable, c.set, c.outer = oldVar, oldSet, oldOuter
	if x == nil {
		return nil
	}
	return c.toRows(x, set)
}

// toRows gives a customer-level expression to each row of a set.
func (c *checker) toRows(x *Expr, set *eventSet) *Expr {
	if x.level != customerLevel {
		return x
	}
	return c.b.make(Expr{Type: x.Type, op: opBroadcast, args: []*Expr{x}, src: set, hint: x.hint})
}

var measureOps = map[string]*op{"count": opCount, "days": opDays, "sum": opSum, "avg": opAvg, "min": opMin, "max": opMax,
	"distinct": opDistinct, "values": opValues, "top": opTop, "streak": opStreak, "max_gap": opMaxGap, "peak": opPeak}

func (c *checker) measure(n *Call, sel *Expr) *Expr {
	make := func(t Type, args ...*Expr) *Expr {
		for _, a := range args {
			if a == nil {
				return nil
			}
		}
		return c.b.make(Expr{Type: t, op: measureOps[n.Fun], args: append([]*Expr{sel}, args...), src: sel.src})
	}
	switch n.Fun {
	case "count", "days", "max_gap":
		if !c.arity(n, n.Fun, n.Args, 0, 0) {
			return nil
		}
		return make(Number)
	case "earliest", "latest", "nth":
		return c.pick(n, sel)
	case "streak":
		return c.streak(n, sel)
	case "peak":
		if !c.arity(n, n.Fun, n.Args, 1, 1) {
			return nil
		}
		s, ok := c.span(n.Args[0], "peak")
		if !ok {
			return nil
		}
		if !s.Clock() {
			return c.fault(n.Args[0], "peak takes elapsed time: s, m or h")
		}
		return c.b.make(Expr{Type: Number, op: opPeak, args: []*Expr{sel}, str: s.String(), aux: s, src: sel.src})
	}
	most := 2
	if n.Fun == "top" {
		most = 3
	}
	if !c.arity(n, n.Fun, n.Args, 2, most) {
		return nil
	}
	x := c.lambda(n.Args[0], n.Args[1], sel.src, false)
	if x == nil {
		return nil
	}
	switch n.Fun {
	case "sum", "avg":
		if !c.wantsNumber(n.Args[1], x, n.Fun) {
			return nil
		}
		return make(Number, x)
	case "distinct":
		return make(Number, x)
	case "values":
		return make(List, x)
	case "top":
		if len(n.Args) == 3 {
			wt := c.lambda(n.Args[0], n.Args[2], sel.src, false)
			if wt == nil || !c.wantsNumber(n.Args[2], wt, "the weight of top") {
				return nil
			}
			e := make(x.Type, x, wt)
			e.hint = x.hint
			return e
		}
	}
	e := make(x.Type, x)
	e.hint = x.hint
	return e
}

func (c *checker) wantsNumber(n Node, x *Expr, what string) bool {
	if !x.Type.accepts(Number) {
		c.fault(n, "%s needs a number, this is %s", what, x.Type)
		return false
	}
	if x.Type == Any && len(x.hint) > 0 && !slices.Contains(x.hint, event.NumberKind) {
		c.warn(n, "%s needs a number; so far only %s came", what, kindList(x.hint))
	}
	c.warnMixed(n, x, event.NumberKind)
	return true
}

func (c *checker) pick(n *Call, sel *Expr) *Expr {
	place := map[string]int{"earliest": 1, "latest": -1}[n.Fun]
	if n.Fun != "nth" {
		if !c.arity(n, n.Fun, n.Args, 0, 0) {
			return nil
		}
	} else {
		if !c.arity(n, n.Fun, n.Args, 1, 1) {
			return nil
		}
		x := c.value(n.Args[0])
		if x == nil {
			return nil
		}
		v, ok := x.constant()
		i, whole := v.Number().Int64()
		if ok && v.Kind() == event.NumberKind && (v.Number().Cmp(event.Int(math.MaxInt32)) > 0 || v.Number().Cmp(event.Int(-math.MaxInt32)) < 0) {
			return c.fault(n.Args[0], "nth counts to %d, forwards and backwards", math.MaxInt32)
		}
		if !ok || !whole || i == 0 {
			return c.fault(n.Args[0], "nth takes a whole number: 1 is the first event, -1 the last")
		}
		place = int(i)
	}
	return c.b.make(Expr{Type: Event, op: opPick, args: []*Expr{sel}, str: fmt.Sprint(place), aux: place, src: sel.src})
}

func (c *checker) streak(n *Call, sel *Expr) *Expr {
	if !c.arity(n, "streak", n.Args, 1, 1) {
		return nil
	}
	lit, ok := n.Args[0].(*Literal)
	if ok {
		if u, known := event.ParseUnit(lit.Value.Text()); known && (u == event.Day || u == event.Week || u == event.Month) {
			return c.b.make(Expr{Type: Number, op: opStreak, args: []*Expr{sel}, str: lit.Value.Text(), aux: u, src: sel.src})
		}
	}
	return c.fault(n.Args[0], `streak takes "d", "w" or "mo"`)
}

// function checks f(args…), or recv.f(args…) with the receiver as the first argument.
func (c *checker) function(n *Call, args []Node) *Expr {
	switch n.Fun {
	case "has", "present":
		return c.has(n, args)
	case "mean", "median", "quantile", "ntile":
		return c.population(n, args)
	case "bucket":
		return c.bucket(n, args)
	case "lookup":
		return c.lookup(n, args)
	case "changed_at":
		return c.changedAt(n, args)
	case "previous":
		return c.previous(n, args)
	case "within", "same":
		return c.faultHint(n, fmt.Sprintf(`as in events.cart.then(events.buy, %s)`, sequenceOptions[n.Fun]), "%s(…) stands only inside then(…) and without(…)", n.Fun)
	}
	f := functions[n.Fun]
	if f == nil {
		names := append(sortedKeys(functions), specialFunctions...)
		slices.Sort(names)
		return c.faultHint(n, didYouMean(n.Fun, names), "there is no function %s", quoteName(n.Fun))
	}
	least, most := len(f.params), len(f.params)
	if f.least > 0 {
		least = f.least
	}
	if f.many {
		most = -1
	}
	if !c.arity(n, n.Fun, args, least, most) {
		return nil
	}
	xs := make([]*Expr, len(args))
	ok := true
	for i, a := range args {
		xs[i] = c.typed(a, f.params[min(i, len(f.params)-1)], fmt.Sprintf("argument %d of %s", i+1, n.Fun))
		ok = ok && xs[i] != nil
	}
	if !ok {
		return nil
	}
	var aux any
	if f.prepare != nil {
		var err error
		if aux, err = f.prepare(c.env.Zone, xs); err != nil {
			return c.fault(args[len(args)-1], "%s", err)
		}
	}
	t := f.result
	if n.Fun == "add" && (xs[0].Type == Time || xs[0].Type == Date && aux.(event.Span).Clock()) {
		t = Time
	} else if n.Fun == "add" && xs[0].Type == Date {
		t = Date
	}
	e := Expr{Type: t, op: f.op, args: xs, aux: aux}
	if t == Any {
		e.hint = xs[0].hint
	}
	return c.b.make(e)
}

func (c *checker) has(n *Call, args []Node) *Expr {
	if !c.arity(n, n.Fun, args, 1, 1) {
		return nil
	}
	x := c.expr(args[0])
	if x == nil {
		return nil
	}
	switch x.Type {
	case Events:
		return c.faultHint(args[0], "write .count() > 0", "has takes a trait, identifier, tag or property; this is a selection of events")
	case Bool:
		if x.Condition() {
			return c.fault(args[0], "a condition is never missing")
		}
	}
	return c.b.make(Expr{Type: Bool, op: opPresent, args: []*Expr{x}})
}

var populationOps = map[string]*op{"mean": opMean, "median": opMedian, "quantile": opQuantile, "ntile": opNtile}

func (c *checker) population(n *Call, args []Node) *Expr {
	if c.env.row != nil {
		return c.fault(n, "%s looks across all customers and cannot be used over the rows of a file", n.Fun)
	}
	least := 1
	if n.Fun == "quantile" || n.Fun == "ntile" {
		least = 2
	}
	if !c.arity(n, n.Fun, args, least, least+1) {
		return nil
	}
	// The population is asked for its own values: the event of an enclosing filter has no meaning there.
	oldVar, oldSet, oldOuter := c.variable, c.set, c.outer
	if oldVar != "" {
		c.outer = append(slices.Clone(c.outer), oldVar)
	}
	c.variable, c.set = "", nil
	defer func() { c.variable, c.set, c.outer = oldVar, oldSet, oldOuter }()
	x := c.typed(args[0], Number, fmt.Sprintf("what %s is taken of", n.Fun))
	e := Expr{Type: Number, op: populationOps[n.Fun]}
	ok := x != nil
	if least == 2 {
		p := c.value(args[1])
		if p == nil {
			return nil
		}
		v, constant := p.constant()
		k, whole := v.Number().Int64()
		switch {
		case !constant || v.Kind() != event.NumberKind:
			c.fault(args[1], "%s needs a number written here", n.Fun)
			ok = false
		case n.Fun == "quantile" && (v.Number().Sign() < 0 || v.Number().Cmp(event.Int(1)) > 0):
			c.fault(args[1], "quantile takes a number between 0 and 1, as 0.8")
			ok = false
		case n.Fun == "ntile" && (!whole || k < 2 || k > 1000):
			c.fault(args[1], "ntile takes a number of buckets from 2 to 1000")
			ok = false
		}
		e.val, e.str, e.aux = v, v.Number().Exact(), int(k)
	}
	var cond *Expr
	if len(args) > least {
		if cond = c.cond(args[least]); cond == nil {
			ok = false
		}
	}
	if !ok {
		return nil
	}
	e.args = []*Expr{x}
	if cond != nil {
		e.args = append(e.args, cond)
	}
	return c.b.make(e)
}

func (c *checker) bucket(n *Call, args []Node) *Expr {
	if c.env.row != nil {
		return c.fault(n, "bucket is about a customer and cannot be used over the rows of a file")
	}
	if !c.arity(n, "bucket", args, 2, 2) {
		return nil
	}
	seed, groups := c.value(args[0]), c.value(args[1])
	if seed == nil || groups == nil {
		return nil
	}
	s, ok1 := seed.constant()
	g, ok2 := groups.constant()
	k, whole := g.Number().Int64()
	if !ok1 || s.Kind() != event.TextKind || s.Text() == "" {
		return c.fault(args[0], "the seed must be a text written here")
	}
	if ok2 && g.Kind() == event.NumberKind && g.Number().Cmp(event.Int(1_000_000)) > 0 {
		return c.fault(args[1], "the number of groups is at most 1,000,000")
	}
	if !ok2 || !whole || k < 1 {
		return c.fault(args[1], "the number of groups must be a whole number, at least 1")
	}
	return c.b.make(Expr{Type: Number, op: opBucket, str: strings.Join([]string{s.Text(), fmt.Sprint(k)}, "\x00"),
		aux: bucketParam{seed: fnv1a(s.Text()), groups: k}})
}

func fnv1a(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// opDayStart: the first instant of a date, or with str "after" the first one after it; a time stays as it is.
var opDayStart = &op{name: "day_start", eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	return w.fromValues(n, single, func(i int) event.Value {
		switch v := args[0].value(i); {
		case v.Kind() == event.DateKind && x.str == "after":
			return event.Instant(w.zone.Start(v.Date() + 1))
		case v.Kind() == event.DateKind:
			return event.Instant(w.zone.Start(v.Date()))
		case v.Kind() == event.TimeKind:
			return v
		}
		return event.Value{}
	})
}}

// opConcat: two texts, one after the other.
var opConcat = &op{name: "concat", text: infix("+"), eval: func(w *worker, x *Expr, args []*vec) *vec {
	n, single := w.frame(x)
	return w.fromValues(n, single, func(i int) event.Value {
		a, b := args[0].value(i), args[1].value(i)
		if a.Kind() != event.TextKind || b.Kind() != event.TextKind {
			return event.Value{}
		}
		return event.Text(a.Text() + b.Text())
	})
}}
