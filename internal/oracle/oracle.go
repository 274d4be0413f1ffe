// Package oracle is a second, naive meaning of the rule language: it walks the tree of a rule for one customer at one
// instant, over plain lists of events, traits, consents, identifiers and records, in the most obvious way and with no
// care for speed. It is written from the definition of the language and shares with the product's evaluator only the
// parser and the values, so that random rules hold the one to the other. It serves tests.
package oracle

import (
	"fmt"
	"sort"
	"time"

	"tagma/event"
	"tagma/internal/world"
	"tagma/rule"
)

// Oracle answers rules about a history.
type Oracle struct {
	// Watch, when set, is told what each node of a rule came to: see Outcome.
	Watch func(n rule.Node, o Outcome)

	history  *world.World
	calendar calendar
	defs     Definitions
	records  Records
	parsed   map[string]rule.Node
	people   []person // by profile number
}

// Definitions are what rules may refer to, as text. They must refer to each other without circles.
type Definitions struct {
	Measures map[string]Measure
	Tags     map[string]Tag
	Segments map[string]string
	Tables   map[string]Table
}

// Measure is a named expression, with a value only where When, if there is any, holds.
type Measure struct{ When, Value string }

// Tag has either cases, the first that holds giving the value (of a multi tag: all that hold), or a value, with bands
// or without. A tag with neither is assigned by hand.
type Tag struct {
	Cases []Case
	Value string
	Bands []Band
	// Multi: a customer can have several values at once.
	Multi bool
	// Values are those that can be assigned to a tag without rule; none: any.
	Values []event.Value
}

// Case is one value of a tag and its condition.
type Case struct {
	Value event.Value
	When  string
}

// Band names the numbers below a limit, and not below the one before. The limit of the last is missing.
type Band struct {
	Below event.Value
	Value string
}

// Table is a lookup table: rows of cells, found by a text.
type Table map[string]map[string]event.Value

// person is one customer's records. Events are in order of time, then arrival; traits and consents too.
type person struct {
	known    bool
	made     event.NewProfile
	events   selection
	system   selection
	traits   []event.Trait
	consents []event.Trait
	ids      []event.Identifier
}

// New returns an oracle over a history and records, which must not change any more.
func New(history *world.World, zone *time.Location, defs Definitions, records Records) *Oracle {
	o := &Oracle{history: history, calendar: calendar{zone}, defs: defs, records: records, parsed: map[string]rule.Node{}}
	o.people = make([]person, len(history.Known))
	for _, k := range history.Known {
		o.people[k.Profile].known, o.people[k.Profile].made = true, k
	}
	for _, e := range history.Events {
		p := &o.people[e.Profile]
		p.events = append(p.events, happening{Event: e})
	}
	for _, e := range history.System {
		p := &o.people[e.Profile]
		p.system = append(p.system, happening{Event: e})
	}
	for _, t := range history.Traits {
		p := &o.people[t.Profile]
		p.traits = append(p.traits, t)
	}
	for _, t := range history.Consents {
		p := &o.people[t.Profile]
		p.consents = append(p.consents, t)
	}
	for _, id := range history.Identifiers {
		p := &o.people[id.Profile]
		p.ids = append(p.ids, id)
	}
	for i := range o.people {
		p := &o.people[i]
		eventsInOrder(p.events)
		eventsInOrder(p.system)
		inOrder(p.traits)
		inOrder(p.consents)
	}
	return o
}

func eventsInOrder(events selection) {
	sort.SliceStable(events, func(i, j int) bool {
		return before(events[i].Time, events[i].Arrival, events[j].Time, events[j].Arrival)
	})
}

func inOrder(rows []event.Trait) {
	sort.SliceStable(rows, func(i, j int) bool { return before(rows[i].Time, rows[i].Arrival, rows[j].Time, rows[j].Arrival) })
}

// before orders by time, and within an instant by arrival.
func before(t event.Time, arrival uint64, u event.Time, other uint64) bool {
	return t < u || t == u && arrival < other
}

// At returns the oracle's answers for one instant.
func (o *Oracle) At(now event.Time) *Instant {
	return &Instant{o: o, now: now, population: map[rule.Node]*population{}}
}

// Instant gives answers for one instant. What population functions found is kept.
type Instant struct {
	o          *Oracle
	now        event.Time
	population map[rule.Node]*population
}

// Exists says whether a customer is in the universe: a person, first seen at or before the instant.
func (i *Instant) Exists(who event.ProfileID) bool {
	p := i.o.people[who]
	if !p.known || !p.made.Person || p.made.Entity != event.Customer {
		return false
	}
	if p.made.Seen <= i.now {
		return true
	}
	for _, e := range p.events {
		if e.Time <= i.now {
			return true
		}
	}
	for _, rows := range [][]event.Trait{p.traits, p.consents} {
		for _, t := range rows {
			if t.Time <= i.now {
				return true
			}
		}
	}
	return false
}

// Value returns the rule's value for one customer; missing for one outside the universe.
// An error says that the text is no rule, or one that the oracle does not know how to read.
func (i *Instant) Value(text string, who event.ProfileID) (v event.Value, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case unread:
			err = fmt.Errorf("oracle: %q: %s", text, string(r))
		default:
			panic(r)
		}
	}()
	if !i.Exists(who) {
		return event.Value{}, nil
	}
	return plain(i.of(who).text(text)), nil
}

// unread is what the oracle gives up with, deep inside an expression.
type unread string

func fail(format string, args ...any) { panic(unread(fmt.Sprintf(format, args...))) }

func (i *Instant) of(who event.ProfileID) customer {
	return customer{Instant: i, who: who, person: &i.o.people[who]}
}

// customer is one customer at one instant, and the events that variables stand for.
type customer struct {
	*Instant
	*person
	who  event.ProfileID
	vars map[string]happening
}

// with returns the customer with a variable standing for an event.
func (c customer) with(name string, e happening) customer {
	vars := map[string]happening{name: e}
	for k, v := range c.vars {
		if k != name {
			vars[k] = v
		}
	}
	c.vars = vars
	return c
}

// text evaluates a rule's text, in which no variable stands for anything yet.
func (c customer) text(text string) any {
	node, ok := c.o.parsed[text]
	if !ok {
		source, faults := rule.Parse(text)
		if len(faults) > 0 {
			fail("%s", faults[0].Message)
		}
		node = source.Root
		c.o.parsed[text] = node
	}
	c.vars = nil
	return c.eval(node)
}
