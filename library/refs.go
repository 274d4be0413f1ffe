package library

import (
	"slices"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// refNames are the names in rules under which other definitions are reached.
var refNames = map[string]Kind{"tags": KindTag, "segments": KindSegment, "measures": KindMeasure}

// references lists what a definition refers to, in order of appearance, each once. A rule that cannot be parsed
// refers to nothing: Compile reports it.
func references(d definition) []Ref {
	var out []Ref
	add := func(r Ref) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if path := d.linked(); path != "" {
		add(Ref{KindCategory, path})
	}
	for _, text := range d.rules() {
		if src, faults := rule.Parse(text.text); len(faults) == 0 {
			walkRefs(src.Root, nil, add)
		}
	}
	return out
}

// schemaNames are the names in rules under which what the schema declares is reached.
var schemaNames = map[string]string{"events": eventsPrefix, "traits": traitsPrefix, "consent": consentsPrefix}

// walkRefs calls add for the refs in a tree. bound are the names that an enclosing where, sum, … gives to its
// events: tags.x is no tag where tags is such a name.
func walkRefs(n rule.Node, bound []string, add func(Ref)) {
	schemaRefs(n, bound, add)
	switch n := n.(type) {
	case *rule.Member:
		if root, ok := n.X.(*rule.Name); ok {
			addRef(root, n.Name, bound, add)
			return
		}
		walkRefs(n.X, bound, add)
	case *rule.Index:
		root, isName := n.X.(*rule.Name)
		key, isText := n.Key.(*rule.Literal)
		if isName && isText && key.Value.Kind() == event.TextKind {
			addRef(root, key.Value.Text(), bound, add)
			return
		}
		walkRefs(n.X, bound, add)
		walkRefs(n.Key, bound, add)
	case *rule.Call:
		if key, ok := literalText(n, 0); ok && n.Recv == nil && n.Fun == "lookup" {
			add(Ref{KindTable, key})
		}
		if n.Recv != nil {
			walkRefs(n.Recv, bound, add)
			if len(n.Args) > 1 {
				if v, ok := n.Args[0].(*rule.Name); ok {
					bound = append(slices.Clone(bound), v.Name)
				}
			}
		}
		for _, a := range n.Args {
			walkRefs(a, bound, add)
		}
	case *rule.Unary:
		walkRefs(n.X, bound, add)
	case *rule.Binary:
		walkRefs(n.X, bound, add)
		walkRefs(n.Y, bound, add)
	case *rule.Ternary:
		walkRefs(n.Cond, bound, add)
		walkRefs(n.X, bound, add)
		walkRefs(n.Y, bound, add)
	case *rule.ListLit:
		for _, item := range n.Items {
			walkRefs(item, bound, add)
		}
	}
}

// literalText is an argument of a call that is a text written there.
func literalText(n *rule.Call, i int) (string, bool) {
	if i >= len(n.Args) {
		return "", false
	}
	lit, ok := n.Args[i].(*rule.Literal)
	if !ok || lit.Value.Kind() != event.TextKind {
		return "", false
	}
	return lit.Value.Text(), true
}

// schemaRefs adds what a node itself says of events, traits and consents. In traits.address.city every part could be the
// name, so all of them are added: refs to what is not declared mean nothing.
func schemaRefs(n rule.Node, bound []string, add func(Ref)) {
	if call, ok := n.(*rule.Call); ok {
		root, isName := call.Recv.(*rule.Name)
		if isName && root.Name == "events" && call.Fun == "any" && !slices.Contains(bound, root.Name) {
			for i := range call.Args {
				if name, ok := literalText(call, i); ok {
					add(Ref{KindSchema, eventsPrefix + name})
				}
			}
		}
		return
	}
	var keys []string
	for {
		switch x := n.(type) {
		case *rule.Member:
			keys, n = append(keys, x.Name), x.X
			continue
		case *rule.Index:
			if key, ok := x.Key.(*rule.Literal); ok && key.Value.Kind() == event.TextKind {
				keys, n = append(keys, key.Value.Text()), x.X
				continue
			}
		case *rule.Name:
			if prefix, ok := schemaNames[x.Name]; ok && len(keys) > 0 && !slices.Contains(bound, x.Name) {
				slices.Reverse(keys)
				add(Ref{KindSchema, prefix + strings.Join(keys, ".")})
			}
		}
		return
	}
}

func addRef(root *rule.Name, key string, bound []string, add func(Ref)) {
	if k, ok := refNames[root.Name]; ok && !slices.Contains(bound, root.Name) {
		add(Ref{k, key})
	}
}
