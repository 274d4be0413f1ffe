package rule

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// twoSigns are the operators of two characters.
var twoSigns = map[string]bool{"&&": true, "||": true, "==": true, "!=": true, "<=": true, ">=": true}

// oneSigns are the operators, brackets and punctuation of one character.
const oneSigns = "<>!+-*/%?:.,()[]{}"

// signSlips are the signs of other languages, with the operator that they are read as.
var signSlips = []struct{ wrong, right string }{
	{"===", "=="}, {"!==", "!="}, {"<>", "!="}, {"=<", "<="}, {"=>", ">="}, {":=", "=="}, {"=~", "=="},
	{"=", "=="}, {"&", "&&"}, {"|", "||"},
}

// lookalikes are characters of other keyboards and of printed mathematics, with what is meant. Those between
// U+FF01 and U+FF5E, the full-width forms of ASCII, are computed.
var lookalikes = map[rune]struct{ right, what string }{
	'。': {".", "Chinese full stop"}, '．': {".", "full-width stop"}, '、': {",", "Chinese enumeration comma"}, '，': {",", "full-width comma"},
	'：': {":", "full-width colon"}, '？': {"?", "full-width question mark"}, '！': {"!", "full-width exclamation mark"},
	'（': {"(", "full-width parenthesis"}, '）': {")", "full-width parenthesis"},
	'［': {"[", "full-width bracket"}, '］': {"]", "full-width bracket"}, '【': {"[", "full-width bracket"}, '】': {"]", "full-width bracket"},
	'×': {"*", "multiplication sign"}, '÷': {"/", "division sign"}, '−': {"-", "minus sign"}, '–': {"-", "dash"}, '—': {"-", "dash"},
	'≥': {">=", "mathematical sign"}, '≤': {"<=", "mathematical sign"}, '≠': {"!=", "mathematical sign"}, '∧': {"&&", "mathematical sign"}, '∨': {"||", "mathematical sign"}, '¬': {"!", "mathematical sign"},
}

// ascii returns the ASCII character that r is the full-width form of, or r.
func ascii(r rune) rune {
	if l, ok := lookalikes[r]; ok && len(l.right) == 1 {
		return rune(l.right[0])
	}
	if r >= 0xff01 && r <= 0xff5e {
		return r - 0xfee0
	}
	return r
}

// sign reads an operator, a bracket or punctuation, and whatever else does not begin a name, a number or a text.
func (l *lexer) sign() {
	start := l.pos
	r, size := utf8.DecodeRuneInString(l.text[start:])
	// The next characters in ASCII, and how long the first three are as written.
	var folded [3]byte
	var ends [3]int
	n := 0
	for i := start; n < 3 && i < len(l.text); n++ {
		c, size := utf8.DecodeRuneInString(l.text[i:])
		if c = ascii(c); c >= utf8.RuneSelf {
			break
		}
		i += size
		folded[n], ends[n] = byte(c), i
	}
	ahead := string(folded[:n])
	take := func(length int, op string) { // the token op, written in that many characters
		l.pos = ends[length-1]
		if l.pos-start > length {
			l.fault(start, l.lookalike(l.text[start:l.pos]), "write "+op)
		}
		l.add(tokOp, op, start)
	}
	for _, s := range signSlips[:2] {
		if strings.HasPrefix(ahead, s.wrong) {
			l.slip(ends[2], s.wrong, s.right)
			return
		}
	}
	if n >= 2 && twoSigns[ahead[:2]] {
		take(2, ahead[:2])
		return
	}
	if strings.HasPrefix(ahead, "**") {
		l.pos = ends[1]
		l.fault(start, "'**' is not an operator", "write pow(x, y)")
		l.add(tokOp, "*", start)
		return
	}
	for _, s := range signSlips[2:] {
		if strings.HasPrefix(ahead, s.wrong) {
			l.slip(ends[len(s.wrong)-1], s.wrong, s.right)
			return
		}
	}
	switch {
	case n >= 1 && strings.IndexByte(oneSigns, ahead[0]) >= 0:
		take(1, ahead[:1])
	case len(lookalikes[r].right) == 2:
		l.pos += size
		l.fault(start, l.lookalike(string(r)), "write "+lookalikes[r].right)
		l.add(tokOp, lookalikes[r].right, start)
	case strings.ContainsRune("“”‘’＂＇「『", r):
		l.curly(r)
	case r == '`':
		l.backquoted()
	case unicode.IsDigit(r):
		l.wideNumber()
	case unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zs, r):
		l.invisible()
	default:
		l.unknown(r)
	}
}

func (l *lexer) slip(end int, wrong, right string) {
	start := l.pos
	l.pos = end
	if last := len(l.tokens) - 1; wrong == "=" && last >= 0 {
		t := &l.tokens[last]
		if twoSigns[t.text+"="] && t.kind == tokOp && strings.TrimSpace(l.text[t.end:start]) == "" { // > =
			l.fault(t.start, "a blank stands in the middle of an operator", "write "+t.text+"=")
			t.text, t.end = t.text+"=", end
			return
		}
	}
	message, hint := "'"+wrong+"' is not an operator", "write "+right
	switch wrong {
	case "=":
		message, hint = "'=' does not compare", "write =="
	case "=~":
		hint = `write x.matches("…")`
	}
	l.fault(start, message, hint)
	l.add(tokOp, right, start)
}

// lookalike describes characters that look like an operator.
func (l *lexer) lookalike(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	what := "full-width character"
	switch {
	case size < len(s):
		what = "full-width characters"
	case lookalikes[r].what != "":
		what = lookalikes[r].what
	}
	return what + " '" + s + "'"
}

// backquoted reads a name in backquotes as if it stood without them.
func (l *lexer) backquoted() {
	start := l.pos
	l.pos++
	i := strings.IndexAny(l.text[l.pos:], "`\n")
	if i < 0 || l.text[l.pos+i] != '`' {
		l.fault(start, "'`' has no meaning here", "")
		l.add(tokBad, "", start)
		return
	}
	name := l.text[l.pos : l.pos+i]
	l.pos += i + 1
	l.fault(start, "names in backquotes are not part of the language", "write x["+quoteText(name)+"]")
	l.add(tokName, name, start)
}

// wideNumber reads digits of other scripts, which number does not.
func (l *lexer) wideNumber() {
	start := l.pos
	digits := ""
	for l.pos < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.pos:])
		if r = ascii(r); r < utf8.RuneSelf && (isDigit(byte(r)) || r == '.') {
			digits += string(r)
		} else {
			digits = strings.TrimSuffix(digits, ".")
			break
		}
		l.pos += size
	}
	if digits == "" || strings.Count(digits, ".") > 1 {
		l.skipName()
		if l.pos == start {
			_, size := utf8.DecodeRuneInString(l.text[start:])
			l.pos += size
		}
		l.fault(start, quoteName(l.text[start:l.pos])+" is not a number", "numbers are written with the digits 0 to 9")
		l.add(tokBad, "", start)
		return
	}
	l.fault(start, "full-width digits", "write "+digits)
	l.add(tokNumber, digits, start)
}

// invisible skips characters that cannot be seen or look like a blank.
func (l *lexer) invisible() {
	start := l.pos
	r, size := utf8.DecodeRuneInString(l.text[start:])
	for strings.HasPrefix(l.text[l.pos:], string(r)) {
		l.pos += size
	}
	code := fmt.Sprintf("U+%04X", r)
	switch {
	case r == '\u3000':
		l.fault(start, "full-width blank "+code, "write a plain blank")
	case unicode.IsSpace(r) || unicode.Is(unicode.Zs, r):
		l.fault(start, "blank of a kind that is not read: "+code, "write a plain blank")
	default:
		l.fault(start, "invisible character "+code, "delete it")
	}
}

// unknown skips characters that mean nothing in a rule.
func (l *lexer) unknown(r rune) {
	start := l.pos
	l.pos += utf8.RuneLen(r)
	message, hint := fmt.Sprintf("'%c' has no meaning here", r), ""
	switch r {
	case '#':
		l.comment(0)
		l.comments = l.comments[:len(l.comments)-1]
		l.faultAt(start, start+1, "'#' does not begin a comment", "write //")
		return
	case '^':
		l.fault(start, "'^' is not an operator", "write pow(x, y)")
		l.add(tokOp, "*", start)
		return
	case '$':
		hint = "names are written as they are, without $"
	case ';', '；':
		hint = "a rule is one expression: delete it, or write , between values"
	case '@':
		hint = "texts stand in quotes"
	}
	if r >= utf8.RuneSelf {
		message += fmt.Sprintf(" (U+%04X)", r)
	}
	l.fault(start, message, hint)
	l.add(tokBad, "", start)
}
