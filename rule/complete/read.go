package complete

import (
	"strings"

	"tagma/rule"
)

// maxFrames is how deep brackets are followed; the parser goes no deeper.
const maxFrames = 200

// reader goes through the tokens before the cursor once, from left to right, and keeps what is open at each: the
// brackets, in each the operators whose right side is not whole, and the last value.
type reader struct {
	env   *rule.Env
	words map[wordKey]*rule.Entry
	// entries are the catalogue's.
	entries []rule.Entry
	frames  []frame
	calls   *frame // the call whose parenthesis is the next token
}

// wordKey tells entries of one name apart: min of numbers, and min of events.
type wordKey struct {
	ofEvents bool
	name     string
}

type frameKind uint8

const (
	wholeFrame frameKind = iota // the whole text
	groupFrame                  // ( )
	listFrame                   // [ ] that begins a value
	indexFrame                  // [ ] after a value
	callFrame                   // f( )
)

// frame is an open bracket.
type frame struct {
	kind     frameKind
	fun      *rule.Entry // what is called; nil when it is not known
	recv     *operand    // what it is called on; nil without
	base     *operand    // what the bracket is an index of
	args     []*operand  // the arguments before the one being read
	variable string      // the name bound by the first argument
	pending  []pending
	cur      *operand // the last value; nil where one is expected
	dot      bool     // a dot follows it
}

// pending is an operator whose right side is being read; left is nil before a single value.
type pending struct {
	op   string
	left *operand
}

func newReader(env *rule.Env) *reader {
	r := &reader{env: env, words: map[wordKey]*rule.Entry{}, frames: []frame{{}}, entries: rule.Catalogue()}
	for i := range r.entries {
		e := &r.entries[i]
		switch e.Kind {
		case rule.FilterEntry, rule.MeasureEntry:
			r.words[wordKey{true, e.Name}] = e
		case rule.FunctionEntry, rule.PopulationEntry, rule.RelationEntry, rule.SourceEntry:
			r.words[wordKey{false, e.Name}] = e
		}
	}
	return r
}

func (r *reader) top() *frame { return &r.frames[len(r.frames)-1] }

// bound is the set that a variable ranges over, nil when the name is none.
func (r *reader) bound(name string) *set {
	if v, s := r.variable(); v == name && v != "" {
		return s
	}
	return nil
}

// variable is the name for the event that is bound here, and what it ranges over; only the innermost can be used.
func (r *reader) variable() (string, *set) {
	for i := len(r.frames) - 1; i >= 0; i-- {
		f := &r.frames[i]
		if f.variable != "" {
			s := &set{all: true}
			if f.recv != nil && f.recv.set != nil {
				s = f.recv.set
			}
			return f.variable, s
		}
		if f.kind == callFrame && f.fun != nil && f.fun.Kind == rule.PopulationEntry {
			break
		}
	}
	return "", nil
}

// read takes the tokens; false when they lie too deep in each other.
func (r *reader) read(tokens []rule.Token) bool {
	for i, t := range tokens {
		f := r.top()
		switch t.Kind {
		case rule.NumberToken:
			r.value(&operand{typ: rule.Number})
		case rule.TextToken:
			r.value(&operand{typ: rule.Text, lit: true, text: t.Text})
		case rule.WordToken:
			x := &operand{typ: rule.Bool, cond: true}
			if t.Text == "null" {
				x.typ = rule.Null
			}
			r.value(x)
		case rule.NameToken:
			call := i+1 < len(tokens) && tokens[i+1].Kind == rule.OperatorToken && tokens[i+1].Text == "("
			op, slip := wordOperators[strings.ToLower(t.Text)]
			switch {
			case f.dot && call:
				r.calls = &frame{kind: callFrame, recv: f.cur, fun: r.method(f.cur, t.Text)}
			case f.dot && f.cur != nil:
				f.cur = r.member(f.cur, t.Text, false)
			case f.dot:
				f.cur = unknown()
			case call:
				r.calls = &frame{kind: callFrame, fun: r.words[wordKey{false, t.Text}]}
			case slip && f.cur != nil:
				r.operator(op)
			default:
				r.value(r.root(t.Text))
			}
			f.dot = false
		case rule.OperatorToken:
			r.sign(t.Text)
			if len(r.frames) > maxFrames {
				return false
			}
		}
	}
	return true
}

// wordOperators are words that people write for operators.
var wordOperators = map[string]string{"and": "&&", "or": "||", "且": "&&", "并且": "&&", "或": "||", "或者": "||"}

// method is what a name means after a value and a dot.
func (r *reader) method(recv *operand, name string) *rule.Entry {
	switch {
	case recv == nil:
		return nil
	case recv.typ == rule.Events:
		return r.words[wordKey{true, name}]
	case recv.root == "events" && len(recv.path) == 0:
		return r.words[wordKey{false, "events." + name}]
	}
	if e := r.words[wordKey{false, name}]; e != nil && e.Method {
		return e
	}
	return nil
}

// value takes a value where one is expected; after another one, an operator is missing between them.
func (r *reader) value(x *operand) {
	f := r.top()
	if f.cur != nil {
		f.pending = f.pending[:0]
	}
	f.cur, f.dot = x, false
}

func (r *reader) sign(op string) {
	f := r.top()
	switch op {
	case "(":
		switch {
		case r.calls != nil:
			r.frames = append(r.frames, *r.calls)
			r.calls = nil
		case f.cur != nil:
			r.frames = append(r.frames, frame{kind: callFrame})
		default:
			r.frames = append(r.frames, frame{kind: groupFrame})
		}
	case "[":
		if f.cur != nil {
			r.frames = append(r.frames, frame{kind: indexFrame, base: f.cur})
		} else {
			r.frames = append(r.frames, frame{kind: listFrame})
		}
		f = &r.frames[len(r.frames)-2]
		f.dot = false
	case ")":
		r.close(groupFrame, callFrame)
	case "]":
		r.close(listFrame, indexFrame)
	case ",":
		r.comma()
	case ".":
		f.dot = true
	case "{", "}":
	default:
		r.operator(op)
	}
}

// close closes the nearest bracket of one of two kinds; what is open inside it was never closed.
func (r *reader) close(a, b frameKind) {
	i := len(r.frames) - 1
	for i > 0 && r.frames[i].kind != a && r.frames[i].kind != b {
		i--
	}
	if i == 0 {
		return
	}
	r.frames = r.frames[:i+1]
	f := r.top()
	f.reduce(0)
	var x *operand
	switch f.kind {
	case groupFrame:
		x = f.cur
	case callFrame:
		if f.cur != nil {
			f.args = append(f.args, f.cur)
		}
		x = r.called(f)
	case listFrame:
		x = &operand{typ: rule.List}
	case indexFrame:
		if x = unknown(); f.cur != nil && f.cur.lit {
			x = r.member(f.base, f.cur.text, true)
		}
	}
	r.frames = r.frames[:i]
	if x == nil {
		x = unknown()
	}
	// What the value was put on, as in a[…] and a.f(…), is in it already.
	f = r.top()
	f.cur, f.dot = x, false
}

// comma ends an argument or an element.
func (r *reader) comma() {
	f := r.top()
	f.reduce(0)
	x := f.cur
	f.cur, f.dot, f.pending = nil, false, f.pending[:0]
	if f.kind != callFrame {
		return
	}
	if f.args = append(f.args, x); len(f.args) == 1 && x != nil && f.fun != nil && len(f.fun.Params) > 0 && f.fun.Params[0].Slot == rule.VariableSlot {
		f.variable = x.word
	}
}

// precedences, as the parser has them.
const (
	choicePrecedence = iota
	orPrecedence
	andPrecedence
	relationPrecedence
	sumPrecedence
	productPrecedence
	unaryPrecedence
)

func precedence(op string) int {
	switch op {
	case "||":
		return orPrecedence
	case "&&":
		return andPrecedence
	case "==", "!=", "<", "<=", ">", ">=", "in":
		return relationPrecedence
	case "+", "-":
		return sumPrecedence
	case "*", "/", "%":
		return productPrecedence
	case "!", "neg":
		return unaryPrecedence
	}
	return choicePrecedence
}

func (r *reader) operator(op string) {
	f := r.top()
	f.dot = false
	switch {
	case f.cur == nil:
		if op == "-" {
			op = "neg"
		}
		if op == "!" || op == "neg" {
			f.pending = append(f.pending, pending{op: op})
		}
		return
	case op == "!": // x !in y
		return
	case op == "?":
		f.reduce(orPrecedence)
	case op == ":":
		f.reduce(orPrecedence)
		n := len(f.pending)
		if n == 0 || f.pending[n-1].op != "?" {
			return
		}
		f.pending = f.pending[:n-1]
	default:
		f.reduce(precedence(op))
	}
	f.pending = append(f.pending, pending{op: op, left: f.cur})
	f.cur = nil
}

// reduce completes the operators that bind at least as tight.
func (f *frame) reduce(least int) {
	for n := len(f.pending); n > 0 && precedence(f.pending[n-1].op) >= least; n-- {
		f.cur = f.pending[n-1].apply(f.cur)
		f.pending = f.pending[:n-1]
	}
}

// leftOf is what would stand left of an operator that came next.
func (f *frame) leftOf(op string) *operand {
	x := f.cur
	for n := len(f.pending); n > 0 && precedence(f.pending[n-1].op) >= max(precedence(op), orPrecedence); n-- {
		x = f.pending[n-1].apply(x)
	}
	return x
}

// apply is the result of the operator with y on its right.
func (p pending) apply(y *operand) *operand {
	if y == nil {
		y = unknown()
	}
	x := p.left
	switch p.op {
	case "neg", "*", "/", "%":
		return &operand{typ: rule.Number}
	case "?":
		return y
	case ":":
		if x != nil && x.typ != rule.Null {
			return &operand{typ: x.typ, kinds: x.kinds, of: x.of, fixed: x.fixed}
		}
		return y
	case "+", "-":
		if x == nil {
			x = unknown()
		}
		return &operand{typ: sum(p.op, x.typ, y.typ)}
	}
	return &operand{typ: rule.Bool, cond: true}
}

func sum(op string, x, y rule.Type) rule.Type {
	switch {
	case op == "-" && x == rule.Time && y != rule.Duration, op == "-" && x == rule.Any && y == rule.Time, x == rule.Duration && y == rule.Duration:
		return rule.Duration
	case x == rule.Time || y == rule.Time || y == rule.Duration:
		return rule.Time
	case op == "+" && (x == rule.Text || y == rule.Text):
		return rule.Text
	case op == "+" && x == rule.Any && y == rule.Any:
		return rule.Any
	}
	return rule.Number
}
