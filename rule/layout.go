package rule

import "strings"

// pieceWriter writes pieces into lines.
type pieceWriter struct {
	b       strings.Builder
	column  int
	comment string // to be written at the end of this line
}

func (w *pieceWriter) add(s string) {
	w.b.WriteString(s)
	w.column += cellsOf(s)
}

// flush writes the comment that waits for the end of the line.
func (w *pieceWriter) flush() {
	if w.comment != "" {
		w.b.WriteString(" " + w.comment)
		w.comment = ""
	}
}

// line begins a new line.
func (w *pieceWriter) line(indent int) {
	w.flush()
	w.b.WriteByte('\n')
	w.b.WriteString(strings.Repeat(" ", indent))
	w.column = indent
}

// item writes a piece with its comments. The position is where a line may begin: the lines of the piece continue at
// indent. After cells stand behind it on its last line.
func (w *pieceWriter) item(p *piece, indent, after int) {
	for _, c := range p.lead {
		w.add(c)
		w.line(indent)
	}
	w.piece(p, indent, after)
	if p.trail != "" {
		w.comment = p.trail
	}
}

// flat writes a piece on one line.
func (w *pieceWriter) flat(p *piece) {
	w.b.WriteString(p.head)
	for i, k := range p.kids {
		if i > 0 {
			w.b.WriteString(p.sep(i - 1))
			if p.shape != pathPiece {
				w.b.WriteByte(' ')
			}
		}
		w.flat(k)
	}
	w.b.WriteString(p.shut)
}

// sep is what follows the kid at i, before a blank.
func (p *piece) sep(i int) string {
	switch p.shape {
	case bracketPiece:
		return ","
	case pathPiece:
		return ""
	}
	return p.seps[i]
}

// fits says that these cells, and what stands behind them, find room on this line.
func (w *pieceWriter) fits(width, after int) bool { return w.column+width+after <= formatColumns }

// piece writes a piece on one line if it may and can be, else over several.
func (w *pieceWriter) piece(p *piece, indent, after int) {
	if p.shape == leafPiece || !p.split && w.fits(p.width, after) {
		w.flat(p)
		w.column += p.width
		return
	}
	switch p.shape {
	case signPiece:
		w.add(p.head)
		w.piece(p.kids[0], indent, after)
	case bracketPiece:
		w.bracket(p, indent)
	case choicePiece:
		w.choice(p, indent, after)
	default:
		w.chain(p, indent, after)
	}
}

const indentStep = 2

func (w *pieceWriter) bracket(p *piece, indent int) {
	w.add(p.head)
	if len(p.kids)+len(p.tail) > 0 {
		for i, k := range p.kids {
			w.line(indent + indentStep)
			comma := ""
			if i+1 < len(p.kids) {
				comma = ","
			}
			w.item(k, indent+indentStep, len(comma))
			w.add(comma)
		}
		for _, c := range p.tail {
			w.line(indent + indentStep)
			w.add(c)
		}
		w.line(indent)
	}
	w.add(p.shut)
}

// chain writes the pieces of operators or of a path, each that may on a line of its own.
func (w *pieceWriter) chain(p *piece, indent, after int) {
	inner := indent + indentStep
	if p.shape == logicPiece && (p.parent == nil || p.parent.shape != logicPiece) {
		inner = indent
	}
	at := indent // of the line we are on
	for i, k := range p.kids {
		switch {
		case i == 0:
		case k.loose:
			at = inner
			w.line(at)
		case p.shape != pathPiece:
			w.add(" ")
		}
		w.item(k, at, w.behind(p, i, after))
		if i+1 < len(p.kids) {
			w.add(p.sep(i))
		}
	}
}

// behind is how many cells stand behind the kid at i on its last line: its operator, and what cannot be broken off.
func (w *pieceWriter) behind(p *piece, i, after int) int {
	n := 0
	for ; i+1 < len(p.kids) && n <= formatColumns; i++ {
		n += len(p.sep(i))
		k := p.kids[i+1]
		if k.loose {
			return n
		}
		if p.shape != pathPiece {
			n++
		}
		if k.shape == bracketPiece && len(k.kids) > 0 {
			return n + cellsOf(k.head)
		}
		n += k.width
	}
	return n + after
}

func (w *pieceWriter) choice(p *piece, indent, after int) {
	last := len(p.kids) - 1
	for i := 0; i < last; i += 2 {
		cond, value := p.kids[i], p.kids[i+1]
		w.item(cond, indent, len(" ?"))
		w.add(" ?")
		if cond.trail != "" || len(value.lead) > 0 || value.split || !w.fits(1+value.width, len(" :")) {
			w.line(indent + indentStep)
		} else {
			w.add(" ")
		}
		w.item(value, indent+indentStep, len(" :"))
		w.add(" :")
		w.line(indent)
	}
	w.item(p.kids[last], indent, after)
}
