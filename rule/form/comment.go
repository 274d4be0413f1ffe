package form

import (
	"sort"
	"strings"

	"tagma/rule"
)

// remark is what is written beside a node: the lines before it, and a note at the end of its line. Both are without the
// slashes.
type remark struct {
	before []string
	note   string
}

const commentBlanks = " \t\r\f\v"

func commentText(written string) string {
	return strings.TrimRight(strings.TrimPrefix(strings.TrimPrefix(written, "//"), " "), commentBlanks)
}

func commentLine(text string) string {
	if text == "" {
		return "//"
	}
	return "// " + text
}

func (f *Form) remark(n rule.Node) *remark {
	r := f.remarks[n]
	if r == nil {
		r = &remark{}
		f.remarks[n] = r
	}
	return r
}

// maxGroups is how deep groups lie in each other of which the members have comments of their own.
const maxGroups = 50

// members are the parts of a group, or of a not, that may have comments; none of anything else.
func members(n rule.Node, depth int) []rule.Node {
	if depth >= maxGroups {
		return nil
	}
	if b, ok := isGroup(n); ok {
		return chain(b)
	}
	if u, ok := n.(*rule.Unary); ok && u.Op == "!" {
		if _, in := notIn(n); !in {
			return []rule.Node{u.X}
		}
	}
	return nil
}

// lastOf is the last part of a node that is no group.
func lastOf(n rule.Node, depth int) rule.Node {
	for {
		kids := members(n, depth)
		if kids == nil {
			return n
		}
		n, depth = kids[len(kids)-1], depth+1
	}
}

// attach finds for each comment of a text the part that it belongs to: one with a line of its own belongs to what
// follows it, one at the end of a line to what ends there. Parentheses are seen in the text: the tree has none.
func (f *Form) attach(text string, comments []rule.Comment) {
	next := make([]byte, len(comments)) // the character that follows each, after blanks and further comments
	for i := len(comments) - 1; i >= 0; i-- {
		at := comments[i].At + len(comments[i].Text)
		at += len(text[at:]) - len(strings.TrimLeft(text[at:], " \t\r\f\v\n\uFEFF"))
		switch {
		case i+1 < len(comments) && comments[i+1].At <= at:
			next[i] = next[i+1]
		case at < len(text):
			next[i] = text[at]
		}
	}
	known := map[rule.Node][]rule.Node{} // the members of the groups with comments: long ones may have many
	for i, c := range comments {
		line := strings.TrimRight(text[strings.LastIndexByte(text[:c.At], '\n')+1:c.At], " \t\r\f\uFEFF")
		f.place(known, c.At, commentText(c.Text), line == "", strings.HasSuffix(line, "("), next[i] == ')')
	}
}

// place attaches the comment at a place. Own says that it has a line of its own, opens that a parenthesis stands before
// it, closes that one is closed after it.
func (f *Form) place(known map[rule.Node][]rule.Node, at int, comment string, own, opens, closes bool) {
	before := func(n rule.Node) {
		r := f.remark(n)
		r.before = append(r.before, comment)
	}
	// after puts the comment at the end of n's line, or, where there is one already, before what follows.
	after := func(n, next rule.Node, depth int) {
		last := lastOf(n, depth)
		if r := f.remark(last); r.note == "" && comment != "" {
			r.note = comment
		} else if next != nil {
			before(next)
		} else {
			before(last)
		}
	}
	n := f.root
	switch {
	case at < n.Start(), at >= n.End() && own:
		before(n)
		return
	case at >= n.End():
		after(n, nil, 0)
		return
	}
	for depth := 0; ; depth++ {
		kids, ok := known[n]
		if !ok {
			kids = members(n, depth)
			known[n] = kids
		}
		if len(kids) == 0 {
			before(n)
			return
		}
		i := sort.Search(len(kids), func(i int) bool { return kids[i].End() > at })
		var previous, next rule.Node
		if i > 0 {
			previous = kids[i-1]
		}
		if i < len(kids) {
			next = kids[i]
		}
		switch {
		case next != nil && next.Start() <= at:
			n = next
			continue
		case previous == nil, next != nil && (own && !closes || !own && opens):
			before(next)
		case own:
			before(previous)
		default:
			after(previous, next, depth+1)
		}
		return
	}
}

// settle brings the remarks to where they belong: only members of groups have them, the first member's comments are the
// group's, and a group's note is that of its last part.
func (f *Form) settle() {
	old := f.remarks
	f.remarks = map[rule.Node]*remark{}
	if len(old) == 0 {
		return
	}
	var visit func(n rule.Node, depth int, note string) []string
	visit = func(n rule.Node, depth int, note string) (before []string) {
		var own remark
		if r := old[n]; r != nil {
			own = *r
		}
		before = append(before, own.before...)
		if note == "" {
			note = own.note
		} else if own.note != "" {
			before = append(before, own.note)
		}
		kids := members(n, depth)
		for i, k := range kids {
			kidNote := ""
			if i == len(kids)-1 {
				kidNote = note
			}
			lines := visit(k, depth+1, kidNote)
			if i == 0 {
				before = append(before, lines...)
			} else if len(lines) > 0 {
				f.remark(k).before = lines
			}
		}
		if kids == nil {
			for _, k := range kidsOf(n) {
				before = append(before, inside(old, k)...)
			}
			if note != "" {
				f.remark(n).note = note
			}
		} else if b, ok := isGroup(n); ok {
			for x := b.X; ; { // the parts of the chain, which no form has, but a group within a group may have been one
				inner, ok := x.(*rule.Binary)
				if !ok || inner.Op != b.Op {
					break
				}
				if r := old[inner]; r != nil {
					before = append(before, r.lines()...)
				}
				x = inner.X
			}
		}
		return before
	}
	if lines := visit(f.root, 0, ""); len(lines) > 0 {
		f.remark(f.root).before = lines
	}
}

func (r *remark) lines() []string {
	if r.note == "" {
		return r.before
	}
	return append(append([]string{}, r.before...), r.note)
}

// inside collects the remarks in a part that has no members.
func inside(remarks map[rule.Node]*remark, n rule.Node) (lines []string) {
	if r := remarks[n]; r != nil {
		lines = append(lines, r.lines()...)
	}
	for _, k := range kidsOf(n) {
		lines = append(lines, inside(remarks, k)...)
	}
	return lines
}

// source writes the rule with its comments, in any layout that has them in their places.
func (f *Form) source() string {
	if len(f.remarks) == 0 {
		return rule.OneLine(f.root)
	}
	s := sourceWriter{remarks: f.remarks}
	s.write(f.root, 0, false)
	return s.b.String()
}

type sourceWriter struct {
	b       strings.Builder
	remarks map[rule.Node]*remark
}

func (s *sourceWriter) write(n rule.Node, depth int, parentheses bool) {
	r := s.remarks[n]
	if r == nil {
		r = &remark{}
	}
	for _, line := range r.before {
		s.b.WriteString("\n" + commentLine(line) + "\n")
	}
	if parentheses {
		s.b.WriteByte('(')
	}
	switch kids := members(n, depth); {
	case kids == nil:
		s.b.WriteString(rule.OneLine(n))
	case len(kids) == 1:
		s.b.WriteByte('!')
		s.write(kids[0], depth+1, true)
	default:
		op := n.(*rule.Binary).Op
		for i, k := range kids {
			if i > 0 {
				s.b.WriteString(" " + op + " ")
			}
			_, choice := k.(*rule.Ternary)
			inner, group := isGroup(k)
			s.write(k, depth+1, choice || group && (inner.Op == "||" && op == "&&" || inner.Op == op))
		}
	}
	if parentheses {
		s.b.WriteByte(')')
	}
	if r.note != "" {
		s.b.WriteString(" " + commentLine(r.note) + "\n")
	}
}
