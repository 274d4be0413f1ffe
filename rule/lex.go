package rule

import (
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"tagma/event"
)

type tokenKind uint8

const (
	tokEnd    tokenKind = iota // the end of the text
	tokName                    // an identifier
	tokWord                    // true, false, null
	tokNumber                  // digits
	tokText                    // a quoted text
	tokOp                      // operators, brackets, punctuation and the word in
	tokBad                     // characters that a fault has been given for
)

// token is a word of the rule's text.
type token struct {
	kind       tokenKind
	text       string // a name, an operator, a number's digits, the content of a quoted text
	start, end int
}

// lexer cuts a text into tokens and comments. After a slip it gives a fault and the token that was meant, so that
// the parser finds the next slip instead of a consequence of this one.
type lexer struct {
	text     string
	pos      int
	tokens   []token
	comments []Comment
	faults   []Fault
	torn     int // where a text without closing quote starts: what follows is not worth a fault; -1: none
}

// lex cuts text, which is valid UTF-8. The last token is the end.
func lex(text string) *lexer {
	l := &lexer{text: text, torn: -1, tokens: make([]token, 0, len(text)/3+4)}
	l.pos = len(text) - len(strings.TrimPrefix(text, "\uFEFF"))
	for l.pos < len(text) && len(l.faults) < maxFaults {
		l.next()
	}
	if l.pos < len(text) && l.torn < 0 {
		l.torn = l.pos
	}
	l.pos = len(text)
	l.add(tokEnd, "", len(text))
	return l
}

func (l *lexer) add(kind tokenKind, text string, start int) {
	l.tokens = append(l.tokens, token{kind, text, start, l.pos})
}

// fault reports a fault from start up to the present position.
func (l *lexer) fault(start int, message, hint string) { l.faultAt(start, l.pos, message, hint) }

func (l *lexer) faultAt(start, end int, message, hint string) {
	if l.torn < 0 {
		l.faults = append(l.faults, Fault{Start: start, End: end, Message: message, Hint: hint})
	}
}

// at returns the byte i places on, 0 at the end.
func (l *lexer) at(i int) byte {
	if l.pos+i < len(l.text) {
		return l.text[l.pos+i]
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

func isNamePart(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || unicode.Is(unicode.Nl, r)
}

func (l *lexer) next() {
	switch c := l.text[l.pos]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
		l.pos++
	case c == '/' && l.at(1) == '/':
		l.comment(2)
	case c == '/' && l.at(1) == '*':
		l.blockComment()
	case isDigit(c) || c == '.' && isDigit(l.at(1)):
		l.number()
	case c == '"' || c == '\'':
		l.quoted(l.pos, false)
	default:
		r, _ := utf8.DecodeRuneInString(l.text[l.pos:])
		if isNameStart(r) {
			l.name()
		} else {
			l.sign()
		}
	}
}

// comment reads to the line's end; mark is the length of what it begins with.
func (l *lexer) comment(mark int) {
	start := l.pos
	l.pos += mark
	if i := strings.IndexByte(l.text[l.pos:], '\n'); i >= 0 {
		l.pos += i
	} else {
		l.pos = len(l.text)
	}
	l.comments = append(l.comments, Comment{At: start, Text: strings.TrimRight(l.text[start:l.pos], " \t\r\f\v")})
}

func (l *lexer) blockComment() {
	start := l.pos
	if i := strings.Index(l.text[l.pos+2:], "*/"); i >= 0 {
		l.pos += i + 4
	} else {
		l.pos = len(l.text)
	}
	l.faultAt(start, start+len("/*"), "comments run from // to the end of the line", "write // at the beginning of each line")
}

func (l *lexer) name() {
	start := l.pos
	l.skipName()
	word := l.text[start:l.pos]
	if q := l.at(0); q == '"' || q == '\'' {
		switch strings.ToLower(word) {
		case "r":
			l.quoted(start, true)
			return
		case "b", "br", "rb":
			l.fault(start, "bytes are not part of the language", "write the text without "+quoteName(word))
			l.quoted(start, word != "b" && word != "B")
			return
		}
	}
	switch word {
	case "in":
		l.add(tokOp, word, start)
	case "true", "false", "null":
		l.add(tokWord, word, start)
	default:
		l.add(tokName, word, start)
	}
}

func (l *lexer) skipName() {
	for l.pos < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.pos:])
		if !isNamePart(r) {
			return
		}
		l.pos += size
	}
}

func (l *lexer) skipDigits() {
	for isDigit(l.at(0)) {
		l.pos++
	}
}

// number reads 1, 1.5, .5, 1e3, 1.5e-3 and 0x1F. The token's text is what ParseNumber reads.
func (l *lexer) number() {
	start := l.pos
	if l.at(0) == '0' && l.at(1) == 'x' {
		l.hexNumber()
		return
	}
	l.skipDigits()
	if l.at(0) == '.' && isDigit(l.at(1)) {
		l.pos++
		l.skipDigits()
	}
	if c := l.at(0); c == 'e' || c == 'E' {
		sign := 0
		if s := l.at(1); s == '+' || s == '-' {
			sign = 1
		}
		if isDigit(l.at(1 + sign)) {
			l.pos += 1 + sign
			l.skipDigits()
		}
	}
	if l.unquotedDate(start) || !l.numberEnds(start) {
		return
	}
	l.addNumber(l.text[start:l.pos], start)
}

func (l *lexer) hexNumber() {
	start := l.pos
	l.pos += len("0x")
	for c := l.at(0); isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'; c = l.at(0) {
		l.pos++
	}
	b, ok := new(big.Int).SetString(l.text[start+len("0x"):l.pos], 16)
	switch {
	case !ok:
		l.skipName()
		l.fault(start, quoteName(l.text[start:l.pos])+" is not a number", "a number in base 16 is written 0x1F")
		l.add(tokBad, "", start)
	case l.numberEnds(start):
		l.addNumber(b.String(), start)
	}
}

func (l *lexer) addNumber(digits string, start int) {
	if _, err := event.ParseNumber(digits); err != nil {
		l.fault(start, "the number is out of range: at most 1000 digits", "")
		l.add(tokBad, "", start)
		return
	}
	l.add(tokNumber, digits, start)
}

// numberEnds says that no letter or digit follows the number that began at start; else it gives the fault.
func (l *lexer) numberEnds(start int) bool {
	from := l.pos
	for {
		l.skipName()
		if l.at(0) != '.' || !isDigit(l.at(1)) {
			break
		}
		l.pos++
	}
	if l.pos == from {
		return true
	}
	digits, suffix := l.text[start:from], l.text[from:l.pos]
	whole := l.text[start:l.pos]
	switch suffix {
	case "u", "U":
		l.fault(start, "numbers are decimals here, without a u", "write "+digits)
		l.add(tokNumber, digits, start)
		return false
	case "s", "m", "h", "d", "w", "mo", "q", "y":
		l.fault(start, "a length of time is written as a text", "write "+quoteText(whole))
		l.add(tokText, whole, start)
		return false
	case "万", "亿", "千", "百", "k", "K":
		powers := map[string]int64{"百": 100, "千": 1000, "k": 1000, "K": 1000, "万": 10000, "亿": 100000000}
		if n, err := event.ParseNumber(digits); err == nil {
			if n, ok := n.Mul(event.Int(powers[suffix])); ok {
				l.fault(start, "numbers are written in digits alone", "write "+n.Exact())
				l.add(tokNumber, n.Exact(), start)
				return false
			}
		}
	}
	message := quoteName(whole) + " is neither a number nor a name"
	hint := "names start with a letter; other texts stand in quotes: " + quoteText(whole)
	if strings.Trim(suffix, "._0123456789") == "" {
		message, hint = quoteName(whole)+" is not a number", "numbers are written like 1000 or 1.5; other texts stand in quotes"
	}
	l.fault(start, message, hint)
	l.add(tokBad, "", start)
	return false
}

// unquotedDate finds 2026-06-01, which would be a subtraction and never is meant as one.
func (l *lexer) unquotedDate(start int) bool {
	const form = "2006-01-02"
	if l.pos-start != 4 || start+len(form) > len(l.text) || l.at(0) != '-' || l.at(3) != '-' {
		return false
	}
	date := l.text[start : start+len(form)]
	if _, err := event.ParseDate(date); err != nil {
		return false
	}
	l.pos = start + len(form)
	if r, _ := utf8.DecodeRuneInString(l.text[l.pos:]); isNamePart(r) && l.pos < len(l.text) {
		l.skipName()
		for l.at(0) == ':' && isDigit(l.at(1)) || l.at(0) == '.' && isDigit(l.at(1)) {
			l.pos++
			l.skipName()
		}
		date = l.text[start:l.pos]
	}
	l.fault(start, "without quotes this is a subtraction, not a date", "write "+quoteText(date))
	l.add(tokText, date, start)
	return true
}
