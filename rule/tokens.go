package rule

import (
	"strings"
	"unicode/utf8"
)

// MaxText is the length in bytes of the longest text that Parse and Tokens read.
const MaxText = maxText

// TokenKind says what a token is.
type TokenKind uint8

// The kinds of tokens.
const (
	NameToken     TokenKind = iota // an identifier
	WordToken                      // true, false or null
	NumberToken                    // digits
	TextToken                      // a quoted text
	OperatorToken                  // an operator, a bracket, punctuation or the word in
	CommentToken                   // from // to the end of the line
	BadToken                       // what means nothing
)

// Token is a word of a rule's text. Start and End are byte offsets in it.
type Token struct {
	Kind TokenKind
	// Text is a name or an operator as it is meant, a number's digits, what a quoted text says, a comment with its slashes.
	Text       string
	Start, End int
	// Open says that nothing ends the token but the end of the line or of the whole text: a quoted text without its
	// closing quote, a comment on the last line.
	Open bool
}

// Tokens cuts a text, which may be broken or unfinished, into its words, in order, comments included. It is what an
// editor colours and completes by: slips, such as full-width signs, come out as what was meant, and bytes that are
// not UTF-8 are passed over. It takes time proportional to the text; of more than Parse reads, it gives nothing.
func Tokens(text string) []Token {
	if len(text) > maxText {
		return nil
	}
	if !utf8.ValidString(text) {
		text = hideInvalid(text)
	}
	l := &lexer{text: text, torn: -1, tokens: make([]token, 0, len(text)/3+4)}
	l.pos = len(text) - len(strings.TrimPrefix(text, "\uFEFF"))
	out := make([]Token, 0, len(text)/3+4)
	comments := 0
	for l.pos < len(text) {
		// Faults are the parser's affair: without any, and with nothing torn, the lexer reads to the end.
		l.faults, l.torn = l.faults[:0], -1
		before := len(l.tokens)
		l.next()
		for _, c := range l.comments[comments:] {
			end := c.At + len(c.Text)
			out = append(out, Token{Kind: CommentToken, Text: c.Text, Start: c.At, End: max(end, l.pos), Open: l.pos == len(text)})
		}
		comments = len(l.comments)
		if len(l.tokens) == before {
			// A slip such as "> =" mends the token before it.
			if n := len(out); n > 0 && before > 0 && out[n-1].Kind == OperatorToken && out[n-1].Start == l.tokens[before-1].start {
				out[n-1].Text, out[n-1].End = l.tokens[before-1].text, l.tokens[before-1].end
			}
			continue
		}
		for _, t := range l.tokens[before:] {
			out = append(out, Token{Kind: tokenKinds[t.kind], Text: t.text, Start: t.start, End: t.end, Open: t.kind == tokText && l.torn == t.start})
		}
	}
	return out
}

var tokenKinds = [...]TokenKind{tokEnd: BadToken, tokName: NameToken, tokWord: WordToken, tokNumber: NumberToken,
	tokText: TextToken, tokOp: OperatorToken, tokBad: BadToken}

// hideInvalid puts a control character, which the lexer passes over, in the place of each byte that is not UTF-8:
// offsets stay.
func hideInvalid(text string) string {
	b := []byte(text)
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			b[i] = 1
		}
		i += size
	}
	return string(b)
}

// IsName says whether s is written without quotes after a dot, as in traits.city. What is not is written in
// brackets: traits["收货 城市"].
func IsName(s string) bool {
	for i, r := range s {
		if i == 0 && !isNameStart(r) || !isNamePart(r) {
			return false
		}
	}
	switch s {
	case "", "in", "true", "false", "null":
		return false
	}
	return utf8.ValidString(s)
}

// Quote writes a text in double quotes, with the escapes that Parse reads.
func Quote(s string) string { return quoteText(s) }
