package rule

import (
	"fmt"

	"tagma/event"
	"tagma/warehouse"
)

// specialFunctions are the functions that are checked one by one, not by the table of functions.
var specialFunctions = []string{"has", "present", "mean", "median", "quantile", "ntile", "bucket", "lookup", "changed_at", "previous"}

// lookup checks lookup("table", key, "column").
func (c *checker) lookup(n *Call, args []Node) *Expr {
	if c.env.row != nil {
		return c.faultHint(n, "name the file under tables: and write cities[row.city].tier", "lookup asks the tables of the definitions and cannot be used over the rows of a file")
	}
	if !c.arity(n, "lookup", args, 3, 3) {
		return nil
	}
	key := c.typed(args[1], Any, "the key")
	name, ok1 := c.literalText(args[0], "the key of a lookup table")
	column, ok2 := c.literalText(args[2], "the name of a column")
	if key != nil && !key.Type.accepts(Text) && !key.Type.accepts(Number) {
		key = c.faultHint(args[1], "string(…) writes a value as a text", "the key of a row is a text or a number, this is %s", key.Type)
	}
	if !ok1 || !ok2 {
		return nil
	}
	if c.env.Table == nil {
		return c.fault(args[0], "lookup tables cannot be used here")
	}
	t, found, err := c.env.Table(name)
	switch {
	case err != nil:
		return c.fault(args[0], "%s", err)
	case !found:
		return c.faultHint(args[0], didYouMean(name, c.env.Tables()), "there is no lookup table %s", quoteName(name))
	}
	col := t.Columns[column]
	switch {
	case col == nil:
		return c.faultHint(args[2], didYouMean(column, sortedKeys(t.Columns)), "the table %s has no column %s", quoteName(name), quoteName(column))
	case key == nil:
		return nil
	}
	return c.b.make(Expr{Type: TypeOf(col.Kind), op: opLookup, args: []*Expr{key}, str: name + "\x00" + column, aux: col})
}

// literalText reads an argument that must be a text written there.
func (c *checker) literalText(n Node, what string) (string, bool) {
	text, ok := WrittenText(n)
	if !ok {
		c.fault(n, "%s is expected, in quotes", what)
	}
	return text, ok
}

// pastOf finds what changed_at and previous are asked about.
func (c *checker) pastOf(n *Call, args []Node, kinds string) (root string, keys []pathKey, ok bool) {
	if c.env.row != nil {
		c.fault(n, "%s looks at a customer's past and cannot be used over the rows of a file", n.Fun)
		return "", nil, false
	}
	if !c.arity(n, n.Fun, args, 1, 1) {
		return "", nil, false
	}
	base, keys := split(args[0])
	if b, isName := base.(*Name); isName && len(keys) > 0 {
		return b.Name, keys, true
	}
	c.faultHint(args[0], fmt.Sprintf("as in %s(tags.level)", n.Fun), "%s takes %s", n.Fun, kinds)
	return "", nil, false
}

// changedAt checks changed_at(traits.k), (consent.k), (tags.k), (segments.k).
func (c *checker) changedAt(n *Call, args []Node) *Expr {
	const kinds = "a trait, a consent, a tag or a segment"
	root, keys, ok := c.pastOf(n, args, kinds)
	if !ok {
		return nil
	}
	since := func(x *Expr, kind warehouse.SeriesKind) *Expr {
		if x == nil {
			return nil
		}
		return c.b.make(Expr{Type: Time, op: opSinceWhen, str: x.str, aux: kind, val: event.Num(event.Int(int64(kind)))})
	}
	switch root {
	case "traits":
		return since(c.trait(args[0], joined(keys)), warehouse.Traits)
	case "consent":
		return since(c.consent(args[0], joined(keys)), warehouse.Consents)
	case "tags":
		ref, _ := c.tagRef(args[0], keys)
		if ref == nil {
			return nil
		}
		return c.b.ChangedAt(ref.Key)
	case "segments":
		if c.reference(args[0], joined(keys), "segment", c.env.Segment, c.env.Segments) == nil {
			return nil
		}
		return c.b.ChangedAt("segment:" + joined(keys))
	}
	return c.fault(args[0], "changed_at takes %s", kinds)
}

// previous checks previous(tags.k).
func (c *checker) previous(n *Call, args []Node) *Expr {
	root, keys, ok := c.pastOf(n, args, "a tag")
	if !ok {
		return nil
	}
	if root != "tags" {
		return c.fault(args[0], "previous takes a tag")
	}
	ref, number := c.tagRef(args[0], keys)
	if ref == nil {
		return nil
	}
	if number {
		return c.fault(args[0], "the change log has the bands of the tag, not its numbers: leave out .number")
	}
	x := c.b.Previous(ref.Key, ref.Value.Type)
	if len(ref.Values) > 0 {
		c.fixed[x] = ref.Values
	}
	return x
}
