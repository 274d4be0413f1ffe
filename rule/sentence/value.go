package sentence

import (
	"slices"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// value says a value.
func (w *writer) value(n rule.Node) phrase { return w.deeper(n, w.shallowValue) }

func (w *writer) shallowValue(n rule.Node) phrase {
	switch n := n.(type) {
	case *rule.Literal:
		return phrase{w.literal(n), atomLevel}
	case *rule.ListLit:
		return w.list(n)
	case *rule.Ternary:
		if !isCondition(n) {
			return w.choice(n, w.value)
		}
	case *rule.Unary:
		if n.Op == "-" {
			return phrase{"−" + w.at(w.value(n.X), w.operand()), productLevel}
		}
	case *rule.Binary:
		if !isCondition(n) {
			return w.arithmetic(n)
		}
	case *rule.Call:
		if !isCondition(n) {
			return w.call(n)
		}
	case *rule.Member, *rule.Index, *rule.Name:
		return w.path(n)
	}
	return w.condition(n, false)
}

func (w *writer) literal(l *rule.Literal) string {
	switch v := l.Value; v.Kind() {
	case event.TextKind:
		return w.text(v.Text())
	case event.NumberKind:
		return strings.Replace(v.Number().Exact(), "-", "−", 1)
	case event.BoolKind:
		if v.Bool() {
			return w.lang.yes
		}
		return w.lang.no
	}
	return w.lang.nothing
}

func (w *writer) list(n *rule.ListLit) phrase {
	if len(n.Items) == 0 {
		return phrase{w.lang.emptyList, atomLevel}
	}
	items := make([]string, len(n.Items))
	for i, item := range n.Items {
		items[i] = w.at(w.value(item), sumLevel)
	}
	return phrase{w.lang.brackets[0] + strings.Join(items, w.lang.listed) + w.lang.brackets[1], atomLevel}
}

// operand is how tightly an operand must hold together: in English the end of a phrase is not seen.
func (w *writer) operand() level {
	if w.lang == english {
		return atomLevel
	}
	return phraseLevel
}

var signs = map[string]string{"+": " + ", "-": " − ", "*": " × ", "/": " ÷ "}

// arithmetic says + - * / and %. Those of one precedence that lean to the left are one phrase.
func (w *writer) arithmetic(n *rule.Binary) phrase {
	if n.Op == "%" {
		return phrase{w.fill(w.lang.remainder, w.at(w.value(n.X), phraseLevel), w.at(w.value(n.Y), phraseLevel)), phraseLevel}
	}
	l := sumLevel
	if n.Op == "*" || n.Op == "/" {
		l = productLevel
	}
	sameLevel := func(b *rule.Binary) bool {
		return signs[b.Op] != "" && (b.Op == "*" || b.Op == "/") == (l == productLevel)
	}
	var chain []*rule.Binary
	var x rule.Node = n
	for {
		b, ok := x.(*rule.Binary)
		if !ok || !sameLevel(b) {
			break
		}
		chain = append(chain, b)
		x = b.X
	}
	side := func(n rule.Node, first bool) string {
		p := w.value(n)
		_, negative := n.(*rule.Unary)
		if p.level == productLevel && (first && negative || l == sumLevel && !negative) {
			return p.text
		}
		return w.at(p, w.operand())
	}
	parts, words := []string{side(x, true)}, []string{}
	for _, b := range slices.Backward(chain) {
		parts, words = append(parts, side(b.Y, false)), append(words, signs[b.Op])
	}
	return phrase{join(parts, words...), l}
}

// call says what a function or a measure gives.
func (w *writer) call(n *rule.Call) phrase {
	if n.Recv != nil {
		if w.isMeasure(n) {
			return phrase{w.measured(n), phraseLevel}
		}
		if w.isSelection(n) {
			return phrase{w.selection(n).say(w), phraseLevel}
		}
	}
	args := n.Args
	if n.Recv != nil {
		args = append([]rule.Node{n.Recv}, args...)
	}
	if p, ok := w.function(n.Fun, args); ok {
		return p
	}
	return w.unknown(n)
}

// unknown says a call that means nothing, as it is written.
func (w *writer) unknown(n *rule.Call) phrase {
	texts := make([]string, len(n.Args))
	for i, a := range n.Args {
		texts[i] = w.at(w.value(a), sumLevel)
	}
	text := n.Fun + "(" + strings.Join(texts, ", ") + ")"
	if n.Recv != nil {
		text = w.at(w.value(n.Recv), atomLevel) + "." + text
	}
	return phrase{text, phraseLevel}
}

// arity is how many arguments the functions take that have one pattern; -1: one or more.
var arity = map[string][2]int{"round": {1, 2}, "min": {1, -1}, "max": {1, -1}, "bucket": {2, 2}, "lookup": {3, 3},
	"mean": {1, 2}, "median": {1, 2}, "quantile": {2, 3}, "ntile": {2, 3}}

// function says a function of values; false when there is none with these arguments.
func (w *writer) function(name string, args []rule.Node) (phrase, bool) {
	pattern := w.lang.functions[name]
	if name == "round" {
		pattern = w.lang.functions["round/1"]
		if len(args) == 2 {
			pattern = w.lang.functions["round/2"]
		}
	}
	if pattern == "" {
		return phrase{}, false
	}
	limits, ok := arity[name]
	if !ok {
		n := strings.Count(pattern, "{")
		limits = [2]int{n, n}
	}
	if len(args) < limits[0] || limits[1] >= 0 && len(args) > limits[1] {
		return phrase{}, false
	}
	if text, ok := w.special(name, args); ok {
		return phrase{text, phraseLevel}, true
	}
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = w.at(w.value(a), phraseLevel)
		if text, ok := rule.WrittenText(a); ok && i > 0 && name != "lookup" {
			texts[i] = w.quote(text)
		}
	}
	switch name {
	case "min", "max":
		texts = []string{strings.Join(texts, w.lang.listed)}
		if len(args) > 1 {
			texts[0] = w.lang.brackets[0] + texts[0] + w.lang.brackets[1]
		}
	case "mean", "median":
		texts = []string{texts[0], w.population(args[1:])}
	case "quantile", "ntile":
		texts = []string{texts[0], w.population(args[2:]), texts[1]}
		if l, ok := args[1].(*rule.Literal); ok && name == "quantile" {
			if p, ok := l.Value.Number().Mul(event.Int(100)); ok && l.Value.Kind() == event.NumberKind {
				texts[2] = w.fill(w.lang.percent, p.Normal().Exact())
			}
		}
	}
	return phrase{w.fill(pattern, texts...), phraseLevel}, true
}

// population says which customers a population function looks at.
func (w *writer) population(cond []rule.Node) string {
	if len(cond) == 0 {
		return w.lang.population[0]
	}
	scope := w.scope
	w.scope = nil
	text := w.at(w.condition(cond[0], false), orLevel)
	w.scope = scope
	return w.fill(w.lang.population[1], text)
}

// special says the functions whose words depend on what they are given.
func (w *writer) special(name string, args []rule.Node) (string, bool) {
	switch name {
	case "timestamp":
		text, ok := rule.WrittenText(args[0])
		return text, ok && text != ""
	case "duration":
		if s, ok := spanOf(args[0]); ok {
			return w.span(s), true
		}
	case "start_of":
		return w.startOf(args[0], args[1])
	case "add":
		if s, ok := spanOf(args[1]); ok {
			i := 0
			if s.N < 0 {
				s.N, i = -s.N, 1
			}
			if isNow(args[0]) {
				return w.fill(w.lang.laterNow[i], w.span(s)), true
			}
			return w.fill(w.lang.later[i], w.at(w.value(args[0]), phraseLevel), w.span(s)), true
		}
	case "bucket":
		seed, ok := rule.WrittenText(args[0])
		groups, whole := wholeOf(args[1])
		if ok && whole {
			return w.fill(w.lang.functions[name], w.quote(seed), w.literal(&rule.Literal{Value: event.Num(event.Int(int64(groups) - 1))})), true
		}
	case "lookup":
		table, ok := rule.WrittenText(args[0])
		column, ok2 := rule.WrittenText(args[2])
		if ok && ok2 {
			title := func(key string) string {
				if w.names.Column == nil {
					return ""
				}
				return w.names.Column(table, key)
			}
			return w.fill(w.lang.functions[name], w.name(w.names.Table, table), w.at(w.value(args[1]), phraseLevel), w.name(title, column)), true
		}
	}
	return "", false
}

func isNow(n rule.Node) bool {
	name, ok := n.(*rule.Name)
	return ok && name.Name == "now"
}

// span says a length of time.
func (w *writer) span(s event.Span) string {
	if unit := w.lang.units[s.Unit]; unit != nil {
		return unit(s.N)
	}
	return s.String()
}

func (w *writer) startOf(t, u rule.Node) (string, bool) {
	unit, ok := rule.WrittenText(u)
	if !ok || w.lang.unitOf[unit] == "" {
		return "", false
	}
	if isNow(t) {
		return w.lang.startNow[unit], true
	}
	if c, ok := t.(*rule.Call); ok && c.Fun == "add" && c.Recv == nil && len(c.Args) == 2 && isNow(c.Args[0]) {
		if by, _ := rule.WrittenText(c.Args[1]); by == "-1"+unit && w.lang.startBefore[unit] != "" {
			return w.lang.startBefore[unit], true
		}
	}
	return w.fill(w.lang.functions["start_of"], w.at(w.value(t), phraseLevel), w.lang.unitOf[unit]), true
}
