package oracle

import (
	"strings"

	"tagma/event"
	"tagma/rule"
)

// eval evaluates one node of the tree.
func (c customer) eval(n rule.Node) any {
	x := c.meaning(n)
	if c.o.Watch != nil {
		c.o.Watch(n, outcome(x))
	}
	return x
}

// meaning is what a node says.
func (c customer) meaning(n rule.Node) any {
	switch n := n.(type) {
	case *rule.Literal:
		return n.Value
	case *rule.ListLit:
		items := make([]event.Value, len(n.Items))
		for i, item := range n.Items {
			items[i] = plain(c.eval(item))
		}
		return event.List(items...)
	case *rule.Name:
		if n.Name == "now" {
			return event.Instant(c.now)
		}
		if e, ok := c.vars[n.Name]; ok {
			return one{&e}
		}
	case *rule.Member, *rule.Index:
		return c.path(n)
	case *rule.Call:
		return c.call(n)
	case *rule.Unary:
		x := c.eval(n.X)
		if n.Op == "!" {
			return event.Bool(!holds(x))
		}
		if v := plain(x); v.Kind() == event.NumberKind {
			return event.Num(v.Number().Neg())
		}
		return event.Value{}
	case *rule.Ternary:
		if holds(c.eval(n.Cond)) {
			return c.eval(n.X)
		}
		return c.eval(n.Y)
	case *rule.Binary:
		return c.binary(n)
	}
	fail("what does %s mean?", rule.OneLine(n))
	return nil
}

func (c customer) binary(n *rule.Binary) any {
	switch n.Op {
	case "&&":
		return event.Bool(holds(c.eval(n.X)) && holds(c.eval(n.Y)))
	case "||":
		return event.Bool(holds(c.eval(n.X)) || holds(c.eval(n.Y)))
	case "!=":
		return event.Bool(!compare("==", c.eval(n.X), c.eval(n.Y)))
	case "==", "<", "<=", ">", ">=":
		return event.Bool(compare(n.Op, c.eval(n.X), c.eval(n.Y)))
	case "in":
		x := c.eval(n.X)
		var list []event.Value
		switch y := c.eval(n.Y).(type) {
		case anyOf:
			list = y
		case event.Value:
			list = y.List()
		}
		for _, item := range list {
			if compare("==", x, item) {
				return event.Bool(true)
			}
		}
		return event.Bool(false)
	}
	return arithmetic(n.Op, c.eval(n.X), c.eval(n.Y))
}

// split takes the names off x.a.b["c"].
func (c customer) split(n rule.Node) (base rule.Node, key string) {
	var keys []string
	base = n
	for done := false; !done; {
		switch m := base.(type) {
		case *rule.Member:
			keys = append([]string{m.Name}, keys...)
			base = m.X
		case *rule.Index:
			name, ok := m.Key.(*rule.Literal)
			if !ok || name.Value.Kind() != event.TextKind {
				fail("only a text stands in brackets")
			}
			keys = append([]string{name.Value.Text()}, keys...)
			base = m.X
		default:
			done = true
		}
	}
	return base, strings.Join(keys, ".")
}

// path evaluates x.a.b["c"]: a name of the customer's, or what is selected of an event.
func (c customer) path(n rule.Node) any {
	base, key := c.split(n)
	if name, ok := base.(*rule.Name); ok {
		if _, variable := c.vars[name.Name]; !variable {
			return c.named(name.Name, key)
		}
	}
	of, ok := c.eval(base).(one)
	if !ok {
		fail("%s is selected of something that is not an event", key)
	}
	return field(of, key)
}

// named returns what the customer has under a name such as traits.city.
func (c customer) named(family, key string) any {
	switch family {
	case "traits":
		return current(c.past(c.traits, key))
	case "consent":
		return current(c.past(c.consents, key))
	case "ids":
		var found anyOf
		for _, id := range c.ids {
			if id.Kind == key {
				found = append(found, event.Text(id.Value))
			}
		}
		return found
	case "events":
		switch key {
		case "all":
			return c.upToNow(c.events)
		case "system":
			return c.upToNow(c.system)
		}
		return c.called(key)
	case "tags":
		if _, ok := c.o.defs.Tags[key]; !ok && strings.HasSuffix(key, ".number") {
			return c.text(c.o.defs.Tags[strings.TrimSuffix(key, ".number")].Value)
		}
		return c.tag(key)
	case "segments":
		return event.Bool(holds(c.text(c.o.defs.Segments[key])))
	case "measures":
		m := c.o.defs.Measures[key]
		if m.When != "" && !holds(c.text(m.When)) {
			return event.Value{}
		}
		return c.text(m.Value)
	case "customer":
		if key == "first_seen" {
			return c.firstSeen()
		}
	}
	fail("what is %s.%s?", family, key)
	return nil
}

// past returns the rows of a trait or consent that hold already, in order of effective time, then arrival.
func (c customer) past(rows []event.Trait, name string) (past []event.Trait) {
	for _, t := range rows {
		if t.Name == name && t.Time <= c.now {
			past = append(past, t)
		}
	}
	return past
}

// current is the value with the latest effective time; of equal ones the last to arrive.
func current(past []event.Trait) event.Value {
	if len(past) == 0 {
		return event.Value{}
	}
	return past[len(past)-1].Value
}

// firstSeen is the earliest effective time of any record that has one.
func (c customer) firstSeen() event.Value {
	first := event.Never
	see := func(t event.Time) {
		if t != event.Always && t < first {
			first = t
		}
	}
	see(c.made.Seen)
	for _, e := range c.events {
		see(e.Time)
	}
	for _, t := range c.traits {
		see(t.Time)
	}
	for _, t := range c.consents {
		see(t.Time)
	}
	if first == event.Never {
		return event.Value{}
	}
	return event.Instant(first)
}

// tag returns the effective value of another tag: what was decided by hand over what is kept over its rule.
func (c customer) tag(key string) event.Value {
	t, ok := c.o.defs.Tags[key]
	if !ok {
		fail("there is no tag %s", key)
	}
	if t.Multi {
		return c.several(key, t)
	}
	v := c.byRule(t)
	if !v.Present() {
		v = c.kept(key)
	}
	return c.pinned(key, v)
}

// byRule is what the rule of a tag gives.
func (c customer) byRule(t Tag) event.Value {
	for _, one := range t.Cases {
		if holds(c.text(one.When)) {
			return one.Value
		}
	}
	if t.Value == "" {
		return event.Value{}
	}
	v := plain(c.text(t.Value))
	if len(t.Bands) == 0 {
		return v
	}
	if v.Kind() != event.NumberKind {
		return event.Value{}
	}
	for _, b := range t.Bands {
		if !b.Below.Present() || v.Number().Cmp(b.Below.Number()) < 0 {
			return event.Text(b.Value)
		}
	}
	return event.Value{}
}

// upToNow keeps the events that happened already.
func (c customer) upToNow(events selection) selection {
	kept := selection{}
	for _, e := range events {
		if e.Time <= c.now {
			kept = append(kept, e)
		}
	}
	return kept
}

// called returns the events of some names that happened already.
func (c customer) called(names ...string) selection {
	return c.upToNow(c.events).keep(func(e happening) bool {
		for _, n := range names {
			if e.Name == n {
				return true
			}
		}
		return false
	})
}

// field returns a property of an event, or one of its own fields.
func field(of one, key string) event.Value {
	if of.e == nil {
		return event.Value{}
	}
	switch key {
	case "time":
		return event.Instant(of.e.Time)
	case "name":
		return event.Text(of.e.Name)
	case "source":
		return event.Text(of.e.Source)
	}
	if v := of.e.ofElement(key); v.Present() {
		return v
	}
	for _, p := range of.e.Props {
		if p.Name == key {
			return p.Value
		}
	}
	return event.Value{}
}
