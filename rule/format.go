package rule

import (
	"strings"

	"tagma/event"
)

// formatColumns is the width, in terminal cells, up to which Format keeps things on one line.
const formatColumns = 100

// Format writes a rule in its one canonical layout: on one line where it fits, else broken after the outermost && and
// || first; no parentheses but those that the tree needs; texts in double quotes; numbers as they were written. Comments
// stay where they are: those on a line of their own before what they precede, the others at the end of a line. Formatting
// the result again changes nothing, and reading it gives the same tree. A source with faults comes back as it was written.
func Format(s *Source) string {
	if s.Root == nil {
		return s.Text
	}
	root := (&pieceMaker{s.parens}).piece(s.Root, precChoice)
	for i := range s.Comments {
		root.attach(s.Text, s.Comments[i])
	}
	root.settle()
	w := pieceWriter{}
	w.item(root, 0, 0)
	for _, c := range root.final {
		w.line(0)
		w.add(c)
	}
	w.flush()
	return w.b.String()
}

// OneLine writes an expression on one line by the same rules as Format, without comments.
func OneLine(n Node) string {
	w := pieceWriter{}
	w.flat((&pieceMaker{}).piece(n, precChoice))
	return w.b.String()
}

// piece is a part of a rule as it is laid out: words that stay together, or smaller pieces with a rule where lines may
// break between them.
type piece struct {
	shape      pieceShape
	head, shut string   // the words, of a leaf; what stands before and after the pieces within
	kids       []*piece // in the order of the text
	seps       []string // what follows each kid but the last, before a blank or a line break
	start, end int      // the place in the text that was read
	loose      bool     // a line may break before it
	parent     *piece
	index      int // among the parent's kids

	lead  []string // comments on lines of their own before it
	trail string   // the comment at the end of its line
	tail  []string // comments on lines of their own after the last kid, before the closing bracket
	final []string // of the root: comments on lines of their own after it
	split bool     // it holds a comment and cannot be one line
	width int      // in cells, when it is one line
}

type pieceShape uint8

const (
	leafPiece    pieceShape = iota // words
	signPiece                      // a sign and its value
	bracketPiece                   // an opening bracket, pieces with commas, a closing bracket
	logicPiece                     // pieces joined by && or by ||
	sumPiece                       // pieces joined by other operators
	pathPiece                      // a value and what is selected of it: .name .name(…) [key]
	choicePiece                    // condition, value, condition, value, …, other value
)

// pieceMaker makes the pieces of a tree.
type pieceMaker struct{ parens map[Node]span }

// precedence of a node as it will be written.
func nodePrecedence(n Node) int {
	switch n := n.(type) {
	case *Ternary:
		return precChoice
	case *Binary:
		return precedenceOf(n.Op)
	case *Unary:
		return precUnary
	}
	return precMember
}

// piece makes the piece of a node, in parentheses if its precedence is below least.
func (m *pieceMaker) piece(n Node, least int) *piece {
	if nodePrecedence(n) >= least {
		return m.bare(n)
	}
	return m.parenthesis(n, m.bare(n))
}

func (m *pieceMaker) parenthesis(n Node, inner *piece) *piece {
	p := &piece{shape: bracketPiece, head: "(", shut: ")", start: n.Start(), end: n.End(), kids: []*piece{inner}}
	if s, ok := m.parens[n]; ok {
		p.start, p.end = s.start, s.end
	}
	return p.sized()
}

func (m *pieceMaker) bare(n Node) *piece {
	p := &piece{start: n.Start(), end: n.End()}
	switch n := n.(type) {
	case *Literal:
		p.head = literalText(n)
	case *Name:
		p.head = n.Name
	case *ListLit:
		p.shape, p.head, p.shut = bracketPiece, "[", "]"
		p.kids = m.pieces(n.Items)
	case *Unary:
		return m.sign(n, false)
	case *Binary:
		m.chain(p, n)
	case *Ternary:
		m.choice(p, n)
	case *Call:
		if n.Recv == nil {
			p.shape, p.head, p.shut = bracketPiece, n.Fun+"(", ")"
			p.kids = m.pieces(n.Args)
		} else {
			m.path(p, n)
		}
	case *Member, *Index:
		m.path(p, n)
	}
	return p.sized()
}

// sign makes the piece of a sign and its value. A minus before a number belongs to the number, unless another minus
// is before it: -(1) is not -1, and -(-1) is not --1.
func (m *pieceMaker) sign(n *Unary, afterMinus bool) *piece {
	p := &piece{shape: signPiece, head: n.Op, start: n.Start(), end: n.End()}
	minus := n.Op == "-"
	if inner, ok := n.X.(*Unary); ok {
		p.kids = []*piece{m.sign(inner, minus)}
		return p.sized()
	}
	operand := m.piece(n.X, precUnary)
	first := operand
	for first.shape == pathPiece {
		first = first.kids[0]
	}
	if minus && first.shape == leafPiece {
		c := first.head[0]
		if c == '-' || (isDigit(c) || c == '.') && !afterMinus {
			operand = m.parenthesis(n.X, operand)
		}
	}
	p.kids = []*piece{operand}
	return p.sized()
}

func (m *pieceMaker) pieces(nodes []Node) []*piece {
	ps := make([]*piece, len(nodes))
	for i, n := range nodes {
		ps[i] = m.piece(n, precChoice)
	}
	return ps
}

// chain makes one piece of operators of the same precedence that lean to the left: a && b && c, a + b - c.
// Of && and || it is always the same operator.
func (m *pieceMaker) chain(p *piece, n *Binary) {
	prec := precedenceOf(n.Op)
	p.shape = sumPiece
	if prec <= precAnd {
		p.shape = logicPiece
	}
	var right []*Binary // from the last operator to the first
	var x Node = n
	for {
		b, ok := x.(*Binary)
		if !ok || precedenceOf(b.Op) != prec {
			break
		}
		right = append(right, b)
		x = b.X
	}
	p.kids = append(make([]*piece, 0, len(right)+1), m.piece(x, prec))
	p.seps = make([]string, 0, len(right))
	for i := len(right) - 1; i >= 0; i-- {
		y := m.piece(right[i].Y, prec+1)
		// A word or a list stays beside its operator: it would not help to break there.
		y.loose = prec != precRelation || y.shape != leafPiece && y.head != "["
		p.kids = append(p.kids, y)
		p.seps = append(p.seps, " "+right[i].Op)
	}
}

// choice makes one piece of choices that lean to the right: a ? x : b ? y : z.
func (m *pieceMaker) choice(p *piece, n *Ternary) {
	p.shape = choicePiece
	for {
		p.kids = append(p.kids, m.piece(n.Cond, precOr), m.piece(n.X, precOr))
		p.seps = append(p.seps, " ?", " :")
		next, ok := n.Y.(*Ternary)
		if !ok {
			break
		}
		n = next
	}
	p.kids = append(p.kids, m.piece(n.Y, precChoice))
	for _, k := range p.kids {
		k.loose = true
	}
}

// path makes one piece of what is selected of a value. Lines break before the calls, if there are several.
func (m *pieceMaker) path(p *piece, n Node) {
	p.shape = pathPiece
	var parts []*piece // from the last to the first
	calls := 0
	for {
		part := &piece{end: n.End()}
		var x Node
		switch n := n.(type) {
		case *Member:
			x, part.head, part.start = n.X, "."+n.Name, n.At
		case *Call:
			if n.Recv == nil {
				break
			}
			x, part.shape, part.head, part.shut, part.start = n.Recv, bracketPiece, "."+n.Fun+"(", ")", n.At
			part.kids = m.pieces(n.Args)
			part.loose = true
			calls++
		case *Index:
			x, part.shape, part.head, part.shut, part.start = n.X, bracketPiece, "[", "]", n.X.End()
			if s, ok := m.parens[n.X]; ok {
				part.start = s.end
			}
			part.kids = []*piece{m.piece(n.Key, precChoice)}
		}
		if x == nil {
			break
		}
		parts = append(parts, part.sized())
		n = x
	}
	p.kids = append(make([]*piece, 0, len(parts)+1), m.piece(n, precMember))
	for i := len(parts) - 1; i >= 0; i-- {
		parts[i].loose = parts[i].loose && calls > 1
		p.kids = append(p.kids, parts[i])
	}
}

// sized computes the width, and tells the kids where they are.
func (p *piece) sized() *piece {
	p.width = cellsOf(p.head) + len(p.shut)
	for i, k := range p.kids {
		k.parent, k.index = p, i
		p.width += k.width
		switch {
		case p.shape == bracketPiece:
			k.loose = true
			if i > 0 {
				p.width += len(", ")
			}
		case i > 0 && p.shape != pathPiece:
			p.width += len(p.seps[i-1]) + 1
		}
	}
	return p
}

// literalText writes a literal as it was written; texts in double quotes.
func literalText(l *Literal) string {
	switch v := l.Value; v.Kind() {
	case event.TextKind:
		// A raw text with backslashes, a pattern, is easier to read as it is.
		if s := v.Text(); (strings.HasPrefix(l.Raw, "r") || strings.HasPrefix(l.Raw, "R")) &&
			strings.Contains(s, `\`) && quoteText(strings.ReplaceAll(s, `\`, "/")) == `"`+strings.ReplaceAll(s, `\`, "/")+`"` {
			return `r"` + s + `"`
		}
		return quoteText(v.Text())
	case event.NumberKind:
		if l.Raw != "" {
			return l.Raw
		}
		return v.Number().Exact()
	}
	return l.Value.String()
}
