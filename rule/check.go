package rule

import (
	"fmt"
	"slices"
	"strings"

	"tagma/event"
	"tagma/warehouse"
)

// Rule is a checked expression with its source.
type Rule struct {
	Source   *Source
	Expr     *Expr
	Warnings []Fault
	// Nodes gives the checked expression of the nodes of the source that have one.
	Nodes map[Node]*Expr
}

// Want says what an expression is for.
type Want uint8

const (
	// Condition: it holds or not.
	Condition Want = iota
	// AnyValue: a condition or a value.
	AnyValue
)

// Check parses a text and resolves its names and types. Everything that is wrong is reported at once; the rule
// is nil then.
func Check(text string, env *Env, want Want) (*Rule, []Fault) {
	src, faults := Parse(text)
	if len(faults) > 0 {
		return nil, faults
	}
	c := &checker{env: env, b: env.Builder, text: text, nodes: map[Node]*Expr{}, fixed: map[*Expr][]string{}}
	var x *Expr
	if want == Condition {
		x = c.cond(src.Root)
	} else {
		x = c.value(src.Root)
	}
	if x != nil {
		c.warnEmpty(src.Root)
	}
	var warnings []Fault
	for _, f := range c.faults {
		if f.Warning {
			warnings = append(warnings, f)
		} else {
			faults = append(faults, f)
		}
	}
	if x == nil && len(faults) == 0 {
		faults = append(faults, Fault{End: len(text), Message: "the expression cannot be used here"})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if want == Condition {
		x = c.b.cond(x)
	}
	return &Rule{Source: src, Expr: x, Warnings: once(warnings), Nodes: c.nodes}, nil
}

// checker turns a syntax tree into a checked expression. Its methods return nil where they recorded a fault.
type checker struct {
	env    *Env
	b      *Builder
	text   string
	faults []Fault
	nodes  map[Node]*Expr

	variable string    // the name bound by the enclosing where, sum, …; empty outside
	set      *eventSet // what it ranges over
	outer    []string  // names bound further out, which must not be used

	fixed map[*Expr][]string // the values that a tag can have, by its expression
}

func (c *checker) fault(n Node, format string, args ...any) *Expr {
	c.faults = append(c.faults, Fault{Start: n.Start(), End: n.End(), Message: fmt.Sprintf(format, args...)})
	return nil
}

func (c *checker) faultHint(n Node, hint, format string, args ...any) *Expr {
	c.fault(n, format, args...)
	c.faults[len(c.faults)-1].Hint = hint
	return nil
}

func (c *checker) warn(n Node, format string, args ...any) {
	c.fault(n, format, args...)
	c.faults[len(c.faults)-1].Warning = true
}

func didYouMean(word string, candidates []string) string {
	if s := Suggest(word, candidates); s != "" {
		return fmt.Sprintf("did you mean %s?", quoteName(s))
	}
	if len(candidates) == 0 {
		return "there are none yet"
	}
	if len(candidates) <= 12 {
		return "there are " + strings.Join(candidates, ", ")
	}
	return ""
}

// cond checks a condition.
func (c *checker) cond(n Node) *Expr {
	x := c.expr(n)
	if x == nil {
		return nil
	}
	switch {
	case x.Type == Bool:
		return x
	case x.Type == Any && (len(x.hint) == 0 || slices.Contains(x.hint, event.BoolKind)):
		return x
	case x.Type == Events:
		return c.faultHint(n, "write .count() > 0 after it", "a condition is expected, this is a selection of events")
	case x.Type == Number:
		return c.faultHint(n, "compare it with a number, as in … > 0", "a condition is expected, this is a number")
	}
	return c.faultHint(n, "compare it with something, or write has(…)", "a condition is expected, this is %s", describe(x))
}

func describe(x *Expr) string {
	if x.Type == Any && len(x.hint) == 1 {
		return TypeOf(x.hint[0]).String()
	}
	return x.Type.String()
}

// value checks something that has a value.
func (c *checker) value(n Node) *Expr {
	x := c.expr(n)
	if x == nil {
		return nil
	}
	switch x.Type {
	case Events:
		return c.faultHint(n, "measure it: .count(), .sum(e, e.amount), .latest().time …", "a value is expected, this is a selection of events")
	case Event:
		return c.faultHint(n, "name a field of it: .time, .amount …", "a value is expected, this is an event")
	case Duration:
		return c.faultHint(n, "use days_between, or compare it with duration(…)", "a value is expected, this is a length of time")
	}
	return x
}

// number, text and so on check an argument of a type.
func (c *checker) typed(n Node, want Type, what string) *Expr {
	x := c.value(n)
	if x == nil {
		return nil
	}
	if want == Time && (x.Type == Date || x.Type == Time) {
		return x
	}
	if !x.Type.accepts(want) {
		return c.fault(n, "%s must be %s, this is %s", what, want, x.Type)
	}
	if x.Type == Any && want != Any && len(x.hint) > 0 && !slices.Contains(x.hint, want.kind()) &&
		!(want == Time && slices.Contains(x.hint, event.DateKind)) {
		c.warn(n, "%s should be %s; so far only %s came", what, want, kindList(x.hint))
	}
	switch want {
	case Any:
	case Time:
		c.warnMixed(n, x, event.TimeKind, event.DateKind)
	default:
		c.warnMixed(n, x, want.kind())
	}
	return x
}

func kindList(ks []event.Kind) string {
	parts := make([]string, len(ks))
	for i, k := range ks {
		parts[i] = TypeOf(k).String()
	}
	return strings.Join(parts, ", ")
}

// expr checks any expression.
func (c *checker) expr(n Node) *Expr {
	x := c.dispatch(n)
	if x != nil {
		c.nodes[n] = x
	}
	return x
}

func (c *checker) dispatch(n Node) *Expr {
	switch n := n.(type) {
	case *Literal:
		return c.b.Const(n.Value)
	case *ListLit:
		return c.list(n)
	case *Unary:
		return c.unary(n)
	case *Binary:
		return c.binary(n)
	case *Ternary:
		return c.ternary(n)
	case *Call:
		return c.call(n)
	case *Name, *Member, *Index:
		return c.path(n)
	}
	return c.fault(n, "this cannot be used here")
}

func (c *checker) list(n *ListLit) *Expr {
	var vs []event.Value
	ok := true
	for _, item := range n.Items {
		x := c.value(item)
		if x == nil {
			ok = false
			continue
		}
		v, isConst := x.constant()
		if !isConst || !v.Present() {
			c.fault(item, "a list holds texts and numbers written here, not computed ones")
			ok = false
			continue
		}
		vs = append(vs, v)
	}
	if !ok {
		return nil
	}
	return c.b.Const(event.List(vs...))
}

func (c *checker) unary(n *Unary) *Expr {
	if n.Op == "!" {
		if x := c.cond(n.X); x != nil {
			return c.b.Not(x)
		}
		return nil
	}
	x := c.typed(n.X, Number, "what follows a minus")
	if x == nil {
		return nil
	}
	if v, ok := x.constant(); ok {
		return c.b.Const(event.Num(v.Number().Neg()))
	}
	return c.b.make(Expr{Type: Number, op: opNeg, args: []*Expr{x}})
}

func (c *checker) binary(n *Binary) *Expr {
	switch n.Op {
	case "&&", "||":
		return c.logic(n)
	case "==", "!=", "<", "<=", ">", ">=":
		return c.comparison(n)
	case "in":
		return c.in(n)
	}
	return c.arithmetic(n)
}

// logic checks a chain of && or ||. Chains lean to the left and may be long: they are taken in one step.
func (c *checker) logic(n *Binary) *Expr {
	operands := []Node{n.Y}
	left := n.X
	for {
		b, ok := left.(*Binary)
		if !ok || b.Op != n.Op {
			break
		}
		operands = append(operands, b.Y)
		left = b.X
	}
	operands = append(operands, left)
	xs := make([]*Expr, 0, len(operands))
	for i := len(operands) - 1; i >= 0; i-- {
		if x := c.cond(operands[i]); x != nil {
			xs = append(xs, x)
		}
	}
	if len(xs) < len(operands) {
		return nil
	}
	all := c.b.join(logicOps[n.Op], xs)
	slices.Reverse(operands)
	c.warnLogic(n, operands, xs, all)
	return all
}

var logicOps = map[string]*op{"&&": opAnd, "||": opOr}

var arithOps = map[string]*op{"+": opAdd, "-": opSub, "*": opMul, "/": opDiv, "%": opMod}

func (c *checker) arithmetic(n *Binary) *Expr {
	x, y := c.operand(n.X), c.operand(n.Y)
	if x == nil || y == nil {
		return nil
	}
	switch {
	case x.Type == Time && y.Type == Duration && (n.Op == "+" || n.Op == "-"):
		return c.b.make(Expr{Type: Time, op: opShift, args: []*Expr{x, y}, str: n.Op})
	case x.Type == Duration && y.Type == Time && n.Op == "+":
		return c.b.make(Expr{Type: Time, op: opShift, args: []*Expr{y, x}, str: n.Op})
	case n.Op == "-" && onlyTimes(x) && onlyTimes(y):
		return c.b.make(Expr{Type: Duration, op: opElapsed, args: []*Expr{x, y}})
	case (x.Type == Time && (y.Type == Time || y.Type == Any) || x.Type == Any && y.Type == Time) && n.Op == "-":
		return c.b.make(Expr{Type: Duration, op: opElapsed, args: []*Expr{x, y}})
	case x.Type == Any && y.Type == Duration && (n.Op == "+" || n.Op == "-"):
		return c.b.make(Expr{Type: Time, op: opShift, args: []*Expr{x, y}, str: n.Op})
	case n.Op == "+" && (x.Type == Text || y.Type == Text) && x.Type.accepts(Text) && y.Type.accepts(Text):
		return c.b.make(Expr{Type: Text, op: opConcat, args: []*Expr{x, y}})
	case n.Op == "+" && x.Type == Any && y.Type == Any:
		return c.b.make(Expr{Type: Any, op: opPlus, args: []*Expr{x, y}, hint: kindsOf(x, y)})
	case x.Type == Duration && y.Type == Duration && n.Op == "+":
		return c.b.commute(Duration, opAdd, x, y)
	case x.Type == Duration && y.Type == Duration && n.Op == "-":
		return c.b.make(Expr{Type: Duration, op: arithOps[n.Op], args: []*Expr{x, y}})
	}
	ok := true
	for _, side := range []struct {
		n Node
		x *Expr
	}{{n.X, x}, {n.Y, y}} {
		if !side.x.Type.accepts(Number) {
			hint := ""
			if side.x.Type == Text {
				hint = "number(…) reads a text as a number"
			} else if side.x.Type == Date || side.x.Type == Time {
				hint = `use add(t, "31d"), days_between(a, b) or duration("2h")`
			}
			c.faultHint(side.n, hint, "%q needs numbers, this is %s", n.Op, side.x.Type)
			ok = false
		} else if side.x.Type == Any && len(side.x.hint) > 0 && !slices.Contains(side.x.hint, event.NumberKind) {
			c.warn(side.n, "%q needs numbers; so far only %s came", n.Op, kindList(side.x.hint))
		} else {
			c.warnMixed(side.n, side.x, event.NumberKind)
		}
	}
	if !ok {
		return nil
	}
	if x.Type == Null || y.Type == Null {
		return c.b.Const(event.Value{})
	}
	if n.Op == "+" || n.Op == "*" {
		return c.b.commute(Number, arithOps[n.Op], x, y)
	}
	return c.b.make(Expr{Type: Number, op: arithOps[n.Op], args: []*Expr{x, y}})
}

// onlyTimes says that x is a time: by its type, or because nothing else ever came.
func onlyTimes(x *Expr) bool {
	return x.Type == Time || x.Type == Any && len(x.hint) == 1 && x.hint[0] == event.TimeKind
}

// operand is a value or a duration.
func (c *checker) operand(n Node) *Expr {
	x := c.expr(n)
	if x == nil || x.Type == Duration {
		return x
	}
	return c.valued(n, x)
}

// valued refuses what is no value, for an expression that was checked already.
func (c *checker) valued(n Node, x *Expr) *Expr {
	if x.Type.value() {
		return x
	}
	switch x.Type {
	case Events:
		return c.faultHint(n, "measure it: .count(), .sum(e, e.amount) …", "a value is expected, this is a selection of events")
	case Event:
		return c.faultHint(n, "name a field of it: .time, .amount …", "a value is expected, this is an event")
	}
	return c.fault(n, "a value is expected, this is %s", x.Type)
}

func (c *checker) ternary(n *Ternary) *Expr {
	cond, x, y := c.cond(n.Cond), c.value(n.X), c.value(n.Y)
	if cond == nil || x == nil || y == nil {
		return nil
	}
	t := x.Type
	switch {
	case x.Type == Null:
		t = y.Type
	case y.Type == Null, x.Type == y.Type:
	case x.Type == Any || y.Type == Any:
		t = Any
	default:
		return c.fault(n, "the two outcomes of ? : must be of one type, these are %s and %s", x.Type, y.Type)
	}
	return c.b.choose(t, cond, x, y)
}

// kindsOf are the kinds that the values of any of xs may have, as far as that is known.
func kindsOf(xs ...*Expr) (out []event.Kind) {
	for _, x := range xs {
		hint := x.hint
		if k := x.Type.kind(); k != event.Missing {
			hint = []event.Kind{k}
		}
		for _, k := range hint {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return
}

var compareOps = map[string]*op{"==": opEq, "<": opLt, "<=": opLe, ">": opGt, ">=": opGe}
var mirrored = map[*op]*op{opEq: opEq, opLt: opGt, opGt: opLt, opLe: opGe, opGe: opLe}

func (c *checker) comparison(n *Binary) *Expr {
	x, y := c.expr(n.X), c.expr(n.Y)
	if x == nil || y == nil {
		return nil
	}
	if x.Type == Null || y.Type == Null {
		other, cure := n.X, "!has(%s)"
		if x.Type == Null {
			other = n.Y
		}
		if n.Op == "!=" {
			cure = "has(%s)"
		}
		return c.faultHint(n, "write "+fmt.Sprintf(cure, c.text[other.Start():other.End()]), "nothing can be compared with null: a comparison with a missing value is false")
	}
	if x.Type == IDs || y.Type == IDs {
		return c.compareIDs(n, x, y)
	}
	for _, side := range []struct {
		n Node
		x *Expr
	}{{n.X, x}, {n.Y, y}} {
		if isList(side.x) {
			return c.faultHint(n, fmt.Sprintf(`write "x" in %s`, c.text[side.n.Start():side.n.End()]), "a list cannot be compared with %s", n.Op)
		}
		if side.x.Type == Duration {
			continue
		}
		if c.valued(side.n, side.x) == nil {
			return nil
		}
	}
	if x.Type == Bool && n.Op != "==" && n.Op != "!=" {
		return c.fault(n, "conditions can be compared with == and != only")
	}
	if x.Type != y.Type && x.Type != Any && y.Type != Any {
		hint := ""
		switch {
		case x.Type == Text && y.Type == Number || x.Type == Number && y.Type == Text:
			hint = "number(…) reads a text as a number; string(…) writes a number as a text"
		case x.Type == Date || y.Type == Date:
			hint = "date(t) gives the local day of a time"
		case x.Type == Duration || y.Type == Duration:
			hint = `write duration("2h") for a length of time`
		}
		return c.faultHint(n, hint, "%s and %s cannot be compared", x.Type, y.Type)
	}
	c.warnKinds(n.X, x, y.Type)
	c.warnKinds(n.Y, y, x.Type)
	c.warnMixed(n.X, x, y.Type.kind())
	c.warnMixed(n.Y, y, x.Type.kind())
	c.warnValues(n.Y, x, y)
	c.warnValues(n.X, y, x)
	o := n.Op
	if o == "!=" {
		o = "=="
	}
	e := c.b.Compare(compareOps[o], x, y)
	if n.Op == "!=" {
		e = c.b.Not(e)
	}
	c.warnSettled(n, x, y, e)
	return e
}

// warnKinds warns when x never came as the type it is compared with.
func (c *checker) warnKinds(n Node, x *Expr, with Type) {
	if x.Type == Any && with != Any && len(x.hint) > 0 && !slices.Contains(x.hint, with.kind()) {
		c.warn(n, "this is compared with %s; so far only %s came, and they are never equal", with, kindList(x.hint))
	}
}

// warnValues warns when a tag of fixed values is compared with another value, which is written in the node n.
func (c *checker) warnValues(n Node, x, y *Expr) {
	v, ok := y.constant()
	if !ok || v.Kind() != event.TextKind {
		return
	}
	names := c.fixed[x]
	if x.op == opCaseValue {
		names = nil
		for _, k := range x.args[0].caseValues().Values {
			names = append(names, k.Text())
		}
	}
	if len(names) == 0 || slices.Contains(names, v.Text()) {
		return
	}
	c.warnHint(n, didYouMean(v.Text(), names), "the tag never has the value %s", v)
}

func isList(x *Expr) bool {
	return x.Type == List || x.Type == Any && len(x.hint) == 1 && x.hint[0] == event.ListKind
}

func (c *checker) compareIDs(n *Binary, x, y *Expr) *Expr {
	if y.Type == IDs {
		x, y = y, x
	}
	if n.Op != "==" && n.Op != "!=" {
		return c.fault(n, "identifiers can be compared with == and != only")
	}
	if !y.Type.accepts(Text) {
		return c.fault(n, "identifiers are texts, the other side is %s", y.Type)
	}
	e := c.b.make(Expr{Type: Bool, op: opAnyOf, args: []*Expr{x, y}})
	if n.Op == "!=" {
		return c.b.Not(e)
	}
	return e
}

func (c *checker) in(n *Binary) *Expr {
	x, y := c.expr(n.X), c.expr(n.Y)
	if x == nil || y == nil {
		return nil
	}
	if x.Type != IDs && c.valued(n.X, x) == nil {
		return nil
	}
	v, constant := y.constant()
	switch {
	case y.Type == IDs:
		return c.b.make(Expr{Type: Bool, op: opAnyOf, args: []*Expr{y, x}})
	case constant && v.Kind() == event.ListKind:
		var e *Expr
		kinds := []event.Kind{}
		for _, item := range v.List() {
			kinds = append(kinds, item.Kind())
			if t := TypeOf(item.Kind()); x.Type != Any && x.Type != IDs && t != x.Type {
				return c.fault(n.Y, "the list holds %s, which never is %s", t, x.Type)
			} else {
				c.warnKinds(n.X, x, t)
			}
			if x.Type == IDs {
				eq := c.b.make(Expr{Type: Bool, op: opAnyOf, args: []*Expr{x, c.b.Const(item)}})
				if e == nil {
					e = eq
				} else {
					e = c.b.Or(e, eq)
				}
			}
		}
		if e != nil {
			return e
		}
		c.warnMixed(n.X, x, kinds...)
		if list, written := n.Y.(*ListLit); written {
			for _, item := range list.Items {
				c.warnValues(item, x, c.nodes[item])
			}
		}
		return c.b.In(x, v.List())
	case y.Type == List || y.Type == Any:
		if y.Type == Any && len(y.hint) > 0 && !slices.Contains(y.hint, event.ListKind) {
			return c.faultHint(n.Y, "write ==, or a list: [\"a\", \"b\"]", "a list is expected after in, this is %s", describe(y))
		}
		c.warnValues(n.X, y, x)
		return c.b.make(Expr{Type: Bool, op: opIn, args: []*Expr{x, y}})
	}
	return c.faultHint(n.Y, `write a list: ["a", "b"]`, "a list is expected after in, this is %s", y.Type)
}

// sourceOf makes the event set of names, which must be known.
func (c *checker) sourceOf(n Node, names []string) *Expr {
	for i, name := range names {
		if _, ok := c.env.Names.Events[name]; !ok {
			at := nameIn(n)
			if any, ok := n.(*Call); ok { // events.any("a", "b")
				at = any.Args[i]
			}
			return c.faultHint(at, didYouMean(name, c.env.Names.eventNames()), "there is no event %s: it never came and no schema declares it", quoteName(name))
		}
		c.env.Uses.event(name)
	}
	return c.selection(c.b.source(warehouse.Events, false, names), nil)
}

// selection makes the selection of the rows of a set for which all filters hold, in canonical order.
func (c *checker) selection(set *eventSet, filters []*Expr) *Expr { return c.b.selection(set, filters) }
