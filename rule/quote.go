package rule

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoted reads a text in quotes, double or single, one or three; with raw, backslashes stand for themselves. The
// position is at the opening quote; start is where the token starts, before an r.
func (l *lexer) quoted(start int, raw bool) {
	mark := l.text[l.pos : l.pos+1]
	if triple := strings.Repeat(mark, 3); strings.HasPrefix(l.text[l.pos:], triple) {
		mark = triple
	}
	from := l.pos + len(mark)
	i, escaped := from, false
	for i < len(l.text) && !strings.HasPrefix(l.text[i:], mark) {
		switch c := l.text[i]; {
		case len(mark) == 1 && (c == '\n' || c == '\r'):
			l.unclosed(start, from, i, mark)
			return
		case c == '\\' && !raw && i+1 < len(l.text) && l.text[i+1] != '\n' && l.text[i+1] != '\r':
			escaped = true
			i += 2
		default:
			escaped = escaped || c == '\r' || c == '\\' && !raw
			i++
		}
	}
	if i >= len(l.text) {
		l.unclosed(start, from, len(l.text), mark)
		return
	}
	content := l.text[from:i]
	l.pos = i + len(mark)
	switch {
	case escaped && raw:
		content = unifyLineEnds(content)
	case escaped:
		content = l.unescape(content, from)
	}
	l.add(tokText, content, start)
}

// unclosed reports a text that has no closing quote up to end. Where a curly or full-width quote stands in it, that
// one was meant to close it.
func (l *lexer) unclosed(start, from, end int, mark string) {
	if i := strings.IndexAny(l.text[from:end], "”“’‘＂＇"); i >= 0 && len(mark) == 1 {
		r, size := utf8.DecodeRuneInString(l.text[from+i:])
		l.pos = from + i + size
		if strings.ContainsRune("”“＂", r) == (mark == `"`) {
			l.faultAt(from+i, l.pos, "the text is closed by the quote "+string(r), "write "+mark)
			l.add(tokText, l.text[from:from+i], start)
			return
		}
	}
	l.pos = end
	message, hint := "the text that begins here has no closing "+mark, ""
	if len(mark) == 1 && end < len(l.text) {
		hint = "it must end on the same line, or stand between " + strings.Repeat(mark, 3) + " and " + strings.Repeat(mark, 3)
	}
	l.fault(start, message, hint)
	l.add(tokText, l.text[from:end], start)
	if l.torn < 0 {
		l.torn = start
	}
}

// curly reads a text in typographic quotes after giving the fault.
func (l *lexer) curly(open rune) {
	start := l.pos
	l.pos += utf8.RuneLen(open)
	from := l.pos
	closers := "”“\""
	switch open {
	case '‘', '’', '＇':
		closers = "’‘＇'"
	case '＂':
		closers = "＂\""
	case '「':
		closers = "」"
	case '『':
		closers = "』"
	}
	line := l.text[from:]
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	}
	i := strings.IndexAny(line, closers)
	if i < 0 {
		l.fault(start, "the quote "+string(open)+" does not begin a text", `texts stand in straight quotes: "`)
		l.add(tokBad, "", start)
		return
	}
	content := line[:i]
	r, size := utf8.DecodeRuneInString(line[i:])
	l.pos = from + i + size
	l.fault(start, "the text stands in the quotes "+string(open)+" and "+string(r), "write "+quoteText(content))
	l.add(tokText, content, start)
}

func unifyLineEnds(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// simpleEscapes are the characters after a backslash that stand for one other.
var simpleEscapes = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
	'\\': '\\', '\'': '\'', '"': '"', '`': '`', '?': '?'}

// unescape resolves the escapes of a quoted text's content, which starts at from. A line end in it, however it is
// written in the file, is \n.
func (l *lexer) unescape(s string, from int) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\r':
			b.WriteByte('\n')
			i++
			if i < len(s) && s[i] == '\n' {
				i++
			}
		case s[i] != '\\':
			b.WriteByte(s[i])
			i++
		default:
			size := l.escape(&b, s[i:], from+i)
			i += size
		}
	}
	return b.String()
}

// escape resolves the escape that s begins with and returns its length. A wrong one gives a fault and stands for itself.
func (l *lexer) escape(b *strings.Builder, s string, start int) int {
	bad := func(size int, message, hint string) int {
		l.faultAt(start, start+size, message, hint)
		b.WriteString(s[:size])
		return size
	}
	if len(s) < 2 || s[1] == '\n' || s[1] == '\r' {
		return bad(1, `a \ stands alone`, `write \\`)
	}
	c := s[1]
	if e, ok := simpleEscapes[c]; ok {
		b.WriteByte(e)
		return 2
	}
	digits, base := 0, 16
	switch {
	case c == 'x' || c == 'X':
		digits = 2
	case c == 'u':
		digits = 4
	case c == 'U':
		digits = 8
	case c >= '0' && c <= '3':
		digits, base = 3, 8
	default:
		_, size := utf8.DecodeRuneInString(s[1:])
		esc := s[:1+size]
		return bad(1+size, esc+" is not an escape", `write \`+esc+`, or put an r before the quote, r"…", where \ is to stand for itself`)
	}
	from := 2
	if base == 8 {
		from = 1
	}
	size := from
	for size < len(s) && size < from+digits && (isDigit(s[size]) || base == 16 && strings.IndexByte("abcdefABCDEF", s[size]) >= 0) {
		size++
	}
	code, err := strconv.ParseUint(s[from:size], base, 32)
	switch {
	case size < from+digits || err != nil:
		if base == 8 {
			return bad(size, s[:size]+" is not an escape", `write three digits from \000 to \377`)
		}
		return bad(size, s[:size]+" is not an escape", `\`+string(c)+" takes "+strconv.Itoa(digits)+" digits from 0 to F")
	case code > unicode.MaxRune || !utf8.ValidRune(rune(code)):
		return bad(size, s[:size]+" is not a character", "")
	}
	b.WriteRune(rune(code))
	return size
}

// quoteText writes a text in double quotes with the escapes that Parse reads; what cannot be seen is escaped.
func quoteText(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			b.WriteString(`\x` + hexDigits(r, 2))
		case r < utf8.RuneSelf || unicode.IsGraphic(r):
			b.WriteRune(r)
		case r <= 0xffff:
			b.WriteString(`\u` + hexDigits(r, 4))
		default:
			b.WriteString(`\U` + hexDigits(r, 8))
		}
	}
	b.WriteByte('"')
	return b.String()
}

func hexDigits(r rune, digits int) string {
	s := strconv.FormatInt(int64(r), 16)
	return strings.Repeat("0", digits-len(s)) + s
}

// quoteName shows a piece of the rule's text in a message, cut when it is long.
func quoteName(s string) string {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i] + "…"
	}
	if utf8.RuneCountInString(s) > 40 {
		s = string([]rune(s)[:40]) + "…"
	}
	return "'" + s + "'"
}
