package complete

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tagma/event"
	"tagma/rule"
)

// offer collects what may stand at the cursor.
type offer struct {
	*reader
	env        *rule.Env
	values     Values
	limit      int
	start, end int
	after      string // the text behind the range
	word       string // what is typed of it
	inText     bool   // inside a quoted text: only texts may come
	typing     matcher
	options    []candidate
}

// candidate is an option with its rank: how well it matches, how well its type fits, and its place among its like.
type candidate struct {
	Option
	match, fit, place int
	by                string        // what is typed is looked for in this; empty: the label
	complete          func(*Option) // fills in what costs something, once it is known to be shown
}

// want says what is expected where a value may stand.
type want struct {
	typ    rule.Type // NoType: anything, or a condition to be built
	left   *operand  // what it is compared with
	inList bool      // only values written here
	param  *rule.Parameter
	frame  *frame // the call that param belongs to
}

func (o *offer) result() Result {
	slices.SortStableFunc(o.options, func(a, b candidate) int {
		for _, d := range []int{a.match - b.match, a.fit - b.fit, a.place - b.place} {
			if d != 0 {
				return d
			}
		}
		return strings.Compare(a.Label, b.Label)
	})
	r := Result{Start: o.start, End: o.end, Options: []Option{}}
	seen := map[[2]string]bool{}
	for _, c := range o.options {
		key := [2]string{c.Label, c.Insert}
		if len(r.Options) >= o.limit {
			break
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		if c.complete != nil {
			c.complete(&c.Option)
		}
		r.Options = append(r.Options, c.Option)
	}
	return r
}

// add offers an option if it matches what is typed.
func (o *offer) add(c candidate) {
	by := c.by
	if by == "" {
		by = c.Label
	}
	m := o.typing.match(by)
	if m == misses && o.explained(c.Option) {
		m = scattered
	}
	if m == misses {
		return
	}
	c.match += m
	o.options = append(o.options, c)
}

// explained says whether what is typed, in Chinese, stands in what a word of the language means: 次数 finds count.
// One character alone stands in nearly every explanation and says nothing.
func (o *offer) explained(opt Option) bool {
	switch opt.Kind {
	case FunctionKind, MeasureKind, FilterKind, RootKind, KeywordKind, methodKind:
	default:
		return false
	}
	if utf8.RuneCountInString(o.word) < 2 || !strings.ContainsFunc(o.word, isHan) {
		return false
	}
	return strings.Contains(opt.Doc.Zh, o.word)
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// collect offers what may stand at the cursor.
func (o *offer) collect() {
	o.typing = newMatcher(o.word)
	f := o.top()
	switch {
	case o.inText:
		o.texts(o.wanted(len(o.frames) - 1))
	case f.dot:
		o.members(f.cur)
	case f.cur == nil:
		o.expected(o.wanted(len(o.frames) - 1))
	default:
		o.afterValue(f)
	}
}

// numbers offers what may stand where a number was begun, false when that is nothing: the number is whole then.
func (o *offer) numbers() bool {
	o.typing = newMatcher(o.word)
	f := o.top()
	if f.cur != nil || f.dot {
		return false
	}
	w := o.wanted(len(o.frames) - 1)
	if w.param != nil && quotedSlots[w.param.Slot] {
		o.quoted(w)
	} else if w.left != nil {
		o.valuesOf(w.left)
	}
	return true
}

// wanted says what is expected in a frame.
func (o *offer) wanted(i int) want {
	f := &o.frames[i]
	if n := len(f.pending); n > 0 {
		p := f.pending[n-1]
		left := p.left
		if left == nil {
			left = unknown()
		}
		switch p.op {
		case "==", "!=", "<", "<=", ">", ">=":
			return want{typ: left.typ, left: left}
		case "in":
			return want{typ: rule.List, left: &operand{typ: rule.List}}
		case "!", "&&", "||":
			return want{typ: rule.Bool}
		case "+", "-":
			if left.typ == rule.Time {
				return want{typ: rule.Duration}
			}
			return want{typ: left.typ}
		case ":":
			return want{typ: left.typ}
		case "?":
			return want{}
		}
		return want{typ: rule.Number}
	}
	switch f.kind {
	case groupFrame:
		return o.wanted(i - 1)
	case listFrame:
		outer := &o.frames[i-1]
		if n := len(outer.pending); n > 0 && outer.pending[n-1].op == "in" && outer.pending[n-1].left != nil {
			return want{typ: rule.Text, left: outer.pending[n-1].left, inList: true}
		}
		return want{inList: true}
	case callFrame:
		return o.wantedArgument(f)
	}
	return want{}
}

func (o *offer) wantedArgument(f *frame) want {
	if f.fun == nil {
		return want{}
	}
	n, params := len(f.args), f.fun.Params
	if f.recv != nil && f.fun.Kind == rule.FunctionEntry {
		n++ // x.f(y): the first parameter stands before the dot
	}
	if n >= len(params) {
		if len(params) == 0 || !params[len(params)-1].Repeats {
			return want{inList: true}
		}
		n = len(params) - 1
	}
	p := &params[n]
	w := want{typ: p.Type, param: p, frame: f}
	if p.Slot == rule.BodySlot && p.Type == rule.Any {
		w.typ = rule.NoType
	}
	if p.Type == rule.Text && n > 0 && p.Slot == "" { // contains, startsWith …: values of what they look at
		if f.recv != nil {
			w.left = f.recv
		} else {
			w.left = f.args[0]
		}
	}
	return w
}

// fit is how well a type fits what is wanted; less is better. Where a condition or anything may come, whatever has a
// value can be made one.
func fit(t, wanted rule.Type, kinds []event.Kind) int {
	switch {
	case wanted == rule.NoType || wanted == rule.Bool || wanted == rule.Any || t == wanted:
		return 0
	case wanted == rule.Time && t == rule.Date, wanted == rule.Date && t == rule.Time:
		return 1
	case t == rule.Any && len(kinds) == 1 && rule.TypeOf(kinds[0]) == wanted:
		return 0
	case t == rule.Any && (len(kinds) == 0 || slices.ContainsFunc(kinds, func(k event.Kind) bool { return rule.TypeOf(k) == wanted })):
		return 1
	case t == rule.IDs && (wanted == rule.List || wanted == rule.Text):
		return 1
	}
	return 2
}

// afterValue offers operators that fit what stands before the cursor, and what follows a dot.
func (o *offer) afterValue(f *frame) {
	if x := f.cur; x.typ == rule.Events || x.typ == rule.Event || x.root != "" && len(x.path) == 0 {
		o.members(x)
	}
	if f.kind == callFrame && f.variable == "" && f.fun != nil && len(f.args) == 0 && len(f.fun.Params) > 0 && f.fun.Params[0].Slot == rule.VariableSlot {
		return // the name of the variable
	}
	for _, e := range o.entries {
		if e.Kind != rule.OperatorEntry || e.Name == "!" {
			continue
		}
		op := e.Name
		if op == "?:" {
			op = "?"
		}
		if place := operatorPlace(op, f.leftOf(op)); place >= 0 {
			by := ""
			for word, meant := range wordOperators {
				if meant == op && o.word != "" && strings.HasPrefix(word, strings.ToLower(o.word)) {
					by = o.word
				}
			}
			o.add(candidate{Option: Option{Label: op, Insert: op + " ", Kind: OperatorKind, Type: e.Result.Word(), Doc: e.Doc}, place: place, by: by})
		}
	}
	if slices.ContainsFunc(f.pending, func(p pending) bool { return p.op == "?" }) {
		o.add(candidate{Option: Option{Label: ":", Insert: ": ", Kind: OperatorKind,
			Doc: rule.Doc{En: "What follows is the value where the condition does not hold.", Zh: "条件不成立时的值写在其后。"}}, place: -1})
	}
}

// operatorPlace orders the operators that fit a value on their left; -1: it does not.
func operatorPlace(op string, x *operand) int {
	number, text, moment := x.may(rule.Number), x.may(rule.Text), x.may(rule.Time) || x.may(rule.Date)
	stored := x.may(rule.Bool) && !x.cond
	var order string
	switch {
	case x.typ == rule.Events || x.typ == rule.Event || x.typ == rule.NoType || x.typ == rule.Null:
		return -1
	case x.typ == rule.Bool && x.cond:
		order = "&& || ?"
	case x.typ == rule.List || x.typ == rule.Any && len(x.kinds) == 1 && x.kinds[0] == event.ListKind:
		return -1
	case x.typ == rule.IDs:
		order = "== != in"
	case x.typ == rule.Duration:
		order = "> >= < <= == != + -"
	case x.typ == rule.Any && len(x.kinds) == 0:
		order = "== != in > >= < <= && || + - * / % ?"
	default:
		if stored {
			order = "&& || == != ? "
		}
		if text {
			order += "== != in "
		}
		if number {
			order += ">= > < <= == != in + - * / % "
		}
		if moment {
			order += "> >= < <= == != - + in "
		}
		if text {
			order += "< <= > >= +"
		}
	}
	return slices.Index(strings.Fields(order), op)
}
