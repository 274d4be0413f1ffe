package rule

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"tagma/event"
	"tagma/warehouse"
)

// A path is a base and the names after it: traits.address.city, row["数量"], events.a.latest().amount.

type pathKey struct {
	name string
	node Node
}

// split takes the names off a chain of members and constant indexes.
func split(n Node) (base Node, keys []pathKey) {
	for {
		switch m := n.(type) {
		case *Member:
			keys = append(keys, pathKey{m.Name, m})
			n = m.X
			continue
		case *Index:
			if key, ok := WrittenText(m.Key); ok {
				keys = append(keys, pathKey{key, m})
				n = m.X
				continue
			}
		}
		slices.Reverse(keys)
		return n, keys
	}
}

// WrittenText is the content of a text literal; false for any other node.
func WrittenText(n Node) (string, bool) {
	lit, ok := n.(*Literal)
	if !ok || lit.Value.Kind() != event.TextKind {
		return "", false
	}
	return lit.Value.Text(), true
}

// Path takes the names off a path of members and constant indexes: of traits.address["city"] it gives traits, and
// address and city.
func Path(n Node) (base Node, names []string) {
	base, keys := split(n)
	for _, k := range keys {
		names = append(names, k.name)
	}
	return base, names
}

// nameIn is what stands behind the root of a path, which is where a name that is not known is shown: order_paid of
// events.order_paid.
func nameIn(n Node) Node {
	_, keys := split(n)
	if len(keys) == 0 {
		return n
	}
	start := n.Start()
	switch first := keys[0].node.(type) {
	case *Member:
		start = first.At
	case *Index:
		start = first.Key.Start()
	}
	return &Name{span{start, n.End()}, joined(keys)}
}

func joined(keys []pathKey) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k.name
	}
	return strings.Join(parts, ".")
}

var rootNames = []string{"traits", "ids", "events", "tags", "segments", "measures", "customer", "consent", "now"}

func (c *checker) path(n Node) *Expr {
	base, keys := split(n)
	switch b := base.(type) {
	case *Name:
		return c.named(n, b, keys)
	case *Index:
		if name, ok := b.X.(*Name); ok && c.env.row != nil && len(keys) > 0 {
			return c.lookupCell(n, name, b.Key, keys)
		}
		return c.faultHint(b.Key, `write a name in quotes: traits["城市"]`, "what stands in [ ] must be a text written here")
	}
	if len(keys) == 0 {
		return c.expr(base)
	}
	x := c.expr(base)
	if x == nil {
		return nil
	}
	if x.Type == Event {
		return c.eventField(n, x, keys)
	}
	return c.fault(n, "%s has no fields", x.Type)
}

func (c *checker) named(n Node, root *Name, keys []pathKey) *Expr {
	name := root.Name
	if c.variable != "" && name == c.variable {
		if len(keys) == 0 {
			return c.faultHint(n, fmt.Sprintf("name a field of it: %s.time, %s.amount …", name, name), "an event is not a value")
		}
		return c.field(n, c.set, keys)
	}
	if slices.Contains(c.outer, name) {
		return c.faultHint(n, "compute it outside", "%s belongs to another selection and cannot be used inside this one", name)
	}
	if c.env.row != nil {
		return c.rowName(n, root, keys)
	}
	if len(keys) == 0 {
		switch name {
		case "now":
			return c.b.make(Expr{Type: Time, op: opNow})
		case "traits", "ids", "tags", "segments", "measures", "customer", "consent":
			return c.fault(n, "a name is expected after %s, as in %s.name", name, name)
		case "events":
			return c.faultHint(n, "events.all is everything the customer did", "a name is expected after events, as in events.order_paid")
		}
		return c.faultHint(n, didYouMeanRoot(name), "%s is not known here", quoteName(name))
	}
	switch name {
	case "traits":
		return c.trait(n, joined(keys))
	case "ids":
		if len(keys) > 1 {
			return c.fault(n, "an identifier has no fields")
		}
		if k := keys[0].name; !c.env.Names.IDs[k] {
			return c.faultHint(nameIn(n), didYouMean(k, sortedKeys(c.env.Names.IDs)), "there is no identifier kind %s", quoteName(k))
		}
		return c.b.make(Expr{Type: IDs, op: opIDs, str: keys[0].name})
	case "events":
		return c.events(n, keys)
	case "tags":
		return c.tag(n, keys)
	case "segments":
		return c.reference(n, joined(keys), "segment", c.env.Segment, c.env.Segments)
	case "measures":
		return c.reference(n, joined(keys), "measure", c.env.Measure, c.env.Measures)
	case "customer":
		if joined(keys) == "first_seen" {
			return c.b.make(Expr{Type: Time, op: opFirstSeen})
		}
		return c.faultHint(n, "there is customer.first_seen", "a customer has no %s here", quoteName(joined(keys)))
	case "consent":
		return c.consent(n, joined(keys))
	}
	return c.faultHint(root, didYouMeanRoot(name), "%s is not known here", quoteName(name))
}

func didYouMeanRoot(name string) string {
	if s := Suggest(name, rootNames); s != "" {
		return "did you mean " + quoteName(s) + "?"
	}
	return "texts stand in quotes; names begin with " + strings.Join(rootNames[:len(rootNames)-1], "., ") + "., or are now"
}

func (c *checker) trait(n Node, name string) *Expr {
	f, ok := c.env.Names.Traits[name]
	if !ok {
		return c.faultHint(nameIn(n), didYouMean(name, sortedKeys(c.env.Names.Traits)), "there is no trait %s: it never came and no schema declares it", quoteName(name))
	}
	c.env.Uses.trait(name)
	t, hint := f.typ()
	c.warnDeclared(n, f)
	return c.b.make(Expr{Type: t, op: opTrait, str: name, hint: hint})
}

func (c *checker) consent(n Node, name string) *Expr {
	if !c.env.Names.Consents[name] {
		return c.faultHint(nameIn(n), didYouMean(name, sortedKeys(c.env.Names.Consents)), "there is no consent %s: it never came and no schema declares it", quoteName(name))
	}
	c.env.Uses.consent(name)
	return c.b.make(Expr{Type: Bool, op: opConsent, str: name, hint: []event.Kind{event.BoolKind}})
}

// typ is the declared type, or Any with what came so far.
func (f Field) typ() (Type, []event.Kind) {
	if f.Declared != event.Missing {
		return TypeOf(f.Declared), nil
	}
	return Any, f.Seen
}

// warnDeclared warns when nothing that came so far is of the declared type: only values of that type are looked at.
func (c *checker) warnDeclared(n Node, f Field) {
	if f.Declared != event.Missing && len(f.Seen) > 0 && !slices.Contains(f.Seen, f.Declared) {
		c.warn(n, "the schema declares %s, but so far only %s came: nobody has a value", TypeOf(f.Declared), kindList(f.Seen))
	}
}

// events is the selection of an event name, or all of them. events.all and events.system always mean the same; an
// event that is really called so is events["all"].
func (c *checker) events(n Node, keys []pathKey) *Expr {
	if m, ok := n.(*Member); ok && len(keys) == 1 {
		switch m.Name {
		case "all":
			return c.selection(c.b.source(warehouse.Events, true, nil), nil)
		case "system":
			return c.selection(c.b.source(warehouse.SystemEvents, true, nil), nil)
		}
	}
	return c.sourceOf(n, []string{joined(keys)})
}

// tagRef finds the tag of a path; number says that its measure is meant. nil: a fault was recorded.
func (c *checker) tagRef(n Node, keys []pathKey) (ref *TagRef, number bool) {
	if c.env.Tag == nil {
		c.fault(n, "tags cannot be used here")
		return nil, false
	}
	name := joined(keys)
	ref, ok, err := c.env.Tag(name)
	if !ok && len(keys) > 1 && keys[len(keys)-1].name == "number" {
		name, number = joined(keys[:len(keys)-1]), true
		ref, ok, err = c.env.Tag(name)
	}
	switch {
	case err != nil:
		c.fault(n, "%s", err)
		return nil, false
	case !ok:
		c.faultHint(nameIn(n), didYouMean(name, c.env.TagKeys()), "there is no tag %s", quoteName(name))
		return nil, false
	case number && ref.Number == nil:
		c.fault(n, "the tag %s has no bands, so it has no .number", quoteName(name))
		return nil, false
	}
	if ref.Key == "" {
		r := *ref
		r.Key, ref = "tag:"+name, &r
	}
	return ref, number
}

func (c *checker) tag(n Node, keys []pathKey) *Expr {
	ref, number := c.tagRef(n, keys)
	switch {
	case ref == nil:
		return nil
	case number:
		return ref.Number
	}
	if len(ref.Values) > 0 {
		c.fixed[ref.Value] = ref.Values
	}
	if _, cases := ref.Value.CaseValues(); cases {
		return c.b.make(Expr{Type: ref.Value.Type, op: opCaseValue, args: []*Expr{ref.Value}, hint: ref.Value.hint})
	}
	return ref.Value
}

func (c *checker) reference(n Node, key, what string, get func(string) (*Expr, bool, error), list func() []string) *Expr {
	if get == nil {
		return c.fault(n, "%ss cannot be used here", what)
	}
	x, ok, err := get(key)
	switch {
	case err != nil:
		return c.fault(n, "%s", err)
	case !ok:
		return c.faultHint(nameIn(n), didYouMean(key, list()), "there is no %s %s", what, quoteName(key))
	}
	return x
}

// field is a field of the event that the enclosing filter or measure ranges over.
func (c *checker) field(n Node, set *eventSet, keys []pathKey) *Expr {
	name := joined(keys)
	if len(keys) == 1 {
		switch name {
		case "time":
			return c.b.make(Expr{Type: Time, op: opEventTime, src: set})
		case "name":
			return c.b.make(Expr{Type: Text, op: opEventName, src: set})
		case "source":
			return c.b.make(Expr{Type: Text, op: opEventSource, src: set})
		}
	}
	f, ok := c.property(set, name)
	if !ok {
		known := c.properties(set)
		hint := didYouMean(name, known)
		for _, k := range known {
			if strings.HasPrefix(k, name+".") {
				hint = fmt.Sprintf("there is %s", quoteName(k))
			}
		}
		return c.faultHint(nameIn(n), hint, "%s has no property %s: it never came and no schema declares it", set.describe(), quoteName(name))
	}
	t, seen := f.typ()
	c.warnDeclared(n, f)
	return c.b.make(Expr{Type: t, op: opProperty, str: name, src: set, hint: seen})
}

func (s *eventSet) describe() string {
	if s.all {
		return "no event"
	}
	return "the event " + quoteName(strings.Join(s.names, ", "))
}

// property looks a property up in the events of a set.
func (c *checker) property(set *eventSet, name string) (Field, bool) {
	if set.parent != nil {
		return c.elementField(set, name)
	}
	return c.plainProperty(set, name)
}

func (c *checker) plainProperty(set *eventSet, name string) (Field, bool) {
	var out Field
	found := false
	for ev, props := range c.env.Names.Events {
		if !set.all && !slices.Contains(set.names, ev) {
			continue
		}
		f, ok := props[name]
		if !ok {
			continue
		}
		c.env.Uses.property(ev, name)
		if found && f.Declared != out.Declared {
			f.Declared = event.Missing
			out.Declared = event.Missing
		}
		found = true
		out.Declared = f.Declared
		for _, k := range f.Seen {
			if !slices.Contains(out.Seen, k) {
				out.Seen = append(out.Seen, k)
			}
		}
	}
	slices.Sort(out.Seen)
	return out, found
}

func (c *checker) properties(set *eventSet) []string {
	all := map[string]bool{}
	for ev, props := range c.env.Names.Events {
		if set.all || slices.Contains(set.names, ev) {
			for p := range props {
				if list, inner, element := strings.Cut(p, "[]"); !element {
					all[p] = true
				} else if set.parent != nil && list == set.list && inner != "" {
					all[inner[1:]] = true
				}
			}
		}
	}
	return sortedKeys(all)
}

// eventField is a field of a picked event: events.a.latest().amount.
func (c *checker) eventField(n Node, pick *Expr, keys []pathKey) *Expr {
	f := c.field(n, pick.src, keys)
	if f == nil {
		return nil
	}
	return c.b.make(Expr{Type: f.Type, op: opField, args: []*Expr{pick, f}, src: pick.src, hint: f.hint})
}

// isSelection says whether a node is written as a selection of events, whatever is wrong with it.
func isSelection(n Node) bool {
	switch b, keys := split(n); b := b.(type) {
	case *Name:
		return b.Name == "events" && len(keys) > 0
	case *Call:
		if len(keys) > 0 || b.Recv == nil {
			return false
		}
		if name, ok := b.Recv.(*Name); ok && name.Name == "events" {
			return b.Fun == "any"
		}
		return filterNames[b.Fun] && isSelection(b.Recv)
	}
	return false
}

var filterNames = map[string]bool{"last": true, "before": true, "between": true, "since": true, "until": true, "where": true,
	"each": true, "then": true, "without": true}
var measureNames = map[string]bool{"count": true, "days": true, "sum": true, "avg": true, "min": true, "max": true, "distinct": true,
	"values": true, "top": true, "earliest": true, "latest": true, "nth": true, "streak": true, "max_gap": true, "peak": true}

// eventMethods lists what may follow a selection, for "did you mean".
func eventMethods() []string {
	out := append(sortedKeys(filterNames), sortedKeys(measureNames)...)
	sort.Strings(out)
	return out
}
