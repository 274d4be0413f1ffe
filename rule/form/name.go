package form

import (
	"slices"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// roots gives the form's word for each name that the language begins with and that has parts.
var roots = map[string]string{"traits": "trait", "ids": "identifier", "tags": "tag", "segments": "segment",
	"measures": "measure", "consent": "consent", "customer": "customer"}

// rootOf is the opposite of roots.
var rootOf = func() map[string]string {
	m := map[string]string{}
	for root, word := range roots {
		m[word] = root
	}
	return m
}()

// isVariable says that a name may stand for an event: it means nothing else.
func isVariable(name string) bool {
	if roots[name] != "" || name == "events" || name == "now" || !rule.IsName(name) {
		return false
	}
	src, _ := rule.Parse(name)
	n, ok := src.Root.(*rule.Name)
	return ok && n.Name == name
}

// parts are those of a name written as one text.
func parts(name string) []string {
	keys := strings.Split(name, ".")
	for _, k := range keys {
		if !rule.IsName(k) {
			return []string{name}
		}
	}
	return keys
}

// nameValue writes a name: as one text where that is read as the same parts.
func nameValue(keys []string) any {
	if name := strings.Join(keys, "."); slices.Equal(parts(name), keys) {
		return name
	}
	list := make([]any, len(keys))
	for i, k := range keys {
		list[i] = k
	}
	return list
}

// pathNode is x.a.b, with brackets where they are needed.
func pathNode(x rule.Node, keys []string) rule.Node {
	for _, k := range keys {
		if rule.IsName(k) {
			x = &rule.Member{X: x, Name: k}
		} else {
			x = &rule.Index{X: x, Key: textNode(k)}
		}
	}
	return x
}

func textNode(s string) *rule.Literal {
	l := &rule.Literal{Value: event.Text(s)}
	if strings.Contains(s, `\`) {
		l.Raw = `r` // a pattern is easier to read as it is: the formatter decides
	}
	return l
}
