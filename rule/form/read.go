package form

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tagma/errs"
	"tagma/event"
	"tagma/rule"
)

// Read reads a form's JSON. The error is Invalid and has all faults at once, each with its place in the form, such as
// all[2].value, and the mend. Names and types are not looked at: that is for the checker of the language.
func Read(data []byte) (*Form, error) {
	v, err := decode(data)
	if err != nil {
		return nil, err
	}
	r := &reader{form: &Form{remarks: map[rule.Node]*remark{}}}
	r.form.root = r.node(v, "")
	if err := errs.Faulty("this is not a rule's form", r.faults); err != nil {
		return nil, err
	}
	r.form.settle()
	return r.form, nil
}

// reader makes a tree of JSON values. Its methods return nil where they recorded a fault.
type reader struct {
	form      *Form
	faults    []errs.Fault
	variables []string // as in the writer
	depth     int
}

func (r *reader) fault(place, hint, format string, args ...any) rule.Node {
	if place == "" {
		place = "the form"
	}
	r.faults = append(r.faults, errs.Fault{Place: place, Message: fmt.Sprintf(format, args...), Hint: hint})
	return nil
}

// A head is the member that says what an object is, with what may stand beside it.
type head struct {
	key  string
	more []string
}

// heads are in the order in which they are looked for.
var heads = []head{
	{"all", nil}, {"any", nil}, {"not", nil}, {"if", []string{"then", "else"}}, {"text", []string{"why"}}, {"number", nil},
	{"event", []string{"filters", "measure"}}, {"call", []string{"on", "args"}}, {"calc", []string{"of"}}, {"has", nil}, {"present", nil},
	{"now", nil}, {"property", nil}, {"trait", nil}, {"identifier", nil}, {"tag", nil}, {"segment", nil}, {"measure", nil}, {"consent", nil},
	{"customer", nil}, {"left", nil}, {"value", nil},
}

// headed reads an object by its head.
func (r *reader) headed(key string, o object, v any, place string) rule.Node {
	at := join(place, key)
	switch key {
	case "all":
		return r.conditions("&&", v, at)
	case "any":
		return r.conditions("||", v, at)
	case "not":
		return r.not(v, at)
	case "if":
		return r.choice(o, v, place)
	case "text":
		return r.text(v, at)
	case "number":
		return r.number(v, at)
	case "event":
		return r.event(o, v, place)
	case "call":
		return r.call(o, v, place)
	case "calc":
		return r.calc(o, v, place)
	case "has", "present":
		return r.presence(key, v, at)
	case "now":
		return r.now(v, at)
	case "property":
		return r.property(v, at)
	case "left", "value":
		return r.value(v, at)
	}
	return r.named(rootOf[key], v, at)
}

// level goes a level deeper for as long as do takes, or gives a fault.
func (r *reader) level(place string, do func() rule.Node) rule.Node {
	if r.depth >= maxDepth {
		return r.fault(place, "make a part of it a measure or a tag of its own", "the form is more than %d levels deep here", maxDepth)
	}
	r.depth++
	defer func() { r.depth-- }()
	return do()
}

// value reads a constant or an object.
func (r *reader) value(v any, place string) rule.Node {
	switch v := v.(type) {
	case nil:
		return &rule.Literal{}
	case bool:
		return &rule.Literal{Value: event.Bool(v)}
	case string:
		return textNode(v)
	case json.Number:
		return r.numeral(string(v), place)
	case []any:
		return r.level(place, func() rule.Node {
			items, ok := r.values(v, place)
			if !ok {
				return nil
			}
			return &rule.ListLit{Items: items}
		})
	}
	return r.node(v, place)
}

func (r *reader) numeral(s, place string) rule.Node {
	n, err := event.ParseNumber(s)
	if err != nil {
		return r.fault(place, "numbers have at most 1000 digits", "the number is out of range")
	}
	return &rule.Literal{Value: event.Num(n), Raw: s}
}

func (r *reader) values(list []any, place string) (out []rule.Node, ok bool) {
	ok = true
	for i, x := range list {
		n := r.value(x, fmt.Sprintf("%s[%d]", place, i))
		out = append(out, n)
		ok = ok && n != nil
	}
	return out, ok
}

// node reads an object, or a constant in its place.
func (r *reader) node(v any, place string) rule.Node {
	o, ok := v.(object)
	if !ok {
		return r.value(v, place)
	}
	return r.level(place, func() rule.Node { return r.object(o, place) })
}

func (r *reader) object(o object, place string) rule.Node {
	r.twice(o, place)
	i := slices.IndexFunc(heads, func(h head) bool { return o.has(h.key) })
	if i < 0 {
		hint := `write {"trait": …}, {"tag": …}, {"event": …}, {"call": …}, {"all": […]} or another that is described`
		for _, m := range o {
			if s := rule.Suggest(m.key, headKeys()); s != "" {
				hint = fmt.Sprintf("did you mean %q?", s)
				break
			}
		}
		return r.fault(place, hint, "the object does not say what it is")
	}
	h := heads[i]
	compared := h.key == "left" || beside[h.key]
	ok := r.only(o, place, append([]string{h.key}, h.more...), compared)
	x, _ := o.get(h.key)
	n := r.headed(h.key, o, x, place)
	if compared {
		n = r.comparison(n, o, place, h.key == "left")
	}
	if !ok || n == nil {
		return nil
	}
	return r.remarked(n, o, place)
}

func headKeys() []string {
	keys := make([]string, len(heads))
	for i, h := range heads {
		keys[i] = h.key
	}
	return keys
}

// twice gives a fault for each key that an object has twice.
func (r *reader) twice(o object, place string) {
	seen := map[string]bool{}
	for _, m := range o {
		if seen[m.key] {
			r.fault(join(place, m.key), "write it once", "%q stands twice in the object", m.key)
		}
		seen[m.key] = true
	}
}

// only gives a fault for each key that has no meaning in an object.
func (r *reader) only(o object, place string, keys []string, compared bool) bool {
	if compared {
		keys = append(keys, "op", "value")
	}
	keys = append(keys, "comments", "note")
	ok := true
	for _, m := range o {
		if slices.Contains(keys, m.key) {
			continue
		}
		ok = false
		hint := "delete it"
		if s := rule.Suggest(m.key, keys); s != "" {
			hint = fmt.Sprintf("did you mean %q?", s)
		}
		if m.key == "op" || m.key == "value" {
			hint = `write {"left": …, "op": …, "value": …} around it`
		}
		r.fault(join(place, m.key), hint, "%q has no meaning beside %q", m.key, keys[0])
	}
	return ok
}

var operators = []string{"==", "!=", "<", "<=", ">", ">=", "in", "not in", "includes", "not includes"}

// comparison reads op and value beside x, if they are there.
func (r *reader) comparison(x rule.Node, o object, place string, needed bool) rule.Node {
	op, hasOp := o.get("op")
	v, hasValue := o.get("value")
	if !hasOp && !hasValue && !needed {
		return x
	}
	var y rule.Node
	word, _ := op.(string)
	switch {
	case !hasOp:
		r.fault(join(place, "op"), "write one of "+strings.Join(operators, " "), "it is missing: there is a value to compare with")
	case !slices.Contains(operators, word):
		hint := "write one of " + strings.Join(operators, " ")
		if s := map[string]string{"=": "==", "===": "==", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">=", "contains": "includes", "not_in": "not in"}[word]; s != "" {
			hint = "write " + s
		}
		r.fault(join(place, "op"), hint, "%s is not an operator", shown(op))
		word = ""
	}
	if !hasValue {
		r.fault(join(place, "value"), "write what it is compared with", "it is missing")
	} else {
		y = r.value(v, join(place, "value"))
	}
	if x == nil || y == nil || word == "" {
		return nil
	}
	bare, not := strings.CutPrefix(word, "not ")
	if bare == "includes" {
		bare, x, y = "in", y, x
	}
	var n rule.Node = &rule.Binary{Op: bare, X: x, Y: y}
	if not {
		n = &rule.Unary{Op: "!", X: n}
	}
	return n
}

// shown is a JSON value as messages show it.
func shown(v any) string {
	s := string(appendJSON(nil, v))
	if runes := []rune(s); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return s
}

// remarked reads comments and note.
func (r *reader) remarked(n rule.Node, o object, place string) rule.Node {
	if v, ok := o.get("comments"); ok {
		list, ok := v.([]any)
		if !ok {
			return r.fault(join(place, "comments"), `write ["a line", "another"]`, "an array of texts is expected")
		}
		for i, x := range list {
			text, ok := x.(string)
			if !ok {
				return r.fault(fmt.Sprintf("%s[%d]", join(place, "comments"), i), "write a text", "a line of a comment is expected")
			}
			re := r.form.remark(n)
			re.before = append(re.before, lines(text)...)
		}
	}
	if v, ok := o.get("note"); ok {
		text, ok := v.(string)
		if !ok {
			return r.fault(join(place, "note"), "write a text", "a text is expected")
		}
		re := r.form.remark(n)
		for i, line := range lines(text) {
			if i == 0 && re.note == "" {
				re.note = line
			} else {
				re.before = append(re.before, line)
			}
		}
	}
	return n
}

// lines are those of a comment as they can be written.
func lines(text string) []string {
	out := strings.Split(text, "\n")
	for i := range out {
		out[i] = strings.TrimRight(out[i], commentBlanks)
	}
	return out
}
