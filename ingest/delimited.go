package ingest

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxRow bounds a row of a text file, in bytes. It is there for the quote that is never closed.
const maxRow = 16 << 20

// rowSource reads a file's rows.
type rowSource interface {
	// columns returns the columns' names; nil means that each row has its own (JSON lines).
	columns() []string
	// next returns the next rows, io.EOF after the last. When the file breaks off, the rows before that come
	// first, and then how it broke.
	next() (*Rows, error)
	close() error
}

// textReader gives the text of a stream piece by piece, as strings that rows can point into.
type textReader struct {
	in   io.Reader
	buf  []byte
	text string // read and not yet used up
	pos  int    // used up to here
	// last says that nothing follows text; broken is how the stream ended, where that was not well.
	last   bool
	broken error
	valid  bool // the whole lines of text are UTF-8
	line   int64
}

const firstPiece = 512 << 10

// fill gets more text behind the rest, which stays. After a stream that broke off, text ends with its last whole line.
func (t *textReader) fill() {
	rest := t.text[t.pos:]
	size := max(firstPiece, 2*len(rest))
	if len(t.buf) < size {
		t.buf = make([]byte, size)
	}
	n := copy(t.buf, rest)
	for n < size && !t.last {
		k, err := t.in.Read(t.buf[n:size])
		n += k
		if err != nil {
			t.last = true
			if err != io.EOF {
				t.broken = err
			}
		}
	}
	t.text, t.pos = string(t.buf[:n]), 0
	whole := t.text
	if !t.last || t.broken != nil {
		whole = t.text[:strings.LastIndexByte(t.text, '\n')+1]
	}
	if t.broken != nil {
		t.text = whole // the line that was cut may have lost its end
	}
	t.valid = utf8.ValidString(whole)
}

// end is what next returns when all text is used up.
func (t *textReader) end() error {
	if t.broken != nil {
		return t.broken
	}
	return io.EOF
}

// skipBlank goes past empty lines; false when there is no text left to tell.
func (t *textReader) skipBlank() bool {
	for t.pos < len(t.text) {
		switch rest := t.text[t.pos:]; {
		case rest[0] == '\n':
			t.pos++
		case strings.HasPrefix(rest, "\r\n"):
			t.pos += 2
		case rest == "\r":
			if t.last {
				t.pos++
			}
			return false
		default:
			return true
		}
		t.line++
	}
	return false
}

// readLine returns the next line without its end; false when it is not all there yet, or at the end.
func (t *textReader) readLine() (string, bool) {
	if !t.skipBlank() {
		return "", false
	}
	rest := t.text[t.pos:]
	n := strings.IndexByte(rest, '\n')
	switch {
	case n >= 0:
		t.pos += n + 1
	case t.last:
		t.pos, n = len(t.text), len(rest)
	default:
		return "", false
	}
	t.line++
	return strings.TrimSuffix(rest[:n], "\r"), true
}

// delimited reads rows of cells: with a delimiter, quotes respected as RFC 4180 has them, or padded with
// blanks. A row that cannot be read is refused alone, and reading goes on at the line after its first.
type delimited struct {
	textReader
	delim byte // 0: blanks
	names []string
	row   int64
	first int64 // the line on which the row read last starts
	cells []string
	from  io.Closer
}

// Reasons why a row of a text file is refused.
const (
	reasonOpenQuote  = "a quoted cell is not closed"
	reasonAfterQuote = "text after the closing quote of a cell"
	reasonNotUTF8    = "not UTF-8 text"
	reasonCells      = "the number of cells is not that of the columns"
	reasonLong       = "the row is longer than 16 MB"
)

// newDelimited reads a stream of UTF-8. names are given where the file has no header.
func newDelimited(in io.Reader, from io.Closer, delim byte, names []string) (*delimited, error) {
	d := &delimited{textReader: textReader{in: in}, delim: delim, names: names, from: from}
	if names != nil {
		return d, nil
	}
	cells, bad, ok := d.read()
	switch {
	case !ok && d.broken != nil:
		return nil, d.broken
	case !ok:
		return nil, errEmptyFile
	case bad != "":
		return nil, fmt.Errorf("line %d: the header cannot be read: %s", d.line, bad)
	}
	d.names = make([]string, len(cells))
	for i, c := range cells {
		d.names[i] = strings.TrimSpace(c)
	}
	return d, nil
}

func (d *delimited) columns() []string { return d.names }
func (d *delimited) close() error      { return d.from.Close() }

// read returns the cells of the next row, getting more text as needed; false at the end. The slice is used again.
func (d *delimited) read() (cells []string, bad string, ok bool) {
	for {
		start := d.pos
		if cells, bad, ok = d.parse(); ok {
			if bad == "" && !d.valid && !utf8.ValidString(d.text[start:d.pos]) {
				bad = reasonNotUTF8
				cells = append(cells[:0], strings.ToValidUTF8(strings.TrimRight(d.text[start:d.pos], "\r\n"), "\uFFFD"))
			}
			return cells, bad, true
		}
		if d.last {
			return nil, "", false
		}
		d.fill()
	}
}

func (d *delimited) next() (*Rows, error) {
	r := &Rows{cells: make([][]string, len(d.names)), Row: make([]int64, 0, batchRows), Line: make([]int64, 0, batchRows)}
	columns := make([]string, len(d.names)*batchRows)
	for c := range r.cells {
		r.cells[c] = columns[c*batchRows : c*batchRows : (c+1)*batchRows]
	}
	r.Bytes = int64(len(columns)+batchRows) * 16
	for len(r.Row)+len(r.Bad) < batchRows && r.Bytes < 4*maxRow {
		cells, bad, ok := d.read()
		if !ok {
			break
		}
		d.row++
		line := d.first
		for _, c := range cells {
			r.Bytes += int64(len(c))
		}
		detail := ""
		if bad == "" && len(cells) != len(d.names) {
			bad, detail = reasonCells, fmt.Sprintf("the row has %s, but there are %s", count(len(cells), "cell"), count(len(d.names), "column"))
		}
		if bad != "" {
			r.Bad = append(r.Bad, BadRow{Row: d.row, Line: line, Reason: bad, Detail: detail, Cells: append([]string(nil), cells...)})
			continue
		}
		r.Row, r.Line = append(r.Row, d.row), append(r.Line, line)
		for c, cell := range cells {
			r.cells[c] = append(r.cells[c], cell)
		}
	}
	if r.N = len(r.Row); r.N == 0 && len(r.Bad) == 0 {
		return nil, d.end()
	}
	return r, nil
}

// parse reads a row from the text; false when there is none, or not all of it.
func (d *delimited) parse() (cells []string, bad string, ok bool) {
	if d.delim == 0 {
		return d.parseBlanks()
	}
	if !d.skipBlank() {
		return nil, "", false
	}
	d.cells, d.first = d.cells[:0], d.line+1
	text, delim, lines := d.text, d.delim, int64(1)
	for i := d.pos; ; {
		if i < len(text) && text[i] == '"' {
			cell, next, state := d.quoted(i)
			switch state {
			case quoteOpen:
				if !d.last && len(text)-d.pos <= maxRow {
					return nil, "", false
				}
				return d.skipLine(reasonOpenQuote)
			case quoteUnknown:
				return nil, "", false
			case quoteSpoilt:
				return d.skipLine(reasonAfterQuote)
			}
			lines += int64(strings.Count(text[i:next], "\n"))
			d.cells = append(d.cells, cell)
			if state == quoteEndsRow {
				if next == len(text) && text[next-1] != '\n' {
					lines++ // so that the line's missing end counts
				}
				d.pos, d.line = next, d.line+lines-1
				return d.cells, "", true
			}
			i = next
			continue
		}
		j := i
		for j < len(text) && text[j] != delim && text[j] != '\n' {
			j++
		}
		if j == len(text) && !d.last {
			if len(text)-d.pos > maxRow {
				return d.skipLine(reasonLong)
			}
			return nil, "", false
		}
		if j < len(text) && text[j] == delim {
			d.cells = append(d.cells, text[i:j])
			i = j + 1
			continue
		}
		d.cells = append(d.cells, strings.TrimSuffix(text[i:j], "\r"))
		d.pos, d.line = min(j+1, len(text)), d.line+lines
		return d.cells, "", true
	}
}

// What a quoted cell turns out to be.
type quoteState uint8

const (
	quoteEndsCell quoteState = iota
	quoteEndsRow
	quoteOpen    // no closing quote in the text
	quoteUnknown // the text ends where it would tell
	quoteSpoilt  // neither a delimiter nor a line's end follows it
)

// quoted reads the cell whose opening quote is at i. next is behind the delimiter or line end that follows.
func (d *delimited) quoted(i int) (cell string, next int, state quoteState) {
	text, doubled := d.text, false
	k := i + 1
	for {
		n := strings.IndexByte(text[k:], '"')
		if n < 0 {
			return "", 0, quoteOpen
		}
		if k += n; k+1 == len(text) && !d.last {
			return "", 0, quoteUnknown
		}
		if k+1 == len(text) || text[k+1] != '"' {
			break
		}
		doubled = true
		k += 2
	}
	cell = text[i+1 : k]
	if doubled {
		cell = strings.ReplaceAll(cell, `""`, `"`)
	}
	if strings.Contains(cell, "\r\n") {
		cell = strings.ReplaceAll(cell, "\r\n", "\n")
	}
	switch after := text[k+1:]; {
	case after == "":
		return cell, len(text), quoteEndsRow
	case after[0] == d.delim:
		return cell, k + 2, quoteEndsCell
	case after[0] == '\n':
		return cell, k + 2, quoteEndsRow
	case strings.HasPrefix(after, "\r\n"):
		return cell, k + 3, quoteEndsRow
	case after == "\r" && d.last:
		return cell, len(text), quoteEndsRow
	case after == "\r":
		return "", 0, quoteUnknown
	}
	return "", 0, quoteSpoilt
}

// skipLine refuses the row and goes to its second line, or to the next row.
func (d *delimited) skipLine(reason string) ([]string, string, bool) {
	rest := d.text[d.pos:]
	n := strings.IndexByte(rest, '\n') + 1
	if n == 0 {
		n = len(rest)
	}
	d.pos += n
	d.line++
	line := strings.TrimRight(rest[:n], "\r\n")
	if len(line) > 1000 {
		line = line[:1000]
	}
	d.cells = append(d.cells[:0], strings.ToValidUTF8(line, "\uFFFD"))
	return d.cells, reason, true
}

// parseBlanks reads a row of cells that blanks separate.
func (d *delimited) parseBlanks() ([]string, string, bool) {
	for {
		line, ok := d.readLine()
		if !ok {
			if !d.last && len(d.text)-d.pos > maxRow {
				d.first = d.line + 1
				return d.skipLine(reasonLong)
			}
			return nil, "", false
		}
		d.cells, d.first = d.cells[:0], d.line
		for i := 0; i < len(line); {
			if line[i] == ' ' || line[i] == '\t' {
				i++
				continue
			}
			j := i
			for j < len(line) && line[j] != ' ' && line[j] != '\t' {
				j++
			}
			d.cells = append(d.cells, line[i:j])
			i = j
		}
		if len(d.cells) > 0 {
			return d.cells, "", true
		}
	}
}
