package rule

import (
	"slices"
	"strings"

	"tagma/event"
)

// An event set can be opened: one row for each element of a list property. Such a set has a parent, the events, and
// its rows stand in their order.

// opened returns the set of the elements of a list property of the events of a set.
func (b *Builder) opened(parent *eventSet, list string) *eventSet {
	key := parent.key + "/" + quote(list)
	s := b.sources[key]
	if s == nil {
		s = &eventSet{kind: parent.kind, names: parent.names, all: parent.all, parent: parent, list: list, key: key, id: len(b.sources)}
		b.sources[key] = s
	}
	return s
}

// base is the set of the events themselves.
func (s *eventSet) base() *eventSet {
	if s.parent != nil {
		return s.parent
	}
	return s
}

// each checks sel.each("list"). Filters by time move to the elements, which have their event's time; the others stay
// with the events, and an element is kept when its event is.
func (c *checker) each(n *Call, sel *Expr) *Expr {
	if !c.arity(n, "each", n.Args, 1, 1) {
		return nil
	}
	list, ok := c.literalText(n.Args[0], "the name of a list property")
	if !ok {
		return nil
	}
	if sel.src.parent != nil {
		return c.fault(n, "the events are already opened by each(%s): one list can be opened, not a list inside it", quote(sel.src.list))
	}
	f, found := c.property(sel.src, list)
	elements := c.elementNames(sel.src, list)
	switch {
	case !found && len(elements) == 0:
		return c.faultHint(n.Args[0], didYouMean(list, c.properties(sel.src)), "%s has no property %s: it never came and no schema declares it", sel.src.describe(), quoteName(list))
	case len(elements) == 0 && f.Declared != event.Missing && f.Declared != event.ListKind,
		len(elements) == 0 && f.Declared == event.Missing && len(f.Seen) > 0 && !slices.Contains(f.Seen, event.ListKind):
		t, hint := f.typ()
		return c.fault(n.Args[0], "each opens a list, %s is %s", quoteName(list), describe(&Expr{Type: t, hint: hint}))
	}
	set := c.b.opened(sel.src, list)
	var filters, rest []*Expr
	for _, f := range sel.args {
		if f.op == opSince || f.op == opUntil {
			filters = append(filters, c.b.make(Expr{Type: Bool, op: f.op, args: f.args, src: set}))
		} else {
			rest = append(rest, f)
		}
	}
	if len(rest) > 0 {
		kept := c.selection(sel.src, rest)
		filters = append(filters, c.b.make(Expr{Type: Bool, op: opOfKept, args: []*Expr{kept}, src: set}))
	}
	return c.selection(set, filters)
}

// elementNames lists the properties that are known of the elements of a list: "products[].sku".
func (c *checker) elementNames(set *eventSet, list string) (out []string) {
	for ev, props := range c.env.Names.Events {
		if set.all || slices.Contains(set.names, ev) {
			for p := range props {
				if strings.HasPrefix(p, list+"[]") && !slices.Contains(out, p) {
					out = append(out, p)
				}
			}
		}
	}
	return
}

// elementField is what is known of a name inside opened events: of the element's field, of the event's own property,
// and for the list's name of the elements that are no maps.
func (c *checker) elementField(set *eventSet, name string) (out Field, found bool) {
	of := []string{name, set.list + "[]." + name}
	if name == set.list {
		if len(c.elementNames(set, name)) == 0 { // what the elements are is not known: anything
			_, found = c.plainProperty(set, name)
			return Field{}, found
		}
		of = append(of, name+"[]")
	}
	for _, p := range of {
		f, ok := c.plainProperty(set, p)
		if !ok {
			continue
		}
		if found && f.Declared != out.Declared {
			f.Declared = event.Missing
			out.Declared = event.Missing
		}
		found, out.Declared = true, f.Declared
		for _, k := range f.Seen {
			if !slices.Contains(out.Seen, k) {
				out.Seen = append(out.Seen, k)
			}
		}
	}
	slices.Sort(out.Seen)
	return out, found
}

// opOfKept: the elements whose event is kept: args a selection of the parent.
var opOfKept = &op{name: "of", at: &atRow, eval: func(w *worker, x *Expr, args []*vec) *vec {
	r := w.rows(x.src)
	v := w.condVec(r.n, false)
	for i, row := range r.of {
		if args[0].all || args[0].mask.Get(int(row)) {
			v.cond.Set(i)
		}
	}
	return v
}}

// openLists fills in the rows of an opened set.
func (w *worker) openLists(r *eventRows, s *eventSet) {
	p := w.rows(s.parent)
	r.tables, r.from, r.row = nil, nil, nil
	r.owner, r.times, r.of, r.elements = r.owner[:0], r.times[:0], r.of[:0], r.elements[:0]
	r.start = grown(r.start, w.n+1)
	lists := w.rowColumns(s.parent, s.list)
	row := int32(0)
	for c := range w.n {
		r.start[c] = int32(len(r.of))
		for ; row < p.start[c+1]; row++ {
			for k := range lists {
				if lists[k].Kind != event.ListKind || !lists[k].Present(int(row)) {
					continue
				}
				for _, e := range lists[k].Value(int(row)).List() {
					r.owner, r.times = append(r.owner, uint16(c)), append(r.times, p.times[row])
					r.of, r.elements = append(r.of, row), append(r.elements, e)
				}
			}
		}
	}
	r.start[w.n] = int32(len(r.of))
	r.n = len(r.of)
}

// openedColumns are the values of a name in opened events: the element's field, else the event's own.
func (w *worker) openedColumns(s *eventSet, name string) []event.Column {
	r := w.rows(s)
	inner := func(i int) event.Value {
		e := r.elements[i]
		if e.Kind() == event.MapKind {
			return fieldOf(e, name)
		}
		if name == s.list {
			return e
		}
		return event.Value{}
	}
	own := w.rowColumns(s.parent, name)
	return w.fromValues(r.n, false, func(i int) event.Value {
		if v := inner(i); v.Present() {
			return v
		}
		for k := range own {
			if own[k].Present(int(r.of[i])) {
				return own[k].Value(int(r.of[i]))
			}
		}
		return event.Value{}
	}).parts
}

// fieldOf is the field of a map by its dotted name.
func fieldOf(m event.Value, name string) event.Value {
	for _, p := range m.Map() {
		switch {
		case p.Name == name:
			return p.Value
		case p.Value.Kind() == event.MapKind && strings.HasPrefix(name, p.Name+"."):
			if v := fieldOf(p.Value, name[len(p.Name)+1:]); v.Present() {
				return v
			}
		}
	}
	return event.Value{}
}
