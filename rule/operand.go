package rule

import (
	"strings"

	"tagma/event"
)

// unary reads the signs before a value, and the value.
func (p *parser) unary() Node {
	var signs []token
	for {
		t := p.token()
		switch {
		case t.is("!"), t.is("-") && (p.peek().kind != tokNumber || len(signs) > 0 && signs[len(signs)-1].is("-")):
			p.take()
			signs = append(signs, t)
			if !p.enter() {
				p.depth -= len(signs)
				return p.bad()
			}
			continue
		case t.is("+"):
			p.fault(t.start, t.end, "a + before a value has no meaning", "delete it")
		case p.seesNot():
			p.fault(t.start, t.end, quoteName(t.text)+" is not an operator", "write !")
		default:
			return p.signed(signs, p.postfix())
		}
		p.take()
	}
}

// signed puts the signs before x, which was read a level deeper for each.
func (p *parser) signed(signs []token, x Node) Node {
	for i := len(signs) - 1; i >= 0; i-- {
		x = &Unary{span{signs[i].start, p.end}, signs[i].text, x}
	}
	p.depth -= len(signs)
	return x
}

// seesNot says that the next token is a word for "not" before a value.
func (p *parser) seesNot() bool {
	t := p.token()
	if t.kind != tokName || !strings.EqualFold(t.text, "not") && t.text != "非" && t.text != "不" {
		return false
	}
	after := p.peek()
	switch after.kind {
	case tokName:
		_, op := slipWords[strings.ToLower(after.text)]
		return !op
	case tokWord, tokNumber, tokText:
		return true
	}
	return after.is("(") || after.is("!")
}

// postfix reads a value and what is selected of it: x.name, x.name(…), x[key].
func (p *parser) postfix() Node {
	start := p.token().start
	x := p.primary()
	for {
		t := p.token()
		switch {
		case t.is("."):
			x = p.member(x, start)
		case t.is("?") && p.peek().is(".") && p.peek().start == t.end:
			p.fault(t.start, p.peek().end, "?. is not part of the language", "write . alone: what is selected of a missing value is missing")
			p.take()
		case t.is("["):
			x = p.index(x, start)
		case t.is("("):
			p.fault(t.start, t.end, "only a name can be called", "write f(x) or x.f()")
			p.take()
			p.list(t, ")")
		case t.is("{"):
			if !isPath(x) {
				return x
			}
			p.fault(t.start, t.end, "structures are not part of the language", "")
			p.skipBraces()
		case t.kind == tokNumber && p.text[t.start] == '.' && t.start == p.end:
			p.fault(t.start, t.end, "a name starts with a letter", "write ["+quoteText(p.text[t.start+1:t.end])+"]")
			p.take()
		default:
			return x
		}
	}
}

// index reads [key] after x.
func (p *parser) index(x Node, start int) Node {
	open := p.take()
	p.opened = append(p.opened, open)
	if q := p.token(); q.is("?") {
		p.fault(q.start, q.end, "[?…] is not part of the language", "write […] alone: what is selected of a missing value is missing")
		p.take()
	}
	key := p.expr()
	p.finish("]")
	p.close(open, "]")
	return &Index{span{start, p.end}, x, key}
}

// isPath says that x is a name or names joined by dots.
func isPath(x Node) bool {
	for {
		switch n := x.(type) {
		case *Name:
			return true
		case *Member:
			x = n.X
		default:
			return false
		}
	}
}

// member reads .name or .name(…) after x.
func (p *parser) member(x Node, start int) Node {
	dot := p.take()
	t := p.token()
	switch {
	case t.kind == tokName:
		p.take()
	case t.kind == tokWord || t.is("in"):
		p.fault(t.start, t.end, quoteName(t.text)+" cannot follow a dot", "write ["+quoteText(t.text)+"]")
		p.take()
	case t.kind == tokText:
		p.fault(dot.start, t.end, "a quoted name stands in brackets", "write ["+quoteText(t.text)+"]")
		p.take()
	default:
		p.fault(dot.start, dot.end, "a name must follow the dot", "")
		return x
	}
	if open := p.token(); open.is("(") {
		p.take()
		args := p.list(open, ")")
		return &Call{span{start, p.end}, x, t.text, t.start, args}
	}
	return &Member{span{start, p.end}, x, t.text, t.start}
}

// reserved are words that CEL keeps for itself: they name nothing but what is selected with a dot.
var reserved = map[string]string{"as": "", "break": "", "const": "", "continue": "", "else": "write condition ? value : other value",
	"for": "", "function": "", "if": "write condition ? value : other value", "import": "", "let": "", "loop": "", "package": "",
	"namespace": "", "return": "", "var": "", "void": "", "while": ""}

// primary reads a value with nothing before or after it.
func (p *parser) primary() Node {
	t := p.token()
	switch t.kind {
	case tokNumber, tokText, tokWord:
		p.take()
		return &Literal{span{t.start, t.end}, literalValue(t), p.text[t.start:t.end]}
	case tokName:
		return p.name()
	case tokBad:
		p.take()
		p.reported = p.next
		return p.bad()
	case tokEnd:
		p.fault(p.end, p.end, "the rule ends where a value is expected", "")
		return p.bad()
	}
	switch t.text {
	case "-": // before a number: unary has seen to that
		p.take()
		n := p.take()
		v := event.Num(literalValue(n).Number().Neg())
		return &Literal{span{t.start, n.end}, v, "-" + p.text[n.start:n.end]}
	case "(":
		p.take()
		return p.parenthesis(t)
	case "[":
		p.take()
		items := p.list(t, "]")
		return &ListLit{span{t.start, p.end}, items}
	case "{":
		p.fault(t.start, t.end, "maps are not part of the language", "")
		p.skipBraces()
		return p.bad()
	case ".":
		p.fault(t.start, t.end, "a name cannot begin with a dot", "delete it")
		p.take()
		return p.primary()
	}
	message, hint := "a value is expected before "+quoteName(t.text), ""
	if p.next > 0 {
		last := p.tokens[p.next-1]
		switch {
		case last.is("%"):
			hint = "% gives the remainder of a division: write 40 % as 0.4"
		case last.is("(") && t.is(")"):
			message = "nothing stands between the parentheses"
		case last.kind == tokOp && !t.is(",") && !t.is(":"):
			message = "a value is expected between " + quoteName(last.text) + " and " + quoteName(t.text)
		}
	}
	p.fault(t.start, t.end, message, hint)
	return p.bad()
}

// literalValue is the value of a literal's token.
func literalValue(t token) event.Value {
	switch {
	case t.kind == tokText:
		return event.Text(t.text)
	case t.kind == tokNumber:
		n, _ := event.ParseNumber(t.text) // the lexer has read it once
		return event.Num(n)
	case t.text == "null":
		return event.Value{}
	}
	return event.Bool(t.text == "true")
}

// name reads a bare name or the call of a function.
func (p *parser) name() Node {
	t := p.token()
	if hint, ok := reserved[t.text]; ok {
		if hint == "" {
			hint = "choose another name"
		}
		p.fault(t.start, t.end, quoteName(t.text)+" is a reserved word", hint)
	}
	p.take()
	if open := p.token(); open.is("(") {
		p.take()
		args := p.list(open, ")")
		return &Call{span{t.start, p.end}, nil, t.text, t.start, args}
	}
	switch w := strings.ToLower(t.text); w {
	case "true", "false", "null":
		p.faultAt(p.next-1, t.start, t.end, quoteName(t.text)+" is not a value", "write "+w)
	}
	return &Name{span{t.start, t.end}, t.text}
}

// parenthesis reads what is grouped by the parenthesis that was just opened.
func (p *parser) parenthesis(open token) Node {
	p.opened = append(p.opened, open)
	x := p.expr()
	p.finish(")")
	p.close(open, ")")
	p.parens[x] = span{open.start, p.end}
	return x
}

// list reads values and commas up to the closing bracket. After [ a last comma may stand before it.
func (p *parser) list(open token, closer string) []Node {
	p.opened = append(p.opened, open)
	var items []Node
	for p.token().kind != tokEnd && !p.sees(closer) {
		items = append(items, p.expr())
		p.finish(",")
		if !p.sees(",") {
			break
		}
		comma := p.take()
		if p.sees(closer) && closer == ")" {
			p.fault(comma.start, comma.end, "a value is expected after the last comma", "delete the comma")
		}
	}
	p.close(open, closer)
	return items
}
