package sentence

import (
	"slices"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// isCondition says that a node is a condition by the way it is written, as names are not.
func isCondition(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Unary:
		return n.Op == "!"
	case *rule.Binary:
		switch n.Op {
		case "+", "-", "*", "/", "%":
			return false
		}
		return true
	case *rule.Call:
		return asks(n)
	case *rule.Literal:
		return n.Value.Kind() == event.BoolKind
	case *rule.Ternary:
		return isCondition(n.X) && isCondition(n.Y)
	}
	base, keys := rule.Path(n)
	name, ok := base.(*rule.Name)
	return ok && len(keys) > 0 && (name.Name == "segments" || name.Name == "consent")
}

// asks says that a function is a condition.
func asks(n *rule.Call) bool {
	args := len(n.Args)
	if n.Recv != nil {
		args++
	}
	if n.Fun == "has" {
		return n.Recv == nil && args == 1
	}
	words, ok := chinese.conditions[n.Fun]
	return ok && args == strings.Count(words[0], "{")
}

// sign picks the words for a condition or for its negative.
func sign(words [2]string, negative bool) string {
	if negative {
		return words[1]
	}
	return words[0]
}

// condition says a condition, or that it does not hold: the exact complement.
func (w *writer) condition(n rule.Node, negative bool) phrase {
	p := w.deeper(n, func(n rule.Node) phrase { return w.shallowCondition(n, negative) })
	if negative && w.depth >= maxDepth {
		return phrase{w.fill(w.lang.not, p.text), relationLevel}
	}
	return p
}

func (w *writer) shallowCondition(n rule.Node, negative bool) phrase {
	not := func(p phrase) phrase {
		if negative {
			return phrase{w.fill(w.lang.not, p.text), relationLevel}
		}
		return p
	}
	switch n := n.(type) {
	case *rule.Unary:
		if n.Op == "!" {
			return w.condition(n.X, !negative)
		}
	case *rule.Binary:
		switch n.Op {
		case "&&":
			return not(w.joined(n, w.lang.and, andLevel))
		case "||":
			return not(w.joined(n, w.lang.or, orLevel))
		case "==", "!=", "<", "<=", ">", ">=":
			return w.comparison(n, negative)
		case "in":
			return w.in(n, negative)
		}
	case *rule.Literal:
		if b, ok := boolOf(n); ok {
			if b != negative {
				return phrase{w.lang.always, relationLevel}
			}
			return phrase{w.lang.never, relationLevel}
		}
	case *rule.Ternary:
		return not(w.choice(n, func(n rule.Node) phrase { return w.condition(n, false) }))
	case *rule.Call:
		if asks(n) {
			return w.asked(n, negative)
		}
	default:
		switch root, key := w.root(n); {
		case root == "segments" && key != "":
			return phrase{w.fill(sign(w.lang.segment, negative), w.name(w.names.Segment, key)), relationLevel}
		case root == "consent" && key != "":
			return phrase{w.fill(sign(w.lang.consent, negative), w.name(w.names.Consent, key)), relationLevel}
		}
	}
	return phrase{w.fill(sign(w.lang.isTrue, negative), w.at(w.value(n), sumLevel)), relationLevel}
}

// operands are those of operators of one kind that lean to the left.
func operands(n *rule.Binary) []rule.Node {
	var out []rule.Node
	var x rule.Node = n
	for {
		b, ok := x.(*rule.Binary)
		if !ok || b.Op != n.Op {
			break
		}
		out = append(out, b.Y)
		x = b.X
	}
	out = append(out, x)
	slices.Reverse(out)
	return out
}

func (w *writer) joined(n *rule.Binary, word string, l level) phrase {
	var texts []string
	for _, k := range operands(n) {
		texts = append(texts, w.at(w.condition(k, false), relationLevel))
	}
	return phrase{join(texts, word), l}
}

func (w *writer) choice(n *rule.Ternary, outcome func(rule.Node) phrase) phrase {
	cond := w.at(w.condition(n.Cond, false), orLevel)
	return phrase{w.fill(w.lang.choice, cond, w.at(outcome(n.X), orLevel), w.at(outcome(n.Y), orLevel)), choiceLevel}
}

// asked says what a function asks.
func (w *writer) asked(n *rule.Call, negative bool) phrase {
	args := n.Args
	if n.Recv != nil {
		args = append([]rule.Node{n.Recv}, args...)
	}
	if n.Fun == "has" {
		if root, key := w.root(args[0]); root == "ids" && key != "" {
			return phrase{w.fill(sign(w.lang.anyIDPresent, negative), w.name(w.names.Identifier, key)), relationLevel}
		}
		return phrase{w.fill(sign(w.lang.present, negative), w.at(w.value(args[0]), sumLevel)), relationLevel}
	}
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = w.at(w.value(a), sumLevel)
		if text, ok := rule.WrittenText(a); ok && i > 0 {
			texts[i] = w.quote(text)
		}
	}
	return phrase{w.fill(sign(w.lang.conditions[n.Fun], negative), texts...), relationLevel}
}

var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// complement are the operators whose negative is another: the others are false for missing values, and so is their
// opposite.
var complement = map[string]string{"==": "!=", "!=": "=="}

func (w *writer) comparison(n *rule.Binary, negative bool) phrase {
	x, op, y := n.X, n.Op, n.Y
	if isConstant(x) && !isConstant(y) {
		x, op, y = y, mirrored[op], x
	}
	if negative {
		if complement[op] == "" {
			return phrase{w.fill(w.lang.not, w.comparison(n, false).text), relationLevel}
		}
		op = complement[op]
	}
	for _, side := range [2][2]rule.Node{{x, y}, {y, x}} {
		if root, key := w.root(side[0]); root == "ids" && key != "" && complement[op] != "" {
			return phrase{w.fill(sign(w.lang.anyID, op == "!="), w.name(w.names.Identifier, key), w.at(w.value(side[1]), sumLevel)), relationLevel}
		}
	}
	if day, ok := w.weekday(x, y); ok && complement[op] != "" {
		return phrase{w.fill(sign(w.lang.onDay, op == "!="), w.at(w.value(argumentOf(x)), sumLevel), day), relationLevel}
	}
	if b, ok := boolOf(y); ok && complement[op] != "" {
		words := w.lang.isFalse
		if b {
			words = w.lang.isTrue
		}
		return phrase{w.fill(sign(words, op == "!="), w.at(w.value(x), sumLevel)), relationLevel}
	}
	left, right := w.at(w.value(x), sumLevel), w.at(w.value(y), sumLevel)
	patterns := w.lang.compare
	switch {
	case isTime(x) || isTime(y):
		patterns = w.lang.times
		if text, ok := rule.WrittenText(y); ok {
			right = text
		}
	case complement[op] != "" && isConstant(y) && !isNumber(y):
		patterns = w.lang.words
	}
	return phrase{w.fill(patterns[op], left, right), relationLevel}
}

func isConstant(n rule.Node) bool {
	_, ok := n.(*rule.Literal)
	return ok
}

func isNumber(n rule.Node) bool {
	l, ok := n.(*rule.Literal)
	return ok && l.Value.Kind() == event.NumberKind
}

// argumentOf is the only argument of a call, or what stands before it.
func argumentOf(n rule.Node) rule.Node {
	c, ok := n.(*rule.Call)
	switch {
	case ok && c.Recv == nil && len(c.Args) == 1:
		return c.Args[0]
	case ok && c.Recv != nil && len(c.Args) == 0:
		return c.Recv
	}
	return nil
}

// weekday is the day that weekday(…) is compared with.
func (w *writer) weekday(x, y rule.Node) (string, bool) {
	c, ok := x.(*rule.Call)
	i, whole := wholeOf(y)
	if !ok || c.Fun != "weekday" || argumentOf(c) == nil || !whole || i < 1 || i > 7 {
		return "", false
	}
	return w.lang.weekdays[i-1], true
}

// isTime says that a node is an instant or a date, as far as that can be seen.
func isTime(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Call:
		switch n.Fun {
		case "start_of", "add", "timestamp", "date", "changed_at":
			return n.Recv == nil
		}
		return false
	case *rule.Name:
		return n.Name == "now"
	}
	base, keys := rule.Path(n)
	if len(keys) == 0 {
		return false
	}
	last := keys[len(keys)-1]
	switch b := base.(type) {
	case *rule.Name:
		return b.Name == "customer" && last == "first_seen" || len(keys) == 1 && last == "time" && b.Name == "e"
	case *rule.Call:
		return len(keys) == 1 && last == "time" && (b.Fun == "earliest" || b.Fun == "latest" || b.Fun == "nth")
	}
	return false
}

// in says that a value is in a list.
func (w *writer) in(n *rule.Binary, negative bool) phrase {
	list, isList := n.Y.(*rule.ListLit)
	root, key := w.root(n.X)
	if !isList {
		if listRoot, listKey := w.root(n.Y); listRoot == "ids" && listKey != "" {
			return phrase{w.fill(sign(w.lang.anyID, negative), w.name(w.names.Identifier, listKey), w.at(w.value(n.X), sumLevel)), relationLevel}
		}
		return phrase{w.fill(sign(w.lang.has, negative), w.at(w.value(n.Y), sumLevel), w.at(w.value(n.X), sumLevel)), relationLevel}
	}
	items := make([]string, len(list.Items))
	days := len(items) > 0
	for i, item := range list.Items {
		items[i] = w.at(w.value(item), sumLevel)
		_, isDay := w.weekday(n.X, item)
		days = days && isDay
	}
	if days {
		for i, item := range list.Items {
			items[i], _ = w.weekday(n.X, item)
		}
		when := w.at(w.value(argumentOf(n.X)), sumLevel)
		return phrase{w.fill(sign(w.lang.onDay, negative), when, strings.Join(items, w.lang.listed)), relationLevel}
	}
	text := strings.Join(items, w.lang.listed)
	if len(items) == 0 {
		text = w.lang.emptyList
	}
	if root == "ids" && key != "" {
		return phrase{w.fill(sign(w.lang.anyIDIn, negative), w.name(w.names.Identifier, key), text), relationLevel}
	}
	return phrase{w.fill(sign(w.lang.in, negative), w.at(w.value(n.X), sumLevel), text), relationLevel}
}
