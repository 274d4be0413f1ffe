package rule

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tagma/errs"
)

// Fault is one thing that is wrong with a rule's text, or worth a warning. Start and End are byte offsets
// in the text with 0 ≤ Start ≤ End ≤ len(text); an empty span points between two characters.
type Fault struct {
	Start, End int
	Message    string // what is wrong, and what was expected
	Hint       string // the mend; may be empty
	Warning    bool   // the rule can be saved all the same
}

// At gives the fault its place in a text: place + ":line:column", both from 1 and the column in characters,
// and the line with carets under the span. An empty place gives "line:column" alone.
func (f Fault) At(text, place string) errs.Fault {
	start := min(max(f.Start, 0), len(text))
	end := min(max(f.End, start), len(text))
	at := linePosition(text, start)
	if place != "" {
		at = place + ":" + at
	}
	fault := errs.Fault{Place: at, Message: f.Message, Hint: f.Hint}
	if strings.TrimSpace(text) != "" {
		fault.Excerpt = excerpt(text, start, end)
	}
	return fault
}

// linePosition writes the offset as line:column, both from 1; columns are characters.
func linePosition(text string, at int) string {
	head := text[:at]
	line := strings.Count(head, "\n") + 1
	column := utf8.RuneCountInString(head[strings.LastIndexByte(head, '\n')+1:]) + 1
	return strconv.Itoa(line) + ":" + strconv.Itoa(column)
}

// excerptCells is the width of an excerpt in terminal cells; longer lines are cut around the carets.
const excerptCells = 100

// shownCell is one character of an excerpt's line.
type shownCell struct {
	char   rune
	width  int
	marked bool
}

// excerpt writes the line that start lies in and, below, carets under the part of start…end on that line,
// aligned in terminal cells. Characters that would disturb a terminal are shown as �, tabs as one blank.
func excerpt(text string, start, end int) string {
	from := strings.LastIndexByte(text[:start], '\n') + 1
	line := text[from:]
	if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
		line = text[from : start+i]
	}
	line = strings.TrimSuffix(line, "\r")
	line, from, before, behind := nearby(line, from, start)
	cells := make([]shownCell, 0, len(line))
	first, last := -1, -1 // the marked cells
	for i, r := range line {
		c := shownCell{char: r, width: cellWidth(r), marked: from+i >= start && from+i < end}
		switch {
		case r == '\t':
			c.char, c.width = ' ', 1
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			c.char, c.width = utf8.RuneError, 1
		}
		if from+i >= start && first < 0 {
			first = len(cells)
		}
		if c.marked {
			last = len(cells)
		}
		cells = append(cells, c)
	}
	if first < 0 { // at the line's end
		first = len(cells)
		cells = append(cells, shownCell{char: ' ', width: 1})
	}
	if last < first {
		last = first
		cells[first].marked = true
	}
	cells, cutLeft, cutRight := excerptWindow(cells, first)
	cutLeft, cutRight = cutLeft || before, cutRight || behind
	var top, under strings.Builder
	if cutLeft {
		top.WriteRune('…')
		under.WriteByte(' ')
	}
	blanks, carets, met := 0, 0, false
	for _, c := range cells {
		top.WriteRune(c.char)
		switch {
		case c.marked:
			carets, met = carets+c.width, true
		case !met:
			blanks += c.width
		}
	}
	if carets == 0 { // only accents: the caret stands under their letter
		blanks, carets = max(blanks-1, 0), 1
	}
	under.WriteString(strings.Repeat(" ", blanks) + strings.Repeat("^", carets))
	if cutRight {
		top.WriteRune('…')
	}
	return strings.TrimRight(top.String(), " ") + "\n" + under.String()
}

// nearby cuts a very long line, which starts at from, roughly around start, and says on which sides it cut.
func nearby(line string, from, start int) (cut string, cutFrom int, left, right bool) {
	const reach = 10 * excerptCells
	if end := start - from + reach; end < len(line) {
		for end > 0 && !utf8.RuneStart(line[end]) {
			end--
		}
		line, right = line[:end], true
	}
	if begin := start - from - reach; begin > 0 {
		for begin > 0 && !utf8.RuneStart(line[begin]) {
			begin--
		}
		line, from, left = line[begin:], from+begin, true
	}
	return line, from, left, right
}

// excerptWindow cuts the cells to excerptCells around the one at index first, and says on which sides it cut.
func excerptWindow(cells []shownCell, first int) (cut []shownCell, left, right bool) {
	total := 0
	for _, c := range cells {
		total += c.width
	}
	if total <= excerptCells {
		return cells, false, false
	}
	const room = excerptCells - 2 // for an … on either side
	from, used := first, 0
	for from > 0 && used+cells[from-1].width <= room/3 {
		from--
		used += cells[from].width
	}
	to := first
	for to < len(cells) && used+cells[to].width <= room {
		used += cells[to].width
		to++
	}
	for from > 0 && used+cells[from-1].width <= room {
		from--
		used += cells[from].width
	}
	return cells[from:to], from > 0, to < len(cells)
}

// wideCells are the characters that take two terminal cells: the wide and full-width ones of Unicode's
// East Asian Width, in blocks, and the emoji.
var wideCells = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1}, {0x231a, 0x231b, 1}, {0x2329, 0x232a, 1}, {0x23e9, 0x23ec, 1}, {0x25fd, 0x25fe, 1},
		{0x2614, 0x2615, 1}, {0x2648, 0x2653, 1}, {0x26a1, 0x26a1, 1}, {0x26bd, 0x26be, 1}, {0x26c4, 0x26c5, 1},
		{0x2705, 0x2705, 1}, {0x2728, 0x2728, 1}, {0x274c, 0x274c, 1}, {0x2753, 0x2755, 1}, {0x2757, 0x2757, 1},
		{0x2795, 0x2797, 1}, {0x2b50, 0x2b50, 1}, {0x2e80, 0x303e, 1}, {0x3041, 0x4dbf, 1}, {0x4e00, 0xa4cf, 1},
		{0xa960, 0xa97f, 1}, {0xac00, 0xd7a3, 1}, {0xf900, 0xfaff, 1}, {0xfe10, 0xfe19, 1}, {0xfe30, 0xfe6f, 1},
		{0xff01, 0xff60, 1}, {0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{
		{0x16fe0, 0x18dff, 1}, {0x1b000, 0x1b2ff, 1}, {0x1f300, 0x1f64f, 1}, {0x1f680, 0x1f6ff, 1},
		{0x1f900, 0x1f9ff, 1}, {0x1fa70, 0x1faff, 1}, {0x20000, 0x3fffd, 1},
	},
}

// cellWidth is how many terminal cells a character takes.
func cellWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r >= 0x1160 && r <= 0x11ff:
		return 0
	case unicode.Is(wideCells, r):
		return 2
	}
	return 1
}

// cellsOf is how many terminal cells a text takes.
func cellsOf(s string) int {
	n := 0
	for _, r := range s {
		n += cellWidth(r)
	}
	return n
}
