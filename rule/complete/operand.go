package complete

import (
	"slices"
	"strings"

	"tagma/event"
	"tagma/rule"
)

// operand is what is known of a value that was read.
type operand struct {
	typ   rule.Type
	kinds []event.Kind // of a value of any type: what came so far; nil: unknown
	cond  bool         // a comparison or another condition, not a stored bool
	set   *set         // of events and of an event: which
	word  string       // a bare name as written
	text  string       // what a literal text says
	lit   bool         // it is a literal text
	// strange says that it is a name that nothing is known of, such as the beginning of a longer one.
	strange bool

	// A path of names: the root traits, ids …, or "event" for a field of an event, and what follows it.
	root string
	path []string

	of    *ValueOf // where its values are found
	fixed []string // the texts it can be, when they are fixed
}

// set is which events a selection may have.
type set struct {
	names  []string
	all    bool
	system bool
	list   string // each: the rows are elements of this list property
}

// unknown is a value of which nothing is known.
func unknown() *operand { return &operand{typ: rule.Any} }

// typed makes x of the type of a field.
func (x *operand) typed(f rule.Field) {
	if x.typ = rule.Any; f.Declared != event.Missing {
		x.typ = rule.TypeOf(f.Declared)
	} else {
		x.kinds = f.Seen
	}
}

// ofExpr makes x of the type of a checked expression.
func (x *operand) ofExpr(e *rule.Expr) {
	x.typ = e.Type
	if k := e.Kind(); e.Type == rule.Any && k != event.Missing {
		x.kinds = []event.Kind{k}
	}
}

// may says whether the operand may be a value of the type.
func (x *operand) may(t rule.Type) bool {
	if x.typ != rule.Any {
		return x.typ == t
	}
	return len(x.kinds) == 0 || slices.ContainsFunc(x.kinds, func(k event.Kind) bool { return rule.TypeOf(k) == t })
}

// root is the operand that a bare name is.
func (r *reader) root(name string) *operand {
	if s := r.bound(name); s != nil {
		return &operand{typ: rule.Event, set: s, word: name}
	}
	switch name {
	case "now":
		return &operand{typ: rule.Time, word: name}
	case "traits", "ids", "events", "tags", "segments", "measures", "customer", "consent":
		return &operand{typ: rule.NoType, root: name, word: name}
	}
	return &operand{typ: rule.Any, word: name, strange: true}
}

// member is x.name, or x["name"] with quoted set.
func (r *reader) member(x *operand, name string, quoted bool) *operand {
	out := &operand{typ: rule.Any, root: x.root, path: append(slices.Clone(x.path), name), set: x.set}
	switch {
	case x.typ == rule.Event:
		out.root, out.path = "event", []string{name}
	case x.root == "":
		return unknown()
	case x.root == "events":
		out.typ, out.set = rule.Events, &set{names: []string{strings.Join(out.path, ".")}}
		if len(out.path) == 1 && !quoted {
			switch name {
			case "all":
				out.set = &set{all: true}
			case "system":
				out.set = &set{system: true}
			}
		}
		return out
	}
	r.resolve(out, strings.Join(out.path, "."))
	return out
}

// resolve finds out what a path of names means.
func (r *reader) resolve(x *operand, name string) {
	names := r.env.Names
	switch x.root {
	case "traits":
		x.strange = true
		if names != nil {
			f, ok := names.Traits[name]
			x.typed(f)
			x.strange = !ok
		}
		x.of = &ValueOf{Kind: TraitValues, Name: name}
	case "ids":
		x.typ, x.of = rule.IDs, &ValueOf{Kind: IdentifierValues, Name: name}
	case "segments", "consent":
		x.typ, x.cond = rule.Bool, x.root == "segments"
	case "customer":
		x.typ = rule.Time
	case "tags":
		r.tag(x, name)
	case "measures":
		x.strange = true
		if r.env.Measure != nil {
			if e, ok, err := r.env.Measure(name); ok && err == nil && e != nil {
				x.ofExpr(e)
				x.strange = false
			}
		}
	case "event":
		r.property(x, name)
	}
}

func (r *reader) tag(x *operand, name string) {
	if r.env.Tag == nil {
		return
	}
	if ref, ok, err := r.env.Tag(name); ok && err == nil && ref != nil && ref.Value != nil {
		x.ofExpr(ref.Value)
		x.fixed = ref.Values
		if values, ok := ref.Value.CaseValues(); ok && len(x.fixed) == 0 {
			for _, v := range values {
				if v.Kind() == event.TextKind {
					x.fixed = append(x.fixed, v.Text())
				}
			}
		}
		x.of = &ValueOf{Kind: TagValues, Name: name}
		return
	}
	x.strange = true
	if base, ok := strings.CutSuffix(name, ".number"); ok {
		if ref, ok, err := r.env.Tag(base); ok && err == nil && ref != nil && ref.Number != nil {
			x.ofExpr(ref.Number)
			x.strange = false
		}
	}
}

// property is a field of an event.
func (r *reader) property(x *operand, name string) {
	if len(x.path) == 1 {
		switch name {
		case "time":
			x.typ = rule.Time
			return
		case "name":
			x.typ, x.fixed = rule.Text, r.eventNames(x.set)
			return
		case "source":
			x.typ = rule.Text
			return
		}
	}
	of := ValueOf{Kind: PropertyValues, Name: name}
	f, ok := r.field(x.set, name)
	if x.set != nil {
		of.Events = x.set.names
		if list := x.set.list; list != "" {
			inner := list + "[]." + name
			if name == list {
				inner = list + "[]"
			}
			if g, has := r.field(x.set, inner); has {
				f, ok, of.Name = g, true, inner
			}
		}
	}
	if ok {
		x.typed(f)
	}
	x.of, x.strange = &of, !ok
}

// field is what is known of a property in the events of a set.
func (r *reader) field(s *set, name string) (out rule.Field, found bool) {
	r.each(s, func(_ string, props map[string]rule.Field) {
		if f, ok := props[name]; ok {
			out, found = merged(out, f, found), true
		}
	})
	return
}

// merged is what is known of a property of several events.
func merged(a, b rule.Field, both bool) rule.Field {
	if !both {
		return b
	}
	if a.Declared != b.Declared {
		a.Declared = event.Missing
	}
	for _, k := range b.Seen {
		if !slices.Contains(a.Seen, k) {
			a.Seen = append(slices.Clone(a.Seen), k) // it may be the environment's
			slices.Sort(a.Seen)
		}
	}
	return a
}

// each visits the properties of the events of a set; of an unknown one, those of all events.
func (r *reader) each(s *set, visit func(name string, props map[string]rule.Field)) {
	switch {
	case r.env.Names == nil || s != nil && s.system:
	case s == nil || s.all:
		for name, props := range r.env.Names.Events {
			visit(name, props)
		}
	default:
		for _, name := range s.names {
			if props, ok := r.env.Names.Events[name]; ok {
				visit(name, props)
			}
		}
	}
}

func (r *reader) eventNames(s *set) (out []string) {
	r.each(s, func(name string, _ map[string]rule.Field) { out = append(out, name) })
	slices.Sort(out)
	return
}

// properties is what the events of a set may have, by name as rules say it: of elements their own fields as well.
func (r *reader) properties(s *set) map[string]rule.Field {
	out := map[string]rule.Field{}
	r.each(s, func(_ string, props map[string]rule.Field) {
		for name, f := range props {
			if list, inner, element := strings.Cut(name, "[]"); element {
				if s == nil || list != s.list {
					continue
				}
				if name = strings.TrimPrefix(inner, "."); inner == "" {
					name = list
				}
			}
			old, both := out[name]
			out[name] = merged(old, f, both)
		}
	})
	return out
}

// lists are the properties of a set that are lists.
func (r *reader) lists(s *set) map[string]rule.Field {
	out := map[string]rule.Field{}
	r.each(s, func(_ string, props map[string]rule.Field) {
		for name, f := range props {
			list, _, element := strings.Cut(name, "[]")
			if element || f.Declared == event.ListKind || f.Declared == event.Missing && slices.Contains(f.Seen, event.ListKind) {
				out[list] = rule.Field{Seen: []event.Kind{event.ListKind}}
			}
		}
	})
	return out
}

// called is the result of a call.
func (r *reader) called(f *frame) *operand {
	e := f.fun
	if e == nil {
		return unknown()
	}
	x := &operand{typ: e.Result, cond: e.Result == rule.Bool}
	arg := func(i int) *operand {
		if i < len(f.args) && f.args[i] != nil {
			return f.args[i]
		}
		return unknown()
	}
	switch {
	case e.Kind == rule.SourceEntry:
		x.set = &set{}
		for _, a := range f.args {
			if a != nil && a.lit {
				x.set.names = append(x.set.names, a.text)
			}
		}
	case e.Name == "then":
		x.set = arg(0).set
	case e.Name == "each":
		if f.recv.set != nil {
			s := *f.recv.set
			s.list = arg(0).text
			x.set = &s
		}
	case e.Kind == rule.FilterEntry || e.Result == rule.Event:
		x.set = f.recv.set
	case e.OfBody:
		b := arg(1)
		x.typ, x.kinds, x.of, x.fixed = b.typ, b.kinds, b.of, b.fixed
	case e.Name == "lookup":
		if r.env.Table == nil {
			break
		}
		if t, ok, err := r.env.Table(arg(0).text); ok && err == nil && t != nil {
			if c := t.Columns[arg(2).text]; c != nil {
				x.typ = rule.TypeOf(c.Kind)
			}
			x.of = &ValueOf{Kind: ColumnValues, Table: t.Key, Name: arg(2).text}
		}
	case e.Name == "previous":
		b := arg(0)
		x.typ, x.kinds, x.of, x.fixed = b.typ, b.kinds, b.of, b.fixed
	case e.Name == "add" && arg(0).typ == rule.Date:
		x.typ = rule.Date
	}
	return x
}
