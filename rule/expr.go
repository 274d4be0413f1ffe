package rule

import (
	"sort"
	"strconv"
	"strings"

	"tagma/event"
	"tagma/warehouse"
)

// Expr is a checked expression: typed, with its names resolved, in canonical form. Equal expressions made by
// one Builder are one Expr, so that a thousand rules that share a condition compute it once.
type Expr struct {
	// What every evaluation looks at stands together: thousands of expressions are evaluated in turn.
	op    *op
	src   *eventSet // the rows an expression at rowLevel or a selection is about
	args  []*Expr
	id    int // in its Builder
	level level
	Type  Type
	str   string      // a parameter: a name, a span
	val   event.Value // a literal
	aux   any         // prepared parameters: a span, a compiled pattern, the values of cases
	hint  []event.Kind
}

// level says over what an expression varies.
type level uint8

const (
	runLevel      level = iota // the same for everybody in a run: constants, now, parameters
	customerLevel              // one value a customer
	rowLevel                   // one value an event of src
)

var atRun, atCustomer, atRow = runLevel, customerLevel, rowLevel

// op is the behaviour of a kind of expression.
type op struct {
	name string
	// eval computes the expression from its evaluated arguments.
	eval func(w *worker, x *Expr, args []*vec) *vec
	// text writes the expression canonically; nil: name(args…).
	text func(x *Expr, arg func(int) string) string
	// at, when set, is the level of the result, whatever the arguments' levels are.
	at *level
}

// eventSet is a set of event series whose rows are read together, in one order of time.
type eventSet struct {
	kind  warehouse.SeriesKind
	names []string // sorted; nil when all
	all   bool
	key   string
	id    int // in its Builder
	// Of opened events: the events, and the list property whose elements the rows are.
	parent *eventSet
	list   string
}

// Builder makes expressions and keeps equal ones one. It is not safe for concurrent use.
type Builder struct {
	exprs   []*Expr
	byKey   map[string]*Expr
	sources map[string]*eventSet
	nots    map[*Expr]*Expr // the negations that were asked for
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder {
	return &Builder{byKey: map[string]*Expr{}, sources: map[string]*eventSet{}, nots: map[*Expr]*Expr{}}
}

func (b *Builder) source(kind warehouse.SeriesKind, all bool, names []string) *eventSet {
	names = append([]string(nil), names...)
	sort.Strings(names)
	uniq := names[:0]
	for i, n := range names {
		if i == 0 || n != names[i-1] {
			uniq = append(uniq, n)
		}
	}
	key := strconv.Itoa(int(kind))
	if all {
		key += "*"
	} else {
		for _, n := range uniq {
			key += strconv.Quote(n)
		}
	}
	s := b.sources[key]
	if s == nil {
		s = &eventSet{kind: kind, names: uniq, all: all, key: key, id: len(b.sources)}
		b.sources[key] = s
	}
	return s
}

// make returns the one expression equal to x. Its level is that of its arguments, unless the op fixes it; an
// argument at customer level of an expression at row level is given to each row.
func (b *Builder) make(x Expr) *Expr {
	for _, a := range x.args {
		if a.level > x.level {
			x.level = a.level
		}
		if a.level == rowLevel && x.src == nil {
			x.src = a.src
		}
	}
	if x.op.at != nil {
		x.level = *x.op.at
	} else if x.level == rowLevel && x.op != opSince && x.op != opUntil && x.op != opBroadcast {
		for i, a := range x.args {
			if a.level == customerLevel {
				x.args[i] = b.make(Expr{Type: a.Type, op: opBroadcast, args: []*Expr{a}, src: x.src, level: rowLevel, hint: a.hint})
			}
		}
	}
	var k strings.Builder
	k.WriteString(x.op.name)
	k.WriteByte(byte('0' + x.Type))
	for _, a := range x.args {
		k.WriteByte(' ')
		k.WriteString(strconv.Itoa(a.id))
	}
	if x.str != "" {
		k.WriteString(strconv.Quote(x.str))
	}
	if x.val.Present() {
		k.WriteString(x.val.Key())
	}
	if x.src != nil {
		k.WriteString("@" + x.src.key)
	}
	key := k.String()
	if e := b.byKey[key]; e != nil {
		return e
	}
	e := new(Expr)
	*e = x
	e.id = len(b.exprs)
	b.exprs = append(b.exprs, e)
	b.byKey[key] = e
	return e
}

// Const returns a literal.
func (b *Builder) Const(v event.Value) *Expr {
	t := TypeOf(v.Kind())
	if !v.Present() {
		t = Null
	}
	return b.make(Expr{Type: t, op: opConst, val: v})
}

// constant returns the literal value of x, if it is one.
func (x *Expr) constant() (event.Value, bool) { return x.val, x.op == opConst }

// String writes the canonical text of the expression: rules that mean the same by rewriting have the same.
func (x *Expr) String() string {
	arg := func(i int) string { return x.args[i].String() }
	if x.op.text != nil {
		return x.op.text(x, arg)
	}
	parts := make([]string, len(x.args))
	for i := range x.args {
		parts[i] = arg(i)
	}
	if x.str != "" {
		parts = append(parts, strconv.Quote(x.str))
	}
	return x.op.name + "(" + strings.Join(parts, ", ") + ")"
}

// walk visits x and all below it once, children first.
func walk(x *Expr, seen map[*Expr]bool, visit func(*Expr)) {
	if seen[x] {
		return
	}
	seen[x] = true
	for _, a := range x.args {
		walk(a, seen, visit)
	}
	visit(x)
}
