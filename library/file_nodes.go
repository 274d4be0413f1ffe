package library

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// fields is a mapping of known keys.
type fields struct {
	r    *reader
	node *yaml.Node
	what string // for messages: "tag vip"
	of   map[string]*yaml.Node
	// meant are the known keys that unknown ones seem to be: they are not reported as missing too.
	meant map[string]bool
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

var nodeNames = map[yaml.Kind]string{yaml.MappingNode: "keys and values", yaml.SequenceNode: "a list", yaml.ScalarNode: "a text"}

// pairs calls each for the entries of a mapping, with the key's text. It refuses what is no mapping, keys that
// are no texts and keys that come twice.
func (r *reader) pairs(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fault(n, what, "", "keys and values are expected here, this is %s", nodeNames[n.Kind])
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || isNull(key) {
			r.fault(key, what, "", "a key must be a text")
			continue
		}
		if before, ok := lines[key.Value]; ok {
			r.fault(key, what, "", "%s comes twice, first in line %d", key.Value, before)
			continue
		}
		lines[key.Value] = key.Line
		each(key, n.Content[i+1])
	}
}

// mapping reads a mapping of known keys, nil when it is none. A key without a value is as good as left out.
func (r *reader) mapping(n *yaml.Node, what string, known ...string) *fields {
	if n.Kind != yaml.MappingNode {
		r.pairs(n, what, nil)
		return nil
	}
	f := &fields{r: r, node: n, what: what, of: map[string]*yaml.Node{}, meant: map[string]bool{}}
	r.pairs(n, what, func(key, value *yaml.Node) {
		for _, k := range known {
			if k == key.Value {
				if !isNull(value) {
					f.of[k] = value
				}
				return
			}
		}
		hint := didYouMean(key.Value, known)
		if hint == "" {
			hint = "there are " + strings.Join(known, ", ")
		}
		f.meant[rule.Suggest(key.Value, known)] = true
		r.fault(key, what, hint, "the key %q is not known", key.Value)
	})
	return f
}

func (f *fields) get(key string) *yaml.Node { return f.of[key] }

// place is where the definition stands; the line of a rule is that of its text.
func (f *fields) place() place {
	p := place{file: f.r.name, lines: map[string]int{"": f.node.Line}}
	for key, n := range f.of {
		p.lines[key] = textLine(n)
	}
	return p
}

// textLine is the line in which a scalar's text begins: of a block, the one after its | or >.
func textLine(n *yaml.Node) int {
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Line + 1
	}
	return n.Line
}

// text reads a scalar as a text, without blanks around it; "" when it is not there.
func (f *fields) text(key string) string {
	n := f.of[key]
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		f.r.fault(n, f.what, "", "%s: a text is expected, this is %s", key, nodeNames[n.Kind])
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// words reads a text for people: one line, of limited length.
func (f *fields) words(key string, longest int) string {
	text := f.text(key)
	if problem := textProblem(text, longest); problem != "" {
		f.r.fault(f.of[key], f.what, "", "%s: %s", key, problem)
	}
	return text
}

// required is words that must be there.
func (f *fields) required(key, why string, longest int) string {
	text := f.words(key, longest)
	if n := f.of[key]; text == "" && (n == nil || n.Kind == yaml.ScalarNode) {
		f.missing(f.node, key, "write "+key+": "+why, "the %s is missing", key)
	}
	return text
}

// missing reports a key that is not there, unless it was only misspelt.
func (f *fields) missing(at *yaml.Node, key, hint, format string, args ...any) {
	if f.meant[key] {
		return
	}
	if f.r.name == draftName { // the definition has no line to point at
		f.r.faults.add(at.Line, errs.Fault{Place: key, Message: fmt.Sprintf(format, args...), Hint: hint})
		return
	}
	f.r.fault(at, f.what, hint, format, args...)
}

// key reads a key that others refer to.
func (f *fields) key(field string) string {
	n := f.of[field]
	text := f.text(field)
	if n == nil || text == "" {
		return ""
	}
	if problem := keyProblem(text); problem != "" {
		f.r.fault(n, "", "", "%s", problem)
	}
	return text
}

// expression reads a rule's text.
func (f *fields) expression(key string) string {
	text := strings.ReplaceAll(f.text(key), "\r\n", "\n")
	if n := f.of[key]; n != nil && n.Kind == yaml.ScalarNode && text == "" {
		f.r.fault(n, f.what, "", "%s: the rule is empty", key)
	}
	return text
}

// yes reads true or false; false when it is not there.
func (f *fields) yes(key string) bool {
	n := f.of[key]
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		f.r.fault(n, f.what, "write "+key+": true", "%s: true or false is expected", key)
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// choice reads one of some words; "" when it is not there.
func (f *fields) choice(key string, words ...string) string {
	text := f.text(key)
	if text == "" {
		return ""
	}
	for _, w := range words {
		if w == text {
			return text
		}
	}
	hint := didYouMean(text, words)
	if hint == "" {
		hint = "there are " + strings.Join(words, ", ")
	}
	f.r.fault(f.of[key], f.what, hint, "%s: %s is not known", key, text)
	return ""
}

// items are the elements of a list, none when it is not there.
func (r *reader) items(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fault(n, what, "begin each entry with a -", "a list is expected, this is %s", nodeNames[n.Kind])
		return nil
	}
	return n.Content
}

// literal reads a value of a tag: a text, a number, true or false, a date or an instant.
func (r *reader) literal(n *yaml.Node, what string) (event.Value, bool) {
	if n.Kind != yaml.ScalarNode {
		r.fault(n, what, "", "a value is expected, this is %s", nodeNames[n.Kind])
		return event.Value{}, false
	}
	switch n.ShortTag() {
	case "!!null":
		r.fault(n, what, "", "the value is missing")
		return event.Value{}, false
	case "!!bool":
		return event.Bool(strings.EqualFold(n.Value, "true")), true
	case "!!int", "!!float":
		x, err := event.ParseNumber(n.Value)
		if err != nil {
			r.fault(n, what, "write a plain decimal number, or a text in quotes", "%s is not a number", n.Value)
			return event.Value{}, false
		}
		return event.Num(x), true
	case "!!timestamp":
		if d, err := event.ParseDate(n.Value); err == nil {
			return event.Civil(d), true
		}
		t, err := time.Parse(time.RFC3339Nano, n.Value)
		if err != nil {
			r.fault(n, what, "write 2026-06-30 or 2026-06-30T08:00:00+08:00, or a text in quotes", "%s is not a time", n.Value)
			return event.Value{}, false
		}
		return event.Instant(event.At(t)), true
	}
	text := strings.TrimSpace(n.Value)
	problem := textProblem(text, maxName)
	if text == "" {
		problem = "the value is empty"
	}
	if problem != "" {
		r.fault(n, what, "", "%s", problem)
		return event.Value{}, false
	}
	return event.Text(text), true
}
