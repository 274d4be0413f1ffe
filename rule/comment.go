package rule

import (
	"sort"
	"strings"
)

// attach puts a comment at the piece it belongs to: one with a line of its own before the piece that follows it, one
// at the end of a line after the piece that ends before it. Where no line may break beside that piece, the comment goes
// before the nearest piece around it where one may. Comments must come in order.
//
// The places chosen are fixed points: the comment written there is attached there again.
func (root *piece) attach(text string, c Comment) {
	lineStart := strings.LastIndexByte(text[:c.At], '\n') + 1
	own := strings.Trim(text[lineStart:c.At], " \t\r\f\uFEFF") == ""
	switch {
	case c.At < root.start:
		root.lead = append(root.lead, c.Text)
		return
	case c.At >= root.end:
		if own {
			root.final = append(root.final, c.Text)
		} else {
			root.after(c.Text)
		}
		return
	}
	p := root
	var before, next *piece // the kids of p around the comment
	for {
		i := sort.Search(len(p.kids), func(i int) bool { return p.kids[i].end > c.At })
		before, next = nil, nil
		if i > 0 {
			before = p.kids[i-1]
		}
		if i < len(p.kids) {
			next = p.kids[i]
		}
		if next == nil || c.At < next.start {
			break
		}
		p = next
	}
	switch {
	case before != nil && !own:
		before.after(c.Text)
	case next != nil:
		next.before(c.Text)
	case p.shut != "":
		p.tail = append(p.tail, c.Text)
	case before != nil:
		p.following(c.Text)
	default:
		p.before(c.Text)
	}
}

// before adds a comment with a line of its own before p.
func (p *piece) before(comment string) {
	for p.parent != nil && (!p.loose || p.index == 0 && p.parent.head == "") {
		p = p.parent
	}
	p.lead = append(p.lead, comment)
}

// after adds a comment at the end of the line that p ends on.
func (p *piece) after(comment string) {
	for p.parent != nil && p.last() && p.parent.shut == "" {
		p = p.parent
	}
	switch {
	case p.parent == nil:
		if p.trail == "" && len(p.final) == 0 {
			p.trail = comment
		} else {
			p.final = append(p.final, comment)
		}
	case !p.last() && !p.parent.kids[p.index+1].loose:
		p.before(comment)
	case p.trail == "":
		p.trail = comment
	case p.last():
		p.parent.tail = append(p.parent.tail, comment)
	default:
		p.parent.kids[p.index+1].before(comment)
	}
}

// following adds a comment with a line of its own after p.
func (p *piece) following(comment string) {
	for ; p.parent != nil; p = p.parent {
		if !p.last() {
			p.parent.kids[p.index+1].before(comment)
			return
		}
		if p.parent.shut != "" {
			p.parent.tail = append(p.parent.tail, comment)
			return
		}
	}
	p.final = append(p.final, comment)
}

func (p *piece) last() bool { return p.index == len(p.parent.kids)-1 }

// settle finds the pieces that hold comments and says so.
func (p *piece) settle() {
	p.split = len(p.tail) > 0
	for _, k := range p.kids {
		k.settle()
		p.split = p.split || k.split || k.trail != "" || len(k.lead) > 0
	}
}
