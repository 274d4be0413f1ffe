package rule

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxText is the length in bytes of the longest text that is read.
	maxText = 64 << 10
	// maxNesting is how deep brackets, choices and signs before a value may lie in each other. It bounds the
	// depth of the tree on all sides but one: chains such as a && b && c lean to the left without a bound.
	maxNesting = 200
	// maxFaults is how many faults of one text are reported.
	maxFaults = 20
)

// Parse reads a rule. It returns what it read and the faults it found, in the order of their places; Root is nil
// when there is any. A number with a minus sign before it is one negative Literal, as in CEL.
// It takes time proportional to the text and never panics, whatever the text.
func Parse(text string) (*Source, []Fault) {
	s := &Source{Text: text}
	if len(text) > maxText {
		end := maxText
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		return s, []Fault{{Start: end, End: end,
			Message: fmt.Sprintf("the text is %d bytes long; at most %d are read", len(text), maxText)}}
	}
	if i := invalidAt(text); i >= 0 {
		return s, []Fault{{Start: i, End: i + 1, Message: fmt.Sprintf("the byte 0x%02X is not UTF-8", text[i]),
			Hint: "save the file as UTF-8"}}
	}
	l := lex(text)
	s.Comments = l.comments
	p := &parser{text: text, tokens: l.tokens, torn: l.torn, reported: -1, parens: map[Node]span{}}
	root := p.whole()
	faults := append(l.faults, p.faults...)
	slices.SortStableFunc(faults, func(a, b Fault) int { return a.Start - b.Start })
	if len(faults) > maxFaults {
		faults = faults[:maxFaults]
	}
	if len(faults) == 0 {
		s.Root, s.parens = root, p.parens
	}
	return s, faults
}

// invalidAt returns the place of the first byte that is not UTF-8, or -1.
func invalidAt(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// parser reads the tokens from left to right, climbing by precedence. After a fault it goes on where it can, so that
// one reading finds all there are; what it makes of a faulty text is thrown away.
type parser struct {
	text     string
	tokens   []token
	next     int     // the token to be read
	end      int     // where the last token read ends
	depth    int     // nesting
	opened   []token // the brackets we are in
	parens   map[Node]span
	faults   []Fault
	reported int // the token at which the last fault was found
	torn     int // as in the lexer
}

func (p *parser) token() token { return p.tokens[p.next] }

// peek returns the token after the next one.
func (p *parser) peek() token { return p.tokens[min(p.next+1, len(p.tokens)-1)] }

// take reads the next token; the end stays.
func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != tokEnd {
		p.next++
		p.end = t.end
	}
	return t
}

// sees says whether the next token is this operator.
func (p *parser) sees(op string) bool { return p.tokens[p.next].is(op) }

func (t token) is(op string) bool { return t.kind == tokOp && t.text == op }

// fault reports a fault unless one was found at this very token, or the text before it is torn.
func (p *parser) fault(start, end int, message, hint string) {
	p.faultAt(p.next, start, end, message, hint)
}

// faultAt is fault for another token than the next.
func (p *parser) faultAt(token, start, end int, message, hint string) {
	if p.reported != token {
		p.reported = token
		p.report(token, start, end, message, hint)
	}
}

// report reports a fault that was found at a token, be there others.
func (p *parser) report(token, start, end int, message, hint string) {
	if p.torn >= 0 && p.tokens[token].start >= p.torn {
		return
	}
	p.faults = append(p.faults, Fault{Start: start, End: end, Message: message, Hint: hint})
	if len(p.faults) >= maxFaults {
		p.stop()
	}
}

// stop reads no further.
func (p *parser) stop() {
	p.next = len(p.tokens) - 1
	p.torn = 0
}

// enter goes a level deeper, or reports that the text is too deep and stops reading.
func (p *parser) enter() bool {
	p.depth++
	if p.depth <= maxNesting {
		return true
	}
	t := p.token()
	p.fault(t.start, t.end, fmt.Sprintf("the rule is more than %d levels deep here", maxNesting), "make a part of it a measure or a tag of its own")
	p.stop()
	return false
}

// bad is what stands for a part that could not be read.
func (p *parser) bad() Node { return &Name{span: span{p.end, p.end}} }

func (p *parser) whole() Node {
	if t := p.token(); t.kind == tokEnd {
		p.fault(0, 0, "the rule is empty", `write a condition or a value, such as events.order_paid.count() > 0`)
		return nil
	}
	root := p.expr()
	p.finish("")
	return root
}

// expr reads a choice or what binds tighter.
func (p *parser) expr() Node {
	if !p.enter() {
		p.depth--
		return p.bad()
	}
	start := p.token().start
	x := p.binary(precOr)
	if p.sees("?") {
		x = p.choice(x, start)
	}
	p.depth--
	return x
}

// choice reads ? x : y.
func (p *parser) choice(cond Node, start int) Node {
	mark := p.take()
	switch second := p.token(); {
	case second.is("?"):
		p.fault(mark.start, second.end, "'??' is not an operator", "write has(x) ? x : y")
		p.take()
		p.binary(precOr)
		return p.bad()
	case second.is(":"):
		p.fault(mark.start, p.token().end, "a value is missing between ? and :", "write condition ? value : other value")
	}
	at := p.token()
	x := p.expr()
	if _, ok := x.(*Ternary); ok && p.parens[x] == (span{}) {
		p.fault(at.start, p.end, "a choice between ? and : stands in parentheses", "write a ? (b ? x : y) : z")
	}
	if !p.sees(":") {
		p.fault(mark.start, mark.end, "this ? has no :", "write condition ? value : other value")
		return p.bad()
	}
	p.take()
	y := p.expr()
	return &Ternary{span{start, p.end}, cond, x, y}
}

// binary reads operators of at least this precedence; all lean to the left.
func (p *parser) binary(least int) Node {
	start := p.token().start
	x := p.unary()
	for {
		prec := p.precedence()
		if prec < least {
			return x
		}
		op, at := p.operator()
		y := p.binary(prec + 1)
		x = &Binary{span{start, p.end}, op, at, x, y}
	}
}

// The precedences, from loose to tight, as in CEL.
const (
	precChoice = iota
	precOr
	precAnd
	precRelation
	precSum
	precProduct
	precUnary
	precMember
)

func precedenceOf(op string) int {
	switch op {
	case "||":
		return precOr
	case "&&":
		return precAnd
	case "==", "!=", "<", "<=", ">", ">=", "in":
		return precRelation
	case "+", "-":
		return precSum
	case "*", "/", "%":
		return precProduct
	}
	return -1
}

// precedence is that of the next token as an operator between two values, -1 when it is none. A word in such a place
// can only be a slip.
func (p *parser) precedence() int {
	switch t := p.token(); t.kind {
	case tokOp:
		if t.text == "!" && p.peek().is("in") {
			return precRelation
		}
		return precedenceOf(t.text)
	case tokName:
		if w, ok := slipWords[strings.ToLower(t.text)]; ok {
			return precedenceOf(w.op)
		}
	}
	return -1
}

// slipWords are words that other languages have for operators, with the operator they are read as.
var slipWords = map[string]struct{ op, hint string }{
	"and": {"&&", "write &&"}, "or": {"||", "write ||"},
	"且": {"&&", "write &&"}, "并且": {"&&", "write &&"}, "和": {"&&", "write &&"}, "或": {"||", "write ||"}, "或者": {"||", "write ||"},
	"not": {"in", "write !(x in list)"}, "in": {"in", "write in"},
	"is": {"==", "write =="}, "mod": {"%", "write %"}, "div": {"/", "write /"},
	"like": {"in", `write x.contains("…")`}, "contains": {"in", `write x.contains("…")`}, "matches": {"in", `write x.matches("…")`},
	"startswith": {"in", `write x.startsWith("…")`}, "endswith": {"in", `write x.endsWith("…")`},
	"between": {"in", "write x >= low && x <= high"},
}

// operator reads an operator between two values.
func (p *parser) operator() (op string, at int) {
	t := p.take()
	if t.kind == tokOp && t.text != "!" {
		return t.text, t.start
	}
	w := slipWords[strings.ToLower(t.text)]
	switch word := strings.ToLower(t.text); {
	case t.text == "!":
		w.op, w.hint = "in", "write !(x in list)"
		p.take()
	case word == "not":
		if n := strings.ToLower(p.token().text); n == "in" || n == "like" || n == "between" || n == "contains" {
			p.take()
		}
	case word == "is":
		if strings.EqualFold(p.token().text, "not") {
			w.hint = "write !="
			p.take()
		}
		if strings.EqualFold(p.token().text, "null") {
			w.hint = map[bool]string{false: "write !has(x)", true: "write has(x)"}[w.hint == "write !="]
		}
	}
	p.faultAt(p.next-1, t.start, p.end, quoteName(p.text[t.start:p.end])+" is not an operator", w.hint)
	return w.op, t.start
}
