package chinese

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pattern is an entry taken apart: literals with holes between them.
type pattern struct {
	entry    entry
	literals []string // one more than holes
	holes    []byte   // the verbs: 'q', 'd', or 's' for all others
	longest  string   // the longest literal
	weight   int      // bytes of literals: of several that fit, the one that says most is meant
	zh       []piece
}

// piece is a part of the Chinese: a text, or a hole.
type piece struct {
	text  string
	hole  int // from 0; -1 for a text
	words bool
}

// verb is a hole in a format. %% does not occur, and a % before anything else stands for itself.
var verb = regexp.MustCompile(`%(?:\[\d\])?[+#]?[0-9.]*[sdqvcTwxXtUfg]`)

// hole is one in the Chinese.
var hole = regexp.MustCompile(`\{([1-9])(\*?)\}`)

func newPattern(e entry) *pattern {
	p := &pattern{entry: e}
	at := 0
	for _, m := range verb.FindAllStringIndex(e.en, -1) {
		p.literals = append(p.literals, e.en[at:m[0]])
		kind := e.en[m[1]-1]
		if kind != 'q' && kind != 'd' {
			kind = 's'
		}
		p.holes = append(p.holes, kind)
		at = m[1]
	}
	p.literals = append(p.literals, e.en[at:])
	for _, l := range p.literals {
		p.weight += len(l)
		if len(l) > len(p.longest) {
			p.longest = l
		}
	}
	at = 0
	for _, m := range hole.FindAllStringSubmatchIndex(e.zh, -1) {
		if m[0] > at {
			p.zh = append(p.zh, piece{e.zh[at:m[0]], -1, false})
		}
		n, _ := strconv.Atoi(e.zh[m[2]:m[3]])
		p.zh = append(p.zh, piece{"", n - 1, m[4] < m[5]})
		at = m[1]
	}
	if at < len(e.zh) {
		p.zh = append(p.zh, piece{e.zh[at:], -1, false})
	}
	return p
}

// index finds the pattern of a message.
type index struct {
	exact map[string]*pattern // without holes
	first [256][]*pattern     // by the byte that their first literal begins with, the heaviest first
	open  []*pattern          // those that begin with a hole, the heaviest first
}

func newIndex(lists ...[]entry) *index {
	x := &index{exact: map[string]*pattern{}}
	for _, list := range lists {
		for _, e := range list {
			p := newPattern(e)
			switch {
			case len(p.holes) == 0:
				x.exact[e.en] = p
			case p.literals[0] == "":
				x.open = append(x.open, p)
			default:
				at := p.literals[0][0]
				x.first[at] = append(x.first[at], p)
			}
		}
	}
	heaviest := func(a, b *pattern) int { return cmp.Compare(b.weight, a.weight) }
	slices.SortStableFunc(x.open, heaviest)
	for i := range x.first {
		slices.SortStableFunc(x.first[i], heaviest)
	}
	return x
}

// find returns the pattern that says most of a message and what stands in its holes; nil when none fits.
func (x *index) find(s string) (*pattern, []string) {
	if p := x.exact[s]; p != nil {
		return p, nil
	}
	if s == "" {
		return nil, nil
	}
	var best *pattern
	var found []string
	for _, list := range [...][]*pattern{x.first[s[0]], x.open} {
		for _, p := range list {
			if best != nil && p.weight <= best.weight {
				break
			}
			if args, ok := p.match(s); ok {
				best, found = p, args
				break
			}
		}
	}
	return best, found
}

// maxSteps bounds the tries of one match, so that no message takes long.
const maxSteps = 200

// match takes a message apart.
func (p *pattern) match(s string) ([]string, bool) {
	last := p.literals[len(p.literals)-1]
	if len(s) < p.weight || !strings.HasPrefix(s, p.literals[0]) || !strings.HasSuffix(s, last) || !strings.Contains(s, p.longest) {
		return nil, false
	}
	m := matching{p: p, s: s, args: make([]string, len(p.holes)), steps: maxSteps}
	if !m.from(0, len(p.literals[0])) {
		return nil, false
	}
	// What begins with a hole would take whole sentences that something was put before.
	if p.literals[0] == "" && p.holes[0] == 's' && seamOutside(m.args[0]) {
		return nil, false
	}
	return m.args, true
}

// matching is one try.
type matching struct {
	p     *pattern
	s     string
	args  []string
	steps int
}

// from fills the holes from the i-th on, which begins at a place.
func (m *matching) from(i, at int) bool {
	if i == len(m.p.holes) {
		return at == len(m.s)
	}
	if m.steps--; m.steps < 0 {
		return false
	}
	next := m.p.literals[i+1]
	switch rest := m.s[at:]; m.p.holes[i] {
	case 'q':
		quoted, err := strconv.QuotedPrefix(rest)
		return err == nil && m.fixed(i, at, len(quoted))
	case 'd':
		n := 0
		for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || n == 0 && rest[n] == '-') {
			n++
		}
		return n > 0 && m.fixed(i, at, n)
	}
	if i == len(m.p.holes)-1 { // the last one reaches to the last literal
		end := len(m.s) - len(next)
		if end < at || !strings.HasSuffix(m.s, next) {
			return false
		}
		m.args[i] = m.s[at:end]
		return true
	}
	for end := m.start(at, next); ; end++ {
		n := strings.Index(m.s[min(end, len(m.s)):], next)
		if n < 0 {
			return false
		}
		end += n
		m.args[i] = m.s[at:end]
		if m.from(i+1, end+len(next)) {
			return true
		}
		if m.steps < 0 || end >= len(m.s) {
			return false
		}
	}
}

// fixed fills a hole whose length is known.
func (m *matching) fixed(i, at, length int) bool {
	next := m.p.literals[i+1]
	if !strings.HasPrefix(m.s[at+length:], next) {
		return false
	}
	m.args[i] = m.s[at : at+length]
	return m.from(i+1, at+length+len(next))
}

// start is where the end of a hole is looked for: behind its quotes when it begins with one, as names do, and behind a
// first character when a literal follows.
func (m *matching) start(at int, next string) int {
	if next == "" || at >= len(m.s) {
		return at
	}
	if q := m.s[at]; q == '\'' || q == '"' {
		if n := strings.IndexByte(m.s[at+1:], q); n >= 0 && strings.Contains(m.s[at+n+2:], next) {
			return at + n + 2
		}
	}
	return at + 1
}

// seamOutside says that a text has a seam of messages in it that does not stand in quotes.
func seamOutside(s string) bool {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case (c == ':' || c == ';') && i+1 < len(s) && s[i+1] == ' ':
			return true
		}
	}
	return false
}
