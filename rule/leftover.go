package rule

import (
	"slices"
	"unicode/utf8"
)

var closerOf = map[string]string{"(": ")", "[": "]", "{": "}"}

func isCloser(t token) bool { return t.is(")") || t.is("]") || t.is("}") }

// close reads the bracket that closes open, or reports that it is missing.
func (p *parser) close(open token, closer string) {
	p.opened = p.opened[:len(p.opened)-1]
	t := p.token()
	if t.is(closer) {
		p.take()
		return
	}
	outer := slices.ContainsFunc(p.opened, func(o token) bool { return t.is(closerOf[o.text]) })
	if isCloser(t) && !outer {
		p.fault(t.start, t.end, quoteName(closer)+" is expected here, to close the "+quoteName(open.text)+" at "+linePosition(p.text, open.start), "")
		p.take()
		return
	}
	p.report(p.next, open.start, open.end, "this "+quoteName(open.text)+" is never closed", "write "+quoteName(closer)+" where it ends")
}

// finish makes sure that nothing is left after a value before the bracket that closes it, before a comma if one may
// follow, or before the end of the text. What is left is reported and read as further values.
func (p *parser) finish(until string) {
	quiet := false // after characters that have a fault already
	for {
		t := p.token()
		switch {
		case t.kind == tokEnd, isCloser(t) && until != "", t.is(",") && until == ",":
			return
		case t.kind == tokBad:
			p.take()
			quiet = true
		case p.startsValue():
			if !quiet {
				p.leftover(t, until)
			}
			p.expr()
			quiet = false
		default:
			p.stray(t, until)
			p.take()
			if p.precedence() >= 0 {
				p.take()
			}
			quiet = true
		}
	}
}

// startsValue says whether the next token can begin a value.
func (p *parser) startsValue() bool {
	t := p.token()
	switch t.kind {
	case tokName, tokWord, tokNumber, tokText:
		return true
	case tokOp:
		return t.text == "(" || t.text == "[" || t.text == "{" || t.text == "!"
	}
	return false
}

// leftover reports a value that follows another without anything between.
func (p *parser) leftover(t token, until string) {
	hint := "write && or || between two conditions"
	if until == "," {
		hint = "write a comma or an operator between them"
	}
	switch t.text {
	case "if", "then", "else", "when":
		if t.kind == tokName {
			hint = "write condition ? value : other value"
		}
	}
	p.fault(t.start, t.end, "an operator is missing before "+p.shown(t), hint)
}

// stray reports a token that cannot follow a value.
func (p *parser) stray(t token, until string) {
	message, hint := p.shown(t)+" is not expected here", ""
	switch {
	case isCloser(t):
		message, hint = "this "+quoteName(t.text)+" closes nothing", "delete it"
	case t.is(",") && until == "]":
		hint = "one key stands between [ and ]"
	case t.is(",") && until == ")":
		hint = "parentheses hold one value; a list is written [a, b]"
	case t.is(","):
		hint = "a rule is one expression; a list is written [a, b]"
	case t.is(":"):
		hint = "it belongs to a choice: condition ? value : other value"
	}
	p.fault(t.start, t.end, message, hint)
}

// shown is a token as messages show it.
func (p *parser) shown(t token) string {
	switch t.kind {
	case tokText:
		if utf8.RuneCountInString(t.text) > 40 {
			return "the text " + quoteText(string([]rune(t.text)[:40])+"…")
		}
		return "the text " + quoteText(t.text)
	case tokNumber:
		return "the number " + t.text
	}
	return quoteName(t.text)
}

// skipBraces passes over {…}.
func (p *parser) skipBraces() {
	depth := 0
	for {
		switch t := p.take(); {
		case t.is("{"):
			depth++
		case t.is("}"):
			depth--
		case t.kind == tokEnd:
			return
		}
		if depth == 0 {
			return
		}
	}
}
