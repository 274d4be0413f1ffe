// Package rule is the language in which tags, segments, gates and import mappings are written: its syntax,
// its types, its one meaning and its evaluation over blocks of customers. It reads the warehouse through
// prepared readers and knows neither tags nor people as stored things: their values are handed to it.
package rule

import "tagma/event"

// Node is an expression as written. Start and End are byte offsets in the source text.
type Node interface {
	Start() int
	End() int
	node()
}

// span is embedded in every node.
type span struct{ start, end int }

func (s span) Start() int { return s.start }
func (s span) End() int   { return s.end }
func (span) node()        {}

// The nodes of the syntax tree. Parentheses leave no node; a formatter puts them where precedence asks for them.
type (
	// Literal is a number, text, bool or null (the missing Value).
	Literal struct {
		span
		Value event.Value
		Raw   string // as written, for the formatter
	}
	// Name is a bare identifier: events, traits, now, e.
	Name struct {
		span
		Name string
	}
	// Member is x.name.
	Member struct {
		span
		X    Node
		Name string
		At   int // where the name starts
	}
	// Index is x[key]; x["name"] means the same as x.name.
	Index struct {
		span
		X, Key Node
	}
	// Call is f(args) or recv.f(args).
	Call struct {
		span
		Recv Node // nil for a plain function
		Fun  string
		At   int // where the function's name starts
		Args []Node
	}
	// Unary is !x or -x.
	Unary struct {
		span
		Op string
		X  Node
	}
	// Binary is x op y with op one of && || == != < <= > >= in + - * / %.
	Binary struct {
		span
		Op   string
		At   int // where the operator starts
		X, Y Node
	}
	// Ternary is cond ? x : y.
	Ternary struct {
		span
		Cond, X, Y Node
	}
	// ListLit is [a, b].
	ListLit struct {
		span
		Items []Node
	}
)

// Comment is a // comment, its text including the slashes, without the line end.
type Comment struct {
	At   int
	Text string
}

// Source is a parsed text.
type Source struct {
	Text     string
	Root     Node
	Comments []Comment // in order

	parens map[Node]span // where parentheses stood around a node, for the formatter to place comments by
}
